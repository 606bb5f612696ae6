/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/closure.h"
#include "abi/control.h"
#include "host/find.h"
#include "host/libpath.h"
#include "host/msg.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define LD_SO_CACHE    "/etc/ld.so.cache"
#define MUSL_PATH_FILE "/etc/ld-musl-x86_64.path"
#define MAX_SCRIPTS    5   /* Linux: BINPRM_MAX_RECURSION */
#define MAX_SHEBANG    256 /* Linux: BINPRM_BUF_SIZE */

static void read_musl_path(struct closure *c)
{
    _cleanup_fclose_ FILE *f = fopen(MUSL_PATH_FILE, "re");
    char line[4096];

    while (f && fgets(line, sizeof(line), f))
        strv_split(&c->musl_path, line, ":\n", 0);
    if (!c->musl_path.n)
        strv_split(&c->musl_path, "/lib:/usr/local/lib:/usr/lib", ":", 0);
}

void closure_init(struct closure *c, struct manifest *m, const char *library_path)
{
    *c = (struct closure){ .m = m, .library_path = library_path && *library_path ? library_path : NULL };
    c->cache = ldcache_open(LD_SO_CACHE);
    manifest_watch(m, LD_SO_CACHE);
    read_musl_path(c);
    manifest_watch(m, MUSL_PATH_FILE);
}

void closure_free(struct closure *c)
{
    ldcache_free(c->cache);
    strv_free(&c->musl_path);
    strv_free(&c->programs);
    strv_free(&c->missing);
}

static void object_free(struct object *o)
{
    free(o->path);
    free(o->origin);
    elf_free(&o->elf);
    free(o);
}

/* Objects in the order of loading, breadth first as the loaders do. */
struct queue {
    struct object **v;
    size_t n;
};

static void queue_free(struct queue *q)
{
    for (size_t i = 0; i < q->n; i++)
        object_free(q->v[i]);
    free(q->v);
}

static struct object *enqueue(struct queue *q, const char *path, struct elf *elf, struct object *by)
{
    struct object *o = xcalloc(1, sizeof(*o));

    o->path = xstrdup(path);
    /* The kernel names the program's physical path (AT_EXECFN, /proc/self/exe); a library's is as it was found. */
    char *real = by ? NULL : realpath(path, NULL);
    char *slash = strrchr(real ? real : path, '/');

    o->origin = xstrndup(real ? real : path, slash - (real ? real : path));
    free(real);
    o->elf = *elf;
    *elf = (struct elf){ 0 };
    o->by = by;
    q->v = xrealloc(q->v, (q->n + 1) * sizeof(*q->v));
    q->v[q->n++] = o;
    return o;
}

static bool queued(const struct queue *q, const char *path)
{
    for (size_t i = 0; i < q->n; i++)
        if (!strcmp(q->v[i]->path, path))
            return true;
    return false;
}

/* Adds the files found for one DT_NEEDED; returns false if there is none. */
static bool load_needed(struct closure *c, struct queue *q, struct object *o, const char *name)
{
    _cleanup_strv_ struct strv found = { 0 };

    libpath_find(c, o, name, &found);
    for (size_t i = 0; i < found.n; i++) {
        _cleanup_elf_ struct elf elf = { 0 };
        _cleanup_free_ char *why = NULL;

        if (queued(q, found.v[i]) || manifest_add_host(c->m, found.v[i], NULL))
            continue;
        if (elf_read(found.v[i], &elf, &why) == 0)
            enqueue(q, found.v[i], &elf, o)->musl = o->musl;
    }
    return found.n > 0;
}

static void add_interp(struct closure *c, struct object *o)
{
    o->musl =
        o->elf.interp ? strstr(o->elf.interp, "/ld-musl-") != NULL : strstr(o->path, "-linux-musl/") != NULL;
    if (!o->elf.interp)
        return;
    if (o->musl)
        c->uses_musl = true;
    else
        c->uses_glibc = true;
}

/* Walks the queue that holds the program; `strict` makes a missing library an error with a message. */
static int load_all(struct closure *c, struct queue *q, bool strict)
{
    for (size_t i = 0; i < q->n; i++) {
        struct object *o = q->v[i];

        for (size_t k = 0; k < o->elf.needed.n; k++) {
            const char *name = o->elf.needed.v[k];

            if (load_needed(c, q, o, name))
                continue;
            if (strict) {
                _cleanup_free_ char *by = i ? xasprintf(" (for %s)", o->path) : xstrdup("");

                msg_error("%s: needs the library %s%s, which is not found", q->v[0]->path, name, by);
                return EXIT_NOT_FOUND;
            }
            strv_addf(&c->missing, "%s, needed by %s", name, o->path);
        }
    }
    return 0;
}

static int add_elf_program(struct closure *c, const char *path, struct elf *elf)
{
    _cleanup_(queue_free) struct queue q = { 0 };
    struct object *o = enqueue(&q, path, elf, NULL);

    add_interp(c, o);
    if (o->elf.interp) {
        int err = manifest_add_host(c->m, o->elf.interp, NULL);

        if (err) {
            msg_error("%s: its loader %s is not usable: %s", path, o->elf.interp, strerror(-err));
            return EXIT_NOT_FOUND;
        }
    }
    return load_all(c, &q, true);
}

/* The #! line's interpreter and argument. False when it is no script. */
static bool read_shebang(const char *path, char **interp, char **arg)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    char line[MAX_SHEBANG];
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

    *interp = *arg = NULL;
    if (n < 3 || memcmp(line, "#!", 2))
        return false;
    line[n] = 0;
    line[strcspn(line, "\n")] = 0;
    char *p = line + 2 + strspn(line + 2, " \t");
    size_t len = strcspn(p, " \t");

    *interp = xstrndup(p, len);
    p += len + strspn(p + len, " \t");
    *arg = xstrdup(p);
    return true;
}

/* "#!/usr/bin/env [-S] [NAME=VALUE] PROGRAM": the program env would execute, or NULL. */
static char *env_program(const char *interp, const char *arg)
{
    const char *base = strrchr(interp, '/');
    _cleanup_strv_ struct strv words = { 0 };

    if (!base || strcmp(base, "/env"))
        return NULL;
    strv_split(&words, arg, " \t\r", 0);
    for (size_t i = 0; i < words.n; i++)
        if (words.v[i][0] != '-' && !strchr(words.v[i], '='))
            return find_in_path(words.v[i], getenv("PATH"));
    return NULL;
}

static int add_program(struct closure *c, const char *path, const char *for_script, int depth);

static int add_script(struct closure *c, const char *path, int depth)
{
    _cleanup_free_ char *interp = NULL, *arg = NULL;

    if (!read_shebang(path, &interp, &arg)) {
        msg_error("%s: not a program: neither an ELF file nor a script with a #! line", path);
        return EXIT_NOT_EXECUTABLE;
    }
    if (depth >= MAX_SCRIPTS) {
        msg_error("%s: too many interpreters in a row", path);
        return EXIT_NOT_EXECUTABLE;
    }
    if (*interp != '/') {
        msg_error("%s: its interpreter '%s' (#! line) is no absolute path", path, interp);
        return EXIT_NOT_EXECUTABLE;
    }
    int status = add_program(c, interp, path, depth + 1);
    _cleanup_free_ char *program = status ? NULL : env_program(interp, arg);

    return program ? add_program(c, program, path, depth + 1) : status;
}

static int add_program(struct closure *c, const char *path, const char *for_script, int depth)
{
    _cleanup_elf_ struct elf elf = { 0 };
    _cleanup_free_ char *why = NULL;
    int status = find_check_program(path, for_script);

    if (status)
        return status;
    int err = manifest_add_host(c->m, path, NULL);

    if (err) {
        msg_error("%s: %s", path, strerror(-err));
        return EXIT_NOT_EXECUTABLE;
    }
    strv_add(&c->programs, path);
    switch (elf_read(path, &elf, &why)) {
    case 0:
        return add_elf_program(c, path, &elf);
    case 1:
        return add_script(c, path, depth);
    default:
        msg_error("%s: cannot be run: %s", path, why);
        return EXIT_NOT_EXECUTABLE;
    }
}

int closure_add_program(struct closure *c, const char *path)
{
    return add_program(c, path, NULL, 0);
}

void closure_add_loads(struct closure *c, const char *path)
{
    _cleanup_(queue_free) struct queue q = { 0 };
    _cleanup_elf_ struct elf elf = { 0 };
    _cleanup_free_ char *why = NULL;

    if (elf_read(path, &elf, &why) || (!elf.needed.n && !elf.interp))
        return;
    struct object *o = enqueue(&q, path, &elf, NULL);

    add_interp(c, o);
    if (o->elf.interp && manifest_add_host(c->m, o->elf.interp, NULL))
        strv_addf(&c->missing, "%s, the loader of %s", o->elf.interp, path);
    load_all(c, &q, false);
}
