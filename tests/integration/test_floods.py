"""Whatever a stranger sends to the private socket, or does not read, svcd's memory stays small and root is answered."""
import contextlib
import os
import random
import resource
import signal
import struct
import subprocess
import time
import unittest

import dbus_client
from harness import PATIENCE, SANITIZED, SLACK, SVCTL, Daemon, TestCase, actor, service
from helpers import floods
from helpers.floods import MANAGER, MEBIBYTE, NOBODY, header, send_some

def resident(svcd):
    """The manager's memory in bytes."""
    with open("/proc/%d/status" % svcd.manager_pid()) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) * 1024


@contextlib.contextmanager
def full_line(svcd):
    """The manager stands still, and nobody has filled the line before its socket."""
    svcd.disconnect()
    manager, path = svcd.manager_pid(), os.path.join(svcd.run, "bus")
    os.kill(manager, signal.SIGSTOP)
    try:
        with floods.as_user(NOBODY), contextlib.suppress(BlockingIOError):
            while True:
                floods.connect_and_leave(path)
        yield
    finally:
        os.kill(manager, signal.SIGCONT)


class Bytes(TestCase):
    LARGE = 100 * MEBIBYTE

    def setUp(self):
        self.clients = contextlib.ExitStack()
        self.addCleanup(self.clients.close)

    def keep(self, client):
        self.clients.callback(client.close)
        return client

    def check_root(self, svcd):
        """Root's svctl, and a call on an open connection, are answered."""
        began = time.monotonic()
        self.assertEqual(svcd.manager("GetUnit", "s", "a.service"), [svcd.unit_path("a")])
        self.assertLess(time.monotonic() - began, 0.5 * SLACK)
        svcd.svctl("is-active", "a", status=3)

    def check_small(self, svcd, idle):
        if not SANITIZED:  # AddressSanitizer keeps what was freed
            self.assertLess(resident(svcd) - idle, 16 * MEBIBYTE)
        self.assertEqual(svcd.manager_pid(), self.manager)

    def daemon(self, units=0):
        """`units`: so many whose descriptions make an answer of a megabyte each twenty."""
        several = {"unit%d.service" % number: service("/bin/true", {"Description": "x" * 50_000}) for number in range(units)}
        return Daemon({"a.service": service(actor("a")), **several})

    def begin(self, svcd):
        self.check_root(svcd)
        self.manager = svcd.manager_pid()
        return resident(svcd)

    def test_eight_half_sent_messages_of_100_mb(self):
        with self.daemon() as svcd:
            idle = self.begin(svcd)
            half = header(self.LARGE) + bytes(self.LARGE // 2)
            clients = [(self.keep(floods.stranger(svcd.address)), 0) for _ in range(8)]
            deadline = time.monotonic() + PATIENCE
            # svcd reads them and throws them away: as long as it does, all of it is sent.
            while clients and time.monotonic() < deadline:
                clients = [(client, sent + send_some(client, half[sent:sent + MEBIBYTE])) for client, sent in clients]
                clients = [(client, sent) for client, sent in clients if sent < len(half)]
                self.check_small(svcd, idle)
            self.assertEqual(clients, [])
            self.check_root(svcd)
            self.check_small(svcd, idle)

    def test_half_of_what_is_allowed_from_all_connections(self):
        with self.daemon() as svcd:
            idle = self.begin(svcd)
            for _ in range(150):
                send_some(self.keep(floods.stranger(svcd.address)), header(63 * 1024) + bytes(62 * 1024))
            self.check_root(svcd)
            self.check_small(svcd, idle)

    def test_calls_of_64_mb(self):
        with self.daemon() as svcd:
            idle = self.begin(svcd)
            body = bytearray()
            dbus_client.write(body, "s", "x" * 64 * MEBIBYTE)
            for _ in range(5):
                client = self.keep(floods.stranger(svcd.address))
                serial = client.send_body(*MANAGER, "GetUnit", "s", body, "org.svcd1")
                self.check_small(svcd, idle)
                with self.assertRaises(dbus_client.Error) as raised:
                    client.answer_to(serial, *MANAGER)
                self.assertEqual(raised.exception.name, "org.freedesktop.DBus.Error.LimitsExceeded")
                # It is told what was wrong, and goes on.
                self.assertEqual(client.call(*MANAGER, "GetUnit", "s", "a.service"), [svcd.unit_path("a")])
            self.check_root(svcd)
            self.check_small(svcd, idle)

    def test_ten_that_read_no_answer(self):
        with self.daemon(units=60) as svcd:
            idle = self.begin(svcd)
            for _ in range(10):
                client = self.keep(floods.stranger(svcd.address))
                for _ in range(20):
                    client.send(*MANAGER, "ListUnits", "", (), "org.svcd1")
            for _ in range(20):
                self.check_root(svcd)
                self.check_small(svcd, idle)
            # Who does read is answered meanwhile, also of another user.
            reader = self.keep(floods.stranger(svcd.address, 65533))
            for _ in range(3):
                self.assertEqual(len(reader.call(*MANAGER, "ListUnits")[0]), len(svcd.manager("ListUnits")[0]))
            self.check_small(svcd, idle)

    @unittest.skipIf(SANITIZED, "a sanitizer needs address space without bound")
    def test_a_manager_without_memory_for_an_answer_lives_on(self):
        with self.daemon(units=60) as svcd:
            self.begin(svcd)
            with open("/proc/%d/statm" % self.manager) as sizes:
                size = int(sizes.read().split()[0]) * resource.getpagesize()
            client, told = self.keep(floods.stranger(svcd.address)), set()
            _, hard = resource.prlimit(self.manager, resource.RLIMIT_AS)
            resource.prlimit(self.manager, resource.RLIMIT_AS, (size + MEBIBYTE, hard))
            try:
                for _ in range(10):
                    try:
                        client.call(*MANAGER, "ListUnits")
                    except dbus_client.Error as error:
                        told.add(error.name)
                    except ConnectionError:
                        client = self.keep(floods.stranger(svcd.address))
                        told.add("cut")
            finally:
                resource.prlimit(self.manager, resource.RLIMIT_AS, (hard, hard))
            self.assertNotEqual(told, set())
            self.assertEqual(svcd.manager_pid(), self.manager)
            self.check_root(svcd)
            self.assertGreater(len(client.call(*MANAGER, "ListUnits")[0]), 60)

    def test_messages_that_are_none(self):
        with self.daemon() as svcd:
            idle = self.begin(svcd)
            for data in (b"\xff" * 5000, header(10, 0xffffff), header(0xfffffff0, 0xfffffff0), header(0, 8) + bytes(8), header(0)):
                client = self.keep(floods.stranger(svcd.address))
                client.socket.sendall(data)
                with self.assertRaises((ConnectionError, TimeoutError)):
                    client.call(*MANAGER, "GetUnit", "s", "a.service", timeout=1)
                self.check_root(svcd)
            self.check_small(svcd, idle)


class Calls(TestCase):
    CALLS = [("ListUnits", "", ()), ("ListUnitsDetailed", "", ()), ("ListUnitsByPatterns", "asas", ([], ["*e*e*q"] * 100)),
             ("GetUnitByPID", "u", (1,)), ("GetUnitProcesses", "s", ("a.service",)), ("ExamineUnit", "s", ("a.service",)),
             ("GetStopTimeline", "", ()), ("GetBootTimeline", "", ()), ("Plan", "sass", ("start", ["a.service"], "replace"))]

    def test_whatever_strangers_ask_for_root_is_answered(self):
        units = {"unit%d.service" % number: service("/bin/true") for number in range(300)}
        with Daemon({"a.service": service(actor("a")), **units}) as svcd:
            svcd.svctl("start", "a")
            for method, signature, values in self.CALLS:
                ask = floods.callers(svcd.address, [(method, signature, values)], 1)
                with self.subTest(method=method), floods.flood(ask, 3):
                    waits = []
                    for _ in range(20):
                        began = time.monotonic()
                        svcd.manager("GetUnit", "s", "a.service")
                        waits.append(time.monotonic() - began)
                    self.assertLess(sorted(waits)[10], 0.1 * SLACK)
                    svcd.svctl("is-active", "a")


class Mutations(TestCase):
    MESSAGES = 5000

    @staticmethod
    def mutate(draw, message):
        for _ in range(draw.choice([0, 0, 1, 1, 2, 5])):
            kind, at = draw.random(), draw.randrange(len(message))
            if kind < 0.6:
                message[at] = draw.randrange(256)
            elif kind < 0.7:
                del message[max(at, 16):]
            elif kind < 0.8:
                message[at:at] = bytes(draw.randrange(256) for _ in range(draw.randrange(20)))
            else:  # a length in its header
                struct.pack_into("<I", message, draw.choice([4, 12]), draw.choice([0, 1, 7, 65536, 100000, 1 << 27]))

    def test_no_message_is_taken_for_another_clients(self):
        draw = random.Random(4711)
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            calls = [(MANAGER, "StartUnit", "ss", ("a.service", "replace")), (MANAGER, "ListUnits", "", ()),
                     (MANAGER, "GetUnitProcesses", "s", ("a.service",)), (("/", "org.freedesktop.DBus.Peer"), "Ping", "", ()),
                     ((svcd.unit_path("a"), "org.freedesktop.DBus.Properties"), "GetAll", "s", ("",))]
            manager, sent = svcd.manager_pid(), 0
            while sent < self.MESSAGES:
                client = floods.stranger(svcd.address)
                client.socket.setblocking(False)
                with contextlib.suppress(OSError):
                    for _ in range(20):
                        message = floods.call_bytes(client, *draw.choice(calls))
                        self.mutate(draw, message)
                        client.socket.send(message)
                        sent += 1
                client.close()
                # Root's own call is answered with its own answer, and what nobody may not do is not done.
                self.assertEqual(svcd.manager("GetUnit", "s", "a.service"), [svcd.unit_path("a")])
            self.assert_shows(svcd, "a", ActiveState="inactive")
            self.assertEqual(svcd.manager_pid(), manager)


class Places(TestCase):
    def test_idle_connections_of_one_user_shut_nobody_out(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd, contextlib.ExitStack() as clients:
            for uid in (NOBODY, NOBODY - 2, NOBODY - 3):
                for _ in range(70):
                    client = floods.stranger(svcd.address, uid)
                    clients.callback(client.close)
                    if _ % 2:
                        with contextlib.suppress(dbus_client.Error):  # who subscribes is idle too
                            client.call(*MANAGER, "Subscribe")
            other = floods.stranger(svcd.address, NOBODY - 4)
            clients.callback(other.close)
            self.assertEqual(other.call(*MANAGER, "GetUnit", "s", "a.service"), [svcd.unit_path("a")])
            with floods.as_user(NOBODY):  # and the same user's next one
                another = dbus_client.Client(svcd.address, timeout=PATIENCE)
            clients.callback(another.close)
            self.assertEqual(another.call(*MANAGER, "GetUnit", "s", "a.service"), [svcd.unit_path("a")])
            svcd.svctl("start", "a")

    @staticmethod
    def begin_as_nobody(svcd, *arguments):
        return subprocess.Popen([SVCTL, *arguments], env=svcd.environment, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, user=NOBODY, group=NOBODY, extra_groups=[])

    def test_svctl_waits_for_its_place_in_the_line(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            with full_line(svcd):
                asks = self.begin_as_nobody(svcd, "is-active", "a")
                with self.assertRaises(subprocess.TimeoutExpired):
                    asks.wait(1)  # at once it would end with EAGAIN
            out, err = asks.communicate(timeout=PATIENCE)
            self.assertEqual((asks.returncode, out, err), (3, "inactive\n", ""))

    def test_svctl_says_that_the_line_stayed_full(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            with full_line(svcd):
                asks = self.begin_as_nobody(svcd, "is-active", "a")
                _, err = asks.communicate(timeout=PATIENCE)
            self.assertEqual(asks.returncode, 5)
            self.assertIn("the line before its socket was full", err)

    def test_root_does_not_stand_in_the_line_of_others(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            with full_line(svcd):
                asks = svcd.begin("is-active", "a")
                with self.assertRaises(subprocess.TimeoutExpired):
                    asks.wait(6)  # so long a stranger waits for a place in the line
            out, err = asks.communicate(timeout=PATIENCE)
            self.assertEqual((asks.returncode, out, err), (3, "inactive\n", ""))

    def test_while_strangers_come_and_go_svctl_gets_through(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            with floods.flood(floods.connections_that_come_and_go(os.path.join(svcd.run, "bus")), 4):
                for _ in range(25):
                    svcd.svctl("is-active", "a")


class Signals(TestCase):
    def test_190_who_want_to_subscribe_do_not_slow_a_start(self):
        units = {"unit%d.service" % number: service(actor("unit%d" % number)) for number in range(40)}
        with Daemon(units) as svcd, contextlib.ExitStack() as clients:
            told = 0
            for number in range(190):
                client = floods.stranger(svcd.address, NOBODY - 2 - number // 60)
                clients.callback(client.close)
                with contextlib.suppress(dbus_client.Error):
                    client.call(*MANAGER, "Subscribe")
                    told += 1
            self.assertGreater(told, 0)
            self.assertLessEqual(told, 32)
            manager = svcd.manager_pid()
            svcd.svctl("start", *units)
            self.assertEqual({state for name, state in svcd.states().items() if name in units}, {("active", "running")})
            self.assertEqual(svcd.manager_pid(), manager)
