# SPDX-License-Identifier: BSD-2-Clause
# Clients in the guest, over the user-mode network, with servers of this machine.
files=$T/files
mkdir -p "$files"
head -c 5000000 /dev/urandom >"$files/5m"
echo hello >"$files/hello"
sum=$(md5sum <"$files/5m")
if [ $mode = host ]; then to=127.0.0.1 to6='[::1]'; else to=10.0.2.2 to6='[fec0::2]'; fi

# The server prints its ports: one of IPv4, one of IPv6 (0: this host has none).
cat >"$T/files.py" <<'PY'
import functools, http.server, os, socket, sys, threading
class Six(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
h = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
four = http.server.ThreadingHTTPServer(("127.0.0.1", 0), h)
threading.Thread(target=four.serve_forever, daemon=True).start()
try:
    six = Six(("::1", 0), h)
    threading.Thread(target=six.serve_forever, daemon=True).start()
    port6 = six.server_port
except OSError:
    port6 = 0
print(four.server_port, port6, flush=True)
threading.Event().wait()
PY
python3 "$T/files.py" "$files" >"$T/ports" 2>/dev/null &
jobs+=($!)
within 10 test -s "$T/ports" >/dev/null
read -r port port6 <"$T/ports"
md5() { same "$("$@" | md5sum)" "$sum"; }

if wanted curl curl; then
    ok "curl: a word" eval 'same "$(guest -- curl -sS http://$to:$port/hello)" hello'
    ok "curl: 5 MB" md5 guest -- curl -sS "http://$to:$port/5m"
    [ "$port6" = 0 ] || ok "curl: IPv6" md5 guest -- curl -sS "http://$to6:$port6/5m"
    ok "curl: many files, one connection" eval 'same "$(guest -- curl -sS "http://$to:$port/hello?[1-20]" | sort | uniq -c | tr -d " ")" 20hello'
    ok "curl: nobody there" eval 'guest -- curl -sS "http://$to:1/" 2>&1 | grep -q "onnect"'
    ok "curl: an upload" eval 'guest -v "$files/5m:/5m" -- curl -sS -o /dev/null -w "%{http_code}" -T $([ $mode = host ] && echo "$files")/5m "http://$to:$port/up" | grep -q 501'
fi
if wanted wget wget; then
    ok "wget: 5 MB" md5 guest -- wget -q -O - "http://$to:$port/5m"
fi
if wanted python python3; then
    ok "python: urllib" md5 guest -- /usr/bin/python3 -c 'import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())' "http://$to:$port/5m"
    ok "python: 20 threads" eval 'same "$(guest -- /usr/bin/python3 -c "
import concurrent.futures as f, sys, urllib.request
with f.ThreadPoolExecutor(20) as e: print(sum(len(x) for x in e.map(lambda i: urllib.request.urlopen(sys.argv[1]).read(), range(100))))" "http://$to:$port/hello")" 600'
    [ $mode = host ] || ok "python: getaddrinfo of /etc/hosts" eval 'same "$(guest --add-host box.example:192.0.2.9 -- /usr/bin/python3 -c "import socket; print(socket.gethostbyname(\"box.example\"))")" 192.0.2.9'
fi
if wanted openssl openssl; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/ckey.pem" -out "$T/ccert.pem" -days 2 -subj /CN=localhost 2>/dev/null
    openssl s_server -accept 127.0.0.1:44433 -key "$T/ckey.pem" -cert "$T/ccert.pem" -www -quiet >/dev/null 2>&1 &
    jobs+=($!)
    ok "openssl s_client" within 10 eval 'printf "GET / HTTP/1.0\r\n\r\n" | guest -- openssl s_client -connect $to:44433 -quiet 2>/dev/null | grep -q "TLSv1.3"'
    ok "curl: https" eval 'guest -- curl -sSk "https://$to:44433/" | grep -q "TLSv1.3"'
fi
if wanted redis redis-cli redis-server; then
    redis-server --port 46380 --save '' --bind 127.0.0.1 >/dev/null 2>&1 &
    jobs+=($!)
    ok "redis-cli" within 10 eval 'same "$(guest -- redis-cli -h $to -p 46380 ping)" PONG'
    ok "redis-benchmark" guest -- redis-benchmark -h "$to" -p 46380 -n 2000 -c 10 -t get -q
fi
if wanted dig dig dnsmasq; then
    dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root --port=45353 --listen-address=127.0.0.1 --bind-interfaces --pid-file= --address=/test.example/192.0.2.7 2>/dev/null &
    jobs+=($!)
    ok "dig" within 10 eval 'same "$(guest -- dig +short +time=2 -p 45353 @$to a.test.example)" 192.0.2.7'
    ok "dig over TCP" within 10 eval 'same "$(guest -- dig +tcp +short +time=2 -p 45353 @$to a.test.example)" 192.0.2.7'
fi
if wanted ssh ssh sshd ssh-keygen; then
    # Who runs this logs in as himself, with a key made for it. sshd wants its absolute path.
    mkdir -p "$T/ssh"
    ssh-keygen -q -t ed25519 -N '' -f "$T/ssh/host"
    ssh-keygen -q -t ed25519 -N '' -f "$T/ssh/key"
    cp "$T/ssh/key.pub" "$T/ssh/authorized"
    printf 'Port 42222\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPidFile none\n' \
        "$T/ssh/host" "$T/ssh/authorized" >"$T/ssh/config"
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    "$(PATH=$PATH:/usr/sbin command -v sshd)" -D -e -f "$T/ssh/config" 2>"$T/sshd.log" &
    jobs+=($!)
    known() { printf '[10.0.2.2]:42222,[127.0.0.1]:42222 %s\n' "$(cut -d' ' -f1,2 "$1")"; }
    known "$T/ssh/host.pub" >"$T/ssh/known"
    known "$T/ssh/key.pub" >"$T/ssh/wrong"
    # into HOST [KNOWN]: the arguments before the command
    into() { echo -F none -o BatchMode=yes -o GlobalKnownHostsFile=none -o "UserKnownHostsFile=$T/ssh/${2-known}" -i "$T/ssh/key" -p 42222 "$(id -un)@$1"; }
    # shellcheck disable=SC2046
    in_guest() { guest -v "$T/ssh:$T/ssh:ro" -- ssh $(into "$to") "$@"; }
    # shellcheck disable=SC2046
    if within 10 ssh $(into 127.0.0.1) true 2>/dev/null; then
        ok "ssh: a command" eval 'same "$(in_guest echo hello)" hello'
        ok "ssh: the command's status" eval 'in_guest exit 7; same $? 7'
        ok "ssh: standard error" eval 'same "$(in_guest "echo out; echo err >&2" 2>&1 >/dev/null)" err'
        ok "ssh: 5 MB from there" md5 in_guest cat "$files/5m"
        ok "ssh: 5 MB to there" eval 'same "$(in_guest md5sum <"$files/5m")" "$sum"'
        ok "ssh: another host's key" eval 'guest -v "$T/ssh:$T/ssh:ro" -- ssh $(into "$to" wrong) true 2>&1 | grep -q "HOST IDENTIFICATION HAS CHANGED"'
    else
        skip ssh "sshd lets nobody in here: $(tail -1 "$T/sshd.log")"
    fi
fi
if wanted ping ping; then
    ok "ping: the gateway" eval 'guest -- ping -c 3 -i 0.2 $to | grep -q " 0% packet loss"'
    ok "ping: itself" eval 'guest -- ping -c 2 -i 0.2 127.0.0.1 | grep -q " 0% packet loss"'
fi
if wanted ss ss python3; then
    # Sockets of a program, as ss lists them in the same guest by the socket monitor, and as /proc has them.
    cat >"$T/ss.py" <<'PY'
import os, socket, sys
keep = []
def add(*a):
    s = socket.socket(*a)
    keep.append(s)
    return s
l = add(socket.AF_INET, socket.SOCK_STREAM)
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.0.1", 8123)); l.listen(5)
c = add(socket.AF_INET, socket.SOCK_STREAM); c.connect(("127.0.0.1", 8123))
keep.append(l.accept()[0])
s = add(socket.AF_INET6, socket.SOCK_STREAM); s.bind(("::", 8124)); s.listen(3)
u = add(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 8125))
x = add(socket.AF_UNIX, socket.SOCK_STREAM); x.bind("\0proa-ss"); x.listen(4)
for s in keep: os.set_inheritable(s.fileno(), True)
print("proc", sum(len(open(f).readlines()) - 1 for f in ("/proc/net/tcp", "/proc/net/tcp6")), flush=True)
os.execvp("ss", ["ss"] + sys.argv[1:])
PY
    chmod 644 "$T/ss.py"
    listed() { guest --package iproute2 -v "$T/ss.py:/ss.py:ro" -- /usr/bin/python3 $([ $mode = host ] && echo "$T")/ss.py "$@" >"$T/ss.log" 2>&1 && cat "$T/ss.log"; }
    shows() { local p; for p in "$@"; do grep -Eq "$p" "$T/ss.log" || { echo "not there: $p"; cat "$T/ss.log"; return 1; }; done; }
    ok "ss: TCP" eval 'listed -tanp && shows "^LISTEN +0 +5 +127.0.0.1:8123 +0.0.0.0:\* +users:" "^ESTAB +0 +0 +127.0.0.1:[0-9]+ +127.0.0.1:8123" "^ESTAB +0 +0 +127.0.0.1:8123 " "^LISTEN +0 +3 +\*:8124 +\*:\*|\[::\]:8124"'
    ok "ss: TCP in detail" eval 'listed -tanimo && shows "cubic|bbr" "rto:" "skmem:\("'
    ok "ss: a filter" eval 'listed -Htan state listening "( sport = :8123 or sport = :8124 )" && same "$(grep -c 812 "$T/ss.log")" 2'
    ok "ss: UDP" eval 'listed -uan && shows "^UNCONN +0 +0 +127.0.0.1:8125 "'
    ok "ss: local sockets" eval 'listed -xa && shows "^u_str +LISTEN +0 +4 +@proa-ss"'
    [ $mode = host ] || ok "ss: as many as in /proc" eval 'listed -Htan && same "$(grep -Ec "^(LISTEN|ESTAB)" "$T/ss.log")" "$(sed -n "s/^proc //p" "$T/ss.log")"'
fi
if wanted ip ip; then
    ok "ip address" eval 'guest -- ip -br address | grep -q "^lo .*127.0.0.1/8"'
    ok "ip route" eval '[ $mode = host ] || guest -- ip route | grep -q "^default via 10.0.2.2 dev eth0"'
    ok "resolv.conf" eval '[ $mode = host ] || guest -- cat /etc/resolv.conf | grep -q "^nameserver 10.0.2.3"'
fi
if wanted ss ss; then
    ok "ss -s" eval 'guest -- ss -s | grep -Eq "^TCP: +[0-9]+ \(estab [0-9]+, closed [0-9]+, orphaned [0-9]+, timewait [0-9]+\)"'
    ok "ss -lw" eval 'guest -- ss -lnw | grep -q "^State"'
fi
if wanted netstat netstat; then
    ok "netstat -s" eval 'guest -- netstat -s >"$T/netstat" && grep -q "total packets received" "$T/netstat" && grep -q "^TcpExt:" "$T/netstat" && grep -q "^IpExt:" "$T/netstat"'
    ok "netstat -s -6" eval 'guest -- netstat -s -6 >"$T/netstat" && grep -q "^Icmp6:" "$T/netstat" && grep -q "^Udp6:" "$T/netstat"'
    ok "netstat -g" eval 'guest -- netstat -g -n | grep -Eq "^lo +[0-9]+ +224.0.0.1"'
    ok "netstat -w" eval 'guest -- netstat -a -n -w | grep -q "^Proto"'
fi
if wanted nstat nstat; then
    ok "nstat" eval 'guest -- nstat -azs >"$T/nstat" && grep -q "^TcpExtListenDrops " "$T/nstat" && grep -q "^Ip6InReceives " "$T/nstat" && grep -q "^UdpInDatagrams " "$T/nstat"'
fi
if wanted pcap tcpdump && [ $mode = proa ]; then
    ok "pcap" eval 'guest --pcap "$T/x.pcap" -- curl -sS "http://$to:$port/hello" && tcpdump -nr "$T/x.pcap" 2>/dev/null | grep -q "10.0.2.15.* > 10.0.2.2.$port: Flags \[S\]"'
fi
