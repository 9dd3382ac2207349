#!/bin/bash
# Two racoons on one host, each with its own ports and sockets, negotiate over loopback.
. tests/system/lib.sh

host a
on a ip addr add 127.0.0.2/8 dev lo 2>/dev/null
conf() { # own address, port, peer's address, port
	cat <<-END
	path pre_shared_key "$WORK/a/psk.txt";
	listen { isakmp $1 [$2]; }
	remote $3 [$4] {
		exchange_mode main;
		proposal { encryption_algorithm aes; hash_algorithm sha1; authentication_method pre_shared_key; dh_group modp1024; }
	}
	sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1; compression_algorithm deflate; }
	END
}
(umask 077; printf '127.0.0.1 psk\n127.0.0.2 psk\n' >"$WORK/a/psk.txt")
conf 127.0.0.1 15500 127.0.0.2 15501 >"$WORK/a/one.conf"
conf 127.0.0.2 15501 127.0.0.1 15500 >"$WORK/a/two.conf"
ipsecd_start a
for n in one two; do
	MULTINET_RACOON_JOURNAL=$WORK/a/$n.journal start a $n "$BIN/racoon" -F -f "$WORK/a/$n.conf" -s "$WORK/a/$n.ctl" -S "$WORK/a/ipsec.sock"
	wait_for 10 test -S "$WORK/a/$n.ctl" || { cat "$WORK/a/$n.log"; bail "racoon $n"; }
done
command_of() { printf '%s\r\n' "$2" | timeout 20 nc -N -U "$WORK/a/$1.ctl" | tr -d '\r'; }
like "one establishes with two" "$(command_of one 'ESTABLISH 127.0.0.2')" '^200 %RACOON-S-NORMAL'
like "two has it" "$(command_of two 'SHOW ISAKMP')" '127.0.0.1'
like "SHUTDOWN of one" "$(command_of one 'SHUTDOWN')" '^2'
wait_for 5 sh -c "! printf 'SHOW ISAKMP\n' | nc -N -U $WORK/a/two.ctl | grep -q '127\.0\.0\.1.*15500'"
is "two was told" $? 0
stop a two
is "two ends well" $? 0
finish
