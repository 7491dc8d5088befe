// The link to the manager and the fd store behind it (protocol.h: LinkMessage).
//
// The store is a static array (so there is one store, and one link at a time): storing a descriptor
// can be refused but never fail for want of memory. One request is answered before the next is
// read; an answer that the manager does not take at once (a long list) is gone on with when it has
// made room.
#pragma once

#include <cstddef>

#include "launcher/protocol.h"

namespace svcd {

class ManagerLink {
public:
    /// The store will hold at most `limit` descriptors.
    void set_limit(std::size_t limit);

    /// Makes a new link, for a new manager. The manager's end, to be closed here once the manager
    /// has it; -1 with errno set.
    int open();

    /// What to poll for.
    int fd() const { return fd_; }
    short events() const;
    /// To be called when poll said anything about fd(). True when the manager said it is ready.
    bool serve();

private:
    struct Stored {
        int fd;
        char name[sizeof LinkMessage::name];
    };

    bool flush();
    bool send(const LinkMessage& message, int fd);
    int put(const char* name, int fd);
    int drop(const char* name);
    Stored* find(const char* name);
    void close_link();

    int fd_ = -1;
    bool owes_answer_ = false;  ///< a `done` with answer_ is still to be sent ...
    int answer_ = 0;
    std::size_t next_item_ = 0;  ///< ... after the items from here
    std::size_t items_end_ = 0;  ///< to here
    std::size_t limit_ = kStoredFdsMax;
    std::size_t count_ = 0;
    static Stored stored_[kStoredFdsMax];  ///< untouched pages of it cost nothing
};

}  // namespace svcd
