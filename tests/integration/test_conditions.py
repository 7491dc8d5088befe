"""Conditions and asserts: looked at by a process of svcd's own before a unit starts."""
import os

from harness import Daemon, TestCase, actor, service


def unit_with(*rows, **settings):
    """A service with these Condition... and Assert... settings."""
    return service(actor("a"), unit=dict(rows), **settings)


class Conditions(TestCase):
    def test_a_unit_whose_condition_does_not_hold_is_skipped_without_a_failure(self):
        with Daemon({"a.service": unit_with(("ConditionPathExists", "/nonexistent"))}) as svcd:
            done = svcd.svctl("start", "a")
            self.assertIn("ConditionPathExists=/nonexistent", done.stdout + done.stderr)
            self.assert_shows(svcd, "a", ActiveState="inactive", Result="success", ConditionResult=False)
            self.assertEqual(svcd.told("a"), [])
            shown = svcd.show("a")
            self.assertGreater(shown["ConditionTimestampMonotonic"], 0)
            self.assertEqual([tuple(row) for row in shown["Conditions"]],
                             [("ConditionPathExists", False, False, "/nonexistent", -1)])

    def test_a_unit_whose_assert_does_not_hold_fails_to_start(self):
        with Daemon({"a.service": unit_with(("AssertPathExists", "/nonexistent"), ("ConditionPathExists", "/"))}) as svcd:
            done = svcd.svctl("start", "a", status=1)
            self.assertIn("/nonexistent", done.stderr)
            self.assert_shows(svcd, "a", ActiveState="inactive", ConditionResult=True, AssertResult=False)
            self.assertEqual(svcd.told("a"), [])

    def test_what_is_looked_at_is_the_state_of_the_moment(self):
        with Daemon() as svcd:
            path = svcd.path("flag")
            svcd.write_unit("a.service", unit_with(("ConditionPathExists", ["!" + path, "/"])))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "a")
            self.assert_shows(svcd, "a", ActiveState="active", ConditionResult=True, AssertResult=True)
            with open(path, "w"):
                svcd.svctl("restart", "a")
            self.assert_shows(svcd, "a", ActiveState="inactive", ConditionResult=False)
            os.unlink(path)
            svcd.svctl("start", "a")
            self.assert_shows(svcd, "a", ActiveState="active", ConditionResult=True)

    def test_a_target_has_conditions_too(self):
        with Daemon({"a.target": {"Unit": {"ConditionPathExists": "/nonexistent"}},
                     "b.target": {"Unit": {"ConditionPathIsMountPoint": "/proc"}}}) as svcd:
            svcd.svctl("start", "a.target", "b.target")
            self.assertEqual(svcd.states_of(["a.target", "b.target"]), [("inactive", "dead"), ("active", "active")])

    def test_the_environment_is_svcds_own(self):
        with Daemon({"yes.service": unit_with(("ConditionEnvironment", "OF_SVCD=1")),
                     "no.service": unit_with(("ConditionEnvironment", "OF_UNIT"), Environment={"OF_UNIT": "1"})},
                    environment={"OF_SVCD": "1"}) as svcd:
            svcd.svctl("start", "yes", "no")
            self.assertEqual(svcd.states_of(["yes.service", "no.service"]), [("active", "running"), ("inactive", "dead")])

    def test_many_units_are_looked_at_together(self):
        units = {"u%03d.service" % i: unit_with(("ConditionPathExists", ["/proc", "|/", "|/nonexistent"]))
                 for i in range(100)}
        units["all.target"] = {"Unit": {"Wants": sorted(units)}}
        with Daemon(units) as svcd:
            svcd.svctl("start", "all.target")
            svcd.wait_until(lambda: all(svcd.states()[unit] == ("active", "running") for unit in units if unit != "all.target"),
                            "100 units that run")
            svcd.kill_manager()
            self.assert_shows(svcd, "u007", ConditionResult=True, AssertResult=True)

    def test_a_manager_that_dies_while_units_are_looked_at_loses_none(self):
        units = {"u%02d.service" % i: unit_with(("ConditionPathExists", "/proc")) for i in range(40)}
        names = sorted(units)
        with Daemon(units) as svcd:
            for moment in range(3):
                svcd.disconnect()
                starting = svcd.begin("start", "--no-block", *names)
                if moment == 1:
                    starting.wait()
                elif moment == 2:
                    svcd.wait_told("a", "start")
                svcd.kill_manager()
                starting.communicate()
                svcd.svctl("start", *names)
                self.assertEqual(set(svcd.states_of(names)), {("active", "running")})
                self.assertEqual([len(svcd.processes_of(name)) for name in names], [1] * len(names))
                svcd.svctl("stop", *names)
