#!/bin/bash
# 10,000 tunnels at once between two hosts: loaded, used, taken away again.
. tests/system/lib.sh
N=10000

topo_lan 10.2.0.1 10.2.0.2
on a ip addr add 172.16.1.1/32 dev lo
on b ip route add local 172.20.0.0/16 dev lo
on a ip route add 172.20.0.0/16 via 10.2.0.2 src 172.16.1.1
on b ip route add 172.16.1.1/32 via 10.2.0.1
conf() { # direction of a's policies, direction back
	awk -v n=$N -v out="$1" -v back="$2" 'BEGIN {
		alg = "-E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213"
		for (i = 0; i < n; i++) {
			host = sprintf("172.20.%d.%d", i / 256, i % 256)
			printf "add 10.2.0.1[4500] 10.2.0.2[4500] esp-udp %d -m tunnel -u %d %s;\n", 65536 + i, i + 1, alg
			printf "add 10.2.0.2[4500] 10.2.0.1[4500] esp-udp %d -m tunnel -u %d %s;\n", 131072 + i, i + 1, alg
			printf "spdadd 172.16.1.1 %s any -P %s ipsec esp/tunnel/10.2.0.1-10.2.0.2/unique:%d;\n", host, out, i + 1
			printf "spdadd %s 172.16.1.1 any -P %s ipsec esp/tunnel/10.2.0.2-10.2.0.1/unique:%d;\n", host, back, i + 1
		}
	}'
}
ipsecd_start a
ipsecd_start b
ok "a loads $N tunnels" setkey_load a < <(conf out in)
ok "b loads $N tunnels" setkey_load b < <(conf in out)
is "a route for each" "$(on a ip route show table 22020 | wc -l)" $N
capture_start wire a eth0 udp
for host in 172.20.0.0 172.20.19.136 172.20.39.15; do
	ok "the tunnel to $host works" on a ping -c 1 -W 2 -I 172.16.1.1 $host
done
seen=$(capture_stop wire)
like "each has its own SA" "$seen" 'spi=0x00011388'
like "and the last one its own" "$seen" 'spi=0x0001270f'
is "three went in, three came back" "$(counter a protected) $(counter a opened)" "3 3"
ok "all of it goes at once" setkey_load a <<<'flush; spdflush;'
is "no route is left" "$(on a ip route show table 22020 | wc -l)" 0
finish
