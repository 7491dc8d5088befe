"""Who gets in at the private socket: its mode and group, the owner's own door, and what others do to keep root out."""
import contextlib
import os
import socket
import stat
import time

import dbus_client
import test_bus
from harness import PATIENCE, SLACK, Daemon, TestCase, actor, service
from helpers import floods
from helpers.floods import MANAGER, NOBODY

DAEMON_GROUP = 1


def door(svcd, name="bus"):
    status = os.stat(os.path.join(svcd.run, name))
    return oct(stat.S_IMODE(status.st_mode)), status.st_gid


@contextlib.contextmanager
def as_member(group):
    os.setegid(group)
    try:
        with floods.as_user(NOBODY):
            yield
    finally:
        os.setegid(0)


class Modes(TestCase):
    def test_supervisor_173_a_group_is_let_in_and_nobody_else(self):
        with Daemon({"a.service": service(actor("a"))}, config="BusMode: 0660\nBusGroup: daemon\n") as svcd:
            for _ in range(2):
                self.assertEqual(door(svcd), ("0o660", DAEMON_GROUP))
                with self.assertRaises(PermissionError):
                    floods.stranger(svcd.address)
                with as_member(DAEMON_GROUP), contextlib.closing(dbus_client.Client(svcd.address, timeout=PATIENCE)) as member:
                    self.assertEqual(member.call(*MANAGER, "GetUnit", "s", "a.service"), [svcd.unit_path("a")])
                    with self.assertRaises(dbus_client.Error) as refused:  # the mode decides who may look, never who may change
                        member.call(*MANAGER, "StartUnit", "ss", "a.service", "replace")
                    self.assertEqual(refused.exception.name, "org.freedesktop.DBus.Error.AccessDenied")
                asked = svcd.svctl("is-active", "a", user=NOBODY, status=6)
                self.assertIn("its socket is not for everybody (BusMode and BusGroup", asked.stderr)
                svcd.svctl("start", "a")
                svcd.kill_manager()

    def test_without_a_word_everybody_may_look(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            self.assertEqual(door(svcd), ("0o666", 0))
            self.assertEqual(door(svcd, "owner-bus"), ("0o600", 0))
            floods.stranger(svcd.address).close()
            with self.assertRaises(PermissionError):
                floods.stranger("unix:path=%s/owner-bus" % svcd.run)

    def test_what_is_no_mode_and_no_group_is_said_and_ignored(self):
        with Daemon({"a.service": service(actor("a"))}, config="BusMode: 0640\nBusMode: rw\nBusGroup: no-such-group\n") as svcd:
            self.assertEqual(door(svcd), ("0o640", 0))
            said = svcd.read_errors()
            self.assertIn("BusMode: 'rw' is not a file mode in octal", said)
            self.assertIn("BusMode is 0640", said)
            self.assertIn("BusGroup: 'no-such-group' is no group in /etc/group", said)


class Storms(TestCase):
    def test_dbus_broker_463_who_comes_and_goes_without_end_does_not_keep_root_out(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            waits = []
            with floods.flood(floods.connections_that_come_and_go(os.path.join(svcd.run, "bus")), 4):
                for _ in range(20):
                    began = time.monotonic()
                    svcd.svctl("is-active", "a")
                    waits.append(time.monotonic() - began)
            self.assertLess(sorted(waits)[10], 0.3 * SLACK)

    def test_without_a_door_of_its_own_root_is_served_all_the_same(self):
        """As by a svcd of before, and for every other client of root's."""
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            os.unlink(os.path.join(svcd.run, "owner-bus"))
            svcd.svctl("start", "a")
            self.assertEqual(svcd.svctl("is-active", "a").stdout, "active\n")
            svcd.kill_manager()
            self.assertEqual(door(svcd, "owner-bus"), ("0o600", 0))

    def test_dbus_broker_435_more_connections_than_svcd_may_have_descriptors_do_not_end_it(self):
        with Daemon({"a.service": service(actor("a"))}, prefix=["prlimit", "--nofile=80:80"]) as svcd, contextlib.ExitStack() as clients:
            manager = svcd.manager_pid()
            for number in range(200):
                client = socket.socket(socket.AF_UNIX)
                clients.callback(client.close)
                with floods.as_user(NOBODY - 2 - number % 4):
                    client.connect(os.path.join(svcd.run, "bus"))
            svcd.svctl("start", "a")
            self.assertEqual(svcd.svctl("is-active", "a").stdout, "active\n")
            self.assertEqual(svcd.manager_pid(), manager)

    def test_pac4cli_57_connections_of_root_that_nobody_uses_do_not_keep_root_out(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd, contextlib.ExitStack() as clients:
            for _ in range(300):
                clients.callback(dbus_client.Client(svcd.address, timeout=PATIENCE).close)
            svcd.svctl("start", "a")
            self.assertEqual(svcd.svctl("is-active", "a").stdout, "active\n")

    def test_dbus_broker_236_who_reads_no_answer_costs_no_other_client_of_its_user_its_connection(self):
        units = {"unit%d.service" % number: service("/bin/true", {"Description": "x" * 50_000}) for number in range(60)}
        with Daemon({"a.service": service(actor("a")), **units}) as svcd, contextlib.ExitStack() as clients:
            reader = floods.stranger(svcd.address)
            clients.callback(reader.close)
            for _ in range(10):
                deaf = floods.stranger(svcd.address)
                clients.callback(deaf.close)
                deaf.send(*MANAGER, "ListUnits", "", (), "org.svcd1")
            for _ in range(3):
                self.assertEqual(reader.call(*MANAGER, "GetUnit", "s", "a.service"), [svcd.unit_path("a")])


class Credentials(TestCase):
    def test_systemd_43715_a_list_asks_the_message_bus_for_its_caller_once(self):
        units = {"unit%d.service" % number: service("/bin/true") for number in range(100)}
        with Daemon(units, bus="unix:path=%(directory)s/message-bus") as svcd:
            bus = test_bus.MessageBus(svcd.path("message-bus"))
            bus.start()
            self.addCleanup(bus.stop)
            bus.wait_for_svcd()
            monitor = dbus_client.Client(bus.address, timeout=PATIENCE)
            self.addCleanup(monitor.close)
            driver = "/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring"
            monitor.call(*driver, "BecomeMonitor", "asu", [], 0, destination="org.freedesktop.DBus")
            caller = dbus_client.Client(bus.address, timeout=PATIENCE)
            self.addCleanup(caller.close)
            for _ in range(3):
                self.assertGreater(len(caller.call(*MANAGER, "ListUnits")[0]), 100)
            caller.call("/org/svcd1", "org.freedesktop.DBus.Peer", "Ping")
            seen = []
            while not seen or seen[-1].get("member") != "Ping":
                seen.append(monitor.receive(time.monotonic() + PATIENCE))
                self.assertIsNotNone(seen[-1], "the monitor is not told")
            self.assertEqual([message.get("member") for message in seen].count("ListUnits"), 3)
            # It asks about each client when that comes, and never again.
            asked = [message["body"][0] for message in seen if message.get("member") == "GetConnectionCredentials"]
            self.assertIn(caller.name, asked)
            self.assertEqual(sorted(asked), sorted(set(asked)))
