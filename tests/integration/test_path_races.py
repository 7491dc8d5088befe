"""Who owns a folder exchanges what is in it while svcd, as root, opens paths there. Bounded in rounds and in time; the attacker is nobody."""
import contextlib
import os
import stat
import subprocess
import sys
import time
import unittest

from harness import NOBODY, Daemon, TestCase, actor, end_with_parent, service

ROOTS = "LEAKED=roots-own\n"
# Exchanges two names without a moment in which one is missing (renameat2, RENAME_EXCHANGE), and writes a dot for each 500 times.
EXCHANGER = """
import ctypes, os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
libc, pairs = ctypes.CDLL(None), [each.encode() for each in sys.argv[1:]]
while True:
    for _ in range(500):
        for at in range(0, len(pairs), 2):
            libc.renameat2(-100, pairs[at], -100, pairs[at + 1], 2)
    os.write(1, b".")
"""
ROUNDS = 3000
STARTS = 40
PATIENCE = 60.0


class Attack(contextlib.AbstractContextManager):
    """`pairs`: names that are exchanged without end."""

    def __init__(self, *pairs):
        self.process = subprocess.Popen([sys.executable, "-c", EXCHANGER, *[name for pair in pairs for name in pair]],
                                        stdout=subprocess.PIPE, preexec_fn=end_with_parent)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rounds = 0

    def has_been_tried(self):
        with contextlib.suppress(BlockingIOError):
            self.rounds += 500 * len(os.read(self.process.stdout.fileno(), 65536))
        return self.rounds >= ROUNDS

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@unittest.skipUnless(os.geteuid() == 0, "only root has something to lose")
class Races(TestCase):
    @contextlib.contextmanager
    def folders(self, **units):
        """%(theirs)s is nobody's folder, %(roots)s root's with a file of the names that are attacked."""
        with Daemon() as svcd:
            self.theirs, self.roots = svcd.path("theirs"), svcd.path("roots")
            for folder in (self.theirs, self.theirs + "/way", self.roots):
                os.mkdir(folder)
            for name in ("file", "d.pid"):
                self.write(self.roots + "/" + name, ROOTS)
                self.write(self.theirs + "/way/" + name, "THEIRS=1\n", NOBODY)
                self.link(self.roots + "/" + name, self.theirs + "/way/" + name + ".link")
            self.link(self.roots, self.theirs + "/link")
            os.chown(self.theirs + "/way", NOBODY, NOBODY)
            os.chown(self.theirs, NOBODY, NOBODY)
            places = {"theirs": self.theirs, "roots": self.roots}
            for name, settings in units.items():
                command = settings.pop("command")
                svcd.write_unit(name + ".service", service(command, unit={"StartLimitIntervalSec": "0"}, **{
                    key: value % places for key, value in settings.items()}))
            svcd.svctl("daemon-reload")
            self.before = self.roots_files()
            yield svcd

    def write(self, path, text, owner=0):
        with open(path, "w") as file:
            file.write(text)
        os.chown(path, owner, owner)

    def link(self, target, path):
        os.symlink(target, path)
        os.lchown(path, NOBODY, NOBODY)

    def roots_files(self):
        found = {}
        for name in sorted(os.listdir(self.roots)):
            facts = os.lstat(self.roots + "/" + name)
            with open(self.roots + "/" + name) as file:
                found[name] = (file.read(), facts.st_ino, facts.st_mtime_ns, facts.st_mode, facts.st_nlink, facts.st_uid)
        return found

    def both(self, name):
        """The file, and a folder on the way to it."""
        way = self.theirs + "/way"
        return ((way + "/" + name, way + "/" + name + ".link"), (way, self.theirs + "/link"))

    def attack(self, svcd, unit, *pairs, kills=True):
        with Attack(*pairs) as attack:
            deadline = time.monotonic() + PATIENCE
            starts = 0
            while starts < STARTS or not attack.has_been_tried():
                svcd.svctl("start", unit, status=None)
                svcd.svctl("stop", unit, status=None)
                starts += 1
                if kills and starts in (STARTS // 3, 2 * STARTS // 3):
                    svcd.svctl("start", "--no-block", unit, status=None)
                    svcd.kill_manager()
                if time.monotonic() > deadline:
                    break
            self.assertTrue(attack.has_been_tried() and starts >= 3, "%d rounds, %d starts" % (attack.rounds, starts))
        self.assertEqual(self.roots_files(), self.before)

    def test_logrotate_235_outputs_never_reach_a_file_of_roots(self):
        for kind in ("append", "truncate"):
            with self.subTest(kind), self.folders(a={"command": ["/bin/echo", "hello"], "Type": "oneshot", "User": "nobody",
                                                     "StandardOutput": kind + ":%(theirs)s/way/file"}) as svcd:
                self.attack(svcd, "a", *self.both("file"))

    def test_an_EnvironmentFile_of_roots_is_never_read(self):
        show = ["/bin/sh", "-c", "test -z \"$LEAKED\" || echo LEAKED"]
        with self.folders(a={"command": show, "Type": "oneshot", "User": "nobody", "EnvironmentFile": "-%(theirs)s/way/file"}) as svcd:
            self.attack(svcd, "a", *self.both("file"))
            self.assertNotIn("LEAKED", svcd.read_log("a"))

    def test_icinga2_5991_a_PIDFile_of_roots_is_never_read_and_never_removed(self):
        with self.folders() as svcd:
            path = self.theirs + "/way/d.pid"
            svcd.write_unit("d.service", service(actor("d", "fork", "pid=" + self.theirs + "/d.pid"), Type="forking", TimeoutStartSec="300ms",
                                                 TimeoutStopSec="2s", PIDFile=path, unit={"StartLimitIntervalSec": "0"}))
            other = subprocess.Popen(["/bin/sleep", "1000"], preexec_fn=end_with_parent)
            try:
                self.write(self.roots + "/d.pid", "%d\n" % other.pid)
                self.before = self.roots_files()
                svcd.svctl("daemon-reload")
                self.attack(svcd, "d", *self.both("d.pid"), kills=False)
                self.assertIsNone(other.poll())
            finally:
                other.kill()
                other.wait()

    def test_hermes_agent_71682_modes_of_roots_are_never_changed_while_a_log_folder_is_exchanged(self):
        svcd = Daemon()
        above, self.roots = svcd.path("above"), svcd.path("roots")
        for folder in (above, above + "/log", above + "/log/a.service", self.roots, self.roots + "/a.service"):
            os.mkdir(folder, 0o755)
        self.write(above + "/log/a.service/current", "said\n")
        self.write(self.roots + "/a.service/current", "roots\n")
        os.chown(above, NOBODY, NOBODY)
        self.link(self.roots, above + "/link")
        svcd.arguments = [word for word in svcd.arguments if not word.startswith("--log-dir=")] + ["--log-dir=" + above + "/log"]
        svcd.write_unit("a.service", service(["/bin/echo", "hello"], Type="oneshot"))
        names = [self.roots, self.roots + "/a.service", self.roots + "/a.service/current"]

        def facts():
            return [(os.lstat(name).st_mode, os.lstat(name).st_gid, os.lstat(name).st_ino) for name in names]

        before = facts()
        with svcd, Attack((above + "/log", above + "/link")) as attack:
            for _ in range(8):
                svcd.kill_manager()
                svcd.svctl("start", "a", status=None)
            svcd.wait_until(attack.has_been_tried, "%d rounds" % ROUNDS)
            self.assertEqual(facts(), before)
            with open(self.roots + "/a.service/current") as file:
                self.assertEqual(file.read(), "roots\n")


@unittest.skipUnless(os.geteuid() == 0, "only root has something to lose")
class Oddities(TestCase):
    def start(self, svcd, **settings):
        """What `svctl start` and svcd say of a service of nobody with these settings."""
        svcd.write_unit("a.service", service(["/bin/echo", "hello"], Type="oneshot", User="nobody", **settings))
        svcd.svctl("daemon-reload")
        done = svcd.svctl("start", "a", status=None)
        return done.returncode, " ".join((done.stderr + svcd.read_errors()).split())

    def test_forty_links_are_followed_and_not_one_more(self):
        with Daemon() as svcd:
            os.symlink("file", svcd.path("link1"))
            for number in range(2, 42):
                os.symlink("link%d" % (number - 1), svcd.path("link%d" % number))
            self.assertEqual(self.start(svcd, StandardOutput="append:" + svcd.path("link40"))[0], 0)
            status, said = self.start(svcd, StandardOutput="append:" + svcd.path("link41"))
            self.assertEqual(status, 1)
            self.assertIn("ELOOP", said)
            os.unlink(svcd.path("file"))
            self.start(svcd, EnvironmentFile=svcd.path("link41"))
            self.assertFalse(os.path.exists(svcd.path("file")))

    def test_links_of_proc_that_belong_to_another_users_process_are_not_followed(self):
        with Daemon() as svcd:
            path = svcd.path("roots-file")
            with open(path, "w") as file:
                file.write("LEAKED=1\n")
            os.chmod(path, 0o644)
            code = ("import os, sys\nos.chdir(%r)\nfile = os.open(%r, os.O_RDONLY)\nos.setgid(65534); os.setuid(65534)\n"
                    "os.execv('/bin/sh', ['/bin/sh', '-c', 'exec 5<%s; echo held; read line'])" % (svcd.directory, path, path))
            with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  preexec_fn=end_with_parent) as holder:
                self.assertEqual(holder.stdout.readline(), "held\n")
                proc = "/proc/%d" % holder.pid
                for where in ("/fd/5", "/root" + path, "/cwd/roots-file"):
                    for settings in ({"StandardOutput": "append:" + proc + where}, {"EnvironmentFile": proc + where}):
                        with self.subTest(settings):
                            status, said = self.start(svcd, **settings)
                            self.assertEqual(status, 1)
                            self.assertIn("'%s' is a symbolic link" % where.split("/")[1].replace("fd", "5"), said)
                holder.stdin.close()
            self.assertEqual(self.start(svcd, StandardOutput="append:/proc/self/root" + svcd.path("out"))[0], 0)
            with open(path) as file:
                self.assertEqual(file.read(), "LEAKED=1\n")

    def test_openrc_982_a_FIFO_and_a_device_are_no_EnvironmentFile_and_no_PIDFile_and_hold_up_nobody(self):
        with Daemon({"b.service": service(actor("b"))}) as svcd:
            os.mkdir(svcd.path("theirs"))
            os.mkfifo(svcd.path("theirs/fifo"))
            os.mknod(svcd.path("theirs/device"), stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero, which has no end
            for name in ("", "/fifo", "/device"):
                os.chown(svcd.path("theirs" + name), NOBODY, NOBODY)
            for name in ("fifo", "device"):
                status, said = self.start(svcd, EnvironmentFile=svcd.path("theirs/" + name))
                self.assertEqual(status, 1)
                self.assertIn("it is not a regular file", said)
                svcd.write_unit("d.service", service(actor("d", "fork"), Type="forking", PIDFile=svcd.path("theirs/" + name),
                                                     TimeoutStartSec="500ms"))
                svcd.svctl("daemon-reload")
                svcd.svctl("start", "--no-block", "d")
                for _ in range(3):
                    svcd.svctl("restart", "b", timeout=10)
                svcd.wait_for("d", ActiveState="failed")
                self.assertTrue(os.path.exists(svcd.path("theirs/" + name)))


if __name__ == "__main__":
    unittest.main()
