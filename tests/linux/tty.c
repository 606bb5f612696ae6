/* SPDX-License-Identifier: BSD-2-Clause */
/* A pseudo-terminal pair in one process: line discipline, termios, signals, window size, hang-up. */
#include "report.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int m, s;
static volatile int got, last;

static void on_signal(int sig)
{
    got++, last = sig;
}

/* Linux hands what is written to a pseudo-terminal over from another thread. */
static void settle(void)
{
    struct timespec ts = { 0, 10000000 };

    while (nanosleep(&ts, &ts))
        ;
}

static void show(const char *what, int fd)
{
    if (fd == m)
        settle();
    char buf[300], out[1000];
    int n = read(fd, buf, sizeof(buf)), len = 0;

    if (n < 0) {
        note("  %s: %s", what, strerrorname_np(errno));
        return;
    }
    for (int i = 0; i < n; i++)
        len += sprintf(out + len, buf[i] >= ' ' && buf[i] < 127 ? "%c" : "\\%03o", (unsigned char)buf[i]);
    note("  %s: %d '%.*s'", what, n, len, out);
}

static void type(const char *keys)
{
    MUST(write(m, keys, strlen(keys)));
    settle();
}

/* Linux passes keys on in a thread of its own, which a busy machine runs late. */
static int got_to(int n)
{
    for (int i = 0; got < n && i < 2000; i++)
        usleep(1000);
    return got == n;
}

static void set(unsigned lflag_off, unsigned lflag_on, int min, int time)
{
    struct termios t;

    MUST(tcgetattr(s, &t));
    t.c_lflag = (t.c_lflag & ~lflag_off) | lflag_on;
    t.c_cc[VMIN] = min, t.c_cc[VTIME] = time;
    MUST(tcsetattr(s, TCSANOW, &t));
}

static void test_open(void)
{
    int n = -1, lock = 1;
    char name[64];
    struct stat st;

    m = MUST(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
    CHECK_EQ(ioctl(m, TIOCGPTN, &n), 0);
    CHECK(n >= 0);
    snprintf(name, sizeof(name), "/dev/pts/%d", n);
    CHECK_ERR(open(name, O_RDWR | O_NOCTTY), EIO); /* locked */
    lock = 0;
    CHECK_EQ(ioctl(m, TIOCSPTLCK, &lock), 0);
    s = MUST(open(name, O_RDWR | O_NOCTTY | O_NONBLOCK));
    CHECK(!strcmp(ptsname(m), name));
    CHECK(isatty(s) && isatty(m));
    CHECK_EQ(fstat(s, &st), 0);
    CHECK(S_ISCHR(st.st_mode) && st.st_rdev >> 8 == 136);
    char tty[64] = "";
    CHECK_EQ(ttyname_r(s, tty, sizeof(tty)), 0);
    CHECK(!strcmp(tty, name));
}

static void test_termios(void)
{
    struct termios t;
    struct winsize w = { 0 };

    CHECK_EQ(tcgetattr(s, &t), 0);
    note("  iflag %o oflag %o cflag %o lflag %o", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
    for (int i = 0; i < 17; i++)
        note("  cc %d: %d", i, t.c_cc[i]);
    CHECK(cfgetospeed(&t) == B38400);
    CHECK_EQ(ioctl(s, TIOCGWINSZ, &w), 0);
    CHECK(w.ws_row == 0 && w.ws_col == 0);
    w.ws_row = 25, w.ws_col = 80;
    signal(SIGWINCH, on_signal);
    CHECK_EQ(ioctl(m, TIOCSWINSZ, &w), 0);
    w.ws_row = 0;
    CHECK_EQ(ioctl(s, TIOCGWINSZ, &w), 0);
    CHECK(w.ws_row == 25 && w.ws_col == 80);
    CHECK_ERR(ioctl(s, TCGETS, 8), EFAULT);
    CHECK_ERR(ioctl(s, 0x54ff, 0), ENOTTY);
    CHECK_EQ(tcflush(s, TCIOFLUSH), 0);
    CHECK_EQ(tcdrain(s), 0);
    CHECK_EQ(tcflow(s, TCOOFF), 0);
    CHECK_EQ(tcflow(s, TCOON), 0);
    CHECK_EQ(ioctl(s, TCSBRK, 1), 0);
    int ld = -1;
    CHECK_EQ(ioctl(s, TIOCGETD, &ld), 0);
    CHECK_EQ(ld, 0);
}

static void test_canonical(void)
{
    int n;
    struct pollfd p = { s, POLLIN, 0 };

    note("canonical mode:");
    type("hel");
    CHECK_EQ(poll(&p, 1, 0), 0); /* no line yet */
    show("half a line", s);
    type("lo\n");
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(ioctl(s, FIONREAD, &n), 0);
    CHECK_EQ(n, 6);
    show("the line", s);
    show("echo", m);
    type("one\ntwo\n");
    show("two lines, one read", s);
    show("the second", s);
    show("echo", m);
    type("abx\177c\n");
    show("erase", s);
    show("echo of erase", m);
    type("wrong\025right\n");
    show("kill", s);
    show("echo of kill", m);
    type("two words\027more\n");
    show("word erase", s);
    show("echo of word erase", m);
    type("a\026\003b\n");
    show("literal next", s);
    show("echo of it", m);
    type("no newline\004");
    show("end of file after text", s);
    type("\004");
    show("end of file alone", s);
    show("echo", m);
    type("cr\r");
    show("return is newline", s);
    show("echo", m);
    type("long line");
    type("\n");
    char c[4];
    CHECK_EQ(read(s, c, 4), 4);
    show("its rest", s);
    show("echo", m);
    type("ctrl \001\033 end\n");
    show("control characters", s);
    show("echo of them", m);
    type("retype\022\n");
    show("reprint", s);
    show("echo of reprint", m);
}

static void test_output(void)
{
    struct termios t;

    note("output:");
    MUST(write(s, "a\nb\tc\rd\n", 8));
    show("processed", m);
    tcgetattr(s, &t);
    t.c_oflag &= ~OPOST;
    tcsetattr(s, TCSADRAIN, &t);
    MUST(write(s, "a\nb\n", 4));
    show("raw", m);
    t.c_oflag = OPOST | ONLCR | OCRNL;
    tcsetattr(s, TCSADRAIN, &t);
    MUST(write(s, "a\rb\n", 4));
    show("OCRNL", m);
    t.c_oflag = OPOST | ONLCR;
    tcsetattr(s, TCSADRAIN, &t);
}

static void test_raw(void)
{
    long long start;
    char c[8];

    note("raw mode:");
    set(ICANON | ECHO, 0, 1, 0);
    type("x");
    show("one key", s);
    show("no echo", m);
    type("\004\177\025");
    show("special keys are plain", s);
    fcntl(s, F_SETFL, 0); /* blocking, for VMIN and VTIME */
    set(ICANON | ECHO, 0, 0, 0);
    show("VMIN 0, VTIME 0", s);
    set(ICANON | ECHO, 0, 0, 1);
    start = now_ns(CLOCK_MONOTONIC);
    show("VMIN 0, VTIME 1", s);
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 90000000);
    set(ICANON | ECHO, 0, 3, 0);
    type("abcd");
    CHECK_EQ(read(s, c, 2), 2);
    CHECK_EQ(read(s, c, 1), 1);
    type("ef");
    show("VMIN 3", s);
    set(ICANON | ECHO, 0, 5, 1);
    type("gh");
    show("VMIN 5, VTIME 1", s);
    fcntl(s, F_SETFL, O_NONBLOCK);
    struct termios t;
    tcgetattr(s, &t);
    cfmakeraw(&t);
    tcsetattr(s, TCSAFLUSH, &t);
    type("\r\n\003\032\034");
    show("cfmakeraw", s);
    set(0, ICANON | ECHO | ISIG, 1, 0);
    tcgetattr(s, &t);
    t.c_iflag |= ICRNL | IXON, t.c_oflag |= OPOST | ONLCR;
    tcsetattr(s, TCSANOW, &t);
    type("flushed");
    tcflush(s, TCIFLUSH);
    type("kept\n");
    show("tcflush", s);
    show("echo", m);
}

static void test_flow(void)
{
    note("flow control:");
    type("\023");
    MUST(write(s, "held", 4) >= 0 || errno == EAGAIN ? 0 : -1);
    show("stopped", m);
    type("\021");
    show("started", m);
    tcflush(m, TCIOFLUSH), tcflush(s, TCIOFLUSH);
    while (read(m, (char[100]){ 0 }, 100) > 0)
        ;
}

static void test_session(void)
{
    pid_t pg = -1;

    note("session:");
    CHECK(setsid() == getpid() || errno == EPERM);
    int fd = open("/dev/tty", O_RDWR);
    if (fd >= 0)
        ioctl(fd, TIOCNOTTY), close(fd);
    CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
    CHECK_ERR(ioctl(s, TIOCGPGRP, &pg), ENOTTY);
    CHECK_EQ(ioctl(s, TIOCSCTTY, 0), 0);
    CHECK_EQ(ioctl(s, TIOCGPGRP, &pg), 0);
    CHECK(pg == getpgrp() && tcgetsid(s) == getsid(0));
    CHECK_EQ(tcsetpgrp(s, getpgrp()), 0);
    fd = open("/dev/tty", O_RDWR);
    CHECK(fd >= 0 && isatty(fd));
    close(fd);
    signal(SIGINT, on_signal), signal(SIGQUIT, on_signal), signal(SIGTSTP, on_signal);
    type("lost\003");
    CHECK(got_to(1) && last == SIGINT);
    show("interrupt flushes", s);
    show("echo", m);
    type("\034");
    CHECK(got_to(2) && last == SIGQUIT);
    type("\032");
    CHECK(got_to(3) && last == SIGTSTP);
    set(0, NOFLSH, 1, 0);
    type("kept\003\n");
    CHECK(got_to(4) && last == SIGINT);
    show("NOFLSH keeps", s);
    set(ISIG, 0, 1, 0);
    type("a\003b\n");
    CHECK_EQ(got, 4);
    show("ISIG off", s);
    struct winsize w = { 30, 100, 0, 0 };
    CHECK_EQ(ioctl(m, TIOCSWINSZ, &w), 0);
    CHECK(got_to(5) && last == SIGWINCH);
    CHECK_EQ(ioctl(m, TIOCSWINSZ, &w), 0); /* the same again: no signal */
    CHECK_EQ(got, 5);
    set(0, ISIG, 1, 0);
}

static void test_hangup(void)
{
    struct pollfd p = { s, POLLIN | POLLOUT, 0 };

    note("hang-up:");
    signal(SIGHUP, on_signal), signal(SIGCONT, on_signal);
    got = 0;
    close(m);
    CHECK(got == 2);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents & (POLLHUP | POLLERR), POLLHUP | POLLERR);
    show("read", s);
    CHECK_ERR(write(s, "x", 1), EIO);
    struct termios t;
    CHECK_ERR(tcgetattr(s, &t), EIO);
    close(s);
    /* the other way round */
    m = MUST(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK));
    MUST(grantpt(m)), MUST(unlockpt(m));
    s = MUST(open(ptsname(m), O_RDWR | O_NOCTTY));
    MUST(write(s, "last words", 10));
    close(s);
    show("what was written", m);
    show("then", m);
    p = (struct pollfd){ m, POLLIN, 0 };
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLHUP);
    close(m);
}

int main(void)
{
    signal(SIGTTOU, SIG_IGN);
    test_open();
    test_termios();
    test_canonical();
    test_output();
    test_raw();
    test_flow();
    test_session();
    test_hangup();
    return report_done();
}
