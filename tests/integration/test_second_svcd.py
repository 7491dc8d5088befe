"""Another svcd that is started on what the first has, by mistake: it is refused, and nothing is lost or started twice."""
import contextlib
import os
import select
import subprocess
import sys
import time
import unittest

from harness import CGROUP_MOUNT, PATIENCE, Daemon, TestCase, actor, end_with_parent, service


class OtherCgroup:
    """A cgroup beside the daemon's."""

    def __init__(self, svcd):
        self.name = svcd.cgroup_name + "-other"

    def __enter__(self):
        return self.name

    def __exit__(self, *_):
        for path, _, _ in os.walk(CGROUP_MOUNT + self.name, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)


def run_second(svcd, *changed):
    """A svcd with the first one's command line, but for these options; what it says."""
    names = [option.split("=")[0] for option in changed]
    arguments = [word for word in svcd.arguments if word.split("=")[0] not in names]
    return subprocess.run([*arguments, *changed], stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, env=svcd.environment)


class SecondSvcd(TestCase):
    def test_with_another_cgroup_after_a_kill_is_refused_and_the_state_is_kept(self):
        units = {"%s.service" % name: service(actor(name)) for name in "ab"}
        with Daemon(units) as svcd, OtherCgroup(svcd) as other:
            svcd.svctl("start", *units)
            pids = {name: svcd.get(name, "MainPID") for name in units}
            svcd.kill_launcher()
            for _ in range(2):
                second = run_second(svcd, "--cgroup=" + other)
                self.assertEqual(second.returncode, 1, second.stdout)
                self.assertRegex(second.stdout, r"(a|b).service \(process \d+\) and 1 other run in the cgroup %s, not in %s; "
                                 "start svcd with --cgroup=%s, or end them first" % (svcd.cgroup_name, other, svcd.cgroup_name))
            svcd.start_again()
            for name in units:
                self.assert_shows(svcd, name, ActiveState="active", MainPID=pids[name])
            self.assertEqual([len(svcd.told(name, "start")) for name in "ab"], [1, 1])

    def test_on_the_same_cgroup_with_another_runtime_dir_is_refused(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            pid = svcd.get("a", "MainPID")
            for _ in range(2):
                second = run_second(svcd, "--runtime-dir=" + svcd.path("run2"))
                self.assertEqual(second.returncode, 1, second.stdout)
                self.assertIn("use the cgroup %s: it is in use by another svcd (PID %d)" % (svcd.cgroup_name, svcd.process.pid), second.stdout)
                self.assert_shows(svcd, "a", ActiveState="active", MainPID=pid)
                svcd.kill_manager()  # the launcher has the lock
            svcd.kill_launcher()  # and nobody has it any more
            svcd.start_again()
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=pid)

    def test_locks_of_nobody_do_not_keep_a_new_svcd_from_starting(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            pid = svcd.get("a", "MainPID")
            self.assertEqual(os.stat(svcd.path("run/lock")).st_mode & 0o777, 0o600)
            folder = CGROUP_MOUNT + svcd.cgroup_name
            try_all = ("import fcntl, os, sys\nos.setgid(65534); os.setuid(65534)\n"
                       "for path in [%r] + [os.path.join(%r, name) for name in os.listdir(%r)] + [%r]:\n"
                       "    try: fcntl.flock(os.open(path, os.O_RDONLY | os.O_NONBLOCK), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
                       "    except OSError: pass\n"
                       "print('held', flush=True); sys.stdin.read()" % (svcd.path("run/lock"), folder, folder, folder))
            with subprocess.Popen([sys.executable, "-c", try_all], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  preexec_fn=end_with_parent) as nobody:
                self.assertEqual(nobody.stdout.readline(), "held\n")
                svcd.kill_launcher()
                svcd.start_again()
                self.assert_shows(svcd, "a", ActiveState="active", MainPID=pid)
                nobody.stdin.close()

    def test_a_lock_of_an_earlier_svcd_that_all_may_open_is_mended(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.kill_launcher()
            os.chmod(svcd.path("run/lock"), 0o644)
            svcd.start_again()
            self.assertEqual(os.stat(svcd.path("run/lock")).st_mode & 0o777, 0o600)

    @contextlib.contextmanager
    def held_by(self, path, before=""):
        """A process that has a lock on the file; `before`: what it does before it takes it."""
        code = ("import fcntl, os, sys\nfile = os.open(%r, os.O_RDONLY)\n%s\nfcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
                "print('held', flush=True); sys.stdin.read()" % (path, before))
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              preexec_fn=end_with_parent) as holder:
            self.assertEqual(holder.stdout.readline(), "held\n")
            yield holder
            holder.stdin.close()

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_fwlive_167_a_lock_of_an_earlier_svcd_that_nobody_holds_is_replaced(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            pid = svcd.get("a", "MainPID")
            svcd.kill_launcher()
            lock = svcd.path("run/lock")
            os.chmod(lock, 0o644)
            with self.held_by(lock, "os.setgid(65534); os.setuid(65534)") as nobody:
                inode = os.stat(lock).st_ino
                svcd.start_again()
                self.assert_shows(svcd, "a", ActiveState="active", MainPID=pid)
                self.assertIn("was locked by process %d of the user 65534, who is no svcd; it is replaced" % nobody.pid, svcd.read_errors())
                self.assertNotEqual(os.stat(lock).st_ino, inode)
                self.assertEqual(os.stat(lock).st_mode & 0o777, 0o600)
                self.assertFalse(os.path.exists(lock + ".new"))
                second = run_second(svcd)
                self.assertEqual(second.returncode, 1, second.stdout)
                self.assertIn("is in use by another svcd (PID %d)" % svcd.process.pid, second.stdout)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_a_lock_of_an_earlier_svcd_whose_holder_hides_behind_a_child_is_replaced(self):
        with Daemon() as svcd:
            svcd.kill_launcher()
            os.chmod(svcd.path("run/lock"), 0o644)
            hide = ("os.setgid(65534); os.setuid(65534)\nfcntl.flock(file, fcntl.LOCK_EX)\nparent = os.getpid()\n"
                    "child = os.fork()\nif child:\n    os._exit(0)\n"
                    "while os.getppid() == parent: pass\nprint('held', flush=True); sys.stdin.read(); os._exit(0)")
            with self.held_by(svcd.path("run/lock"), hide) as parent:
                parent.wait(PATIENCE)
                svcd.start_again()
                self.assertIn("which has ended and is no svcd; it is replaced", svcd.read_errors())

    def test_a_lock_that_roots_process_holds_counts(self):
        with Daemon() as svcd:
            svcd.kill_launcher()
            with self.held_by(svcd.path("run/lock")):
                second = run_second(svcd)
                self.assertEqual(second.returncode, 1, second.stdout)
                self.assertIn("a process has a lock on %s/lock" % svcd.run, second.stdout)
            svcd.start_again()

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_of_many_that_begin_at_once_one_takes_the_lock_from_nobody(self):
        with Daemon() as svcd:
            svcd.kill_launcher()
            lock = svcd.path("run/lock")
            for _ in range(8):
                os.chmod(lock, 0o644)
                with self.held_by(lock, "os.setgid(65534); os.setuid(65534)") as nobody:
                    several = [subprocess.Popen(svcd.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                stderr=subprocess.DEVNULL, env=svcd.environment, preexec_fn=end_with_parent)
                               for _ in range(4)]
                    nobody.stdin.close()  # lets go in the midst of it
                    self.assert_one_lives(svcd, several, lock)
            svcd.start_again()

    def assert_one_lives(self, svcd, several, lock):
        def alive():
            return [process for process in several if process.poll() is None]
        try:
            deadline = time.monotonic() + PATIENCE
            while len(alive()) > 1:
                self.assertLess(time.monotonic(), deadline, "several live")
                select.select([], [], [], 0.02)
            with open(lock) as file:
                self.assertEqual([file.read()], ["%d\n" % process.pid for process in alive()])
        finally:
            for process in alive():
                process.terminate()
            for process in several:
                process.wait(60)


if __name__ == "__main__":
    unittest.main()
