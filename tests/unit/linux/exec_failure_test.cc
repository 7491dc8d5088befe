// What a failed execve is said to have failed of: a look at the file, from the child of a plain
// spawn and from svcd-exec alike.
#include <elf.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "exec/user.h"
#include "unit/linux/spawning.h"

namespace svcd {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ExecFailures : public Spawning {
protected:
    void SetUp() override {
        Spawning::SetUp();
        if (!folder_.empty()) {
            ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
        }
    }
    std::string write(const std::string& name, std::string_view content, unsigned mode = 0755) {
        const std::string path = folder_ + "/" + name;
        std::ofstream{path} << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    /// Both ways to get there say the same.
    std::string why(const std::string& path) {
        const std::string plain = failure_text(program(path), quiet());
        EXPECT_EQ(exit_status_of(0), 203);
        ExecSettings helped = quiet();
        helped.oom_score_adjust = 100;
        EXPECT_EQ(failure_text(program(path), helped), plain);
        EXPECT_EQ(exit_status_of(0), 203);
        return plain;
    }
    std::string why_as_nobody(const std::string& path) {
        ExecSettings exec = quiet();
        exec.user = "nobody";
        std::string text = failure_text(program(path), exec);
        EXPECT_EQ(exit_status_of(0), 203);
        return text;
    }
    std::string told() const { return contents(folder_ + "/told"); }
};

/// The beginning of an ELF file.
std::string elf(std::uint16_t machine, std::uint16_t type, const std::string& loader = {}) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = type;
    header.e_machine = machine;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phoff = sizeof(header);
    header.e_phnum = loader.empty() ? 0 : 1;
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
    if (!loader.empty()) {
        Elf64_Phdr segment{};
        segment.p_type = PT_INTERP;
        segment.p_offset = sizeof(header) + sizeof(segment);
        segment.p_filesz = loader.size() + 1;
        bytes.append(reinterpret_cast<const char*>(&segment), sizeof(segment));
        bytes.append(loader.c_str(), loader.size() + 1);
    }
    return bytes;
}

#if defined(__x86_64__)
constexpr std::uint16_t kOwn = EM_X86_64;
constexpr std::uint16_t kOther = EM_AARCH64;
constexpr const char* kOtherName = "64-bit ARM";
#else
constexpr std::uint16_t kOwn = EM_AARCH64;
constexpr std::uint16_t kOther = EM_X86_64;
constexpr const char* kOtherName = "x86-64";
#endif

TEST_F(ExecFailures, AMissingInterpreterIsNamedSystemd3038) {
    const std::string path = write("plop.sh", "#!/bin/bash42\necho plop\n");
    EXPECT_EQ(why(path), path +
                             " can't be executed: its interpreter /bin/bash42 (the #! line) does "
                             "not exist (ENOENT, No such file or directory); correct its first "
                             "line, or install the interpreter");
}

TEST_F(ExecFailures, ACarriageReturnInTheInterpreterLineIsSaidOpenrc733) {
    const std::string path = write("crlf", "#!/bin/sh\r\necho\r\n");
    EXPECT_THAT(why(path), StartsWith(path + " can't be executed: its #! line ends with a carriage "
                                             "return (CRLF"));
}

TEST_F(ExecFailures, AByteOrderMarkBeforeTheInterpreterLineIsSaid) {
    for (const char* mark : {"\xef\xbb\xbf", "\xff\xfe"}) {
        EXPECT_THAT(why(write("bom", std::string{mark} + "#!/bin/sh\n")),
                    HasSubstr("byte order mark (BOM)"));
    }
}

TEST_F(ExecFailures, AMissingXBitIsToldFromRightsOfOthersOnly) {
    const std::string path = write("script", "#!/bin/sh\n", 0644);
    EXPECT_THAT(why(path), AllOf(HasSubstr("nobody may execute it (EACCES, Permission denied)"),
                                 HasSubstr("'chmod +x " + path + "'")));
    EXPECT_THAT(why_as_nobody(write("roots", "#!/bin/sh\n", 0700)),
                HasSubstr("the user of the service may not execute it"));
}

TEST_F(ExecFailures, AFolderOnTheWayThatIsClosedIsNamedSupervisor1383) {
    ASSERT_EQ(::mkdir((folder_ + "/closed").c_str(), 0700), 0);
    const std::string path = write("closed/script", "#!/bin/sh\n");
    EXPECT_THAT(why_as_nobody(path),
                HasSubstr("the user of the service may not enter " + folder_ + "/closed"));
}

TEST_F(ExecFailures, WhatIsNoFileIsSaid) {
    EXPECT_THAT(why(folder_), HasSubstr(": it is a directory (EACCES, "));
    ASSERT_EQ(::mkfifo((folder_ + "/fifo").c_str(), 0755), 0);
    EXPECT_THAT(why(folder_ + "/fifo"), HasSubstr("it is not a regular file"));
    const std::string file = write("file", "");
    EXPECT_THAT(why(file + "/program"), HasSubstr(file + " on the way is not a directory"));
    ASSERT_EQ(::symlink("/nowhere/web", (folder_ + "/link").c_str()), 0);
    EXPECT_THAT(why(folder_ + "/link"), HasSubstr("it is a link to /nowhere/web"));
    ASSERT_EQ(::symlink("loop", (folder_ + "/loop").c_str()), 0);
    EXPECT_THAT(why(folder_ + "/loop"), HasSubstr("its links lead in a circle (ELOOP"));
}

TEST_F(ExecFailures, AForeignOrDamagedProgramIsSaid) {
    EXPECT_THAT(why(write("foreign", elf(kOther, ET_EXEC))),
                HasSubstr(std::string{"another kind of machine ("} + kOtherName + ")"));
    EXPECT_THAT(why(write("damaged", elf(kOwn, ET_EXEC).substr(0, 40))),
                HasSubstr("a damaged program (ELF)"));
    EXPECT_THAT(why(write("object.o", elf(kOwn, ET_REL))), HasSubstr("an object file"));
    EXPECT_THAT(why(write("short", elf(kOwn, ET_EXEC).substr(0, 10))), HasSubstr("damaged"));
}

TEST_F(ExecFailures, AMissingLoaderIsNamedSystemd3184) {
    EXPECT_THAT(
        why(write("musl", elf(kOwn, ET_EXEC, "/lib/ld-nowhere.so.1"))),
        HasSubstr("the loader that it was linked for, /lib/ld-nowhere.so.1, does not exist"));
}

TEST_F(ExecFailures, AFileThatIsNoProgramIsSaidAsWhatItIs) {
    EXPECT_THAT(why(write("text", "echo hello\n")), HasSubstr("a text without a #! line (ENOEXEC"));
    EXPECT_THAT(why(write("empty", "")), HasSubstr("it is empty"));
    EXPECT_THAT(why(write("late", "\n#!/bin/sh\n")),
                HasSubstr("does not stand at the very beginning"));
    EXPECT_THAT(why(write("bare", "#!\n")), HasSubstr("its #! line names no interpreter"));
    EXPECT_THAT(why(write("long", "#!/" + std::string(400, 'x') + "\n")), HasSubstr("255 bytes"));
    EXPECT_THAT(why(write("binary", std::string("\x01\x02\x03\x00\x04", 5))),
                HasSubstr("what kind of file it is"));
}

TEST_F(ExecFailures, AnInterpreterThatCanNotBeExecutedIsNamed) {
    const std::string plain = write("interpreter", "#!/bin/sh\n", 0644);
    EXPECT_THAT(why(write("one", "#! " + plain + " -x\n")),
                HasSubstr("its interpreter " + plain + " can't be executed (EACCES"));
    const std::string next = write("next", "#!/bin/bash42\n");
    EXPECT_THAT(why(write("two", "#!" + next + "\n")), HasSubstr("its interpreter /bin/bash42"));
    EXPECT_THAT(why(write("three", "#!" + folder_ + "\n")),
                HasSubstr("its interpreter " + folder_ + " can't be executed"));
}

TEST_F(ExecFailures, AProgramThatIsBeingWrittenIsSaid) {
    const std::string path = write("busy", elf(kOwn, ET_EXEC));
    const std::ofstream writer{path, std::ios::app};
    EXPECT_THAT(why(path), HasSubstr("somebody has it open for writing (ETXTBSY"));
}

TEST_F(ExecFailures, TooManyArgumentsAreSaid) {
    Command command = program("/bin/true");
    command.argv.emplace_back(200'000, 'x');
    EXPECT_THAT(failure_text(command, quiet()),
                HasSubstr("its arguments and environment are more than the kernel takes (E2BIG"));
}

TEST_F(ExecFailures, ANoexecMountIsSaid) {
    const std::string mounted = folder_ + "/noexec";
    ASSERT_EQ(::mkdir(mounted.c_str(), 0755), 0);
    prepare_ = [&] {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
        ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        ASSERT_EQ(::mount("none", mounted.c_str(), "tmpfs", MS_NOEXEC, "mode=0755"), 0);
        write("noexec/script", "#!/bin/sh\n");
    };
    EXPECT_THAT(why(mounted + "/script"), HasSubstr("a file system that is mounted noexec"));
}

TEST_F(ExecFailures, ABareNameThatIsNowhereIsNamedItselfSupervisor1233) {
    EXPECT_THAT(why("no-such-program-at-all"),
                StartsWith("no-such-program-at-all can't be executed: none of the folders"));
}

// ── what is not done as asked, and yet started

/// For good, so that svcd-exec does not have it either.
void drop_capability(unsigned capability) {
    ASSERT_EQ(::prctl(PR_CAPBSET_DROP, capability), 0);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
    ASSERT_EQ(::syscall(SYS_capget, &header, data.data()), 0);
    for (auto* set : {&data[capability / 32].effective, &data[capability / 32].permitted,
                      &data[capability / 32].inheritable}) {
        *set &= ~(1U << capability % 32);
    }
    ASSERT_EQ(::syscall(SYS_capset, &header, data.data()), 0);
}

TEST_F(ExecFailures, AnOomScoreThatMayNotBeSetIsToldAndNoFailureMoby26690) {
    ExecSettings exec = quiet();
    exec.oom_score_adjust = -1000;
    prepare_ = [] {
        std::ofstream{"/proc/self/oom_score_adj"} << "100";
        drop_capability(CAP_SYS_RESOURCE);
    };
    EXPECT_EQ(failure_text(sh("test $(cat /proc/$$/oom_score_adj) = 100"), exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
    EXPECT_EQ(told(),
              "OOMScoreAdjust: -1000 is not in force: svcd may not set it here (EACCES, "
              "Permission denied)\n");
}

TEST_F(ExecFailures, ANiceThatIsNotPermittedIsTheNearestThatIs) {
    ExecSettings exec = quiet();
    exec.nice = -10;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NICE, &before), 0);
    const rlimit raised{before.rlim_cur, 30};
    if (::setrlimit(RLIMIT_NICE, &raised) != 0) {
        GTEST_SKIP() << "the right to raise RLIMIT_NICE (CAP_SYS_RESOURCE) is missing here";
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NICE, &before), 0);
    for (const int permitted : {0, 3}) {
        prepare_ = [&] {
            // RLIMIT_NICE of 20 + N permits a Nice of -N.
            const rlimit limit{static_cast<rlim_t>(20 + permitted), 30};
            ASSERT_EQ(::setrlimit(RLIMIT_NICE, &limit), 0);
            drop_capability(CAP_SYS_NICE);
        };
        EXPECT_EQ(failure_text(sh("test $(nice) = " + std::to_string(-permitted)), exec), "");
        EXPECT_EQ(exit_status_of(0), 0);
        EXPECT_THAT(told(), StartsWith("Nice: -10 is not permitted here: it runs with " +
                                       std::to_string(-permitted) + ","));
    }
}

TEST_F(ExecFailures, ALimitAboveTheHardLimitIsThatAndTold) {
    ExecSettings exec = quiet();
    exec.limits = {ResourceLimit{RLIMIT_NOFILE, 700, 900}, ResourceLimit{RLIMIT_CORE, 0, 0}};
    prepare_ = [] {
        const rlimit limit{400, 500};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
        drop_capability(CAP_SYS_RESOURCE);
    };
    EXPECT_EQ(failure_text(sh("test $(ulimit -Sn) = 500 && test $(ulimit -Hn) = 500"), exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
    EXPECT_THAT(told(), StartsWith("LimitNOFILE is above the hard limit"));
    EXPECT_THAT(told(), Not(HasSubstr("LimitCORE")));
}

TEST_F(ExecFailures, AFaultyEnvironmentFileIsToldBesideTheStart) {
    const std::string path = write("web.env", "export A=secret\nB=2\n");
    ExecSettings exec = quiet();
    exec.environment_files = {EnvironmentFile{path, false}};
    EXPECT_EQ(failure_text(sh("test -z \"$A\" && test $B = 2"), exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
    EXPECT_THAT(told(), StartsWith(path + ":1: 'export' is a shell's"));
}

// ── the login environment

TEST(LoginEnvironment, LeavesOutAHomeAndAShellThatAreNoneSystemd18948) {
    const auto of = [](uid_t uid, const char* home, const char* shell) {
        return login_environment(Account{uid, uid, "web", home, shell}, "web");
    };
    using testing::ElementsAre;
    for (const char* folder : {"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"}) {
        for (const char* name : {"nologin", "false", "true"}) {
            EXPECT_THAT(of(7, "/srv/web", (std::string{folder} + name).c_str()),
                        ElementsAre("LOGNAME=web", "USER=web", "HOME=/srv/web"));
        }
    }
    EXPECT_THAT(of(7, "/", "/bin/bash"), ElementsAre("LOGNAME=web", "USER=web", "SHELL=/bin/bash"));
    EXPECT_THAT(of(65534, "/nonexistent", "/usr/sbin/nologin"),
                ElementsAre("LOGNAME=web", "USER=web"));
    EXPECT_THAT(of(7, "/srv/web", "/opt/bin/true"),
                ElementsAre("LOGNAME=web", "USER=web", "HOME=/srv/web", "SHELL=/opt/bin/true"));
}

}  // namespace
}  // namespace svcd
