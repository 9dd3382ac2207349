#!/bin/bash
# run.sh [WHAT…] - benchmarks against Debian's strongSwan in the same run; prints ratios.
#
#   throughput   TCP and UDP through an ESP tunnel, both ends here, against libipsec and wireguard-go
#   tunnels      one tunnel alone, one beside 10,000, and traffic spread over 10,000
#   bulk         100,000 SAs and policies: load, dump, flush, memory; a stream among them
#   latency      main + quick mode, first to last datagram on the wire, one at a time
#   negotiation  main + quick mode as responder: CPU of the responder for each, with 1,000 SAs up,
#                and its memory for each
#   growth       the same for us alone with 1,000 and with 50,000 SAs up, and memory for each of those
#   establish    ESTABLISH of 500 peers with establish_peers.com: time, summary, status
#   show         SHOW of 100,000 SAs: time, memory, and whom it delays
#   flood        20,000 forged first messages a second for a minute; what others notice of it
#   eng          packets through the engine alone, with 1 and with 100,000 SAs (not unless named)
#   noop         NOOPs a second and latency of one against redis-server's PING
#
# Every figure is the median of interleaved rounds, behind each ratio the range of the rounds' own;
# absolute values tell only about the machine.  doc/BENCHMARKS.md explains.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/interop/swan.sh
. tests/bench/lib.sh
export SWAN_ROUTES=yes SWAN_LOG=0
what=${*:-throughput bulk latency negotiation growth show establish flood noop}
[ "$(id -u)" = 0 ] || { echo 'bench: root is needed for network namespaces' >&2; exit 1; }

printf '%s, %s cores, %s\n' "$(uname -sr)" "$(nproc)" "$(openssl version | cut -d' ' -f1,2)"
for one in $what; do
	. "tests/bench/$one.sh"
	"bench_$one"
done
