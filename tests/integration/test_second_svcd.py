"""Another svcd that is started on what the first has, by mistake: it is refused, and nothing is lost or started twice."""
import contextlib
import os
import subprocess
import sys
import unittest

from harness import CGROUP_MOUNT, Daemon, TestCase, actor, end_with_parent, service


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


if __name__ == "__main__":
    unittest.main()
