"""PIDFile where it does not lie on a healthy file system, in a folder of root's."""
import os
import unittest

from harness import HERE, NOBODY, Daemon, TestCase, actor, alive, service


@unittest.skipUnless(os.access("/dev/fuse", os.R_OK | os.W_OK), "there is no /dev/fuse")
class HungPidFile(TestCase):
    def test_holds_up_nobody_else(self):
        fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self.addCleanup(os.close, fuse)
        prefix = ["/usr/bin/python3", "-B", os.path.join(HERE, "helpers", "hung_mount.py"), str(fuse), "%(directory)s/hung"]
        hung = Daemon({"b.service": service(actor("b"))}, prefix=prefix, pass_fds=(fuse,))
        os.mkdir(hung.path("hung"))
        with hung as svcd:
            svcd.write_unit("d.service", service(actor("d", "fork"), Type="forking", PIDFile=svcd.path("hung/d.pid"), TimeoutStartSec="2s"))
            manager = svcd.manager_pid()
            svcd.svctl("start", "--no-block", "d")
            svcd.wait_told("d", "start")
            for _ in range(3):
                svcd.svctl("restart", "b")
                self.assert_shows(svcd, "b", ActiveState="active")
            svcd.wait_for("d", ActiveState="failed", Result="timeout")
            svcd.svctl("restart", "b")  # while it is to be removed
            self.assertEqual(svcd.manager_pid(), manager)
            self.assertEqual(svcd.processes_of("d") if svcd.cgroup_of("d") else [], [])
            svcd.wait_until(lambda: "does not answer" in svcd.read_errors(), "the removal to be given up")
            svcd.svctl("start", "--no-block", "d")
            svcd.wait_told("d", "start", count=2)  # which has waited for that


class OthersPidFile(TestCase):
    def test_a_link_of_the_services_user_is_not_followed(self):
        with Daemon() as svcd:
            theirs, roots = svcd.path("theirs"), svcd.path("roots")
            os.makedirs(theirs + "/run")
            os.mkdir(roots)
            svcd.write_unit("d.service", service(actor("d", "fork", "pid=" + theirs + "/run/d.pid"), Type="forking",
                                                 PIDFile=theirs + "/run/d.pid"))
            svcd.svctl("start", "d")
            pid = svcd.get("d", "MainPID")
            os.rename(theirs + "/run", theirs + "/run.old")
            os.symlink(roots, theirs + "/run")
            os.lchown(theirs + "/run", NOBODY, NOBODY)
            os.chown(theirs, NOBODY, NOBODY)
            with open(roots + "/d.pid", "w") as file:
                file.write("%d\n" % pid)
            svcd.svctl("stop", "d")
            self.assertFalse(alive(pid))
            svcd.wait_until(lambda: "remove PID file" in svcd.read_errors(), "the refusal")
            self.assertIn("'run' is a symbolic link that another user than root made", svcd.read_errors())
            self.assertTrue(os.path.exists(roots + "/d.pid"))


class EndedMainProcess(TestCase):
    def test_its_pid_file_is_removed_at_once_and_nobody_is_accused(self):
        with Daemon() as svcd:
            path = svcd.path("d.pid")
            svcd.write_unit("d.service", service(actor("d", "fork", "pid=" + path), Type="forking", PIDFile=path))
            svcd.svctl("start", "d")
            os.kill(svcd.get("d", "MainPID"), 9)
            svcd.wait_for("d", ActiveState="failed", Result="signal")
            svcd.wait_until(lambda: not os.path.exists(path), "the PID file to be removed")
            self.assertNotIn("does not answer", svcd.read_errors())
