//! What every [`Tracked`] promises, as tests that an implementation runs on itself:
//!
//! ```text
//! impl track::contract::Subject for Ram { … }
//! track::contract_tests!(Ram);
//! ```
//!
//! What only one implementation promises (formats, costs, resets of the guest) is tested beside it.

use crate::{Marks, Pass, PassError, Start, Tracked};
use std::sync::Arc;

/// The result of a contract test.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// An implementation as the tests handle it. Each unit holds one number; 0 is what it holds at first.
pub trait Subject: Tracked + Sized + 'static {
    /// Units of a subject, 256 at least.
    const UNITS: u64;
    /// Bytes that one unit takes in a chunk at most.
    const UNIT_BYTES: usize;

    /// One whose units hold 0 and have no mark.
    fn fresh() -> Arc<Self>;

    /// Has a unit hold `value`, and marks it.
    fn change(&self, unit: u64, value: u64);

    /// Units with a live mark.
    fn marked(&self) -> u64;

    /// Has what a chunk says, after checking its length against `max_bytes`; returns how many units it holds.
    fn load(&self, chunk: Self::Chunk, max_bytes: usize) -> u64;

    /// Equal for equal contents.
    fn digest(&self) -> [u8; 32];
}

/// Sends a whole pass; returns how many units it had.
fn send<T: Subject>(pass: &Pass<T>, to: &T) -> u64 {
    let max = 5 * T::UNIT_BYTES;
    let mut units = 0;
    while let Some(chunk) = pass.next(max) {
        units += to.load(chunk, max);
    }
    assert_eq!(pass.remaining(), 0);
    assert!(pass.next(max).is_none(), "a pass that is over stays over");
    units
}

fn pass<T: Subject>(of: &Arc<T>, start: Start) -> Result<Pass<T>, PassError> {
    Pass::start(of, start)
}

/// The first `count` units, spread over the whole.
fn spread<T: Subject>(count: u64) -> impl Iterator<Item = u64> + Clone {
    (0..count).map(move |n| n * (T::UNITS / count))
}

pub fn later_passes_carry_only_what_changed_since_the_one_before<T: Subject>() -> Outcome {
    let (from, to) = (T::fresh(), T::fresh());
    spread::<T>(50).for_each(|unit| from.change(unit, 1));
    assert_eq!(from.marked(), 50);
    assert_eq!(send(&pass(&from, Start::Full(Marks::Live))?, &*to), 50);
    assert_eq!(from.marked(), 0);
    let mut some = spread::<T>(50);
    some.nth(3).into_iter().for_each(|unit| from.change(unit, 2));
    some.nth(3).into_iter().for_each(|unit| from.change(unit, 0));
    let changes = pass(&from, Start::Changes(Marks::Live))?;
    assert_eq!(changes.remaining(), 2);
    assert_eq!(send(&changes, &*to), 2);
    assert_eq!(to.digest(), from.digest());
    assert_eq!(send(&pass(&from, Start::Changes(Marks::Live))?, &*to), 0);
    Ok(())
}

pub fn a_chunk_has_one_unit_at_least<T: Subject>() -> Outcome {
    let (from, to) = (T::fresh(), T::fresh());
    from.change(0, 1);
    from.change(T::UNITS - 1, 2);
    let all = pass(&from, Start::Untracked)?;
    for _ in 0..2 {
        assert_eq!(to.load(all.next(0).ok_or("a chunk")?, T::UNIT_BYTES), 1);
    }
    assert!(all.next(0).is_none());
    assert_eq!(to.digest(), from.digest());
    Ok(())
}

pub fn an_unfinished_pass_is_put_back_whole<T: Subject>() -> Outcome {
    for marks in [Marks::Live, Marks::Base] {
        for full in [true, false] {
            let (from, to) = (T::fresh(), T::fresh());
            spread::<T>(50).for_each(|unit| from.change(unit, 1));
            send(&pass(&from, Start::Full(marks))?, &*to);
            spread::<T>(50).for_each(|unit| from.change(unit, 2));
            let attempt = pass(&from, if full { Start::Full(marks) } else { Start::Changes(marks) })?;
            attempt.next(3 * T::UNIT_BYTES).ok_or("a chunk")?;
            assert!(attempt.remaining() > 0);
            from.change(0, 3);
            attempt.put_back();
            assert_eq!(attempt.remaining(), 0);
            assert!(attempt.next(1).is_none(), "a pass that was put back is over");
            assert!(send(&pass(&from, Start::Changes(marks))?, &*to) >= 50);
            assert_eq!(to.digest(), from.digest());
        }
    }
    Ok(())
}

pub fn changes_since_a_base_need_one<T: Subject>() -> Outcome {
    let from = T::fresh();
    from.change(1, 1);
    assert!(matches!(pass(&from, Start::Changes(Marks::Base)), Err(PassError::NoBase)));
    assert!(!from.has_base());
    pass(&from, Start::Full(Marks::Base))?.put_back();
    assert!(!from.has_base(), "a base that did not arrive is none");
    send(&pass(&from, Start::Full(Marks::Base))?, &*T::fresh());
    assert!(from.has_base());
    pass(&from, Start::Changes(Marks::Base))?.put_back();
    assert!(from.has_base(), "the base before is one still");
    Ok(())
}

pub fn the_base_and_the_live_marks_do_not_disturb_each_other<T: Subject>() -> Outcome {
    let (from, live, base) = (T::fresh(), T::fresh(), T::fresh());
    spread::<T>(50).for_each(|unit| from.change(unit, 1));
    send(&pass(&from, Start::Full(Marks::Base))?, &*base);
    assert_eq!(from.marked(), 50);
    send(&pass(&from, Start::Full(Marks::Live))?, &*live);
    for round in 0..3 {
        from.change(round, 7 + round);
        assert_eq!(send(&pass(&from, Start::Changes(Marks::Live))?, &*live), 1);
        if round > 0 {
            send(&pass(&from, Start::Changes(Marks::Base))?, &*base);
            assert_eq!(base.digest(), from.digest());
        }
    }
    assert_eq!((from.marked(), live.digest()), (0, from.digest()));
    Ok(())
}

pub fn an_untracked_pass_takes_no_marks<T: Subject>() -> Outcome {
    let (from, to) = (T::fresh(), T::fresh());
    spread::<T>(50).for_each(|unit| from.change(unit, 1));
    let all = pass(&from, Start::Untracked)?;
    assert_eq!(all.remaining(), 50);
    assert_eq!(send(&all, &*to), 50);
    all.put_back();
    assert_eq!((from.marked(), from.has_base()), (50, false));
    assert_eq!(to.digest(), from.digest());
    Ok(())
}

pub fn what_changes_beside_a_pass_belongs_to_a_later_one<T: Subject>() -> Outcome {
    let (from, to) = (T::fresh(), T::fresh());
    std::thread::scope(|scope| -> Result<(), PassError> {
        let writer = scope.spawn(|| {
            for n in 0..20_000u64 {
                from.change(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % T::UNITS, n % 5);
            }
        });
        send(&pass(&from, Start::Full(Marks::Live))?, &*to);
        while !writer.is_finished() {
            send(&pass(&from, Start::Changes(Marks::Live))?, &*to);
        }
        Ok(())
    })?;
    send(&pass(&from, Start::Changes(Marks::Live))?, &*to);
    assert_eq!(to.digest(), from.digest());
    Ok(())
}

/// Runs the contract on a [`Subject`](crate::contract::Subject).
#[macro_export]
macro_rules! contract_tests {
    ($subject:ty) => {
        $crate::contract_tests! { $subject:
            later_passes_carry_only_what_changed_since_the_one_before
            a_chunk_has_one_unit_at_least
            an_unfinished_pass_is_put_back_whole
            changes_since_a_base_need_one
            the_base_and_the_live_marks_do_not_disturb_each_other
            an_untracked_pass_takes_no_marks
            what_changes_beside_a_pass_belongs_to_a_later_one
        }
    };
    ($subject:ty: $($test:ident)*) => { $(
        #[test]
        fn $test() -> $crate::contract::Outcome {
            $crate::contract::$test::<$subject>()
        }
    )* };
}
