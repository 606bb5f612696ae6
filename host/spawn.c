/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

static int read_all(int fd, struct buf *out)
{
    char chunk[4096];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            buf_add(out, chunk, n);
    while (out->len && out->p[out->len - 1] == '\n')
        out->p[--out->len] = 0;
    return 0;
}

static int start(char *const args[], int out, pid_t *pid)
{
    /* mkfs.* live in /sbin on some systems, and a user's PATH may lack it. */
    static const char *const folders[] = { "/usr/bin", "/usr/sbin", "/sbin", "/usr/local/bin",
                                           "/usr/local/sbin" };
    posix_spawn_file_actions_t fa;
    extern char **environ;

    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&fa, out, STDERR_FILENO);
    int err = posix_spawnp(pid, args[0], &fa, NULL, args, environ);

    for (size_t i = 0; err == ENOENT && i < sizeof(folders) / sizeof(folders[0]); i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s", folders[i], args[0]);

        err = posix_spawn(pid, path, &fa, NULL, args, environ);
    }
    posix_spawn_file_actions_destroy(&fa);
    return err;
}

int spawn_wait(char *const args[], struct buf *err)
{
    int fds[2], status;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0) {
        buf_adds(err, strerror(errno));
        return 126;
    }
    int e = start(args, fds[1], &pid);

    close(fds[1]);
    if (e) {
        close(fds[0]);
        buf_adds(err, strerror(e));
        return e == ENOENT ? 127 : 126;
    }
    read_all(fds[0], err);
    close(fds[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
