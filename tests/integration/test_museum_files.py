"""The bug museum (see test_museum.py): unit files, reloads, and svctl."""
import os
import signal
import subprocess

from harness import SVCTL, Daemon, TestCase, actor, service


class Files(TestCase):
    def test_11_a_typo_in_a_file_is_an_error_with_its_place(self):
        faults = {
            "unknown.service": "Service:\n  ExecStart: /bin/true\n  TimoutStopSec: 3\n",
            "section.service": "Unit:\n  Description: x\n  Restart: always\nService: {ExecStart: /bin/true}\n",
            "twice.service": "Service:\n  ExecStart: /bin/true\nUnit:\n  Description: x\nService:\n  ExecStart: /bin/false\n",
        }
        places = {"unknown.service": "3:3", "section.service": "3:3", "twice.service": "5:1"}
        with Daemon({"good.service": service(actor("good"))}) as svcd:
            paths = {name: svcd.write_unit(name, text) for name, text in faults.items()}
            said = svcd.svctl("daemon-reload", status=9).stderr
            for name, path in paths.items():
                with self.subTest(unit=name):
                    self.assertIn("%s:%s: " % (path, places[name]), said)
                    self.assertIn(path, svcd.svctl("start", name, status=1).stderr)
                    self.assertEqual(svcd.get(name, "LoadState"), "bad-setting")
            svcd.svctl("start", "good")

    def test_12_a_new_unit_that_closes_a_cycle_is_refused_and_what_runs_goes_on(self):
        with Daemon({
            "db.service": service(actor("db")),
            "web.service": service(actor("web"), unit={"Requires": ["db.service"], "After": ["db.service"]}),
        }) as svcd:
            svcd.svctl("start", "web")
            svcd.wait_told("web", "start")
            pids = {name: svcd.get(name, "MainPID") for name in ("db", "web")}
            path = svcd.write_unit("new.service", service(actor("new"), unit={
                "Requires": ["web.service"], "After": ["web.service"], "Before": ["db.service"]}))
            said = svcd.svctl("daemon-reload", status=9).stderr
            for word in ("cycle", "new.service", "web.service", "db.service", path + ":"):
                self.assertIn(word, said)
            self.assertEqual({name: svcd.get(name, "MainPID") for name in pids}, pids)
            svcd.svctl("start", "new", status=None)
            self.assertEqual(svcd.told("new"), [])
            svcd.svctl("restart", "db")  # the old order holds
            svcd.wait_told("web", "start", count=2)
            self.assertEqual(svcd.order("web end", "db end"), ["web end", "db end"])

    def test_13_a_restart_with_a_changed_file_is_a_choice(self):
        with Daemon({"a.service": service(actor("old"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("old", "start")
            svcd.write_unit("a.service", service(actor("new")))
            said = svcd.svctl("restart", "a", status=2).stderr
            self.assertIn("--reload", said)
            self.assertIn("--stale", said)
            self.assertEqual(svcd.told("old", "signal"), [])
            svcd.svctl("restart", "--stale", "a")
            svcd.wait_told("old", "start", count=2)
            svcd.svctl("restart", "--reload", "a")
            svcd.wait_told("new", "start")

    def test_14_a_variable_that_was_taken_out_of_the_file_is_gone(self):
        command = actor("a", "env=KEPT", "env=GONE", "env=GONE_TOO")
        with Daemon() as svcd:
            more = svcd.path("more.env")
            with open(more, "w") as file:
                file.write("GONE_TOO=1\n")
            svcd.write_unit("a.service", service(command, Environment={"KEPT": "1", "GONE": "1"}, EnvironmentFile=more))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            with open(more, "w") as file:
                file.write("\n")
            svcd.write_unit("a.service", service(command, Environment={"KEPT": "1"}, EnvironmentFile=more))
            svcd.svctl("daemon-reload")
            svcd.svctl("restart", "a")
            svcd.wait_told("a", "start", count=2)
            self.assertEqual([event.what for event in svcd.told("a", "env")],
                             ["env KEPT=1", "env GONE=1", "env GONE_TOO=1", "env KEPT=1", "env GONE unset", "env GONE_TOO unset"])

    def test_15_a_changed_restart_policy_is_in_force_without_a_restart(self):
        with Daemon({"up.service": service(actor("up"), Restart="no", RestartSec=0),
                     "down.service": service(actor("down"), Restart="always", RestartSec=0)}) as svcd:
            svcd.svctl("start", "up", "down")
            svcd.wait_told("up", "start")
            svcd.wait_told("down", "start")
            pids = [svcd.get(name, "MainPID") for name in ("up", "down")]
            svcd.write_unit("up.service", service(actor("up"), Restart="always", RestartSec=0))
            svcd.write_unit("down.service", service(actor("down"), Restart="no", RestartSec=0))
            svcd.svctl("daemon-reload")
            self.assertEqual([svcd.get(name, "MainPID") for name in ("up", "down")], pids)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            svcd.wait_told("up", "start", count=2)
            svcd.wait_for("up", ActiveState="active", NRestarts=1)
            svcd.wait_for("down", ActiveState="failed", Result="signal")
            self.assertEqual(len(svcd.told("down", "start")), 1)

    def test_16_a_changed_member_of_a_group_leaves_its_siblings_alone(self):
        names = ["one", "two", "three"]

        def member(name, **settings):
            return service(actor(name), unit={"PartOf": ["group.target"]}, Slice="group.slice", **settings)
        with Daemon({"group.target": {"Unit": {"Wants": [name + ".service" for name in names]}},
                     **{name + ".service": member(name) for name in names}}) as svcd:
            svcd.svctl("start", "group.target")
            for name in names:
                svcd.wait_told(name, "start")
            pids = {name: svcd.get(name, "MainPID") for name in names}
            svcd.write_unit("two.service", member("two", Environment={"CHANGED": "1"}))
            svcd.svctl("daemon-reload")
            svcd.svctl("restart", "two")
            svcd.wait_told("two", "start", count=2)
            self.assertNotEqual(svcd.get("two", "MainPID"), pids["two"])
            for name in ("one", "three"):
                self.assert_shows(svcd, name, ActiveState="active", MainPID=pids[name])
                self.assertEqual(svcd.told(name, "signal"), [])
            self.assertEqual(svcd.states()["group.target"][0], "active")


class Asking(TestCase):
    def test_27_an_unknown_unit_is_4_and_status_needs_no_message_bus(self):
        with Daemon({"a.service": service(actor("a"))}, environment={
                "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            self.assertIn("active (running)", svcd.svctl("status", "a").stdout)
            for verb in ("start", "stop", "restart", "try-restart", "reload", "reload-or-restart", "kill", "status", "show", "cat",
                         "reset-failed", "list-dependencies", "list-units", "list-jobs", "wait"):
                with self.subTest(verb=verb):
                    self.assertIn("nonsense", svcd.svctl(verb, "nonsense", status=4).stderr)
            for verb in ("is-active", "is-failed"):  # which answer with a word
                self.assertEqual(svcd.svctl(verb, "nonsense", status=4).stdout, "inactive\n")
            # The runtime folder alone is enough to find the daemon.
            found = subprocess.run([SVCTL, "--user", "is-active", "a"], stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                                   env={"XDG_RUNTIME_DIR": self.runtime_folder(svcd)})
            self.assertEqual((found.returncode, found.stdout), (0, "active\n"))

    def runtime_folder(self, svcd):
        """A folder where svcd's is found as svcd/."""
        folder = svcd.path("xdg")
        os.mkdir(folder)
        os.symlink(svcd.run, os.path.join(folder, "svcd"))
        return folder
