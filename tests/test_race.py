# SPDX-License-Identifier: GPL-2.0
"""
Interleavings of the half-open queue that need two CPUs: tests/prog/twin sends
from both at the same time, thousands of rounds, and the outcome is one of those
that are right. Numbers are fixed (lab_isn), so that all can be prepared.
"""
import collections
import contextlib
import struct
import subprocess
import threading

from lab import Thread, check, equal, program, seconds, test, unbalanced, wait_for
from test_netlink import Genl, field, listener
from wire import MSS, PORT, Bench, Seg, flags_of, linger0, seq32

NEEDS = ("tcpx", "cc", "smp")
ROUNDS = 2000
IRS, ISS = 1000, 5000000
EVER = "3600000"        # a wait that outlasts every test
EVICT, RECYCLE, RANDOM = 1, 2, 3
JITTER = 300            # turns of a loop


class Arena:
    """A Bench with a listener, and all that happens to ports of one peer."""

    def __init__(self, lab, backlog=4096, **params):
        self.b = Bench(lab, **{"synq_prefix": 0, "synack_waits_ms": EVER, "lab_isn": ISS,
                               "challenge_ms": 0, "somaxconn": 65535, **params})
        self.ns, self.raw = self.b.ns, self.b.raw
        self.lst = self.b.listen(PORT, backlog)
        self.start = self.ns.stat()

    def moved(self, *names):
        """By how much these counters moved since the start"""
        now = self.ns.stat()
        return [now[name] - self.start[name] for name in names]

    def segment(self, port, flags, seq, ack=0, data=b""):
        bits = flags_of(flags)
        return Seg(self.raw.ip, self.ns.ip, port, PORT, seq, ack, bits,
                   opts=MSS if "S" in flags else b"", data=data).encode()

    def syn(self, port):
        return self.segment(port, "S", IRS)

    def ack(self, port, iss=ISS, data=b""):
        return self.segment(port, "PA" if data else "A", IRS + 1, seq32(iss + 1), data)

    def rst(self, port):
        return self.segment(port, "R", IRS + 1)

    def race(self, left, right, gap=0, lag=0, jitter=JITTER):
        """Send these packets from two CPUs; return when all have been worked off."""
        before = self.ns.stat()["InSegs"]
        frames = b"".join(struct.pack("=BH", side, len(packet) + 14) + self.raw.ether + packet
                          for side, packets in ((0, left), (1, right)) for packet in packets)
        p = self.b.lab.b.popen([program("twin"), "eth0", str(gap), str(lag), str(jitter)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out, _ = p.communicate(frames, timeout=seconds(60))
        total = len(left) + len(right)
        equal((p.returncode, out), (0, b"%d\n" % total), "twin")
        wait_for(lambda: self.ns.stat()["InSegs"] - before >= total, 20,
                 "all segments to be worked off")

    def listen_again(self, backlog):
        """A process that is being started may still have the old listener."""
        def bind():
            with contextlib.suppress(OSError):
                s.bind((self.ns.ip, PORT))
                return True
        self.lst.close()
        s = self.b.socket()
        wait_for(bind, 20, "the port")
        s.listen(backlog)
        self.lst = s

    def open(self, ports):
        """A half-open entry for each of these ports, from both CPUs"""
        syns = [self.syn(port) for port in ports]
        self.race(syns[::2], syns[1::2])

    def heard(self):
        """What came since the last call: flags and segments by our port"""
        self.raw.fence()
        out = collections.defaultdict(list)
        for (_, port, _), queue in self.raw.queue.items():
            out[port] += queue
            queue.clear()
        self.raw.log.clear()
        return out

    def accepted(self, look=lambda s: None):
        """Accept all that is there, and end it: {port: what look() tells of the socket}"""
        out = {}
        with contextlib.suppress(BlockingIOError):
            while True:
                s, (_, port) = self.lst.accept()
                s.setblocking(False)
                check(port not in out, f"port {port} was accepted twice")
                out[port] = look(s)
                linger0(s).close()
        return out

    def settled(self):
        """No entry is left and the ledger balances."""
        wait_for(lambda: not self.ns.stat()["HalfOpen"], 20, "all entries to go")
        check(not unbalanced(self.ns.stat()), unbalanced(self.ns.stat()))


def kinds(segs):
    """How often each combination of flags is among them, without PSH"""
    return collections.Counter(seg.flags & ~8 for seg in segs)


SYN_ACK, ACK, RST = flags_of("SA"), flags_of("A"), flags_of("R")


def text(s):
    """What is there to read, or the error"""
    try:
        return s.recv(100)
    except OSError as e:
        return e.errno


def queues(arena):
    """(half-open entries, connections to be accepted) of the listener, read in this order"""
    row = listener(Genl(arena.ns), arena.lst)
    return field(row, "CONN_QLEN"), field(row, "CONN_ACCEPT_QLEN")


def race_test(name, timeout=120, **args):
    return test(name, needs=NEEDS, timeout=timeout, **args)


@race_test("R34 20 000 handshakes end on two CPUs while all is dumped: never in both queues or none",
           timeout=300)
def _(lab):
    arena = Arena(lab, backlog=ROUNDS)
    ports, over, sums = range(20000, 20000 + ROUNDS), threading.Event(), []

    def dump():
        """The half-open count of a row is read first: who is in no queue lowers the sum."""
        while not over.is_set():
            arena.ns.halfopen()
            arena.ns.conns()
            sums.extend(sum(queues(arena)) for _ in range(10))
    acks = [arena.ack(port) for port in ports]
    for _ in range(10):
        arena.open(ports)
        arena.heard()
        equal(queues(arena), (ROUNDS, 0), "half-open, to be accepted")
        over.clear()
        sums.clear()
        dumper = Thread(dump)
        arena.race(acks[::2], acks[1::2])
        over.set()
        dumper.result(60)
        check(sums and min(sums) >= ROUNDS, f"{ROUNDS} connections, seen at times: {sums}")
        equal(queues(arena), (0, ROUNDS), "half-open, to be accepted")
        equal(sum(arena.heard().values(), []), [], "answers")
        equal(arena.accepted().keys(), set(ports), "accepted")
    equal(arena.moved("SynqAdded", "SynqCompleted", "PassiveOpens"), [10 * ROUNDS] * 3, "counters")
    arena.settled()


@race_test("R32 the same SYN on two CPUs: one entry, one connection")
def _(lab):
    arena = Arena(lab)
    ports = range(20000, 20000 + ROUNDS)
    syns = [arena.syn(port) for port in ports]
    arena.race(syns, syns)
    equal(arena.moved("SynqAdded", "HalfOpen"), [ROUNDS, ROUNDS], "entries")
    heard = arena.heard()
    for port in ports:
        # who lost the race is answered when it comes again
        counts = kinds(heard[port])
        check(counts.keys() == {SYN_ACK} and counts[SYN_ACK] <= 2, f"answers: {counts}")
    acks = [arena.ack(port) for port in ports]
    arena.race(acks[::2], acks[1::2])
    equal(arena.accepted().keys(), set(ports), "accepted")
    arena.settled()


@race_test("I07 a SYN again and the final ACK on two CPUs: one child, never a second entry")
def _(lab):
    arena = Arena(lab)
    ports = range(20000, 20000 + ROUNDS)
    arena.open(ports)
    arena.heard()
    arena.race([arena.ack(port) for port in ports], [arena.syn(port) for port in ports])
    equal(arena.moved("SynqAdded", "SynqCompleted", "PassiveOpens"), [ROUNDS] * 3, "counters")
    heard = arena.heard()
    for port in ports:
        # the entry repeats its SYN-ACK, the child acknowledges
        check(kinds(heard[port]) in ({SYN_ACK: 1}, {ACK: 1}), f"answers: {heard[port]}")
        equal(heard[port][0].ack, IRS + 1, "acknowledged")
    who = collections.Counter(heard[port][0].flags & ~8 for port in ports)
    print(f"entry repeated {who[SYN_ACK]}, child acknowledged {who[ACK]}")
    equal(len(who), 2, "orders in which they came")
    equal(arena.accepted().keys(), set(ports), "accepted")
    arena.settled()


@race_test("I08 I09 two copies of the final ACK, one with text, on two CPUs: one child has it")
def _(lab):
    arena = Arena(lab)
    ports = range(20000, 20000 + ROUNDS)
    arena.open(ports)
    arena.heard()
    arena.race([arena.ack(port) for port in ports],
               [arena.ack(port, data=b"text") for port in ports])
    equal(arena.moved("SynqCompleted", "PassiveOpens", "OutRsts"), [ROUNDS, ROUNDS, 0], "counters")
    equal(arena.accepted(text), {port: b"text" for port in ports}, "accepted, with what text")
    arena.settled()


@race_test("I17 RST and the final ACK on two CPUs: a child that was reset, or none; no slot stuck")
def _(lab):
    arena = Arena(lab, backlog=ROUNDS)
    for first in (20000, 30000):                    # as many again find the same room
        before = arena.moved("SynqCompleted", "SynqReset")
        ports = range(first, first + ROUNDS)
        arena.open(ports)
        equal(arena.ns.stat()["HalfOpen"], ROUNDS, "entries")
        arena.heard()
        arena.race([arena.ack(port) for port in ports], [arena.rst(port) for port in ports])
        after = arena.moved("SynqCompleted", "SynqReset")
        completed, reset = (x - y for x, y in zip(after, before))
        equal(completed + reset, ROUNDS, "entries that ended")
        heard = arena.heard()
        # an ACK behind the RST is for nothing
        equal(sum(kinds(heard[port])[RST] for port in ports), reset, "RSTs")
        ends = arena.accepted(text)
        check(len(ends) <= completed, f"{len(ends)} accepted of {completed}")
        equal(set(ends.values()) - {104}, set(), "what a reset child has")
        print(f"{completed} completed, {reset} reset, {len(ends)} accepted")
        arena.settled()
    equal(arena.ns.conns("LISTEN", PORT)[0].rxq, 0, "accept queue")


@race_test("I11 accept() and final ACKs on other CPUs: who found no place is not forgotten",
           timeout=240)
def _(lab):
    room = 400
    arena = Arena(lab, backlog=room)
    kept = []

    def take(until):
        while len(kept) < until:
            with contextlib.suppress(BlockingIOError):
                s, (_, port) = arena.lst.accept()
                kept.append(port)
                linger0(s).close()
    for nr in range(40):
        if nr >= 6 and arena.moved("SynqAcked") != [0]:     # what it is about has happened
            break
        first = 20000 + nr * 2 * room
        early, late = (range(first + i * room, first + (i + 1) * room) for i in (0, 1))
        arena.open(early)
        acks = [arena.ack(port) for port in early]
        arena.race(acks[::2], acks[1::2])           # the accept queue has one place left
        arena.open(late)
        t = Thread(take, (nr + 1) * 2 * room)
        acks = [arena.ack(port) for port in late]
        arena.race(acks[::2], acks[1::2])
        # no SYN-ACK is sent again: only accept() itself can complete them
        t.result(20)
        equal(set(kept[nr * 2 * room:]), set(early) | set(late), f"accepted in round {nr}")
    moved = dict(zip(("AcceptFull", "SynqAcked", "SynqCompleted"),
                     arena.moved("AcceptFull", "SynqAcked", "SynqCompleted")))
    check(moved["SynqAcked"], "no ACK found the accept queue full")
    print(moved)
    arena.settled()


@race_test("I20 close of the listener, accept() and final ACKs on three CPUs: nothing is left")
def _(lab):
    arena = Arena(lab, backlog=256)
    b = arena.b
    stop = threading.Event()
    rounds = []

    def churn():
        """Listeners come, accept a little, and go."""
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                for _ in range(len(rounds) % 5):
                    linger0(arena.lst.accept()[0]).close()
            arena.listen_again(256)
            rounds.append(1)
    t = Thread(churn)
    for first in range(20000, 20000 + 4 * ROUNDS, ROUNDS):
        ports = range(first, first + ROUNDS)
        arena.race([arena.syn(port) for port in ports], [arena.ack(port) for port in ports],
                   gap=20000, lag=60000)
        arena.heard()
    stop.set()
    t.result(30)
    check(len(rounds) > 20, f"only {len(rounds)} listeners")
    names = ("SynqAdded", "SynqCompleted", "SynqClosed")
    print(len(rounds), "listeners,", dict(zip(names, arena.moved(*names))))
    arena.lst.close()
    arena.settled()
    wait_for(lambda: not arena.ns.stat()["Sockets"], 10, "all sockets to go")


@race_test("I23 the timer of a SYN-ACK and the final ACK on two CPUs: counters exact, no SYN-ACK "
           "later")
def _(lab):
    # the ACK comes when the first wait ends
    arena = Arena(lab, synack_waits_ms="20 20 20 20 " + EVER, synack_retries=15, synack_rate=0)
    ports = range(20000, 20000 + ROUNDS)
    arena.race([arena.syn(port) for port in ports], [arena.ack(port) for port in ports],
               gap=100000, lag=20000000, jitter=3000)
    # under emulation an ACK may have overtaken its SYN: RST, and the SYN opened afterwards
    arena.race([arena.ack(port) for port in ports], [])
    arena.settled()
    equal(arena.moved("SynqCompleted", "PassiveOpens"), [ROUNDS] * 2, "completed")
    heard = arena.heard()
    again, sent, rsts = arena.moved("SynqRetrans", "OutSegs", "OutRsts")
    equal(sent, ROUNDS + again + rsts, "SYN-ACKs, those sent again, RSTs")
    seen = sum(kinds(heard[port])[SYN_ACK] for port in ports)
    check(again and seen <= ROUNDS + again, f"{again} SYN-ACKs sent again, {seen} seen")
    equal(arena.accepted().keys(), set(ports), "accepted")
    print(f"{again} SYN-ACKs sent again, {sent} segments")


@race_test("I24 timer, eviction and the sweep of a closed listener for the same entries",
           timeout=240)
def _(lab):
    arena = Arena(lab, backlog=64, synack_waits_ms=" ".join(["1"] * 16), synack_retries=3,
                  lab_isn=0, synack_rate=0, synq_max=100)
    b = arena.b
    others = b.listen(PORT + 1, 64)
    for policy in (EVICT, RECYCLE, RANDOM):
        b.set(synq_overflow=policy)
        stop = threading.Event()
        rounds = []

        def churn(stop=stop, rounds=rounds):
            while not stop.is_set():
                arena.listen_again(64)
                rounds.append(1)
        t = Thread(churn)
        syns = [arena.syn(port) for port in range(20000, 20000 + ROUNDS // 2)]
        more = [Seg(arena.raw.ip, arena.ns.ip, port, PORT + port % 2, IRS, 0, flags_of("S"),
                    opts=MSS).encode() for port in range(40000, 40000 + ROUNDS // 2)]
        arena.race(syns, more)
        arena.race(more, syns)
        stop.set()
        t.result(30)
        arena.heard()
        arena.settled()
        names = ("SynqAdded", "SynqExpired", "SynqPressed", "SynqEvicted", "SynqClosed")
        print(policy, len(rounds), "listeners,", dict(zip(names, arena.moved(*names))))
    check(all(arena.moved("SynqEvicted", "SynqClosed")), "no eviction, or no sweep")
    check(others.fileno() >= 0)


def cookies(arena, ports):
    """The cookies that a SYN of each port gets: {port: ISS}"""
    arena.b.set(syncookies=2)
    syns = [arena.syn(port) for port in ports]
    arena.race(syns[::2], syns[1::2])
    heard = arena.heard()
    out = {port: heard[port][0].seq for port in ports if heard[port]}
    equal(out.keys(), set(ports), "ports that got a cookie")
    arena.b.set(syncookies=1)
    return out


@race_test("I27 two copies of a cookie's ACK on two CPUs: one child has the text")
def _(lab):
    arena = Arena(lab, lab_isn=0)
    ports = range(20000, 20000 + ROUNDS)
    iss = cookies(arena, ports)
    arena.race([arena.ack(port, iss[port]) for port in ports],
               [arena.ack(port, iss[port], b"text") for port in ports])
    equal(arena.moved("CookiesOk", "PassiveOpens", "OutRsts"), [ROUNDS, ROUNDS, 0], "counters")
    equal(arena.accepted(text), {port: b"text" for port in ports}, "accepted, with what text")
    arena.settled()


@race_test("I25 a cookie's ACK and its SYN, stored now, on two CPUs: one child, one entry at most")
def _(lab):
    arena = Arena(lab, lab_isn=0)
    ports = range(20000, 20000 + ROUNDS)
    iss = cookies(arena, ports)
    arena.race([arena.ack(port, iss[port]) for port in ports], [arena.syn(port) for port in ports])
    added, completed, restored = arena.moved("SynqAdded", "SynqCompleted", "CookiesOk")
    equal(added, completed + arena.ns.stat()["HalfOpen"], "entries")
    print(f"{added} stored, {completed} completed, {restored} from a cookie")
    # whose epoch changed meanwhile has another number in the entry: its ACK is refused
    heard = arena.heard()
    refused = {port for port in ports if kinds(heard[port])[RST]}
    equal(completed + restored, ROUNDS - len(refused), "children")
    for port in refused:
        check(any(seg.flags == SYN_ACK and seq32(seg.seq - iss[port]) > 7
                  for seg in heard[port]), f"refused without reason: {heard[port]}")
    equal(arena.accepted().keys(), set(ports) - refused, "accepted")
