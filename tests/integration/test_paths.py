"""Paths that svcd opens as root in folders of the service's user."""
import contextlib
import json
import os
import unittest

from harness import NOBODY, Daemon, TestCase, actor, alive, service

ROOTS = "root's own\n"


def attack_link(target, path):
    """What the owner of a folder can do in it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    os.symlink(target, path)
    os.lchown(path, NOBODY, NOBODY)


class PathCase:
    @contextlib.contextmanager
    def daemon(self, **settings):
        """A service of nobody; %(theirs)s is its folder, %(roots)s one of root's with a file."""
        with Daemon() as svcd:
            self.theirs, self.roots = svcd.path("theirs"), svcd.path("roots")
            os.mkdir(self.theirs)
            os.mkdir(self.roots)
            os.chown(self.theirs, NOBODY, NOBODY)
            self.file = self.roots + "/file"
            with open(self.file, "w") as file:
                file.write(ROOTS)
            places = {"theirs": self.theirs, "roots": self.roots}
            svcd.write_unit("a.service", service(["/bin/echo", "hello"], Type="oneshot", User="nobody", SyslogIdentifier="a",
                                                 **{key: value % places for key, value in settings.items()}))
            svcd.svctl("daemon-reload")
            yield svcd

    def read(self, path):
        with open(path) as file:
            return file.read()

    def refused(self, svcd, step, *words, result="exit-code"):
        error = svcd.svctl("start", "a", status=1).stderr
        for word in words:
            self.assertIn(word, error)
        self.assertEqual(svcd.get("a", "ExecError")[0], step)
        self.assert_shows(svcd, "a", ActiveState="failed", Result=result)
        self.assertEqual(self.read(self.file), ROOTS)


@unittest.skipUnless(os.geteuid() == 0, "only root has something to lose")
class Outputs(PathCase, TestCase):
    def test_write_to_no_file_of_roots_through_a_link_of_the_services_user_rsyslog_6718(self):
        for kind in ("append", "truncate", "file"):
            with self.subTest(kind), self.daemon(StandardOutput=kind + ":%(theirs)s/log") as svcd:
                attack_link(self.file, self.theirs + "/log")
                self.refused(svcd, "STDOUT", "'log' is a symbolic link that neither root", "EPERM")
                attack_link(self.roots + "/new", self.theirs + "/log")
                self.refused(svcd, "STDOUT", "'log' is a symbolic link")
                self.assertEqual(os.listdir(self.roots), ["file"])

    def test_follow_no_link_on_the_way_openrc_201(self):
        with self.daemon(StandardError="append:%(theirs)s/run/file") as svcd:
            attack_link(self.roots, self.theirs + "/run")
            self.refused(svcd, "STDERR", "'run' is a symbolic link")

    def test_write_to_no_second_name_of_a_file_openrc_195(self):
        with self.daemon(StandardOutput="truncate:%(theirs)s/log") as svcd:
            os.link(self.file, self.theirs + "/log")
            self.refused(svcd, "STDOUT", "it has several names (hard links)", "EPERM")

    def test_go_where_the_services_user_has_a_file_of_its_own(self):
        with self.daemon(StandardOutput="append:%(theirs)s/log") as svcd:
            with open(self.theirs + "/log", "w") as file:
                file.write("begin\n")
            os.chown(self.theirs + "/log", NOBODY, NOBODY)
            svcd.svctl("start", "a")
            self.assertEqual(self.read(self.theirs + "/log"), "begin\nhello\n")
            os.unlink(self.theirs + "/log")
            svcd.svctl("start", "a")
            self.assertEqual(self.read(self.theirs + "/log"), "hello\n")

    def test_follow_links_of_roots_systemd_14226(self):
        with self.daemon(StandardOutput="truncate:%(theirs)s/way/log", StandardError="append:/dev/stderr") as svcd:
            os.symlink(self.roots, self.theirs + "/way")
            os.symlink("file", self.roots + "/log")
            svcd.svctl("start", "a")
            self.assertEqual(self.read(self.file), "hello\n")

    def test_go_to_devices_and_to_what_svcd_has_open(self):
        for path in ("/dev/null", "/dev/stdout", "/proc/self/fd/1"):
            with self.subTest(path), self.daemon(StandardOutput="append:" + path) as svcd:
                svcd.svctl("start", "a")
                self.assert_shows(svcd, "a", Result="success")

    def test_of_a_service_without_a_user_are_no_other(self):
        with self.daemon() as svcd:
            svcd.write_unit("a.service", service(["/bin/echo", "hello"], Type="oneshot", StandardOutput="append:%s/log" % self.theirs))
            svcd.svctl("daemon-reload")
            attack_link(self.file, self.theirs + "/log")
            self.refused(svcd, "STDOUT", "'log' is a symbolic link")


@unittest.skipUnless(os.geteuid() == 0, "only root has something to lose")
class Inputs(PathCase, TestCase):
    def test_read_no_file_of_roots_through_a_link_of_the_services_user(self):
        with self.daemon(StandardInput="file:%(theirs)s/in") as svcd:
            attack_link(self.file, self.theirs + "/in")
            self.refused(svcd, "STDIN", "'in' is a symbolic link")

    def test_an_EnvironmentFile_is_not_read_through_one(self):
        with self.daemon(EnvironmentFile="%(theirs)s/env") as svcd:
            attack_link(self.file, self.theirs + "/env")
            self.refused(svcd, "ENVIRONMENT_FILE", "'env' is a symbolic link", result="resources")
            os.unlink(self.theirs + "/env")
            os.link(self.file, self.theirs + "/env")
            self.refused(svcd, "ENVIRONMENT_FILE", "several names", result="resources")
            os.unlink(self.theirs + "/env")
            with open(self.theirs + "/env", "w") as file:
                file.write("A=1\n")
            svcd.svctl("start", "a")

    def test_an_EnvironmentFile_that_may_be_missing_and_is_refused_is_told_of(self):
        with self.daemon(EnvironmentFile="-%(theirs)s/env") as svcd:
            svcd.svctl("start", "a")
            self.assertNotIn("env", svcd.svctl("status", "a", status=None).stdout)
            attack_link(self.file, self.theirs + "/env")
            svcd.svctl("start", "a")
            said = "'env' is a symbolic link that neither root"
            for text in (svcd.read_errors(), svcd.svctl("status", "a", status=None).stdout):
                self.assertIn(said, " ".join(text.split()))
                self.assertIn("it is left out, for its path has a '-' before it", " ".join(text.split()))
            os.unlink(self.theirs + "/env")
            svcd.svctl("start", "a")
            self.assertNotIn("left out", svcd.svctl("status", "a", status=None).stdout)

    def test_a_fifo_is_read_and_nobody_waits_for_it(self):
        with self.daemon(StandardInput="file:%(theirs)s/fifo") as svcd:
            os.mkfifo(self.theirs + "/fifo", 0o600)
            svcd.svctl("start", "a")


@unittest.skipUnless(os.geteuid() == 0, "only root has something to lose")
class PidFiles(PathCase, TestCase):
    def forking(self, svcd):
        svcd.write_unit("d.service", service(actor("d", "fork", "pid=" + self.theirs + "/d.pid"), Type="forking",
                                             PIDFile=self.theirs + "/d.pid"))
        svcd.svctl("daemon-reload")
        svcd.svctl("start", "d")
        return svcd.get("d", "MainPID")

    def test_in_the_services_own_folder_go_on_to_work_systemd_8085(self):
        with self.daemon() as svcd:
            pid = self.forking(svcd)
            self.assertTrue(alive(pid))
            svcd.svctl("stop", "d")
            svcd.wait_until(lambda: not os.path.exists(self.theirs + "/d.pid"), "the PID file to be removed")

    def test_of_others_are_not_removed(self):
        with self.daemon() as svcd:
            pid = self.forking(svcd)
            with open(self.file, "w") as file:
                file.write("%d\n" % pid)
            os.unlink(self.theirs + "/d.pid")
            os.link(self.file, self.theirs + "/d.pid")
            svcd.svctl("stop", "d")
            svcd.wait_until(lambda: "several names" in svcd.read_errors(), "the refusal")
            self.assertTrue(os.path.exists(self.theirs + "/d.pid"))

    def test_are_removed_only_when_they_hold_a_number(self):
        with self.daemon() as svcd:
            self.forking(svcd)
            with open(self.theirs + "/d.pid", "w") as file:
                file.write("precious\n")
            svcd.svctl("stop", "d")
            svcd.wait_until(lambda: "doesn't hold a process number" in svcd.read_errors(), "the refusal")
            self.assertEqual(self.read(self.theirs + "/d.pid"), "precious\n")


@unittest.skipUnless(os.geteuid() == 0, "only root has something to lose")
class Doctor(PathCase, TestCase):
    def test_names_the_paths_that_others_could_exchange(self):
        with self.daemon(StandardOutput="append:%(theirs)s/sub/log", StandardError="append:%(roots)s/err",
                         EnvironmentFile="-%(theirs)s/env") as svcd:
            os.mkdir(self.theirs + "/sub")
            answer = json.loads(svcd.svctl("doctor", "--json", "a", status=None).stdout)
            hints = [each for each in answer["findings"] if each["kind"] == "folder-of-others"]
            self.assertEqual(sorted(each["text"].split(":")[0] for each in hints), ["EnvironmentFile", "StandardOutput"])
            self.assertEqual({each["severity"] for each in hints}, {"note"})
            self.assertIn("others than root may write to " + self.theirs + ":", hints[0]["text"])


if __name__ == "__main__":
    unittest.main()
