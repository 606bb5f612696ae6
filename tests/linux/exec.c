/* SPDX-License-Identifier: BSD-2-Clause */
/* execve within one process: what survives, what does not, scripts, and each way to fail. */
#include "report.h"
#include <sys/prctl.h>
#include <sys/resource.h>

extern char **environ;
static char self[PATH_MAX];

/* The rounds: each ends in an exec of the next, so that one process plays them all. */
static void round1(void)
{
    static char *argv[] = { "zero", "2", "arg with space", "", NULL };
    static char *env[] = { "ONLY=this", "TWO=2", NULL };
    sigset_t s;
    int fd, kept, closed;

    scratch();
    CHECK_ERR(execve("none", argv, env), ENOENT);
    CHECK_ERR(execve("", argv, env), ENOENT);
    CHECK_ERR(execve(".", argv, env), EACCES);
    put_file("plain", "no program\n");
    CHECK_ERR(execve("plain", argv, env), EACCES); /* no x bit */
    chmod("plain", 0755);
    CHECK_ERR(execve("plain", argv, env), ENOEXEC);
    put_file("empty", ""), chmod("empty", 0755);
    CHECK_ERR(execve("empty", argv, env), ENOEXEC);
    put_file("elf", "\177ELF\2\1\1"), chmod("elf", 0755);
    CHECK_ERR(execve("elf", argv, env), ENOEXEC);
    put_file("script", "#!/no/such/interpreter\n"), chmod("script", 0755);
    CHECK_ERR(execve("script", argv, env), ENOENT);
    put_file("script", "#!\n"), chmod("script", 0755);
    CHECK_ERR(execve("script", argv, env), ENOEXEC);
    put_file("script", "#!./script\n"), chmod("script", 0755);
    CHECK_ERR(execve("script", argv, env), ELOOP);
    CHECK_ERR(execve("plain/x", argv, env), ENOTDIR);
    CHECK_ERR(execve((char *)8, argv, env), EFAULT);
    CHECK_ERR(execve(self, (char **)8, env), EFAULT);
    CHECK_ERR(execve(self, argv, (char **)8), EFAULT);
    char *bad[] = { "x", (char *)8, NULL };
    CHECK_ERR(execve(self, bad, env), EFAULT);
    static char huge[140000];
    memset(huge, 'h', sizeof(huge) - 1);
    char *too_long[] = { "x", huge, NULL };
    CHECK_ERR(execve(self, too_long, env), E2BIG); /* one string above 128 KB */
    static char *many[70000];
    static char piece[100];
    memset(piece, 'p', 99);
    for (int i = 0; i < 69999; i++)
        many[i] = piece;
    CHECK_ERR(execve(self, many, env), E2BIG); /* all above a quarter of the stack limit */
    fd = MUST(open("plain", O_RDWR));
    CHECK_ERR(syscall(SYS_execveat, fd, "", argv, env, 0), ENOENT);
    CHECK_ERR(syscall(SYS_execveat, AT_FDCWD, "plain", argv, env, 0x4000), EINVAL);
    close(fd);

    /* to be looked at in the next round */
    kept = MUST(open("plain", O_RDONLY));
    closed = MUST(open("plain", O_RDONLY | O_CLOEXEC));
    MUST(dup2(kept, 20)), MUST(dup3(closed, 21, O_CLOEXEC));
    lseek(20, 3, SEEK_SET);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, (void (*)(int))round1);
    sigemptyset(&s), sigaddset(&s, SIGTERM), sigprocmask(SIG_BLOCK, &s, NULL);
    raise(SIGTERM);
    prctl(PR_SET_NAME, "other-name");
    umask(027);
    mmap((void *)0x10000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    struct rlimit r = { 1 << 20, 8 << 20 };
    setrlimit(RLIMIT_DATA, &r);
    alarm(1000);
    execve(self, argv, env);
    report(0, "execve of this program");
    exit(1);
}

static void round2(int argc, char **argv)
{
    struct sigaction sa;
    sigset_t s;
    unsigned char v;
    char name[16];
    struct rlimit r;

    note("round 2: '%s' '%s' '%s' '%s'", argv[0], argv[1], argv[2], argv[3]);
    CHECK_EQ(argc, 4);
    CHECK(!strcmp(environ[0], "ONLY=this") && !strcmp(environ[1], "TWO=2") && !environ[2]);
    CHECK_EQ(lseek(20, 0, SEEK_CUR), 3);
    CHECK_EQ(fcntl(21, F_GETFD), -1);
    sigaction(SIGUSR1, NULL, &sa);
    CHECK(sa.sa_handler == SIG_IGN);
    sigaction(SIGUSR2, NULL, &sa);
    CHECK(sa.sa_handler == SIG_DFL);
    sigprocmask(SIG_BLOCK, NULL, &s);
    CHECK(sigismember(&s, SIGTERM));
    sigpending(&s);
    CHECK(sigismember(&s, SIGTERM));
    prctl(PR_GET_NAME, name);
    CHECK(!strncmp(name, "exec", 4));
    CHECK_EQ(umask(022), 027);
    CHECK_ERR(mincore((void *)0x10000000, 4096, &v), ENOMEM);
    getrlimit(RLIMIT_DATA, &r);
    CHECK_EQ(r.rlim_cur, 1 << 20);
    r.rlim_cur = r.rlim_max = 8 << 20;
    setrlimit(RLIMIT_DATA, &r);
    CHECK(alarm(0) > 900);
    signal(SIGTERM, SIG_IGN);

    /* a script whose interpreter is a script whose interpreter is this program */
    char text[PATH_MAX + 20];
    snprintf(text, sizeof(text), "#!%s 3 inner option\n", self);
    put_file("inner", text), chmod("inner", 0755);
    put_file("outer", "#! ./inner   outer option  \n"), chmod("outer", 0755);
    char *next[] = { "ignored", "user", "args", NULL };
    execve("./outer", next, environ);
    report(0, "execve of a script");
    exit(1);
}

static void round3(int argc, char **argv)
{
    note("round 3: %d arguments", argc);
    for (int i = 1; i < argc; i++)
        note("  '%s'", argv[i]);
    /* an interpreter that sees its own name, a relative descriptor, an empty argv */
    int fd = MUST(open(self, O_PATH));
    char *next[] = { "by-descriptor", "4", NULL };
    syscall(SYS_execveat, fd, "", next, environ, AT_EMPTY_PATH);
    report(0, "execveat of a descriptor");
    exit(1);
}

static void round4(int argc, char **argv)
{
    char exe[PATH_MAX] = "";

    note("round 4: '%s'", argv[0]);
    readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    CHECK(strlen(exe) > 4);
    setenv("ROUND", "5", 1);
    execve(exe, (char *[]){ NULL }, environ);
    report(0, "execve with no arguments");
    exit(1);
}

int main(int argc, char **argv)
{
    readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (getenv("ROUND")) {
        note("round 5: %d arguments, '%s'", argc, argv[0]);
        return report_done();
    }
    if (argc > 1 && !strcmp(argv[1], "2"))
        round2(argc, argv);
    else if (argc > 1 && !strncmp(argv[1], "3 ", 2))
        round3(argc, argv);
    else if (argc > 1 && !strcmp(argv[1], "4"))
        round4(argc, argv);
    else
        round1();
}
