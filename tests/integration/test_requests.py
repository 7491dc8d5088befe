"""Requests for one or several units: whose fault it was, what is left out, one transaction, what is said of restarts."""
import json

from harness import Daemon, TestCase, actor, service

FAULTY = "Service:\n  ExecStart: [/bin/true]\n  Typ: simple\n"


class TheCulprit(TestCase):
    def test_is_the_unit_at_fault_with_the_way_to_it(self):
        units = {"x.service": service(actor("x"), {"Requires": ["r.service"], "Wants": ["optional-cache.service"]}),
                 "r.service": service(actor("r"), {"Requires": ["s.service"]}),
                 "s.service": service(actor("s"), {"Requires": ["database.service"]}),
                 "database.service": FAULTY}
        with Daemon(units) as svcd:
            said = svcd.svctl("start", "x", status=1).stderr
            for word in ("r.service", "s.service", "database.service", "database.service.yaml:3:3", "Typ"):
                self.assertIn(word, said)
            self.assertNotIn("optional-cache", said)

    def test_systemd_37810_a_faulty_unit_is_told_with_the_line_of_its_file(self):
        with Daemon({"web.service": FAULTY}) as svcd:
            self.assertIn("web.service.yaml:3:3", svcd.svctl("start", "web", status=1).stderr)


class WhatIsLeftOut(TestCase):
    UNITS = {"shop.target": {"Unit": {"Wants": ["u%d.service" % number for number in range(6)]}},
             **{"u%d.service" % number: FAULTY for number in range(6)}}

    def test_systemd_17116_a_start_that_leaves_everything_out_says_so_everywhere(self):
        with Daemon(self.UNITS) as svcd:
            said = svcd.svctl("start", "shop.target").stderr
            for number in range(6):
                self.assertIn("u%d.service.yaml:3:3" % number, said)
            self.assertEqual(svcd.svctl("is-system-running", status=1).stdout, "degraded\n")
            self.assertIn("u3.service", svcd.svctl("status", "shop.target").stdout)
            findings = json.loads(svcd.svctl("doctor", "--json", status=1).stdout)["findings"]
            self.assertEqual({finding["kind"] for finding in findings}, {"left-out", "load-error"})
            self.assertEqual(len([each for each in findings if each["kind"] == "left-out"]), 6)
            self.assertEqual(len(svcd.get("shop.target", "GoesWithout")), 6)
            rows = json.loads(svcd.svctl("start", "--json", "shop.target").stdout)
            self.assertEqual(len([row for row in rows if row["result"] == "left-out"]), 6)

    def test_strict_makes_it_a_failure(self):
        with Daemon(self.UNITS) as svcd:
            svcd.svctl("start", "--strict", "shop.target", status=1)

    def test_at_the_boot_the_machine_s_log_has_it(self):
        with Daemon(self.UNITS, unit="shop.target") as svcd:
            self.assertEqual(svcd.svctl("is-system-running", status=1).stdout, "degraded\n")
            self.assertIn("goes on without u0.service", svcd.read_errors())

    def test_it_is_over_when_the_unit_is_there(self):
        units = {"shop.target": {"Unit": {"Wants": ["a.service"]}}, "a.service": FAULTY}
        with Daemon(units) as svcd:
            svcd.svctl("start", "shop.target")
            svcd.write_unit("a.service", service(actor("a")))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "shop.target")
            svcd.wait_for("a", ActiveState="active")
            self.assertEqual(svcd.svctl("is-system-running").stdout, "running\n")
            self.assertEqual(svcd.get("shop.target", "GoesWithout"), [])


class SeveralUnits(TestCase):
    PAIR = {"db.service": service(actor("db")), "web.service": service(actor("web"), {"After": ["db.service"]})}

    def test_systemd_7877_are_one_transaction_in_their_own_order(self):
        units = {"db.service": service(actor("db", "ready"), Type="notify"),
                 "web.service": service(actor("web", "ready"), {"After": ["db.service"]}, Type="notify")}
        with Daemon(units) as svcd:
            svcd.svctl("start", "web", "db")
            self.assertLessEqual(svcd.get("db", "ActiveEnterTimestampMonotonic"), svcd.get("web", "InactiveExitTimestampMonotonic"))
            svcd.svctl("stop", "db", "web")
            self.assertLessEqual(svcd.get("web", "InactiveEnterTimestampMonotonic"), svcd.get("db", "ActiveExitTimestampMonotonic"))

    def test_those_that_are_not_there_are_reported_and_the_others_go_on(self):
        with Daemon({**self.PAIR, "broken.service": FAULTY}) as svcd:
            done = svcd.svctl("start", "db", "nosuch", "broken", "web", status=4)
            self.assertIn("nosuch.service", done.stderr)
            self.assertIn("broken.service.yaml:3:3", done.stderr)
            svcd.wait_for("db", ActiveState="active")
            svcd.wait_for("web", ActiveState="active")
            planned = svcd.svctl("plan", "stop", "nosuch", "db", "web", status=4)
            self.assertLess(planned.stdout.index("stop web.service"), planned.stdout.index("Wave 2"))
            self.assertLess(planned.stdout.index("Wave 2"), planned.stdout.rindex("stop db.service"))

    def test_a_conflict_among_them_refuses_all(self):
        units = {**self.PAIR, "other.service": service(actor("other"), {"Conflicts": ["web.service"]})}
        with Daemon(units) as svcd:
            said = svcd.svctl("start", "db", "web", "other", status=1).stderr
            self.assertIn("both started and stopped", said)
            self.assertEqual(svcd.get("db", "ActiveState"), "inactive")
            svcd.svctl("start", "--each", "db", "web", "other")
            svcd.wait_for("web", ActiveState="inactive")
            svcd.wait_for("other", ActiveState="active")

    def test_what_is_so_already_is_said_and_the_rest_done(self):
        with Daemon(self.PAIR) as svcd:
            svcd.svctl("start", "db")
            rows = json.loads(svcd.svctl("start", "--json", "db", "web").stdout)
            self.assertEqual({row["unit"]: row["result"] for row in rows}, {"db.service": "already", "web.service": "done"})

    def test_a_repeated_call_is_answered_and_not_done_twice(self):
        with Daemon(self.PAIR) as svcd:
            options = [("request_id", ("s", "0123456789abcdef"))]
            call = lambda: svcd.manager("RequestJobs", "sassa{sv}", "restart", ["db.service", "web.service"], "replace", options)
            first = call()
            svcd.wait_for("web", ActiveState="active")
            pids = [svcd.get(unit, "MainPID") for unit in ("db", "web")]
            self.assertEqual([row[:3] for row in call()[0]], [row[:3] for row in first[0]])
            self.assertEqual([svcd.get(unit, "MainPID") for unit in ("db", "web")], pids)
            self.assertEqual(svcd.manager("GetRequestResult", "s", "0123456789abcdef/web.service")[1], "done")

    def test_systemd_9673_wait_does_not_wait_for_a_unit_that_is_not_there(self):
        with Daemon({"job.service": service(["/bin/true"], Type="oneshot")}) as svcd:
            svcd.svctl("start", "--wait", "nosuch", status=4)
            svcd.svctl("start", "--wait", "nosuch", "job", status=4)

    def test_isolate_waits_for_the_stops(self):
        units = {"a.service": service(actor("a", "stop=300")), "one.target": {"Unit": {"AllowIsolate": True}}}
        with Daemon(units) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.svctl("isolate", "one.target")
            self.assertEqual(svcd.get("a", "ActiveState"), "inactive")


class Restarts(TestCase):
    def test_that_svcd_has_given_up_is_said_whatever_the_result(self):
        with Daemon({"crash.service": service(["/bin/false"], Restart="always", RestartSec="1ms")}) as svcd:
            svcd.svctl("start", "crash", status=None)
            svcd.wait_for("crash", ActiveState="failed")
            words = "given up: 5 starts in 10s; 'svctl start crash' tries again"
            self.assertIn(words, svcd.svctl("status", "crash", status=None).stdout)
            self.assertIn(words, svcd.svctl("explain", "crash").stdout.replace("\n", " ").replace("  ", " "))
            self.assertTrue(svcd.get("crash", "GivenUp"))

    def test_when_the_next_start_is_is_said(self):
        with Daemon({"crash.service": service(["/bin/false"], Restart="always", RestartSec="1h")}) as svcd:
            svcd.svctl("start", "crash", status=None)
            svcd.wait_for("crash", SubState="auto-restart")
            self.assertRegex(svcd.svctl("status", "crash", status=None).stdout, r"next start in (1h|59min)")
            self.assertGreater(svcd.get("crash", "NextStartUSec"), 0)

    def test_balena_863_a_loop_below_the_start_limit_is_seen_everywhere_until_it_is_over(self):
        crash = service(["/bin/sh", "-c", "exit 3"], {"StartLimitIntervalSec": 0}, Restart="always", RestartSec="10ms")
        with Daemon({"crash.service": crash}, config="FlappingBurst: 4\nFlappingIntervalSec: 30s\n") as svcd:
            svcd.svctl("start", "crash", status=None)
            svcd.wait_for("crash", Flapping=True)
            self.assertEqual(svcd.svctl("is-system-running", status=1).stdout, "degraded\n")
            self.assertIn("exited with status 3", svcd.svctl("status", "crash", status=None).stdout)
            self.assertIn("crash.service", svcd.svctl("list-units", "--state=flapping").stdout)
            self.assertIn("flapping", svcd.svctl("explain", "crash").stdout)
            kinds = {finding["kind"] for finding in json.loads(svcd.svctl("doctor", "--json", "crash", status=1).stdout)["findings"]}
            self.assertIn("flapping", kinds)
            svcd.svctl("stop", "crash")
            self.assertFalse(svcd.get("crash", "Flapping"))

    def test_flapping_is_over_by_itself(self):
        flag = "[ -e %s ] && exec sleep 1000; exit 3"
        with Daemon({}, config="FlappingBurst: 3\nFlappingIntervalSec: 2s\n") as svcd:
            svcd.write_unit("crash.service", service(["/bin/sh", "-c", flag % svcd.path("good")], {"StartLimitIntervalSec": 0},
                                                     Restart="always", RestartSec="10ms"))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "crash", status=None)
            svcd.wait_for("crash", Flapping=True)
            open(svcd.path("good"), "w").close()
            svcd.wait_for("crash", Flapping=False)
            self.assertEqual(svcd.get("crash", "ActiveState"), "active")
            self.assertEqual(svcd.svctl("is-system-running").stdout, "running\n")
