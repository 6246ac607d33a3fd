"""pytest's plugin: one boot for a run, a fork for each test, reports with the guest's facts, and wrong use."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import program
from test_linux import guest
from test_linux import pytestmark as pytestmark

import pyspapr
from pyspapr import Machine, Panicked
from pyspapr import config as spapr_config
from pyspapr.harness import boots
from pyspapr.harness.recipe import Recipe
from pyspapr.harness.store import Store

pytest_plugins = ["pytester"]

# pytester drops modules that are first imported in a run, and the package imports many of its own late.
for module in pkgutil.walk_packages(pyspapr.__path__, "pyspapr."):
    if not module.name.endswith("__main__"):
        with contextlib.suppress(ModuleNotFoundError):  # parts for other frameworks need these
            importlib.import_module(module.name)

TRAP = 0x7FE00008
LOOP = "struct.pack('<16I', *[0x60000000] * 15, 0x4BFFFFC4)"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the guest is kept for all tests here."""
    return tmp_path_factory.mktemp("boots")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are as wide as what they say."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def suite(pytester: pytest.Pytester, cache: Path) -> pytest.Pytester:
    """A folder of tests that says which guest it is for."""
    write_ini(pytester, cache)
    return pytester


def write_ini(pytester: pytest.Pytester, cache: Path | str, **more: str) -> None:
    options = {
        "kernel": guest("linux/vmlinux"),
        "initrd": guest("initrd.cpio"),
        "append": "console=hvc0 pyspapr.shell",
        "cache": cache,
        "engine": spapr_config.DEFAULT_ENGINE,
        **more,
    }
    lines = "".join(f"spapr_{name} = {value}\n" for name, value in options.items())
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider -p no:xdist\n" + lines)


@pytest.fixture
def boot_count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was booted in this process."""
    seen: list[str] = []
    original = boots.boot

    def counted(recipe: Recipe, engine: spapr_config.Engine | None) -> Machine:
        seen.append(recipe.append)
        return original(recipe, engine)

    monkeypatch.setattr(boots, "boot", counted)
    return seen


def test_each_test_has_a_fork_of_one_boot(pytester: pytest.Pytester, tmp_path: Path, boot_count: list[str]) -> None:
    write_ini(pytester, tmp_path)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_nothing_stays(spapr, number):
            assert spapr.shell("ls /tmp").output == ""
            spapr.shell("echo >/tmp/file").check()
            assert spapr.shell("ls /tmp").output == "file\\n"

        def test_several_machines(spapr_snapshot):
            with spapr_snapshot.fork() as one, spapr_snapshot.fork() as other:
                assert one.state_hash() == other.state_hash()
    """)
    pytester.runpytest_inprocess().assert_outcomes(passed=5)
    assert len(boot_count) == 1
    pytester.runpytest_inprocess().assert_outcomes(passed=5)
    assert len(boot_count) == 1  # the second run finds it
    pytester.runpytest_inprocess("--spapr-append", "console=hvc0 quiet pyspapr.shell").assert_outcomes(passed=5)
    assert len(boot_count) == 2
    assert len(list(tmp_path.glob("*.spapr"))) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.glob("*.spapr"))
    for path in tmp_path.glob("*.spapr"):
        path.write_bytes(path.read_bytes()[:100_000])
    pytester.runpytest_inprocess().assert_outcomes(passed=5)
    assert len(boot_count) == 3  # a damaged one is made again


def test_a_failed_tests_report_has_the_guests_facts_and_its_machine(suite: pytest.Pytester, tmp_path: Path) -> None:
    suite.makepyfile("""
        def test_wrong(spapr):
            assert spapr.shell("echo what the guest says").output == "something else"
    """)
    result = suite.runpytest_inprocess(
        "--spapr-seed", "77", "--spapr-failures", str(tmp_path / "kept"), f"--junit-xml={tmp_path / 'junit.xml'}"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError*",
            "*guest: console*",
            "what the guest says",
            "*guest: kernel log*",
            "*Run /init as init process*",
            "*guest: registers*",
            "*pc c0000*",
            "*guest: calls*",
            "*system_call_exception+0x*",
            "*guest: machine*",
            f"seed 77, engine {spapr_config.DEFAULT_ENGINE}, power8, 1024 MiB",
            "*guest: saved machine*",
            "pyspapr restore *.spapr",
        ]
    )
    assert "\x1b" not in result.stdout.str()
    assert "what the guest says" in (tmp_path / "junit.xml").read_text()
    (path,) = (tmp_path / "kept").iterdir()
    assert str(path) in result.stdout.str()
    with Machine.restore(path) as vm:
        assert vm.shell("echo on").output == "on\n"
    command = program("restore", path, "--max-instructions", "1000")
    assert subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 4


ENDINGS = {
    "panic": (
        "spapr.shell('echo c >/proc/sysrq-trigger')",
        "GuestPanic",
        "sysrq triggered crash",
        "sysrq_handle_crash",
    ),
    "oops": (
        f"spapr.virtual.store(spapr.symbol('version_proc_show'), {TRAP:#x}, 4); spapr.shell('cat /proc/version')",
        "GuestOops",
        "Oops",
        "version_proc_show",
    ),
    "lockup": (
        "spapr.shell('echo 1 >/proc/sys/kernel/watchdog_thresh').check(); "
        f"spapr.virtual.write(spapr.symbol('version_proc_show'), {LOOP}); "
        "spapr.shell('cat /proc/version', timeout=4)",
        "GuestHang",
        "soft lockup",
        "version_proc_show",
    ),
    "hang": (
        "at = spapr.symbol('vfs_write'); spapr.cpus[0]['pc'] = at; spapr.cpus[0]['msr'] &= ~0x8000; "
        "spapr.virtual.store(at, 0x48000000, 4); spapr.shell('true')",
        "GuestHang",
        "can never wake",
        "vfs_write",
    ),
    "warning": (
        "spapr.shell('mknod /dev/kmsg c 1 11; echo \"<4>WARNING: CPU: 0 at mm/made.c:1 up+0x0/0x1\" >/dev/kmsg')",
        "GuestWarning",
        "WARNING: CPU: 0 at mm/made.c:1",
        "",
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_an_ending_fails_the_test_with_the_kernels_text_and_calls(
    suite: pytest.Pytester, name: str, tmp_path: Path
) -> None:
    action, kind, text, symbol = ENDINGS[name]
    suite.makepyfile(f"""
        import struct

        def test_it(spapr):
            try:
                {action}
            except Exception:
                pass  # who does not look fails as well

        def test_it_raises(spapr):
            {action}
    """)
    result = suite.runpytest_inprocess(f"--spapr-failures={tmp_path}")
    result.assert_outcomes(failed=2)
    output = result.stdout.str()
    for one in re.split(r"___ test_it(?:_raises)? ___", output)[1:]:
        assert f" guest: {kind} " in one
        said = one[one.index(f" guest: {kind} ") :]
        assert text in said
        assert re.search(rf"Calls:\n(.*\n)*?.*{symbol}", said)
        assert not re.search(r"pyspapr/(testing|partition)/\w+\.py:\d+: in", one)  # of no interest to a test's author
    if name == "panic":
        with Machine.restore(next(tmp_path.iterdir())) as vm:
            assert isinstance(vm.ended, Panicked)


def test_a_marker_allows_what_a_kernel_reports(suite: pytest.Pytester) -> None:
    action = ENDINGS["warning"][0]
    suite.makepyfile(f"""
        import pytest

        @pytest.mark.spapr(allow_warnings=True)
        def test_warning(spapr):
            {action}
            assert spapr.log.warnings

        @pytest.mark.spapr(check=False)
        def test_anything(spapr):
            {ENDINGS["oops"][0]}

        @pytest.mark.spapr(allow_warnings=True)
        def test_an_oops_is_no_warning(spapr):
            {ENDINGS["oops"][0]}
    """)
    suite.runpytest_inprocess().assert_outcomes(passed=2, failed=1)


def test_markers_are_nearer_than_options_and_options_than_the_ini_file(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import pytest

        pytestmark = pytest.mark.spapr(seed=5, memory="512M")

        def test_module(spapr):
            assert (spapr.config.seed, spapr.config.ram_size >> 20) == (5, 512)

        @pytest.mark.spapr(seed=6, engine="interp")
        def test_function(spapr):
            assert (spapr.config.seed, spapr.config.ram_size >> 20, spapr.engine) == (6, 512, "interp")
            assert spapr.shell("echo hi").output == "hi\\n"
    """)
    suite.makepyfile(
        test_other="""
        def test_options(spapr):
            assert (spapr.config.seed, spapr.config.ram_size >> 20) == (4, 1024)
    """
    )
    suite.runpytest_inprocess("--spapr-seed", "4").assert_outcomes(passed=3)


def test_a_tests_time_is_the_guests(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import pytest

        @pytest.mark.spapr(timeout=3)
        def test_waits_for_ever(spapr):
            spapr.expect("what never comes")

        @pytest.mark.spapr(timeout=3)
        def test_runs_for_ever(spapr):
            spapr.run()

        @pytest.mark.spapr(timeout=3)
        def test_takes_several_times(spapr):
            for number in range(5):
                spapr.shell("sleep 1")

        @pytest.mark.spapr(timeout=3600)
        def test_has_time(spapr):
            spapr.shell("sleep 1000", timeout=2000).check()
    """)
    result = suite.runpytest_inprocess()
    result.assert_outcomes(failed=3, passed=1)
    result.stdout.fnmatch_lines(
        ["*'what never comes' did not appear: the time limit of 3 s of guest time was reached*"]
    )
    result.stdout.fnmatch_lines(["*used up the 3 s of its time*spapr(timeout=)*"])
    result.stdout.fnmatch_lines(["*'sleep 1' did not appear: the time limit of 3 s of guest time was reached*"])


@pytest.mark.parametrize(
    ("arguments", "mark", "message"),
    [
        (["--spapr-kernel", "nonesuch"], "", "kernel *nonesuch cannot be read: No such file*"),
        (["--spapr-memory", "7"], "", "memory size 7 *outside 32M to 4T*"),
        (["--spapr-cpu", "power7"], "", "unknown CPU 'power7': choose one of power8, *"),
        (["--spapr-engine", "fast"], "", "unknown engine 'fast': choose interp or jit"),
        (["--spapr-seed", "x"], "", "--spapr-seed is 'x', expected an integer"),
        (["--spapr-timeout", "soon"], "", "--spapr-timeout is 'soon', expected a number"),
        (["--spapr-timeout", "-1"], "", "timeout is -1*, expected *0 or more"),
        (["-o", "spapr_cache_size=big"], "", "spapr_cache_size 'big' is not a number *"),
        (["-o", "spapr_snapshots=some"], "", "spapr_snapshots is 'some', expected a number*"),
        (["-o", "spapr_kernel="], "", "needs a kernel: give --spapr-kernel FILE, set spapr_kernel *"),
        ([], "kernle='vmlinux'", "@pytest.mark.spapr has no keyword 'kernle'; it has kernel, *"),
        ([], "'512M'", "@pytest.mark.spapr takes keywords only, as in *"),
        ([], "check=1", "check is 1, expected True or False"),
        ([], "append=5", "append is 5, expected a text"),
        ([], "seed='5'", "seed is '5', expected a whole number"),
        ([], "smp='2'", "smp is '2', expected a whole number"),
    ],
)
def test_wrong_use_is_one_line_before_anything_runs(
    suite: pytest.Pytester, arguments: list[str], mark: str, message: str, boot_count: list[str]
) -> None:
    suite.makepyfile(f"""
        import pytest

        @pytest.mark.spapr({mark})
        def test_it(spapr):
            pass
    """)
    result = suite.runpytest_inprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{message}"])
    assert len(result.stderr.lines) <= 3 and not boot_count


def test_those_who_do_not_use_it_need_no_kernel(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_boot_that_fails_is_tried_once_and_says_how_far_it_came(
    suite: pytest.Pytester, boot_count: list[str]
) -> None:
    suite.makepyfile("""
        import pytest

        pytestmark = pytest.mark.spapr(append="console=hvc0 panic=0 root=/dev/none", initrd=None)

        def test_one(spapr):
            pass

        def test_two(spapr):
            pass
    """)
    result = suite.runpytest_inprocess()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        ["*the guest did not boot as far as a shell: *the guest panicked*", "*guest: console*", "*mount_block_root*"]
    )
    assert len(boot_count) == 1


def test_a_guest_without_linux_is_one_as_well(suite: pytest.Pytester, demo_guest: Path) -> None:
    suite.makepyfile(f"""
        import pytest

        pytestmark = pytest.mark.spapr(
            kernel={str(demo_guest)!r}, initrd=None, append="rounds=48", memory="256M", prompt="round 16"
        )

        def test_it(spapr):
            spapr.expect("round 20")

        def test_broken(spapr):
            spapr.hpt.clear()
            spapr.run(max_instructions=1_000_000)
            assert False
    """)
    result = suite.runpytest_inprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*guest: kernel log*", "(there is no kernel's log*", "*guest: registers*"])


SEEDED = """
    import hashlib, os, pathlib
    import pytest
    from pyspapr import Machine

    COMMANDS = [
        "head -c 64 /dev/urandom | sha256sum",
        "i=0; while [ $i -lt 200 ]; do i=$((i + 1)); done; echo $i; sleep 5; cat /proc/uptime",
        "cat /proc/interrupts; date; ls -la /",
    ]

    @pytest.mark.parametrize("name", ["straight", "again", "restored"])
    def test_it(spapr, name, tmp_path):
        vm, transcript = spapr, b""
        for number, command in enumerate(COMMANDS):
            vm.shell(command).check()
            if name == "restored" and number == 1:
                transcript = vm.console.raw
                vm.save(tmp_path / "middle.spapr")
                vm = Machine.restore(
                    tmp_path / "middle.spapr"
                )
        transcript += vm.console.raw
        facts = f"{hashlib.sha256(transcript).hexdigest()} {vm.instructions} {vm.state_hash()}"
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        pathlib.Path(os.environ["FACTS"], f"{worker}-{name}-{os.getpid()}-{vm.engine}").write_text(facts)
"""


def test_a_seeded_test_is_the_same_everywhere(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice; as the run that boots and one that finds the boot; on each engine; in workers of xdist; and with a save
    and a restore in the middle."""
    facts = tmp_path / "facts"
    facts.mkdir()
    monkeypatch.setenv("FACTS", str(facts))
    write_ini(pytester, tmp_path / "cache")
    pytester.makepyfile(SEEDED)

    def run(*arguments: str) -> None:
        command = [sys.executable, "-m", "pytest", "-p", "xdist", *arguments]
        done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    run("-n", "2", "-p", "no:cacheprovider")  # two workers need the guest at once
    assert len(list((tmp_path / "cache").glob("*.spapr"))) == 1
    run()
    for engine in spapr_config.ENGINES:
        run("--spapr-engine", engine, "--spapr-cache", "none", "-k", "straight or restored")
    found = {path.name: path.read_text() for path in facts.iterdir()}
    assert len(found) == 3 + 3 + 4 and len(set(found.values())) == 1, found
    run("--spapr-seed", "1", "-k", "straight")
    assert len({path.read_text() for path in facts.iterdir()}) == 2


def test_ktap_of_a_command_is_a_test_for_each_result(suite: pytest.Pytester) -> None:
    suite.makepyfile(r"""
        import pytest
        from pyspapr.testing import Ktap

        results = Ktap(command='''
            echo "KTAP version 1"; echo 1..2
            echo "  KTAP version 1"; echo "  # Subtest: suite"; echo "  1..4"
            echo "  ok 1 good"
            echo "  # bad: EXPECTATION FAILED at lib/bad.c:7"
            echo "  not ok 2 bad"
            echo "  ok 3 absent # SKIP no device"
            echo "  not ok 4 known # TODO later"
            echo "not ok 1 suite"; echo "ok 2 whole"
        ''')
    """)
    result = suite.runpytest_inprocess("-v")
    result.assert_outcomes(passed=2, failed=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "*::results::suite::good PASSED*",
            "*::results::suite::bad FAILED*",
            "*::results::suite::absent SKIPPED*no device*",
            "*::results::suite::known XFAIL*later*",
            "*::results::whole PASSED*",
            "the guest's test 'bad' failed",
            "# bad: EXPECTATION FAILED at lib/bad.c:7",
            "*guest: machine*",
        ]
    )
    suite.runpytest_inprocess("-k", "good").assert_outcomes(passed=1, deselected=4)


def test_ktap_items_have_what_other_plugins_look_at(suite: pytest.Pytester) -> None:
    suite.makeconftest("""
        def pytest_runtest_setup(item):
            assert "strategy" not in item.fixturenames
    """)
    suite.makepyfile(r"""
        from pyspapr.testing import Ktap

        results = Ktap(command="echo KTAP version 1; echo 1..1; echo ok 1 first")
    """)
    suite.runpytest_inprocess().assert_outcomes(passed=1)


def test_ktap_of_a_guest_that_dies_says_what_ran_and_why_it_ended(suite: pytest.Pytester) -> None:
    suite.makepyfile(r"""
        from pyspapr.testing import KUNIT_RESULTS, Ktap

        results = Ktap(command="echo KTAP version 1; echo 1..3; echo ok 1 first; echo c >/proc/sysrq-trigger")
        nothing = Ktap(command="echo hello")
        kunit = Ktap(command=KUNIT_RESULTS)
    """)
    result = suite.runpytest_inprocess("-v", "--continue-on-collection-errors")
    result.assert_outcomes(passed=1, failed=1, errors=2)
    result.stdout.fnmatch_lines(["*there is no KTAP in what*; KUnit's results need a kernel with CONFIG_KUNIT*"])
    result.stdout.fnmatch_lines(
        ["*::results::first PASSED*", "*::results::2 of 3 did not run FAILED*", "*there is no KTAP in what*"]
    )
    result.stdout.fnmatch_lines(["*guest: GuestPanic*", "Kernel panic - not syncing: sysrq*", "*sysrq_handle_crash*"])


def test_a_closed_machine_is_the_tests_own_affair(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        def test_it(spapr):
            spapr.close()

        def test_fails(spapr):
            spapr.close()
            assert False
    """)
    result = suite.runpytest_inprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*the test has closed it*"])


def test_a_fork_searches_no_memory_for_what_its_parent_knows(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    recipe = Recipe(
        kernel=str(guest("linux/vmlinux")), initrd=str(guest("initrd.cpio")), append="console=hvc0 pyspapr.shell"
    )
    booted = boots.Boots(Store(cache)).booted(recipe)

    def searched(vm: object) -> None:
        raise AssertionError("the memory of a fork was searched")

    monkeypatch.setattr("pyspapr.debug.printk.find_vmcoreinfo", searched)
    with booted.fork() as vm:
        assert booted.failures(vm) == [] and vm.log.records
