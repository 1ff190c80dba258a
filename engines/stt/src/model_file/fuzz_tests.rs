//! Model files of any bytes.

use std::io::Cursor;

use super::*;

/// Magic number and header.
const HEADER: usize = 4 + 11 * 4;

fn walk(file: &[u8]) -> anyhow::Result<()> {
    Walk { reader: BufReader::new(Cursor::new(file)), left: file.len() as u64 }.model()
}

/// An input as a file: mel filters of zeros behind the header, and empty tokens behind their number, which would be most
/// of the file and have no structure.
fn file(input: &[u8]) -> Vec<u8> {
    let Some((header, [c0, c1, c2, c3, tensors @ ..])) = input.split_at_checked(HEADER) else {
        return input.to_vec();
    };
    let mut file = header.to_vec();
    file.extend([80_i32, 201].map(i32::to_le_bytes).concat());
    file.resize(file.len() + 80 * 201 * 4, 0);
    let tokens = u32::from_le_bytes([*c0, *c1, *c2, *c3]);
    file.extend(tokens.to_le_bytes());
    file.resize(file.len() + 4 * usize::try_from(tokens).unwrap().min(51_866), 0);
    file.extend(tensors);
    file
}

#[test]
fn a_model_file_of_any_bytes_is_refused_or_whole() {
    visavis_fuzz::run("whisper_model", |input| {
        _ = walk(input);
        let file = file(input);
        if walk(&file).is_ok() {
            assert!(walk(&file[..file.len() - 1]).is_err(), "its last byte is missed by nobody");
            assert!(walk(&[&file[..], &[0][..]].concat()).is_err(), "there may be one byte more");
        }
    });
}
