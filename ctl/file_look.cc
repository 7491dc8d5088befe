#include "file_look.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

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
    look_at_folder(properties, faults);
    look_at_user(properties, faults);
    return faults;
}

}  // namespace svcd
