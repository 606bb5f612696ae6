/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/supervise.h"
#include "abi/control.h"
#include "abi/image.h"
#include "host/msg.h"
#include "host/relay.h"
#include "host/vmlog.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define BACKOFF_MS     100 /* before the first start again; doubled for each further one ... */
#define BACKOFF_MAX_MS 60000
#define BACKOFF_GOOD_S 10 /* ... until one has run so long */

struct supervisor {
    struct service *service;
    const char *dir;
    struct vm_state state;
    sigset_t signals;
    struct relay_service relay;
    unsigned backoff_ms;
    pid_t logger;
};

static int report = -1; /* a pipe to whoever started us: a byte says that the machine runs */

static void tell_ready(void)
{
    if (report >= 0 && write(report, "", 1) < 0)
        msg_verbose("nobody waits for the start");
    if (report >= 0)
        close(report);
    report = -1;
}

static void note(struct supervisor *s, enum vm_status status)
{
    s->state.status = status;
    if (status == VM_RUNNING)
        s->state.started = time(NULL);
    else
        s->state.finished = time(NULL);
    vm_write_state(s->dir, &s->state);
}

static void run_once(struct supervisor *s)
{
    struct vmm_spec *spec = &s->service->spec;
    struct relay_result res = { 0 };
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    spec->epoch_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
    note(s, VM_RUNNING);
    net_say(&s->service->net);
    relay_run(spec, false, &s->relay, &res);
    s->state.exit = res.status;
    free(res.boot);
    free(res.memory);
    net_close(&s->service->net);
}

static bool starts_again(const struct supervisor *s)
{
    const struct service *v = s->service;

    if (s->relay.stopped || v->restart == RESTART_NO || report >= 0) /* one that never started will not */
        return false;
    return v->restart == RESTART_ALWAYS ||
           (s->state.exit && (!v->max_restarts || s->state.restarts < v->max_restarts));
}

/* Waits before the next start. False: somebody wanted it to end. */
static bool back_off(struct supervisor *s)
{
    struct timespec now, until;
    siginfo_t si;

    if (s->state.finished - s->state.started >= BACKOFF_GOOD_S || !s->backoff_ms)
        s->backoff_ms = BACKOFF_MS;
    else if (s->backoff_ms < BACKOFF_MAX_MS)
        s->backoff_ms *= 2;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t end = until.tv_sec * 1000ull + until.tv_nsec / 1000000 + s->backoff_ms;

    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t ms = now.tv_sec * 1000ull + now.tv_nsec / 1000000;

        if (ms >= end)
            return true;
        until = (struct timespec){ (end - ms) / 1000, (end - ms) % 1000 * 1000000 };
        int sig = sigtimedwait(&s->signals, &si, &until);
        /* There is no program that another order could be for. */
        bool order = sig == (int)RELAY_ORDER && si.si_code == SI_QUEUE;

        if (sig == SIGTERM || sig == SIGINT || (order && (si.si_int & ~RELAY_STOP_MAX) != RELAY_SIGNAL(0)))
            return false;
    }
}

static void supervise(struct supervisor *s)
{
    run_once(s);
    while (starts_again(s)) {
        note(s, VM_RESTARTING);
        if (!back_off(s))
            return;
        s->state.restarts++;
        s->state.exit = EXIT_FAILED;
        if (!vmm_open_host(&s->service->spec, &s->service->net))
            run_once(s);
    }
}

/* The configuration as a file that each VMM inherits; the image's lock keeps it in the cache. */
static int open_files(struct service *v)
{
    size_t len = strlen(v->config);
    int fd = memfd_create("proa-config", 0), image = open(v->spec.image, O_RDONLY | O_CLOEXEC);

    if (len > IMAGE_CONFIG_MAX)
        return msg_error("arguments and environment are longer than %d bytes", IMAGE_CONFIG_MAX);
    if (fd < 0 || write(fd, v->config, len) != (ssize_t)len)
        return msg_error("the configuration cannot be written: %s", strerror(errno));
    if (image < 0 || flock(image, LOCK_SH) < 0)
        return msg_error("%s: %s", v->spec.image, strerror(errno));
    strv_addf(&v->strings, "/proc/self/fd/%d", fd);
    v->spec.config = v->strings.v[v->strings.n - 1];
    return 0;
}

/* What the caller's shell had open would be kept from its readers. Ours are all closed on exec, theirs are not. */
static void close_inherited(void)
{
    _cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
    struct dirent *de;

    while (dir && (de = readdir(dir))) {
        int fd = atoi(de->d_name), flags = fd > 2 ? fcntl(fd, F_GETFD) : -1;

        if (flags >= 0 && !(flags & FD_CLOEXEC))
            close(fd);
    }
}

static int redirect(struct supervisor *s)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), out, err;

    s->logger = vmlog_start(s->dir, &out, &err);
    if (null < 0 || s->logger < 0)
        return msg_error("the log's process cannot be started: %s", strerror(errno));
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(null);
    close(out);
    close(err);
    return 0;
}

static void child(struct service *v, const char *dir)
{
    struct supervisor s = { .service = v, .dir = dir, .relay.ready = tell_ready };

    setsid();
    if (chdir("/") < 0)
        _exit(EXIT_FAILED);
    close_inherited();
    msg_level = v->quiet ? MSG_QUIET : v->verbose ? MSG_VERBOSE : MSG_NORMAL;
    /* Blocked before anybody can learn who we are. */
    relay_signals(&s.signals);
    sigprocmask(SIG_BLOCK, &s.signals, &s.relay.mask);
    s.state.pid = getpid();
    s.state.pid_start = process_start(s.state.pid);
    s.state.exit = EXIT_FAILED;
    if (redirect(&s))
        _exit(EXIT_FAILED);
    if (!open_files(v))
        supervise(&s);
    net_close(&v->net);
    /* The log is complete before the end can be seen. */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    waitpid(s.logger, NULL, 0);
    note(&s, VM_EXITED);
    if (v->remove && report < 0)
        vm_remove(dir);
    _exit(0);
}

static void show_log(const char *dir)
{
    _cleanup_free_ char *path = xasprintf("%s/log", dir), *line = NULL;
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    struct vmlog_line l;
    size_t cap = 0;
    ssize_t n;

    while (f && (n = getline(&line, &cap, f)) > 0)
        if (vmlog_parse(line, n - 1, &l))
            msg_text("%.*s", (int)l.len, l.text);
}

int supervise_start(struct service *v, const char *dir, int lock)
{
    int pipe_fds[2];
    char byte;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        msg_error("pipe: %s", strerror(errno));
        close(lock);
        net_close(&v->net);
        return EXIT_FAILED;
    }
    fflush(NULL);
    pid_t pid = fork();

    if (pid == 0) {
        /* An orphan at once: nobody has to wait for a supervisor. */
        if (fork() != 0)
            _exit(0);
        close(pipe_fds[0]);
        report = pipe_fds[1];
        child(v, dir); /* keeps `lock`, which ends with the process */
    }
    close(pipe_fds[1]);
    close(lock);
    net_close(&v->net);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    ssize_t n = pid > 0 ? read(pipe_fds[0], &byte, 1) : -1;

    close(pipe_fds[0]);
    if (n == 1)
        return 0;
    if (pid < 0)
        msg_error("fork: %s", strerror(errno));
    show_log(dir);
    return EXIT_FAILED;
}
