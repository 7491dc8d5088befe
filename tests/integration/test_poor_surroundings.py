"""svcd where something is missing: it runs, or it ends at once with a status and says in one sentence why and what to do.

A number in a test's name is that of a public report (docs/tried.md)."""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile

from harness import CGROUP_MOUNT, NOBODY, PATIENCE, SVCD, TestCase, counter, end_with_parent

INIT = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")  # and a mount namespace
HOST = ("unshare", "--mount")


class Surroundings(TestCase):
    """Each test prepares a mount namespace by a line of the shell, and has svcd run in it."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="svcd-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        os.chmod(self.directory, 0o755)
        self.cgroup_name = "/svcd-test-%d-%d" % (os.getpid(), next(counter))
        self.cgroup = CGROUP_MOUNT + self.cgroup_name
        os.mkdir(self.cgroup)
        self.addCleanup(self.remove_cgroup)
        for name, content in {"a.service": "Service: {ExecStart: [sleep, '1000']}", "default.target": "Unit: {Wants: [a.service]}"}.items():
            os.makedirs(self.path("units"), exist_ok=True)
            with open(self.path("units", name + ".yaml"), "w", encoding="utf-8") as file:
                file.write(content)

    def remove_cgroup(self):
        with contextlib.suppress(OSError), open(self.cgroup + "/cgroup.kill", "w", encoding="ascii") as kill:
            kill.write("1")
        for path, _, _ in os.walk(self.cgroup, topdown=False):
            for _ in range(1000):  # until the last of them is reaped
                with contextlib.suppress(OSError):
                    os.rmdir(path)
                if not os.path.exists(path):
                    break

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def start(self, namespaces, preparation, *options, as_user=(), mode="--container"):
        run = options[0].split("=")[1] if options and options[0].startswith("--runtime-dir") else self.path("run")
        command = [SVCD, mode, "--unit-path=" + self.path("units"), "--log-dir=" + self.path("log"), "--cgroup=" + self.cgroup_name, "--bus=none",
                   "--runtime-dir=" + run, *options]
        shell = "mount --make-rprivate / && %s && exec \"$@\"" % preparation
        environment = {key: value for key, value in os.environ.items() if key not in ("NOTIFY_SOCKET", "INVOCATION_ID", "XDG_RUNTIME_DIR")}
        process = subprocess.Popen([*namespaces, "sh", "-c", shell, "sh", *as_user, *command], env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=end_with_parent, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def assert_refused(self, process, *words):
        """It has ended with status 1, and what it said has these words; one line is the manager's, one svcd's own."""
        said, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 1, said)
        for word in words:
            self.assertIn(word, said)
        self.assertLessEqual(len(said.splitlines()), 2, said)
        return said

    READ_ONLY_CGROUP = "mount -o remount,bind,ro " + (CGROUP_MOUNT or "")

    def test_systemd_6408_pid_1_of_a_container_with_a_read_only_cgroup_tree_ends(self):
        self.assert_refused(self.start(INIT, self.READ_ONLY_CGROUP), "in the cgroup file system: Read-only file system", "so svcd leaves")

    def test_moby_42275_a_command_is_not_started_where_no_cgroup_can_be_made(self):
        self.assert_refused(self.start(INIT, self.READ_ONLY_CGROUP, "--", "sleep", "1000"), "in the cgroup file system: Read-only file system")

    def test_a_svcd_that_is_not_pid_1_ends_where_no_cgroup_can_be_made(self):
        self.assert_refused(self.start(HOST, self.READ_ONLY_CGROUP), "in the cgroup file system: Read-only file system")

    def test_moby_31337_pid_1_of_a_container_without_a_cgroup_tree_ends(self):
        self.assert_refused(self.start(INIT, "umount -l " + CGROUP_MOUNT), "find the cgroup v2 file system in /proc/self/mountinfo")

    def test_s6_overlay_578_a_read_only_place_for_the_runtime_dir_is_named(self):
        self.assert_refused(self.start(INIT, "mkdir %(d)s/ro && mount -t tmpfs -o ro none %(d)s/ro" % {"d": self.directory},
                                       "--runtime-dir=" + self.path("ro", "run")), self.path("ro", "run") + ": Read-only file system")

    def test_s6_overlay_600_a_runtime_dir_of_somebody_else_is_named_and_whose_it_must_be(self):
        os.mkdir(self.path("run"))
        user = ("setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups")
        self.assert_refused(self.start(INIT, "true", as_user=user), "the runtime dir " + self.path("run"), "must belong to UID %d" % NOBODY)

    def test_s6_overlay_574_another_user_with_no_new_privileges_is_told_that_the_cgroup_is_not_his(self):
        os.mkdir(self.path("run"))
        os.chown(self.path("run"), NOBODY, NOBODY)
        os.mkdir(self.path("log"))
        os.chown(self.path("log"), NOBODY, NOBODY)
        user = ("setpriv", "--no-new-privs", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")
        self.assert_refused(self.start(INIT, "true", as_user=user), "in the cgroup file system: Permission denied", "--cgroup=CGROUP")
