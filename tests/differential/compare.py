"""Which observations are right: those recorded from systemd, but for the differences that are meant."""
import functools
import os
import re
import traceback

import pace
import scenarios
import steps
from steps import AS_ASKED
from svcd_backend import Svcd
from systemd_backend import Systemd

RECORD_TIMES = 3


def expectations_of(scenario):
    """label -> value as recorded; a scenario without recording has none."""
    entry = scenarios.load_recording(scenario["area"])["scenarios"].get(scenario["id"])
    if entry is None:
        raise LookupError("it was never recorded: run.py --record %s" % scenario["id"])
    if entry["digest"] != scenarios.digest(scenario):
        raise LookupError("it has changed since it was recorded: run.py --record %s" % scenario["id"])
    return entry["observed"]


def run_on(kind, scenario, expected, factor=1.0):
    with kind(scenario["units"], bool(scenario.get("bus")), scenario.get("also", "").split(), factor) as machine:
        observed = steps.Run(machine, scenario, expected).run()
        machine.before_end()
    return observed


def guarded(check):
    """A scenario that can't be run has failed, whatever the reason. One that has failed gets a second, slower run (pace.py)."""
    def attempt(scenario, factor):
        try:
            return check(scenario, factor)
        except Exception as error:
            return ["".join(traceback.format_exception_only(error)).strip()]

    @functools.wraps(check)
    def checked(scenario):
        return attempt(scenario, 1.0) and attempt(scenario, pace.of_scenario(scenario))
    return checked


def compare(observed, expected):
    labels = [*expected, *(label for label in observed if label not in expected)]
    return ["%s:\n         expected %s\n         got      %s" % (label, expected.get(label), observed.get(label))
            for label in labels if observed.get(label) != expected.get(label)]


@guarded
def check_systemd(scenario, factor):
    expected = expectations_of(scenario)
    return compare(run_on(Systemd, scenario, expected, factor), expected)


@guarded
def check_svcd(scenario, factor):
    if "since" in scenario:  # no systemd 252 can do it: every step says what the manual says
        return compare({label: value for label, value in run_on(Svcd, scenario, {}, factor).items() if value != AS_ASKED}, {})
    expected = dict(expectations_of(scenario))
    later = scenarios.load_not_yet().get(scenario["id"])
    if later is not None:
        return check_refused(scenario, later)
    meant = scenarios.load_differences().get(scenario["id"], {"svcd": {}})["svcd"]
    problems = ["differences.json names what systemd doesn't observe, or gives too: %s" % label
                for label, value in meant.items() if expected.get(label, value) == value]
    wanted = {**expected, **meant}
    return problems + compare(run_on(Svcd, scenario, wanted, factor), wanted)


def check_refused(scenario, later):
    """What svcd hasn't got yet is refused, with an error, and starts nothing."""
    unit = later["refused"]
    with Svcd(scenario["units"]) as machine:
        state = machine.show(unit, "LoadState").get("LoadState")
        status = machine.client("start " + unit).returncode
        happened = machine.happened()
        machine.before_end()
    if status == 0 or state == "loaded" or happened:
        return ["%s works now (load state %s, start exit %d, log %s): take it off not_yet.json" % (unit, state, status, happened)]
    return []


def check_tables():
    """What is wrong with the lists themselves. Each difference that is documented is asserted, here or in another test."""
    known, differences, elsewhere = scenarios.load_all(), scenarios.load_differences(), scenarios.load_elsewhere()
    problems = ["there is no scenario %s" % identity for identity in [*differences, *scenarios.load_not_yet()] if identity not in known]
    rows, asserted = scenarios.documented_rows(), {entry["row"] for entry in differences.values()} | set(elsewhere)
    problems += ["the document has no row %r" % row for row in asserted if row not in rows]
    problems += ["no scenario differs because of the row %r" % row for row in rows if row not in asserted]
    for row, place in elsewhere.items():
        path, test = place.split()
        with open(os.path.join(scenarios.HERE, "..", path)) as file:
            if not re.search(r"\b%s\b" % test, file.read()):
                problems.append("elsewhere.json: %s has no %s" % (path, test))
    return problems


def record(scenario):
    """(what systemd gives, problems)."""
    try:
        runs = [run_on(Systemd, scenario, None) for _ in range(RECORD_TIMES)]
    except Exception as error:
        return None, ["%s: %s" % (type(error).__name__, error)]
    for run in runs[1:]:
        if run != runs[0]:
            return None, ["it is not the same each time: " + text for text in compare(run, runs[0])]
    asked = [label for label, value in runs[0].items() if (label[0].isdigit() or label.startswith("until")) and value != AS_ASKED]
    late = [label for label, value in runs[0].items() if value.startswith("exit") and ("too early" in value or "too late" in value)]
    wrong = asked + late
    if wrong:
        return None, ["on systemd, %s: %s" % (label, runs[0][label]) for label in wrong]
    return runs[0], []
