#!/bin/sh
# Run fuzz targets with the stable toolchain: fuzz/run.sh SECONDS [TARGET...]
#
# These are cargo-fuzz's flags for coverage, without a sanitizer, which stable Rust does not offer. --target keeps them
# away from build scripts. Inputs that fail are left in fuzz/artifacts; `fuzz/run.sh 0 TARGET` runs the corpus once.
set -eu
cd "$(dirname "$0")"
seconds=$1
shift
[ $# -gt 0 ] || set -- hpt_chunk ram_chunk instruction gdb_packet
host=$(rustc -vV | sed -n 's/^host: //p')
flags="--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 -Cllvm-args=-sanitizer-coverage-level=4"
flags="$flags -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags="$flags -Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS="$flags" cargo build --quiet --release --target "$host"
for target; do
	mkdir -p "corpus/$target" artifacts
	if [ "$seconds" = 0 ]; then limit=-runs=0; else limit=-max_total_time=$seconds; fi
	echo "fuzz: $target, $seconds s"
	"${CARGO_TARGET_DIR:-target}/$host/release/$target" "$limit" -max_len=8300 -timeout=10 -print_final_stats=1 \
		-artifact_prefix="artifacts/$target-" "corpus/$target" >"artifacts/$target.log" 2>&1 || {
		tail -n 40 "artifacts/$target.log"
		exit 1
	}
	grep -E 'DONE|number_of_executed_units' "artifacts/$target.log"
done
