# SPDX-License-Identifier: GPL-2.0
"""
The lab: network namespaces, sockets in them, what the module tells about them.

A test gets a Lab: namespaces a (10.53.0.1) and b (10.53.0.2) joined by a veth
pair named eth0 on both ends, with fixed neighbours and without offloads, so
that the wire shows what the stack sends. Lab(middle=True) puts a bridge in a
third namespace r between them: netem works there, and captures at a and b see
segments in the order in which each end sent them.

TCPX_PROTO=6 runs the same tests on the kernel's own TCP.
"""
import collections
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import pickle
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

PROTO = int(os.environ.get("TCPX_PROTO", "253"))
NATIVE = PROTO == socket.IPPROTO_TCP
SLOW = float(os.environ.get("TCPX_SLOW", "1"))
TESTS = os.path.dirname(os.path.abspath(__file__))
KO = os.environ.get("TCPX_KO", os.path.join(os.path.dirname(TESTS), "tcpx.ko"))
A, B = "10.53.0.1", "10.53.0.2"
MACS = {A: "02:00:00:00:53:01", B: "02:00:00:00:53:02"}

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TRACING = "/sys/kernel/tracing"


class Skip(Exception):
    """The test cannot run here; the argument says why."""


class Timeout(Exception):
    """A test took longer than it may."""


class Fail(AssertionError):
    """What was expected did not happen."""
    final = False


class Wrong(Fail):
    """
    What must never happen did: other octets than were sent, a segment that the
    protocol forbids. No slow machine is an excuse, so it is not tried again.
    """
    final = True


def skip(why):
    raise Skip(why)


def check(cond, text="condition is false"):
    """An assertion whose text is the diagnosis."""
    if not cond:
        raise Fail(text)


def equal(got, want, what="value"):
    if got != want:
        # fewer octets may be the work of a slow machine, others are not
        octets = isinstance(got, bytes) and isinstance(want, bytes)
        kind = Wrong if octets and not want.startswith(got) else Fail
        raise kind(f"{what}: got {got!r}, want {want!r}")


def same(got, want, what="value"):
    """equal() for data and segments, see Wrong"""
    if got != want:
        raise Wrong(f"{what}: got {got!r}, want {want!r}")


def err_name(nr):
    return errno.errorcode.get(nr, str(nr)) if nr else "success"


@contextlib.contextmanager
def fails(*errors):
    """with fails(errno.EPIPE): the block must raise OSError with one of these."""
    want = "/".join(err_name(e) for e in errors)
    try:
        yield
    except OSError as e:
        nr = errno.EAGAIN if isinstance(e, socket.timeout) and e.errno is None else e.errno
        if nr not in errors:
            raise Fail(f"failed with {err_name(nr)}, want {want}") from e
    else:
        raise Fail(f"succeeded, want {want}")


def seconds(s):
    """A limit for this machine."""
    return s * SLOW


def limit(s, recv=15, send=15):
    """
    A blocking socket that hangs no test: SO_RCVTIMEO and SO_SNDTIMEO. (Python's
    settimeout() makes a socket non-blocking, which is not what is tested.)
    """
    s.settimeout(None)
    for name, t in ((socket.SO_RCVTIMEO, recv), (socket.SO_SNDTIMEO, send)):
        t = seconds(t)
        s.setsockopt(socket.SOL_SOCKET, name, struct.pack("=qq", int(t), int(t % 1 * 1e6)))
    return s


def abort_all():
    """
    End every connection of this process by RST: what follows a test shall not
    wait for orphans that retransmit to a peer that is gone.
    """
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink("/proc/self/fd/" + name).startswith("socket:"):
                s = socket.socket(fileno=os.dup(int(name)))
                with s:
                    if s.family == socket.AF_INET and s.type == socket.SOCK_STREAM:
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     struct.pack("ii", 1, 0))
                        os.close(int(name))


def wait_for(cond, timeout=5, what=None, step=0.002):
    """Wait until cond() is true and return its value; time limits are scaled."""
    end = time.monotonic() + seconds(timeout)
    while True:
        value = cond()
        if value:
            return value
        if time.monotonic() > end:
            what = what() if callable(what) else what
            raise Fail(f"waited {seconds(timeout):g} s for {what or 'a condition'}")
        time.sleep(step)
        step = min(step * 1.5, 0.1)


# ---- the registry of tests ----

Test = collections.namedtuple("Test", "name fn needs long timeout lab file alone")
TESTS_FOUND = []


def test(name, needs=(), long=False, timeout=60, lab=True, alone=False):
    """
    Register a test. It is called with a Lab unless lab=False; lab may be a dict
    of arguments for Lab. needs: names from NEEDS. long: only with run.py --long.
    alone: it does something to the machine that another test would notice.
    """
    needs = (needs,) if isinstance(needs, str) else tuple(needs)

    def register(fn):
        TESTS_FOUND.append(Test(name, fn, needs, long, timeout, lab,
                                os.path.basename(fn.__code__.co_filename),
                                alone or long or "ko" in needs or "failslab" in needs))
        return fn
    return register


def _has_qdisc(kind):
    """A qdisc of this kind, and tc."""
    if not shutil.which("tc"):
        return False
    with Ns("probe") as ns:
        ok = ns.run(["tc", "qdisc", "add", "dev", "lo", "root", *kind.split()],
                    check=False).returncode == 0
    ns.close()
    return ok


def _has_link(kind):
    with Ns("probe") as ns:
        ok = ns.run(["ip", "link", "add", "probe0", "type", *kind.split()], check=False).returncode == 0
    ns.close()
    return ok


def _has_events():
    if not os.path.exists(TRACING + "/events"):
        subprocess.run(["mount", "-t", "tracefs", "none", TRACING], check=False,
                       capture_output=True)
    return os.path.isdir(TRACING + "/events/tcpx")


def boot_options():
    with open("/proc/cmdline", encoding="ascii", errors="replace") as f:
        return f.read().split()


def virtual_time():
    """Time stands still while anything runs: no test is ever late."""
    return any(o.startswith("time-travel") for o in boot_options())


NEEDS = {
    "tcpx": ("the module's own part", lambda: not NATIVE),
    "native": ("native TCP", lambda: NATIVE),
    "netem": ("sch_netem", lambda: _has_qdisc("netem delay 1ms")),
    "tbf": ("sch_tbf", lambda: _has_qdisc("tbf rate 1mbit burst 10k latency 10ms")),
    "bridge": ("bridges", lambda: _has_link("bridge")),
    "vrf": ("VRFs", lambda: _has_link("vrf table 9")),
    "cc": ("tests/prog or gcc", lambda: program("cap") is not None),
    "tcpxctl": ("tools/tcpxctl or libmnl", lambda: program("tcpxctl") is not None),
    "hello": ("doc/hello.c, compiled", lambda: program("hello") is not None),
    "kmod": ("modprobe and depmod", lambda: shutil.which("modprobe") and shutil.which("depmod")),
    "ko": ("the module file ($TCPX_KO)", lambda: not NATIVE and os.path.exists(KO)),
    "smp": ("two CPUs", lambda: (os.cpu_count() or 1) > 1),
    "timetravel": ("UML with time-travel=inf-cpu", virtual_time),
    "realtime": ("a clock that is not virtual", lambda: not virtual_time()),
    "kmemleak": ("kmemleak", lambda: os.path.exists("/sys/kernel/debug/kmemleak")),
    "failslab": ("FAILSLAB", lambda: os.path.exists("/sys/kernel/debug/failslab") and
                 os.path.exists("/proc/self/fail-nth")),
    "tracefs": ("tracefs with the module's events", _has_events),
    "root": ("root", lambda: os.geteuid() == 0),
}


# ---- programs in C ----

_progs = None


def program(name):
    """Path of a helper from tests/prog or tools, or None if it cannot be had."""
    global _progs
    if _progs is None:
        _progs = os.environ.get("TCPX_PROG", "")
        if not _progs and shutil.which("gcc") and shutil.which("make"):
            _progs = tempfile.mkdtemp(prefix="tcpx-prog.")
            for where in ("prog", "../tools"):
                build = subprocess.run(["make", "-s", "-C", os.path.join(TESTS, where),
                                        f"BUILD={_progs}", f"O={_progs}"],
                                       capture_output=True, check=False)
                if build.returncode:
                    sys.stderr.buffer.write(build.stderr)
    path = os.path.join(_progs, name)
    return path if _progs and os.access(path, os.X_OK) else None


# ---- modules ----

def module_loaded():
    return os.path.isdir("/sys/module/tcpx")


def insmod(path=None, params=""):
    fd = os.open(path or KO, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.syscall(313, fd, params.encode(), 0):
            nr = ctypes.get_errno()
            raise OSError(nr, os.strerror(nr), path or KO)
    finally:
        os.close(fd)


def rmmod(name="tcpx"):
    if libc.syscall(176, name.encode(), os.O_NONBLOCK):
        nr = ctypes.get_errno()
        raise OSError(nr, os.strerror(nr), name)


IN_USE = (errno.EBUSY, errno.EWOULDBLOCK)       # delete_module() gives either


def remove(timeout=30):
    """rmmod as soon as nothing of what ended before is left."""
    def attempt():
        try:
            rmmod()
            return True
        except OSError as e:
            check(e.errno in IN_USE, f"rmmod: {e}")
            return False
    wait_for(attempt, timeout, "rmmod to be possible")


# by which ways a half-open entry leaves the queue
GONE = ("SynqCompleted", "SynqReset", "SynqNewSyn", "SynqExpired", "SynqClosed", "SynqIcmp",
        "SynqRefused", "SynqEvicted", "SynqPressed")


def unbalanced(stat):
    """Each half-open entry that was added has left by one way, or is there: or what is wrong."""
    left = stat["SynqAdded"] - sum(stat[name] for name in GONE) - stat["HalfOpen"]
    return left and f"{left} half-open entries added, but neither gone nor there"


def refcnt():
    """How many sockets and users the module has"""
    with open("/sys/module/tcpx/refcnt", encoding="ascii") as f:
        return int(f.read())


SLABS = ("TCPX", "tcpx_entry", "tcpx_tw")


def slab_objects():
    """
    Objects of the module's own slab caches, exactly: the caches of the CPUs are
    flushed. One that the kernel merged with another is left out.
    """
    out = {}
    for name in SLABS:
        path = "/sys/kernel/slab/" + name
        if os.path.isdir(path) and not os.path.islink(path):
            with open(path + "/shrink", "w", encoding="ascii") as f:
                f.write("1")
            with open(path + "/objects", encoding="ascii") as f:
                out[name] = int(f.read().split()[0])
    return out


def x_list(file, name):
    """The lines of an X-macro: (words before the first string, all strings) each"""
    with open(os.path.join(os.path.dirname(TESTS), file), encoding="utf-8") as f:
        block = f.read().split(f"define {name}(X)")[1].split("\n\n")[0]
    return [(re.findall(r"-?\w+", line.split('"')[0]), re.findall(r'"([^"]*)"', line))
            for line in block.split("\tX(")[1:]]


# a line of TCPX_PARAM_LIST
Param = collections.namedtuple("Param", "name default min max help")


def param_list():
    """TCPX_PARAM_LIST"""
    limits = {"INT_MIN": -2**31, "INT_MAX": 2**31 - 1}
    return [Param(words[0], *(limits.get(w) or int(w) for w in words[1:]), strings[0])
            for words, strings in x_list("tcpx_mib.h", "TCPX_PARAM_LIST")]


# ---- child processes ----

def _die_with_parent():
    libc.prctl(1, signal.SIGKILL)


CHILDREN = []       # what a test started and that may still run


def kill_children():
    for p in CHILDREN:
        with contextlib.suppress(OSError):
            p.kill()
            if isinstance(p, subprocess.Popen):
                p.wait()


class Proc:
    """A function in a child process; result() returns its value or raises."""

    def __init__(self, ns, fn, *args):
        CHILDREN.append(self)
        r, w = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                os.close(r)
                _die_with_parent()
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_REAL, 0)
                if ns:
                    ns.enter()
                try:
                    out = (True, fn(*args))
                except BaseException as e:  # noqa: whatever it is, the parent shall know
                    out = (False, (e.__class__.__name__, getattr(e, "errno", None), str(e),
                                   traceback.format_exc()))
                data = memoryview(pickle.dumps(out))
                while data:
                    data = data[os.write(w, data):]
            finally:
                os._exit(0)
        os.close(w)
        self.fd = r
        self.data = b""

    def done(self):
        return bool(select.select([self.fd], [], [], 0)[0])

    def result(self, timeout=20):
        end = time.monotonic() + seconds(timeout)
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                self.kill()
                raise Fail(f"child process not done after {seconds(timeout):g} s")
            part = os.read(self.fd, 65536)
            if not part:
                break
            self.data += part
        os.close(self.fd)
        self.fd = -1
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        if not self.data:
            raise Fail(f"child process died, status {status:#x}")
        ok, value = pickle.loads(self.data)
        if ok:
            return value
        kind, nr, text, where = value
        if nr is not None:
            raise OSError(nr, text)
        raise (Wrong if kind == "Wrong" else Fail)(f"in child: {kind}: {text}\n{where}")

    def kill(self, sig=signal.SIGKILL):
        if self.pid:
            os.kill(self.pid, sig)
            if sig == signal.SIGKILL:
                os.waitpid(self.pid, 0)
                self.pid = 0


class Thread(threading.Thread):
    """A function in a thread; result() returns its value or raises."""

    def __init__(self, fn, *args):
        super().__init__(daemon=True)
        self.fn, self.args, self.value, self.error = fn, args, None, None
        self.start()

    def run(self):
        try:
            self.value = self.fn(*self.args)
        except BaseException as e:  # noqa: handed to who asks for the result
            self.error = e

    def result(self, timeout=20):
        self.join(seconds(timeout))
        if self.is_alive():
            raise Fail(f"thread not done after {seconds(timeout):g} s")
        if self.error:
            raise self.error
        return self.value


# ---- what the module tells ----

Conn = collections.namedtuple(
    "Conn", "state local remote rxq txq timer left_ms retries uid inode cookie reason")
NATIVE_STATES = (None, "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2",
                 "TIME-WAIT", "CLOSED", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING",
                 "SYN-RECEIVED")
_HALF_OPEN = "SYN-RECEIVED"


def _number(text):
    try:
        return int(text, 0)
    except ValueError:
        return text


def parse_table(text):
    """Header line, then columns: a list of dicts."""
    lines = [s for s in text.splitlines() if s and not s.startswith("#")]
    if not lines:
        return []
    head = lines[0].split()
    return [dict(zip(head, map(_number, s.split(None, len(head) - 1)))) for s in lines[1:]]


def parse_fsm(text):
    """{(event, state): hits, or None for an impossible cell}"""
    cells = {}
    for line in text.splitlines()[1:]:
        event, state, hits = line.split()[:3]
        cells[event, state] = None if hits == "-" else int(hits)
    return cells


def _native_addr(text):
    ip, port = text.split(":")
    ip = socket.inet_ntoa(struct.pack("=I", int(ip, 16)))
    return f"{ip}:{int(port, 16)}"


def parse_native(text):
    """/proc/net/tcp as conns() has it."""
    timers = {0: "-", 1: "rtx", 2: "keepalive", 3: "timewait", 4: "persist"}
    hz = os.sysconf("SC_CLK_TCK")
    out = []
    for line in text.splitlines()[1:]:
        f = line.split()
        tx, rx = (int(x, 16) for x in f[4].split(":"))
        kind, left = (int(x, 16) for x in f[5].split(":"))
        out.append(Conn(NATIVE_STATES[int(f[3], 16)], _native_addr(f[1]), _native_addr(f[2]),
                        rx, tx, timers.get(kind, "-"), left * 1000 // hz, int(f[6], 16),
                        int(f[7]), int(f[9]), 0, "-"))
    return out


# a parameter of tcpx, as native TCP knows it: file, divisor
NATIVE_SYSCTL = {
    "syn_retries": ("ipv4/tcp_syn_retries", 1),
    "synack_retries": ("ipv4/tcp_synack_retries", 1),
    "retries2": ("ipv4/tcp_retries2", 1),
    "orphan_retries": ("ipv4/tcp_orphan_retries", 1),
    "fin_timeout_ms": ("ipv4/tcp_fin_timeout", 1000),
    "max_tw_buckets": ("ipv4/tcp_max_tw_buckets", 1),
    "keepalive_time_s": ("ipv4/tcp_keepalive_time", 1),
    "keepalive_intvl_s": ("ipv4/tcp_keepalive_intvl", 1),
    "keepalive_probes": ("ipv4/tcp_keepalive_probes", 1),
    "timestamps": ("ipv4/tcp_timestamps", 1),
    "window_scaling": ("ipv4/tcp_window_scaling", 1),
    "sack": ("ipv4/tcp_sack", 1),
    "rfc1337": ("ipv4/tcp_rfc1337", 1),
    "abort_on_overflow": ("ipv4/tcp_abort_on_overflow", 1),
    "somaxconn": ("core/somaxconn", 1),
    "slow_start_after_idle": ("ipv4/tcp_slow_start_after_idle", 1),
}


def _open_netns():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _setns(fd):
    if libc.setns(fd, CLONE_NEWNET):
        nr = ctypes.get_errno()
        raise OSError(nr, os.strerror(nr), "setns")


class Netlink:
    """
    What `ip` would do to links, addresses, neighbours and routes of a namespace,
    without starting a program: under emulation that is most of a test's time.
    """
    IFNAME, ADDRESS, MTU, MASTER, LINKINFO, NET_NS_FD = 3, 1, 4, 10, 18, 28

    def __init__(self, ns):
        self.ns = ns
        with ns:
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.seq = 0

    @staticmethod
    def attr(kind, data):
        if isinstance(data, str):
            data = data.encode() + b"\0"
        elif isinstance(data, int):
            data = struct.pack("=I", data)
        return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)

    @classmethod
    def mac(cls, text):
        return cls.attr(cls.ADDRESS, bytes.fromhex(text.replace(":", ""))) if text else b""

    def ask(self, kind, flags, body):
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", len(body) + 16, kind, flags | 5, self.seq, 0) + body)
        nr = -struct.unpack_from("=i", self.sock.recv(65536), 16)[0]
        if nr:
            raise OSError(nr, os.strerror(nr), f"rtnetlink request {kind}")

    def index(self, dev):
        with self.ns:
            return socket.if_nametoindex(dev)

    def add_link(self, name, kind, mac=None, peer=None, peer_mac=None, peer_ns=None):
        """A bridge, or a veth whose other end goes into peer_ns."""
        info = self.attr(1, kind)
        if peer:
            info += self.attr(2, self.attr(1, bytes(16) + self.attr(self.IFNAME, peer) +
                                           self.mac(peer_mac) +
                                           self.attr(self.NET_NS_FD, peer_ns.fd)))
        self.ask(16, 0x600, bytes(16) + self.attr(self.IFNAME, name) + self.mac(mac) +
                 self.attr(self.LINKINFO, info))

    def up(self, name, mtu=None, master=None):
        body = struct.pack("=BxHiII", 0, 0, self.index(name), 1, 1)
        if mtu:
            body += self.attr(self.MTU, mtu)
        if master:
            body += self.attr(self.MASTER, self.index(master))
        self.ask(16, 0, body)

    def activate(self, name):
        """
        A veth that came up before its peer drops what it sends until a worker
        of the kernel notices its carrier, up to a second later. A new length of
        the queue does the same at once.
        """
        self.ask(16, 0, struct.pack("=BxHiII", 0, 0, self.index(name), 0, 0) + self.attr(13, 999))

    def running(self, name):
        with self.ns, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            return struct.unpack_from("=H", fcntl.ioctl(s, 0x8913, struct.pack(
                "16s24x", name.encode())), 16)[0] & 0x40

    def addr(self, ip, bits, dev):
        raw = socket.inet_aton(ip)
        self.ask(20, 0x600, struct.pack("=BBBBI", 2, bits, 0, 0, self.index(dev)) +
                 self.attr(2, raw) + self.attr(1, raw))

    def neigh(self, ip, mac, dev):
        self.ask(28, 0x500, struct.pack("=BxHiHBB", 2, 0, self.index(dev), 0x80, 0, 0) +
                 self.attr(1, socket.inet_aton(ip)) +
                 self.attr(2, bytes.fromhex(mac.replace(":", ""))))

    def default_route(self, dev, via=None):
        scope, gateway = (0, self.attr(5, socket.inet_aton(via))) if via else (253, b"")
        self.ask(24, 0x600, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, scope, 1, 0) +
                 self.attr(4, self.index(dev)) + gateway)


class Ns:
    """
    A network namespace; it lives as long as its descriptor and what is in it.
    `with ns:` moves the calling thread into it; a socket made there stays.
    """

    def __init__(self, name, fd=None):
        self.name = name
        self.ip = None
        self.keep = []
        self._netlink = None
        self._back = threading.local()
        if fd is not None:
            self.fd = fd
            return
        old = _open_netns()
        try:
            if libc.unshare(CLONE_NEWNET):
                nr = ctypes.get_errno()
                raise OSError(nr, os.strerror(nr), "unshare")
            self.fd = _open_netns()
        finally:
            _setns(old)
            os.close(old)

    @classmethod
    def current(cls, name="init"):
        return cls(name, _open_netns())

    def __repr__(self):
        return f"<netns {self.name}>"

    def enter(self):
        """Move the calling thread for good."""
        _setns(self.fd)

    def __enter__(self):
        stack = self._back.__dict__.setdefault("stack", [])
        stack.append(_open_netns())
        self.enter()
        return self

    def __exit__(self, *_):
        old = self._back.stack.pop()
        _setns(old)
        os.close(old)

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self._netlink:
            self._netlink.sock.close()

    # -- things made in it --

    def socket(self, kind=socket.SOCK_STREAM, proto=None, family=socket.AF_INET):
        """A tcpx socket, or what is asked for."""
        with self:
            s = socket.socket(family, kind, PROTO if proto is None else proto)
        self.keep.append(s)     # closed when a test closes it, not by the garbage collector
        return s

    def listen(self, port=0, backlog=16, addr=None, reuse=True):
        """A listener, bound to addr (the namespace's own address) and port."""
        s = limit(self.socket())
        if reuse:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.ip if addr is None else addr, port))
        s.listen(backlog)
        return s

    def connect(self, to, sport=0):
        """A connected socket; to: a socket that listens, or (addr, port)."""
        s = limit(self.socket())
        if sport:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((self.ip, sport))
        s.connect(to.getsockname() if hasattr(to, "getsockname") else to)
        return s

    def run(self, argv, check=True, timeout=30, **kw):
        """Run a program here; its CompletedProcess with text output."""
        with self:
            p = subprocess.run(argv, capture_output=True, text=True, timeout=seconds(timeout),
                               check=False, **kw)
        if check and p.returncode:
            raise Fail(f"{' '.join(argv)}: exit {p.returncode}: {p.stderr.strip()}")
        return p

    def popen(self, argv, **kw):
        with self:
            p = subprocess.Popen(argv, preexec_fn=_die_with_parent, **kw)
        CHILDREN.append(p)
        return p

    def spawn(self, fn, *args):
        """fn(*args) in a child process inside; a Proc."""
        return Proc(self, fn, *args)

    def call(self, fn, *args, timeout=20):
        return Proc(self, fn, *args).result(timeout)

    @property
    def netlink(self):
        if self._netlink is None:
            self._netlink = Netlink(self)
        return self._netlink

    def ip_batch(self, commands):
        """Several `ip` commands, one process."""
        self.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n")

    def neigh(self, addr, mac, dev="eth0"):
        """A fixed neighbour."""
        self.netlink.neigh(addr, mac, dev)

    def capture(self, **kw):
        return Capture(self, **kw)

    # -- files of /proc, as this namespace sees them --

    def read(self, path):
        with self, open(path, encoding="ascii", errors="replace") as f:
            return f.read()

    def write(self, path, value):
        with self, open(path, "w", encoding="ascii") as f:
            f.write(str(value))

    def sysctl(self, name, value=None):
        """
        Read or write a parameter: a name of net.tcpx (on native TCP its
        counterpart, or Skip), or a path with a slash below /proc/sys/net.
        """
        scale = 1
        if "/" in name:
            path = name
        elif not NATIVE:
            path = "tcpx/" + name
        elif name in NATIVE_SYSCTL:
            path, scale = NATIVE_SYSCTL[name]
        else:
            raise Skip(f"native TCP has no {name}")
        path = "/proc/sys/net/" + path
        if value is None:
            return _number(self.read(path).strip()) * scale if scale != 1 \
                else _number(self.read(path).strip())
        return self.write(path, value // scale if scale != 1 else value)

    def tcpx(self, name):
        """Text of /proc/net/tcpx/<name>."""
        return self.read("/proc/thread-self/net/tcpx/" + name)

    def stat(self):
        """Counters and gauges by name; a Counter: what is not there is 0."""
        out = collections.Counter()
        if NATIVE:
            return out
        for line in self.tcpx("stat").splitlines():
            f = line.split()
            if len(f) >= 2 and not line.startswith("#"):
                out[f[0]] = int(f[1])
        return out

    def conns(self, state=None, lport=None, rport=None):
        """Sockets, TIME-WAIT included, as Conn tuples."""
        if NATIVE:
            rows = parse_native(self.read("/proc/thread-self/net/tcp"))
        else:
            rows = [Conn(*(r.get(c, "-") for c in Conn._fields))
                    for r in parse_table(self.tcpx("conns"))]
        return [c for c in rows
                if (state is None or c.state == state) and
                (lport is None or c.local.endswith(f":{lport}")) and
                (rport is None or c.remote.endswith(f":{rport}"))]

    def halfopen(self):
        """Half-open entries as dicts."""
        if NATIVE:
            return [{"local": c.local, "remote": c.remote, "left_ms": c.left_ms}
                    for c in self.conns(_HALF_OPEN) if not c.inode]
        return parse_table(self.tcpx("halfopen"))

    def fsm(self):
        """{(event, state): hits, None if impossible}"""
        return {} if NATIVE else parse_fsm(self.tcpx("fsm"))

    def host_tcp(self):
        """The Tcp and TcpExt counters of the kernel's own TCP."""
        out = {}
        for name in ("snmp", "netstat"):
            lines = self.read("/proc/thread-self/net/" + name).splitlines()
            for head, vals in zip(lines[::2], lines[1::2]):
                head, vals = head.split(), vals.split()
                if head[0] in ("Tcp:", "TcpExt:"):
                    out.update((head[0][:-1] + k, int(v)) for k, v in zip(head[1:], vals[1:]))
        return out

    def wait_state(self, state, lport=None, rport=None, timeout=5, count=1):
        """Wait until so many sockets are in this state; returns them."""
        def look():
            got = self.conns(state, lport, rport)
            return got if len(got) >= count else None
        return wait_for(look, timeout,
                        lambda: f"{state} in {self.name} (ports {lport}, {rport}); there is "
                                f"{[(c.state, c.local, c.remote) for c in self.conns()]}")

    def wait_gone(self, lport=None, rport=None, timeout=5):
        """Wait until no socket or TIME-WAIT with these ports is left."""
        wait_for(lambda: not self.conns(None, lport, rport), timeout,
                 lambda: f"no socket left in {self.name} (ports {lport}, {rport}): "
                         f"{[(c.state, c.local, c.remote) for c in self.conns()]}")


def _ethtool(ns, dev, cmd, value):
    """ETHTOOL_S* with a value."""
    data = ctypes.create_string_buffer(struct.pack("=II", cmd, value))
    ifr = struct.pack("16sP16x", dev.encode(), ctypes.addressof(data))
    with ns.socket(socket.SOCK_DGRAM, 0) as s, contextlib.suppress(OSError):
        fcntl.ioctl(s, 0x8946, ifr)


def offloads_off(ns, dev="eth0"):
    """TSO, GSO, GRO and checksum offload off: one segment sent is one on the wire."""
    for cmd in (0x1f, 0x24, 0x2c, 0x17):
        _ethtool(ns, dev, cmd, 0)


# what labs saw, for the runner: cells hit, counters, what host TCP counted
COVER = {"fsm": {}, "stat": collections.Counter(), "host": {}}
LABS = []
ENDING = False      # the test is over: nothing it left open is needed any more


def cover(ns, host_before=None):
    """Take over a namespace's hit counts before it goes."""
    if NATIVE or not module_loaded():
        return
    try:
        cells, stat = ns.fsm(), ns.stat()
    except OSError:
        return
    for (event, state), hits in cells.items():
        key = f"{event}|{state}"
        if hits is None:
            COVER["fsm"].setdefault(key, None)
        else:
            COVER["fsm"][key] = (COVER["fsm"].get(key) or 0) + hits
    COVER["stat"].update(stat)
    if host_before is not None:
        now = ns.host_tcp()
        for k in now:
            if now[k] != host_before.get(k, 0):
                COVER["host"][k] = COVER["host"].get(k, 0) + now[k] - host_before.get(k, 0)


class Lab:
    """
    Namespaces a and b (and r with middle=True) as the module's docstring says.
    host_tcp=True: the test uses native TCP on purpose, do not count that.
    """

    def __init__(self, middle=False, mtu=1500, offload=False, host_tcp=False, names="ab"):
        self.middle = middle
        self.own_host_tcp = host_tcp
        self.captures = []
        self.keep = []
        self.spaces = []
        self.closed = self.was_cut = False
        self.left = []          # what a test lost, see close()
        LABS.append(self)
        self.a, self.b = self._space("a", A), self._space("b", B)
        if middle:
            if not need("bridge"):
                raise Skip("no bridge device")
            self.r = self._space("r", None)
            self.r.netlink.add_link("br0", "bridge")
            self.r.netlink.up("br0")
            self._join("ra", self.a)
            self._join("rb", self.b)
        else:
            self.a.netlink.add_link("eth0", "veth", MACS[A], "eth0", MACS[B], self.b)
        for ns, other in ((self.a, B), (self.b, A)):
            ns.netlink.up("lo")
            ns.netlink.up("eth0", mtu)
            ns.netlink.addr(ns.ip, 24, "eth0")
            ns.neigh(other, MACS[other])
            ns.netlink.default_route("eth0")
            for conf in ("all", "eth0"):
                ns.sysctl(f"ipv4/conf/{conf}/rp_filter", 0)
            if not offload:
                offloads_off(ns)
        for ns in (self.a, self.b):
            ns.netlink.activate("eth0")
        if middle:      # a bridge's port must be seen to run
            for port in ("ra", "rb"):
                self.r.netlink.activate(port)
                wait_for(lambda port=port: self.r.netlink.running(port), 10, f"port {port}")
        self.before = {ns: ns.stat() for ns in self.spaces if module_loaded()}

    def _space(self, name, ip):
        ns = Ns(name)
        ns.ip = ip
        ns.lab = self
        ns.host_before = ns.host_tcp()
        self.spaces.append(ns)
        return ns

    def space(self, name, ip=None):
        """One more namespace, not connected to anything yet; lo is up."""
        ns = self._space(name, ip)
        ns.netlink.up("lo")
        return ns

    def _join(self, port, ns):
        self.r.netlink.add_link(port, "veth", None, "eth0", MACS[ns.ip], ns)
        self.r.netlink.up(port, master="br0")
        offloads_off(self.r, port)

    def netem(self, what, toward="both"):
        """
        Impair the path with netem's own words, toward a, b or both; None: end it.
        With a middle it sits there, else at the sender's device.
        """
        if what and not need("netem"):
            raise Skip("no sch_netem")
        for end in ("a", "b") if toward == "both" else (toward,):
            if self.middle:
                ns, dev = self.r, "r" + end
            else:
                ns, dev = (self.b if end == "a" else self.a), "eth0"
            if what:
                ns.run(["tc", "qdisc", "replace", "dev", dev, "root", "netem",
                        "limit", "100000", *what.split()])
            else:
                ns.run(["tc", "qdisc", "del", "dev", dev, "root"], check=False)

    def _next_hop(self, toward, mac):
        for ns, other in ((self.a, B), (self.b, A)):
            if toward in ("both", "b" if ns is self.a else "a"):
                ns.neigh(other, mac or MACS[other])

    def cut(self, toward="both"):
        """
        Nothing arrives there any more; heal() ends it. Frames go to a station
        that does not exist, so a capture at the sender still sees them.
        """
        self.was_cut = True
        self._next_hop(toward, "02:00:00:00:53:ff")

    def heal(self, toward="both"):
        self._next_hop(toward, None)

    def pair(self, port=0, backlog=16):
        """A connection from a to b: (client socket, server socket, listener)."""
        lst = self.b.listen(port, backlog)
        c = self.a.connect(lst)
        s, _ = lst.accept()
        self.keep.append(limit(s))
        return c, s, lst

    def _unbalanced(self):
        """The ledgers of half-open entries that do not balance; segments may be under way."""
        def wrong():
            found = ((ns, unbalanced(ns.stat())) for ns in self.spaces)
            return [f"{ns.name}: {what}" for ns, what in found if what]
        if NATIVE or not module_loaded():
            return []
        with contextlib.suppress(Fail):
            wait_for(lambda: not wrong(), 2)
        return wrong()

    def _wait_empty(self):
        """
        Every socket was closed: what is still counted after some seconds is
        lost. TIME-WAIT is not, and keeps its port.
        """
        if NATIVE or not module_loaded():
            return []
        gauges = ("Sockets", "Orphans", "Listeners", "HalfOpen", "OooSegs")
        end = time.monotonic() + seconds(5)
        while True:
            stats = {ns: ns.stat() for ns in self.spaces}
            left = [f"{ns.name}: {g} is {st[g]} when all sockets are closed"
                    for ns, st in stats.items() for g in gauges if st[g]]
            left += [f"{ns.name}: {st['Ports']} ports in use and {st['TimeWait']} TIME-WAITs"
                     for ns, st in stats.items() if st["Ports"] > st["TimeWait"]]
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.01)

    def diagnose(self):
        """Lines that tell what the namespaces look like now."""
        out = []
        for ns in self.spaces:
            if ns.name == "r":
                continue
            with contextlib.suppress(OSError, Skip):
                rows = [" ".join(str(x) for x in c) for c in ns.conns()]
                rows += [f"half-open {e}" for e in ns.halfopen()]
                out += [f"{ns.name}: {r}" for r in rows[:20]]
                if len(rows) > 20:
                    out.append(f"{ns.name}: and {len(rows) - 20} more")
                now, old = ns.stat(), self.before.get(ns, {})
                diff = [f"{k}+{v - old.get(k, 0)}" for k, v in now.items() if v != old.get(k, 0)]
                if diff:
                    out.append(f"{ns.name}: " + " ".join(diff))
        return out

    def close(self):
        if self.closed:
            return
        self.closed = True
        for cap in self.captures:
            cap.stop()
        if self.was_cut:        # FINs that were lost: orphans keep namespaces alive
            self.heal()
        if ENDING:
            self.left = self._unbalanced()
            abort_all()
            self.left += self._wait_empty() + self._unbalanced()
        for ns in self.spaces:
            cover(ns, None if self.own_host_tcp else ns.host_before)
            ns.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


_needs_met = {}
MUST = set()        # needs that this run promised to meet: what lacks one fails


def need(name):
    """Is it met? A test without it is skipped, or fails: see MUST."""
    if name not in _needs_met:
        try:
            _needs_met[name] = bool(NEEDS[name][1]())
        except OSError:
            _needs_met[name] = False
    if name in MUST and not _needs_met[name]:
        raise Fail(f"this run must have {NEEDS[name][0]}")
    return _needs_met[name]


# ---- captures ----

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
FLAG_LETTERS = "FSRPAUEC"
OUTGOING = 4
PCAP_MAGIC_NS = 0xa1b23c4d
LINUX_SLL = 113


def flag_text(flags):
    return "".join(c for i, c in enumerate(FLAG_LETTERS) if flags >> i & 1) or "-"


class Seg:
    """A segment as captured: header fields, options, payload (maybe cut)."""

    __slots__ = ("ts", "out", "src", "dst", "sport", "dport", "seq", "ack", "doff", "flags",
                 "wnd", "csum", "urg", "opts", "len", "payload", "csum_ok", "ip", "tcp")

    def __str__(self):
        who = f"{self.src}:{self.sport} > {self.dst}:{self.dport}"
        return (f"{self.ts:.6f} {who} [{flag_text(self.flags)}] seq {self.seq} ack {self.ack} "
                f"win {self.wnd} len {self.len}" +
                (f" opts {self.opts}" if self.opts else "") + ("" if self.csum_ok else " BADSUM"))

    __repr__ = __str__

    @property
    def end(self):
        """SEG.SEQ + SEG.LEN"""
        return (self.seq + self.len + (self.flags & FIN) + (self.flags >> 1 & 1)) & 0xffffffff

    def has(self, letters):
        """Are exactly these flags set? PSH does not count."""
        return flag_text(self.flags & ~PSH) == flag_text(
            sum(1 << FLAG_LETTERS.index(c) for c in letters))


def parse_options(raw):
    """{"mss": n, "ws": n, "sackok": True, "sack": [(l, r)], "ts": (val, ecr), kind: bytes}"""
    out, i = {}, 0
    while i < len(raw):
        kind = raw[i]
        if kind == 0:
            break
        if kind == 1:
            i += 1
            continue
        if i + 1 >= len(raw) or raw[i + 1] < 2 or i + raw[i + 1] > len(raw):
            out["bad"] = raw[i:]
            break
        data = raw[i + 2:i + raw[i + 1]]
        if kind == 2 and len(data) == 2:
            out["mss"] = int.from_bytes(data, "big")
        elif kind == 3 and len(data) == 1:
            out["ws"] = data[0]
        elif kind == 4 and not data:
            out["sackok"] = True
        elif kind == 5 and len(data) % 8 == 0:
            v = struct.unpack(f"!{len(data) // 4}I", data)
            out["sack"] = list(zip(v[::2], v[1::2]))
        elif kind == 8 and len(data) == 8:
            out["ts"] = struct.unpack("!II", data)
        else:
            out[kind] = data
        i += raw[i + 1]
    return out


def csum16(data):
    """The Internet checksum's sum: 0 if a filled-in checksum is right."""
    if len(data) & 1:
        data += b"\0"
    return -int.from_bytes(data, "big") % 0xffff


def parse_packet(ts, out, raw, csum_ok=None, proto=None):
    """An IPv4 packet as a Seg, or None if it is not one of the protocol."""
    if len(raw) < 40 or raw[0] >> 4 != 4:
        return None
    if raw[9] != (PROTO if proto is None else proto) or raw[6] & 0x3f or raw[7]:
        return None
    hlen = (raw[0] & 15) * 4
    total = raw[2] << 8 | raw[3]
    tcp = raw[hlen:total]
    if len(tcp) < 20:
        return None
    s = Seg()
    s.ts, s.out, s.ip, s.tcp = ts, out, raw[:hlen], tcp
    s.src, s.dst = socket.inet_ntoa(raw[12:16]), socket.inet_ntoa(raw[16:20])
    s.sport, s.dport, s.seq, s.ack, off, s.flags, s.wnd, s.csum, s.urg = \
        struct.unpack_from("!HHIIBBHHH", tcp)
    s.doff = (off >> 4) * 4
    s.opts = parse_options(tcp[20:s.doff])
    s.len = total - hlen - s.doff
    s.payload = tcp[s.doff:]
    if csum_ok is None and len(raw) >= total:
        csum_ok = not csum16(raw[12:20] + struct.pack("!HH", raw[9], total - hlen) + tcp)
    s.csum_ok = csum_ok is not False
    return s


def read_pcap(path):
    """Yield (ts, outgoing, csum_ok, IP packet) of a Linux-cooked pcap with ns times."""
    with open(path, "rb") as f:
        head = f.read(24)
        magic, link = struct.unpack("=I16xI", head)
        if magic != PCAP_MAGIC_NS or link != LINUX_SLL:
            raise ValueError(f"{path}: not one of our captures")
        while True:
            rec = f.read(32)
            if len(rec) < 32:
                return
            sec, ns, cap, _ = struct.unpack_from("=IIII", rec)
            kind, mark = struct.unpack_from("!H4xB", rec, 16)
            yield (sec + ns / 1e9, kind == OUTGOING, {0: None, 1: True, 2: False}[mark],
                   f.read(cap - 16))


class PcapWriter:
    """Linux-cooked pcap; csum_ok is kept in the first octet of the address field."""

    def __init__(self, path, snaplen):
        self.f = open(path, "wb")
        self.snaplen = snaplen
        self.f.write(struct.pack("=IHHiIII", PCAP_MAGIC_NS, 2, 4, 0, 0, 65535, LINUX_SLL))

    def add(self, ts_ns, kind, raw, csum_ok=None):
        mark = {None: 0, True: 1, False: 2}[csum_ok]
        cut = raw[:self.snaplen]
        self.f.write(struct.pack("=IIII", ts_ns // 10**9, ts_ns % 10**9, len(cut) + 16,
                                 len(raw) + 16) +
                     struct.pack("!HHHB7xH", kind, 1, 0, mark, 0x0800) + cut)

    def close(self):
        self.f.close()


class Capture:
    """
    What passes a device, by a thread. `with ns.capture() as cap:` ...
    cap.segs() are the segments of our protocol so far, cap.raw() all IPv4
    packets as (ts, outgoing, bytes). bulk=True: by tests/prog/cap into a file,
    for volume; then segs() only after stop().
    """

    def __init__(self, ns, dev="eth0", snaplen=200, bulk=False, name=None):
        self.ns, self.dev, self.snaplen = ns, dev, snaplen
        self.dir = tempfile.mkdtemp(prefix="tcpx-cap.")
        self.path = os.path.join(self.dir, f"{name or ns.name}.pcap")
        self.list, self.drops, self.stopped = [], 0, False
        self.lock = threading.Lock()
        self.proc = None
        getattr(ns, "lab", self).__dict__.setdefault("captures", []).append(self)
        if bulk and program("cap"):
            self.proc = ns.popen([program("cap"), dev, str(PROTO), str(snaplen), self.path],
                                 stdout=subprocess.PIPE, stdin=subprocess.PIPE)
            if self.proc.stdout.readline().strip() != b"ready":
                raise Fail("cap did not start")
            return
        with ns:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            self.sock.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)       # SO_RCVBUFFORCE
            self.sock.setsockopt(socket.SOL_SOCKET, 35, 1)              # SO_TIMESTAMPNS
            self.sock.bind((dev, 3))         # ETH_P_ALL: sent ones too
        self.wake_r, self.wake_w = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        poll.register(self.wake_r, select.POLLIN)
        last = False
        while not last:
            last = any(fd == self.wake_r for fd, _ in poll.poll())
            self._drain()

    def _drain(self):
        """Take what is there; so a reader sees all that passed before it asked."""
        with self.lock:
            while not self.stopped:
                try:
                    data, anc, _, addr = self.sock.recvmsg(65535, 64, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                except OSError:     # the device went down
                    continue
                ts = time.time_ns()
                for level, kind, value in anc:
                    if level == socket.SOL_SOCKET and kind == 35:
                        sec, ns = struct.unpack("=qq", value[:16])
                        ts = sec * 10**9 + ns
                # not what a switch would have kept from us: see cut()
                if addr[1] == 0x0800 and addr[2] != socket.PACKET_OTHERHOST:
                    self.list.append((ts, addr[2], data))

    def raw(self):
        if not self.proc:
            self._drain()
        with self.lock:
            todo = list(self.list)
        return [(ts / 1e9, kind == OUTGOING, data) for ts, kind, data in todo]

    def segs(self, cond=None, **fields):
        """Segments so far; cond is called with each; fields must be equal."""
        if self.proc or self.stopped:
            rows = ((ts, out, raw, ok) for ts, out, ok, raw in read_pcap(self.path))
        else:
            rows = ((ts, out, raw, None) for ts, out, raw in self.raw())
        out = []
        for ts, dirn, raw, ok in rows:
            seg = parse_packet(ts, dirn, raw, ok)
            if seg and (not cond or cond(seg)) and \
                    all(getattr(seg, k) == v for k, v in fields.items()):
                out.append(seg)
        return out

    def wait(self, cond=None, count=1, timeout=5, **fields):
        """Wait until so many segments match; returns them."""
        def look():
            got = self.segs(cond, **fields)
            return got if len(got) >= count else None
        return wait_for(look, timeout, lambda: f"{count} segments {fields or ''} at "
                        f"{self.ns.name}; captured:\n" + "\n".join(map(str, self.segs()[-15:])))

    def stop(self):
        """End it; the pcap file is complete then."""
        if self.stopped:
            return self
        if self.proc:
            self.stopped = True
            out, _ = self.proc.communicate(timeout=seconds(60))
            self.drops = json.loads(out)["drops"]
            return self
        os.write(self.wake_w, b".")
        self.thread.join()
        self.stopped = True
        # struct tpacket_stats
        self.drops = struct.unpack("=II", self.sock.getsockopt(263, 6, 8))[1]
        self.sock.close()
        os.close(self.wake_r)
        os.close(self.wake_w)
        out = PcapWriter(self.path, self.snaplen)
        for ts, kind, raw in self.list:
            seg = parse_packet(0, False, raw)
            out.add(ts, kind, raw, seg.csum_ok if seg else None)
        out.close()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
