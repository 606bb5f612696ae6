/* SPDX-License-Identifier: BSD-2-Clause */
/* EROFS images made by mkfs.erofs in every layout, read through the VFS and compared with the tree they came from. */
#include "fs.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static char work[] = "/tmp/erofs-test-XXXXXX";
static char tree[64], image[64];

static bool own_times; /* compact inodes share the time of the image */

static uint64_t seed = 42;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

enum content { ZEROS, TEXT, NOISE, MIXED };

static void make_file(const char *name, size_t size, enum content c)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", tree, name);
    f = fopen(path, "w");
    for (size_t i = 0; i < size; i++) {
        int ch = c == ZEROS  ? 0
                 : c == TEXT ? "the quick brown fox jumps over the lazy dog\n"[(i ^ i / 777) % 44]
                             : (int)rnd();

        if (c == MIXED)
            ch = (i / 10000) % 2 ? (int)rnd() : 'x' + (int)(i / 300 % 3);
        fputc(ch, f);
    }
    fclose(f);
}

static void make_dir(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", tree, name);
    mkdir(path, 0755);
}

static void make_tree(void)
{
    static const size_t sizes[] = { 0,    1,     100,   4000,  4095,   4096,   4097,
                                    8192, 10000, 65536, 65537, 300000, 1300001 };
    char name[320], path[400];

    snprintf(tree, sizeof(tree), "%s/tree", work);
    snprintf(image, sizeof(image), "%s/image", work);
    mkdir(tree, 0755);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (enum content c = ZEROS; c <= MIXED; c++) {
            snprintf(name, sizeof(name), "f%u-%d", i, c);
            make_file(name, sizes[i], c);
        }
    make_dir("many");
    for (unsigned i = 0; i < 700; i++) {
        snprintf(name, sizeof(name), "many/entry-with-a-longish-name-%u", i * 7919 % 700);
        make_file(name, i % 50, TEXT);
    }
    make_dir("deep");
    make_dir("deep/deeper");
    make_dir("deep/deeper/deepest");
    make_dir("empty");
    make_file("deep/deeper/deepest/file", 5000, TEXT);
    snprintf(name, sizeof(name), "%s/link", tree);
    CHECK(!symlink("deep/deeper", name));
    memset(path, 'l', 300);
    path[300] = 0;
    snprintf(name, sizeof(name), "%s/long-link", tree);
    CHECK(!symlink(path, name));
    snprintf(path, sizeof(path), "%s/f5-1", tree);
    snprintf(name, sizeof(name), "%s/hard", tree);
    CHECK(!link(path, name));
    snprintf(name, sizeof(name), "%s/fifo", tree);
    CHECK(!mkfifo(name, 0640));
    snprintf(name, sizeof(name), "%s/null", tree);
    if (mknod(name, S_IFCHR | 0666, makedev(1, 3)))
        puts("    (no device nodes)");
    setxattr(path, "user.one", "value", 5, 0);
    snprintf(path, sizeof(path), "%s/f3-2", tree);
    setxattr(path, "user.one", "value", 5, 0);
    setxattr(path, "user.two", "", 0, 0);
    memset(name, 'N', 200);
    name[200] = 0;
    snprintf(path, sizeof(path), "%s/many/%s", tree, name);
    close(open(path, O_CREAT | O_WRONLY, 0600));
}

static char *guest_name(const char *host)
{
    static char name[512];

    snprintf(name, sizeof(name), "%s", host + strlen(tree));
    return name[0] ? name : strcpy(name, "/");
}

static void compare_content(struct file *f, const char *host, size_t size)
{
    char *a = malloc(size + 1), *b = malloc(size + 1);
    int fd = open(host, O_RDONLY);
    ssize_t n;

    CHECK(read(fd, b, size + 1) == (ssize_t)size);
    close(fd);
    n = file_read_kernel(f, a, size + 1, 0);
    CHECK(n == (ssize_t)size && !memcmp(a, b, size));
    for (unsigned i = 0; i < 5 && size; i++) { /* elsewhere, too */
        size_t at = rnd() % size, len = rnd() % 9000, want = len < size - at ? len : size - at;

        n = file_read_kernel(f, a, len <= size ? len : size, at);
        CHECK(n >= 0 && (size_t)n <= want && !memcmp(a, b + at, n));
    }
    free(a);
    free(b);
}

static void compare_xattrs(struct inode *i, const char *host)
{
    char a[1000], b[1000], va[100], vb[100];
    ssize_t n = llistxattr(host, a, sizeof(a)), m = vfs_listxattr(i, b, sizeof(b));
    unsigned found = 0, theirs = 0;

    for (char *s = a; n > 0 && s < a + n; s += strlen(s) + 1) {
        ssize_t x = lgetxattr(host, s, va, sizeof(va)), y;

        if (strncmp(s, "user.", 5))
            continue;
        y = vfs_getxattr(i, s, vb, sizeof(vb));
        CHECK(x == y && (x <= 0 || !memcmp(va, vb, x)));
        found++;
    }
    for (char *s = b; m > 0 && s < b + m; s += strlen(s) + 1)
        theirs += !strncmp(s, "user.", 5);
    CHECK(found == theirs);
    CHECK(vfs_getxattr(i, "user.absent", vb, sizeof(vb)) == -ENODATA);
}

struct listing {
    struct dir_context ctx;
    unsigned nr, left;
    char *host;
    struct {
        char name[300];
        ino_t ino;
    } found[37];
};

static bool list_one(struct dir_context *ctx, const char *name, unsigned len, uint64_t off, ino_t ino,
                     unsigned type)
{
    struct listing *l = (struct listing *)ctx;
    char path[700];
    struct stat st;

    if (!l->left)
        return false;
    l->left--;
    l->nr++;
    snprintf(l->found[l->left].name, 300, "%.*s", (int)len, name);
    l->found[l->left].ino = ino;
    snprintf(path, sizeof(path), "%s/%.*s", l->host, (int)len, name);
    CHECK(!lstat(path, &st));
    CHECK((st.st_mode >> 12) == type);
    return true;
}

/* d_ino is st_ino. */
static void check_numbers(struct listing *l)
{
    struct kstat k;

    for (unsigned n = l->left; n < 37; n++) {
        char path[700];

        if (!strcmp(l->found[n].name, ".."))
            continue;
        snprintf(path, sizeof(path), "%s/%s", l->host, l->found[n].name);
        CHECK(!v_stat(guest_name(path), false, &k));
        CHECK(k.ino == l->found[n].ino);
    }
}

static void compare_dir(struct file *f, const char *host)
{
    struct listing l = { .ctx = { .actor = list_one }, .host = (char *)host };
    DIR *d = opendir(host);
    unsigned nr = 0;

    while (readdir(d))
        nr++;
    closedir(d);
    do {
        l.left = 37; /* in portions */
        CHECK(!f->ops->readdir(f, &l.ctx));
        check_numbers(&l);
    } while (!l.left);
    CHECK(l.nr == nr);
}

static int compare(const char *host, const struct stat *st, int flag, struct FTW *ftw)
{
    char a[1000], b[1000];
    struct kstat k;
    struct path p;
    struct file *f;
    ssize_t n;

    int err = path_lookup(NULL, guest_name(host), 0, &p);

    CHECK(!err);
    if (err)
        return 0;
    CHECK(!vfs_stat(&p, &k));
    CHECK(k.mode == st->st_mode && k.uid == st->st_uid && k.gid == st->st_gid);
    CHECK(!own_times || k.mtime.sec == st->st_mtim.tv_sec);
    if (!S_ISDIR(st->st_mode))
        CHECK(k.size == (uint64_t)st->st_size && k.nlink == st->st_nlink);
    compare_xattrs(path_inode(&p), host);
    if (S_ISLNK(st->st_mode)) {
        n = readlink(host, a, sizeof(a));
        CHECK(vfs_readlink(&p, b, sizeof(b)) == n && !memcmp(a, b, n));
    } else if (S_ISCHR(st->st_mode)) {
        CHECK(k.rdev == st->st_rdev);
    } else if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) {
        CHECK(!file_open_path(&p, O_RDONLY, &f));
        if (S_ISDIR(st->st_mode))
            compare_dir(f, host);
        else
            compare_content(f, host, st->st_size);
        file_put(f);
    }
    path_put(&p);
    return 0;
}

static bool make_image(const char *options)
{
    char cmd[400];

    snprintf(cmd, sizeof(cmd), "rm -f %s; mkfs.erofs %s %s %s >%s/log 2>&1", image, options, image, tree,
             work);
    if (system(cmd)) {
        printf("    mkfs.erofs %s failed\n", options);
        return false;
    }
    return true;
}

static void check_image(const char *options, const char *type)
{
    struct kstat k;

    if (!tree[0]) {
        CHECK(mkdtemp(work));
        make_tree();
    }
    own_times = !strstr(options, "compact");
    if (!make_image(options))
        return;
    disk_open(image);
    disk.requests = 0;
    fs_start(type, "vda", "");
    CHECK(!v_stat("/deep/deeper/deepest/file", true, &k));
    printf("    %s %-40s %u requests to find a file,", type, options, disk.requests);
    nftw(tree, compare, 20, FTW_PHYS);
    printf(" %u for all\n", disk.requests);
    CHECK(v_stat("/absent", true, &k) == -ENOENT &&
          v_stat("/many/entry-with-a-longish-name-700", true, &k) == -ENOENT);
    CHECK(vfs_mkdir(NULL, "/new", 0755) == (strcmp(type, "erofs") ? 0 : -EROFS));
    fs_end();
}

TEST(erofs_plain)
{
    check_image("-x1", "erofs");
}
TEST(erofs_extended_inodes)
{
    check_image("-Eforce-inode-extended", "erofs");
}
TEST(erofs_compact_inodes)
{
    check_image("-Eforce-inode-compact", "erofs");
}
TEST(erofs_noinline)
{
    check_image("-Enoinline_data", "erofs");
}
TEST(erofs_chunks)
{
    check_image("--chunksize=4096", "erofs");
}
TEST(erofs_big_chunks)
{
    check_image("--chunksize=16384 -Eforce-chunk-indexes", "erofs");
}
TEST(erofs_shared_xattrs)
{
    check_image("-x0", "erofs");
}
TEST(erofs_lz4)
{
    check_image("-zlz4", "erofs");
}
TEST(erofs_lz4hc)
{
    check_image("-zlz4hc,12", "erofs");
}
TEST(erofs_lz4_legacy)
{
    check_image("-zlz4 -Elegacy-compress", "erofs");
}
TEST(erofs_lz4_big)
{
    check_image("-zlz4hc -C65536", "erofs");
}
TEST(erofs_lz4_tailpacking)
{
    check_image("-zlz4 -Eztailpacking", "erofs");
}
TEST(erofs_lz4_big_tailpacking)
{
    check_image("-zlz4hc -C16384 -Eztailpacking", "erofs");
}
TEST(overlay_shows_the_image)
{
    check_image("-zlz4", "overlay");
}

TEST(read_errors_come_out)
{
    struct file *f;
    char buf[100];
    unsigned failed = 0;

    if (!tree[0]) {
        CHECK(mkdtemp(work));
        make_tree();
    }
    make_image("-Enoinline_data");
    disk_open(image);
    fs_start("overlay", "vda", "");
    for (unsigned s = 0; s < disk.dev.nr_sectors; s += 8) {
        disk.bad_sector = s;
        if (v_open("/f12-1", O_RDONLY, 0, &f))
            continue;
        ssize_t n = file_read_kernel(f, buf, sizeof(buf), rnd() % 1300000);

        failed += n == -EIO;
        CHECK(n == -EIO || n == sizeof(buf));
        file_put(f);
    }
    disk.bad_sector = UINT64_MAX;
    CHECK(!v_open("/f12-1", O_RDONLY, 0, &f));
    CHECK(file_read_kernel(f, buf, sizeof(buf), 1000000) == sizeof(buf));
    file_put(f);
    fs_end();
}

TEST(remove_files)
{
    char cmd[100];

    snprintf(cmd, sizeof(cmd), "rm -rf %s", work);
    CHECK(!system(cmd));
}
