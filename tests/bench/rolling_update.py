#!/usr/bin/env python3
"""How many requests a rolling update loses: haproxy before two servers (nginx), each the command of a svcd --container.

    tests/bench/rolling_update.py --build build/release [--updates 10] [--lag 1]

The servers are replaced in turn while wrk asks over 64 connections, as Kubernetes does it: the old one gets SIGTERM, and LAG seconds later
haproxy is told to send it nothing more (so long it takes until a Service's endpoints are known everywhere). haproxy tries nothing twice
(retries 0, no redispatch), so each request that reaches a server that is gone is lost, and counted.

Needs root, and haproxy, nginx-light and wrk of Debian's. Listens on loopback only, and leaves nothing behind.
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

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), folder) for folder in ("faults", "integration")]

from programs import find_programs  # noqa: E402  (the line above finds it)

PATIENCE = 30.0
NGINX = """
daemon off;
pid %(directory)s/nginx-%(port)d.pid;
error_log stderr;
worker_processes 1;
events { worker_connections 1000; }
http {
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 1h;
    client_body_temp_path %(directory)s/body; proxy_temp_path %(directory)s/proxy; fastcgi_temp_path %(directory)s/fastcgi;
    uwsgi_temp_path %(directory)s/uwsgi; scgi_temp_path %(directory)s/scgi;
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
WAYS = (("SIGTERM", (), signal.SIGTERM),
        ("SIGQUIT, on which nginx finishes what it has begun", ("--stop-signal=QUIT",), signal.SIGQUIT),
        ("SIGTERM, PreStopDelaySec: 3s", ("-p", "PreStopDelaySec=3s"), signal.SIGTERM))


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
            server.kill(signal.SIGTERM)
            server.finish()
            server.__exit__(None, None, None)
        shutil.rmtree(self.directory)
        return False

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def start(self, name):
        from test_container_command import Command
        path = self.write("%s.conf" % name, NGINX % {"directory": self.directory, "port": self.ports[name]})
        # What nginx says before it has read its file goes to standard error as well.
        self.servers[name] = Command("nginx", "-e", "stderr", "-c", path, options=self.options).__enter__()
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
        server.finish()
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
    missing = [name for name in ("haproxy", "nginx", "wrk") if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None]
    if missing:
        raise SystemExit("rolling_update.py needs " + ", ".join(missing))
    find_programs(arguments.build)
    os.environ["SVCD_BIN"] = os.path.join(os.path.abspath(arguments.build), "daemon/launcher/svcd")
    print("%d updates, %g s from the signal to haproxy's maint, 64 connections" % (arguments.updates, arguments.lag))
    print("| the stop | requests | failed | longest stop |\n|---|---|---|---|")
    for name, options, stop_signal in WAYS:
        requests, failed, took = measure(options, stop_signal, arguments.updates, arguments.lag)
        print("| %s | %d | %d | %.2f s |" % (name, requests, failed, took), flush=True)


if __name__ == "__main__":
    main()
