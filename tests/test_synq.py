# SPDX-License-Identifier: GPL-2.0
"""
The half-open queue when it is full: policies, cookies, shares of prefixes,
retransmissions under pressure, TCP_DEFER_ACCEPT. R32 to R38, I22 to I27,
SEC-13 to SEC-16.
"""
import errno
import random
import socket

from lab import PROTO, Lab, Ns, check, equal, fails, program, test, wait_for
from wire import FULL, MSS, PORT, Bench, accept, attempt, opts, read, seq32

COOKIE, EVICT, RECYCLE, RANDOM, DROP_NEW = range(5)


def bench(lab, **params):
    """All come from one prefix. Lab.close() balances the ledger of each test."""
    return Bench(lab, **{"synq_prefix": 0, **params})


def entries(b):
    return len(b.ns.halfopen())


def ask(b, options=MSS, src=None, flow=None, **fields):
    """A SYN and its SYN-ACK; the flow is ready for the ACK."""
    flow = flow or b.raw.flow(src=src)
    flow.send("S", options=options, **fields)
    flow.agree(options, flow.expect("SA", ack=flow.snd).o)
    return flow


def fill(b, backlog=1, options=MSS, **args):
    """A listener whose queue is full: the flows in it"""
    lst = b.listen(PORT, backlog)
    return lst, [ask(b, options, **args) for _ in range(backlog)]


def refused(flow):
    """The ACK of nothing: RST, R1"""
    flow.expect("R", at_once=True, seq=flow.last_sent.ack)


# ---- cookies ----

# what the peer offers, and what a cookie keeps of it: MSS, scale, SACK
OFFERS = [
    (opts(mss=1460), 1460, None, False),
    (opts(mss=1400, sack_ok=True), 1400, None, False),          # SACK is lost without timestamps
    (opts(mss=1400, ws=5), 1400, None, False),
    (opts(mss=536, ts=(77, 0)), 536, None, False),
    (opts(mss=1452, sack_ok=True, ts=(77, 0)), 1440, None, True),
    (opts(mss=8960, sack_ok=True, ts=(0xffffffff, 0), ws=14), 8960, 14, True),
    (opts(mss=1220, ts=(1, 0), ws=0), 1220, 0, False),
    (b"", 536, None, False),
    (FULL, 1460, 7, True),
]


def info(s):
    """(send MSS, peer's scale or None, SACK, timestamps) by TCP_INFO"""
    raw = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    options = raw[5]
    return (int.from_bytes(raw[16:20], "little"), raw[6] & 15 if options & 4 else None,
            bool(options & 2), bool(options & 1))


@test("I26 SEC-12 a full queue answers by cookies: MSS, window scale and SACK come back",
      needs="tcpx")
def cookie_options(lab):
    b = bench(lab)
    lst, _ = fill(b)
    moved = b.moved("CookiesSent", "CookiesOk", "SynqAdded", "ListenDrops", "PassiveOpens")
    for options, mss, scale, sack in OFFERS:
        flow = ask(b, options)
        equal(entries(b), 1)
        ts = flow.ts is not None
        # without timestamps nothing but the MSS survives: the windows are not scaled either
        flow.send("A", window=1000)
        s = accept(lst)
        equal(info(s), (min(mss, 1460) - 12 * ts, scale, sack, ts), f"agreed of {options.hex()}")
        s.send(b"x" * 10)
        flow.expect("PA", data=b"x" * 10)
        flow.send("A", data=b"back")
        equal(read(s, 4), b"back")
    equal(moved(), [len(OFFERS), len(OFFERS), 0, 0, len(OFFERS)])


@test("I26 SEC-12 evict: a late ACK of an evicted entry still connects, with all its options",
      needs="tcpx")
def evicted_ack(lab):
    b = bench(lab, synq_overflow=EVICT, synack_waits_ms="100 60000 60000")
    lst, (first,) = fill(b, options=FULL)
    first.expect("SA", rtx=True)                    # stage 1: asked twice
    second = ask(b, FULL)
    equal(entries(b), 1)
    equal(b.ns.halfopen()[0]["remote"], f"{second.src}:{second.sport}")
    equal(b.ns.stat()["SynqEvicted"], 1)
    first.send("A", data=b"I am late")
    s = accept(lst)
    equal(info(s), (1448, 7, True, True))
    equal(read(s, 9), b"I am late")
    second.send("A")
    equal(accept(lst).getpeername()[1], second.sport)


@test("R35 evict takes the oldest of the highest stage, never one that was asked once",
      needs="tcpx")
def evict_stage(lab):
    b = bench(lab, synq_overflow=EVICT, synack_waits_ms="200 60000 60000", syncookies=0)
    _, old = fill(b, 2)
    for flow in old:
        flow.expect("SA", rtx=True)
    new = ask(b)
    left = {int(e["remote"].split(":")[1]) for e in b.ns.halfopen()}
    check(len(left) == 2 and new.sport in left, f"{new.sport} is not in {left}")
    b.set(synack_waits_ms="60000 60000 60000")
    young = ask(b)                                  # the other one that was asked twice goes
    late = b.raw.flow()
    late.send("S", options=MSS)
    late.silent("both entries are young")
    equal({e["remote"].split(":")[1] for e in b.ns.halfopen()},
          {str(young.sport), str(new.sport)})
    for flow in old:                                # without cookies they are lost
        flow.send("A")
        refused(flow)


@test("R35 recycle: a new SYN always finds room", needs="tcpx")
def recycle(lab):
    b = bench(lab, synq_overflow=RECYCLE, syncookies=0)
    _, flows = fill(b, 3)
    for _ in range(4):
        flows.append(ask(b))
        ports = {int(e["remote"].split(":")[1]) for e in b.ns.halfopen()}
        equal(len(ports), 3)
        check(flows[-1].sport in ports, f"the newest, {flows[-1].sport}, is not in {ports}")
    equal(b.ns.stat()["SynqEvicted"], 4)


@test("R35 random takes any; drop_new none; the policy changes under a live listener",
      needs="tcpx")
def policies_live(lab):
    b = bench(lab, synq_overflow=RANDOM, syncookies=0)
    lst, flows = fill(b, 2)
    flows += [ask(b) for _ in range(5)]
    equal(entries(b), 2)
    b.set(synq_overflow=DROP_NEW)
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    flow.silent("the queue is full")
    b.set(synq_overflow=COOKIE, syncookies=1)
    ask(b, flow=flow, seq=flow.iss)
    flow.snd = flow.iss + 1
    flow.send("A")
    equal(accept(lst).getpeername()[1], flow.sport)
    equal(b.ns.stat()["SynqEvicted"], 5)


@test("SEC-14 a cookie is believed only after an overflow of that listener", needs="tcpx")
def cookie_needs_overflow(lab):
    b = bench(lab, syncookies=2)
    lst = b.listen(PORT, 8)
    flow = ask(b)
    equal(entries(b), 0)
    b.set(syncookies=0)
    flow.send("A", seq=flow.iss + 1)
    refused(flow)
    b.set(syncookies=1)                             # its cookie was the overflow
    flow.send("A", seq=flow.iss + 1)
    accept(lst)
    b.listen(PORT + 1, 8)
    other = b.raw.flow(PORT + 1)
    moved = b.moved("CookiesBad", "CookiesStale", "ReasonListenAck")
    for _ in range(10):
        other.send("A", seq=1, ack=random.getrandbits(32))
        refused(other)
    equal(moved(), [0, 0, 10])


@test("SEC-15 another tuple, IRS, namespace, a changed number: no cookie", needs="tcpx")
def cookie_forged(lab):
    b = bench(lab)
    lst, _ = fill(b)
    good = ask(b, FULL)
    def moved():
        new = b.ns.stat()
        return [new["CookiesOk"], new["CookiesBad"] + new["CookiesStale"]]
    shots = [dict(ack=seq32(good.rcv + d)) for d in (1 << 20, -(1 << 20), 1 << 26, 1 << 31)]
    shots += [dict(seq=seq32(good.snd + d)) for d in (1 << 8, -(1 << 8), 1 << 31)]
    for shot in shots:
        good.send("A", **{"seq": good.snd, "ack": good.rcv, **shot})
        refused(good)
    thief = b.raw.flow()
    thief.ts, thief.ts_echo = good.ts, good.ts_echo
    thief.send("A", seq=good.snd, ack=good.rcv)
    refused(thief)
    # the right number, but a TSecr that was not sent within 64 s
    for wrong in (good.ts_echo + 1000, good.ts_echo - 70000, 0):
        good.send("A", seq=good.snd, ack=good.rcv, options=opts(ts=(good.ts, wrong)))
        refused(good)
    equal(moved(), [0, len(shots) + 4])
    good.send("A")
    accept(lst)
    equal(moved()[0], 1)


def guesses(n, words, **args):
    """16 of 2^32 numbers are good, 8 x 254 more are of another epoch."""
    @test(f"SEC-15 {words} ACKs by chance during an overflow: none becomes a connection",
          **args)
    def _(lab):
        Ns.current().sysctl("core/netdev_max_backlog", 1 << 16)
        lab.b.sysctl("synq_prefix", 0)
        lab.b.sysctl("synack_waits_ms", " ".join(["3600000"] * 16))
        lab.b.listen(PORT, backlog=1)
        flood = [program("synbench"), "-p", str(PROTO), "-P", str(PORT)]
        lab.a.run(flood + ["-n", "2", "flood"])         # one is stored, one gets a cookie
        wait_for(lambda: lab.b.stat()["CookiesSent"] == 1, what="the overflow")
        lab.b.run(["ip", "route", "flush", "exact", "default"])    # RSTs only cost time
        before = lab.b.stat()
        lab.a.run(flood + ["-f", "2", "-n", str(n), "-w", "0", "guess"])
        delta = {}

        def all_tried():
            delta.update({k: v - before[k] for k, v in lab.b.stat().items()})
            return delta["InSegs"] == n
        wait_for(all_tried, 60, "all segments to be worked off")
        good, bad, stale = (delta["Cookies" + k] for k in ("Ok", "Bad", "Stale"))
        print(f"{good} good, {stale} too old, {bad} others")
        equal((good + bad + stale, delta["PassiveOpens"]), (n, good), "tried, connected")
        # of ten million 0.04 and 4.7: more come once in 10^5 runs, and in 10^7
        check(good < 3 and stale < 20, f"{good} and {stale} cookies were guessed")


guesses(100000, "100 000", needs=("tcpx", "cc"), timeout=240)
guesses(10000000, "ten million", needs=("tcpx", "cc", "timetravel"), long=True, timeout=3600)


@test("I25 I27 an entry wins over its cookie; two copies of a cookie's ACK are one connection",
      needs="tcpx")
def cookie_twice(lab):
    b = bench(lab)
    lst, (stored,) = fill(b)
    moved = b.moved("CookiesOk", "SynqCompleted", "PassiveOpens")
    flow = ask(b)
    flow.send("A", seq=flow.snd)
    flow.send("A", seq=flow.snd)
    stored.send("A", seq=stored.snd)
    stored.send("A", seq=stored.snd)
    flow.silent()
    equal(moved(), [1, 1, 2])
    equal({accept(lst).getpeername()[1] for _ in range(2)}, {flow.sport, stored.sport})
    equal(attempt(lst.accept), "EAGAIN")


@test("I09 SEC-30 the ACK of a cookie may bring text and FIN", needs="tcpx")
def cookie_text(lab):
    b = bench(lab)
    lst, _ = fill(b)
    flow = ask(b, FULL)
    flow.send("FPA", data=b"all there is")
    s = accept(lst)
    equal(read(s, 100), b"all there is")
    equal(s.recv(1), b"")
    flow.expect("A", ack=flow.snd)
    early = b.raw.flow()
    early.send("S", options=MSS, data=b"too early", seq=early.iss)
    early.expect("SA", ack=early.iss + 1)           # text in the SYN is not taken


@test("I11 the ACK of a cookie finds the accept queue full: silence, later it connects",
      needs="tcpx")
def cookie_accept_full(lab):
    b = bench(lab, syncookies=2)
    lst = b.listen(PORT, 1)
    flows = [ask(b) for _ in range(3)]
    for flow in flows:
        flow.send("A", seq=flow.snd)
    flows[2].silent("no place")
    equal(b.ns.stat()["AcceptFull"], 1)
    first, second = accept(lst), accept(lst)
    flows[2].send("A", data=b"again")
    third = accept(lst)
    equal(read(third, 5), b"again")
    equal([s.getpeername()[1] for s in (first, second, third)], [f.sport for f in flows])


@test("I13 the cookie oracle: what each entry says its cookie says", needs="tcpx")
def oracle(lab):
    b = bench(lab, synq_oracle=1)
    lst = b.listen()
    for options, *_ in OFFERS:
        flow = ask(b, options)
        flow.send("A")
        accept(lst)
    equal(b.ns.stat()["CookieMismatch"], 0)
    flow = ask(b, FULL)
    b.set(lab_cookie_key=4711)                      # the oracle can fail
    flow.send("A")
    accept(lst)
    equal(b.ns.stat()["CookieMismatch"], 1)


@test("I20 close of a listener whose cookies are under way: their ACKs get RST", needs="tcpx")
def cookie_listener_closed(lab):
    b = bench(lab, syncookies=2)
    lst = b.listen()
    flow = ask(b)
    lst.close()
    flow.send("A")
    refused(flow)
    wait_for(lambda: not b.ns.stat()["Sockets"], what="the listener to be freed")


@test("SEC-10 stored entries, too: the numbers of one 4-tuple never go back", needs="tcpx")
def cookie_iss_monotonic(lab):
    b = bench(lab)
    b.listen()
    last = None
    for _ in range(20):
        flow = b.raw.flow(sport=33333)
        flow.send("S", options=MSS)
        iss = flow.expect("SA", rtx=True).seq
        flow.send("R")
        check(last is None or seq32(iss - last) < 1 << 26, f"{last} then {iss}")
        last = iss


# ---- who floods ----

@test("SEC-13 one prefix floods, cookies off: it gets 3/4 of the queue, others connect",
      needs="tcpx")
def prefix_share(lab):
    b = bench(lab, synq_prefix=1, syncookies=0)
    lst = b.listen(PORT, 64)
    for i in range(200):
        flow = b.raw.flow(src=f"10.53.7.{1 + i % 250}")
        flow.send("S", options=MSS)
    b.raw.fence()
    equal(entries(b), 48)
    stat = b.ns.stat()
    equal((stat["ReasonHalfOpenPrefix"], stat["ReasonHalfOpenFull"]), (152, 0))
    for i in range(20):
        flow = ask(b, src=f"10.53.{20 + i}.1")
        flow.send("A")
        equal(accept(lst).getpeername()[0], flow.src)


@test("SEC-16 N13 more than half full: at most two SYN-ACKs again, and old entries go",
      needs="tcpx")
def pressure(lab):
    b = bench(lab, synack_waits_ms=" ".join(["80"] * 16))
    _, flows = fill(b, 4)
    wait_for(lambda: not entries(b), what="all entries to go")
    b.raw.fence()
    counts = []
    for flow in flows:
        n = 1
        while flow.get(0, rtx=True):
            n += 1
        counts.append(n)
    equal(counts, [3, 3, 3, 3], "SYN-ACKs")
    stat = b.ns.stat()
    equal((stat["SynqPressed"], stat["SynqExpired"]), (4, 0))


@test("SEC-16 synack_rate: SYN-ACKs are sent again so often and no oftener", needs="tcpx")
def rate(lab):
    # the bucket is that of the first listen(): one SYN-ACK a second
    b = bench(lab, synack_rate=1, synack_retries=2, synack_waits_ms="100 100 100")
    b.listen()
    flows = [ask(b) for _ in range(20)]
    wait_for(lambda: not entries(b), what="all entries to go")
    again = len([1 for f in flows for _ in f.replies()])
    stat = b.ns.stat()
    equal(again, stat["SynqRetrans"], "SYN-ACKs on the wire")
    equal(stat["SynqRetrans"] + stat["SynqLimited"], 40)
    check(1 <= again <= 6, f"{again} SYN-ACKs in a fraction of a second")


@test("I15 syn_strict: a SYN with another number in the window is challenged", needs="tcpx")
def strict(lab):
    b = bench(lab, syn_strict=1)
    lst = b.listen()
    flow = ask(b)
    flow.send("S", seq=flow.snd + 100, options=MSS)
    flow.expect("A", seq=flow.rcv, ack=flow.snd)
    equal(entries(b), 1)
    flow.send("A")
    accept(lst)


# ---- TCP_DEFER_ACCEPT ----

def deferring(lab, seconds=1, **params):
    b = bench(lab, **params)
    lst = b.listen(options=((socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, seconds),))
    return b, lst


@test("I22 A8 TCP_DEFER_ACCEPT: accept() only when text comes", needs="tcpx")
def defer_text(lab):
    b, lst = deferring(lab, 3)
    equal(lst.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT), 3)
    flow = ask(b)
    flow.send("A")
    flow.silent()
    equal(attempt(lst.accept), "EAGAIN")
    equal(b.ns.halfopen()[0]["flags"], "cookie,deferred")
    flow.send("PA", data=b"GET")
    s = accept(lst)
    equal(read(s, 3), b"GET")


@test("I22 TCP_DEFER_ACCEPT: FIN alone connects, RST ends it", needs="tcpx")
def defer_fin(lab):
    b, lst = deferring(lab, 3)
    flow = ask(b)
    flow.send("A")
    flow.send("FA")
    s = accept(lst)
    equal(s.recv(1), b"")
    dead = ask(b)
    dead.send("A")
    dead.send("R")
    dead.silent()
    equal(entries(b), 0)


@test("I22 TCP_DEFER_ACCEPT: no SYN-ACK while it waits; at its end one, and the ACK connects",
      needs="tcpx")
def defer_end(lab):
    b, lst = deferring(lab, 1, synack_waits_ms="250 250 250 500 60000 60000")
    flow = ask(b)
    flow.send("A")
    again = flow.expect("SA", rtx=True, seq=seq32(flow.rcv - 1))
    check(again.time - flow.last_sent.time > 0.9, "a SYN-ACK while text is waited for")
    equal(attempt(lst.accept), "EAGAIN")
    flow.send("A")
    accept(lst)


# ---- laboratory ----

@test("SEC-33 lab_hash_seed: refused while the tables hold something", needs="tcpx")
def hash_seed(lab):
    b = bench(lab)
    b.set(lab_hash_seed=5)
    lst = b.listen()
    with fails(errno.EBUSY):
        b.ns.sysctl("lab_hash_seed", 6)
    equal(b.ns.sysctl("lab_hash_seed"), 5)
    flow = ask(b)
    flow.send("A")
    accept(lst)


@test("R38 SynqTime and SynqChain tell how long entries stayed and how far lookups went",
      needs="tcpx")
def histograms(lab):
    b = bench(lab)
    lst = b.listen()
    for _ in range(5):
        flow = ask(b)
        flow.send("A")
        accept(lst)
    stat = b.ns.stat()
    equal(sum(n for name, n in stat.items() if name.startswith("SynqTime")), 5)
    check(stat["SynqChain0"] >= 5, "SynqChain0")
    equal(stat["SynqHighest"], 1)


@test("SEC-05 SEC-06 what is sent without a socket has IP ID 0 and DF", needs="tcpx")
def ip_id(lab):
    b = bench(lab, synack_waits_ms="50 " + "3600000 " * 15, challenge_ms=0)
    lst, (stored,) = fill(b)
    sent = [stored.last_got, stored.expect("SA", rtx=True)]
    stored.send("S", seq=stored.iss, options=MSS)
    sent.append(stored.expect("SA", rtx=True))              # a duplicate SYN's
    stored.send("R", seq=stored.snd + 9)
    sent.append(stored.expect("A"))                         # challenge ACK of an entry
    stored.send("A", ack=stored.rcv + 1)
    sent.append(stored.expect("R"))                         # a bad ACK
    for _ in range(3):
        flow = ask(b, FULL)
        sent.append(flow.last_got)                          # a cookie
        flow.send("A", ack=flow.rcv + (1 << 20))
        sent.append(flow.expect("R"))                       # a bad cookie
    closed = b.raw.flow(81)
    for flags in ("S", "A"):
        closed.send(flags, ack=7)
        sent.append(closed.expect("RA" if flags == "S" else "R"))
    for seg in sent:
        equal((seg.ipid, seg.df), (0, True), f"IP ID and DF of {seg}")
    equal(attempt(lst.accept), "EAGAIN")


@test("I25 its SYN was stored after its cookie was sent: the entry takes the ACK, and wins",
      needs="tcpx")
def entry_wins(lab):
    b = bench(lab)
    lst, (first,) = fill(b)
    moved = b.moved("CookiesSent", "CookiesOk", "SynqAdded", "SynqCompleted")
    for _ in range(20):
        flow = ask(b, opts(mss=1300))
        cookie = flow.rcv
        first.send("R")                                     # there is room now
        flow.send("S", seq=flow.iss, options=opts(mss=1300))
        flow.expect("SA", rtx=True)
        first, number = flow, flow.rcv
        if number == cookie:                                # in the same epoch
            break
    flow.send("A")
    s = accept(lst)
    # a cookie would have rounded it down
    equal(info(s), (1300, None, False, False), "what the entry says")
    sent, restored, added, completed = moved()
    equal((sent, restored, completed), (added, 0, 1))
    flow.send("A")
    flow.silent("a second copy is the child's")
    equal(attempt(lst.accept), "EAGAIN")


@test("SEC-10 SEC-32 numbers and cookies of one namespace are none of another, nor of the next one",
      needs="tcpx", lab=False)
def cookie_namespaces():
    def fresh():
        """A namespace with a full queue, and flows to it"""
        b = bench(Lab())
        fill(b)
        return b, [b.raw.flow(sport=30000 + i) for i in range(40)]

    def cookies(b, flows):
        return [seq32(ask(b, FULL, flow=flow).rcv - 1) for flow in flows]
    one, flows_one = fresh()
    two, flows_two = fresh()
    seen = [cookies(one, flows_one), cookies(two, flows_two)]
    one.lab.close()
    again, flows_again = fresh()                            # re-created, with the same addresses
    seen.append(cookies(again, flows_again))
    for x, y in ((0, 1), (0, 2), (1, 2)):
        gaps = {seq32(p - q) for p, q in zip(seen[x], seen[y])}
        equal((0 in gaps, len(gaps)), (False, len(seen[x])),
              "is a number known elsewhere, how many distances")
    # the cookie of one, where there is an overflow too
    for b, flows, theirs in ((two, flows_two, flows_one), (again, flows_again, flows_two)):
        moved = b.moved("CookiesOk", "CookiesBad")
        for flow, other in zip(flows, theirs):
            flow.send("A", ack=other.rcv, options=opts(ts=(flow.ts, other.ts_echo)))
            refused(flow)
            flow.send("A", ack=other.rcv)
            refused(flow)
        equal(moved(), [0, 2 * len(flows)])
        flows[0].send("A")
        accept(b.listener)
        equal(moved()[0], 1)
