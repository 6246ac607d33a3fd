//! The peer: `qemu-ppc64le-static` or `qemu-ppc64-static` running `serve.c`, built here by the cross compiler.

use crate::record::{End, Start};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds the peer's program for one byte order.
pub fn build(little: bool) -> PathBuf {
    let target = if little { "powerpc64le" } else { "powerpc64" };
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/versus_qemu");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "serve.{target}.{}.{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    let compiler = format!("{target}-linux-gnu-gcc");
    let output = Command::new(&compiler)
        .args(
            "-O2 -mabi=elfv2 -mcpu=power8 -mno-vsx -mno-altivec -msoft-float -ffreestanding -fno-pic"
                .split(' '),
        )
        .args(
            "-fno-stack-protector -mcmodel=medium -nostdlib -static -no-pie -Wl,-Ttext-segment=0x200000"
                .split(' '),
        )
        .args("-Wl,--build-id=none -Wa,-mpower8,-mvsx,-mregnames -o".split(' '))
        .arg(&program)
        .args([sources.join("run_one.S"), sources.join("serve.c")])
        .output()
        .unwrap_or_else(|e| panic!("{compiler}: {e} (apt-get install gcc-{target}-linux-gnu)"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// Runs all records in one process; its answers in the same order.
pub fn run(program: &Path, cpu: &str, little: bool, starts: &[Start]) -> Vec<End> {
    let qemu = if little { "qemu-ppc64le-static" } else { "qemu-ppc64-static" };
    let mut child = Command::new(qemu)
        .args(["-cpu", cpu])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{qemu}: {e} (apt-get install qemu-user-static)"));
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let ends = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut bytes = Vec::new();
            for start in starts {
                bytes.clear();
                start.write(little, &mut bytes);
                // A peer that died shows in its answers.
                if stdin.write_all(&bytes).is_err() {
                    return;
                }
            }
        });
        let mut ends = Vec::with_capacity(starts.len());
        for (i, start) in starts.iter().enumerate() {
            let mut bytes = vec![0; start.answer_bytes()];
            if let Err(e) = stdout.read_exact(&mut bytes) {
                // Lets the writing thread end, too.
                let _ = child.kill();
                panic!("{qemu}: {e} at record {i} of {}, word {:#010x}", starts.len(), start.word);
            }
            ends.push(start.read_answer(little, &bytes));
        }
        ends
    });
    assert!(child.wait().unwrap().success());
    ends
}
