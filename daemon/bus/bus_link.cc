#include "bus/bus_link.h"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "bus/body_limits.h"

namespace svcd {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::microseconds kFirstDelay = 200ms;
constexpr std::chrono::microseconds kLongestDelay = 10s;
/// How late the timer may be: the kernel can then wake us together with something else.
constexpr std::chrono::microseconds kTimerAccuracy = 50ms;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// The path of an address that is one unix:path=..., else empty.
std::string socket_path(std::string_view address) {
    constexpr std::string_view kPrefix = "unix:path=";
    if (!address.starts_with(kPrefix) || address.find(';') != std::string_view::npos) {
        return {};
    }
    address.remove_prefix(kPrefix.size());
    address = address.substr(0, address.find(','));
    std::string path;
    for (std::size_t i = 0; i < address.size(); ++i) {
        if (address[i] == '%' && i + 2 < address.size()) {
            path += static_cast<char>(
                std::strtol(std::string(address.substr(i + 1, 2)).c_str(), nullptr, 16));
            i += 2;
        } else {
            path += address[i];
        }
    }
    return path.starts_with('/') ? path : std::string{};
}

bool is_folder(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::string match_for_end_of(const std::string& name) {
    return std::string("type='signal',sender='") + kBroker + "',path='" + kBrokerPath +
           "',interface='" + kBroker + "',member='NameOwnerChanged',arg0='" + name + "'";
}

}  // namespace

std::string message_bus_address(const std::string& option) {
    if (option == "none" || option == "private") {
        return {};
    }
    if (option == "system") {
        const std::string given = environment("DBUS_SYSTEM_BUS_ADDRESS");
        return given.empty() ? "unix:path=/run/dbus/system_bus_socket" : given;
    }
    if (option == "session") {
        const std::string given = environment("DBUS_SESSION_BUS_ADDRESS");
        const std::string folder = environment("XDG_RUNTIME_DIR");
        if (given.empty() && !folder.empty()) {
            return "unix:path=" + folder + "/bus";
        }
        return given;
    }
    return option;
}

BusLink::BusLink(sd_event* loop,
                 Dispatcher& dispatcher,
                 ManagerApi& manager,
                 const BusOptions& options)
    : loop_(loop),
      dispatcher_(dispatcher),
      options_(options),
      names_(*this, manager),
      address_(message_bus_address(options.address)),
      delay_(kFirstDelay) {}

void BusLink::say(Severity severity, const std::string& text) const {
    if (options_.say) {
        options_.say(severity, text);
    }
}

// ── coming and going ─────────────────────────────────────────────────────────────────────────

void BusLink::start() {
    if (!address_.empty()) {
        connect();
    }
}

void BusLink::reconnect() {
    if (address_.empty()) {
        return;
    }
    cut();
    delay_ = kFirstDelay;
    said_unreachable_ = false;
    said_refusal_.clear();
    set_timer(0us);
}

void BusLink::on_cut() {
    if (std::exchange(connected_, false)) {
        say(Severity::warning, "The connection to the message bus " + address_ +
                                   " ended; the private socket is still there. Connecting again.");
    }
    dispatcher_.forget(*this);
    try_again_later();
}

void BusLink::try_again_later() {
    set_timer(delay_);
    delay_ = std::min(2 * delay_, kLongestDelay);
}

void BusLink::connect() {
    // Only now: while a connection is cut, what belongs to it may be in use up the stack.
    callers_.clear();
    subscribers_.clear();
    unknown_calls_ = 0;
    names_.forget_answers();
    name_request_.reset();
    clients_match_.reset();
    clients_question_.reset();
    filter_.reset();
    connected_ = false;
    // The watch comes before the attempt, so that a socket that appears in between is noticed.
    watch_for_socket();
    if (open_bus()) {
        return;
    }
    const int reason = errno;
    open(nullptr);
    if (!std::exchange(said_unreachable_, true)) {
        say(Severity::info, "The message bus " + address_ + " can't be reached (" +
                                std::strerror(reason) + "); trying again when it appears.");
    }
    if (reason != ENOENT || !folder_watch_) {
        try_again_later();
    }
}

/// Begins to connect. On failure errno says why.
bool BusLink::open_bus() {
    sd_bus* bus = nullptr;
    int status = sd_bus_new(&bus);
    if (status >= 0) {
        open(bus);
        sd_bus_slot* filter = nullptr;
        status = sd_bus_set_address(bus, address_.c_str());
        status = status < 0 ? status : sd_bus_set_bus_client(bus, 1);
        status = status < 0 ? status : sd_bus_set_connected_signal(bus, 1);
        status = status < 0 ? status : sd_bus_negotiate_fds(bus, 0);
        status = status < 0 ? status : sd_bus_add_filter(bus, &filter, &BusLink::on_message, this);
        filter_.reset(filter);
        status = status < 0 ? status : sd_bus_start(bus);
        status = status < 0 ? status : sd_bus_attach_event(bus, loop_, options_.event_priority);
    }
    errno = status < 0 ? -status : 0;
    return status >= 0;
}

void BusLink::set_timer(std::chrono::microseconds delay) {
    sd_event_source* source = nullptr;
    if (sd_event_add_time_relative(
            loop_, &source, CLOCK_MONOTONIC, static_cast<std::uint64_t>(delay.count()),
            static_cast<std::uint64_t>(kTimerAccuracy.count()), &BusLink::on_timer, this) < 0) {
        return;
    }
    timer_.reset(source);
    sd_event_source_set_priority(source, options_.event_priority);
}

int BusLink::on_timer(sd_event_source*, std::uint64_t, void* self) {
    auto* link = static_cast<BusLink*>(self);
    link->timer_.reset();
    if (link->is_connected()) {
        link->request_name();  // it was refused before
    } else {
        link->connect();
    }
    return 0;
}

void BusLink::watch_for_socket() {
    folder_watch_.reset();
    std::string folder = socket_path(address_);
    if (folder.empty()) {
        return;
    }
    // The nearest folder that exists; what we look for in it is the next part of the path.
    do {
        const std::size_t slash = folder.rfind('/');
        socket_name_ = folder.substr(slash + 1);
        folder.resize(slash);
    } while (!folder.empty() && !is_folder(folder));
    sd_event_source* source = nullptr;
    if (sd_event_add_inotify(loop_, &source, folder.empty() ? "/" : folder.c_str(),
                             IN_CREATE | IN_MOVED_TO | IN_ONLYDIR, &BusLink::on_folder,
                             this) >= 0) {
        folder_watch_.reset(source);
        sd_event_source_set_priority(source, options_.event_priority);
    }
}

int BusLink::on_folder(sd_event_source*, const inotify_event* event, void* self) {
    auto* link = static_cast<BusLink*>(self);
    const bool appeared = event->len > 0 && link->socket_name_ == event->name;
    if (!link->is_open() && (appeared || (event->mask & IN_IGNORED) != 0)) {
        link->delay_ = kFirstDelay;
        link->set_timer(0us);
    }
    return 0;
}

void BusLink::request_name() {
    sd_bus_slot* slot = nullptr;
    if (sd_bus_request_name_async(bus(), &slot, kBusName, SD_BUS_NAME_QUEUE, &BusLink::on_name,
                                  this) < 0) {
        cut();
        return;
    }
    name_request_.reset(slot);
}

int BusLink::on_name(sd_bus_message* reply, void* self, sd_bus_error*) {
    auto* link = static_cast<BusLink*>(self);
    if (!link->is_open()) {
        return 1;
    }
    if (sd_bus_message_is_method_error(reply, nullptr) > 0) {
        const sd_bus_error* error = sd_bus_message_get_error(reply);
        link->say_refusal(error && error->message ? error->message : "it gives no reason");
        link->try_again_later();
    }
    // Else the name is ours (NameAcquired says so), or will be when whoever has it has gone.
    return 1;
}

/// Once, and again only for another reason (which names our connection: that is no other).
void BusLink::say_refusal(std::string reason) {
    const char* own = nullptr;
    if (sd_bus_get_unique_name(bus(), &own) >= 0 && own != nullptr) {
        const std::size_t at = reason.find(own);
        if (at != std::string::npos) {
            reason.replace(at, std::string_view(own).size(), "svcd");
        }
    }
    if (reason == said_refusal_) {
        return;
    }
    say(Severity::warning,
        std::string("The message bus ") + address_ + " does not give svcd the name " + kBusName +
            ": " + reason +
            ". svctl uses the private socket and is not concerned; for others, put svcd's policy "
            "org.svcd1.conf into /usr/share/dbus-1/system.d ('cmake --install' does). svcd goes on "
            "asking for the name and says when it has it.");
    said_refusal_ = std::move(reason);
}

void BusLink::on_name_acquired(sd_bus_message* signal) {
    const char* name = "";
    if (sd_bus_message_read_basic(signal, SD_BUS_TYPE_STRING, &name) <= 0 ||
        std::string_view(name) != kBusName) {
        return;  // our unique name
    }
    delay_ = kFirstDelay;
    said_unreachable_ = false;
    said_refusal_.clear();
    say(Severity::info, "On the message bus " + address_ + " as " + kBusName + ".");
}

// ── messages ─────────────────────────────────────────────────────────────────────────────────

int BusLink::on_message(sd_bus_message* message, void* self, sd_bus_error*) {
    auto* link = static_cast<BusLink*>(self);
    try {
        return link->handle(message);
    } catch (const std::bad_alloc&) {
        link->cut();
    }
    return 1;
}

int BusLink::handle(sd_bus_message* message) {
    constexpr const char* kLocal = "org.freedesktop.DBus.Local";
    if (sd_bus_message_is_signal(message, kLocal, "Disconnected") > 0) {
        cut();
        return 1;
    }
    if (sd_bus_message_is_signal(message, kLocal, "Connected") > 0) {
        connected_ = true;
        folder_watch_.reset();
        watch_clients();
        request_name();
        names_.ask_all();
        return 1;
    }
    if (sd_bus_message_is_signal(message, kBroker, "NameAcquired") > 0) {
        on_name_acquired(message);
        return 1;
    }
    if (sd_bus_message_is_signal(message, kBroker, "NameOwnerChanged") > 0) {
        on_name_owner_changed(message);
        return 0;  // others have matches for it, too
    }
    std::uint8_t type = 0;
    sd_bus_message_get_type(message, &type);
    const char* interface = sd_bus_message_get_interface(message);
    if (type != SD_BUS_MESSAGE_METHOD_CALL ||
        (interface && std::string_view(interface) == "org.freedesktop.DBus.Peer")) {
        return 0;  // for our matches, and for sd-bus
    }
    handle_call(message);
    return 1;
}

void BusLink::handle_call(sd_bus_message* call) {
    const char* sender = sd_bus_message_get_sender(call);
    if (!sender) {
        return;  // a broker always says who it is from
    }
    make_room_for_a_caller();
    KnownCaller& known = callers_[sender];
    if (known.answered) {
        dispatcher_.dispatch({*this, call, known.caller});
        return;
    }
    known.name = sender;
    const bool is_too_much =
        broken_limit(call, kTextMax) ||
        unknown_calls_ >=
            (broken_limit(call, kStrangersTextMax) ? kLargeUnknownCallsMax : kUnknownCallsMax);
    if (is_too_much || (!known.asked && !ask_who_is(sender, known))) {
        answer_error(call, kErrorLimitsExceeded,
                     "Too many calls, or too large ones, wait for the message bus to tell who sent "
                     "them; nothing was done.");
        if (!known.asked) {
            callers_.erase(sender);
        }
        return;
    }
    known.waiting.emplace_back(sd_bus_message_ref(call));
    ++unknown_calls_;
}

// ── subscribers ──────────────────────────────────────────────────────────────────────────────

bool BusLink::subscribe(sd_bus_message* call) {
    const char* sender = sd_bus_message_get_sender(call);
    if (!sender || !is_open()) {
        return false;
    }
    if (subscribers_.contains(sender)) {
        return true;
    }
    if (subscribers_.size() >= kSubscribersMax) {
        return false;
    }
    sd_bus_slot* slot = nullptr;
    if (sd_bus_add_match_async(bus(), &slot, match_for_end_of(sender).c_str(),
                               &BusLink::on_owner_changed, nullptr, this) < 0) {
        return false;
    }
    subscribers_.emplace(sender, SlotRef{slot});
    return true;
}

void BusLink::unsubscribe(sd_bus_message* call) {
    if (const char* sender = sd_bus_message_get_sender(call)) {
        subscribers_.erase(sender);
    }
}

int BusLink::on_owner_changed(sd_bus_message* signal, void* self, sd_bus_error*) {
    auto* link = static_cast<BusLink*>(self);
    const char* name = nullptr;
    const char* before = nullptr;
    const char* after = nullptr;
    if (link->is_open() && sd_bus_message_read(signal, "sss", &name, &before, &after) > 0 &&
        *after == '\0') {
        link->subscribers_.erase(name);
    }
    return 0;
}

}  // namespace svcd
