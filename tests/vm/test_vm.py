"""svcd as PID 1 of a machine of its own: boots, and ends that switch it off."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from machine import Machine, TestCase, say, service

LOOP = "#!/bin/sh\ntrap %s\nwhile :; do sleep 1000 & wait; done\n"
CONFIG = {"/etc/svcd/svcd.yaml": "KillGraceSec: 1s\n"}


def waits(name, then="exit 0", **settings):
    """A service that tells when it runs and when it hears SIGTERM."""
    unit = settings.pop("unit", None)
    return service("trap '%s; %s' TERM; %s; while :; do sleep 1000 & wait; done" % (say(name + " hears SIGTERM"), then, say(name + " runs")),
                   unit=unit, **settings)


def does(script, after=()):
    """A service that does what the test wants done in the machine, once these have said that they run."""
    return service(script, unit={"After": list(after)})


class Disk:
    """An ext4 image with another one in it, /inner."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="svcd-vm-disk-")
        self.path = self.at("outer")
        self.make(self.at("content/inner"), "4M")
        os.mkdir(self.at("content/loop"))
        self.make(self.path, "16M", "-d", self.at("content"))

    def at(self, name):
        return os.path.join(self.folder, name)

    def make(self, path, size, *options):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", *options, path, size], stdout=subprocess.DEVNULL, check=True)

    def take_out(self, name):
        """The file of the outer file system, as a path."""
        self.debugfs(self.path, "dump /%s %s" % (name, self.at(name)))
        return self.at(name)

    @staticmethod
    def debugfs(image, request):
        return subprocess.run(["/sbin/debugfs", "-R", request, image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout

    @staticmethod
    def is_clean(image):
        header = subprocess.run(["/sbin/dumpe2fs", "-h", image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
        return re.search(r"state: +clean$", header, re.M) is not None and "needs_recovery" not in header

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


class PowerOff(TestCase):
    def test_units_stop_in_reverse_order_what_is_left_is_killed_and_disks_are_clean(self):
        mounts = ("mount /dev/vda /data && mount -o loop /data/inner /data/loop && mount -t tmpfs none /mnt && mkdir /mnt/below"
                  " && mount --bind /data /mnt/below && echo kept > /data/outer-mark && echo kept > /data/loop/inner-mark && ")
        scripts = {"/left-over": LOOP % ("'%s; exit' TERM" % say("the left-over hears SIGTERM")), "/deaf": LOOP % "'' TERM"}
        with Disk() as disk:
            console = Machine({
                "disk.service": service(mounts + say("mounted"), Type="oneshot", RemainAfterExit="yes"),
                "a.service": service("setsid /left-over & setsid /deaf & cd /data/loop; exec sleep 1000", KillMode="process", unit={"After": ["disk.service"]}),
                "b.service": waits("b", unit={"After": ["a.service"]}),
                "c.service": waits("c", unit={"After": ["b.service"]}),
                "test.service": does("svctl -q wait default.target && %s; svctl poweroff" % say("default.target is active"), after=["c.service"]),
            }, disks=[disk.path], files=scripts).run()
            self.assert_in_order(console, "said: mounted", "said: b runs", "said: default.target is active", "said: c hears SIGTERM",
                                 "said: b hears SIGTERM", "said: the left-over hears SIGTERM", "(deaf) is left, and gets SIGKILL", "svcd: powering off",
                                 "reboot: Power down")
            self.assertNotIn("svcd: can't", console)
            self.assertTrue(disk.is_clean(disk.path), console)
            self.assertEqual(disk.debugfs(disk.path, "cat /outer-mark"), "kept\n")
            inner = disk.take_out("inner")
            self.assertTrue(disk.is_clean(inner), console)
            self.assertEqual(disk.debugfs(inner, "cat /inner-mark"), "kept\n")

    def test_a_process_that_hangs_in_the_kernel_does_not_keep_the_machine_on(self):
        with Disk() as disk:
            console = Machine({
                "disk.service": service("mount /dev/vda /data && fsfreeze --freeze /data", Type="oneshot", RemainAfterExit="yes"),
                "stuck.service": service(say("stuck runs") + "; echo text > /data/file", TimeoutStopSec="1s", unit={"After": ["disk.service"]}),
                "test.service": does("until grep -q 'State:.D' /proc/$$(svctl show -P MainPID stuck)/status; do sleep 0.1; done; svctl poweroff", after=["stuck.service"]),
            }, disks=[disk.path], files=CONFIG).run()
            self.assert_in_order(console, "said: stuck runs", "hangs in the kernel", "svcd: powering off", "reboot: Power down")

    def test_a_third_sigterm_hurries(self):
        """Without it, it would take an hour."""
        script = "trap '' TERM; for time in 1 2 3; do kill -TERM 1; sleep 0.3; done; exec sleep 1000"
        console = Machine({"a.service": waits("a", then=":", TimeoutStopSec="1h"),
                           "test.service": service(script, unit={"After": ["a.service"]}, TimeoutStopSec="1h")}).run()
        self.assert_in_order(console, "said: a hears SIGTERM", "svcd: powering off", "reboot: Power down")

    def test_force_hurries(self):
        console = Machine({"a.service": waits("a", then=":", TimeoutStopSec="1h"),
                           "test.service": does("svctl poweroff --force", after=["a.service"])}).run()
        self.assert_in_order(console, "said: a hears SIGTERM", "svcd: powering off", "reboot: Power down")

    def test_sigterm_to_pid_1_switches_the_machine_off(self):
        console = Machine({"a.service": waits("a"), "test.service": does("kill -TERM 1", after=["a.service"])}).run()
        self.assert_in_order(console, "said: a hears SIGTERM", "svcd: powering off", "reboot: Power down")


class Reboot(TestCase):
    def test_without_svcd_shutdown_what_is_left_is_killed_and_disks_are_synced(self):
        with Disk() as disk:
            console = Machine({
                "disk.service": service("mount /dev/vda /data && echo kept > /data/mark && " + say("mounted"), Type="oneshot", RemainAfterExit="yes"),
                "test.service": does("rm /usr/libexec/svcd/svcd-shutdown; svctl reboot", after=["disk.service"]),
            }, disks=[disk.path]).run()
            self.assert_in_order(console, "said: mounted", "svcd: can't execute /usr/bin/../libexec/svcd/svcd-shutdown", "svcd: svcd-shutdown failed",
                                 "svcd: rebooting", "reboot: Restarting system")
            self.assertNotIn("not found", disk.debugfs(disk.path, "stat /mark"))

    def test_svctl_reboot(self):
        console = Machine({"a.service": waits("a"), "test.service": does("svctl reboot --reason=test", after=["a.service"])}).run()
        self.assert_in_order(console, "said: a hears SIGTERM", "svcd: rebooting", "reboot: Restarting system")

    def test_ctrl_alt_del_stops_units_in_order_and_reboots(self):
        console = Machine({"a.service": waits("a"), "test.service": does("kill -INT 1", after=["a.service"])}).run()
        self.assert_in_order(console, "said: a hears SIGTERM", "svcd: rebooting", "reboot: Restarting system")

    def test_seven_ctrl_alt_del_wait_for_nobody(self):
        again = "trap '' TERM; for time in 1 2 3 4 5 6 7; do kill -INT 1; sleep 0.1; done; sleep 1000"
        console = Machine({"a.service": waits("a", then=":", TimeoutStopSec="1h", KillMode="mixed"),
                           "test.service": service(again, unit={"After": ["a.service"]}, TimeoutStopSec="1h")}).run()
        self.assert_in_order(console, "without stopping units", "svcd: rebooting", "reboot: Restarting system")


class Halt(TestCase):
    def test_svctl_halt_with_the_static_svcd(self):
        machine = Machine({"a.service": waits("a"), "test.service": does("svctl halt", after=["a.service"])}, svcd="SVCD_STATIC_BIN")
        console = machine.run(until="reboot: System halted")
        self.assert_in_order(console, "said: a hears SIGTERM", "svcd: halting", "reboot: System halted")


class Rescue(TestCase):
    def test_a_manager_that_can_not_start_brings_a_shell_and_is_tried_again_when_that_is_left(self):
        broken = ("mv /usr/libexec/svcd/svcd-manager /kept; printf '#!/bin/sh\\nexit 3\\n' > /usr/libexec/svcd/svcd-manager;"
                  " chmod 755 /usr/libexec/svcd/svcd-manager; kill -9 $$(pidof svcd-manager); ")
        console = Machine({
            "a.service": waits("a"),
            "test.service": does(broken + "until svctl -q is-active a; do sleep 0.2; done; svctl poweroff", after=["a.service"]),
        }).run(typed=[("a rescue shell is on the console", 'echo "said: $((6 * 7)) on $(tty), leader $(ps -o pid,sid | grep -c "^ *$$ *$$")"; sleep 2'),
                      ("said: 42", "mv /kept /usr/libexec/svcd/svcd-manager; exit")])
        self.assert_in_order(console, "svcd-manager left with status 3; starting it again, services go on", "it dies too often",
                             "a rescue shell is on the console", "said: 42 on /dev/console, leader 1", "said: a hears SIGTERM", "reboot: Power down")
        self.assertEqual(console.count("a rescue shell is on the console"), 1)


class Memory(TestCase):
    def test_the_oom_killer_spares_the_launcher_and_nobody_else_for_it(self):
        show = 'echo "said: $$(cat /proc/1/oom_score_adj) $$(cat /proc/$$(pidof svcd-manager)/oom_score_adj) $$(cat /proc/$$$$/oom_score_adj)" > /dev/console'
        console = Machine({"test.service": does(show + "; svctl poweroff")}).run()
        self.assert_in_order(console, "said: -1000 0 0", "reboot: Power down")

    def test_a_service_that_the_oom_killer_takes_fails_with_oom_kill(self):
        limit = "echo 16M > /sys/fs/cgroup/system.slice/%s.service/memory.max; "
        hog = "dd if=/dev/zero of=/dev/null bs=64M count=1"
        show = ("svctl -q wait --for=failed %s; echo \"said: %s $$(svctl show -P Result %s)\" > /dev/console; "
                "echo \"said: $$(svctl explain %s | grep -o -m1 'OOM killer')\" > /dev/console; ")
        console = Machine({
            "hog.service": service(limit % "hog" + "exec " + hog),
            "worker.service": service(limit % "worker" + hog + "; sleep 1000"),
            "test.service": does(show % (("hog",) * 4) + show % (("worker",) * 4) + "svctl poweroff", after=["hog.service", "worker.service"]),
        }).run()
        self.assert_in_order(console, "said: hog oom-kill", "said: OOM killer", "said: worker oom-kill", "said: OOM killer",
                             "reboot: Power down")


if __name__ == "__main__":
    unittest.main()
