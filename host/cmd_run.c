/* SPDX-License-Identifier: BSD-2-Clause */
#include "abi/control.h"
#include "abi/image.h"
#include "host/accel.h"
#include "host/bootchart.h"
#include "host/cache.h"
#include "host/commands.h"
#include "host/hash.h"
#include "host/image.h"
#include "host/msg.h"
#include "host/net.h"
#include "host/options.h"
#include "host/process.h"
#include "host/request.h"
#include "host/size.h"
#include "host/supervise.h"
#include "host/term.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define DEFAULT_MEMORY (256ull << 20)
#define MIN_MEMORY     (1ull << 20)
#define MAX_CPUS       255

struct run_options {
    struct request request;
    struct process_options process;
    struct net_options net;
    const char *memory, *cpus, *name, *kernel, *vmm, *accel, *stats, *restart, *vsock;
    struct strv kernel_args;
    bool bootchart, dry_run, quiet, verbose, help, detach, remove;
};

#define O(field) offsetof(struct run_options, field)
static const struct option_row rows[] = {
    { 'e', "env", "NAME[=VALUE]", OPTION_LIST, O(process.env), "set an environment variable" },
    { 0, "env-file", "FILE", OPTION_LIST, O(process.env_files), "read environment variables from a file" },
    { 'w', "workdir", "DIR", OPTION_STRING, O(process.workdir), "working directory (default /)" },
    { 'u', "user", "UID[:GID]", OPTION_STRING, O(process.user), "run as this user (default 0:0)" },
    { 0, "entrypoint", "PROGRAM", OPTION_STRING, O(process.entrypoint),
      "execute this program of the image instead" },
    { 0, "hostname", "NAME", OPTION_STRING, O(process.hostname),
      "the guest's host name (default: --name, or proa)" },
    { 'v', "volume", "HOST:GUEST[:ro]", OPTION_LIST, O(request.volumes),
      "copy a file or folder into the image" },
    { 0, "add", "PATH[:GUEST]", OPTION_LIST, O(request.adds),
      "add a file (with the libraries it loads) or a folder" },
    { 0, "root", "DIR", OPTION_STRING, O(request.root), "start from this folder as the guest's root" },
    { 0, "package", "NAME", OPTION_LIST, O(request.packages),
      "add an installed Debian package and what it needs" },
    { 0, "no-packages", NULL, OPTION_FLAG, O(request.no_packages), "add nothing but what the loader loads" },
    { 'd', "detach", NULL, OPTION_FLAG, O(detach), "run in the background; print the VM's id" },
    { 0, "restart", "POLICY", OPTION_STRING, O(restart),
      "with -d, what follows its end: no (default), on-failure[:N] or always" },
    { 0, "rm", NULL, OPTION_FLAG, O(remove), "with -d: forget the VM when it has ended" },
    { 'p', "publish", "[ADDR:][HOST:]GUEST[/udp]", OPTION_LIST, O(net.ports),
      "forward a port of the host to the guest's; without HOST a free one" },
    { 0, "network", "NETWORK", OPTION_LIST, O(net.networks),
      "user (default), none, tap=NAME, bridge=NAME, udp=PORT:PORT; several make several cards" },
    { 0, "ip", "ADDR[/PREFIX]", OPTION_STRING, O(net.ip),
      "the guest's IPv4 address (a tap's or bridge's: DHCP)" },
    { 0, "ip6", "ADDR[/PREFIX]", OPTION_STRING, O(net.ip6), "the guest's IPv6 address" },
    { 0, "gateway", "ADDR", OPTION_STRING, O(net.gateway), "its gateway" },
    { 0, "dns", "ADDR", OPTION_LIST, O(net.dns), "a name server, at most two" },
    { 0, "nameserver", "ADDR", OPTION_LIST, O(net.dns), NULL },
    { 0, "mac", "MAC", OPTION_STRING, O(net.mac), "the card's hardware address" },
    { 0, "mac-address", "MAC", OPTION_STRING, O(net.mac), NULL },
    { 0, "add-host", "NAME:ADDR", OPTION_LIST, O(net.hosts), "add a line to the guest's /etc/hosts" },
    { 0, "pcap", "FILE", OPTION_STRING, O(net.pcap),
      "record what the guest sends and receives, for Wireshark" },
    { 0, "vsock", "CID[,socket=PATH]", OPTION_STRING, O(vsock),
      "the guest's address for AF_VSOCK; with the socket of a vhost-user backend" },
    { 'm', "memory", "SIZE", OPTION_STRING, O(memory), "memory of the VM (default 256m)" },
    { 0, "cpus", "N", OPTION_STRING, O(cpus), "virtual CPUs (default 1)" },
    { 0, "name", "NAME", OPTION_STRING, O(name), "name the VM (with -d: for ps, logs, stop, ...)" },
    { 0, "kernel", "FILE", OPTION_STRING, O(kernel), "the kernel to boot" },
    { 0, "kernel-arg", "ARG", OPTION_LIST, O(kernel_args), "add a kernel argument" },
    { 0, "vmm", "qemu[:MACHINE]", OPTION_STRING, O(vmm),
      "the VMM and its machine: microvm (default), q35, pc" },
    { 0, "accel", "ACCEL", OPTION_STRING, O(accel), "auto (default), kvm or tcg[,PROPERTY=VALUE...]" },
    { 0, "bootchart", NULL, OPTION_FLAG, O(bootchart), "print where the time of the boot went" },
    { 0, "stats", "FILE", OPTION_STRING, O(stats), "write times and memory to a file as NAME=VALUE lines" },
    { 0, "dry-run", NULL, OPTION_FLAG, O(dry_run), "print the VMM's command line and run nothing" },
    { 'q', "quiet", NULL, OPTION_FLAG, O(quiet), "no warnings, no kernel messages" },
    { 0, "verbose", NULL, OPTION_FLAG, O(verbose), "say what is done and why; show all kernel messages" },
    { 'h', "help", NULL, OPTION_FLAG, O(help), "this text" },
    /* docker's, for the fingers' habit: streams are always connected. */
    { 'i', "interactive", NULL, OPTION_IGNORE, 0, NULL },
    { 't', "tty", NULL, OPTION_IGNORE, 0, NULL },
    { 0 },
};

static int help(void)
{
    printf("Usage: proa run [OPTIONS] [--] PROGRAM|IMAGE [ARGS...]\n\n"
           "Runs a program of this host, or an image made by `proa build`, as a microVM.\n"
           "The exit status is the program's; 125 says that proa or the VM failed, 126 that the\n"
           "program cannot be executed, 127 that it or a library is missing.\n\nOptions:\n");
    options_help(rows);
    return 0;
}

static uint64_t epoch_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int parse_machine(const struct run_options *o, struct vmm_spec *spec)
{
    char *end;

    spec->memory = DEFAULT_MEMORY;
    if (o->memory && !size_parse(o->memory, &spec->memory))
        return msg_error("-m %s: not a size; write 64m or 1g", o->memory);
    if (spec->memory < MIN_MEMORY)
        return msg_error("-m %s: a VM needs at least 1m", o->memory);
    unsigned long cpus = o->cpus ? strtoul(o->cpus, &end, 10) : 1;

    if (o->cpus && (*end || cpus < 1 || cpus > MAX_CPUS))
        return msg_error("--cpus %s: expected a whole number from 1 to %d", o->cpus, MAX_CPUS);
    spec->cpus = cpus;
    if (o->vmm && !vmm_parse(o->vmm, &spec->machine))
        return msg_error("--vmm %s: expected qemu, qemu:microvm, qemu:q35 or qemu:pc", o->vmm);
    return o->vsock ? vsock_parse(o->vsock, &spec->vsock) : 0;
}

/* An image's own configuration. */
static int image_config(const char *path, struct config *config)
{
    struct image *im = image_open(path);
    _cleanup_buf_ struct buf text = { 0 };
    int err = im ? image_read(im, IMAGE_CONFIG, IMAGE_CONFIG_MAX, &text) : -1;

    image_close(im);
    return err ? EXIT_FAILED : config_parse(config, text.p, text.len, path) ? EXIT_FAILED : 0;
}

static bool wants_new_image(const struct request *r)
{
    return r->root || r->adds.n || r->volumes.n || r->packages.n;
}

/* The image to boot and its configuration, before the options that change the process. */
static int find_image(struct run_options *o, const char *name, char **image, struct config *config)
{
    if (name && image_probe(name)) {
        if (wants_new_image(&o->request)) {
            msg_error("%s is an image: -v, --add, --root and --package are for making one", name);
            return EXIT_FAILED;
        }
        *image = realpath(name, NULL);
        return *image ? image_config(*image, config) : EXIT_FAILED;
    }
    if (!name && !o->process.entrypoint) {
        msg_error("no program given; see proa run --help");
        return EXIT_FAILED;
    }
    const char *program = name ? name : o->process.entrypoint;
    int status = request_find_program(&o->request, program);

    if (status)
        return status;
    request_config(&o->request, program, config);
    return request_cached_image(&o->request, image);
}

/* The network, and what the guest's /etc/hosts says of it. */
static int set_network(const struct run_options *o, unsigned cpus, struct net *net, struct config *config)
{
    _cleanup_buf_ struct buf hosts = { 0 };

    if (net_parse(&o->net, o->process.hostname, cpus, net) ||
        net_hosts(net, &o->net, o->process.hostname, &hosts))
        return -1;
    if (hosts.len >= ANNOTATION_HOSTS_MAX)
        return msg_error("--add-host: more than %d bytes of names", ANNOTATION_HOSTS_MAX);
    if (hosts.len)
        config_set_annotation(config, ANNOTATION_HOSTS, hosts.p);
    return 0;
}

/* Which of the standard streams are terminals, for the guest. */
static void set_terminal(struct config *config)
{
    static const char *const names[] = { "stdin", "stdout", "stderr" };
    _cleanup_buf_ struct buf list = { 0 };
    unsigned rows = 0, cols = 0;

    for (int fd = 0; fd < 3; fd++)
        if (isatty(fd))
            buf_addf(&list, "%s%s", list.len ? "," : "", names[fd]);
    term_size(&rows, &cols);
    config_set_terminal(config, list.len > 0, rows, cols);
    config_set_annotation(config, ANNOTATION_TTY, list.p);
    if (list.len && !config_env(config, "TERM")) {
        _cleanup_free_ char *term = xasprintf("TERM=%s", getenv("TERM") ? getenv("TERM") : "xterm");

        config_set_env(config, term);
    }
}

static void kernel_args(const struct run_options *o, struct vmm_spec *spec)
{
    strv_add(&spec->kernel_args, ARG_CONSOLE);
    strv_add(&spec->kernel_args, o->verbose ? ARG_LOGLEVEL "8" : ARG_LOGLEVEL "5");
    if (o->bootchart || o->stats)
        strv_add(&spec->kernel_args, ARG_BOOTCHART);
    for (size_t i = 0; i < o->kernel_args.n; i++)
        strv_add(&spec->user_args, o->kernel_args.v[i]);
}

/* --dry-run: a command that works when pasted, so its configuration stays in the cache under its content's name. */
static int dry_run(struct vmm_spec *spec, const char *text)
{
    char hex[HASH_HEX_LEN + 1];
    _cleanup_buf_ struct buf line = { 0 };
    _cleanup_strv_ struct strv args = { 0 };

    hash_hex(text, strlen(text), hex);
    _cleanup_free_ char *path = xasprintf("%s/tmp/%s.json", cache_dir(), hex);
    _cleanup_fclose_ FILE *f = fopen(path, "we");

    if (!f || fputs(text, f) < 0 || fflush(f)) {
        msg_error("%s: %s", path, strerror(errno));
        return EXIT_FAILED;
    }
    spec->config = path;
    spec->standalone = true;
    vmm_command(spec, &args);
    vmm_quote(&args, &line);
    printf("%s\n", line.p);
    return 0;
}

/* The configuration as a file that the VMM inherits. */
static int config_file(const char *text, char **path)
{
    int fd = memfd_create("proa-config", 0);
    size_t len = strlen(text);

    if (len > IMAGE_CONFIG_MAX)
        return msg_error("arguments and environment are longer than %d bytes", IMAGE_CONFIG_MAX);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len)
        return msg_error("the configuration cannot be written: %s", strerror(errno));
    *path = xasprintf("/proc/self/fd/%d", fd);
    return 0;
}

static int boot(const struct run_options *o, struct vmm_spec *spec, struct net *net, const char *text,
                uint64_t start)
{
    /* A shared lock keeps cache_trim() of others off the image. */
    _cleanup_close_ int lock = open(spec->image, O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *path = NULL;
    struct relay_result res;

    if (lock < 0 || flock(lock, LOCK_SH) < 0) {
        msg_error("%s: %s", spec->image, strerror(errno));
        return EXIT_FAILED;
    }
    if (config_file(text, &path) || vmm_open_host(spec, net))
        return EXIT_FAILED;
    net_say(net);
    spec->config = path;
    spec->epoch_ns = epoch_ns();
    uint64_t ready = now_us();

    relay_run(spec, isatty(STDIN_FILENO), NULL, &res);
    if (o->bootchart)
        bootchart_print(&res, ready - start);
    if (o->stats && bootchart_write(&res, o->stats) && !res.status)
        res.status = EXIT_FAILED;
    free(res.boot);
    free(res.memory);
    return res.status;
}

static char *absolute(const char *path)
{
    char cwd[PATH_MAX];

    return *path == '/' || !getcwd(cwd, sizeof(cwd)) ? xstrdup(path) : xasprintf("%s/%s", cwd, path);
}

/* What a supervisor needs, and needs again after the folder and the options here are forgotten. */
static int detach(const struct run_options *o, struct vmm_spec *spec, struct net *net, char *text,
                  char **argv)
{
    struct service v = { .config = text, .remove = o->remove, .quiet = o->quiet, .verbose = o->verbose };
    _cleanup_free_ char *kernel = absolute(spec->kernel), *qemu = absolute(spec->qemu), *dir = NULL;
    bool image = argv[0] && image_probe(argv[0]);
    int lock;

    if (o->restart && service_parse_restart(o->restart, &v))
        return EXIT_FAILED;
    v.name = o->name ? xstrdup(o->name) : NULL;
    v.program = xstrdup(argv[0] ? argv[0] : o->process.entrypoint);
    for (char **arg = argv; *arg; arg++)
        strv_add(&v.command, *arg);
    v.created = time(NULL);
    if (net->pcap) {
        char *path = absolute(net->pcap);

        free(net->pcap);
        net->pcap = path;
    }
    if (vmm_open_host(spec, net))
        return EXIT_FAILED;
    spec->kernel = kernel;
    spec->qemu = qemu;
    v.spec = *spec;
    v.net = *net;
    v.spec.net = &v.net;
    *net = (struct net){ 0 };
    if (vm_create(&v, !image, &dir, &lock))
        return EXIT_FAILED;
    int status = supervise_start(&v, dir, lock);

    if (status)
        vm_remove(dir);
    else
        printf("%s\n", v.id);
    return status;
}

static int check_detach(const struct run_options *o)
{
    if (!o->detach && o->restart)
        return msg_error("--restart: only with -d");
    if (o->detach && o->remove && o->restart && strcmp(o->restart, "no"))
        return msg_error("--restart and --rm contradict each other");
    if (o->detach && (o->bootchart || o->stats || o->dry_run))
        return msg_error("--bootchart, --stats and --dry-run: not with -d");
    return 0;
}

int cmd_run(int argc, char **argv)
{
    struct run_options o = { 0 };
    struct vmm_spec spec = { 0 };
    uint64_t start = now_us();
    int first = options_parse(rows, argc, argv, &o);
    _cleanup_config_ struct config config = { 0 };
    _cleanup_net_ struct net net = { 0 };

    if (first < 0)
        return EXIT_FAILED;
    if (o.help)
        return help();
    msg_level = o.quiet ? MSG_QUIET : o.verbose ? MSG_VERBOSE : MSG_NORMAL;
    if (parse_machine(&o, &spec) || check_detach(&o))
        return EXIT_FAILED;
    if (!o.process.hostname)
        o.process.hostname = o.name;
    spec.name = o.name;

    char **rest = first < argc ? argv + first + 1 : argv + argc, *image = NULL;
    int status = find_image(&o, first < argc ? argv[first] : NULL, &image, &config);

    if (status)
        return status;
    if (process_apply(&o.process, rest, &config))
        return EXIT_FAILED;
    if (set_network(&o, spec.cpus, &net, &config))
        return EXIT_FAILED;
    spec.net = &net;
    if (!o.detach) /* nobody's terminal: its streams end in the log */
        set_terminal(&config);
    kernel_args(&o, &spec);
    spec.image = image;
    spec.qemu = vmm_find();
    spec.kernel = spec.qemu ? vmm_find_kernel(o.kernel) : NULL;
    spec.accel = spec.kernel ? accel_choose(o.accel, spec.qemu, !o.dry_run) : NULL;
    if (!spec.accel)
        return EXIT_FAILED;
    _cleanup_free_ char *text = config_text(&config, false);

    if (o.detach)
        return detach(&o, &spec, &net, text, argv + first);
    return o.dry_run ? dry_run(&spec, text) : boot(&o, &spec, &net, text, start);
}
