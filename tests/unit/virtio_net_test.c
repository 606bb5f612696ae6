/* SPDX-License-Identifier: BSD-2-Clause */
/* The network driver over a device of our own: one that behaves, and one that lies. */
#include "test.h"

#include "drivers/virtio/net.c"
#include "drivers/virtio/net_rx.c"
#include "drivers/virtio/net_tx.c"
#include "drivers/virtio/virtio.c"
#include "drivers/virtio/virtqueue.c"
#include "fake_virtio.h"
#include "kernel/thread.h"
#include "shim.h"

const struct driver *const drivers[] = { &virtio_net_driver, NULL };

static struct fake *f;
static struct netdev *dev;
static unsigned nr_received, last_len;
static uint8_t last[70000];
static struct pktbuf last_head;

static void received(struct pktbuf *p)
{
    nr_received++;
    last_len = p->total;
    last_head = *p;
    CHECK(pktbuf_copy_out(p, 0, last, p->total));
    pktbuf_free(p);
}
static void added(struct netdev *d)
{
    d->net = d;
}
static unsigned nr_link_changes;
static void link_changed(struct netdev *d)
{
    nr_link_changes++;
}
static const struct netdev_client client = { received, added, link_changed };

static void setup(uint64_t features, unsigned queue_max)
{
    static bool once;

    if (!once) {
        sched_init();
        netdev_set_client(&client);
    }
    once = true;
    f = fake_new(VIRTIO_ID_NET, features);
    f->queue_max = queue_max;
    memcpy(f->config, "\x52\x54\0\1\2\3\1\0", 8);
    f->config[VIRTIO_NET_CFG_MTU] = 0xdc;
    f->config[VIRTIO_NET_CFG_MTU + 1] = 5;
    CHECK(virtio_probe(&f->vd) == 0);
    dev = &((struct vnet *)f->vd.driver)->dev;
    dev->ops->open(dev);
    softirq_run();
    nr_received = 0;
}

/* The device writes a packet of len bytes into its next buffers, with the header h; lie: the length it tells. */
static void bring(struct virtio_net_hdr h, const uint8_t *data, unsigned len, int lie)
{
    uint8_t whole[70000];
    unsigned hlen = ((struct vnet *)f->vd.driver)->hdr_len, total = hlen + len, heads[64], lens[64], nr = 0,
             at = 0;

    memcpy(whole, &h, hlen);
    memcpy(whole + hlen, data, len);
    do {
        int head = fake_take(f, 0);

        if (head < 0 || nr == 64)
            break;
        heads[nr] = head;
        lens[nr] = fake_copy(f, 0, head, whole + at, total - at, true);
        at += lens[nr++];
    } while (at < total);
    if (!h.num_buffers && hlen == 12) {
        h.num_buffers = nr;
        struct vring_desc *d = &f->vq[0]->desc[heads[0]];

        memcpy((char *)phys_virt(d->addr) + 10, &h.num_buffers, 2);
    }
    for (unsigned i = 0; i < nr; i++)
        fake_give(f, 0, heads[i], lie >= 0 ? (uint32_t)lie : lens[i]);
    virtio_interrupt(&f->vd);
    softirq_run();
}

static uint8_t frame[70000];
static void fill(void)
{
    for (unsigned i = 0; i < sizeof(frame); i++)
        frame[i] = i * 7 + i / 256;
}

#define BASIC (VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MTU)

TEST(frames_come_in)
{
    static const unsigned sizes[] = { 14, 60, 256, 257, 1514 };

    fill();
    for (unsigned mode = 0; mode < 4; mode++) {
        setup(BASIC | (mode & 1 ? VIRTIO_NET_F_MRG_RXBUF : 0) |
                  (mode & 2 ? VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4 : 0),
              256);
        CHECK(dev->mtu == 1500 && !memcmp(dev->mac, "\x52\x54\0\1\2\3", 6) && dev->link_up);
        CHECK(!!(dev->features & NETDEV_LRO) == (mode == 3));
        for (unsigned n = 0; n < 1000; n++) {
            unsigned len = sizes[n % ARRAY_SIZE(sizes)];

            bring((struct virtio_net_hdr){ .num_buffers = 0 }, frame, len, -1);
            CHECK(nr_received == n + 1 && last_len == len && !memcmp(last, frame, len));
            CHECK(last_head.csum == CSUM_NONE && last_head.gso == GSO_NONE);
        }
    }
}

TEST(large_packets_in_many_buffers)
{
    struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_DATA_VALID,
                                .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                .gso_size = 1448 };
    long pages;

    fill();
    setup(BASIC | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4, 256);
    pages = shim_live_pages;
    for (unsigned n = 0; n < 100; n++) {
        bring(h, frame, 65000 + n, -1);
        CHECK(last_len == 65000 + n && !memcmp(last, frame, last_len));
        CHECK(last_head.gso == GSO_TCPV4 && last_head.gso_size == 1448 && last_head.csum == CSUM_VALID);
    }
    CHECK(nr_received == 100 && shim_live_pages == pages);
    h.gso_size = 0; /* cannot be */
    bring(h, frame, 3000, -1);
    h.gso_size = 1000;
    h.gso_type = 77;
    bring(h, frame, 3000, -1);
    CHECK(nr_received == 100 && shim_live_pages == pages && dev->queues[0].stats.rx_errors == 2);
}

static int transmit(struct pktbuf *p, bool more)
{
    int err;

    spin_lock(&dev->queues[0].lock);
    err = dev->ops->transmit(&dev->queues[0], p, more);
    spin_unlock(&dev->queues[0].lock);
    return err;
}

static struct pktbuf *packet(unsigned len)
{
    struct pktbuf *p = pktbuf_alloc_data(PKTBUF_HEADROOM, len);

    pktbuf_copy_in(p, 0, frame, len);
    return p;
}

TEST(frames_go_out)
{
    uint8_t got[70000];
    unsigned sent = 0, len;

    fill();
    setup(BASIC | VIRTIO_NET_F_CSUM, 256);
    long objects = shim_live_objects, pages = shim_live_pages;

    for (unsigned n = 0; n < 600; n++) {
        int head;

        len = n % 2 ? 60 : 9000;
        struct pktbuf *p = packet(len);

        if (n % 3 == 0) {
            p->csum = CSUM_PARTIAL;
            p->csum_start = PKTBUF_HEADROOM + 34;
            p->csum_offset = 6;
        }
        CHECK(transmit(p, n % 4 != 3) == 0);
        if (n % 4 != 3)
            continue;
        CHECK(fake_notified(f, 1));
        while ((head = fake_take(f, 1)) >= 0) {
            struct virtio_net_hdr h;
            size_t total = fake_copy(f, 1, head, got, sizeof(got), false);

            memcpy(&h, got, 12);
            CHECK(total == 12u + (sent % 2 ? 60 : 9000) && !memcmp(got + 12, frame, total - 12));
            CHECK(sent % 3 ? !h.flags : h.flags == 1 && h.csum_start == 34 && h.csum_offset == 6);
            fake_give(f, 1, head, 0);
            sent++;
        }
    }
    CHECK(sent == 600);
    netdev_raise(&dev->queues[0]);
    softirq_run();
    CHECK(shim_live_objects == objects && shim_live_pages == pages);
}

TEST(a_full_ring_says_so_and_goes_on)
{
    struct pktbuf *p = NULL;
    unsigned n = 0;
    int head, err = 0;

    fill();
    setup(BASIC, 64);
    while (!err) {
        p = packet(60);
        err = transmit(p, false);
        n += !err;
    }
    CHECK(err == -EBUSY && n == 64);
    dev->queues[0].full = 1;
    pktqueue_append(&dev->queues[0].pending, p);
    while ((head = fake_take(f, 1)) >= 0)
        fake_give(f, 1, head, 0);
    CHECK(fake_would_interrupt(f, 1, f->used[1] - 64));
    virtio_interrupt(&f->vd);
    softirq_run();
    CHECK(fake_take(f, 1) >= 0 && !dev->queues[0].full && !dev->queues[0].pending.nr);
}

TEST(what_was_sent_is_freed_without_more_traffic)
{
    long before;
    int head;

    setup(BASIC, 256);
    before = shim_live_objects;
    CHECK(transmit(packet(60), false) == 0 && shim_live_objects > before);
    head = fake_take(f, 1);
    shim_advance(150 * NSEC_PER_MS); /* the device takes its time */
    softirq_run();
    CHECK(head >= 0 && shim_live_objects > before);
    fake_give(f, 1, head, 0);
    shim_advance(150 * NSEC_PER_MS);
    softirq_run();
    CHECK(shim_live_objects == before);
    CHECK(!((struct vnet *)f->vd.driver)->pairs[0].tx_idle.armed); /* and then nobody looks any more */
}

TEST(lies)
{
    fill();
    for (unsigned i = 0; i < 6; i++) {
        setup(BASIC |
                  (i & 1 ? VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4 : 0),
              256);
        if (i < 2) { /* a length that no buffer has */
            bring((struct virtio_net_hdr){ .num_buffers = 1 }, frame, 100, 100000);
            CHECK(!dev->link_up && nr_received == 0);
            CHECK(transmit(packet(60), false) == -EIO || true);
        } else if (i < 4) { /* shorter than the header */
            bring((struct virtio_net_hdr){ .num_buffers = 1 }, frame, 100, 5);
            CHECK(nr_received == 0 && dev->queues[0].stats.rx_errors == 1 && dev->link_up);
        } else { /* more buffers than there are; without mergeable ones the field says nothing */
            bring((struct virtio_net_hdr){ .num_buffers = 65535 }, frame, 100, -1);
            CHECK(nr_received == !(i & 1));
        }
    }
}

TEST(link_goes_down_and_up)
{
    setup(BASIC, 256);
    nr_link_changes = 0;
    f->config[VIRTIO_NET_CFG_STATUS] = 0;
    virtio_interrupt(&f->vd);
    CHECK(!dev->link_up && nr_link_changes == 1);
    f->config[VIRTIO_NET_CFG_STATUS] = 1;
    virtio_interrupt(&f->vd);
    CHECK(dev->link_up && nr_link_changes == 2);
    /* beside a packet: looked at a little later, and once however many packets come meanwhile */
    f->config[VIRTIO_NET_CFG_STATUS] = 0;
    bring((struct virtio_net_hdr){ .num_buffers = 1 }, frame, 100, -1);
    CHECK(dev->link_up && nr_link_changes == 2);
    shim_advance(150 * NSEC_PER_MS);
    CHECK(!dev->link_up && nr_link_changes == 3);
    f->config[VIRTIO_NET_CFG_STATUS] = 1;
    bring((struct virtio_net_hdr){ .num_buffers = 1 }, frame, 100, -1);
    bring((struct virtio_net_hdr){ .num_buffers = 1 }, frame, 100, -1);
    shim_advance(150 * NSEC_PER_MS);
    CHECK(dev->link_up && nr_link_changes == 4);
    shim_advance(NSEC_PER_SEC);
    CHECK(nr_link_changes == 4);
}

TEST(without_memory_it_tries_again)
{
    fill();
    setup(BASIC, 256);
    fail_alloc_at(-1);
    struct vnet_pair *p = dev->queues[0].driver;
    unsigned had = p->rx->in_flight;

    CHECK(had >= 16);
    while (p->rx->in_flight) { /* each replacement fails */
        int head = fake_take(f, 0);

        fake_give(f, 0, head, fake_copy(f, 0, head, frame, 100, true));
        fail_alloc_at(0);
        virtio_interrupt(&f->vd);
        softirq_run();
        fail_alloc_at(-1);
        if (p->rx->in_flight >= had)
            break;
    }
    shim_advance(100 * NSEC_PER_MS);
    softirq_run();
    CHECK(p->rx->in_flight == had);
}
