#!/bin/bash
# run.sh [SUITE...] - run test suites, each printing TAP, and sum up.
#
# Environment: BUILD (normal objects), SANBUILD (AddressSanitizer and UBSan).  The last line is
# `N passed, N failed` and, when tests were skipped, `, N skipped`.  Each suite's whole output is
# kept in $BUILD/log/SUITE; failures and skips are shown here.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build} SANBUILD=${SANBUILD:-build/san}
export BUILD SANBUILD
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
mkdir -p "$BUILD/log"
suites=${*:-lint unit conf vectors trace sim transcript system hostile kernel interop fuzz}
passed=0 failed=0 skipped=0

suite_lint() {
	tests/lint/layers.sh
	tests/lint/vendor.sh
	tests/lint/pure.sh "$BUILD"
	tests/lint/length.sh
	tests/lint/compile.sh
	tests/lint/man.sh "$BUILD"
	tests/lint/guide.sh "$BUILD"
	tests/lint/idents.sh
	tests/lint/directives.sh
	tests/lint/flaws.sh
	tests/lint/protocol.sh "$BUILD"
}

# cmocka programs: TAP on standard output; a program that dies without a verdict has failed.
suite_unit() {
	local program out rc
	for program in $(find "$SANBUILD/tests" -maxdepth 1 -name 'test_*' -type f | sort); do
		out=$(CMOCKA_MESSAGE_OUTPUT=TAP timeout 120 "$program" 2>&1)
		rc=$?
		printf '%s\n' "$out" | sed "s/^\(ok\|not ok\) [0-9]* - /\1 - ${program##*/}: /"
		if [ $rc != 0 ] && ! printf '%s\n' "$out" | grep -q '^not ok'; then
			echo "not ok - ${program##*/}: ended with status $rc"
		fi
	done
}

suite_conf() { local s; for s in tests/conf/run*.sh; do BUILD=$SANBUILD "$s" "$SANBUILD/bin"; done; }
suite_vectors() {
	"$SANBUILD/tests/vectors" tests/vectors/esp-ah-ipcomp/linux-6.1.json
	"$SANBUILD/tests/window"
	"$BUILD/tests/window" 100000000
}
suite_trace() { "$SANBUILD/tests/trace" tests/trace/*.trace; }
suite_sim() { "$BUILD/tests/sim" -j 2 1 1000 each; "$SANBUILD/tests/sim" -j 2 1000 20 all; "$BUILD/tests/sim" --mutants; }
suite_transcript() { BUILD=$SANBUILD tests/transcript/run.sh; }
suite_system() {
	local s
	for s in tests/system/test_*.sh; do BIN=$SANBUILD/bin timeout 300 "$s" || echo "not ok - $s: status $?"; done
	timeout 300 tests/system/demo.sh >"$BUILD/log/demo" 2>&1 && echo 'ok - demo' ||
		{ tail -n 30 "$BUILD/log/demo" | sed 's/^/# /'; echo 'not ok - demo'; }
}
suite_hostile() { BUILD=$SANBUILD tests/hostile/run.sh tests/vectors/hostile-datagrams/datagrams.json; }
suite_kernel() { tests/kernel/run.sh; }
suite_interop() { tests/interop/run.sh; }
suite_fuzz() {
	make --no-print-directory -s -j2 DEPS=no CC=clang FUZZ=1 SAN=1 COV=1 BUILD="$BUILD/cov" \
		fuzz-bins >&2 ||
		{ echo 'not ok - fuzz: targets do not build'; return; }
	BUILD=$BUILD/cov FUZZ_SEED=1 tests/fuzz/run.sh "${FUZZ_SECONDS:-1}"
	BUILD=$BUILD/cov tests/fuzz/coverage.sh
}

run() { # suite: its output into the log, how long it took beside it
	local start log=$BUILD/log/$1
	start=$(date +%s)
	"suite_$1" >"$log" 2>"$log.err"
	echo $(($(date +%s) - start)) >"$log.seconds"
}

report() { # suite
	local log=$BUILD/log/$1 ok skip bad
	ok=$(grep -c '^ok' "$log")
	skip=$(grep -ciE '^ok.*# *skip' "$log")
	bad=$(grep -c '^not ok' "$log")
	if [ "$ok" = 0 ] && [ "$bad" = 0 ]; then
		echo "not ok - $1: no test ran" >>"$log"
		bad=1
	fi
	grep -iE '^ok.*# *skip' "$log"
	grep -E '^not ok' -B 12 "$log" | grep -vE '^ok'
	sed -n 's/^#= //p' "$log" # a table of a suite's own
	[ "$bad" = 0 ] || tail -n 20 "$log.err" >&2
	printf '%-12s %5d passed, %d failed, %d skipped (%d s)\n' "$1" $((ok - skip)) "$bad" "$skip" \
		"$(cat "$log.seconds")"
	passed=$((passed + ok - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

# The private kernel has one processor and waits much: its suites run beside the others.
here= guest=
for suite in $suites; do
	case $suite in kernel | interop) guest="$guest $suite" ;; *) here="$here $suite" ;; esac
done
for suite in $guest; do run "$suite"; done &
beside=$!
for suite in $here; do
	run "$suite"
	report "$suite"
done
wait $beside
for suite in $guest; do report "$suite"; done
total="$passed passed, $failed failed"
[ $skipped = 0 ] || total="$total, $skipped skipped"
echo "$total"
[ $failed = 0 ] && [ $passed != 0 ]
