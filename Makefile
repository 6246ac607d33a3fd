# `make help` lists what people do here. Debian 12, Rust 1.95 and Python 3.11 are all that must be there; what else a
# target needs is installed by it (system packages with apt, as root or through sudo).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Also where another environment is active: maturin installs into the one that these name.
export VIRTUAL_ENV := $(abspath $(VENV))
unexport CONDA_PREFIX
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
JOBS ?= $(shell nproc)
RUNS ?= 3
ENGINES ?= jit interp
SEED ?= 1
SECONDS ?= 60
EXAMPLES ?= 5000

# Command that must exist : package that has it.
TOOLS := qemu-system-ppc64:qemu-system-ppc qemu-ppc64le-static:qemu-user-static \
	powerpc64le-linux-gnu-gcc:gcc-powerpc64le-linux-gnu powerpc64-linux-gnu-gcc:gcc-powerpc64-linux-gnu \
	powerpc64le-linux-gnu-objdump:binutils-powerpc64le-linux-gnu \
	powerpc64-linux-gnu-objdump:binutils-powerpc64-linux-gnu \
	dtc:device-tree-compiler gdb-multiarch:gdb-multiarch

AARCH64_TOOLS := aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64-static:qemu-user-static \
	/usr/aarch64-linux-gnu/lib/libc.so.6:libc6-dev-arm64-cross

.PHONY: help venv build demo tools guests guest test test-rust test-newer-qemu test-aarch64 test-python lint lockstep lockstep-random lockstep-linux hunt soak anywhere bench fuzz format coverage golden wheel doc docs clean

help: ## what people do here
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy python3-venv; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade pip

$(VENV)/.ready: $(BIN)/python pyproject.toml
	$(BIN)/pip install -q 'maturin>=1.16,<2' $$($(BIN)/python tools/requirements.py test docs)
	touch $@

venv: $(VENV)/.ready ## a virtual environment with what development needs

build: venv ## the package, release mode, usable in place
	$(BIN)/maturin develop --release --quiet

demo: build ## boot the guest that ships with the package
	$(BIN)/python -m pyspapr demo

tools: # system packages the tests compare with
	@missing=""; for pair in $(TOOLS); do \
		command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair#*:}"; done; \
	[ -z "$$missing" ] || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends $$missing; }

guests: venv ## fetch the real guests (Debian's kernel, installer and busybox) to .cache/guests
	$(BIN)/python tools/fetch_guests.py

guest: tools ## rebuild the guest that ships with the package
	$(MAKE) -C guests

test: lint test-rust test-python ## everything: style, Rust tests, Python tests, real kernels

test-rust: tools ## the Rust tests
	cargo test --workspace --exclude native --release

test-newer-qemu: tools venv ## instructions against the newest QEMU of Debian's later suites (N instances of each; see versus_qemu)
	PATH=$$($(BIN)/python tools/newer_qemu.py):$$PATH \
	cargo test --release -p ppc-core --test versus_qemu

test-aarch64: TOOLS := $(AARCH64_TOOLS)
test-aarch64: tools ## the compiler for aarch64 hosts: engines in lock-step, as an aarch64 program under QEMU
	$(PYTHON) tools/aarch64.py lockstep engine

test-python: build tools guests ## the Python tests, the real-kernel boots among them, once with each of ENGINES
	@for engine in $(ENGINES); do \
		$(BIN)/python -m pytest -n $(JOBS) -q --engine $$engine || exit; done

format: venv ## format Rust and Python as `make lint` wants them
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: venv doc ## formatting, lints, types and the Rust documentation
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --release -- -D warnings
	cargo clippy --quiet --manifest-path fuzz/Cargo.toml --release -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

lockstep: lockstep-random lockstep-linux ## both engines side by side, from SEED on for SECONDS: random programs, and Linux (`make -j2`: at once)

lockstep-random:
	PYSPAPR_LOCKSTEP_SECONDS=$(SECONDS) PYSPAPR_LOCKSTEP_SEED=$(SEED) \
	cargo test --quiet --release -p partition --test lockstep -- --nocapture random_programs_leave

lockstep-linux: build guests
	PYTHONPATH=tools $(BIN)/python tests/lockstep_linux.py $(SECONDS) $(JOBS) $(SEED)

hunt: build guests ## Debian's installer with the host's clock, disturbed, recorded and replayed, for SECONDS from SEED on
	PYTHONPATH=tools $(BIN)/python tests/hunt.py $(SECONDS) $(SEED)

soak: build ## a thousand migrations in a row, with reboots, cancels and cut links mixed in; 500 machines made and dropped
	$(BIN)/python tests/soak.py 1000
	$(BIN)/python tests/lifetimes.py 500

anywhere: build guests ## save and restore the built-in guest at 10,000 instruction counts and Linux at 100; fuzz the stream
	PYSPAPR_ANYWHERE_POINTS=10000 PYSPAPR_LINUX_POINTS=100 PYSPAPR_FUZZ_EXAMPLES=100000 \
	$(BIN)/python -m pytest -n $(JOBS) -q -o timeout=14400 tests/test_save.py tests/test_save_linux.py tests/test_stream.py

bench: build tools guests ## workloads, boots, saves, restores, migrations, decimals beside QEMU's; exits; hash table passes; .cache/bench.json
	@$(BIN)/python benches/all.py --runs $(RUNS)

fuzz: build ## each fuzz target for SECONDS, then hypothesis with EXAMPLES for what Python decodes
	$(BIN)/python fuzz/seeds.py
	fuzz/run.sh $(SECONDS)
	PYSPAPR_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n $(JOBS) -q --timeout=0 --hypothesis-profile=fuzz \
		tests/test_stream.py tests/test_vmstate.py tests/test_qmp.py

coverage: build tools guests ## which lines of the Python package the tests run: .cache/coverage/index.html
	$(BIN)/python -m pytest -n $(JOBS) -q --cov=pyspapr --cov-report=html:.cache/coverage --cov-report=term:skip-covered

golden: build ## write tests/data's golden files of NUMBER, after a schema has changed
	$(BIN)/python tools/golden.py $(NUMBER)

wheel: venv ## a wheel for any Linux with glibc 2.28 or newer, in dist/
	$(BIN)/pip install -q 'maturin[zig]>=1.16,<2'
	PATH=$(abspath $(BIN)):$$PATH $(BIN)/maturin build --release --locked --compatibility manylinux_2_28 --zig --out dist

docs: build ## the documentation site, warnings being errors: docs/_build/index.html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build

doc: ## the Rust documentation, warnings being errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

clean: ## remove what was built; fetched guests stay
	rm -rf target $(VENV) pyspapr/_native*.so
