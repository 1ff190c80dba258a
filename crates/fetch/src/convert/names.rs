//! Which CTranslate2 tensor becomes which whisper.cpp tensor.

use std::io::{Read, Seek};

use super::ct2::Ct2File;

/// Number of transformer layers on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layers {
    pub(super) encoder: usize,
    pub(super) decoder: usize,
}

impl Layers {
    /// Counts the layers by their final layer norm.
    pub(super) fn of<R: Read + Seek>(model: &Ct2File<R>) -> Self {
        let count = |side: &str| {
            (0..)
                .take_while(|i| model.get(&format!("{side}/layer_{i}/ffn/layer_norm/gamma")).is_some())
                .count()
        };
        Self { encoder: count("encoder"), decoder: count("decoder") }
    }
}

/// One tensor of the ggml file: part `part` of `parts` of a CTranslate2 tensor, split along its first dimension.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) ggml: String,
    pub(super) ct2: String,
    pub(super) part: usize,
    pub(super) parts: usize,
    /// Whether it is a convolution bias, which whisper.cpp expects as a column of shape n×1.
    pub(super) column: bool,
}

impl Tensor {
    fn whole(ggml: String, ct2: String) -> Self {
        Self { ggml, ct2, part: 0, parts: 1, column: false }
    }
}

/// Every tensor of the ggml file, in CTranslate2's order (by name).
pub(super) fn tensors(layers: Layers) -> Vec<Tensor> {
    let mut all = Vec::new();
    for conv in ["conv1", "conv2"] {
        all.push(Tensor {
            column: true,
            ..Tensor::whole(format!("encoder.{conv}.bias"), format!("encoder/{conv}/bias"))
        });
        all.push(Tensor::whole(format!("encoder.{conv}.weight"), format!("encoder/{conv}/weight")));
    }
    all.push(Tensor::whole("decoder.token_embedding.weight".into(), "decoder/embeddings/weight".into()));
    for (side, norm, count) in [("encoder", "ln_post", layers.encoder), ("decoder", "ln", layers.decoder)] {
        all.push(Tensor::whole(
            format!("{side}.positional_embedding"),
            format!("{side}/position_encodings/encodings"),
        ));
        layer_norm(&mut all, &format!("{side}.{norm}"), &format!("{side}/layer_norm"));
        for i in 0..count {
            layer(&mut all, &format!("{side}.blocks.{i}"), &format!("{side}/layer_{i}"), side == "decoder");
        }
    }
    all.sort_by(|a, b| (&a.ct2, a.part).cmp(&(&b.ct2, b.part)));
    all
}

fn layer(all: &mut Vec<Tensor>, ggml: &str, ct2: &str, cross: bool) {
    layer_norm(all, &format!("{ggml}.attn_ln"), &format!("{ct2}/self_attention/layer_norm"));
    fused(
        all,
        &format!("{ggml}.attn"),
        &["query", "key", "value"],
        &format!("{ct2}/self_attention/linear_0"),
    );
    fused(all, &format!("{ggml}.attn"), &["out"], &format!("{ct2}/self_attention/linear_1"));
    if cross {
        layer_norm(all, &format!("{ggml}.cross_attn_ln"), &format!("{ct2}/attention/layer_norm"));
        for (i, heads) in [&["query"][..], &["key", "value"], &["out"]].into_iter().enumerate() {
            fused(all, &format!("{ggml}.cross_attn"), heads, &format!("{ct2}/attention/linear_{i}"));
        }
    }
    layer_norm(all, &format!("{ggml}.mlp_ln"), &format!("{ct2}/ffn/layer_norm"));
    fused(all, &format!("{ggml}.mlp"), &["0"], &format!("{ct2}/ffn/linear_0"));
    fused(all, &format!("{ggml}.mlp"), &["2"], &format!("{ct2}/ffn/linear_1"));
}

fn layer_norm(all: &mut Vec<Tensor>, ggml: &str, ct2: &str) {
    all.push(Tensor::whole(format!("{ggml}.weight"), format!("{ct2}/gamma")));
    all.push(Tensor::whole(format!("{ggml}.bias"), format!("{ct2}/beta")));
}

/// CTranslate2 stacks projections of the same input along the first dimension.
fn fused(all: &mut Vec<Tensor>, ggml: &str, names: &[&str], ct2: &str) {
    for (part, name) in names.iter().enumerate() {
        for kind in ["weight", "bias"] {
            // Whisper's key projection has no bias: CTranslate2 stores zeros there.
            if !(kind == "bias" && *name == "key") {
                all.push(Tensor {
                    ggml: format!("{ggml}.{name}.{kind}"),
                    ct2: format!("{ct2}/{kind}"),
                    part,
                    parts: names.len(),
                    column: false,
                });
            }
        }
    }
}
