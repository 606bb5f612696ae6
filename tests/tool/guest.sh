# SPDX-License-Identifier: BSD-2-Clause
# `proa run` end to end: the built kernel under QEMU (TCG). Skipped when either is missing.
unset PROA_QEMU
built=$PWD/build/x86_64/proa.elf
guest() { PROA_KERNEL=$built timeout 60 "$proa" run "$@"; }
signalled() { # SIGNAL STATUS: a program that sleeps gets the signal once it has said it is there
    local pid
    : >"$T/g"
    PROA_KERNEL=$built "$proa" run -q --add /bin/sleep /bin/sh -c "echo ready; exec sleep 50" >"$T/g" &
    pid=$!
    for _ in $(seq 200); do grep -q ready "$T/g" && break; sleep 0.1; done
    kill -"$1" $pid || return
    wait $pid
    same $? "$2"
}
reader_gone() { guest -q yes | head -1 >/dev/null; same "${PIPESTATUS[0]}" 141; }
if [ -e "$built" ] && command -v qemu-system-x86_64 >/dev/null; then
    ok "guest: output" eval 'same "$(guest -q echo hello world)" "hello world"'
    ok "guest: streams are separate" eval 'same "$(guest -q sh -c "echo out; echo err >&2" 2>/dev/null)" out && same "$(guest -q sh -c "echo out; echo err >&2" 2>&1 >/dev/null)" err'
    ok "guest: exit status" eval 'guest -q sh -c "exit 42"; same $? 42'
    ok "guest: killed by a signal" eval 'guest -q sh -c "kill -SEGV \$\$"; same $? 139'
    head -c 3000000 /dev/urandom >"$T/random"
    ok "guest: binary data from a file" eval 'guest -q cat <"$T/random" | cmp - "$T/random"'
    ok "guest: binary data from a pipe" eval 'cat "$T/random" | guest -q cat >"$T/random2" && cmp "$T/random" "$T/random2"'
    ok "guest: a reader that goes away" reader_gone
    ok "guest: SIGTERM" signalled TERM 143
    ok "guest: SIGHUP" signalled HUP 129
    ok "guest: environment and folder" eval 'same "$(guest -q -e A=1 -w /tmp sh -c "echo \$A; pwd")" "$(printf "1\n/tmp")"'
    ok "guest: a copied file" eval 'same "$(guest -q -v "$T/random:/data/bin:ro" sha256sum /data/bin | cut -d" " -f1)" "$(sha256sum <"$T/random" | cut -d" " -f1)"'
    "$proa" build -q -o "$T/guest.img" echo from an image
    ok "guest: an image" eval 'same "$(guest -q "$T/guest.img")" "from an image" && same "$(guest -q "$T/guest.img" other words)" "other words"'
    for machine in q35 pc; do ok "guest: $machine" eval 'same "$(guest -q --vmm qemu:$machine echo hello)" hello'; done
    ok "guest: figures" eval 'guest -q --stats "$T/gs" true && grep -q "^boot_ms=" "$T/gs" && grep -q "^memory_peak_kb=[1-9]" "$T/gs"'
    ok "guest: on a terminal, Ctrl-C interrupts" eval 'PROA_KERNEL=$built timeout 60 "$here/pty-run" "\\x03" "$proa" run -q sleep 50; same $? 130'
    ok "guest: the terminal's size" eval 'PROA_KERNEL=$built timeout 60 "$here/pty-run" "" "$proa" run -q stty size | grep -q "^40 100"'
    if [ -x /usr/bin/python3 ]; then
        ok "guest: python3 finds its library" eval 'guest -q /usr/bin/python3 -c "import json, ssl; print(json.dumps([1]), ssl.OPENSSL_VERSION)" | grep -q "^\[1\] OpenSSL"'
    fi
else
    skip "guest" "no kernel or no QEMU"
fi
