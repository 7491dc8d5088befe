"""The rules of the house (docs/architecture.md, CONTRIBUTING.md) that a program can check."""
import os
import re
import shutil
import subprocess
import unittest

SOURCE = os.environ["SVCD_SOURCE"]
CODE = ("daemon", "ctl", "tests")
TEXT = CODE + ("units", "packaging", "docs", "cmake", ".ci")

# folder -> what of ours it may include besides itself: a folder, or one header
INCLUDES = {
    "core/types": [],
    "core": ["core/types"],
    "unitfile": ["core/types"],
    "linux": ["core/types", "exec"],
    "state": ["core/types", "linux", "launcher/protocol.h"],
    "bus": ["core/types", "linux/prod.h"],
    "manager": ["core/types", "core", "unitfile", "linux", "state", "bus", "launcher/protocol.h"],
    "libc": [],
    "launcher": ["libc"],
    "start": ["libc", "launcher/protocol.h"],
    "shutdown": ["libc"],
    "exec": ["core/types", "launcher/exit_record.h"],
    "logd": ["core/types", "linux"],
}
# a library's headers -> where alone they may be included
LIBRARIES = {
    "yaml-cpp/": ["daemon/unitfile/yaml_reader.cc"],
    "spdlog/": ["daemon/manager/"],
    "systemd/sd-bus": ["daemon/bus/"],
    "systemd/sd-event": ["daemon/bus/", "daemon/manager/"],
    "sdbus-c++/": ["ctl/"],
    "CLI/": ["ctl/", "daemon/manager/"],
    "nlohmann/": ["ctl/"],
    "thread>": [],
    "random>": [],
}
# What the core may take from outside: the language runtime, memory and strings.
PURE = re.compile(
    r"_Zn[wa]|_Zd[la]|_ZSt|_ZNK?S[tabiosd]|_ZNK?K?St|_ZT[IVS]|__cxa_|__gxx_personality_v0$|_Unwind_Resume$|__stack_chk_fail$|__dso_handle$"
    r"|_GLOBAL_OFFSET_TABLE_$|(mem(cpy|move|set|cmp|chr)|strlen|strcmp|strncmp|strnlen|abort|strerror(name_np)?|pow)$|__mem(cpy|move|set)_chk$"
    r"|__(asan|ubsan|lsan|sanitizer|sancov)_|__(start|stop)___sancov_|__tls_get_addr$|__libc_single_threaded$|__gcov|__glibcxx_assert_fail$|_ZNK?10__cxxabiv1")
IMPURE = re.compile(r"chrono|thread|mutex|random|stream|filesystem|locale|_ZNSt8ios_base|condition_variable")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|[Nn]ot (yet )?implemented|unimplemented|placeholder|\bfor now\b")
ONE_MACHINE = re.compile(r"/work/(main|shared)|/root/[a-z.]")
LINES_MAX = 600


def files(folders, endings):
    for folder in folders:
        for path, subfolders, names in os.walk(os.path.join(SOURCE, folder)):
            subfolders[:] = [name for name in subfolders if name not in ("__pycache__", "build")]
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(path, name), SOURCE)


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def folder_of(header):
    return "core/types" if header.startswith("core/types/") else header.split("/")[0]


def undefined_symbols(library):
    """The symbols a library wants from elsewhere."""
    wanted, had = set(), set()
    for path in (library, os.environ["TYPES_LIBRARY"]):
        for line in subprocess.run(["nm", path], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
            match = re.match(r"^[0-9a-f ]{16} (\w) (\S+)$", line)
            if match:
                (wanted if match[1] == "U" and path == library else had).add(match[2])
    return wanted - had


def needed_libraries(program):
    text = subprocess.run(["readelf", "-d", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.*?)\]", text))


class House(unittest.TestCase):
    def test_a_folder_includes_only_what_the_table_allows(self):
        wrong = []
        for path in files(["daemon"], (".h", ".cc", ".c")):
            own = folder_of(path.removeprefix("daemon/"))
            for header in re.findall(r'^#include "(.*?)"', read(path), re.M):
                allowed = [own, *INCLUDES[own]]
                if folder_of(header) not in allowed and header not in allowed:
                    wrong.append("%s includes %s" % (path, header))
        self.assertEqual(wrong, [])

    def test_a_library_is_known_only_where_the_table_allows(self):
        wrong = []
        for path in files(["daemon", "ctl"], (".h", ".cc", ".c")):
            for header in re.findall(r"^#include <(.*?>)", read(path), re.M):
                for prefix, allowed in LIBRARIES.items():
                    if header.startswith(prefix) and not path.startswith(tuple(allowed)):
                        wrong.append("%s includes <%s" % (path, header))
        self.assertEqual(wrong, [])

    def test_the_core_asks_nothing_of_the_world(self):
        impure = [name for name in undefined_symbols(os.environ["CORE_LIBRARY"])
                  if not PURE.match(name) or (IMPURE.search(name) and name != "__libc_single_threaded")]
        self.assertEqual(sorted(impure), [])

    def test_svcd_needs_libc_only_and_its_launcher_nothing(self):
        self.assertEqual(needed_libraries(os.environ["SVCD_BIN"]) - {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, {"libc.so.6"})
        for name in ("SVCD_LAUNCHER_BIN", "SVCD_SHUTDOWN_BIN"):
            self.assertEqual(needed_libraries(os.environ[name]), set())

    def test_the_launcher_stays_small(self):
        self.assertLess(sum(len(read(path).splitlines()) for path in files(["daemon/launcher"], (".h", ".cc"))), 1780)

    @unittest.skipIf(os.environ["SVCD_SANITIZED"] == "1", "the sanitizers bring libraries of their own")
    def test_the_manager_brings_its_libraries_along(self):
        heavy = {name for name in needed_libraries(os.environ["SVCD_MANAGER_BIN"])
                 if re.match(r"libstdc\+\+|libyaml-cpp|libspdlog|libfmt|libsdbus", name)}
        self.assertEqual(heavy, set())

    def test_svctl_writes_to_its_terminal_at_one_door(self):
        # The door makes harmless what others have said (Session). Beside it: an alarm in a signal handler, options that could not
        # be read, and ssh that could not be executed, whose words are svctl's own or made harmless there.
        allowed = {"ctl/session.cc", "ctl/answer_alarm.cc", "ctl/main.cc", "ctl/remote.cc"}
        writes = re.compile(r"\bstd::(cout|cerr|clog|puts|printf|fputs|fprintf|fwrite|putchar)\b|::write\(|\bperror\(")
        wrong = [path for path in files(["ctl"], (".h", ".cc")) if path not in allowed and writes.search(read(path))]
        self.assertEqual(wrong, [])

    def test_nothing_is_unfinished_and_nothing_knows_this_machine(self):
        wrong = []
        for path in files(TEXT, (".h", ".cc", ".c", ".py", ".sh", ".txt", ".cmake", ".md", ".yaml", ".json")):
            if path == "tests/unit/house/house_test.py":
                continue  # it has the words to look for
            for number, line in enumerate(read(path).splitlines(), 1):
                if UNFINISHED.search(line) or ONE_MACHINE.search(line):
                    wrong.append("%s:%d: %s" % (path, number, line.strip()))
        self.assertEqual(wrong, [])

    def test_files_are_of_a_size_to_be_read(self):
        long = {path: lines for path in files(CODE, (".h", ".cc", ".c", ".py")) if (lines := len(read(path).splitlines())) > LINES_MAX}
        self.assertEqual(long, {})

    def test_every_source_is_built(self):
        lists = {}
        for path in files(CODE, ("CMakeLists.txt",)):
            lists[os.path.dirname(path)] = read(path)
        everything = "\n".join(lists.values())
        forgotten = []
        for path in files(("daemon", "ctl", "tests/unit", "tests/simulation", "tests/integration"), (".cc", ".c")):
            folder = os.path.dirname(path)
            while folder not in lists:
                folder = os.path.dirname(folder)
            if os.path.relpath(path, folder) not in lists[folder] and os.path.basename(path) not in everything:
                forgotten.append(path)
        self.assertEqual(forgotten, [])

    def test_the_format_is_clang_format_s(self):
        if shutil.which("clang-format") is None:
            self.skipTest("there is no clang-format; packaging/setup.sh --dev installs it")
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", *files(CODE, (".h", ".cc"))], cwd=SOURCE, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(sorted(set(re.findall(r"^(.*?):\d+:", done.stderr, re.M))), [])

    def test_links_between_pages_lead_somewhere(self):
        broken = []
        for path in ["README.md", "CONTRIBUTING.md", *files(["docs"], (".md",))]:
            for link in re.findall(r"\]\(([^)#]+?)\)", read(path)):
                if "://" not in link and not os.path.exists(os.path.join(SOURCE, os.path.dirname(path), link)):
                    broken.append("%s: %s" % (path, link))
        self.assertEqual(broken, [])


unittest.main(verbosity=1)
