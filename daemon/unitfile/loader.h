// From files to definitions: finds unit files, merges drop-ins, resolves templates, links and
// specifiers, and hands on one LoadedUnit a name. spec: systemd.unit(5) with YAML for the syntax;
// docs/units.md.
//
// One faulty file never keeps another from loading: its unit comes out with LoadState::bad_setting
// and its diagnostics. All input is bounded (file size, nesting, aliases, number of files), and
// nothing that isn't a regular file is ever read.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/unit.h"
#include "unitfile/diagnostic.h"
#include "unitfile/unit_aliases.h"

namespace svcd {

struct LoaderOptions {
    std::vector<std::string> unit_path;  ///< first found wins
    bool user = false;  ///< a user instance: %t %S %C %L, and what DefaultDependencies adds
    bool path_is_given = false;  ///< by --unit-path: a folder that doesn't exist is told of
    /// Called between one file and the next, for whoever has to show that a load goes on.
    std::function<void()> on_progress = [] {};
};

/// Names that units have besides those in LoadReport::units. Dependencies name the unit already.
struct UnitNames {
    UnitAliases aliases;
    std::vector<std::string> templates;
};

/// What a load found. `diagnostics` are for the log and for the answer to daemon-reload; those of a
/// unit are in its LoadedUnit::error too.
struct LoadReport {
    std::vector<LoadedUnit> units;
    std::vector<Diagnostic> diagnostics;
    UnitNames names;
};

/// What becomes of a unit one of whose drop-ins has a fault. When svcd starts, it is loaded without
/// that drop-in: a typing error must not cost a machine its sshd. On a reload it is bad_setting, so
/// that the old definition goes on and the person who reloads sees why.
enum class FaultyDropIn : unsigned char { leave_out, reject_unit };

class LoadSession;

/// A load of everything that is made in pieces, for who has other things to do meanwhile.
class UnitLoading {
public:
    explicit UnitLoading(std::unique_ptr<LoadSession> session);
    ~UnitLoading();
    UnitLoading(UnitLoading&&) noexcept;
    UnitLoading& operator=(UnitLoading&&) noexcept;

    /// Reads one unit, or makes a piece of what comes after the last. False: all is done.
    bool go_on();
    /// What was found. Once, when all is done.
    LoadReport take();

private:
    std::unique_ptr<LoadSession> session_;
};

class UnitLoader {
public:
    explicit UnitLoader(LoaderOptions options);

    /// Every unit that has a file and those of `more` that have one, with the instances of
    /// templates and the slices that something refers to, and the units that are built in
    /// (basic.target, sysinit.target, shutdown.target, default.target, the root slice, system.slice
    /// ... when no file has them).
    LoadReport load_all(FaultyDropIn faulty = FaultyDropIn::leave_out,
                        const std::vector<std::string>& more = {});
    /// The same in pieces. The loader has to outlive it.
    UnitLoading begin_load_all(FaultyDropIn faulty, const std::vector<std::string>& more);

    /// One unit by its full name (an instance of a template, say) and whatever it refers to. A name
    /// without a file gives LoadState::not_found, but a slice needs none. The unit that is meant
    /// comes first in the report, under its own name when `name` is an alias.
    LoadReport load(std::string_view name, FaultyDropIn faulty = FaultyDropIn::leave_out);

    const LoaderOptions& options() const { return options_; }

private:
    LoaderOptions options_;
};

/// Where unit files are looked for when no --unit-path is given (docs/units.md lists the folders).
std::vector<std::string> default_unit_path(bool user);

}  // namespace svcd
