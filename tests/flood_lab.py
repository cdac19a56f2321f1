# SPDX-License-Identifier: GPL-2.0
"""
flood_lab.py [--full]: forged SYNs at a listener, and what becomes of everybody else.

For scripts/lab.sh, in a VM with one CPU whose clock counts instructions: rates
and times are exact, and the same on each machine. Forged SYNs come from all over
11/8, at a rate that takes a share of the CPU; the generator's part is in it.
Honest clients, 20 ms away and in another prefix, connect all the while. One is
served when the first octet of the server has arrived, the hardest case for
cookies: it waits for a server that may not know it.
"""
import argparse
import contextlib
import math
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import lab
from bench_synq import SYNBENCH, TCPX, World, listener, percentile, slab
from lab import B, Fail, Ns, Skip, check

POLICIES = ("cookie", "evict", "recycle", "random", "drop_new")
BACKLOGS = (128, 1024, 65536)
SHARES = (10, 50, 100)      # of the CPU, percent
RTT = 0.02
PATIENCE = 0.95             # a connect sends one SYN; the next would go after 1 s
SAMPLE = 0.05
SHARDS = 4                  # of the half-open queue, on one CPU
NS = 1e9


# ---- one cell: a policy, a backlog, a rate ----

def serve(port, backlog, ready):
    """In a child: one octet for each connection."""
    with Ns.current() as ns:
        s = listener(ns, TCPX, port, backlog)
        os.write(ready, b"x")
        while True:
            c = s.accept()[0]
            with contextlib.suppress(OSError):
                c.send(b"!")
            c.close()


@contextlib.contextmanager
def server(w, backlog):
    port, w.port = w.port, w.port + 1
    r, ready = os.pipe()
    p = w.s.spawn(serve, port, backlog, ready)
    os.read(r, 1)
    try:
        yield port
    finally:
        p.kill()
        os.close(r)
        os.close(ready)


def idle_ns():
    """What the CPUs had nothing to do for, since the boot"""
    with open("/proc/stat", encoding="ascii") as f:
        return int(f.readline().split()[4]) * NS / os.sysconf("SC_CLK_TCK")


class Cell:
    """Run one flood and watch it."""

    def __init__(self, w, port, seconds, drain, connects, patience):
        self.w, self.port, self.connects, self.patience = w, port, connects, patience
        self.seconds, self.drain = seconds, drain
        self.pending = {}       # fd -> (socket, when it began), oldest first
        self.poll = select.poll()
        self.times = []         # of those that were served, seconds
        self.curve = []         # (seconds, half-open entries)
        self.cpu = self.slab = 0

    def begin(self, now):
        with self.w.c:
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, TCPX.proto)
        s.setblocking(False)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.pending[s.fileno()] = s, now
        s.connect_ex((B, self.port))
        self.poll.register(s, select.POLLIN)

    def end(self, fd, now):
        """It has an octet, or an error, or no patience."""
        s, begun = self.pending.pop(fd)
        self.poll.unregister(fd)
        with s, contextlib.suppress(OSError):
            if s.recv(1):
                self.times.append((now - begun) / NS)

    def sample(self, at):
        text = self.w.s.tcpx("stat")
        self.curve.append((at, int(re.search(r"^HalfOpen\s+(\d+)", text, re.M)[1])))

    def run(self, flood):
        """flood: the process; it ends with us, whatever it has still to send."""
        start, idle, k, samples = time.monotonic_ns(), idle_ns(), 0, 0
        while True:
            now = time.monotonic_ns()
            at = (now - start) / NS
            while k < self.connects and at >= k * self.seconds / self.connects:
                self.begin(now)
                k += 1
            for fd, (_, begun) in list(self.pending.items()):
                if now - begun < self.patience * NS:
                    break
                self.end(fd, now)
            if at >= samples * SAMPLE:
                self.sample(at)
                samples += 1
            if flood and at >= self.seconds:
                self.cpu = 1 - (idle_ns() - idle) / (now - start)
                with contextlib.suppress(Skip):
                    self.slab = slab("tcpx_entry")[1]
                flood.send_signal(signal.SIGTERM)
                flood = None
            if at >= self.seconds + self.drain and not self.pending:
                return self
            due = [samples * SAMPLE]
            if k < self.connects:
                due.append(k * self.seconds / self.connects)
            for fd, _ in self.poll.poll(max(min(due) - at, 0) * 1000):
                self.end(fd, time.monotonic_ns())


def far_away(w):
    """20 ms for whoever sends through the queueing discipline; forged SYNs do not."""
    w.c.run(["tc", "qdisc", "add", "dev", "eth0", "root", "netem", "delay", f"{RTT * 1000:g}ms",
             "limit", "100000"])


def outlasts(backlog, rate):
    """
    Will fewer SYNs come to a shard within an RTT than it has entries? They come by
    chance, and each takes the place of the oldest in its shard.
    """
    places, mean = backlog / SHARDS, rate * RTT / SHARDS
    return (1 + math.erf((places - mean) / math.sqrt(2 * mean))) / 2 if mean else 1


def expected(policy, backlog, rate, seconds):
    """What a moment's thought says of the share of honest clients that are served."""
    fill = backlog / rate if rate else math.inf     # how long until all entries are new ones
    return {
        "cookie": 1,
        # asked once, an entry is safe for 1 s: so many places a second, first come
        "evict": min(1, fill / 1),
        "recycle": outlasts(backlog, rate),
        "random": math.exp(-RTT / fill),
        # nobody leaves within 7 s
        "drop_new": min(1, fill / seconds),
    }[policy]


def cell(policy, backlog, rate, seconds=2, drain=12, connects=60, cookies=None,
         patience=PATIENCE):
    """A flood in namespaces of its own; cookies: syncookies, default 1 for cookie only"""
    cookies = policy == "cookie" if cookies is None else cookies
    lab.slab_objects()          # shrinks the caches
    with World(somaxconn=1 << 20, synq_max=1 << 20, synq_overflow=POLICIES.index(policy)) as w:
        w.cookies(int(cookies))
        far_away(w)
        with server(w, backlog) as port:
            one = Cell(w, port, seconds, drain, connects, patience)
            argv = w.synbench(TCPX, "flood", port, max(int(rate * seconds), 1), begin=1 << 23,
                              options=("-r", str(max(int(rate), 1))))
            flood = w.c.popen(argv, stdout=subprocess.PIPE)
            lab.wait_for(lambda: w.s.stat()["InSegs"], 10, "the flood")
            one.run(flood)
            one.sent = int(re.search(rb'"sent": (\d+)', flood.communicate()[0])[1])
            one.stat = w.s.stat()
    one.policy, one.backlog, one.cookies = policy, backlog, cookies
    rate = one.rate = one.sent / seconds    # a CPU may not be enough for what was wanted
    one.expected = 1 if cookies and policy != "evict" else expected(policy, backlog, rate, seconds)
    check(one.stat["HalfOpen"] <= backlog and one.stat["SynqHighest"] <= backlog,
          f"{policy}: {one.stat['SynqHighest']} entries in a backlog of {backlog}")
    if rate:
        check(one.stat["InSegs"] >= one.sent and one.stat["SynqAdded"], f"no flood: {one.stat}")
    return one


# ---- rates ----

def rates(seconds=5, rate=10000):
    """SYNs per second that take 10, 50, 100 % of the CPU; tcpx answers each of them."""
    with World() as w, w.listeners(TCPX) as port:
        w.cookies(2)            # no entries whose timers would count
        full = w.measure(TCPX, "stored", port)
        argv = w.synbench(TCPX, "flood", port, rate * seconds, options=("-r", str(rate)))
        with w.c.popen(argv, stdout=subprocess.DEVNULL) as p:
            time.sleep(seconds * 0.1)
            idle, start = idle_ns(), time.monotonic_ns()
            time.sleep(seconds * 0.8)
            busy = time.monotonic_ns() - start - (idle_ns() - idle)
            p.wait()
    paced = busy / (rate * seconds * 0.8)       # the generator goes to sleep after each
    print(f"A forged SYN and its SYN-ACK: {full:.0f} instructions, {paced:.0f} if the generator "
          "sleeps between two.")
    return {s: round(s / 100 * NS / (full if s == 100 else paced), -2) for s in SHARES}


# ---- what is printed ----

HEAD = ("policy", "backlog", "flood", "kpps", "CPU", "served", "expect", "p50 ms", "p99 ms",
        "highest", "x128 B", "slab", "evicted", "cookies")
FORMAT = "{:<9} {:>7} {:>6} {:>6} {:>5} {:>7} {:>6} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8}"


def size(n):
    return f"{n / 1024:.0f}K" if n < 10 << 20 else f"{n / (1 << 20):.0f}M"


def show(c, share):
    """A line of the table"""
    p50, p99 = (f"{percentile(c.times, q) * 1000:.1f}" if c.times else "-" for q in (0.5, 0.99))
    highest = c.stat["SynqHighest"]
    print(FORMAT.format(c.policy, c.backlog, f"{share} %", f"{c.rate / 1000:.1f}",
                        f"{100 * c.cpu:.0f} %", f"{100 * len(c.times) / c.connects:.0f} %",
                        f"{100 * c.expected:.0f} %", p50, p99, highest, size(highest * 128),
                        size(c.slab), c.stat["SynqEvicted"], c.stat["CookiesSent"]), flush=True)


def plot(cells, seconds, height=9, width=72):
    """Half-open entries over time, percent of the backlog; one letter for each, * for several"""
    end = max(c.curve[-1][0] for c in cells)
    rows = [[" "] * width for _ in range(height)]
    for letter, c in zip("sml", cells):
        for at, n in c.curve:
            x = min(int(at / end * width), width - 1)
            row = rows[height - 1 - round(n / c.backlog * (height - 1))]
            row[x] = letter if row[x] in (" ", letter) else "*"
    stop = min(int(seconds / end * width), width - 1)
    for i, row in enumerate(rows):
        if row[stop] == " ":
            row[stop] = ":"
        print(f"  {100 * (height - 1 - i) / (height - 1):>4.0f} % |{''.join(row)}".rstrip())
    print(f"  {'':>6} +{'-' * width}")
    print(f"  {'':>6}  0 s{f'{end:.0f} s':>{width - 3}}")


def moral(policy, cells):
    """One or two sentences, with what was measured"""
    served = {(c.backlog, share): 100 * len(c.times) / c.connects
              for c, share in cells if c.policy == policy}
    worst, best = served[BACKLOGS[0], 100], served[BACKLOGS[-1], 100]
    return {
        "cookie": f"""Nobody is lost at any backlog ({min(served.values()):.0f} % at the least): what
            does not fit is answered all the same, and remembered in the number of the answer.""",
        "evict": f"""An entry is safe until its SYN-ACK has been sent twice, so there are as many
            places a second as the backlog has: {worst:.0f} % with 128, {best:.0f} % with 65536 at
            the hardest flood.""",
        "recycle": f"""All or nothing: a client is served if its ACK comes before the queue has
            been filled once over, backlog / rate > RTT. {worst:.0f} % with 128, {best:.0f} % with
            65536.""",
        "random": f"""A client survives an RTT with probability exp(-rate x RTT / backlog), so it
            degrades gently where recycle falls off a cliff: {worst:.0f} % with 128,
            {served[1024, 100]:.0f} % with 1024, {best:.0f} % with 65536.""",
        "drop_new": f"""Who comes first holds his place for 7 s, and a flood always comes first:
            {worst:.0f} % with 128, and the largest backlog only buys the time that it takes to
            fill, {best:.0f} %.""",
    }[policy]


def summary(policy, cells, seconds):
    print(f"\n{policy}: half-open entries over time at the hardest flood, percent of a backlog of 128 "
          "(s),\n1024 (m), 65536 (l), several (*); the flood ends at the colons")
    plot([c for c, share in cells if c.policy == policy and share == 100], seconds)
    print("\n".join("  " + line for line in wrap(moral(policy, cells))))


def wrap(text, width=92):
    out, line = [], ""
    for word in text.split():
        if len(line) + len(word) >= width:
            out.append(line)
            line = ""
        line += " " * bool(line) + word
    return out + [line]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--full", action="store_true",
                        help="five times as many clients, three times as long")
    args = parser.parse_args()
    seconds, connects = (6, 300) if args.full else (2, 60)
    if not lab.module_loaded():
        lab.insmod()
    # from RAM: while the CPU waits for a file of the host's, guest time leaps
    shutil.copy(lab.program("synbench"), SYNBENCH)
    Ns.current().sysctl("core/netdev_max_backlog", 1 << 20)
    rate = rates()
    print(f"{connects} honest clients in {seconds} s of flood, {RTT * 1000:.0f} ms away: a connection "
          f"and its first octet\ntake {2 * RTT * 1000:.0f} ms. Cookies are on for the policy cookie "
          "only, prefix shares are on and\nfind no prefix to blame. kpps: what the CPU had time to "
          "send. slab: of half-open\nentries, at the end of the flood. What does not fill a backlog "
          "(highest) hurts nobody.\n")
    print(FORMAT.format(*HEAD))
    cells = []
    for policy in POLICIES:
        for backlog in BACKLOGS:
            for share in SHARES:
                cells.append((cell(policy, backlog, rate[share], seconds, 12 * (share == 100),
                                   connects), share))
                show(*cells[-1])
    print("\nThe same with cookies on: who is evicted comes back by his cookie; whom evict refuses "
          "does not.\n")
    for policy in POLICIES[1:4]:
        show(cell(policy, 128, rate[100], seconds, 0, connects, cookies=True), 100)
    print("\nAbove half a backlog a SYN-ACK is sent three times at most, and an entry leaves after "
          "1+2+4 s;\nbelow it is sent six times, and that takes 63 s.")
    for policy in POLICIES:
        summary(policy, cells, seconds)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Fail as e:
        sys.exit(f"flood lab: {e}")
