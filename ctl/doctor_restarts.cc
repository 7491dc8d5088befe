// What doctor says of starts: what they left out, and of those that come again and again.
#include "doctor.h"
#include "restart_words.h"

namespace svcd {

void check_left_out(const Patient& patient, Findings& findings) {
    for (const LeftOutUnit& each : left_out_of(patient.properties)) {
        findings.push_back({Severity::problem, "left-out",
                            "it goes on without " + each.unit + ", which it wants: " + each.why,
                            "Mend that, then 'svctl start " + typed_name(each.unit) + "'."});
    }
}

void check_restarts(const Patient& patient, Findings& findings) {
    const std::string unit = text_of(patient.properties, "Id");
    if (const std::string text = flapping_text(patient.properties, patient.now_monotonic);
        !text.empty()) {
        findings.push_back({Severity::problem, "flapping", "it is " + text,
                            "Mend why it ends each time ('svctl explain --all " + unit + "')."});
    }
    if (const std::string text = given_up_text(patient.properties); !text.empty()) {
        findings.push_back({Severity::problem, "given-up", "it is " + text,
                            "Mend why it ended each time ('svctl explain --all " + unit + "')."});
    }
}

}  // namespace svcd
