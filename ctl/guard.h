// The one place where D-Bus errors end: each becomes a Trouble that is reported, and an exit
// status.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <string>
#include <utility>

#include "session.h"

namespace svcd {

/// What a D-Bus error means, with a hint where there is something to do.
Trouble trouble_of(const sdbus::Error& error, const std::string& unit);

/// Does some work for a unit (or for none in particular: ""), and reports its failure.
template <typename Work>
ExitStatus guarded(Session& session, const std::string& unit, Work&& work) {
    try {
        return std::forward<Work>(work)();
    } catch (const sdbus::Error& error) {
        const Trouble trouble = trouble_of(error, unit);
        session.report(trouble);
        return trouble.status;
    } catch (const Trouble& trouble) {
        session.report(trouble);
        return trouble.status;
    }
}

}  // namespace svcd
