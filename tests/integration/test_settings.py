"""What a unit file gives to its processes: environment, user, folders, limits, outputs; templates, drop-ins, specifiers."""
import os
import pwd
import socket

from harness import Daemon, TestCase, actor, service


class Settings(TestCase):
    def facts(self, unit=None, words=("facts",), **settings):
        """The words that an actor with these settings says of itself, as a dict."""
        with Daemon({"a.service": service(actor("a", *words), unit=unit, **settings)}) as svcd:
            svcd.svctl("start", "a")
            return dict(word.split("=", 1) for word in svcd.wait_told("a", "facts").what.split()[1:])

    def test_a_service_runs_as_its_user_and_group(self):
        nobody = pwd.getpwnam("nobody")
        facts = self.facts(User="nobody", Group="daemon")
        self.assertEqual((facts["uid"], facts["gid"]), (str(nobody.pw_uid), "1"))

    def test_folder_umask_limits_nice_and_oom_score_are_set(self):
        facts = self.facts(WorkingDirectory="/usr", UMask="0027", LimitNOFILE=321, Nice=5, OOMScoreAdjust=77)
        self.assertEqual(facts, {"uid": "0", "gid": "0", "cwd": "/usr", "umask": "027", "nofile": "321", "nice": "5", "oom": "77"})

    def test_the_environment_comes_from_the_unit_its_file_and_svcd(self):
        with Daemon() as svcd:
            with open(svcd.path("env"), "w") as file:
                file.write("# a comment\nFROM_FILE='two words'\nBOTH=file\n")
            variables = ("FROM_UNIT", "FROM_FILE", "BOTH", "UNSET", "USER", "HOME")
            svcd.write_unit("a.service", {"Service": {
                "ExecStart": actor("a", *("env=" + name for name in variables), "print=${FROM_UNIT}"),
                "Environment": {"FROM_UNIT": "one", "BOTH": "unit"}, "User": "nobody",
                "EnvironmentFile": [svcd.path("env"), "-" + svcd.path("missing")]}})
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            told = [event.what for event in svcd.told("a", "env")]
            self.assertEqual(told[:5], ["env FROM_UNIT=one", "env FROM_FILE=two words", "env BOTH=file", "env UNSET unset",
                                        "env USER=nobody"])
            svcd.wait_until(lambda: "one" in svcd.read_log("a"), "the line in the log")

    def test_a_missing_environment_file_is_said(self):
        with Daemon({"a.service": service(actor("a"), EnvironmentFile="/nonexistent/env")}) as svcd:
            self.assertIn("/nonexistent/env", svcd.svctl("start", "a", status=1).stderr)
            self.assert_shows(svcd, "a", ActiveState="failed", Result="resources")

    def test_outputs_go_where_the_unit_says(self):
        with Daemon() as svcd:
            with open(svcd.path("appended"), "w") as file:
                file.write("before\n")
            units = {
                "log.service": {},
                "append.service": {"StandardOutput": "append:" + svcd.path("appended")},
                "file.service": {"StandardOutput": "file:" + svcd.path("out"), "StandardError": "file:" + svcd.path("err")},
                "null.service": {"StandardOutput": "null"},
            }
            for name, settings in units.items():
                svcd.write_unit(name, service(actor(name, "print=to stdout", "warn=to stderr", "exit=0"), Type="oneshot", **settings))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", *units)
            self.assertEqual(svcd.read_log("log"), "to stdout\nto stderr\n")
            self.assertEqual(svcd.read_log("null"), "")
            for name, text in (("appended", "before\nto stdout\nto stderr\n"), ("out", "to stdout\n"), ("err", "to stderr\n")):
                with open(svcd.path(name)) as file:
                    self.assertEqual(file.read(), text)

    def test_a_template_makes_instances(self):
        with Daemon({"w@.service": {
                "Unit": {"Description": "worker %i of %p"},
                "Service": {"ExecStart": actor("w", "env=WHO", "print=%i %I %n %N %p"), "Environment": {"WHO": "%i"}}}}) as svcd:
            svcd.svctl("start", "w@one", "w@two-three")
            svcd.wait_told("w", "start", count=2)
            self.assertEqual({event.what for event in svcd.told("w", "env")}, {"env WHO=one", "env WHO=two-three"})
            self.assert_shows(svcd, "w@one", ActiveState="active", Description="worker one of w")
            svcd.wait_until(lambda: svcd.read_log("w@two-three") == "two-three two/three w@two-three.service w@two-three w\n",
                            lambda: "the specifiers, but there is %r" % svcd.read_log("w@two-three"))

    def test_drop_ins_are_merged_in_the_order_of_their_names(self):
        with Daemon() as svcd:
            svcd.write_unit("a.service", service(actor("a"), TimeoutStopSec="9s", unit={"Description": "plain"}))
            svcd.write_unit("a.service.d/20-late", "Unit: {Description: late}\n")
            svcd.write_unit("a.service.d/10-early", "Unit: {Description: early}\nService: {TimeoutStopSec: 7s}\n")
            svcd.svctl("daemon-reload")
            self.assert_shows(svcd, "a", Description="late", TimeoutStopUSec=7_000_000)
            self.assertEqual([os.path.basename(path) for path in svcd.get("a", "DropInPaths")], ["10-early.yaml", "20-late.yaml"])
            self.assertIn("late", svcd.svctl("cat", "a").stdout)

    def test_host_specifiers_are_resolved(self):
        with Daemon({"a.service": service(actor("a", "exit=0"), unit={"Description": "on %H, 100%%"})}) as svcd:
            self.assert_shows(svcd, "a", Description="on %s, 100%%" % socket.gethostname())

    def test_a_masked_unit_does_not_start(self):
        with Daemon() as svcd:
            os.symlink("/dev/null", os.path.join(svcd.units, "m.service.yaml"))
            svcd.svctl("daemon-reload")
            answer = svcd.svctl("start", "m", status=1)
            self.assertIn("masked", answer.stderr)
