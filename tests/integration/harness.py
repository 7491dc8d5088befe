"""Runs a svcd of its own for a test: temporary folders, a cgroup of its own, real processes.

    with Daemon({"web.service": {"Service": {"ExecStart": actor("web")}}}) as svcd:
        svcd.svctl("start", "web")
        svcd.wait_for("web", ActiveState="active")

Leaving the block shuts svcd down in order and fails the test when anything stays behind: a process, a cgroup, a socket.
"""
import atexit
import contextlib
import ctypes
import fcntl
import itertools
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import dbus_client

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SVCD = os.environ.get("SVCD_BIN", "")
SVCTL = os.environ.get("SVCTL_BIN", "")
ACTOR = os.environ.get("ACTOR_BIN", "")
MISBEHAVER = os.environ.get("MISBEHAVER_BIN", "")
SANITIZED = os.environ.get("SVCD_SANITIZED") == "1"
# What a machine with something else to do may add to a duration that is measured.
SLACK = (4.0 if SANITIZED else 1.0) * min(max(os.getloadavg()[0] / os.cpu_count(), 1.0), 10.0)
PATIENCE = 30.0  # for what must come, however slow the machine
NOBODY = 65534  # a user, and a group

counter = itertools.count()
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def end_with_parent():
    """In a child: SIGTERM when the test dies, so that a test that is killed leaves no svcd behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ctest's patience is over: clear up


def find_cgroup_mount():
    """The v2 mount: /sys/fs/cgroup, or /sys/fs/cgroup/unified on a hybrid host."""
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[fields.index("-") + 1] == "cgroup2":
                return fields[4]
    return None


CGROUP_MOUNT = find_cgroup_mount()
KEEPERS = os.environ.get("SVCD_TRACKING") == "keeper"  # svcd is to do without cgroups


def actor(name, *words):
    """The command line (argv) of a helpers/actor.c service."""
    return [ACTOR, name, *(str(word) for word in words)]


def service(command, unit=None, **settings):
    """A unit file with this ExecStart."""
    return {"Unit": unit or {}, "Service": {"ExecStart": command, **settings}}


def monotonic_usec():
    return time.monotonic_ns() // 1000


def parent_of(pid):
    with contextlib.suppress(OSError), open("/proc/%d/stat" % pid, errors="replace") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])
    return 0


def processes_below(cgroup):
    found = []
    for path, _, _ in os.walk(cgroup):
        with contextlib.suppress(OSError), open(path + "/cgroup.procs") as procs:
            found += [int(pid) for pid in procs.read().split()]
    return found


def descendants(roots, among):
    """Of these processes those below `roots`, without zombies."""
    parents = {pid: parent_of(pid) for pid in among}
    found, new = [], roots
    while new:
        new = [pid for pid, parent in parents.items() if parent in new]
        found += new
    return [pid for pid in found if alive(pid)]


def command_line(pid):
    with contextlib.suppress(OSError), open("/proc/%d/cmdline" % pid, errors="replace") as text:
        return text.read().split("\0")[:-1]
    return []


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid, errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def children_of(pid):
    """(pid, state) of each child."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry, errors="replace") as stat:  # others' names, too
                    state, parent = stat.read().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if int(parent) == pid:
                found.append((int(entry), state))
    return found


def full_name(unit):
    return unit if re.search(r"\.(service|target|slice)$", unit) else unit + ".service"


class Event:
    """A line of an actor."""

    def __init__(self, line):
        time_text, self.name, self.what = line.split(" ", 2)
        self.usec = int(time_text)

    def __repr__(self):
        return "%s %s" % (self.name, self.what)


class Daemon(contextlib.AbstractContextManager):
    def __init__(self, units=None, arguments=(), mode="--system", bus="none", unit="basic.target", environment=None,
                 exit_status=0, prefix=(), pass_fds=(), config="", keepers=False):
        """`units`: name -> text of the file, or a dict of it (written as JSON, which is YAML). `prefix`: words before svcd's
        command line; a word, or `bus`, may hold %(directory)s. `exit_status`: what svcd is to end with; None: anything. `config`: further lines of
        svcd.yaml. `keepers`: units have no cgroups."""
        self.exit_status, config_lines = exit_status, config
        self.directory = tempfile.mkdtemp(prefix="svcd-test-")
        os.chmod(self.directory, 0o755)
        self.units, self.run, self.log = (os.path.join(self.directory, part) for part in ("units", "run", "log"))
        for path in (self.units, self.run, self.log):
            os.mkdir(path)
        self.cgroup_name = "/svcd-test-%d-%d" % (os.getpid(), next(counter))
        self.cgroup = CGROUP_MOUNT + self.cgroup_name
        os.mkdir(self.cgroup)
        atexit.register(self.remove_all)
        self.events, self.partial = [], b""
        self.log_fd = None
        self.make_event_log()
        for name, content in (units or {}).items():
            self.write_unit(name, content)
        self.address = "unix:path=%s/bus" % self.run
        self.errors = os.path.join(self.directory, "svcd.log")
        with open(os.path.join(self.directory, "svcd.yaml"), "w") as config:
            config.write("KillGraceSec: 5s\n" + config_lines)
        self.environment = dict(os.environ, SVCTL_BUS=self.address, **(environment or {}))
        for name in ("NOTIFY_SOCKET", "DBUS_SESSION_BUS_ADDRESS", "LISTEN_FDS", "INVOCATION_ID"):
            if name not in (environment or {}):
                self.environment.pop(name, None)
        self.keepers = keepers or KEEPERS
        self.arguments = [SVCD, mode, "--unit-path=" + self.units, "--runtime-dir=" + self.run, "--log-dir=" + self.log,
                          "--cgroup=" + ("none" if self.keepers else self.cgroup_name), "--bus=" + bus % {"directory": self.directory}, "--unit=" + unit,
                          "--config=" + os.path.join(self.directory, "svcd.yaml"), *arguments]
        self.prefix, self.pass_fds = [word % {"directory": self.directory} for word in prefix], pass_fds
        self.process, self.client = None, None

    # ── beginning and end ────────────────────────────────────────────────────────────────────────────────────────────
    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def start(self):
        """Starts svcd and waits for its READY=1."""
        ready_path = os.path.join(self.directory, "ready")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(ready_path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, open(self.errors, "ab") as errors:
            ready.bind(ready_path)
            os.chmod(ready_path, 0o666)
            self.process = subprocess.Popen([*self.prefix, *self.arguments], stdin=subprocess.DEVNULL, stdout=errors,
                                            stderr=errors, start_new_session=True, pass_fds=self.pass_fds, preexec_fn=self.before_exec,
                                            env=dict(self.environment, NOTIFY_SOCKET=ready_path))
            deadline = time.monotonic() + PATIENCE
            while True:
                if select.select([ready], [], [], 0.2)[0] and b"READY=1" in ready.recv(4096).split(b"\n"):
                    break
                if self.process.poll() is not None:
                    raise AssertionError("svcd ended with status %d before it was ready" % self.process.returncode)
                if time.monotonic() > deadline:
                    raise AssertionError("svcd did not become ready in %d s" % PATIENCE)

    def before_exec(self):
        end_with_parent()
        if self.keepers:  # so that we find all of it
            with open(self.cgroup + "/cgroup.procs", "w") as procs:
                procs.write("0")

    def __exit__(self, kind, error, trace):
        problems = []
        try:
            if self.process is not None:
                problems = self.end()
        finally:
            if kind is not None or problems:
                with open(self.errors, errors="replace") as text:
                    sys.stderr.write("── svcd's log ──\n%s──\n" % text.read()[-8000:])
            atexit.unregister(self.remove_all)
            self.remove_all()
        if kind is None and problems:
            raise AssertionError("; ".join(problems))
        return False

    def end(self):
        """Shuts svcd down; what is not as it should be afterwards."""
        problems = []
        self.disconnect()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.wait_for_exit()
            if self.exit_status is not None and status != self.exit_status:
                problems.append("svcd ended with status %d instead of %d" % (status, self.exit_status))
        except subprocess.TimeoutExpired:
            problems.append("svcd did not end in %d s after SIGTERM" % (2 * PATIENCE))
        left = self.processes()
        if left:
            problems.append("processes are left: %s" % ", ".join(map(describe, left)))
        left = [path for path in self.unit_cgroups() if not left]
        if left:
            problems.append("cgroups are left: %s" % left)
        left = [name for name in os.listdir(self.run) if name in ("bus", "owner-bus", "notify")]
        if left:
            problems.append("sockets are left: %s" % left)
        return problems

    def wait_for_exit(self, timeout=2 * PATIENCE):
        return self.process.wait(timeout)

    def remove_all(self):
        """Whatever happened, nothing of ours stays on the machine."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        deadline = time.monotonic() + 10
        while os.path.isdir(self.cgroup):
            with contextlib.suppress(OSError):
                with open(self.cgroup + "/cgroup.kill", "w") as kill:
                    kill.write("1")
            for path, _, _ in os.walk(self.cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
            if time.monotonic() > deadline:
                break
        if self.log_fd is not None:
            os.close(self.log_fd)
            self.log_fd = None
        shutil.rmtree(self.directory, ignore_errors=True)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def write_unit(self, name, content):
        """Writes NAME.yaml (or a drop-in NAME.d/FILE.yaml) and returns its path."""
        path = os.path.join(self.units, name + ".yaml")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(content, dict):
            content = json.loads(json.dumps(content))
            if "Service" in content and not os.path.dirname(name):
                given = content["Service"].setdefault("Environment", {})
                given["ACTOR_LOG"] = self.event_path
            content = json.dumps(content, indent=2)
        with open(path, "w") as file:
            file.write(content)
        return path

    def read_log(self, unit):
        """What the unit has written to its log."""
        with contextlib.suppress(FileNotFoundError), open("%s/%s/current" % (self.log, full_name(unit))) as text:
            return text.read()
        return ""

    def read_errors(self):
        """What svcd itself has said."""
        with open(self.errors, errors="replace") as text:
            return text.read()

    def path(self, name):
        return os.path.join(self.directory, name)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def svctl(self, *arguments, status=0, timeout=2 * PATIENCE, user=None):
        """Runs svctl; `status` is the exit status that it must have (None: any); `user`: as whom, by number."""
        other = {} if user is None else {"user": user, "group": user, "extra_groups": [], "cwd": "/"}
        done = subprocess.run([SVCTL, *arguments], env=self.environment, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **other)
        if status is not None and done.returncode != status:
            raise AssertionError("svctl %s ended with %d instead of %d\nstdout: %s\nstderr: %s" % (
                " ".join(arguments), done.returncode, status, done.stdout, done.stderr))
        return done

    def begin(self, *arguments):
        """Runs svctl in the background."""
        return subprocess.Popen([SVCTL, *arguments], env=self.environment, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def bus(self):
        if self.client is None:
            self.client = dbus_client.Client(self.address, timeout=PATIENCE)
            self.manager("Subscribe")
        return self.client

    def disconnect(self):
        if self.client is not None:
            self.client.close()
            self.client = None

    def manager(self, method, signature="", *values):
        """Calls a method of org.svcd1.Manager."""
        return self.bus().call("/org/svcd1", "org.svcd1.Manager", method, signature, *values)

    def unit_path(self, unit):
        return self.manager("LoadUnit", "s", full_name(unit))[0]

    def show(self, unit):
        """All properties of a unit."""
        path, properties = self.unit_path(unit), {}
        interfaces = ["Unit", "Service"] if full_name(unit).endswith(".service") else ["Unit"]
        for interface in interfaces:
            properties.update(self.bus().call(path, "org.freedesktop.DBus.Properties", "GetAll", "s", "org.svcd1." + interface)[0])
        return properties

    def get(self, unit, name):
        return self.show(unit)[name]

    def states(self):
        """unit -> (active state, sub-state) of all units."""
        return {row[0]: (row[3], row[4]) for row in self.manager("ListUnits")[0]}

    def states_of(self, units):
        """The same as a list, of these units."""
        states = self.states()
        return [states[unit] for unit in units]

    def wait_until(self, question, what, timeout=PATIENCE):
        """Asks again after each signal of svcd's until the answer is true, and returns the answer."""
        deadline = time.monotonic() + timeout
        while True:
            answer = question()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError("in %g s this did not come: %s" % (timeout, what() if callable(what) else what))
            if self.client is None:
                self.bus()
            # A signal ends the wait at once; what svcd doesn't signal (a file, a process) is looked at again anyway.
            self.client.wait_for_message(0.05)
            self.client.signals.clear()

    def wait_for(self, unit, timeout=PATIENCE, **wanted):
        """Waits until the unit's properties have these values; returns all of them."""
        last = {}

        def ask():
            last.update(self.show(unit))
            return last if all(last[key] == value for key, value in wanted.items()) else None
        return self.wait_until(ask, lambda: "%s with %s, but it has %s" % (
            unit, wanted, {key: last.get(key) for key in {*wanted, "ActiveState", "SubState", "Result"}}), timeout)

    # ── processes ────────────────────────────────────────────────────────────────────────────────────────────────────
    def launcher(self):
        """svcd's PID (behind a prefix it is not the process that was started)."""
        pid = self.process.pid
        for _ in self.prefix and range(6):
            if os.path.basename(os.readlink("/proc/%d/exe" % pid)) in (os.path.basename(SVCD), "svcd-launcher"):
                break
            pid = children_of(pid)[0][0]
        return pid

    def manager_pid(self):
        """The PID of svcd-manager, or None while there is none."""
        for pid, state in children_of(self.launcher()):
            with contextlib.suppress(OSError):
                if state not in "ZX" and os.path.basename(os.readlink("/proc/%d/exe" % pid)) == "svcd-manager":
                    return pid
        return None

    def kill_manager(self):
        """SIGKILL to the manager; returns when another is in its place."""
        old = self.manager_pid()
        self.disconnect()
        os.kill(old, signal.SIGKILL)
        self.wait_for_manager(other_than=old)

    def kill_launcher(self):
        """SIGKILL to svcd itself, which takes the manager with it; returns when both are gone."""
        manager = self.manager_pid()
        self.disconnect()
        os.kill(self.launcher(), signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + PATIENCE
        while manager is not None and alive(manager):
            if time.monotonic() > deadline:
                raise AssertionError("the manager outlives its launcher")
            time.sleep(0.001)

    def start_again(self):
        """Another svcd on the same folders and the same cgroup, after kill_launcher()."""
        self.start()

    def wait_for_manager(self, other_than=None):
        deadline = time.monotonic() + PATIENCE
        while True:
            new = self.manager_pid()
            if new not in (None, other_than):
                with contextlib.suppress(OSError, ConnectionError, dbus_client.Error, TimeoutError):
                    self.bus()
                    return new
            if time.monotonic() > deadline:
                raise AssertionError("no new manager in %d s" % PATIENCE)
            time.sleep(0.01)

    def processes(self):
        """Every process below svcd's cgroup."""
        return processes_below(self.cgroup)

    def cgroup_of(self, unit):
        """Where the unit's cgroup is, or None."""
        for path in self.unit_cgroups():
            if os.path.basename(path) == full_name(unit):
                return path
        return None

    def unit_cgroups(self):
        """The cgroups of units that exist now."""
        return [path for path, _, _ in os.walk(self.cgroup)
                if re.search(r"\.(service|target)$", path) or re.search(r"\.service/", path)]

    def processes_of(self, unit):
        if self.keepers:
            return self.kept_processes_of(unit)
        path, found = self.cgroup_of(unit), []
        for folder, _, _ in os.walk(path) if path else ():
            with contextlib.suppress(OSError), open(folder + "/cgroup.procs") as procs:
                found += [int(pid) for pid in procs.read().split()]
        return found

    def keepers_of(self, unit):
        """Where units have no cgroups: the processes that find those of the unit."""
        return [pid for pid in self.processes() if command_line(pid)[:2] == ["svcd-exec", full_name(unit)]]

    def kept_processes_of(self, unit):
        """Who descends from the unit's keepers, as cgroup.procs would have it: without zombies."""
        return descendants(self.keepers_of(unit), self.processes())

    # ── what actors tell ─────────────────────────────────────────────────────────────────────────────────────────────
    def make_event_log(self):
        self.event_path = os.path.join(self.directory, "events")
        os.mkfifo(self.event_path, 0o666)
        os.chmod(self.event_path, 0o666)
        self.log_fd = os.open(self.event_path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.log_fd, 1031, 1 << 20)  # F_SETPIPE_SZ: an actor never waits for us

    def read_events(self, timeout=0.0):
        """Takes what has come, waiting for something at most so long."""
        if not select.select([self.log_fd], [], [], timeout)[0]:
            return
        data = self.partial + os.read(self.log_fd, 1 << 20)
        *lines, self.partial = data.split(b"\n")
        self.events += [Event(line.decode()) for line in lines]

    def told(self, name, what=None):
        """The events of an actor so far (whose text begins with `what`)."""
        self.read_events()
        return [event for event in self.events if event.name == name and (what is None or event.what.startswith(what))]

    def wait_told(self, name, what, count=1, timeout=PATIENCE):
        """Waits until an actor has told something `count` times; returns the last of these events."""
        deadline = time.monotonic() + timeout
        while len(found := self.told(name, what)) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError("%s did not tell %r %d times in %g s; told so far: %s" % (
                    name, what, count, timeout, self.events[-40:]))
            self.read_events(left)
        return found[count - 1]

    def order(self, *wanted):
        """The events among `wanted` ("NAME WHAT") in the order in which they came."""
        self.read_events()
        return [str(event) for event in sorted(self.events, key=lambda event: event.usec) if str(event) in wanted]


def describe(pid):
    with contextlib.suppress(OSError), open("/proc/%d/cmdline" % pid, "rb") as text:
        return "%d (%s)" % (pid, text.read().replace(b"\0", b" ").decode(errors="replace").strip()[:120])
    return str(pid)


class TestCase(unittest.TestCase):
    """A test that needs to make cgroups."""

    maxDiff = None

    def check_stop_keeps_its_deadline(self, limit, kill):
        """A stop is under way when `kill` interrupts svcd: SIGKILL follows after `limit` s, counted from its beginning."""
        with Daemon({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="%ds" % limit)}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.svctl("stop", "--no-block", "a")
            svcd.wait_told("a", "signal 15")
            kill(svcd)
            shown = svcd.wait_for("a", ActiveState="failed", Result="timeout")
            took = shown["ExecMainExitTimestampMonotonic"] - shown["ActiveExitTimestampMonotonic"]
            self.assertGreaterEqual(took, limit * 1_000_000)
            self.assertLess(took, limit * 1_000_000 + 1_000_000 * SLACK)

    def check_stop_signal_comes_once(self, interrupt):
        """A stop waits when `interrupt` befalls svcd: the service, which takes its time, is not asked to end once more."""
        with Daemon({"a.service": service(actor("a", "stop=3000"), KillMode="mixed", TimeoutStopSec="30s")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.svctl("stop", "--no-block", "a")
            svcd.wait_told("a", "signal 15")
            interrupt(svcd)
            interrupt(svcd)
            svcd.wait_for("a", ActiveState="inactive", Result="success", ExecMainCode=1, ExecMainStatus=0)
            self.assertEqual(len(svcd.told("a", "signal 15")), 1)

    @classmethod
    def setUpClass(cls):
        if not SVCD or not SVCTL or not ACTOR:
            raise unittest.SkipTest("SVCD_BIN, SVCTL_BIN and ACTOR_BIN say where the programs are; ctest sets them")
        if CGROUP_MOUNT is None or not os.access(CGROUP_MOUNT, os.W_OK):
            raise unittest.SkipTest("needs the right to make cgroups (root)")

    def assert_shows(self, svcd, unit, **wanted):
        properties = svcd.show(unit)
        self.assertEqual({key: properties[key] for key in wanted}, wanted)
