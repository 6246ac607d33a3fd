"""The phases of a migration, in order, as both roles go through them. This page is the protocol.

1. `setup`. The source connects and sends `hello`: what its machine is, and the newest protocol that it speaks. The
   destination compares, and answers `welcome` with the protocol that both go on with, or `refusal` naming the
   difference. Nothing of the machine has been sent.
2. `first-pass`. RAM and hash table, everything that is not zero, while the guest runs. The destination loads all of
   this, and what follows, into a machine built aside.
3. `iterate`. What changed since, pass after pass, while the guest runs.
4. `pre-switchover`. If it was asked to, the source waits here for `proceed()`; the guest runs on and passes go on.
5. `stop`. The guest stands still.
6. `final-pass`. What changed since the last pass, the devices, the end record with totals and digests.
7. `confirm`. The destination has checked all of it and sends `complete`: it holds a whole machine. It must not run it.
8. `handover`. The source gives up its right to run, for good; *then* it sends `go`. The destination waits for that.
9. `completed`. The destination has read `go`, sends `running`, and the guest runs on there. The source has read that.

Phases 2 to 6 are one stream, the same records as in a file; 1 and 7 to 9 are frames (`frames.py`) before and behind it.
A target without a way back (a file, a pipe) gets the stream alone: 1, 7 and 9 are left out, and the source gives up its
right to run when the last byte is written and synced.

**Who runs when something is cut.** Before 8 only the source may run: the destination starts upon `go` and nothing else,
and no `go` exists. Once `go` may have left the source never runs. So never both, whatever is lost and whenever. The
price is known as the two generals' problem and no protocol escapes it: one message is the last one, and whoever sent it
cannot know whether it arrived. Here that is `go`, on purpose:

- cut before `complete` has arrived: the source runs on, its marks are put back; the destination has nothing;
- cut between `complete` arriving and `go` leaving, and the source notices (the connection has ended, or takes not one
  byte of `go`): the source takes its right back and runs on. No `go` exists;
- `go` lost: neither runs by itself. The destination reports that it was not told to start and drops what it holds. The
  source reports `MigrationUnconfirmed`: it still holds the whole machine, but does not know;
- `go` arrived, `running` lost: the destination runs; the source reports `MigrationUnconfirmed` all the same.

In the last two cases a person (or a manager that can ask the destination) decides; when the destination does not run,
`Machine.reclaim()` gives the source its right back. Nothing here calls it.

**Silence.** Neither side waits for ever. A source that sends nothing for `patience.SILENCE`, or a destination that does
not say that it reads, counts as cut. A source with nothing to send (it waits for `proceed()`, or the guest is slow)
sends an empty record of RAM every few seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """Where a migration stands. The last four are ends."""

    SETUP = "setup"
    FIRST_PASS = "first-pass"
    ITERATE = "iterate"
    PRE_SWITCHOVER = "pre-switchover"
    STOP = "stop"
    FINAL_PASS = "final-pass"
    CONFIRM = "confirm"
    HANDOVER = "handover"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self in (Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.UNCONFIRMED)

    @property
    def live(self) -> bool:
        """Whether the source's guest runs in this phase."""
        return self in (Phase.SETUP, Phase.FIRST_PASS, Phase.ITERATE, Phase.PRE_SWITCHOVER)


QEMU_STATUS: Final = {
    Phase.SETUP: "setup",
    Phase.FIRST_PASS: "active",
    Phase.ITERATE: "active",
    Phase.PRE_SWITCHOVER: "pre-switchover",
    Phase.STOP: "device",
    Phase.FINAL_PASS: "device",
    Phase.CONFIRM: "device",
    Phase.HANDOVER: "device",
    Phase.COMPLETED: "completed",
    Phase.FAILED: "failed",
    Phase.CANCELLED: "cancelled",
    Phase.UNCONFIRMED: "failed",
}
"""The names of QMP's `MigrationStatus`, for events and scripts."""

QEMU_ARRIVAL_STATUS: Final = {
    **QEMU_STATUS,
    Phase.CONFIRM: "active",
    Phase.HANDOVER: "active",
}
"""The same at the destination, which has no `device` in QEMU."""
