"""Starts that fail: each with a clear message, and in the state that systemd would show."""
import json
import os

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

    def test_a_cgroup_that_cant_be_made_fails_the_start_at_once(self):
        deep = "-".join(["a"] * 70) + ".slice"  # its folder's path is longer than PATH_MAX
        with Daemon({"a.service": service(actor("a"), Slice=deep)}) as svcd:
            self.refuse(svcd, "a", "File name too long")
            self.assert_shows(svcd, "a", ActiveState="failed", Result="resources")
            self.assertNotIn("survived", svcd.read_errors())

    def test_a_bad_path_is_status_203(self):
        with Daemon({"a.service": service(["/nonexistent/web"])}) as svcd:
            svcd.svctl("start", "a", status=None)  # Type=simple: the job may end before the execve
            svcd.wait_for("a", ActiveState="failed", SubState="failed", Result="exit-code", ExecMainCode=1, ExecMainStatus=203)
            self.assertIn("203", svcd.svctl("status", "a", status=3).stdout)

    def test_a_missing_user_is_status_217(self):
        with Daemon({"a.service": service(actor("a"), Type="exec", User="no-such-user")}) as svcd:
            self.refuse(svcd, "a", "no-such-user", "there is no such user")
            self.assert_shows(svcd, "a", ActiveState="failed", SubState="failed", Result="exit-code", ExecMainStatus=217,
                              ExecError=("USER", "no-such-user", "ESRCH"))

    def test_what_kept_a_program_from_being_executed_is_told_everywhere_and_kept_systemd_3038(self):
        with Daemon() as svcd:
            script = svcd.path("plop.sh")
            with open(script, "w") as file:
                file.write("#!/bin/bash42\necho plop\n")
            os.chmod(script, 0o755)
            for unit, settings in (("exec", {"Type": "exec"}), ("helped", {"Type": "exec", "OOMScoreAdjust": 100}), ("simple", {}),
                                   ("pre", {"ExecStartPre": [[script]]})):
                svcd.write_unit(unit + ".service", service([script] if unit != "pre" else actor("pre"), **settings))
            svcd.svctl("daemon-reload")
            for unit in ("exec", "helped", "pre"):
                self.refuse(svcd, unit, script, "its interpreter /bin/bash42 (the #! line) does not exist", "ENOENT")
            svcd.svctl("start", "simple", status=None)
            svcd.wait_for("simple", ActiveState="failed")
            told = json.loads(svcd.svctl("--json", "start", "exec", status=1).stderr)["error"]["exec_error"]
            self.assertEqual((told["step"], told["object"], told["errno"]), ("EXEC", script, "ENOENT"))
            svcd.kill_manager()
            svcd.wait_for_manager()
            for unit in ("exec", "helped", "pre", "simple"):
                self.assert_shows(svcd, unit, ExecError=("EXEC", script, "ENOENT"), Result="exit-code", ExecStarted=False)
                self.assertIn("/bin/bash42", svcd.svctl("status", unit, status=3).stdout)
                self.assertEqual(json.loads(svcd.svctl("--json", "status", unit, status=3).stdout)[0]["exec_error"]["text"],
                                 svcd.get(unit, "ExecErrorText"))
                explained = json.loads(svcd.svctl("--json", "explain", unit).stdout)
                self.assertEqual(explained["exec_error"]["errno"], "ENOENT")
                self.assertIn("/bin/bash42", json.dumps(explained["stops"][0]["verdicts"]))
            self.assertTrue(svcd.svctl("status", "pre", status=3).stdout.count("ExecStartPre: " + script))

    def test_a_program_that_exits_with_203_itself_has_run(self):
        with Daemon({"a.service": service(["/bin/sh", "-c", "exit 203"], Type="exec"),
                     "b.service": service(["/bin/sh", "-c", "exit 217"], User="nobody")}) as svcd:
            for unit, code in (("a", 203), ("b", 217)):
                svcd.svctl("start", unit, status=None)
                svcd.wait_for(unit, ActiveState="failed", ExecMainStatus=code, ExecStarted=True, ExecError=("", "", ""))
                self.assertIn("the program was executed", svcd.svctl("status", unit, status=3).stdout)
                self.assertNotIn("not-executed", svcd.svctl("--json", "explain", unit).stdout)

    def test_a_failed_reload_says_why_its_command_was_not_executed(self):
        with Daemon({"a.service": service(actor("a"), ExecReload=["/nonexistent/reload"])}) as svcd:
            svcd.svctl("start", "a")
            self.assertIn("ExecReload: /nonexistent/reload can't be executed: there is no such file",
                          svcd.svctl("reload", "a", status=1).stderr)
            self.assert_shows(svcd, "a", ActiveState="active")

    def test_an_environment_file_that_can_t_be_read_fails_the_start_systemd_2716(self):
        with Daemon() as svcd:
            with open(svcd.path("large"), "w") as file:
                file.write("# " + "x" * (1 << 20) + "\n")
            for kind in ("simple", "exec", "oneshot", "forking", "notify"):
                svcd.write_unit(kind + ".service", service(actor(kind), Type=kind, EnvironmentFile="/nonexistent/env"))
            for name, path in (("folder", svcd.path("")), ("large", svcd.path("large")), ("device", "/dev/null")):
                svcd.write_unit(name + ".service", service(actor(name), EnvironmentFile=path))
            svcd.svctl("daemon-reload")
            for unit, words in (("simple", "ENOENT"), ("exec", "ENOENT"), ("oneshot", "ENOENT"), ("forking", "ENOENT"), ("notify", "ENOENT"),
                                ("folder", "it is not a regular file"), ("large", "more than 1 MiB"), ("device", "not a regular file")):
                error = self.refuse(svcd, unit, "EnvironmentFile", words)
                self.assertNotIn("by itself", error)
                self.assert_shows(svcd, unit, ActiveState="failed", Result="resources", ExecMainCode=0)
                self.assertEqual(svcd.get(unit, "ExecError")[0], "ENVIRONMENT_FILE")
                self.assertNotIn("by itself", svcd.svctl("explain", unit).stdout)

    def test_lines_of_an_environment_file_that_say_nothing_are_warned_of_once_systemd_2836(self):
        with Daemon() as svcd:
            with open(svcd.path("env"), "w") as file:
                file.write("\ufeffGOOD=1\nexport BAD=hidden\nulimit -n 2048\n")
            svcd.write_unit("a.service", service(actor("a", "env=GOOD", "env=BAD"), EnvironmentFile=svcd.path("env")))
            svcd.svctl("daemon-reload")
            for start in range(2):
                svcd.svctl("restart", "a")
                svcd.wait_told("a", "env BAD", count=start + 1)
            self.assertEqual([event.what for event in svcd.told("a", "env")][:2], ["env GOOD=1", "env BAD unset"])
            status = svcd.svctl("status", "a").stdout
            for line in (1, 2, 3):
                self.assertIn(f"{svcd.path('env')}:{line}: ", status)
                self.assertEqual(svcd.read_errors().count(f"{svcd.path('env')}:{line}: "), 1)
            self.assertNotIn("hidden", status + svcd.read_errors())

    def test_a_missing_folder_is_status_200(self):
        with Daemon({"a.service": service(actor("a"), Type="exec", WorkingDirectory="/nonexistent")}) as svcd:
            self.refuse(svcd, "a", "/nonexistent", "WorkingDirectory", "ENOENT")
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
