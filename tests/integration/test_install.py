"""'cmake --install' puts everything in its place, and what it installs works there."""
import os
import shutil
import subprocess
import tempfile

from harness import PATIENCE, Daemon, TestCase, actor, service

PROGRAMS = ("bin/svcd", "bin/svctl", "libexec/svcd/svcd-launcher", "libexec/svcd/svcd-manager", "libexec/svcd/svcd-exec", "libexec/svcd/svcd-logd",
            "libexec/svcd/svcd-shutdown")
FILES = ("lib/svcd/units/default.target.yaml", "lib/svcd/units/basic.target.yaml", "share/dbus-1/system.d/org.svcd1.conf",
         "share/dbus-1/interfaces/org.svcd1.Manager.xml", "share/svcd/svcd-unit.schema.json",
         "share/bash-completion/completions/svctl", "share/doc/svcd/LICENSE")


class Installed(TestCase):
    def setUp(self):
        self.prefix = tempfile.mkdtemp(prefix="svcd-install-")
        self.addCleanup(shutil.rmtree, self.prefix)
        os.chmod(self.prefix, 0o755)
        done = subprocess.run(["cmake", "--install", os.environ["SVCD_BUILD_DIR"], "--prefix", self.prefix], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_everything_is_there_and_works_from_there(self):
        for name in PROGRAMS + FILES:
            path = os.path.join(self.prefix, name)
            self.assertTrue(os.path.isfile(path), name)
            self.assertEqual(os.access(path, os.X_OK), name in PROGRAMS, name)
        self.assertFalse(os.path.exists(os.path.join(self.prefix, "lib/svcd/units/demo")))
        # EnvironmentFile is one of the settings that need svcd-exec.
        svcd = Daemon()
        svcd.arguments[0] = os.path.join(self.prefix, "bin/svcd")
        svcd.write_unit("a.service", service(actor("a"), EnvironmentFile=svcd.path("a.env"), User="nobody"))
        with open(svcd.path("a.env"), "w") as file:
            file.write("FROM_FILE=yes\n")
        with svcd:
            done = subprocess.run([os.path.join(self.prefix, "bin/svctl"), "start", "a"], env=svcd.environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, done.stderr)
            pid = svcd.show("a")["MainPID"]
            with open("/proc/%d/environ" % pid, "rb") as environment:
                self.assertIn(b"FROM_FILE=yes", environment.read().split(b"\0"))
            self.assertTrue(os.readlink("/proc/%d/exe" % svcd.process.pid).startswith(self.prefix))
