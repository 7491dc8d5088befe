#include "file_look.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proc_look.h"
#include "program_look.h"
#include "trouble.h"

namespace svcd {
namespace {

/// Of a command whose failure counts: '-' before it may well mean that it is not there.
std::string path_of(const Json& command) {
    const bool has_path =
        command.is_array() && command.size() > 2 && command[0].is_string() && command[2] == false;
    const std::string path = has_path ? command[0].get<std::string>() : "";
    return path.starts_with('/') ? path : "";
}

/// "/x" of "append:/x"; "" of what has no path.
std::string path_of_stream(const std::string& stream) {
    const std::size_t colon = stream.find(':');
    return colon == std::string::npos ? "" : stream.substr(colon + 1);
}

void look_at_commands(const Json& properties, std::vector<FileFault>& faults) {
    const bool is_path_usual = has_usual_path(properties);
    for (const char* setting : {"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost",
                                "ExecReload", "ExecStop", "ExecStopPost"}) {
        for (const Json& command : properties.value(setting, Json::array())) {
            const std::string path = path_of(command);
            if (const auto fault =
                    path.empty() ? std::nullopt : fault_of_program(path, is_path_usual)) {
                faults.push_back({setting, fault->text,
                                  fault->mend + ", or correct " + std::string{setting} + ".",
                                  path});
            }
        }
    }
}

bool is_folder(const std::string& path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

void look_at_folder(const Json& properties, std::vector<FileFault>& faults) {
    const std::string folder = text_of(properties, "WorkingDirectory");
    if (is_gone(folder)) {
        faults.push_back({"WorkingDirectory", folder + " is not there",
                          "Make the folder, or correct WorkingDirectory.", folder});
    } else if (folder.starts_with('/') && ::access(folder.c_str(), F_OK) == 0 &&
               !is_folder(folder)) {
        faults.push_back(
            {"WorkingDirectory", folder + " is no folder", "Correct WorkingDirectory.", folder});
    }
}

/// Finds what the unit's user may not do. A command with '+' runs as root, and which ones these are
/// svcd does not tell: so only of ExecStart.
void look_at_access(const Json& properties, std::vector<FileFault>& faults) {
    const auto account = account_of(properties);
    if (!account) {
        return;
    }
    const auto look = [&](const char* setting, const std::string& path, const char* what,
                          const std::string& mend) {
        if (path.starts_with('/') && !is_gone(path) && !may_access(*account, path, X_OK)) {
            faults.push_back({setting,
                              "User: " + account->user + " may not " + what + " " + path +
                                  ": the permissions of it, or of a folder on the way, forbid it",
                              mend + " ('namei -l " + path + "' shows the modes).", path});
        }
    };
    for (const Json& command : properties.value("ExecStart", Json::array())) {
        const std::string path = path_of(command);
        if (!path.empty() && !fault_of_program(path, false)) {
            look("ExecStart", path, "execute", "Allow it, or correct User");
        }
    }
    const std::string folder = text_of(properties, "WorkingDirectory");
    if (is_folder(folder)) {
        look("WorkingDirectory", folder, "enter", "Allow it, or correct WorkingDirectory");
    }
}

/// Files that a start opens for the standard streams: it makes those for output, but no folder.
void look_at_streams(const Json& properties, std::vector<FileFault>& faults) {
    for (const char* stream : {"StandardInput", "StandardOutput", "StandardError"}) {
        const std::string path = path_of_stream(text_of(properties, stream));
        const std::string folder = path.substr(0, std::min(path.rfind('/'), path.size()));
        const std::string correct = ", or correct " + std::string{stream} + ".";
        if (std::string_view{stream} == "StandardInput" && is_gone(path)) {
            faults.push_back({stream, path + " is not there", "Put it there" + correct, path});
        } else if (path.starts_with('/') && !folder.empty() && is_gone(folder)) {
            faults.push_back({stream, "the folder " + folder + " is not there",
                              "Make the folder" + correct, path});
        } else if (path.starts_with('/') && is_folder(path)) {
            faults.push_back({stream, path + " is a folder", "Name a file" + correct, path});
        }
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
                              "Put the file into a folder that only root may write.", path,
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
        faults.push_back(
            {"User", "there is no user " + user, "Make the user, or correct User.", user});
    }
    errno = 0;
    if (!group.empty() && !is_number(group) && ::getgrnam(group.c_str()) == nullptr && errno == 0) {
        faults.push_back(
            {"Group", "there is no group " + group, "Make the group, or correct Group.", group});
    }
}

/// The text of a unit file, or nothing when it can't be read as a whole.
std::optional<std::string> text_of_unit_file(const std::string& path) {
    constexpr std::size_t kUnitFileMax = std::size_t{1} << 20U;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        return std::nullopt;
    }
    std::string text(kUnitFileMax + 1, '\0');
    std::size_t size = 0;
    ssize_t got = 1;
    while (size < text.size() && got > 0) {
        got = ::read(descriptor, text.data() + size, text.size() - size);
        size += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    ::close(descriptor);
    text.resize(size);
    return got < 0 || size > kUnitFileMax ? std::nullopt : std::optional{std::move(text)};
}

/// Marks the faults whose object no file of the unit names any more, where the files have changed
/// since they were loaded. A specifier may stand for it.
void mark_mended(const Json& properties, std::vector<FileFault>& faults) {
    std::vector<std::string> paths{text_of(properties, "FragmentPath")};
    for (const Json& path : properties.value("DropInPaths", Json::array())) {
        paths.push_back(path.is_string() ? path.get<std::string>() : std::string{});
    }
    std::string all;
    for (const std::string& path : paths) {
        const auto text = text_of_unit_file(path);
        if (!text || text->find('%') != std::string::npos) {
            return;
        }
        all += *text + "\n";
    }
    for (FileFault& fault : faults) {
        fault.is_mended = !fault.object.empty() && all.find(fault.object) == std::string::npos;
    }
}

}  // namespace

bool is_gone_from_file(const std::string& load_error) {
    constexpr std::string_view kUnknown = "unknown key '";
    const std::string place = location_in(load_error);
    const std::size_t key = load_error.find(kUnknown);
    if (place.empty() || key != place.size() + 2) {
        return false;
    }
    const std::size_t begin = key + kUnknown.size();
    const std::string word = load_error.substr(begin, load_error.find('\'', begin) - begin);
    const auto text = text_of_unit_file(place.substr(0, place.rfind(':', place.rfind(':') - 1)));
    return text && text->find(word) == std::string::npos;
}

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
                     "Make room there.",
                     "",
                     Severity::problem,
                     "log-full"};
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
        if (is_needed && is_folder(path)) {
            faults.push_back({"EnvironmentFile", path + " is a folder",
                              "Name a file in EnvironmentFile.", path});
        } else if (is_gone(path)) {
            faults.push_back({"EnvironmentFile", path + " is not there",
                              "Put it back, or correct EnvironmentFile ('-' before the path: it "
                              "may be missing).",
                              path});
        }
    }
    if (auto fault = log_without_room(properties)) {
        faults.push_back(std::move(*fault));
    }
    look_at_folder(properties, faults);
    look_at_streams(properties, faults);
    look_at_access(properties, faults);
    look_at_places(properties, faults);
    look_at_user(properties, faults);
    if (truth_of(properties, "NeedDaemonReload")) {
        mark_mended(properties, faults);
    }
    return faults;
}

}  // namespace svcd
