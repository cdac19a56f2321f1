#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kunit.sh [-k KERNEL] [-o FOLDER]: build tcpx with its KUnit suites, load it in
# a UML kernel, print what the kernel's own kunit.py makes of the result; the
# last line counts the cases. KERNEL is uml-latest (default) or uml-debug.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

kernel=uml-latest
out=$SRC/out/kunit
while getopts k:o: option; do
	case $option in
	k) kernel=$OPTARG ;;
	o) out=$OPTARG ;;
	*) usage ;;
	esac
done

need kunit
variables=$("$SCRIPTS/kernel.sh" "$kernel")
eval "$variables"
mkdir -p "$out"
TCPX_KO=$("$SCRIPTS/build.sh" "$kernel" KUNIT=1 | tee >(cat >&2) | tail -n 1)
export TCPX_KO

# Old kernels run a module's suites whenever it is loaded, new ones when asked.
# shellcheck disable=SC2016 # for the VM's shell
"$SCRIPTS/vm.sh" -k "$kernel" -o "$out" -T 300 -a "kunit.enable=1 kunit.autorun=1" -- \
	bash -c 'echo "kunit: from here" >/dev/kmsg && insmod "$TCPX_KO" && rmmod tcpx' && vm=0 || vm=$?
# the kernel reports an empty run of its own at boot
sed '1,/kunit: from here/d' "$out/console.log" >"$out/ktap"
python3 "$KDIR/tools/testing/kunit/kunit.py" parse "$out/ktap" | tee "$out/summary" || true

# "... passed: 7, failed: 1, crashed: 0, ...": what is not there is 0
count() { sed -n "s/.*Testing complete.*[ ,]$1: \([0-9]*\).*/\1/p" "$out/summary" | tail -n 1 | grep . || echo 0; }
passed=$(count passed)
failed=$(($(count failed) + $(count crashed) + $(count errors)))
if [ "$vm" -ne 0 ]; then
	note "insmod, the suites or rmmod: the VM ended with $vm"
	failed=$((failed + 1))
fi
if [ "$passed" -eq 0 ]; then
	note "no test case ran"
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
