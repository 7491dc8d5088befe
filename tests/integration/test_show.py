"""`svctl show` prints every setting that is in force: each key of docs/unit-settings.md, set to something else than its default."""
import json
import os
import re
import signal

from harness import SOURCE, Daemon, TestCase

# Keys whose property isn't in the last column of the documentation, because it isn't the setting alone: key -> property.
ELSEWHERE = {"Description": "Description", "Documentation": "Documentation", "TimeoutSec": "TimeoutStopUSec"}
# What a text may be depends on the key.
TEXTS = {
    "Description": "Something",
    "RebootArgument": "firmware",
    "SourcePath": "/etc/generated",
    "BusName": "org.example.Web",
    "Slice": "batch.slice",
    "PIDFile": "/run/web.pid",
    "WorkingDirectory": "/usr",
    "User": "nobody",
    "Group": "daemon",
    "StandardInput": "file:/dev/zero",
    "StandardOutput": "append:/tmp/web.out",
    "StandardError": "null",
    "SyslogIdentifier": "web",
}
LISTS = {
    "Documentation": ["https://example.org/", "man:web(8)"],
    "RequiresMountsFor": ["/tmp", "/var"],
    "SuccessExitStatus": ["75", "SIGUSR1"],
    "RestartPreventExitStatus": ["75", "SIGUSR1"],
    "RestartForceExitStatus": ["75", "SIGUSR1"],
    "EnvironmentFile": ["/etc/web.env", "-/etc/web.more"],
}
CONDITIONS = {
    "PathExists": "/one", "PathExistsGlob": "/one/*", "PathIsDirectory": "/one", "PathIsSymbolicLink": "/one", "PathIsMountPoint": "/one",
    "PathIsReadWrite": "/one", "DirectoryNotEmpty": "/one", "FileNotEmpty": "/one", "FileIsExecutable": "/one", "User": "nobody",
    "Group": "daemon", "Host": "web*", "KernelCommandLine": "quiet", "KernelVersion": ">=5.4", "Virtualization": "vm",
    "Architecture": "arm64", "Capability": "CAP_MKNOD", "Environment": "LANG=C", "ControlGroupController": "memory",
    "Memory": ">=1073741824", "CPUs": ">=4", "FirstBoot": "yes", "NeedsUpdate": "/etc", "ACPower": "yes", "Security": "selinux",
}
# What else a unit has to say for a setting to be allowed.
WITH = {
    "RestartSteps": {"RestartMaxDelaySec": "1h"},
    "ReloadSignal": {"Type": "notify-reload"},
}
# Properties that are not as the file has it.
AS_JSON = {
    "EnvironmentFile": [[["/etc/web.env", False], ["/etc/web.more", True]]],
    **{key: [[[75], [10]]] for key in ("SuccessExitStatus", "RestartPreventExitStatus", "RestartForceExitStatus")},
}


def documented():
    """(section, key, kind of value, properties) of each row."""
    section, rows = None, []
    with open(os.path.join(SOURCE, "docs", "unit-settings.md")) as text:
        for line in text:
            heading = re.match(r"## (\w+)", line)
            section = heading[1] if heading else section
            row = re.match(r"\| `(\w+)` \| (.*?) \| .* \| ?(.*?) ?\|$", line)
            if row:
                rows.append((section, row[1], row[2], re.findall(r"`(\w+)`", row[3])))
    return rows


class Setting:
    """A key with a value that is not its default, and what `show` has to print then."""

    def __init__(self, section, key, kind, properties, default):
        self.section, self.key = section, key
        condition = re.match(r"(Condition|Assert)(\w+)", key)
        self.properties = properties or [ELSEWHERE[key] if key in ELSEWHERE else condition[1] + "s" if condition else key]
        was = default.get(self.properties[0])
        if condition:
            self.value = "|!" + CONDITIONS[condition[2]]
            self.expected = [[[key, True, True, CONDITIONS[condition[2]], 0]]]
        elif key in LISTS:
            self.value, self.expected = LISTS[key], [LISTS[key]]
        elif key in TEXTS:
            self.value, self.expected = TEXTS[key], [TEXTS[key]]
        elif kind == "list":
            self.value, self.expected = ["other.target"], ["other.target"]
        elif kind == "yes or no":
            self.value, self.expected = not was, [not was]
        elif kind == "time span":
            self.value, self.expected = "7s", [7_000_000]
        elif kind == "number":
            self.value, self.expected = 3, [3]
        elif kind == "octal number":
            self.value, self.expected = "0077", [0o077]
        elif kind == "signal":
            self.value, self.expected = "SIGUSR1", [int(signal.SIGUSR1)]
        elif kind == "limit":
            self.value, self.expected = "10:20", [20, 10]
        elif kind == "variables":
            self.value, self.expected = {"A": "1", "B": "two words"}, [["A=1", "B=two words"]]
        elif kind == "commands":
            self.value, self.expected = ["/bin/echo", "two words"], [["/bin/echo", ["/bin/echo", "two words"], False]]
        else:
            self.value = [choice for choice in re.findall(r"`([\w-]+)`", kind) if choice != was][-1]
            self.expected = [self.value]
        self.kind = kind
        self.expected = AS_JSON.get(key, self.expected)

    def unit(self):
        sections = {"Service": {"ExecStart": "/bin/true", **WITH.get(self.key, {})}}
        sections.setdefault(self.section, {})[self.key] = self.value
        return sections

    def seen(self, shown):
        """The properties' values, in the form of `expected`."""
        values = [shown.get(name) for name in self.properties]
        if self.kind == "commands" and values[0]:
            return [values[0][0][:3]]
        if self.kind == "list" and self.key not in LISTS and values[0] is not None:
            return [name for name in values[0] if name == "other.target"]  # beside what goes without saying
        return values


class Show(TestCase):
    def settings(self, default):
        rows = [row for row in documented() if row[0] != "Install"]  # that is in force when a unit is enabled, and not later
        rows += [(section, "Assert" + key[len("Condition"):], kind, properties)
                 for section, key, kind, properties in rows if key.startswith("Condition")]
        return [Setting(*row, default) for row in rows]

    def texts(self, svcd, units):
        """unit -> the lines of `svctl show`."""
        blocks = svcd.svctl("show", *units).stdout.split("\n\n")
        lines = [block.strip().split("\n") for block in blocks]
        return {re.match("Id=(.*)", block[0])[1]: block for block in lines}

    def test_every_setting_is_printed_with_the_value_that_is_in_force(self):
        with Daemon({"default.service": json.dumps({"Service": {"ExecStart": "/bin/true"}})}) as svcd:
            default = json.loads(svcd.svctl("--json", "show", "default").stdout)
            settings = {"set-%s.service" % setting.key: setting for setting in self.settings(default)}
            self.assertGreater(len(settings), 120)
            for name, setting in settings.items():
                svcd.write_unit(name, json.dumps(setting.unit()))
            svcd.svctl("daemon-reload")
            shown = {unit["Id"]: unit for unit in json.loads(svcd.svctl("--json", "show", *settings).stdout)}
            texts = self.texts(svcd, ["default.service", *settings])
            for name, setting in settings.items():
                with self.subTest(setting=setting.key):
                    self.assertEqual(setting.seen(shown[name]), setting.expected)
                    for name_of_property in setting.properties:
                        lines = [line for line in texts[name] if line.startswith(name_of_property + "=")]
                        self.assertNotEqual(lines, [])
                        for line in lines:
                            self.assertRegex(line, "=.")
                            self.assertNotIn(line, texts["default.service"])
