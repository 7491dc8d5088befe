"""svctl doctor on services that really do the wrong thing, before it costs a stop."""
import json
import os
import signal
import subprocess
import sys

from harness import MISBEHAVER, Daemon, TestCase, actor, service

LIMIT = "1s"


def misbehaving(*fault, unit=None, **settings):
    return service([MISBEHAVER, *fault], unit, **{"Type": "notify", "NotifyAccess": "all", "TimeoutStopSec": LIMIT, **settings})


class DoctorCase:
    def examined(self, svcd, *units, status=1):
        """kind -> finding, of what is found in these units."""
        text = svcd.svctl("doctor", *units, status=status).stdout
        if os.environ.get("SHOW"):
            sys.stderr.write("\n%s\n" % text)
        answer = json.loads(svcd.svctl("doctor", "--json", *units, status=status).stdout)
        return {finding["kind"]: finding for finding in answer["findings"]}

    def found(self, content, kind, **more):
        """Starts the service; the finding of that kind has to be the only one."""
        with Daemon({"a.service": content, **more}, exit_status=None) as svcd:  # what is found may need SIGKILL
            svcd.svctl("start", "a")
            findings = self.examined(svcd)
            self.assertEqual(list(findings), [kind])
            self.assertNotEqual(findings[kind]["mend"], "")
            return findings[kind]["text"]


class Processes(DoctorCase, TestCase):
    def test_a_service_that_is_well_has_nothing(self):
        with Daemon({"a.service": misbehaving("exit"), "b.service": service(actor("b", "ready"), Type="notify")}) as svcd:
            svcd.svctl("start", "a", "b")
            self.assertEqual(self.examined(svcd, status=0), {})
            self.assertEqual(svcd.svctl("doctor").stdout, "2 services examined, nothing found.\n")
            self.assertEqual(svcd.svctl("doctor", "-q").stdout, "")
            svcd.svctl("doctor", "nosuch", status=4)

    def test_a_shell_wrapper(self):
        content = service(["/bin/sh", "-c", "%s child & wait" % MISBEHAVER], Type="notify", NotifyAccess="all", TimeoutStopSec=LIMIT,
                          KillMode="mixed")
        self.assertIn("is a shell that does not pass SIGTERM on, and KillMode: mixed", self.found(content, "shell-wrapper"))

    def test_a_signal_that_is_ignored(self):
        self.assertIn("ignores SIGTERM: unless something else ends it, a stop takes all of TimeoutStopSec (1 s)", self.found(misbehaving("ignore"), "ignores-signal"))

    def test_a_signal_that_a_child_ignores(self):
        self.assertIn("ignores SIGTERM", self.found(misbehaving("ignore-child"), "ignores-signal"))

    def test_a_signal_that_is_blocked(self):
        self.assertIn("blocks SIGTERM", self.found(misbehaving("block"), "blocks-signal"))

    def test_a_zombie(self):
        with Daemon({"a.service": misbehaving("zombie")}, exit_status=None) as svcd:
            svcd.svctl("start", "a")
            findings = self.examined(svcd)
            self.assertEqual(set(findings), {"ignores-signal", "zombies"})
            self.assertIn("does not take the exit status of its children", findings["zombies"]["text"])

    def test_a_debugger(self):
        with Daemon({"a.service": misbehaving("traced")}, exit_status=None) as svcd:
            svcd.svctl("start", "--no-block", "a")
            svcd.wait_until(lambda: len(svcd.processes_of("a")) == 2, "the tracer")
            svcd.wait_until(lambda: "traced" in self.examined(svcd, "a", status=None), "the finding")
            self.assertIn("which holds it", self.examined(svcd, "a")["traced"]["text"])

    def test_sigstop(self):
        with Daemon({"a.service": misbehaving("exit")}) as svcd:
            svcd.svctl("start", "a")
            os.kill(svcd.get("a", "MainPID"), signal.SIGSTOP)
            findings = svcd.wait_until(lambda: self.examined(svcd, "a", status=None), "the finding")
            self.assertIn("svctl kill -s CONT a.service", findings["stopped"]["mend"])

    def test_a_frozen_cgroup(self):
        with Daemon({"a.service": misbehaving("exit")}, exit_status=None) as svcd:
            svcd.svctl("start", "a")
            with open(svcd.cgroup_of("a") + "/cgroup.freeze", "w") as freeze:
                freeze.write("1")

            def is_frozen():
                with open(svcd.cgroup_of("a") + "/cgroup.events") as events:
                    return "frozen 1" in events.read()
            svcd.wait_until(is_frozen, "the frozen cgroup")
            self.assertEqual(list(self.examined(svcd, "a")), ["frozen"])

    def test_pid_1_of_a_namespace(self):
        content = service(["/usr/bin/unshare", "--pid", "--fork", MISBEHAVER, "child"], Type="notify", NotifyAccess="all",
                          TimeoutStopSec=LIMIT)
        with Daemon({"a.service": content}, exit_status=None) as svcd:
            svcd.svctl("start", "a")
            findings = self.examined(svcd)  # unshare itself may block SIGTERM meanwhile
            self.assertIn("(svcd-misbehaver) is PID 1 of a PID namespace", findings["namespace-init"]["text"])

    def test_a_program_that_went_into_the_background(self):
        with Daemon({"a.service": service([MISBEHAVER, "double-fork"], Type="exec", TimeoutStopSec=LIMIT)}) as svcd:
            svcd.svctl("start", "a", status=None)
            svcd.wait_for("a", ActiveState="inactive")
            self.assertIn("as a program does that goes into the background", self.examined(svcd, "a")["double-fork"]["text"])


class Trouble(DoctorCase, TestCase):
    """Units that don't run: what keeps them from it is told without naming them."""

    def test_files_that_can_not_be_loaded(self):
        units = {"bad.service": "Service:\n  ExecStrat: /bin/true\n",
                 "user.service": service(actor("u"), {"Requires": "bad.service", "After": "bad.service"}),
                 "well.service": service(actor("w")), "well.service.d/10-typo": "Service: {TimeoutStopSecs: 3}\n"}
        with Daemon(units) as svcd:
            answer = json.loads(svcd.svctl("doctor", "--json", status=1).stdout)
            self.assertEqual(answer["examined"], 0)
            found = {each["unit"]: each for each in answer["findings"]}
            self.assertEqual({each["kind"] for each in answer["findings"]}, {"load-error"})
            self.assertIn("bad.service.yaml:2:3: unknown key 'ExecStrat'", found["bad.service"]["text"])
            self.assertIn("user.service, which needs it, is down", found["bad.service"]["text"])
            self.assertIn("10-typo.yaml:1:11: unknown key", found["well.service"]["text"])
            self.assertIn("loaded without this drop-in", found["well.service"]["text"])
            self.assertEqual(list(self.examined(svcd, "bad")), ["load-error"])

    def test_a_unit_that_is_given_up(self):
        units = {"db.service": service("/bin/false", {"StartLimitBurst": 2, "StartLimitIntervalSec": "1h"}, Restart="always", RestartSec=0),
                 "web.service": service(actor("w"), {"Requires": "db.service", "After": "db.service"})}
        with Daemon(units) as svcd:
            svcd.svctl("start", "--no-block", "web")
            svcd.wait_for("db", GivenUp=True, ActiveState="failed")
            svcd.wait_until(lambda: svcd.states()["web.service"][0] in ("inactive", "failed"), "the end of web")
            found = self.examined(svcd)
            self.assertIn("It is given up", found["given-up"]["text"])
            self.assertIn("web.service, which needs it, is down", found["given-up"]["text"])


class Install(DoctorCase, TestCase):
    def test_a_wish_for_enable_is_told_until_there_is_a_link(self):
        units = {"shop.target": {"Unit": {"Description": "shop"}, "Install": {"WantedBy": ["default.target"]}}, "web.service": {**service(actor("w")), "Install": {"WantedBy": ["shop.target"]}}}
        with Daemon(units) as svcd:
            self.assertEqual(self.examined(svcd, status=0), {})
            mend = self.examined(svcd, "web")["not-enabled"]["mend"]
            subprocess.run(mend.split("; svctl")[0], shell=True, check=True)
            svcd.svctl("daemon-reload")
            self.assertEqual(self.examined(svcd, "web", status=0), {})
            self.assertEqual(list(self.examined(svcd, "shop.target")), ["not-enabled"])


class Settings(DoctorCase, TestCase):
    def test_a_forking_service_whose_pid_file_says_something_else(self):
        with Daemon() as svcd:
            path = svcd.path("a.pid")
            svcd.write_unit("a.service", service(actor("a", "fork", "pid=" + path), Type="forking", PIDFile=path, TimeoutStopSec=LIMIT))
            svcd.svctl("start", "a")
            self.assertEqual(self.examined(svcd, status=0), {})
            with open(path, "w") as file:
                file.write("1\n")
            self.assertIn("says '1', but the main process is PID", self.examined(svcd)["pid-file-stale"]["text"])
            os.unlink(path)
            self.assertEqual(list(self.examined(svcd)), ["pid-file-missing"])

    def test_a_stop_without_a_limit(self):
        content = misbehaving("exit", TimeoutStopSec="infinity", SendSIGKILL=False)
        with Daemon({"a.service": content}) as svcd:
            svcd.svctl("start", "a")
            self.assertEqual(list(self.examined(svcd)), ["no-stop-limit", "no-sigkill"])

    def test_a_stop_that_the_shutdown_s_budget_has_no_room_for(self):
        with Daemon({"a.service": misbehaving("exit", TimeoutStopSec="20s")},
                    config="ShutdownBudgetSec: 5s\nShutdownMarginSec: 1s\n") as svcd:
            svcd.svctl("start", "a")
            findings = self.examined(svcd)
            self.assertEqual(list(findings), ["exceeds-budget"])
            self.assertIn("(20 s) does not fit the shutdown's budget (5 s)", findings["exceeds-budget"]["text"])

    def test_a_chain_that_the_shutdown_s_budget_has_no_room_for(self):
        units = {"a.service": service(actor("a"), TimeoutStopSec="4s"),
                 "b.service": service(actor("b"), {"Wants": ["a.service"], "After": ["a.service"]}, TimeoutStopSec="4s"),
                 "c.service": service(actor("c"), TimeoutStopSec="4s")}
        with Daemon(units, config="ShutdownBudgetSec: 6s\nShutdownMarginSec: 1s\n") as svcd:
            svcd.svctl("start", "b", "c")
            for unit in ("a", "b"):
                self.assertEqual(list(self.examined(svcd, unit)), ["exceeds-budget"])
            self.assertEqual(self.examined(svcd, "c", status=0), {})

    def test_a_need_without_an_order_and_the_other_way_round(self):
        self.assertIn("Requires: db.service without After",
                      self.found(misbehaving("exit", unit={"Requires": "db.service"}), "need-without-order",
                                 **{"db.service": misbehaving("exit")}))
        self.assertIn("After: cache.service", self.found(misbehaving("exit", unit={"After": "cache.service"}), "order-without-need"))

    def test_a_file_that_has_changed(self):
        with Daemon({"a.service": misbehaving("exit")}) as svcd:
            svcd.svctl("start", "a")
            path = svcd.write_unit("a.service", misbehaving("exit", TimeoutStopSec="2s"))
            os.utime(path, (2e9, 2e9))
            self.assertEqual(list(self.examined(svcd)), ["file-changed"])
            svcd.svctl("daemon-reload")
            self.assertEqual(self.examined(svcd, status=0), {})


class Stops(DoctorCase, TestCase):
    def test_stops_that_needed_sigkill_or_nearly(self):
        with Daemon({"a.service": misbehaving("sockets"),
                     "b.service": service(actor("b", "ready", "stop=600"), Type="notify", TimeoutStopSec=LIMIT)},
                    exit_status=None) as svcd:
            svcd.svctl("start", "a", "b")
            svcd.svctl("restart", "a", "b")
            svcd.wait_for("a", ActiveState="active")
            svcd.wait_for("b", ActiveState="active")
            findings = self.examined(svcd)
            self.assertEqual(set(findings), {"needed-sigkill", "slow-stop"})
            self.assertIn("Its last stop needed SIGKILL", findings["needed-sigkill"]["text"])
            self.assertRegex(findings["slow-stop"]["text"], r"took (6|7|8|9)\d % of its limit")
