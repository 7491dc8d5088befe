"""What is typed by habit, or by mistake, does no harm, and is never without a word."""
import json
import os
import signal
import sys

from harness import Daemon, TestCase, actor, monotonic_usec, service

# Says each of its real-time signals with the value that came with it.
RECEIVER = r"""
import ctypes, os, signal, struct, sys
numbers = {signal.SIGRTMIN + 1, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
if sys.argv[1] == "main" and os.fork() == 0:
    sys.argv[1] = "child"
libc, wanted, info = ctypes.CDLL(None), ctypes.create_string_buffer(128), ctypes.create_string_buffer(128)
libc.sigemptyset(wanted)
for number in numbers:
    libc.sigaddset(wanted, number)
print(sys.argv[1], "ready", flush=True)
while True:
    number = libc.sigwaitinfo(wanted, info)
    if number == signal.SIGTERM:
        sys.exit(0)
    print(sys.argv[1], struct.unpack_from("i", info, 24)[0], flush=True)
"""


class Signals(TestCase):
    def units(self):
        receiver = lambda name: [sys.executable, "-c", RECEIVER, name]
        return {"a.service": service(receiver("main"), ExecReload=receiver("control"))}

    def test_kill_takes_a_signal_as_the_shells_kill_does(self):
        for words in (("-9",), ("-KILL",), ("-s", "KILL"), ("--signal=SIGKILL",)):
            with self.subTest(words=words), Daemon({"a.service": service(actor("a"))}) as svcd:
                svcd.svctl("start", "a")
                svcd.wait_told("a", "start")
                svcd.svctl("kill", *words, "a")
                svcd.wait_for("a", ActiveState="failed", Result="signal", ExecMainStatus=9)

    def test_a_value_goes_with_a_real_time_signal_to_whom_it_is_meant_for(self):
        with Daemon(self.units()) as svcd:
            svcd.svctl("start", "a")
            said = lambda *lines: svcd.wait_until(lambda: set(lines) <= set(svcd.read_log("a").splitlines()), lines)
            said("main ready", "child ready")
            svcd.svctl("kill", "--signal=RTMIN+1", "--value=42", "a")
            said("main 42", "child 42")
            svcd.svctl("kill", "--signal=RTMIN+1", "--value=-7", "--kill-whom=main", "a")
            said("main -7")
            svcd.svctl("reload", "--no-block", "a")
            said("control ready")
            svcd.svctl("kill", "-RTMIN+1", "--value", "43", "--kill-whom=control", "a")
            said("control 43")
            self.assertNotIn("child -7", svcd.read_log("a"))
            self.assertNotIn("main 43", svcd.read_log("a"))
            svcd.svctl("kill", "--kill-whom=control", "a")

    def test_a_word_with_a_dash_that_is_no_option_does_nothing_at_all(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            pid = svcd.get("a", "MainPID")
            for words in (("kill", "-77", "a"), ("kill", "-H", "UP", "a"), ("stop", "-9", "a"), ("stop", "-", "a"), ("restart", "-HUP", "a"),
                          ("kill", "--value=3", "a"), ("kill", "--signal=HPU", "a")):
                self.assertIn("nothing was done", svcd.svctl(*words, status=2).stderr)
            self.assert_shows(svcd, "a", ActiveState="active", MainPID=pid)


class TheMachine(TestCase):
    def test_a_svcd_that_is_not_the_machines_init_refuses_to_reboot_it(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            for verb in ("reboot", "poweroff", "halt", "kexec"):
                for force in ((), ("--force",)):
                    refused = svcd.svctl(verb, *force, status=1).stderr
                    self.assertIn("this svcd is not the machine's init", refused)
                    self.assertIn("'svctl exit' ends it", refused)
            for method in ("Reboot", "PowerOff", "Halt"):
                with self.assertRaisesRegex(Exception, "not the machine's init"):
                    svcd.manager(method)
            self.assert_shows(svcd, "a", ActiveState="active")
            for words in (("plan", "poweroff"), ("halt", "--dry-run"), ("kexec", "--dry-run")):
                planned = svcd.svctl(*words, status=1).stdout
                self.assertIn("stop a.service", planned)
                self.assertIn("svcd would refuse it: ", planned)
                self.assertIn("'svctl exit' ends it", planned)
            self.assertIn("machine's init", json.loads(svcd.svctl("--json", "plan", "reboot", status=1).stdout)["refused"])
            svcd.svctl("plan", "exit")
            for verb in ("rescue", "emergency"):
                for force in ((), ("--dry-run",)):
                    self.assertIn("this svcd is not the machine's init", svcd.svctl(verb, *force, status=1).stderr)
            self.assert_shows(svcd, "a", ActiveState="active")
            svcd.svctl("exit", "--wait")
            svcd.wait_for_exit()


class Globs(TestCase):
    def test_a_glob_of_kill_does_not_reach_svcd_itself(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            self.assertIn("svcd too", svcd.svctl("kill", "-9", "--", "-.slice", status=1).stderr)
            svcd.svctl("kill", "-9", "*", status=None)
            svcd.wait_for("a", ActiveState="failed")
            svcd.svctl("start", "a")
            svcd.svctl("stop", "*")

    def test_a_glob_matches_second_names_too(self):
        with Daemon({"web.service": service(actor("web")), "work@.service": service(actor("work"))}) as svcd:
            for alias, unit in (("al.service", "web.service"), ("job@.service", "work@.service")):
                os.symlink(unit + ".yaml", os.path.join(svcd.units, alias + ".yaml"))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "web", "work@1")
            pids = svcd.get("web", "MainPID"), svcd.get("work@1", "MainPID")
            svcd.svctl("restart", "al*", "job@*")
            self.assertNotIn(svcd.get("web", "MainPID"), pids)
            self.assertNotIn(svcd.get("work@1", "MainPID"), pids)
            svcd.svctl("stop", "al*", "job@*")
            self.assert_shows(svcd, "web", ActiveState="inactive")
            self.assert_shows(svcd, "work@1", ActiveState="inactive")

    def test_a_restart_whose_file_has_changed_or_is_gone_does_nothing_and_says_which(self):
        with Daemon({"web.service": service(actor("web")), "wall.service": service(actor("wall"))}) as svcd:
            svcd.svctl("start", "web", "wall")
            pid = svcd.get("web", "MainPID")
            path = svcd.write_unit("web.service", service(actor("web"), {"Description": "other"}))
            self.assertIn("has changed since it was loaded", svcd.svctl("restart", "web", status=2).stderr)
            os.remove(path)
            svcd.svctl("daemon-reload", status=None)
            for more in ((), ("--reload",)):
                said = svcd.svctl("restart", *more, "web", status=2).stderr
                self.assertIn("is gone", said)
                self.assertNotIn("has changed", said)
            self.assertNotIn("there is no unit", svcd.svctl("restart", "--dry-run", "w*", status=None).stderr)
            self.assertEqual(svcd.get("web", "MainPID"), pid)

    def test_events_of_a_unit_that_does_not_exist_says_so(self):
        with Daemon({}) as svcd:
            self.assertIn("nosuchx.service", svcd.svctl("events", "nosuchx", status=4).stderr)

    def test_a_glob_of_restart_starts_nothing_that_was_stopped(self):
        with Daemon({"w@.service": service(actor("w-%i"), Restart="always", RestartSec="1h")}) as svcd:
            svcd.svctl("start", "w@1", "w@2", "w@3")
            svcd.svctl("stop", "w@1")
            for instance in "23":
                svcd.wait_told("w-" + instance, "start")
            os.kill(svcd.get("w@3", "MainPID"), signal.SIGKILL)
            svcd.wait_for("w@3", SubState="auto-restart")
            svcd.svctl("restart", "w@*")
            self.assertEqual(svcd.states_of(["w@%d.service" % n for n in (1, 2, 3)]),
                             [("inactive", "dead"), ("active", "running"), ("active", "running")])
            svcd.svctl("stop", "w@*")
            for verb in ("restart", "stop", "kill", "reload"):
                self.assertIn("there is nothing to do", svcd.svctl(verb, "w@*").stdout)
            svcd.svctl("restart", "x@*", status=4)


class Names(TestCase):
    def test_a_path_as_an_instance_reaches_the_service_as_it_was_typed(self):
        with Daemon({"foo@.service": service(["/bin/echo", "%I"], Type="oneshot")}) as svcd:
            self.assertIn(r"foo@-bar-baz\x2dfoo.service", svcd.svctl("start", "foo@/bar/baz-foo").stderr)
            self.assertEqual(svcd.read_log(r"foo@-bar-baz\x2dfoo"), "/bar/baz-foo\n")
            escaped = svcd.svctl("escape", "--template=foo@.service", "/bar/baz-foo").stdout
            self.assertEqual(escaped, "foo@-bar-baz\\x2dfoo.service\n")

    def test_a_mistyped_unit_and_a_template_are_answered_with_what_there_is(self):
        with Daemon({"nginx.service": service(actor("n")), "w@.service": service(actor("w"))}) as svcd:
            self.assertIn("did you mean 'nginx.service'?", svcd.svctl("start", "nignx", status=4).stderr)
            self.assertIn("name an instance of it, such as 'svctl start w@NAME'", svcd.svctl("start", "w@", status=4).stderr)
            self.assertIn("no property 'Foo'", svcd.svctl("show", "-p", "Foo", "nginx").stderr)
            svcd.svctl("list-units", "--state=foo", status=2)

    def test_what_is_typed_wins_over_the_environment(self):
        with Daemon({"a.service": service(actor("a"))}, environment={"XDG_RUNTIME_DIR": "/nonexistent"}) as svcd:
            self.assertIn("/nonexistent/svcd/bus", svcd.svctl("--user", "status", status=5).stderr)


class Texts(TestCase):
    def test_what_a_terminal_would_obey_is_made_visible(self):
        text = "a\x1b[2Jb\x07\rc\u009bd\u202ee"
        shown = "a^[[2Jb^G^Mc<U+009B>d<U+202E>e"
        with Daemon({"a.service": service(actor("a"), {"Description": text})}) as svcd:
            refused = svcd.svctl("start", "a", status=1).stderr
            self.assertIn("Description: it has a character that a terminal may obey (0x1B); leave that out", refused)
            self.assertNotIn("\x1b", refused)
        text, shown = "ab\u202ec\u2028e", "ab<U+202E>c<U+2028>e"
        with Daemon({"a.service": service(actor("a"), {"Description": text})}) as svcd:
            self.assertIn("Description: it has a character that a terminal may obey (U+202E)", svcd.svctl("start", "a", status=1).stderr)
            self.assertNotIn("\u202e", svcd.read_errors())
            said = svcd.svctl("start", text, status=None).stderr + svcd.svctl(text, status=2).stderr
            self.assertIn(shown, said)
            self.assertNotIn("\x1b", said)

    def test_wrong_usage_is_a_json_object_too(self):
        with Daemon({}) as svcd:
            for words in (("--bogus",), ("list-units", "--state=foo"), ("kill", "--signal=FOO", "a"), ("cancel", "x"), ("dance",)):
                error = json.loads(svcd.svctl("--json", *words, status=2).stderr)["error"]
                self.assertEqual(error["name"], "org.svcd1.InvalidArgs")
                self.assertTrue(error["message"], words)

    def test_a_hint_is_given_once_and_is_about_what_is_missing(self):
        units = {"redis.service": service(actor("redis")), "my.socket": {"Unit": {}},
                 "x.service": service(actor("x"), {"Requires": ["reddis.service"]})}
        with Daemon(units) as svcd:
            said = lambda *words: svcd.svctl(*words, status=None).stderr
            self.assertEqual(said("start", "rediss").count("did you mean"), 1)
            self.assertNotIn("my.socket", said("start", "my.timer"))
            for words in (("start", "."), ("kill", "--", "-9"), ("start", "y")):
                self.assertNotIn("-.slice", said(*words))
            self.assertIn("did you mean 'svctl status'?", said("stat"))
            self.assertIn("there is no signal 'FOO'", said("kill", "-FOO", "redis"))
            self.assertIn("redis.service?", said("start", "x"))


class Execve(TestCase):
    def test_a_start_of_what_cannot_be_executed_fails_and_says_why(self):
        with Daemon({"nobin.service": service(["/nonexistent/bin", "x"]), "quick.service": service(["/bin/sh", "-c", "exit 3"]),
                     "idle.service": service(["/nonexistent/bin", "x"], Type="idle"), "web.service": service(actor("web"))},
                    exit_status=None) as svcd:
            failed = svcd.svctl("start", "nobin", status=1).stderr
            self.assertIn("nobin.service failed to start", failed)
            self.assertIn("/nonexistent/bin", failed)
            self.assertIn("No such file or directory", failed)
            svcd.svctl("restart", "nobin", status=1)
            self.assertIn("No such file or directory", svcd.svctl("start", "idle", status=1).stderr)
            svcd.svctl("start", "quick")  # a program that starts and then ends isn't waited for
            svcd.svctl("start", "web")

    def link(self, svcd, alias, unit):
        os.symlink(unit + ".yaml", os.path.join(svcd.units, alias + ".yaml"))
        svcd.svctl("daemon-reload")

    def test_another_name_of_what_cannot_be_executed_fails_as_its_own_does(self):
        nobin = service(["/nonexistent/bin", "x"])
        with Daemon({"nobin.service": nobin, "work@.service": nobin}, exit_status=None) as svcd:
            self.link(svcd, "al.service", "nobin.service")
            self.link(svcd, "job@.service", "work@.service")
            for name in ("al", "job@1"):
                begun = monotonic_usec()
                self.assertIn("/nonexistent/bin", svcd.svctl("start", name, status=1).stderr)
                self.assertLess(monotonic_usec() - begun, 1_000_000)

    def test_json_says_that_a_program_could_not_be_executed(self):
        with Daemon({"nobin.service": service(["/nonexistent/bin", "x"])}, exit_status=None) as svcd:
            for verb in ("start", "restart", "reload-or-restart"):
                (row,) = json.loads(svcd.svctl("--json", verb, "nobin", status=1).stdout)
                self.assertEqual((row["result"], row["exec_error"]["errno"]), ("failed", "ENOENT"), verb)

    def test_a_target_whose_requirement_cannot_be_executed_is_not_done(self):
        units = {"nobin.service": service(["/nonexistent/bin", "x"]), "web.service": service(actor("web")),
                 "t.target": {"Unit": {"Requires": ["nobin.service", "web.service"]}},
                 "good.target": {"Unit": {"Requires": ["web.service"], "Wants": ["nobin.service"]}}}
        with Daemon(units, exit_status=None) as svcd:
            self.assertIn("/nonexistent/bin", svcd.svctl("start", "t.target", status=1).stderr)
            svcd.svctl("stop", "t.target")
            (row,) = json.loads(svcd.svctl("--json", "start", "t.target", status=1).stdout)
            self.assertEqual((row["result"], row["exec_error"]["errno"]), ("dependency", "ENOENT"))
            svcd.svctl("start", "good.target")

    def test_a_unit_is_waited_for_by_any_of_its_names(self):
        with Daemon({"once.service": service(actor("once"))}) as svcd:
            self.link(svcd, "al.service", "once.service")
            started, ended = svcd.begin("wait", "al"), svcd.begin("start", "--wait", "al")
            svcd.wait_for("once", ActiveState="active")
            started.communicate(timeout=20)
            svcd.svctl("stop", "once")
            ended.communicate(timeout=20)
            self.assertEqual((started.returncode, ended.returncode), (0, 0))

    def test_a_reload_or_restart_that_was_a_start_says_what_a_start_says(self):
        with Daemon({"bad.service": service(["/bin/false"], Type="oneshot", ExecReload=["/bin/true"])}, exit_status=None) as svcd:
            said = svcd.svctl("reload-or-restart", "bad", status=1).stderr
            self.assertIn("bad.service failed to start: its main process exited with status 1", said)
            self.assertNotIn("during the reload", said)


class Isolate(TestCase):
    def test_isolate_waits_for_what_it_stops(self):
        with Daemon({"slow.service": service(actor("slow", "stop=700")), "quiet.target": {"Unit": {"AllowIsolate": True}}}) as svcd:
            svcd.svctl("start", "slow")
            svcd.wait_told("slow", "start")
            done = json.loads(svcd.svctl("--json", "isolate", "quiet.target").stdout)
            self.assertEqual(svcd.states()["slow.service"], ("inactive", "dead"))
            self.assertIn(("slow.service", "stop", "done"), [(job["unit"], job["verb"], job["result"]) for job in done])


class Interrupts(TestCase):
    def test_svctl_ends_by_sigint_also_when_its_connection_is_lost_at_that_moment(self):
        with Daemon({"slow.service": service(actor("slow", "stop=8000"), TimeoutStopSec="20s")}, exit_status=None) as svcd:
            svcd.svctl("start", "slow")
            svcd.wait_told("slow", "start")
            for number in (signal.SIGINT, signal.SIGTERM):
                waiting = svcd.begin("stop", "slow")
                svcd.wait_for("slow", ActiveState="deactivating")
                # Held, it gets both at once: the end of its connection, and the signal.
                waiting.send_signal(signal.SIGSTOP)
                svcd.disconnect()
                manager = int(svcd.svctl("show", "-P", "ManagerPID").stdout)
                os.kill(manager, signal.SIGKILL)
                waiting.send_signal(number)
                waiting.send_signal(signal.SIGCONT)
                _, error = waiting.communicate(timeout=30)
                self.assertNotEqual(waiting.returncode, 0, error)
                svcd.svctl("show", "-P", "Version")
            svcd.svctl("kill", "-9", "slow")
