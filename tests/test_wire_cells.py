# SPDX-License-Identifier: GPL-2.0
"""Every state meets every event: the table of the protocol's specification, on the wire."""
import itertools
import socket

from lab import NATIVE, check, equal, libc, test, wait_for
from wire import (FULL, MSS, PORT, WAIT, Bench, abort, accept, attempt, opts, seq32, sock_error,
                  sock_state)

STATES = {"CL": "CLOSED", "LI": "LISTEN", "SS": "SYN-SENT", "HO": "HALF-OPEN", "SR": "SYN-RECEIVED",
          "ES": "ESTABLISHED", "F1": "FIN-WAIT-1", "F2": "FIN-WAIT-2", "CW": "CLOSE-WAIT",
          "CG": "CLOSING", "LA": "LAST-ACK", "TW": "TIME-WAIT"}

# What is answered, and after > the state that follows if it is another one.
#   A   <SEQ=SND.NXT><ACK=RCV.NXT><ACK>       R0  <SEQ=0><ACK=SEG.SEQ+SEG.LEN><RST,ACK>
#   SA  SYN,ACK                               R1  <SEQ=SEG.ACK><RST>
#   d   nothing      ?  nothing or A          -   see another row, or impossible
# The names of the rows are those of SHOTS.
TABLE = """
           CL  LI     SS     HO     SR     ES    F1    F2    CW    CG    LA    TW
syn        R0  SA>HO  SA>SR  -      -      A     A     A     A     A     A     SA>HO
syn_same   -   -      -      SA     SA     A     A     A     A     A     A     A
syn_out    -   -      -      A      A      A     A     A     A     A     A     -
syn_in     -   -      -      d>CL   A      -     -     -     -     -     -     -
synack     R1  R1     A>ES   d>ES   ?>ES   A     A     A     A     A     A     A
synack_bad R1  R1     R1     R1     A      A     A     A     A     A     A     A
ack        R1  R1     d      d>ES   d>ES   d     d>F2  d     d     d>TW  d>CL  d
ack_dup    -   -      R1     R1     R1     d     d     d     d     d     d     A
ack_old    R1  R1     R1     R1     R1     A     A     A     A     A     A     A
ack_bad    R1  R1     R1     R1     R1     A     A     A     A     A     A     A
rst        d   d      d>CL   d>CL   d>CL   d>CL  d>CL  d>CL  d>CL  d>CL  d>CL  d>CL
rst_wnd    d   d      d      A      A      A     A     A     A     A     A     d
rst_out    d   d      d      d      d      d     d     d     d     d     d     d
rst_fin    -   -      -      -      -      -     -     -     d>CL  -     -     -
text       R1  R1     -      A>ES   A>ES   A     A     A     A     A     A     A
text_syn   -   -      A>ES   -      -      -     -     -     -     -     -     -
text_ooo   R1  R1     -      A>ES   A>ES   A     A     A     A     A     A     A
seq_bad    -   -      -      A      A      A     A     A     A     A     A     A
seq_ack    -   -      -      A      A      A     A     A     A     A     A     A
fin        R1  R1     d      A>CW   A>CW   A>CW  A>CG  A>TW  A     A     A     A
fin_syn    -   -      A>ES   -      -      -     -     -     -     -     -     -
finack     R1  R1     -      -      -      -     A>TW  A>TW  -     ?>TW  ?>CL  A
none       R0  d      d      d      d      d     d     d     d     d     d     d
fin_only   R0  d      d      d      d      d     d     d     d     d     d     d
urg        -   -      -      d>ES   d>ES   d     d     d     d     d     d     d
paws       -   -      d      A      A      A     A     A     A     A     A     A
tsecr      -   -      -      A      A      -     -     -     -     -     -     -
"""

# Where native TCP answers otherwise, on purpose or by old habit.
NATIVE_DIFFERS = {
    ("syn_in", "HO"), ("synack", "HO"), ("rst_wnd", "HO"), ("tsecr", "HO"), ("tsecr", "SR"),
    ("paws", "SS"), ("syn_same", "SR"), ("ack_dup", "SR"), ("rst", "SR"),
    *((kind, state) for kind in ("text", "text_ooo", "fin") for state in ("CW", "CG", "LA")),
    *((kind, "TW") for kind in ("ack_dup", "ack_old", "ack_bad", "none", "fin_only")),
}


def una(f):
    """SND.UNA of the peer if its SYN or FIN is still unacknowledged"""
    return f.rcv - 1


def shoot_syn(f, seq):
    f.snd = seq
    f.send("S", options=MSS)


def shoot_paws(f):
    """A TSval older than TS.Recent; in SYN-SENT an echo of what was never sent"""
    if f.irs is not None and f.ts is None:
        f.send("SA", options=opts(mss=1460, ts=(1, f.ts_echo - 100000)))
    else:
        f.send("PA", seq=f.snd, data=b"text", options=opts(ts=(f.ts - 1000, f.ts_echo)))


SHOTS = {
    "syn": lambda f: shoot_syn(f, f.snd + 100),
    "syn_same": lambda f: f.send("S", seq=f.iss, options=MSS),
    "syn_out": lambda f: f.send("S", seq=f.snd - 5000, options=MSS),
    "syn_in": lambda f: f.send("S", seq=f.snd + 500, options=MSS),
    "synack": lambda f: f.send("SA", seq=f.iss, ack=(f.irs or 4999) + 1, options=MSS),
    "synack_bad": lambda f: f.send("SA", seq=f.iss, ack=f.rcv + 1, options=MSS),
    "ack": lambda f: f.send("A"),
    "ack_dup": lambda f: f.send("A", ack=f.snd_una),
    "ack_old": lambda f: f.send("A", ack=f.rcv - 100000),
    "ack_bad": lambda f: f.send("A", ack=f.rcv + 1),
    "rst": lambda f: f.send("RA"),
    "rst_wnd": lambda f: f.send("R", seq=f.snd + 1),
    "rst_out": lambda f: f.send("RA", seq=f.snd - 2, ack=f.rcv + 1),
    "rst_fin": lambda f: f.send("R", seq=f.snd - 1),
    "text": lambda f: f.send("PA", data=b"text", ack=f.ok),
    "text_syn": lambda f: f.send("SA", data=b"text", options=MSS),
    "text_ooo": lambda f: f.send("PA", seq=f.snd + 9, data=b"text", ack=f.ok),
    "seq_bad": lambda f: f.send("PA", seq=f.snd + (1 << 20), data=b"text"),
    "seq_ack": lambda f: f.send("A", seq=f.snd + (1 << 20)),
    "fin": lambda f: f.send("FA", ack=f.ok),
    "fin_syn": lambda f: f.send("FSA", options=MSS),
    "finack": lambda f: f.send("FA"),
    "none": lambda f: f.send("", data=b"text"),
    "fin_only": lambda f: f.send("FPU"),
    "urg": lambda f: f.send("AU", urg=1, ack=f.ok),
    "paws": shoot_paws,
    "tsecr": lambda f: f.send("PA", data=b"text", options=opts(ts=(f.ts, f.ts_echo - 100000))),
}


def cells():
    """(kind of segment, state, answer, next state) of the table"""
    lines = TABLE.strip().splitlines()
    for line in lines[1:]:
        kind, *columns = line.split()
        for state, cell in zip(lines[0].split(), columns, strict=True):
            if cell != "-" and not (NATIVE and (kind, state) in NATIVE_DIFFERS):
                answer, _, after = cell.partition(">")
                yield kind, state, answer, after or state


def prepare(b, kind, state, how):
    """A flow in the state, and what the shots need to know"""
    stamped = kind in ("paws", "tsecr")
    if state in ("CL", "LI"):
        flow, s = b.raw.flow(81 if state == "CL" else PORT), None
        flow.rcv = 5000
    else:
        flow, s = b.reach(STATES[state], how, options=FULL if stamped else MSS)
    if kind == "ack" and state in ("ES", "CW"):             # something to acknowledge
        s.send(b"q")
        flow.expect("PA", data=b"q")
    unacked = state in ("SS", "HO", "SR", "F1", "CG", "LA")
    flow.snd_una = una(flow) if unacked or state == "TW" else flow.rcv
    # an acceptable ACK that does not cover our FIN
    flow.ok = una(flow) if state in ("F1", "CG", "LA") or (kind, state) == ("fin", "TW") else \
        flow.rcv
    return flow, s


TAKEN = {("text", s) for s in ("HO", "SR", "ES", "F1", "F2")} | \
        {("fin", s) for s in ("HO", "SR", "ES", "F1", "F2")} | {("finack", s) for s in ("F1", "F2")}


def judge(flow, kind, state, answer, before):
    """The answer must be the one of the table."""
    nxt, rcv_nxt, sent = before
    if kind in ("text_syn", "fin_syn") or (kind, state) == ("synack", "SS"):
        rcv_nxt = seq32(flow.iss + 1)                       # text and FIN of a SYN are not taken
    elif (kind, state) in TAKEN:
        rcv_nxt = sent.end
    if answer == "A":
        flow.expect("A", 3, at_once=kind != "text" and not NATIVE, seq=nxt, ack=rcv_nxt, data=b"")
    elif answer == "SA":
        flow.expect("SA", 3, rtx=True, at_once=True, ack=sent.end)
    elif answer == "R0":
        flow.expect("RA", 3, at_once=True, seq=0, ack=sent.end)
    elif answer == "R1":
        flow.expect("R", 3, at_once=True, seq=sent.ack)
    elif answer == "?":
        got = flow.replies(rtx=False)
        flow.check(len(got) <= 1 and all(seg.flags == 16 for seg in got), f"ACK or nothing: {got}")
    flow.silent()


ERRORS = {"SS": "ECONNREFUSED", "SR": "ECONNREFUSED", "CW": "EPIPE" if NATIVE else "ECONNRESET"}


def after_shot(b, flow, s, kind, state, after):
    if s and after not in ("TW", "HO") and not (state == "TW"):
        flow.check(sock_state(s) == STATES[after], f"{sock_state(s)} instead of {STATES[after]}")
        if kind in ("rst", "rst_fin") and state not in ("CG", "LA"):
            equal(sock_error(s), ERRORS.get(state, "ECONNRESET"), "SO_ERROR")
    elif after == "LI":
        b.is_state(flow, "CLOSED")
    else:
        b.is_state(flow, STATES[after].replace("HALF-OPEN", "SYN-RECEIVED"))


def cell(b, kind, state, answer, after, how):
    flow, s = prepare(b, kind, state, how)
    before = [flow.rcv, flow.snd]
    SHOTS[kind](flow)
    judge(flow, kind, state, answer, (*before, flow.last_sent))
    after_shot(b, flow, s, kind, state, after)
    if after == "ES" and state == "HO":
        s = accept(b.listener)
    if s:
        abort(s)


for STATE in STATES:
    @test(f"cells: every kind of segment in {STATES[STATE]}", timeout=120)
    def segments_in_state(lab, state=STATE):
        b = Bench(lab)
        b.listen()
        wrong = []
        # who connected matters once there is a connection
        roles = ("passive",) if state in ("CL", "LI", "SS", "HO", "SR") else ("passive", "active")
        for (kind, where, answer, after), how in itertools.product(cells(), roles):
            if where != state or (kind, state, how) == ("syn", "TW", "active"):
                continue                                # where nobody listens, see I36
            try:
                cell(b, kind, state, answer, after, how)
            except AssertionError as e:
                wrong.append(f"{kind}, {how}: {e}")
        check(not wrong, "\n".join(wrong))


# ---- calls ----

# state: listen(), connect(), send(), recv(), shutdown(SHUT_WR), the segment and state it leads to
CALLS = {
    "CL": ("ok", "EINPROGRESS", "EPIPE", "ENOTCONN", "ENOTCONN", None, "CLOSED"),
    "LI": ("ok", "EISCONN", "EPIPE", "ENOTCONN", "ok", None, "LISTEN"),
    "SS": ("EINVAL", "EALREADY", "EAGAIN", "EAGAIN", "ok", None, "CLOSED"),
    "SR": ("EINVAL", "EALREADY", "EAGAIN", "EAGAIN", "ok", "FA", "FIN-WAIT-1"),
    "ES": ("EINVAL", "EISCONN", "ok", "EAGAIN", "ok", "FA", "FIN-WAIT-1"),
    "F1": ("EINVAL", "EISCONN", "EPIPE", "EAGAIN", "ok", None, "FIN-WAIT-1"),
    "F2": ("EINVAL", "EISCONN", "EPIPE", "EAGAIN", "ok", None, "FIN-WAIT-2"),
    "CW": ("EINVAL", "EISCONN", "ok", b"", "ok", "FA", "LAST-ACK"),
    "CG": ("EINVAL", "EISCONN", "EPIPE", b"", "ok", None, "CLOSING"),
    "LA": ("EINVAL", "EISCONN", "EPIPE", b"", "ok", None, "LAST-ACK"),
}


def socket_in(b, state):
    if state == "CL":
        return None, b.socket()
    if state == "LI":
        return None, b.listen(PORT + 1)
    return b.reach(STATES[state])


@test("cells: listen, connect, send, recv, TCP_INFO and shutdown in every state")
def calls_in_states(lab):
    b = Bench(lab)
    b.listen()
    for state, (listen, connect, send, recv, shut, segment, after) in CALLS.items():
        if NATIVE and state == "SR":                    # its FIN waits for ESTABLISHED
            continue

        def expect(what, got, want, state=state):
            equal("ok" if got is None else got, want, f"{what} in {STATES[state]}")
        flow, s = socket_in(b, state)
        equal(sock_state(s), STATES[state])
        expect("recv()", attempt(s.recv, 1), recv)
        expect("send()", attempt(s.send, b"x"), 1 if send == "ok" else send)
        if send == "ok":
            flow.expect("PA")
            flow.send("A")
        expect("shutdown()", attempt(s.shutdown, socket.SHUT_WR), shut)
        if segment:
            flow.expect(segment)
        elif flow:
            flow.silent()
        equal(sock_state(s), after, f"after shutdown() in {STATES[state]}")
        if state == "LI":
            s.close()
        flow, s = socket_in(b, state)
        expect("connect()", attempt(s.connect, ("10.53.0.9", 99)), connect)
        if state == "CL":
            s = b.socket()
        expect("listen()", attempt(s.listen, 5), listen)
        if state == "LI":
            s.close()


@test("cells: close() and SO_LINGER 0 in every state")
def close_in_states(lab):
    b = Bench(lab)
    lst = b.listen()
    # what close() sends, the state it leaves behind; what an abort sends
    rows = {"SS": (None, "CLOSED", None), "SR": ("FA", "FIN-WAIT-1", "RA"),
            "ES": ("FA", "FIN-WAIT-1", "RA"), "F1": (None, "FIN-WAIT-1", "RA"),
            "F2": (None, "FIN-WAIT-2", "RA"), "CW": ("FA", "LAST-ACK", "RA"),
            "CG": (None, "CLOSING", None), "LA": (None, "LAST-ACK", None)}
    if NATIVE:
        del rows["SR"]                                  # its FIN waits for ESTABLISHED
    for state, (sent, after, aborted) in rows.items():
        flow, s = b.reach(STATES[state])
        s.close()
        if sent:
            flow.expect(sent, seq=flow.rcv, ack=flow.snd)
        flow.silent(f"close() in {STATES[state]}")
        b.is_state(flow, after)
        flow, s = b.reach(STATES[state])
        abort(s)
        if aborted:
            flow.expect(aborted, seq=flow.rcv, ack=flow.snd)
        flow.silent(f"abort in {STATES[state]}")
        b.is_state(flow, "CLOSED")
    entry = b.reach("HALF-OPEN")[0]
    child = b.raw.flow()
    child.open()
    lst.close()
    child.expect("RA", seq=child.rcv)
    entry.silent("a closed listener")
    if not NATIVE:
        b.is_state(entry, "CLOSED")


@test("cells: connect(AF_UNSPEC) in every state")
def disconnect_in_states(lab):
    b = Bench(lab)
    b.listen()
    rows = {"SS": None, "SR": "RA", "ES": "RA", "F1": "RA", "F2": "RA", "CW": "RA", "CG": None,
            "LA": None}
    for state, sent in rows.items():
        flow, s = b.reach(STATES[state])
        equal(disconnect(s), 0, f"connect(AF_UNSPEC) in {STATES[state]}")
        if sent and not (NATIVE and state == "SR"):
            flow.expect(sent, seq=flow.rcv)
        flow.replies() if NATIVE else flow.silent(f"connect(AF_UNSPEC) in {STATES[state]}")
        equal(sock_state(s), "CLOSED")
        b.is_state(flow, "CLOSED")
        s.close()
    entry, _ = b.reach("HALF-OPEN")
    child = b.raw.flow()
    child.open()
    for _ in range(2):                                  # in LISTEN, then in CLOSED
        equal(disconnect(b.listener), 0, "connect(AF_UNSPEC)")
        equal(sock_state(b.listener), "CLOSED")
    child.expect("RA", seq=child.rcv)
    entry.silent("a listener that is none any more")
    equal([b.state(child), NATIVE or b.state(entry)], ["CLOSED", NATIVE or "CLOSED"])


def disconnect(s):
    """connect() with AF_UNSPEC, which Python cannot say"""
    return libc.connect(s.fileno(), b"\0" * 16, 16)


# ---- timers ----

@test("cells: the retransmission timer in every state, up to its limit", needs="tcpx")
def rtx_timer(lab):
    b = Bench(lab, rto_init_ms=WAIT // 2, rto_min_ms=WAIT // 2, syn_retries=2, retries2=2,
              orphan_retries=2, synack_waits_ms=f"{WAIT} {WAIT} {WAIT}", synack_retries=2)
    what = {"SS": "S", "HO": "SA", "SR": "SA", "ES": "A", "F1": "FA", "CW": "A", "CG": "FA",
            "LA": "FA"}
    ends = []
    for state, flags in what.items():                   # all wait at the same time
        flow, s = b.reach(STATES[state])
        if flags == "A":
            s.send(b"text")
            flow.expect("PA")
        seq = {"A": flow.irs + 1, "FA": flow.rcv - 1}.get(flags, flow.irs)
        ends.append((state, flow, s, flags, seq))
    for state, flow, s, flags, seq in ends:
        if s and state not in ("CG", "LA"):
            wait_for(lambda: sock_state(s) == "CLOSED", what=f"the end of {STATES[state]}")
            equal(sock_error(s), "ETIMEDOUT", STATES[state])
        b.wait_state(flow, "CLOSED")
        equal(flow.count(flags, seq), 3, f"transmissions in {STATES[state]}")


@test("cells: TCP_USER_TIMEOUT in every state with something in flight", needs="tcpx")
def user_timer(lab):
    b = Bench(lab, rto_init_ms=WAIT // 5, rto_min_ms=WAIT // 5)
    user = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, WAIT // 2)
    for state in ("SS", "SR", "ES", "F1", "CW", "CG", "LA"):
        flow, s = b.reach(STATES[state])
        s.setsockopt(*user)
        if state in ("ES", "CW"):
            s.send(b"text")
        wait_for(lambda: sock_state(s) == "CLOSED", what=f"the end of {STATES[state]}")
        if state not in ("CG", "LA"):
            equal(sock_error(s), "ETIMEDOUT", STATES[state])
        check(len(flow.replies()) < 5, "far from the limit of retransmissions")


@test("cells: 2MSL, and FIN-WAIT-2 of an orphan", needs="tcpx")
def msl_timer(lab):
    b = Bench(lab, timewait_ms=50, fin_timeout_ms=50)
    for orphan in (False, True):
        flow, s = b.passive()
        b.finish(s, orphan)
        flow.expect("FA")
        flow.send("A")
        if not orphan:
            flow.send("FA")
        b.wait_state(flow, "CLOSED")
        s.close()


@test("cells: the persist timer in every state that can have text left", needs="tcpx")
def persist_timer(lab):
    b = Bench(lab, rto_init_ms=WAIT // 5, rto_min_ms=WAIT // 5, orphan_retries=2)
    for state in ("ES", "F1", "CW", "CG", "LA"):
        for orphan in (False, True):
            flow, s = b.passive(window=0)
            if state in ("CW", "LA"):
                flow.send("FA")
                flow.expect("A")
            s.send(b"text")
            if state in ("F1", "CG", "LA"):
                b.finish(s, orphan)
            elif orphan:
                continue
            if state == "CG":
                flow.send("FA")
                flow.expect("A")
            b.is_state(flow, STATES[state])
            for _ in range(2):
                probe = flow.get(rtx=True)
                flow.check(probe and not probe.flags & 7 and len(probe.data) <= 1,
                           f"a probe in {STATES[state]}: {probe}")
            if orphan:
                b.wait_state(flow, "CLOSED")        # nobody waits, so it is not probed for ever
            else:
                b.is_state(flow, STATES[state])
                abort(s)


@test("cells: the delayed ACK timer", needs="tcpx")
def delack_timer(lab):
    # a FIN that is sent again would bring the ACK along
    b = Bench(lab, delack_min_ms=300, delack_max_ms=400, rto_min_ms=5000)
    moved = b.moved("DelayedAcks")
    for nr, state in enumerate(("ES", "F1", "F2")):
        flow, s = b.reach(STATES[state])
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        flow.send("PA", data=b"x", ack=flow.rcv - (state == "F1"))
        flow.silent(f"the ACK is delayed in {STATES[state]}")
        flow.expect("A", ack=flow.snd)
        equal(moved(), nr + 1, "DelayedAcks")


# ---- ICMP ----

@test("cells: ICMP errors, hard, soft and packet too big, in every state")
def icmp_in_states(lab):
    b = Bench(lab)
    b.listen()
    errors = {"hard": (3, 3, 0), "soft": (3, 1, 0), "big": (3, 4, 1200)}
    for what, (kind, code, mtu) in errors.items():
        for state in ("SS", "HO", "SR", "ES", "F1", "F2", "CW", "CG", "LA", "TW"):
            flow, s = b.reach(STATES[state])
            first = flow.rcv - (state not in ("F2", "TW"))
            if state in ("ES", "CW"):
                s.send(b"text")
                flow.expect("PA")
                first = flow.rcv - 4
            b.raw.icmp_error(kind, code, quote(flow, first), mtu)
            b.raw.fence()
            dies = state in ("SS", "SR") and what != "big"
            if s and state != "TW":
                equal(sock_state(s), "CLOSED" if dies else STATES[state], f"{what} ICMP")
                if dies:
                    equal(sock_error(s), "ECONNREFUSED" if what == "hard" else "EHOSTUNREACH")
            elif not (NATIVE and state == "HO"):
                b.is_state(flow, STATES[state].replace("HALF-OPEN", "SYN-RECEIVED"))
            if s:
                abort(s)


@test("cells: packet too big with text in flight, in every state that can have some")
def too_big_in_states(lab):
    b = Bench(lab, rto_min_ms=5000)
    for nr, state in enumerate(("ES", "F1", "CW", "CG", "LA")):
        flow, s = b.passive(src=f"10.53.0.{20 + nr}")       # the route to it will remember
        if state in ("CW", "LA"):
            flow.send("FA")
            flow.expect("A")
        s.send(bytes(1460))
        text = flow.expect("PA")
        if state in ("F1", "CG", "LA"):
            b.finish(s, False)
            flow.expect("FA")
        if state == "CG":
            flow.send("FA", ack=text.seq)
            flow.expect("A")
        equal(sock_state(s), STATES[state])
        b.raw.icmp_error(3, 4, text.packet, 1300)
        got = flow.replies()
        sizes = [len(seg.data) for seg in got]
        flow.check(got and got[0].seq == text.seq and max(sizes) <= 1260,
                   f"text again in smaller segments in {STATES[state]}: {sizes}")
        equal(sock_state(s), STATES[state])
        abort(s)


def quote(flow, seq):
    """The beginning of a packet that the peer sent"""
    packet = bytearray(flow.last_got.packet)
    packet[24:28] = seq32(seq).to_bytes(4, "big")
    return bytes(packet)
