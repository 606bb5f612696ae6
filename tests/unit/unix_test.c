/* SPDX-License-Identifier: BSD-2-Clause */
/* Local sockets by random operations while allocations fail: nothing crashes, and closing all leaves nothing behind. */
#include "shim.h"
#include "test.h"

#include "kernel/slab.h"
#include "net/families.h"

#define NR 12

struct fake_file {
    unsigned refs;
    struct socket *s;
};

static struct fake_file *files[NR]; /* the descriptors of the program */
static uint64_t seed = 7;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- the layers above ---- */

static void host_cred(struct ucred *c, bool effective)
{
    *c = (struct ucred){ 1, 2, 3 };
}
static bool host_capable(int cap)
{
    return false;
}
static uint64_t host_limit(void)
{
    return 40;
}
static void host_put(void *file)
{
    struct fake_file *f = file;

    if (--f->refs)
        return;
    f->s->file = NULL;
    f->s->ops->release(f->s);
    free(f);
}
static void host_get(void *file)
{
    ((struct fake_file *)file)->refs++;
}
static struct socket *host_socket(void *file)
{
    return ((struct fake_file *)file)->s;
}
static unsigned host_refs(void *file)
{
    return ((struct fake_file *)file)->refs;
}
static int host_name(const char *path, void **node)
{
    return -EROFS;
}
static void host_name_put(void *node)
{
}

static int urgent_told;
static int host_owner(void *file)
{
    return 1;
}
static void host_sigurg(int owner)
{
    urgent_told++;
}

static const struct socket_host host = { .cred = host_cred,
                                         .capable = host_capable,
                                         .limit_files = host_limit,
                                         .file_put = host_put,
                                         .file_get = host_get,
                                         .file_socket = host_socket,
                                         .file_refs = host_refs,
                                         .name_bind = host_name,
                                         .name_find = host_name,
                                         .name_put = host_name_put,
                                         .owner = host_owner,
                                         .sigurg = host_sigurg };

/* ---- operations ---- */

static void give(unsigned at, struct socket *s)
{
    struct fake_file *f = calloc(1, sizeof(*f));

    f->refs = 1;
    f->s = s;
    s->file = f;
    if (files[at])
        host_put(files[at]);
    files[at] = f;
}

static void drop(unsigned at)
{
    struct fake_file *f = files[at];

    files[at] = NULL;
    if (f)
        host_put(f);
}

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

static void make(void)
{
    struct socket *s[2];
    int type = types[rnd() % 3];

    if (rnd() % 2) {
        if (!unix_family.create(type, 0, &s[0]))
            give(rnd() % NR, s[0]);
    } else if (!unix_family.pair(type, 0, s)) {
        unsigned at = rnd() % (NR - 1);

        give(at, s[0]);
        give(at + 1, s[1]);
    }
}

static struct sockaddr_any name(void)
{
    struct sockaddr_any a = { .len = 4, .family = AF_UNIX };

    a.bytes[2] = 0;
    a.bytes[3] = 'a' + rnd() % 3;
    return a;
}

static struct socket_rights *rights(void)
{
    struct socket_rights *r = kmalloc(sizeof(*r) + 3 * sizeof(void *));

    if (!r)
        return NULL;
    r->nr = 0;
    for (unsigned n = 0; n < 3; n++) {
        struct fake_file *f = files[rnd() % NR];

        if (!f)
            continue;
        f->refs++;
        r->files[r->nr++] = f;
    }
    return r;
}

static void put_rights(struct socket_rights *r)
{
    for (unsigned n = 0; r && n < r->nr; n++)
        host_put(r->files[n]);
    kfree(r);
}

static void send(struct socket *s)
{
    static char buf[70000];
    struct sockaddr_any a = name();
    struct socket_msg m;
    struct iov v;

    iov_kernel(&v, buf, rnd() % 4 ? rnd() % 3000 : rnd() % sizeof(buf));
    socket_msg_init(&m, &v, MSG_DONTWAIT | (rnd() % 4 ? 0 : MSG_OOB), TIME_NEVER);
    if (rnd() % 3 == 0)
        m.rights = rights();
    if (rnd() % 4 == 0)
        m.name = &a;
    s->ops->sendmsg(s, &m);
    put_rights(m.rights);
}

static void receive(struct socket *s)
{
    static char buf[80000];
    struct sockaddr_any from;
    struct socket_msg m;
    struct iov v;

    iov_kernel(&v, buf, rnd() % 4 ? rnd() % 3000 : rnd() % sizeof(buf));
    socket_msg_init(&m, &v, MSG_DONTWAIT | (rnd() % 4 ? 0 : MSG_PEEK) | (rnd() % 4 ? 0 : MSG_OOB),
                    TIME_NEVER);
    if (rnd() % 2)
        m.name = &from;
    s->passcred = rnd() % 8 == 0;
    s->oobinline = rnd() % 3 == 0;
    s->ops->recvmsg(s, &m);
    if (m.rights && m.rights->nr && rnd() % 2) { /* the program keeps one */
        unsigned at = rnd() % NR;

        host_get(m.rights->files[0]);
        drop(at);
        files[at] = m.rights->files[0];
    }
    put_rights(m.rights);
}

static void plain(struct socket *s)
{
    static char buf[300];
    struct iov v;

    if (!s->ops->send)
        return;
    iov_user(&v, (void __user *)buf, rnd() % sizeof(buf));
    if (rnd() % 2)
        s->ops->send(s, &v, MSG_DONTWAIT);
    else
        s->ops->receive(s, &v, MSG_DONTWAIT);
}

static void one_op(void)
{
    unsigned at = rnd() % NR;
    struct sockaddr_any a = name();
    struct socket *s = files[at] ? files[at]->s : NULL, *peer;

    if (!s) {
        make();
        return;
    }
    switch (rnd() % 12) {
    case 0:
        s->ops->bind(s, &a);
        break;
    case 1:
        s->ops->connect(s, &a, true);
        break;
    case 2:
        s->ops->listen(s, rnd() % 3);
        break;
    case 3:
        if (!s->ops->accept(s, &peer, true))
            give(rnd() % NR, peer);
        break;
    case 4:
        if (rnd() % 4 == 0)
            s->ops->shutdown(s, rnd() % 3);
        break;
    case 5:
        if (rnd() % 2)
            drop(at);
        break;
    case 6:
        s->ops->getname(s, &a, rnd() % 2);
        s->ops->poll(s);
        break;
    case 7:
    case 8:
        receive(s);
        break;
    case 9:
        plain(s);
        break;
    default:
        send(s);
    }
}

TEST(random_operations_leave_nothing)
{
    socket_host = &host;
    for (unsigned round = 0; round < 300; round++) {
        long objects = shim_live_objects, pages = shim_live_pages;

        for (unsigned n = 0; n < 300; n++) {
            fail_alloc_at(rnd() % 3 ? -1 : (long)(rnd() % 8));
            one_op();
        }
        fail_alloc_at(-1);
        for (unsigned n = 0; n < NR; n++)
            drop(n);
        /* What is left are cycles that were the last to be closed: the next release finds them. */
        make();
        for (unsigned n = 0; n < NR; n++)
            drop(n);
        CHECK(shim_live_objects == objects);
        CHECK(shim_live_pages == pages);
    }
    CHECK(urgent_told);
}
