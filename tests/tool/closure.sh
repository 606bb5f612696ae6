# SPDX-License-Identifier: BSD-2-Clause
# The closure against the loaders' own word, and what Debian packages bring.
files() { "$proa" inspect --json "$1" | jq -r '.files[].path' | sort; }
build() { "$proa" build -q -o "$T/c.img" "$@"; }
has() { files "$T/c.img" | grep -Fxq "$1" || { echo "$1 is not in the image"; return 1; }; }
lacks() { ! files "$T/c.img" | grep -Eq "$1" || { files "$T/c.img" | grep -E "$1" | head -3; return 1; }; }

# The libraries of an image are those ldd names, each as the file its links lead to.
like_ldd() {
    build --no-packages "$1" || return
    ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | xargs -r readlink -f | sort -u >"$T/ldd"
    "$proa" inspect --json "$T/c.img" | jq -r '.files[] | select(.type == "file") | .path' |
        grep -E '\.so(\.|$)' | grep -v '/ld\.so\.cache$' | sort -u >"$T/ours"
    diff "$T/ldd" "$T/ours"
}
for program in /bin/true /bin/ls /usr/bin/sqlite3 /usr/bin/python3 /usr/bin/qemu-system-x86_64 /usr/bin/gdb \
    /usr/bin/openssl /usr/bin/perl /usr/bin/jq /usr/bin/git; do
    if [ -x $program ]; then
        ok "as ldd: $program" like_ldd $program
    else
        skip "as ldd: $program" "not installed"
    fi
done

links() { # every link on the way to the loader and libc is there and leads on
    build --no-packages /bin/true && has /lib64 && has /usr/lib64/ld-linux-x86-64.so.2 && has /bin
}
ok "links on the way are kept" links
mounts() { build --no-packages /bin/true && for d in /proc /sys /dev /tmp /run /etc/passwd /etc/hosts; do has $d || return; done; }
ok "mount points and a minimal /etc" mounts
accounts() { # the host's system accounts are there, people's are not
    build --no-packages /bin/true && fsck.erofs --extract="$T/accounts" "$T/c.img" >/dev/null &&
        awk -F: '$3 < 1000 || $3 == 65534 { print $1, $3, $4, $6, $7 }' /etc/passwd | cmp - <(awk -F: '{ print $1, $3, $4, $6, $7 }' "$T/accounts/etc/passwd") &&
        awk -F: '$3 < 1000 || $3 == 65534 { print $1, $3 }' /etc/group | cmp - <(awk -F: '{ print $1, $3 }' "$T/accounts/etc/group")
}
ok "the host's system accounts" accounts
if [ -L /etc/nginx/sites-enabled/default ]; then
    ok "links that say what is in use" eval 'build nginx && has /etc/nginx/sites-enabled/default'
else
    skip "links that say what is in use" "no nginx as Debian configures it"
fi
cache() { # the guest's ld.so.cache is valid and names exactly what is there
    build --no-packages /usr/bin/python3 && fsck.erofs --extract="$T/x" "$T/c.img" >/dev/null && ldconfig -p -C "$T/x/etc/ld.so.cache" >"$T/p" &&
        grep -q libc.so.6 "$T/p" && ! grep -q libssl "$T/p"
}
ok "a smaller ld.so.cache" cache

if command -v gcc >/dev/null; then
    mkdir -p "$T/app/bin" "$T/app/lib/sub" "$T/other"
    echo 'int g(void) { return 1; }' | gcc -shared -fPIC -o "$T/app/lib/sub/libg.so" -x c -
    echo 'int g(void); int f(void) { return g(); }' |
        gcc -shared -fPIC -o "$T/app/lib/libf.so" -x c - -L"$T/app/lib/sub" -lg '-Wl,-rpath,$ORIGIN/sub,--enable-new-dtags'
    app() { echo 'int f(void); int main(void) { return f(); }' |
        gcc -o "$T/app/bin/app" -x c - -L"$T/app/lib" -lf -Wl,-rpath-link,"$T/app/lib/sub" "$@"; }
    app '-Wl,-rpath,$ORIGIN/../lib,--enable-new-dtags'
    ok "RUNPATH with \$ORIGIN, transitively" like_ldd "$T/app/bin/app"
    app '-Wl,-rpath,${ORIGIN}/../lib,--disable-new-dtags'
    ok "RPATH with \${ORIGIN}" like_ldd "$T/app/bin/app"
    echo 'int g(void); int f(void) { return g(); }' |
        gcc -shared -fPIC -o "$T/app/lib/libf.so" -x c - -L"$T/app/lib/sub" -lg
    app '-Wl,-rpath,$ORIGIN/../lib:$ORIGIN/../lib/sub,--disable-new-dtags'
    ok "RPATH of the program serves its libraries" like_ldd "$T/app/bin/app"
    app '-Wl,-rpath,$ORIGIN/../lib:$ORIGIN/../lib/sub,--enable-new-dtags'
    ok "RUNPATH of the program does not" fails 127 'libg.so \(for .*libf.so\)' "$proa" build -o "$T/c.img" "$T/app/bin/app"
    app
    ok "without a path the library is missing" fails 127 'libf.so' "$proa" build -o "$T/c.img" "$T/app/bin/app"
    export LD_LIBRARY_PATH=$T/app/lib:$T/app/lib/sub
    ok "LD_LIBRARY_PATH" like_ldd "$T/app/bin/app"
    ok "LD_LIBRARY_PATH reaches the guest" eval 'build --no-packages "$T/app/bin/app" &&
        "$proa" inspect --json "$T/c.img" | jq -r ".config.process.env[]" | grep -q "^LD_LIBRARY_PATH=$T/app/lib:"'
    unset LD_LIBRARY_PATH
    mkdir -p "$T/app/lib/glibc-hwcaps/x86-64-v3"
    cp "$T/app/lib/sub/libg.so" "$T/app/lib/glibc-hwcaps/x86-64-v3/libg.so"
    cp "$T/app/lib/sub/libg.so" "$T/app/lib/libg.so"
    app '-Wl,-rpath,$ORIGIN/../lib,--disable-new-dtags'
    ok "libraries for newer CPUs come along" eval 'build --no-packages "$T/app/bin/app" &&
        has "$(readlink -f "$T")/app/lib/glibc-hwcaps/x86-64-v3/libg.so" && has "$(readlink -f "$T")/app/lib/libg.so"'
    echo 'int main(void) { return 0; }' | gcc -static -o "$T/static" -x c -
    ok "a static program brings nothing" eval 'build --no-packages "$T/static" && lacks "\.so"'
    ok "a program by relative path keeps its absolute place" eval '(cd "$T/other" && build ../static) && has "$(readlink -f "$T")/static"'
fi
if command -v musl-gcc >/dev/null; then
    echo 'int main(void) { return 0; }' | musl-gcc -o "$T/musl" -x c -
    ok "musl" eval 'build "$T/musl" && has /lib/ld-musl-x86_64.so.1 || has /usr/lib/ld-musl-x86_64.so.1; lacks "libc.so.6"'
fi

printf '#!/bin/sed -f\n' >"$T/sedscript" && chmod +x "$T/sedscript"
ok "a script brings its interpreter" eval 'build --no-packages "$T/sedscript" && has /usr/bin/sed && has /usr/lib/x86_64-linux-gnu/libc.so.6'
printf '#!/usr/bin/env -S sed -f\n' >"$T/envscript" && chmod +x "$T/envscript"
ok "env's program too" eval 'build --no-packages "$T/envscript" && has /usr/bin/env && has /usr/bin/sed'

if [ -d /var/lib/dpkg/info ] && [ -x /usr/bin/python3 ]; then
    python() { # the standard library with its compiled form, ssl with its libraries, no documentation
        build /usr/bin/python3 && has /usr/lib/python3.11/json/__init__.py &&
            has /usr/lib/python3.11/json/__pycache__/__init__.cpython-311.pyc &&
            has /usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so &&
            has /usr/lib/x86_64-linux-gnu/libssl.so.3 && lacks '^/usr/share/(doc|man|locale|lintian)/' &&
            lacks '^/(usr/bin/(dpkg|debconf|perl)|var/lib/dpkg)'
    }
    ok "python3 comes with its library" python
    ok "--no-packages leaves the loader's closure" eval 'build --no-packages /usr/bin/python3 && lacks "json/|libssl"'
    ok "plug-ins bring what they load" eval 'build /usr/bin/python3 && has "$(readlink -f /usr/lib/x86_64-linux-gnu/libsqlite3.so.0)"'
    ok "--package" eval 'build --package media-types /bin/true && has /etc/mime.types'
    times() { # a module's time is what its compiled form compares
        build /usr/bin/python3 && same "$("$proa" inspect --json "$T/c.img" |
            jq '.files[] | select(.path == "/usr/lib/python3.11/os.py").mtime')" "$(stat -c %Y /usr/lib/python3.11/os.py)"
    }
    ok "times survive" times
    printf '#!/usr/bin/python3\n' >"$T/pyscript" && chmod +x "$T/pyscript"
    ok "a python script brings python's library" eval 'build "$T/pyscript" && has /usr/lib/python3.11/json/__init__.py'
    mkdir -p "$T/venv/bin" "$T/venv/lib/python3.11/site-packages/mod"
    ln -s /usr/bin/python3 "$T/venv/bin/python3" && touch "$T/venv/pyvenv.cfg" "$T/venv/lib/python3.11/site-packages/mod/x.py"
    ok "a virtual environment brings its folder" eval 'build "$T/venv/bin/python3" && has "$(readlink -f "$T")/venv/pyvenv.cfg" &&
        has "$(readlink -f "$T")/venv/lib/python3.11/site-packages/mod/x.py" && has /usr/lib/python3.11/json/__init__.py'
    mkdir -p "$T/mgr/shims" "$T/mgr/versions/9.9/bin" "$T/mgr/versions/9.9/lib"
    printf '#!/bin/sh\n' >"$T/mgr/shims/true" && cp /bin/true "$T/mgr/versions/9.9/bin/" && touch "$T/mgr/versions/9.9/lib/x"
    chmod +x "$T/mgr/shims/true"
    ok "a version manager's shim gives way to its program" eval \
        'PYENV_VERSION=9.9 PATH=$T/mgr/shims:$PATH build true && has "$(readlink -f "$T")/mgr/versions/9.9/lib/x"'
    ok "version system: the next in PATH" eval 'PYENV_VERSION=system PATH=$T/mgr/shims:$PATH build true && lacks mgr'
fi
