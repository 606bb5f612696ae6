# SPDX-License-Identifier: BSD-2-Clause
# The probe of KVM, with stand-ins for the VMM: no guest runs under KVM here.
probe() { # a VMM that does this; what the tool chooses, and why
    # Written once: the tool knows a VMM again by the time it was written.
    [ -e "$T/vmm-$2" ] || { printf '#!/bin/sh\necho x >>"%s/probes"\n%s\n' "$T" "$1" >"$T/vmm-$2" && chmod +x "$T/vmm-$2"; }
    rm -f "$T/probes"
    why=$(env -u PROA_ACCEL PROA_QEMU="$T/vmm-$2" "$proa" run --verbose /bin/true 2>&1 | grep 'accelerator')
    echo "$why"
}
probes() { same "$(wc -l <"$T/probes")" "$1"; }
chosen() { grep -Eq "$1" <<<"$why"; }

if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    # Each stand-in is also started as the VMM of the run itself: one line more in the count.
    ok "a guest that ends at once: KVM" eval 'probe "exit 37" quick && chosen "accelerator kvm: a guest under KVM took" && probes 2'
    ok "the answer is kept" eval 'probe "exit 37" quick && chosen "accelerator kvm .probed earlier" && probes 1'
    ok "a slow guest: TCG" eval 'probe "sleep 1.5; exit 37" slow && chosen "accelerator tcg: .*an emulator"'
    ok "a VMM that fails: TCG" eval 'probe "exit 1" fail && chosen "accelerator tcg: .*failed .VMM status 1"'
    hung() { local start=$SECONDS; probe 'case "$*" in *-initrd*) exit 0 ;; esac; exec sleep 60' hung; chosen 'accelerator tcg: .*did not finish' && [ $((SECONDS - start)) -lt 8 ]; }
    ok "a guest that hangs: TCG, soon" hung
    died() { # the tool is killed in the middle of the probe: the next run does not repeat it
        printf '#!/bin/sh\ncase "$*" in *-initrd*) exit 0 ;; esac\nexec sleep 60\n' >"$T/vmm-died" && chmod +x "$T/vmm-died"
        env -u PROA_ACCEL PROA_QEMU="$T/vmm-died" "$proa" run /bin/true >/dev/null 2>&1 &
        local pid=$!
        sleep 1
        kill -KILL $pid
        wait $pid 2>/dev/null
        env -u PROA_ACCEL PROA_QEMU="$T/vmm-died" "$proa" run --verbose /bin/true 2>&1 | grep 'probed earlier.*did not come to its end'
    }
    ok "a probe that took the tool down is not repeated" died
    ok "PROA_ACCEL overrules it" eval 'PROA_ACCEL=tcg PROA_QEMU=$T/vmm-quick "$proa" run --verbose /bin/true 2>&1 | grep "accelerator tcg: PROA_ACCEL"'
    ok "--accel overrules that" eval 'PROA_ACCEL=tcg PROA_QEMU=$T/vmm-quick "$proa" run --accel kvm --verbose /bin/true 2>&1 | grep "accelerator kvm: --accel"'
    ok "a dry run probes nothing" eval 'rm -f "$XDG_CACHE_HOME/proa/accel" "$T/probes"; env -u PROA_ACCEL PROA_QEMU="$T/vmm-quick" "$proa" run --dry-run /bin/true && [ ! -e "$T/probes" ]'
else
    skip "the probe of KVM" "no /dev/kvm here"
fi
