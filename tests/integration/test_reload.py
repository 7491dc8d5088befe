"""daemon-reload: what changes on disk takes effect whole, and a fault in one file concerns that unit alone."""
import os

from harness import Daemon, TestCase, actor, service


class Reload(TestCase):
    def test_a_file_with_an_error_keeps_its_old_definition_and_every_other_loads(self):
        with Daemon({"a.service": service(actor("a"), unit={"Description": "old"}), "b.service": service(actor("b"))}) as svcd:
            svcd.svctl("start", "a")
            pid = svcd.get("a", "MainPID")
            path = svcd.write_unit("a.service", "Unit: {Description: new}\nService:\n  ExecStart: /bin/true\n  Typ: simple\n")
            svcd.write_unit("b.service", service(actor("b"), unit={"Description": "changed"}))
            svcd.write_unit("c.service", service(actor("c")))
            error = svcd.svctl("daemon-reload", status=9).stderr
            self.assertIn("%s:4:3" % path, error)
            self.assertIn("did you mean 'Type'", error)
            self.assert_shows(svcd, "a", Description="old", ActiveState="active", MainPID=pid, LoadState="loaded")
            self.assert_shows(svcd, "b", Description="changed")
            svcd.svctl("start", "c")
            svcd.svctl("restart", "a", "--stale", status=None)
            svcd.write_unit("a.service", service(actor("a"), unit={"Description": "mended"}))
            svcd.svctl("daemon-reload")
            self.assert_shows(svcd, "a", Description="mended")

    def test_bad_files_of_every_kind_do_not_keep_the_others_from_loading(self):
        with Daemon() as svcd:
            bad = {
                "tabs": b"Service:\n\tExecStart: /bin/true\n",
                "utf8": b"Unit: {Description: \xff\xfe}\nService: {ExecStart: /bin/true}\n",
                "twice": b"Service: {ExecStart: /bin/true, ExecStart: /bin/false}\n",
                "type": b"Service: {ExecStart: /bin/true, TimeoutStopSec: soon}\n",
                "bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
                    b"%c: &%c [%s]\n" % (ord("b") + i, ord("b") + i, b",".join([b"*%c" % (ord("a") + i)] * 9)) for i in range(9)),
                "deep": b"Unit: " + b"[" * 10000 + b"]" * 10000,
                "nocommand": b"Service: {Type: simple}\n",
                "section": b"Servce: {ExecStart: /bin/true}\n",
            }
            for name, content in bad.items():
                with open(os.path.join(svcd.units, name + ".service.yaml"), "wb") as file:
                    file.write(content)
            with open(os.path.join(svcd.units, "huge.service.yaml"), "wb") as file:
                file.truncate(100 << 20)
            os.mkdir(os.path.join(svcd.units, "folder.service.yaml"))
            os.mkfifo(os.path.join(svcd.units, "fifo.service.yaml"))
            os.symlink("/nonexistent", os.path.join(svcd.units, "dangling.service.yaml"))
            svcd.write_unit("good.service", service(actor("good")))
            error = svcd.svctl("daemon-reload", status=9, timeout=20).stderr
            for name in [*bad, "huge"]:
                self.assertIn(name + ".service.yaml", error)
            svcd.svctl("start", "good")
            for name in bad:
                svcd.svctl("start", name, status=1)

    def test_svcd_starts_with_bad_files_about(self):
        with Daemon({"bad.service": "Service: [", "good.service": service(actor("good"))}) as svcd:
            svcd.svctl("start", "good")
            self.assert_shows(svcd, "bad", LoadState="bad-setting")

    def test_a_bad_drop_in_does_not_cost_a_boot_its_unit(self):
        with Daemon({"sshd.service": service(actor("sshd")), "sshd.service.d/10-typo": "Servce: {}\n"}) as svcd:
            svcd.svctl("start", "sshd")
            svcd.wait_told("sshd", "start")

    def test_a_removed_file_is_forgotten_once_its_unit_has_stopped(self):
        with Daemon({"a.service": service(actor("a"))}) as svcd:
            svcd.svctl("start", "a")
            svcd.wait_told("a", "start")
            os.unlink(os.path.join(svcd.units, "a.service.yaml"))
            svcd.svctl("daemon-reload")
            self.assertEqual(svcd.states()["a.service"], ("active", "running"))
            svcd.svctl("stop", "a")
            svcd.svctl("daemon-reload")
            self.assertNotIn("a.service", svcd.states())
            svcd.svctl("start", "a", status=4)

    def test_new_dependencies_hold_from_the_reload_on(self):
        with Daemon({"a.service": service(actor("a")), "b.service": service(actor("b"))}) as svcd:
            svcd.svctl("start", "a")
            self.assertEqual(svcd.states()["b.service"], ("inactive", "dead"))
            svcd.svctl("stop", "a")
            svcd.write_unit("a.service", service(actor("a"), unit={"Requires": ["b.service"], "After": ["b.service"]}))
            svcd.svctl("daemon-reload")
            svcd.svctl("start", "a")
            self.assertEqual(svcd.states()["b.service"], ("active", "running"))
            svcd.svctl("stop", "b")
            self.assertEqual(svcd.states()["a.service"], ("inactive", "dead"))

    def test_sighup_reloads(self):
        with Daemon({"a.service": service(actor("a"), unit={"Description": "old"})}) as svcd:
            svcd.write_unit("a.service", service(actor("a"), unit={"Description": "new"}))
            svcd.process.send_signal(1)
            svcd.wait_for("a", Description="new")

    def test_a_reload_while_jobs_run_disturbs_none(self):
        with Daemon({"a.service": service(actor("a", "wait=500", "ready"), Type="notify"),
                     "b.service": service(actor("b", "stop=500"))}) as svcd:
            svcd.svctl("start", "b")
            svcd.wait_told("b", "start")
            start, stop = svcd.begin("start", "a"), svcd.begin("stop", "b")
            svcd.wait_told("a", "start")
            svcd.wait_told("b", "signal 15")
            svcd.svctl("daemon-reload")
            self.assertEqual((start.wait(), stop.wait()), (0, 0), (start.communicate(), stop.communicate()))
            self.assert_shows(svcd, "a", ActiveState="active")
            self.assert_shows(svcd, "b", ActiveState="inactive", Result="success")
            for process in (start, stop):
                process.stdout.close()
                process.stderr.close()
