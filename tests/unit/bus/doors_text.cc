#include "unit/bus/doors_text.h"

#include <vector>

#include "bus/api_table.h"
#include "bus/private_socket.h"
#include "linux/cgroup_folder.h"
#include "linux/notify_socket.h"

namespace svcd {
namespace {

constexpr std::string_view kBegin = "<!-- svcd-doors writes from here -->\n";
constexpr std::string_view kEnd = "<!-- to here -->\n";

struct Door {
    std::string door;
    std::string mode;
    std::string who;
    std::string what;
    std::string limit;
};

/// "`Start`, `Stop`".
std::string methods_of(const InterfaceTable& table, Access access) {
    std::string text;
    for (const MethodRow& row : table.methods) {
        if (row.access == access) {
            text += (text.empty() ? "`" : ", `") + std::string(row.name) + "`";
        }
    }
    return text;
}

/// "Manager: `GetUnit`, ... Service: `GetProcesses`".
std::string all_methods(Access access) {
    const InterfaceTable* const tables[] = {&manager_interface(), &unit_interface(),
                                            &service_interface(), &target_interface(),
                                            &slice_interface(),   &job_interface()};
    constexpr std::string_view kPrefix = "org.svcd1.";
    std::string text;
    for (const InterfaceTable* table : tables) {
        const std::string methods = methods_of(*table, access);
        if (!methods.empty()) {
            text += (text.empty() ? "" : ". ") + std::string(table->name).substr(kPrefix.size()) +
                    ": " + methods;
        }
    }
    return text;
}

std::string number(std::size_t value) {
    return std::to_string(value);
}

std::string size(std::size_t bytes) {
    const std::size_t mebibytes = bytes >> 20U;
    return mebibytes > 0 ? number(mebibytes) + " MiB" : number(bytes >> 10U) + " KiB";
}

std::vector<Door> doors() {
    const std::string reads = "reads. " + all_methods(Access::read) +
                              ". All properties but `Environment`; `Introspect`, `Ping`";
    const std::string changes = "that, the secrets, and changes. " + all_methods(Access::change);
    return {
        {"`<runtime dir>/bus`", "BusMode, BusGroup: 0666, svcd's", "everybody", reads,
         number(kConnectionsOfUserMax) + " connections of a user, " + number(kStrangersMax) +
             " in all; " + size(kStrangersMessageMax) + " a message; below"},
        {"the same", "", "root and the owner, by SO_PEERCRED", changes,
         number(kConnectionsMax) + " connections with those of strangers, " + size(kMessageMax) +
             " a message; below"},
        {"`<runtime dir>/owner-bus`", "0600", "root and the owner",
         "the same socket by a door of its own, which `svctl` takes: before it stands no line of "
         "strangers",
         "the same"},
        {"message bus, as org.svcd1", "its policy",
         "everybody; root and the owner, as the bus says", "the same as at `<runtime dir>/bus`",
         "the bus's own; of the table below values, texts, patterns, answers; " +
             number(kLongAnswersMax) + " long answers"},
        {"`<runtime dir>/notify`", "0666", "processes of a unit, as far as NotifyAccess takes them",
         "sd_notify: READY, STATUS, WATCHDOG, MAINPID (a process of the unit) ...",
         size(kNotifyMax) + " a datagram, whose descriptors are not taken, " +
             number(static_cast<std::size_t>(kNotifyQueueLength)) +
             " in the queue, 64 a [turn](how-an-event-flows.md)"},
        {"`<runtime dir>/launcher`, `manager-error`", "0644", "everybody reads",
         "whether a manager runs, and why not. Who opens `launcher` wakes the launcher, which asks "
         "the manager whether it answers",
         "512 and 1,000 bytes; one question at a time"},
        {"`<runtime dir>/output/*` (in a container)", "0622 in a folder of 0700",
         "the owner; a service opens its own two once more by /dev/stdout and /dev/stderr",
         "what services write, which svcd-logd hands on",
         "a pipe (64 KiB); who writes more waits for the reader of svcd's output"},
        {"`<runtime dir>/command`, `generated` (in a container)", "0755, files 0644", "all",
         "unit files that svcd makes of its own command line", "one line of 64 KiB a command"},
        {"`<runtime dir>/lock`, `state`, `state.old`, `stops`", "0600, mended at the start",
         "the owner", "what svcd remembers; each field is checked when it is read",
         "of fixed size a unit"},
        {"`<runtime dir>/log`, a tmpfs", "0750, of LogGroup; else 0700", "as the log folder",
         "what services write before the log folder can be written", "EarlyLogSize"},
        {"`<log dir>/UNIT/current`", "0640 in folders 0750; of a `--user` svcd 0600 in 0700",
         "root and LogGroup (`svcd.yaml`, default adm; a group of /etc/group, or a number)",
         "what services write; what was there before is closed at the start",
         "100,000 old files, 5 s"},
        {"unit files, svcd.yaml", "as they are", "who may write them",
         "everything: they say what runs as root", "1 MiB a file"},
        {"signals", "kill(2)", "root and the owner, as the kernel says",
         "to the launcher: [shutdown.md](shutdown.md); from there to the manager", "64 a turn"},
        {"descriptors that svcd was started with", "", "who started it",
         "none but 0, 1 and 2 is kept; all are close-on-exec", ""},
        {"cgroups below svcd's", "the kernel's", "root",
         "a process in a unit's cgroup counts as the unit's",
         number(kCgroupsBelowMax) + " cgroups below a unit's"},
    };
}

std::string table_text() {
    std::string text = "| door | mode | who | what | which limit |\n|---|---|---|---|---|\n";
    for (const Door& each : doors()) {
        text += "| " + each.door + " | " + each.mode + " | " + each.who + " | " + each.what +
                " | " + each.limit + " |\n";
    }
    return text;
}

}  // namespace

std::string with_doors(std::string_view page) {
    const std::size_t begin = page.find(kBegin);
    const std::size_t end = page.find(kEnd);
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
        return {};
    }
    return std::string(page.substr(0, begin + kBegin.size())) + table_text() +
           std::string(page.substr(end));
}

}  // namespace svcd
