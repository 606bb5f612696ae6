/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accounts.h: the host's system accounts, which a guest's /etc/passwd and /etc/group have: a server's files name the user it
 * is to run as. People's accounts (login.defs(5), UID_MIN) stay out of images.
 */
#ifndef HOST_ACCOUNTS_H
#define HOST_ACCOUNTS_H

#include "host/mem.h"

#define ACCOUNTS_PASSWD "/etc/passwd"
#define ACCOUNTS_GROUP  "/etc/group"

/* The texts of both files. Root and nobody are there whatever the host has. */
void accounts_read(struct buf *passwd, struct buf *group);

#endif
