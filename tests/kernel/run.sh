#!/bin/bash
# run.sh - setkey and the SA databases of a real Linux kernel (XFRM and PF_KEY) and of the embedded
# engine, in one private kernel.  TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
log=$BUILD/log/kernel-lab
mkdir -p "$BUILD/log" build/lab # the guest sees the host's files below this directory only
cp "$BUILD"/bin/setkey "$BUILD"/bin/ipsecd "$BUILD"/tests/kern build/lab/
LAB_BIN=$PWD/build/lab tests/kernel/lab.sh -t 300 bash tests/kernel/inside.sh >"$log" 2>&1
rc=$?
grep -E '^(ok|not ok|#)' "$log"
[ $rc = 0 ] || { tail -n 5 "$log" | sed 's/^/# /'; echo "not ok - kernel: the lab ended with status $rc"; }
