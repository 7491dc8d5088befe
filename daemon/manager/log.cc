#include "manager/log.h"

#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>

#include "core/types/utf8.h"

namespace svcd {
namespace {

/// A pipe that poll() calls writable takes this much at once (PIPE_BUF), so a line of at most this
/// size never waits.
constexpr std::size_t kLineMax = 4096;

bool is_journal(int fd) {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || ::fstat(fd, &status) != 0) {
        return false;
    }
    return std::string_view{stream} ==
           std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

/// spdlog knows no "notice"; its `info` stands for it, and `debug` and `trace` for our two lower
/// ones.
spdlog::level::level_enum level_of(Severity severity) {
    switch (severity) {
        case Severity::debug:
            return spdlog::level::trace;
        case Severity::info:
            return spdlog::level::debug;
        case Severity::notice:
            return spdlog::level::info;
        case Severity::warning:
            return spdlog::level::warn;
        case Severity::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

struct LevelName {
    std::string_view word;
    std::string_view journal_prefix;
};

LevelName name_of_level(spdlog::level::level_enum level) {
    static constexpr std::array<LevelName, 7> kNames{{{"debug", "<7>"},
                                                      {"info", "<6>"},
                                                      {"notice", "<5>"},
                                                      {"warning", "<4>"},
                                                      {"error", "<3>"},
                                                      {"error", "<2>"},
                                                      {"error", "<2>"}}};
    const auto index = static_cast<std::size_t>(level);
    return kNames[index < kNames.size() ? index : kNames.size() - 1];
}

class NonBlockingSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    explicit NonBlockingSink(int fd) : fd_(fd), journal_(is_journal(fd)) {}

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const LevelName name = name_of_level(message.level);
        std::string line;
        if (journal_) {
            line = name.journal_prefix;
        } else {
            line = time_text(message.time) + " " + std::string(name.word) + ": ";
        }
        line.append(message.payload.data(), message.payload.size());
        if (line.size() >= kLineMax) {
            line.resize(kLineMax - 5);
            line += " ...";
        }
        line += '\n';
        write_or_drop(line);
    }
    void flush_() override {}

private:
    static std::string time_text(spdlog::log_clock::time_point time) {
        const auto since_epoch = time.time_since_epoch();
        const auto millis =
            std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
        const std::time_t seconds = millis / 1000;
        std::tm local{};
        ::localtime_r(&seconds, &local);
        std::array<char, 40> text{};
        std::array<char, 48> whole{};
        std::strftime(text.data(), text.size(), "%F %T", &local);
        std::snprintf(whole.data(), whole.size(), "%s.%03d", text.data(),
                      static_cast<int>(millis % 1000));
        return whole.data();
    }

    void write_or_drop(const std::string& line) {
        pollfd ready{fd_, POLLOUT, 0};
        if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) {
            ++dropped_;
            return;
        }
        if (dropped_ > 0) {
            const std::string note = (journal_ ? "<4>" : "") + std::to_string(dropped_) +
                                     " lines of this log were dropped: nobody read them\n";
            dropped_ = 0;
            if (::write(fd_, note.data(), note.size()) < 0 || ::poll(&ready, 1, 0) != 1) {
                ++dropped_;
                return;
            }
        }
        if (::write(fd_, line.data(), line.size()) < 0) {
            ++dropped_;
        }
    }

    int fd_;
    bool journal_;
    std::size_t dropped_ = 0;
};

/// What follows a line break is indented, so that it is no line of ours.
std::string harmless(std::string_view text) {
    std::string lines = without_controls(text, "\n");
    for (std::size_t at = 0; (at = lines.find('\n', at)) != std::string::npos; ++at) {
        lines.insert(at + 1, "    ");
    }
    return lines;
}

Time monotonic_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return time_from_usec(static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000);
}

}  // namespace

std::optional<Severity> severity_of(std::string_view word) {
    struct Word {
        std::string_view word;
        Severity severity;
    };
    static constexpr std::array kWords{
        Word{"debug", Severity::debug},   Word{"info", Severity::info},
        Word{"notice", Severity::notice}, Word{"warning", Severity::warning},
        Word{"warn", Severity::warning},  Word{"error", Severity::error},
        Word{"err", Severity::error},     Word{"crit", Severity::error},
        Word{"alert", Severity::error},   Word{"emerg", Severity::error},
        Word{"7", Severity::debug},       Word{"6", Severity::info},
        Word{"5", Severity::notice},      Word{"4", Severity::warning},
        Word{"3", Severity::error},       Word{"2", Severity::error},
        Word{"1", Severity::error},       Word{"0", Severity::error}};
    for (const Word& candidate : kWords) {
        if (candidate.word == word) {
            return candidate.severity;
        }
    }
    return std::nullopt;
}

Log::Log(int fd, Severity least)
    : logger_(std::make_unique<spdlog::logger>("svcd", std::make_shared<NonBlockingSink>(fd))) {
    set_least(least);
}

Log::~Log() {
    limit_.tell(kNever,
                [this](Severity severity, const std::string& text) { report(severity, text); });
}

void Log::report(Severity severity, std::string_view text) {
    if (logger_->should_log(level_of(severity))) {
        const std::string line = harmless(text);
        logger_->log(level_of(severity), spdlog::string_view_t{line.data(), line.size()});
    }
}

void Log::say(Severity severity, std::string_view text) {
    say(severity, {}, text);
}

void Log::say(Severity severity, std::string_view unit, std::string_view text) {
    if (!logger_->should_log(level_of(severity)) ||
        !limit_.admits(monotonic_now(), severity, unit, text)) {
        return;
    }
    std::string line{unit};
    line += unit.empty() ? "" : ": ";
    line += text;
    report(severity, line);
}

void Log::tell_left_out() {
    limit_.tell(monotonic_now(),
                [this](Severity severity, const std::string& text) { report(severity, text); });
}

void Log::set_least(Severity least) {
    logger_->set_level(level_of(least));
}

}  // namespace svcd
