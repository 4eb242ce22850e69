// Outputs that appear whole or not at all, over nothing that was read; names of sources.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "snapshot/output_files.h"
#include "snapshot/source_names.h"

namespace islet::vm {
namespace {

using ::testing::HasSubstr;

// In a directory of its own, which is the working directory.
class Outputs : public testing::Test {
 protected:
  void SetUp() override {
    std::string directory = absl::StrCat(testing::TempDir(), "/outputs.XXXXXX");
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    ASSERT_EQ(chdir(directory.c_str()), 0);
  }

  static void Write(const std::string& name, const std::string& text) { std::ofstream(name, std::ios::binary) << text; }
  static std::string Read(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    if (!file) return "(none)";
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static mode_t ModeOf(const std::string& name) {
    struct stat info = {};
    EXPECT_EQ(lstat(name.c_str(), &info), 0) << name;
    return info.st_mode;
  }
  static absl::Status WriteOut(const std::vector<std::string>& paths, const std::string& text) {
    OutputFiles files;
    for (const std::string& path : paths) {
      if (absl::Status status = files.Add(path, text); !status.ok()) return status;
    }
    return files.Commit();
  }
  // How many files there are, hidden ones too.
  static int Count() {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(".")) {
      (void)entry;
      ++count;
    }
    return count;
  }
  static std::string Conflict(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs) {
    return std::string(CheckOutputs(outputs, inputs).message());
  }
};

TEST_F(Outputs, AppearTogether) {
  OutputFiles files;
  ASSERT_TRUE(files.Add("a", "first").ok());
  ASSERT_TRUE(files.Add("b", "second").ok());
  EXPECT_EQ(Read("a"), "(none)");
  ASSERT_TRUE(files.Commit().ok());
  EXPECT_EQ(Read("a"), "first");
  EXPECT_EQ(Read("b"), "second");
  EXPECT_EQ(Count(), 2);
}

TEST_F(Outputs, LeaveNothingWhenOneCannotBeWritten) {
  Write("a", "old");
  EXPECT_THAT(std::string(WriteOut({"a", "missing/b"}, "new").message()), HasSubstr("cannot write missing/b: No such"));
  EXPECT_EQ(Read("a"), "old");
  EXPECT_EQ(Count(), 1);
  // Nor when a device is full, or the last one cannot get its name.
  EXPECT_THAT(std::string(WriteOut({"a", "/dev/full"}, "new").message()),
              HasSubstr("cannot write /dev/full: No space left"));
  EXPECT_EQ(Read("a"), "old");
  OutputFiles files;
  ASSERT_TRUE(files.Add("a", "new").ok());
  ASSERT_TRUE(files.Add("fresh", "new").ok());
  ASSERT_TRUE(files.Add("d", "new").ok());
  ASSERT_EQ(mkdir("d", 0700), 0);
  Write("d/full", "");
  // A directory takes part in an exchange; then the name is no file's.
  absl::Status status = files.Commit();
  if (!status.ok()) {
    EXPECT_EQ(Read("a"), "old");
    EXPECT_EQ(Read("fresh"), "(none)");
  }
}

TEST_F(Outputs, KeepModesAndLinks) {
  Write("a", "old");
  ASSERT_EQ(chmod("a", 0640), 0);
  ASSERT_EQ(mkdir("d", 0700), 0);
  ASSERT_EQ(symlink("../a", "d/link"), 0);
  ASSERT_EQ(symlink("d/link", "chain"), 0);
  ASSERT_TRUE(WriteOut({"chain"}, "new").ok());
  EXPECT_EQ(Read("a"), "new");
  EXPECT_EQ(ModeOf("a"), S_IFREG | 0640u);
  EXPECT_TRUE(S_ISLNK(ModeOf("chain")) && S_ISLNK(ModeOf("d/link")));
  ASSERT_EQ(symlink("d/not-yet", "dangling"), 0);
  ASSERT_TRUE(WriteOut({"dangling"}, "made").ok());
  EXPECT_TRUE(S_ISLNK(ModeOf("dangling")));
  EXPECT_EQ(Read("d/not-yet"), "made");
  ASSERT_EQ(symlink("loop", "loop"), 0);
  EXPECT_FALSE(WriteOut({"loop"}, "x").ok());
}

TEST_F(Outputs, AreWrittenThroughWhatIsNoFile) {
  ASSERT_EQ(mkfifo("fifo", 0600), 0);
  std::string read;
  std::thread reader([&read] { read = Read("fifo"); });
  ASSERT_TRUE(WriteOut({"fifo"}, "through").ok());
  reader.join();
  EXPECT_EQ(read, "through");
  EXPECT_TRUE(S_ISFIFO(ModeOf("fifo")));
  ASSERT_TRUE(WriteOut({"/dev/null"}, "x").ok());
  EXPECT_TRUE(S_ISCHR(ModeOf("/dev/null")));
  // A descriptor goes on where it is, as `>>` needs.
  const int descriptor = open("appended", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ASSERT_EQ(write(descriptor, "one ", 4), 4);
  const std::string path = absl::StrCat("/dev/fd/", descriptor);
  ASSERT_EQ(symlink(path.c_str(), "stdout"), 0);
  EXPECT_EQ(DescriptorOf("stdout"), descriptor);
  ASSERT_TRUE(WriteOut({"stdout"}, "two").ok());
  EXPECT_EQ(Read("appended"), "one two");
  EXPECT_EQ(DescriptorOf("-"), 1);
  EXPECT_EQ(DescriptorOf("appended"), -1);
  close(descriptor);
}

TEST_F(Outputs, NeverOverwriteAnInput) {
  Write("in", "x");
  ASSERT_EQ(link("in", "hard"), 0);
  ASSERT_EQ(symlink("in", "soft"), 0);
  ASSERT_EQ(mkdir("d", 0700), 0);
  for (const char* output : {"in", "./in", "d/../in", "hard", "soft"}) {
    EXPECT_THAT(Conflict({output}, {"other", "in"}), HasSubstr(absl::StrCat("writing ", output, " would destroy ")))
        << output;
  }
  EXPECT_EQ(Conflict({"out"}, {"in"}), "");
  EXPECT_EQ(Conflict({"/dev/null"}, {"/dev/null"}), "");
  EXPECT_THAT(Conflict({"d"}, {}), HasSubstr("directory"));
  EXPECT_THAT(Conflict({"new/"}, {}), HasSubstr("directory"));
}

TEST_F(Outputs, HaveNamesOfTheirOwn) {
  Write("a", "x");
  ASSERT_EQ(mkdir("d", 0700), 0);
  ASSERT_EQ(symlink("new", "dangling"), 0);
  EXPECT_THAT(Conflict({"a", "./a"}, {}), HasSubstr("two outputs"));
  EXPECT_THAT(Conflict({"new", "d/../new"}, {}), HasSubstr("two outputs"));
  EXPECT_THAT(Conflict({"dangling", "new"}, {}), HasSubstr("two outputs"));
  EXPECT_THAT(Conflict({"-", "/dev/fd/1"}, {}), testing::AnyOf(HasSubstr("two outputs"), ""));
  EXPECT_EQ(Conflict({"new", "d/new", "a"}, {}), "");
}

TEST_F(Outputs, SourcesAreNamedByTheLongestDirectory) {
  std::filesystem::create_directories("p/lib/deep");
  ASSERT_EQ(symlink("p/lib", "link"), 0);
  Write("p/lib/deep/x.sld", "");
  const std::vector<std::string> files = {"p/lib/deep/x.sld", "./p//lib/../lib/deep/x.sld", "link/deep/x.sld",
                                          "q/out.scm"};
  std::vector<std::string> path = {"p", "p/lib/", "./p/lib/deep", "link"};
  std::sort(path.begin(), path.end());
  do {
    const std::map<std::string, std::string> names = SourceNames(files, path, {"p/a.lisp"});
    EXPECT_EQ(names.at(files[0]), "x.sld");
    EXPECT_EQ(names.at(files[1]), "x.sld");
    EXPECT_EQ(names.at(files[2]), "x.sld");
    EXPECT_EQ(names.at(files[3]), "../q/out.scm");
  } while (std::next_permutation(path.begin(), path.end()));
  EXPECT_EQ(SourceNames({"a.lisp"}, {}, {"a.lisp"}).at("a.lisp"), "a.lisp");
  EXPECT_EQ(SourceNames({"/usr/share/x.scm"}, {}, {"p/a.lisp"}).at("/usr/share/x.scm"), "/usr/share/x.scm");
}

}  // namespace
}  // namespace islet::vm
