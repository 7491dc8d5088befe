#include "file_look.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proc_look.h"

namespace svcd {
namespace {

/// What is wrong with a path that is to be executed; "" for nothing.
std::string fault_of_program(const std::string& path) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? path + " is not there" : "";
    }
    if (!S_ISREG(facts.st_mode)) {
        return path + " is no file that can be executed";
    }
    if ((facts.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
        return path + " is not executable (no x in its mode)";
    }
    const auto text = small_file(path);
    if (!text || !text->starts_with("#!")) {
        return "";
    }
    const std::string line = text->substr(2, text->find('\n') - 2);
    const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    const std::string interpreter = line.substr(begin, line.find_first_of(" \t\r", begin) - begin);
    return is_gone(interpreter) ? path + " is a script for " + interpreter + ", which is not there"
                                : "";
}

/// Of a command whose failure counts: '-' before it may well mean that it is not there.
std::string path_of(const Json& command) {
    const bool has_path =
        command.is_array() && command.size() > 2 && command[0].is_string() && command[2] == false;
    const std::string path = has_path ? command[0].get<std::string>() : "";
    return path.starts_with('/') ? path : "";
}

void look_at_commands(const Json& properties, std::vector<FileFault>& faults) {
    for (const char* setting : {"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost",
                                "ExecReload", "ExecStop", "ExecStopPost"}) {
        for (const Json& command : properties.value(setting, Json::array())) {
            const std::string path = path_of(command);
            if (const std::string text = path.empty() ? "" : fault_of_program(path);
                !text.empty()) {
                faults.push_back(
                    {setting, text, "Install it again, or correct " + std::string{setting} + "."});
            }
        }
    }
}

void look_at_folder(const Json& properties, std::vector<FileFault>& faults) {
    const std::string folder = text_of(properties, "WorkingDirectory");
    struct stat facts {};
    if (is_gone(folder)) {
        faults.push_back({"WorkingDirectory", folder + " is not there",
                          "Make the folder, or correct WorkingDirectory."});
    } else if (folder.starts_with('/') && ::stat(folder.c_str(), &facts) == 0 &&
               !S_ISDIR(facts.st_mode)) {
        faults.push_back(
            {"WorkingDirectory", folder + " is no folder", "Correct WorkingDirectory."});
    }
}

/// The folder on the way to `path` in which somebody else than root (or who asks) could put
/// something else into its place; "" for none.
std::string folder_of_others(const std::string& path) {
    const std::size_t last = path.rfind('/');
    for (std::size_t slash = 0; slash != std::string::npos && slash <= last;
         slash = path.find('/', slash + 1)) {
        const std::string folder = slash == 0 ? "/" : path.substr(0, slash);
        struct stat facts {};
        if (::stat(folder.c_str(), &facts) != 0) {
            return {};
        }
        const bool is_theirs = facts.st_uid != 0 && facts.st_uid != ::geteuid();
        const bool may_write = (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0;
        const bool keeps_names = (facts.st_mode & S_ISVTX) != 0 && slash != last;
        if (is_theirs || (may_write && !keeps_names)) {
            return folder;
        }
    }
    return {};
}

/// "/x" of "append:/x"; "" of what has no path.
std::string path_of_stream(const std::string& stream) {
    const std::size_t colon = stream.find(':');
    return colon == std::string::npos ? "" : stream.substr(colon + 1);
}

/// Finds the files that svcd opens as root and that others could exchange.
void look_at_places(const Json& properties, std::vector<FileFault>& faults) {
    std::vector<std::pair<std::string, std::string>> places{
        {"PIDFile", text_of(properties, "PIDFile")}};
    for (const char* stream : {"StandardInput", "StandardOutput", "StandardError"}) {
        places.emplace_back(stream, path_of_stream(text_of(properties, stream)));
    }
    for (const Json& file : properties.value("EnvironmentFiles", Json::array())) {
        if (file.is_array() && !file.empty() && file[0].is_string()) {
            places.emplace_back("EnvironmentFile", file[0].get<std::string>());
        }
    }
    for (const auto& [setting, path] : places) {
        const std::string folder = path.starts_with('/') ? folder_of_others(path) : "";
        if (!folder.empty()) {
            faults.push_back({setting,
                              path + " is opened as root, and others than root may write to " +
                                  folder + ": a link that they put there is not followed, and " +
                                  setting + " then fails",
                              "Put the file into a folder that only root may write.",
                              Severity::note, "folder-of-others"});
        }
    }
}

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

void look_at_user(const Json& properties, std::vector<FileFault>& faults) {
    const std::string user = text_of(properties, "User");
    const std::string group = text_of(properties, "Group");
    errno = 0;
    if (!user.empty() && !is_number(user) && ::getpwnam(user.c_str()) == nullptr && errno == 0) {
        faults.push_back({"User", "there is no user " + user, "Make the user, or correct User."});
    }
    errno = 0;
    if (!group.empty() && !is_number(group) && ::getgrnam(group.c_str()) == nullptr && errno == 0) {
        faults.push_back(
            {"Group", "there is no group " + group, "Make the group, or correct Group."});
    }
}

}  // namespace

std::optional<FileFault> log_without_room(const Json& properties) {
    const std::string path = text_of(properties, "LogPath");
    struct statvfs room {};
    if (path.empty() || ::statvfs(path.substr(0, path.rfind('/')).c_str(), &room) != 0) {
        return std::nullopt;
    }
    const bool has_no_blocks = room.f_blocks > 0 && room.f_bavail == 0;
    const bool has_no_files = room.f_files > 0 && room.f_favail == 0;
    if (!has_no_blocks && !has_no_files) {
        return std::nullopt;
    }
    return FileFault{"StandardOutput",
                     "the file system of " + path + " has no room" +
                         (has_no_blocks ? "" : " for another file") +
                         ": what it writes to its log is lost",
                     "Make room there.", Severity::problem, "log-full"};
}

bool is_gone(const std::string& path) {
    return path.starts_with('/') && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
}

Usec change_of_program(const Json& properties) {
    Usec latest = 0;
    for (const Json& command : properties.value("ExecStart", Json::array())) {
        if (!command.is_array() || command.size() < 2 || !command[1].is_array()) {
            continue;
        }
        std::vector<Json> paths{command[0]};
        if (command[1].size() > 1) {
            paths.push_back(command[1][1]);
        }
        for (const Json& path : paths) {
            struct stat facts {};
            if (path.is_string() && path.get<std::string>().starts_with('/') &&
                ::stat(path.get<std::string>().c_str(), &facts) == 0 && S_ISREG(facts.st_mode)) {
                latest = std::max(latest, static_cast<Usec>(facts.st_ctim.tv_sec) * 1'000'000 +
                                              static_cast<Usec>(facts.st_ctim.tv_nsec) / 1'000);
            }
        }
    }
    return latest;
}

std::vector<FileFault> faults_of_files(const Json& properties) {
    std::vector<FileFault> faults;
    look_at_commands(properties, faults);
    for (const Json& file : properties.value("EnvironmentFiles", Json::array())) {
        const bool is_needed = file.is_array() && file.size() == 2 && file[1] == false;
        const std::string path = is_needed ? file[0].get<std::string>() : "";
        if (is_gone(path)) {
            faults.push_back({"EnvironmentFile", path + " is not there",
                              "Put it back, or correct EnvironmentFile ('-' before the path: it "
                              "may be missing)."});
        }
    }
    if (auto fault = log_without_room(properties)) {
        faults.push_back(std::move(*fault));
    }
    look_at_folder(properties, faults);
    look_at_places(properties, faults);
    look_at_user(properties, faults);
    return faults;
}

}  // namespace svcd
