/* SPDX-License-Identifier: BSD-2-Clause */
/* The shape of /proc/self/maps and smaps. */
#include "report.h"

#define P 4096ul

static const char *perms_of(void *p, char *name)
{
    static char perms[5];
    char line[1024];
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned long lo, hi, off, ino;
    unsigned maj, min;

    strcpy(perms, "none"), *name = 0;
    while (f && fgets(line, sizeof(line), f)) {
        char pr[8], nm[512] = "";
        if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %511[^\n]", &lo, &hi, pr, &off, &maj, &min, &ino, nm) < 7)
            return "bad line";
        if ((unsigned long)p >= lo && (unsigned long)p < hi)
            strcpy(perms, pr), strcpy(name, nm);
    }
    if (f)
        fclose(f);
    return perms;
}

static int global = 1;
static const int constant = 2;

int main(void)
{
    char name[512], line[1024], exe[512] = "", *heap;
    int on_stack, fields = 0, ordered = 1, columns = 1;
    unsigned long lo, hi, last = 0;
    FILE *f;

    readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    CHECK(!strcmp(perms_of(&on_stack, name), "rw-p") && !strcmp(name, "[stack]"));
    CHECK(!strcmp(perms_of(main, name), "r-xp") && !strcmp(name, exe));
    CHECK(!strcmp(perms_of(&global, name), "rw-p") && !strcmp(name, exe));
    CHECK(!strcmp(perms_of((void *)&constant, name), "r--p") && !strcmp(name, exe));
    heap = sbrk(0);
    sbrk(3 * P);
    CHECK(!strcmp(perms_of(heap, name), "rw-p") && !strcmp(name, "[heap]"));
    char *m = mmap(NULL, 3 * P, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(!strcmp(perms_of(m, name), "r--s") && !strcmp(name, "/dev/zero (deleted)"));
    m = mmap(NULL, 3 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(!strcmp(perms_of(m, name), "---p") && !*name);
    mprotect(m + P, P, PROT_WRITE | PROT_READ);
    CHECK(!strcmp(perms_of(m, name), "---p") && !strcmp(perms_of(m + P, name), "rw-p") &&
          !strcmp(perms_of(m + 2 * P, name), "---p"));
    int fd = MUST(memfd_create("shared", 0));
    MUST(ftruncate(fd, 3 * P));
    m = mmap(NULL, 2 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, P);
    CHECK(!strcmp(perms_of(m, name), "rw-s") && !strcmp(name, "/memfd:shared (deleted)"));
    munmap(m, 2 * P);
    CHECK(!strcmp(perms_of(m, name), "none"));

    int vdso = 0, vvar = 0;
    f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%lx-%lx", &lo, &hi) == 2) {
            ordered &= lo >= last && hi > lo;
            last = hi;
        }
        char *path = strpbrk(line, "/[");
        if (path)
            columns &= path - line == 73;
        vdso |= !!strstr(line, "[vdso]"), vvar |= !!strstr(line, "[vvar]");
    }
    fclose(f);
    report(ordered, "mappings are in order and do not overlap");
    report(columns, "names stand in column 73");
    CHECK(vdso && vvar);

    m = mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(m, 1, 3 * P);
    unsigned long size = 0, rss = 0, dirty = 0, inside = 0, v;
    f = fopen("/proc/self/smaps", "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2 && strchr(line, '-')) {
            inside = (unsigned long)m >= lo && (unsigned long)m < hi;
            continue;
        }
        fields += strstr(line, " kB") != NULL;
        if (inside && sscanf(line, "Size: %lu kB", &v) == 1)
            size = v;
        if (inside && sscanf(line, "Rss: %lu kB", &v) == 1)
            rss = v;
        if (inside && sscanf(line, "Private_Dirty: %lu kB", &v) == 1)
            dirty = v;
    }
    CHECK(fields > 50);
    CHECK(size >= 16 && rss >= 12 && dirty >= 12);
    return report_done();
}
