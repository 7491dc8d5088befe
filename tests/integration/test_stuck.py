"""Something that hangs on the way to a service's execve holds up that service alone."""
import os
import time
import unittest

from harness import HERE, SLACK, Daemon, TestCase, actor, service


def stuck_units(**settings):
    return {
        "stuck.service": service(actor("stuck"), TimeoutStartSec="1s", TimeoutStopSec="500ms", Type="exec") | settings,
        "other.service": service(actor("other", "ready"), Type="notify"),
    }


class Stuck(TestCase):
    def check(self, svcd, result):
        """stuck.service's start hangs; other.service starts and stops as if it weren't there; then the start ends."""
        job = svcd.begin("start", "stuck")
        try:
            svcd.wait_until(lambda: svcd.get("stuck", "ActiveState") != "inactive", "the start of stuck.service")
            began = time.monotonic()
            for _ in range(5):
                svcd.svctl("start", "other")
                svcd.svctl("stop", "other")
            self.assertLess(time.monotonic() - began, 0.9 * SLACK)
            self.assertEqual(job.wait(30), 1)
        finally:
            job.communicate()
        shown = svcd.wait_for("stuck", ActiveState="failed")
        self.assertIn(shown["Result"], result)
        took = shown["InactiveEnterTimestampMonotonic"] - shown["InactiveExitTimestampMonotonic"]
        self.assertLess(took, (1_000_000 + 500_000) + 500_000 * SLACK)
        self.assertEqual(svcd.processes_of("stuck"), [])
        self.assertEqual(svcd.told("stuck"), [])
        return took

    def test_an_output_that_is_a_fifo_without_a_reader(self):
        with Daemon(stuck_units()) as svcd:
            fifo = svcd.path("fifo")
            os.mkfifo(fifo)
            svcd.write_unit("stuck.service", service(actor("stuck"), TimeoutStartSec="1s", TimeoutStopSec="500ms", Type="exec",
                                                     StandardOutput="file:" + fifo))
            svcd.svctl("daemon-reload")
            self.check(svcd, ("timeout", "exit-code", "resources"))

    def hung(self, **settings):
        """A svcd with stuck.service's settings, where %(hung)s in them is a folder on a file system that hangs."""
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            raise unittest.SkipTest("needs /dev/fuse to make a file system that hangs")
        fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self.addCleanup(os.close, fuse)
        prefix = ["/usr/bin/python3", "-B", os.path.join(HERE, "helpers", "hung_mount.py"), str(fuse), "%(directory)s/hung"]
        svcd = Daemon(stuck_units(), prefix=prefix, pass_fds=(fuse,))
        folder = svcd.path("hung")
        os.mkdir(folder)
        unit = {"TimeoutStartSec": "1s", "TimeoutStopSec": "500ms", "Type": "exec", **settings}
        unit = {key: value % {"hung": folder} if isinstance(value, str) else value for key, value in unit.items()}
        svcd.write_unit("stuck.service", service([word % {"hung": folder} for word in unit.pop("command", actor("stuck"))], **unit))
        return svcd

    def test_an_executable_on_a_file_system_that_hangs(self):
        with self.hung(command=["%(hung)s/program"]) as svcd:
            self.assertGreaterEqual(self.check(svcd, ("timeout",)), 1_000_000)

    def test_an_output_on_a_file_system_that_hangs(self):
        with self.hung(StandardOutput="append:%(hung)s/log") as svcd:
            self.assertGreaterEqual(self.check(svcd, ("timeout",)), 1_000_000)

    def test_a_working_directory_on_a_file_system_that_hangs(self):
        with self.hung(WorkingDirectory="%(hung)s/folder") as svcd:
            self.assertGreaterEqual(self.check(svcd, ("timeout",)), 1_000_000)

    def test_an_environment_file_on_a_file_system_that_hangs(self):
        with self.hung(EnvironmentFile="%(hung)s/env") as svcd:
            self.assertGreaterEqual(self.check(svcd, ("timeout",)), 1_000_000)

    def test_a_simple_service_that_never_gets_to_its_program_is_ended_too(self):
        with self.hung(command=["%(hung)s/program"], Type="simple") as svcd:
            svcd.svctl("start", "--no-block", "stuck")
            svcd.svctl("start", "other")
            svcd.wait_for("stuck", ActiveState="failed", Result="timeout", timeout=10)
            self.assertEqual(svcd.processes_of("stuck"), [])

    def test_a_shutdown_is_not_held_up_either(self):
        with self.hung(command=["%(hung)s/program"], TimeoutStartSec="1h") as svcd:
            svcd.exit_status = None
            svcd.svctl("start", "--no-block", "stuck")
            svcd.svctl("start", "other")
            svcd.wait_until(lambda: svcd.get("stuck", "ActiveState") == "activating", "the start of stuck.service")
            began = time.monotonic()
            svcd.process.terminate()
            svcd.wait_for_exit()
            self.assertLess(time.monotonic() - began, 0.5 + 1.5 * SLACK)
