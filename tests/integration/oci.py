"""Runs svcd as the first process of an OCI bundle, by crun or runc.

    with Bundle("crun", units={"web.service": {"Service": {"ExecStart": ["sleep", "1000"]}}}) as bundle:
        bundle.wait_running()
        bundle.execute("svctl", "status", "web")
        bundle.kill("TERM")
        bundle.wait()

The runtime works in a mount namespace and a cgroup namespace of its own: there /sys/fs/cgroup is a cgroup2 file system whose
root is a cgroup of the test's, so it sees, and can change, nothing of the machine's. The root of the bundle is a small folder;
/usr is the machine's, read-only, and svcd's programs are mounted into it from the build.
"""
import contextlib
import functools
import json
import os
import pty
import select
import shutil
import subprocess
import tempfile
import time

from harness import CGROUP_MOUNT, PATIENCE, SOURCE, SVCD, SVCTL, counter, end_with_parent

PREFIX = "/opt/svcd"  # of svcd in the bundle
ENVIRONMENT = ["PATH=%s/bin:/usr/sbin:/usr/bin:/sbin:/bin" % PREFIX, "LANG=C.UTF-8"]
BUILD = os.path.dirname(os.path.dirname(SVCD))  # where the folders of svcd's programs are
PROGRAMS = {"bin/svcd": SVCD, "bin/svctl": SVCTL,
            **{"libexec/svcd/svcd-" + name: os.path.join(BUILD, name, "svcd-" + name) for name in ("launcher", "manager", "exec", "logd", "shutdown")}}
ROOM = """
mount --make-rprivate / && umount --recursive --lazy /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
mkdir /sys/fs/cgroup/runtime && echo $$ >/sys/fs/cgroup/runtime/cgroup.procs && echo ready && exec cat
"""


class Room(contextlib.AbstractContextManager):
    """A pair of namespaces in which /sys/fs/cgroup is a cgroup2 file system whose root is a cgroup of ours."""

    def __init__(self):
        self.cgroup = "%s/svcd-test-%d-%d" % (CGROUP_MOUNT, os.getpid(), next(counter))

    def __enter__(self):
        os.mkdir(self.cgroup)
        # What is mounted there is gone with the last process of the namespace, and that ends when we do.
        self.holder = subprocess.Popen(["unshare", "--mount", "--cgroup", "sh", "-c", ROOM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, preexec_fn=self.enter_cgroup)
        if self.holder.stdout.readline() != b"ready\n":
            said = self.holder.stderr.read().decode(errors="replace").strip()
            self.__exit__()
            raise OSError("make namespaces with a cgroup2 file system of their own: " + said)
        return self

    def enter_cgroup(self, part=""):
        end_with_parent()
        with open(self.cgroup + part + "/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write("0")

    def give_cgroup(self, name, user):
        """Makes a cgroup that is a user's."""
        os.mkdir(os.path.join(self.cgroup, name))
        for file in ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"):
            os.chown(os.path.join(self.cgroup, name, file), user, user)

    def start(self, command, **settings):
        """Starts a program in the namespaces."""
        into = ["nsenter", "--mount", "--cgroup", "--target=%d" % self.holder.pid, "--wd=" + os.getcwd()]
        return subprocess.Popen([*into, "--", *command], preexec_fn=lambda: self.enter_cgroup("/runtime"), **settings)

    def __exit__(self, *_):
        self.holder.communicate()  # its input ends, and so does it
        deadline = time.monotonic() + PATIENCE
        while os.path.isdir(self.cgroup) and time.monotonic() < deadline:
            with contextlib.suppress(OSError), open(self.cgroup + "/cgroup.kill", "w", encoding="ascii") as kill:
                kill.write("1")
            for path, _, _ in os.walk(self.cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
        return False


class Bundle(contextlib.AbstractContextManager):
    def __init__(self, runtime, *arguments, units=None, init=("svcd", "--container"), terminal=False, read_only=False, user=0, cgroup="rw"):
        """`arguments` follow `init`: svcd's options, and a command. `read_only`: the root, /run and /tmp being there to be written to.
        `user`: by number; the cgroup of the bundle belongs to him. `cgroup`: "ro" is what Docker gives."""
        self.directory = tempfile.mkdtemp(prefix="svcd-test-")
        os.chmod(self.directory, 0o755)
        self.runtime, self.name = runtime, os.path.basename(self.directory)
        self.room, self.process, self.terminal = Room(), None, None
        self.text = {"out": "", "err": ""}
        self.make_root()
        for name, content in (units or {}).items():
            with open(self.path("rootfs/etc/svcd/units", name + ".yaml"), "w", encoding="utf-8") as file:
                json.dump(content, file)
        self.spec = self.default_spec()
        self.user, self.cgroup = user, cgroup
        self.change_spec([*init, *arguments], terminal, read_only)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def make_root(self):
        for folder in ("proc", "sys", "dev", "usr", "run", "var/log", "shared", "etc/svcd/units", PREFIX[1:]):
            os.makedirs(self.path("rootfs", folder))
        os.mkdir(self.path("shared"))
        for folder in ("tmp", "var/tmp"):
            os.makedirs(self.path("rootfs", folder))
            os.chmod(self.path("rootfs", folder), 0o1777)
        for folder in ("bin", "sbin", "lib", "lib64"):
            os.symlink("usr/" + folder, self.path("rootfs", folder))
        for name, text in (("passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n"), ("group", "root:x:0:\nuser:x:1000:\n")):
            with open(self.path("rootfs/etc", name), "w", encoding="ascii") as file:
                file.write(text)

    def binds(self):
        """What is mounted where from the machine."""
        return {"/usr": "/usr", "/shared": self.path("shared"), PREFIX + "/lib/svcd/units": os.path.join(SOURCE, "units"),
                **{PREFIX + "/" + place: program for place, program in PROGRAMS.items()}}

    def default_spec(self):
        """What the runtime itself proposes: few capabilities, no_new_privs, /sys read-only."""
        subprocess.run([self.runtime, "spec"], cwd=self.directory, check=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        with open(self.path("config.json"), encoding="utf-8") as file:
            return json.load(file)

    def change_spec(self, words, terminal, read_only):
        self.spec["process"].update(args=words, env=ENVIRONMENT + (["TERM=dumb"] if terminal else []), terminal=terminal,
                                    user={"uid": self.user, "gid": self.user})
        self.spec["root"]["readonly"] = read_only
        self.spec["linux"]["cgroupsPath"] = "/" + self.name
        self.spec["linux"].pop("resources", None)  # a filter of devices, for which crun needs CAP_SYS_RESOURCE
        if not any(namespace["type"] == "cgroup" for namespace in self.spec["linux"]["namespaces"]):
            self.spec["linux"]["namespaces"].append({"type": "cgroup"})
        mounts = self.spec["mounts"]
        for mount in mounts:
            if mount["destination"] == "/sys/fs/cgroup":
                mount["options"] = [option for option in mount["options"] if option not in ("ro", "rw")] + [self.cgroup]
        if read_only:
            mounts += [{"destination": place, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]} for place in ("/run", "/tmp")]
        binds = self.binds()
        mounts += [{"destination": place, "type": "bind", "source": source, "options": ["bind", "rw" if place == "/shared" else "ro"]}
                   for place, source in binds.items()]
        for place, source in binds.items():  # a read-only root can't be given them later
            at = self.path("rootfs" + place)
            if os.path.isdir(source):
                os.makedirs(at, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(at), exist_ok=True)
                with open(at, "w", encoding="ascii"):
                    pass

    # ── beginning and end ────────────────────────────────────────────────────────────────────────────────────────────
    def __enter__(self):
        try:
            self.room.__enter__()
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        try:
            self.begin()
        except BaseException:
            self.room.__exit__()
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        return self

    def begin(self):
        with open(self.path("config.json"), "w", encoding="utf-8") as file:
            json.dump(self.spec, file)
        if self.user:
            self.room.give_cgroup(self.name, self.user)
        command = self.command("run", "--bundle", self.directory, self.name)
        if self.spec["process"]["terminal"]:
            self.terminal, other = pty.openpty()
            self.process = self.room.start(["setsid", "--ctty", *command], stdin=other, stdout=other, stderr=other)
            os.close(other)
        else:
            with open(self.path("out"), "wb") as out, open(self.path("err"), "wb") as err:
                self.process = self.room.start(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.run("delete", "--force", self.name, status=None)
            self.process.kill()
        self.process.wait()
        if kind is not None:
            self.read()
            for name, text in self.text.items():
                print("── std%s of the bundle ──\n%s──" % (name, text[-8000:]))
        if self.terminal is not None:
            os.close(self.terminal)
        self.room.__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)
        return False

    def command(self, *words):
        return [self.runtime, "--root", self.path("state"), *words]

    def run(self, *words, status=0):
        """Runs the runtime; `status` is the exit status that it must have (None: any)."""
        process = self.room.start(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = process.communicate(timeout=2 * PATIENCE)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        if status is not None and process.returncode != status:
            raise AssertionError("%s %s ended with %d instead of %d\nstdout: %s\nstderr: %s" % (
                self.runtime, " ".join(words), process.returncode, status, out, err))
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def execute(self, *words, status=0):
        """Runs a program in the bundle, as `docker exec` does; returns what it has written."""
        return self.run("exec", self.name, *words, status=status).stdout

    def kill(self, name):
        self.run("kill", self.name, name)

    def wait(self):
        """The exit status of the runtime, which is that of the bundle's first process."""
        deadline = time.monotonic() + 2 * PATIENCE
        while self.process.poll() is None:
            self.read()  # a terminal that nobody reads from holds up who writes
            if time.monotonic() > deadline:
                raise AssertionError("the bundle does not end")
            time.sleep(0.005)
        self.read()
        return self.process.returncode

    # ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def read(self):
        """Takes what has been written since."""
        if self.terminal is None:
            for name in self.text:
                with open(self.path(name), encoding="utf-8", errors="replace") as file:
                    self.text[name] = file.read()
            return
        while select.select([self.terminal], [], [], 0)[0]:
            with contextlib.suppress(OSError):  # EIO: the other side is closed
                if more := os.read(self.terminal, 65536):
                    self.text["out"] += more.decode(errors="replace").replace("\r\n", "\n")
                    continue
            return

    def type(self, text):
        """Types on the terminal."""
        os.write(self.terminal, text.encode())

    def lines(self, name="out"):
        self.read()
        return self.text[name].splitlines()

    def wait_until(self, question, what):
        deadline = time.monotonic() + PATIENCE
        while not (answer := question()):
            if time.monotonic() > deadline:
                raise AssertionError("in %d s this did not come: %s" % (PATIENCE, what))
            if self.process.poll() is not None and not question():
                raise AssertionError("the bundle ended with status %d, and this did not come: %s" % (self.process.returncode, what))
            time.sleep(0.005)
        return answer

    def wait_line(self, line, name="out"):
        self.wait_until(lambda: line in self.lines(name), "the line %r on std%s" % (line, name))

    def wait_running(self):
        """Waits until the boot has come to its end."""
        self.wait_until(lambda: self.run("exec", self.name, "svctl", "is-system-running", "-q", status=None).returncode == 0, "a system that runs")


@functools.lru_cache(maxsize=None)
def why_not(runtime):
    """Why the runtime can't run a bundle here; None when it can."""
    if shutil.which(runtime) is None:
        return "needs %s (apt-get install %s)" % (runtime, runtime)
    try:
        with Bundle(runtime, init=("/bin/true",)) as bundle:
            status = bundle.wait()
            return None if status == 0 else "%s can't run a bundle here: %s" % (runtime, " ".join(bundle.lines("err"))[-300:])
    except OSError as error:
        return "%s can't run a bundle here: %s" % (runtime, error)
