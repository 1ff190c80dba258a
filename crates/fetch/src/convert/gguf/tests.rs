use std::io::Cursor;

use super::*;

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// A model with one layer: an embedding as Q5_0, a norm as F32, and a matrix of the given type, all bytes 0x3c.
fn model(matrix: u32) -> Vec<u8> {
    let mut file = Vec::from(*b"GGUF");
    file.extend(3_u32.to_le_bytes());
    file.extend(3_u64.to_le_bytes());
    file.extend(2_u64.to_le_bytes());
    text(&mut file, "general.file_type");
    file.extend(4_u32.to_le_bytes());
    file.extend(15_u32.to_le_bytes());
    text(&mut file, "tokenizer.ggml.tokens");
    file.extend(9_u32.to_le_bytes());
    file.extend(8_u32.to_le_bytes());
    file.extend(2_u64.to_le_bytes());
    text(&mut file, "a");
    text(&mut file, "ü");
    let mut offset = 0_u64;
    for (name, sizes, kind, bytes) in [
        ("token_embd.weight", &[256, 2][..], 6, 352),
        ("blk.0.attn_norm.weight", &[256][..], 0, 1024),
        ("blk.0.ffn_down.weight", &[256, 3][..], matrix, 3 * 8 * 22),
    ] {
        text(&mut file, name);
        file.extend((sizes.len() as u32).to_le_bytes());
        sizes.iter().for_each(|size| file.extend(u64::try_from(*size).unwrap().to_le_bytes()));
        file.extend(kind.to_le_bytes());
        file.extend(offset.to_le_bytes());
        offset = (offset + bytes).next_multiple_of(32);
    }
    file.resize(file.len().next_multiple_of(32) + offset as usize, 0x3c);
    file
}

#[test]
fn the_layers_matrices_become_iq4_nl_and_the_rest_is_unchanged() {
    let file = model(6);
    let mut out = Vec::new();
    convert(Cursor::new(&file), &mut out).unwrap();
    let (before, after) = (read(&file), read(&out));
    let kinds: Vec<_> = after.tensors.iter().map(|tensor| tensor.kind).collect();
    assert_eq!(kinds, [Kind::Q5_0, Kind::F32, Kind::Iq4Nl]);
    for (old, new) in before.tensors.iter().zip(&after.tensors).take(2) {
        let bytes = |file: &'_ [u8], header: &Header, tensor: &Tensor| {
            let at = (header.data + tensor.offset) as usize;
            file[at..at + tensor.bytes().unwrap() as usize].to_vec()
        };
        assert_eq!(bytes(&file, &before, old), bytes(&out, &after, new), "{}", old.name);
    }
    let last = after.tensors.last().unwrap();
    assert_eq!(last.bytes().unwrap(), 3 * 8 * IQ4_NL_BYTES as u64);
    assert_eq!(out.len() as u64, (after.data + last.offset + last.bytes().unwrap()).next_multiple_of(32));
    let at = out.windows(17).position(|bytes| bytes == b"general.file_type").unwrap() + 21;
    assert_eq!(out[at..at + 4], MOSTLY_IQ4_NL.to_le_bytes());
}

/// Checks that the new file contains the same tensors and has none left to convert.
pub(in crate::convert) fn is_converted(before: &[u8], after: &[u8]) {
    let (old, new) = (read(before), read(after));
    assert_eq!(old.tensors.len(), new.tensors.len());
    for (old, new_tensor) in old.tensors.iter().zip(&new.tensors) {
        assert_eq!((&old.name, &old.dimensions), (&new_tensor.name, &new_tensor.dimensions));
        let end = new.data + new_tensor.offset + new_tensor.bytes().unwrap();
        assert!(end <= after.len() as u64, "{} ends at {end} of {}", old.name, after.len());
    }
    assert!(convert(Cursor::new(after), &mut Vec::new()).is_err(), "it could be converted again");
}

fn read(file: &[u8]) -> Header {
    Header::read(&mut Cursor::new(file)).unwrap()
}

#[test]
fn a_truncated_file_or_unknown_type_is_an_error_and_never_a_panic() {
    let file = model(6);
    for length in 0..file.len() - 32 {
        assert!(convert(Cursor::new(&file[..length]), &mut Vec::new()).is_err(), "{length}");
    }
    for kind in [3, 14, 99] {
        assert!(convert(Cursor::new(&model(kind)), &mut Vec::new()).is_err(), "{kind}");
    }
}
