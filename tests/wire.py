# SPDX-License-Identifier: GPL-2.0
"""
A TCP endpoint made by hand: the oracle of the wire tests.

Raw is a host at the veth end of namespace b whose address no kernel owns, so
that nobody but the test answers. Flow is one connection seen from there: it
sends whatever it is told and insists on what comes back. Bench is a Lab with a
Raw in it; the sockets under test are in namespace a. Nothing here is shared
with the module; the RFCs are the only common ground.

A silent drop is proved without waiting: Raw.fence() pings the other side, and
as both ends work in order, what is not there before the echo never comes.
"""
import contextlib
import dataclasses
import errno
import fcntl
import os
import select
import socket
import struct
import time

from lab import (ACK, FIN, FLAG_LETTERS, NATIVE, NATIVE_STATES, PROTO, PSH, RST, SLOW, SYN, URG,
                 Fail, Skip, Wrong, flag_text, parse_options, seconds, wait_for)

TIMEOUT = 6         # seconds on a fast machine; only a failure takes that long
RAW, RAW2 = "10.53.0.9", "10.53.0.10"
PORT = 10000        # where Bench listens
TICK = 0.0101       # a jiffy at HZ=100: how much early a timer may seem
WAIT = int(500 * SLOW)      # ms: a timer that nothing the test does meanwhile outlasts


def flags_of(text):
    """'SA' -> SYN|ACK"""
    return sum(1 << FLAG_LETTERS.index(c) for c in text)


def seq32(x):
    return x & 0xffffffff


def brief(value):
    """A value for a message"""
    if callable(value):
        return "?"
    if isinstance(value, bytes) and len(value) > 20:
        return f"{value[:8]!r}... ({len(value)} octets)"
    return repr(value) if isinstance(value, bytes) else str(value)


# ---- octets ----

def checksum(data):
    """RFC 1071"""
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(src, dst, length, proto):
    return socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, proto, length)


def opts(mss=None, ws=None, sack_ok=False, ts=None, sack=None):
    """TCP options as octets, NOPs in front to a multiple of four."""
    out = b""
    if mss is not None:
        out += struct.pack("!BBH", 2, 4, mss)
    if ws is not None:
        out += struct.pack("!BBB", 3, 3, ws)
    if sack_ok:
        out += struct.pack("!BB", 4, 2)
    if ts is not None:
        out += struct.pack("!BBII", 8, 10, seq32(ts[0]), seq32(ts[1]))
    if sack:
        out += struct.pack("!BB", 5, 2 + 8 * len(sack))
        out += b"".join(struct.pack("!II", seq32(a), seq32(b)) for a, b in sack)
    return b"\1" * (-len(out) % 4) + out


MSS = opts(mss=1460)
FULL = opts(mss=1460, sack_ok=True, ts=(5000, 0), ws=7)


def echoing(options, tsval):
    """The same options, but TSecr repeats what the peer sent."""
    at = options.find(b"\x08\x0a")
    if at < 0:
        return options
    return options[:at + 6] + struct.pack("!I", tsval) + options[at + 10:]


def ipv4(src, dst, payload, proto, ttl=64, tos=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), 0, 0x4000, ttl, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def icmp(kind, code, rest, body):
    head = struct.pack("!BBHI", kind, code, 0, rest) + body
    return head[:2] + struct.pack("!H", checksum(head)) + head[4:]


@dataclasses.dataclass
class Seg:
    """A TCP segment in its IPv4 packet."""
    src: str
    dst: str
    sport: int
    dport: int
    seq: int
    ack: int = 0
    flags: int = 0
    window: int = 65535
    urg: int = 0
    opts: bytes = b""
    data: bytes = b""
    time: float = 0.0
    csum_ok: bool = True
    reserved: int = 0
    ttl: int = 64
    tos: int = 0
    ipid: int = 0
    df: bool = True
    packet: bytes = b""

    @property
    def o(self):
        """The options as a dict, see parse_options()"""
        return parse_options(self.opts)

    @property
    def size(self):
        """SEG.LEN: octets of text, SYN and FIN counted"""
        return len(self.data) + bool(self.flags & SYN) + bool(self.flags & FIN)

    @property
    def end(self):
        return seq32(self.seq + self.size)

    @property
    def tcp(self):
        """The octets from the TCP header on"""
        return self.packet[(self.packet[0] & 15) * 4:]

    def encode(self, csum=0, doff=None, cut=None, proto=PROTO):
        """The IP packet. csum: bits to spoil; doff: a false data offset; cut: TCP octets kept."""
        if doff is None:
            doff = (20 + len(self.opts)) // 4
        tcp = struct.pack("!HHIIBBHHH", self.sport, self.dport, seq32(self.seq), seq32(self.ack),
                          doff << 4 | self.reserved, self.flags, self.window, 0, self.urg)
        tcp = (tcp + self.opts + self.data)[:cut]
        if len(tcp) >= 18:
            good = checksum(pseudo(self.src, self.dst, len(tcp), proto) + tcp)
            tcp = tcp[:16] + struct.pack("!H", good ^ csum) + tcp[18:]
        return ipv4(self.src, self.dst, tcp, proto, self.ttl, self.tos)

    @classmethod
    def decode(cls, packet, now=0.0, partial=False):
        """partial: the checksum field has only the pseudo header's sum, a device would go on."""
        hlen = (packet[0] & 15) * 4
        tos, total, ipid, frag, ttl = struct.unpack_from("!xBHHHB", packet)
        src, dst = (socket.inet_ntoa(packet[i:i + 4]) for i in (12, 16))
        packet = packet[:total]
        tcp = packet[hlen:]
        sport, dport, seq, ack, off, flags, window, csum, urg = \
            struct.unpack_from("!HHIIBBHHH", tcp)
        head = pseudo(src, dst, len(tcp), packet[9])
        ok = csum == ~checksum(head) & 0xffff if partial else checksum(head + tcp) == 0
        doff = (off >> 4) * 4
        return cls(src, dst, sport, dport, seq, ack, flags, window, urg, tcp[20:doff], tcp[doff:],
                   now, ok, off & 15, ttl, tos, ipid, bool(frag & 0x4000), packet)

    def __str__(self):
        text = f"{flag_text(self.flags):<3} seq {self.seq}"
        if self.data:
            text += f":{seq32(self.seq + len(self.data))} ({len(self.data)} octets)"
        if self.flags & ACK:
            text += f" ack {self.ack}"
        if self.flags & URG:
            text += f" urg {self.urg}"
        text += f" win {self.window}"
        if self.opts:
            text += f" {self.o}"
        return text if self.csum_ok else text + " BAD CHECKSUM"


# ---- the endpoint ----

def packet_socket(ns, dev="eth0", ethertype=0x0800):
    """An AF_PACKET socket with kernel timestamps and checksum status."""
    with ns:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        s.setsockopt(263, 8, 1)                         # PACKET_AUXDATA
        s.setsockopt(socket.SOL_SOCKET, 35, 1)          # SO_TIMESTAMPNS
        s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)   # SO_RCVBUFFORCE
        s.setblocking(False)
        s.bind((dev, ethertype))
    return s


def receive(s):
    """(packet, time, is the checksum partial, sender's address) of a packet socket, or None"""
    try:
        frame, control, _, addr = s.recvmsg(70000, 512)
    except BlockingIOError:
        return None
    now, partial = time.time(), False
    for level, kind, body in control:
        if (level, kind) == (263, 8):
            partial = bool(struct.unpack_from("I", body)[0] & 8)    # TP_STATUS_CSUMNOTREADY
        elif (level, kind) == (socket.SOL_SOCKET, 35):
            sec, nsec = struct.unpack_from("qq", body)
            now = sec + nsec / 1e9
    return frame[14:], now, partial, addr


def device(ns, dev, request, arg=b""):
    """A SIOCxIFxxx ioctl; what it returned behind the name."""
    with ns.socket(socket.SOCK_DGRAM, 0) as s:
        return fcntl.ioctl(s, request, struct.pack("16s24s", dev.encode(), arg))[16:]


class Raw:
    """A host that exists only in the test, at device eth0 of namespace ns."""

    def __init__(self, ns, host, ip=RAW):
        self.ip, self.peer = ip, host.ip
        mac = [device(n, "eth0", 0x8927)[2:8] for n in (host, ns)]      # SIOCGIFHWADDR
        self.ether = mac[0] + mac[1] + b"\x08\x00"
        self.sock = packet_socket(ns)
        self.poll = select.poll()
        self.poll.register(self.sock, select.POLLIN)
        self.start = time.time()
        self.log = []       # (time, direction, text, ports)
        self.queue = {}     # (our address, our port, peer's port) -> segments not looked at
        self.icmp = []      # ICMP messages other than echo replies
        self.flows = []
        self.echo = 0
        self.told = 0       # how much of what came heard() has told
        self.next_port = 20000

    def port(self):
        """A port of ours that was not used before"""
        self.next_port += 1
        return self.next_port

    def flow(self, dport=PORT, sport=None, **args):
        self.flows.append(Flow(self, sport or self.port(), dport, **args))
        return self.flows[-1]

    def emit(self, packet, note=None, ports=None, ether=None):
        """Put an IP packet on the wire."""
        note = note or f"{len(packet)} octets of IP protocol {packet[9]}"
        self.log.append((time.time(), ">", note, ports))
        self.sock.send((ether or self.ether) + packet)

    def pump(self, timeout=0.0):
        """Take what arrived; wait for at most timeout seconds if it is nothing; False then."""
        got = receive(self.sock)
        if got is None and timeout > 0 and self.poll.poll(timeout * 1000):
            got = receive(self.sock)
        if got is None:
            return False
        while got is not None:
            self.take(*got[:3])
            got = receive(self.sock)
        return True

    def take(self, packet, now, partial):
        if packet[9] == PROTO:
            seg = Seg.decode(packet, now, partial)
            self.log.append((now, "<", str(seg), {seg.sport, seg.dport}))
            self.queue.setdefault((seg.dst, seg.dport, seg.sport), []).append(seg)
        elif packet[9] == socket.IPPROTO_ICMP:
            body = packet[(packet[0] & 15) * 4:]
            if body[0] == 0:
                self.echo = struct.unpack_from("!H", body, 6)[0]
            else:
                self.log.append((now, "<", f"ICMP {body[0]}/{body[1]}", None))
                self.icmp.append(body)

    def fence(self):
        """Return when the peer has worked off all that was sent and its replies are here."""
        want = self.echo % 65535 + 1
        self.sock.send(self.ether + ipv4(self.ip, self.peer, icmp(8, 0, want, b""), 1))
        end = time.monotonic() + seconds(TIMEOUT)
        while self.echo != want:
            if time.monotonic() > end:
                raise Fail(f"the peer answers no ping\n{self.story()}")
            self.pump(end - time.monotonic())

    def icmp_error(self, kind, code, packet, mtu=0, src=None):
        """An ICMP error about a packet that the peer sent."""
        self.emit(ipv4(src or self.ip, self.peer, icmp(kind, code, mtu, packet[:28]), 1),
                  f"ICMP {kind}/{code}" + f" mtu {mtu}" * bool(mtu))

    def heard(self):
        """Everything but echo replies that came since the last call, as text."""
        self.fence()
        new = [text for _, way, text, _ in self.log if way == "<"]
        old, self.told = self.told, len(new)
        return new[old:]

    def story(self, ports=None):
        """All that happened, or what concerns a pair of ports."""
        lines = [f"  {now - self.start:9.4f} {way} {text}"
                 for now, way, text, about in sorted(self.log, key=lambda x: x[0])
                 if ports is None or about is None or about == ports]
        return "\n".join(lines[-60:]) or "  (no segments)"


class Flow:
    """
    A connection between Raw and the peer.

    snd is the sequence number we send next, rcv the one we expect next. A
    segment sent without seq= advances snd, one received in order advances rcv.
    """

    def __init__(self, raw, sport, dport, iss=1000, window=65535, src=None):
        self.raw, self.sport, self.dport = raw, sport, dport
        self.src, self.dst = src or raw.ip, raw.peer
        self.iss, self.snd, self.rcv = iss, iss, 0
        self.irs = None         # the peer's initial sequence number
        self.window = window
        self.ts = None          # our TSval once timestamps are agreed
        self.ts_echo = 0
        self.shift = 0          # of the windows that the peer sends
        self.watched = True     # is the edge of its window watched?
        self.sent_end = None    # the furthest sequence number that we sent
        self.acked = None       # the last number that the peer acknowledged: its RCV.NXT
        self.edge = None        # the right edge of the peer's receive window
        self.last_sent = self.last_got = None
        self.seen = set()       # what occupied sequence space, to know retransmissions
        self.got = []           # all that was looked at, in order

    @property
    def ports(self):
        return {self.sport, self.dport}

    @property
    def queue(self):
        return self.raw.queue.setdefault((self.src, self.sport, self.dport), [])

    def fail(self, why, kind=Fail):
        raise kind(f"{why}\n{self.raw.story(self.ports)}")

    def check(self, cond, why):
        if not cond:
            self.fail(why)

    def insist(self, cond, why):
        """check() of what no delay excuses, see Wrong"""
        if not cond:
            self.fail(why, Wrong)

    def send(self, flags, seq=None, ack=None, data=b"", options=b"", window=None, urg=0,
             ttl=64, src=None, ether=None, reserved=0, tos=0, **encode):
        """Send a segment; seq and ack default to what RFC 9293 wants them to be."""
        bits = flags_of(flags)
        if ack is None:
            ack = self.rcv if bits & ACK else 0
        if self.ts is not None and not options and not bits & (SYN | RST):
            options = opts(ts=(self.ts, self.ts_echo))
        seg = Seg(src or self.src, self.dst, self.sport, self.dport,
                  seq32(self.snd if seq is None else seq), seq32(ack), bits,
                  self.window if window is None else window, urg, options, data, ttl=ttl,
                  reserved=reserved, tos=tos)
        if seq is None:
            self.snd = seg.end
        # what the peer may acknowledge; blind shots it may not
        if self.sent_end is None or (bits & SYN and seq is None) or \
                (not bits & (SYN | RST) and seq32(seg.end - self.sent_end) < 1 << 31):
            self.sent_end = seg.end
        note = f"{seg} {encode if encode else ''}".rstrip()
        seg.time = time.time()
        self.raw.emit(seg.encode(**encode), note, self.ports, ether)
        self.last_sent = seg
        return seg

    def get(self, timeout=TIMEOUT, rtx=False):
        """The next segment of the flow or None; known text, SYN or FIN again only with rtx."""
        end = time.monotonic() + seconds(timeout)
        while True:
            while self.queue:
                seg = self.queue.pop(0)
                again = self.note(seg)
                if rtx or not again:
                    return seg
            left = end - time.monotonic()
            if not self.raw.pump(max(left, 0)) and left <= 0:
                return None

    def note(self, seg):
        """Learn from a segment; check what holds for every one (R31, R39, R41, SHLD-14)."""
        self.last_got = seg
        self.got.append(seg)
        self.insist(seg.csum_ok, f"wrong checksum: {seg}")
        self.insist(not seg.reserved, f"reserved bits are not zero: {seg}")
        self.insist("bad" not in seg.o, f"malformed options: {seg}")
        syn, rst = seg.flags & SYN, seg.flags & RST
        self.insist(not (syn and seg.flags & (FIN | RST)), f"impossible flags: {seg}")
        self.insist(seg.flags & (ACK | SYN | RST), f"no ACK: {seg}")
        what = (seg.seq, seg.end, seg.flags & (FIN | SYN | ACK if syn else FIN))
        again = what in self.seen
        if not rst:
            self.watch(seg)
        if seg.size and not rst:
            self.seen.add(what)
            if syn:
                self.irs, self.rcv = seg.seq, seg.end
            elif seg.seq == self.rcv:
                self.rcv = seg.end
        if "ts" in seg.o:
            self.ts_echo = seg.o["ts"][0]
        return again

    def watch(self, seg):
        """It acknowledges nothing unsent and takes back no window."""
        if not seg.flags & ACK:
            return
        self.insist(self.sent_end is not None and seq32(self.sent_end - seg.ack) < 1 << 31,
                    f"acknowledges what was never sent: {seg}")
        self.acked = seg.ack
        if not self.watched:
            return
        shift = 0 if seg.flags & SYN else self.shift
        edge = seq32(seg.ack + (seg.window << shift))
        ahead = seq32(edge - self.edge) if self.edge is not None else 0
        # less than a unit may be rounded away, but it was promised (RFC 7323 2.4)
        self.insist(ahead < 1 << 31 or -ahead & 0xffffffff < 1 << shift,
                    f"the window shrinks: {seg}")
        if ahead < 1 << 31:
            self.edge = edge

    def expect(self, flags, timeout=TIMEOUT, rtx=False, at_once=False, **want):
        """
        The next segment must have exactly these flags (PSH only if named) and
        fields. A field is compared with ==, or called if it is a function.
        at_once: it is there before the peer answers a ping sent now.
        """
        wish = " ".join([flags] + [f"{k}={brief(v)}" for k, v in want.items()])
        if at_once:
            self.raw.fence()
            wish, timeout = f"{wish} at once", 0
        seg = self.get(timeout, rtx)
        if seg is None:
            self.fail(f"expected {wish}, got nothing in {seconds(timeout):g} s")
        mask = 0xff if "P" in flags else 0xff & ~PSH
        if seg.flags & mask != flags_of(flags):
            self.fail(f"expected {wish}, got {seg}", Wrong)
        for name, value in want.items():
            real = getattr(seg, name)
            if not (value(real) if callable(value) else real == value):
                self.fail(f"expected {wish}, got {name}={brief(real)} in {seg}", Wrong)
        return seg

    def replies(self, rtx=True):
        """All that came in answer to what was sent so far."""
        self.raw.fence()
        return list(iter(lambda: self.get(0, rtx), None))

    def silent(self, why="expected silence"):
        """Nothing but retransmissions came in answer to what was sent so far."""
        got = self.replies(rtx=False)
        self.check(not got, f"{why}, got {', '.join(map(str, got))}")

    def count(self, flags, seq):
        """How often text, SYN or FIN with these flags (but PSH) and number came so far."""
        self.replies()
        return sum(seg.flags & ~PSH == flags_of(flags) and seg.seq == seq32(seq) and seg.size > 0
                   for seg in self.got)

    # -- handshakes --

    def agree(self, ours, theirs):
        ours = parse_options(ours)
        if "ts" in ours and "ts" in theirs:
            self.ts = ours["ts"][0]
        if "ws" in ours and "ws" in theirs:
            self.shift = theirs["ws"]

    def open(self, options=MSS, **fields):
        """Be the client of a three-way handshake; the SYN,ACK."""
        self.send("S", options=options, **fields)
        synack = self.expect("SA", ack=self.snd)
        self.agree(options, synack.o)
        self.send("A", **fields)
        return synack

    def answer(self, options=MSS, **fields):
        """Be the server of a three-way handshake; the peer's SYN."""
        syn = self.expect("S", ack=0, data=b"")
        self.send("SA", options=echoing(options, self.ts_echo), **fields)
        self.agree(options, syn.o)
        self.expect("A", seq=syn.end, ack=self.snd, data=b"")
        return syn


# ---- sockets ----

KEPT = []       # all sockets of the test: none is closed because nobody looks at it

def sock_state(s):
    """The state of an open socket, by TCP_INFO."""
    return NATIVE_STATES[s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]]


def sock_error(s):
    """SO_ERROR, read and cleared, as a name; '' for none"""
    nr = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno.errorcode[nr] if nr else ""


def attempt(call, *args):
    """What a socket call returns, or the name of its errno."""
    try:
        return call(*args)
    except OSError as e:
        return errno.errorcode[e.errno]


def accept(listener):
    """The next connection, waited for."""
    def ready():
        try:
            return listener.accept()
        except BlockingIOError:
            return None
    s = wait_for(ready, TIMEOUT, "accept()")[0]
    s.setblocking(False)
    KEPT.append(s)
    return s


def read(s, size):
    """Exactly size octets, less only at the end of the stream."""
    data = b""
    while len(data) < size:
        if not select.select([s], [], [], seconds(TIMEOUT))[0]:
            raise Fail(f"only {len(data)} of {size} octets arrived")
        part = s.recv(size - len(data))
        if not part:
            break
        data += part
    return data


def unsent(s):
    """Octets written and not yet acknowledged (SIOCOUTQ)"""
    return struct.unpack("i", fcntl.ioctl(s, 0x5411, b"\0" * 4))[0]


def fill(flow, size=1400):
    """Send text until the peer's window is closed; how many octets that took."""
    start = flow.snd
    flow.replies()
    while True:
        room = seq32(flow.edge - flow.snd)
        if not room:
            return seq32(flow.snd - start)
        flow.send("A", data=bytes(min(room, size)))
        while flow.acked != flow.snd:
            flow.check(flow.get(rtx=True), "no ACK of text in the window")


def linger0(s):
    """close() will abort."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return s


def abort(s):
    linger0(s).close()


class Bench:
    """
    A Lab whose namespace a has the sockets under test and whose b is a Raw.
    params are parameters of the module; native TCP ignores those it has not.
    """

    def __init__(self, lab, **params):
        self.lab, self.ns = lab, lab.a
        for ns in (lab.a, lab.b):       # whom a packet is for does not matter: no ARP
            flags = struct.unpack_from("H", device(ns, "eth0", 0x8913))[0]
            device(ns, "eth0", 0x8914, struct.pack("H", flags | 0x80))
        self.raw = Raw(lab.b, lab.a)
        self.listener = None
        self.set(**params)
        end = lab.close
        lab.close = lambda: (self.close(), end())

    def close(self):
        """Leave no orphan that would wait for an answer of ours."""
        for flow in self.raw.flows:
            while flow.queue:
                flow.acked = flow.queue.pop().ack or flow.acked
            flow.send("R", seq=flow.snd if flow.acked is None else flow.acked)

    def set(self, **params):
        for name, value in params.items():
            try:
                self.ns.sysctl(name, value)
            except Skip:
                pass

    def moved(self, *names):
        """Remember these counters; call the result for by how much they moved."""
        old = self.ns.stat()
        def delta():
            new = self.ns.stat()
            out = [new[n] - old[n] for n in names]
            return out[0] if len(out) == 1 else out
        return delta

    def socket(self, *options):
        """A non-blocking socket; options: (level, name, value)"""
        s = self.ns.socket()
        s.setblocking(False)
        for option in options:
            s.setsockopt(*option)
        KEPT.append(s)
        return s

    def listen(self, port=PORT, backlog=64, options=()):
        s = self.socket((socket.SOL_SOCKET, socket.SO_REUSEADDR, 1), *options)
        s.bind((self.ns.ip, port))
        s.listen(backlog)
        self.listener = s if port == PORT else self.listener
        return s

    def connect(self, port=80, bind=0, to=RAW, options=(), iss=7000000):
        """Begin to connect to the raw host: (flow, socket); the SYN is on its way."""
        s = self.socket((socket.SOL_SOCKET, socket.SO_REUSEADDR, 1), *options)
        s.bind((self.ns.ip, bind))
        key = to, port, s.getsockname()[1]
        if key in self.raw.queue:       # the end of an earlier connection may be on its way
            self.raw.fence()
            self.raw.queue[key].clear()
        err = s.connect_ex((to, port))
        if err != errno.EINPROGRESS:
            raise OSError(err, os.strerror(err))
        return self.raw.flow(s.getsockname()[1], port, src=to, iss=iss), s

    def state(self, flow):
        """The state of the peer's end, CLOSED if it knows nothing of it."""
        for c in self.ns.conns(None, flow.dport, flow.sport):
            return c.state
        where = f"{self.ns.ip}:{flow.dport}", f"{flow.src}:{flow.sport}"
        if any((e["local"], e["remote"]) == where for e in self.ns.halfopen()):
            return "SYN-RECEIVED"
        return "CLOSED"

    def is_state(self, flow, *states):
        got = self.state(flow)
        flow.check(got in states, f"the state is {got}, not {' or '.join(states)}")

    def wait_state(self, flow, state, timeout=TIMEOUT):
        wait_for(lambda: self.state(flow) == state, timeout,
                 lambda: f"{state}, it is {self.state(flow)}\n{self.raw.story(flow.ports)}")

    # -- bring a socket into a state --

    def passive(self, options=MSS, **args):
        """An accepted connection: (flow, socket)"""
        if not self.listener:
            self.listen()
        flow = self.raw.flow(**args)
        flow.open(options)
        return flow, accept(self.listener)

    def active(self, options=MSS, **args):
        """A connected connection: (flow, socket)"""
        flow, s = self.connect(**args)
        flow.answer(options)
        return flow, s

    def reach(self, state, how="passive", orphan=False, options=MSS):
        """
        (flow, socket) in a state by the shortest way. how: the method that makes
        the connection. orphan: the application has closed the socket.
        """
        if state == "SYN-SENT":
            flow, s = self.connect()
            flow.expect("S")
            return flow, s
        if state == "HALF-OPEN":
            if not self.listener:
                self.listen()
            flow = self.raw.flow()
            flow.send("S", options=options)
            flow.agree(options, flow.expect("SA").o)
            return flow, None
        if state == "SYN-RECEIVED":
            flow, s = self.connect()
            flow.expect("S")
            flow.send("S", options=options)
            flow.agree(options, flow.expect("SA", ack=flow.snd).o)
            flow.watched = not NATIVE       # it scales a window that was not agreed to be
            return flow, s
        flow, s = getattr(self, how)(options)
        if state in ("CLOSE-WAIT", "LAST-ACK"):
            flow.send("FA")
            flow.expect("A", ack=flow.snd)
        if state not in ("ESTABLISHED", "CLOSE-WAIT"):
            self.finish(s, orphan)
            flow.expect("FA")
        if state in ("FIN-WAIT-2", "TIME-WAIT"):
            flow.send("A")
        if state == "TIME-WAIT":
            flow.send("FA")
        if state == "CLOSING":
            flow.send("FA", ack=flow.rcv - 1)
        if state in ("TIME-WAIT", "CLOSING"):
            flow.expect("A", ack=flow.snd)
        flow.silent()
        if orphan or state == "TIME-WAIT":
            self.is_state(flow, state)
        else:
            flow.check(sock_state(s) == state, f"{sock_state(s)} instead of {state}")
        return flow, s

    def finish(self, s, orphan):
        if orphan:
            s.close()
        else:
            s.shutdown(socket.SHUT_WR)


def clock(bench):
    """The time on the clock of the segments, now"""
    probe = bench.raw.flow(81)
    probe.send("A")
    return probe.expect("R").time


@contextlib.contextmanager
def traced(event):
    """with traced("tcpx_drop") as lines: lines() are what this tracepoint told so far."""
    path = f"/sys/kernel/tracing/instances/{event}{os.getpid()}"
    try:
        os.mkdir(path)
    except OSError as e:
        raise Skip("no tracefs") from e

    def lines():
        with open(path + "/trace", encoding="ascii") as f:
            return [line for line in f if event in line]
    try:
        with open(f"{path}/events/tcpx/{event}/enable", "w", encoding="ascii") as f:
            f.write("1")
        yield lines
        with open(f"{path}/events/tcpx/{event}/enable", "w", encoding="ascii") as f:
            f.write("0")
    finally:
        os.rmdir(path)


class Relay:
    """
    Two sockets of namespace a that talk to each other through our hands: what
    one sends is held until it is passed on, or lost.
    """

    def __init__(self, bench, port_a=5001, port_b=5002):
        self.a = bench.raw.flow(port_a, port_b, src=RAW)
        self.b = bench.raw.flow(port_b, port_a, src=RAW2)
        self.a.watched = self.b.watched = False
        self.bench = bench

    def other(self, flow):
        return self.b if flow is self.a else self.a

    def take(self, flow, flags, **want):
        """The next segment from this end; it is ours now."""
        return flow.expect(flags, rtx=True, **want)

    def give(self, seg, flow):
        """Hand a segment to this end."""
        flow.send(flag_text(seg.flags), seg.seq, seg.ack, seg.data, seg.opts, seg.window, seg.urg)

    def carry(self, flow, flags, **want):
        """Take one from this end and give it to the other."""
        seg = self.take(flow, flags, **want)
        self.give(seg, self.other(flow))
        return seg

    def settle(self):
        """Carry everything until nobody has anything to say."""
        count = 1
        while count:
            self.bench.raw.fence()
            count = 0
            for flow in (self.a, self.b):
                while flow.queue:
                    self.give(flow.get(0, rtx=True), self.other(flow))
                    count += 1

    def states(self):
        return self.bench.state(self.a), self.bench.state(self.b)
