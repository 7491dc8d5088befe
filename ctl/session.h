// One run of svctl: what was asked for, the connection (made when it is first needed), and where
// the answers go. Answers are collected and shown at the end, through a pager where they don't fit
// the screen; troubles go to stderr at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ask.h"
#include "connection.h"
#include "options.h"
#include "print_lists.h"
#include "screen.h"
#include "trouble.h"

namespace svcd {

class Session {
public:
    explicit Session(Options options);

    const Options& options() const { return options_; }
    const Screen& out() const { return out_; }
    const Screen& err() const { return err_; }
    ListLook look() const;

    Connection& connection();
    Daemon& daemon();
    /// After the connection broke.
    void reconnect();
    /// The same of a svcd that may have ended: false when it has.
    bool find_again();

    /// Adds to the answer.
    void print(std::string_view text) { answer_ += text; }
    /// How much of an answer there is, to take back what was added since.
    std::size_t printed() const { return answer_.size(); }
    void unprint(std::size_t size) { answer_.resize(size); }
    /// Shows a line of the answer now, because more may be long in coming.
    void print_now(std::string_view text);
    /// A line for the person who waits, on stderr; not with -q, and only on a terminal.
    void remark(std::string_view text);
    /// A question to the person at the terminal, on stderr.
    void ask(std::string_view text);
    /// A warning, on stderr; not with -q.
    void warn(std::string_view text);
    /// Something that is as it was meant, and worth knowing: on stderr; not with -q or --json.
    void note(std::string_view text);
    void report(const Trouble& trouble);
    /// Shows what was collected; says so when it can't be written (a full disk).
    ExitStatus present();
    /// What is said when svcd takes longer to answer than it may, for AnswerAlarm.
    std::string no_answer_text(ExitStatus status, const std::string& message) const;

private:
    bool fits_screen() const;
    std::string for_people(std::string_view text, const Screen& screen) const;
    std::string shown_answer() const;

    Options options_;
    Screen out_;
    Screen err_;
    std::string answer_;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Daemon> daemon_;
};

}  // namespace svcd
