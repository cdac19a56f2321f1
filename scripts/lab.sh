#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab.sh flood [--full]: forged SYNs at a listener: who is still served, by policy,
#                        backlog and rate. Minutes; --full: many.
# lab.sh mitnick [TRIES]: a handshake forged without seeing an answer: when it
#                        works, when it fails, and how surely. Minutes.
#
# Both run in a throwaway VM. Nothing gets out of it.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -gt 0 ] || usage
name=$1
shift
case $name in
# see bench.sh
flood) vm=(-i -m 2G -T 7200 -a slab_nomerge) slow=1000 ;;
mitnick) vm=(-T 1800) slow=4 ;;
*) usage ;;
esac

need module qemu tests tools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# built here: a compiler is slow in a VM
make -s -C "$SRC/tests/prog" BUILD="$work"
export TCPX_PROG=$work TCPX_SLOW=${TCPX_SLOW:-$slow}
cd "$SRC"
say "building tcpx and booting a VM with it"
"$SCRIPTS/vm.sh" -k stock-6.1 "${vm[@]}" -- /usr/bin/python3 "tests/${name}_lab.py" "$@"
