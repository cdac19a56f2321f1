# SPDX-License-Identifier: GPL-2.0
"""What the IP header may carry."""
from lab import FIN, equal, test
from wire import PORT, Bench, checksum, read

# no-operation; numbers that nobody has assigned, to be copied to fragments or not; end
OPTIONS = bytes((1, 0x5d, 5, 1, 2, 3, 0xdd, 4, 9, 9, 1, 0))


def with_options(packet):
    """An IPv4 packet with OPTIONS in its header"""
    head = bytearray(packet[:20]) + OPTIONS
    head[0] += len(OPTIONS) // 4
    head[2:4] = (len(packet) + len(OPTIONS)).to_bytes(2, "big")
    head[10:12] = bytes(2)
    head[10:12] = checksum(bytes(head)).to_bytes(2, "big")
    return bytes(head) + packet[20:]


def upto(flow, cond):
    """The next segment of this kind; ACKs may come before"""
    while True:
        seg = flow.get()
        flow.check(seg, "nothing more came")
        if cond(seg):
            return seg


@test("MUST-50 IP options not understood are ignored, on every segment of a connection")
def _(lab):
    bench = Bench(lab)
    plain = bench.raw.emit
    bench.raw.emit = lambda packet, *args, **kw: plain(with_options(packet), *args, **kw)
    bench.listen()
    for how in (bench.passive, bench.active):
        flow, s = how()
        flow.send("PA", data=b"hello")
        equal(read(s, 5), b"hello", "text")
        s.send(b"world")
        seg = upto(flow, lambda seg: seg.data)
        equal((seg.data, seg.packet[0]), (b"world", 0x45), "text, version and header length")
        flow.send("FA")
        equal(read(s, 1), b"", "end of stream")
        s.close()
        upto(flow, lambda seg: seg.flags & FIN)
        flow.send("A")
        flow.raw.fence()
        bench.is_state(flow, "CLOSED")
    # a SYN to a closed port, and a wrong segment to an open one, are answered as ever
    flow = bench.raw.flow(PORT + 1)
    flow.send("S")
    flow.expect("RA", ack=flow.snd)
    bench.raw.flow(PORT).send("S", csum=1)
    flow.silent()
