"""Restarts and reloads that involve more than one unit, or more than one main process."""
import os
import signal
import sys

from harness import SVCTL, Daemon, TestCase, actor, alive, service

# A master that on SIGUSR2 starts its successor, which says so in its PID file, or by MAINPID= and READY=1.
MASTER = r'''
import os, signal, socket, sys
kind, pid_file = sys.argv[1:3]
WANTED = {signal.SIGUSR2, signal.SIGTERM, signal.SIGQUIT}
def serve():
    with open(pid_file + ".new", "w") as file:
        file.write("%d\n" % os.getpid())
    os.rename(pid_file + ".new", pid_file)
    if kind == "notify":
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(b"READY=1\nMAINPID=%d" % os.getpid(), os.environ["NOTIFY_SOCKET"])
    while signal.sigwait(WANTED) == signal.SIGUSR2:
        if os.fork() == 0:
            return serve()
signal.pthread_sigmask(signal.SIG_BLOCK, WANTED)
if kind == "forking":
    end, begin = os.pipe()
    if os.fork():
        os.close(begin)
        os.read(end, 1)  # until the child has written its PID file
        while not os.path.exists(pid_file):
            pass
        os._exit(0)
    os.close(begin)
serve()
'''

# ExecReload: the successor is there, the old master has gone, and the command runs on for a moment.
UPGRADE = r'''old=$MAINPID; kill -USR2 $old; until [ "$(cat {0})" != $old ]; do sleep 0.02; done
kill -QUIT $old; while [ -d /proc/$old ]; do sleep 0.02; done; sleep 0.3'''


class Comebacks(TestCase):
    def test_systemd_8374_a_companion_that_stops_for_a_failure_costs_nobody_the_restart(self):
        with Daemon({
            "app.service": service(actor("app", "kids=1"), unit={"Requires": "sidecar.service", "After": "sidecar.service"}, Restart="always"),
            "sidecar.service": service(actor("sidecar"), unit={"BindsTo": "app.service"}, Restart="always"),
        }) as svcd:
            svcd.svctl("start", "app", "sidecar")
            for victim in ("app", "sidecar", "app"):
                svcd.wait_for("app", ActiveState="active")
                svcd.wait_for("sidecar", ActiveState="active")
                before = svcd.get(victim, "MainPID")
                os.kill(before, signal.SIGKILL)
                svcd.wait_until(lambda: svcd.get(victim, "MainPID") not in (0, before), victim + " to be back")
            svcd.wait_for("app", ActiveState="active", SubState="running")
            svcd.wait_for("sidecar", ActiveState="active", SubState="running")

    def test_systemd_1312_what_a_failed_restart_of_a_dependency_took_along_comes_back(self):
        with Daemon() as svcd:
            flag = svcd.path("works")
            open(flag, "w").close()
            svcd.write_unit("db.service", service(actor("db", "need=" + flag, "ready"), Type="notify", Restart="on-failure", RestartSec="100ms",
                                                  unit={"StartLimitIntervalSec": 0}))
            svcd.write_unit("web.service", service(actor("web"), unit={"Requires": "db.service", "After": "db.service"}))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "web")
            os.unlink(flag)
            os.kill(svcd.get("db", "MainPID"), signal.SIGKILL)
            svcd.wait_for("web", ActiveState="inactive")
            open(flag, "w").close()
            svcd.wait_for("db", ActiveState="active")
            svcd.wait_for("web", ActiveState="active")

    def test_a_direct_restart_is_nothing_that_dependents_hear_of(self):
        with Daemon({
            "db.service": service(actor("db"), Restart="always", RestartMode="direct", RestartRandomizedDelaySec="50ms",
                                  unit={"OnFailure": "mail.service"}),
            "web.service": service(actor("web"), unit={"BindsTo": "db.service", "After": "db.service"}),
            "mail.service": service(actor("mail")),
        }) as svcd:
            svcd.svctl("start", "web")
            before, web = svcd.get("db", "MainPID"), svcd.get("web", "MainPID")
            os.kill(before, signal.SIGKILL)
            svcd.wait_until(lambda: svcd.get("db", "MainPID") not in (0, before), "db to be back")
            self.assert_shows(svcd, "web", ActiveState="active", MainPID=web)
            self.assert_shows(svcd, "mail", ActiveState="inactive")
            self.assert_shows(svcd, "db", RestartMode="direct", RestartRandomizedDelayUSec=50000)


class Successors(TestCase):
    def check(self, kind, settings):
        with Daemon() as svcd:
            pid_file, script = svcd.path("master.pid"), svcd.path("master.py")
            with open(script, "w") as file:
                file.write(MASTER)
            upgrade = svcd.path("upgrade.sh")
            with open(upgrade, "w") as file:
                file.write(UPGRADE.format(pid_file))
            svcd.write_unit("web.service", service([sys.executable, script, kind, pid_file], Type=kind,
                                                   ExecReload=["/bin/sh", upgrade], **settings(pid_file)))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "web")
            for _ in range(3):
                old = svcd.get("web", "MainPID")
                svcd.svctl("reload", "web")
                with open(pid_file) as file:
                    new = int(file.read())
                self.assertNotEqual(old, new)
                self.assert_shows(svcd, "web", ActiveState="active", SubState="running", MainPID=new)
                self.assertTrue(alive(new))

    def test_systemd_5775_of_a_forking_service_is_its_main_process_after_the_reload(self):
        self.check("forking", settings=lambda path: {"PIDFile": path})

    def test_icinga2_1515_of_a_notify_service_is_its_main_process_after_the_reload(self):
        self.check("notify", settings=lambda path: {"NotifyAccess": "all"})

    def test_a_ready_after_stopping_in_a_reload_takes_it_back(self):
        with Daemon() as svcd:
            svcd.write_unit("web.service", service(actor("web", "ready"), Type="notify", NotifyAccess="all", ExecReload=[
                actor("first", "send=STOPPING=1", "exit=0"), actor("second", "send=READY=1", "exit=0")]))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "web")
            before = svcd.get("web", "MainPID")
            svcd.svctl("reload", "web")
            self.assert_shows(svcd, "web", ActiveState="active", SubState="running", MainPID=before)


class ReloadBySignal(TestCase):
    def test_graft_ng_261_that_the_program_would_die_of_is_refused(self):
        with Daemon({"web.service": service(["/bin/sleep", "1000"], ExecReload="/bin/kill -HUP $MAINPID")}) as svcd:
            svcd.svctl("start", "web")
            before = svcd.get("web", "MainPID")
            self.wait_a_second_of(svcd, before)
            said = svcd.svctl("reload", "web", status=None)
            self.assertNotEqual(said.returncode, 0)
            self.assertIn("SIGHUP", said.stderr)
            self.assert_shows(svcd, "web", ActiveState="active", MainPID=before)

    @staticmethod
    def wait_a_second_of(svcd, pid):
        """Until the process is older than the second in which nobody looks at its signals."""
        ticks = os.sysconf("SC_CLK_TCK")
        with open("/proc/%d/stat" % pid) as stat:
            began = int(stat.read().rsplit(")", 1)[1].split()[19]) / ticks

        def is_old():
            with open("/proc/uptime") as uptime:
                return float(uptime.read().split()[0]) > began + 1.2
        svcd.wait_until(is_old, "a second to pass")

    def test_whose_signal_ends_the_service_after_the_command_has_failed(self):
        ends = ["/bin/sh", "-c", "trap 'exit 0' HUP; while :; do sleep .05; done"]
        with Daemon({"web.service": service(ends, ExecReload="/bin/kill -HUP $MAINPID"),
                     "cat.service": service(["/bin/sleep", "1000"], ExecReload="/bin/kill -HUP $MAINPID")}) as svcd:
            svcd.svctl("start", "web", "cat")
            self.wait_a_second_of(svcd, svcd.get("web", "MainPID"))
            self.assertIn("web.service", svcd.svctl("reload", "web", status=1).stderr)
            self.assertIn("cat.service", svcd.svctl("reload", "--force", "cat", status=1).stderr)
            svcd.svctl("is-active", "web", "cat", status=3)

    def test_that_ends_the_service_has_failed(self):
        with Daemon({"web.service": service(["/bin/sleep", "1000"], ExecReload=["/bin/sh", "-c", "kill -HUP $MAINPID; sleep 0.2"])}) as svcd:
            svcd.svctl("start", "web")
            said = svcd.svctl("reload", "web", status=1)
            self.assertIn("web.service", said.stderr)


class PidFiles(TestCase):
    def test_moby_46988_of_a_killed_daemon_is_gone_before_the_automatic_restart(self):
        with Daemon() as svcd:
            pid_file = svcd.path("d.pid")
            svcd.write_unit("d.service", service(actor("d", "fork", "pid=" + pid_file), Type="forking", PIDFile=pid_file, Restart="always",
                                                 ExecStartPre=["/bin/sh", "-c", "! [ -e %s ]" % pid_file]))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "d")
            before = svcd.get("d", "MainPID")
            os.kill(before, signal.SIGKILL)
            svcd.wait_until(lambda: svcd.get("d", "MainPID") not in (0, before), "d to be back")
            self.assertIn("PID file", svcd.read_errors())

    def test_that_name_somebody_elses_process_or_hold_more_are_left_alone(self):
        with Daemon() as svcd:
            pid_file = svcd.path("d.pid")
            svcd.write_unit("d.service", service(actor("d"), PIDFile=pid_file))
            svcd.svctl("daemon-reload")
            for text in ("%d\n" % os.getpid(), "12 and more\n", "1" * 5000):
                svcd.svctl("start", "d")
                with open(pid_file, "w") as file:
                    file.write(text)
                svcd.svctl("stop", "d")
                with open(pid_file) as file:
                    self.assertEqual(file.read(), text)
            os.unlink(pid_file)
            os.mkfifo(pid_file)
            svcd.svctl("start", "d")
            svcd.svctl("stop", "d")
            self.assertTrue(os.path.exists(pid_file))


class StopHooks(TestCase):
    def test_that_reload_what_they_are_ordered_after_do_not_wait_for_themselves(self):
        with Daemon() as svcd:
            svcd.write_unit("proxy.service", service(actor("proxy"), ExecReload=actor("reload", "exit=0")))
            svcd.write_unit("web.service", service(
                actor("web"), unit={"After": "proxy.service"}, TimeoutStopSec="300s",
                ExecStop=["/bin/sh", "-c", "%s --bus=%s reload proxy" % (SVCTL, svcd.address)]))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "proxy", "web")
            svcd.svctl("stop", "web")
            svcd.wait_told("reload", "start")
            self.assert_shows(svcd, "web", Result="success")

    def test_that_reload_what_is_stopped_after_them_do_not_undo_its_stop(self):
        with Daemon() as svcd:
            svcd.write_unit("proxy.service", service(actor("proxy"), ExecReload=actor("reload", "exit=0")))
            svcd.write_unit("web.service", service(
                actor("web"), unit={"After": "proxy.service"}, TimeoutStopSec="300s",
                ExecStop=["/bin/sh", "-c", "%s --bus=%s reload proxy || true" % (SVCTL, svcd.address)]))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "proxy", "web")
            svcd.svctl("stop", "web", "proxy")
            self.assert_shows(svcd, "web", ActiveState="inactive", Result="success")
            self.assert_shows(svcd, "proxy", ActiveState="inactive", Result="success")


class MovedMainProcess(TestCase):
    def test_is_followed_and_a_stop_reaches_it(self):
        for signal_to_stop in ("SIGTERM", "SIGKILL"):
            with self.subTest(signal_to_stop), Daemon({"web.service": service(actor("web"), KillSignal=signal_to_stop, WatchdogSec=0)}) as svcd:
                svcd.svctl("start", "web")
                svcd.wait_told("web", "start")
                pid = svcd.get("web", "MainPID")
                elsewhere = svcd.cgroup + "/elsewhere"
                os.mkdir(elsewhere)
                with open(elsewhere + "/cgroup.procs", "w") as procs:
                    procs.write(str(pid))
                svcd.wait_until(lambda: "another cgroup" in svcd.read_errors(), "the move to be said")
                svcd.svctl("start", "web")
                self.assert_shows(svcd, "web", ActiveState="active", MainPID=pid)
                svcd.svctl("stop", "web")
                self.assertFalse(alive(pid))
                self.assert_shows(svcd, "web", ActiveState="inactive")
                os.rmdir(elsewhere)

