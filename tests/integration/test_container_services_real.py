"""Services as they are put into containers, each with the fault that bug reports tell of, below `svcd --container --`.

What svcd, `svctl explain` and `svctl doctor` say of each. A number in a test's name is that of a public report (docs/tried.md).
"""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from harness import TestCase, children_of, end_with_parent
from test_container_command import UNSHARE, Command

ASYNCIO = """
import asyncio
async def main():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    print("up", flush=True)
    try:
        await server.serve_forever()
    finally:
        print("closed", flush=True)
asyncio.run(main())
"""
# As a JVM it ends by itself on SIGTERM, after its shutdown hooks, with 128 + 15.
LIKE_A_JVM = """
import signal, sys
def end(*_):
    print("hooks", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True:
    signal.pause()
"""
APPLICATION = """
import time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        print("asked", flush=True)
        time.sleep(1000)
    start_response("200 OK", [])
    return [b"hello"]
"""

# A stop that is cut; the failure does not end svcd, so that it can be asked.
CUT = ("-p", "TimeoutStopSec=500ms", "-p", "FailureAction=none")


def python(program):
    return "python3", "-c", program


def in_bash(script, program):
    """An entry point that starts its server without exec. `server` in the script is the program."""
    return "/bin/bash", "-c", "server() { python3 -c \"$1\"; }; " + script.replace("server;", "server \"$0\";"), program


@contextlib.contextmanager
def bare_init(*command):
    """The program as PID 1 of a PID namespace, with no init: the process that we see, and the PID of the program."""
    process = subprocess.Popen([*UNSHARE, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               preexec_fn=end_with_parent)
    try:
        yield process, lambda: children_of(process.pid)[0][0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Real:
    def wait_restarts(self, svcd):
        svcd.until(lambda: "auto-restart" in svcd.svctl("show", "main", "-P", "SubState").stdout, "a wait for the restart")

    def nothing_found(self, svcd):
        found = svcd.svctl("doctor", "main")
        self.assertEqual(found.returncode, 0, found.stdout)

    def explained(self, svcd):
        return re.sub(r"\s+", " ", svcd.svctl("explain", "main").stdout)

    def stops(self, svcd, number, status):
        svcd.kill(number)
        self.assertEqual(svcd.finish(), status, svcd.errors())


@unittest.skipUnless(shutil.which("prometheus-node-exporter"), "needs prometheus-node-exporter")
class GoDaemon(Real, TestCase):
    ANYWHERE = ("prometheus-node-exporter", "--collector.disable-defaults", "--web.listen-address=127.0.0.1:0")

    def test_statsd_exporter_133_as_pid_1_it_ends_with_status_2_and_below_svcd_by_the_signal(self):
        with bare_init(*self.ANYWHERE) as (process, pid):
            for line in process.stdout:
                if "Listening on" in line:
                    break
            os.kill(pid(), signal.SIGTERM)
            self.assertEqual(process.wait(), 2)
        with Command(*self.ANYWHERE, is_init=True) as svcd:
            svcd.until(lambda: "Listening on" in svcd.errors(), "the exporter")
            self.nothing_found(svcd)
            self.stops(svcd, signal.SIGTERM, 143)

    def test_a_port_that_is_taken_fails_the_start_and_what_it_said_is_on_svcds_standard_error(self):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            held.listen()
            command = (*self.ANYWHERE[:-1], "--web.listen-address=127.0.0.1:%d" % held.getsockname()[1])
            with Command(*command, options=("-p", "Restart=on-failure", "-p", "RestartSec=60s"), is_init=True) as svcd:
                self.wait_restarts(svcd)
                self.assertIn("exited with status 1, which svcd had not asked it to", self.explained(svcd))
                self.assertIn("address already in use", svcd.errors())
                svcd.kill(signal.SIGTERM)
                svcd.finish()


class LikeAJvm(Real, TestCase):
    def test_elasticsearch_31847_143_is_its_answer_to_sigterm_and_can_be_made_0(self):
        for options, status in (((), 143), (("--exit-status-map=143:0",), 0)):
            with Command(*python(LIKE_A_JVM), options=options, is_init=True) as svcd:
                svcd.read_until("up")
                self.nothing_found(svcd)
                self.stops(svcd, signal.SIGTERM, status)
                self.assertIn("hooks", svcd.text)

    def test_143_that_svcd_did_not_ask_for_is_a_failure_unless_success_exit_status_has_it(self):
        restarts = ("-p", "Restart=on-failure", "-p", "RestartSec=60s")
        with Command(*python(LIKE_A_JVM), options=restarts) as svcd:
            svcd.read_until("up")
            os.kill(svcd.members()[0], signal.SIGTERM)
            self.wait_restarts(svcd)
            self.assertIn("exited with status 143 (that is 128 + SIGTERM), which svcd had not asked it to", self.explained(svcd))
            svcd.kill(signal.SIGTERM)
            svcd.finish()
        with Command(*python(LIKE_A_JVM), options=(*restarts, "-p", "SuccessExitStatus=143")) as svcd:
            svcd.read_until("up")
            os.kill(svcd.members()[0], signal.SIGTERM)
            self.assertEqual(svcd.finish(), 143)


class Asyncio(Real, TestCase):
    def test_cpython_125688_as_pid_1_it_is_deaf_to_sigterm_and_below_svcd_it_ends_by_it(self):
        with bare_init(*python(ASYNCIO)) as (process, pid):
            self.assertEqual(process.stdout.readline(), "up\n")
            os.kill(pid(), signal.SIGTERM)
            os.kill(pid(), signal.SIGINT)  # this is what ends it
            self.assertIn("KeyboardInterrupt", process.communicate()[0])
        with Command(*python(ASYNCIO), is_init=True) as svcd:
            svcd.read_until("up")
            self.nothing_found(svcd)
            self.stops(svcd, signal.SIGTERM, 143)
            self.assertNotIn("closed", svcd.text)

    def test_sigint_as_stop_signal_lets_it_close_what_it_has_open(self):
        with Command(*python(ASYNCIO), options=("--stop-signal=INT",), is_init=True) as svcd:
            svcd.read_until("up")
            self.stops(svcd, signal.SIGINT, 130)
            self.assertIn("closed", svcd.text)


class BashEntrypoint(Real, TestCase):
    def test_superset_41172_without_exec_the_server_is_asked_all_the_same_when_bash_has_ended(self):
        with Command(*in_bash("server; echo cleanup", LIKE_A_JVM), is_init=True) as svcd:
            svcd.read_until("up")
            self.stops(svcd, signal.SIGTERM, 143)
            self.assertEqual(svcd.text.split(), ["up", "hooks"])

    def test_pulp_2_a_trap_does_not_run_before_the_server_ends_and_explain_says_so(self):
        script = "trap 'echo cleanup; exit' TERM; server; exit"
        with Command(*in_bash(script, LIKE_A_JVM), is_init=True) as svcd:
            svcd.read_until("up")
            self.nothing_found(svcd)
            svcd.kill(signal.SIGTERM)
            svcd.until(lambda: "waits after SIGTERM" in self.explained(svcd), "the stop")
            why = self.explained(svcd)
            self.assertRegex(why, r"\(bash\) is a shell that catches SIGTERM and has a child from before that, PID \d+ \(python3\)")
            self.assertRegex(why, r"\(python3\) got no SIGTERM from svcd: by LeftoverTimeoutSec it is sent first to the main process, PID \d+")
            self.assertIn("start the program with 'exec' in the script", why)
            self.assertNotIn("was not in the unit's cgroup", why)
            server = max(svcd.members())
            os.kill(server, signal.SIGTERM)  # as a trap that runs would do
            self.assertEqual(svcd.finish(), 0)
            self.assertEqual(svcd.text.split(), ["up", "hooks", "cleanup"])


@unittest.skipUnless(shutil.which("gunicorn"), "needs gunicorn")
class GunicornWithWorkers(Real, TestCase):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="svcd-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        with open(os.path.join(self.folder, "app.py"), "w", encoding="ascii") as file:
            file.write(APPLICATION)

    def gunicorn(self, *options):
        return Command("gunicorn", "--chdir", self.folder, "--workers", "2", "--bind", "127.0.0.1:0", "app:app", options=options, is_init=True,
                       environment={"PYTHONDONTWRITEBYTECODE": "1"})

    @staticmethod
    def wait_workers(svcd):
        svcd.until(lambda: svcd.errors().count("Booting worker") == 2, "two workers")

    def test_its_workers_end_with_it(self):
        with self.gunicorn() as svcd:
            self.wait_workers(svcd)
            self.nothing_found(svcd)
            self.stops(svcd, signal.SIGTERM, 0)

    def test_gunicorn_1493_a_request_that_outlasts_the_time_for_the_stop_is_cut_and_explain_says_who(self):
        with self.gunicorn(*CUT) as svcd:
            self.wait_workers(svcd)
            port = int(re.search(r"Listening at: http://127.0.0.1:(\d+)", svcd.errors()).group(1))
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
                svcd.read_until("asked")
                svcd.svctl("restart", "main")
                why = self.explained(svcd)
                self.assertRegex(why, r"PID \d+ \(gunicorn\) catches SIGTERM, but had not ended 5\d\d ms later")  # the master
                self.assertRegex(why, r"PID \d+ \(gunicorn\) catches SIGTERM, but had not ended 2(\.\d+)? s later")  # the worker
                self.assertNotIn("was not in the unit's cgroup", why)
                found = svcd.svctl("doctor", "main")
                self.assertEqual(found.returncode, 1)
                self.assertIn("SIGKILL", found.stdout)
            svcd.kill(signal.SIGTERM)
            svcd.finish()


if __name__ == "__main__":
    unittest.main()
