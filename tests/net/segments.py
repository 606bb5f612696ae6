#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run scripts of segments (tests/net/tcp) over a real link, in real time, against a program that makes the calls.

    segments.py INTERFACE MAC ADDRESS SCRIPT... -- COMMAND...     COMMAND runs actor.c where TCP is to be tested

We are every other host on INTERFACE, which has no address of its own here. A script's sections (`new` ends one) are
tests by themselves; those that wait for long are left to the run in virtual time, as are scripts that say so in their
first line. What must not have been sent by
some moment may come EARLY_S before it without being noticed, and what must have been sent may come LATE_S after."""
import re
import select
import socket
import struct
import subprocess
import sys
import time

EARLY_S, LATE_S, SETTLE_S, LONGEST_MS, TRIES = 0.04, 1.5, 0.01, 4500, 3
PEER_ISS, OUR_PORT, PEER_MAC = 0x12345678, 80, b'\x02\x00\x00\x00\x00\x01'
LETTERS = 'FSRPAUEC'
STATES = ['', 'established', 'syn-sent', 'syn-recv', 'fin-wait-1', 'fin-wait-2', 'time-wait', 'close', 'close-wait', 'last-ack',
          'listen', 'closing']
TCP, SOCKET = socket.IPPROTO_TCP, socket.SOL_SOCKET
OPTIONS = {'nodelay': (TCP, 1), 'cork': (TCP, 3), 'keepidle': (TCP, 4), 'keepintvl': (TCP, 5), 'keepcnt': (TCP, 6),
           'user-timeout': (TCP, 18), 'quickack': (TCP, 12), 'linger2': (TCP, 8), 'defer': (TCP, 9), 'maxseg': (TCP, 2),
           'fastopen': (TCP, 23), 'fastopen-connect': (TCP, 30), 'keepalive': (SOCKET, socket.SO_KEEPALIVE),
           'linger': (SOCKET, socket.SO_LINGER), 'pacing': (SOCKET, 47)}


class Wrong(Exception):
    pass


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Wire:
    """The link: answers ARP for every address but the other side's, and gives TCP segments with the time they came at."""

    def __init__(self, interface, mac, address):
        self.mac, self.address = bytes.fromhex(mac.replace(':', '')), socket.inet_aton(address)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR: what the card would still cut and sum
        self.socket.bind((interface, 3))
        self.cookie = b''   # of Fast Open, last seen
        self.segments = []  # (time, IP's tos, source, destination, segment)

    def send(self, kind, data):
        self.socket.send(bytes(10) + self.mac + PEER_MAC + struct.pack('!H', kind) + data)

    def send_tcp(self, source, tos, segment):
        sum_ = checksum(source + self.address + struct.pack('!HH', 6, len(segment)) + segment)
        segment = segment[:16] + struct.pack('!H', sum_) + segment[18:]
        header = struct.pack('!BBHHHBBH4s4s', 0x45, tos, 20 + len(segment), 0, 0x4000, 64, 6, 0, source, self.address)
        self.send(0x800, header[:10] + struct.pack('!H', checksum(header)) + header[12:] + segment)

    def pump(self, until):
        """Takes in what comes before then."""
        while True:
            left = until - time.monotonic()
            if not select.select([self.socket], [], [], max(left, 0))[0]:
                return
            frame, peer = self.socket.recvfrom(70000)
            if peer[2] != socket.PACKET_OUTGOING:
                self._take(frame[:10], frame[10:])

    def _take(self, vnet, frame):
        kind, body = struct.unpack('!H', frame[12:14])[0], frame[14:]
        if kind == 0x806 and body[6:8] == b'\0\1' and body[24:28] != body[14:18] != bytes(4):
            if body[14:18] == self.address:
                self.send(0x806, body[:6] + b'\0\2' + PEER_MAC + body[24:28] + self.mac + body[14:18])
        elif kind == 0x800 and body[9] == 6 and body[12:16] == self.address:
            header, length = (body[0] & 15) * 4, struct.unpack('!H', body[2:4])[0]
            if checksum(body[:header]):
                raise Wrong('a wrong checksum of IP')
            segment = body[header:length]
            if not vnet[0] & 1 and checksum(body[12:20] + struct.pack('!HH', 6, len(segment)) + segment):
                raise Wrong('a wrong checksum of TCP')
            size = struct.unpack('<H', vnet[4:6])[0] if vnet[1] & 0x7f else 0
            for piece in self._cut(segment, size):
                self.segments.append((time.monotonic(), body[1], body[12:16], body[16:20], piece))

    @staticmethod
    def _cut(segment, size):
        """As a card segments: PSH and FIN are the last one's, CWR the first one's."""
        header = (segment[12] >> 4) * 4
        data = segment[header:]
        if not size or len(data) <= size:
            return [segment]
        pieces, seq = [], struct.unpack('!I', segment[4:8])[0]
        for at in range(0, len(data), size):
            flags = segment[13]
            if at + size < len(data):
                flags &= ~(8 | 1)
            if at:
                flags &= ~0x80
            pieces.append(segment[:4] + struct.pack('!I', (seq + at) & 0xffffffff) + segment[8:13] + bytes([flags]) +
                          segment[14:header] + data[at:at + size])
        return pieces


class Actor:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline().strip() != b'ready':
            raise SystemExit('segments: the actor does not start')

    def __call__(self, *words):
        """(return value, errno)"""
        self.process.stdin.write((' '.join(map(str, words)) + '\n').encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            raise SystemExit(f'segments: the actor is gone (at {" ".join(map(str, words))})')
        return int(answer[0]), int(answer[1])


class Section:
    """One run of commands from sockets that do not exist to where `new` or the end of the file ends it."""

    def __init__(self, wire, actor, peer, port):
        self.wire, self.actor, self.peer, self.peer_port = wire, actor, socket.inet_aton(peer), port
        self.peer_text, self.our_port, self.our_iss, self.tsval = peer, OUR_PORT, None, 0
        self.base, self.waited, self.call = time.monotonic(), False, (0, 0)

    # ---- segments ----

    def segment_in(self, w):
        flags, words, urg, win, tos = sum(1 << LETTERS.index(c) for c in w[0] if c in LETTERS), w[2:], 0, 65535, 0
        seq, _, end = (w[1] if len(w) > 1 else '0').partition(':')
        seq, end, ack, options = int(seq), int(end or seq), 0, b''
        while words:
            word = words.pop(0)
            if word == 'ack':
                ack, flags = (self.our_iss or 0) + int(words.pop(0)), flags | 16
            elif word == 'win':
                win = int(words.pop(0))
            elif word == 'urg':
                urg = int(words.pop(0))
            elif word in ('ce', 'ect'):
                tos = 3 if word == 'ce' else 2
            elif word == 'mss':
                options += struct.pack('!BBH', 2, 4, int(words.pop(0)))
            elif word == 'wscale':
                options += bytes([1, 3, 3, int(words.pop(0))])
            elif word == 'sackok':
                options += bytes([1, 1, 4, 2])
            elif word == 'ts':
                options += struct.pack('!BBBBII', 1, 1, 8, 10, int(words.pop(0)), self.tsval if flags & 16 else 0)
            elif word == 'fo':
                what = words.pop(0)
                value = self.wire.cookie if what == 'got' else b'' if what == '-' else bytes.fromhex(what)
                options += bytes([34, 2 + len(value)]) + value
                options += b'\1' * (-len(options) % 4)
            elif word == 'sack':
                blocks = b''
                while words and re.fullmatch(r'\d+-\d+', words[0]):
                    blocks += b''.join(struct.pack('!I', (self.our_iss + int(n)) & 0xffffffff) for n in words.pop(0).split('-'))
                options += bytes([1, 1, 5, 2 + len(blocks)]) + blocks
            else:
                raise Wrong(f'what is {word}?')
        self.wire.send_tcp(self.peer, tos, struct.pack(
            '!HHIIBBHHH', self.peer_port, self.our_port, (PEER_ISS + seq) & 0xffffffff, ack & 0xffffffff,
            (20 + len(options)) // 4 << 4, flags, win, 0, urg) + options + b'x' * (end - seq))
        self.base = time.monotonic()

    def describe(self, tos, s):
        sport, _, seq, ack, doff, flags, win, _, urg = struct.unpack('!HHIIBBHHH', s[:20])
        header = (doff >> 4) * 4
        length, options, words, sacks = len(s) - header, s[20:header], [], []
        if flags & 2:
            self.our_iss = seq
            self.our_port = sport
        iss = self.our_iss or 0
        while options and options[0]:
            if options[0] == 1:
                options = options[1:]
                continue
            kind, size = options[0], options[1]
            value, options = options[2:size], options[size:]
            if kind == 2:
                words += ['mss', str(struct.unpack('!H', value)[0])]
            elif kind == 3:
                words += ['wscale', str(value[0])]
            elif kind == 4:
                words += ['sackok']
            elif kind == 8:
                self.tsval = struct.unpack('!II', value)[0]
            elif kind == 34:
                self.wire.cookie = value
                words += ['fo', value.hex() or '-']
            elif kind == 5:
                ends = [(n - PEER_ISS) & 0xffffffff for n in struct.unpack(f'!{len(value) // 4}I', value)]
                sacks = [f'{a}-{b}' for a, b in zip(ends[::2], ends[1::2])]
        order = {'mss': 0, 'sackok': 1, 'wscale': 2, 'fo': 3}
        groups, at = [], 0
        while at < len(words):
            size = 1 if words[at] == 'sackok' else 2
            groups.append(words[at:at + size])
            at += size
        letters = ''.join(c for i, c in enumerate(LETTERS) if flags & 1 << i and not (i == 4 and (flags != 16 or length)))
        start = (seq - iss) & 0xffffffff
        out = [letters or '-', f'{start}:{start + length}' if length else str(start)]
        out += ['ack', str((ack - PEER_ISS) & 0xffffffff)] if flags & 16 else []
        out += ['win', str(win)] + sum(sorted(groups, key=lambda g: order[g[0]]), [])
        out += ['sack'] + sacks if sacks else []
        out += ['urg', str(urg)] if flags & 32 else []
        return out + (['ect'] if tos & 3 else [])

    def mine(self):
        """Of what has come, what is of this section; the rest is of connections past."""
        self.wire.segments = [s for s in self.wire.segments if s[3] == self.peer and struct.unpack('!H', s[4][2:4])[0] == self.peer_port]
        return self.wire.segments

    def segment_out(self, w):
        deadline = max(self.base, time.monotonic()) + LATE_S
        while not self.mine() and time.monotonic() < deadline:
            self.wire.pump(min(deadline, time.monotonic() + 0.005))
        if not self.mine():
            raise Wrong('nothing was sent')
        at, tos, _, _, segment = self.wire.segments.pop(0)
        got = self.describe(tos, segment)
        if not self.matches(got, w):
            raise Wrong('sent was: ' + ' '.join(got))
        self.base = at

    @staticmethod
    def matches(got, wanted):
        at = 0
        for i, word in enumerate(wanted):
            while at < len(got) and word not in (got[at], '*'):
                if i < 2:
                    return False
                at += 1
            if at == len(got):
                return False
            at += 1
        return True

    def nothing(self):
        """After a wait, what comes about when it ends may be what the next command asks for."""
        before = self.base - EARLY_S if self.waited else time.monotonic() + SETTLE_S
        self.wire.pump(max(before, time.monotonic()) if self.waited else before)
        if self.mine() and self.wire.segments[0][0] < before:
            _, tos, _, _, segment = self.wire.segments[0]
            raise Wrong('sent was, too: ' + ' '.join(self.describe(tos, segment)))

    # ---- the program ----

    def until(self, what, *words):
        """Asks again until the answer is that."""
        deadline = time.monotonic() + LATE_S
        while (got := self.actor(*words)[0]) != what:
            if time.monotonic() > deadline:
                raise Wrong(f'{words[0]}: it is {got}')
            self.wire.pump(time.monotonic() + 0.01)

    def recv(self, wanted):
        got, deadline = 0, time.monotonic() + LATE_S
        while time.monotonic() < deadline:
            self.call = self.actor('recv', 1 << 20)
            if self.call[0] >= 0:
                got += self.call[0]
            if self.call[0] == 0 or self.call[0] < 0 and (self.call[1] != 11 or got >= wanted > 0 or wanted < 0):
                break
            self.wire.pump(time.monotonic() + 0.005)
        if wanted >= 0 and got != wanted or wanted < 0 and self.call[1] != -wanted:
            raise Wrong(f'received {got}, error {self.call[1]}')

    def program(self, w):
        name, arg = w[0], int(w[1]) if len(w) > 1 and re.fullmatch(r'-?\d+', w[1]) else 0
        if name == 'listen':
            self.call = self.actor('listen', OUR_PORT, arg or 5)
            if self.call[0]:
                raise Wrong(f'listen: errno {self.call[1]}')
        elif name == 'connect':
            self.call = self.actor('connect', self.peer_text, self.peer_port)
        elif name == 'fast-send':
            self.call = self.actor('fast-send', self.peer_text, self.peer_port, arg)
            if self.call[0] not in (-1, arg):
                raise Wrong(f'sent {self.call[0]}')
        elif name == 'send':
            flags = sum({'more': 0x8000, 'oob': 1}[x] for x in w[2:])
            self.call = self.actor('send', arg, flags)
            if self.call[0] not in (-1, arg):
                raise Wrong(f'sent {self.call[0]}')
        elif name == 'accept':
            self.until(0, 'accept')
        elif name == 'no-accept':
            self.wire.pump(time.monotonic() + SETTLE_S)
            if self.actor('accept')[1] != 11:
                raise Wrong('there is something to accept')
        elif name == 'recv':
            self.recv(arg)
        elif name in ('socket', 'shutdown', 'close'):
            self.call = self.actor(name)
        elif name == 'state':
            self.until(STATES.index(w[1]), 'state')
        elif name == 'info':
            self.until(int(w[2]), 'info', w[1])
        elif name == 'error':
            if self.call[1] != arg:
                raise Wrong(f'the error was {self.call[1]}')
        elif name == 'so-error':
            self.until(arg, 'error')
        elif name == 'poll':
            self.until(int(w[1], 16), 'poll')
        elif name == 'sysctl':
            if self.actor('sysctl', w[1], w[2])[0]:
                raise Wrong('sysctl')
        elif name == 'set' and w[1] == 'reno':
            self.call = self.actor('option', TCP, 13, 'reno')
        elif name == 'set' and w[1] == 'rcvbuf':
            self.call = self.actor('set', SOCKET, socket.SO_RCVBUF, int(w[2]) // 2)
        elif name == 'set':
            self.call = self.actor('set', *OPTIONS[w[1]], w[2])
            if self.call[0]:
                raise Wrong(f'set: errno {self.call[1]}')
        else:
            raise Wrong(f'what is {name}?')

    def line(self, w):
        if w[0] == 'in':
            self.segment_in(w[1:])
        elif w[0] == 'out':
            self.segment_out(w[1:])
        elif w[0] == 'none':
            self.nothing()
        elif w[0] == 'wait':
            self.base += int(w[1]) / 1000
            self.waited = True
            self.wire.pump(self.base)
            return
        elif w[0] == 'established':
            wanted = w[1] if len(w) > 1 else ''
            sack, ts = 'sackok' if 'sack' in wanted else '', 'ts 1' if 'ts' in wanted else ''
            for text in ('listen', f'in S 0 mss 1460 wscale 7 {sack} {ts}', 'out S 0 ack 1',
                         f'in A 1 ack 1 win 512 {ts}', 'accept'):
                self.line(text.split())
        else:
            self.program(w)
        self.waited = self.waited and w[0] == 'none'


def sections(path):
    """(first line's number, [(number, words)])"""
    found = [[]]
    for number, line in enumerate(open(path), 1):
        words = line.split('#')[0].split()
        if words[:1] == ['new']:
            found.append([])
        elif words:
            found[-1].append((number, words))
    return [s for s in found if s]


def attempt(wire, actor, peer, port, section):
    """What went wrong, or None."""
    run, number, words = Section(wire, actor, peer, port), 0, []
    try:
        for number, words in section:
            run.line(words)
        run.nothing()
        return None
    except Wrong as e:
        return f'{number}: {" ".join(words)}: {e}'
    finally:
        actor('reset')
        for name, value in (('fastopen', 1), ('ecn', 2)):
            actor('sysctl', name, value)
        wire.pump(time.monotonic() + SETTLE_S)
        wire.segments.clear()


def main():
    at = sys.argv.index('--')
    wire = Wire(*sys.argv[1:4])
    actor = Actor(sys.argv[at + 1:])
    passed = failed = left_out = 0
    port = 4000
    for number, path in enumerate(sys.argv[4:at]):
        virtual = 'virtual time only' in open(path).readline()
        for section in sections(path):
            if virtual or sum(int(w[1]) for _, w in section if w[0] == 'wait') > LONGEST_MS:
                left_out += 1
                continue
            for _ in range(TRIES):  # on a busy machine 40 ms pass between two segments
                port += 1
                wrong = attempt(wire, actor, f'10.80.0.{10 + number}', port, section)
                if not wrong:
                    break
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                print(f'{path.rsplit("/", 1)[1]}:{wrong}')
    print(f'{passed} sections passed, {failed} failed, {left_out} left out')
    sys.exit(1 if failed or not passed else 0)


main()
