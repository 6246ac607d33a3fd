//! A debugger's packets against a machine that only remembers what it was asked.

use gdb::{Machine, PACKET, Point, PointKind, Resume, Session, State, Stopped};
use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

#[derive(Default)]
struct Fake {
    registers: RefCell<BTreeMap<String, u128>>,
    asked: RefCell<Vec<String>>,
}

impl Fake {
    fn note(&self, what: String) {
        self.asked.borrow_mut().push(what);
    }
}

impl Machine for &Fake {
    type Error = Infallible;

    fn processors(&self) -> Result<usize, Infallible> {
        Ok(2)
    }

    fn register(&self, _cpu: usize, name: &str) -> Result<Option<u128>, Infallible> {
        Ok((name != "dawr0").then(|| self.registers.borrow().get(name).copied().unwrap_or_default()))
    }

    fn set_register(&self, cpu: usize, name: &str, value: u128) -> Result<bool, Infallible> {
        self.note(format!("{name} of {cpu} is {value:#x}"));
        self.registers.borrow_mut().insert(name.to_owned(), value);
        Ok(true)
    }

    fn read(&self, _cpu: usize, address: u64, len: usize) -> Result<Vec<u8>, Infallible> {
        Ok(if address < 0x1000 { vec![0xab; len.min(2)] } else { Vec::new() })
    }

    fn write(&self, _cpu: usize, address: u64, data: &[u8]) -> Result<bool, Infallible> {
        self.note(format!("{data:x?} to {address:#x}"));
        Ok(address < 0x1000)
    }

    fn insert(&self, point: Point) -> Result<bool, Infallible> {
        self.note(format!("insert {point:x?}"));
        Ok(true)
    }

    fn remove(&self, point: Point) -> Result<bool, Infallible> {
        self.note(format!("remove {point:x?}"));
        Ok(true)
    }

    fn resume(&self, how: Resume) -> Result<(), Infallible> {
        self.note(format!("{how:?}"));
        Ok(())
    }

    fn monitor(&self, command: &str) -> Result<String, Infallible> {
        Ok(format!("{command}!"))
    }

    fn describe(&self, cpu: usize) -> Result<String, Infallible> {
        Ok(format!("processor {cpu}"))
    }

    fn goes_back(&self) -> bool {
        true
    }
}

fn packet(body: &str) -> Vec<u8> {
    let sum = body.bytes().fold(0_u8, u8::wrapping_add);
    format!("${body}#{sum:02x}").into_bytes()
}

/// What is answered to a packet, without framing. Answers with runs of a byte are not expanded.
fn say(session: &mut Session<&Fake>, body: &str) -> String {
    let sent = packet(body);
    assert_eq!(session.receive(&sent).ok(), Some(sent.len()), "{body}");
    answer(session)
}

fn answer(session: &mut Session<&Fake>) -> String {
    let text = String::from_utf8(session.take_answers()).unwrap();
    let text = text.trim_start_matches('+');
    text.split('#').next().unwrap_or_default().trim_start_matches('$').to_owned()
}

#[test]
fn registers_are_written_in_the_debuggers_byte_order() {
    let fake = Fake::default();
    let mut session = Session::new(&fake, false);
    assert_eq!(say(&mut session, "Hg1"), "OK");
    assert_eq!(say(&mut session, "P20=0123456789abcdef"), "OK");
    session.set_little_endian(true);
    assert_eq!(say(&mut session, "p20"), "efcdab8967452301");
    assert_eq!(say(&mut session, "P22=78563412"), "OK");
    assert_eq!(*fake.asked.borrow(), ["pc of 0 is 0x123456789abcdef", "cr of 0 is 0x12345678"]);
    // A model without this register, and a number without one.
    let dawr0 = gdb::registers::ROWS.iter().position(|row| row.name == "dawr0").unwrap();
    assert!(say(&mut session, &format!("p{dawr0:x}")).starts_with('x'));
    assert_eq!(say(&mut session, "pffff"), "");
}

#[test]
fn all_registers_written_at_once_write_those_that_differ() {
    let fake = Fake::default();
    let mut session = Session::new(&fake, false);
    let mut bytes = vec![0_u8; *gdb::registers::BYTES];
    bytes[8 * 3 + 7] = 5;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(say(&mut session, "Hg2"), "OK");
    assert_eq!(say(&mut session, &format!("G{hex}")), "OK");
    assert_eq!(*fake.asked.borrow(), ["r3 of 1 is 0x5"]);
}

#[test]
fn points_and_memory_are_the_machines() {
    let fake = Fake::default();
    let mut session = Session::new(&fake, false);
    assert_eq!(say(&mut session, "m10,20"), "abab");
    assert!(say(&mut session, "m1000,4").starts_with('E'));
    assert_eq!(say(&mut session, "M10,2:1234"), "OK");
    assert!(say(&mut session, "M1000,2:1234").starts_with('E'));
    assert_eq!(say(&mut session, "Z0,c000000000000010,4"), "OK");
    assert_eq!(say(&mut session, "Z2,2000,8"), "OK");
    assert_eq!(say(&mut session, "z2,2000,8"), "OK");
    let code = Point { kind: PointKind::Software, address: 0xc000_0000_0000_0010, len: 4 };
    let data = Point { kind: PointKind::Write, address: 0x2000, len: 8 };
    assert_eq!(
        fake.asked.borrow()[..],
        [
            "[12, 34] to 0x10".to_owned(),
            "[12, 34] to 0x1000".to_owned(),
            format!("insert {code:x?}"),
            format!("insert {data:x?}"),
            format!("remove {data:x?}"),
        ]
    );
}

#[test]
fn the_guest_goes_on_and_stops_both_ways() {
    let fake = Fake::default();
    let mut session = Session::new(&fake, false);
    say(&mut session, "qSupported:multiprocess+;swbreak+");
    for (sent, asked) in [
        ("vCont;c:p1.-1", Resume::Continue),
        ("vCont;s:p1.2;c:p1.-1", Resume::Step(1)),
        ("bc", Resume::Back),
        ("bs", Resume::StepBack),
        ("vCont;c", Resume::Continue),
    ] {
        assert_eq!(say(&mut session, "Hcp1.-1"), "OK");
        assert_eq!(say(&mut session, sent), "");
        assert_eq!(session.state(), State::Running);
        assert_eq!(fake.asked.borrow_mut().drain(..).collect::<Vec<_>>(), [format!("{asked:?}")]);
        assert!(session.stopped(Stopped::Watch(1, PointKind::Read, 0x2004)).is_ok());
        assert_eq!(answer(&mut session), "T05thread:p01.02;rwatch:2004;");
        assert_eq!(session.state(), State::Idle);
    }
}

#[test]
fn an_interrupt_is_answered_by_a_stop() {
    let fake = Fake::default();
    let mut session = Session::new(&fake, false);
    say(&mut session, "vCont;c");
    // What follows is not looked at before the guest has stopped.
    assert_eq!(session.receive(b"\x03$g#67").ok(), Some(1));
    assert_eq!(session.state(), State::Interrupting);
    assert!(session.stopped(Stopped::Interrupt(0)).is_ok());
    assert_eq!(answer(&mut session), "T02thread:01;");
    // One that comes too late is no reason to stop later.
    assert_eq!(session.receive(b"\x03").ok(), Some(1));
    assert_eq!(session.state(), State::Idle);
    assert_eq!(say(&mut session, "vCont;c"), "");
    assert_eq!(session.state(), State::Running);
}

#[test]
fn leaving_and_killing_end_a_session() {
    for (sent, state) in [("D;1", State::Detached), ("k", State::Killed)] {
        let fake = Fake::default();
        let mut session = Session::new(&fake, false);
        say(&mut session, sent);
        assert_eq!(session.state(), state);
        assert_eq!(session.receive(b"$g#67").ok(), Some(0));
    }
}

#[test]
fn answers_of_monitor_come_as_text() {
    let fake = Fake::default();
    let mut session = Session::new(&fake, false);
    let text =
        session.receive(&packet("qRcmd,6869")).map(|_| String::from_utf8(session.take_answers()).unwrap());
    assert!(text.unwrap_or_default().contains("$O686921#"));
}

#[test]
fn what_is_no_packet_ends_the_session_with_an_error() {
    for bytes in [
        b"$m0,4#00".to_vec(),
        b"$vCont;#ff".to_vec(),
        [b"$".to_vec(), vec![b'x'; 2 * PACKET]].concat(),
        b"-".to_vec(),
        packet("vCont;s"),
    ] {
        let fake = Fake::default();
        let mut session = Session::new(&fake, false);
        let error = session.receive(&bytes).err().map(|error| error.to_string());
        assert!(
            error.is_some_and(|error| error.contains("remote protocol")),
            "{:?}",
            &bytes[..8.min(bytes.len())]
        );
        assert_eq!(session.state(), State::Detached);
        assert_eq!(session.receive(b"$g#67").ok(), Some(0));
    }
}
