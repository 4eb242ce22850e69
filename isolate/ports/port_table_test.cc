#include "isolate/ports/port_table.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace islet::vm {
namespace {

using Mode = FileSystem::Mode;

// A host's file system that records what ports do with its files.
class RecordedFiles : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(absl::string_view path, Mode) override {
    opened.emplace_back(path);
    return std::make_unique<Recorded>(*this);
  }
  absl::StatusOr<bool> Exists(absl::string_view) override { return true; }
  absl::Status Delete(absl::string_view) override { return absl::OkStatus(); }

  std::vector<std::string> opened;
  std::vector<std::string> written;  // by one call each
  std::string input;
  int closed = 0;

 private:
  class Recorded : public File {
   public:
    explicit Recorded(RecordedFiles& files) : files_(files) {}
    absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
      const size_t count = files_.input.copy(buffer, size);
      files_.input.erase(0, count);
      return count;
    }
    absl::Status Write(absl::string_view bytes) override {
      files_.written.emplace_back(bytes);
      return absl::OkStatus();
    }
    absl::Status Close() override {
      ++files_.closed;
      return absl::OkStatus();
    }

   private:
    RecordedFiles& files_;
  };
};

class PortTableTest : public ::testing::Test {
 protected:
  PortTableTest() { table_->GrantFiles(&files_); }
  Stream& Opened(absl::string_view name, Mode mode) { return *table_->Find(*table_->Open(name, mode)); }

  RecordedFiles files_;
  std::unique_ptr<PortTable> table_ = std::make_unique<PortTable>();
};

TEST_F(PortTableTest, OutputIsBufferedUntilItIsMuch) {
  Stream& stream = Opened("out", Mode::kWrite);
  ASSERT_TRUE(table_->Write(stream, "a few bytes").ok());
  EXPECT_TRUE(files_.written.empty());
  const std::string much((64 << 10) - 11, 'x');
  ASSERT_TRUE(table_->Write(stream, much).ok());
  ASSERT_EQ(files_.written.size(), 1u);
  EXPECT_EQ(files_.written[0], "a few bytes" + much);
  ASSERT_TRUE(table_->Write(stream, "rest").ok());
  table_.reset();
  EXPECT_EQ(files_.written.back(), "rest");
  EXPECT_EQ(files_.closed, 1);
}

TEST_F(PortTableTest, FillKeepsWhatIsUnread) {
  files_.input = "first";
  Stream& stream = Opened("in", Mode::kRead);
  EXPECT_TRUE(*table_->Fill(stream));
  stream.position = 4;
  files_.input = " second";
  EXPECT_TRUE(*table_->Fill(stream));
  EXPECT_EQ(absl::string_view(stream.buffer).substr(stream.position), "t second");
  EXPECT_FALSE(*table_->Fill(stream));
  EXPECT_EQ(absl::string_view(stream.buffer).substr(stream.position), "t second");
}

TEST_F(PortTableTest, RelativeNamesStartFromTheBaseDirectory) {
  std::vector<std::string> read;
  table_->files_read = &read;
  table_->base_directory = "/base";
  Opened("a", Mode::kRead);
  Opened("/b", Mode::kRead);
  Opened("c", Mode::kWrite);
  EXPECT_EQ(files_.opened, (std::vector<std::string>{"/base/a", "/b", "/base/c"}));
  EXPECT_EQ(read, (std::vector<std::string>{"/base/a", "/b"}));
}

TEST_F(PortTableTest, EntriesOfClosedFilesAreUsedAgain) {
  const PortHandle first = *table_->Open("a", Mode::kRead);
  const PortHandle second = *table_->Open("b", Mode::kRead);
  EXPECT_TRUE(table_->Close(first).ok());
  EXPECT_EQ(table_->Find(first), nullptr);
  EXPECT_EQ(table_->OpenFile(), "b");
  EXPECT_EQ(*table_->Open("c", Mode::kRead), first);
  EXPECT_NE(table_->Find(second), nullptr);
  EXPECT_EQ(table_->Find(PortHandle::File(2)), nullptr);
  EXPECT_EQ(table_->Find(PortHandle::Heap()), nullptr);
  EXPECT_EQ(table_->Find(PortHandle::Standard(StandardPort::kOutput)), nullptr);
}

TEST_F(PortTableTest, ACopyIsTheSame) {
  table_->base_directory = "/base";
  EXPECT_TRUE(table_->Close(*table_->Open("a", Mode::kRead)).ok());
  Stream* const input = table_->Find(PortHandle::Standard(StandardPort::kInput));
  input->buffer = "read ahead";
  input->line = 3;
  PortTable copy;
  EXPECT_EQ(copy.FirstDifference(*table_), "files");
  copy.GrantFiles(&files_);
  EXPECT_EQ(copy.FirstDifference(*table_), "how files are opened");
  copy.CopyFrom(*table_);
  EXPECT_EQ(copy.FirstDifference(*table_), "");
  input->line = 4;
  EXPECT_EQ(copy.FirstDifference(*table_), "standard input");
}

}  // namespace
}  // namespace islet::vm
