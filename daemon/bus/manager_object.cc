// org.svcd1.Manager, at /org/svcd1.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "bus/api_table.h"
#include "bus/arguments.h"

namespace svcd {

namespace {

// ── looking ──────────────────────────────────────────────────────────────────────────────────

Outcome get_unit(const Call& call, Subject& subject, Writer& reply) {
    const std::string name = read_string(call.message);
    const FoundUnit unit = loaded_unit_named(call, subject.api(), name);
    if (!unit) {
        return tl::unexpected(unit.error());
    }
    reply.path(unit_path(subject.api().manager.status(*unit).name));
    return Answered::now;
}

Outcome load_unit(const Call& call, Subject& subject, Writer& reply) {
    const std::string name = read_string(call.message);
    const FoundUnit unit = unit_named(call, subject.api(), name);
    if (!unit && !has_object_all_the_same(call, subject.api(), name)) {
        return tl::unexpected(unit.error());
    }
    reply.path(unit_path(unit ? subject.api().manager.status(*unit).name : std::string_view{name}));
    return Answered::now;
}

Outcome get_unit_by_pid(const Call& call, Subject& subject, Writer& reply) {
    ManagerApi& manager = subject.api().manager;
    Pid pid = static_cast<Pid>(read_u32(call.message));
    if (pid == 0) {
        pid = call.caller.pid;
    }
    if (const auto unit = pid > 0 ? manager.unit_of_process(pid) : std::nullopt) {
        reply.path(unit_path(manager.status(*unit).name));
        return Answered::now;
    }
    return bus_error(kErrorNoUnitForPid,
                     "Process " + std::to_string(pid) + " belongs to no unit of this svcd.");
}

Outcome get_job(const Call& call, Subject& subject, Writer& reply) {
    const JobId id{read_u32(call.message)};
    if (id == JobId::none || !subject.api().manager.job(id)) {
        return bus_error(kErrorNoSuchJob, "There is no job " +
                                              std::to_string(static_cast<std::uint32_t>(id)) +
                                              "; it may have ended.");
    }
    reply.path(job_path(id));
    return Answered::now;
}

Outcome get_unit_processes(const Call& call, Subject& subject, Writer& reply) {
    const FoundUnit unit = loaded_unit_named(call, subject.api(), read_string(call.message));
    if (!unit) {
        return tl::unexpected(unit.error());
    }
    return answer_processes(call, subject.api(), *unit, reply);
}

/// Also of a unit that isn't loaded any more: its records stay.
Outcome get_stop_records(const Call& call, Subject& subject, Writer& reply) {
    ManagerApi& manager = subject.api().manager;
    const std::string name = read_string(call.message);
    const std::size_t max = read_u32(call.message);
    const auto stops = std::make_shared<std::vector<std::uint64_t>>(manager.stops_of(name));
    if (stops->empty()) {
        const FoundUnit unit = unit_named(call, subject.api(), name);
        if (!unit) {
            return tl::unexpected(unit.error());
        }
        // They are kept under the unit's own name; this may be another one of it.
        *stops = manager.stops_of(manager.status(*unit).name);
    }
    if (max != 0 && stops->size() > max) {
        stops->resize(max);
    }
    const auto next = std::make_shared<std::size_t>(0);
    reply.open(SD_BUS_TYPE_ARRAY, "s");
    return in_pieces(call, subject.api(), reply, [=, &manager](Writer& writer) {
        if (*next == stops->size()) {
            writer.close();
            return true;
        }
        if (const auto record = manager.stop_record((*stops)[(*next)++])) {
            writer.string(*record);
        }
        return false;
    });
}

Outcome examine_unit(const Call& call, Subject& subject, Writer& reply) {
    const FoundUnit unit = loaded_unit_named(call, subject.api(), read_string(call.message));
    if (!unit) {
        return tl::unexpected(unit.error());
    }
    Api& api = subject.api();
    return answer_text(call, api, reply,
                       api.manager.examine(*unit, api.authority.trusts(call.caller)));
}

Outcome get_stop_timeline(const Call& call, Subject& subject, Writer& reply) {
    return answer_text(call, subject.api(), reply, subject.api().manager.stop_timeline());
}

Outcome get_boot_timeline(const Call& call, Subject& subject, Writer& reply) {
    return answer_text(call, subject.api(), reply, subject.api().manager.boot_timeline());
}

Outcome subscribe(const Call& call, Subject&, Writer&) {
    if (!call.connection.subscribe(call.message)) {
        return tl::unexpected(too_many_subscribers());
    }
    return Answered::now;
}

Outcome unsubscribe(const Call& call, Subject&, Writer&) {
    call.connection.unsubscribe(call.message);
    return Answered::now;
}

// ── changing ─────────────────────────────────────────────────────────────────────────────────

template <JobVerb verb>
Outcome job_for_unit(const Call& call, Subject& subject, Writer&) {
    const std::string name = read_string(call.message);
    const std::string mode = read_string(call.message);
    const FoundUnit unit = unit_named(call, subject.api(), name);
    if (!unit) {
        return tl::unexpected(unit.error());
    }
    return request_job(call, subject.api(), *unit, verb, mode);
}

}  // namespace

tl::expected<CallOptions, BusError> read_options(sd_bus_message* call, unsigned known) {
    constexpr std::size_t kReasonMax = 119;
    CallOptions options;
    sd_bus_message_enter_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
    while (sd_bus_message_enter_container(call, SD_BUS_TYPE_DICT_ENTRY, "sv") > 0) {
        const std::string key = read_string(call);
        std::string* text = key == "request_id" && (known & kRequestId) != 0 ? &options.request_id
                            : key == "reason" && (known & kReason) != 0      ? &options.reason
                                                                             : nullptr;
        const bool is_force = key == "force" && (known & kForce) != 0;
        if (text == nullptr && !is_force) {
            return bus_error(
                kErrorInvalidArgs,
                "There is no option '" + shown_name(key) + "' of this method; there are " +
                    ((known & kRequestId) != 0 ? "request_id, " : "") + "force and reason.");
        }
        if (sd_bus_message_enter_container(call, SD_BUS_TYPE_VARIANT, is_force ? "b" : "s") <= 0) {
            return bus_error(kErrorInvalidArgs, "The option '" + shown_name(key) + "' takes a " +
                                                    (is_force ? "boolean." : "string."));
        }
        if (is_force) {
            options.force = read_bool(call);
        } else {
            *text = read_string(call);
        }
        sd_bus_message_exit_container(call);
        sd_bus_message_exit_container(call);
    }
    sd_bus_message_exit_container(call);
    if (options.request_id.size() > kClientIdMax) {
        return bus_error(kErrorInvalidArgs,
                         "A request_id has at most " + std::to_string(kClientIdMax) + " bytes.");
    }
    if (options.reason.size() > kReasonMax) {
        options.reason.resize(kReasonMax);
        options.reason = valid_utf8(options.reason);
    }
    return options;
}

BusError misused_request_id(const std::string& id) {
    return {kErrorInvalidArgs, "The request_id '" + shown_name(id) +
                                   "' is in use for something else, or too often; every request "
                                   "takes an ID of its own."};
}

namespace {

Outcome request_job_by_verb(const Call& call, Subject& subject, Writer&) {
    const std::string verb_name = read_string(call.message);
    const std::string name = read_string(call.message);
    const std::string mode = read_string(call.message);
    const auto options = read_options(call.message, kRequestId | kReason | kForce);
    if (!options) {
        return tl::unexpected(options.error());
    }
    const auto verb = verb_named(verb_name);
    if (!verb) {
        return tl::unexpected(verb.error());
    }
    Requests::ClientId id;
    if (!options->request_id.empty()) {
        id.key = request_key(call.caller, options->request_id);
        id.what = verb_name + " " + name + " " + mode;
        switch (subject.api().requests.repeated(id, call.connection, call.message)) {
            case Requests::Repeated::no:
                break;
            case Requests::Repeated::joined:
            case Requests::Repeated::answered:
                return Answered::later;
            case Requests::Repeated::misused:
                return tl::unexpected(misused_request_id(options->request_id));
        }
    }
    const FoundUnit unit = unit_named(call, subject.api(), name);
    if (!unit) {
        return tl::unexpected(unit.error());
    }
    return request_job(call, subject.api(), *unit, *verb, mode, options->reason,
                       AnswerShape::job_and_flag, std::move(id), options->force);
}

Outcome cancel_job(const Call& call, Subject& subject, Writer&) {
    const JobId id{read_u32(call.message)};
    if (id == JobId::none) {
        return bus_error(kErrorNoSuchJob, "There is no job 0.");
    }
    return request_cancel(call, subject.api(), id);
}

Outcome clear_jobs(const Call& call, Subject& subject, Writer&) {
    return request_cancel(call, subject.api(), JobId::none);
}

Outcome kill_unit(const Call& call, Subject& subject, Writer&) {
    const std::string name = read_string(call.message);
    const std::string whom = read_string(call.message);
    const std::int32_t signal = read_i32(call.message);
    const FoundUnit unit = loaded_unit_named(call, subject.api(), name);
    if (!unit) {
        return tl::unexpected(unit.error());
    }
    return request_kill(call, subject.api(), *unit, whom, signal);
}

Outcome queue_signal_unit(const Call& call, Subject& subject, Writer&) {
    const std::string name = read_string(call.message);
    const std::string whom = read_string(call.message);
    const std::int32_t signal = read_i32(call.message);
    const std::int32_t value = read_i32(call.message);
    const FoundUnit unit = loaded_unit_named(call, subject.api(), name);
    if (!unit) {
        return tl::unexpected(unit.error());
    }
    return request_queued_signal(call, subject.api(), *unit, whom, signal, value);
}

Outcome reset_failed_unit(const Call& call, Subject& subject, Writer&) {
    const FoundUnit unit = loaded_unit_named(call, subject.api(), read_string(call.message));
    if (!unit) {
        return tl::unexpected(unit.error());
    }
    return request_reset_failed(call, subject.api(), *unit);
}

Outcome reset_failed(const Call& call, Subject& subject, Writer&) {
    return request_reset_failed(call, subject.api(), std::nullopt);
}

/// Reads the unit files in pieces; `append` makes the answer.
Outcome reload_in_pieces(const Call& call,
                         Subject& subject,
                         Writer& reply,
                         void (*append)(Writer&, const ReloadReport&)) {
    const auto claim = std::make_shared<std::shared_ptr<void>>();
    const std::shared_ptr<sd_bus_message> message{sd_bus_message_ref(call.message),
                                                  sd_bus_message_unref};
    return in_pieces(call, subject.api(), reply,
                     [claim, message, append, &manager = subject.api().manager](Writer& writer) {
                         if (*claim == nullptr) {
                             *claim = manager.begin_reload();
                         }
                         const std::optional<ReloadReport> report =
                             *claim == nullptr ? std::nullopt : manager.go_on_reloading();
                         if (!report) {
                             return false;
                         }
                         if (report->refusal.empty()) {
                             append(writer, *report);
                         } else {
                             writer =
                                 Writer::error_to(message.get(), kErrorNoMemory, report->refusal);
                         }
                         return true;
                     });
}

/// As with systemd it succeeds whatever is in the files: a caller that reloads before it starts one
/// service must not fail for a fault in another. What is wrong, ReloadUnits answers, and LoadError.
Outcome reload(const Call& call, Subject& subject, Writer& reply) {
    return reload_in_pieces(call, subject, reply, [](Writer&, const ReloadReport&) {});
}

Outcome reload_units(const Call& call, Subject& subject, Writer& reply) {
    return reload_in_pieces(call, subject, reply, [](Writer& writer, const ReloadReport& report) {
        writer.strings(report.errors).strings(report.warnings);
    });
}

Outcome reexecute(const Call& call, Subject& subject, Writer&) {
    return request_reexecution(call, subject.api());
}

}  // namespace

/// A habit must not stop every service of a svcd that can't do to the machine what was meant.
tl::expected<void, BusError> check_shutdown(const Api& api, std::string_view kind) {
    if (!api.options.is_init && kind != name_of(ShutdownKind::exit)) {
        return bus_error(kErrorNotInit, std::string(kind) +
                                            ": this svcd is not the machine's init; "
                                            "'svctl exit' ends it");
    }
    if (kind == "kexec") {
        return bus_error(kErrorNotSupported,
                         "svcd can't start another kernel by kexec yet; nothing was done.");
    }
    return {};
}

namespace {

Outcome request_shutdown(const Call& call, Api& api, ShutdownRequested event) {
    const auto request = api.requests.hold(call.connection, call.message, AnswerShape::nothing);
    // More requests than we hold must not keep a machine from shutting down.
    event.request = request.value_or(RequestId::none);
    api.manager.submit(std::move(event));
    return request ? Answered::later : Answered::now;
}

template <ShutdownKind kind>
Outcome shut_down(const Call& call, Subject& subject, Writer&) {
    if (auto allowed = check_shutdown(subject.api(), name_of(kind)); !allowed) {
        return tl::unexpected(allowed.error());
    }
    ShutdownRequested event;
    event.kind = kind;
    event.requester = requester_of(call.caller, {});
    return request_shutdown(call, subject.api(), std::move(event));
}

Outcome shut_down_as_told(const Call& call, Subject& subject, Writer&) {
    constexpr ShutdownKind kKinds[] = {ShutdownKind::exit, ShutdownKind::poweroff,
                                       ShutdownKind::reboot, ShutdownKind::halt};
    const std::string name = read_string(call.message);
    const auto options = read_options(call.message, kForce | kReason);
    if (!options) {
        return tl::unexpected(options.error());
    }
    const auto* const kind =
        std::ranges::find(kKinds, name, [](ShutdownKind each) { return name_of(each); });
    if (kind != std::end(kKinds) || name == "kexec") {
        if (auto allowed = check_shutdown(subject.api(), name); !allowed) {
            return tl::unexpected(allowed.error());
        }
    }
    if (kind == std::end(kKinds)) {
        return bus_error(kErrorInvalidArgs, "There is no '" + shown_name(name) +
                                                "'; there are exit, poweroff, reboot, halt.");
    }
    ShutdownRequested event;
    event.kind = *kind;
    event.requester = requester_of(call.caller, options->reason);
    event.hurry = options->force;
    return request_shutdown(call, subject.api(), std::move(event));
}

void file_warnings(Subject& subject, Writer& value) {
    value.open(SD_BUS_TYPE_ARRAY, "(ss)");
    for (const FileWarning& warning : subject.api().manager.file_warnings()) {
        value.open(SD_BUS_TYPE_STRUCT, "ss").string(warning.unit).string(warning.text).close();
    }
    value.close();
}

void degraded_reasons(Subject& subject, Writer& value) {
    value.open(SD_BUS_TYPE_ARRAY, "(sss)");
    for (const DegradedReason& reason : subject.api().manager.degraded_reasons()) {
        value.open(SD_BUS_TYPE_STRUCT, "sss")
            .string(reason.kind)
            .string(reason.unit)
            .string(reason.text)
            .close();
    }
    value.close();
}

// ── the table ────────────────────────────────────────────────────────────────────────────────

constexpr const char* kUnitList = "a(ssssssouso)";

// clang-format off
constexpr MethodRow kMethods[] = {
    {"GetUnit",               "s",        "o",                "name unit",                 Access::read,   get_unit},
    {"LoadUnit",              "s",        "o",                "name unit",                 Access::read,   load_unit},
    {"GetUnitByPID",          "u",        "o",                "pid unit",                  Access::read,   get_unit_by_pid},
    {"ListUnits",             "",         kUnitList,          "units",                     Access::read,   list_units},
    {"ListUnitsByPatterns",   "asas",     kUnitList,          "states patterns units",     Access::read,   list_units_by_patterns},
    {"ListUnitsByNames",      "as",       kUnitList,          "names units",               Access::read,   list_units_by_names},
    {"ListUnitsDetailed",     "",         "a(sssssssuouts)",  "units",                     Access::read,   list_units_detailed},
    {"ListJobs",              "",         "a(usssoo)",        "jobs",                      Access::read,   list_jobs},
    {"GetJob",                "u",        "o",                "id job",                    Access::read,   get_job},
    {"CancelJob",             "u",        "",                 "id",                        Access::change, cancel_job},
    {"ClearJobs",             "",         "",                 "",                          Access::change, clear_jobs},
    {"StartUnit",             "ss",       "o",                "name mode job",             Access::change, job_for_unit<JobVerb::start>},
    {"StopUnit",              "ss",       "o",                "name mode job",             Access::change, job_for_unit<JobVerb::stop>},
    {"ReloadUnit",            "ss",       "o",                "name mode job",             Access::change, job_for_unit<JobVerb::reload>},
    {"RestartUnit",           "ss",       "o",                "name mode job",             Access::change, job_for_unit<JobVerb::restart>},
    {"TryRestartUnit",        "ss",       "o",                "name mode job",             Access::change, job_for_unit<JobVerb::try_restart>},
    {"ReloadOrRestartUnit",   "ss",       "o",                "name mode job",             Access::change, job_for_unit<JobVerb::reload_or_restart>},
    {"ReloadOrTryRestartUnit","ss",       "o",                "name mode job",             Access::change, job_for_unit<JobVerb::try_reload_or_restart>},
    {"RequestJob",            "sssa{sv}", "ob",               "verb unit mode options job done_already", Access::change, request_job_by_verb},
    {"RequestJobs",           "sassa{sv}", "a(sosss)a(sss)", "verb units mode options jobs left_out", Access::change, request_jobs},
    {"GetRequestResult",      "s",        "os",               "request_id job result",     Access::read,   get_request_result},
    {"KillUnit",              "ssi",      "",                 "name whom signal",          Access::change, kill_unit},
    {"QueueSignalUnit",       "ssii",     "",                 "name whom signal value",    Access::change, queue_signal_unit},
    {"ResetFailedUnit",       "s",        "",                 "name",                      Access::change, reset_failed_unit},
    {"ResetFailed",           "",         "",                 "",                          Access::change, reset_failed},
    {"GetUnitProcesses",      "s",        "a(sus)",           "name processes",            Access::read,   get_unit_processes},
    {"GetStopRecords",        "su",       "as",               "name max records",          Access::read,   get_stop_records},
    {"ExamineUnit",           "s",        "s",                "name examination",          Access::read,   examine_unit},
    {"Plan",                  "sass",     "s",                "verb units mode plan",      Access::read,   plan_request},
    {"PlanJobs",              "sassa{sv}", "s",               "verb units mode options plan", Access::read, plan_jobs},
    {"GetStopTimeline",       "",         "s",                "timeline",                  Access::read,   get_stop_timeline},
    {"GetBootTimeline",       "",         "s",                "timeline",                  Access::read,   get_boot_timeline},
    {"Subscribe",             "",         "",                 "",                          Access::read,   subscribe},
    {"Unsubscribe",           "",         "",                 "",                          Access::read,   unsubscribe},
    {"Reload",                "",         "",                 "",                          Access::change, reload},
    {"ReloadUnits",           "",         "asas",             "errors warnings",           Access::change, reload_units},
    {"Reexecute",             "",         "",                 "",                          Access::change, reexecute},
    {"Exit",                  "",         "",                 "",                          Access::change, shut_down<ShutdownKind::exit>},
    {"PowerOff",              "",         "",                 "",                          Access::change, shut_down<ShutdownKind::poweroff>},
    {"Reboot",                "",         "",                 "",                          Access::change, shut_down<ShutdownKind::reboot>},
    {"Halt",                  "",         "",                 "",                          Access::change, shut_down<ShutdownKind::halt>},
    {"Shutdown",              "sa{sv}",   "",                 "kind options",              Access::change, shut_down_as_told},
};

constexpr PropertyRow kProperties[] = {
    {"Version",      "s",  Emits::constant, [](Subject& s, Writer& w) { w.string(s.api().manager.version()); }},
    {"ManagerPID",   "u",  Emits::constant, [](Subject&, Writer& w) { w.u32(static_cast<std::uint32_t>(::getpid())); }},
    {"IsInit",       "b",  Emits::constant, [](Subject& s, Writer& w) { w.boolean(s.api().options.is_init); }},
    {"SystemState",  "s",  Emits::nothing,  [](Subject& s, Writer& w) { w.string(name_of(s.api().manager.system_state())); }},
    {"NFailedUnits", "u",  Emits::nothing,  [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.api().manager.failed_units())); }},
    {"FlappingUnits", "as", Emits::nothing, [](Subject& s, Writer& w) { w.strings(s.api().manager.flapping_units()); }},
    {"DegradedReasons", "a(sss)", Emits::nothing, degraded_reasons},
    {"NNames",       "u",  Emits::nothing,  [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.api().manager.units().size())); }},
    {"NJobs",        "u",  Emits::nothing,  [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.api().manager.jobs().size())); }},
    {"UnitPath",     "as", Emits::constant, [](Subject& s, Writer& w) { w.strings(s.api().options.unit_path); }},
    {"UnitFileWarnings", "a(ss)", Emits::nothing, file_warnings},
    {"ControlGroup", "s",  Emits::constant, [](Subject& s, Writer& w) { w.string(s.api().options.control_group); }},
    {"ShutdownBudgetUSec", "t", Emits::constant, [](Subject& s, Writer& w) { append_duration(w, s.api().options.shutdown_budget); }},
    {"ShutdownMarginUSec", "t", Emits::constant, [](Subject& s, Writer& w) { append_duration(w, s.api().options.shutdown_margin); }},
};

constexpr SignalRow kSignals[] = {
    {"UnitNew",         "so",     "id unit"},
    {"UnitRemoved",     "so",     "id unit"},
    {"JobNew",          "uos",    "id job unit"},
    {"JobRemoved",      "uoss",   "id job unit result"},
    {"Reloading",       "b",      "active"},
    {"StartupFinished", "tttttt", "firmware loader kernel initrd userspace total"},
};
// clang-format on

constexpr InterfaceTable kInterface{"org.svcd1.Manager", kMethods, kProperties, kSignals,
                                    std::nullopt};

}  // namespace

const InterfaceTable& manager_interface() {
    return kInterface;
}

}  // namespace svcd
