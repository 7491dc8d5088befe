#!/usr/bin/env python3
"""How many requests a rolling update loses: haproxy before two servers (nginx), each in a container of crun's with svcd as its init.

    tests/bench/rolling_update.py --build build/release [--updates 10] [--lag 1]

The servers are replaced in turn while wrk asks over 64 connections, as Kubernetes does it: the old one gets SIGTERM, and LAG seconds later
haproxy is told to send it nothing more (so long it takes until a Service's endpoints are known everywhere). haproxy tries nothing twice
(retries 0, no redispatch), so each request that reaches a server that is gone is lost, and counted.

Needs root, and crun, haproxy, nginx-light and wrk of Debian's. Listens on loopback only, and leaves nothing behind.
"""
import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))

PATIENCE = 30.0
NGINX = """
daemon off;
pid /tmp/nginx.pid;
error_log stderr;
worker_processes 1;
events { worker_connections 1000; }
http {
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 1h;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi; uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    server {
        listen 127.0.0.1:%(port)d;
        location / { return 200 "hello\\n"; }
    }
}
"""
HAPROXY = """
global
    stats socket %(directory)s/haproxy level admin
    maxconn 1000
defaults
    mode http
    retries 0
    no option redispatch
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend all
    bind 127.0.0.1:%(port)d
    default_backend servers
backend servers
    balance roundrobin
    server a 127.0.0.1:%(a)d
    server b 127.0.0.1:%(b)d
"""
# What is measured: its name, the options of svcd, the signal that begins the stop.
WAYS = (("SIGTERM", (), "TERM"),
        ("SIGQUIT, on which nginx finishes what it has begun", ("--stop-signal=QUIT",), "QUIT"),
        ("SIGTERM, `PreStopDelaySec: 3s`", ("-p", "PreStopDelaySec=3s"), "TERM"))


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_listening(port):
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise SystemExit("nobody listens on port %d" % port)
        time.sleep(0.01)


class Fleet(contextlib.AbstractContextManager):
    """haproxy and its two servers."""

    def __init__(self, options, stop_signal):
        self.options, self.stop_signal = options, stop_signal
        self.directory = tempfile.mkdtemp(prefix="svcd-rolling-")
        self.ports = dict(zip(("port", "a", "b"), free_ports(3)))
        self.servers, self.haproxy = {}, None

    def __enter__(self):
        try:
            for name in "ab":
                self.start(name)
            self.write("haproxy.cfg", HAPROXY % {"directory": self.directory, **self.ports})
            self.haproxy = subprocess.Popen(["haproxy", "-q", "-db", "-f", os.path.join(self.directory, "haproxy.cfg")])
            wait_listening(self.ports["port"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.haproxy is not None:
            self.haproxy.kill()
            self.haproxy.wait()
        for server in self.servers.values():
            server.__exit__(None, None, None)
        shutil.rmtree(self.directory)
        return False

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="ascii") as file:
            file.write(text)

    def start(self, name):
        from oci import Bundle
        # What nginx says before it has read its file goes to standard error as well.
        server = Bundle("crun", "--runtime-dir=/tmp/svcd", "--log-dir=/tmp/log", *self.options, "--", "nginx", "-e", "stderr", "-c", "/shared/nginx.conf",
                        user=1000)
        with open(server.path("shared", "nginx.conf"), "w", encoding="ascii") as file:
            file.write(NGINX % {"port": self.ports[name]})
        # haproxy reaches it on the loopback of the machine.
        server.spec["linux"]["namespaces"] = [each for each in server.spec["linux"]["namespaces"] if each["type"] != "network"]
        self.servers[name] = server.__enter__()
        wait_listening(self.ports[name])

    def tell_haproxy(self, command):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.path.join(self.directory, "haproxy"))
            client.sendall(command.encode() + b"\n")
            answer = client.recv(4096).strip()
            if answer:
                raise SystemExit("haproxy: %s: %s" % (command, answer.decode()))

    def replace(self, name, lag):
        """Replaces a server by a new one; how long the old one took to end."""
        began = time.monotonic()
        server = self.servers[name]
        server.kill(self.stop_signal)
        took = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(lag)
            took = time.monotonic() - began
        time.sleep(max(began + lag - time.monotonic(), 0))
        self.tell_haproxy("set server servers/%s state maint" % name)
        server.wait()
        took = took or time.monotonic() - began
        del self.servers[name]
        server.__exit__(None, None, None)
        self.start(name)
        self.tell_haproxy("set server servers/%s state ready" % name)
        return took


def number_after(word, text):
    found = re.search(r"%s:? (\d+)" % word, text)
    return int(found.group(1)) if found else 0


def measure(options, stop_signal, updates, lag):
    """Requests, those that failed, and the longest stop in seconds."""
    with Fleet(options, stop_signal) as fleet:
        wrk = subprocess.Popen(["wrk", "--threads", "2", "--connections", "64", "--duration", "3600s", "http://127.0.0.1:%d/" % fleet.ports["port"]],
                               stdout=subprocess.PIPE, text=True)
        try:
            time.sleep(1)
            took = []
            for i in range(updates):
                took.append(fleet.replace("ab"[i % 2], lag))
                time.sleep(0.5)
        finally:
            wrk.send_signal(signal.SIGINT)  # it tells what it has counted
            said = wrk.communicate()[0]
    requests = re.search(r"(\d+) requests in", said)
    if requests is None:
        raise SystemExit("wrk said:\n" + said)
    failed = sum(number_after(word, said) for word in ("connect", "read", "write", "timeout", "Non-2xx or 3xx responses"))
    return int(requests.group(1)), failed, max(took)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--lag", type=float, default=1.0)
    arguments = parser.parse_args()
    missing = [name for name in ("crun", "haproxy", "nginx", "wrk") if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None]
    if missing:
        raise SystemExit("rolling_update.py needs " + ", ".join(missing))
    build = os.path.abspath(arguments.build)
    os.environ.update(SVCD_BIN=build + "/daemon/launcher/svcd", SVCTL_BIN=build + "/ctl/svctl")
    print("%d updates, %g s from the signal to haproxy's maint, 64 connections" % (arguments.updates, arguments.lag))
    print("| the stop | requests | failed | longest stop |\n|---|---|---|---|")
    for name, options, stop_signal in WAYS:
        requests, failed, took = measure(options, stop_signal, arguments.updates, arguments.lag)
        print("| %s | %d | %d | %.2f s |" % (name, requests, failed, took), flush=True)


if __name__ == "__main__":
    main()
