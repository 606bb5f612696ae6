# SPDX-License-Identifier: BSD-2-Clause
# Bad networks: badlink.c carries frames between a tap of the namespace and the guest, and treats them badly, both ways.
# Needs tap.sh.
bad() { # SETTINGS...: of badlink
    [ -z "$link" ] || { kill "$link"; wait "$link" 2>/dev/null; }
    ip netns exec "$ns" "$T/badlink" bad0 47001 47002 "$@" &
    link=$!
    jobs+=($link)
}
bad_serve() { # OPTIONS... -- PROGRAM...
    local options=()
    name=bad
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    # shellcheck disable=SC2086
    in_ns "$proa" run -d --name bad --network udp=47002:47001,ip=10.79.0.2/24,gateway=10.79.0.1,ip6=fd79::2/64 $PROA_NET_OPTS \
        "${options[@]}" "$@" >/dev/null 2>"$T/serve.log" || cat "$T/serve.log"
}
fetch() { same "$(limit=200 tap_get "http://$1/${2:-20m}" | md5sum)" "${3:-$tapsum}"; }
send() { # the guest receives
    in_ns nc -N -w 200 10.79.0.2 9000 <"$tapweb/5m" | grep -q "^5000000 ${sum5%% *}$"
}
if [ -z "$ns" ]; then
    skip netem "no tap"
elif [ ! -s "$tapweb/20m" ]; then
    ok "netem: what tap.sh serves" false
elif ! gcc -O2 -D_GNU_SOURCE -o "$T/badlink" "$here/badlink.c"; then
    skip netem "badlink.c does not build"
elif wanted netem nginx curl; then
    link=
    head -c 5000000 "$tapweb/20m" >"$tapweb/5m"
    sum5=$(md5sum <"$tapweb/5m")
    in_ns ip tuntap add dev bad0 mode tap
    in_ns ip addr add 10.79.0.1/24 dev bad0
    in_ns ip addr add fd79::1/64 dev bad0 nodad
    in_ns ip link set bad0 up
    bad
    bad_serve -v "$tapweb:$tapweb:ro" -v "$T/tapnginx.conf:$T/tapnginx.conf" -- nginx -p /tmp -c "$T/tapnginx.conf"
    ok "netem: a good link" within 20 fetch 10.79.0.2 || said
    while read -r file words; do
        # shellcheck disable=SC2086
        bad $words
        [ "$file" = 20m ] && want=$tapsum || want=$sum5
        ok "netem: $file from the guest, $words" fetch 10.79.0.2 "$file" "$want"
    done <<'LIST'
20m loss=0.1
20m loss=1
5m loss=3 delay=5
5m loss=10
20m delay=5 jitter=4
20m delay=5 reorder=10
20m dup=5
20m corrupt=1
5m rate=20000 delay=20
5m loss=1 delay=10 jitter=5 dup=1 corrupt=0.5 reorder=5
LIST
    bad loss=1
    ok "netem: 5 MB over IPv6, loss=1" fetch '[fd79::2]' 5m "$sum5"
    bad loss=2 delay=2
    ! has ab || ok "netem: 300 connections, loss=2 delay=2" eval 'in_ns ab -q -s 60 -n 300 -c 20 http://10.79.0.2/hello | grep -Eq "^Failed requests: +0$"'
    "$proa" rm -f bad >/dev/null
    cat >"$T/sink.py" <<'PY'
import hashlib, socket
s = socket.create_server(("0.0.0.0", 9000))
while True:
    c, _ = s.accept()
    h, n = hashlib.md5(), 0
    while data := c.recv(65536):
        h.update(data)
        n += len(data)
    c.sendall(f"{n} {h.hexdigest()}\n".encode())
    c.close()
PY
    bad
    bad_serve -v "$T/sink.py:$T/sink.py" -- /usr/bin/python3 "$T/sink.py"
    ok "netem: 5 MB to the guest" within 30 send
    for words in loss=1 loss=5 "delay=5 reorder=10" "jitter=4 delay=5" corrupt=1 dup=5; do
        # shellcheck disable=SC2086
        bad $words
        ok "netem: 5 MB to the guest, $words" send
    done
    "$proa" rm -f bad >/dev/null
fi
