"""VMState: the state of every device as a declared table.

`schema` has the tables, `types` the types of their fields, `layout` how they lie in a stream, `registry` which sections
a machine has, `compat` what a change of a table breaks.
"""

from pyspapr.vmstate.compat import compare
from pyspapr.vmstate.layout import Layout, parse_layout
from pyspapr.vmstate.registry import Section, check, dump, layouts, observable, sections, table_of
from pyspapr.vmstate.schema import PRIORITY_CPU, Field, Frozen, VMState
from pyspapr.vmstate.types import (
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    Array,
    Bool,
    Bytes,
    List,
    Str,
    Struct,
    VarBytes,
)

__all__ = [
    "I128",
    "PRIORITY_CPU",
    "U8",
    "U16",
    "U32",
    "U64",
    "U128",
    "Array",
    "Bool",
    "Bytes",
    "Field",
    "Frozen",
    "Layout",
    "List",
    "Section",
    "Str",
    "Struct",
    "VMState",
    "VarBytes",
    "check",
    "compare",
    "dump",
    "layouts",
    "observable",
    "parse_layout",
    "sections",
    "table_of",
]
