# SPDX-License-Identifier: BSD-2-Clause
# The vDSO: user-mode code, linked by itself and carried by the kernel as bytes. Both hash tables: old Go run-times
# read only DT_HASH.
vdso_cflags := -std=gnu11 -O2 -m64 -march=x86-64 -mtune=generic -mgeneral-regs-only -ffreestanding -fPIC \
               -fvisibility=hidden -fno-stack-protector -fomit-frame-pointer -fno-asynchronous-unwind-tables \
               -fno-builtin -fcf-protection=none -I. $(WARN)
vdso_ldflags := -shared -nostdlib -Wl,--hash-style=both -Wl,--build-id=none -Wl,-soname,linux-vdso.so.1 -Wl,-z,now \
                -Wl,-z,noexecstack -Wl,-z,norelro -Wl,-z,max-page-size=4096 -Wl,--no-undefined -Wl,-T,arch/x86_64/vdso/vdso.ld

$(B)/vdso.so: arch/x86_64/vdso/vdso.c arch/x86_64/vdso/vdso.ld arch/x86_64/vdso/data.h $(B)/flags arch/x86_64/arch.mk
	$(call say,VDSO,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(vdso_cflags) $(vdso_ldflags) -o $@ $<
	$(Q)strip -s $@

$(B)/arch/x86_64/vdso_image.o: $(B)/vdso.so
$(B)/arch/x86_64/vdso_image.o: KFLAGS += -DVDSO_FILE='"$(B)/vdso.so"'
