/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/pack.h"
#include "abi/image.h"
#include "host/cache.h"
#include "host/msg.h"
#include "host/spawn.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#define SHM           "/dev/shm"
#define STAGE_PREFIX  "proa-stage."
#define STALE_SECONDS 60
/* Same content, same bytes: nothing of an image is random or tells when it was made. */
#define FIXED_UUID    "70726f61-0000-4000-8000-000000000001"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    if (type == FTW_DP)
        return rmdir(path);
    return unlink(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/*
 * Staging folders are FOLDER/proa-stage.XXXXXX, locked while in use. What killed runs left behind is not locked; a
 * young one may be about to be.
 */
static void remove_stale(const char *folder)
{
    _cleanup_closedir_ DIR *dir = opendir(folder);
    struct dirent *de;

    while (dir && (de = readdir(dir))) {
        if (strncmp(de->d_name, STAGE_PREFIX, strlen(STAGE_PREFIX)))
            continue;
        _cleanup_free_ char *path = xasprintf("%s/%s", folder, de->d_name);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
            time(NULL) - st.st_mtime > STALE_SECONDS && flock(fd, LOCK_EX | LOCK_NB) == 0)
            remove_tree(path);
    }
}

/* Memory is three times as fast as a disk with a journal; small machines have little of it. */
static char *staging_parent(struct entry **all)
{
    struct statvfs vfs;
    uint64_t bytes = 0;

    for (; *all; all++)
        bytes += (*all)->st.st_size + 4096;
    if (statvfs(SHM, &vfs) == 0 && access(SHM, W_OK) == 0 &&
        (uint64_t)vfs.f_bavail * vfs.f_frsize / 4 > bytes)
        return xstrdup(SHM);
    return xasprintf("%s/tmp", cache_dir());
}

/* Makes the staging folder; *lock keeps it from others' remove_stale(). NULL after a message. */
static char *make_staging(struct entry **all, int *lock)
{
    _cleanup_free_ char *parent = staging_parent(all);

    remove_stale(parent);
    char *folder = xasprintf("%s/" STAGE_PREFIX "XXXXXX", parent);

    if (!mkdtemp(folder)) {
        msg_error("%s: %s", folder, strerror(errno));
        free(folder);
        return NULL;
    }
    *lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock >= 0)
        flock(*lock, LOCK_EX | LOCK_NB);
    return folder;
}

static int copy_content(const char *source, int out, size_t size)
{
    _cleanup_close_ int in = open(source, O_RDONLY | O_CLOEXEC);
    size_t left = size;

    if (in < 0)
        return -errno;
    while (left) {
        ssize_t n = copy_file_range(in, NULL, out, NULL, left, 0);

        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
            n = sendfile(out, in, NULL, left);
        if (n < 0)
            return -errno;
        if (!n)
            return -EIO; /* it became shorter */
        left -= n;
    }
    return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);

        if (n < 0)
            return -errno;
        data += n;
        len -= n;
    }
    return 0;
}

/* As a plain user, mkfs.erofs must be able to read what it packs. */
static mode_t staged_mode(const struct entry *e)
{
    mode_t mode = e->st.st_mode & 07777;

    if (geteuid() == 0)
        return mode;
    return mode | (S_ISDIR(e->st.st_mode) ? 0700 : 0400);
}

/* Python compares a module's time with the one its compiled form notes: times must survive. */
static void set_times(int fd, const char *path, const struct entry *e)
{
    struct timespec times[2] = { e->st.st_mtim, e->st.st_mtim };

    if (fd >= 0)
        futimens(fd, times);
    else
        utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static int stage_file(const struct entry *e, const char *path)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int err;

    if (fd < 0)
        return -errno;
    err = e->source ? copy_content(e->source, fd, e->st.st_size) : write_all(fd, e->data ?: "", e->data_len);
    if (!err && geteuid() == 0 && (e->st.st_uid || e->st.st_gid) &&
        fchown(fd, e->st.st_uid, e->st.st_gid) < 0)
        err = -errno;
    if (!err && fchmod(fd, staged_mode(e)) < 0)
        err = -errno;
    set_times(fd, path, e);
    return err;
}

static int stage_one(const struct entry *e, const char *path)
{
    if (S_ISREG(e->st.st_mode))
        return stage_file(e, path);
    if (S_ISLNK(e->st.st_mode)) {
        if (symlink(e->data, path) < 0)
            return -errno;
    } else if (strcmp(e->path, "/") && mkdir(path, 0700) < 0) {
        return -errno;
    }
    if (geteuid() == 0 && (e->st.st_uid || e->st.st_gid) && lchown(path, e->st.st_uid, e->st.st_gid) < 0)
        return -errno;
    if (S_ISLNK(e->st.st_mode))
        set_times(-1, path, e);
    return 0;
}

/* A signal that would end us waits until the staging folder is gone. */
static volatile sig_atomic_t interrupted;
static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define NR_ENDING (sizeof(ending) / sizeof(ending[0]))

static void on_interrupt(int sig)
{
    interrupted = sig;
}

static void hold_signals(struct sigaction old[NR_ENDING])
{
    struct sigaction sa = { .sa_handler = on_interrupt };

    for (size_t i = 0; i < NR_ENDING; i++) {
        sigaction(ending[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)
            sigaction(ending[i], &sa, NULL);
    }
}

static void release_signals(const struct sigaction old[NR_ENDING])
{
    for (size_t i = 0; i < NR_ENDING; i++)
        sigaction(ending[i], &old[i], NULL);
    if (interrupted)
        raise(interrupted);
}

static int stage(struct entry **all, size_t n, const char *folder)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s%s", folder, all[i]->path);
        int err = stage_one(all[i], path);

        if (err)
            return msg_error("packing %s: %s", all[i]->source ? all[i]->source : all[i]->path,
                             strerror(-err));
        if (interrupted)
            return -1;
        progress_step(i, n, "files");
    }
    /* Folders last: their modes may forbid adding files, and adding files changes their times. */
    for (size_t i = n; i-- > 0;) {
        if (!S_ISDIR(all[i]->st.st_mode))
            continue;
        snprintf(path, sizeof(path), "%s%s", folder, all[i]->path);
        if (chmod(path, staged_mode(all[i])) < 0)
            return msg_error("packing %s: %s", all[i]->path, strerror(errno));
        set_times(-1, path, all[i]);
    }
    return 0;
}

static int make_erofs(const char *folder, const char *image, bool compress)
{
    _cleanup_strv_ struct strv args = { 0 };
    _cleanup_buf_ struct buf err = { 0 };

    strv_add(&args, "mkfs.erofs");
    strv_split(&args, "--quiet -d1 -x-1 -U " FIXED_UUID, " ", 0);
    if (compress)
        strv_add(&args, "-zlz4hc");
    if (geteuid())
        strv_add(&args, "--all-root");
    strv_add(&args, image);
    strv_add(&args, folder);
    int status = spawn_wait(args.v, &err);

    if (interrupted)
        return -1;
    if (status == 127)
        return msg_error("mkfs.erofs is not installed: install Debian's package erofs-utils");
    if (status)
        return msg_error("mkfs.erofs failed (status %d): %s", status, err.len ? err.p : "it said nothing");
    return 0;
}

/* CRC-32C (Castagnoli), reflected, as Linux's crc32c(): no inversion at either end. */
static uint32_t crc32c(uint32_t crc, const unsigned char *p, size_t len)
{
    while (len--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return crc;
}

/*
 * mkfs.erofs 1.5 either gives every file one fixed time or notes when it ran. We want the files' own times and the
 * same bytes from the same content, so the super block's time of making is set to 0 afterwards, with its checksum
 * (CRC-32C from the super block to the end of its block, its own field taken as 0).
 */
static int forget_time(const char *image)
{
    enum {
        BLOCK = 4096,
        LEN = BLOCK - IMAGE_MAGIC_OFFSET,
        CHECKSUM = 4,
        BUILD_TIME = 24,
        BUILD_TIME_LEN = 12
    };
    _cleanup_close_ int fd = open(image, O_RDWR | O_CLOEXEC);
    unsigned char block[LEN];

    if (fd < 0 || pread(fd, block, LEN, IMAGE_MAGIC_OFFSET) != LEN)
        return msg_error("%s: %s", image, strerror(errno));
    memset(block + BUILD_TIME, 0, BUILD_TIME_LEN);
    memset(block + CHECKSUM, 0, 4);
    uint32_t crc = htole32(crc32c(~0u, block, LEN));

    memcpy(block + CHECKSUM, &crc, sizeof(crc));
    if (pwrite(fd, block, LEN, IMAGE_MAGIC_OFFSET) != LEN)
        return msg_error("%s: %s", image, strerror(errno));
    return 0;
}

int pack_image(const struct manifest *m, const char *out, bool compress)
{
    _cleanup_free_ struct entry **all = manifest_sorted(m);
    _cleanup_free_ char *image = xasprintf("%s.%d.tmp", out, getpid());
    _cleanup_close_ int lock = -1;
    _cleanup_free_ char *folder = *cache_dir() ? make_staging(all, &lock) : NULL;

    if (!folder)
        return -1;
    struct sigaction old[NR_ENDING];

    hold_signals(old);
    progress_begin("packing");
    int err = stage(all, m->nr, folder);

    if (!err)
        err = make_erofs(folder, image, compress);
    if (!err)
        err = forget_time(image);
    progress_end();
    if (!err && rename(image, out) < 0)
        err = msg_error("%s: %s", out, strerror(errno));
    if (err)
        unlink(image);
    remove_tree(folder);
    release_signals(old);
    return err;
}
