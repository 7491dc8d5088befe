"""Services where no cgroup can be written: their processes are found by keepers (docs/keepers.md). All scenarios of
tests/differential run so too, in the build with sanitizers.

A number in a test's name is that of a public report (docs/tried.md)."""
import os
import signal
import socket
import time

from harness import PATIENCE, Daemon, TestCase, actor, alive, command_line, parent_of, service

DEAF = "trap '' TERM\n"


def kept(units=None, **options):
    return Daemon(units, keepers=True, **options)


def number_in(path):
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read() or 0)
    except (OSError, ValueError):
        return 0


def wait_for_end(pid):
    """Also while there is no manager."""
    deadline = time.monotonic() + PATIENCE
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)


class Kept(TestCase):
    def pid_in(self, svcd, name):
        svcd.wait_until(lambda: number_in(svcd.path(name)), "%s has a PID" % name)
        return number_in(svcd.path(name))

    def orphan_line(self, svcd, how=""):
        """A line of the shell for a process that leaves its parent and its session, and tells its PID in `orphan`."""
        with open(svcd.path("orphan.sh"), "w", encoding="ascii") as script:
            script.write(how + "echo $$ > %s\nexec sleep 1000\n" % svcd.path("orphan"))
        return "(setsid sh %s &); " % svcd.path("orphan.sh")

    def start_with_orphan(self, svcd, how="", **settings):
        """A service with such a process. Its PID."""
        svcd.write_unit("a.service", service(["sh", "-c", self.orphan_line(svcd, how) + "exec sleep 1000"], **settings))
        svcd.svctl("daemon-reload")
        svcd.svctl("start", "a")
        return self.pid_in(svcd, "orphan")


class Processes(Kept):
    def test_supervisor_1101_who_has_left_its_parent_and_its_session_is_found_and_stopped(self):
        with kept() as svcd:
            orphan = self.start_with_orphan(svcd)
            self.assertIn(orphan, svcd.processes_of("a"))
            self.assertEqual([parent_of(orphan)], svcd.keepers_of("a"))
            self.assertIn(str(orphan), svcd.svctl("status", "a").stdout)
            svcd.svctl("stop", "a")
            self.assertFalse(alive(orphan))
            self.assert_shows(svcd, "a", ActiveState="inactive", Result="success")
            self.assertEqual(svcd.keepers_of("a"), [])

    def test_daemontools_encore_33_a_stop_ends_when_the_last_orphan_has_ended(self):
        with kept() as svcd:
            orphan = self.start_with_orphan(svcd, DEAF, TimeoutStopSec="1s")
            began = time.monotonic()
            svcd.svctl("stop", "a", status=None)
            self.assertGreaterEqual(time.monotonic() - began, 0.9)
            self.assertFalse(alive(orphan))
            self.assertIn("SIGKILL", svcd.svctl("explain", "a").stdout)

    def test_supervisor_865_children_of_a_main_process_that_crashed_are_ended(self):
        with kept() as svcd:
            orphan = self.start_with_orphan(svcd)
            os.kill(svcd.get("a", "MainPID"), signal.SIGKILL)
            svcd.wait_for("a", ActiveState="failed", Result="signal", ExecMainStatus=9)
            svcd.wait_until(lambda: not alive(orphan), "the orphan has ended")

    def test_supervisor_1396_sigkill_reaches_grandchildren_that_fork_meanwhile(self):
        bomb = "sh -c 'trap \"\" TERM; while :; do (sleep 0.05; sleep 1000) & sleep 0.01; done' & "
        with kept({"a.service": service(["sh", "-c", bomb * 2 + "trap '' TERM; while :; do sleep 1; done"], TimeoutStopSec="200ms")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_until(lambda: len(svcd.processes_of("a")) > 10, "it forks")
            svcd.svctl("stop", "a", status=None, timeout=30)
            self.assertEqual(svcd.processes_of("a"), [])
            self.assert_shows(svcd, "a", ActiveState="failed", Result="timeout")

    def test_apple_container_1225_orphans_are_reaped(self):
        with kept({"a.service": service(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do (true &); done; exec sleep 1000"])}) as svcd:
            svcd.svctl("start", "a")
            main = svcd.get("a", "MainPID")
            keeper = svcd.keepers_of("a")[0]
            svcd.wait_until(lambda: command_line(main)[:1] == ["sleep"], "the shell has become sleep")
            svcd.wait_until(lambda: [pid for pid in svcd.processes() if parent_of(pid) == keeper] == [main], "no zombie is left")

    def test_habitat_2204_a_service_that_kills_its_group_kills_nobody_else(self):
        with kept({"a.service": service(["sh", "-c", "sleep 1000 & kill -KILL 0"]), "b.service": service(actor("b"))}) as svcd:
            svcd.svctl("start", "b")
            svcd.svctl("start", "a", status=None)
            svcd.wait_for("a", ActiveState="failed", Result="signal", ExecMainStatus=9)
            self.assert_shows(svcd, "b", ActiveState="active")
            svcd.wait_until(lambda: svcd.keepers_of("a") == [], "its keeper has ended")

    def test_a_forking_service_has_the_main_process_that_it_left_behind(self):
        with kept() as svcd:
            script = self.orphan_line(svcd) + "while [ ! -s %s ]; do sleep 0.01; done" % svcd.path("orphan")
            svcd.write_unit("a.service", service(["sh", "-c", script], Type="forking"))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "a")
            main = self.pid_in(svcd, "orphan")
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=main)
            os.kill(main, signal.SIGTERM)
            svcd.wait_for("a", ActiveState="inactive", ExecMainCode=2, ExecMainStatus=15)

    def test_an_executable_that_is_not_there_is_told_as_ever(self):
        with kept({"a.service": service(["/nowhere/at/all"], Type="exec")}) as svcd:
            told = svcd.svctl("start", "a", status=None)
            self.assertIn("/nowhere/at/all", told.stdout + told.stderr)
            self.assert_shows(svcd, "a", ActiveState="failed", Result="exit-code", ExecMainStatus=203)

    def test_how_units_are_tracked_is_said(self):
        with kept({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            self.assert_shows(svcd, "a", Tracking="keeper", ControlGroup="")
            self.assertIn("by a keeper (svcd-exec)", svcd.svctl("status", "a").stdout)
            self.assertIn("by a keeper (svcd-exec)", svcd.svctl("status").stdout)
            self.assertIn("Keepers find processes here, not cgroups", svcd.svctl("doctor", "a").stdout)


class Notifications(Kept):
    def test_systemd_2737_the_word_of_a_child_that_has_just_ended_counts(self):
        child = "python3 -c 'import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(os.environ[\"NOTIFY_SOCKET\"]);" \
                " s.send(b\"READY=1\"); os._exit(0)'"
        with kept({"a.service": service(["sh", "-c", child + "; exec sleep 1000"], Type="notify", NotifyAccess="all")}) as svcd:
            svcd.svctl("start", "a")
            self.assert_shows(svcd, "a", ActiveState="active")

    def test_systemd_6932_one_that_ends_before_it_is_ready_has_failed(self):
        with kept({"a.service": service(["true"], Type="notify")}) as svcd:
            svcd.svctl("start", "a", status=None)
            svcd.wait_for("a", ActiveState="failed", Result="protocol")

    def test_who_is_no_process_of_a_unit_is_not_heard(self):
        with kept({"a.service": service(actor("a"), Type="notify", TimeoutStartSec="1s")}) as svcd:
            begun = svcd.begin("start", "a")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.connect(os.path.join(svcd.run, "notify"))
                notify.send(b"READY=1")
            begun.communicate()
            svcd.wait_for("a", ActiveState="failed", Result="timeout")


class Deaths(Kept):
    def test_supervisor_925_a_manager_that_is_killed_loses_no_process_and_no_exit(self):
        with kept({"b.service": service(["sh", "-c", "sleep 1000; exit 7"])}) as svcd:
            orphan = self.start_with_orphan(svcd)
            svcd.svctl("start", "b")
            before = svcd.get("a", "MainPID")
            shell = svcd.get("b", "MainPID")
            svcd.wait_until(lambda: len(svcd.processes_of("b")) == 2, "the shell has its child")
            manager = svcd.manager_pid()
            svcd.disconnect()
            os.kill(manager, signal.SIGSTOP)
            for pid in svcd.processes_of("b"):
                if pid != shell:
                    os.kill(pid, signal.SIGKILL)
            wait_for_end(shell)
            os.kill(manager, signal.SIGKILL)
            svcd.wait_for_manager(other_than=manager)
            svcd.wait_for("b", ActiveState="failed", Result="exit-code", ExecMainStatus=7)
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=before)
            self.assertIn(orphan, svcd.processes_of("a"))
            svcd.svctl("stop", "a")
            self.assertFalse(alive(orphan))

    def test_openrc_375_a_keeper_that_is_killed_starts_nothing_twice_and_the_unit_goes_on(self):
        with kept() as svcd:
            orphan = self.start_with_orphan(svcd, Restart="always")
            main = svcd.get("a", "MainPID")
            os.kill(svcd.keepers_of("a")[0], signal.SIGKILL)
            svcd.wait_until(lambda: svcd.get("a", "Tracking") == "untracked", "that is seen")
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=main, NRestarts=0)
            self.assertIn("its keeper (svcd-exec", svcd.svctl("status", "a").stdout)
            self.assertIn("Its keeper (svcd-exec) was killed", svcd.svctl("doctor", "a", status=None).stdout)
            svcd.svctl("restart", "a")
            self.assertFalse(alive(main))
            self.assert_shows(svcd, "a", ActiveState="active", Tracking="keeper")
            self.assertIn("was killed by somebody", svcd.read_errors())
            os.kill(orphan, signal.SIGKILL)  # that one is lost to svcd, as the log says
            svcd.wait_until(lambda: not alive(orphan), "the orphan has ended")

    def test_an_exit_without_a_keeper_has_its_status(self):
        with kept({"a.service": service(["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.01; done"])}) as svcd:
            svcd.svctl("start", "a")
            main = svcd.get("a", "MainPID")
            os.kill(svcd.keepers_of("a")[0], signal.SIGKILL)
            svcd.wait_until(lambda: svcd.get("a", "Tracking") == "untracked", "that is seen")
            svcd.kill_manager()
            os.kill(main, signal.SIGTERM)
            svcd.wait_for("a", ActiveState="failed", Result="exit-code", ExecMainStatus=5)

    def test_a_keeper_that_somebody_stopped_is_continued_when_it_has_to_reap(self):
        with kept({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="200ms")}) as svcd:
            svcd.svctl("start", "a")
            os.kill(svcd.keepers_of("a")[0], signal.SIGSTOP)
            svcd.svctl("stop", "a", status=None, timeout=20)
            self.assertIn(svcd.get("a", "ActiveState"), ("inactive", "failed"))
            self.assertEqual(svcd.processes_of("a"), [])

    def test_a_svcd_after_one_that_was_killed_whole_takes_over_what_runs(self):
        with kept({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            main = svcd.get("a", "MainPID")
            svcd.kill_launcher()
            svcd.start_again()
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=main)
            svcd.svctl("stop", "a")
            self.assertFalse(alive(main))
            self.assert_shows(svcd, "a", ActiveState="inactive", Result="success")

    def test_thousand_short_lives_leave_no_keeper(self):
        with kept({"a@.service": service(["true"], Type="oneshot")}) as svcd:
            for hundred in range(2):
                svcd.svctl("start", *("a@%d" % (100 * hundred + each) for each in range(100)), timeout=60)
            svcd.wait_until(lambda: [pid for pid in svcd.processes() if command_line(pid)[:1] == ["svcd-exec"]] == [], "all keepers have ended")
