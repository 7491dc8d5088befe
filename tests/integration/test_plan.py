"""svctl plan: what it says is what then happens (docs/plans.md)."""
import json
import random

from harness import Daemon, TestCase, actor, service
from test_stop_records import ended_record


def plan(svcd, *words):
    return json.loads(svcd.svctl("plan", "--json", *words).stdout)


def shop():
    """A random graph of 20 services, each after and some requiring earlier ones; the same at every run."""
    draw = random.Random(20261125)
    units = {}
    for number in range(20):
        earlier = draw.sample(range(number), min(number, draw.randrange(3)))
        names = ["u%d.service" % other for other in earlier]
        relations = {"After": names, "Requires": [name for name in names if draw.random() < 0.7]}
        units["u%d.service" % number] = service(actor("u%d" % number, "ready", "stop=%d" % draw.randrange(60)), relations,
                                                Type="notify", TimeoutStopSec="%ds" % draw.randrange(5, 30))
    return units


class WhatAPlanSays(TestCase):
    def test_a_stop_goes_in_the_order_that_was_planned(self):
        with Daemon(shop()) as svcd:
            svcd.svctl("start", *("u%d" % number for number in range(20)))
            planned = plan(svcd, "stop", "u0", "u1", "u3")
            jobs = planned["jobs"]
            self.assertGreater(len(jobs), 5)
            self.assertGreater(max(job["wave"] for job in jobs), 2)
            self.assertEqual({job["type"] for job in jobs}, {"stop"})
            svcd.svctl("stop", "u0", "u1", "u3")
            down = {unit for unit in shop() if svcd.get(unit, "ActiveState") != "active"}
            self.assertEqual({job["unit"] for job in jobs}, down)
            records = {job["unit"]: ended_record(svcd, job["unit"]) for job in jobs}
            for job in jobs:
                record = records[job["unit"]]
                self.assertLessEqual(record["duration_usec"], job["limit_usec"])
                for other in job["waits_for"]:
                    before = records[jobs[other]["unit"]]
                    self.assertLessEqual(before["began_usec"] + before["duration_usec"], record["began_usec"],
                                         "%s waits for %s" % (job["unit"], jobs[other]["unit"]))
            reasons = {job["unit"]: job["because"] for job in jobs}
            self.assertEqual(reasons["u0.service"]["kind"], "asked")
            self.assertIn("pulled-in", {because["kind"] for because in reasons.values()})

    def test_planning_changes_nothing(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            self.assertIn("Nothing was changed", svcd.svctl("plan", "stop", "a").stdout)
            self.assertIn("stop a.service", svcd.svctl("stop", "--dry-run", "a").stdout)
            self.assertIn("Nothing was changed", svcd.svctl("exit", "--dry-run").stdout)
            svcd.svctl("is-active", "a")
            self.assertEqual(svcd.svctl("list-jobs", "--json").stdout.strip(), "[]")

    def test_a_restart_is_shown_as_its_halves(self):
        units = {"db.service": service(actor("db")), "web.service": service(actor("web"), {"Requires": ["db.service"],
                                                                                           "After": ["db.service"]})}
        with Daemon(units) as svcd:
            svcd.svctl("start", "web")
            jobs = [(job["type"], job["unit"]) for job in plan(svcd, "restart", "db")["jobs"]]
            self.assertEqual(jobs, [("stop", "web.service"), ("stop", "db.service"), ("start", "db.service"),
                                    ("start", "web.service")])

    def test_a_plan_that_would_be_refused_says_so(self):
        with Daemon({"a.service": service(actor("a"), {"RefuseManualStart": True})}) as svcd:
            self.assertIn("RefuseManualStart", svcd.svctl("plan", "start", "a", status=1).stdout)
            svcd.svctl("plan", "start", "nosuch", status=4)
            svcd.svctl("plan", "dance", "a", status=2)
            svcd.svctl("plan", "stop", status=2)

    def test_a_reload_that_the_program_would_end_of_is_planned_as_refused(self):
        unit = service(["/bin/sleep", "1000"], ExecReload="/bin/kill -HUP $MAINPID")
        with Daemon({"ign.service": unit}) as svcd:
            svcd.svctl("start", "ign")
            refused = lambda: svcd.svctl("plan", "reload", "ign", status=None)
            svcd.wait_until(lambda: refused().returncode == 1, "the reload would be refused")
            self.assertIn("would be refused: ign.service is not reloaded: that would send SIGHUP", refused().stdout)
            svcd.svctl("--json", "plan", "reload", "ign", status=1)
            svcd.svctl("is-active", "ign")

    def test_a_shutdown_is_planned_whole(self):
        units = {"a.service": service(actor("a"), TimeoutStopSec="60s"),
                 "b.service": service(actor("b"), {"After": ["a.service"]}, TimeoutStopSec="60s"),
                 "c.service": service(actor("c"), TimeoutStopSec="1s")}
        with Daemon(units, config="ShutdownBudgetSec: 10s\nShutdownMarginSec: 2s\n") as svcd:
            svcd.svctl("start", "a", "b", "c")
            planned = plan(svcd, "exit")
            self.assertEqual(planned["budget_usec"], 8_000_000)
            self.assertLessEqual(planned["longest_usec"], 8_000_000)
            jobs = {job["unit"]: job for job in planned["jobs"]}
            self.assertLess(jobs["a.service"]["limit_usec"], jobs["a.service"]["wanted_usec"])
            self.assertEqual(jobs["c.service"]["limit_usec"], 1_000_000)
            self.assertTrue(jobs["a.service"]["critical"] and jobs["b.service"]["critical"])
            self.assertFalse(jobs["c.service"]["critical"])
            self.assertIn("by the shutdown budget", svcd.svctl("plan", "exit").stdout)
