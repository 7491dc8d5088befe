"""The scenarios and what is known about them: recordings, intended differences, what svcd hasn't got yet."""
import hashlib
import json
import os

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, "..", "..", "docs", "differences-from-systemd.md")


def areas():
    """The names of the files in scenarios/."""
    return sorted(name[:-len(".yaml")] for name in os.listdir(os.path.join(HERE, "scenarios")))


def load_area(area):
    """The scenarios of a file, as dicts. Besides id, title, units and steps one may have

    bus    yes: there is a message bus (of systemd; svcd's own socket is one)
    since  the version of systemd whose manual it follows, when that is younger than 252: it is run on svcd only
    order  by-name: of the log only the order of each unit's own events matters
    also   further units to look at, instances for example
    end    any text: what is at the end is not looked at, since it is not determined
    unit, each, set     see expand()
    """
    with open(os.path.join(HERE, "scenarios", area + ".yaml")) as file:
        found = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for scenario in found:
        scenario["area"] = area
        scenario["units"] = expand(scenario)
    return found


def expand(scenario):
    """All units of a scenario: those of `units`, and of `each` (name -> lines, put into the text of `unit`), with what `set`
    says put in the place of its words."""
    units = dict(scenario.get("units") or {})
    for name, lines in scenario.get("each", {}).items():
        lines = [lines] if isinstance(lines, str) else lines
        units[name + ".service"] = scenario["unit"].replace("@NAME", name).replace("@LINES", "\n".join(lines))
    for word, value in scenario.get("set", {}).items():
        units = {name: text.replace(word, value) for name, text in units.items()}
    return units


def load_all():
    """id -> scenario."""
    found = {}
    for area in areas():
        for scenario in load_area(area):
            if scenario["id"] in found:
                raise ValueError("two scenarios are called " + scenario["id"])
            found[scenario["id"]] = scenario
    return found


def digest(scenario):
    """Changes with what a scenario does, so that a recording of something else is noticed."""
    text = json.dumps([scenario["units"], scenario["steps"]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recording_path(area):
    return os.path.join(HERE, "recorded", area + ".json")


def load_recording(area):
    """{"systemd": its version, "scenarios": {id: {"digest": …, "observed": {label: value}}}}"""
    try:
        with open(recording_path(area)) as file:
            return json.load(file)
    except FileNotFoundError:
        return {"systemd": None, "scenarios": {}}


def save_recording(area, version, scenarios):
    with open(recording_path(area), "w") as file:
        json.dump({"systemd": version, "scenarios": scenarios}, file, indent=1, sort_keys=True, ensure_ascii=False)
        file.write("\n")


def load_table(name):
    with open(os.path.join(HERE, name)) as file:
        return json.load(file)


def load_differences():
    """id -> {"row": first cell of a row of the document, "svcd": {label: what svcd gives instead}}"""
    return load_table("differences.json")


def load_not_yet():
    """id -> {"until": what is missing, "refused": the unit that svcd must refuse}"""
    return load_table("not_yet.json")


def load_elsewhere():
    """Rows of the document that need a test of another kind: row -> "FILE TEST", below tests/."""
    return load_table("elsewhere.json")


def documented_rows():
    """The first cells of the table of differences."""
    with open(DOCUMENT) as file:
        cells = [line.split("|")[1].strip() for line in file if line.startswith("|")]
    return cells[2:]  # without the head and the line under it
