#include "connection.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "launcher_status.h"
#include "signals.h"

namespace svcd {
namespace {

constexpr Usec kReconnectMax = 10'000'000;
constexpr int kReconnectPauseMilliseconds = 10;
/// An address without a listener that is no runtime dir's: somebody is just being restarted,
/// perhaps.
constexpr Usec kRefusedMax = 1'000'000;
/// svctl tries for so long to connect when the line before the socket is full: svcd takes from it
/// in every turn, and whoever fills it has to go on filling it.
constexpr Usec kFullMax = 5'000'000;
constexpr const char* kFull = "System.Error.EAGAIN";
/// A manager that is started again so soon is worth waiting for.
constexpr Usec kSoon = 2'000'000;
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

/// Where a svcd may be whose container has no /run for it: one of ours, or one that is PID 1, which
/// has a user of its own. Anybody may make folders there.
std::vector<std::string> runtime_dirs_in_container() {
    struct stat facts {};
    std::vector<uid_t> users{::geteuid()};
    if (::geteuid() == 0 && ::stat("/proc/1", &facts) == 0 && facts.st_uid != 0) {
        users.push_back(facts.st_uid);
    }
    std::vector<std::string> found;
    for (const char* folder : {"/tmp", "/dev/shm"}) {
        for (const uid_t user : users) {
            const std::string path = folder + ("/svcd-" + std::to_string(user));
            if (::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) &&
                facts.st_uid == user && (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0) {
                found.push_back(path);
            }
        }
    }
    return found;
}

/// Root and the owner have a door of their own to a private socket: before the one for everybody a
/// line may stand. Null: this caller has not, or no svcd is there that has such a door.
std::unique_ptr<sdbus::IConnection> open_as_owner(const std::string& runtime_dir) {
    const std::string path = runtime_dir + "/owner-bus";
    if (runtime_dir.empty() || ::access(path.c_str(), W_OK) != 0) {
        return nullptr;
    }
    try {
        return sdbus::createSessionBusConnectionWithAddress("unix:path=" + escape_address(path));
    } catch (const sdbus::Error& error) {
        if (error.getName() == kFull) {
            throw;
        }
        return nullptr;
    }
}

std::unique_ptr<sdbus::IConnection> open(const Endpoint& endpoint, const std::string& runtime_dir) {
    switch (endpoint.kind) {
        case Endpoint::Kind::address:
            if (auto bus = open_as_owner(runtime_dir)) {
                return bus;
            }
            return sdbus::createSessionBusConnectionWithAddress(endpoint.address);
        case Endpoint::Kind::system_bus:
            return sdbus::createSystemBusConnection();
        case Endpoint::Kind::session_bus:
            return sdbus::createSessionBusConnection();
    }
    return nullptr;
}

/// The runtime dir whose private socket this is; empty: none's.
std::string runtime_dir_of(const Endpoint& endpoint) {
    constexpr std::string_view kTransport = "unix:path=";
    constexpr std::string_view kSocket = "/bus";
    std::string_view path = endpoint.shown;
    if (path.starts_with(kTransport) && path.find_first_of("%,;") == std::string_view::npos) {
        path.remove_prefix(kTransport.size());
    }
    const bool is_private = endpoint.kind == Endpoint::Kind::address && path.ends_with(kSocket) &&
                            path.find('=') == std::string_view::npos;
    return is_private ? std::string{path.substr(0, path.size() - kSocket.size())} : "";
}

bool has_no_listener(const sdbus::Error& error) {
    return is_connection_lost(error.getName()) ||
           error.getName() == "org.freedesktop.DBus.Error.FileNotFound";
}

/// Nobody could be reached there, since `waited` ago: is it worth waiting on? Throws Trouble when a
/// svcd is there that can't start its manager.
bool is_worth_waiting(const std::string& runtime_dir, const sdbus::Error& error, Usec waited) {
    if (error.getName() == kFull) {
        return waited < kFullMax;
    }
    if (runtime_dir.empty()) {
        return is_connection_lost(error.getName()) && waited < kRefusedMax;
    }
    const std::optional<LauncherStatus> launcher = read_launcher_status(runtime_dir);
    if (!launcher) {
        return false;
    }
    const Usec now = monotonic_now();
    if (waited >= kReconnectMax || (launcher->manager == 0 && launcher->next_start > now + kSoon)) {
        throw no_manager_trouble(*launcher, now);
    }
    return true;
}

std::unique_ptr<sdbus::IConnection> open_patiently(const Endpoint& endpoint) {
    const std::string runtime_dir = runtime_dir_of(endpoint);
    const Usec begun = monotonic_now();
    if (!runtime_dir.empty()) {
        have_manager_watched(runtime_dir);
    }
    while (true) {
        try {
            return open(endpoint, runtime_dir);
        } catch (const sdbus::Error& error) {
            if ((!has_no_listener(error) && error.getName() != kFull) ||
                !is_worth_waiting(runtime_dir, error, monotonic_now() - begun)) {
                throw;
            }
        }
        ::poll(nullptr, 0, kRefusedPauseMilliseconds);
    }
}

Trouble unreachable(const std::string& why) {
    return {ExitStatus::unreachable,
            "org.svcd1.Unreachable",
            "svcd can't be reached: " + why,
            "",
            "is it running? --user, --runtime-dir=DIR or --bus=ADDRESS say which svcd is meant",
            ""};
}

/// "[…ENOENT] Failed to open … (No such file or directory)" of sdbus-c++, less what repeats itself.
std::string reason_of(const sdbus::Error& error) {
    if (error.getName() == kFull) {
        return "for 5 s the line before its socket was full: too many clients are connecting, or "
               "nobody takes them in";
    }
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
    // What is typed wins over the environment.
    if (!options.user && !options.system) {
        if (const auto bus = environment("SVCTL_BUS"); bus && !bus->empty()) {
            return {endpoint_of(*bus)};
        }
        if (const auto dir = environment("SVCD_RUNTIME_DIR"); dir && !dir->empty()) {
            return {endpoint_of(*dir + "/bus")};
        }
    }
    std::vector<Endpoint> places;
    if (!options.user) {
        places.push_back(endpoint_of("/run/svcd/bus"));
        for (const std::string& path : runtime_dirs_in_container()) {
            places.push_back(endpoint_of(path + "/bus"));
        }
        places.push_back(endpoint_of("system"));
        return places;
    }
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
    Trouble trouble = unreachable("tried ");
    bool first = true;
    for (const Endpoint& endpoint : candidates_) {
        try {
            bus_ = open_patiently(endpoint);
            is_bus_ = endpoint.kind != Endpoint::Kind::address;
            runtime_dir_ = runtime_dir_of(endpoint);
            return;
        } catch (const sdbus::Error& error) {
            const std::string dir = runtime_dir_of(endpoint);
            const bool is_absent = !dir.empty() && has_no_listener(error);
            trouble.message += (first ? "" : ", ") + endpoint.shown + " (" + reason_of(error) +
                               (is_absent ? ": no svcd runs on " + dir : "") + ")";
            first = false;
            if (status_of_error(error.getName()) == ExitStatus::not_permitted) {
                trouble.status = ExitStatus::not_permitted;
                trouble.name = error.getName();
                trouble.hint =
                    "svcd runs, and its socket is not for everybody (BusMode and "
                    "BusGroup in svcd.yaml): be root, or in that group";
            }
        }
    }
    throw trouble;
}

bool Connection::is_lost(const sdbus::Error& error) const {
    const std::string& name = error.getName();
    return is_connection_lost(name) ||
           (is_bus_ && (name == "org.freedesktop.DBus.Error.NoReply" ||
                        name == "org.freedesktop.DBus.Error.ServiceUnknown" ||
                        name == "org.freedesktop.DBus.Error.NameHasNoOwner"));
}

bool Connection::has_owner_soon() {
    if (!is_bus_) {
        return true;
    }
    const auto proxy = sdbus::createProxy(*bus_, "org.freedesktop.DBus", "/org/freedesktop/DBus");
    const Usec deadline = monotonic_now() + kSoon;
    bool has_owner = false;
    while (true) {
        proxy->callMethod("NameHasOwner")
            .onInterface("org.freedesktop.DBus")
            .withArguments("org.svcd1")
            .storeResultsTo(has_owner);
        if (has_owner || monotonic_now() >= deadline) {
            return has_owner;
        }
        ::poll(nullptr, 0, kReconnectPauseMilliseconds);
    }
}

sdbus::IConnection& Connection::bus() {
    if (!bus_) {
        throw unreachable("it has ended");
    }
    return *bus_;
}

bool Connection::find_again() {
    try {
        bus_.reset();
        connect();
        return has_owner_soon();
    } catch (const Trouble& trouble) {
        if (trouble.name == kNoManager) {
            throw;
        }
        return false;
    }
}

void Connection::reconnect() {
    const Usec deadline = monotonic_now() + kReconnectMax;
    while (true) {
        try {
            bus_.reset();
            connect();
            break;
        } catch (const Trouble& trouble) {
            // Of a manager that can't start all is known at once.
            if (trouble.name == kNoManager || monotonic_now() >= deadline) {
                throw;
            }
            ::poll(nullptr, 0, kReconnectPauseMilliseconds);
        }
    }
    if (!has_owner_soon()) {
        throw unreachable("nobody is org.svcd1 on the message bus");
    }
}

}  // namespace svcd
