"""What services of a container write: svcd-logd hands it on to svcd's standard output and standard error (docs/container-logs.md).
A number in a test's name is that of a public report (docs/tried.md)."""
import os
import re
import signal
import subprocess
import unittest

from harness import NOBODY, PATIENCE, SVCD, Daemon, TestCase, service

LOGD = "svcd-logd.service"


def shell(script, **settings):
    """A service that runs a script. `$` is the shell's."""
    return service(["/bin/sh", "-c", script.replace("$", "$$").replace("%", "%%")], **settings)


class Container(Daemon):
    """A svcd --container whose standard output and standard error are files of their own."""

    def __init__(self, units, arguments=(), **settings):
        super().__init__(units, arguments=arguments, mode="--container",
                         prefix=("/bin/sh", "-c", 'exec "$@" >%(directory)s/out 2>%(directory)s/err', "sh"), exit_status=None, **settings)

    def lines(self, name="out"):
        with open(os.path.join(self.directory, name), encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()

    def wait_line(self, line, name="out"):
        self.wait_until(lambda: line in self.lines(name), "the line %r in %s" % (line, name))

    def wait_running(self, unit=LOGD, other_than=0):
        self.wait_until(lambda: self.get(unit, "MainPID") not in (0, other_than) and self.get(unit, "SubState") == "running",
                        "%s running" % unit)
        return self.get(unit, "MainPID")


class Lines(TestCase):
    def test_supervisor_1326_supervisor_1201_s6_overlay_304_each_line_says_whose_it_is(self):
        with Container({"a.service": shell("echo one; echo two; sleep 1000"), "b.service": shell("echo other; sleep 1000")}) as svcd:
            svcd.svctl("start", "a", "b")
            svcd.wait_line("a.service: two")
            svcd.wait_line("b.service: other")
            self.assertEqual([line for line in svcd.lines() if line.startswith("a.")], ["a.service: one", "a.service: two"])

    def test_s6_overlay_13_errors_go_to_standard_error_and_output_to_standard_output(self):
        with Container({"a.service": shell("echo good; echo bad >&2; sleep 1000")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_line("a.service: good")
            svcd.wait_line("a.service: bad", "err")
            self.assertNotIn("a.service: bad", svcd.lines())
            self.assertNotIn("a.service: good", svcd.lines("err"))

    def test_without_the_prefix_lines_are_as_they_were_written(self):
        with Container({"a.service": shell("echo plain; sleep 1000")}, arguments=("--log-prefix=no",)) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_line("plain")

    def test_supervisor_stdout_11_empty_lines_stay(self):
        with Container({"a.service": shell("echo; echo end; sleep 1000")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_line("a.service: end")
            self.assertEqual(svcd.lines()[:2], ["a.service: ", "a.service: end"])

    def test_moby_34855_of_a_long_line_no_byte_is_lost_or_said_twice(self):
        with Container({"a.service": shell("head -c 300000 /dev/zero | tr '\\0' x; echo; echo end; sleep 1000")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_line("a.service: end")
            pieces = [line[len("a.service: "):] for line in svcd.lines()[:-1]]
            self.assertEqual("".join(pieces), "x" * 300000)
            self.assertLessEqual(max(len(piece) for piece in pieces), 4096)

    def test_moby_18497_moby_43860_half_a_line_is_shown_too(self):
        with Container({"a.service": shell("printf 'password: '; sleep 1000"), "b.service": shell("printf bye", Type="oneshot")}) as svcd:
            svcd.svctl("start", "a", "b")
            svcd.wait_line("a.service: password: ")
            svcd.wait_line("b.service: bye")

    def test_moby_31243_a_service_of_another_user_opens_dev_stdout_and_dev_stderr(self):
        with Container({"a.service": shell("echo again >/dev/stdout; echo error >/dev/stderr; sleep 1000", User=str(NOBODY))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_line("a.service: again")
            svcd.wait_line("a.service: error", "err")

    def test_what_a_unit_sends_elsewhere_goes_there(self):
        with Container({}) as svcd:
            path = os.path.join(svcd.directory, "own")
            svcd.write_unit("a.service", shell("echo mine; echo error >&2; sleep 1000", StandardOutput="append:" + path, StandardError="log"))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "a")
            svcd.wait_line("a.service: error", "err")
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), "mine\n")
            self.assertEqual(svcd.lines(), [])

    def test_status_still_shows_the_last_lines_and_keeps_a_bounded_file_of_them(self):
        with Container({"a.service": shell("i=0; while [ $i -lt 9000 ]; do echo line $i of many that are written here to be kept; i=$((i+1)); done; "
                                           "echo end; sleep 1000")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_line("a.service: end")
            svcd.wait_until(lambda: "\nend\n" in svcd.svctl("status", "a").stdout, "the last line in status")
            self.assertLessEqual(os.path.getsize(os.path.join(svcd.log, "a.service", "current")), 256 * 1024)
            self.assertEqual(len([line for line in svcd.lines() if " line " in line]), 9000)

    def test_the_last_words_of_a_service_at_the_shutdown_are_handed_on(self):
        with Container({"a.service": shell("trap 'echo goodbye; exit 0' TERM; echo up; while :; do sleep 0.05; done")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_line("a.service: up")
            svcd.end()
            self.assertIn("a.service: goodbye", svcd.lines())

    def test_a_file_of_the_users_replaces_the_one_that_svcd_makes(self):
        with Container({LOGD: shell("echo mine >&2; sleep 1000", StandardOutput="inherit")}) as svcd:
            svcd.wait_line("mine", "err")
            self.assertEqual(svcd.get(LOGD, "FragmentPath"), os.path.join(svcd.units, LOGD + ".yaml"))

    def test_a_wrong_word_for_the_prefix_is_refused_before_anything_starts(self):
        done = subprocess.run([SVCD, "--container", "--log-prefix=maybe"], stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, "'maybe' is neither yes nor no" in done.stderr), (2, True), done.stderr)


class Deaths(TestCase):
    COUNTING = ("i=0; while [ $i -lt 4000 ]; do echo number $i; i=$((i+1)); done; echo end; sleep 1000")

    def start_echo(self, svcd):
        """Starts a service that says what is written to a FIFO; that, and the PID of svcd-logd."""
        fifo = svcd.path("words")
        os.mkfifo(fifo)
        svcd.write_unit("a.service", shell("exec 3<>%s; echo up; while read word <&3; do echo $word; done" % fifo))
        svcd.svctl("daemon-reload")
        logd = svcd.wait_running()
        svcd.svctl("start", "a")
        svcd.wait_line("a.service: up")
        return fifo, logd

    def numbers(self, svcd):
        return [int(found.group(1)) for found in (re.fullmatch(r"a\.service: number (\d+)", line) for line in svcd.lines()) if found]

    def test_systemd_6620_systemd_4408_no_line_is_lost_when_the_logger_is_killed(self):
        with Container({"a.service": shell(self.COUNTING)}) as svcd:
            pid = svcd.wait_running()
            svcd.svctl("start", "a")
            for count in (100, 1500, 2500):
                svcd.wait_until(lambda: len(self.numbers(svcd)) >= count, "%d lines" % count)
                os.kill(pid, signal.SIGKILL)
                pid = svcd.wait_running(other_than=pid)
            svcd.wait_line("a.service: end")
            numbers = self.numbers(svcd)
            self.assertEqual(sorted(set(numbers)), list(range(4000)))
            self.assertLessEqual(len(numbers), 4000 + 3, "at most one line is said twice for each death")
            self.assertEqual(svcd.get("a", "NRestarts"), 0)

    def test_what_is_written_while_neither_logger_nor_manager_lives_is_there_afterwards(self):
        with Container({}) as svcd:
            fifo, logd = self.start_echo(svcd)
            manager = svcd.manager_pid()
            svcd.disconnect()
            os.kill(manager, signal.SIGSTOP)
            os.kill(logd, signal.SIGKILL)
            with open(fifo, "w", encoding="utf-8") as words:
                words.write("meanwhile\n")
            os.kill(manager, signal.SIGKILL)
            svcd.wait_for_manager(other_than=manager)
            svcd.wait_line("a.service: meanwhile")
            self.assertEqual(svcd.get("a", "SubState"), "running")

    def test_after_the_launchers_death_the_next_svcd_keeps_the_pipes(self):
        with Container({}) as svcd:
            fifo, logd = self.start_echo(svcd)
            svcd.kill_launcher()
            svcd.start_again()
            os.kill(logd, signal.SIGKILL)
            svcd.wait_running(other_than=logd)
            with open(fifo, "w", encoding="utf-8") as words:
                words.write("again\n")
            svcd.wait_line("a.service: again")
            self.assertEqual(svcd.get("a", "SubState"), "running")

    def test_containerd_9342_nobody_reads_standard_output_and_everything_can_be_stopped(self):
        reader, writer = os.pipe()
        try:
            with Daemon({"a.service": shell("while :; do echo flood flood flood flood; done", TimeoutStopSec="1s"),
                         "b.service": shell("echo from b >&2; sleep 1000")}, mode="--container", pass_fds=(writer,), exit_status=None,
                        prefix=("/bin/sh", "-c", 'exec "$@" >&%d 2>%%(directory)s/err' % writer, "sh")) as svcd:
                svcd.svctl("start", "a", "b")
                def errors():
                    with open(os.path.join(svcd.directory, "err"), encoding="utf-8") as file:
                        return file.read()
                svcd.wait_until(lambda: "b.service: from b" in errors(), "the other stream")
                svcd.svctl("stop", "a")
                self.assertEqual(svcd.get("a", "ActiveState"), "inactive")
                svcd.end()
        finally:
            os.close(reader)
            os.close(writer)

    def test_supercronic_36_when_standard_output_has_been_closed_services_go_on(self):
        reader, writer = os.pipe()
        with Daemon({"a.service": shell("while :; do echo flood flood flood flood; done")}, mode="--container", pass_fds=(writer,), exit_status=None,
                    prefix=("/bin/sh", "-c", 'exec "$@" >&%d 2>%%(directory)s/err' % writer, "sh")) as svcd:
            os.close(writer)
            os.close(reader)
            svcd.svctl("start", "a")
            size = lambda: os.path.getsize(os.path.join(svcd.log, "a.service", "current"))
            svcd.wait_until(lambda: os.path.exists(os.path.join(svcd.log, "a.service", "current")) and size() > 100000, "100 KB of lines")
            self.assertEqual(svcd.get(LOGD, "NRestarts"), 0)

    def test_a_service_that_floods_keeps_no_other_from_being_heard(self):
        with Container({"a.service": shell("while :; do echo flood flood flood flood; done"),
                        "b.service": shell("echo heard; sleep 1000")}) as svcd:
            svcd.svctl("start", "a")
            svcd.svctl("start", "b")
            svcd.wait_line("b.service: heard")

    def test_a_unit_whose_pipes_cannot_be_made_writes_to_its_log_file_and_that_is_said(self):
        with Container({"a.service": shell("echo hello; sleep 1000")}) as svcd:
            path = os.path.join(svcd.run, "output", "out:a.service")
            with open(path, "w", encoding="utf-8"):
                pass
            svcd.svctl("start", "a")
            svcd.wait_until(lambda: svcd.read_log("a") == "hello\n", "the line in the log file")
            self.assertIn("use %s: it is no pipe; remove it" % path, "\n".join(svcd.lines("err")))


if __name__ == "__main__":
    unittest.main()
