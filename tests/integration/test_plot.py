"""svctl plot, blame and critical-chain on real services; the picture is looked at in a browser."""
import contextlib
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree
import zlib

from harness import MISBEHAVER, Daemon, TestCase, actor, service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
COLOURS = {"ExecStop": (0x56, 0xb4, 0xe9), "after the signal": (0xf0, 0xc0, 0x40), "after SIGKILL": (0xc2, 0x3b, 0x00),
           "ExecStopPost": (0x00, 0x9e, 0x73), "activating": (0x00, 0x72, 0xb2), "active": (0xcf, 0xe6, 0xd8)}
LONG_NAME = "a-long-name-" + 9 * "which-goes-on-and-on-" + "until\\x2dits\\x2dend"

# Puts the picture into a page that measures it: which texts overlap each other, a bar, or leave the picture.
PAGE = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">%s<pre id="found"></pre><script>
const svg = document.querySelector("svg"), whole = svg.getBoundingClientRect();
const box = element => ({what: element.textContent || element.outerHTML, ...element.getBoundingClientRect().toJSON()});
const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2.5;
const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent).map(box);
const bars = [...svg.querySelectorAll("g rect, g path")].map(box);
const found = {rows: svg.querySelectorAll("g > title").length, texts: texts.length, bars: bars.length, wrong: []};
texts.forEach((one, index) => {
  if (one.left < whole.left || one.right > whole.right || one.top < whole.top || one.bottom > whole.bottom)
    found.wrong.push(one.what + " leaves the picture");
  texts.slice(index + 1).filter(other => overlap(one, other)).forEach(other => found.wrong.push(one.what + " overlaps " + other.what));
  bars.filter(bar => overlap(one, bar)).forEach(bar => found.wrong.push(one.what + " overlaps a bar"));
});
document.getElementById("found").textContent = JSON.stringify(found);
</script>"""


def stopping_units():
    """Eight services in a row of three: db takes its time until SIGKILL, web an ExecStop, the rest end at once."""
    first = {"PartOf": ["all.target"]}
    units = {
        "disk.service": service(actor("disk", "stop=50"), first, ExecStopPost=["/bin/sleep", "0.1"]),
        "db.service": service([MISBEHAVER, "ignore"], dict(first, After=["disk.service"]), Type="notify", TimeoutStopSec="700ms"),
        "web.service": service(actor("web"), dict(first, After=["db.service"]), ExecStop=["/bin/sleep", "0.2"]),
        LONG_NAME + ".service": service(actor("long", "stop=80"), first),
        "srv-data\\x2dset.service": service(actor("escaped"), first),
    }
    units.update({"small%d.service" % i: service(actor("small%d" % i), first) for i in range(3)})
    return dict(units, **{"all.target": {"Unit": {"Wants": list(units), "After": list(units)}}})


def names_in(rows):
    return [row["unit"] for row in rows]


class Text(TestCase):
    def test_a_stop_is_told_by_the_chain_that_decided_and_by_what_took_longest(self):
        with Daemon({**stopping_units(), "idle.service": service(actor("idle"))}) as svcd:
            svcd.svctl("start", "all.target")
            self.assertIn(">Start of svcd with ", svcd.svctl("plot").stdout)
            self.assertIn("nobody has asked for a stop", svcd.svctl("plot", "--stop", status=1).stderr)
            svcd.svctl("stop", "all.target", status=None)
            svcd.wait_until(lambda: svcd.states()["disk.service"][0] == "inactive", "the end")

            chain = svcd.svctl("critical-chain", "--stop", "--no-legend").stdout
            self.assertRegex(chain, r"^disk.service @[\d.]+ m?s \+\d\d\d ms\n"
                                    r"└─db.service @[\d.]+ ms \+[\d.]+ m?s  SIGKILL, timeout\n"
                                    r"  └─web.service @(0|[\d.]+ ms) \+[\d.]+ ms\n")
            rows = json.loads(svcd.svctl("critical-chain", "--stop", "--json", "db").stdout)
            self.assertEqual(names_in(rows)[:2], ["db.service", "web.service"])
            self.assertGreaterEqual(rows[0]["begin_usec"], rows[1]["begin_usec"] + rows[1]["took_usec"])
            blame = svcd.svctl("blame", "--stop").stdout
            self.assertRegex(blame.splitlines()[0], r"^ *[\d.]+ m?s  db.service  SIGKILL, timeout$")
            rows = json.loads(svcd.svctl("blame", "--stop", "--json").stdout)
            self.assertEqual(sorted(rows, key=lambda row: -row["took_usec"]), rows)
            self.assertEqual(rows[0], dict(rows[0], unit="db.service", sigkill=True, result="timeout"))
            self.assertIn("was not started", svcd.svctl("critical-chain", "idle", status=1).stderr)
            self.assertIn("there is no unit nosuch.service", svcd.svctl("critical-chain", "nosuch", status=4).stderr)

            data = json.loads(svcd.svctl("plot", "--json").stdout)
            self.assertEqual((data["kind"], data["asked_by"]["type"], data["more"]), ("stop", "stop", 0))
            units = {unit["unit"]: unit for unit in data["units"]}
            self.assertEqual(set(units), set(stopping_units()))
            self.assertEqual([phase["phase"] for phase in units["db.service"]["phases"]], ["after the signal", "after SIGKILL"])
            self.assertEqual(units["disk.service"]["waited_for"], "db.service")
            self.assertEqual(len(units["db.service"]["sigkill_usec"]), 1)

    def test_a_boot_is_told_also_of_what_failed_and_what_came_later(self):
        units = {
            "disk.service": service(actor("disk", "wait=150", "ready"), Type="notify"),
            "db.service": service(actor("db", "wait=900", "ready"), {"After": ["disk.service"]}, Type="notify"),
            "bad.service": service(["/bin/sh", "-c", "sleep 0.05; exit 3"], {"After": ["disk.service"]}, Type="oneshot"),
        }
        everything = {"Unit": {"Wants": list(units), "After": list(units)}}
        with Daemon(dict(units, **{"all.target": everything}), unit="all.target") as svcd:
            svcd.wait_until(lambda: svcd.states()["all.target"][0] == "active", "the boot")
            self.assertEqual(names_in(json.loads(svcd.svctl("critical-chain", "--json").stdout))[:3],
                             ["all.target", "db.service", "disk.service"])
            rows = {row["unit"]: row for row in json.loads(svcd.svctl("blame", "--json").stdout)}
            self.assertGreaterEqual(rows["disk.service"]["took_usec"], 150000)
            self.assertGreaterEqual(rows["bad.service"]["took_usec"], 50000)
            self.assertEqual(rows["bad.service"]["result"], "failed")


@unittest.skipIf(CHROMIUM is None, "there is no chromium to look at the picture; packaging/setup.sh --dev installs it")
class Rendered(TestCase):
    """What a browser makes of the picture."""

    def browse(self, page, *options, suffix=".html"):
        """Chromium's output for a page. It gets a home of its own, and nothing of it is left."""
        with tempfile.TemporaryDirectory(prefix="svcd-plot-", ignore_cleanup_errors=True) as home:
            path = os.path.join(home, "page" + suffix)
            with open(path, "w") as file:
                file.write(page)
            command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
                       "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-crash-reporter",
                       "--force-color-profile=srgb", "--user-data-dir=" + os.path.join(home, "data"),
                       *options, "file://" + path]
            browser = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=home,
                                       text=True, start_new_session=True, env=dict(os.environ, HOME=home, XDG_CONFIG_HOME=home, XDG_CACHE_HOME=home))
            try:
                output, errors = browser.communicate(timeout=120)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(browser.pid, signal.SIGKILL)
                browser.wait()
            self.assertEqual(browser.returncode, 0, errors[-2000:])
            return output

    def assert_reads_well(self, svg, rows):
        xml.etree.ElementTree.fromstring(svg)
        self.assertNotRegex(svg, r"<script|href|@import|url\(")
        page = PAGE % svg.split("?>", 1)[1]
        dom = self.browse(page, "--dump-dom", "--window-size=1300,1000")
        found = json.loads(re.search(r'<pre id="found">(.*?)</pre>', dom, re.S)[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
        self.assertEqual(found["wrong"], [])
        self.assertEqual(found["rows"], rows)
        self.assertGreaterEqual(found["texts"], 2 * rows)  # a name and a length each
        self.assertGreaterEqual(found["bars"], rows)

    def screenshot(self, svg):
        """The top of the picture as rows of (red, green, blue)."""
        size = re.search(r'width="(\d+)" height="(\d+)" viewBox', svg)
        with tempfile.TemporaryDirectory(prefix="svcd-plot-") as folder:
            path = os.path.join(folder, "shot.png")
            self.browse(svg, "--screenshot=" + path, "--window-size=%s,%s" % (size[1], min(int(size[2]), 700)), suffix=".svg")
            if os.environ.get("SHOW"):  # to look at it with one's own eyes
                shutil.copy(path, os.environ["SHOW"])
            with open(path, "rb") as file:
                return read_png(file.read())

    def assert_shows(self, svg, *phases):
        pixels = [pixel for row in self.screenshot(svg) for pixel in row]
        shown = set(pixels)
        for phase in phases:
            self.assertIn(COLOURS[phase], shown, phase)
        self.assertGreater(pixels.count((255, 255, 255)), len(pixels) / 4)  # light, for paper

    def test_eight_services(self):
        with Daemon(stopping_units()) as svcd:
            svcd.svctl("start", "all.target")
            boot = svcd.svctl("plot").stdout
            svcd.svctl("stop", "all.target", status=None)
            svcd.wait_until(lambda: svcd.states()["disk.service"][0] == "inactive", "the end")
            stop = svcd.svctl("plot").stdout
        self.assertIn(">srv-data\\x2dset.service<", stop)
        self.assertIn('<g><title>%s.service: @' % LONG_NAME, stop)
        self.assert_reads_well(stop, 9)
        self.assert_reads_well(boot, boot.count("<g><title>"))
        self.assert_shows(boot, "active")
        self.assert_shows(stop, "ExecStop", "after the signal", "after SIGKILL", "ExecStopPost")

    def test_two_hundred_services(self):
        source = random.Random(20261)
        units = {}
        for i in range(200):
            after = source.sample(sorted(units)[-12:], min(i, 2))
            units["unit%03d.service" % i] = service(actor("a", "wait=%d" % source.randrange(30), "ready", "stop=%d" % source.randrange(60)),
                                                    {"After": after, "PartOf": ["all.target"]}, Type="notify")
        everything = {"Unit": {"Wants": list(units), "After": list(units)}}
        with Daemon(dict(units, **{"all.target": everything}), unit="all.target") as svcd:
            svcd.wait_until(lambda: svcd.states()["all.target"][0] == "active", "the boot")
            boot = svcd.svctl("plot").stdout
            self.assertGreater(len(json.loads(svcd.svctl("critical-chain", "--json").stdout)), 20)
            svcd.svctl("stop", "all.target", *units)  # the first stops them all, the others are waited for
            stop = svcd.svctl("plot").stdout
            self.assertEqual(len(json.loads(svcd.svctl("plot", "--json").stdout)["units"]), 201)
        self.assert_reads_well(boot, boot.count("<g><title>"))
        self.assertGreater(boot.count("<g><title>"), 200)
        self.assert_reads_well(stop, 201)
        self.assert_shows(boot, "activating", "active")


def read_png(data):
    """The pixels of a PNG with 8 bits a channel, as Chromium writes them."""
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert depth == 8 and kind in (2, 6), "a PNG of depth %d and colour type %d" % (depth, kind)
    step, packed, at = 3 if kind == 2 else 4, b"", 8
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if name == b"IDAT" else b""
        at += length + 12
    raw, rows, line = zlib.decompress(packed), [], bytearray(width * step)
    for y in range(height):
        begin = y * (width * step + 1)
        line = unfiltered(raw[begin], bytearray(raw[begin + 1:begin + 1 + width * step]), line, step)
        rows.append([tuple(line[x:x + 3]) for x in range(0, width * step, step)])
    return rows


def unfiltered(kind, line, above, step):
    """PNG's filters, section 9 of its specification."""
    if kind == 0:
        return line
    if kind == 2:
        return bytearray((one + other) & 255 for one, other in zip(line, above))
    for x, value in enumerate(line):
        left, up, corner = line[x - step] if x >= step else 0, above[x], above[x - step] if x >= step else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + up) // 2
        else:
            near = left + up - corner
            guess = min((left, up, corner), key=lambda one: abs(near - one))
        line[x] = (value + guess) & 255
    return line
