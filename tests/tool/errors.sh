# SPDX-License-Identifier: BSD-2-Clause
# What the tool says of input it cannot use. Each message names the thing and the cause.
export PROA_QEMU=$here/fake-vmm

ok "help lists the commands" eval '"$proa" --help | grep -q inspect'
for command in run build inspect; do
    ok "help of $command" eval '"$proa" $command --help | grep -q -- --help'
done
ok "no command" fails 125 'Usage' "$proa"
ok "unknown command" fails 125 'unknown command frobnicate' "$proa" frobnicate
ok "unknown option" fails 125 'unknown option --frob' "$proa" run --frob x
ok "unknown option, a similar one is named" fails 125 'mean --memory' "$proa" run --memery=1m x
ok "option without value" fails 125 '-m needs a value: SIZE' "$proa" run -m
ok "flag with value" fails 125 'takes no value' "$proa" run --verbose=1 x
ok "no program" fails 125 'no program given' "$proa" run
ok "bad memory size" fails 125 '-m lots: not a size' "$proa" run -m lots true
ok "too little memory" fails 125 'at least 1m' "$proa" run -m 100k true
ok "bad number of CPUs" fails 125 '--cpus none' "$proa" run --cpus none true
ok "no CPU" fails 125 '--cpus 0' "$proa" run --cpus 0 true
ok "unknown VMM" fails 125 '--vmm bochs' "$proa" run --vmm bochs true
ok "unknown machine" fails 125 '--vmm qemu:mac' "$proa" run --vmm qemu:mac true
ok "unknown accelerator" fails 125 'unknown accelerator warp' "$proa" run --accel warp true
ok "relative working directory" fails 125 '-w sub: expected an absolute path' "$proa" run -w sub true
ok "bad variable" fails 125 '-e =x' "$proa" run -e =x true
ok "missing env file" fails 125 '--env-file .*No such file' "$proa" run --env-file "$T/none" true
ok "bad user" fails 125 '-u bob' "$proa" run -u bob true
ok "volume without guest path" fails 125 'HOST:GUEST' "$proa" run -v /etc true
ok "volume of nothing" fails 125 "-v $T/none: No such file" "$proa" run -v "$T/none:/x" true
ok "add of nothing" fails 125 "--add $T/none: No such file" "$proa" run --add "$T/none" true
ok "root of nothing" fails 125 "--root $T/none" "$proa" run --root "$T/none" true
ok "package that is not installed" fails 125 'package no-such-package: not installed' \
    "$proa" run --package no-such-package true
ok "missing kernel" fails 125 'kernel .*none: No such file' "$proa" run --kernel "$T/none" true
ok "missing VMM named by PROA_QEMU" fails 125 'none: No such file' env PROA_QEMU="$T/none" "$proa" run true

mkdir -p "$T/bin"
for tool in env sed cat mkfs.erofs; do ln -s "$(command -v $tool)" "$T/bin/$tool"; done
ok "no VMM installed" fails 125 'no VMM: .*qemu-system-x86' env -u PROA_QEMU PATH="$T/bin" "$proa" run /bin/true
rm "$T/bin/mkfs.erofs"
# (mkfs.erofs is found in the system's folders too, so its absence cannot be staged here)

ok "missing program by name" fails 127 'no-such-program: no such program in PATH' "$proa" run no-such-program
ok "missing program by path" fails 127 'No such file' "$proa" run ./no-such-program
ok "a folder is no program" fails 126 'is a folder' "$proa" run /etc
ok "not executable" fails 126 'is not executable' "$proa" run /etc/passwd
ok "a device is no program" fails 126 'is not executable' "$proa" run /dev/null
printf 'just text\n' >"$T/text" && chmod +x "$T/text"
ok "neither ELF nor script" fails 126 'neither an ELF file nor a script' "$proa" run "$T/text"
: >"$T/empty" && chmod +x "$T/empty"
ok "empty file" fails 126 'neither an ELF' "$proa" run "$T/empty"
printf '#!/no/such/interp\n' >"$T/script" && chmod +x "$T/script"
ok "script without interpreter" fails 127 'script: its interpreter /no/such/interp: No such file' "$proa" run "$T/script"
printf '#!%s\n' "$T/loop" >"$T/loop" && chmod +x "$T/loop"
ok "script that interprets itself" fails 126 'too many interpreters' "$proa" run "$T/loop"

# poke FILE OFFSET BYTES: a copy of /bin/true with some bytes changed
poke() {
    cp "$(readlink -f /bin/true)" "$1" && chmod +wx "$1"
    printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
poke "$T/arm" 18 '\xb7\0'
ok "wrong architecture" fails 126 'for aarch64; Proa runs x86-64' "$proa" run "$T/arm"
poke "$T/i386" 4 '\x01' && printf '\x03' | dd of="$T/i386" bs=1 seek=18 conv=notrunc status=none
ok "32-bit program" fails 126 '32-bit x86; Proa runs x86-64' "$proa" run "$T/i386"
poke "$T/be" 5 '\x02'
ok "big-endian program" fails 126 'big-endian' "$proa" run "$T/be"
poke "$T/object" 16 '\x01'
ok "object file" fails 126 'an object file, not a program' "$proa" run "$T/object"
poke "$T/phoff" 32 '\xff\xff\xff\xff\xff'
ok "program headers beyond the end" fails 126 'truncated' "$proa" run "$T/phoff"
poke "$T/phnum" 56 '\0\0'
ok "no program headers" fails 126 'program headers are damaged' "$proa" run "$T/phnum"
for size in 10 64 200 5000; do
    head -c $size "$(readlink -f /bin/true)" >"$T/cut" && chmod +x "$T/cut"
    ok "ELF file cut at $size bytes" fails 126 'truncated' "$proa" run "$T/cut"
done
# Every byte of the headers, wrong in turn: any message and status will do, a crash (128 and more) will not.
flip_headers() {
    local i status
    for ((i = 4; i < 1000; i += 3)); do
        poke "$T/flip" $i '\xff'
        timeout 10 "$proa" run --no-packages -q "$T/flip" >/dev/null 2>"$T/flip.err"
        status=$?
        [ $status -lt 128 ] || { echo "status $status at byte $i"; return 1; }
        [ $status = 0 ] || [ -s "$T/flip.err" ] || { echo "no message at byte $i"; return 1; }
    done
}
ok "damaged ELF headers" flip_headers

if command -v gcc >/dev/null; then
    echo 'int f(void) { return 0; }' | gcc -shared -fPIC -o "$T/libgone.so" -x c -
    echo 'int f(void); int main(void) { return f(); }' | gcc -o "$T/needy" -x c - -L"$T" -lgone
    rm "$T/libgone.so"
    ok "missing library" fails 127 'needy: needs the library libgone.so, which is not found' "$proa" run "$T/needy"
    poke_interp() { sed 's,/lib64/ld-linux,/lib64/ld-linnx,' "$(readlink -f /bin/true)" >"$T/interp"; chmod +x "$T/interp"; }
    poke_interp
    ok "missing loader" fails 127 'its loader /lib64/ld-linnx.* is not usable' "$proa" run "$T/interp"
else
    skip "missing library" "no gcc"
fi
ok "unwritable cache" fails 125 'cache folder .* cannot be made' env XDG_CACHE_HOME=/proc "$proa" run true
ok "unwritable output" fails 125 'mkfs.erofs failed|No such file' "$proa" build -o "$T/none/x.img" /bin/true
ok "no output named" fails 125 'give -o IMAGE' "$proa" build /bin/true
ok "full standard output" fails 125 'standard output' sh -c "exec '$proa' run --help >/dev/full"
