/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program is born with: arguments, environment, auxiliary vector, stack; what /proc/self says of it. */
#include "report.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

extern char **environ;

static void test_vectors(int argc, char **argv)
{
    char *end = argv[0];
    int contiguous = 1;

    CHECK_EQ(argc, 4);
    note("arguments: '%s' '%s' '%s'", argv[1], argv[2], argv[3]);
    CHECK(argv[argc] == NULL);
    for (int i = 0; i < argc; i++)
        contiguous &= argv[i] == end, end += strlen(end) + 1;
    for (int i = 0; environ[i]; i++)
        contiguous &= environ[i] == end, end += strlen(end) + 1;
    report(contiguous, "the strings lie one behind the other");
    CHECK(environ == argv + argc + 1);
    CHECK(getenv("MARK") && !strcmp(getenv("MARK"), "a b=c"));
}

static void test_auxv(void)
{
    unsigned long *v = (unsigned long *)environ;
    unsigned char *random = (void *)getauxval(AT_RANDOM);
    char exe[512] = "";
    static const struct {
        int type;
        const char *name;
    } present[] = {
        { AT_SYSINFO_EHDR, "AT_SYSINFO_EHDR" },
        { AT_HWCAP, "AT_HWCAP" },
        { AT_PAGESZ, "AT_PAGESZ" },
        { AT_CLKTCK, "AT_CLKTCK" },
        { AT_PHDR, "AT_PHDR" },
        { AT_PHENT, "AT_PHENT" },
        { AT_PHNUM, "AT_PHNUM" },
        { AT_BASE, "AT_BASE" },
        { AT_FLAGS, "AT_FLAGS" },
        { AT_ENTRY, "AT_ENTRY" },
        { AT_UID, "AT_UID" },
        { AT_EUID, "AT_EUID" },
        { AT_GID, "AT_GID" },
        { AT_EGID, "AT_EGID" },
        { AT_SECURE, "AT_SECURE" },
        { AT_RANDOM, "AT_RANDOM" },
        { AT_HWCAP2, "AT_HWCAP2" },
        { AT_EXECFN, "AT_EXECFN" },
        { AT_PLATFORM, "AT_PLATFORM" },
        { 51, "AT_MINSIGSTKSZ" },
        { 27, "AT_RSEQ_FEATURE_SIZE" },
        { 28, "AT_RSEQ_ALIGN" },
    };

    while (*v)
        v++;
    v++;
    for (size_t i = 0; i < sizeof(present) / sizeof(*present); i++) {
        unsigned long *p = v;
        int n = 0;
        for (; p[0]; p += 2)
            n += (int)p[0] == present[i].type;
        report(n == 1, "%s", present[i].name);
    }
    CHECK_EQ(getauxval(AT_PAGESZ), 4096);
    CHECK_EQ(getauxval(AT_CLKTCK), 100);
    CHECK_EQ(getauxval(AT_PHENT), sizeof(ElfW(Phdr)));
    CHECK_EQ(getauxval(AT_SECURE), 0);
    CHECK_EQ(getauxval(AT_FLAGS), 0);
    CHECK_EQ(getauxval(AT_UID), getuid());
    CHECK(!strcmp((char *)getauxval(AT_PLATFORM), "x86_64"));
    CHECK(getauxval(51) >= 512 && getauxval(51) < 65536);
    CHECK(getauxval(27) >= 20 && getauxval(27) <= 64);
    CHECK_EQ(getauxval(28), 32);
    int zero = 0;
    for (int i = 0; i < 16; i++)
        zero += random[i] == 0;
    CHECK(zero < 8);
    readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    CHECK(!strcmp((char *)getauxval(AT_EXECFN), exe));
    ElfW(Phdr) *ph = (void *)getauxval(AT_PHDR);
    unsigned long bias = 0;
    int loads = 0, interp = 0, dynamic = 0;
    ElfW(Ehdr) *eh = NULL;
    for (unsigned i = 0; i < getauxval(AT_PHNUM); i++) {
        loads += ph[i].p_type == PT_LOAD, interp += ph[i].p_type == PT_INTERP,
            dynamic += ph[i].p_type == PT_DYNAMIC;
        if (ph[i].p_type == PT_LOAD && ph[i].p_offset == 0)
            eh = (void *)((unsigned long)ph - sizeof(ElfW(Ehdr)));
    }
    CHECK(loads >= 2 && eh && !memcmp(eh->e_ident, "\177ELF", 4));
    bias = eh->e_type == ET_DYN ? (unsigned long)eh : 0;
    CHECK(getauxval(AT_ENTRY) == bias + eh->e_entry);
    CHECK((getauxval(AT_BASE) != 0) == (interp != 0));
    CHECK(((unsigned long)environ & 7) == 0);
}

/* Randomised: two numbers of 47 bits do not end in the same places by chance. */
static void test_proc(int argc, char **argv)
{
    char buf[4096], exe[512] = "", *p, *s;
    int fd, n, fields;

    fd = MUST(open("/proc/self/cmdline", O_RDONLY));
    n = read(fd, buf, sizeof(buf));
    close(fd);
    CHECK(n == (int)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]) && !memcmp(buf, argv[0], n));
    fd = MUST(open("/proc/self/environ", O_RDONLY));
    n = read(fd, buf, sizeof(buf));
    close(fd);
    CHECK(n > 0 && !memcmp(buf, environ[0], n));
    fd = MUST(open("/proc/self/auxv", O_RDONLY));
    n = read(fd, buf, sizeof(buf));
    close(fd);
    unsigned long *v = (unsigned long *)environ;
    while (*v++)
        ;
    CHECK(n >= 16 * 20 && !memcmp(buf, v, n) && ((unsigned long *)buf)[n / 8 - 2] == AT_NULL);

    p = get_file("/proc/self/stat");
    CHECK_EQ(strtol(p, &s, 10), getpid());
    CHECK(s[0] == ' ' && s[1] == '(' && (p = strrchr(p, ')')));
    CHECK(!strncmp(p, ") R ", 4));
    for (fields = 2, s = strtok(p + 2, " \n"); s; s = strtok(NULL, " \n"))
        fields++;
    CHECK_EQ(fields, 52);
    unsigned long size, rss, shared;
    CHECK_EQ(sscanf(get_file("/proc/self/statm"), "%lu %lu %lu", &size, &rss, &shared), 3);
    CHECK(size >= rss && rss >= shared && rss > 0);
    static const char *keys[] = { "Name:\t",
                                  "\nUmask:\t",
                                  "\nState:\tR (running)\n",
                                  "\nTgid:\t",
                                  "\nPid:\t",
                                  "\nPPid:\t",
                                  "\nTracerPid:\t0\n",
                                  "\nUid:\t0\t0\t0\t0\n",
                                  "\nGid:\t0\t0\t0\t0\n",
                                  "\nFDSize:\t",
                                  "\nVmPeak:\t",
                                  "\nVmSize:\t",
                                  "\nVmRSS:\t",
                                  "\nVmHWM:\t",
                                  "\nVmData:\t",
                                  "\nVmStk:\t",
                                  "\nThreads:\t1\n",
                                  "\nSigPnd:\t",
                                  "\nSigBlk:\t",
                                  "\nSigIgn:\t",
                                  "\nSigCgt:\t",
                                  "\nCapEff:\t",
                                  "\nNoNewPrivs:\t0\n",
                                  "\nSeccomp:\t0\n",
                                  "\nCpus_allowed:\t",
                                  "\nvoluntary_ctxt_switches:\t" };
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        p = get_file("/proc/self/status");
        for (s = buf, n = 0; keys[i][n]; n++)
            if (keys[i][n] >= ' ')
                *s++ = keys[i][n];
        *s = 0;
        report(strstr(p, keys[i]), "status has %s", buf);
    }
    p = get_file("/proc/self/limits");
    CHECK(
        !strncmp(p, "Limit                     Soft Limit           Hard Limit           Units     \n", 79));
    CHECK(strstr(p, "\nMax open files            "));
    CHECK(strstr(p, "\nMax stack size            8388608              "));
    CHECK(strstr(get_file("/proc/self/mounts"), " /proc proc "));
    CHECK(strstr(get_file("/proc/self/mountinfo"), " /proc "));
    CHECK(strstr(get_file("/proc/mounts"), " / "));
    CHECK(readlink("/proc/self/exe", exe, sizeof(exe)) > 0 && strstr(exe, "execinfo"));
    char cwd[512] = "", cwd2[512] = "";
    readlink("/proc/self/cwd", cwd, sizeof(cwd) - 1);
    CHECK(getcwd(cwd2, sizeof(cwd2)) && !strcmp(cwd, cwd2));
    CHECK(readlink("/proc/self/root", cwd, sizeof(cwd)) == 1 && cwd[0] == '/');
    CHECK(readlink("/proc/self", cwd, sizeof(cwd)) > 0 && atoi(cwd) == getpid());
    CHECK_EQ(access("/proc/self/task", F_OK), 0);
    sprintf(buf, "/proc/self/task/%d/stat", getpid());
    CHECK_EQ(access(buf, R_OK), 0);
    sprintf(buf, "/proc/%d/status", getpid());
    CHECK_EQ(access(buf, R_OK), 0);
    CHECK_ERR(access("/proc/999999", F_OK), ENOENT);
    CHECK_ERR(open("/proc/self/none", O_RDONLY), ENOENT);
    CHECK_EQ(atoi(get_file("/proc/self/oom_score_adj")), 0);
    CHECK(*get_file("/proc/self/cgroup"));
    CHECK(!strncmp(get_file("/proc/self/comm"), "execinfo", 8));
    fd = MUST(open("/proc/self/mem", O_RDWR));
    static char word[8] = "written";
    CHECK(pread(fd, buf, 8, (off_t)word) == 8 && !strcmp(buf, "written"));
    CHECK_EQ(pwrite(fd, "W", 1, (off_t)word), 1);
    CHECK_EQ(word[0], 'W');
    close(fd);
}

static void test_system(void)
{
    char *p;
    unsigned long kb;
    double up, idle;

    p = get_file("/proc/meminfo");
    CHECK(sscanf(p, "MemTotal: %lu kB", &kb) == 1 && kb > 1000);
    CHECK(strstr(p, "\nMemFree: ") && strstr(p, "\nMemAvailable: ") && strstr(p, "\nSwapTotal: ") &&
          strstr(p, "\nCached: "));
    p = get_file("/proc/cpuinfo");
    CHECK(!strncmp(p, "processor\t: 0\n", 14) && strstr(p, "\nmodel name\t: ") &&
          strstr(p, "\nflags\t\t: fpu ") && strstr(p, " sse2"));
    p = get_file("/proc/stat");
    CHECK(!strncmp(p, "cpu  ", 5) && strstr(p, "\ncpu0 ") && strstr(p, "\nbtime ") && strstr(p, "\nctxt "));
    CHECK_EQ(sscanf(get_file("/proc/uptime"), "%lf %lf", &up, &idle), 2);
    CHECK(up > 0);
    CHECK(sscanf(get_file("/proc/loadavg"), "%lf %lf", &up, &idle) == 2);
    CHECK(!strncmp(get_file("/proc/version"), "Linux version ", 14));
    CHECK(strstr(get_file("/proc/filesystems"), "nodev\ttmpfs\n"));
    CHECK(!strcmp(get_file("/proc/sys/kernel/ostype"), "Linux\n"));
    CHECK(*get_file("/proc/sys/kernel/osrelease") && *get_file("/proc/sys/kernel/version"));
    CHECK(atoi(get_file("/proc/sys/kernel/pid_max")) >= 32768);
    CHECK(strlen(get_file("/proc/sys/kernel/random/boot_id")) == 37);
    CHECK(strlen(get_file("/proc/sys/kernel/random/uuid")) == 37);
    CHECK(atoi(get_file("/proc/sys/vm/overcommit_memory")) == 0);
    CHECK(atoi(get_file("/proc/sys/vm/max_map_count")) > 60000);
    CHECK(atol(get_file("/proc/sys/fs/file-max")) > 1000);
    CHECK(atoi(get_file("/proc/sys/fs/pipe-max-size")) == 1048576);
    CHECK(atoi(get_file("/proc/sys/net/core/somaxconn")) > 0);
    CHECK(!strncmp(get_file("/sys/devices/system/cpu/online"), "0", 1));
    CHECK(!strncmp(get_file("/sys/devices/system/cpu/possible"), "0", 1));
    CHECK(strstr(get_file("/sys/kernel/mm/transparent_hugepage/enabled"), "madvise"));
    CHECK_EQ(sysconf(_SC_PAGESIZE), 4096);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && sysconf(_SC_NPROCESSORS_CONF) >= 1);
    CHECK(sysconf(_SC_PHYS_PAGES) > 100 && sysconf(_SC_AVPHYS_PAGES) > 10);
}

int main(int argc, char **argv)
{
    test_vectors(argc, argv);
    test_auxv();
    test_proc(argc, argv);
    test_system();
    return report_done();
}
