"""Stops: what gets which signal, when, and that nothing is left of a unit that is stopped."""
import json
import os
import signal
import time

from harness import SLACK, Daemon, TestCase, actor, alive, service


class Whole(TestCase):
    """A unit is stopped when its cgroup is empty, whatever its processes do to get away."""

    def test_a_child_that_forked_twice_and_left_its_session_is_killed_too(self):
        with Daemon({"a.service": service(actor("a", "strays=3"), TimeoutStopSec="300ms")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            processes = svcd.processes_of("a")
            self.assertEqual(len(processes), 4)
            svcd.svctl("stop", "a")
            self.assertEqual([pid for pid in processes if alive(pid)], [])
            self.assertIsNone(svcd.cgroup_of("a"))
            self.assert_shows(svcd, "a", ActiveState="failed", Result="timeout")

    def test_a_fork_bomb_of_500_is_gone_with_the_stop(self):
        with Daemon({"bomb.service": service(actor("bomb", "bomb=499"), TimeoutStopSec="200ms")}) as svcd:
            svcd.svctl("start", "bomb")
            svcd.wait_until(lambda: len(svcd.processes_of("bomb")) == 500, "500 processes")
            processes = svcd.processes_of("bomb")
            svcd.svctl("stop", "bomb")
            self.assertEqual([pid for pid in processes if alive(pid)], [])
            self.assertIsNone(svcd.cgroup_of("bomb"))

    def test_what_is_left_when_the_main_process_ends_by_itself_goes_too(self):
        with Daemon({"a.service": service(actor("a", "kids=2", "run=50"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_for("a", ActiveState="inactive", SubState="dead", Result="success")
            self.assertIsNone(svcd.cgroup_of("a"))

    def test_what_is_spawned_after_a_sigkill_of_the_whole_cgroup_lives(self):
        """A kernel may kill at birth what is cloned into a cgroup that has had its cgroup.kill written."""
        with Daemon({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="200ms",
                                          ExecStopPost=actor("post", "run=0"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.svctl("restart", "a")
            svcd.wait_told("post", "start")
            svcd.wait_told("a", "start")
            self.assert_shows(svcd, "a", ActiveState="active", SubState="running")
            os.kill(svcd.get("a", "MainPID"), signal.SIGKILL)
            svcd.wait_told("post", "start")
            svcd.wait_for("a", ActiveState="failed", Result="signal")

    def test_a_stopped_process_can_act_on_the_stop_signal(self):
        with Daemon({"a.service": service(actor("a"), TimeoutStopSec="20s")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            os.kill(svcd.get("a", "MainPID"), signal.SIGSTOP)
            svcd.svctl("stop", "a")
            self.assert_shows(svcd, "a", ActiveState="inactive", Result="success")


class KillMode(TestCase):
    def test_control_group_signals_every_process(self):
        with Daemon({"a.service": service(["/bin/sh", "-c", "%s b & exec %s a" % (actor("")[0], actor("")[0])])}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "start")
            svcd.svctl("stop", "a")
            svcd.wait_told("a", "signal 15")
            svcd.wait_told("b", "signal 15")

    def test_mixed_signals_the_main_process_and_kills_the_rest_when_it_has_ended(self):
        with Daemon({"a.service": service(["/bin/sh", "-c", "%s b & exec %s a stop=150" % (actor("")[0], actor("")[0])],
                                          KillMode="mixed")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "start")
            processes = svcd.processes_of("a")
            svcd.svctl("stop", "a")
            self.assertEqual([pid for pid in processes if alive(pid)], [])
            svcd.wait_told("a", "end")
            self.assertEqual(svcd.told("b", "signal"), [])
            self.assert_shows(svcd, "a", ActiveState="inactive", Result="success")

    def test_process_leaves_the_rest_alone_and_says_so(self):
        with Daemon({"a.service": service(["/bin/sh", "-c", "%s b & exec %s a" % (actor("")[0], actor("")[0])],
                                          KillMode="process")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "start")
            main = svcd.get("a", "MainPID")
            (other,) = [pid for pid in svcd.processes_of("a") if pid != main]
            svcd.svctl("stop", "a")
            self.assert_shows(svcd, "a", ActiveState="inactive", MainPID=0)
            self.assertTrue(alive(other))
            self.assertIn("left over", svcd.svctl("status", "a", status=3).stdout)
            os.kill(other, signal.SIGKILL)
            svcd.wait_until(lambda: svcd.cgroup_of("a") is None, "the cgroup's end")

    def test_the_kill_signal_is_the_unit_s_choice(self):
        with Daemon({"a.service": service(actor("a"), KillSignal="SIGINT")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.svctl("stop", "a")
            self.assertEqual(svcd.wait_told("a", "signal").what, "signal 2")

    def test_an_exit_with_128_and_the_stop_signal_is_clean(self):
        with Daemon({"java.service": service(actor("java", "code=143"))}) as svcd:
            svcd.svctl("start", "java")
            svcd.wait_told("java", "start")
            svcd.svctl("stop", "java")
            self.assert_shows(svcd, "java", ActiveState="inactive", Result="success")

    def test_svctl_kill_sends_what_it_is_told_to_whom_it_is_told(self):
        with Daemon({"a.service": service(["/bin/sh", "-c", "%s b & exec %s a" % (actor("")[0], actor("")[0])])}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "start")
            svcd.svctl("kill", "--signal=USR1", "--kill-whom=main", "a")
            svcd.wait_told("a", "signal 10")
            svcd.svctl("kill", "--signal=SIGUSR2", "a")
            svcd.wait_told("a", "signal 12")
            svcd.wait_told("b", "signal 12")
            self.assertEqual(svcd.told("b", "signal 10"), [])


    def test_systemd_12621_a_process_whose_first_thread_has_left_gets_a_sigkill_of_its_own(self):
        """SIGKILL to its cgroup passes over it: for the kernel its first thread is dead already."""
        code = ("import ctypes, signal, threading, time\n"
                "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
                "ctypes.CDLL(None).pthread_exit(None)\n")
        with Daemon({"a.service": service(["/usr/bin/python3", "-c", code], TimeoutStopSec="1s")}) as svcd:
            svcd.svctl("start", "a")
            main = svcd.get("a", "MainPID")

            def has_left():
                with open("/proc/%d/stat" % main) as stat:
                    return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
            svcd.wait_until(has_left, "the first thread's end")
            svcd.svctl("stop", "a")
            self.assert_shows(svcd, "a", ActiveState="failed", SubState="failed", Result="timeout")
            self.assertFalse(alive(main))
            self.assertIsNone(svcd.cgroup_of("a"))


class SigkillIsTold(TestCase):
    """Only a SIGKILL at a deadline is one that was needed."""

    def outcome(self, svcd, unit="a"):
        (record,) = svcd.manager("GetStopRecords", "su", unit + ".service", 1)[0]
        return json.loads(record)

    def test_systemd_8122_that_of_kill_mode_mixed_is_meant(self):
        with Daemon({"a.service": service(["/bin/sh", "-c", "%s b & exec %s a" % (actor("")[0], actor("")[0])], KillMode="mixed")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "start")
            done = svcd.svctl("stop", "--strict", "a")
            self.assertNotIn("TimeoutStopSec", done.stdout + done.stderr)
            self.assertIn("KillMode=mixed", done.stdout + done.stderr)
            record = self.outcome(svcd)
            self.assertEqual((record["sigkill"], record["sigkill_at_deadline"], record["left_over"]), (True, False, False))

    def test_one_at_the_deadline_is_not(self):
        with Daemon({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="200ms")}, exit_status=1) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            self.assertIn("SIGKILL was needed", svcd.svctl("stop", "--strict", "a", status=8).stderr)
            record = self.outcome(svcd)
            self.assertEqual((record["sigkill"], record["sigkill_at_deadline"]), (True, True))
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start", count=2)
            self.assertIn("SIGKILL was needed", svcd.svctl("restart", "--strict", "a", status=8).stderr)
            svcd.wait_told("a", "start", count=3)  # from then on it is deaf

    def test_an_exec_stop_that_is_cut_needs_none(self):
        with Daemon({"a.service": service(actor("a"), ExecStop="/bin/sleep 1000", TimeoutStopSec="600ms")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            done = svcd.svctl("stop", "--strict", "a")
            self.assertNotIn("SIGKILL", done.stdout + done.stderr)
            self.assertFalse(self.outcome(svcd)["sigkill"])

    def test_kill_mode_none_leaves_over(self):
        with Daemon({"a.service": service(actor("a"), KillMode="none", TimeoutStopSec="300ms")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            main = svcd.get("a", "MainPID")
            done = svcd.svctl("stop", "--strict", "a")
            self.assertIn("left over", done.stderr)
            self.assertNotIn("SIGKILL", done.stderr)
            self.assertTrue(alive(main))
            self.assertTrue(self.outcome(svcd)["left_over"])
            os.kill(main, signal.SIGKILL)
            svcd.wait_until(lambda: svcd.cgroup_of("a") is None, "the cgroup's end")

    def test_systemd_8630_without_send_sigkill_nothing_is_restarted_beside_what_is_left(self):
        shell = "trap '' TERM; %s b deaf=15 & exec %s a" % (actor("")[0], actor("")[0])
        with Daemon({"a.service": service(["/bin/sh", "-c", shell], SendSIGKILL=False, Restart="always", RestartSec=0,
                                          TimeoutStopSec="500ms")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "start")
            main = svcd.get("a", "MainPID")
            (other,) = [pid for pid in svcd.processes_of("a") if pid != main]
            os.kill(main, signal.SIGKILL)
            svcd.wait_for("a", ActiveState="failed", LeftOver=True, NRestarts=0)
            self.assertEqual(len(svcd.told("a", "start")), 1)
            self.assertTrue(alive(other))
            os.kill(other, signal.SIGKILL)
            svcd.wait_for("a", LeftOver=False)


class Deadlines(TestCase):
    """Measures time; ctest runs nothing beside it."""

    LATE_BY_AT_MOST = 100_000 * SLACK  # the promise on an idle machine is 0.1 s

    def test_sigterm_at_once_and_sigkill_at_timeout_stop_sec_not_before_and_hardly_after(self):
        with Daemon({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="3s")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            asked = time.monotonic_ns() // 1000
            svcd.svctl("stop", "a")
            termed = svcd.wait_told("a", "signal 15").usec
            shown = svcd.wait_for("a", ActiveState="failed", Result="timeout", ExecMainCode=2, ExecMainStatus=9)
            began, killed = shown["ActiveExitTimestampMonotonic"], shown["ExecMainExitTimestampMonotonic"]
            self.assertLess(termed - asked, self.LATE_BY_AT_MOST)
            self.assertGreaterEqual(killed - began, 3_000_000)
            self.assertGreaterEqual(killed - termed, 3_000_000 - 50_000)
            self.assertLess(killed - began, 3_000_000 + self.LATE_BY_AT_MOST)

    def test_fifty_deadlines_at_once_are_all_kept(self):
        units = {"a%d.service" % i: service(actor("a%d" % i, "deaf=15"), TimeoutStopSec="1s") for i in range(50)}
        with Daemon(units) as svcd:
            svcd.svctl("start", *units)
            for i in range(50):
                svcd.wait_told("a%d" % i, "start")
            svcd.svctl("stop", *units)
            for unit in units:
                shown = svcd.show(unit)
                took = shown["ExecMainExitTimestampMonotonic"] - shown["ActiveExitTimestampMonotonic"]
                self.assertGreaterEqual(took, 1_000_000, unit)
                self.assertLess(took, 1_000_000 + 2 * self.LATE_BY_AT_MOST, unit)

    def test_exec_stop_and_the_signal_share_one_deadline(self):
        with Daemon({"a.service": {"Service": {"ExecStart": actor("a", "deaf=15"), "ExecStop": actor("stop", "deaf=15"),
                                               "TimeoutStopSec": "1500ms"}}}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.svctl("stop", "a")
            shown = svcd.show("a")
            began, killed = shown["ActiveExitTimestampMonotonic"], shown["ExecMainExitTimestampMonotonic"]
            termed = svcd.wait_told("a", "signal 15").usec
            self.assertLessEqual(termed - began, 1_000_000 + self.LATE_BY_AT_MOST)  # at the latest a third before the end
            self.assertGreaterEqual(killed - began, 1_500_000)
            self.assertLess(killed - began, 1_500_000 + self.LATE_BY_AT_MOST)

    def test_a_crash_is_noticed_and_answered_at_once(self):
        with Daemon({"a.service": service(actor("a"), Restart="always", RestartSec=0)}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            killed = time.monotonic_ns() // 1000
            os.kill(svcd.get("a", "MainPID"), signal.SIGKILL)
            again = svcd.wait_told("a", "start", count=2).usec
            self.assertLess(again - killed, self.LATE_BY_AT_MOST)
