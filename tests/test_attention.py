"""How soon a guest that computes is interrupted, by a signal and by a kick.

Delays are counted in the processor time of the thread that runs the guest, so other work on the host does not lengthen
them.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

import pytest
from images import started

from pyspapr import Machine, _native
from pyspapr.config import Engine

SOON = 0.05
FOREVER = [0x38630001, 0x4BFFFFFC]  # addi r3,r3,1; b .-4
ROOTS = [0xFCA0302C, 0x4BFFFFFC]  # fsqrt f5,f6; b .-4
QUAD_ROOTS = [0xFCBB3648, 0x4BFFFFFC]  # xssqrtqp v5,v6; b .-4
FRESH_PAGES = [0xF8A40000, 0x7C847A14, 0x4BFFFFF8]  # std r5,0(r4); add r4,r4,r15; b .-8
CALLS = [0x7DC37378, 0x44000022, 0x4BFFFFF8]  # mr r3,r14; sc 1; b .-8
KINDS = pytest.mark.parametrize(
    "words",
    [FOREVER, ROOTS, QUAD_ROOTS, FRESH_PAGES, CALLS],
    ids=["loop", "square roots", "quadword square roots", "stores to fresh pages", "hypercalls"],
)
BOTH = pytest.mark.parametrize("engine", ["interp", "jit"])


def computing(engine: Engine, words: list[int]) -> Machine:
    """A guest that never ends, with its code warm."""
    vm = started(Machine(memory="4G", cpu="power9", engine=engine), *words)
    cpu = vm.cpus[0]
    cpu.msr |= 1 << 13 | 1 << 25 | 1 << 23  # floating point, vectors, both
    cpu.f6 = 0x000F_FFFF_FFFF_FFFF  # a denormal number
    cpu.vs38 = 0x3FFF_1234_5678_9ABC_DEF0_1234_5678_9ABC
    cpu.r4, cpu.r15 = 1 << 20, 4096
    cpu.r14 = 0x0C  # H_READ, which is native
    cpu.vcpu.run(10_000)
    return vm


@BOTH
@KINDS
def test_ctrl_c_is_answered_soon(engine: Engine, words: list[int]) -> None:
    vm = computing(engine, words)
    delays = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        delays.append(time.process_time() - due)
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGPROF, interrupt)
    try:
        for _ in range(5):
            due = time.process_time() + 0.03
            signal.setitimer(signal.ITIMER_PROF, 0.03)
            with pytest.raises(KeyboardInterrupt):
                vm.run()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
    assert max(delays) < SOON, delays


@BOTH
@KINDS
def test_a_kick_is_seen_soon(engine: Engine, words: list[int]) -> None:
    vcpu = computing(engine, words).cpus[0].vcpu
    delays = []
    for _ in range(20):
        runs = threading.Event()
        ended: list[float] = []

        def run(runs: threading.Event = runs, ended: list[float] = ended) -> None:
            runs.set()
            assert vcpu.run() == _native.EXIT_KICKED
            ended.append(time.thread_time())

        thread = threading.Thread(target=run)
        thread.start()
        runs.wait()
        clock = time.pthread_getcpuclockid(thread.ident or 0)
        begin = time.clock_gettime(clock)
        while time.clock_gettime(clock) < begin + 0.003:
            time.sleep(0.001)
        vcpu.kick()
        try:
            kicked = time.clock_gettime(clock)
        except OSError:  # the thread has ended already
            kicked = None
        thread.join()
        delays.append(0.0 if kicked is None else ended[0] - kicked)
    assert max(delays) < SOON, delays
