"""The bug museum (see test_museum.py): what takes a PID namespace, a full file system, somebody else's process, or another clock."""
import json
import os
import signal
import socket
import subprocess
import time

from harness import HERE, SANITIZED, SVCTL, Daemon, TestCase, actor, alive, children_of, monotonic_usec, service
from helpers.small_folder import fill, in_small_folder


class Container(Daemon):
    """A svcd in a PID namespace whose PID 1 reaps nothing that it isn't told to (helpers/lazy_init.py)."""

    def __init__(self, units):
        self.control, theirs = socket.socketpair()
        prefix = ["/usr/bin/python3", "-B", os.path.join(HERE, "helpers", "lazy_init.py"), str(theirs.fileno())]
        super().__init__(units, prefix=prefix, pass_fds=(theirs.fileno(),))
        self.theirs, self.answers = theirs, self.control.makefile()

    def start(self):
        super().start()
        self.theirs.close()

    def remove_all(self):
        for end in (self.answers, self.control, self.theirs):
            end.close()
        super().remove_all()

    def order(self, **what):
        """Has PID 1 do something, and returns its answer."""
        self.control.sendall(json.dumps(what).encode() + b"\n")
        return json.loads(self.answers.readline())

    # sd-bus talks to nobody whose PID it can't see, so what asks svcd something has to be in there too.
    def svctl(self, *arguments, status=0, timeout=60):
        ((init, _),) = children_of(self.process.pid)
        done = subprocess.run(["nsenter", "--target=%d" % init, "--pid", SVCTL, *arguments], env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        if status is not None and done.returncode != status:
            raise AssertionError("svctl %s ended with %d: %s" % (" ".join(arguments), done.returncode, done.stderr))
        return done

    def show(self, unit):
        return json.loads(self.svctl("--json", "show", unit).stdout)

    def wait_for(self, unit, **wanted):
        for name, value in wanted.items():
            self.svctl("wait", "--for=%s" % value, unit) if name == "ActiveState" else None
        shown = self.show(unit)
        if any(shown[name] != value for name, value in wanted.items()):
            raise AssertionError("%s should have %s, but has %s" % (unit, wanted, {name: shown[name] for name in wanted}))
        return shown

    def kill_svcd(self):
        """SIGKILL to launcher and manager: what ran goes on, as children of PID 1."""
        with open("/proc/%d/status" % self.launcher()) as status:
            (pid,) = [int(line.split()[-1]) for line in status if line.startswith("NSpid:")]
        self.order(kill=pid)
        self.order(reap=pid)

    def start_svcd_again(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(self.path("ready-again"))
            self.order(run=self.arguments, environment={"NOTIFY_SOCKET": self.path("ready-again")}, is_svcd=True)
            while b"READY=1" not in ready.recv(4096).split(b"\n"):
                pass


class Containers(TestCase):
    def test_06_a_pid_1_that_never_reaps_holds_up_no_stop(self):
        """The processes that outlived a svcd are PID 1's children; their zombies stay, and the next svcd's stop ends all the same."""
        with Container({"a.service": service(actor("a", "kids=1")), "b.service": service(actor("b", "strays=2"), TimeoutStopSec="300ms")}) as svcd:
            svcd.svctl("start", "a", "b")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "start")
            svcd.svctl("stop", "b")
            self.assertIsNone(svcd.cgroup_of("b"))
            processes = svcd.processes_of("a")
            self.assertEqual(len(processes), 2)
            svcd.kill_svcd()
            self.assertEqual([alive(pid) for pid in processes], [True, True])
            svcd.start_svcd_again()
            self.assert_shows(svcd, "a", ActiveState="active", SubState="running")
            svcd.svctl("stop", "a")
            svcd.wait_told("a", "end")
            self.assertEqual([(alive(pid), os.path.exists("/proc/%d" % pid)) for pid in processes], [(False, True)] * 2)
            self.assert_shows(svcd, "a", ActiveState="inactive", MainPID=0)
            self.assertIsNone(svcd.cgroup_of("a"))
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start", count=2)

    def test_a_zombie_that_the_pid_file_names_is_nobody_to_hand_over_to(self):
        """An adopted main process is killed, and PID 1 does not reap it: its PID file names it still. The manager went round in circles."""
        with Container({}) as svcd:
            file = svcd.path("daemon.pid")
            svcd.write_unit("a.service", service(actor("a", "kids=1", "fork", "pid=" + file), Type="forking", PIDFile=file))
            svcd.write_unit("b.service", service(actor("b")))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "a", "b")
            svcd.wait_told("a", "start")
            main = svcd.get("a", "MainPID")
            svcd.kill_svcd()
            svcd.start_svcd_again()
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=main)
            processes = svcd.processes_of("a")  # their PIDs here, outside of the container
            svcd.order(kill=main)
            svcd.wait_for("a", ActiveState="failed", MainPID=0)
            self.assertTrue(any(os.path.exists("/proc/%d" % pid) for pid in processes))
            self.assert_shows(svcd, "b", ActiveState="active")  # it answers
            self.assertLess(svcd.read_errors().count("is not taken"), 20)
            svcd.svctl("stop", "b")

    def test_patroni_681_a_restart_waits_until_the_process_before_it_is_reaped(self):
        """A daemon that finds the PID of its own lock file taken refuses to start."""
        with Container({"a.service": service(actor("a"), Restart="always", RestartSec="50ms")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            main = svcd.get("a", "MainPID")
            svcd.kill_svcd()
            svcd.start_svcd_again()
            svcd.order(kill=main)
            svcd.wait_until(lambda: svcd.show("a")["SubState"] == "auto-restart", "the restart")
            time.sleep(1)  # it does not come
            self.assertEqual(len(svcd.told("a", "start")), 1)
            svcd.order(reap=main)
            svcd.wait_told("a", "start", count=2)
            svcd.wait_for("a", ActiveState="active", NRestarts=1)

    def test_20_a_pid_that_belongs_to_another_process_by_now_is_left_alone(self):
        with Container({"a.service": service(actor("a", "strays=1"), TimeoutStopSec="300ms")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            pid = svcd.get("a", "MainPID")
            svcd.kill_svcd()
            svcd.order(kill=pid)
            svcd.order(reap=pid)
            stranger = svcd.order(run=actor("stranger"), environment={"ACTOR_LOG": svcd.event_path}, pid=pid)
            self.assertEqual(stranger, pid)
            svcd.wait_told("stranger", "start")
            svcd.start_svcd_again()
            shown = svcd.wait_for("a", ActiveState="failed", MainPID=0)
            self.assertIn(shown["ExecMainCode"], (0, 4))  # nobody saw how it ended
            self.assertIsNone(svcd.cgroup_of("a"))
            svcd.svctl("stop", "a")
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start", count=2)
            svcd.svctl("kill", "--signal=USR1", "a")
            svcd.wait_told("a", "signal 10")
            svcd.svctl("stop", "a")
            self.assertEqual(svcd.told("stranger", "signal"), [])
            svcd.order(kill=pid)


class Strangers(TestCase):
    def test_20_a_service_cannot_name_a_process_of_somebody_else(self):
        """Neither by its PID file nor by MAINPID=."""
        with Daemon() as svcd:
            stranger = subprocess.Popen(actor("stranger"), env={"ACTOR_LOG": svcd.event_path})
            self.addCleanup(stranger.wait)
            self.addCleanup(stranger.kill)
            svcd.wait_told("stranger", "start")
            pid_file = svcd.path("stale.pid")
            with open(pid_file, "w") as file:
                file.write("%d\n" % stranger.pid)
            svcd.write_unit("forking.service", service(actor("forking", "fork"), Type="forking", PIDFile=pid_file,
                                                       TimeoutStartSec="500ms"))
            svcd.write_unit("notify.service", service(actor("notify", "send=MAINPID=%d" % stranger.pid, "ready"), Type="notify"))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "forking", status=1)
            svcd.svctl("start", "notify")
            self.assertEqual(svcd.processes_of("notify"), [svcd.get("notify", "MainPID")])
            svcd.svctl("stop", "notify")
            svcd.wait_told("notify", "signal 15")
            self.assertEqual((svcd.told("stranger", "signal"), stranger.poll()), ([], None))


class FullDisk(TestCase):
    def test_19_a_full_run_loses_nothing(self):
        """The runtime folder is full to the last byte: the manager dies, another takes its place, and services come and go."""
        units = {"a.service": service(actor("a")), "again.service": service(actor("again"), Restart="always", RestartSec=0),
                 "b.service": service(actor("b", "ready"), Type="notify")}
        with in_small_folder(units) as (svcd, folder):
            svcd.svctl("start", "a", "again")
            svcd.wait_told("a", "start")
            svcd.wait_told("again", "start")
            fill(folder)
            before = svcd.get("a", "MainPID")
            svcd.kill_manager()
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=before)
            svcd.svctl("start", "b")
            os.kill(svcd.get("again", "MainPID"), signal.SIGKILL)
            svcd.wait_told("again", "start", count=2)
            svcd.wait_for("again", ActiveState="active", NRestarts=1)
            svcd.kill_manager()
            self.assert_shows(svcd, "b", ActiveState="active")
            self.assert_shows(svcd, "again", ActiveState="active", NRestarts=1)
            self.assertEqual((len(svcd.told("a", "start")), len(svcd.told("b", "start"))), (1, 1))
            svcd.svctl("stop", "a", "b", "again")
            self.assert_shows(svcd, "a", ActiveState="inactive", Result="success")


class Clock(TestCase):
    """The wall clock of svcd jumps (helpers/jumping_clock.c)."""

    DAY = 86400

    def setUp(self):
        if SANITIZED or "JUMPING_CLOCK" not in os.environ:
            self.skipTest("needs helpers/jumping_clock.c, and no sanitizer, which wants to be preloaded itself")

    def daemon(self, units):
        return Daemon(units, prefix=["/usr/bin/env", "LD_PRELOAD=" + os.environ["JUMPING_CLOCK"], "JUMPING_CLOCK_FILE=%(directory)s/clock"])

    def jump(self, svcd, days):
        with open(svcd.path("clock.new"), "w") as file:
            file.write("%d" % (days * self.DAY))
        os.rename(svcd.path("clock.new"), svcd.path("clock"))
        # svcd shows moments of its own clock as dates of today's: those have jumped.
        shown = svcd.show("basic.target")
        off = shown["ActiveEnterTimestamp"] - time.time_ns() // 1000
        self.assertAlmostEqual(off / 1e6 / self.DAY, days, delta=0.1)

    def test_18_watchdog_restart_delay_and_start_limit_do_not_mind_a_jump_of_the_clock(self):
        for days in (-3, 70 * 365):
            with self.subTest(days=days), self.daemon({
                "fed.service": service(actor("fed", "ready", "every=50:WATCHDOG=1"), Type="notify", WatchdogSec="1s"),
                "starved.service": service(actor("starved", "ready"), Type="notify", WatchdogSec="2s"),
                "waits.service": service(actor("waits"), Restart="always", RestartSec="1s"),
                "limited.service": service(actor("limited", "code=1"), Restart="always", RestartSec=0,
                                           unit={"StartLimitBurst": 2, "StartLimitIntervalSec": "1h"}),
            }) as svcd:
                svcd.svctl("start", "fed", "starved", "waits", "limited")
                for name in ("fed", "starved", "waits", "limited"):
                    svcd.wait_told(name, "start")
                os.kill(svcd.get("limited", "MainPID"), signal.SIGTERM)
                svcd.wait_told("limited", "start", count=2)
                killed = monotonic_usec()
                os.kill(svcd.get("waits", "MainPID"), signal.SIGKILL)
                svcd.wait_for("waits", SubState="auto-restart")
                self.jump(svcd, days)
                self.assertGreaterEqual(svcd.wait_told("waits", "start", count=2).usec - killed, 1_000_000)
                os.kill(svcd.wait_for("limited", ActiveState="active")["MainPID"], signal.SIGTERM)
                svcd.wait_for("limited", ActiveState="failed", SubState="failed")
                self.assertEqual(len(svcd.told("limited", "start")), 2)
                starved = svcd.wait_for("starved", ActiveState="failed", Result="watchdog")
                ran = svcd.wait_told("starved", "signal 6").usec - starved["ActiveEnterTimestampMonotonic"]
                self.assertGreaterEqual(ran, 2_000_000 - 50_000)
                self.assert_shows(svcd, "fed", ActiveState="active", NRestarts=0)
