//! Compiles `engine.proto` with a protobuf compiler written in Rust, so that `protoc` need not be installed.

fn main() -> anyhow::Result<()> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(["proto/engine.proto"], ["proto"])?;
    tonic_prost_build::configure().build_client(true).build_server(true).compile_fds(files)?;
    Ok(())
}
