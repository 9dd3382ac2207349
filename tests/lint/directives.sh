#!/bin/sh
# directives.sh - every directive of racoon.conf has a test that shows that it acts.  TAP.
#
# tests/conf/directives.tsv has a line for each row of the tables in racoon/conf/rc_rows.c: block,
# directive, test file, name of the test.  The name must be a test of that file (a cmocka test, or
# the text of a system test's assertion); "-" is for golden files, which must hold the directive.
# The kinds of "path" have lines of their own.  That each test fails without its directive is seen by
# tests/conf/muted.sh.
set -u
cd "$(dirname "$0")/../.." || exit 1
table=tests/conf/directives.tsv
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM

awk '
/^const struct conf_row rc_[a-z_]*_rows\[\]/ { t = $4; sub(/\[\].*/, "", t); sub(/^rc_/, "", t); sub(/_rows$/, "", t) }
/^static|^const struct conf_word/ { t = "" }
t != "" {
	s = $0
	while (match(s, /(\{ |INERT(_WORDS)?\()"[a-z0-9_]+"/)) {
		k = substr(s, RSTART, RLENGTH); sub(/^[^"]*"/, "", k); sub(/"$/, "", k)
		print t "\t" k
		s = substr(s, RSTART + RLENGTH)
	}
}
/^\t\{ "path", "/ { # its kinds are as good as directives
	split($0, q, "\""); sub(/ .*/, "", q[4]); n = split(q[4], kind, "|")
	for (i = 1; i <= n; i++) print "path\t" kind[i]
}' racoon/conf/rc_rows.c | sort -u >"$work/rows"
grep -v '^#' "$table" | cut -f1,2 | sort >"$work/told"

bad=0
[ "$(wc -l <"$work/rows")" -gt 100 ] || { echo "# the rows of racoon/conf/rc_rows.c are not found"; bad=1; }
for line in $(sort "$work/told" | uniq -d | tr '\t' '/'); do echo "# $line is listed twice"; bad=1; done
for line in $(sort -u "$work/told" | comm -23 "$work/rows" - | tr '\t' '/'); do
	echo "# $line has no test in $table"; bad=1
done
for line in $(sort -u "$work/told" | comm -13 "$work/rows" - | tr '\t' '/'); do
	echo "# $line in $table is no directive"; bad=1
done
tab=$(printf '\t')
while IFS=$tab read -r block word file name; do
	case $block in '#'*) continue ;; esac
	if [ ! -f "$file" ]; then
		echo "# $block/$word: there is no $file"; bad=1; continue
	fi
	case $file:$name in
	*.c:?*) grep -q "cmocka_unit_test($name)" "$file" ;;
	*.sh:?*) grep -Fq "\"$name\"" "$file" ;;
	*.conf:-) grep -Eq "(^|[ {;	])$word([ ;{]|\$)" "$file" ;;
	*) false ;;
	esac || { echo "# $block/$word: no test \"$name\" in $file"; bad=1; }
done <"$table"
if [ $bad -eq 0 ]; then
	echo "ok - directives: $(wc -l <"$work/rows") directives have their tests"
	exit 0
fi
echo "not ok - directives: tests of racoon.conf's directives"
exit 1
