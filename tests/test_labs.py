# SPDX-License-Identifier: GPL-2.0
"""The laboratories of scripts/lab.sh, each once and small, so that they do not rot."""
import shutil
import tempfile

import bench_synq
import flood_lab
from lab import check, equal, program, seconds, test
from mitnick_lab import Mitnick, show


@test("R47 Mitnick: a forged handshake works where the number is fixed and the trusted host silent",
      needs=("tcpx", "netem", "bridge"), lab={"middle": True})
def works(lab):
    me = Mitnick(lab)
    check(show(me, me.works), "no picture")


@test("R47 Mitnick: by default a forged ACK gets RST, and the entry stays",
      needs=("tcpx", "netem", "bridge"), lab={"middle": True})
def fails(lab):
    me = Mitnick(lab)
    check(show(me, me.fails)[0], "no picture")


@test("R47 SEC-10 Mitnick: of 20 000 predicted numbers none is right",
      needs=("tcpx", "netem", "bridge", "cc"), lab={"middle": True}, timeout=240)
def many(lab):
    me = Mitnick(lab)
    me.many(10000)
    me.b.sysctl("syncookies", 0)        # numbers that are no cookies
    me.many(10000)


@test("R47 Mitnick: the trusted host answers by RST, flooded or not, and the entry vanishes",
      needs=("tcpx", "netem", "bridge"), lab={"middle": True})
def objects(lab):
    me = Mitnick(lab)
    check(show(me, me.objects), "no picture")
    me.flooded()


@test("R48 SEC-12 the flood lab: cookies lose nobody, drop_new all but the first",
      needs=("tcpx", "netem", "cc"), lab=False, timeout=240)
def flood():
    with tempfile.TemporaryDirectory() as d:
        bench_synq.SYNBENCH = shutil.copy(program("synbench"), d)
        some = {"seconds": 1, "drain": 0, "connects": 20}
        c = flood_lab.cell("cookie", 16, 2000, patience=seconds(5), **some)
        equal((c.stat["SynqHighest"], len(c.times)), (16, 20), "entries, and served by cookies")
        c = flood_lab.cell("drop_new", 16, 2000, **some)
        equal(c.stat["SynqHighest"], 16, "entries")
        check(len(c.times) <= 5, f"{len(c.times)} served by a queue that is full")
