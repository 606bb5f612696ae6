# SPDX-License-Identifier: BSD-2-Clause
# The archive that every unit test and fuzzer is linked with (tests/unit/shim.h says what it is).
SHIM := build/tests/shim.a
shim_src := $(wildcard tests/unit/shim/*.c) $(filter-out lib/string.c lib/printf.c,$(wildcard lib/*.c)) \
            $(filter-out kernel/page.c kernel/slab.c kernel/panic.c kernel/ubsan.c kernel/irq.c,$(wildcard kernel/*.c)) \
            $(wildcard fs/*.c fs/*/*.c net/*.c net/*/*.c)
shim_obj := $(patsubst %.c,build/tests/shim/%.o,$(shim_src))

build/tests/shim/%.o: %.c tests/unit/unit.mk tests/tests.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(UFLAGS) -MMD -MP -c $< -o $@

$(SHIM): $(shim_obj)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rc $@ $^

-include $(shim_obj:.o=.d)
