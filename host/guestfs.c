/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/guestfs.h"
#include "host/accounts.h"

static const struct {
    const char *path;
    mode_t mode;
} folders[] = {
    { "/proc", 0555 }, { "/sys", 0555 },  { "/dev", 0755 }, { "/tmp", 01777 },
    { "/run", 0755 },  { "/root", 0700 }, { "/etc", 0755 }, { "/var/tmp", 01777 },
};

static const struct {
    const char *path, *text;
} files[] = {
    { "/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tproa\n" },
    { "/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n" },
};

/* True if the guest has a file of that name, links followed. */
static bool in_guest(const char *path, void *arg)
{
    return manifest_add_host(arg, path, NULL) == 0;
}

/* Would adding the path add nothing? Asked on entries alone, parents' links followed by the host's own. */
static bool present(const char *path, void *arg)
{
    struct manifest *m = arg;
    char *real = realpath(path, NULL);
    bool found = real && manifest_find(m, real);

    free(real);
    /* The name itself may be a link that is not there yet. */
    return found && in_guest(path, m);
}

static void add_ld_cache(struct manifest *m, const struct closure *c)
{
    _cleanup_buf_ struct buf cache = { 0 };

    if (c->cache && c->uses_glibc && !manifest_find(m, "/etc/ld.so.cache") &&
        ldcache_filter(c->cache, present, m, &cache))
        manifest_add_file(m, "/etc/ld.so.cache", cache.p, cache.len, 0644);
}

static void add_accounts(struct manifest *m)
{
    _cleanup_buf_ struct buf passwd = { 0 }, group = { 0 };

    accounts_read(&passwd, &group);
    manifest_add_file(m, "/etc/passwd", passwd.p, passwd.len, 0644);
    manifest_add_file(m, "/etc/group", group.p, group.len, 0644);
    manifest_watch(m, ACCOUNTS_PASSWD);
    manifest_watch(m, ACCOUNTS_GROUP);
}

void guestfs_complete(struct manifest *m, const struct closure *c)
{
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        manifest_add_dir(m, folders[i].path, folders[i].mode);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        manifest_add_file(m, files[i].path, files[i].text, strlen(files[i].text), 0644);
    add_accounts(m);
    /* Where Linux shows the name servers of ip= and of its DHCP client (nfsroot.rst); nothing need be written at boot. */
    manifest_add_link(m, "/etc/resolv.conf", "/proc/net/pnp");
    if (c)
        add_ld_cache(m, c);
    if (c && c->uses_musl)
        manifest_add_host(m, "/etc/ld-musl-x86_64.path", NULL);
}
