#include "exec/user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string_view>

namespace svcd {
namespace {

/// Entries are short; one that doesn't fit here is broken.
constexpr std::size_t kEntryMax = 1024 * 1024;

/// A number that names an ID. 65535 and 4294967295 mean "no change" to the kernel.
std::optional<std::uint32_t> id_of(std::string_view text) {
    std::uint32_t id = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    const bool is_reserved = id == 0xffff || id == 0xffffffff;
    if (error != std::errc{} || rest != text.data() + text.size() || is_reserved) {
        return std::nullopt;
    }
    return id;
}

/// Calls one of the getpwnam_r family with a buffer that is large enough.
template <typename Entry, typename LookUp, typename Take>
int look_up(LookUp look, Take take) {
    std::vector<char> buffer(4096);
    for (;;) {
        Entry entry{};
        Entry* found = nullptr;
        const int error = look(&entry, buffer.data(), buffer.size(), &found);
        if (error == ERANGE && buffer.size() < kEntryMax) {
            buffer.resize(buffer.size() * 4);
            continue;
        }
        if (error == 0 && found != nullptr) {
            take(*found);
            return 0;
        }
        // The manual lists these for "not found", which has no number of its own.
        const bool is_missing =
            error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
        return is_missing ? ESRCH : error;
    }
}

Account account_of(const passwd& entry) {
    const auto text = [](const char* field) { return std::string{field == nullptr ? "" : field}; };
    Account account{entry.pw_uid, entry.pw_gid, text(entry.pw_name), text(entry.pw_dir),
                    text(entry.pw_shell)};
    if (account.home.empty() || account.home[0] != '/') {
        account.home = "/";
    }
    return account;
}

Failure missing(int error, const char* what, const std::string& name) {
    if (error == ESRCH) {
        return failure(0, what, "\"" + name + "\"", std::string{"no such "} + what);
    }
    return failure(error, std::string{"look up "} + what, "\"" + name + "\"");
}

/// The kernel's overflow UID, which is nobody's everywhere.
constexpr uid_t kNobody = 65534;

bool lets_nobody_in(std::string_view shell) {
    for (const std::string_view folder : {"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"}) {
        if (shell.starts_with(folder)) {
            const std::string_view name = shell.substr(folder.size());
            if (name == "nologin" || name == "false" || name == "true") {
                return true;
            }
        }
    }
    return shell.empty();
}

int find_by_uid(uid_t uid, Account& account) {
    return look_up<passwd>(
        [&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
            return ::getpwuid_r(uid, entry, buffer, size, found);
        },
        [&](const passwd& entry) { account = account_of(entry); });
}

}  // namespace

Result<Account> find_user(const std::string& user) {
    Account account;
    if (const std::optional<std::uint32_t> uid = id_of(user)) {
        if (find_by_uid(*uid, account) != 0) {
            account = Account{*uid, *uid, "", "/", ""};
        }
        return account;
    }
    const int error = look_up<passwd>(
        [&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
            return ::getpwnam_r(user.c_str(), entry, buffer, size, found);
        },
        [&](const passwd& entry) { account = account_of(entry); });
    if (error != 0) {
        return missing(error, "user", user);
    }
    return account;
}

Result<gid_t> find_group(const std::string& group) {
    if (const std::optional<std::uint32_t> gid = id_of(group)) {
        return *gid;
    }
    gid_t gid = 0;
    const int error = look_up<::group>(
        [&](::group* entry, char* buffer, std::size_t size, ::group** found) {
            return ::getgrnam_r(group.c_str(), entry, buffer, size, found);
        },
        [&](const ::group& entry) { gid = entry.gr_gid; });
    if (error != 0) {
        return missing(error, "group", group);
    }
    return gid;
}

Account own_account() {
    Account account{::getuid(), ::getgid(), "", "/", ""};
    Account found;
    return find_by_uid(::getuid(), found) == 0 ? found : account;
}

std::vector<std::string> login_environment(const Account& account, const std::string& user) {
    const std::string& name = account.name.empty() ? user : account.name;
    std::vector<std::string> environment{"LOGNAME=" + name, "USER=" + name};
    if (account.home != "/" && account.uid != kNobody) {
        environment.push_back("HOME=" + account.home);
    }
    if (!lets_nobody_in(account.shell)) {
        environment.push_back("SHELL=" + account.shell);
    }
    return environment;
}

}  // namespace svcd
