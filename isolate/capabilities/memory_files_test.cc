#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/capabilities.h"

namespace islet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Read(FileSystem& files, absl::string_view path) {
  absl::StatusOr<std::unique_ptr<File>> file = files.Open(path, FileSystem::Mode::kRead);
  if (!file.ok()) return std::string(file.status().message());
  char buffer[1000];
  std::string text;
  while (const size_t count = (*file)->Read(buffer, sizeof(buffer)).value()) text.append(buffer, count);
  return text;
}

std::string Write(FileSystem& files, absl::string_view path, absl::string_view text,
                  FileSystem::Mode mode = FileSystem::Mode::kWrite) {
  absl::StatusOr<std::unique_ptr<File>> file = files.Open(path, mode);
  absl::Status status = file.ok() ? (*file)->Write(text) : file.status();
  return std::string(status.message());
}

TEST(MemoryFilesTest, AreFiles) {
  MemoryFiles files;
  files.Put("a/b", "put");
  EXPECT_EQ(Read(files, "a/b"), "put");
  EXPECT_EQ(Read(files, "/a/b"), "put");
  EXPECT_EQ(Read(files, "./c/../a//b"), "put");
  EXPECT_EQ(Read(files, "../a/b"), "put") << "there is nothing above";
  EXPECT_EQ(Read(files, "a"), "cannot open: No such file or directory");
  EXPECT_EQ(Read(files, ""), "cannot open: No such file or directory");
  EXPECT_EQ(Read(files, "/"), "cannot open: Is a directory");
  EXPECT_EQ(Write(files, "c", "one"), "");
  EXPECT_EQ(Write(files, "c", " two", FileSystem::Mode::kAppend), "");
  EXPECT_EQ(files.Get("c"), "one two");
  EXPECT_EQ(Write(files, "c", "3"), "");
  EXPECT_EQ(files.Get("c"), "3");
  EXPECT_EQ(Write(files, "d", "new", FileSystem::Mode::kAppend), "");
  EXPECT_THAT(files.Names(), ElementsAre("a/b", "c", "d"));
  EXPECT_TRUE(*files.Exists("d"));
  EXPECT_TRUE(files.Delete("d").ok());
  EXPECT_FALSE(*files.Exists("d"));
  EXPECT_EQ(files.Delete("d").message(), "cannot delete: No such file or directory");
  EXPECT_EQ(files.Get("d"), absl::nullopt);
}

TEST(MemoryFilesTest, OpenFilesOutliveTheirNamesAndTheSystem) {
  auto files = std::make_unique<MemoryFiles>();
  files->Put("a", "0123456789");
  std::unique_ptr<File> reader = *files->Open("a", FileSystem::Mode::kRead);
  char buffer[5];
  EXPECT_EQ(*reader->Read(buffer, 5), 5u);
  std::unique_ptr<File> writer = *files->Open("a", FileSystem::Mode::kAppend);
  EXPECT_TRUE(writer->Write("ab").ok());
  EXPECT_TRUE(files->Delete("a").ok());
  files->Put("a", "another");
  EXPECT_TRUE(writer->Write("cd").ok());
  files = nullptr;
  std::string rest;
  while (const size_t count = *reader->Read(buffer, 5)) rest.append(buffer, count);
  EXPECT_EQ(rest, "56789abcd");
}

TEST(MemoryFilesTest, AFileThatIsEmptiedWhileItIsWritten) {
  MemoryFiles files;
  std::unique_ptr<File> writer = *files.Open("a", FileSystem::Mode::kWrite);
  EXPECT_TRUE(writer->Write("abc").ok());
  EXPECT_EQ(Write(files, "a", ""), "");
  EXPECT_TRUE(writer->Write("d").ok());
  EXPECT_EQ(files.Get("a"), std::string("\0\0\0d", 4)) << "as POSIX has it";
}

TEST(MemoryFilesTest, AreLimited) {
  MemoryFiles::Options options;
  options.max_bytes = 4000;
  MemoryFiles files(options);
  const std::string text(1000, 'x');
  EXPECT_EQ(Write(files, "a", text), "");
  EXPECT_EQ(Write(files, "a", text, FileSystem::Mode::kAppend), "");
  EXPECT_EQ(Write(files, "a", text, FileSystem::Mode::kAppend), "");
  EXPECT_EQ(Write(files, "a", text, FileSystem::Mode::kAppend),
            "cannot write: the files in memory may take 4000 bytes");
  EXPECT_EQ(files.Get("a")->size(), 3000u);
  // A file to which no name leads counts while it is open.
  {
    std::unique_ptr<File> open = *files.Open("a", FileSystem::Mode::kAppend);
    EXPECT_TRUE(files.Delete("a").ok());
    EXPECT_NE(Write(files, "b", text), "");
  }
  EXPECT_EQ(Write(files, "b", text), "");
  EXPECT_EQ(Write(files, "b", text), "") << "what is replaced does not count";
  EXPECT_TRUE(files.Delete("b").ok());
  int made = 0;
  while (Write(files, absl::StrCat("empty", made), "").empty()) ++made;
  EXPECT_GT(made, 5);
  EXPECT_LT(made, 16) << "empty files count too";
}

TEST(MemoryFilesTest, ReadOnly) {
  MemoryFiles::Options options;
  options.read_only = true;
  MemoryFiles files(options);
  files.Put("a", "x");
  EXPECT_EQ(Read(files, "a"), "x");
  EXPECT_EQ(Write(files, "a", "y"), "cannot open: Read-only file system");
  EXPECT_EQ(files.Delete("a").message(), "cannot delete: Read-only file system");
}

TEST(MemoryFilesTest, ForEachIsolateItsOwn) {
  MemoryFiles::Options options;
  options.per_isolate = true;
  MemoryFiles files(options);
  files.Put("a", "first");
  std::shared_ptr<FileSystem> one = files.ForIsolate(), two = files.ForIsolate();
  EXPECT_EQ(Write(*one, "a", " more", FileSystem::Mode::kAppend), "");
  EXPECT_EQ(Write(*one, "b", "own"), "");
  EXPECT_EQ(Read(*one, "a"), "first more");
  EXPECT_EQ(Read(*two, "a"), "first");
  EXPECT_FALSE(*two->Exists("b"));
  EXPECT_EQ(files.Get("a"), "first");
  files.Put("a", "changed");
  EXPECT_EQ(Read(*two, "a"), "first");
  std::shared_ptr<FileSystem> fork = one->ForIsolate();
  EXPECT_EQ(Write(*fork, "b", "fork's"), "");
  EXPECT_EQ(Read(*one, "b"), "own");
  EXPECT_EQ(Read(*fork, "a"), "first more");
  EXPECT_EQ(MemoryFiles().ForIsolate(), nullptr);
}

TEST(MemoryFilesTest, ManyThreads) {
  MemoryFiles::Options options;
  options.per_isolate = true;
  MemoryFiles files(options);
  files.Put("shared", std::string(1000, 's'));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&files, t] {
      for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(Write(files, "log", "line\n", FileSystem::Mode::kAppend), "");
        std::shared_ptr<FileSystem> own = files.ForIsolate();
        EXPECT_EQ(Write(*own, "shared", "mine", FileSystem::Mode::kAppend), "");
        EXPECT_THAT(Read(*own, "shared"), HasSubstr("smine"));
        const std::string name = absl::StrCat("file", t);
        EXPECT_EQ(Write(files, name, "x"), "");
        EXPECT_TRUE(files.Delete(name).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(files.Get("log")->size(), 4u * 300 * 5);
  EXPECT_EQ(files.Get("shared"), std::string(1000, 's'));
}

}  // namespace
}  // namespace islet
