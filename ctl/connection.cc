#include "connection.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "signals.h"

namespace svcd {
namespace {

constexpr Usec kReconnectMax = 10'000'000;
constexpr int kReconnectPauseMilliseconds = 10;
/// A socket without a listener: the manager is just being restarted, or was killed with its
/// launcher and left the socket behind. The first takes some milliseconds.
constexpr Usec kRefusedMax = 1'000'000;
constexpr int kRefusedPauseMilliseconds = 10;

Endpoint endpoint_of(const std::string& text) {
    if (text == "system") {
        return {Endpoint::Kind::system_bus, "", "the system bus"};
    }
    if (text == "session" || text == "user") {
        return {Endpoint::Kind::session_bus, "", "the session bus"};
    }
    // An address has a transport and a colon; a path may be relative.
    if (text.find('=') != std::string::npos && text.find(':') != std::string::npos &&
        !text.starts_with('/')) {
        return {Endpoint::Kind::address, text, text};
    }
    return {Endpoint::Kind::address, "unix:path=" + escape_address(text), text};
}

std::unique_ptr<sdbus::IConnection> open(const Endpoint& endpoint) {
    switch (endpoint.kind) {
        case Endpoint::Kind::address:
            return sdbus::createSessionBusConnectionWithAddress(endpoint.address);
        case Endpoint::Kind::system_bus:
            return sdbus::createSystemBusConnection();
        case Endpoint::Kind::session_bus:
            return sdbus::createSessionBusConnection();
    }
    return nullptr;
}

std::unique_ptr<sdbus::IConnection> open_patiently(const Endpoint& endpoint) {
    const Usec deadline = monotonic_now() + kRefusedMax;
    while (true) {
        try {
            return open(endpoint);
        } catch (const sdbus::Error& error) {
            if (!is_connection_lost(error.getName()) || monotonic_now() >= deadline) {
                throw;
            }
        }
        ::poll(nullptr, 0, kRefusedPauseMilliseconds);
    }
}

/// "[…ENOENT] Failed to open … (No such file or directory)" of sdbus-c++, less what repeats itself.
std::string reason_of(const sdbus::Error& error) {
    const std::string& message = error.getMessage();
    const std::size_t open_bracket = message.rfind('(');
    const std::size_t close_bracket = message.rfind(')');
    if (open_bracket == std::string::npos || close_bracket == std::string::npos ||
        close_bracket < open_bracket) {
        return message;
    }
    return message.substr(open_bracket + 1, close_bracket - open_bracket - 1);
}

}  // namespace

std::string escape_address(std::string_view path) {
    constexpr std::string_view kHex = "0123456789abcdef";
    constexpr std::string_view kPlain = "-_/.\\*";
    std::string text;
    for (const char c : path) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || kPlain.find(c) != std::string_view::npos;
        if (plain) {
            text += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        text += '%';
        text += kHex[byte >> 4U];
        text += kHex[byte & 0xfU];
    }
    return text;
}

std::vector<Endpoint> endpoints(const Options& options, const Environment& environment) {
    if (!options.bus.empty()) {
        return {endpoint_of(options.bus)};
    }
    // An explicit runtime dir names one svcd; another one on the message bus is not meant.
    if (!options.runtime_dir.empty()) {
        return {endpoint_of(options.runtime_dir + "/bus")};
    }
    if (const auto bus = environment("SVCTL_BUS"); bus && !bus->empty()) {
        return {endpoint_of(*bus)};
    }
    if (const auto dir = environment("SVCD_RUNTIME_DIR"); dir && !dir->empty()) {
        return {endpoint_of(*dir + "/bus")};
    }
    if (!options.user) {
        return {endpoint_of("/run/svcd/bus"), endpoint_of("system")};
    }
    std::vector<Endpoint> places;
    if (const auto dir = environment("XDG_RUNTIME_DIR"); dir && !dir->empty()) {
        places.push_back(endpoint_of(*dir + "/svcd/bus"));
    }
    places.push_back(endpoint_of("session"));
    return places;
}

Connection::Connection(std::vector<Endpoint> candidates) : candidates_(std::move(candidates)) {
    connect();
}

void Connection::connect() {
    Trouble trouble;
    trouble.status = ExitStatus::unreachable;
    trouble.name = "org.svcd1.Unreachable";
    trouble.message = "svcd can't be reached: tried ";
    trouble.hint =
        "is it running? --user, --runtime-dir=DIR or --bus=ADDRESS say which svcd is meant";
    bool first = true;
    for (const Endpoint& endpoint : candidates_) {
        try {
            bus_ = open_patiently(endpoint);
            sender_rule_ = endpoint.kind == Endpoint::Kind::address ? "" : "sender='org.svcd1',";
            return;
        } catch (const sdbus::Error& error) {
            trouble.message += (first ? "" : ", ") + endpoint.shown + " (" + reason_of(error) + ")";
            first = false;
            if (status_of_error(error.getName()) == ExitStatus::not_permitted) {
                trouble.status = ExitStatus::not_permitted;
            }
        }
    }
    throw trouble;
}

void Connection::reconnect() {
    const Usec deadline = monotonic_now() + kReconnectMax;
    while (true) {
        try {
            bus_.reset();
            connect();
            return;
        } catch (const Trouble&) {
            if (monotonic_now() >= deadline) {
                throw;
            }
            ::poll(nullptr, 0, kReconnectPauseMilliseconds);
        }
    }
}

}  // namespace svcd
