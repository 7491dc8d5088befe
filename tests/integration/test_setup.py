"""packaging/setup.sh, with programs in place of apt's that say what they are asked for. Nothing is installed."""
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import PATIENCE, SOURCE

# Each program writes down its command line; apt-get follows a script of its own.
DPKG_QUERY = """#!/bin/sh
for name; do :; done
case " $INSTALLED " in *" $name "*) printf installed ;; esac
"""
APT_CACHE = """#!/bin/sh
echo "apt-cache $*" >>"$CALLS"
for name; do
    case $name in
    show | -*) ;;
    libsystemd-dev) printf "Package: %s\\nPre-Depends: libc6 (>= 2.36)\\nDepends: libsystemd0 (= 252.39-1~deb12u1)\\n\\n" "$name" ;;
    *) printf "Package: %s\\nDepends: libc6 (>= 2.36)\\n\\n" "$name" ;;
    esac
done
"""
APT_GET = """#!/bin/sh
echo "$*" >>"$CALLS"
case " $* " in
*" --simulate "*)
    echo "Inst libsystemd0 [252.36-1~deb12u1] (252.39-1~deb12u1 Debian:12.11/stable [amd64]) []"
    echo "Inst libsystemd-dev (252.39-1~deb12u1 Debian:12.11/stable [amd64])"
    exit 0 ;;
esac
if [ -t 0 ]; then echo "stdin is a terminal" >&2; exit 1; fi
if [ -s "$BUSY" ]; then
    echo "E: $(head -n 1 "$BUSY")" >&2
    sed -i 1d "$BUSY"
    exit 100
fi
"""


class SetUp(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="svcd-setup-")
        self.addCleanup(shutil.rmtree, self.folder)
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-cache", APT_CACHE), ("apt-get", APT_GET), ("sudo", '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n')):
            path = os.path.join(self.folder, name)
            with open(path, "w") as program:
                program.write(text)
            os.chmod(path, 0o755)
        self.calls, self.busy = os.path.join(self.folder, "calls"), os.path.join(self.folder, "busy")
        for path in (self.calls, self.busy):
            open(path, "w").close()

    def setup_sh(self, *options, installed=""):
        environment = dict(os.environ, PATH=self.folder + ":" + os.environ["PATH"], CALLS=self.calls, BUSY=self.busy, INSTALLED=installed,
                           SETUP_RETRY_SECONDS="0.01")
        return subprocess.run([os.path.join(SOURCE, "packaging", "setup.sh"), *options], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, start_new_session=True)

    def installs(self):
        with open(self.calls) as calls:
            return [line for line in calls if " install " in line and "--simulate" not in line]

    def test_says_what_is_upgraded_on_the_way_and_why(self):
        done = self.setup_sh("--build")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("libsystemd0 252.36-1~deb12u1 -> 252.39-1~deb12u1: libsystemd-dev needs it in the very same version", done.stdout)
        self.assertEqual(len(self.installs()), 1)
        self.assertIn("DPkg::Lock::Timeout=", self.installs()[0])
        self.assertIn("--yes", self.installs()[0])
        with open(self.calls) as calls:
            self.assertEqual(calls.read().count("apt-cache"), 1)  # a second each time, on a machine with many lists

    def test_no_upgrade_stops_before_anything_is_installed(self):
        for options in (("--build", "--no-upgrade"), ("--no-upgrade", "--build")):
            done = self.setup_sh(*options)
            self.assertEqual(done.returncode, 1)
            self.assertIn("libsystemd0", done.stdout)
            self.assertIn("--no-upgrade", done.stderr)
        self.assertEqual(self.installs(), [])

    # DataDog/agent-linux-install-script#449: apt-get gives up at once when cloud-init or unattended-upgrades is at work.
    def test_waits_for_a_busy_apt_and_says_so_once(self):
        locks = ["Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)",
                 "Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 2 (unattended-upgr)",
                 "Unable to lock directory /var/cache/apt/archives/"]
        with open(self.busy, "w") as busy:
            busy.write("\n".join(locks) + "\n")
        done = self.setup_sh("--build")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.installs()), 4)
        self.assertEqual(done.stderr.count("apt is busy"), 1)
        self.assertIn("held by process 1", done.stderr)

    def test_another_fault_of_apt_is_not_waited_for(self):
        with open(self.busy, "w") as busy:
            busy.write("No space left on device\n" * 4)
        done = self.setup_sh("--build")
        self.assertEqual(done.returncode, 100)
        self.assertIn("No space left on device", done.stderr)

    def test_is_silent_when_all_is_there(self):
        with open(os.path.join(SOURCE, "packaging", "setup.sh")) as text:
            packages = text.read().split("build=(")[1].split(")")[0].split()
        done = self.setup_sh("--build", installed=" ".join(packages))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_an_unknown_option_is_a_usage_error(self):
        done = self.setup_sh("--devel")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--devel", done.stderr)
