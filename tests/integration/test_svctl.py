"""svctl: exit statuses, --json, and what it prints."""
import json
import os
import re
import subprocess

from harness import SOURCE, SVCTL, Daemon, TestCase, actor, service


class ExitStatus(TestCase):
    def test_queries_answer_by_their_status(self):
        with Daemon({"up.service": service(actor("up")), "down.service": service(actor("down")),
                     "bad.service": service(actor("bad", "exit=1"), Type="oneshot")}) as svcd:
            svcd.svctl("start", "up")
            svcd.svctl("start", "bad", status=1)
            for verb, unit, status, text in (
                    ("is-active", "up", 0, "active"), ("is-active", "down", 3, "inactive"), ("is-active", "bad", 3, "failed"),
                    ("is-failed", "bad", 0, "failed"), ("is-failed", "up", 1, "active")):
                with self.subTest(verb=verb, unit=unit):
                    self.assertEqual(svcd.svctl(verb, unit, status=status).stdout, text + "\n")
                    self.assertEqual(svcd.svctl("-q", verb, unit, status=status).stdout, "")
            svcd.svctl("status", "up")
            svcd.svctl("status", "down", status=3)

    def test_an_unknown_unit_is_4_for_every_verb(self):
        with Daemon() as svcd:
            for verb in ("start", "stop", "restart", "reload", "kill", "status", "is-active", "is-failed", "cat", "reset-failed"):
                with self.subTest(verb=verb):
                    svcd.svctl(verb, "nosuch", status=4)

    def test_wrong_usage_is_2(self):
        with Daemon() as svcd:
            svcd.svctl("no-such-verb", status=2)
            svcd.svctl("start", status=2)
            svcd.svctl("--no-such-option", "start", "a", status=2)

    def test_no_daemon_is_5(self):
        done = subprocess.run([SVCTL, "--bus=unix:path=/nonexistent/bus", "list-units"], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stdout), (5, ""))
        self.assertIn("/nonexistent/bus", done.stderr)

    def test_waiting_no_longer_than_asked_is_7_and_the_job_goes_on(self):
        with Daemon({"a.service": service(actor("a", "wait=1500", "ready"), Type="notify")}) as svcd:
            svcd.svctl("start", "--timeout=0.3", "a", status=7)
            svcd.wait_for("a", ActiveState="active")

    def test_several_units_are_each_tried_and_the_worst_counts(self):
        with Daemon({"good.service": service(actor("good")), "bad.service": service(actor("bad", "exit=1"), Type="oneshot")}) as svcd:
            svcd.svctl("start", "nosuch", "bad", "good", status=4)
            self.assertEqual(svcd.states()["good.service"][0], "active")
            self.assertEqual(svcd.states()["bad.service"][0], "failed")

    def test_another_user_is_6(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            os.chmod(svcd.directory, 0o755)
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SVCTL, "start", "a"],
                                  env=svcd.environment, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            if done.returncode == 126:
                self.skipTest("svctl lies where another user can't execute it")
            self.assertEqual(done.returncode, 6, done.stderr)

    def test_globs_mean_what_is_loaded(self):
        with Daemon({name + ".service": service(actor(name)) for name in ("w1", "w2", "x")}) as svcd:
            svcd.svctl("start", "w1", "w2", "x")
            svcd.svctl("stop", "w*")
            self.assertEqual([svcd.states()[name + ".service"][0] for name in ("w1", "w2", "x")], ["inactive", "inactive", "active"])
            self.assertNotEqual(svcd.svctl("stop", "nothing*", status=None).returncode, 0)

    def test_the_job_s_end_is_waited_for_unless_it_is_not_wanted(self):
        with Daemon({"a.service": service(actor("a", "wait=300", "ready"), Type="notify"),
                     "b.service": service(actor("b", "wait=300", "ready"), Type="notify")}) as svcd:
            svcd.svctl("start", "a")
            self.assertEqual(svcd.states()["a.service"][0], "active")
            svcd.svctl("start", "--no-block", "b")
            self.assertEqual(svcd.states()["b.service"][0], "activating")

    def test_wait_waits_for_the_end_of_the_unit(self):
        with Daemon({"a.service": service(actor("a", "run=300"))}) as svcd:
            svcd.svctl("start", "--wait", "a")
            self.assertEqual(svcd.states()["a.service"], ("inactive", "dead"))

    def test_a_job_can_be_listed_and_cancelled(self):
        with Daemon({"a.service": service(actor("a"), Type="notify")}) as svcd:
            start = svcd.begin("start", "a")
            svcd.wait_told("a", "start")
            (job,) = json.loads(svcd.svctl("--json", "list-jobs").stdout)
            self.assertEqual(job["unit"], "a.service")
            self.assertIn("a.service", svcd.svctl("list-jobs").stdout)
            svcd.svctl("cancel", str(job.get("id", job.get("job"))))
            start.communicate(timeout=30)
            self.assertEqual(start.returncode, 1)
            svcd.svctl("stop", "a")

    def test_a_job_that_another_request_replaces_tells_whose_that_was(self):
        with Daemon() as svcd:
            gate = svcd.path("gate")
            os.mkfifo(gate)
            svcd.write_unit("a.service", service(actor("a"), ExecStop=["/bin/sh", "-c", "[ ! -p {0} ] || read line < {0}".format(gate)]))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "a")
            stop = svcd.begin("stop", "a")
            svcd.wait_for("a", SubState="stop")
            start = svcd.begin("start", "a")
            _, said = stop.communicate(timeout=30)
            with open(gate, "w") as opened:
                opened.write("go on\n")
            os.unlink(gate)  # the last stop is not held up
            self.assertEqual(stop.returncode, 1)
            self.assertIn("cancelled", said)
            self.assertIn("PID %d, asked for a start" % start.pid, said)
            start.communicate(timeout=30)
            self.assertEqual(start.returncode, 0)
            self.assertIn("its stop job", svcd.read_errors())


class Output(TestCase):
    def test_list_units_as_json_has_the_promised_fields(self):
        with Daemon({"a.service": service(actor("a"), unit={"Description": "An actor"})}) as svcd:
            svcd.svctl("start", "a")
            rows = {row["unit"]: row for row in json.loads(svcd.svctl("--json", "list-units").stdout)}
            row = rows["a.service"]
            self.assertEqual(set(row), {"unit", "load", "active", "sub", "job", "result", "main_pid", "memory", "description"})
            self.assertEqual((row["load"], row["active"], row["sub"], row["result"], row["main_pid"], row["description"]),
                             ("loaded", "active", "running", "success", svcd.get("a", "MainPID"), "An actor"))
            self.assertIn("An actor", svcd.svctl("list-units").stdout)
            self.assertEqual(svcd.svctl().stdout, svcd.svctl("list-units").stdout)

    def test_show_as_json_is_one_object_with_systemd_s_names(self):
        with Daemon({"a.service": service(actor("a"), TimeoutStopSec="7s")}) as svcd:
            svcd.svctl("start", "a")
            shown = json.loads(svcd.svctl("--json", "show", "a").stdout)
            for name in ("Id", "LoadState", "ActiveState", "SubState", "Result", "MainPID", "ExecMainCode", "ExecMainStatus",
                         "ExecMainStartTimestampMonotonic", "NRestarts", "ControlGroup", "InvocationID",
                         "ActiveEnterTimestampMonotonic", "StatusText", "FragmentPath", "DropInPaths", "NeedDaemonReload", "Tracking"):
                self.assertIn(name, shown)
            self.assertEqual((shown["Id"], shown["TimeoutStopUSec"], shown["MainPID"]), ("a.service", 7_000_000, svcd.get("a", "MainPID")))
            self.assertEqual(svcd.svctl("show", "-p", "SubState", "--value", "a").stdout, "running\n")
            self.assertEqual(svcd.svctl("show", "-P", "SubState", "a").stdout, "running\n")
            self.assertEqual(svcd.svctl("show", "-p", "SubState", "a").stdout, "SubState=running\n")

    def test_errors_as_json_are_one_object(self):
        with Daemon() as svcd:
            error = json.loads(svcd.svctl("--json", "start", "nosuch", status=4).stderr)["error"]
            self.assertEqual(set(error), {"name", "message", "unit", "location"})
            self.assertEqual(error["unit"], "nosuch.service")

    def test_status_tells_the_state_the_process_and_the_last_lines(self):
        with Daemon({"a.service": service(actor("a", "print=hello from a"), unit={"Description": "An actor"})}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            text = svcd.svctl("status", "a").stdout
            for word in ("a.service", "An actor", "active (running)", str(svcd.get("a", "MainPID"))):
                self.assertIn(word, text)
            self.assertNotIn("\x1b", text)

    def test_dependencies_are_listed_both_ways(self):
        with Daemon({"a.service": service(actor("a"), unit={"Requires": ["b.service"]}), "b.service": service(actor("b"))}) as svcd:
            self.assertIn("b.service", svcd.svctl("list-dependencies", "a").stdout)
            self.assertIn("a.service", svcd.svctl("list-dependencies", "--reverse", "b").stdout)

    def test_the_system_s_state_and_the_version_are_told(self):
        with Daemon() as svcd:
            self.assertEqual(svcd.svctl("is-system-running").stdout, "running\n")
            self.assertRegex(svcd.svctl("version").stdout, r"\d+\.\d+")

    def test_isolate_stops_what_the_target_does_not_want(self):
        with Daemon({
            "a.service": service(actor("a")), "b.service": service(actor("b")),
            "one.target": {"Unit": {"AllowIsolate": True, "Wants": ["a.service"]}},
        }) as svcd:
            svcd.svctl("start", "b")
            self.assertIn("one.target", svcd.svctl("plan", "isolate", "one").stdout)
            svcd.svctl("isolate", "one")  # a target, unless another type is typed
            svcd.wait_for("a", ActiveState="active")
            svcd.wait_for("b", ActiveState="inactive")

    def test_a_broken_pipe_ends_quietly(self):
        with Daemon() as svcd:
            done = subprocess.run(["/bin/sh", "-c", '"$1" list-units | true; "$1" list-units 2>&1 >/dev/full | head -c 200 >/dev/null', "sh", SVCTL],
                                  env=svcd.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_completion_has_every_verb_and_option(self):
        with open(os.path.join(SOURCE, "packaging", "completions", "svctl.bash")) as text:
            offered = text.read()
        with Daemon() as svcd:
            listed = svcd.svctl("help").stdout
            verbs = re.findall(r"^  ([a-z-]+)  +\S", listed.split("Options for all verbs")[0].split("\n\n", 2)[2], re.M)
            self.assertIn("critical-chain", verbs)
            options = set(re.findall(r"--[a-z][a-z-]+", listed))
            for verb in verbs:
                options.update(re.findall(r"--[a-z][a-z-]+", svcd.svctl(verb, "--help").stdout))
        words = set(re.findall(r"[a-z-]+", offered))
        self.assertEqual([word for word in sorted({*verbs, *options}) if word not in words], [])
