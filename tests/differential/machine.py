"""What the two sides have in common: a folder of the scenario's own, in which the service manager finds its units, the helpers
write down what happens, and the scenario keeps its files."""
import abc
import contextlib
import os
import re
import shlex
import subprocess

import pace

HERE = os.path.dirname(os.path.abspath(__file__))
# `svshow UNIT PROPERTY` for the shell commands of scenarios.
SHOW_FUNCTION = 'svshow(){ u=$1; case $u in *.*) ;; *) u=$u.service;; esac; %s show "$u" -P "$2"; }\n'


def full_name(unit):
    return unit if re.search(r"\.(service|socket|target|timer|path|slice)$", unit) else unit + ".service"


class Machine(contextlib.AbstractContextManager):
    """A service manager that runs a scenario's units. Scenarios name what differs between machines by these words:

    @d NAME …    the helper daemon      @W    an empty folder          @ctl, @show    the client, `UNIT PROPERTY`
    @ev WORDS    the helper that logs   @U    where unit files are     @CG/           the root of the cgroups
    @LOG         the log of events      @BUS  the manager's socket     @REAPER        the process that reaps orphans
    @DBUS        the message bus's socket, of a scenario with `bus: yes`
    """

    control: list      # the client's command line
    control_path = ""  # the manager's socket
    bus_path = ""      # the message bus's socket
    cgroup = ""        # where its cgroup root is in the file system
    bus = None         # a dbus_client.Client

    def __init__(self, directory, factor=1.0):
        """`factor`: how much longer than written the short times of the scenario are (pace.py)."""
        self.directory, self.factor = directory, factor
        os.mkdir(self.path("w"))
        for helper in ("d", "ev"):
            os.symlink(os.path.join(HERE, "helpers", helper), self.path(helper))
        self.saved = {}  # what a scenario has noted, as environment of its shell commands
        self.jobs = []   # (unit, result) of each job that has ended

    def path(self, name):
        return os.path.join(self.directory, name)

    # ── what the sides do in their own ways ──────────────────────────────────────────────────────────────────────────
    @abc.abstractmethod
    def inside(self, command):
        """The command line that runs this one where the service manager is."""

    @abc.abstractmethod
    def write_unit(self, name, text):
        """Writes a unit file or drop-in, given in systemd's syntax."""

    @abc.abstractmethod
    def mask_unit(self, name):
        """Links the unit to /dev/null."""

    @abc.abstractmethod
    def link_unit(self, name, target):
        """Makes the unit's file a link to another's."""

    @abc.abstractmethod
    def remove_unit(self, name):
        """Removes the unit's file."""

    @abc.abstractmethod
    def reaper(self):
        """The PID, as seen by a command inside, of the process that orphans become children of."""

    def before_end(self):
        """Ends what would make the end take long."""

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def substitute(self, text):
        for word, value in (("@d ", self.path("d") + " "), ("@ev ", self.path("ev") + " "), ("@show ", "svshow "),
                            ("@ctl ", " ".join(self.control) + " "), ("@LOG", self.path("happened")), ("@W", self.path("w")),
                            ("@U", self.path("units")), ("@BUS", self.control_path), ("@DBUS", self.bus_path)):
            text = text.replace(word, value)
        if "@REAPER" in text:
            text = text.replace("@REAPER", str(self.reaper()))
        return pace.stretch(text.replace("@CG/", self.cgroup + "/"), self.factor)

    def environment(self):
        return {**os.environ, **self.saved, "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}

    def run(self, command, timeout=60):
        return subprocess.run(self.inside(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors="replace", env=self.environment(), timeout=timeout)

    def client(self, words):
        """Runs the client: `words` as typed after its name."""
        return self.run([*self.control, *shlex.split(self.substitute(words))])

    def begin(self, words):
        """The same in the background."""
        return subprocess.Popen(self.inside([*self.control, *shlex.split(self.substitute(words))]), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment())

    def shell(self, script):
        return self.run(["bash", "-c", SHOW_FUNCTION % " ".join(self.control) + self.substitute(script)])

    def show(self, unit, *properties):
        """property -> its value as the client prints it; what the unit hasn't is left out."""
        done = self.run([*self.control, "show", full_name(unit), "--property=" + ",".join(properties)])
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)

    def happened(self):
        """The log of events so far."""
        try:
            with open(self.path("happened")) as log:
                return log.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def count_processes(self, _unit, control_group):
        count = 0
        if not control_group:
            return count
        for folder, _, _ in os.walk(self.cgroup_path(control_group)):
            with contextlib.suppress(OSError), open(folder + "/cgroup.procs") as processes:
                count += len(processes.read().split())
        return count

    def cgroup_path(self, control_group):
        return self.cgroup + control_group

    def take_jobs(self):
        """Which jobs have ended since the start, and how: (unit, result)."""
        while self.bus.wait_for_message(0.001) is not None:
            pass
        self.jobs += [tuple(signal["body"][2:4]) for signal in self.bus.signals if signal.get("member") == "JobRemoved"]
        self.bus.signals.clear()
        return self.jobs
