/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/vsock.h"
#include "host/mem.h"
#include "host/msg.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define VHOST_VSOCK "/dev/vhost-vsock"
#define CID_MIN     3 /* below are the hypervisor, the machine itself, the host */
#define CID_MAX     0xfffffffeu

int vsock_parse(const char *option, struct vsock *v)
{
    char *end, cwd[PATH_MAX];
    unsigned long cid = strtoul(option, &end, 10);

    if (*option < '0' || *option > '9' || cid < CID_MIN || cid > CID_MAX ||
        (*end && (strncmp(end, ",socket=", 8) || !end[8])))
        return msg_error("--vsock %s: expected CID or CID,socket=PATH, CID a number from %d", option,
                         CID_MIN);
    v->cid = cid;
    if (!*end)
        return 0;
    end += 8;
    v->socket = *end == '/' || !getcwd(cwd, sizeof(cwd)) ? xstrdup(end) : xasprintf("%s/%s", cwd, end);
    return 0;
}

int vsock_check(const struct vsock *v)
{
    struct stat st;

    if (!v->cid)
        return 0;
    if (!v->socket) {
        _cleanup_close_ int fd = open(VHOST_VSOCK, O_RDWR | O_CLOEXEC);

        return fd >= 0 ? 0
                       : msg_error("--vsock: " VHOST_VSOCK
                                   ": %s; load the kernel's module vhost_vsock, or name the "
                                   "socket of a vhost-user backend: --vsock %u,socket=PATH",
                                   strerror(errno), v->cid);
    }
    if (stat(v->socket, &st))
        return msg_error("--vsock: %s: %s; the vhost-user backend must run already", v->socket,
                         strerror(errno));
    return S_ISSOCK(st.st_mode) ? 0 : msg_error("--vsock: %s is not a socket", v->socket);
}
