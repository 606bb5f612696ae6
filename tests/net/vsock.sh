# SPDX-License-Identifier: BSD-2-Clause
# AF_VSOCK through a device: a guest's server and client with programs here at the other end, through a vhost-user backend
# (rust-vmm's vhost-device-vsock, which maps the guest's ports to unix sockets). It comes from crates.io when cargo is
# there; build/tests/vsock keeps it. PROA_VHOST_VSOCK: the backend's path.
vsock_backend() {
    backend=${PROA_VHOST_VSOCK-$PWD/build/tests/vsock/bin/vhost-device-vsock}
    [ -x "$backend" ] && return
    has cargo || { skip vsock 'no cargo'; return 1; }
    cargo install --quiet --root "$PWD/build/tests/vsock" vhost-device-vsock >"$T/vsock.log" 2>&1 && return
    skip vsock 'no vhost-device-vsock'
    return 1
}
vsock_start() { # the backend, which serves one VM after the other
    rm -f "$T/vsock"*
    "$backend" --vm "guest-cid=7,socket=$T/vsock,uds-path=$T/vsock-host" >"$T/backend.log" 2>&1 </dev/null &
    vsock_pid=$!
    jobs+=($vsock_pid)
    within 10 [ -S "$T/vsock" ]
}
vsock_run() { # OPTIONS... -- ARGS...: the guest's program
    local options=()
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    # shellcheck disable=SC2086
    timeout 120 "$proa" run -q --network none --vsock "7,socket=$T/vsock" $PROA_NET_OPTS "${options[@]}" "$T/guest" "$@"
}
vsock_orphan() { # the backend is killed under the guest's connection
    mkfifo "$T/in"
    vsock_run -- orphan <"$T/in" >"$T/orphan" 2>&1 &
    local vm=$!
    exec 8>"$T/in"
    within 20 grep -q '^connected 1' "$T/orphan" || { cat "$T/orphan"; return 1; }
    kill -9 "$vsock_pid"
    echo >&8
    wait $vm
    exec 8>&-
    tail -n +2 "$T/orphan" >"$T/rest"
    diff - "$T/rest" <<<$'read Resource temporarily unavailable\nconnect fails'
}
if [ $mode = proa ] && wanted vsock python3 gcc && vsock_backend; then
    gcc -O1 -static -pthread -D_GNU_SOURCE -o "$T/guest" "$here/vsock_guest.c"
    for machine in qemu:microvm qemu:q35; do
        vsock_start
        python3 "$here/vsock.py" serve "$T/vsock-host_2000" >/dev/null 2>&1 &
        jobs+=($!)
        within 10 [ -S "$T/vsock-host_2000" ]
        vsock_client() { vsock_run --vmm $machine -- client >"$T/client"; diff - "$T/client" <<<$'cid 7\ngood 100 refused 1'; }
        ok "vsock: client, $machine" vsock_client
        within 10 [ -S "$T/vsock" ]
        vsock_run --vmm $machine --cpus 2 -- >"$T/server" 2>&1 </dev/null &
        within 20 grep -q listening "$T/server"
        for test in many large get slow half refused; do
            ok "vsock: server, $test, $machine" timeout 100 python3 "$here/vsock.py" $test "$T/vsock-host" 1000
        done
        ok "vsock: server, its end, $machine" python3 "$here/vsock.py" stop "$T/vsock-host" 1000
        wait $!
        [ $machine = qemu:q35 ] && ok "vsock: the backend dies" vsock_orphan
        kill "$vsock_pid" 2>/dev/null
    done
fi
