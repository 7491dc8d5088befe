// What keeps a wait of the kernel short that a stranger may have prepared.
#pragma once

namespace svcd {

/// While one lives, SIGALRM comes every 0.5 ms and does nothing but end a wait of the kernel.
/// Strangers may send us descriptors whose last close waits for as long as they like (a TCP socket
/// with SO_LINGER, also in the queue of another socket). So whoever may drop such a descriptor, by
/// reading what it came with or by closing the socket that it waits in, has one. It costs two
/// system calls. One thread only.
class Prod {
public:
    /// `is_needed`: else it does nothing.
    explicit Prod(bool is_needed = true);
    ~Prod();
    Prod(const Prod&) = delete;
    Prod& operator=(const Prod&) = delete;

private:
    bool is_needed_;
};

}  // namespace svcd
