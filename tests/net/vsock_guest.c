/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's side of tests/net/vsock.py: a server on port 1000 that does what the first byte of a connection asks for,
 * and a client of the host's ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/vm_sockets.h> /* needs struct sockaddr */

static uint32_t sum(uint32_t s, const unsigned char *p, ssize_t n)
{
    for (ssize_t i = 0; i < n; i++)
        s = (s << 5) + s + p[i];
    return s;
}

static void all(int fd, const void *p, size_t len)
{
    for (ssize_t n; len; p = (char *)p + n, len -= n)
        if ((n = write(fd, p, len)) <= 0)
            return;
}

static void *serve(void *arg)
{
    static _Thread_local unsigned char buf[100000];
    int fd = (intptr_t)arg;
    uint32_t s = 0, len;
    char what = 0;
    ssize_t n;

    read(fd, &what, 1);
    if (what == 'e') { /* echo */
        while ((n = read(fd, buf, sizeof(buf))) > 0)
            all(fd, buf, n);
    } else if (what == 'c' || what == 's') { /* a checksum of so many bytes; slowly */
        recv(fd, &len, 4, MSG_WAITALL);
        for (len = ntohl(len); len && (n = read(fd, buf, what == 's' ? 3000 : sizeof(buf))) > 0; len -= n) {
            s = sum(s, buf, n);
            if (what == 's')
                usleep(100);
        }
        s = htonl(s);
        all(fd, &s, 4);
    } else if (what == 'g') { /* so many bytes, then their checksum */
        recv(fd, &len, 4, MSG_WAITALL);
        for (len = ntohl(len); len; len -= n) {
            n = len < sizeof(buf) ? len : sizeof(buf);
            for (ssize_t i = 0; i < n; i++)
                buf[i] = rand();
            s = sum(s, buf, n);
            all(fd, buf, n);
        }
        s = htonl(s);
        all(fd, &s, 4);
    } else if (what == 'q') {
        exit(0);
    }
    close(fd);
    return NULL;
}

static int host(unsigned port)
{
    struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port };
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

    if (!connect(fd, (void *)&a, sizeof(a)))
        return fd;
    close(fd);
    return -1;
}

/* Connections to the host's port 2000, which sends back what it gets; 2001 is nobody's. */
static int client(void)
{
    unsigned cid = 0, good = 0, bad = 0;
    char out[3000], in[3000];
    int dev = open("/dev/vsock", O_RDONLY);

    if (ioctl(dev, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid))
        cid = 0;
    printf("cid %u\n", cid);
    for (unsigned i = 0; i < 100; i++) {
        int fd = host(2000);

        for (unsigned k = 0; k < sizeof(out); k++)
            out[k] = i + k;
        all(fd, out, sizeof(out));
        if (recv(fd, in, sizeof(in), MSG_WAITALL) == sizeof(in) && !memcmp(in, out, sizeof(in)))
            good++;
        close(fd);
    }
    /* the backend may say so, or say nothing */
    bad = host(2001) < 0 && (errno == ECONNRESET || errno == ETIMEDOUT);
    printf("good %u refused %u\n", good, bad);
    return 0;
}

/* The backend dies under a connection: nothing hangs. */
static int orphan(void)
{
    struct timeval tv = { 1, 0 };
    int fd = host(2000), n;
    char c = 'x';

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    write(fd, &c, 1);
    n = read(fd, &c, 1);
    printf("connected %d\n", n);
    fflush(stdout);
    read(0, &c, 1);
    do
        n = read(fd, &c, 1);
    while (n > 0);
    printf("read %s\n", n ? strerror(errno) : "end");
    n = host(2000);
    printf("connect %s\n", n >= 0                                      ? "works"
                           : errno == ETIMEDOUT || errno == ECONNRESET ? "fails"
                                                                       : strerror(errno));
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = 1000 };
    int l, fd;

    if (argc > 1)
        return argv[1][0] == 'c' ? client() : orphan();
    signal(SIGPIPE, SIG_IGN);
    l = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (bind(l, (void *)&a, sizeof(a)) || listen(l, 64))
        return 1;
    printf("listening\n");
    fflush(stdout);
    while ((fd = accept(l, NULL, NULL)) >= 0) {
        pthread_t t;

        pthread_create(&t, NULL, serve, (void *)(intptr_t)fd);
        pthread_detach(t);
    }
    return 1;
}
