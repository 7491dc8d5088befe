"""worker.py drain|ignore: a worker that needs 2 s to finish its work on SIGTERM, or that ignores SIGTERM."""
import signal
import sys
import time

from notify import notify

DRAIN_SECONDS = 2


def drain():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    notify("READY=1\nSTATUS=working")
    signal.sigwait({signal.SIGTERM})
    notify("STOPPING=1\nSTATUS=draining")
    print("SIGTERM came: finishing what was begun, %d s" % DRAIN_SECONDS, flush=True)
    time.sleep(DRAIN_SECONDS)  # the work that must not be lost
    print("done", flush=True)


def ignore():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    notify("READY=1\nSTATUS=working, and deaf to SIGTERM")
    while True:
        signal.pause()


{"drain": drain, "ignore": ignore}[sys.argv[1]]()
