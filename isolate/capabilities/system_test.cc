#include "isolate/capabilities/system.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"
#include "isolate/capabilities/paths.h"

namespace islet::vm {
namespace {

// A pipe that takes so many bytes and no more, without waiting.
class SystemTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe2(ends_, O_CLOEXEC | O_NONBLOCK), 0); }
  void TearDown() override {
    for (int end : ends_) close(end);
  }
  int in() const { return ends_[1]; }
  size_t Waiting() const {
    std::string bytes(size_t{1} << 22, '\0');
    const ssize_t n = read(ends_[0], bytes.data(), bytes.size());
    return n < 0 ? 0 : static_cast<size_t>(n);
  }

  const std::string large_ = std::string(size_t{1} << 21, 'x');
  int ends_[2] = {-1, -1};
};

TEST_F(SystemTest, WritesAll) {
  EXPECT_EQ(WriteWhole(in(), "text"), 0);
  EXPECT_EQ(WriteWhole(in(), ""), 0);
  EXPECT_EQ(Waiting(), 4u);
  EXPECT_TRUE(WriteAll(in(), "text").ok());
}

TEST_F(SystemTest, SaysWhyItCannotWriteAll) {
  EXPECT_EQ(WriteWhole(in(), large_), EAGAIN);
  EXPECT_EQ(WriteWhole(-1, "text"), EBADF);
  EXPECT_EQ(WriteAll(-1, "text").message(), "cannot write: Bad file descriptor");
}

// Who is to stop is asked once something has been left over, and not before.
TEST_F(SystemTest, StopsBetweenTwoCalls) {
  int asked = 0;
  const auto stop = [&asked] { return ++asked == 1; };
  EXPECT_EQ(WriteWhole(in(), "text", stop), 0);
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(WriteWhole(in(), large_, stop), ECANCELED);
  EXPECT_EQ(asked, 1);
  EXPECT_GT(Waiting(), 4u);
}

TEST(ReasonNotOpenedTest, IsTheMessageWithoutItsBeginning) {
  EXPECT_EQ(ReasonNotOpened(SystemError(kCannotOpen, ENOENT)), "No such file or directory");
  EXPECT_EQ(ReasonNotOpened(absl::UnavailableError("cannot open")), "cannot open");
  EXPECT_EQ(ReasonNotOpened(SystemError("cannot read", EIO)), "cannot read: Input/output error");
  EXPECT_EQ(ReasonNotOpened(absl::DataLossError("the tape is torn")), "the tape is torn");
}

TEST(ErrorTextTest, ErrorsThatNobodyKnowsHaveTheirNumber) {
  EXPECT_EQ(ErrorText(EISDIR), "Is a directory");
  EXPECT_EQ(ErrorText(99999), "error 99999");
}

TEST(PathsTest, TheDirectoryOfAName) {
  EXPECT_EQ(DirectoryOf("a/b/c.lisp"), "a/b/");
  EXPECT_EQ(DirectoryOf("/c.lisp"), "/");
  EXPECT_EQ(DirectoryOf("c.lisp"), "");
  EXPECT_EQ(DirectoryOf("a/"), "a/");
}

}  // namespace
}  // namespace islet::vm
