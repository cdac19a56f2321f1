# SPDX-License-Identifier: GPL-2.0
"""
profile_synq.py ROW...: where the instructions go that bench_synq.py counts.

For scripts/bench.sh. In a VM with QEMU's debugger stub one segment is followed
instruction by instruction, from the protocol's receive function until that
returns: what IP and the device did before, and a wake-up behind it, is not in it.
"""
import bisect
import collections
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ENTRY = {"native": "tcp_v4_rcv", "tcpx": "tcpx_inet_rcv"}
TRACES = 5
# row: mode of synbench, units, segments that come before those that are meant: what
# finds the queue empty also arms a timer; 60 SYNs go before their ACKs
ROWS = {"stored": ("stored", 300, 200), "cookie": ("stored", 30, 10),
        "dropped": ("dropped", 30, 10), "refused": ("refused", 30, 10),
        "bogus": ("bogus", 30, 10), "completed": ("completed", 60, 70)}
# the first that matches
GROUPS = (
    ("keyed hash (SipHash)", r"siphash"),
    ("checksum", r"csum|skb_checksum"),
    ("filters, security modules", r"security_|apparmor|bpf_lsm|sk_filter|tcpx_filtered|nf_hook"),
    ("route", r"^(__)?ip_route|fib_|find_exception|__ip_dev_find|xfrm_|^dst_|ip4_dst|inet_dst|"
              r"ipv4_(mtu|default)|inet_csk_route|inet_route|sk_setup_caps|^rt_"),
    ("socket: clone", r"sk_clone|sk_prot_alloc|inet_csk_clone|^sk_|sock_(def|init)|percpu_counter|"
                      r"cgroup|module|bpf_sk"),
    ("memory", r"kmem_|kmalloc|^kfree|slab|memcg|memset|memcpy|cache_from|alloc_skb|skb_release|"
               r"consume_skb|kfree_skb|skb_free|failslab|build_skb"),
    ("clock, timers", r"ktime|read_hpet|read_tsc|timer|jiffies|wheel|pending"),
    ("the protocol", r"^tcpx?_|tcpx|^inet_|^__inet|reqsk|cell_apply|^listen_|prefix_over|sketch|"
                     r"entry_|child_|rcv_|fifo_|header|segment_|secure_|cookie|stamps_|change_state|"
                     r"update_window|room_reason|owned|known|listener|take_"),
    ("IP output, device", r"^__?ip_|^ip_|dev_|veth|eth_|validate_|netif|enqueue_|skb_|neigh"),
    ("locks, RCU", r"rcu|lock|_bh_"),
)


def guest(row, stack_name):
    """In the VM: all is made ready, then segments are sent once the file "go" is there."""
    import bench_synq as bench
    from lab import Ns, insmod, module_loaded, program
    out, stack = os.environ["TCPX_OUT"], {"native": bench.NATIVE, "tcpx": bench.TCPX}[stack_name]
    if not module_loaded():
        insmod()
    shutil.copy(program("synbench"), bench.SYNBENCH)
    Ns.current().sysctl("core/netdev_max_backlog", 1 << 20)
    backlog = 128 if row == "dropped" else 65535
    with bench.World() as w:
        if row == "cookie":
            w.cookies(2)
        # while the debugger looks, guest time leaps
        w.waits(3600000)
        if row == "dropped":
            w.set("tcpx/synq_overflow", 4)
        with w.listeners(stack, backlog) as port:
            if row == "dropped":
                w.fill(stack, port, 2 * backlog)
            if row == "refused":
                port = 7
            mode, units, _ = ROWS[row]
            w.run(stack, mode, port, units)
            shutil.copy("/proc/kallsyms", out)
            open(os.path.join(out, "ready"), "w", encoding="ascii").close()
            while not os.path.exists(os.path.join(out, "go")):
                os.listdir(out)
            w.run(stack, mode, port, units)


class Stub:
    """The remote protocol of GDB, as far as QEMU's stub needs it."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")
        self.receive()
        # single steps must not end in an interrupt
        self.ask(b"Qqemu.sstep=0x7")

    def send(self, packet):
        self.sock.sendall(b"$" + packet + b"#%02x" % (sum(packet) & 255))

    def receive(self):
        while self.file.read(1) not in (b"$", b""):
            pass
        data = b""
        while (c := self.file.read(1)) not in (b"#", b""):
            data += c
        self.file.read(2)
        self.sock.sendall(b"+")
        return data

    def ask(self, packet):
        self.send(packet)
        return self.receive()

    def where(self):
        """(rip, rsp)"""
        regs = struct.unpack("<17Q", bytes.fromhex(self.ask(b"g").decode())[:136])
        return regs[16], regs[7]

    def word(self, address):
        return struct.unpack("<Q", bytes.fromhex(self.ask(b"m%x,8" % address).decode()))[0]

    def follow(self):
        """The addresses of all instructions until this function returns."""
        rip, rsp = self.where()
        end, trace = (self.word(rsp), rsp + 8), []
        while (rip, rsp) != end:
            trace.append(rip)
            self.ask(b"s")
            rip, rsp = self.where()
        return trace

    def hits(self, address, skip, count):
        """Traces of so many calls, after so many others."""
        for i in range(skip + count):
            self.ask(b"Z1,%x,1" % address)
            self.ask(b"c")
            self.ask(b"z1,%x,1" % address)
            if i < skip:
                self.ask(b"s")
            else:
                yield self.follow()


def symbols(path):
    found = []
    with open(path, encoding="ascii") as f:
        for line in f:
            address, kind, name = line.split()[:3]
            if kind in "tTwW":
                found.append((int(address, 16), name))
    return sorted(found)


def trace(row, stack, out):
    """{function: instructions}, of the median call"""
    for name in ("ready", "go", "kallsyms"):
        if os.path.exists(os.path.join(out, name)):
            os.unlink(os.path.join(out, name))
    stub = os.path.join(out, "gdb")
    with open(os.path.join(out, "profile.log"), "w", encoding="ascii") as log, \
         subprocess.Popen([os.path.join(HERE, "../scripts/vm.sh"), "-k", "stock-6.1", "-i", "-m",
                           "2G", "-g", stub, "-a", "slab_nomerge",
                           "-o", out, "--", "/usr/bin/python3", os.path.abspath(__file__),
                           "--guest", row, stack], stdout=log, stderr=log) as vm:
        try:
            while not os.path.exists(os.path.join(out, "ready")):
                if vm.poll() is not None:
                    raise SystemExit(f"the VM ended: see {log.name}")
                time.sleep(0.1)
            syms = symbols(os.path.join(out, "kallsyms"))
            debugger = Stub(stub)
            open(os.path.join(out, "go"), "w", encoding="ascii").close()
            entry = next(a for a, name in syms if name == ENTRY[stack])
            traces = list(debugger.hits(entry, ROWS[row][2], TRACES))
        finally:
            vm.terminate()
    starts = [a for a, _ in syms]
    trace_ = sorted(traces, key=len)[len(traces) // 2]
    return collections.Counter(syms[bisect.bisect_right(starts, a) - 1][1] for a in trace_)


def group(function):
    return next((name for name, pattern in GROUPS if re.search(pattern, function)), "others")


def show(row, counts):
    print(f"{row:30} {'native':>7} {'tcpx':>7}")
    table = {stack: collections.Counter() for stack in counts}
    for stack, functions in counts.items():
        for name, n in functions.items():
            table[stack][group(name)] += n
    for name in [g for g, _ in GROUPS] + ["others"]:
        if any(t[name] for t in table.values()):
            print(f"  {name:28}" + "".join(f" {table[s][name]:7}" for s in ENTRY))
    print(f"  {'sum':28}" + "".join(f" {sum(table[s].values()):7}" for s in ENTRY) + "\n", flush=True)


def main():
    if sys.argv[1:2] == ["--guest"]:
        guest(*sys.argv[2:])
        return
    out = os.environ["TCPX_OUT"]
    for row in sys.argv[1:] or ROWS:
        if row not in ROWS:
            raise SystemExit(f"rows are: {' '.join(ROWS)}")
        counts = {stack: trace(row, stack, out) for stack in ENTRY}
        show(row, counts)
        with open(os.path.join(out, f"profile-{row}.txt"), "w", encoding="ascii") as f:
            for stack, functions in counts.items():
                for name, n in functions.most_common():
                    f.write(f"{stack} {n} {name}\n")


if __name__ == "__main__":
    main()
