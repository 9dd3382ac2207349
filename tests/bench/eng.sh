# eng.sh - what one packet costs in the engine alone, with 1 and with 100,000 SAs and policies.
#
# Sourced by tests/bench/run.sh.  No network: tests/bench/eng_bench_main.c hands packets from one
# engine to another and counts the processor's time.

bench_eng() {
	local program=${BUILD:-build}/tests/eng_bench
	[ -x "$program" ] || make --no-print-directory -s DEPS=no BUILD="${BUILD:-build}" "$program" || return 1
	"$program" "${ENG_PACKETS:-200000}" "${ENG_SAS:-100000}"
}
