/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/accounts.h"
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>

#define SYSTEM_MAX 999 /* login.defs(5), SYS_UID_MAX, SYS_GID_MAX */
#define NOBODY     65534

static bool is_system(unsigned id)
{
    return id <= SYSTEM_MAX || id == NOBODY;
}

static bool is_among(const struct strv *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (!strcmp(names->v[i], name))
            return true;
    return false;
}

/* names: of the accounts taken. out: their lines, or NULL. */
static void read_accounts(struct strv *names, struct buf *out)
{
    _cleanup_fclose_ FILE *f = fopen(ACCOUNTS_PASSWD, "re");
    struct passwd *p;

    while (f && (p = fgetpwent(f))) {
        if (!is_system(p->pw_uid))
            continue;
        strv_add(names, p->pw_name);
        if (out)
            buf_addf(out, "%s:x:%u:%u:%s:%s:%s\n", p->pw_name, p->pw_uid, p->pw_gid, p->pw_gecos, p->pw_dir,
                     p->pw_shell);
    }
}

void accounts_passwd(struct buf *out)
{
    _cleanup_strv_ struct strv names = { 0 };

    read_accounts(&names, out);
    if (!is_among(&names, "root"))
        buf_adds(out, "root:x:0:0:root:/root:/bin/sh\n");
    if (!is_among(&names, "nobody"))
        buf_adds(out, "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
}

void accounts_group(struct buf *out)
{
    _cleanup_fclose_ FILE *f = fopen(ACCOUNTS_GROUP, "re");
    _cleanup_strv_ struct strv accounts = { 0 }, names = { 0 };
    struct group *g;

    read_accounts(&accounts, NULL);
    while (f && (g = fgetgrent(f))) {
        const char *comma = "";

        if (!is_system(g->gr_gid))
            continue;
        strv_add(&names, g->gr_name);
        buf_addf(out, "%s:x:%u:", g->gr_name, g->gr_gid);
        for (char **member = g->gr_mem; *member; member++)
            if (is_among(&accounts, *member)) {
                buf_addf(out, "%s%s", comma, *member);
                comma = ",";
            }
        buf_adds(out, "\n");
    }
    if (!is_among(&names, "root"))
        buf_adds(out, "root:x:0:\n");
    if (!is_among(&names, "tty"))
        buf_adds(out, "tty:x:5:\n");
    if (!is_among(&names, "nogroup"))
        buf_adds(out, "nogroup:x:65534:\n");
}
