"""What becomes of a service by how its process ends: each row of data/outcomes.tsv, which says what systemd 252 made of it.

Where svcd differs on purpose, DIFFERENCES has its answer, and docs/differences-from-systemd.md the reason.
"""
import os
import resource
import signal

from harness import ACTOR, HERE, SOURCE, Daemon, TestCase

# case -> (svcd's answer, the beginning of the line of docs/differences-from-systemd.md that says why)
DIFFERENCES = {
    "User= unknown": ("start rc 1 failed/failed exit-code 1/217", "`start` of a `Type=simple` that can't be executed |"),
    "StandardInput=file: missing": ("start rc 1 failed/failed exit-code 1/208", "`start` of a `Type=simple` that can't be executed |"),
    "SuccessExitStatus=-1 5, exit 5": ("start rc 1 inactive/dead success 0/0", "an unknown key, a bad value |"),
    "SuccessExitStatus=0x05, exit 5": ("start rc 1 inactive/dead success 0/0", "a number with a prefix "),
    "ExecStart=- prefix, exec failure": ("start rc 0 inactive/dead success 1/203", "a command with `-` that can't be executed |"),
}
FOREVER = ["/bin/sleep", "1000"]
MISSING = "/nonexistent/program"


def ends_by(end):
    """A command that ends like this ("exit 3", "SIGHUP"), 0.1 s after it began."""
    word, _, status = end.partition(" ")
    last = "exit " + status if word == "exit" else "exec %s dying die=%d" % (ACTOR, signal.Signals[word])
    return ["/bin/sh", "-c", "sleep 0.1; " + last]


# The rows that say what they do in other words than "SETTING=VALUE ..., END".
CAUSES = {
    "start timeout": {"Type": "notify", "TimeoutStartSec": "100ms", "ExecStart": FOREVER},
    "runtime timeout (RuntimeMaxSec)": {"RuntimeMaxSec": "100ms", "ExecStart": FOREVER},
    "watchdog timeout": {"WatchdogSec": "100ms", "ExecStart": FOREVER},
    "exec failed (203)": {"ExecStart": MISSING},
    "stopped by systemctl stop": {"ExecStart": FOREVER},
    "SIGABRT (core dump)": {"LimitCORE": "infinity", "ExecStart": ends_by("SIGABRT")},
    "default, SIGABRT core": {"LimitCORE": "infinity", "ExecStart": ends_by("SIGABRT")},
    "SuccessExitStatus=5 then empty, exit 5": {"SuccessExitStatus": "5", "ExecStart": ends_by("exit 5")},
    "ExecStart=- prefix, exec failure": {"ExecStart": "-" + MISSING},
    "User= unknown": {"User": "no-such-user", "ExecStart": ends_by("exit 0")},
    "WorkingDirectory=- missing": {"WorkingDirectory": "-/nonexistent", "ExecStart": ends_by("exit 0")},
    "StandardInput=file: missing": {"StandardInput": "file:/nonexistent", "ExecStart": ends_by("exit 0")},
    "LimitNOFILE above hard cap, root": {"LimitNOFILE": 2_000_000_000, "ExecStart": ends_by("exit 0")},
    "ExecStartPre=- exit 1": {"ExecStartPre": "-/bin/false", "ExecStart": ends_by("exit 0")},
    "ExecStopPost exit 1 after exit 0": {"ExecStopPost": "/bin/false", "ExecStart": ends_by("exit 0")},
    "ExecCondition exit 1": {"ExecCondition": "/bin/sh -c 'exit 1'", "ExecStart": ends_by("exit 0")},
    "ExecCondition exit 254": {"ExecCondition": "/bin/sh -c 'exit 254'", "ExecStart": ends_by("exit 0")},
    "ExecStart=- exit 1 Restart=on-success": {"ExecStart": "-/bin/sh -c 'sleep 0.1; exit 1'", "Restart": "on-success"},
    "Type=forking, parent exit 0, no child": {"Type": "forking", "ExecStart": "/bin/true"},
    "Type=exec missing binary": {"Type": "exec", "ExecStart": MISSING},
}


def service_of(case):
    """The section Service that a row is about."""
    cause, slash, policy = case.partition(" / Restart=")
    if slash:
        end = cause.removeprefix("killed by ")
        return {"Restart": policy, **(CAUSES.get(cause) or {"ExecStart": ends_by(end)})}
    if case in CAUSES:
        return CAUSES[case]
    settings, _, end = case.rpartition(", ")
    return {"ExecStart": ends_by(end), **settings_in(settings)}


def settings_in(text):
    """"A=1 2 B=3" as a dict; "default" is none."""
    settings, name = {}, None
    for word in text.split():
        if "=" in word:
            name, _, settings[name] = word.partition("=")
        elif name:
            settings[name] += " " + word
    return settings


def rows(kind):
    """case -> (the third column, the fourth) of all rows of this kind."""
    with open(os.path.join(HERE, "data", "outcomes.tsv")) as table:
        fields = [line.rstrip("\n").split("\t") for line in table]
    return {row[1]: (row[2], row[3]) for row in fields if row[0] == kind}


def can_dump_core(folder):
    """Whether the kernel writes a core file in that folder, or hands it to a program, as it is set up here."""
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os.execv(ACTOR, [ACTOR, "dying", "die=%d" % signal.SIGABRT])
    return os.WCOREDUMP(os.waitpid(child, 0)[1])


class Outcomes(TestCase):
    def with_units_of(self, cases):
        """A svcd with a unit for each case, and case -> its name."""
        svcd, names = Daemon(), {}
        self.has_cores = can_dump_core(svcd.directory)
        for number, case in enumerate(cases):
            names[case] = "row%d.service" % number
            os.mkdir(svcd.path(names[case]))  # for its core file
            settings = {"RestartSec": "10min", "LimitCORE": 0, "WorkingDirectory": svcd.path(names[case]), **service_of(case)}
            svcd.write_unit(names[case], {"Unit": {"Description": case, "StartLimitIntervalSec": 0}, "Service": settings})
            if " then empty" in case:
                svcd.write_unit(names[case] + ".d/10-empty", "Service: {SuccessExitStatus: []}\n")
        return svcd, names

    def wait_settled(self, svcd, names):
        svcd.wait_until(lambda: all(sub in ("dead", "failed", "exited", "auto-restart") for _, sub in svcd.states_of(names)),
                        lambda: "the ends of %s" % [(name, state) for name, state in zip(names, svcd.states_of(names))])

    def seen(self, svcd, unit):
        """A unit's state in the words of the table."""
        shown = svcd.show(unit)
        return "%s/%s %s %d/%d" % (shown["ActiveState"], shown["SubState"], shown["Result"], shown["ExecMainCode"], shown["ExecMainStatus"])

    def check(self, case, systemd, seen):
        if not self.has_cores:
            systemd = systemd.replace("core-dump 3/6", "signal 2/6")
        expected, line = DIFFERENCES.get(case, (systemd, None))
        self.assertEqual(seen, expected)
        if line is not None:
            self.assertNotEqual(expected, systemd, "no difference any more")
            with open(os.path.join(SOURCE, "docs", "differences-from-systemd.md")) as text:
                self.assertIn("\n| " + line, text.read())

    def test_no_difference_is_about_a_row_that_is_not_there(self):
        self.assertEqual(set(DIFFERENCES) - set(rows("restart")) - set(rows("outcome")), set())

    def test_restarts(self):
        """Which ends start a service anew, by its Restart=."""
        cases = rows("restart")
        svcd, names = self.with_units_of(cases)
        stopped = [name for case, name in names.items() if case.startswith("stopped by")]
        with svcd:
            svcd.svctl("start", "--no-block", *names.values())
            svcd.wait_until(lambda: set(svcd.states_of(stopped)) == {("active", "running")}, "services to stop")
            svcd.svctl("stop", *stopped)
            svcd.wait_until(lambda: not svcd.manager("ListJobs")[0], "the end of all jobs")
            self.wait_settled(svcd, names.values())
            for case, (restarts, systemd) in cases.items():
                with self.subTest(case=case):
                    seen = self.seen(svcd, names[case])
                    self.check(case, "%s %s" % (restarts, systemd), ("yes " if "/auto-restart " in seen else "no ") + seen)

    def test_outcomes(self):
        """What a start says, and what is left of it."""
        cases = rows("outcome")
        svcd, names = self.with_units_of(cases)
        with svcd:
            starts = {case: svcd.begin("start", name) for case, name in names.items()}
            for start in starts.values():
                start.communicate()
            self.wait_settled(svcd, names.values())
            for case, (start, systemd) in cases.items():
                with self.subTest(case=case):
                    seen = "start rc %d %s" % (starts[case].returncode, self.seen(svcd, names[case]))
                    self.check(case, "%s %s" % (start, systemd), seen)
