#!/bin/bash
# run.sh - our racoon and ipsecd against Debian's strongSwan (charon with kernel-netlink), both as
# initiator and as responder, in a private kernel.  TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
export BUILD
log=$BUILD/log/interop-lab
mkdir -p "$BUILD/log" build/lab # the guest sees the host's files below this directory only
cp "$BUILD"/bin/* build/lab/
LAB_BIN=$PWD/build/lab tests/kernel/lab.sh -t 900 bash tests/interop/inside.sh >"$log" 2>&1
rc=$?
grep -E '^(ok|not ok|#)' "$log"
[ $rc = 0 ] || { tail -n 5 "$log" | sed 's/^/# /'; echo "not ok - interop: the lab ended with status $rc"; }
