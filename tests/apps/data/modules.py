# SPDX-License-Identifier: BSD-2-Clause
"""Run modules of Python's own regression suite in this process and print each test's result.

A test that wants another process, a thread or the network is skipped, on every machine alike: what would
start one raises SkipTest. After `--net` threads and sockets are there, and resources (Python's word: the Internet,
much time) are not. Tracebacks go to standard error.
"""
import sys, os, re, unittest, random, importlib, _thread, _posixsubprocess, _socket, signal

os.environ.pop("PYTHONPATH", None)


class Refused(unittest.SkipTest, OSError):
    """Also an OSError: some modules probe for the network as they are imported."""


def refuse(what):
    def f(*args, **kwargs):
        raise Refused("needs " + what)
    return f


for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system"):
    setattr(os, name, refuse("a process"))
import subprocess, threading, socket
net = sys.argv[1] == "--net"
_posixsubprocess.fork_exec = refuse("a process")
if hasattr(subprocess, "_fork_exec"):
    subprocess._fork_exec = refuse("a process")
if not net:
    _thread.start_new_thread = threading._start_new_thread = refuse("a thread")
    for name in ("__init__", "connect", "bind", "listen"):
        setattr(socket.socket, name, refuse("the network"))
    socket.getaddrinfo = socket.create_connection = socket.socketpair = refuse("the network")

from test import support
support.verbose = 0
if net:
    support.use_resources = ["network"]


class Result(unittest.TestResult):
    def line(self, test, word):
        print(f"{test.id().removeprefix('test.')}: {word}", flush=True)

    def addSuccess(self, test):
        self.line(test, "ok")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(test, "FAIL")
        sys.stderr.write(self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line(test, "ERROR")
        sys.stderr.write(self.errors[-1][1])

    def addSkip(self, test, reason):
        # The words may name the machine; that it is skipped is what counts.
        self.line(test, "skipped")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.line(test, "FAIL " + str(subtest.params and sorted(map(str, subtest.params))))
            sys.stderr.write((self.failures or self.errors)[-1][1])

    def addExpectedFailure(self, test, err):
        self.line(test, "expected failure")


# What Proa does not have is left out on both sides: expressions that Class.method begins with or contains after a dot.
LEFT_OUT = (
    r"test_fcntl_64_bit",  # F_NOTIFY, directory notification by signals (inotify is there)
    # Families and protocols that most Linux kernels do not have either, or have without a peer to talk to
    r"\w*(Bluetooth|CAN|ISOTP|J1939|QIPCRTR|RDS|VSOCK|TIPC|SCTP|UDPLITE)\w*Test", "LinuxKernelCryptoAPI",
    # test_socketserver: the second process without the refusal's SkipTest
    r"ErrorHandlerTest.test_forking", r"SocketServerTest.test_Forking",
)
left_out = re.compile(r"(?:^|\.)(?:" + "|".join(LEFT_OUT) + ")").search


def without(suite):
    return unittest.TestSuite(without(t) if isinstance(t, unittest.TestSuite) else t for t in suite
                              if isinstance(t, unittest.TestSuite) or not left_out(t.id()))


failed = 0
for name in sys.argv[1 + net:]:
    random.seed(1)
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName("test." + name)
    except unittest.SkipTest:
        print(name + ": skipped")
        continue
    result = Result()
    without(suite).run(result)
    failed += len(result.failures) + len(result.errors)
    print(f"{name}: {result.testsRun} tests, {len(result.failures)} failures, {len(result.errors)} errors", flush=True)
sys.exit(1 if failed else 0)
