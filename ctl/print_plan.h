// `svctl plan`: what would happen, for a person: wave by wave, and what decides how long it takes.
#pragma once

#include <string>

#include "plan.h"
#include "screen.h"

namespace svcd {

/// `request`: "stop db.service".
std::string plan_text(const Plan& plan, const std::string& request, const Screen& screen);

}  // namespace svcd
