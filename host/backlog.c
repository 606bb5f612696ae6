/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/backlog.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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
    char path[40];
    unsigned found = 0;
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)vmm);
    d = opendir(path);
    while (d && (e = readdir(d))) {
        int fd = e->d_name[0] == '.' ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, atoi(e->d_name), 0);

        if (fd < 0)
            continue;
        if (listens_for_us(fd, ports) &&
            listen(fd, SOMAXCONN) == 0) /* again: that changes the backlog alone */
            found++;
        close(fd);
    }
    if (d)
        closedir(d);
    return found;
}
