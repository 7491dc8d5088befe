"""No source of events keeps another from its turn: floods of calls and of notifications, and what services do meanwhile."""
import contextlib
import os
import signal
import sys

import dbus_client
from harness import Daemon, TestCase, actor, service
from helpers.floods import callers_who_want_no_answer, flood, notifications

# Is alive all the time, and ends well when it has said so long enough.
PINGER = """
import os, socket, time
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"])
notify.send(b"READY=1")
for _ in range(20):
    time.sleep(0.2)
    notify.send(b"WATCHDOG=1")
"""


def callers(svcd, count):
    """Root's, who outranks all other callers; svcd gets more of the processor than they."""
    return flood(callers_who_want_no_answer(svcd.address, "all.target", nice=10), count, users=[None])


def senders(svcd, count):
    return flood(notifications(svcd.path("run/notify"), nice=10), count, users=[None])


class Floods(TestCase):
    def test_callers_do_not_keep_exits_from_being_read(self):
        names = ["s%03d.service" % number for number in range(200)]
        units = {name: service(actor(name)) for name in names}
        with Daemon(units | {"all.target": {"Unit": {"Requires": names, "After": names}}}) as svcd:
            svcd.svctl("start", "all.target")
            pids = [svcd.show(name)["MainPID"] for name in names]
            with callers(svcd, 5) as processes:
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
                svcd.wait_until(lambda: set(svcd.states_of(names)) == {("failed", "failed")}, "200 failed services")
                self.assertEqual([os.waitpid(process, os.WNOHANG) for process in processes], [(0, 0)] * 5)
            for name in names:
                self.assert_shows(svcd, name, Result="signal", ExecMainCode=2, ExecMainStatus=9)

    def test_a_healthy_watchdog_survives_callers_and_a_notification_flood(self):
        units = {"healthy.service": service([sys.executable, "-c", PINGER], Type="notify", WatchdogSec="2s"),
                 "all.target": {"Unit": {}}}
        with Daemon(units) as svcd:
            with callers(svcd, 3), senders(svcd, 1):
                svcd.svctl("start", "healthy")
                svcd.wait_until(lambda: svcd.show("healthy")["SubState"] in ("dead", "failed"), "its end", timeout=120)
            self.assert_shows(svcd, "healthy", Result="success", ActiveState="inactive")

    def test_a_stop_keeps_its_deadline_under_a_notification_flood(self):
        units = {"deaf.service": service(actor("deaf", "ready", "deaf=%d" % signal.SIGTERM), Type="notify", TimeoutStopSec="1s"),
                 "all.target": {"Unit": {}}}
        with Daemon(units) as svcd:
            svcd.svctl("start", "deaf")
            with callers(svcd, 3), senders(svcd, 1):
                svcd.svctl("stop", "deaf")
            self.assert_shows(svcd, "deaf", Result="timeout", ExecMainCode=2, ExecMainStatus=9)
            shown = svcd.show("deaf")
            self.assertLess(shown["ExecMainExitTimestampMonotonic"] - shown["ActiveExitTimestampMonotonic"], 3_000_000)


class Reloads(TestCase):
    def daemon(self, count=2000):
        """`names`: as many units, whose files are written by write_all()."""
        self.names = ["w%05d.service" % number for number in range(count)]
        return Daemon({"a.service": service(["/bin/true"], Type="oneshot")})

    def write_all(self, svcd):
        for name in self.names:
            svcd.write_unit(name, service(["/bin/true"], Type="oneshot"))

    def test_other_calls_are_answered_while_all_units_are_read(self):
        with self.daemon() as svcd:
            self.write_all(svcd)
            answered = 0
            svcd.bus()
            with svcd.begin("daemon-reload") as reload:
                while reload.poll() is None:
                    svcd.manager("GetUnit", "s", "a.service")
                    answered += 1
                self.assertEqual(reload.communicate()[1], "")
            self.assertGreater(answered, 20)
            self.assertLessEqual(set(self.names), set(svcd.states()))

    def test_who_asks_for_a_reload_and_leaves_gets_one(self):
        with self.daemon() as svcd:
            self.write_all(svcd)
            with contextlib.closing(dbus_client.Client(svcd.address)) as client:
                client.send("/org/svcd1", "org.svcd1.Manager", "Reload", "", (), "org.svcd1")
            svcd.wait_until(lambda: set(self.names) <= set(svcd.states()), "the reload")

    def test_of_two_at_once_the_second_reads_what_is_there_when_it_was_asked_for(self):
        with self.daemon() as svcd:
            self.write_all(svcd)
            with svcd.begin("daemon-reload") as first:
                svcd.write_unit("w00000.service", service(["/bin/false"], Type="oneshot", unit={"Description": "the new one"}))
                svcd.svctl("daemon-reload")
                self.assertEqual((first.wait(), svcd.get("w00000.service", "Description")), (0, "the new one"))
            self.assertFalse(svcd.get("w00000.service", "NeedDaemonReload"))

    def test_a_unit_that_is_started_meanwhile_is_not_taken_for_gone(self):
        with self.daemon() as svcd:
            self.write_all(svcd)
            with svcd.begin("daemon-reload") as reload:
                svcd.write_unit("zz.service", service(["/bin/true"], Type="oneshot", RemainAfterExit="yes"))
                svcd.svctl("start", "zz")
                self.assertEqual(reload.wait(), 0)
            self.assert_shows(svcd, "zz", ActiveState="active", LoadState="loaded")
