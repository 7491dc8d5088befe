"""A folder of svcd's that is a small file system of its own, to be filled to the last byte."""
import contextlib
import errno
import os

from harness import Daemon

SCRIPT = 'mount --make-rprivate / && mount -t tmpfs -o size=16m,mode=755 tmpfs "$0" && exec "$@"'


@contextlib.contextmanager
def in_small_folder(units, name="run"):
    """A svcd whose folder of this name is one, and that folder as we see it."""
    with Daemon(units, prefix=["/usr/bin/unshare", "--mount", "/bin/sh", "-c", SCRIPT, "%(directory)s/" + name]) as svcd:
        folder = "/proc/%d/root%s" % (svcd.process.pid, svcd.path(name))
        if name == "run":
            svcd.address = svcd.environment["SVCTL_BUS"] = "unix:path=%s/bus" % folder
        yield svcd, folder


def fill(folder):
    try:
        with open(os.path.join(folder, "full"), "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError as full:
        if full.errno != errno.ENOSPC:
            raise
