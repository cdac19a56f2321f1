# SPDX-License-Identifier: GPL-2.0
"""The first steps of README.md: the module comes by itself, the first client and server."""
import os
import shutil
import socket
import subprocess
import tempfile

from lab import KO, PROTO, Proc, check, equal, module_loaded, program, remove, seconds, test

MODPROBE = "/proc/sys/kernel/modprobe"


@test("A1 socket() loads the module, for everybody", needs=("tcpx", "ko", "kmod"), lab=False)
def _():
    # a tree of its own, with nothing in it but the module
    root = tempfile.mkdtemp(prefix="tcpx-modules.")
    folder = os.path.join(root, "lib/modules", os.uname().release)
    os.makedirs(folder)
    shutil.copy(KO, os.path.join(folder, "tcpx.ko"))
    subprocess.run(["depmod", "-b", root], check=True, stderr=subprocess.DEVNULL)
    script = os.path.join(root, "modprobe")
    with open(script, "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\nexec modprobe -d {root} "$@"\n')
    os.chmod(script, 0o755)
    with open(MODPROBE, encoding="ascii") as f:
        before = f.read().strip()

    def set_modprobe(path):
        with open(MODPROBE, "w", encoding="ascii") as f:
            f.write(path)

    def child():
        os.setgid(65534)
        os.setuid(65534)
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, PROTO).close()
    remove()
    set_modprobe(script)
    try:
        Proc(None, child).result(60)
        check(module_loaded(), "the socket is there, the module is not")
    finally:
        set_modprobe(before)


@test("A1 the first server and client, doc/hello.c", needs=("tcpx", "hello"))
def _(lab):
    server = lab.b.popen([program("hello")], stdout=subprocess.PIPE)
    lab.b.wait_state("LISTEN", 7000)
    for ns, status, text in ((lab.a, 0, "hello over protocol 253\n"), (lab.a, 1, "")):
        p = ns.run([program("hello"), lab.b.ip], check=False)
        equal((p.returncode, p.stdout), (status, text), f"the client ({p.stderr})")
        server.wait(seconds(10))
    equal(server.returncode, 0, "exit status of the server")
    check("Connection refused" in p.stderr, f"what a client without a server says: {p.stderr}")
