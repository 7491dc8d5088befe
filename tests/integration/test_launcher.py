"""svcd without its manager: services live on, and svctl says what is wrong (docs/launcher.md)."""
import os
import shutil
import signal
import subprocess

from harness import SVCTL, Daemon, TestCase, actor, alive, service

MANAGER = os.path.join(os.environ.get("SVCD_BUILD_DIR", ""), "daemon", "manager", "svcd-manager")


class Replaceable(Daemon):
    """A svcd whose manager can be replaced by another program: its path is a link."""

    def __init__(self, *arguments, **settings):
        self.folder = None
        super().__init__(*arguments, environment={"SVCD_MANAGER": "(set below)"}, **settings)
        self.link = self.path("svcd-manager")
        self.environment["SVCD_MANAGER"] = self.link
        self.replace(MANAGER)

    def replace(self, program):
        with_other_name = self.link + ".new"
        os.symlink(program, with_other_name)
        os.rename(with_other_name, self.link)

    def status(self):
        with open(os.path.join(self.run, "launcher")) as file:
            return dict(line.split("=", 1) for line in file.read().splitlines() if line)

    def break_manager(self, program):
        """Until svcd waits before it tries again."""
        self.replace(program)
        old = self.manager_pid()
        self.disconnect()
        os.kill(old, signal.SIGKILL)
        self.wait_quietly(lambda: self.status()["manager_pid"] == "0" and int(self.status()["manager_deaths"]) >= 5)

    def wait_quietly(self, question):
        """As wait_until, without a bus."""
        for _ in range(3000):
            if question():
                return
            self.read_events(0.01)
        raise AssertionError("it did not come; %s" % self.status())

    def mend(self):
        self.replace(MANAGER)
        os.kill(self.launcher(), signal.SIGHUP)
        self.wait_for_manager()


class BrokenManager(TestCase):
    def program(self, svcd, name, text, mode=0o755):
        path = svcd.path(name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def assert_told(self, svcd, how):
        """svctl says at once what is wrong, whatever it is asked."""
        for verb in (["status"], ["is-system-running"], ["doctor"], ["list-units"]):
            said = svcd.svctl(*verb, status=5, timeout=8).stderr
            self.assertIn("svcd (PID %d) runs, but its manager can't: svcd-manager %s" % (svcd.launcher(), how), said)
            self.assertIn("the next try is in", said)
            self.assertIn("kill -HUP %d" % svcd.launcher(), said)

    def go_through(self, make, how):
        with Replaceable({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            pid = svcd.get("a", "MainPID")
            svcd.break_manager(make(svcd))
            svcd.wait_quietly(lambda: int(svcd.status()["next_start_usec"]) > 0)
            # From the second on the waits are long enough for all questions.
            svcd.wait_quietly(lambda: int(svcd.status()["manager_deaths"]) >= 8 and svcd.status()["manager_pid"] == "0")
            self.assert_told(svcd, how)
            self.assertTrue(alive(pid))
            svcd.mend()
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=pid)
            self.assertEqual(svcd.status()["manager_ready"], "1")

    def test_that_exits_at_once(self):
        self.go_through(lambda svcd: self.program(svcd, "bad", "#!/bin/sh\nexit 3\n"), "left with status 3")

    def test_that_is_not_executable(self):
        self.go_through(lambda svcd: self.program(svcd, "bad", "", mode=0o644), "left with status 127")

    def test_that_is_killed_by_a_signal_at_once(self):
        self.go_through(lambda svcd: self.program(svcd, "bad", "#!/bin/sh\nkill -SEGV $$\n"), "was killed by signal 11 (SIGSEGV)")

    def test_that_says_why_it_can_not_start(self):
        with Replaceable({"a.service": service(actor("a"))}) as svcd:
            nowhere = '#!/bin/sh\nexec %s "$@" --log-dir=/proc/nowhere\n' % MANAGER
            svcd.break_manager(self.program(svcd, "bad", nowhere))
            svcd.wait_quietly(lambda: int(svcd.status()["manager_deaths"]) >= 7 and svcd.status()["manager_pid"] == "0")
            said = svcd.svctl("status", status=5).stderr
            self.assertIn("the manager said: Cannot start: ", said)
            self.assertIn("/proc/nowhere", said)
            svcd.mend()
            svcd.wait_quietly(lambda: not os.path.exists(os.path.join(svcd.run, "manager-error")))

    def test_svctl_waits_for_a_manager_that_is_about_to_start(self):
        slow = '#!/bin/sh\nsleep 2\nexec %s "$@"\n' % MANAGER
        with Replaceable({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.replace(self.program(svcd, "slow", slow))
            svcd.disconnect()
            os.kill(svcd.manager_pid(), signal.SIGKILL)
            self.assertEqual(svcd.svctl("is-active", "a").stdout, "active\n")
            svcd.wait_for_manager()

    def test_a_svcd_that_is_not_there_is_told_apart(self):
        with Daemon() as svcd:
            shutil.copytree(svcd.run, svcd.path("copy"), ignore=lambda folder, names: [name for name in names if name in ("bus", "owner-bus", "notify")])
            done = subprocess.run([SVCTL, "--runtime-dir=" + svcd.path("copy"), "status"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 5)
            self.assertIn("no svcd runs on " + svcd.path("copy"), done.stderr)
