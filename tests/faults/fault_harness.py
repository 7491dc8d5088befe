"""A svcd whose manager can be killed at a system call of one's choice, or have the call fail (svcd_fault.cc).

    with FaultyDaemon(units) as svcd:
        svcd.rule("fail=ENOSPC name=pwrite64 path=/run/state times=always")
        svcd.svctl("start", "web", status=1)
        svcd.heal()
"""
import contextlib
import os
import socket
import subprocess
import sys
import time

FAULTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(FAULTS), "integration"))

import dbus_client  # noqa: E402  (the line above finds it)
import harness  # noqa: E402

SVCD_FAULT = os.environ.get("SVCD_FAULT_BIN", "")
MANAGER = os.environ.get("SVCD_MANAGER_BIN", "")
LOST = (OSError, ConnectionError, TimeoutError, dbus_client.Error)


class Tracer:
    """`svcd-fault --serve`, in a folder of the test's; it ends when its connection is closed."""

    def __init__(self, folder):
        self.address, self.log = os.path.join(folder, "fault.socket"), os.path.join(folder, "fault.log")
        self.process = subprocess.Popen([SVCD_FAULT, "--serve", self.address, self.log], stdin=subprocess.DEVNULL,
                                        start_new_session=True, preexec_fn=harness.end_with_parent)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        deadline = time.monotonic() + harness.PATIENCE
        while self.socket.connect_ex(self.address) != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError("svcd-fault does not serve")
            time.sleep(0.002)
        self.ask("status")

    def ask(self, message):
        self.socket.sendall(message.encode())
        return self.socket.recv(1024).decode()

    def rule(self, text):
        answer = self.ask("rule " + text)
        if answer != "ok":
            raise ValueError("%s: %s" % (text, answer))

    def status(self):
        """managers, calls (of the newest manager) and acts, as numbers."""
        return {key: int(value) for key, value in (word.split("=") for word in self.ask("status").split())}

    def lines(self):
        self.ask("status")  # which writes out what it has
        with open(self.log, errors="replace") as text:
            return text.read().splitlines()

    def close(self):
        self.socket.close()
        self.process.wait(harness.PATIENCE)


class FaultyDaemon(harness.Daemon):
    """`rules` hold from the first manager's execve on."""

    def __init__(self, units=None, rules=(), environment=None, **others):
        super().__init__(units, environment=dict(environment or {}, SVCD_MANAGER=SVCD_FAULT, SVCD_FAULT_MANAGER=MANAGER), **others)
        self.rules, self.tracer = rules, None

    def start(self):
        self.tracer = Tracer(self.directory)
        self.environment["SVCD_FAULT_SOCKET"] = self.tracer.address
        for rule in self.rules:
            self.tracer.rule(rule)
        super().start()

    def end(self):
        problems = super().end()
        self.tracer.close()
        return problems

    def remove_all(self):
        super().remove_all()
        if self.tracer is not None and self.tracer.process.poll() is None:
            self.tracer.process.kill()
            self.tracer.process.wait()

    def rule(self, text):
        self.tracer.rule(text)

    def acts(self):
        return self.tracer.status()["acts"]

    def heal(self):
        self.tracer.ask("clear")

    # ── a manager that may die at any moment ─────────────────────────────────────────────────────────────────────────
    def manager(self, method, signature="", *values):
        return self.try_again(lambda: super(FaultyDaemon, self).manager(method, signature, *values))

    def show(self, unit):
        return self.try_again(lambda: super(FaultyDaemon, self).show(unit))

    def try_again(self, question):
        """Asks until there is an answer: for what may be asked twice."""
        deadline = time.monotonic() + harness.PATIENCE
        while True:
            try:
                return question()
            except LOST as error:
                # An error that svcd answers with is an answer, but not "the peer went" of the library below it.
                if isinstance(error, dbus_client.Error) or time.monotonic() > deadline:
                    raise
            with contextlib.suppress(*LOST):
                self.disconnect()
            time.sleep(0.003)
