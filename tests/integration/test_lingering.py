"""Descriptors that strangers send, and whose close waits: it is not svcd's manager that waits."""
import contextlib
import os
import signal
import socket
import time
import unittest

from harness import NOBODY, SLACK, Daemon, TestCase, actor, service
from helpers import floods
from helpers.floods import give_away, lingering_socket

HOUR = 3600


class Lingering(TestCase):
    def setUp(self):
        self.kept = contextlib.ExitStack()
        self.addCleanup(self.kept.close)

    def lingering(self):
        client, connected = lingering_socket(HOUR)
        for end in connected:
            self.kept.callback(end.close)
        return client

    @contextlib.contextmanager
    def root_is_answered(self):
        with Daemon({"web.service": service(actor("web"))}) as svcd:
            svcd.svctl("start", "web")
            manager = svcd.manager_pid()
            yield svcd
            for _ in range(3):
                began = time.monotonic()
                svcd.svctl("is-active", "web")
                self.assertLess(time.monotonic() - began, 3 * SLACK)
            self.assertEqual(svcd.manager_pid(), manager)

    def notify_socket(self, svcd):
        notify = self.kept.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        with floods.as_user(NOBODY):
            notify.connect(svcd.run + "/notify")
        return notify

    def test_in_notifications(self):
        with self.root_is_answered() as svcd:
            for text in (b"STATUS=x", b"FDSTORE=1", b"BARRIER=1"):
                self.assertTrue(give_away(self.notify_socket(svcd), text, self.lingering()))

    def test_in_the_queue_of_another_socket(self):
        with self.root_is_answered() as svcd:
            for _ in range(3):
                outer, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
                self.assertTrue(give_away(outer, b"x", self.lingering()))
                outer.close()
                self.assertTrue(give_away(self.notify_socket(svcd), b"BARRIER=1", inner))

    def test_before_a_manager_that_takes_over(self):
        with Daemon({"web.service": service(actor("web"))}) as svcd:
            svcd.svctl("start", "web")
            manager = svcd.manager_pid()
            os.kill(manager, signal.SIGSTOP)
            for _ in range(20):
                self.assertTrue(give_away(self.notify_socket(svcd), b"STATUS=x", self.lingering()))
            began = time.monotonic()
            os.kill(manager, signal.SIGKILL)
            svcd.svctl("is-active", "web")
            self.assertLess(time.monotonic() - began, 5 * SLACK)
            self.assertNotEqual(svcd.manager_pid(), manager)

    def test_to_the_private_socket(self):
        with self.root_is_answered() as svcd:
            for text in (b"\0AUTH EXTERNAL", b"\0"):
                client = socket.socket(socket.AF_UNIX)
                with floods.as_user(NOBODY):
                    client.connect(svcd.run + "/bus")
                give_away(client, text, self.lingering())  # which Linux 6.16 refuses
                client.close()

    def test_a_stop_has_its_deadline_meanwhile(self):
        deaf = service(actor("deaf", "ready", "deaf=15"), Type="notify", TimeoutStopSec="1s")
        with Daemon({"deaf.service": deaf}, exit_status=None) as svcd:
            svcd.svctl("start", "deaf")
            with floods.flood(floods.descriptors_that_linger(svcd.run + "/notify")):
                began = time.monotonic()
                svcd.svctl("stop", "deaf")
                took = time.monotonic() - began
            self.assertGreaterEqual(took, 1)
            self.assertLess(took, 1 + 2 * SLACK)


if __name__ == "__main__":
    unittest.main()
