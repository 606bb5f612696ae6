# SPDX-License-Identifier: BSD-2-Clause
# The host tool: ./proa, its manual pages and completion, and where they go.
#   make tool       ./proa                  make install PREFIX=/usr/local [DESTDIR=...]
#   make deps       install the Debian packages that building, running and testing need
PREFIX     ?= /usr/local

tool_src := $(wildcard host/*.c)
tool_obj := $(patsubst %.c,$(H)/%.o,$(tool_src)) $(H)/host/probe_blob.o

.PHONY: install uninstall deps
# `make demo` and `make check` do this themselves.
deps:
	@tools/setup check

tool: proa

# One clear line in place of a page of compiler errors.
$(H)/have-json-c:
	@mkdir -p $(@D)
	@echo '#include <json-c/json.h>' | $(HOSTCC) -E - >/dev/null 2>&1 || \
	  { echo 'proa: the header json-c/json.h is missing: run "make deps", or: apt-get install libjson-c-dev' >&2; exit 1; }
	@touch $@

$(H)/flags: FORCE
	@mkdir -p $(@D); echo '$(HOSTCC) $(HFLAGS)' | cmp -s - $@ || echo '$(HOSTCC) $(HFLAGS)' >$@

$(H)/host/%.o: host/%.c $(H)/flags | $(H)/have-json-c
	$(call say,HOST,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HFLAGS) -MMD -MP -c $< -o $@

# The accelerator probe's guest: a 32-bit ELF file for QEMU's -kernel, embedded in the tool.
$(H)/host/probe.elf: host/probe.S abi/control.h $(H)/flags
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -m32 -I. -D__ASSEMBLER__ -nostdlib -static -Wl,-Ttext=0x100000 -Wl,-e,start -Wl,-N -Wl,--no-warn-rwx-segments \
	  -Wl,--build-id=none -Wl,-z,noexecstack -o $@ $<

$(H)/host/probe_blob.o: host/probe_blob.S $(H)/host/probe.elf
	$(Q)$(HOSTCC) -DPROBE_ELF='"$(H)/host/probe.elf"' -c $< -o $@

proa: $(tool_obj)
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(HFLAGS) -o $@ $(tool_obj) -ljson-c

# The fuzzer of the tool's readers; tests/tool/run builds and runs it.
fuzz_readers := $(addprefix host/,elf.c image.c ldcache.c mem.c msg.c service.c net.c ports.c tap.c hash.c vmlog.c)
$(H)/fuzz: tests/tool/fuzz.c $(fuzz_readers) $(H)/flags
	$(call say,TEST,$<)
	$(Q)$(HOSTCC) $(HFLAGS) -fsanitize=address,undefined -fno-sanitize-recover=all -o $@ $< $(fuzz_readers) -ljson-c

# ---- installing --------------------------------------------------------------------------------------------
installed = bin/proa lib/proa/$(ISA)/proa.elf share/bash-completion/completions/proa \
            $(patsubst host/man/%,share/man/man1/%,$(wildcard host/man/*.1))

install: all
	install -D -m 755 proa $(DESTDIR)$(PREFIX)/bin/proa
	install -D -m 644 $(B)/proa.elf $(DESTDIR)$(PREFIX)/lib/proa/$(ISA)/proa.elf
	install -D -m 644 host/completion/proa.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/proa
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 host/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,$(installed))

-include $(tool_obj:.o=.d)
