/* SPDX-License-Identifier: BSD-2-Clause */
/* Large packets become segments: sequence numbers, flags, lengths, checksums, bytes. */
#include "test.h"

#include "net/ip.h"
#include "net/link.h"
#include "shim.h"

#define HEADERS(v6) (14 + ((v6) ? 40 : 20) + 32)

static uint8_t bytes[70000], got[3000];
static struct inaddr src, dst;

/* A TCP packet with payload bytes, linear of them in the linear part, the others in pages. */
static struct pktbuf *build(bool v6, unsigned payload, unsigned linear, unsigned size)
{
    struct pktbuf *p = pktbuf_alloc(PKTBUF_HEADROOM, HEADERS(v6) + linear);
    uint8_t *h;
    uint16_t sum;

    if (!p)
        return NULL;
    h = pktbuf_put(p, HEADERS(v6) + linear);
    memset(h, 0, HEADERS(v6));
    memcpy(h + HEADERS(v6), bytes, linear);
    for (unsigned at = linear; at < payload;) {
        struct page *page = page_alloc(PAGE_ATOMIC);
        unsigned n = MIN(payload - at, 4000u);

        if (!page) {
            pktbuf_free(p);
            return NULL;
        }
        memcpy((char *)page_virt(page) + 50, bytes + at, n);
        pktbuf_add_frag(p, page, 50, n);
        at += n;
    }
    p->link = p->data - p->head;
    p->network = p->link + 14;
    p->transport = p->network + (v6 ? 40 : 20);
    h[14] = v6 ? 0x60 : 0x45;
    src = v6 ? (struct inaddr){ .b = { 0xfd, [15] = 1 } } : inaddr_v4(be32(0x0a000001));
    dst = v6 ? (struct inaddr){ .b = { 0xfd, [15] = 2 } } : inaddr_v4(be32(0x0a000002));
    if (v6) {
        memcpy(h + 14 + 8, &src, 16);
        memcpy(h + 14 + 24, &dst, 16);
    } else {
        memcpy(h + 14 + 12, src.b + 12, 4);
        memcpy(h + 14 + 16, dst.b + 12, 4);
        put_be16(h + 14 + 4, 100);
    }
    h = p->head + p->transport;
    put_be32(h + 4, 0xfffffff0); /* wraps */
    h[12] = 0x80;
    h[13] = 0x99; /* FIN, PSH, ACK, CWR */
    sum = ip_pseudo_sum(&src, &dst, IPPROTO_TCP, p->total - (p->transport - p->link));
    memcpy(h + 16, &sum, 2);
    p->csum = CSUM_PARTIAL;
    p->csum_start = p->transport;
    p->csum_offset = 16;
    p->gso = v6 ? GSO_TCPV6 : GSO_TCPV4;
    p->gso_size = size;
    return p;
}

static void check_segment(struct pktbuf *q, bool v6, unsigned n, unsigned off, unsigned len, bool last)
{
    unsigned hlen = HEADERS(v6);
    uint8_t *ip = got + 14, *th = ip + (v6 ? 40 : 20);
    uint8_t flags = 0x10 | (last ? 9 : 0) | (n ? 0 : 0x80);

    CHECK(q->total == hlen + len && q->csum == CSUM_PARTIAL && q->gso == GSO_NONE);
    pktbuf_checksum_finish(q);
    CHECK(pktbuf_copy_out(q, 0, got, q->total) && !memcmp(got + hlen, bytes + off, len));
    CHECK(get_be32(th + 4) == 0xfffffff0 + off && th[13] == flags);
    CHECK(checksum_add(th, 32 + len, ip_pseudo_sum(&src, &dst, IPPROTO_TCP, 32 + len)) == 0xffff);
    if (v6)
        CHECK(get_be16(ip + 4) == 32 + len);
    else
        CHECK(get_be16(ip + 2) == 52 + len && get_be16(ip + 4) == 100 + n &&
              checksum_add(ip, 20, 0) == 0xffff);
}

TEST(tcp_segments)
{
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = i * 11 + i / 253;
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned payload = 1; payload < 62000; payload += 3571)
            for (unsigned linear = 0; linear <= MIN(payload, 3000u); linear += 700) {
                struct pktqueue q;
                struct pktbuf *p = build(v6, payload, linear, 1448), *s;
                unsigned off = 0, n = 0;

                CHECK(gso_segment(p, &q) && q.nr == (payload + 1447) / 1448);
                while ((s = pktqueue_take(&q))) {
                    unsigned len = MIN(1448u, payload - off);

                    check_segment(s, v6, n++, off, len, off + len == payload);
                    off += len;
                    pktbuf_free(s);
                }
                CHECK(off == payload && !shim_live_objects && !shim_live_pages);
            }
}

TEST(no_memory)
{
    for (int n = 0;; n++) {
        struct pktqueue q;
        struct pktbuf *p = build(false, 6000, 100, 1448), *s;
        bool ok, failed;

        fail_alloc_at(n);
        ok = gso_segment(p, &q);
        failed = alloc_did_fail();
        fail_alloc_at(-1);
        while ((s = pktqueue_take(&q)))
            pktbuf_free(s);
        CHECK(ok != failed && !shim_live_objects && !shim_live_pages);
        if (!failed)
            break;
    }
}

TEST(packets_that_cannot_be)
{
    struct pktqueue q;
    struct pktbuf *p = build(false, 3000, 3000, 0);

    CHECK(!gso_segment(p, &q) && !q.first);
    p = build(false, 3000, 3000, 1000);
    p->head[p->transport + 12] =
        0xf0; /* a longer header than there are bytes of, or not: the packet is long enough */
    CHECK(gso_segment(p, &q));
    while ((p = pktqueue_take(&q)))
        pktbuf_free(p);
    p = build(false, 10, 10, 1000);
    p->transport = p->network + 4;
    CHECK(!gso_segment(p, &q));
    CHECK(!shim_live_objects && !shim_live_pages);
}
