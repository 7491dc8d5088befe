"""svcd for the side-by-side harness (BENCH_DIR, its adapters.py lists the verbs): loaded by BENCH_ADAPTERS, see run.sh.

The units say what those of the systemd adapter say: Type=simple, Restart=always at once and without limit, outputs to
/dev/null, default dependencies; svcd in --user mode with its private socket and no message bus.
"""
import json
import os
import subprocess

from adapters import CGROOT, LINES, RUN, Supervisor, binary, now


class Svcd(Supervisor):
    name = "svcd"
    needs = (("svcd", None), ("svctl", None))
    has_chain = True
    cgroup_per_service = True
    note = "launcher + manager, --user, private socket (no D-Bus broker), cgroup2 per service"

    def version(self):
        return subprocess.run([binary("svcd"), "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()

    def unit(self, name, unit, service=None):
        self.put(self.path("units", name + ".yaml"), json.dumps({"Unit": unit, **({"Service": service} if service else {})}, indent=1))

    def write(self, n, shape):
        os.makedirs(self.path("units"))
        os.makedirs(self.path("log"))
        self.run_dir = RUN + "/svcd-run"
        self.env.update({"SVCTL_BUS": "unix:path=%s/bus" % self.run_dir, "XDG_RUNTIME_DIR": RUN})
        names = [self.sid(i) + ".service" for i in range(n)]
        starts_at_boot = shape == "auto" or shape.startswith("log")
        self.unit("default.target", {"Description": "d", **({"Requires": ["bench.target"]} if starts_at_boot else {})})
        self.unit("bench.target", {"Description": "bench", "Wants": names, "After": names})
        self.unit("loaded.target", {"Description": "loaded", "After": names})
        for i, name in enumerate(names):
            about = {"Description": "service %d" % i}
            if shape == "chain":
                if i:
                    about.update(Requires=[names[i - 1]], After=[names[i - 1]])
            else:
                about.update(StartLimitIntervalSec=0, PartOf=["bench.target"])
            command, output = [self.svc, str(i)], "null"
            if shape.startswith("log"):
                self.logfile = self.path("log.out")
                command, output = [self.logw, shape[4:], str(LINES)], "append:" + self.logfile
            self.unit(name, about, {"Type": "simple", "ExecStart": command, "Restart": "always", "RestartSec": 0,
                                    "StandardOutput": output, "StandardError": "null"})

    def boot(self):
        self.spawn([binary("svcd"), "--user", "--bus=none", "--log-level=warning", "--unit-path=" + self.path("units"),
                    "--runtime-dir=" + self.run_dir, "--log-dir=" + self.path("log"), "--cgroup=" + CGROOT + "/svcd"])
        self.until_socket(self.run_dir + "/bus")

    def ctl(self, *arguments, **options):
        return self.command([binary("svctl"), *arguments], **options)

    def start_all(self):
        return self.ctl("start", self.sid(self.n - 1) if self.shape == "chain" else "bench.target")

    def stop_all(self):
        return self.ctl("stop", self.sid(0) if self.shape == "chain" else "bench.target")

    def status_query(self, i):
        return [binary("svctl"), "is-active", self.sid(i)]

    def status_full(self, i):
        return [binary("svctl"), "show", self.sid(i), "-p", "ActiveState", "-p", "SubState", "-p", "MainPID"]

    def list_query(self):
        return [binary("svctl"), "list-units"]

    def load(self):
        boot = now() - self.t_exec
        r0, r1 = self.ctl("daemon-reload")
        return {"first_load_ms": boot / 1e6, "reload_ms": (r1 - r0) / 1e6,
                "how": "first: exec to private socket answering, every file is loaded; reload: daemon-reload of all of them"}
