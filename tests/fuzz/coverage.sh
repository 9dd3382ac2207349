#!/bin/sh
# coverage.sh - which lines of the parsers the corpus of the fuzzers reaches.  TAP; BUILD is where
# `make COV=1 fuzz-bins` put targets that count lines.
#
# Every target reads its corpus once, without mutation; llvm-cov counts the lines that one or more
# of them reached.  Asked for: 90 % of the lines of all files of the list together, and 85 % of each
# (of racoon/conf/rc_psk.c 70 %: it opens psk.txt itself, which no target lets it).
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build/cov}
export LC_ALL=C
least=90 each=85

# What takes apart octets and texts of others: from the network, from files, from a session.  Not
# what only finds, opens and writes the files (rc_load.c, lnm_file.c).
parsers='
racoon/wire/wire_parse.c racoon/wire/wire_rows.c racoon/wire/wire_sa.c
racoon/ikev1/v1_frag.c racoon/ikev1/v1_id.c racoon/ikev1/v1_prop1.c racoon/ikev1/v1_prop2.c
racoon/ikev1/v1_vid.c racoon/ikev1/v1_natt.c racoon/ikev1/v1_info.c racoon/ikev1/v1_msg.c
racoon/ikev1/v1_accept.c racoon/ike/recv.c
racoon/conf/rc_id.c racoon/conf/rc_psk.c racoon/conf/rc_set.c racoon/conf/rc_remote.c
racoon/conf/rc_sainfo.c racoon/conf/rc_inert.c
racoon/auth/auth_plain.c
lib/stmt.c lib/conf.c lib/cmd.c lib/ctl.c lib/ctl_channel.c lib/verb.c lib/cry_dn.c lib/cry_x509.c
lib/svc.c lib/svc_edit.c lib/acc.c lib/net.c
logicals/lnm_parse.c logicals/lnm_spec.c
netcontrol/nc_script.c netcontrol/nc_expr.c
server/http.c
setkey/scan.c setkey/words.c setkey/policy.c setkey/sad.c setkey/spd.c setkey/ext.c setkey/algs.c
ipsec/pfkey.c ipsec/backend_xfrm_decode.c
'

command -v llvm-cov >/dev/null && command -v llvm-profdata >/dev/null ||
	{ echo 'not ok - fuzz-coverage: llvm-cov is missing: apt-get install llvm'; exit 1; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT INT TERM
bad=0 objects=
export scratch
one='name=${1##*/fuzz_}
	LLVM_PROFILE_FILE=$scratch/$name.profraw timeout 120 "$1" -runs=0 -rss_limit_mb=2048 \
		-timeout=20 -max_len=65536 "tests/fuzz/corpus/$name" >"$scratch/$name.log" 2>&1 ||
		echo "not ok - fuzz-coverage: the corpus of $name"'
for bin in "$BUILD"/fuzz/fuzz_*; do
	name=${bin##*/fuzz_}
	objects="$objects -object $bin"
	[ -d "tests/fuzz/corpus/$name" ] ||
		{ echo "not ok - fuzz-coverage: $name has no corpus"; bad=1; }
done
printf '%s\n' "$BUILD"/fuzz/fuzz_* | xargs -P 2 -n 1 sh -c "$one" one >"$scratch/failed"
cat "$scratch/failed"
[ ! -s "$scratch/failed" ] || bad=1
llvm-profdata merge -o "$scratch/all" "$scratch"/*.profraw || exit 1
# shellcheck disable=SC2086
llvm-cov export -summary-only -instr-profile "$scratch/all" ${objects# -object } $parsers \
	>"$scratch/json" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
# shellcheck disable=SC2086
jq -r --arg top "$PWD/" '.data[0].files[] | [.summary.lines.count, .summary.lines.covered,
	(.filename | ltrimstr($top))] | @tsv' "$scratch/json" |
	awk -v least="$least" -v each="$each" -v want="$(echo $parsers | wc -w)" '
	{ n += $1; c += $2; files++
	  of = $1 == 0 ? 100 : 100 * $2 / $1
	  printf "# %5.1f %% of %4d lines of %s\n", of, $1, $3
	  if (of < ($3 ~ /rc_psk/ ? 70 : each))
		printf "not ok - fuzz-coverage: %.1f %% of the lines of %s\n", of, $3 }
	END { p = n == 0 ? 0 : 100 * c / n
	  if (files != want)
		printf "not ok - fuzz-coverage: %d files of the list are there, not %d\n", files, want
	  printf "%s - fuzz-coverage: the corpus reaches %.1f %% of %d lines of the parsers\n",
		p < least ? "not ok" : "ok", p, n }' >"$scratch/tap"
cat "$scratch/tap"
! grep -q '^not ok' "$scratch/tap" && [ "$bad" = 0 ]
