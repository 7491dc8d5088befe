#!/usr/bin/env python3
"""The museum of incidents: what went wrong, made to happen again on a real svcd, and what svctl says of it.

    run.py                   all incidents
    run.py NAME ...          only these (file names without .yaml)
    run.py --group 2/6       every sixth, from the second on: what ctest runs side by side
    run.py --show NAME ...   what svctl says, to read

Each file is one incident; README.md tells how it is written.
"""
import argparse
import concurrent.futures
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "integration")]

import harness

SKIP = 77  # ctest's SKIP_RETURN_CODE
HELPERS = r"""
main() { "$SVCTL" show "$1" -P MainPID; }
cgroup() { echo "$CGROUP$("$SVCTL" show "$1" -P ControlGroup | sed "s|^$CGROUP_NAME||")"; }
wait_until() { for i in $(seq 600); do eval "$1" && return 0; sleep 0.05; done; echo "never: $1" >&2; return 1; }
"""


def load(name):
    with open(os.path.join(HERE, name + ".yaml")) as file:
        return yaml.safe_load(file)


def all_names():
    return sorted(name[:-5] for name in os.listdir(HERE) if name.endswith(".yaml"))


def in_one_line(text):
    """Lines that svctl wraps are one sentence."""
    return re.sub(r"\s+", " ", text)


class Incident:
    def __init__(self, name):
        self.name, self.what = name, load(name)
        self.problems, self.background = [], []

    def run(self, show=False):
        if "needs" in self.what and subprocess.run(["bash", "-c", self.what["needs"]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                   stderr=subprocess.DEVNULL).returncode != 0:
            return []
        svcd = harness.Daemon(exit_status=None)
        try:
            for name, content in self.what.get("units", {}).items():
                svcd.write_unit(name, self.substitute(content, svcd))
            for path, text in self.what.get("files", {}).items():
                path = self.substitute(path, svcd)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as file:
                    file.write(self.substitute(text, svcd))
                os.chmod(path, 0o755)
        except BaseException:
            svcd.remove_all()
            raise
        with svcd:
            for step in self.what["steps"]:
                if not self.step(step, svcd):
                    break
            else:
                self.judge(svcd, show)
            self.end_background()
            self.run_shell(self.what.get("afterwards", "true"), svcd)
        return self.problems

    def substitute(self, value, svcd):
        if isinstance(value, dict):
            return {key: self.substitute(each, svcd) for key, each in value.items()}
        if isinstance(value, list):
            return [self.substitute(each, svcd) for each in value]
        if not isinstance(value, str):
            return value
        return value.replace("@DIR", svcd.directory).replace("@ACTOR", harness.ACTOR).replace("@SVCTL", harness.SVCTL)

    def environment(self, svcd):
        return dict(svcd.environment, SVCTL=harness.SVCTL, DIR=svcd.directory, CGROUP=svcd.cgroup, CGROUP_NAME=svcd.cgroup_name,
                    ACTOR=harness.ACTOR)

    def run_shell(self, script, svcd):
        return subprocess.run(["bash", "-c", HELPERS + self.substitute(script, svcd)], env=self.environment(svcd), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=120)

    def svctl(self, words, svcd):
        return self.run_shell('"$SVCTL" ' + words, svcd)

    def step(self, step, svcd):
        """False when the incident could not be made to happen."""
        if isinstance(step, str):
            step = {"svctl": step}
        if "background" in step:
            self.background.append(subprocess.Popen([harness.SVCTL, *shlex.split(step["background"])], env=self.environment(svcd),
                                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            return True
        if "svcd" in step:
            if step["svcd"] == "ended":  # by itself
                svcd.wait_for_exit()
            else:
                svcd.kill_launcher()
            self.run_shell(step.get("meanwhile", "true"), svcd)
            svcd.start_again()
            return True
        if "until" in step:
            unit, wanted = step.pop("until"), {key: str(value) for key, value in step.items()}
            deadline = time.monotonic() + 2 * harness.PATIENCE
            while True:
                done = self.svctl("show %s --property=%s" % (shlex.quote(unit), ",".join(wanted)), svcd)
                got = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
                if all(re.fullmatch(value, got.get(key, "")) for key, value in wanted.items()):
                    return True
                if time.monotonic() > deadline:
                    self.problems.append("%s did not become %s, it is %s" % (unit, wanted, got))
                    return False
                time.sleep(0.03)
        done = self.svctl(step["svctl"], svcd) if "svctl" in step else self.run_shell(step["sh"], svcd)
        self.said[step.get("svctl", "sh")] = done.stdout + done.stderr
        if done.returncode != step.get("exit", 0):
            self.problems.append("'%s' ended with %d: %s" % (step.get("svctl", step.get("sh")), done.returncode, done.stdout + done.stderr))
            return False
        return True

    @property
    def said(self):
        return self.__dict__.setdefault("outputs", {})

    def text_of(self, words, svcd):
        """What a step has said, or what svctl says now."""
        if words not in self.said:
            done = self.svctl(words, svcd)
            self.said[words] = done.stdout + done.stderr
        return in_one_line(self.said[words])

    def judge(self, svcd, show):
        for words, facts in self.what.get("say", {}).items():
            text = self.text_of(words, svcd)
            self.problems += ["'%s' does not say %r. It says: %s" % (words, fact, text) for fact in facts
                              if not re.search(self.substitute(fact, svcd), text)]
        for words, claims in self.what.get("never", {}).items():
            text = self.text_of(words, svcd)
            self.problems += ["'%s' says %r, which is not so. It says: %s" % (words, claim, text) for claim in claims
                              if re.search(self.substitute(claim, svcd), text)]
        if show:
            for words in {**self.what.get("say", {}), **self.what.get("never", {})}:
                print("── %s: svctl %s\n%s" % (self.name, words, self.said[words]))

    def end_background(self):
        for process in self.background:
            process.kill()
            process.wait()


def attempt(name, show):
    try:
        return Incident(name).run(show)
    except Exception as error:
        return ["%s: %s" % (type(error).__name__, error)]


def run_one(name, show=False):
    """Its problems, and how long it took. On a machine that is busy its short times may have been too short: it gets a second run."""
    begin = time.monotonic()
    problems = attempt(name, show) and attempt(name, show)
    return problems, time.monotonic() - begin


def begin_worker():
    harness.end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--group", help="K/N")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--jobs", type=int, default=3)
    arguments = parser.parse_args()
    if not harness.SVCD or harness.CGROUP_MOUNT is None or not os.access(harness.CGROUP_MOUNT, os.W_OK):
        print("needs SVCD_BIN, SVCTL_BIN and ACTOR_BIN, which ctest sets, and the right to make cgroups")
        return SKIP
    names = arguments.names or all_names()
    if arguments.group:
        first, every = map(int, arguments.group.split("/"))
        names = names[first - 1::every]
    failed = 0
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs, initializer=begin_worker) as pool:
        begun = {pool.submit(run_one, name, arguments.show): name for name in names}
        for future in concurrent.futures.as_completed(begun):
            problems, seconds = future.result()
            failed += bool(problems)
            print("%s %s (%.1f s)" % ("FAIL" if problems else "ok  ", begun[future], seconds), *("     " + each for each in problems),
                  sep="\n", flush=True)
    print("%d incidents, %d failed" % (len(names), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
