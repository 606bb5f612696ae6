/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver.c: name servers and the search domain. */
#include "net/resolver.h"
#include "lib/string.h"

static struct spinlock lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct inaddr servers[RESOLVER_MAX]; /* [lock] */
static unsigned nr_servers;                 /* [lock] */
static char domain[128];                    /* [lock] */

void resolver_add(const struct inaddr *a)
{
    bool known = inaddr_is_any(a);

    spin_lock(&lock);
    for (unsigned i = 0; i < nr_servers; i++)
        known |= inaddr_eq(&servers[i], a);
    if (!known && nr_servers < RESOLVER_MAX)
        servers[nr_servers++] = *a;
    spin_unlock(&lock);
}

/* From the net: only what a name may contain, as it goes into a file that programs parse. */
void resolver_set_domain(const char *name, size_t len)
{
    while (len && !name[len - 1])
        len--;
    if (!len || len >= sizeof(domain))
        return;
    for (size_t i = 0; i < len; i++) {
        char c = name[i] | 0x20;

        if (!(c >= 'a' && c <= 'z') && !(name[i] >= '0' && name[i] <= '9') && name[i] != '-' &&
            name[i] != '.')
            return;
    }
    spin_lock(&lock);
    memcpy(domain, name, len);
    domain[len] = 0;
    spin_unlock(&lock);
}

size_t inaddr_format(char *buf, size_t size, const struct inaddr *a)
{
    unsigned best = 8, best_len = 1; /* RFC 5952: the longest run of zeros of two or more */
    size_t n = 0;

    if (inaddr_is_v4(a))
        return snprintf(buf, size, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
    for (unsigned i = 0; i < 8; i++) {
        unsigned run = 0;

        while (i + run < 8 && !a->h[i + run])
            run++;
        if (run > best_len) {
            best = i;
            best_len = run;
        }
    }
    buf[0] = 0;
    for (unsigned i = 0; i < 8 && n < size; i++) {
        if (i == best) {
            n += snprintf(buf + n, size - n, "::");
            i += best_len - 1;
            continue;
        }
        n += snprintf(buf + n, size - n, "%s%x", i && i != best + best_len ? ":" : "", be16(a->h[i]));
    }
    return n;
}

size_t resolver_show(char *buf, size_t size)
{
    size_t n = 0;
    char text[48];

    spin_lock(&lock);
    if (domain[0])
        n += snprintf(buf + n, size > n ? size - n : 0, "domain %s\n", domain);
    for (unsigned i = 0; i < nr_servers; i++) {
        inaddr_format(text, sizeof(text), &servers[i]);
        n += snprintf(buf + MIN(n, size), size > n ? size - n : 0, "nameserver %s\n", text);
    }
    spin_unlock(&lock);
    return n;
}
