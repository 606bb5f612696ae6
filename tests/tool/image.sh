# SPDX-License-Identifier: BSD-2-Clause
# Images: what is in them, that Linux reads them, that damage is noticed, and the cache.
"$proa" build -q -o "$T/i.img" /bin/true arg "two words"

ok "inspect lists files" eval '"$proa" inspect "$T/i.img" | grep -q "/usr/bin/true$"'
ok "inspect shows the arguments" eval '"$proa" inspect "$T/i.img" | grep -q "^arguments *[^ ]*true arg two words$"'
ok "inspect --json is JSON" eval '"$proa" inspect --json "$T/i.img" | jq -e ".config.process.args[2] == \"two words\""'
ok "inspect names the links' targets" eval '"$proa" inspect --json "$T/i.img" | jq -e ".files[] | select(.path == \"/bin\").target == \"usr/bin\""'
ok "fsck.erofs finds no fault" fsck.erofs "$T/i.img"
ok "mkfs.erofs's own tool reads the configuration" eval 'fsck.erofs --extract="$T/ix" "$T/i.img" && jq -e .ociVersion "$T/ix/.proa/config.json"'
same_files() { # what was extracted equals the host's files
    (cd "$T/ix" && find usr -type f) | while read -r f; do cmp "$T/ix/$f" "/$f" || return; done
}
ok "contents are the host's" same_files
mkdir -p "$T/mnt"
if [ "$(id -u)" = 0 ] && mount -t erofs -o loop,ro "$T/i.img" "$T/mnt" 2>/dev/null; then
    ok "Linux mounts it" test -x "$T/mnt/usr/bin/true" -a -f "$T/mnt/.proa/config.json"
    umount "$T/mnt"
else
    skip "Linux mounts it" "no right or no EROFS here"
fi
"$proa" build -q --compress -o "$T/z.img" /bin/ls
ok "a compressed image is smaller and can be inspected" eval '"$proa" inspect --json "$T/z.img" | jq -e "[.files[] | select(.compressed)] | length > 3"
    "$proa" build -q -o "$T/y.img" /bin/ls; [ $(stat -c %s "$T/z.img") -lt $(stat -c %s "$T/y.img") ]'
again() { "$proa" build -q -o "$T/j.img" /bin/true arg "two words"; sleep 1; "$proa" build -q -o "$T/k.img" /bin/true arg "two words"; cmp "$T/j.img" "$T/k.img"; }
ok "same input, same bytes" again

mkdir -p "$T/src/sub" && echo 1 >"$T/src/a" && echo 2 >"$T/src/sub/b" && ln -s a "$T/src/l" && chmod 4750 "$T/src/a"
mkfifo "$T/src/fifo"
ok "-v and --add place files" eval '"$proa" build -q -o "$T/v.img" -v "$T/src:/data/x:ro" --add "$T/src/a:/opt/one" --add "$T/src/sub" /bin/true &&
    "$proa" inspect --json "$T/v.img" | jq -r ".files[].path" >"$T/v" && for f in /data/x/a /data/x/sub/b /data/x/l /opt/one "$(readlink -f "$T")/src/sub/b"; do grep -Fx "$f" "$T/v" || exit 1; done; ! grep "/fifo$" "$T/v"'
ok "modes survive" eval '"$proa" inspect "$T/v.img" | grep -q "^-rwsr-x--- .*/data/x/a$"'
ok "-v through a link of the image" eval '"$proa" build -q -o "$T/w.img" -v "$T/src/a:/bin/mine" /bin/true && "$proa" inspect "$T/w.img" | grep -q " /usr/bin/mine$"'
mkdir -p "$T/root/bin" "$T/root/etc" && cp "$(readlink -f /bin/true)" "$T/root/bin/true" && echo me >"$T/root/etc/hostname" && ln -s /bin/true "$T/root/bin/also"
ok "--root" eval '"$proa" build -q -o "$T/r.img" --root "$T/root" also && "$proa" inspect --json "$T/r.img" | jq -e ".config.annotations[\"org.proa.exec\"] == \"/bin/also\" and ([.files[].path] | index(\"/etc/hostname\") > 0 and index(\"/usr/bin/true\") == null)"'
ok "--root that is a file" fails 125 "not a folder" "$proa" build -o "$T/r.img" --root /etc/passwd
ok "--root without a program" eval '"$proa" build -q -o "$T/r.img" --root "$T/root" && "$proa" inspect --json "$T/r.img" | jq -e ".config.process.args == []"'
ok "an image takes no more files" fails 125 'is an image' "$proa" run -v "$T/src:/x" "$T/i.img"
ok "strange names" eval 'mkdir "$T/odd" && touch "$T/odd/a b" "$T/odd/$(printf "x\ny")" "$T/odd/ü" && "$proa" build -q -o "$T/o.img" -v "$T/odd:/odd" /bin/true &&
    "$proa" inspect --json "$T/o.img" | jq -e "[.files[].path] | index(\"/odd/x\ny\") > 0"'

ok "not an image" fails 125 'no EROFS' "$proa" inspect /bin/true
ok "no file" fails 125 'No such file' "$proa" inspect "$T/none"
head -c 8192 "$T/i.img" >"$T/cut.img"
ok "image cut short" fails 125 'damaged: it is shorter' "$proa" inspect "$T/cut.img"
echo '{"process":{}}' >"$T/c1" && mkdir -p "$T/cr/.proa" && cp "$T/c1" "$T/cr/.proa/config.json" && mkfs.erofs --quiet "$T/c1.img" "$T/cr" 2>/dev/null >&2
ok "configuration without arguments" fails 125 'process.args is no list' "$proa" inspect "$T/c1.img"
echo '{"process":' >"$T/cr/.proa/config.json" && mkfs.erofs --quiet "$T/c2.img" "$T/cr" 2>/dev/null >&2
ok "configuration that is no JSON" fails 125 'not a valid configuration' "$proa" inspect "$T/c2.img"
ok "run refuses it too" fails 125 'not a valid configuration' "$proa" run "$T/c2.img"

# Metadata bytes flipped in turn: a listing or a message, never a crash or a hang.
mkdir -p "$T/tiny/d" && echo x >"$T/tiny/d/f" && ln -s f "$T/tiny/d/l" && "$proa" build -q -o "$T/t.img" --root "$T/tiny"
flip_image() {
    local i status size
    size=$(stat -c %s "$T/t.img")
    for ((i = 1024; i < size && i < 5000; i += 7)); do
        cp "$T/t.img" "$T/f.img"
        printf '\xff' | dd of="$T/f.img" bs=1 seek=$i conv=notrunc status=none
        timeout 10 "$proa" inspect "$T/f.img" >/dev/null 2>&1
        status=$?
        [ $status -lt 124 ] || [ $status = 125 ] || { echo "status $status at byte $i"; return 1; }
    done
}
ok "flipped bytes" flip_image

export PROA_QEMU=$here/fake-vmm
packs() { "$proa" run --verbose "$@" 2>&1 | grep -q '^proa: packing [0-9]'; }
rm -rf "$XDG_CACHE_HOME/proa"
cp "$(readlink -f /bin/true)" "$T/prog"
ok "the first run packs" packs "$T/prog"
ok "the second does not" eval '! packs "$T/prog"'
ok "other arguments and variables need no other image" eval '! packs -e A=1 -w /tmp --hostname h "$T/prog" true x'
touch "$T/prog"
ok "a changed program packs again" packs "$T/prog"
ok "a changed folder packs again" eval 'packs -v "$T/src:/s" "$T/prog"; ! packs -v "$T/src:/s" "$T/prog" && touch "$T/src/new" && packs -v "$T/src:/s" "$T/prog"'
ok "a lost image packs again" eval 'rm "$XDG_CACHE_HOME"/proa/images/*; packs "$T/prog"'
ok "a damaged record packs again" eval 'for f in "$XDG_CACHE_HOME"/proa/requests/*; do echo junk >"$f"; done; "$proa" run "$T/prog"'
trimmed() { PROA_CACHE_SIZE=1 "$proa" run -v "$T/src/a:/trim" "$T/prog" && same "$(ls "$XDG_CACHE_HOME/proa/images" | wc -l)" 1; }
ok "the cache keeps its size" trimmed
mkdir "$T/many" && (cd "$T/many" && seq 20000 | xargs touch)
stopped() { # by a signal in the middle of packing
    "$proa" build -o "$T/many.img" -v "$T/many:/many" /bin/true &
    local pid=$!
    for _ in $(seq 200); do ls -d /dev/shm/proa-stage.* >/dev/null 2>&1 && break; sleep 0.01; done
    kill -TERM $pid
    wait $pid
    same $? 143 && [ ! -e "$T/many.img" ]
}
ok "a signal ends packing" stopped
ok "no staging folder is left" eval '[ -z "$(ls -d /dev/shm/proa-stage.* 2>/dev/null)" ]'
if [ -x /usr/bin/python3 ]; then
    quick() { # a cached start, without the VMM, in under 80 ms: the best of five
        local best=1000 t i
        "$proa" run --dry-run /usr/bin/python3 >/dev/null || return
        for i in 1 2 3 4 5; do
            t=$(date +%s%N); "$proa" run --dry-run /usr/bin/python3 >/dev/null; t=$((($(date +%s%N) - t) / 1000000))
            [ $t -lt $best ] && best=$t
        done
        echo "$best ms"; [ $best -lt 80 ]
    }
    ok "a cached python3 starts at once" quick
fi
