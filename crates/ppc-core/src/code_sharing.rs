//! Several processors with decoded code of the same RAM, of which one executes at a time.
//!
//! A page is marked in RAM while any of them has code of it, and a marked page is in no processor's TLB for writes. An
//! engine that marks a page or writes to a marked one notes that; before another engine executes anything, whoever
//! runs them calls [`pass_on`] and, for what devices and hypercalls wrote, [`drop_written_from_outside`].

use crate::{
    engine::Engine,
    ram::{PAGE, PAGE_SHIFT, Ram, RealAddr},
    time::MOST_SPENT,
};

/// With more new pages than this, other processors forget every page that they may write.
const ONE_BY_ONE: usize = 64;

impl Engine {
    /// The RAM's marks belong to several engines from now on; there is no code yet.
    pub fn share_marks(&mut self) {
        self.forget_code();
        self.cache.shared = true;
    }

    /// A store went to `len` bytes at `ra`, in a page that is marked.
    pub(crate) fn note_code_written(&mut self, ra: RealAddr, len: u64) {
        if self.code_written.last() != Some(&(ra, len)) {
            self.code_written.push((ra, len));
        }
        if !self.cache.has_page(ra) {
            // The mark may be another's: until somebody looks, every store to the page is as slow as this one.
            self.cpu.spend(MOST_SPENT);
        }
    }

    fn has_news(&self) -> bool {
        !self.code_written.is_empty() || !self.cache.marked.is_empty()
    }

    fn hear(&mut self, marked: &[RealAddr], written: &[(RealAddr, u64)]) {
        if marked.len() > ONE_BY_ONE {
            self.cpu.protect_writes();
        } else {
            for &ra in marked {
                self.cpu.tlb.protect_host(self.cpu.ram.host_address(ra));
            }
        }
        for &(ra, len) in written {
            self.drop_code(ra, len);
        }
    }
}

/// Engine number `from` of `engines` has executed something: every other drops code that it wrote, and writes to pages
/// that it took code from only with a notification.
pub fn pass_on<'a>(engines: impl Iterator<Item = &'a mut Engine>, from: usize) {
    let mut engines: Vec<_> = engines.collect();
    let Some(engine) = engines.get_mut(from).filter(|engine| engine.has_news()) else { return };
    let marked = std::mem::take(&mut engine.cache.marked);
    let written = std::mem::take(&mut engine.code_written);
    let ram = engine.cpu.ram.clone();
    for (_, other) in engines.iter_mut().enumerate().filter(|(index, _)| *index != from) {
        other.hear(&marked, &written);
    }
    for &(ra, _) in &written {
        unmark(&ram, &engines, ra);
    }
}

/// Every engine drops code of pages that were written by anything but processors.
pub fn drop_written_from_outside<'a>(ram: &Ram, engines: impl Iterator<Item = &'a mut Engine>) {
    let pages = ram.take_changed_code();
    if pages.is_empty() {
        return;
    }
    let mut engines: Vec<_> = engines.collect();
    for page in pages {
        let ra = RealAddr(page << PAGE_SHIFT);
        engines.iter_mut().for_each(|engine| engine.drop_code(ra, PAGE));
        unmark(ram, &engines, ra);
    }
}

fn unmark(ram: &Ram, engines: &[&mut Engine], ra: RealAddr) {
    if !engines.iter().any(|engine| engine.cache.has_page(ra)) {
        ram.clear_code(ra);
    }
}
