# SPDX-License-Identifier: GPL-2.0
"""
bench_synq.py [--list] [--out FILE] [ROW...]: the half-open queue of tcpx beside
that of native TCP.

For scripts/bench.sh, in a VM with one CPU whose clock counts instructions. A row
runs on one stack, the other, and the first again; where nothing changes between
the two, they must agree. What sending alone costs is measured with the same
frames, addressed to a station that nobody is, and subtracted: IP drops those
before it looks at the protocol. Answers to forged addresses go to such a station
as well.
"""
import argparse
import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import statistics
import struct
import sys
import time

from lab import A, B, MACS, Fail, Ns, Skip, check, insmod, module_loaded, program

SYNBENCH = "/run/synbench"
PORTS = 1000
COUNT = 10000       # measured units: well below the second after which SYN-ACKs are repeated
MS = 1e6


class Stack:
    def __init__(self, name, proto):
        self.name, self.proto = name, proto
        self.base = {}      # what sending a frame costs, by mode

    def __repr__(self):
        return self.name


NATIVE, TCPX = Stack("native", socket.IPPROTO_TCP), Stack("tcpx", 253)


class World:
    """
    A client's and a server's namespace joined by veth. What the server sends to
    forged addresses arrives at the client's device, and is for somebody else.
    """
    GATEWAY, NOBODY = "10.53.0.3", "02:00:00:00:53:ff"

    def __init__(self, **tcpx):
        self.c, self.s = Ns("client"), Ns("server")
        self.index, self.port = 0, PORTS
        self.c.ip, self.s.ip = A, B
        for ns in (self.c, self.s):     # no chatter of IPv6 among the answers
            ns.sysctl("ipv6/conf/default/disable_ipv6", 1)
        self.c.netlink.add_link("eth0", "veth", MACS[A], "eth0", MACS[B], self.s)
        for ns, other in ((self.c, B), (self.s, A)):
            ns.netlink.up("lo")
            ns.netlink.up("eth0")
            ns.netlink.addr(ns.ip, 24, "eth0")
            ns.neigh(other, MACS[other])
            for conf in ("all", "eth0"):
                ns.sysctl(f"ipv4/conf/{conf}/rp_filter", 0)
        self.s.neigh(self.GATEWAY, self.NOBODY)
        self.s.netlink.default_route("eth0", self.GATEWAY)
        for ns in (self.c, self.s):
            ns.netlink.activate("eth0")
        self.set("core/somaxconn", 1 << 22)
        self.set("ipv4/tcp_max_syn_backlog", 1 << 22)
        self.set("tcpx/somaxconn", 65535)
        for name, value in tcpx.items():
            self.set("tcpx/" + name, value)
        self.cookies(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for ns in (self.c, self.s):
            ns.close()
        time.sleep(3)

    # -- parameters of the server --

    def has(self, name):
        with self.s:
            return os.path.exists("/proc/sys/net/" + name)

    def set(self, name, value):
        self.s.sysctl(name, value)

    def set_if(self, name, value):
        if self.has(name):
            self.set(name, value)

    def cookies(self, mode):
        self.set("ipv4/tcp_syncookies", mode)
        self.set_if("tcpx/syncookies", mode)

    def waits(self, *ms):
        """tcpx's waits; the last one also for all stages that follow."""
        self.set("tcpx/synack_waits_ms", " ".join(map(str, (ms + ms[-1:] * 16)[:16])))

    # -- sockets and frames --

    @contextlib.contextmanager
    def listeners(self, stack, backlog=65535, n=1):
        """n sockets on ports in a row that nobody used yet; gives the first port."""
        first, self.port = self.port, self.port + n
        socks = [listener(self.s, stack, first + i, backlog) for i in range(n)]
        try:
            yield first
        finally:
            for s in socks:
                s.close()
            time.sleep(3)   # native entries outlive their listener

    def synbench(self, stack, mode, port, n, warm=0, options=(), begin=None):
        """The arguments for a run that uses tuples that nobody used yet."""
        argv = [SYNBENCH, "-p", str(stack.proto), "-P", str(port), "-n", str(n),
                "-w", str(warm), "-f", str(self.index if begin is None else begin),
                *options, mode]
        if begin is None:
            self.index += n + warm
            check(self.index < 1 << 24, "out of tuples")
        return argv

    def run(self, *args, **kw):
        p = self.c.run(self.synbench(*args, **kw))
        return json.loads(p.stdout)

    def fill(self, stack, port, n, nports=1):
        """Half-open entries; how many of the SYNs were answered."""
        return self.run(stack, "flood", port, n,
                        options=("-r", "10000000", "-k", str(nports)))["received"]

    def cost(self, stack, mode, port, frames=None):
        """Instructions of the server and of the way back, for one unit."""
        frames = frames or {"dropped": "stored", "refused": "stored"}.get(mode, mode)
        if frames not in stack.base:
            stack.base[frames] = self.measure(stack, frames, port, options=("-x",))
        return self.measure(stack, mode, port) - stack.base[frames]

    def measure(self, stack, mode, port, options=()):
        r = self.run(stack, mode, port, COUNT, 500, options)
        check(r["answers"] == r["expected"],
              f"{stack} {mode}: {r['answers']} answers, not {r['expected']}")
        check(not r["late"], f"{stack} {mode}: not all done when the clock was read: {r}")
        return r["median"]

    @contextlib.contextmanager
    def flood(self, stack, port, rate, *options):
        """Forged SYNs as long as the block lasts, at most 60 s; gives a dict."""
        argv = self.synbench(stack, "flood", port, rate * 60, begin=1 << 23,
                             options=("-r", str(rate), *options))
        p, result = self.c.popen(argv, stdout=-1), {}
        try:
            time.sleep(0.5)
            check(p.poll() is None, "the flood ended at once")
            yield result
        finally:
            p.send_signal(signal.SIGTERM)
            result.update(json.loads(p.communicate()[0]))

    def received(self):
        """Frames that the client's device has received."""
        for line in self.c.read("/proc/thread-self/net/dev").splitlines():
            if line.strip().startswith("eth0:"):
                return int(line.split(":")[1].split()[1])
        raise Fail("no eth0")


def listener(ns, stack, port, backlog):
    s = ns.socket(proto=stack.proto)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((B, port))
    s.listen(backlog)
    ns.keep.remove(s)
    return s


# ---- memory ----

def slab(name):
    """(size of an object, bytes of the whole cache)"""
    with open("/proc/slabinfo", encoding="ascii") as f:
        for line in f:
            w = line.split()
            if w[0] == name:
                return int(w[3]), int(w[14]) * int(w[5]) * 4096
    raise Skip(f"no slab {name}")


def kernel_memory():
    """All slabs, large allocations included, and vmalloc: kilobytes."""
    with open("/proc/meminfo", encoding="ascii") as f:
        info = {k: int(v.split()[0]) for k, v in (s.split(":") for s in f)}
    return info["Slab"] + info["VmallocUsed"] + info["Percpu"]


ENTRY_SLAB = {NATIVE: "request_sock_TCP", TCPX: "tcpx_entry"}


# ---- the table ----

class Row:
    """One line: two figures, their ratio, what is demanded."""

    def __init__(self, what, native, tcpx, unit="", ratio=None, ok=None, target=""):
        self.what, self.native, self.tcpx, self.unit = what, native, tcpx, unit
        self.ratio = tcpx / native if native and unit in ("instr", "B") else None
        if ratio is not None:
            target, ok = f"<= {ratio:.2f} x", self.ratio is not None and self.ratio <= ratio
        self.ok, self.target = ok, target

    def verdict(self):
        return {True: "met", False: "MISSED", None: "-"}[self.ok]


def _text(v):
    if v is None:
        return "-"
    if isinstance(v, float):
        return f"{v:.0f}" if abs(v) >= 1000 else f"{v:.3g}"
    return str(v)


FORMAT = "{:<46} {:>16} {:>16} {:>6}  {:<28} {}"


def head():
    print(FORMAT.format("what", "native", "tcpx", "ratio", "target", "verdict"), flush=True)


def show(row):
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
    unit = f" [{row.unit}]" if row.unit else ""
    print(FORMAT.format(row.what + unit, _text(row.native), _text(row.tcpx), ratio, row.target,
                        row.verdict()), flush=True)


ROWS = {}


def row(fn):
    """Register a function that gives Rows; its name is the row's."""
    ROWS[fn.__name__] = fn
    return fn


def aba(fn):
    """tcpx, native, tcpx: the figures of both, and how far the two of tcpx differ."""
    first, native, again = fn(TCPX), fn(NATIVE), fn(TCPX)
    if abs(first - again) > 0.02 * max(first, again):
        print(f"# not steady: tcpx {first:.0f}, then {again:.0f}", flush=True)
    return native, (first + again) / 2


# ---- rows: instructions per segment ----

def needs(world, *names):
    for name in names:
        if not world.has("tcpx/" + name):
            raise Skip(f"no sysctl net.tcpx.{name}")


def on_port(w, mode, frames=None, backlog=65535, full=False):
    """A function for aba(): the cost of a mode at a fresh listener."""
    def one(stack):
        with w.listeners(stack, backlog) as port:
            if full:
                got = w.fill(stack, port, 2 * backlog)
                check(backlog <= got <= backlog + 1,
                      f"{stack}: {got} SYNs answered by a backlog of {backlog}")
            return w.cost(stack, mode, port, frames)
    return one


@row
def stored(w):
    yield Row("SYN stored, SYN-ACK", *aba(on_port(w, "stored")), "instr", ratio=0.75)


@row
def cookie(w):
    needs(w, "syncookies")
    w.cookies(2)
    yield Row("SYN answered by a cookie", *aba(on_port(w, "stored")), "instr", ratio=0.80)


@row
def dropped(w):
    w.set_if("tcpx/synq_overflow", 4)
    figures = aba(on_port(w, "dropped", backlog=128, full=True))
    yield Row("SYN dropped, queue full", *figures, "instr", ratio=0.80)


@row
def refused(w):
    figures = aba(lambda stack: w.cost(stack, "refused", 7))
    yield Row("SYN to a closed port, RST", *figures, "instr", ratio=0.90)


@row
def completed(w):
    figures = aba(on_port(w, "completed", "bogus"))
    yield Row("final ACK, connection in accept queue", *figures, "instr", ratio=0.70)


@row
def cookie_ack(w):
    """As above, from a cookie; the queue holds nothing."""
    needs(w, "syncookies")
    w.cookies(2)
    figures = aba(on_port(w, "completed", "bogus"))
    yield Row("ACK of a cookie, connection in accept queue", *figures, "instr")


@row
def bogus(w):
    figures = aba(on_port(w, "bogus"))
    yield Row("bogus ACK to a listener, RST", *figures, "instr", ratio=0.80)


# ---- rows: many entries ----

@row
def memory(w):
    """65000 entries: what they weigh, and how long close() takes."""
    n = 65000

    def one(stack):
        total = kernel_memory()
        port, w.port = w.port, w.port + 1
        s = listener(w.s, stack, port, 65535)
        got = w.fill(stack, port, n)
        check(got >= n, f"{stack}: {got} SYN-ACKs for {n} SYNs")
        size, cache = slab(ENTRY_SLAB[stack])
        total = kernel_memory() - total
        start = time.monotonic_ns()
        s.close()
        ms = (time.monotonic_ns() - start) / MS
        late = w.received()
        time.sleep(5)
        late = w.received() - late
        return size, cache / n, total * 1024 / n, ms, late

    native, tcpx = one(NATIVE), one(TCPX)
    yield Row("half-open entry, object", native[0], tcpx[0], "B", ok=tcpx[0] == 128,
              target="128")
    yield Row("half-open entry, slab of 65000", native[1], tcpx[1], "B")
    yield Row("half-open entry, all told", native[2], tcpx[2], "B")
    yield Row("close() with 65000 entries", native[3], tcpx[3], "ms", ok=tcpx[3] < 50,
              target="< 50")
    yield Row("SYN-ACKs within 5 s after it", native[4], tcpx[4], "", ok=tcpx[4] == 0,
              target="0")


@row
def million(_):
    """A million entries, and what one costs beside them. 16 listeners: the backlog is 16 bits."""
    n, ports = 1000000, 16
    base = kernel_memory()
    with World(synq_max=1 << 20) as w:
        w.waits(3600000)
        with w.listeners(TCPX, n=ports) as port, w.listeners(TCPX) as spare:
            w.fill(TCPX, port, 1000, ports)
            few = w.cost(TCPX, "removed", spare)
            got = w.fill(TCPX, port, n - 1000, ports)
            check(got >= n - 1000, f"{got} SYN-ACKs for {n - 1000} SYNs")
            check(w.s.stat()["HalfOpen"] == n, f"{w.s.stat()['HalfOpen']} entries, not {n}")
            total, bytes_ = kernel_memory() - base, slab("tcpx_entry")[1]
            many = w.cost(TCPX, "removed", spare)
    yield Row("1 M entries, slab", None, bytes_ / 1e6, "MB")
    yield Row("1 M entries, all told", None, total * 1024 / 1e6, "MB",
              ok=total * 1024 <= 140e6, target="<= 140")
    yield Row("insert, lookup, remove: 1 k entries", None, few, "instr")
    yield Row("insert, lookup, remove: 1 M entries", None, many, "instr",
              ok=many <= 1.15 * few, target=f"<= 1.15 x 1 k, is {many / few:.3f} x")


# ---- rows: other people's connections ----

def accept_all(stack, port, backlog, ready):
    """Server in a child: accept and close."""
    with Ns.current() as ns:
        s = listener(ns, stack, port, backlog)
        os.write(ready, b"x")
        while True:
            s.accept()[0].close()


@contextlib.contextmanager
def server(w, stack, backlog):
    port, w.port = w.port, w.port + 1
    r, ready = os.pipe()
    p = w.s.spawn(accept_all, stack, port, backlog, ready)
    os.read(r, 1)
    try:
        yield port
    finally:
        p.kill()
        os.close(r)
        os.close(ready)
        time.sleep(3)


def connect_ns(w, stack, port):
    """How long a connect() takes, or None if a second is not enough."""
    with w.c:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, stack.proto)
    with s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("=qq", 1, 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        start = time.monotonic_ns()
        try:
            s.connect((B, port))
        except OSError as e:
            check(e.errno in (errno.EINPROGRESS, errno.EAGAIN, errno.ETIMEDOUT), f"connect: {e}")
            return None
        return time.monotonic_ns() - start


def connects(w, stack, port, n):
    """Times of n connects, 4 ms apart; who fails four times fails for good."""
    times, failed = [], 0
    for _ in range(n):
        t = connect_ns(w, stack, port)
        if t is not None:
            times.append(t)
        failed += t is None
        if failed == 4:
            break
        time.sleep(0.004)
    return times


def percentile(times, q):
    return sorted(times)[min(len(times) - 1, int(len(times) * q))] if times else float("inf")


def under_flood(w, stack, *options):
    """(connects that succeeded of 500, p99 minus the idle median in ns, flood)"""
    with server(w, stack, 128) as port:
        connects(w, stack, port, 20)
        rtt = statistics.median(connects(w, stack, port, 100))
        with w.flood(stack, port, 20000, *options) as result:
            times = connects(w, stack, port, 500)
        check(result["sent"] > 10000, f"no flood: {result}")
        return len(times), percentile(times, 0.99) - rtt


@row
def flood_cookies(w):
    """20 k spoofed SYNs/s at a backlog of 128, cookies when it is full."""
    needs(w, "syncookies")
    w.cookies(1)
    native, tcpx = under_flood(w, NATIVE), under_flood(w, TCPX)
    yield Row("connects of 500 under 20 kpps, cookies", native[0], tcpx[0], "",
              ok=tcpx[0] == 500, target="500")
    yield Row("p99 of connect() above RTT", native[1] / MS, tcpx[1] / MS, "ms",
              ok=tcpx[1] <= MS, target="<= 1")


@row
def flood_prefix(w):
    """The same flood from one /24, no cookies; connects come from elsewhere."""
    needs(w, "synq_prefix")
    native, tcpx = under_flood(w, NATIVE, "-s"), under_flood(w, TCPX, "-s")
    yield Row("connects of 500, one /24 floods, no cookies", native[0], tcpx[0], "",
              ok=tcpx[0] == 500, target="500")


# ---- rows: expiry ----

def ping(ns, seconds, gap=0.01):
    """Round-trip times in ns, one echo each gap; a lost one counts as a second."""
    ns.sysctl("ipv4/ping_group_range", "0 0")
    with ns:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    times, end = [], time.monotonic() + seconds
    with s:
        s.settimeout(1)
        s.connect((B, 0))
        while time.monotonic() < end:
            start = time.monotonic_ns()
            s.send(struct.pack(">BBHHH", 8, 0, 0, 0, len(times)))
            with contextlib.suppress(TimeoutError):
                while s.recv(100)[6:8] != struct.pack(">H", len(times)):
                    pass
            times.append(time.monotonic_ns() - start)
            time.sleep(gap)
    return times


@row
def expiry(_):
    """200 k entries whose wait ends in the same jiffy, twice: SYN-ACK again, then removal."""
    n, ports = 200000, 4
    with World(synq_max=1 << 18, synack_retries=1) as w:
        w.waits(3600000)
        with w.listeners(TCPX, n=ports) as port:
            idle = percentile(ping(w.c, 1), 0.99)
            got = w.fill(TCPX, port, n, ports)
            check(got == n, f"{got} SYN-ACKs for {n} SYNs")
            before = w.s.stat()
            w.waits(1, 2000)
            times = ping(w.c, 8)
            stat = w.s.stat()
            check(not stat["HalfOpen"], f"{stat['HalfOpen']} of {n} entries are left after 8 s")
    p99 = percentile(times, 0.99)
    print(f"# {stat['SynqRetrans'] - before['SynqRetrans']} SYN-ACKs sent again,"
          f" {stat['SynqExpired'] - before['SynqExpired']} expired;"
          f" ping p99 idle {idle / MS:.2f} ms, worst {max(times) / MS:.2f} ms of {len(times)}",
          flush=True)
    yield Row("200 k simultaneous expiries, ping p99", None, p99 / MS, "ms",
              ok=p99 < 5 * MS, target="< 5, no stall")


@row
def instants(w):
    """10 k entries: each SYN-ACK comes again after its wait."""
    n, waits = 10000, (1, 2, 4, 8, 16)

    def one(stack):
        with w.listeners(stack) as port:
            r = w.run(stack, "watch", port, n, options=("-t", "34"))
        check(len(r["gaps"]) == 5 and all(g["n"] == n for g in r["gaps"]), f"{stack}: {r}")
        early = min(g["min"] - s * 1e9 for g, s in zip(r["gaps"], waits))
        late = max(g["max"] - s * 1e9 for g, s in zip(r["gaps"], waits))
        return early / MS, late / MS

    native, tcpx = one(NATIVE), one(TCPX)
    yield Row("SYN-ACK again, 10 k entries, earliest", native[0], tcpx[0], "ms",
              ok=tcpx[0] >= 0, target=">= 0 after the wait")
    yield Row("SYN-ACK again, 10 k entries, latest", native[1], tcpx[1], "ms",
              ok=tcpx[1] <= 14, target="<= 10 + 1 jiffy")


@row
def synacks(w):
    """SYN-ACKs that one forged SYN causes: what the queue gives to a reflector."""
    def one(stack, backlog, syns):
        with w.listeners(stack, backlog) as port:
            r = w.run(stack, "watch", port, syns, options=("-t", "70"))
            return r["answers"] / syns

    native, tcpx = one(NATIVE, 4096, 100), one(TCPX, 4096, 100)
    yield Row("SYN-ACKs per SYN, queue idle", native, tcpx, ok=tcpx == 6,
              target="1 + retries = 6")
    needs(w, "synack_rate")
    native, tcpx = one(NATIVE, 128, 120), one(TCPX, 128, 120)
    yield Row("SYN-ACKs per SYN, above half full", native, tcpx, ok=tcpx <= 3, target="<= 3")
    needs(w, "syncookies")
    w.cookies(2)
    native, tcpx = one(NATIVE, 128, 100), one(TCPX, 128, 100)
    yield Row("SYN-ACKs per SYN, cookies", native, tcpx, ok=tcpx == 1, target="1")


# ---- run ----

def run_row(name):
    """Each row has namespaces of its own, with cookies off. Gives Rows."""
    rows = []
    with World() as w:
        try:
            for r in ROWS[name](w):
                show(r)
                rows.append(r)
        except Skip as e:
            print(f"# {name}: skipped: {e}", flush=True)
        except Fail as e:
            rows.append(Row(name, None, None, ok=False, target=str(e)))
            show(rows[-1])
    return rows


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--out")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    args = parser.parse_args()
    if args.list:
        print(" ".join(ROWS))
        return 0
    if set(args.rows) - set(ROWS):
        parser.error(f"rows are: {' '.join(ROWS)}")
    if not module_loaded():
        insmod()
    # from RAM: while the CPU waits for a file of the host's, guest time leaps
    shutil.copy(program("synbench"), SYNBENCH)
    # timers send thousands of SYN-ACKs before veth's other end gets its turn
    Ns.current().sysctl("core/netdev_max_backlog", 1 << 20)
    rows = []
    head()
    for name in args.rows or ROWS:
        rows += run_row(name)
    for stack in (NATIVE, TCPX):
        print(f"# {stack}, subtracted: " +
              ", ".join(f"{k} {v:.0f}" for k, v in stack.base.items()), flush=True)
    if args.out:
        with open(args.out, "w", encoding="ascii") as f:
            json.dump([dict(vars(r), verdict=r.verdict()) for r in rows], f, indent=1)
    missed = sum(r.ok is False for r in rows)
    print(f"{sum(r.ok is True for r in rows)} met, {missed} missed")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
