#!/bin/bash
# metricsd: the metrics of the master server, IPSEC and RACOON over HTTP and in a file, peers that
# are down included; what strangers send is refused.
. tests/system/lib.sh

topo_lan 10.9.1.1 10.9.1.2
(umask 077; printf '10.9.1.1 psk\n10.9.1.2 psk\n10.9.1.3 psk\n' >"$WORK/a/psk.txt")
conf() { # own address, peers...
	printf 'path pre_shared_key "%s";\nlisten { isakmp %s [500]; }\n' "$WORK/a/psk.txt" "$1"
	shift
	for p; do
		printf 'remote %s { exchange_mode main; proposal { encryption_algorithm aes; hash_algorithm sha1; authentication_method pre_shared_key; dh_group modp1024; } }\n' "$p"
	done
	printf 'sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n'
}
conf 10.9.1.1 10.9.1.2 10.9.1.3 >"$WORK/a/racoon.conf"
conf 10.9.1.2 10.9.1.1 >"$WORK/b/racoon.conf"
policies() { # host, direction of what goes to b, of what comes back
	setkey_load "$1" <<-END
	spdadd 10.9.1.1/32 10.9.1.2/32[9] udp -P $2 ipsec esp/transport//require;
	spdadd 10.9.1.2/32[9] 10.9.1.1/32 udp -P $3 ipsec esp/transport//require;
	END
}
ipsecd_start b
policies b in out
MULTINET_RACOON_JOURNAL=$WORK/b/journal start b racoon "$BIN/racoon" -F -f "$WORK/b/racoon.conf" -s "$WORK/b/ctl" -S "$WORK/b/ipsec.sock"
cat >"$WORK/a/services" <<-END
	socket "$WORK/a/master.sock";
	reader-socket "$WORK/a/reader.sock";
	service IPSEC { program "$BIN/ipsecd"; arguments "-F" "-s" "$WORK/a/ipsec.sock"; }
	service RACOON { program "$BIN/racoon"; arguments "-F" "-f" "$WORK/a/racoon.conf" "-S" "$WORK/a/ipsec.sock"; after IPSEC; }
	service METRICSD { program "$BIN/metricsd"; arguments "-s" "$WORK/a/reader.sock" "-u" "$WORK/a/metrics.sock" "-l" "127.0.0.1:9099" "-o" "$WORK/a/multinet.prom" "-i" "1"; }
END
MULTINET_RACOON_JOURNAL=$WORK/a/journal start a master "$BIN/multinet_server" -f "$WORK/a/services"
ask_master() { printf '%s\n' "$1" | timeout 30 nc -N -U "$WORK/a/master.sock" | tr -d '\r'; }
all_up() { [ "$(ask_master SHOW | grep -cE ' running +[0-9]+ ')" -ge 3 ]; }
wait_for 15 all_up || { cat "$WORK/a/master.log"; ask_master SHOW; bail "the services"; }
policies a out in
like "a tunnel is there" "$(ask_master 'RACOON ESTABLISH 10.9.1.2/CHILD')" '^200 %RACOON-S-NORMAL'

# ---- Tab: peers are asked of the server
like "COMPLETE knows the peers" "$(ask_master 'COMPLETE "RACOON ESTABLISH 10.9.1.3"')" $'^200-10\\.9\\.1\\.3\tpeer'
unlike "… not as a qualifier's value" "$(ask_master 'COMPLETE "RACOON SHOW /LOCAL=10.9"')" '^200-10'
export MULTINET_NETCONTROL_SOCKET=$WORK/nobody.sock
completion='COMP_WORDS=(netcontrol -s '$WORK/a/master.sock' racoon establish 10.9.1.3) COMP_CWORD=5
	COMP_LINE="${COMP_WORDS[*]}" COMP_POINT=${#COMP_LINE}; _multinet_netcontrol; echo "${COMPREPLY[*]}"'
is "bash completes one" "$(PATH=$BIN:$PATH bash --norc -c "source <(netcontrol --completion bash); $completion" 2>&1)" 10.9.1.3
if command -v fish >/dev/null; then
	is "fish completes one" "$(PATH=$BIN:$PATH fish -N -c "netcontrol --completion fish | source
		complete -C 'netcontrol -s $WORK/a/master.sock racoon establish 10.9.1.3'" | cut -f1)" 10.9.1.3
fi
unset MULTINET_NETCONTROL_SOCKET

get() { # request line, by the Unix socket
	printf '%s\r\nHost: x\r\n\r\n' "$1" | timeout 20 nc -U "$WORK/a/metrics.sock" | tr -d '\r'
}
body() { sed '1,/^$/d'; }
answer=$(get 'GET /metrics HTTP/1.1')
like "GET /metrics" "$answer" '^HTTP/1\.1 200 OK$'
like "… with its type" "$answer" '^Content-Type: text/plain; version=0\.0\.4'
metrics=$(body <<<"$answer")
is "… in the form Prometheus reads" "$(python3 tests/system/metrics_check.py <<<"$metrics")" fine
like "the master server" "$metrics" '^netcontrol_service_up\{service="RACOON"\} 1$'
like "the engine" "$metrics" '^ipsec_sas 2$'
like "… its counters" "$metrics" '^ipsec_packets_total\{event="replayed"\} 0$|^ipsec_packets_total\{event="'
like "racoon" "$metrics" '^racoon_isakmp_sas 1$'
like "… its counters" "$metrics" '^racoon_phase1_established_total 1$'
like "a peer that is up" "$metrics" '^racoon_peer_up\{peer="10\.9\.1\.2",address="10\.9\.1\.2"\} 1$'
like "a peer that is down" "$metrics" '^racoon_peer_up\{peer="10\.9\.1\.3",address="10\.9\.1\.3"\} 0$'
like "an IPsec SA's traffic" "$metrics" '^racoon_ipsec_octets_total\{sa="[0-9]+",direction="out",spi="0x[0-9a-f]{8}",protocol="esp",remote="10\.9\.1\.2"\} [0-9]+$'
like "metricsd is not asked by itself" "$metrics" '^metricsd_services_asked 2$'
like "none refuses" "$metrics" '^metricsd_services_refused 0$'
is "over TCP as well" "$(printf 'GET /metrics HTTP/1.0\r\n\r\n' | on a timeout 20 nc 127.0.0.1 9099 | tr -d '\r' | head -1)" 'HTTP/1.1 200 OK'

# ---- strangers
like "HEAD" "$(get 'HEAD /metrics HTTP/1.1')" '^Content-Length: [0-9]{4}'
is "… has no body" "$(get 'HEAD /metrics HTTP/1.1' | body)" ''
like "another path" "$(get 'GET / HTTP/1.1')" '^HTTP/1\.1 404 '
like "another method" "$(get 'POST /metrics HTTP/1.1')" '^HTTP/1\.1 405 '
like "no HTTP" "$(get 'hello')" '^HTTP/1\.1 400 '
like "a header without end" "$(head -c 9000 /dev/zero | tr '\0' x | timeout 20 nc -U "$WORK/a/metrics.sock" | tr -d '\r')" '^HTTP/1\.1 431 '
fails "an address for others is refused" on a timeout 5 "$BIN/metricsd" -l 0.0.0.0:9098
fails "… and a port that is none" on a timeout 5 "$BIN/metricsd" -l 127.0.0.1:0
many() { for i in $(seq 20); do get 'GET /metrics HTTP/1.1' >"$WORK/many.$i" & P[i]=$!; done; for i in $(seq 20); do wait "${P[i]}"; done; }
many
is "20 at once get it" "$(cat "$WORK"/many.* | grep -c '^HTTP/1.1 200')" 20

# ---- the file
wait_for 5 grep -q '^racoon_isakmp_sas 1$' "$WORK/a/multinet.prom"
is "the file is written" $? 0
is "… in the same form" "$(python3 tests/system/metrics_check.py <"$WORK/a/multinet.prom")" fine
is "… and nothing beside it" "$(ls "$WORK/a" | grep -c 'multinet\.prom\.')" 0

# ---- failures by cause; a service that is down
like "a peer does not answer" "$(ask_master 'RACOON ESTABLISH 10.9.1.3/TIMEOUT=1')" '^4'
like "RACOON stops" "$(ask_master 'RACOON STOP')" '^2'
metrics=$(get 'GET /metrics HTTP/1.1' | body)
like "… which is told" "$metrics" '^netcontrol_service_up\{service="RACOON"\} 0$'
unlike "… and it is not asked" "$metrics" '^racoon_'
is "… in form" "$(python3 tests/system/metrics_check.py <<<"$metrics")" fine
like "what metricsd does" "$(ask_master 'METRICSD SHOW')" '^200-Unix socket  .*metrics\.sock$'
stop a master
is "the master server ends with its services" $? 0

# ---- without a master server
start a alone "$BIN/metricsd" -s "$WORK/a/nobody.sock" -u "$WORK/a/alone.sock"
wait_for 5 test -S "$WORK/a/alone.sock"
like "no master server: 503" "$(printf 'GET /metrics HTTP/1.1\r\n\r\n' | timeout 20 nc -U "$WORK/a/alone.sock")" '^HTTP/1\.1 503 '
stop a alone
is "ends well" $? 0
finish
