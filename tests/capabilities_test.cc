// Scripts reach nothing outside of their isolate, or what the host has granted, the host's own implementations
// included.

#include "islet/capabilities.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "islet/isolate_pool.h"
#include "isolate/lib/standard.h"

ISLET_EMBEDDED_SNAPSHOT(standard);

namespace islet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

Snapshot StandardSnapshot() { return *Snapshot::FromEmbedded(standard); }

std::unique_ptr<Isolate> Make(const IsolateOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<Isolate>> isolate = Isolate::FromSnapshot(StandardSnapshot(), options);
  EXPECT_TRUE(isolate.ok()) << isolate.status();
  return *std::move(isolate);
}

std::string Printed(const absl::StatusOr<Value>& value) {
  return value.ok() ? value->Print() : std::string(value.status().message());
}

std::string Eval(Isolate& isolate, absl::string_view text) {
  Isolate::Scope scope(isolate);
  return Printed(isolate.Eval(text));
}

// The value, or what a handler sees of the condition: (is it a file error?, message, irritants).
std::string Guarded(Isolate& isolate, absl::string_view expression) {
  return Eval(isolate, absl::StrCat("(import (srfi 27) (scheme load))"
                                    "(guard (e ((error-object? e) (list (file-error? e) (error-object-message e)"
                                    " (error-object-irritants e)))) (eval '",
                                    expression, " (interaction-environment)))"));
}

// ---- Denied

struct Need {
  const char* expression;
  const char* option;
  const char* caught;  // as Guarded has it
};

constexpr char kFiles[] = "access to files is not granted to this isolate (IsolateOptions::files)";
#define FILE_DENIED                                                                 \
  "(#t \"access to files is not granted to this isolate (IsolateOptions::files)\" " \
  "(\"/etc/passwd\"))"
#define CLOCK_DENIED "(#f \"the clock is not granted to this isolate (IsolateOptions::clock)\" ())"
#define INPUT_DENIED                                                                             \
  "(#t \"standard input is not granted to this isolate (IsolateOptions::streams)\" (\"standard " \
  "input\"))"
#define OUTPUT_DENIED                                                                          \
  "(#t \"standard output is not granted to this isolate (IsolateOptions::write or streams)\" " \
  "(\"standard output\"))"

// Every procedure of the language that needs something from outside.
constexpr Need kNeeds[] = {
    {"(open-input-file \"/etc/passwd\")", "files", FILE_DENIED},
    {"(open-binary-input-file \"/etc/passwd\")", "files", FILE_DENIED},
    {"(open-output-file \"/etc/passwd\")", "files", FILE_DENIED},
    {"(open-output-file \"/etc/passwd\" #t)", "files", FILE_DENIED},
    {"(open-binary-output-file \"/etc/passwd\")", "files", FILE_DENIED},
    {"(call-with-input-file \"/etc/passwd\" read)", "files", FILE_DENIED},
    {"(call-with-output-file \"/etc/passwd\" newline)", "files", FILE_DENIED},
    {"(with-input-from-file \"/etc/passwd\" read)", "files", FILE_DENIED},
    {"(with-output-to-file \"/etc/passwd\" newline)", "files", FILE_DENIED},
    {"(file-exists? \"/etc/passwd\")", "files", FILE_DENIED},
    {"(delete-file \"/etc/passwd\")", "files", FILE_DENIED},
    {"(load \"/etc/passwd\")", "files", FILE_DENIED},
    {"(load \"/etc/passwd\" (interaction-environment))", "files", FILE_DENIED},
    {"(current-second)", "clock", CLOCK_DENIED},
    {"(current-jiffy)", "clock", CLOCK_DENIED},
    {"(random-source-randomize! default-random-source)", "randomness",
     "(#f \"randomness is not granted to this isolate (IsolateOptions::randomness)\" ())"},
    {"(read-char)", "streams", INPUT_DENIED},
    {"(peek-char)", "streams", INPUT_DENIED},
    {"(read-line)", "streams", INPUT_DENIED},
    {"(read-string 5)", "streams", INPUT_DENIED},
    {"(read)", "streams", INPUT_DENIED},
    {"(read-u8)", "streams", INPUT_DENIED},
    {"(peek-u8)", "streams", INPUT_DENIED},
    {"(read-bytevector 5)", "streams", INPUT_DENIED},
    {"(read-bytevector! (make-bytevector 5))", "streams", INPUT_DENIED},
    {"(display 1)", "streams", OUTPUT_DENIED},
    {"(write 1)", "streams", OUTPUT_DENIED},
    {"(write-shared 1)", "streams", OUTPUT_DENIED},
    {"(write-simple 1)", "streams", OUTPUT_DENIED},
    {"(newline)", "streams", OUTPUT_DENIED},
    {"(write-char #\\x)", "streams", OUTPUT_DENIED},
    {"(write-string \"x\")", "streams", OUTPUT_DENIED},
    {"(write-u8 1)", "streams", OUTPUT_DENIED},
    {"(write-bytevector (bytevector 1))", "streams", OUTPUT_DENIED},
};

TEST(CapabilitiesTest, DeniedByDefaultByName) {
  auto isolate = Make();
  for (const Need& need : kNeeds) EXPECT_EQ(Guarded(*isolate, need.expression), need.caught) << need.expression;
  // Unhandled, it names the procedure too.
  EXPECT_THAT(Eval(*isolate, "(current-second)"),
              HasSubstr("current-second: the clock is not granted to this isolate (IsolateOptions::clock)"));
  EXPECT_THAT(Eval(*isolate, "(delete-file \"important\")"),
              HasSubstr(absl::StrCat("delete-file: ", kFiles, ": \"important\"")));
  // And the host can tell by its kind.
  EXPECT_EQ(isolate->LastError().kind, "permission");
  Eval(*isolate, "(car 1)");
  EXPECT_EQ(isolate->LastError().kind, "wrong-type");
  Eval(*isolate, "(raise 'thing)");
  EXPECT_EQ(isolate->LastError().kind, "");
  // An include fails while it is expanded, so the condition is one of syntax.
  EXPECT_THAT(Eval(*isolate, "(include \"/etc/passwd\")"), HasSubstr(absl::StrCat("include: ", kFiles)));
  EXPECT_EQ(Guarded(*isolate, "(include \"/etc/passwd\")"),
            absl::StrCat("(#f \"include: ", kFiles, ", in \\\"/etc/passwd\\\"\" ())"));
  EXPECT_THAT(Guarded(*isolate, "(import (no such library))"),
              HasSubstr(absl::StrCat("no library (no such library): ", kFiles)));
  // Nothing was given of these: they are empty, and no error.
  EXPECT_EQ(Eval(*isolate, "(command-line)"), "()");
  EXPECT_EQ(Eval(*isolate, "(get-environment-variables)"), "()");
  EXPECT_EQ(Eval(*isolate, "(get-environment-variable \"PATH\")"), "#f");
  // These need no grant: the libraries themselves, the unit of time, sources in their known states.
  EXPECT_EQ(Eval(*isolate,
                 "(import (scheme time) (scheme file) (scheme process-context) (srfi 27)) "
                 "(jiffies-per-second)"),
            "1000000");
  EXPECT_EQ(Eval(*isolate, "(random-integer 1000000)"), Eval(*Make(), "(import (srfi 27)) (random-integer 1000000)"));
}

// Granting one does not grant another.
TEST(CapabilitiesTest, EachIsGrantedByItself) {
  for (const std::string& granted :
       {std::string("files"), std::string("clock"), std::string("randomness"), std::string("streams")}) {
    IsolateOptions options;
    if (granted == "files") options.files = std::make_shared<MemoryFiles>();
    if (granted == "clock") options.clock = SystemClock();
    if (granted == "randomness") options.randomness = SystemRandomness();
    if (granted == "streams") options.write = [](int, absl::string_view) {};
    auto isolate = Make(options);
    for (const Need& need : kNeeds) {
      const bool denied = Guarded(*isolate, need.expression) == need.caught;
      EXPECT_EQ(denied, need.option != granted) << need.expression << " with " << granted;
    }
  }
}

// ---- The process's own

TEST(CapabilitiesTest, TheProcesssOwn) {
  IsolateOptions options;
  options.files = ProcessFiles();
  options.clock = SystemClock();
  options.randomness = SystemRandomness();
  auto isolate = Make(options);
  const std::string path = testing::TempDir() + "/capabilities_test_file";
  EXPECT_EQ(Eval(*isolate, absl::StrCat("(define path \"", path,
                                        "\")"
                                        "(call-with-output-file path (lambda (p) (display \"one\" p)))"
                                        "(let ((p (open-output-file path #t))) (display \" two\" p) (close-port p))"
                                        "(call-with-input-file path read-line)")),
            "\"one two\"");
  EXPECT_EQ(Eval(*isolate, "(list (file-exists? path) (begin (delete-file path) (file-exists? path)))"), "(#t #f)");
  EXPECT_EQ(Eval(*isolate,
                 "(let ((a (current-jiffy))) (list (< 1.7e9 (current-second) 1e11) (<= a "
                 "(current-jiffy))))"),
            "(#t #t)");
  EXPECT_EQ(Guarded(*isolate, "(open-input-file \"/no/such\")"),
            "(#t \"cannot open: No such file or directory\" (\"/no/such\"))");
  const char* draw = "(random-source-randomize! default-random-source)";
  Guarded(*isolate, draw);
  const std::string first = Eval(*isolate, "(random-integer (expt 10 30))");
  Guarded(*isolate, draw);
  EXPECT_NE(Eval(*isolate, "(random-integer (expt 10 30))"), first);
}

TEST(CapabilitiesTest, FilesBelowADirectory) {
  std::string top = testing::TempDir() + "/capabilities.XXXXXX";
  ASSERT_NE(mkdtemp(top.data()), nullptr);
  ASSERT_EQ(mkdir((top + "/site").c_str(), 0700), 0);
  std::ofstream(top + "/secret.lisp") << "(define stolen 'secret)";
  std::ofstream(top + "/site/mine.sld")
      << "(define-library (mine) (import (scheme base)) (export x) (include \"part.scm\"))";
  std::ofstream(top + "/site/part.scm") << "(define x 'mine)";
  ASSERT_EQ(symlink("../secret.lisp", (top + "/site/link.lisp").c_str()), 0);
  IsolateOptions options;
  options.files = *FilesBelow(top + "/site");
  auto isolate = Make(options);
  EXPECT_EQ(Eval(*isolate, "(import (mine)) x"), "mine") << "libraries and what they include";
  EXPECT_EQ(Eval(*isolate, "(call-with-input-file \"part.scm\" read)"), "(define x 'mine)");
  for (const std::string& path : {std::string("../secret.lisp"), top + "/secret.lisp", std::string("link.lisp")}) {
    const std::string refused =
        absl::StrCat(": the path leads out of the directory that the host has granted\" (\"", path, "\"))");
    EXPECT_EQ(Guarded(*isolate, absl::StrCat("(load \"", path, "\")")), "(#t \"cannot open" + refused);
    EXPECT_EQ(Guarded(*isolate, absl::StrCat("(open-output-file \"", path, "\")")), "(#t \"cannot open" + refused);
    EXPECT_EQ(Guarded(*isolate, absl::StrCat("(file-exists? \"", path, "\")")), "(#t \"cannot look for it" + refused);
    EXPECT_THAT(Eval(*isolate, absl::StrCat("(include \"", path, "\")")), HasSubstr("leads out of the directory"));
  }
  EXPECT_THAT(Eval(*isolate, "(import (.. secret))"), HasSubstr("cannot contain .."));
  EXPECT_THAT(Eval(*isolate, "stolen"), HasSubstr("stolen"));
  EXPECT_EQ(system(("rm -rf " + top).c_str()), 0);
}

// ---- The host's own

// Remembers what it is asked, and fails where it is told to.
class LoggedFiles : public FileSystem {
 public:
  class Opened : public File {
   public:
    Opened(LoggedFiles* files, std::string path) : files_(files), path_(std::move(path)) {}
    ~Opened() override { files_->log.push_back("end " + path_); }
    absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
      if (files_->failing == "read") return absl::DataLossError("cannot read: the tape is torn");
      const std::string& text = files_->texts[path_];
      const size_t count = std::min({size, size_t{3}, text.size() - position_});
      text.copy(buffer, count, position_);
      position_ += count;
      return count;
    }
    absl::Status Write(absl::string_view bytes) override {
      if (files_->failing == "write") return absl::DataLossError("cannot write: the tape is torn");
      files_->log.push_back(absl::StrCat("write ", path_, " ", bytes.size()));
      files_->texts[path_].append(bytes.data(), bytes.size());
      return absl::OkStatus();
    }
    absl::Status Flush() override {
      files_->log.push_back("flush " + path_);
      return absl::OkStatus();
    }
    absl::Status Close() override {
      files_->log.push_back("close " + path_);
      return files_->failing == "close" ? absl::DataLossError("cannot close: the drawer is stuck") : absl::OkStatus();
    }

   private:
    LoggedFiles* const files_;
    const std::string path_;
    size_t position_ = 0;
  };

  absl::StatusOr<std::unique_ptr<File>> Open(absl::string_view path, Mode mode) override {
    const std::string name(path);
    if (failing == "no file") return std::unique_ptr<File>();
    if (mode == Mode::kRead && texts.count(name) == 0) return absl::NotFoundError("cannot open: never heard of it");
    if (mode == Mode::kWrite) texts[name].clear();
    return std::make_unique<Opened>(this, name);
  }
  absl::StatusOr<bool> Exists(absl::string_view path) override {
    if (failing == "exists") return absl::UnavailableError("cannot look for it: it is dark");
    return texts.count(std::string(path)) != 0;
  }
  absl::Status Delete(absl::string_view path) override {
    return texts.erase(std::string(path)) != 0 ? absl::OkStatus()
                                               : absl::NotFoundError("cannot delete: never heard of it");
  }

  std::map<std::string, std::string> texts;
  std::vector<std::string> log;
  std::string failing;
};

TEST(CapabilitiesTest, AFileSystemOfTheHosts) {
  auto files = std::make_shared<LoggedFiles>();
  files->texts = {{"page", "(the page)"},
                  {"lib/a/b.sld", "(define-library (a b) (import (scheme base)) (export y) (include \"more.scm\"))"},
                  {"lib/a/more.scm", "(define y 'more)"},
                  {"script", "(define loaded 'loaded)"}};
  IsolateOptions options;
  options.files = files;
  options.library_path = {"elsewhere", "lib"};
  auto isolate = Make(options);
  EXPECT_EQ(Eval(*isolate, "(call-with-input-file \"page\" read)"), "(the page)");
  EXPECT_THAT(files->log, ElementsAre("close page", "end page"));
  EXPECT_EQ(Eval(*isolate, "(import (a b)) y"), "more");
  EXPECT_EQ(Eval(*isolate, "(load \"script\") loaded"), "loaded");
  EXPECT_THAT(Eval(*isolate, "(load \"none\")"), HasSubstr("load: cannot open: never heard of it: \"none\""));
  EXPECT_THAT(Eval(*isolate, "(import (lost))"),
              HasSubstr("looked for elsewhere/lost.sld, elsewhere/lost.lisp, lib/lost.sld"));

  files->log.clear();
  Eval(*isolate, "(define p (open-output-file \"new\")) (display \"text\" p)");
  EXPECT_THAT(files->log, ElementsAre()) << "held back";
  Eval(*isolate, "(flush-output-port p)");
  EXPECT_THAT(files->log, ElementsAre("write new 4", "flush new"));
  Eval(*isolate, "(display \"!\" p) (close-port p) (close-port p)");
  EXPECT_THAT(files->log, ElementsAre("write new 4", "flush new", "write new 1", "close new", "end new"));
  Eval(*isolate, "(define p (open-output-file \"new\" #t)) (display \"?\" p) (close-port p)");
  EXPECT_EQ(files->texts["new"], "text!?");
  EXPECT_EQ(Eval(*isolate, "(list (file-exists? \"new\") (begin (delete-file \"new\") (file-exists? \"new\")))"),
            "(#t #f)");
  // A file that is left open is written when the isolate ends, or the host asks.
  Eval(*isolate, "(define p (open-output-file \"left\")) (display \"text\" p)");
  {
    Isolate::Scope scope(*isolate);
    EXPECT_TRUE(isolate->Flush().ok());
  }
  EXPECT_EQ(files->texts["left"], "text");
  Eval(*isolate, "(display \" more\" p)");
  isolate = nullptr;
  EXPECT_EQ(files->texts["left"], "text more");
  EXPECT_EQ(files->log.back(), "end left");
}

TEST(CapabilitiesTest, ErrorsOfAFileSystemAreFileErrors) {
  auto files = std::make_shared<LoggedFiles>();
  files->texts = {{"page", "text"}};
  IsolateOptions options;
  options.files = files;
  auto isolate = Make(options);
  EXPECT_EQ(Guarded(*isolate, "(open-input-file \"none\")"), "(#t \"cannot open: never heard of it\" (\"none\"))");
  EXPECT_EQ(Guarded(*isolate, "(delete-file \"none\")"), "(#t \"cannot delete: never heard of it\" (\"none\"))");
  files->failing = "exists";
  EXPECT_EQ(Guarded(*isolate, "(file-exists? \"none\")"), "(#t \"cannot look for it: it is dark\" (\"none\"))");
  EXPECT_THAT(Eval(*isolate, "(import (lost))"), HasSubstr("looked for lost.sld, lost.lisp"));
  files->failing = "no file";
  EXPECT_EQ(Guarded(*isolate, "(open-input-file \"page\")"),
            "(#t \"cannot open: the host's file system gave no file\" (\"page\"))");
  EXPECT_THAT(Guarded(*isolate, "(load \"page\")"), HasSubstr("gave no file"));
  files->failing = "read";
  EXPECT_EQ(Guarded(*isolate, "(call-with-input-file \"page\" read-char)"),
            "(#t \"cannot read: the tape is torn\" (\"page\"))");
  EXPECT_EQ(Guarded(*isolate, "(load \"page\")"), "(#t \"cannot read: the tape is torn\" (\"page\"))");
  EXPECT_THAT(Guarded(*isolate, "(include \"page\")"), HasSubstr("cannot read page: cannot read: the tape is torn"));
  files->failing = "write";
  EXPECT_EQ(Guarded(*isolate, "(call-with-output-file \"new\" newline)"),
            "(#t \"cannot write: the tape is torn\" (\"new\"))");
  files->failing = "close";
  EXPECT_EQ(Guarded(*isolate, "(call-with-output-file \"new\" newline)"),
            "(#t \"cannot close: the drawer is stuck\" (\"new\"))");
  files->failing = "";
  EXPECT_EQ(Guarded(*isolate, "(open-input-file \"a\\x0;b\")"),
            "(#t \"a file name cannot contain a NUL character\" (\"a\\x0;b\"))");
  EXPECT_THAT(Guarded(*isolate, "(load \"a\\x0;b\")"), HasSubstr("cannot contain a NUL character"));
  EXPECT_THAT(Guarded(*isolate, "(include \"a\\x0;b\")"), HasSubstr("cannot contain a NUL character"));
  EXPECT_EQ(Guarded(*isolate, "(call-with-input-file \"page\" read-line)"), "\"text\"") << "and all goes on";
}

TEST(CapabilitiesTest, AClockOfTheHosts) {
  auto clock = std::make_shared<ManualClock>(seconds(1000000000));
  IsolateOptions options;
  options.clock = clock;
  auto isolate = Make(options);
  const char* both = "(list (current-second) (current-jiffy))";
  EXPECT_EQ(Eval(*isolate, both), "(1000000000.0 0)");
  EXPECT_EQ(Eval(*isolate, both), "(1000000000.0 0)") << "it stands";
  clock->Advance(milliseconds(2500));
  EXPECT_EQ(Eval(*isolate, both), "(1000000002.5 2500000)");
}

class BrokenRandomness : public Randomness {
 public:
  absl::Status Fill(uint64_t, absl::Span<uint8_t>) override { return absl::UnavailableError("no dice"); }
};

constexpr char kDraw[] =
    "(begin (random-source-randomize! default-random-source) (random-integer "
    "1000000000000000000000000))";

TEST(CapabilitiesTest, RandomnessOfTheHosts) {
  IsolateOptions options;
  options.randomness = SeededRandomness(42);
  auto one = Make(options), two = Make(options);
  const std::string first = Guarded(*one, kDraw), second = Guarded(*one, kDraw);
  EXPECT_NE(first, second);
  EXPECT_EQ(Guarded(*two, kDraw), first) << "each isolate starts from the seed";
  EXPECT_EQ(Guarded(*two, kDraw), second);
  options.randomness = SeededRandomness(43);
  EXPECT_NE(Guarded(*Make(options), kDraw), first);
  options.randomness = std::make_shared<BrokenRandomness>();
  EXPECT_EQ(Guarded(*Make(options), kDraw), "(#f \"no dice\" ())");
}

// ---- Tenants, forks, threads

TEST(CapabilitiesTest, EachTenantStartsAnew) {
  MemoryFiles::Options per_isolate;
  per_isolate.per_isolate = true;
  auto files = std::make_shared<MemoryFiles>(per_isolate);
  files->Put("given", "given");
  IsolatePool::Options options;
  options.isolate.files = files;
  options.isolate.randomness = SeededRandomness(42);
  options.isolate.clock = SystemClock();
  options.verify_resets = true;
  auto pool = *IsolatePool::Create(StandardSnapshot(), options);
  std::string drawn;
  for (int i = 0; i < 3; ++i) {
    auto isolate = *pool->Get();
    EXPECT_EQ(Eval(*isolate, "(list (file-exists? \"mine\") (call-with-input-file \"given\" read))"), "(#f given)");
    Eval(*isolate, "(call-with-output-file \"given\" (lambda (p) (write 'overwritten p)))");
    Eval(*isolate, "(begin (define p (open-output-file \"mine\")) (write 'left-open p))");
    EXPECT_EQ(Eval(*isolate, "(call-with-input-file \"given\" read)"), "overwritten");
    const std::string now = Guarded(*isolate, kDraw);
    if (i == 0) drawn = now;
    EXPECT_EQ(now, drawn);
    isolate.GiveBack();
    EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
  }
  EXPECT_EQ(pool->Stats().created, 1u) << "it was the same isolate each time";
  EXPECT_THAT(files->Names(), ElementsAre("given"));
  EXPECT_EQ(files->Get("given"), "given");
}

TEST(CapabilitiesTest, FilesThatAreSharedStay) {
  auto files = std::make_shared<MemoryFiles>();
  IsolatePool::Options options;
  options.isolate.files = files;
  options.verify_resets = true;
  auto pool = *IsolatePool::Create(StandardSnapshot(), options);
  for (int i = 0; i < 3; ++i) {
    auto isolate = *pool->Get();
    Eval(*isolate, "(define p (open-output-file \"log\" #t)) (write 'line p)");
    isolate.GiveBack();
    EXPECT_TRUE(pool->ResetStatus().ok()) << pool->ResetStatus();
  }
  EXPECT_EQ(files->Get("log"), "linelineline") << "written when the tenant goes";
}

TEST(CapabilitiesTest, ForksGoOnFromTheirParents) {
  MemoryFiles::Options per_isolate;
  per_isolate.per_isolate = true;
  auto clock = std::make_shared<ManualClock>();
  IsolateOptions options;
  options.files = std::make_shared<MemoryFiles>(per_isolate);
  options.randomness = SeededRandomness(42);
  options.clock = clock;
  auto parent = Make(options);
  const std::string first = Guarded(*parent, kDraw);
  Eval(*parent, "(call-with-output-file \"mine\" (lambda (p) (write 'parent p)))");
  auto child = *parent->Fork();
  const std::string second = Guarded(*parent, kDraw);
  EXPECT_NE(second, first);
  EXPECT_EQ(Guarded(*child, kDraw), second);
  EXPECT_EQ(Eval(*child, "(call-with-input-file \"mine\" read)"), "parent");
  Eval(*child, "(call-with-output-file \"mine\" (lambda (p) (write 'child p)))");
  EXPECT_EQ(Eval(*parent, "(call-with-input-file \"mine\" read)"), "parent");
  parent = nullptr;
  EXPECT_EQ(Eval(*child, "(call-with-input-file \"mine\" read)"), "child");
  clock->Advance(seconds(1));
  EXPECT_EQ(Eval(*child, "(current-jiffy)"), "1000000");
}

TEST(CapabilitiesTest, TwoThreadsWithTheirOwn) {
  std::vector<std::thread> threads;
  auto shared = std::make_shared<MemoryFiles>();
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([t, shared] {
      auto own = std::make_shared<ManualClock>(seconds(t));
      for (int i = 0; i < 20; ++i) {
        IsolateOptions options;
        options.files = shared;
        options.clock = own;
        options.randomness = SeededRandomness(static_cast<uint64_t>(t));
        auto isolate = Make(options);
        EXPECT_EQ(Eval(*isolate, "(current-second)"), absl::StrCat(t, ".0"));
        Eval(*isolate, absl::StrCat("(let ((p (open-output-file \"log", t, "\" #t))) (write 'x p) (close-port p))"));
        Eval(*isolate, "(let ((p (open-output-file \"log\" #t))) (write 'y p) (close-port p))");
        Guarded(*isolate, kDraw);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared->Get("log0"), std::string(20, 'x'));
  EXPECT_EQ(shared->Get("log1"), std::string(20, 'x'));
  EXPECT_EQ(shared->Get("log"), std::string(40, 'y'));
}

}  // namespace
}  // namespace islet
