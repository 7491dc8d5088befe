#include "bus/driver.h"

#include <unistd.h>

#include "bus/error_names.h"

namespace svcd {

namespace {

constexpr const char* kDriverName = "org.freedesktop.DBus";

struct DriverCall {
    Connection& connection;
    sd_bus_message* message;
    const DriverFacts& facts;
    const std::function<bool()>& want_signals;
    std::string argument;  ///< the first, when it is a string
};

using DriverOutcome = tl::expected<void, BusError>;

bool is_someone(const DriverCall& call) {
    return call.argument == kBusName || call.argument == kDriverName ||
           call.argument == call.facts.client_name;
}

DriverOutcome no_owner(const DriverCall& call) {
    return bus_error(kErrorNameHasNoOwner, "Nobody has the name " + shown_name(call.argument) +
                                               " on svcd's private socket.");
}

DriverOutcome hello(DriverCall& call, Writer& reply) {
    reply.string(call.facts.client_name);
    return {};
}

DriverOutcome add_match(DriverCall& call, Writer&) {
    // Clients filter by themselves; that one wants signals at all is what counts. The driver has
    // none to tell of.
    const bool is_of_driver =
        call.argument.find("sender='org.freedesktop.DBus'") != std::string::npos;
    if (!is_of_driver && !call.want_signals()) {
        return tl::unexpected(too_many_subscribers());
    }
    return {};
}

DriverOutcome nothing(DriverCall&, Writer&) {
    return {};
}

DriverOutcome get_name_owner(DriverCall& call, Writer& reply) {
    if (!is_someone(call)) {
        return no_owner(call);
    }
    // Our messages come from org.svcd1, so that is also who owns it.
    reply.string(call.argument);
    return {};
}

DriverOutcome name_has_owner(DriverCall& call, Writer& reply) {
    reply.boolean(is_someone(call));
    return {};
}

DriverOutcome list_names(DriverCall& call, Writer& reply) {
    reply.strings({kDriverName, kBusName, call.facts.client_name});
    return {};
}

DriverOutcome list_activatable_names(DriverCall&, Writer& reply) {
    reply.strings({});
    return {};
}

DriverOutcome list_queued_owners(DriverCall& call, Writer& reply) {
    if (!is_someone(call)) {
        return no_owner(call);
    }
    reply.strings({call.argument});
    return {};
}

DriverOutcome start_service(DriverCall& call, Writer& reply) {
    if (!is_someone(call)) {
        return bus_error(kErrorServiceUnknown,
                         "svcd's private socket starts no services by name; there is org.svcd1.");
    }
    constexpr std::uint32_t kAlreadyRunning = 2;
    reply.u32(kAlreadyRunning);
    return {};
}

DriverOutcome refuse_name(DriverCall&, Writer&) {
    return bus_error(kErrorAccessDenied,
                     "This is svcd's private socket, where no names can be owned. Use a message "
                     "bus (the system or session bus) to offer a service.");
}

DriverOutcome get_id(DriverCall& call, Writer& reply) {
    reply.string(call.facts.server_id);
    return {};
}

Caller who(const DriverCall& call) {
    if (call.argument == call.facts.client_name) {
        return call.facts.client;
    }
    return {::getuid(), ::getpid()};
}

DriverOutcome get_user(DriverCall& call, Writer& reply) {
    if (!is_someone(call)) {
        return no_owner(call);
    }
    reply.u32(who(call).uid.value_or(UINT32_MAX));
    return {};
}

DriverOutcome get_pid(DriverCall& call, Writer& reply) {
    if (!is_someone(call)) {
        return no_owner(call);
    }
    reply.u32(static_cast<std::uint32_t>(who(call).pid));
    return {};
}

DriverOutcome get_credentials(DriverCall& call, Writer& reply) {
    if (!is_someone(call)) {
        return no_owner(call);
    }
    const auto entry = [&](const char* key, std::uint32_t value) {
        reply.open(SD_BUS_TYPE_DICT_ENTRY, "sv").string(key);
        reply.open(SD_BUS_TYPE_VARIANT, "u").u32(value).close().close();
    };
    reply.open(SD_BUS_TYPE_ARRAY, "{sv}");
    entry("UnixUserID", who(call).uid.value_or(UINT32_MAX));
    entry("ProcessID", static_cast<std::uint32_t>(who(call).pid));
    reply.close();
    return {};
}

struct DriverRow {
    std::string_view name;
    const char* signature;
    DriverOutcome (*handle)(DriverCall& call, Writer& reply);
};

// clang-format off
constexpr DriverRow kDriverRows[] = {
    {"Hello",                      "",   hello},
    {"AddMatch",                   "s",  add_match},
    {"RemoveMatch",                "s",  nothing},
    {"GetNameOwner",               "s",  get_name_owner},
    {"NameHasOwner",               "s",  name_has_owner},
    {"ListNames",                  "",   list_names},
    {"ListActivatableNames",       "",   list_activatable_names},
    {"ListQueuedOwners",           "s",  list_queued_owners},
    {"StartServiceByName",         "su", start_service},
    {"RequestName",                "su", refuse_name},
    {"ReleaseName",                "s",  refuse_name},
    {"GetId",                      "",   get_id},
    {"GetConnectionUnixUser",      "s",  get_user},
    {"GetConnectionUnixProcessID", "s",  get_pid},
    {"GetConnectionCredentials",   "s",  get_credentials},
};
// clang-format on

}  // namespace

void answer_as_driver(Connection& connection,
                      sd_bus_message* call,
                      const DriverFacts& facts,
                      const std::function<bool()>& want_signals) {
    const char* member = sd_bus_message_get_member(call);
    for (const DriverRow& row : kDriverRows) {
        if (row.name != member) {
            continue;
        }
        if (!has_body(call, row.signature)) {
            connection.answer_error(call, kErrorInvalidArgs,
                                    std::string(member) + " takes arguments of the types '" +
                                        row.signature + "', of which all have to be there.");
            return;
        }
        DriverCall driver_call{connection, call, facts, want_signals, {}};
        if (row.signature[0] == 's') {
            const char* text = nullptr;
            sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &text);
            driver_call.argument = text ? text : "";
        }
        Writer reply = Writer::reply_to(call);
        // The driver speaks for itself, everything else comes from org.svcd1.
        sd_bus_message_set_sender(reply.get(), kDriverName);
        const DriverOutcome outcome = row.handle(driver_call, reply);
        if (outcome) {
            connection.answer(call, reply);
        } else {
            connection.answer_error(call, outcome.error().name, outcome.error().message);
        }
        return;
    }
    connection.answer_error(call, kErrorUnknownMethod,
                            std::string("svcd's private socket is no message bus and has no ") +
                                kDriverName + "." + shown_name(member ? member : "") + ".");
}

}  // namespace svcd
