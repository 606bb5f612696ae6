/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/relay.h"
#include "abi/control.h"
#include "host/backlog.h"
#include "host/control.h"
#include "host/msg.h"
#include "host/pump.h"
#include "host/serial.h"
#include "host/term.h"
#include "host/vmmproc.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define LINGER_MS  3000 /* from the exit message to a VMM's own end; then it is killed */
#define MAX_SAID   65536
#define ESCAPE     0x1d /* Ctrl-] */
#define ESCAPE_US  1000000
#define NR_ESCAPES 3
#define READY_US   300000 /* a VMM that cannot start ends sooner */
#define WIDEN_MS   10     /* how often it is asked whether it listens */
#define WIDEN_US   3000000

struct relay {
    struct vmmproc vmm;
    struct pump in, out, err, echo;
    struct control control;
    struct serial serial;
    struct buf said; /* by the VMM itself, on its standard error */
    int signals;     /* a signalfd */
    int last_fatal;  /* SIGINT or SIGTERM that was forwarded */
    int killed_by;   /* the signal that made us kill the VMM */
    bool raw, ended;
    unsigned rows, cols; /* as the guest knows them */
    uint64_t exec_us, exit_us;
    unsigned nr_escapes;
    uint64_t escape_us;
    struct relay_service *service;
    uint64_t off_us; /* when a machine that is to stop is switched off; 0: never */
    bool ready;
    const struct ports *narrow; /* whose backlogs are to be raised when the VMM listens; or NULL */
    struct relay_result *res;
};

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Signals that the program gets instead of us. */
static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM };

void relay_signals(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
        sigaddset(set, forwarded[i]);
    sigaddset(set, SIGWINCH);
    sigaddset(set, SIGCONT);
    sigaddset(set, RELAY_ORDER);
}

static int open_signals(sigset_t *old)
{
    sigset_t set;

    relay_signals(&set);
    sigprocmask(SIG_BLOCK, &set, old);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void kill_vmm(struct relay *r, int sig, const char *why)
{
    msg_error("%s: the VM is killed", why);
    r->killed_by = sig;
    vmmproc_kill(&r->vmm);
}

static void obey(struct relay *r, unsigned order)
{
    unsigned arg = order & RELAY_STOP_MAX;

    switch (order & ~RELAY_STOP_MAX) {
    case RELAY_SIGNAL(0):
        control_send_signal(&r->control, arg);
        break;
    case RELAY_STOP(0):
        r->service->stopped = true;
        r->off_us = now_us() + arg * 1000000ull;
        control_send_signal(&r->control, SIGTERM);
        break;
    case RELAY_OFF:
        r->service->stopped = true;
        r->off_us = now_us();
        break;
    }
}

static void tell_size(struct relay *r)
{
    unsigned rows, cols;

    if (!term_size(&rows, &cols) || (rows == r->rows && cols == r->cols))
        return;
    r->rows = rows;
    r->cols = cols;
    control_send_winsize(&r->control, rows, cols);
}

static void take_signals(struct relay *r)
{
    struct signalfd_siginfo si;

    while (read(r->signals, &si, sizeof(si)) == sizeof(si)) {
        int sig = si.ssi_signo;
        bool fatal = sig == SIGINT || sig == SIGTERM;

        if (sig == (int)RELAY_ORDER) {
            if (r->service && si.ssi_code == SI_QUEUE)
                obey(r, si.ssi_int);
            continue;
        }
        if (fatal && r->service)
            r->service->stopped = true;
        if (sig == SIGCONT && r->raw)
            term_raw();
        if (sig == SIGWINCH || sig == SIGCONT) {
            tell_size(r);
        } else if (fatal && r->last_fatal) {
            kill_vmm(r, sig, sig == SIGINT ? "interrupted again" : "terminated again");
        } else {
            r->last_fatal = fatal ? sig : r->last_fatal;
            control_send_signal(&r->control, sig);
        }
    }
}

/* A raw terminal sends Ctrl-C to the guest; Ctrl-] thrice within a second ends a guest that does not listen. */
static void watch_escape(struct relay *r, const char *data, size_t len)
{
    for (size_t i = 0; r->raw && i < len; i++) {
        uint64_t now = now_us();

        if (data[i] != ESCAPE || now - r->escape_us > ESCAPE_US)
            r->nr_escapes = 0;
        if (data[i] != ESCAPE)
            continue;
        if (!r->nr_escapes++)
            r->escape_us = now;
        if (r->nr_escapes == NR_ESCAPES)
            kill_vmm(r, SIGKILL, "Ctrl-] three times");
    }
}

static void note_output(struct relay *r)
{
    if (!r->res->output_us)
        r->res->output_us = now_us() - r->exec_us;
}

/* Reads what a stream of messages has; false at its end. */
static bool read_some(int fd, char *chunk, size_t size, ssize_t *n)
{
    *n = read(fd, chunk, size);
    return *n > 0 || (*n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void take_control(struct relay *r, short events)
{
    int *fd = &r->vmm.fds[VMM_CONTROL];
    char chunk[4096];
    ssize_t n;

    if (events & POLLOUT && r->control.out.len) {
        n = write(*fd, r->control.out.p, r->control.out.len);
        if (n > 0)
            buf_consume(&r->control.out, n);
        else if (errno != EAGAIN)
            r->control.out.len = 0;
    }
    if (!(events & (POLLIN | POLLHUP | POLLERR)))
        return;
    if (!read_some(*fd, chunk, sizeof(chunk), &n)) {
        vmmproc_close(&r->vmm, VMM_CONTROL);
        return;
    }
    if (n > 0)
        control_feed(&r->control, chunk, n);
    if (r->control.exit_status >= 0 && !r->exit_us)
        r->exit_us = now_us();
}

static void take_serial(struct relay *r)
{
    char chunk[4096];
    ssize_t n;

    if (!read_some(r->vmm.fds[VMM_SERIAL], chunk, sizeof(chunk), &n))
        vmmproc_close(&r->vmm, VMM_SERIAL);
    else if (n > 0)
        serial_feed(&r->serial, chunk, n);
}

static void take_said(struct relay *r)
{
    char chunk[4096];
    ssize_t n;

    if (!read_some(r->vmm.said, chunk, sizeof(chunk), &n)) {
        close(r->vmm.said);
        r->vmm.said = -1;
    } else if (n > 0 && r->said.len < MAX_SAID) {
        buf_add(&r->said, chunk, n);
    }
}

/* What there is to wait for; a negative descriptor is passed over by poll(2). */
enum slot { S_SIGNALS, S_VMM, S_SAID, S_CONTROL, S_SERIAL, S_PUMPS, NR_SLOTS = S_PUMPS + 2 * 4 };

static bool finished(const struct relay *r)
{
    return r->ended && pump_done(&r->out) && pump_done(&r->err) && r->vmm.fds[VMM_CONTROL] < 0 &&
           r->vmm.fds[VMM_SERIAL] < 0 && r->vmm.said < 0;
}

/* When the VMM is killed unless it has ended; 0: not yet known. */
static uint64_t deadline_us(const struct relay *r)
{
    uint64_t linger = r->exit_us ? r->exit_us + LINGER_MS * 1000 : 0;

    return !linger || (r->off_us && r->off_us < linger) ? r->off_us : linger;
}

static int wait_ms(const struct relay *r)
{
    uint64_t now = now_us(), until = r->ended ? 0 : deadline_us(r), ready = r->exec_us + READY_US;

    if (r->service && !r->ready && !r->ended && (!until || ready < until))
        until = ready;
    if (r->narrow && (!until || now + WIDEN_MS * 1000 < until))
        until = now + WIDEN_MS * 1000;
    if (!until)
        return -1;
    return until <= now ? 0
                        : (int)((until - now + 999) / 1000 > INT_MAX ? INT_MAX : (until - now + 999) / 1000);
}

static void tell_ready(struct relay *r)
{
    if (!r->service || r->ready ||
        (r->control.exit_status < 0 && (r->ended || now_us() < r->exec_us + READY_US)))
        return;
    r->ready = true;
    r->service->ready();
}

static void widen_backlog(struct relay *r)
{
    if (!r->narrow)
        return;
    if (r->ended || backlog_widen(r->vmm.pid, r->vmm.pidfd, r->narrow) == backlog_ports(r->narrow)) {
        r->narrow = NULL;
    } else if (now_us() >= r->exec_us + WIDEN_US) {
        msg_verbose("ports: at most two clients wait at each (pidfd_getfd(2) not allowed?)");
        r->narrow = NULL;
    }
}

static void step(struct relay *r)
{
    struct pump *pumps[] = { &r->in, &r->out, &r->err, &r->echo };
    struct pollfd p[NR_SLOTS] = {
        [S_SIGNALS] = { r->signals, POLLIN, 0 },
        [S_VMM] = { r->ended ? -1 : r->vmm.pidfd, POLLIN, 0 },
        [S_SAID] = { r->vmm.said, POLLIN, 0 },
        [S_CONTROL] = { r->vmm.fds[VMM_CONTROL], POLLIN | (r->control.out.len ? POLLOUT : 0), 0 },
        [S_SERIAL] = { r->vmm.fds[VMM_SERIAL], POLLIN, 0 },
    };

    for (int i = 0; i < 4; i++)
        pump_wants(pumps[i], &p[S_PUMPS + 2 * i], &p[S_PUMPS + 2 * i + 1]);
    int n = poll(p, NR_SLOTS, wait_ms(r));

    if (n < 0 && errno != EINTR)
        kill_vmm(r, SIGKILL, strerror(errno));
    widen_backlog(r);
    tell_ready(r);
    if (!r->ended && deadline_us(r) && now_us() >= deadline_us(r)) {
        r->off_us = r->exit_us ? 0 : r->off_us; /* switched off, and not ended by itself */
        vmmproc_kill(&r->vmm);
    }
    if (n <= 0)
        return;
    if (p[S_SIGNALS].revents)
        take_signals(r);
    if (p[S_SERIAL].revents)
        take_serial(r);
    for (int i = 0; i < 4; i++) {
        const char *data;
        size_t len = pump_step(pumps[i], &p[S_PUMPS + 2 * i], &p[S_PUMPS + 2 * i + 1], &data);

        if (len && pumps[i] == &r->in)
            watch_escape(r, data, len);
        else if (len)
            note_output(r);
    }
    if (p[S_CONTROL].revents)
        take_control(r, p[S_CONTROL].revents);
    if (p[S_SAID].revents)
        take_said(r);
    if (p[S_VMM].revents) {
        vmmproc_reap(&r->vmm);
        r->ended = true;
        r->in.from = -1; /* nobody reads it any more */
        r->res->end_us = now_us() - r->exec_us;
    }
}

static void show_said(struct relay *r)
{
    _cleanup_strv_ struct strv lines = { 0 };

    strv_split(&lines, r->said.p ? r->said.p : "", "\n", 0);
    for (size_t i = 0; i < lines.n; i++)
        msg_error("vmm: %s", lines.v[i]);
}

/* The machine's end when no message from the guest explains it. */
static int explain(struct relay *r)
{
    const struct vmmproc *v = &r->vmm;

    if (r->off_us && v->signal == SIGKILL)
        return 128 + SIGKILL;
    serial_show_tail(&r->serial);
    show_said(r);
    if (r->killed_by)
        return r->killed_by == SIGKILL ? EXIT_FAILED : 128 + r->killed_by;
    if (v->signal)
        msg_error("the VMM was killed by signal %d (%s)", v->signal, strsignal(v->signal));
    else if (v->status == (DEBUG_EXIT_PANIC << 1 | 1))
        msg_error("the guest's kernel panicked: this is a fault of Proa's");
    else if (v->status == 0 || v->status == (DEBUG_EXIT_OK << 1 | 1))
        msg_error("the guest ended without saying its program's exit status");
    else
        msg_error("the VMM failed (status %d)", v->status);
    return EXIT_FAILED;
}

static void init_pumps(struct relay *r)
{
    struct stat st;
    bool tty_in = isatty(STDIN_FILENO);

    pump_init(&r->in, STDIN_FILENO, r->vmm.fds[VMM_STDIN]);
    r->in.shut_at_end = true;
    pump_init(&r->out, r->vmm.fds[VMM_STDOUT], STDOUT_FILENO);
    pump_init(&r->err, r->vmm.fds[VMM_STDERR], STDERR_FILENO);
    pump_init(&r->echo, r->vmm.fds[VMM_STDIN], tty_in ? STDIN_FILENO : -1);
    /* A regular file never makes a write wait; a pipe or a terminal takes PIPE_BUF at once when it says so. */
    r->out.whole = fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode);
    r->err.whole = fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
    r->out.close_on_error = r->err.close_on_error = true;
}

void relay_run(struct vmm_spec *spec, bool raw, struct relay_service *service, struct relay_result *res)
{
    struct relay r = { .res = res, .raw = raw, .service = service };
    uint64_t start = now_us();
    sigset_t old;

    *res = (struct relay_result){ .status = EXIT_FAILED };
    control_init(&r.control);
    r.signals = open_signals(&old);
    r.exec_us = start;
    if (r.signals < 0 || vmmproc_start(&r.vmm, spec, service ? &service->mask : &old)) {
        msg_error("the VMM cannot be started: %s", strerror(errno));
        sigprocmask(SIG_SETMASK, &old, NULL);
        return;
    }
    r.exec_us = now_us();
    res->start_us = r.exec_us - start;
    if (spec->net && backlog_ports(&spec->net->ports))
        r.narrow = &spec->net->ports;
    if (raw)
        term_raw();
    term_size(&r.rows, &r.cols);
    init_pumps(&r);
    while (!finished(&r))
        step(&r);
    tell_ready(&r);
    term_restore();
    serial_finish(&r.serial);
    res->status = r.control.exit_status >= 0 && !r.killed_by ? r.control.exit_status : explain(&r);
    if (r.control.exit_status >= 0 && msg_level == MSG_VERBOSE)
        show_said(&r);
    res->boot = r.control.boot;
    res->memory = r.control.memory;
    r.control.boot = r.control.memory = NULL;
    control_free(&r.control);
    serial_free(&r.serial);
    buf_free(&r.said);
    pump_free(&r.in), pump_free(&r.out), pump_free(&r.err), pump_free(&r.echo);
    vmmproc_free(&r.vmm);
    close(r.signals);
    sigprocmask(SIG_SETMASK, &old, NULL);
}
