# nginx: a master and two workers; a reload, a worker that is killed, an end by SIGQUIT.
port=8099
head -c 100000 /dev/zero | tr '\0' x >index.html
cat >nginx.conf <<END
worker_processes 2; user root; error_log error.log notice; pid nginx.pid;
events { worker_connections 64; }
http { access_log off; client_body_temp_path c; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server { listen 127.0.0.1:$port; root $PWD; } }
END
get() { for i in 1 2 3 4 5 6 7 8; do curl -s -o got.$i http://127.0.0.1:$port/index.html & done; wait; cat got.* | wc -c; rm got.*; }
until_log() { # PATTERN TIMES
    for i in $(seq 200); do [ "$(grep -c "$1" error.log)" -ge "$2" ] && return; sleep 0.05; done; echo "no: $1"
}
nginx -p "$PWD/" -c nginx.conf -e error.log; echo started $?
until_log 'start worker process ' 2
read -r master <nginx.pid
get
kill -HUP "$master"
until_log 'start worker process ' 4
until_log 'exited with code 0' 2
get
worker=$(grep -o 'start worker process [0-9]*' error.log | tail -1 | grep -o '[0-9]*$')
kill -KILL "$worker"
until_log 'exited on signal 9' 1
until_log 'start worker process ' 5
get
nginx -p "$PWD/" -c nginx.conf -e error.log -s quit; echo quit $?
for i in $(seq 200); do [ -e nginx.pid ] || break; sleep 0.05; done
[ -e nginx.pid ]; echo ended $?
curl -s http://127.0.0.1:$port/; echo none $?
