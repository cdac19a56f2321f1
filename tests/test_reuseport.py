# SPDX-License-Identifier: GPL-2.0
"""SO_REUSEPORT groups: who may join, who gets a connection, what closing one does (A3, R35)."""
import ctypes
import errno
import os
import socket
import struct
import time

from lab import (A, B, MACS, PROTO, RST, Thread, check, equal, fails, libc, limit, seconds, skip,
                 test, wait_for)
from wire import MSS, Bench

SOL_SOCKET = socket.SOL_SOCKET
ADDR, REUSEPORT = socket.SO_REUSEADDR, socket.SO_REUSEPORT
ATTACH_CBPF, ATTACH_EBPF, DETACH_BPF = 51, 52, 68
PORT = 10000
NOBODY = 65534


def make(ns, *options):
    s = ns.socket()
    for name in options:
        s.setsockopt(SOL_SOCKET, name, 1)
    return s


def member(ns, addr=None, port=PORT, backlog=512):
    """One more listener of a group."""
    s = make(ns, REUSEPORT)
    s.setblocking(False)
    s.bind((ns.ip if addr is None else addr, port))
    s.listen(backlog)
    return s


def taken(lst):
    """Who waits to be accepted: their ports, closed by now."""
    ports = []
    while True:
        try:
            s, peer = lst.accept()
        except BlockingIOError:
            return ports
        ports.append(peer[1])
        s.close()


def shares(listeners, total):
    """How many connections each one got, once all of them arrived."""
    count = [0] * len(listeners)

    def all_here():
        for i, lst in enumerate(listeners):
            count[i] += len(taken(lst))
        return sum(count) >= total
    wait_for(all_here, what=lambda: f"{total} connections; there are {count}")
    equal(sum(count), total, "connections")
    return count


def connect_all(ns, to, n):
    return [ns.connect(to) for _ in range(n)]


def abort(s):
    s.setsockopt(SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def as_nobody(ns, fn):
    """fn() as another user; raises what it raised."""
    def child():
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        fn()
    ns.call(child)


def bind_here(*options, listen=True):
    """bind() and listen() where and as whom we are."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, PROTO) as s:
        for name in options:
            s.setsockopt(SOL_SOCKET, name, 1)
        s.bind((B, PORT))
        if listen:
            s.listen()


# ---- sharing out ----

def fair(lab, n):
    """Each of n listeners gets its share of 400; 6 standard deviations are once in 10^9."""
    group = [member(lab.b) for _ in range(n)]
    connect_all(lab.a, (B, PORT), 400)
    count = shares(group, 400)
    mean, sd = 400 / n, (400 * (n - 1)) ** 0.5 / n
    check(all(mean - 6 * sd < c < mean + 6 * sd for c in count),
          f"shares {count}, want {mean:g} each, give or take {6 * sd:.0f}")


@test("A3 R35 reuseport: two listeners share 400 connections")
def two_share(lab):
    fair(lab, 2)


@test("A3 R35 reuseport: eight listeners share 400 connections")
def eight_share(lab):
    fair(lab, 8)


@test("A3 reuseport: more listeners than the first array of the group holds")
def group_grows(lab):
    group = [member(lab.b) for _ in range(140)]
    connect_all(lab.a, (B, PORT), 200)
    count = shares(group, 200)
    check(sum(c > 0 for c in count) > 70, f"few of 140 listeners got any: {count}")
    for lst in group[:139]:
        lst.close()
    connect_all(lab.a, (B, PORT), 20)
    equal(shares(group[139:], 20), [20], "the last one gets all")


@test("A3 reuseport: a specific address goes before the wildcard, each with its own group")
def wildcard_group(lab):
    lab.b.netlink.addr("10.53.0.3", 24, "eth0")
    anywhere = [member(lab.b, "0.0.0.0") for _ in range(2)]
    here = [member(lab.b) for _ in range(2)]
    connect_all(lab.a, (B, PORT), 40)
    count = shares(here, 40)
    check(all(count), f"one of the specific ones got nothing: {count}")
    lab.a.neigh("10.53.0.3", MACS[B])
    connect_all(lab.a, ("10.53.0.3", PORT), 40)
    count = shares(anywhere, 40)
    check(all(count), f"one of the wildcard ones got nothing: {count}")


# ---- one goes ----

@test("A3 R35 reuseport: when one listener closes the others get the new connections")
def close_one(lab):
    group = [member(lab.b) for _ in range(3)]
    connect_all(lab.a, (B, PORT), 60)
    check(all(shares(group, 60)), "one got nothing")
    group.pop(1).close()
    connect_all(lab.a, (B, PORT), 100)
    count = shares(group, 100)
    check(all(c > 10 for c in count), f"shares of the two that stay: {count}")
    group.pop(0).close()
    connect_all(lab.a, (B, PORT), 20)
    equal(shares(group, 20), [20], "share of the last one")
    group.pop().close()
    with fails(errno.ECONNREFUSED):
        lab.a.connect((B, PORT))


@test("A3 reuseport: shutdown() leaves the group, listen() joins it again")
def shutdown_one(lab):
    group = [member(lab.b) for _ in range(2)]
    group[0].shutdown(socket.SHUT_RDWR)
    connect_all(lab.a, (B, PORT), 40)
    equal(shares(group[1:], 40), [40], "share of the one that listens")
    group[0].listen(512)
    connect_all(lab.a, (B, PORT), 60)
    check(all(shares(group, 60)), "one got nothing")


@test("A3 I19 reuseport: closing one resets what it did not accept, and nothing else")
def close_resets_own(lab):
    group = [member(lab.b) for _ in range(2)]
    clients = connect_all(lab.a, (B, PORT), 40)
    wait_for(lambda: sum(c.rxq for c in lab.b.conns("LISTEN", PORT)) == 40, what="40 in the queues")
    group[1].close()
    kept = {}

    def collect():
        while True:
            try:
                s, peer = group[0].accept()
            except BlockingIOError:
                return
            kept[peer[1]] = limit(s)
    collect()
    check(0 < len(kept) < 40, f"{len(kept)} of 40 were with the one that stays")
    for c in clients:
        s = kept.get(c.getsockname()[1])
        if s:
            s.sendall(b"here")
            equal(c.recv(9), b"here", "data")
        else:
            with fails(errno.ECONNRESET):
                c.recv(1)


@test("A3 R35 reuseport: a half-open entry stays with its listener, whoever comes or goes")
def entry_stays(lab):
    b = Bench(lab)
    first, second = (member(b.ns) for _ in range(2))
    flows = [b.raw.flow(PORT) for _ in range(24)]
    for flow in flows:
        flow.send("S", options=MSS)
    for flow in flows:
        flow.expect("SA", rtx=True, ack=flow.snd)
    third = member(b.ns)
    second.close()
    kept = []
    for flow in flows:
        flow.send("A")
        if not [seg for seg in flow.replies(rtx=False) if seg.flags & RST]:
            kept.append(flow.sport)
    check(0 < len(kept) < 24, f"{len(kept)} of 24 entries survived the other listener's close")
    equal(sorted(taken(first)), kept, "accepted by the listener that got the SYN")
    equal(taken(third), [], "accepted by one that came later")


@test("A3 reuseport: listeners come and go while clients connect", timeout=120)
def churn(lab):
    stay = member(lab.b, backlog=4096)
    end = time.monotonic() + 2

    def come_and_go():
        n = 0
        while time.monotonic() < end:
            group = [member(lab.b, backlog=64) for _ in range(3)]
            for lst in group:
                taken(lst)
                lst.close()
            n += 1
        return n

    def clients():
        n = 0
        while time.monotonic() < end:
            try:
                abort(lab.a.connect((B, PORT)))
            except ConnectionResetError:    # not refused: there is always a listener
                pass
            n += 1
            taken(stay)
        return n
    threads = [Thread(come_and_go), Thread(come_and_go), Thread(clients), Thread(clients)]
    done = [t.result(seconds(60)) for t in threads]
    check(all(done), f"rounds {done}")
    connect_all(lab.a, (B, PORT), 3)


# ---- who may join ----

@test("A3 reuseport: without the option on both, bind() is EADDRINUSE")
def option_missing(lab):
    for one, two in (((), (REUSEPORT,)), ((REUSEPORT,), ()), ((REUSEPORT,), (ADDR,)),
                     ((ADDR, REUSEPORT), (ADDR,)), ((ADDR,), (ADDR, REUSEPORT))):
        first = make(lab.b, *one)
        first.bind((B, PORT))
        first.listen()
        with lab.b, fails(errno.EADDRINUSE):
            bind_here(*two)
        first.close()
        with lab.b:
            bind_here(*two)


@test("A3 reuseport: SO_REUSEADDR lets bind() pass, not listen()")
def listen_refused(lab):
    first, second = make(lab.b, ADDR, REUSEPORT), make(lab.b, ADDR)
    for s in (first, second):
        s.bind((B, PORT))
    first.listen()
    with fails(errno.EADDRINUSE):
        second.listen()
    second.setsockopt(SOL_SOCKET, REUSEPORT, 1)
    second.listen()


@test("A3 reuseport: another user is refused, by bind() or by listen()")
def other_user(lab):
    first = make(lab.b, ADDR, REUSEPORT)
    first.bind((B, PORT))
    with fails(errno.EADDRINUSE):
        as_nobody(lab.b, lambda: bind_here(REUSEPORT))
    as_nobody(lab.b, lambda: bind_here(ADDR, REUSEPORT, listen=False))
    first.listen()
    for options in ((REUSEPORT,), (ADDR, REUSEPORT)):
        with fails(errno.EADDRINUSE):
            as_nobody(lab.b, lambda options=options: bind_here(*options))
    with lab.b:
        bind_here(REUSEPORT)
    first.close()

    def two_of_one_user():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, PROTO) as s:
            s.setsockopt(SOL_SOCKET, REUSEPORT, 1)
            s.bind((B, PORT))
            s.listen()
            bind_here(REUSEPORT)
    as_nobody(lab.b, two_of_one_user)


@test("A3 reuseport: bind() to port 0 gets a port of its own")
def any_port(lab):
    lab.b.sysctl("ipv4/ip_local_port_range", "41000 41039")
    socks = [make(lab.b, REUSEPORT) for _ in range(20)]
    for s in socks:
        s.bind((B, 0))
    equal(len({s.getsockname() for s in socks}), 20, "different ports")


@test("A3 reuseport: connections of a group keep the port for its members")
def connected(lab):
    lst = limit(member(lab.b))
    c = lab.a.connect(lst)
    s = limit(lst.accept()[0])
    equal(s.getsockopt(SOL_SOCKET, REUSEPORT), 1, "SO_REUSEPORT of the connection")
    lst.close()
    for options in ((), (ADDR,)):
        with lab.b, fails(errno.EADDRINUSE):
            bind_here(*options)
    with fails(errno.EADDRINUSE):
        as_nobody(lab.b, lambda: bind_here(REUSEPORT))
    lst = member(lab.b)
    connect_all(lab.a, lst, 2)
    equal(shares([lst], 2), [2], "connections of the new listener")
    s.sendall(b"still here")
    equal(c.recv(99), b"still here", "data of the old connection")


@test("A3 R21 reuseport: TIME-WAIT of a group lets members bind, of any user")
def time_wait(lab):
    lst = limit(member(lab.b))
    c = lab.a.connect(lst)
    lst.accept()[0].close()
    equal(c.recv(1), b"", "end of stream")
    c.close()
    lst.close()
    lab.b.wait_state("TIME-WAIT", PORT)
    for options in ((), (ADDR,)):
        with lab.b, fails(errno.EADDRINUSE):
            bind_here(*options)
    with lab.b:
        bind_here(REUSEPORT)
    as_nobody(lab.b, lambda: bind_here(REUSEPORT))


@test("A3 reuseport: a member may connect from the port it shares")
def member_connects(lab):
    lst = lab.a.listen(11000)
    group = [member(lab.b) for _ in range(2)]
    c = limit(make(lab.b, REUSEPORT))
    c.bind((B, PORT))
    c.connect((A, 11000))
    equal(lst.accept()[1], (B, PORT), "peer")
    connect_all(lab.a, (B, PORT), 40)
    check(all(shares(group, 40)), "one got nothing")


# ---- programs ----

LD_H_ABS, LD_LEN, AND_K, RET_A, RET_K = 0x28, 0x80, 0x54, 0x16, 0x06
NET_OFF = 0xfff00000        # SKF_NET_OFF: offsets are from the IP header


def attach(s, *code):
    """SO_ATTACH_REUSEPORT_CBPF with instructions (opcode, k)"""
    text = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", op, 0, 0, k)
                                                for op, k in code))
    s.setsockopt(SOL_SOCKET, ATTACH_CBPF,
                 struct.pack("@HP", len(code), ctypes.addressof(text)))


BY_PORT = ((LD_H_ABS, NET_OFF + 20), (AND_K, 3), (RET_A, 0))


def load_ebpf(result):
    """A socket filter in eBPF that returns this."""
    code = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xb7, 0, 0, result, 0x95, 0, 0, 0))
    name = ctypes.create_string_buffer(b"GPL")
    attr = ctypes.create_string_buffer(struct.pack(
        "=IIQQIIQII", 1, 2, ctypes.addressof(code), ctypes.addressof(name), 0, 0, 0, 0, 0))
    fd = libc.syscall(321, 5, attr, len(attr.raw) - 1)
    if fd < 0:
        nr = ctypes.get_errno()
        if nr == errno.ENOSYS:
            skip("no bpf()")
        raise OSError(nr, os.strerror(nr), "bpf")
    return fd


@test("A3 R35 reuseport: a CBPF program picks the listener by its index")
def cbpf_picks(lab):
    group = [member(lab.b) for _ in range(4)]
    attach(group[2], *BY_PORT)
    for sport in range(40000, 40012):
        abort(lab.a.connect((B, PORT), sport=sport))
        wait_for(lambda sport=sport: taken(group[sport & 3]) == [sport],
                 what=f"port {sport} at listener {sport & 3}")
    # the last one moves to the place of the one that left
    group[1].close()
    for sport in (40013, 40017):
        abort(lab.a.connect((B, PORT), sport=sport))
        wait_for(lambda sport=sport: taken(group[3]) == [sport], what=f"port {sport} at the last")
    # an index that nobody has: the hash decides
    connect_all(lab.a, (B, PORT), 1)
    for sport in (40015, 40019, 40023):
        lab.a.connect((B, PORT), sport=sport)
    shares([group[0], group[2], group[3]], 4)


@test("A3 reuseport: a CBPF program sees the payload, that of a SYN is empty")
def cbpf_payload(lab):
    group = [member(lab.b) for _ in range(2)]
    attach(group[1], (LD_LEN, 0), (RET_A, 0))
    connect_all(lab.a, (B, PORT), 20)
    equal(shares(group, 20), [20, 0], "shares")
    attach(group[0], (RET_K, 1))
    connect_all(lab.a, (B, PORT), 20)
    equal(shares(group, 20), [0, 20], "shares with another program")


@test("A3 SEC-14 reuseport: a cookie of one listener is good at another one of its group",
      needs="tcpx")
def cookie_in_group(lab):
    b = Bench(lab, synq_prefix=0)
    group = [member(b.ns, backlog=1) for _ in range(2)]
    alone = member(b.ns, port=PORT + 1)
    attach(group[0], (RET_K, 0))
    flows = [b.raw.flow(PORT) for _ in range(2)]
    for flow in flows:                  # the first one fills the queue
        flow.send("S", options=MSS)
        flow.expect("SA", ack=flow.snd)
    equal([b.ns.stat()[k] for k in ("HalfOpen", "CookiesSent")], [1, 1], "entry, cookie")
    moved = b.moved("CookiesOk", "CookiesBad")
    attach(group[0], (RET_K, 1))
    flows[1].send("A")
    wait_for(lambda: taken(group[1]) == [flows[1].sport], what="the connection")
    stranger = b.raw.flow(PORT + 1)
    stranger.send("A", ack=1)
    stranger.expect("R")
    equal((moved(), taken(group[0]), taken(alone)), ([1, 0], [], []), "tried, accepted")


@test("A3 SEC-20 reuseport: a CBPF program sees no SYN whose checksum is wrong", needs="tcpx")
def cbpf_checksum(lab):
    b = Bench(lab, synq_prefix=0, synq_overflow=4)
    group = [member(b.ns, backlog=1) for _ in range(2)]
    attach(group[0], (RET_K, 0))
    first, second = (b.raw.flow(PORT) for _ in range(2))
    first.send("S", options=MSS)
    first.expect("SA", ack=first.snd)
    # the queue of the one that is picked is full: for that alone the SYN would be refused
    moved = b.moved("ReasonBadChecksum", "ReasonHalfOpenFull")
    second.send("S", options=MSS, csum=0x0101)
    second.silent("a wrong checksum")
    equal(moved(), [1, 0], "wrong checksum, full")
    second.send("S", seq=second.snd - 1, options=MSS)
    second.silent("a full queue")
    equal(moved(), [1, 1], "wrong checksum, full")


@test("A3 reuseport: SO_DETACH_REUSEPORT_BPF goes back to the hash")
def cbpf_detach(lab):
    group = [member(lab.b) for _ in range(2)]
    with fails(errno.ENOENT):
        group[0].setsockopt(SOL_SOCKET, DETACH_BPF, 0)
    attach(group[0], (RET_K, 1))
    connect_all(lab.a, (B, PORT), 20)
    equal(shares(group, 20), [0, 20], "shares")
    group[1].setsockopt(SOL_SOCKET, DETACH_BPF, 0)
    connect_all(lab.a, (B, PORT), 60)
    check(all(shares(group, 60)), "one got nothing")
    with fails(errno.ENOENT):
        group[0].setsockopt(SOL_SOCKET, DETACH_BPF, 0)


@test("A3 reuseport: a program needs the option; the first of a group may bring one")
def cbpf_early(lab):
    s = make(lab.b)
    with fails(errno.EINVAL):
        attach(s, (RET_K, 1))
    first = make(lab.b, REUSEPORT)
    attach(first, (RET_K, 1))
    first.bind((B, PORT))
    first.setblocking(False)
    first.listen(512)
    late = make(lab.b, REUSEPORT)
    attach(late, (RET_K, 0))
    with fails(errno.EADDRINUSE):
        late.bind((B, PORT))
    second = member(lab.b)
    connect_all(lab.a, (B, PORT), 20)
    equal(shares([first, second], 20), [0, 20], "shares")


@test("A3 reuseport: an EBPF program picks the listener")
def ebpf_picks(lab):
    fd = load_ebpf(1)
    group = [member(lab.b) for _ in range(3)]
    group[0].setsockopt(SOL_SOCKET, ATTACH_EBPF, fd)
    os.close(fd)
    connect_all(lab.a, (B, PORT), 20)
    equal(shares(group, 20), [0, 20, 0], "shares")
