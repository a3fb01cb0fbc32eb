//! Compiles the CUDA kernels to PTX where the `cuda` feature asks for them; otherwise there is nothing to do.

#[cfg(feature = "cuda")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?).join("ptx.rs");
    let builder = cudaforge::KernelBuilder::new().source_files(["src/ops/cuda/kernels.cu"]);
    let kernels = builder.watch(["src/ops/cuda/many.cu"]).arg("-O3").build_ptx()?;
    kernels.write(out)?;
    Ok(())
}

#[cfg(not(feature = "cuda"))]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}
