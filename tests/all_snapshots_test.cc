// Every snapshot that the build makes is one that the verifier accepts: its rules are not stricter than what the
// compiler, the library and the writer do. The files are the test's arguments.

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "islet/snapshot.h"

namespace islet {
namespace {

std::vector<std::string> paths;

TEST(AllSnapshotsTest, AreVerified) {
  ASSERT_FALSE(paths.empty());
  for (const std::string& path : paths) {
    const auto snapshot = Snapshot::FromFile(path);
    EXPECT_TRUE(snapshot.ok()) << path << ": " << snapshot.status();
  }
}

}  // namespace
}  // namespace islet

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  islet::paths.assign(argv + 1, argv + argc);
  return RUN_ALL_TESTS();
}
