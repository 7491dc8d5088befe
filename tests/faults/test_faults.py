"""What ctest runs of the faults: a sample of the kills, a short soak, and each kind of call failing."""
import os
import re
import unittest

from fault_harness import FaultyDaemon, harness
from harness import Daemon, TestCase, actor, service

import kill_each_call
import kill_soak

# Some 25 s and 8 s; kill_each_call.py --all takes over an hour. With sanitizers a manager starts ten times as slowly.
KILLS_OF_A_SAMPLE, KILLS_OF_A_SOAK = (12, 30) if harness.SANITIZED else (60, 200)

UP = {"up.service": service(actor("up"))}
SIMPLE = {**UP, "a.service": service(actor("a"), TimeoutStopSec="1s")}
FILL_MAX = 64 << 20


class KillEachCall(TestCase):
    def test_the_story_ends_the_same_wherever_the_manager_is_killed(self):
        total = kill_each_call.count_calls()
        told = []
        _, reached, failures = kill_each_call.sweep(kill_each_call.spread(total, KILLS_OF_A_SAMPLE), False, 2, told.append)
        self.assertEqual(failures, [], "\n".join(told))
        self.assertGreater(reached, KILLS_OF_A_SAMPLE * 3 // 4)


class Soak(TestCase):
    def test_random_kills_under_load_lose_nothing(self):
        told = []
        figures, problems = kill_soak.soak(KILLS_OF_A_SOAK, int(os.environ.get("SVCD_TEST_SEED", "20261")), told.append)
        self.assertEqual(problems, [], "\n".join(told))
        self.assertEqual(figures["kills"], KILLS_OF_A_SOAK)


class Failing:
    """What the tests of one call that fails have in common."""

    def check_works(self, svcd, pid):
        """The fault has gone: everything can be done, and who ran before runs still."""
        svcd.heal()
        svcd.svctl("start", "a")
        svcd.svctl("restart", "a")
        svcd.svctl("stop", "a")
        self.assert_shows(svcd, "a", ActiveState="inactive")
        self.assert_shows(svcd, "up", ActiveState="active", MainPID=pid)
        self.assertEqual([event.what for event in svcd.told("up")], ["start"])

    def begin(self, svcd):
        svcd.svctl("start", "up")
        svcd.wait_told("up", "start")
        return svcd.get("up", "MainPID")

    def check_refused_start(self, rule, said, units=None):
        """A start that can't be: svctl fails, svcd says why, nothing else suffers."""
        with FaultyDaemon(units or SIMPLE) as svcd:
            pid = self.begin(svcd)
            svcd.rule(rule)
            self.assertIn("a.service", svcd.svctl("start", "a", status=1).stderr)
            self.assertGreater(svcd.acts(), 0)
            self.assertRegex(svcd.read_errors(), said)
            self.assertEqual(svcd.told("a"), [])
            self.check_works(svcd, pid)


class RefusedStarts(Failing, TestCase):
    def test_a_state_file_that_can_not_be_written_forbids_starts(self):
        self.check_refused_start("fail=ENOSPC name=pwrite64 path=/run/state times=always",
                                 r"write .*/run/state: No space left on device")

    def test_no_process_can_be_cloned(self):
        self.check_refused_start("fail=EAGAIN name=clone3 times=always",
                                 r"a\.service: clone3: Resource temporarily unavailable: a limit on the number of processes is reached")
        self.check_refused_start("fail=ENOMEM name=clone3 times=always", r"a\.service: clone3: Cannot allocate memory")

    @unittest.skipIf(harness.KEEPERS, "there are no cgroups")
    def test_no_cgroup_can_be_made_or_watched(self):
        self.check_refused_start("fail=ENOSPC name=mkdirat,mkdir times=always",
                                 r"mkdir \S*/a\.service in the cgroup file system: No space left on device")
        self.check_refused_start("fail=ENOSPC name=inotify_add_watch times=always",
                                 r"inotify_add_watch \S+: No space left on device: raise fs\.inotify\.max_user_watches")

    def test_no_descriptors_for_what_a_spawn_needs(self):
        if not harness.SANITIZED:  # UBSan itself looks at memory by a pipe
            self.check_refused_start("fail=EMFILE name=pipe2 times=always", r"a\.service: pipe2: Too many open files",
                                     {**UP, "a.service": service(actor("a"), Type="exec")})
        self.check_refused_start("fail=ENFILE name=memfd_create times=always", r"a\.service: memfd_create: Too many open files in system",
                                 {**UP, "a.service": service(["/bin/true"], User="nobody", Type="oneshot", RemainAfterExit=True)})


class OrderlyStops(Failing, TestCase):
    def test_a_stop_goes_on_when_the_state_file_is_full(self):
        with FaultyDaemon(SIMPLE) as svcd:
            pid = self.begin(svcd)
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.rule("fail=ENOSPC name=pwrite64 path=/run/state times=always")
            svcd.svctl("stop", "a")
            svcd.wait_told("a", "end")
            self.check_works(svcd, pid)

    def test_a_stop_without_room_for_its_record_is_a_stop(self):
        with FaultyDaemon(SIMPLE) as svcd:
            pid = self.begin(svcd)
            svcd.svctl("start", "a")
            svcd.rule("fail=ENOSPC name=pwrite64 path=/run/stops times=always")
            svcd.svctl("stop", "a")
            self.assertRegex(svcd.read_errors(), r"/run/stops: No space left on device: what is known of stops is kept in memory")
            self.check_works(svcd, pid)

    def test_without_room_for_the_record_a_stop_tells_that_it_needed_sigkill(self):
        units = {**UP, "a.service": service(actor("a", "deaf=15"), TimeoutStopSec="0.3s")}
        with FaultyDaemon(units) as svcd:
            self.begin(svcd)
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            svcd.rule("fail=ENOSPC name=pwrite64 path=/run/stops times=always")
            self.assertRegex(svcd.svctl("stop", "--strict", "a", status=8).stderr, "SIGKILL was needed")
            explained = svcd.svctl("explain", "a").stdout
            self.assertRegex(explained, "a.service was stopped in .*SIGKILL was needed")

    def test_interrupted_reads_and_a_busy_cgroup_change_nothing(self):
        for rule in ("fail=EINTR name=read path=cgroup. times=5", "fail=EBUSY name=unlinkat,rmdir times=always"):
            with self.subTest(rule), FaultyDaemon(SIMPLE) as svcd:
                pid = self.begin(svcd)
                svcd.svctl("start", "a")
                svcd.wait_told("a", "start")
                svcd.rule(rule)
                self.assertEqual(svcd.svctl("stop", "a").stderr, "")
                svcd.wait_told("a", "end")
                self.check_works(svcd, pid)

    def test_a_stop_is_orderly_though_its_cgroup_can_not_be_read_for_a_while(self):
        """Neither is the stop signal lost, for which SIGKILL would follow, nor that the unit is empty."""
        for rule in ("fail=EMFILE name=openat path=a.service times=2", "fail=EIO name=read,pread64 path=cgroup.procs times=2",
                     "fail=EMFILE name=pidfd_open times=2", "fail=ENFILE name=openat path=cgroup.events times=3",
                     "fail=EIO name=read,pread64 path=cgroup.events times=3"):
            for mode in ("control-group", "mixed"):
                units = {**UP, "a.service": service(actor("a"), TimeoutStopSec="20s", KillMode=mode)}
                with self.subTest(rule, mode=mode), FaultyDaemon(units) as svcd:
                    pid = self.begin(svcd)
                    svcd.svctl("start", "a")
                    svcd.wait_told("a", "start")
                    svcd.rule(rule)
                    svcd.svctl("stop", "a")
                    self.assertEqual([event.what for event in svcd.told("a", "signal")][:1], ["signal 15"])
                    self.assert_shows(svcd, "a", ActiveState="inactive", Result="success")
                    self.check_works(svcd, pid)


class ManagerThatCanNot(Failing, TestCase):
    def test_a_client_that_can_not_be_taken_is_asked_to_come_again(self):
        with FaultyDaemon(SIMPLE) as svcd:
            pid = self.begin(svcd)
            svcd.rule("fail=EMFILE name=accept4 times=3")
            svcd.svctl("start", "a")
            self.assertEqual(svcd.acts(), 3)
            self.check_works(svcd, pid)

    def test_a_manager_that_can_not_start_says_why_and_is_started_again(self):
        for rule, said in (("fail=EMFILE name=socket", r"Cannot start: make the private socket \S+: Too many open files"),
                           ("fail=ENFILE name=openat path=/run/state", r"Cannot start: open the state file \S+: Too many open files in system"),
                           ("fail=ENOMEM name=mmap path=memfd", r"Cannot start: mmap the process table: Cannot allocate memory")):
            with self.subTest(rule), FaultyDaemon(SIMPLE) as svcd:
                pid = self.begin(svcd)
                svcd.rule(rule)
                svcd.kill_manager()
                svcd.wait_until(lambda: re.search(said, svcd.read_errors()), said)
                self.check_works(svcd, pid)


class RealFaults(TestCase):
    """Not made by ptrace: a full file system, and one that is read-only, in a mount namespace of svcd's own."""

    def in_namespace(self, command):
        return ["unshare", "--mount", "--propagation=private", "sh", "-c", command + ' && exec "$@"', "sh"]

    def test_a_log_folder_that_is_read_only_keeps_no_service_down_that_does_not_need_it(self):
        units = {"quiet.service": service(actor("quiet"), StandardOutput="null"),
                 "loud.service": service(actor("loud", "print=x"))}
        prefix = self.in_namespace("mount --bind %(directory)s/log %(directory)s/log && mount -o remount,ro,bind %(directory)s/log")
        with Daemon(units, prefix=prefix) as svcd:
            svcd.svctl("start", "quiet")
            svcd.wait_told("quiet", "start")
            failed = svcd.svctl("start", "loud", status=None)
            if failed.returncode != 0:
                self.assertRegex(failed.stderr + svcd.read_errors(), r"loud.*Read-only file system")
            self.assert_shows(svcd, "quiet", ActiveState="active")

    def test_a_full_runtime_folder_keeps_what_runs_and_forbids_nothing_for_long(self):
        old, new = ["old%d" % i for i in range(10)], ["new%d" % i for i in range(80)]  # more than the state file has room for
        units = {name + ".service": service(actor(name), StandardOutput="null") for name in old}
        prefix = self.in_namespace("mount -t tmpfs -o size=8m,mode=755 tmpfs %(directory)s/run")
        with Daemon(units, prefix=prefix) as svcd:
            run = "/proc/%d/root%s" % (svcd.launcher(), svcd.run)
            svcd.address = "unix:path=%s/bus" % run
            svcd.environment["SVCTL_BUS"] = svcd.address
            svcd.svctl("start", *old)
            pids = {name: svcd.get(name, "MainPID") for name in old}
            with self.assertRaises(OSError), open(run + "/fill", "wb", buffering=0) as fill:
                for _ in range(FILL_MAX >> 12):
                    fill.write(b"x" * 4096)
            for name in new:
                svcd.write_unit(name + ".service", service(actor(name), StandardOutput="null"))
            some = svcd.svctl("start", *new, status=1)
            self.assertRegex(some.stderr, r"new\d+\.service failed to start")
            self.assertRegex(svcd.read_errors(), r"allocate \S*/state: No space left on device")
            svcd.svctl("stop", old[0])
            svcd.wait_told(old[0], "end")
            os.unlink(run + "/fill")
            svcd.svctl("start", *old, *new)
            for name in old[1:]:
                self.assert_shows(svcd, name, ActiveState="active", MainPID=pids[name])
            for name in old + new:
                starts = 2 if name == old[0] else 1
                svcd.wait_told(name, "start", starts)
                self.assertEqual(len(svcd.told(name, "start")), starts, name)
