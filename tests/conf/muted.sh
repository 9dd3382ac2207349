#!/bin/bash
# muted.sh [BLOCK/DIRECTIVE...] - make a directive of racoon.conf be without effect, one at a time, and
# see whether the test that tests/conf/directives.tsv names for it notices.  TAP.  No part of check:
# needs root, takes about a quarter of an hour.
#
# Works on a copy of the sources in a scratch folder, where the directive that the environment names in
# MUTE is read and forgotten.  The same tests must pass there while nothing is muted.
set -u
cd "$(dirname "$0")/../.." || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT INT TERM
cp -r GNUmakefile lib logicals ipsec setkey racoon server netcontrol tests "$scratch/" || exit 1
cd "$scratch" || exit 1

muted='bool conf_muted(const struct conf_row *table, const char *word)'
perl -0pi -e "s/(static bool\nread_row\()/$muted __attribute__((weak));\n\n\$1/; s/(\t\treturn) (read_row\(ctx, row, s, into\);\n\tunknown)/\$1 (conf_muted != NULL \&\& conf_muted(table, row->keyword)) || \$2/" lib/conf.c
perl -0pi -e "s/(static const char \*\nscript_fault)/$muted;\n\n\$1/; s/(\nrc_set_path\(.*?return false;\n)/\$1\tif (conf_muted(NULL, s->word[1].text))\n\t\treturn true;\n/s" racoon/conf/rc_load.c
if ! grep -q 'conf_muted(table' lib/conf.c || ! grep -q 'conf_muted(NULL' racoon/conf/rc_load.c; then
	echo 'not ok - muted: it does not apply to the sources'
	exit 1
fi
cat >>racoon/conf/rc_rows.c <<'C'
#include <stdlib.h>
#include <string.h>
bool conf_muted(const struct conf_row *table, const char *word);
bool
conf_muted(const struct conf_row *table, const char *word)
{
	static const struct { const struct conf_row *rows; const char *name; } known[] = {
#define BLOCK(b) { rc_##b##_rows, #b }
		BLOCK(top), BLOCK(timer), BLOCK(listen), BLOCK(padding), BLOCK(remote),
		BLOCK(proposal), BLOCK(sainfo), BLOCK(privsep), BLOCK(mode_cfg), BLOCK(radius),
		BLOCK(ldap), { NULL, "path" },
	};
	const char *mute = getenv("MUTE"), *slash = mute == NULL ? NULL : strchr(mute, '/');

	for (size_t i = 0; slash != NULL && i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].rows == table && strlen(known[i].name) == (size_t)(slash - mute) &&
			strncmp(mute, known[i].name, (size_t)(slash - mute)) == 0)
			return strcmp(slash + 1, word) == 0;
	return false;
}
C
unit=$(grep -v '^#' tests/conf/directives.tsv | cut -f3 | sed -n 's|^tests/unit/\(.*\)\.c$|b/tests/\1|p' | sort -u)
# shellcheck disable=SC2086
if ! make -s -j2 DEPS=no OPT=-O1 BUILD=b all $unit >log 2>&1 </dev/null; then
	tail -n 20 log | sed 's/^/# /'
	echo 'not ok - muted: the sources do not build'
	exit 1
fi

passes() { # file, name: is there a test of that name that passes?
	local text
	case $1 in
	*.c) CMOCKA_TEST_FILTER=$2 timeout 60 "b/tests/$(basename "$1" .c)" 2>&1 | grep -q "^\[       OK \] $2\$" ;;
	*.sh) text=$(printf '%s' "$2" | sed 's/[][().*+?{}|^$\\]/\\&/g')
		system_run "$1" "$text" | grep -Eq "^ok [0-9]+ - $text\$" ;;
	*.conf) ! BUILD=b timeout 120 tests/conf/run_racoon.sh 2>&1 | grep -q "^not ok [0-9]* - racoon/$(basename "$1" .conf)[ :]" ;;
	esac
}
# One run tells of all tests while nothing is muted; else no longer than it takes to hear of this one.
system_run() { # file, pattern
	local out pid
	out=run.$(basename "$1")
	[ -z "${MUTE:-}" ] || out=run.muted
	if [ -n "${MUTE:-}" ] || [ ! -s "$out" ]; then
		BIN=b/bin timeout 150 "$1" >"$out" 2>/dev/null &
		pid=$!
		while kill -0 $pid 2>/dev/null; do
			[ -z "${MUTE:-}" ] || ! grep -Eq "^(not )?ok [0-9]+ - $2\$" "$out" || kill $pid
			sleep 0.3
		done
		wait $pid 2>/dev/null
	fi
	cat "$out"
}
bad=0
tab=$(printf '\t')
while IFS=$tab read -r block word file name; do
	[ $# = 0 ] || case " $* " in *" $block/$word "*) ;; *) continue ;; esac
	unset MUTE
	if ! passes "$file" "$name"; then
		echo "not ok - muted: $block/$word: $file $name does not pass as it is"
		bad=1
		continue
	fi
	export MUTE=$block/$word
	if passes "$file" "$name"; then
		echo "not ok - muted: $block/$word: $file $name does not notice"
		bad=1
	else
		echo "ok - muted: $block/$word: $file $name"
	fi
done < <(grep -v '^#' tests/conf/directives.tsv)
exit $bad
