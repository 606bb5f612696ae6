/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk.h: walking a path name, component by component. Inside fs/ only.
 *
 * A walk begins without references, inside an RCU read section: it looks only at what is cached. What needs to
 * sleep, or a name that is not cached, makes it take references (walk_hold) and go on slowly; when that fails
 * because a rename came in between, it starts again, with references from the start.
 */
#ifndef FS_WALK_H
#define FS_WALK_H

#include "abi/fs.h"
#include "fs/dcache.h"

enum { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_NONE /* the walk stands on the object */ };

struct walk {
    struct path at; /* where it stands; referenced when held */
    const char *rest;
    const char *last; /* the component to do next, not terminated */
    unsigned last_len;
    uint32_t last_hash;
    uint8_t type;
    bool slash; /* slashes follow last */
    bool held;
    uint8_t links;
    uint32_t seq;
    unsigned resolve; /* RESOLVE_* */
    const struct path *base;
    const struct cred *cred;
    const char *name;
    char *buf; /* what rest points into after a symbolic link */
};

/* Begins at base (NULL: the current directory) or the root. held: with references. 0 or -errno. */
int walk_begin(struct walk *w, const struct path *base, const char *name, unsigned resolve, bool held);
/* Drops references and buffers. */
void walk_end(struct walk *w);
int walk_hold(struct walk *w); /* 0 or -ECHILD: begin again, held */
int go_slow(
    struct walk *w); /* the same before what may take long: -EAGAIN when only the cache may be asked */
/* Up to the directory of the last component, which may not exist: fills last, type, slash. -ECHILD: begin again. */
int walk_to_last(struct walk *w);
/* Does the component `last`. 0: it stands there; 1: a link was followed: go on with walk_to_last(). */
int walk_step(struct walk *w, bool follow);
int walk_link(struct walk *w, struct dentry *d,
              struct mount *m); /* follows the link d; returns 1 or -errno */
/* All of it: ends held, standing on the object. -ECHILD never comes out. */
int walk_all(struct walk *w, const struct path *base, const char *name, unsigned resolve,
             unsigned lookup_flags);
/* The common case in one go: all names cached, no links, dots, or callbacks to ask. true: *out is referenced.
 * false: it was not so simple, walk_all() will find out. */
bool walk_fast(const struct path *base, const char *name, struct path *out);
/* Up to the parent, held, for making and removing names. */
int walk_parent(struct walk *w, const struct path *base, const char *name);

/* The dentry of name in dir with a reference; negative (no inode) or not. lookup_locked: dir's rwsem is held. */
int lookup_dentry(struct dentry *dir, const char *name, unsigned len, uint32_t hash, struct dentry **out);
int lookup_locked(struct dentry *dir, const char *name, unsigned len, uint32_t hash, struct dentry **out);
/* Mounts on d are entered: *mnt and *d take the place of the arguments, references too. */
void follow_mounts_held(struct mount **mnt, struct dentry **d);

/* The root directory while something is yet to be mounted below it at first sight (automount.c), else NULL. */
extern struct dentry *later_root;
/* The walk stands there: mounts what `last` leads to. 0, -ECHILD or -EAGAIN. */
int later_step(struct walk *w);
void later_all(void); /* mounts all of it */

extern struct mutex rename_mutex;
/* May the caller add or remove names in dir? (read-only mounts are the caller's check) */
int may_change_dir(struct inode *dir);
/* In a sticky directory only the owners may remove: 0 or -EPERM. */
int may_remove(struct inode *dir, struct inode *victim);

#endif
