"""svcd, as the integration tests run it, with the units of a scenario turned into YAML."""
import contextlib
import os
import signal
import tempfile
import time

import harness
import ini
import test_bus
from machine import Machine


class Svcd(Machine):
    """A running svcd with these units: name -> text in systemd's syntax."""

    def __init__(self, units, bus=False, also=(), factor=1.0):  # all units are loaded anyway: nothing is done about `also`
        self.broker, address = None, "none"
        if bus:
            self.bus_folder = tempfile.TemporaryDirectory(prefix="svcd-test-")
            self.broker = test_bus.MessageBus(self.bus_folder.name + "/bus")
            self.bus_path, address = self.broker.path, self.broker.address
        self.daemon = harness.Daemon(exit_status=None, bus=address)
        super().__init__(self.daemon.directory, factor)
        self.control = [harness.SVCTL, "--bus=" + self.daemon.address]
        self.control_path = self.daemon.run + "/bus"
        self.cgroup = harness.CGROUP_MOUNT
        for name, text in units.items():
            self.write_unit(name, text)

    def __enter__(self):
        if self.broker is not None:
            self.broker.start()
        self.daemon.__enter__()
        self.bus = self.daemon.bus()
        if self.broker is not None:
            self.broker.wait_for_svcd()
        return self

    def __exit__(self, kind, error, trace):
        try:
            return self.daemon.__exit__(kind, error, trace)
        finally:
            if self.broker is not None:
                self.broker.stop()
                self.bus_folder.cleanup()

    def inside(self, command):
        return command

    def environment(self):
        return {**self.daemon.environment, **self.saved}

    def reaper(self):
        return self.daemon.launcher()

    def write_unit(self, name, text):
        if name.endswith(".conf"):
            name = name[:-len(".conf")]
        self.daemon.write_unit(name, ini.to_yaml(self.substitute(text)))

    def mask_unit(self, name):
        os.symlink("/dev/null", self.path("units/%s.yaml" % name))

    def link_unit(self, name, target):
        os.symlink(target + ".yaml", self.path("units/%s.yaml" % name))

    def remove_unit(self, name):
        os.unlink(self.path("units/%s.yaml" % name))

    def count_processes(self, unit, control_group):
        if self.daemon.keepers:
            return len(self.daemon.processes_of(unit))
        return super().count_processes(unit, control_group)

    def before_end(self):
        """Ends what units still run, so that the end of a scenario takes no stop timeouts, and waits until svcd has seen it."""
        folders, processes = self.daemon.unit_cgroups(), self.daemon.processes()
        processes = [pid for pid in processes if pid not in (self.daemon.launcher(), self.daemon.manager_pid())]
        for folder in folders:
            with contextlib.suppress(OSError), open(folder + "/cgroup.kill", "w") as kill:
                kill.write("1")
        if self.daemon.keepers:
            processes = [pid for pid in processes if harness.command_line(pid)[:1] != ["svcd-exec"]]
            for pid in processes:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 2
        while (any(map(harness.alive, processes)) or any(map(is_empty, folders))) and time.monotonic() < deadline:
            time.sleep(0.01)


def is_empty(folder):
    """Whether the cgroup is there, with nothing in it: svcd will remove it or start something anew."""
    try:
        with open(folder + "/cgroup.events") as events:
            return "populated 0" in events.read()
    except OSError:
        return False
