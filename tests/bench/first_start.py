#!/usr/bin/env python3
"""What svcd costs a container's command: from exec of svcd to the command's main(), and from there to svcd's end; tini beside it. And
from exec of svcd, without unit files, to the answer to the first D-Bus call.

    tests/bench/first_start.py --build build/release [--times 60] [--other build/before]

The command is date(1), which prints when it runs. Kinds take turns within one run. Aims: at most 6 ms more than tini, and commands
served within 5 ms. Needs root.
"""
import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), folder) for folder in ("faults", "integration")]

from programs import find_programs  # noqa: E402  (the line above finds it)

COMMAND = ["date", "+%s.%N"]
PAUSE = 0.05  # before each start: a svcd that is started has not been running a moment ago


def svcd_of(build):
    for path in ("daemon/launcher/svcd", "bin/svcd"):
        if os.access(os.path.join(build, path), os.X_OK):
            return os.path.join(os.path.abspath(build), path)
    raise SystemExit("%s: no svcd there; build it" % build)


@contextlib.contextmanager
def surroundings():
    """A cgroup and folders of its own: svcd's options."""
    from harness import CGROUP_MOUNT, counter
    name = "/svcd-bench-%d-%d" % (os.getpid(), next(counter))
    os.mkdir(CGROUP_MOUNT + name)
    with tempfile.TemporaryDirectory(prefix="svcd-bench-") as folder:
        os.mkdir(folder + "/units")
        yield folder, ["--container", "--runtime-dir=" + folder + "/run", "--log-dir=" + folder + "/log", "--cgroup=" + name,
                       "--unit-path=" + folder + "/units"]
    for path, _, _ in os.walk(CGROUP_MOUNT + name, topdown=False):
        os.rmdir(path)


def run(words):
    """Milliseconds to main(), from there to the end, and in all."""
    time.sleep(PAUSE)
    began = time.time()
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        status = process.wait()
        ended = time.time()
        main = float(process.stdout.read())
    if status != 0:
        raise SystemExit("%s ended with %d" % (words[0], status))
    return 1000 * (main - began), 1000 * (ended - main), 1000 * (ended - began)


def run_svcd(svcd):
    with surroundings() as (_, options):
        return run([svcd, *options, "--", *COMMAND])


def serve(svcd):
    """Milliseconds to the first answer."""
    import dbus_client
    with surroundings() as (folder, options):
        time.sleep(PAUSE)
        began = time.monotonic()
        process = subprocess.Popen([svcd, *options, "--exit-when-idle=no"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while True:
            with contextlib.suppress(OSError, ConnectionError, TimeoutError):
                client = dbus_client.Client("unix:path=" + folder + "/run/bus")
                client.call("/org/svcd1", "org.freedesktop.DBus.Properties", "GetAll", "s", "org.svcd1.Manager")
                client.close()
                break
            if process.poll() is not None:
                raise SystemExit("svcd ended with %d" % process.returncode)
            time.sleep(0.0001)
        took = 1000 * (time.monotonic() - began)
        process.terminate()
        process.wait()
        return (took,)


def words_of(what, took):
    took = sorted(took)
    return "%s %.1f (p95 %.1f, best %.1f)" % (what, statistics.median(took), took[int(len(took) * 0.95)], took[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--other", help="a second build, to compare with")
    parser.add_argument("--times", type=int, default=60)
    options = parser.parse_args()
    find_programs(options.build)
    del os.environ["SVCD_MANAGER"]  # each svcd has its own
    kinds = {}
    for build in filter(None, (options.build, options.other)):
        kinds[build] = lambda svcd=svcd_of(build): run_svcd(svcd) + serve(svcd)
    if shutil.which("tini"):
        kinds["tini"] = lambda: run(["tini", "-s", "--", *COMMAND])
    took = {name: [] for name in kinds}
    for _ in range(options.times):
        for name, measure in kinds.items():
            took[name].append(measure())
    print("median ms of %d, load %s" % (options.times, " ".join("%.1f" % load for load in os.getloadavg())))
    for name, values in took.items():
        columns = zip(("to main()", "from there to the end", "in all", "to commands served"), zip(*values))
        print("%s: %s" % (name, ", ".join(words_of(what, column) for what, column in columns)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
