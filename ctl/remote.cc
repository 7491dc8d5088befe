#include "remote.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "options.h"

namespace svcd {
namespace {

std::string quoted(const std::string& word) {
    std::string text = "'";
    for (const char c : word) {
        text += c == '\'' ? std::string{"'\\''"} : std::string{c};
    }
    return text + "'";
}

}  // namespace

std::vector<std::string> ssh_command(const std::string& host,
                                     const std::vector<std::string>& arguments) {
    std::string remote = "svctl";
    const std::size_t verb = verb_place(arguments).value_or(arguments.size());
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument.starts_with("--host")) {
            i += argument == "--host" ? 1U : 0U;
            continue;
        }
        // After the verb it is something else: a signal of kill.
        if (const auto letter = i < verb ? host_letter(argument) : std::nullopt) {
            i += *letter + 1 == argument.size() ? 1U : 0U;
            if (*letter > 1) {
                remote += " " + quoted(argument.substr(0, *letter));
            }
            continue;
        }
        remote += " " + quoted(argument);
    }
    // "--" so that a host can't be taken for an option of ssh.
    return {"ssh", "--", host, remote};
}

ExitStatus run_on_host(const std::string& host, const std::vector<std::string>& arguments) {
    std::vector<std::string> command = ssh_command(host, arguments);
    std::vector<char*> argv;
    for (std::string& word : command) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    ::execvp("ssh", argv.data());
    std::fprintf(stderr, "error: ssh could not be executed: %s\n", std::strerror(errno));
    return ExitStatus::unreachable;
}

}  // namespace svcd
