#!/bin/bash
# Half-open flood: 20,000 first messages a second from forged addresses of peers that have keys.
# What is up stays up, others still negotiate, memory stays bounded, and it passes.  The long form
# is tests/bench/flood.sh.
. tests/system/lib.sh
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"

FLOOD=${BIN%/bin}/tests/flood
SECONDS_LONG=5 RATE=20000
[ -x "$FLOOD" ] || skip_all "needs $FLOOD"
host a b c
wire a eth0 10.0.1.1/24 b eth0 10.0.1.2/24
wire c eth0 10.0.2.1/24 b eth1 10.0.2.2/24
for n in 2 3 4 5; do ip -n "${NS}a" addr add 10.0.3.$n/32 dev lo; done
ip -n "${NS}b" addr add 172.16.2.1/32 dev lo
route b 10.0.3.0/24 via 10.0.1.1
route a 172.16.2.1/32 via 10.0.1.2
route b 10.128.0.0/16 via 10.0.2.1
route c 10.0.1.2/32 via 10.0.2.2
route c blackhole 10.128.0.0/16

side() { # host, in and out as this host sees them
	local n
	cat >"$WORK/$1/racoon.conf" <<-END
	path pre_shared_key "$WORK/$1/psk.txt";
	timer { counter 10; interval 1 sec; phase1 30 sec; phase2 30 sec; }
	remote anonymous {
		exchange_mode main, aggressive;
		proposal { encryption_algorithm aes 128; hash_algorithm sha1; authentication_method pre_shared_key; dh_group modp1024; }
	}
	sainfo anonymous { encryption_algorithm aes 128; authentication_algorithm hmac_sha1; compression_algorithm deflate; }
	END
	(
		umask 077
		printf '%s psk\n' 10.0.1.2 10.0.3.2 10.0.3.3 10.0.3.4 10.0.3.5
		[ "$1" = a ] || awk 'BEGIN { for (n = 0; n < 4096; n++) printf "10.128.%d.%d psk\n", n / 256, n % 256 }'
	) >"$WORK/$1/psk.txt"
	chmod 600 "$WORK/$1/psk.txt"
	ipsecd_start "$1"
	for n in 2 3 4 5; do
		echo "spdadd 10.0.3.$n 172.16.2.1 any -P $3 ipsec esp/tunnel/10.0.3.$n-10.0.1.2/require;"
		echo "spdadd 172.16.2.1 10.0.3.$n any -P $2 ipsec esp/tunnel/10.0.1.2-10.0.3.$n/require;"
	done | setkey_load "$1"
	MULTINET_RACOON_JOURNAL=$WORK/$1/racoon.journal start "$1" racoon "$BIN/racoon" -F \
		-f "$WORK/$1/racoon.conf" -s "$WORK/$1/racoon.ctl" -S "$WORK/$1/ipsec.sock" -l "$WORK/$1/racoon.out"
	wait_for 10 nc -z -U "$WORK/$1/racoon.ctl" || { cat "$WORK/$1/racoon.log"; bail "racoon on $1"; }
}
racoon_ask() { # host, control line
	printf '%s\r\n' "$2" | timeout 40 nc -N -U "$WORK/$1/racoon.ctl" | tr -d '\r'
}
memory() { awk '$1 == "RssAnon:" {print $2}' "/proc/${DAEMON[b/racoon]}/status"; }
count() { racoon_ask b 'SHOW COUNTERS' | grep -i "$1" | grep -o '[0-9]*$'; }

side a in out
side b out in
like "a tunnel before" "$(racoon_ask a 'ESTABLISH/CHILD/TIMEOUT=30 10.0.1.2 10.0.3.2')" '^200 %RACOON-S-NORMAL'
before=$(memory)
on c "$FLOOD" 10.0.1.2 10.128.0.0 4096 $RATE $SECONDS_LONG 2 >"$WORK/flood" 2>&1 &
flood=$!
PIDS+=($flood)
sleep 1
like "another in the flood" "$(racoon_ask a 'ESTABLISH/CHILD/TIMEOUT=30 10.0.1.2 10.0.3.3')" '^200 %RACOON-S-NORMAL'
ok "packets pass in the first one" on a ping -q -c 3 -i 0.2 -W 2 -I 10.0.3.2 172.16.2.1
wait $flood
is "the flood flowed" $? 0
is "all of it was sent" "$(cut -d' ' -f1 "$WORK/flood")" $((RATE * SECONDS_LONG))
after=$(memory)
note "memory $before KB, $after KB; $(racoon_ask b 'SHOW COUNTERS' | grep -iE 'messages received|first messages' | tr -s ' ' | tr '\n' ',')"
# 32 MB of first messages at most, what keeps them in order, and a thousand half-open SAs.
# AddressSanitizer surrounds each of them with more than it holds.
limit=65536
! ldd "$BIN/racoon" | grep -q libasan || limit=$((limit * 4))
ok "memory is bounded" [ $((after - before)) -lt $limit ]
ok "first messages were answered without an SA" [ "$(count 'first messages answered')" -gt 1000 ]
like "one more after it" "$(racoon_ask a 'ESTABLISH/CHILD/TIMEOUT=30 10.0.1.2 10.0.3.4')" '^200 %RACOON-S-NORMAL'
is "nothing that was up is lost" "$(racoon_ask b 'SHOW ISAKMP' | grep -c 'ESTABLISHED')" 3
like "the log says so once" "$(grep -c 'many first messages,' "$WORK/b/racoon.out")" '^1$'
# Each of these costs a key exchange before anything is proven: there is a budget.
on c "$FLOOD" 10.0.1.2 10.128.0.0 4096 $RATE 3 2 aggressive >"$WORK/flood" 2>&1 &
flood=$!
PIDS+=($flood)
sleep 1
like "main mode in a flood of aggressive mode" "$(racoon_ask a 'ESTABLISH/CHILD/TIMEOUT=30 10.0.1.2 10.0.3.5')" '^200 %RACOON-S-NORMAL'
wait $flood
ok "most of it was refused" [ "$(count 'half-open limit reached')" -gt 5000 ]
ok "and is short" [ "$(wc -l <"$WORK/b/racoon.out")" -lt 5000 ]
stop b racoon
is "racoon ends well" $? 0
finish
