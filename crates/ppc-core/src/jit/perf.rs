//! Names of compiled code for `perf`: the map at /tmp/perf-PID.map, one line for each region (perf's
//! `Documentation/jit-interface.txt`: start and size in hexadecimal, and a name).
//!
//! Nothing is written unless the environment has `PYSPAPR_PERF_MAP=1`: names cost a system call each.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

/// The environment variable.
const WANTED: &str = "PYSPAPR_PERF_MAP";

static ON: LazyLock<bool> =
    LazyLock::new(|| std::env::var_os(WANTED).is_some_and(|value| !value.is_empty() && value != "0"));
/// The map; a child of `fork` begins one of its own.
static MAP: Mutex<Option<File>> = Mutex::new(None);

/// As [`super::store::hold`], of the map.
pub fn hold() -> MutexGuard<'static, Option<File>> {
    MAP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether names are wanted.
pub fn on() -> bool {
    *ON
}

/// Names the `len` bytes of machine code at `start`, if the map was requested.
pub fn name(start: *const u8, len: usize, name: impl FnOnce() -> String) {
    if !on() {
        return;
    }
    let mut map = hold();
    let pid = process::id();
    if map.is_none() {
        match create(pid) {
            Ok(file) => *map = Some(file),
            Err(error) => return complain(pid, &error),
        }
    }
    if let Some(file) = &mut *map {
        let line = format!("{:x} {len:x} {}\n", start as usize, name());
        if let Err(error) = file.write_all(line.as_bytes()) {
            complain(pid, &error);
        }
    }
}

fn path(pid: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/perf-{pid}.map"))
}

/// A new file that only its owner can read. An existing one belongs to an ended process or is a trap, and is not
/// opened.
fn create(pid: u32) -> io::Result<File> {
    let path = path(pid);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The map was requested, so report why there is none.
fn complain(pid: u32, error: &io::Error) {
    eprintln!("pyspapr: {}: {error}", path(pid).display());
}
