#!/bin/bash
# Selectors with protocols and ports, in both directions.
. tests/system/lib.sh

topo_howto
ipsecd_start a
ipsecd_start b
conf() { # direction from a to b, direction back
	cat <<-END
	flush; spdflush;
	add 192.168.1.100 192.168.2.100 esp 0x1001 -E aes-cbc "0123456789abcdef" -A hmac-sha1 "01234567890123456789";
	add 192.168.2.100 192.168.1.100 esp 0x1002 -E aes-cbc "0123456789abcdef" -A hmac-sha1 "01234567890123456789";
	spdadd 192.168.1.100 192.168.2.100[7000] tcp -P $1 ipsec esp/transport//require;
	spdadd 192.168.2.100[7000] 192.168.1.100 tcp -P $2 ipsec esp/transport//require;
	END
}
ok "a loads" setkey_load a < <(conf out in)
ok "b loads" setkey_load b < <(conf in out)
serve() { # port
	start b "listener$1" timeout 20 nc -k -l 192.168.2.100 "$1"
	wait_for 5 on b sh -c "ss -ltn | grep -q :$1"
}
serve 7000
serve 7001
capture_start wire r eth0 not arp
ok "port 7000 answers" on a nc -z -w 3 192.168.2.100 7000
ok "port 7001 answers" on a nc -z -w 3 192.168.2.100 7001
ok "ping answers" on a ping -c 1 -W 2 192.168.2.100
seen=$(capture_stop wire)
like "7000 is protected" "$seen" '192.168.1.100 > 192.168.2.100: ESP\(spi=0x00001001'
unlike "7000 is never in clear" "$seen" '192.168.2.100.7000'
like "7001 is in clear" "$seen" '192.168.1.100.[0-9]+ > 192.168.2.100.7001'
like "ping is in clear" "$seen" 'ICMP echo reply'

ipsecd_stop a
fails "7000 in clear is refused" on a nc -z -w 1 192.168.2.100 7000
ok "7001 in clear is not" on a nc -z -w 2 192.168.2.100 7001
like "and counted" "$(counter b cleartext_refused)" '^[1-9]'
finish
