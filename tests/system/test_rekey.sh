#!/bin/bash
# Rekeying of both phases under traffic: short lifetimes, a steady ping, no packet lost.
. tests/system/lib.sh

configure() { # host, peer
	cat >"$WORK/$1/racoon.conf" <<-END
	path pre_shared_key "$WORK/$1/psk.txt";
	remote $2 {
		exchange_mode main;
		lifetime time 15 sec;
		proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method pre_shared_key; dh_group modp2048; }
	}
	sainfo anonymous {
		pfs_group modp2048;
		lifetime time 10 sec;
		encryption_algorithm aes;
		authentication_algorithm hmac_sha1;
		compression_algorithm deflate;
	}
	END
	(umask 077; echo "$2 a secret" >"$WORK/$1/psk.txt")
	MULTINET_RACOON_JOURNAL=$WORK/$1/journal start "$1" racoon "$BIN/racoon" -F -f "$WORK/$1/racoon.conf" -s "$WORK/$1/racoon.ctl" -S "$WORK/$1/ipsec.sock"
	wait_for 10 test -S "$WORK/$1/racoon.ctl" || { cat "$WORK/$1/racoon.log"; bail "racoon on $1"; }
}
racoon_says() { printf '%s\r\n' "$2" | timeout 20 nc -N -U "$WORK/$1/racoon.ctl" | tr -d '\r'; }
cookies() { racoon_says a 'SHOW ISAKMP' | grep -oE '[0-9a-f]{16}:[0-9a-f]{16}' | sort; }
spis() { on a "$BIN/setkey" -D | grep -oE 'spi=[0-9]+' | sort; }

topo_howto
for h in a b; do ipsecd_start $h; done
policies_howto
configure a 192.168.2.100
configure b 192.168.1.100
like "ESTABLISH/CHILD" "$(racoon_says a 'ESTABLISH/CHILD 192.168.2.100')" '^200 '
first_cookies=$(cookies) first_spis=$(spis)
out=$(on na ping -i 0.02 -w 32 -q 172.16.2.10)
like "not one packet of 32 seconds is lost" "$out" ' 0% packet loss'
like "… and there were many" "$out" '1[0-9]{3} packets transmitted'
[ "$(cookies)" != "$first_cookies" ] && [ -n "$(cookies)" ]
result $? "phase 1 was renewed"
[ -z "$(comm -12 <(echo "$first_spis") <(spis))" ]
result $? "none of the first IPsec SAs is left"
wait_for 15 sh -c "[ \$(MULTINET_IPSEC_SOCKET=$WORK/a/ipsec.sock $BIN/setkey -D | grep -c 'esp mode') -le 6 ]"
result $? "old pairs do not pile up"
like "both ends agree" "$(racoon_says b 'SHOW IPSEC')" 'ESTABLISHED'
for h in a b; do
	stop $h racoon
	is "racoon on $h ends well" $? 0
done
finish
