#!/bin/bash
# The HOWTO's manually keyed transport mode: AH after ESP between two hosts.
. tests/system/lib.sh

topo_howto
ipsecd_start a
ipsecd_start b

sas() {
	cat <<-'END'
	flush;
	spdflush;
	add 192.168.1.100 192.168.2.100 ah 0x200 -A hmac-md5
	0xc0291ff014dccdd03874d9e8e4cdf3e6;
	add 192.168.2.100 192.168.1.100 ah 0x300 -A hmac-md5
	0x96358c90783bbfa3d7b196ceabe0536b;
	add 192.168.1.100 192.168.2.100 esp 0x201 -E 3des-cbc
	0x7aeaca3f87d060a12f4a4487d5a5c3355920fae69a96c831;
	add 192.168.2.100 192.168.1.100 esp 0x301 -E 3des-cbc
	0xf6ddb555acfd9d77b03ea3843f2653255afe8eb5573965df;
	END
}
policies() { # direction from a to b, direction back
	cat <<-END
	spdadd 192.168.1.100 192.168.2.100 any -P $1 ipsec
	           esp/transport//require
	           ah/transport//require;
	spdadd 192.168.2.100 192.168.1.100 any -P $2 ipsec
	           esp/transport//require
	           ah/transport//require;
	END
}
ok "a's file loads" setkey_load a < <(sas; policies out in)
ok "b's file loads" setkey_load b < <(sas; policies in out)

capture_start wire r eth0 not arp
ok "ping" on a ping -c 3 -i 0.2 -W 2 192.168.2.100
ok "ping with 1400 octets" on a ping -c 1 -W 2 -s 1400 192.168.2.100
ok "ping with 4000 octets, cut after protection" on a ping -c 1 -W 2 -s 4000 192.168.2.100
seen=$(capture_stop wire)
like "AH around ESP goes out" "$seen" '192.168.1.100 > 192.168.2.100: AH\(spi=0x00000200,seq=0x1[,)].*ESP\(spi=0x00000201,seq=0x1\)'
like "AH around ESP comes back" "$seen" '192.168.2.100 > 192.168.1.100: AH\(spi=0x00000300,seq=0x1[,)].*ESP\(spi=0x00000301,seq=0x1\)'
unlike "nothing in clear" "$seen" 'ICMP|UDP|TCP'

ok "a listens" start b listener timeout 20 nc -l 192.168.2.100 7000
wait_for 5 on b sh -c 'ss -ltn | grep -q :7000'
head -c 300000 /dev/urandom >"$WORK/data"
ok "TCP: 300 kB" on a timeout 20 sh -c "nc -N 192.168.2.100 7000 <'$WORK/data'"
wait_for 5 cmp "$WORK/data" "$WORK/b/listener.log"
ok "TCP: all octets arrived" cmp "$WORK/data" "$WORK/b/listener.log"

like "SHOW COUNTERS counts" "$(ask a 'SHOW COUNTERS')" '^200-[a-z_]+ +[1-9]'
like "SHOW SAD lists" "$(ask a 'SHOW SAD')" '^200-esp .*0x00000201 192.168.1.100 -> 192.168.2.100 '
ipsecd_stop a
is "ipsecd ends well" $? 0
ipsecd_stop b
finish
