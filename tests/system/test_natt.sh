#!/bin/bash
# ESP in UDP (RFC 3948): own sockets for manual keys, a key daemon's socket handed over, IKE spared.
. tests/system/lib.sh
ENCAPD=${BIN%/bin}/tests/encapd

topo_howto
ipsecd_start a
ipsecd_start b
conf() { # direction of a's network to b's, direction back
	cat <<-END
	flush; spdflush;
	add 192.168.1.100[4500] 192.168.2.100[4500] esp-udp 0x201 -m tunnel -E aes-cbc "0123456789abcdef" -A hmac-sha1 "01234567890123456789";
	add 192.168.2.100[4500] 192.168.1.100[4500] esp-udp 0x301 -m tunnel -E aes-cbc "0123456789abcdef" -A hmac-sha1 "01234567890123456789";
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P $1 ipsec esp/tunnel/192.168.1.100-192.168.2.100/require;
	spdadd 172.16.2.0/24 172.16.1.0/24 any -P $2 ipsec esp/tunnel/192.168.2.100-192.168.1.100/require;
	END
}
# A key daemon that is there before the SAs, on b; none on a.
start b ike "$ENCAPD" "$WORK/b/ipsec.sock" 192.168.2.100 4500
ok "ipsecd takes the socket over" wait_for 5 grep -q '^taken' "$WORK/b/ike.log"
ok "a loads" setkey_load a < <(conf out in)
ok "b loads" setkey_load b < <(conf in out)
capture_start wire r eth0 not arp
ok "ping" on na ping -c 3 -i 0.2 -W 2 172.16.2.10
seen=$(capture_stop wire)
like "ESP in UDP goes out" "$seen" '192.168.1.100.4500 > 192.168.2.100.4500: UDP-encap: ESP\(spi=0x00000201'
like "and comes back" "$seen" '192.168.2.100.4500 > 192.168.1.100.4500: UDP-encap: ESP\(spi=0x00000301'
unlike "nothing in clear" "$seen" '172\.16\.|ICMP'
is "own port without a key daemon" "$(on a ss -Hlun | grep -c '192.168.1.100:4500')" 1
is "none beside a key daemon's" "$(on b ss -Hlun | grep -c ':4500')" 1
ok "many at once" on na ping -f -c 500 -s 1300 -W 2 172.16.2.10

# A message of IKE has four zero octets in front and is not ours; a keepalive is nobody's.
before=$(counter b malformed)
on a sh -c "printf '\0\0\0\0an IKE message of some length' | nc -u -w 1 -p 4501 192.168.2.100 4500"
on a sh -c "printf '\377' | nc -u -w 1 -p 4502 192.168.2.100 4500"
ok "IKE's messages reach the IKE daemon" wait_for 3 grep -q \
	'^passed 33 octets 192.168.1.100\[4501\] -> 192.168.2.100\[4500\]' "$WORK/b/ike.log"
unlike "keepalives do not" "$(cat "$WORK/b/ike.log")" '4502'
is "and are not counted as malformed" "$(counter b malformed)" "$before"

# Either side may go and come again.
ipsecd_stop b KILL
ok "the key daemon hears that ipsecd is gone" wait_for 5 grep -q '^given back' "$WORK/b/ike.log"
on a sh -c "printf '\0\0\0\0direct' | nc -u -w 1 -p 4503 192.168.2.100 4500"
ok "and reads the socket itself" wait_for 3 grep -q '^read 10 octets 192.168.1.100\[4503\]' "$WORK/b/ike.log"
ipsecd_start b
ok "and hands it over again" wait_for 5 sh -c "[ \$(grep -c '^taken' '$WORK/b/ike.log') -ge 2 ]"
ok "b loads again" setkey_load b < <(conf in out)
ok "a loads again" setkey_load a < <(conf out in)
ok "ping again" on na ping -c 3 -i 0.2 -W 2 172.16.2.10
stop b ike KILL
ok "the key daemon is gone: an own port takes its place" on na ping -c 3 -i 0.2 -W 2 172.16.2.10
start b ike2 "$ENCAPD" "$WORK/b/ipsec.sock" 0.0.0.0 4500
ok "a key daemon that comes later binds a wildcard and is taken over" wait_for 5 grep -q '^taken' "$WORK/b/ike2.log"
ok "ping through it" on na ping -c 3 -i 0.2 -W 2 172.16.2.10

# Somebody else's port is left alone, and said.
ipsecd_stop a
start a foreign timeout 30 nc -u -l 192.168.1.100 4500
wait_for 5 on a sh -c 'ss -lun | grep -q :4500'
ipsecd_start a
setkey_load a < <(conf out in)
like "a port of another program is warned of" "$(cat "$WORK/a/ipsecd.log")" \
	'WARNING: .*ESP in UDP to 192.168.1.100\[4500\] will not be received: a program has the port'
ipsecd_stop a
ipsecd_stop b
is "nothing is left" "$(ls "$WORK"/a/*.udp "$WORK"/b/*.udp 2>/dev/null)" ""
finish
