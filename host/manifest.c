/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/manifest.h"
#include "host/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define MAX_LINKS 40 /* as Linux */

void manifest_init(struct manifest *m)
{
    *m = (struct manifest){ .nr_slots = 4096 };
    m->slots = xcalloc(m->nr_slots, sizeof(*m->slots));
    manifest_add_dir(m, "/", 0755);
}

static void entry_free(struct entry *e)
{
    free(e->path);
    free(e->source);
    free(e->data);
    free(e);
}

void manifest_free(struct manifest *m)
{
    for (size_t i = 0; i < m->nr_slots; i++)
        if (m->slots[i])
            entry_free(m->slots[i]);
    free(m->slots);
    free(m->host_root);
    strv_free(&m->watched);
    *m = (struct manifest){ 0 };
}

static size_t slot_of(const struct manifest *m, const char *path)
{
    size_t i = hash64(path, strlen(path)) & (m->nr_slots - 1);

    while (m->slots[i] && strcmp(m->slots[i]->path, path))
        i = (i + 1) & (m->nr_slots - 1);
    return i;
}

struct entry *manifest_find(const struct manifest *m, const char *path)
{
    return m->slots[slot_of(m, path)];
}

static void grow(struct manifest *m)
{
    struct entry **old = m->slots;
    size_t n = m->nr_slots;

    m->nr_slots *= 2;
    m->slots = xcalloc(m->nr_slots, sizeof(*m->slots));
    for (size_t i = 0; i < n; i++)
        if (old[i])
            m->slots[slot_of(m, old[i]->path)] = old[i];
    free(old);
}

static struct entry *insert(struct manifest *m, const char *path)
{
    if (m->nr * 2 > m->nr_slots)
        grow(m);
    size_t i = slot_of(m, path);

    if (!m->slots[i]) {
        m->slots[i] = xcalloc(1, sizeof(struct entry));
        m->slots[i]->path = xstrdup(path);
        m->nr++;
    }
    return m->slots[i];
}

char *path_normalise(const char *path)
{
    char *out = xmalloc(strlen(path) + 2);
    size_t len = 0;

    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && !memcmp(path, "..", 2)) {
            while (len && out[--len] != '/')
                ;
        } else if (n && !(n == 1 && *path == '.')) {
            out[len++] = '/';
            memcpy(out + len, path, n);
            len += n;
        }
        path += n + (path[n] == '/');
    }
    if (!len)
        out[len++] = '/';
    out[len] = 0;
    return out;
}

/* Fills an entry from the host's file of that name; reads a link's target. */
static int fill(struct entry *e, const char *host, const struct stat *st)
{
    char target[PATH_MAX];

    free(e->data);
    free(e->source);
    e->data = NULL;
    e->data_len = 0;
    e->source = xstrdup(host);
    e->st = *st;
    if (!S_ISLNK(st->st_mode))
        return 0;
    ssize_t n = readlink(host, target, sizeof(target) - 1);

    if (n < 0)
        return -errno;
    e->data = xstrndup(target, n);
    e->data_len = n;
    return 0;
}

static bool packable(mode_t mode)
{
    return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode);
}

/* The host's path for a guest path of the same name. */
static const char *host_path(const struct manifest *m, const char *path, char buf[PATH_MAX])
{
    if (!m->host_root)
        return path;
    snprintf(buf, PATH_MAX, "%s%s", m->host_root, path);
    return buf;
}

static int add_from_host(struct manifest *m, const char *path, struct entry **out)
{
    char buf[PATH_MAX];
    const char *host = host_path(m, path, buf);
    struct stat st;

    if (lstat(host, &st) < 0)
        return -errno;
    if (!packable(st.st_mode))
        return -EINVAL;
    *out = insert(m, path);
    return fill(*out, host, &st);
}

/*
 * A walk along a path by its components: `at` is the physical path so far, `rest` what is still to go. Links met
 * on the way replace both.
 */
struct walk {
    char at[PATH_MAX];
    char rest[PATH_MAX];
    int links;
};

static int walk_link(struct walk *w, const char *target)
{
    char rest[PATH_MAX];

    if (++w->links > MAX_LINKS)
        return -ELOOP;
    if (snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >= (int)sizeof(rest))
        return -ENAMETOOLONG;
    memcpy(w->rest, rest, sizeof(rest));
    if (*target == '/') {
        w->at[0] = 0;
    } else {
        *strrchr(w->at, '/') = 0; /* the link itself is the last component of `at` */
    }
    return 0;
}

/* Takes the next component off `rest` onto `at`. False at the end. */
static bool walk_next(struct walk *w)
{
    for (;;) {
        char *p = w->rest + strspn(w->rest, "/");
        size_t n = strcspn(p, "/"), len = strlen(w->at);

        if (!n)
            return false;
        bool up = n == 2 && !memcmp(p, "..", 2), here = n == 1 && *p == '.';

        if (up && len)
            *strrchr(w->at, '/') = 0;
        if (!up && !here && len + n + 2 <= sizeof(w->at)) {
            w->at[len] = '/';
            memcpy(w->at + len + 1, p, n);
            w->at[len + 1 + n] = 0;
        }
        memmove(w->rest, p + n, strlen(p + n) + 1);
        if (!up && !here)
            return true;
    }
}

static int walk_start(struct walk *w, const char *path)
{
    w->links = 0;
    w->at[0] = 0;
    return snprintf(w->rest, sizeof(w->rest), "%s", path) < (int)sizeof(w->rest) ? 0 : -ENAMETOOLONG;
}

int manifest_add_host(struct manifest *m, const char *path, struct entry **final)
{
    struct entry *e = manifest_find(m, "/");
    struct walk w;
    int err = walk_start(&w, path);

    while (!err && walk_next(&w)) {
        e = manifest_find(m, w.at);
        if (!e)
            err = add_from_host(m, w.at, &e);
        if (err)
            break;
        if (S_ISLNK(e->st.st_mode))
            err = walk_link(&w, e->data);
        else if (!S_ISDIR(e->st.st_mode) && w.rest[strspn(w.rest, "/")])
            err = -ENOTDIR;
    }
    if (final)
        *final = e;
    return err;
}

/*
 * The physical place of a guest path whose parents are created as needed: links of the manifest are followed, but
 * not the last component. New parents copy the host's directory of that name when there is one.
 */
static int place(struct manifest *m, const char *guest, char out[PATH_MAX])
{
    struct walk w;
    int err = walk_start(&w, guest);

    while (!err && walk_next(&w)) {
        if (!w.rest[strspn(w.rest, "/")])
            break;
        struct entry *e = manifest_find(m, w.at);

        if (!e) {
            e = insert(m, w.at);
            e->st.st_mode = S_IFDIR | 0755;
        } else if (S_ISLNK(e->st.st_mode)) {
            err = walk_link(&w, e->data);
        } else if (!S_ISDIR(e->st.st_mode)) {
            err = -ENOTDIR;
        }
    }
    snprintf(out, PATH_MAX, "%s", w.at[0] ? w.at : "/");
    return err;
}

static int generated(struct manifest *m, const char *guest, mode_t mode, const void *data, size_t len)
{
    char at[PATH_MAX];
    int err = place(m, guest, at);

    if (err)
        return err;
    if (manifest_find(m, at))
        return -EEXIST;
    struct entry *e = insert(m, at);

    e->st.st_mode = mode;
    e->st.st_size = len;
    if (data) {
        e->data = xmalloc(len + 1);
        memcpy(e->data, data, len);
        e->data[len] = 0;
        e->data_len = len;
    }
    return 0;
}

int manifest_add_file(struct manifest *m, const char *guest, const void *data, size_t len, mode_t mode)
{
    return generated(m, guest, S_IFREG | mode, data, len);
}

int manifest_add_dir(struct manifest *m, const char *guest, mode_t mode)
{
    return generated(m, guest, S_IFDIR | mode, NULL, 0);
}

int manifest_add_link(struct manifest *m, const char *guest, const char *target)
{
    return generated(m, guest, S_IFLNK | 0777, target, strlen(target));
}

struct copy {
    struct manifest *m;
    manifest_filter filter;
    void *arg;
    size_t *skipped;
};

static int copy_one(struct copy *c, const char *host, const char *guest);

static int copy_children(struct copy *c, const char *host, const char *guest)
{
    _cleanup_closedir_ DIR *d = opendir(host);
    struct dirent *de;
    int err = 0;

    if (!d)
        return -errno;
    while (!err && (de = readdir(d))) {
        if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
            continue;
        _cleanup_free_ char *h = xasprintf("%s/%s", host, de->d_name);
        _cleanup_free_ char *g = xasprintf("%s/%s", strcmp(guest, "/") ? guest : "", de->d_name);

        err = copy_one(c, h, g);
        /* One unreadable file of a tree must not stop the rest: say so and go on. */
        if (err == -EACCES || err == -ENOENT || err == -EPERM) {
            if (c->skipped)
                ++*c->skipped;
            err = 0;
        }
    }
    return err;
}

static int copy_one(struct copy *c, const char *host, const char *guest)
{
    char at[PATH_MAX];
    struct stat st;

    if (lstat(host, &st) < 0)
        return -errno;
    if (!packable(st.st_mode) || (c->filter && c->filter(host, &st, c->arg)))
        return 0;
    if (S_ISREG(st.st_mode) && access(host, R_OK) < 0)
        return -errno;
    int err = place(c->m, guest, at);

    if (err)
        return err;
    struct entry *old = manifest_find(c->m, at);

    /* A directory merges with what is there, also through a link to one. */
    if (old && S_ISDIR(st.st_mode) && S_ISLNK(old->st.st_mode))
        return copy_children(c, host, guest);
    struct entry *e = insert(c->m, at);

    err = fill(e, host, &st);
    e->watch = true;
    if (!err && S_ISDIR(st.st_mode))
        err = copy_children(c, host, at);
    return err;
}

int manifest_add_copy(struct manifest *m, const char *host, const char *guest, manifest_filter filter,
                      void *arg, size_t *skipped)
{
    struct copy c = { m, filter, arg, skipped };
    struct stat st;

    if (stat(host, &st) < 0)
        return -errno;
    /* What the user named is followed if it is a link; what is below it is not. */
    char *real = realpath(host, NULL);
    int err = real ? copy_one(&c, real, guest) : -errno;

    free(real);
    return err;
}

void manifest_watch(struct manifest *m, const char *host)
{
    strv_add(&m->watched, host);
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->path, (*(struct entry *const *)b)->path);
}

struct entry **manifest_sorted(const struct manifest *m)
{
    struct entry **all = xcalloc(m->nr + 1, sizeof(*all));
    size_t n = 0;

    for (size_t i = 0; i < m->nr_slots; i++)
        if (m->slots[i])
            all[n++] = m->slots[i];
    qsort(all, n, sizeof(*all), by_path);
    return all;
}
