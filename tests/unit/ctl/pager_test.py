"""svctl on a terminal: which pager it starts, and with what in its environment."""
import os
import pty
import tempfile
import unittest

SVCTL = os.environ["SVCTL"]
NOBODY = "4294967295"


def login_user():
    try:
        with open("/proc/self/loginuid", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return NOBODY


def shown_on_a_terminal(command, environment):
    child, terminal = pty.fork()
    if child == 0:
        os.execve("/bin/sh", ["sh", "-c", "stty rows 24 cols 80; exec " + command], environment)
    text = b""
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:  # the last one on the other side has gone
            block = b""
        if not block:
            break
        text += block
    os.close(terminal)
    os.waitpid(child, 0)
    return text.decode()


class Pager(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name in ("less", "own"):
            path = os.path.join(folder.name, name)
            with open(path, "w", encoding="ascii") as file:
                file.write("#!/bin/sh\necho %s $LESSSECURE\ncat >/dev/null\n" % name)
            os.chmod(path, 0o755)
        self.environment = {"PATH": folder.name + ":/usr/bin:/bin", "TERM": "xterm", "LESSSECURE": "0", "PAGER": "own"}

    def assert_starts(self, pager, **more):
        long_answer = SVCTL + r" escape --unescape " + r"x\\x0a" * 100  # a line each
        text = shown_on_a_terminal(long_answer, {**self.environment, **more})
        self.assertEqual(text.split(), [pager, "1"])

    def test_is_the_environments_where_that_is_of_who_is_logged_in(self):
        user = login_user()
        is_own = user in (NOBODY, str(os.geteuid()))
        self.assert_starts("own" if is_own else "less")

    def test_of_another_user_is_not_started(self):
        if login_user() == str(os.geteuid()):
            self.skipTest("who is logged in here is no other user")
        self.assert_starts("less", SUDO_UID="1000")
        self.assert_starts("less", SUDO_UID="1000", SVCTL_PAGER="own")


unittest.main(verbosity=1)
