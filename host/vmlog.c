/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/vmlog.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

struct stream {
    const char *name;
    int fd;
    struct buf line; /* an unfinished one */
};

struct vmlog {
    const char *dir;
    int fd;
    off_t size;
    struct buf batch;
    size_t lost; /* lines */
    int why;     /* errno */
};

static void add(struct buf *b, const char *stream, const char *text, size_t len, char tag)
{
    struct timespec now;
    struct tm tm;
    char time[40];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &tm);
    buf_addf(b, "%s.%09ldZ %s %c ", time, now.tv_nsec, stream, tag);
    buf_add(b, text, len);
    buf_adds(b, "\n");
}

static void open_log(struct vmlog *l)
{
    _cleanup_free_ char *path = xasprintf("%s/log", l->dir);
    struct stat st;

    l->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    l->size = l->fd >= 0 && fstat(l->fd, &st) == 0 ? st.st_size : 0;
}

static void rotate(struct vmlog *l)
{
    _cleanup_free_ char *path = xasprintf("%s/log", l->dir), *old = xasprintf("%s/log.1", l->dir);

    close(l->fd);
    rename(path, old);
    open_log(l);
}

/* All of it or nothing: half a line would spoil the next one. */
static bool put(struct vmlog *l, const struct buf *b)
{
    ssize_t n = l->fd >= 0 ? write(l->fd, b->p, b->len) : -1;

    if (n == (ssize_t)b->len) {
        l->size += n;
        return true;
    }
    l->why = n < 0 ? errno : ENOSPC;
    if (n > 0 && ftruncate(l->fd, l->size) < 0)
        l->size += n;
    return false;
}

static size_t count_lines(const struct buf *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->len; i++)
        n += b->p[i] == '\n';
    return n;
}

static void flush(struct vmlog *l)
{
    if (!l->batch.len)
        return;
    if (l->size + l->batch.len > VMLOG_MAX)
        rotate(l);
    if (l->lost) {
        _cleanup_buf_ struct buf note = { 0 };
        _cleanup_free_ char *text =
            xasprintf("proa: %zu lines of output were lost: %s", l->lost, strerror(l->why));

        add(&note, "stderr", text, strlen(text), 'F');
        if (put(l, &note))
            l->lost = 0;
    }
    if (!put(l, &l->batch))
        l->lost += count_lines(&l->batch);
    l->batch.len = 0;
}

static void take(struct vmlog *l, struct stream *s, const char *data, size_t len)
{
    char *end;

    buf_add(&s->line, data, len);
    while ((end = memchr(s->line.p, '\n', s->line.len))) {
        add(&l->batch, s->name, s->line.p, end - s->line.p, 'F');
        buf_consume(&s->line, end + 1 - s->line.p);
    }
    while (s->line.len >= VMLOG_TEXT_MAX) {
        add(&l->batch, s->name, s->line.p, VMLOG_TEXT_MAX, 'P');
        buf_consume(&s->line, VMLOG_TEXT_MAX);
    }
}

static void step(struct vmlog *l, struct stream *s)
{
    char chunk[VMLOG_TEXT_MAX];
    ssize_t n = read(s->fd, chunk, sizeof(chunk));

    if (n > 0) {
        take(l, s, chunk, n);
    } else if (n == 0 || errno != EINTR) {
        if (s->line.len)
            add(&l->batch, s->name, s->line.p, s->line.len, 'P'); /* it had no newline */
        s->line.len = 0;
        s->fd = -1;
    }
}

static void run(const char *dir, int out, int err)
{
    struct vmlog l = { .dir = dir };
    struct stream streams[2] = { { .name = "stdout", .fd = out }, { .name = "stderr", .fd = err } };

    open_log(&l);
    while (streams[0].fd >= 0 || streams[1].fd >= 0) {
        struct pollfd p[2] = { { streams[0].fd, POLLIN, 0 }, { streams[1].fd, POLLIN, 0 } };

        if (poll(p, 2, -1) < 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (p[i].revents)
                step(&l, &streams[i]);
        flush(&l);
    }
}

pid_t vmlog_start(const char *dir, int *out, int *err)
{
    int o[2], e[2];

    if (pipe2(o, O_CLOEXEC) < 0 || pipe2(e, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();

    if (pid == 0) {
        sigset_t all;

        /* It ends when the last writer has, not when somebody says so; its supervisor's lock is not its own. */
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        dup2(o[0], 0);
        dup2(e[0], 1);
        close(2);
        close_range(3, ~0u, 0);
        run(dir, 0, 1);
        _exit(0);
    }
    close(o[0]);
    close(e[0]);
    *out = o[1];
    *err = e[1];
    return pid;
}

static bool word(const char **p, const char *end, const char **start, size_t *len)
{
    const char *space = memchr(*p, ' ', end - *p);

    if (!space)
        return false;
    *start = *p;
    *len = space - *p;
    *p = space + 1;
    return true;
}

bool vmlog_parse(const char *line, size_t len, struct vmlog_line *out)
{
    const char *p = line, *end = line + len, *tag;
    size_t stream_len, tag_len;

    if (!word(&p, end, &out->time, &out->time_len) || !word(&p, end, &out->stream, &stream_len) ||
        !word(&p, end, &tag, &tag_len) || stream_len != 6 || tag_len != 1)
        return false;
    out->is_err = !memcmp(out->stream, "stderr", 6);
    out->partial = *tag == 'P';
    out->text = p;
    out->len = end - p;
    return true;
}
