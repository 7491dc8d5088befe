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
    """The scenarios of a file, as dicts: id, title, units, steps; perhaps bus, order, also."""
    with open(os.path.join(HERE, "scenarios", area + ".yaml")) as file:
        found = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for scenario in found:
        scenario.setdefault("units", {})
        scenario["area"] = area
    return found


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


def documented_rows():
    """The first cells of the table of differences."""
    with open(DOCUMENT) as file:
        cells = [line.split("|")[1].strip() for line in file if line.startswith("|")]
    return cells[2:]  # without the head and the line under it
