#include "pager.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace svcd {
namespace {

/// -F -R -X: ends when it fits, lets colours through, leaves the text on the screen.
constexpr const char* kLess = "less -FRX";
/// What loginuid says before anybody has logged in.
constexpr uid_t kNobodyLoggedIn = static_cast<uid_t>(-1);

std::optional<std::string> from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

std::optional<uid_t> login_user() {
    const int file = ::open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
    std::array<char, 16> text{};
    const ssize_t size = file < 0 ? 0 : ::read(file, text.data(), text.size());
    ::close(file);
    return parse_login_user({text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))});
}

}  // namespace

std::optional<uid_t> parse_login_user(std::string_view text) {
    uid_t user = kNobodyLoggedIn;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), user);
    const bool is_number = error == std::errc{} && end != text.data();
    return is_number && user != kNobodyLoggedIn ? std::optional{user} : std::nullopt;
}

std::string pager_command(const PagerFacts& facts) {
    const std::optional<std::string>& wanted = facts.svctl_pager ? facts.svctl_pager : facts.pager;
    if (!wanted) {
        return kLess;
    }
    const bool is_own = facts.login ? *facts.login == facts.user : !facts.has_sudo_user;
    return is_own || wanted->empty() ? *wanted : kLess;
}

PagerFacts prepare_pager() {
    ::setenv("LESSSECURE", "1", 1);
    return {from_environment("SVCTL_PAGER"), from_environment("PAGER"), ::geteuid(), login_user(),
            std::getenv("SUDO_UID") != nullptr};
}

}  // namespace svcd
