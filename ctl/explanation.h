// What svctl explain says about a unit, put together and laid out: as text for the person who was
// paged, and as JSON.
#pragma once

#include <string>
#include <vector>

#include "explain_process.h"
#include "explain_timeline.h"
#include "screen.h"

namespace svcd {

struct LabelledText {
    std::string label;
    std::string text;
};

struct Explanation {
    std::string headline;
    std::string active;  ///< the state that its sign shows
    std::vector<LabelledText> facts;
    std::vector<Verdict> verdicts;
    std::vector<std::string> last_words;  ///< what the service itself wrote last, where it failed
    std::string words_title;              ///< what stands above them
    std::vector<TimelineRow> timeline;
};

/// What surrounds a record: all of it may be empty.
struct Surroundings {
    Json properties;                        ///< of the unit
    std::vector<ProcessFacts> processes;    ///< that are there now, when the stop goes on
    std::vector<ProcessFacts> unaddressed;  ///< those without NOTIFY_SOCKET, in a start
    Json held_by;                           ///< who has stopped it with svctl kill: ExamineUnit
    bool frozen = false;
    std::string frozen_cgroup;             ///< that was told to freeze: its own, or one above it
    std::vector<std::string> last_words;   ///< of its log, of the life that the last stop ended
    std::vector<StopRecord> stops_before;  ///< of the units whose stops go before this one's
    bool log_is_empty = false;             ///< it may be read, and has no line of the last life
    bool log_is_void = false;              ///< it has no line of any life
    std::string log_fault{};               ///< why it can take no line now; empty: it can
    std::uint64_t last_stop = 0;           ///< the record's number
    Usec now = 0;                          ///< CLOCK_REALTIME
    Usec now_monotonic = 0;                ///< CLOCK_MONOTONIC
};

Explanation explain_stop(const StopRecord& record, const Surroundings& around);

std::string explanation_text(const Explanation& explanation, const Screen& screen);
/// [{pid, kind, text, mend}]; the text is a whole sentence.
Json verdicts_json(const std::vector<Verdict>& verdicts);

/// A sentence for verdicts that differ only in the PID: "Each of PIDs 815 and 816 (python) …".
std::string sentence(const std::vector<const Verdict*>& alike);
std::string sentence(const Verdict& verdict);
/// The mends of all verdicts, each once.
std::vector<std::string> mends_of(const std::vector<Verdict>& verdicts);

/// A line for a record in the list of `svctl explain --all`.
std::string records_text(const std::vector<StopRecord>& records, Usec now, const Screen& screen);

}  // namespace svcd
