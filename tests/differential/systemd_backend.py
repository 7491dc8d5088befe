"""Debian's systemd as PID 1 of namespaces of its own: the side that is compared with.

It sees the machine read-only but for the test's own folder, has a /run, a network and a host name of its own, and its cgroup
root is a cgroup made for the test. Killing its PID 1 ends everything in it, whatever state it is in.
"""
import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import dbus_client
import harness
import test_bus
from machine import Machine

SYSTEMD = "/usr/lib/systemd/systemd"
PATIENCE = 30.0
NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc")
counter = itertools.count()

# Only what the manager itself insists on; a scenario brings everything else.
BASE_UNITS = {
    "default.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n",
    "basic.target": "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n",
    "sysinit.target": "[Unit]\nDescription=Nothing to set up\n",
    "shutdown.target": "[Unit]\nDefaultDependencies=no\nRefuseManualStart=yes\n",
}
BUS_UNITS = {
    "dbus.socket": "[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
    "dbus.service": "[Unit]\nRequires=dbus.socket\nDefaultDependencies=no\n[Service]\nType=notify\nNotifyAccess=main\n"
                    "ExecStart=/usr/bin/dbus-daemon --config-file=@W/../bus.conf --address=systemd: --nofork --nopidfile "
                    "--systemd-activation\n",
}
# A unit that has ended is forgotten with its results unless something refers to it.
PIN = "pinned-by-the-test.target"
PIN_UNIT = "[Unit]\nDefaultDependencies=no\nIgnoreOnIsolate=yes\nAfter=%s\n"

# $1: the test's folder, $2: systemd. /proc/sys is read-only because PID 1 would set what is not of its namespaces, /dev/console
# is none because it would take the terminal.
BEGIN = """
set -e
mount -t proc proc /proc
mount --bind "$1" "$1"
mount -o remount,bind,ro /
mount -t tmpfs -o mode=755 run /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount --bind /dev/null /dev/console
exec env -i container=svcd-test SYSTEMD_UNIT_PATH="$1/units" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "$2" --system --unit=default.target --log-level=info --log-target=console
"""


def version():
    """As "systemd 252 (252.39-1~deb12u2)", or None when it is not installed."""
    try:
        text = subprocess.run([SYSTEMD, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return text.splitlines()[0]


def why_not():
    """Why systemd can't be run here, or None when it can."""
    found = version()
    if found is None:
        return "systemd is not installed"
    if found.split()[1] != "252":
        return "this is %s, not systemd 252" % found
    try:
        with Systemd({}):
            return None
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)


# Connects where PID 1 can see who it is, and hands over the connection.
CONNECT = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect("/run/systemd/private")
socket.send_fds(socket.socket(fileno=int(sys.argv[1])), [b"x"], [connection.fileno()])
"""


class DirectClient(dbus_client.Client):
    """A connection to PID 1 itself, where no bus says hello."""

    def __init__(self, machine):
        self.machine = machine
        super().__init__("unix:path=/run/systemd/private", PATIENCE, "org.freedesktop.systemd1")

    def connect(self, _):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            subprocess.run(self.machine.inside([sys.executable, "-SEc", CONNECT, str(theirs.fileno())]), check=True,
                           pass_fds=[theirs.fileno()])
            _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        return socket.socket(fileno=descriptors[0])

    def call(self, path, interface, member, *arguments, **options):
        return [""] if member == "Hello" else super().call(path, interface, member, *arguments, **options)


class Systemd(Machine):
    """A running systemd with these units: name -> text. `also`: units that are observed too, instances for example."""

    def __init__(self, units, bus=False, also=(), factor=1.0):
        super().__init__(tempfile.mkdtemp(prefix="svcd-systemd-"), factor)
        os.chmod(self.directory, 0o755)
        self.control = ["systemctl"]
        self.control_path = self.bus_path = "/run/dbus/system_bus_socket"
        self.process, self.pid, self.with_bus = None, None, bus
        with open(self.path("bus.conf"), "w") as file:
            file.write(test_bus.CONFIG % self.bus_path)  # where everyone may own any name
        self.host_cgroup = "%s/svcd-systemd-%d-%d" % (harness.CGROUP_MOUNT, os.getpid(), next(counter))
        self.cgroup = "/sys/fs/cgroup"
        for name, text in {**BASE_UNITS, **(BUS_UNITS if bus else {}), **units}.items():
            self.write_unit(name, text)
        pinned = [name for name in units if ".d/" not in name and "@." not in name] + list(also)
        self.write_unit(PIN, PIN_UNIT % " ".join(pinned))

    # ── beginning and end ────────────────────────────────────────────────────────────────────────────────────────────
    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def start(self):
        os.mkdir(self.host_cgroup)
        with open(self.path("systemd.log"), "wb") as log:
            self.process = subprocess.Popen(
                ["unshare", *NAMESPACES, "--cgroup", "--fork", "--kill-child", "--propagation", "private",
                 "sh", "-c", BEGIN, "systemd", self.directory, SYSTEMD],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=self.enter_cgroup)
        deadline = time.monotonic() + PATIENCE
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.path("systemd.log"), errors="replace") as log:
                    raise OSError("systemd did not come up: " + log.read()[-2000:])
            time.sleep(0.02)
        for unit in (["dbus.service"] if self.with_bus else []) + [PIN]:
            self.run(["systemctl", "start", unit])
        self.bus = DirectClient(self)

    def enter_cgroup(self):
        harness.end_with_parent()
        with open(self.host_cgroup + "/cgroup.procs", "w") as processes:
            processes.write("0")

    def is_up(self):
        if self.pid is None:
            with contextlib.suppress(OSError, IndexError), open("/proc/%d/task/%d/children" % (2 * (self.process.pid,))) as children:
                self.pid = int(children.read().split()[0])
        if self.pid is None or not os.path.exists(os.path.join("/proc", str(self.pid), "root", "run/systemd/private")):
            return False
        return self.run(["systemctl", "is-system-running"]).stdout.strip() in ("running", "degraded")

    def __exit__(self, kind, error, trace):
        self.remove()
        return False

    def remove(self):
        if self.bus is not None:
            self.bus.close()
        if self.process is not None:
            # The only process of ours outside is unshare; its child is PID 1, and the namespace goes with it.
            self.process.kill()
            self.process.wait()
        deadline = time.monotonic() + 10
        while os.path.isdir(self.host_cgroup) and time.monotonic() < deadline:
            with contextlib.suppress(OSError), open(self.host_cgroup + "/cgroup.kill", "w") as kill:
                kill.write("1")
            for folder, _, _ in os.walk(self.host_cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        shutil.rmtree(self.directory, ignore_errors=True)

    # ── what differs from svcd ───────────────────────────────────────────────────────────────────────────────────────
    def inside(self, command):
        return ["nsenter", "--target", str(self.pid), *NAMESPACES, "--", *command]

    def cgroup_path(self, control_group):
        return self.host_cgroup + control_group

    def reaper(self):
        return 1

    def write_unit(self, name, text):
        path = self.path("units/" + name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(self.substitute(text))

    def mask_unit(self, name):
        os.symlink("/dev/null", self.path("units/" + name))

    def link_unit(self, name, target):
        os.symlink(target, self.path("units/" + name))

    def remove_unit(self, name):
        os.unlink(self.path("units/" + name))
