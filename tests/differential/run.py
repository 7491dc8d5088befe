#!/usr/bin/env python3
"""The differential tests: scenarios on svcd and on systemd 252.

    run.py                    all scenarios on svcd, compared with what systemd gave when it was recorded
    run.py --area hooks       only these; run.py S310 S311: only these
    run.py --systemd          the same scenarios on systemd, compared with the recording
    run.py --live             both
    run.py --sample 15        with --systemd: every so many of all scenarios, evenly spread
    run.py --record           writes the recordings anew from systemd; each is run three times and must give the same

Where svcd is meant to differ, differences.json says what it gives instead and which row of docs/differences-from-systemd.md
says why; not_yet.json lists what svcd refuses because the feature is still to come. Both are checked, and what no longer
applies fails; a row without a scenario needs another test, named in elsewhere.json. The programs are named by SVCD_BIN,
SVCTL_BIN and ACTOR_BIN, which ctest sets.
"""
import argparse
import concurrent.futures
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]

import compare
import harness
import scenarios
import systemd_backend

SKIP = 77  # ctest's SKIP_RETURN_CODE
NEED_CGROUPS = {"S122", "S555"}  # they look at the folder of a unit's cgroup


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--area", action="append", choices=scenarios.areas(), default=[])
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--systemd", action="store_true")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--jobs", type=int, default=4, help="scenarios at the same time")
    parser.add_argument("--keepers", action="store_true", help="svcd does without cgroups")
    parser.add_argument("--quiet", action="store_true", help="a line for failures only")
    return parser.parse_args()


def chosen(arguments):
    found = [scenario for scenario in scenarios.load_all().values()
             if (not arguments.area or scenario["area"] in arguments.area)
             and (not arguments.ids or scenario["id"] in arguments.ids)]
    missing = set(arguments.ids) - {scenario["id"] for scenario in found}
    if missing:
        sys.exit("no such scenario: " + " ".join(sorted(missing)))
    if arguments.sample:
        found = found[::max(1, len(found) // arguments.sample)]
    return found


class Worker:
    """A process of the pool. It ends with its parent, and on SIGTERM once what it runs is cleared up."""

    stopping = False

    @classmethod
    def begin(cls):
        harness.end_with_parent()
        signal.signal(signal.SIGTERM, cls.stop)

    @classmethod
    def stop(cls, *_):
        cls.stopping = True
        sys.exit(143)

    @classmethod
    def do(cls, work, scenario):
        if cls.stopping:  # the pool takes the exit of the scenario before for its result, and goes on
            os._exit(143)
        begin = time.monotonic()
        return work(scenario), time.monotonic() - begin


def run_all(work, found, jobs, quiet):
    """Does `work` (scenario -> list of problems) for each; how many failed."""
    failed = 0
    with concurrent.futures.ProcessPoolExecutor(jobs, initializer=Worker.begin) as pool:
        begun = {pool.submit(Worker.do, work, scenario): scenario for scenario in found}
        for future in concurrent.futures.as_completed(begun):
            scenario = begun[future]
            problems, seconds = future.result()
            failed += bool(problems)
            if problems or not quiet:
                print("%s %s %s (%.1f s)" % ("FAIL" if problems else "ok  ", scenario["id"], scenario["title"], seconds),
                      *("     " + problem for problem in problems), sep="\n", flush=True)
    return failed


def on_svcd(found, arguments):
    harness.KEEPERS = harness.KEEPERS or arguments.keepers
    if harness.KEEPERS:
        found = [scenario for scenario in found if scenario["id"] not in NEED_CGROUPS]
    if not harness.SVCD or not harness.SVCTL:
        print("SVCD_BIN and SVCTL_BIN say where the programs are; ctest sets them")
        return SKIP
    if harness.CGROUP_MOUNT is None or not os.access(harness.CGROUP_MOUNT, os.W_OK):
        print("needs the right to make cgroups (root)")
        return SKIP
    problems = compare.check_tables()
    for problem in problems:
        print("FAIL " + problem)
    failed = len(problems) + run_all(compare.check_svcd, found, arguments.jobs, arguments.quiet)
    younger = [scenario["id"] for scenario in found if "since" in scenario]
    later = [scenario["id"] for scenario in found if scenario["id"] in scenarios.load_not_yet()]
    different = [scenario["id"] for scenario in found if scenario["id"] in scenarios.load_differences()]
    versions = {scenarios.load_recording(area)["systemd"] for area in {scenario["area"] for scenario in for_252(found)}}
    print("svcd: %d scenarios, %d failed; compared with the recording of %s" % (len(found), failed, ", ".join(map(str, versions))))
    for what, names in (("differ on purpose", different), ("are refused so far", later), ("follow a manual younger than 252", younger)):
        print("      %d %s: %s" % (len(names), what, " ".join(names) or "none"))
    return 1 if failed else 0


def for_252(found):
    return [scenario for scenario in found if "since" not in scenario]


def on_systemd(found, arguments):
    found = for_252(found)
    reason = systemd_backend.why_not()
    if reason:
        print("systemd can't be run here (%s): its recorded results are what svcd is compared with" % reason)
        return SKIP
    failed = run_all(compare.check_systemd, found, arguments.jobs, arguments.quiet)
    print("%s: %d scenarios, %d not as recorded" % (systemd_backend.version(), len(found), failed))
    return 1 if failed else 0


def record(found, arguments):
    reason = systemd_backend.why_not()
    if reason:
        sys.exit("can't record: " + reason)
    found = for_252(found)
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs, initializer=Worker.begin) as pool:
        results = list(pool.map(compare.record, found))
    recorded = {}
    for scenario, (observed, problems) in zip(found, results):
        for problem in problems:
            print("FAIL %s %s" % (scenario["id"], problem))
        if observed is not None:
            recorded.setdefault(scenario["area"], {})[scenario["id"]] = {"digest": scenarios.digest(scenario), "observed": observed}
    for area, new in recorded.items():
        old = scenarios.load_recording(area)["scenarios"]
        known = {scenario["id"] for scenario in scenarios.load_area(area)}
        kept = {identity: entry for identity, entry in old.items() if identity in known}
        scenarios.save_recording(area, systemd_backend.version(), {**kept, **new})
    return 1 if any(problems for _, problems in results) else 0


def main():
    arguments = parse_arguments()
    found = chosen(arguments)
    if arguments.record:
        return record(found, arguments)
    status = 0
    if arguments.live or not arguments.systemd:
        status = on_svcd(found, arguments)
    if arguments.live or arguments.systemd:
        status = on_systemd(found, arguments) or status
    return status


if __name__ == "__main__":
    sys.exit(main())
