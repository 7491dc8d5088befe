#!/usr/bin/env python3
"""Daemons that are healthy: svctl doctor is to find nothing in any of them, neither before nor after a stop of it was measured.

    healthy_daemons.py            those of the table that are installed
    healthy_daemons.py NAME ...   only these

ctest doesn't run it, for what is installed differs. Each runs in the foreground below a svcd of its own, in a folder of its own, on a port
of 127.0.0.1; it is looked at, stopped, started again and looked at again. SVCD_BIN, SVCTL_BIN and ACTOR_BIN as for run.py.
"""
import json
import os
import shutil
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "integration")]

import harness

FIRST_PORT = 21400
JAVA = """import com.sun.net.httpserver.*;
public class Web { public static void main(String[] a) throws Exception {
  HttpServer s = HttpServer.create(new java.net.InetSocketAddress("127.0.0.1", Integer.parseInt(a[0])), 0); s.start(); } }
"""
GO = """package main
import ("net/http"; "os"; "os/signal"; "syscall"; "context")
func main() {
  server := &http.Server{Addr: "127.0.0.1:" + os.Args[1]}
  end := make(chan os.Signal, 1); signal.Notify(end, syscall.SIGTERM)
  go server.ListenAndServe(); <-end; server.Shutdown(context.Background()) }
"""
SQUID = """http_port 127.0.0.1:PORT
pid_filename none
access_log none
cache_log DIR/log
cache_effective_user proxy
shutdown_lifetime 1 seconds
coredump_dir DIR
"""
APACHE = """ServerName localhost
Listen 127.0.0.1:PORT
PidFile DIR/pid
ErrorLog DIR/log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
User nobody
Group nogroup
DocumentRoot DIR
"""
PUBLIC = dict(user="nobody")
#   name: (command, {file: text}, settings; `port=False`: it has none; `before`: a shell command that makes it ready)
DAEMONS = {
    "apache2": ("/usr/sbin/apache2 -f DIR/conf -DFOREGROUND", {"conf": APACHE}, {}),
    "bash-exec": ("/bin/bash -c 'exec socat TCP-LISTEN:PORT,bind=127.0.0.1,fork,reuseaddr PIPE'", {}, {}),
    "beanstalkd": ("/usr/bin/beanstalkd -l 127.0.0.1 -p PORT", {}, {}),
    "bind9": ("/usr/sbin/named -f -u bind -c DIR/conf", {"conf": 'options { directory "DIR"; listen-on port PORT { 127.0.0.1; }; '
              'listen-on-v6 { none; }; pid-file none; recursion no; };\ncontrols {};\n'}, dict(user="bind", as_root=True)),
    "caddy": ("/usr/bin/caddy file-server --listen 127.0.0.1:PORT --root DIR", {}, {}),
    "chrony": ("/usr/sbin/chronyd -x -d -u nobody -f DIR/conf", {"conf": "cmdport 0\nport PORT\nallow 127.0.0.1\nbindaddress 127.0.0.1\nlocal\npidfile DIR/pid\nbindcmdaddress /\n"},
               dict(port=False)),
    "cron": ("/usr/sbin/cron -f", {}, dict(port=False)),
    "dbus": ("/usr/bin/dbus-daemon --session --nofork --nopidfile --address=unix:path=DIR/socket", {}, dict(port=False)),
    "dnsmasq": ("/usr/sbin/dnsmasq -k -C /dev/null -p PORT -a 127.0.0.1 -z -x DIR/pid -u nobody", {}, {}),
    "dropbear": ("/usr/sbin/dropbear -F -E -p 127.0.0.1:PORT -P DIR/pid -r DIR/key",
                 {}, dict(before="dropbearkey -t ecdsa -f DIR/key")),
    "erlang": ("/usr/bin/erl -noshell -noinput -eval '{ok,_}=gen_tcp:listen(PORT,[{ip,{127,0,0,1}}]), timer:sleep(infinity).'", {}, {}),
    "etcd": ("/usr/bin/etcd --data-dir DIR/data --listen-client-urls http://127.0.0.1:PORT --advertise-client-urls http://127.0.0.1:PORT "
             "--listen-peer-urls http://127.0.0.1:PEER --initial-advertise-peer-urls http://127.0.0.1:PEER "
             "--initial-cluster default=http://127.0.0.1:PEER", {}, {}),
    "go": ("DIR/web PORT", {"web.go": GO}, dict(before="cd DIR && HOME=DIR GOFLAGS=-p=1 go build -o web web.go", program="go")),
    "gunicorn": ("/usr/bin/gunicorn -b 127.0.0.1:PORT --chdir DIR web:app",
                 {"web.py": "def app(e, s):\n    s('200 OK', [])\n    return []\n"}, {}),
    "haproxy": ("/usr/sbin/haproxy -W -f DIR/conf -p DIR/pid", {"conf": "defaults\n mode http\n timeout connect 1s\n timeout client 1s\n "
                "timeout server 1s\nfrontend web\n bind 127.0.0.1:PORT\n"}, {}),
    "icecast2": ("/usr/bin/icecast2 -c DIR/conf", {"conf": "<icecast><limits><sources>1</sources></limits><authentication><source-password>a"
                 "</source-password><admin-password>b</admin-password></authentication><listen-socket><port>PORT</port><bind-address>127.0.0.1"
                 "</bind-address></listen-socket><paths><logdir>DIR</logdir><webroot>DIR</webroot><adminroot>DIR</adminroot></paths>"
                 "</icecast>"}, PUBLIC),
    "inetd": ("/usr/sbin/inetd -i DIR/conf", {"conf": "127.0.0.1:PORT stream tcp nowait nobody internal echo\n"}, dict(port=False)),
    "java": ("/usr/bin/java Web.java PORT", {"Web.java": JAVA}, {}),
    "lighttpd": ("/usr/sbin/lighttpd -D -f DIR/conf", {"conf": 'server.document-root = "DIR"\nserver.port = PORT\nserver.bind = "127.0.0.1"\n'},
                 {}),
    "memcached": ("/usr/bin/memcached -l 127.0.0.1 -p PORT -U 0 -u nobody", {}, {}),
    "mini-httpd": ("/usr/sbin/mini_httpd -D -h 127.0.0.1 -p PORT -d DIR -u nobody -i DIR/pid -l DIR/log", {}, {}),
    "mosquitto": ("/usr/sbin/mosquitto -c DIR/conf", {"conf": "listener PORT 127.0.0.1\nallow_anonymous true\nuser nobody\n"}, {}),
    "nginx": ("/usr/sbin/nginx -c DIR/conf -g 'daemon off;'", {"conf": "error_log DIR/log;\npid DIR/pid;\nevents {}\nhttp { access_log off; "
              "client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s; "
              "server { listen 127.0.0.1:PORT; } }\n"}, {}),
    "ngircd": ("/usr/sbin/ngircd -n -f DIR/conf", {"conf": "[Global]\nName = irc.example.net\nInfo = test\nPorts = PORT\nListen = 127.0.0.1\n"
               "ServerUID = nobody\nServerGID = nogroup\nAdminEMail = a@example.net\n[Options]\nChrootDir =\nIdent = no\nPAM = no\n"}, {}),
    "node": ("/usr/bin/node DIR/web.js PORT", {"web.js": "require('http').createServer((q, a) => a.end()).listen(+process.argv[2], '127.0.0.1')\n"},
             {}),
    "perl": ("/usr/bin/perl DIR/web.pl PORT", {"web.pl": "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', "
             "LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die; while (my $c = $s->accept) { close $c }\n"}, {}),
    "pgbouncer": ("/usr/sbin/pgbouncer DIR/conf", {"conf": "[databases]\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = PORT\n"
                  "unix_socket_dir =\nauth_type = any\n"}, PUBLIC),
    "php": ("/usr/bin/php -S 127.0.0.1:PORT -t DIR", {}, {}),
    "php-fpm": ("/usr/sbin/php-fpm8.2 -F -y DIR/conf", {"conf": "[global]\npid = DIR/pid\nerror_log = DIR/log\n[www]\nuser = nobody\n"
                "listen = 127.0.0.1:PORT\npm = static\npm.max_children = 2\n"}, {}),
    "postgres": ("/usr/lib/postgresql/15/bin/postgres -D DIR/data -p PORT -h 127.0.0.1 -k DIR", {},
                 dict(user="postgres", before="/usr/lib/postgresql/15/bin/initdb -D DIR/data -A trust", settings={"KillSignal": "SIGINT"})),
    "postgres-smart": ("/usr/lib/postgresql/15/bin/postgres -D DIR/data -p PORT -h 127.0.0.1 -k DIR", {},
                       dict(user="postgres", before="/usr/lib/postgresql/15/bin/initdb -D DIR/data -A trust", settings={"KillMode": "mixed"})),
    "privoxy": ("/usr/sbin/privoxy --no-daemon DIR/conf", {"conf": "listen-address 127.0.0.1:PORT\nlogdir DIR\nconfdir /etc/privoxy\n"}, {}),
    "prometheus-node-exporter": ("/usr/bin/prometheus-node-exporter --web.listen-address=127.0.0.1:PORT", {}, {}),
    "prometheus-pushgateway": ("/usr/bin/prometheus-pushgateway --web.listen-address=127.0.0.1:PORT", {}, {}),
    "python-http": ("/usr/bin/python3 -m http.server --bind 127.0.0.1 PORT", {}, {}),
    "python-asyncio": ("/usr/bin/python3 DIR/web.py PORT", {"web.py": "import asyncio, signal, sys\nasync def main():\n    end = asyncio.Event()\n"
                       "    asyncio.get_running_loop().add_signal_handler(15, end.set)\n"
                       "    await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', int(sys.argv[1]))\n    await end.wait()\n"
                       "asyncio.run(main())\n"}, {}),
    "redis": ("/usr/bin/redis-server --port PORT --bind 127.0.0.1 --dir DIR --save ''", {}, {}),
    "rsyslog": ("/usr/sbin/rsyslogd -n -iNONE -f DIR/conf", {"conf": 'module(load="imtcp")\ninput(type="imtcp" port="PORT" address="127.0.0.1")\n'
                '*.* DIR/log\n'}, {}),
    "ruby": ("/usr/bin/ruby -run -e httpd -- --bind-address=127.0.0.1 --port=PORT DIR", {}, {}),
    "sniproxy": ("/usr/sbin/sniproxy -f -c DIR/conf", {"conf": "user nobody\npidfile DIR/pid\nlisten 127.0.0.1:PORT {\n proto http\n table a\n}\ntable a {\n x 127.0.0.1:1\n}\n"}, {}),
    "snmpd": ("/usr/sbin/snmpd -f -Lf DIR/log -C -c DIR/conf -p DIR/pid tcp:127.0.0.1:PORT", {"conf": "rocommunity public\n"}, {}),
    "socat": ("/usr/bin/socat TCP-LISTEN:PORT,bind=127.0.0.1,fork,reuseaddr PIPE", {}, {}),
    "squid": ("/usr/sbin/squid --foreground -f DIR/conf", {"conf": SQUID}, dict(user="proxy", as_root=True)),
    "sshd": ("/usr/sbin/sshd -D -f DIR/conf", {"conf": "Port PORT\nListenAddress 127.0.0.1\nHostKey DIR/key\nPidFile DIR/pid\n"},
             dict(before="ssh-keygen -q -t ed25519 -N '' -f DIR/key; mkdir -p /run/sshd")),
    "stunnel": ("/usr/bin/stunnel4 DIR/conf", {"conf": "foreground = yes\npid =\n[a]\nclient = yes\naccept = 127.0.0.1:PORT\nconnect = 127.0.0.1:1\n"},
                {}),
    "supervisord": ("/usr/bin/supervisord -n -c DIR/conf", {"conf": "[supervisord]\nlogfile=DIR/log\npidfile=DIR/pid\nuser=root\n[inet_http_server]\n"
                    "port=127.0.0.1:PORT\n[program:a]\ncommand=sleep 1000\n"}, {}),
    "tcl": ("/usr/bin/tclsh DIR/web.tcl PORT", {"web.tcl": "socket -server {apply {{c a p} {close $c}}} -myaddr 127.0.0.1 [lindex $argv 0]\n"
            "vwait forever\n"}, {}),
    "tinyproxy": ("/usr/bin/tinyproxy -d -c DIR/conf", {"conf": "Port PORT\nListen 127.0.0.1\nUser nobody\nTimeout 60\nMaxClients 5\n"}, {}),
    "unbound": ("/usr/sbin/unbound -d -p -c DIR/conf", {"conf": 'server:\n interface: 127.0.0.1@PORT\n username: ""\n chroot: ""\n'
                ' directory: "DIR"\n pidfile: ""\nremote-control:\n control-enable: no\n'}, {}),
    "uwsgi": ("/usr/bin/uwsgi --plugin python3 --http-socket 127.0.0.1:PORT --wsgi-file DIR/web.py --master --die-on-term",
              {"web.py": "def application(e, s):\n    s('200 OK', [])\n    return []\n"}, {}),
    "varnish": ("/usr/sbin/varnishd -F -a 127.0.0.1:PORT -b 127.0.0.1:1 -n DIR/work -j none", {}, {}),
    "vsftpd": ("/usr/sbin/vsftpd DIR/conf", {"conf": "listen=YES\nlisten_port=PORT\nlisten_address=127.0.0.1\nbackground=NO\n"
               "secure_chroot_dir=/var/run/vsftpd/empty\n"}, {}),
}


def is_installed(command, more):
    program = more.get("program", command.split()[0])
    return shutil.which(program) is not None


def is_up(port):
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


class Daemon:
    def __init__(self, name, index, svcd):
        self.name, self.svcd, self.port = name, svcd, FIRST_PORT + 2 * index
        self.command, files, self.more = DAEMONS[name]
        self.folder = os.path.join(svcd.directory, name)
        os.mkdir(self.folder)
        for file, text in files.items():
            with open(os.path.join(self.folder, file), "w") as out:
                out.write(self.filled(text))
        user = self.more.get("user")
        if user:
            subprocess.run(["chown", "-R", user, self.folder], check=True)
        if "before" in self.more:
            done = subprocess.run(["setpriv", "--reuid=" + (user or "root"), "--clear-groups", "bash", "-c", self.filled(self.more["before"])],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise RuntimeError(done.stdout)
        settings = {"Type": "exec", "ExecStart": self.filled(self.command), "TimeoutStopSec": "20s", "WorkingDirectory": self.folder,
                    "Environment": {"HOME": self.folder}, **self.more.get("settings", {})}
        if user and not self.more.get("as_root"):
            settings["User"] = user
        svcd.write_unit(name + ".service", {"Service": settings})

    def filled(self, text):
        return text.replace("DIR", self.folder).replace("PORT", str(self.port)).replace("PEER", str(self.port + 1))

    def start(self):
        self.svcd.svctl("start", self.name)
        if self.more.get("port", True):
            self.svcd.wait_until(lambda: is_up(self.port) or self.svcd.get(self.name, "ActiveState") != "active", self.name + " on its port")
        if self.svcd.get(self.name, "ActiveState") != "active":
            raise RuntimeError(self.svcd.svctl("status", self.name, status=None).stdout)

    def findings(self, when):
        answer = json.loads(self.svcd.svctl("doctor", "--json", self.name, status=None).stdout)
        return ["%s: %s" % (when, finding["text"]) for finding in answer["findings"]]

    def stop(self):
        begin = harness.monotonic_usec()
        self.svcd.svctl("stop", self.name, status=None)
        record = json.loads(self.svcd.svctl("explain", "--json", self.name, status=None).stdout)["stops"][0]["record"]
        return "stop %.2f s%s" % ((harness.monotonic_usec() - begin) / 1e6, ", SIGKILL" if record["sigkill"] else "")


def main():
    names = sys.argv[1:] or sorted(DAEMONS)
    examined, alarms, missing = 0, 0, []
    with harness.Daemon(exit_status=None) as svcd:
        for index, name in enumerate(names):
            if not is_installed(DAEMONS[name][0], DAEMONS[name][2]):
                missing.append(name)
                continue
            try:
                daemon = Daemon(name, index, svcd)
                svcd.svctl("daemon-reload", status=None)
                daemon.start()
                found = daemon.findings("first life")
                stop = daemon.stop()
                daemon.start()
                found += daemon.findings("after a stop")
                daemon.stop()
            except Exception as error:
                print("----  %s does not run here: %s" % (name, str(error)[-600:]), flush=True)
                continue
            examined, alarms = examined + 1, alarms + len(found)
            print("%s  %s (%s)" % ("ALARM" if found else "ok   ", name, stop), *("        " + each for each in found), sep="\n", flush=True)
    print("%d daemons, %d false alarms%s" % (examined, alarms, "; not installed: " + ", ".join(missing) if missing else ""))
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
