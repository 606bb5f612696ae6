# SPDX-License-Identifier: BSD-2-Clause
"""The figures: what each is, what must be reached and what is aimed for; and the table they make."""
import collections
import os
import platform
import statistics
import subprocess
import time

FAILS = 'fails'
MORE_IS_BETTER = ('x', 'score')
Figure = collections.namedtuple('Figure', 'key label must aim unit')


class OfLinux(collections.namedtuple('OfLinux', 'factor')):
    """A limit that is a part of what Linux needs in the same run."""

    def __str__(self):
        return f'{self.factor:.3g} × Linux'


# must and aim are upper limits in the figure's unit (lower ones where more is better), or OfLinux.
FIGURES = [
    Figure('first/nolibc', 'first output above an empty kernel: program without libc', 12, 6, 'ms'),
    Figure('first/hello', 'first output above an empty kernel: static glibc hello', 22, 14, 'ms'),
    Figure('insns/hello', 'instructions, reset to power-off: static glibc hello', 600e3, 200e3, 'insns'),
    Figure('insns/hello-dyn', 'instructions, reset to power-off: dynamic glibc hello', 1.5e6, 700e3, 'insns'),
    Figure('insns/python', "instructions, reset to power-off: python3 -c 'print(1)'", 52e6, 48e6, 'insns'),
    Figure('insns/python-stale', 'same, python compiling its stale modules anew', 52e6, 48e6, 'insns'),
    Figure('own/hello', "of these, the program's own: static hello", None, None, 'insns'),
    Figure('own/hello-dyn', "of these, the program's own: dynamic hello", None, None, 'insns'),
    Figure('own/python', "of these, the program's own: python3", None, None, 'insns'),
    Figure('blocks/hello', 'blocks of code TCG translated, reset to power-off: static hello', None, None, 'insns'),
    Figure('blocks/hello-dyn', 'blocks of code TCG translated, reset to power-off: dynamic hello', None, None, 'insns'),
    Figure('mem/hello', 'smallest memory: static hello', 4, 2, 'MB'),
    Figure('mem/hello-dyn', 'smallest memory: dynamic hello', 6, 3, 'MB'),
    Figure('mem/python', 'smallest memory: python3', 14, 11, 'MB'),
    Figure('elf', 'kernel ELF, stripped', 500e3, 300e3, 'bytes'),
    Figure('op/null', 'getppid', 70, 45, 'insns'),
    Figure('op/clock', 'clock_gettime', 45, 35, 'insns'),
    Figure('op/pipe1', 'pipe write + read of 1 byte', 500, 350, 'insns'),
    Figure('op/eventfd', 'eventfd write + epoll_wait + read', 550, 400, 'insns'),
    Figure('op/futex', 'futex round trip, 2 threads, 1 CPU', 1000, 700, 'insns'),
    Figure('op/openclose', 'open + fstat + close', 1400, 900, 'insns'),
    Figure('op/mmap4k', 'mmap + touch + munmap of 4 KB', 3500, 2000, 'insns'),
    Figure('op/touch', 'touch 64 MB in 4 KB pages', 22e6, 14e6, 'insns'),
    Figure('op/touchthp', 'touch 64 MB in 2 MB pages', 9e6, 5e6, 'insns'),
    Figure('op/fileread', 'read a cached 64 MB file in 64 KB pieces', 12e6, 9e6, 'insns'),
    Figure('op/read4k', 'read a cached 64 MB file in 4 KB pieces', 15e6, 10e6, 'insns'),
    Figure('op/ctxpipe', 'pipe round trip, 2 threads, 1 CPU', 2000, 1300, 'insns'),
    Figure('op/unix', 'unix socket round trip, 2 threads, 1 CPU', 2600, 1800, 'insns'),
    Figure('op/tcplo', 'loopback TCP round trip, 2 threads, 1 CPU', 6000, 4000, 'insns'),
    Figure('op/thread', 'pthread create + join', 7000, 4500, 'insns'),
    Figure('op/sigself', 'signal to own thread and back', OfLinux(1 / 3), OfLinux(1 / 4), 'insns'),
    Figure('time/futex1', 'futex round trip, 2 threads, 1 CPU', None, None, 'µs'),
    Figure('time/futex2', 'futex round trip, 2 threads, 2 CPUs', 15, 6, 'µs'),
    Figure('idle/65536', 'memory of an idle thread with a stack of 64 KB, beyond what it touched', 6144, 3072, 'bytes'),
    Figure('idle/0', "same with the C library's default of 8 MB, which takes a page table each", None, None, 'bytes'),
    *(Figure(f'scale/{work}', f'2 threads on 2 CPUs against 1 on 1, {what}', must, aim, 'x')
      for work, what, must, aim in (('spin', 'no system call (what the host gives)', None, None),
                                    ('null', 'getppid', None, None),
                                    ('fault', 'page faults', 1.8, 1.95), ('pipe', 'pipe', 1.8, 1.95),
                                    ('futex', 'futex', 1.8, 1.95), ('read', 'file reads of 4 KB', 1.8, 1.95),
                                    ('mmap', 'mmap + touch + munmap of 4 KB', 1.8, 1.95),
                                    ('switch', 'futex round trips with a thread on the same CPU', None, None))),
    *(Figure(f'grow/{work}', f'instructions per operation at 8 CPUs against 1, {what}', must, aim, '%')
      for work, what, must, aim in (('null', 'getppid', 10, 3), ('fault', 'page fault', 10, 3),
                                    ('pipe', 'pipe', 10, 3), ('futex', 'futex', 10, 3),
                                    ('read', 'file read of 4 KB', 10, 3),
                                    ('mmap', 'mmap + touch + munmap of 4 KB', 10, 3),
                                    ('switch', 'futex round trip with a thread on the same CPU', 10, 3))),
    Figure('boot/java', 'exec of QEMU to its end, 2 CPUs: java -version', OfLinux(1), OfLinux(0.8), 'ms'),
    Figure('boot/node', 'exec of QEMU to its end, 2 CPUs: node -e 0', OfLinux(1), OfLinux(0.8), 'ms'),
    Figure('boot/go', 'exec of QEMU to its end, 2 CPUs: Go hello', OfLinux(1), OfLinux(0.8), 'ms'),
    Figure('bootinsns/java', 'instructions, reset to power-off, 1 CPU: java -version', OfLinux(1), OfLinux(0.8), 'insns'),
    Figure('bootinsns/node', 'instructions, reset to power-off, 1 CPU: node -e 0', OfLinux(1), OfLinux(0.8), 'insns'),
    Figure('bootinsns/go', 'instructions, reset to power-off, 1 CPU: Go hello', OfLinux(1), OfLinux(0.8), 'insns'),
    Figure('app/javac', 'javac, 2 threads each compiling Metalworks, 2 CPUs', OfLinux(1 / 1.1), OfLinux(1 / 1.3), 'ms'),
    Figure('app/stress-cpu', 'stress-ng cpu, 2 CPUs, bogo operations/s', OfLinux(1.1), OfLinux(1.3), 'score'),
    Figure('app/stress-vm', 'stress-ng vm, 2 CPUs, bogo operations/s', OfLinux(1.1), OfLinux(1.3), 'score'),
    Figure('app/stress-futex', 'stress-ng futex, 2 CPUs, bogo operations/s', OfLinux(1.1), OfLinux(1.3), 'score'),
    Figure('app/cyclictest', 'cyclictest, 2 CPUs, loaded, 99.9th percentile', OfLinux(1), OfLinux(0.5), 'µs'),
    Figure('pack/cold', 'host side of `proa run python3`, packing', 700, 300, 'ms'),
    Figure('pack/cached', 'host side of `proa run python3`, cached', 80, 20, 'ms'),
]

# `own` and `blocks` are measured with `insns`.

# The micro-benchmark's tests: operations at N (and 2N), memory in MB, image.
OPERATIONS = {
    'null': (100000, 64, 'hello.erofs'),
    'clock': (100000, 64, 'hello.erofs'),
    'pipe1': (20000, 64, 'hello.erofs'),
    'eventfd': (20000, 64, 'hello.erofs'),
    'futex': (20000, 64, 'hello.erofs'),
    'mmap4k': (2000, 64, 'hello.erofs'),
    'touch': (1, 256, 'hello.erofs'),
    'touchthp': (2, 1024, 'hello.erofs'),  # Linux makes huge pages only with 512 MB and more
    'ctxpipe': (5000, 64, 'hello.erofs'),
    'unix': (5000, 64, 'hello.erofs'),
    'tcplo': (3000, 64, 'hello.erofs'),
    'thread': (20000, 64, 'hello.erofs'),
    'sigself': (10000, 64, 'hello.erofs'),
    'openclose': (50000, 256, 'data.erofs'),
    'fileread': (2, 256, 'data.erofs'),
    'read4k': (2, 256, 'data.erofs'),
}


class Times:
    """Seconds of interleaved runs, shown in ms above the empty kernel's: median, and least against least."""

    def __init__(self, seconds, empty):
        self.number = 1000 * (statistics.median(seconds) - statistics.median(empty))
        self.total_ms = 1000 * statistics.median(seconds)
        self.least_ms = 1000 * (min(seconds) - min(empty))

    def __str__(self):
        return f'{self.number:.1f} ms (least {self.least_ms:.1f})'


class Spread:
    """Interleaved runs: median and best."""

    def __init__(self, values, unit):
        self.number = statistics.median(values)
        self.best = max(values) if unit in MORE_IS_BETTER else min(values)
        self.unit = unit

    def __str__(self):
        word = 'most' if self.unit in MORE_IS_BETTER else 'least'
        return f'{_number(self.number, self.unit)} ({word} {_number(self.best, self.unit)})'


class Scale:
    """How much two do in the time of one, each the least of many turns; beside it the same against a VM with one CPU."""

    def __init__(self, one_ns, two_ns, alone_ns):
        self.number = 2 * one_ns / two_ns
        self.alone = 2 * alone_ns / two_ns

    def __str__(self):
        return f'{self.number:.2f} x ({self.alone:.2f})'


class Growth:
    """Instructions of an operation with one CPU and with more."""

    def __init__(self, before, after):
        self.number = 100 * (after / before - 1)
        self.before, self.after = before, after

    def __str__(self):
        return f'{self.number:+.1f} % ({self.before:,.0f} → {self.after:,.0f})'


def _number(value, unit):
    if isinstance(value, OfLinux):
        return str(value)
    if unit in ('insns', 'bytes'):
        for limit, suffix in ((1e6, 'M'), (1e4, 'k')):
            if value >= limit:
                text = f'{value * (1 if suffix == "M" else 1000) / 1e6:.3g} {suffix}'
                return text + ('B' if unit == 'bytes' else '')
        return f'{value:,.0f}' + (' B' if unit == 'bytes' else '')
    text = f'{value:,.0f}' if value >= 1000 else f'{value:.3g}'
    return text if unit == 'score' else f'{text} {unit}'


def _cell(value, unit):
    if value is None:
        return '–'
    return _number(value, unit) if isinstance(value, (int, float, OfLinux)) else str(value)


def _within(figure, limit, n, linux):
    if isinstance(limit, OfLinux):
        if linux in (None, FAILS):
            return False
        limit = limit.factor * getattr(linux, 'number', linux)
    return n >= limit if figure.unit in MORE_IS_BETTER else n <= limit


def _verdict(figure, value, linux):
    if value is None or figure.must is None:
        return ''
    if value == FAILS:
        return '**fails**'
    if isinstance(figure.must, OfLinux) and linux in (None, FAILS):
        return ''
    n = getattr(value, 'number', value)
    if _within(figure, figure.aim, n, linux):
        return 'aim'
    return 'must' if _within(figure, figure.must, n, linux) else '**missed**'


def table(values, rows=None):
    """Markdown, of all figures or of these. The last column says whether Proa reached the aim, the must, or missed both."""
    lines = ['| figure | Linux | Proa | must | aim | reached |', '|---|--:|--:|--:|--:|---|']
    for f in FIGURES if rows is None else rows:
        proa, linux = (values.get((f.key, kernel)) for kernel in ('proa', 'linux'))
        lines.append(f'| {f.label} | {_cell(linux, f.unit)} | {_cell(proa, f.unit)} | '
                     f'{_cell(f.must, f.unit)} | {_cell(f.aim, f.unit)} | {_verdict(f, proa, linux)} |')
    return '\n'.join(lines)


def _first_line(command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split('\n')[0]


def _machine():
    with open('/proc/cpuinfo') as f:
        model = next(line.split(':')[1].strip() for line in f if line.startswith('model name'))
    return f'{model}, {os.cpu_count()} CPUs, Linux {platform.release()}'


def heading(options, command):
    """What stands above a table of results."""
    sides = {(1, 1): 'both sides', (1, 0): 'the Linux side only: Proa is not measured here',
             (0, 1): 'the Proa side only'}[bool(options.linux), bool(options.proa)]
    return f'''# Results

Measured {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, {sides}, by `make {command}` (`bench/README.md` says how).
Machine: {_machine()}.
VMM: {_first_line(['qemu-system-x86_64', '--version'])}, TCG, `-cpu max,-erms`, one virtual CPU where nothing else is said.
'''


def report(text, values, options):
    empty = values.get(('first/empty', 'empty'))
    return heading(options, 'bench') + f'''
{text}

"Reached" says whether Proa's figure meets the aim, the must, or neither. Times are medians of {options.rounds} interleaved
runs above the empty kernel's median{f" ({_empty_ms(empty)})" if empty else ""}; in brackets the least above the empty kernel's
least.
A second number of "2 threads on 2 CPUs" is the same against one thread in a VM with one CPU.
'''


def _empty_ms(empty):
    return f'{empty.total_ms:.0f} ms from exec to its byte'
