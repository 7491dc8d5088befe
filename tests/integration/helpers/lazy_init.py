"""lazy_init.py FD COMMAND...: runs the command in a PID namespace of its own, below a PID 1 that reaps nothing unless told to.

FD is a socket on which the test says what PID 1 shall do, one JSON object a line, each answered by one:
    {"run": ARGV, "environment": {...}, "pid": N}   starts a process (as PID N, which must be free); answers its PID
    {"kill": PID}                                   sends SIGKILL to it
    {"reap": PID}                                   waits for it; answers its wait status
SIGTERM to this program goes to the command (or to what was started last as "svcd"), whose exit status ends everything.
"""
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys

CLONE_NEWNS, CLONE_NEWPID, PR_SET_PDEATHSIG = 0x20000, 0x20000000, 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Init:
    def __init__(self, control, command):
        self.control = control
        self.main = self.run(command, os.environ)

    def run(self, argv, environment, pid=None):
        if pid is not None:
            with open("/proc/sys/kernel/ns_last_pid", "w") as last:
                last.write(str(pid - 1))
        child = os.fork()
        if child == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setsid()
            os.execve(argv[0], argv, dict(environment))
        return child

    def obey(self, order):
        if "run" in order:
            pid = self.run(order["run"], dict(os.environ, **order.get("environment", {})), order.get("pid"))
            if order.get("is_svcd"):
                self.main = pid
            return pid
        if "kill" in order:
            return os.kill(order["kill"], signal.SIGKILL)
        return os.waitpid(order["reap"], 0)[1]

    def serve(self):
        """Until SIGTERM, which is for svcd."""
        for line in self.control.makefile():
            self.control.sendall(json.dumps(self.obey(json.loads(line))).encode() + b"\n")

    def end(self):
        os.kill(self.main, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(self.main, 0)[1])


class Terminated(Exception):
    pass


def terminate(*_):
    raise Terminated


def be_init(control, command):
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    signal.signal(signal.SIGTERM, terminate)
    init = Init(control, command)
    try:
        init.serve()
        signal.pause()  # the test has closed its end: it is about to say SIGTERM
    except Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return init.end()


def main():
    control, command = socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]
    control.set_inheritable(False)
    if LIBC.unshare(CLONE_NEWPID | CLONE_NEWNS) != 0:
        sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
    child = os.fork()
    if child == 0:
        os._exit(be_init(control, command))
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


main()
