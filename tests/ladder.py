# SPDX-License-Identifier: GPL-2.0
"""
Ladder diagrams of live connections: two namespaces, the segments between them
as they leave and arrive, and the states that both ends had then.

The namespaces of Lab(middle=True) are captured at both ends; the delay sits
between them. States are read from /proc again and again while segments are
under way, so what stands beside a segment was read after it left or arrived
and before anything else happened.
"""
import sys
import time

from lab import ACK, FIN, PROTO, PSH, RST, SYN, Fail, seconds
from wire import Seg, flag_text, packet_socket, receive, seq32

OUTGOING = 4
WIDTH = 98
NAMES = {"S": "SYN", "F": "FIN", "R": "RST", "P": "PSH", "A": "ACK", "U": "URG"}
COLOURS = {"plain": "0", "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33",
           "blue": "34", "cyan": "36"}


def paint(text, colour):
    """Colour on a terminal, plain text elsewhere."""
    if not sys.stdout.isatty():
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def flag_names(flags):
    order = "SFRPUA" if not flags & RST else "RSFPUA"
    letters = flag_text(flags)
    return ",".join(NAMES[c] for c in order if c in letters)


class TooSlow(Exception):
    """The states were not read before the next segment changed them."""


class Event:
    """A segment leaves or arrives, or something worth a line happens (seg None)."""

    def __init__(self, when, end, leaves, seg=None, text=""):
        self.when, self.end, self.leaves, self.seg, self.text = when, end, leaves, seg, text
        self.states = ()

    def tell(self, end=None):
        """It as a sentence, with the states of both ends or of one"""
        states = " ".join(self.states) if end is None else self.states[end == "b"]
        if not self.seg:
            return f"{self.text}: {states}"
        verb = "sends" if self.leaves else "gets"
        return f"{self.end} {verb} {flag_names(self.seg.flags & ~PSH)}: {states}"


class End:
    """One side: a namespace, the port there, and its name in the diagram.

    A side that is made by hand has a fixed word in place of a state. A connection
    that has ended is CLOSED, though the listener that it came from goes on; a
    half-open entry that ends leaves LISTEN behind.
    """

    def __init__(self, ns, ip, port, label, by_hand=None):
        self.ns, self.ip, self.port, self.label, self.by_hand = ns, ip, port, label, by_hand
        self.connected = False

    def state(self, other):
        """Its state towards the other side, from /proc"""
        if self.by_hand:
            return self.by_hand
        listens = False
        for c in self.ns.conns(None, self.port):
            if c.remote.endswith(f":{other.port}"):
                self.connected |= c.state != "SYN-RECEIVED"
                return c.state
            listens |= c.state == "LISTEN"
        if listens:
            for e in self.ns.halfopen():
                if e["remote"] == f"{other.ip}:{other.port}":
                    return "SYN-RECEIVED"
        return "LISTEN" if listens and not self.connected else "CLOSED"


class Ladder:
    """Watch a connection between two Ends and draw what happened."""

    def __init__(self, left, right, flight=0):
        """flight: seconds that a segment is under way, at least"""
        self.ends = {"a": left, "b": right}
        self.flight = flight
        self.socks = {name: packet_socket(end.ns, "eth0", 3) for name, end in self.ends.items()}
        self.events, self.samples, self.isn = [], [], {}
        self.states = None
        self.first = 0              # events before are not drawn
        self.sample()

    def close(self):
        for s in self.socks.values():
            s.close()

    def sample(self):
        """Read both states once, then collect what was captured."""
        now = time.time()
        a, b = self.ends["a"], self.ends["b"]
        self.states = a.state(b), b.state(a)
        self.samples.append((now, time.time(), self.states))
        for name, s in self.socks.items():
            got = receive(s)
            while got:
                self.captured(name, *got)
                got = receive(s)
        self.events.sort(key=lambda e: e.when)

    def captured(self, name, packet, when, partial, addr):
        if len(packet) < 40 or packet[9] != PROTO:
            return
        seg = Seg.decode(packet, when, partial)
        if {seg.sport, seg.dport} != {self.ends["a"].port, self.ends["b"].port}:
            return
        leaves = addr[2] == OUTGOING
        if leaves and seg.flags & SYN:
            self.isn.setdefault(seg.sport, seg.seq)
        self.events.append(Event(when, name, leaves, seg))

    def watch(self, until, what, timeout=10):
        """Look on until the condition holds."""
        end = time.monotonic() + seconds(timeout)
        while not until(self):
            if time.monotonic() > end:
                raise Fail(f"waited for {what}; the states are {' and '.join(self.states)}\n" +
                           "\n".join(self.draw()))
            self.sample()
        self.sample()

    def until_states(self, a, b):
        self.watch(lambda me: me.states == (a, b), f"{a} and {b}")

    def expect(self, flow, flags):
        """What an end made by hand waits for, while looking on"""
        self.watch(lambda me: flow.raw.pump() or flow.queue, flags)
        return flow.expect(flags)

    def until_seen(self, count, what="segments"):
        """Until so many segments arrived, counted from the first one drawn"""
        self.watch(lambda me: sum(1 for e in me.drawn() if e.seg and not e.leaves) >= count, what)

    def note(self, text):
        """A line of its own, now"""
        self.sample()
        self.events.append(Event(time.time(), "", False, None, text))
        self.sample()

    def start_here(self):
        """Draw only what comes from now on."""
        self.sample()
        self.first = time.time()

    def drawn(self):
        return [e for e in self.events if e.when >= self.first]

    def settle(self):
        """Give every event drawn the states that were read after it."""
        events = self.drawn()
        for e in events:
            after = [s for s in self.samples if s[0] >= e.when]
            _, read, e.states = after[0] if after else self.samples[-1]
            if any(e.when + self.flight / 2 < f.when < read for f in events):
                raise TooSlow()
        return events

    # -- the picture --

    def numbers(self, seg):
        """seq and ack, relative to the initial ones and absolute"""
        def rel(number, port):
            isn = self.isn.get(port)
            return str(number) if isn is None else f"{seq32(number - isn)} ({number})"
        text = f"seq {rel(seg.seq, seg.sport)}"
        if seg.flags & ACK:
            text += f" ack {rel(seg.ack, seg.dport)}"
        if seg.data:
            text += f" len {len(seg.data)}"
        return text

    def draw(self):
        """The diagram as lines"""
        a, b = self.ends["a"], self.ends["b"]
        events = self.settle()
        if not events:
            return ["  (no segments)"]
        zero = events[0].when
        lines = [f"  {'time':>6}  {a.label:<31}{b.label:>57}",
                 f"  {'':>6}  {paint(self.row(self.before(), ''), 'dim')}"]
        shown = self.before()
        for e in events:
            states = [paint(f"{s:<12}", "bold") if s != old else f"{s:<12}"
                      for s, old in zip(e.states, shown)]
            shown = e.states
            lines.append(f"  {e.when - zero:6.3f}  {states[0]} {self.middle(e)} {states[1]}")
        return [line.rstrip() for line in lines]

    def before(self):
        """The states before the first event drawn"""
        first = self.drawn()[0].when
        return [states for _, read, states in self.samples if read < first][-1]

    @staticmethod
    def row(states, middle):
        return f"{states[0]:<12} {middle:<62} {states[1]:<12}"

    def middle(self, e):
        if not e.seg:
            return f"{e.text:^62}"
        colour = "red" if e.seg.flags & RST else "yellow" if e.seg.flags & FIN else \
            "green" if e.seg.flags & SYN else "cyan"
        name = flag_names(e.seg.flags)
        rightward = (e.end != "b") == e.leaves
        if e.leaves:
            text = f" {name} {self.numbers(e.seg)} "
            start = "X" if e.end == "x" else "o"    # a third one, in the name of the left end
            text = f"{start}--{text}{'- ' * 31}"[:62] if rightward else \
                f"{' -' * 31}{text}--o"[-62:]
        else:
            line = f" {name} ".center(60, "-")
            text = f" {line}>" if rightward else f"<{line} "
        return paint(text, colour)
