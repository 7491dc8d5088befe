"""The bug museum: failures that other supervisors shipped, each a test under its number. This file: stops and shutdowns.

test_museum_files.py has those of unit files, reloads and svctl, test_museum_kernel.py those that need a PID namespace, a full
file system or another clock, tests/unit/core/museum_test.cc those of time (17, 18, 22) and of the kernel's OOM killer (23).

 1 process-compose#520            leader traps SIGTERM and exits, its child ignores it
 2 ochinchina/supervisord#430     two units stop, one at once: the other keeps its time
 3 s6-overlay#204, OpenRC#166     everything ends in 0.1 s of a minute's grace: so does the shutdown
 4 s6-overlay#503                 the first service that ends during a shutdown takes nobody's grace
 5 tini#180                       a grandchild in a session of its own
 6 Orva#70                        PID 1 never reaps
 7 systemd#21203                  a stop hook restarts another unit during a shutdown
 8 systemd#19348                  a start during a shutdown (by D-Bus; by socket traffic once there are socket units)
 9 dinit#225                      a unit that never becomes ready when the shutdown begins
11 systemd#5813                   a typo in a unit file
12 systemd#39338                  a new unit closes a cycle
13 systemd#5478                   restart of a unit whose file has changed
14 pm2#3486                       a variable that was taken out of the file
15 Supervisor#1637                only the restart policy has changed
16 Supervisor#1154                only one member of a group has changed
17 systemd#42912                  starts that are older than the start limit's interval
18 systemd#6036, #5014, #13513    the clock jumps
19 systemd#5016, #42999           nothing more can be written to /run (while state is saved; re-executing comes later)
20 habitat#6977                   a recorded PID belongs to somebody else now
21 Supervisor#889, #53            the main process is replaced by its successor
22 systemd#43813                  a crash once a month
23 systemd#43439                  the kernel's OOM killer and OOMPolicy
24 spring-boot#4334               a JVM answers SIGTERM with 143
25 scylladb#1864                  a core dump is being written when the time for the stop is over
27 systemd#504, act#548           an unknown unit's exit status; status without a message bus
28 dinix#9                        an essential unit fails: the exit status says so

Not yet, because what they are about isn't there: 10 (unmounting network file systems: PID 1's last steps), the rest of 8 (socket
units), of 17 (a suspend counts), of 19 (re-execution) and of 27 (`disable`), 26 (the hardware watchdog), 29 and 30 (`explain`: throttled, or deaf in read(2)).
"""
import os
import time

import dbus_client
from harness import ACTOR, SLACK, SVCTL, Daemon, TestCase, actor, alive, service


class Stops(TestCase):
    def test_01_leader_traps_term_and_exits_child_ignores_it(self):
        script = "%s child deaf=15 & trap 'exit 0' TERM; wait" % ACTOR
        with Daemon({"a.service": service(["/bin/sh", "-c", script], TimeoutStopSec="1s")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("child", "start")
            leader = svcd.get("a", "MainPID")
            (child,) = [pid for pid in svcd.processes_of("a") if pid != leader]
            self.assertIn("SIGKILL", svcd.svctl("stop", "a").stderr)
            self.assertFalse(alive(child))
            self.assertIsNone(svcd.cgroup_of("a"))
            svcd.wait_told("child", "signal 15")
            shown = svcd.show("a")
            self.assertEqual((shown["ActiveState"], shown["Result"], shown["ExecMainCode"], shown["ExecMainStatus"]),
                             ("failed", "timeout", 1, 0))
            # Not inactive with the leader's end, but when the child had gone, which was given its time.
            self.assertGreaterEqual(shown["InactiveEnterTimestampMonotonic"] - shown["ActiveExitTimestampMonotonic"], 1_000_000)
            self.assertLess(shown["ExecMainExitTimestampMonotonic"], shown["InactiveEnterTimestampMonotonic"])

    def test_02_one_stops_at_once_and_the_other_keeps_its_time(self):
        with Daemon({"quick.service": service(actor("quick"), TimeoutStopSec="4s"),
                     "slow.service": service(actor("slow", "stop=2000"), TimeoutStopSec="4s")}) as svcd:
            svcd.svctl("start", "quick", "slow")
            svcd.wait_told("quick", "start")
            svcd.wait_told("slow", "start")
            svcd.svctl("stop", "quick", "slow")
            svcd.wait_told("slow", "end")
            self.assertEqual(svcd.order("quick end", "slow end"), ["quick end", "slow end"])
            self.assert_shows(svcd, "slow", ActiveState="inactive", Result="success", ExecMainCode=1, ExecMainStatus=0)

    def test_04_the_first_that_ends_during_a_shutdown_takes_nobodys_grace(self):
        names = ["a%d" % i for i in range(5)]
        units = {name + ".service": service(actor(name, "stop=%d" % (0 if name == "a0" else 1200)), TimeoutStopSec="20s") for name in names}
        with Daemon(units) as svcd:
            svcd.svctl("start", *units)
            for name in names:
                svcd.wait_told(name, "start")
            svcd.process.terminate()
            self.assertEqual(svcd.wait_for_exit(), 0)
            self.assertEqual([len(svcd.told(name, "end")) for name in names], [1] * 5)

    def test_05_a_grandchild_in_its_own_session_is_killed_with_the_unit(self):
        with Daemon({"a.service": service(actor("a", "strays=2"), TimeoutStopSec="300ms"),
                     "b.service": service(actor("b", "strays=2"), TimeoutStopSec="60s", KillMode="mixed")}) as svcd:
            svcd.svctl("start", "a", "b")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "start")
            processes = svcd.processes_of("a") + svcd.processes_of("b")
            self.assertEqual(len(processes), 6)
            svcd.svctl("stop", "a", "b")
            self.assertEqual([pid for pid in processes if alive(pid)], [])
            self.assertEqual((svcd.cgroup_of("a"), svcd.cgroup_of("b")), (None, None))

    def test_21_the_main_process_is_replaced_by_its_successor(self):
        """The old one hands over and ends: the unit goes on, and its stop signal is for the new one."""
        script = "new=$(%s new >/dev/null & echo $!); exec %s old send=MAINPID=$new run=100" % (ACTOR, ACTOR)
        with Daemon({"a.service": service(["/bin/sh", "-c", script], NotifyAccess="all", KillMode="process")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("old", "end")
            svcd.wait_told("new", "start")
            svcd.wait_until(lambda: svcd.processes_of("a") == [svcd.get("a", "MainPID")], "the successor as the main process")
            self.assert_shows(svcd, "a", ActiveState="active")
            svcd.svctl("stop", "a")
            svcd.wait_told("new", "signal 15")
            svcd.wait_told("new", "end")
            self.assert_shows(svcd, "a", ActiveState="inactive", Result="success")

    def test_24_a_jvm_that_answers_our_sigterm_with_143_ended_well(self):
        with Daemon({
            "java.service": service(actor("java", "code=143"), Restart="on-failure", RestartSec=0, unit={"OnFailure": ["alarm.service"]}),
            "alarm.service": service(actor("alarm")),
            "other.service": service(actor("other", "exit=143")),
        }) as svcd:
            svcd.svctl("start", "java")
            svcd.wait_told("java", "start")
            svcd.svctl("stop", "java")
            self.assert_shows(svcd, "java", ActiveState="inactive", Result="success", ExecMainCode=1, ExecMainStatus=143)
            svcd.svctl("start", "other")  # nobody had sent it a signal
            svcd.wait_for("other", ActiveState="failed", Result="exit-code", ExecMainStatus=143)
            self.assertEqual((svcd.told("alarm"), len(svcd.told("java", "start"))), ([], 1))

    def test_25_a_core_dump_at_the_end_of_the_stop_s_time_is_not_cut_off(self):
        """The actor ends 1.5 s after SIGABRT: as long as the kernel would take to write its core."""
        with Daemon({"db.service": service(actor("db", "deaf=15", "stop=1500"), TimeoutStopSec="200ms", TimeoutAbortSec="60s",
                                           TimeoutStopFailureMode="abort")}) as svcd:
            svcd.svctl("start", "db")
            svcd.wait_told("db", "start")
            svcd.svctl("stop", "db")
            svcd.wait_told("db", "end")
            self.assertEqual(svcd.order("db signal 15", "db signal 6", "db end"), ["db signal 15", "db signal 6", "db end"])
            self.assert_shows(svcd, "db", Result="timeout", ExecMainCode=1, ExecMainStatus=0)


class Shutdowns(TestCase):
    def test_07_a_stop_hook_that_restarts_another_unit_is_refused_at_once(self):
        svcd = Daemon({"other.service": service(actor("other"))})
        answer = svcd.path("answer")
        svcd.write_unit("hook.service", service(
            actor("hook"), unit={"After": ["other.service"]}, TimeoutStopSec="60s",
            ExecStop=["/bin/sh", "-c", "%s --bus=%s restart other >%s 2>&1; echo status $? >>%s" % (SVCTL, svcd.address, answer, answer)]))
        with svcd:
            svcd.svctl("start", "hook", "other")
            svcd.wait_told("hook", "start")
            svcd.wait_told("other", "start")
            began = time.monotonic()
            svcd.process.terminate()
            self.assertEqual(svcd.wait_for_exit(), 0)
            self.assertLess(time.monotonic() - began, 10 * SLACK)
            with open(answer) as text:
                said = text.read()
            self.assertIn("shutting down", said)
            self.assertIn("status 1\n", said)
            self.assertEqual(len(svcd.told("other", "start")), 1)

    def test_08_a_start_during_a_shutdown_is_refused(self):
        with Daemon({
            "slow.service": service(actor("slow", "stop=1500"), Restart="always", RestartSec=0),
            "a.service": service(actor("a")),
            "alarm.service": service(actor("alarm")),
            "failing.service": service(actor("failing", "code=1"), unit={"OnFailure": ["alarm.service"]}, Restart="always", RestartSec=0),
        }) as svcd:
            svcd.svctl("start", "slow", "failing")
            svcd.wait_told("slow", "start")
            svcd.wait_told("failing", "start")
            svcd.bus()
            svcd.process.terminate()
            svcd.wait_told("slow", "signal 15")
            for method in ("StartUnit", "RestartUnit", "ReloadOrRestartUnit"):
                with self.subTest(method=method), self.assertRaises(dbus_client.Error) as refused:
                    svcd.manager(method, "ss", "a.service", "replace")
                self.assertIn("shutting down", refused.exception.message)
            self.assertEqual(svcd.wait_for_exit(), 0)
            self.assertEqual((svcd.told("a"), svcd.told("alarm")), ([], []))
            self.assertEqual((len(svcd.told("slow", "start")), len(svcd.told("failing", "start"))), (1, 1))

    def test_09_a_unit_that_never_becomes_ready_is_interrupted(self):
        with Daemon({
            "mute.service": service(actor("mute"), Type="notify", TimeoutStartSec="1h"),
            "pre.service": service(actor("pre"), ExecStartPre=actor("before"), TimeoutStartSec="1h"),
            "late.service": service(actor("late"), unit={"Wants": ["mute.service", "pre.service"], "After": ["mute.service", "pre.service"]}),
        }) as svcd:
            start = svcd.begin("start", "late")
            svcd.wait_told("mute", "start")
            svcd.wait_told("before", "start")
            began = time.monotonic()
            svcd.process.terminate()
            self.assertEqual(svcd.wait_for_exit(), 0)
            self.assertLess(time.monotonic() - began, 10 * SLACK)
            start.communicate()
            self.assertNotEqual(start.returncode, 0)
            self.assertEqual((svcd.told("late"), svcd.told("pre")), ([], []))
            svcd.wait_told("mute", "signal 15")

    def test_28_an_essential_unit_that_fails_ends_svcd_with_its_status(self):
        with Daemon({
            "essential.service": service(actor("essential", "code=42"), unit={"FailureAction": "exit"}),
            "other.service": service(actor("other")),
        }, exit_status=42) as svcd:
            svcd.svctl("start", "other", "essential")
            svcd.wait_told("other", "start")
            svcd.wait_told("essential", "start")
            os.kill(svcd.get("essential", "MainPID"), 15)
            self.assertEqual(svcd.wait_for_exit(), 42)
            svcd.wait_told("other", "end")


class Measured(TestCase):
    """Measures time; ctest runs nothing beside it."""

    def test_03_a_shutdown_takes_as_long_as_its_services_and_not_as_their_grace(self):
        names = ["a%d" % i for i in range(20)]
        units = {name + ".service": service(actor(name, "stop=100"), TimeoutStopSec="60s") for name in names}
        units["late.service"] = service(actor("late", "stop=100"), unit={"After": [*units]}, TimeoutStopSec="60s")
        with Daemon(units) as svcd:
            svcd.svctl("start", *units)
            for name in [*names, "late"]:
                svcd.wait_told(name, "start")
            began = time.monotonic()
            svcd.process.terminate()
            self.assertEqual(svcd.wait_for_exit(), 0)
            self.assertLess(time.monotonic() - began, 1.0 * SLACK)
