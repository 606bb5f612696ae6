/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapping.h: the page cache. A mapping holds the pages of one file (or shared anonymous object) by index.
 *
 * Pages live once and are mapped into programs from here. Reading is lock-free (RCU); changes hold mapping.lock.
 * A page being read in is PG_LOCKED; readers wait. Clean pages nobody maps are reclaimed when memory runs short.
 */
#ifndef KERNEL_MAPPING_H
#define KERNEL_MAPPING_H

#include "kernel/lock.h"
#include "kernel/page.h"
#include "lib/radix.h"

struct mapping;
struct vma_file_ops;

struct mapping_ops {
    /* Fills nr consecutive locked pages from index on, in place, and sets PG_UPTODATE or PG_ERROR on each; may
     * sleep; unlocking and waking is the caller's. Pages past the end of file are zeroed. NULL: pages are born
     * zero (tmpfs, shared anonymous). Returns 0 or -errno (-EIO, -ENOMEM). */
    int (*read)(struct mapping *m, uint64_t index, unsigned nr, struct page **pages);
    /* Optional accounting: a new page is to be added (tmpfs size limits): 0 or -ENOSPC; and its undo. */
    int (*charge)(struct mapping *m, unsigned nr);
    void (*uncharge)(struct mapping *m, unsigned nr);
};

struct mapping {
    const struct mapping_ops *ops;
    void *host; /* the inode */
    struct spinlock lock;
    struct radix pages; /* [lock to change, RCU to read] */
    uint64_t nr_pages;  /* [lock] */
    struct list vmas;   /* [lock] shared and private file vmas, for unmapping on truncate */
    /* A layer below: pages [0, lower_pages) that are absent here are its, to be read in place. One that is to be
     * changed is copied into this mapping first, and the other unmapped from programs. Set before use; the owner
     * keeps the lower one alive, and may only lower lower_pages. */
    struct mapping *lower;
    uint64_t lower_pages;
    struct mapping *upper; /* the one mapping whose layer below this is: its programs map these pages (RCU) */
    uint32_t writable;     /* writable shared mappings, for seals and ETXTBSY [a] */
    bool pinned;           /* pages have no backing: never reclaimed (tmpfs) */
    uint32_t ra_window;    /* readahead state: pages */
    uint64_t ra_next;
};

void mapping_init(struct mapping *m, const struct mapping_ops *ops, void *host);
/* Drops every page; the owner guarantees that no VMA is left. */
void mapping_destroy(struct mapping *m);

#define MAP_GET_WRITE  (1 << 0) /* the caller will modify the page: it is marked dirty */
#define MAP_GET_NOFILL (1 << 1) /* all of it will be overwritten: need not be read first */
#define MAP_GET_CACHED (1 << 2) /* only if present: else -ENOENT; never sleeps */
#define MAP_GET_AROUND (1 << 3) /* when it must be read, read what lies around it too (page faults) */
/* The page at index with a reference, up to date; reads it (with readahead up to max_index) when absent.
 * May sleep unless MAP_GET_CACHED. 0, -EIO, -ENOMEM, -ENOSPC, -ENOENT. */
int mapping_get(struct mapping *m, uint64_t index, uint64_t max_index, unsigned flags, struct page **out);
/* Up to nr pages from index on, as long as they are present and up to date, each with a reference: how many. Never
 * sleeps. */
unsigned mapping_get_run(struct mapping *m, uint64_t index, unsigned nr, struct page **pages);
/* The page (or the lower layer's) if it is there and up to date, without a reference: only inside rcu_read_lock. */
struct page *mapping_peek(struct mapping *m, uint64_t index);
/* Truncates or punches: zeroes partial edge pages, unmaps from every VMA, drops whole pages of [start, end) bytes. */
void mapping_truncate(struct mapping *m, uint64_t start, uint64_t end);
/* SEEK_DATA / SEEK_HOLE over present pages: next index >= from present (data) or absent. UINT64_MAX: none. */
uint64_t mapping_next(struct mapping *m, uint64_t from, bool data);
/* Replaces this mapping's view of index: unmaps it from every VMA so that the next fault finds the new page. */
void mapping_unmap(struct mapping *m, uint64_t index, uint64_t nr);

/* A new shared anonymous object (MAP_SHARED|MAP_ANONYMOUS) of size bytes, with one reference; NULL when out of memory. It is its
 * own vma.file, with these operations. */
struct mapping *mapping_new_anon(uint64_t size);
extern const struct vma_file_ops anon_vma_ops;

/* Frees up to nr_pages of clean cache, least recently used first; mapped pages only when nothing else is left.
 * Returns the pages freed. Sleeps; no spin lock may be held. */
size_t mapping_reclaim(size_t nr_pages);

/* PG_LOCKED, the page's owner for a while: lock and wait sleep. */
void page_wait(struct page *p);
void page_lock(struct page *p);
void page_unlock(struct page *p);

/* Cached pages without backing (tmpfs, shared memory), for /proc/meminfo. */
extern uint64_t nr_shmem_pages; /* [a] */

#endif
