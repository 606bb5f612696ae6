/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/dpkg.h"
#include "host/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>

#define STATUS_FILE "/var/lib/dpkg/status"
#define INFO_DIR    "/var/lib/dpkg/info"
#define NR_BUCKETS  8192

/*
 * Packages that others depend on for their maintainer scripts, which never run in a guest: dependencies on them are
 * not followed. (One that owns the program itself comes along all the same.)
 */
static const char *const installers[] = {
    "adduser",
    "cdebconf",
    "debconf",
    "debconf-2.0",
    "debianutils",
    "dpkg",
    "init-system-helpers",
    "install-info",
    "lsb-base",
    "sensible-utils",
    "sysvinit-utils",
    "systemd",
    "ucf",
    "update-inetd",
    "usr-is-merged",
    "usrmerge",
};

/* Documentation, translations and what serves other programs of a whole system. Each with all below it. */
static const char *const left_out[] = {
    "/usr/share/doc",       "/usr/share/doc-base", "/usr/share/info",
    "/usr/share/man",       "/usr/share/locale",   "/usr/share/lintian",
    "/usr/share/bug",       "/usr/share/menu",     "/usr/share/apport",
    "/usr/share/reportbug", "/usr/share/gdb",      "/usr/share/bash-completion",
    "/usr/share/zsh",       "/usr/share/fish",     "/usr/share/applications",
    "/usr/share/pixmaps",   "/usr/share/metainfo", "/usr/share/initramfs-tools",
    "/usr/lib/systemd",     "/lib/systemd",        "/etc/init.d",
    "/etc/cron.d",          "/etc/cron.daily",     "/etc/logrotate.d",
    "/etc/apparmor.d",
};

/* A package or a virtual one; strings point into the status file's text. */
struct package {
    struct package *next; /* of the bucket */
    const char *name;
    size_t name_len;
    const char *depends, *pre_depends; /* to the end of the field, or NULL */
    const char *arch;
    const char *provider; /* for a virtual one: the name of a package that provides it */
    size_t provider_len;
    bool installed;
};

struct dpkg {
    char *text;
    size_t len;
    struct package *buckets[NR_BUCKETS];
};

static struct package *lookup(struct dpkg *d, const char *name, size_t len, bool make)
{
    struct package **head = &d->buckets[hash64(name, len) % NR_BUCKETS];

    for (struct package *p = *head; p; p = p->next)
        if (p->name_len == len && !memcmp(p->name, name, len))
            return p;
    if (!make)
        return NULL;
    struct package *p = xcalloc(1, sizeof(*p));

    p->name = name;
    p->name_len = len;
    p->next = *head;
    return *head = p;
}

/* The length of a package's name at the start of s. */
static size_t name_length(const char *s)
{
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
}

static bool field(const char *line, const char *name, const char **value)
{
    size_t len = strlen(name);

    if (strncmp(line, name, len))
        return false;
    *value = line + len + strspn(line + len, " ");
    return true;
}

static void note_provides(struct dpkg *d, const char *list, const struct package *by)
{
    while (*list && *list != '\n') {
        list += strspn(list, " ,");
        size_t len = name_length(list);
        struct package *p = len ? lookup(d, list, len, true) : NULL;

        if (p && !p->installed && !p->provider) {
            p->provider = by->name;
            p->provider_len = by->name_len;
        }
        list += strcspn(list, ",\n");
    }
}

/* One paragraph of the status file. Returns the start of the next one. */
static const char *parse_paragraph(struct dpkg *d, const char *s)
{
    const char *name = NULL, *status = "", *depends = NULL, *pre = NULL, *provides = NULL, *arch = "";

    for (; *s && *s != '\n'; s += strcspn(s, "\n"), s += *s == '\n') {
        if (field(s, "Package:", &name) || field(s, "Status:", &status) || field(s, "Depends:", &depends))
            continue;
        if (field(s, "Pre-Depends:", &pre) || field(s, "Provides:", &provides) ||
            field(s, "Architecture:", &arch))
            continue;
    }
    s += strspn(s, "\n");
    if (!name || strncmp(status, "install ok installed", 20))
        return s;
    struct package *p = lookup(d, name, name_length(name), true);

    /* Of a package installed for several architectures, ours counts. */
    if (p->installed && strncmp(arch, "amd64", 5))
        return s;
    p->installed = true;
    p->depends = depends;
    p->pre_depends = pre;
    p->arch = arch;
    if (provides)
        note_provides(d, provides, p);
    return s;
}

static char *read_text(const char *path, size_t *len)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    char *text = xmalloc(st.st_size + 1);
    ssize_t n = read(fd, text, st.st_size);

    if (n < 0) {
        free(text);
        return NULL;
    }
    text[n] = 0;
    *len = n;
    return text;
}

struct dpkg *dpkg_open(struct manifest *m)
{
    struct dpkg *d = xcalloc(1, sizeof(*d));

    manifest_watch(m, STATUS_FILE);
    d->text = read_text(STATUS_FILE, &d->len);
    if (!d->text) {
        free(d);
        return NULL;
    }
    for (const char *s = d->text; *s;)
        s = parse_paragraph(d, s);
    return d;
}

void dpkg_free(struct dpkg *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < NR_BUCKETS; i++) {
        for (struct package *p = d->buckets[i], *next; p; p = next) {
            next = p->next;
            free(p);
        }
    }
    free(d->text);
    free(d);
}

/* "/usr/bin/x" for "/bin/x" and back: lists name files where packages put them, before /usr was merged. */
static char *other_place(const char *path)
{
    static const char *const merged[] = { "/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/" };
    bool usr = !strncmp(path, "/usr/", 5);
    const char *top = usr ? path + 4 : path;

    for (size_t i = 0; i < sizeof(merged) / sizeof(merged[0]); i++)
        if (!strncmp(top, merged[i], strlen(merged[i])))
            return usr ? xstrdup(top) : xasprintf("/usr%s", path);
    return NULL;
}

static void add_needle(struct strv *needles, const char *path)
{
    strv_addf(needles, "\n%s\n", path);
    char *other = other_place(path);

    if (other)
        strv_addf(needles, "\n%s\n", other);
    free(other);
}

/* True if a .list file has one of the lines. */
static bool list_has(int dir, const char *name, const struct strv *needles, struct buf *text)
{
    _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return false;
    if (text->cap < (size_t)st.st_size + 2) {
        text->cap = 2 * st.st_size + 2;
        text->p = xrealloc(text->p, text->cap);
    }
    ssize_t n = read(fd, text->p, st.st_size);

    if (n <= 0)
        return false;
    for (size_t i = 0; i < needles->n; i++)
        if (memmem(text->p, n, needles->v[i], strlen(needles->v[i])))
            return true;
    return false;
}

void dpkg_owners(struct dpkg *d, const struct strv *paths, struct strv *names)
{
    _cleanup_strv_ struct strv needles = { 0 };
    _cleanup_buf_ struct buf text = { 0 };
    _cleanup_closedir_ DIR *dir = opendir(INFO_DIR);
    struct dirent *de;

    for (size_t i = 0; i < paths->n; i++) {
        char *real = realpath(paths->v[i], NULL);

        add_needle(&needles, paths->v[i]);
        if (real && strcmp(real, paths->v[i]))
            add_needle(&needles, real);
        free(real);
    }
    while (dir && needles.n && (de = readdir(dir))) {
        const char *dot = strrchr(de->d_name, '.');
        size_t len = strcspn(de->d_name, ":");

        if (!dot || strcmp(dot, ".list") || !list_has(dirfd(dir), de->d_name, &needles, &text))
            continue;
        if (len > (size_t)(dot - de->d_name))
            len = dot - de->d_name;
        struct package *p = lookup(d, de->d_name, len, false);

        if (p && p->installed && !strv_has(names, p->name, p->name_len))
            strv_take(names, xstrndup(p->name, p->name_len));
    }
}

static bool is_installer(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(installers) / sizeof(installers[0]); i++)
        if (strlen(installers[i]) == len && !memcmp(installers[i], name, len))
            return true;
    return false;
}

/* One dependency, "a (>= 1) | b": the first alternative that is installed, or provided by one that is. */
static void follow_one(struct dpkg *d, const char *s, struct strv *names)
{
    for (;;) {
        s += strspn(s, " |");
        size_t len = name_length(s);
        struct package *p = len ? lookup(d, s, len, false) : NULL;

        if (p && !p->installed && p->provider)
            p = lookup(d, p->provider, p->provider_len, false);
        if (p && p->installed) {
            if (!is_installer(p->name, p->name_len) && !strv_has(names, p->name, p->name_len))
                strv_take(names, xstrndup(p->name, p->name_len));
            return;
        }
        s += strcspn(s, "|,\n");
        if (*s != '|')
            return;
    }
}

static void follow(struct dpkg *d, const char *list, struct strv *names)
{
    while (list && *list && *list != '\n') {
        list += strspn(list, " ,");
        follow_one(d, list, names);
        list += strcspn(list, ",\n");
    }
}

void dpkg_depends(struct dpkg *d, struct strv *names)
{
    for (size_t i = 0; i < names->n; i++) {
        const struct package *p = lookup(d, names->v[i], strlen(names->v[i]), false);

        if (!p)
            continue;
        follow(d, p->pre_depends, names);
        follow(d, p->depends, names);
    }
}

static bool needs_any(struct dpkg *d, const char *name, const struct strv *owners)
{
    _cleanup_strv_ struct strv needed = { 0 };

    strv_add(&needed, name);
    dpkg_depends(d, &needed);
    for (size_t i = 1; i < needed.n; i++)
        if (strv_has(owners, needed.v[i], strlen(needed.v[i])))
            return true;
    return false;
}

void dpkg_namesakes(struct dpkg *d, const struct strv *paths, struct strv *names)
{
    for (size_t i = 0; i < paths->n; i++) {
        _cleanup_free_ char *real = realpath(paths->v[i], NULL);
        const char *both[] = { paths->v[i], real ? real : paths->v[i] };

        for (int k = 0; k < 2; k++) {
            const char *base = strrchr(both[k], '/') + 1;
            const struct package *p = lookup(d, base, strlen(base), false);

            if (p && p->installed && !strv_has(names, base, strlen(base)) && needs_any(d, base, names))
                strv_add(names, base);
        }
    }
}

static bool is_left_out(const char *path)
{
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        size_t len = strlen(left_out[i]);

        if (!strncmp(path, left_out[i], len) && (!path[len] || path[len] == '/'))
            return true;
    }
    return false;
}

/*
 * Debian compiles Python modules when it installs a package, into __pycache__ beside them; no list names these
 * files. Without them the guest would compile each module at each start. D/__pycache__/NAME.TAG.pyc is of D/NAME.py.
 */
static void add_compiled(struct manifest *m, const char *folder)
{
    _cleanup_free_ char *cache = xasprintf("%s/__pycache__", folder);
    _cleanup_closedir_ DIR *dir = opendir(cache);
    struct dirent *de;

    while (dir && (de = readdir(dir))) {
        _cleanup_free_ char *source =
            xasprintf("%s/%.*s.py", folder, (int)strcspn(de->d_name, "."), de->d_name);

        if (de->d_name[0] == '.' || !manifest_find(m, source))
            continue;
        _cleanup_free_ char *compiled = xasprintf("%s/%s", cache, de->d_name);

        manifest_add_host(m, compiled, NULL);
    }
}

int dpkg_add_files(struct dpkg *d, const char *name, struct manifest *m)
{
    struct package *p = lookup(d, name, strlen(name), false);
    _cleanup_strv_ struct strv python = { 0 };
    _cleanup_free_ char *plain = xasprintf(INFO_DIR "/%s.list", name);
    _cleanup_free_ char *multi =
        p ? xasprintf(INFO_DIR "/%s:%.*s.list", name, (int)strcspn(p->arch, "\n"), p->arch) : NULL;
    size_t len = 0;
    _cleanup_free_ char *text = p && p->installed ? read_text(multi, &len) : NULL;

    if (!text && p && p->installed)
        text = read_text(plain, &len);
    if (!text)
        return -ENOENT;
    for (char *line = text, *end; line < text + len; line = end + 1) {
        struct entry *e = NULL;

        end = line + strcspn(line, "\n");
        *end = 0;
        /* A listed file may have been removed or replaced by the administrator: what is there counts. */
        if (*line != '/' || is_left_out(line) || manifest_add_host(m, line, &e))
            continue;
        if (end - line > 3 && !strcmp(end - 3, ".py")) {
            char *slash = strrchr(e->path, '/');

            if (!strv_has(&python, e->path, slash - e->path))
                strv_take(&python, xstrndup(e->path, slash - e->path));
        }
    }
    for (size_t i = 0; i < python.n; i++)
        add_compiled(m, python.v[i]);
    return 0;
}

static void add_links_of(struct manifest *m, const char *folder)
{
    _cleanup_closedir_ DIR *dir = opendir(folder);
    struct dirent *de;

    manifest_watch(m, folder);
    while (dir && (de = readdir(dir))) {
        _cleanup_free_ char *path = xasprintf("%s/%s", folder, de->d_name);
        _cleanup_free_ char *target = de->d_name[0] == '.' ? NULL : realpath(path, NULL);

        /* What is no link leads to itself, and is there or not. */
        if (target && manifest_find(m, target))
            manifest_add_host(m, path, NULL);
    }
}

void dpkg_add_enabled(struct manifest *m)
{
    _cleanup_free_ struct entry **all = manifest_sorted(m);

    for (size_t i = 0; all[i]; i++)
        if (S_ISDIR(all[i]->st.st_mode) && all[i]->source && !strncmp(all[i]->path, "/etc/", 5))
            add_links_of(m, all[i]->source);
}
