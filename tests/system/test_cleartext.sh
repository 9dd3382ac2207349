#!/bin/bash
# Cleartext that an inbound policy wants protected is dropped and counted; nothing else is.
. tests/system/lib.sh

topo_howto
ipsecd_start b
setkey_load b <<-'END'
	spdadd 192.168.1.100 192.168.2.100 any -P in ipsec esp/transport//require;
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P in ipsec esp/tunnel/192.168.1.100-192.168.2.100/require;
END
fails "ping in clear, to the host" on a ping -c 2 -i 0.2 -W 1 192.168.2.100
is "both were counted" "$(counter b cleartext_refused)" 2
fails "ping in clear, forwarded" on na ping -c 3 -i 0.2 -W 1 172.16.2.10
is "these too" "$(counter b cleartext_refused)" 5
ok "others get through" on r ping -c 1 -W 2 192.168.2.100
ok "loopback is left alone" on b ping -c 1 -W 2 192.168.2.100
start b ike timeout 10 nc -u -l 192.168.2.100 500
wait_for 5 on b sh -c 'ss -lun | grep -q :500'
on a sh -c 'echo knock | nc -u -w 1 192.168.2.100 500'
ok "IKE gets through" wait_for 3 grep -q knock "$WORK/b/ike.log"

setkey_load b <<<'spdflush;'
ok "without policies: to the host" on a ping -c 1 -W 2 192.168.2.100
ok "without policies: forwarded" on na ping -c 1 -W 2 172.16.2.10

# Order: what comes first decides.
setkey_load b <<-'END'
	spdadd 192.168.1.0/24 192.168.2.100 icmp -P in none;
	spdadd 192.168.1.100 192.168.2.100 any -P in ipsec esp/transport//require;
END
ok "an exception before the rule" on a ping -c 1 -W 2 192.168.2.100
fails "the rule behind it" on a nc -z -w 1 192.168.2.100 22
setkey_load b <<<'spdflush;'
setkey_load b <<-'END'
	spdadd 192.168.1.100 192.168.2.100 any -P in ipsec esp/transport//require;
	spdadd 192.168.1.0/24 192.168.2.100 icmp -P in none;
END
fails "an exception behind the rule is none" on a ping -c 1 -W 1 192.168.2.100
setkey_load b <<-'END'
	spddelete 192.168.1.0/24 192.168.2.100 icmp -P in;
	spdadd 192.168.1.0/24 192.168.2.100 icmp -P in prio high none;
END
ok "but with a better priority it is" on a ping -c 1 -W 2 192.168.2.100
setkey_load b <<-'END'
	spdflush;
	spdadd 192.168.1.100 192.168.2.100 any -P in ipsec esp/transport//use;
END
ok "level use takes cleartext" on a ping -c 1 -W 2 192.168.2.100
setkey_load b <<-'END'
	spdflush;
	spdadd 192.168.1.100 192.168.2.100 any -P in discard;
END
fails "discard takes nothing" on a ping -c 1 -W 1 192.168.2.100
finish
