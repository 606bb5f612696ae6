/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/find.h"
#include "abi/control.h"
#include "host/manifest.h"
#include "host/mem.h"
#include "host/msg.h"
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

static bool is_executable(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The version managers that share one layout: ROOT/shims, ROOT/versions, ROOT/version. */
static const struct manager {
    const char *env, *file;
} managers[] = {
    { "PYENV_VERSION", ".python-version" },
    { "RBENV_VERSION", ".ruby-version" },
    { "NODENV_VERSION", ".node-version" },
};

static char *first_line(const char *path)
{
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    char line[256];

    if (!f || !fgets(line, sizeof(line), f))
        return NULL;
    line[strcspn(line, " \t\r\n")] = 0;
    return *line ? xstrdup(line) : NULL;
}

/* The version in force: the variable, the file in this folder or one above it, the manager's own file. */
static char *chosen_version(const struct manager *mg, const char *root)
{
    const char *env = getenv(mg->env);
    char dir[PATH_MAX];

    if (env && *env)
        return xstrndup(env, strcspn(env, ":"));
    if (getcwd(dir, sizeof(dir))) {
        for (;;) {
            _cleanup_free_ char *file = xasprintf("%s/%s", dir, mg->file);
            char *version = first_line(file), *slash = strrchr(dir, '/');

            if (version || !slash)
                return version;
            *slash = 0;
            if (slash == dir)
                break;
        }
    }
    _cleanup_free_ char *global = xasprintf("%s/version", root);

    return first_line(global);
}

/* For ROOT/shims/NAME: ROOT/versions/V/bin/NAME; NULL if it is no shim or the version does not have it. */
static char *through_shim(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t dir = slash - path, tail = strlen("/shims");

    if (dir <= tail || strncmp(slash - tail, "/shims", tail))
        return NULL;
    _cleanup_free_ char *root = xstrndup(path, dir - tail);

    for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
        _cleanup_free_ char *version = chosen_version(&managers[i], root);
        _cleanup_free_ char *real = version ? xasprintf("%s/versions/%s/bin%s", root, version, slash) : NULL;

        if (real && is_executable(real))
            return path_normalise(real);
    }
    return NULL;
}

static bool is_shim(const char *path)
{
    _cleanup_free_ char *versions = xasprintf("%s/../../versions", path);
    _cleanup_free_ char *normal = path_normalise(versions);
    const char *slash = strrchr(path, '/');

    return slash - path > 6 && !strncmp(slash - 6, "/shims", 6) && access(normal, F_OK) == 0;
}

char *find_in_path(const char *name, const char *path)
{
    _cleanup_strv_ struct strv dirs = { 0 };

    strv_split(&dirs, path ? path : "/usr/local/bin:/usr/bin:/bin", ":", 1);
    for (size_t i = 0; i < dirs.n; i++) {
        _cleanup_free_ char *file = xasprintf("%s/%s", *dirs.v[i] ? dirs.v[i] : ".", name);

        if (!is_executable(file))
            continue;
        _cleanup_free_ char *real = realpath(*dirs.v[i] ? dirs.v[i] : ".", NULL);
        _cleanup_free_ char *absolute = xasprintf("%s/%s", *file == '/' ? dirs.v[i] : real, name);

        if (!is_shim(absolute))
            return path_normalise(absolute);
        char *target = through_shim(absolute);

        /* A shim whose version is "system" stands for what comes later in PATH. */
        if (target)
            return target;
    }
    return NULL;
}

char *find_program(const char *name, int *status)
{
    char *found, cwd[PATH_MAX] = "";

    if (!strchr(name, '/')) {
        found = find_in_path(name, getenv("PATH"));
        if (!found) {
            msg_error("%s: no such program in PATH", name);
            *status = EXIT_NOT_FOUND;
        }
        return found;
    }
    *status = find_check_program(name, NULL);
    if (*status)
        return NULL;
    if (*name != '/' && !getcwd(cwd, sizeof(cwd))) {
        msg_error("the current folder: %s", strerror(errno));
        *status = EXIT_FAILED;
        return NULL;
    }
    /* The folder's physical path, so that ".." after a link means what the shell means. */
    const char *slash = strrchr(name, '/');
    _cleanup_free_ char *folder = xstrndup(name, slash == name ? 1 : slash - name);
    char *real = realpath(folder, NULL);

    found = *name == '/' || !real ? xstrdup(name) : xasprintf("%s/%s", real, slash + 1);
    free(real);
    char *target = is_shim(found) ? through_shim(found) : NULL;

    if (target) {
        free(found);
        return target;
    }
    return found;
}

int find_check_program(const char *path, const char *for_script)
{
    _cleanup_free_ char *who =
        for_script ? xasprintf("%s: its interpreter %s", for_script, path) : xstrdup(path);
    struct stat st;

    if (stat(path, &st) < 0) {
        msg_error("%s: %s", who, strerror(errno));
        return errno == ENOENT || errno == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
    }
    if (S_ISDIR(st.st_mode)) {
        msg_error("%s: is a folder, not a program", who);
        return EXIT_NOT_EXECUTABLE;
    }
    if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0) {
        msg_error("%s: is not executable", who);
        return EXIT_NOT_EXECUTABLE;
    }
    if (access(path, R_OK) < 0) {
        msg_error("%s: cannot be read: %s", who, strerror(errno));
        return EXIT_NOT_EXECUTABLE;
    }
    return 0;
}
