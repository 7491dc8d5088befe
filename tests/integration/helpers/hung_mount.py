"""hung_mount.py FD FOLDER COMMAND...: runs the command in a mount namespace of its own, where FOLDER is a file system that never answers.

FD is /dev/fuse, opened by whoever plays dead behind it: the kernel asks there, and as long as nobody reads, each access to
the folder waits (and can be killed). Closing FD ends the waiting.
"""
import ctypes
import os
import sys

CLONE_NEWNS, MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 0x20000, 2, 4, 0x4000, 1 << 18


def check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        sys.exit("%s: %s" % (what, os.strerror(number)))


def main():
    fd, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    check(libc.unshare(CLONE_NEWNS), "unshare")
    check(libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None), "mount --make-rprivate /")
    options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fd
    check(libc.mount(b"hung", folder.encode(), b"fuse", ctypes.c_ulong(MS_NOSUID | MS_NODEV), options.encode()), "mount " + folder)
    os.set_inheritable(fd, False)
    os.execv(command[0], command)


main()
