#!/bin/sh
# vendor.sh - each library stays in its few files.  TAP.
set -u
cd "$(dirname "$0")/../.."
rule() { # name, header pattern, file pattern that may include it
	found=$(git ls-files -co --exclude-standard '*.c' '*.h' | grep -v '^tests/' | xargs grep -nE "^#[[:space:]]*include[[:space:]]*<$2" 2>/dev/null |
		grep -vE "^($3):")
	if [ -z "$found" ]; then
		echo "ok - vendor: $1"
	else
		echo "$found" | sed 's/^/# /'
		echo "not ok - vendor: $1"
	fi
}
rule 'libuv only in *_uv.c and *_main.c' 'uv\.h' '[^:]*(_uv|_main)\.[ch]'
rule 'OpenSSL only in lib/cry_*.c' 'openssl/' 'lib/cry_[a-z0-9_]*\.[ch]'
rule 'readline only in one file of netcontrol' 'readline/' 'netcontrol/[a-z_]*readline[a-z_]*\.c'
rule 'libedit only in one file of netcontrol' 'histedit\.h' 'netcontrol/nc_line_libedit\.c'
rule 'kernel IPsec headers only in their backend' 'linux/(xfrm|pfkeyv2)\.h' 'ipsec/backend_[a-z_]*\.c'
rule 'libmnl only in the xfrm backend' 'libmnl/' 'ipsec/backend_[a-z_]*\.c'
rule 'zlib only in lib/deflate.c' 'zlib\.h' 'lib/deflate\.c'
rule 'routing and TUN headers only in the datapath' '(linux/(rtnetlink|if_tun|fib_rules|netlink|if)|nftables/.*)\.h' '(ipsec/dp_[a-z_]*|ipsec/backend_[a-z_]*|racoon/daemon/sockets_uv)\.c'
n=$(git ls-files -co --exclude-standard 'netcontrol/*.c' | xargs grep -lE '<readline/' 2>/dev/null | wc -l)
[ "$n" -le 1 ] && echo "ok - vendor: one readline file" || echo "not ok - vendor: one readline file ($n)"
