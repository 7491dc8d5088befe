// Where the output of services goes, and where while the log folder can't be written: at the start
// of every boot the root file system is mounted read-only.
//
// As PID 1 of a machine that is RUNTIME_DIR/log, a tmpfs of its own, so that no output fills /run;
// what is written there is appended to the log folder once that can be opened. Anywhere else, and
// when the tmpfs can't be had, it is /dev/null. A service that holds an early file goes on writing
// it; what it writes is appended when it is started again, or with the next look.
//
// What has been appended is punched out of the early file, so the file itself tells what is left,
// also to the next manager.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "linux/log_files.h"
#include "manager/log.h"

namespace svcd {

class EarlyLog {
public:
    struct Places {
        std::string log_dir;
        std::string early_dir;  ///< RUNTIME_DIR/log
        LogAccess access;
        std::uint64_t size = 0;  ///< of the tmpfs
        bool may_mount = false;  ///< PID 1 of a machine
    };
    EarlyLog(Places places, Log& log);

    /// The file that a process of the unit is to append its output to. What the early file has goes
    /// first.
    std::string file_for(std::string_view unit);
    /// The file that has what the unit wrote.
    std::string file_of(std::string_view unit);

    /// There are early files. To be asked before move().
    bool has_early_files() const { return is_early_; }
    /// Appends what can be appended. To be called when file systems may have changed.
    void move();

private:
    std::string early_file(std::string_view unit) const;
    std::string log_file(std::string_view unit) const;
    bool mount();
    bool move_one(std::string_view unit);
    void complain(std::string_view unit, int error_number, const std::string& instead);

    Places places_;
    Log& log_;
    bool is_early_ = false;  ///< a tmpfs is there
    bool has_complained_ = false;
};

}  // namespace svcd
