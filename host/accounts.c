/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/accounts.h"
#include <grp.h>
#include <pwd.h>

#define SYSTEM_MAX 999 /* login.defs(5), SYS_UID_MAX, SYS_GID_MAX */
#define NOBODY     65534

static bool is_system(unsigned id)
{
    return id <= SYSTEM_MAX || id == NOBODY;
}

/* Adds line, NAME:..., unless names has NAME. */
static void add_missing(const struct strv *names, struct buf *out, const char *line)
{
    if (!strv_has(names, line, strcspn(line, ":")))
        buf_adds(out, line);
}

static void read_passwd(struct strv *users, struct buf *out)
{
    _cleanup_fclose_ FILE *f = fopen(ACCOUNTS_PASSWD, "re");
    struct passwd *p;

    while (f && (p = fgetpwent(f))) {
        if (!is_system(p->pw_uid))
            continue;
        strv_add(users, p->pw_name);
        buf_addf(out, "%s:x:%u:%u:%s:%s:%s\n", p->pw_name, p->pw_uid, p->pw_gid, p->pw_gecos, p->pw_dir,
                 p->pw_shell);
    }
    add_missing(users, out, "root:x:0:0:root:/root:/bin/sh\n");
    add_missing(users, out, "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
}

/* Members that are no system accounts are left out. */
static void read_group(const struct strv *users, struct buf *out)
{
    _cleanup_fclose_ FILE *f = fopen(ACCOUNTS_GROUP, "re");
    _cleanup_strv_ struct strv names = { 0 };
    struct group *g;

    while (f && (g = fgetgrent(f))) {
        const char *comma = "";

        if (!is_system(g->gr_gid))
            continue;
        strv_add(&names, g->gr_name);
        buf_addf(out, "%s:x:%u:", g->gr_name, g->gr_gid);
        for (char **member = g->gr_mem; *member; member++)
            if (strv_has(users, *member, strlen(*member))) {
                buf_addf(out, "%s%s", comma, *member);
                comma = ",";
            }
        buf_adds(out, "\n");
    }
    add_missing(&names, out, "root:x:0:\n");
    add_missing(&names, out, "tty:x:5:\n");
    add_missing(&names, out, "nogroup:x:65534:\n");
}

void accounts_read(struct buf *passwd, struct buf *group)
{
    _cleanup_strv_ struct strv users = { 0 };

    read_passwd(&users, passwd);
    read_group(&users, group);
}
