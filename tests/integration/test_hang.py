"""A manager that does not answer is taken for dead (docs/launcher.md)."""
import os
import signal
import subprocess
import time

from harness import SVCTL, Daemon, TestCase, actor, service


def hang(timeout="1s"):
    """A svcd whose launcher waits so long for its manager's answers, and one service."""
    return Daemon({"a.service": service(actor("a"))}, config="ManagerTimeoutSec: %s\n" % timeout)


def stop_manager(svcd):
    manager = svcd.manager_pid()
    svcd.disconnect()
    os.kill(manager, signal.SIGSTOP)
    return manager


class HangingManager(TestCase):
    def test_one_that_is_stopped_is_replaced_though_nobody_asks_for_anything(self):
        with hang() as svcd:
            svcd.svctl("start", "a")
            main = svcd.svctl("show", "-P", "MainPID", "a").stdout
            old = stop_manager(svcd)
            svcd.wait_for_manager(other_than=old)
            self.assertEqual(svcd.svctl("show", "-P", "MainPID", "a").stdout, main)
            log = svcd.read_errors()
            self.assertIn("svcd-manager was stopped by SIGSTOP", log)
            self.assertIn("SIGABRT, and SIGKILL in 2 s", log)

    def test_Supervisor_691_a_command_does_not_wait_for_ever_for_a_supervisor_that_hangs(self):
        with hang() as svcd:
            old = stop_manager(svcd)
            self.assertEqual(svcd.svctl("start", "a").stderr, "")
            self.assertNotEqual(svcd.manager_pid(), old)

    def test_systemd_43401_sigterm_ends_svcd_whose_manager_hangs(self):
        with hang() as svcd:
            svcd.svctl("start", "a")
            stop_manager(svcd)
            svcd.process.send_signal(signal.SIGTERM)
            self.assertEqual(svcd.wait_for_exit(), 0)

    def test_one_that_goes_on_in_time_is_left_alone(self):
        with hang("30s") as svcd:
            old = stop_manager(svcd)
            os.kill(old, signal.SIGCONT)
            svcd.svctl("start", "a")
            self.assertEqual(svcd.manager_pid(), old)

    def test_infinity_waits_for_ever(self):
        with hang("infinity") as svcd:
            old = stop_manager(svcd)
            with self.assertRaises(subprocess.TimeoutExpired):
                subprocess.run([SVCTL, "status"], env=svcd.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=3)
            self.assertEqual(svcd.manager_pid(), old)
            os.kill(old, signal.SIGCONT)

    def test_one_that_is_traced_is_left_alone(self):
        with hang() as svcd:
            old = svcd.manager_pid()
            svcd.disconnect()
            tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(old)], stderr=subprocess.PIPE)
            try:
                self.wait_until_traced(old)
                os.kill(old, signal.SIGSTOP)
                # It is asked, and silent for longer than it may be.
                with self.assertRaises(subprocess.TimeoutExpired):
                    subprocess.run([SVCTL, "status"], env=svcd.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=4)
                self.assertEqual(svcd.manager_pid(), old)
                os.kill(old, signal.SIGCONT)
            finally:
                tracer.terminate()
                tracer.communicate()
            svcd.svctl("start", "a")
            self.assertEqual(svcd.manager_pid(), old)

    @staticmethod
    def wait_until_traced(pid):
        while True:
            with open("/proc/%d/status" % pid) as status:
                if "TracerPid:\t0\n" not in status.read():
                    return
            time.sleep(0.01)


if __name__ == "__main__":
    import unittest
    unittest.main()
