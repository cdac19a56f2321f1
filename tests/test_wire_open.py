# SPDX-License-Identifier: GPL-2.0
"""Connection establishment on the wire: RFC 9293 3.5 and 3.10.7.1 to 3.10.7.4."""
import errno
import socket
import struct

from lab import NATIVE, PROTO, SYN, Ns, check, equal, flag_text, parse_packet, test, wait_for
from wire import (FULL, MSS, PORT, RAW, RAW2, TICK, WAIT, Bench, Relay, abort, accept, attempt, clock,
                  echoing, opts, read, seq32, sock_error, sock_state, unsent)

REUSEPORT = (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


@test("R01 R18 connect() sends one SYN and nothing else")
def connect_sends_one_syn(lab):
    b = Bench(lab)
    flow, s = b.connect()
    syn = flow.expect("S", ack=0, data=b"", urg=0)
    check(syn.o.get("mss") == 1460, f"MSS option: {syn}")
    flow.silent()
    equal(sock_state(s), "SYN-SENT")
    b.is_state(flow, "SYN-SENT")


@test("R03 R33 SYN-ACK acknowledges IRS+1, also across 2^32, and the entry is listed")
def synack_acks_irs(lab):
    b = Bench(lab)
    b.listen()
    for irs in (0, 1000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff):
        flow = b.raw.flow(iss=irs)
        flow.send("S", options=MSS)
        flow.expect("SA", ack=seq32(irs + 1), data=b"")
        b.is_state(flow, "SYN-RECEIVED")


@test("R04 R17 the third segment, and only it, makes both ends ESTABLISHED")
def third_segment(lab):
    b = Bench(lab)
    lst = b.listen()
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    flow.expect("SA")
    b.is_state(flow, "SYN-RECEIVED")
    equal(attempt(lst.accept), "EAGAIN")
    flow.send("A")
    flow.silent("no data and no reply is needed")
    b.is_state(flow, "ESTABLISHED")
    equal(sock_state(accept(lst)), "ESTABLISHED")

    flow, s = b.connect()
    syn = flow.expect("S")
    equal(sock_state(s), "SYN-SENT")
    flow.send("SA", options=MSS)
    flow.expect("A", seq=syn.end, ack=flow.snd, data=b"")
    equal((sock_state(s), sock_error(s)), ("ESTABLISHED", ""))


def literal(text):
    return bytes.fromhex(text.replace(" ", ""))


@test("R07 header fields stand where RFC 9293 3.1 puts them, octet by octet")
def golden_octets(lab):
    b = Bench(lab)
    flow = b.raw.flow(81, sport=0x1234, iss=0x01020304)
    flow.send("S", options=MSS)
    rst = flow.expect("RA")
    # ports, seq, ack, offset 5, flags, window, (checksum), urgent pointer
    equal(rst.tcp[:16] + rst.tcp[18:].ljust(2), literal(
        "0051 1234 00000000 01020305 5014 0000 0000"), "RST,ACK for a SYN")
    flow = b.raw.flow(81, sport=0x1234)
    flow.send("A", seq=7, ack=0xa1b2c3d4)
    rst = flow.expect("R")
    equal(rst.tcp[:16] + rst.tcp[18:], literal(
        "0051 1234 a1b2c3d4 00000000 5004 0000 0000"), "RST for an ACK")
    flow, s = b.passive(iss=0x0a0b0c0d)
    s.send(b"\xde\xad")
    data = flow.expect("PA")
    equal(data.tcp[2:13], struct.pack("!HIIB", flow.sport, flow.irs + 1, 0x0a0b0c0e, 0x50))
    equal((data.tcp[13], data.tcp[20:]), (0x18, b"\xde\xad"), "PSH,ACK and text")
    flow.send("A")
    s.send(b"\xbe", socket.MSG_OOB)
    urgent = flow.expect("PAU")
    equal((urgent.tcp[13], urgent.tcp[18:20]), (0x38, b"\0\1"), "URG,PSH,ACK and pointer")
    flow.send("A")
    s.shutdown(socket.SHUT_WR)
    equal(flow.expect("FA").tcp[13], 0x11, "FIN,ACK")
    equal(b.reach("SYN-SENT")[0].last_got.tcp[13], 0x02, "SYN")
    equal(b.reach("HALF-OPEN")[0].last_got.tcp[13], 0x12, "SYN,ACK")
    flow, s = b.passive()
    abort(s)
    equal(flow.expect("RA", seq=flow.rcv, ack=flow.snd).tcp[13], 0x14, "RST,ACK")


def segments(lab, proto):
    """
    One segment of each kind, as (direction, flags, has text), of a connection
    of this protocol: its IP and TCP header fields and its options.
    """
    cap = lab.a.capture(snaplen=2000)
    lst, c = lab.b.socket(proto=proto), lab.a.socket(proto=proto)
    lst.bind((lab.b.ip, 0))
    lst.listen()
    c.connect(lst.getsockname())
    s = lst.accept()[0]
    for x, y, text in ((c, s, b"question"), (s, c, b"answer")):
        x.sendall(text)
        equal(read(y, len(text)), text)
        wait_for(lambda x=x: not unsent(x), what="the ACK of text")
    for x, y in ((c, s), (s, c)):
        x.shutdown(socket.SHUT_WR)
        equal(read(y, 1), b"", "end of stream")
    kinds = {}

    def seen():
        for ts, out, raw in cap.raw():
            seg = parse_packet(ts, out, raw, proto=proto)
            if seg and len(raw) > 40:
                kinds.setdefault((out, flag_text(seg.flags), seg.len > 0), fields(seg))
        return len([kind for kind in kinds if kind[1] == "FA"]) == 2
    wait_for(seen, what="both FINs in the capture")
    return kinds


def fields(seg):
    """What two implementations must have in common; TSval and TSecr are blanked."""
    options = seg.tcp[20:seg.doff]
    at = options.find(b"\x08\x0a")
    if at >= 0:
        options = options[:at + 2] + bytes(8) + options[at + 10:]
    ip = seg.ip
    return {"version, length": ip[0], "TOS": ip[1], "fragment": ip[6:8], "TTL": ip[8],
            "data offset and reserved bits": seg.tcp[12], "flags": seg.tcp[13],
            "urgent pointer": seg.urg, "options": options.hex(), "text": seg.payload}


@test("R07 SYN, SYN-ACK, ACK, text and FIN look like native TCP's, octet by octet", needs="tcpx",
      lab={"host_tcp": True})
def like_native(lab):
    native, ours = segments(lab, socket.IPPROTO_TCP), segments(lab, PROTO)
    for kind in ((True, "S", False), (False, "SA", False), (True, "A", False), (True, "PA", True),
                 (False, "A", False), (False, "PA", True), (True, "FA", False),
                 (False, "FA", False)):
        check(kind in native and kind in ours, f"no {kind} in {list(native)} or {list(ours)}")
        equal(ours[kind], native[kind], f"{kind[1]} {'from' if kind[0] else 'to'} the client")


def loopback_iss(ns):
    """The ISS of a connection whose 4-tuple is always the same, and when it was"""
    with ns.capture(dev="lo") as cap:
        lst, c = ns.listen(10000, addr="127.0.0.1"), ns.socket()
        c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        c.bind(("127.0.0.1", 40000))
        c.connect(("127.0.0.1", 10000))
        syn = cap.wait(lambda x: x.flags == SYN)[0]
        for s in (c, lst):
            abort(s)
    ns.wait_gone(40000)
    return syn.seq, syn.ts


@test("R08 the ISS of one 4-tuple rises with the clock; each namespace has a key of its own",
      needs="tcpx")
def isn_of_one_tuple(lab):
    spaces = [lab.a, lab.a, lab.b]
    for name in ("x", "y"):                             # the second in the place of the first
        spaces.append(Ns(name))
        spaces[-1].netlink.up("lo")
    got = []
    for ns in spaces:
        got.append(loopback_iss(ns))
        if ns.name in "xy":
            ns.close()

    def by_clock(x, y):
        """Do these two differ by what the clock of 64 ns ticks made, give or take 20 ms?"""
        ticks = int((y[1] - x[1]) / 64e-9)
        return seq32(y[0] - x[0] - ticks + 312500) < 625000
    check(0 < seq32(got[1][0] - got[0][0]) < 1 << 31, f"one tuple, one key: {got[:2]}")
    for nr, x in enumerate(got[1:], 1):
        check(not any(by_clock(x, y) for y in got[nr + 1:]), f"the same key: {got}")


@test("R08 initial sequence numbers are not predictable from each other")
def isn_varies(lab):
    b = Bench(lab)
    b.listen()
    for what in (lambda: b.connect()[0].expect("S"), lambda: half_open(b)):
        isns = [what().seq for _ in range(16)]
        check(len(set(isns)) == 16, f"repeated: {isns}")
        steps = {seq32(y - x) >> 20 for x, y in zip(isns, isns[1:])}
        check(len(steps) > 8, f"regular steps: {isns}")


def half_open(b):
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    return flow.expect("SA")


@test("R08 the article's example: 1234567 and 7654321", needs="tcpx")
def the_example(lab):
    b = Bench(lab, lab_isn=1234567)
    flow, s = b.connect(iss=7654321)
    flow.expect("S", seq=1234567)
    flow.send("SA", options=MSS)
    flow.expect("A", seq=1234568, ack=7654322)
    b.set(lab_isn=7654321)
    flow = b.raw.flow(iss=1234567)
    b.listen()
    flow.send("S", options=MSS)
    flow.expect("SA", seq=7654321, ack=1234568)
    flow.send("A", ack=7654322)
    flow.silent()
    b.is_state(flow, "ESTABLISHED")
    equal(sock_state(s), "ESTABLISHED")


@test("R09 a SYN-ACK that acknowledges the wrong number is reset, the right one still succeeds")
def synack_wrong_ack(lab):
    b = Bench(lab)
    flow, s = b.connect()
    syn = flow.expect("S")
    for ack in (syn.seq, syn.seq + 2, syn.seq - 1, syn.seq + 0x80000000):
        flow.send("SA", seq=flow.iss, ack=ack, options=MSS)
        flow.expect("R", seq=seq32(ack), data=b"")
        equal(sock_state(s), "SYN-SENT")
    flow.send("SA", options=MSS)
    flow.expect("A", seq=syn.end, ack=flow.snd)
    equal(sock_state(s), "ESTABLISHED")


@test("R09 a third segment that acknowledges the wrong number is reset, the entry stays")
def third_wrong_ack(lab):
    b = Bench(lab)
    lst = b.listen()
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    iss = flow.expect("SA").seq
    for ack in (iss, iss + 2, iss - 1, iss + 0x80000000):
        flow.send("A", ack=ack)
        flow.expect("R", seq=seq32(ack))
        b.is_state(flow, "SYN-RECEIVED")
    equal(attempt(lst.accept), "EAGAIN")
    flow.send("A")
    flow.silent()
    equal(sock_state(accept(lst)), "ESTABLISHED")


@test("R02 R31 the first octet is ISS+1, and sequence numbers alone order the stream")
def stream_by_sequence(lab):
    b = Bench(lab)
    text = bytes(range(256)) * 40
    for flow, s in (b.passive(), b.active()):
        s.send(text)
        got = {}
        while sum(map(len, got.values())) < len(text):
            seg = flow.expect("A", ack=flow.snd)
            got[seg.seq] = seg.data
        flow.send("A")
        equal(min(got, key=lambda q: seq32(q - flow.irs)), seq32(flow.irs + 1), "first octet")
        equal(b"".join(got[q] for q in sorted(got, key=lambda q: seq32(q - flow.irs))), text)
        # and the other way: later segments first
        start = flow.snd
        for i in (2000, 1000, 0):
            flow.send("A", seq=start + i, data=text[i:i + 1000])
        flow.snd = seq32(start + 3000)
        equal(read(s, 3000), text[:3000])


@test("R15 R16 R27 a socket starts CLOSED, listen() makes LISTEN, only a listener accepts")
def listen_opens(lab):
    b = Bench(lab)
    s = b.socket()
    equal(sock_state(s), "CLOSED")
    s.bind((b.ns.ip, PORT))
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    flow.expect("RA", seq=0, ack=flow.snd)
    s.listen(4)
    equal(sock_state(s), "LISTEN")
    check(b.ns.conns("LISTEN", PORT), "the listener is listed")
    b.raw.flow().open()
    equal(sock_state(accept(s)), "ESTABLISHED")
    s.close()
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    flow.expect("RA", seq=0, ack=flow.snd)


@test("R26 SYN to a closed port: RST,ACK with SEQ 0 and ACK SEG.SEQ+SEG.LEN")
def closed_port(lab):
    b = Bench(lab)
    for iss in (0, 1000, 0xffffffff):
        flow = b.raw.flow(81, iss=iss)
        flow.send("S", options=MSS)
        flow.expect("RA", seq=0, ack=seq32(iss + 1), window=0, data=b"", opts=b"")
        flow = b.raw.flow(81, iss=iss)
        flow.send("S", options=MSS, data=b"x" * 10)
        flow.expect("RA", seq=0, ack=seq32(iss + 11))
        flow = b.raw.flow(81, iss=iss)
        flow.send("FS")
        flow.expect("RA", seq=0, ack=seq32(iss + 2))


@test("R26 connect() to a closed port fails at once with ECONNREFUSED")
def connect_refused(lab):
    b = Bench(lab)
    flow, s = b.connect()
    syn = flow.expect("S")
    flow.send("R", seq=0)                           # RFC 9293 3.10.7.3: no ACK, no effect
    flow.send("RA", seq=0, ack=syn.seq)             # unacceptable ACK
    flow.send("RA", seq=0, ack=syn.seq + 2)
    flow.silent()
    equal((sock_state(s), sock_error(s)), ("SYN-SENT", ""))
    flow.send("RA", seq=0, ack=syn.end)
    flow.silent()
    equal((sock_state(s), sock_error(s)), ("CLOSED", "ECONNREFUSED"))


@test("R05 each of the three segments lost once: no accept(), the right states, recovery")
def each_segment_lost(lab):
    b = Bench(lab, rto_init_ms=WAIT, synack_waits_ms=" ".join(6 * [str(WAIT)]))
    lst = b.listen()
    flow, s = b.connect()
    first = flow.expect("S")
    equal(sock_state(s), "SYN-SENT")
    again = flow.expect("S", rtx=True)              # the SYN was lost
    equal((again.seq, again.opts[:4]), (first.seq, first.opts[:4]))
    flow.send("SA", options=MSS)
    flow.expect("A")
    equal(sock_state(s), "ESTABLISHED")

    flow = b.raw.flow()
    flow.send("S", options=MSS)
    synack = flow.expect("SA")
    equal(flow.expect("SA", rtx=True).seq, synack.seq)  # the SYN-ACK was lost
    equal(attempt(lst.accept), "EAGAIN")
    b.is_state(flow, "SYN-RECEIVED")
    flow.send("S", seq=flow.iss, options=MSS)       # so the client repeats its SYN too
    equal(flow.expect("SA", rtx=True, at_once=True).seq, synack.seq)
    flow.send("A")                                  # this one is lost in the next flow
    flow.silent()
    equal(sock_state(accept(lst)), "ESTABLISHED")

    flow, s = b.connect()
    flow.expect("S")
    flow.send("SA", options=MSS)
    ack = flow.expect("A")                          # lost: the server repeats its SYN-ACK
    flow.send("SA", seq=flow.iss, options=MSS)
    equal(flow.expect("A").ack, ack.ack)
    equal(sock_state(s), "ESTABLISHED")


@test("R28 what both sides offer is agreed, and nothing else")
def negotiation(lab):
    b = Bench(lab)
    offers = ((MSS, set()), (opts(mss=1000, ws=3), {"ws"}),
              (opts(mss=1000, sack_ok=True), {"sackok"}),
              (opts(mss=1000, ts=(99, 0)), {"ts"}), (FULL, {"ws", "sackok", "ts"}), (b"", set()))
    lst = b.listen()
    for options, agreed in offers:
        flow = b.raw.flow()
        synack = flow.open(options)
        equal(set(synack.o) - {"mss"}, agreed, f"options of the SYN-ACK to {options.hex()}")
        if "ts" in agreed:
            equal(synack.o["ts"][1], 99 if options != FULL else 5000, "TSecr")
        compare_info(accept(lst), options, agreed, synack)
    for options, agreed in offers:
        flow, s = b.connect()
        syn = flow.answer(options)
        equal(set(syn.o), {"mss", "ws", "sackok", "ts"}, "options of the SYN")
        compare_info(s, options, agreed, syn)


def compare_info(s, options, agreed, seg):
    """TCP_INFO must tell what went over the wire."""
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    bits, scales = info[5], info[6]
    equal({n for n, bit in (("ts", 1), ("sackok", 2), ("ws", 4)) if bits & bit}, agreed,
          "tcpi_options")
    if "ws" in agreed:
        equal((scales & 15, scales >> 4), (7 if options == FULL else 3, seg.o["ws"]), "tcpi_wscale")
    mss = {MSS: 1460, FULL: 1460, b"": 536}.get(options, 1000)
    equal(struct.unpack_from("I", info, 16)[0], mss - 12 * ("ts" in agreed), "tcpi_snd_mss")


@test("R39 SYN marks the initial number only: in a running connection it is challenged")
def syn_in_connection(lab):
    b = Bench(lab, challenge_ms=0)
    for offset in (0, 1, -1, 1000, 0x40000000, -0x40000000):
        for flow, s in (b.passive(), b.active()):
            flow.send("S", seq=flow.snd + offset, options=MSS)
            flow.expect("A", seq=flow.rcv, ack=flow.snd, data=b"")
            s.send(b"alive")
            flow.expect("A", data=b"alive")
            abort(s)


@test("I01 simultaneous open: SYN crosses SYN, then SYN-ACK or a bare ACK completes it")
def simultaneous_open(lab):
    b = Bench(lab)
    for last in ("SA", "A"):
        flow, s = b.connect()
        syn = flow.expect("S")
        flow.send("S", options=MSS)
        flow.expect("SA", seq=syn.seq, ack=flow.snd)
        flow.watched = not NATIVE                   # it scales a window that was not agreed to be
        equal(sock_state(s), "SYN-RECEIVED")
        if last == "SA":
            flow.send("SA", seq=flow.iss, ack=syn.end, options=MSS)
            for seg in flow.replies():              # RFC 9293 fig. 7 allows an ACK
                check((seg.flags, seg.ack) == (0x10, flow.snd), f"only an ACK may follow: {seg}")
        else:
            flow.send("A")
            flow.silent()
        equal((sock_state(s), sock_error(s)), ("ESTABLISHED", ""))
        flow.send("PA", data=b"ab")
        equal(read(s, 2), b"ab")
        s.send(b"cd")
        flow.get()  # the ACK of ab or cd
        s.close()


@test("I01 a crossing SYN-ACK echoes our SYN, not our SYN-ACK: it completes, a forged one does not")
def simultaneous_stamps(lab):
    b = Bench(lab, challenge_ms=0)
    flow, s = b.connect()
    syn = flow.expect("S")
    wait_for(lambda: clock(b) - syn.time > 3 * TICK, what="another tick of the timestamp clock")
    flow.send("S", options=FULL)
    synack = flow.expect("SA", ack=flow.snd)
    flow.watched = False
    sent = syn.o["ts"][0], synack.o["ts"][0]
    check(sent[0] != sent[1], f"the clock has ticked: {sent}")
    if not NATIVE:
        for echo in (sent[0] - 1, sent[1] + 100000):
            flow.send("SA", seq=flow.iss, ack=syn.end, options=echoing(FULL, seq32(echo)))
            flow.expect("A", seq=syn.end, ack=flow.snd)
            equal(sock_state(s), "SYN-RECEIVED")
    flow.send("SA", seq=flow.iss, ack=syn.end, options=echoing(FULL, sent[0]))
    flow.replies()
    equal((sock_state(s), sock_error(s)), ("ESTABLISHED", ""))


@test("I01 I02 two sockets that connect to each other, with each segment lost once")
def simultaneous_pair(lab):
    b = Bench(lab, rto_init_ms=WAIT)
    for nr, lost in enumerate((None, "SA", "both")):
        pa, pb = 5001 + 10 * nr, 5002 + 10 * nr
        r = Relay(b, pa, pb)
        _, sa = b.connect(pb, bind=pa, to=RAW)
        _, sb = b.connect(pa, bind=pb, to=RAW2)
        syns = r.take(r.a, "S"), r.take(r.b, "S")
        r.give(syns[0], r.b)
        r.give(syns[1], r.a)
        equal((sock_state(sa), sock_state(sb)), ("SYN-RECEIVED", "SYN-RECEIVED"))
        synacks = r.take(r.a, "SA", seq=syns[0].seq), r.take(r.b, "SA", seq=syns[1].seq)
        if lost is None:
            r.give(synacks[0], r.b)
        if lost != "both":
            r.give(synacks[1], r.a)
        wait_for(lambda: r.settle() or r.states() == ("ESTABLISHED",) * 2, 10,
                 lambda: f"both ESTABLISHED, they are {r.states()}\n{b.raw.story()}")
        sa.send(b"from a")
        sb.send(b"from b")
        r.settle()
        equal((read(sa, 6), read(sb, 6)), (b"from b", b"from a"))
        sa.close()
        sb.close()


@test("I02 a bare ACK in SYN-SENT, even a right one, does not open")
def bare_ack_in_syn_sent(lab):
    b = Bench(lab)
    flow, s = b.connect()
    syn = flow.expect("S")
    flow.send("A", ack=syn.end)
    flow.silent()
    equal(sock_state(s), "SYN-SENT")
    flow.send("A", ack=syn.end + 1)
    flow.expect("R", seq=syn.end + 1)
    flow.send("SA", options=MSS)
    flow.expect("A")
    equal(sock_state(s), "ESTABLISHED")


@test("I04 crossed SYNs where a listener has the same port: the connecting socket wins")
def crossed_with_listener(lab):
    b = Bench(lab)
    c, lst = b.socket(REUSEPORT), b.socket(REUSEPORT)
    for s in (c, lst):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((b.ns.ip, PORT))
    lst.listen(4)
    equal(c.connect_ex((RAW, 80)), errno.EINPROGRESS)
    flow = b.raw.flow(PORT, 80)
    syn = flow.expect("S")
    flow.send("S", options=MSS)
    flow.expect("SA", seq=syn.seq, ack=flow.snd)
    equal(sock_state(c), "SYN-RECEIVED")
    flow.send("A")
    flow.silent()
    equal((sock_state(c), attempt(lst.accept)), ("ESTABLISHED", "EAGAIN"))


@test("I05 forged crossed SYNs to two listeners open nothing")
def crossed_listeners(lab):
    b = Bench(lab)
    lsts = b.listen(5001), b.listen(5002)
    r = Relay(b)
    r.a.send("S", options=MSS)
    synack = r.take(r.a, "SA")
    r.give(synack, r.b)
    rst = r.take(r.b, "R", seq=synack.ack)
    r.give(rst, r.a)
    r.settle()
    equal(r.states(), ("CLOSED", "CLOSED"))
    equal([attempt(lst.accept) for lst in lsts], ["EAGAIN", "EAGAIN"])


@test("I10 the third segment is lost: data completes the handshake")
def data_completes(lab):
    b = Bench(lab)
    lst = b.listen()
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    flow.expect("SA")
    flow.send("PA", data=b"request")
    flow.expect("A", ack=flow.snd)
    s = accept(lst)
    equal((sock_state(s), read(s, 7)), ("ESTABLISHED", b"request"))


@test("I09 third segment and first data change places: data arrives, no RST")
def data_before_ack(lab):
    b = Bench(lab)
    lst = b.listen()
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    flow.expect("SA")
    start = flow.snd
    flow.send("PA", data=b"second", seq=start + 5)  # completes the handshake, out of order
    flow.send("A", seq=start)                       # the real third segment, late
    flow.send("PA", data=b"first", seq=start)
    flow.snd = seq32(start + 11)
    s = accept(lst)
    equal(read(s, 11), b"firstsecond")
    check(all(not seg.flags & 4 for seg in flow.replies()), "no RST")


@test("R40 I39 sequence numbers wrap: IRS and ISS around 2^31 and 2^32, both ways")
def wrap(lab):
    b = Bench(lab)
    text = bytes(i & 255 for i in range(5600))
    for number in (0xffffffff, 0x7fffffff, 0xffffffff - 2500, 0x7fffffff - 2500):
        for active in (False, True):
            if not NATIVE:
                b.set(lab_isn=number - (1 << 32) * (number >> 31))
            flow, s = (b.active if active else b.passive)(iss=number, options=FULL)
            if not NATIVE:
                equal(flow.irs, number, "ISN of the laboratory")
            exchange(flow, s, text)
            s.shutdown(socket.SHUT_WR)
            flow.expect("FA", seq=seq32(flow.irs + 1 + len(text)))
            flow.send("FA")
            flow.expect("A", ack=flow.snd)
            b.is_state(flow, "TIME-WAIT")


def exchange(flow, s, text):
    """text in both directions, ours with a hole in the middle"""
    start = flow.snd
    flow.send("A", seq=start, data=text[:1400])
    flow.send("A", seq=start + 2800, data=text[2800:4200])
    sacks = [seg.o["sack"] for seg in flow.replies() if "sack" in seg.o]
    equal(sacks[-1][0], (seq32(start + 2800), seq32(start + 4200)), "SACK block")
    flow.send("A", seq=start + 1400, data=text[1400:2800])
    flow.send("PA", seq=start + 4200, data=text[4200:])
    flow.snd = seq32(start + len(text))
    equal(read(s, len(text)), text)
    flow.replies()
    s.send(text)
    got = b""
    while len(got) < len(text):
        seg = flow.expect("A", seq=seq32(flow.irs + 1 + len(got)))
        got += seg.data
        flow.send("A")
    equal(got, text)


@test("R42 RST ends its own connection and no other")
def rst_kills_one(lab):
    b = Bench(lab)
    flows = [b.passive(), b.active(), b.passive()]
    half = b.reach("HALF-OPEN")[0]
    victim, s = flows.pop(0)
    victim.send("R")
    victim.silent()
    equal(attempt(s.recv, 1), "ECONNRESET")
    equal(sock_state(s), "CLOSED")
    b.is_state(victim, "CLOSED")
    b.is_state(half, "SYN-RECEIVED")
    for flow, s in flows:
        b.is_state(flow, "ESTABLISHED")
        s.send(b"alive")
        flow.expect("PA", data=b"alive")
    b.raw.flow().open()


@test("R06 SYN-SENT and SYN-RECEIVED are visible while the segments are under way")
def intermediate_states(lab):
    b = Bench(lab)
    r = Relay(b)
    lst = b.listen(5002)
    _, c = b.connect(5002, bind=5001)
    equal(b.state(r.a), "SYN-SENT")
    r.carry(r.a, "S")
    equal(r.states(), ("SYN-SENT", "SYN-RECEIVED"))
    r.carry(r.b, "SA")
    equal(r.states(), ("ESTABLISHED", "SYN-RECEIVED"))
    r.carry(r.a, "A")
    equal(r.states(), ("ESTABLISHED", "ESTABLISHED"))
    s = accept(lst)
    c.send(b"x")
    r.settle()
    equal(read(s, 1), b"x")
