#include "linux/notify_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/types/record.h"
#include "linux/procfs.h"

namespace svcd {
namespace {

using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

// ── what a message says

TEST(NotificationText, MayHoldEveryFieldAtOnce) {
    const auto parsed = parse_notification(
        "READY=1\nSTATUS=serving 3 clients\nMAINPID=42\nERRNO=2\nWATCHDOG=1\n"
        "WATCHDOG_USEC=5000000\nEXTEND_TIMEOUT_USEC=1000\nMONOTONIC_USEC=77\nRELOADING=1\nSTOPPING="
        "1\nX_OWN=1\n");
    const Notification& said = parsed.notification;
    EXPECT_TRUE(said.ready);
    EXPECT_TRUE(said.stopping);
    EXPECT_TRUE(said.reloading);
    EXPECT_TRUE(said.watchdog);
    EXPECT_FALSE(said.watchdog_trigger);
    EXPECT_THAT(said.status, Optional(Eq("serving 3 clients")));
    EXPECT_THAT(said.main_pid, Optional(42));
    EXPECT_THAT(said.error_number, Optional(2));
    EXPECT_THAT(said.watchdog_interval, Optional(Duration{5'000'000}));
    EXPECT_THAT(said.extend_timeout, Optional(Duration{1000}));
    EXPECT_THAT(said.monotonic, Optional(time_from_usec(77)));
    EXPECT_FALSE(parsed.barrier);
}

TEST(NotificationText, SaysNothingWithoutTheExactWords) {
    for (const char* text : {"", "\n\n", "READY", "READY=0", "READY=yes", "ready=1", " READY=1",
                             "READY=1 ", "=1", "WATCHDOG=2"}) {
        const Notification said = parse_notification(text).notification;
        EXPECT_FALSE(said.ready) << text;
        EXPECT_FALSE(said.watchdog) << text;
    }
}

TEST(NotificationText, LeavesBadValuesOut) {
    const Notification said = parse_notification(
                                  "MAINPID=x\nMAINPID=-1\nMAINPID=0\nERRNO=\nERRNO=99999999999\n"
                                  "WATCHDOG_USEC=-5\nEXTEND_TIMEOUT_USEC=1s\nMAINPID=5 ")
                                  .notification;
    EXPECT_FALSE(said.main_pid);
    EXPECT_FALSE(said.error_number);
    EXPECT_FALSE(said.watchdog_interval);
    EXPECT_FALSE(said.extend_timeout);
    EXPECT_FALSE(said.status);
}

TEST(NotificationText, TakesTheLastOfSeveral) {
    const Notification said =
        parse_notification("STATUS=a\nMAINPID=1\nSTATUS=b\nMAINPID=2").notification;
    EXPECT_THAT(said.status, Optional(Eq("b")));
    EXPECT_THAT(said.main_pid, Optional(2));
}

TEST(NotificationText, TakesAnInfiniteExtensionAsTheLongest) {
    EXPECT_THAT(
        parse_notification("EXTEND_TIMEOUT_USEC=18446744073709551615").notification.extend_timeout,
        Optional(kInfinity));
}

TEST(NotificationText, CutsAStatusAtAWholeCharacter) {
    const std::string status = std::string(kStatusTextMax - 1, 'a') + "\u00e4" + "tail";
    EXPECT_THAT(parse_notification("STATUS=" + status).notification.status,
                Optional(std::string(kStatusTextMax - 1, 'a')));
}

TEST(NotificationText, PutsAQuestionMarkForEachByteOfAStatusThatIsNotUtf8) {
    for (const char* bad : {"\x80", "\x9b", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
                            "\xf5\x80\x80\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
        EXPECT_THAT(parse_notification(std::string{"STATUS=a"} + bad + "z").notification.status,
                    Optional("a" + std::string(std::strlen(bad), '?') + "z"));
    }
    EXPECT_THAT(parse_notification("STATUS=a\xc3").notification.status, Optional(Eq("a?")));
    for (const char* good : {"", "\u00e4\u20ac", "\xf0\x9f\x98\x80"}) {
        EXPECT_THAT(parse_notification(std::string{"STATUS="} + good).notification.status,
                    Optional(Eq(good)));
    }
}

/// Every unprivileged service can send one, and root looks at it on a terminal.
TEST(NotificationText, PutsAQuestionMarkForEachControlCharacterOfAStatus) {
    EXPECT_THAT(parse_notification("STATUS=\x1b[2Ja\tb\x7f\xc2\x9b"
                                   "31mc\u00a0\u00e4")
                    .notification.status,
                Optional(Eq("?[2Ja?b??31mc\u00a0\u00e4")));
    EXPECT_THAT(
        parse_notification("STATUS=\u2027\u2028\u2029\u202a\u202e\u202f\u2065\u2066\u2069\u206a")
            .notification.status,
        Optional(Eq("\u2027????\u202f\u2065??\u206a")));
}

TEST(NotificationText, OfABarrierIsABarrierAlone) {
    const auto parsed = parse_notification("READY=1\nBARRIER=1");
    EXPECT_TRUE(parsed.barrier);
    EXPECT_FALSE(parsed.notification.ready);
}

TEST(NotificationText, MayEndWithANulButNotHoldOne) {
    EXPECT_TRUE(parse_notification(std::string_view{"READY=1\0", 8}).notification.ready);
    EXPECT_FALSE(parse_notification(std::string_view{"READY=1\0\nX=1", 12}).notification.ready);
}

// ── the socket

constexpr std::size_t kScmMaxFd = 253;  // of a message; the kernel's SCM_MAX_FD

class NotifySocket : public testing::Test {
protected:
    void SetUp() override {
        char folder[] = "/tmp/svcd-test-XXXXXX";
        ASSERT_NE(::mkdtemp(folder), nullptr);
        folder_ = folder;
        path_ = folder_ + "/notify";
        Result<UniqueFd> socket = make_notify_socket(path_);
        ASSERT_TRUE(socket) << to_string(socket.error());
        socket_ = std::move(*socket);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    void send(std::string_view text, const std::vector<int>& fds = {}) const {
        const UniqueFd sender{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
        std::string bytes{text};
        iovec part{bytes.data(), bytes.size()};
        msghdr message{};
        message.msg_name = &address;
        message.msg_namelen = sizeof(address);
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kScmMaxFd)> control{};
        if (!fds.empty()) {
            message.msg_control = control.data();
            message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
            cmsghdr* header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
            std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
        }
        ASSERT_EQ(::sendmsg(sender.get(), &message, 0), static_cast<ssize_t>(bytes.size()));
    }

    std::optional<NotifyDatagram> receive() const {
        Result<std::optional<NotifyDatagram>> datagram = peek_notification(socket_.get());
        EXPECT_TRUE(datagram);
        const auto again = peek_notification(socket_.get());  // nothing is lost by looking
        EXPECT_EQ(again && *again ? (**again).text : "", *datagram ? (**datagram).text : "");
        drop_notification(socket_.get(), datagram && *datagram && (**datagram).has_descriptors);
        return datagram ? std::move(*datagram) : std::nullopt;
    }

    static std::ptrdiff_t open_fds() {
        const std::filesystem::directory_iterator entries{"/proc/self/fd"};
        return std::distance(begin(entries), end(entries));
    }

    std::string folder_;
    std::string path_;
    UniqueFd socket_;
};

TEST_F(NotifySocket, HasNothingAtFirstAndMayBeWrittenToByAll) {
    EXPECT_FALSE(receive());
    struct stat facts {};
    ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0666U);
}

TEST_F(NotifySocket, KnowsTheSenderAndItsCgroup) {
    send("READY=1");
    const auto datagram = receive();
    ASSERT_TRUE(datagram);
    EXPECT_EQ(datagram->text, "READY=1");
    EXPECT_EQ(datagram->sender, ::getpid());
    EXPECT_EQ(datagram->uid, ::getuid());
    EXPECT_EQ(datagram->place, cgroup_of(::getpid()).value_or(""));
    EXPECT_FALSE(datagram->has_descriptors);
    EXPECT_FALSE(receive());
}

TEST_F(NotifySocket, KnowsTheSenderButNoCgroupOnceTheSenderIsGone) {
    const pid_t child = ::fork();
    if (child == 0) {
        send("READY=1");
        ::_exit(0);
    }
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const auto datagram = receive();
    ASSERT_TRUE(datagram);
    EXPECT_EQ(datagram->sender, child);
    EXPECT_EQ(datagram->place, "");
}

TEST_F(NotifySocket, ClosesDescriptorsWithTheMessageTheyCameWith) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    send("BARRIER=1", {ends[1], ends[1]});
    ::close(ends[1]);
    const auto before = open_fds();
    const auto datagram = peek_notification(socket_.get());
    ASSERT_TRUE(datagram && *datagram);
    EXPECT_EQ((**datagram).text, "BARRIER=1");
    EXPECT_TRUE((**datagram).has_descriptors);
    EXPECT_EQ((**datagram).sender, ::getpid());
    EXPECT_EQ(open_fds(), before) << "they are never ours";
    pollfd entry{ends[0], POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, 0), 0);
    drop_notification(socket_.get(), true);
    EXPECT_EQ(::poll(&entry, 1, 0), 1);
    ::close(ends[0]);
}

TEST_F(NotifySocket, DropsAMessageThatIsTooLongWithItsDescriptors) {
    const auto before = open_fds();
    send(std::string(kNotifyMax + 1, 'x'), {socket_.get()});
    send("READY=1\n" + std::string(kNotifyMax * 4, 'x'), {socket_.get()});
    for (int round = 0; round < 2; ++round) {
        const auto datagram = receive();
        ASSERT_TRUE(datagram);
        EXPECT_EQ(datagram->text, "");
    }
    send(std::string(kNotifyMax, 'x'));
    EXPECT_THAT(receive()->text, SizeIs(kNotifyMax));
    EXPECT_EQ(open_fds(), before);
}

TEST_F(NotifySocket, HearsWhatCameWithAsManyDescriptorsAsThereCanBe) {
    const auto before = open_fds();
    send("FDSTORE=1\nSTATUS=x", std::vector<int>(kScmMaxFd, socket_.get()));
    EXPECT_EQ(receive()->text, "FDSTORE=1\nSTATUS=x");
    EXPECT_EQ(open_fds(), before);
}

TEST_F(NotifySocket, IsMadeAnewOverOneThatIsLeftFromBefore) {
    EXPECT_TRUE(make_notify_socket(path_));
}

TEST_F(NotifySocket, SaysThatItsPathIsTooLong) {
    const auto socket = make_notify_socket(folder_ + "/" + std::string(100, 'x'));
    ASSERT_FALSE(socket);
    EXPECT_THAT(to_string(socket.error()), HasSubstr("use a shorter runtime directory"));
}

}  // namespace
}  // namespace svcd
