/* SPDX-License-Identifier: BSD-2-Clause */
/* sysctl.c: /proc/sys. What can be written is honoured; the rest tells how the kernel is. */
#include "abi/fs.h"
#include "kernel/mm.h"
#include "kernel/random.h"
#include "lib/string.h"
#include "linux/epoll.h"
#include "linux/proc/proc.h"
#include "linux/shm.h"
#include "linux/uts.h"
#include "net/inet.h"
#include "net/tcp/tcp.h"

static int show_text(struct seq *s, struct inode *i)
{
    seq_printf(s, "%s\n", (const char *)pseudo_i(i)->node->arg);
    return 0;
}

#define TEXT(n, t)                                                                  \
    {                                                                               \
        .name = n, .mode = S_IFREG | 0444, .show = show_text, .arg = (uintptr_t)(t) \
    }

/* ---- numbers that count ---- */

struct number {
    void *at;
    unsigned bytes; /* 4 or 8 */
    uint64_t max;
};

static int show_number(struct seq *s, struct inode *i)
{
    const struct number *n = (const struct number *)pseudo_i(i)->node->arg;

    seq_printf(s, "%llu\n", (unsigned long long)(n->bytes == 8 ? *(uint64_t *)n->at : *(uint32_t *)n->at));
    return 0;
}

/* In any of C's bases, as Linux reads it. */
static ssize_t write_number(struct inode *i, const char *text, size_t len)
{
    const struct number *n = (const struct number *)pseudo_i(i)->node->arg;
    const char *s = text;
    uint64_t v;

    while (*s == ' ' || *s == '\t')
        s++;
    if (!str_u64(&s, 0, &v) || (*s && *s != '\n' && *s != ' ') || v > n->max)
        return -EINVAL;
    if (n->bytes == 8)
        *(uint64_t *)n->at = v;
    else
        *(uint32_t *)n->at = v;
    return len;
}

#define NUMBER(n, variable, limit)                                                     \
    {                                                                                  \
        .name = n, .mode = S_IFREG | 0644, .show = show_number, .write = write_number, \
        .arg = (uintptr_t) & (const struct number)                                     \
        {                                                                              \
            &(variable), sizeof(variable), limit                                       \
        }                                                                              \
    }

/* ---- kernel ---- */

/* A field of uts; those that sethostname(2) and setdomainname(2) set can be written. */
static int show_name(struct seq *s, struct inode *i)
{
    seq_printf(s, "%s\n", (const char *)pseudo_i(i)->node->arg);
    return 0;
}

static ssize_t write_name(struct inode *i, const char *text, size_t len)
{
    char *field = (char *)pseudo_i(i)->node->arg;
    const char *end = memchr(text, '\n', len);
    size_t n = MIN(end ? (size_t)(end - text) : len, (size_t)__NEW_UTS_LEN);

    memset(field, 0, __NEW_UTS_LEN + 1);
    memcpy(field, text, n);
    return len;
}

#define NAME(n, f)                                                                    \
    {                                                                                 \
        .name = n, .mode = S_IFREG | 0444, .show = show_name, .arg = (uintptr_t)uts.f \
    }
#define NAME_WRITABLE(n, f)                                                                                \
    {                                                                                                      \
        .name = n, .mode = S_IFREG | 0644, .show = show_name, .write = write_name, .arg = (uintptr_t)uts.f \
    }

static void show_uuid_bytes(struct seq *s, uint8_t *b)
{
    b[6] = (b[6] & 0x0f) | 0x40; /* RFC 4122 §4.4: version 4, random */
    b[8] = (b[8] & 0x3f) | 0x80;
    for (unsigned n = 0; n < 16; n++)
        seq_printf(s, "%s%02x", n == 4 || n == 6 || n == 8 || n == 10 ? "-" : "", b[n]);
    seq_puts(s, "\n");
}

static int show_uuid(struct seq *s, struct inode *i)
{
    uint8_t b[16];

    random_bytes(b, sizeof(b));
    show_uuid_bytes(s, b);
    return 0;
}

/* Made when first asked for. */
static int show_boot_id(struct seq *s, struct inode *i)
{
    static uint8_t id[16];
    static bool made;

    if (!made)
        random_bytes(id, sizeof(id));
    made = true;
    show_uuid_bytes(s, id);
    return 0;
}

static int show_entropy(struct seq *s, struct inode *i)
{
    seq_puts(s, random_ready() ? "256\n" : "0\n");
    return 0;
}

static const struct pseudo_node random_nodes[] = {
    PROC_FILE("boot_id", 0444, show_boot_id),
    PROC_FILE("entropy_avail", 0444, show_entropy),
    TEXT("poolsize", "256"),
    TEXT("urandom_min_reseed_secs", "60"),
    PROC_FILE("uuid", 0444, show_uuid),
    TEXT("write_wakeup_threshold", "256"),
    { .name = NULL },
};

static const struct pseudo_node kernel_nodes[] = {
    TEXT("cap_last_cap", "40"),
    TEXT("core_pattern", "core"),
    TEXT("core_uses_pid", "0"),
    TEXT("dmesg_restrict", "0"),
    NAME_WRITABLE("domainname", domainname),
    NAME_WRITABLE("hostname", nodename),
    TEXT("kptr_restrict", "0"),
    TEXT("ngroups_max", "65536"),
    NAME("osrelease", release),
    NAME("ostype", sysname),
    TEXT("overflowgid", "65534"),
    TEXT("overflowuid", "65534"),
    TEXT("panic", "0"),
    TEXT("pid_max", "4194304"),
    TEXT("printk", "4\t4\t1\t7"),
    PROC_DIR("random", random_nodes),
    NUMBER("randomize_va_space", vm_settings.randomize_va_space, 2),
    NUMBER("shmall", shm_limits.all, UINT64_MAX),
    NUMBER("shmmax", shm_limits.max, UINT64_MAX),
    NUMBER("shmmni", shm_limits.segments, SHM_MOST),
    TEXT("sched_rr_timeslice_ms", "3"),
    TEXT("tainted", "0"),
    TEXT("threads-max", "4194304"),
    NAME("version", version),
    { .name = NULL },
};

/* ---- vm ---- */

/* Drops names that nobody uses, and with them their cached pages. */
static ssize_t write_drop_caches(struct inode *i, const char *text, size_t len)
{
    const char *s = text;
    uint64_t v;

    if (!str_u64(&s, 10, &v) || v < 1 || v > 4)
        return -EINVAL;
    vfs_shrink(SIZE_MAX);
    return len;
}

static const struct pseudo_node vm_nodes[] = {
    { .name = "drop_caches", .mode = S_IFREG | 0200, .write = write_drop_caches },
    TEXT("legacy_va_layout", "0"),
    NUMBER("max_map_count", vm_settings.max_map_count, INT32_MAX),
    NUMBER("mmap_min_addr", vm_settings.mmap_min_addr, INT32_MAX),
    TEXT("nr_hugepages", "0"),
    TEXT("nr_overcommit_hugepages", "0"),
    TEXT("overcommit_kbytes", "0"),
    NUMBER("overcommit_memory", vm_settings.overcommit_memory, 2),
    NUMBER("overcommit_ratio", vm_settings.overcommit_ratio, INT32_MAX),
    TEXT("panic_on_oom", "0"),
    TEXT("swappiness", "60"),
    { .name = NULL },
};

/* ---- fs ---- */

static int show_epoll_max(struct seq *s, struct inode *i)
{
    seq_printf(s, "%llu\n", (unsigned long long)epoll_max_user_watches());
    return 0;
}

static const struct pseudo_node epoll_nodes[] = {
    PROC_FILE("max_user_watches", 0444, show_epoll_max),
    { .name = NULL },
};

static const struct pseudo_node inotify_nodes[] = {
    TEXT("max_queued_events", "16384"),
    TEXT("max_user_instances", "128"),
    TEXT("max_user_watches", "65536"),
    { .name = NULL },
};

static const struct pseudo_node fs_nodes[] = {
    TEXT("aio-max-nr", "65536"),        TEXT("aio-nr", "0"),
    PROC_DIR("epoll", epoll_nodes),     TEXT("file-max", "9223372036854775807"),
    PROC_DIR("inotify", inotify_nodes), TEXT("leases-enable", "1"),
    TEXT("nr_open", "1048576"),         TEXT("overflowgid", "65534"),
    TEXT("overflowuid", "65534"),       TEXT("pipe-max-size", "1048576"),
    TEXT("pipe-user-pages-hard", "0"),  TEXT("pipe-user-pages-soft", "16384"),
    TEXT("protected_fifos", "0"),       TEXT("protected_hardlinks", "0"),
    TEXT("protected_regular", "0"),     TEXT("protected_symlinks", "0"),
    TEXT("suid_dumpable", "0"),         { .name = NULL },
};

/* ---- net: what programs size their queues and buffers by ---- */

static const struct pseudo_node core_nodes[] = {
    TEXT("optmem_max", "131072"),
    TEXT("rmem_default", "212992"),
    TEXT("rmem_max", "212992"),
    TEXT("somaxconn", "4096"),
    TEXT("wmem_default", "212992"),
    TEXT("wmem_max", "212992"),
    { .name = NULL },
};

static const struct pseudo_node ipv4_nodes[] = {
    NUMBER("igmp_max_memberships", igmp_max_memberships, INT32_MAX),
    NUMBER("igmp_max_msf", igmp_max_msf, 1000),
    TEXT("ip_local_port_range", "32768\t60999"),
    TEXT("ip_unprivileged_port_start", "1024"),
    NUMBER("tcp_ecn", tcp_ecn, 2),
    NUMBER("tcp_ecn_fallback", tcp_ecn_fallback, 1),
    NUMBER("tcp_fastopen", tcp_fastopen, INT32_MAX),
    { .name = NULL },
};

static const struct pseudo_node ipv6_nodes[] = {
    NUMBER("mld_max_msf", mld_max_msf, 1000),
    { .name = NULL },
};

static const struct pseudo_node unix_nodes[] = {
    TEXT("max_dgram_qlen", "512"),
    { .name = NULL },
};

static const struct pseudo_node net_nodes[] = {
    PROC_DIR("core", core_nodes),
    PROC_DIR("ipv4", ipv4_nodes),
    PROC_DIR("ipv6", ipv6_nodes),
    PROC_DIR("unix", unix_nodes),
    { .name = NULL },
};

static const struct pseudo_node empty[] = { { .name = NULL } };

const struct pseudo_node proc_sys_nodes[] = {
    PROC_DIR("dev", empty),     PROC_DIR("fs", fs_nodes), PROC_DIR("kernel", kernel_nodes),
    PROC_DIR("net", net_nodes), PROC_DIR("vm", vm_nodes), { .name = NULL },
};
