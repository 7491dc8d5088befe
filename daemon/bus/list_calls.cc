// Manager.ListUnits and its kin, and ListJobs: made in pieces, since they grow with what there is.
#include <fnmatch.h>

#include <algorithm>

#include "bus/api_table.h"
#include "bus/arguments.h"
#include "bus/body_limits.h"

namespace svcd {
namespace {

void append_unit(Writer& reply, const UnitStatus& unit) {
    reply.open(SD_BUS_TYPE_STRUCT, "ssssssouso")
        .string(unit.name)
        .string(unit.description)
        .string(name_of(unit.load_state))
        .string(name_of(unit.active_state))
        .string(name_of(unit.sub_state))
        .string({})
        .path(unit_path(unit.name))
        .u32(unit.job ? static_cast<std::uint32_t>(unit.job->id) : 0)
        .string(unit.job ? name_of(unit.job->type) : std::string_view{})
        .path(job_path(unit.job ? unit.job->id : JobId::none))
        .close();
}

/// A list of all units: `append` does what there is to do for one.
template <typename Append>
Outcome list_all(const Call& call, Api& api, Writer& reply, const char* signature, Append append) {
    struct Progress {
        std::vector<UnitId> units;
        std::size_t next = 0;
        bool has_begun = false;
    };
    const auto progress = std::make_shared<Progress>();
    return in_pieces(call, api, reply, [=, &manager = api.manager](Writer& writer) {
        constexpr std::size_t kUnitsAPiece = 8;
        if (!std::exchange(progress->has_begun, true)) {
            writer.open(SD_BUS_TYPE_ARRAY, signature);
            progress->units = manager.units();
        }
        const std::size_t end = std::min(progress->next + kUnitsAPiece, progress->units.size());
        for (; progress->next < end; ++progress->next) {
            const UnitId unit = progress->units[progress->next];
            if (manager.is_known(unit)) {  // and not forgotten since the last piece
                append(writer, unit);
            }
        }
        if (progress->next < progress->units.size()) {
            return false;
        }
        writer.close();
        return true;
    });
}

constexpr const char* kUnitRow = "(ssssssouso)";

}  // namespace

Outcome list_units(const Call& call, Subject& subject, Writer& reply) {
    ManagerApi& manager = subject.api().manager;
    return list_all(call, subject.api(), reply, kUnitRow, [&manager](Writer& writer, UnitId id) {
        append_unit(writer, manager.status(id));
    });
}

namespace {

struct UnitFilter {
    std::vector<std::string> states;
    std::vector<std::string> patterns;

    bool accepts(const UnitStatus& unit) const {
        const auto is_in = [&](const std::string& state) {
            return state == name_of(unit.load_state) || state == name_of(unit.active_state) ||
                   state == name_of(unit.sub_state);
        };
        const std::string name(unit.name);
        const auto fits = [&](const std::string& pattern) {
            return fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
        };
        return (states.empty() || std::ranges::any_of(states, is_in)) &&
               (patterns.empty() || std::ranges::any_of(patterns, fits));
    }
};

/// Each is matched against every unit.
tl::expected<void, BusError> check_patterns(const Call& call,
                                            const Api& api,
                                            const std::vector<std::string>& patterns) {
    if (std::ranges::any_of(patterns, [](const auto& each) { return each.size() > kPatternMax; })) {
        return bus_error(kErrorLimitsExceeded, "A pattern has at most " +
                                                   std::to_string(kPatternMax) +
                                                   " bytes; no unit's name is longer.");
    }
    if (!api.authority.trusts(call.caller) && patterns.size() > kStrangersPatternsMax) {
        return bus_error(kErrorLimitsExceeded, "A caller who may change nothing gives at most " +
                                                   std::to_string(kStrangersPatternsMax) +
                                                   " patterns in a call.");
    }
    return {};
}

}  // namespace

Outcome list_units_by_patterns(const Call& call, Subject& subject, Writer& reply) {
    ManagerApi& manager = subject.api().manager;
    const auto filter = std::make_shared<UnitFilter>();
    filter->states = read_strings(call.message);
    filter->patterns = read_strings(call.message);
    if (auto checked = check_patterns(call, subject.api(), filter->patterns); !checked) {
        return tl::unexpected(checked.error());
    }
    return list_all(call, subject.api(), reply, kUnitRow,
                    [&manager, filter](Writer& writer, UnitId id) {
                        const UnitStatus unit = manager.status(id);
                        if (filter->accepts(unit)) {
                            append_unit(writer, unit);
                        }
                    });
}

Outcome list_units_by_names(const Call& call, Subject& subject, Writer& reply) {
    const auto names = std::make_shared<std::vector<std::string>>(read_strings(call.message));
    const auto next = std::make_shared<std::size_t>(0);
    reply.open(SD_BUS_TYPE_ARRAY, kUnitRow);
    return in_pieces(call, subject.api(), reply, [=, &api = subject.api()](Writer& writer) {
        if (*next == names->size()) {
            writer.close();
            return true;
        }
        const std::string& name = (*names)[(*next)++];
        if (const FoundUnit unit = unit_named(call, api, name)) {
            append_unit(writer, api.manager.status(*unit));
        } else if (has_object_all_the_same(call, api, name)) {
            Subject missing{api, MissingUnit{name, *unit_type_of(name)}};
            append_unit(writer, missing.status());
        }
        return false;
    });
}

Outcome list_units_detailed(const Call& call, Subject& subject, Writer& reply) {
    ManagerApi& manager = subject.api().manager;
    const auto append = [&manager](Writer& writer, UnitId id) {
        const UnitStatus unit = manager.status(id);
        writer.open(SD_BUS_TYPE_STRUCT, "sssssssuouts")
            .string(unit.name)
            .string(unit.description)
            .string(name_of(unit.load_state))
            .string(name_of(unit.active_state))
            .string(name_of(unit.sub_state))
            .string(name_of(unit.result))
            .string(unit.job ? name_of(unit.job->type) : std::string_view{})
            .u32(unit.job ? static_cast<std::uint32_t>(unit.job->id) : 0)
            .path(unit_path(unit.name))
            .u32(static_cast<std::uint32_t>(unit.main.pid))
            .u64(unit.populated ? manager.facts(id).memory_current.value_or(UINT64_MAX)
                                : UINT64_MAX)
            .string(unit.load_error)
            .close();
    };
    return list_all(call, subject.api(), reply, "(sssssssuouts)", append);
}

/// Each job is asked for when its turn comes: what a status shows ends with the supervisor's next
/// step, and pieces may be several turns apart.
Outcome list_jobs(const Call& call, Subject& subject, Writer& reply) {
    struct Progress {
        std::vector<JobId> jobs;
        std::size_t next = 0;
        bool has_begun = false;
    };
    const auto progress = std::make_shared<Progress>();
    return in_pieces(call, subject.api(), reply,
                     [=, &manager = subject.api().manager](Writer& writer) {
                         if (!std::exchange(progress->has_begun, true)) {
                             writer.open(SD_BUS_TYPE_ARRAY, "(usssoo)");
                             for (const JobStatus& job : manager.jobs()) {
                                 progress->jobs.push_back(job.id);
                             }
                         }
                         if (progress->next == progress->jobs.size()) {
                             writer.close();
                             return true;
                         }
                         if (const auto job = manager.job(progress->jobs[progress->next++])) {
                             writer.open(SD_BUS_TYPE_STRUCT, "usssoo")
                                 .u32(static_cast<std::uint32_t>(job->id))
                                 .string(job->unit_name)
                                 .string(name_of(job->type))
                                 .string(name_of(job->state))
                                 .path(job_path(job->id))
                                 .path(unit_path(job->unit_name))
                                 .close();
                         }
                         return false;
                     });
}

}  // namespace svcd
