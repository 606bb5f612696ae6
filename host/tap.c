/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/tap.h"
#include "host/msg.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define TUN "/dev/net/tun"

static int open_tun(void)
{
    int fd = open(TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        msg_error("%s: %s%s", TUN, strerror(errno),
                  errno == ENOENT || errno == ENODEV ? " (`modprobe tun` loads its driver)" : "");
    return fd;
}

/* One queue of the interface. A descriptor, or -errno. An empty name is replaced by the one the kernel chose. */
static int attach(char name[IFNAMSIZ], int flags)
{
    int fd = open_tun();
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags };

    if (fd < 0)
        return -ENODEV;
    memcpy(ifr.ifr_name, name, IFNAMSIZ);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        int err = -errno;

        close(fd);
        return err;
    }
    memcpy(name, ifr.ifr_name, IFNAMSIZ);
    return fd;
}

static int refused(const char *name, int err)
{
    switch (err) {
    case -ENODEV:
        return -1; /* said already */
    case -EPERM:
    case -EACCES:
        return msg_error("--network tap=%s: not permitted: make it yours with `ip tuntap add dev %s mode tap "
                         "user $USER`, as root",
                         name, name);
    case -EBUSY:
        return msg_error("--network tap=%s: another program uses it", name);
    case -EINVAL:
        return msg_error("--network tap=%s: it is no tap interface", name);
    default:
        return msg_error("--network tap=%s: %s", name, strerror(-err));
    }
}

/*
 * All queues, or one if the interface was made for one: its kind was settled by whoever made it
 * (`ip tuntap add ... multi_queue`), and asking for the other is EINVAL.
 */
static int attach_queues(struct nic *nic, char name[IFNAMSIZ])
{
    unsigned wanted = nic->nr_queues, n = 0;
    int fd = attach(name, wanted > 1 ? IFF_MULTI_QUEUE : 0), multi = wanted > 1;

    if (fd == -EINVAL) {
        multi = !multi;
        fd = attach(name, multi ? IFF_MULTI_QUEUE : 0);
    }
    if (fd < 0)
        return fd;
    nic->queues[n++] = fd;
    while (multi && n < wanted) {
        fd = attach(name, IFF_MULTI_QUEUE);
        if (fd < 0)
            break; /* as many as the interface has */
        nic->queues[n++] = fd;
    }
    if (n < wanted)
        msg_verbose("network: %s has %u queue%s, for %u CPUs (`ip tuntap add dev NAME mode tap multi_queue`)",
                    name, n, n > 1 ? "s" : "", wanted);
    nic->nr_queues = n;
    return 0;
}

static int interface_flags(const char *name, bool set_up)
{
    _cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr = { 0 };

    strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
    if (s < 0 || ioctl(s, SIOCGIFFLAGS, &ifr) < 0)
        return -errno;
    if (set_up) {
        ifr.ifr_flags |= IFF_UP;
        if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
            return -errno;
    }
    return (unsigned short)ifr.ifr_flags;
}

static int open_tap(struct nic *nic)
{
    char name[IFNAMSIZ] = "";
    int flags = interface_flags(nic->host, false);

    /* TUNSETIFF would make one, which nothing configures and nobody finds. */
    if (flags < 0)
        return msg_error("--network tap=%s: there is no such interface; `ip tuntap add dev %s mode tap user "
                         "$USER` makes it, as root",
                         nic->host, nic->host);
    strncpy(name, nic->host, IFNAMSIZ - 1);
    int err = attach_queues(nic, name);

    if (err)
        return refused(nic->host, err);
    if (!(flags & IFF_UP))
        msg_warn("--network tap=%s: the interface is down; `ip link set %s up` starts it", nic->host,
                 nic->host);
    return 0;
}

/* ---- bridges ---- */

static int join(const char *bridge, const char *tap)
{
    _cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr = { 0 };

    ifr.ifr_ifindex = if_nametoindex(tap);
    strncpy(ifr.ifr_name, bridge, IFNAMSIZ - 1);
    if (s < 0 || ioctl(s, SIOCBRADDIF, &ifr) < 0)
        return -errno;
    int flags = interface_flags(tap, true);

    return flags < 0 ? flags : 0;
}

static int receive_fd(int sock)
{
    char byte, space[CMSG_SPACE(sizeof(int))];
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)
    };
    int fd = -1;

    if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) <= 0)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    return fd;
}

/* QEMU's set-uid helper makes the tap for those who may not: /etc/qemu/bridge.conf says which bridges. */
static int ask_helper(struct nic *nic)
{
    static const char *const places[] = { "/usr/lib/qemu/qemu-bridge-helper",
                                          "/usr/libexec/qemu-bridge-helper",
                                          "/usr/local/libexec/qemu-bridge-helper" };
    const char *helper = NULL;
    int pair[2], status = -1;

    for (size_t i = 0; !helper && i < sizeof(places) / sizeof(places[0]); i++)
        helper = access(places[i], X_OK) == 0 ? places[i] : NULL;
    if (!helper)
        return msg_error("--network bridge=%s: not permitted, and there is no qemu-bridge-helper", nic->host);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return msg_error("--network bridge=%s: %s", nic->host, strerror(errno));
    pid_t pid = fork();

    if (pid == 0) {
        _cleanup_free_ char *fd = xasprintf("--fd=%d", pair[1]), *br = xasprintf("--br=%s", nic->host);

        fcntl(pair[1], F_SETFD, 0);
        execl(helper, helper, "--use-vnet", fd, br, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    nic->queues[0] = pid > 0 ? receive_fd(pair[0]) : -1;
    close(pair[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    nic->nr_queues = 1;
    if (nic->queues[0] >= 0)
        return 0;
    return msg_error(
        "--network bridge=%s: not permitted: run as root, or have %s set-uid root and `allow %s` in "
        "/etc/qemu/bridge.conf",
        nic->host, helper, nic->host);
}

static int open_bridge(struct nic *nic)
{
    _cleanup_free_ char *folder = xasprintf("/sys/class/net/%s", nic->host);
    _cleanup_free_ char *bridge = xasprintf("%s/bridge", folder);
    char name[IFNAMSIZ] = "proa%d";

    if (access(folder, F_OK) < 0)
        return msg_error(
            "--network bridge=%s: there is no such interface; `ip link add %s type bridge` makes it, "
            "as root",
            nic->host, nic->host);
    if (access(bridge, F_OK) < 0)
        return msg_error("--network bridge=%s: it is no bridge", nic->host);
    int err = attach_queues(nic, name);

    if (err == -EPERM)
        return ask_helper(nic);
    if (err)
        return err == -ENODEV ? -1 : msg_error("--network bridge=%s: %s", nic->host, strerror(-err));
    err = join(nic->host, name);
    if (err)
        return msg_error("--network bridge=%s: %s cannot join it: %s", nic->host, name, strerror(-err));
    return 0;
}

/* ---- both ---- */

/* The kernel carries the packets itself, if it can for each queue. */
static void open_vhost(struct nic *nic)
{
    for (unsigned q = 0; q < nic->nr_queues; q++) {
        nic->vhost[q] = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
        if (nic->vhost[q] >= 0)
            continue;
        msg_verbose("network: no vhost: /dev/vhost-net: %s", strerror(errno));
        while (q--) {
            close(nic->vhost[q]);
            nic->vhost[q] = -1;
        }
        return;
    }
    nic->use_vhost = true;
}

int tap_open(struct nic *nic, bool vhost)
{
    if (nic->kind == NIC_TAP ? open_tap(nic) : open_bridge(nic))
        return -1;
    if (vhost)
        open_vhost(nic);
    return 0;
}

void tap_close(struct nic *nic)
{
    for (unsigned q = 0; q < NIC_MAX_QUEUES; q++) {
        if (nic->queues[q] >= 0)
            close(nic->queues[q]);
        if (nic->vhost[q] >= 0)
            close(nic->vhost[q]);
        nic->queues[q] = nic->vhost[q] = -1;
    }
    nic->use_vhost = false;
}
