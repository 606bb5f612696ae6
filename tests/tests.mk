# SPDX-License-Identifier: BSD-2-Clause
# Tests. tests/unit/*.c and tests/fuzz/*.c are one host program each, built with sanitizers; a file's own
# line `UNIT.name := ...` (flags or libraries) may stand in tests/unit/unit.mk.
#   make check            everything below two cores' 45 minutes        make check-more   the long ones too
#   make check K=regex    only the guest tests whose name matches
#   make unit fuzz lint   the parts that need no VM
-include tests/unit/unit.mk

UFLAGS := -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
          -I. -Itests/unit -Itests/unit/shim -D_GNU_SOURCE -DPROA_HOST -DDEBUG=1 -DUBSAN=0 -DPROA_VERSION='"$(VERSION)"' $(WARN) -Wno-unused-function
unit_bin := $(patsubst tests/%.c,build/tests/%,$(wildcard tests/unit/*.c))
fuzz_bin := $(patsubst tests/%.c,build/tests/%,$(wildcard tests/fuzz/*.c))

build/tests/unit/%: tests/unit/%.c tests/tests.mk $(SHIM)
	$(call say,TEST,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(UFLAGS) -MMD -MP -MF $@.d $< -o $@ $(UNIT.$*) $(SHIM)

build/tests/fuzz/%: tests/fuzz/%.c tests/tests.mk $(SHIM)
	$(call say,TEST,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(UFLAGS) -MMD -MP -MF $@.d $< -o $@ $(UNIT.$*) $(SHIM)

.PHONY: check check-more unit fuzz lint demo unit-programs ubsan
unit: $(unit_bin)
	@tools/run-unit $^
fuzz: $(fuzz_bin)
	@tools/run-unit $^
lint:
	@tools/lint

# What a user calls installs what is missing before anything is built.
check check-more: MORE = $(if $(filter check-more,$@),--more)
check check-more:
	@tools/setup check
	@$(MAKE) all ubsan unit-programs
	@tools/check $(MORE) $(if $(K),-k '$(K)')

demo:
	@tools/setup demo
	@$(MAKE) all
	@tools/demo

unit-programs: $(unit_bin) $(fuzz_bin)
# The kernel that looks for its own mistakes: assertions, lock order, poisoning, undefined behaviour.
ubsan:
	@$(MAKE) kernel DEBUG=1 UBSAN=1

-include $(wildcard build/tests/unit/*.d build/tests/fuzz/*.d)
