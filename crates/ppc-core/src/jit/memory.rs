//! The guest's memory: an inline look into the TLB, and a helper when it misses.

use super::{
    access::{Load, MemoryAccess, Place, Quad, Store},
    emitter::{Emitter, Host},
    flow::Flow,
    insn::{Guest, Insn, Set},
    out_of_line::SlowPath,
};
use dynasmrt::DynamicLabel;

/// How a host accesses the guest's memory. The effective address is in [`Flow::ADDRESS`] throughout.
pub trait Memory: Flow {
    /// Holds a value on its way. Neither the address nor [`SCRATCH`](super::emitter::Registers::SCRATCH).
    const VALUE: Host;

    /// The address is (RA|0) + `displacement`.
    fn ea_displaced(e: &mut Emitter<Self>, ra: usize, displacement: i64);
    /// The address is that of the instruction at `offset` in the page + `displacement`.
    fn ea_relative(e: &mut Emitter<Self>, offset: u32, displacement: i64);
    /// The address is (RA|0) + (RB).
    fn ea_indexed(e: &mut Emitter<Self>, ra: usize, rb: usize);
    /// The address is a quadword's.
    fn align(e: &mut Emitter<Self>);
    /// Looks up the page of the `1 << size` bytes at the address for the access that follows, or goes to `miss`.
    fn lookup(e: &mut Emitter<Self>, size: u32, write: bool, miss: DynamicLabel);

    /// `to ←` what was looked up, extended.
    fn load(e: &mut Emitter<Self>, to: Host, access: &Load);
    /// What was looked up `← value`, in its byte order. Destroys [`Memory::VALUE`].
    fn store(e: &mut Emitter<Self>, value: Host, access: &Store);
    /// Loads or stores what was looked up, in little-endian mode.
    fn quad(e: &mut Emitter<Self>, access: &Quad);

    /// Calls the helper of a load, with the address saved; the extended value is in [`Flow::ADDRESS`] afterwards. Goes to
    /// `trapped` if there was a trap.
    fn call_load(e: &mut Emitter<Self>, access: &Load, trapped: DynamicLabel);
    /// Calls the helper of a store of `value`, with the address saved. Goes to `trapped` if there was a trap.
    fn call_store(e: &mut Emitter<Self>, value: Host, access: &Store, trapped: DynamicLabel);
    /// Calls the helper of a quadword. Goes to `trapped` if there was a trap.
    fn call_quad(e: &mut Emitter<Self>, access: &Quad, trapped: DynamicLabel);
    /// `host ←` the address that a helper's call has saved.
    fn saved_address(e: &mut Emitter<Self>, host: Host);

    /// `host ←` doubleword 0 of VSR `n`.
    fn get_vsr(e: &mut Emitter<Self>, host: Host, n: usize);
    /// Doubleword 0 of VSR `n` `← host`, doubleword 1 `← 0`.
    fn put_vsr(e: &mut Emitter<Self>, n: usize, host: Host);
    /// Orders this processor's accesses for other host threads: all of them, as `insn` says, or stores.
    fn order(e: &mut Emitter<Self>, insn: &Insn, all: bool);
}

impl<A: Memory> Emitter<A> {
    /// A host register with the value to store.
    fn stored(&mut self, from: Place) -> Host {
        match from {
            Place::Gpr(n) => self.value(n, A::VALUE),
            Place::Fpr(n) => {
                A::get_vsr(self, A::VALUE, n);
                A::VALUE
            }
        }
    }

    fn put_loaded(&mut self, to: Place, host: Host) {
        match to {
            Place::Gpr(n) => self.put(n, host),
            Place::Fpr(n) => A::put_vsr(self, n, host),
        }
    }

    /// Accesses storage at the address.
    pub(super) fn access(&mut self, insn: &Insn, access: MemoryAccess) {
        let (from, done, dirty) = (self.label(), self.label(), self.dirty);
        match &access {
            MemoryAccess::Load(load) => {
                A::lookup(self, load.size, false, from);
                let to = match load.to {
                    // The address must survive for the update.
                    Place::Gpr(n) => self.target(n, A::VALUE),
                    Place::Fpr(_) => A::VALUE,
                };
                A::load(self, to, load);
                self.update(load.update, A::ADDRESS);
                self.put_loaded(load.to, to);
            }
            MemoryAccess::Store(store) => {
                A::lookup(self, store.size, true, from);
                let value = self.stored(store.from);
                A::store(self, value, store);
                self.update(store.update, A::ADDRESS);
            }
            MemoryAccess::Quad(quad) => {
                A::lookup(self, 4, quad.store, from);
                A::quad(self, quad);
            }
        }
        self.bind(done);
        self.push_out_of_line(from, dirty, SlowPath::Access { done, place: insn.place(), access });
    }

    fn update(&mut self, ra: Option<Guest>, host: Host) {
        if let Some(ra) = ra {
            self.put(ra, host);
        }
    }

    /// Lets a helper access storage at the address; the registers in `dirty` may be dirty.
    pub(super) fn access_out_of_line(&mut self, access: &MemoryAccess, place: i32, dirty: Set) {
        let volatile = self.volatile();
        self.store_mapped(dirty & volatile);
        let trapped = self.label();
        self.push_out_of_line(trapped, dirty & !volatile, SlowPath::Failed { place });
        let update = match access {
            MemoryAccess::Load(load) => {
                A::call_load(self, load, trapped);
                load.update
            }
            MemoryAccess::Store(store) => {
                let value = self.stored(store.from);
                A::call_store(self, value, store, trapped);
                store.update
            }
            MemoryAccess::Quad(quad) => {
                A::call_quad(self, quad, trapped);
                None
            }
        };
        self.load_mapped(volatile);
        if update.is_some() {
            A::saved_address(self, A::SCRATCH);
            self.update(update, A::SCRATCH);
        }
        if let MemoryAccess::Load(load) = access {
            self.put_loaded(load.to, A::ADDRESS);
        }
    }
}
