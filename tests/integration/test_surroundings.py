"""What stands around a service: its slice, the message bus, the notify socket, and svcd's own forced end."""
import contextlib
import os
import subprocess

from harness import PATIENCE, Daemon, TestCase, actor, alive, end_with_parent, service

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*"/><allow eavesdrop="false"/><allow own="*"/><allow user="*"/></policy></busconfig>
"""
# Owns the name of its first argument until it is stopped.
OWNER = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
import dbus_client
client = dbus_client.Client(sys.argv[3], timeout=30)
client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "su", sys.argv[1], 4,
            destination="org.freedesktop.DBus")
signal.pause()
"""


class Slices(TestCase):
    def test_a_unit_is_in_the_cgroup_of_its_slice_and_so_it_stays_over_a_death_of_the_manager(self):
        with Daemon({"a.service": service(actor("a"), Slice="big-small.slice"), "b.service": service(actor("b"), Slice="-.slice"),
                     "c@.service": service(actor("c"))}) as svcd:
            svcd.svctl("start", "a", "b", "c@x")
            self.assertEqual(svcd.cgroup_of("a"), svcd.cgroup + "/big.slice/big-small.slice/a.service")
            self.assertEqual(svcd.cgroup_of("b"), svcd.cgroup + "/b.service")
            self.assertEqual(svcd.cgroup_of("c@x"), svcd.cgroup + "/system.slice/system-c.slice/c@x.service")
            self.assertEqual(svcd.get("a", "Slice"), "big-small.slice")
            self.assertEqual(svcd.get("b", "ControlGroup"), svcd.cgroup_name + "/b.service")
            self.assertEqual(svcd.get("big-small.slice", "ActiveState"), "active")
            svcd.kill_manager()
            self.assertEqual(svcd.processes_of("a"), [svcd.get("a", "MainPID")])
            svcd.svctl("stop", "a", "b", "c@x")
            self.assertEqual(svcd.unit_cgroups(), [])

    def test_a_slice_is_stopped_with_all_that_is_in_it_and_its_cgroup_goes(self):
        with Daemon({"a.service": service(actor("a"), Slice="big.slice"), "b.service": service(actor("b"), Slice="big-small.slice"),
                     "c.service": service(actor("c"))}) as svcd:
            svcd.svctl("start", "a", "b", "c")
            svcd.svctl("stop", "big.slice")
            self.assertEqual(svcd.states_of(["a.service", "b.service", "c.service"]),
                             [("inactive", "dead"), ("inactive", "dead"), ("active", "running")])
            self.assertFalse(os.path.exists(svcd.cgroup + "/big.slice"))

    def test_a_signal_to_a_slice_reaches_every_process_in_it(self):
        with Daemon({"a.service": service(actor("a", "deaf=10"), Slice="big.slice"),
                     "b.service": service(actor("b", "deaf=10"), Slice="big-small.slice"),
                     "c.service": service(actor("c", "deaf=10"))}) as svcd:
            svcd.svctl("start", "a", "b", "c")
            for name in "abc":
                svcd.wait_told(name, "start")
            svcd.svctl("kill", "--signal=USR1", "big.slice")
            svcd.wait_told("a", "signal 10")
            svcd.wait_told("b", "signal 10")
            self.assertEqual(svcd.told("c", "signal 10"), [])


class BusNames(TestCase):
    @contextlib.contextmanager
    def broker(self, svcd):
        """A dbus-daemon on the address that svcd was given."""
        with open(svcd.path("bus.conf"), "w") as file:
            file.write(CONFIGURATION % svcd.path("broker"))
        daemon = subprocess.Popen(["dbus-daemon", "--nofork", "--print-address", "--config-file=" + svcd.path("bus.conf")],
                                  stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        try:
            daemon.stdout.readline()
            yield daemon
        finally:
            daemon.kill()
            daemon.wait()
            daemon.stdout.close()

    def owner(self, svcd, **settings):
        here = os.path.dirname(os.path.abspath(__file__))
        return service(["/usr/bin/python3", "-B", "-c", OWNER, "org.example.Web", here, "unix:path=" + svcd.path("broker")],
                       Type="dbus", BusName="org.example.Web", **settings)

    def test_a_service_has_started_once_its_name_has_an_owner(self):
        with Daemon(bus="unix:path=%(directory)s/broker") as svcd, self.broker(svcd):
            svcd.write_unit("web.service", self.owner(svcd))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "web")
            pid = svcd.get("web", "MainPID")
            self.assert_shows(svcd, "web", ActiveState="active", SubState="running")
            svcd.kill_manager()
            self.assert_shows(svcd, "web", ActiveState="active", SubState="running", MainPID=pid)
            svcd.svctl("stop", "web")
            self.assert_shows(svcd, "web", ActiveState="inactive", Result="success")

    def test_without_a_bus_the_start_runs_into_its_timeout(self):
        with Daemon({"web.service": service(actor("web"), Type="dbus", BusName="org.example.Web", TimeoutStartSec="300ms")}) as svcd:
            svcd.svctl("start", "web", status=1)
            self.assert_shows(svcd, "web", ActiveState="failed", Result="timeout")


class NotifySocket(TestCase):
    def test_is_given_to_those_that_may_notify(self):
        rows = {"none": "", "main": "main", "exec": "main post", "all": "main post"}
        units = {access + ".service": service(actor(access + "-main", "env=NOTIFY_SOCKET"),
                                              ExecStartPost=actor(access + "-post", "env=NOTIFY_SOCKET", "exit=0"),
                                              NotifyAccess=access) for access in rows}
        with Daemon(units) as svcd:
            for access, given in rows.items():
                svcd.svctl("start", access)
                for role in ("main", "post"):
                    name = access + "-" + role
                    svcd.wait_told(name, "start")
                    has = any(event.what == "env NOTIFY_SOCKET=" + svcd.run + "/notify" for event in svcd.told(name))
                    self.assertEqual(has, role in given.split(), name)


class ForcedEnd(TestCase):
    def test_a_failure_action_with_force_leaves_at_once_and_leaves_nothing_behind(self):
        with Daemon({"deaf.service": service(actor("deaf", "deaf=15", "kids=3"), Slice="big.slice"),
                     "other.service": service(actor("other", "stop=20000")),
                     "fatal.service": service(actor("fatal", "exit=7"),
                                              unit={"FailureAction": "exit-force"})}, exit_status=7) as svcd:
            svcd.svctl("start", "deaf", "other")
            svcd.wait_told("deaf", "start")
            pids = svcd.processes_of("deaf") + svcd.processes_of("other")
            svcd.svctl("start", "--no-block", "fatal", status=None)
            self.assertEqual(svcd.wait_for_exit(PATIENCE), 7)
            self.assertEqual([pid for pid in pids if alive(pid)], [])
            for said in svcd.read_errors().splitlines():  # of those that were still there to be named
                if ": SIGKILL to what is left of it: " in said:
                    self.assertRegex(said, r": \d+ \(.+\)")
            self.assertFalse(os.path.exists(svcd.cgroup + "/big.slice"))
            self.assertEqual(svcd.told("other", "signal 15"), [])
