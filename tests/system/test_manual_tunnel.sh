#!/bin/bash
# The HOWTO's manually keyed tunnel: ESP between two gateways for the networks behind them.
. tests/system/lib.sh

topo_howto
ipsecd_start a
ipsecd_start b

conf() { # direction of a's network to b's, direction back
	cat <<-END
	flush;
	spdflush;
	add 192.168.1.100 192.168.2.100 esp 0x201 -m tunnel -E 3des-cbc
	0x7aeaca3f87d060a12f4a4487d5a5c3355920fae69a96c831
	-A hmac-md5 0xc0291ff014dccdd03874d9e8e4cdf3e6;
	add 192.168.2.100 192.168.1.100 esp 0x301 -m tunnel -E 3des-cbc
	0xf6ddb555acfd9d77b03ea3843f2653255afe8eb5573965df
	-A hmac-md5 0x96358c90783bbfa3d7b196ceabe0536b;
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P $1 ipsec
	           esp/tunnel/192.168.1.100-192.168.2.100/require;
	spdadd 172.16.2.0/24 172.16.1.0/24 any -P $2 ipsec
	           esp/tunnel/192.168.2.100-192.168.1.100/require;
	END
}
ok "without policies the networks reach each other unprotected" on na ping -c 1 -W 2 172.16.2.10
ok "a's file loads" setkey_load a < <(conf out in)
ok "b's file loads" setkey_load b < <(conf in out)

capture_start wire r eth0 not arp
ok "ping between the networks" on na ping -c 3 -i 0.2 -W 2 172.16.2.10
ok "ping from gateway to network: the source is chosen within the policy" \
	on a ping -c 1 -W 2 172.16.2.10
ok "ping between the gateways' inner addresses" on a ping -c 1 -W 2 -I 172.16.1.1 172.16.2.1
ok "4000 octets, in fragments" on na ping -c 1 -W 2 -s 4000 172.16.2.10
start nb listener timeout 20 nc -l 172.16.2.10 7000
wait_for 5 on nb sh -c 'ss -ltn | grep -q :7000'
head -c 300000 /dev/urandom >"$WORK/data"
ok "TCP: 300 kB" on na timeout 20 sh -c "nc -N 172.16.2.10 7000 <'$WORK/data'"
wait_for 5 cmp "$WORK/data" "$WORK/nb/listener.log"
ok "TCP: all octets arrived" cmp "$WORK/data" "$WORK/nb/listener.log"
seen=$(capture_stop wire)
like "ESP goes out" "$seen" '192.168.1.100 > 192.168.2.100: ESP\(spi=0x00000201,seq=0x1\)'
like "ESP comes back" "$seen" '192.168.2.100 > 192.168.1.100: ESP\(spi=0x00000301,seq=0x1\)'
unlike "nothing in clear" "$seen" '172\.16\.|ICMP|TCP'
ok "the gateways themselves talk unprotected" on a ping -c 1 -W 2 192.168.2.100
is "one route; guard rules for in and the fwd that setkey adds" "$(ask a 'SHOW STATUS/FORMAT=JSON' |
	grep -Eo '"(guard_rules|routes)": *[0-9]+' | grep -o '[0-9]*$' | tr '\n' ' ')" '2 1 '
finish
