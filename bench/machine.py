# SPDX-License-Identifier: BSD-2-Clause
"""One QEMU run: time to the first output byte, output, exit, and the instruction counter's figures."""
import os
import select
import subprocess
import tempfile
import time


class Run:
    """What one run showed. `first_s` is None when nothing was printed; `total_s` is until QEMU's end."""

    def __init__(self):
        self.first_s = None
        self.total_s = None
        self.output = b''
        self.timed_out = False
        self.counts = {}
        self.spans = {}  # virtual CPU: instructions between marks, in order

    def ok(self, expect):
        return not self.timed_out and expect in self.output

    @property
    def insns(self):
        return self.counts.get('insns')


def _collect(process, run, start, deadline, stop_at):
    """Read until end of file, the deadline, or (stop_at) the expected bytes."""
    fd = process.stdout.fileno()
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            run.timed_out = True
            return
        data = os.read(fd, 65536)
        if data and run.first_s is None:
            run.first_s = time.monotonic() - start
        run.output += data.replace(b'\r', b'')  # a terminal adds them
        if not data or (stop_at and stop_at in run.output):
            return


def _read_counts(path, run):
    with open(path) as f:
        for line in f:
            word = line.split()
            if len(word) == 2:
                run.counts[word[0]] = int(word[1])
            elif word[0] == 'mark':
                run.counts['mark'] = int(word[2])
            elif word[0] == 'span':
                run.spans.setdefault(int(word[1]), []).append(int(word[3]))


def symbol(elf, name):
    """Address of a symbol."""
    for line in subprocess.run(['nm', elf], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        if line.split()[-1] == name:
            return int(line.split()[0], 16)
    raise KeyError(name)


def launch(argv, plugin=None, timeout_s=20, stop_at=None):
    """Run QEMU once; its standard output is the guest program's. With plugin, count instructions."""
    run = Run()
    with tempfile.NamedTemporaryFile(prefix='proa-bench-') as out:
        if plugin:
            argv = argv + ['-plugin', f'{plugin},out={out.name}']
        start = time.monotonic()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, close_fds=False)
        _collect(process, run, start, start + timeout_s, stop_at)
        if run.timed_out or stop_at:
            process.kill()
        process.stdout.close()
        process.wait()
        run.total_s = time.monotonic() - start
        if plugin and not run.timed_out:
            _read_counts(out.name, run)
    return run
