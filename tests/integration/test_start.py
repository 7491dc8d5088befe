"""What svcd says, and does not do, when it is not started as it should be."""
import json
import os
import pty
import select
import shutil
import subprocess
import tempfile
import time

from harness import SVCD, Daemon, TestCase, actor, service


def run(*arguments, **settings):
    return subprocess.run([SVCD, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=30, **settings)


class Arguments(TestCase):
    def assert_refused(self, arguments, *words):
        done = run(*arguments)
        self.assertEqual(done.returncode, 2, done)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_misspelt_option_is_refused_by_svcd_itself(self):
        self.assert_refused(["--contaner"], "no option --contaner", "did you mean --container?", "svcd --help")
        self.assert_refused(["--unitpath=/tmp"], "no option --unitpath", "--unit-path")
        self.assert_refused(["-x"], "no option -x")
        self.assert_refused(["--system=yes"], "--system takes no value")

    def test_all_that_is_wrong_is_said_at_once(self):
        self.assert_refused(["--contaner", "--logdir=/x"], "--container", "--log-dir")

    def test_a_value_that_is_missing_or_wrong_is_refused(self):
        self.assert_refused(["--unit"], "--unit needs a value: --unit=NAME")
        self.assert_refused(["--unit="], "--unit needs a value")
        self.assert_refused(["--unit", "--system"], "--unit needs a value")
        self.assert_refused(["--unit=a/b"], "--unit: 'a/b' can't be the name of a unit")
        self.assert_refused(["--log-level=loud"], "'loud' is none of debug, info, notice, warning, error")

    def test_words_that_are_no_options_are_refused(self):
        self.assert_refused(["start"], "doesn't know what 'start' means")
        self.assert_refused(["single"], "doesn't know what 'single' means")

    def test_modes_exclude_each_other(self):
        self.assert_refused(["--system", "--user"], "exclude each other")
        self.assert_refused(["--user", "--container"], "exclude each other")

    def test_a_command_is_for_a_container(self):
        self.assert_refused(["--container", "--unit=web", "--", "/bin/true"], "with a command its unit, main.service, is what is started")
        self.assert_refused(["--", "/bin/true"], "a command is for --container only")

    def test_help_and_version_are_not_hidden_by_anything(self):
        self.assertIn("--unit-path", run("--help").stdout)
        self.assertRegex(run("--version").stdout, r"^svcd \d+\.\d+\.\d+\n$")


class Parts(TestCase):
    def test_without_svcd_exec_svcd_refuses_to_start(self):
        with tempfile.TemporaryDirectory(prefix="svcd-test-") as folder:
            build = os.environ["SVCD_BUILD_DIR"]
            for program in ("svcd", "svcd-launcher", "svcd-shutdown", "svcd-manager"):
                part = {"svcd": "launcher", "svcd-launcher": "launcher"}.get(program, program[5:])
                shutil.copy(os.path.join(build, "daemon", part, program), folder)
            done = subprocess.run([folder + "/svcd", "--runtime-dir=" + folder + "/run", "--unit-path=" + folder], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("svcd-exec", done.stderr)
            self.assertIn("not installed whole", done.stderr)
            for program, mode in (("svcd-exec", 0o644), ("svcd-manager", 0o644)):
                shutil.copy(os.path.join(build, "daemon", program[5:], program), folder)
                os.chmod(os.path.join(folder, program), mode)
                done = subprocess.run([folder + "/svcd", "--runtime-dir=" + folder + "/run", "--unit-path=" + folder], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("%s/%s: Permission denied" % (folder, program), done.stderr)


class Degraded(TestCase):
    """A system that is degraded says why, to those who don't read svcd's log too."""

    def assert_tells(self, svcd, kind, unit, *words):
        self.assertEqual(svcd.svctl("is-system-running", status=1).stdout, "degraded\n")
        status = svcd.svctl("status").stdout
        findings = json.loads(svcd.svctl("doctor", "--json", status=1).stdout)["findings"]
        of_kind = [each for each in findings if each["kind"] == kind]
        self.assertEqual([(each["unit"], each["severity"]) for each in of_kind], [(unit, "problem")])
        for word in words:
            self.assertIn(word, status)
            self.assertIn(word.lower(), of_kind[0]["text"].lower())

    def test_an_ordering_cycle(self):
        units = {"cyc1.service": service(actor("1"), {"After": "cyc2.service"}),
                 "cyc2.service": service(actor("2"), {"After": "cyc1.service"}),
                 "default.target": {"Unit": {"Wants": ["cyc1.service", "cyc2.service"]}}}
        with Daemon(units, unit="default.target") as svcd:
            svcd.wait_for("default.target", ActiveState="active")
            broken = svcd.manager("GetUnit", "s", "cyc1.service") and [
                each["unit"] for each in json.loads(svcd.svctl("doctor", "--json", status=1).stdout)["findings"]
                if each["kind"] == "ordering-cycle"]
            self.assert_tells(svcd, "ordering-cycle", broken[0], "to break an ordering cycle: ", "cyc1.service.yaml:")
            svcd.svctl("doctor", broken[0], status=1)
            svcd.write_unit("cyc1.service", service(actor("1")))
            svcd.svctl("daemon-reload")
            self.assertNotIn("cycle", svcd.svctl("status").stdout)

    def test_a_first_unit_that_is_not_there(self):
        with Daemon(unit="defalt.target") as svcd:
            self.assert_tells(svcd, "boot", "defalt.target", "the boot has not reached defalt.target", "did you mean 'default.target'?")
            self.assertIn("did you mean 'default.target'?", svcd.read_errors())
            svcd.kill_manager()
            self.assert_tells(svcd, "boot", "defalt.target", "the boot has not reached defalt.target")

    def test_a_required_unit_that_is_missing_faulty_or_fails(self):
        need = {"Unit": {"Requires": "need.service", "After": "need.service"}}
        for needed, word in ((None, "need.service has no unit file"), ("Service: {ExecStrat: /bin/true}\n", "need.service can't be loaded"),
                             (service("/bin/false", Type="oneshot"), "need.service failed (exit-code)")):
            with Daemon({"default.target": need, **({"need.service": needed} if needed else {})}, unit="default.target") as svcd:
                svcd.wait_until(lambda: svcd.svctl("is-system-running", status=1).stdout == "degraded\n", "the end of the boot")
                self.assert_tells(svcd, "boot", "default.target", "the boot has not reached default.target", word)

    def test_a_configuration_with_a_fault(self):
        with Daemon(config="KillGraceSecs: 1s\n") as svcd:
            self.assert_tells(svcd, "config", "", "svcd.yaml:2: unknown key 'KillGraceSecs', did you mean 'KillGraceSec'? "
                              "The line is ignored, and KillGraceSec is 5s")
            self.assertIn("svctl daemon-reexec", svcd.svctl("doctor", status=1).stdout)
            with open(svcd.path("svcd.yaml"), "w") as config:
                config.write("KillGraceSec: 5s\n")
            svcd.svctl("daemon-reexec")
            self.assertEqual(svcd.svctl("is-system-running").stdout, "running\n")

    def test_a_configuration_that_was_typed_and_is_not_there_starts_nothing(self):
        svcd = Daemon({"a.service": service(actor("a"))}, unit="a", arguments=["--config=/nonexistent/none.yaml"])
        try:
            done = subprocess.run(svcd.arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=30, env=svcd.environment)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("read the configuration /nonexistent/none.yaml: No such file or directory", done.stderr)
            self.assertEqual(svcd.told("a"), [])
        finally:
            svcd.remove_all()

    def test_a_first_unit_without_a_type_is_a_service(self):
        with Daemon({"web.service": service(actor("web"))}, unit="web") as svcd:
            svcd.wait_told("web", "start")
            self.assertEqual(svcd.svctl("is-system-running").stdout, "running\n")


class Words(TestCase):
    def test_a_unit_path_that_is_not_there_is_said(self):
        with Daemon(arguments=["--unit-path=/nonexistent/units"]) as svcd:
            told = svcd.read_errors()
            self.assertIn("warning: /nonexistent/units: --unit-path names this folder, and it does not exist", told)
            self.assertEqual(told.count("/nonexistent/units"), 1, told)

    def test_on_a_terminal_it_says_what_is_there_and_what_to_type_next(self):
        svcd = Daemon({"a.service": service(actor("a"))})
        main, terminal = pty.openpty()
        try:
            with subprocess.Popen(svcd.arguments, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal, env=svcd.environment) as process:
                os.close(terminal)
                text, deadline = "", time.monotonic() + 30
                while "Next:" not in text and time.monotonic() < deadline and select.select([main], [], [], 30)[0]:
                    text += os.read(main, 4096).decode()
                self.assertRegex(text, r"svcd \d+\.\d+\.\d+ is up: \d+ units from " + svcd.units)
                self.assertIn("socket %s/bus" % svcd.run, text)
                self.assertIn("'svctl --runtime-dir=%s'" % svcd.run, text)
                process.terminate()
                while select.select([main], [], [], 30)[0]:
                    try:
                        os.read(main, 4096)
                    except OSError:
                        break
        finally:
            os.close(main)
            svcd.remove_all()

    def test_a_log_folder_that_can_not_be_written_fails_no_service(self):
        """Supervisor/supervisor#1585, systemd/systemd#28975: a read-only root, and every service fails for want of its log."""
        with Daemon({"a.service": service(actor("a"))}, arguments=["--log-dir=/sys/no-folder"]) as svcd:
            svcd.svctl("start", "a")
            self.assertIn("its output goes to /dev/null", svcd.read_errors())

    def test_an_output_file_that_can_not_be_written_still_fails_its_service(self):
        unit = service(actor("a"), StandardOutput="append:/proc/no-folder/file")
        with Daemon({"a.service": unit}) as svcd:
            svcd.svctl("start", "a", status=None)
            self.assertEqual(svcd.svctl("show", "-P", "ExecMainStatus", "a").stdout, "209\n")

    def test_LogDir_says_where_output_goes_unless_it_was_typed(self):
        with tempfile.TemporaryDirectory(prefix="svcd-test-") as folder:
            svcd = Daemon({"a.service": service(actor("a"))}, config="LogDir: %s\n" % folder)
            with svcd:
                self.assertEqual(svcd.svctl("show", "-P", "LogPath", "a").stdout, svcd.log + "/a.service/current\n")
            svcd = Daemon({"a.service": service(actor("a"))}, config="LogDir: %s\n" % folder)
            svcd.arguments = [word for word in svcd.arguments if not word.startswith("--log-dir=")]
            with svcd:
                self.assertEqual(svcd.svctl("show", "-P", "LogPath", "a").stdout, folder + "/a.service/current\n")


if __name__ == "__main__":
    import unittest
    unittest.main()
