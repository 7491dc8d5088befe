"""svctl daemon-reexec: another svcd-manager takes over while services run, and nobody notices."""
import contextlib
import os
import shutil
import socket
import threading
import time

from harness import SANITIZED, SVCD, Daemon, TestCase, actor, service

SERVICES = 60 if SANITIZED else 500
# Answers each line of each connection, for as long as it lives.
SERVER = """
import socketserver, sys
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
Server(sys.argv[1], Echo).serve_forever()
"""


def built(name):
    """Where a program of this build is: its folders are beside the launcher's."""
    return os.path.join(os.path.dirname(SVCD), "..", name.split("-")[1], name)


class Load:
    """Requests to a service, one after the other on connections of their own, until it is stopped."""

    def __init__(self, path):
        self.path, self.done, self.failures, self.longest = path, 0, [], 0.0
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.end.is_set():
            begun = time.monotonic()
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.settimeout(10)
                    connection.connect(self.path)
                    connection.sendall(b"hello\n")
                    if connection.recv(16) != b"hello\n":
                        self.failures.append("another answer")
            except OSError as error:
                self.failures.append(str(error))
            self.longest = max(self.longest, time.monotonic() - begun)
            self.done += 1

    def stop(self):
        self.end.set()
        self.thread.join()


class Reexecution(TestCase):
    def manager(self, svcd):
        return svcd.bus().call("/org/svcd1", "org.freedesktop.DBus.Properties", "Get", "ss", "org.svcd1.Manager", "ManagerPID")

    def test_hundreds_of_services_and_a_load_on_one_of_them_go_on(self):
        names = ["s%03d.service" % i for i in range(SERVICES)]
        units = {name: service(actor(name), StandardOutput="null") for name in names}
        with contextlib.ExitStack() as stack:
            svcd = stack.enter_context(Daemon(units | {"all.target": {"Unit": {"Wants": names}}}))
            path = os.path.join(svcd.directory, "echo")
            svcd.write_unit("web.service", service([shutil.which("python3"), "-c", SERVER, path]))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "all.target", "web", timeout=120)
            svcd.wait_until(lambda: os.path.exists(path), "the server's socket")
            before = {name: svcd.show(name) for name in names + ["web.service"]}
            load = Load(path)
            stack.callback(load.stop)
            svcd.wait_until(lambda: load.done > 100, "requests")
            for _ in range(3):
                done, manager = load.done, svcd.manager_pid()
                svcd.disconnect()
                svcd.svctl("daemon-reexec")
                self.assertNotIn(svcd.manager_pid(), (None, manager))
                svcd.wait_until(lambda: load.done > done + 100, "requests")
            load.stop()
            self.assertEqual(load.failures, [])
            for name, properties in before.items():
                self.assert_shows(svcd, name, **{key: properties[key] for key in (
                    "ActiveState", "SubState", "MainPID", "NRestarts", "InvocationID", "ActiveEnterTimestampMonotonic",
                    "ExecMainStartTimestampMonotonic")})
            for name in names:
                svcd.wait_told(name, "start")
                self.assertEqual(len(svcd.told(name)), 1, name)

    def test_it_is_not_one_of_the_deaths_that_are_too_many(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            for _ in range(12):
                svcd.svctl("daemon-reexec")
            self.assert_shows(svcd, "a", ActiveState="active")
            self.assertNotIn("dies too often", svcd.read_errors())

    def test_jobs_go_on(self):
        with Daemon({"a.service": service(actor("a", "wait=300", "ready"), Type="notify"),
                     "b.service": service(actor("b", "stop=300"))}) as svcd:
            svcd.svctl("start", "b")
            svcd.wait_told("b", "start")
            start, stop = svcd.begin("start", "a"), svcd.begin("stop", "b")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "signal 15")
            svcd.svctl("daemon-reexec")
            self.assertEqual((start.wait(30), stop.wait(30)), (0, 0), (start.communicate(), stop.communicate()))
            self.assertEqual(len(svcd.told("a", "start")), 1)

    def test_a_stop_signal_that_was_sent_is_not_sent_again(self):
        self.check_stop_signal_comes_once(lambda svcd: svcd.svctl("daemon-reexec"))

    def test_a_successor_that_cant_run_does_not_get_the_chance(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.end()
            program = os.path.join(svcd.directory, "svcd-manager")
            shutil.copy(built("svcd-manager"), program)
            os.symlink(built("svcd-exec"), os.path.join(svcd.directory, "svcd-exec"))
            svcd.arguments.append("--manager=" + program)
            svcd.start()
            svcd.svctl("start", "a")
            manager = self.manager(svcd)
            for text, reason in (("#!/bin/sh\nexit 7\n", "left with status 7"), ("#!/bin/sh\nkill -SEGV $$\n", "killed by signal 11"),
                                 ("not a program", "can't be executed")):
                with open(program + ".new", "w") as broken:
                    broken.write(text)
                os.chmod(program + ".new", 0o755)
                os.rename(program + ".new", program)
                failed = svcd.svctl("daemon-reexec", status=1)
                self.assertIn(reason, failed.stderr)
                self.assertIn("this manager stays", failed.stderr)
                self.assertEqual(self.manager(svcd), manager)
            shutil.copy(built("svcd-manager"), program + ".new")
            os.rename(program + ".new", program)
            svcd.disconnect()
            svcd.svctl("daemon-reexec")
            self.assertNotEqual(self.manager(svcd), manager)
            self.assert_shows(svcd, "a", ActiveState="active")
