"""svcd's own log has a line for each failure of a service and for each automatic restart, and says nothing twice."""
import os
import re
import signal

from harness import Daemon, TestCase, actor, service

SH = ["/bin/sh", "-c"]


def lines_of(svcd, unit):
    """What svcd has said of the unit, without the times."""
    return [line.split(": ", 1)[1].removeprefix(unit + ".service: ") for line in svcd.read_errors().splitlines()
            if ": %s.service: " % unit in line]


class Lines(TestCase):
    def test_a_crash_loop_has_a_line_for_each_failure_and_each_restart(self):
        limit = {"StartLimitBurst": 3, "StartLimitIntervalSec": "1min"}
        with Daemon({"a.service": service([*SH, "exit 3"], limit, Restart="on-failure", RestartSec="20ms")}) as svcd:
            svcd.svctl("start", "--no-block", "a")
            svcd.wait_for("a", GivenUp=True)
            said = lines_of(svcd, "a")
            self.assertEqual(len(said), 7, said)
            failed = [line for line in said if line.startswith("failed (exit-code): its main process (PID ")]
            self.assertEqual(len(failed), 3)
            self.assertRegex(failed[0], r"\(PID \d+, /bin/sh\) exited with status 3$")
            restarts = [line for line in said if line.startswith("restarts in 20 ms, restart ")]
            self.assertEqual([re.search(r"restart (\d)", line)[1] for line in restarts], ["1", "2", "3"])
            self.assertTrue(restarts[0].endswith("restart 1 (Restart: on-failure)"), restarts[0])
            self.assertIn("unless StartLimitBurst (3 starts in 60 s) forbids it", restarts[2])
            self.assertIn("given up: started 3 times", said[-1])

    def test_a_signal_and_the_command_that_failed_are_named_once(self):
        units = {"a.service": service(actor("a", "ready"), Type="notify"),
                 "pre.service": service(actor("p"), ExecStartPre=[[*SH, "exit 4"]]),
                 "stop.service": service(actor("s", "ready"), Type="notify", ExecStop=[[*SH, "exit 5"]]),
                 "reload.service": service(actor("r", "ready"), Type="notify", ExecReload=[[*SH, "exit 6"]])}
        with Daemon(units) as svcd:
            svcd.svctl("start", "a", "stop", "reload")
            pid = svcd.get("a", "MainPID")
            os.kill(pid, signal.SIGKILL)
            svcd.wait_for("a", ActiveState="failed")
            self.assertRegex(lines_of(svcd, "a")[0], r"^failed \(signal\): its main process \(PID %d, .*\) was killed by SIGKILL$" % pid)
            svcd.svctl("start", "pre", status=1)
            self.assertEqual(lines_of(svcd, "pre"), ["failed (exit-code): ExecStartPre (/bin/sh -c exit 4) exited with status 4"])
            svcd.svctl("stop", "stop", status=None)
            self.assertEqual(lines_of(svcd, "stop"), ["failed (exit-code): ExecStop (/bin/sh -c exit 5) exited with status 5"])
            svcd.svctl("reload", "reload", status=1)
            self.assertEqual(lines_of(svcd, "reload"), ["reload failed: ExecReload (/bin/sh -c exit 6) exited with status 6"])
            svcd.svctl("stop", "reload")
            svcd.svctl("reset-failed")
            self.assertEqual([len(lines_of(svcd, unit)) for unit in ("a", "pre", "stop", "reload")], [1, 1, 1, 1])

    def test_what_svcd_said_of_the_failure_when_it_happened_is_not_said_again(self):
        units = {"bin.service": service(["/no/such/program"], Type="exec"),
                 "dog.service": service(actor("d", "ready"), Type="notify", WatchdogSec="200ms"),
                 "ready.service": service([*SH, "sleep 100"], Type="notify", TimeoutStartSec="200ms")}
        with Daemon(units) as svcd:
            svcd.svctl("start", "bin", status=1)
            svcd.svctl("start", "ready", status=1)
            svcd.svctl("start", "dog", status=None)
            svcd.wait_for("dog", ActiveState="failed")
            self.assertEqual(len(lines_of(svcd, "bin")), 1)
            self.assertEqual(len(lines_of(svcd, "dog")), 1)
            self.assertIn("failed (timeout): it did not start within TimeoutStartSec (200 ms): READY=1 has not come", lines_of(svcd, "ready"))

    def test_a_restart_after_a_clean_end_says_how_it_ended(self):
        with Daemon({"a.service": service(actor("a", "ready"), Type="notify", Restart="always", RestartSec="10ms")}) as svcd:
            svcd.svctl("start", "a")
            os.kill(svcd.get("a", "MainPID"), signal.SIGTERM)
            svcd.wait_for("a", NRestarts=1, ActiveState="active")
            said = lines_of(svcd, "a")
            self.assertEqual(len(said), 1)
            self.assertRegex(said[0], r"^its main process \(PID \d+, .*\) (exited|was killed).*; restarts in 10 ms, restart 1 \(Restart: always\)$")

    def test_a_stop_of_what_waits_for_its_restart_is_no_second_failure(self):
        with Daemon({"a.service": service([*SH, "exit 3"], Restart="on-failure", RestartSec="1h")}) as svcd:
            svcd.svctl("start", "--no-block", "a")
            svcd.wait_for("a", SubState="auto-restart")
            svcd.svctl("stop", "a")
            self.assertEqual(len(lines_of(svcd, "a")), 2)

    def test_a_manager_that_takes_over_does_not_repeat_it(self):
        content = service([*SH, "trap '' TERM; sleep 1000 & exit 3"], Restart="no", TimeoutStopSec="10min")
        with Daemon({"a.service": content}, exit_status=None) as svcd:
            svcd.svctl("start", "--no-block", "a")
            svcd.wait_for("a", ActiveState="deactivating")
            svcd.kill_manager()
            svcd.svctl("kill", "-9", "a")
            svcd.wait_for("a", ActiveState="failed")
            self.assertEqual(len([line for line in lines_of(svcd, "a") if line.startswith("failed (")]), 1)

    def test_a_stop_that_was_asked_for_says_nothing(self):
        with Daemon({"a.service": service(actor("a", "ready"), Type="notify")}) as svcd:
            svcd.svctl("start", "a")
            svcd.svctl("restart", "a")
            svcd.svctl("stop", "a")
            self.assertEqual(lines_of(svcd, "a"), [])

    def test_a_storm_of_restarts_stays_within_the_limit_of_the_log(self):
        with Daemon({"a.service": service(["/bin/false"], {"StartLimitIntervalSec": 0}, Restart="always", RestartSec=0)}) as svcd:
            svcd.svctl("start", "--no-block", "a")
            svcd.wait_until(lambda: svcd.get("a", "NRestarts") >= 60, "sixty restarts")
            svcd.svctl("stop", "a")
            # Ten of each kind, and what is said of those left out.
            self.assertLessEqual(len(lines_of(svcd, "a")), 30)
            self.assertGreaterEqual(len(lines_of(svcd, "a")), 20)
