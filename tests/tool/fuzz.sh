# SPDX-License-Identifier: BSD-2-Clause
# Damaged files under sanitizers (fuzz.c). Sanitizers report on a standard error of their own: log_path.
fuzz() {
    ASAN_OPTIONS=log_path=$T/asan:detect_leaks=1 UBSAN_OPTIONS=log_path=$T/asan timeout 300 build/host/fuzz "$@" ||
        { cat "$T"/asan.* 2>/dev/null | head -30; return 1; }
}
mkdir -p "$T/ftree/dir/sub" "$T/ftree/.proa" && touch "$T/ftree/dir/a" && head -c 5000 /dev/zero >"$T/ftree/dir/b" && ln -s dir "$T/ftree/l"
for i in $(seq 300); do : >"$T/ftree/dir/sub/a-rather-long-name-$i"; done # a folder of several blocks
"$proa" build -q -o "$T/fuzz.img" --root "$T/ftree"
if make -s build/host/fuzz >/dev/null 2>&1; then
    ok "fuzz: ELF" fuzz elf "$(readlink -f /bin/true)" 20000
    ok "fuzz: EROFS" fuzz image "$T/fuzz.img" 5000
    if [ -e /etc/ld.so.cache ]; then ok "fuzz: ld.so.cache" fuzz ldcache /etc/ld.so.cache 2000; fi
    export XDG_STATE_HOME=$T/fstate PROA_QEMU=$here/fake-vmm
    "$proa" run -d --name fuzz --restart on-failure:3 --ip6 fd00::5 --dns 1.1.1.1 -p 127.0.0.1::80 -p 53/udp --network user \
        --network udp=9001:9002,ip=10.0.0.2/8,gateway=10.0.0.1 --kernel-arg a=b /bin/true lines 100 >/dev/null 2>&1
    "$proa" wait fuzz >/dev/null
    ok "fuzz: a saved VM" fuzz service "$XDG_STATE_HOME"/proa/vms/*/config 5000
    ok "fuzz: a log" fuzz log "$XDG_STATE_HOME"/proa/vms/*/log 5000
    "$proa" rm fuzz >/dev/null
else
    skip "fuzz" "sanitizers are not installed"
fi
