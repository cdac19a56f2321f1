# SPDX-License-Identifier: GPL-2.0
"""
The netlink family: each request, what is refused and with which words, and that
it tells the same as /proc. Nothing here comes from tools/tcpxctl, which is run too.
"""
import collections
import contextlib
import errno
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile

from lab import (A, B, MACS, PROTO, TESTS, Thread, check, equal, insmod, libc, limit, param_list,
                 parse_table, program, remove, seconds, test, wait_for)

NOBODY = 65534
CLONE_NEWUSER = 0x10000000
REQUEST, ACK, DUMP, DUMP_INTR, CAPPED, ACK_TLVS = 1, 4, 0x300, 0x10, 0x100, 0x200
ERROR, DONE, GENL_ID_CTRL = 2, 3, 16


def enums():
    """The numbers of tcpx_uapi.h by name"""
    with open(os.path.join(os.path.dirname(TESTS), "tcpx_uapi.h"), encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    out = {}
    for body in re.findall(r"enum \w+ \{([^#}]*)\}", text):
        nr = -1
        for name, value in re.findall(r"(\w+)(?:\s*=\s*(\d+))?", body):
            nr = int(value) if value else nr + 1
            out[name] = nr
    return out


U = enums()
FIRST, WAITS = 2, 1             # TCPX_PARAM_ID_*
OPTS = ("ts", "ws", "sack")
FLAGS = ("acked", "v6", "icmp", "cookie", "deferred")
OVERFLOW = ("cookie", "evict", "recycle", "random", "drop_new")
INHERIT = 255
TIMERS = ("none", "rtx", "persist", "delack", "keepalive", "fin-wait", "time-wait")


# ---- messages ----

def attr(kind, data):
    return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def s32(*values):
    return struct.pack(f"={len(values)}i", *values)


def attrs(data):
    """{type: payload}; no type comes twice, but for padding (1, empty) before a u64"""
    out = {}
    while data:
        size, kind = struct.unpack_from("=HH", data)
        check(4 <= size <= len(data), f"attribute of {size} octets in {len(data)}")
        if (kind, size) != (1, 4):
            check(kind & 0x3fff not in out, f"attribute {kind & 0x3fff} twice")
            out[kind & 0x3fff] = data[4:size]
        data = data[size + -size % 4:]
    return out


def number(payload, signed=False):
    return int.from_bytes(payload, "little", signed=signed)


def text(payload):
    check(payload.endswith(b"\0"), f"{payload} does not end")
    return payload[:-1].decode()


# rows: (flags of the message, its attributes); parts: how many came with each recv()
Answer = collections.namedtuple("Answer", "error message offset rows parts")


class Genl:
    """A socket of the family, in the network namespace ns or the caller's."""

    def __init__(self, ns=None, family="tcpx"):
        with ns or contextlib.nullcontext():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        limit(self.sock)
        self.sock.setsockopt(270, 11, 1)        # NETLINK_EXT_ACK
        self.seq = 0
        self.family = GENL_ID_CTRL
        self.info = self.ask(3, attr(2, family.encode() + b"\0"), 0)
        self.family = number(self.info.rows[0][1][1]) if self.info.rows else None

    def send(self, cmd, body=b"", flags=DUMP):
        self.seq += 1
        self.last = struct.pack("=IHHIIBBH", 20 + len(body), self.family, flags | REQUEST | ACK,
                                self.seq, 0, cmd, 1, 0) + body
        self.sock.send(self.last)

    def recv(self, rows):
        """One recv(): how many rows came, and how the request ended if it did"""
        data = self.sock.recv(1 << 16)
        count = 0
        while data:
            size, kind, flags, seq, _ = struct.unpack_from("=IHHII", data)
            body, data = data[16:size], data[size + -size % 4:]
            equal(seq, self.seq, "sequence number of an answer")
            if kind in (ERROR, DONE):
                skip = 4
                if kind == ERROR:
                    skip = 20 if flags & CAPPED else 4 + number(body[4:8])
                tlvs = attrs(body[skip:]) if flags & ACK_TLVS else {}
                return count, (-number(body[:4], True), text(tlvs.get(1, b"\0")),
                               number(tlvs.get(2, b"")))
            rows.append((flags, attrs(body[4:])))
            count += 1
        return count, None

    def finish(self):
        rows, parts, end = [], [], None
        while end is None:
            count, end = self.recv(rows)
            parts.append(count)
        return Answer(*end, rows, parts)

    def ask(self, cmd, body=b"", flags=DUMP):
        self.send(cmd, body, flags)
        return self.finish()

    def dump(self, name, body=b""):
        """The rows of GET_<name>, all of which must come"""
        answer = self.ask(U["TCPX_CMD_GET_" + name], body)
        equal((answer.error, answer.message), (0, ""), f"end of GET_{name}")
        check(not any(flags & DUMP_INTR for flags, _ in answer.rows), f"GET_{name} was disturbed")
        return [row for _, row in answer.rows]

    def set(self, *params):
        """Set (id, payload)...; how it ended"""
        return self.ask(U["TCPX_CMD_SET_PARAMS"], b"".join(attr(*p) for p in params), 0)

    def set_listener(self, *attributes):
        """Set (name, payload)... of a listener; how it ended"""
        return self.ask(U["TCPX_CMD_SET_LISTENER"], b"".join(
            attr(U["TCPX_A_CONN_" + name], payload) for name, payload in attributes), 0)

    def refused(self, answer, error, message, kind=None):
        """The sentence, and the attribute that it is about"""
        equal(errno.errorcode.get(answer.error, "success"), errno.errorcode[error],
              f"error ({answer.message!r})")
        check(re.search(message, answer.message), f"message {answer.message!r}, want {message!r}")
        if kind is None:
            equal(answer.offset, 0, "offset of an attribute")
        else:
            check(answer.offset >= 20, f"no attribute is named: {answer}")
            equal(struct.unpack_from("=HH", self.last, answer.offset)[1], kind, "attribute named")


def field(row, name, signed=False):
    return number(row[U["TCPX_A_" + name]], signed)


def words(row, name):
    return text(row[U["TCPX_A_" + name]])


def address(row, prefix, end):
    ip, port = (row[U[f"TCPX_A_{prefix}_{end}{what}"]] for what in ("ADDR", "PORT"))
    if any(ip):         # a listener's peer is nobody, of no family
        equal(ip[:12], bytes(10) + b"\xff\xff", "prefix of a mapped address")
    return f"{socket.inet_ntoa(ip[12:])}:{int.from_bytes(port, 'big')}"


def bits(mask, names):
    return ",".join(n for i, n in enumerate(names) if mask >> i & 1) or "-"


REFUSALS = ("QUEUE", "NETNS", "PREFIX", "NOMEM", "ACCEPT")


def refusals(row):
    """How many SYNs a listener refused, by REFUSALS"""
    return [field(row, "CONN_REFUSED_" + why) for why in REFUSALS]


def so_cookie(s):
    return number(s.getsockopt(socket.SOL_SOCKET, 57, 8))


def u64(value):
    return struct.pack("=Q", value)


def listener(genl, s):
    """The row of a listening socket"""
    return {field(r, "CONN_COOKIE"): r for r in genl.dump("LISTENERS")}[so_cookie(s)]


def quiet(lab):
    """Let nothing move while two looks are compared."""
    for ns in (lab.a, lab.b):
        ns.sysctl("rto_init_ms", 120000)
        ns.sysctl("synack_waits_ms", " ".join(["3600000"] * 16))


def busy(lab):
    """Namespace b with a socket in every table; what keeps them alive."""
    quiet(lab)
    lst = lab.b.listen(10000, backlog=7)
    c, s = lab.a.connect(lst), limit(lst.accept()[0])
    c.sendall(b"12345")
    lab.b.connect((B, 10000))                       # to be accepted
    t = lab.b.listen(10001)
    old = lab.a.connect(t, sport=40001)
    end = limit(t.accept()[0])
    end.close()
    equal(old.recv(1), b"", "end of stream")
    old.close()
    lab.b.wait_state("TIME-WAIT", 10001)
    lab.cut("a")                                    # the SYN-ACK is lost
    waiting = lab.a.socket()
    waiting.setblocking(False)
    waiting.connect_ex((B, 10000))
    wait_for(lab.b.halfopen, what="a half-open entry")
    wait_for(lambda: [r for r in lab.b.conns() if r.rxq == 5], what="text that waits")
    return c, s, lst


def raw_host(lab):
    """A host beside a whose address nobody owns: its SYNs leave half-open entries at b."""
    from wire import RAW, Raw
    lab.b.neigh(RAW, MACS[A])
    return Raw(lab.a, lab.b)


def half_open(lab, raw, count):
    from wire import MSS
    start = len(lab.b.halfopen())
    for _ in range(count):
        raw.flow(10000).send("S", options=MSS)
    wait_for(lambda: len(lab.b.halfopen()) == start + count, 20, f"{count} half-open entries")


# ---- what is told ----

@test("A-nl the family tells its operations, and which of them need CAP_NET_ADMIN", needs="tcpx")
def _(lab):
    genl = Genl(lab.a)
    info = genl.info.rows[0][1]
    equal(text(info[2]), "tcpx", "name")
    equal(number(info[3]), 1, "version")
    ops = {number(op[1]): number(op[2]) for op in map(attrs, attrs(info[6]).values())}
    equal(sorted(ops), sorted(v for k, v in U.items() if k.startswith("TCPX_CMD_")), "operations")
    for cmd, flags in ops.items():      # 1, 0x10: admin; 2: do; 4: dump
        setter = cmd in (U["TCPX_CMD_SET_PARAMS"], U["TCPX_CMD_SET_LISTENER"])
        equal(flags & 0x17, 0x12 if setter else 4, f"flags of {cmd}")
    equal(Genl(lab.a, "tcpy").info.error, errno.ENOENT, "a family that does not exist")


@test("A-nl GET_STATS, GET_CELLS: the numbers and words of /proc/net/tcpx", needs="tcpx")
def _(lab):
    keep = busy(lab)
    genl = Genl(lab.b)

    def stats():
        kinds = {U["TCPX_STAT_STATE"]: "State", U["TCPX_STAT_REASON"]: "Reason"}
        out = []
        for row in genl.dump("STATS"):
            kind = field(row, "STAT_KIND")
            rfc = row.get(U["TCPX_A_STAT_RFC"])
            out.append(f"{kinds.get(kind, '')}{words(row, 'STAT_NAME')} "
                       f"{field(row, 'STAT_VALUE', True)} # {words(row, 'STAT_HELP')}" +
                       (f" ({text(rfc)})" if rfc else ""))
        return out

    def proc():
        return [s for s in lab.b.tcpx("stat").splitlines() if not s.startswith("#")]
    wait_for(lambda: stats() == proc(), what=lambda: "equal numbers; there are " + str(
        [x for x in zip(stats(), proc()) if x[0] != x[1]]))
    ids = [(field(r, "STAT_KIND"), field(r, "STAT_ID")) for r in genl.dump("STATS")]
    equal(len(set(ids)), len(ids), "numbers of statistics")
    queue = {words(r, "STAT_NAME"): field(r, "STAT_VALUE") for r in genl.dump("STATS")
             if field(r, "STAT_KIND") == U["TCPX_STAT_SYNQ"]}
    equal((queue["SynqHighest"], queue["SynqLifetimeMs"]), (1, 6 * 3600000), "of the queue")
    equal(sum(n for name, n in queue.items() if name.startswith("SynqTime")),
          lab.b.stat()["SynqCompleted"], "entries that left the queue")

    def word(s):
        return s.replace(" ", "_") or "-"

    def cells():
        return [" ".join((word(words(r, "CELL_EVENT_NAME")), word(words(r, "CELL_STATE_NAME")),
                          str(field(r, "CELL_HITS")), word(words(r, "CELL_NEXT_NAMES")),
                          word(words(r, "CELL_ACT_NAMES")), word(words(r, "CELL_REASON_NAME")),
                          word(text(r.get(U["TCPX_A_CELL_HANDLER"], b"\0"))),
                          word(words(r, "CELL_RFC")))) for r in genl.dump("CELLS")]

    def table():
        return [s for s in lab.b.tcpx("fsm").splitlines()[1:] if s.split()[2] != "-"]
    wait_for(lambda: cells() == table(), what=lambda: "equal cells; there are " + str(
        [x for x in zip(cells(), table()) if x[0] != x[1]]))
    check(any(field(r, "CELL_HITS") for r in genl.dump("CELLS")), "no cell was hit")
    check(keep)


def conn_row(row):
    """A connection as /proc/net/tcpx/conns has it, without the time left"""
    return (words(row, "CONN_STATE_NAME"), address(row, "CONN", "L"), address(row, "CONN", "R"),
            *(field(row, "CONN_" + x) for x in ("RXQ", "TXQ")),
            TIMERS[field(row, "CONN_TIMER")],
            *(field(row, "CONN_" + x) for x in ("RETRIES", "UID", "INODE", "COOKIE")),
            words(row, "CONN_REASON_NAME"))


def conn_proc(conn):
    return tuple(v for k, v in conn._asdict().items() if k != "left_ms")


@test("A-nl GET_CONNS, GET_LISTENERS, GET_HALF_OPEN: the rows of /proc/net/tcpx", needs="tcpx")
def _(lab):
    c, s, lst = busy(lab)
    genl = Genl(lab.b)

    def both():
        return [conn_row(r) for r in genl.dump("CONNS")], [conn_proc(r) for r in lab.b.conns()]
    # a delayed ACK may be due
    wait_for(lambda: len({str(rows) for rows in both()}) == 1, what=lambda: f"equal rows: {both()}")
    states = sorted(words(r, "CONN_STATE_NAME") for r in genl.dump("CONNS"))
    equal(states, ["ESTABLISHED"] * 3 + ["LISTEN"] * 2 + ["TIME-WAIT"], "states")
    for name in ("LISTEN", "TIME_WAIT"):
        mask = 1 << {"LISTEN": 10, "TIME_WAIT": 6}[name]
        got = genl.dump("CONNS", attr(U["TCPX_A_CONN_STATES"], struct.pack("=I", mask)))
        equal([conn_row(r) for r in got],
              [conn_proc(r) for r in lab.b.conns(name.replace("_", "-"))], f"only {name}")
    rows = {address(r, "CONN", "L"): r for r in genl.dump("LISTENERS")}
    equal(sorted(rows), [f"{B}:10000", f"{B}:10001"], "listeners")
    row = rows[f"{B}:10000"]
    equal([field(row, "CONN_" + x) for x in ("QLEN", "QLEN_MAX", "ACCEPT_QLEN", "ACCEPT_MAX",
                                              "DROPS", "QLEN_HIGHEST", "OVERFLOW")],
          [1, 7, 1, 8, 0, 1, INHERIT], "queues of the listener")
    equal(refusals(row), [0] * 5, "refusals of the listener")
    equal(field(row, "CONN_INODE"), os.fstat(lst.fileno()).st_ino, "inode of the listener")
    entry = genl.dump("HALF_OPEN")[0]
    proc = lab.b.halfopen()[0]
    equal((address(entry, "ENTRY", "L"), address(entry, "ENTRY", "R"),
           *(field(entry, "ENTRY_" + x) for x in ("STAGE", "RTX", "MSS")),
           bits(field(entry, "ENTRY_OPTS"), OPTS), bits(field(entry, "ENTRY_FLAGS"), FLAGS)),
          tuple(proc[k] for k in ("local", "remote", "stage", "rtx", "mss", "opts", "flags")),
          "half-open entry")
    equal({field(entry, "ENTRY_LISTENER"), proc["listener"]},
          {so_cookie(lst)},
          "cookie of its listener")
    check(abs(field(entry, "ENTRY_AGE_MS") - proc["age_ms"]) < seconds(10) * 1000, "age")
    # the wait counts from the next jiffy
    check(3500000 < field(entry, "ENTRY_LEFT_MS") <= 3600010, "time left")
    # nobody else's
    equal(sorted({words(r, "CONN_STATE_NAME") for r in Genl(lab.a).dump("CONNS")}),
          ["ESTABLISHED", "SYN-SENT"], "states at a")
    equal(Genl(lab.a).dump("HALF_OPEN"), [], "half-open entries at a")
    check(c.fileno() >= 0 and s.fileno() >= 0)


@test("A-nl sequence numbers of a connection and an entry are those on the wire", needs="tcpx")
def _(lab):
    cap = lab.b.capture()
    c, s, lst = busy(lab)
    genl = Genl(lab.b)
    mine = {address(r, "CONN", "R"): r for r in genl.dump("CONNS")}["%s:%d" % c.getsockname()]
    seq = {k: number(v) for k, v in attrs(mine[U["TCPX_A_CONN_SEQ"]]).items()}
    port = c.getsockname()[1]
    syn = cap.segs(lambda x: x.has("S"), sport=port)[0]
    synack = cap.segs(lambda x: x.has("SA"), dport=port)[0]
    want = {"IRS": syn.seq, "ISS": synack.seq, "SND_UNA": synack.seq + 1, "SND_NXT": synack.seq + 1,
            "RCV_NXT": syn.seq + 6}
    for name, value in want.items():
        equal(seq[U["TCPX_A_SEQ_" + name]], value & 0xffffffff, name)
    entry = genl.dump("HALF_OPEN")[0]
    seq = {k: number(v) for k, v in attrs(entry[U["TCPX_A_ENTRY_SEQ"]]).items()}
    port = int(address(entry, "ENTRY", "R").split(":")[1])
    equal(seq, {U["TCPX_A_SEQ_IRS"]: cap.segs(lambda x: x.has("S"), sport=port)[0].seq,
                U["TCPX_A_SEQ_ISS"]: cap.segs(lambda x: x.has("SA"), dport=port)[0].seq},
          "of the entry")
    check(s.fileno() >= 0 and lst.fileno() >= 0)


@test("A-nl GET_PARAMS: each parameter of the source with its value, range and sentence",
      needs="tcpx")
def _(lab):
    genl = Genl(lab.a)
    rows = genl.dump("PARAMS")
    listed = param_list()
    equal(len(rows), len(listed) + 3, "parameters")
    lab.a.sysctl("retries2", 7)
    rows = genl.dump("PARAMS")
    for i, (name, default, low, high, sentence) in enumerate(listed):
        row = rows[i]
        equal((words(row, "PARAM_NAME"), field(row, "PARAM_ID"), words(row, "PARAM_HELP")),
              (name, FIRST + i, sentence), "parameter")
        equal([field(row, "PARAM_" + x, True) for x in ("VALUE", "DEFAULT", "MIN", "MAX")],
              [7 if name == "retries2" else default, default, low, high], name)
    waits, lifetime, protocol = rows[-3:]
    equal([words(r, "PARAM_NAME") for r in rows[-3:]],
          ["synack_waits_ms", "synq_lifetime_ms", "protocol"], "the others")
    equal(field(waits, "PARAM_ID"), WAITS, "id of synack_waits_ms")
    equal(waits[U["TCPX_A_PARAM_VALUE"]],
          s32(*map(int, lab.a.read("/proc/sys/net/tcpx/synack_waits_ms").split())), "waits")
    for row in (lifetime, protocol):
        check(U["TCPX_A_PARAM_ID"] not in row, "a constant has an id")
        equal(field(row, "PARAM_VALUE"), lab.a.sysctl(words(row, "PARAM_NAME")), "value")
    equal(field(protocol, "PARAM_VALUE"), PROTO, "protocol")


@test("A-nl hundreds of entries and connections over several messages: each of them once",
      needs="tcpx", timeout=120)
def _(lab):
    quiet(lab)
    lab.b.sysctl("somaxconn", 4096)
    raw = raw_host(lab)
    lst = lab.b.listen(10000, backlog=1024)
    half_open(lab, raw, 500)
    genl = Genl(lab.b)
    answer = genl.ask(U["TCPX_CMD_GET_HALF_OPEN"])
    check(len(answer.parts) > 2, f"parts: {answer.parts}")
    got = [address(r, "ENTRY", "R") for _, r in answer.rows]
    equal(sorted(got), sorted(f"{f.src}:{f.sport}" for f in raw.flows), "half-open entries")
    socks = [lab.b.connect((B, 10000)) for _ in range(200)]
    answer = genl.ask(U["TCPX_CMD_GET_CONNS"])
    check(len(answer.parts) > 3, f"parts: {answer.parts}")
    got = collections.Counter((address(r, "CONN", "L"), address(r, "CONN", "R"))
                              for _, r in answer.rows)
    equal(set(got.values()), {1}, "how often a connection is told")
    for s in socks:
        local, remote = ("%s:%d" % x for x in (s.getsockname(), s.getpeername()))
        check((local, remote) in got and (remote, local) in got, f"{local} is missing")
    equal(len(got), 401, "connections and the listener")
    # What comes or goes while a dump is under way is told by NLM_F_DUMP_INTR.
    genl.send(U["TCPX_CMD_GET_HALF_OPEN"])
    rows = []
    genl.recv(rows)
    half_open(lab, raw, 1)
    check(any(flags & DUMP_INTR for flags, _ in genl.finish().rows), "no NLM_F_DUMP_INTR")
    check(lst.fileno() >= 0)


# ---- what is set, and what is refused ----

@test("A-nl SET_PARAMS: every parameter over its whole range, in its namespace only", needs="tcpx")
def _(lab):
    genl = Genl(lab.a)
    for i, (name, default, low, high, _) in enumerate(param_list()):
        for good in (high, low):
            equal(genl.set((FIRST + i, s32(good)))[:3], (0, "", 0), f"set {name} to {good}")
            equal(lab.a.sysctl(name), good, name)
        equal(lab.b.sysctl(name), default, f"{name} of the other namespace")
    ids = {p[0]: FIRST + i for i, p in enumerate(param_list())}
    equal(genl.set((ids["retries2"], s32(9)), (WAITS, s32(5, 6, 7)), (ids["sack"], s32(0)))[0], 0,
          "several at once")
    equal([lab.a.sysctl(x) for x in ("retries2", "sack")], [9, 0], "values")
    equal(lab.a.read("/proc/sys/net/tcpx/synack_waits_ms").split(),
          ["5", "6", "7"] + lab.b.read("/proc/sys/net/tcpx/synack_waits_ms").split()[3:], "waits")


@test("A-nl SET_PARAMS: out of range is refused, the attribute named, nothing stored",
      needs="tcpx")
def _(lab):
    genl = Genl(lab.a)
    listed = param_list()
    other = FIRST + [p[0] for p in listed].index("retries2")
    for i, (name, default, low, high, _) in enumerate(listed):
        for bad in (low - 1, high + 1):
            if not -2**31 <= bad < 2**31 or FIRST + i == other:
                continue
            for request in ([(FIRST + i, s32(bad)), (other, s32(3))],
                            [(other, s32(3)), (FIRST + i, s32(bad))]):
                genl.refused(genl.set(*request), errno.ERANGE, "out of range", FIRST + i)
            equal((lab.a.sysctl(name), lab.a.sysctl("retries2")), (default, 15), name)
    last = FIRST + len(listed)
    genl.refused(genl.set((other, s32(3)), (last, s32(1))), errno.EINVAL, "Unknown attribute", last)
    genl.refused(genl.set((other, b"\1\0")), errno.EINVAL, "length", other)
    genl.refused(genl.set((other, bytes(8))), errno.EINVAL, "length", other)
    genl.refused(genl.set((0, s32(1))), errno.EINVAL, ".", 0)
    genl.refused(genl.set(), errno.EINVAL, "no parameter given")
    equal(lab.a.sysctl("retries2"), 15, "retries2")


@test("A-nl SET_PARAMS: a malformed list of waits is refused as a whole", needs="tcpx")
def _(lab):
    genl = Genl(lab.a)
    before = lab.a.read("/proc/sys/net/tcpx/synack_waits_ms")
    for what, error, message in (
            (b"", errno.ERANGE, "size"), (b"\1\0\0", errno.ERANGE, "size out of range"),
            (s32(1) + b"\1", errno.EINVAL, "not a list"), (s32(*[9] * 17), errno.ERANGE, "size"),
            (s32(0), errno.ERANGE, "out of range"), (s32(-1), errno.ERANGE, "out of range"),
            (s32(7, 3600001), errno.ERANGE, "out of range"),
            (s32(*[7] * 15, 0), errno.ERANGE, "out of range")):
        genl.refused(genl.set((FIRST, s32(77)), (WAITS, what)), error, message, WAITS)
        equal(lab.a.read("/proc/sys/net/tcpx/synack_waits_ms"), before, "waits")
    equal(lab.a.sysctl("rto_init_ms"), 1000, "what was set beside them")
    equal(genl.set((WAITS, s32(*range(1, 17))))[0], 0, "sixteen waits")
    equal(lab.a.read("/proc/sys/net/tcpx/synack_waits_ms").split(),
          [str(i) for i in range(1, 17)], "waits")


@test("A-nl unknown attributes, commands and ways to ask are refused", needs="tcpx")
def _(lab):
    genl = Genl(lab.a)
    for name in ("STATS", "CELLS", "LISTENERS", "HALF_OPEN", "PARAMS"):
        answer = genl.ask(U["TCPX_CMD_GET_" + name], attr(1, s32(1)))
        genl.refused(answer, errno.EINVAL, ".", 1)
        equal(answer.rows, [], f"answers to a bad GET_{name}")
    conns = U["TCPX_CMD_GET_CONNS"]
    states = U["TCPX_A_CONN_STATES"]
    genl.refused(genl.ask(conns, attr(77, s32(1))), errno.EINVAL, "Unknown attribute", 77)
    genl.refused(genl.ask(conns, attr(states, s32(1))), errno.EINVAL, "bit", states)
    genl.refused(genl.ask(conns, attr(states, s32(1 << 20))), errno.EINVAL, "bit", states)
    genl.refused(genl.ask(conns, attr(states, b"\4")), errno.EINVAL, "length", states)
    for cmd, flags in ((99, DUMP), (99, 0), (conns, 0), (U["TCPX_CMD_SET_PARAMS"], DUMP)):
        equal(genl.ask(cmd, b"", flags).error, errno.EOPNOTSUPP, f"command {cmd}, flags {flags:#x}")
    # the header says that more comes than does
    bad = struct.pack("=HH", 64, FIRST) + s32(1)
    check(genl.ask(U["TCPX_CMD_SET_PARAMS"], bad, 0).error, "a cut attribute is taken")
    equal(genl.dump("LISTENERS"), [], "it goes on")


# ---- listeners ----

@test("A-nl SET_LISTENER: the policy of one listener changes while it listens", needs="tcpx")
def _(lab):
    from wire import MSS, PORT, Bench, accept
    b = Bench(lab, synq_prefix=0, synq_overflow=OVERFLOW.index("drop_new"),
              synack_waits_ms="3600000")
    one, other = b.listen(PORT, 1), b.listen(PORT + 1, 1)
    genl = Genl(b.ns)

    def syn(port):
        flow = b.raw.flow(port)
        flow.send("S", options=MSS)
        return flow, bool([x for x in flow.replies() if x.flags == 0x12])

    def policy(name):
        value = OVERFLOW.index(name) if name in OVERFLOW else INHERIT
        answer = genl.set_listener(("COOKIE", u64(so_cookie(one))), ("OVERFLOW", bytes([value])))
        equal((answer.error, answer.message), (0, ""), f"set {name}")
        equal([field(listener(genl, s), "CONN_OVERFLOW") for s in (one, other)],
              [value, INHERIT], "policies told")
    for port in (PORT, PORT + 1):
        equal(syn(port)[1], True, "room for one")
        equal(syn(port)[1], False, "drop_new, of the namespace")
    for name in ("recycle", "random"):
        policy(name)
        moved = b.moved("SynqEvicted", "ReasonEvicted")
        equal([syn(port)[1] for port in (PORT, PORT + 1)], [True, False], name)
        equal(moved(), [1, 1], name)
    policy("evict")
    equal(syn(PORT)[1], False, "evict: the only entry is young")
    policy("cookie")
    moved = b.moved("CookiesSent", "CookiesOk", "SynqEvicted")
    flow, answered = syn(PORT)
    equal((answered, syn(PORT + 1)[1]), (True, False), "cookie")
    flow.send("A")
    equal(accept(one).getpeername()[1], flow.sport, "who connected")
    equal(moved(), [1, 1, 0], "cookie")
    policy("drop_new")
    equal(syn(PORT)[1], False, "drop_new")
    policy("inherit")
    b.set(synq_overflow=OVERFLOW.index("recycle"))
    equal([syn(port)[1] for port in (PORT, PORT + 1)], [True, True], "inherit")


@test("A-nl SET_LISTENER: what is refused, with the attribute that it is about", needs="tcpx")
def _(lab):
    lst = lab.a.listen(10000)
    genl = Genl(lab.a)
    mine, cookie, overflow = u64(so_cookie(lst)), *(U["TCPX_A_CONN_" + x]
                                                    for x in ("COOKIE", "OVERFLOW"))

    def refused(error, message, kind, *attributes):
        genl.refused(genl.set_listener(*attributes), error, message, kind)
        equal(field(listener(genl, lst), "CONN_OVERFLOW"), INHERIT, "policy")
    for bad in (5, 100, 254):
        refused(errno.ERANGE, "no such policy", overflow, ("COOKIE", mine),
                ("OVERFLOW", bytes([bad])))
    other = lab.a.socket()
    for nobody in (0, so_cookie(lst) + 1000000, 2**64 - 1, so_cookie(other),
                   so_cookie(lab.b.listen(10000))):
        refused(errno.ENOENT, "no listener has that cookie", cookie, ("COOKIE", u64(nobody)),
                ("OVERFLOW", b"\1"))
    for some in ((("COOKIE", mine),), (("OVERFLOW", b"\1"),), ()):
        refused(errno.EINVAL, "cookie of a listener and overflow policy wanted", None, *some)
    refused(errno.EINVAL, "[Uu]nsupported attribute", U["TCPX_A_CONN_UID"],
            ("COOKIE", mine), ("OVERFLOW", b"\1"), ("UID", s32(0)))
    refused(errno.EINVAL, "length", cookie, ("COOKIE", mine[:4]), ("OVERFLOW", b"\1"))
    refused(errno.EINVAL, "length", overflow, ("COOKIE", mine), ("OVERFLOW", s32(1)))
    equal(genl.ask(U["TCPX_CMD_SET_LISTENER"]).error, errno.EOPNOTSUPP, "as a dump")


@test("A-nl GET_LISTENERS: who refused: queue, namespace, prefix, accept queue; highest mark",
      needs="tcpx")
def _(lab):
    from wire import MSS, PORT, Bench, accept
    b = Bench(lab, synq_prefix=0, synq_overflow=OVERFLOW.index("drop_new"),
              synack_waits_ms="3600000")
    genl = Genl(b.ns)

    def syns(port, count, answered, source=lambda i: None):
        flows = [b.raw.flow(port, src=source(i)) for i in range(count)]
        for flow in flows:
            flow.send("S", options=MSS)
        b.raw.fence()
        equal(sum(bool(f.queue) for f in flows), answered, "SYN-ACKs")
        return [f for f in flows if f.replies()]

    def told(s):
        row = listener(genl, s)
        equal(sum(refusals(row)), field(row, "CONN_DROPS"), "SYNs refused")
        return refusals(row), field(row, "CONN_QLEN_HIGHEST")
    queue = b.listen(PORT, 4)
    flows = syns(PORT, 7, 4)
    equal(told(queue), ([3, 0, 0, 0, 0], 4), "a full queue")
    for flow in flows[:3]:
        flow.send("R")
    b.raw.fence()
    equal(field(listener(genl, queue), "CONN_QLEN"), 1, "entries")
    syns(PORT, 1, 1)
    equal(told(queue), ([3, 0, 0, 0, 0], 4), "a highest mark that stays")

    netns = b.listen(PORT + 1, 100)
    b.set(synq_max=5)
    syns(PORT + 1, 5, 3)
    equal(told(netns), ([0, 2, 0, 0, 0], 3), "a full namespace")
    equal(b.ns.stat()["SynqHighest"], 5, "SynqHighest")

    b.set(synq_max=65536, synq_prefix=1)
    prefix = b.listen(PORT + 2, 64)
    syns(PORT + 2, 50, 48, lambda i: f"10.53.7.{i + 1}")
    equal(told(prefix), ([0, 0, 2, 0, 0], 48), "a prefix with more than its share")
    syns(PORT + 2, 2, 2, lambda i: f"10.53.{8 + i}.1")
    equal(told(prefix), ([0, 0, 2, 0, 0], 50), "other prefixes")

    full = b.listen(PORT + 3, 1)
    for flow in (f for _ in range(2) for f in syns(PORT + 3, 1, 1)):
        flow.send("A")
    b.raw.fence()
    syns(PORT + 3, 3, 0)
    equal(told(full), ([0, 0, 0, 0, 3], 1), "a full accept queue")
    row = listener(genl, full)
    equal([field(row, "CONN_ACCEPT_" + x) for x in ("QLEN", "MAX")], [2, 2], "accept queue")
    accept(full)
    syns(PORT + 3, 1, 1)
    equal([refusals(listener(genl, s)) for s in (queue, netns, prefix)],
          [[3, 0, 0, 0, 0], [0, 2, 0, 0, 0], [0, 0, 2, 0, 0]], "the others'")


@test("A-nl GET_HALF_OPEN: whose entry it is, of two listeners and of a group", needs="tcpx")
def _(lab):
    quiet(lab)
    lab.b.sysctl("lab_hash_seed", 5)                # it shares out the entries of the group
    raw = raw_host(lab)
    lab.b.sysctl("synq_prefix", 0)
    lsts = {port: lab.b.listen(port, 64) for port in (10000, 10001)}
    group = []
    for _ in range(2):
        s = limit(lab.b.socket())
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind((B, 10002))
        s.listen()
        group.append(s)
    from wire import MSS
    for port in (10000, 10001, 10002):
        for _ in range(20):
            raw.flow(port).send("S", options=MSS)
    raw.fence()
    genl = Genl(lab.b)
    owners = collections.Counter()
    for row in genl.dump("HALF_OPEN"):
        port = int(address(row, "ENTRY", "L").split(":")[1])
        owners[port, field(row, "ENTRY_LISTENER")] += 1
    for port, s in lsts.items():
        equal(owners.pop((port, so_cookie(s)), 0), 20, f"entries of {port}")
    equal({owner for _, owner in owners}, set(map(so_cookie, group)), "owners in the group")
    for s in group:
        equal(field(listener(genl, s), "CONN_QLEN"), owners[10002, so_cookie(s)], "entries")
    equal(sum(owners.values()), 20, "entries of the group")


# ---- who may ----

def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def secrets(genl, tables=("CONNS", "HALF_OPEN")):
    """Rows of these dumps that tell sequence numbers"""
    out = []
    for name in tables:
        rows = genl.dump(name)
        check(rows, f"GET_{name} tells nothing")
        nest = U["TCPX_A_CONN_SEQ" if name == "CONNS" else "TCPX_A_ENTRY_SEQ"]
        out += [r for r in rows if nest in r]
    return out


@test("SEC-33 A-nl without CAP_NET_ADMIN: all may be read but sequence numbers, nothing set",
      needs="tcpx")
def _(lab):
    keep = busy(lab)
    check(secrets(Genl(lab.b)), "root sees no sequence numbers")

    def look(genl):
        for name in ("STATS", "CELLS", "LISTENERS", "PARAMS"):
            check(genl.dump(name), f"GET_{name} is empty")
        equal(len(secrets(genl)), 0, "rows with sequence numbers")
        equal(genl.set((FIRST, s32(77))).error, errno.EPERM, "set")
        mine = genl.dump("LISTENERS")[0][U["TCPX_A_CONN_COOKIE"]]
        equal(genl.set_listener(("COOKIE", mine), ("OVERFLOW", b"\4")).error, errno.EPERM,
              "set a listener")

    def opened_by_root():
        genl = Genl()
        become(NOBODY)
        look(genl)

    def opened_by_nobody():
        become(NOBODY)
        look(Genl())

    def used_by_root():
        os.seteuid(NOBODY)
        genl = Genl()
        os.seteuid(0)
        look(genl)
    for child in (opened_by_root, opened_by_nobody, used_by_root):
        lab.b.call(child)
    equal(lab.b.sysctl("rto_init_ms"), 120000, "rto_init_ms")
    equal({field(r, "CONN_OVERFLOW") for r in Genl(lab.b).dump("LISTENERS")}, {INHERIT}, "policy")
    check(keep)


@test("SEC-33 A-nl privileges lost while a dump is under way: the rest has no sequence numbers",
      needs="tcpx")
def _(lab):
    quiet(lab)
    raw = raw_host(lab)
    lst = lab.b.listen(10000, backlog=1024)
    half_open(lab, raw, 500)

    def child():
        genl, first = Genl(), []
        genl.send(U["TCPX_CMD_GET_HALF_OPEN"])
        genl.recv(first)
        become(NOBODY)
        rest = genl.finish()
        return (len(first), sum(U["TCPX_A_ENTRY_SEQ"] in r for _, r in first), len(rest.rows),
                sum(U["TCPX_A_ENTRY_SEQ"] in r for _, r in rest.rows),
                U["TCPX_A_ENTRY_SEQ"] in rest.rows[-1][1])
    first, told, rest, after, last = lab.b.call(child)
    equal((told, first + rest), (first, 500), "rows with sequence numbers in the first message")
    # one message may have been made before the privileges were lost, not the last
    check(not last, f"{after} of {rest} rows of the rest have them")
    check(lst.fileno() >= 0)


@test("SEC-33 A-nl root of a user namespace sets in its own network namespace, not in others",
      needs="tcpx")
def _(lab):
    def child():
        uid, gid = os.geteuid(), os.getegid()
        genl = Genl()                   # of lab.a
        if libc.unshare(CLONE_NEWUSER | 0x40000000):
            raise OSError(errno.EPERM, "unshare")
        for name, line in (("uid_map", f"0 {uid} 1"), ("setgroups", "deny"),
                           ("gid_map", f"0 {gid} 1")):
            with open("/proc/self/" + name, "w", encoding="ascii") as f:
                f.write(line)
        own = Genl()
        equal(own.set((FIRST, s32(78)))[:2], (0, ""), "set in its own")
        with open("/proc/thread-self/net/tcpx/stat", encoding="ascii") as f:
            check(f.read(), "stat is empty")
        rows = own.dump("PARAMS")
        equal(field(rows[0], "PARAM_VALUE"), 78, "rto_init_ms of its own")
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, PROTO)
        s.bind(("127.0.0.1", 10000))
        s.listen()
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, PROTO)
        equal(genl.set((FIRST, s32(79))).error, errno.EPERM, "set in another's")
        here = ("COOKIE", u64(so_cookie(s)))
        equal(own.set_listener(here, ("OVERFLOW", b"\1"))[:2], (0, ""), "set its own listener")
        there = ("COOKIE", u64(so_cookie(lst)))
        equal(genl.set_listener(there, ("OVERFLOW", b"\1")).error, errno.EPERM,
              "set another's listener")
        equal(own.set_listener(there, ("OVERFLOW", b"\1")).error, errno.ENOENT,
              "another's listener in its own namespace")
        equal(secrets(genl, ["CONNS"]), [], "sequence numbers of another namespace")
    lst = lab.b.listen(10000)
    c = lab.a.connect(lst)
    equal(len(secrets(Genl(lab.a), ["CONNS"])), 1, "root's view of the connection")
    for uid in (0, 1000):
        def as_user(uid=uid):
            if uid:
                become(uid)
                libc.prctl(4, 1)        # PR_SET_DUMPABLE: else /proc/self is root's
            child()
        lab.a.call(as_user)
    equal(lab.a.sysctl("rto_init_ms"), 1000, "rto_init_ms")
    equal(field(listener(Genl(lab.b), lst), "CONN_OVERFLOW"), INHERIT, "policy")
    check(c.fileno() >= 0)


# ---- tcpxctl ----

def ctl(ns, *argv, **kw):
    return ns.run([program("tcpxctl"), *argv], check=False, **kw)


@test("A-nl tcpxctl: each view has the rows of /proc, set sets and says why not",
      needs=("tcpx", "tcpxctl"))
def _(lab):
    keep = busy(lab)
    for view, file in (("conns", "conns"), ("halfopen", "halfopen"), ("fsm", "fsm"),
                       ("stat", None), ("reasons", None), ("listeners", None), ("params", None)):
        for flags in ([], ["-a"]):
            p = ctl(lab.b, *flags, view)
            equal((p.returncode, p.stderr), (0, ""), f"tcpxctl {view}")
            rows = p.stdout.splitlines()
            check(len(rows) > 1, f"tcpxctl {view} tells nothing")
        if file:
            want = [r for r in parse_table(lab.b.tcpx(file)) if r.get("hits") != "-"]
            equal(len(rows) - 1, len(want), f"rows of tcpxctl {view}")
    # the columns that both have, row by row
    for view in ("conns", "halfopen"):
        times = ("left_ms", "age_ms", "timer")
        for got, want in zip(parse_table(ctl(lab.b, "-a", view).stdout),
                             parse_table(lab.b.tcpx(view))):
            for name in want:
                if name not in times:
                    equal(got[name], want[name], f"{name} in {view}")
    equal(ctl(lab.b, "-a", "halfopen").stdout.split("\n", maxsplit=1)[0].split()[-2:],
          ["iss", "irs"], "columns of -a")
    equal(len(ctl(lab.b, "params").stdout.splitlines()), len(param_list()) + 4, "params")
    p = ctl(lab.b, "set", "retries2=4", "synack_waits_ms=10,20")
    equal((p.returncode, p.stdout + p.stderr), (0, ""), "set")
    equal(lab.b.sysctl("retries2"), 4, "retries2")
    for words_, status, message in (
            (["retries2=0"], 1, "retries2=0: integer out of range (1 to 255)"),
            (["sack=0", "retries2=256"], 1, "retries2=256: integer out of range (1 to 255)"),
            (["retries2=x"], 2, "retries2"), (["nothing=1"], 2, "no such parameter"),
            (["protocol=254"], 2, "can only be read"), (["retries2"], 2, "NAME=VALUE")):
        p = ctl(lab.b, "set", *words_)
        equal(p.returncode, status, f"exit status of set {words_}: {p.stderr}")
        check(message in p.stderr, f"set {words_}: {p.stderr!r}")
    equal([lab.b.sysctl(x) for x in ("retries2", "sack")], [4, 1], "values")
    equal(ctl(lab.b, "nonsense").returncode, 2, "exit status of a view that is none")

    def nobody(tool):
        become(NOBODY)
        return [subprocess.run([tool, *argv], capture_output=True, text=True,
                               check=False) for argv in (["-a", "halfopen"], ["set", "retries2=5"])]
    # a copy: nobody may not be allowed where the program is
    with tempfile.TemporaryDirectory(dir="/tmp") as where:
        os.chmod(where, 0o755)
        view, done = lab.b.call(nobody, shutil.copy(program("tcpxctl"), where))
    equal(view.stdout.splitlines()[1].split()[-2:], ["-", "-"], "ISS and IRS for nobody")
    equal((done.returncode, done.stderr), (1, "tcpxctl: Operation not permitted\n"), "nobody sets")
    check(keep)


@test("A-nl tcpxctl listener: sets the policy of one, and says why not",
      needs=("tcpx", "tcpxctl"))
def _(lab):
    lst, other = lab.b.listen(10000), lab.b.listen(10001)
    cookie = str(so_cookie(lst))

    def policies():
        rows = {str(r["local"]): r for r in parse_table(ctl(lab.b, "listeners").stdout)}
        return [str(rows[f"{B}:{port}"]["overflow"]) for port in (10000, 10001)]
    equal(policies(), ["inherit", "inherit"], "policies")
    for name in (*OVERFLOW, "inherit"):
        p = ctl(lab.b, "listener", cookie, name)
        equal((p.returncode, p.stdout + p.stderr), (0, ""), f"listener {name}")
        equal(policies(), [name, "inherit"], "policies")
    for argv, status, message in (
            (("0", "evict"), 1, "no listener has that cookie"),
            ((cookie, "keep"), 2, "cookie|evict|recycle|random|drop_new|inherit"),
            (("x", "evict"), 2, "cookie|evict|recycle|random|drop_new|inherit"),
            ((cookie,), 2, "usage")):
        p = ctl(lab.b, "listener", *argv)
        equal(p.returncode, status, f"exit status of listener {argv}: {p.stderr}")
        check(message in p.stderr, f"listener {argv}: {p.stderr!r}")
    equal(policies(), ["inherit", "inherit"], "policies")
    check(other.fileno() >= 0)


@test("A-nl tcpxctl defences: which are on, and how often each fired", needs=("tcpx", "tcpxctl"))
def _(lab):
    from wire import MSS, PORT, Bench
    b = Bench(lab, synq_prefix=0, synack_waits_ms="3600000")
    b.listen(PORT, 1)

    def defences():
        p = ctl(b.ns, "defences")
        equal((p.returncode, p.stderr), (0, ""), "tcpxctl defences")
        lines = p.stdout.splitlines()
        equal(lines[0].split(), ["defence", "state", "parameter", "fired"], "head")
        at = [0, *(lines[0].index(name) for name in ("state", "parameter", "fired")), None]
        cells = [[line[i:j].strip() for i, j in zip(at, at[1:])] for line in lines[1:]]
        return {name: row for name, *row in cells}
    rows = defences()
    listed = {p.name for p in param_list()}
    for name, row in rows.items():
        check(row[0] in ("on", "OFF"), f"state of {name}: {row}")
        check(row[1] == "-" or row[1].split("=")[0] in listed, f"parameter of {name}: {row}")
        for part in row[2].split(", ") if row[2] != "-" else ():
            equal(part.split()[1:], ["0"], f"{name} fired")
    equal({n for n, r in rows.items() if r[0] == "OFF"},
          {n for n, r in rows.items() if r[1].split("=")[0] in
           ("synq_prefix", "syn_strict", "rfc1337")}, "what is off by default, and synq_prefix")
    equal(rows["shares of prefixes"][:2], ["OFF", "synq_prefix=0"], "shares of prefixes")
    for _ in range(3):
        flow = b.raw.flow()
        flow.send("S", options=MSS)
        flow.expect("SA")
    flow.send("A", ack=flow.rcv + 4711)
    flow.expect("R")
    equal(rows.keys(), defences().keys(), "defences")
    equal(defences()["SYN cookies"],
          ["on", "syncookies=1", "CookiesSent 2, CookiesOk 0, CookiesBad 1, CookiesStale 0"],
          "SYN cookies")
    b.set(synq_overflow=OVERFLOW.index("recycle"))
    flow = b.raw.flow()
    flow.send("S", options=MSS)
    flow.expect("SA")
    b.set(synq_overflow=OVERFLOW.index("drop_new"), syncookies=0, lab_isn=1, lab_cookie_key=2,
          synack_rate=0, challenge_ms=0)
    rows = defences()
    equal(rows["make room in a full queue"], ["OFF", "synq_overflow=4", "SynqEvicted 1"],
          "evictions")
    for name in ("SYN cookies", "secret initial numbers (RFC 6528)", "secret cookie key",
                 "rate of SYN-ACKs sent again", "their limit per connection"):
        equal(rows[name][0], "OFF", name)


@test("A-nl SEC-36 without the module there is no family, and tcpxctl says so",
      needs=("tcpx", "ko", "tcpxctl"))
def _(lab):
    genl = Genl(lab.a)
    genl.dump("STATS")
    remove()
    try:
        equal(Genl(lab.a).info.error, errno.ENOENT, "the family")
        # the number may not be another family's meanwhile
        equal(genl.ask(U["TCPX_CMD_GET_STATS"]).error, errno.ENOENT, "a request to what it was")
        p = ctl(lab.a, "stat")
        equal((p.returncode, p.stderr), (3, "tcpxctl: the module tcpx is not loaded\n"), "tcpxctl")
    finally:
        insmod()
    check(Genl(lab.a).dump("STATS"), "no statistics")


@test("A-nl SEC-36 rmmod while dumps are read: it waits or is refused, nothing breaks",
      needs=("tcpx", "ko"), timeout=120)
def _(lab):
    stop = []

    def read():
        done = 0
        while not stop:
            genl = Genl(lab.a)
            if genl.family is None:
                continue
            for name in ("STATS", "CELLS", "PARAMS", "CONNS"):
                with contextlib.suppress(OSError):
                    done += genl.ask(U["TCPX_CMD_GET_" + name]).error == 0
            genl.sock.close()
        return done
    threads = [Thread(read) for _ in range(2)]
    for _ in range(20):
        remove()
        insmod()
    stop.append(True)
    check(sum(t.result() for t in threads), "no dump was read")
