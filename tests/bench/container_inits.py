#!/usr/bin/env python3
"""svcd --container beside Debian's tini, dumb-init and catatonit, and beside no init at all: start, memory, size, statuses and signals.

    tests/bench/container_inits.py --build build/release [--rounds 40]

Each is PID 1 of a PID namespace. Prints tables for docs/container.md. What is not installed is left out. Needs root.
"""
import argparse
import contextlib
import datetime
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))

INITS = {"none": (), "tini": ("tini", "--"), "dumb-init": ("dumb-init",), "catatonit": ("catatonit", "--"), "svcd": None}
SIGNALS = ("HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "WINCH", "CONT", "TSTP", "TTIN", "TTOU", "URG", "IO", "PWR", "RTMIN+4", "TERM")
TELLS = "for s in %s; do trap \"echo got $s.\" $s; done; echo up; while :; do sleep 0.02; done" % " ".join(SIGNALS)
FORKS_TWICE = """
import os, time
for _ in range(100):
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            time.sleep(0.05)
        os._exit(0)
    os.waitpid(child, 0)
def zombies():
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as stat:
                count += stat.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            pass
    return count
end = time.monotonic() + 2
time.sleep(0.1)
while zombies() and time.monotonic() < end:
    time.sleep(0.05)
print(zombies(), flush=True)
"""
GROUP = "trap 'echo parent.' USR1; (trap 'echo child.' USR1; echo up; while :; do sleep 0.02; done) & while :; do wait; done"
LEAVES = ("f=$(mktemp -u); mkfifo $f; setsid sh -c \"trap 'echo asked.; sleep 0.3; echo done.; exit' TERM; echo >$f; while :; do sleep 0.02; done\" & "
          "read x <$f; rm $f; exit 0")


def make(init, *command, options=()):
    """An init that runs a command. `options` are svcd's."""
    from test_container_command import UNSHARE, Command
    run = Command(*command, options=options, is_init=True)
    if INITS[init] is not None:
        run.arguments = [*UNSHARE, *INITS[init], *command]
    return run


def comes(run, text, seconds):
    """Whether the command writes `text` in time."""
    deadline = time.monotonic() + seconds
    while text not in run.text:
        if not select.select([run.process.stdout], [], [], max(deadline - time.monotonic(), 0))[0]:
            return False
        more = os.read(run.process.stdout.fileno(), 65536)
        if not more:
            return False
        run.text += more.decode(errors="replace")
    return True


def status_of(init, *command):
    with make(init, *command) as run:
        return str(run.finish())


def number_of(name):
    return signal.SIGRTMIN + int(name[6:]) if name.startswith("RTMIN+") else getattr(signal, "SIG" + name)


def passed_on(init):
    missing = []
    for name in SIGNALS:
        with make(init, "/bin/bash", "-c", TELLS) as run:
            run.read_until("up")
            run.kill(number_of(name))
            if not comes(run, "got %s." % name, 1):
                missing.append(name)
    return "all" if not missing else "all but " + ", ".join(missing)


def to_whom(init):
    with make(init, "/bin/bash", "-c", GROUP) as run:
        run.read_until("up")
        run.kill(signal.SIGUSR1)
        run.read_until("parent.")
        return "the process group" if comes(run, "child.", 0.5) else "the command"


def without_handler(init):
    with make(init, "sleep", "1000") as run:
        run.until(lambda: "sleep" in names_below(run.process.pid), "the command")
        run.kill(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return "ends, %d" % run.process.wait(2)
        return "nothing happens"


def zombies(init):
    with make(init, "python3", "-c", FORKS_TWICE) as run:
        run.finish()
        return "all reaped" if run.text.strip() == "0" else "%s of 100 stay" % run.text.strip()


def left_over(init):
    with make(init, "/bin/bash", "-c", LEAVES) as run:
        run.finish()
        asked = "SIGTERM" if "asked." in run.text else "no SIGTERM"
        return asked + (", and time to end" if "done." in run.text else ", then SIGKILL at once")


def stopped(init):
    with make(init, "/bin/sh", "-c", "echo up; kill -STOP $$; echo on; exit 5") as run:
        run.read_until("up")
        if comes(run, "on\n", 1):
            return "is continued"
        with contextlib.suppress(subprocess.TimeoutExpired):
            return "init ends, %d" % run.process.wait(1)
        return "stays stopped"


def descendants(pid):
    from harness import children_of
    found = []
    for child, _ in children_of(pid):
        found += [child, *descendants(child)]
    return found


def name_of(pid):
    with contextlib.suppress(OSError), open("/proc/%d/comm" % pid, encoding="utf-8") as name:
        return name.read().strip()
    return ""


def names_below(pid):
    return [name_of(each) for each in descendants(pid)]


def memory(init):
    """PSS of all that is not the command, in kB."""
    with make(init, "sleep", "1000") as run:
        run.until(lambda: "sleep" in names_below(run.process.pid), "the command")
        time.sleep(1)  # until what the start needed is given back
        total = 0
        for pid in descendants(run.process.pid):
            if name_of(pid) != "sleep":
                with open("/proc/%d/smaps_rollup" % pid, encoding="utf-8") as maps:
                    total += next(int(line.split()[1]) for line in maps if line.startswith("Pss:"))
        return "%d kB" % total


def size(init):
    from harness import SVCD
    folder = os.path.dirname(os.path.dirname(SVCD))
    programs = {"none": (), "svcd": (SVCD, folder + "/launcher/svcd-launcher", folder + "/manager/svcd-manager")}.get(init, (shutil.which(init) or "",))
    total = 0
    for program in programs:
        with tempfile.NamedTemporaryFile() as copy:
            subprocess.run(["strip", "-o", copy.name, program], check=True)
            total += os.path.getsize(copy.name)
    return "%d kB" % (total / 1000)


def times(inits, rounds):
    """init -> (ms until the command writes, ms until all is over): median, and the shortest. In turn, so that a busy moment hits all of them."""
    started, ended = {init: [] for init in inits}, {init: [] for init in inits}
    for _ in range(rounds):
        for init in inits:
            run = make(init, "/bin/echo", "up")
            began = time.monotonic()
            with run:
                run.read_until("up")
                started[init].append(time.monotonic() - began)
                run.finish()
                ended[init].append(time.monotonic() - began)
    return {init: tuple("%.1f ms (%.1f)" % (1000 * statistics.median(values[init]), 1000 * min(values[init])) for values in (started, ended)) for init in inits}


ROWS = (("`exit 42`", lambda init: status_of(init, "/bin/sh", "-c", "exit 42")),
        ("`kill -9 $$`", lambda init: status_of(init, "/bin/sh", "-c", "kill -9 $$")),
        ("no such program", lambda init: status_of(init, "/no/such/program")),
        ("a file that can't be executed", lambda init: status_of(init, "/etc/passwd")),
        ("SIGTERM, and no handler", without_handler),
        ("signals passed on, of %d" % len(SIGNALS), passed_on),
        ("… to", to_whom),
        ("100 orphans, forked twice", zombies),
        ("what the command leaves behind gets", left_over),
        ("a command that stops (SIGSTOP)", stopped),
        ("memory of the init (PSS)", memory),
        ("size of the programs, stripped", size))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    os.environ.update(SVCD_BIN=build + "/daemon/launcher/svcd", SVCTL_BIN=build + "/ctl/svctl")
    inits = [init for init, words in INITS.items() if not words or shutil.which(words[0])]
    print("%s, load %.1f of %d processors, %d rounds" % (datetime.date.today(), os.getloadavg()[0], os.cpu_count(), arguments.rounds))
    print("| | %s |\n|---|%s" % (" | ".join(inits), "---|" * len(inits)))
    measured = times(inits, arguments.rounds)
    for place, what in enumerate(("`echo`: until it has written (the shortest)", "`echo`: until all is over (the shortest)")):
        print("| %s | %s |" % (what, " | ".join(measured[init][place] for init in inits)))
    for what, ask in ROWS:
        print("| %s | %s |" % (what, " | ".join(ask(init) for init in inits)), flush=True)


if __name__ == "__main__":
    main()
