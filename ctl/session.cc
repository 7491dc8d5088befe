#include "session.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "answer_alarm.h"
#include "harmless_json.h"
#include "messages.h"
#include "pager.h"

namespace svcd {
namespace {

std::optional<std::string> from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

/// How long the handshake of a new connection may take, and what is said then.
constexpr Usec kHandshakeMax = 25'000'000;
constexpr const char* kNoHandshake =
    "svcd doesn't answer: its socket takes connections, but for 25 s nobody has spoken on it";

bool write_to(std::FILE* stream, std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stream) == text.size() &&
           std::fflush(stream) == 0;
}

}  // namespace

Session::Session(Options options)
    : options_(std::move(options)),
      out_(screen_of(STDOUT_FILENO, options_.plain)),
      err_(screen_of(STDERR_FILENO, options_.plain)) {}

ListLook Session::look() const {
    return {out_, out_.terminal && !options_.no_legend && !options_.plain, options_.plain};
}

Connection& Session::connection() {
    if (!connection_) {
        const AnswerAlarm alarm{kHandshakeMax, ExitStatus::unreachable,
                                no_answer_text(ExitStatus::unreachable, kNoHandshake)};
        connection_ = std::make_unique<Connection>(endpoints(options_, from_environment));
    }
    return *connection_;
}

Daemon& Session::daemon() {
    if (!daemon_) {
        daemon_ = std::make_unique<Daemon>(connection().bus());
    }
    return *daemon_;
}

void Session::reconnect() {
    daemon_.reset();
    const AnswerAlarm alarm{kHandshakeMax, ExitStatus::unreachable,
                            no_answer_text(ExitStatus::unreachable, kNoHandshake)};
    connection().reconnect();
}

bool Session::find_again() {
    daemon_.reset();
    return connection().find_again();
}

std::string Session::for_people(std::string_view text, const Screen& screen) const {
    return options_.json ? harmless_json(text) : harmless_page(text, screen);
}

/// Whether the answer is for people. What a script reads is exact: values, files, names.
std::string Session::shown_answer() const {
    const Verb verb = options_.verb;
    const bool is_exact = !out_.terminal && (verb == Verb::show || verb == Verb::cat ||
                                             verb == Verb::escape || verb == Verb::plot);
    return is_exact ? answer_ : for_people(answer_, out_);
}

void Session::print_now(std::string_view text) {
    write_to(stdout, for_people(text, out_));
}

void Session::remark(std::string_view text) {
    constexpr std::string_view kClearsLine = "\r\x1b[K";
    if (!options_.quiet && err_.terminal && !options_.json) {
        const std::size_t own = text.starts_with(kClearsLine) ? kClearsLine.size() : 0;
        write_to(stderr, std::string{text.substr(0, own)} + for_people(text.substr(own), err_));
    }
}

void Session::ask(std::string_view text) {
    write_to(stderr, harmless_page(text, err_));
}

void Session::warn(std::string_view text) {
    if (!options_.quiet) {
        write_to(stderr, for_people(coloured(err_, Colour::busy, "warning:") + " " +
                                        without_warning_word(std::string{text}) + "\n",
                                    err_));
    }
}

void Session::note(std::string_view text) {
    if (!options_.quiet && !options_.json) {
        write_to(stderr, for_people("note: " + std::string{text} + "\n", err_));
    }
}

void Session::report(const Trouble& trouble) {
    write_to(stderr, for_people(trouble_text(trouble, options_.json, err_), err_));
}

std::string Session::no_answer_text(ExitStatus status, const std::string& message) const {
    Trouble trouble;
    trouble.status = status;
    trouble.name = status == ExitStatus::timed_out ? "org.svcd1.TimedOut" : "org.svcd1.Unreachable";
    trouble.message = message;
    trouble.hint = "is the svcd-manager process stopped or hung? The services run on without it";
    const bool may_have_progress = err_.terminal && !options_.json;
    return (may_have_progress ? "\r\x1b[K" : "") + trouble_text(trouble, options_.json, err_);
}

bool Session::fits_screen() const {
    const auto lines = static_cast<std::size_t>(std::ranges::count(answer_, '\n'));
    return out_.height == 0 || lines < out_.height;
}

ExitStatus Session::present() {
    const bool page = out_.terminal && !options_.no_pager && !options_.json && !fits_screen();
    if (page) {
        const std::string command = pager_command(prepare_pager());
        if (std::FILE* stream = command.empty() ? nullptr : ::popen(command.c_str(), "we")) {
            write_to(stream, shown_answer());
            if (::pclose(stream) == 0) {
                return ExitStatus::done;
            }
        }
    }
    if (write_to(stdout, shown_answer())) {
        return ExitStatus::done;
    }
    Trouble trouble;
    trouble.name = "org.svcd1.WriteFailed";
    trouble.message = std::string{"the answer can't be written: "} + std::strerror(errno);
    report(trouble);
    return trouble.status;
}

}  // namespace svcd
