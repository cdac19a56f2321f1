# SPDX-License-Identifier: GPL-2.0
"""Text on the wire: retransmission, windows, ACKs, urgent data, timestamps, blind attacks."""
import fcntl
import itertools
import os
import select
import signal
import socket
import struct
import time

from lab import NATIVE, check, equal, seconds, test, wait_for
from wire import (FULL, MSS, TICK, Bench, accept, attempt, echoing, fill, opts, read, seq32,
                  sock_error, sock_state, unsent)

NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
SMALL = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)


def info(s, offset, form="B"):
    """A field of struct tcp_info"""
    raw = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from(form, raw, offset)[0]


# ---- retransmission ----

@test("P1-1 R29 retransmission: the same octets again, each wait twice the one before")
def retransmission(lab):
    b = Bench(lab, rto_min_ms=80, rto_init_ms=80)
    for flow, s in (b.passive(), b.active()):
        rto = info(s, 8, "I") / 1e6
        check(rto >= (0.2 if NATIVE else 0.08), f"tcpi_rto {rto} s")
        s.send(b"to be lost")
        last = first = flow.expect("PA", data=b"to be lost")
        for nr in range(3):
            seg = flow.expect("A", rtx=True, seq=first.seq, data=first.data, ack=first.ack)
            gap, want = seg.time - last.time, rto * 2 ** nr
            check(want - TICK <= gap < want + seconds(2),
                  f"wait {nr} is {gap:.3f} s, not {want:.3f} s")
            last = seg
        check(info(s, 4) >= 3, "tcpi_backoff")
        flow.send("A")
        flow.replies()
        equal(unsent(s), 0)
        s.send(b"more")                                     # a new sample ends the back-off
        flow.expect("PA", data=b"more")
        flow.send("A")
        flow.replies()
        equal((unsent(s), info(s, 4)), (0, 0), "octets in flight, tcpi_backoff")


@test("R36 A2 a SYN is repeated with back-off, then connect() fails with ETIMEDOUT")
def syn_gives_up(lab):
    b = Bench(lab, rto_init_ms=60)
    count = 1 if NATIVE else 3
    flow, s = b.connect(options=((socket.IPPROTO_TCP, socket.TCP_SYNCNT, count),))
    last = first = flow.expect("S")
    for nr in range(count):
        seg = flow.expect("S", rtx=True, seq=first.seq)
        gap, want = seg.time - last.time, (1 if NATIVE else 0.06) * 2 ** nr
        check(want - TICK <= gap < want + seconds(2), f"wait {nr} is {gap:.3f} s, not {want:.3f} s")
        last = seg
    if not NATIVE:                                      # there it takes 2 s more
        wait_for(lambda: sock_state(s) == "CLOSED", what="connect() to fail")
        equal(sock_error(s), "ETIMEDOUT")
        equal(flow.get(0, rtx=True), None, "no more SYN")


@test("P1-1 a repeated SYN leaves an RTO of 3 s and a window of one segment (RFC 6298, 5681)")
def rto_after_syn_rtx(lab):
    b = Bench(lab, rto_init_ms=50)
    flow, s = b.connect()
    flow.expect("S")
    for _ in range(1 if NATIVE else 2):
        flow.expect("S", rtx=True)
    flow.send("SA", options=MSS)
    flow.expect("A")
    check(info(s, 8, "I") >= 3000000, f"tcpi_rto {info(s, 8, 'I')} us")
    if not NATIVE:
        s.send(bytes(5 * 1460))
        equal(len(flow.replies()), 1, "segments in the first flight")


@test("P1-1 Karn: an ACK of a repeated segment gives no sample, whatever else it acknowledges")
def karn(lab):
    b = Bench(lab, rto_min_ms=300)
    for flow, s in (b.passive(), b.active()):
        before = info(s, 68, "I")
        s.send(bytes(2 * 1460))
        for _ in range(2):
            flow.expect("A", data=bytes(1460))
        flow.expect("A", rtx=True, data=bytes(1460))
        flow.send("A")
        flow.replies()
        equal((unsent(s), info(s, 68, "I")), (0, before), "octets in flight, tcpi_rtt")


@test("P1-13 R2: retries2 retransmissions unanswered end the connection with ETIMEDOUT",
      needs="tcpx")
def gives_up(lab):
    b = Bench(lab, rto_min_ms=30, rto_init_ms=30, retries2=3)
    flow, s = b.passive()
    s.send(b"x")
    wait_for(lambda: sock_state(s) == "CLOSED", what="the end")
    equal(sock_error(s), "ETIMEDOUT")
    count = len(flow.replies())
    check(3 <= count - 1 <= 4, f"{count - 1} retransmissions")


@test("P1-2 fast retransmit at the third duplicate ACK, partial ACKs repair further holes")
def fast_retransmit(lab):
    b = Bench(lab, rto_min_ms=5000)
    for flow, s in (b.passive(), b.active()):
        s.send(bytes(8 * 1460))
        segs = [flow.expect("A", data=bytes(1460)) for _ in range(8)]
        flow.send("A", ack=segs[1].seq)                 # segments 1 and 4 are lost
        for _ in range(2):
            flow.send("A", ack=segs[1].seq)
        equal(flow.replies(), [], "after two duplicate ACKs")
        moved = b.moved("FastRetrans", "PartialAcks", "RtxTimeouts")
        flow.send("A", ack=segs[1].seq)
        equal([seg.seq for seg in flow.replies()], [segs[1].seq], "sent again")
        for _ in range(2):
            flow.send("A", ack=segs[1].seq)
        flow.replies()
        flow.send("A", ack=segs[4].seq)
        check(segs[4].seq in [seg.seq for seg in flow.replies()], "the second hole is repaired")
        flow.send("A")
        flow.replies()
        equal(unsent(s), 0)
        if not NATIVE:
            equal(moved(), [1, 1, 0])


@test("P1-2 duplicate ACKs that bring text or another window are none")
def no_dupack(lab):
    b = Bench(lab, rto_min_ms=5000)
    flow, s = b.passive()
    s.send(bytes(4 * 1460))
    segs = [flow.expect("A") for _ in range(4)]
    start = flow.snd
    for i in range(3):
        flow.send("PA", ack=segs[1].seq, data=b"x")
    for i in range(3):
        flow.send("A", ack=segs[1].seq, window=60000 - i)
    seqs = [seg.seq for seg in flow.replies() if seg.data]
    equal(seqs, [], "sent again")
    equal(len(read(s, 3)), seq32(flow.snd - start))


@test("P1-10 MUST-16 options of IP take their room from the text")
def ip_options(lab):
    b = Bench(lab)
    nops = (socket.IPPROTO_IP, socket.IP_OPTIONS, b"\1" * 8)
    before, after = b.active(options=MSS, port=81), b.passive()
    flow, s = b.connect(port=82, options=(nops,))
    flow.answer()
    if not NATIVE:
        equal(info(s, 16, "I"), 1452, "tcpi_snd_mss")
    before[1].setsockopt(*nops)
    after[1].setsockopt(*nops)
    for flow, s in (before, after, (flow, s)):
        s.send(bytes(4000))
        seg = flow.expect("A")
        equal((len(seg.data), len(seg.packet)), (1452, 1500), "octets of text, of the packet")
        equal(seg.packet[20:28], b"\1" * 8)
        flow.expect("A", data=bytes(1452))
        flow.send("A")
        flow.replies()


# ---- the receive side ----

@test("P1-7 delayed ACK: at most 200 ms, at once for every second full segment")
def delayed_ack(lab):
    b = Bench(lab, delack_min_ms=300, delack_max_ms=400)
    for flow, s in (b.passive(), b.active()):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        sent = time.time()
        flow.send("PA", data=b"x")
        flow.silent("the ACK is delayed")
        gap = flow.expect("A", ack=flow.snd).time - sent
        check((0.04 if NATIVE else 0.3) - TICK <= gap < 0.4 + seconds(1),
              f"the ACK came after {gap:.3f} s")
        for _ in range(3):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            flow.send("A", data=bytes(1460))
            flow.send("A", data=bytes(1460))
            got = flow.replies()
            check(got and got[-1].ack == flow.snd, f"two full segments, answered by {got}")
            read(s, 2920)
            flow.replies()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        flow.send("PA", data=b"question")
        s.send(b"answer")
        flow.expect("PA", data=b"answer", ack=flow.snd)     # it carries the ACK
        flow.send("A")
        flow.silent()


@test("P1-9 overlaps and holes: every octet once, each out-of-order segment acknowledged at once")
def reassembly(lab):
    b = Bench(lab)
    text = bytes(range(200)) * 5
    for flow, s in (b.passive(options=FULL), b.active(options=MSS)):
        start = flow.snd
        for first, last in ((600, 800), (200, 400), (700, 1000), (100, 300), (500, 650)):
            flow.send("A", seq=start + first, data=text[first:last])
            flow.expect("A", ack=start)
        flow.send("A", seq=start, data=text[:150])
        flow.expect("A", ack=start + 400)
        flow.send("A", seq=start + 350, data=text[350:550])
        flow.expect("A", ack=start + 1000)
        flow.send("A", seq=start + 10, data=text[10:20])    # old: acknowledged again
        flow.expect("A", ack=start + 1000)
        equal(read(s, 1000), text)


def crowd(b, flow):
    """Fill the receive buffer with single octets, every second one; where the last is."""
    full = b.moved("ReasonReceiveBuffer")
    at = flow.snd
    while not full():
        at += 2
        flow.check(seq32(flow.edge - at) < 1 << 31, "the buffer is never full")
        flow.send("A", seq=at, data=b"o")
        flow.replies()
    return at - 2


@test("P1-9 a full buffer: what waits is not given up for text farther away, but for nearer",
      needs="tcpx")
def reassembly_full(lab):
    b = Bench(lab)
    b.listen(options=SMALL)
    flow, s = b.passive()
    start = flow.snd
    last = crowd(b, flow)
    pruned = b.moved("OooPruned")
    flow.send("A", seq=last + 10, data=b"far")
    equal(flow.expect("A").ack, start)
    equal(pruned(), 0, "OooPruned")
    flow.send("A", seq=start + 1, data=b"n")
    flow.replies()
    check(pruned() > 0, "OooPruned")
    flow.send("A", seq=start, data=b"i")                    # in order, with all that is near
    equal(read(s, 3), b"ino")


@test("P1-9 SEC-17 a full buffer: blind text before the window throws nothing out", needs="tcpx")
def reassembly_blind(lab):
    b = Bench(lab)
    flow, s = b.passive()
    start = flow.snd
    for at in range(2000, 62000, 1000):
        flow.send("A", seq=start + at, data=bytes(1000))
        flow.replies()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    pruned = b.moved("OooPruned")
    for offset in (1, 1000, 1 << 20, 1 << 30):
        flow.send("A", seq=start - offset - 4, data=b"evil")
    flow.replies()
    equal(pruned(), 0, "OooPruned")


@test("R44 PSH ends every write, and text without PSH is delivered too")
def push(lab):
    b = Bench(lab)
    for flow, s in (b.passive(), b.active()):
        s.setsockopt(*NODELAY)
        for size in (1, 100, 1460, 4000):
            s.send(bytes(size))
            got = 0
            while got < size:
                seg = flow.expect("A")
                got += len(seg.data)
            check(seg.flags & 8, f"PSH on the last segment of {size} octets: {seg}")
            flow.send("A")
        flow.send("A", data=b"no push")
        equal(read(s, 7), b"no push")


@test("R30 requests and responses, octet by octet acknowledged")
def ping_pong(lab):
    b = Bench(lab)
    flow, s = b.passive()
    for i in range(50):
        flow.send("PA", data=b"?%03d" % i)
        equal(read(s, 4), b"?%03d" % i)
        s.send(b"!%03d" % i)
        seg = flow.expect("A")
        if not seg.data:
            seg = flow.expect("A")
        equal((seg.data, seg.ack), (b"!%03d" % i, flow.snd))


# ---- windows ----

@test("P1-6 I43 a closed window is probed with back-off, a probe finds the opened one")
def zero_window_probe(lab):
    b = Bench(lab, rto_min_ms=60, rto_init_ms=60)
    for way in ("update", "probe"):
        flow, s = b.passive()
        s.send(b"a")
        flow.expect("PA", data=b"a")
        flow.window = 0
        flow.send("A")
        s.send(b"b")
        probes = []
        for _ in range(3):
            probe = flow.get(rtx=True)
            check(probe and (probe.seq == seq32(flow.rcv - 1) and not probe.data or
                             probe.data == b"b" and probe.seq == flow.irs + 2),
                  f"a probe of 0 octets at SND.UNA-1 or 1 at SND.NXT, got {probe}")
            flow.rcv = flow.irs + 2                         # we did not take the octet
            probes.append(probe.time)
            if way == "update":
                flow.send("A")
        gaps = [y - x for x, y in zip(probes, probes[1:])]
        check(all(gap >= (0.2 if NATIVE else 0.06) * 2 ** (nr + 1) - TICK
                  for nr, gap in enumerate(gaps)), f"back-off: {gaps}")
        flow.window = 1000
        if way == "probe":                                  # the update itself was lost
            flow.get(rtx=True)
            flow.rcv = flow.irs + 2
        flow.send("A")
        flow.expect("PA", rtx=True, data=b"b", seq=flow.irs + 2)
        flow.send("A", ack=flow.irs + 3)
        equal((sock_state(s), sock_error(s)), ("ESTABLISHED", ""))


@test("I44 an old ACK does not open the window")
def stale_window(lab):
    b = Bench(lab)
    flow, s = b.passive()
    flow.send("PA", data=b"x")
    flow.replies()
    s.send(b"a")
    flow.expect("PA")
    flow.send("A", window=0)
    flow.send("A", seq=flow.snd - 1, ack=flow.rcv - 1, window=65535)    # SND.WL1, SND.WL2
    s.send(b"b")
    check(all(seg.data == b"" for seg in flow.replies()), "nothing may be sent")


@test("I42 the peer takes back window below what is in flight: no abort, nothing beyond it")
def window_shrinks(lab):
    b = Bench(lab, rto_min_ms=60)
    flow, s = b.passive()
    s.setsockopt(*NODELAY)
    s.send(bytes(4000))
    segs = [flow.expect("A") for _ in range(3)]
    flow.send("A", ack=segs[0].end, window=100)
    s.send(b"new")
    for _ in range(3):
        seg = flow.get(rtx=True)
        check(seg and seq32(seg.seq - segs[0].end) <= 1460, f"within the window or a probe: {seg}")
    equal(sock_state(s), "ESTABLISHED")
    flow.send("A", ack=segs[2].end)
    flow.rcv = segs[2].end
    flow.expect("PA", data=b"new", rtx=False)


@test("P1-5 a closed window opens again by at least a segment or half the buffer")
def window_update(lab):
    b = Bench(lab)
    b.listen(options=SMALL)
    flow, s = b.passive()
    n = fill(flow)
    s.recv(1)
    flow.silent("no silly window")
    read(s, n - 1)
    b.raw.fence()
    update = flow.get()
    check(update and update.window >= min(1460, n // 2), f"window update: {update}")


@test("P1-5 SHLD-14 text within the advertised window is not refused, however it is cut")
def window_is_a_promise(lab):
    b = Bench(lab)
    b.listen(options=SMALL)
    for size in (1000, 500, 250):
        flow, s = b.passive()
        n = fill(flow, size)
        equal(read(s, n), bytes(n))


@test("P1-5 an ACK that was overtaken brings no window, however new its sequence number is")
def overtaken_window(lab):
    b = Bench(lab)
    flow, s = b.passive()
    s.send(bytes(2000))
    while flow.rcv != seq32(flow.irs + 2001):
        flow.get()
    flow.send("A", window=1000)
    flow.send("A", seq=flow.snd + 1, ack=flow.rcv - 1500, window=40000, data=b"y")
    flow.send("A", data=b"x", window=1000)
    equal(read(s, 2), b"xy")
    flow.snd += 1
    flow.replies()
    edge = flow.rcv + 1000
    s.send(bytes(5000))
    for seg in flow.replies():
        flow.insist(seq32(edge - seg.end) < 1 << 31, f"beyond the window of 1000 octets: {seg}")
    flow.send("A", window=40000)
    flow.expect("A", data=lambda data: len(data) > 1000)


@test("I45 who has filled the window acknowledges at its right edge: that counts, no further")
def ack_at_right_edge(lab):
    b = Bench(lab, challenge_ms=0)
    flow, s = b.passive()
    s.send(b"out")
    flow.expect("PA", data=b"out")
    flow.send("A", seq=flow.edge + 1)
    flow.expect("A", ack=flow.snd)
    equal(unsent(s), 3)
    flow.send("A", seq=flow.edge)
    flow.silent("RFC 9293 A.2")
    equal(unsent(s), 0)


@test("P1-5 MUST-37 small segments do not move the edge of a scaled window", needs="tcpx")
def scaled_window_shuts(lab):
    b = Bench(lab, rmem_default=8192)
    for flow, s in (b.passive(options=FULL), b.active(options=FULL)):
        check(flow.shift > 6, f"shift {flow.shift}")
        start, edge = flow.snd, flow.edge
        n = fill(flow, 50)
        check(n <= seq32(edge - start) + (1 << flow.shift), f"{n} octets were promised")
        equal(flow.last_got.window, 0)
        equal(read(s, n), bytes(n))                         # and all of them were kept
        b.raw.fence()
        check(flow.get() and flow.last_got.window, "the window opens again")


@test("I45 MUST-66 at a closed window ACKs, RST and URG are still taken, text is not")
def closed_window(lab):
    b = Bench(lab)
    b.listen(options=SMALL)
    flow, s = b.passive()
    s.send(b"out")
    first, end = flow.expect("PA").seq, flow.rcv
    flow.rcv = first                                        # not acknowledged yet
    n = fill(flow)
    equal(unsent(s), 3)
    flow.rcv = end
    flow.send("A", seq=flow.snd, data=b"beyond")
    flow.expect("A", ack=flow.snd, window=0)
    if not NATIVE:
        equal(unsent(s), 0, "the ACK of a segment whose text was refused")
    flow.send("A")
    flow.silent()
    equal(unsent(s), 0)
    urgent = []
    signal.signal(signal.SIGURG, lambda *_: urgent.append(1))
    fcntl.fcntl(s, fcntl.F_SETOWN, os.getpid())
    flow.send("AU", urg=1)
    flow.replies()
    wait_for(lambda: urgent, what="SIGURG")
    equal(read(s, n), bytes(n))
    equal(attempt(s.recv, 1), "EAGAIN")
    fill(flow)
    flow.send("R")
    flow.silent()
    equal(sock_state(s), "CLOSED")


# ---- urgent data ----

@test("R43 urgent data: pointer behind the last urgent octet, SIGURG, POLLPRI, mark, both ways")
def urgent(lab):
    b = Bench(lab)
    for how in ("passive", "active"):
        for inline in (0, 1):
            flow, s = b.reach("ESTABLISHED", how)
            s.send(b"abc", socket.MSG_OOB)
            seg = flow.expect("PAU", data=b"abc")
            equal(seg.urg, 3, "SEG.UP (MUST-62)")
            flow.send("A")
            receive_urgent(flow, s, inline)


def receive_urgent(flow, s, inline):
    signals = []
    signal.signal(signal.SIGURG, lambda *_: signals.append(1))
    fcntl.fcntl(s, fcntl.F_SETOWN, os.getpid())
    s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, inline)
    poll = select.poll()
    poll.register(s, select.POLLPRI)
    equal(poll.poll(0), [])
    equal(attempt(s.recv, 1, socket.MSG_OOB), "EINVAL")
    flow.send("PAU", data=b"xyZab", urg=3)
    wait_for(lambda: signals, what="SIGURG")
    check(poll.poll(0) and poll.poll(0)[0][1] & select.POLLPRI, "POLLPRI")
    equal(at_mark(s), 0)
    equal(s.recv(10), b"xy", "a read ends at the mark")
    equal(at_mark(s), 1)
    if inline:
        equal(attempt(s.recv, 1, socket.MSG_OOB), "EINVAL")
        equal(s.recv(10), b"Zab")
    else:
        equal(s.recv(1, socket.MSG_OOB), b"Z")
        equal(s.recv(10), b"ab")
    equal((at_mark(s), poll.poll(0)), (0, []))


def at_mark(s):
    return struct.unpack("i", fcntl.ioctl(s, 0x8905, b"\0" * 4))[0]     # SIOCATMARK


# ---- keepalive ----

@test("P1-12 keepalive: a probe of SEQ SND.NXT-1 without text; unanswered it ends the connection")
def keepalive(lab):
    b = Bench(lab)
    ends = [b.reach(state) for state in ("ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-2", "ESTABLISHED")]
    for _, s in ends:
        for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
            s.setsockopt(socket.IPPROTO_TCP, name, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for flow, _ in ends:
        flow.expect("A", seq=seq32(flow.rcv - 1), ack=flow.snd, data=b"")
        flow.send("A")                                      # alive
    for flow, s in ends[:-1]:
        flow.expect("A", seq=seq32(flow.rcv - 1))
    ends[-1][0].expect("A")
    ends[-1][0].send("A")                                   # this one still is
    for flow, s in ends[:-1]:
        flow.expect("RA", seq=flow.rcv)
        equal((sock_state(s), sock_error(s)), ("CLOSED", "ETIMEDOUT"))
    equal(sock_state(ends[-1][1]), "ESTABLISHED")


@test("P1-12 SEC-17 keepalive: forged garbage does not keep a dead connection alive", timeout=90)
def keepalive_garbage(lab):
    b = Bench(lab)
    flow, s = b.passive()
    for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
        s.setsockopt(socket.IPPROTO_TCP, name, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def dead():
        flow.send("A", seq=flow.snd + (1 << 30), data=b"garbage")
        flow.send("A", ack=flow.rcv + (1 << 30))
        flow.replies()
        return sock_state(s) == "CLOSED"
    wait_for(dead, 20, "the end of a dead connection", step=0.05)
    equal(sock_error(s), "ETIMEDOUT")


@test("P1-12 P1-13 TCP_USER_TIMEOUT counts from what is sent, not from before a keepalive probe")
def keepalive_then_send(lab):
    b = Bench(lab)
    ends = [b.passive() for _ in range(2)]
    for flow, s in ends:
        s.send(b"a")
        flow.expect("PA")
    ends[1][0].window = 0
    for flow, s in ends:
        flow.send("A")
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 4)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3500)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for flow, s in ends:
        flow.expect("A", seq=seq32(flow.rcv - 1))           # the probe, unanswered
        s.send(b"b")
    flow, s = ends[0]
    flow.expect("PA", data=b"b")
    flow.expect("A", rtx=True, data=b"b")                   # it waited an RTO: it lives
    flow.send("A")
    flow.replies()
    equal((unsent(s), sock_state(s), sock_error(s)), (0, "ESTABLISHED", ""))
    flow, s = ends[1]
    flow.expect("A", rtx=True)                              # the closed window is probed
    flow.window = 1000
    flow.send("A", ack=seq32(flow.irs + 2))
    flow.expect("PA", rtx=True, data=b"b")
    equal((sock_state(s), sock_error(s)), ("ESTABLISHED", ""))


# ---- timestamps ----

@test("P1-11 PAWS: an older TSval is challenged and its text refused, TS.Recent is echoed")
def paws(lab):
    b = Bench(lab, challenge_ms=0)
    for flow, s in (b.passive(options=FULL), b.active(options=FULL)):
        flow.ts = 6000
        flow.send("PA", data=b"new")
        equal(flow.expect("A").o["ts"][1], 6000, "TSecr")
        flow.ts = 5990 if NATIVE else 5999
        flow.send("PA", seq=flow.snd, data=b"old")
        flow.expect("A", ack=flow.snd, seq=flow.rcv)
        if not NATIVE:
            equal(b.ns.stat()["ReasonPaws"] > 0, True, "ReasonPaws")
        equal((read(s, 3), attempt(s.recv, 1)), (b"new", "EAGAIN"))
        flow.ts = 6000                                      # equal is not older
        flow.send("PA", data=b"more")
        equal(read(s, 4), b"more")
        flow.send("R", options=opts(ts=(1, 0)))             # RST is not subject to it
        flow.replies()
        equal(sock_state(s), "CLOSED")


@test("I40 TSval wraps at 2^32, is signed at 2^31, and a forged one poisons nothing (SEC-28)")
def tsval_wraps(lab):
    b = Bench(lab, challenge_ms=0)
    flow, s = b.passive(options=opts(mss=1460, ts=(0xfffffff0, 0)))
    for value in (0xfffffffe, 0xffffffff, 0, 1, 0x7fffffff, 0x80000000, 0xfffffff0, 0x10):
        flow.ts = value
        flow.send("PA", data=b"x")
        equal(read(s, 1), b"x", f"TSval {value:#x}")
        equal(flow.expect("A", ack=flow.snd).o["ts"][1], value, "TSecr")
    flow.ts = 0x10 + 0x7fffffff                             # in the window, but behind a hole:
    flow.send("PA", seq=flow.snd + 10, data=b"forged")      # TS.Recent stays (RFC 7323 4.3)
    equal(flow.expect("A", ack=flow.snd).o["ts"][1], 0x10, "TSecr")
    flow.ts = 0x11
    flow.send("PA", data=b"y")
    equal(read(s, 1), b"y")


@test("I41 P1-11 timestamps that were not agreed are never used; a segment may lack agreed ones")
def timestamps_agreed(lab):
    b = Bench(lab)
    flow, s = b.connect()
    check("ts" in flow.expect("S").o, "offered")
    flow.send("SA", options=MSS)
    check("ts" not in flow.expect("A").o, "not agreed")
    s.send(b"x")
    equal(set(flow.expect("PA").o), set())
    flow, s = b.passive(options=FULL)
    flow.ts = None
    flow.send("PA", data=b"bare")
    equal(read(s, 4), b"bare")
    check("ts" in flow.expect("A").o, "every segment has them")


@test("I41 SEC-10 timestamps: a clock of 1 ms, with an offset of its own for each connection")
def timestamp_offsets(lab):
    b = Bench(lab)
    b.listen()

    def passive():
        flow = b.raw.flow()
        flow.send("S", options=FULL)
        segs = [flow.expect("SA")]
        flow.agree(FULL, segs[0].o)
        segs.append(flow.expect("SA", rtx=True))        # made anew, by a timer
        flow.send("A")
        return flow, accept(b.listener), segs

    def active():
        flow, s = b.connect()
        segs = [flow.expect("S"), flow.expect("S", rtx=True)]
        flow.send("SA", options=echoing(FULL, segs[-1].o["ts"][0]))
        flow.agree(FULL, segs[0].o)
        segs.append(flow.expect("A"))
        return flow, s, segs

    offsets = []
    for flow, s, segs in (passive(), passive(), active(), active()):
        wait_for(lambda s=s: attempt(s.send, b"x") == 1, what="the connection")
        segs.append(flow.expect("PA"))
        mine = [seg.o["ts"][0] - int(seg.time * 1000) for seg in segs]
        # in a cookie some bits tell the options: up to 126 ms older
        slack = int(seconds(1) * 1000)
        check(all(seq32(x - mine[0] + slack) < 2 * slack for x in mine), f"one clock: {mine}")
        offsets.append(mine[0])
    # RFC 7323 7.1; one address pair: who has a connection must not know the numbers of another
    for x, y in itertools.combinations(offsets, 2):
        check(seq32(x - y + 10000) > 20000, f"offsets that are near each other: {offsets}")


# ---- blind attackers ----

def challenges(flow, start):
    """The ACKs that an attack earned; not more than two in a second"""
    got = flow.replies()
    check(all(seg.flags == 16 and not seg.data for seg in got), f"ACKs only: {got}")
    limit = 2 + 2 * (time.monotonic() - start)
    check(len(got) <= limit, f"{len(got)} challenge ACKs, at most {limit:.0f}")
    return got


def alive(flow, s):
    flow.send("PA", data=b"alive")
    equal(read(s, 5), b"alive")
    equal(attempt(s.recv, 1), "EAGAIN", "what else was delivered")
    s.send(b"too")
    check(any(seg.data == b"too" for seg in flow.replies()), "text still flows")


@test("SEC-01 blind RST: only SEQ RCV.NXT resets, at most two challenges in a second")
def blind_rst(lab):
    b = Bench(lab)
    for flow, s in (b.passive(), b.active()):
        start = time.monotonic()
        for bit in range(32):
            flow.send("R", seq=flow.snd + (1 << bit))
            flow.send("R", seq=flow.snd - (1 << bit))
        got = challenges(flow, start)
        check(got and (got[0].seq, got[0].ack) == (flow.rcv, flow.snd), "a challenge was sent")
        alive(flow, s)
        flow.send("R")
        flow.replies()
        equal(sock_state(s), "CLOSED")


@test("SEC-01 rst_strict=0: a RST anywhere in the window resets, none outside of it",
      needs="tcpx")
def loose_rst(lab):
    b = Bench(lab, rst_strict=0)
    for flow, s in (b.passive(), b.active()):
        for seq in (flow.snd - 1, flow.edge):
            flow.send("R", seq=seq)
            flow.silent("outside")
        alive(flow, s)
        flow.send("R", seq=flow.edge - 1)
        flow.silent("inside")
        equal((sock_state(s), attempt(s.recv, 1)), ("CLOSED", "ECONNRESET"))
    half = b.reach("HALF-OPEN")[0]
    half.send("R", seq=half.snd + 100)
    b.wait_state(half, "CLOSED")
    waiting, _ = b.reach("TIME-WAIT")
    waiting.send("R", seq=waiting.edge)
    waiting.silent("outside")
    b.is_state(waiting, "TIME-WAIT")
    waiting.send("R", seq=waiting.edge - 1)
    b.wait_state(waiting, "CLOSED")


@test("SEC-02 blind SYN in every synchronized state: challenges only")
def blind_syn(lab):
    b = Bench(lab)
    states = "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK"
    for state, how in itertools.product(states, ("passive", "active")):
        flow, _ = b.reach(state, how)
        start = time.monotonic()
        for bit in range(32):
            flow.send("S", seq=flow.snd + (1 << bit), options=MSS)
        flow.send("S", seq=flow.snd, options=MSS)
        got = [seg for seg in flow.replies() if not seg.flags & 1]      # but for the FIN again
        limit = 2 + 2 * (time.monotonic() - start)
        check(0 < len(got) <= limit and all(seg.flags == 16 for seg in got), f"{state}: {got}")
        b.is_state(flow, state)


@test("SEC-03 SEC-17 blind text and ACKs out of range: never delivered, few challenges")
def blind_data(lab):
    b = Bench(lab)
    for flow, s in (b.passive(), b.active()):
        start = time.monotonic()
        for offset in (1 << 20, 1 << 28, 1 << 31, -(1 << 20), -(1 << 28)):
            flow.send("PA", seq=flow.snd, data=b"evil", ack=flow.rcv + offset)  # SEG.ACK is bad
            flow.send("A", ack=flow.rcv + offset)
            flow.send("A", seq=flow.snd + offset)                               # SEG.SEQ is bad
        challenges(flow, start)
        flow.send("PA", seq=flow.snd + (1 << 20), data=b"evil")
        got = flow.replies()
        check(all(seg.ack == flow.snd for seg in got), f"nothing was taken: {got}")
        alive(flow, s)


@test("SEC-04 challenges are counted per connection: a flood of one does not mute another")
def challenge_side_channel(lab):
    b = Bench(lab)
    attacker, _ = b.passive()
    victim, _ = b.passive()
    for _ in range(300):
        attacker.send("R", seq=attacker.snd + 100)
    check(len(attacker.replies()) >= 1, "the attacker is challenged")
    victim.send("R", seq=victim.snd + 100)
    victim.expect("A", seq=victim.rcv, ack=victim.snd)
    half = b.raw.flow()
    half.send("S", options=MSS)
    half.expect("SA")
    half.send("S", seq=0x40000000, options=MSS)
    half.expect("A", seq=half.rcv)
