#!/bin/bash
# Packets too large: what must not be cut is answered, what may be is, and path MTUs are learned.
. tests/system/lib.sh

topo_howto
ipsecd_start a
ipsecd_start b
conf() {
	cat <<-END
	flush; spdflush;
	add 192.168.1.100 192.168.2.100 esp 0x201 -m tunnel -E aes-cbc "0123456789abcdef" -A hmac-sha256 "01234567890123456789012345678901";
	add 192.168.2.100 192.168.1.100 esp 0x301 -m tunnel -E aes-cbc "0123456789abcdef" -A hmac-sha256 "01234567890123456789012345678901";
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P $1 ipsec esp/tunnel/192.168.1.100-192.168.2.100/require;
	spdadd 172.16.2.0/24 172.16.1.0/24 any -P $2 ipsec esp/tunnel/192.168.2.100-192.168.1.100/require;
	END
}
setkey_load a < <(conf out in)
setkey_load b < <(conf in out)
capture_start wire r eth0 not arp
ok "1500 octets that may be cut" on na ping -M dont -c 1 -W 2 -s 1472 172.16.2.10
ok "1372 octets that must not be cut" on na ping -M do -c 1 -W 2 -s 1344 172.16.2.10
like "1500 that must not be cut are answered with the MTU" \
	"$(on na ping -M do -c 2 -i 0.2 -W 1 -s 1472 172.16.2.10 2>&1)" 'mtu ?= ?1400'
ok "and the host has learned it" on na ping -c 1 -W 2 -s 1472 172.16.2.10
unlike "no packet on the wire is too large" "$(tcpdump -n -r "$WORK/wire.pcap" 'greater 1515' 2>/dev/null)" .
capture_stop wire >/dev/null

# The wire between r and b becomes narrow: r tells a, a tells the sender.
on r ip link set eth1 mtu 1200
on b ip link set eth0 mtu 1200
on na ip route flush cache
on na ping -M do -c 1 -W 1 -s 1300 172.16.2.10 >/dev/null 2>&1 # the first is lost, r complains
ok "a learns the path's MTU" wait_for 8 sh -c "ip netns exec ${NS}na ping -M do -c 1 -W 1 -s 1300 \
	172.16.2.10 2>&1 | grep -Eq 'mtu ?= ?1[01][0-9][0-9]'"
ok "smaller ones get through" on na ping -M do -c 2 -i 0.2 -W 2 -s 1000 172.16.2.10
ok "large ones that may be cut get through" on na ping -M dont -c 2 -i 0.2 -W 2 -s 3000 172.16.2.10
start nb listener timeout 30 nc -l 172.16.2.10 7000
wait_for 5 on nb sh -c 'ss -ltn | grep -q :7000'
head -c 300000 /dev/urandom >"$WORK/data"
ok "TCP finds its size" on na timeout 25 sh -c "nc -N 172.16.2.10 7000 <'$WORK/data'"
wait_for 5 cmp "$WORK/data" "$WORK/nb/listener.log"
ok "TCP: all octets arrived" cmp "$WORK/data" "$WORK/nb/listener.log"
finish
