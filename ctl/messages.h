// What exit statuses, signals, results and job outcomes mean, in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace svcd {

/// "SIGTERM"; "signal 99" for one without a name.
std::string signal_name(int number);
/// "TERM", "SIGTERM", "15", "RTMIN+3".
std::optional<int> parse_signal(std::string_view text);

/// What one of the statuses 200 to 245 says, with which svcd reports why a service could not be
/// executed: "the executable could not be run". Nothing for other statuses.
std::optional<std::string_view> meaning_of_exit_status(int status);
/// systemd's short name of an exit status: "EXEC" for 203; empty when it has none.
std::string_view exit_status_name(int status);

/// The statuses from here on may be svcd's: of what was not executed.
constexpr int kFirstOfSvcd = 200;
/// "ended before its program was executed (203/EXEC)".
std::string before_executed(int status);

/// How a process ended, after "its main process": `code` and `status` as ExecMainCode and
/// ExecMainStatus have them. "exited with status 1", "was killed by SIGKILL". Empty when it hasn't
/// ended.
/// `ran`: it was its own program, so that 200 to 243 have no meaning of svcd's.
std::string describe_end(int code, int status, bool ran = false);

/// "exited", "killed", "dumped"; what systemctl shows as code=.
std::string_view exit_code_name(int code);

/// Why a unit failed, by its property Result.
std::string describe_result(std::string_view result, int code, int status, bool ran = false);

/// What the result of a job says about the job, after its verb: "timed out", "was cancelled".
std::string describe_job_result(std::string_view result);

/// "started", "stopped", ... for the verb of a job that went well.
std::string_view past_of(std::string_view verb);
/// "start", "stop", ... after "failed to".
std::string_view infinitive_of(std::string_view verb);

/// A warning about a file, "/etc/x.service:3: warning: ...", without that word: for where it stands
/// before the line already.
std::string without_warning_word(std::string text);

/// With a capital letter, unless it begins with a name ("a.service", "/etc/x"), and a full stop.
std::string as_sentence(std::string text);

}  // namespace svcd
