"""No source of events keeps another from its turn: floods of calls and of notifications, and what services do meanwhile."""
import os
import signal
import sys

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
