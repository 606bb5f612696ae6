/* SPDX-License-Identifier: BSD-2-Clause */
/* The file is read with pread(2), not mapped: it may be cut short while we look. Offsets in it are not trusted. */
#include "host/elf.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define MAX_PHDRS   4096
#define MAX_DYNAMIC (1024 * 1024)
#define MAX_STRING  4096

struct file {
    int fd;
    uint64_t size;
    Elf64_Phdr *ph;
    size_t nr_ph;
    char **why;
};

static int bad(struct file *f, const char *what)
{
    if (!*f->why)
        *f->why = xstrdup(what);
    return -1;
}

static int read_at(struct file *f, void *buf, size_t len, uint64_t off)
{
    if (off > f->size || len > f->size - off)
        return bad(f, "the file is truncated");
    ssize_t n = pread(f->fd, buf, len, off);

    if (n < 0)
        return bad(f, strerror(errno));
    return (size_t)n == len ? 0 : bad(f, "the file is truncated");
}

static const char *machine_name(int machine)
{
    static const struct {
        int machine;
        const char *name;
    } names[] = {
        { EM_386, "32-bit x86" },  { EM_X86_64, "x86-64" }, { EM_ARM, "32-bit ARM" },
        { EM_AARCH64, "aarch64" }, { EM_RISCV, "RISC-V" },  { EM_PPC64, "ppc64" },
        { EM_S390, "s390" },       { EM_MIPS, "MIPS" },     { EM_LOONGARCH, "LoongArch" },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return "another processor";
}

static int check_header(struct file *f, const Elf64_Ehdr *eh)
{
    if (eh->e_ident[EI_DATA] != ELFDATA2LSB) {
        *f->why = xstrdup("it is a big-endian program; Proa runs x86-64 programs");
        return -1;
    }
    /* e_machine and e_type stand at the same place in both classes. */
    if (eh->e_machine != EM_X86_64 || eh->e_ident[EI_CLASS] != ELFCLASS64) {
        *f->why = xasprintf("it is a program for %s; Proa runs x86-64 programs",
                            eh->e_machine == EM_X86_64 ? "x86-64 with 32-bit pointers (x32)"
                                                       : machine_name(eh->e_machine));
        return -1;
    }
    if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN) {
        *f->why =
            xasprintf("it is %s, not a program", eh->e_type == ET_REL    ? "an object file"
                                                 : eh->e_type == ET_CORE ? "a core dump"
                                                                         : "an ELF file of unknown type");
        return -1;
    }
    if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum || eh->e_phnum > MAX_PHDRS)
        return bad(f, "its program headers are damaged");
    return 0;
}

/* The file offset of a virtual address, by PT_LOAD. */
static int file_offset(struct file *f, uint64_t vaddr, uint64_t *off)
{
    for (size_t i = 0; i < f->nr_ph; i++) {
        const Elf64_Phdr *p = &f->ph[i];

        if (p->p_type == PT_LOAD && vaddr >= p->p_vaddr && vaddr - p->p_vaddr < p->p_filesz) {
            *off = p->p_offset + (vaddr - p->p_vaddr);
            return 0;
        }
    }
    return bad(f, "its dynamic section is damaged");
}

static char *read_string(struct file *f, uint64_t off)
{
    char buf[MAX_STRING];
    ssize_t n = off < f->size ? pread(f->fd, buf, sizeof(buf), off) : 0;

    if (n <= 0 || !memchr(buf, 0, n)) {
        bad(f, "its dynamic strings are damaged");
        return NULL;
    }
    return xstrdup(buf);
}

static int read_interp(struct file *f, const Elf64_Phdr *p, struct elf *elf)
{
    if (p->p_filesz < 2 || p->p_filesz > MAX_STRING)
        return bad(f, "its interpreter's name (PT_INTERP) is damaged");
    char *s = xcalloc(1, p->p_filesz + 1);

    free(elf->interp);
    elf->interp = s;
    if (read_at(f, s, p->p_filesz, p->p_offset))
        return -1;
    return *s == '/' ? 0 : bad(f, "its interpreter's name (PT_INTERP) is damaged");
}

static int read_dynamic(struct file *f, const Elf64_Phdr *p, struct elf *elf)
{
    uint64_t strtab = 0, str, n = p->p_filesz / sizeof(Elf64_Dyn);

    if (p->p_filesz > MAX_DYNAMIC)
        return bad(f, "its dynamic section is damaged");
    _cleanup_free_ Elf64_Dyn *dyn = xcalloc(n + 1, sizeof(*dyn));

    if (read_at(f, dyn, n * sizeof(*dyn), p->p_offset))
        return -1;
    for (uint64_t i = 0; i < n && dyn[i].d_tag != DT_NULL; i++)
        if (dyn[i].d_tag == DT_STRTAB)
            strtab = dyn[i].d_un.d_ptr;
    elf->dynamic = true;
    if (!strtab)
        return 0; /* a static-pie program without strings is legal */
    if (file_offset(f, strtab, &str))
        return -1;
    for (uint64_t i = 0; i < n && dyn[i].d_tag != DT_NULL; i++) {
        char **where = dyn[i].d_tag == DT_RPATH     ? &elf->rpath
                       : dyn[i].d_tag == DT_RUNPATH ? &elf->runpath
                                                    : NULL;

        if (dyn[i].d_tag == DT_FLAGS_1)
            elf->nodeflib = dyn[i].d_un.d_val & DF_1_NODEFLIB;
        if (dyn[i].d_tag != DT_NEEDED && !where)
            continue;
        char *s = read_string(f, str + dyn[i].d_un.d_val);

        if (!s)
            return -1;
        if (where) {
            free(*where);
            *where = s;
        } else {
            strv_take(&elf->needed, s);
        }
    }
    /* glibc and musl: DT_RPATH does not count beside DT_RUNPATH. */
    if (elf->runpath) {
        free(elf->rpath);
        elf->rpath = NULL;
    }
    return 0;
}

static int read_all(struct file *f, struct elf *elf)
{
    Elf64_Ehdr eh;

    if (read_at(f, &eh, sizeof(eh), 0) || check_header(f, &eh))
        return -1;
    elf->type = eh.e_type;
    f->nr_ph = eh.e_phnum;
    f->ph = xcalloc(f->nr_ph, sizeof(*f->ph));
    if (read_at(f, f->ph, f->nr_ph * sizeof(*f->ph), eh.e_phoff))
        return -1;
    for (size_t i = 0; i < f->nr_ph; i++) {
        const Elf64_Phdr *p = &f->ph[i];

        if (p->p_type == PT_LOAD && (p->p_offset > f->size || p->p_filesz > f->size - p->p_offset))
            return bad(f, "the file is truncated: a segment lies beyond its end");
        if (p->p_type == PT_INTERP && read_interp(f, p, elf))
            return -1;
    }
    for (size_t i = 0; i < f->nr_ph; i++)
        if (f->ph[i].p_type == PT_DYNAMIC)
            return read_dynamic(f, &f->ph[i], elf);
    return 0;
}

int elf_read(const char *path, struct elf *elf, char **why)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct file f = { .fd = fd, .why = why };
    char magic[SELFMAG];
    struct stat st;

    *elf = (struct elf){ 0 };
    *why = NULL;
    if (fd < 0 || fstat(fd, &st) < 0)
        return bad(&f, strerror(errno));
    f.size = st.st_size;
    if (pread(fd, magic, SELFMAG, 0) != SELFMAG || memcmp(magic, ELFMAG, SELFMAG))
        return 1;
    int err = read_all(&f, elf);

    free(f.ph);
    return err;
}

void elf_free(struct elf *elf)
{
    free(elf->interp);
    free(elf->rpath);
    free(elf->runpath);
    strv_free(&elf->needed);
    *elf = (struct elf){ 0 };
}
