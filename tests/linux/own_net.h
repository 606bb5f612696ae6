/* SPDX-License-Identifier: BSD-2-Clause */
/* own_net.h: for programs that change the network's settings: on a machine that others use, in a network of their own. */
#pragma once
#include "report.h"
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void own_network(void)
{
    struct ifreq r = { .ifr_name = "lo" };
    int fd;

    if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
        return; /* a guest */
    fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(ioctl(fd, SIOCGIFFLAGS, &r));
    r.ifr_flags |= IFF_UP;
    MUST(ioctl(fd, SIOCSIFFLAGS, &r));
    close(fd);
}

static void sysctl_write(const char *path, const char *value)
{
    int fd = MUST(open(path, O_WRONLY));

    CHECK_EQ(write(fd, value, strlen(value)), (ssize_t)strlen(value));
    close(fd);
}
