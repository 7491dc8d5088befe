#include "manager/last_words.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

namespace svcd {
namespace {

/// Made beforehand: there may be no memory when it is needed.
std::string& path() {
    static std::string path;
    return path;
}

[[noreturn]] void end_by_exception() noexcept {
    const std::exception_ptr thrown = std::current_exception();
    try {
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        leave_last_words("ended by std::terminate");
    } catch (const std::exception& exception) {
        leave_last_words(exception.what());
    } catch (...) {
        leave_last_words("an exception of an unknown kind");
    }
    std::abort();
}

}  // namespace

void keep_last_words(const std::string& runtime_dir) {
    path() = runtime_dir + "/manager-error";
    std::set_terminate(end_by_exception);
}

void leave_last_words(std::string_view reason) noexcept {
    if (path().empty()) {
        return;
    }
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    const int file = ::open(path().c_str(), kFlags, 0644);
    reason = reason.substr(0, kLastWordsMax);
    [[maybe_unused]] const ssize_t written = ::write(file, reason.data(), reason.size());
    ::close(file);
}

void take_back_last_words() noexcept {
    if (!path().empty()) {
        ::unlink(path().c_str());
    }
}

}  // namespace svcd
