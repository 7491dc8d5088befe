"""Service types, the Exec* lines around them, and what Restart= makes of an end."""
import os
import signal

from harness import ACTOR, SLACK, Daemon, TestCase, actor, alive, service


class Types(TestCase):
    def test_a_simple_service_is_active_once_it_was_spawned_and_tells_its_process(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            shown = svcd.wait_for("a", ActiveState="active", SubState="running", Result="success")
            svcd.wait_told("a", "start")
            self.assertEqual(svcd.processes_of("a"), [shown["MainPID"]])
            svcd.svctl("stop", "a")
            svcd.wait_told("a", "signal 15")
            self.assert_shows(svcd, "a", ActiveState="inactive", SubState="dead", Result="success", MainPID=0, ExecMainStatus=0,
                              ExecMainCode=1)
            self.assertIsNone(svcd.cgroup_of("a"))

    def test_a_start_of_what_runs_changes_nothing(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            before = svcd.get("a", "MainPID")
            svcd.svctl("start", "a")
            self.assertEqual(svcd.get("a", "MainPID"), before)

    def test_type_exec_succeeds_when_the_program_runs_and_fails_when_it_cannot(self):
        with Daemon({
            "good.service": service(actor("good"), Type="exec"),
            "bad.service": service(["/nonexistent/program"], Type="exec"),
        }) as svcd:
            svcd.svctl("start", "good")
            self.assert_shows(svcd, "good", ActiveState="active", SubState="running")
            svcd.svctl("start", "bad", status=1)
            self.assert_shows(svcd, "bad", ActiveState="failed", SubState="failed", Result="exit-code", ExecMainStatus=203)

    def test_a_oneshot_runs_its_commands_in_order_and_a_dependent_waits_for_the_last(self):
        with Daemon({
            "job.service": {"Service": {
                "Type": "oneshot",
                "ExecStartPre": [actor("pre", "exit=0")],
                "ExecStart": [actor("one", "wait=50", "run=1"), actor("two", "run=1")],
                "ExecStartPost": [actor("post", "exit=0")],
            }},
            "after.service": service(actor("after"), unit={"Requires": ["job.service"], "After": ["job.service"]}),
        }) as svcd:
            svcd.svctl("start", "after")
            svcd.wait_told("after", "start")
            self.assertEqual(svcd.order("pre start", "one start", "one end", "two start", "two end", "post start", "after start"),
                             ["pre start", "one start", "one end", "two start", "two end", "post start", "after start"])
            self.assert_shows(svcd, "job", ActiveState="inactive", SubState="dead", Result="success")

    def test_a_oneshot_that_remains_after_exit_is_active_until_it_is_stopped(self):
        with Daemon({"job.service": {"Service": {
            "Type": "oneshot", "RemainAfterExit": True,
            "ExecStart": actor("up", "exit=0"), "ExecStop": actor("down", "exit=0"), "ExecStopPost": actor("post", "exit=0"),
        }}}) as svcd:
            svcd.svctl("start", "job")
            self.assert_shows(svcd, "job", ActiveState="active", SubState="exited")
            svcd.svctl("start", "job")
            self.assertEqual(len(svcd.told("up", "start")), 1)
            svcd.svctl("stop", "job")
            self.assert_shows(svcd, "job", ActiveState="inactive", SubState="dead")
            self.assertEqual(svcd.order("up start", "down start", "post start"), ["up start", "down start", "post start"])

    def test_a_oneshot_stops_at_the_first_command_that_fails(self):
        with Daemon({"job.service": {"Service": {
            "Type": "oneshot", "ExecStart": [actor("one", "exit=3"), actor("two", "exit=0")]}}}) as svcd:
            svcd.svctl("start", "job", status=1)
            self.assert_shows(svcd, "job", ActiveState="failed", Result="exit-code", ExecMainStatus=3)
            self.assertEqual(svcd.told("two"), [])

    def test_a_dash_before_a_command_lets_it_fail(self):
        with Daemon({"a.service": {"Service": {
            "ExecStartPre": "-" + " ".join(actor("pre", "exit=7")), "ExecStart": actor("a")}}}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            self.assert_shows(svcd, "a", ActiveState="active", Result="success")

    def test_forking_follows_the_pid_file(self):
        with Daemon() as svcd:
            pid_file = svcd.path("daemon.pid")
            svcd.write_unit("d.service", service(actor("d", "fork", "pid=" + pid_file, "kids=2"), Type="forking", PIDFile=pid_file))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "d")
            shown = svcd.wait_for("d", ActiveState="active", SubState="running")
            with open(pid_file) as text:
                self.assertEqual(shown["MainPID"], int(text.read()))
            self.assertEqual(len(svcd.processes_of("d")), 3)
            os.kill(shown["MainPID"], signal.SIGKILL)
            svcd.wait_for("d", ActiveState="failed", Result="signal", ExecMainStatus=9, ExecMainCode=2)

    def test_forking_without_a_pid_file_guesses_the_only_process(self):
        with Daemon({"d.service": service(actor("d", "fork"), Type="forking")}) as svcd:
            svcd.svctl("start", "d")
            shown = svcd.wait_for("d", ActiveState="active", SubState="running")
            self.assertEqual(svcd.processes_of("d"), [shown["MainPID"]])

    def test_forking_fails_when_the_first_process_does(self):
        with Daemon({"d.service": service(actor("d", "exit=4"), Type="forking")}) as svcd:
            svcd.svctl("start", "d", status=1)
            self.assert_shows(svcd, "d", ActiveState="failed", Result="exit-code")

    def test_a_notify_service_is_started_when_it_says_so_and_not_before(self):
        with Daemon({
            "n.service": service(actor("n", "wait=200", "ready", "send=STATUS=up and well"), Type="notify"),
            "after.service": service(actor("after"), unit={"Requires": ["n.service"], "After": ["n.service"]}),
        }) as svcd:
            svcd.svctl("start", "after")
            svcd.wait_told("after", "start")
            self.assertEqual(svcd.order("n start", "n ready", "after start"), ["n start", "n ready", "after start"])
            svcd.wait_for("n", StatusText="up and well")

    def test_a_notify_service_that_ends_before_it_is_ready_has_failed_of_protocol(self):
        with Daemon({"n.service": service(actor("n", "exit=0"), Type="notify")}) as svcd:
            svcd.svctl("start", "n", status=1)
            self.assert_shows(svcd, "n", ActiveState="failed", Result="protocol")

    def test_a_condition_that_says_no_skips_the_unit_without_failure(self):
        with Daemon({
            "skip.service": {"Service": {"ExecCondition": actor("c", "exit=1"), "ExecStart": actor("skip")}},
            "go.service": {"Service": {"ExecCondition": actor("c2", "exit=0"), "ExecStart": actor("go")}},
            "bad.service": {"Service": {"ExecCondition": actor("c3", "exit=255"), "ExecStart": actor("bad")}},
        }) as svcd:
            svcd.svctl("start", "skip", status=None)
            self.assert_shows(svcd, "skip", ActiveState="inactive", Result="exec-condition")
            self.assertEqual(svcd.told("skip"), [])
            svcd.svctl("start", "go")
            svcd.wait_told("go", "start")
            svcd.svctl("start", "bad", status=1)
            self.assert_shows(svcd, "bad", ActiveState="failed", Result="exit-code")

    def test_a_reload_runs_its_command_and_the_service_goes_on(self):
        with Daemon({"a.service": {"Service": {"ExecStart": actor("a"), "ExecReload": "kill -HUP $MAINPID"}}}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            before = svcd.get("a", "MainPID")
            svcd.svctl("reload", "a")
            svcd.wait_told("a", "signal 1")
            self.assert_shows(svcd, "a", ActiveState="active", SubState="running", MainPID=before)

    def test_stop_commands_run_with_the_main_pid_and_before_the_signal(self):
        with Daemon({"a.service": {"Service": {
            "ExecStart": actor("a"), "ExecStop": actor("down", "env=MAINPID", "exit=0"),
            "ExecStopPost": actor("post", "env=SERVICE_RESULT", "env=EXIT_CODE", "env=EXIT_STATUS", "exit=0")}}}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            main = svcd.get("a", "MainPID")
            svcd.svctl("stop", "a")
            self.assertEqual(svcd.wait_told("down", "env MAINPID").what, "env MAINPID=%d" % main)
            self.assertEqual([event.what for event in svcd.told("post", "env")],
                             ["env SERVICE_RESULT=success", "env EXIT_CODE=exited", "env EXIT_STATUS=0"])
            self.assertEqual(svcd.order("down start", "a signal 15", "post start"), ["down start", "a signal 15", "post start"])

    def test_a_service_can_name_another_main_process(self):
        with Daemon({"n.service": service(
                # The subshell ends, so its child becomes svcd's, as that of a daemon that forks does.
                ["/bin/sh", "-c", "kid=$(%s child >/dev/null & echo $!); exec %s n \"send=MAINPID=$kid+READY=1\"" % (ACTOR, ACTOR)],
                Type="notify")}) as svcd:
            svcd.svctl("start", "n")
            svcd.wait_told("child", "start")
            shown = svcd.wait_for("n", ActiveState="active")
            with open("/proc/%d/cmdline" % shown["MainPID"]) as text:
                self.assertIn("child", text.read())


class Restart(TestCase):
    def restarts(self, policy, *words, **settings):
        """Does a service with this policy that ends like this start again?"""
        with Daemon({"a.service": service(actor("a", *words), Restart=policy, RestartSec="10ms",
                                          unit={"StartLimitBurst": 2, "StartLimitIntervalSec": "1min"}, **settings)}) as svcd:
            svcd.svctl("start", "a", status=None)
            svcd.wait_until(lambda: svcd.show("a")["ActiveState"] in ("inactive", "failed")
                            and svcd.show("a")["SubState"] != "auto-restart", "the end of a.service")
            return len(svcd.told("a", "start")) > 1

    def test_policies_answer_ends_as_the_manual_says(self):
        ends = {"clean": "exit=0", "failure": "exit=1", "term": "die=15", "kill": "die=9", "abort": "die=6"}
        expected = {
            "no": set(),
            "always": {"clean", "failure", "term", "kill", "abort"},
            "on-success": {"clean", "term"},
            "on-failure": {"failure", "kill", "abort"},
            "on-abnormal": {"kill", "abort"},
            "on-abort": {"kill", "abort"},
        }
        for policy, wanted in expected.items():
            with self.subTest(policy=policy):
                self.assertEqual({end for end, word in ends.items() if self.restarts(policy, word)}, wanted)

    def test_a_status_can_be_declared_a_success(self):
        self.assertFalse(self.restarts("on-failure", "exit=42", SuccessExitStatus="42"))

    def test_the_start_limit_ends_a_crash_loop_and_a_start_by_a_person_clears_it(self):
        with Daemon({"a.service": service(actor("a", "exit=1"), Restart="always", RestartSec="1ms",
                                          unit={"StartLimitBurst": 3, "StartLimitIntervalSec": "1min"})}) as svcd:
            svcd.svctl("start", "a")
            shown = svcd.wait_for("a", ActiveState="failed", Result="exit-code")
            self.assertEqual(shown["NRestarts"], 2)
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start", count=4)

    def test_a_killed_service_comes_back_after_restart_sec(self):
        with Daemon({"a.service": service(actor("a"), Restart="always", RestartSec="300ms")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            pid = svcd.get("a", "MainPID")
            os.kill(pid, signal.SIGKILL)
            svcd.wait_told("a", "start", count=2)
            shown = svcd.wait_for("a", ActiveState="active", NRestarts=1)
            self.assertNotEqual(shown["MainPID"], pid)
            first, second = (event.usec for event in svcd.told("a", "start"))
            self.assertGreaterEqual(second - first, 300_000)

    def test_a_stop_ends_the_restarting(self):
        with Daemon({"a.service": service(actor("a", "exit=1"), Restart="always", RestartSec="1h")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_for("a", SubState="auto-restart")
            svcd.svctl("stop", "a")
            self.assertIn(svcd.get("a", "SubState"), ("dead", "failed"))

    def test_a_watchdog_that_is_not_fed_ends_the_service(self):
        with Daemon({
            "fed.service": service(actor("fed", "ready", "every=50:WATCHDOG=1"), Type="notify", WatchdogSec=0.4 * SLACK),
            "starved.service": service(actor("starved", "ready"), Type="notify", WatchdogSec="200ms"),
        }) as svcd:
            svcd.svctl("start", "fed", "starved")
            svcd.wait_for("starved", ActiveState="failed", Result="watchdog")
            self.assertTrue(svcd.told("starved", "signal %d" % signal.SIGABRT))
            self.assert_shows(svcd, "fed", ActiveState="active")

    def test_restart_of_a_unit_gives_it_a_new_process(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("try-restart", "a")
            self.assertEqual(svcd.get("a", "ActiveState"), "inactive")
            svcd.svctl("restart", "a")
            before = svcd.get("a", "MainPID")
            svcd.svctl("restart", "a")
            shown = svcd.show("a")
            self.assertNotEqual(shown["MainPID"], before)
            self.assertFalse(alive(before))
            svcd.svctl("try-restart", "a")
            self.assertNotEqual(svcd.get("a", "MainPID"), shown["MainPID"])
