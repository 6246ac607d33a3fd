"""`boot --trace KINDS`: events as lines on standard error, or in a file when the run is over."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyspapr.cli.streams import complain
from pyspapr.errors import ConfigError
from pyspapr.migration.replacement import Replacement
from pyspapr.trace.trace import kinds_of

if TYPE_CHECKING:
    from pyspapr.cli.boot import Options
    from pyspapr.machine import Machine
    from pyspapr.trace.events import TraceEvent


def check(options: Options) -> None:
    """Raise ConfigError unless the options allow it."""
    if options.trace is None:
        if options.trace_file is not None:
            raise ConfigError("--trace-file needs --trace")
        return
    kinds_of(options.trace)
    if options.incoming is not None:
        raise ConfigError("--trace cannot be combined with --incoming: only the machine that is booted is traced")
    if options.trace_file is not None:
        Replacement(options.trace_file).discard()  # so that a place that cannot be written is known now


def print_line(event: TraceEvent) -> None:
    """On standard error."""
    print(json.dumps(event.as_json()), file=sys.stderr)


@contextmanager
def traced(vm: Machine, options: Options) -> Iterator[None]:
    """Trace `vm` within the context, and write the file at its end, however that comes."""
    if options.trace is None:
        yield
        return
    try:
        trace = vm.trace(*kinds_of(options.trace), sink=None if options.trace_file is not None else print_line)
    except KeyError as error:
        raise ConfigError(f"the kernel cannot be traced so: {error.args[0]}") from None
    try:
        yield
    finally:
        trace.stop()
        if options.trace_file is not None:
            if dropped := trace.total - len(trace):
                complain(f"the trace has the latest {len(trace):,} events; {dropped:,} came before")
            trace.write(options.trace_file)
