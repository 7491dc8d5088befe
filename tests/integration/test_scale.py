"""Many services: order in a large graph, every exit noticed, nothing left of a thousand short lives."""
import contextlib
import os
import random
import resource
import signal
import socket

from harness import Daemon, TestCase, actor, children_of, service

SEED = int(os.environ.get("SVCD_TEST_SEED", "20261"))


def random_graph(count, source):
    """unit -> the units before it that it requires, or only wants and follows."""
    names = ["s%03d.service" % i for i in range(count)]
    return {name: {"Requires": source.sample(names[:i], min(i, source.randrange(4))),
                   "Wants": source.sample(names[:i], min(i, source.randrange(2)))} for i, name in enumerate(names)}


class RandomGraph(TestCase):
    COUNT = 200

    def setUp(self):
        source = random.Random(SEED)
        self.graph = random_graph(self.COUNT, source)
        self.units = {"all.target": {"Unit": {"Wants": list(self.graph)}}}
        self.follows = []  # (later, earlier)
        for name, edges in self.graph.items():
            before = sorted({*edges["Requires"], *edges["Wants"]})
            self.follows += [(name, other) for other in before]
            kind = source.choice(["simple", "notify", "exec"])
            words = ["ready", "wait=%d" % source.randrange(5)] if kind == "notify" else []
            self.units[name] = service(actor(name, *words, "stop=%d" % source.randrange(20)), Type=kind,
                                       unit=dict(edges, After=before, PartOf=["all.target"]))

    def test_200_services_start_and_stop_in_order(self):
        with Daemon(self.units) as svcd:
            svcd.svctl("start", "all.target")
            shown = {name: svcd.show(name) for name in self.graph}
            self.assertEqual({name for name in shown if shown[name]["ActiveState"] != "active"}, set(), "seed %d" % SEED)
            for later, earlier in self.follows:
                self.assertLessEqual(shown[earlier]["ActiveEnterTimestampMonotonic"],
                                     shown[later]["InactiveExitTimestampMonotonic"], (later, earlier, SEED))
            for name in self.graph:
                svcd.wait_told(name, "start")
            started = {name: svcd.told(name)[0].usec for name in self.graph}
            for later, earlier in self.follows:
                if self.units[earlier]["Service"]["Type"] == "notify":
                    self.assertLess(svcd.told(earlier, "ready")[0].usec, started[later], (later, earlier, SEED))

            svcd.svctl("stop", "all.target", *self.graph)  # the target stops them all, in one transaction; the others are waited for
            shown = {name: svcd.show(name) for name in self.graph}
            self.assertEqual({name for name in shown if shown[name]["ActiveState"] != "inactive"}, set(), "seed %d" % SEED)
            for name in self.graph:
                self.assertEqual((shown[name]["ExecMainCode"], shown[name]["ExecMainStatus"], shown[name]["MainPID"]), (1, 0, 0))
                self.assertGreater(shown[name]["ExecMainExitTimestampMonotonic"], 0)
            for later, earlier in self.follows:
                self.assertLessEqual(svcd.told(later, "end")[0].usec, svcd.told(earlier, "signal 15")[0].usec, (later, earlier, SEED))
            self.assertEqual(svcd.unit_cgroups(), [])

    def test_200_that_are_killed_at_once_are_all_noticed(self):
        with Daemon({name: service(actor(name)) for name in self.graph} | {"all.target": self.units["all.target"]}) as svcd:
            svcd.svctl("start", "all.target")
            pids = [svcd.show(name)["MainPID"] for name in self.graph]
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            svcd.wait_until(lambda: set(svcd.states_of(self.graph)) == {("failed", "failed")}, "200 failed services")
            for name in self.graph:
                self.assert_shows(svcd, name, Result="signal", ExecMainCode=2, ExecMainStatus=9)
            self.assertEqual(svcd.svctl("is-system-running", status=1).stdout.strip(), "degraded")


class FewDescriptors(TestCase):
    def test_60_services_run_and_stop_with_64_descriptors(self):
        names = ["s%02d.service" % number for number in range(60)]
        units = {name: service(actor(name), StandardOutput="null") for name in names}
        with Daemon(units | {"all.target": {"Unit": {"Wants": names}}}) as svcd:
            for pid in (svcd.launcher(), svcd.manager_pid()):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64))
            svcd.svctl("start", "all.target")
            svcd.wait_until(lambda: set(svcd.states_of(names)) == {("active", "running")}, "60 services")
            svcd.kill_manager()
            svcd.wait_until(lambda: set(svcd.states_of(names)) == {("active", "running")}, "60 services of the next manager")
            svcd.svctl("stop", *names[:30])
            self.assertEqual(svcd.states_of(names[:30]), [("inactive", "dead")] * 30)
            svcd.disconnect()
            svcd.process.send_signal(signal.SIGTERM)
            self.assertEqual(svcd.wait_for_exit(), 0)
            self.assertEqual(svcd.unit_cgroups(), [])

    def test_idle_connections_and_starts_leave_descriptors_for_stops(self):
        names = ["s%02d.service" % number for number in range(20)]
        units = {name: service(actor(name), StandardOutput="null", ExecStop=actor(name, "exit=0")) for name in names}
        with Daemon(units | {"all.target": {"Unit": {"Wants": names}}}) as svcd, contextlib.ExitStack() as clients:
            svcd.svctl("start", "all.target")
            svcd.disconnect()
            resource.prlimit(svcd.launcher(), resource.RLIMIT_NOFILE, (64, 64))
            svcd.kill_manager()
            svcd.svctl("is-active", "all.target")
            svcd.disconnect()
            for uid in (65534, 65533, 0):
                for _ in range(70):
                    os.seteuid(uid)
                    connection = clients.enter_context(socket.socket(socket.AF_UNIX))
                    try:
                        connection.connect(svcd.path("run/bus"))
                    finally:
                        os.seteuid(0)
            svcd.svctl("stop", *names[:10])
            self.assertEqual(svcd.states_of(names[:10]), [("inactive", "dead")] * 10)
            svcd.disconnect()
            svcd.process.send_signal(signal.SIGTERM)
            self.assertEqual(svcd.wait_for_exit(), 0)
            self.assertEqual(svcd.unit_cgroups(), [])


class ShortLives(TestCase):
    def test_1000_short_lived_services_leave_no_zombie_no_cgroup_and_no_descriptor(self):
        names = ["s%04d.service" % i for i in range(1000)]
        units = {name: service(actor(name, "exit=%d" % (i % 2)), StandardOutput="null") for i, name in enumerate(names)}
        units["all.target"] = {"Unit": {"Wants": names}}
        with Daemon(units) as svcd:
            svcd.bus()
            launcher, manager = svcd.launcher(), svcd.manager_pid()
            svcd.wait_until(lambda: not children_of(manager), "the end of the look at old logs")
            before = {pid: len(os.listdir("/proc/%d/fd" % pid)) for pid in (launcher, manager)}
            svcd.svctl("start", "all.target", timeout=120)
            wanted = [("failed", "failed") if i % 2 else ("inactive", "dead") for i in range(1000)]
            svcd.wait_until(lambda: svcd.states_of(names) == wanted, "1000 ends", timeout=120)
            for name in random.Random(SEED).sample(names, 50):
                self.assert_shows(svcd, name, ExecMainCode=1, ExecMainStatus=names.index(name) % 2)
            self.assertEqual(svcd.unit_cgroups(), [])
            self.assertEqual([pid for pid, _ in children_of(launcher)], [manager])
            for pid, count in before.items():
                self.assertLessEqual(len(os.listdir("/proc/%d/fd" % pid)), count)
            self.assertEqual(svcd.manager_pid(), manager)
