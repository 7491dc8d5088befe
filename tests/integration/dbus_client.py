"""A D-Bus client of one page, on the standard library: enough to ask svcd and to hear its signals.

    bus = Client("unix:path=/run/svcd/bus")
    bus.call("/org/svcd1", "org.svcd1.Manager", "GetUnit", "s", "web.service")   # -> the values of the answer
    bus.wait_for_message(0.5)                                                    # any signal; kept in bus.signals

Spec: https://dbus.freedesktop.org/doc/dbus-specification.html
"""
import os
import select
import socket
import struct
import time

BASIC = {"y": "B", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d", "b": "I"}
ALIGNMENT = {"y": 1, "n": 2, "q": 2, "i": 4, "u": 4, "b": 4, "s": 4, "o": 4, "a": 4, "x": 8, "t": 8, "d": 8, "(": 8, "{": 8,
             "g": 1, "v": 1}
METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
FIELDS = {1: "path", 2: "interface", 3: "member", 4: "error", 5: "reply", 6: "destination", 7: "sender", 8: "signature"}


class Error(Exception):
    """An error answer: `name` is the D-Bus error name."""

    def __init__(self, name, message):
        super().__init__("%s: %s" % (name, message))
        self.name, self.message = name, message


def split(signature):
    """The complete types of a signature, one by one."""
    at = 0
    while at < len(signature):
        end = at
        while signature[end] == "a":
            end += 1
        if signature[end] in "({":
            depth = 0
            while True:
                depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[end], 0)
                if depth == 0:
                    break
                end += 1
        yield signature[at:end + 1]
        at = end + 1


def pad(out, alignment):
    out.extend(bytes(-len(out) % alignment))


def write(out, kind, value):
    pad(out, ALIGNMENT[kind[0]])
    if kind in BASIC:
        out.extend(struct.pack("<" + BASIC[kind], value))
    elif kind in "so":
        text = value.encode()
        out.extend(struct.pack("<I", len(text)) + text + b"\0")
    elif kind == "g":
        out.extend(bytes([len(value)]) + value.encode() + b"\0")
    elif kind == "v":  # a value of kind v is (signature, value)
        write(out, "g", value[0])
        write(out, value[0], value[1])
    elif kind[0] == "a":
        at = len(out)
        out.extend(bytes(4))
        pad(out, ALIGNMENT[kind[1]])
        begin = len(out)
        for item in value:
            write(out, kind[1:], item)
        struct.pack_into("<I", out, at, len(out) - begin)
    else:
        for part, item in zip(split(kind[1:-1]), value):
            write(out, part, item)


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def align(self, alignment):
        self.at += -self.at % alignment

    def unpack(self, form):
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self, length):
        value = self.data[self.at:self.at + length].decode()
        self.at += length + 1
        return value

    def read(self, kind):
        self.align(ALIGNMENT[kind[0]])
        if kind == "b":
            return bool(self.unpack("I"))
        if kind in BASIC:
            return self.unpack(BASIC[kind])
        if kind in "so":
            return self.text(self.unpack("I"))
        if kind == "g":
            return self.text(self.unpack("B"))
        if kind == "v":
            return self.read(self.read("g"))
        if kind[0] == "a":
            length = self.unpack("I")
            self.align(ALIGNMENT[kind[1]])
            end, items = self.at + length, []
            while self.at < end:
                items.append(self.read(kind[1:]))
            return dict(items) if kind[1] == "{" else items
        return tuple(self.read(part) for part in split(kind[1:-1]))


class Client:
    def __init__(self, address, timeout=10, destination="org.svcd1"):
        path = dict(part.split("=", 1) for part in address.split(":", 1)[1].split(",")).get("path")
        self.destination, self.timeout, self.serial, self.signals = destination, timeout, 0, []
        self.buffer = bytearray()
        self.socket = self.connect(path)
        self.socket.settimeout(timeout)
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
        line = b""
        while not line.endswith(b"\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                raise ConnectionError("closed while authenticating")
            line += byte
        if not line.startswith(b"OK"):
            raise ConnectionError("refused: %r" % line)
        self.socket.sendall(b"BEGIN\r\n")
        self.name = self.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", destination="org.freedesktop.DBus")[0]

    def connect(self, path):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(self.timeout)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        return connection

    def close(self):
        self.socket.close()

    def send(self, path, interface, member, signature, values, destination, flags=0):
        body = bytearray()
        for kind, value in zip(split(signature), values):
            write(body, kind, value)
        return self.send_body(path, interface, member, signature, body, destination, flags)

    def send_body(self, path, interface, member, signature, body, destination, flags=0):
        """`body`: the bytes of the arguments, right or wrong. `flags`: 1, no reply is expected."""
        self.serial += 1
        fields = [(1, ("o", path)), (2, ("s", interface)), (3, ("s", member)), (6, ("s", destination))]
        if signature:
            fields.append((8, ("g", signature)))
        head = bytearray(struct.pack("<BBBBII", ord("l"), METHOD_CALL, flags, 1, len(body), self.serial))
        write(head, "a(yv)", fields)
        pad(head, 8)
        self.socket.sendall(head + body)
        return self.serial

    def receive(self, deadline):
        """The next message as a dict, or None when the deadline passes first."""
        while True:
            if len(self.buffer) >= 16:
                body, _, fields = struct.unpack_from("<III", self.buffer, 4)
                size = 16 + fields + (-fields % 8) + body
                if len(self.buffer) >= size:
                    data = bytes(self.buffer[:size])
                    del self.buffer[:size]
                    reader = Reader(data, 12)
                    message = {FIELDS.get(code, code): value for code, value in reader.read("a(yv)")}
                    reader.align(8)
                    message["type"] = data[1]
                    message["body"] = [reader.read(kind) for kind in split(message.get("signature", ""))]
                    return message
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the bus closed the connection")
            self.buffer += data

    def call(self, path, interface, member, signature="", *values, destination=None, timeout=None):
        """Calls a method; the values of its answer, as a list."""
        serial = self.send(path, interface, member, signature, values, destination or self.destination)
        return self.answer_to(serial, interface, member, timeout)

    def answer_to(self, serial, interface, member, timeout=None):
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            message = self.receive(deadline)
            if message is None:
                raise TimeoutError("%s.%s was not answered" % (interface, member))
            if message["type"] == SIGNAL:
                self.signals.append(message)
            elif message.get("reply") == serial:
                if message["type"] == ERROR:
                    raise Error(message["error"], message["body"][0] if message["body"] else "")
                return message["body"]

    def wait_for_message(self, seconds):
        """Waits for a signal, at most so long."""
        message = self.receive(time.monotonic() + seconds)
        if message is not None:
            self.signals.append(message)
        return message
