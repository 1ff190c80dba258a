//! Makes a CTranslate2 file with every kind of tensor, converts it and reads the result.

use std::collections::BTreeMap;
use std::io::Cursor;

use half::f16;

use super::ctranslate2_whisper;

const STATE: usize = 64;
const MELS: usize = 80;
const TOKENIZER: &str = r#"{"model":{"vocab":{"a":0,"Ġb":1,"<|endoftext|>":2}},
    "added_tokens":[{"id":2,"content":"<|endoftext|>"}]}"#;

type Tensors = BTreeMap<String, Vec<usize>>;

/// Shapes of a Whisper model with one layer on each side.
fn shapes() -> Tensors {
    let mut all = Tensors::new();
    let mut put = |name: String, dims: &[usize]| all.insert(name, dims.to_vec());
    put("encoder/conv1/weight".into(), &[STATE, MELS, 3]);
    put("encoder/conv1/bias".into(), &[STATE]);
    put("encoder/conv2/weight".into(), &[STATE, STATE, 3]);
    put("encoder/conv2/bias".into(), &[STATE]);
    put("encoder/position_encodings/encodings".into(), &[4, STATE]);
    put("decoder/position_encodings/encodings".into(), &[3, STATE]);
    put("decoder/embeddings/weight".into(), &[5, STATE]);
    let mut norm = |prefix: &str| {
        for kind in ["gamma", "beta"] {
            put(format!("{prefix}/layer_norm/{kind}"), &[STATE]);
        }
    };
    for prefix in ["encoder", "encoder/layer_0/self_attention", "encoder/layer_0/ffn"] {
        norm(prefix);
    }
    for prefix in
        ["decoder", "decoder/layer_0/self_attention", "decoder/layer_0/attention", "decoder/layer_0/ffn"]
    {
        norm(prefix);
    }
    let mut linear = |name: &str, rows: usize, columns: usize| {
        put(format!("{name}/weight"), &[rows, columns]);
        put(format!("{name}/bias"), &[rows]);
    };
    for side in ["encoder", "decoder"] {
        linear(&format!("{side}/layer_0/self_attention/linear_0"), 3 * STATE, STATE);
        linear(&format!("{side}/layer_0/self_attention/linear_1"), STATE, STATE);
        linear(&format!("{side}/layer_0/ffn/linear_0"), 4 * STATE, STATE);
        linear(&format!("{side}/layer_0/ffn/linear_1"), STATE, 4 * STATE);
    }
    linear("decoder/layer_0/attention/linear_0", STATE, STATE);
    linear("decoder/layer_0/attention/linear_1", 2 * STATE, STATE);
    linear("decoder/layer_0/attention/linear_2", STATE, STATE);
    all
}

/// Element `i` of the tensor of this name: distinct enough to detect a wrong split.
fn value(name: &str, i: usize) -> f16 {
    let seed = name.bytes().fold(7usize, |h, b| (h * 31 + usize::from(b)) % 251);
    f16::from_f32(((i * 7 + seed) % 1999) as f32 / 8.0)
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend(u16::try_from(text.len() + 1).unwrap().to_le_bytes());
    out.extend(text.as_bytes());
    out.push(0);
}

fn int(out: &mut Vec<u8>, n: usize) {
    out.extend(u32::try_from(n).unwrap().to_le_bytes());
}

/// A CTranslate2 file with these tensors in f16, and one scalar as in real files.
fn ct2(tensors: &Tensors) -> Vec<u8> {
    let mut out = Vec::new();
    int(&mut out, 6);
    string(&mut out, "WhisperSpec");
    int(&mut out, 3);
    int(&mut out, tensors.len() + 1);
    string(&mut out, "decoder/num_heads");
    out.extend([0, 2, 2, 0, 0, 0, 1, 0]);
    for (name, dims) in tensors {
        string(&mut out, name);
        out.push(u8::try_from(dims.len()).unwrap());
        dims.iter().for_each(|&d| int(&mut out, d));
        out.push(4);
        let elements: usize = dims.iter().product();
        int(&mut out, elements * 2);
        (0..elements).for_each(|i| out.extend(value(name, i).to_le_bytes()));
    }
    int(&mut out, 0);
    out
}

fn convert(model: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    ctranslate2_whisper(Cursor::new(model), TOKENIZER.as_bytes(), &mut out)?;
    Ok(out)
}

struct Tensor {
    dims: Vec<usize>,
    f16: bool,
    values: Vec<f32>,
}

/// Reads ggml files the way whisper.cpp does.
struct Ggml<'a>(&'a [u8]);

impl Ggml<'_> {
    fn take(&mut self, n: usize) -> &[u8] {
        let (head, tail) = self.0.split_at(n);
        self.0 = tail;
        head
    }

    fn int(&mut self) -> usize {
        usize::try_from(i32::from_le_bytes(self.take(4).try_into().unwrap())).unwrap()
    }

    fn tensors(&mut self) -> BTreeMap<String, Tensor> {
        let mut all = BTreeMap::new();
        while !self.0.is_empty() {
            let (rank, name_len, kind) = (self.int(), self.int(), self.int());
            let dims: Vec<usize> = (0..rank).map(|_| self.int()).collect();
            let name = String::from_utf8(self.take(name_len).to_vec()).unwrap();
            let n: usize = dims.iter().product();
            let f16 = kind == 1;
            let values = if f16 {
                self.take(n * 2).chunks(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
            } else {
                self.take(n * 4).chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
            };
            assert!(all.insert(name, Tensor { dims, f16, values }).is_none());
        }
        all
    }
}

/// Counts the tensors of a file converted with a vocabulary of two tokens, `a` and ` b`.
pub(super) fn count_tensors(file: &[u8]) -> usize {
    let mut ggml = Ggml(file);
    ggml.take(4 + 11 * 4);
    let filters = ggml.int() * ggml.int() * 4;
    ggml.take(filters);
    assert_eq!(ggml.int(), 2);
    ggml.take(4 + 1 + 4 + 2);
    ggml.tensors().len()
}

fn expected(ct2: &str, range: std::ops::Range<usize>) -> Vec<f32> {
    range.map(|i| value(ct2, i).to_f32()).collect()
}

#[test]
fn the_header_and_vocabulary_describe_the_model() {
    let file = convert(&ct2(&shapes())).unwrap();
    let mut ggml = Ggml(&file);
    assert_eq!(ggml.int(), 0x6767_6d6c);
    let header: Vec<usize> = (0..11).map(|_| ggml.int()).collect();
    assert_eq!(header, [5, 4, STATE, 1, 1, 3, STATE, 1, 1, MELS, 1]);
    assert_eq!((ggml.int(), ggml.int()), (80, 201));
    ggml.take(80 * 201 * 4);
    assert_eq!(ggml.int(), 2);
    assert_eq!(ggml.int(), 1);
    assert_eq!(ggml.take(1), b"a");
    assert_eq!(ggml.int(), 2);
    assert_eq!(ggml.take(2), b" b");
    // 22 tensors of the encoder, 28 of the decoder.
    assert_eq!(ggml.tensors().len(), 50);
}

#[test]
fn every_kind_of_tensor_keeps_its_values_and_gets_its_type() {
    let file = convert(&ct2(&shapes())).unwrap();
    let header = 4 + 44 + 8 + 80 * 201 * 4 + 4 + (4 + 1) + (4 + 2);
    let tensors = Ggml(&file[header..]).tensors();
    let square = STATE * STATE;
    let same = |ggml: &str, ct2: &str, range: std::ops::Range<usize>, dims: &[usize], f16: bool| {
        let tensor = tensors.get(ggml).unwrap_or_else(|| panic!("{ggml} is missing"));
        assert_eq!((tensor.dims.as_slice(), tensor.f16), (dims, f16), "{ggml}");
        assert_eq!(tensor.values, expected(ct2, range), "{ggml}");
    };
    let own = "decoder/layer_0/self_attention/linear_0";
    for (i, name) in ["query", "key", "value"].into_iter().enumerate() {
        let ggml = format!("decoder.blocks.0.attn.{name}");
        let weight = format!("{own}/weight");
        same(&format!("{ggml}.weight"), &weight, i * square..(i + 1) * square, &[STATE, STATE], true);
        if name == "key" {
            assert!(!tensors.contains_key(&format!("{ggml}.bias")));
        } else {
            same(
                &format!("{ggml}.bias"),
                &format!("{own}/bias"),
                i * STATE..(i + 1) * STATE,
                &[STATE],
                false,
            );
        }
    }
    let cross = "decoder/layer_0/attention/linear";
    let ggml = "decoder.blocks.0.cross_attn";
    same(&format!("{ggml}.query.weight"), &format!("{cross}_0/weight"), 0..square, &[STATE, STATE], true);
    same(&format!("{ggml}.key.weight"), &format!("{cross}_1/weight"), 0..square, &[STATE, STATE], true);
    same(&format!("{ggml}.value.bias"), &format!("{cross}_1/bias"), STATE..2 * STATE, &[STATE], false);
    same(&format!("{ggml}.out.bias"), &format!("{cross}_2/bias"), 0..STATE, &[STATE], false);
    let mlp = "encoder/layer_0/ffn/linear_1/weight";
    same("encoder.blocks.0.mlp.2.weight", mlp, 0..4 * square, &[4 * STATE, STATE], true);
    same("encoder.conv1.weight", "encoder/conv1/weight", 0..STATE * MELS * 3, &[3, MELS, STATE], true);
    same("encoder.conv2.bias", "encoder/conv2/bias", 0..STATE, &[1, STATE], false);
    let positions = "encoder/position_encodings/encodings";
    same("encoder.positional_embedding", positions, 0..4 * STATE, &[STATE, 4], false);
    let embedding = "decoder/embeddings/weight";
    same("decoder.token_embedding.weight", embedding, 0..5 * STATE, &[STATE, 5], true);
    same("encoder.ln_post.weight", "encoder/layer_norm/gamma", 0..STATE, &[STATE], false);
    same("decoder.ln.bias", "decoder/layer_norm/beta", 0..STATE, &[STATE], false);
    same("decoder.blocks.0.mlp_ln.bias", "decoder/layer_0/ffn/layer_norm/beta", 0..STATE, &[STATE], false);
}

#[test]
fn a_truncated_model_is_refused() {
    let model = ct2(&shapes());
    for len in [0, 3, 20, 100, model.len() / 2] {
        let error = format!("{:#}", convert(&model[..len]).unwrap_err());
        assert!(error.contains("truncated"), "{len} bytes: {error}");
    }
}

#[test]
fn a_model_without_one_of_its_tensors_is_refused_by_name() {
    let mut tensors = shapes();
    tensors.remove("decoder/layer_0/attention/linear_1/weight");
    let error = format!("{:#}", convert(&ct2(&tensors)).unwrap_err());
    assert!(error.contains("lacks the tensor decoder/layer_0/attention/linear_1/weight"), "{error}");
}

#[test]
fn a_quantised_model_is_refused() {
    let mut model = ct2(&shapes());
    let name = b"encoder/conv1/weight\0";
    let at = model.windows(name.len()).position(|w| w == name).unwrap() + name.len() + 1 + 3 * 4;
    let mut rest = model.split_off(at + 5);
    // The same tensor as int8: half the bytes.
    let elements = STATE * MELS * 3;
    model.truncate(at);
    model.push(1);
    int(&mut model, elements);
    rest.drain(..elements);
    model.append(&mut rest);
    let error = format!("{:#}", convert(&model).unwrap_err());
    assert!(error.contains("encoder/conv1/weight") && error.contains("float16"), "{error}");
}
