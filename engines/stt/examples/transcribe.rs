//! Sends a WAV file (PCM16, 16 kHz, mono) to a running engine as a call would, and prints the transcripts and how long
//! they took: `transcribe unix:/run/stt.sock speech.wav --partial-ms 500`

#![allow(clippy::print_stdout)] // command-line output

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Parser;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use visavis_proto::v1::stt_client::SttClient;
use visavis_proto::v1::{SttDecode, SttInput, SttStart, stt_input::Input};

#[derive(Parser)]
struct Args {
    /// The engine: unix:PATH or http://HOST:PORT
    engine: String,
    wav: PathBuf,
    /// ISO 639-1 [default: identified by the engine]
    #[arg(long, default_value = "")]
    language: String,
    #[arg(long, default_value = "")]
    prompt: String,
    /// Ask for the words so far after every N ms of audio
    #[arg(long)]
    partial_ms: Option<usize>,
    /// Send only the first N ms of the file
    #[arg(long)]
    first_ms: Option<usize>,
    #[arg(long, default_value_t = 1)]
    repeat: usize,
}

fn pcm(args: &Args) -> anyhow::Result<Vec<u8>> {
    let file = std::fs::read(&args.wav).with_context(|| format!("cannot read {}", args.wav.display()))?;
    let data = file.windows(4).position(|tag| tag == b"data").context("not a WAV file")? + 8;
    ensure!(file[24..28] == 16_000_u32.to_le_bytes() && file[22] == 1, "the file is not 16 kHz mono");
    let end = args.first_ms.map_or(file.len(), |ms| (data + ms * 32).min(file.len()));
    Ok(file[data..end].to_vec())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let pcm = pcm(&args)?;
    let mut client = SttClient::connect(args.engine.clone()).await?;
    for _ in 0..args.repeat {
        let (sender, receiver) = mpsc::channel(64);
        let send = async |input| sender.send(SttInput { input: Some(input) }).await;
        let mut transcripts = client.recognize(ReceiverStream::new(receiver)).await?.into_inner();
        let start =
            SttStart { language: args.language.clone(), prompt: args.prompt.clone(), ..SttStart::default() };
        send(Input::Start(start)).await?;
        let step = args.partial_ms.map_or(pcm.len(), |ms| ms * 32).max(2);
        let parts = pcm.chunks(step).count();
        for (index, part) in pcm.chunks(step).enumerate() {
            send(Input::Audio(part.to_vec())).await?;
            let number = u32::try_from(index)?;
            send(Input::Decode(SttDecode { number, r#final: index + 1 == parts, ..SttDecode::default() }))
                .await?;
            let heard = transcripts.message().await?.context("the engine ended the stream")?;
            println!(
                "{:>6} ms of audio {:>5} ms {} {}({:.2}) no speech {:.3} log p {:.2}: {}",
                heard.samples / 16,
                heard.decode_ms,
                if heard.r#final { "final  " } else { "partial" },
                heard.language,
                heard.language_probability,
                heard.no_speech_probability,
                heard.average_log_probability,
                heard.text
            );
        }
    }
    Ok(())
}
