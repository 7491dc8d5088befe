// What a job waits for, in words: of one whose time is over.
#pragma once

#include <string>

#include "core/job.h"

namespace svcd {

class Machine;

/// "it waited for db.service (start job, running; activating, start)", "READY=1 has not come";
/// empty where there is nothing to be said.
std::string awaited_in_words(const Machine& machine, const Job& job);

}  // namespace svcd
