# SPDX-License-Identifier: BSD-2-Clause
# One non-recursive Makefile: the kernel (ISA x variant) and the host tool.
#   make            build/ISA[-variant]/proa.elf and ./proa
#   make check      all tests that need nothing but Debian's packages
#   make DEBUG=1    assertions, lock checks, poisoning      make UBSAN=1   undefined-behaviour checks
#   make V=1        show commands                           make CC=clang  the other compiler
#   make LTO=0      quicker to build again                  make ISA=...   another architecture
MAKEFLAGS += -rR --no-print-directory
ISA     ?= x86_64
CC      := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
HOSTCC  ?= $(CC)
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),@:,@printf '  %-4s %s\n' '$(1)' '$(2)')
VERSION := 0.1.0

variant := $(if $(filter 1,$(DEBUG)),-debug)$(if $(filter 1,$(UBSAN)),-ubsan)$(if $(filter clang%,$(CC)),-clang)
B       := build/$(ISA)$(variant)
H       := build/host$(if $(filter clang%,$(HOSTCC)),-clang)

.PHONY: all kernel tool clean
all: $(if $(wildcard arch/$(ISA)/kernel.ld),kernel) tool

# ---- flags -------------------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition \
        -Wvla -Wundef -Wpointer-arith -Wwrite-strings -Werror
KFLAGS := -std=gnu11 -O2 -g -ffreestanding -fPIE -fvisibility=hidden -fno-strict-aliasing -fno-common -fwrapv \
          -fno-stack-protector -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
          -fno-delete-null-pointer-checks -fcf-protection=none \
          -iquote . -Iarch/$(ISA)/include -DPROA_KERNEL -DPROA_VERSION='"$(VERSION)"' $(WARN)
KFLAGS += $(if $(filter clang%,$(CC)),-Wno-gnu-variable-sized-type-not-at-end -Wno-missing-field-initializers,-Wframe-larger-than=1024 -fconserve-stack)
KFLAGS += $(if $(filter 1,$(DEBUG)),-DDEBUG=1 -fno-omit-frame-pointer,-DDEBUG=0 -fomit-frame-pointer)
# No padding between functions: a kernel as small as ours fits the instruction cache better so.
KFLAGS += -falign-functions=1 $(if $(filter clang%,$(CC)),,-falign-loops=1 -falign-jumps=1 -falign-labels=1)
# A branch costs more than GCC thinks: two conditions are better computed both. Under an emulator each branch not
# taken before ends a piece of code to be translated.
KFLAGS += $(if $(filter clang%,$(CC)),,-mbranch-cost=5)
KFLAGS += $(if $(filter 1,$(UBSAN)),-fsanitize=undefined -fno-sanitize=alignment -Wno-array-bounds -DUBSAN=1 -Wframe-larger-than=4096,-DUBSAN=0)
KFLAGS.x86_64 := -m64 -mno-red-zone -mgeneral-regs-only -march=x86-64 -mtune=generic
# Small structures are cleared and copied by moves, others by the functions: the string instructions that GCC would
# put there start slowly, and turn by turn under an emulator.
STRATEGY := unrolled_loop:64:noalign,libcall:-1:noalign
KFLAGS.x86_64 += $(if $(filter clang%,$(CC)),,-mmemset-strategy=$(STRATEGY) -mmemcpy-strategy=$(STRATEGY))
KFLAGS += $(KFLAGS.$(ISA)) $(EXTRA_KFLAGS)
# The kernel as a whole is optimised when it is linked: smaller, and fewer calls on the way through a boot. Not where
# people debug it. How much calls may grow it when they become copies is limited: what runs once is not worth them.
LTO    ?= 1
lto    := $(if $(filter 1,$(LTO)),$(if $(filter clang%,$(CC))$(filter 1,$(DEBUG) $(UBSAN)),,-flto -flto-partition=none --param inline-unit-growth=25))
KFLAGS += $(lto)
LDFLAGS_K := $(if $(lto),-Wno-maybe-uninitialized) -nostdlib -static-pie -Wl,--no-dynamic-linker -Wl,-z,noexecstack -Wl,-z,norelro -Wl,--gc-sections \
             -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,pack-relative-relocs -Wl,-T,arch/$(ISA)/kernel.ld
HFLAGS := -std=gnu11 -O2 -g -D_GNU_SOURCE -iquote . -DPROA_HOST -DDEBUG=0 -DUBSAN=0 -DPROA_VERSION='"$(VERSION)"' $(WARN)

# ---- the kernel --------------------------------------------------------------------------------------------
ksrc := $(wildcard lib/*.c kernel/*.c arch/$(ISA)/*.c arch/$(ISA)/*.S drivers/*.c drivers/*/*.c fs/*.c fs/*/*.c \
        net/*.c net/*/*.c linux/*.c linux/*/*.c init/*.c)
kobj := $(addprefix $(B)/,$(addsuffix .o,$(basename $(ksrc))))

# Small rather than fast: what neither a boot nor a busy program spends its time in. Of net/, all but net_busy.
net_busy := $(addprefix net/,checksum.c deliver.c dgram.c dgram_send.c dst.c gso.c ip_output.c ipv4.c ipv6.c link.c loopback.c \
                             neigh.c net.c route.c socket.c timer.c udp.c udp_send.c udp_table.c) \
            $(addprefix net/tcp/,ack.c cong.c conn.c input.c listen.c ops.c options.c output.c receive.c recvmsg.c segq.c sendmsg.c \
                                 table.c timer.c timewait.c window.c) $(addprefix net/unix/,plain.c stream.c unix.c msg.c dgram.c)
small := $(addprefix linux/io_uring/,cancel.c names.c register.c resource.c setup.c) $(wildcard linux/tty/*.c linux/proc/*.c linux/futex/pi*.c drivers/pci/*.c) \
         $(addprefix linux/,attr.c futex/requeue.c futex/robust.c ident.c inotify.c itimer.c locks.c misc.c namei.c \
                            posix_timer.c prio.c sched.c timerfd.c) \
         $(addprefix fs/,attr.c locks.c namei.c splice.c) \
         $(addprefix kernel/,acpi.c log.c mm_remap.c panic.c reclaim.c ubsan.c watchdog.c) \
         $(filter-out $(net_busy),$(wildcard net/*.c net/*/*.c)) \
         $(addprefix arch/$(ISA)/,dump.c mptable.c) drivers/uart8250.c drivers/virtio/rng.c drivers/virtio/vsock.c drivers/virtio/virtio_pci.c
$(addprefix $(B)/,$(small:.c=.o)): KFLAGS_FILE := -Os

kernel: $(B)/proa.elf

# The flags' own file changes when a flag does, and everything depends on it.
$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(KFLAGS) $(LDFLAGS_K)' | cmp -s - $@ || echo '$(CC) $(KFLAGS) $(LDFLAGS_K)' >$@

$(B)/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) $(KFLAGS_FILE) -MMD -MP -c $< -o $@

$(B)/%.o: %.S $(B)/flags
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -D__ASSEMBLER__ -MMD -MP -c $< -o $@

# What the architecture builds besides: its vDSO.
-include arch/$(ISA)/arch.mk

# Linked twice: the names that backtraces show come from the first link, and move nothing in it but data.
$(B)/proa.debug.elf: $(kobj) arch/$(ISA)/kernel.ld tools/ksyms
	$(call say,LD,$@)
	$(Q)$(CC) $(KFLAGS) $(LDFLAGS_K) -o $@ $(kobj) -lgcc
	$(Q)tools/ksyms $@ >$(B)/ksyms.S && $(CC) $(KFLAGS) -c $(B)/ksyms.S -o $(B)/ksyms.o
	$(Q)$(CC) $(KFLAGS) $(LDFLAGS_K) -o $@ $(kobj) $(B)/ksyms.o -lgcc

$(B)/proa.elf: $(B)/proa.debug.elf
	$(call say,STRIP,$@)
	$(Q)strip -s -o $@ $<

# ---- the tool ----------------------------------------------------------------------------------------------
# tool.mk names its sources and libraries.
-include host/tool.mk
tool:

# ---- tests and benchmarks ----------------------------------------------------------------------------------
-include tests/tests.mk
-include bench/bench.mk

clean:
	rm -rf build proa compile_commands.json

.PHONY: FORCE
FORCE:
-include $(kobj:.o=.d)
