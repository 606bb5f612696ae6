#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The host's side of tests/net/vsock_guest.c, over the unix sockets of a vhost-user backend.

vsock.py serve PATH       send back what comes, on the guest's port whose socket is PATH
vsock.py TEST PATH PORT   one test against the guest's server: connect to PATH, ask for PORT
"""
import os, random, select, socket, struct, sys, threading

def connect(path, port):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    s.sendall(b"CONNECT %d\n" % port)
    line = b""
    while not line.endswith(b"\n"):
        c = s.recv(1)
        if not c:
            raise SystemExit("no connection")
        line += c
    if not line.startswith(b"OK "):
        raise SystemExit(f"answer: {line}")
    return s

def receive(s, n):
    b = bytearray()
    while len(b) < n:
        c = s.recv(min(65536, n - len(b)))
        if not c:
            raise SystemExit(f"the end after {len(b)} of {n} bytes")
        b += c
    return bytes(b)

def checksum(data):
    s = 0
    for c in data:
        s = (s * 33 + c) & 0xffffffff
    return s

def serve(path):
    l = socket.socket(socket.AF_UNIX)
    l.bind(path)
    l.listen(100)
    def echo(c):
        while b := c.recv(65536):
            c.sendall(b)
        c.close()
    while True:
        threading.Thread(target=echo, args=(l.accept()[0],), daemon=True).start()

def send(path, port, what, n):
    data = random.Random(n).randbytes(n)
    s = connect(path, port)
    s.sendall(what + struct.pack("!I", n) + data)
    got, = struct.unpack("!I", receive(s, 4))
    assert got == checksum(data), "checksum"

def large(path, port):
    send(path, port, b"c", 6 << 20)

def slow(path, port): # the guest reads slowly
    send(path, port, b"s", 1 << 20)

def get(path, port): # and so does this side
    s = connect(path, port)
    n = 6 << 20
    s.sendall(b"g" + struct.pack("!I", n))
    data = receive(s, n)
    got, = struct.unpack("!I", receive(s, 4))
    assert got == checksum(data), "checksum"

def many(path, port):
    for round in range(4):
        all = [connect(path, port) for _ in range(50)]
        for i, s in enumerate(all):
            s.sendall(b"e" + b"%06d" % i)
        for i, s in enumerate(all):
            assert receive(s, 6) == b"%06d" % i, "echo"
            s.close()

def refused(path, port):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    s.sendall(b"CONNECT %d\n" % (port + 1))
    try:
        assert s.recv(100) == b"", "a port nobody listens on"
    except ConnectionResetError:
        pass

def half(path, port): # a connection that ends in the middle of what it asked for
    for _ in range(5):
        s = connect(path, port)
        s.sendall(b"g" + struct.pack("!I", 1 << 20))
        receive(s, 100000)
        s.close()
    large(path, port)

def stop(path, port):
    connect(path, port).sendall(b"q")

if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    globals()[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
