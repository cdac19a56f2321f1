#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Run the tests of this folder and print TAP.

run.py [--list] [-k PATTERN] [--long] [--out DIR] [--file NAME] [-j JOBS] [--must NEED,...]

Each test runs in a process of its own with a time limit and gets fresh network
namespaces. When all are done: gauges zero, host TCP untouched, kernel log and
kmemleak clean, rmmod works, and enough of the state table was exercised.

Environment: TCPX_PROTO (253; 6: native TCP), TCPX_KO (the module), TCPX_PROG
(built helpers of tests/prog), TCPX_SLOW (factor on all time limits).
"""
import argparse
import contextlib
import glob
import importlib
import inspect
import json
import os
import re
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
from lab import NATIVE, Fail, Skip, Timeout, check, wait_for  # noqa: E402

COVERAGE = 80       # percent of the possible cells that a whole run must hit
LOG_BAD = re.compile(
    r"BUG\b|WARNING:|KASAN|KCSAN|KMSAN|UBSAN|ODEBUG|Oops|general protection|Unable to handle|"
    r"kernel NULL pointer|refcount_t|possible (circular|recursive|irq lock)|lockdep|"
    r"suspicious RCU|sleeping function|scheduling while atomic|list_(add|del) corruption|"
    r"Objects remaining|still has objects|hung task|blocked for more than|soft lockup|"
    r"stall|unregister_netdevice: waiting|Attempt to release alive|kmemleak: [1-9]|"
    r"bad_page|Bad page|leaked reference|Modules linked in")


AGAIN = " (second run)"     # in the name of a test that failed before


class Log:
    """The kernel log from here on."""

    def __init__(self):
        self.bad = []
        try:
            self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self.fd, 0, os.SEEK_END)
        except OSError:
            self.fd = -1

    def read(self):
        """New lines; those that tell of a bug are remembered."""
        lines = []
        while self.fd >= 0:
            try:
                rec = os.read(self.fd, 8192).decode("utf-8", "replace")
            except BlockingIOError:
                break
            except BrokenPipeError:     # overwritten before we came
                continue
            except OSError:
                break
            lines.append(rec.split(";", 1)[-1].rstrip("\n"))
        self.bad += [s for s in lines if LOG_BAD.search(s)]
        return lines


def diag(lines):
    for line in lines:
        for part in str(line).splitlines() or [""]:
            print("# " + part)


class Tap:
    def __init__(self, total):
        self.nr = self.failed = self.skipped = 0
        self.times = {}
        self.names = set()
        print(f"TAP version 13\n1..{total}", flush=True)

    def result(self, name, ok, why="", lines=(), took=None):
        self.nr += 1
        name = name.replace("#", "no.")
        self.names.add(name.replace(AGAIN, ""))
        if why:
            self.skipped += 1
            print(f"ok {self.nr} - {name} # SKIP {why}")
        else:
            self.failed += not ok
            print(("" if ok else "not ") + f"ok {self.nr} - {name}")
        if took is not None:
            self.times[name] = round(took, 3)
        if took is not None and took > 5:
            diag([f"took {took:.1f} s"])
        diag(lines)
        sys.stdout.flush()


def discover(only_file):
    for path in sorted(glob.glob(os.path.join(lab.TESTS, "test_*.py"))):
        if not only_file or only_file in os.path.basename(path):
            importlib.import_module(os.path.basename(path)[:-3])
    return lab.TESTS_FOUND


# ---- one test ----

def on_alarm(*_):
    raise Timeout()


def where(e):
    """Where in the tests an exception came from, innermost last."""
    out = []
    while e:
        out = [f"  {os.path.basename(f.filename)}:{f.lineno} {f.name}: {f.line}"
               for f in traceback.extract_tb(e.__traceback__)
               if os.path.basename(f.filename) != "run.py"] + out
        e = e.__cause__
    return out


def run_test(t):
    """In the child: run it; the report is a dict."""
    limit = t.timeout * lab.SLOW
    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, limit)
    report = {"status": "ok", "why": "", "lines": [], "pcaps": [], "final": False}
    here = None
    try:
        if t.lab is False:
            t.fn()
        else:
            here = lab.Lab(**(t.lab if isinstance(t.lab, dict) else {}))
            t.fn(*([here] if inspect.signature(t.fn).parameters else []))
    except Skip as e:
        report.update(status="skip", why=str(e))
    except BaseException as e:  # noqa: everything is a result
        signal.setitimer(signal.ITIMER_REAL, 0)
        report.update(status="fail", final=getattr(e, "final", False))
        if isinstance(e, Timeout):
            report["lines"].append(f"time limit of {limit:g} s reached at")
        elif isinstance(e, Fail):
            report["lines"].append(str(e))
        else:
            report["lines"].append(f"{e.__class__.__name__}: {e}")
        report["lines"] += where(e)
        for one in lab.LABS:        # now: the sockets are still referenced by e
            with contextlib.suppress(Exception):
                report["lines"] += one.diagnose()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    for one in lab.LABS:
        for cap in one.captures:
            cap.stop()
    lab.kill_children()
    lab.ENDING = True
    for one in lab.LABS:
        try:
            one.close()
        except Exception:  # noqa: the result of the test counts
            report["lines"] += traceback.format_exc().splitlines()
        if one.left and report["status"] == "ok":
            report.update(status="fail", final=True)
            report["lines"] += one.left
        report["pcaps"] += [c.path for c in one.captures]
    report["cover"] = {"fsm": lab.COVER["fsm"], "stat": dict(lab.COVER["stat"]),
                       "host": lab.COVER["host"]}
    return report


class Stuck(Exception):
    """A process that not even SIGKILL ends: the machine is lost for other tests."""


class Job:
    """A test in a process of its own."""

    def __init__(self, t, second=False):
        self.t, self.second = t, second
        self.start = time.monotonic()
        self.end = self.start + t.timeout * lab.SLOW + lab.seconds(30)
        self.out = tempfile.TemporaryFile()
        self.tmp = tempfile.mkdtemp(prefix="tcpx-test.")
        self.data = b""
        self.pipe, w = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            os.setpgid(0, 0)
            tempfile.tempdir = self.tmp
            os.dup2(self.out.fileno(), 1)
            os.dup2(self.out.fileno(), 2)
            report = json.dumps(run_test(t)).encode()
            while report:
                report = report[os.write(w, report):]
            sys.stdout.flush()
            os._exit(0)
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)
        os.close(w)

    def over(self, readable):
        """Take a piece of the report; is that all?"""
        if readable:
            part = os.read(self.pipe, 65536)
            self.data += part
            return not part
        return time.monotonic() > self.end

    def report(self):
        """What became of it; nothing that it started runs afterwards."""
        os.close(self.pipe)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        end = time.monotonic() + lab.seconds(30)
        with contextlib.suppress(ChildProcessError):
            while time.monotonic() < end:
                if not os.waitpid(-self.pid, os.WNOHANG)[0]:
                    time.sleep(0.002)
            raise Stuck(f"not killed after {lab.seconds(30):g} s: {self.t.name}")
        try:
            report = json.loads(self.data)
        except ValueError:
            report = {"status": "fail", "why": "", "pcaps": [], "cover": None, "final": False,
                      "lines": ["the test's process died or hung beyond its limit"]}
        with self.out:
            self.out.seek(0)
            text = self.out.read().decode("utf-8", "replace")
        if report["status"] == "fail" and text:
            report["lines"] += ["output:"] + text.splitlines()[-40:]
        report["took"] = time.monotonic() - self.start
        return report


class Runner:
    def __init__(self, args):
        self.args = args
        self.log = Log()
        self.cover = {"fsm": {}, "stat": {}, "host": {}}
        self.refs = self.second = 0
        self.unchecked = []         # tests that ended since the references were counted
        lab.libc.prctl(36, 1)       # PR_SET_CHILD_SUBREAPER: nobody gets lost

    def keep(self, t, report, tmp):
        """Captures and dumps of a failed test go to --out."""
        if report["status"] == "fail" and self.args.out:
            name = re.sub(r"[^A-Za-z0-9.+-]+", "_", t.name)[:60]
            where = os.path.join(self.args.out, name)
            os.makedirs(where, exist_ok=True)
            for path in report["pcaps"]:
                with contextlib.suppress(OSError):
                    shutil.copy(path, where)
            with open(os.path.join(where, "report.txt"), "w", encoding="utf-8") as f:
                f.write("\n".join(report["lines"]) + "\n")
        shutil.rmtree(tmp, ignore_errors=True)

    def add_cover(self, cover):
        for key, hits in (cover or {}).get("fsm", {}).items():
            old = self.cover["fsm"].get(key)
            self.cover["fsm"][key] = old if hits is None else (old or 0) + hits
        for part in ("stat", "host"):
            for key, n in (cover or {}).get(part, {}).items():
                self.cover[part][key] = self.cover[part].get(key, 0) + n

    def references(self):
        """What else than this test holds the module, once all has been torn down."""
        if NATIVE or not lab.module_loaded():
            return 0
        end = time.monotonic() + lab.seconds(5)
        while True:
            n = lab.refcnt()
            if n <= self.refs or time.monotonic() > end:
                return n
            time.sleep(0.01)

    def restore(self):
        """What a test that died half-way may have left; True if the module was out."""
        for name, value in (("probability", "0"), ("ignore-gfp-wait", "Y")):
            with contextlib.suppress(OSError):
                with open("/sys/kernel/debug/failslab/" + name, "w", encoding="ascii") as f:
                    f.write(value)
        if NATIVE or lab.module_loaded():
            return False
        lab.insmod()
        self.refs = 0
        return True

    def judge(self, job, others):
        """The report of a test that is over."""
        report = job.report()
        self.add_cover(report["cover"])
        bad = len(self.log.bad)
        news = self.log.read()
        if len(self.log.bad) > bad:
            report.update(status="fail", final=True)
            report["lines"] += ["kernel log:"] + news[-80:]
            report["lines"] += [f"while this ran too: {o.t.name}" for o in others]
        self.unchecked.append(job.t.name)
        if not others:      # who changes the machine runs alone
            if self.restore():
                report.update(status="fail", final=True)
                report["lines"].append("it left the module out")
            refs = self.references()
            if refs > self.refs:
                report.update(status="fail", final=True)
                report["lines"].append(f"{refs - self.refs} sockets are left open: the module's "
                                       f"reference count is {refs}; by one of:")
                report["lines"] += ["  " + name for name in self.unchecked]
            self.refs = refs
            self.unchecked = []
        self.keep(job.t, report, job.tmp)
        return report

    def batch(self, tap, todo, jobs):
        """
        Run tests, so many at a time. An emulated machine may stand still for
        longer than a test allows: one that fails runs once more, by itself, and
        if it passes then says so in its name. What the kernel complains of, what
        the module lost and what is Wrong is final, and all in virtual time.
        """
        running, again = [], []
        todo = list(todo)
        # each look costs real time, and some tests sleep for days that cost none
        look_again = 3600 if lab.virtual_time() else 1
        while todo or running:
            while todo and len(running) < jobs:
                running.append(Job(*todo.pop(0)))
            readable = select.select([j.pipe for j in running], [], [], look_again)[0]
            for job in [j for j in running if j.over(j.pipe in readable)]:
                running.remove(job)
                report = self.judge(job, running)
                t, failed = job.t, report["status"] == "fail"
                if failed and not job.second and not report["final"] and not lab.virtual_time():
                    diag([f"failed, and is run once more: {t.name}"] + report["lines"])
                    again.append((t, True))
                    continue
                self.second += job.second
                tap.result(t.name + AGAIN * job.second, not failed, report["why"],
                           report["lines"], report["took"])
        if again:
            self.batch(tap, again, 1)

    def run(self, tap, tests):
        able = []
        for t in tests:
            try:
                lacks = [name for name in t.needs if not lab.need(name)]
            except Fail as e:
                tap.result(t.name, False, lines=[e])
                continue
            if lacks:
                tap.result(t.name, True, why="needs " + lab.NEEDS[lacks[0]][0])
            else:
                able.append((t, False))
        # the longest first, so that none runs by itself at the end
        able.sort(key=lambda x: -x[0].timeout)
        self.batch(tap, [x for x in able if not x[0].alone], self.args.j)
        self.batch(tap, [x for x in able if x[0].alone], 1)


# ---- the end of a run ----

def end_log(run):
    run.log.read()
    check(not run.log.bad, "the kernel log has\n" + "\n".join(run.log.bad[:40]))


def end_host_tcp(run):
    if NATIVE:
        raise Skip("this run is native TCP")
    now = lab.Ns.current().host_tcp()
    moved = {k: now[k] - v for k, v in run.host_before.items() if now.get(k, v) != v}
    check(not moved, f"in the first namespace: {moved}")
    check(not run.cover["host"], f"in the namespaces of the tests: {run.cover['host']}")


def end_objects(run):
    if NATIVE:
        raise Skip("needs " + lab.NEEDS["tcpx"][0])
    wait_for(lambda: not lab.refcnt() and not any(lab.slab_objects().values()), 30,
             lambda: f"all to be freed: {lab.refcnt()} references, {lab.slab_objects()}")
    return [f"no object left in {' '.join(lab.slab_objects()) or 'no cache of its own'}"]


def gauge_names(ns):
    """The gauges as tcpx_mib.h lists them, and what is per state."""
    stat = ns.stat()
    names = ("Sockets", "Orphans", "Listeners", "HalfOpen", "TimeWait", "Ports", "OooSegs")
    return [k for k in names if k in stat] + [k for k in stat if k.startswith("State")]


def end_rmmod(run):
    if NATIVE or not lab.module_loaded():
        raise Skip("needs " + lab.NEEDS["tcpx"][0])
    lab.cover(lab.Ns.current())
    run.add_cover({"fsm": lab.COVER["fsm"], "stat": lab.COVER["stat"]})

    def gone():
        with contextlib.suppress(BlockingIOError):
            lab.rmmod()
            return True
    # namespaces of the last test are freed by a kernel worker
    wait_for(gone, 30, "rmmod to be possible")
    for path in ("/proc/net/tcpx", "/proc/sys/net/tcpx", "/sys/module/tcpx"):
        check(not os.path.exists(path), f"{path} is still there")
    if run.was_loaded and os.path.exists(lab.KO):
        lab.insmod()


def end_kmemleak(run):
    path = "/sys/kernel/debug/kmemleak"
    if not lab.need("kmemleak"):
        raise Skip("needs " + lab.NEEDS["kmemleak"][0])
    report = scan_kmemleak()
    check(not report, f"{path} has\n{report[:4000]}")


def scan_kmemleak():
    """Unreferenced objects; twice, because one scan may see a pointer in flight."""
    path = "/sys/kernel/debug/kmemleak"
    for _ in range(2):
        time.sleep(6)               # younger objects are not reported
        with open(path, "w", encoding="ascii") as f:
            f.write("scan")
    with open(path, encoding="ascii", errors="replace") as f:
        return f.read()


def end_cells(run):
    if NATIVE:
        raise Skip("needs " + lab.NEEDS["tcpx"][0])
    cells = {k: v for k, v in run.cover["fsm"].items() if v is not None}
    check(cells, "no cell was read")
    missed = sorted(k for k, v in cells.items() if not v)
    percent = 100 * (len(cells) - len(missed)) / len(cells)
    diag([f"{len(cells) - len(missed)} of {len(cells)} possible cells hit, {percent:.1f} %",
          "not hit:"] + ["  " + k.replace("|", " in ") for k in missed])
    if run.partial:
        raise Skip("only part of the tests ran")
    check(percent >= COVERAGE, f"want {COVERAGE} % of the possible cells hit")


END = (
    ("END no reference to the module and no object of its slab caches is left", end_objects),
    ("END SEC-31 Tcp and TcpExt counters of the host have not moved", end_host_tcp),
    ("END SEC-36 rmmod works and leaves nothing in /proc", end_rmmod),
    ("END the kernel log is clean", end_log),
    ("END kmemleak is clean", end_kmemleak),
    (f"END {COVERAGE} % of the state table's possible cells were hit", end_cells),
)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0].strip())
    ap.add_argument("--list", action="store_true", help="print the names and end")
    ap.add_argument("-k", metavar="PATTERN", help="only tests whose name or file matches")
    ap.add_argument("--file", help="only test files whose name contains this")
    ap.add_argument("--long", action="store_true", help="the long tests instead of the others")
    ap.add_argument("--out", metavar="DIR", help="where captures of failed tests go")
    ap.add_argument("-j", metavar="JOBS", type=int, default=(os.cpu_count() or 1) + 1,
                    help="how many tests at a time; default: one more than CPUs")
    ap.add_argument("--must", metavar="NEED,...", type=lambda s: s.split(","), default=[],
                    help="who needs one of these and has it not fails: " + " ".join(lab.NEEDS))
    args = ap.parse_args()
    if not lab.NEEDS.keys() >= set(args.must):
        ap.error(f"--must: {', '.join(set(args.must) - lab.NEEDS.keys())} is no need of a test")
    lab.MUST.update(args.must)

    # one place for every temporary file, gone at the end whatever happens
    base = tempfile.mkdtemp(prefix="tcpx-run.")
    tempfile.tempdir = base
    try:
        return go(args)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def clock_for_captures():
    """
    The first socket that wants time stamps makes the kernel patch its receive path,
    the last one again. In an emulator with two CPUs each patch is a risk: one of
    them may run into the breakpoint of a patch that is over. So it is done once.
    """
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 35, 1)      # SO_TIMESTAMPNS
    return s


def go(args):
    # on native TCP only what claims to be so there
    tests = [t for t in discover(args.file)
             if t.long == args.long and not (NATIVE and "tcpx" in t.needs)]
    every = len(tests)
    if args.k:
        tests = [t for t in tests if re.search(args.k, t.name) or re.search(args.k, t.file)]
    if args.list:
        for t in tests:
            print(f"{t.file}: {t.name}" + (f" (needs {', '.join(t.needs)})" if t.needs else ""))
        return 0
    if args.out:
        os.makedirs(args.out, exist_ok=True)

    run = Runner(args)
    run.was_loaded = lab.module_loaded()
    run.partial = len(tests) < every or args.long or bool(args.file)
    run.host_before = lab.Ns.current().host_tcp()
    tap = Tap(len(tests) + len(END))
    if not NATIVE and not run.was_loaded:
        try:
            lab.insmod()
        except OSError as e:
            print(f"Bail out! insmod {lab.KO}: {e}")
            return 1
    lab.program("cap")              # once, not per test
    try:
        with clock_for_captures():
            run.run(tap, tests)
    except (Stuck, OSError) as e:
        for name in [t.name for t in tests] + [name for name, _ in END]:
            if name.replace("#", "no.") not in tap.names:
                tap.result(name, False, lines=["did not end, or did not run"])
        print(f"Bail out! {e}", flush=True)
        return 1
    for name, fn in END:
        try:
            tap.result(name, True, lines=fn(run) or ())
        except Skip as e:
            tap.result(name, True, why=str(e))
        except (Fail, OSError) as e:
            tap.result(name, False, lines=[e])
    if args.out:
        with open(os.path.join(args.out, "cover.json"), "w", encoding="utf-8") as f:
            json.dump(run.cover, f, indent=1, sort_keys=True)
        with open(os.path.join(args.out, "times.json"), "w", encoding="utf-8") as f:
            json.dump(tap.times, f, indent=1)
    diag([f"{tap.nr - tap.failed - tap.skipped} passed, {tap.failed} failed, "
          f"{tap.skipped} skipped; {run.second} needed a second run"])
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
