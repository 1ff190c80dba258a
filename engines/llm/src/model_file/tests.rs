use std::io::Cursor;

use super::*;

/// A value of a header.
enum Value {
    Text(&'static str),
    Number(u32),
    Flag(bool),
    Words(&'static [&'static str]),
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// A file with these values and two tensors of 64 bytes.
fn file(values: &[(&str, Value)]) -> Vec<u8> {
    let mut out = Vec::from(*b"GGUF");
    out.extend(3_u32.to_le_bytes());
    out.extend(2_u64.to_le_bytes());
    out.extend((values.len() as u64).to_le_bytes());
    for (key, value) in values {
        text(&mut out, key);
        match value {
            Value::Text(value) => {
                out.extend(8_u32.to_le_bytes());
                text(&mut out, value);
            }
            Value::Number(value) => {
                out.extend(4_u32.to_le_bytes());
                out.extend(value.to_le_bytes());
            }
            Value::Flag(value) => {
                out.extend(7_u32.to_le_bytes());
                out.push(u8::from(*value));
            }
            Value::Words(words) => {
                out.extend(9_u32.to_le_bytes());
                out.extend(8_u32.to_le_bytes());
                out.extend((words.len() as u64).to_le_bytes());
                words.iter().for_each(|word| text(&mut out, word));
            }
        }
    }
    for offset in [64_u64, 0] {
        text(&mut out, "blk.0.weight");
        out.extend(1_u32.to_le_bytes());
        out.extend(16_u64.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        out.extend(offset.to_le_bytes());
    }
    out.resize(out.len().next_multiple_of(32) + 128, 0);
    out
}

fn chat() -> Vec<u8> {
    file(&[
        ("general.architecture", Value::Text("llama")),
        ("tokenizer.ggml.tokens", Value::Words(&["<s>", "a"])),
        ("llama.attention.causal", Value::Flag(true)),
        ("tokenizer.chat_template", Value::Text("{{ messages }}")),
    ])
}

fn read(file: &[u8]) -> Result<Facts, Fault> {
    header::read(BufReader::new(Cursor::new(file)), file.len() as u64)
}

/// The message about a file with these bytes.
fn fault(name: &str, bytes: &[u8]) -> String {
    let path = std::env::temp_dir().join(format!("visavis-header-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    let checked = check(&path);
    std::fs::remove_file(&path).unwrap();
    let message = checked.unwrap_err();
    assert!(message.contains(&path.display().to_string()), "{message}");
    message
}

#[test]
fn a_split_model_lists_all_its_files() {
    let names = |path: &str| -> Vec<String> {
        files(Path::new(path)).iter().map(|path| path.display().to_string()).collect()
    };
    assert_eq!(names("/m/a.gguf"), ["/m/a.gguf"]);
    assert_eq!(
        names("/m/a-00001-of-00003.gguf"),
        ["/m/a-00001-of-00003.gguf", "/m/a-00002-of-00003.gguf", "/m/a-00003-of-00003.gguf"]
    );
}

#[test]
fn a_chat_model_is_accepted() {
    let facts = read(&chat()).unwrap();
    assert_eq!((facts.architecture.as_str(), facts.causal, facts.pooling), ("llama", Some(true), None));
    assert_eq!(unsuitable(&facts), None);
}

#[test]
fn a_model_that_writes_no_text_is_named_as_such() {
    let embeds = [
        file(&[("general.architecture", Value::Text("nomic-bert"))]),
        file(&[("general.architecture", Value::Text("qwen3")), ("qwen3.pooling_type", Value::Number(3))]),
        file(&[
            ("general.architecture", Value::Text("llama")),
            ("llama.attention.causal", Value::Flag(false)),
        ]),
    ];
    for (index, bytes) in embeds.iter().enumerate() {
        let message = fault(&format!("embeds-{index}"), bytes);
        assert!(message.contains("is an embedding model") && message.contains("llm.model"), "{message}");
    }
    let adapter = [("general.type", Value::Text("adapter")), ("general.architecture", Value::Text("llama"))];
    assert!(fault("adapter", &file(&adapter)).contains("an adapter"));
    let unpooled = [("general.architecture", Value::Text("qwen3")), ("qwen3.pooling_type", Value::Number(0))];
    assert_eq!(unsuitable(&read(&file(&unpooled)).unwrap()), None);
}

#[test]
fn a_file_cut_anywhere_before_its_last_tensor_is_truncated() {
    let whole = chat();
    assert!(fault("cut", &whole[..whole.len() - 100]).contains("is cut short"));
    for length in 4..whole.len() - 64 {
        assert!(matches!(read(&whole[..length]), Err(Fault::Truncated)), "{length}");
    }
    assert!(read(&whole[..=whole.len() - 64]).is_ok(), "llama.cpp checks the rest");
}

#[test]
fn other_files_and_folders_are_named_with_what_to_do() {
    for (name, bytes) in [("empty", &b""[..]), ("short", b"GG"), ("zip", b"PK\x03\x04 an archive")] {
        let message = fault(name, bytes);
        assert!(message.contains("is not a GGUF model; name one with llm.model"), "{message}");
    }
    let message = check(&std::env::temp_dir()).unwrap_err();
    assert!(message.contains("is a folder") && message.contains("llm.model"), "{message}");
    let old = [&b"GGUF"[..], &1_u32.to_le_bytes(), &[0; 16]].concat();
    assert!(fault("old", &old).contains("GGUF version 1"));
    let missing = check(Path::new("no-such-model.gguf")).unwrap_err();
    assert!(missing.contains("cannot be opened") && missing.contains("visavis models fetch"), "{missing}");
}
