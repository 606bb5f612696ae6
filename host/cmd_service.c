/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_service.c: stop, kill, rm, wait, start, restart: what is done to each of the VMs that are named. */
#include "abi/control.h"
#include "host/commands.h"
#include "host/msg.h"
#include "host/options.h"
#include "host/relay.h"
#include "host/supervise.h"
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>

#define GRACE_S 10 /* docker's */

struct service_options {
    const char *time, *signal;
    bool force, help;
    unsigned grace_s;
    int sig;
};

#define O(field) offsetof(struct service_options, field)
#define HELP                                                  \
    { 'h', "help", NULL, OPTION_FLAG, O(help), "this text" }, \
    {                                                         \
        0                                                     \
    }
static const struct option_row time_rows[] = {
    { 't', "time", "SECONDS", OPTION_STRING, O(time),
      "until a program that does not end is switched off (default 10)" },
    HELP,
};
static const struct option_row kill_rows[] = {
    { 's', "signal", "SIGNAL", OPTION_STRING, O(signal),
      "send this signal to the program; KILL (default): off" },
    HELP,
};
static const struct option_row rm_rows[] = {
    { 'f', "force", NULL, OPTION_FLAG, O(force), "also when it runs: switch it off first" },
    HELP,
};
static const struct option_row plain_rows[] = { HELP };

/* ---- orders ---- */

/* 0, or -errno: -ESRCH when there is nobody (any more). */
static int order(const struct vm *vm, unsigned what)
{
    _cleanup_close_ int fd = vm_pidfd(vm);
    siginfo_t si = { .si_signo = RELAY_ORDER, .si_code = SI_QUEUE };

    if (fd < 0)
        return -ESRCH;
    si.si_pid = getpid();
    si.si_uid = getuid();
    si.si_value.sival_int = what;
    return syscall(SYS_pidfd_send_signal, fd, RELAY_ORDER, &si, 0) < 0 ? -errno : 0;
}

/* Until its supervisor has ended: its end is noted then, and its log complete. */
static void wait_end(struct vm *vm)
{
    while (vm->alive) {
        _cleanup_close_ int fd = vm_pidfd(vm);
        struct pollfd p = { fd, POLLIN, 0 };

        poll(fd >= 0 ? &p : NULL, fd >= 0, fd >= 0 ? -1 : 20); /* without one it starts or ends just now */
        vm_refresh(vm);
    }
}

static int order_end(struct vm *vm, unsigned what)
{
    int err = 0;

    /* One that has just been made may not have said yet who it is. */
    for (int i = 0; vm->alive && (err = order(vm, what)) == -ESRCH && i < 100; i++) {
        poll(NULL, 0, 20);
        vm_refresh(vm);
    }
    if (vm->alive && err)
        return msg_error("%s: %s", vm->service.name, strerror(-err));
    wait_end(vm);
    return 0;
}

/* ---- signals by name ---- */

static int parse_signal(const char *s)
{
    char *end;
    long n = strtol(s, &end, 10);

    if (isdigit((unsigned char)*s))
        return !*end && n >= 1 && n <= 64 ? (int)n : -1;
    if (!strncasecmp(s, "SIG", 3))
        s += 3;
    if (!strncasecmp(s, "RTMIN+", 6) && isdigit((unsigned char)s[6]))
        return 34 + atoi(s + 6) <= 64 ? 34 + atoi(s + 6) : -1;
    for (int sig = 1; sig < 32; sig++)
        if (sigabbrev_np(sig) && !strcasecmp(sigabbrev_np(sig), s))
            return sig;
    return -1;
}

/* ---- one VM ---- */

static int stop_one(struct vm *vm, const struct service_options *o)
{
    return vm->alive ? order_end(vm, RELAY_STOP(o->grace_s)) : 0;
}

static int kill_one(struct vm *vm, const struct service_options *o)
{
    int err;

    if (!vm->alive)
        return msg_error("%s: it does not run", vm->service.name);
    if (o->sig == SIGKILL)
        return order_end(vm, RELAY_OFF);
    err = order(vm, RELAY_SIGNAL(o->sig));
    return err ? msg_error("%s: %s", vm->service.name, strerror(-err)) : 0;
}

static int rm_one(struct vm *vm, const struct service_options *o)
{
    if (vm->alive && !o->force)
        return msg_error("%s: it runs; stop it first, or use -f", vm->service.name);
    if (vm->alive && order_end(vm, RELAY_OFF))
        return -1;
    if (vm->service.remove && access(vm->dir, F_OK) < 0)
        return 0; /* --rm: its supervisor has done it */
    _cleanup_close_ int lock = vm_lock(vm);

    return lock < 0 ? -1 : vm_remove(vm->dir);
}

static int wait_one(struct vm *vm, const struct service_options *o)
{
    wait_end(vm);
    printf("%d\n", vm->state.status == VM_EXITED ? vm->state.exit : EXIT_FAILED);
    fflush(stdout);
    return 0;
}

static int start_one(struct vm *vm, const struct service_options *o)
{
    if (vm->damaged)
        return -1; /* said already */
    if (vm->alive)
        return 0;
    int lock = vm_lock(vm);

    if (lock < 0)
        return -1;
    if (vmm_open_host(&vm->service.spec, &vm->service.net)) {
        close(lock);
        return -1;
    }
    return supervise_start(&vm->service, vm->dir, lock) ? -1 : 0;
}

static int restart_one(struct vm *vm, const struct service_options *o)
{
    return stop_one(vm, o) || start_one(vm, o) ? -1 : 0;
}

/* ---- all that are named ---- */

struct action {
    const char *name, *help;
    const struct option_row *rows;
    int (*run)(struct vm *vm, const struct service_options *o);
    bool silent; /* does not repeat the names */
};

static const struct action actions[] = {
    { "stop", "Sends SIGTERM to the program; switches the VM off when that has not ended it in time.",
      time_rows, stop_one, false },
    { "kill", "Switches the VM off, or sends its program a signal.", kill_rows, kill_one, false },
    { "rm", "Forgets VMs that have ended, and their logs.", rm_rows, rm_one, false },
    { "wait", "Waits for the end and prints the exit status.", plain_rows, wait_one, true },
    { "start", "Starts a VM that has ended once more, with the same options.", plain_rows, start_one, false },
    { "restart", "Stops a VM, if it runs, and starts it.", time_rows, restart_one, false },
};

static int parse_values(struct service_options *o)
{
    char *end = NULL;
    unsigned long grace = o->time ? strtoul(o->time, &end, 10) : GRACE_S;

    if (o->time && (!isdigit((unsigned char)*o->time) || *end))
        return msg_error("-t %s: expected a number of seconds", o->time);
    o->grace_s = grace > RELAY_STOP_MAX ? RELAY_STOP_MAX : grace;
    o->sig = o->signal ? parse_signal(o->signal) : SIGKILL;
    return o->sig < 0 ? msg_error("-s %s: no such signal", o->signal) : 0;
}

int cmd_service(const char *name, int argc, char **argv)
{
    const struct action *a = actions;
    struct service_options o = { 0 };
    int status = 0;

    while (strcmp(a->name, name))
        a++;
    int first = options_parse(a->rows, argc, argv, &o);

    if (first < 0)
        return EXIT_FAILED;
    if (o.help) {
        printf("Usage: proa %s [OPTIONS] NAME|ID...\n\n%s\n\nOptions:\n", a->name, a->help);
        options_help(a->rows);
        return 0;
    }
    if (parse_values(&o))
        return EXIT_FAILED;
    if (first == argc) {
        msg_error("%s needs names or ids of VMs; `proa ps -a` lists them", a->name);
        return EXIT_FAILED;
    }
    for (int i = first; i < argc; i++) {
        _cleanup_vm_ struct vm vm = { 0 };

        if (vm_find(argv[i], &vm) || a->run(&vm, &o))
            status = EXIT_FAILED;
        else if (!a->silent)
            printf("%s\n", argv[i]);
    }
    return status;
}
