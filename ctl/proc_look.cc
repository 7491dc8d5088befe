#include "proc_look.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "messages.h"

namespace svcd {
namespace {

constexpr std::size_t kFileMax = 4096;
constexpr std::size_t kDescriptorsMax = 4096;

std::optional<ProcessId> number_in(std::string_view text) {
    ProcessId number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size()
               ? std::optional{number}
               : std::nullopt;
}

/// Names in a folder; those that vanish meanwhile don't matter.
template <typename Use>
void for_each_name(const std::string& folder, std::size_t max, Use&& use) {
    std::error_code error;
    std::filesystem::directory_iterator entries{folder, error};
    const std::filesystem::directory_iterator end;
    while (!error && entries != end && max-- > 0) {
        use(entries->path().filename().string());
        entries.increment(error);
    }
}

/// State and parent of a process; what is before them is its name, which may have brackets in it.
std::optional<std::pair<char, ProcessId>> state_and_parent(const std::string& pid) {
    const auto text = small_file("/proc/" + pid + "/stat");
    const std::size_t end = text ? text->rfind(") ") : std::string::npos;
    if (end == std::string::npos || text->size() < end + 5) {
        return std::nullopt;
    }
    const std::string_view rest = std::string_view{*text}.substr(end + 4);
    const auto parent = number_in(rest.substr(0, rest.find(' ')));
    return parent ? std::optional{std::pair{(*text)[end + 2], *parent}} : std::nullopt;
}

/// The mask of signals after this word.
bool is_in_mask(const std::string& text, std::string_view word, int signal) {
    const std::size_t at = text.find(word);
    const std::size_t digits =
        at == std::string::npos ? at : text.find_first_of("0123456789abcdef", at + word.size());
    std::uint64_t mask = 0;
    if (digits != std::string::npos) {
        std::from_chars(text.data() + digits, text.data() + text.size(), mask, 16);
    }
    return (mask >> static_cast<unsigned>(signal - 1) & 1U) != 0;
}

}  // namespace

std::optional<std::string> small_file(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        return std::nullopt;
    }
    std::array<char, kFileMax> bytes{};
    const ssize_t got = ::read(descriptor, bytes.data(), bytes.size());
    ::close(descriptor);
    return got < 0 ? std::nullopt
                   : std::optional{std::string{bytes.data(), static_cast<std::size_t>(got)}};
}

std::vector<Zombie> find_zombies(const std::vector<ProcessFacts>& processes) {
    constexpr std::size_t kProcessesMax = 100'000;
    std::vector<Zombie> zombies;
    for_each_name("/proc", kProcessesMax, [&](const std::string& name) {
        const auto pid = number_in(name);
        const auto facts = pid ? state_and_parent(name) : std::nullopt;
        if (facts && facts->first == 'Z' &&
            std::ranges::find(processes, facts->second, &ProcessFacts::pid) != processes.end()) {
            zombies.push_back({*pid, facts->second});
        }
    });
    std::ranges::sort(zombies, {}, &Zombie::pid);
    return zombies;
}

std::optional<ProcessFacts> look_at_process(ProcessId pid) {
    constexpr int kSignals = 64;
    const auto text = small_file("/proc/" + std::to_string(pid) + "/status");
    if (!text) {
        return std::nullopt;
    }
    const auto value_of = [&](const std::string& word) {
        const std::size_t at = text->find("\n" + word + ":\t");
        const std::size_t begin = at == std::string::npos ? text->size() : at + word.size() + 3;
        return text->substr(begin, text->find('\n', begin) - begin);
    };
    const auto signals_of = [&](std::string_view word) {
        std::set<std::string> names;
        for (int signal = 1; signal <= kSignals; ++signal) {
            if (is_in_mask(*text, word, signal)) {
                names.insert(signal_name(signal));
            }
        }
        return names;
    };
    ProcessFacts facts;
    facts.pid = pid;
    facts.name = text->substr(0, text->find('\n'));
    facts.name.erase(0, facts.name.find('\t') + 1);
    facts.state = value_of("State").empty() ? '?' : value_of("State")[0];
    facts.parent = number_in(value_of("PPid")).value_or(0);
    facts.tracer = number_in(value_of("TracerPid")).value_or(0);
    facts.ignored = signals_of("SigIgn:");
    facts.blocked = signals_of("SigBlk:");
    facts.caught = signals_of("SigCgt:");
    return facts;
}

bool blocks_in_all_threads(ProcessId pid, int signal) {
    constexpr std::size_t kThreadsMax = 2048;
    const std::string folder = "/proc/" + std::to_string(pid) + "/task";
    std::size_t seen = 0;
    bool all = true;
    for_each_name(folder, kThreadsMax, [&](const std::string& thread) {
        const auto text = small_file(folder + "/" + thread + "/status");
        ++seen;
        all = all && text && is_in_mask(*text, "SigBlk:", signal);
    });
    return all && seen > 0 && seen < kThreadsMax;
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> descriptors_of(ProcessId pid) {
    constexpr std::uint64_t kCountedMax = 65'536;
    constexpr std::string_view kWord = "Max open files";
    const std::string process = "/proc/" + std::to_string(pid);
    const auto limits = pid == 0 ? std::nullopt : small_file(process + "/limits");
    const std::size_t at = limits ? limits->find(kWord) : std::string::npos;
    const std::size_t digits =
        at == std::string::npos ? at : limits->find_first_of("0123456789", at + kWord.size());
    std::uint64_t limit = 0;
    if (digits == std::string::npos || ::access((process + "/fd").c_str(), R_OK | X_OK) != 0) {
        return std::nullopt;
    }
    std::from_chars(limits->data() + digits, limits->data() + limits->size(), limit);
    std::uint64_t open = 0;
    for_each_name(process + "/fd", kCountedMax, [&](const std::string&) { ++open; });
    return limit == 0 || limit > kCountedMax ? std::nullopt : std::optional{std::pair{open, limit}};
}

std::string deleted_output_of(ProcessId pid) {
    constexpr std::string_view kDeleted = " (deleted)";
    for (const char* descriptor : {"1", "2"}) {
        std::error_code error;
        const std::string link = "/proc/" + std::to_string(pid) + "/fd/" + descriptor;
        std::string path = std::filesystem::read_symlink(link, error).string();
        struct stat facts {};
        const bool is_deleted = !error && path.starts_with('/') && path.ends_with(kDeleted) &&
                                ::stat(link.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
                                facts.st_nlink == 0;
        if (is_deleted && !path.starts_with("/memfd:")) {
            path.resize(path.size() - kDeleted.size());
            return path;
        }
    }
    return {};
}

bool may_read_by_signalfd(ProcessId pid, int signal) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fdinfo";
    if (::access(folder.c_str(), R_OK | X_OK) != 0) {
        return true;
    }
    bool found = false;
    for_each_name(folder, kDescriptorsMax, [&](const std::string& name) {
        const auto text = small_file(folder + "/" + name);
        found = found || (text && is_in_mask(*text, "sigmask:", signal));
    });
    return found;
}

}  // namespace svcd
