// Who calls over the message bus: asked of it when a client comes (bus_link.h says why).
#include <new>
#include <string_view>

#include "bus/bus_link.h"

namespace svcd {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::microseconds kQuestionTimeout = 25s;

Caller read_credentials(sd_bus_message* reply) {
    Caller caller;
    if (sd_bus_message_is_method_error(reply, nullptr) > 0 ||
        sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "{sv}") <= 0) {
        return caller;
    }
    while (sd_bus_message_enter_container(reply, SD_BUS_TYPE_DICT_ENTRY, "sv") > 0) {
        const char* key = "";
        std::uint32_t value = 0;
        sd_bus_message_read_basic(reply, SD_BUS_TYPE_STRING, &key);
        const std::string_view name(key);
        if ((name == "UnixUserID" || name == "ProcessID") &&
            sd_bus_message_read(reply, "v", "u", &value) >= 0) {
            if (name == "UnixUserID") {
                caller.uid = value;
            } else {
                caller.pid = static_cast<Pid>(value);
            }
        } else {
            sd_bus_message_skip(reply, "v");
        }
        sd_bus_message_exit_container(reply);
    }
    return caller;
}

}  // namespace

void BusLink::make_room_for_a_caller() {
    if (callers_.size() >= kCallersMax) {
        std::erase_if(callers_, [](const auto& entry) { return entry.second.answered; });
    }
}

/// First the match, then the list: whoever comes in between is in both.
void BusLink::watch_clients() {
    const std::string match = std::string("type='signal',sender='") + kBroker + "',path='" +
                              kBrokerPath + "',interface='" + kBroker +
                              "',member='NameOwnerChanged'";
    const auto seen = [](sd_bus_message*, void*, sd_bus_error*) { return 0; };  // by our filter
    sd_bus_slot* slot = nullptr;
    if (sd_bus_add_match_async(bus(), &slot, match.c_str(), seen, nullptr, this) >= 0) {
        clients_match_.reset(slot);
    }
    slot = nullptr;
    if (sd_bus_call_method_async(bus(), &slot, kBroker, kBrokerPath, kBroker, "ListNames",
                                 &BusLink::on_names, this, "") >= 0) {
        clients_question_.reset(slot);
    }
}

int BusLink::on_names(sd_bus_message* reply, void* self, sd_bus_error*) {
    auto* link = static_cast<BusLink*>(self);
    if (!link->is_open() || sd_bus_message_is_method_error(reply, nullptr) > 0 ||
        sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "s") <= 0) {
        return 1;
    }
    const char* name = nullptr;
    while (link->is_open() && sd_bus_message_read_basic(reply, SD_BUS_TYPE_STRING, &name) > 0) {
        link->note_client(name);
    }
    return 1;
}

void BusLink::on_name_owner_changed(sd_bus_message* signal) {
    const char* name = "";
    const char* before = "";
    const char* after = "";
    if (sd_bus_message_read(signal, "sss", &name, &before, &after) > 0) {
        if (*after == '\0') {
            forget_client(name);
        } else {
            note_client(name);
        }
    }
    sd_bus_message_rewind(signal, 1);
}

/// A client has come: who it is has to be known before it calls.
void BusLink::note_client(const std::string& name) {
    const char* own = nullptr;
    const bool is_ours = sd_bus_get_unique_name(bus(), &own) >= 0 && own != nullptr && name == own;
    if (!name.starts_with(':') || is_ours) {
        return;
    }
    make_room_for_a_caller();
    if (callers_.size() >= kCallersMax) {
        return;  // asked when it calls
    }
    KnownCaller& known = callers_[name];
    if (!known.asked && !known.answered) {
        known.name = name;
        ask_who_is(name, known);
    }
}

void BusLink::forget_client(const std::string& name) {
    const auto found = callers_.find(name);
    if (found == callers_.end()) {
        return;
    }
    found->second.gone = true;
    if (found->second.answered) {
        callers_.erase(found);
    }
}

bool BusLink::ask_who_is(const std::string& sender, KnownCaller& known) {
    sd_bus_message* message = nullptr;
    if (sd_bus_message_new_method_call(bus(), &message, kBroker, kBrokerPath, kBroker,
                                       "GetConnectionCredentials") < 0) {
        return false;
    }
    const MessageRef question(message);
    sd_bus_slot* slot = nullptr;
    known.link = this;
    if (sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, sender.c_str()) < 0 ||
        sd_bus_call_async(bus(), &slot, message, &BusLink::on_credentials, &known,
                          static_cast<std::uint64_t>(kQuestionTimeout.count())) < 0) {
        return false;
    }
    known.question.reset(slot);
    known.asked = true;
    return true;
}

int BusLink::on_credentials(sd_bus_message* reply, void* caller, sd_bus_error*) {
    auto& known = *static_cast<KnownCaller*>(caller);
    BusLink& link = *known.link;
    if (!link.is_open()) {
        return 1;
    }
    // Without an answer the caller is nobody: it may read.
    known.caller = read_credentials(reply);
    known.answered = true;
    const std::vector<MessageRef> waiting = std::move(known.waiting);
    known.waiting.clear();
    link.unknown_calls_ -= waiting.size();
    try {
        for (const MessageRef& call : waiting) {
            if (link.is_open()) {
                link.say_who_is_unknown(known, call.get());
                link.dispatcher_.dispatch({link, call.get(), known.caller});
            }
        }
    } catch (const std::bad_alloc&) {
        link.cut();
        return 1;
    }
    if (known.gone) {
        link.callers_.erase(std::string(known.name));
    }
    return 1;
}

/// What it asked for is refused, and it is not there to be told.
void BusLink::say_who_is_unknown(const KnownCaller& known, sd_bus_message* call) const {
    if (!known.caller.uid) {
        const char* member = sd_bus_message_get_member(call);
        say(Severity::warning,
            std::string("A client of the message bus called ") + (member ? member : "a method") +
                " and was gone before the bus could tell who it was; so it counts as a stranger. "
                "Let it wait for the answer.");
    }
}

}  // namespace svcd
