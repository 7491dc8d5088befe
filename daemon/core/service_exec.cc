// Whether a service's processes became their programs, and what was not as its file says.
#include <algorithm>

#include "core/service.h"

namespace svcd {
namespace {

/// Remembered as said, so that a service that restarts does not say them each time.
constexpr std::size_t kSaidMax = 64;
/// Shown of a life, of all its commands.
constexpr std::size_t kWarningsMax = 32;

bool contains(const std::vector<std::string>& texts, const std::string& text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

/// Type=exec counts as started when its program runs; so does Type=simple where svcd-exec has files
/// to read first, without which there is no start.
bool Service::waits_for_execve() const {
    return settings_.type == ServiceType::exec ||
           (settings_.type == ServiceType::simple && settings_.exec != nullptr &&
            !settings_.exec->environment_files.empty());
}

ExecNotes& Service::exec_notes() {
    if (run_.exec_notes == nullptr) {
        run_.exec_notes = std::make_unique<ExecNotes>();
    }
    return *run_.exec_notes;
}

/// At the beginning of a life.
void Service::forget_exec_notes() {
    if (run_.exec_notes != nullptr) {
        run_.exec_notes->error = {};
        run_.exec_notes->deviations = {};
        run_.exec_notes->warnings.clear();
    }
}

/// The output of a life begins where its first process found the end of the log. That is worth no
/// write of its own: it comes with the next.
void Service::note_log_begin(Token process, std::int64_t size) {
    if (process == run_.writes_first && size >= 0) {
        run_.log_begin = size;
    }
}

void Service::note_exec_result(ProcessRole role, const ExecSucceeded& how) {
    note_log_begin(how.process, how.log_size);
    if (how.deviations.is_empty() && how.warnings.empty()) {
        return;
    }
    ExecNotes& notes = exec_notes();
    if (role == ProcessRole::main) {
        notes.deviations = how.deviations;
    }
    std::vector<std::string> texts = how.warnings;
    for (const std::string& warning : how.warnings) {
        if (!contains(notes.warnings, warning) && notes.warnings.size() < kWarningsMax) {
            notes.warnings.push_back(warning);
        }
    }
    if (settings_.exec != nullptr) {
        for (std::string& text : describe(how.deviations, *settings_.exec)) {
            texts.push_back(std::move(text));
        }
    }
    for (std::string& text : texts) {
        if (contains(notes.said, text)) {
            continue;
        }
        machine_.say(Severity::warning, unit_, text);
        if (notes.said.size() >= kSaidMax) {
            notes.said.erase(notes.said.begin());
        }
        notes.said.push_back(std::move(text));
    }
    machine_.touch(unit_);
}

void Service::on_exec_failed(ProcessRole role, const ExecFailed& how) {
    const ExecError& error = how.error;
    note_log_begin(how.process, how.log_size);
    const Process& process = role == ProcessRole::main ? run_.main : run_.control;
    machine_.say(Severity::error, unit_, to_string(error));
    const Command* command = command_at(process.command);
    const bool is_ignored = command != nullptr && command->ignore_failure;
    if (!is_ignored || is_before_process(error.step)) {
        note_exec_error(error);
    }
}

/// The first one of a life is what the others follow from. That of a reload is its own affair.
void Service::note_exec_error(const ExecError& error) {
    ExecNotes& notes = exec_notes();
    if (notes.error.step == ExecStep::none || notes.error.role == CommandRole::reload) {
        notes.error = error;
        machine_.touch(unit_);
    }
}

void Service::note_spawn_error(const Process& process, const Error& error) {
    ExecError noted;
    noted.step = ExecStep::spawn;
    const Command* command = command_at(process.command);
    noted.role = command == nullptr ? CommandRole::start : command->role;
    noted.error_number = error.error_number;
    noted.object = error.subject.empty() ? error.operation : error.operation + " " + error.subject;
    noted.detail = error.detail;
    note_exec_error(noted);
}

/// Did this process end before it was its program, for want of something that is looked for before
/// there is a process at all with systemd?
bool Service::was_missing_resources(const Process& process) const {
    if (run_.exec_notes == nullptr || process.executing) {
        return false;
    }
    const ExecError& error = run_.exec_notes->error;
    const Command* command = command_at(process.command);
    return (error.step == ExecStep::environment_file || error.step == ExecStep::request) &&
           command != nullptr && command->role == error.role;
}

}  // namespace svcd
