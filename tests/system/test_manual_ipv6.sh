#!/bin/bash
# IPv6: tunnels of either family in either, transport, AH, ESP in UDP, fragments, path MTU, guard.
. tests/system/lib.sh

# na --- a --- r --- b --- nb, everything twice: 192.168.1.100, fd00:1::100 and so on.
topo_howto
for h in a b r na nb; do
	on $h sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv6.conf.lo.disable_ipv6=0 net.ipv6.conf.all.forwarding=1
	for d in $(on $h ls /sys/class/net); do
		on $h sysctl -qw net.ipv6.conf.$d.disable_ipv6=0 net.ipv6.conf.$d.accept_dad=0 2>/dev/null
	done
done
six() { ip -n "$NS$1" -6 addr add "$3/64" dev "$2" nodad; }
six a eth0 fd00:1::100; six r eth0 fd00:1::1
six b eth0 fd00:2::100; six r eth1 fd00:2::1
six a eth1 fd00:a::1; six na eth0 fd00:a::10
six b eth1 fd00:b::1; six nb eth0 fd00:b::10
ip -n "${NS}a" -6 route add default via fd00:1::1
ip -n "${NS}b" -6 route add default via fd00:2::1
ip -n "${NS}na" -6 route add default via fd00:a::1
ip -n "${NS}nb" -6 route add default via fd00:b::1
ip -n "${NS}r" -6 route add fd00:a::/64 via fd00:1::100
ip -n "${NS}r" -6 route add fd00:b::/64 via fd00:2::100
ok "IPv6 reaches b" wait_for 10 on na ping -6 -c 1 -W 1 fd00:b::10
ipsecd_start a
ipsecd_start b
A='-E aes-cbc "0123456789abcdef" -A hmac-sha1 "01234567890123456789"'
policies() { # out in a-net b-net proto/mode/ends ends-back
	cat <<-END
	spdadd $3 $4 any -P $1 ipsec $5;
	spdadd $4 $3 any -P $2 ipsec $6;
	END
}
both() { # description: both() reads SAs from $SAS, nets and rules as in policies
	{ echo "flush; spdflush; $SAS"; policies out in "$@"; } | setkey_load a &&
		{ echo "flush; spdflush; $SAS"; policies in out "$@"; } | setkey_load b
}
witness() { # description, pattern that must be seen, pattern that must not, command...
	local d=$1 want=$2 never=$3 seen
	shift 3
	capture_start wire r eth0 'not arp and not (icmp6 and icmp6[0]>129 and icmp6[0]<150)'
	ok "$d" "$@"
	seen=$(capture_stop wire)
	like "$d: protected" "$seen" "$want"
	unlike "$d: nothing in clear" "$seen" "$never"
}
SAS="add fd00:1::100 fd00:2::100 esp 0x601 -m tunnel $A; add fd00:2::100 fd00:1::100 esp 0x602 -m tunnel $A;"
R="esp/tunnel/fd00:1::100-fd00:2::100/require" B="esp/tunnel/fd00:2::100-fd00:1::100/require"
ok "v6 in v6 loads" both fd00:a::/64 fd00:b::/64 "$R" "$B"
witness "v6 in v6" 'fd00:1::100 > fd00:2::100: ESP\(spi=0x00000601' 'fd00:[ab]::' \
	on na ping -6 -c 3 -i 0.2 -W 2 fd00:b::10
on na ping -6 -c 3 -i 0.2 -W 1 -s 4000 fd00:b::10 >/dev/null # they learn the MTU of the device
ok "large ones, in fragments" on na ping -6 -c 2 -i 0.2 -W 2 -s 4000 fd00:b::10
like "the route" "$(on a ip -6 route show table 22020)" '^fd00:b::/64 dev mnipsec0 .*src fd00:a::1'
like "the rule" "$(on a ip -6 rule)" '^220:.*not from all fwmark 0x4d4e0001 lookup 22020'

# Cleartext that b's policy wants protected is dropped, and counted.
before=$(counter b cleartext_refused)
ip -n "${NS}a" -6 route add fd00:b::/64 via fd00:1::1 table 99
ip -n "${NS}a" -6 rule add pref 100 lookup 99
fails "cleartext does not pass" on na ping -6 -c 2 -i 0.2 -W 1 fd00:b::10
ip -n "${NS}a" -6 rule del pref 100
ok "and is counted" test "$(counter b cleartext_refused)" -gt "${before:-0}"
ok "protected it still does" on na ping -6 -c 2 -i 0.2 -W 2 fd00:b::10

ok "v4 in v6 loads" both 172.16.1.0/24 172.16.2.0/24 "$R" "$B"
witness "v4 in v6" 'fd00:1::100 > fd00:2::100: ESP\(spi=0x00000601' '172\.16\.' \
	on na ping -c 3 -i 0.2 -W 2 172.16.2.10

SAS="add 192.168.1.100 192.168.2.100 esp 0x601 -m tunnel $A; add 192.168.2.100 192.168.1.100 esp 0x602 -m tunnel $A;"
ok "v6 in v4 loads" both fd00:a::/64 fd00:b::/64 esp/tunnel/192.168.1.100-192.168.2.100/require \
	esp/tunnel/192.168.2.100-192.168.1.100/require
witness "v6 in v4" '192.168.1.100 > 192.168.2.100: ESP\(spi=0x00000601' 'fd00:[ab]::' \
	on na ping -6 -c 3 -i 0.2 -W 2 fd00:b::10

SAS="add fd00:1::100 fd00:2::100 esp 0x601 $A; add fd00:2::100 fd00:1::100 esp 0x602 $A;
add fd00:1::100 fd00:2::100 ah 0x701 -A hmac-sha1 \"01234567890123456789\";
add fd00:2::100 fd00:1::100 ah 0x702 -A hmac-sha1 \"01234567890123456789\";"
ok "transport loads" both fd00:1::100 fd00:2::100 'esp/transport//require ah/transport//require' \
	'esp/transport//require ah/transport//require'
witness "transport, ESP and AH" 'fd00:1::100 > fd00:2::100: AH\(spi=0x00000701.*ESP\(spi=0x00000601' 'ICMP6, echo' \
	on a ping -6 -c 3 -i 0.2 -W 2 fd00:2::100
ok "transport, in fragments before and behind" on a ping -6 -c 2 -i 0.2 -W 2 -s 5000 fd00:2::100

SAS="add fd00:1::100[4500] fd00:2::100[4500] esp-udp 0x601 -m tunnel $A; add fd00:2::100[4500] fd00:1::100[4500] esp-udp 0x602 -m tunnel $A;"
ok "ESP in UDP loads" both fd00:a::/64 fd00:b::/64 "$R" "$B"
witness "ESP in UDP over IPv6" 'fd00:1::100.4500 > fd00:2::100.4500: UDP-encap: ESP\(spi=0x00000601' 'fd00:[ab]::' \
	on na ping -6 -c 3 -i 0.2 -W 2 fd00:b::10
# Bulk traffic, cut and joined.
on nb sh -c "timeout 20 nc -6 -l -p 7000 | sha256sum" >"$WORK/sum" &
PIDS+=($!)
wait_for 5 on nb sh -c 'ss -Hltn | grep -q :7000'
head -c 20000000 /dev/urandom >"$WORK/data"
ok "20 MB of TCP" timeout 20 ip netns exec "${NS}na" sh -c "nc -6 -N fd00:b::10 7000 <$WORK/data"
wait_for 5 grep -q . "$WORK/sum"
is "arrive unchanged" "$(cut -d' ' -f1 "$WORK/sum")" "$(sha256sum <"$WORK/data" | cut -d' ' -f1)"

# A narrow link behind the router: ICMPv6 tells, and packets get smaller.
SAS="add fd00:1::100 fd00:2::100 esp 0x601 -m tunnel $A; add fd00:2::100 fd00:1::100 esp 0x602 -m tunnel $A;"
ok "a tunnel over a narrow link loads" both fd00:a::/64 fd00:b::/64 "$R" "$B"
ip -n "${NS}r" link set eth1 mtu 1400
ip -n "${NS}b" link set eth0 mtu 1400
on na ping -6 -c 4 -i 0.3 -W 1 -s 1340 fd00:b::10 >/dev/null
ok "packets that did not fit do after a while" on na ping -6 -c 3 -i 0.3 -W 2 -s 1340 fd00:b::10
ipsecd_stop a
is "nothing is left" "$(on a ip -6 route show table 22020 2>/dev/null; on a ip -6 rule | grep 22020; on a nft list ruleset)" ""
finish
