#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Show connections being opened and closed, live, as ladder diagrams.

Run as root in a throwaway VM: scripts/demo.sh does. Loads the module
($TCPX_KO) if it is not loaded. Exit status 1 if anything seen is not what
RFC 9293 says.
"""
import contextlib
import os
import socket
import sys
import textwrap
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
from ladder import WIDTH, End, Ladder, TooSlow, paint  # noqa: E402
from lab import A, B, MACS, NATIVE, PROTO, Fail, Lab  # noqa: E402
from wire import MSS, RAW, Raw, accept, seq32  # noqa: E402

PORT = 10000
WAITS = (300, 300, 600)


class Demo:
    def __init__(self):
        self.failed = set()
        self.nr = 0
        self.title = self.text = ""
        self.lab = Lab(middle=True)
        self.a, self.b = self.lab.a, self.lab.b
        self.a.neigh(RAW, MACS[B])
        self.b.neigh(RAW, MACS[A])
        self.port = 40000
        self.delay = 0
        self.set_delay(self.flight_time())

    def flight_time(self):
        """Long enough to read all states several times while a segment is under way, ms"""
        with self.ladder(1) as ladder:
            start = time.monotonic()
            for _ in range(3):
                ladder.sample()
        return min(max(100, int((time.monotonic() - start) * 3000)), 300)

    def set_delay(self, ms):
        self.delay = ms
        self.lab.netem(f"delay {ms}ms")

    @contextlib.contextmanager
    def ladder(self, sport, port=PORT, left=None, right=None):
        """left, right: (address, port, the word for its state) of an end made by hand"""
        ends = [End(self.a, A, sport, f"a {A}:{sport}"), End(self.b, B, port, f"{B}:{port} b")]
        if left:
            ends[0] = End(self.a, RAW, sport, f"by hand {RAW}:{sport}", left)
        if right:
            ends[1] = End(self.b, RAW, port, f"{RAW}:{port} by hand", right)
        one = Ladder(*ends, self.delay / 1000)
        try:
            yield one
        finally:
            one.close()

    def begin(self, title, text):
        self.title, self.text = title, " ".join(text.split())

    def introduce(self):
        print("\n" + paint(f"{self.nr}. {self.title}", "bold"))
        print(textwrap.fill(self.text, WIDTH, initial_indent="   ", subsequent_indent="   ") + "\n")

    def show(self, what):
        """One of the things to show; on a slow machine again, with more time."""
        self.nr += 1
        for _ in range(3):
            try:
                return what()
            except TooSlow:
                self.set_delay(2 * self.delay)
            except Fail as e:
                return self.trouble(str(e))
        return self.trouble("this machine is too slow to watch")

    def trouble(self, text):
        self.introduce()
        self.failed.add(self.nr)
        print(paint(textwrap.indent(text, "   "), "red"))

    def verdict(self, ladder, clause, story, facts=(), end=None):
        """
        Draw it; what was seen must be the story, and each of the facts true. end:
        the story is that of one end, with its own states only.
        """
        picture = ladder.draw()
        if end in (None, "a"):
            self.introduce()
            print("\n".join(picture))
        seen = [e.tell(end) for e in ladder.settle() if end in (None, e.end)]
        want = [" ".join(line.split()) for line in story.strip().splitlines()]
        wrong = [f"seen:     {s}\nexpected: {w}" for s, w in zip(seen, want) if s != w]
        wrong += [f"seen besides: {s}" for s in seen[len(want):]]
        wrong += [f"not seen: {w}" for w in want[len(seen):]]
        wrong += [f"not so: {text}" for text, true in facts if not true]
        if wrong:
            self.failed.add(self.nr)
            print("\n" + paint(f"   NOT what {clause} says:", "red"))
            print(textwrap.indent("\n".join(wrong), "   "))
        elif end != "a":
            print("\n" + paint(f"   as {clause} says", "green"))

    # -- sockets --

    def listen(self, port=PORT):
        s = self.b.listen(port)
        s.setblocking(False)
        return s

    def connect(self, to=B, port=PORT):
        """Begin to connect from a new port: the socket and that port"""
        self.port += 1
        s = self.a.socket()
        s.setblocking(False)
        s.bind((A, self.port))
        return s, lambda: s.connect_ex((to, port))

    @contextlib.contextmanager
    def connection(self):
        """An established connection: the ladder, the client, the server's socket"""
        with self.listen() as lst:
            client, start = self.connect()
            with self.ladder(self.port) as ladder:
                start()
                ladder.until_states("ESTABLISHED", "ESTABLISHED")
                server = accept(lst)
                ladder.start_here()
                with client, server:
                    yield ladder, client, server

    # -- what is shown --

    def handshake(self):
        self.begin("Three segments open a connection", """
            a calls connect(), b listens. SYN takes one sequence number in each direction,
            and each end is ESTABLISHED when its own SYN is acknowledged.""")
        with self.listen() as lst:
            client, start = self.connect()
            with self.ladder(self.port) as ladder:
                start()
                ladder.until_states("ESTABLISHED", "ESTABLISHED")
                syn, synack, ack = [e.seg for e in ladder.events if e.leaves][:3]
                self.verdict(ladder, "RFC 9293 3.5, figure 6,", """
                    a sends SYN:     SYN-SENT LISTEN
                    b gets SYN:      SYN-SENT SYN-RECEIVED
                    b sends SYN,ACK: SYN-SENT SYN-RECEIVED
                    a gets SYN,ACK:  ESTABLISHED SYN-RECEIVED
                    a sends ACK:     ESTABLISHED SYN-RECEIVED
                    b gets ACK:      ESTABLISHED ESTABLISHED""", (
                        ("the SYN-ACK acknowledges SYN + 1", synack.ack == seq32(syn.seq + 1)),
                        ("the ACK acknowledges SYN-ACK + 1", ack.ack == seq32(synack.seq + 1)),
                        ("no segment carries text", not (syn.data or synack.data or ack.data))))
            client.close()
            accept(lst).close()

    def refused(self):
        self.begin("Nobody listens: RST", """
            b has no listener at this port. The SYN is answered by RST,ACK with sequence
            number 0, and connect() fails with ECONNREFUSED.""")
        client, start = self.connect(port=9)
        with self.ladder(self.port, 9) as ladder, client:
            start()
            ladder.until_seen(2)
            syn, rst = [e.seg for e in ladder.events if e.leaves][:2]
            error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.verdict(ladder, "RFC 9293 3.10.7.1", """
                a sends SYN:     SYN-SENT CLOSED
                b gets SYN:      SYN-SENT CLOSED
                b sends RST,ACK: SYN-SENT CLOSED
                a gets RST,ACK:  CLOSED CLOSED""", (
                    ("RST has SEQ 0", rst.seq == 0),
                    ("RST acknowledges SYN + 1", rst.ack == seq32(syn.seq + 1)),
                    ("connect() says ECONNREFUSED", error == 111)))

    def four_segments(self):
        self.begin("Four segments close a connection", """
            a closes, b some time later. Each direction ends by a FIN and the ACK of it. In
            FIN-WAIT-2 a can only receive, in CLOSE-WAIT b may still send. Only a, who closed
            first, waits in TIME-WAIT; b's connection is CLOSED, its listener goes on.""")
        with self.connection() as (ladder, client, server):
            client.shutdown(socket.SHUT_WR)
            ladder.until_states("FIN-WAIT-2", "CLOSE-WAIT")
            server.close()
            ladder.until_states("TIME-WAIT", "CLOSED")
            fin, _, fin2, ack = [e.seg for e in ladder.drawn() if e.leaves][:4]
            self.verdict(ladder, "RFC 9293 3.6, figure 12,", """
                a sends FIN,ACK: FIN-WAIT-1 ESTABLISHED
                b gets FIN,ACK:  FIN-WAIT-1 CLOSE-WAIT
                b sends ACK:     FIN-WAIT-1 CLOSE-WAIT
                a gets ACK:      FIN-WAIT-2 CLOSE-WAIT
                b sends FIN,ACK: FIN-WAIT-2 LAST-ACK
                a gets FIN,ACK:  TIME-WAIT LAST-ACK
                a sends ACK:     TIME-WAIT LAST-ACK
                b gets ACK:      TIME-WAIT CLOSED""", (
                    ("b's ACK counts a's FIN as one octet", fin2.ack == seq32(fin.seq + 1)),
                    ("a's ACK counts b's FIN as one octet", ack.ack == seq32(fin2.seq + 1))))

    def simultaneous(self):
        self.begin("Both close at once: CLOSING", """
            The FINs cross. Each end gets a FIN while its own is not yet acknowledged, goes
            to CLOSING, and both wait in TIME-WAIT.""")
        with self.connection() as (ladder, client, server):
            client.close()
            server.close()
            ladder.until_states("TIME-WAIT", "TIME-WAIT")
            for end in "ab":
                self.verdict(ladder, "RFC 9293 3.6, figure 13,", f"""
                    {end} sends FIN,ACK: FIN-WAIT-1
                    {end} gets FIN,ACK:  CLOSING
                    {end} sends ACK:     CLOSING
                    {end} gets ACK:      TIME-WAIT""", end=end)

    def straight_to_time_wait(self):
        self.begin("FIN and ACK in one segment: FIN-WAIT-1 to TIME-WAIT", """
            The right end is made by hand: it answers a's FIN with its own FIN and the ACK in
            one segment. a skips FIN-WAIT-2.""")
        raw = Raw(self.b, self.a)
        client, start = self.connect(RAW, 80)
        with self.ladder(self.port, 80, right="(by hand)") as ladder, client:
            flow = raw.flow(self.port, 80, iss=7654321)
            start()
            ladder.expect(flow, "S")
            flow.send("SA", options=MSS)
            ladder.expect(flow, "A")
            ladder.start_here()
            client.close()
            ladder.expect(flow, "FA")
            flow.send("FA")
            ladder.expect(flow, "A")
            ladder.until_seen(3)
            self.verdict(ladder, "RFC 9293 3.10.7.4, FIN-WAIT-1,", """
                a sends FIN,ACK: FIN-WAIT-1 (by hand)
                b gets FIN,ACK:  FIN-WAIT-1 (by hand)
                b sends FIN,ACK: FIN-WAIT-1 (by hand)
                a gets FIN,ACK:  TIME-WAIT (by hand)
                a sends ACK:     TIME-WAIT (by hand)
                b gets ACK:      TIME-WAIT (by hand)""")

    def half_open(self):
        self.begin("A half-open connection that never completes", f"""
            The left end is made by hand and stays silent after its SYN. b keeps an entry in
            its half-open queue and sends the SYN-ACK again; the waits are shortened to
            {', '.join(map(str, WAITS))} ms (sysctl net.tcpx.synack_waits_ms; 1, 2, 4, 8, 16, 32 s
            by default). Then the entry is gone, without a word to anybody.""")
        self.b.sysctl("synack_retries", len(WAITS) - 1)
        with contextlib.suppress(lab.Skip):
            self.b.sysctl("synack_waits_ms", " ".join(map(str, WAITS)))
        raw = Raw(self.a, self.b)
        with self.listen(), self.ladder(4321, left="(silent)") as ladder:
            flow = raw.flow(PORT, 4321, iss=1234567)
            flow.send("S", options=MSS)
            ladder.watch(lambda me: me.states[1] == "SYN-RECEIVED", "SYN-RECEIVED")
            ladder.watch(lambda me: me.states[1] == "LISTEN", "the end of the entry",
                         20 if NATIVE else 10)
            ladder.until_seen(1 + len(WAITS))
            ladder.note("the entry has expired")
            times = [e.when for e in ladder.drawn() if e.leaves and e.end == "b"]
            gaps = [(y - x) * 1000 for x, y in zip(times, times[1:])]
            self.verdict(ladder, "RFC 9293 3.8.3, MUST-20,", """
                a sends SYN:     (silent) LISTEN
                b gets SYN:      (silent) SYN-RECEIVED""" + """
                b sends SYN,ACK: (silent) SYN-RECEIVED
                a gets SYN,ACK:  (silent) SYN-RECEIVED""" * len(WAITS) + """
                the entry has expired: (silent) LISTEN""", [
                    (f"wait {nr}: {gap:.0f} ms, not {wait} ms", gap >= wait - 11 or NATIVE)
                    for nr, (gap, wait) in enumerate(zip(gaps, WAITS))])

    def counters(self):
        print("\n" + paint("What b counted", "bold") +
              " (/proc/net/tcpx/stat, lines that are not zero)\n")
        for line in self.b.tcpx("stat").splitlines():
            name, _, rest = line.partition(" ")
            value, _, text = rest.partition(" # ")
            if value.isdigit() and int(value):
                print(textwrap.fill(text, WIDTH, initial_indent=f"   {name:<20} {value:>5}  ",
                                    subsequent_indent=" " * 31))


def load():
    if NATIVE or lab.module_loaded():
        return
    lab.insmod()
    print(f"insmod {os.path.basename(lab.KO)}: IP protocol {PROTO} is TCP now.")


def main():
    load()
    demo = Demo()
    with demo.lab:
        print(textwrap.fill(
            f"Two network namespaces, a and b, {demo.delay} ms apart. The segments were captured "
            "at both ends, the states read from /proc/net/tcpx while they were under way. "
            "Numbers are relative to the initial ones, in brackets as on the wire.", WIDTH))
        for show in (demo.handshake, demo.refused, demo.four_segments, demo.simultaneous,
                     demo.straight_to_time_wait, demo.half_open):
            demo.show(show)
        if not NATIVE:
            demo.counters()
    if demo.failed:
        print(paint(f"\nNot as it should be: {', '.join(map(str, sorted(demo.failed)))}", "red"))
        return 1
    print(paint("\nAll as RFC 9293 says.", "green"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
