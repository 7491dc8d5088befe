"""Unit files in their folders: second names, drop-ins, files that are not read, and what is told of them."""
import json
import os

import dbus_client
from harness import Daemon, TestCase, actor, service


def link(svcd, target, name):
    os.symlink(target + ".yaml", os.path.join(svcd.units, name + ".yaml"))


class SecondNames(TestCase):
    def test_every_verb_takes_a_second_name(self):
        units = {"a.service": service(actor("a"), unit={"Description": "the one"}, ExecReload="/bin/true")}
        with Daemon(units) as svcd:
            link(svcd, "a.service", "al.service")
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "al")
            svcd.wait_told("a", "start")
            pid = svcd.get("a", "MainPID")
            self.assert_shows(svcd, "al", Id="a.service", MainPID=pid, ActiveState="active")
            self.assertEqual(json.loads(svcd.svctl("show", "--json", "al").stdout)["Names"], ["a.service", "al.service"])
            for verb in ("status", "is-active", "cat", "list-dependencies", "explain", "doctor", "reload", "plan stop"):
                svcd.svctl(*verb.split(), "al")
            self.assertIn("a.service", svcd.svctl("plan", "stop", "al").stdout)
            self.assertIn("the one", svcd.svctl("status", "al").stdout)
            svcd.svctl("kill", "--signal=CONT", "al")
            svcd.wait_told("a", "signal 18")
            svcd.svctl("restart", "al")
            self.assertNotEqual(svcd.get("a", "MainPID"), pid)
            self.assertNotIn("al.service", svcd.states())
            svcd.svctl("stop", "al")
            self.assertEqual(svcd.states()["a.service"], ("inactive", "dead"))
            svcd.svctl("is-active", "al", status=3)
            svcd.svctl("reset-failed", "al")

    def test_a_second_name_is_that_unit_for_those_who_depend_on_it_systemd_7875(self):
        units = {"mariadb.service": service(actor("mariadb")),
                 "web.service": service(actor("web"), unit={"Requires": ["mysql.service"], "After": ["mysql.service"]})}
        with Daemon(units) as svcd:
            link(svcd, "mariadb.service", "mysql.service")
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "web")
            svcd.svctl("is-active", "mysql")
            self.assertIn("mariadb.service", svcd.svctl("show", "web", "-p", "Requires", "--value").stdout)
            svcd.svctl("stop", "mysql")
            self.assertEqual(svcd.states()["web.service"], ("inactive", "dead"))

    def test_names_come_and_go_with_reloads_and_outlive_the_manager(self):
        with Daemon({"a.service": service(actor("a")), "w@.service": service(actor("w"))}) as svcd:
            link(svcd, "a.service", "al.service")  # found without a reload, as a new file is
            link(svcd, "w@.service", "v@.service")
            svcd.svctl("start", "al", "v@1")
            pid = svcd.get("a", "MainPID")
            self.assert_shows(svcd, "v@1", Id="w@1.service")
            svcd.kill_manager()
            self.assert_shows(svcd, "al", Id="a.service", MainPID=pid, ActiveState="active")
            self.assert_shows(svcd, "v@1", Id="w@1.service", ActiveState="active")
            svcd.svctl("start", "al")
            os.unlink(os.path.join(svcd.units, "al.service.yaml"))
            svcd.svctl("daemon-reload")
            svcd.svctl("stop", "al", status=4)
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=pid)

    def test_a_running_unit_whose_name_becomes_another_s_goes_on_systemd_38817(self):
        with Daemon({"a.service": service(actor("a")), "b.service": service(actor("b"))}) as svcd:
            svcd.svctl("start", "a", "b")
            pids = svcd.get("a", "MainPID"), svcd.get("b", "MainPID")
            os.unlink(os.path.join(svcd.units, "b.service.yaml"))
            link(svcd, "a.service", "b.service")
            self.assertIn("b.service: by its file this is now a second name of a.service",
                          svcd.svctl("daemon-reload").stderr)
            for _ in range(2):
                self.assertEqual((svcd.get("a", "MainPID"), svcd.get("b", "MainPID")), pids)
                svcd.kill_manager()
            svcd.svctl("stop", "b")
            svcd.wait_told("b", "signal 15")
            self.assert_shows(svcd, "b", Id="a.service", MainPID=pids[0], ActiveState="active")
            svcd.svctl("daemon-reload")
            self.assertEqual(svcd.svctl("daemon-reload").stderr.strip(), "")

    def test_links_that_make_no_name_are_told_of(self):
        with Daemon({"a.service": service(actor("a")), "w@.service": service(actor("w"))}) as svcd:
            link(svcd, "w@.service", "x.service")
            link(svcd, "c2.service", "c1.service")
            link(svcd, "c1.service", "c2.service")
            told = svcd.svctl("daemon-reload", status=9).stderr
            self.assertIn("x.service.yaml: a link to the file of 'w@.service', of which 'x.service' can't be a second name", told)
            self.assertIn("a loop of links, which leads to no file: c1.service → c2.service → c1.service", told)
            self.assertIn("that is a template", svcd.svctl("start", "x", status=1).stderr)
            self.assertIn("loop of links", svcd.svctl("start", "c1", status=1).stderr)
            svcd.svctl("start", "a")

    def test_the_first_unit_may_be_named_by_a_link(self):
        units = {"many.target": {"Unit": {"Wants": ["a.service"]}}, "a.service": service(actor("a"))}
        with Daemon(units) as svcd:
            link(svcd, "many.target", "default.target")
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "default.target")
            svcd.wait_told("a", "start")
            self.assertNotIn("default.target", svcd.states())

    def test_a_name_that_no_unit_has_brings_the_nearest(self):
        with Daemon({"shop-web.service": service(actor("web")), "worker@.service": service(actor("w"))}) as svcd:
            link(svcd, "shop-web.service", "frontend.service")
            svcd.svctl("daemon-reload")
            self.assertIn("did you mean 'shop-web.service'?", svcd.svctl("start", "shop-wbe", status=4).stderr)
            self.assertIn("did you mean shop-web.service?", svcd.svctl("status", "shop-wbe", status=4).stderr)
            self.assertNotIn("did you mean", svcd.svctl("start", "shop", status=4).stderr)
            self.assertNotIn("did you mean", svcd.svctl("kill", "nope", status=4).stderr)  # not off.service
            self.assertIn("no units of type mount", svcd.svctl("start", "/srv", status=4).stderr)
            self.assertIn("no units of type socket", svcd.svctl("start", "web.socket", status=4).stderr)
            self.assertIn("did you mean 'frontend.service'?", svcd.svctl("stop", "fronted", status=4).stderr)
            self.assertIn("did you mean 'worker@7.service'?", svcd.svctl("start", "wroker@7", status=4).stderr)
            self.assertNotIn("did you mean", svcd.svctl("start", "report@a-long-instance", status=4).stderr)
            told = svcd.svctl("start", "worker@", status=4).stderr
            self.assertIn("worker@.service is a template", told)
            self.assertIn("worker@NAME", told)
            told = svcd.svctl("start", "worker", status=4).stderr
            self.assertIn("worker@.service is a template", told)
            self.assertIn("'svctl start worker@NAME'", told)
            for words in (["plan", "stop"], ["wait", "--for=active"], ["critical-chain"], ["start", "--dry-run"]):
                told = svcd.svctl(*words, "worker", status=4).stderr
                self.assertIn("worker@.service is a template", told, words)
            self.assertIn("'svctl plan stop worker@NAME'", svcd.svctl("plan", "stop", "worker", status=4).stderr)
            self.assertIn("did you mean 'shop-web.service'?", svcd.svctl("stop", "shop-web.servce", status=4).stderr)
            for name, hint in (("worker.service", "worker@NAME.service"), ("shop-wbe.servce", "did you mean 'shop-web.service'?")):
                with self.assertRaises(dbus_client.Error) as refused:
                    svcd.manager("StartUnit", "ss", name, "replace")
                self.assertIn(hint, str(refused.exception))


class DropIns(TestCase):
    def test_one_bad_drop_in_costs_a_boot_that_drop_in_and_nothing_else(self):
        units = {"sshd.service": service(actor("sshd")),
                 "sshd.service.d/10-sound": "Unit: {Description: first}\n",
                 "sshd.service.d/20-typo": "Service: {TimeoutStopSecs: 3}\n",
                 "sshd.service.d/30-yaml": "Service: [\n",
                 "sshd.service.d/40-rule": "Service: {PreStopDelaySec: 10min}\n",
                 "sshd.service.d/50-sound": "Unit: {Documentation: [man:sshd(8)]}\n"}
        with Daemon(units) as svcd:
            svcd.svctl("start", "sshd")
            svcd.wait_told("sshd", "start")
            status = svcd.svctl("status", "sshd").stdout
            for name in ("20-typo", "30-yaml", "40-rule"):
                self.assertIn("sshd.service.d/%s.yaml" % name, status)
            self.assertIn("loaded without this drop-in", status)
            self.assert_shows(svcd, "sshd", Description="first", LoadState="loaded")
            paths = svcd.svctl("show", "sshd", "-p", "DropInPaths", "--value").stdout
            self.assertIn("10-sound.yaml", paths)
            self.assertIn("50-sound.yaml", paths)
            self.assertNotIn("20-typo.yaml", paths)
            svcd.write_unit("sshd.service.d/10-sound", "Unit: {Description: second}\n")
            self.assertIn("20-typo.yaml:1:11: unknown key", svcd.svctl("daemon-reload", status=9).stderr)
            self.assert_shows(svcd, "sshd", Description="first", ActiveState="active")
            svcd.kill_manager()  # a new manager has no older definition: it loads what can be loaded
            self.assert_shows(svcd, "sshd", Description="second", ActiveState="active", LoadState="loaded")

    def test_a_faulty_drop_in_of_all_services_costs_none_its_start(self):
        units = {"a.service": service(actor("a")), "b.service": service(actor("b")), "service.d/10": "Service: {Nic: 3}\n"}
        with Daemon(units) as svcd:
            svcd.svctl("start", "a", "b")
            told = svcd.svctl("daemon-reload", status=9).stderr
            self.assertEqual(told.count("service.d/10.yaml:1:11: unknown key"), 1, told)


    def test_a_drop_in_that_comes_or_goes_is_noticed(self):
        with Daemon({"web-a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "web-a")
            svcd.wait_told("a", "start")
            for folder in ("web-a.service.d", "web-.service.d", "service.d"):
                self.assert_shows(svcd, "web-a", NeedDaemonReload=False)
                path = svcd.write_unit(folder + "/10", "Unit: {Description: new}\n")  # in a folder that is new, too
                self.assert_shows(svcd, "web-a", NeedDaemonReload=True)
                svcd.svctl("daemon-reload")
                self.assert_shows(svcd, "web-a", NeedDaemonReload=False, Description="new")
                os.unlink(path)
                self.assert_shows(svcd, "web-a", NeedDaemonReload=True)
                svcd.svctl("daemon-reload")
            svcd.write_unit("web-a.service.d/20", "Unit: {Description: newer}\n")
            self.assertIn("changed", svcd.svctl("restart", "web-a", status=None).stderr)
            with open(os.path.join(svcd.units, "web-a.service.d", "notes~"), "w"):
                pass
            svcd.svctl("daemon-reload")
            self.assert_shows(svcd, "web-a", NeedDaemonReload=False)

    def test_a_drop_in_that_was_left_out_and_is_mended_is_noticed(self):
        with Daemon({"a.service": service(actor("a")), "a.service.d/10": "Unit: {Descripton: x}\n"}) as svcd:
            self.assert_shows(svcd, "a", NeedDaemonReload=False)
            svcd.write_unit("a.service.d/10", "Unit: {Description: mended}\n")
            self.assert_shows(svcd, "a", NeedDaemonReload=True)

    def test_a_unit_with_a_fault_of_its_own_blames_no_drop_in(self):
        units = {"a.service": "Service: {Type: simple}\n", "a.service.d/10": "Unit: {Description: harmless}\n"}
        with Daemon(units) as svcd:
            told = svcd.svctl("daemon-reload", status=9).stderr
            self.assertIn("a.service.yaml: ", told)
            self.assertNotIn("10.yaml", told)


class Told(TestCase):
    def test_each_warning_of_a_reload_comes_once_however_many_instances_there_are(self):
        units = {"w@.service": service(["/bin/sh", "-c", "exec sleep 1000", "&&"])}
        with Daemon(units) as svcd:
            for name in ("old.service", "x.conf", "web.service.yml"):
                with open(os.path.join(svcd.units, name), "w") as file:
                    file.write("[Service]\n")
            svcd.svctl("start", "w@1", "w@2", "w@3")
            self.assertEqual(svcd.read_errors().count("w@.service.yaml:"), 1, svcd.read_errors())
            self.assertNotIn(": warning: ", svcd.read_errors())
            for _ in range(2):
                told = svcd.svctl("daemon-reload").stderr
                for name in ("old.service: ", "x.conf: ", "web.service.yml: ", "w@.service.yaml:"):
                    self.assertEqual(told.count(name), 1, told)
            errors = svcd.read_errors()
            svcd.svctl("start", "w@4")
            self.assertNotIn("x.conf", svcd.read_errors()[len(errors):])

    def test_doctor_shows_what_a_reload_told(self):
        units = {"a.service": service(["/bin/sleep", "1000", "&&", "true"]), "b.service": service(actor("b"))}
        with Daemon(units) as svcd:
            with open(os.path.join(svcd.units, "x.conf"), "w") as file:
                file.write("")
            svcd.svctl("daemon-reload")
            findings = json.loads(svcd.svctl("doctor", "--json", status=1).stdout)["findings"]
            self.assertEqual({(each["unit"], each["kind"], each["severity"]) for each in findings},
                             {("a.service", "unit-file", "warning"), ("", "unit-file", "warning")})
            self.assertIn("a.service.yaml:", svcd.svctl("doctor", "a", status=1).stdout)
            svcd.svctl("doctor", "b", status=0)

    def test_a_file_that_is_there_and_is_not_read_is_named_when_its_unit_is_asked_for(self):
        with Daemon({"web.service": service(actor("web"))}) as svcd:
            told = svcd.svctl("start", "web.service.service", status=4).stderr
            self.assertIn("did you mean web.service?", told)
            self.assertNotIn("is not read", told)
            for name in ("ini.service", "foo.service.yml", "redis2.yaml"):
                with open(os.path.join(svcd.units, name), "w") as file:
                    file.write("[Service]\n")
            for unit, words in (("ini", "ini.service is there, but is not read: this is the name of a unit file of systemd's"),
                                ("foo", "foo.service.yml is there, but is not read: the name must end with .yaml; rename it to foo.service.yaml"),
                                ("redis2", "redis2.yaml is there, but is not read: a unit file is named NAME.TYPE.yaml; rename it to redis2.service.yaml")):
                told = svcd.svctl("start", unit, status=4).stderr
                self.assertIn(words, told)
                self.assertNotIn("svctl import", told)

    def test_units_that_are_asked_for_and_have_no_file(self):
        units = {"a.service": service("/bin/false", {"OnFailure": "allert@x.service", "Wants": "cahce.service"}, Type="oneshot"),
                 "alert@.service": service(actor("alert"))}
        with Daemon(units) as svcd:
            self.assertIn("OnFailure: allert@x.service has no file; did you mean 'alert@x.service'?", svcd.read_errors())
            self.assertNotIn("cahce", svcd.read_errors())  # that may be meant
            told = svcd.svctl("daemon-reload").stderr
            self.assertEqual(told.count("allert@x.service has no file"), 1, told)
            self.assertEqual(told.count("Wants: cahce.service has no file"), 1, told)
            self.assertIn("cahce.service has no file", svcd.svctl("doctor", status=1).stdout)
            svcd.svctl("start", "a", status=1)
            self.assertIn("(reason: OnFailure of a.service)", svcd.read_errors())

    def test_a_unit_path_that_is_not_there_is_told_of(self):
        with Daemon({}, arguments=["--unit-path=/nowhere/at/all"]) as svcd:
            self.assertIn("warning: /nowhere/at/all: --unit-path names this folder, and it does not exist", svcd.read_errors())
            self.assertIn("/nowhere/at/all", svcd.svctl("daemon-reload").stderr)

    def test_a_word_that_the_expansion_would_lose_is_refused_systemd_27036(self):
        with Daemon({"a.service": service(["/bin/sh", "-c", "$FOO/echo 123"])}) as svcd:
            told = svcd.svctl("daemon-reload", status=9).stderr
            self.assertIn("write '$$FOO/echo 123'", told)
            self.assertIn("^", told)
