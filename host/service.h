/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * service.h: all that a detached VM is made of, so that it can be started again without the command that made it.
 *
 * Saved as config.json in the VM's folder (statedir.h).
 */
#ifndef HOST_SERVICE_H
#define HOST_SERVICE_H

#include "host/vmm.h"

#define SERVICE_ID_LEN 12

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS };

struct service {
    char id[SERVICE_ID_LEN + 1];
    char *name, *program;
    struct strv command; /* for people: the program's arguments */
    int64_t created;     /* seconds since 1970 */
    enum restart_policy restart;
    unsigned max_restarts; /* of RESTART_ON_FAILURE; 0: any number */
    bool remove;           /* --rm */
    bool quiet, verbose;
    char *config; /* the OCI configuration's text */
    struct vmm_spec spec;
    struct net net;      /* spec.net */
    struct strv strings; /* that the spec points into */
};

/* "no", "always", "unless-stopped", "on-failure[:N]". 0, or -1 after a message. */
int service_parse_restart(const char *s, struct service *v);

char *service_text(const struct service *v);
/* 0, or -1 after a message that names what. */
int service_parse(struct service *v, const char *text, size_t len, const char *what);
void service_free(struct service *v);
#define _cleanup_service_ _cleanup_(service_free)

#endif
