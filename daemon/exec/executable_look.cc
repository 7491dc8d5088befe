#include "exec/executable_look.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "exec/raw_syscall.h"

namespace svcd {
namespace {

/// What the kernel reads of a file to learn its format (BINPRM_BUF_SIZE).
constexpr std::size_t kHeadSize = 256;
/// So many interpreters of interpreters does the kernel follow.
constexpr int kInterpretersMax = 5;
constexpr int kProgramHeadersMax = 64;
constexpr long kMountedNoexec = 8;  // ST_NOEXEC, as statfs(2) has it
constexpr unsigned kAnyExecute = 0111;

#if defined(__x86_64__)
constexpr std::uint16_t kOwnMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kOwnMachine = EM_AARCH64;
#endif

/// The beginning of a file, and more of it on demand.
class File {
public:
    explicit File(const char* path)
        : fd_(raw_syscall(__NR_openat,
                          raw(AT_FDCWD),
                          raw(path),
                          O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {
        if (fd_ >= 0) {
            const long size = read(head_, kHeadSize, 0);
            size_ = size < 0 ? 0 : static_cast<std::size_t>(size);
        }
    }
    ~File() {
        if (fd_ >= 0) {
            raw_syscall(__NR_close, raw(fd_));
        }
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    bool is_open() const { return fd_ >= 0; }
    long read(char* buffer, std::size_t size, std::uint64_t offset) const {
        return raw_syscall(__NR_pread64, raw(fd_), raw(buffer), size, offset);
    }
    const char* head() const { return head_; }
    std::size_t size() const { return size_; }
    std::uint8_t byte(std::size_t index) const {
        return index < size_ ? static_cast<std::uint8_t>(head_[index]) : 0;
    }
    bool begins_with(const char* bytes, std::size_t count) const {
        for (std::size_t index = 0; index < count; ++index) {
            if (index >= size_ || head_[index] != bytes[index]) {
                return false;
            }
        }
        return true;
    }

private:
    long fd_;
    char head_[kHeadSize];
    std::size_t size_ = 0;
};

void set_detail(ChildFailure& failure, const char* text, std::size_t length) {
    std::size_t at = 0;
    for (; at < length && at + 1 < failure.detail.size() && text[at] != '\0'; ++at) {
        failure.detail[at] = text[at];
    }
    failure.detail[at] = '\0';
}

void set_detail(ChildFailure& failure, const char* text) {
    set_detail(failure, text, failure.detail.size());
}

bool ends_with_return(const char* text) {
    std::size_t length = 0;
    while (text[length] != '\0') {
        ++length;
    }
    return length > 0 && text[length - 1] == '\r';
}

long stat_raw(const char* path, struct stat& facts, int flags = 0) {
    return raw_syscall(__NR_newfstatat, raw(AT_FDCWD), raw(path), raw(&facts), raw(long{flags}));
}

bool may_execute(const char* path) {
    return raw_syscall(__NR_faccessat2, raw(AT_FDCWD), raw(path), X_OK, AT_EACCESS) != -EACCES;
}

/// Which folder on the way to `path` can't be passed; the detail names it as far as it has room.
void look_at_way(const char* path, int error, ChildFailure& failure) {
    auto& prefix = failure.detail;
    for (std::size_t at = 0; path[at] != '\0' && at + 1 < prefix.size(); ++at) {
        if (path[at] == '/' && at > 0) {
            prefix[at] = '\0';
            struct stat facts {};
            if (stat_raw(prefix.data(), facts) < 0) {
                break;
            }
            if (error == ENOTDIR && !S_ISDIR(facts.st_mode)) {
                failure.problem = ExecProblem::not_a_folder;
                return;
            }
            if (error == EACCES && !may_execute(prefix.data())) {
                failure.problem = ExecProblem::folder_closed;
                return;
            }
        }
        prefix[at] = path[at];
    }
    prefix[0] = '\0';
}

/// The file can't be reached.
void look_at_missing(const char* path, long result, ChildFailure& failure) {
    struct stat facts {};
    if (result == -ENOTDIR || result == -EACCES) {
        look_at_way(path, static_cast<int>(-result), failure);
    } else if (result == -ELOOP) {
        failure.problem = ExecProblem::link_loop;
    } else if (result == -ENOENT && stat_raw(path, facts, AT_SYMLINK_NOFOLLOW) == 0) {
        failure.problem = ExecProblem::dangling_link;
        const long length = raw_syscall(__NR_readlinkat, raw(AT_FDCWD), raw(path),
                                        raw(failure.detail.data()), failure.detail.size() - 1);
        failure.detail[length < 0 ? 0 : static_cast<std::size_t>(length)] = '\0';
    } else if (result == -ENOENT) {
        failure.problem = ExecProblem::missing;
    }
}

/// EACCES of a file that is there.
bool look_at_rights(const char* path, const struct stat& facts, ChildFailure& failure) {
    struct statfs mount {};
    if (raw_syscall(__NR_statfs, raw(path), raw(&mount)) == 0 &&
        (static_cast<long>(mount.f_flags) & kMountedNoexec) != 0) {
        failure.problem = ExecProblem::noexec_mount;
    } else if ((facts.st_mode & kAnyExecute) == 0) {
        failure.problem = ExecProblem::not_executable;
    } else if (!may_execute(path)) {
        failure.problem = ExecProblem::not_executable_by_user;
    } else {
        return false;
    }
    return true;
}

bool is_blank(std::uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

/// The interpreter of a #! line. False: there is none.
bool interpreter_of(const File& file, char (&name)[kHeadSize], ChildFailure& failure) {
    std::size_t end = 2;
    while (end < file.size() && file.byte(end) != '\n') {
        ++end;
    }
    std::size_t begin = 2;
    while (begin < end && is_blank(file.byte(begin))) {
        ++begin;
    }
    std::size_t length = 0;
    while (begin + length < end && !is_blank(file.byte(begin + length)) &&
           file.byte(begin + length) != 0) {
        name[length] = file.head()[begin + length];
        ++length;
    }
    name[length] = '\0';
    if (length == 0) {
        failure.problem = ExecProblem::interpreter_line_empty;
        return false;
    }
    if (begin + length == kHeadSize) {
        failure.problem = ExecProblem::interpreter_line_too_long;
        return false;
    }
    return true;
}

/// The loader that an ELF file names (PT_INTERP). False: none, or it can't be read.
template <typename Header, typename Segment>
bool loader_of(const File& file, char (&name)[kHeadSize]) {
    Header header{};
    if (file.read(reinterpret_cast<char*>(&header), sizeof(header), 0) !=
        static_cast<long>(sizeof(header))) {
        return false;
    }
    for (int index = 0; index < header.e_phnum && index < kProgramHeadersMax; ++index) {
        Segment segment{};
        const std::uint64_t offset =
            header.e_phoff + static_cast<std::uint64_t>(index) * sizeof(segment);
        if (file.read(reinterpret_cast<char*>(&segment), sizeof(segment), offset) !=
            static_cast<long>(sizeof(segment))) {
            return false;
        }
        if (segment.p_type == PT_INTERP) {
            const std::size_t size =
                segment.p_filesz < kHeadSize - 1 ? segment.p_filesz : kHeadSize - 1;
            const long length = file.read(name, size, segment.p_offset);
            name[length < 0 ? 0 : length] = '\0';
            return length > 0;
        }
    }
    return false;
}

const char* machine_name(std::uint16_t machine) {
    switch (machine) {
        case EM_386:
            return "32-bit x86";
        case EM_X86_64:
            return "x86-64";
        case EM_ARM:
            return "32-bit ARM";
        case EM_AARCH64:
            return "64-bit ARM";
        case EM_RISCV:
            return "RISC-V";
        case EM_PPC64:
            return "POWER";
        case EM_S390:
            return "s390";
        case EM_MIPS:
            return "MIPS";
        default:
            return "an architecture that svcd has no name for";
    }
}

/// ENOEXEC of an ELF file.
void look_at_elf(const File& file, ChildFailure& failure) {
    const bool is_big_endian = file.byte(EI_DATA) == ELFDATA2MSB;
    const auto number = [&](std::size_t at) {
        const unsigned low = file.byte(is_big_endian ? at + 1 : at);
        const unsigned high = file.byte(is_big_endian ? at : at + 1);
        return static_cast<std::uint16_t>(high << 8U | low);
    };
    constexpr std::size_t kTypeAt = EI_NIDENT;
    constexpr std::size_t kMachineAt = EI_NIDENT + 2;
    const std::uint16_t type = number(kTypeAt);
    failure.problem = ExecProblem::damaged_elf;
    if (file.size() <= kMachineAt + 1) {
        return;
    }
    if (number(kMachineAt) != kOwnMachine || is_big_endian) {
        failure.problem = ExecProblem::foreign_architecture;
        set_detail(failure, machine_name(number(kMachineAt)));
    } else if (type == ET_REL || type == ET_CORE) {
        failure.problem = ExecProblem::not_a_program;
        set_detail(failure,
                   type == ET_REL ? "an object file, which is still to be linked" : "a core dump");
    }
}

/// ENOEXEC of any other file.
void look_at_format(const File& file, ChildFailure& failure) {
    constexpr std::uint8_t kSpace = 0x20;
    if (file.size() == 0) {
        failure.problem = ExecProblem::empty_file;
    } else if (file.begins_with("\x7f"
                                "ELF",
                                4)) {
        look_at_elf(file, failure);
    } else if (file.begins_with("\xef\xbb\xbf", 3) || file.begins_with("\xff\xfe", 2) ||
               file.begins_with("\xfe\xff", 2)) {
        failure.problem = ExecProblem::byte_order_mark;
    } else {
        std::size_t at = 0;
        while (is_blank(file.byte(at)) || file.byte(at) == '\n' || file.byte(at) == '\r') {
            ++at;
        }
        const bool has_line = file.byte(at) == '#' && file.byte(at + 1) == '!';
        bool is_text = true;
        for (std::size_t index = 0; index < file.size(); ++index) {
            const std::uint8_t byte = file.byte(index);
            is_text = is_text && (byte >= kSpace || byte == '\t' || byte == '\n' || byte == '\r' ||
                                  byte == '\f');
        }
        failure.problem = at > 0 && has_line ? ExecProblem::interpreter_line_not_first
                          : is_text          ? ExecProblem::no_interpreter_line
                                             : ExecProblem::unknown_format;
    }
}

/// Follows `path` to what it is executed by. True: `next` is to be looked at.
bool look_at_one(const char* path,
                 bool is_interpreter,
                 char (&next)[kHeadSize],
                 ChildFailure& failure) {
    const int error = failure.error_number;
    struct stat facts {};
    const long found = stat_raw(path, facts);
    if (found < 0 && is_interpreter) {
        failure.problem = ends_with_return(path) ? ExecProblem::interpreter_carriage_return
                          : failure.problem == ExecProblem::loader_missing
                              ? ExecProblem::loader_missing
                          : found == -ENOENT ? ExecProblem::interpreter_missing
                                             : ExecProblem::interpreter_unusable;
        set_detail(failure, path);
        if (ends_with_return(path)) {
            std::size_t length = 0;
            while (path[length] != '\r') {
                ++length;
            }
            set_detail(failure, path, length);
        }
        return false;
    }
    if (found < 0) {
        look_at_missing(path, found, failure);
        return false;
    }
    failure.problem = ExecProblem::none;
    if (!S_ISREG(facts.st_mode)) {
        failure.problem = S_ISDIR(facts.st_mode) ? ExecProblem::directory : ExecProblem::not_a_file;
    } else if (error == ETXTBSY || error == E2BIG) {
        failure.problem = error == E2BIG ? ExecProblem::arguments_too_long : ExecProblem::text_busy;
    } else if (error != EACCES || !look_at_rights(path, facts, failure)) {
        const File file{path};
        if (!file.is_open()) {
            failure.problem =
                error == ENOENT ? ExecProblem::interpreter_missing : ExecProblem::none;
        } else if (file.begins_with("#!", 2)) {
            if (interpreter_of(file, next, failure)) {
                return true;
            }
        } else if (error == ENOEXEC) {
            look_at_format(file, failure);
        } else if (file.begins_with("\x7f"
                                    "ELF",
                                    4)) {
            failure.problem = ExecProblem::loader_missing;
            const bool is_wide = file.byte(EI_CLASS) == ELFCLASS64;
            if (is_wide ? loader_of<Elf64_Ehdr, Elf64_Phdr>(file, next)
                        : loader_of<Elf32_Ehdr, Elf32_Phdr>(file, next)) {
                return true;
            }
            failure.problem = ExecProblem::none;
        }
    }
    if (is_interpreter && failure.problem != ExecProblem::none) {
        failure.problem = ExecProblem::interpreter_unusable;
        set_detail(failure, path);
    }
    return false;
}

}  // namespace

void look_at_executable(const char* path, ChildFailure& failure) {
    char names[2][kHeadSize];
    const char* at = path;
    for (int depth = 0; depth < kInterpretersMax; ++depth) {
        if (!look_at_one(at, depth > 0, names[depth % 2], failure)) {
            return;
        }
        at = names[depth % 2];
    }
}

}  // namespace svcd
