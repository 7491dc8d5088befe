#!/usr/bin/env python3
"""How long the manager's death takes commands away: from kill -9 to the answer to the first D-Bus call on the private socket.

    tests/bench/manager_restart.py --build build/release [--services 0,100,1000] [--times 10]

The services are processes that sleep. Aim: 30 ms and 20 µs a service. Needs root.
"""
import argparse
import contextlib
import os
import signal
import statistics
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), folder) for folder in ("faults", "integration")]

from programs import find_programs  # noqa: E402  (the line above finds it)


def first_answer(address):
    """When the first call was answered, as time.monotonic() has it."""
    import dbus_client
    while True:
        with contextlib.suppress(OSError, ConnectionError, TimeoutError):
            client = dbus_client.Client(address)
            client.call("/org/svcd1", "org.freedesktop.DBus.Properties", "GetAll", "s", "org.svcd1.Manager")
            client.close()
            return time.monotonic()
        time.sleep(0.0002)


def measure(count, times):
    """Milliseconds of each death."""
    from harness import Daemon, actor, service
    names = ["s%04d.service" % i for i in range(count)]
    units = {name: service(actor(name), StandardOutput="null", Restart="always") for name in names}
    took = []
    with Daemon(units | {"all.target": {"Unit": {"Wants": names, "After": names}}}) as svcd:
        svcd.svctl("start", "all.target", timeout=120)
        for name in names:
            svcd.wait_told(name, "start")
        for _ in range(times):
            svcd.disconnect()
            manager = svcd.manager_pid()
            began = time.monotonic()
            os.kill(manager, signal.SIGKILL)
            took.append(1000 * (first_answer(svcd.address) - began))
            time.sleep(0.2)  # what it does once it serves is no part of the next one
        still = sum(state == ("active", "running") for state in svcd.states_of(names))
        if still != count or any(len(svcd.told(name)) != 1 for name in names):
            raise SystemExit("of %d services %d run" % (count, still))
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--services", default="0,100,1000")
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    find_programs(options.build)
    # Inherited by all that is started: what else the machine does is not to be measured.
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    for count in map(int, options.services.split(",")):
        took = measure(count, options.times)
        print("%d services: median %.1f ms, best %.1f, worst %.1f (aim: %.0f)" % (
            count, statistics.median(took), min(took), max(took), 30 + 0.02 * count), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
