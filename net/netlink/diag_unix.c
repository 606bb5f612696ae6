/* SPDX-License-Identifier: BSD-2-Clause */
/* diag_unix.c: local sockets in the socket monitor: all, or the one of an inode number. */
#include "net/netlink/diag.h"
#include "net/unix/list.h"
#include <linux/tcp.h>
#include <linux/unix_diag.h>

#define ICONS_MAX 256

/* <net/tcp_states.h> of Linux, by which all families' sockets are shown */
enum { STATE_ESTABLISHED = 1, STATE_CLOSE = 7, STATE_LISTEN = 10 };

static unsigned state_of(const struct unix_info *u)
{
    return u->listening ? STATE_LISTEN : u->connected ? STATE_ESTABLISHED : STATE_CLOSE;
}

static void put_icons(struct nl_answer *a, uint64_t ino)
{
    uint32_t icons[ICONS_MAX];

    nl_put(a, UNIX_DIAG_ICONS, icons, unix_icons(ino, icons, ICONS_MAX) * sizeof(icons[0]));
}

static void put_socket(struct nl_answer *a, const struct unix_info *u, const struct unix_diag_req *q)
{
    struct unix_diag_msg *m = nl_begin(a, SOCK_DIAG_BY_FAMILY, sizeof(*m));
    struct unix_diag_rqlen len = { u->rqueue, u->wqueue };

    if (!m)
        return;
    m->udiag_family = AF_UNIX;
    m->udiag_type = u->type;
    m->udiag_state = state_of(u);
    m->udiag_ino = u->ino;
    diag_cookie(m->udiag_cookie, u->ino);
    if (q->udiag_show & UDIAG_SHOW_NAME && u->name_len)
        nl_put(a, UNIX_DIAG_NAME, u->name, u->name_len);
    if (q->udiag_show & UDIAG_SHOW_PEER && u->has_peer)
        nl_put_u32(a, UNIX_DIAG_PEER, u->peer_ino);
    if (q->udiag_show & UDIAG_SHOW_ICONS && u->listening)
        put_icons(a, u->ino);
    if (q->udiag_show & UDIAG_SHOW_RQLEN)
        nl_put(a, UNIX_DIAG_RQLEN, &len, sizeof(len));
    if (q->udiag_show & UDIAG_SHOW_MEMINFO) {
        uint32_t mem[SK_MEMINFO_VARS] = { [SK_MEMINFO_RCVBUF] = u->rcvbuf,
                                          [SK_MEMINFO_SNDBUF] = u->sndbuf,
                                          [SK_MEMINFO_WMEM_ALLOC] = u->listening ? 0 : u->wqueue };

        nl_put(a, UNIX_DIAG_MEMINFO, mem, sizeof(mem));
    }
    nl_put_u8(a, UNIX_DIAG_SHUTDOWN, u->shutdown);
    if (q->udiag_show & UDIAG_SHOW_UID)
        nl_put_u32(a, UNIX_DIAG_UID, u->uid);
    nl_end(a);
}

int diag_unix(struct nl_answer *a, const struct nlmsghdr *n)
{
    const struct unix_diag_req *q = NLMSG_DATA(n);
    bool all = n->nlmsg_flags & NLM_F_DUMP;
    struct unix_info u;

    if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*q)))
        return -EINVAL;
    if (!all && !q->udiag_ino)
        return -EINVAL;
    if (!a)
        return 0;
    for (unsigned i = 0; unix_info_at(i, &u); i++) {
        if (!u.ino)
            continue;
        if (all && q->udiag_states >> state_of(&u) & 1)
            put_socket(a, &u, q);
        if (!all && q->udiag_ino == (uint32_t)u.ino) {
            if (!diag_cookie_ok(q->udiag_cookie, u.ino))
                return -ESTALE;
            put_socket(a, &u, q);
            return 0;
        }
    }
    return all ? 0 : -ENOENT;
}
