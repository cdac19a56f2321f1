# SPDX-License-Identifier: GPL-2.0
"""The end of a connection on the wire: RFC 9293 3.6 and 3.10.7.4, TIME-WAIT, RST."""
import re
import socket

from lab import FIN, NATIVE, check, equal, test, wait_for
from wire import (FULL, MSS, PORT, RAW, TICK, WAIT, Bench, Relay, abort, accept, attempt, clock,
                  fill, opts, read, seq32, sock_error, sock_state, traced)

BOTH = ("passive", "active")
SMALL = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)


@test("R11 R13 R19 R20 after shutdown() the other direction goes on, then TIME-WAIT")
def half_close(lab):
    b = Bench(lab)
    text = bytes(i & 255 for i in range(20000))
    for how in BOTH:
        flow, s = b.reach("ESTABLISHED", how)
        s.shutdown(socket.SHUT_WR)
        fin = flow.expect("FA", seq=flow.rcv, data=b"")
        equal(sock_state(s), "FIN-WAIT-1")
        flow.send("A", ack=fin.end)
        flow.silent()
        equal(sock_state(s), "FIN-WAIT-2")
        equal(attempt(s.send, b"x"), "EPIPE")
        for i in range(0, len(text), 1000):
            flow.send("A", data=text[i:i + 1000])
        equal(read(s, len(text)), text)
        flow.replies()
        flow.send("FA")
        flow.expect("A", seq=fin.end, ack=flow.snd)     # FIN counts one
        equal(s.recv(1), b"")
        b.is_state(flow, "TIME-WAIT")


@test("R20 the ACKs of TIME-WAIT carry what IP_TOS was set to")
def time_wait_tos(lab):
    b = Bench(lab)
    for how in BOTH:
        flow, s = b.reach("ESTABLISHED", how)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x10)
        s.close()
        flow.expect("FA", tos=0x10)
        flow.send("FA")
        flow.expect("A", tos=0x10)
        b.is_state(flow, "TIME-WAIT")
        flow.send("FA", seq=flow.snd - 1)
        flow.expect("A", ack=flow.snd, tos=0x10)


@test("R11 R12 R14 R24 who gets the FIN may still send, then four segments in all")
def close_wait_sends(lab):
    b = Bench(lab)
    for how in BOTH:
        flow, s = b.reach("ESTABLISHED", how)
        flow.send("FA")
        flow.expect("A", ack=flow.snd, data=b"")
        equal((sock_state(s), s.recv(1)), ("CLOSE-WAIT", b""))
        for i in range(3):
            s.send(b"%d" % i * 1000)
            flow.expect("PA", data=b"%d" % i * 1000, ack=flow.snd)
            flow.send("A")
        flow.silent()
        timer = b.ns.conns(None, flow.dport, flow.sport)[0].timer
        check(timer in ("-", "none"), f"CLOSE-WAIT has no timer, not {timer}")
        s.close()
        fin = flow.expect("FA", seq=flow.rcv, ack=flow.snd)
        b.is_state(flow, "LAST-ACK")
        flow.send("A", ack=fin.end)
        flow.silent()
        b.is_state(flow, "CLOSED")                      # R25: no TIME-WAIT here


@test("R14 R22 FIN and ACK in one segment: FIN-WAIT-1 goes straight to TIME-WAIT")
def three_segments(lab):
    b = Bench(lab)
    for how in BOTH:
        flow, s = b.reach("FIN-WAIT-1", how)
        flow.send("FA")
        flow.expect("A", seq=flow.rcv, ack=flow.snd)
        b.is_state(flow, "TIME-WAIT")
        flow, s = b.reach("FIN-WAIT-1", how)
        flow.send("FA", ack=flow.rcv - 1)               # E5: does not cover our FIN
        flow.expect("A", ack=flow.snd)
        b.is_state(flow, "CLOSING")
        equal(sock_state(s), "CLOSING")
        flow.send("A")
        flow.silent()
        b.is_state(flow, "TIME-WAIT")


def small(b, how):
    """A connection with a small receive buffer"""
    if how == "passive":
        return b.passive()                              # the listener's
    flow, s = b.connect(options=SMALL)
    flow.answer()
    return flow, s


@test("R19 our ACK of a FIN comes at once: unread data, no window, SO_RCVLOWAT")
def fin_acked_at_once(lab):
    b = Bench(lab, delack_min_ms=300, delack_max_ms=400)
    b.listen(options=SMALL)
    for how in BOTH:
        for closed in (False,) if NATIVE else (False, True):
            flow, s = small(b, how)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1000)
            n = fill(flow) if closed else 0
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            if not closed:
                flow.send("PA", data=b"unread")
                flow.silent("the ACK of text is delayed")
                n = 6
            flow.send("FA")
            flow.expect("A", at_once=not NATIVE, ack=flow.snd)
            equal(sock_state(s), "CLOSE-WAIT")
            equal((len(read(s, n)), s.recv(1)), (n, b""))


@test("I31 a FIN in order at a closed window is taken", needs="tcpx")
def fin_zero_window(lab):
    b = Bench(lab)
    b.listen(options=SMALL)
    flow, s = b.passive()
    n = fill(flow)
    flow.send("FA")
    flow.expect("A", ack=flow.snd, window=0)
    equal(sock_state(s), "CLOSE-WAIT")
    equal((len(read(s, n)), s.recv(1)), (n, b""))


@test("R23 FINs cross: both ends CLOSING, then both TIME-WAIT")
def simultaneous_close(lab):
    b = Bench(lab)
    r, sa, sb = related(b)
    sa.close()
    sb.close()
    fins = r.take(r.a, "FA"), r.take(r.b, "FA")
    equal(r.states(), ("FIN-WAIT-1", "FIN-WAIT-1"))
    r.give(fins[0], r.b)
    r.give(fins[1], r.a)
    acks = r.take(r.a, "A", ack=fins[1].end), r.take(r.b, "A", ack=fins[0].end)
    equal(r.states(), ("CLOSING", "CLOSING"))
    r.give(acks[0], r.b)
    r.give(acks[1], r.a)
    b.raw.fence()
    equal(r.states(), ("TIME-WAIT", "TIME-WAIT"))


def related(b, port=5001):
    """Two connected sockets of the bench and the relay between them"""
    r = Relay(b, port, port + 1)
    lst = b.listen(port + 1)
    _, sa = b.connect(port + 1, bind=port, to=RAW)
    r.settle()
    sb = accept(lst)
    return r, sa, sb


@test("I28 I29 simultaneous close with a FIN or both ACKs lost ends all the same")
def simultaneous_close_lossy(lab):
    b = Bench(lab, rto_min_ms=WAIT, rto_init_ms=WAIT)
    for nr, lost in enumerate(("fin", "acks")):
        r, sa, sb = related(b, 5001 + 10 * nr)
        sa.close()
        sb.close()
        fins = r.take(r.a, "FA"), r.take(r.b, "FA")
        r.give(fins[0], r.b)
        if lost == "acks":
            r.give(fins[1], r.a)
            r.take(r.a, "A")
            r.take(r.b, "A")
            equal(r.states(), ("CLOSING", "CLOSING"))
        wait_for(lambda: r.settle() or not {"FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK"}
                 & set(r.states()), 10, lambda: f"{lost}: the end, states are {r.states()}")
        check("TIME-WAIT" in r.states(), f"one end at least must stay in TIME-WAIT: {r.states()}")


@test("R25 LAST-ACK: the FIN is repeated with back-off until it is acknowledged")
def last_ack_repeats(lab):
    rto = WAIT // 4
    b = Bench(lab, rto_min_ms=rto, rto_init_ms=rto)
    for how in BOTH:
        flow, _ = b.reach("LAST-ACK", how, orphan=True)
        first = last = next(seg for seg in flow.got if seg.flags & FIN)
        for nr in range(3):
            seg = flow.expect("FA", rtx=True, seq=first.seq, ack=first.ack)
            gap, want = seg.time - last.time, rto / 1000 * 2 ** nr
            check(gap >= (0 if NATIVE else want) - TICK,
                  f"wait {nr} is {gap:.3f} s, not {want:.3f} s")
            last = seg
        b.is_state(flow, "LAST-ACK")
        flow.send("A")
        flow.silent()
        b.is_state(flow, "CLOSED")


@test("I35 the peer vanishes: an orphan ends after orphan_retries", needs="tcpx")
def orphan_gives_up(lab):
    b = Bench(lab, rto_min_ms=WAIT // 4, rto_init_ms=WAIT // 4, orphan_retries=2)
    flows = {state: b.reach(state, orphan=True)[0]
             for state in ("FIN-WAIT-1", "CLOSING", "LAST-ACK")}
    for state, flow in flows.items():
        b.wait_state(flow, "CLOSED")
        equal(flow.count("FA", flow.rcv - 1), 3, f"FINs in {state}")
    equal(b.ns.stat()["Orphans"], 0)


@test("I35 max_orphans: what exceeds it is reset and counted", needs="tcpx")
def orphan_limit(lab):
    b = Bench(lab, max_orphans=1)
    ends = [b.reach("ESTABLISHED") for _ in range(3)]
    moved = b.moved("OrphanFull")
    for _, s in ends:
        s.close()
    for flow, _ in ends:
        flow.expect("FA")
    for flow, _ in ends[1:]:
        flow.expect("RA", seq=flow.rcv)
        b.is_state(flow, "CLOSED")
    b.is_state(ends[0][0], "FIN-WAIT-1")
    equal(moved(), 2, "OrphanFull")


@test("R22 tracepoints tcpx_state and tcpx_drop: each change of state, each reason", needs="tcpx")
def tracepoints(lab):
    b = Bench(lab)
    b.listen()
    # other tests have the same ports
    cookie = int.from_bytes(b.listener.getsockopt(socket.SOL_SOCKET, 71, 8), "little")
    mine = lambda lines: [x for x in lines() if f"net={cookie} " in x]  # noqa: E731
    with traced("tcpx_state") as states, traced("tcpx_drop") as drops:
        flow, _ = b.reach("FIN-WAIT-1")
        flow.send("FA")
        flow.expect("A", ack=flow.snd)
        b.is_state(flow, "TIME-WAIT")
        flow.send("R")
        flow.send("A", csum=1)
        flow.replies()
        ports = rf":{flow.dport} \S+:{flow.sport} (\S+) -> (\S+)"
        steps = [m.groups() for m in map(re.compile(ports).search, mine(states)) if m]
        told = "".join(mine(drops))
    check(all(x[1] == y[0] for x, y in zip(steps, steps[1:])), f"steps are missing: {steps}")
    equal([to for _, to in steps], ["SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT",
                                    "CLOSED"], "states")
    check("reason=BadChecksum" in told, f"drops: {told}")


@test("R21 TIME-WAIT lasts 2MSL, a repeated FIN is acknowledged and starts it anew", needs="tcpx")
def time_wait_time(lab):
    b = Bench(lab, timewait_ms=3000)
    flow, s = b.reach("FIN-WAIT-2")
    s.close()
    flow.send("FA")
    flow.expect("A")
    left = lambda: b.ns.conns(None, flow.dport, flow.sport)[0].left_ms  # noqa: E731
    check(1500 < left() <= 3010, f"left_ms {left()}")
    wait_for(lambda: left() < 1500, what="half of 2MSL to pass")
    flow.send("FA", seq=flow.snd - 1)
    again = flow.expect("A", seq=flow.rcv, ack=flow.snd)
    check(left() > 1500, f"2MSL was not started anew, left_ms {left()}")
    b.wait_state(flow, "CLOSED")
    took = clock(b) - again.time
    check(took >= 3 - TICK, f"TIME-WAIT lasted {took:.3f} s")
    old = b.raw.flow(sport=flow.sport, iss=50)          # the 4-tuple is free again
    old.open()
    b.is_state(old, "ESTABLISHED")


@test("R21 FIN-WAIT-2 of a closed socket ends after fin_timeout, of an open one never",
      needs="tcpx")
def fin_wait_2_time(lab):
    b = Bench(lab, fin_timeout_ms=WAIT)
    kept, _ = b.reach("FIN-WAIT-2")
    flow, _ = b.reach("FIN-WAIT-2", orphan=True)
    b.wait_state(flow, "CLOSED")
    b.is_state(kept, "FIN-WAIT-2")
    flow.send("FA")
    flow.expect("R", seq=flow.rcv)


@test("R45 a listener accepts on while its children close")
def listener_goes_on(lab):
    b = Bench(lab)
    for i in range(12):
        flow, s = b.passive()
        if i % 3 == 0:
            s.close()
            flow.expect("FA")
        elif i % 3 == 1:
            flow.send("FA")
            flow.expect("A")
        else:
            abort(s)
            flow.expect("RA")
    equal(b.ns.conns("LISTEN", PORT)[0].state, "LISTEN")
    b.raw.flow().open()


@test("I30 FIN with text in one segment, FIN before text, FIN in a hole")
def fin_and_text(lab):
    b = Bench(lab)
    for how in BOTH:
        flow, s = b.reach("ESTABLISHED", how)
        flow.send("FPA", data=b"bye")
        flow.expect("A", ack=flow.snd)
        equal((read(s, 9), sock_state(s)), (b"bye", "CLOSE-WAIT"))

        flow, s = b.reach("ESTABLISHED", how)
        start = flow.snd
        flow.send("FA", seq=start + 6)
        flow.expect("A", ack=start)
        equal(sock_state(s), "ESTABLISHED")
        flow.send("A", seq=start + 3, data=b"def")
        flow.expect("A", ack=start)
        flow.send("A", seq=start, data=b"abc")
        flow.expect("A", ack=start + 7)
        equal((read(s, 9), sock_state(s)), (b"abcdef", "CLOSE-WAIT"))

    flow, s = b.reach("FIN-WAIT-2")
    start = flow.snd
    flow.send("FA", seq=start + 3)
    flow.expect("A", ack=start)
    b.is_state(flow, "FIN-WAIT-2")
    flow.send("A", seq=start, data=b"abc")
    flow.expect("A", ack=start + 4)
    b.is_state(flow, "TIME-WAIT")
    equal(read(s, 9), b"abc")


@test("I32 text for a closed socket is reset, after shutdown() it is taken")
def text_after_close(lab):
    b = Bench(lab)
    for state in ("FIN-WAIT-1", "FIN-WAIT-2"):
        flow, s = b.reach(state)
        flow.send("PA", data=b"text", ack=flow.rcv - (state == "FIN-WAIT-1"))
        equal(read(s, 4), b"text")
        flow.replies()
        b.is_state(flow, state)
        flow, _ = b.reach(state, orphan=True)
        flow.send("PA", data=b"text", ack=flow.rcv - (state == "FIN-WAIT-1"))
        rst = flow.get()
        check(rst.flags & 4 and rst.seq in (flow.rcv, flow.rcv - 1), f"RST expected, got {rst}")
        b.is_state(flow, "CLOSED")


@test("I33 close() with unread text sends RST, with nothing but a FIN unread it sends FIN")
def close_unread(lab):
    b = Bench(lab)
    for how in BOTH:
        for state in ("ESTABLISHED", "CLOSE-WAIT"):
            flow, s = b.reach("ESTABLISHED", how)
            flow.send("PA", data=b"unread")
            flow.replies()
            if state == "CLOSE-WAIT":
                flow.send("FA")
                flow.replies()
            s.close()
            flow.expect("RA", seq=flow.rcv, ack=flow.snd)
            b.is_state(flow, "CLOSED")
    flow, s = b.reach("CLOSE-WAIT")
    s.close()
    flow.expect("FA", seq=flow.rcv)


@test("I34 half-close, then RST: ECONNRESET, nothing is left")
def half_close_rst(lab):
    b = Bench(lab)
    for state in ("FIN-WAIT-1", "FIN-WAIT-2"):
        flow, s = b.reach(state)
        flow.send("R")
        flow.silent()
        equal((attempt(s.recv, 1), sock_state(s)), ("ECONNRESET", "CLOSED"))
        b.is_state(flow, "CLOSED")
    flow, s = b.reach("CLOSE-WAIT")
    flow.send("R")
    flow.silent()
    equal((sock_state(s), sock_error(s)), ("CLOSED", "EPIPE" if NATIVE else "ECONNRESET"))


@test("R41 SO_LINGER 0: close() sends RST with SND.NXT and RCV.NXT")
def linger_zero(lab):
    b = Bench(lab)
    for how in BOTH:
        for state in ("ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT"):
            flow, s = b.reach(state, how)
            abort(s)
            flow.expect("RA", seq=flow.rcv, ack=flow.snd, data=b"")
            b.is_state(flow, "CLOSED")
        for state in ("CLOSING", "LAST-ACK"):
            flow, s = b.reach(state, how)
            abort(s)
            flow.silent("RFC 9293 3.10.5")
            b.is_state(flow, "CLOSED")


def revive(b, flow, seq, options=MSS):
    """A SYN for a connection in TIME-WAIT"""
    again = b.raw.flow(flow.dport, flow.sport, iss=seq32(seq))
    again.rcv = flow.rcv
    again.send("S", options=options)
    if seq32(flow.sent_end - again.sent_end) < 1 << 31:     # it may be answered for the old one
        again.sent_end = flow.sent_end
    return again


@test("I36 SYN to TIME-WAIT: a newer one is a new connection with ISS above the old")
def time_wait_revived(lab):
    b = Bench(lab)
    stamp = lambda v: opts(mss=1460, sack_ok=True, ts=(v, 0), ws=7)  # noqa: E731
    cases = (("no TS, higher SEQ", MSS, MSS, 1), ("no TS, much higher SEQ", MSS, MSS, 100000),
             ("newer TS, lower SEQ", FULL, stamp(6000), -500),
             ("newer TS, same SEQ", FULL, stamp(5001), 0))
    for what, before, options, offset in cases:
        flow, _ = b.reach("TIME-WAIT", options=before)
        again = revive(b, flow, flow.snd + offset, options)
        synack = again.expect("SA", ack=again.snd)
        check(0 < seq32(synack.seq - flow.rcv) < 1 << 31,
              f"{what}: ISS {synack.seq} must be above {flow.rcv}")
        again.agree(options, synack.o)
        again.send("A")
        again.silent(what)
        b.is_state(again, "ESTABLISHED")
        accept(b.listener)


@test("I36 SYN to TIME-WAIT: an old or repeated one is acknowledged, a RST follows")
def time_wait_not_revived(lab):
    b = Bench(lab)
    stamp = lambda v: opts(mss=1460, sack_ok=True, ts=(v, 0), ws=7)  # noqa: E731
    cases = (("no TS, lower SEQ", MSS, MSS, -500), ("no TS, SEQ of the first SYN", MSS, MSS, None),
             ("older TS, higher SEQ", FULL, stamp(4000), 500))
    for what, before, options, offset in cases:
        flow, _ = b.reach("TIME-WAIT", options=before)
        again = revive(b, flow, flow.iss if offset is None else flow.snd + offset, options)
        ack = again.expect("A", seq=flow.rcv, ack=flow.snd)
        b.is_state(flow, "TIME-WAIT")
        again.send("R", seq=ack.ack)                    # RFC 9293 3.5.2: what a client answers
        again.silent(what)
        b.is_state(flow, "CLOSED")                      # rfc1337 is off
    flow, _ = b.reach("FIN-WAIT-2")
    again = revive(b, flow, flow.snd + 100)
    again.expect("A", seq=flow.rcv, ack=flow.snd)
    b.is_state(flow, "FIN-WAIT-2")


@test("I36 SYN to TIME-WAIT without a listener is acknowledged, not refused")
def time_wait_no_listener(lab):
    b = Bench(lab)
    flow, _ = b.reach("TIME-WAIT", "active")
    again = revive(b, flow, flow.snd + 100)
    again.expect("A", seq=flow.rcv, ack=flow.snd)
    b.is_state(flow, "TIME-WAIT")


@test("I37 SEC-26 in TIME-WAIT text gets an ACK, RST ends it unless rfc1337 is set")
def time_wait_rst(lab):
    b = Bench(lab)
    for value in (0, 1):
        b.set(rfc1337=value)
        flow, _ = b.reach("TIME-WAIT")
        flow.send("PA", seq=flow.snd - 1, data=b"old")
        flow.expect("A", seq=flow.rcv, ack=flow.snd)
        b.is_state(flow, "TIME-WAIT")
        flow.send("R", seq=flow.snd + 1)                # in the window, not exact
        flow.silent()
        b.is_state(flow, *(("TIME-WAIT",) if not NATIVE or value else ("TIME-WAIT", "CLOSED")))
        flow.send("R")
        flow.silent()
        b.is_state(flow, "TIME-WAIT" if value else "CLOSED")


@test("R21 max_tw_buckets 0: no TIME-WAIT, the end is CLOSED")
def no_time_wait(lab):
    b = Bench(lab, max_tw_buckets=0)
    flow, s = b.reach("FIN-WAIT-2")
    s.close()
    moved = b.moved("TimewaitFull")
    flow.send("FA")
    flow.replies()
    b.is_state(flow, "CLOSED")
    if not NATIVE:
        equal(moved(), 1)


@test("R29 R41 nothing leaves the send queue before a cumulative ACK; a partial one frees its part")
def cumulative_ack(lab):
    b = Bench(lab)
    for how in BOTH:
        flow, s = b.reach("ESTABLISHED", how)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.send(b"a" * 1000)
        s.send(b"b" * 1000)
        start = flow.expect("A").seq
        flow.expect("A")
        for octets, left in ((0, 2000), (1000, 1000), (1500, 500), (1400, 500), (2000, 0)):
            flow.send("A", ack=start + octets)
            flow.silent()
            equal(b.ns.conns(None, flow.dport, flow.sport)[0].txq, left, f"after ACK of {octets}")
