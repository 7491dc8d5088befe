#include "bus/name_watches.h"

#include <string_view>

namespace svcd {
namespace {

constexpr const char* kBroker = "org.freedesktop.DBus";
constexpr const char* kBrokerPath = "/org/freedesktop/DBus";
constexpr std::uint64_t kQuestionTimeout = 25'000'000;

bool is_error(sd_bus_message* reply) {
    return sd_bus_message_is_method_error(reply, nullptr) > 0;
}

}  // namespace

void NameWatches::watch(UnitId unit, const std::string& name) {
    auto watch = std::make_unique<NameWatch>();
    watch->watches = this;
    watch->unit = unit;
    watch->name = name;
    NameWatch& added = *(watches_[unit] = std::move(watch));
    if (is_on_bus_) {
        ask(added);
    }
}

void NameWatches::ask_all() {
    is_on_bus_ = true;
    for (const auto& [unit, watch] : watches_) {
        ask(*watch);
    }
}

void NameWatches::forget_answers() {
    is_on_bus_ = false;
    for (const auto& [unit, watch] : watches_) {
        watch->match.reset();
        watch->question.reset();
    }
}

/// The match comes first: a change after the question was answered is told of then.
void NameWatches::ask(NameWatch& watch) {
    if (!link_.is_open() || sd_bus_service_name_is_valid(watch.name.c_str()) <= 0) {
        return;
    }
    const std::string match = std::string("type='signal',sender='") + kBroker + "',path='" +
                              kBrokerPath + "',interface='" + kBroker +
                              "',member='NameOwnerChanged',arg0='" + watch.name + "'";
    sd_bus_slot* slot = nullptr;
    if (sd_bus_add_match_async(link_.bus(), &slot, match.c_str(), &NameWatches::on_owner_changed,
                               nullptr, &watch) < 0) {
        link_.cut();  // no memory: asked again on the next connection
        return;
    }
    watch.match.reset(slot);
    if (!ask_about(watch, "GetNameOwner", watch.name, &NameWatches::on_owner)) {
        link_.cut();
    }
}

/// False: it could not be asked.
bool NameWatches::ask_about(NameWatch& watch,
                            const char* method,
                            const std::string& name,
                            sd_bus_message_handler_t on_answer) {
    watch.question.reset();
    sd_bus_message* message = nullptr;
    if (!link_.is_open() || sd_bus_message_new_method_call(link_.bus(), &message, kBroker,
                                                           kBrokerPath, kBroker, method) < 0) {
        return false;
    }
    const MessageRef question(message);
    sd_bus_slot* slot = nullptr;
    if (sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, name.c_str()) < 0 ||
        sd_bus_call_async(link_.bus(), &slot, message, on_answer, &watch, kQuestionTimeout) < 0) {
        return false;
    }
    watch.question.reset(slot);
    return true;
}

/// `owner`: the unique name of a connection, or nothing.
void NameWatches::take_owner(NameWatch& watch, const std::string& owner) {
    if (owner.empty()) {
        watch.question.reset();
        report(watch, false, 0);
    } else if (!ask_about(watch, "GetConnectionUnixProcessID", owner, &NameWatches::on_process)) {
        report(watch, true, 0);
    }
}

void NameWatches::report(const NameWatch& watch, bool has_owner, Pid owner) {
    manager_.submit(BusNameChanged{watch.unit, has_owner, owner});
}

int NameWatches::on_owner_changed(sd_bus_message* signal, void* changed, sd_bus_error*) {
    auto& watch = *static_cast<NameWatch*>(changed);
    const char* name = "";
    const char* before = "";
    const char* after = "";
    if (watch.watches->link_.is_open() &&
        sd_bus_message_read(signal, "sss", &name, &before, &after) > 0 && name == watch.name) {
        watch.watches->take_owner(watch, after);
    }
    return 0;
}

int NameWatches::on_owner(sd_bus_message* reply, void* asked, sd_bus_error*) {
    auto& watch = *static_cast<NameWatch*>(asked);
    if (!watch.watches->link_.is_open()) {
        return 1;
    }
    const char* owner = "";
    if (!is_error(reply)) {
        sd_bus_message_read_basic(reply, SD_BUS_TYPE_STRING, &owner);
    } else if (sd_bus_message_is_method_error(reply, "org.freedesktop.DBus.Error.NameHasNoOwner") <=
               0) {
        return 1;  // no answer: the match still tells of changes
    }
    watch.watches->take_owner(watch, owner);
    return 1;
}

int NameWatches::on_process(sd_bus_message* reply, void* asked, sd_bus_error*) {
    auto& watch = *static_cast<NameWatch*>(asked);
    std::uint32_t pid = 0;
    if (!is_error(reply)) {
        sd_bus_message_read_basic(reply, SD_BUS_TYPE_UINT32, &pid);
    }
    if (watch.watches->link_.is_open()) {
        // Gone already? Then the next change says so.
        watch.watches->report(watch, true, static_cast<Pid>(pid));
    }
    return 1;
}

}  // namespace svcd
