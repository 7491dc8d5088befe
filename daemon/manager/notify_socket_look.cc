#include "manager/notify_socket_look.h"

#include <algorithm>

#include "linux/process_examination.h"

namespace svcd {

bool lacks_notify_socket(Pid pid) {
    return has_in_environment(pid, "NOTIFY_SOCKET") == false;
}

void append_unaddressed(JsonWriter& json,
                        const std::vector<Pid>& pids,
                        const LacksNotifySocket& lacks,
                        const Examine& examine) {
    bool found = false;
    for (std::size_t i = 0; i < std::min(pids.size(), kEnvironmentsLookedAt); ++i) {
        const auto process = lacks(pids[i]) ? examine(pids[i]) : std::nullopt;
        if (!process) {
            continue;
        }
        if (!found) {
            json.key("no_notify_socket").open_array();
        }
        found = true;
        json.open_object().field("pid", process->pid).field("name", process->name).close_object();
    }
    if (found) {
        json.close_array();
    }
}

}  // namespace svcd
