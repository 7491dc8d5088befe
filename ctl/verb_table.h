// The verbs: what each takes, and what is said of a word that is none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "options.h"

namespace svcd {

/// Sets of options; a verb takes those of its sets and the general ones.
enum OptionSet : unsigned {
    kGeneral = 0,
    kJobs = 1,
    kKill = 2,
    kShow = 4,
    kList = 8,
    kTree = 16,
    kLines = 32,
    kWaitFor = 64,
    kAll = 128,
    kStale = 256,
    kEnd = 512,
    kNth = 1024,
    kPlan = 2048,
    kTimeline = 4096,
    kEscape = 8192,
    kReload = 16384,
};

enum class Units : std::uint8_t {
    none,
    any,
    one,
    one_or_none,
    several,
    jobs,
    word,
    words,
    verb_and_any
};

struct VerbRow {
    Verb verb;
    std::string_view name;
    Units units;
    unsigned options;
    std::string_view group;
    std::string_view summary;
};

std::span<const VerbRow> all_verbs();
/// Null when there is no verb of that name.
const VerbRow* find_verb(std::string_view name);
const VerbRow& row_of(Verb verb);

/// A fault in what was typed, with what to do about it.
EarlyEnd usage_error(const std::string& text, std::string_view hint);
/// What is said of a word that is no verb. One that stops or ends something is never suggested: a
/// suggestion is soon typed.
EarlyEnd unknown_verb(const std::string& word);

}  // namespace svcd
