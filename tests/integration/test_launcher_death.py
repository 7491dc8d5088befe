"""kill -9 of svcd itself, and another one on the same runtime dir: what runs goes on, and is svcd's again."""
import contextlib
import os
import platform
import re
import signal
import struct
import subprocess
import time
import unittest

from harness import ACTOR, SLACK, Daemon, TestCase, actor, alive, service

PAGE, PLACE = 4096, 2048
FIRST_UNIT = 34 * PAGE  # daemon/state/state_layout.h
# Linux 6.15 tells how a process ended to whoever holds a pidfd of it. Before, only an unreaped zombie does.
TELLS = tuple(map(int, re.match(r"(\d+)\.(\d+)", platform.release()).groups())) >= (6, 15)
tells = unittest.skipUnless(TELLS, "this kernel tells only the parent how a process ended (Linux 6.15 tells others)")


def start_time_of(pid):
    with open("/proc/%d/stat" % pid) as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[19])


def wait_until_reaped(*pids):
    """By init, whose children they are when their launcher has gone."""
    deadline = time.monotonic() + 30
    while any(os.path.exists("/proc/%d" % pid) for pid in pids):
        if time.monotonic() > deadline:
            raise unittest.SkipTest("nobody reaps orphans here")
        time.sleep(0.005)


def when_told(path, *words):
    """A service that becomes the actor once the file is there."""
    return ["/bin/sh", "-c", "while ! test -e %s; do sleep 0.02; done; exec %s %s" % (path, ACTOR, " ".join(words))]


def checksum_of(data):
    value = 0xCBF29CE484222325
    for (word,) in struct.iter_unpack("<Q", data):
        value = ((value ^ word) * 0x100000001B3) & (2 ** 64 - 1)
        value ^= value >> 32
    return value


class StateFile:
    """The state file of a svcd that is dead, to be changed."""

    def __init__(self, svcd):
        self.path = svcd.run + "/state"
        with open(self.path, "rb") as file:
            self.data = bytearray(file.read())

    def write(self):
        with open(self.path, "r+b") as file:
            file.write(self.data)

    def seal(self, start, size):
        self.data[start:start + 8] = struct.pack("<Q", checksum_of(bytes(self.data[start + 8:start + size])))

    def size_of_place(self, start):
        """How many bytes its checksum is over: the one size with which it is right."""
        for size in range(64, PLACE + 1, 8):
            if self.data[start:start + 8] == struct.pack("<Q", checksum_of(bytes(self.data[start + 8:start + size]))):
                return size
        return None

    def replace_in_places(self, old, new):
        """In each valid place of a record that holds `old`; returns how many did."""
        changed = 0
        for start in range(FIRST_UNIT, len(self.data), PLACE):
            at = self.data.find(old, start, start + PLACE)
            if at < 0:
                continue
            size = self.size_of_place(start)
            if size is not None:
                self.data[at:at + len(new)] = new
                self.seal(start, size)
                changed += 1
        return changed


class LauncherDeath(TestCase):
    def test_services_run_on_with_the_same_processes_and_can_be_stopped(self):
        units = {"s%d.service" % i: service(actor("s%d" % i, "kids=1")) for i in range(10)}
        with Daemon(units) as svcd:
            svcd.svctl("start", *units)
            before = {name: svcd.show(name) for name in units}
            svcd.kill_launcher()  # which waits until the manager is gone with it
            svcd.start_again()
            for name in units:
                self.assert_shows(svcd, name, ActiveState="active", SubState="running", MainPID=before[name]["MainPID"],
                                  ActiveEnterTimestampMonotonic=before[name]["ActiveEnterTimestampMonotonic"],
                                  InvocationID=before[name]["InvocationID"])
            self.assertIn("adopted of an earlier svcd: 10 processes", svcd.read_errors())
            svcd.kill_manager()  # and the next manager has them too
            for name in units:
                self.assert_shows(svcd, name, ActiveState="active", MainPID=before[name]["MainPID"])
            svcd.svctl("stop", *units)
            for name in units:
                self.assert_shows(svcd, name, ActiveState="inactive", Result="success", ExecMainCode=1, ExecMainStatus=0)
                self.assertEqual(len(svcd.told(name.split(".")[0], "signal 15")), 1)

    @tells
    def test_how_an_adopted_process_ends_is_known(self):
        with Daemon({
            "status.service": service(actor("status", "code=7")),
            "clean.service": service(actor("clean")),
            "killed.service": service(actor("killed", "kids=2")),
            "again.service": service(actor("again", "code=7"), Restart="on-failure"),
            "kept.service": service(actor("kept")),
        }) as svcd:
            names = ["status", "clean", "killed", "again", "kept"]
            svcd.svctl("start", *names)
            for name in names:
                svcd.wait_told(name, "start")
            pids = {name: svcd.get(name, "MainPID") for name in names}
            svcd.kill_launcher()
            svcd.start_again()
            svcd.svctl("kill", "--kill-whom=main", "--signal=SIGTERM", "status")  # by the pidfd
            for name in ("clean", "again"):
                os.kill(pids[name], signal.SIGTERM)
            os.kill(pids["killed"], signal.SIGKILL)  # its children live: its cgroup is not empty
            svcd.wait_for("status", ActiveState="failed", Result="exit-code", ExecMainCode=1, ExecMainStatus=7)
            svcd.wait_for("clean", ActiveState="inactive", Result="success", ExecMainCode=1, ExecMainStatus=0)
            svcd.wait_for("killed", ActiveState="failed", Result="signal", ExecMainCode=2, ExecMainStatus=9)
            svcd.wait_told("again", "start", count=2)
            svcd.wait_for("again", ActiveState="active", NRestarts=1)
            self.assert_shows(svcd, "kept", ActiveState="active", MainPID=pids["kept"])

    def test_what_ended_while_no_svcd_was_there_is_a_failure_nobody_knows_the_reason_of(self):
        with Daemon({
            "gone.service": service(actor("gone")),
            "again.service": service(actor("again"), Restart="on-failure"),
            "stopping.service": service(actor("stopping", "deaf=15")),
            "job.service": service(actor("job"), Type="oneshot"),
            "kept.service": service(actor("kept")),
        }) as svcd:
            svcd.svctl("start", "gone", "again", "stopping", "kept")
            svcd.svctl("start", "--no-block", "job")
            names = ["gone", "again", "stopping", "job", "kept"]
            for name in names:
                svcd.wait_told(name, "start")
            svcd.svctl("stop", "--no-block", "stopping")
            svcd.wait_told("stopping", "signal 15")
            pids = {name: svcd.get(name, "MainPID") for name in names}
            svcd.kill_launcher()
            dead = [pids[name] for name in names if name != "kept"]
            for pid in dead:
                os.kill(pid, signal.SIGKILL)
            wait_until_reaped(*dead)
            svcd.start_again()
            svcd.wait_for("gone", ActiveState="failed", Result="exit-unknown", ExecMainCode=4, ExecMainStatus=0)
            svcd.wait_for("job", ActiveState="failed", Result="exit-unknown")
            svcd.wait_for("stopping", ActiveState="inactive", Result="success", ExecMainCode=4)
            svcd.wait_told("again", "start", count=2)
            svcd.wait_for("again", ActiveState="active", NRestarts=1)
            self.assert_shows(svcd, "kept", ActiveState="active", MainPID=pids["kept"])
            words = "ended while no svcd was there: its exit status is unknown"
            self.assertIn(words, svcd.svctl("status", "gone", status=None).stdout)
            self.assertIn(words, svcd.svctl("explain", "gone", status=None).stdout)
            self.assertRegex(svcd.read_errors(), r"gone.service: its main process \(PID %d\) ended while no svcd was there" % pids["gone"])
            self.assertIn("ended while no svcd was there: 4 processes", svcd.read_errors())

    def test_a_pid_that_is_another_process_now_is_not_taken(self):
        """A child of the service, in its cgroup, has the PID: only the start time tells."""
        later = ["/bin/sh", "-c", "sleep 0.1; sleep 1000 & wait"]  # a child that began in another tick of the clock
        with Daemon({"a.service": service(later), "b.service": service(actor("b"))}) as svcd:
            svcd.svctl("start", "a", "b")
            main = svcd.get("a", "MainPID")
            began = start_time_of(main)

            def later_child():
                with contextlib.suppress(FileNotFoundError):
                    return [pid for pid in svcd.processes_of("a") if start_time_of(pid) >= began + 9]
            [child] = svcd.wait_until(later_child, "the child")
            svcd.kill_launcher()
            os.kill(main, signal.SIGKILL)
            wait_until_reaped(main)
            state = StateFile(svcd)
            tail = struct.pack("<HBBQ", 0, 0, 0, began)  # the rest of a ProcessRecord
            self.assertGreater(state.replace_in_places(struct.pack("<i", main) + tail, struct.pack("<i", child) + tail), 0)
            state.write()
            svcd.start_again()
            svcd.wait_for("a", ActiveState="failed", Result="exit-unknown")
            self.assertRegex(svcd.read_errors(), r"a.service: not adopted: .* its PID has been given to another")
            self.assert_shows(svcd, "b", ActiveState="active")

    def test_a_main_process_that_was_moved_to_another_cgroup_is_adopted(self):
        for when in ("before", "meanwhile"):
            with self.subTest(when), Daemon({"web.service": service(actor("web"))}) as svcd:
                svcd.svctl("start", "web")
                svcd.wait_told("web", "start")
                pid = svcd.get("web", "MainPID")
                elsewhere = svcd.cgroup + "/elsewhere"
                os.mkdir(elsewhere)
                if when == "meanwhile":
                    svcd.kill_launcher()
                with open(elsewhere + "/cgroup.procs", "w") as procs:
                    procs.write(str(pid))
                if when == "before":
                    svcd.wait_until(lambda: "has been moved to another cgroup" in svcd.read_errors(), "the move to be said")
                    svcd.kill_launcher()
                svcd.start_again()
                self.assertRegex(svcd.read_errors(), "process %d is adopted, though somebody has moved it to another cgroup" % pid)
                svcd.svctl("start", "web")
                self.assert_shows(svcd, "web", ActiveState="active", MainPID=pid)
                self.assertEqual(len(svcd.told("web", "start")), 1)
                svcd.svctl("stop", "web")
                self.assertFalse(alive(pid))
                self.assert_shows(svcd, "web", ActiveState="inactive")
                os.rmdir(elsewhere)

    def test_every_kind_of_unit_is_what_it_was(self):
        with Daemon() as svcd:
            file = svcd.path("daemon.pid")
            svcd.write_unit("filed.service", service(actor("filed", "fork", "pid=" + file), Type="forking", PIDFile=file))
            svcd.write_unit("guessed.service", service(actor("guessed", "fork"), Type="forking"))
            svcd.write_unit("done.service", service("/bin/true", Type="oneshot", RemainAfterExit=True))
            svcd.write_unit("group.target", {"Unit": {"Wants": ["done.service"]}})
            svcd.write_unit("failed.service", service("/bin/false"))
            svcd.svctl("start", "filed", "guessed", "group.target")
            svcd.svctl("start", "failed", status=None)
            svcd.wait_for("failed", ActiveState="failed")
            names = ["filed", "guessed", "done", "group.target", "failed"]
            before = {name: svcd.show(name) for name in names}
            svcd.kill_launcher()
            svcd.start_again()
            for name in names:
                keys = ["ActiveState", "SubState"] + ([] if "target" in name else ["MainPID", "Result", "ExecMainStatus"])
                self.assert_shows(svcd, name, **{key: before[name][key] for key in keys})
            os.kill(before["guessed"]["MainPID"], signal.SIGTERM)
            svcd.wait_for("guessed", ActiveState="inactive", Result="success" if TELLS else svcd.get("guessed", "Result"))
            svcd.svctl("stop", "filed", "done")
            svcd.wait_for("filed", ActiveState="inactive", Result="success")

    def test_a_start_under_way_goes_on(self):
        with Daemon() as svcd:
            go = svcd.path("go")
            svcd.write_unit("a.service", service(when_told(go, "a", "send=STATUS=afterwards", "ready", "every=100:WATCHDOG=1"),
                                                 Type="notify", NotifyAccess="all", WatchdogSec="3s"))
            svcd.write_unit("b.service", service(actor("b"), unit={"Requires": ["a.service"], "After": ["a.service"]}))
            svcd.write_unit("d.service", service(when_told(go, "d", "fork"), Type="forking"))
            svcd.svctl("start", "--no-block", "b", "d")
            for name in ("a", "d"):
                svcd.wait_for(name, ActiveState="activating")
            svcd.wait_until(lambda: svcd.processes_of("a") and svcd.processes_of("d"), "the processes")
            svcd.kill_launcher()
            svcd.start_again()
            self.assert_shows(svcd, "a", ActiveState="activating", SubState="start")
            self.assert_shows(svcd, "b", ActiveState="inactive")
            with open(go, "w"):
                pass
            svcd.wait_for("a", ActiveState="active", StatusText="afterwards")
            svcd.wait_for("b", ActiveState="active")
            svcd.wait_told("b", "start")
            daemon = svcd.wait_for("d", ActiveState="active", SubState="running")
            self.assertIn(daemon["MainPID"], svcd.processes_of("d"))  # nobody's child that svcd knows
            self.assertEqual([len(svcd.told(name, "start")) for name in "abd"], [1, 1, 1])
            pinged = svcd.get("a", "WatchdogTimestampMonotonic")
            svcd.wait_until(lambda: svcd.get("a", "WatchdogTimestampMonotonic") > pinged, "WATCHDOG=1 at the new svcd")
            os.kill(daemon["MainPID"], signal.SIGKILL)
            svcd.wait_for("d", ActiveState="failed")

    def test_a_start_whose_ready_nobody_heard_is_taken_for_started(self):
        with Daemon() as svcd:
            said = svcd.path("said")
            shell = "while ! test -e %s.go; do sleep 0.02; done; exec %s quiet ready touch=%s" % (said, ACTOR, said)
            svcd.write_unit("quiet.service", service(["/bin/sh", "-c", shell], Type="notify", NotifyAccess="all", TimeoutStartSec="8s"))
            svcd.write_unit("b.service", service(actor("b"), unit={"Requires": ["quiet.service"], "After": ["quiet.service"]}))
            svcd.write_unit("late.service", service(["/bin/sh", "-c", "while ! test -e %s; do sleep 0.02; done; exec %s late ready"
                                                     % (svcd.path("late"), ACTOR)], Type="notify", NotifyAccess="all", TimeoutStartSec="3s"))
            svcd.svctl("start", "--no-block", "b", "late")
            for name in ("quiet", "late"):
                svcd.wait_for(name, ActiveState="activating")
            svcd.wait_until(lambda: svcd.processes_of("quiet") and svcd.processes_of("late"), "the processes")
            svcd.kill_launcher()
            with open(said + ".go", "w"):
                pass
            deadline = time.monotonic() + 30
            while not os.path.exists(said) and time.monotonic() < deadline:
                time.sleep(0.02)
            svcd.start_again()
            shown = svcd.wait_for("quiet", ActiveState="active", SubState="running", ReadinessUnknown=True)
            svcd.wait_told("b", "start")
            self.assertIn("readiness unknown: svcd was away when it started", svcd.svctl("status", "quiet").stdout)
            self.assertIn(shown["MainPID"], svcd.processes_of("quiet"))
            svcd.wait_for("late", ActiveState="active", ReadinessUnknown=True)
            with open(svcd.path("late"), "w"):
                pass
            svcd.wait_for("late", ReadinessUnknown=False)
            self.assertEqual([len(svcd.told(name, "start")) for name in ("quiet", "b", "late")], [1, 1, 1])

    def test_a_stop_signal_that_was_sent_is_not_sent_again(self):
        def kill(svcd):
            svcd.kill_launcher()
            svcd.start_again()
        self.check_stop_signal_comes_once(kill)

    def test_a_stop_under_way_goes_on_and_keeps_its_deadline(self):
        def kill(svcd):
            svcd.kill_launcher()
            svcd.start_again()
        self.check_stop_keeps_its_deadline(3, kill)

    def test_a_restart_that_is_due_comes_though_nothing_runs(self):
        with Daemon({"a.service": service(actor("a"), Restart="always", RestartSec="3s")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            os.kill(svcd.get("a", "MainPID"), signal.SIGKILL)
            ended = svcd.wait_for("a", SubState="auto-restart")
            svcd.kill_launcher()
            svcd.start_again()
            self.assert_shows(svcd, "a", SubState="auto-restart")
            svcd.wait_told("a", "start", count=2)
            shown = svcd.wait_for("a", ActiveState="active", NRestarts=1)
            waited = shown["ActiveEnterTimestampMonotonic"] - ended["InactiveEnterTimestampMonotonic"]
            self.assertGreaterEqual(waited, 3_000_000)
            self.assertLess(waited, 3_000_000 + 1_000_000 * SLACK)

    def test_when_all_is_killed_with_it_the_next_one_boots(self):
        units = {"a.service": service(actor("a")), "all.target": {"Unit": {"Requires": ["a.service"]}}}
        with Daemon(units, unit="all.target") as svcd:
            svcd.wait_for("a", ActiveState="active")
            svcd.wait_told("a", "start")
            pids = svcd.processes_of("a")
            svcd.kill_launcher()
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            wait_until_reaped(*pids)
            svcd.start_again()
            svcd.wait_told("a", "start", count=2)
            svcd.wait_for("a", ActiveState="active", Result="success", NRestarts=0)
            self.assertIn("nothing of it runs", svcd.read_errors())

    def test_a_second_svcd_on_the_same_runtime_dir_is_refused(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            second = subprocess.run(svcd.arguments, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=60, env=svcd.environment)
            self.assertEqual(second.returncode, 1, second.stdout)
            self.assertIn("is in use by another svcd (PID %d)" % svcd.process.pid, second.stdout)
            self.assert_shows(svcd, "a", ActiveState="active", SubState="running")
            svcd.svctl("stop", "a")

    def test_killed_again_and_again_under_load_nothing_runs_twice_and_nothing_is_forgotten(self):
        count, kills = 8, 5
        units = {"s%d.service" % i: service(actor("s%d" % i, "run=30"), Restart="always", RestartSec="5ms", StandardOutput="null",
                                            unit={"StartLimitIntervalSec": 0}) for i in range(count)}
        with Daemon({**units, "kept.service": service(actor("kept"))}) as svcd:
            svcd.svctl("start", "kept", *units)
            for _ in range(kills):
                starts = sum(len(svcd.told(name.split(".")[0], "start")) for name in units)
                svcd.kill_launcher()
                svcd.start_again()
                svcd.wait_until(lambda: sum(len(svcd.told(name.split(".")[0], "start")) for name in units) > starts + count,
                                "further starts")
            for i in range(count):
                known = len(svcd.told("s%d" % i, "start"))
                svcd.wait_told("s%d" % i, "start", count=known + 1)
            svcd.svctl("stop", *units)
            for i in range(count):
                starts, ends = svcd.told("s%d" % i, "start"), svcd.told("s%d" % i, "end")
                overlapping = [1 for start, end in zip(starts[1:], ends) if start.usec < end.usec]
                self.assertEqual(overlapping, [])
            self.assertEqual(len(svcd.told("kept", "start")), 1)


class LostState(TestCase):
    """The records are gone, the processes are not."""

    def lose(self, svcd, damage):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(svcd.run + "/state.old")
        if damage == "gone":
            os.unlink(svcd.run + "/state")
            return
        state = StateFile(svcd)
        if damage == "version":
            state.data[16:20] = struct.pack("<I", 4711)
        elif damage == "header":
            state.data[40] ^= 1
        elif damage == "boot":
            header = next(size for size in range(40, 256, 8) if state.data[:8] == struct.pack(
                "<Q", checksum_of(bytes(state.data[8:size]))))
            with open("/proc/sys/kernel/random/boot_id", "rb") as boot:
                at = state.data.index(boot.read().strip())
            state.data[at:at + 8] = b"00000000"
            state.seal(0, header)
        elif damage == "record":
            start = state.data.index(b"a.service\0", FIRST_UNIT) // PAGE * PAGE
            for place in (start, start + PLACE):
                state.data[place + 8] ^= 4
        elif damage == "zeroed":
            start = state.data.index(b"a.service\0", FIRST_UNIT) // PAGE * PAGE
            state.data[start:start + 2 * PLACE] = bytes(2 * PLACE)
        elif damage == "cut":
            start = state.data.index(b"a.service\0", FIRST_UNIT) // PAGE * PAGE
            state.data = state.data[:start]
            os.truncate(state.path, start)
        elif damage == "short":
            state.data = state.data[:PAGE]
            os.truncate(state.path, PAGE)
        state.write()

    def test_what_runs_is_adopted_from_the_cgroups_whatever_has_become_of_the_state(self):
        reasons = {"gone": "The records of what runs are lost", "version": "another version of svcd", "header": "its header is damaged",
                   "boot": "it is of another boot", "record": "is damaged; lost is the record of a.service", "zeroed": "its record is lost",
                   "cut": "its record is lost", "short": "it is too short"}
        with Daemon({"a.service": service(actor("a", "kids=2")), "b.service": service(actor("b"), Restart="on-failure"),
                     "n.service": service(actor("n", "ready", "every=100:WATCHDOG=1"), Type="notify", WatchdogSec="5s")}) as svcd:
            svcd.svctl("start", "a", "b", "n")
            for name in "abn":
                svcd.wait_told(name, "start")
            pids = {name: svcd.get(name, "MainPID") for name in "abn"}
            for damage, reason in reasons.items():
                with self.subTest(damage):
                    svcd.kill_launcher()
                    said = len(svcd.read_errors())
                    self.lose(svcd, damage)
                    svcd.start_again()
                    for name in "abn":
                        self.assert_shows(svcd, name, ActiveState="active", SubState="running", MainPID=pids[name])
                    text = svcd.read_errors()[said:]
                    self.assertIn(reason, text)
                    self.assertIn("a.service: its record is lost and its cgroup has processes: taken for running, process %d" % pids["a"], text)
                    self.assertEqual(damage not in ("gone", "record", "zeroed", "cut"), os.path.exists(svcd.run + "/state.old"))
                    if damage != "cut":  # only what is damaged is lost
                        self.assertEqual(damage in ("record", "zeroed"), "b.service: its record is lost" not in text)
                    if damage != "cut":  # a target has no process that tells of it
                        self.assert_shows(svcd, "basic.target", ActiveState="active")  # it has booted
            pinged = svcd.get("n", "WatchdogTimestampMonotonic")
            svcd.wait_until(lambda: svcd.get("n", "WatchdogTimestampMonotonic") > pinged, "WATCHDOG=1")
            self.assertEqual([len(svcd.told(name, "start")) for name in "abn"], [1, 1, 1])
            os.kill(pids["b"], signal.SIGKILL)
            if TELLS:
                svcd.wait_told("b", "start", count=2)
            svcd.svctl("stop", "a")
            self.assert_shows(svcd, "a", ActiveState="inactive", Result="success")
            self.assertEqual(svcd.processes_of("a"), [])

    def test_a_manager_that_finds_no_state_binds_what_its_launcher_knows(self):
        with Daemon({"a.service": service(actor("a", "code=7", "kids=1")), "b.service": service(actor("b"))}) as svcd:
            svcd.svctl("start", "a", "b")
            for name in "ab":
                svcd.wait_told(name, "start")
            pids = {name: svcd.get(name, "MainPID") for name in "ab"}
            svcd.disconnect()
            manager = svcd.manager_pid()
            os.kill(manager, signal.SIGSTOP)
            self.lose(svcd, "version")
            os.kill(manager, signal.SIGKILL)
            svcd.wait_for_manager(other_than=manager)
            for name in "ab":
                self.assert_shows(svcd, name, ActiveState="active", SubState="running", MainPID=pids[name])
            self.assertIn("process %d (svcd-actor) for its main process (svcd started it)" % pids["a"], svcd.read_errors())
            self.assertEqual(svcd.told("a", "signal"), [])
            os.kill(pids["a"], signal.SIGTERM)  # the launcher's child still: its status is known on any kernel
            svcd.wait_for("a", ActiveState="failed", Result="exit-code", ExecMainStatus=7)
            svcd.svctl("restart", "a", "b")  # new tokens, none that was used before
            self.assert_shows(svcd, "b", ActiveState="active")
            self.assertNotEqual(svcd.get("b", "MainPID"), pids["b"])
            self.assertFalse(alive(pids["b"]))

    def test_a_unit_without_a_definition_is_kept_and_can_be_stopped(self):
        with Daemon({"a.service": service(actor("a")), "t@.service": service(actor("t"))}) as svcd:
            svcd.svctl("start", "a", "t@1.service")
            svcd.wait_told("a", "start")
            svcd.wait_told("t", "start")
            pid, instance = svcd.get("a", "MainPID"), svcd.get("t@1.service", "MainPID")
            svcd.kill_launcher()
            self.lose(svcd, "gone")
            os.unlink(svcd.units + "/a.service.yaml")
            svcd.start_again()
            self.assert_shows(svcd, "a", LoadState="not-found", ActiveState="active", SubState="running", MainPID=pid)
            self.assert_shows(svcd, "t@1.service", LoadState="loaded", ActiveState="active", MainPID=instance)
            self.assertIn("a.service", svcd.svctl("list-units").stdout)
            self.assertTrue(alive(pid))
            svcd.svctl("stop", "a")
            self.assertFalse(alive(pid))
            self.assertEqual(len(svcd.told("a", "signal 15")), 1)
