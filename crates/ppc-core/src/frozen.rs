//! A processor as it was at some moment: what forks begin with, and what a machine that is reset goes back to.
//!
//! Must hold: no processor runs meanwhile. Both functions name every field of their source, so that a new one does not compile
//! before somebody has decided what becomes of it.

use crate::{
    host_clock::HostClock,
    model::Model,
    ram::RealAddr,
    slb::Slb,
    state::{Cpu, Reservation, Vscr, Xer},
    time::{Clock, Decrementer},
    tlb::{Contexts, Readable},
    trap::Fault,
};

/// Cached translations: never state, but a fork would have to make the same ones.
struct Translations {
    readable: Readable,
    data_contexts: Contexts,
    data_context: u64,
    fetch_contexts: Contexts,
    fetch_context: [u32; 2],
}

/// The state of a processor, without the memory and the table that it works on and without caches.
pub struct State {
    gpr: [u64; 32],
    crf: [u8; 8],
    xer: Xer,
    lr: u64,
    ctr: u64,
    msr: u64,
    cia: u64,
    nia: u64,
    vsr: [u128; 64],
    fpscr: u64,
    vscr: Vscr,
    vrsave: u32,
    reservation: Reservation,
    fault: Fault,
    model: &'static Model,
    slb: Slb,
    spr: Box<[u64; 1024]>,
    lpcr: u64,
    icount: u64,
    idle_nanos: u64,
    clock: Option<HostClock>,
    tb_offset: u64,
    stood: u64,
    dec: Decrementer,
    random_state: u64,
    external: bool,
    system_reset: bool,
    doorbell: bool,
    translations: Option<Translations>,
}

impl State {
    /// Which processor it is.
    pub fn model(&self) -> &'static Model {
        self.model
    }
}

impl Cpu {
    /// The present state. A clock goes on, but without its log.
    pub fn state(&self) -> State {
        let Self {
            gpr,
            crf,
            xer,
            lr,
            ctr,
            msr,
            cia,
            nia,
            vsr,
            fpscr,
            vscr,
            vrsave,
            reservation,
            fault,
            model,
            index: _,
            ram,
            hpt: _,
            slb,
            spr,
            lpcr,
            icount,
            limit: _,
            spent: _,
            idle_nanos,
            clock,
            tb_offset,
            stood,
            dec,
            random_state,
            external,
            system_reset,
            doorbell,
            thread: _,
            rung: _,
            tlb,
            data_contexts,
            fetch_contexts,
            data_context,
            pages_shrunk,
            fetch_context,
            fetch_flush,
            code_writable: _,
            changed_code: _,
            outside: _,
            runtime: _,
        } = self;
        State {
            gpr: *gpr,
            crf: *crf,
            xer: *xer,
            lr: *lr,
            ctr: *ctr,
            msr: *msr,
            cia: *cia,
            nia: *nia,
            vsr: *vsr,
            fpscr: *fpscr,
            vscr: *vscr,
            vrsave: *vrsave,
            reservation: *reservation,
            fault: *fault,
            model,
            slb: slb.clone(),
            spr: spr.clone(),
            lpcr: *lpcr,
            icount: *icount,
            idle_nanos: *idle_nanos,
            clock: match clock {
                Clock::Virtual => None,
                Clock::Host(host) => Some(host.without_log()),
            },
            tb_offset: *tb_offset,
            stood: *stood,
            dec: *dec,
            random_state: *random_state,
            external: *external,
            system_reset: *system_reset,
            doorbell: *doorbell,
            translations: (!pages_shrunk && !fetch_flush).then(|| Translations {
                readable: tlb.readable(ram.host_address(RealAddr(0))),
                data_contexts: data_contexts.clone(),
                data_context: *data_context,
                fetch_contexts: fetch_contexts.clone(),
                fetch_context: *fetch_context,
            }),
        }
    }

    /// Takes over a state. This processor's translations are forgotten, and its windows and watched ranges stay: they belong
    /// to its machine. A `fresh` one, which has never looked for an instruction, gets translations with the state; it must have
    /// the same entries in its hash table.
    pub fn set_state(&mut self, state: &State, fresh: bool) {
        let State {
            gpr,
            crf,
            xer,
            lr,
            ctr,
            msr,
            cia,
            nia,
            vsr,
            fpscr,
            vscr,
            vrsave,
            reservation,
            fault,
            model,
            slb,
            spr,
            lpcr,
            icount,
            idle_nanos,
            clock,
            tb_offset,
            stood,
            dec,
            random_state,
            external,
            system_reset,
            doorbell,
            translations,
        } = state;
        self.gpr = *gpr;
        self.crf = *crf;
        self.xer = *xer;
        self.lr = *lr;
        self.ctr = *ctr;
        self.msr = *msr;
        self.cia = *cia;
        self.nia = *nia;
        self.vsr = *vsr;
        self.fpscr = *fpscr;
        self.vscr = *vscr;
        self.vrsave = *vrsave;
        self.reservation = *reservation;
        self.fault = *fault;
        self.model = model;
        self.slb.clone_from(slb);
        self.spr.clone_from(spr);
        self.lpcr = *lpcr;
        self.icount = *icount;
        self.idle_nanos = *idle_nanos;
        self.clock = clock.as_ref().map_or(Clock::Virtual, |host| Clock::Host(host.without_log()));
        self.tb_offset = *tb_offset;
        self.stood = *stood;
        self.dec = *dec;
        self.random_state = *random_state;
        self.external = *external;
        self.system_reset = *system_reset;
        self.doorbell = *doorbell;
        self.outside.forget();
        match translations {
            // Nobody else knows the numbers of contexts, and no entry of a watched page is among these.
            Some(known) if fresh && !self.is_watched() => {
                self.tlb.set_readable(&known.readable, self.ram.host_address(RealAddr(0)));
                self.data_contexts = known.data_contexts.clone();
                self.data_context = known.data_context;
                self.fetch_contexts = known.fetch_contexts.clone();
                self.fetch_context = known.fetch_context;
                self.request_event();
            }
            // Whatever they were made from: registers that watch addresses count, too.
            _ => {
                self.tlb.clear();
                self.data_contexts.forget_all();
                self.fetch_contexts.forget_all();
                self.context_changed();
            }
        }
    }
}
