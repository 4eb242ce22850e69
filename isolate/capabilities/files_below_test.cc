// A directory's files, and all ways out of it.

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/capabilities.h"

namespace islet {
namespace {

using testing::HasSubstr;

constexpr char kOutside[] = "the path leads out of the directory that the host has granted";

class FilesBelowTest : public testing::Test {
 protected:
  // A directory `in`, which is granted, beside a file `secret` and a directory `out` with another.
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/files_below.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
    for (const char* directory : {"/in", "/in/sub", "/in/sub/deep", "/out"}) {
      ASSERT_EQ(mkdir((top_ + directory).c_str(), 0700), 0);
    }
    WriteHost("/in/a.txt", "inside");
    WriteHost("/in/sub/b.txt", "below");
    WriteHost("/secret", "secret");
    WriteHost("/out/secret", "secret");
    absl::StatusOr<std::shared_ptr<FileSystem>> files = FilesBelow(top_ + "/in");
    ASSERT_TRUE(files.ok()) << files.status();
    files_ = *files;
  }
  void TearDown() override { EXPECT_EQ(system(("rm -rf " + top_).c_str()), 0); }

  void WriteHost(const std::string& path, const std::string& text) { std::ofstream(top_ + path) << text; }
  std::string ReadHost(const std::string& path) {
    std::ifstream file(top_ + path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  void Link(const std::string& target, const std::string& path) {
    ASSERT_EQ(symlink(target.c_str(), (top_ + path).c_str()), 0);
  }
  // The contents, or the error.
  std::string Read(absl::string_view path) {
    absl::StatusOr<std::unique_ptr<File>> file = files_->Open(path, FileSystem::Mode::kRead);
    if (!file.ok()) return std::string(file.status().message());
    std::string text;
    char buffer[4];
    while (true) {
      absl::StatusOr<size_t> count = (*file)->Read(buffer, sizeof(buffer));
      if (!count.ok()) return std::string(count.status().message());
      if (*count == 0) break;
      text.append(buffer, *count);
    }
    EXPECT_TRUE((*file)->Close().ok());
    return text;
  }
  std::string Write(absl::string_view path, absl::string_view text, FileSystem::Mode mode = FileSystem::Mode::kWrite) {
    absl::StatusOr<std::unique_ptr<File>> file = files_->Open(path, mode);
    absl::Status status = file.status();
    if (file.ok()) {
      status = (*file)->Write(text);
      status.Update((*file)->Close());
    }
    return std::string(status.message());
  }
  std::string Delete(absl::string_view path) { return std::string(files_->Delete(path).message()); }
  std::string Exists(absl::string_view path) {
    absl::StatusOr<bool> exists = files_->Exists(path);
    return exists.ok() ? (*exists ? "yes" : "no") : std::string(exists.status().message());
  }

  std::string top_;
  std::shared_ptr<FileSystem> files_;
};

TEST_F(FilesBelowTest, ReadsWritesAppendsAndDeletes) {
  EXPECT_EQ(Read("a.txt"), "inside");
  EXPECT_EQ(Read("./sub//b.txt"), "below");
  EXPECT_EQ(Read("sub/../a.txt"), "inside");
  EXPECT_EQ(Read("sub/deep/../../a.txt"), "inside");
  EXPECT_EQ(Read("none"), "cannot open: No such file or directory");
  EXPECT_EQ(Read(""), "cannot open: No such file or directory");
  EXPECT_EQ(Read("a.txt/x"), "cannot open: Not a directory");
  EXPECT_EQ(Read("a.txt/"), "cannot open: Not a directory");
  EXPECT_EQ(Read("sub"), "cannot open: Is a directory");
  EXPECT_EQ(Read("."), "cannot open: Is a directory");
  EXPECT_EQ(Read("sub/.."), "cannot open: Is a directory");
  EXPECT_EQ(Read(std::string(5000, 'x')), "cannot open: File name too long");

  EXPECT_EQ(Write("new", "one"), "");
  EXPECT_EQ(Write("new", " two", FileSystem::Mode::kAppend), "");
  EXPECT_EQ(Read("new"), "one two");
  EXPECT_EQ(Write("new", "3"), "");
  EXPECT_EQ(ReadHost("/in/new"), "3");
  EXPECT_EQ(Write("sub", "x"), "cannot open: Is a directory");
  EXPECT_EQ(Write("no/such", "x"), "cannot open: No such file or directory");

  EXPECT_EQ(Exists("new"), "yes");
  EXPECT_EQ(Exists("sub"), "yes");
  EXPECT_EQ(Exists("sub/"), "yes");
  EXPECT_EQ(Exists("none"), "no");
  EXPECT_EQ(Exists("none/none"), "no");
  EXPECT_EQ(Exists("a.txt/none"), "no");
  EXPECT_EQ(Delete("new"), "");
  EXPECT_EQ(Exists("new"), "no");
  EXPECT_EQ(Delete("new"), "cannot delete: No such file or directory");
  EXPECT_EQ(Delete("sub"), "cannot delete: Is a directory");
}

TEST_F(FilesBelowTest, NothingLeadsOut) {
  Link("../secret", "/in/up");
  Link(top_ + "/secret", "/in/absolute");
  Link("../out", "/in/directory");
  Link("up", "/in/twice");
  Link("sub/deep/../../../secret", "/in/roundabout");
  Link("/proc/self/root", "/in/magic");
  Link("../created", "/in/dangling");
  const std::string secret = top_ + "/secret";
  for (const std::string& path :
       {std::string(".."), std::string("../secret"), std::string("sub/../../secret"),
        std::string("sub/deep/../../../secret"), std::string("./.././secret"), secret, top_ + "/in/a.txt",
        std::string("/"), std::string("//"), std::string("/etc/passwd"), std::string("up"), std::string("absolute"),
        std::string("directory/secret"), std::string("directory/../a.txt"), std::string("twice"),
        std::string("roundabout"), std::string("magic/etc/passwd"), std::string("dangling"),
        std::string("../in/a.txt")}) {
    EXPECT_THAT(Read(path), HasSubstr(kOutside)) << path;
    EXPECT_THAT(Write(path, "overwritten"), HasSubstr(kOutside)) << path;
    EXPECT_THAT(Exists(path), HasSubstr(kOutside)) << path;
  }
  for (const std::string& path : {std::string("../secret"), secret, std::string("directory/secret")}) {
    EXPECT_THAT(Delete(path), HasSubstr(kOutside)) << path;
  }
  EXPECT_EQ(ReadHost("/secret"), "secret");
  EXPECT_EQ(ReadHost("/out/secret"), "secret");
  EXPECT_EQ(ReadHost("/created"), "");
  // Deleting a link deletes the link.
  EXPECT_EQ(Delete("up"), "");
  EXPECT_EQ(ReadHost("/secret"), "secret");
}

TEST_F(FilesBelowTest, LinksThatStayInsideAreFollowed) {
  Link("a.txt", "/in/same");
  Link("sub/deep", "/in/directory");
  Link("../../sub/b.txt", "/in/sub/deep/b");
  Link("later", "/in/dangling");
  Link("loop", "/in/loop");
  EXPECT_EQ(Read("same"), "inside");
  EXPECT_EQ(Read("directory/b"), "below");
  EXPECT_EQ(Read("directory/../b.txt"), "below") << "`..` is that of where the link leads, as for the kernel";
  EXPECT_EQ(Exists("dangling"), "no");
  EXPECT_EQ(Write("dangling", "made"), "");
  EXPECT_EQ(ReadHost("/in/later"), "made");
  EXPECT_EQ(Read("loop"), "cannot open: Too many levels of symbolic links");
  EXPECT_THAT(Exists("loop"), HasSubstr("Too many levels"));
}

TEST_F(FilesBelowTest, OnlyRegularFiles) {
  ASSERT_EQ(mkfifo((top_ + "/in/pipe").c_str(), 0600), 0);
  EXPECT_EQ(Read("pipe"), "cannot open: not a regular file") << "without waiting for a writer";
  EXPECT_EQ(Write("pipe", "x"), "cannot open: not a regular file");
}

TEST_F(FilesBelowTest, ReadOnly) {
  FilesBelowOptions options;
  options.read_only = true;
  files_ = *FilesBelow(top_ + "/in", options);
  EXPECT_EQ(Read("a.txt"), "inside");
  EXPECT_EQ(Write("a.txt", "x"), "cannot open: Read-only file system");
  EXPECT_EQ(Write("a.txt", "x", FileSystem::Mode::kAppend), "cannot open: Read-only file system");
  EXPECT_EQ(Write("new", "x"), "cannot open: Read-only file system");
  EXPECT_EQ(Delete("a.txt"), "cannot delete: Read-only file system");
  EXPECT_EQ(ReadHost("/in/a.txt"), "inside");
}

TEST_F(FilesBelowTest, TheDirectoryIsTheOneThatWasOpened) {
  ASSERT_EQ(rename((top_ + "/in").c_str(), (top_ + "/moved").c_str()), 0);
  ASSERT_EQ(symlink("out", (top_ + "/in").c_str()), 0);
  EXPECT_EQ(Read("a.txt"), "inside");
  EXPECT_EQ(Exists("secret"), "no");
  const auto none = FilesBelow(top_ + "/none");
  EXPECT_TRUE(absl::IsNotFound(none.status())) << none.status();
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("cannot grant the files below " + top_ + "/none"));
  EXPECT_FALSE(FilesBelow(top_ + "/secret").ok());
}

// Has the kernel open `path` without leaving the directory (openat2): the descriptor, or minus the error. The kernel
// asks to be called again where something was renamed meanwhile, anywhere.
int OpenByKernel(int directory, const std::string& path) {
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long fd;
  do {
    fd = syscall(SYS_openat2, directory, path.c_str(), &how, sizeof(how));
  } while (fd < 0 && errno == EAGAIN);
  return fd >= 0 ? static_cast<int>(fd) : -errno;
}

// Random trees of directories, files and links, and random paths in them: we find what the kernel
// finds, and refuse what it refuses.
TEST_F(FilesBelowTest, RandomPathsLeadWhereTheKernelSays) {
  std::mt19937 random(11);
  const auto one_of = [&random](const std::vector<std::string>& choices) { return choices[random() % choices.size()]; };
  const std::vector<std::string> names = {"a", "b", "c", "sub"};
  const auto path = [&](int parts) {
    std::string text = random() % 12 == 0 ? "/" : "";
    for (int i = 0; i < parts; ++i) {
      const std::string part = random() % 4 == 0 ? one_of({"..", ".", ""}) : one_of(names);
      absl::StrAppend(&text, i > 0 ? "/" : "", part);
    }
    return text;
  };
  int opened = 0, outside = 0;
  for (int tree = 0; tree < 60; ++tree) {
    const std::string root = absl::StrCat("/tree", tree);
    ASSERT_EQ(mkdir((top_ + root).c_str(), 0700), 0);
    for (int i = 0; i < 25; ++i) {
      std::string place = top_ + root;  // stays in the tree
      for (unsigned parts = 1 + random() % 3; parts > 0; --parts) place += "/" + one_of(names);
      const unsigned kind = random() % 5;
      if (kind < 2) {
        mkdir(place.c_str(), 0700);
      } else if (kind < 3) {
        const int fd = open(place.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        if (fd >= 0) {
          ASSERT_GT(write(fd, place.data(), place.size()), 0);
          close(fd);
        }
      } else {
        const std::string target = path(1 + static_cast<int>(random() % 3));
        if (!target.empty() && symlink(target.c_str(), place.c_str()) != 0) continue;
      }
    }
    files_ = *FilesBelow(top_ + root);
    const int directory = open((top_ + root).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 300; ++i) {
      const std::string asked = path(1 + static_cast<int>(random() % 4));
      const int fd = OpenByKernel(directory, asked);
      ASSERT_NE(fd, -ENOSYS) << "this test needs a kernel that has openat2 (Linux 5.6)";
      const std::string mine = Read(asked);
      if (fd == -EXDEV) {
        ++outside;
        EXPECT_THAT(mine, HasSubstr(kOutside)) << asked;
        EXPECT_THAT(Exists(asked), HasSubstr(kOutside)) << asked;
      } else if (fd < 0) {
        EXPECT_EQ(mine, absl::StrCat("cannot open: ", strerrordesc_np(-fd))) << asked;
      } else {
        struct stat status;
        ASSERT_EQ(fstat(fd, &status), 0);
        char text[200];
        const ssize_t length = S_ISDIR(status.st_mode) ? 0 : read(fd, text, sizeof(text));
        opened += length > 0;
        EXPECT_EQ(mine, S_ISDIR(status.st_mode) ? "cannot open: Is a directory"
                                                : std::string(text, static_cast<size_t>(length)))
            << asked;
        EXPECT_EQ(Exists(asked), "yes") << asked;
        close(fd);
      }
    }
    close(directory);
  }
  EXPECT_GT(opened, 400);
  EXPECT_GT(outside, 1000);
}

// Somebody exchanges a directory, and a file, for links that lead out and back, as fast as it goes.
TEST_F(FilesBelowTest, LinksThatAreSwappedInMeanwhileDoNotLeadOut) {
  ASSERT_EQ(mkdir((top_ + "/in/shifty").c_str(), 0700), 0);
  WriteHost("/in/shifty/secret", "harmless");
  WriteHost("/in/file", "harmless");
  Link("../out", "/in/link-to-directory");
  Link("../secret", "/in/link-to-file");
  std::atomic<bool> done{false};
  std::thread swapper([&] {
    while (!done) {
      for (const auto& [a, b] :
           {std::pair("/in/shifty", "/in/link-to-directory"), std::pair("/in/file", "/in/link-to-file")}) {
        renameat2(AT_FDCWD, (top_ + a).c_str(), AT_FDCWD, (top_ + b).c_str(), RENAME_EXCHANGE);
      }
    }
  });
  int harmless = 0;
  for (int i = 0; i < 20000; ++i) {
    const char* path = i % 2 == 0 ? "shifty/secret" : "file";
    const std::string text = Read(path);
    ASSERT_NE(text, "secret");
    harmless += text == "harmless";
    Write(path, "harmless", FileSystem::Mode::kAppend);
    Write(path, "harmless");
  }
  done = true;
  swapper.join();
  EXPECT_GT(harmless, 0);
  EXPECT_EQ(ReadHost("/secret"), "secret");
  EXPECT_EQ(ReadHost("/out/secret"), "secret");
}

}  // namespace
}  // namespace islet
