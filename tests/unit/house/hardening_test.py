"""How the programs are hardened (cmake/options.cmake), read from their ELF files."""
import os
import re
import subprocess
import unittest

PROGRAMS = os.environ["SVCD_PROGRAMS"].split("|")
OBJECTS = os.environ["SVCD_OBJECTS"].split("|")
CHILD_OBJECTS = os.environ["SVCD_CHILD_OBJECTS"].split("|")
IS_HARDENED = os.environ["SVCD_IS_HARDENED"] == "ON"
STATIC = ("svcd-static", "svcd-launcher", "svcd-shutdown")
CANARY = "__stack_chk_fail"
FORTIFIED = re.compile(r"__\w+_chk$")


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def wanted_symbols(path, *options):
    return {line.split("@")[0].split()[-1] for line in output_of("nm", "--undefined-only", *options, path).splitlines() if line.strip()}


class Hardening(unittest.TestCase):
    def each(self):
        for path in PROGRAMS:
            with self.subTest(os.path.basename(path)):
                yield path

    def test_every_program_is_position_independent(self):
        for path in self.each():
            self.assertRegex(output_of("readelf", "-hW", path), r"Type:\s+DYN")
            self.assertRegex(output_of("readelf", "-dW", path), r"FLAGS_1.*PIE")

    def test_no_stack_is_executable(self):
        for path in self.each():
            self.assertRegex(output_of("readelf", "-lW", path), r"GNU_STACK .* RW +0")

    def test_what_the_loader_has_filled_in_is_read_only_from_the_start(self):
        for path in self.each():
            self.assertIn("GNU_RELRO", output_of("readelf", "-lW", path))
            self.assertRegex(output_of("readelf", "-dW", path), r"BIND_NOW|Flags:.*NOW")

    def test_no_program_looks_for_libraries_in_folders_of_its_own(self):
        for path in self.each():
            self.assertNotRegex(output_of("readelf", "-dW", path), r"\((RPATH|RUNPATH)\)")

    def test_the_programs_without_libraries_have_no_loader(self):
        for path in self.each():
            self.assertEqual("INTERP" not in output_of("readelf", "-lW", path), os.path.basename(path) in STATIC)

    @unittest.skipUnless(IS_HARDENED, "a build for debugging, or with sanitizers, which check more")
    def test_stacks_are_protected_and_calls_of_libc_checked(self):
        # libc brings these symbols along when it is linked in: there the objects tell.
        wanted = {path: wanted_symbols(path, "-D") for path in PROGRAMS if os.path.basename(path) not in STATIC}
        wanted["objects of the launcher and of svcd-shutdown"] = set().union(*(wanted_symbols(path) for path in OBJECTS))
        for path, symbols in wanted.items():
            with self.subTest(os.path.basename(path)):
                self.assertIn(CANARY, symbols)
        # A program in which the compiler sees that every call is right has no checked one: all are compiled alike.
        self.assertTrue([name for name in set().union(*wanted.values()) if FORTIFIED.match(name) and name != CANARY])

    def test_what_the_child_of_a_spawn_executes_is_not(self):
        self.assertEqual(len(CHILD_OBJECTS), 4)
        for path in CHILD_OBJECTS:
            symbols = wanted_symbols(path)
            self.assertEqual([name for name in symbols if name == CANARY or FORTIFIED.match(name) or "san_" in name], [], path)


unittest.main(verbosity=1)
