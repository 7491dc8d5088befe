"""The steps that say what they expect: [KIND, …], as in the scenarios whose expectations were verified on systemd.

    [ctl, WORDS, STATUS, [MIN, MAX] or null]        the client's exit status, and seconds
    [bg, NAME, WORDS], [wait, NAME, STATUS]         the same in the background
    [is, UNIT, "PROPERTY=VALUE …", BY]              comes to hold in BY seconds; a blank in a value is written \\s
    [keep, UNIT, "PROPERTY=VALUE …", SECONDS]       comes to hold, and goes on to for so long
    [log, [EVENT …], BY]                            the log is exactly this
    [logsub, [EVENT …], BY]                         these are in the log, in this order
    [logcount, EVENT, N or [MIN, MAX], BY], [lognot, EVENT]
    [sh, COMMAND, STATUS], [sleep, SECONDS]
    [save, NAME, UNIT, PROPERTY], [same, …], [diff, …]   a property is noted; still has that value; has another
    [procs, UNIT, N]                                comes to have so many processes
    [write, UNIT, TEXT], [mask, UNIT], [rm, UNIT], [writef, PATH, TEXT]    files

A STATUS is a number, "!0" or "any".
"""
import os
import time

import harness

AFTERWARDS = 0.1  # in which a log that is complete doesn't grow


def status_fits(status, wanted):
    return wanted == "any" or (status != 0 if wanted == "!0" else status == wanted)


class Expectations:
    def __init__(self, run):
        self.run, self.machine = run, run.machine
        self.cgroups = {}  # unit -> its cgroup when it last had one

    def check(self, step):
        """True, or what is wrong."""
        return getattr(self, "check_" + step[0])(*step[1:])

    def has(self, unit, wanted):
        pairs = [pair.split("=", 1) for pair in wanted.split()]
        got = self.machine.show(unit, *(key for key, _ in pairs))
        wrong = ["%s=%s" % (key, got.get(key)) for key, value in pairs if got.get(key) != value.replace("\\s", " ")]
        return not wrong or " ".join(wrong)

    def property(self, unit, name):
        return self.machine.show(unit, name).get(name, "")

    def check_ctl(self, words, status, bounds):
        begin = time.monotonic()
        done = self.machine.client(words)
        seconds = time.monotonic() - begin
        if not status_fits(done.returncode, status):
            return "exit %d" % done.returncode
        if bounds and not bounds[0] <= seconds <= bounds[1] * self.machine.factor + harness.SLACK:
            return "too early" if seconds < bounds[0] else "too late"
        return True

    def check_bg(self, name, words):
        self.run.background[name] = self.machine.begin(words)
        return True

    def check_wait(self, name, status):
        got = self.run.wait(name)
        return status_fits(got, status) or "exit %s" % got

    def check_is(self, unit, wanted, by):
        return self.run.poll(lambda: self.has(unit, wanted), by)

    def check_keep(self, unit, wanted, seconds):
        answer = self.run.poll(lambda: self.has(unit, wanted), 2)
        end = time.monotonic() + seconds * self.machine.factor
        while answer is True and time.monotonic() < end:
            time.sleep(0.05)
            answer = self.has(unit, wanted)
        return answer

    def check_log(self, events, by):
        def same():
            return self.machine.happened() == events or "log: " + " ".join(self.machine.happened())
        answer = self.run.poll(same, by)
        if answer is True:
            time.sleep(AFTERWARDS * self.machine.factor)
            answer = same()
        return answer

    def check_logsub(self, events, by):
        def contains():
            lines = iter(self.machine.happened())
            return all(event in lines for event in events) or "log: " + " ".join(self.machine.happened())
        return self.run.poll(contains, by)

    def check_logcount(self, event, wanted, by):
        low, high = wanted if isinstance(wanted, list) else (wanted, wanted)

        def count_fits():
            count = self.machine.happened().count(event)
            return low <= count <= high or "%d times" % count
        return self.run.poll(count_fits, max(by, 0.3))

    def check_lognot(self, event):
        return event not in self.machine.happened() or "it is in the log"

    def check_sh(self, command, status):
        done = self.machine.shell(command)
        return status_fits(done.returncode, status) or "exit %d" % done.returncode

    def check_sleep(self, seconds):
        time.sleep(seconds * self.machine.factor)
        return True

    def check_save(self, name, unit, prop):
        self.machine.saved[name] = self.property(unit, prop)
        return True

    def check_same(self, name, unit, prop):
        return self.property(unit, prop) == self.machine.saved[name] or "another"

    def check_diff(self, name, unit, prop):
        return self.property(unit, prop) not in (self.machine.saved[name], "", "0") or "the same, or none"

    def check_procs(self, unit, wanted):
        self.cgroups[unit] = self.property(unit, "ControlGroup") or self.cgroups.get(unit, "")

        def count_fits():
            count = self.machine.count_processes(unit, self.cgroups[unit])
            return count == wanted or "%d processes" % count
        return self.run.poll(count_fits, 2)

    def check_write(self, unit, text):
        self.machine.write_unit(unit, text)
        return True

    def check_mask(self, unit):
        self.machine.mask_unit(unit)
        return True

    def check_rm(self, unit):
        self.machine.remove_unit(unit)
        return True

    def check_writef(self, path, text):
        path = self.machine.substitute(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return True
