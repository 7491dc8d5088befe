// What doctor says of processes that an earlier life of the unit has left.
#include "doctor.h"
#include "earlier_life.h"

namespace svcd {

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
