// Why a process did not end when its unit was stopped, or would not: from what the kernel says
// about it and what svcd sent it. The first verdict that holds is the one given; the order in
// explain_process.cc is from what no signal can change to what the program does by itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stop_record.h"

namespace svcd {

struct Verdict {
    ProcessId pid = 0;  ///< 0: about the unit
    std::string name;   ///< of the process
    std::string kind;   ///< for programs: "ignores-signal", see docs/svctl.md
    std::string text;   ///< for a process what follows its name, else a sentence
    std::string mend;   ///< what to change; may be empty
};

/// What a process is judged by.
struct Scene {
    const StopRecord& record;
    std::vector<ProcessFacts> processes;  ///< those that were left, or are there now
    bool frozen = false;                  ///< the cgroup is
    std::string frozen_cgroup;            ///< the one that was told to; "": not known
};

/// The verdict on each process of the scene.
std::vector<Verdict> judge_processes(const Scene& scene);

// Each of these is one verdict, or nothing where it doesn't hold.

// explain_process.cc: what keeps any signal from being acted on
std::optional<Verdict> unreaped_zombie(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> held_by_vfork(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> uninterruptible_sleep(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> core_being_dumped(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> frozen_cgroup(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> traced_process(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> stopped_process(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> hung_control_process(const ProcessFacts& process, const Scene& scene);

// explain_signal.cc: what became of the stop signal
std::optional<Verdict> not_reached(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> ignores_signal(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> blocks_signal(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> namespace_init(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> waiting_shell(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> said_stopping(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> used_up_extension(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> slow_to_end(const ProcessFacts& process, const Scene& scene);
std::optional<Verdict> still_ending(const ProcessFacts& process, const Scene& scene);

}  // namespace svcd
