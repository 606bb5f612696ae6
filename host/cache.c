/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cache.h"
#include "host/hash.h"
#include "host/msg.h"
#include "host/size.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>

#define RECORD_MAGIC  "proa request 4\n"
#define DEFAULT_LIMIT (4ull << 30)

/* How a path is stamped. */
enum stamp_kind {
    STAMP_FILE = 'f',   /* by lstat: a file, a link, a folder whose content matters */
    STAMP_FOLDER = 'd', /* a folder of which only its existence and mode matter */
    STAMP_WATCH = 'w',  /* by stat, and absence counts */
};

static int make_dir(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return -1;
    char *parent = xstrdup(path), *slash = strrchr(parent, '/');
    int err = -1;

    if (slash && slash != parent) {
        *slash = 0;
        err = make_dir(parent);
    }
    free(parent);
    return err ? err : mkdir(path, 0700);
}

const char *cache_dir(void)
{
    static char *dir;
    static const char *const below[] = { "", "/images", "/requests", "/tmp" };
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (dir)
        return dir;
    if (xdg && *xdg == '/')
        dir = xasprintf("%s/proa", xdg);
    else if (home && *home == '/')
        dir = xasprintf("%s/.cache/proa", home);
    else
        dir = xasprintf("/tmp/proa-%u", geteuid());
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        _cleanup_free_ char *path = xasprintf("%s%s", dir, below[i]);

        if (make_dir(path)) {
            msg_error("the cache folder %s cannot be made: %s (XDG_CACHE_HOME names another place)", path,
                      strerror(errno));
            *dir = 0;
            break;
        }
    }
    return dir;
}

static uint64_t stamp_of(char kind, const struct stat *st)
{
    uint64_t v[8] = { st->st_mode };

    if (kind != STAMP_FOLDER) {
        v[1] = st->st_size;
        v[2] = st->st_mtim.tv_sec;
        v[3] = st->st_mtim.tv_nsec;
        v[4] = st->st_ctim.tv_sec;
        v[5] = st->st_ctim.tv_nsec;
        v[6] = st->st_ino;
        v[7] = st->st_dev;
    }
    return hash64(v, sizeof(v));
}

static uint64_t stamp_path(char kind, const char *path)
{
    struct stat st;

    if ((kind == STAMP_WATCH ? stat(path, &st) : lstat(path, &st)) < 0)
        return 0;
    return stamp_of(kind, &st);
}

static char entry_kind(const struct entry *e)
{
    return S_ISDIR(e->st.st_mode) && !e->watch ? STAMP_FOLDER : STAMP_FILE;
}

static char *record_path(const char *request)
{
    return xasprintf("%s/requests/%s", cache_dir(), request);
}

static char *read_record(const char *path, size_t *len)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t magic = strlen(RECORD_MAGIC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    char *text = xmalloc(st.st_size + 1);
    ssize_t n = read(fd, text, st.st_size);

    if (n < (ssize_t)magic || memcmp(text, RECORD_MAGIC, magic)) {
        free(text);
        return NULL;
    }
    text[n] = 0;
    *len = n;
    return text;
}

/* A record: magic, the image's path and a NUL, then for each stamp its kind, eight bytes, the path and a NUL. */
char *cache_find(const char *request)
{
    _cleanup_free_ char *path = record_path(request);
    size_t len = 0;
    _cleanup_free_ char *text = read_record(path, &len);

    if (!text)
        return NULL;
    const char *image = text + strlen(RECORD_MAGIC), *end = text + len;

    for (const char *p = image + strlen(image) + 1; p + 9 < end;) {
        uint64_t stamp;

        memcpy(&stamp, p + 1, sizeof(stamp));
        if (stamp != stamp_path(*p, p + 9)) {
            msg_verbose("packing again: %s changed", p + 9);
            return NULL;
        }
        p += 9 + strlen(p + 9) + 1;
    }
    /* The time of use, for cache_trim(). Fails if the image is gone. */
    if (utimensat(AT_FDCWD, image, NULL, 0) < 0)
        return NULL;
    return xstrdup(image);
}

static void add_stamp(struct buf *b, char kind, uint64_t stamp, const char *path)
{
    buf_add(b, &kind, 1);
    buf_add(b, &stamp, sizeof(stamp));
    buf_add(b, path, strlen(path) + 1);
}

void cache_store(const char *request, const struct manifest *m, const char *image)
{
    _cleanup_free_ struct entry **all = manifest_sorted(m);
    _cleanup_free_ char *path = record_path(request);
    _cleanup_free_ char *tmp = xasprintf("%s.%d", path, getpid());
    _cleanup_close_ int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    _cleanup_buf_ struct buf b = { 0 };

    buf_adds(&b, RECORD_MAGIC);
    buf_add(&b, image, strlen(image) + 1);
    for (size_t i = 0; i < m->watched.n; i++)
        add_stamp(&b, STAMP_WATCH, stamp_path(STAMP_WATCH, m->watched.v[i]), m->watched.v[i]);
    for (size_t i = 0; all[i]; i++)
        if (all[i]->source)
            add_stamp(&b, entry_kind(all[i]), stamp_of(entry_kind(all[i]), &all[i]->st), all[i]->source);
    if (fd < 0 || write(fd, b.p, b.len) != (ssize_t)b.len || rename(tmp, path) < 0)
        unlink(tmp);
}

char *cache_image_path(const struct manifest *m)
{
    _cleanup_free_ struct entry **all = manifest_sorted(m);
    _cleanup_buf_ struct buf b = { 0 };
    char hex[HASH_HEX_LEN + 1];

    buf_adds(&b, "image 2 " PROA_VERSION);
    for (size_t i = 0; all[i]; i++) {
        const struct entry *e = all[i];
        uint64_t v[5] = { e->st.st_mode, e->st.st_uid, e->st.st_gid, e->data_len,
                          e->source ? stamp_of(entry_kind(e), &e->st) : 0 };

        buf_add(&b, e->path, strlen(e->path) + 1);
        buf_add(&b, v, sizeof(v));
        if (e->data)
            buf_add(&b, e->data, e->data_len);
    }
    hash_hex(b.p, b.len, hex);
    return xasprintf("%s/images/%s.erofs", cache_dir(), hex);
}

struct cached {
    char *path;
    uint64_t bytes;
    time_t used;
};

static int by_use(const void *a, const void *b)
{
    const struct cached *x = a, *y = b;

    return (x->used > y->used) - (x->used < y->used);
}

/* A running `proa` holds a shared lock on its image; one that is in use stays. */
static void remove_unused(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlink(path);
}

void cache_trim(const char *keep)
{
    _cleanup_free_ char *folder = xasprintf("%s/images", cache_dir());
    _cleanup_closedir_ DIR *dir = opendir(folder);
    uint64_t limit = DEFAULT_LIMIT, total = 0;
    const char *env = getenv("PROA_CACHE_SIZE");
    struct cached *all = NULL;
    struct dirent *de;
    size_t n = 0;

    if (env && !size_parse(env, &limit))
        msg_warn("PROA_CACHE_SIZE=%s: not a size", env);
    while (dir && (de = readdir(dir))) {
        struct stat st;

        if (de->d_name[0] == '.' || fstatat(dirfd(dir), de->d_name, &st, 0) < 0)
            continue;
        all = xrealloc(all, (n + 1) * sizeof(*all));
        all[n++] = (struct cached){ xasprintf("%s/%s", folder, de->d_name), st.st_blocks * 512ull,
                                    st.st_mtim.tv_sec };
        total += st.st_blocks * 512ull;
    }
    if (n)
        qsort(all, n, sizeof(*all), by_use);
    for (size_t i = 0; i < n; i++) {
        if (total > limit && strcmp(all[i].path, keep)) {
            remove_unused(all[i].path);
            total -= all[i].bytes;
        }
        free(all[i].path);
    }
    free(all);
}
