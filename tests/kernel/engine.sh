#!/bin/bash
# engine.sh - the embedded engine against the kernel's IPsec, both ways, transform by transform.  TAP.
#
# Run inside the private kernel (tests/kernel/lab.sh) from the top folder, BUILD telling where the
# programs are.  Two network namespaces: .1 has ipsecd and setkey, .2 has the kernel's SAs from
# `ip xfrm`.  Each case pings from both ends, small and large, with octets that compress well.
set -u
BUILD=${BUILD:-build}
dir=$(mktemp -d) || exit 1
n=0 bad=0
modprobe -a ipv6 esp6 ah6 ipcomp6 tunnel4 tunnel6 xfrm4_tunnel xfrm6_tunnel 2>/dev/null
export MULTINET_IPSEC_SOCKET=$dir/pfkey MULTINET_IPSEC_BACKEND=engine
ip netns add mnea && ip netns add mneb &&
	ip -n mnea link add eth0 type veth peer name eth0 netns mneb || exit 1
for ns in a b; do
	i=$([ $ns = a ] && echo 1 || echo 2)
	ip -n mne$ns link set lo up
	ip -n mne$ns link set eth0 up
	ip -n mne$ns addr add 10.9.0.$i/24 dev eth0
	ip -n mne$ns addr add fd09::$i/64 dev eth0 nodad
	ip -n mne$ns addr add 172.16.$i.1/32 dev lo
	ip -n mne$ns addr add fd16:$i::1/128 dev lo nodad
done
ip -n mnea route add 172.16.2.1 via 10.9.0.2 src 172.16.1.1
ip -n mneb route add 172.16.1.1 via 10.9.0.1 src 172.16.2.1
ip -n mnea route add fd16:2::1 via fd09::2 src fd16:1::1
ip -n mneb route add fd16:1::1 via fd09::1 src fd16:2::1
ip netns exec mnea "$BUILD/bin/ipsecd" -F -s "$dir/pfkey" -c "$dir/ctl" >"$dir/log" 2>&1 &
ipsecd=$!
trap 'kill $ipsecd; wait $ipsecd; ip netns del mnea; ip netns del mneb; rm -rf "$dir"' EXIT
for _ in $(seq 100); do [ -S "$dir/ctl" ] && [ -S "$dir/pfkey" ] && break; sleep 0.1; done

hex() { # octets, first
	local i out=0x
	for i in $(seq "$1"); do out=$out$(printf %02x $(((i * 7 + $2) % 256))); done
	echo "$out"
}

# case NAME MODE SPI-PROTOS; the arrays say what each end is told: engine "proto spi ext", kernel
# "proto spi words"; rules "proto" innermost first
pings() { # name, from ns, to address
	local size
	for size in 56 1300; do
		ip netns exec mne"$2" ping -q -c 2 -i 0.2 -W 3 -p 61 -s $size "$3" >"$dir/ping" 2>&1 && continue
		sed 's/^/# /' "$dir/ping"
		return 1
	done
}

counted() { # how many packets the engine protected and opened, in all
	"$BUILD/bin/netcontrol" -s "$dir/ctl" show counters 2>/dev/null | awk '$1 == "protected" || $1 == "opened" { n += $2 } END { print n + 0 }'
}

verdict() { # name, status
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - engine and kernel: $1"
		return
	fi
	bad=1
	echo "not ok $n - engine and kernel: $1"
	tail -n 5 "$dir/log" | sed 's/^/# /'
	"$BUILD/bin/netcontrol" -s "$dir/ctl" show counters 2>&1 | grep -v ' 0$' | sed 's/^/# /'
	ip netns exec mneb cat /proc/net/xfrm_stat | awk '$2 != 0' | sed 's/^/# /'
}

# try NAME MODE FAMILY STEP...; a step, innermost first: "proto|setkey words|ip xfrm words"
try() {
	local name=$1 mode=$2 family=$3 a b sa sb spi=4096 tmpl_out='' tmpl_in='' rules_out='' rules_in='' st=0
	shift 3
	case $family in
	4) a=10.9.0.1 b=10.9.0.2 sa=172.16.1.1 sb=172.16.2.1 ;;
	6) a=fd09::1 b=fd09::2 sa=fd16:1::1 sb=fd16:2::1 ;;
	46) a=fd09::1 b=fd09::2 sa=172.16.1.1 sb=172.16.2.1 ;;
	64) a=10.9.0.1 b=10.9.0.2 sa=fd16:1::1 sb=fd16:2::1 ;;
	esac
	[ "$mode" = tunnel ] || sa=$a sb=$b
	ip -n mneb xfrm state flush
	ip -n mneb xfrm policy flush
	printf 'flush;\nspdflush;\n' >"$dir/conf"
	local i=0 last=$#
	for step in "$@"; do
		i=$((i + 1))
		local proto=${step%%|*} rest=${step#*|}
		local ours=${rest%%|*} theirs=${rest#*|} m=transport level=require
		[ "$mode" = tunnel ] && [ $i = 1 ] && m=tunnel # the innermost makes the tunnel
		[ "$proto" = ipcomp ] && level=use
		spi=$((spi + 16))
		local word=$proto k=$proto
		[ "$proto" = ipcomp ] && k=comp
		[ "$proto" = esp-udp ] && k=esp
		local window='-r 32' replay='replay-window 32'
		[ "$proto" = ipcomp ] && window='' replay=''
		printf 'add %s %s %s 0x%x -m %s %s %s;\n' "$a" "$b" "$word" $spi $m "$window" "$ours" >>"$dir/conf"
		printf 'add %s %s %s 0x%x -m %s %s %s;\n' "$b" "$a" "$word" $((spi + 1)) $m "$window" "$ours" >>"$dir/conf"
		[ "$family" -lt 10 ] || replay="$replay flag af-unspec"
		eval "ip -n mneb xfrm state add src $a dst $b proto $k spi $spi mode $m $replay $theirs" || st=1
		eval "ip -n mneb xfrm state add src $b dst $a proto $k spi $((spi + 1)) mode $m $replay $theirs" || st=1
		local ends_o='' ends_i='' t_o="src $b dst $a" t_i="src $a dst $b"
		[ $m = tunnel ] && ends_o=$a-$b ends_i=$b-$a
		rules_out="$rules_out ${k/comp/ipcomp}/$m/$ends_o/$level" rules_in="$rules_in ${k/comp/ipcomp}/$m/$ends_i/$level"
		tmpl_out="$tmpl_out tmpl $t_o proto $k mode $m level required"
		tmpl_in="$tmpl_in tmpl $t_i proto $k mode $m level $([ $level = use ] && echo use || echo required)"
	done
	local up=icmp
	[ "${sa#*:}" = "$sa" ] || up=icmp6
	[ $up = icmp ] || { [ "$mode" = tunnel ] && up=any || up=icmp6,128,0; }
	if [ "$up" = icmp6,128,0 ]; then # neighbour discovery stays in clear
		for t in 128 129; do
			printf 'spdadd %s %s icmp6 %s,0 -P out ipsec%s;\nspdadd %s %s icmp6 %s,0 -P in ipsec%s;\n' "$sa" "$sb" $t \
				"$rules_out" "$sb" "$sa" $t "$rules_in" >>"$dir/conf"
			ip -n mneb xfrm policy add src "$sb" dst "$sa" proto ipv6-icmp type $t code 0 dir out $tmpl_out || st=1
			ip -n mneb xfrm policy add src "$sa" dst "$sb" proto ipv6-icmp type $t code 0 dir in $tmpl_in || st=1
		done
	else
		printf 'spdadd %s %s %s -P out ipsec%s;\nspdadd %s %s %s -P in ipsec%s;\n' "$sa" "$sb" $up "$rules_out" "$sb" "$sa" $up \
			"$rules_in" >>"$dir/conf"
		# shellcheck disable=SC2086
		ip -n mneb xfrm policy add src "$sb" dst "$sa" dir out $tmpl_out || st=1
		# shellcheck disable=SC2086
		ip -n mneb xfrm policy add src "$sa" dst "$sb" dir in $tmpl_in || st=1
	fi
	ip netns exec mnea "$BUILD/bin/setkey" -f "$dir/conf" >"$dir/setkey" 2>&1 || { sed 's/^/# /' "$dir/setkey"; st=1; }
	local before
	before=$(counted)
	[ $st = 0 ] && { pings "$name" b "$sa" && pings "$name" a "$sb"; } || st=1
	# IPComp leaves small packets alone
	[ $(($(counted) - before)) -ge 8 ] || { echo '# the engine had little to do with it'; st=1; }
	verdict "$name" $st
}

sha1="-A hmac-sha1 $(hex 20 3)|auth-trunc 'hmac(sha1)' $(hex 20 3) 96"
join() { echo "$1|${2%%|*} ${3%%|*}|${2#*|} ${3#*|}"; } # proto, cipher, integrity
cipher() { echo "-E $1 $(hex "$3" 1)|enc '$2' $(hex "$3" 1)"; } # setkey's word, xfrm's, octets
aead() { echo "-E $1 $(hex "$3" 1)|aead '$2' $(hex "$3" 1) $4"; }
integrity() { echo "-A $1 $(hex "$3" 3)|auth-trunc '$2' $(hex "$3" 3) $4"; }
null="-E null|enc 'ecb(cipher_null)' ''"
comp='ipcomp|-C deflate|comp deflate'
gcm=$(aead aes-gcm-16 'rfc4106(gcm(aes))' 20 128)
aes=$(cipher aes-cbc 'cbc(aes)' 16)
both=$(join esp "$aes" "$sha1")

[ "${1:-all}" = all ] && set -- ciphers integrity bundles families
for what in "$@"; do
	case $what in
	ciphers)
		for c in "des-cbc des 8" "3des-cbc des3_ede 24" "blowfish-cbc blowfish 16" "cast128-cbc cast5 16" \
			"camellia-cbc camellia 32" "aes-cbc aes 16" "aes-cbc aes 24" "aes-cbc aes 32"; do
			set -- $c
			try "$1 $3" transport 4 "$(join esp "$(cipher "$1" "cbc($2)" "$3")" "$sha1")"
		done
		try aes-ctr transport 4 "$(join esp "$(cipher aes-ctr 'rfc3686(ctr(aes))' 20)" "$sha1")"
		try null transport 4 "$(join esp "$null" "$sha1")"
		for icv in 8 12 16; do
			try aes-gcm-$icv tunnel 4 "esp|$(aead aes-gcm-$icv 'rfc4106(gcm(aes))' 20 $((icv * 8)))"
			try aes-ccm-$icv tunnel 4 "esp|$(aead aes-ccm-$icv 'rfc4309(ccm(aes))' 19 $((icv * 8)))"
		done
		try aes-gmac tunnel 4 "esp|$(aead aes-gmac 'rfc4543(gcm(aes))' 20 128)"
		try chacha20-poly1305 tunnel 4 "esp|$(aead chacha20-poly1305 'rfc7539esp(chacha20,poly1305)' 36 128)"
		;;
	integrity)
		for c in "hmac-md5 hmac(md5) 16 96" "hmac-sha1 hmac(sha1) 20 96" "hmac-sha256 hmac(sha256) 32 128" \
			"hmac-sha256-96 hmac(sha256) 32 96" "hmac-sha384 hmac(sha384) 48 192" "hmac-sha512 hmac(sha512) 64 256" \
			"hmac-ripemd160 hmac(rmd160) 20 96" "aes-xcbc-mac xcbc(aes) 16 96" "aes-cmac cmac(aes) 16 96"; do
			set -- $c
			try "esp $1" transport 4 "$(join esp "$aes" "$(integrity "$1" "$2" "$3" "$4")")"
			try "ah $1" transport 4 "ah|$(integrity "$1" "$2" "$3" "$4")"
		done
		;;
	bundles)
		try 'esp with esn' tunnel 4 "esp|-esn ${gcm%%|*}|flag esn ${gcm#*|}"
		try 'esp with esn, cbc' transport 4 "esp|-esn $(echo "${both#esp|}" | cut -d'|' -f1)|flag esn ${both##*|}"
		try 'ah over esp' transport 4 "$both" "ah|$sha1"
		try 'ipcomp' transport 4 "$comp"
		try 'ipcomp in a tunnel' tunnel 4 "$comp"
		try 'ipcomp and esp' transport 4 "$comp" "$both"
		try 'ipcomp tunnel and esp' tunnel 4 "$comp" "$both"
		try 'ipcomp, esp and ah' transport 4 "$comp" "$both" "ah|$sha1"
		;;
	families)
		try 'esp over IPv6' transport 6 "$both"
		try 'esp tunnel over IPv6' tunnel 6 "esp|$gcm"
		try 'ah over IPv6' transport 6 "ah|$(integrity hmac-sha256 'hmac(sha256)' 32 128)"
		try 'ipcomp and esp over IPv6' tunnel 6 "$comp" "$both"
		try 'IPv4 in IPv6' tunnel 46 "esp|$gcm"
		try 'IPv6 in IPv4' tunnel 64 "esp|$gcm"
		;;
	esac
done
echo "1..$n"
exit $bad
