"""KTAP: from what a guest prints to a tree of results."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyspapr.testing import Result, Status, parse
from pyspapr.testing.ktap import DEPTH_MAX, INDENT_MAX, LINE_MAX, LINES_MAX, NAME_MAX, RESULTS_MAX

KUNIT = """\
[    0.9] Freeing something
[    1.0] KTAP version 1
[    1.0] 1..2
[    1.0]     KTAP version 1
[    1.0]     # Subtest: example
[    1.0]     # module: example_test
[    1.0]     1..3
[    1.0]     ok 1 adds
[    1.0]     # subtracts: EXPECTATION FAILED at lib/example.c:12
[    1.0]     Expected 1 == 2
[    1.0]     not ok 2 subtracts
[    1.0]         KTAP version 1
[    1.0]         # Subtest: with parameters
[    1.0]         ok 1 zero
[    1.0]         ok 2 one # SKIP no one here
[    1.0]     ok 3 with parameters
[    1.0] # example: pass:2 fail:1 skip:0 total:3
[    1.0] not ok 1 example
[    1.0] ok 2 other
[    1.0] Run /init
"""
KSELFTEST = """\
TAP version 13
1..3
# selftests: mm: first
# TAP version 13
# 1..2
# # some words
# ok 1 maps
# not ok 2 unmaps
# # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:0 error:0
not ok 1 selftests: mm: first # exit=1
# selftests: mm: second
# cannot run
ok 2 selftests: mm: second # SKIP
# selftests: mm: third
not ok 3 selftests: mm: third # TIMEOUT 45 seconds
"""


def leaves(results: Iterable[Result]) -> list[tuple[str, Status]]:
    return [("/".join(path), one.status) for result in results for path, one in result.leaves()]


def test_kunits_suites_and_parameters_are_nested() -> None:
    results = parse(KUNIT)
    assert leaves(results) == [
        ("example/adds", Status.PASSED),
        ("example/subtracts", Status.FAILED),
        ("example/with parameters/zero", Status.PASSED),
        ("example/with parameters/one", Status.SKIPPED),
        ("other", Status.PASSED),
    ]
    example = results[0]
    assert "EXPECTATION FAILED at lib/example.c:12\nExpected 1 == 2" in example.children[1].text
    assert example.children[2].children[1].reason == "no one here"
    assert example.text == "# example: pass:2 fail:1 skip:0 total:3"


def test_kselftests_runner_nests_by_comments() -> None:
    results = parse(KSELFTEST)
    assert leaves(results) == [
        ("selftests: mm: first/maps", Status.PASSED),
        ("selftests: mm: first/unmaps", Status.FAILED),
        ("selftests: mm: second", Status.SKIPPED),
        ("selftests: mm: third", Status.FAILED),
    ]
    assert results[2].reason == "TIMEOUT 45 seconds"
    assert "cannot run" in results[1].text


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        ("ok 1 a", Status.PASSED, ""),
        ("not ok 1 a", Status.FAILED, ""),
        ("ok 1 - a", Status.PASSED, ""),
        ("ok 1 a # SKIP not here", Status.SKIPPED, "not here"),
        ("ok 1 a # skip: not here", Status.SKIPPED, "not here"),
        ("not ok 1 a # SKIP", Status.SKIPPED, ""),
        ("not ok 1 a # TODO later", Status.EXPECTED, "later"),
        ("ok 1 a # TODO later", Status.PASSED, "later"),
        ("ok 1 a # XFAIL known", Status.EXPECTED, "known"),
        ("not ok 1 a # XFAIL known", Status.EXPECTED, "known"),
        ("not ok 1 a # exit=1", Status.FAILED, "exit=1"),
        ("not ok 1 a # ERROR died", Status.FAILED, "ERROR died"),
    ],
)
def test_directives(line: str, status: Status, reason: str) -> None:
    assert parse(line) == [Result("a", status, reason)]


def test_a_crash_in_the_middle_is_a_result() -> None:
    crashed = KUNIT[: KUNIT.index("[    1.0]     not ok 2")] + "[    1.1] Kernel panic - not syncing: no\n"
    assert leaves(parse(crashed)) == [
        ("example/adds", Status.PASSED),
        ("example/2 of 3 did not run", Status.INCOMPLETE),
    ]
    assert "Kernel panic - not syncing" in parse(crashed)[0].children[-1].text
    assert leaves(parse("KTAP version 1\n1..2\nok 1 a\nBail out! no memory\nok 2 b\n"))[:2] == [
        ("a", Status.PASSED),
        ("1 of 2 did not run", Status.INCOMPLETE),
    ]
    assert leaves(parse("KTAP version 1\n")) == [("nothing ran", Status.INCOMPLETE)]


def test_documents_may_follow_each_other_and_begin_with_their_subtest() -> None:
    old = "    # Subtest: {0}\n    1..1\n    ok 1 - case\nok 1 - {0}\n"
    assert leaves(parse(old.format("one") + old.format("two"))) == [
        ("one/case", Status.PASSED),
        ("two/case", Status.PASSED),
    ]
    new = "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: {0}\n    1..1\n    ok 1 case\nok 1 {0}\n"
    assert leaves(parse(new.format("one") + new.format("two"))) == [
        ("one/case", Status.PASSED),
        ("two/case", Status.PASSED),
    ]


def test_a_suite_that_fails_by_itself_is_a_result_of_its_own() -> None:
    text = "KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: s\n  1..1\n  ok 1 a\nnot ok 1 s\n"
    assert leaves(parse(text)) == [("s/a", Status.PASSED), ("s", Status.FAILED)]


def test_a_plan_of_nothing_is_skipped() -> None:
    assert leaves(parse("TAP version 13\n1..0 # SKIP no hardware\n")) == [("all", Status.SKIPPED)]


def test_no_ktap_is_no_result() -> None:
    assert parse("hello\nok then\nnot ok\n# Subtests\n1.. 3\n") == []


def depth(results: Iterable[Result]) -> int:
    return max((1 + depth(one.children) for one in results), default=0)


def count(results: Iterable[Result]) -> int:
    return sum(1 + count(one.children) for one in results)


@pytest.mark.parametrize(
    "text",
    [
        "ok 1 a\n" * (RESULTS_MAX + 10),
        "\n".join(" " * number + "1..3" for number in range(3000)),
        "\n".join(" " * number + "not ok 1 a" for number in range(3000, 0, -1)),
        "# " * 100_000 + "ok 1 a",
        "ok 1 " + "a" * 1_000_000,
        "KTAP version 1\n" + "x\n" * 100_000 + "ok 1 a\n",
        "ok 1 a" + " #" * 200_000,
        "\n".join("  " * number + "KTAP version 1\n" + "  " * number + "# Subtest: s" for number in range(60)),
    ],
    ids=["results", "plans", "outwards", "comments", "name", "text", "directives", "deep"],
)
def test_what_a_guest_prints_takes_bounded_room_and_time(text: str) -> None:
    results = parse(text)
    assert depth(results) <= DEPTH_MAX + INDENT_MAX + 2
    assert count(results) <= RESULTS_MAX + DEPTH_MAX + INDENT_MAX + 2
    assert len(leaves(results)) <= RESULTS_MAX + DEPTH_MAX + INDENT_MAX + 2
    assert all(len(one.name) <= NAME_MAX + 40 for one in results)
    assert all(len(one.text) <= LINES_MAX * (LINE_MAX + 1) for one in results)


@pytest.mark.parametrize("head", ["", "KTAP version 1\n1..1\n", "KTAP version 1\n  KTAP version 1\n  # Subtest: s\n"])
def test_results_beyond_the_limit_hide_none_before_them(head: str) -> None:
    """Nested ones were lost with the suites around them: a guest that failed had no results at all."""
    text = head + "    not ok 1 a\n    ok 2 b\n" * RESULTS_MAX
    found = leaves(parse(text))
    assert sum(status is Status.FAILED for _, status in found) >= RESULTS_MAX // 2 - 1
    assert any(path.endswith(f"more than {RESULTS_MAX} results") for path, _ in found)


LINES = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.builds(
            lambda indent, text: " " * indent + text,
            st.integers(0, 12),
            st.sampled_from(
                ["KTAP version 1", "1..2", "1..0", "ok 1 a", "not ok 2 b # TODO", "# Subtest: s", "# ok 1 c", "# 1..1"]
            ),
        ),
        st.just("Bail out!"),
    ),
    max_size=40,
)


@given(LINES)
def test_any_lines_give_a_tree(lines: list[str]) -> None:
    results = parse("\n".join(lines))
    printed = sum(line.strip().startswith(("ok ", "not ok ")) for line in lines)
    plain = [one for one in leaves(results) if one[1] is not Status.INCOMPLETE]
    assert len(plain) <= printed + sum("1..0" in line for line in lines) + len(lines)
    assert all("\n" not in name and name.isprintable() for name, _ in leaves(results))


def test_control_characters_do_not_reach_a_report() -> None:
    (result,) = parse("KTAP version 1\n1..1\n# \x1b[31mred\x07\nnot ok 1 \x1b[2Ja\n")
    assert result == Result("?[2Ja", Status.FAILED, "", "# ?[31mred?")
