# SPDX-License-Identifier: BSD-2-Clause
# Floods: half-open connections, more connections than descriptors, readers that do not read, very many idle ones. The
# server goes on serving others, and its memory comes back. Needs tap.sh.
if [ -z "$ns" ]; then
    skip floods "no tap"
elif ! gcc -O1 -static -D_GNU_SOURCE -o "$T/hold" "$here/hold.c"; then
    skip floods "hold.c does not build"
elif wanted floods python3; then
    flood() { in_ns timeout 300 python3 "$here/flood.py" "$1" 10.77.0.2 7000 "$2"; }
    tap_serve floods -m 128m -- "$T/hold" 7000
    ok "floods: 20000 SYNs that lead to nothing" within 20 flood syn 20000 || said
    ok "floods: 50 slow readers" flood slow 50
    ok "floods: 10000 idle connections" flood idle 10000
    tap_stop
    tap_serve floods-fds -m 64m -- "$T/hold" 7000 300
    ok "floods: 1000 connections, 300 descriptors" within 20 flood connections 1000 || said
    tap_stop
fi
