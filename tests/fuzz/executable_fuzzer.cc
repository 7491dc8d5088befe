// A program that could not be executed, which svcd's child looks at to say why: its first line, its
// ELF headers. It may be any user's.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "exec/executable_look.h"
#include "fuzz/scratch_file.h"
#include "fuzz/target.h"

namespace svcd::fuzz {

void try_input(std::string_view input) {
    static const ScratchFile kFile;
    Bytes bytes{input};
    const int error_number = bytes.byte() % 2 == 0 ? ENOEXEC : ENOENT;
    kFile.set(bytes.rest());
    require(::fchmod(kFile.fd(), 0755) == 0);
    ChildFailure failure;
    failure.step = ExecStep::exec;
    failure.error_number = error_number;
    const std::string path = kFile.path();
    look_at_executable(path.c_str(), failure);
    require(failure.problem <= kLastExecProblem);
    require(std::memchr(failure.detail.data(), '\0', failure.detail.size()) != nullptr);
    ExecError error;
    error.step = failure.step;
    error.problem = failure.problem;
    error.error_number = failure.error_number;
    error.object = path;
    error.detail = failure.detail.data();
    static_cast<void>(describe(error));
}

}  // namespace svcd::fuzz
