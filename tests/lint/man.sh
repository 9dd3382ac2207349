#!/bin/sh
# man.sh [BUILD] - the manual pages are well-formed and say what the sources say.  TAP.
#
# Every option, directive, verb, qualifier, algorithm and message is looked up in its page, and the
# examples are given to the programs in BUILD/bin, where they were built.
set -u
build=${1:-${BUILD:-build}}
cd "$(dirname "$0")/../.." || exit 1
case $build in /*) ;; *) build=$PWD/$build ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM

say() { # name, findings
	if [ -z "$2" ]; then echo "ok - man: $1"; else echo "$2" | sed 's/^/# /'; echo "not ok - man: $1"; fi
}
missing() { # page, kind of thing, macros; things on standard input: those that no line of these has
	grep -E "^\.(${3:-It|Cm}) " "$1" >"$work/bold"
	sort -u | while IFS= read -r thing; do
		[ -z "$thing" ] || grep -qwF -e "$thing" "$work/bold" || echo "$1 has no $2 $thing"
	done
}
# Keywords of the directive tables in a source: `struct conf_row NAME[] = {` to `};`.
directives() {
	awk '/struct conf_row .*\[\] = \{/ { on = 1 } /^\};/ { on = 0 }
		on { rest = $0
			while (match(rest, /(\{ |INERT\(|\.keyword = )"[a-z0-9_-]+"/)) {
				word = substr(rest, RSTART, RLENGTH)
				gsub(/^[^"]*"|"$/, "", word)
				print word
				rest = substr(rest, RSTART + RLENGTH)
			} }' "$1" | grep -vx 'NULL'
}
# Verbs and qualifiers: first strings of the rows of `struct verb` and `struct verb_qual` tables.
rows() { # source, table's type
	awk -v type="struct $2" 'index($0, type " ") && /\[\] = \{/ { on = 1 } /^\};/ { on = 0 }
		on && match($0, /^\t\{ (\.name = )?"[A-Z]+"/) {
			word = substr($0, RSTART, RLENGTH); gsub(/^[^"]*"|"$/, "", word); print word }' "$1"
}
# Keywords that a verb takes as a parameter: [ISAKMP|IPSEC|ALL].
keywords() { grep -oE '"\[?[A-Z]+(\|[A-Z]+)+\]?"' "$1" | tr -d '"[]' | tr '|' '\n'; }

# ------------------------------------------------------------------------------------------ form
if command -v mandoc >/dev/null; then
	for page in doc/*.[158]; do
		say "$page is well-formed" "$(mandoc -Tlint -W warning "$page" 2>&1)"
	done
else
	echo 'ok - man: pages are well-formed # SKIP mandoc is not installed'
fi
say 'every page has its sections' "$(for page in doc/*.[158]; do
	sections='NAME DESCRIPTION FILES EXIT_STATUS EXAMPLES DIAGNOSTICS SEE_ALSO'
	case $page in *.[18]) sections="$sections SYNOPSIS" ;; esac
	for section in $sections; do
		section=$(echo "$section" | tr _ ' ')
		grep -qx -e ".Sh $section" "$page" || echo "$page has no section $section"
	done
done)"
say 'every program has its page' "$(for main in */*_main.c */*/*_main.c; do
	name=${main##*/} name=${name%_main.c}
	case $main in tests/* | racoon/ikev1/*) continue ;; esac
	[ -e "doc/$name.1" ] || [ -e "doc/$name.8" ] || echo "no page of $name"
done)"
say 'references lead to pages' "$(sed -n -E 's/^\.Xr ([^ ]+) ([0-9]).*/\1.\2/p' doc/*.[158] | sort -u |
	while read -r page; do [ -e "doc/$page" ] || echo "no doc/$page"; done)"

# --------------------------------------------------------------------------------------- options
letters() { # source: getopt's string, `-x` literals, and the cases of racoon's own scanner
	grep -oE 'getopt(_long)?\(argc, argv, ":?[A-Za-z0-9:]+"' "$1" | sed 's/.*"\(.*\)"/\1/' | tr -d ':' | fold -w 1
	grep -oE '"-[A-Za-z]"' "$1" | tr -d '"-'
	case $1 in */options.c)
		grep -oE "case '[A-Za-z0-9]'" "$1" | cut -c 7
		grep -oE 'strchr\("[A-Za-z0-9]+", letter\)' "$1" | cut -d '"' -f 2 | fold -w 1
	esac
}
say 'options' "$(while read -r source page; do
	sed -n -E 's/^\.It .*Fl (.*)/ \1 /p; s/^\.It (Fl .*)/ \1 /p' "$page" >"$work/items"
	letters "$source" | sort -u | while read -r letter; do
		[ -z "$letter" ] || grep -qE -e " $letter( |\$)" "$work/items" || echo "$page: no option -$letter"
	done
	sed -n -E 's/^\t+\{ "([a-z-]+)", (no|required)_argument.*/\1/p' "$source" | while read -r long; do
		grep -qE -e " -$long( |\$)" "$work/items" || echo "$page: no option --$long"
	done
done <<'L'
setkey/setkey_main.c doc/setkey.8
ipsec/ipsecd_main.c doc/ipsecd.8
server/multinet_server_main.c doc/multinet_server.8
racoon/daemon/options.c doc/racoon.8
netcontrol/netcontrol_main.c doc/netcontrol.1
logicals/logical_main.c doc/logical.1
L
)"

# ------------------------------------------------------------------------- directives, algorithms
say 'directives of racoon.conf' "$(directives racoon/conf/rc_rows.c | missing doc/racoon.conf.5 directive)"
# What is refused there is said to be, and nothing else is.
refused() { # pattern of setters: the directives that have one of them
	tr '\n\t' '  ' <racoon/conf/rc_rows.c | sed 's/{ "/\n&/g' |
		sed -n -E "s/^\{ \"([a-z0-9_]+)\".*[ ,]($1),.*/\1/p" | sort -u
}
awk '/^\.(It|Sh|Ss)/ { if (head != "") print head "\t" text; head = /^\.It/ ? $0 : ""; text = ""; next }
	{ text = text " " $0 }' doc/racoon.conf.5 >"$work/items"
say 'directives that are refused' "$(
	refused 'rc_set_refused|rc_set_fixed|rc_set_zero|rc_set_obsolete|rc_set_refused_block' | while read -r word; do
		grep -iF 'refused by name' "$work/items" | grep -qwF -e "$word" ||
			echo "doc/racoon.conf.5 does not say that $word is refused by name"
	done
	refused 'rc_set_refused|rc_set_obsolete|rc_set_refused_block' >"$work/refused"
	sed -n 's/\t Refused by name.*//p' "$work/items" | sed 's/^\.It Cm //' | tr -s ' ,' '\n' | grep -E '^[a-z][a-z0-9_]+$' |
		grep -vxF -e asn1dn -e backupsa | while read -r word; do
		grep -qx -e "$word" "$work/refused" || echo "doc/racoon.conf.5 says that $word is refused by name"
	done
)"
say 'directives of the services file' "$(directives lib/svc.c | missing doc/services.master_server.5 directive)"
say 'statements of setkey' "$(directives setkey/script.c | missing doc/setkey.8 statement)"
words() { # .racoon or .setkey: the words of that field in the algorithm table
	tr '\n' ' ' <lib/alg.c | grep -oE "\\$1 = \{[^}]*\}" | grep -oE '"[^"]+"' | tr -d '"'
}
say 'algorithms of setkey' "$(words .setkey | missing doc/setkey.8 algorithm)"
say 'algorithms of racoon.conf' "$(words .racoon | grep -vE '^[0-9]+$' | missing doc/racoon.conf.5 algorithm)"

# ----------------------------------------------------------------------------------------- verbs
say 'verbs, qualifiers and keywords' "$(while read -r source page; do
	rows "$source" verb | missing "$page" verb It
	rows "$source" verb_qual | sed 's,^,/,' | missing "$page" qualifier
	keywords "$source" | missing "$page" keyword
done <<'L'
racoon/daemon/verbs.c doc/racoon.8
ipsec/ipsecd_verbs.c doc/ipsecd.8
server/verbs.c doc/multinet_server.8
server/route.c doc/multinet_server.8
netcontrol/nc_local.c doc/netcontrol.1
netcontrol/nc_config.c doc/server-config.1
lib/ctl_verbs.c doc/multinet_server.8
L
)"

# -------------------------------------------------------------------------------------- messages
# FACILITY IDENT as %FACILITY-S-IDENT, text
sed -n -E 's/^M\("([A-Z]+)", ([A-Z0-9]+), ([A-Z]), [0-9]+, [0-9]+, "(.*)",$/\1 %\1-\3-\2, \4/p' \
	lib/messages.def >"$work/messages"
[ "$(wc -l <"$work/messages")" = "$(grep -c '^M(' lib/messages.def)" ] ||
	echo 'not ok - man: rows of messages.def do not begin with facility to text in one line'
say 'messages of each daemon' "$(while read -r facility page; do
	sed -n "s/^$facility //p" "$work/messages" | while IFS= read -r message; do
		grep -qF -e "\"$message\"" "$page" || echo "$page does not explain $message"
	done
done <<'L'
RACOON doc/racoon.8
CONFIG doc/racoon.8
IPSEC doc/ipsecd.8
NETCTL doc/multinet_server.8
L
)"
say 'messages exist' "$(grep -ohE '%[A-Z]+-[A-Z]-[A-Z0-9]+' doc/*.[158] | grep -v '^%FACILITY' | sort -u |
	while read -r message; do
		grep -qF -e " $message," "$work/messages" || echo "no message $message"
	done)"

# -------------------------------------------------------------------------------------- examples
# The literal displays under EXAMPLES; with a number, only the first ones.
examples() { # page, how many
	awk -v most="${2:-99}" '/^\.Sh/ { on = /EXAMPLES/ } on && /^\.Bd -literal/ { inside = 1; n++; next }
		/^\.Ed/ { inside = 0 } on && inside && n <= most { gsub(/\\e/, "\\"); print }' "$1"
}
try() { # name, command…: both the programs' messages and their status count
	name=$1
	shift
	if out=$(cd "$work" && timeout 20 "$@" 2>&1); then echo "ok - man: $name"; else
		echo "$out" | sed 's/^/# /'
		echo "not ok - man: $name"
	fi
}
for program in setkey racoon multinet_server logical; do
	[ -x "$build/bin/$program" ] || { echo "ok - man: examples # SKIP $program is not in $build/bin"; exit 0; }
done
PATH=$build/bin:$PATH MULTINET=$work MULTINET_LOGICALS=$work/logicals
export PATH MULTINET MULTINET_LOGICALS
examples doc/racoon.conf.5 >"$work/racoon.conf"
examples doc/psk.txt.5 1 >"$work/psk.txt"
chmod 600 "$work/psk.txt"
try 'example of racoon.conf and psk.txt' racoon -t -f racoon.conf
examples doc/psk.txt.5 | tail -n 2 >"$work/psk.sh"
try 'example of a random key' sh -ec '. ./psk.sh; racoon -t -f racoon.conf'
examples doc/services.master_server.5 >"$work/services"
try 'example of a services file' multinet_server -t -f services
{ echo 'set -e'; examples doc/setkey.8 | sed '/^setkey -[^c]/d; s/^setkey -c/setkey -nc/'; } >"$work/setkey.sh"
try 'examples of setkey' sh setkey.sh
{ echo 'set -e'; examples doc/logical.1; } >"$work/logical.sh"
try 'examples of logical' sh logical.sh
examples doc/system.logicals.5 >"$work/logicals"
try 'example of system.logicals' logical show
