"""Whether a JSON value is of the type that a Python annotation names.

The annotations of a command's function are its schema: `str`, `int`, `bool`, `float`, `Any`, `Literal`, `list[...]`,
typed dictionaries, and `X | None` for a member that may be missing. Messages are QEMU's, because scripts match them.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from pyspapr.qmp.errors import QmpError

INT_MIN: Final = -(1 << 63)
INT_MAX: Final = (1 << 64) - 1

_NAMES: Final[dict[Any, str]] = {str: "string", int: "integer", bool: "boolean", float: "number", list: "array"}


def type_name(wanted: Any) -> str:
    """The type in JSON's words, as errors and help say it."""
    wanted = strip_optional(wanted)
    origin = get_origin(wanted)
    if origin is Literal:
        return " or ".join(f'"{choice}"' for choice in get_args(wanted))
    if origin is list:
        return f"array of {type_name(get_args(wanted)[0])}"
    return _NAMES.get(wanted, "object")


def strip_optional(wanted: Any) -> Any:
    """`X` of `X | None`."""
    if get_origin(wanted) in (Union, UnionType):
        (wanted,) = (arm for arm in get_args(wanted) if arm is not NoneType)
    return wanted


def members(wanted: Any) -> dict[str, tuple[Any, bool]]:
    """Members of a typed dictionary: type, and whether it must be there."""
    return {name: (kind, name in wanted.__required_keys__) for name, kind in get_type_hints(wanted).items()}


def check(value: Any, wanted: Any, name: str) -> Any:
    """`value`, if it is what `wanted` says; raises QmpError naming the parameter `name` if not."""
    wanted = strip_optional(wanted)
    if wanted is Any:
        return value
    origin = get_origin(wanted)
    if origin is Literal:
        if not isinstance(value, str):
            raise QmpError(f"Invalid parameter type for '{name}', expected: string")
        if value not in get_args(wanted):
            raise QmpError(f"Parameter '{name}' does not accept value '{value}'; it is {type_name(wanted)}")
        return value
    if origin is list:
        if not isinstance(value, list):
            raise QmpError(f"Invalid parameter type for '{name}', expected: array")
        (item,) = get_args(wanted)
        return [check(element, item, f"{name}[{index}]") for index, element in enumerate(value)]
    if is_typeddict(wanted):
        if not isinstance(value, dict):
            raise QmpError(f"Invalid parameter type for '{name}', expected: object")
        return check_members(value, members(wanted), f"{name}.")
    return _scalar(value, wanted, name)


def _scalar(value: Any, wanted: Any, name: str) -> Any:
    kinds = (int, float) if wanted is float else wanted
    # bool is a subclass of int in Python and of nothing in JSON.
    if not isinstance(value, kinds) or (isinstance(value, bool) and wanted is not bool):
        raise QmpError(f"Invalid parameter type for '{name}', expected: {type_name(wanted)}")
    if isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
        raise QmpError(f"Parameter '{name}' is outside {INT_MIN} to {INT_MAX}")
    if isinstance(value, str) and "\0" in value:
        raise QmpError(f"Parameter '{name}' holds a NUL character")
    return float(value) if wanted is float else value


def check_members(values: dict[str, Any], wanted: dict[str, tuple[Any, bool]], prefix: str = "") -> dict[str, Any]:
    """`values`, if they are those of `wanted` (type and whether required, by name) and no others."""
    for name in values:
        if name not in wanted:
            raise QmpError(f"Parameter '{prefix}{name}' is unexpected")
    for name, (_, required) in wanted.items():
        if required and name not in values:
            raise QmpError(f"Parameter '{prefix}{name}' is missing")
    return {name: check(value, wanted[name][0], prefix + name) for name, value in values.items()}
