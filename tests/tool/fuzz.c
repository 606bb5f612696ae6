/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.c: the tool's readers of foreign files (ELF, EROFS, ld.so.cache, a saved VM, a log) on damaged ones, under ASan and
 * UBSan.
 *
 *   fuzz elf|image|ldcache|service|log FILE ROUNDS
 *
 * First each byte of the file's first 16 KiB is inverted in turn, then ROUNDS times a few bytes anywhere are
 * replaced by numbers from the edges, and the file is cut now and then. Ends with 0 unless a sanitizer objects.
 */
#include "abi/image.h"
#include "host/elf.h"
#include "host/image.h"
#include "host/ldcache.h"
#include "host/msg.h"
#include "host/service.h"
#include "host/vmlog.h"
#include <err.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void read_elf(const char *path)
{
    _cleanup_elf_ struct elf elf = { 0 };
    _cleanup_free_ char *why = NULL;

    if (elf_read(path, &elf, &why) < 0 && (!why || !*why))
        errx(1, "an error without a reason");
}

static size_t seen;

static void see(const struct image_file *f, void *arg)
{
    seen += strlen(f->path) + (f->target ? strlen(f->target) : 0);
}

static void read_image(const char *path)
{
    struct image *im = image_open(path);
    _cleanup_buf_ struct buf text = { 0 };

    if (!im)
        return;
    image_walk(im, see, NULL);
    image_read(im, IMAGE_CONFIG, IMAGE_CONFIG_MAX, &text);
    image_close(im);
}

static bool keep(const char *path, void *arg)
{
    return strlen(path) > 0;
}

static void read_ldcache(const char *path)
{
    struct ldcache *c = ldcache_open(path);
    _cleanup_strv_ struct strv paths = { 0 };
    _cleanup_buf_ struct buf out = { 0 };

    if (!c)
        return;
    ldcache_lookup(c, "libc.so.6", &paths);
    ldcache_filter(c, keep, NULL, &out);
    ldcache_free(c);
}

static char *read_text(const char *path, size_t *len)
{
    _cleanup_close_ int fd = open(path, O_RDONLY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        err(1, "%s", path);
    char *text = xmalloc(st.st_size + 1);

    *len = read(fd, text, st.st_size);
    text[*len] = 0;
    return text;
}

/* What is read without complaint can be written and read again. */
static void read_service(const char *path)
{
    size_t len;
    _cleanup_free_ char *text = read_text(path, &len);
    _cleanup_service_ struct service v = { 0 }, again = { 0 };

    if (service_parse(&v, text, len, path))
        return;
    _cleanup_free_ char *out = service_text(&v);

    if (service_parse(&again, out, strlen(out), "again"))
        errx(1, "what was written cannot be read");
}

static void read_log(const char *path)
{
    size_t len;
    _cleanup_free_ char *text = read_text(path, &len);
    const char *end = text + len;
    struct vmlog_line l;

    for (const char *p = text, *nl; (nl = memchr(p, '\n', end - p)); p = nl + 1)
        if (vmlog_parse(p, nl - p, &l))
            seen += l.time_len + l.len + (l.len ? l.text[l.len - 1] : 0);
}

static const struct {
    const char *name;
    void (*read)(const char *path);
} readers[] = { { "elf", read_elf },
                { "image", read_image },
                { "ldcache", read_ldcache },
                { "service", read_service },
                { "log", read_log } };

/* A number at the edge of what arithmetic bears, 1 to 8 bytes of it, somewhere. Headers are hit more often. */
static void damage(int fd, size_t len)
{
    static const uint64_t edges[] = { 0,          1,    0x7f, 0xff,  0xffff,    0x7fffffff,
                                      0xffffffff, 4095, 4097, ~0ull, 1ull << 63 };
    uint64_t value = rnd() % 3 ? edges[rnd() % (sizeof(edges) / sizeof(edges[0]))] : rnd();
    size_t at = rnd() % 2 ? rnd() % (len < 4096 ? len : 4096) : rnd() % len;
    size_t n = 1 << rnd() % 4;

    if (at + n <= len && pwrite(fd, &value, n, at) != (ssize_t)n)
        err(1, "pwrite");
}

static void write_whole(int fd, const char *data, size_t len)
{
    if (ftruncate(fd, len) < 0 || pwrite(fd, data, len, 0) != (ssize_t)len)
        err(1, "write");
}

static void fuzz(void (*reader)(const char *), const char *data, size_t len, long rounds)
{
    int fd = memfd_create("fuzz", 0);
    _cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", fd);

    write_whole(fd, data, len);
    reader(path);
    for (size_t i = 0; i < len && i < 16384; i++) {
        char c = ~data[i];

        if (pwrite(fd, &c, 1, i) != 1)
            err(1, "pwrite");
        reader(path);
        if (pwrite(fd, data + i, 1, i) != 1)
            err(1, "pwrite");
    }
    for (long i = 0; i < rounds; i++) {
        write_whole(fd, data, len);
        for (uint64_t n = 1 + rnd() % 4; n; n--)
            damage(fd, len);
        if (rnd() % 16 == 0 && ftruncate(fd, rnd() % len) < 0)
            err(1, "ftruncate");
        reader(path);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(2, "usage: fuzz elf|image|ldcache|service|log FILE ROUNDS");
    int fd = open(argv[2], O_RDONLY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        err(1, "%s", argv[2]);
    _cleanup_free_ char *data = xmalloc(st.st_size + 1);

    if (read(fd, data, st.st_size) != st.st_size)
        err(1, "%s", argv[2]);
    close(fd);
    /* The messages are many and expected. */
    if (!freopen("/dev/null", "w", stderr))
        err(1, "/dev/null");
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
        if (!strcmp(argv[1], readers[i].name))
            fuzz(readers[i].read, data, st.st_size, strtol(argv[3], NULL, 10));
    return 0;
}
