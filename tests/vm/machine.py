"""Boots a virtual machine in which svcd is PID 1, and reads what comes on its console.

    machine = Machine({"a.service": service("echo a > /dev/console")})
    console = machine.run()          # until it has switched itself off

QEMU emulates the processor, so it needs no right and no hardware, and a boot takes some seconds. The root file system is
an initramfs: the programs that were built, with their libraries, busybox, and the units. Whoever wants something done in
the machine makes a service of it; what it writes to /dev/console (say()) is what a test sees. A test should rely on that and
on svcd's own last words: the manager waits for nobody who reads its log, so on a slow console a line of it may be missing.
"""
import io
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
KERNEL = os.environ.get("SVCD_VM_KERNEL", os.path.join(SOURCE, "build", "vm-kernel"))
QEMU = shutil.which("qemu-system-x86_64")
BUSYBOX = shutil.which("busybox")
# environment variable -> where the program is in the machine
PROGRAMS = {"SVCD_BIN": "/usr/bin/svcd", "SVCTL_BIN": "/usr/bin/svctl", "SVCD_MANAGER_BIN": "/usr/libexec/svcd/svcd-manager",
            "SVCD_EXEC_BIN": "/usr/libexec/svcd/svcd-exec", "SVCD_LAUNCHER_BIN": "/usr/libexec/svcd/svcd-launcher",
            "SVCD_SHUTDOWN_BIN": "/usr/libexec/svcd/svcd-shutdown"}
MODULES = ["virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "loop", "fuse"]
PATIENCE = 60.0  # for a run, on a machine that has other things to do too

INIT = """#!/bin/sh
%s
exec /usr/bin/svcd --manager=/usr/libexec/svcd/svcd-manager "$@"
""" % "\n".join("insmod /modules/%s.ko" % module for module in MODULES)


def say(text):
    """A shell command that tells the test something."""
    return 'echo "said: %s" > /dev/console' % text


def service(script, unit=None, **settings):
    """A unit file whose service runs a shell script."""
    return {"Unit": unit or {}, "Service": {"ExecStart": ["/bin/sh", "-c", script], **settings}}


class Archive:
    """A cpio archive of the kind that the kernel unpacks as its first root."""

    def __init__(self):
        self.bytes, self.folders, self.count = io.BytesIO(), set(), 0

    def entry(self, name, mode, content=b""):
        self.count += 1
        name = name.lstrip("/").encode() + b"\0"
        fields = [self.count, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        self.bytes.write(b"070701" + b"".join(b"%08x" % field for field in fields))
        for part in (name, content):
            self.bytes.write(part)
            self.bytes.write(b"\0" * (-self.bytes.tell() % 4))

    def folder(self, path):
        if path not in ("", "/") and path not in self.folders:
            self.folder(os.path.dirname(path))
            self.folders.add(path)
            self.entry(path, 0o040755)

    def file(self, path, content, mode=0o644):
        self.folder(os.path.dirname(path))
        self.entry(path, 0o100000 | mode, content)

    def copy(self, source, path):
        with open(source, "rb") as file:
            self.file(path, file.read(), 0o755)

    def link(self, path, target):
        self.folder(os.path.dirname(path))
        self.entry(path, 0o120777, target.encode())

    def finish(self):
        self.entry("TRAILER!!!", 0)
        return self.bytes.getvalue()


def libraries_of(programs):
    """path that a program looks for -> file, for all shared libraries of the programs."""
    found = {}
    for program in programs:
        # Of a static program ldd says so, and fails.
        text = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        found.update({match[1]: match[1] for match in re.finditer(r"(/\S+) \(0x", text)})
    return found


def base_archive(svcd):
    archive, programs = Archive(), {**PROGRAMS, svcd: PROGRAMS["SVCD_BIN"]}
    for variable, path in programs.items():
        archive.copy(os.environ[variable], path)
    for path, source in sorted(libraries_of(os.environ[variable] for variable in programs).items()):
        archive.copy(source, path)
    archive.copy(BUSYBOX, "/bin/busybox")
    for applet in subprocess.run([BUSYBOX, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split():
        if applet != "busybox":
            archive.link("/bin/" + applet, "busybox")
    for module in MODULES:
        archive.copy(os.path.join(KERNEL, "modules", module + ".ko"), "/modules/%s.ko" % module)
    for folder in ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/log", "/data", "/mnt", "/etc/svcd"):
        archive.folder(folder)
    for name in os.listdir(os.path.join(SOURCE, "units")):
        if name.endswith(".yaml"):
            with open(os.path.join(SOURCE, "units", name), "rb") as file:
                archive.file("/usr/lib/svcd/units/" + name, file.read())
    archive.file("/etc/passwd", b"root:x:0:0::/:/bin/sh\n")
    archive.file("/init", INIT.encode(), 0o755)
    return archive


class Machine:
    """`units`: name -> unit file (a dict, or text). `wanted`: those that default.target starts. `disks`: image files, which
    are /dev/vda and so on. `files`: path -> text. `svcd`: SVCD_BIN, or SVCD_STATIC_BIN. `kernel`: more words for the kernel's command line."""

    def __init__(self, units, wanted=(), disks=(), files=None, svcd="SVCD_BIN", kernel=""):
        self.kernel = kernel
        archive = base_archive(svcd)
        for name, content in units.items():
            text = content if isinstance(content, str) else json.dumps(content)
            archive.file("/etc/svcd/units/%s.yaml" % name, text.encode())
        wants = {"Unit": {"Wants": list(wanted or units), "After": list(wanted or units)}}
        archive.file("/etc/svcd/units/multi-user.target.d/wanted.yaml", json.dumps(wants).encode())
        for path, content in (files or {}).items():
            archive.file(path, content.encode(), 0o755)
        self.initramfs = archive.finish()
        self.disks = disks
        self.console = ""

    def run(self, until=None, timeout=PATIENCE, typed=()):
        """Boots, and returns the console's text when the machine has switched itself off (or wants to reboot), or when
        `until`, a regular expression, has come: then the power is cut. `typed`: (text, line) pairs, each line is typed on the console
        once the text has come after what was typed before."""
        self.typed = list(typed)
        with tempfile.NamedTemporaryFile(prefix="svcd-vm-") as initramfs:
            initramfs.write(self.initramfs)
            initramfs.flush()
            command = [QEMU, "-nodefaults", "-no-user-config", "-machine", "pc", "-accel", "tcg", "-cpu", "max", "-m", "256", "-display", "none",
                       "-serial", "stdio", "-no-reboot", "-kernel", os.path.join(KERNEL, "vmlinuz"), "-initrd", initramfs.name,
                       "-append", "console=ttyS0 rdinit=/init panic=-1 quiet " + self.kernel]
            for disk in self.disks:
                command += ["-drive", "file=%s,if=virtio,format=raw,cache=unsafe" % disk]
            # Its input is ours: it would take what is typed where the tests run.
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            try:
                return self.read(process, until, time.monotonic() + timeout)
            finally:
                process.kill()
                process.wait()
                process.stdin.close()
                process.stdout.close()

    def read(self, process, until, deadline):
        self.console, answered = "", 0
        while select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                if process.wait() != 0:
                    raise AssertionError("QEMU ended with status %d:\n%s" % (process.returncode, self.console))
                break
            self.console += data.decode(errors="replace").replace("\r", "")
            if self.typed and self.typed[0][0] in self.console[answered:]:
                answered = len(self.console)
                process.stdin.write(self.typed.pop(0)[1].encode() + b"\n")
                process.stdin.flush()
            if until and re.search(until, self.console):
                return self.console
        else:
            raise AssertionError("the machine has not ended in time; its console:\n" + self.console)
        if until:
            raise AssertionError("%r did not come; the console:\n%s" % (until, self.console))
        return self.console


class TestCase(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if QEMU is None or BUSYBOX is None or not os.path.exists(os.path.join(KERNEL, "vmlinuz")):
            raise unittest.SkipTest("needs QEMU, a static busybox and a kernel: packaging/setup.sh --dev")

    def assert_in_order(self, console, *wanted):
        """Each of these is on the console, in this order."""
        at = 0
        for text in wanted:
            found = console.find(text, at)
            self.assertGreaterEqual(found, 0, "%r does not come (after what should come before it) on the console:\n%s" % (text, console))
            at = found + len(text)
