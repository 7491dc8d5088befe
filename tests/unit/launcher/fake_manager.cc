// A manager without policy, for the tests of the launcher: it does what lines on its standard input
// say and answers each with a line on its standard output. Managers that follow one another read
// the same input, byte by byte, so a line is for whoever reads it.
//
//   spawn TOKEN exit STATUS | kill SIGNAL | pause | deaf | orphan     claim a slot and clone3
//   claim TOKEN | look TOKEN | release TOKEN | strangers | exits | wait-exits COUNT
//   put NAME | drop NAME | list | ready
//   requests | clear | wait-requests | orphans
//   garbage            a malformed message on the link; prints the launcher's answer
//   env NAME | fds | mounts     what the launcher left us
//   burst COUNT        spawn so many, and check the end of each
//   hostile TURNS      scribbles over all of the table but its end, sends anything, spawns
//   meanwhile die SIGNAL | end STATUS | leave STATUS      "leave" sets the final status first
//   leave-at-once STATUS | leave-soon STATUS    the same, without SIGTERM; within 1 s
//
// With the argument `storm COUNT` it works by itself instead, writing ahead as the real one does
// (see storm()).
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/protocol.h"
#include "state/fd_store.h"
#include "state/process_table.h"

namespace svcd {
namespace {

void print(const std::string& line) {
    const std::string whole = line + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, whole.data(), whole.size());
}

[[noreturn]] void fail(const std::string& why) {
    print("error " + why);
    ::_exit(99);
}

/// What a child does. It shares nothing with us and uses system calls only.
struct Life {
    std::string verb = "pause";
    int number = 0;
};

[[noreturn]] void live(const char* verb, int number) {
    sigset_t blocked;
    ::sigemptyset(&blocked);
    if (verb[0] == 'd') {  // deaf: but for SIGKILL
        ::sigfillset(&blocked);
    }
    ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
    switch (verb[0]) {
        case 'e':  // exit
            ::syscall(SYS_exit_group, number);
            break;
        case 'k':  // kill
            ::syscall(SYS_kill, ::syscall(SYS_getpid), number);
            break;
        case 'o':  // orphan: leaves a child behind that ends after it
            if (::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) {
                while (::syscall(SYS_getppid) != number) {
                    ::syscall(SYS_sched_yield);
                }
            }
            ::syscall(SYS_exit_group, 0);
            break;
        default:
            break;
    }
    for (;;) {
        ::syscall(SYS_pause);
    }
}

pid_t spawn(ProcessTable& table, Token token, const Life& life) {
    Result<std::atomic<std::int32_t>*> cell = table.claim(token);
    if (!cell) {
        fail(to_string(cell.error()));
    }
    clone_args arguments{};
    arguments.flags = CLONE_PARENT | CLONE_PARENT_SETTID;
    arguments.parent_tid = reinterpret_cast<std::uintptr_t>(*cell);
    const int number = life.verb == "orphan" ? ::getppid() : life.number;
    // The child is deaf from its first moment on, until live() sets its own mask.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) {
        live(life.verb.c_str(), number);
    }
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) {
        fail("clone3");
    }
    return static_cast<pid_t>(pid);
}

void wait_for_poke() {
    pollfd poke{kPokeFd, POLLIN, 0};
    while (::poll(&poke, 1, -1) < 0) {
    }
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = ::read(kPokeFd, &count, sizeof count);
}

std::string describe(const ExitRecord& exit) {
    std::ostringstream text;
    text << serial_of(exit.token) << ':' << static_cast<int>(exit.code) << ':' << exit.status;
    return text.str();
}

std::string join(std::vector<std::string> words) {
    std::sort(words.begin(), words.end());
    std::string text;
    for (const std::string& word : words) {
        text += " " + word;
    }
    return text;
}

std::vector<std::string> take(ProcessTable& table, std::size_t at_least) {
    std::vector<std::string> found;
    for (;;) {
        for (const ExitRecord& exit : table.take_exits()) {
            found.push_back(describe(exit));
        }
        if (found.size() >= at_least) {
            return found;
        }
        wait_for_poke();
    }
}

/// How the process of a token has to end in burst() and storm().
bool is_right_end(const ExitRecord& exit) {
    const std::uint64_t serial = serial_of(exit.token);
    if (serial % 5 == 0) {
        return exit.code == ExitCode::killed && exit.status == SIGKILL;
    }
    return exit.code == ExitCode::exited && exit.status == static_cast<int>(serial % 251);
}

Life life_of(Token token) {
    const std::uint64_t serial = serial_of(token);
    return serial % 5 == 0 ? Life{"kill", SIGKILL} : Life{"exit", static_cast<int>(serial % 251)};
}

void burst(ProcessTable& table, std::uint64_t count) {
    std::map<Token, int> seen;
    std::size_t wrong = 0;
    const auto look = [&] {
        std::size_t taken = kExitsPerTake;
        while (taken ==
               kExitsPerTake) {  // there may be more than one take holds, and no poke for it
            taken = 0;
            for (const ExitRecord& exit : table.take_exits()) {
                wrong += is_right_end(exit) ? 0U : 1U;
                ++seen[exit.token];
                table.release(exit.token);
                ++taken;
            }
        }
    };
    for (std::uint64_t serial = 1; serial <= count; ++serial) {
        spawn(table, make_token(serial, static_cast<std::uint32_t>(serial)),
              life_of(make_token(serial, 0)));
        look();
    }
    while (seen.size() < count) {
        wait_for_poke();
        look();
    }
    const auto doubled = std::count_if(seen.begin(), seen.end(),
                                       [](const auto& entry) { return entry.second != 1; });
    print("burst " + std::to_string(seen.size()) + " wrong " + std::to_string(wrong) + " doubled " +
          std::to_string(doubled));
}

/// Runs `count` processes to their end, at most 32 at a time, as a real manager would: the intent
/// is written before the spawn, the end before the slot is released, and a new manager goes on from
/// the two files (8 bytes each; a wrong end has the top bit set). `manager` holds its PID. When all
/// have ended it waits for a line, and leaves.
void storm(ProcessTable& table, std::uint64_t count) {
    constexpr std::uint64_t kWrong = std::uint64_t{1} << 63U;
    const int intents = ::open("intents", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int ends = ::open("ends", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    std::ofstream("manager.new") << ::getpid();
    std::rename("manager.new", "manager");
    std::set<Token> open;
    std::uint64_t number = 0;
    std::uint64_t next = 1;
    while (::read(intents, &number, sizeof number) == sizeof number) {
        open.insert(static_cast<Token>(number));
        next = std::max(next, serial_of(static_cast<Token>(number)) + 1);
    }
    while (::read(ends, &number, sizeof number) == sizeof number) {
        open.erase(static_cast<Token>(number & ~kWrong));
    }
    const std::vector<Token> known(open.begin(), open.end());
    for (const TableEntry& stranger : table.strangers(known)) {
        table.release(stranger.token);
    }
    for (const Token token : known) {
        const ProcessFact::State state = table.look(token).state;
        if (state == ProcessFact::State::never_spawned || state == ProcessFact::State::lost) {
            spawn(table, token, life_of(token));  // lost: the intent was written, not yet claimed
        }
    }
    while (!open.empty() || next <= count) {
        while (open.size() < 32 && next <= count) {
            std::uint32_t slot = 0;
            while (std::any_of(open.begin(), open.end(),
                               [&](Token token) { return slot_of(token) == slot; })) {
                ++slot;
            }
            const Token token = make_token(next++, slot);
            number = static_cast<std::uint64_t>(token);
            if (::write(intents, &number, sizeof number) != sizeof number) {
                fail("write");
            }
            open.insert(token);
            spawn(table, token, life_of(token));
        }
        wait_for_poke();
        for (const ExitRecord& exit : table.take_exits()) {
            number = static_cast<std::uint64_t>(exit.token) | (is_right_end(exit) ? 0 : kWrong);
            if (::write(ends, &number, sizeof number) != sizeof number) {
                fail("write");
            }
            table.release(exit.token);
            open.erase(exit.token);
        }
    }
    char word = 0;  // the test has killed enough of us
    while (::read(STDIN_FILENO, &word, 1) != 1) {
    }
    table.set_end({});
    ::_exit(0);
}

/// Any words anywhere in the table but where it tells svcd to end, any messages, and children that
/// end meanwhile; `turns` times. After that nothing in the table means anything.
void hostile(int turns) {
    void* memory = ::mmap(nullptr, kTableSize, PROT_READ | PROT_WRITE, MAP_SHARED, kTableFd, 0);
    if (memory == MAP_FAILED) {
        fail("mmap");
    }
    auto* words = static_cast<std::uint64_t*>(memory);
    std::uint64_t random = 88172645463325252ULL;
    const auto next = [&random] {
        random ^= random << 13U;
        random ^= random >> 7U;
        random ^= random << 17U;
        return random;
    };
    auto* header = static_cast<TableHeader*>(memory);
    for (int turn = 0; turn < turns; ++turn) {
        clone_args arguments{};
        arguments.flags = CLONE_PARENT;
        if (::syscall(SYS_clone3, &arguments, sizeof arguments) == 0) {
            ::syscall(SYS_exit_group, turn % 7);
        }
        for (int count = 0; count < 2000; ++count) {
            // Every second time in the header or the first slots, which the launcher looks at.
            const std::size_t range = (count % 2 == 0 ? kSlotsOffset + 4096 : kTableSize) / 8;
            words[next() % range] = count % 3 == 0 ? next() : next() % 4;
            header->final_status = 0;
        }
        std::array<unsigned char, sizeof(LinkMessage)> message{};
        message[0] = static_cast<unsigned char>(next() % 8);
        message[8] = static_cast<unsigned char>(next());
        const std::size_t size = turn % 3 == 0 ? next() % message.size() : message.size();
        ::send(kLinkFd, message.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
        const std::uint64_t full = ~std::uint64_t{1};
        ::fcntl(kPokeFd, F_SETFL, O_NONBLOCK);
        [[maybe_unused]] const ssize_t written = ::write(kPokeFd, &full, sizeof full);
        ::fcntl(kPokeFd, F_SETFL, turn % 2 == 0 ? 0 : O_NONBLOCK);
    }
    ::fcntl(kPokeFd, F_SETFL, O_NONBLOCK);
    header->final_status = 0;
}

std::string word_of(ProcessFact::State state) {
    switch (state) {
        case ProcessFact::State::none:
            return "none";
        case ProcessFact::State::never_spawned:
            return "never_spawned";
        case ProcessFact::State::alive:
            return "alive";
        case ProcessFact::State::exited:
            return "exited";
        case ProcessFact::State::lost:
            return "lost";
    }
    return "?";
}

std::string outcome(const Result<void>& result) {
    return result ? "ok" : "refused " + to_string(result.error());
}

std::string list(FdStore& store) {
    Result<std::vector<StoredFd>> stored = store.list();
    if (!stored) {
        return "refused " + to_string(stored.error());
    }
    std::vector<std::string> items;
    for (const StoredFd& item : *stored) {
        // put() stores memfds with their name as content.
        std::array<char, 256> content{};
        const ssize_t size = ::pread(item.fd.get(), content.data(), content.size(), 0);
        const bool is_same =
            std::string(content.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))) ==
            item.name;
        items.push_back(item.name + (is_same ? "" : "!"));
    }
    return "list" + join(items);
}

std::string put(FdStore& store, const std::string& name) {
    const UniqueFd file{::memfd_create("stored", MFD_CLOEXEC)};
    [[maybe_unused]] const ssize_t size = ::write(file.get(), name.data(), name.size());
    return outcome(store.put(name, file.get()));
}

std::string garbage() {
    LinkMessage answer{};
    ::send(kLinkFd, "?", 1, 0);
    if (::recv(kLinkFd, &answer, sizeof answer, 0) != sizeof answer) {
        return "no answer";
    }
    return "answer " + std::to_string(answer.status);
}

std::string open_fds() {
    std::vector<std::string> fds;
    for (int fd = 0; fd < 1024; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0) {
            fds.push_back(std::to_string(fd));
        }
    }
    return "fds" + join(fds);
}

/// File systems at the places where a first process has to mount them.
std::string mounts() {
    constexpr std::array<std::string_view, 5> kPlaces{"/proc", "/sys", "/dev", "/run",
                                                      "/sys/fs/cgroup"};
    std::ifstream file("/proc/self/mounts");
    std::vector<std::string> types;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string source;
        std::string place;
        std::string type;
        words >> source >> place >> type;
        if (std::find(kPlaces.begin(), kPlaces.end(), place) != kPlaces.end()) {
            types.push_back(type);
        }
    }
    return "mounts" + join(types);
}

class Dialogue {
public:
    Dialogue(ProcessTable& table, FdStore& store) : table_(table), store_(store) {}

    std::string answer(const std::string& line) {
        std::istringstream words(line);
        std::string verb;
        words >> verb;
        if (verb == "put" || verb == "drop") {
            std::string name;
            words >> name;
            return verb == "put" ? put(store_, name) : outcome(store_.drop(name));
        }
        if (verb == "list") {
            return list(store_);
        }
        if (verb == "env") {
            std::string name;
            words >> name;
            const char* value = std::getenv(name.c_str());
            return value != nullptr ? value : "(none)";
        }
        if (verb == "garbage" || verb == "fds") {
            return verb == "fds" ? open_fds() : garbage();
        }
        if (verb == "ready") {
            return outcome(store_.ready());
        }
        if (verb == "mounts") {
            return mounts();
        }
        if (verb == "strangers") {
            return "strangers " + std::to_string(table_.strangers({}).size());
        }
        if (verb == "exits") {
            return "exits" + join(take(table_, 0));
        }
        if (verb == "requests" || verb == "wait-requests") {
            while (verb == "wait-requests" && table_.requests() == 0) {
                wait_for_poke();
            }
            return "requests " + std::to_string(table_.requests());
        }
        if (verb == "clear") {
            table_.clear_requests(~0U);
            return "ok";
        }
        if (verb == "orphans") {
            return "orphans " + std::to_string(table_.orphans_reaped());
        }
        std::uint64_t number = 0;
        words >> number;
        return answer(verb, number, words);
    }

private:
    std::string answer(const std::string& verb, std::uint64_t number, std::istringstream& words) {
        const Token token = make_token(number, static_cast<std::uint32_t>(number));
        const int status = static_cast<int>(number);
        if (verb == "spawn") {
            Life life;
            words >> life.verb >> life.number;
            return "pid " + std::to_string(spawn(table_, token, life));
        }
        if (verb == "claim") {
            const auto cell = table_.claim(token);
            return cell ? "ok" : "refused " + to_string(cell.error());
        }
        if (verb == "look") {
            return word_of(table_.look(token).state);
        }
        if (verb == "release") {
            table_.release(token);
            return "ok";
        }
        if (verb == "wait-exits") {
            return "exits" + join(take(table_, number));
        }
        if (verb == "burst") {
            burst(table_, number);
            return "ok";
        }
        if (verb == "hostile") {
            hostile(status);
            return "ok";
        }
        if (verb == "die") {
            ::kill(::getpid(), status);
        }
        if (verb == "leave") {
            table_.set_end({.status = status});
            ::_exit(0);
        }
        if (verb == "leave-at-once") {
            table_.set_end({.status = status, .at_once = true});
            ::_exit(0);
        }
        if (verb == "leave-soon") {
            timespec now{};
            ::clock_gettime(CLOCK_MONOTONIC, &now);
            const Time soon{std::chrono::seconds{now.tv_sec + 1}};
            table_.set_end({.status = status, .deadline = soon});
            ::_exit(0);
        }
        if (verb == "end") {
            ::_exit(status);
        }
        return "what?";
    }

    ProcessTable& table_;
    FdStore& store_;
};

bool read_line(std::string& line) {
    line.clear();
    for (char letter = 0; ::read(STDIN_FILENO, &letter, 1) == 1;) {
        if (letter == '\n') {
            return true;
        }
        line += letter;
    }
    return false;
}

int run(int count, char** arguments) {
    Result<ProcessTable> table = ProcessTable::attach(UniqueFd{kTableFd});
    if (!table) {
        fail(to_string(table.error()));
    }
    FdStore store{UniqueFd{kLinkFd}};
    std::vector<std::string> words(arguments, arguments + count);
    for (std::size_t at = 1; at < words.size(); ++at) {
        if (words[at] == "storm") {
            storm(*table, std::stoul(words.at(at + 1)));
        }
        if (words[at] == "crash") {
            ::kill(::getpid(), SIGKILL);
        }
        if (words[at] == "refuse") {
            ::_exit(42);  // a search for leaks needs the /proc of its own PID namespace
        }
    }
    print("started " + std::to_string(table->manager_starts()) + " pid " +
          std::to_string(::getpid()) + " arguments" + [&] {
              std::string text;
              for (std::size_t at = 1; at < words.size(); ++at) {
                  text += " " + words[at];
              }
              return text;
          }());
    Dialogue dialogue{*table, store};
    for (std::string line; read_line(line);) {
        print(dialogue.answer(line));
    }
    return 0;
}

}  // namespace
}  // namespace svcd

int main(int count, char** arguments) {
    return svcd::run(count, arguments);
}
