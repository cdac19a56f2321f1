# SPDX-License-Identifier: GPL-2.0
# For people. What the kernel's build system reads is Kbuild.

KDIR ?= /lib/modules/$(shell uname -r)/build
# BTF of modules needs pahole, which Debian's headers do not bring along
BTF := $(if $(shell command -v pahole 2>/dev/null),,CONFIG_DEBUG_INFO_BTF_MODULES=)
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR) CONFIG_TCPX=m $(BTF)

.PHONY: all modules headers modules_install install clean demo test kunit vm bench-synq lab-flood lab-mitnick help

all: modules

modules: headers
	$(KBUILD) modules

headers:
	@test -e $(KDIR)/Makefile || { \
		echo "There are no kernel headers in $(KDIR)." >&2; \
		echo "Debian: apt install linux-headers-$$(uname -r); other headers: make KDIR=FOLDER." >&2; \
		echo "Nothing to install on this kernel? 'make vm' builds and loads tcpx in a VM." >&2; \
		exit 1; }

modules_install install: modules
	$(KBUILD) modules_install
	depmod -a

# without the kernel's headers too: what they built may be older than they are
clean:
	@if test -e $(KDIR)/Makefile; then $(KBUILD) clean; else \
		find . -path ./out -prune -o -path ./.git -prune -o -type f \( -name '*.o' -o -name '*.ko' \
			-o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' -o -name '*.dwo' \
			-o -name Module.symvers -o -name modules.order \) -exec rm -f {} +; fi

demo:
	@scripts/demo.sh

test:
	@scripts/test.sh

kunit:
	@scripts/kunit.sh

vm:
	@scripts/vm.sh

bench-synq:
	@scripts/bench.sh synq

lab-flood lab-mitnick: lab-%:
	@scripts/lab.sh $*

help:
	@echo "make            tcpx.ko for the running kernel (KDIR=headers of another one)"
	@echo "make install    install it for modprobe"
	@echo "make clean      remove what make built"
	@echo
	@echo "In throwaway VMs, on any Debian 12; all that is missing gets installed:"
	@echo "make demo       see the handshake at work"
	@echo "make vm         a shell in a VM with tcpx loaded"
	@echo "make test       all tests (scripts/test.sh says more)"
	@echo "make kunit      the KUnit suites only"
	@echo "make bench-synq what the half-open queue costs, beside that of native TCP"
	@echo "make lab-flood  forged SYNs: who is still served, by policy, backlog and rate"
	@echo "make lab-mitnick a forged handshake: when it works, and why it does not"
