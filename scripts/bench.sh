#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bench.sh synq [-o FOLDER] [ROW...]: what the half-open queue costs, beside that
# of the kernel's own TCP, in a VM whose time is instructions executed. ROW: see
# tests/bench_synq.py --list. FOLDER (default: one in out/) gets the figures as
# JSON and the kernel's log. The exit status is 1 if a target is missed.
#
# bench.sh profile [-o FOLDER] [ROW...]: where the instructions of one segment go,
# by following it. FOLDER gets the figures function by function.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

case ${1:-} in synq | profile) what=$1 ;; *) usage ;; esac
shift
out=$SRC/out/bench-$(date +%Y%m%d-%H%M%S)
while getopts o: option; do
	case $option in
	o) out=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))

need module qemu tests
mkdir -p "$out"
out=$(realpath "$out")
# built here: a compiler is slow in a VM
make -s -C "$SRC/tests/prog" BUILD="$out/prog"
# guest time leaps while the VM waits for the host's disk: its timeouts mean nothing
export TCPX_PROG=$out/prog TCPX_SLOW=1000
cd "$SRC"
if [ "$what" = profile ]; then
	TCPX_OUT=$out exec /usr/bin/python3 tests/profile_synq.py "$@"
fi
say "building tcpx and booting a VM that counts instructions; a full run takes some 5 minutes"
# slab_nomerge: each kind of object in a cache of its own, so that it can be weighed
"$SCRIPTS/vm.sh" -k stock-6.1 -i -m 2G -T 5400 -a slab_nomerge -o "$out" -- \
	/usr/bin/python3 tests/bench_synq.py --out "$out/synq.json" "$@"
