/* SPDX-License-Identifier: BSD-2-Clause */
/* Damaged executables: each refused with its errno, or the program killed; never more than that. */
#include "report.h"
#include <elf.h>

static char image[8 << 20];
static long image_size;

static void write_bad(long size)
{
    int fd = MUST(open("bad", O_CREAT | O_TRUNC | O_WRONLY, 0755));

    for (long at = 0; at < size;)
        at += MUST(write(fd, image + at, size - at));
    close(fd);
}

/* Executes the image with `len` bytes at `at` replaced; must come back. */
static void refuse(const char *what, long at, const void *bytes, int len)
{
    char *argv[] = { "bad", "survived", NULL }, save[64];

    memcpy(save, image + at, len);
    memcpy(image + at, bytes, len);
    write_bad(image_size);
    execve("./bad", argv, NULL);
    note("%s: %s", what, strerrorname_np(errno));
    memcpy(image + at, save, len);
}

#define FIELD(type, field, value)                                            \
    do {                                                                     \
        __typeof__(((type *)0)->field) v_ = (value);                         \
        refuse(#field " = " #value, offsetof(type, field), &v_, sizeof(v_)); \
    } while (0)

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    int fd;
    Elf64_Ehdr *eh = (void *)image;

    if (!strcmp(how, "survived")) {
        note("the damaged program ran");
        return 9;
    }
    scratch();
    fd = MUST(open("/proc/self/exe", O_RDONLY));
    image_size = MUST(read(fd, image, sizeof(image)));
    close(fd);
    Elf64_Phdr *ph = (void *)(image + eh->e_phoff);
    int load = 0;
    while (ph[load].p_type != PT_LOAD)
        load++;

    if (!strcmp(how, "truncated")) { /* the segments reach beyond the file's end */
        write_bad(8192);
        execve("./bad", (char *[]){ "bad", "survived", NULL }, NULL);
        note("truncated: %s", strerrorname_np(errno));
        return 3;
    }
    if (!strcmp(how, "kernel-entry")) {
        eh->e_entry = 0xffffffff80000000;
        write_bad(image_size);
        execve("./bad", (char *[]){ "bad", "survived", NULL }, NULL);
        return 3;
    }
    if (!strcmp(how, "entry")) {
        eh->e_entry = 0x10;
        write_bad(image_size);
        execve("./bad", (char *[]){ "bad", "survived", NULL }, NULL);
        return 3;
    }
    refuse("magic", 1, "X", 1);
    FIELD(Elf64_Ehdr, e_type, ET_REL);
    FIELD(Elf64_Ehdr, e_type, ET_CORE);
    FIELD(Elf64_Ehdr, e_machine, EM_AARCH64);
    FIELD(Elf64_Ehdr, e_phentsize, 40);
    FIELD(Elf64_Ehdr, e_phnum, 0);
    FIELD(Elf64_Ehdr, e_phnum, 0xffff);
    FIELD(Elf64_Ehdr, e_phoff, 1ull << 40);
    FIELD(Elf64_Ehdr, e_phoff, ~0ull);
    for (int n = 0; n < 64; n += 8) {
        char what[40];
        write_bad(n);
        execve("./bad", (char *[]){ "bad", "survived", NULL }, NULL);
        snprintf(what, sizeof(what), "cut to %d bytes", n);
        note("%s: %s", what, strerrorname_np(errno));
    }
    /* an interpreter that is not there, too long, a folder, not a program */
    Elf64_Phdr interp = { .p_type = PT_INTERP, .p_offset = image_size, .p_filesz = 6, .p_align = 1 };
    int spare = -1;
    for (int i = 0; i < eh->e_phnum; i++)
        if (ph[i].p_type == PT_INTERP || ph[i].p_type == PT_NOTE)
            spare = spare < 0 || ph[i].p_type == PT_INTERP ? i : spare;
    long at = (char *)&ph[spare] - image;
    strcpy(image + image_size, "/none");
    image_size += 8;
    refuse("interpreter missing", at, &interp, sizeof(interp));
    strcpy(image + image_size - 8, "/proc");
    refuse("interpreter a folder", at, &interp, sizeof(interp));
    interp.p_filesz = 5;
    refuse("interpreter not terminated", at, &interp, sizeof(interp));
    interp.p_filesz = 1;
    refuse("interpreter of length 1", at, &interp, sizeof(interp));
    interp.p_filesz = 5000;
    refuse("interpreter of length 5000", at, &interp, sizeof(interp));
    interp.p_filesz = 6, interp.p_offset = 1ull << 40;
    refuse("interpreter beyond the end", at, &interp, sizeof(interp));
    return report_done();
}
