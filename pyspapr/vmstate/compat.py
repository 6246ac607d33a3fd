"""What a change of the schemas breaks. Enters: two dumps (`vmstate.dump`). Leaves: sentences, none when nothing breaks.

"Breaks" means: a stream that the old version wrote is not read, or is read wrongly, by the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Dump = Mapping[str, Any]


def compare(old: Dump, new: Dump) -> list[str]:
    """What breaks between two versions, in order of section names."""
    found = []
    for name in sorted(set(old) | set(new)):
        if name not in new:
            found.append(f"{name}: the section is gone, so streams that have it are refused")
        elif name not in old:
            found.append(f"{name}: the section is new and not optional, so streams without it are refused")
        else:
            found += compare_section(name, old[name], new[name])
    return found


def compare_section(name: str, old: Dump, new: Dump) -> list[str]:
    """What breaks within one section."""
    found = []
    if new["minimum_version"] > old["version"]:
        found.append(f"{name}: version {old['version']} is below the minimum version {new['minimum_version']}")
    if new["version"] < old["version"]:
        found.append(f"{name}: the version fell from {old['version']} to {new['version']}")
    had = [(field, kind) for field, kind, _ in old["fields"]]
    reads = [(field, kind) for field, kind, since in new["fields"] if since <= old["version"]]
    kinds = dict(had)
    for field, kind in reads:
        if field not in kinds:
            found.append(f"{name}: field {field} is new, but says it was in version {old['version']} already")
        elif kinds[field] != kind:
            found.append(f"{name}: field {field} was {kinds[field]} and is {kind}")
    gone = [field for field, _ in had if field not in dict(reads)]
    found += [f"{name}: field {field} is gone, or claims to be newer than version {old['version']}" for field in gone]
    if not gone and [field for field, _ in had if field in dict(reads)] != [f for f, _ in reads if f in kinds]:
        found.append(f"{name}: the fields are in another order")
    for part, described in sorted(old["subsections"].items()):
        if part not in new["subsections"]:
            found.append(f"{name}: subsection {part} is gone, so streams that have it are refused")
        else:
            found += compare_section(part, described, new["subsections"][part])
    return found
