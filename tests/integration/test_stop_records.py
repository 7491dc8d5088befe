"""Stop records: what svcd writes down of each unit that goes down (docs/stop-records.md)."""
import contextlib
import json
import os
import signal

from harness import Daemon, TestCase, actor, alive, full_name, monotonic_usec, service


def records(svcd, unit, most=0):
    """The records of a unit, the newest first."""
    return [json.loads(text) for text in svcd.manager("GetStopRecords", "su", full_name(unit), most)[0]]


def ended_record(svcd, unit):
    """The newest record, once it has ended."""
    def ask():
        found = records(svcd, unit, 1)
        return found[0] if found and found[0]["duration_usec"] is not None else None
    return svcd.wait_until(ask, "the end of the record of " + unit)


def events(record, what):
    return [event for event in record["events"] if event["what"] == what]


def states(record):
    return [event["state"] for event in events(record, "state")]


def outline(record):
    """The events in short, in order."""
    def word(event):
        return event["what"] + "".join(" " + str(event[key]) for key in ("state", "setting", "role", "signal", "cause", "why") if key in event)
    return [word(event) for event in record["events"]]


def start(svcd, *units):
    for unit in units:
        svcd.svctl("start", unit)
        svcd.wait_told(unit, "start")


class Restarts(TestCase):
    def test_the_next_life_has_no_part_in_the_record_of_the_last(self):
        with Daemon({"a.service": service(actor("a", "ready"), Type="notify")}) as svcd:
            start(svcd, "a")
            for _ in range(5):
                svcd.svctl("restart", "a")
                self.assertEqual(events(ended_record(svcd, "a"), "left"), [])


class WhoAsked(TestCase):
    def test_a_plain_stop_tells_who_asked_and_what_happened(self):
        with Daemon({"a.service": service(actor("a", "ready"), Type="notify", TimeoutStopSec="20s")}) as svcd:
            start(svcd, "a")
            pid = svcd.get("a", "MainPID")
            invocation = bytes(svcd.get("a", "InvocationID")).hex()
            self.assertEqual(svcd.get("a", "StopReport"), "")
            before = monotonic_usec()
            svcd.svctl("stop", "a")
            record = json.loads(svcd.get("a", "StopReport"))
            self.assertEqual(record, records(svcd, "a")[0])
            self.assertEqual({key: record[key] for key in (
                "unit", "from", "main_pid", "invocation", "kill_mode", "stop_signal", "send_sigkill", "timeout_usec", "limit_usec",
                "sub", "result", "main_code", "main_status", "sigkill", "shutdown")}, {
                "unit": "a.service", "from": "running", "main_pid": pid, "invocation": invocation, "kill_mode": "control-group",
                "stop_signal": "SIGTERM", "send_sigkill": True, "timeout_usec": 20000000, "limit_usec": 20000000,
                "sub": "dead", "result": "success", "main_code": "exited", "main_status": 0, "sigkill": False, "shutdown": False})
            self.assertIn("ready", record["command"])
            self.assertTrue(before <= record["began_usec"] <= monotonic_usec())
            asked = record["asked_by"]
            self.assertEqual((asked["type"], asked["uid"]), ("stop", os.getuid()))
            self.assertIn("svctl", asked["command"])
            self.assertGreater(asked["pid"], 1)
            told = outline(record)
            self.assertEqual(told.count("empty"), 1)  # before the exit or after it: the kernel may tell either first
            told.remove("empty")
            self.assertEqual(told, ["state stop-sigterm", "signal SIGTERM stop", "exit main", "state dead"])
            self.assertEqual(events(record, "signal")[0]["to"], [pid])
            self.assertEqual(events(record, "exit")[0], {
                "at_usec": events(record, "exit")[0]["at_usec"], "what": "exit", "role": "main", "pid": pid, "code": "exited", "status": 0, "ran": True})
            times = [event["at_usec"] for event in record["events"]]
            self.assertEqual(times, sorted(times))
            self.assertGreaterEqual(record["duration_usec"], times[-1])

    def test_a_stop_by_a_dependency_names_the_unit_that_pulled_it_in(self):
        with Daemon({"db.service": service(actor("db")),
                     "web.service": service(actor("web"), {"Requires": ["db.service"], "After": ["db.service"]})}) as svcd:
            start(svcd, "db", "web")
            svcd.svctl("stop", "db")
            web, db = ended_record(svcd, "web"), ended_record(svcd, "db")
            self.assertIn("pulled in by db.service", web["asked_by"]["reason"])
            self.assertEqual(web["asked_by"]["at_usec"], db["asked_by"]["at_usec"])
            timeline = json.loads(svcd.manager("GetStopTimeline")[0])
            self.assertEqual([record["unit"] for record in timeline["records"]], ["db.service", "web.service"])
            self.assertEqual(timeline["after"], {"web.service": ["db.service"]})

    def test_what_ends_by_itself_was_asked_by_nobody(self):
        with Daemon({"a.service": service(actor("a", "run=20", "code=3"), Restart="on-failure", RestartSec="20s")}) as svcd:
            start(svcd, "a")
            record = ended_record(svcd, "a")
            self.assertIsNone(record["asked_by"])
            self.assertEqual((record["sub"], record["result"], record["main_status"]), ("auto-restart", "exit-code", 3))
            self.assertEqual(outline(record)[0], "exit main")
            svcd.svctl("stop", "a")
            record = ended_record(svcd, "a")
            self.assertEqual((record["from"], record["sub"], record["asked_by"]["type"]), ("auto-restart", "dead", "stop"))

    def test_a_restart_that_comes_by_itself_is_no_stop(self):
        with Daemon({"a.service": service(actor("a", "run=20"), Restart="always", RestartSec="10ms")}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start", 3)
            self.assertTrue(all(record["from"] != "auto-restart" for record in records(svcd, "a")))

    def test_a_kill_by_a_person_is_told_of_before_the_exit_that_it_caused(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            start(svcd, "a")
            pid = svcd.get("a", "MainPID")
            svcd.svctl("kill", "-s", "KILL", "a")
            record = ended_record(svcd, "a")
            self.assertEqual(outline(record)[:3], ["asked-kill SIGKILL", "signal SIGKILL user", "exit main"])
            kill = events(record, "asked-kill")[0]
            self.assertEqual((kill["uid"], kill["at_usec"] <= 0), (os.getuid(), True))
            self.assertIn("svctl", kill["command"])
            self.assertEqual(events(record, "signal")[0]["to"], [pid])
            self.assertEqual((record["main_code"], record["main_status"], record["sigkill"]), ("killed", 9, False))


class Steps(TestCase):
    def test_exec_stop_and_exec_stop_post_are_told_with_their_commands(self):
        with Daemon({"a.service": service(actor("a"), ExecStop=actor("stopper", "run=0"),
                                          ExecStopPost=actor("post", "run=0", "code=4"))}) as svcd:
            start(svcd, "a")
            svcd.svctl("stop", "a")
            record = ended_record(svcd, "a")
            self.assertEqual([step for step in outline(record) if step not in ("empty", "state final-sigterm")], [
                "state stop", "spawn ExecStop", "exit ExecStop control", "state stop-sigterm", "signal SIGTERM stop", "exit main",
                "state stop-post", "spawn ExecStopPost", "exit ExecStopPost control", "failure ExecStopPost", "state failed"])
            spawn, end = events(record, "spawn")[1], events(record, "exit")[2]
            self.assertEqual((end["pid"], end["code"], end["status"]), (spawn["pid"], "exited", 4))
            self.assertIn(" post run=0 code=4", spawn["command"])

    def test_what_a_service_says_while_it_stops(self):
        with Daemon({"a.service": service(actor("a", "ready", "every=20:STATUS=almost+EXTEND_TIMEOUT_USEC=5000000", "stop=100"), Type="notify")}) as svcd:
            start(svcd, "a")
            svcd.svctl("stop", "a")
            said = events(ended_record(svcd, "a"), "notify")
            self.assertTrue(said)
            self.assertEqual((said[0]["status"], said[0]["extend_usec"]), ("almost", 5000000))

    def test_who_was_left_when_the_main_process_had_ended(self):
        shell = "%s b stop=200 & exec %s a" % (actor("")[0], actor("")[0])
        with Daemon({"a.service": service(["/bin/sh", "-c", shell])}) as svcd:
            start(svcd, "a")
            svcd.wait_told("b", "start")
            main = svcd.get("a", "MainPID")
            other, = set(svcd.processes_of("a")) - {main}
            svcd.svctl("stop", "a")
            record = ended_record(svcd, "a")
            self.assertEqual([event["pids"] for event in events(record, "left")], [[other]])
            self.assertEqual(set(events(record, "signal")[0]["to"]), {main, other})

    def test_mixed_tells_what_it_kills_before_it_does(self):
        shell = "%s b deaf=15 & exec %s a" % (actor("")[0], actor("")[0])
        with Daemon({"a.service": service(["/bin/sh", "-c", shell], KillMode="mixed")}) as svcd:
            start(svcd, "a")
            svcd.wait_told("b", "start")
            other, = set(svcd.processes_of("a")) - {svcd.get("a", "MainPID")}
            svcd.svctl("stop", "a")
            record = ended_record(svcd, "a")
            told = outline(record)
            self.assertNotIn("signal SIGTERM again", told)
            order = [told.index(step) for step in ("exit main", "left", "processes sigkill", "signal SIGKILL main-exited")]
            self.assertEqual(order, sorted(order))
            self.assertEqual([process["pid"] for process in events(record, "processes")[0]["processes"]], [other])
            self.assertTrue(record["sigkill"])


class Killed(TestCase):
    def test_a_process_that_ignores_sigterm_is_looked_at_before_it_is_killed(self):
        with Daemon({"a.service": service(["/bin/sh", "-c", "trap '' TERM; echo > %s; exec sleep 1000" % "/dev/null"],
                                          TimeoutStopSec="200ms")}) as svcd:
            svcd.svctl("start", "a")
            pid = svcd.get("a", "MainPID")
            svcd.wait_until(lambda: ignores_sigterm(pid), "the shell's trap")
            svcd.svctl("stop", "a")
            record = ended_record(svcd, "a")
            told = outline(record)
            self.assertLess(told.index("processes sigkill"), told.index("signal SIGKILL deadline"))
            process, = events(record, "processes")[0]["processes"]
            self.assertEqual((process["pid"], process["name"], process["command"]), (pid, "sleep", "sleep 1000"))
            self.assertIn("SIGTERM", process["ignored"])
            self.assertEqual((process["state"], process["threads"], process["tracer"]), ("S", 1, 0))
            self.assertIn("sleep", process["syscall"])
            self.assertTrue(process["wait_channel"])
            self.assertEqual((record["result"], record["sigkill"], record["main_code"]), ("timeout", True, "killed"))
            self.assertEqual(events(record, "signal")[1]["to"], [pid])

    def test_a_person_who_kills_a_stopping_unit_is_told_of(self):
        with Daemon({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="60s")}) as svcd:
            start(svcd, "a")
            stop = svcd.begin("stop", "a")
            svcd.wait_told("a", "signal 15")
            svcd.svctl("kill", "-s", "KILL", "a")
            self.assertEqual(stop.wait(), 0)
            stop.communicate()
            told = outline(ended_record(svcd, "a"))
            order = [told.index(step) for step in ("asked-kill SIGKILL", "processes sigkill", "signal SIGKILL user", "exit main")]
            self.assertEqual(order, sorted(order))

    def test_a_person_who_kills_a_slice_is_told_of_in_its_services(self):
        with Daemon({"a.service": service(actor("a"), Slice="big-small.slice")}) as svcd:
            start(svcd, "a")
            pid = svcd.get("a", "MainPID")
            svcd.svctl("kill", "-s", "KILL", "big.slice")
            record = ended_record(svcd, "a")
            self.assertIn("asked-kill SIGKILL", outline(record))
            self.assertEqual(events(record, "signal")[0]["to"], [pid])

    def test_a_reload_that_was_killed_is_told_of_in_the_stop_that_follows(self):
        with Daemon({"a.service": service(actor("a"), ExecReload="/bin/sleep 1000", TimeoutStartSec="200ms")}) as svcd:
            start(svcd, "a")
            svcd.svctl("reload", "a", status=None)
            svcd.svctl("stop", "a")
            self.assertIn("signal SIGKILL kill-control", outline(ended_record(svcd, "a")))

    def test_examine_unit_shows_what_runs(self):
        with Daemon({"a.service": service(actor("a", "kids=2"))}) as svcd:
            start(svcd, "a")
            svcd.wait_until(lambda: len(svcd.processes_of("a")) == 3, "3 processes")
            found = json.loads(svcd.manager("ExamineUnit", "s", "a.service")[0])
            self.assertEqual((found["unit"], found["main_pid"], found["frozen"], found["more"]),
                             ("a.service", svcd.get("a", "MainPID"), False, 0))
            self.assertEqual({process["pid"] for process in found["processes"]}, set(svcd.processes_of("a")))
            children = [process for process in found["processes"] if process["parent"] == found["main_pid"]]
            self.assertEqual(len(children), 2)


class Kept(TestCase):
    def test_the_last_ten_of_twelve_stops_are_kept_also_over_a_death_of_the_manager(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            for _ in range(12):
                start(svcd, "a")
                svcd.svctl("stop", "a")
            before = records(svcd, "a")
            ids = [record["id"] for record in before]
            self.assertEqual(len(ids), 10)
            self.assertEqual(ids, sorted(ids, reverse=True))
            self.assertEqual(len(records(svcd, "a", 3)), 3)
            svcd.kill_manager()
            self.assertEqual(records(svcd, "a"), before)
            start(svcd, "a")
            svcd.svctl("stop", "a")
            self.assertEqual([record["id"] for record in records(svcd, "a")][1:], ids[:-1])

    def test_a_record_goes_on_when_the_manager_dies_in_the_middle_of_a_stop(self):
        with Daemon({"a.service": service(actor("a", "deaf=15"), TimeoutStopSec="3s")}) as svcd:
            start(svcd, "a")
            pid = svcd.get("a", "MainPID")
            svcd.svctl("stop", "--no-block", "a")
            svcd.wait_told("a", "signal 15")
            svcd.wait_until(lambda: "signal SIGTERM stop" in outline(records(svcd, "a")[0]), "the record's signal")
            goes_on = records(svcd, "a")[0]
            self.assertEqual((goes_on["duration_usec"], goes_on["sub"]), (None, "stop-sigterm"))
            svcd.kill_manager()
            record = ended_record(svcd, "a")
            self.assertEqual(len(records(svcd, "a")), 1)
            self.assertEqual(record["asked_by"], goes_on["asked_by"])
            self.assertEqual(record["events"][:len(goes_on["events"])], goes_on["events"])
            told = outline(record)
            order = [told.index(step) for step in (
                "state stop-sigterm", "signal SIGTERM stop", "state stop-sigkill", "processes sigkill",
                "signal SIGKILL deadline", "exit main", "state failed")]
            self.assertEqual(order, sorted(order))
            self.assertEqual((record["result"], record["sigkill"]), ("timeout", True))
            self.assertGreaterEqual(record["duration_usec"], 2500000)
            self.assertFalse(alive(pid))

    def test_the_next_svcd_knows_the_last_shutdown(self):
        units = {name + ".service": service(actor(name), {"After": after}) for name, after in (
            ("a", []), ("b", ["a.service"]), ("c", ["b.service"]))}
        with Daemon(units) as svcd:
            start(svcd, "a", "b", "c")
            svcd.disconnect()
            svcd.process.send_signal(signal.SIGTERM)
            self.assertEqual(svcd.wait_for_exit(), 0)
            svcd.start()
            record = records(svcd, "c")[0]
            self.assertTrue(record["shutdown"])
            self.assertEqual((record["sub"], record["result"]), ("dead", "success"))
            self.assertEqual(record["asked_by"]["pid"], 0)
            timeline = json.loads(svcd.manager("GetStopTimeline")[0])
            units = [record["unit"] for record in timeline["records"]]
            self.assertLess(units.index("a.service"), units.index("b.service"))
            self.assertIn("b.service", timeline["after"]["c.service"])
            start(svcd, "a", "c")
            svcd.svctl("stop", "a", "c")  # one wish, though two requests
            timeline = json.loads(svcd.manager("GetStopTimeline")[0])
            self.assertEqual({record["unit"] for record in timeline["records"]}, {"a.service", "c.service"})
            self.assertEqual(len(records(svcd, "a")), 2)

    def test_the_boot_timeline_shows_when_each_unit_came_up(self):
        with Daemon({"a.service": service(actor("a")), "b.service": service(actor("b"), {"After": ["a.service"]})}) as svcd:
            start(svcd, "a", "b")
            found = json.loads(svcd.manager("GetBootTimeline")[0])
            units = {unit["unit"]: unit for unit in found["units"]}
            a, b = units["a.service"], units["b.service"]
            self.assertIn("a.service", b["after"])
            self.assertEqual((a["type"], a["active_state"], a["sub"]), ("service", "active", "running"))
            self.assertTrue(found["began_usec"] <= a["inactive_exit_usec"] <= a["active_enter_usec"] <= b["inactive_exit_usec"])


def ignores_sigterm(pid):
    with contextlib.suppress(OSError), open("/proc/%d/status" % pid) as status:
        ignored = next(line.split()[1] for line in status if line.startswith("SigIgn"))
        return int(ignored, 16) >> (signal.SIGTERM - 1) & 1 and os.path.basename(os.readlink("/proc/%d/exe" % pid)) == "sleep"
    return False
