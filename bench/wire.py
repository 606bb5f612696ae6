# SPDX-License-Identifier: BSD-2-Clause
"""A server in a guest behind a tap in a network namespace of its own, and clients beside the tap's other end."""
import os
import re
import subprocess
import tempfile
import time

import guests
import machine

HOST, GUEST = '10.78.0.1', '10.78.0.2'


def _run(*argv, **more):
    return subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


class Namespace:
    """Two taps, one of many queues, of which one has the address. The guest's hardware address is known beforehand: asking for
    it again after a second would be what a boot takes."""

    def __init__(self, name):
        self.name = f'proabench-{name}-{os.getpid()}'

    def __enter__(self):
        _run('ip', 'netns', 'add', self.name)
        for words in ('link set lo up', 'tuntap add dev tap0 mode tap', 'tuntap add dev tapmq mode tap multi_queue',
                      'tuntap add dev tapbad mode tap'):  # BadLink's: a card's offloads stay with its tap
            _run('ip', '-n', self.name, *words.split())
        self.use('tap0')
        return self

    def use(self, tap):
        """The address goes to this tap."""
        for other in ('tap0', 'tapmq', 'tapbad'):
            subprocess.run(['ip', '-n', self.name, 'addr', 'flush', 'dev', other], check=False)
        _run('ip', '-n', self.name, 'addr', 'add', f'{HOST}/24', 'dev', tap)
        _run('ip', '-n', self.name, 'link', 'set', tap, 'up')
        _run('ip', '-n', self.name, 'neigh', 'replace', GUEST, 'lladdr', guests.MAC, 'dev', tap, 'nud', 'permanent')

    def __exit__(self, *_):
        subprocess.run(['ip', 'netns', 'del', self.name], check=False)

    def prefix(self):
        return ['ip', 'netns', 'exec', self.name]

    def client(self, *argv, timeout_s=60):
        """Its output, or None if it failed."""
        try:
            done = subprocess.run([*self.prefix(), *map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  stdin=subprocess.DEVNULL, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired:
            return None
        return done.stdout.decode(errors='replace') if done.returncode == 0 else None


class BadLink:
    """A wire between the namespace's tap and a guest at PORTS that treats frames as the words of tests/net/badlink.c say."""
    PORTS = (47102, 47101)

    def __init__(self, namespace, program, words):
        self.argv = [*namespace.prefix(), program, 'tapbad', str(self.PORTS[1]), str(self.PORTS[0]), *words.split()]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Server:
    """QEMU with a server, from its start to its end. probe: a command that succeeds once it answers."""

    def __init__(self, namespace, kernel, image, args, probe, mem_mb=64, cpus=None, plugin=None, stream='stdout', ports=None):
        self.namespace = namespace
        queues = cpus or 1
        net = guests.Net(tap='tapbad' if ports else 'tapmq' if queues > 1 else 'tap0', ip=GUEST, gateway=HOST, queues=queues, ports=ports)
        self.argv = kernel.argv(image, args, mem_mb, cpus, {}, stream, net)
        self.tap, self.probe, self.plugin = net.tap, probe, plugin
        self.counts, self.output = machine.Run(), b''

    def __enter__(self):
        self.namespace.use(self.tap)
        self.out = tempfile.NamedTemporaryFile(prefix='proa-bench-')
        self.printed = tempfile.TemporaryFile(prefix='proa-bench-')
        argv = self.argv + (['-plugin', f'{self.plugin},out={self.out.name}'] if self.plugin else [])
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.namespace.prefix() + argv, stdin=subprocess.DEVNULL, stdout=self.printed,
                                        stderr=subprocess.DEVNULL)
        return self

    def ready(self, timeout_s=20):
        """Seconds from the exec of QEMU to the first answer, or None."""
        while time.monotonic() - self.started < timeout_s and self.process.poll() is None:
            if self.namespace.client(*self.probe, timeout_s=timeout_s) is not None:
                return time.monotonic() - self.started
            time.sleep(0.05)
        return None

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()  # QEMU ends in order: the plugin writes its counts
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.plugin and os.path.getsize(self.out.name):
            machine._read_counts(self.out.name, self.counts)
        self.printed.seek(0)
        self.output = self.printed.read()
        self.out.close()
        self.printed.close()


# ---- clients: each returns a rate or None ----

def redis(namespace, requests, pipeline=1):
    """Requests a second, the mean of SET's and GET's."""
    text = namespace.client('redis-benchmark', '-h', GUEST, '-c', 20, '-n', requests, '-P', pipeline, '-t', 'set,get', '--csv')
    rates = [float(r) for r in re.findall(r'^"[SG]ET","([0-9.]+)"', text or '', re.M)]
    return sum(rates) / 2 if len(rates) == 2 else None


def wrk(namespace, path='/', connections=32, seconds=3, header=None):
    """(requests a second, requests), errors counting as failure."""
    more = ['-H', header] if header else []
    text = namespace.client('wrk', '-t1', f'-c{connections}', f'-d{seconds}', *more, f'http://{GUEST}{path}')
    rate = re.search(r'^Requests/sec: +([0-9.]+)', text or '', re.M)
    total = re.search(r'([0-9]+) requests in', text or '')
    if not rate or not total or float(rate[1]) == 0 or re.search(r'Non-2xx', text):
        return None
    return float(rate[1]), int(total[1])


def download(namespace, path):
    """Mbit/s of one file over one connection."""
    text = namespace.client('curl', '-sf', '-o', '/dev/null', '-w', '%{speed_download}', f'http://{GUEST}{path}', timeout_s=120)
    return round(float(text) * 8 / 1e6, 2) if text else None


def iperf3(namespace, reverse, seconds=3):
    """Mbit/s."""
    for _ in range(10):  # a server that has just ended a test refuses for a moment
        text = namespace.client('iperf3', '-c', GUEST, '-t', seconds, '-f', 'm', *(['-R'] if reverse else []))
        if text:
            break
        time.sleep(0.2)
    found = re.findall(r'([0-9.]+) Mbits/sec +receiver', text or '')
    return float(found[-1]) if found else None


def pace(namespace, program, rate, connections=32, seconds=4):
    """The 99th percentile in µs."""
    found = re.search(r'p99_us=([0-9]+)', namespace.client(program, GUEST, 80, connections, rate, seconds) or '')
    return int(found[1]) if found else None
