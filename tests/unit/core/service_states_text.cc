#include "unit/core/service_states_text.h"

#include <algorithm>
#include <array>

#include "core/service_edges.h"
#include "core/sub_state.h"

namespace svcd {
namespace {

/// What goes on in a state, for a person.
std::string_view meaning(SubState state) {
    switch (state) {
        case SubState::dead:
            return "not running, and the last run, if there was one, went well";
        case SubState::condition:
            return "ExecCondition decides whether it is started at all";
        case SubState::start_pre:
            return "ExecStartPre runs";
        case SubState::start:
            return "ExecStart was started; Type says what is waited for";
        case SubState::start_post:
            return "ExecStartPost runs beside the service";
        case SubState::running:
            return "up";
        case SubState::exited:
            return "up without a process (RemainAfterExit)";
        case SubState::reload:
            return "ExecReload runs, or the service said RELOADING=1";
        case SubState::reload_signal:
            return "Type=notify-reload: ReloadSignal is sent, RELOADING=1 is waited for";
        case SubState::reload_notify:
            return "Type=notify-reload: RELOADING=1 has come, READY=1 is waited for";
        case SubState::pre_stop:
            return "it is to stop, and serves for PreStopDelaySec more";
        case SubState::stop:
            return "ExecStop runs";
        case SubState::stop_watchdog:
            return "WatchdogSignal is sent, to leave a core dump";
        case SubState::stop_sigterm:
            return "KillSignal is sent, the processes have until TimeoutStopSec";
        case SubState::stop_sigkill:
            return "SIGKILL (FinalKillSignal) is sent, the processes have KillGraceSec";
        case SubState::stop_post:
            return "ExecStopPost runs; it has a TimeoutStopSec of its own";
        case SubState::final_watchdog:
            return "as stop-watchdog, for what is there after ExecStopPost";
        case SubState::final_sigterm:
            return "as stop-sigterm, for what is there after ExecStopPost";
        case SubState::final_sigkill:
            return "as stop-sigkill, for what is there after ExecStopPost";
        case SubState::stop_wedged:
            return "processes survive SIGKILL (state D); nothing is started beside them";
        case SubState::failed:
            return "not running, and Result says what went wrong";
        case SubState::auto_restart:
            return "down, and started again after RestartSec";
        case SubState::active:
            return "up (targets and slices)";
    }
    return "";
}

/// States that stand together in the picture, and that an arrow may come from together.
struct Group {
    std::string_view id;
    std::string_view title;
    std::initializer_list<SubState> states;
};

const std::array<Group, 5> kGroups = {{
    {"starting",
     "activating",
     {SubState::condition, SubState::start_pre, SubState::start, SubState::start_post}},
    {"up", "active", {SubState::running, SubState::exited}},
    {"reloading",
     "reloading",
     {SubState::reload, SubState::reload_signal, SubState::reload_notify}},
    {"stopping",
     "deactivating",
     {SubState::pre_stop, SubState::stop, SubState::stop_watchdog, SubState::stop_sigterm,
      SubState::stop_sigkill, SubState::stop_post, SubState::final_watchdog,
      SubState::final_sigterm, SubState::final_sigkill}},
    {"down", "inactive, failed", {SubState::dead, SubState::failed, SubState::stop_wedged}},
}};

std::string id_of(SubState state) {
    std::string id{name_of(state)};
    std::replace(id.begin(), id.end(), '-', '_');
    return "s_" + id;  // some of the names are words of the language
}

bool is_in(const Group& group, SubState state) {
    return std::find(group.states.begin(), group.states.end(), state) != group.states.end();
}

std::string arrow(std::string_view from, SubState to) {
    return "    " + std::string{from} + " --> " + id_of(to) + "\n";
}

/// The arrows of one row; one from the whole group where all of it leads there.
std::string arrows(const StateEdge& edge) {
    std::string text;
    SubStateSet drawn{};
    for (const Group& group : kGroups) {
        const bool all = std::all_of(group.states.begin(), group.states.end(),
                                     [&](SubState state) { return edge.from.contains(state); });
        if (all && !is_in(group, edge.to)) {
            text += arrow(group.id, edge.to);
            for (const SubState state : group.states) {
                drawn.add(state);
            }
        }
    }
    for (const SubStateTraits& each : kSubStates) {
        if (edge.from.contains(each.state) && !drawn.contains(each.state)) {
            text += arrow(id_of(each.state), edge.to);
        }
    }
    return text;
}

std::string picture() {
    std::string text = "```mermaid\nflowchart TD\n";
    for (const Group& group : kGroups) {
        text +=
            "    subgraph " + std::string{group.id} + " [\"" + std::string{group.title} + "\"]\n";
        for (const SubState state : group.states) {
            text += "        " + id_of(state) + "([" + std::string{name_of(state)} + "])\n";
        }
        text += "    end\n";
    }
    text += "    " + id_of(SubState::auto_restart) + "([auto-restart])\n";
    for (const StateEdge& edge : edges::kService) {
        text += arrows(edge);
    }
    return text + "```\n";
}

std::string names_in(const SubStateSet& set) {
    std::string text;
    for (const SubStateTraits& each : kSubStates) {
        if (set.contains(each.state)) {
            text += (text.empty() ? "" : ", ") + std::string{name_of(each.state)};
        }
    }
    return text;
}

std::string states_table() {
    std::string text = "| sub-state | active state | what goes on |\n|---|---|---|\n";
    for (const SubStateTraits& each : kSubStates) {
        text += "| " + std::string{name_of(each.state)} + " | " +
                std::string{name_of(each.active)} + " | " + std::string{meaning(each.state)} +
                " |\n";
    }
    return text;
}

template <std::size_t Size>
std::string edges_table(const std::array<StateEdge, Size>& table) {
    std::string text = "| to | when | from | also from |\n|---|---|---|---|\n";
    for (const StateEdge& edge : table) {
        text += "| " + std::string{name_of(edge.to)} + " | " + std::string{edge.when} + " | " +
                names_in(edge.from) + " | " + names_in(edge.also) + " |\n";
    }
    return text;
}

}  // namespace

std::string service_states_markdown() {
    return "# The states of a service\n\n"
           "This page is generated from the tables in `daemon/core/sub_state.h` and\n"
           "`daemon/core/service_edges.h` by `svcd-service-states`; a test compares. The words "
           "are\n"
           "systemd's: systemd.service(5), systemctl(1). `svctl status` shows them, and `svctl "
           "show`\n"
           "as SubState and ActiveState.\n\n"
           "## The picture\n\n"
           "The way of a service that has something to do in each state. An arrow from a frame "
           "stands\n"
           "for one from each state in it.\n\n" +
           picture() + "\n## The states\n\n" + states_table() +
           "\n## From state to state\n\n"
           "A state in which there is nothing to do is passed without being entered: that, and "
           "rarer\n"
           "reasons, is what *also from* holds. Nothing else happens: the simulator\n"
           "(`tests/simulation`) fails on a change that is not here, and on one that 100,000\n"
           "schedules have not gone through.\n\n" +
           edges_table(edges::kService) + "\n## Targets and slices\n\n" +
           edges_table(edges::kOthers);
}

}  // namespace svcd
