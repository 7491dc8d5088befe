// What doctor says of processes that an earlier life of the unit has left.
#include "doctor.h"
#include "earlier_life.h"

namespace svcd {

/// Finds processes that a unit which is down has left over.
void check_left_over(const Patient& patient, Findings& findings) {
    if (!truth_of(patient.properties, "LeftOver") || patient.processes.empty()) {
        return;
    }
    const std::vector<ProcessId> pids = pids_of(patient.processes);
    const bool is_one = pids.size() == 1;
    findings.push_back(
        {Severity::warning, "left-over",
         (is_one ? pid_text(pids[0], patient.processes[0].name) : pids_text(pids)) +
             (is_one ? " is" : " are") + " left over from its last life, and " +
             (is_one ? "lives on" : "live on"),
         "If that is not meant: 'svctl kill -9 " + text_of(patient.properties, "Id") + "'."});
}

void check_earlier_life(const Patient& patient, Findings& findings) {
    if (patient.of_earlier_life.empty()) {
        return;
    }
    const StopRecord& last = patient.records.front();
    std::string pids;
    for (const ProcessId pid : patient.of_earlier_life) {
        pids += " " + std::to_string(pid);
    }
    const bool is_by_mode = last.kill_mode == "process" || last.kill_mode == "none";
    findings.push_back({Severity::warning, "earlier-life",
                        earlier_life_text(patient.of_earlier_life, last),
                        "If that is not meant: 'kill" + pids + "'" +
                            (is_by_mode ? "; KillMode: control-group ends all with the unit."
                             : !last.send_sigkill ? "; SendSIGKILL: yes ends all with the unit."
                                                  : ".")});
}

}  // namespace svcd
