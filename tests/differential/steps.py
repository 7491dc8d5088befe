"""Runs the steps of a scenario on a machine. Each step gives one observation, a line of text under a label of its own; which
observations are right is decided elsewhere (compare.py).

Steps that observe, whose results are recorded from systemd:

    start a b                         the client's command line; its exit status
    begin: stop a, as: x              the same in the background …
    end: x                            … and its exit status
    see: a b                          states, results, exit codes and restarts of units
    show: a, of: NRestarts Type       other properties
    log                               the events so far, in order (`log: by-name`: in order for each name)
    jobs                              which jobs have ended, and how
    sh: COMMAND                       exit status and output of a shell command

Steps that wait until something holds, or do something (on both sides it must succeed):

    until: a, is: ActiveState=failed  properties of a unit
    until-log: a+ b+, times: 2        these events have come (so many times)
    write: {NAME: TEXT}, remove: NAME, mask: NAME, link: {NAME: OTHER}      unit files
    file: PATH, text: TEXT            another file
    pause: SECONDS                    time in which nothing may happen
    run: start a, takes: [0.5, 2]     a client's command line that must take so many seconds

Steps that are lists are those of the scenarios that came with their expectations: [ctl, WORDS, STATUS, [MIN, MAX]] and so on.
"""
import os
import subprocess
import time

import harness
from expectations import Expectations
from machine import full_name

LOOK = 0.03           # between two looks at what is polled
STILL = 0.4           # what has not changed for so long is recorded
STATES = ("ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus", "NRestarts")
AS_ASKED = "as asked"  # of a step that only has to succeed
SLOWER = 4.0 if harness.SANITIZED else 1.0


def split_step(step):
    """(kind, arguments) of a step as it stands in the file."""
    if isinstance(step, list):
        return "list", {"step": step}
    if isinstance(step, str):
        if step in ("log", "jobs"):
            return step, {}
        return "client", {"words": step}
    kind = next(iter(step))
    if kind == "client" or kind not in KINDS:
        raise ValueError("unknown step %r" % (step,))
    return kind, step


def by_name(lines):
    """Lines in an order in which it doesn't matter what units that run side by side do first."""
    return sorted(lines, key=lambda line: line.split()[0].rstrip("+-=!").split("~")[0].split(":")[0])


class Run:
    def __init__(self, machine, scenario, expected=None):
        """`expected`: label -> what is waited for; without it (recording) what stays the same is taken."""
        self.machine, self.scenario, self.expected = machine, scenario, expected
        self.observed, self.background = {}, {}
        self.slower = SLOWER * machine.factor
        self.expectations = Expectations(self)

    def run(self):
        try:
            for number, step in enumerate(self.scenario["steps"], 1):
                kind, step = split_step(step)
                KINDS[kind](self, step, number)
            if "end" not in self.scenario and any(not isinstance(step, list) for step in self.scenario["steps"]):
                self.see_the_end()
        finally:
            for process in self.background.values():
                process.kill()
                process.wait()
        return self.observed

    # ── observing ────────────────────────────────────────────────────────────────────────────────────────────────────
    def note(self, label, value):
        """Keeps an observation, under its label or `LABEL (2)` when there is one already."""
        label = self.free_label(label)
        self.observed[label] = value
        return value

    def free_label(self, label):
        count, free = 1, label
        while free in self.observed:
            count += 1
            free = "%s (%d)" % (label, count)
        return free

    def observe(self, label, ask):
        """Notes what `ask` answers, once it is what is expected, or (recording) no longer changes."""
        wanted = self.expected.get(self.free_label(label)) if self.expected is not None else None
        deadline = time.monotonic() + (6 if wanted is not None else 15) * self.slower
        value, since = ask(), time.monotonic()
        while time.monotonic() < deadline and value != wanted:
            if wanted is None and time.monotonic() - since > STILL * self.machine.factor:
                break
            time.sleep(LOOK)
            new = ask()
            if new != value:
                value, since = new, time.monotonic()
        return self.note(label, value)

    def poll(self, question, seconds):
        """Asks until the answer is True; the last answer."""
        deadline = time.monotonic() + seconds * self.slower
        while True:
            answer = question()
            if answer is True or time.monotonic() > deadline:
                return answer
            time.sleep(LOOK)

    def state_of(self, unit):
        """As "active/running success 1/0 restarts 2"."""
        got = self.machine.show(unit, *STATES)
        text = "%s/%s" % (got.get("ActiveState"), got.get("SubState"))
        if full_name(unit).endswith(".service"):
            text += " %s %s/%s" % (got.get("Result"), got.get("ExecMainCode"), got.get("ExecMainStatus"))
            if got.get("NRestarts") != "0":
                text += " restarts %s" % got.get("NRestarts")
        return text

    def log_lines(self, order="exact"):
        lines = self.machine.happened()
        return ", ".join(by_name(lines) if order == "by-name" else lines)

    def units(self):
        """The units of the scenario that can be asked about."""
        units = [name for name in self.scenario["units"] if ".d/" not in name and "@." not in name]
        return units + self.scenario.get("also", "").split()

    def see_the_end(self):
        """Whatever a scenario looked at on its way, this is how it has ended; and it must stay so."""
        if self.expected is not None:
            time.sleep(0.15 * self.machine.factor)
        for unit in self.units():
            self.observe("end %s" % unit, lambda: self.state_of(unit))
        order = self.scenario.get("order", "exact")
        self.observe("end log", lambda: self.log_lines(order))

    # ── the steps ────────────────────────────────────────────────────────────────────────────────────────────────────
    def client(self, step, _):
        begin = time.monotonic()
        done = self.machine.client(step["words"])
        self.note(step["words"], self.exit_text(done.returncode, time.monotonic() - begin, step.get("takes")))

    def exit_text(self, status, seconds=0.0, bounds=None):
        """The exit status; with what is wrong with the duration, if anything is."""
        text = "exit %s" % status
        if bounds and not bounds[0] <= seconds <= bounds[1] * self.machine.factor + harness.SLACK:
            text += ", too early" if seconds < bounds[0] else ", too late"
        return text

    def timed(self, step, number):
        self.client({"words": step["run"], "takes": step["takes"]}, number)

    def begin(self, step, _):
        self.background[step["as"]] = self.machine.begin(step["begin"])

    def end(self, step, _):
        self.note("end of %s" % step["end"], self.exit_text(self.wait(step["end"])))

    def wait(self, name):
        try:
            return self.background[name].wait(20 * self.slower)
        except subprocess.TimeoutExpired:
            return "not in 20 s"

    def see(self, step, _):
        for unit in step["see"].split():
            self.observe("see %s" % unit, lambda: self.state_of(unit))

    def show(self, step, _):
        properties = step["of"].split()

        def ask():
            got = self.machine.show(step["show"], *properties)
            return " ".join("%s=%s" % (name, got.get(name)) for name in properties)
        self.observe("show %s" % step["show"], ask)

    def log(self, step, _):
        order = step.get("log", self.scenario.get("order", "exact"))
        self.observe("log", lambda: self.log_lines(order))

    def all_jobs(self, _step, _):
        units = set(self.units())

        def ask():
            jobs = [job for job in self.machine.take_jobs() if job[0] in units]
            return " ".join("%s:%s" % job for job in sorted(jobs, key=lambda job: job[0]))
        self.observe("jobs", ask)
        self.machine.jobs.clear()

    def sh(self, step, _):
        done = self.machine.shell(step["sh"])
        output = done.stdout.strip().replace(self.machine.directory, "@DIR")
        self.note("sh %s" % step["sh"], "exit %d %s" % (done.returncode, output))

    def until(self, step, _):
        self.note_success("until %s" % step["until"], self.poll(lambda: self.expectations.has(step["until"], step["is"]), 15))

    def until_log(self, step, _):
        events, times = step["until-log"].split(), step.get("times", 1)

        def come():
            lines = self.machine.happened()
            missing = [event for event in events if lines.count(event) < times]
            return not missing or "%s didn't come" % " ".join(missing)
        self.note_success("until-log %s" % step["until-log"], self.poll(come, 15))

    def note_success(self, label, answer):
        self.note(label, AS_ASKED if answer is True else answer)

    def write(self, step, _):
        for name, text in step["write"].items():
            self.machine.write_unit(name, text)

    def remove(self, step, _):
        self.machine.remove_unit(step["remove"])

    def mask(self, step, _):
        self.machine.mask_unit(step["mask"])

    def link(self, step, _):
        for name, target in step["link"].items():
            self.machine.link_unit(name, target)

    def file(self, step, _):
        path = self.machine.substitute(step["file"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(self.machine.substitute(step["text"]))

    def pause(self, step, _):
        time.sleep(step["pause"] * self.machine.factor)

    def expectation(self, step, number):
        words = step["step"]
        try:
            answer = self.expectations.check(words)
        except (OSError, subprocess.TimeoutExpired) as error:
            answer = "%s: %s" % (type(error).__name__, error)
        self.note_success("%d %s" % (number, " ".join(str(word) for word in words[:3])), answer)


KINDS = {"client": Run.client, "run": Run.timed, "begin": Run.begin, "end": Run.end, "see": Run.see, "show": Run.show,
         "log": Run.log, "jobs": Run.all_jobs, "sh": Run.sh, "until": Run.until, "until-log": Run.until_log, "write": Run.write,
         "remove": Run.remove, "mask": Run.mask, "link": Run.link, "file": Run.file, "pause": Run.pause, "list": Run.expectation}
