/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * erofs_fuzz.c: corrupt EROFS images. LLVMFuzzerTestOneInput() takes an image; the plain driver flips each byte of
 * the metadata of small images in turn (argument: flip only every n-th), and reads everything each time: errors are
 * fine, crashes and endless loops are not.
 */
#include "../unit/fs.h"

#include "kernel/log.h"
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* ---- reading all of a mounted image ---- */

struct all {
    struct dir_context ctx;
    unsigned nr;
    char name[64][NAME_MAX + 1];
};

static bool take(struct dir_context *ctx, const char *name, unsigned len, uint64_t off, ino_t ino,
                 unsigned type)
{
    struct all *a = (struct all *)ctx;

    if (a->nr == 64 || len > NAME_MAX)
        return false;
    memcpy(a->name[a->nr], name, len);
    a->name[a->nr++][len] = 0;
    return true;
}

static void read_inode(const struct path *p)
{
    struct inode *i = path_inode(p);
    static char buf[PATH_MAX];
    struct file *f;
    struct kstat k;
    ssize_t n;

    vfs_stat(p, &k);
    n = vfs_listxattr(i, buf, sizeof(buf));
    for (char *s = buf; n > 0 && s < buf + n; s += strlen(s) + 1) {
        char value[256];

        vfs_getxattr(i, s, value, sizeof(value));
    }
    vfs_readlink(p, buf, sizeof(buf));
    if (!S_ISREG(i->mode) || file_open_path(p, O_RDONLY, &f))
        return;
    for (uint64_t at = 0; at < i->size && at < 40 * PAGE_SIZE; at += sizeof(buf))
        if (file_read_kernel(f, buf, sizeof(buf), at) < 0)
            break;
    if (i->size)
        file_read_kernel(f, buf, 1, i->size - 1);
    file_put(f);
}

static void read_tree(const struct path *dir, unsigned depth)
{
    struct all *a = calloc(1, sizeof(*a));
    struct file *f;

    a->ctx.actor = take;
    if (!file_open_path(dir, O_RDONLY, &f)) {
        f->ops->readdir(f, &a->ctx);
        file_put(f);
    }
    for (unsigned i = 0; i < a->nr; i++) {
        struct path p;

        if (!strcmp(a->name[i], ".") || !strcmp(a->name[i], "..") || strchr(a->name[i], '/') ||
            path_lookup(dir, a->name[i], 0, &p))
            continue;
        read_inode(&p);
        if (S_ISDIR(path_inode(&p)->mode) && depth < 4)
            read_tree(&p, depth + 1);
        path_put(&p);
    }
    free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    uint8_t *copy = malloc(len);

    if (!ready) {
        vfs_init();
        log_set_level(LOG_EMERG);
        fs_set_current(context, cred);
    }
    ready = true;
    memcpy(copy, data, len);
    disk_set(copy, len);
    test_context = fs_context_new();
    if (!vfs_mount_root("erofs", "vda", 0, "")) {
        read_tree(&test_context->root, 0);
        fs_end();
    } else {
        fs_context_put(test_context);
        sched_yield_current();
    }
    free(copy);
    return 0;
}

/* ---- the plain driver ---- */

#ifndef LIBFUZZER
static char work[] = "/tmp/erofs-fuzz-XXXXXX";

static uint8_t *make_image(const char *options, size_t *len)
{
    char cmd[1200];
    struct stat st;
    uint8_t *image;
    FILE *f;

    snprintf(
        cmd, sizeof(cmd),
        "cd %s && rm -rf tree image && mkdir -p tree/dir/below && cd tree && seq 3000 >text && echo tiny >tiny &&"
        " head -c 9000 /dev/zero >zeros && ln -s text link && ln text hard && seq 200 >dir/small &&"
        " for i in 1 2 3 4 5 6 7 8; do echo $i >dir/below/entry-$i; done;"
        " setfattr -n user.a -v b tiny 2>/dev/null; setfattr -n user.long -v bcdefghijkl text 2>/dev/null;"
        " cd .. && mkfs.erofs %s image tree >/dev/null 2>&1",
        work, options);
    if (system(cmd))
        return NULL;
    snprintf(cmd, sizeof(cmd), "%s/image", work);
    f = fopen(cmd, "r");
    if (!f || fstat(fileno(f), &st))
        return NULL;
    image = malloc(st.st_size);
    *len = fread(image, 1, st.st_size, f);
    fclose(f);
    return image;
}

/* Bytes that look like file text rather than metadata are left alone: they cannot mislead anybody. */
static bool is_metadata(const uint8_t *image, size_t at)
{
    unsigned digits = 0;

    for (size_t i = at & ~63ul; i < (at & ~63ul) + 64; i++)
        digits += (image[i] >= '0' && image[i] <= '9') || image[i] == '\n';
    return digits < 64;
}

static void flip_all(const char *options, unsigned every)
{
    static const uint8_t masks[] = { 0x01, 0x80, 0xff };
    size_t len;
    uint8_t *image = make_image(options, &len);
    unsigned runs = 0;
    time_t worst = 0;

    if (!image) {
        printf("    mkfs.erofs %s: skipped\n", options);
        return;
    }
    LLVMFuzzerTestOneInput(image, len);
    for (size_t at = 1024; at < len; at++) {
        if (!is_metadata(image, at) || (image[at] == 0 && at % 16 && at % 7))
            continue;
        for (unsigned m = 0; m < sizeof(masks); m++) {
            time_t start = time(NULL);

            if ((at + m) % every)
                continue;
            image[at] ^= masks[m];
            LLVMFuzzerTestOneInput(image, len);
            image[at] ^= masks[m];
            runs++;
            worst = MAX(worst, time(NULL) - start);
        }
    }
    for (size_t cut = 0; cut < len; cut += 512) /* truncated images */
        LLVMFuzzerTestOneInput(image, cut);
    CHECK(worst < 10);
    printf("    %-32s %zu bytes, %u corruptions\n", options, len, runs);
    free(image);
}

static unsigned every = 5;

TEST(flips)
{
    static const char *const options[] = { "-x1",
                                           "-Enoinline_data",
                                           "--chunksize=4096 -Eforce-chunk-indexes",
                                           "-zlz4",
                                           "-zlz4 -Elegacy-compress",
                                           "-zlz4hc -C65536",
                                           "-zlz4 -Eztailpacking",
                                           "-Eforce-inode-extended -x0" };

    if (getenv("FUZZ_EVERY"))
        every = atoi(getenv("FUZZ_EVERY"));
    CHECK(mkdtemp(work));
    for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        flip_all(options[i], every);
    char cmd[100];

    snprintf(cmd, sizeof(cmd), "rm -rf %s", work);
    CHECK(!system(cmd));
}
#endif
