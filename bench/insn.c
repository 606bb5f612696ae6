/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * insn.c: a QEMU TCG plugin that counts guest instructions exactly.
 *
 *   -plugin insn.so,out=FILE[,mark=VADDR][,profile=on][,percpu=on[,from=VADDR,to=VADDR]]
 *
 * At exit FILE holds lines "name value":
 *   insns N          instructions begun (a fault's restart and each turn of a rep prefix count again)
 *   low N            of these, at addresses of the lower half: the program, the firmware, a kernel's first steps
 *   translated N     instructions translated: what TCG had to compile
 *   blocks N         translation blocks made
 *   mark VADDR N     insns before the first arrival at VADDR (absent when never reached)
 *   tb VADDR LEN N   with profile=on: N instructions spent in the block at VADDR of LEN instructions
 *                    (a block left early by a fault counts whole)
 *   cpu C N          with percpu=on: N instructions by virtual CPU C
 *   span C S N       with percpu=on: N instructions on CPU C from its S-th arrival at FROM to the next at TO
 *
 * The counters are plain additions inlined into the generated code: exact with one virtual CPU,
 * approximate with more. With percpu=on each instruction calls a function instead, which adds to its CPU's own
 * counter: exact with any number of CPUs and some five times slower; `insns` is then the sum, `low` is not counted. Debian ships no qemu-plugin.h; the few prototypes we need are declared
 * here, from the plugin interface's version 1 (QEMU 4.2 to 9.0).
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { OP_INLINE_ADD_U64 = 0 };
enum { CB_NO_REGS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int op, void *, uint64_t);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int,
                                            void *);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

struct block {
    struct block *next;
    uint64_t vaddr, len, count;
};

#define MAX_CPUS  256
#define MAX_SPANS 32

/* A virtual CPU's counters, touched by its own thread alone. */
struct percpu {
    uint64_t insns, from;
    unsigned spans;
    uint64_t span[MAX_SPANS];
} __attribute__((aligned(128)));

static struct percpu cpus[MAX_CPUS];
static uint64_t span_from, span_to;
static bool percpu;
/* Virtual CPUs translate at the same time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t insns, low, translated, blocks, mark, mark_insns;
static bool mark_hit, profile;
static struct block *block_list;
static char *out;

static void on_mark(unsigned cpu, void *arg)
{
    if (!mark_hit) {
        mark_hit = true;
        mark_insns = insns;
    }
}

static void on_insn(unsigned cpu, void *arg)
{
    cpus[cpu].insns++;
}

static void on_from(unsigned cpu, void *arg)
{
    cpus[cpu].from = cpus[cpu].insns;
}

static void on_to(unsigned cpu, void *arg)
{
    struct percpu *c = &cpus[cpu];

    if (c->spans < MAX_SPANS)
        c->span[c->spans++] = c->insns - c->from;
}

/* Blocks are never freed: generated code adds to them until QEMU exits. */
static struct block *block_new(uint64_t vaddr, uint64_t len)
{
    struct block *b = calloc(1, sizeof *b);

    if (!b)
        abort();
    b->vaddr = vaddr;
    b->len = len;
    b->next = block_list;
    block_list = b;
    return b;
}

static void count_insn(struct qemu_plugin_insn *insn)
{
    uint64_t vaddr = qemu_plugin_insn_vaddr(insn);

    if (percpu) {
        if (span_from && vaddr == span_from)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_from, CB_NO_REGS, NULL);
        if (span_to && vaddr == span_to)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_to, CB_NO_REGS, NULL);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_insn, CB_NO_REGS, NULL);
        return;
    }
    if (!(vaddr >> 63))
        qemu_plugin_register_vcpu_insn_exec_inline(insn, OP_INLINE_ADD_U64, &low, 1);
    if (mark && vaddr == mark)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, CB_NO_REGS, NULL);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, OP_INLINE_ADD_U64, &insns, 1);
}

static void on_translate(plugin_id id, struct qemu_plugin_tb *tb)
{
    size_t n = qemu_plugin_tb_n_insns(tb);
    struct block *b;

    pthread_mutex_lock(&lock);
    b = profile ? block_new(qemu_plugin_tb_vaddr(tb), n) : NULL;
    translated += n;
    blocks++;
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

        count_insn(insn);
        if (b && i == 0)
            qemu_plugin_register_vcpu_insn_exec_inline(insn, OP_INLINE_ADD_U64, &b->count, n);
    }
    pthread_mutex_unlock(&lock);
}

static void print_percpu(FILE *f)
{
    for (unsigned c = 0; c < MAX_CPUS; c++) {
        if (cpus[c].insns)
            fprintf(f, "cpu %u %" PRIu64 "\n", c, cpus[c].insns);
        for (unsigned s = 0; s < cpus[c].spans; s++)
            fprintf(f, "span %u %u %" PRIu64 "\n", c, s, cpus[c].span[s]);
    }
}

static void on_end(plugin_id id, void *arg)
{
    FILE *f = fopen(out, "w");

    if (!f) {
        perror(out);
        return;
    }
    for (unsigned c = 0; c < MAX_CPUS; c++)
        insns += cpus[c].insns;
    fprintf(f, "insns %" PRIu64 "\nlow %" PRIu64 "\n", insns, low);
    fprintf(f, "translated %" PRIu64 "\nblocks %" PRIu64 "\n", translated, blocks);
    if (mark_hit)
        fprintf(f, "mark %#" PRIx64 " %" PRIu64 "\n", mark, mark_insns);
    for (struct block *b = block_list; b; b = b->next)
        if (b->count)
            fprintf(f, "tb %#" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->vaddr, b->len, b->count);
    print_percpu(f);
    fclose(f);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int argc,
                                                               char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4))
            out = strdup(argv[i] + 4);
        else if (!strncmp(argv[i], "mark=", 5))
            mark = strtoull(argv[i] + 5, NULL, 0);
        else if (!strncmp(argv[i], "from=", 5))
            span_from = strtoull(argv[i] + 5, NULL, 0);
        else if (!strncmp(argv[i], "to=", 3))
            span_to = strtoull(argv[i] + 3, NULL, 0);
        else if (!strcmp(argv[i], "profile=on"))
            profile = true;
        else if (!strcmp(argv[i], "percpu=on"))
            percpu = true;
        else
            return -1;
    }
    if (!out)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_atexit_cb(id, on_end, NULL);
    return 0;
}
