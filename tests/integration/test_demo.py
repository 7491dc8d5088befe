"""packaging/demo.sh, as a user runs it."""
import glob
import os
import subprocess
import tempfile

from harness import SANITIZED, SOURCE, TestCase


class Demo(TestCase):
    def test_it_ends_by_itself_with_status_0_and_leaves_nothing(self):
        if SANITIZED:
            self.skipTest("the demo shows the release")
        with tempfile.TemporaryDirectory(prefix="svcd-test-demo-") as folder:
            done = subprocess.run([os.path.join(SOURCE, "packaging", "demo.sh")], stdin=subprocess.DEVNULL, text=True, timeout=60,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, TMPDIR=folder, SVCD_NO_BUILD="yes"))
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(glob.glob(folder + "/*"), [])
            self.assertIn("visit 1, counted by redis", done.stdout)
            self.assertIn("SIGKILL at its deadline, 3.0", done.stdout)
