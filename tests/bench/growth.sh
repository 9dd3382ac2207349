# growth.sh - what the next negotiation costs the responder with GROWN tunnels up; sourced.
#
# Two responders, both ours: one with SMALL tunnels up, one with GROWN, in alternating batches of
# EACH.  An initiator can have 4,000 addresses or so, so the grown one has many initiators, each in
# a namespace behind a veth pair of its own.  X25519, as the key exchange tells nothing here.

SMALL=${SMALL:-1000} GROWN=${GROWN:-50000} EACH=${EACH:-100} GROWTH_ROUNDS=${GROWTH_ROUNDS:-10}
GROWTH_GROUP=${GROWTH_GROUP:-x25519}

# growth_pair NAME COUNT: $tag-NAME-r and as many initiators $tag-NAME<k>-i as it takes
growth_pair() {
	local r=$tag-$1-r i k last
	last=$((($2 - 1) / HOST_PEERS))
	ip netns add "$r"
	ip -n "$r" link set lo up
	ip -n "$r" addr add 10.2.0.1/32 dev lo
	ip -n "$r" addr add 172.16.2.1/32 dev lo
	mkdir -p "$D/$1-r"
	for k in $(seq 0 $last); do
		i=$tag-$1$k-i
		ip netns add "$i"
		mkdir -p "$D/$1$k-i"
		ip link add vi0 netns "$i" type veth peer name "vr$k" netns "$r"
		ip -n "$i" link set lo up
		ip -n "$i" addr add "10.3.$k.2/24" dev vi0
		ip -n "$i" link set vi0 up
		ip -n "$i" route add 10.2.0.1/32 via "10.3.$k.1"
		ip -n "$r" addr add "10.3.$k.1/24" dev "vr$k"
		ip -n "$r" link set "vr$k" up
		ip -n "$r" route add "10.$((16 + k)).0.0/16" via "10.3.$k.2"
	done
}

growth_last() { # count, initiator: the number of its last peer
	local last=$((($2 + 1) * HOST_PEERS))
	echo $(((last < $1 ? last : $1) - 1))
}

growth_start() { # name, count
	local k last
	growth_pair "$1" "$2"
	for k in $(seq 0 $((($2 - 1) / HOST_PEERS))); do
		last=$(growth_last "$2" "$k")
		peers $((k * HOST_PEERS)) "$last" 'addr add %s/32 dev lo' |
			ip -n "$tag-$1$k-i" -batch - || die addresses
		ours_host "$1$k" i $GROWTH_GROUP $((k * HOST_PEERS)) "$last"
	done
	ours_host "$1" r $GROWTH_GROUP 0 $(($2 - 1))
}

# growth_bring NAME FIRST LAST: those tunnels, by the initiators that have them
growth_bring() {
	local k last
	for k in $(seq $(($2 / HOST_PEERS)) $(($3 / HOST_PEERS))); do
		last=$(growth_last $(($3 + 1)) "$k")
		ours_bring "$1$k" $(($2 > k * HOST_PEERS ? $2 : k * HOST_PEERS)) "$last"
	done
}

growth_end() { # name
	local n
	for n in $(ip netns list | awk -v t="$tag-$1" 'index($1, t) == 1 {print $1}'); do
		# shellcheck disable=SC2046
		end_pids $(ip netns pids "$n")
		ip netns del "$n"
	done
}

bench_growth() {
	local k at few few_pids many many_pids kb small=() big=()
	. tests/bench/negotiation.sh
	few=$((SMALL + EACH * GROWTH_ROUNDS)) many=$((GROWN + EACH * GROWTH_ROUNDS))
	growth_start few $few
	few_pids=$responder
	growth_start many $many
	many_pids=$responder
	# shellcheck disable=SC2086
	kb=$(rss_kb $many_pids)
	growth_bring few 0 $((SMALL - 1))
	for ((at = 0; at < GROWN; at += HOST_PEERS)); do
		k=$((at + HOST_PEERS < GROWN ? HOST_PEERS : GROWN - at))
		# shellcheck disable=SC2086
		say "$at tunnels up: $(batch growth_bring many $at $k $many_pids) us for each of the next $k"
	done
	# shellcheck disable=SC2086
	kb=$(($(rss_kb $many_pids) - kb))
	for k in $(seq 0 $((GROWTH_ROUNDS - 1))); do
		# shellcheck disable=SC2086
		at=$(batch growth_bring few $((SMALL + k * EACH)) $EACH $few_pids) || exit
		small+=("$at")
		# shellcheck disable=SC2086
		at=$(batch growth_bring many $((GROWN + k * EACH)) $EACH $many_pids) || exit
		big+=("$at")
	done
	printf 'growth      %-8s responder: %d us of CPU each with %d SAs up, %d us with %d, ratio %s (%s)\n' $GROWTH_GROUP \
		"$(median "${small[@]}")" "$SMALL" "$(median "${big[@]}")" "$GROWN" \
		"$(ratio "$(median "${big[@]}")" "$(median "${small[@]}")")" "$(range "${small[*]}" "${big[*]}")"
	printf 'memory      %-8s responder, for each of %d tunnels: racoon+ipsecd %s KB\n' $GROWTH_GROUP "$GROWN" \
		"$(tenths "$kb" "$GROWN")"
	growth_end few
	growth_end many
}
