/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/accel.h"
#include "abi/control.h"
#include "host/cache.h"
#include "host/msg.h"
#include "host/vmm.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define PROBE_TIMEOUT_MS 3000 /* then the guest is given up */
#define PROBE_FAST_MS    1000 /* a real processor needs less than a tenth; TCG about as long */

extern const char probe_guest[], probe_guest_end[];

static uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static char *first_match(const char *path, const char *prefix)
{
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    char line[256];

    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, prefix, strlen(prefix)))
            return xstrdup(line);
    }
    return xstrdup("");
}

/* What must be the same for an earlier answer to count: this boot of the machine, its processor, the VMM. */
static char *machine_id(const char *qemu)
{
    _cleanup_free_ char *boot = first_match("/proc/sys/kernel/random/boot_id", "");
    _cleanup_free_ char *cpu = first_match("/proc/cpuinfo", "model name");
    struct stat st = { 0 };

    stat(qemu, &st);
    return xasprintf("%s %s %s %lld", boot, cpu, qemu, (long long)st.st_mtime);
}

static char *answer_path(void)
{
    return xasprintf("%s/accel", cache_dir());
}

/* The file: machine id, accelerator, reason; a line each. */
static const char *known_answer(const char *id)
{
    _cleanup_free_ char *path = answer_path();
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    char line[3][512];

    for (int i = 0; i < 3; i++) {
        if (!f || !fgets(line[i], sizeof(line[i]), f))
            return NULL;
        line[i][strcspn(line[i], "\n")] = 0;
    }
    if (strcmp(line[0], id))
        return NULL;
    bool kvm = !strcmp(line[1], "kvm");

    msg_verbose("accelerator %s (probed earlier): %s", kvm ? "kvm" : "tcg", line[2]);
    return kvm ? "kvm" : "tcg";
}

static void keep_answer(const char *id, const char *accel, const char *why)
{
    _cleanup_free_ char *path = answer_path();
    _cleanup_free_ char *tmp = xasprintf("%s.%d", path, getpid());
    FILE *f = fopen(tmp, "we");

    if (!f)
        return;
    fprintf(f, "%s\n%s\n%s\n", id, accel, why);
    if (fclose(f) || rename(tmp, path))
        unlink(tmp);
}

static pid_t start_probe(const char *qemu, const char *guest)
{
    struct vmm_spec spec = {
        .machine = VMM_MICROVM, .qemu = qemu, .accel = "kvm", .kernel = guest, .memory = 32 << 20, .cpus = 1
    };
    _cleanup_strv_ struct strv args = { 0 };
    pid_t parent = getpid(), pid;

    vmm_command(&spec, &args);
    pid = fork();
    if (pid)
        return pid;
    int null = open("/dev/null", O_RDWR);

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    execv(args.v[0], args.v);
    _exit(127);
}

/* Boots the probe's guest. True when it ran as on a processor; *why says what happened. */
static bool run_probe(const char *qemu, char **why)
{
    /* Not close-on-exec: QEMU opens it by its number. */
    _cleanup_close_ int guest = memfd_create("probe", 0);
    _cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", guest);
    size_t len = probe_guest_end - probe_guest;
    int status = 0;

    if (guest < 0 || write(guest, probe_guest, len) != (ssize_t)len) {
        *why = xasprintf("the probe's guest could not be written: %s", strerror(errno));
        return false;
    }
    uint64_t start = now_ms();
    pid_t pid = start_probe(qemu, path);
    _cleanup_close_ int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    struct pollfd p = { pidfd, POLLIN, 0 };

    if (pidfd < 0 || poll(&p, 1, PROBE_TIMEOUT_MS) <= 0) {
        if (pid > 0)
            kill(pid, SIGKILL);
        /* A VMM that is stuck inside the kernel may not die at once: do not wait long for it. */
        if (pidfd >= 0 && poll(&p, 1, PROBE_FAST_MS) > 0)
            waitpid(pid, &status, 0);
        *why = xasprintf("a guest under KVM did not finish within %d ms", PROBE_TIMEOUT_MS);
        return false;
    }
    unsigned took = now_ms() - start;

    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != (DEBUG_EXIT_PROBE << 1 | 1)) {
        *why = xasprintf("a guest under KVM failed (VMM status %d)",
                         WIFEXITED(status) ? WEXITSTATUS(status) : -1);
        return false;
    }
    *why = xasprintf("a guest under KVM took %u ms%s", took,
                     took < PROBE_FAST_MS ? "" : ": KVM is an emulator here");
    return took < PROBE_FAST_MS;
}

static const char *probe(const char *qemu, bool may_probe)
{
    _cleanup_free_ char *id = machine_id(qemu);
    _cleanup_free_ char *why = NULL;
    _cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (kvm < 0) {
        msg_verbose("accelerator tcg: /dev/kvm: %s", strerror(errno));
        return "tcg";
    }
    const char *known = known_answer(id);

    if (known)
        return known;
    if (!may_probe) {
        msg_verbose("accelerator tcg: KVM is not probed yet");
        return "tcg";
    }
    /* First the answer for the case that this process does not survive the probe. */
    keep_answer(id, "tcg", "an earlier probe of KVM did not come to its end");
    const char *accel = run_probe(qemu, &why) ? "kvm" : "tcg";

    keep_answer(id, accel, why);
    msg_verbose("accelerator %s: %s", accel, why);
    return accel;
}

bool accel_is(const char *accel, const char *name)
{
    size_t n = strcspn(accel, ",");

    return n == strlen(name) && !strncmp(accel, name, n);
}

const char *accel_choose(const char *option, const char *qemu, bool may_probe)
{
    const char *env = getenv("PROA_ACCEL"), *named = option ? option : env && *env ? env : "auto";

    if (!strcmp(named, "auto"))
        return *cache_dir() ? probe(qemu, may_probe) : NULL;
    if (accel_is(named, "kvm") || accel_is(named, "tcg")) {
        msg_verbose("accelerator %s: %s says so", named, option ? "--accel" : "PROA_ACCEL");
        return named;
    }
    msg_error("unknown accelerator %s: auto, kvm or tcg", named);
    return NULL;
}
