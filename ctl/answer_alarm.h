// An end to waiting for a daemon that takes connections and then says nothing (stopped, hung, a
// machine that swaps): sd-bus alone would wait for 90 s, and its blocking calls know nothing of
// --timeout. When the alarm rings, its text goes to stderr and svctl ends.
#pragma once

#include <string>

#include "exit_status.h"
#include "time_text.h"

namespace svcd {

class AnswerAlarm {
public:
    /// Does nothing while another one is set: the one of --timeout goes before that of a call.
    AnswerAlarm(Usec span, ExitStatus status, const std::string& text);
    ~AnswerAlarm();
    AnswerAlarm(const AnswerAlarm&) = delete;
    AnswerAlarm& operator=(const AnswerAlarm&) = delete;

private:
    bool is_ours_ = false;
};

}  // namespace svcd
