// `!override` and `!reset`: what a file takes back of the files before it. Who asks reads the
// entries that are left in the order of the files, as if the others had never been written.
#pragma once

#include <span>
#include <unordered_set>

#include "unitfile/unit_builder.h"

namespace svcd {

/// What an ExecStart in a drop-in is of a service that may have only one: another command, which
/// replaces what came before.
enum class ExecStartInDropIn : unsigned char { adds, replaces };

class TakenBack {
public:
    /// The files of a unit in their order, the unit file itself among them or not.
    TakenBack(std::span<const UnitSource* const> sources, ExecStartInDropIn exec_start);

    /// Whether an entry of one of them, a section or a key, was taken back by a later file.
    bool contains(const YamlEntry& entry) const { return entries_.contains(&entry); }

private:
    std::unordered_set<const YamlEntry*> entries_;
};

}  // namespace svcd
