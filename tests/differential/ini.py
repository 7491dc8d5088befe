"""Unit files in systemd's syntax, written in ours: YAML, of which JSON is a part.

Sections and keys stay as they are and values are not interpreted: svcd reads a string with systemd's own quoting.
"""
import json


def assignments(text):
    """(section, key, value) of each line that sets something."""
    section, continued = "", ""
    for line in text.split("\n"):
        if not continued and (not line.strip() or line.lstrip()[0] in "#;"):
            continue
        line = continued + line
        if line.endswith("\\"):
            continued = line[:-1] + " "
            continue
        continued = ""
        if line.startswith("["):
            section = line.strip()[1:-1]
        else:
            key, _, value = line.partition("=")
            yield section, key.strip(), value.strip()


def merge(key, values):
    """The values of a key that stands several times, as one."""
    if len(values) == 1:
        return values[0] or None
    if key in ("Environment", "PassEnvironment", "UnsetEnvironment"):
        return " ".join(values)  # each may hold several variables, quoted
    if key.startswith("Exec"):
        # With nothing at the head it is a list of commands, without it might be the words of one.
        return [None, *(value or None for value in values)]
    return [value or None for value in values]


def to_yaml(text):
    content = {}
    for section, key, value in assignments(text):
        content.setdefault(section, {}).setdefault(key, []).append(value)
    return json.dumps({section: {key: merge(key, values) for key, values in keys.items()} for section, keys in content.items()},
                      indent=2) + "\n"
