"""D-Bus: clients of several makes on the private socket and on a message bus, and message buses that misbehave."""
import os
import re
import shutil
import signal
import struct
import subprocess
import time

import dbus_client
from harness import PATIENCE, SLACK, SOURCE, Daemon, TestCase, actor, service

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""


# What a system bus allows by itself: nobody owns a name, nobody calls a service that has no policy. %s: further policies.
SYSTEM_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
<allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
<allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/></policy>
<policy user="root"><allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/></policy>
<includedir>%s</includedir></busconfig>
"""
MANAGER = "/org/svcd1", "org.svcd1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"


class MessageBus:
    """A dbus-daemon on a socket of its own."""
    config = CONFIG

    def __init__(self, socket_path):
        self.path, self.address, self.process = socket_path, "unix:path=" + socket_path, None

    def start(self):
        config = self.path + ".conf"
        with open(config, "w") as file:
            file.write(self.config % self.path)
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


class SystemBus(MessageBus):
    """One with a system bus's policy, and a folder for those of services."""

    def __init__(self, socket_path):
        super().__init__(socket_path)
        self.policies = socket_path + ".d"
        os.mkdir(self.policies)
        self.config = SYSTEM_CONFIG % ("%s", self.policies)

    def install_policy(self):
        shutil.copy(os.path.join(SOURCE, "packaging", "dbus", "org.svcd1.conf"), self.policies)
        self.signal(signal.SIGHUP)


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


class Jobs(TestCase):
    """What clients that were written for systemd wait for."""

    def caller(self, address):
        client = dbus_client.Client(address, timeout=PATIENCE)
        self.addCleanup(client.close)
        return client

    def wait_for_end(self, client, job):
        """Waits for JobRemoved; the result, and the signals that came before it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for place, message in enumerate(client.signals):
                if message["member"] == "JobRemoved" and message["body"][1] == job:
                    return message["body"][3], client.signals[:place]
            self.assertIsNotNone(client.wait_for_message(deadline - time.monotonic()), (job, client.signals))

    def test_each_call_is_a_job_whose_end_is_told_without_subscribe_and_without_addmatch(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            client, seen = self.caller(svcd.address), set()
            for method in ("StartUnit", "StartUnit", "TryRestartUnit", "StopUnit", "StopUnit", "TryRestartUnit", "ReloadOrTryRestartUnit"):
                (job,) = client.call(*MANAGER, method, "ss", "a.service", "replace")
                self.assertRegex(job, "^/org/svcd1/job/[0-9]+$", method)
                self.assertNotIn(job, seen)
                seen.add(job)
                self.assertEqual(self.wait_for_end(client, job)[0], "done", method)
            (job,) = client.call(svcd.unit_path("a"), "org.svcd1.Unit", "Stop", "s", "replace")
            self.assertEqual(self.wait_for_end(client, job)[0], "done")

    def test_request_job_still_says_that_it_is_so_already(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            client = self.caller(svcd.address)
            for _ in range(2):  # also when the call is repeated
                answer = client.call(*MANAGER, "RequestJob", "sssa{sv}", "stop", "a.service", "replace", [("request_id", ("s", "one"))])
                self.assertEqual(answer, ["/", True])
            self.assertEqual(client.call(*MANAGER, "GetRequestResult", "s", "one"), ["/", "done"])

    # systemd/systemd#11697: a client that waits with a proxy reads the state of before the job.
    def test_the_end_of_a_job_comes_after_what_it_changed(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            client = self.caller(svcd.address)
            client.call(*MANAGER, "Subscribe")
            for method, state in (("StartUnit", "active"), ("StopUnit", "inactive"), ("RestartUnit", "active")):
                client.signals.clear()
                (job,) = client.call(*MANAGER, method, "ss", "a.service", "replace")
                _, before = self.wait_for_end(client, job)
                told = [message["body"][1]["ActiveState"] for message in before if message["member"] == "PropertiesChanged"
                        and message["path"] == svcd.unit_path("a") and "ActiveState" in message["body"][1]]
                self.assertEqual(told[-1:], [state], method)
                (shown,) = client.call(svcd.unit_path("a"), PROPERTIES, "GetAll", "s", "org.svcd1.Unit")
                self.assertEqual(shown["ActiveState"], state)

    def test_busctl_and_gdbus_ask_twice(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            for method, state in (("StartUnit", "active"), ("StopUnit", "inactive")):
                for _ in range(2):
                    said = run("busctl", "--address=" + svcd.address, "call", "org.svcd1", *MANAGER, method, "ss", "a.service", "replace")
                    self.assertIn("/org/svcd1/job/", said)
                    said = run("gdbus", "call", "--address=" + svcd.address, "--dest=org.svcd1", "--object-path=/org/svcd1",
                               "--method=org.svcd1.Manager." + method, "a.service", "replace")
                    self.assertIn("/org/svcd1/job/", said)
                svcd.wait_for("a", ActiveState=state)

    def test_over_a_message_bus_it_is_told_though_nobody_has_subscribed(self):
        with Daemon({"a.service": service(actor("a"))}) as outer:
            bus = MessageBus(outer.path("dbus")).start()
            self.addCleanup(bus.stop)
            with Daemon({"a.service": service(actor("a"))}, bus=bus.address) as svcd:
                bus.wait_for_svcd()
                client = self.caller(bus.address)
                client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", "type='signal',member='JobRemoved'",
                            destination="org.freedesktop.DBus")
                for _ in range(2):
                    (job,) = client.call(*MANAGER, "StartUnit", "ss", "a.service", "replace")
                    self.assertEqual(self.wait_for_end(client, job)[0], "done")
                svcd.wait_for("a", ActiveState="active")


class Answers(TestCase):
    def error(self, svcd, path, interface, member, *arguments):
        with self.assertRaises(dbus_client.Error) as raised:
            svcd.bus().call(path, interface, member, *arguments)
        return raised.exception.name

    def test_a_name_without_a_file_has_an_object_and_nothing_of_it_is_kept(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            (before,) = svcd.bus().call(MANAGER[0], PROPERTIES, "Get", "ss", MANAGER[1], "NNames")
            for number in range(2000):
                (path,) = svcd.manager("LoadUnit", "s", "nope%d.service" % number)
            self.assertEqual(path, svcd.unit_path("nope1999"))
            self.assertEqual(svcd.bus().call(path, PROPERTIES, "Get", "ss", "org.svcd1.Unit", "LoadState"), ["not-found"])
            (shown,) = svcd.bus().call(path, PROPERTIES, "GetAll", "s", "")
            self.assertEqual((shown["Id"], shown["ActiveState"], shown["LoadError"][0]), ("nope1999.service", "inactive", "org.svcd1.NoSuchUnit"))
            self.assertEqual(self.error(svcd, path, "org.svcd1.Unit", "Start", "s", "replace"), "org.svcd1.NoSuchUnit")
            self.assertEqual(svcd.bus().call(MANAGER[0], PROPERTIES, "Get", "ss", MANAGER[1], "NNames"), [before])
            # It is there as soon as it has a file.
            svcd.write_unit("nope7.service", service(actor("nope7")))
            self.assertEqual(svcd.bus().call(svcd.unit_path("nope7"), PROPERTIES, "Get", "ss", "org.svcd1.Unit", "LoadState"), ["loaded"])

    def test_reload_succeeds_and_the_unit_tells_what_is_wrong(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.write_unit("a.service", "Service: {ExecStart: /bin/true, TimeoutStopSecs: 1}\n")
            self.assertEqual(svcd.manager("Reload"), [])
            (shown,) = svcd.bus().call(svcd.unit_path("a"), PROPERTIES, "GetAll", "s", "org.svcd1.Unit")
            self.assertEqual(shown["LoadState"], "loaded")
            self.assertEqual(shown["LoadError"][0], "org.svcd1.BadUnitSetting")
            self.assertIn("TimeoutStopSecs", shown["LoadError"][1])
            errors, _ = svcd.manager("ReloadUnits")
            self.assertIn("TimeoutStopSecs", errors[0])
            svcd.svctl("daemon-reload", status=9)

    def test_errors_are_named_as_systemds(self):
        with Daemon({"a.service": service(actor("a"), ExecReload="/bin/true")}) as svcd:
            self.assertEqual(self.error(svcd, *MANAGER, "GetUnitByPID", "u", os.getpid()), "org.svcd1.NoUnitForPID")
            for name in ("a", "a b.service", "a.socket", "../a.service"):
                for method in ("GetUnit", "LoadUnit"):
                    self.assertEqual(self.error(svcd, *MANAGER, method, "s", name), "org.svcd1.NoSuchUnit", name)
                self.assertEqual(self.error(svcd, *MANAGER, "StartUnit", "ss", name, "replace"), "org.svcd1.NoSuchUnit", name)
            self.assertEqual(self.error(svcd, *MANAGER, "ReloadUnit", "ss", "a.service", "replace"), "org.svcd1.JobTypeNotApplicable")

    def test_exit_statuses_are_numbers_of_statuses_and_signals(self):
        with Daemon({"a.service": service(actor("a"), SuccessExitStatus="3 SIGTERM", RestartPreventExitStatus="DATAERR")}) as svcd:
            (shown,) = svcd.bus().call(svcd.unit_path("a"), PROPERTIES, "GetAll", "s", "org.svcd1.Service")
            self.assertEqual(shown["SuccessExitStatus"], ([3], [15]))
            self.assertEqual(shown["RestartPreventExitStatus"], ([65], []))
            self.assertEqual(shown["RestartForceExitStatus"], ([], []))
            self.assertEqual(svcd.svctl("show", "-P", "SuccessExitStatus", "a").stdout, "3 SIGTERM\n")

    def test_memory_is_the_cgroups_own_number_or_no_property(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            (shown,) = svcd.bus().call(svcd.unit_path("a"), PROPERTIES, "GetAll", "s", "org.svcd1.Service")
            counted = os.path.exists(os.path.join(svcd.cgroup, "system.slice/a.service/memory.current"))
            self.assertEqual("MemoryCurrent" in shown, counted)
            (unit,) = svcd.bus().call(svcd.unit_path("a"), PROPERTIES, "GetAll", "s", "org.svcd1.Unit")
            self.assertNotIn("UnitFileState", unit)
            if counted:
                self.assertTrue(0 < shown["MemoryCurrent"] < 1 << 40)
            else:
                self.assertEqual(self.error(svcd, svcd.unit_path("a"), PROPERTIES, "Get", "ss", "org.svcd1.Service", "MemoryCurrent"),
                                 "org.freedesktop.DBus.Error.UnknownProperty")

    # bus1/dbus-broker#192: who sends a body that does not fit is told so, and keeps the connection.
    def test_a_body_that_does_not_fit_its_signature_is_refused(self):
        def text(value):
            return struct.pack("<I", len(value)) + value.encode() + b"\0"
        broken = {
            ("ListUnitsByPatterns", "asas"): struct.pack("<II", 0, 400),
            ("ListUnitsByNames", "as"): struct.pack("<II", 9, 77) + b"a.service"[:1],
            ("Plan", "sass"): text("start") + bytes(2) + struct.pack("<I", 1 << 27),
            ("StartUnit", "ss"): struct.pack("<I", 500) + b"a.service\0",
            ("GetUnit", "s"): b"",
            ("GetJob", "u"): b"",
            ("RequestJob", "sssa{sv}"): text("stop") + bytes(3) + text("a.service") + bytes(2) + text("replace") + struct.pack("<I", 64),
            ("Shutdown", "sa{sv}"): text("exit") + bytes(3) + struct.pack("<I", 1000),
        }
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            client = dbus_client.Client(svcd.address, timeout=PATIENCE)
            self.addCleanup(client.close)
            calls = [(*MANAGER, member, signature, body) for (member, signature), body in broken.items()]
            calls += [(svcd.unit_path("a"), PROPERTIES, "GetAll", "s", b""), (svcd.unit_path("a"), PROPERTIES, "Get", "ss", text("x")),
                      (svcd.unit_path("a"), "org.svcd1.Unit", "Kill", "si", text("all"))]
            for path, interface, member, signature, body in calls:
                with self.subTest(member=member):
                    serial = client.send_body(path, interface, member, signature, body, "org.svcd1")
                    with self.assertRaises(dbus_client.Error) as raised:
                        client.answer_to(serial, interface, member)
                    self.assertEqual(raised.exception.name, "org.freedesktop.DBus.Error.InvalidArgs")
            self.assertEqual(client.call(*MANAGER, "GetUnit", "s", "a.service"), [svcd.unit_path("a")])


class Strangers(TestCase):
    """A bus with the policy of a system bus, and clients that do not wait."""

    def setUp(self):
        self.outer = Daemon()  # only its folder is used
        self.addCleanup(self.outer.remove_all)

    @staticmethod
    def lines(svcd, text):
        with open(svcd.errors) as log:
            return [line for line in log if text in line]

    def wait_for_line(self, svcd, text):
        deadline = time.monotonic() + PATIENCE
        while not self.lines(svcd, text):
            self.assertLess(time.monotonic(), deadline, text)
            time.sleep(0.05)

    def test_without_its_policy_that_is_said_once_and_with_it_svcd_is_there(self):
        bus = SystemBus(self.outer.path("dbus")).start()
        self.addCleanup(bus.stop)
        with Daemon({"a.service": service(actor("a"))}, bus=bus.address) as svcd:
            self.wait_for_line(svcd, "does not give svcd the name")
            monitor = dbus_client.Client(bus.address, timeout=PATIENCE)
            self.addCleanup(monitor.close)
            driver = "/org/freedesktop/DBus", "org.freedesktop.DBus"
            monitor.call(driver[0], driver[1] + ".Monitoring", "BecomeMonitor", "asu", ["member='RequestName'"], 0, destination=driver[1])
            deadline = time.monotonic() + PATIENCE
            while sum(message.get("member") == "RequestName" for message in monitor.signals) < 3:
                self.assertIsNotNone(monitor.wait_for_message(deadline - time.monotonic()), "svcd did not ask for its name again")
            svcd.svctl("start", "a")
            self.assertEqual(len(self.lines(svcd, "does not give svcd the name")), 1)
            self.assertEqual(self.lines(svcd, "connection to the message bus"), [])
            bus.install_policy()
            bus.wait_for_svcd()
            as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl", "--address=" + bus.address]
            self.assertIn("a.service", run(*as_nobody, "call", "org.svcd1", *MANAGER, "ListUnits"))
            with self.assertRaises(AssertionError) as raised:
                run(*as_nobody, "call", "org.svcd1", *MANAGER, "StopUnit", "ss", "a.service", "replace")
            self.assertIn("denied", str(raised.exception))
            run("busctl", "--address=" + bus.address, "call", "org.svcd1", *MANAGER, "StopUnit", "ss", "a.service", "replace")
            svcd.wait_for("a", ActiveState="inactive")


    # The bus is asked who a client is as soon as that has come; who has gone even before that answer can't be known to anybody.
    def test_a_call_of_a_client_that_is_gone_at_once_is_done_or_refused_aloud(self):
        bus = MessageBus(self.outer.path("dbus")).start()
        self.addCleanup(bus.stop)
        names = ["w%d" % number for number in range(20)]
        with Daemon({name + ".service": service(actor(name)) for name in names}, bus=bus.address) as svcd:
            bus.wait_for_svcd()
            for name in names:
                run("busctl", "--address=" + bus.address, "--expect-reply=no", "call", "org.svcd1", *MANAGER, "StartUnit", "ss",
                    name + ".service", "replace")

            def settled():
                started = sum(svcd.show(name)["ActiveState"] == "active" for name in names)
                refused = self.lines(svcd, "called StartUnit and was gone before")
                more = sum(map(int, re.findall(r"; and (\d+) more in 10 s", "\n".join(refused))))
                return started + len(refused) + more == len(names)
            svcd.wait_until(settled, "each start was done, or is in the log")


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
