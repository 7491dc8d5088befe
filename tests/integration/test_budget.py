"""The shutdown budget, PreStopDelaySec and the times of stops, with real services."""
import signal

from harness import Daemon, TestCase, actor, monotonic_usec, service
from test_stop_records import ended_record, events, records, states

CHAIN = 30


def chain(deaf):
    """Services one after the other, those of `deaf` ignoring SIGTERM and wanting 90 s."""
    units = {}
    for number in range(CHAIN):
        words = ["ready"] + (["deaf=%d" % signal.SIGTERM] if number in deaf else [])
        units["u%02d.service" % number] = service(
            actor("u%02d" % number, *words), {"After": ["u%02d.service" % (number - 1)]} if number else {},
            Type="notify", TimeoutStopSec="90s")
    return units


class Budget(TestCase):
    def test_a_chain_of_30_of_which_half_is_deaf_is_down_in_its_budget_and_in_order(self):
        deaf = range(0, CHAIN, 2)
        with Daemon(chain(deaf), config="ShutdownBudgetSec: 10s\nShutdownMarginSec: 1s\n", exit_status=None) as svcd:
            svcd.svctl("start", *("u%02d" % number for number in range(CHAIN)))
            svcd.disconnect()
            begin = monotonic_usec()
            svcd.process.send_signal(signal.SIGTERM)
            self.assertEqual(svcd.wait_for_exit(), 1)  # some had to be killed
            self.assertLess(monotonic_usec() - begin, 10_000_000)
            svcd.start()
            found = [records(svcd, "u%02d" % number, 1)[0] for number in range(CHAIN)]
            for number, record in enumerate(found):
                self.assertTrue(record["shutdown"])
                self.assertEqual(record["timeout_usec"], 90_000_000)
                self.assertLess(record["limit_usec"], 90_000_000)
                self.assertEqual(record["sigkill"], number in deaf)
                if number in deaf:  # nobody gets SIGKILL without having had SIGTERM, nor before its limit
                    first, last = events(record, "signal")[0], events(record, "signal")[-1]
                    self.assertEqual((first["signal"], last["signal"], last["cause"]), ("SIGTERM", "SIGKILL", "deadline"))
                    self.assertGreaterEqual(last["at_usec"], record["limit_usec"])
                if number:
                    before = found[number]["began_usec"] + found[number]["duration_usec"]
                    self.assertLessEqual(before, found[number - 1]["began_usec"])
            # What the others left unused has flowed to those after them.
            self.assertGreater(found[0]["limit_usec"], 2 * found[CHAIN - 2]["limit_usec"])

    def test_a_third_sigterm_hurries(self):
        with Daemon({"a.service": service(actor("a", "ready", "deaf=%d" % signal.SIGTERM), Type="notify")},
                    config="ShutdownMarginSec: 500ms\n", exit_status=None) as svcd:
            svcd.svctl("start", "a")
            svcd.disconnect()
            svcd.process.send_signal(signal.SIGTERM)
            svcd.wait_told("a", "signal %d" % signal.SIGTERM)
            begin = monotonic_usec()
            svcd.process.send_signal(signal.SIGTERM)
            svcd.process.send_signal(signal.SIGTERM)
            # Signals of one number are not queued: ask until it hurries.
            while svcd.process.poll() is None and monotonic_usec() - begin < 4_000_000:
                svcd.process.send_signal(signal.SIGTERM)
                svcd.read_events(0.05)
            self.assertEqual(svcd.wait_for_exit(), 1)


class Draining(TestCase):
    def test_a_service_serves_on_for_pre_stop_delay(self):
        with Daemon({"a.service": service(actor("a", "ready"), Type="notify", PreStopDelaySec="700ms",
                                          ExecStop=actor("stopper", "exit=0"), TimeoutStopSec="10s")}) as svcd:
            svcd.svctl("start", "a")
            stop = svcd.begin("stop", "a")
            svcd.wait_for("a", SubState="pre-stop")
            self.assertIn("draining", svcd.svctl("status", "a", status=3).stdout)
            self.assertIn("PreStopDelaySec", svcd.svctl("explain", "a").stdout)
            stop.communicate()
            self.assertEqual(stop.returncode, 0)
            record = ended_record(svcd, "a")
            self.assertEqual(states(record), ["pre-stop", "stop", "stop-sigterm", "dead"])
            began = next(event for event in record["events"] if event.get("state") == "stop")
            self.assertGreaterEqual(began["at_usec"], 700_000)
            self.assertIn("drains", svcd.svctl("explain", "a").stdout)

    def test_more_than_half_of_the_timeout_is_an_error(self):
        with Daemon({"a.service": service(actor("a"), PreStopDelaySec="6s", TimeoutStopSec="10s")}) as svcd:
            failed = svcd.svctl("start", "a", status=1)
            self.assertIn("PreStopDelaySec is more than half of TimeoutStopSec", failed.stderr)


class StopTimes(TestCase):
    def test_status_says_how_long_stops_take_and_a_long_one_is_warned_of_once(self):
        with Daemon({"a.service": service(actor("a", "ready", "stop=600"), Type="notify", TimeoutStopSec="1s")}) as svcd:
            for _ in range(3):
                svcd.svctl("start", "a")
                svcd.svctl("stop", "a")
            self.assertEqual(svcd.get("a", "StopTimeSamples"), 3)
            self.assertGreaterEqual(svcd.get("a", "StopTimeP95USec"), 600_000)
            self.assertIn("(p95 of 3", svcd.svctl("status", "a", status=3).stdout)
            with open(svcd.errors) as log:
                self.assertEqual(log.read().count("its stop took"), 1)
            svcd.kill_manager()
            svcd.wait_for_manager()
            self.assertEqual(svcd.get("a", "StopTimeSamples"), 3)
