# SPDX-License-Identifier: BSD-2-Clause
# Servers in the guest, reached through the user-mode network's forwarded ports.
web=$T/web
mkdir -p "$web" && chmod 755 "$T" "$web"
head -c 612 /dev/urandom | base64 -w0 | head -c 612 >"$web/index.html"
head -c 1000000 /dev/urandom >"$web/big"
sum=$(md5sum <"$web/big")
takes_descriptors() { # of a child: what the tool raises a backlog with
    python3 -c 'import ctypes, os, subprocess, sys
c = subprocess.Popen(["sleep", "9"])
fd = ctypes.CDLL(None).syscall(438, os.pidfd_open(c.pid), 0, 0)
c.kill()
sys.exit(fd < 0)'
}
get() { curl -sS --max-time 20 "$@"; }
index() { get "http://$at/" | cmp - "$web/index.html"; }
big() { same "$(get "http://$at/big" | md5sum)" "$sum"; }
many() { # CONNECTIONS: all at once
    local i pids=()
    for i in $(seq "$1"); do get -o "$T/many.$i" "http://$at/big" & pids+=($!); done
    for i in "${pids[@]}"; do wait "$i" || return; done
    for i in $(seq "$1"); do cmp "$T/many.$i" "$web/big" || return; rm "$T/many.$i"; done
}
serial() { local i; for i in $(seq "$1"); do index || return; done; } # a connection each
many_kept() { # requests over 16 connections
    ab -q -s 60 -n 500 -c 16 -k "http://$at/" >"$T/ab.log" 2>&1 && grep -Eq "^Failed requests: +0$" "$T/ab.log" || { cat "$T/ab.log"; false; }
}
http() { # GROUP: what any web server must do
    ok "$1: answers" within 20 index || said
    ok "$1: 1 MB" big
    ok "$1: one connection, many requests" eval 'get "http://$at/" "http://$at/" "http://$at/big" "http://$at/" | wc -c | grep -qx 1001836'
    ok "$1: HEAD" eval 'get -I "http://$at/big" | grep -qi "content-length: 1000000"'
    ok "$1: 404" eval 'same "$(get -o /dev/null -w "%{http_code}" "http://$at/none")" 404'
    ok "$1: 30 connections, one after the other" serial 30
    ok "$1: 8 connections at once" many 8
    ! has ab || ok "$1: 500 requests over 16 connections" many_kept
    ok "$1: a client that goes away" eval 'timeout 1 sh -c "printf \"GET /big HTTP/1.0\r\n\r\n\" | nc $host $p | head -c 10" >/dev/null; index'
    ok "$1: an empty connection" eval 'timeout 1 nc -z $host $p; index'
}

if wanted nginx nginx; then
    cat >"$T/nginx.conf" <<CONF
daemon off; master_process off; error_log stderr; pid /tmp/nginx.pid;
events { worker_connections 512; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000; default_type text/plain;
  client_body_temp_path /tmp/c; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen 8081; listen [::]:8081; root $web; } }
CONF
    serve nginx 8081 -v "$web:$web:ro" -v "$T/nginx.conf:$T/nginx.conf" -- nginx -p /tmp -c "$T/nginx.conf" && http nginx
    if [ $mode != host ] && takes_descriptors; then
        ok "nginx: many may wait at its port" eval 'ss -Htln "sport = :$p" | tee /dev/stderr | awk "{ exit \$3 < 100 }"'
    elif [ $mode != host ]; then
        skip "nginx: many may wait at its port" "no pidfd_getfd(2) here"
    fi
    ! has ab || ok "nginx: 500 connections, 100 at once" eval 'ab -q -s 60 -n 500 -c 100 "http://$at/" | grep -Eq "^Failed requests: +0$"'
    ok "nginx: a range" eval 'get -r 5000-6999 "http://$at/big" | cmp - <(tail -c +5001 "$web/big" | head -c 2000)'
    stop
fi
if [ $mode != host ] && [ ! -L /etc/nginx/sites-enabled/default ]; then
    skip debian-nginx "no nginx as Debian configures it"
elif [ $mode != host ] && wanted debian-nginx nginx; then
    serve debian-nginx 80 -v "$web:/var/www/html:ro" -- nginx -g 'daemon off;'
    ok "debian-nginx: as the package configures it, workers as www-data" within 20 index || said
    stop
fi
if wanted redis redis-server redis-cli redis-benchmark; then
    cli() { timeout 20 redis-cli -h "$host" -p "$p" "$@"; }
    serve redis 6380 -- redis-server --port 6380 --bind 0.0.0.0 --save '' --protected-mode no --daemonize no
    ok "redis: answers" within 20 eval 'cli ping | grep -q PONG' || said
    ok "redis: set and get" eval 'cli set a hello && same "$(cli get a)" hello'
    ok "redis: 1 MB" eval 'cli -x set big <"$web/big" && same "$(cli get big | head -c 1000000 | md5sum)" "$sum"'
    ok "redis: a pipe" eval 'seq 1 20000 | sed "s/.*/set k& v&/" | cli --pipe | grep -q "errors: 0, replies: 20000" && same "$(cli get k777)" v777'
    ok "redis: 20 connections" eval 'redis-benchmark -h $host -p $p -c 20 -n 4000 -t set,get -q'
    ok "redis: pipelines of 16" eval 'redis-benchmark -h $host -p $p -c 20 -n 20000 -P 16 -t set,get -q'
    ok "redis: a subscriber" eval 'timeout 3 redis-cli -h $host -p $p subscribe ch >"$T/sub" & sleep 1; cli publish ch news; wait $!; grep -q news "$T/sub"'
    ok "redis: info" eval 'cli info server | grep -q "tcp_port:6380"'
    stop
fi
if wanted memcached memcached nc; then
    mc() { printf "$1" | timeout 5 nc -q 1 "$host" "$p" | tr -d '\r'; }
    serve memcached 11212 -- memcached -u root -p 11212 -U 0 -l 0.0.0.0 -t 2
    ok "memcached: answers" within 20 eval 'mc "version\r\nquit\r\n" | grep -q VERSION' || said
    ok "memcached: set and get" eval 'mc "set a 0 0 5\r\nhello\r\nget a\r\nquit\r\n" | grep -qx hello'
    ok "memcached: connections" eval 'for i in $(seq 30); do mc "set k$i 0 0 1\r\nx\r\nquit\r\n" | grep -q STORED || exit 1; done'
    stop
fi
if wanted lighttpd lighttpd; then
    printf 'server.port = 8082\nserver.document-root = "%s"\nindex-file.names = ("index.html")\nserver.max-keep-alive-idle = 60\nserver.upload-dirs = ("/tmp")\n' "$web" >"$T/lighttpd.conf"
    serve lighttpd 8082 -v "$web:$web:ro" -v "$T/lighttpd.conf:$T/lighttpd.conf" -- lighttpd -D -f "$T/lighttpd.conf" && http lighttpd
    stop
fi
if wanted haproxy haproxy; then
    cat >"$T/haproxy.cfg" <<'CONF'
global
    nbthread 2
    maxconn 500
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
frontend f
    bind *:8083
    http-request return status 200 content-type text/plain string "from haproxy"
CONF
    serve haproxy 8083 --cpus 2 -v "$T/haproxy.cfg:$T/haproxy.cfg" -- haproxy -f "$T/haproxy.cfg"
    ok "haproxy: answers" within 20 eval 'get "http://$at/" | grep -qx "from haproxy"' || said
    ! has ab || ok "haproxy: 500 requests over 16 connections" many_kept
    stop
fi
if wanted python python3; then
    serve python-http 8084 -v "$web:$web:ro" -- /usr/bin/python3 -m http.server -d "$web" 8084
    ok "python: answers" within 20 index || said
    ok "python: 1 MB" big
    ok "python: connections at once" many 4
    stop
    cat >"$T/echo.py" <<'PY'
import asyncio
async def echo(r, w):
    while data := await r.read(65536):
        w.write(data)
        await w.drain()
    w.close()
async def main():
    async with await asyncio.start_server(echo, "0.0.0.0", 8085) as s:
        await s.serve_forever()
asyncio.run(main())
PY
    serve python-echo 8085 -v "$T/echo.py:$T/echo.py" -- /usr/bin/python3 "$T/echo.py"
    ok "python asyncio: echoes" within 20 eval 'same "$(echo hello | nc -N $host $p)" hello' || said
    ok "python asyncio: 1 MB there and back" eval 'nc -N $host $p <"$web/big" | cmp - "$web/big"'
    stop
fi
if wanted node node; then
    cat >"$T/http.js" <<'JS'
const fs = require('fs'), root = process.argv[2];
require('http').createServer((q, s) => fs.readFile(root + (q.url === '/' ? '/index.html' : q.url), (e, d) => {
    s.writeHead(e ? 404 : 200, { 'Content-Length': d ? d.length : 0 });
    s.end(q.method === 'HEAD' ? undefined : d);
})).listen(8086).keepAliveTimeout = 60000;
JS
    serve node 8086 -m 512m -v "$web:$web:ro" -v "$T/http.js:$T/http.js" -- node "$T/http.js" "$web" && http node
    stop
fi
if wanted go go; then
    printf 'package main\nimport ("net/http"; "os")\nfunc main() { http.ListenAndServe(":8087", http.FileServer(http.Dir(os.Args[1]))) }\n' >"$T/http.go"
    if (cd "$T" && CGO_ENABLED=0 go build -o "$T/http-go" http.go); then
        serve go 8087 -v "$web:$web:ro" -- "$T/http-go" "$web" && http go
        stop
    else
        skip go "it does not build here"
    fi
fi
if wanted jvm java; then
    cat >"$T/Http.java" <<'JAVA'
import com.sun.net.httpserver.*;
import java.net.*;
import java.nio.file.*;
public class Http {
    public static void main(String[] a) throws Exception {
        HttpServer s = HttpServer.create(new InetSocketAddress(8088), 64);
        s.setExecutor(java.util.concurrent.Executors.newFixedThreadPool(4));
        s.createContext("/", x -> {
            String p = x.getRequestURI().getPath();
            Path f = Paths.get(a[0], p.equals("/") ? "index.html" : p);
            boolean there = Files.exists(f), head = x.getRequestMethod().equals("HEAD");
            if (there && head) x.getResponseHeaders().set("Content-Length", "" + Files.size(f));
            x.sendResponseHeaders(there ? 200 : 404, there && !head ? Files.size(f) : -1);
            if (there && !head) Files.copy(f, x.getResponseBody());
            x.close();
        });
        s.start();
    }
}
JAVA
    if has javac && javac -d "$T" "$T/Http.java" 2>"$T/javac.log"; then
        serve jvm 8088 -m 512m --cpus 2 -v "$web:$web:ro" -v "$T/Http.class:$T/Http.class" -- java -cp "$T" Http "$web"
        ok "jvm: answers" within 60 index || said
        ok "jvm: 1 MB" big
        ok "jvm: 8 connections at once" many 8
        stop
    else
        skip jvm "no javac"
    fi
fi
if wanted iperf3 iperf3 jq; then
    serve iperf3 5202 -- iperf3 -s -p 5202
    bits() { timeout 30 iperf3 -c "$host" -p "$p" -t 2 -J "$@" | jq -e '.end.sum_received.bits_per_second > 1000000'; }
    ok "iperf3: to the guest" within 20 bits || said
    ok "iperf3: from the guest" within 20 bits -R # one that has just ended a test is busy for a moment
    ok "iperf3: 4 streams" within 20 bits -P 4
    stop
fi
if wanted dnsmasq dnsmasq dig; then
    serve dnsmasq 5354/udp -- dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root --port=5354 --pid-file= --address=/test.example/192.0.2.7
    ok "dnsmasq: answers" within 20 eval 'same "$(dig +short +time=1 +tries=1 -p $p @$host a.test.example)" 192.0.2.7' || said
    ok "dnsmasq: 50 questions" eval 'for i in $(seq 50); do dig +short +time=2 +tries=1 -p $p @$host $i.test.example | grep -q 192.0.2.7 || exit 1; done'
    stop
fi
if wanted unbound unbound dig; then
    # It answers by itself, by datagram and by stream, with two threads; it asks nobody.
    cat >"$T/unbound.conf" <<'CONF'
server:
    interface: 0.0.0.0@5355
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "/tmp"
    pidfile: ""
    use-syslog: no
    logfile: ""
    num-threads: 2
    access-control: 0.0.0.0/0 allow
    module-config: "iterator"
    local-zone: "test.example." static
    local-data: "a.test.example. A 192.0.2.7"
    local-data: "a.test.example. AAAA 2001:db8::7"
    local-data: "test.example. MX 10 a.test.example."
CONF
    for i in $(seq 100); do printf '    local-data: "many.test.example. TXT %s%s"\n' "$i" "$(printf 'x%.0s' {1..100})"; done >>"$T/unbound.conf"
    printf 'remote-control:\n    control-enable: no\n' >>"$T/unbound.conf"
    serve unbound 5355/udp --cpus 2 -p 127.0.0.1::5355 -v "$T/unbound.conf:$T/unbound.conf" -- unbound -d -c "$T/unbound.conf"
    stream=5355
    [ $mode = host ] || stream=$(port_of "$("$proa" port unbound 5355)")
    asks() { dig +short +time=2 +tries=1 "@$host" "$@"; }
    ok "unbound: answers" within 20 eval 'same "$(asks -p $p a.test.example)" 192.0.2.7' || said
    ok "unbound: other records" eval 'same "$(asks -p $p a.test.example AAAA; asks -p $p test.example MX)" "$(printf "2001:db8::7\n10 a.test.example.")"'
    ok "unbound: no such name" eval 'dig +time=2 +tries=1 -p $p @$host none.test.example | grep -q "status: NXDOMAIN"'
    ok "unbound: over TCP" eval 'same "$(asks +tcp -p $stream a.test.example)" 192.0.2.7'
    ok "unbound: 11 kB over TCP" eval 'same "$(asks +tcp -p $stream many.test.example TXT | wc -l)" 100'
    ok "unbound: truncated over UDP" eval 'dig +ignore +time=2 +tries=1 -p $p @$host many.test.example TXT | grep -q "flags:.* tc"'
    ok "unbound: 50 questions" eval 'for i in $(seq 50); do asks -p $p a.test.example | grep -q 192.0.2.7 || exit 1; done'
    stop
fi
if wanted rust rustc; then
    rustc=/usr/bin/rustc
    [ -x $rustc ] || rustc=rustc
    if "$rustc" -O -o "$T/http-rs" "$here/http.rs"; then
        serve rust 8090 --cpus 2 -v "$web:$web:ro" -- "$T/http-rs" 8090 "$web" && http rust
        stop
    else
        skip rust "it does not build here"
    fi
fi
if wanted openssl openssl; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 -subj /CN=localhost 2>/dev/null
    serve openssl 4434 -w "$web" -v "$web:$web:ro" -v "$T/key.pem:$T/key.pem" -v "$T/cert.pem:$T/cert.pem" -- \
        openssl s_server -accept 4434 -key "$T/key.pem" -cert "$T/cert.pem" -www
    ok "openssl s_server: TLS" within 20 eval 'get -k "https://$at/" | grep -q "TLSv1.3"' || said
    ok "openssl s_server: 10 handshakes" eval 'for i in $(seq 10); do get -k -o /dev/null "https://$at/" || exit 1; done'
    stop
fi
if wanted apache apache2; then
    modules=/usr/lib/apache2/modules
    printf 'ServerName x\nListen 8089\nPidFile /tmp/a.pid\nErrorLog /dev/stderr\nKeepAliveTimeout 60\nUser root\nGroup root\nDocumentRoot %s\nDirectoryIndex index.html\nMutex file:/tmp default\nScoreBoardFile /tmp/a.board\n' "$web" >"$T/apache.conf"
    for m in mpm_event authz_core dir; do echo "LoadModule ${m}_module $modules/mod_$m.so" >>"$T/apache.conf"; done
    sed -i 's/^User root//; s/^Group root//' "$T/apache.conf"
    serve apache 8089 -v "$web:$web:ro" -v "$T/apache.conf:$T/apache.conf" -- apache2 -X -f "$T/apache.conf" && http apache
    stop
fi
