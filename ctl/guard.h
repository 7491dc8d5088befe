// The one place where D-Bus errors end: each becomes a Trouble that is reported, and an exit
// status.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <string>

#include "named_units.h"
#include "session.h"

namespace svcd {

/// What a D-Bus error means, with a hint where there is something to do.
Trouble trouble_of(const sdbus::Error& error, const std::string& unit);

/// Of a verb whose whole work may be done once more: it only looks, or does what has no effect the
/// second time.
bool may_be_asked_again(Verb verb);

/// Does some work that may be done once more, on a new connection, when the one it has breaks: the
/// manager was killed, or has made room for a new one. `let_go` lets go of what hangs on the old
/// one.
template <typename Work, typename LetGo>
auto asked(Session& session, Work&& work, LetGo&& let_go) {
    constexpr int kTriesMax = 20;
    const std::size_t printed = session.printed();
    for (int tries = 1;; ++tries) {
        try {
            return work();
        } catch (const sdbus::Error& error) {
            if (tries == kTriesMax || !session.connection().is_lost(error)) {
                throw;
            }
        }
        session.unprint(printed);
        let_go();
        session.reconnect();
    }
}
template <typename Work>
auto asked(Session& session, Work&& work) {
    return asked(session, work, [] {});
}

/// Does some work for a unit (or for none in particular: ""), and reports its failure.
template <typename Work>
ExitStatus guarded(Session& session, const std::string& unit, Work&& work) {
    try {
        return may_be_asked_again(session.options().verb) ? asked(session, work) : work();
    } catch (const sdbus::Error& error) {
        Trouble trouble = trouble_of(error, unit);
        explain_unknown_unit(session, trouble);
        session.report(trouble);
        return trouble.status;
    } catch (const Trouble& trouble) {
        session.report(trouble);
        return trouble.status;
    }
}

}  // namespace svcd
