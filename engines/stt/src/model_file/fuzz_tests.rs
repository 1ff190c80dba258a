//! Model files made of arbitrary bytes.

use std::io::Cursor;

use super::*;

/// Magic number and header.
const HEADER: usize = 4 + 11 * 4;

fn walk(file: &[u8]) -> anyhow::Result<()> {
    Walk { reader: BufReader::new(Cursor::new(file)), left: file.len() as u64 }.model()
}

/// Makes a file of an input: inserts zeros as mel filters after the header, and empty tokens after their count. These would
/// be most of the file and have no structure to test.
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
fn any_model_file_is_refused_or_complete() {
    visavis_fuzz::run("whisper_model", |input| {
        _ = walk(input);
        let file = file(input);
        if walk(&file).is_ok() {
            assert!(walk(&file[..file.len() - 1]).is_err(), "accepted without its last byte");
            assert!(walk(&[&file[..], &[0][..]].concat()).is_err(), "accepted with an extra byte");
        }
    });
}
