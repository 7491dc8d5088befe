"""Several services in a container: what they are granted at its end, what is said then, and when svcd leaves by itself
(docs/container-services.md). A number in a test's name is that of a public report (docs/tried.md)."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from harness import PATIENCE, SVCD, Daemon, TestCase, actor, service

DEAF = ["/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"]
SLEEP = ["sleep", "1000"]


class Container(Daemon):
    def __init__(self, units, arguments=(), unit="default.target", **settings):
        super().__init__(units, arguments=arguments, mode="--container", unit=unit, exit_status=None, **settings)

    def leaves(self):
        """The exit status of a svcd that leaves by itself."""
        self.disconnect()
        return self.wait_for_exit()


def wanting(*units):
    return {"Unit": {"Wants": list(units)}}


class Grace(TestCase):
    def stop(self, arguments=(), environment=None, unit=None, config=""):
        with Container({"a.service": unit or service(DEAF, TimeoutStopSec="20s"), "default.target": wanting("a.service")}, arguments=arguments,
                       environment=environment, config=config) as svcd:
            svcd.wait_until(lambda: svcd.read_log("a") == "up\n", "the service")
            svcd.disconnect()
            began = time.monotonic()
            svcd.process.send_signal(signal.SIGTERM)
            status = svcd.wait_for_exit()
            return time.monotonic() - began, status, svcd.read_errors()

    def test_a_stop_is_over_within_the_budget(self):
        took, status, errors = self.stop(("--shutdown-budget=3s",))
        self.assertGreater(took, 1)
        self.assertLess(took, 3)
        self.assertEqual(status, 1)
        self.assertIn("TimeoutStopSec (20s) will be cut to 2s at most at a shutdown: set SVCD_SHUTDOWN_BUDGET", errors)

    def test_s6_overlay_628_s6_overlay_331_s6_overlay_204_a_stop_takes_no_longer_than_its_services(self):
        self.assertLess(self.stop(unit=service(["/bin/sh", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done"]))[0], 2)

    def test_s6_overlay_503_one_that_ends_at_once_costs_another_nothing_of_its_time(self):
        slow = service(["/bin/sh", "-c", "trap 'sleep 1; echo done; exit 0' TERM; echo up; while :; do sleep 0.02; done"])
        with Container({"slow.service": slow, "quick.service": service(SLEEP), "default.target": wanting("slow.service", "quick.service")}) as svcd:
            svcd.wait_until(lambda: svcd.read_log("slow") == "up\n", "the service")
            svcd.disconnect()
            svcd.process.send_signal(signal.SIGTERM)
            self.assertEqual(svcd.wait_for_exit(), 0)
            self.assertTrue(svcd.read_log("slow").endswith("done\n"))

    def test_the_budget_comes_from_the_environment_or_a_file_and_what_is_typed_wins(self):
        self.assertLess(self.stop(environment={"SVCD_SHUTDOWN_BUDGET": "2500ms"})[0], 2.5)
        self.assertLess(self.stop(("--shutdown-budget=2s",), environment={"SVCD_SHUTDOWN_BUDGET": "60s"})[0], 2)
        path = os.path.join(os.environ.get("TMPDIR", "/tmp"), "svcd-test-budget-%d" % os.getpid())
        with open(path, "w", encoding="utf-8") as file:
            file.write(" 2s\n")
        self.addCleanup(os.remove, path)
        self.assertLess(self.stop(environment={"SVCD_SHUTDOWN_BUDGET": "@" + path}, config="ShutdownBudgetSec: 60s\n")[0], 2)

    def test_a_container_has_ten_seconds_without_a_word(self):
        with Container({"a.service": service(SLEEP), "default.target": wanting("a.service")}) as svcd:
            plan = svcd.svctl("plan", "exit").stdout
            self.assertIn("9", plan)
            properties = svcd.svctl("--json", "show").stdout
            self.assertEqual(json.loads(properties)["ShutdownBudgetUSec"], 10_000_000)

    def test_a_budget_that_is_wrong_is_refused_before_anything_starts(self):
        for words, environment, said in ((("--shutdown-budget=x",), {}, "--shutdown-budget: use 'x': it is no time span"),
                                         (("--shutdown-budget=@/nosuch",), {}, "--shutdown-budget: open /nosuch: No such file"),
                                         ((), {"SVCD_SHUTDOWN_BUDGET": "soon"}, "SVCD_SHUTDOWN_BUDGET: use 'soon': it is no time span")):
            with tempfile.TemporaryDirectory() as folder, self.subTest(words=words):
                done = subprocess.run([SVCD, "--container", "--runtime-dir=" + folder + "/run", *words], stderr=subprocess.PIPE, text=True,
                                      env=dict(os.environ, **environment), timeout=PATIENCE)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(said, done.stderr)


class Reports(TestCase):
    def last_words(self, arguments):
        with Container({"deaf.service": service(DEAF), "slow.service": service(["/bin/sh", "-c", "trap 'sleep 0.9; exit 0' TERM; echo up; while :; do sleep 0.02; done"],
                                                                                TimeoutStopSec="1s"),
                        "quick.service": service(SLEEP), "default.target": wanting("deaf.service", "slow.service", "quick.service")},
                       arguments=("--shutdown-budget=5s", *arguments)) as svcd:
            svcd.wait_until(lambda: svcd.read_log("deaf") and svcd.read_log("slow"), "the services")
            svcd.svctl("kill", "--signal=CONT", "quick")
            svcd.disconnect()
            svcd.process.send_signal(signal.SIGTERM)
            svcd.wait_for_exit()
            return svcd.read_errors()

    def test_what_needed_sigkill_or_nearly_is_said_when_svcd_leaves(self):
        text = self.last_words(())
        self.assertRegex(text, r"deaf.service: its stop took \d\.\d\d s of \d\.\d\d s, and what was left then got SIGKILL")
        self.assertRegex(text, r"slow.service: its stop took 0\.9\d s of 1\.00 s: a little more, and SIGKILL ends it")
        self.assertNotIn("quick.service: its stop took", text)

    def test_as_json_it_is_the_record_of_each_stop(self):
        records = [json.loads(line) for line in self.last_words(("--stop-report=json",)).splitlines() if line.startswith("{")]
        self.assertEqual(sorted(record["unit"] for record in records if record["unit"] != "svcd-logd.service"),
                         ["deaf.service", "quick.service", "slow.service"])
        self.assertEqual([record["sigkill_at_deadline"] for record in records if record["unit"] == "deaf.service"], [True])

    def test_no_is_nothing(self):
        text = self.last_words(("--stop-report=no",))
        self.assertNotIn("what was left then got SIGKILL", text)
        self.assertNotIn("a little more", text)


class Ends(TestCase):
    def test_supervisor_1369_when_nothing_is_left_to_do_svcd_leaves(self):
        began = time.monotonic()
        with Container({"a.service": service(["true"]), "default.target": wanting("a.service")}) as svcd:
            self.assertEqual(svcd.leaves(), 1)
            self.assertGreaterEqual(time.monotonic() - began, 5)
            self.assertIn("nothing is left to do", svcd.read_errors())

    def test_who_asks_keeps_it_and_so_do_a_restart_that_waits_and_an_option(self):
        with Container({"a.service": service(["true"], Restart="always", RestartSec="6s"), "default.target": wanting("a.service")}) as waits, \
                Container({"default.target": {"Unit": {}}}) as asked, \
                Container({"default.target": {"Unit": {}}}, arguments=("--exit-when-idle=no",)) as stays:
            end = time.monotonic() + 6
            while time.monotonic() < end:
                asked.svctl("list-units")
                time.sleep(0.5)
            for svcd in (waits, asked, stays):
                self.assertIsNone(svcd.process.poll())

    def test_a_boot_that_fails_ends_it_with_1_after_the_reasons(self):
        units = {"a.service": service(["false"], Type="oneshot"), "default.target": {"Unit": {"Requires": ["a.service"], "After": ["a.service"]}}}
        with Container(units) as svcd:
            self.assertEqual(svcd.leaves(), 1)
            self.assertIn("the boot has not reached default.target: a.service failed", svcd.read_errors())
        with Container({}, unit="nosuch.target") as svcd:
            self.assertEqual(svcd.leaves(), 1)
            self.assertIn("nosuch.target was to be started first, but there is no such unit", svcd.read_errors())

    def test_supervisor_733_supervisor_1373_dockerfiles_141_failure_and_success_actions_give_the_status_of_the_service(self):
        for script, action, status in (("exit 7", "FailureAction", 7), ("kill -9 $$$$", "FailureAction", 137), ("exit 0", "SuccessAction", 0)):
            units = {"a.service": service(["/bin/sh", "-c", script], unit={action: "exit"}), "b.service": service(SLEEP),
                     "default.target": wanting("a.service", "b.service")}
            with Container(units) as svcd:
                self.assertEqual(svcd.leaves(), status, script)

    def test_a_system_does_not_run_before_its_boot_has_ended(self):
        ready = ["sh", "-c", "while [ ! -e %s ]; do sleep 0.02; done; exec " + " ".join(actor("a", "ready"))]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "go")
            units = {"a.service": service([ready[0], ready[1], ready[2] % path], Type="notify"), "default.target": wanting("a.service")}
            with Container(units) as svcd:
                svcd.wait_for("a", ActiveState="activating")
                self.assertEqual(svcd.svctl("is-system-running", status=1).stdout, "starting\n")
                with open(path, "w", encoding="ascii"):
                    pass
                svcd.wait_until(lambda: svcd.svctl("is-system-running", status=None).stdout == "running\n", "it is up")

    def test_a_health_check_asks_svctl(self):
        with Container({"a.service": service(SLEEP), "b.service": service(["false"]), "default.target": wanting("a.service")}) as svcd:
            svcd.wait_until(lambda: svcd.svctl("is-system-running", "-q", status=None).returncode == 0, "it is up")
            svcd.svctl("start", "b", status=None)
            svcd.wait_for("b", ActiveState="failed")
            svcd.svctl("is-system-running", "-q", status=1)
            self.assertIn("exited with status 1", svcd.svctl("explain", "b").stdout)

    def test_pid_1_of_a_container_that_cannot_start_leaves_at_once(self):
        done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", SVCD, "--container", "--runtime-dir=/proc/nosuch"],
                              stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
