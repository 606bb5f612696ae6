/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/process.h"
#include "abi/image.h"
#include "host/msg.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>

/* "NAME=VALUE", or "NAME" for the variable's value on the host (none: it is left out), as docker. */
static int set_env(struct config *config, const char *s)
{
    const char *equals = strchr(s, '='), *value;

    if (!*s || equals == s)
        return msg_error("-e %s: expected NAME=VALUE or NAME", s);
    if (equals) {
        config_set_env(config, s);
        return 0;
    }
    value = getenv(s);
    if (value) {
        _cleanup_free_ char *assignment = xasprintf("%s=%s", s, value);

        config_set_env(config, assignment);
    }
    return 0;
}

static int read_env_file(struct config *config, const char *path)
{
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    _cleanup_free_ char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    if (!f)
        return msg_error("--env-file %s: %s", path, strerror(errno));
    while ((n = getline(&line, &cap, f)) >= 0) {
        char *p = line + strspn(line, " \t");

        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = 0;
        if (*p && *p != '#' && set_env(config, p))
            return -1;
    }
    return 0;
}

static bool parse_id(const char *s, const char **end, unsigned *id)
{
    char *e;
    unsigned long n = strtoul(s, &e, 10);

    *end = e;
    *id = n;
    return isdigit((unsigned char)*s) && n < UINT_MAX;
}

static int set_user(struct config *config, const char *s)
{
    unsigned uid, gid = 0;
    const char *end;

    if (!parse_id(s, &end, &uid) || (*end == ':' && !parse_id(end + 1, &end, &gid)) || *end)
        return msg_error("-u %s: expected UID[:GID] in numbers", s);
    config_set_user(config, uid, gid);
    return 0;
}

static void set_args(const struct process_options *o, char **args, struct config *config)
{
    _cleanup_strv_ struct strv old = { 0 }, new = { 0 };

    if (!o->entrypoint && !*args)
        return;
    config_args(config, &old);
    if (o->entrypoint) {
        strv_add(&new, o->entrypoint);
        config_set_annotation(config, ANNOTATION_EXEC, NULL);
    } else if (old.n) {
        strv_add(&new, old.v[0]);
    }
    for (; *args; args++)
        strv_add(&new, *args);
    config_set_args(config, &new);
}

int process_apply(const struct process_options *o, char **args, struct config *config)
{
    for (size_t i = 0; i < o->env_files.n; i++)
        if (read_env_file(config, o->env_files.v[i]))
            return -1;
    for (size_t i = 0; i < o->env.n; i++)
        if (set_env(config, o->env.v[i]))
            return -1;
    if (o->workdir && *o->workdir != '/')
        return msg_error("-w %s: expected an absolute path", o->workdir);
    if (o->workdir)
        config_set_cwd(config, o->workdir);
    if (o->hostname && (!*o->hostname || strlen(o->hostname) > HOST_NAME_MAX))
        return msg_error("--hostname %s: expected 1 to %d characters", o->hostname, HOST_NAME_MAX);
    if (o->hostname)
        config_set_hostname(config, o->hostname);
    if (o->user && set_user(config, o->user))
        return -1;
    set_args(o, args, config);
    return 0;
}
