#!/bin/bash
# run.sh - setkey and the SA databases of a real Linux kernel (XFRM and PF_KEY) and of the embedded
# engine, and racoon over the kernel's, in two private kernels at once.  TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
mkdir -p "$BUILD/log" build/lab # the guest sees the host's files below this directory only
cp "$BUILD"/bin/{setkey,ipsecd,racoon,netcontrol} "$BUILD"/tests/kern build/lab/
lab() { # script
	local log=$BUILD/log/kernel-$1 rc
	LAB_BIN=$PWD/build/lab tests/kernel/lab.sh -t 500 bash "tests/kernel/$1.sh" >"$log" 2>&1
	rc=$?
	[ $rc = 0 ] || { tail -n 5 "$log" | sed 's/^/# /'; echo "not ok - kernel: $1: the lab ended with status $rc"; } >>"$log"
}
lab inside &
lab racoon
wait
grep -hE '^(ok|not ok|#)' "$BUILD/log/kernel-inside" "$BUILD/log/kernel-racoon"
