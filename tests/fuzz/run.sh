#!/bin/sh
# run.sh SECONDS [TARGET...] - every libFuzzer target for SECONDS (or, as -runs=N, for N inputs),
# from its corpus.  TAP.  BUILD is where `make fuzz-bins` put the targets.
#
# New inputs go to a scratch folder, not into the corpus; what made a target fail is kept in
# $BUILD/crashes and named in the output.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-3}
[ $# = 0 ] || shift
BUILD=${BUILD:-build/fuzz}
limit="-max_total_time=$seconds" guard=$((300 + ${seconds#-runs=}))
case $seconds in -runs=*) limit=$seconds guard=600 ;; esac
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:abort_on_error=0:symbolize=1:detect_leaks=1"
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
crashes=$BUILD/crashes
mkdir -p "$crashes"
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT INT TERM
bad=0 count=0
[ $# != 0 ] || set -- $(cd tests/fuzz && ls fuzz_*.c | sed 's/\.c$//')
for target; do
	count=$((count + 1))
	mkdir -p "$scratch/$target"
	corpus=tests/fuzz/corpus/${target#fuzz_}
	[ -d "$corpus" ] || corpus=
	if [ ! -x "$BUILD/fuzz/$target" ]; then
		echo "not ok - fuzz: $target was not built"
		bad=1
		continue
	fi
	dict=tests/fuzz/${target#fuzz_}.dict
	[ -f "$dict" ] && dict=-dict=$dict || dict=
	# shellcheck disable=SC2086
	if timeout -k 10 "$guard" "$BUILD/fuzz/$target" $limit $dict -max_len=8192 -rss_limit_mb=2048 \
		-timeout=20 -print_final_stats=1 -artifact_prefix="$crashes/$target-" \
		"$scratch/$target" $corpus >"$scratch/log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log")
		echo "ok - fuzz: $target, ${runs:-?} inputs"
	else
		bad=1
		tail -n 40 "$scratch/log" | sed 's/^/# /'
		echo "not ok - fuzz: $target; repeat with $BUILD/fuzz/$target FILE of $crashes/$target-*"
	fi
done
echo "1..$count"
exit $bad
