"""svctl explain on services that really misbehave: what it says has to be what happened."""
import json
import os
import signal
import sys
import time

from harness import MISBEHAVER, Daemon, TestCase, actor, service

LIMIT = "1s"


def misbehaving(*fault, **settings):
    return service([MISBEHAVER, *fault], **{"Type": "notify", "NotifyAccess": "all", "TimeoutStopSec": LIMIT, **settings})


def explained(svcd, unit="a", *options):
    """What explain says with --json; the text has to come, too."""
    text = svcd.svctl("explain", unit, *options).stdout
    answer = json.loads(svcd.svctl("explain", "--json", unit, *options).stdout)
    if os.environ.get("SHOW"):  # to look at it with one's own eyes
        sys.stderr.write("\n%s\n" % text)
    return answer, text


class ExplainCase:
    def stopped(self, content, unit="a"):
        """Starts the service, stops it, and returns what explain says about that."""
        with Daemon({"a.service": content}) as svcd:
            svcd.svctl("start", unit)
            # What begins within 10 ms of the signal, a tick of its start time, may have begun after it.
            started = time.monotonic()
            svcd.wait_until(lambda: time.monotonic() - started > 0.05, "a few ticks")
            svcd.svctl("stop", unit, status=None)
            svcd.wait_until(lambda: svcd.states()["a.service"][0] in ("inactive", "failed"), "the end")
            return explained(svcd)

    def verdict(self, answer, kind, pid=None):
        """The only verdict of that kind (about that process)."""
        verdicts = [verdict for stop in answer["stops"][:1] for verdict in stop["verdicts"]]
        found = [verdict for verdict in verdicts if verdict["kind"] == kind and pid in (None, verdict["pid"])]
        self.assertEqual(len(found), 1, "%s in %s" % (kind, json.dumps(answer["stops"], indent=1)))
        return found[0]

    def kinds(self, answer):
        return sorted(verdict["kind"] for verdict in answer["stops"][0]["verdicts"])

    def main_of(self, answer):
        return answer["stops"][0]["record"]["main_pid"]


class Signals(ExplainCase, TestCase):
    """What became of the stop signal."""

    def test_a_signal_that_is_ignored(self):
        answer, text = self.stopped(misbehaving("ignore"))
        verdict = self.verdict(answer, "ignores-signal", self.main_of(answer))
        self.assertIn("ignores SIGTERM", verdict["text"])
        self.assertRegex(text, r"^× a.service was stopped in \d+\.\d s; SIGKILL was needed\n")
        self.assertIn("which svcd sent since the time was over", text)

    def test_a_signal_that_is_blocked(self):
        answer, _ = self.stopped(misbehaving("block"))
        self.assertIn("blocks SIGTERM, which is pending", self.verdict(answer, "blocks-signal")["text"])

    def test_a_signal_that_a_signalfd_takes(self):
        content = service(actor("a", "deaf=15", "ready"), Type="notify", TimeoutStopSec=LIMIT)
        answer, _ = self.stopped(content)
        self.assertIn("takes SIGTERM by signalfd or sigwait", self.verdict(answer, "slow")["text"])

    def test_what_nohup_has_it_ignore(self):
        content = service(["/bin/sh", "-c", "exec nohup %s child" % MISBEHAVER], Type="notify", NotifyAccess="all",
                          TimeoutStopSec=LIMIT, KillSignal="SIGHUP")
        answer, _ = self.stopped(content)
        self.assertIn("nohup", self.verdict(answer, "ignores-signal", self.main_of(answer))["text"])
        self.assertEqual(self.kinds(answer), ["ignores-signal"] * 2)  # the child has inherited it

    def test_a_slow_drain_tells_the_sockets_and_what_it_waits_for(self):
        answer, _ = self.stopped(misbehaving("sockets"))
        text = self.verdict(answer, "slow")["text"]
        self.assertIn("catches SIGTERM", text)
        self.assertIn("waits for a signal (pause)", text)
        self.assertIn("3 sockets open", text)

    def test_a_python_service_whose_handler_only_sets_a_flag(self):
        program = ("import signal, socket, os, time\n"
                   "signal.signal(signal.SIGTERM, lambda *_: None)\n"
                   "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                   "s.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])\n"
                   "while True: time.sleep(60)\n")
        content = service(["/usr/bin/python3", "-c", program], Type="notify", TimeoutStopSec=LIMIT)
        answer, _ = self.stopped(content)
        self.assertIn("Python goes on waiting after a signal handler", self.verdict(answer, "slow")["text"])

    def test_stopping_and_then_nothing(self):
        answer, _ = self.stopped(misbehaving("stopping"))
        text = self.verdict(answer, "stopping-hung")["text"]
        self.assertIn("said STOPPING=1 after", text)
        self.assertIn('"closing 3 connections"', text)

    def test_more_time_that_was_not_enough(self):
        answer, _ = self.stopped(misbehaving("extend", "1500000"))
        text = self.verdict(answer, "extension-used-up")["text"]
        self.assertIn("asked for more time once (EXTEND_TIMEOUT_USEC), after", text)
        self.assertIn("and did not end in that time", text)
        # From its message on, which comes a moment after the stop began.
        self.assertRegex(self.verdict(answer, "limit-extended")["text"], r"which made its limit [1-9]\.\d s instead of 1 s")

    def test_more_time_that_was_less_than_it_had(self):
        answer, _ = self.stopped(misbehaving("extend", "1000"))  # short, so that it fits in TimeoutStopSec however late it comes
        text = self.verdict(answer, "extension-used-up")["text"]
        self.assertIn("for 1.0 ms, which is no more than TimeoutStopSec gives it anyway", text)

    def test_a_process_that_was_started_after_the_signal(self):
        answer, _ = self.stopped(misbehaving("respawn"))
        verdict = self.verdict(answer, "forked-later")
        self.assertNotEqual(verdict["pid"], self.main_of(answer))


class Families(ExplainCase, TestCase):
    """Who is whose child, and whom the signal doesn't reach."""

    def test_a_shell_wrapper_that_does_not_pass_the_signal_on(self):
        content = service(["/bin/sh", "-c", "%s child & wait" % MISBEHAVER], Type="notify", NotifyAccess="all",
                          TimeoutStopSec=LIMIT, KillMode="mixed")
        answer, text = self.stopped(content)
        verdicts = [verdict for verdict in answer["stops"][0]["verdicts"] if verdict["kind"] == "shell-wrapper"]
        self.assertEqual(len(verdicts), 2)
        self.assertIn("got no SIGTERM from svcd: KillMode: mixed", verdicts[0]["text"])
        self.assertIn("does not pass signals on, unless its trap does", verdicts[0]["text"])
        self.assertIn("'exec'", verdicts[0]["mend"])
        self.assertIn("that the main process left got SIGKILL", text)

    def test_a_shell_whose_trap_waits_for_its_child(self):
        content = service(["/bin/sh", "-c", "trap 'exit 0' TERM; %s ignore; true" % MISBEHAVER], Type="notify",
                          NotifyAccess="all", TimeoutStopSec=LIMIT)
        answer, _ = self.stopped(content)
        self.assertIn("its trap comes after that", self.verdict(answer, "shell-wrapper", self.main_of(answer))["text"])
        self.verdict(answer, "ignores-signal")

    def test_a_child_that_a_main_process_leaves_behind(self):
        answer, _ = self.stopped(misbehaving("child", KillMode="mixed"))
        self.assertIn("which ended after", self.verdict(answer, "not-signalled")["text"])

    def test_a_grandchild_that_escaped_with_setsid(self):
        answer, _ = self.stopped(misbehaving("escape", "deaf"))
        self.verdict(answer, "ignores-signal", self.main_of(answer))
        answer["stops"][0]["verdicts"] = [verdict for verdict in answer["stops"][0]["verdicts"]
                                          if verdict["pid"] != self.main_of(answer)]
        verdict = self.verdict(answer, "ignores-signal")
        self.assertNotEqual(verdict["pid"], self.main_of(answer))
        self.assertIn("has left the main process's tree", verdict["text"])

    def test_an_escaped_grandchild_that_mixed_does_not_reach(self):
        answer, _ = self.stopped(misbehaving("escape", "deaf", KillMode="mixed"))
        self.assertIn("forked twice", self.verdict(answer, "escaped")["text"])

    def test_a_program_that_goes_into_the_background(self):
        with Daemon({"a.service": service([MISBEHAVER, "double-fork"], Type="exec", TimeoutStopSec=LIMIT)}) as svcd:
            svcd.svctl("start", "a", status=None)
            svcd.wait_for("a", ActiveState="inactive")
            answer, text = explained(svcd)
            self.assertRegex(self.verdict(answer, "left-processes")["text"], r"he main process ended and left PID \d+ .*behind")
            self.assertIn("Type: forking", text)
            self.assertIn("a.service ended without being asked by svcd: its main process exited with status 0", text)

    def test_a_zombie_beside_what_really_keeps_the_stop(self):
        answer, _ = self.stopped(misbehaving("zombie"))
        self.verdict(answer, "ignores-signal", self.main_of(answer))


class Held(ExplainCase, TestCase):
    """Processes that act on no signal, since something holds them."""

    def test_a_debugger(self):
        answer, _ = self.stopped(misbehaving("traced"))
        verdict = self.verdict(answer, "traced", self.main_of(answer))
        self.assertRegex(verdict["text"], r"is held by a debugger or tracer, PID \d+;")

    def test_sigstop(self):
        answer, _ = self.stopped(misbehaving("stopped"))
        self.verdict(answer, "stopped", self.main_of(answer))

    def test_a_frozen_cgroup_while_it_goes_on_and_afterwards(self):
        with Daemon({"a.service": misbehaving("sockets", TimeoutStopSec="2s")}) as svcd:
            svcd.svctl("start", "a")
            svcd.svctl("stop", "--no-block", "a")
            svcd.wait_for("a", SubState="stop-sigterm")
            with open(svcd.cgroup_of("a") + "/cgroup.freeze", "w") as freeze:
                freeze.write("1")
            answer, text = explained(svcd)
            self.verdict(answer, "frozen")
            self.assertRegex(text, r"a.service is being stopped, for .* now\n")
            self.assertRegex(text, r"Waiting +waits after SIGTERM; SIGKILL in ")
            svcd.wait_for("a", ActiveState="failed")
            answer, text = explained(svcd)
            self.verdict(answer, "frozen")


class Ends(ExplainCase, TestCase):
    """How the main process ended, and whose doing it was."""

    def ended_by(self, *fault, **settings):
        answer, text = self.stopped(misbehaving(*fault, **settings))
        self.assertEqual(self.kinds(answer), [])
        return text

    def test_status_0_is_clean(self):
        text = self.ended_by("exit", "0")
        self.assertRegex(text, r"^○ a.service was stopped in .*, cleanly\n")
        self.assertIn("exited with status 0", text)

    def test_status_143_is_clean(self):
        text = self.ended_by("exit", "143")
        self.assertRegex(text, r"^○ a.service was stopped in .*, cleanly\n")
        self.assertIn("128 + SIGTERM): many programs report the signal so, as a clean stop", text)

    def test_who_asked_is_named_with_the_reason(self):
        with Daemon({"a.service": misbehaving("exit", "0")}) as svcd:
            svcd.svctl("start", "a")
            svcd.svctl("stop", "a", "--reason=deploy 42")
            _, text = explained(svcd)
            self.assertRegex(text, r'Asked by +\S+ \(uid %d\).*, PID \d+; reason: "deploy 42"' % os.getuid())

    def test_a_sigkill_from_outside(self):
        with Daemon({"a.service": misbehaving("exit")}) as svcd:
            svcd.svctl("start", "a")
            os.kill(svcd.get("a", "MainPID"), signal.SIGKILL)
            svcd.wait_for("a", ActiveState="failed")
            answer, text = explained(svcd)
            self.assertIn("by nobody svcd can name: not svcd, and no OOM kill was counted in its cgroup", self.verdict(answer, "killed-outside")["text"])
            self.assertIn("a.service went down: its main process was killed by SIGKILL, by nobody svcd can name", text)

    def test_a_sigkill_by_svctl_kill(self):
        with Daemon({"a.service": misbehaving("exit")}) as svcd:
            svcd.svctl("start", "a")
            svcd.svctl("kill", "--signal=KILL", "a")
            svcd.wait_for("a", ActiveState="failed")
            answer, text = explained(svcd)
            self.assertIn("SIGKILL came from root", self.verdict(answer, "killed-by-user")["text"])
            self.assertIn("sent with svctl kill", text)

    def test_a_crash_with_a_core_dump(self):
        with Daemon() as svcd:
            svcd.write_unit("a.service", misbehaving("abort", LimitCORE="infinity", WorkingDirectory=svcd.directory))
            svcd.svctl("start", "a")
            svcd.svctl("stop", "a", status=None)
            svcd.wait_for("a", ActiveState="failed")
            answer, _ = explained(svcd)
            self.assertIn("SIGABRT", self.verdict(answer, "crashed")["text"])

    def test_a_program_that_is_not_there(self):
        with Daemon({"a.service": service(["/nonexistent/program"], Type="exec")}) as svcd:
            svcd.svctl("start", "a", status=None)
            svcd.wait_for("a", ActiveState="failed")
            answer, text = explained(svcd)
            self.assertIn("203/EXEC", self.verdict(answer, "not-executed")["text"])
            self.assertIn("a.service failed to start", text)

    def test_a_start_that_took_too_long(self):
        with Daemon({"a.service": service(actor("a"), Type="notify", TimeoutStartSec="300ms")}) as svcd:
            svcd.svctl("start", "a", status=None)
            svcd.wait_for("a", ActiveState="failed")
            answer, text = explained(svcd)
            self.verdict(answer, "start-timeout")
            self.assertIn("failed to start: it did not start within TimeoutStartSec", text)


class Shutdown(ExplainCase, TestCase):
    def test_a_limit_that_the_shutdown_made_shorter(self):
        svcd = Daemon({"a.service": misbehaving("ignore", TimeoutStopSec="20s")}, exit_status=None)
        with open(svcd.path("svcd.yaml"), "a") as config:
            config.write("ShutdownBudgetSec: 2s\nShutdownMarginSec: 500ms\n")
        with svcd:
            svcd.svctl("start", "a")
            svcd.disconnect()
            svcd.process.send_signal(signal.SIGTERM)
            svcd.wait_for_exit()
            svcd.start()  # what it has written down is still there
            answer, text = explained(svcd)
            self.assertRegex(self.verdict(answer, "shortened")["text"], r"The shutdown gave it .* of the 20 s of its TimeoutStopSec")
            self.verdict(answer, "ignores-signal")
            self.assertIn(" at the shutdown; SIGKILL was needed", text)


class Commands(ExplainCase, TestCase):
    """ExecStop and its share of the time."""

    def test_exec_stop_that_hangs(self):
        answer, text = self.stopped(misbehaving("exit", ExecStop=["/bin/sleep", "60"]))
        self.assertRegex(self.verdict(answer, "exec-stop-hung")["text"],
                         r"ExecStop \(.*sleep 60, PID \d+\) had not ended after 6\d\d ms, 6\d % of")
        self.assertRegex(text, r"ExecStop runs \(6\d\d ms, 6\d % of the limit\)")
        self.assertRegex(text, r"^× a.service was stopped in 6\d\d ms; ExecStop .* had not ended when its share of TimeoutStopSec")

    def test_exec_stop_that_fails(self):
        answer, _ = self.stopped(misbehaving("exit", ExecStop=["/bin/false"]))
        self.assertIn("exited with status 1", self.verdict(answer, "exec-stop-failed")["text"])


class Units(ExplainCase, TestCase):
    """Which stop is told, and units that don't run."""

    def test_the_stop_before_the_last_one_and_the_list(self):
        with Daemon({"a.service": misbehaving("exit", "0")}) as svcd:
            for reason in ("first", "second"):
                svcd.svctl("start", "a")
                svcd.svctl("stop", "a", "--reason=" + reason)
            self.assertIn('"second"', explained(svcd)[1])
            self.assertIn('"second"', explained(svcd, "a", "-n", "1")[1])
            self.assertIn('"first"', explained(svcd, "a", "-n2")[1])
            answer, text = explained(svcd, "a", "--all")
            self.assertEqual(len(answer["stops"]), 2)
            self.assertEqual(len(text.splitlines()), 2)
            self.assertIn("only 2", svcd.svctl("explain", "-n3", "a", status=1).stderr)

    def test_a_unit_that_runs_says_so_before_its_last_stop(self):
        with Daemon({"a.service": misbehaving("exit", "0")}) as svcd:
            svcd.svctl("start", "a")
            self.assertIn("has not been stopped", explained(svcd)[1])
            svcd.svctl("restart", "a")
            self.assertRegex(explained(svcd)[1], r"(?s)^● a.service is up since .*\nThe last time it was down\n")

    def test_what_keeps_a_unit_from_starting(self):
        with Daemon({"db.service": service(["/bin/false"], Type="oneshot"),
                     "a.service": service(["/bin/true"], unit={"Requires": "db.service", "After": "db.service"}),
                     "c.service": service(["/bin/true"], unit={"ConditionPathExists": "/nonexistent"}),
                     "bad.service": "Service:\n  ExecStrat: /bin/true\n"}) as svcd:
            svcd.svctl("start", "a", status=1)
            kinds = {verdict["kind"]: verdict["text"] for verdict in explained(svcd)[0]["verdicts"]}
            self.assertIn("db.service is failed", kinds["dependency"])
            svcd.svctl("start", "c", status=None)
            kinds = {verdict["kind"]: verdict["text"] for verdict in explained(svcd, "c")[0]["verdicts"]}
            self.assertIn("ConditionPathExists=/nonexistent does not hold", kinds["condition"])
            kinds = {verdict["kind"]: verdict["text"] for verdict in explained(svcd, "bad")[0]["verdicts"]}
            self.assertIn("ExecStrat", kinds["load-error"])
            svcd.svctl("explain", "nosuch", status=4)

    def test_a_job_that_waits_names_what_for(self):
        with Daemon({"slow.service": service(actor("slow"), Type="notify"),
                     "a.service": service(["/bin/true"], unit={"Wants": "slow.service", "After": "slow.service"})}) as svcd:
            svcd.svctl("start", "--no-block", "a")
            svcd.wait_for("slow", SubState="start")
            answer, text = explained(svcd)
            self.assertIn("slow.service (start, running)", {v["kind"]: v["text"] for v in answer["verdicts"]}["job-waits"])
            self.assertIn("READY=1", explained(svcd, "slow")[1])
            svcd.svctl("stop", "slow", "a")
