#!/bin/bash
# Road warriors behind a NAT box (nftables masquerade): two of them at once, a NAT that forgets, a
# peer that dies, NAT-T forced where there is no NAT.
. tests/system/lib.sh
command -v nft >/dev/null || skip_all "needs nft"

G=203.0.113.1 N=203.0.113.2

# gn --- g ===(outside)=== n --- a, c   (n masquerades)
host a c n g gn
wire a eth0 10.0.0.11/24 n in0 10.0.0.1/24
wire c eth0 10.0.1.12/24 n in1 10.0.1.1/24
wire n out 203.0.113.2/24 g eth0 203.0.113.1/24
wire g eth1 172.16.0.1/24 gn eth0 172.16.0.10/24
forwards n g
route a default via 10.0.0.1
route c default via 10.0.1.1
route gn default via 172.16.0.1
route g default via $N
ip -n "${NS}a" addr add 172.16.101.1/32 dev lo
ip -n "${NS}c" addr add 172.16.102.1/32 dev lo
on n nft -f - <<'END' || skip_all "needs nftables with NAT"
table ip nat {
	chain post { type nat hook postrouting priority srcnat; oifname "out" masquerade random; }
}
END

conf() { # host, remote, exchange mode, further statements
	cat >"$WORK/$1/racoon.conf" <<-END
	path pre_shared_key "psk.txt";
	timer { counter 3; interval 2 sec; phase1 10 sec; phase2 10 sec; natt_keepalive 1 sec; }
	remote $2 {
		exchange_mode $3;
		$4
		proposal { encryption_algorithm aes 256; hash_algorithm sha256; authentication_method pre_shared_key; dh_group modp2048; }
	}
	sainfo anonymous {
		encryption_algorithm aes 128;
		authentication_algorithm hmac_sha256;
		compression_algorithm deflate;
	}
	END
}
keys() { (umask 077; cat >"$WORK/$1/psk.txt"); }
racoon_start() { # host
	start "$1" racoon "$BIN/racoon" -F -d -f "$WORK/$1/racoon.conf" -s "$WORK/$1/racoon.sock" \
		-S "$WORK/$1/ipsec.sock"
	wait_for 10 answers "$1" || { cat "$WORK/$1/racoon.log"; bail "racoon on $1"; }
}
tell() { printf '%s\r\n' "$2" | timeout 30 nc -N -U "$WORK/$1/racoon.sock" | tr -d '\r'; }
answers() { tell "$1" NOOP | grep -q "^200 "; }
log() { cat "$WORK/$1/racoon.log"; }
policies() { # host, inner address, its end, the other end, number, direction out of the warrior, back
	setkey_load "$1" <<-END
	spdadd $2 172.16.0.0/24 any -P $6 ipsec esp/tunnel/$3-$4/unique:$5;
	spdadd 172.16.0.0/24 $2 any -P $7 ipsec esp/tunnel/$4-$3/unique:$5;
	END
}

conf a $G main "nat_traversal on; dpd_delay 2; dpd_retry 1; dpd_maxfail 3;"
conf c $G aggressive "nat_traversal on; my_identifier fqdn \"c.example.net\";"
conf g anonymous "main, aggressive" "nat_traversal on; passive on;"
echo "$G the secret of a" | keys a
echo "$G the secret of c" | keys c
printf '%s\n' "$N the secret of a" "c.example.net the secret of c" | keys g
for h in a c g; do ipsecd_start $h; done
ok "policies of a" policies a 172.16.101.1 10.0.0.11 $G 1 out in
ok "policies of c" policies c 172.16.102.1 10.0.1.12 $G 1 out in
ok "policies of g" policies g 172.16.101.1 $N $G 1 in out
ok "… for c" policies g 172.16.102.1 $N $G 2 in out
for h in g a c; do racoon_start $h; done

capture_start wire g eth0 udp or esp
ok "a's traffic brings its tunnel up" wait_for 10 on a ping -c 1 -W 1 -I 172.16.101.1 172.16.0.10
ok "c's traffic brings its tunnel up" wait_for 10 on c ping -c 1 -W 1 -I 172.16.102.1 172.16.0.10
ok "both at once: a" on a ping -c 3 -i 0.2 -W 2 -I 172.16.101.1 172.16.0.10
ok "both at once: c" on c ping -c 3 -i 0.2 -W 2 -I 172.16.102.1 172.16.0.10
ok "from behind the gateway to a" on gn ping -c 2 -i 0.2 -W 2 172.16.101.1
ok "from behind the gateway to c" on gn ping -c 2 -i 0.2 -W 2 172.16.102.1
sleep 1.2
seen=$(capture_stop wire)
like "ESP goes in UDP from the NAT" "$seen" "$N\.[0-9]+ > $G\.4500: UDP-encap: ESP"
like "keepalives of those behind the NAT" "$seen" "$N\.[0-9]+ > $G\.4500: .*(isakmp-nat-keep-alive|NAT-keepalive)"
unlike "none of the gateway" "$seen" "$G\.4500 > .*(isakmp-nat-keep-alive|NAT-keepalive)"
unlike "nothing in clear" "$seen" '172\.16\.'
like "the log tells the version" "$(log g)" 'Selected NAT-T version: RFC 3947'
like "… and who is behind a NAT, at the gateway" "$(log g)" 'NAT detected: PEER'
like "… and at the warrior" "$(log a)" 'NAT detected: ME '
like "… and the ports" "$(log a)" 'NAT-T: ports changed to: 10.0.0.11\[4500\]<->203.0.113.1\[4500\]'
like "… and the keepalive" "$(log a)" 'KA list add: 10.0.0.11\[4500\]->203.0.113.1\[4500\]'
like "SHOW /FULL says so" "$(tell g 'SHOW ISAKMP/FULL')" 'the peer behind a NAT \(RFC 3947\)'
is "two peers of one address" "$(tell g 'SHOW ISAKMP' | grep -c "$N\[.*ESTABLISHED")" 2

# The NAT box forgets: mappings go with its interface, and come back with other ports.
before=$(tell g 'SHOW ISAKMP' | grep -o "$N\[[0-9]*\]" | sort)
ip -n "${NS}n" link set out down
ip -n "${NS}n" link set out up
moved() { [ "$(tell g 'SHOW ISAKMP' | grep -o "$N\[[0-9]*\]" | sort)" != "$before" ]; }
ok "the gateway follows a to its new port" wait_for 10 moved
like "… and says so" "$(log g)" "NAT-T: ports changed to: $G\[4500\]<->$N\["
ok "traffic goes on" on gn ping -c 3 -i 0.2 -W 2 172.16.101.1
ok "… to c's, which says nothing but ESP" wait_for 10 on c ping -c 1 -W 1 -I 172.16.102.1 172.16.0.10
is "on the SAs of before" "$(grep -c 'IPsec-SA established' "$WORK/a/racoon.log")" 2

# One warrior leaves, the other stays.
like "c says goodbye" "$(tell c 'FLUSH')" '^200 '
sleep 0.5
ok "a stays" on gn ping -c 2 -i 0.2 -W 2 172.16.101.1
is "one is left at the gateway" "$(tell g 'SHOW ISAKMP' | grep -c "$N\[.*ESTABLISHED")" 1

# The gateway dies without a word: the warrior finds out, and is back when it is.
stop g racoon KILL
dead() { log a | grep -q 'DPD: remote (ISAKMP-SA spi=[0-9a-f:]*) seems to be dead\.'; }
ok "a finds the gateway dead" wait_for 15 dead
like "… and keeps the cause" "$(tell a 'SHOW FAILURES')" 'PEERDEAD|seems to be dead'
racoon_start g
ok "traffic brings the tunnel back" wait_for 15 on a ping -c 1 -W 1 -I 172.16.101.1 172.16.0.10
for h in a c g; do stop $h racoon; done

# Forced, on the outside wire where there is no NAT: n's own tunnel to g.
conf n $G main "nat_traversal force;"
echo "$G the secret of a" | keys n
ipsecd_start n
ip -n "${NS}n" addr add 172.16.101.1/32 dev lo
ok "policies of n" policies n 172.16.101.1 $N $G 1 out in
racoon_start g
racoon_start n
on n nft flush ruleset
capture_start forced g eth0 udp or esp
ok "NAT-T forced" wait_for 10 on n ping -c 1 -W 1 -I 172.16.101.1 172.16.0.10
seen=$(capture_stop forced)
like "ESP goes in UDP" "$seen" "$N\.4500 > $G\.4500: UDP-encap: ESP"
finish
