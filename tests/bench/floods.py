#!/usr/bin/env python3
"""How svcd serves root, and keeps to its deadlines, while whoever may change nothing does what it can: the floods of docs/security.md.

    tests/bench/floods.py --build build/release [--quick] [--only churn,Plan] [--units 200] [--samples 1000]

For each flood: how long a call on an open connection takes and how long `svctl is-active`, how much memory the manager needs above
idle, whether a healthy service was killed (its WatchdogSec is 2 s), whether an exit is unknown, and how long after its deadline a
stop's SIGKILL came. The strangers are nobody and two users beside it. Ends with 1 when an aim is missed. Needs root.
"""
import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))

PROGRAMS = {"SVCD_BIN": "daemon/launcher/svcd", "SVCTL_BIN": "ctl/svctl", "ACTOR_BIN": "tests/integration/svcd-actor"}
CALL_MS, SVCTL_MS, MEMORY_MB, KILL_MS = 10, 60, 16, 100  # the aims
USERS = 65534, 65532, 65531
EACH = 64  # connections of a user; more of them take each other's places
KILLED = 10  # services whose processes are killed during a flood
LISTS = "ListUnits", "ListUnitsByPatterns", "ListUnitsDetailed", "Introspect", "GetBootTimeline"
PINGER = """
import os, socket, time
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"])
notify.send(b"READY=1")
while True:
    time.sleep(0.5)
    notify.send(b"WATCHDOG=1")
"""


# ── what is measured ─────────────────────────────────────────────────────────────────────────────────────────────────
class Times:
    def __init__(self):
        self.all, self.errors = [], 0

    def take(self, work):
        began = time.monotonic()
        try:
            work()
        except Exception as error:  # whatever it is, root was not served
            self.errors += 1
            print("  root was refused: %s" % error, file=sys.stderr)
        self.all.append(1000 * (time.monotonic() - began))

    def percentile(self, percent):
        return sorted(self.all)[min(len(self.all) - 1, len(self.all) * percent // 100)]

    def __str__(self):
        return "%6.1f %6.1f %6.1f" % (self.percentile(50), self.percentile(99), max(self.all))


def manager_memory(svcd):
    with open("/proc/%d/status" % svcd.manager_pid()) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def is_active(svcd):
    done = subprocess.run([os.environ["SVCTL_BIN"], "is-active", "healthy.service"], env=svcd.environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if (done.returncode, done.stdout) != (0, "active\n"):
        raise RuntimeError("is-active: %d %s" % (done.returncode, done.stdout))


@contextlib.contextmanager
def restarts(svcd, wanted):
    """Something that subscribers are told of."""
    def work():
        while not ended.wait(0.05):
            svcd.svctl("restart", "busy.service", status=None)
    ended, thread = threading.Event(), threading.Thread(target=work)
    if wanted:
        thread.start()
    yield
    ended.set()
    if wanted:
        thread.join()


class Measurement:
    def __init__(self, svcd, names):
        self.svcd, self.names = svcd, names
        self.is_active = lambda: is_active(svcd)
        self.problems = []

    def late_kill(self):
        """Milliseconds between a stop's deadline and the end of the process by SIGKILL."""
        svcd = self.svcd
        svcd.svctl("start", "deaf.service")
        svcd.svctl("stop", "deaf.service")
        shown = svcd.show("deaf.service")
        if shown["Result"] != "timeout":
            self.problems.append("the stop's result is %s" % shown["Result"])
        return (shown["ExecMainExitTimestampMonotonic"] - shown["ActiveExitTimestampMonotonic"]) / 1000 - 1000

    def kill_some(self):
        svcd = self.svcd
        killed = self.names[:KILLED]
        svcd.svctl("start", *killed)
        for name in killed:
            os.kill(svcd.show(name)["MainPID"], signal.SIGKILL)
        svcd.wait_until(lambda: set(svcd.states_of(killed)) == {("failed", "failed")}, "failed services", timeout=120)
        results = [svcd.show(name)["Result"] for name in killed]
        if results != ["signal"] * KILLED:
            self.problems.append("killed services end as %s" % sorted(set(results)))

    def run(self, title, samples, busy=False):
        """One row. What has been measured of one flood is measured under it from its beginning to its end."""
        svcd, calls, commands = self.svcd, Times(), Times()
        self.problems = []
        was = svcd.show("healthy.service")["InvocationID"]
        idle, most = self.idle, 0.0
        with restarts(svcd, busy):
            for number in range(samples):
                calls.take(lambda: svcd.manager("GetUnit", "s", "healthy.service"))
                commands.take(self.is_active)
                if number % 10 == 0:
                    most = max(most, manager_memory(svcd) - idle)
            late = self.late_kill()
            self.kill_some()
            most = max(most, manager_memory(svcd) - idle)
        if svcd.show("healthy.service")["InvocationID"] != was:
            self.problems.append("a healthy service was killed")
        if calls.percentile(99) >= CALL_MS or calls.errors:
            self.problems.append("a call's p99")
        if commands.percentile(99) >= SVCTL_MS or commands.errors:
            self.problems.append("svctl's p99" if not commands.errors else "%d errors of svctl" % commands.errors)
        if most >= MEMORY_MB:
            self.problems.append("memory")
        if late >= KILL_MS:
            self.problems.append("SIGKILL is late")
        print("%-34s %s   %s   %5.1f   %5.0f   %s" % (title, calls, commands, most, late, ", ".join(self.problems) or "ok"), flush=True)
        return not self.problems


# ── the floods ───────────────────────────────────────────────────────────────────────────────────────────────────────
def reads(names):
    """title -> (object and interface, the calls)."""
    manager = "/org/svcd1", "org.svcd1.Manager"
    unit = "/org/svcd1/unit/healthy_2eservice"
    many = names[:100]
    calls = [("GetUnit", "s", (names[0],)), ("LoadUnit", "s", (names[0],)), ("GetUnitByPID", "u", (os.getpid(),)), ("ListUnits", "", ()),
             ("ListUnitsByPatterns", "asas", ([], ["*e*e*q"] * 100)), ("ListUnitsByNames", "as", (many,)), ("ListUnitsDetailed", "", ()),
             ("ListJobs", "", ()), ("GetJob", "u", (1,)), ("GetRequestResult", "s", ("none",)),
             ("GetUnitProcesses", "s", ("healthy.service",)), ("GetStopRecords", "su", (names[0], 0)),
             ("ExamineUnit", "s", ("healthy.service",)), ("Plan", "sass", ("start", many, "replace")),
             ("PlanJobs", "sassa{sv}", ("stop", many, "replace", {})), ("GetStopTimeline", "", ()), ("GetBootTimeline", "", ())]
    found = {call[0]: (manager, [call]) for call in calls}
    found["Plan of all"] = manager, [("Plan", "sass", ("exit", [], "replace"))]
    found["GetAll"] = (unit, "org.freedesktop.DBus.Properties"), [("GetAll", "s", ("",))]
    found["Introspect"] = ("/org/svcd1/unit", "org.freedesktop.DBus.Introspectable"), [("Introspect", "", ())]
    return found


def floods_of(svcd, names):
    """title -> (what begins it, whether units start and stop meanwhile)."""
    from helpers import floods
    bus, notify = os.path.join(svcd.run, "bus"), os.path.join(svcd.run, "notify")

    def by_all(attack, processes=1):
        return lambda: floods.flood(attack, processes, USERS)

    def by_nobody(attack, processes=1):
        return lambda: floods.flood(attack, processes)
    found = {"nothing": (contextlib.nullcontext, False)}
    for title, (path, calls) in reads(names).items():
        found[title] = by_all(floods.callers(svcd.address, calls, EACH, path)), False
    for title in ("ListUnits", "Plan", "Plan of all", "GetAll"):
        path, calls = reads(names)[title]
        found[title + ", unread"] = by_all(floods.callers(svcd.address, calls, EACH, path, reads=False)), False
    found |= {
        "connect churn": (by_nobody(floods.connections_that_come_and_go(bus), 4), False),
        "connect churn with handshakes": (by_nobody(floods.clients_that_come_and_go(svcd.address), 4), False),
        "idle connections": (by_all(floods.idle_connections(svcd.address, EACH)), False),
        "big messages": (by_all(floods.big_messages(svcd.address, 20, 100 << 20)), False),
        "messages of 63 KiB": (by_all(floods.big_messages(svcd.address, EACH, 63 << 10)), False),
        "subscribers": (by_all(floods.subscribers(svcd.address, EACH)), True),
        "one sends notifications": (by_nobody(floods.notifications(notify)), False),
        "six send notifications": (by_nobody(floods.notifications(notify), 6), False),
        "descriptors in datagrams": (by_nobody(floods.descriptors_in_datagrams(notify), 2), False),
        "descriptors that linger": (by_nobody(floods.descriptors_that_linger(notify), 2), False),
    }
    return found


def measure(count, samples, chosen):
    """All floods with so many units. True: every aim is reached."""
    from harness import Daemon, actor, service
    names = ["s%04d.service" % number for number in range(count - 3)]
    units = {name: service(actor(name), unit={"StartLimitIntervalSec": 0}) for name in names}
    units["healthy.service"] = service([sys.executable, "-c", PINGER], Type="notify", WatchdogSec="2s")
    units["busy.service"] = service(actor("busy"), unit={"StartLimitIntervalSec": 0})
    units["deaf.service"] = service(actor("deaf", "ready", "deaf=%d" % signal.SIGTERM), Type="notify", TimeoutStopSec="1s",
                                    unit={"StartLimitIntervalSec": 0})
    is_good = True
    with Daemon(units) as svcd:
        put_first(svcd.process.pid)
        svcd.svctl("start", "healthy.service")
        measurement = Measurement(svcd, names)
        measurement.kill_some()
        measurement.idle = manager_memory(svcd)
        for title, (begin, is_busy) in floods_of(svcd, names).items():
            if chosen and not any(word in title for word in chosen):
                continue
            with begin():
                is_good &= measurement.run("%s (%d units)" % (title, count), samples, is_busy)
            svcd.disconnect()
    return is_good


def put_first(pid):
    """What else the machine does is not to be measured: this session gets more of the processors than others."""
    with contextlib.suppress(OSError), open("/proc/%d/autogroup" % pid, "w") as group:
        group.write("-19")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", help="a release build (default: the programs that %s name)" % ", ".join(PROGRAMS))
    parser.add_argument("--quick", action="store_true", help="50 samples, lists not with 5,000 units")
    parser.add_argument("--only", default="", help="floods whose names have one of these words in them")
    parser.add_argument("--units", type=int, default=200)
    parser.add_argument("--samples", type=int)
    options = parser.parse_args()
    if options.build:
        os.environ.update({name: os.path.join(os.path.abspath(options.build), place) for name, place in PROGRAMS.items()})
    with contextlib.suppress(PermissionError):  # a shell's job leads a group, and can't have a session
        if os.getsid(0) != os.getpid():
            os.setsid()
        put_first(os.getpid())
    samples = options.samples or (50 if options.quick else 1000)
    chosen = [word for word in options.only.split(",") if word]
    print("%-34s %-20s   %-20s   memory  SIGKILL" % ("", "call, ms", "is-active, ms"))
    print("%-34s %s   %s    +MB   late ms" % ("", "   p50    p99    max", "   p50    p99    max"))
    is_good = measure(options.units, samples, chosen)
    if not options.quick:
        is_good &= measure(5000, samples, chosen or LISTS)
    print("every aim is reached" if is_good else "an aim is missed")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
