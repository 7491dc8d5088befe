"""What services write and what unit files hold is not for everybody to read."""
import grp
import json
import os
import stat

from harness import NOBODY, Daemon, TestCase, actor, service

SECRET = "hunter2-Zq"
ADM = next((group.gr_gid for group in grp.getgrall() if group.gr_name == "adm"), 0)


def facts(path):
    status = os.lstat(path)
    return oct(stat.S_IMODE(status.st_mode)), status.st_gid


def ask_as_somebody(svcd, *words):
    asked = svcd.svctl(*words, user=NOBODY, status=None)
    return asked.stdout + asked.stderr


class Logs(TestCase):
    def test_are_for_root_and_a_group_supervisor_123(self):
        with Daemon({"a.service": service(["/bin/echo", "hello"], Type="oneshot")}) as svcd:
            svcd.svctl("start", "a")
            self.assertEqual(svcd.read_log("a"), "hello\n")
            self.assertEqual(facts(svcd.log + "/a.service/current"), ("0o640", ADM))
            self.assertEqual(facts(svcd.log + "/a.service"), ("0o750", ADM))
            svcd.wait_until(lambda: facts(svcd.log) == ("0o750", ADM), "the log folder to be closed")

    def test_are_not_for_others_who_are_told_so(self):
        with Daemon({"a.service": service(["/bin/echo", SECRET], Type="oneshot")}) as svcd:
            svcd.svctl("start", "a")
            self.assertIn(SECRET, svcd.svctl("status", "a", status=None).stdout)
            said = ask_as_somebody(svcd, "status", "a")
            self.assertNotIn(SECRET, said)
            self.assertIn("Output: not for you to read", said)

    def test_of_a_user_instance_are_that_users_alone(self):
        with Daemon({"a.service": service(["/bin/echo", "hello"], Type="oneshot")}, mode="--user") as svcd:
            svcd.svctl("start", "a")
            self.assertEqual(facts(svcd.log + "/a.service/current")[0], "0o600")
            self.assertEqual(facts(svcd.log + "/a.service")[0], "0o700")
            svcd.wait_until(lambda: facts(svcd.log)[0] == "0o700", "the log folder to be closed")

    def test_have_the_group_that_LogGroup_names(self):
        with Daemon({"a.service": service(["/bin/true"], Type="oneshot")}, config="LogGroup: %d\n" % NOBODY) as svcd:
            svcd.svctl("start", "a")
            self.assertEqual(facts(svcd.log + "/a.service/current"), ("0o640", NOBODY))
        with Daemon({"a.service": service(["/bin/true"], Type="oneshot")}, config="LogGroup: no-such-group\n") as svcd:
            svcd.svctl("start", "a")
            self.assertEqual(facts(svcd.log + "/a.service/current"), ("0o640", 0))
            self.assertIn("there is no group 'no-such-group'", svcd.read_errors())

    def test_of_before_are_closed_at_the_start_and_nothing_else_is_touched(self):
        svcd = Daemon()
        outside = svcd.path("outside")
        os.mkdir(outside)
        for folder in ("old.service", "own.service", "no-unit"):
            os.mkdir(svcd.log + "/" + folder)
            for name in ("current", "@4000.s"):
                with open("%s/%s/%s" % (svcd.log, folder, name), "w") as file:
                    file.write("said\n")
        with open(outside + "/current", "w") as file:
            file.write("other\n")
        os.symlink(outside, svcd.log + "/link.service")
        os.symlink(outside + "/current", svcd.log + "/old.service/link")
        os.mkfifo(svcd.log + "/old.service/fifo", 0o644)
        os.link(outside + "/current", svcd.log + "/old.service/second-name")
        os.chmod(svcd.log + "/own.service/current", 0o600)  # what is closed is not opened
        with svcd:
            svcd.wait_until(lambda: facts(svcd.log + "/old.service")[0] == "0o750", "the old log to be closed")
            svcd.wait_until(lambda: facts(svcd.log + "/own.service")[0] == "0o750", "the other one too")
            for name in ("current", "@4000.s"):
                self.assertEqual(facts(svcd.log + "/old.service/" + name), ("0o640", ADM))
            self.assertEqual(facts(svcd.log + "/own.service/current")[0], "0o600")
            self.assertEqual(facts(outside), ("0o755", 0))
            self.assertEqual(facts(outside + "/current"), ("0o644", 0))
            self.assertEqual(facts(svcd.log + "/old.service/fifo")[0], "0o644")
            self.assertEqual(facts(svcd.log + "/no-unit/current")[0], "0o644")
            self.assertEqual(facts(svcd.log)[0], "0o755")  # somebody else has something in it

    def test_files_of_the_runtime_dir_that_hold_more_than_a_state_are_roots(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.svctl("stop", "a")
            modes = {name: stat.S_IMODE(os.lstat(svcd.run + "/" + name).st_mode) for name in os.listdir(svcd.run)}
            public = {name for name, mode in modes.items() if mode & 0o004}
            self.assertLessEqual(public, {"bus", "notify", "launcher"})
            self.assertEqual({name for name, mode in modes.items() if mode & 0o022}, {"bus", "notify"})


class Properties(TestCase):
    def test_that_are_withheld_do_not_look_as_if_they_were_not_set(self):
        units = {"a.service": service(["/bin/true"], Environment={"PASSWORD": SECRET}), "t.target": {"Unit": {}}}
        with Daemon(units) as svcd:
            self.assertIn(SECRET, svcd.svctl("show", "-p", "Environment", "a").stdout)
            for words in (("show", "a"), ("show", "-p", "Environment", "a")):
                asked = svcd.svctl(*words, user=NOBODY, status=None)
                self.assertIn("Environment=(only root and the owner of this svcd may read it)\n", asked.stdout)
                self.assertNotIn(SECRET, asked.stdout + asked.stderr)
                self.assertEqual(asked.returncode, 6 if "-p" in words else 0)
            asked = svcd.svctl("show", "-P", "Environment", "a", user=NOBODY, status=6)
            self.assertEqual(asked.stdout, "\n")
            self.assertIn("Environment is withheld", asked.stderr)
            answer = json.loads(svcd.svctl("show", "--json", "-p", "Id,Environment", "a", user=NOBODY, status=6).stdout)
            self.assertEqual(answer, {"Id": "a.service", "Environment": None, "withheld": ["Environment"]})
            self.assertEqual(svcd.svctl("show", "-p", "Id", "a", user=NOBODY).stdout, "Id=a.service\n")
            self.assertNotIn("withheld", svcd.svctl("show", "--json", "a").stdout)
            svcd.svctl("show", "t.target", user=NOBODY)


class Diagnostics(TestCase):
    def everything_said(self, svcd):
        """What everybody can read of a unit that was not loaded."""
        reload = svcd.svctl("daemon-reload", status=None)
        texts = [reload.stdout, reload.stderr, svcd.read_errors()]
        for words in (("status", "a"), ("show", "a"), ("doctor", "a"), ("list-units", "--all"), ("start", "a"), ("explain", "a")):
            answer = svcd.svctl(*words, status=None)
            texts += [answer.stdout, answer.stderr]
        return "\n".join([*texts, ask_as_somebody(svcd, "show", "a")])

    def assert_secret(self, text, *words, mode=0o600):
        with Daemon() as svcd:
            path = svcd.write_unit("a.service", text)
            os.chmod(path, mode)
            said = self.everything_said(svcd)
            self.assertNotIn(SECRET, said)
            for word in words:
                self.assertIn(word, said)

    def test_never_quote_a_value_of_Environment_servy_5621(self):
        begin = "Service:\n  ExecStart: /bin/true\n  Environment:"
        for mode in (0o600, 0o644):
            self.assert_secret("%s\n    - %s\n" % (begin, SECRET), "a.service.yaml:4:7: Environment: takes NAME=VALUE", mode=mode)
            self.assert_secret("%s\n    - 9X=%s\n" % (begin, SECRET), "Environment: what stands before = is no name", mode=mode)
            self.assert_secret("%s\n    PASSWORD: '%s%%Z'\n" % (begin, SECRET), ":4:15: Environment: PASSWORD: a % in its value", mode=mode)
            self.assert_secret("%s\n    PASSWORD: [%s]\n" % (begin, SECRET), "Environment: PASSWORD: the value of a variable is no list", mode=mode)
            self.assert_secret("%s\n    'PASSWORD=%s': x\n" % (begin, SECRET), "Environment: this key is no name of a variable", mode=mode)
            self.assert_secret("%s \"PASSWORD='%s\"\n" % (begin, SECRET), "Environment: a quote (') is not closed", mode=mode)
            self.assert_secret("%s\n    PASSWORD: %s: x\n" % (begin, SECRET), "a.service.yaml:4:", "not valid YAML", mode=mode)
            self.assert_secret("%s {PASSWORD: '%s\n" % (begin, SECRET), "not valid YAML", mode=mode)

    def test_never_quote_the_value_of_a_key_that_svcd_does_not_have(self):
        begin = "Service:\n  ExecStart: /bin/true\n"
        for text, word in (("%s  Environmen: PASSWORD=%s\n", ":3:3: unknown key 'Environmen' in section Service, did you mean 'Environment'?"),
                           ("%s  Environmen:\n    - PASSWORD=%s\n    - [\n", "a.service.yaml:"),
                           ("%s  Environmen: PASSWORD=%s: x\n", "a.service.yaml:3:"),
                           ("%s  Environmen=PASSWORD=%s\n", "a.service.yaml:"),
                           ("%sServic:\n  Environment: PASSWORD=%s\n", ":3:1: unknown section 'Servic', did you mean 'Service'?"),
                           ("%sX-Own: {Environmen: %s, Type: [}\n", "a.service.yaml:3:"),
                           ("%sInstall: {Environmen: %s, Typ: x}\n", ":3:11: unknown key 'Environmen'")):
            with self.subTest(text):
                self.assert_secret(text % (begin, SECRET), word, mode=0o644)

    def test_quote_nothing_of_a_file_that_not_everybody_may_read(self):
        self.assert_secret("Service:\n  ExecStart: /bin/true\n  Type: %s\n" % SECRET, "a.service.yaml:3:9: Type: '...' is none of")
        self.assert_secret("Service:\n  ExecStart: /bin/true\n  %s: x\n" % SECRET, "a.service.yaml:3:3: ")
        self.assert_secret("Service:\n  ExecStart: %s: x\n" % SECRET, "a.service.yaml:2:", "not valid YAML")
        self.assert_secret("%%YAML %s\n---\nService: {}\n" % SECRET, "bad YAML version: '...'")
        self.assert_secret("[Service]\nEnvironment=PASSWORD=%s\n" % SECRET, "the form of systemd's unit files")

    def test_quote_the_line_of_a_file_that_everybody_may_read(self):
        with Daemon() as svcd:
            svcd.write_unit("a.service", "Service:\n  ExecStart: /bin/true\n  Type: smple\n")
            self.assertIn("    Type: smple\n", svcd.svctl("daemon-reload", status=None).stderr)


if __name__ == "__main__":
    import unittest
    unittest.main()
