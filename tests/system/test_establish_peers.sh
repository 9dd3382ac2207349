#!/bin/bash
# establish_peers.com: a dozen peers, several at a time, the summary and the exit status; one that
# does not answer fails, and the others do not.
. tests/system/lib.sh

PEERS=12

conf() { # host
	cat <<-END
	path pre_shared_key "$WORK/$1/psk.txt";
	timer { counter 2; interval 2 sec; phase1 8 sec; }
	remote anonymous {
		exchange_mode main;
		proposal { encryption_algorithm aes 128; hash_algorithm sha256; authentication_method pre_shared_key; dh_group modp2048; }
	}
	sainfo anonymous { encryption_algorithm aes 128; authentication_algorithm hmac_sha256; compression_algorithm deflate; }
	END
}
up() { # host: engine and racoon, with racoon as a service
	ipsecd_start "$1"
	conf "$1" >"$WORK/$1/racoon.conf"
	chmod 600 "$WORK/$1/psk.txt"
	cat >"$WORK/$1/services" <<-END
	service RACOON {
		program "$BIN/racoon";
		arguments "-F" "-f" "$WORK/$1/racoon.conf" "-s" "$WORK/$1/racoon.ctl" "-S" "$WORK/$1/ipsec.sock";
		log-file "$WORK/$1/racoon.log";
	}
	END
	MULTINET_RACOON_JOURNAL=$WORK/$1/journal start "$1" master "$BIN/multinet_server" \
		-f "$WORK/$1/services" -s "$WORK/$1/nc.sock" -l "$WORK/$1/master.txt"
	wait_for 10 nc_ "$1" racoon show isakmp
}
nc_() { # host, words...
	local h=$1
	shift
	MULTINET=$WORK/$h MULTINET_NETCONTROL_SOCKET=$WORK/$h/nc.sock on "$h" "$BIN/netcontrol" "$@"
}

host a b
wire a eth0 10.9.0.1/16 b eth0 10.9.1.1/16
for i in $(seq 2 $PEERS); do on b ip address add "10.9.1.$i/16" dev eth0; done
for i in $(seq $PEERS); do
	echo "10.9.1.$i secret $i" >>"$WORK/a/psk.txt"
	echo "10.9.1.$i 10.9.0.1" >>"$WORK/a/peers.dat"
done
# Whoever asks is one host: all its secrets must be one.
sed -i 's/ secret .*/ one secret/' "$WORK/a/psk.txt"
echo "10.9.0.1 one secret" >"$WORK/b/psk.txt"
up a
up b

out=$(nc_ a "@$PWD/com/establish_peers.com" multinet:peers.dat 4 20 2>"$WORK/err")
is "all are established: exit status" $? 0
like "… each is told" "$(echo "$out" | grep -c 'RACOON-S-')" "^$PEERS\$"
like "… and the summary" "$out" "$PEERS peers: $PEERS established, 0 failed"
like "… they are there" "$(nc_ a racoon show isakmp 2>&1)" '10\.9\.1\.12'

echo '10.9.9.9 10.9.0.1' >>"$WORK/a/peers.dat"
started=$SECONDS
out=$(nc_ a "@$PWD/com/establish_peers.com" multinet:peers.dat 4 10 2>"$WORK/err")
is "one does not answer: exit status" $? 1
like "… which, and why" "$out" '^10\.9\.9\.9 .*%(RACOON|NETCTL)-E-'
like "… the others are up" "$out" "$((PEERS + 1)) peers: $PEERS established, 1 failed"
ok "… within its time" test $((SECONDS - started)) -lt 20
like "… and where the procedure stopped is told" "$(cat "$WORK/err")" 'STOPPED, .*establish_peers.com line'

finish
