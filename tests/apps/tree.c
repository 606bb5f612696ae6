/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree.c: a library for LD_PRELOAD that, when the program ends, lists the files below the folder it was
 * started in: kind, mode, size, a checksum of the contents, the target of a link. So a test sees what a
 * program did to its files, on Linux and in Proa alike, without a second process.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int start = -1, out = -1;

__attribute__((constructor)) static void begin(void)
{
    start = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    out = fcntl(1, F_DUPFD_CLOEXEC, 200); /* many programs close their standard output at exit */
}

static uint32_t checksum(int dir, const char *name)
{
    unsigned char buf[4096];
    uint32_t sum = 2166136261u;
    ssize_t n;
    int fd = openat(dir, name, O_RDONLY);

    while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
        for (ssize_t i = 0; i < n; i++)
            sum = (sum ^ buf[i]) * 16777619u;
    if (fd >= 0)
        close(fd);
    return sum;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(int dir, const char *prefix)
{
    DIR *d = fdopendir(dir);
    struct dirent *e;
    char *names[500];
    int n = 0;

    while (d && (e = readdir(d)) && n < 500)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            names[n++] = strdup(e->d_name);
    qsort(names, n, sizeof(*names), by_name);
    for (int i = 0; i < n; i++) {
        struct stat st;
        char path[1000], target[300] = "";

        snprintf(path, sizeof(path), "%s%s", prefix, names[i]);
        if (fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW))
            continue;
        if (S_ISREG(st.st_mode))
            dprintf(out, "= %s mode %o links %d size %ld sum %08x\n", path, st.st_mode & 07777,
                    (int)st.st_nlink, (long)st.st_size, checksum(dir, names[i]));
        else if (S_ISLNK(st.st_mode) && readlinkat(dir, names[i], target, sizeof(target) - 1) > 0)
            dprintf(out, "= %s -> %s\n", path, target);
        else
            dprintf(out, "= %s kind %o mode %o\n", path, st.st_mode >> 12, st.st_mode & 07777);
        if (S_ISDIR(st.st_mode)) {
            strcat(path, "/");
            list(openat(dir, names[i], O_RDONLY | O_DIRECTORY), path);
        }
        free(names[i]);
    }
    if (d)
        closedir(d);
}

__attribute__((destructor)) static void end(void)
{
    if (start >= 0 && out >= 0)
        list(start, "");
}
