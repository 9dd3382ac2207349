#!/bin/bash
# Packets that need an SA ask for it and wait; SAs outlive the daemon that installed them.
. tests/system/lib.sh
KEYD=${BIN%/bin}/tests/keyd

topo_howto
ipsecd_start a
ipsecd_start b
sa() { # source, destination, SPI
	echo "add $1 $2 esp $3 -m tunnel -r 32 -E aes-cbc \"0123456789abcdef\" -A hmac-sha1 \"01234567890123456789\";"
}
policies() {
	cat <<-END
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P $1 ipsec esp/tunnel/192.168.1.100-192.168.2.100/require;
	spdadd 172.16.2.0/24 172.16.1.0/24 any -P $2 ipsec esp/tunnel/192.168.2.100-192.168.1.100/require;
	END
}
setkey_load a < <(policies out in; sa 192.168.2.100 192.168.1.100 0x6002)
setkey_load b < <(policies in out; sa 192.168.1.100 192.168.2.100 0x6001; sa 192.168.2.100 192.168.1.100 0x6002)

fails "without a key daemon nothing goes" on na ping -c 2 -i 0.2 -W 1 172.16.2.10
like "it is counted" "$(counter a no_sa)" '^[1-9]'

start a keyd "$KEYD" "$WORK/a/ipsec.sock" 700 0x6001
ok "a key daemon registers" wait_for 5 grep -q ready "$WORK/a/keyd.log"
out=$(on na ping -c 5 -i 0.1 -W 3 172.16.2.10)
like "all packets sent meanwhile arrive" "$out" '5 packets transmitted, 5 received'
is "one ACQUIRE for all of them" "$(grep -c '^event acquire' "$WORK/a/keyd.log")" 1
like "that names the end points" "$(cat "$WORK/a/keyd.log")" '^event acquire esp 192.168.1.100 192.168.2.100 '
like "the SA was taken" "$(cat "$WORK/a/keyd.log")" '^answer 1 NORMAL'

stop a keyd KILL
ok "the SA outlives the daemon" on na ping -c 2 -i 0.2 -W 2 172.16.2.10

start a keyd2 "$KEYD" "$WORK/a/ipsec.sock" 0 0x6001
wait_for 5 grep -q ready "$WORK/a/keyd2.log"
ipsecd_stop a KILL
ok "the client tells that the engine is gone" wait_for 5 grep -q lost "$WORK/a/keyd2.log"
ipsecd_start a
ok "and finds it again" wait_for 8 sh -c "[ \$(grep -c ready '$WORK/a/keyd2.log') = 2 ]"
finish
