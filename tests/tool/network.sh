# SPDX-License-Identifier: BSD-2-Clause
# Networks and ports: what the VMM and the guest are told, and what is said when the host has not got it. fake-vmm stands
# in for the guest; taps and bridges are made where root and the kernel allow it.
export PROA_QEMU=$here/fake-vmm
args() { timeout 20 "$proa" run "$@" /bin/true args; }
conf() { timeout 20 "$proa" run "$@" /bin/true config; }
# PATTERN OPTIONS...: a line of the VMM's arguments matches
has() { local p=$1; shift; args "$@" >"$T/args" || return; grep -Eq -- "$p" "$T/args" || { cat "$T/args"; return 1; }; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }

ok "the user-mode network is there by default" has '^user,id=n0,net=10.0.2.0/24,host=10.0.2.2,dns=10.0.2.3,dhcpstart=10.0.2.15,ipv6-net=fec0::/64$'
ok "its card, microvm" has '^virtio-net-device,netdev=n0,mac=52:54:00:12:34:56$'
ok "its card, q35" has '^virtio-net-pci,netdev=n0,mac=52:54:00:12:34:56,disable-legacy=on,romfile=,vectors=4$' --vmm qemu:q35
ok "the guest's addresses" has 'ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off:10.0.2.3 ip6=fec0::15/64,fec0::2,eth0 '
ok "--network none" eval 'args --network none >"$T/a" && ! grep -Eq "netdev|virtio-net|ip=" "$T/a"'
ok "--hostname goes to DHCP" has 'ip=[^ ]*:box:eth0:' --hostname box
ok "--ip in the user-mode network" has '^user,id=n0,net=10.9.0.0/16,host=10.9.0.2,dns=10.9.0.3,dhcpstart=10.9.1.1,' --ip 10.9.1.1/16
ok "--ip, --gateway, --mac, --dns" has 'ip=10.9.0.9::10.9.0.7:255.255.255.0::eth0:off:1.1.1.1:8.8.8.8 ' --ip 10.9.0.9 --gateway 10.9.0.7 --dns 1.1.1.1 --nameserver 8.8.8.8 --mac 02:00:00:00:00:07
ok "--ip6" has 'ip6=fd00::7/64,,eth0 ' --ip6 fd00::7
ok "--pcap" has "^filter-dump,id=d0,netdev=n0,file=$T/a,,b.pcap$" --pcap "$T/a,b.pcap"
ok "--add-host and --hostname reach /etc/hosts" eval 'conf --hostname box --add-host a:1.2.3.4 --add-host b:::1 --add-host h:host-gateway | jq -e ".annotations[\"org.proa.hosts\"] == \"10.0.2.15\tbox\n1.2.3.4\ta\n::1\tb\n10.0.2.2\th\n\""'
ok "no names, nothing to write" eval 'conf | jq -e ".annotations | has(\"org.proa.hosts\") | not"'
ok "--verbose says what was chosen" eval 'args --verbose 2>&1 | grep -q "network: eth0: user, 52:54:00:12:34:56, 10.0.2.15 by 10.0.2.2"'
ok "--dry-run of a tap names it" eval '"$proa" run --dry-run --network tap=t0 --network bridge=b0 /bin/true | grep -q "tap,id=n0,ifname=t0,script=no,downscript=no .*bridge,id=n1,br=b0"'

p1=$(free_port)
ok "-p HOST:GUEST" has ",hostfwd=tcp:0.0.0.0:$p1-10.0.2.15:80\$" -p "$p1:80"
ok "-p ADDR:HOST:GUEST/udp" has ",hostfwd=udp:127.0.0.1:$p1-10.0.2.15:53\$" -p "127.0.0.1:$p1:53/udp"
ok "-p several" has ",hostfwd=tcp:0.0.0.0:$p1-10.0.2.15:80,hostfwd=udp:0.0.0.0:$p1-10.0.2.15:80\$" -p "$p1:80" -p "$p1:80/udp"
ok "-p GUEST takes a free port and says which" eval 'has ",hostfwd=tcp:0.0.0.0:[0-9]{2,5}-10.0.2.15:80$" -p 80 2>"$T/err" && grep -Eq "port 80/tcp is port [0-9]+ of the host" "$T/err"'
ok "-p ADDR::GUEST" has ',hostfwd=tcp:127.0.0.1:[0-9]+-10.0.2.15:80$' -p 127.0.0.1::80
ok "-p with ranges" has ',hostfwd=tcp:127.0.0.1:(6[0-9]{4})-10.0.2.15:80,hostfwd=tcp:127.0.0.1:6[0-9]{4}-10.0.2.15:81$' -p 127.0.0.1:61080-61081:80-81
for bad in x 0:80 80:0 70000:80 80:70000 80:80/sctp 5-3:80 80-81:80-82 a.b:80:80 :80: 80- -80; do
    ok "-p $bad" fails 125 "-p $bad: " "$proa" run -p "$bad" true
done
ok "-p for IPv6" fails 125 'IPv4 addresses only' "$proa" run -p '[::1]:80:80' true
ok "-p names a port twice" fails 125 'named twice' "$proa" run -p "$p1:80" -p "127.0.0.1:$p1:81" true
ok "--network udp" eval 'has "^dgram,id=n0,local.type=inet,local.host=127.0.0.1,local.port=9001,remote.type=inet,remote.host=127.0.0.1,remote.port=9002$" --network udp=9001:9002 && grep -q "ip=:::::eth0:dhcp" "$T/args"'
ok "-p without a network" fails 125 'with none there is none' "$proa" run -p 80 --network none true
ok "-p with a tap" fails 125 'an address of its own' "$proa" run -p 80 --network tap=t0 true
for bad in tap= user=x foo tap tap=t0,x tap=t0,x=y udp=1 udp=1:x udp=1:70000 udp=7:7 tap=a-name-that-is-too-long tap=t0,ip=1.2.3 tap=t0,mac=1 user,ip=none; do
    ok "--network $bad" fails 125 '--network' "$proa" run --network "$bad" true
done
ok "--network none and another" fails 125 'other networks' "$proa" run --network none --network user true
ok "--network user twice" fails 125 'once is enough' "$proa" run --network user --network user true
ok "--ip without a network" fails 125 '--ip: there is no network' "$proa" run --network none --ip 1.2.3.4 true
for bad in '--ip 1.2.3' '--ip6 1.2.3.4' '--gateway x' '--mac 01:00:00:00:00:01' '--dns ::1' '--add-host a' '--add-host a:b'; do
    # shellcheck disable=SC2086
    ok "$bad" fails 125 "^proa: ${bad%% *} " "$proa" run $bad true
done
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/vs,ock"
ok "--vsock with a backend" eval 'has "^vhost-user-vsock-device,chardev=vsock$" --vsock "9,socket=$T/vs,ock" && grep -q "^socket,id=vsock,path=$T/vs,,ock$" "$T/args" && grep -q "^memory-backend-memfd,id=ram,share=on,size=262144k$" "$T/args"'
ok "--vsock, q35" has '^vhost-user-vsock-pci,disable-legacy=on,chardev=vsock$' --vmm qemu:q35 --vsock "9,socket=$T/vs,ock"
ok "--vsock by the kernel" eval '"$proa" run --dry-run --vsock 9 /bin/true | grep -q "vhost-vsock-device,guest-cid=9"'
ok "--vsock without a backend" fails 125 'none: No such file.*must run already' "$proa" run --vsock "3,socket=$T/none" true
ok "--vsock, no socket" fails 125 'is not a socket' "$proa" run --vsock 3,socket=/etc/passwd true
[ -e /dev/vhost-vsock ] || ok "--vsock without vhost" fails 125 '/dev/vhost-vsock: No such file.*vhost_vsock' "$proa" run --vsock 3 true
for bad in 2 x -3 4294967295 3, 3,socket= 3,path=x; do
    ok "--vsock $bad" fails 125 '--vsock' "$proa" run --vsock "$bad" true
done
ok "--pcap that cannot be written" fails 125 '--pcap /none/x: No such file' "$proa" run --pcap /none/x true

busy() { # COMMAND...: with $port in use
    python3 -c 'import socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", s.getsockname()[1]))
print(s.getsockname()[1], flush=True); sys.stdin.read()' <"$T/hold" >"$T/port" &
    local pid=$!
    exec 9>"$T/hold"
    for _ in $(seq 100); do [ -s "$T/port" ] && break; sleep 0.05; done
    port=$(cat "$T/port")
    "$@"
    local status=$?
    exec 9>&-
    wait $pid
    : >"$T/port"
    return $status
}
mkfifo "$T/hold"
taken() { fails 125 "port $1:$port/$2 is in use" "$proa" run -p "$1:$port:80/$2" true; }
ok "a port that is taken" busy taken 127.0.0.1 tcp
ok "a port that is taken, all addresses" busy taken 0.0.0.0 tcp
ok "a port that is taken, UDP" busy taken 127.0.0.1 udp
next() { has ",hostfwd=tcp:127.0.0.1:$((port + 1))-" -p "127.0.0.1:$port-$((port + 3)):80"; }
ok "a range whose first port is taken" busy next
ok "an address that is not ours" fails 125 'port 192.0.2.1:80/tcp: 192.0.2.1 is no address of this host' "$proa" run -p 192.0.2.1:80:80 true
ok "a tap that is not there" fails 125 'no such interface.*ip tuntap add dev proanone' "$proa" run --network tap=proanone true
ok "a bridge that is not there" fails 125 'no such interface.*ip link add proanone' "$proa" run --network bridge=proanone true
ok "a tap that is none" fails 125 'lo: it is no tap' "$proa" run --network tap=lo true
ok "a bridge that is none" fails 125 'lo: it is no bridge' "$proa" run --network bridge=lo true

tap=prt$$ bridge=prb$$
if [ "$(id -u)" = 0 ] && ip tuntap add dev $tap mode tap 2>/dev/null && ip link add $bridge type bridge 2>/dev/null; then
    ip link set $tap up
    ok "a tap" eval 'has "^tap,id=n0,fd=[0-9]+$" --network tap=$tap && grep -q "ip=:::::eth0:dhcp " "$T/args"'
    ok "a tap with a static address" has 'ip=10.0.0.2::10.0.0.1:255.255.0.0::eth0:off ' --network tap=$tap,ip=10.0.0.2/16,gateway=10.0.0.1
    ok "a tap without an address" has 'ip=:::::eth0:none ' --network tap=$tap,ip=none
    ok "a tap of one queue for two CPUs" has '^tap,id=n0,fd=[0-9]+$' --network tap=$tap --cpus 2
    ok "a bridge" has '^tap,id=n0,fd=[0-9]+$' --network bridge=$bridge
    ok "the bridge's tap goes away" eval '[ -z "$(ls /sys/class/net/$bridge/brif)" ]'
    ok "two cards" eval 'has "^virtio-net-device,netdev=n1" --network tap=$tap --network bridge=$bridge && grep -q "eth0:dhcp ip=:::::eth1:dhcp" "$T/args"'
    ok "a tap's card has the same address each time" eval 'args --network tap=$tap | grep ^virtio-net >"$T/m1"; args --network tap=$tap | grep ^virtio-net | cmp - "$T/m1"'
    hold() { "$proa" run --network tap=$tap /bin/true deaf >"$T/deaf" 2>&1 & local pid=$!; for _ in $(seq 100); do [ -s "$T/deaf" ] && break; sleep 0.05; done; fails 125 "tap=$tap: another program uses it" "$proa" run --network tap=$tap true; local s=$?; kill -KILL $pid; wait $pid 2>/dev/null; return $s; }
    ok "a tap in use" hold
    ip link set $tap down
    ok "a tap that is down" eval 'args --network tap=$tap 2>&1 >/dev/null | grep -q "interface is down"'
    ip link del $tap
    ip tuntap add dev $tap mode tap multi_queue
    ip link set $tap up
    ok "a tap of many queues" has '^tap,id=n0,fds=[0-9]+:[0-9]+:[0-9]+$' --network tap=$tap --cpus 3
    ok "its card" has 'mq=on' --network tap=$tap --cpus 3
    ok "a tap of many queues for one CPU" has '^tap,id=n0,fd=[0-9]+$' --network tap=$tap
    if command -v setpriv >/dev/null; then
        chmod 755 "$T"
        ok "a tap of somebody else's" fails 125 '/dev/net/tun: Permission denied|not permitted' env XDG_CACHE_HOME=/tmp/proa-test-$$ HOME=/tmp setpriv --reuid 65534 --regid 65534 --clear-groups "$proa" run --network tap=$tap /bin/true
        rm -rf /tmp/proa-test-$$
    fi
    ip link del $tap
    ip link del $bridge
else
    ip link del $tap 2>/dev/null
    skip "taps and bridges" "not root, or the kernel has none"
fi
