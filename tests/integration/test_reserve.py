"""Where something has run out: memory, room in the runtime folder, descriptors, lines of the log, or a socket's file."""
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import unittest

import dbus_client
from harness import PATIENCE, SANITIZED, SVCTL, Daemon, TestCase, actor, service
from helpers.floods import MEBIBYTE, stranger
from helpers.small_folder import fill, in_small_folder

# A child of the main process, which NotifyAccess does not allow, sends as fast as it can.
CHATTERBOX = """
import os, socket, sys, time
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.connect(os.environ["NOTIFY_SOCKET"])
sender.send(b"READY=1")
words = sys.argv[1].encode()
if sys.argv[2] == "child" and os.fork() == 0:
    words = b"READY=1"
elif sys.argv[2] == "child":
    time.sleep(1000)
for _ in range(3000):
    sender.send(words)
if sys.argv[2] == "child":
    os.kill(os.getppid(), 15)
sender.close()
"""


def size_of(pid):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmSize:")) * 1024


class Memory(TestCase):
    """The manager's address space is made so small that it can't grow."""

    def setUp(self):
        if SANITIZED:
            self.skipTest("a sanitizer needs all the address space there is")

    def exhaust(self, svcd):
        """Until the reserve is given up; returns what the limit was."""
        pid = svcd.manager_pid()
        before = resource.prlimit(pid, resource.RLIMIT_AS)
        for number in range(400):
            svcd.write_unit("filler-%03d.service" % number, service(["/bin/true"], Environment={"A": "x" * 4000}))
        resource.prlimit(pid, resource.RLIMIT_AS, (size_of(pid) - MEBIBYTE // 2, before[1]))
        refused = svcd.svctl("daemon-reload", status=1)
        self.assertIn("Cannot allocate memory", refused.stderr)
        svcd.wait_until(lambda: "svcd is out of memory" in svcd.read_errors(), "the reserve to be given up")
        # Too little for it to be taken again, which needs twice as much, and enough for stops.
        resource.prlimit(pid, resource.RLIMIT_AS, (size_of(pid) + 3 * MEBIBYTE // 2, before[1]))
        return before

    def test_initkit_17_stops_go_on_and_what_can_be_refused_is_refused(self):
        units = {"a.service": service(actor("a")), "b.service": service(actor("b")),
                 "slow.service": service(actor("slow", "deaf=%d" % signal.SIGTERM), TimeoutStopSec="3s"),
                 "deaf.service": service(actor("deaf", "deaf=%d" % signal.SIGTERM), TimeoutStopSec="500ms")}
        with Daemon(units) as svcd:
            svcd.svctl("start", "a", "deaf", "slow")
            for name in ("deaf", "slow"):
                svcd.wait_told(name, "start")
            manager = svcd.manager_pid()
            svcd.svctl("stop", "--no-block", "slow")
            before = self.exhaust(svcd)
            svcd.svctl("start", "b", status=1)
            self.assertIn("the last memory is kept for stops", svcd.read_errors())
            self.assertIn("Cannot allocate memory", svcd.svctl("daemon-reload", status=1).stderr)
            with contextlib.closing(stranger(svcd.address)) as nobody, self.assertRaises(dbus_client.Error) as refused:
                nobody.call("/org/svcd1", "org.svcd1.Manager", "ListUnits")
            self.assertIn("out of memory", str(refused.exception))
            svcd.svctl("stop", "deaf")
            self.assert_shows(svcd, "deaf", Result="timeout", ExecMainStatus=9)
            svcd.wait_for("slow", Result="timeout", ExecMainStatus=9)
            os.kill(svcd.get("a", "MainPID"), signal.SIGTERM)
            svcd.wait_for("a", ActiveState="inactive")
            resource.prlimit(manager, resource.RLIMIT_AS, before)
            svcd.wait_until(lambda: "There is memory again" in svcd.read_errors(), "the reserve to be taken again",
                            timeout=3 * PATIENCE)
            svcd.svctl("start", "b")
            with contextlib.closing(stranger(svcd.address)) as nobody:
                nobody.call("/org/svcd1", "org.svcd1.Manager", "ListUnits")
            self.assertEqual(svcd.manager_pid(), manager)
            self.assertEqual(svcd.read_errors().count("svcd is out of memory"), 1)

    def test_after_the_death_of_a_manager_strangers_wait_for_the_stops(self):
        units = {"slow.service": service(actor("slow", "deaf=%d" % signal.SIGTERM), TimeoutStopSec="1h")}
        with Daemon(units) as svcd:
            svcd.svctl("start", "slow")
            svcd.wait_told("slow", "start")
            main = svcd.get("slow", "MainPID")
            svcd.svctl("stop", "--no-block", "slow")
            svcd.wait_told("slow", "signal 15")
            svcd.kill_manager()
            self.assert_shows(svcd, "slow", ActiveState="deactivating")
            with contextlib.closing(stranger(svcd.address)) as nobody, self.assertRaises(dbus_client.Error) as refused:
                nobody.call("/org/svcd1", "org.svcd1.Manager", "ListUnits")
            self.assertIn("until the stops that were running have ended", str(refused.exception))
            os.kill(main, signal.SIGKILL)
            svcd.wait_for("slow", ActiveState="failed")
            with contextlib.closing(stranger(svcd.address)) as nobody:
                nobody.call("/org/svcd1", "org.svcd1.Manager", "ListUnits")


class Room(TestCase):
    def test_systemd_5016_a_reload_and_another_manager_in_a_full_runtime_folder(self):
        """Nothing of that ends svcd; stops go on."""
        units = {"a.service": service(actor("a")),
                 "deaf.service": service(actor("deaf", "deaf=%d" % signal.SIGTERM), TimeoutStopSec="500ms")}
        with in_small_folder(units) as (svcd, folder):
            svcd.svctl("start", "a", "deaf")
            svcd.wait_told("deaf", "start")
            fill(folder)
            manager = svcd.manager_pid()
            svcd.svctl("daemon-reload")
            svcd.svctl("daemon-reexec")
            svcd.wait_for_manager(other_than=manager)
            svcd.svctl("stop", "deaf")
            self.assert_shows(svcd, "deaf", Result="timeout", ExecMainStatus=9)
            os.kill(svcd.get("a", "MainPID"), signal.SIGTERM)
            svcd.wait_for("a", ActiveState="inactive")
            self.assertIsNone(svcd.process.poll())

    def test_a_start_that_can_t_be_written_down_is_refused_with_the_reason_and_stops_go_on(self):
        names = ["s%03d.service" % number for number in range(130)]
        with in_small_folder({name: service(actor(name)) for name in names[:20]}) as (svcd, folder):
            svcd.svctl("start", *names[:20])
            fill(folder)
            for name in names[20:]:
                svcd.write_unit(name, service(actor(name)))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", *names[20:], status=1)
            self.assertEqual(svcd.read_errors().count("What runs goes on; what can't be written down is not started"), 1)
            states = svcd.states_of(names)
            refused = [name for name, state in zip(names, states) if state == ("failed", "failed")]
            self.assertTrue(refused)
            self.assertIn("No space left on device", svcd.svctl("status", refused[0], status=3).stdout)
            svcd.svctl("stop", *names[:20])
            self.assertEqual(set(svcd.states_of(names[:20])), {("inactive", "dead")})
            os.unlink(os.path.join(folder, "full"))
            svcd.svctl("start", *refused)
            self.assertIn("The state file can be written again", svcd.read_errors())
            self.assertIsNone(svcd.process.poll())

    def test_a_full_log_folder_is_told_by_doctor_and_by_explain(self):
        units = {"a.service": service(actor("a")), "b.service": service(["/bin/sh", "-c", "echo lost || exit 9"], Type="oneshot")}
        with in_small_folder(units, "log") as (svcd, folder):
            svcd.svctl("start", "a")
            self.assertEqual(self.log_faults(svcd), [])
            fill(folder)
            self.assertIn("a.service/current has no room: what it writes to its log is lost", self.log_faults(svcd)[0])
            svcd.svctl("start", "b", status=1)
            self.assertIn("and can take none: the file system of", self.told_inside(svcd, "explain", "b"))

    def told_inside(self, svcd, *words):
        """By a svctl that sees the small folder."""
        command = ["/usr/bin/nsenter", "--mount=/proc/%d/ns/mnt" % svcd.process.pid, SVCTL, *words]
        return subprocess.run(command, env=svcd.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=2 * PATIENCE, check=False).stdout

    def log_faults(self, svcd):
        findings = json.loads(self.told_inside(svcd, "doctor", "--json"))["findings"]
        return [finding["text"] for finding in findings if "log" in finding["text"]]


class Log(TestCase):
    def test_systemd_37970_a_service_can_not_fill_svcds_log(self):
        for words, who, kind in (("MAINPID=1", "main", "is not taken"), ("STATUS=x", "child", "NotifyAccess")):
            with self.subTest(words=words), Daemon({
                "chatterbox.service": service([sys.executable, "-c", CHATTERBOX, words, who], Type="notify", NotifyAccess="main"),
            }) as svcd:
                svcd.svctl("start", "chatterbox")
                svcd.wait_for("chatterbox", SubState="dead", timeout=3 * PATIENCE)
                svcd.wait_until(lambda: " more in 10 s" in svcd.read_errors(), "the count")
                lines = svcd.read_errors().splitlines()
                self.assertLess(len([line for line in lines if kind in line]), 60)
                self.assertFalse([line for line in lines if "process process" in line])


class Descriptors(TestCase):
    def test_supervisor_1082_a_low_limit_is_warned_of_at_the_start(self):
        with Daemon(prefix=["/bin/sh", "-c", 'ulimit -n 64 && exec "$0" "$@"']) as svcd:
            self.assertEqual(svcd.read_errors().count("RLIMIT_NOFILE of svcd is 64"), 1)
            svcd.kill_manager()
            self.assertEqual(svcd.read_errors().count("RLIMIT_NOFILE of svcd is 64"), 1)
        with Daemon() as svcd:
            self.assertNotIn("RLIMIT_NOFILE of svcd", svcd.read_errors())

    def run_with(self, limit, *words):
        """Starts svcd under this limit; what it says until it ends."""
        with Daemon() as svcd:
            svcd.process.send_signal(signal.SIGTERM)
            svcd.wait_for_exit()
            started = subprocess.run(["/bin/sh", "-c", 'ulimit %s && exec "$0" "$@"' % limit, *svcd.arguments, *words], text=True,
                                     env=svcd.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     timeout=PATIENCE)
            return started.returncode, started.stdout

    def test_supervisor_489_with_too_few_to_answer_svctl_svcd_does_not_start_and_says_why(self):
        status, said = self.run_with("-n 47")
        self.assertEqual(status, 1, said)
        self.assertIn("can't start: at most 47 files may be open (the hard limit RLIMIT_NOFILE), and svcd needs 48", said)
        self.assertIn("'ulimit -n 1024', LimitNOFILE=1024", said)

    def test_with_the_fewest_svctl_gets_through_and_services_start_and_stop(self):
        units = {"%s.service" % name: service(actor(name, "ready"), Type="notify", EnvironmentFile="-/nonexistent") for name in "abc"}
        with Daemon(units, prefix=["/bin/sh", "-c", 'ulimit -n 48 && exec "$0" "$@"']) as svcd:
            svcd.svctl("start", *units)
            svcd.svctl("stop", *units)
            for name in units:
                self.assert_shows(svcd, name, Result="success", ActiveState="inactive")
            self.assertNotIn("Too many open files", svcd.read_errors())

    def test_a_low_soft_limit_is_raised_to_the_hard_one(self):
        with Daemon({"a.service": service(actor("a", "ready"), Type="notify")},
                    prefix=["/bin/sh", "-c", 'ulimit -S -n 24 && exec "$0" "$@"']) as svcd:
            svcd.svctl("start", "a")
            limit = resource.prlimit(svcd.get("a", "MainPID"), resource.RLIMIT_NOFILE)
            self.assertEqual(limit[0], 24)
            self.assertGreater(resource.prlimit(svcd.manager_pid(), resource.RLIMIT_NOFILE)[0], 24)


class Sockets(TestCase):
    def test_supervisor_1723_a_deleted_socket_comes_back_while_svcd_runs(self):
        with Daemon({"a.service": service(actor("a", "ready"), Type="notify")}) as svcd:
            before = svcd.bus()  # who is connected stays
            os.unlink(svcd.path("run/bus"))
            svcd.wait_until(lambda: os.path.exists(svcd.path("run/bus")), "the private socket")
            self.assertEqual(os.stat(svcd.path("run/bus")).st_mode & 0o777, 0o666)
            with contextlib.closing(dbus_client.Client(svcd.address, timeout=PATIENCE)) as other:
                other.call("/org/svcd1", "org.svcd1.Manager", "ListUnits")
            before.call("/org/svcd1", "org.svcd1.Manager", "ListUnits")
            os.unlink(svcd.path("run/owner-bus"))
            svcd.wait_until(lambda: os.path.exists(svcd.path("run/owner-bus")), "the owner's door")
            self.assertEqual(os.stat(svcd.path("run/owner-bus")).st_mode & 0o777, 0o600)
            with contextlib.closing(dbus_client.Client("unix:path=" + svcd.path("run/owner-bus"), timeout=PATIENCE)) as owner:
                owner.call("/org/svcd1", "org.svcd1.Manager", "ListUnits")
            os.unlink(svcd.path("run/notify"))
            svcd.wait_until(lambda: os.path.exists(svcd.path("run/notify")), "the notify socket")
            svcd.svctl("start", "a")  # whose READY=1 comes by it
            svcd.kill_manager()  # the next one has it from the launcher
            svcd.svctl("restart", "a")
            self.assertEqual(svcd.read_errors().count("had been deleted or replaced: it is made anew"), 3)

    def test_all_come_back_also_when_something_else_has_taken_their_place(self):
        with Daemon({"a.service": service(actor("a", "ready"), Type="notify")}) as svcd:
            svcd.bus()
            for name in ("bus", "owner-bus", "notify"):
                other = svcd.path("run/other")
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as foreign:
                    foreign.bind(other)
                    inode = os.stat(other).st_ino
                    os.rename(other, svcd.path("run/" + name))
                    svcd.wait_until(lambda: os.path.exists(svcd.path("run/" + name)) and
                                    os.stat(svcd.path("run/" + name)).st_ino != inode, "svcd's own " + name)
            svcd.svctl("start", "a")


if __name__ == "__main__":
    unittest.main()
