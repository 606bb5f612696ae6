/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * badlink: a wire that loses, delays, reorders, doubles, damages and slows frames, between a tap of this network namespace and
 * a guest's `--network udp=`. Where the kernel has no netem, and one frame at a time: offloads end here.
 *
 *   badlink TAP OUR-PORT GUEST-PORT [loss=PERCENT] [dup=PERCENT] [corrupt=PERCENT] [reorder=PERCENT] [delay=MS] [jitter=MS]
 *           [rate=KBIT] [seed=N]
 *
 * The same seed treats the same sequence of frames the same way. A frame that is reordered goes out at once, before those that
 * are delayed.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 2048
#define QUEUE_MAX 4096

struct frame {
    uint64_t at; /* when it goes out */
    uint64_t order;
    uint16_t len;
    uint8_t data[FRAME_MAX];
};

struct way {
    int from, to;
    uint64_t free_at; /* when the wire has room, with a rate */
    struct frame *heap[QUEUE_MAX];
    int n;
};

static double loss, twice, corrupt, reorder, delay_ms, jitter_ms, rate_kbit;
static uint64_t seed = 1, order;

static const struct {
    const char *name;
    double *value;
} settings[] = {
    { "loss", &loss },      { "dup", &twice },        { "corrupt", &corrupt }, { "reorder", &reorder },
    { "delay", &delay_ms }, { "jitter", &jitter_ms }, { "rate", &rate_kbit },
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static double chance(void) /* 0 .. 100 */
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) * 100 / (double)(1ull << 53);
}

static int before(const struct frame *a, const struct frame *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct way *w, struct frame *f)
{
    int i = w->n++;

    for (; i && before(f, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = f;
}

static struct frame *pop(struct way *w)
{
    struct frame *top = w->heap[0], *last = w->heap[--w->n];
    int i = 0, child;

    while ((child = 2 * i + 1) < w->n) {
        child += child + 1 < w->n && before(w->heap[child + 1], w->heap[child]);
        if (!before(w->heap[child], last))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return top;
}

static void enqueue(struct way *w, const struct frame *in)
{
    struct frame *f;
    double ms = delay_ms + (jitter_ms ? (chance() / 50 - 1) * jitter_ms : 0);

    if (w->n == QUEUE_MAX || chance() < loss)
        return;
    f = malloc(sizeof(*f));
    *f = *in;
    f->at = now_ns();
    f->order = order++;
    if (rate_kbit) {
        w->free_at =
            (w->free_at > f->at ? w->free_at : f->at) + (uint64_t)(f->len * 8 * 1000000.0 / rate_kbit);
        f->at = w->free_at;
    }
    if (chance() >= reorder && ms > 0)
        f->at += (uint64_t)(ms * 1e6);
    if (chance() < corrupt)
        f->data[(int)(chance() * f->len / 100)] ^= 1 << (int)(chance() * 8 / 100);
    push(w, f);
}

static void receive(struct way *w)
{
    static struct frame f;
    ssize_t n;

    while ((n = read(w->from, f.data, FRAME_MAX)) > 0) {
        f.len = n;
        enqueue(w, &f);
        if (chance() < twice)
            enqueue(w, &f);
    }
}

static int send_due(struct way *w) /* ms until the next one; -1: none */
{
    while (w->n) {
        uint64_t now = now_ns();

        if (w->heap[0]->at > now)
            return (int)((w->heap[0]->at - now) / 1000000);
        struct frame *f = pop(w);

        if (write(w->to, f->data, f->len) < 0) {
            /* nobody is there: as lost as any other */
        }
        free(f);
    }
    return -1;
}

static int open_tap(const char *name)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

    strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
    return fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 ? -1 : fd;
}

static int open_udp(int ours, int theirs)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    a.sin_port = htons(ours);
    if (bind(fd, (void *)&a, sizeof(a)) < 0)
        return -1;
    a.sin_port = htons(theirs);
    return connect(fd, (void *)&a, sizeof(a)) < 0 ? -1 : fd;
}

static int set(const char *word)
{
    const char *value = strchr(word, '=');

    if (value && !strncmp(word, "seed=", 5)) {
        seed = strtoull(value + 1, NULL, 0) * 2654435761u + 1;
        return 0;
    }
    for (unsigned i = 0; value && i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strlen(settings[i].name) == (size_t)(value - word) &&
            !strncmp(word, settings[i].name, value - word)) {
            *settings[i].value = atof(value + 1);
            return 0;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    static struct way ways[2];
    int tap = argc > 3 ? open_tap(argv[1]) : -1, udp = argc > 3 ? open_udp(atoi(argv[2]), atoi(argv[3])) : -1;

    for (int i = 4; i < argc; i++)
        if (set(argv[i]))
            tap = -1;
    if (tap < 0 || udp < 0) {
        perror("badlink");
        return 1;
    }
    ways[0].from = ways[1].to = tap;
    ways[0].to = ways[1].from = udp;
    for (;;) {
        struct pollfd p[2] = { { tap, POLLIN, 0 }, { udp, POLLIN, 0 } };
        int a = send_due(&ways[0]), b = send_due(&ways[1]);

        poll(p, 2, a < 0 || (b >= 0 && b < a) ? b : a);
        for (int i = 0; i < 2; i++)
            if (p[i].revents)
                receive(&ways[i]);
    }
}
