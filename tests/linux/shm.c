/* SPDX-License-Identifier: BSD-2-Clause */
/* System V's shared memory: keys, identifiers, permissions, attachments across fork and exec's end, removal. */
#include "report.h"
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define PAGE 4096

static void errno_of(const char *what, long result)
{
    note("%s: %s", what, result == -1 ? strerrorname_np(errno) : "0");
}

static struct shmid_ds stat_of(int id)
{
    struct shmid_ds ds = { 0 };

    if (shmctl(id, IPC_STAT, &ds))
        note("not ok IPC_STAT");
    return ds;
}

static void attached(const char *what, int id)
{
    note("%s: %lu attached", what, (unsigned long)stat_of(id).shm_nattch);
}

static int in_child(int (*fn)(int, char *), int id, char *p)
{
    int status;
    pid_t pid = fork();

    if (!pid)
        _exit(fn(id, p));
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void keys(void)
{
    key_t key = 0x50000000 + getpid();
    int id;

    errno_of("no such key", shmget(key, PAGE, 0));
    errno_of("no bytes", shmget(IPC_PRIVATE, 0, 0600));
    errno_of("too many bytes", shmget(IPC_PRIVATE, -1ul, 0600));
    id = shmget(key, PAGE + 1, IPC_CREAT | 0640);
    note("made %d", id >= 0);
    note("found %d", shmget(key, 0, 0) == id);
    note("found again %d", shmget(key, PAGE + 1, IPC_CREAT | 0600) == id);
    errno_of("exclusive", shmget(key, PAGE, IPC_CREAT | IPC_EXCL | 0600));
    errno_of("larger", shmget(key, PAGE + 2, 0));
    note("mode %o size %zu key %d own %d", stat_of(id).shm_perm.mode, stat_of(id).shm_segsz,
         stat_of(id).shm_perm.__key == key, stat_of(id).shm_cpid == getpid());
    errno_of("removed", shmctl(id, IPC_RMID, NULL));
    errno_of("removed twice", shmctl(id, IPC_RMID, NULL));
    errno_of("the key is free", shmget(key, PAGE, 0));
    errno_of("attach", (long)shmat(id, NULL, 0));
    errno_of("negative", shmctl(-1, IPC_RMID, NULL));
    errno_of("no command", shmctl(0, 77, NULL));
}

static int write_in_child(int id, char *p)
{
    p[7] = 'c';
    attached("in the child", id);
    return shmdt(p) ? 1 : stat_of(id).shm_nattch;
}

static void sharing(void)
{
    int id = shmget(IPC_PRIVATE, 3 * PAGE, 0600);
    char *p = shmat(id, NULL, 0), *q, *r;

    attached("one", id);
    q = shmat(id, NULL, SHM_RDONLY);
    attached("two", id);
    strcpy(p, "hello");
    note("seen through the other: %s", q);
    errno_of("a read-only one made writable", mprotect(q, PAGE, PROT_READ | PROT_WRITE));
    note("the child: %d", in_child(write_in_child, id, p));
    note("it wrote %c", p[7]);
    attached("after the child", id);
    errno_of("over the first", (long)shmat(id, p, 0));
    errno_of("an odd address", (long)shmat(id, p + 1, 0));
    errno_of("remap nowhere", (long)shmat(id, NULL, SHM_REMAP));
    r = shmat(id, p + 8, SHM_RND | SHM_REMAP);
    note("in its place %d, %s", r == p, r);
    attached("in its place", id);
    munmap(p + PAGE, PAGE);
    attached("a hole makes two", id);
    errno_of("not at its start", shmdt(p + 2 * PAGE));
    errno_of("both parts", shmdt(p));
    attached("both parts", id);
    errno_of("twice", shmdt(p));
    errno_of("odd", shmdt(q + 1));
    errno_of("remove while attached", shmctl(id, IPC_RMID, NULL));
    note("still there: %s, mode %o, key %d", q, stat_of(id).shm_perm.mode, stat_of(id).shm_perm.__key);
    p = shmat(id, NULL, 0);
    note("attached by its number: %s", p);
    shmdt(p);
    shmdt(q);
    errno_of("gone with the last", shmctl(id, IPC_STAT, &(struct shmid_ds){ 0 }));
}

static int as_nobody(int id, char *p)
{
    if (setgid(65534) || setuid(65534))
        return 1;
    errno_of("attach", (long)shmat(id, NULL, 0));
    note("read only %d", shmat(id, NULL, SHM_RDONLY) != (void *)-1);
    errno_of("execute", (long)shmat(id, NULL, SHM_RDONLY | SHM_EXEC));
    errno_of("remove", shmctl(id, IPC_RMID, NULL));
    errno_of("set", shmctl(id, IPC_SET, &(struct shmid_ds){ 0 }));
    errno_of("lock", shmctl(id, SHM_LOCK, NULL));
    errno_of("stat", shmctl(id, IPC_STAT, &(struct shmid_ds){ 0 }));
    return 0;
}

static void permissions(void)
{
    int id = shmget(IPC_PRIVATE, PAGE, 0604);
    struct shmid_ds ds = stat_of(id);

    in_child(as_nobody, id, NULL);
    ds.shm_perm.mode = 0600;
    errno_of("set", shmctl(id, IPC_SET, &ds));
    note("mode %o", stat_of(id).shm_perm.mode);
    in_child(as_nobody, id, NULL);
    errno_of("lock", shmctl(id, SHM_LOCK, NULL));
    note("mode %o", stat_of(id).shm_perm.mode);
    errno_of("unlock", shmctl(id, SHM_UNLOCK, NULL));
    errno_of("a bad address", shmctl(id, IPC_STAT, (void *)8));
    errno_of("a bad address", shmctl(id, IPC_SET, (void *)8));
    shmctl(id, IPC_RMID, NULL);
}

static int killed(int id, char *p)
{
    shmat(id, NULL, 0);
    shmat(id, NULL, 0);
    attached("before it is killed", id);
    raise(SIGKILL);
    return 0;
}

static int execs(int id, char *p)
{
    execl("/proc/self/exe", "shm", "nothing", NULL);
    return 1;
}

static void ends(void)
{
    int id = shmget(IPC_PRIVATE, PAGE, 0600);
    char *p;

    note("killed %d", in_child(killed, id, NULL));
    attached("when it was", id);
    p = shmat(id, NULL, 0);
    note("exec %d", in_child(execs, id, p));
    attached("after exec", id);
    mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    shmctl(id, IPC_RMID, NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return 0;
    keys();
    sharing();
    permissions();
    ends();
    return 0;
}
