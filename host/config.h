/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.h: the OCI configuration of an image or a run (abi/image.h says which fields count).
 *
 * A struct config is a JSON document that is edited in place: fields the tool does not know survive.
 */
#ifndef HOST_CONFIG_H
#define HOST_CONFIG_H

#include "host/mem.h"
#include <stdbool.h>

struct json_object;

struct config {
    struct json_object *doc;
};

/* A new one with the tool's defaults: PATH and HOME, root, "/". */
void config_new(struct config *c);
/* Parses and checks one. `what` names it in messages. 0, or -1 after a message. */
int config_parse(struct config *c, const char *text, size_t len, const char *what);
void config_free(struct config *c);
#define _cleanup_config_ _cleanup_(config_free)

/* The text: one line, or indented for people. */
char *config_text(const struct config *c, bool pretty);

void config_args(const struct config *c, struct strv *args);
void config_set_args(struct config *c, const struct strv *args);
/* NULL when there is none. */
const char *config_env(const struct config *c, const char *name);
/* "NAME=value"; replaces the variable where it exists. "NAME=" sets it empty. */
void config_set_env(struct config *c, const char *assignment);
void config_env_list(const struct config *c, struct strv *env);
const char *config_cwd(const struct config *c);
void config_set_cwd(struct config *c, const char *cwd);
const char *config_hostname(const struct config *c);
void config_set_hostname(struct config *c, const char *name);
void config_set_user(struct config *c, unsigned uid, unsigned gid);
/* value NULL removes it. */
void config_set_annotation(struct config *c, const char *name, const char *value);
/* A rows of 0 removes the size. */
void config_set_terminal(struct config *c, bool terminal, unsigned rows, unsigned cols);

#endif
