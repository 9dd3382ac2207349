#!/bin/bash
# run.sh [TRANSCRIPT...] - play transcripts against a real multinet_server and netcontrol.  TAP.
# Without an argument all of them, and terminal.sh.
#
# Lines of a transcript that begin with `% ` are its services file (none: no server is started).
# BUILD names the objects to test.  For `!` lines: $SOCKET, $READER, $DIR (scratch), nc_ (netcontrol
# with the socket given), $ECHO.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=$(realpath "${BUILD:-build}")
export ECHO=$BUILD/tests/echo
export PATH=$BUILD/bin:$PATH
export MULTINET_LOGICALS=/dev/null
unset MULTINET MULTINET_NETCONTROL_SOCKET MULTINET_CHANNEL
files=("$@")
if [ ${#files[@]} = 0 ]; then
	files=(tests/transcript/*.nc)
	tests/transcript/terminal.sh
fi

for file in "${files[@]}"; do
	name=$(basename "$file" .nc)
	DIR=$(mktemp -d /tmp/transcript.XXXXXX)
	export DIR SOCKET=$DIR/s READER=$DIR/r HOME=$DIR MULTINET=$DIR REPO=$PWD
	export MULTINET_NETCONTROL_SOCKET=$SOCKET
	server=
	if grep -q '^% ' "$file"; then
		sed -n 's/^% //p' "$file" | sed "s|@ECHO@|$ECHO|g" >"$DIR/services"
		(cd "$DIR" && exec timeout 120 multinet_server -f services -s "$SOCKET" -r "$READER" 2>server.log) &
		server=$!
		for _ in $(seq 100); do
			[ -S "$READER" ] && break
			sleep 0.05
		done
	fi
	timeout 100 "$BUILD/tests/talk" "$file" ||
		{ sed 's/^/# server: /' "$DIR/server.log" 2>/dev/null | tail -n 40; }
	if [ -n "$server" ]; then
		# Whether the transcript ended it or not, it must end in order and without a leak.
		kill "$server" 2>/dev/null
		wait "$server"
		rc=$?
		if [ $rc = 0 ] && ! grep -q 'Sanitizer' "$DIR/server.log"; then
			echo "ok - transcript: $name: the server ends in order"
		else
			tail -n 40 "$DIR/server.log" | sed 's/^/# /'
			echo "not ok - transcript: $name: the server ends in order (status $rc)"
		fi
	fi
	# Servers that the transcript started itself end with it.
	[ ! -S "$SOCKET" ] || netcontrol shutdown >/dev/null 2>&1
	rm -rf "$DIR"
done
