"""Starts that fail: each with a clear message, and in the state that systemd would show."""
from harness import SLACK, Daemon, TestCase, actor, service


class Failures(TestCase):
    def refuse(self, svcd, unit, *words, status=1):
        """`svctl start UNIT` fails, and says each of these words."""
        error = svcd.svctl("start", unit, status=status).stderr
        for word in words:
            self.assertIn(word, error)
        return error

    def test_an_unknown_unit_is_said(self):
        with Daemon() as svcd:
            self.refuse(svcd, "nosuch", "nosuch.service", status=4)

    def test_a_missing_requirement_is_named_and_nothing_is_started(self):
        with Daemon({
            "a.service": service(actor("a"), unit={"Requires": ["gone.service"], "After": ["gone.service"]}),
            "b.service": service(actor("b"), unit={"Wants": ["gone.service"]}),
        }) as svcd:
            self.refuse(svcd, "a", "gone.service", status=None)
            self.assert_shows(svcd, "a", ActiveState="inactive", SubState="dead", Result="success")
            self.assertEqual(svcd.told("a"), [])
            svcd.svctl("start", "b")

    def test_a_requirement_that_fails_takes_its_dependent_along(self):
        with Daemon({
            "base.service": service(actor("base", "exit=1"), Type="oneshot"),
            "a.service": service(actor("a"), unit={"Requires": ["base.service"], "After": ["base.service"]}),
        }) as svcd:
            self.refuse(svcd, "a", "base.service", "depends on")
            self.assert_shows(svcd, "a", ActiveState="inactive", SubState="dead")
            self.assert_shows(svcd, "base", ActiveState="failed", Result="exit-code")

    def test_a_bad_path_is_status_203(self):
        with Daemon({"a.service": service(["/nonexistent/web"])}) as svcd:
            svcd.svctl("start", "a", status=None)  # Type=simple: the job may end before the execve
            svcd.wait_for("a", ActiveState="failed", SubState="failed", Result="exit-code", ExecMainCode=1, ExecMainStatus=203)
            self.assertIn("203", svcd.svctl("status", "a", status=3).stdout)

    def test_a_missing_user_is_status_217(self):
        with Daemon({"a.service": service(actor("a"), Type="exec", User="no-such-user")}) as svcd:
            self.refuse(svcd, "a")
            self.assert_shows(svcd, "a", ActiveState="failed", SubState="failed", Result="exit-code", ExecMainStatus=217)

    def test_a_missing_folder_is_status_200(self):
        with Daemon({"a.service": service(actor("a"), Type="exec", WorkingDirectory="/nonexistent")}) as svcd:
            self.refuse(svcd, "a")
            self.assert_shows(svcd, "a", ActiveState="failed", Result="exit-code", ExecMainStatus=200)

    def test_a_start_that_takes_too_long_is_ended(self):
        with Daemon({"a.service": service(actor("a"), Type="notify", TimeoutStartSec="300ms")}) as svcd:
            self.refuse(svcd, "a", "timeout")
            shown = svcd.wait_for("a", ActiveState="failed", SubState="failed", Result="timeout")
            self.assertEqual(svcd.processes_of("a"), [])
            began, ended = shown["InactiveExitTimestampMonotonic"], svcd.wait_told("a", "signal 15").usec
            self.assertGreaterEqual(ended - began, 300_000)
            self.assertLess(ended - began, 300_000 + 500_000 * SLACK)

    def test_a_pre_command_that_fails_fails_the_start(self):
        with Daemon({"a.service": {"Service": {"ExecStartPre": actor("pre", "exit=5"), "ExecStart": actor("a"),
                                               "ExecStopPost": actor("post", "exit=0")}}}) as svcd:
            self.refuse(svcd, "a")
            self.assert_shows(svcd, "a", ActiveState="failed", Result="exit-code", ExecMainStatus=0)
            self.assertEqual(svcd.told("a"), [])
            svcd.wait_told("post", "start")

    def test_a_core_dump_and_a_signal_are_told_apart(self):
        with Daemon({"dump.service": service(actor("dump", "die=6"), LimitCORE=0),
                     "kill.service": service(actor("kill", "die=9"))}) as svcd:
            svcd.svctl("start", "dump", "kill", status=None)
            svcd.wait_for("kill", ActiveState="failed", Result="signal", ExecMainCode=2, ExecMainStatus=9)
            shown = svcd.wait_for("dump", ActiveState="failed", ExecMainStatus=6)
            self.assertIn((shown["Result"], shown["ExecMainCode"]), (("signal", 2), ("core-dump", 3)))

    def test_a_bad_unit_file_is_refused_with_its_place(self):
        with Daemon({"a.service": "Service:\n  ExecStart: /bin/true\n  TimeoutStopSecs: 3\n"}) as svcd:
            error = self.refuse(svcd, "a", "a.service.yaml:3:3", "TimeoutStopSecs", "did you mean 'TimeoutStopSec'")
            self.assertIn("a.service", error)
            self.assert_shows(svcd, "a", LoadState="bad-setting", ActiveState="inactive")

    def test_reset_failed_forgets_a_failure(self):
        with Daemon({"a.service": service(actor("a", "exit=1"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_for("a", ActiveState="failed")
            svcd.svctl("is-failed", "a")
            svcd.svctl("reset-failed", "a")
            self.assert_shows(svcd, "a", ActiveState="inactive", SubState="dead", Result="success")

    def test_a_cyclic_transaction_is_refused_with_the_cycle(self):
        with Daemon({
            "a.service": service(actor("a"), unit={"Requires": ["b.service"], "After": ["b.service"]}),
            "b.service": service(actor("b"), unit={"Requires": ["a.service"], "After": ["a.service"]}),
        }) as svcd:
            self.refuse(svcd, "a", "a.service", "b.service", "cycl")

    def test_a_cycle_at_the_first_load_is_broken_at_its_weakest_edge_and_said(self):
        with Daemon({
            "a.service": service(actor("a"), unit={"Requires": ["b.service"], "After": ["b.service"]}),
            "b.service": service(actor("b"), unit={"Wants": ["c.service"], "After": ["c.service"]}),
            "c.service": service(actor("c"), unit={"After": ["a.service"]}),
        }) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_for("a", ActiveState="active")
            svcd.wait_for("b", ActiveState="active")
            svcd.wait_for("c", ActiveState="active")
            self.assertEqual(svcd.svctl("is-system-running", status=1).stdout.strip(), "degraded")

    def test_a_reload_that_closes_a_cycle_is_refused_with_its_lines_and_the_rest_goes_on(self):
        with Daemon({
            "a.service": service(actor("a")),
            "b.service": service(actor("b"), unit={"After": ["a.service"]}),
        }) as svcd:
            svcd.svctl("start", "a", "b")
            svcd.write_unit("a.service", "Unit:\n  After: [b.service]\nService:\n  ExecStart: /bin/true\n")
            svcd.write_unit("c.service", service(actor("c")))
            refused = svcd.svctl("daemon-reload", status=9).stderr
            self.assertIn("a.service.yaml:2", refused)
            self.assertIn("b.service after a.service", refused)
            svcd.svctl("restart", "--stale", "a")
            self.assert_shows(svcd, "a", ActiveState="active", NeedDaemonReload=True)
            svcd.svctl("start", "c")

    def test_conflicting_units_replace_each_other(self):
        with Daemon({
            "a.service": service(actor("a")),
            "b.service": service(actor("b"), unit={"Conflicts": ["a.service"], "After": ["a.service"]}),
        }) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.svctl("start", "b")
            svcd.wait_told("b", "start")
            self.assert_shows(svcd, "a", ActiveState="inactive")
            self.assertEqual(svcd.order("a signal 15", "a end", "b start"), ["a signal 15", "a end", "b start"])
