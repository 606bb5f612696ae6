/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/vmmproc.h"
#include "host/msg.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int make_streams(struct vmmproc *v, struct vmm_spec *spec)
{
    for (int i = 0; i < VMM_NR_STREAMS; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
            return -1;
        v->fds[i] = pair[0];
        spec->fds[i] = pair[1];
        /* Ours only: a socket's flags are each end's own. */
        fcntl(pair[0], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

static void inherit(int fd, void *unused)
{
    fcntl(fd, F_SETFD, 0);
}

static void child(const struct vmm_spec *spec, char *const args[], int said, pid_t parent,
                  const sigset_t *mask)
{
    int null = open("/dev/null", O_RDWR);

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127); /* it died before the line above */
    dup2(null, STDIN_FILENO);
    dup2(said, STDOUT_FILENO);
    dup2(said, STDERR_FILENO);
    for (int i = 0; i < VMM_NR_STREAMS; i++)
        inherit(spec->fds[i], NULL);
    if (spec->net)
        net_each_fd(spec->net, inherit, NULL);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execv(args[0], args);
    dprintf(STDERR_FILENO, "%s: %s\n", args[0], strerror(errno));
    _exit(127);
}

int vmmproc_start(struct vmmproc *v, struct vmm_spec *spec, const sigset_t *mask)
{
    _cleanup_strv_ struct strv args = { 0 };
    pid_t self = getpid();
    int said[2];

    *v = (struct vmmproc){ .pidfd = -1, .said = -1 };
    if (make_streams(v, spec) || pipe2(said, O_CLOEXEC) < 0)
        return -1;
    vmm_command(spec, &args);
    v->pid = fork();
    if (v->pid == 0)
        child(spec, args.v, said[1], self, mask);
    close(said[1]);
    for (int i = 0; i < VMM_NR_STREAMS; i++)
        close(spec->fds[i]);
    v->said = said[0];
    fcntl(v->said, F_SETFL, O_NONBLOCK);
    if (v->pid < 0)
        return -1;
    v->pidfd = syscall(SYS_pidfd_open, v->pid, 0);
    if (v->pidfd >= 0)
        return 0;
    vmmproc_kill(v);
    vmmproc_reap(v);
    return -1;
}

void vmmproc_kill(struct vmmproc *v)
{
    if (v->pid > 0)
        kill(v->pid, SIGKILL);
}

void vmmproc_reap(struct vmmproc *v)
{
    int status = 0;

    while (v->pid > 0 && waitpid(v->pid, &status, 0) < 0 && errno == EINTR)
        ;
    v->pid = 0;
    v->status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    v->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

void vmmproc_close(struct vmmproc *v, enum vmm_stream stream)
{
    close(v->fds[stream]);
    v->fds[stream] = -1;
}

void vmmproc_free(struct vmmproc *v)
{
    for (int i = 0; i < VMM_NR_STREAMS; i++)
        if (v->fds[i] >= 0)
            close(v->fds[i]);
    if (v->pidfd >= 0)
        close(v->pidfd);
    if (v->said >= 0)
        close(v->said);
}
