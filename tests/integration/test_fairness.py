"""No source of events keeps another from its turn: floods of calls and of notifications, and what services do meanwhile."""
import contextlib
import os
import signal
import subprocess
import sys

from harness import Daemon, TestCase, actor, end_with_parent, service

HERE = os.path.dirname(os.path.abspath(__file__))

# Calls without pause, and wants no answers: svcd never finds its socket empty.
CALLER = """
import os, sys
from dbus_client import Client
os.nice(10)
bus = Client("unix:path=" + sys.argv[1])
real, batch = bus.socket, bytearray()
class Collector:
    sendall = staticmethod(batch.extend)
bus.socket = Collector
for _ in range(200):
    bus.send("/org/svcd1", "org.svcd1.Manager", "GetUnit", "s", ["all.target"], "org.svcd1", flags=1)
real.settimeout(None)
print("on", flush=True)
while True:
    real.sendall(batch)
"""

# Sends datagrams without pause; svcd finds that they come from no unit.
SENDER = """
import os, socket, sys
os.nice(10)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(sys.argv[1])
print("on", flush=True)
while True:
    notify.send(b"STATUS=flood")
"""

# Is alive all the time, and ends well when it has said so long enough.
PINGER = """
import os, socket, time
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"])
notify.send(b"READY=1")
for _ in range(20):
    time.sleep(0.2)
    notify.send(b"WATCHDOG=1")
"""


@contextlib.contextmanager
def flood(program, path, count):
    """So many processes of it, once all have begun."""
    environment = dict(os.environ, PYTHONPATH=HERE, PYTHONDONTWRITEBYTECODE="1")
    processes = [subprocess.Popen([sys.executable, "-c", program, path], env=environment, stdout=subprocess.PIPE, text=True,
                                  preexec_fn=end_with_parent) for _ in range(count)]
    try:
        for process in processes:
            if process.stdout.readline() != "on\n":
                raise AssertionError("a flood did not begin")
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


class Floods(TestCase):
    def test_callers_do_not_keep_exits_from_being_read(self):
        names = ["s%03d.service" % number for number in range(200)]
        units = {name: service(actor(name)) for name in names}
        with Daemon(units | {"all.target": {"Unit": {"Requires": names, "After": names}}}) as svcd:
            svcd.svctl("start", "all.target")
            pids = [svcd.show(name)["MainPID"] for name in names]
            with flood(CALLER, svcd.path("run/bus"), 5) as callers:
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
                svcd.wait_until(lambda: set(svcd.states_of(names)) == {("failed", "failed")}, "200 failed services")
                self.assertEqual([caller.poll() for caller in callers], [None] * 5)
            for name in names:
                self.assert_shows(svcd, name, Result="signal", ExecMainCode=2, ExecMainStatus=9)

    def test_a_healthy_watchdog_survives_callers_and_a_notification_flood(self):
        units = {"healthy.service": service([sys.executable, "-c", PINGER], Type="notify", WatchdogSec="2s"),
                 "all.target": {"Unit": {}}}
        with Daemon(units) as svcd:
            with flood(CALLER, svcd.path("run/bus"), 3), flood(SENDER, svcd.path("run/notify"), 1):
                svcd.svctl("start", "healthy")
                svcd.wait_until(lambda: svcd.show("healthy")["SubState"] in ("dead", "failed"), "its end", timeout=120)
            self.assert_shows(svcd, "healthy", Result="success", ActiveState="inactive")

    def test_a_stop_keeps_its_deadline_under_a_notification_flood(self):
        units = {"deaf.service": service(actor("deaf", "ready", "deaf=%d" % signal.SIGTERM), Type="notify", TimeoutStopSec="1s"),
                 "all.target": {"Unit": {}}}
        with Daemon(units) as svcd:
            svcd.svctl("start", "deaf")
            with flood(CALLER, svcd.path("run/bus"), 3), flood(SENDER, svcd.path("run/notify"), 1):
                svcd.svctl("stop", "deaf")
            self.assert_shows(svcd, "deaf", Result="timeout", ExecMainCode=2, ExecMainStatus=9)
            shown = svcd.show("deaf")
            self.assertLess(shown["ExecMainExitTimestampMonotonic"] - shown["ActiveExitTimestampMonotonic"], 3_000_000)
