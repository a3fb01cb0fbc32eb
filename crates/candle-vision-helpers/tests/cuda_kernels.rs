//! The text of the CUDA kernels, compiled for the host and run there against loops written out: what a machine without
//! a GPU can show of them.

use std::{error::Error, path::Path, process::Command};

#[test]
fn kernels_agree_with_loops_written_out() -> Result<(), Box<dyn Error>> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = dir.join("cuda_kernels_on_the_host");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda_kernels/host.c");
    let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let built =
        Command::new(cc).args(["-std=gnu11", "-O1", "-fopenmp", "-o"]).arg(&program).arg(source).arg("-lm").output()?;
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let ran = Command::new(program).output()?;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    Ok(())
}
