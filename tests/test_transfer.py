# SPDX-License-Identifier: GPL-2.0
"""Data in volume: over a good path, a bad path, across wraps; captures are checked."""
import errno
import hashlib
import json
import os
import random
import select
import socket
import struct
import subprocess
import time

from lab import (B, FIN, NATIVE, PROTO, Thread, Wrong, check, equal, fails, limit, need, program,
                 same, seconds, skip, test, wait_for)

MIB = 1 << 20


def recv_exact(s, n):
    out = bytearray()
    while len(out) < n:
        part = s.recv(n - len(out))
        if not part:
            break
        out += part
    return bytes(out)


# ---- bulk both ways ----

def blocks(seed, total):
    """A stream that repeats nowhere: a random MiB and the number of the block."""
    base = random.Random(seed).randbytes(MIB - 8)
    for i in range(0, total, MIB):
        yield (struct.pack("=Q", i) + base)[:total - i]


def exchange(s, seed, total, first_to_close):
    """Send a stream and receive one: (octets, digest) of what was sent, of what came."""
    over, out = [], hashlib.sha256()

    def send():
        for b in blocks(seed, total):
            s.sendall(b)
            out.update(b)
        if not first_to_close:      # FIN only after the peer's
            wait_for(lambda: over, 3600, "the peer's end of stream")
        s.shutdown(socket.SHUT_WR)

    writer = Thread(send)
    h, n, buf = hashlib.sha256(), 0, bytearray(MIB)
    while True:
        k = s.recv_into(buf)
        if not k:
            break
        n += k
        h.update(memoryview(buf)[:k])
    over.append(True)
    writer.result(3600)
    s.close()
    return (total, out.hexdigest()), (n, h.hexdigest())


def same_streams(a, b):
    """What both ends' exchange() returned: each received what the other sent."""
    same(b[1], a[0], "stream from a to b")
    same(a[1], b[0], "stream from b to a")


def client(to, total):
    s = limit(socket.socket(socket.AF_INET, socket.SOCK_STREAM, PROTO), 120, 120)
    s.connect(to)
    return exchange(s, "from a", total, True)


def server(lst, total):
    s, _ = lst.accept()
    return exchange(limit(s, 120, 120), "from b", total, False)


def judge(*caps):
    """Every segment of these captures, by tests/prog/segcheck."""
    for cap in caps:
        cap.stop()
        equal(cap.drops, 0, f"packets that the capture at {cap.ns.name} lost")
    p = subprocess.run([program("segcheck"), str(PROTO), *(c.path for c in caps)],
                       stdout=subprocess.PIPE, text=True, check=False)
    print(p.stdout)
    if p.returncode:
        raise Wrong(p.stdout)


def transfer(lab, total=64 * MIB, snaplen=120, timeout=900):
    """Both ways over one connection; a closes first."""
    # a repeated last ACK makes the closed peer send a RST, which would end TIME-WAIT
    lab.a.sysctl("rfc1337", 1)
    caps = [ns.capture(bulk=True, snaplen=snaplen) for ns in (lab.a, lab.b)]
    lst = lab.b.listen(10000)
    limit(lst, 120, 120)
    start = time.monotonic()
    one = lab.b.spawn(server, lst, total)
    two = lab.a.spawn(client, (B, 10000), total)
    got_a, got_b = two.result(timeout), one.result(timeout)
    took = time.monotonic() - start
    print(f"{2 * total / took / 1e6:.1f} MB/s, {took:.1f} s")
    same_streams(got_a, got_b)
    # R21: TIME-WAIT where the first FIN came from, and only there
    lab.a.wait_state("TIME-WAIT", rport=10000, timeout=30)
    wait_for(lambda: [c.state for c in lab.b.conns(lport=10000)] == ["LISTEN"], 30,
             lambda: f"b to have only its listener: {lab.b.conns()}")
    judge(*caps)


def total_of(lab, *names):
    """Sums of counters of both ends"""
    return [sum(ns.stat()[name] for ns in (lab.a, lab.b)) for name in names]


def impaired(lab, *how):
    """The path did what netem was told; without that a transfer proves nothing."""
    if "loss" in how:
        lost = [json.loads(lab.r.run(["tc", "-s", "-j", "qdisc", "show", "dev", dev]).stdout)
                for dev in ("ra", "rb")]
        check(sum(q["drops"] for qs in lost for q in qs) > 0, f"nothing was lost: {lost}")
    if NATIVE:
        return
    again, ooo, came, sent, bad = total_of(lab, "RetransSegs", "OooQueued", "InSegs", "OutSegs",
                                           "ReasonBadChecksum")
    check("loss" not in how or again, "nothing was sent again")
    check("reorder" not in how or ooo, "nothing came out of order")
    check("duplicate" not in how or came > sent, f"{sent} segments sent, {came} came")
    check("corrupt" not in how or bad > 10, f"only {bad} wrong checksums were noticed")


@test("R10 R31 64 MiB both ways over plain veth", needs="cc", timeout=900)
def _(lab):
    if need("kmemleak"):
        skip("a debug kernel is too slow for this much")
    transfer(lab)


@test("R10 R31 64 MiB both ways over a good path", needs=("cc", "bridge"), timeout=900,
      lab={"middle": True})
def _(lab):
    transfer(lab)


@test("R10 R31 64 MiB both ways under 2 % loss", needs=("cc", "netem", "bridge"), timeout=900,
      lab={"middle": True})
def _(lab):
    lab.netem("loss 2%")
    transfer(lab)
    impaired(lab, "loss")


@test("R10 R31 64 MiB both ways under reordering", needs=("cc", "netem", "bridge"), timeout=900,
      lab={"middle": True})
def _(lab):
    lab.netem("delay 500us reorder 80% 50%")
    transfer(lab)
    impaired(lab, "reorder")


@test("R10 R31 64 MiB both ways under duplication", needs=("cc", "netem", "bridge"), timeout=900,
      lab={"middle": True})
def _(lab):
    lab.netem("duplicate 10%")
    transfer(lab)
    impaired(lab, "duplicate")


@test("R10 R31 64 MiB both ways under corruption", needs=("cc", "netem", "bridge"), timeout=900,
      lab={"middle": True})
def _(lab):
    lab.netem("corrupt 1%")
    transfer(lab)
    impaired(lab, "corrupt")


@test("R10 R31 P1-9 all of it at once, every octet compared", needs=("cc", "netem", "bridge"),
      timeout=900, lab={"middle": True})
def _(lab):
    lab.netem("delay 1ms 300us loss 1% duplicate 2% corrupt 1% reorder 10%")
    transfer(lab, 4 * MIB, snaplen=2000)
    impaired(lab, "loss", "reorder", "corrupt")     # loss hides what duplicates would show


@test("R10 P1-6 a receiver that reads slowly: the window closes again and again", needs="cc",
      timeout=300)
def _(lab):
    cap = lab.a.capture(bulk=True, snaplen=120)
    lst = lab.b.socket()
    lst.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)
    lst.bind((B, 10000))
    lst.listen()
    c = lab.a.connect(lst)
    s = limit(lst.accept()[0])
    data = os.urandom(600000)
    t = Thread(lambda: (c.sendall(data), c.close()))
    got = bytearray()
    rnd = random.Random(1)
    while True:
        part = s.recv(rnd.choice((1, 100, 5000, 30000)))
        if not part:
            break
        got += part
        time.sleep(0.001)
    t.result()
    check(bytes(got) == data, "data differ")
    s.close()
    judge(cap)


@test("R10 P1-5 buffers of the smallest size, both ways", needs="cc", timeout=300)
def _(lab):
    cap = lab.a.capture(bulk=True, snaplen=120)
    lst = lab.b.socket()
    c = limit(lab.a.socket())
    for s in (lst, c):
        for name in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            s.setsockopt(socket.SOL_SOCKET, name, 1)
    lst.bind((B, 10000))
    lst.listen()
    c.connect((B, 10000))
    s = limit(lst.accept()[0])
    data = os.urandom(30000)
    threads = [Thread(x.sendall, data) for x in (c, s)]
    for x in (c, s):
        check(recv_exact(x, len(data)) == data, "data differ")
    for t in threads:
        t.result(60)
    c.close()
    equal(s.recv(1), b"", "end of stream")
    s.close()
    judge(cap)


@test("R10 writes and reads of random size, with MSG_PEEK, MSG_WAITALL, MSG_MORE, OOB", needs="cc",
      timeout=300)
def _(lab):
    cap = lab.a.capture(bulk=True, snaplen=2000)
    c, s, _ = lab.pair(10000)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    rnd = random.Random(2)
    data = rnd.randbytes(2 * MIB)

    def write():
        at = 0
        while at < len(data):
            n = rnd.choice((1, 2, 536, 1447, 1448, 1449, 4000, 70000))
            flags = rnd.choice((0, 0, 0, socket.MSG_MORE, socket.MSG_OOB))
            at += c.send(data[at:at + n], flags)
        c.shutdown(socket.SHUT_WR)
    t = Thread(write)
    got, r = bytearray(), random.Random(3)
    while True:
        flags = r.choice((0, socket.MSG_PEEK, socket.MSG_WAITALL))
        part = s.recv(r.choice((1, 700, 3000, 100000)), flags)
        if not part and not flags:
            break
        if flags == socket.MSG_PEEK:
            check(bytes(data[len(got):len(got) + len(part)]) == part, "peeked data differ")
        else:
            got += part
            if not part:
                break
    t.result()
    check(bytes(got) == data, "data differ")
    s.close()
    lab.a.wait_state("TIME-WAIT")
    judge(cap)


for size in (576, 1400, 9000):
    @test(f"P1-10 8 MiB both ways with an MTU of {size}", needs="cc", timeout=300,
          lab={"mtu": size})
    def _(lab):
        transfer(lab, 8 * MIB)


@test("R10 8 MiB over veth with its offloads on", timeout=300, lab={"offload": True})
def _(lab):
    lst = lab.b.listen(10000)
    one = lab.b.spawn(server, lst, 8 * MIB)
    two = lab.a.spawn(client, (B, 10000), 8 * MIB)
    got_a, got_b = two.result(240), one.result(240)
    same_streams(got_a, got_b)


@test("R10 R31 8 MiB both ways over loopback", needs="cc", timeout=300)
def _(lab):
    cap = lab.a.capture(dev="lo", bulk=True, snaplen=120)
    lst = lab.a.listen(10000, addr="127.0.0.1")
    one = lab.a.spawn(server, lst, 8 * MIB)
    two = lab.a.spawn(client, ("127.0.0.1", 10000), 8 * MIB)
    got_a, got_b = two.result(240), one.result(240)
    same_streams(got_a, got_b)
    if not NATIVE:      # whose loopback packets carry no checksum
        judge(cap)


# ---- sequence numbers ----

def signed(n):
    n &= 0xffffffff
    return n - (1 << 32) if n >> 31 else n


@test("R08 net.tcpx.lab_isn: the seed's handshake, 1234567 and 7654321", needs="tcpx")
def _(lab):
    lab.a.sysctl("lab_isn", 1234567)
    lab.b.sysctl("lab_isn", 7654321)
    cap = lab.a.capture()
    lab.pair(10000)
    syn, synack, ack = cap.wait(count=3)[:3]
    check(syn.has("S") and (syn.seq, syn.ack, syn.len) == (1234567, 0, 0), f"first: {syn}")
    check(synack.has("SA") and (synack.seq, synack.ack) == (7654321, 1234568), f"second: {synack}")
    check(ack.has("A") and (ack.seq, ack.ack, ack.len) == (1234568, 7654322, 0), f"third: {ack}")


WRAPS = ((0xffffffff, 0xffffffff), (0xfffffffe, 0x7fffffff), (0x7fffffff, 0x7ffffffe),
         (-MIB, -2 * MIB), (0x7fffffff - MIB, -1000), (-100000, 0x80000000 - 3 * MIB))

for isn_a, isn_b in WRAPS:
    @test(f"I39 R40 4 MiB both ways from ISN {isn_a & 0xffffffff:#x} and {isn_b & 0xffffffff:#x}",
          needs=("tcpx", "cc", "netem", "bridge"), timeout=300, lab={"middle": True})
    def _(lab, isn_a=isn_a, isn_b=isn_b):
        lab.a.sysctl("lab_isn", signed(isn_a))
        lab.b.sysctl("lab_isn", signed(isn_b))
        lab.netem("loss 1% reorder 5% delay 200us")
        transfer(lab, 4 * MIB)
        impaired(lab, "loss", "reorder")


@test("I39 R40 urgent data and half-close across the wrap", needs="tcpx")
def _(lab):
    for isn in (-2, -3, -4, -5, 0x7ffffffe):
        lab.a.sysctl("lab_isn", signed(isn))
        lab.b.sysctl("lab_isn", signed(isn + 1))
        c, s, lst = lab.pair()
        for x, y in ((c, s), (s, c)):
            x.sendall(b"ab")
            x.send(b"U", socket.MSG_OOB)
            x.sendall(b"cd")
            wait_for(lambda y=y: select.select([], [], [y], 0)[2], what="urgent data")
            equal(y.recv(1, socket.MSG_OOB), b"U", "urgent octet")
            x.shutdown(socket.SHUT_WR)
            equal(recv_exact(y, 9), b"abcd", "data")
        lst.close()


# ---- many small things ----

@test("R30 ping-pong: 3 000 requests and answers", timeout=120)
def _(lab):
    c, s, _ = lab.pair(10000)
    for x in (c, s):
        x.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)

    def echo():
        while True:
            part = s.recv(100)
            if not part:
                return
            s.sendall(part)
    t = Thread(echo)
    start = time.monotonic()
    for i in range(3000):
        msg = b"%d" % i
        c.sendall(msg)
        equal(recv_exact(c, len(msg)), msg, "answer")
    took = time.monotonic() - start
    c.shutdown(socket.SHUT_WR)
    t.result()
    # an ACK that waits for 40 ms in each of them would make 120 s
    check(took < seconds(40), f"took {took:.1f} s: something waits for a timer")


@test("R30 request and answer in two writes each: no 40 ms per request with TCP_NODELAY",
      timeout=120)
def _(lab):
    c, s, _ = lab.pair(10000)
    for x in (c, s):
        x.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)

    def serve():
        while len(recv_exact(s, 20)) == 20:
            s.sendall(b"head")
            s.sendall(b"body")
    t = Thread(serve)
    start = time.monotonic()
    for _ in range(500):
        c.sendall(b"0123456789")
        c.sendall(b"0123456789")
        equal(recv_exact(c, 8), b"headbody", "answer")
    took = time.monotonic() - start
    c.shutdown(socket.SHUT_WR)
    t.result()
    check(took < seconds(10), f"took {took:.1f} s")


@test("R31 R45 forty connections at once, 256 KiB each, one thread and epoll", needs="cc",
      timeout=300)
def _(lab):
    cap = lab.a.capture(bulk=True, snaplen=120)
    lst = lab.b.listen(10000, backlog=64)
    lst.setblocking(False)
    size, n = 256 << 10, 40
    data = os.urandom(size + 64)
    todo, got = {}, {}
    ep = select.epoll()
    byfd = {lst.fileno(): lst}
    ep.register(lst, select.EPOLLIN)
    for i in range(n):
        c = lab.a.socket()
        c.setblocking(False)
        c.connect_ex((B, 10000))
        todo[c.fileno()] = memoryview(bytes([i]) + data[i:i + size - 1])
        byfd[c.fileno()] = c
        ep.register(c, select.EPOLLOUT)
    done = 0
    while done < n:
        events = ep.poll(seconds(15))
        check(events, f"nothing happens; {done} of {n} done")
        for fd, ev in events:
            s = byfd[fd]
            if s is lst:
                while True:
                    try:
                        x, _ = lst.accept()
                    except BlockingIOError:
                        break
                    x.setblocking(False)
                    byfd[x.fileno()] = x
                    got[x.fileno()] = bytearray()
                    ep.register(x, select.EPOLLIN)
            elif fd in todo:
                try:
                    todo[fd] = todo[fd][s.send(todo[fd]):]
                except BlockingIOError:
                    continue
                if not todo[fd]:
                    ep.unregister(fd)
                    s.shutdown(socket.SHUT_WR)
            else:
                part = s.recv(1 << 16)
                got[fd] += part
                if not part:
                    i = got[fd][0]
                    check(bytes(got[fd][1:]) == data[i:i + size - 1], f"connection {i} differs")
                    ep.unregister(fd)
                    s.close()
                    done += 1
    for s in byfd.values():
        s.close()
    lab.a.wait_state("TIME-WAIT", rport=10000, count=n, timeout=20)
    judge(cap)


@test("R13 R14 R31 300 short connections, closed by turns, under loss", timeout=300,
      needs=("cc", "netem", "bridge"), lab={"middle": True})
def _(lab):
    lab.netem("loss 3%")
    caps = [ns.capture(bulk=True, snaplen=120) for ns in (lab.a, lab.b)]
    lst = lab.b.listen(10000, backlog=64)

    def one(i):
        c = limit(lab.a.socket(), 60, 60)
        c.connect((B, 10000))
        c.sendall(b"%d\n" % i)
        if i % 3 == 0:
            c.shutdown(socket.SHUT_WR)
        got = c.recv(99)
        c.close()
        return got

    def serve():
        s = limit(lst.accept()[0], 60, 60)
        line = s.recv(99)
        s.sendall(line)
        if int(line) % 3 == 1:
            s.shutdown(socket.SHUT_WR)
            s.recv(1)
        s.close()

    def run(fn, numbers):
        return [fn(i) for i in numbers]
    servers = [Thread(run, lambda _: serve(), range(30)) for _ in range(10)]
    clients = [Thread(run, one, range(k, 300, 10)) for k in range(10)]
    for k, t in enumerate(clients):
        equal(t.result(250), [b"%d\n" % i for i in range(k, 300, 10)], "answers")
    for t in servers:
        t.result(250)
    lst.close()
    wait_for(lambda: all(c.state == "TIME-WAIT" for ns in (lab.a, lab.b) for c in ns.conns()),
             60, "all connections to end in TIME-WAIT or nowhere")
    impaired(lab, "loss")
    judge(*caps)


# ---- loss that hits one particular segment ----

@test("P1-2 fast retransmit: one segment of a window lost is sent again without a timeout",
      needs=("netem", "bridge"), lab={"middle": True})
def _(lab):
    lab.netem("delay 20ms", "a")
    c, s, _ = lab.pair(10000)
    for _ in range(4):      # cwnd and RTT estimate
        t = Thread(c.sendall, bytes(60000))
        recv_exact(s, 60000)
        t.result()
    cap = lab.a.capture()
    lab.netem("loss 1%", "b")
    data = os.urandom(2 * MIB)
    t = Thread(c.sendall, data)
    check(recv_exact(s, len(data)) == data, "data differ")
    t.result(60)
    if not NATIVE:
        st = lab.a.stat()
        check(st["FastRetrans"] > 0 and st["RetransSegs"] > 0, f"no fast retransmit: {st}")
    seen, again = set(), 0
    for x in cap.segs(lambda x: x.out and x.len):
        again += x.seq in seen
        seen.add(x.seq)
    check(again, "nothing was sent again")
    check(again < len(seen) // 4, f"{again} of {len(seen)} segments were sent again at 1 % loss")


@test("R29 P1-1 tail loss: the last segment comes again by timeout, doubled each time")
def _(lab):
    c, s, _ = lab.pair(10000)
    c.sendall(b"warm up")
    s.recv(99)
    s.sendall(b"and back")
    c.recv(99)
    cap = lab.a.capture()
    lab.cut("b")
    c.sendall(b"lost")
    sent = cap.wait(lambda x: x.out and x.len, count=5, timeout=10)
    equal(len({(x.seq, x.len) for x in sent}), 1, "different segments")
    gaps = [b.ts - a.ts for a, b in zip(sent, sent[1:])]
    # native TCP begins with a tail loss probe (RFC 8985 7)
    if NATIVE:
        gaps = gaps[1:]
    # RFC 6298 5.5; the exact times are those of test_long
    check(all(gap >= 0.19 * 2 ** nr for nr, gap in enumerate(gaps)), f"gaps {gaps} do not double")
    lab.heal("b")
    equal(s.recv(9), b"lost", "data")


@test("P1-4 RFC 6928 initial window: ten segments, then one window per round trip")
def _(lab):
    c, s, _ = lab.pair(10000)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    cap = lab.a.capture()
    lab.cut("b")
    c.setblocking(False)
    c.send(bytes(200000))
    first = {x.seq for x in cap.segs(lambda x: x.out and x.len)}
    equal(len(first), 10, "segments before any ACK")
    lab.heal("b")
    equal(len(recv_exact(s, 100000)), 100000, "octets")


@test("R19 P1-6 FIN behind data in a closed window arrives in the end")
def _(lab):
    lst = lab.b.socket()
    lst.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lst.bind((B, 10000))
    lst.listen()
    c = lab.a.connect(lst)
    s = limit(lst.accept()[0])
    c.setblocking(False)
    total = 0
    while True:
        try:
            total += c.send(bytes(8192))
        except BlockingIOError:
            break
    c.close()
    lab.a.wait_state("FIN-WAIT-1", rport=10000)
    got = 0
    while True:
        part = s.recv(4096)
        if not part:
            break
        got += len(part)
    equal(got, total, "octets")
    s.close()
    lab.a.wait_state("TIME-WAIT", rport=10000, timeout=20)


@test("A7 R42 a reset in the middle of a transfer reaches both directions")
def _(lab):
    c, s, _ = lab.pair(10000)

    def pump(x):
        while True:
            x.send(bytes(65536), socket.MSG_NOSIGNAL)
    t = Thread(pump, c)
    recv_exact(s, 500000)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    with fails(errno.ECONNRESET, errno.EPIPE):
        t.result()
    lab.a.wait_gone(rport=10000)


@test("R11 4 MiB behind the peer's FIN, and nothing of it is lost", needs="cc")
def _(lab):
    cap = lab.b.capture(bulk=True, snaplen=120)
    c, s, _ = lab.pair(10000)
    s.shutdown(socket.SHUT_WR)
    equal(c.recv(1), b"", "end of stream")
    data = os.urandom(4 * MIB)
    t = Thread(lambda: (c.sendall(data), c.close()))
    check(recv_exact(s, len(data) + 1) == data, "data differ")
    t.result()
    lab.b.wait_state("TIME-WAIT", 10000)
    judge(cap)


@test("the checker finds what it should", needs="cc")
def _(lab):
    cap = lab.a.capture()
    c, s, _ = lab.pair(10000)
    c.sendall(b"first")
    equal(s.recv(9), b"first", "data")
    s.sendall(b"second")
    equal(c.recv(9), b"second", "data")
    c.sendall(b"third")
    equal(s.recv(9), b"third", "data")
    c.close()
    cap.wait(lambda x: x.out and x.flags & FIN)
    judge(cap)
    with open(cap.path, "rb") as f:
        good = f.read()
    head = good.index(b"third") - 32        # 20 octets and 12 of timestamps
    for at, octets, what in (
            (4, b"\xff\xff\xff\xff", "sequence number"), (8, b"\0\0\0\0", "acknowledgement"),
            (12, b"\x88", "reserved bit"), (13, b"\x00", "flags: no ACK"),
            (13, b"\x12", "flags: SYN"), (14, b"\0\0", "window"), (18, b"\0\1", "urgent pointer"),
            (20, b"\2\4\5\xb4", "option"), (21, b"\2\x09", "length of an option"),
            (24, b"\0\0\0\0", "TSval"), (28, b"\xff\xff\xff\xff", "TSecr")):
        bad = bytearray(good)
        old = bytes(bad[head + at:head + at + len(octets)])
        bad[head + at:head + at + len(octets)] = octets
        if what in ("TSval", "TSecr"):      # half the circle away, whatever it was
            n = int.from_bytes(old, "big") + (-1000000 if what == "TSval" else 1000000)
            bad[head + at:head + at + 4] = (n & 0xffffffff).to_bytes(4, "big")
        with open(cap.path, "wb") as f:
            f.write(bad)
        p = subprocess.run([program("segcheck"), str(PROTO), cap.path], capture_output=True,
                           text=True, check=False)
        check(p.returncode == 1, f"a wrong {what} is not noticed: {p.stdout}")
