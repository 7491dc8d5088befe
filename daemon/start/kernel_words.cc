#include "start/kernel_words.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "libc/os.h"

namespace svcd {
namespace {

struct Meaning {
    const char* word;
    const char* unit;
};

// The words of kernel-command-line(7), and before it of init(8).
constexpr Meaning kMeanings[] = {
    {"1", "rescue.target"},
    {"s", "rescue.target"},
    {"S", "rescue.target"},
    {"single", "rescue.target"},
    {"rescue", "rescue.target"},
    {"-s", "rescue.target"},
    {"emergency", "emergency.target"},
    {"-b", "emergency.target"},
    {"2", "multi-user.target"},
    {"3", "multi-user.target"},
    {"4", "multi-user.target"},
    {"5", "multi-user.target"},
};

constexpr const char* kUnitKeys[] = {"systemd.unit=", "svcd.unit="};

bool starts_with(const char* word, const char* with) {
    return std::strncmp(word, with, std::strlen(with)) == 0;
}

bool has_type(const char* name) {
    const char* dot = std::strrchr(name, '.');
    return dot != nullptr && dot != name && dot[1] != '\0';
}

void set_unit(const char* unit, KernelWords& words) {
    std::snprintf(words.unit, sizeof words.unit, "%s", unit);
}

/// Ends each word by a NUL. Quotes hold a word together, and are taken out.
void split(char* line) {
    char* to = line;
    bool is_quoted = false;
    bool is_in_word = false;
    for (const char* from = line; *from != '\0'; ++from) {
        const bool is_space = *from == ' ' || *from == '\t' || *from == '\n';
        if (*from == '"') {
            is_quoted = !is_quoted;
        } else if (!is_space || is_quoted) {
            *to++ = *from;
            is_in_word = true;
        } else if (is_in_word) {
            *to++ = '\0';
            is_in_word = false;
        }
    }
    to[0] = '\0';
    to[1] = '\0';
}

}  // namespace

bool is_unit_name(const char* name) {
    const std::size_t length = std::strlen(name);
    constexpr char kAllowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
    return length > 0 && length < kUnitMax && std::strspn(name, kAllowed) == length;
}

bool take_kernel_word(const char* word, KernelWords& words) {
    for (const Meaning& meaning : kMeanings) {
        if (std::strcmp(word, meaning.word) == 0) {
            set_unit(meaning.unit, words);
            return true;
        }
    }
    for (const char* key : kUnitKeys) {
        if (!starts_with(word, key)) {
            continue;
        }
        const char* unit = word + std::strlen(key);
        if (is_unit_name(unit) && has_type(unit)) {
            set_unit(unit, words);
        } else {
            say("the kernel's command line says %s, which names no unit (as rescue.target does); "
                "it "
                "is ignored",
                word);
        }
        return true;
    }
    if (starts_with(word, "svcd.")) {
        say("the kernel's command line says %s, which svcd doesn't know (svcd.unit=NAME is what it "
            "knows); it is ignored",
            word);
        return true;
    }
    return false;
}

void read_kernel_words(const char* path, KernelWords& words) {
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    // Two bytes are for the ends of the last word and of all.
    const ssize_t size = file < 0 ? -1 : ::read(file, words.line, sizeof words.line - 2);
    if (size < 0) {
        say("can't read %s: %s; the default target is started", path, std::strerror(errno));
    }
    ::close(file);
    words.line[size < 0 ? 0 : size] = '\0';
    split(words.line);
    for (const char* word = words.line; *word != '\0'; word += std::strlen(word) + 1) {
        take_kernel_word(word, words);
    }
}

bool is_kernel_word(const char* word, const KernelWords& words) {
    for (const char* known = words.line; *known != '\0'; known += std::strlen(known) + 1) {
        if (std::strcmp(word, known) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace svcd
