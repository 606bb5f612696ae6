/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/ports.h"
#include "host/msg.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>

struct range {
    unsigned first, last; /* 0, 0: not given */
};

static bool parse_port(const char **s, unsigned *port)
{
    char *end;
    unsigned long n = strtoul(*s, &end, 10);

    if (!isdigit((unsigned char)**s) || n < 1 || n > 65535)
        return false;
    *s = end;
    *port = n;
    return true;
}

static bool parse_range(const char *s, struct range *r)
{
    *r = (struct range){ 0 };
    if (!*s)
        return true;
    if (!parse_port(&s, &r->first))
        return false;
    r->last = r->first;
    if (*s == '-' && (s++, !parse_port(&s, &r->last)))
        return false;
    return !*s && r->last >= r->first;
}

static int bad(const char *spec, const char *why)
{
    return msg_error("-p %s: %s", spec, why);
}

static void add(struct ports *p, struct port port)
{
    port.held = -1;
    p->v = xrealloc(p->v, (p->n + 1) * sizeof(*p->v));
    p->v[p->n++] = port;
}

int ports_parse(struct ports *p, const char *spec)
{
    _cleanup_free_ char *text = xstrdup(spec);
    char *slash = strrchr(text, '/'), *colon;
    struct port port = { 0 };
    struct range host = { 0 }, guest;
    const char *addr = NULL;

    if (slash) {
        *slash = 0;
        port.udp = !strcasecmp(slash + 1, "udp");
        if (!port.udp && strcasecmp(slash + 1, "tcp"))
            return bad(spec, "the protocol must be tcp or udp");
    }
    colon = strrchr(text, ':');
    if (!parse_range(colon ? colon + 1 : text, &guest) || !guest.first)
        return bad(spec, "expected [ADDR:][HOST:]GUEST[/tcp|/udp], ports from 1 to 65535");
    if (colon) {
        *colon = 0;
        char *before = strrchr(text, ':');

        if (before) {
            *before = 0;
            addr = text;
        }
        if (!parse_range(before ? before + 1 : text, &host))
            return bad(spec, "the host's port is no number from 1 to 65535");
    }
    if (addr && *addr == '[')
        return bad(spec, "the user-mode network forwards ports of IPv4 addresses only");
    if (addr && !inet_aton(addr, &port.addr))
        return bad(spec, "the address is not one of IPv4");
    unsigned nr_host = host.first ? host.last - host.first + 1 : 0, nr = guest.last - guest.first + 1;

    /* docker's rule: equal ranges pair off; one guest port may take whichever of a range is free */
    if (nr_host && nr_host != nr && nr != 1)
        return bad(spec, "the two ranges differ in length");
    for (unsigned i = 0; i < nr; i++) {
        port.guest = guest.first + i;
        port.host = nr_host ? host.first + (nr == nr_host ? i : 0) : 0;
        port.last = nr_host == nr ? port.host : host.last;
        add(p, port);
    }
    return 0;
}

/*
 * Binds as the VMM will. A TCP socket that is bound with SO_REUSEADDR and does not listen keeps others from being given
 * the port and yet lets the VMM bind it; with UDP both would get datagrams, so that one is only tried.
 */
static int try_bind(struct port *port, uint16_t number)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = port->addr, .sin_port = htons(number) };
    socklen_t len = sizeof(sin);
    int one = 1, fd = socket(AF_INET, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (!port->udp)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
        getsockname(fd, (struct sockaddr *)&sin, &len) < 0) {
        int err = -errno;

        close(fd);
        return err;
    }
    port->host = port->last = ntohs(sin.sin_port);
    if (port->udp)
        close(fd);
    else
        port->held = fd;
    return 0;
}

static int refused(const struct port *port, int err)
{
    const char *proto = port->udp ? "udp" : "tcp";
    char addr[INET_ADDRSTRLEN], text[24];

    inet_ntop(AF_INET, &port->addr, addr, sizeof(addr));
    if (err == -EADDRINUSE && port->last > port->host)
        return msg_error("ports %u-%u/%s of %s are all in use", port->host, port->last, proto, addr);
    port_host_text(port, text);
    if (err == -EADDRINUSE)
        return msg_error("port %s/%s is in use by another program (ss -lnp shows which)", text, proto);
    if (err == -EACCES)
        return msg_error("port %s/%s: ports below 1024 need root, or net.ipv4.ip_unprivileged_port_start",
                         text, proto);
    if (err == -EADDRNOTAVAIL)
        return msg_error("port %s/%s: %s is no address of this host", text, proto, addr);
    return msg_error("port %s/%s: %s", text, proto, strerror(-err));
}

static bool chosen_already(const struct ports *p, size_t nr, uint16_t number)
{
    const struct port *port = &p->v[nr];

    for (size_t i = 0; i < nr; i++)
        if (p->v[i].host == number && p->v[i].udp == port->udp &&
            (p->v[i].addr.s_addr == port->addr.s_addr || !p->v[i].addr.s_addr || !port->addr.s_addr))
            return true;
    return false;
}

static int reserve(struct ports *p, size_t i)
{
    struct port *port = &p->v[i];
    int err = -EADDRINUSE;

    if (!port->host) {
        err = try_bind(port, 0);
        if (!err)
            msg_note("port %u/%s is port %u of the host", port->guest, port->udp ? "udp" : "tcp", port->host);
        return err ? refused(port, err) : 0;
    }
    for (unsigned n = port->host; err == -EADDRINUSE && n <= port->last; n++) {
        if (!chosen_already(p, i, n))
            err = try_bind(port, n);
        else if (port->last == port->host)
            return msg_error("-p: port %u/%s of the host is named twice", n, port->udp ? "udp" : "tcp");
    }
    return err ? refused(port, err) : 0;
}

int ports_reserve(struct ports *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (reserve(p, i)) {
            ports_release(p);
            return -1;
        }
    }
    return 0;
}

void ports_release(struct ports *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].held >= 0)
            close(p->v[i].held);
        p->v[i].held = -1;
    }
}

void ports_free(struct ports *p)
{
    ports_release(p);
    free(p->v);
    *p = (struct ports){ 0 };
}

const char *port_host_text(const struct port *p, char *buf)
{
    char addr[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &p->addr, addr, sizeof(addr));
    snprintf(buf, 24, "%s:%u", addr, p->host);
    return buf;
}
