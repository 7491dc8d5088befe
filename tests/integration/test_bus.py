"""D-Bus: clients of several makes on the private socket and on a message bus, and message buses that misbehave."""
import os
import signal
import subprocess
import time

import dbus_client
from harness import PATIENCE, SLACK, Daemon, TestCase, actor, service

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""


class MessageBus:
    """A dbus-daemon on a socket of its own."""

    def __init__(self, socket_path):
        self.path, self.address, self.process = socket_path, "unix:path=" + socket_path, None

    def start(self):
        config = self.path + ".conf"
        with open(config, "w") as file:
            file.write(CONFIG % self.path)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = subprocess.Popen(["dbus-daemon", "--nofork", "--nopidfile", "--print-address", "--config-file=" + config],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.process.stdout.readline()  # the address: it listens
        return self

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def signal(self, number):
        self.process.send_signal(number)

    def wait_for_svcd(self):
        """Waits until org.svcd1 is on the bus."""
        client = dbus_client.Client(self.address, timeout=PATIENCE)
        driver = "/org/freedesktop/DBus", "org.freedesktop.DBus"
        try:
            client.call(*driver, "AddMatch", "s", "type='signal',member='NameOwnerChanged',arg0='org.svcd1'", destination=driver[1])
            deadline = time.monotonic() + PATIENCE
            while not client.call(*driver, "NameHasOwner", "s", "org.svcd1", destination=driver[1])[0]:
                if time.monotonic() > deadline:
                    raise AssertionError("org.svcd1 did not come to the message bus in %d s" % PATIENCE)
                client.wait_for_message(deadline - time.monotonic())
        finally:
            client.close()


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (" ".join(command), done.stderr))
    return done.stdout


class Clients(TestCase):
    def check_all(self, svcd, address):
        """svctl, busctl and gdbus each start, ask and stop."""
        for client in ("svctl", "busctl", "gdbus"):
            with self.subTest(client=client):
                getattr(self, "by_" + client)(address, svcd, "start")
                self.assertEqual(svcd.wait_for("a", ActiveState="active")["SubState"], "running")
                self.assertIn("running", getattr(self, "by_" + client)(address, svcd, "ask"))
                getattr(self, "by_" + client)(address, svcd, "stop")
                svcd.wait_for("a", ActiveState="inactive")

    @staticmethod
    def by_svctl(address, svcd, what):
        words = {"start": ["start", "a"], "ask": ["show", "-p", "SubState", "a"], "stop": ["stop", "a"]}[what]
        return svcd.svctl("--bus=" + address, *words).stdout

    @staticmethod
    def by_busctl(address, svcd, what):
        bus = ["busctl", "--address=" + address]
        if what == "ask":
            return run(*bus, "get-property", "org.svcd1", svcd.unit_path("a"), "org.svcd1.Unit", "SubState")
        method = {"start": "StartUnit", "stop": "StopUnit"}[what]
        return run(*bus, "call", "org.svcd1", "/org/svcd1", "org.svcd1.Manager", method, "ss", "a.service", "replace")

    @staticmethod
    def by_gdbus(address, svcd, what):
        bus = ["gdbus", "call", "--address=" + address, "--dest=org.svcd1"]
        if what == "ask":
            return run(*bus, "--object-path=" + svcd.unit_path("a"), "--method=org.freedesktop.DBus.Properties.Get", "org.svcd1.Unit",
                       "SubState")
        method = {"start": "StartUnit", "stop": "StopUnit"}[what]
        return run(*bus, "--object-path=/org/svcd1", "--method=org.svcd1.Manager." + method, "a.service", "replace")

    def test_svctl_busctl_and_gdbus_talk_to_the_private_socket(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            self.check_all(svcd, svcd.address)

    def test_svctl_busctl_and_gdbus_talk_over_a_message_bus(self):
        with Daemon({"a.service": service(actor("a"))}) as outer:
            bus = MessageBus(outer.path("dbus")).start()
            self.addCleanup(bus.stop)
            with Daemon({"a.service": service(actor("a"))}, bus=bus.address) as svcd:
                bus.wait_for_svcd()
                self.check_all(svcd, bus.address)

    def test_the_api_introspects_alike_on_both(self):
        with Daemon({"a.service": service(actor("a"))}) as outer:
            bus = MessageBus(outer.path("dbus")).start()
            self.addCleanup(bus.stop)
            with Daemon({"a.service": service(actor("a"))}, bus=bus.address) as svcd:
                bus.wait_for_svcd()
                texts = [run("gdbus", "introspect", "--address=" + address, "--dest=org.svcd1", "--object-path=/org/svcd1", "--xml")
                         for address in (svcd.address, bus.address)]
                self.assertIn('<method name="StartUnit">', texts[0])
                self.assertEqual(*texts)
                self.assertIn("StartUnit", run("busctl", "--address=" + svcd.address, "introspect", "org.svcd1", "/org/svcd1"))

    def test_signals_come_to_those_who_subscribed(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            client = dbus_client.Client(svcd.address, timeout=PATIENCE)
            self.addCleanup(client.close)
            for rule in ("type='signal',interface='org.svcd1.Manager'", "type='signal',interface='org.freedesktop.DBus.Properties'"):
                client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", rule, destination="org.freedesktop.DBus")
            client.call("/org/svcd1", "org.svcd1.Manager", "Subscribe")
            (job,) = client.call("/org/svcd1", "org.svcd1.Manager", "StartUnit", "ss", "a.service", "replace")
            path, deadline = svcd.unit_path("a"), time.monotonic() + PATIENCE

            def done():
                removed = [message for message in client.signals if message["member"] == "JobRemoved" and message["body"][1] == job]
                changed = [message["body"][1] for message in client.signals
                           if message["member"] == "PropertiesChanged" and message["path"] == path]
                return removed and removed[0]["body"][2:] == ["a.service", "done"] and any(
                    properties.get("ActiveState") == "active" for properties in changed)
            while not done():
                self.assertIsNotNone(client.wait_for_message(deadline - time.monotonic()), client.signals)
            self.assertTrue(any(message["member"] == "JobNew" for message in client.signals))

    def test_errors_have_names(self):
        with Daemon() as svcd:
            with self.assertRaises(dbus_client.Error) as raised:
                svcd.manager("GetUnit", "s", "nosuch.service")
            self.assertEqual(raised.exception.name, "org.svcd1.NoSuchUnit")
            with self.assertRaises(dbus_client.Error):
                svcd.manager("NoSuchMethod")

    def test_another_user_may_look_but_not_touch(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl", "--address=" + svcd.address]
            self.assertIn("a.service", run(*as_nobody, "call", "org.svcd1", "/org/svcd1", "org.svcd1.Manager", "ListUnits"))
            with self.assertRaises(AssertionError) as raised:
                run(*as_nobody, "call", "org.svcd1", "/org/svcd1", "org.svcd1.Manager", "StartUnit", "ss", "a.service", "replace")
            self.assertRegex(str(raised.exception).lower(), "denied|permi|authori|root")
            self.assert_shows(svcd, "a", ActiveState="inactive")


class Misbehaving(TestCase):
    """Whatever the message bus does, services and deadlines don't notice."""

    def setUp(self):
        self.outer = Daemon()  # only its folder is used
        self.addCleanup(self.outer.remove_all)
        self.bus = MessageBus(self.outer.path("dbus"))
        self.addCleanup(self.bus.stop)

    def daemon(self):
        return Daemon({
            "a.service": service(actor("a", "ready"), Type="notify"),
            "deaf.service": service(actor("deaf", "deaf=15"), TimeoutStopSec="1s"),
        }, bus=self.bus.address)

    def check_undisturbed(self, svcd):
        """Starts and stops are quick, and a stop deadline is kept."""
        began = time.monotonic()
        svcd.svctl("start", "a", "deaf")
        svcd.svctl("stop", "a")
        self.assertLess(time.monotonic() - began, 0.5 * SLACK)
        svcd.wait_told("deaf", "start")
        svcd.svctl("stop", "deaf")
        shown = svcd.show("deaf")
        took = shown["ExecMainExitTimestampMonotonic"] - shown["ActiveExitTimestampMonotonic"]
        self.assertGreaterEqual(took, 1_000_000)
        self.assertLess(took, 1_000_000 + 300_000 * SLACK)
        svcd.svctl("reset-failed")

    def test_a_bus_that_comes_late_is_joined(self):
        with self.daemon() as svcd:
            self.check_undisturbed(svcd)
            self.bus.start()
            self.bus.wait_for_svcd()
            self.check_undisturbed(svcd)

    def test_sigusr1_joins_the_bus_at_once(self):
        with self.daemon() as svcd:
            self.bus.start()
            svcd.process.send_signal(signal.SIGUSR1)
            self.bus.wait_for_svcd()

    def test_a_bus_that_hangs_disturbs_nobody(self):
        self.bus.start()
        with self.daemon() as svcd:
            self.bus.wait_for_svcd()
            self.bus.signal(signal.SIGSTOP)
            self.check_undisturbed(svcd)
            self.bus.signal(signal.SIGCONT)
            self.bus.wait_for_svcd()
            self.check_undisturbed(svcd)

    def test_a_bus_that_hangs_from_the_start_does_not_keep_svcd_from_starting_or_ending(self):
        self.bus.start()
        self.bus.signal(signal.SIGSTOP)
        began = time.monotonic()
        with self.daemon() as svcd:
            self.assertLess(time.monotonic() - began, 2 * SLACK)
            self.check_undisturbed(svcd)
            svcd.svctl("start", "a")
            svcd.process.terminate()
            began = time.monotonic()
            svcd.wait_for_exit()
            self.assertLess(time.monotonic() - began, 2 * SLACK)

    def test_a_bus_that_goes_and_comes_back_is_joined_again(self):
        self.bus.start()
        with self.daemon() as svcd:
            self.bus.wait_for_svcd()
            self.bus.stop()
            self.check_undisturbed(svcd)
            self.bus.start()
            self.bus.wait_for_svcd()
            self.check_undisturbed(svcd)

    def test_a_bus_that_goes_while_a_stop_is_under_way(self):
        self.bus.start()
        with self.daemon() as svcd:
            self.bus.wait_for_svcd()
            svcd.svctl("start", "deaf")
            svcd.wait_told("deaf", "start")
            svcd.svctl("stop", "--no-block", "deaf")
            svcd.wait_told("deaf", "signal 15")
            self.bus.stop()
            shown = svcd.wait_for("deaf", ActiveState="failed", Result="timeout")
            took = shown["ExecMainExitTimestampMonotonic"] - shown["ActiveExitTimestampMonotonic"]
            self.assertLess(took, 1_000_000 + 300_000 * SLACK)
