#!/usr/bin/env python3
"""Builds the images of this folder with buildah, without a registry, and runs them with crun.

    packaging/container/check.py [--base FOLDER]

FOLDER is a Debian bookworm that debootstrap has made (debootstrap --variant=minbase bookworm FOLDER); without it one is made.
Needs root, buildah, debootstrap and crun of Debian's, its mirror, and a cgroup v2 file system. Takes some ten minutes:
svcd is compiled in a container. Prints the size of each image, and leaves nothing behind.
"""
import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(SOURCE, "packaging", "container")
sys.path.insert(0, os.path.join(SOURCE, "tests", "integration"))
os.environ.update(SVCD_BIN="/usr/bin/svcd", SVCTL_BIN="/usr/bin/svctl")  # as they are named in the images

import oci  # noqa: E402  (the lines above find it)

# What Docker gives the root of a container.
CAPABILITIES = ["CAP_" + name for name in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
                                           "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP")]


class Store(contextlib.AbstractContextManager):
    """The images, in a folder of ours."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="svcd-images-")

    def buildah(self, *words, **settings):
        """Runs buildah; what it has written to standard output."""
        places = ["--root", os.path.join(self.directory, "images"), "--runroot", os.path.join(self.directory, "run")]
        return subprocess.run(["buildah", *places, *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, **settings).stdout

    def make_base(self, folder):
        if folder is None:
            folder = os.path.join(self.directory, "debian")
            subprocess.run(["debootstrap", "--variant=minbase", "bookworm", folder], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        container = self.buildah("from", "scratch").strip()
        self.buildah("copy", "--quiet", container, folder, "/")
        self.buildah("commit", "--quiet", container, "localhost/base")
        self.buildah("rm", container)

    def build(self, name, context, *words):
        print("building %s" % name, file=sys.stderr, flush=True)
        said = self.buildah("bud", "--isolation", "chroot", "--pull-never", "--layers", "--tag", name, *words, context, stderr=subprocess.STDOUT)
        with open(os.path.join(self.directory, name + ".log"), "w", encoding="utf-8") as log:
            log.write(said)

    def size(self, name):
        """That of all its layers, in words."""
        return json.loads(self.buildah("images", "--json", name))[0]["size"]

    @contextlib.contextmanager
    def mounted(self, name):
        """The folder with what is in the image, and what the image says of itself."""
        container = self.buildah("from", "--pull-never", name).strip()
        try:
            config = json.loads(self.buildah("inspect", "--type", "image", name))["OCIv1"]["config"]
            yield self.buildah("mount", container).strip(), config
        finally:
            self.buildah("rm", container)

    def __exit__(self, *_):
        self.buildah("rm", "--all")
        self.buildah("rmi", "--all", "--force")
        shutil.rmtree(self.directory)
        return False


class ImageBundle(oci.Bundle):
    """A container of an image, as Docker would make it; but for its network, and a cgroup that svcd may write to."""

    def __init__(self, image, command=None):
        self.image, config = image
        self.words = [*config.get("Entrypoint", []), *(config.get("Cmd", []) if command is None else command)]
        super().__init__("crun")
        self.spec["process"]["env"] = config["Env"]

    def make_root(self):
        pass

    def change_spec(self, *_):
        super().change_spec(self.words, False, False)
        self.spec["root"]["path"] = self.image
        self.spec["process"]["noNewPrivileges"] = False
        self.spec["process"]["capabilities"] = {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")}

    def binds(self):
        return {}


def check(condition, what):
    if not condition:
        raise SystemExit("check.py: " + what)


def run_services(image):
    with ImageBundle(image) as bundle:
        bundle.wait_running()
        for unit in ("web", "store"):
            bundle.wait_until(lambda: "active (running)" in bundle.execute("svctl", "status", unit, status=None), unit + ", which runs")
        # nginx is active as soon as it is executed.
        bundle.wait_until(lambda: all(port in bundle.execute("cat", "/proc/net/tcp") for port in (":1F90 ", ":18EB ")), "servers on ports 8080 and 6379")
        bundle.kill("TERM")
        check(bundle.wait() == 0, "the services did not end well")
        check(any(line.startswith("store.service: ") for line in bundle.lines()), "nothing is shown of what the store has written")


def run_command(image):
    with ImageBundle(image) as bundle:
        bundle.wait_until(lambda: "active (running)" in bundle.execute("svctl", "status", "main", status=None), "main.service")
        bundle.kill("TERM")
        check(bundle.wait() == 0, "nginx did not end well")


def run_added(image):
    with ImageBundle(image, command=["sh", "-c", "svctl status main; exit 7"]) as bundle:
        check(bundle.wait() == 7, "svcd does not pass on the exit status of its command")
        check(any("active (running)" in line for line in bundle.lines()), "svctl does not work")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base")
    base = parser.parse_args().base
    if "SVCD_CHECK_MOUNTS" not in os.environ:  # whatever happens, no mount of an image is left on the machine
        os.execvpe("unshare", ["unshare", "--mount", sys.executable, *sys.argv], {**os.environ, "SVCD_CHECK_MOUNTS": "mine"})
    missing = [name for name in ("buildah", "crun", *(("debootstrap",) if base is None else ())) if shutil.which(name) is None]
    check(not missing, "needs " + ", ".join(missing))
    with Store() as store:
        store.make_base(base)
        dockerfile = ("--build-arg", "BASE=localhost/base", "--file", os.path.join(HERE, "Dockerfile"))
        store.build("svcd-files", SOURCE, *dockerfile, "--target", "files")
        store.build("svcd", SOURCE, *dockerfile)
        store.build("added", HERE, "--build-arg", "IMAGE=localhost/base", "--file", os.path.join(HERE, "add.Dockerfile"))
        store.build("services", os.path.join(HERE, "services"))
        store.build("command", os.path.join(HERE, "command"))
        for name, run in (("added", run_added), ("services", run_services), ("command", run_command)):
            with store.mounted(name) as image:
                run(image)
            print("%s runs" % name, file=sys.stderr, flush=True)
        print("| image | size |\n|---|---|")
        for name in ("base", "svcd-files", "svcd", "added", "services", "command"):
            print("| %s | %s |" % (name, store.size(name)))


if __name__ == "__main__":
    main()
