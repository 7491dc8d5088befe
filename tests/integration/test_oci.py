"""svcd as the first process of a container that crun or runc has made (oci.py), with a cgroup that it may write to, and without."""
import os
import signal
import time
import unittest

from harness import SANITIZED, SLACK, TestCase, service
from oci import Bundle, why_not

SLEEP = ["sleep", "1000"]
# Forks 1,000 processes that end at once, and ends itself without having waited for any.
LEAVES_ZOMBIES = """
import os
for _ in range(1000):
    if os.fork() == 0:
        os._exit(0)
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
print(sum(open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()[1] == str(os.getpid()) for pid in os.listdir("/proc") if pid.isdigit()))
"""
COUNT_ZOMBIES = """
import glob, contextlib
count = 0
for path in glob.glob("/proc/[0-9]*/stat"):
    with contextlib.suppress(OSError), open(path) as stat:
        count += stat.read().rsplit(")", 1)[1].split()[0] == "Z"
print(count)
"""


def shell(script, **settings):
    """A service that runs a script. `$` is the shell's."""
    return service(["/bin/sh", "-c", script.replace("$", "$$")], **settings)


def waits(on_stop, **settings):
    """A service that says that it is up, and does something when it is asked to end."""
    return shell("trap '%s; exit 0' TERM; echo up; while :; do sleep 0.05; done" % on_stop, **settings)


def wanting(*units):
    return {"Unit": {"Wants": list(units)}}


class Runs:
    """What is the same with every runtime; `runtime` is its name."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reason = why_not(cls.runtime)
        if reason is not None:
            raise unittest.SkipTest(reason)

    def bundle(self, *arguments, **settings):
        return Bundle(self.runtime, *arguments, **settings)


class Services(Runs):
    def test_units_of_a_bundle_are_started_shown_asked_about_and_stopped_in_order(self):
        units = {"db.service": waits("echo db >>/shared/order; echo bye"),
                 "web.service": waits("sleep 0.2; echo web >>/shared/order; echo bye", unit={"Requires": ["db.service"], "After": ["db.service"]}),
                 "default.target": wanting("web.service")}
        with self.bundle(units=units) as bundle:
            bundle.wait_running()
            self.assertEqual(bundle.execute("readlink", "/proc/1/exe").strip().split("/")[-1], "svcd-launcher")
            bundle.wait_line("web.service: up")
            bundle.wait_line("db.service: up")
            self.assertIn("active (running)", bundle.execute("svctl", "status", "web"))
            self.assertIn("db.service", bundle.execute("svctl", "explain", "db"))
            self.assertEqual(bundle.execute("svctl", "is-system-running", "-q"), "")
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 0)
            self.assertEqual(sorted(line for line in bundle.lines() if line.endswith("bye")), ["db.service: bye", "web.service: bye"])
            with open(bundle.path("shared/order"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "web\ndb\n")

    def test_a_health_check_fails_when_a_unit_has_failed_and_explain_says_why(self):
        with self.bundle(units={"a.service": shell("exit 3"), "b.service": service(SLEEP), "default.target": wanting("a.service", "b.service")}) as bundle:
            bundle.wait_until(lambda: "failed" in bundle.execute("svctl", "is-failed", "a", status=None), "a.service failed")
            bundle.execute("svctl", "is-system-running", "-q", status=1)
            self.assertIn("exited with status 3", bundle.execute("svctl", "explain", "a"))
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 0)

    def test_what_needed_sigkill_is_told_of_at_the_end_and_the_status_is_1(self):
        units = {"deaf.service": shell("trap '' TERM; echo up; while :; do sleep 0.05; done"), "default.target": wanting("deaf.service")}
        with self.bundle("--shutdown-budget=2s", units=units) as bundle:
            bundle.wait_line("deaf.service: up")
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 1)
            self.assertRegex("\n".join(bundle.lines("err")), r"deaf\.service: its stop took .* and what was left then got SIGKILL")

    def test_a_failure_action_gives_the_status_of_the_service(self):
        units = {"a.service": service(["/bin/sh", "-c", "kill -9 $$$$"], unit={"FailureAction": "exit"}), "default.target": wanting("a.service")}
        with self.bundle(units=units) as bundle:
            self.assertEqual(bundle.wait(), 137)

    def test_a_thousand_processes_that_die_unreaped_leave_no_zombie_and_cost_no_memory(self):
        with self.bundle(units={"a.service": service(SLEEP), "default.target": wanting("a.service")}) as bundle:
            bundle.wait_running()
            manager = bundle.execute("pgrep", "-P", "1", "svcd-manager").strip()

            def resident():
                status = bundle.execute("cat", "/proc/1/status", "/proc/%s/status" % manager)
                return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
            before = resident()
            self.assertEqual(bundle.execute("python3", "-c", LEAVES_ZOMBIES).strip(), "1000")
            began = time.monotonic()
            bundle.wait_until(lambda: bundle.execute("python3", "-c", COUNT_ZOMBIES).strip() == "0", "an end of the last zombie")
            self.assertLess(time.monotonic() - began, 2 * SLACK)
            self.assertLess(resident() - before, 512 if not SANITIZED else 16384)  # kB; the programs make no room for the dead
            self.assertIn("active (running)", bundle.execute("svctl", "status", "a"))

    def test_the_services_outlive_the_manager(self):
        with self.bundle(units={"a.service": service(SLEEP), "default.target": wanting("a.service")}) as bundle:
            bundle.wait_running()
            pid = bundle.execute("svctl", "show", "a", "-P", "MainPID").strip()
            manager = bundle.execute("pgrep", "-P", "1", "svcd-manager").strip()
            bundle.execute("kill", "-9", manager)
            bundle.wait_until(lambda: bundle.execute("pgrep", "-P", "1", "svcd-manager", status=None).strip() not in ("", manager), "another manager")
            bundle.wait_running()
            self.assertEqual(bundle.execute("svctl", "show", "a", "-P", "MainPID").strip(), pid)
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 0)

    def test_on_a_read_only_root_they_run_when_run_may_be_written_to(self):
        units = {"a.service": waits("echo bye"), "default.target": wanting("a.service")}
        with self.bundle(units=units, read_only=True) as bundle:
            bundle.wait_running()
            bundle.wait_line("a.service: up")
            self.assertIn("active (running)", bundle.execute("svctl", "status", "a"))
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 0)
            bundle.wait_line("a.service: bye")

    def test_another_user_who_has_a_cgroup_and_a_runtime_dir_runs_them_too(self):
        units = {"a.service": waits("echo bye"), "default.target": wanting("a.service")}
        with self.bundle("--runtime-dir=/tmp/svcd", "--log-dir=/tmp/log", units=units, user=1000) as bundle:
            bundle.wait_line("a.service: up")
            self.assertEqual(bundle.execute("stat", "-c", "%u", "/proc/1").strip(), "1000")
            self.assertIn("active (running)", bundle.execute("svctl", "--runtime-dir=/tmp/svcd", "status", "a"))
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 0)
            bundle.wait_line("a.service: bye")

    def test_without_a_cgroup_that_it_may_write_to_keepers_find_their_processes(self):
        units = {"a.service": waits("echo bye"), "default.target": wanting("a.service")}
        with self.bundle(units=units, cgroup="ro") as bundle:
            bundle.wait_line("a.service: up")
            self.assertEqual(bundle.execute("svctl", "show", "a", "-P", "Tracking").strip(), "keeper")
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 0)
            bundle.wait_line("a.service: bye")
            self.assertIn("goes on without cgroups", "\n".join(bundle.lines("err")))

    def test_another_user_needs_neither_a_cgroup_nor_a_runtime_dir_of_his(self):
        units = {"a.service": waits("echo bye"), "default.target": wanting("a.service")}
        with self.bundle("--log-dir=/tmp/log", units=units, user=1000, cgroup="ro") as bundle:
            bundle.wait_line("a.service: up")
            self.assertIn("active (running)", bundle.run("exec", "--user=1000:1000", bundle.name, "svctl", "status", "a").stdout)
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 0)
            bundle.wait_line("a.service: bye")

    def test_on_a_terminal_it_shows_what_they_write_there(self):
        with self.bundle(units={"a.service": waits("echo bye"), "default.target": wanting("a.service")}, terminal=True) as bundle:
            bundle.wait_line("a.service: up")
            bundle.wait_running()
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 0)
            self.assertIn("a.service: bye", bundle.lines())


class Commands(Runs):
    def test_the_status_of_a_command_is_that_of_the_bundle(self):
        for script, status in (("exit 7", 7), ("kill -9 $$", 137), ("exit 0", 0)):
            with self.subTest(script=script), self.bundle("--", "/bin/sh", "-c", script) as bundle:
                self.assertEqual(bundle.wait(), status)
        with self.bundle("--", "/nosuch/program") as bundle:
            self.assertEqual(bundle.wait(), 127)

    def test_sigterm_stops_a_command_others_are_passed_on_and_svctl_tells_of_it(self):
        script = "trap 'echo again' HUP; trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done"
        with self.bundle("--", "/bin/sh", "-c", script) as bundle:
            bundle.wait_line("up")
            self.assertIn("active (running)", bundle.execute("svctl", "status", "main"))
            bundle.kill("HUP")
            bundle.wait_line("again")
            bundle.kill("TERM")
            self.assertEqual(bundle.wait(), 5)
            self.assertEqual(bundle.lines(), ["up", "again", "bye"])

    def test_what_it_leaves_behind_is_ended_with_it(self):
        script = "setsid sh -c 'trap \"echo left; exit\" TERM; echo up; while :; do sleep 0.05; done' & read line </shared/go; exit 4"
        with self.bundle("--", "/bin/sh", "-c", script) as bundle:
            os.mkfifo(bundle.path("shared/go"))
            bundle.wait_line("up")
            with open(bundle.path("shared/go"), "w", encoding="ascii") as go:
                go.write("go\n")
            self.assertEqual(bundle.wait(), 4)
            self.assertEqual(bundle.lines(), ["up", "left"])

    def test_on_a_terminal_a_shell_has_job_control_and_ctrl_c_reaches_what_runs(self):
        with self.bundle("--", "/bin/bash", "--norc", "-i", terminal=True) as bundle:
            bundle.type("stty -echo; PS1=; PS2=\n")
            bundle.type("tty; jobs; echo $((1000 + 1))\n")
            bundle.wait_line("1001")
            self.assertTrue(any(line.startswith("/dev/") for line in bundle.lines()))
            self.assertNotIn("no job control", "\n".join(bundle.lines()))
            # Not below dash: its vfork child would take the Ctrl-C for itself, and then become sleep.
            bundle.type("sleep 1000\n")
            bundle.wait_until(lambda: bundle.run("exec", bundle.name, "pgrep", "-x", "sleep", status=None).returncode == 0, "sleep")
            bundle.type("\x03")
            bundle.type("echo $?; exit 6\n")
            bundle.wait_line(str(128 + signal.SIGINT))
            self.assertEqual(bundle.wait(), 6)


class CrunServices(Services, TestCase):
    runtime = "crun"


class RuncServices(Services, TestCase):
    runtime = "runc"


class CrunCommands(Commands, TestCase):
    runtime = "crun"


class RuncCommands(Commands, TestCase):
    runtime = "runc"


if __name__ == "__main__":
    unittest.main()
