"""svcd as PID 1 of a machine whose boot, or whose PID 1, goes wrong: somebody can always get at it."""
import json
import unittest

from machine import Machine, TestCase, say, service

SHELL = {"/etc/svcd/svcd.yaml": "RescueShell: shell\n"}
OFF = 'echo "said: $((6 * 7)) on $(tty)"; svctl poweroff'
SHELL_IS_THERE = "a rescue shell is on the console; when it is left"


def unit(**settings):
    return json.dumps({"Unit": settings})


def runs(name, **settings):
    return service(say(name + " runs") + "; exec sleep 1000", **settings)


def last(name="test"):
    return service("svctl -q wait default.target; %s; svctl poweroff" % say(name))


class KernelWords(TestCase):
    def boots_to(self, kernel, target, args=""):
        console = Machine({"a.service": runs("a"), "probe.service": service(
            "svctl -q wait %s; %s; svctl poweroff" % (target, say("in " + target)), unit={"DefaultDependencies": "no"})},
            wanted=["a.service"], files={**SHELL, "/etc/svcd/units/%s.d/probe.yaml" % target: unit(Wants=["probe.service"])}, kernel=kernel).run()
        self.assert_in_order(console, "said: in " + target, "reboot: Power down")
        return console

    def test_DragonOS_1958_words_that_are_not_svcds_are_ignored(self):
        console = self.boots_to("splash no_timer_check foo.bar=1 rhgb vga", "default.target")
        self.assertIn("said: a runs", console)
        self.assertNotIn("splash", console)

    def test_a_misspelt_option_is_said_and_the_machine_boots(self):
        console = self.boots_to("svcd.unti=rescue.target -- --unitpath=/x --system --user", "default.target")
        self.assertIn("svcd.unti=rescue.target", console)
        self.assertIn("svcd has no option --unitpath (did you mean --unit-path?); it is left out", console)
        self.assertIn("exclude each other", console)

    def test_coreos_bugs_2202_single_is_rescue_target(self):
        console = self.boots_to("quiet single", "rescue.target")
        self.assertNotIn("said: a runs", console)
        self.assertIn(SHELL_IS_THERE, console)

    def test_emergency_starts_as_little_as_can_be(self):
        console = self.boots_to("emergency", "emergency.target")
        self.assertNotIn("said: a runs", console)
        self.assertIn(SHELL_IS_THERE, console)

    def test_systemd_10752_a_runlevel_is_multi_user_target(self):
        self.assertIn("said: a runs", self.boots_to("3", "multi-user.target"))

    def test_a_unit_may_be_named_the_last_word_counts(self):
        console = self.boots_to("single systemd.unit=multi-user.target", "multi-user.target")
        self.assertNotIn(SHELL_IS_THERE, console)


class FailedBoot(TestCase):
    def goes_to_emergency(self, units, *why, files=None, **settings):
        console = Machine(units, files={**SHELL, **(files or {})}, **settings).run(typed=[(SHELL_IS_THERE, OFF)])
        self.assert_in_order(console, *why, "going to emergency.target", SHELL_IS_THERE, "said: 42 on /dev/console", "reboot: Power down")
        return console

    def test_a_typo_in_default_target(self):
        self.goes_to_emergency({"default.target": "Unit:\n  Requries: [multi-user.target]\n", "a.service": runs("a")},
                               "the boot has not reached default.target", "Requries")

    def test_a_typo_in_what_it_requires(self):
        self.goes_to_emergency({"multi-user.target": "Unit:\n  Afterr: [basic.target]\n"}, "the boot has not reached default.target", "Afterr")

    def test_no_default_target(self):
        self.goes_to_emergency({}, "the boot has not reached nowhere.target", "nowhere.target", kernel="svcd.unit=nowhere.target")

    def test_coreos_bugs_1433_a_required_unit_that_fails_its_last_lines_are_on_the_console(self):
        units = {"data.service": service("echo the disk is on fire; exit 3", Type="oneshot"), "other.service": runs("other")}
        console = self.goes_to_emergency(
            units, "data.service failed (exit-code): its main process left with status 3", "the boot has not reached default.target",
            "data.service failed (exit-code)", "data.service: the disk is on fire", wanted=["other.service"],
            files={"/etc/svcd/units/default.target.d/needs.yaml": unit(Requires=["data.service"], After=["data.service"])})
        self.assertIn("said: other runs", console)

    def test_when_the_shell_is_left_default_target_is_tried_again(self):
        mend = "sleep 2; rm /etc/svcd/units/default.target.yaml; svctl daemon-reload; exit"
        console = Machine({"default.target": "Unit:\n  Requries: [multi-user.target]\n", "a.service": last("booted")}, wanted=["a.service"],
                          files=SHELL).run(typed=[(SHELL_IS_THERE, mend)])
        self.assert_in_order(console, SHELL_IS_THERE, "said: booted", "reboot: Power down")

    def test_no_emergency_target_either_brings_the_launchers_own_shell(self):
        console = Machine({"default.target": "Unit:\n  Requries: [x.target]\n", "emergency.target": "Nonsense:\n"}, wanted=["basic.target"],
                          files=SHELL).run(typed=[("a rescue shell is on the console", OFF)])
        self.assert_in_order(console, "emergency.target can't be started either", "said: 42 on /dev/console", "reboot: Power down")

    def test_RescueShell_none_gives_nobody_a_shell(self):
        console = Machine({"default.target": "Unit:\n  Requries: [x.target]\n"}, wanted=["basic.target"],
                          files={"/etc/svcd/svcd.yaml": "RescueShell: none\n"}).run(until="no rescue shell")
        self.assertNotIn(SHELL_IS_THERE, console)


class Launcher(TestCase):
    # An instruction that there is none of, where the launcher goes on when its poll(2) returns.
    # As long as it runs ("running") the kernel does not tell where.
    FAULT = ("pc=running; while [ $$pc = running ]; do pc=$$(awk '{print $$NF}' /proc/1/syscall); done;"
             " printf '\\x0f\\x0b' | dd of=/proc/1/mem bs=1 seek=$$((pc)) conv=notrunc 2>/dev/null;"
             " kill -USR2 1; exec sleep 1000")

    def faults(self, config, until=None):
        return Machine({"a.service": service("for time in 1 2 3; do kill -SEGV 1; kill -ILL 1; done; %s; %s" % (say("PID 1 is alive"), self.FAULT))},
                       files={"/etc/svcd/svcd.yaml": config}).run(until=until)

    def test_systemd_17941_a_signal_is_no_fault_and_systemd_43401_a_fault_reboots(self):
        console = self.faults("")
        self.assert_in_order(console, "said: PID 1 is alive", "svcd-launcher has a fault of its own: SIGILL", "CrashAction: reboot",
                             "reboot: Restarting system")

    def test_a_fault_may_halt(self):
        console = self.faults("CrashAction: halt\n", until="reboot: System halted")
        self.assert_in_order(console, "a fault of its own", "CrashAction: halt")

    def test_systemd_7783_a_fault_may_leave_the_machine_as_it_is(self):
        console = self.faults("CrashAction: wait\n", until="CrashAction: wait")
        self.assertNotIn("panic", console)

    def test_a_kernel_that_panics_reboots_the_machine(self):
        console = Machine({"a.service": service('echo "said: $$(cat /proc/sys/kernel/panic)" > /dev/console; svctl poweroff')}, kernel="panic=0").run()
        self.assert_in_order(console, "said: 10\n", "reboot: Power down")

    def test_a_manager_that_hangs_is_replaced_and_ctrl_alt_del_reboots(self):
        script = "kill -STOP $$(pidof svcd-manager); kill -INT 1; exec sleep 1000"
        console = Machine({"a.service": service(script)}, files={"/etc/svcd/svcd.yaml": "ManagerTimeoutSec: 1s\n"}).run()
        self.assert_in_order(console, "svcd-manager was stopped by SIGSTOP", "SIGABRT", "svcd: rebooting", "reboot: Restarting system")

    def test_managers_that_hang_for_ever_do_not_keep_the_machine_on(self):
        broken = ("mv /usr/libexec/svcd/svcd-manager /kept; printf '#!/bin/sh\\nkill -STOP $$$$\\n' > /usr/libexec/svcd/svcd-manager;"
                  " chmod 755 /usr/libexec/svcd/svcd-manager; kill -9 $$(pidof svcd-manager); kill -INT 1; exec sleep 1000")
        console = Machine({"a.service": service(broken)}, files={"/etc/svcd/svcd.yaml": "ManagerTimeoutSec: 1s\n"}).run()
        self.assert_in_order(console, "they are ended without it", "svcd: rebooting", "reboot: Restarting system")

    def test_busybox_has_its_signals(self):
        for command, end in (("reboot", "reboot: Restarting system"), ("poweroff", "reboot: Power down")):
            console = Machine({"a.service": service("busybox %s; exec sleep 1000" % command)}, files={"/etc/svcd/svcd.yaml": "BusyboxSignals: yes\n"}).run()
            self.assert_in_order(console, end)


class Console(TestCase):
    def test_a_shutdown_says_what_is_waited_for_and_how_long(self):
        console = Machine({"slow.service": service("trap '' TERM; sleep 1000 & while :; do wait; done", TimeoutStopSec="12s"),
                           "test.service": service("svctl poweroff")}).run()
        self.assert_in_order(console, "waiting for slow.service to stop, for 5 s; SIGKILL in ", "reboot: Power down")


class ReadOnlyRoot(TestCase):
    def test_Supervisor_1585_no_service_fails_and_what_it_says_is_kept(self):
        """/var/log on a file system that is read-only until somebody mounts it anew."""
        units = {
            "early.service": service("mount -t tmpfs none /var/log && mount -o remount,ro /var/log", unit={"DefaultDependencies": "no"}, Type="oneshot",
                                     StandardOutput="null", RemainAfterExit="yes"),
            "a.service": service("echo early word; while ! test -e /run/go; do sleep 0.1; done; echo late word; exec sleep 1000", unit={"After": ["early.service"]}),
            "fails.service": service("true", unit={"After": ["early.service"]}, StandardOutput="append:/var/log/x"),
            "test.service": service(
                "until grep -q early /run/svcd/log/a.service/current; do sleep 0.1; done; %s; mount -o remount,rw /var/log;"
                " until grep -q 'early word' /var/log/svcd/a.service/current; do sleep 0.1; done; %s; touch /run/go; sleep 1; svctl restart a;"
                ' echo "said: $$(grep -c word /var/log/svcd/a.service/current) words, $$(svctl show -P ExecMainStatus fails)" > /dev/console; svctl poweroff'
                % (say("it runs"), say("it is moved")), unit={"After": ["a.service", "fails.service"]}),
        }
        console = Machine(units).run()
        self.assert_in_order(console, "said: it runs", "said: it is moved", "said: ", "reboot: Power down")
        self.assertRegex(console, r"said: [234] words, 209")


if __name__ == "__main__":
    unittest.main()
