# SPDX-License-Identifier: BSD-2-Clause
# Benchmarks (bench/README.md).
#   make bench             Linux and Proa side by side; the table also goes to build/bench/RESULTS.md
#   make bench-record      the same, into bench/RESULTS.md
#   make bench-baseline    the Linux side alone
#   make bench-net         servers over a tap, side by side (root; bench/network); table in build/bench/RESULTS-net.md
#   make bench-net-record  the same, into bench/RESULTS-net.md
#   LINUX_DIR=DIR          a folder where bench/linux/build has been run (default: build/bench/linux)
#   ROWS=REGEX             only some figures       ROUNDS=N   runs for times
LINUX_DIR ?= build/bench/linux
BB := build/bench
bench_vmlinux = $(LINUX_DIR)/vmlinux-1cpu $(LINUX_DIR)/vmlinux-smp
bench_linux = --linux $(LINUX_DIR)/vmlinux-1cpu --linux-smp $(LINUX_DIR)/vmlinux-smp
bench_proa  = --proa $(B)/proa.elf
bench_run   = bench/run --work $(abspath $(BB)) $(if $(ROWS),--rows '$(ROWS)') $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: bench bench-record bench-baseline bench-setup bench-files
bench: all bench-files $(bench_vmlinux)
	@$(bench_run) $(bench_linux) $(bench_proa) --record $(BB)/RESULTS.md
bench-record: all bench-files $(bench_vmlinux)
	@$(bench_run) $(bench_linux) $(bench_proa) --record bench/RESULTS.md
bench-baseline: bench-files $(bench_vmlinux)
	@$(bench_run) $(bench_linux) --record $(BB)/RESULTS-linux.md

.PHONY: bench-net bench-net-record
bench_net = bench/network --work $(abspath $(BB)) $(if $(ROWS),--rows '$(ROWS)') $(if $(ROUNDS),--rounds $(ROUNDS)) $(bench_linux) $(bench_proa)
bench-net-record: bench_net_out := bench/RESULTS-net.md
bench-net: bench_net_out := $(BB)/RESULTS-net.md
bench-net bench-net-record: all $(BB)/insn.so $(BB)/empty.elf $(BB)/net.erofs $(addprefix $(BB)/,pace knock badlink) $(bench_vmlinux)
	@$(bench_net) --record $(bench_net_out)

# These are servers' and clients' programs, of no use to `make bench`.
$(BB)/net.erofs: bench/images $(addprefix $(BB)/,start conns)
	@bench/setup nginx-light redis-server redis-tools wrk curl iperf3 haproxy iproute2 netcat-openbsd iputils-ping
	$(call say,IMG,$@)
	$(Q)bench/images $(BB) net

bench-setup:
	@bench/setup $(bench_apps)
# Programs that are measured, as Debian has them.
bench_apps := openjdk-17-jdk-headless nodejs golang-go stress-ng rt-tests
bench-files: $(BB)/insn.so $(BB)/empty.elf $(BB)/hello.erofs $(BB)/tools.erofs

$(LINUX_DIR)/vmlinux-%:
	@bench/linux/build $(LINUX_DIR) $*

$(BB)/insn.so: bench/insn.c | bench-setup
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -fPIC -shared -fvisibility=hidden -o $@ $<
$(BB)/empty.elf: bench/empty/empty.S | bench-setup
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)gcc -m32 -nostdlib -static -no-pie -Wl,--build-id=none,-Ttext-segment=0x200000,-z,noexecstack -s -o $@ $<

# Where no kernel runs anything else: the counter starts when main() is first reached.
micro_at := 0x50000000
# The programs are built as a user would build them, whatever compiler and flags the kernel has.
$(BB)/nolibc: bench_cflags := -nostdlib -static -fno-stack-protector
$(BB)/hello:  bench_cflags := -static
$(BB)/start:  bench_cflags := -static
$(BB)/conns:  bench_cflags := -static
$(BB)/pace $(BB)/knock: bench_cflags :=
$(BB)/load.so: bench_cflags := -shared -fPIC -pthread
$(BB)/micro $(BB)/parallel: bench_cflags := -static -pthread -Wl,-Ttext-segment=$(micro_at)
$(BB)/nolibc $(BB)/hello $(BB)/micro $(BB)/parallel $(BB)/start $(BB)/conns $(BB)/pace $(BB)/knock: $(BB)/%: bench/programs/%.c | bench-setup
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)gcc -O2 $(bench_cflags) -o $@ $<
$(BB)/badlink: tests/net/badlink.c | bench-setup
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)gcc -O2 -D_GNU_SOURCE -o $@ $<
$(BB)/load.so: $(BB)/%.so: bench/programs/%.c | bench-setup
	$(call say,CC,$<)
	$(Q)gcc -O2 $(bench_cflags) -o $@ $<
$(BB)/hello-go: bench/programs/hello.go | bench-setup
	$(call say,GO,$<)
	$(Q)CGO_ENABLED=0 GOCACHE=$(abspath $(BB))/go GOFLAGS= go build -o $@ $<
$(BB)/ParallelJavac.class: bench/programs/ParallelJavac.java | bench-setup
	$(call say,JAVA,$<)
	$(Q)javac -d $(@D) $<
$(BB)/hello-dyn: bench/programs/hello.c | bench-setup
	$(call say,CC,$< (dynamic))
	@mkdir -p $(@D)
	$(Q)gcc -O2 -o $@ $<
$(BB)/hello.erofs: bench/images $(addprefix $(BB)/,nolibc hello hello-dyn micro parallel)
	$(call say,IMG,$(BB)/*.erofs)
	$(Q)bench/images $(BB) small
$(BB)/tools.erofs: bench/images $(addprefix $(BB)/,start load.so hello-go ParallelJavac.class)
	$(call say,IMG,$(BB)/java.erofs node.erofs tools.erofs)
	$(Q)bench/images $(BB) apps
