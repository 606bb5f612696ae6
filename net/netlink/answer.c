/* SPDX-License-Identifier: BSD-2-Clause */
/* answer.c: putting netlink messages together, several to a datagram, and taking them apart. */
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/netlink/netlink.h"

#define DATAGRAM 3776 /* as Linux: what a program that reads with a page has room for */
#define LARGEST  2048 /* message */

void *nl_begin(struct nl_answer *a, unsigned type, size_t len)
{
    a->head = NULL;
    if (a->cur && a->cur->room - a->cur->len < LARGEST)
        nl_flush(a);
    if (!a->cur)
        a->cur = nl_msg_new(DATAGRAM);
    if (!a->cur) {
        a->failed = true;
        return NULL;
    }
    a->head = (struct nlmsghdr *)(a->cur->data + a->cur->len);
    memset(a->head, 0, NLMSG_SPACE(len));
    a->head->nlmsg_len = NLMSG_SPACE(len);
    a->head->nlmsg_type = type;
    a->head->nlmsg_flags = a->flags;
    a->head->nlmsg_seq = a->seq;
    a->head->nlmsg_pid = a->to ? a->to->portid : 0;
    return NLMSG_DATA(a->head);
}

void nl_put(struct nl_answer *a, unsigned type, const void *data, size_t len)
{
    struct nlmsghdr *h = a->head;
    struct rtattr *r;

    if (!h || a->cur->len + h->nlmsg_len + RTA_SPACE(len) > a->cur->room)
        return;
    r = (struct rtattr *)((char *)h + h->nlmsg_len);
    memset(r, 0, RTA_SPACE(len));
    r->rta_len = RTA_LENGTH(len);
    r->rta_type = type;
    memcpy(RTA_DATA(r), data, len);
    h->nlmsg_len += RTA_SPACE(len);
}

void nl_put_str(struct nl_answer *a, unsigned type, const char *s)
{
    nl_put(a, type, s, strlen(s) + 1);
}

void nl_end(struct nl_answer *a)
{
    if (a->head)
        a->cur->len += NLMSG_ALIGN(a->head->nlmsg_len);
    a->head = NULL;
}

void nl_flush(struct nl_answer *a)
{
    if (!a->cur)
        return;
    if (a->to)
        nl_deliver(a->to, a->cur);
    else
        kfree(a->cur);
    a->cur = NULL;
}

const void *nl_attr(const struct nlmsghdr *n, size_t hdr, unsigned type, size_t min)
{
    size_t at = NLMSG_SPACE(hdr), end = n->nlmsg_len;

    while (at + sizeof(struct rtattr) <= end) {
        const struct rtattr *r = (const struct rtattr *)((const char *)n + at);

        if (r->rta_len < sizeof(*r) || r->rta_len > end - at)
            return NULL;
        if ((r->rta_type & NLA_TYPE_MASK) == type && r->rta_len >= RTA_LENGTH(min))
            return RTA_DATA(r);
        at += RTA_ALIGN(r->rta_len);
    }
    return NULL;
}

size_t nl_attr_len(const void *attr)
{
    return ((const struct rtattr *)((const char *)attr - RTA_LENGTH(0)))->rta_len - RTA_LENGTH(0);
}
