# flood.sh - first messages from forged addresses against racoon, while others go on; sourced.
#
# FLOOD_SAS tunnels are up.  For FLOOD_SECONDS a third host sends FLOOD_RATE first messages a second
# from the addresses of 65,536 further peers (tests/bench/flood_main.c); meanwhile the initiator brings
# up further tunnels one after another, and packets pass through one that is up.  Told: what came
# of those, what the responder's memory grew to, and how many tunnels are left.  FLOOD_MODE=aggressive:
# a flood of that mode, which the responder allows beside main; the others are of main mode still.

FLOOD_SAS=${FLOOD_SAS:-500} FLOOD_RATE=${FLOOD_RATE:-20000} FLOOD_SECONDS=${FLOOD_SECONDS:-60}
FLOOD_NEW=${FLOOD_NEW:-500} FLOOD_GROUP=${FLOOD_GROUP:-modp1024} FLOOD_GROUP_NUMBER=${FLOOD_GROUP_NUMBER:-2}
FLOOD_MODE=${FLOOD_MODE:-}

# A third host beside the responder; what is sent to the forged addresses goes there, and is lost.
flood_attacker() { # name
	local a=$tag-$1-a r=$tag-$1-r
	ip netns add "$a"
	ip link add va0 netns "$a" type veth peer name vr1 netns "$r"
	ip -n "$a" link set lo up
	ip -n "$a" addr add 10.4.0.2/24 dev va0
	ip -n "$a" link set va0 up
	ip -n "$r" addr add 10.4.0.1/24 dev vr1
	ip -n "$r" link set vr1 up
	ip -n "$a" route add 10.2.0.1/32 via 10.4.0.1
	ip -n "$a" route add blackhole 10.128.0.0/16
	ip -n "$r" route add 10.128.0.0/16 via 10.4.0.2
}

flood_counter() { # name, counter of the responder's racoon
	ours "$1" r "$bin/netcontrol" /SOCKET="$D/$1-r/racoon.ctl" show counters |
		awk -v c="$2" 'index($0, c) == 1 {print $NF}'
}

flood_count_sas() { # name: ISAKMP SAs of the responder that are up, IPsec SAs in its database
	printf '%s %s' "$(ours "$1" r "$bin/netcontrol" /SOCKET="$D/$1-r/racoon.ctl" show isakmp | grep -c ESTABLISHED)" \
		"$(ours "$1" r "$bin/setkey" -D | grep -c 'state=mature')"
}

# One negotiation after another until the flood ends: "done failed slowest-ms" and all times
flood_negotiate() { # name
	local k before done=0 failed=0
	: >"$D/$1-times"
	for ((k = FLOOD_SAS; k < FLOOD_SAS + FLOOD_NEW; k++)); do
		[ -e "$D/$1-over" ] && break
		before=$(date +%s%N)
		if peers $k $k 'establish/child/timeout=30 10.2.0.1 %s' |
			ours "$1" i "$bin/netcontrol" /SOCKET="$D/$1-i/racoon.ctl" >"$D/$1-negotiate" 2>&1; then
			done=$((done + 1))
			echo $((($(date +%s%N) - before) / 1000000)) >>"$D/$1-times"
		else
			failed=$((failed + 1))
			tail -n 1 "$D/$1-negotiate" >>"$D/$1-failed"
		fi
		sleep 0.1
	done
	echo "$done $failed" >"$D/$1-done"
}

bench_flood() {
	local f=fl all before during after now most=0 pids kb cpu sas new flood ping
	. tests/bench/negotiation.sh
	[ -x "$bin/../tests/flood" ] || make --no-print-directory -s DEPS=no BUILD="$BUILD" "$BUILD/tests/flood" || die flood
	all=$((FLOOD_SAS + FLOOD_NEW))
	pair $f
	many_addresses $f $all
	ours_many $f "$FLOOD_GROUP" $all
	# The forged addresses are of peers that have a key: others are refused at once.
	awk 'BEGIN { for (n = 0; n < 65536; n++) printf "10.128.%d.%d simple psk\n", n / 256, n % 256 }' >>"$D/$f-r/psk.txt"
	[ -z "$FLOOD_MODE" ] || sed -i "s/exchange_mode main/&, $FLOOD_MODE/" "$D/$f-r/racoon.conf"
	ours $f r "$bin/netcontrol" /SOCKET="$D/$f-r/racoon.ctl" reload >/dev/null || die reload
	pids=$responder
	flood_attacker $f
	ours_bring $f 0 $((FLOOD_SAS - 1))
	# shellcheck disable=SC2086
	kb=$(rss_kb $pids) cpu=$(cpu_us $pids)
	before=$(flood_count_sas $f)
	rm -f "$D/$f-over"
	ip netns exec "$tag-$f-a" "$bin/../tests/flood" 10.2.0.1 10.128.0.0 65536 "$FLOOD_RATE" \
		"$FLOOD_SECONDS" "$FLOOD_GROUP_NUMBER" $FLOOD_MODE >"$D/$f-flood" &
	flood=$!
	flood_negotiate $f &
	new=$!
	ip netns exec "$tag-$f-i" ping -q -n -i 0.2 -w "$FLOOD_SECONDS" -I 10.16.0.1 172.16.2.1 >"$D/$f-ping" 2>&1 &
	ping=$!
	while kill -0 $flood 2>/dev/null; do
		# shellcheck disable=SC2086
		now=$(rss_kb $pids)
		most=$((now > most ? now : most))
		sleep 0.5
	done
	wait $flood || die 'the flood did not flow'
	# shellcheck disable=SC2086
	cpu=$((($(cpu_us $pids) - cpu) / 1000))
	touch "$D/$f-over"
	wait $new $ping
	after=$(flood_count_sas $f)
	sas=$(cat "$D/$f-done")
	[ -s "$D/$f-times" ] || echo 0 >"$D/$f-times"
	read -r during now <"$D/$f-flood"
	printf 'flood       %s first messages in %s ms, responder %s ms of CPU, %s received, %s answered and kept small\n' \
		"$during" "$now" "$cpu" "$(flood_counter $f "messages received")" "$(flood_counter $f "first messages answered without")"
	# shellcheck disable=SC2046
	printf 'flood       negotiations meanwhile: %s succeeded, %s failed, median %s ms, 99 of 100 within %s ms, slowest %s ms\n' \
		"${sas% *}" "${sas#* }" "$(median $(cat "$D/$f-times"))" \
		"$(sort -g "$D/$f-times" | awk '{ v[NR] = $1 } END { n = int(NR * 0.99 + 0.9999); print v[n < 1 ? 1 : n] }')" \
		"$(sort -g "$D/$f-times" | tail -n 1)"
	[ ! -s "$D/$f-failed" ] || sort "$D/$f-failed" | uniq -c | sed 's/^/# /' >&2
	printf 'flood       tunnel meanwhile: %s\n' "$(grep -o '[0-9]* packets transmitted.*loss' "$D/$f-ping")"
	printf 'flood       ISAKMP SAs up and IPsec SAs: before %s, after %s\n' "$before" "$after"
	# shellcheck disable=SC2086
	printf 'flood       memory: %s KB before, %s KB at most, %s KB after\n' "$kb" "$most" "$(rss_kb $pids)"
	contest_end $f
	ip netns del "$tag-$f-a"
}
