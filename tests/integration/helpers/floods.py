"""Attacks on the private socket and the notification socket, by whoever may change nothing: for tests, and for tests/bench/floods.py."""
import array
import contextlib
import functools
import os
import select
import signal
import socket
import struct
import time

import dbus_client
from harness import NOBODY, PATIENCE, end_with_parent

MANAGER = "/org/svcd1", "org.svcd1.Manager"
MEBIBYTE = 1 << 20


# ── who ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@contextlib.contextmanager
def as_user(uid):
    """What connects meanwhile is of this user: the kernel notes it then."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def stranger(address, uid=NOBODY):
    with as_user(uid):
        return dbus_client.Client(address, timeout=PATIENCE)


def run_for_ever(prepare, user, pipe):
    """In a child: attack = prepare(), then attack() again and again; both anew after an error."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(900)
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    end_with_parent()
    while True:
        with contextlib.suppress(OSError, dbus_client.Error):
            attack = prepare()
            if pipe is not None:
                os.write(pipe, b".")
                pipe = os.close(pipe)
            while True:
                attack()


@contextlib.contextmanager
def flood(prepare, processes=1, users=(NOBODY,)):
    """So many processes of each of these users (None: root) run an attack, once each has begun."""
    children = []
    try:
        for user in [user for user in users for _ in range(processes)]:
            begun, pipe = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    run_for_ever(prepare, user, pipe)
                finally:
                    os._exit(1)
            children.append(child)
            os.close(pipe)
            has_begun = os.read(begun, 1) == b"."
            os.close(begun)
            if not has_begun:
                raise AssertionError("a flood did not begin")
        yield children
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


# ── the pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────
def header(body_size, fields_size=0, serial=7):
    return struct.pack("<BBBBIII", ord("l"), dbus_client.METHOD_CALL, 0, 1, body_size, serial, fields_size)


def call_bytes(client, path, member, signature, values, flags=0):
    """A call as bytes, not sent."""
    sent, connection = bytearray(), client.socket

    class Catcher:
        sendall = staticmethod(sent.extend)
    client.socket = Catcher
    try:
        client.send(*path, member, signature, values, "org.svcd1", flags)
    finally:
        client.socket = connection
    return sent


def send_some(client, data):
    """Sends as much as is taken without a wait, or all; how much that was."""
    client.socket.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while sent < len(data):
            sent += client.socket.send(data[sent:])
    return sent


def connect_and_leave(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.setblocking(False)
        connection.connect(path)


# ── attacks: each makes a prepare() of flood() ───────────────────────────────────────────────────────────────────────
def connections_that_come_and_go(path):
    return lambda: functools.partial(connect_and_leave, path)


def clients_that_come_and_go(address):
    """Each says who it is, and leaves."""
    return lambda: lambda: dbus_client.Client(address, timeout=PATIENCE).close()


class Caller:
    """One connection that has its calls in the socket at all times, and takes the answers, or doesn't."""

    def __init__(self, address, path, calls, reads):
        self.client, self.reads = dbus_client.Client(address, timeout=PATIENCE), reads
        self.batch = b"".join(bytes(call_bytes(self.client, path, *call)) for call in calls)
        self.at = 0
        self.client.socket.setblocking(False)

    def go_on(self, events):
        with contextlib.suppress(BlockingIOError):
            if events & select.EPOLLOUT:
                self.at = (self.at + self.client.socket.send(self.batch[self.at:])) % len(self.batch)
        with contextlib.suppress(BlockingIOError):
            if events & select.EPOLLIN and not self.client.socket.recv(MEBIBYTE):
                raise ConnectionError("svcd hung up")


def callers(address, calls, connections, path=MANAGER, reads=True):
    """So many connections that make these calls, (member, signature, values), without pause."""
    def prepare():
        poll, all_of_them = select.epoll(), {}
        for _ in range(connections):
            caller = Caller(address, path, calls * 20, reads)
            all_of_them[caller.client.socket.fileno()] = caller
            poll.register(caller.client.socket, select.EPOLLOUT | (select.EPOLLIN if reads else 0))

        def attack():
            for descriptor, events in poll.poll(1):
                try:
                    all_of_them[descriptor].go_on(events)
                except OSError:  # it was cut: another one takes its place
                    del all_of_them[descriptor]
                    caller = Caller(address, path, calls * 20, reads)
                    all_of_them[caller.client.socket.fileno()] = caller
                    poll.register(caller.client.socket, select.EPOLLOUT | (select.EPOLLIN if reads else 0))
        return attack
    return prepare


def callers_who_want_no_answer(address, unit, nice=0):
    """svcd never finds their sockets empty."""
    def prepare():
        os.nice(nice)
        client = dbus_client.Client(address, timeout=PATIENCE)
        batch = call_bytes(client, MANAGER, "GetUnit", "s", (unit,), flags=1) * 200
        client.socket.settimeout(None)
        return lambda: client.socket.sendall(batch)
    return prepare


def idle_connections(address, connections):
    def prepare():
        clients = [dbus_client.Client(address, timeout=PATIENCE) for _ in range(connections)]
        return lambda: (time.sleep(1), clients)
    return prepare


def subscribers(address, connections):
    """They take what they are told."""
    def prepare():
        clients = []
        for _ in range(connections):
            clients.append(dbus_client.Client(address, timeout=PATIENCE))
            with contextlib.suppress(dbus_client.Error):
                clients[-1].call(*MANAGER, "Subscribe")

        def attack():
            for connection in select.select([client.socket for client in clients], [], [], 1)[0]:
                if not connection.recv(MEBIBYTE):
                    raise ConnectionError("svcd hung up")
        return attack
    return prepare


def big_messages(address, connections, size):
    """Messages that say that they are so large, and are sent as fast as svcd takes them."""
    def prepare():
        clients = [dbus_client.Client(address, timeout=PATIENCE) for _ in range(connections)]
        piece, sent = bytes(MEBIBYTE), dict.fromkeys(clients, 0)

        def attack():
            _, ready, _ = select.select([], [client.socket for client in clients], [], 1)
            for client in clients:
                if client.socket not in ready:
                    continue
                data = header(size) if sent[client] == 0 else piece[:max(1, size + 16 - sent[client])]
                sent[client] += client.socket.send(data, socket.MSG_DONTWAIT)
                if sent[client] >= size + 16:
                    sent[client] = 0
        return attack
    return prepare


def notifications(path, nice=0):
    """svcd finds that they come from no unit."""
    def prepare():
        os.nice(nice)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.connect(path)
        return lambda: notify.send(b"STATUS=flood")
    return prepare


def descriptors_in_datagrams(path):
    def prepare():
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.connect(path)
        opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", opened))]
        return lambda: notify.sendmsg([b"FDSTORE=1\nFDNAME=flood"], ancillary)
    return prepare


def lingering_socket(seconds):
    """Its last close waits so long: there is something to send, and nobody reads it. Also what it is connected to."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            client.send(bytes(65536))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, seconds))
    return client, (listener, server)


def give_away(connection, text, given):
    """Sends the socket with a text by a child, which is its last owner here: who closes it last waits, but not who ends. False: refused."""
    closed, pipe = os.pipe()
    child = os.fork()
    if child == 0:
        refused = 1
        os.close(pipe)
        os.read(closed, 1)  # until the parent has closed it
        with contextlib.suppress(OSError):
            connection.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [given.fileno()]))])
            refused = 0
        os._exit(refused)
    given.close()
    os.close(pipe)
    os.close(closed)
    return os.waitpid(child, 0)[1] == 0


def descriptors_that_linger(path, kept=64):
    """Each would hold whoever closes it last for an hour."""
    def prepare():
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.connect(path)
        ends = []

        def attack():
            client, connected = lingering_socket(3600)
            ends.append(connected)
            give_away(notify, b"FDSTORE=1", client)
            if len(ends) > kept:
                for end in ends.pop(0):
                    end.close()
        return attack
    return prepare
