#include "bus/authorisation.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "bus/message.h"

namespace svcd {

namespace {

/// At most 120 bytes with spaces for NULs. Read only of callers that are trusted: a process can
/// make whoever reads its command line wait (by mapping its arguments from a file system of its
/// own).
std::string command_of(Pid pid) {
    if (pid <= 0) {
        return {};
    }
    const std::string path = "/proc/" + std::to_string(pid) + "/cmdline";
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return {};
    }
    std::array<char, 120> buffer;
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    ::close(fd);
    if (count <= 0) {
        return {};
    }
    std::string command(buffer.data(), static_cast<std::size_t>(count));
    while (!command.empty() && command.back() == '\0') {
        command.pop_back();
    }
    for (char& c : command) {
        // It ends up in logs and on terminals: no control characters.
        if (c == '\0') {
            c = ' ';
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            c = '?';
        }
    }
    return valid_utf8(command);
}

}  // namespace

bool Authority::trusts(const Caller& caller) const {
    return caller.uid && (*caller.uid == 0 || *caller.uid == owner_uid_);
}

std::string Authority::refusal(const Caller& caller, std::string_view action) const {
    std::string text = "Not permitted to ";
    text += action;
    text += ": only root";
    if (owner_uid_ != 0) {
        text += " and the owner of this svcd (uid " + std::to_string(owner_uid_) + ")";
    }
    text += " may, and this call came from ";
    text += caller.uid ? "uid " + std::to_string(*caller.uid)
                       : std::string("a caller whose uid the message bus could not tell");
    text += ". Call it as root, for instance with sudo.";
    return text;
}

Requester requester_of(const Caller& caller, std::string reason) {
    Requester requester;
    requester.uid = caller.uid.value_or(UINT32_MAX);
    requester.pid = caller.pid;
    requester.command = command_of(caller.pid);
    requester.reason = std::move(reason);
    return requester;
}

}  // namespace svcd
