#!/bin/sh
# run.sh SECONDS [TARGET...] - every libFuzzer target for SECONDS (or, as -runs=N, for N inputs),
# from its corpus, two at a time.  TAP.  BUILD is where `make fuzz-bins` put the targets.
#
# FUZZ_SEED makes the inputs the same each time, as a check needs it: whoever changed something else
# shall not meet what chance found today.
#
# New inputs go to a scratch folder, not into the corpus; what made a target fail is kept in
# $BUILD/crashes and named in the output.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build/fuzz}
crashes=$BUILD/crashes

one() { # SECONDS SCRATCH TARGET: its line of TAP into SCRATCH/TARGET.tap
	seconds=$1 scratch=$2 target=$3
	limit="-max_total_time=$seconds" guard=$((300 + ${seconds#-runs=}))
	case $seconds in -runs=*) limit=$seconds guard=36000 ;; esac
	mkdir -p "$scratch/$target"
	corpus=tests/fuzz/corpus/${target#fuzz_}
	[ -d "$corpus" ] || corpus=
	dict=tests/fuzz/${target#fuzz_}.dict
	[ -f "$dict" ] && dict=-dict=$dict || dict=
	seed=${FUZZ_SEED:+-seed=$FUZZ_SEED}
	if [ ! -x "$BUILD/fuzz/$target" ]; then
		echo "not ok - fuzz: $target was not built"
		return
	fi
	# shellcheck disable=SC2086
	if timeout -k 10 "$guard" "$BUILD/fuzz/$target" $limit $seed $dict -max_len=8192 \
		-rss_limit_mb=2048 -timeout=20 -print_final_stats=1 -artifact_prefix="$crashes/$target-" \
		"$scratch/$target" $corpus >"$scratch/$target.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/$target.log")
		echo "ok - fuzz: $target, ${runs:-?} inputs"
	else
		tail -n 40 "$scratch/$target.log" | sed 's/^/# /'
		echo "not ok - fuzz: $target; repeat with $BUILD/fuzz/$target FILE of $crashes/$target-*"
	fi
}

if [ "${1:-}" = --one ]; then
	one "$2" "$3" "$4" >"$3/$4.tap"
	exit 0
fi
seconds=${1:-3}
[ $# = 0 ] || shift
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:abort_on_error=0:symbolize=1:detect_leaks=1"
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export LLVM_PROFILE_FILE=/dev/null # of a build that counts lines: coverage.sh's affair
export BUILD
mkdir -p "$crashes"
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT INT TERM
[ $# != 0 ] || set -- $(cd tests/fuzz && ls fuzz_*.c | sed 's/\.c$//')
printf '%s\n' "$@" | xargs -P 2 -n 1 tests/fuzz/run.sh --one "$seconds" "$scratch"
for target; do
	cat "$scratch/$target.tap"
done >"$scratch/tap"
cat "$scratch/tap"
echo "1..$#"
! grep -q '^not ok' "$scratch/tap" && [ "$(grep -c '^ok' "$scratch/tap")" = $# ]
