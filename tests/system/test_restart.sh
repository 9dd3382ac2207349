#!/bin/bash
# However ipsecd ends, nothing of it is left; it can be started again at once.
. tests/system/lib.sh

topo_howto
state() { # host: all that could be left
	on "$1" ip rule
	on "$1" ip route show table all
	on "$1" ip -o link
	on "$1" nft list ruleset
}
load() {
	setkey_load a <<-'END'
	flush; spdflush;
	add 192.168.1.100 192.168.2.100 esp 0x201 -m tunnel -E null;
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P out ipsec esp/tunnel/192.168.1.100-192.168.2.100/require;
	spdadd 172.16.2.0/24 172.16.1.0/24 any -P in ipsec esp/tunnel/192.168.2.100-192.168.1.100/require;
	END
}
before=$(state a)
ipsecd_start a
ok "policies load" load
unlike "there is something to leave" "$(diff <(echo "$before") <(state a) && echo same)" same
like "a route to the device" "$(on a ip route show table 22020)" '^172.16.2.0/24 dev mnipsec0 .*src 172.16.1.1'
like "a rule for all but marked packets" "$(on a ip rule)" '^220:.*not from all fwmark 0x4d4e0001 lookup 22020'
like "a guard" "$(on a nft list ruleset)" 'table ip multinet_ipsec'
fails "a second one on the same host is refused" on a "$BIN/ipsecd" -F -s "$WORK/a/second.sock"
like "and says so" "$(on a "$BIN/ipsecd" -F -s "$WORK/a/second.sock" 2>&1)" 'another ipsecd runs'
ipsecd_stop a
is "TERM: exit status 0" $? 0
is "TERM: nothing is left" "$(state a)" "$before"
fails "TERM: the socket is gone" test -e "$WORK/a/ipsec.sock"

ipsecd_start a
load
like "SHUTDOWN is answered" "$(ask a SHUTDOWN)" '^221 %IPSEC-I-SHUTTING|^221 '
ok "SHUTDOWN ends it" wait_for 5 sh -c "! kill -0 ${DAEMON[a/ipsecd]}"
is "SHUTDOWN: nothing is left" "$(state a)" "$before"

ipsecd_start a
load
ipsecd_stop a KILL
fails "killed: nothing goes out in clear" on na ping -c 1 -W 1 172.16.2.10
capture_start dead a eth1 icmp
on nb ping -c 1 -W 1 172.16.1.10 >/dev/null
unlike "killed: nothing comes in in clear" "$(capture_stop dead)" 'echo request'
ipsecd_start a
fails "started again: nothing goes out in clear" on na ping -c 1 -W 1 172.16.2.10
is "killed and started again: its policies are there" "$(ask a 'SHOW SPD' | grep -c '^200-.*172.16')" 3
is "killed and started again: one rule" "$(on a ip rule | grep -c 22020)" 1
is "killed and started again: one route" "$(on a ip route show table 22020 | wc -l)" 1
is "killed and started again: one device" "$(on a ip -o link | grep -c mnipsec)" 1
is "killed and started again: one guard" "$(on a nft list tables | grep -c 'ip multinet_ipsec')" 1
ok "killed and started again: policies load" load
ipsecd_stop a
is "killed, started and ended: nothing is left" "$(state a)" "$before"

# Flushing takes everything back while it runs.
ipsecd_start a
ok "ipsecd starts once more" load
setkey_load a <<<'spdflush;'
is "spdflush: no route" "$(on a ip route show table 22020 | wc -l)" 0
ok "spdflush: traffic flows in clear" on na ping -c 1 -W 2 172.16.2.10
# The preferred source follows the addresses of the host.
load
on a ip addr del 172.16.1.1/24 dev eth1
on a ip addr add 172.16.1.2/24 dev eth1
ok "another address: the route follows" wait_for 3 sh -c \
	"ip netns exec ${NS}a ip route show table 22020 | grep -q 'src 172.16.1.2'"
# Without its device it is of no use: it says so and ends, for the supervisor to start it again.
on a ip link del mnipsec0
ok "the device is taken away: it ends" wait_for 5 sh -c "! kill -0 ${DAEMON[a/ipsecd]}"
like "and says why" "$(cat "$WORK/a/ipsecd.log")" 'ERROR: the TUN device was taken away'
on a ip addr del 172.16.1.2/24 dev eth1
on a ip addr add 172.16.1.1/24 dev eth1
is "nothing is left" "$(state a)" "$before"

# A strict reverse path filter, and transport mode.
on a sysctl -qw net.ipv4.conf.all.rp_filter=1
ipsecd_start a
ipsecd_start b
like "a strict reverse path filter is seen" "$(cat "$WORK/a/ipsecd.log")" \
	'INFO: .*reverse path filter of eth[01] is strict'
T='flush; spdflush; add 192.168.1.100 192.168.2.100 esp 0x301 -E aes-cbc "0123456789abcdef" -A hmac-sha1 "01234567890123456789";
add 192.168.2.100 192.168.1.100 esp 0x302 -E aes-cbc "0123456789abcdef" -A hmac-sha1 "01234567890123456789";'
setkey_load a <<<"$T spdadd 192.168.1.100 192.168.2.100 icmp -P out ipsec esp/transport//require;
	spdadd 192.168.2.100 192.168.1.100 icmp -P in ipsec esp/transport//require;"
setkey_load b <<<"$T spdadd 192.168.2.100 192.168.1.100 icmp -P out ipsec esp/transport//require;
	spdadd 192.168.1.100 192.168.2.100 icmp -P in ipsec esp/transport//require;"
ok "transport mode works under it" on a ping -c 2 -i 0.2 -W 2 192.168.2.100
ok "from the peer too" on b ping -c 2 -i 0.2 -W 2 192.168.1.100
on a timeout 5 nc -l -p 7001 >"$WORK/got" &
wait_for 5 on a sh -c 'ss -Hltn | grep -q :7001'
echo clear | on b timeout 3 nc -N 192.168.1.100 7001
is "what no policy names passes in clear" "$(cat "$WORK/got")" clear
ipsecd_stop b
fails "and cleartext that one wants protected does not" on b ping -c 1 -W 1 192.168.1.100
ipsecd_stop a
is "the setting is put back" "$(on a sysctl -n net.ipv4.conf.all.src_valid_mark)" 0
finish
