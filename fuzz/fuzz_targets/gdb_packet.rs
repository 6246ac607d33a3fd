//! A debugger's bytes: as they come, and as the bodies of packets whose checksums are right.
//!
//! Must hold: nothing panics, and no answer is longer than its packet explains.
#![no_main]

use gdb::{Machine, PACKET, Point, PointKind, Resume, Session, State, Stopped};
use libfuzzer_sys::fuzz_target;
use std::convert::Infallible;

/// It has everything and remembers nothing.
struct Fake;

impl Machine for Fake {
    type Error = Infallible;

    fn processors(&self) -> Result<usize, Infallible> {
        Ok(2)
    }
    fn register(&self, cpu: usize, name: &str) -> Result<Option<u128>, Infallible> {
        assert!(cpu < 2);
        Ok((name != "dawr0").then_some(cpu as u128))
    }
    fn set_register(&self, cpu: usize, _: &str, _: u128) -> Result<bool, Infallible> {
        assert!(cpu < 2);
        Ok(true)
    }
    fn read(&self, _: usize, address: u64, len: usize) -> Result<Vec<u8>, Infallible> {
        assert!(len <= PACKET);
        Ok(vec![0; len.min(address as usize)])
    }
    fn write(&self, _: usize, _: u64, data: &[u8]) -> Result<bool, Infallible> {
        assert!(data.len() <= PACKET);
        Ok(true)
    }
    fn insert(&self, _: Point) -> Result<bool, Infallible> {
        Ok(true)
    }
    fn remove(&self, _: Point) -> Result<bool, Infallible> {
        Ok(false)
    }
    fn resume(&self, _: Resume) -> Result<(), Infallible> {
        Ok(())
    }
    fn monitor(&self, command: &str) -> Result<String, Infallible> {
        Ok(command.to_owned())
    }
    fn describe(&self, cpu: usize) -> Result<String, Infallible> {
        assert!(cpu < 2);
        Ok(String::new())
    }
    fn goes_back(&self) -> bool {
        true
    }
}

fn give(session: &mut Session<Fake>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let Ok(seen) = session.receive(bytes) else { return };
        bytes = &bytes[seen..];
        assert!(session.take_answers().len() <= 0x10_0000);
        match session.state() {
            State::Idle => {}
            State::Running => drop(session.stopped(Stopped::Break(1, PointKind::Software))),
            State::Interrupting => drop(session.stopped(Stopped::Interrupt(0))),
            State::Detached | State::Killed | State::Over => return,
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let mut session = Session::new(Fake, false);
    give(&mut session, input);
    let mut session = Session::new(Fake, true);
    for body in input.split(|&byte| byte == b'\n' || byte == b'#' || byte == b'$') {
        let sum = body.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
        let packet = [b"$", body, b"#", format!("{sum:02x}").as_bytes()].concat();
        give(&mut session, &packet);
    }
});
