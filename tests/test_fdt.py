"""The flattened device tree, held against Debian's own `dtc`."""

from __future__ import annotations

import struct
import subprocess

import pytest

from pyspapr import Machine, MachineConfig, fdt
from pyspapr.boot import devicetree
from pyspapr.config import CPU_MODELS
from pyspapr.rtas import tokens


def decompile(blob: bytes) -> str:
    """The source that dtc makes of a blob; complaints other than style fail."""
    done = subprocess.run(["dtc", "-I", "dtb", "-O", "dts", "-"], input=blob, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def built(cpu: str = "power8", append: str = "console=hvc0", **more: object) -> fdt.Node:
    config = MachineConfig(memory="1G", cpu=cpu, **more)  # type: ignore[arg-type]
    layout = devicetree.Layout(rtas=0x2FFF0000, rtas_size=0x10000, initrd=(0x3000000, 1000))
    vm = Machine(config).partition
    return devicetree.build(config, layout, append.encode(), vm.devices, tokens(vm.rtas_calls.values()))


def test_dtc_reads_every_kind_of_property() -> None:
    root = fdt.Node("", {"text": "a", "texts": ["b", "c"], "cell": 1, "cells": [2, 3], "flag": None, "bytes": b"xyz"})
    root.add("child@1", {"text": "again"}).add("grandchild")
    source = decompile(fdt.flatten(root, [(0x1000, 0x2000)]))
    for line in ('text = "a";', 'texts = "b", "c"', "cell = <0x01>;", "flag;", "child@1 {", "grandchild {"):
        assert line.replace(", ", "\\0") in source or line in source or line.replace('", "', "\\0") in source
    assert "/memreserve/\t0x0000000000001000 0x0000000000002000;" in source


def test_a_blob_survives_a_round_trip_through_dtc() -> None:
    blob = fdt.flatten(built(), [(0x2FFE0000, 0x20000)])
    source = decompile(blob)
    again = subprocess.run(
        ["dtc", "-I", "dts", "-O", "dtb", "-q", "-"], input=source.encode(), capture_output=True, check=True
    )
    assert decompile(again.stdout) == source


def test_the_header_is_version_17() -> None:
    blob = fdt.flatten(fdt.Node(""))
    magic, total, *_ = struct.unpack_from(">10I", blob)
    assert (magic, total) == (0xD00DFEED, len(blob))
    assert struct.unpack_from(">II", blob, 20) == (17, 16)


def test_a_property_name_is_stored_once() -> None:
    root = fdt.Node("", {"name-of-property": 1})
    root.add("a", {"name-of-property": 2})
    assert fdt.flatten(root).count(b"name-of-property") == 1


@pytest.mark.parametrize("cpu", CPU_MODELS)
def test_the_tree_names_the_processor(cpu: str) -> None:
    node = built(cpu).child(f"cpus/PowerPC,{cpu.upper()}@0")
    assert ("ibm,dec-bits" in node.properties) is (cpu != "power8")
    assert "ibm,processor-radix-AP-encodings" not in node.properties
    assert node["ibm,pft-size"] == fdt.encode([0, 23])
    assert node["ibm,dfp"] == fdt.encode(1)
    length = node["ibm,pa-features"][0]
    assert len(node["ibm,pa-features"]) == length + 2


@pytest.mark.parametrize("cpu", ["power9", "power10"])
def test_no_processor_claims_radix_or_transactions(cpu: str) -> None:
    features = built(cpu).child(f"cpus/PowerPC,{cpu.upper()}@0")["ibm,pa-features"][2:]
    assert features[22] == 0 and features[40] == 0


def test_power10_claims_what_it_has_and_not_what_it_lost() -> None:
    features = built("power10").child("cpus/PowerPC,POWER10@0")["ibm,pa-features"][2:]
    strong_access_order, watchpoint, dexcr, hashes = features[4], features[64], features[68], features[72]
    assert (strong_access_order, watchpoint, dexcr & 0x06, hashes) == (0, 0x80, 0x06, 0x80)


def test_the_kernel_learns_where_everything_is() -> None:
    root = built(append="quiet")
    chosen = root.child("chosen")
    assert chosen["bootargs"] == b"quiet\0"
    assert chosen["linux,initrd-end"] == fdt.u64(0x3000000 + 1000)
    assert root.child(chosen["stdout-path"][:-1].decode())["compatible"] == b"hvterm1\0"
    assert root.child("rtas")["linux,rtas-entry"] == fdt.encode(0x2FFF0000)


def test_the_seed_decides_the_random_properties() -> None:
    seeds = [built(seed=seed).child("chosen")["rng-seed"] for seed in (1, 1, 2)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_phandles_are_unique() -> None:
    handles = [node["phandle"] for node in built().walk() if "phandle" in node.properties]
    assert len(handles) == len(set(handles))
