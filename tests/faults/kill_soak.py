#!/usr/bin/env python3
"""Kills the manager at random moments, thousands of times, while services live and die and people ask for things.

    kill_soak.py --build build/release --kills 10000 [--seed N]

Services that live for some milliseconds with Restart=always, services that live on, and services that svctl starts, restarts and
stops in three streams, side by side. What has to come out: no service is lost, no exit, no start is doubled, and no request
fails. The actors' own words are counted, and compared with svcd's counters.
"""
import argparse
import collections
import contextlib
import os
import random
import select
import signal
import sys
import threading
import time

from programs import find_programs

SHORT = {"short%d" % i: 15 + 7 * i for i in range(8)}  # name -> ms
LONG = ["long%d" % i for i in range(6)]
STREAMS = 3
# Of the time from one kill to the next: into the manager's start, or into its work.
YOUNG_SECONDS, OLD_SECONDS = 0.012, 0.06
SLOWEST_SECONDS = 30.0  # for a request, however often the manager dies in it


def make_daemon():
    import harness
    from harness import actor, service

    class SoakDaemon(harness.Daemon):
        """Keeps what actors tell by name, for there are very many words."""

        def __init__(self, units):
            self.by_name, self.lock = collections.defaultdict(list), threading.Lock()
            super().__init__(units)

        def read_events(self, timeout=0.0):
            with self.lock:
                super().read_events(timeout)
                for event in self.events:
                    self.by_name[event.name].append(event)
                self.events.clear()

        def told(self, name, what=None):
            self.read_events()
            with self.lock:
                return [event for event in self.by_name[name] if what is None or event.what.startswith(what)]

        def young_manager(self):
            """The manager's PID, perhaps before its execve; or None. By the cgroup: until its execve a service that is being
            spawned is the launcher's child and executes svcd-manager, too."""
            if self.keepers:
                return self.manager_pid()
            with contextlib.suppress(OSError), open(self.cgroup + "/svcd.scope/cgroup.procs") as procs:
                for pid in procs.read().split():
                    if int(pid) != self.process.pid:
                        return int(pid)
            return None

    units = {}
    for name, lives in SHORT.items():
        units[name] = service(actor(name, "run=%d" % lives), Restart="always", RestartSec="3ms", StandardOutput="null",
                              unit={"StartLimitIntervalSec": 0})
    for name in LONG:
        units[name] = service(actor(name), Restart="always", StandardOutput="null")
    for stream in range(STREAMS):
        for name, kind in (("plain", "simple"), ("ready", "notify")):
            name = "%s%d" % (name, stream)
            units[name] = service(actor(name, *(["ready"] if kind == "notify" else []), "stop=%d" % (2 * stream)), Type=kind,
                                  StandardOutput="null", unit={"StartLimitIntervalSec": 0})
    return SoakDaemon({name + ".service": content for name, content in units.items()})


class Killer(threading.Thread):
    """kill -9 at random moments: a half of them while the new manager starts, the other half later."""

    def __init__(self, svcd, kills, source):
        super().__init__(daemon=True)
        self.svcd, self.kills, self.source, self.done = svcd, kills, source, 0

    def run(self):
        last = None
        while self.done < self.kills:
            pid = self.svcd.young_manager()
            if pid is None or pid == last:
                time.sleep(0.0005)
                continue
            time.sleep(self.source.uniform(0, YOUNG_SECONDS if self.source.random() < 0.5 else OLD_SECONDS))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.done += 1
            last = pid


class Stream(threading.Thread):
    """One request after the other for two services of its own, each looked at when it is done."""

    def __init__(self, svcd, number, source, stop):
        super().__init__(daemon=True)
        self.svcd, self.names, self.source, self.stop = svcd, ["plain%d" % number, "ready%d" % number], source, stop
        self.is_up = dict.fromkeys(self.names, False)
        self.starts, self.requests, self.problems, self.slowest = collections.Counter(), 0, [], 0.0
        self.doing = "nothing"

    def run(self):
        while not self.stop.is_set():
            name = self.source.choice(self.names)
            verb = self.source.choice(["stop", "restart", "start"] if self.is_up[name] else ["start", "start", "restart"])
            self.ask(verb, name)
        for name in self.names:
            self.ask("stop", name)

    def ask(self, verb, name):
        self.requests += 1
        began, self.doing = time.monotonic(), "svctl %s %s" % (verb, name)
        try:
            done = self.svcd.svctl(verb, name, status=None, timeout=SLOWEST_SECONDS)
            if done.returncode != 0:
                self.problems.append("svctl %s %s: %d %s" % (verb, name, done.returncode, done.stderr.strip()[:300]))
        except Exception as error:  # of subprocess: it took too long
            self.problems.append("svctl %s %s: %s" % (verb, name, str(error)[-120:]))
        self.slowest = max(self.slowest, time.monotonic() - began)
        starts = verb == "restart" or (verb == "start" and not self.is_up[name])
        self.starts[name] += starts
        self.is_up[name] = verb != "stop"
        self.look(verb, name)

    def look(self, verb, name):
        wanted = self.starts[name]
        with contextlib.suppress(AssertionError):
            if wanted:
                self.svcd.wait_told(name, "start", wanted, timeout=5)
        got = len(self.svcd.told(name, "start"))
        ends = len(self.svcd.told(name, "end"))
        if got != wanted or ends != wanted - self.is_up[name]:
            self.problems.append("after svctl %s %s: %d starts and %d ends, instead of %d and %d" % (
                verb, name, got, ends, wanted, wanted - self.is_up[name]))
            self.starts[name] = got  # so that each is told of once


def check_short(svcd, name, problems):
    """Each start was ended before the next one came, and svcd has counted each."""
    words = [event.what for event in sorted(svcd.told(name), key=lambda event: event.usec) if event.what in ("start", "end")]
    doubled = sum(1 for word, after in zip(words, words[1:]) if word == after == "start")
    if doubled:
        problems.append("%s: started %d times while it ran" % (name, doubled))
    starts = words.count("start")
    restarts = svcd.show(name)["NRestarts"]
    # One that was stopped before it could tell of its start is counted too.
    if not starts - 1 <= restarts <= starts:
        problems.append("%s: %d starts, %d restarts counted" % (name, starts, restarts))
    return starts


def soak(kills, seed, report=lambda text: None):
    """(figures, problems)"""
    source, problems, stop = random.Random(seed), [], threading.Event()
    svcd = make_daemon()
    with svcd:
        svcd.svctl("start", *SHORT, *LONG)
        pids = {name: svcd.get(name, "MainPID") for name in LONG}
        svcd.disconnect()
        killer = Killer(svcd, kills, random.Random(source.random()))
        streams = [Stream(svcd, number, random.Random(source.random()), stop) for number in range(STREAMS)]
        began = time.monotonic()
        for thread in (killer, *streams):
            thread.start()
        told = 0
        while killer.is_alive():
            select.select([svcd.log_fd], [], [], 0.2)
            svcd.read_events()
            if killer.done - told >= 500:
                told = killer.done
                report("%d kills in %.0f s, %d requests; problems: %s" % (
                    told, time.monotonic() - began, sum(each.requests for each in streams),
                    [problem for each in streams for problem in each.problems[-2:]] or "none"))
        seconds = time.monotonic() - began
        report("%d problems while the manager died" % sum(len(each.problems) for each in streams))
        stop.set()
        for stream in streams:
            stream.join(3 * SLOWEST_SECONDS)
            problems += [*stream.problems, *(["it does not end: " + stream.doing] if stream.is_alive() else [])]
        for name in SHORT:  # not one is forgotten: each starts again
            svcd.wait_told(name, "start", len(svcd.told(name, "start")) + 2)
        svcd.wait_for_manager()
        for name in LONG:
            if svcd.get(name, "MainPID") != pids[name] or len(svcd.told(name)) != 1:
                problems.append("%s did not live on: %s" % (name, svcd.told(name)))
        svcd.svctl("stop", *SHORT)
        starts = sum(check_short(svcd, name, problems) for name in SHORT)
        said = collections.Counter(line.split(" ", 2)[-1] for line in svcd.read_errors().splitlines()
                                   if " warning: " in line or " error: " in line)
        figures = {"kills": killer.done, "seconds": round(seconds, 1), "starts of short services": starts,
                   "requests": sum(each.requests for each in streams),
                   "slowest request, s": round(max(each.slowest for each in streams), 2),
                   "warnings and errors in svcd's log": sum(said.values())}
        for line, count in said.most_common(10):
            report("svcd's log, %d times: %s" % (count, line))
    return figures, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", help="a build folder (default: what the environment says, as ctest sets it)")
    parser.add_argument("--kills", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    find_programs(options.build)
    print("seed %d" % options.seed, flush=True)
    figures, problems = soak(options.kills, options.seed, lambda text: print(text, flush=True))
    for what, figure in figures.items():
        print("%s: %s" % (what, figure))
    for kind, count in collections.Counter(problems).most_common(40):
        print("PROBLEM %s%s" % (kind, " (%d times)" % count if count > 1 else ""))
    print("%d problems" % len(problems))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
