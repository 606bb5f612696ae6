/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/vmm.h"
#include "abi/control.h"
#include "host/accel.h"
#include "host/find.h"
#include "host/msg.h"
#include "host/netargs.h"
#include <errno.h>
#include <limits.h>

#define QEMU "qemu-system-x86_64"
#define MICROVM \
    "microvm,x-option-roms=off,acpi=off,pit=off,pic=off,rtc=off,isa-serial=on,auto-kernel-cmdline=on"

bool vmm_parse(const char *s, enum vmm_machine *machine)
{
    static const char *const names[] = { [VMM_MICROVM] = "microvm", [VMM_Q35] = "q35", [VMM_PC] = "pc" };

    if (strncmp(s, "qemu", 4) || (s[4] && s[4] != ':'))
        return false;
    if (!s[4]) {
        *machine = VMM_MICROVM;
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(s + 5, names[i])) {
            *machine = i;
            return true;
        }
    }
    return false;
}

char *vmm_find(void)
{
    const char *env = getenv("PROA_QEMU");
    int status;

    if (env && *env)
        return find_program(env, &status);
    char *path = find_in_path(QEMU, getenv("PATH"));

    if (!path)
        msg_error("no VMM: " QEMU " is not in PATH; install Debian's package qemu-system-x86");
    return path;
}

char *vmm_find_kernel(const char *option)
{
    const char *env = getenv("PROA_KERNEL"), *named = option ? option : env && *env ? env : NULL;
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    /* In the source tree, and below PREFIX/bin. */
    static const char *const places[] = { "build/x86_64/proa.elf", "../lib/proa/x86_64/proa.elf" };

    if (named) {
        if (access(named, R_OK) == 0)
            return xstrdup(named);
        msg_error("the kernel %s: %s", named, strerror(errno));
        return NULL;
    }
    exe[n < 0 ? 0 : n] = 0;
    char *slash = strrchr(exe, '/');

    if (slash)
        *slash = 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char *path = xasprintf("%s/%s", exe, places[i]);

        if (access(path, R_OK) == 0)
            return path;
        free(path);
    }
    msg_error("the kernel is neither at %s/%s nor at %s/%s: run `make`, or name it with --kernel", exe,
              places[0], exe, places[1]);
    return NULL;
}

int vmm_open_host(const struct vmm_spec *spec, struct net *net)
{
    return vsock_check(&spec->vsock) ? -1 : net_open(net, accel_is(spec->accel, "kvm"));
}

/* QEMU's option lists end a value at a comma; a doubled one stands for itself. */
static char *escape(const char *s)
{
    struct buf b = { 0 };

    for (; *s; s++)
        buf_add(&b, *s == ',' ? ",," : s, *s == ',' ? 2 : 1);
    return b.p ? b.p : xstrdup("");
}

/* On a command line for a terminal QEMU itself asks its helper for a tap on a bridge. */
static bool starts_helper(const struct vmm_spec *s)
{
    for (unsigned i = 0; s->standalone && s->net && i < s->net->nr_nics; i++)
        if (s->net->nics[i].kind == NIC_BRIDGE)
            return true;
    return false;
}

static void add_machine(const struct vmm_spec *s, struct strv *args)
{
    static const char *const machines[] = {
        /* No firmware tables, no legacy timers and controllers, no option ROMs: the guest needs none of them. */
        [VMM_MICROVM] = MICROVM,
        [VMM_Q35] = "q35",
        [VMM_PC] = "pc",
    };
    bool kvm = accel_is(s->accel, "kvm");

    strv_add(args, "-M");
    strv_addf(args, "%s%s", machines[s->machine], s->vsock.socket ? ",memory-backend=ram" : "");
    if (s->vsock.socket) { /* another process looks into the guest's memory */
        strv_add(args, "-object");
        strv_addf(args, "memory-backend-memfd,id=ram,share=on,size=%lluk",
                  (unsigned long long)(s->memory / 1024));
    }
    if (s->machine == VMM_MICROVM) /* a legacy queue takes whole pages of the guest's memory */
        strv_split(args, "-global virtio-mmio.force-legacy=false", " ", 0);
    strv_split(args, "-nodefaults -no-user-config -display none -no-reboot", " ", 0);
    /* Should a guest take over its VMM, it starts no program and gains no right (seccomp). */
    strv_add(args, "-sandbox");
    strv_addf(args, "on,obsolete=deny,elevateprivileges=deny,spawn=%s,resourcecontrol=deny",
              starts_helper(s) ? "allow" : "deny");
    strv_add(args, "-accel");
    strv_add(args, s->accel);
    strv_add(args, "-cpu");
    strv_add(args, kvm ? "host" : "max");
    strv_add(args, "-m");
    strv_addf(args, "size=%lluk", (unsigned long long)(s->memory / 1024));
    if (s->cpus > 1) {
        strv_add(args, "-smp");
        strv_addf(args, "%u", s->cpus);
    }
    if (s->name) {
        _cleanup_free_ char *name = escape(s->name);

        strv_add(args, "-name");
        strv_addf(args, "%s,debug-threads=on", name);
    }
}

static void add_device(const struct vmm_spec *s, struct strv *args, const char *type, const char *options)
{
    bool pci = s->machine != VMM_MICROVM;

    strv_add(args, "-device");
    strv_addf(args, "%s-%s%s%s", type, pci ? "pci" : "device", pci ? ",disable-legacy=on" : "", options);
}

static void add_kernel(const struct vmm_spec *s, struct strv *args)
{
    _cleanup_strv_ struct strv words = { 0 };
    struct buf line = { 0 };

    strv_add(args, "-kernel");
    strv_add(args, s->kernel);
    if (s->config) {
        strv_add(args, "-initrd");
        strv_add(args, s->config);
    }
    if (s->net)
        netargs_kernel(s->net, &words);
    for (size_t i = 0; i < s->kernel_args.n; i++)
        strv_add(&words, s->kernel_args.v[i]);
    if (s->epoch_ns)
        strv_addf(&words, ARG_EPOCH "%llu", (unsigned long long)s->epoch_ns);
    for (size_t i = 0; i < s->user_args.n; i++)
        strv_add(&words, s->user_args.v[i]);
    for (size_t i = 0; i < words.n; i++)
        buf_addf(&line, "%s%s", i ? " " : "", words.v[i]);
    strv_add(args, "-append");
    strv_take(args, line.p ? line.p : xstrdup(""));
}

static const char *const port_names[] = {
    [VMM_STDIN] = PORT_STDIN,
    [VMM_STDOUT] = PORT_STDOUT,
    [VMM_STDERR] = PORT_STDERR,
    [VMM_CONTROL] = PORT_CONTROL,
};

static void add_chardev(const struct vmm_spec *s, struct strv *args, enum vmm_stream stream)
{
    static const char *const alone[] = {
        [VMM_STDIN] = "stdio,id=c0,signal=off",
        [VMM_STDOUT] = "file,id=c1,path=/dev/stdout,append=on",
        [VMM_STDERR] = "file,id=c2,path=/dev/stderr,append=on",
        [VMM_CONTROL] = "null,id=c3",
        [VMM_SERIAL] = "file,id=c4,path=/dev/stderr,append=on",
    };

    strv_add(args, "-chardev");
    if (s->standalone)
        strv_add(args, alone[stream]);
    else
        strv_addf(args, "socket,id=c%d,fd=%d", stream, s->fds[stream]);
}

static void add_streams(const struct vmm_spec *s, struct strv *args)
{
    char options[32];

    /* Port 0 is the console's; ours follow. */
    snprintf(options, sizeof(options), ",max_ports=%d", VMM_CONTROL + 2);
    add_device(s, args, "virtio-serial", options);
    for (int i = 0; i < VMM_NR_STREAMS; i++) {
        add_chardev(s, args, i);
        if (i == VMM_SERIAL) {
            strv_add(args, "-serial");
            strv_addf(args, "chardev:c%d", i);
        } else {
            strv_add(args, "-device");
            strv_addf(args, "virtserialport,chardev=c%d,name=%s", i, port_names[i]);
        }
    }
}

static void add_vsock(const struct vmm_spec *s, struct strv *args)
{
    char options[40];

    if (!s->vsock.cid)
        return;
    if (s->vsock.socket) { /* the backend knows the address */
        _cleanup_free_ char *path = escape(s->vsock.socket);

        strv_add(args, "-chardev");
        strv_addf(args, "socket,id=vsock,path=%s", path);
        add_device(s, args, "vhost-user-vsock", ",chardev=vsock");
        return;
    }
    snprintf(options, sizeof(options), ",guest-cid=%u", s->vsock.cid);
    add_device(s, args, "vhost-vsock", options);
}

void vmm_command(const struct vmm_spec *s, struct strv *args)
{
    strv_add(args, s->qemu);
    add_machine(s, args);
    add_kernel(s, args);
    strv_add(args, "-device");
    strv_addf(args, "isa-debug-exit,iobase=0x%x,iosize=4", DEBUG_EXIT_PORT);
    if (!s->image)
        return;
    _cleanup_free_ char *image = escape(s->image);

    strv_add(args, "-drive");
    strv_addf(args, "if=none,id=root,format=raw,readonly=on,file=%s", image);
    add_device(s, args, "virtio-blk", ",drive=root");
    add_streams(s, args);
    add_device(s, args, "virtio-rng", "");
    add_vsock(s, args);
    if (s->net)
        netargs_vmm(s->net, s->machine != VMM_MICROVM, s->standalone, args);
}

void vmm_quote(const struct strv *args, struct buf *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";

    for (size_t i = 0; i < args->n; i++) {
        const char *s = args->v[i];

        buf_adds(out, i ? " " : "");
        if (*s && s[strspn(s, plain)] == 0) {
            buf_adds(out, s);
            continue;
        }
        buf_adds(out, "'");
        for (; *s; s++)
            buf_add(out, *s == '\'' ? "'\\''" : s, *s == '\'' ? 4 : 1);
        buf_adds(out, "'");
    }
}
