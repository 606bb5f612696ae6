# SPDX-License-Identifier: BSD-2-Clause
"""The figures of threads and of several CPUs: times on two, instructions on eight, idle threads' memory."""
import os
import re

import figures
import guests
import machine

CPUS_MANY = 8
COUNT = 512  # operations of each thread, by the work's own factor
IDLE_THREADS = 2400
TURNS = 25


def _lines(run, word):
    """Lines 'WORD name key=value ...' of a program's output, by name."""
    found = {}
    for line in run.output.decode(errors='replace').splitlines():
        part = line.split()
        if len(part) > 2 and part[0] == word:
            found[part[1]] = {k: float(v) for k, v in (p.split('=') for p in part[2:])}
    return found


class Threads:
    def __init__(self, bench):
        self.bench = bench
        self.kernels = bench.kernels

    def _parallel(self, kernel, args, cpus, mem_mb=256, plugin=None, in_turn=False):
        image = os.path.join(self.bench.dir, 'data.erofs')
        argv = kernel.argv(image, ['/parallel', *map(str, args)], mem_mb, cpus)
        run = machine.launch(guests.in_turn(argv) if in_turn else argv, plugin, timeout_s=60)
        return run if run.ok(b'PARALLEL done') else None

    # the round trip's time by the guest's clock, the kernels in turn
    def times(self, keys):
        values = {}
        for _ in range(self.bench.rounds):
            for key in keys:
                cpus = 2 if key.endswith('2') else None
                for kernel in self.kernels:
                    image = os.path.join(self.bench.dir, 'hello.erofs')
                    argv = kernel.argv(image, ['/micro', 'futex', '1000'], 64, cpus)
                    found = re.search(rb'MB futex .*ns_per_op=([0-9.]+)', machine.launch(argv).output)
                    values.setdefault((key, kernel.name), []).append(float(found[1]) / 1000 if found else None)
        for (key, name), us in values.items():
            self.bench.note(key, name, figures.FAILS if None in us else figures.Spread(us, 'µs'))

    # one thread and two, in short turns within a VM, the kernels in turn; the least of all turns counts, for only a turn
    # that the host never interrupted shows what the kernel does
    def scale(self, keys):
        least = {}
        for _ in range(max(3, self.bench.rounds // 3)):
            for kernel in self.kernels:
                for cpus in (1, 2):
                    run = self._parallel(kernel, ['scale', TURNS], cpus)
                    for work, v in _lines(run, 'SCALE').items() if run else ():
                        for what in ('one', 'two'):
                            at = kernel.name, cpus, work, what
                            least[at] = min(v[what], least.get(at, v[what]))
        for key in keys:
            work = key.split('/')[1]
            for kernel in self.kernels:
                ns = [least.get((kernel.name, *at)) for at in ((2, work, 'one'), (2, work, 'two'), (1, work, 'one'))]
                self.bench.note(key, kernel.name, figures.FAILS if None in ns else figures.Scale(*ns))

    # between the marks, on each CPU, by all threads; per operation; the least of three. The emulator's CPUs run in turn
    # on one host thread and pass the turn on when they wait: no instruction depends on the host's scheduling
    def growth(self, keys):
        program = os.path.join(self.bench.dir, 'parallel')
        marks = [machine.symbol(program, name) for name in ('work_begin', 'work_end')]
        plugin = f'{self.bench.plugin},percpu=on,from={marks[0]},to={marks[1]}'
        least = {}
        for _ in range(3):
            for kernel in self.kernels:
                for cpus in (1, CPUS_MANY):
                    run = self._parallel(kernel, ['count', COUNT, cpus], cpus, plugin=plugin, in_turn=True)
                    for i, (work, v) in enumerate(_lines(run, 'COUNT').items() if run else ()):
                        spans = [run.spans[c][i] for c in range(cpus)]
                        at = kernel.name, cpus, work
                        least[at] = min(sum(spans) / cpus / v['n'], least.get(at, 1e18))
        for key in keys:
            for kernel in self.kernels:
                n = [least.get((kernel.name, cpus, key.split('/')[1])) for cpus in (1, CPUS_MANY)]
                self.bench.note(key, kernel.name, figures.FAILS if None in n else figures.Growth(*n))

    def idle(self, key):
        for kernel in self.kernels:
            run = self._parallel(kernel, ['idle', IDLE_THREADS, key.split('/')[1]], None, mem_mb=1024)
            found = re.search(rb'IDLE .*used=([0-9]+) touched=([0-9]+)', run.output) if run else None
            self.bench.note(key, kernel.name, int(found[1]) - int(found[2]) if found else figures.FAILS)
