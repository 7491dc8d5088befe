// What the manager and svcd-exec say to each other: requests as svcd-exec reads them, reports as
// the manager does. What is read is written again as it was.
#include "exec/exec_request.h"
#include "fuzz/target.h"

namespace svcd::fuzz {
namespace {

/// The magic number of each kind, which an input would hardly guess.
std::string with_magic_of(const std::string& sample, std::string_view bytes) {
    return sample.substr(0, sizeof(std::uint64_t)) + std::string{bytes};
}

void try_request(std::string_view bytes) {
    const auto request = parse_exec_request(with_magic_of(serialise(ExecRequest{}), bytes));
    if (request) {
        const std::string written = serialise(*request);
        const auto again = parse_exec_request(written);
        require(again.has_value() && serialise(*again) == written);
    }
}

void try_check(std::string_view bytes) {
    const std::string whole = with_magic_of(serialise(CheckRequest{}), bytes);
    require(is_check_request(whole));
    if (const auto request = parse_check_request(whole)) {
        for (const Condition& condition : request->conditions) {
            require(condition.kind <= ConditionKind::mounts_for);
        }
        require(parse_check_request(serialise(*request)).has_value());
    }
}

void try_reports(std::string_view bytes) {
    const std::string magic = serialise(ExecReport{}).substr(0, sizeof(std::uint64_t));
    // One report after another: 0xff stands for the magic number of the next.
    std::string whole = magic;
    for (const char c : bytes) {
        whole += c == '\xff' ? magic : std::string{c};
    }
    const ExecReport report = parse_reports(whole);
    require(serialise(report).size() <= kExecReportMax);
    static_cast<void>(to_string(report.error));
    static_cast<void>(describe(report.deviations, ExecSettings{}));
}

}  // namespace

void try_input(std::string_view input) {
    Bytes bytes{input};
    switch (bytes.byte() % 4) {
        case 0:
            try_request(bytes.rest());
            break;
        case 1:
            try_check(bytes.rest());
            break;
        case 2:
            try_reports(bytes.rest());
            break;
        default:
            static_cast<void>(parse_exec_request(bytes.rest()));
            static_cast<void>(parse_check_request(bytes.rest()));
            static_cast<void>(parse_reports(bytes.rest()));
            break;
    }
}

}  // namespace svcd::fuzz
