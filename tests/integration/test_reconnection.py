"""What was asked for outlives the manager that was asked: the answer comes, and nothing is done twice."""
import json
import os
import signal
import time

import dbus_client
from harness import PATIENCE, Daemon, TestCase, actor, alive, service
from test_bus import MessageBus


class Answers(TestCase):
    def ask(self, svcd, verb, unit, request_id):
        options = [("request_id", ("s", request_id))]
        return svcd.manager("RequestJob", "sssa{sv}", verb, unit, "replace", options)

    def test_a_repeated_request_is_not_done_twice(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")  # else it may end before it has told
            job, already = self.ask(svcd, "restart", "a.service", "the-one")
            self.assertFalse(already)
            svcd.wait_told("a", "start", count=2)
            svcd.wait_for("a", ActiveState="active")
            for _ in range(2):
                svcd.kill_manager()
                self.assertEqual(self.ask(svcd, "restart", "a.service", "the-one"), [job, False])
                self.assertEqual(svcd.manager("GetRequestResult", "s", "the-one"), [job, "done"])
                self.assert_shows(svcd, "a", ActiveState="active")
            with self.assertRaisesRegex(dbus_client.Error, "in use for something else"):
                self.ask(svcd, "stop", "a.service", "the-one")
            with self.assertRaisesRegex(dbus_client.Error, "No request of yours"):
                svcd.manager("GetRequestResult", "s", "another")
            self.ask(svcd, "restart", "a.service", "another")
            svcd.wait_told("a", "start", count=3)

    def test_a_job_that_goes_on_is_said_to(self):
        with Daemon({"a.service": service(actor("a"), Type="notify")}) as svcd:
            job, _ = self.ask(svcd, "start", "a.service", "long")
            svcd.kill_manager()
            self.assertEqual(svcd.manager("GetRequestResult", "s", "long"), [job, ""])
            svcd.svctl("stop", "a")
            self.assertEqual(svcd.manager("GetRequestResult", "s", "long"), [job, "canceled"])

    def ended_in_the_gap(self, kind, code, status, result, text):
        """The job of a svctl that waits ends while there is no manager, or is only handled by the next one."""
        with Daemon({"a.service": service(actor("a", "code=%d" % code), Type=kind)}) as svcd:
            start = svcd.begin("--json", "start", "a")
            svcd.wait_told("a", "start")
            pid = svcd.get("a", "MainPID") or svcd.get("a", "ControlPID")
            manager = svcd.manager_pid()
            svcd.disconnect()
            os.kill(manager, signal.SIGSTOP)
            os.kill(pid, signal.SIGTERM)
            svcd.wait_told("a", "end")
            os.kill(manager, signal.SIGKILL)
            out, err = start.communicate(timeout=30)
            self.assertEqual((start.returncode, json.loads(out)[0]["result"]), (status, result), (out, err))
            self.assertIn(text, err)

    def test_svctl_hears_that_the_job_was_done(self):
        self.ended_in_the_gap("oneshot", 0, 0, "done", "")

    def test_svctl_hears_that_the_job_failed_and_why(self):
        self.ended_in_the_gap("oneshot", 3, 1, "failed", "status 3")
        self.ended_in_the_gap("notify", 0, 1, "failed", "a.service")


class Waits(TestCase):
    """A svctl that waits for a state hears of it from the next manager."""

    def stop_when_asleep(self, svctl):
        """Stops a svctl once it has asked for all it wants to know and waits."""
        def looks():
            with open("/proc/%d/status" % svctl.pid) as text:
                return [line for line in text if line.startswith(("State:\tS", "voluntary_ctxt_switches"))]

        def is_asleep():
            before = looks()
            time.sleep(0.1)
            return len(before) == 2 and looks() == before
        deadline = time.monotonic() + PATIENCE
        while not is_asleep():
            self.assertIsNone(svctl.poll(), "svctl doesn't wait")
            self.assertLess(time.monotonic(), deadline, "svctl doesn't come to wait")
        os.kill(svctl.pid, signal.SIGSTOP)

    def assert_ends(self, svctl, status=0):
        try:
            out, err = svctl.communicate(timeout=30)
        finally:
            svctl.kill()
        self.assertEqual(svctl.returncode, status, (out, err))
        return out

    def test_start_wait_hears_of_the_end(self):
        with Daemon({"a.service": service(actor("a", "code=3"))}) as svcd:
            start = svcd.begin("start", "--wait", "a")
            pid = svcd.wait_for("a", ActiveState="active")["MainPID"]
            svcd.kill_manager()
            self.stop_when_asleep(start)
            os.kill(pid, signal.SIGTERM)
            os.kill(start.pid, signal.SIGCONT)
            self.assert_ends(start, 1)

    def test_a_signal_and_the_death_come_together(self):
        """What the signal makes svctl ask for can't be asked on that connection any more."""
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            wait = svcd.begin("wait", "a", "--for=active")
            self.stop_when_asleep(wait)
            svcd.svctl("start", "a")
            svcd.kill_manager()
            os.kill(wait.pid, signal.SIGCONT)
            self.assert_ends(wait)

    def test_is_system_running_waits_on(self):
        with Daemon({"a.service": service(actor("a"), Type="oneshot")}, unit="a.service") as svcd:
            svcd.wait_told("a", "start")
            wait = svcd.begin("is-system-running", "--wait")
            self.stop_when_asleep(wait)
            svcd.kill_manager()
            os.kill(wait.pid, signal.SIGCONT)
            self.stop_when_asleep(wait)
            os.kill(svcd.get("a", "ControlPID") or svcd.get("a", "MainPID"), signal.SIGTERM)
            os.kill(wait.pid, signal.SIGCONT)
            self.assertEqual(self.assert_ends(wait), "running\n")

    def test_exit_wait_waits_for_svcd_and_not_for_its_manager(self):
        with Daemon({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="2s")}, exit_status=None) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            pid = svcd.get("a", "MainPID")
            leave = svcd.begin("exit", "--wait")
            svcd.wait_told("a", "signal 15")
            self.stop_when_asleep(leave)
            svcd.kill_manager()
            svcd.disconnect()
            os.kill(leave.pid, signal.SIGCONT)
            self.assert_ends(leave)
            self.assertFalse(alive(pid))

    def test_over_a_message_bus(self):
        with Daemon() as outer:
            bus = MessageBus(outer.path("dbus")).start()
            self.addCleanup(bus.stop)
            with Daemon({"a.service": service(actor("a"))}, bus=bus.address, environment={"DBUS_SESSION_BUS_ADDRESS": bus.address}) as svcd:
                bus.wait_for_svcd()
                start = svcd.begin("--bus=session", "start", "--wait", "a")
                pid = svcd.wait_for("a", ActiveState="active")["MainPID"]
                self.stop_when_asleep(start)
                svcd.kill_manager()
                os.kill(start.pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
                self.assert_ends(start)
