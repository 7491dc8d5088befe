#include "manager/output_pipes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "linux/unique_fd.h"
#include "manager/generated_unit.h"
#include "manager/start_up.h"

namespace svcd {
namespace {

constexpr mode_t kFolderMode = 0700;
/// Nobody else gets into the folder. A service of another user, which has its pipe already, may
/// open it once more by /dev/stdout.
constexpr mode_t kPipeMode = 0622;

}  // namespace

bool hands_on_output(const ManagerOptions& options) {
    return options.mode == RunMode::container && !options.command;
}

std::string generated_units_path(const ManagerOptions& options) {
    return runtime_path(options, "generated");
}

OutputPipes::OutputPipes(const ManagerOptions& options, FdStore& store, Log& log)
    : options_(options), store_(store), log_(log), folder_(runtime_path(options, "output")) {}

void OutputPipes::prepare(bool is_first) {
    if (!hands_on_output(options_)) {
        return;
    }
    const Result<void> written = write_unit();
    is_on_ = written.has_value();
    if (!is_on_) {
        log_.say(Severity::warning, to_string(written.error()) +
                                        ": the output of services goes to " + options_.log_dir +
                                        "/UNIT/current");
    } else if (is_first) {
        store_left();
    }
}

/// Services that outlived a launcher still write to them.
void OutputPipes::store_left() {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder{::opendir(folder_.c_str()), &::closedir};
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (const auto made = make(entry->d_name); !made) {
            log_.say(Severity::warning, to_string(made.error()));
        }
    }
}

Result<void> OutputPipes::write_unit() const {
    const std::string program = helper_path("svcd-logd", "logd");
    if (::access(program.c_str(), X_OK) != 0) {
        return failure(errno, "execute", program, "svcd is not installed whole");
    }
    const std::string folder = generated_units_path(options_);
    if (::mkdir(folder_.c_str(), kFolderMode) != 0 && errno != EEXIST) {
        return failure(errno, "mkdir", folder_);
    }
    if (const auto made = make_generated_folder(folder); !made) {
        return made;
    }
    const std::string text =
        "# Made by svcd. It hands on what services write, to svcd's standard output and standard\n"
        "# error. A file of the same name in the unit path replaces this one.\n"
        "Unit:\n"
        "  Description: Output of services\n"
        "  DefaultDependencies: no\n"
        "  Before: [sysinit.target]\n"
        "  IgnoreOnIsolate: yes\n"
        "  RefuseManualStop: yes\n"
        "  StartLimitIntervalSec: 0\n"
        "Service:\n"
        "  ExecStart: [" +
        yaml_scalar(":" + program) + ", " + yaml_scalar("--pipes=" + folder_) + ", " +
        yaml_scalar("--log-dir=" + options_.log_dir) +
        ", --prefix=" + (options_.log_prefix ? "yes" : "no") +
        "]\n"
        "  Restart: always\n"
        "  RestartSec: 100ms\n"
        "  StandardOutput: inherit\n"
        "  TimeoutStopSec: 500ms\n";
    return write_generated(folder + "/" + kLogdUnit + ".yaml", text);
}

/// The pipe is kept by the launcher. One that is there holds what nobody has read yet.
Result<void> OutputPipes::make(const std::string& name) {
    const std::string path = path_of(name);
    if (::mkfifo(path.c_str(), kPipeMode) != 0 && errno != EEXIST) {
        return failure(errno, "make the pipe", path);
    }
    const UniqueFd fd{::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
    struct stat facts {};
    if (!fd || ::fstat(fd.get(), &facts) != 0) {
        return failure(errno, "open", path);
    }
    if (!S_ISFIFO(facts.st_mode)) {
        return failure(0, "use", path, "it is no pipe; remove it");
    }
    if (::fchmod(fd.get(), kPipeMode) != 0) {  // mkfifo leaves out what the umask says
        return failure(errno, "chmod", path);
    }
    return store_.put(name, fd.get());
}

bool OutputPipes::has_pipes(const std::string& unit) {
    if (const auto known = units_.find(unit); known != units_.end()) {
        return known->second;
    }
    Result<void> made = make("out:" + unit);
    if (made) {
        made = make("err:" + unit);
    }
    if (!made) {
        log_.say(Severity::warning, unit,
                 to_string(made.error()) + ": its output goes to " + options_.log_dir + "/" + unit +
                     "/current");
    }
    return units_.emplace(unit, made.has_value()).first->second;
}

void OutputPipes::connect(const std::string& unit, ExecSettings& exec) {
    const auto is_log = [](const Output& output) { return output.kind == OutputKind::log; };
    const bool shares = !exec.standard_error || exec.standard_error->kind == OutputKind::inherit;
    const bool logs_output = is_log(exec.standard_output);
    const bool logs_error = shares ? logs_output : is_log(*exec.standard_error);
    if ((!logs_output && !logs_error) || !has_pipes(unit)) {
        return;
    }
    if (logs_output) {
        exec.standard_output = {OutputKind::append, path_of("out:" + unit)};
    }
    if (logs_error) {
        exec.standard_error = Output{OutputKind::append, path_of("err:" + unit)};
    }
}

}  // namespace svcd
