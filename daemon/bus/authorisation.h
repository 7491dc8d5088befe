// Who is calling, and what they may do. Root and the owner of this svcd may do everything; everyone
// may read, except what holds secrets (environment variables). What a caller says about itself is
// never believed: on the private socket the kernel says who it is, on a message bus the broker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/event.h"

namespace svcd {

struct Caller {
    /// Nothing: the message bus doesn't know.
    std::optional<std::uint32_t> uid;
    Pid pid = 0;
};

class Authority {
public:
    explicit Authority(std::uint32_t owner_uid) : owner_uid_(owner_uid) {}

    /// Whether the caller may change things and see secrets.
    bool trusts(const Caller& caller) const;
    /// Why it may not, as a sentence that says what would be needed. `action` completes "to ...".
    std::string refusal(const Caller& caller, std::string_view action) const;

private:
    std::uint32_t owner_uid_;
};

/// The caller for the record of who asked for what, with its command line as /proc has it now.
Requester requester_of(const Caller& caller, std::string reason);

}  // namespace svcd
