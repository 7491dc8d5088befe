// A file descriptor that is closed with its owner.
#pragma once

#include <unistd.h>

#include <limits>
#include <utility>

namespace svcd {

class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() { reset(); }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        reset(std::exchange(other.fd_, -1));
        return *this;
    }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1) {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

/// The number that a client's descriptor has to be below. The kernel gives the lowest that is free,
/// so what is above is kept for stops.
struct ClientDescriptors {
    int of_trusted = std::numeric_limits<int>::max();
    int of_strangers = std::numeric_limits<int>::max();
};

}  // namespace svcd
