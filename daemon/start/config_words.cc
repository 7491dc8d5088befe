#include "start/config_words.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

namespace svcd {
namespace {

constexpr std::size_t kConfigMax = 65536;  // as manager/config.cc has it

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '"' || c == '\'';
}

/// The word from `begin`, without blanks and quotes around it, is this one.
bool is_word(const char* begin, const char* end, const char* word) {
    while (begin < end && is_blank(*begin)) {
        ++begin;
    }
    while (begin < end && is_blank(end[-1])) {
        --end;
    }
    const std::size_t length = std::strlen(word);
    return static_cast<std::size_t>(end - begin) == length && std::memcmp(begin, word, length) == 0;
}

/// Which of the words it is; `otherwise` for none of them.
template <class Choice, std::size_t Count>
Choice choice(const char* begin,
              const char* end,
              const char* const (&words)[Count],
              Choice otherwise) {
    for (std::size_t index = 0; index < Count; ++index) {
        if (is_word(begin, end, words[index])) {
            return static_cast<Choice>(index);
        }
    }
    return otherwise;
}

void take_line(const char* begin, const char* end, LauncherSettings& settings) {
    const auto length = static_cast<std::size_t>(end - begin);
    if (const void* comment = std::memchr(begin, '#', length); comment != nullptr) {
        end = static_cast<const char*>(comment);
    }
    const void* colon = std::memchr(begin, ':', static_cast<std::size_t>(end - begin));
    if (colon == nullptr) {
        return;
    }
    const char* key_end = static_cast<const char*>(colon);
    const char* value = key_end + 1;
    constexpr const char* kShells[] = {"sulogin", "shell", "none"};
    constexpr const char* kActions[] = {"reboot", "halt", "wait"};
    constexpr const char* kYes[] = {"yes", "true", "on", "1"};
    if (is_word(begin, key_end, "RescueShell")) {
        settings.rescue_shell = choice(value, end, kShells, settings.rescue_shell);
    } else if (is_word(begin, key_end, "CrashAction")) {
        settings.crash_action = choice(value, end, kActions, settings.crash_action);
    } else if (is_word(begin, key_end, "BusyboxSignals")) {
        settings.busybox_signals = choice(value, end, kYes, 99) != 99;
    }
}

}  // namespace

void read_config_words(const char* path, LauncherSettings& settings) {
    static char text[kConfigMax];
    const int file = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const ssize_t size = file < 0 ? 0 : ::read(file, text, sizeof text);
    ::close(file);
    const char* const end = text + (size > 0 ? size : 0);
    for (const char* line = text; line < end;) {
        const void* newline = std::memchr(line, '\n', static_cast<std::size_t>(end - line));
        const char* const line_end = newline == nullptr ? end : static_cast<const char*>(newline);
        take_line(line, line_end, settings);
        line = line_end + 1;
    }
}

}  // namespace svcd
