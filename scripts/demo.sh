#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# demo.sh [ARGUMENT...]: see tcpx at work, in a throwaway VM: installs what is
# missing, builds the module for Debian's kernel, boots, runs tests/demo.py.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need module qemu
cd "$SRC"
# under emulation everything takes longer
export TCPX_SLOW=${TCPX_SLOW:-4}
say "building tcpx and booting a VM with it"
exec "$SCRIPTS/vm.sh" -k stock-6.1 -T 900 -- /usr/bin/python3 tests/demo.py "$@"
