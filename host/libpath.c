/* SPDX-License-Identifier: BSD-2-Clause */
/* The orders of search are those of ld.so(8) for glibc and of ldso/dynlink.c's documentation for musl. */
#include "host/libpath.h"
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

/* Debian's glibc: $LIB, and the folders compiled into the loader. */
#define GLIBC_LIB "lib/x86_64-linux-gnu"
static const char *const glibc_dirs[] = {
    "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"
};
/* Folders below a library folder for newer CPUs. The guest's CPU decides, so all of them come along. */
static const char *const hwcaps[] = { "glibc-hwcaps/x86-64-v4", "glibc-hwcaps/x86-64-v3",
                                      "glibc-hwcaps/x86-64-v2" };
/* What $PLATFORM can become on x86-64. */
static const char *const platforms[] = { "haswell", "xeon_phi", "x86_64" };

/* Loaders pass over libraries of another architecture. */
static bool is_library(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf64_Ehdr eh;

    return fd >= 0 && pread(fd, &eh, sizeof(eh), 0) == sizeof(eh) && !memcmp(eh.e_ident, ELFMAG, SELFMAG) &&
           eh.e_ident[EI_CLASS] == ELFCLASS64 && eh.e_machine == EM_X86_64;
}

static bool try_file(const char *path, struct strv *found)
{
    if (!is_library(path))
        return false;
    strv_add(found, path);
    return true;
}

/* Looks in one folder. True when the plain library is there, so that the search ends. */
static bool try_dir(struct closure *c, const char *dir, const char *name, bool musl, struct strv *found)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
    bool plain = is_library(path);

    if (!musl) {
        for (size_t i = 0; i < sizeof(hwcaps) / sizeof(hwcaps[0]); i++) {
            _cleanup_free_ char *special = xasprintf("%s/%s/%s", dir, hwcaps[i], name);

            try_file(special, found);
        }
    }
    if (plain)
        strv_add(found, path);
    else
        manifest_watch(c->m, path);
    return plain;
}

/* Replaces $ORIGIN, $LIB and $PLATFORM, with or without braces. */
static char *expand(const char *s, const struct object *o, const char *platform)
{
    const struct {
        const char *name, *value;
    } tokens[] = { { "ORIGIN", o->origin }, { "LIB", GLIBC_LIB }, { "PLATFORM", platform } };
    struct buf out = { 0 };

    while (*s) {
        bool brace = s[0] == '$' && s[1] == '{';
        const char *name = s + 1 + brace;
        size_t i, len = 0;

        for (i = 0; *s == '$' && i < 3; i++) {
            len = strlen(tokens[i].name);
            if (!strncmp(name, tokens[i].name, len) && (!brace || name[len] == '}'))
                break;
        }
        if (*s == '$' && i < 3) {
            buf_adds(&out, tokens[i].value);
            s = name + len + brace;
        } else {
            buf_add(&out, s++, 1);
        }
    }
    return out.p ? out.p : xstrdup("");
}

/* A list of folders separated by colons (and semicolons in LD_LIBRARY_PATH); an empty one is the current folder. */
static bool try_list(struct closure *c, const char *list, const struct object *o, const char *name,
                     struct strv *found)
{
    _cleanup_strv_ struct strv dirs = { 0 };

    strv_split(&dirs, list, ":;", 1);
    for (size_t i = 0; i < dirs.n; i++) {
        bool varies = strstr(dirs.v[i], "PLATFORM") != NULL, hit = false;

        for (size_t p = varies ? 0 : 2; p < sizeof(platforms) / sizeof(platforms[0]); p++) {
            _cleanup_free_ char *dir = expand(dirs.v[i], o, platforms[p]);

            hit |= try_dir(c, *dir ? dir : ".", name, o->musl, found);
        }
        if (hit)
            return true;
    }
    return false;
}

static void find_glibc(struct closure *c, const struct object *o, const char *name, struct strv *found)
{
    /* DT_RPATH of the object and of those that loaded it, but not beside the object's own DT_RUNPATH. */
    for (const struct object *p = o; p && !o->elf.runpath; p = p->by)
        if (p->elf.rpath && try_list(c, p->elf.rpath, p, name, found))
            return;
    if (c->library_path && try_list(c, c->library_path, o, name, found)) {
        c->used_library_path = true;
        return;
    }
    if (o->elf.runpath && try_list(c, o->elf.runpath, o, name, found))
        return;
    if (c->cache && !o->elf.nodeflib) {
        _cleanup_strv_ struct strv paths = { 0 };

        ldcache_lookup(c->cache, name, &paths);
        for (size_t i = 0; i < paths.n; i++)
            try_file(paths.v[i], found);
        if (found->n)
            return;
    }
    for (size_t i = 0; i < sizeof(glibc_dirs) / sizeof(glibc_dirs[0]) && !o->elf.nodeflib; i++)
        if (try_dir(c, glibc_dirs[i], name, false, found))
            return;
}

/* musl's loader is its own libc: these names never lead to a file. */
static bool musl_builtin(const char *name)
{
    static const char *const reserved[] = { "c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet." };

    for (size_t i = 0; !strncmp(name, "lib", 3) && i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (!strncmp(name + 3, reserved[i], strlen(reserved[i])))
            return true;
    return false;
}

static void find_musl(struct closure *c, const struct object *o, const char *name, struct strv *found)
{
    if (c->library_path && try_list(c, c->library_path, o, name, found)) {
        c->used_library_path = true;
        return;
    }
    for (const struct object *p = o; p; p = p->by) {
        const char *list = p->elf.runpath ? p->elf.runpath : p->elf.rpath;

        if (list && try_list(c, list, p, name, found))
            return;
    }
    for (size_t i = 0; i < c->musl_path.n; i++)
        if (try_dir(c, c->musl_path.v[i], name, true, found))
            return;
}

void libpath_find(struct closure *c, const struct object *o, const char *name, struct strv *found)
{
    const struct object *program = o;

    while (program->by)
        program = program->by;
    if (strchr(name, '/')) {
        _cleanup_free_ char *path = expand(name, o, "x86_64");

        try_file(path, found);
    } else if (!o->musl) {
        find_glibc(c, o, name, found);
    } else if (musl_builtin(name)) {
        strv_add(found, program->elf.interp ? program->elf.interp : "/lib/ld-musl-x86_64.so.1");
    } else {
        find_musl(c, o, name, found);
    }
}
