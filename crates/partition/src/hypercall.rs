//! Native hypercalls: a row for each, from the file that implements it.
//!
//! A handler gets R4 to R12. It leaves return code, results and the translations that are no more ([`hpt::Outcome`]), or
//! nothing where the caller has to answer.

use crate::terminal;
use hpt::hcall;

/// What answers a hypercall.
#[derive(Clone, Copy)]
pub enum Handler {
    /// The hash page table, always.
    Table(hcall::Handler),
    /// The terminal, while the caller allows it. The caller has a handler as well.
    Terminal(terminal::Handler),
}

/// A native hypercall.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its number, in R3.
    pub number: u64,
    /// Its name in PAPR.
    pub name: &'static str,
    /// What answers it.
    pub handler: Handler,
    enabled: bool,
}

/// The native hypercalls of a partition.
pub struct Hypercalls(Vec<Row>);

impl Default for Hypercalls {
    /// Every one, enabled.
    fn default() -> Self {
        let table = hcall::ROWS.iter().map(|row| (row.number, row.name, Handler::Table(row.handler)));
        let terminal =
            terminal::ROWS.iter().map(|&(number, name, handler)| (number, name, Handler::Terminal(handler)));
        let rows = table.chain(terminal);
        Self(rows.map(|(number, name, handler)| Row { number, name, handler, enabled: true }).collect())
    }
}

impl Hypercalls {
    /// Every row.
    pub fn rows(&self) -> &[Row] {
        &self.0
    }

    /// Numbers of those that the caller never sees.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        let always = |row: &&Row| row.enabled && matches!(row.handler, Handler::Table(_));
        self.0.iter().filter(always).map(|row| row.number)
    }

    /// The name of one of them.
    pub fn name(&self, number: u64) -> Option<&'static str> {
        self.0.iter().find(|row| row.number == number).map(|row| row.name)
    }

    /// Turns one on or off that the caller never sees; false if `number` is not the number of one. The terminal's are
    /// turned off with `Terminal::close`.
    pub fn set(&mut self, number: u64, enabled: bool) -> bool {
        let row =
            self.0.iter_mut().find(|row| row.number == number && matches!(row.handler, Handler::Table(_)));
        row.map(|row| row.enabled = enabled).is_some()
    }

    /// Whether the caller may answer `number` as well.
    pub(crate) fn is_shared(&self, number: u64) -> bool {
        self.0.iter().any(|row| row.number == number && matches!(row.handler, Handler::Terminal(_)))
    }

    /// The row of `number`, enabled or not.
    pub(crate) fn row(&self, number: u64) -> Option<&Row> {
        self.0.iter().find(|row| row.number == number)
    }

    /// The row of `number`, if it is enabled.
    pub(crate) fn enabled(&self, number: u64) -> Option<&Row> {
        self.0.iter().find(|row| row.number == number && row.enabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_has_a_number_and_a_name_of_its_own() {
        let hypercalls = Hypercalls::default();
        let numbers: BTreeSet<_> = hypercalls.rows().iter().map(|row| row.number).collect();
        let names: BTreeSet<_> = hypercalls.rows().iter().map(|row| row.name).collect();
        assert_eq!([numbers.len(), names.len()], [hypercalls.rows().len(); 2]);
        assert_eq!(
            (hypercalls.name(0x08), hypercalls.name(0x58)),
            (Some("H_ENTER"), Some("H_PUT_TERM_CHAR"))
        );
        assert_eq!(hypercalls.name(0xf000), None);
    }

    #[test]
    fn what_the_caller_answers_as_well_is_not_turned_off_by_number() {
        let mut hypercalls = Hypercalls::default();
        let all: BTreeSet<_> = hypercalls.numbers().collect();
        assert_eq!(all, hcall::ROWS.iter().map(|row| row.number).collect());
        assert!(hypercalls.set(hcall::H_ENTER, false));
        assert!(!hypercalls.set(0x58, false) && !hypercalls.set(0xf000, true));
        assert!(hypercalls.enabled(hcall::H_ENTER).is_none() && hypercalls.enabled(0x58).is_some());
        assert_eq!(hypercalls.numbers().count(), all.len() - 1);
        assert!(hypercalls.set(hcall::H_ENTER, true));
        assert_eq!(hypercalls.numbers().collect::<BTreeSet<_>>(), all);
    }
}
