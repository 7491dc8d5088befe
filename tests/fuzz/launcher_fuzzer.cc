// A hostile manager: all that the launcher reads from one. Each input is a row of what the manager
// does to the link and to the table's memory, with the launcher's own steps in between. Whatever
// comes, the launcher may not crash, hang, or keep a descriptor that nobody stored.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "fuzz/target.h"
#include "launcher/launcher.h"
#include "start/descriptors.h"

namespace {

using svcd::LinkKind;
using svcd::LinkMessage;
using svcd::fuzz::Bytes;
using svcd::fuzz::require;

constexpr unsigned kPatience = 20;  // seconds, for an input
constexpr int kFdsMax = 3;

/// The descriptors have fixed numbers, so this is done before anybody opens others.
unsigned char* make_launcher() {
    if (!svcd::make_table() || !svcd::table::map()) {
        std::abort();
    }
    void* memory =
        ::mmap(nullptr, svcd::kTableSize, PROT_READ | PROT_WRITE, MAP_SHARED, svcd::kTableFd, 0);
    if (memory == MAP_FAILED) {
        std::abort();
    }
    svcd::log_fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    sigset_t ends;
    ::sigemptyset(&ends);
    ::sigaddset(&ends, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
    return static_cast<unsigned char*>(memory);
}

unsigned char* const table_memory = make_launcher();

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator{"/proc/self/fd"}) {
        ++count;
    }
    return count;
}

class HostileManager {
public:
    HostileManager() : link_(svcd::link::open()) { require(link_ >= 0); }
    HostileManager(const HostileManager&) = delete;
    HostileManager& operator=(const HostileManager&) = delete;
    ~HostileManager() { ::close(link_); }

    void send(const void* bytes, std::size_t size, int fds) {
        iovec part{const_cast<void*>(bytes), size};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kFdsMax)> control{};
        if (fds > 0) {
            header.msg_control = control.data();
            header.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<unsigned>(fds));
            cmsghdr* rights = CMSG_FIRSTHDR(&header);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<unsigned>(fds));
            for (int index = 0; index < fds; ++index) {
                std::memcpy(CMSG_DATA(rights) + sizeof(int) * static_cast<unsigned>(index), &link_,
                            sizeof link_);
            }
        }
        [[maybe_unused]] const ssize_t sent =
            ::sendmsg(link_, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    /// The next answer; its descriptor is closed. False: there is none.
    bool take(LinkMessage& answer) {
        iovec part{&answer, sizeof answer};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr header{nullptr, 0, &part, 1, control.data(), control.size(), 0};
        if (::recvmsg(link_, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != ssize_t{sizeof answer}) {
            return false;
        }
        require(answer.kind == LinkKind::item || answer.kind == LinkKind::done);
        require(std::memchr(answer.name, '\0', sizeof answer.name) != nullptr);
        const cmsghdr* rights = CMSG_FIRSTHDR(&header);
        require((rights != nullptr) == (answer.kind == LinkKind::item));
        if (rights != nullptr) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
            ::close(fd);
        }
        return true;
    }

private:
    int link_;
};

void send_request(HostileManager& manager, Bytes& input) {
    LinkMessage message{};
    message.kind = static_cast<LinkKind>(input.byte() % 9);
    message.status = static_cast<std::int32_t>(input.number(1));
    const std::size_t length = input.byte();
    std::memset(message.name, 'a' + static_cast<int>(input.byte() % 4),
                length < sizeof message.name ? length : sizeof message.name);
    manager.send(&message, sizeof message, static_cast<int>(input.byte()) % (kFdsMax + 1));
}

void send_bytes(HostileManager& manager, Bytes& input) {
    std::array<unsigned char, 2 * sizeof(LinkMessage)> bytes{};
    const std::size_t size = input.number(2) % bytes.size();
    for (std::size_t at = 0; at < size && !input.is_over(); ++at) {
        bytes[at] = static_cast<unsigned char>(input.byte());
    }
    manager.send(bytes.data(), size, static_cast<int>(input.byte()) % (kFdsMax + 1));
}

void scribble(Bytes& input) {
    const std::size_t at = input.number(3) % (svcd::kTableSize / 8);
    const std::uint64_t value = input.number(8);
    std::memcpy(table_memory + at * 8, &value, sizeof value);
}

void scribble_slot(Bytes& input) {
    auto* slots = reinterpret_cast<svcd::ProcessSlot*>(table_memory + svcd::kSlotsOffset);
    const std::uint64_t index = input.number(2);
    slots[index].pid = static_cast<std::int32_t>(input.number(1));
    slots[index].token = input.number(1);
    slots[index].state = static_cast<std::uint32_t>(input.number(1) % 4);
    auto* header = reinterpret_cast<svcd::TableHeader*>(table_memory);
    header->used = static_cast<std::uint32_t>(index + input.number(1) % 3);
}

/// What the launcher does of itself.
void take_launcher_step(Bytes& input) {
    svcd::EndOrder end;
    switch (input.byte() % 5) {
        case 0:
            svcd::table::record_exit(static_cast<pid_t>(input.number(1)),
                                     static_cast<int>(input.number(1)),
                                     static_cast<int>(input.number(1)));
            break;
        case 1:
            svcd::table::request(static_cast<std::uint32_t>(input.number(2)));
            break;
        case 2:
            svcd::table::read_end(end);
            require(end.status >= 0 && end.status <= 255);
            break;
        case 3:
            svcd::table::count_start();
            svcd::table::is_unused();
            break;
        default:
            svcd::table::poke();
            break;
    }
}

/// The open file is the manager's too.
void fill_poke() {
    const std::uint64_t most = ~std::uint64_t{1};
    ::fcntl(svcd::kPokeFd, F_SETFL, O_NONBLOCK);
    [[maybe_unused]] const ssize_t written = ::write(svcd::kPokeFd, &most, sizeof most);
    ::fcntl(svcd::kPokeFd, F_SETFL, 0);
    svcd::table::poke();
}

void serve() {
    svcd::link::serve();
    const pollfd source = svcd::link::source();
    require(source.events == POLLIN || source.events == POLLOUT);
    // Those that close a descriptor for us.
    siginfo_t end{};
    while (::waitid(P_ALL, 0, &end, WEXITED | WNOHANG | __WALL) == 0 && end.si_pid != 0) {
        end = {};
    }
}

/// Empties the store, as a manager that is none too hostile can.
void drop_all() {
    HostileManager manager;
    LinkMessage request{};
    request.kind = LinkKind::list;
    manager.send(&request, sizeof request, 0);
    std::vector<LinkMessage> stored;
    for (LinkMessage answer{}; answer.kind != LinkKind::done || stored.empty();) {
        svcd::link::serve();
        require(manager.take(answer));
        stored.push_back(answer);
    }
    stored.pop_back();
    for (LinkMessage& item : stored) {
        item.kind = LinkKind::drop;
        manager.send(&item, sizeof item, 0);
        svcd::link::serve();
        LinkMessage answer{};
        require(manager.take(answer) && answer.kind == LinkKind::done && answer.status == 0);
    }
}

}  // namespace

void svcd::fuzz::try_input(std::string_view bytes) {
    ::alarm(kPatience);
    std::memset(table_memory + 8, 0, svcd::kSlotsOffset - 8);
    // A link of its own, so that the launcher has one before and after.
    { const HostileManager first; }
    const std::size_t before = open_descriptors();
    {
        Bytes input{bytes};
        auto manager = std::make_unique<HostileManager>();
        while (!input.is_over()) {
            LinkMessage answer{};
            switch (input.byte() % 9) {
                case 0:
                    send_request(*manager, input);
                    break;
                case 1:
                    send_bytes(*manager, input);
                    break;
                case 2:
                    scribble(input);
                    break;
                case 3:
                    scribble_slot(input);
                    break;
                case 4:
                    take_launcher_step(input);
                    break;
                case 5:
                    manager->take(answer);
                    break;
                case 6:
                    manager = nullptr;
                    serve();
                    manager = std::make_unique<HostileManager>();
                    break;
                case 7:
                    fill_poke();
                    break;
                default:
                    serve();
                    break;
            }
        }
    }
    serve();
    drop_all();
    { const HostileManager last; }
    require(svcd::wait_for(0, svcd::now_usec() + kPatience * 1'000'000LL) == 0);
    require(open_descriptors() == before);
    ::alarm(0);
}
