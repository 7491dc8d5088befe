"""The life of 20 services, as a script with checks: what the manager's death must not change.

run(svcd) starts 20, crashes 3, reloads 1, stops 10 in order and restarts 2 by svctl, then looks at everything that can be seen
of it, and returns what is not as it has to be. The actors' own words are the judge of what happened; svcd's come second.
"""
import json
import os
import re
import signal

from fault_harness import LOST, harness
from harness import actor, children_of, service

CHAIN = ["c%d" % i for i in range(1, 7)]
CRASH = ["always", "failure", "never"]
STOPPED = [*CHAIN, "plain1", "plain2", "ready1", "ready2"]
RESTARTED = ["plain3", "plain4"]
ONESHOTS = ["once", "setup"]
ALL = [*CHAIN, *CRASH, "plain1", "plain2", "plain3", "plain4", "ready1", "ready2", "forks1", "forks2", "hooks", *ONESHOTS]
ALREADY = re.compile(r"\S+ is already (in)?active$")


def after(*names):
    names = [name + ".service" for name in names]
    return {"Requires": names, "After": names}


def units(folder):
    """The unit files; PID files are in `folder`."""
    made = {"c1": service(actor("c1"))}
    for before, name in zip(CHAIN, CHAIN[1:]):
        made[name] = service(actor(name, "stop=3"), unit=after(before))
    for name in ("plain1", "plain2", "plain4"):
        made[name] = service(actor(name))
    made["plain3"] = service(actor("plain3", "kids=2", "stop=3"))
    made["ready1"] = service(actor("ready1", "wait=5", "ready"), Type="notify")
    made["ready2"] = service(actor("ready2", "ready"), Type="notify", unit=after("ready1"))
    made["forks1"] = service(actor("forks1", "fork", "pid=%s/forks1.pid" % folder), Type="forking", PIDFile=folder + "/forks1.pid")
    made["forks2"] = service(actor("forks2", "fork"), Type="forking", unit=after("forks1"))
    made["hooks"] = service(actor("hooks"), unit=after("setup"), ExecStartPost=actor("hooks.post", "exit=0"),
                            ExecReload=actor("hooks.reload", "exit=0"), ExecStop=actor("hooks.stop", "exit=0"),
                            ExecStopPost=actor("hooks.stop-post", "exit=0"))
    made["setup"] = service(actor("setup", "exit=0"), Type="oneshot", RemainAfterExit=True,
                            ExecStartPre=actor("setup.pre", "exit=0"), ExecStartPost=actor("setup.post", "exit=0"))
    made["once"] = service(actor("once", "exit=0"), Type="oneshot", unit=after("c1"))
    made["always"] = service(actor("always"), Restart="always", RestartSec="15ms")
    made["failure"] = service(actor("failure"), Restart="on-failure", RestartSec="5ms")
    made["never"] = service(actor("never"), Restart="no")
    return {name + ".service": content for name, content in made.items()}


class Scenario:
    def __init__(self, svcd):
        self.svcd, self.problems = svcd, []

    def expect(self, what, got, wanted):
        if got != wanted:
            self.problems.append("%s: %r instead of %r" % (what, got, wanted))

    def svctl(self, *arguments):
        done = self.svcd.svctl(*arguments, status=None, timeout=8)
        # A unit may be where it is to be before its turn has come, because another one pulled it in; nothing else is said.
        said = [line for line in (done.stdout + done.stderr).splitlines() if not ALREADY.match(line)]
        self.expect("svctl %s" % " ".join(arguments), (done.returncode, said), (0, []))

    def wait_told(self, name, what, count=1):
        try:
            self.svcd.wait_told(name, what, count, timeout=5)
        except AssertionError as error:
            self.problems.append(str(error)[:200])

    def wait_for(self, name, **wanted):
        try:
            self.svcd.wait_for(name, timeout=5, **wanted)
        except AssertionError as error:
            self.problems.append(str(error)[:300])

    # ── the script ───────────────────────────────────────────────────────────────────────────────────────────────────
    def start_twenty(self):
        self.svctl("start", *ALL)
        for name in ALL:
            self.wait_told(name, "start")

    def crash_three(self):
        for name in CRASH:
            for pid in self.svcd.processes_of(name):
                os.kill(pid, signal.SIGKILL)
        self.wait_told("always", "start", 2)
        self.wait_told("failure", "start", 2)
        self.wait_for("always", SubState="running", NRestarts=1)
        self.wait_for("failure", SubState="running", NRestarts=1)
        self.wait_for("never", ActiveState="failed")

    def reload_one(self):
        self.svctl("reload", "hooks")

    def stop_ten(self):
        self.svctl("stop", *STOPPED)

    def restart_two(self):
        self.svctl("restart", *RESTARTED)
        for name in RESTARTED:
            self.wait_told(name, "start", 2)

    # ── the judgement ────────────────────────────────────────────────────────────────────────────────────────────────
    def check_starts(self):
        twice = {"always", "failure", *RESTARTED}
        counts = {name: len(self.svcd.told(name, "start")) for name in ALL}
        self.expect("starts", {name: count for name, count in counts.items() if count != (2 if name in twice else 1)}, {})
        helpers = ["setup.pre", "setup.post", "hooks.post", "hooks.reload"]
        self.expect("commands", {name: len(self.svcd.told(name, "start")) for name in helpers}, dict.fromkeys(helpers, 1))

    def check_ends(self):
        ended = {*STOPPED, *RESTARTED}
        living = [name for name in ALL if name not in ONESHOTS]
        counts = {name: len(self.svcd.told(name, "end")) for name in living}
        self.expect("ends", {name: count for name, count in counts.items() if count != (1 if name in ended else 0)}, {})
        # A stop signal may be sent again by the next manager, but never to one that was not to be stopped.
        signalled = {name for name in living if self.svcd.told(name, "signal")}
        self.expect("got a signal", sorted(signalled), sorted(ended))

    def check_order(self):
        def moment(name, what, which=0):
            told = self.svcd.told(name, what)
            return told[which].usec if told else None
        pairs = [*zip(CHAIN, CHAIN[1:]), ("ready1", "ready2")]
        for first, second in pairs:
            became, began = moment(first, "ready" if first == "ready1" else "start"), moment(second, "start")
            if first == "ready1" and (became is None or began is None or became > began):
                self.problems.append("%s started before %s was up" % (second, first))
            ended, asked = moment(second, "end"), moment(first, "signal 15")
            if ended is None or asked is None or ended > asked:
                self.problems.append("%s was stopped before %s had ended" % (first, second))

    def check_states(self):
        wanted = dict.fromkeys(ALL, ("active", "running"))
        wanted.update(dict.fromkeys([*STOPPED, "once"], ("inactive", "dead")), setup=("active", "exited"), never=("failed", "failed"))
        states = self.svcd.states()
        self.expect("states", {name: states.get(name + ".service") for name in ALL if states.get(name + ".service") != wanted[name]}, {})
        for name in ALL:
            shown = self.svcd.show(name)
            self.expect(name + "'s NRestarts", shown["NRestarts"], 1 if name in ("always", "failure") else 0)
            self.expect(name + "'s result", shown["Result"], "signal" if name == "never" else "success")
            if name in STOPPED:
                self.expect(name + "'s status", (shown["ExecMainCode"], shown["ExecMainStatus"], shown["MainPID"]), (1, 0, 0))
            elif name == "never":
                self.expect(name + "'s status", (shown["ExecMainCode"], shown["ExecMainStatus"]), (2, signal.SIGKILL))
            elif name not in ONESHOTS:
                self.expect(name + "'s main process is in its cgroup", shown["MainPID"] in self.svcd.processes_of(name), True)
        self.expect("jobs", self.svcd.manager("ListJobs")[0], [])

    def check_stop_records(self):
        for name in [*STOPPED, *RESTARTED, "never"]:
            found = [json.loads(text) for text in self.svcd.manager("GetStopRecords", "su", name + ".service", 0)[0]]
            self.expect(name + "'s stop records", len(found), 1)
            if found:
                self.expect(name + "'s stop record is whole", (found[0]["duration_usec"] is not None, found[0]["sigkill"]),
                            (True, False))

    def check_leftovers(self):
        up = [name for name in ALL if name not in (*STOPPED, *ONESHOTS, "never")]
        populated = {name: self.svcd.processes_of(name) for name in ALL}
        self.expect("units with processes", sorted(name for name in ALL if populated[name]), sorted(up))
        wanted = len(up) + 2 + 2  # plain3's children, the launcher and the manager
        if self.svcd.keepers:
            wanted += len(up)
        self.svcd.wait_until(lambda: len(self.svcd.processes()) == wanted, lambda: "%d processes, not %d" % (
            wanted, len(self.svcd.processes())), timeout=5)
        self.svcd.wait_until(lambda: not [pid for pid, state in children_of(self.svcd.launcher()) if state == "Z"], "no zombie", timeout=5)

    def check_shutdown(self):
        """After svcd has left: each that still ran has ended once."""
        living = [name for name in ALL if name not in (*ONESHOTS, "never")]
        counts = {name: len(self.svcd.told(name, "end")) for name in living}
        again = {*RESTARTED}
        self.expect("ends at last", {name: count for name, count in counts.items() if count != (2 if name in again else 1)}, {})
        self.expect("hooks of the stop", [len(self.svcd.told(name, "start")) for name in ("hooks.stop", "hooks.stop-post")], [1, 1])


def run(svcd):
    scenario = Scenario(svcd)
    steps = [scenario.start_twenty, scenario.crash_three, scenario.reload_one, scenario.stop_ten, scenario.restart_two,
             scenario.check_starts, scenario.check_ends, scenario.check_order, scenario.check_states, scenario.check_stop_records,
             scenario.check_leftovers]
    for step in steps:
        try:
            step()
        except (AssertionError, *LOST) as error:
            scenario.problems.append("%s: %s" % (step.__name__, str(error)[:300]))
    return scenario
