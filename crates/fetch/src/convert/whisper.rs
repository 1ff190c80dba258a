//! CTranslate2 Whisper → whisper.cpp ggml: header, vocabulary, and tensors with their element types.

use std::io::{Read, Seek, Write};

use anyhow::{Context, Result, bail, ensure};
use half::f16;

use super::ct2::{Ct2File, DType};
use super::names::{self, Layers, Tensor};
use super::vocab;
use visavis_core::mel;

const MAGIC: i32 = 0x6767_6d6c;
/// Every Whisper model has attention heads of this width.
const HEAD_WIDTH: usize = 64;
/// Numbers of mel bands in Whisper's models; the filters exist for these.
const MELS: [usize; 2] = [80, 128];
const TYPE_F32: i32 = 0;
const TYPE_F16: i32 = 1;

/// Writes the ggml form of `model` to `out`.
pub(super) fn convert<R: Read + Seek>(model: R, tokenizer: impl Read, out: &mut impl Write) -> Result<()> {
    let mut model = Ct2File::open(model)?;
    let tokens = vocab::tokens(tokenizer)?;
    let layers = Layers::of(&model);
    write_header(&model, layers, out)?;
    write_int(out, tokens.len())?;
    for token in &tokens {
        write_int(out, token.len())?;
        out.write_all(token)?;
    }
    for tensor in names::tensors(layers) {
        write_tensor(&mut model, &tensor, out)
            .with_context(|| format!("convert the tensor {}", tensor.ct2))?;
    }
    Ok(())
}

fn write_header<R: Read + Seek>(model: &Ct2File<R>, layers: Layers, out: &mut impl Write) -> Result<()> {
    let [vocabulary, text_state] = dims(model, "decoder/embeddings/weight")?;
    let [audio_context, audio_state] = dims(model, "encoder/position_encodings/encodings")?;
    let [text_context, _] = dims(model, "decoder/position_encodings/encodings")?;
    let [_, mels, _] = dims(model, "encoder/conv1/weight")?;
    ensure!(MELS.contains(&mels), "it has {mels} mel bands, not 80 or 128: the file is damaged");
    out.write_all(&MAGIC.to_le_bytes())?;
    for value in [
        vocabulary,
        audio_context,
        audio_state,
        audio_state / HEAD_WIDTH,
        layers.encoder,
        text_context,
        text_state,
        text_state / HEAD_WIDTH,
        layers.decoder,
        mels,
    ] {
        write_int(out, value)?;
    }
    out.write_all(&TYPE_F16.to_le_bytes())?;
    write_int(out, mels)?;
    write_int(out, mel::FFT_BINS)?;
    for weight in mel::filterbank(mels) {
        out.write_all(&weight.to_le_bytes())?;
    }
    Ok(())
}

fn dims<R: Read + Seek, const N: usize>(model: &Ct2File<R>, name: &str) -> Result<[usize; N]> {
    let variable = model.get(name).with_context(|| format!("the model lacks the tensor {name}"))?;
    let dims: Result<[usize; N], _> = variable.dims.as_slice().try_into();
    dims.map_err(|_| anyhow::anyhow!("tensor {name} has shape {:?}, expected {N} dimensions", variable.dims))
}

fn write_tensor<R: Read + Seek>(model: &mut Ct2File<R>, tensor: &Tensor, out: &mut impl Write) -> Result<()> {
    let (variable, data) = model.read(&tensor.ct2)?;
    let rows = *variable.dims.first().context("a scalar where a tensor belongs")?;
    ensure!(rows % tensor.parts == 0, "{rows} rows cannot be split in {}", tensor.parts);
    let part = data.len() / tensor.parts;
    let data = &data[tensor.part * part..(tensor.part + 1) * part];
    let mut shape = variable.dims.clone();
    shape[0] = rows / tensor.parts;
    if tensor.column {
        shape.push(1);
    }
    // whisper.cpp expects 1-D tensors, convolution biases and positions, which it adds, in f32, and the others in f16.
    let wide = shape.len() == 1 || tensor.column || tensor.ggml.ends_with("positional_embedding");
    write_int(out, shape.len())?;
    write_int(out, tensor.ggml.len())?;
    out.write_all(&(if wide { TYPE_F32 } else { TYPE_F16 }).to_le_bytes())?;
    for &dim in shape.iter().rev() {
        write_int(out, dim)?;
    }
    out.write_all(tensor.ggml.as_bytes())?;
    write_values(data, variable.dtype, wide, out)
}

fn write_values(data: &[u8], dtype: DType, wide: bool, out: &mut impl Write) -> Result<()> {
    match (dtype, wide) {
        (DType::F32, true) | (DType::F16, false) => out.write_all(data)?,
        (DType::F16, true) => {
            for b in data.chunks_exact(2) {
                out.write_all(&f16::from_le_bytes([b[0], b[1]]).to_f32().to_le_bytes())?;
            }
        }
        (DType::F32, false) => {
            for b in data.chunks_exact(4) {
                let value = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
                out.write_all(&f16::from_f32(value).to_le_bytes())?;
            }
        }
        (other, _) => {
            bail!("its element type is {other:?}; only float16 and float32 models can be converted")
        }
    }
    Ok(())
}

fn write_int(out: &mut impl Write, value: usize) -> Result<()> {
    out.write_all(&i32::try_from(value)?.to_le_bytes())?;
    Ok(())
}
