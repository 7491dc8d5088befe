// From the trees of a unit's files to its definition: every setting by its row, then what follows
// from the settings together (the type of a service that names none, DefaultDependencies, the rules
// that a service must keep).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/types/unit.h"
#include "unitfile/diagnostic.h"
#include "unitfile/loader.h"
#include "unitfile/specifier.h"
#include "unitfile/unit_name.h"
#include "unitfile/yaml_reader.h"

namespace svcd {

/// A file that has been read. It can be used any number of times, as a template's is.
struct UnitSource {
    std::string path;
    std::string text;  ///< for the excerpts of diagnostics
    YamlNodePtr root;
    bool is_private = false;  ///< not everybody may read the file
};

struct BuildInput {
    const UnitName& name;
    const Specifiers& specifiers;
    bool user_instance = false;
    const UnitSource* fragment = nullptr;  ///< null: a unit that is built in
    std::vector<UnitSource> drop_ins;
    /// From NAME.wants/ and NAME.requires/.
    std::vector<Dependency> linked;
    FaultyDropIn faulty_drop_in = FaultyDropIn::leave_out;
};

struct BuiltUnit {
    bool valid = false;
    UnitDefinition definition;
    /// Of a service; to be shared and put into definition.service. The definition's `rare` blocks
    /// are there already, and are to be shared.
    ExecSettings exec;
    std::vector<Diagnostic> diagnostics;
};

/// The end of what is told of a drop-in with a fault; only true when the unit itself is sound.
inline constexpr std::string_view kLeftOutWords = "; the unit is loaded without this drop-in";

BuiltUnit build_unit(const BuildInput& input);

/// Whether svcd itself brings this unit when no file does: basic.target and the like, and every
/// slice.
bool is_built_in(std::string_view name);

}  // namespace svcd
