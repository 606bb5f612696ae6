# SPDX-License-Identifier: BSD-2-Clause
"""Floods against hold.c: flood.py syn|connections|slow|idle HOST PORT NUMBER. Status 1 and a word if the server does worse
than go on serving others and give its memory back. What counts is what is answered, never how fast."""
import random, resource, socket, struct, sys, time

HOST, PORT, NUMBER = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
PATIENCE = 60          # seconds until what must come is given up
SLACK = 4096           # KiB of memory that may stay: caches of the allocator, tables that have grown


def connect(timeout=PATIENCE):
    s = socket.create_connection((HOST, PORT), timeout)
    s.settimeout(PATIENCE)
    return s


def ask(s, line):
    s.sendall(line.encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        piece = s.recv(4096)
        if not piece:
            raise SystemExit(f"{line}: the server hung up after {answer!r}")
        answer += piece
    return answer.decode().strip()


def echoes(s, word="hello"):
    answer = ask(s, "echo " + word)
    if answer != word:
        raise SystemExit(f"echo {word}: {answer}")


def eventually(what, condition):
    """condition() gives an empty string when it holds, else what is wrong."""
    end = time.monotonic() + PATIENCE
    while wrong := condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: {wrong}")
        time.sleep(0.2)


def settled(control, before):
    """The connections of the flood are gone, and so is what they took."""
    eventually("connections", lambda: "" if ask(control, "count") == "1" else ask(control, "count") + " are left")
    eventually("memory", lambda: "" if before - int(ask(control, "mem")) <= SLACK else
               f"{before - int(ask(control, 'mem'))} KiB less than before")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(source, port):
    number = random.getrandbits(32)

    def segment(check):
        return struct.pack("!HHIIBBHHH", port, PORT, number, 0, 5 << 4, 2, 64240, check, 0)

    ends = socket.inet_aton(source) + socket.inet_aton(HOST)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, random.getrandbits(16), 0, 64, 6, 0) + ends      # its sum is the kernel's to fill in
    return ip + segment(checksum(ends + struct.pack("!BBH", 0, 6, 20) + segment(0)))


def flood_syn(control):
    """Connections that are begun and never finished, from addresses that are nobody's: near ones, and far ones."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    near = HOST.rsplit(".", 1)[0]
    for i in range(NUMBER):
        source = f"{near}.{random.randint(100, 200)}" if i % 8 == 0 else f"198.18.{random.getrandbits(7)}.{random.randint(1, 254)}"
        try:
            raw.sendto(syn(source, random.randint(1024, 65535)), (HOST, 0))
        except OSError:
            time.sleep(0.001)
        if i % 1000 == 999:
            echoes(control, f"during{i}")
            with connect() as s:            # by a cookie, when the queue is full
                echoes(s, f"new{i}")
    with connect() as s:
        echoes(s, "after")


def flood_connections(control):
    """More connections than the server has descriptors; the rest wait in its queue, or for a place there."""
    crowd = []
    for i in range(NUMBER):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((HOST, PORT))
        crowd.append(s)
        if i % 100 == 99:
            echoes(control, f"during{i}")
    eventually("descriptors", lambda: "" if int(ask(control, "count")) < NUMBER else "they do not end")
    for s in crowd:
        s.close()
    with connect() as s:
        echoes(s, "after")


def flood_slow(control):
    """Readers that ask for much and take nothing; then they take it."""
    size, readers = 3000000, []
    for _ in range(NUMBER):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        s.settimeout(PATIENCE)
        s.connect((HOST, PORT))
        s.sendall(b"big %d\n" % size)
        readers.append(s)
    time.sleep(2)
    for i in range(20):
        echoes(control, f"during{i}")
        with connect() as s:
            echoes(s, f"new{i}")
    for n, s in enumerate(readers):
        if n % 2:                           # every other one goes away without reading
            s.close()
            continue
        left = size
        while left:
            piece = len(s.recv(65536))
            if not piece:
                raise SystemExit(f"reader {n}: {left} bytes are missing")
            left -= piece
        s.close()


def flood_idle(control):
    """Many connections that do nothing."""
    need = NUMBER + 100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(need, soft), max(need, hard)))
    crowd = [connect() for _ in range(NUMBER)]
    eventually("count", lambda: "" if ask(control, "count") == str(NUMBER + 1) else ask(control, "count"))
    used = before - int(ask(control, "mem"))
    print(f"{used * 1024 // NUMBER} bytes a connection")
    for i in list(range(0, NUMBER, 500)) + [NUMBER - 1]:
        echoes(crowd[i], f"idle{i}")
    for i, s in enumerate(crowd):           # not all at once: the tap's queue has an end
        s.close()
        if i % 100 == 99:
            echoes(control, f"closed{i}")


control = connect()
# Once before it counts: what is made for the first connection stays.
for _ in range(3):
    with connect() as first:
        echoes(first)
eventually("connections", lambda: "" if ask(control, "count") == "1" else "the first have not gone")
before = int(ask(control, "mem"))
globals()["flood_" + sys.argv[1]](control)
settled(control, before)
print(before - int(ask(control, "mem")), "KiB less than before")
