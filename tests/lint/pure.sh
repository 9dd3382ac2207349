#!/bin/sh
# pure.sh BUILD - the engines are functions: their objects know no clock, socket, file, thread,
# loop or random source, and hold no mutable static data.  Proved on the object files.  TAP.
set -u
build=$1
cd "$(dirname "$0")/../.."
bad=0
forbidden='clock_gettime|time|gettimeofday|localtime(_r)?|socket|connect|bind|listen|accept4?|send(to|msg|mmsg)?|recv(from|msg|mmsg)?|open(at|64)?|fopen(64)?|read|write|close|poll|select|epoll_.*|pthread_.*|uv_.*|RAND_.*|getrandom|getentropy|rand(_r)?|s?random|arc4random.*|getenv|syslog|system|exec.*|fork|abort|exit|__assert_fail|when_now|when_wall|log_line|cry_random'
objects=$(find "$build/obj/racoon/wire" "$build/obj/racoon/ike" "$build/obj/racoon/ikev1" "$build/obj/ipsec/engine" -name '*.o' 2>/dev/null)
[ -n "$objects" ] || { echo "not ok - pure: no engine objects in $build"; exit 0; }
count=0
for object in $objects; do
	source=${object#"$build"/obj/}
	[ -f "${source%o}c" ] || continue # of a file that is no more
	count=$((count + 1))
	symbols=$(nm -u "$object" | awk '{print $2}' | sed 's/@.*//' | grep -xE "$forbidden")
	[ -z "$symbols" ] || { echo "# $object calls: $(echo "$symbols" | tr '\n' ' ')"; bad=1; }
	data=$(size -A "$object" | awk '$1 ~ /^\.(data|bss)(\.|$)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 {print $1 "=" $2}')
	[ -z "$data" ] || { echo "# $object holds mutable static data: $data"; bad=1; }
done
[ $bad = 0 ] && echo "ok - pure: $count engine objects" || echo "not ok - pure: engine objects"
