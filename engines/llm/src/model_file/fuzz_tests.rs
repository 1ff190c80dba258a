//! Headers made of arbitrary bytes.

use std::io::Cursor;

use super::*;

#[test]
fn any_header_is_read_or_refused() {
    visavis_fuzz::run("gguf_header", |input| {
        let length = input.len() as u64;
        if let Ok(facts) = header::read(BufReader::new(Cursor::new(input)), length) {
            assert!(facts.architecture.len() <= 3 * 256 && facts.kind.len() <= 3 * 256, "{facts:?}");
            unsuitable(&facts);
        }
    });
}
