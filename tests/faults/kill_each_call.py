#!/usr/bin/env python3
"""Kills the manager at each of its system calls in turn, during the script of scenario.py: one run a call.

    kill_each_call.py --build build/release --sample 100        100 calls, spread over all
    kill_each_call.py --build build/release --all               every call, before it is done and after it: an hour
    kill_each_call.py --build build/release --call 341 --after  one run, with what svcd and svcd-fault say of it
"""
import argparse
import concurrent.futures
import os
import sys
import time

from programs import find_programs


def one_run(rules, verbose=False):
    """Problems, calls of the first manager, and the line of the log that says where it was killed."""
    import scenario
    from fault_harness import FaultyDaemon
    svcd = FaultyDaemon(rules=rules)
    for name, content in scenario.units(svcd.directory).items():
        svcd.write_unit(name, content)
    found, lines, calls = [], [], 0
    stderr = sys.stderr
    sys.stderr = open(os.devnull, "w")
    try:
        with svcd:
            story = scenario.run(svcd)
            found = story.problems
            # What is left to do is in svcd's own hands; its end is looked at by the harness.
            problems = svcd.end()
            story.check_shutdown()
            found += problems
            with open(svcd.tracer.log, errors="replace") as text:
                lines = text.read().splitlines()
            with open(svcd.errors, errors="replace") as text:
                said = text.read()
            svcd.process = None
    except BaseException as error:
        found.append("%s: %s" % (type(error).__name__, str(error)[:400]))
        said = svcd.said if hasattr(svcd, "said") else ""
    finally:
        sys.stderr.close()
        sys.stderr = stderr
    killed = [line for line in lines if "KILLED" in line]
    calls = sum(1 for line in lines if line.startswith("1 ") and not line.startswith("1 ended"))
    if verbose or found:
        at = lines.index(killed[0]) if killed else len(lines)
        found += ["  " + line for line in lines[max(0, at - 12):at + 1]] if verbose else []
        found += ["  svcd: " + line for line in said.splitlines()] if verbose else []
    return found, calls, killed


def rule_of(call, after):
    return "kill %s nth=%d" % ("after" if after else "before", call)


def attempt(job):
    call, is_after = job
    found, calls, killed = one_run([rule_of(call, is_after)])
    return call, is_after, found, calls, killed


def count_calls():
    found, calls, _ = one_run([])
    if found:
        raise SystemExit("the scenario fails without a kill too:\n  " + "\n  ".join(found))
    return calls


def sweep(calls, both, workers, report=print):
    """Runs all; returns (runs, those that reached their call, failures)."""
    jobs = [(call, is_after) for call in calls for is_after in ((False, True) if both else (bool(call % 2),))]
    failures, reached = [], 0
    begun = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        for done, (call, is_after, found, _, killed) in enumerate(pool.map(attempt, jobs), 1):
            reached += bool(killed)
            if found:
                failures.append((call, is_after))
                report("FAILED at call %d%s: %s" % (call, " --after" if is_after else "", (killed or ["not reached"])[0]))
                report("    " + "\n    ".join(found[:12]))
            if done % 100 == 0:
                report("%d of %d runs in %.0f s, %d failures" % (done, len(jobs), time.monotonic() - begun, len(failures)))
    return len(jobs), reached, failures


def spread(total, count):
    """`count` numbers from 1 to total, evenly spread."""
    return sorted({1 + i * total // count for i in range(min(count, total))})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", help="a build folder (default: what the environment says, as ctest sets it)")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--call", type=int)
    parser.add_argument("--after", action="store_true", help="with --call: the call is done first")
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    find_programs(options.build)
    if options.call is not None:
        found, _, killed = one_run([rule_of(options.call, options.after)], verbose=True)
        print("\n".join(killed + found))
        return int(any(not line.startswith("  ") for line in found))
    total = options.last or count_calls()
    print("%d system calls" % total)
    calls = range(options.first, total + 1) if options.all else [
        call for call in spread(total, options.sample) if call >= options.first]
    runs, reached, failures = sweep(calls, options.all, options.workers, lambda text: print(text, flush=True))
    print("%d runs, %d reached their call, %d failures" % (runs, reached, len(failures)))
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
