/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/backlog.h"
#include <sys/socket.h>
#include <sys/syscall.h>

unsigned backlog_ports(const struct ports *ports)
{
    unsigned n = 0;

    for (size_t i = 0; i < ports->n; i++)
        n += !ports->v[i].udp;
    return n;
}

static bool listens_for_us(int fd, const struct ports *ports)
{
    struct sockaddr_in sin = { 0 };
    socklen_t len = sizeof(int);
    int listens = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens)
        return false;
    len = sizeof(sin);
    if (getsockname(fd, (struct sockaddr *)&sin, &len) < 0 || sin.sin_family != AF_INET)
        return false;
    for (size_t i = 0; i < ports->n; i++)
        if (!ports->v[i].udp && ports->v[i].host == ntohs(sin.sin_port))
            return true;
    return false;
}

unsigned backlog_widen(pid_t vmm, int pidfd, const struct ports *ports)
{
    _cleanup_free_ char *path = xasprintf("/proc/%d/fd", (int)vmm);
    _cleanup_closedir_ DIR *dir = opendir(path);
    unsigned found = 0;
    struct dirent *de;

    while (dir && (de = readdir(dir))) {
        bool number = de->d_name[0] != '.';
        _cleanup_close_ int fd = number ? syscall(SYS_pidfd_getfd, pidfd, atoi(de->d_name), 0) : -1;

        /* To listen again changes the backlog alone. */
        if (fd >= 0 && listens_for_us(fd, ports) && listen(fd, SOMAXCONN) == 0)
            found++;
    }
    return found;
}
