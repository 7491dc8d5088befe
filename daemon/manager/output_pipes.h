// In a container what services write goes to svcd's standard output and standard error: into named
// pipes, RUNTIME_DIR/output/out:UNIT and err:UNIT, from which svcd-logd (logd/relay.h) hands it on
// (docs/container-logs.md).
//
// The launcher keeps each pipe open. So what is in a pipe outlives svcd-logd and the manager, and
// no service ever gets SIGPIPE. svcd-logd is an ordinary unit, whose file is made here.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/types/result.h"
#include "core/types/unit.h"
#include "manager/log.h"
#include "manager/options.h"
#include "state/fd_store.h"

namespace svcd {

inline constexpr const char* kLogdUnit = "svcd-logd.service";

/// Of a svcd that runs the units of a container, and not one command, whose output is svcd's.
bool hands_on_output(const ManagerOptions& options);

/// The folder of unit files that svcd makes itself. It is the last of the unit path, so a file of
/// the user's wins.
std::string generated_units_path(const ManagerOptions& options);

class OutputPipes {
public:
    /// `store` and `log` outlive it.
    OutputPipes(const ManagerOptions& options, FdStore& store, Log& log);

    /// Makes the folder and the unit file of svcd-logd. Where that fails, or svcd-logd is not
    /// there, it is said, and the output goes to log files as anywhere else. The launcher of
    /// `is_first` has no pipes yet: it gets those that the one before it has left.
    void prepare(bool is_first);
    bool is_on() const { return is_on_; }

    /// Sends what would go to the unit's log to its pipes instead. They are made when they are
    /// missing; where that fails, `exec` stays as it is.
    void connect(const std::string& unit, ExecSettings& exec);

private:
    Result<void> write_unit() const;
    Result<void> make(const std::string& name);
    bool has_pipes(const std::string& unit);
    void store_left();
    std::string path_of(const std::string& name) const { return folder_ + "/" + name; }

    const ManagerOptions& options_;
    FdStore& store_;
    Log& log_;
    std::string folder_;
    bool is_on_ = false;
    /// False: they can't be made, which was said.
    std::map<std::string, bool> units_;
};

}  // namespace svcd
