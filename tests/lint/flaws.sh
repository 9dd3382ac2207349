#!/bin/sh
# flaws.sh - every flaw of tests/hostile/flaws.tsv has the test that it names.  TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0 count=0
tab=$(printf '\t')
while IFS=$tab read -r flaw file name; do
	case $flaw in '#'* | '') continue ;; esac
	count=$((count + 1))
	case $file:$name in
	*.c:?*) grep -q "cmocka_unit_test($name)" "$file" 2>/dev/null ;;
	*.sh:?*) grep -Fq "\"$name\"" "$file" 2>/dev/null ;;
	*:-) [ -f "$file" ] ;;
	*) false ;;
	esac || { echo "# $flaw: no test \"$name\" in $file"; bad=1; }
done <tests/hostile/flaws.tsv
[ $count -gt 10 ] || bad=1
if [ $bad -eq 0 ]; then
	echo "ok - flaws: $count flaws have their tests"
	exit 0
fi
echo "not ok - flaws: tests of known flaws"
exit 1
