// What went wrong, ready to be shown and to become the exit status. Everything that fails in svctl,
// D-Bus errors included, ends as one of these (style: sdbus::Error ends in one guard, guard.h).
#pragma once

#include <string>

#include "exit_status.h"
#include "facts.h"
#include "screen.h"

namespace svcd {

struct Trouble {
    ExitStatus status = ExitStatus::failed;
    std::string name;      ///< for programs: "org.svcd1.NoSuchUnit", ...
    std::string message;   ///< a sentence, for people
    std::string unit;      ///< empty: none in particular
    std::string hint;      ///< what to do; may be empty
    std::string location;  ///< FILE:LINE:COL where it is known
    Json exec_error{};     ///< of reasons.h; null: nothing of that kind
};

/// "error: web.service: …" with a hint below, or one JSON object {error: {…}}.
std::string trouble_text(const Trouble& trouble, bool json, const Screen& screen);

/// What a D-Bus error means for svctl's exit status, by its name.
ExitStatus status_of_error(const std::string& name);

/// "FILE:LINE:COL" when the message begins with one.
std::string location_in(const std::string& message);

/// True for the errors by which a connection says that it is no more.
bool is_connection_lost(const std::string& name);

}  // namespace svcd
