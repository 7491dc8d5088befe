"""Nothing to do is nothing done."""
import os
import subprocess
import time

from harness import Daemon, TestCase, actor, service


class Idle(TestCase):
    def test_10_seconds_with_100_services_cost_no_system_call(self):
        units = {"s%d.service" % i: service(actor("s%d" % i)) for i in range(100)}
        with Daemon(units) as svcd:
            svcd.svctl("start", *units)
            for i in range(100):
                svcd.wait_told("s%d" % i, "start")
            svcd.disconnect()
            pids = [svcd.launcher(), svcd.manager_pid()]
            self.wait_for_quiet(pids)
            out = svcd.path("strace")
            strace = subprocess.Popen(["strace", "-f", "-qq", "-o", out, "-p", str(pids[0]), "-p", str(pids[1])],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                with self.assertRaises(subprocess.TimeoutExpired):
                    strace.wait(10)
            finally:
                strace.terminate()
                strace.communicate()
            with open(out) as text:
                # The call in which each of them waits is all that strace has to tell.
                lines = [line for line in text.read().splitlines() if "SIGTERM" not in line]
            calls = [line for line in lines if "detached" not in line and "strace: " not in line]
            waiting = [line for line in calls if any(call in line for call in ("epoll_wait", "epoll_pwait", "ppoll", "poll(", "waitid",
                                                                               "sigwait", "rt_sigtimedwait", "restart_syscall"))]
            self.assertEqual(calls, waiting)
            self.assertLessEqual(len(calls), 4, calls)

    @staticmethod
    def wait_for_quiet(pids):
        """Until no context switch has happened for a second: what the start left to do is done."""
        def switches():
            total = []
            for pid in pids:
                with open("/proc/%d/status" % pid) as status:
                    total += [line.split()[1] for line in status if "ctxt_switches" in line]
            return total
        deadline = time.monotonic() + 20
        before = None
        while before != (now := switches()) and time.monotonic() < deadline:
            before = now
            time.sleep(1)
