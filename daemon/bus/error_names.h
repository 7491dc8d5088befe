// Why a call failed, as D-Bus error names: one table for refusals of the supervisor, and the names
// that the bus itself answers with. Clients (svctl's exit statuses among them) tell cases apart by
// these names and never by the text.
#pragma once

#include <string>

#include "core/types/effect.h"
#include "core/types/result.h"

namespace svcd {

inline constexpr const char* kErrorNoSuchUnit = "org.svcd1.NoSuchUnit";
inline constexpr const char* kErrorUnitMasked = "org.svcd1.UnitMasked";
inline constexpr const char* kErrorBadUnitSetting = "org.svcd1.BadUnitSetting";
inline constexpr const char* kErrorLoadFailed = "org.svcd1.LoadFailed";
inline constexpr const char* kErrorNoSuchJob = "org.svcd1.NoSuchJob";
inline constexpr const char* kErrorNoSuchProcess = "org.svcd1.NoSuchProcess";
/// poweroff, reboot or halt of a svcd that is not PID 1.
inline constexpr const char* kErrorNotInit = "org.svcd1.NotInit";
inline constexpr const char* kErrorNoUnitForPid = "org.svcd1.NoUnitForPID";

inline constexpr const char* kErrorAccessDenied = "org.freedesktop.DBus.Error.AccessDenied";
inline constexpr const char* kErrorInvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs";
inline constexpr const char* kErrorNoMemory = "org.freedesktop.DBus.Error.NoMemory";
inline constexpr const char* kErrorLimitsExceeded = "org.freedesktop.DBus.Error.LimitsExceeded";
inline constexpr const char* kErrorNotSupported = "org.freedesktop.DBus.Error.NotSupported";
inline constexpr const char* kErrorFailed = "org.freedesktop.DBus.Error.Failed";
inline constexpr const char* kErrorUnknownMethod = "org.freedesktop.DBus.Error.UnknownMethod";
inline constexpr const char* kErrorUnknownObject = "org.freedesktop.DBus.Error.UnknownObject";
inline constexpr const char* kErrorUnknownInterface = "org.freedesktop.DBus.Error.UnknownInterface";
inline constexpr const char* kErrorUnknownProperty = "org.freedesktop.DBus.Error.UnknownProperty";
inline constexpr const char* kErrorPropertyReadOnly = "org.freedesktop.DBus.Error.PropertyReadOnly";
inline constexpr const char* kErrorServiceUnknown = "org.freedesktop.DBus.Error.ServiceUnknown";
inline constexpr const char* kErrorNameHasNoOwner = "org.freedesktop.DBus.Error.NameHasNoOwner";

/// A call's failure: a name for programs and a sentence for people.
struct BusError {
    const char* name;
    std::string message;
};

inline tl::unexpected<BusError> bus_error(const char* name, std::string message) {
    return tl::unexpected<BusError>{BusError{name, std::move(message)}};
}

constexpr const char* error_name(RefusalKind kind) {
    switch (kind) {
        case RefusalKind::no_such_unit:
            return kErrorNoSuchUnit;
        case RefusalKind::unit_masked:
            return kErrorUnitMasked;
        case RefusalKind::bad_setting:
            return kErrorBadUnitSetting;
        case RefusalKind::no_such_job:
            return kErrorNoSuchJob;
        case RefusalKind::job_type_not_applicable:
            return "org.svcd1.JobTypeNotApplicable";
        case RefusalKind::transaction_is_destructive:
            return "org.svcd1.TransactionIsDestructive";
        case RefusalKind::transaction_order_is_cyclic:
            return "org.svcd1.TransactionOrderIsCyclic";
        case RefusalKind::transaction_jobs_conflicting:
            return "org.svcd1.TransactionJobsConflicting";
        case RefusalKind::only_by_dependency:
            return "org.svcd1.OnlyByDependency";
        case RefusalKind::no_isolation:
            return "org.svcd1.NoIsolation";
        case RefusalKind::not_active:
            return "org.svcd1.UnitNotActive";
        case RefusalKind::shutting_down:
            return "org.svcd1.ShuttingDown";
        case RefusalKind::no_such_process:
            return kErrorNoSuchProcess;
        case RefusalKind::limit_reached:
            return "org.svcd1.LimitReached";
        case RefusalKind::reload_would_end:
            return "org.svcd1.ReloadWouldEnd";
        case RefusalKind::successor_fails:
            return "org.svcd1.SuccessorFails";
    }
    return kErrorFailed;
}

}  // namespace svcd
