// org.svcd1.Job, at /org/svcd1/job/N for as long as the job lives.
#include "bus/api_table.h"

namespace svcd {

namespace {

Outcome cancel(const Call& call, Subject& subject, Writer&) {
    return request_cancel(call, subject.api(), subject.job().id);
}

void unit(Subject& subject, Writer& value) {
    value.open(SD_BUS_TYPE_STRUCT, "so")
        .string(subject.job().unit_name)
        .path(unit_path(subject.job().unit_name))
        .close();
}

void installed_at(Subject& subject, Writer& value) {
    value.u64(static_cast<std::uint64_t>(to_usec(subject.job().installed_at)));
}

// clang-format off
constexpr MethodRow kMethods[] = {
    {"Cancel", "", "", "", Access::change, cancel},
};

constexpr PropertyRow kProperties[] = {
    {"Id",                          "u",    Emits::constant, [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.job().id)); }},
    {"Unit",                        "(so)", Emits::constant, unit},
    {"JobType",                     "s",    Emits::nothing,  [](Subject& s, Writer& w) { w.string(name_of(s.job().type)); }},
    {"State",                       "s",    Emits::nothing,  [](Subject& s, Writer& w) { w.string(name_of(s.job().state)); }},
    // Ours: who asked for it, and when (µs of CLOCK_MONOTONIC).
    {"InstalledTimestampMonotonic", "t",    Emits::constant, installed_at},
    {"RequesterUID",                "u",    Emits::constant, [](Subject& s, Writer& w) { w.u32(s.job().requester.uid); }},
    {"RequesterPID",                "u",    Emits::constant, [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.job().requester.pid)); }},
    {"RequesterCommand",            "s",    Emits::constant, [](Subject& s, Writer& w) { w.string(s.job().requester.command); }},
    {"RequesterUnit",               "s",    Emits::constant, [](Subject& s, Writer& w) { w.string(s.job().requester_unit); }},
    {"Reason",                      "s",    Emits::constant, [](Subject& s, Writer& w) { w.string(s.job().requester.reason); }},
};
// clang-format on

constexpr InterfaceTable kInterface{"org.svcd1.Job", kMethods, kProperties, {}, std::nullopt};

}  // namespace

const InterfaceTable& job_interface() {
    return kInterface;
}

}  // namespace svcd
