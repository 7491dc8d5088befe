"""kill -9 of the manager while services run loses none of them and none of their exits."""
import os
import random
import signal
import time

from harness import SLACK, Daemon, TestCase, actor, alive, service


class ManagerDeath(TestCase):
    def test_services_run_on_with_the_same_processes(self):
        units = {"s%d.service" % i: service(actor("s%d" % i)) for i in range(20)}
        with Daemon(units) as svcd:
            svcd.svctl("start", *units)
            before = {name: svcd.show(name) for name in units}
            svcd.kill_manager()
            for name in units:
                self.assert_shows(svcd, name, ActiveState="active", SubState="running", MainPID=before[name]["MainPID"],
                                  ActiveEnterTimestampMonotonic=before[name]["ActiveEnterTimestampMonotonic"],
                                  InvocationID=before[name]["InvocationID"])
            svcd.svctl("stop", *units)
            for name in units:
                self.assert_shows(svcd, name, ActiveState="inactive", Result="success")

    def test_exits_while_there_is_no_manager_are_known_and_restart_policies_applied(self):
        with Daemon({
            "again.service": service(actor("again"), Restart="always", RestartSec="10ms"),
            "failed.service": service(actor("failed")),
            "clean.service": service(actor("clean")),
            "status.service": service(actor("status", "code=7")),
            "kept.service": service(actor("kept")),
        }) as svcd:
            names = ["again", "failed", "clean", "status", "kept"]
            svcd.svctl("start", *names)
            for name in names:
                svcd.wait_told(name, "start")
            pids = {name: svcd.get(name, "MainPID") for name in names}
            svcd.disconnect()
            manager = svcd.manager_pid()
            os.kill(manager, signal.SIGSTOP)  # nothing of it runs from here on
            os.kill(pids["again"], signal.SIGKILL)
            os.kill(pids["failed"], signal.SIGKILL)
            os.kill(pids["clean"], signal.SIGTERM)
            os.kill(pids["status"], signal.SIGTERM)
            svcd.wait_told("clean", "end")
            svcd.wait_told("status", "end")
            os.kill(manager, signal.SIGKILL)
            svcd.wait_for_manager(other_than=manager)
            svcd.wait_for("failed", ActiveState="failed", Result="signal", ExecMainCode=2, ExecMainStatus=9)
            svcd.wait_for("clean", ActiveState="inactive", Result="success", ExecMainCode=1, ExecMainStatus=0)
            svcd.wait_for("status", ActiveState="failed", Result="exit-code", ExecMainCode=1, ExecMainStatus=7)
            svcd.wait_told("again", "start", count=2)
            shown = svcd.wait_for("again", ActiveState="active", NRestarts=1)
            self.assertNotEqual(shown["MainPID"], pids["again"])
            self.assert_shows(svcd, "kept", ActiveState="active", MainPID=pids["kept"])

    def test_a_stop_under_way_goes_on_and_keeps_its_deadline(self):
        self.check_stop_keeps_its_deadline(2, Daemon.kill_manager)

    def test_a_stop_signal_that_was_sent_is_not_sent_again(self):
        self.check_stop_signal_comes_once(lambda svcd: svcd.kill_manager())

    def test_type_idle_waits_no_longer_than_it_would_have(self):
        with Daemon({"slow.service": service("/bin/sleep 60", Type="oneshot"), "idle.service": service(actor("idle"), Type="idle")}) as svcd:
            svcd.svctl("start", "--no-block", "slow")
            svcd.wait_for("slow", ActiveState="activating")
            began = time.monotonic()
            svcd.svctl("start", "idle")
            for _ in range(2):
                time.sleep(1.5)  # of the 5 s
                svcd.kill_manager()
            svcd.wait_told("idle", "start")
            waited = time.monotonic() - began
            self.assertGreaterEqual(waited, 4.9)
            self.assertLess(waited, 5 + 2 * SLACK)
            svcd.svctl("stop", "slow")

    def test_a_start_under_way_goes_on(self):
        with Daemon({
            "a.service": service(actor("a", "wait=700", "ready"), Type="notify"),
            "b.service": service(actor("b"), unit={"Requires": ["a.service"], "After": ["a.service"]}),
        }) as svcd:
            svcd.svctl("start", "--no-block", "b")
            svcd.wait_told("a", "start")
            svcd.kill_manager()
            svcd.wait_for("a", ActiveState="active")
            svcd.wait_for("b", ActiveState="active")
            svcd.wait_told("b", "start")  # which may come after the unit is active
            self.assertEqual(len(svcd.told("a", "start")), 1)
            self.assertEqual(len(svcd.told("b", "start")), 1)

    def test_a_waiting_client_is_told_that_its_connection_went(self):
        with Daemon({"a.service": service(actor("a", "stop=1000"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            stop = svcd.begin("stop", "a")
            svcd.wait_told("a", "signal 15")
            svcd.kill_manager()
            output = stop.communicate(timeout=30)
            self.assertIn(stop.returncode, (0, 5), output)
            svcd.wait_for("a", ActiveState="inactive")

    def test_killed_in_the_middle_of_300_starts_each_happens_once(self):
        names = ["s%d.service" % i for i in range(300)]
        units = {name: service(actor(name)) for name in names}
        with Daemon(units | {"all.target": {"Unit": {"Wants": names}}}) as svcd:
            for killed_after in (1, 100, 200):
                svcd.events.clear()
                svcd.svctl("start", "--no-block", "all.target")
                while len(svcd.events) < killed_after:
                    svcd.read_events(1.0)
                svcd.kill_manager()
                svcd.wait_until(lambda: set(svcd.states_of(names)) == {("active", "running")}, "300 services")
                for name in names:
                    svcd.wait_told(name, "start")
                    self.assertEqual(len(svcd.told(name, "start")), 1, name)
                svcd.svctl("stop", "all.target", *names)

    def test_killed_again_and_again_under_load_it_loses_no_exit_and_doubles_none(self):
        """Short-lived services that count their starts: each start must have been ended, known, and followed by one other."""
        count, kills = 10, 8
        units = {"s%d.service" % i: service(actor("s%d" % i, "run=20"), Restart="always", RestartSec="5ms", StandardOutput="null",
                                            unit={"StartLimitIntervalSec": 0}) for i in range(count)}
        with Daemon(units) as svcd:
            svcd.svctl("start", *units)
            source = random.Random(1)
            for _ in range(kills):
                time.sleep(source.uniform(0.0, 0.1))  # a moment like any other to die in
                svcd.kill_manager()
            svcd.svctl("stop", *units)
            for i in range(count):
                starts, ends = svcd.told("s%d" % i, "start"), svcd.told("s%d" % i, "end")
                self.assertLessEqual(len(starts) - len(ends), 1)  # the last may have been ended before it looked
                overlapping = [1 for start, end in zip(starts[1:], ends) if start.usec < end.usec]
                self.assertEqual(overlapping, [])
                self.assertGreaterEqual(len(starts), kills)
            self.assertEqual(svcd.unit_cgroups(), [])

    def test_a_manager_that_keeps_dying_leaves_the_services_alone(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            pid = svcd.get("a", "MainPID")
            svcd.disconnect()
            killed = 0
            deadline = time.monotonic() + 4
            while killed < 6 and time.monotonic() < deadline:
                manager = svcd.manager_pid()
                if manager is not None:
                    os.kill(manager, signal.SIGKILL)
                    killed += 1
            self.assertTrue(alive(pid))
            svcd.wait_for_manager()
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=pid)
            self.assertEqual(svcd.told("a", "signal"), [])
