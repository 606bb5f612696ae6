# SPDX-License-Identifier: BSD-2-Clause
"""The figures of whole programs: language runtimes' starts, a compiler, stress-ng's scores, cyclictest's latencies."""
import collections
import os
import re

import figures
import machine

LATENCY_MAX_US = 10000
BOOT_ROUNDS = 3
APP_ROUNDS = 1

# image, arguments, environment, memory in MB, where it prints, what
App = collections.namedtuple('App', 'image args env mem_mb stream expect')
JAVA = '/usr/lib/jvm/bench/bin/java'
STRESS = ['/usr/bin/stress-ng', '--timeout', '3', '--metrics-brief', '--temp-path', '/tmp']
CYCLICTEST = ['/usr/bin/cyclictest', '-q', '-t', '2', '-a', '-p', '80', '-i', '1000', '-l', '3000', '-h', str(LATENCY_MAX_US)]
# The second compiler's code would run under the emulator for less time than it takes to make.
JAVAC = [JAVA, '-XX:TieredStopAtLevel=1', '-cp', '/', 'ParallelJavac', '/Metalworks', '2']


def _stress(name, *more):
    return App('tools.erofs', [*STRESS, f'--{name}', '2', *more], {}, 256, 'stderr',
               rb'stress-ng: metrc: +\[[0-9]+\] +%s +(.*)' % name.encode())


APPS = {
    'java': App('java.erofs', [JAVA, '-version'], {}, 512, 'stderr', rb'OpenJDK 64-Bit Server VM'),
    'node': App('node.erofs', ['/usr/bin/node', '-e', '0'], {}, 512, 'stdout', rb''),
    'go': App('tools.erofs', ['/hello-go'], {}, 64, 'stdout', rb'hello'),
    'javac': App('java.erofs', JAVAC, {}, 1024, 'stdout', rb'JAVAC .* ms=([0-9]+)'),
    'cyclictest': App('tools.erofs', CYCLICTEST, {'LD_PRELOAD': '/load.so'}, 256, 'stdout', rb'# Total: '),
    'stress-cpu': _stress('cpu'),
    'stress-vm': _stress('vm', '--vm-bytes', '16m'),
    'stress-futex': _stress('futex'),
}


def _percentile(output, part):
    """Of cyclictest's histogram, all threads together: the time in µs within which `part` of the wake-ups came."""
    rows = [list(map(int, line.split())) for line in output.decode(errors='replace').splitlines()
            if re.fullmatch(r'[0-9]{6}\s[0-9\s]+', line)]
    total = re.search(rb'# Total: ([0-9 ]+)', output)
    late = re.search(rb'# Histogram Overflows: ([0-9 ]+)', output)
    wanted = part * sum(int(n) for match in (total, late) if match for n in match[1].split())
    for us, *counts in rows:
        wanted -= sum(counts)
        if wanted <= 0:
            return us
    return LATENCY_MAX_US


class Apps:
    def __init__(self, bench):
        self.bench = bench

    def _launch(self, kernel, app, cpus, plugin=None, timeout_s=60):
        image = os.path.join(self.bench.dir, app.image)
        argv = kernel.argv(image, app.args, app.mem_mb, cpus, app.env, app.stream)
        run = machine.launch(argv, plugin, timeout_s)
        return run if not run.timed_out and re.search(app.expect, run.output) else None

    def boots(self, keys):
        seconds = {}
        for _ in range(BOOT_ROUNDS):
            for key in keys:
                for kernel in self.bench.kernels:
                    at = key, kernel.name
                    if None not in seconds.setdefault(at, []):
                        run = self._launch(kernel, APPS[key.split('/')[1]], 2)
                        seconds[at].append(run.total_s * 1000 if run else None)
        for (key, name), ms in seconds.items():
            self.bench.note(key, name, figures.FAILS if None in ms else figures.Spread(ms, 'ms'))

    def boot_insns(self, key):
        for kernel in self.bench.kernels:
            run = self._launch(kernel, APPS[key.split('/')[1]], None, self.bench.plugin, 120)
            self.bench.note(key, kernel.name, run.insns if run else figures.FAILS)

    def _figure(self, name, run):
        if name == 'cyclictest':
            return _percentile(run.output, 0.999)
        found = re.search(APPS[name].expect, run.output)[1].split()
        return float(found[0]) if name == 'javac' else float(found[4])  # bogo operations by real time

    def application(self, key):
        name = key.split('/')[1]
        unit = next(f.unit for f in figures.FIGURES if f.key == key)
        for kernel in self.bench.kernels:
            runs = [self._launch(kernel, APPS[name], 2, timeout_s=150) for _ in range(APP_ROUNDS)]
            values = [self._figure(name, run) if run else None for run in runs]
            value = figures.FAILS if None in values else values[0] if len(values) == 1 else figures.Spread(values, unit)
            self.bench.note(key, kernel.name, value)
