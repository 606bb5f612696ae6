/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripts of segments in and out against TCP, in virtual time: tests/net/tcp, whose README says how they are written. Each
 * script is one test.
 */
#include "test.h"

#include "net/tcp/fastopen.h"
#include "net/tcp/sockopt.h"
#include "tcp_wire.h"
#include <asm/socket.h>
#include <dirent.h>

#define US        1 /* host numbers */
#define PEER      2
#define PEER_ISS  0x12345678u
#define OUR_PORT  80
#define PEER_PORT 4000
#define MAX_WORDS 40

static const char *script;
static int line_nr, script_failures;

static struct pktbuf *sent, **sent_end = &sent;
static struct socket *listening, *sock;
static uint16_t our_port, peer_port;
static uint32_t our_iss, last_tsval;
static bool have_iss;
static int call_error;
static uint8_t cookie[16], cookie_len; /* of the last segment sent that had one */

static void wire_out(struct pktbuf *p, const struct flow *f)
{
    p->next = NULL;
    p->private[0] = f->tos;
    *sent_end = p;
    sent_end = &p->next;
}

#define FAIL(...)                               \
    do {                                        \
        printf("    %s:%d: ", script, line_nr); \
        printf(__VA_ARGS__);                    \
        printf("\n");                           \
        script_failures++;                      \
    } while (0)

static void pass_time(uint64_t ns)
{
    thread_sleep_until(clock_mono_ns() + ns, false);
}

/* ---- segments ---- */

static uint8_t parse_flags(const char *s)
{
    static const char letters[] = "FSRPAUEC";
    uint8_t flags = 0;

    for (; *s; s++)
        for (unsigned i = 0; i < 8; i++)
            if (*s == letters[i])
                flags |= 1 << i;
    return flags;
}

static void parse_range(const char *s, uint32_t *seq, uint32_t *end)
{
    char *colon;

    *seq = strtoul(s, &colon, 10);
    *end = *colon == ':' ? strtoul(colon + 1, NULL, 10) : *seq;
}

static void segment_in(const char **w, int n)
{
    struct pktbuf *p = pktbuf_alloc(PKTBUF_HEADROOM, 3000);
    uint8_t opts[44] = { 0 }, tos = 0;
    unsigned len = 0;
    uint32_t seq = 0, end = 0, ack = 0, win = 65535, urg = 0;
    struct tcp_header h = { 0 };
    struct inaddr src = wire_addr(PEER), dst = wire_addr(US);

    h.flags = parse_flags(w[0]);
    if (n > 1)
        parse_range(w[1], &seq, &end);
    for (int i = 2; i < n; i++) {
        if (!strcmp(w[i], "ack") && i + 1 < n) {
            ack = our_iss + atoi(w[++i]);
            h.flags |= TH_ACK;
        } else if (!strcmp(w[i], "win") && i + 1 < n) {
            win = atoi(w[++i]);
        } else if (!strcmp(w[i], "urg") && i + 1 < n) {
            urg = atoi(w[++i]);
        } else if (!strcmp(w[i], "ce")) {
            tos = 3;
        } else if (!strcmp(w[i], "ect")) {
            tos = 2;
        } else if (!strcmp(w[i], "mss") && i + 1 < n) {
            opts[len] = 2, opts[len + 1] = 4;
            put_be16(opts + len + 2, atoi(w[++i]));
            len += 4;
        } else if (!strcmp(w[i], "wscale") && i + 1 < n) {
            opts[len] = 1, opts[len + 1] = 3, opts[len + 2] = 3, opts[len + 3] = atoi(w[++i]);
            len += 4;
        } else if (!strcmp(w[i], "sackok")) {
            opts[len] = 1, opts[len + 1] = 1, opts[len + 2] = 4, opts[len + 3] = 2;
            len += 4;
        } else if (!strcmp(w[i], "ts") && i + 1 < n) {
            opts[len] = 1, opts[len + 1] = 1, opts[len + 2] = 8, opts[len + 3] = 10;
            put_be32(opts + len + 4, atoi(w[++i]));
            put_be32(opts + len + 8, h.flags & TH_ACK || ack ? last_tsval : 0);
            len += 12;
        } else if (!strcmp(w[i], "fo") && i + 1 < n) {
            const char *hex = w[++i];
            unsigned size = !strcmp(hex, "got") ? cookie_len : strlen(hex) / 2;

            opts[len] = 34, opts[len + 1] = 2 + size;
            if (!strcmp(hex, "got"))
                memcpy(opts + len + 2, cookie, size);
            for (unsigned k = 0; k < size && strcmp(hex, "got"); k++)
                sscanf(hex + 2 * k, "%2hhx", &opts[len + 2 + k]);
            for (len += 2 + size; len % 4; len++)
                opts[len] = 1;
        } else if (!strcmp(w[i], "sack")) {
            unsigned at = len;

            opts[len] = 1, opts[len + 1] = 1, opts[len + 2] = 5;
            len += 4;
            for (; i + 1 < n && strchr(w[i + 1], '-'); i++) {
                char *dash;
                uint32_t a = strtoul(w[i + 1], &dash, 10);

                put_be32(opts + len, our_iss + a);
                put_be32(opts + len + 4, our_iss + strtoul(dash + 1, NULL, 10));
                len += 8;
            }
            opts[at + 3] = len - at - 2;
        } else {
            FAIL("what is %s?", w[i]);
        }
    }
    h.sport = be16(peer_port);
    h.dport = be16(our_port);
    h.seq = be32(PEER_ISS + seq);
    h.ack = h.flags & TH_ACK ? be32(ack) : 0;
    h.doff = (sizeof(h) + len) << 2;
    h.window = be16(win);
    h.urgent = be16(urg);
    memcpy(pktbuf_put(p, sizeof(h)), &h, sizeof(h));
    memcpy(pktbuf_put(p, len), opts, len);
    memset(pktbuf_put(p, end - seq), 'x', end - seq);
    ((struct tcp_header *)p->data)->check = wire_sum(p, &src, &dst);
    wire_deliver(p, &src, &dst, tos);
    pass_time(0);
    cond_resched();
}

/* What the segment is in the words of a script. */
static void describe(struct pktbuf *p, char *buf, size_t size, struct tcp_opts *o)
{
    const struct tcp_header *h = (void *)p->data;
    unsigned header = (h->doff >> 4) * 4, n = 0;
    uint32_t seq = be32(h->seq), len = p->total - header;

    tcp_parse_options(p->data, header, h->flags & TH_SYN, o);
    if (o->has_ts)
        last_tsval = o->tsval;
    if (h->flags & TH_SYN) {
        our_iss = seq;
        have_iss = true;
    }
    for (unsigned i = 0; i < 8; i++)
        if (h->flags & 1 << i && !(i == 4 && (h->flags != TH_ACK || len)))
            n += snprintf(buf + n, size - n, "%c", "FSRPAUEC"[i]);
    n += snprintf(buf + n, size - n, "%s %u", n ? "" : "-", seq - our_iss);
    if (len)
        n += snprintf(buf + n, size - n, ":%u", seq + len - our_iss);
    if (h->flags & TH_ACK)
        n += snprintf(buf + n, size - n, " ack %u", be32(h->ack) - PEER_ISS);
    n += snprintf(buf + n, size - n, " win %u", be16(h->window));
    if (o->mss)
        n += snprintf(buf + n, size - n, " mss %u", o->mss);
    if (o->sack_ok)
        n += snprintf(buf + n, size - n, " sackok");
    if (o->has_wscale)
        n += snprintf(buf + n, size - n, " wscale %u", o->wscale);
    if (o->has_fastopen) {
        n += snprintf(buf + n, size - n, " fo %s", o->fastopen_len ? "" : "-");
        for (unsigned i = 0; i < o->fastopen_len; i++)
            n += snprintf(buf + n, size - n, "%02x", o->fastopen[i]);
        cookie_len = o->fastopen_len;
        memcpy(cookie, o->fastopen, cookie_len);
    }
    if (o->nr_sacks)
        n += snprintf(buf + n, size - n, " sack");
    for (unsigned i = 0; i < o->nr_sacks; i++)
        n += snprintf(buf + n, size - n, " %u-%u", o->sacks[i].start - PEER_ISS, o->sacks[i].end - PEER_ISS);
    if (h->flags & TH_URG)
        n += snprintf(buf + n, size - n, " urg %u", be16(h->urgent));
    if (p->private[0] & 3)
        n += snprintf(buf + n, size - n, " ect");
}

/* Is what the script says, word for word, a part of what was sent? win, mss and the like may be left out. */
static bool matches(char *got, const char **w, int n)
{
    char *words[MAX_WORDS], *save, copy[256];
    int nr = 0, g = 0;

    snprintf(copy, sizeof(copy), "%s", got);
    for (char *s = strtok_r(copy, " ", &save); s && nr < MAX_WORDS; s = strtok_r(NULL, " ", &save))
        words[nr++] = s;
    for (int i = 0; i < n; i++) {
        if (!strcmp(w[i], "*") && g < nr) {
            g++;
            continue;
        }
        while (g < nr && strcmp(words[g], w[i])) {
            if (i < 2) /* flags and numbers must be there */
                return false;
            g++;
        }
        if (g == nr)
            return false;
        g++;
    }
    return true;
}

static struct pktbuf *take_sent(void)
{
    struct pktbuf *p = sent;

    if (p) {
        sent = p->next;
        if (!sent)
            sent_end = &sent;
    }
    return p;
}

static void segment_out(const char **w, int n)
{
    struct pktbuf *p = take_sent();
    struct tcp_opts o;
    char got[256];

    if (!p) {
        FAIL("nothing was sent");
        return;
    }
    describe(p, got, sizeof(got), &o);
    if (!matches(got, w, n))
        FAIL("sent was: %s", got);
    if (!our_port)
        our_port = get_be16(p->data);
    pktbuf_free(p);
}

static void nothing_out(void)
{
    struct pktbuf *p;
    struct tcp_opts o;
    char got[256];

    while ((p = take_sent())) {
        describe(p, got, sizeof(got), &o);
        FAIL("sent was, too: %s", got);
        pktbuf_free(p);
    }
}

/* ---- what the program does ---- */

static int state_number(const char *s)
{
    static const char *const names[] = { "",           "established", "syn-sent",  "syn-recv",
                                         "fin-wait-1", "fin-wait-2",  "time-wait", "close",
                                         "close-wait", "last-ack",    "listen",    "closing" };

    for (int i = 1; i < 12; i++)
        if (!strcmp(names[i], s))
            return i;
    return -1;
}

static void program(const char **w, int n)
{
    struct sockaddr_any name;
    static uint8_t buf[1 << 20];
    long arg = n > 1 ? atol(w[1]) : 0, r;
    unsigned flags = MSG_DONTWAIT;

    for (int i = 2; i < n; i++)
        flags |= !strcmp(w[i], "oob") ? MSG_OOB : !strcmp(w[i], "more") ? MSG_MORE : 0;
    if (!sock && strcmp(w[0], "listen") && strcmp(w[0], "connect") && strcmp(w[0], "socket") &&
        strcmp(w[0], "fast-send") && strcmp(w[0], "sysctl") && !strstr(w[0], "accept") &&
        strcmp(w[0], "set")) {
        FAIL("there is no connection");
        return;
    }
    if (!strcmp(w[0], "listen")) {
        listening = wire_socket();
        name = wire_name(US, OUR_PORT);
        our_port = OUR_PORT;
        peer_port = PEER_PORT;
        listening->reuseaddr = true;
        if (listening->ops->bind(listening, &name) || listening->ops->listen(listening, n > 1 ? arg : 5))
            FAIL("listen");
    } else if (!strcmp(w[0], "connect")) {
        if (!sock)
            sock = wire_socket();
        name = wire_name(PEER, PEER_PORT);
        our_port = 0;
        peer_port = PEER_PORT;
        call_error = sock->ops->connect(sock, &name, true);
    } else if (!strcmp(w[0], "fast-send")) {
        struct iov v;
        struct socket_msg m = { .iov = &v, .flags = flags | MSG_FASTOPEN, .deadline_ns = TIME_NEVER };

        if (!sock)
            sock = wire_socket();
        name = wire_name(PEER, PEER_PORT);
        m.name = &name;
        if (tcp_of(sock)->state == TCP_CLOSE)
            our_port = 0;
        peer_port = PEER_PORT;
        iov_kernel(&v, buf, arg);
        r = sock->ops->sendmsg(sock, &m);
        call_error = r < 0 ? r : 0;
        if (r >= 0 && r != arg)
            FAIL("sent %ld", r);
    } else if (!strcmp(w[0], "sysctl")) {
        if (!strcmp(w[1], "fastopen"))
            tcp_fastopen = strtoul(w[2], NULL, 0);
        else if (!strcmp(w[1], "ecn"))
            tcp_ecn = strtoul(w[2], NULL, 0);
        else
            FAIL("what is %s?", w[1]);
    } else if (!strcmp(w[0], "info")) {
        struct tcp_info i;

        tcp_get_info(tcp_of(sock), &i);
        r = !strcmp(w[1], "syn-data")  ? !!(i.tcpi_options & 32)
            : !strcmp(w[1], "ecn")     ? i.tcpi_options >> 3 & 3
            : !strcmp(w[1], "cwnd")    ? (int)i.tcpi_snd_cwnd
            : !strcmp(w[1], "ca")      ? i.tcpi_ca_state
            : !strcmp(w[1], "fo-fail") ? i.tcpi_fastopen_client_fail
                                       : -1;
        if (r != atol(w[2]))
            FAIL("it is %ld", r);
    } else if (!strcmp(w[0], "socket")) {
        sock = wire_socket();
    } else if (!strcmp(w[0], "accept")) {
        call_error = listening->ops->accept(listening, &sock, true);
        if (call_error)
            FAIL("accept: %d", call_error);
    } else if (!strcmp(w[0], "no-accept")) {
        struct socket *s;

        if (listening->ops->accept(listening, &s, true) != -EAGAIN)
            FAIL("there is something to accept");
    } else if (!strcmp(w[0], "send")) {
        r = wire_send(sock, buf, arg, flags);
        call_error = r < 0 ? r : 0;
        if (r >= 0 && r != arg)
            FAIL("sent %ld", r);
    } else if (!strcmp(w[0], "recv")) {
        r = wire_receive(sock, buf, sizeof(buf), flags);
        call_error = r < 0 ? r : 0;
        if (r != arg)
            FAIL("received %ld", r);
    } else if (!strcmp(w[0], "shutdown")) {
        sock->ops->shutdown(sock, SHUT_WR);
    } else if (!strcmp(w[0], "close")) {
        sock->ops->release(sock);
        sock = NULL;
    } else if (!strcmp(w[0], "state")) {
        if (tcp_of(sock)->state != state_number(w[1]))
            FAIL("the state is %d", tcp_of(sock)->state);
    } else if (!strcmp(w[0], "error")) { /* of the last call; negative numbers of errno */
        if (call_error != -arg)
            FAIL("the error was %d", call_error);
    } else if (!strcmp(w[0], "so-error")) {
        r = socket_take_error(sock);
        if (r != -arg)
            FAIL("the error is %ld", r);
    } else if (!strcmp(w[0], "poll")) {
        if (sock->ops->poll(sock) != (unsigned)strtoul(w[1], NULL, 16))
            FAIL("it is %x", sock->ops->poll(sock));
    } else if (!strcmp(w[0], "set")) {
        static const struct {
            const char *name;
            int option;
        } names[] = { { "nodelay", TCP_NODELAY },    { "cork", TCP_CORK },
                      { "keepidle", TCP_KEEPIDLE },  { "keepintvl", TCP_KEEPINTVL },
                      { "keepcnt", TCP_KEEPCNT },    { "user-timeout", TCP_USER_TIMEOUT },
                      { "quickack", TCP_QUICKACK },  { "linger2", TCP_LINGER2 },
                      { "defer", TCP_DEFER_ACCEPT }, { "maxseg", TCP_MAXSEG },
                      { "fastopen", TCP_FASTOPEN },  { "fastopen-connect", TCP_FASTOPEN_CONNECT } };
        struct socket *s = sock ? sock : listening;

        if (!strcmp(w[1], "keepalive")) {
            s->keepalive = true;
            wire_set(s, SOL_SOCKET, SO_KEEPALIVE, 1);
        } else if (!strcmp(w[1], "pacing")) {
            s->max_pacing = atol(w[2]);
            wire_set(s, SOL_SOCKET, SO_MAX_PACING_RATE, 0);
        } else if (!strcmp(w[1], "reno")) {
            if (s->ops->setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "reno", 4))
                FAIL("setsockopt");
        } else if (!strcmp(w[1], "linger")) {
            s->linger = true;
            s->linger_s = atoi(w[2]);
        } else if (!strcmp(w[1], "rcvbuf")) {
            s->rcvbuf = atoi(w[2]);
            s->rcvbuf_locked = true;
        } else {
            for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
                if (!strcmp(names[i].name, w[1]) && wire_set(s, IPPROTO_TCP, names[i].option, atoi(w[2])))
                    FAIL("setsockopt");
        }
    } else {
        FAIL("what is %s?", w[0]);
    }
    cond_resched();
}

/* The handshake that most scripts begin with. */
static void established(bool timestamps, bool sack)
{
    const char *l[] = { "listen" }, *a[] = { "accept" };
    const char *syn[] = { "S", "0", "mss", "1460", "wscale", "7", timestamps ? "ts" : "sackok", "1" };
    const char *syn2[] = { "S", "0", "mss", "1460", "wscale", "7", "sackok", "ts", "1" };
    const char *sa[] = { "S", "0", "ack", "1" }, *ack[] = { "A", "1", "ack", "1", "win", "512", "ts", "1" };

    program(l, 1);
    if (sack && timestamps)
        segment_in(syn2, 9);
    else
        segment_in(syn, timestamps ? 8 : sack ? 7 : 6);
    segment_out(sa, 4);
    segment_in(ack, timestamps ? 8 : 6);
    program(a, 1);
}

static void run_line(char *line)
{
    const char *w[MAX_WORDS];
    char *save;
    int n = 0;

    line[strcspn(line, "#\n")] = 0;
    for (char *s = strtok_r(line, " \t", &save); s && n < MAX_WORDS; s = strtok_r(NULL, " \t", &save))
        w[n++] = s;
    if (!n)
        return;
    if (!strcmp(w[0], "in"))
        segment_in(w + 1, n - 1);
    else if (!strcmp(w[0], "out"))
        segment_out(w + 1, n - 1);
    else if (!strcmp(w[0], "none"))
        nothing_out();
    else if (!strcmp(w[0], "wait"))
        pass_time(strtoul(w[1], NULL, 10) * NSEC_PER_MS);
    else if (!strcmp(w[0], "established"))
        established(n > 1 && strstr(w[1], "ts"), n > 1 && strstr(w[1], "sack"));
    else
        program(w, n);
}

static void clean_up(void)
{
    if (sock)
        sock->ops->release(sock);
    if (listening)
        listening->ops->release(listening);
    sock = listening = NULL;
    for (int i = 0; i < 3; i++) {
        pass_time(2000 * NSEC_PER_SEC); /* everything of it has timed out */
        while (sent)
            pktbuf_free(take_sent());
    }
    have_iss = false;
    our_iss = 0;
    tcp_fastopen = FO_CLIENT;
    tcp_ecn = 2;
}

static void run_script(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[512];

    script = strrchr(path, '/') + 1;
    line_nr = 0;
    script_failures = 0;
    wire_start();
    while (f && fgets(line, sizeof(line), f)) {
        line_nr++;
        if (!strncmp(line, "new", 3)) {
            nothing_out();
            clean_up();
        } else {
            run_line(line);
        }
    }
    if (f)
        fclose(f);
    nothing_out();
    clean_up();
    CHECK(!script_failures);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

TEST(scripts)
{
    const char *dir = getenv("TCP_SCRIPTS") ? getenv("TCP_SCRIPTS") : "tests/net/tcp";
    struct dirent **names;
    int n = scandir(dir, &names, NULL, by_name), ran = 0;

    for (int i = 0; i < n; i++) {
        size_t len = strlen(names[i]->d_name);
        char path[512];

        snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
        if (len > 4 && !strcmp(names[i]->d_name + len - 4, ".tcp")) {
            run_script(path);
            ran++;
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    printf("    %d scripts\n", ran);
    CHECK(ran > 0);
}
