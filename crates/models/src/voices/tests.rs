use std::fs;

use super::*;

/// A field of a Protocol Buffers message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7f {
        bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    [bytes, content.to_vec()].concat()
}

/// An ONNX file with these inputs, 3,000 bytes of weights, and operators.
fn onnx(inputs: &[&str]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|name| field(11, &field(1, name.as_bytes()))).collect();
    let graph = [field(5, &[7; 3_000]), inputs].concat();
    [vec![0x08, 0x08], field(7, &graph), field(8, &[0x10, 15])].concat()
}

const VOICE: [&str; 3] = ["input", "input_lengths", "scales"];

fn json(more: &str) -> String {
    format!(
        r#"{{"audio": {{"sample_rate": 22050}}, "espeak": {{"voice": "de"}}, {more}
            "inference": {{"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8}},
            "phoneme_id_map": {{"^": [1], "_": [0], "$": [2], "a": [3]}}}}"#
    )
}

/// Puts a voice into a folder.
fn put(folder: &Path, name: &str, model: &[u8], json: &str) {
    fs::write(folder.join(format!("{name}.onnx")), model).unwrap();
    fs::write(folder.join(format!("{name}.onnx.json")), json).unwrap();
}

#[test]
fn a_voice_is_known_by_its_description_and_its_file_name() {
    let folder = tempfile::tempdir().unwrap();
    let more =
        r#""num_speakers": 904, "language": {"code": "en_GB", "family": "en"}, "license": "CC-BY-4.0","#;
    put(folder.path(), "libri", &onnx(&["input", "input_lengths", "scales", "sid"]), &json(more));
    let more =
        r#""num_speakers": 0, "phoneme_type": "PhonemeType.ESPEAK", "license": "MIT", "licence": null,"#;
    put(folder.path(), "thorsten", &onnx(&VOICE), &json(more));
    let Scan { voices, faults } = scan(folder.path(), &HashSet::new());
    assert!(faults.is_empty(), "{faults:?}");
    let [libri, thorsten] = &voices[..] else { panic!("{voices:?}") };
    let told = |voice: &Voice| (voice.name.clone(), voice.language.clone(), voice.locale.clone());
    assert_eq!(told(libri), ("libri".into(), "en".into(), "en_GB".into()));
    assert_eq!((libri.speakers, libri.licence.as_deref()), (904, Some("CC-BY-4.0")));
    assert_eq!(told(thorsten), ("thorsten".into(), "de".into(), "de".into()));
    assert_eq!(
        (thorsten.speakers, thorsten.sample_rate, thorsten.licence.clone()),
        (1, 22_050, Some("MIT".into()))
    );
    assert_eq!(thorsten.file, folder.path().join("thorsten.onnx"));
}

#[test]
fn a_broken_voice_is_left_out_with_the_file_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let whole = onnx(&VOICE);
    put(dir, "good", &whole, &json(""));
    fs::write(dir.join("alone.onnx"), &whole).unwrap();
    fs::write(dir.join("orphan.onnx.json"), json("")).unwrap();
    put(dir, "short", &whole[..whole.len() / 2], &json(""));
    put(dir, "nearly", &whole[..whole.len() - 4], &json(""));
    put(dir, "empty", b"", &json(""));
    put(dir, "page", b"<!DOCTYPE html><html>", &json(""));
    put(dir, "pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:1", &json(""));
    put(dir, "other", &onnx(&["image"]), &json(""));
    put(dir, "single", &whole, &json(r#""num_speakers": 2,"#));
    put(dir, "list", &whole, "[1, 2]");
    put(dir, "text", &whole, &json(r#""phoneme_type": "text","#));
    put(dir, "a+b", &whole, &json(""));
    put(dir, "joe", &whole, &json(""));
    fs::write(dir.join("MODEL_CARD"), "about").unwrap();
    fs::write(dir.join(".hidden.onnx"), "being copied").unwrap();
    let Scan { voices, faults } = scan(dir, &HashSet::from(["joe".to_owned()]));
    assert_eq!(voices.iter().map(|voice| voice.name.as_str()).collect::<Vec<_>>(), ["good"]);
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for (file, fix) in [
        ("alone.onnx", "its description alone.onnx.json is not beside it; put it there"),
        ("orphan.onnx.json", "its network orphan.onnx is not beside it; put it there"),
        ("short.onnx", "cut short"),
        ("nearly.onnx", "cut short"),
        ("empty.onnx", "cut short"),
        ("page.onnx", "a web page; download the file itself"),
        ("pointer.onnx", "a Git LFS pointer, not the file"),
        ("other.onnx", "lacks the inputs input, input_lengths, scales"),
        ("single.onnx", "lacks the inputs sid"),
        ("list.onnx.json", "does not describe a Piper voice"),
        ("text.onnx.json", "phoneme_type is \"text\""),
        ("a+b.onnx", "cannot be a voice's name; rename"),
        ("joe.onnx", "another voice is called \"joe\"; rename"),
    ] {
        let start = format!("{}: ", dir.join(file).display());
        let fault = told.iter().find(|fault| fault.starts_with(&start));
        assert!(fault.is_some_and(|fault| fault.contains(fix)), "{file}: {told:#?}");
    }
    assert_eq!(told.len(), 13, "{told:#?}");
}

#[test]
fn a_style_of_kokoro_that_cannot_be_spoken_takes_no_name() {
    let (kokoro, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for style in ["af_heart", "zf_xiaobei"] {
        let path = kokoro.path().join(style).with_extension("bin");
        fs::File::create(path).unwrap().set_len(522_240).unwrap();
        put(folder.path(), style, &onnx(&VOICE), &json(""));
    }
    let Scan { voices, faults } = scan(folder.path(), &names(&[kokoro.path().join("kokoro.onnx")]));
    assert_eq!(voices.iter().map(|voice| voice.name.as_str()).collect::<Vec<_>>(), ["zf_xiaobei"]);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(matches!(&faults[0].fault, Fault::SameName(name) if name == "af_heart"), "{faults:?}");
}

#[test]
fn a_folder_that_is_not_there_has_no_voices_and_no_faults() {
    let Scan { voices, faults } = scan(Path::new("/nowhere/voices"), &HashSet::new());
    assert!(voices.is_empty() && faults.is_empty());
}

#[test]
fn a_network_cut_at_any_byte_is_refused_and_no_bytes_make_the_check_panic() {
    let folder = tempfile::tempdir().unwrap();
    let whole = onnx(&VOICE);
    for length in [0, 1, 2, 3, 10, 100, 1_000, whole.len() - 1] {
        put(folder.path(), "cut", &whole[..length], &json(""));
        assert!(Voice::read(&folder.path().join("cut.onnx")).is_err(), "{length}");
    }
    for filler in [0x00, 0x3a, 0x7f, 0x80, 0xff] {
        put(folder.path(), "cut", &[filler; 500], &json(""));
        assert!(Voice::read(&folder.path().join("cut.onnx")).is_err(), "{filler}");
    }
}

#[test]
fn a_description_lacks_nothing_that_the_engine_needs() {
    for (text, why) in [
        (json("").replace("22050", "0"), "sample_rate"),
        (json("").replace(r#""^": [1], "#, ""), "phoneme_id_map lacks"),
        (json("").replace("inference", "difference"), "inference"),
        (json(r#""num_speakers": 4000000,"#), "num_speakers"),
        (json("").replace(r#""de""#, r#""""#), "names no language"),
    ] {
        let fault = description::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(fault.contains(why), "{why}: {fault}");
    }
    assert!(matches!(description::parse(b" <html>"), Err(Fault::WebPage)));
}

#[test]
fn a_licence_may_be_spelled_both_ways() {
    let licence = |more: &str| description::parse(json(more).as_bytes()).unwrap().licence;
    assert_eq!(licence(r#""licence": "MIT", "license": "CC0-1.0","#).as_deref(), Some("MIT"));
    assert_eq!(licence(r#""licence": {"id": 1}, "license": "CC0-1.0","#).as_deref(), Some("CC0-1.0"));
    assert_eq!(licence(r#""license": null,"#), None);
}

#[test]
fn names_are_plain_file_names() {
    for name in ["en_US-lessac-medium", "a", "v1.2"] {
        assert!(is_name(name), "{name}");
    }
    for name in ["", ".a", "-a", "a/b", "a\\b", "..", "a b", "a#1", "a+b", "a(2)", "ä", &"a".repeat(101)] {
        assert!(!is_name(name), "{name}");
    }
}

#[test]
fn the_style_files_of_kokoro_are_names_of_voices() {
    let folder = tempfile::tempdir().unwrap();
    for (file, bytes) in
        [("kokoro.onnx", 0), ("af_heart.bin", 522_240), ("af_half.bin", 9), ("whisper-base.bin", 522_240)]
    {
        fs::File::create(folder.path().join(file)).unwrap().set_len(bytes).unwrap();
    }
    let names = names(&[folder.path().join("kokoro.onnx")]);
    assert_eq!(names, HashSet::from(["kokoro".to_owned(), "af_heart".to_owned()]));
}
