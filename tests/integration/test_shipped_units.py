"""The units that come with svcd."""
import os
import shutil

from harness import SOURCE, Daemon, TestCase


def yaml_files(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".yaml"))


class ShippedUnits(TestCase):
    def check(self, folder, boot):
        names = yaml_files(folder)
        self.assertNotEqual(names, [])
        svcd = Daemon(unit=boot)
        for name in names:
            shutil.copy(os.path.join(folder, name), svcd.units)
        with svcd:
            done = svcd.svctl("daemon-reload")
            self.assertEqual((done.stdout, done.stderr), ("", ""))
            for name in names:
                unit = name[:-len(".yaml")]
                if "@." not in unit:
                    self.assert_shows(svcd, unit, LoadState="loaded")
            with open(svcd.errors) as log:
                self.assertNotIn(".yaml:", log.read())
            self.assertEqual(svcd.svctl("is-system-running").stdout, "running\n")
            return svcd.states()

    def test_the_shipped_targets_load_without_a_word_and_boot(self):
        states = self.check(os.path.join(SOURCE, "units"), "default.target")
        for target in ("default.target", "multi-user.target", "basic.target", "sysinit.target"):
            self.assertEqual(states[target][0], "active", target)

    def test_the_demo_s_units_load_without_a_word(self):
        self.check(os.path.join(SOURCE, "units", "demo"), "basic.target")
