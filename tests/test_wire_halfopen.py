# SPDX-License-Identifier: GPL-2.0
"""The half-open queue as a client sees it: R32 to R38, I06 to I19, policy drop."""
from lab import NATIVE, check, equal, seconds, test, wait_for
from wire import (FULL, MSS, PORT, TICK, WAIT, Bench, abort, accept, attempt, clock, opts, read,
                  sock_error, sock_state)


def bench(lab, **params):
    if NATIVE:
        lab.a.sysctl("ipv4/tcp_syncookies", 0)
    # here all come from one prefix, and a full queue drops; test_synq.py has the rest
    return Bench(lab, **{"synq_prefix": 0, "synq_overflow": 4, **params})


def entries(b, port=PORT):
    """How many half-open entries a listener has"""
    return len([e for e in b.ns.halfopen() if e["local"].endswith(f":{port}")])


def half_open(b, options=MSS, **args):
    flow = b.raw.flow(**args)
    flow.send("S", options=options)
    flow.expect("SA", ack=flow.snd)
    return flow


def accept_queue(b, port=PORT):
    return b.ns.conns("LISTEN", port)[0].rxq


@test("R32 one entry per SYN, a duplicate SYN is the same entry")
def one_entry_per_syn(lab):
    b = bench(lab, challenge_ms=0)
    b.listen()
    flows = [half_open(b) for _ in range(20)]
    equal(entries(b), 20)
    for flow in flows:
        first = flow.irs
        flow.send("S", seq=flow.iss, options=MSS)
        flow.expect("SA", rtx=True, at_once=True, seq=first, ack=flow.snd)
    equal(entries(b), 20)


@test("R34 on the ACK the entry goes and the accept queue grows")
def ack_moves_entry(lab):
    b = bench(lab)
    lst = b.listen()
    flows = [half_open(b) for _ in range(5)]
    for done, flow in enumerate(flows):
        equal((entries(b), accept_queue(b)), (5 - done, done))
        flow.send("A")
        flow.silent()
    equal((entries(b), accept_queue(b)), (0, 5))
    for flow in flows:
        equal(accept(lst).getpeername()[1], flow.sport, "accepted in order")
    equal(accept_queue(b), 0)


@test("R35 listen(n) bounds the half-open entries to exactly n, policy drop", needs="tcpx")
def backlog_limit(lab):
    b = bench(lab)
    for port, n in ((PORT, 1), (PORT + 1, 2), (PORT + 2, 7)):
        b.listen(port, n)
        moved = b.moved("ListenDrops", "ReasonHalfOpenFull", "SynqAdded")
        flows = [half_open(b, dport=port) for _ in range(n)]
        for _ in range(3):
            flow = b.raw.flow(port)
            flow.send("S", options=MSS)
            flow.silent("the queue is full")
        equal(moved(), [3, 3, n])
        equal(entries(b, port), n)
        flows[0].send("R")                          # a slot is free again
        half_open(b, dport=port)


@test("R35 synq_max bounds the entries of the namespace, somaxconn the backlog", needs="tcpx")
def namespace_limit(lab):
    b = bench(lab, synq_max=3, somaxconn=2)
    b.listen(PORT, 100)
    b.listen(PORT + 1, 100)
    moved = b.moved("ReasonHalfOpenFull", "ReasonHalfOpenNetnsFull")
    for port in (PORT, PORT, PORT + 1):
        half_open(b, dport=port)
    for port in (PORT, PORT + 1):
        flow = b.raw.flow(port)
        flow.send("S", options=MSS)
        flow.silent("full")
    equal(moved(), [1, 1])
    equal(len(b.ns.halfopen()), 3)


@test("R35 I06 I13 a full queue refuses strangers only: a SYN of what is known is answered",
      needs="tcpx")
def full_queue_known(lab):
    b = bench(lab, synq_max=2)
    known, s = b.passive()
    waiting, _ = b.reach("TIME-WAIT")
    entry, _ = half_open(b), half_open(b)
    moved = b.moved("ReasonHalfOpenNetnsFull", "ListenDrops", "InSegs")
    for csum in (0, 0x0101):
        flow = b.raw.flow(waiting.dport)
        flow.send("S", options=MSS, csum=csum)
        flow.silent("full")
    equal(moved(), [2, 2, 2])
    known.send("S", seq=known.iss, options=MSS)
    known.expect("A", seq=known.rcv, ack=known.snd)
    known.send("PA", data=b"ok")
    equal(read(s, 2), b"ok")
    waiting.send("S", seq=waiting.iss, options=MSS)
    waiting.expect("A", seq=waiting.rcv, ack=waiting.snd)
    entry.send("S", seq=entry.iss, options=MSS)
    entry.expect("SA", rtx=True, ack=entry.iss + 1)
    equal(moved(), [2, 2, 6])


@test("R36 R37 R38 a silent client: 1+retries SYN-ACKs at the given waits, then nothing",
      needs="tcpx")
def silent_client(lab):
    waits = (60, 60, 180, 120)
    b = bench(lab, synack_retries=3, synack_waits_ms=" ".join(map(str, waits)))
    b.listen()
    equal(b.ns.stat()["SynqLifetimeMs"], sum(waits))
    moved = b.moved("SynqExpired", "SynqRetrans", "ReasonTimeout")
    flow = b.raw.flow()
    flow.send("S", options=FULL)
    first = flow.expect("SA")
    last = first
    for nr, wait in enumerate(waits[:-1]):
        seg = flow.expect("SA", rtx=True, seq=first.seq, ack=first.ack, window=first.window)
        gap = seg.time - last.time
        check(wait / 1000 - TICK <= gap < wait / 1000 + seconds(2), f"wait {nr} took {gap:.3f} s")
        equal({k: v for k, v in seg.o.items() if k != "ts"},
              {k: v for k, v in first.o.items() if k != "ts"}, "options")
        rows = b.ns.halfopen()
        if clock(b) - seg.time > waits[nr + 1] / 2000:
            last = seg                              # the machine stood still: too late to look
            continue
        row = rows[0]
        equal((row["stage"], row["rtx"], row["mss"], row["opts"]),
              (nr + 1, nr + 1, 1460, "ts,ws,sack"))
        check(row["age_ms"] >= sum(waits[:nr + 1]) - 20 and row["left_ms"] <= waits[nr + 1],
              f"age and left time: {row}")
        last = seg
    wait_for(lambda: not entries(b), what="the entry to expire")
    equal(flow.replies(), [], "RST or another SYN-ACK")
    equal(moved(), [1, 3, 1])
    flow.send("A")
    flow.expect("R", seq=flow.rcv)


@test("R37 R38 the default waits are 1,2,4,8,16,32 s, the life time is their sum", needs="tcpx")
def default_waits(lab):
    b = bench(lab)
    waits = [int(w) for w in str(b.ns.sysctl("synack_waits_ms")).split()]
    equal(waits[:6], [1000, 2000, 4000, 8000, 16000, 32000])
    for retries in range(9):
        b.set(synack_retries=retries)
        equal(b.ns.stat()["SynqLifetimeMs"],
              sum(min(1000 * 2 ** k, 120000) for k in range(retries + 1)), f"retries {retries}")


@test("I06 a duplicate SYN after ESTABLISHED gets an ACK, the connection is intact")
def dup_syn_established(lab):
    b = bench(lab)
    flow, s = b.passive()
    flow.send("S", seq=flow.iss, options=MSS)
    flow.expect("A", seq=flow.rcv, ack=flow.snd)
    flow.send("PA", data=b"ok")
    equal(read(s, 2), b"ok")


@test("I08 two copies of the final ACK: one child, and it takes the second")
def final_ack_twice(lab):
    b = bench(lab)
    lst = b.listen()
    flow = half_open(b)
    for _ in range(2):
        flow.send("A")
    flow.silent()
    s = accept(lst)
    equal(attempt(lst.accept), "EAGAIN")
    equal((sock_state(s), len(b.ns.conns(None, PORT, flow.sport))), ("ESTABLISHED", 1))


@test("I10 a lost third segment: the repeated SYN-ACK gets its ACK again")
def synack_again(lab):
    b = bench(lab, challenge_ms=0)
    flow, s = b.active()
    for _ in range(3):
        flow.send("SA", seq=flow.iss, ack=flow.rcv, options=MSS)
        flow.expect("A", seq=flow.rcv, ack=flow.snd)
        if NATIVE:
            break                                   # limited to one per 500 ms
    flow.send("PA", data=b"220 hello")
    equal(read(s, 9), b"220 hello")


def full_accept_queue(b, backlog=2):
    """A listener whose accept queue is full and a flow whose ACK found it so."""
    lst = b.listen(PORT, backlog)
    ready = [half_open(b)]
    ready[0].send("A")
    while len(ready) < backlog:
        ready.append(half_open(b))
        ready[-1].send("A")
    b.raw.fence()
    last, late = half_open(b), half_open(b)         # accept queue has backlog, limit is one more
    last.send("A")
    last.silent()
    equal(accept_queue(b), backlog + 1)
    return lst, ready + [last], late


@test("I11 final ACK while the accept queue is full: nothing is lost, accept() makes room")
def accept_queue_full(lab):
    b = bench(lab, synack_waits_ms=" ".join(9 * [str(WAIT)]), synack_retries=8)
    lst, ready, late = full_accept_queue(b)
    moved = b.moved("AcceptFull", "SynqAcked", "SynqCompleted")
    late.send("A")
    late.silent("neither RST nor ACK")
    b.is_state(late, "SYN-RECEIVED")
    if not NATIVE:
        equal(moved(), [1, 1, 0])
        check("acked" in b.ns.halfopen()[0]["flags"], "the entry is marked ACKED")
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    flow.silent("a SYN while the accept queue is full")
    late.send("PA", data=b"early")                  # still full: not acknowledged
    late.silent()
    late.snd -= 5
    equal(accept(lst).getpeername()[1], ready[0].sport)
    # the peer was told nothing: the next SYN-ACK makes it acknowledge again
    if NATIVE:
        late.expect("SA", rtx=True)
        late.send("A")
    late.send("PA", data=b"early")
    late.expect("A", ack=late.snd)
    for flow in ready[1:]:
        equal(accept(lst).getpeername()[1], flow.sport)
    s = accept(lst)
    equal((s.getpeername()[1], read(s, 5)), (late.sport, b"early"))


@test("I11 accept() promotes the oldest acknowledged entry at once", needs="tcpx")
def accept_promotes(lab):
    b = bench(lab)
    lst, _, late = full_accept_queue(b)
    late.send("A")
    late.silent()
    accept(lst)
    late.silent()
    b.is_state(late, "ESTABLISHED")
    equal(entries(b), 0)


@test("I11 abort_on_overflow: the final ACK that finds the accept queue full is reset")
def abort_on_overflow(lab):
    b = bench(lab, abort_on_overflow=1)
    lst, ready, late = full_accept_queue(b)
    late.send("A")
    late.expect("R", seq=late.rcv)
    equal(entries(b), 0)
    for flow in ready:
        equal(accept(lst).getpeername()[1], flow.sport)
    equal(attempt(lst.accept), "EAGAIN")


@test("I12 an acknowledged entry whose life ends: the client's data is reset", needs="tcpx")
def acked_expires(lab):
    b = bench(lab, synack_waits_ms=f"{WAIT} {WAIT}", synack_retries=1)
    _, _, late = full_accept_queue(b)
    late.send("A")
    late.silent()
    wait_for(lambda: not entries(b), what="the entry to expire")
    late.replies()
    late.send("PA", data=b"hello")
    late.expect("R", seq=late.rcv)


@test("I13 a duplicate SYN with other options: the agreed ones are repeated, TSecr is the newest")
def dup_syn_other_options(lab):
    b = bench(lab, challenge_ms=0)
    b.listen()
    flow = half_open(b, opts(mss=1200, ts=(100, 0), sack_ok=True))
    first = flow.send("S", seq=flow.iss, options=opts(mss=900, ws=5, ts=(300, 0)))
    seg = flow.expect("SA", rtx=True, at_once=True, ack=first.end)
    equal(set(seg.o), {"mss", "ts", "sackok"})
    if not NATIVE:                                  # native keeps the first TSval: RFC 7323 4.3
        equal(seg.o["ts"][1], 300, "TSecr")
        flow.send("S", seq=flow.iss, options=opts(mss=900, ts=(200, 0)))
        seg = flow.expect("A", at_once=True, ack=first.end)     # RFC 7323 5.3
        equal(seg.o["ts"][1], 300, "TSecr after an older SYN")
        equal((b.ns.halfopen()[0]["mss"], entries(b)), (1200, 1))


@test("I13 I15 an old incarnation's SYN or SYN-ACK (timestamps tell) neither ends nor opens")
def old_incarnation(lab):
    b = bench(lab, challenge_ms=0)
    lst = b.listen()
    flow = half_open(b, FULL)
    flow.watched = False
    echo = flow.ts_echo                             # of the SYN-ACK
    old = opts(mss=1460, ts=(4000, 0))
    shots = [("S", {"seq": seq, "options": old}) for seq in (flow.snd + 500, flow.iss)]
    if not NATIVE:                                  # it limits challenges, and RSTs the SYN-ACK
        stamps = ((5000, echo - 100000), (4000, echo))
        shots += [("SA", {"seq": flow.iss, "options": opts(ts=stamp)}) for stamp in stamps]
    for flags, fields in shots[:1] if NATIVE else shots:
        flow.send(flags, **fields)
        flow.expect("A", ack=flow.snd, seq=flow.rcv)
        b.is_state(flow, "SYN-RECEIVED")
    flow.send("A", options=opts(ts=(5000, echo)))
    flow.silent()
    equal(sock_state(accept(lst)), "ESTABLISHED")


@test("I14 a SYN out of the window (the client was reborn): ACK, its RST, then its SYN connects")
def reborn_client_outside(lab):
    b = bench(lab)
    b.listen()
    flow = half_open(b)
    old = flow.rcv
    flow.snd = flow.iss = 0x50000000
    flow.send("S", options=MSS)
    flow.expect("A", ack=1001, seq=old)
    b.is_state(flow, "SYN-RECEIVED")
    flow.send("R", seq=1001)
    flow.silent()
    b.is_state(flow, "CLOSED")
    flow.send("S", seq=flow.iss, options=MSS)
    flow.expect("SA", ack=flow.snd)
    flow.send("A")
    flow.silent()
    b.is_state(flow, "ESTABLISHED")


@test("I15 another SYN in the window ends the entry, the next SYN connects")
def reborn_client_inside(lab):
    b = bench(lab)
    b.listen()
    flow = half_open(b)
    flow.snd = flow.iss = 1500
    flow.send("S", options=MSS)
    if NATIVE:
        flow.expect("RA")
    else:
        flow.silent("RFC 9293 3.10.7.4: return to LISTEN")
    b.is_state(flow, "CLOSED")
    flow.send("S", seq=flow.iss, options=MSS)
    flow.expect("SA", ack=flow.snd)
    flow.send("A")
    flow.silent()
    b.is_state(flow, "ESTABLISHED")


@test("I16 RST for an entry: only an exact one frees it, in the window it is challenged")
def rst_half_open(lab):
    b = bench(lab, challenge_ms=0)
    b.listen(PORT, 1)
    flow = half_open(b)
    window = 1
    flow.send("R", seq=flow.snd - 1)                # outside
    flow.send("R", seq=flow.snd + 0x40000000)
    flow.silent()
    for offset in (window, 4000):
        flow.send("R", seq=flow.snd + offset)
        if not NATIVE:                              # new in 7.3
            flow.expect("A", seq=flow.rcv, ack=flow.snd)
        b.is_state(flow, "SYN-RECEIVED")
        flow.replies()
    flow.send("R")
    flow.silent()
    b.is_state(flow, "CLOSED")
    if not NATIVE:
        half_open(b)                                # its slot is free again


@test("I16 RST at the edge of an entry's window: inside it is challenged, outside nothing happens",
      needs="tcpx")
def rst_window_edge(lab):
    b = bench(lab, challenge_ms=0)
    b.listen(PORT, 1)
    flow = half_open(b)
    edge = flow.last_got.window
    for offset, inside in ((1, True), (edge - 1, True), (edge, False), (edge + 1, False),
                           (-1, False), (1 << 31, False)):
        flow.send("R", seq=flow.snd + offset)
        if inside:
            flow.expect("A", at_once=True, seq=flow.rcv, ack=flow.snd)
        else:
            flow.silent(f"RST at {offset}")
        b.is_state(flow, "SYN-RECEIVED")
    flow.send("R")
    flow.silent()
    b.is_state(flow, "CLOSED")
    half_open(b)                                    # its slot is free again


@test("I16 RST,ACK for an entry with a bad ACK is challenged, the entry stays", needs="tcpx")
def rst_bad_ack_half_open(lab):
    b = bench(lab)
    b.listen()
    flow = half_open(b)
    flow.send("RA", ack=flow.rcv + 1)
    flow.expect("A", seq=flow.rcv, ack=flow.snd)
    b.is_state(flow, "SYN-RECEIVED")


@test("I17 RST right behind the final ACK: a reset child or none, the slot is not stuck")
def rst_after_ack(lab):
    b = bench(lab)
    lst = b.listen(PORT, 1)
    for _ in range(4):                              # twice what the queue could hold
        flow = half_open(b)
        flow.send("A")
        flow.send("R")
        flow.silent()
        s = attempt(lst.accept)
        if s != "EAGAIN":
            s[0].setblocking(False)
            equal(attempt(s[0].recv, 1), "ECONNRESET")
            s[0].close()
    equal((entries(b), accept_queue(b)), (0, 0))


@test("I18 ICMP errors for an entry do not end it at once, nor a connection ever")
def icmp_half_open(lab):
    b = bench(lab)
    lst = b.listen()
    flow = half_open(b)
    synack = packet(flow)
    b.raw.icmp_error(3, 3, synack)
    b.raw.icmp_error(3, 2, synack)
    if not NATIVE:
        b.is_state(flow, "SYN-RECEIVED")            # BSD: needs 3 retransmissions
        flow.send("A")
        flow.silent()
        s = accept(lst)
        b.raw.icmp_error(3, 3, synack)
        b.raw.icmp_error(3, 2, synack)
        flow.silent()
        equal((sock_state(s), sock_error(s)), ("ESTABLISHED", ""))


def packet(flow):
    """The packet of the flow's SYN-ACK, as an ICMP error would quote it"""
    flow.send("S", seq=flow.iss, options=MSS)
    return flow.expect("SA", rtx=True, at_once=True).packet


@test("I18 ICMP errors after three retransmissions: the second hard one ends it, no soft one",
      needs="tcpx")
def icmp_ends_entry(lab):
    b = bench(lab, synack_waits_ms="30 30 30 60000")
    b.listen()
    flow = half_open(b)
    for _ in range(3):
        synack = flow.expect("SA", rtx=True)
    moved = b.moved("SynqIcmp")
    wrong = bytearray(synack.packet)
    wrong[27] ^= 1                                  # another sequence number
    for code in (2, 3):
        b.raw.icmp_error(3, code, bytes(wrong))
    b.raw.fence()
    b.is_state(flow, "SYN-RECEIVED")
    b.raw.icmp_error(3, 2, synack.packet)
    b.raw.fence()
    b.is_state(flow, "SYN-RECEIVED")
    for code in (0, 1, 1, 1):                       # MUST-56: network, host unreachable
        b.raw.icmp_error(3, code, synack.packet)
    b.raw.fence()
    b.is_state(flow, "SYN-RECEIVED")
    b.raw.icmp_error(3, 3, synack.packet)
    b.raw.fence()
    b.is_state(flow, "CLOSED")
    equal(moved(), 1)


@test("I19 a listener closes: its entries vanish, its children are reset, the port is free",
      needs="tcpx")
def listener_closes(lab):
    b = bench(lab)
    lst, ready, acked = full_accept_queue(b)
    acked.send("A")
    acked.silent()
    ready[0].send("PA", data=b"data")
    ready[0].expect("A")
    lst.close()
    for flow in ready:
        flow.expect("RA", seq=flow.rcv)
    equal(entries(b), 0)
    acked.send("A")
    acked.expect("R", seq=acked.rcv)
    lst = b.listen()                                # at once, same port
    b.raw.flow().open()
    equal(sock_state(accept(lst)), "ESTABLISHED")


@test("R45 R47 a SYN-ACK that nobody asked for is reset, and that RST frees the entry")
def unasked_synack(lab):
    b = bench(lab)
    b.listen(PORT, 1)
    # the peer's kernel, not silenced, answers an unknown SYN-ACK like this
    flow = half_open(b)
    flow.send("R", seq=flow.snd)
    flow.silent()
    b.is_state(flow, "CLOSED")
    # and this is what ours does
    flow = b.raw.flow(4000)
    flow.send("SA", ack=12345, options=MSS)
    flow.expect("R", seq=12345, data=b"")


@test("R35 SO_LINGER 0 on a listener with entries and children leaves nothing", needs="tcpx")
def abort_listener(lab):
    b = bench(lab)
    lst = b.listen()
    entry, child = half_open(b), half_open(b)
    child.send("A")
    child.silent()
    abort(lst)
    child.expect("RA")
    entry.silent()
    equal([b.state(f) for f in (entry, child)], ["CLOSED", "CLOSED"])
