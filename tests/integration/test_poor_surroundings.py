"""svcd where something is missing: it runs, or it ends at once with a status and says in one sentence why and what to do.

A number in a test's name is that of a public report (docs/tried.md)."""
import contextlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from harness import CGROUP_MOUNT, NOBODY, PATIENCE, SVCD, SVCTL, TestCase, counter, end_with_parent

INIT = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")  # and a mount namespace
HOST = ("unshare", "--mount")
READ_ONLY_CGROUP = "mount -o remount,bind,ro " + (CGROUP_MOUNT or "")


class Place(TestCase):
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


class Surroundings(Place):
    def test_systemd_6408_pid_1_of_a_container_with_a_read_only_cgroup_tree_ends(self):
        self.assert_refused(self.start(INIT, READ_ONLY_CGROUP), "in the cgroup file system: Read-only file system", "so svcd leaves")

    def test_moby_42275_a_command_is_not_started_where_no_cgroup_can_be_made(self):
        self.assert_refused(self.start(INIT, READ_ONLY_CGROUP, "--", "sleep", "1000"), "in the cgroup file system: Read-only file system")

    def test_a_svcd_that_is_not_pid_1_ends_where_no_cgroup_can_be_made(self):
        self.assert_refused(self.start(HOST, READ_ONLY_CGROUP), "in the cgroup file system: Read-only file system")

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


FILTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "helpers", "with_filter.py")
AS_NOBODY = ("setpriv", "--no-new-privs", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")


class WithoutCgroups(Place):
    """A command in a container that has no cgroup to write to, nor more than it needs. What it does shows that its processes are
    found by a keeper (docs/keepers.md): one that has left its parent and its session is ended with it."""
    SCRIPT = "(setsid sleep 1000 &); %s is-active main.service; %s show -p Tracking --value main.service; exit 7"

    def run_in_container(self, preparation, *options, as_user=(), namespaces=INIT, command=None, prefix=()):
        """What the command, and svcd, wrote; and the status of svcd. /tmp is empty and all may write to it, and so is /dev/shm."""
        shell = ("mount --make-rprivate / && mount --bind %s /mnt && mount -t tmpfs -o mode=1777 none /tmp && mount -t tmpfs -o mode=1777 none /dev/shm && %s"
                 " && exec \"$@\"" % (shlex.quote(self.directory), preparation))
        svctl = shlex.quote(SVCTL)
        script = ("sh", "-c", command or self.SCRIPT % (svctl, svctl))

        def prepare():
            end_with_parent()
            with open(self.cgroup + "/cgroup.procs", "w", encoding="ascii") as procs:
                procs.write("0")
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("NOTIFY_SOCKET", "INVOCATION_ID", "XDG_RUNTIME_DIR", "SVCTL_BUS", "SVCD_RUNTIME_DIR")}
        process = subprocess.Popen([*namespaces, "sh", "-c", shell, "sh", *as_user, *prefix, SVCD, "--container", "--unit-path=/mnt/units", "--log-dir=/tmp/log",
                                    "--bus=none", *options, "--", *script], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, preexec_fn=prepare, start_new_session=True, cwd="/")
        self.addCleanup(self.end, process)
        said, _ = process.communicate(timeout=PATIENCE)
        return said, process.returncode

    def assert_kept(self, said, status):
        self.assertEqual(status, 7, said)
        self.assertIn("active\n", said)
        self.assertIn("keeper\n", said)
        self.assertIn("goes on without cgroups", said)

    def test_systemd_6408_a_read_only_cgroup_tree_stops_nobody(self):
        self.assert_kept(*self.run_in_container("mount -t tmpfs none /run && " + READ_ONLY_CGROUP))

    def test_moby_31337_a_container_without_a_cgroup_tree_has_its_command(self):
        self.assert_kept(*self.run_in_container("mount -t tmpfs none /run && umount -l " + CGROUP_MOUNT))

    def test_where_only_v1_is_mounted_a_command_runs_too(self):
        self.assert_kept(*self.run_in_container("mount -t tmpfs none /run && umount -l %s && mount -t tmpfs none /sys/fs/cgroup" % CGROUP_MOUNT))

    def test_s6_overlay_578_a_run_that_is_read_only_is_done_without(self):
        said, status = self.run_in_container("mount -t tmpfs -o ro none /run && " + READ_ONLY_CGROUP,
                                             command="stat -c %a:%u /tmp/svcd-0; " + (self.SCRIPT % (shlex.quote(SVCTL), shlex.quote(SVCTL))))
        self.assertIn("755:0\n", said)
        self.assert_kept(said, status)

    def test_with_run_and_tmp_read_only_dev_shm_serves(self):
        said, status = self.run_in_container("mount -t tmpfs -o ro none /run && mount -t tmpfs -o ro none /tmp && " + READ_ONLY_CGROUP)
        self.assert_kept(said, status)

    def test_with_no_place_at_all_it_ends_with_a_sentence(self):
        said, status = self.run_in_container("mount -t tmpfs -o ro none /run && mount -t tmpfs -o ro none /tmp && mount -t tmpfs -o ro none /dev/shm")
        self.assertEqual(status, 1, said)
        self.assertIn("there is no place for sockets and state: /run/svcd, /tmp/svcd-0 and /dev/shm/svcd-0", said)
        self.assertEqual(len(said.splitlines()), 1, said)

    def test_s6_overlay_600_another_user_without_any_capability_runs_it(self):
        said, status = self.run_in_container("mount -t tmpfs -o mode=755 none /run && " + READ_ONLY_CGROUP, as_user=AS_NOBODY,
                                             command="id -u; stat -c %a /tmp/svcd-" + str(NOBODY) + "; " +
                                             (self.SCRIPT % (shlex.quote(SVCTL), shlex.quote(SVCTL))))
        self.assert_kept(said, status)
        self.assertIn("%d\n700\n" % NOBODY, said)

    def test_a_folder_in_tmp_that_is_another_users_is_not_taken(self):
        said, status = self.run_in_container("mount -t tmpfs -o ro none /run && mkdir /tmp/svcd-0 && chown %d /tmp/svcd-0 && %s" % (NOBODY, READ_ONLY_CGROUP),
                                             command="stat -c %u /dev/shm/svcd-0; " + (self.SCRIPT % (shlex.quote(SVCTL), shlex.quote(SVCTL))))
        self.assert_kept(said, status)
        self.assertIn("0\n", said)

    def test_a_root_that_is_read_only_is_no_matter(self):
        said, status = self.run_in_container("mount -t tmpfs none /run && %s && mount -o remount,bind,ro /" % READ_ONLY_CGROUP)
        self.assert_kept(said, status)

    @unittest.skipUnless(platform.machine() == "x86_64", "the filter has the numbers of x86_64")
    def test_moby_42681_where_the_container_has_no_clone3_processes_are_started_by_clone(self):
        said, status = self.run_in_container("mount -t tmpfs none /run", prefix=(sys.executable, FILTER))
        self.assert_kept(said, status)
        self.assertIn("clone3", said)

    def test_without_proc_it_ends_with_a_sentence(self):
        said, status = self.run_in_container("mount -t tmpfs none /run && umount -l %s && umount -l /proc" % CGROUP_MOUNT)
        self.assertEqual(status, 1, said)
        self.assertIn("mount -t proc proc /proc", said)
