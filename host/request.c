/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/request.h"
#include "abi/control.h"
#include "abi/image.h"
#include "host/cache.h"
#include "host/dpkg.h"
#include "host/find.h"
#include "host/guestfs.h"
#include "host/hash.h"
#include "host/msg.h"
#include "host/pack.h"
#include <errno.h>
#include <limits.h>

#define GUEST_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* NAME in DIR's usual folders, as a path inside DIR; or NULL. */
static char *find_in_root(const char *root, const char *name)
{
    _cleanup_strv_ struct strv dirs = { 0 };

    if (*name == '/') {
        _cleanup_free_ char *path = xasprintf("%s%s", root, name);

        return access(path, F_OK) == 0 ? xstrdup(name) : NULL;
    }
    strv_split(&dirs, strchr(name, '/') ? "" : GUEST_PATH, ":", 1);
    for (size_t i = 0; i < dirs.n; i++) {
        _cleanup_free_ char *path = xasprintf("%s%s/%s", root, dirs.v[i], name);
        struct stat st;

        /* A link may be absolute and mean the guest's root: its own existence is enough. */
        if (lstat(path, &st) == 0 && !S_ISDIR(st.st_mode))
            return xasprintf("%s/%s", dirs.v[i], name);
    }
    return NULL;
}

int request_find_program(struct request *r, const char *name)
{
    int status = 0;
    struct stat st;

    if (r->root) {
        bool there = stat(r->root, &st) == 0;

        if (!there || !S_ISDIR(st.st_mode)) {
            msg_error("--root %s: %s", r->root, there ? "not a folder" : strerror(errno));
            return EXIT_FAILED;
        }
        r->program = name ? find_in_root(r->root, name) : NULL;
        r->in_root = r->program != NULL;
    }
    if (name && !r->in_root)
        r->program = find_program(name, &status);
    return status;
}

/* "HOST:GUEST" at its first colon, as docker. *guest is NULL without one. */
static char *split_pair(const char *pair, const char **guest)
{
    const char *colon = strchr(pair, ':');

    *guest = colon ? colon + 1 : NULL;
    return colon ? xstrndup(pair, colon - pair) : xstrdup(pair);
}

static int fail_path(const char *option, const char *path, int err)
{
    msg_error("%s %s: %s", option, path, strerror(-err));
    return EXIT_FAILED;
}

static int add_tree(struct manifest *m, const char *option, const char *host, const char *guest)
{
    size_t skipped = 0;
    int err = manifest_add_copy(m, host, guest, NULL, NULL, &skipped);

    if (err)
        return fail_path(option, host, err);
    if (skipped)
        msg_warn("%s %s: %zu files could not be read and are left out", option, host, skipped);
    return 0;
}

static int add_volumes(const struct request *r, struct manifest *m)
{
    int status = 0;

    for (size_t i = 0; !status && i < r->volumes.n; i++) {
        const char *spec;
        _cleanup_free_ char *host = split_pair(r->volumes.v[i], &spec);
        _cleanup_free_ char *guest = spec ? xstrndup(spec, strcspn(spec, ":")) : NULL;
        const char *mode = spec ? strchr(spec, ':') : NULL;

        if (!guest || *guest != '/' || (mode && strcmp(mode, ":ro") && strcmp(mode, ":rw"))) {
            msg_error("-v %s: expected HOST:GUEST[:ro] with an absolute GUEST path", r->volumes.v[i]);
            return EXIT_FAILED;
        }
        status = add_tree(m, "-v", host, guest);
    }
    return status;
}

/* PATH without GUEST keeps its place, with the links on the way; what an ELF file loads comes along. */
static int add_in_place(struct manifest *m, struct closure *c, const char *path)
{
    char cwd[PATH_MAX] = "";
    _cleanup_free_ char *absolute = *path == '/' || !getcwd(cwd, sizeof(cwd)) ? path_normalise(path) : NULL;

    if (!absolute) {
        _cleanup_free_ char *joined = xasprintf("%s/%s", cwd, path);

        absolute = path_normalise(joined);
    }
    struct entry *e;
    int err = manifest_add_host(m, absolute, &e);

    if (err)
        return fail_path("--add", path, err);
    if (S_ISDIR(e->st.st_mode))
        return add_tree(m, "--add", e->source ? e->source : e->path, e->path);
    closure_add_loads(c, absolute);
    return 0;
}

static int add_adds(const struct request *r, struct manifest *m, struct closure *c)
{
    int status = 0;

    for (size_t i = 0; !status && i < r->adds.n; i++) {
        const char *guest;
        _cleanup_free_ char *host = split_pair(r->adds.v[i], &guest);

        if (guest && *guest != '/') {
            msg_error("--add %s: expected PATH[:GUEST] with an absolute GUEST path", r->adds.v[i]);
            return EXIT_FAILED;
        }
        status = guest ? add_tree(m, "--add", host, guest) : add_in_place(m, c, host);
    }
    return status;
}

/* Documentation and what only serves compiling against it. */
static bool not_for_running(const char *path, const struct stat *st, void *arg)
{
    static const char *const folders[] = { "/include", "/share/doc", "/share/man", "/share/info",
                                           "/share/locale" };
    const char *below = path + strlen(arg), *dot = strrchr(path, '.');

    for (size_t i = 0; S_ISDIR(st->st_mode) && i < sizeof(folders) / sizeof(folders[0]); i++)
        if (!strcmp(below, folders[i]))
            return true;
    return dot && !strcmp(dot, ".a");
}

/*
 * A program at PREFIX/bin with a PREFIX/lib of its own (a Python of pyenv or a venv, node, a JDK) needs that tree.
 * Folders that many programs share are no such prefix.
 */
static int add_prefix(struct manifest *m, const char *program)
{
    _cleanup_free_ char *bin = xstrndup(program, strrchr(program, '/') - program);
    const char *slash = strrchr(bin, '/'), *home = getenv("HOME");
    _cleanup_free_ char *local = xasprintf("%s/.local", home ? home : "");
    const char *const shared[] = { "", "/usr", "/usr/local", home ? home : "", local };

    if (!slash || strcmp(slash, "/bin"))
        return 0;
    _cleanup_free_ char *prefix = xstrndup(bin, slash - bin);
    _cleanup_free_ char *lib = xasprintf("%s/lib", prefix);
    struct stat st;
    size_t skipped = 0;

    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
        if (!strcmp(prefix, shared[i]))
            return 0;
    if (stat(lib, &st) < 0 || !S_ISDIR(st.st_mode) || manifest_add_host(m, prefix, NULL))
        return 0;
    char *real = realpath(prefix, NULL);
    int err = manifest_add_copy(m, real, real, not_for_running, real, &skipped);

    msg_note(
        "%s is of no Debian package: packing its folder %s (--no-packages leaves it out, --add brings more)",
        program, real);
    free(real);
    return err ? fail_path("packing", prefix, err) : 1;
}

/* What the ELF files that came with packages and folders load, as plug-ins do that no program names. */
static void add_plugins(struct manifest *m, struct closure *c)
{
    _cleanup_free_ struct entry **all = manifest_sorted(m);

    for (size_t i = 0; all[i]; i++) {
        const struct entry *e = all[i];

        if (e->source && S_ISREG(e->st.st_mode) && (e->st.st_mode & 0111 || strstr(e->path, ".so")))
            closure_add_loads(c, e->source);
    }
}

static int add_packages(const struct request *r, struct manifest *m, struct closure *c)
{
    _cleanup_(dpkg_free_p) struct dpkg *d = dpkg_open(m);
    _cleanup_strv_ struct strv names = { 0 };

    if (!d && r->packages.n) {
        msg_error("--package %s: this host has no dpkg database", r->packages.v[0]);
        return EXIT_FAILED;
    }
    if (d && !r->no_packages) {
        dpkg_owners(d, &c->programs, &names);
        dpkg_namesakes(d, &c->programs, &names);
    }
    for (size_t i = 0; i < r->packages.n; i++)
        strv_add(&names, r->packages.v[i]);
    if (d)
        dpkg_depends(d, &names);
    for (size_t i = 0; i < names.n; i++) {
        msg_verbose("package %s", names.v[i]);
        if (dpkg_add_files(d, names.v[i], m)) {
            msg_error("package %s: not installed on this host", names.v[i]);
            return EXIT_FAILED;
        }
    }
    if (names.n)
        dpkg_add_enabled(m);
    for (size_t i = 0; !r->no_packages && i < c->programs.n; i++) {
        int got = add_prefix(m, c->programs.v[i]);

        if (got > 1)
            return got;
    }
    return 0;
}

static int collect(const struct request *r, struct manifest *m, struct closure *c)
{
    int status = r->root ? add_tree(m, "--root", r->root, "/") : 0;

    if (!status && r->program && !r->in_root)
        status = closure_add_program(c, r->program);
    if (!status && (r->packages.n || (!r->no_packages && r->program && !r->in_root))) {
        size_t before = m->nr;

        status = add_packages(r, m, c);
        if (!status && m->nr != before)
            add_plugins(m, c);
    }
    if (!status)
        status = add_adds(r, m, c);
    if (!status)
        status = add_volumes(r, m);
    if (!status)
        guestfs_complete(m, c);
    for (size_t i = 0; i < c->missing.n; i++)
        msg_verbose("not found: %s", c->missing.v[i]);
    return status;
}

void request_config(const struct request *r, const char *name, struct config *config)
{
    const char *library_path = getenv("LD_LIBRARY_PATH"),
               *slash = r->program ? strrchr(r->program, '/') : NULL;
    _cleanup_strv_ struct strv args = { 0 };

    config_new(config);
    if (!r->program)
        return;
    _cleanup_free_ char *dir = xstrndup(r->program, slash - r->program);
    _cleanup_free_ char *within = xasprintf(":%s:", dir);

    if (library_path && *library_path && !r->in_root) {
        _cleanup_free_ char *env = xasprintf("LD_LIBRARY_PATH=%s", library_path);

        config_set_env(config, env);
    }
    if (strchr(name, '/')) {
        strv_add(&args, r->program);
    } else {
        strv_add(&args, name);
        config_set_annotation(config, ANNOTATION_EXEC, r->program);
        /* Programs look for themselves by argv[0] in PATH. */
        if (!strstr(":" GUEST_PATH ":", within)) {
            _cleanup_free_ char *path = xasprintf("PATH=%s:" GUEST_PATH, dir);

            config_set_env(config, path);
        }
    }
    config_set_args(config, &args);
}

static int make_manifest(const struct request *r, const struct config *config, struct manifest *m)
{
    _cleanup_(closure_free) struct closure c = { 0 };
    _cleanup_free_ char *text = config_text(config, true);

    manifest_init(m);
    closure_init(&c, m, getenv("LD_LIBRARY_PATH"));
    int status = collect(r, m, &c);

    if (!status && manifest_add_file(m, IMAGE_CONFIG, text, strlen(text), 0644) == -EEXIST) {
        /* --root is an unpacked image: its own configuration gives way. */
        struct entry *e = manifest_find(m, IMAGE_CONFIG);

        free(e->source);
        free(e->data);
        e->source = NULL;
        e->data = xstrdup(text);
        e->data_len = e->st.st_size = strlen(text);
    }
    return status;
}

static void add_list(struct buf *b, const char *what, const struct strv *list)
{
    for (size_t i = 0; i < list->n; i++)
        buf_addf(b, "%s %s\n", what, list->v[i]);
}

/* Everything that can change the image, but for the files themselves. */
static void request_key(const struct request *r, char hex[HASH_HEX_LEN + 1])
{
    _cleanup_buf_ struct buf b = { 0 };
    const char *library_path = getenv("LD_LIBRARY_PATH"), *path = getenv("PATH");
    char cwd[PATH_MAX] = "";

    buf_addf(&b, "proa %s uid %u\nprogram %s %d\n", PROA_VERSION, geteuid(), r->program, r->in_root);
    buf_addf(&b, "LD_LIBRARY_PATH %s\nPATH %s\n", library_path ? library_path : "", path ? path : "");
    if (r->root || r->adds.n || r->volumes.n)
        buf_addf(&b, "cwd %s\n", getcwd(cwd, sizeof(cwd)));
    if (r->root)
        buf_addf(&b, "root %s\n", r->root);
    add_list(&b, "add", &r->adds);
    add_list(&b, "volume", &r->volumes);
    add_list(&b, "package", &r->packages);
    buf_addf(&b, "no-packages %d compress %d\n", r->no_packages, r->compress);
    hash_hex(b.p, b.len, hex);
}

int request_cached_image(const struct request *r, char **image)
{
    _cleanup_manifest_ struct manifest m = { 0 };
    _cleanup_config_ struct config config = { 0 };
    char key[HASH_HEX_LEN + 1];

    if (!*cache_dir())
        return EXIT_FAILED;
    request_key(r, key);
    *image = cache_find(key);
    if (*image)
        return 0;
    request_config(r, r->program, &config);
    int status = make_manifest(r, &config, &m);

    if (status)
        return status;
    *image = cache_image_path(&m);
    if (access(*image, R_OK) < 0) {
        msg_verbose("packing %zu files as %s", m.nr, *image);
        if (pack_image(&m, *image, r->compress))
            return EXIT_FAILED;
        cache_trim(*image);
    }
    cache_store(key, &m, *image);
    return 0;
}

int request_build(const struct request *r, const struct config *config, const char *out)
{
    _cleanup_manifest_ struct manifest m = { 0 };
    int status = make_manifest(r, config, &m);

    if (status)
        return status;
    return pack_image(&m, out, r->compress) ? EXIT_FAILED : 0;
}
