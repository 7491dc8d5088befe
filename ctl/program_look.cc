#include "program_look.h"

#include <dirent.h>
#include <elf.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>

#include "file_look.h"
#include "proc_look.h"

namespace svcd {
namespace {

/// Where svcd looks for a program without a folder, and env(1) in a unit without a PATH.
constexpr auto kPath = std::to_array<const char*>(
    {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"});

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    while (true) {
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty()) {
            return words;
        }
        const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
        words.emplace_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

/// The line of a script that names its interpreter. The kernel takes a carriage return as part of
/// the name.
std::optional<ProgramFault> fault_of_script(const std::string& path,
                                            const std::string& text,
                                            bool has_usual_path) {
    const std::vector<std::string> words = words_of(text.substr(2, text.find('\n') - 2));
    if (words.empty()) {
        return ProgramFault{path + " is a script whose first line names no interpreter",
                            "Name it there ('#!/bin/sh')"};
    }
    if (words[0].ends_with('\r')) {
        return ProgramFault{
            path +
                " is a script whose first line ends with a carriage return, and there is no "
                "program of that name",
            "Remove the carriage returns (\"sed -i 's/\\r$//' " + path + "\")"};
    }
    const std::string correct = ", or correct the first line of the script";
    if (is_gone(words[0])) {
        return ProgramFault{path + " is a script for " + words[0] + ", which is not there",
                            "Install " + words[0] + correct};
    }
    struct stat facts {};
    if (::stat(words[0].c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
        (facts.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
        return ProgramFault{
            path + " is a script for " + words[0] + ", which is not executable: its mode has no x",
            "Allow it with 'chmod +x " + words[0] + "'" + correct};
    }
    const bool is_by_env = words[0].ends_with("/env") && words.size() > 1 &&
                           !words[1].starts_with('-') &&
                           words[1].find_first_of("=/\r") == std::string::npos;
    const auto has_it = [&](const char* folder) {
        return ::access((std::string{folder} + "/" + words[1]).c_str(), X_OK) == 0;
    };
    if (has_usual_path && is_by_env && std::ranges::none_of(kPath, has_it)) {
        return ProgramFault{path + " is a script for " + words[1] +
                                " by way of env, and no folder of the usual PATH has that",
                            "Install " + words[1] + correct};
    }
    return std::nullopt;
}

/// Does the kernel know formats of programs besides its own?
bool has_other_formats() {
    DIR* folder = ::opendir("/proc/sys/fs/binfmt_misc");
    if (folder == nullptr) {
        return false;
    }
    std::size_t entries = 0;
    while (::readdir(folder) != nullptr) {
        ++entries;
    }
    ::closedir(folder);
    return entries > 4;  // ".", "..", "register" and "status"
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < size && at + i < bytes.size(); ++i) {
        number |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    }
    return number;
}

/// A program of this machine's kind names its loader. Of any other format nothing is said.
std::optional<ProgramFault> fault_of_elf(const std::string& path, std::string_view bytes) {
    constexpr std::size_t kMachineAt = 18;
    const auto own = small_file("/proc/self/exe");
    const bool is_of_64_bits = bytes.size() > sizeof(Elf64_Ehdr) && bytes[EI_CLASS] == ELFCLASS64 &&
                               bytes[EI_DATA] == ELFDATA2LSB;
    if (!is_of_64_bits || !own ||
        number_at(*own, kMachineAt, 2) != number_at(bytes, kMachineAt, 2)) {
        return std::nullopt;
    }
    const std::size_t first = number_at(bytes, offsetof(Elf64_Ehdr, e_phoff), 8);
    const std::size_t count = number_at(bytes, offsetof(Elf64_Ehdr, e_phnum), 2);
    for (std::size_t i = 0; i < count && first < bytes.size(); ++i) {
        const std::size_t header = first + i * sizeof(Elf64_Phdr);
        const std::size_t begin = number_at(bytes, header + offsetof(Elf64_Phdr, p_offset), 8);
        const std::size_t size = number_at(bytes, header + offsetof(Elf64_Phdr, p_filesz), 8);
        if (number_at(bytes, header, 4) != PT_INTERP || size == 0 || begin >= bytes.size() ||
            size > bytes.size() - begin) {
            continue;
        }
        const std::string loader{bytes.substr(begin, size - 1)};
        if (is_gone(loader)) {
            return ProgramFault{path + " needs the loader " + loader + ", which is not there",
                                "Install what has it, or a program for the libc of this machine"};
        }
    }
    return std::nullopt;
}

std::optional<ProgramFault> fault_of_text(const std::string& path, bool has_usual_path) {
    const auto text = small_file(path);
    if (!text) {
        return std::nullopt;
    }
    if (text->starts_with("#!")) {
        return fault_of_script(path, *text, has_usual_path);
    }
    if (text->starts_with(ELFMAG)) {
        return fault_of_elf(path, *text);
    }
    if (has_other_formats()) {
        return std::nullopt;
    }
    if (text->empty()) {
        return ProgramFault{path + " is empty", "Install it again"};
    }
    return ProgramFault{path +
                            " is no program that the kernel knows, and as a script it has no "
                            "line '#!' at its beginning",
                        "Begin it with '#!/bin/sh', or what it is written for"};
}

std::optional<unsigned> number_of_text(const std::string& text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{number}
                                                                    : std::nullopt;
}

/// In the child. It has a copy of svctl's memory and no other thread.
[[noreturn]] void answer_as(const Account& account, const std::string& path, int mode) {
    const bool has_changed = ::setgroups(account.groups.size(), account.groups.data()) == 0 &&
                             ::setresgid(account.gid, account.gid, account.gid) == 0 &&
                             ::setresuid(account.uid, account.uid, account.uid) == 0;
    const bool is_refused = has_changed && ::access(path.c_str(), mode) != 0 && errno == EACCES;
    ::_exit(is_refused ? 1 : 0);
}

}  // namespace

bool has_usual_path(const Json& properties) {
    const Json variables = properties.value("Environment", Json::array());
    return ::geteuid() == 0 && properties.value("EnvironmentFiles", Json::array()).empty() &&
           std::ranges::none_of(variables, [](const Json& variable) {
               return variable.is_string() && variable.get<std::string>().starts_with("PATH=");
           });
}

std::optional<ProgramFault> fault_of_program(const std::string& path, bool has_usual_path) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? std::optional{ProgramFault{path + " is not there", "Install it again"}}
                   : std::nullopt;
    }
    if (!S_ISREG(facts.st_mode)) {
        return ProgramFault{path +
                                (S_ISDIR(facts.st_mode) ? " is a folder" : " is no regular file") +
                                ", which can't be executed",
                            "Put the program there"};
    }
    if ((facts.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
        return ProgramFault{path + " is not executable: its mode has no x",
                            "Allow it with 'chmod +x " + path + "'"};
    }
    struct statvfs mount {};
    if (::statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0) {
        return ProgramFault{path + " lies on a file system that is mounted noexec",
                            "Mount that without noexec"};
    }
    return fault_of_text(path, has_usual_path);
}

std::optional<Account> account_of(const Json& properties) {
    const std::string user = text_of(properties, "User");
    const std::string group = text_of(properties, "Group");
    const auto number = number_of_text(user);
    const passwd* entry = user.empty() ? nullptr
                          : number     ? ::getpwuid(*number)
                                       : ::getpwnam(user.c_str());
    if (entry == nullptr || ::geteuid() != 0) {
        return std::nullopt;
    }
    Account account{user, entry->pw_uid, entry->pw_gid, {}};
    if (const auto group_number = number_of_text(group); group_number) {
        account.gid = *group_number;
    } else if (!group.empty()) {
        const ::group* named = ::getgrnam(group.c_str());
        if (named == nullptr) {
            return std::nullopt;
        }
        account.gid = named->gr_gid;
    }
    constexpr int kGroupsMax = 1024;
    int count = kGroupsMax;
    account.groups.resize(kGroupsMax);
    if (::getgrouplist(entry->pw_name, account.gid, account.groups.data(), &count) < 0) {
        return std::nullopt;
    }
    account.groups.resize(static_cast<std::size_t>(count));
    return account;
}

bool may_access(const Account& account, const std::string& path, int mode) {
    const pid_t child = ::fork();
    if (child == 0) {
        answer_as(account, path, mode);
    }
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 0;
}

}  // namespace svcd
