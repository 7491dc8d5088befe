"""The end of svcd: in order, with the status that the specification names, and with nothing left."""
import os
import signal
import subprocess
import time

from harness import CGROUP_MOUNT, SLACK, SVCD, Daemon, TestCase, actor, service


class Shutdown(TestCase):
    def test_sigterm_and_sigint_stop_everything_in_reverse_order(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number), Daemon({
                "a.service": service(actor("a")),
                "b.service": service(actor("b", "stop=100"), unit={"Requires": ["a.service"], "After": ["a.service"]}),
            }) as svcd:
                svcd.svctl("start", "b")
                svcd.wait_told("b", "start")
                svcd.wait_told("a", "start")
                svcd.process.send_signal(number)
                svcd.wait_for_exit()
                self.assertEqual(svcd.order("b signal 15", "b end", "a signal 15"), ["b signal 15", "b end", "a signal 15"])

    def test_the_status_is_1_when_something_had_to_be_killed(self):
        with Daemon({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="200ms")}, exit_status=1) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")

    def test_a_second_sigterm_changes_nothing(self):
        with Daemon({"a.service": service(actor("a", "stop=500"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.process.terminate()
            svcd.wait_told("a", "signal 15")
            svcd.process.terminate()
            svcd.wait_for_exit()
            svcd.wait_told("a", "end")

    def test_nothing_is_started_during_a_shutdown(self):
        with Daemon({"slow.service": service(actor("slow", "stop=700")), "a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "slow")
            svcd.wait_told("slow", "start")
            svcd.process.terminate()
            svcd.wait_told("slow", "signal 15")
            error = svcd.svctl("start", "a", status=None)
            self.assertNotEqual(error.returncode, 0)
            svcd.wait_for_exit()
            self.assertEqual(svcd.told("a"), [])

    def test_a_unit_that_is_still_starting_is_interrupted(self):
        with Daemon({"a.service": service(actor("a"), Type="notify", TimeoutStartSec="1h")}) as svcd:
            svcd.svctl("start", "--no-block", "a")
            svcd.wait_told("a", "start")
            began = time.monotonic()
            svcd.process.terminate()
            svcd.wait_for_exit()
            self.assertLess(time.monotonic() - began, 2 * SLACK)

    def test_a_shutdown_survives_the_manager(self):
        with Daemon({"a.service": service(actor("a", "stop=800"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.process.terminate()
            svcd.wait_told("a", "signal 15")
            os.kill(svcd.manager_pid(), signal.SIGKILL)
            svcd.wait_for_exit()
            svcd.wait_told("a", "end")

    def test_what_units_have_left_behind_ends_with_svcd(self):
        """KillMode=process spares all but the main process; svcd's end doesn't: SIGTERM, and SIGKILL 5 s later."""
        command = ["/bin/sh", "-c", "%s b & %s c strays=1 & exec %s a" % (actor("")[0], actor("")[0], actor("")[0])]
        with Daemon({"a.service": service(command, KillMode="process")}) as svcd:
            svcd.svctl("start", "a")
            for name in "abc":
                svcd.wait_told(name, "start")
            svcd.svctl("exit")
            svcd.wait_for_exit()
            self.assertEqual(svcd.order("a end", "b signal 15", "b end"), ["a end", "b signal 15", "b end"])
            self.assertRegex(svcd.read_errors(), r"a\.service: SIGTERM to what it has left behind, which ends with svcd: .*\d+ \(")

    def test_sigrtmin_1_isolates_rescue_target(self):
        rescue = {"Unit": {"AllowIsolate": "yes", "DefaultDependencies": "no"}}
        with Daemon({"a.service": service(actor("a")), "rescue.target": rescue}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.process.send_signal(signal.SIGRTMIN + 1)
            svcd.wait_told("a", "signal 15")
            svcd.wait_for("rescue.target", ActiveState="active")

    def test_sigrtmin_4_stops_everything(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.process.send_signal(signal.SIGRTMIN + 4)
            svcd.wait_for_exit()
            svcd.wait_told("a", "signal 15")

    def test_svctl_says_why(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.svctl("exit", "--force", "--reason=enough")
            svcd.wait_for_exit()
            with open(svcd.errors) as log:
                self.assertIn("shutting down (exit): enough", log.read())

    def test_as_pid_1_of_a_namespace_svcd_ends_all_of_it_and_leaves_with_its_status(self):
        """What is not in a unit's cgroup, too: here, a child that svcd was given by whoever executed it."""
        script = "trap 'echo the stranger hears SIGTERM >&2; exit' TERM; echo the stranger runs >&2; while :; do sleep 1000 & wait; done"
        prefix = ["/usr/bin/unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "/bin/sh", "-c", '/bin/sh -c "$0" & exec "$@"', script]
        with Daemon({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="200ms")}, unit="a.service", prefix=prefix, exit_status=1) as svcd:
            svcd.wait_told("a", "start")
            os.kill(svcd.launcher(), signal.SIGPWR)
            svcd.wait_for_exit()
            with open(svcd.errors) as log:
                self.assertIn("the stranger hears SIGTERM", log.read())

    def test_a_second_svcd_on_the_same_folder_is_refused(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            second = subprocess.run(svcd.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                    env=svcd.environment, timeout=30)
            self.assertNotEqual(second.returncode, 0)
            self.assertIn(svcd.run, second.stdout)
            self.assert_shows(svcd, "a", ActiveState="active")

    def test_usage_errors_are_said_before_anything_is_made(self):
        for arguments in (["--no-such-option"], ["--log-level=loud"]):
            done = subprocess.run([SVCD, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=30)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertNotEqual(done.stderr, "", arguments)
        for option in ("--help", "--version"):
            done = subprocess.run([SVCD, option], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=30)
            self.assertEqual(done.returncode, 0)
            self.assertIn("svcd", done.stdout)


class UserMode(TestCase):
    def test_an_ordinary_user_runs_services_in_a_cgroup_that_is_theirs(self):
        """As packaging/demo.sh does it: root makes the cgroup, hands it over, and puts svcd in."""
        svcd = Daemon({"a.service": service(actor("a", "facts"))}, mode="--user")
        os.chmod(svcd.event_path, 0o666)
        for path in (svcd.directory, svcd.run, svcd.log, svcd.cgroup, svcd.cgroup + "/cgroup.procs", svcd.cgroup + "/cgroup.subtree_control"):
            os.chown(path, 65534, 65534)
        svcd.environment.update(XDG_RUNTIME_DIR=svcd.directory, HOME="/")
        svcd.prefix = ["/bin/sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"',
                       CGROUP_MOUNT + svcd.cgroup_name]
        probe = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "test", "-x", SVCD])
        if probe.returncode != 0:
            svcd.remove_all()
            self.skipTest("svcd lies where another user can't execute it")
        with svcd:
            svcd.svctl("start", "a")
            self.assertIn("uid=65534", svcd.wait_told("a", "facts").what)
            svcd.svctl("stop", "a")
