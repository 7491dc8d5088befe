#include "manager/early_log.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "core/types/result.h"
#include "linux/unique_fd.h"

namespace svcd {
namespace {

constexpr const char* kNull = "/dev/null";
bool is_mount_point(const std::string& folder) {
    struct stat here {};
    struct stat above {};
    return ::stat(folder.c_str(), &here) == 0 && ::stat((folder + "/..").c_str(), &above) == 0 &&
           here.st_dev != above.st_dev;
}

/// Appends what `from` holds from `begin` on. Where that ends; -1: not all could be written.
off_t append(int from, off_t begin, int to) {
    std::array<char, 65536> block{};
    off_t at = begin;
    for (;;) {
        const ssize_t size = ::pread(from, block.data(), block.size(), at);
        if (size <= 0) {
            return size == 0 ? at : -1;
        }
        // A page that was punched out in part begins with zeros.
        const char* const end = block.data() + size;
        const char* text = at == begin ? std::find_if(std::as_const(block).data(), end,
                                                      [](char c) { return c != '\0'; })
                                       : block.data();
        while (text < end) {
            const ssize_t written = ::write(to, text, static_cast<std::size_t>(end - text));
            if (written <= 0) {
                return -1;
            }
            text += written;
        }
        at += size;
    }
}

}  // namespace

EarlyLog::EarlyLog(Places places, Log& log)
    : places_(std::move(places)),
      log_(log),
      is_early_(places_.may_mount && is_mount_point(places_.early_dir)) {}

std::string EarlyLog::early_file(std::string_view unit) const {
    return places_.early_dir + "/" + std::string(unit) + "/current";
}

std::string EarlyLog::log_file(std::string_view unit) const {
    return places_.log_dir + "/" + std::string(unit) + "/current";
}

std::string EarlyLog::file_of(std::string_view unit) {
    return is_early_ && !move_one(unit) ? early_file(unit) : log_file(unit);
}

std::string EarlyLog::file_for(std::string_view unit) {
    const std::string log = log_file(unit);
    if (is_early_) {
        move_one(unit);
    }
    if (open_log_file(places_.log_dir, unit, places_.access)) {
        return log;
    }
    const int why = errno;
    std::string early = early_file(unit);
    if (!mount() || !open_log_file(places_.early_dir, unit, places_.access)) {
        early = kNull;
    }
    complain(unit, why, early);
    return early;
}

bool EarlyLog::mount() {
    if (is_early_ || !places_.may_mount || places_.size == 0) {
        return is_early_;
    }
    const std::string& folder = places_.early_dir;
    ::mkdir(folder.c_str(), places_.access.folder);  // where it can't be made, the mount fails
    std::string options = "size=" + std::to_string(places_.size) +
                          (places_.access.group ? ",mode=0750,gid=" : ",mode=0700");
    options += places_.access.group ? std::to_string(*places_.access.group) : "";
    is_early_ = ::mount("svcd-log", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                        options.c_str()) == 0;
    if (!is_early_) {
        log_.say(Severity::error, to_string(Error{errno, "mount a tmpfs on", folder, {}}));
        places_.may_mount = false;  // once is enough
    }
    return is_early_;
}

void EarlyLog::complain(std::string_view unit, int error_number, const std::string& instead) {
    const std::string why = to_string(Error{error_number, "open", log_file(unit), {}});
    if (std::exchange(has_complained_, true)) {
        log_.say(Severity::info, unit, "its output goes to " + instead + ": " + why);
        return;
    }
    const bool is_kept = instead != kNull;
    log_.say(Severity::warning, unit,
             why + "; its output goes to " + instead +
                 (is_kept ? ", and to the log folder once that can be written (svcd.yaml: LogDir)"
                          : ": it is lost. Make " + places_.log_dir +
                                " writable, or give another folder (--log-dir, or LogDir in "
                                "svcd.yaml)"));
}

/// False: the log can't be written yet.
bool EarlyLog::move_one(std::string_view unit) {
    const UniqueFd early{::open(early_file(unit).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
    if (!early) {
        return true;  // there is none
    }
    const off_t begin = ::lseek(early.get(), 0, SEEK_DATA);
    if (begin < 0) {
        return true;  // all of it was appended
    }
    const UniqueFd log = open_log_file(places_.log_dir, unit, places_.access);
    if (!log) {
        return false;
    }
    const off_t end = append(early.get(), begin, log.get());
    if (end < 0) {
        return false;
    }
    constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (::fallocate(early.get(), kPunch, 0, end) != 0) {
        log_.say(Severity::warning, unit,
                 to_string(Error{errno, "clear", early_file(unit), {}}) +
                     ": some of its output is in the log twice");
    }
    return true;
}

void EarlyLog::move() {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder{::opendir(places_.early_dir.c_str()),
                                                     &::closedir};
    bool has_moved = true;
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        if (entry->d_name[0] != '.' && has_moved) {
            has_moved = move_one(entry->d_name);
        }
    }
    if (has_moved) {
        has_complained_ = false;  // when it comes again, it is news
    }
}

}  // namespace svcd
