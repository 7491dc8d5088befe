"""`svcd --container -- COMMAND` (docs/container.md). A number in a test's name is that of a public report (docs/tried.md)."""
import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import CGROUP_MOUNT, KEEPERS, PATIENCE, SVCD, SVCTL, TestCase, alive, children_of, command_line, counter, descendants, end_with_parent, processes_below

UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


class Command(contextlib.AbstractContextManager):
    """A svcd that runs a command. `is_init`: as PID 1 of a PID namespace."""

    def __init__(self, *command, options=(), is_init=False, prefix=(), terminal=None, environment=None, drop_ins=None, cwd=None):
        self.directory = tempfile.mkdtemp(prefix="svcd-test-")
        self.cgroup_name = "/svcd-test-%d-%d" % (os.getpid(), next(counter))
        self.cgroup = CGROUP_MOUNT + self.cgroup_name
        os.mkdir(self.cgroup)
        self.run = os.path.join(self.directory, "run")
        units = os.path.join(self.directory, "units")
        os.mkdir(units)
        for name, text in (drop_ins or {}).items():
            path = os.path.join(units, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        self.is_init = is_init
        self.arguments = [*(UNSHARE if is_init else ()), *prefix, SVCD, "--container", "--runtime-dir=" + self.run, "--log-dir=" + self.directory + "/log",
                          "--cgroup=" + ("none" if KEEPERS else self.cgroup_name), "--unit-path=" + units, *options, "--", *command]
        self.environment = dict(os.environ, **(environment or {}))
        self.environment.pop("NOTIFY_SOCKET", None)
        self.terminal, self.cwd = terminal, cwd
        self.text, self.process = "", None

    def errors_file(self):
        self.errors_to = open(os.path.join(self.directory, "err"), "wb")
        return self.errors_to

    def __enter__(self):
        if self.terminal is None:
            streams = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors_file())
        else:
            streams = dict(stdin=self.terminal, stdout=self.terminal, stderr=self.terminal)
            with open(os.path.join(self.directory, "err"), "wb"):
                pass  # what svcd says is on the terminal
            self.errors_to = None

        def prepare():
            end_with_parent()
            if KEEPERS:
                with open(self.cgroup + "/cgroup.procs", "w", encoding="ascii") as procs:
                    procs.write("0")
            if self.terminal is not None:
                import fcntl
                import termios
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen(self.arguments, env=self.environment, start_new_session=True, preexec_fn=prepare, cwd=self.cwd, **streams)
        return self

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if kind is not None:
            print("── stderr ──\n%s" % self.errors())
        deadline = time.monotonic() + 10
        while os.path.isdir(self.cgroup) and time.monotonic() < deadline:
            with contextlib.suppress(OSError), open(self.cgroup + "/cgroup.kill", "w") as kill:
                kill.write("1")
            for path, _, _ in os.walk(self.cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
        shutil.rmtree(self.directory, ignore_errors=True)
        for file in (self.process.stdout, self.errors_to):
            if file is not None:
                file.close()
        return False

    def launcher(self):
        """svcd's PID, as we see it."""
        if not self.is_init:
            return self.process.pid
        self.until(lambda: children_of(self.process.pid), "svcd in its namespace")
        return children_of(self.process.pid)[0][0]

    def kill(self, number):
        os.kill(self.launcher(), number)

    def until(self, question, what):
        deadline = time.monotonic() + PATIENCE
        while not question():
            if time.monotonic() > deadline:
                raise AssertionError("%s did not come; so far: %r" % (what, self.text))
            time.sleep(0.005)

    def read_until(self, text):
        """Reads what the command writes until `text` is in it."""
        fd = self.process.stdout.fileno()
        deadline = time.monotonic() + PATIENCE
        while text not in self.text:
            if not select.select([fd], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise AssertionError("%r did not come; so far: %r" % (text, self.text))
            more = os.read(fd, 65536)
            if not more:
                raise AssertionError("the output ended without %r: %r; %s" % (text, self.text, self.errors()))
            self.text += more.decode(errors="replace")
        return self.text

    def finish(self):
        """The exit status of svcd, as a shell counts."""
        if self.process.stdout is not None:
            self.text += self.process.stdout.read().decode(errors="replace")
        status = self.process.wait(2 * PATIENCE)
        return 128 - status if status < 0 else status

    def errors(self):
        with open(os.path.join(self.directory, "err"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def svctl(self, *words):
        return subprocess.run([SVCTL, "--runtime-dir=" + self.run, *words], stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=2 * PATIENCE)

    def members(self):
        """PIDs of all that run in units."""
        if KEEPERS:
            everybody = processes_below(self.cgroup)
            return descendants([pid for pid in everybody if command_line(pid)[:1] == ["svcd-exec"]], everybody)
        found = []
        for path, _, _ in os.walk(self.cgroup + "/system.slice"):
            with contextlib.suppress(OSError), open(path + "/cgroup.procs", encoding="utf-8") as procs:
                found += [int(pid) for pid in procs.read().split()]
        return found


def status_of(*command, **settings):
    with Command(*command, **settings) as svcd:
        status = svcd.finish()
        return status, svcd.text, svcd.errors()


def shell(script):
    return "/bin/sh", "-c", script


# Says what it gets. 'mask' at the start: it is ready.
TELLS = r"""
trap 'echo got TERM; exit 3' TERM
for s in HUP INT QUIT USR1 USR2 WINCH CONT RTMIN+4; do trap "echo got $s" $s; done
echo up
while :; do sleep 0.02; done
"""


# Not dash, which can't be stopped between its vfork and the execve of what it starts.
COUNTS = "n=0; while :; do sleep 0.1; n=$((n+1)); echo n$n; done"


class Statuses(TestCase):
    def test_svcd_leaves_with_the_status_of_the_command_and_says_nothing_of_its_own(self):
        for is_init in (False, True):
            self.assertEqual(status_of("true", is_init=is_init), (0, "", ""))
            self.assertEqual(status_of(*shell("exit 42"), is_init=is_init)[0], 42)

    def test_thruster_110_tng_141_a_signal_counts_128_and_its_number(self):
        for is_init in (False, True):
            self.assertEqual(status_of(*shell("kill -9 $$"), is_init=is_init)[0], 137)
            self.assertEqual(status_of(*shell("kill -SEGV $$"), is_init=is_init)[0], 139)

    def test_a_program_that_is_not_there_is_127_and_one_that_cannot_be_executed_126(self):
        for is_init in (False, True):
            status, _, errors = status_of("no-such-program", is_init=is_init)
            self.assertEqual(status, 127)
            self.assertIn("can't execute no-such-program: no folder of PATH has a file of that name", errors)
            self.assertEqual(status_of("/no/such/program", is_init=is_init)[0], 127)
            status, _, errors = status_of("/etc/passwd", is_init=is_init)
            self.assertEqual(status, 126)
            self.assertIn("it lacks the x bit", errors)

    def test_tini_69_docker_base_images_62_an_exit_status_can_be_mapped(self):
        self.assertEqual(status_of(*shell("exit 143"), options=("--exit-status-map=143:0,7:9",))[0], 0)
        self.assertEqual(status_of(*shell("exit 7"), options=("--exit-status-map=143:0,7:9",))[0], 9)
        self.assertEqual(status_of(*shell("exit 8"), options=("--exit-status-map=143:0,7:9",))[0], 8)
        self.assertEqual(status_of(*shell("kill -TERM $$"), options=("--exit-status-map=143:0",))[0], 0)

    def test_what_is_wrong_is_said_and_nothing_is_started(self):
        for options, words in ((("-p", "Foo=1"), "no unit file has the key 'Foo'"),
                               (("-p", "TimeoutStopSec=abc"), "TimeoutStopSec"),
                               (("-p", "Foo"), "is not KEY=VALUE"),
                               (("--stop-signal=FOO",), "'FOO' is no signal"),
                               (("--stop-signal=KILL",), "'KILL' is no signal that svcd can be stopped with"),
                               (("--leftover-timeout=x",), "'x' is no time span"),
                               (("--exit-status-map=1:256",), "'1:256' is not FROM:TO"),
                               (("--forward-to=all",), "neither main nor group"),
                               (("--parent-death-signal=X",), "'X' is no signal")):
            for is_init in (False, True):
                status, text, errors = status_of(*shell("echo started"), options=options, is_init=is_init)
                self.assertEqual((status, text), (2, ""), options)
                self.assertIn(words, errors)

    def test_options_for_a_command_without_one_are_refused(self):
        done = subprocess.run([SVCD, "--container", "--stop-signal=INT"], stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--stop-signal is for a command", done.stderr)


class Surroundings(TestCase):
    def test_arguments_and_environment_reach_the_command_as_they_are(self):
        words = ["a b", "$HOME", "%n %%", '"q" \'s\' \\', "two\nlines", "", "-x", "--", "äöü", "\x01"]
        status, text, errors = status_of("/bin/sh", "-c", 'for w in "$@"; do printf "%s|" "$w"; done; echo "$MINE"', "sh", *words,
                                         environment={"MINE": "of $me %i"})
        self.assertEqual((status, text), (0, "|".join(words) + "|of $me %i\n"), errors)

    def test_working_directory_umask_limits_and_niceness_are_svcds(self):
        with tempfile.TemporaryDirectory() as folder:
            prefix = ("/bin/sh", "-c", 'umask 027; ulimit -n 777; ulimit -c 0; exec nice -n 3 "$@"', "sh")
            status, text, errors = status_of(*shell("pwd; umask; ulimit -n; ulimit -c; nice; cat /proc/self/oom_score_adj"), prefix=prefix, cwd=folder)
            with open("/proc/self/oom_score_adj", encoding="utf-8") as score:
                self.assertEqual((status, text.split()), (0, [os.path.realpath(folder), "0027", "777", "0", "3", score.read().strip()]), errors)

    def test_signals_are_ignored_that_svcd_was_started_to_ignore_and_no_others(self):
        ask = "grep -E '^Sig(Ign|Blk)' /proc/self/status"
        _, text, _ = status_of(*shell(ask), prefix=("/bin/sh", "-c", 'trap "" USR1 PIPE; exec "$@"', "sh"))
        # Python ignores SIGPIPE and SIGXFSZ, and gives the signals back before it executes.
        self.assertEqual(text.split(), ["SigBlk:", "0" * 16, "SigIgn:", "%016x" % (1 << 9 | 1 << 12)])
        _, text, _ = status_of(*shell(ask))
        self.assertEqual(text.split(), ["SigBlk:", "0" * 16, "SigIgn:", "0" * 16])

    def test_a_command_is_looked_for_in_svcds_own_path(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            with open(folder + "/mine", "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\necho found as $0\n")
            os.chmod(folder + "/mine", 0o755)
            status, text, _ = status_of("mine", environment={"PATH": folder + ":/usr/bin:/bin"})
            self.assertEqual((status, text), (0, "found as %s/mine\n" % folder))

    def test_settings_come_from_drop_ins_and_from_the_command_line_which_wins(self):
        drop_ins = {"main.service.d/a.yaml": "Service:\n  Environment: {ONE: drop-in, TWO: drop-in}\n  UMask: '0077'\n"}
        _, text, errors = status_of(*shell("echo $ONE $TWO; umask"), drop_ins=drop_ins,
                                    options=("-p", "Environment={TWO: typed}", "-p", "UMask=0055"))
        self.assertEqual(text, "drop-in typed\n0055\n", errors)

    def test_svctl_sees_the_command_as_any_unit(self):
        with Command(*shell(TELLS)) as svcd:
            svcd.read_until("up")
            self.assertIn("active (running)", svcd.svctl("status", "main").stdout)
            self.assertIn("ExecStart", svcd.svctl("cat", "main").stdout)
            self.assertEqual(svcd.svctl("daemon-reload").returncode, 0)
            stopped = svcd.svctl("stop", "main")
            self.assertEqual(stopped.returncode, 0, stopped.stderr)
            self.assertEqual(svcd.finish(), 3)


class Signals(TestCase):
    def test_the_stop_signal_ends_the_command_and_its_status_is_svcds(self):
        for is_init in (False, True):
            with Command(*shell(TELLS), is_init=is_init) as svcd:
                svcd.read_until("up")
                svcd.kill(signal.SIGTERM)
                self.assertEqual(svcd.finish(), 3)
                self.assertIn("got TERM", svcd.text)

    def test_moby_32310_a_command_without_a_handler_ends_by_the_signal_though_svcd_is_pid_1(self):
        with Command("sleep", "1000", is_init=True) as svcd:
            svcd.until(lambda: len(svcd.members()) == 1, "sleep")
            svcd.until(lambda: open("/proc/%d/comm" % svcd.members()[0], encoding="utf-8").read() == "sleep\n", "its execve")
            svcd.kill(signal.SIGTERM)
            self.assertEqual(svcd.finish(), 143)

    def test_every_signal_that_can_be_is_passed_on(self):
        for is_init in (False, True):
            with Command("/bin/bash", "-c", TELLS, is_init=is_init) as svcd:
                svcd.read_until("up")
                for name in ("HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "CONT"):
                    svcd.kill(getattr(signal, "SIG" + name))
                    svcd.read_until("got " + name)
                svcd.kill(signal.SIGRTMIN + 4)
                svcd.read_until("got RTMIN+4")
                svcd.kill(signal.SIGTERM)
                self.assertEqual(svcd.finish(), 3)

    def test_dumb_init_83_another_stop_signal_and_that_one_reaches_the_command(self):
        with Command("/bin/bash", "-c", "trap 'echo bye QUIT; exit 5' QUIT; trap 'echo bye INT; exit 6' INT; trap 'echo got TERM' TERM; echo up; "
                     "while :; do sleep 0.02; done", options=("--stop-signal=INT,QUIT",)) as svcd:
            svcd.read_until("up")
            svcd.kill(signal.SIGTERM)
            svcd.read_until("got TERM")
            svcd.kill(signal.SIGQUIT)
            self.assertEqual(svcd.finish(), 5)
            self.assertIn("bye QUIT", svcd.text)

    def test_a_real_time_signal_may_be_the_one_that_stops(self):
        with Command("/bin/bash", "-c", "trap 'exit 9' RTMIN+3; echo up; while :; do sleep 0.02; done", options=("--stop-signal=RTMIN+3",), is_init=True) as svcd:
            svcd.read_until("up")
            svcd.kill(signal.SIGRTMIN + 3)
            self.assertEqual(svcd.finish(), 9)

    def test_a_command_that_does_not_end_gets_sigkill_at_its_deadline(self):
        with Command(*shell("trap '' TERM; echo up; while :; do sleep 0.02; done"), options=("-p", "TimeoutStopSec=500ms")) as svcd:
            svcd.read_until("up")
            began = time.monotonic()
            svcd.kill(signal.SIGTERM)
            self.assertEqual(svcd.finish(), 137)
            self.assertGreaterEqual(time.monotonic() - began, 0.5)

    def test_a_further_stop_signal_is_passed_on_too(self):
        with Command("/bin/bash", "-c", "n=0; trap 'n=$((n+1)); echo TERM $n; [ $n = 2 ] && exit 4' TERM; echo up; while :; do sleep 0.02; done") as svcd:
            svcd.read_until("up")
            svcd.kill(signal.SIGTERM)
            svcd.read_until("TERM 1")
            svcd.kill(signal.SIGTERM)
            self.assertEqual(svcd.finish(), 4)

    def test_pre_stop_delay_is_served_before_the_signal(self):
        with Command(*shell(TELLS), options=("-p", "PreStopDelaySec=300ms")) as svcd:
            svcd.read_until("up")
            began = time.monotonic()
            svcd.kill(signal.SIGTERM)
            svcd.read_until("got TERM")
            self.assertGreaterEqual(time.monotonic() - began, 0.3)
            self.assertEqual(svcd.finish(), 3)

    def test_containerd_621_signals_go_to_the_process_group_where_that_is_wanted(self):
        script = "trap 'echo parent' USR1; sh -c 'trap \"echo child\" USR1; echo ready; while :; do sleep 0.02; done' & while :; do wait; done"
        for target, expected in (("group", True), ("main", False)):
            with Command("/bin/bash", "-c", script, options=("--forward-to=" + target,)) as svcd:
                svcd.read_until("ready")
                svcd.kill(signal.SIGUSR1)
                svcd.read_until("parent")
                if expected:
                    svcd.read_until("child")
                svcd.kill(signal.SIGTERM)
                svcd.finish()
                self.assertEqual("child" in svcd.text, expected)

    def test_a_stop_signal_while_the_manager_is_dead_is_not_lost(self):
        with Command(*shell(TELLS)) as svcd:
            svcd.read_until("up")
            svcd.until(lambda: self.manager_of(svcd), "the manager")
            manager = self.manager_of(svcd)
            os.kill(manager, signal.SIGSTOP)
            svcd.kill(signal.SIGTERM)
            os.kill(manager, signal.SIGKILL)
            self.assertEqual(svcd.finish(), 3)
            self.assertIn("got TERM", svcd.text)

    def test_the_death_of_the_manager_in_the_middle_of_the_stop_sends_no_second_signal(self):
        with Command("/bin/bash", "-c", "n=0; trap 'n=$((n+1)); echo TERM $n' TERM; trap 'exit 8' USR1; echo up; while :; do sleep 0.02; done") as svcd:
            svcd.read_until("up")
            svcd.kill(signal.SIGTERM)
            svcd.read_until("TERM 1")
            manager = self.manager_of(svcd)
            os.kill(manager, signal.SIGKILL)
            svcd.until(lambda: self.manager_of(svcd) not in (None, manager), "another manager")
            svcd.kill(signal.SIGUSR1)
            self.assertEqual(svcd.finish(), 8)
            self.assertNotIn("TERM 2", svcd.text)

    def test_a_stop_signal_in_the_first_moments_is_not_lost_though_svcd_is_pid_1(self):
        for _ in range(10):
            with Command("sleep", "1000", is_init=True) as svcd:
                def is_svcd():
                    with contextlib.suppress(OSError), open("/proc/%d/comm" % svcd.launcher(), encoding="utf-8") as name:
                        return name.read().startswith("svcd")
                    return False
                svcd.until(is_svcd, "the execve")
                svcd.kill(signal.SIGTERM)
                self.assertEqual(svcd.finish(), 143)

    def test_a_manager_that_dies_at_its_first_start_costs_the_command_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            real = os.path.join(os.path.dirname(SVCD), "..", "manager", "svcd-manager")
            script = os.path.join(folder, "svcd-manager")
            with open(script, "w", encoding="utf-8") as file:
                file.write('#!/bin/sh\nif [ ! -e %s/died ]; then : > %s/died; kill -9 $$; fi\nexec %s "$@"\n' % (folder, folder, os.path.abspath(real)))
            os.chmod(script, 0o755)
            self.assertEqual(status_of(*shell("exit 42"), options=("--manager=" + script,))[0], 42)

    @staticmethod
    def manager_of(svcd):
        for pid, _ in children_of(svcd.launcher()):
            with contextlib.suppress(OSError), open("/proc/%d/cmdline" % pid, encoding="utf-8") as line:
                if "svcd-manager" in line.read().split("\0")[0]:
                    return pid
        return None

    def test_the_parents_end_gives_the_signal_that_was_asked_for(self):
        with Command(*shell(TELLS), prefix=("/bin/sh", "-c", '"$@" & wait', "sh"), options=("--parent-death-signal=TERM",)) as svcd:
            svcd.read_until("up")
            svcd.process.kill()
            svcd.read_until("got TERM")


class LeftOvers(TestCase):
    def test_dumb_init_191_what_the_command_leaves_gets_sigterm_and_then_sigkill(self):
        script = ("f=$(mktemp -u); mkfifo $f; setsid sh -c \"trap 'echo asked' TERM; echo > $f; while :; do sleep 0.02; done\" & "
                  "read x < $f; rm $f; exit 0")
        for is_init in (False, True):
            with Command("/bin/bash", "-c", script, options=("--leftover-timeout=400ms",), is_init=is_init) as svcd:
                svcd.read_until("asked")
                began = time.monotonic()
                self.assertEqual(svcd.finish(), 0)
                self.assertLess(time.monotonic() - began, 10)
                self.assertEqual(svcd.members(), [])

    def test_the_stop_signal_is_for_the_command_alone_and_the_rest_is_asked_after_its_end(self):
        script = ("(trap 'echo rest asked; exit' TERM; echo ready; while :; do sleep 0.02; done) & "
                  "trap 'sleep 0.3; echo main ends; exit 2' TERM; while :; do sleep 0.02; done")
        with Command("/bin/bash", "-c", script) as svcd:
            svcd.read_until("ready")
            svcd.kill(signal.SIGTERM)
            self.assertEqual(svcd.finish(), 2)
            self.assertEqual(svcd.text.split("\n")[1:3], ["main ends", "rest asked"])

    def test_dumb_init_53_a_process_that_was_left_behind_is_reaped_and_told_where_that_is_wanted(self):
        with Command("/bin/bash", "-c", "(sh -c 'echo $$; exit 0' &) ; sleep 0.3; exit 0", options=("--warn-orphans",), is_init=True) as svcd:
            self.assertEqual(svcd.finish(), 0)
            pid = svcd.text.split()[0]
            self.assertIn("PID %s was left behind by its parent, and is reaped" % pid, svcd.errors())


class Terminals(TestCase):
    def terminal(self):
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        self.addCleanup(os.close, terminal)
        return controller, terminal

    def read_until(self, controller, pattern, text=""):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, text):
            if not select.select([controller], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise AssertionError("%r did not come: %r" % (pattern, text))
            text += os.read(controller, 4096).decode(errors="replace")
        return text

    @staticmethod
    def wait_for_sleep(svcd):
        """Until the shell's child has become sleep: by then it has the terminal."""
        def names():
            found = []
            for pid in svcd.members():
                with contextlib.suppress(OSError), open("/proc/%d/comm" % pid, encoding="utf-8") as name:
                    found.append(name.read().strip())
            return found
        svcd.until(lambda: "sleep" in names(), "sleep")

    def test_dumb_init_51_a_shell_on_a_terminal_has_job_control_and_ctrl_c_is_for_it(self):
        for is_init in (False, True):
            controller, terminal = self.terminal()
            with Command("/bin/bash", "--norc", "-i", terminal=terminal, is_init=is_init, environment={"PS1": "ready> ", "TERM": "dumb"}) as svcd:
                text = self.read_until(controller, "ready> ")
                self.assertNotIn("no job control", text)
                os.write(controller, b"sleep 1000\n")
                self.read_until(controller, "sleep 1000")
                self.wait_for_sleep(svcd)
                os.write(controller, b"\x03")
                self.read_until(controller, "ready> ")
                os.write(controller, b"sleep 1000\n")
                self.wait_for_sleep(svcd)
                os.write(controller, b"\x1a")
                self.read_until(controller, "Stopped")
                os.write(controller, b"exec sh -c 'exit 11'\n")
                self.assertEqual(svcd.finish(), 11)

    def test_dumb_init_136_the_command_is_the_foreground_of_the_terminal(self):
        controller, terminal = self.terminal()
        with Command(*shell("ps -o pid=,pgid=,tpgid= $$; exit 0"), terminal=terminal) as svcd:
            text = self.read_until(controller, r"\d+\s+\d+\s+\d+")
            pid, group, foreground = re.search(r"(\d+)\s+(\d+)\s+(\d+)", text).groups()
            self.assertEqual((pid, pid), (group, foreground))
            self.assertEqual(svcd.finish(), 0)

    def test_the_terminal_is_given_back_at_the_end(self):
        controller, terminal = self.terminal()
        with Command("true", terminal=terminal, prefix=("/bin/sh", "-c", '"$@"; echo over; read x; echo "read $x"', "sh")) as svcd:
            self.read_until(controller, "over")
            os.write(controller, b"hello\n")
            self.read_until(controller, "read hello")
            self.assertEqual(svcd.finish(), 0)

    def test_a_command_that_is_stopped_is_continued_by_pid_1(self):
        controller, terminal = self.terminal()
        with Command("/bin/bash", "-c", COUNTS, terminal=terminal, is_init=True) as svcd:
            self.read_until(controller, "n2")
            os.write(controller, b"\x1a")
            self.read_until(controller, r"\^Z[\s\S]*n\d+[\s\S]*n\d+")
            svcd.kill(signal.SIGTERM)
            self.assertEqual(svcd.finish(), 143)

    def test_elsewhere_svcd_stops_with_the_command_and_both_are_continued(self):
        controller, terminal = self.terminal()
        with Command("/bin/bash", "-c", COUNTS, terminal=terminal,
                     prefix=("/bin/bash", "-c", 'set -m; "$@"; echo stopped $?; fg >/dev/null; exit $?', "bash")) as svcd:
            self.read_until(controller, "n2")
            os.write(controller, b"\x1a")
            self.read_until(controller, r"stopped 147[\s\S]*n\d+[\s\S]*n\d+")
            os.write(controller, b"\x03")
            self.assertEqual(svcd.finish(), 130)


if __name__ == "__main__":
    unittest.main()
