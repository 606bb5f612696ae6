/* SPDX-License-Identifier: BSD-2-Clause */
/* Packet sockets that are bound, filtered, given rings and closed while frames come: nothing is looked at but that it ends. */
#include "report.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#define ROUNDS 40

static int shared = -1, stop;

static void bind_to(int s, int ifindex, int proto)
{
    struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_protocol = htons(proto) };

    bind(s, (struct sockaddr *)&a, sizeof(a));
}

static void *sender(void *unused)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(7009),
                              .sin_addr.s_addr = htonl(0x7f000001) };
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));

    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        sendto(s, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to));
        sched_yield();
    }
    close(s);
    return NULL;
}

static void *reader(void *unused)
{
    char buf[100];

    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        struct pollfd p = { __atomic_load_n(&shared, __ATOMIC_RELAXED), POLLIN | POLLOUT, 0 };

        poll(&p, 1, 0);
        recv(p.fd, buf, sizeof(buf), MSG_DONTWAIT);
        send(p.fd, buf, sizeof(buf), 0);
        sched_yield();
    }
    return NULL;
}

static void one(int round)
{
    struct tpacket_req3 q = { 4096, 4, 2048, 8, 1, 0, 0 }, none = { 0 };
    struct sock_filter f[] = { BPF_STMT(BPF_RET | BPF_K, 40) };
    struct sock_fprog p = { 1, f };
    int s = MUST(socket(AF_PACKET, round & 1 ? SOCK_RAW : SOCK_DGRAM, htons(ETH_P_ALL))), version = round % 3;
    char *m;

    __atomic_store_n(&shared, s, __ATOMIC_RELAXED);
    setsockopt(s, SOL_PACKET, PACKET_VERSION, &version, sizeof(version));
    bind_to(s, 1, ETH_P_ALL);
    MUST(setsockopt(s, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
    m = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
    CHECK_QUIET(m != MAP_FAILED);
    MUST(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
    for (int i = 0; i < 4; i++) {
        sched_yield();
        memset(m + i * 4096, 0, 4096);
    }
    bind_to(s, 0, ETH_P_IP);
    munmap(m, 16384);
    MUST(setsockopt(s, SOL_PACKET, PACKET_RX_RING, &none, sizeof(none)));
    setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &version, sizeof(version));
    MUST(setsockopt(s, SOL_PACKET, PACKET_TX_RING, &(struct tpacket_req3){ 4096, 4, 2048, 8, 0, 0, 0 },
                    sizeof(q)));
    bind_to(s, 1, ETH_P_ALL);
    sched_yield();
    close(s);
}

int main(void)
{
    pthread_t t[3];

    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, i ? sender : reader, NULL);
    for (int i = 0; i < ROUNDS; i++)
        one(i);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    return report_done();
}
