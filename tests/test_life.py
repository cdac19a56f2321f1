# SPDX-License-Identifier: GPL-2.0
"""
The life of connections, seen from both ends with real sockets, and the life of
the module: what it holds, what it gives back, when it can be removed.
"""
import contextlib
import errno
import glob
import os
import random
import re
import socket
import struct
import subprocess
import threading
import time

import lab as lab_module
from lab import (A, B, FIN, IN_USE, KO, MACS, NATIVE, PROTO, Lab, Ns, Proc, Skip, Thread, check,
                 equal, fails, insmod, limit, param_list, refcnt, remove, rmmod, seconds,
                 slab_objects, test, wait_for, x_list)
from run import gauge_names
from wire import (FULL, KEPT, MSS, RAW2, Bench, Raw, accept, attempt, fill, linger0, opts, read)

SOL_SOCKET = socket.SOL_SOCKET
FAILSLAB = "/sys/kernel/debug/failslab/"


def nonblocking(ns, to):
    s = ns.socket()
    s.setblocking(False)
    equal(s.connect_ex(to), errno.EINPROGRESS, "connect")
    return s


def states(ns, lport=None, rport=None):
    return sorted(c.state for c in ns.conns(None, lport, rport))


def echo_once(ns, port=10000, addr="127.0.0.1"):
    """A connection on loopback that carries something both ways and ends."""
    lst = ns.listen(port, addr=addr)
    c = ns.connect((addr, port))
    s = limit(lst.accept()[0])
    c.sendall(b"ping")
    equal(s.recv(9), b"ping", "data")
    s.sendall(b"pong")
    equal(c.recv(9), b"pong", "data")
    c.close()
    equal(s.recv(1), b"", "end of stream")
    s.close()
    lst.close()


class Trace:
    """What events/tcpx/tcpx_state tells, in a buffer of its own."""

    def __init__(self):
        self.dir = f"{lab_module.TRACING}/instances/test{os.getpid()}"
        os.mkdir(self.dir)
        self.write("events/tcpx/tcpx_state/enable", "1")

    def write(self, name, value):
        with open(f"{self.dir}/{name}", "w", encoding="ascii") as f:
            f.write(value)

    def states(self, ns, lport, rport):
        """The states that a connection of the namespace went through"""
        with ns.socket() as s:
            cookie = struct.unpack("Q", s.getsockopt(SOL_SOCKET, 71, 8))[0]     # SO_NETNS_COOKIE
        line = re.compile(rf"net={cookie} \S+:{lport} \S+:{rport} (\S+) -> (\S+)")
        with open(self.dir + "/trace", encoding="ascii") as f:
            steps = [m.groups() for m in map(line.search, f) if m]
        for (_, to), (since, _) in zip(steps, steps[1:]):
            equal(since, to, "the state before")
        return [to for _, to in steps]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.write("events/tcpx/tcpx_state/enable", "0")
        os.rmdir(self.dir)


# ---- the life of a connection ----

@test("R20 R21 tracepoint tcpx_state: every state of a connection, TIME-WAIT and its end too",
      needs=("tcpx", "tracefs"))
def _(lab):
    lab.a.sysctl("timewait_ms", 50)
    with Trace() as trace:
        c, s, _ = lab.pair(10000)
        port = c.getsockname()[1]
        ends = (lab.a, port, 10000), (lab.b, 10000, port)
        c.close()
        equal(s.recv(1), b"", "end of stream")
        s.close()
        client, server = [wait_for(lambda end=end: (got := trace.states(*end))[-1:] == ["CLOSED"] and
                                   got, 5, "CLOSED in the trace") for end in ends]
    equal(server[-3:], ["CLOSE-WAIT", "LAST-ACK", "CLOSED"], "server")
    equal(client[:3], ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1"], "client")
    equal(client[-2:], ["TIME-WAIT", "CLOSED"], "client")


@test("R01 R02 R03 R04 R31 the three segments of connect() and accept()")
def _(lab):
    cap = lab.a.capture()
    c, _, _ = lab.pair(10000)
    c.sendall(b"x")
    syn, synack, ack, data = cap.wait(count=4)[:4]
    check(syn.has("S") and not syn.len and not syn.ack, f"first segment: {syn}")
    check(synack.has("SA") and not synack.len and synack.ack == (syn.seq + 1) & 0xffffffff,
          f"second segment: {synack}")
    check(ack.has("A") and not ack.len and ack.seq == synack.ack and
          ack.ack == (synack.seq + 1) & 0xffffffff, f"third segment: {ack}")
    equal(data.seq, (syn.seq + 1) & 0xffffffff, "SEQ of the first octet")


@test("R05 R06 R33 the SYN is lost: SYN-SENT and nothing; then the SYN-ACK: SYN-RECEIVED")
def _(lab):
    lst = lab.b.listen(10000)
    lab.cut("b")
    c = nonblocking(lab.a, (B, 10000))
    equal(states(lab.a, rport=10000), ["SYN-SENT"], "client")
    equal(lab.b.halfopen(), [], "half-open entries before the SYN arrived")
    lab.cut("a")
    lab.heal("b")
    wait_for(lab.b.halfopen, what="a half-open entry")
    equal(states(lab.a, rport=10000), ["SYN-SENT"], "client")
    lst.setblocking(False)
    with fails(errno.EAGAIN):
        lst.accept()
    lab.heal("a")
    lab.a.wait_state("ESTABLISHED", rport=10000)
    lst.setblocking(True)
    s, peer = lst.accept()
    equal(peer, c.getsockname(), "peer")
    equal(lab.b.halfopen(), [], "half-open entries")
    s.close()


for then in ("the SYN-ACK comes again", "data completes it"):
    @test(f"R04 R05 R17 I10 the third segment is lost: only the server waits; {then}")
    def _(lab, then=then):
        lst = lab.b.listen(10000)
        lst.setblocking(False)
        lab.cut("a")
        c = nonblocking(lab.a, (B, 10000))
        wait_for(lab.b.halfopen, what="a half-open entry")
        lab.cut("b")
        lab.heal("a")
        lab.a.wait_state("ESTABLISHED", rport=10000)    # by a repeated SYN-ACK
        equal(len(lab.b.halfopen()), 1, "half-open entries")
        with fails(errno.EAGAIN):
            lst.accept()
        lab.heal("b")
        if then.startswith("data"):
            c.send(b"hello")
        lab.b.wait_state("ESTABLISHED", 10000, timeout=10)
        s, _ = lst.accept()
        limit(s)
        if not then.startswith("data"):
            c.send(b"hello")
        equal(s.recv(9), b"hello", "data")


for active in ("client", "server"):
    @test(f"R13 R14 R19 R20 R21 R24 R25 close, step by step; the {active} is first")
    def _(lab, active=active):
        c, s, lst = lab.pair(10000)
        one, two = (c, s) if active == "client" else (s, c)
        ns1, ns2 = (lab.a, lab.b) if active == "client" else (lab.b, lab.a)
        ports1 = {"rport": 10000} if active == "client" else {"lport": 10000}
        ports2 = {"lport": 10000} if active == "client" else {"rport": 10000}
        lst.close()
        to1, to2 = ("a", "b") if active == "client" else ("b", "a")
        cap = ns1.capture()
        lab.cut(to2)
        one.close()
        equal(states(ns1, **ports1), ["FIN-WAIT-1"], "the active end before the ACK")
        equal(states(ns2, **ports2), ["ESTABLISHED"], "the passive end before the FIN")
        lab.heal(to2)
        ns1.wait_state("FIN-WAIT-2", **ports1)
        ns2.wait_state("CLOSE-WAIT", **ports2)
        lab.cut(to2)
        two.close()
        ns1.wait_state("TIME-WAIT", **ports1)
        equal(states(ns2, **ports2), ["LAST-ACK"], "the passive end before the last ACK")
        lab.heal(to2)
        ns2.wait_gone(**ports2)
        equal(states(ns1, **ports1), ["TIME-WAIT"], "the active end at last")
        fins = {x.out: x for x in cap.segs(lambda x: x.flags & FIN)}
        for out in (True, False):
            acks = cap.segs(lambda x, out=out: x.out != out and x.ack == fins[out].end)
            check(acks, f"no ACK of {fins[out]}")


@test("R23 I28 both close at once, both FINs lost: CLOSING at one end, TIME-WAIT at both")
def _(lab):
    c, s, lst = lab.pair(10000)
    lst.close()
    lab.cut()
    c.close()
    s.close()
    equal(states(lab.a, rport=10000), ["FIN-WAIT-1"], "a")
    equal(states(lab.b, 10000), ["FIN-WAIT-1"], "b")
    lab.heal("a")
    lab.a.wait_state("CLOSING", rport=10000)    # b's FIN came, ours is not acknowledged
    lab.heal("b")
    lab.a.wait_state("TIME-WAIT", rport=10000)
    lab.b.wait_state("TIME-WAIT", 10000)


@test("I01 I02 two sockets connect to each other: one connection, no accept()")
def _(lab):
    lab.cut()
    c, s = lab.a.socket(), lab.b.socket()
    for x, me, port, to in ((c, A, 5001, (B, 5002)), (s, B, 5002, (A, 5001))):
        x.bind((me, port))
        x.setblocking(False)
        equal(x.connect_ex(to), errno.EINPROGRESS, "connect")
    for ns in (lab.a, lab.b):
        equal(states(ns), ["SYN-SENT"], ns.name)
    lab.heal()
    lab.a.wait_state("ESTABLISHED", 5001, 5002)
    lab.b.wait_state("ESTABLISHED", 5002, 5001)
    for x, y in ((c, s), (s, c)):
        limit(x)
        x.sendall(b"hello")
        equal(limit(y).recv(9), b"hello", "data")
    c.close()
    equal(s.recv(1), b"", "end of stream")
    s.close()
    lab.a.wait_state("TIME-WAIT", 5001)
    lab.b.wait_gone(5002)


@test("R24 CLOSE-WAIT and FIN-WAIT-2 of open sockets have no limit", timeout=30)
def _(lab):
    if not NATIVE:
        lab.a.sysctl("fin_timeout_ms", 200)
        lab.b.sysctl("fin_timeout_ms", 200)
    c, s, _ = lab.pair(10000)
    c.shutdown(socket.SHUT_WR)
    time.sleep(1)
    equal(states(lab.a, rport=10000), ["FIN-WAIT-2"], "who closed")
    equal([x for x in states(lab.b, 10000) if x != "LISTEN"], ["CLOSE-WAIT"], "who did not")
    s.sendall(b"late")
    equal(c.recv(9), b"late", "data")


@test("R20 E3 FIN-WAIT-2 of a closed socket ends after fin_timeout, TCP_LINGER2 shortens it")
def _(lab):
    lab.a.sysctl("fin_timeout_ms", 2000)
    for linger2 in (None, 1):
        c, _, lst = lab.pair()
        port = lst.getsockname()[1]
        if linger2:
            c.setsockopt(socket.SOL_TCP, socket.TCP_LINGER2, linger2)
        start = time.monotonic()
        c.close()
        lab.a.wait_state("FIN-WAIT-2", rport=port)
        lab.a.wait_gone(rport=port, timeout=10)
        took = time.monotonic() - start
        want = linger2 or 2
        check(want - 0.1 <= took < want + seconds(2), f"FIN-WAIT-2 lasted {took:.2f} s, not {want}")


@test("R25 I35 LAST-ACK and FIN-WAIT-1 of orphans end after orphan_retries")
def _(lab):
    for ns in (lab.a, lab.b):
        ns.sysctl("orphan_retries", 2)
    c, s, lst = lab.pair(10000)
    lst.close()
    lab.cut("b")
    c.close()
    lab.a.wait_state("FIN-WAIT-1", rport=10000)
    lab.a.wait_gone(rport=10000, timeout=30)
    lab.heal("b")
    c, s, lst = lab.pair(10001)
    lst.close()
    c.shutdown(socket.SHUT_WR)
    lab.b.wait_state("CLOSE-WAIT", 10001)
    lab.cut()
    s.close()
    lab.b.wait_state("LAST-ACK", 10001)
    lab.b.wait_gone(10001, timeout=30)


@test("R42 a RST ends its own connection and no other")
def _(lab):
    lst = lab.b.listen(10000)
    pairs = []
    for _ in range(5):
        c = lab.a.connect(lst)
        pairs.append((c, limit(lst.accept()[0])))
    linger0(pairs[2][0])
    pairs[2][0].close()
    with fails(errno.ECONNRESET):
        pairs[2][1].recv(1)
    for i, (c, s) in enumerate(pairs):
        if i != 2:
            c.sendall(b"%d" % i)
            equal(s.recv(9), b"%d" % i, "data")


@test("R21 I36 a client's new SYN reopens the server's TIME-WAIT")
def _(lab):
    lst = lab.b.listen(10000)
    for _ in range(5):
        c = lab.a.connect(lst, sport=40000)
        s = limit(lst.accept()[0])
        s.close()
        equal(c.recv(1), b"", "end of stream")
        c.close()
        lab.b.wait_state("TIME-WAIT", 10000)
        lab.a.wait_gone(40000)


@test("R21 I38 the client's own TIME-WAIT keeps its pair of addresses in use")
def _(lab):
    # with timestamps native TCP takes it over (RFC 6191 allows that to the peer only)
    lab.a.sysctl("timestamps", 0 if NATIVE else 1)
    lst = lab.b.listen(10000)
    c = lab.a.connect(lst, sport=40000)
    s = limit(lst.accept()[0])
    c.close()
    equal(s.recv(1), b"", "end of stream")
    s.close()
    lab.a.wait_state("TIME-WAIT", 40000)
    with fails(errno.EADDRNOTAVAIL):
        lab.a.connect(lst, sport=40000)
    lab.a.connect(lab.b.listen(10001), sport=40000)


@test("R35 half-open entries never exceed the backlog; those that found no room come later",
      needs="tcpx")
def _(lab):
    lab.b.sysctl("synq_overflow", 4)
    lab.b.sysctl("synq_prefix", 0)
    lst = lab.b.listen(10000, backlog=8)
    lab.cut("a")
    socks = [nonblocking(lab.a, (B, 10000)) for _ in range(14)]
    wait_for(lambda: len(lab.b.halfopen()) >= 8, what="eight entries")
    equal(len(lab.b.halfopen()), 8, "entries")
    wait_for(lambda: lab.b.stat()["ReasonHalfOpenFull"] >= 6, what="the others to be counted")
    lab.heal("a")
    for _ in socks:
        lst.accept()
    wait_for(lambda: not lab.b.halfopen(), what="no entry left")


def given_back():
    """Wait until the module holds nothing; the lab's namespaces are empty."""
    wait_for(lambda: not refcnt() and not any(slab_objects().values()), 60,
             lambda: f"nothing to be left: {refcnt()} references, {slab_objects()}")


@test("R46 SEC-32 a namespace ends with everything open; nothing stays behind", needs="tcpx",
      alone=True, timeout=120)
def _():
    def child():
        with Lab() as inner:
            for ns in (inner.a, inner.b):       # orphans keep a namespace alive
                ns.sysctl("orphan_retries", 1)
                ns.sysctl("fin_timeout_ms", 100)
            lst = inner.b.listen(10000)
            pairs = [(inner.a.connect(lst), lst.accept()[0]) for _ in range(5)]
            pairs[0][0].close()
            pairs[1][1].shutdown(socket.SHUT_WR)
            inner.cut("a")
            nonblocking(inner.a, (B, 10000))
            wait_for(inner.b.halfopen, what="an entry")
            inner.cut()
            pairs[2][0].send(bytes(100000), socket.MSG_DONTWAIT)
            nonblocking(inner.a, (B, 10000))
            lab_module.COVER["host"].clear()
        return len(pairs)
    for _ in range(10):
        equal(Proc(None, child).result(), 5, "connections")
    given_back()


@test("I21 SEC-36 processes killed in accept, connect, send and recv", timeout=120)
def _(lab):
    lst = lab.b.listen(10000, backlog=64)

    def accept():
        while True:
            lst.accept()

    def connect():
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, PROTO)
        s.connect(("10.53.0.77", 10000))

    def talk():
        while True:
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, PROTO)
            s.connect((B, 10000))
            s.send(bytes(200000))

    def listen():
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, PROTO)
        s.connect((B, 10000))
        s.recv(1)
    rnd = random.Random(7)
    for _ in range(12):
        procs = [lab.b.spawn(accept)] + [lab.a.spawn(f) for f in (connect, talk, listen)]
        time.sleep(rnd.random() * 0.1)
        rnd.shuffle(procs)
        for p in procs:
            p.kill()
    c = lab.a.connect(lst)
    c.sendall(b"alive")


@test("I20 close of a listener against connect and accept, again and again", timeout=180)
def _(lab):
    stop = threading.Event()

    def clients():
        n = 0
        while not stop.is_set():
            s = limit(lab.a.socket(), 2, 2)
            try:
                s.connect((B, 10000))
                s.send(b"x", socket.MSG_NOSIGNAL)
                n += 1
            except OSError as e:
                check(e.errno in (errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE,
                                  errno.EINPROGRESS, errno.EAGAIN), f"connect: {e}")
            s.close()
        return n
    threads = [Thread(clients) for _ in range(3)]
    rounds = 150
    for i in range(rounds):
        lst = lab.b.listen(10000, backlog=4)
        time.sleep(i % 7 / 1000)
        for _ in range(i % 4):
            lst.setblocking(False)
            try:
                lst.accept()[0].close()
            except BlockingIOError:
                pass
        lst.close()
    stop.set()
    check(sum(t.result(30) for t in threads), "no connection at all")
    wait_for(lambda: not [x for x in states(lab.b) if x != "TIME-WAIT"], 30,
             lambda: f"b to be empty: {states(lab.b)}")


@test("I50 shutdown, close, send and recv in several threads of one connection", timeout=120)
def _(lab):
    rnd = random.Random(11)
    for i in range(40):
        c, s, lst = lab.pair()

        def pump(x):
            try:
                while x.send(bytes(30000), socket.MSG_NOSIGNAL):
                    pass
            except OSError:
                pass

        def drain(x):
            try:
                while x.recv(30000):
                    pass
            except OSError:
                pass
        threads = [Thread(f, x) for x in (c, s) for f in (pump, drain)]
        time.sleep(rnd.random() * 0.02)
        rnd.choice((lambda: c.shutdown(socket.SHUT_RDWR), lambda: (linger0(s), s.close()),
                    lambda: s.shutdown(socket.SHUT_RD), lambda: c.shutdown(socket.SHUT_WR)))()
        time.sleep(rnd.random() * 0.01)
        for x in (c, s):
            try:
                x.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for t in threads:
            t.result()
        c.close()
        s.close()
        lst.close()
    check(i == 39)


# ---- what the module tells ----

@test("R46 1 000 connections opened and closed: every gauge is zero, the ledger balances",
      needs="tcpx", timeout=180)
def _(lab):
    for ns in (lab.a, lab.b):
        ns.sysctl("timewait_ms", 1)
    lst = lab.b.listen(10000, backlog=64)
    for i in range(1000):
        c = lab.a.connect(lst)
        s, _ = lst.accept()
        one, two = (c, s) if i % 2 else (s, c)
        if i % 10 == 0:
            linger0(one)
        one.close()
        two.close()
    lst.close()
    for ns in (lab.a, lab.b):
        names = gauge_names(ns)
        check(len(names) > 10, f"gauges: {names}")
        wait_for(lambda ns=ns, names=names: not any(ns.stat()[k] for k in names), 20,
                 lambda ns=ns, names=names: f"gauges of {ns.name} to be zero: "
                 f"{ {k: ns.stat()[k] for k in names if ns.stat()[k]} }")
    st_a, st_b = lab.a.stat(), lab.b.stat()
    equal(st_a["ActiveOpens"], 1000, "ActiveOpens")
    equal(st_b["PassiveOpens"], 1000, "PassiveOpens")
    equal(st_b["SynqAdded"], sum(st_b["Synq" + k] for k in (
        "Completed", "Reset", "NewSyn", "Expired", "Closed", "Icmp", "Refused")),
        "half-open entries made and ended")


@test("AttemptFails, EstabResets and ReasonState count each end once", needs="tcpx")
def _(lab):
    names = "AttemptFails", "EstabResets", "ReasonState"

    def counts(ns, want, what):
        wait_for(lambda: [ns.stat()[n] for n in names] == want, 5,
                 lambda: f"{what}: {names} are {[ns.stat()[n] for n in names]}, want {want}")
    s = lab.a.socket()
    with fails(errno.ENOTCONN):
        s.recv(1)
    counts(lab.a, [0, 0, 1], "recv() on a fresh socket")
    with fails(errno.ECONNREFUSED):
        s.connect((B, 10000))
    counts(lab.a, [1, 0, 1], "a refused connect()")
    lab.cut("b")
    s = nonblocking(lab.a, (B, 10000))
    linger0(s)
    s.close()
    counts(lab.a, [2, 0, 1], "close() in SYN-SENT")
    lab.heal("b")
    lst = lab.b.listen(10000)
    kept = lab.a.connect(lst)
    lab.b.wait_state("ESTABLISHED", 10000)
    lst.close()
    counts(lab.a, [2, 1, 1], "reset by the close of a listener")
    counts(lab.b, [0, 1, 0], "a connection that nobody accepted")
    kept.close()
    c, s, _ = lab.pair(10000)
    linger0(s)
    s.close()
    counts(lab.a, [2, 2, 1], "reset by SO_LINGER")
    counts(lab.b, [0, 2, 0], "SO_LINGER of 0 s")
    c.close()
    c, s, _ = lab.pair(10001)
    c.close()
    s.close()
    lab.a.wait_state("TIME-WAIT", rport=10001)
    counts(lab.a, [2, 2, 1], "an orderly close")


@test("/proc/net/tcpx/stat: each counter, gauge and reason of the source with its sentence",
      needs="tcpx")
def _(lab):
    want = {strings[0]: strings[1] for kind in ("MIB", "GAUGE")
            for _, strings in x_list("tcpx_mib.h", f"TCPX_{kind}_LIST")}
    for _, (name, sentence, rfc) in x_list("tcpx_proto.h", "TCPX_REASON_LIST"):
        want["Reason" + name] = sentence + (f" ({rfc})" if rfc else "")
    del want["ReasonNone"]
    got = dict(re.findall(r"^(\w+) \d+ # (.*)", lab.a.tcpx("stat"), re.M))
    equal(len(got), len(lab.a.stat()), "lines that have a sentence")
    queue = {k for k in got if re.match("SynqHighest|SynqLifetimeMs|SynqTime|SynqChain", k)}
    equal({k: v for k, v in got.items() if k not in queue and not k.startswith("State")}, want,
          "names and sentences")
    times = [f"SynqTimeBelow{1 << i}ms" for i in range(17)] + ["SynqTimeLonger"]
    chains = [f"SynqChain{i}" for i in range(15)] + ["SynqChain15OrMore"]
    equal(queue, {"SynqHighest", "SynqLifetimeMs", *times, *chains}, "of the half-open queue")


@test("net.tcpx: defaults, bounds, one set per namespace", needs="tcpx")
def _(lab):
    with lab.a:
        files = set(os.listdir("/proc/sys/net/tcpx"))
    equal(files - {p.name for p in param_list()},
          {"synack_waits_ms", "synq_lifetime_ms", "protocol", "mem"},
          "files that are no parameter")
    equal(len(files), len(param_list()) + 4, "files")
    for name, default, low, high, _ in param_list():
        equal(lab.a.sysctl(name), default, f"default of {name}")
        for bad in (low - 1, high + 1):
            with fails(errno.EINVAL):
                lab.a.sysctl(name, bad)
        for good in (high, low):
            lab.a.sysctl(name, good)
            equal(lab.a.sysctl(name), good, name)
        equal(lab.b.sysctl(name), default, f"{name} of the other namespace")


@test("net.tcpx: what is no number is refused, of a list of waits all or none is taken",
      needs="tcpx")
def _(lab):
    def write(name, value):
        with lab.a:
            fd = os.open("/proc/sys/net/tcpx/" + name, os.O_WRONLY)
        try:
            return os.write(fd, value)
        finally:
            os.close(fd)
    words = (b"\n", b"x", b"-", b"3x", b"1.5", b"99999999999", b"-99999999999")
    for bad in words:
        with fails(errno.EINVAL):
            write("retries2", bad)
    equal(lab.a.sysctl("retries2"), 15, "retries2")
    before = lab.a.sysctl("synack_waits_ms")
    for bad in words + (b"0", b"-1", b"3600001", b"5 0", b"5 x", b"5,6x", b"5 6 3600001",
                        b" ".join([b"5"] * 15 + [b"0"])):
        with fails(errno.EINVAL):
            write("synack_waits_ms", bad)
        equal(lab.a.sysctl("synack_waits_ms"), before, f"the waits after {bad!r}")
    write("synack_waits_ms", b"1 3600000 7")
    equal(lab.a.sysctl("synack_waits_ms").split(),
          ["1", "3600000", "7"] + before.split()[3:], "waits")
    for name in ("protocol", "synq_lifetime_ms"):
        equal(os.stat(f"/proc/sys/net/tcpx/{name}").st_mode & 0o777, 0o444, f"mode of {name}")


@test("SEC-23 net.tcpx.mem: a closed socket with a full send queue is reset when memory is used up",
      needs="tcpx", alone=True)
def _(lab):
    first = Ns.current()
    limits = first.sysctl("mem")
    equal(lab.a.sysctl("mem"), limits, "mem, one for all namespaces")
    with fails(errno.EACCES, errno.EPERM):
        lab.a.sysctl("mem", limits)
    c, s, _ = lab.pair(10000)
    c.setsockopt(SOL_SOCKET, 32, 8 << 20)       # SO_SNDBUFFORCE
    c.setblocking(False)
    while True:
        try:
            c.send(bytes(1 << 20))
        except BlockingIOError:
            break
    first.sysctl("mem", "1 1 1")
    try:
        c.close()
        equal(lab.a.stat()["OrphanFull"], 1, "OrphanFull")
    finally:
        first.sysctl("mem", limits)
    lab.a.wait_gone(rport=10000)
    with fails(errno.ECONNRESET):
        while s.recv(1 << 20):
            pass


@test("SEC-33 net.tcpx: only the root of the namespace writes, everybody reads", needs="tcpx")
def _(lab):
    def child():
        os.setgid(65534)
        os.setuid(65534)
        for name in ("stat", "conns", "halfopen", "fsm"):
            with open("/proc/thread-self/net/tcpx/" + name, encoding="ascii") as f:
                check(f.read(), f"{name} is empty")
        with open("/proc/sys/net/tcpx/retries2", "w", encoding="ascii") as f:
            f.write("3")
    with fails(errno.EACCES, errno.EPERM):
        lab.a.call(child)


@test("/proc/net/tcpx/conns: each socket once, with addresses, queues, owner, timer", needs="tcpx")
def _(lab):
    lst = lab.b.listen(10000, backlog=64)
    socks = [lab.a.connect(lst) for _ in range(30)]
    peers = [limit(lst.accept()[0]) for _ in socks]
    rows = lab.a.conns("ESTABLISHED", rport=10000)
    equal(sorted(r.local for r in rows),
          sorted("%s:%d" % s.getsockname() for s in socks), "local addresses")
    equal({r.remote for r in rows}, {f"{B}:10000"}, "remote addresses")
    inodes = {os.fstat(s.fileno()).st_ino for s in socks}
    equal({r.inode for r in rows}, inodes, "inodes")
    cookies = {struct.unpack("=Q", s.getsockopt(SOL_SOCKET, 57, 8))[0] for s in socks}
    equal({r.cookie for r in rows}, cookies, "cookies (SO_COOKIE)")
    equal({r.uid for r in rows}, {0}, "uid")
    peers[1].shutdown(socket.SHUT_WR)
    lab.a.wait_state("CLOSE-WAIT", rport=10000)
    equal([r.rxq for r in lab.a.conns() if r.rxq], [], "rxq where only a FIN came")
    peers[0].sendall(b"12345")
    wait_for(lambda: [r.rxq for r in lab.a.conns() if r.rxq] == [5], what="rxq 5")
    lab.cut("b")
    socks[0].sendall(b"1234567")
    row = wait_for(lambda: [r for r in lab.a.conns() if r.txq], what="txq")[0]
    equal((row.txq, row.timer), (7, "rtx"), "txq and timer")
    check(0 < row.left_ms <= 1000, f"left_ms {row.left_ms}")
    wait_for(lambda: [r.retries for r in lab.a.conns() if r.txq][0] >= 1, what="a retry")


@test("R34 dumps under load: read in small pieces, every line whole", needs="tcpx", timeout=120)
def _(lab):
    lab.a.sysctl("timewait_ms", 300)
    lst = lab.b.listen(10000, backlog=64)
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            lab.a.keep.clear()
            c = lab.a.connect(lst)
            s, _ = lst.accept()
            c.close()
            s.close()

    def read(ns, name, size):
        with ns:
            fd = os.open("/proc/thread-self/net/tcpx/" + name, os.O_RDONLY)
        try:
            out = b""
            while True:
                part = os.read(fd, size)
                if not part:
                    return out.decode()
                out += part
        finally:
            os.close(fd)
    ts = [Thread(churn) for _ in range(2)]
    for i in range(60):
        for ns in (lab.a, lab.b):
            for name, columns in (("conns", 12), ("halfopen", 10), ("fsm", 8), ("stat", None)):
                text = read(ns, name, (17, 512, 65536)[i % 3] if name != "fsm" else 65536)
                check(text.endswith("\n"), f"{name} ends in the middle of a line")
                for line in text.splitlines():
                    n = len(line.split())
                    check(columns in (None, n), f"{name}: {n} columns in {line!r}")
    stop.set()
    for t in ts:
        t.result()


# ---- the life of the module ----

def gone():
    for path in ("/proc/net/tcpx", "/proc/sys/net/tcpx", "/sys/module/tcpx"):
        check(not os.path.exists(path), f"{path} is still there")


@test("SEC-36 rmmod is refused while a socket is open, in every state", needs=("tcpx", "ko"))
def _(lab):
    lst = lab.b.listen(10000)

    def refused(what, *socks):
        with fails(*IN_USE):
            rmmod()
        for s in socks:
            check(s.fileno() >= 0, what)
    refused("listener", lst)
    fresh = lab.a.socket()
    c = lab.a.connect(lst)
    refused("connection nobody accepted", c)
    s, _ = lst.accept()
    lst.close()
    refused("connection", s)
    c.shutdown(socket.SHUT_WR)
    lab.b.wait_state("CLOSE-WAIT", 10000)
    refused("half-closed connection", s)
    linger0(s)
    s.close()
    refused("reset connection", c)
    c.close()
    refused("fresh socket", fresh)
    fresh.close()
    remove()
    gone()
    insmod()
    echo_once(lab.a)


@test("SEC-36 rmmod works with TIME-WAIT entries, and frees them", needs=("tcpx", "ko"))
def _(lab):
    lst = lab.b.listen(10000, backlog=64)
    for i in range(50):
        c = lab.a.connect(lst)
        s, _ = lst.accept()
        for x in ((c, s) if i % 2 else (s, c)):
            x.shutdown(socket.SHUT_WR)
        c.close()
        s.close()
    lst.close()
    wait_for(lambda: len(lab.a.conns("TIME-WAIT")) + len(lab.b.conns("TIME-WAIT")) >= 50,
             what="TIME-WAIT entries")
    for ns in (lab.a, lab.b):
        wait_for(lambda ns=ns: set(states(ns)) <= {"TIME-WAIT"}, what="nothing but TIME-WAIT")
    remove(5)           # the last sockets are freed after a grace period
    gone()
    insmod()
    equal(lab.a.conns() + lab.b.conns(), [], "connections of the new module")


@test("SEC-36 rmmod works with orphans in FIN-WAIT-1, FIN-WAIT-2, CLOSING and LAST-ACK",
      needs=("tcpx", "ko"))
def _(lab):
    ends = {}
    for port in (10001, 10002, 10003, 10004):
        c, s, lst = lab.pair(port)
        lst.close()
        ends[port] = c, s
    c, s = ends[10002]
    c.close()
    lab.a.wait_state("FIN-WAIT-2", rport=10002)
    c, s = ends[10003]
    c.shutdown(socket.SHUT_WR)
    lab.b.wait_state("CLOSE-WAIT", 10003)
    lab.cut()
    s.close()
    lab.b.wait_state("LAST-ACK", 10003)
    c, s = ends[10004]
    c.close()
    s.close()
    lab.heal("a")
    lab.a.wait_state("CLOSING", rport=10004)
    lab.cut()
    ends[10001][0].sendall(b"on its way")
    ends[10001][0].close()
    lab.a.wait_state("FIN-WAIT-1", rport=10001)
    for pair in ends.values():
        for x in pair:
            x.close()
    check(lab.a.stat()["Orphans"] >= 3, "no orphans")
    remove(5)           # they would live for minutes
    gone()
    insmod()
    equal(lab.a.conns() + lab.b.conns(), [], "connections of the new module")
    lab.heal()
    echo_once(lab.a)


@test("SEC-36 rmmod works under a flood of segments", needs=("tcpx", "ko"), timeout=180)
def _(lab):
    lab.b.neigh("10.53.0.9", MACS[A])
    raw = Raw(lab.a, lab.b)
    stop = threading.Event()

    def flood():
        flow, n = raw.flow(10000), 0
        while not stop.is_set():
            flow.send("S", seq=n & 0xffffffff, options=opts(mss=1460))
            flow.send("A", seq=n & 0xffffffff, ack=n)
            n += 1
            raw.log.clear()
        return n
    t = Thread(flood)
    for _ in range(15):
        lst = lab.b.listen(10000)
        wait_for(lambda: lab.b.halfopen() or lab.b.stat()["InSegs"] > 100, what="the flood")
        lst.close()
        remove()
        insmod()
    stop.set()
    check(t.result() > 100, "no flood")


@test("SEC-36 N10 insmod, a flood into a half-open queue, rmmod: 100 times, nothing is left",
      needs=("tcpx", "ko", "cc"), timeout=600)
def _(lab):
    flood = lab.a.popen([lab_module.program("synbench"), "-p", str(PROTO), "-P", "10000",
                         "-k", "2", "-n", "16000000", "-r", "5000", "flood"],
                        stdout=subprocess.DEVNULL)
    lab.b.run(["ip", "route", "replace", "default", "via", A, "dev", "eth0"])
    added = sent = 0
    for i in range(100):
        remove()
        insmod()
        lab.b.sysctl("synq_overflow", i % 5)        # as many cookies, victims and drops
        lab.b.sysctl("synack_waits_ms", "1 2 4" if i % 2 else "3600000")
        lsts = [lab.b.listen(10000 + k, backlog=64) for k in range(2)]
        before = lab.b.stat()["InSegs"]             # to a closed port
        wait_for(lambda: lab.b.stat()["InSegs"] - before >= 200, 20, "the flood")
        stat = lab.b.stat()
        check(stat["SynqAdded"], "no entry")
        added, sent = added + stat["SynqAdded"], sent + stat["CookiesSent"]
        for lst in lsts:                            # half-open entries are all that is left
            lst.close()
    check(flood.poll() is None, "the flood ended")
    flood.kill()
    flood.wait()
    print(f"{added} entries, {sent} cookies")
    equal(lab.b.halfopen(), [], "entries without a listener")
    echo_once(lab.a)


@test("SEC-36 rmmod against socket(), again and again", needs=("tcpx", "ko"), timeout=180)
def _(lab):
    stop = threading.Event()

    def churn():
        ok = 0
        while not stop.is_set():
            try:
                s = lab.a.socket()
            except OSError as e:
                # ENOMEM, ENOBUFS: what the kernel says, by its version, when a
                # module that it has just found is on its way out
                check(e.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.ENOBUFS,
                                  errno.ENOMEM), f"socket: {e}")
                continue
            lab.a.keep.clear()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", 9))
            s.close()
            ok += 1
        return ok
    t = Thread(churn)
    removed = 0
    for _ in range(60):
        time.sleep(0.005)
        try:
            rmmod()
        except OSError as e:
            check(e.errno in IN_USE, f"rmmod: {e}")
            continue
        removed += 1
        insmod()
    stop.set()
    check(t.result(), "no socket was made")
    if not removed:
        remove()
        insmod()


@test("SEC-36 100 rounds of insmod, traffic, rmmod", needs=("tcpx", "ko"), timeout=400)
def _(lab):
    for i in range(100):
        remove()
        insmod()
        echo_once(lab.a)
        if i % 10 == 0:
            c, s, lst = lab.pair(10000)
            c.sendall(bytes(50000))
            n = 0
            while n < 50000:
                n += len(s.recv(65536))
            for x in (c, s, lst):
                linger0(x)
                x.close()


@test("SEC-36 the module parameter protocol: 253 and 254, nothing else", needs=("tcpx", "ko"))
def _(lab):
    remove()
    try:
        for bad in (0, 6, 17, 252, 255, -1):
            with fails(errno.EINVAL, errno.ERANGE):
                insmod(params=f"protocol={bad}")
        insmod(params="protocol=254")
        with fails(errno.EPROTONOSUPPORT):
            lab.a.socket()
        lst = lab.a.socket(proto=254)
        lst.bind(("127.0.0.1", 10000))
        lst.listen()
        c = lab.a.socket(proto=254)
        c.connect(("127.0.0.1", 10000))
        s, _ = lst.accept()
        c.sendall(b"254")
        equal(s.recv(9), b"254", "data")
        equal(s.getsockopt(SOL_SOCKET, 38), 254, "SO_PROTOCOL")
        for x in (s, c, lst):
            linger0(x)
            x.close()
        remove()
    finally:
        if not lab_module.module_loaded():
            insmod()
    echo_once(lab.a)


@test("SEC-36 a second insmod is refused, the first goes on", needs=("tcpx", "ko"))
def _(lab):
    with fails(errno.EEXIST):
        insmod(KO)
    echo_once(lab.a)


@test("SEC-32 I52 fifty namespaces made, used and destroyed", needs="tcpx", timeout=180,
      alone=True)
def _(lab):
    for i in range(50):
        ns = Ns(f"n{i}")
        ns.netlink.up("lo")
        echo_once(ns)
        ns.close()
    check(lab.a.stat()["InSegs"] == 0, "another namespace's segments were counted here")
    given_back()


# ---- memory that is not there ----

class FailNth:
    """/proc/self/fail-nth: the n-th allocation of this thread fails."""

    def __enter__(self):
        self.fd = os.open(f"/proc/thread-self/fail-nth", os.O_RDWR)
        for name, value in (("ignore-gfp-wait", "N"), ("verbose", "0"), ("probability", "0")):
            failslab(name, value)
        return self

    def __exit__(self, *_):
        os.pwrite(self.fd, b"0", 0)
        os.close(self.fd)
        failslab("ignore-gfp-wait", "Y")

    def run(self, n, call):
        """(errno or 0, was something injected?)"""
        os.pwrite(self.fd, b"%d" % n, 0)
        try:
            call()
            nr = 0
        except OSError as e:
            nr = e.errno
        self.left = int(os.pread(self.fd, 16, 0).strip(b"\0\n"))
        os.pwrite(self.fd, b"0", 0)
        return nr, self.left == 0


def failslab(name, value):
    try:
        with open(FAILSLAB + name, "w", encoding="ascii") as f:
            f.write(value)
    except FileNotFoundError as e:
        raise Skip(f"no {e.filename}") from e


def each_fails(what, make, call, allowed=(errno.ENOMEM, errno.ENOBUFS), most=60, first=1):
    """call(make()) with its first, second... allocation failing, until none is left."""
    with FailNth() as f:
        for n in range(first, most):
            thing = make()
            nr, injected = f.run(n, lambda: call(thing))
            if not injected:
                equal(nr, 0, f"{what}: error although all allocations succeeded")
                return n - 1
            check(nr in (0,) + allowed, f"{what}, allocation {n}: {os.strerror(nr)}")
    raise AssertionError(f"{what}: more than {most} allocations")


@test("I55 FAILSLAB: each allocation of a socket call fails once", needs=("failslab",),
      timeout=180)
def _(lab):
    lst = lab.b.listen(10000, backlog=64)

    def fresh():
        return lab.a.socket()

    def pair():
        c = lab.a.connect(lst)
        return c, limit(lst.accept()[0])

    def bound():
        s = fresh()
        s.bind((A, 0))
        return s

    def grouped():
        s = fresh()
        s.setsockopt(SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind((A, 0))
        return s

    def join(s):
        try:
            s.listen()
        except OSError:
            s.listen()      # a failure leaves nothing behind
            raise

    def waiting():
        return lab.a.connect(lst)

    def retry_connect(s):
        s.connect((B, 10000))
    tried = {
        "socket": each_fails("socket", lambda: lab.a.enter(),
                             lambda _: socket.socket(socket.AF_INET, socket.SOCK_STREAM,
                                                     PROTO).close(),
                             (errno.ENOMEM, errno.ENOBUFS, errno.ENFILE)),
        "bind": each_fails("bind", fresh, lambda s: s.bind((A, 0))),
        "listen": each_fails("listen", bound, lambda s: s.listen()),
        "join": each_fails("listen in a group", grouped, join),
        "send": each_fails("send", pair, lambda p: p[0].send(bytes(20000)),
                           (errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN)),
        "accept": each_fails("accept", waiting, lambda _: lst.accept()[0].close(),
                             (errno.ENOMEM, errno.ENOBUFS, errno.ENFILE)),
        "shutdown": each_fails("shutdown", pair, lambda p: p[0].shutdown(socket.SHUT_WR)),
        "close": each_fails("close", pair, lambda p: p[0].close()),
        "getsockopt": each_fails("TCP_INFO", pair, lambda p: p[0].getsockopt(
            socket.SOL_TCP, socket.TCP_INFO, 256)),
    }
    print(tried)
    check(all(tried[call] for call in ("bind", "listen", "send", "accept")) and
          tried["socket"] >= 2 and tried["join"] >= 2, f"allocations seen: {tried}")


@test("I55 FAILSLAB: connect() with each of its allocations failing once", needs=("failslab",),
      timeout=180)
def _(lab):
    lst = lab.b.listen(10000, backlog=64)
    with FailNth() as f:
        for n in range(1, 80):
            s = limit(lab.a.socket())
            nr, injected = f.run(n, lambda s=s: s.connect((B, 10000)))
            check(nr in (0, errno.ENOMEM, errno.ENOBUFS), f"allocation {n}: {os.strerror(nr)}")
            if not nr:
                c = limit(lst.accept()[0])
                s.sendall(b"works")
                equal(c.recv(9), b"works", f"allocation {n}: data")
                c.close()
            linger0(s)
            s.close()
            if not injected:
                break
    check(n > 3, f"only {n} allocations")


def until_memory(call):
    """What call() returns once it finds memory."""
    def attempt():
        try:
            return (call(),)
        except OSError as e:
            check(e.errno in (errno.ENOMEM, errno.ENOBUFS), f"{e}")
            return None
    return wait_for(attempt, 60, "memory")[0]


@test("I55 FAILSLAB: a tenth of all atomic allocations fails, data still arrive",
      needs=("failslab",), timeout=300)
def _(lab):
    import hashlib
    data = os.urandom(1 << 20)
    lst = lab.b.listen(10000, backlog=64)
    failslab("verbose", "0")
    failslab("ignore-gfp-wait", "Y")
    failslab("times", "-1")
    failslab("interval", "1")
    failslab("probability", "10")
    try:
        for _ in range(6):
            c = limit(until_memory(lambda: lab.a.socket()), 120, 120)
            until_memory(lambda: c.connect((B, 10000)))
            # text first: behind a cookie a lost ACK is not asked for again
            t = Thread(c.sendall, data)
            s = limit(lst.accept()[0], 120, 120)
            h, n = hashlib.sha256(), 0
            while n < len(data):
                part = s.recv(1 << 16)
                check(part, "end of stream in the middle")
                n += len(part)
                h.update(part)
            t.result(120)
            equal(h.digest(), hashlib.sha256(data).digest(), "digest")
            c.close()
            s.close()
    finally:
        failslab("probability", "0")
    echo_once(lab.a)


@contextlib.contextmanager
def failures(times=1, space=0, filtered="N"):
    """
    So many allocations that cannot sleep fail, after some of so many octets; what
    is yielded tells how many are still to fail.
    """
    def left():
        with open(FAILSLAB + "times", encoding="ascii") as f:
            return int(f.read())
    for name, value in (("cache-filter", filtered), ("ignore-gfp-wait", "Y"), ("verbose", "0"),
                        ("interval", "1"), ("space", str(space)), ("times", str(times)),
                        ("probability", "100")):
        failslab(name, value)
    try:
        yield left
    finally:
        failslab("probability", "0")
        failslab("space", "0")
        failslab("cache-filter", "N")


@contextlib.contextmanager
def failing(cache, times=1, after=0):
    """So many allocations from a slab cache fail, behind others; all must be tried."""
    where = f"/sys/kernel/slab/{cache}/"

    def mark(value):
        with open(where + "failslab", "w", encoding="ascii") as f:
            f.write(value)
    with open(where + "object_size", encoding="ascii") as f:
        size = int(f.read())
    mark("1")
    try:
        with failures(times, after and after * size + 1, "Y") as left:
            yield
    finally:
        mark("0")
    equal(left(), 0, f"allocations from {cache} that did not fail")


@contextlib.contextmanager
def failing_reply(b):
    """
    No memory for what answers a segment. Somebody looks at the segment too, or its
    own memory would serve for the answer; his copy is the allocation before.
    """
    with b.ns.capture(), failing(HEAD, after=1):
        yield


HEAD, FCLONE = "skbuff_head_cache", "skbuff_fclone_cache"


def all_gone(b):
    """Nothing is left of a bench's sockets."""
    b.set(timewait_ms=1)
    for s in KEPT:
        if s.fileno() >= 0:
            linger0(s).close()
    b.close()
    names = gauge_names(b.ns)
    wait_for(lambda: not any(b.ns.stat()[k] for k in names), 10,
             lambda: f"gauges to be zero: { {k: b.ns.stat()[k] for k in names} }")


@test("I55 FAILSLAB: no memory for an entry, a SYN-ACK, a child: the peer's next segment helps",
      needs=("failslab",))
def _(lab):
    b = Bench(lab, synq_overflow=DROP_NEW)
    b.listen()
    moved = b.moved("ListenDrops", "ReasonNoMemory", "SynqAdded", "SynqCompleted")
    flow = b.raw.flow()
    with failing("tcpx_entry"):
        flow.send("S", options=MSS)
    flow.silent("no entry")
    equal(moved(), [1, 1, 0, 0])
    with failing_reply(b):
        flow.send("S", seq=flow.iss, options=MSS)
    flow.silent("no SYN-ACK")
    equal(moved(), [1, 1, 1, 0])
    flow.send("S", seq=flow.iss, options=MSS)
    flow.expect("SA", ack=flow.snd)
    with failing("TCPX"):
        flow.send("A")
    flow.silent("no child")
    b.is_state(flow, "SYN-RECEIVED")
    equal(moved(), [1, 2, 1, 0])
    flow.send("PA", data=b"again")
    flow.expect("A", ack=flow.snd)
    equal(read(accept(b.listener), 5), b"again")
    equal(moved(), [1, 2, 1, 1])
    all_gone(b)


COOKIE, EVICT, RECYCLE, RANDOM, DROP_NEW = range(5)


def listener_refusals(b):
    """Who refused SYNs of the only listener, by netlink"""
    from test_netlink import Genl, refusals
    row, = Genl(b.ns).dump("LISTENERS")
    return refusals(row)


@test("I55 FAILSLAB: no memory for an entry: by policy a cookie, the memory of a victim, a drop",
      needs=("failslab",))
def _(lab):
    b = Bench(lab, synq_prefix=0, synack_waits_ms="20" + 15 * " 3600000")
    lst = b.listen(backlog=64)
    for _ in range(2):
        flow = b.raw.flow()
        flow.send("S", options=MSS)
        flow.expect("SA", ack=flow.snd)

    def shot(policy, times=1):
        """What a SYN without memory for its entry leads to; all others are old enough to go."""
        wait_for(lambda: all(e["stage"] for e in b.ns.halfopen()), what="the first wait to end")
        b.set(synq_overflow=policy)
        moved = b.moved("CookiesSent", "SynqAdded", "SynqEvicted", "ListenDrops",
                        "ReasonNoMemory")
        flow = b.raw.flow()
        with failing("tcpx_entry", times):
            flow.send("S", options=MSS)
        answered = bool([x for x in flow.replies() if x.flags & 2])
        return flow, answered, moved()
    flow, answered, moved = shot(COOKIE)
    equal((answered, moved), (True, [1, 0, 0, 0, 1]), "cookie")
    flow.send("A")
    equal(accept(lst).getpeername()[1], flow.sport, "who came back with the cookie")
    for policy in (EVICT, RECYCLE, RANDOM):
        _, answered, moved = shot(policy)
        equal((answered, moved), (True, [0, 1, 1, 0, 0]), f"policy {policy}")
        equal(len(b.ns.halfopen()), 2, "entries")
    equal(shot(EVICT, 2)[1:], (False, [0, 0, 1, 1, 1]), "the victim's memory went elsewhere")
    equal(shot(DROP_NEW)[1:], (False, [0, 0, 0, 1, 1]), "drop_new")
    b.set(syncookies=0)
    equal(shot(COOKIE)[1:], (False, [0, 0, 0, 1, 1]), "no cookies")
    equal(listener_refusals(b), [0, 0, 0, 4, 0], "refusals: queue, netns, prefix, nomem, accept")
    all_gone(b)


@test("I55 FAILSLAB: no memory for the child of a cookie: silence, the next ACK connects",
      needs=("failslab",))
def _(lab):
    b = Bench(lab, syncookies=2)
    lst = b.listen(backlog=1)
    moved = b.moved("CookiesOk", "PassiveOpens", "ReasonNoMemory")
    for i in range(5):              # more often than there is room in the accept queue
        flow = b.raw.flow()
        flow.send("S", options=FULL)
        flow.agree(FULL, flow.expect("SA", ack=flow.snd).o)
        with failing("TCPX"):
            flow.send("A")
        flow.silent("no child")
        equal((b.state(flow), moved()), ("CLOSED", [i, i, i + 1]), "nothing is left of it")
        flow.send("PA", data=b"again")
        flow.expect("A", ack=flow.snd)
        equal(read(accept(lst), 5), b"again")
    all_gone(b)


@test("I55 FAILSLAB: each allocation on the way of SYN, ACK and cookie fails once: no leak, the "
      "next one connects", needs=("failslab",), timeout=300)
def _(lab):
    b = Bench(lab, synq_prefix=0, challenge_ms=0)
    lst = b.listen()

    def asked():
        flow = b.raw.flow()
        flow.send("S", options=FULL)
        flow.agree(FULL, flow.expect("SA", ack=flow.snd).o)
        return flow

    def finish(flow):
        """Send text until it is acknowledged: it is there once."""
        for _ in range(4):
            flow.send("PA", seq=flow.iss + 1, data=b"text")
            if [x for x in flow.replies() if x.ack == flow.iss + 5]:
                break
        check(not [x for x in flow.got if x.flags & 4], f"a RST\n{b.raw.story(flow.ports)}")
        s = accept(lst)
        equal((s.getpeername()[1], read(s, 4), attempt(lst.accept)),
              (flow.sport, b"text", "EAGAIN"), "who connected, with what text, and who else")
        linger0(s).close()
        flow.replies()

    def each(before, shot):
        hits = misses = 0
        for space in range(0, 32768, 96):
            flow = before()
            with failures(space=space) as left:
                shot(flow)
            hits += not left()
            misses = misses + 1 if left() else 0
            flow.replies()
            if not [x for x in flow.got if x.flags & 2]:
                flow.send("S", seq=flow.iss, options=FULL)
                flow.expect("SA")
            flow.agree(FULL, [x for x in flow.got if x.flags & 2][-1].o)
            finish(flow)
            if misses == 4:
                return hits
        raise AssertionError("it never ran without a failure")

    def text(flow):
        flow.send("PA", seq=flow.iss + 1, data=b"text")
    seen = {
        "SYN": each(b.raw.flow, lambda flow: flow.send("S", options=FULL)),
        "SYN again": each(asked, lambda flow: flow.send("S", seq=flow.iss, options=FULL)),
        "ACK": each(asked, lambda flow: flow.send("A", seq=flow.iss + 1)),
        "ACK with text": each(asked, text),
    }
    b.set(syncookies=2)
    seen["cookie"] = each(b.raw.flow, lambda flow: flow.send("S", options=FULL))
    seen["ACK of a cookie"] = each(asked, text)
    print(seen)
    check(all(n for name, n in seen.items() if name not in ("cookie", "SYN again")),
          f"allocations seen: {seen}")
    stat = b.ns.stat()
    equal(stat["HalfOpen"], 0, "entries")
    check(stat["SynqCompleted"] and stat["CookiesOk"], "entries and cookies")
    all_gone(b)


@test("I55 FAILSLAB: no memory for RST, challenge and ACK: sent when asked for again, or later",
      needs=("failslab",))
def _(lab):
    b = Bench(lab, challenge_ms=0)
    b.listen()
    closed = b.raw.flow(81)
    for call in (lambda: failing_reply(b), contextlib.nullcontext):
        with call():
            closed.send("A", ack=77)
    equal([str(x)[:5] for x in closed.replies()], ["R   s"], "RSTs for two ACKs")
    half = b.reach("HALF-OPEN")[0]
    for call in (lambda: failing(HEAD), contextlib.nullcontext):
        with call():
            half.send("R", seq=half.snd + 9)
    half.expect("A", ack=half.snd)
    half.silent("one challenge of two had memory")
    flow, s = b.passive()
    for shot in (lambda: flow.send("PA", data=b"text"), lambda: flow.send("R", seq=flow.snd + 9)):
        with failing(HEAD):
            shot()
        flow.expect("A", seq=flow.rcv, ack=flow.snd)        # by the delayed ACK timer
    equal(read(s, 4), b"text")
    all_gone(b)


@test("I55 FAILSLAB: no memory to retransmit, to split, to copy text together, for a FIN: later",
      needs=("failslab",))
def _(lab):
    b = Bench(lab)
    b.listen(options=((SOL_SOCKET, socket.SO_RCVBUF, 4096),))
    moved = b.moved("FastRetrans", "RtxTimeouts")
    flow, s = b.passive()
    s.send(bytes(4 * 1460))
    for _ in range(2):                      # duplicate ACKs; the text waits unread: it is shared
        flow.send("A")
    with failing(HEAD):
        flow.send("A")
    segs = [flow.expect("A", data=bytes(1460)) for _ in range(4)]
    flow.expect("A", rtx=True, seq=segs[0].seq)
    equal(moved(), [1, 1], "the timer did it")
    flow.send("A")

    n = 0
    with failing("kmalloc-4k", 3):
        n = fill(flow, 500)
    equal(read(s, n), bytes(n), "text")

    flow, s = b.passive(src=RAW2)
    s.send(bytes(1460))
    text = flow.expect("PA")
    with failing(FCLONE):
        b.raw.icmp_error(3, 4, text.packet, 1300)
    wait_for(lambda: any(x.seq == text.seq and 0 < len(x.data) <= 1260
                         for x in (flow.replies(), flow.got)[1]), what="a smaller segment")
    flow.send("A", ack=text.end)

    flow, s = b.passive()
    with failing(FCLONE):
        s.shutdown(socket.SHUT_WR)
    flow.expect("FA")
    all_gone(b)


@test("I55 FAILSLAB: no memory for TIME-WAIT: the FIN is acknowledged, the connection forgotten",
      needs=("failslab",))
def _(lab):
    b = Bench(lab)
    moved = b.moved("TimewaitFull")
    flow, _ = b.reach("FIN-WAIT-2")
    with failing("tcpx_tw"):
        flow.send("FA")
    flow.expect("A", ack=flow.snd)
    b.is_state(flow, "CLOSED")
    equal(moved(), 1, "TimewaitFull")
    flow, _ = b.reach("TIME-WAIT")
    all_gone(b)


@contextlib.contextmanager
def quiet_console():
    """The kernel tells of each failure with a call trace; the log is read all the same."""
    with open("/proc/sys/kernel/printk", "r+", encoding="ascii") as f:
        old = f.read().split()[0]
        f.write("1")
        f.flush()
        try:
            yield
        finally:
            f.write(old)


@contextlib.contextmanager
def failures_of_ours():
    """
    Only in caches that the module's start uses and sysfs does not: when that
    fails, kmem_cache_create() loses the name of the cache (6.12), not our leak.
    """
    def mark(value):
        for path in glob.glob("/sys/kernel/slab/*/failslab"):
            if re.search(r"/(kmalloc-(cg-)?(96|\d\d\d|\dk)|RAW|sock_inode_cache|proc_dir_entry)/",
                         path):
                with contextlib.suppress(OSError), open(path, "w", encoding="ascii") as f:
                    f.write(value)
    mark("1")
    failslab("cache-filter", "Y")
    try:
        yield
    finally:
        failslab("cache-filter", "N")
        mark("0")


@test("I55 FAILSLAB: each allocation of the module's start fails once", needs=("tcpx", "ko", "failslab"),
      timeout=300)
def _(lab):
    def load(_):
        insmod()
        remove()
    remove()
    try:
        with quiet_console(), failures_of_ours():
            # what comes first is the kernel's, with warnings of its own
            with FailNth() as f:
                equal(f.run(10**6, lambda: insmod(params="protocol=0"))[0], errno.EINVAL, "insmod")
                first = 10**6 - f.left
            last = each_fails("insmod", lambda: None, load,
                              (errno.ENOMEM, errno.ENOBUFS, errno.ENFILE), first + 1000, first + 1)
    finally:
        if not lab_module.module_loaded():
            insmod()
    print(f"{first} allocations before the module's start, {last - first} in it")
    check(last > first + 5, f"{last - first} allocations")
    echo_once(lab.a)


@test("I55 FAILSLAB: each allocation of a namespace's start fails once", needs=("failslab",),
      timeout=300)
def _(lab):
    with quiet_console():
        # the errors are those of the kernel's other parts too
        print(each_fails("unshare", lambda: None, lambda _: Ns("n").close(),
                         tuple(errno.errorcode), 3000))
    ns = Ns("n")
    ns.netlink.up("lo")
    echo_once(ns)
    ns.close()
