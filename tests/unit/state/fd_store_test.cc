#include "state/fd_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace svcd {
namespace {

using ::testing::HasSubstr;

/// The launcher's end of a link. What it answers is put into the link before it is asked.
class Link {
public:
    Link() {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        ours_.reset(ends[0]);
        its_.reset(ends[1]);
    }
    UniqueFd its() { return std::move(its_); }
    void done(int status) { send(LinkKind::done, "", status); }
    void item(const std::string& name) { send(LinkKind::item, name, 0); }
    void hang_up() { ours_.reset(); }
    LinkMessage asked() {
        LinkMessage message{};
        EXPECT_EQ(::recv(ours_.get(), &message, sizeof message, 0), ssize_t{sizeof message});
        return message;
    }

private:
    void send(LinkKind kind, const std::string& name, int status) {
        LinkMessage message{};
        message.kind = kind;
        message.status = status;
        name.copy(message.name, sizeof message.name - 1);
        iovec part{&message, sizeof message};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        if (kind == LinkKind::item) {
            header.msg_control = control.data();
            header.msg_controllen = control.size();
            cmsghdr* rights = CMSG_FIRSTHDR(&header);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof(int));
            const int fd = ours_.get();
            std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
        }
        EXPECT_GT(::sendmsg(ours_.get(), &header, 0), 0);
    }

    UniqueFd ours_;
    UniqueFd its_;
};

TEST(FdStore, AsksByNameAndTakesTheAnswer) {
    Link link;
    FdStore store{link.its()};
    link.done(0);
    EXPECT_TRUE(store.put("web.socket", STDIN_FILENO));
    const LinkMessage put = link.asked();
    EXPECT_EQ(put.kind, LinkKind::put);
    EXPECT_STREQ(put.name, "web.socket");
    link.done(0);
    EXPECT_TRUE(store.ready());
    EXPECT_EQ(link.asked().kind, LinkKind::ready);
}

TEST(FdStore, SaysWhyTheLauncherRefused) {
    Link link;
    FdStore store{link.its()};
    link.done(ENFILE);
    const Result<void> refused = store.put("web.socket", STDIN_FILENO);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error_number, ENFILE);
    EXPECT_THAT(to_string(refused.error()), HasSubstr("store the descriptor web.socket: "));
}

TEST(FdStore, RefusesANameThatDoesNotFit) {
    Link link;
    FdStore store{link.its()};
    const Result<void> refused = store.put(std::string(248, 'x'), STDIN_FILENO);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error_number, ENAMETOOLONG);
    EXPECT_FALSE(store.put("closed", -1));
}

TEST(FdStore, ListsDescriptorsCloseOnExec) {
    Link link;
    FdStore store{link.its()};
    link.item("a");
    link.item("b");
    link.done(0);
    Result<std::vector<StoredFd>> stored = store.list();
    ASSERT_TRUE(stored) << to_string(stored.error());
    ASSERT_EQ(stored->size(), 2U);
    EXPECT_EQ((*stored)[1].name, "b");
    EXPECT_EQ(::fcntl((*stored)[1].fd.get(), F_GETFD), FD_CLOEXEC);
}

TEST(FdStore, WaitsForTheLauncherForASecondAndKnowsALateAnswer) {
    Link link;
    FdStore store{link.its()};
    const auto start = std::chrono::steady_clock::now();
    const Result<std::vector<StoredFd>> late = store.list();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().error_number, ETIMEDOUT);
    EXPECT_GE(std::chrono::steady_clock::now() - start, kLinkTimeout);
    // The answer to that one comes now, before the answer to the next.
    link.item("a");
    link.done(0);
    link.done(ENOENT);
    const Result<void> dropped = store.drop("a");
    ASSERT_FALSE(dropped);
    EXPECT_EQ(dropped.error().error_number, ENOENT);
    link.done(0);
    EXPECT_TRUE(store.drop("a"));
}

TEST(FdStore, SaysWhenTheLauncherIsGone) {
    Link link;
    FdStore store{link.its()};
    link.hang_up();
    EXPECT_FALSE(store.put("a", STDIN_FILENO));
    EXPECT_FALSE(store.list());
}

}  // namespace
}  // namespace svcd
