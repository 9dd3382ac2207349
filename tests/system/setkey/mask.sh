#!/bin/sh
# mask.sh - stdin to stdout: a dump of setkey without what differs from one time or database to the
# next: times, numbers of messages and processes, identifiers of policies, and the order of entries.
sed -E -e 's/[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}/Mon DD HH:MM:SS YYYY/g' \
	-e 's/diff: [0-9]+\(s\)/diff: N(s)/' \
	-e 's/sadb_seq=[0-9]+ pid=[0-9]+/sadb_seq=N pid=N/' \
	-e 's/spid=[0-9]+ seq=[0-9]+ pid=[0-9]+/spid=N seq=N pid=N/' |
	awk '/^[^\t]/ { if (n++) printf "\n" } { printf "%s\001", $0 } END { if (n) printf "\n" }' |
	LC_ALL=C sort | tr '\001' '\n' | sed '/^$/d'
