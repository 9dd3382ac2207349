#!/bin/bash
# ESP in UDP (RFC 3948) with manual keys: encapsulated, taken from port 4500, IKE's packets spared.
. tests/system/lib.sh

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
ok "a loads" setkey_load a < <(conf out in)
ok "b loads" setkey_load b < <(conf in out)
# Something must own the port, or the stack complains to the sender: IKE daemons do.
for h in a b; do
	start $h ike timeout 30 nc -u -k -l 4500
	wait_for 5 on $h sh -c 'ss -lun | grep -q :4500'
done
capture_start wire r eth0 not arp
ok "ping" on na ping -c 3 -i 0.2 -W 2 172.16.2.10
seen=$(capture_stop wire)
like "ESP in UDP goes out" "$seen" '192.168.1.100.4500 > 192.168.2.100.4500: UDP-encap: ESP\(spi=0x00000201'
like "and comes back" "$seen" '192.168.2.100.4500 > 192.168.1.100.4500: UDP-encap: ESP\(spi=0x00000301'
unlike "nothing in clear" "$seen" '172\.16\.|ICMP'
# A message of IKE has four zero octets in front and is not ours.
before=$(counter b malformed)
on a sh -c "printf '\0\0\0\0an IKE message of some length' | nc -u -w 1 -p 4501 192.168.2.100 4500"
ok "IKE's messages reach the IKE daemon" wait_for 3 grep -aq 'an IKE message' "$WORK/b/ike.log"
is "and are not counted as malformed" "$(counter b malformed)" "$before"
finish
