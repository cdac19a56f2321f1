# SPDX-License-Identifier: GPL-2.0
"""What should not arrive: SEC-18 LAND, SEC-19 addresses, SEC-20 malformed, SEC-25 D3 ICMP."""
import errno
import select
import socket
import struct

from lab import B, MACS, NATIVE, PROTO, check, equal, test, wait_for
from wire import (FULL, MSS, PORT, RAW, RAW2, Bench, Seg, accept, attempt, flags_of, ipv4, opts,
                  packet_socket, read, receive, seq32, sock_error, sock_state)


# ---- SEC-20 ----

def mib(b, reason):
    """What counts such segments: a reason of the module, InErrs of native TCP"""
    if not NATIVE:
        return b.ns.stat()["Reason" + reason]
    return b.ns.host_tcp()["TcpInErrs"]


def swallowed(b, flow, reason, shots):
    """Each shot, a function that sends something, is dropped silently and counted."""
    for what, shot in shots:
        before = mib(b, reason)
        shot()
        flow.silent(what)
        flow.check(mib(b, reason) == before + 1, f"{what}: {reason} was not counted")


@test("SEC-20 a checksum that is wrong in any field: dropped silently, counted, in each state")
def bad_checksum(lab):
    b = Bench(lab)
    flow, s = b.passive()
    b.raw.heard()
    for i in range(24):
        flip(b, flow, i)
        got = b.raw.heard()
        check(not got, f"octet {i} flipped: {got}")
    equal((sock_state(s), attempt(s.recv, 9)), ("ESTABLISHED", "EAGAIN"))
    closed = b.raw.flow(81)
    closed.rcv = 1
    flows = [("CLOSED", closed), ("LISTEN", b.raw.flow(PORT))]
    flows += [(state, b.reach(state)[0]) for state in
              ("SYN-SENT", "HALF-OPEN", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
               "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT")]
    for state, flow in flows:
        swallowed(b, flow, "BadChecksum", [
            (f"{flags} in {state}", lambda flags=flags: flow.send(
                flags, seq=flow.snd, csum=0x0101, data=b"x")) for flags in ("S", "A", "R", "FA")])
        b.is_state(flow, state.replace("HALF-OPEN", "SYN-RECEIVED").replace("LISTEN", "CLOSED"))


def segment(flow, data):
    """The next text of a flow, not sent"""
    return Seg(flow.src, flow.dst, flow.sport, flow.dport, flow.snd, flow.rcv, flags_of("PA"),
               data=data)


def flip(b, flow, i):
    """A good segment with text, then one octet of it changed on the way"""
    packet = bytearray(segment(flow, b"text").encode())
    packet[20 + i] ^= 0x10
    b.raw.emit(bytes(packet), f"octet {i} flipped")


@test("SEC-20 D1 a checksum made for another protocol is wrong")
def checksum_protocol(lab):
    b = Bench(lab)
    b.listen()
    flow = b.raw.flow()
    seg = Seg(flow.src, flow.dst, flow.sport, PORT, 1, 0, flags_of("S"), opts=MSS)
    packet = ipv4(seg.src, seg.dst, seg.encode(proto=17)[20:], PROTO)
    swallowed(b, flow, "BadChecksum", [("UDP's number", lambda: b.raw.emit(packet))])


@test("SEC-20 truncated headers and impossible data offsets: dropped silently, counted")
def truncated(lab):
    b = Bench(lab)
    b.listen()
    flow, s = b.passive()
    shots = [(f"{cut} octets of header", lambda cut=cut: flow.send("A", seq=flow.snd, cut=cut))
             for cut in (1, 4, 8, 12, 13, 16, 19)]
    shots += [(f"data offset {doff}",
               lambda doff=doff: flow.send("A", seq=flow.snd, doff=doff, data=b"12345678"))
              for doff in (0, 1, 4, 8, 15)]
    if NATIVE:
        shots = shots[7:10]                             # the others are not counted there
    b.raw.heard()
    swallowed(b, flow, "Truncated", shots)
    new = b.raw.flow()
    for doff in (3,) if NATIVE else (3, 6):
        swallowed(b, new, "Truncated", [(f"SYN, offset {doff}",
                                         lambda doff=doff: new.send("S", seq=1, doff=doff))])
    equal((sock_state(s), attempt(s.recv, 9)), ("ESTABLISHED", "EAGAIN"))
    b.is_state(new, "CLOSED")


@test("SEC-20 MUST-7 an option of length 0, 1 or over the end: dropped silently, counted",
      needs="tcpx")
def impossible_options(lab):
    b = Bench(lab)
    b.listen()
    flow, s = b.passive()
    b.raw.heard()
    for raw in (b"\2\0\1\1", b"\2\1\1\1", b"\2\5\1\1", b"\1\1\1\2", b"\x08\x0a\0\0",
                b"\xfe\xff\1\1", b"\2\4\5\xb4\3\0\1\1", b"\5\x0a\0\0\0\0\0\0",
                b"\1" * 39 + b"\x08"):
        new = b.raw.flow()
        swallowed(b, new, "BadOption", [(f"SYN with {raw.hex()}",
                                         lambda: new.send("S", options=raw))])
        b.is_state(new, "CLOSED")
        swallowed(b, flow, "BadOption", [(f"ACK with {raw.hex()}", lambda: flow.send(
            "PA", seq=flow.snd, data=b"x", options=raw))])
    equal((sock_state(s), attempt(s.recv, 9)), ("ESTABLISHED", "EAGAIN"))


@test("SEC-20 MUST-4 MUST-6 MUST-64 odd but legal options are skipped or used as RFC 9293 says")
def odd_options(lab):
    b = Bench(lab)
    lst = b.listen()
    cases = (("40 octets of NOP", b"\1" * 40, 536),
             ("end of list, then nonsense", b"\0\2\0\7", 536),
             ("unknown kinds", b"\xfd\4\1\2" + b"\x40\6abcd\1\1", 536),
             ("unknown, then MSS", b"\x90\4\1\2" + opts(mss=900), 900),
             ("MSS on an odd octet", b"\1\2\4\3\x84\1\1\1", 900),
             ("MSS twice: the last", opts(mss=700) + opts(mss=900), 900),
             ("MSS 0: none", opts(mss=0), 536), ("MSS 1: the smallest", opts(mss=1), 48),
             ("MSS 65535: the path's", opts(mss=65535), 1460),
             ("MSS of a wrong length", b"\2\3\1\1", 536),
             ("SACK in a SYN", opts(mss=900, sack=[(1, 2)]), 900),
             ("duplicates of all", FULL[-20:] * 2, 1460))
    for what, raw, mss in cases:
        flow = b.raw.flow()
        synack = flow.open(raw)
        s = accept(lst)
        ts = 12 if "ts" in synack.o else 0
        info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        equal(struct.unpack_from("I", info, 16)[0], max(mss - ts, 48), f"{what}: MSS")
        s.send(bytes(3000))
        seg = flow.expect("A")
        check(len(seg.data) <= max(mss - ts, 48), f"{what}: {seg}")


@test("SEC-20 a window scale above 14 is 14 (RFC 7323 2.3)")
def window_scale_limit(lab):
    b = Bench(lab)
    for scale in (14, 15, 255):
        flow, s = b.passive(options=opts(mss=1460, ws=scale))
        equal(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[6] & 15, 14, f"scale {scale}")


@test("SEC-20 SYN with FIN, RST or URG, and segments without SYN, ACK and RST")
def odd_flags(lab):
    b = Bench(lab)
    b.listen()
    moved = b.moved("ReasonSynFin", "SynqAdded")
    for flags in ("FS", "FSP", "RS", "FRS", "FSRPAU", "FPU", "-".strip("-"), "F", "P", "U", "FU"):
        flow = b.raw.flow()
        flow.send(flags, options=MSS)
        if flags == "FS" and NATIVE:                    # 7.3 and 6.1 drop it, too
            continue
        flow.silent(f"flags {flags or 'none'} for a listener")
        b.is_state(flow, "CLOSED")
    if not NATIVE:
        equal(moved(), [2, 0])
    for flags in ("FPU", "", "F", "P"):                 # RFC 9293 3.10.7.1
        flow = b.raw.flow(81)
        flow.send(flags, data=b"abc")
        flow.expect("RA", seq=0, ack=flow.snd)
    for state in ("SYN-SENT", "HALF-OPEN", "ESTABLISHED", "FIN-WAIT-2", "CLOSE-WAIT",
                  *([] if NATIVE else ["TIME-WAIT"])):
        flow, _ = b.reach(state)
        for flags in ("", "F", "FPU", "P"):
            flow.send(flags, seq=flow.snd, data=b"abc")
        flow.silent(f"no SYN, ACK or RST in {state}")
        b.is_state(flow, state.replace("HALF-OPEN", "SYN-RECEIVED"))


@test("SEC-20 SYN with ECE and CWR, reserved bits and an urgent pointer still opens")
def tolerant_syn(lab):
    b = Bench(lab)
    b.listen()
    for fields in ({"flags": "SEC"}, {"flags": "S", "reserved": 15}, {"flags": "SU", "urg": 9},
                   {"flags": "SP"}, {"flags": "S", "data": b"early"}):
        flow = b.raw.flow()
        flow.send(fields.pop("flags"), options=MSS, **fields)
        seg = flow.get()
        check(seg and (seg.flags & 0x17, seg.ack) == (0x12, 1001),
              f"SYN-ACK of the SYN only: {seg}")


@test("SEC-20 a RST is never answered, whatever else is wrong with it")
def never_rst_to_rst(lab):
    b = Bench(lab)
    b.listen()
    for port in (81, PORT):
        for flags in ("R", "RA", "RS", "RSA", "RFPU", "RFA"):
            flow = b.raw.flow(port)
            flow.send(flags, seq=5, ack=7, data=b"text")
            flow.silent(f"{flags} to port {port}")
    for state in ("SYN-SENT", "HALF-OPEN", "ESTABLISHED", "TIME-WAIT"):
        flow, _ = b.reach(state)
        flow.send("R", seq=flow.snd - 1)
        flow.send("RA", seq=flow.snd - 1, ack=flow.rcv + 9)
        flow.silent(state)


@test("R26 the answer to a segment without a connection has its type of service, not its ECN bits",
      needs="tcpx")
def refused_ecn(lab):
    b = Bench(lab)
    flow = b.raw.flow(81)
    for tos in (1, 2, 3, 0x13):
        flow.send("S", tos=tos)
        flow.expect("RA", rtx=True, tos=tos & ~3)


@test("SEC-35 IP_MINTTL: what comes from farther away is dropped silently, in each state")
def min_ttl(lab):
    b = Bench(lab)
    gtsm = (socket.IPPROTO_IP, 21, 255)
    b.listen(options=(gtsm,))
    near = b.raw.flow()
    near.send("S", options=MSS, ttl=254)
    near.silent("a SYN from afar")
    b.is_state(near, "CLOSED")
    near.send("S", seq=near.iss, options=MSS, ttl=255)
    near.expect("SA", ack=near.iss + 1)
    near.snd = near.iss + 1
    if not NATIVE:                                          # it hears a RST from afar here
        near.send("R", ttl=64)
        b.is_state(near, "SYN-RECEIVED")
    near.send("A", ttl=255)
    s = accept(b.listener)
    dropped = mib(b, "Policy")
    for flags in ("PA", "R", "S", "FA"):
        near.send(flags, seq=near.snd, data=b"far" if flags == "PA" else b"", ttl=64)
    near.silent("segments from afar")
    if not NATIVE:
        equal(mib(b, "Policy") - dropped, 4, "ReasonPolicy")
    near.send("PA", data=b"near", ttl=255)
    equal(read(s, 4), b"near")
    flow, s = b.connect(options=(gtsm,))
    flow.expect("S")
    flow.send("SA", options=MSS, ttl=64)
    flow.silent("a SYN,ACK from afar")
    equal(sock_state(s), "SYN-SENT")


@test("SEC-20 padding behind the IP datagram does not count as text")
def padding(lab):
    b = Bench(lab)
    flow, s = b.passive()
    b.raw.emit(segment(flow, b"a").encode() + b"padding")
    equal(read(s, 1), b"a")
    equal(attempt(s.recv, 9), "EAGAIN")


# ---- SEC-18, SEC-19 ----

@test("SEC-18 LAND: a SYN from its own address and port starts no loop")
def land(lab):
    b = Bench(lab)
    b.listen()
    for conf in ("all", "eth0"):                        # else IP drops it as a martian
        lab.a.sysctl(f"ipv4/conf/{conf}/accept_local", 1)
    loop = packet_socket(lab.a, "lo")
    moved = b.moved("InSegs")
    for flags in ("S", "SA", "A"):
        flow = b.raw.flow(PORT, PORT, src=lab.a.ip)
        flow.send(flags, options=MSS)
        b.raw.fence()
    flow = b.raw.flow(PORT, PORT, src="127.0.0.1")
    flow.send("S", options=MSS)
    b.raw.fence()
    seen = 0
    while receive(loop):
        seen += 1
    # an answer or two per shot, each seen going out and coming in
    check(0 < seen < 30, f"{seen} packets on lo")
    if not NATIVE:
        check(moved() >= 4, f"{moved()} segments of 4 came to the module")
    b.raw.flow().open()                                 # and all is well


@test("SEC-19 broadcast, multicast, unspecified addresses: dropped silently, nothing is stored")
def strange_addresses(lab):
    b = Bench(lab)
    b.listen()
    any_port = b.socket()
    any_port.bind(("0.0.0.0", PORT + 1))
    any_port.listen(5)
    multicast = b"\x01\x00\x5e\x00\x00\x01"
    b.raw.heard()

    def shoot(what, src, dst, ether=None):
        for port in (PORT, PORT + 1, 81):
            for flags in ("S", "A", "FA"):
                seg = Seg(src, dst, 3333, port, 1, 1, flags_of(flags),
                          opts=MSS if flags == "S" else b"")
                b.raw.emit(seg.encode(), f"{what} {seg}", None, ether)
        got = b.raw.heard()
        check(not got, f"{what}: {got}")
        check(not b.ns.halfopen(), f"{what}: an entry")
        while receive(arp):
            pass

    arp = packet_socket(lab.b, "eth0", 0x0806)
    for src in ("255.255.255.255", "224.0.0.1", "239.1.2.3", "0.0.0.0", "127.0.0.1",
                *([] if NATIVE else ["10.53.0.255", "240.0.0.1"])):
        shoot(f"from {src}", src, lab.a.ip)
    bcast = b"\xff" * 6 + b.raw.ether[6:]
    shoot("to the subnet's broadcast", RAW, "10.53.0.255", bcast)
    shoot("to 255.255.255.255", RAW, "255.255.255.255", bcast)
    shoot("to 224.0.0.1", RAW, "224.0.0.1", multicast + b.raw.ether[6:])
    shoot("unicast IP in a broadcast frame", RAW, lab.a.ip, bcast)
    shoot("unicast IP in a multicast frame", RAW, lab.a.ip, multicast + b.raw.ether[6:])
    b.raw.flow().open()


@test("SEC-19 MUST-46 connect() to broadcast and multicast addresses fails")
def connect_strange(lab):
    b = Bench(lab)
    for ip in ("255.255.255.255", "224.0.0.1", "10.53.0.255"):
        s = b.socket()
        nr = s.connect_ex((ip, 80))
        check(nr in (errno.ENETUNREACH, errno.EACCES, errno.EINVAL, errno.EADDRNOTAVAIL),
              f"{ip}: {errno.errorcode.get(nr, nr)}")
    check(not b.raw.heard(), "nothing was sent")


# ---- ICMP ----

@test("D3 protocol unreachable: connect() fails at once with ENOPROTOOPT")
def protocol_unreachable(lab):
    b = Bench(lab)
    for code, error in ((2, "ENOPROTOOPT"), (3, "ECONNREFUSED"), (1, "EHOSTUNREACH"),
                        (0, "ENETUNREACH")):
        flow, s = b.connect()
        syn = flow.expect("S")
        b.raw.icmp_error(3, code, syn.packet)
        b.raw.fence()
        equal((sock_state(s), sock_error(s)), ("CLOSED", error), f"ICMP 3/{code}")


def spoil(packet, at, bit=1):
    packet = bytearray(packet)
    packet[at] ^= bit
    return bytes(packet)


@test("SEC-25 ICMP redirect: followed by who has sent that segment, ignored with another number")
def redirect(lab):
    b = Bench(lab)
    far, better = "192.0.2.1", int.from_bytes(socket.inet_aton(RAW2), "big")
    for addr in (RAW, RAW2):
        b.ns.neigh(addr, MACS[B])
    for conf in ("all", "eth0"):
        b.ns.sysctl(f"ipv4/conf/{conf}/accept_redirects", 1)
    b.ns.ip_batch([f"route add 192.0.2.0/24 via {RAW}"])
    flow, _ = b.connect(to=far)
    syn = flow.expect("S").packet

    def redirected(packet):
        b.raw.icmp_error(5, 1, packet, better)
        b.raw.fence()
        return f"via {RAW2} " in b.ns.run(["ip", "route", "get", far]).stdout
    check(not redirected(spoil(syn, 24, 0x40)), "a wrong sequence number")
    # a route that the kernel has just dropped comes back with the next SYN
    wait_for(lambda: redirected(syn), 10, "the redirect to be followed")


@test("SEC-25 ICMP errors with a wrong sequence number or port are ignored and counted")
def icmp_wrong_seq(lab):
    b = Bench(lab)
    moved = b.moved("IcmpIgnored")
    flow, s = b.connect()
    syn = flow.expect("S").packet
    wrong = spoil(syn, 24, 0x40), spoil(syn, 27, 2), spoil(syn, 21), spoil(syn, 23)
    for packet in wrong:
        for code in (1, 2, 3):
            b.raw.icmp_error(3, code, packet)
    b.raw.icmp_error(3, 2, syn[:24])                    # too short for a sequence number
    b.raw.icmp_error(4, 0, syn)                         # source quench
    b.raw.fence()
    equal((sock_state(s), sock_error(s)), ("SYN-SENT", ""))
    if not NATIVE:
        check(moved() >= len(wrong) * 3, f"IcmpIgnored moved by {moved()}")


@test("SEC-25 hard ICMP errors never end a synchronized connection")
def icmp_established(lab):
    b = Bench(lab)
    for state in ("ESTABLISHED", "FIN-WAIT-1", "CLOSE-WAIT", "CLOSING", "LAST-ACK"):
        flow, s = b.reach(state)
        packet = sent_packet(flow)
        if state in ("ESTABLISHED", "CLOSE-WAIT"):
            s.send(b"in flight")
            packet = flow.expect("PA").packet
        for kind, code in ((3, 0), (3, 1), (3, 2), (3, 3), (4, 0), (11, 0), (12, 0)):
            b.raw.icmp_error(kind, code, packet)
        b.raw.fence()
        b.is_state(flow, state)
        check(not select.select([s], [], [s], 0)[2], "no error is pending")
        check(attempt(s.recv, 1) in ("EAGAIN", b""), "recv() goes on")
    flow, s = b.passive()
    s.send(b"x")
    b.raw.icmp_error(3, 3, flow.expect("PA").packet)
    flow.send("A")
    flow.send("PA", data=b"alive")
    equal(read(s, 5), b"alive")


def sent_packet(flow):
    """Some packet that the peer sent: its FIN if it has"""
    return Seg(flow.dst, flow.src, flow.dport, flow.sport, seq32(flow.rcv - 1), flow.snd,
               flags_of("FA")).encode()


@test("P1-10 SEC-25 packet too big lowers the MSS, at once and not below the floor")
def too_big(lab):
    b = Bench(lab)
    flow, s = b.active()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.send(bytes(4000))
    first = flow.expect("A", data=bytes(1460))
    flow.replies()
    for packet in (spoil(first.packet, 24, 0x40), spoil(first.packet, 21)):
        b.raw.icmp_error(3, 4, packet, mtu=900)         # wrong number, wrong port
    b.raw.fence()
    equal([seg for seg in flow.replies() if len(seg.data) == 860], [])
    b.raw.icmp_error(3, 4, first.packet, mtu=1000)
    equal([(seg.seq, len(seg.data)) for seg in flow.replies()][:1], [(first.seq, 960)],
          "sent again at once, smaller")
    flow.send("A", ack=first.seq + 4000)
    flow.rcv = seq32(first.seq + 4000)
    flow.replies()
    s.send(bytes(3000))
    equal(len(flow.expect("A", seq=flow.rcv).data), 960)
    flow.replies()
    flow.send("A", ack=first.seq + 7000)

    # another destination, as the route remembers; far below what anything needs
    flow, s = b.active(to=RAW2)
    s.send(bytes(3000))
    first = flow.expect("A")
    b.raw.icmp_error(3, 4, first.packet, mtu=68, src=RAW2)
    flow.replies()
    flow.send("A", ack=first.seq + 3000)
    flow.rcv = seq32(first.seq + 3000)
    flow.replies()
    s.send(bytes(3000))
    size = len(flow.expect("A", seq=flow.rcv).data)
    check(size >= 552 - 40 - 12, f"segments of {size} octets")


@test("P1-10 packet too big in SYN-SENT is kept for later, a half-open entry ignores it")
def too_big_handshake(lab):
    b = Bench(lab)
    flow, s = b.connect()
    syn = flow.expect("S")
    b.raw.icmp_error(3, 4, syn.packet, mtu=1000)
    b.raw.fence()
    equal(sock_state(s), "SYN-SENT")
    flow.replies()
    flow.send("SA", options=MSS)
    flow.replies()
    flow.rcv = seq32(syn.seq + 1)
    s.send(bytes(3000))
    b.raw.fence()
    check(flow.expect("A", seq=flow.rcv).data, "text")
    flow, _ = b.reach("HALF-OPEN")
    flow.send("S", seq=flow.iss, options=MSS)
    synack = flow.expect("SA", rtx=True, at_once=True)
    b.raw.icmp_error(3, 4, synack.packet, mtu=1000)
    b.raw.fence()
    b.is_state(flow, "SYN-RECEIVED")
