/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cookie.c: SYN cookies (RFC 4987 §3.6): the state of a half-open connection in the numbers that its ACK brings back.
 *
 * iss: 5 bits of a clock of 64 seconds, 3 bits for one of eight segment sizes, 24 bits of a keyed hash of these and of the
 * connection. The other options are in the low 6 bits of the time stamp; without time stamps they are not used.
 */
#include "kernel/random.h"
#include "lib/siphash.h"
#include "net/tcp/listen.h"

static const uint16_t sizes[8] = { 216, 536, 1220, 1300, 1440, 1460, 4312, 8960 };

static uint32_t hash(const struct tcp_request *r, unsigned top)
{
    static struct siphash_key key;
    uint64_t words[6] = { r->e.local.q[0],
                          r->e.local.q[1],
                          r->e.remote.q[0],
                          r->e.remote.q[1],
                          (uint64_t)r->e.lport << 16 | r->e.rport,
                          (uint64_t)top << 32 | r->irs };

    if (unlikely(!key.k[1]))
        random_bytes(&key, sizeof(key));
    return siphash_words(&key, words, 6) & 0xffffff;
}

static unsigned clock_now(void)
{
    return clock_mono_ns() / (64 * NSEC_PER_SEC);
}

void tcp_cookie_make(struct tcp_request *r)
{
    unsigned size = 7, top;
    uint32_t now = tcp_clock_ms(clock_mono_ns()) + r->ts_offset;

    while (size && sizes[size] > r->mss)
        size--;
    top = (clock_now() & 31) << 3 | size;
    r->iss = top << 24 | hash(r, top | (clock_now() >> 5) << 8);
    r->cookie = true;
    if (!r->ts_on) {
        r->sack_on = r->wscale_on = r->ecn = false;
        r->rcv_wscale = 0;
        return;
    }
    r->cookie_ts =
        (now & ~63u) | (r->wscale_on ? r->snd_wscale : 15) | (r->sack_on ? 16 : 0) | (r->ecn ? 32 : 0);
    if (seq_lt(now, r->cookie_ts)) /* never from the future */
        r->cookie_ts -= 64;
}

bool tcp_cookie_check(struct tcp_request *r, const struct tcp_in *in)
{
    uint32_t iss = in->ack - 1, bits;
    unsigned top = iss >> 24, then = clock_now();

    r->irs = in->seq - 1;
    r->iss = iss;
    r->cookie = true;
    while ((then & 31) != top >> 3) {
        if (clock_now() - then >= 2 || !then)
            return false;
        then--;
    }
    if (hash(r, top | (then >> 5) << 8) != (iss & 0xffffff)) {
        TCP_COUNT(syncookies_failed);
        return false;
    }
    r->mss = sizes[top & 7];
    r->ts_on = in->o.has_ts;
    if (!r->ts_on) {
        r->rcv_wscale = 0;
        return true;
    }
    bits = in->o.tsecr & 63;
    r->ts_recent = in->o.tsval;
    r->wscale_on = (bits & 15) != 15;
    r->snd_wscale = r->wscale_on ? bits & 15 : 0;
    if (!r->wscale_on)
        r->rcv_wscale = 0;
    r->sack_on = bits & 16;
    r->ecn = bits & 32;
    return true;
}
