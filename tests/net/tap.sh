# SPDX-License-Identifier: BSD-2-Clause
# A guest on a tap, whose other end is in a network namespace: static addresses, DHCP, IPv6, link-level odds and ends.
# Needs root. netem.sh goes on with the same.
ns=proanet$$
if [ $mode = host ]; then
    skip tap "there is no guest"
    ns=
elif [ "$(id -u)" != 0 ] || ! ip netns add $ns 2>/dev/null; then
    skip tap "no root, or no network namespaces"
    ns=
fi
in_ns() { ip netns exec "$ns" "$@"; }
make_tap() {
    in_ns ip link set lo up
    in_ns ip tuntap add dev tap0 mode tap multi_queue
    in_ns ip addr add 10.77.0.1/24 dev tap0
    in_ns ip addr add fd77::1/64 dev tap0 nodad
    in_ns ip link set tap0 up
}
# tap_serve NAME [OPTIONS...] -- PROGRAM...: at 10.77.0.2 and fd77::2
tap_serve() {
    local options=() n=$1
    name=$n
    shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    # shellcheck disable=SC2086
    in_ns "$proa" run -d --name "$n" --network tap=tap0,ip=10.77.0.2/24,gateway=10.77.0.1,ip6=fd77::2/64 $PROA_NET_OPTS \
        "${options[@]}" "$@" >/dev/null 2>"$T/serve.log" || cat "$T/serve.log"
}
tap_stop() { "$proa" rm -f "$name" >/dev/null 2>&1; }
if [ -n "$ns" ]; then
    make_tap
    tapweb=$T/tapweb
    mkdir -p "$tapweb"
    head -c 20000000 /dev/urandom >"$tapweb/20m"
    echo hello >"$tapweb/hello"
    tapsum=$(md5sum <"$tapweb/20m")
    cat >"$T/tapnginx.conf" <<CONF
daemon off; master_process off; error_log stderr; pid /tmp/nginx.pid;
events { worker_connections 2000; }
http { access_log off; sendfile on; default_type text/plain;
  client_body_temp_path /tmp/c; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen 80; listen [::]:80; root $tapweb; } }
CONF
    tap_get() { in_ns curl -sS --max-time "${limit:-60}" "$@"; }
    if wanted tap nginx curl; then
        tap_serve tap -v "$tapweb:$tapweb:ro" -v "$T/tapnginx.conf:$T/tapnginx.conf" -- nginx -p /tmp -c "$T/tapnginx.conf"
        ok "tap: nginx answers" within 20 eval 'same "$(tap_get http://10.77.0.2/hello)" hello' || said
        ok "tap: IPv6" within 10 eval 'same "$(tap_get "http://[fd77::2]/hello")" hello'
        ok "tap: 20 MB" eval 'same "$(tap_get http://10.77.0.2/20m | md5sum)" "$tapsum"'
        ok "tap: 20 MB over IPv6" eval 'same "$(tap_get "http://[fd77::2]/20m" | md5sum)" "$tapsum"'
        ok "tap: ping" eval 'in_ns ping -c 3 -i 0.2 10.77.0.2 | grep -q " 0% packet loss"'
        ok "tap: ping of 8000 bytes" eval 'in_ns ping -c 3 -i 0.2 -s 8000 10.77.0.2 | grep -q " 0% packet loss"'
        ok "tap: ping over IPv6" eval 'in_ns ping -c 3 -i 0.2 fd77::2 | grep -q " 0% packet loss"'
        ok "tap: ping of 8000 bytes over IPv6" eval 'in_ns ping -c 3 -i 0.2 -s 8000 fd77::2 | grep -q " 0% packet loss"'
        ok "tap: nothing listens" eval 'tap_get http://10.77.0.2:81/ 2>&1 | grep -Eq "refused|Couldn.t connect"'
        ok "tap: a neighbour that forgot" eval 'in_ns ip neigh flush dev tap0 && same "$(tap_get http://10.77.0.2/hello)" hello'
        ok "tap: link down and up" eval 'in_ns ip link set tap0 down; sleep 0.5; in_ns ip link set tap0 up; in_ns ip addr add fd77::1/64 dev tap0 nodad 2>/dev/null; sleep 0.5; same "$(tap_get http://10.77.0.2/hello)" hello'
        ! has ab || ok "tap: 3000 connections" eval 'in_ns ab -q -n 3000 -c 50 http://10.77.0.2/hello | grep -Eq "^Failed requests: +0$"'
        ! has wrk || ok "tap: wrk" eval 'in_ns wrk -t1 -c32 -d3 http://10.77.0.2/hello | tee /dev/stderr | grep -q "Requests/sec" && ! in_ns wrk -t1 -c32 -d1 http://10.77.0.2/hello | grep -q "Socket errors"'
        tap_stop
        tap_serve tap2 --cpus 2 -v "$tapweb:$tapweb:ro" -v "$T/tapnginx.conf:$T/tapnginx.conf" -- nginx -p /tmp -c "$T/tapnginx.conf"
        ok "tap: two CPUs, two queues" within 20 eval 'same "$(tap_get http://10.77.0.2/20m | md5sum)" "$tapsum"' || said
        ! has ab || ok "tap: two CPUs, 1000 connections" eval 'in_ns ab -q -n 1000 -c 50 http://10.77.0.2/hello | grep -Eq "^Failed requests: +0$"'
        tap_stop
    fi
    if wanted zerocopy gcc; then
        gcc -O1 -static -o "$T/zerocopy" "$here/zerocopy.c"
        tap_serve zerocopy -- "$T/zerocopy" 7100
        ok "tap: pages sent by reference, and told of" within 20 eval '
            in_ns timeout 30 bash -c "exec </dev/tcp/10.77.0.2/7100; sleep 1; cat" >"$T/zerocopied" &&
            same "$(tail -n 1 "$T/zerocopied" | tail -c 5)" told &&
            same "$(head -c 8388608 "$T/zerocopied" | md5sum)" \
                "$(python3 -c "import sys; sys.stdout.write((bytes(97 + i % 251 % 26 for i in range(251)) * 33421).decode()[:8388608])" | md5sum)"'
        tap_stop
    fi
    if wanted link python3 && has qemu-system-x86_64; then
        # The cable is pulled at the VMM's monitor while a connection goes on.
        cat >"$T/linkvmm" <<VMM
#!/bin/sh
exec qemu-system-x86_64 "\$@" -monitor unix:$T/monitor,server,nowait
VMM
        chmod +x "$T/linkvmm"
        cat >"$T/ticks.py" <<'PY'
import select, socket, struct
n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
n.bind((0, 1))  # RTMGRP_LINK
s = socket.create_server(("0.0.0.0", 9100))
c, tick = s.accept()[0], 0
while True:
    if select.select([n], [], [], 0.02)[0]:
        flags = struct.unpack_from("=I", n.recv(8192), 16 + 8)[0]
        c.sendall(f"running {flags >> 6 & 1}\n".encode())
    tick += 1
    c.sendall(f"tick {tick}\n".encode())
PY
        cat >"$T/pull.py" <<'PY'
import socket, sys, time
monitor = socket.socket(socket.AF_UNIX)
monitor.connect(sys.argv[1])
s = socket.create_connection(("10.77.0.2", 9100))
lines, last = s.makefile(), 0
def set_link(how):
    monitor.sendall(f"set_link n0 {how}\n".encode())
def take(n, until=None):
    global last
    while n:
        word, value = lines.readline().split()
        if word == "tick":
            assert int(value) == last + 1, (value, last)
            last += 1
            n -= until is None
        elif f"{word} {value}" == until:
            return
take(20)
for i in range(2):
    set_link("off")
    time.sleep(1)
    set_link("on")
    take(1, "running 0")
    take(1, "running 1")
    take(20)
PY
        PROA_QEMU=$T/linkvmm tap_serve link -v "$T/ticks.py:$T/ticks.py" -- /usr/bin/python3 "$T/ticks.py"
        within 20 eval 'in_ns ping -c 1 -W 1 10.77.0.2 >/dev/null'
        ok "link: pulled and put in again, twice" in_ns timeout 60 python3 "$T/pull.py" "$T/monitor"
        tap_stop
        PROA_QEMU=$T/linkvmm tap_serve link --vmm qemu:q35 -v "$T/ticks.py:$T/ticks.py" -- /usr/bin/python3 "$T/ticks.py"
        within 20 eval 'in_ns ping -c 1 -W 1 10.77.0.2 >/dev/null'
        ok "link: pulled on PCI" in_ns timeout 60 python3 "$T/pull.py" "$T/monitor"
        tap_stop
    fi
    if wanted tcpdump tcpdump ping; then
        dump() { # PACKETS OPTIONS... FILTER: captures so many in the guest, and is ready
            local nr=$1
            shift
            tap_serve tcpdump -- tcpdump -Z root -lnn -c "$nr" "$@"
            within 20 eval '"$proa" logs tcpdump 2>&1 | grep -q "listening on"' || "$proa" logs tcpdump
        }
        dumped() { # so many are captured: what it said of them
            within 20 eval '"$proa" logs tcpdump 2>&1 | grep -q "packets* captured"'
            "$proa" logs tcpdump 2>&1
        }
        counts() { local p; for p in "$@"; do grep -Ec "$p" "$T/dump"; done | xargs; }
        dump 6 -i eth0 icmp
        ok "tcpdump: a ping" eval 'in_ns ping -c 3 -i 0.2 10.77.0.2 && dumped >"$T/dump" &&
            same "$(counts "10.77.0.1 > 10.77.0.2: ICMP echo request" "10.77.0.2 > 10.77.0.1: ICMP echo reply" "0 packets dropped")" "3 3 1" || { dumped; false; }'
        tap_stop
        dump 3 -i eth0 -Q out icmp
        ok "tcpdump: outgoing alone" eval 'in_ns ping -c 3 -i 0.2 10.77.0.2 && dumped >"$T/dump" && same "$(counts "ICMP echo reply" request)" "3 0" || { dumped; false; }'
        tap_stop
        dump 2 -i any 'tcp[tcpflags] & (tcp-syn|tcp-rst) != 0 and port 81'
        ok "tcpdump: all devices, TCP by port and flags" eval 'tap_get http://10.77.0.2:80/ http://10.77.0.2:81/; dumped >"$T/dump";
            same "$(counts "eth0 *In .* > 10.77.0.2.81: Flags .S." "eth0 *Out .*10.77.0.2.81 > .*: Flags .R.*")" "1 1" || { dumped; false; }'
        tap_stop
    fi
    if wanted dhcp dnsmasq curl; then
        ip netns exec "$ns" dnsmasq --keep-in-foreground --port=0 --user=root --pid-file= --dhcp-leasefile="$T/leases" --interface=tap0 --bind-interfaces \
            --dhcp-range=10.77.0.50,10.77.0.60,2m --dhcp-option=option:dns-server,10.77.0.1 --dhcp-option=option:router,10.77.0.1 2>"$T/dnsmasq.log" &
        jobs+=($!)
        ip netns exec "$ns" python3 -m http.server -d "$tapweb" -b 10.77.0.1 8090 >/dev/null 2>&1 &
        jobs+=($!)
        sleep 0.5
        ok "dhcp: an address, and a word" eval 'same "$(in_ns timeout 60 "$proa" run -q --hostname dhcpbox --network tap=tap0 $PROA_NET_OPTS curl -sS --retry 5 --retry-connrefused http://10.77.0.1:8090/hello)" hello'
        ok "dhcp: the host name" grep -q "10.77.0.5.* dhcpbox" "$T/leases"
        ok "dhcp: resolv.conf" eval 'in_ns timeout 60 "$proa" run -q --network tap=tap0 $PROA_NET_OPTS /usr/bin/python3 -c "import time; time.sleep(1); print(open(\"/etc/resolv.conf\").read())" | grep -q "nameserver 10.77.0.1"'
        kill "${jobs[-2]}"
        wait "${jobs[-2]}" 2>/dev/null
        # A lease to be renewed after three seconds, rebound after six: when nobody has the server's address any more.
        dhcp_log=$T/renew.log
        ip netns exec "$ns" dnsmasq --keep-in-foreground --port=0 --user=root --pid-file= --dhcp-leasefile="$T/leases" --interface=tap0 --bind-interfaces \
            --dhcp-range=10.77.0.50,10.77.0.60,2m --dhcp-option=option:T1,3 --dhcp-option=option:T2,6 --log-dhcp --log-facility="$dhcp_log" &
        jobs+=($!)
        within 5 test -s "$dhcp_log"
        acks() { [ "$(grep -c 'DHCPACK(tap0)' "$dhcp_log")" -ge "$1" ]; }
        in_ns "$proa" run -d --name renew --network tap=tap0 $PROA_NET_OPTS sleep 100 >/dev/null
        ok "dhcp: a lease" within 20 acks 1
        ok "dhcp: renewed by the server" within 20 acks 2
        in_ns ip -4 addr flush dev tap0
        in_ns ip addr add 10.77.0.3/24 dev tap0
        ok "dhcp: rebound by another" within 30 grep -q 'sent size: *4 option: *54 server-identifier *10.77.0.3' "$dhcp_log"
        ok "dhcp: the address is kept" eval 'in_ns ping -c 2 -i 0.2 "$(sed -n "s/.*DHCPACK(tap0) \([0-9.]*\).*/\1/p" "$dhcp_log" | tail -1)" | grep -q " 0% packet loss"'
        "$proa" rm -f renew >/dev/null
        in_ns ip -4 addr flush dev tap0
        in_ns ip addr add 10.77.0.1/24 dev tap0
        kill "${jobs[-1]}"
        wait "${jobs[-1]}" 2>/dev/null
        # A router that says that there is stateless DHCPv6, which alone tells of a domain.
        ip netns exec "$ns" dnsmasq --keep-in-foreground --port=0 --user=root --pid-file= --dhcp-leasefile="$T/leases" --interface=tap0 --bind-interfaces \
            --enable-ra --dhcp-range=fd77::,ra-stateless --dhcp-option=option6:dns-server,[fd77::53] \
            --dhcp-option=option6:domain-search,v6.example 2>"$T/dnsmasq.log" &
        jobs+=($!)
        sleep 0.5
        ok "dhcp: DHCPv6" eval 'in_ns timeout 60 "$proa" run -q --network tap=tap0,ip=10.77.0.2/24 $PROA_NET_OPTS /usr/bin/python3 -c "
import socket, time
socket.socket()
for i in range(100):
    text = open(\"/etc/resolv.conf\").read()
    if \"domain v6.example\" in text: break
    time.sleep(0.1)
print(text)" | grep -q "^nameserver fd77::53"'
    fi
fi
