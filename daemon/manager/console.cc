#include "manager/console.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace svcd {
namespace {

constexpr std::size_t kPendingMax = 16384;
constexpr Duration kPause{50'000};

}  // namespace

Console::Console(const char* path)
    : fd_{::open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)} {}

void Console::say(std::string_view text) {
    if (!fd_ || pending_.size() + text.size() > kPendingMax) {
        return;
    }
    pending_ += "svcd: ";
    pending_ += text;
    pending_ += '\n';
    flush();
}

void Console::flush() {
    while (!pending_.empty()) {
        const ssize_t written = ::write(fd_.get(), pending_.data(), pending_.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0 && errno != EAGAIN) {
            pending_.clear();  // nobody is there: a line that was hung up
        }
        if (written <= 0) {
            return;
        }
        pending_.erase(0, static_cast<std::size_t>(written));
    }
}

std::optional<Time> Console::again_at(Time now) const {
    return pending_.empty() ? std::nullopt : std::optional{now + kPause};
}

}  // namespace svcd
