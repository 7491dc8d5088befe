#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "core/types/text_scan.h"
#include "exec/condition_kinds.h"

namespace svcd {
namespace {

/// More than any file that is read here has.
constexpr std::size_t kTextMax = 1024 * 1024;
constexpr std::string_view kBlanks = " \t\n\r";

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

enum class Order : std::uint8_t { less, at_most, equal, unequal, at_least, greater };

struct Operator {
    std::string_view text;
    Order order;
};
/// A longer one stands before its own beginnings.
constexpr auto kOperators = std::to_array<Operator>({
    {"<>", Order::unequal},
    {"<=", Order::at_most},
    {">=", Order::at_least},
    {"==", Order::equal},
    {"!=", Order::unequal},
    {"<", Order::less},
    {"=", Order::equal},
    {">", Order::greater},
});

/// Takes the operator off the front.
std::optional<Order> take_order(std::string_view& text) {
    for (const Operator& each : kOperators) {
        if (text.starts_with(each.text)) {
            text.remove_prefix(each.text.size());
            text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
            return each.order;
        }
    }
    return std::nullopt;
}

/// `difference`: less than, equal to or greater than 0.
bool is_met(Order order, int difference) {
    switch (order) {
        case Order::less:
            return difference < 0;
        case Order::at_most:
            return difference <= 0;
        case Order::equal:
            return difference == 0;
        case Order::unequal:
            return difference != 0;
        case Order::at_least:
            return difference >= 0;
        case Order::greater:
            return difference > 0;
    }
    return false;
}

template <typename T>
int difference_of(const T& left, const T& right) {
    return left < right ? -1 : left > right ? 1 : 0;
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A version, read from its beginning.
class VersionReader {
public:
    explicit VersionReader(std::string_view text) : rest_(text) {}

    void skip_separators() {
        while (!rest_.empty() && !is_digit(rest_[0]) && !is_letter(rest_[0]) &&
               std::string_view{"~-^."}.find(rest_[0]) == std::string_view::npos) {
            rest_.remove_prefix(1);
        }
    }
    bool is_at_end() const { return rest_.empty(); }
    bool is_at(char c) const { return rest_.starts_with(c); }
    bool is_at_digit() const { return !rest_.empty() && is_digit(rest_[0]); }
    void skip() { rest_.remove_prefix(1); }
    std::string_view take_number() { return take(is_digit); }
    std::string_view take_letters() { return take(is_letter); }

private:
    std::string_view take(bool (*belongs)(char)) {
        const auto end = std::find_if_not(rest_.begin(), rest_.end(), belongs);
        const auto size = static_cast<std::size_t>(end - rest_.begin());
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view rest_;
};

/// The one that has the mark is the older one. Where both have it, it is skipped.
int order_by_mark(VersionReader& left, VersionReader& right, char mark) {
    const int difference = difference_of(!left.is_at(mark), !right.is_at(mark));
    if (difference == 0 && left.is_at(mark)) {
        left.skip();
        right.skip();
    }
    return difference;
}

/// No number is older than any, and numbers may have more digits than a machine word.
int order_numbers(std::string_view left, std::string_view right) {
    if (left.empty() != right.empty()) {
        return left.empty() ? -1 : 1;
    }
    left.remove_prefix(std::min(left.find_first_not_of('0'), left.size()));
    right.remove_prefix(std::min(right.find_first_not_of('0'), right.size()));
    const int by_length = difference_of(left.size(), right.size());
    return by_length != 0 ? by_length : left.compare(right);
}

}  // namespace

std::optional<std::string> read_text(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return std::nullopt;
    }
    std::string text;
    std::array<char, 4096> buffer;
    ssize_t size = 0;
    while (text.size() < kTextMax && (size = ::read(fd, buffer.data(), buffer.size())) > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    ::close(fd);
    if (size < 0) {
        return std::nullopt;
    }
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

std::optional<std::vector<std::string>> names_in(const std::string& folder) {
    const std::unique_ptr<DIR, CloseFolder> opened{::opendir(folder.c_str())};
    if (opened == nullptr) {
        return std::nullopt;
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(opened.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") {
            names.emplace_back(name);
        }
    }
    return names;
}

std::optional<bool> boolean_of(std::string_view text) {
    std::string lower{text};
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    for (const std::string_view word : {"yes", "true", "on", "1", "y", "t"}) {
        if (lower == word) {
            return true;
        }
    }
    for (const std::string_view word : {"no", "false", "off", "0", "n", "f"}) {
        if (lower == word) {
            return false;
        }
    }
    return std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (std::size_t at = 0;
         (at = text.find_first_not_of(kBlanks, at)) != std::string_view::npos;) {
        const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

bool has_assignment(const std::vector<std::string>& assignments, std::string_view wanted) {
    const bool has_value = wanted.find('=') != std::string_view::npos;
    return std::any_of(assignments.begin(), assignments.end(), [&](std::string_view each) {
        return each == wanted || (!has_value && each.starts_with(wanted) &&
                                  each.substr(wanted.size()).starts_with('='));
    });
}

Verdict compare_amount(std::uint64_t amount, std::string_view comparison) {
    const Order order = take_order(comparison).value_or(Order::at_least);
    std::uint64_t other = 0;
    const char* const end = comparison.data() + comparison.size();
    const auto [rest, error] = std::from_chars(comparison.data(), end, other);
    if (error != std::errc{} || rest != end) {
        return std::nullopt;
    }
    return is_met(order, difference_of(amount, other));
}

Verdict compare_version(const std::string& version, std::string_view comparison) {
    const bool is_not_pattern = comparison.starts_with("!$=");
    if (is_not_pattern || comparison.starts_with("$=")) {
        comparison.remove_prefix(is_not_pattern ? 3 : 2);
    } else if (comparison.starts_with("!=") ||
               (comparison.starts_with('=') && !comparison.starts_with("=="))) {
        const bool is_not = comparison.starts_with('!');
        return (version == comparison.substr(is_not ? 2 : 1)) != is_not;
    } else if (const std::optional<Order> order = take_order(comparison)) {
        return is_met(*order, order_versions(version, comparison));
    }
    const bool matches = ::fnmatch(std::string{comparison}.c_str(), version.c_str(), 0) == 0;
    return matches != is_not_pattern;
}

int order_versions(std::string_view left_text, std::string_view right_text) {
    VersionReader left{left_text};
    VersionReader right{right_text};
    for (;;) {
        left.skip_separators();
        right.skip_separators();
        if (const int by_tilde = order_by_mark(left, right, '~'); by_tilde != 0) {
            return by_tilde;
        }
        if (left.is_at_end() || right.is_at_end()) {
            return difference_of(!left.is_at_end(), !right.is_at_end());
        }
        for (const char mark : {'-', '^', '.'}) {
            if (const int by_mark = order_by_mark(left, right, mark); by_mark != 0) {
                return by_mark;
            }
        }
        const bool is_number = left.is_at_digit() || right.is_at_digit();
        const int by_part = is_number ? order_numbers(left.take_number(), right.take_number())
                                      : left.take_letters().compare(right.take_letters());
        if (by_part != 0) {
            return by_part;
        }
    }
}

}  // namespace svcd
