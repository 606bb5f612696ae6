/* SPDX-License-Identifier: BSD-2-Clause */
/* options.c: TCP options: MSS, window scale, SACK, time stamps, fast open; read and written. */
#include "net/tcp/tcp_sock.h"

enum { OPT_END, OPT_NOP, OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_SACK, OPT_TS = 8, OPT_FASTOPEN = 34 };

/* False: the header is malformed. Unknown options are skipped, ones of a wrong length too (as Linux has it). */
bool tcp_parse_options(const uint8_t *h, unsigned header_len, bool syn, struct tcp_opts *o)
{
    unsigned i = sizeof(struct tcp_header);

    memset(o, 0, offsetof(struct tcp_opts, fastopen));
    while (i < header_len) {
        unsigned kind = h[i], len;

        if (kind == OPT_END)
            break;
        if (kind == OPT_NOP) {
            i++;
            continue;
        }
        if (i + 1 >= header_len)
            break;
        len = h[i + 1];
        if (len < 2 || i + len > header_len)
            break;
        switch (kind) {
        case OPT_MSS:
            if (len == 4 && syn)
                o->mss = get_be16(h + i + 2);
            break;
        case OPT_WSCALE:
            if (len == 3 && syn) {
                o->has_wscale = true;
                o->wscale = MIN(h[i + 2], (uint8_t)14);
            }
            break;
        case OPT_SACK_OK:
            if (len == 2 && syn)
                o->sack_ok = true;
            break;
        case OPT_SACK:
            if (len >= 10 && (len - 2) % 8 == 0 && !syn) {
                o->nr_sacks = MIN((len - 2) / 8, ARRAY_SIZE(o->sacks));
                for (unsigned n = 0; n < o->nr_sacks; n++) {
                    o->sacks[n].start = get_be32(h + i + 2 + n * 8);
                    o->sacks[n].end = get_be32(h + i + 6 + n * 8);
                }
            }
            break;
        case OPT_TS:
            if (len == 10) {
                o->has_ts = true;
                o->tsval = get_be32(h + i + 2);
                o->tsecr = get_be32(h + i + 6);
            }
            break;
        case OPT_FASTOPEN:
            if (syn && !(len & 1) && (len == 2 || (len >= 6 && len <= 2 + sizeof(o->fastopen)))) {
                o->has_fastopen = true;
                o->fastopen_len = len - 2;
                memcpy(o->fastopen, h + i + 2, len - 2);
            }
            break;
        }
        i += len;
    }
    return true;
}

/* The blocks that the peer should hear of: what came twice first, then what came last. */
static unsigned put_sacks(struct tcp_sock *t, uint8_t *at, unsigned room)
{
    unsigned nr = 0;
    uint8_t *p = at + 4;

    if (t->dsack.start != t->dsack.end && nr < room) {
        put_be32(p, t->dsack.start);
        put_be32(p + 4, t->dsack.end);
        p += 8;
        nr++;
        t->dsack.start = t->dsack.end = 0;
    }
    for (unsigned i = 0; i < t->nr_recent && nr < room; i++) {
        put_be32(p, t->recent[i].start);
        put_be32(p + 4, t->recent[i].end);
        p += 8;
        nr++;
    }
    if (!nr)
        return 0;
    at[0] = at[1] = OPT_NOP;
    at[2] = OPT_SACK;
    at[3] = 2 + nr * 8;
    return 4 + nr * 8;
}

unsigned tcp_put_options(struct tcp_sock *t, uint8_t *at, uint64_t now)
{
    unsigned n = t->ts_on * TCP_TS_LEN;

    tcp_put_timestamps(t, at, now);
    if (unlikely((t->nr_recent || t->dsack.start != t->dsack.end) && t->sack_on))
        n += put_sacks(t, at + n, (40 - n - 4) / 8);
    return n;
}

unsigned tcp_put_syn_options(uint8_t *at, const struct tcp_syn_opts *o)
{
    unsigned n = 4;

    at[0] = OPT_MSS;
    at[1] = 4;
    put_be16(at + 2, o->mss);
    if (o->has_ts) {
        at[n] = o->sack_ok ? OPT_SACK_OK : OPT_NOP;
        at[n + 1] = o->sack_ok ? 2 : OPT_NOP;
        at[n + 2] = OPT_TS;
        at[n + 3] = 10;
        put_be32(at + n + 4, o->tsval);
        put_be32(at + n + 8, o->tsecr);
        n += 12;
    } else if (o->sack_ok) {
        at[n] = at[n + 1] = OPT_NOP;
        at[n + 2] = OPT_SACK_OK;
        at[n + 3] = 2;
        n += 4;
    }
    if (o->has_wscale) {
        at[n] = OPT_NOP;
        at[n + 1] = OPT_WSCALE;
        at[n + 2] = 3;
        at[n + 3] = o->wscale;
        n += 4;
    }
    if (unlikely(o->has_fastopen) && n + ALIGN_UP(2u + o->fastopen_len, 4u) <= 40) {
        at[n] = OPT_FASTOPEN;
        at[n + 1] = 2 + o->fastopen_len;
        memcpy(at + n + 2, o->fastopen, o->fastopen_len);
        for (n += 2 + o->fastopen_len; n % 4; n++)
            at[n] = OPT_NOP;
    }
    return n;
}
