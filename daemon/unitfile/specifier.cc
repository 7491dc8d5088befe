#include "unitfile/specifier.h"

#include <grp.h>
#include <pwd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "unitfile/file_text.h"

namespace svcd {
namespace {

constexpr std::size_t kLookUpBuffer = 16384;

std::string from_environment(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr ? std::string{} : std::string{value};
}

/// The passwd entry of our own UID, one field of it.
std::string own_passwd_field(char* passwd::*field) {
    std::vector<char> buffer(kLookUpBuffer);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
        found == nullptr) {
        return {};
    }
    return found->*field;
}

std::string user_name() {
    const std::string name = ::getuid() == 0 ? "root" : own_passwd_field(&passwd::pw_name);
    return name.empty() ? std::to_string(::getuid()) : name;
}

std::string group_name() {
    if (::getgid() == 0) {
        return "root";
    }
    std::vector<char> buffer(kLookUpBuffer);
    group entry{};
    group* found = nullptr;
    if (::getgrgid_r(::getgid(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
        found == nullptr) {
        return std::to_string(::getgid());
    }
    return found->gr_name;
}

std::string first_line_of(const std::string& path) {
    const auto file = read_file_text(path);
    return file ? std::string{trim(file->text.substr(0, file->text.find('\n')))} : std::string{};
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : std::string{};
}

std::string kernel_release() {
    utsname names{};
    return ::uname(&names) == 0 ? names.release : std::string{};
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string without_dashes(std::string text) {
    std::erase(text, '-');
    return text;
}

/// /tmp or /var/tmp, unless the environment says otherwise.
std::string temporary_directory(std::string_view usual) {
    for (const char* variable : {"TMPDIR", "TEMP", "TMP"}) {
        if (std::string path = from_environment(variable); path.starts_with('/')) {
            return path;
        }
    }
    return std::string{usual};
}

std::string home_directory(bool user_instance) {
    if (!user_instance && ::getuid() == 0) {
        return "/root";
    }
    std::string home = from_environment("HOME");
    return home.starts_with('/') ? home : own_passwd_field(&passwd::pw_dir);
}

std::string shell(bool user_instance) {
    std::string path = user_instance ? from_environment("SHELL") : std::string{};
    if (path.empty() && ::getuid() != 0) {
        path = own_passwd_field(&passwd::pw_shell);
    }
    return path.empty() ? "/bin/sh" : path;
}

}  // namespace

std::string Specifiers::directory(const char* variable,
                                  std::string_view below_home,
                                  std::string_view of_system) const {
    if (!user_instance_) {
        return std::string{of_system};
    }
    if (std::string path = from_environment(variable); path.starts_with('/')) {
        return path;
    }
    return home_directory(true) + std::string{below_home};
}

std::string Specifiers::runtime_directory() const {
    if (!user_instance_) {
        return "/run";
    }
    std::string path = from_environment("XDG_RUNTIME_DIR");
    return path.starts_with('/') ? path : "/run/user/" + std::to_string(::getuid());
}

Parsed<std::string> Specifiers::value_of(char specifier, const UnitName& unit) const {
    const std::string& prefix = unit.prefix;
    const auto last_part = [&prefix] {
        return prefix.substr(prefix.rfind('-') + 1);  // npos + 1 is 0
    };
    switch (specifier) {
        case 'i':
            return unit.instance;
        case 'I':
            return unescape_unit_name(unit.instance);
        case 'n':
            return unit.full;
        case 'N':
            return unit.stem;
        case 'p':
            return prefix;
        case 'P':
            return unescape_unit_name(prefix);
        case 'j':
            return last_part();
        case 'J':
            return unescape_unit_name(last_part());
        case 'f': {
            const std::string path =
                unescape_unit_name(unit.is_instance() ? unit.instance : prefix);
            return path.starts_with('/') ? path : "/" + path;
        }
        case 'h':
            return home_directory(user_instance_);
        case 's':
            return shell(user_instance_);
        case 'u':
            return user_name();
        case 'U':
            return std::to_string(::getuid());
        case 'g':
            return group_name();
        case 'G':
            return std::to_string(::getgid());
        case 'H':
            return host_name();
        case 'v':
            return kernel_release();
        case 'm':
            return first_line_of("/etc/machine-id");
        case 'b':
            return without_dashes(first_line_of("/proc/sys/kernel/random/boot_id"));
        case 't':
            return runtime_directory();
        case 'd':
            return runtime_directory() + "/credentials/" + unit.full;
        case 'S':
            return directory("XDG_CONFIG_HOME", "/.config", "/var/lib");
        case 'C':
            return directory("XDG_CACHE_HOME", "/.cache", "/var/cache");
        case 'L':
            return user_instance_ ? directory("XDG_CONFIG_HOME", "/.config", {}) + "/log"
                                  : std::string{"/var/log"};
        case 'E':
            return directory("XDG_CONFIG_HOME", "/.config", "/etc");
        case 'T':
            return temporary_directory("/tmp");
        case 'V':
            return temporary_directory("/var/tmp");
        default:
            return Unparsable{std::string("'%") + specifier +
                              "' is not a specifier (a plain '%' is written '%%')"};
    }
}

Parsed<std::string> Specifiers::expand(std::string_view text, const UnitName& unit) const {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%' || i + 1 == text.size()) {
            result += text[i];
            continue;
        }
        const char specifier = text[i + 1];
        if (specifier == '%') {
            result += '%';
            ++i;
            continue;
        }
        if (!is_letter_or_digit(specifier)) {
            result += '%';
            continue;
        }
        const auto value = value_of(specifier, unit);
        if (!value) {
            return value;
        }
        result += *value;
        ++i;
    }
    return result;
}

}  // namespace svcd
