/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zerocopy.c PORT: sends 8 MiB of its pages to each client by MSG_ZEROCOPY, unmaps them as soon as they are sent, and says
 * "told" once it was told of all of them without a copy, else "copied" or "lost"; "leaked" if they still count as memory in use.
 */
#include <time.h>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOTAL (8u << 20)
#define PIECE 200001u

static unsigned told, copied;

static void hear(int s)
{
    char control[200];
    struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };

    while (recvmsg(s, &m, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
        struct sock_extended_err *e = (void *)CMSG_DATA(CMSG_FIRSTHDR(&m));

        told += e->ee_data - e->ee_info + 1;
        copied |= e->ee_code;
        m.msg_controllen = sizeof(control);
    }
}

static long anon_kb(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    char line[200];
    long kb = -1;

    while (f && fgets(line, sizeof(line), f) && sscanf(line, "AnonPages: %ld", &kb) != 1)
        ;
    if (f)
        fclose(f);
    return kb;
}

static const char *serve(int s)
{
    long before = anon_kb();
    char *p = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct pollfd f = { s, 0, 0 };
    unsigned sends = 0;
    int one = 1, all = TOTAL;

    setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
    /* Most is still to be sent when it is unmapped. */
    setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &all, sizeof(all));
    told = copied = 0;
    for (unsigned i = 0; i < TOTAL; i++)
        p[i] = 'a' + i % 251 % 26;
    for (unsigned off = 0; off < TOTAL; sends++) {
        ssize_t n = send(s, p + off, TOTAL - off < PIECE ? TOTAL - off : PIECE, MSG_ZEROCOPY);

        if (n < 0)
            return "failed\n";
        off += n;
        hear(s);
    }
    munmap(p, TOTAL);
    while (told < sends && poll(&f, 1, 10000) == 1)
        hear(s);
    if (told != sends)
        return "lost\n";
    if (copied)
        return "copied\n";
    return before < 0 || anon_kb() > before + (TOTAL >> 11) ? "leaked\n" : "told\n"; /* half of it */
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
    int l = socket(AF_INET, SOCK_STREAM, 0), s;

    if (bind(l, (void *)&a, sizeof(a)) || listen(l, 5))
        return 1;
    while ((s = accept(l, NULL, NULL)) >= 0) {
        const char *end = serve(s);

        send(s, end, strlen(end), 0);
        close(s);
    }
    return 0;
}
