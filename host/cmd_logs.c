/* SPDX-License-Identifier: BSD-2-Clause */
#include "abi/control.h"
#include "host/commands.h"
#include "host/msg.h"
#include "host/options.h"
#include "host/statedir.h"
#include "host/vmlog.h"
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define LOOK_MS 500 /* besides what inotify tells: a supervisor's end is no event of its folder */

struct logs_options {
    bool follow, timestamps, help;
    const char *tail;
};

#define O(field) offsetof(struct logs_options, field)
static const struct option_row rows[] = {
    { 'f', "follow", NULL, OPTION_FLAG, O(follow), "go on until the VM has ended" },
    { 'n', "tail", "N", OPTION_STRING, O(tail), "only the last N lines" },
    { 't', "timestamps", NULL, OPTION_FLAG, O(timestamps), "with the time of each line" },
    { 'h', "help", NULL, OPTION_FLAG, O(help), "this text" },
    { 0 },
};

struct reader {
    FILE *f;
    char *line; /* what there is of the next one */
    size_t len;
    bool timestamps, failed;
};

static FILE *open_log(const struct vm *vm, const char *name)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", vm->dir, name);

    return fopen(path, "re");
}

static void print_line(struct reader *r, const char *line, size_t len)
{
    struct vmlog_line l;

    if (!vmlog_parse(line, len, &l))
        return;
    FILE *to = l.is_err ? stderr : stdout;

    if (r->timestamps)
        fprintf(to, "%.*s ", (int)l.time_len, l.time);
    fwrite(l.text, 1, l.len, to);
    if (!l.partial)
        putc('\n', to);
    r->failed |= ferror(to);
}

/* Prints whole lines from here to the end of what there is; half a line waits for its rest. */
static void print_rest(struct reader *r)
{
    char chunk[65536];
    size_t n;

    clearerr(r->f);
    while ((n = fread(chunk, 1, sizeof(chunk), r->f)) > 0) {
        char *start, *end;

        r->line = xrealloc(r->line, r->len + n);
        memcpy(r->line + r->len, chunk, n);
        r->len += n;
        for (start = r->line; (end = memchr(start, '\n', r->line + r->len - start)); start = end + 1)
            print_line(r, start, end - start);
        r->len -= start - r->line;
        memmove(r->line, start, r->len);
    }
    r->failed |= fflush(stdout) != 0;
}

static size_t count_lines(FILE *f)
{
    size_t n = 0;
    int c;

    while (f && (c = getc_unlocked(f)) != EOF)
        n += c == '\n';
    if (f)
        rewind(f);
    return n;
}

/* Passes over lines; how many it still would. */
static size_t skip_lines(FILE *f, size_t n)
{
    int c;

    while (f && n && (c = getc_unlocked(f)) != EOF)
        n -= c == '\n';
    return n;
}

static bool rotated(const struct vm *vm, FILE *f)
{
    _cleanup_free_ char *path = xasprintf("%s/log", vm->dir);
    struct stat ours, there;

    return fstat(fileno(f), &ours) == 0 && stat(path, &there) == 0 && ours.st_ino != there.st_ino;
}

static void follow(struct vm *vm, struct reader *r)
{
    _cleanup_close_ int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    struct pollfd p = { notify, POLLIN, 0 };
    char events[4096];

    inotify_add_watch(notify, vm->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    while (!r->failed) {
        vm_refresh(vm);
        bool last = !vm->alive, moved = rotated(vm, r->f);

        print_rest(r);
        if (moved) {
            FILE *f = open_log(vm, "log");

            if (f) {
                fclose(r->f);
                r->f = f;
            }
            continue;
        }
        if (last)
            return;
        poll(&p, 1, LOOK_MS);
        while (read(notify, events, sizeof(events)) > 0)
            ;
    }
}

static int show(struct vm *vm, const struct logs_options *o, size_t tail)
{
    _cleanup_fclose_ FILE *old = open_log(vm, "log.1");
    struct reader r = { .f = open_log(vm, "log"), .timestamps = o->timestamps };

    if (!r.f) {
        msg_error("%s/log: %s", vm->dir, strerror(errno));
        return EXIT_FAILED;
    }
    if (o->tail) {
        size_t all = count_lines(old) + count_lines(r.f);

        skip_lines(r.f, skip_lines(old, all > tail ? all - tail : 0));
    }
    if (old) {
        struct reader first = { .f = old, .timestamps = o->timestamps };

        print_rest(&first);
        free(first.line);
    }
    print_rest(&r);
    if (o->follow)
        follow(vm, &r);
    fclose(r.f);
    free(r.line);
    if (r.failed)
        msg_error("standard output: cannot be written");
    return r.failed ? EXIT_FAILED : 0;
}

int cmd_logs(int argc, char **argv)
{
    struct logs_options o = { 0 };
    int first = options_parse(rows, argc, argv, &o);
    _cleanup_vm_ struct vm vm = { 0 };
    char *end;

    if (first < 0)
        return EXIT_FAILED;
    if (o.help) {
        printf(
            "Usage: proa logs [OPTIONS] NAME|ID\n\nPrints what a VM started with `proa run -d` wrote.\n\nOptions:\n");
        options_help(rows);
        return 0;
    }
    bool all = o.tail && !strcmp(o.tail, "all");
    size_t tail = o.tail ? strtoul(o.tail, &end, 10) : 0;

    if (all)
        o.tail = NULL;
    if (o.tail && (!isdigit((unsigned char)*o.tail) || *end)) {
        msg_error("--tail %s: expected a number or all", o.tail);
        return EXIT_FAILED;
    }
    if (argc - first != 1) {
        msg_error("logs needs the name or id of one VM; `proa ps -a` lists them");
        return EXIT_FAILED;
    }
    return vm_find(argv[first], &vm) ? EXIT_FAILED : show(&vm, &o, tail);
}
