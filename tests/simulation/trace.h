// A run as a story: one line for each thing that happened, with the virtual time, in words that a
// person knows from `svctl status`.
#pragma once

#include <string>
#include <vector>

#include "core/types/effect.h"
#include "core/types/event.h"
#include "core/types/time.h"
#include "core/types/unit.h"
#include "simulation/world.h"

namespace svcd::simulation {

/// The virtual clock does not begin at 0, because 0 means "never happened" in records.
inline constexpr Time kBeginning{std::chrono::seconds{1000}};

/// "12.345678": seconds since kBeginning.
std::string words(Time time);
/// "1.5s", "300ms", "infinity".
std::string words(Duration duration);
std::string words(ExitCode code, int status);
/// "SIGTERM".
std::string signal_words(int signal);
std::string_view name_of(JobVerb verb);

/// One event, or one order, in a line.
std::string words(const Event& event, const World& world);
std::string words(const Effect& effect, const World& world);
/// A unit's definition on a few lines, much as its file would say.
std::string words(const LoadedUnit& unit);

/// Collects the lines of a run, when somebody wants to read them. Most runs nobody does.
class Trace {
public:
    explicit Trace(bool is_on) : is_on_{is_on} {}

    bool is_on() const { return is_on_; }
    void line(Time time, const char* who, const std::string& text);
    void heading(const std::string& text);
    const std::vector<std::string>& lines() const { return lines_; }

private:
    bool is_on_;
    std::vector<std::string> lines_;
};

}  // namespace svcd::simulation
