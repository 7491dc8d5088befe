// The folder in which the manager makes the pipes: out:UNIT and err:UNIT, named pipes of the user
// that svcd runs as. What is made there is noticed at once.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/result.h"
#include "linux/unique_fd.h"
#include "logd/log_pipe.h"

namespace svcd::logd {

class PipeFolder {
public:
    static Result<PipeFolder> open(const std::string& path);

    /// Readable when find_new() may find something.
    int fd() const { return watch_.get(); }
    /// Opens pipes that were not known yet. Anything else in the folder is passed over.
    std::vector<LogPipe> find_new();

private:
    PipeFolder(std::string path, UniqueFd watch)
        : path_(std::move(path)), watch_(std::move(watch)) {}
    std::optional<LogPipe> open_pipe(const std::string& name) const;

    std::string path_;
    UniqueFd watch_;
    std::set<std::string> known_;
};

}  // namespace svcd::logd
