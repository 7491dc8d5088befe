#include "exec_wait.h"

#include <algorithm>

#include "signals.h"
#include "watch.h"

namespace svcd {
namespace {

constexpr Usec kExecveMax = 1'000'000;

bool is_true(const Json& properties, const char* name) {
    const auto found = properties.find(name);
    return found != properties.end() && found->is_boolean() && found->get<bool>();
}

bool has_main_process(const Json& properties) {
    const auto found = properties.find("MainPID");
    return found != properties.end() && found->is_number() && *found != 0;
}

bool has_exec_error(const Json& properties) {
    const auto found = properties.find("ExecError");
    return found != properties.end() && found->is_array() && !found->empty() && (*found)[0] != "";
}

}  // namespace

bool has_become_its_program(Session& session, const std::string& unit, Json& properties) {
    // A svcd that doesn't tell is not waited for, and neither is a main process that is still held
    // (Type=idle). Other types are not started before their execve.
    const std::string type = text_of(properties, "Type");
    if ((type != "simple" && type != "idle") || !properties.contains("ExecStarted")) {
        return true;
    }
    const auto is_decided = [&] {
        return is_true(properties, "ExecStarted") || !has_main_process(properties);
    };
    if (!is_decided()) {
        bool stale = true;
        watch(
            session,
            [&](Signals& signals) {
                signals.on_unit_changed(text_of(properties, "Id"),
                                        [&](const auto&...) { stale = true; });
                signals.subscribe();
                stale = true;
            },
            [&] {
                if (std::exchange(stale, false)) {
                    properties = session.daemon().unit_properties(unit);
                }
                return is_decided();
            },
            std::min(monotonic_now() + kExecveMax, deadline_of(session.options())));
    }
    return is_true(properties, "ExecStarted") || has_main_process(properties) ||
           !has_exec_error(properties);
}

}  // namespace svcd
