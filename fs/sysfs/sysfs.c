/* SPDX-License-Identifier: BSD-2-Clause */
/* sysfs.c: the little of /sys that C libraries, Go and Java read: CPUs, huge pages, cgroups, network devices. */
#include "abi/fs.h"
#include "fs/filesystems.h"
#include "fs/pseudo.h"
#include "kernel/cpu.h"
#include "kernel/mm.h"
#include "lib/string.h"

#define NODE(n, s)                                   \
    {                                                \
        .name = n, .mode = S_IFREG | 0444, .show = s \
    }
#define TEXT(n, t)                                                                  \
    {                                                                               \
        .name = n, .mode = S_IFREG | 0444, .show = show_text, .arg = (uintptr_t)(t) \
    }
#define DIRECTORY(n, c)                                  \
    {                                                    \
        .name = n, .mode = S_IFDIR | 0555, .children = c \
    }

static int show_text(struct seq *s, struct inode *i)
{
    seq_puts(s, (const char *)pseudo_i(i)->node->arg);
    return 0;
}

static const struct pseudo_node empty[] = { { .name = NULL } };

/* ---- CPUs ---- */

static int show_cpus(struct seq *s, struct inode *i)
{
    if (nr_cpus > 1)
        seq_printf(s, "0-%u\n", nr_cpus - 1);
    else
        seq_puts(s, "0\n");
    return 0;
}

static int show_cpu(struct seq *s, struct inode *i)
{
    seq_printf(s, "%u\n", (unsigned)pseudo_key(i));
    return 0;
}

static int show_cpu_mask(struct seq *s, struct inode *i)
{
    seq_printf(s, "%llx\n", 1ull << (pseudo_key(i) % 64));
    return 0;
}

static const struct pseudo_node topology[] = {
    TEXT("physical_package_id", "0\n"),
    TEXT("die_id", "0\n"),
    NODE("core_id", show_cpu),
    NODE("thread_siblings", show_cpu_mask),
    NODE("thread_siblings_list", show_cpu),
    NODE("core_cpus", show_cpu_mask),
    NODE("core_cpus_list", show_cpu),
    NODE("core_siblings_list", show_cpus),
    NODE("package_cpus_list", show_cpus),
    { .name = NULL },
};

static const struct pseudo_node cpu_nodes[] = {
    DIRECTORY("topology", topology),
    DIRECTORY("cache", empty), /* the hypervisor's caches are not ours to describe */
    TEXT("online", "1\n"),
    { .name = NULL },
};

static const struct pseudo_node cpu_dir_node = DIRECTORY("cpu", cpu_nodes);

static int cpu_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    char text[8];
    const char *s = text + 3;
    uint64_t n;

    if (len <= 3 || len >= sizeof(text))
        return -ENOENT;
    memcpy(text, name, len);
    text[len] = 0;
    if (memcmp(text, "cpu", 3) || (text[3] == '0' && len > 4) || !str_u64(&s, 10, &n) || *s || n >= nr_cpus)
        return -ENOENT;
    *out = pseudo_inode_new(dir->sb, &cpu_dir_node, n, NULL, 0);
    return *out ? 0 : -ENOMEM;
}

static int cpu_readdir(struct inode *dir, struct pseudo_emitter *e, uint64_t pos)
{
    for (; pos < nr_cpus; pos++) {
        char name[16];

        snprintf(name, sizeof(name), "cpu%u", (unsigned)pos);
        if (!pseudo_emit(e, pos, name, pseudo_ino(&cpu_dir_node, pos), DT_DIR))
            break;
    }
    return 0;
}

static const struct pseudo_dir cpus_dir = { .lookup = cpu_lookup, .readdir = cpu_readdir };

static const struct pseudo_node cpu_dir_nodes[] = {
    NODE("online", show_cpus), NODE("possible", show_cpus), NODE("present", show_cpus), TEXT("offline", "\n"),
    TEXT("isolated", "\n"),    TEXT("kernel_max", "63\n"),  { .name = NULL },
};

static const struct pseudo_node node0[] = {
    NODE("cpulist", show_cpus),
    { .name = NULL },
};

static const struct pseudo_node nodes[] = {
    TEXT("online", "0\n"),     TEXT("possible", "0\n"),   TEXT("has_cpu", "0\n"),
    TEXT("has_memory", "0\n"), DIRECTORY("node0", node0), { .name = NULL },
};

static const struct pseudo_node system_nodes[] = {
    { .name = "cpu", .mode = S_IFDIR | 0555, .children = cpu_dir_nodes, .dir = &cpus_dir },
    DIRECTORY("node", nodes),
    { .name = NULL },
};

static const struct pseudo_node devices[] = {
    DIRECTORY("system", system_nodes),
    { .name = NULL },
};

/* ---- memory ---- */

static const char *const thp_names[] = {
    [THP_NEVER] = "never", [THP_MADVISE] = "madvise", [THP_ALWAYS] = "always"
};

static int show_thp(struct seq *s, struct inode *i)
{
    static const unsigned char order[] = { THP_ALWAYS, THP_MADVISE, THP_NEVER };

    for (unsigned n = 0; n < ARRAY_SIZE(order); n++) {
        bool set = vm_settings.huge_pages == order[n];

        seq_printf(s, "%s%s%s%s", n ? " " : "", set ? "[" : "", thp_names[order[n]], set ? "]" : "");
    }
    seq_puts(s, "\n");
    return 0;
}

static ssize_t write_thp(struct inode *i, const char *text, size_t len)
{
    size_t n = len && text[len - 1] == '\n' ? len - 1 : len;

    for (unsigned k = 0; k < ARRAY_SIZE(thp_names); k++)
        if (strlen(thp_names[k]) == n && !memcmp(thp_names[k], text, n)) {
            vm_settings.huge_pages = k;
            return len;
        }
    return -EINVAL;
}

static const struct pseudo_node thp[] = {
    { .name = "enabled", .mode = S_IFREG | 0644, .show = show_thp, .write = write_thp },
    TEXT("hpage_pmd_size", "2097152\n"),
    TEXT("defrag", "always defer defer+madvise [madvise] never\n"),
    TEXT("shmem_enabled", "always within_size advise [never] deny force\n"),
    { .name = NULL },
};

static const struct pseudo_node mm_nodes[] = {
    DIRECTORY("transparent_hugepage", thp),
    DIRECTORY("hugepages", empty),
    { .name = NULL },
};

static const struct pseudo_node kernel_nodes[] = {
    DIRECTORY("mm", mm_nodes),
    { .name = NULL },
};

/* ---- the rest ---- */

static const struct pseudo_node cgroup[] = {
    TEXT("cgroup.controllers", "\n"),
    TEXT("cgroup.subtree_control", "\n"),
    { .name = NULL },
};

static const struct pseudo_node fs_nodes[] = {
    DIRECTORY("cgroup", cgroup),
    { .name = NULL },
};

static const struct pseudo_node class_nodes[] = {
    DIRECTORY("net", empty),
    { .name = NULL },
};

static const struct pseudo_node top[] = {
    DIRECTORY("block", empty), DIRECTORY("bus", empty),           DIRECTORY("class", class_nodes),
    DIRECTORY("dev", empty),   DIRECTORY("devices", devices),     DIRECTORY("firmware", empty),
    DIRECTORY("fs", fs_nodes), DIRECTORY("kernel", kernel_nodes), DIRECTORY("module", empty),
    { .name = NULL },
};

static const struct pseudo_node root = DIRECTORY("/", top);

static int sysfs_mount(const struct filesystem *fs, const char *source, unsigned flags, const char *data,
                       struct super **out)
{
    return pseudo_mount(fs, &root, SYSFS_MAGIC, flags, out);
}

const struct filesystem sysfs_filesystem = { .name = "sysfs", .nodev = true, .mount = sysfs_mount };
