#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/ports/outside.h"
#include "isolate/ports/port.h"
#include "isolate/printer/printer.h"
#include "isolate/reader/test_vm.h"
#include "isolate/runtime/primitives.h"

namespace islet::vm {
namespace {

// Standard streams in memory.
class FakeStreams : public StandardStreams {
 public:
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    // A few bytes at a time, as from a terminal.
    const size_t count = std::min({size, size_t{3}, input.size()});
    input.copy(buffer, count);
    input.erase(0, count);
    return count;
  }
  absl::Status Write(int descriptor, absl::string_view text) override {
    (descriptor == STDERR_FILENO ? error : output).append(text.data(), text.size());
    return absl::OkStatus();
  }

  std::string input, output, error;
};

class PortTest : public ::testing::Test, public RootSource {
 protected:
  PortTest() {
    heap_.AddRoots(this);
    // isolate/lib makes these three parameters when it is loaded; here is no library.
    const Value parameters = heap_.MakeVector(3, kFalse);
    for (int i = 0; i < 3; ++i) {
      Parameter* parameter = heap_.New<Parameter>();
      parameter->value = MakeStandardPort(*vm_, static_cast<StandardPort>(i));
      parameter->converter = kFalse;
      heap_.Get<Vector>(parameters)->items[i] = heap_.ValueOf(parameter);
    }
    vm_->set_root(Root::kStandardPorts, parameters);
    std::string name = "/tmp/islet_port_test.XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~PortTest() override {
    heap_.RemoveRoots(this);
    for (const char* file : {"a.txt", "b.bin"}) unlink(Path(file).c_str());
    rmdir(directory_.c_str());
  }
  void VisitRoots(Visit visit, void* context) override {
    for (auto& slot : kept_) visit(slot.get(), context);
  }

  // Calls a primitive. What it raises comes back as the string "kind: message".
  template <typename... Args>
  Value Call(absl::string_view name, Args... args) {
    std::vector<Value> values = {args...};
    values.push_back(kUndefined);
    for (const PrimitiveSpec& spec : PortPrimitives()) {
      if (name != spec.name) continue;
      const uint32_t argc = sizeof...(args);
      EXPECT_GE(argc, spec.min_args);
      if (spec.max_args >= 0) {
        EXPECT_LE(argc, static_cast<uint32_t>(spec.max_args));
      }
      const Value result = spec.function(*vm_, values.data(), argc);
      if (result != kException) return result;
      const Value raised = vm_->TakePending();
      const Condition* condition = heap_.TryGet<Condition>(raised);
      if (condition == nullptr) return raised;
      const Place place = PlaceFromValue(heap_, condition->position);
      const std::string position = place.known() ? place.ToString() + " " : "";
      return Str(
          absl::StrCat(Show(condition->kind), ": ", position, Print(*vm_, condition->message, PrintMode::kDisplay)));
    }
    ADD_FAILURE() << "no primitive " << name;
    return kFalse;
  }
  template <typename... Args>
  std::string Result(absl::string_view name, Args... args) {
    return Show(Call(name, args...));
  }
  std::string Show(Value v) { return Print(*vm_, v, PrintMode::kWrite); }
  Value Str(absl::string_view text) { return MakeString(heap_, text); }
  Value Bytes(absl::string_view text) {
    const Value v = heap_.MakeBytevector(static_cast<uint32_t>(text.size()));
    if (!text.empty()) memcpy(heap_.Get<Bytevector>(v)->bytes, text.data(), text.size());
    return v;
  }
  Value& Keep(Value v) {
    kept_.push_back(std::make_unique<Value>(v));
    return *kept_.back();
  }
  std::string Path(absl::string_view name) { return absl::StrCat(directory_, "/", name); }
  PortTable& table() { return PortTableOf(*vm_); }

  std::unique_ptr<Vm> vm_ = MakeTestVm();
  Heap& heap_ = vm_->heap();
  std::string directory_;
  std::vector<std::unique_ptr<Value>> kept_;
};

TEST_F(PortTest, StringInput) {
  const Value port = Call("open-input-string", Str("aλ\nsecond\r\nthird"));
  EXPECT_EQ(Result("peek-char", port), "#\\a");
  EXPECT_EQ(Result("read-char", port), "#\\a");
  EXPECT_EQ(Result("read-char", port), "#\\λ");
  EXPECT_EQ(Result("char-ready?", port), "#t");
  EXPECT_EQ(Result("read-line", port), "\"\"");
  EXPECT_EQ(Result("read-line", port), "\"second\"");
  EXPECT_EQ(Result("read-string", Value::Fixnum(3), port), "\"thi\"");
  EXPECT_EQ(Result("read-string", Value::Fixnum(0), port), "\"\"");
  EXPECT_EQ(Result("read-line", port), "\"rd\"");
  EXPECT_EQ(Result("read-line", port), "#<eof>");
  EXPECT_EQ(Result("read-char", port), "#<eof>");
  EXPECT_EQ(Result("read-string", Value::Fixnum(1000000000), port), "#<eof>");
}

TEST_F(PortTest, StringOutput) {
  const Value port = Call("open-output-string");
  EXPECT_EQ(Result("get-output-string", port), "\"\"");
  Call("write-string", Str("abcde"), port, Value::Fixnum(1), Value::Fixnum(3));
  Call("write-char", Value::Char(0x3bb), port);
  Call("newline", port);
  Call("write", Str("q\""), port);
  Call("display", Str("q\""), port);
  EXPECT_EQ(Result("get-output-string", port), R"("bcλ\n\"q\\\"\"q\"")");
  // Growing past several buffers, and collections in between.
  const Value& big = Keep(Call("open-output-string"));
  std::string expected;
  for (int i = 0; i < 20000; ++i) {
    const std::string piece = absl::StrCat("piece ", i, "λ;");
    expected += piece;
    Call("write-string", Str(piece), big);
    if (i % 5000 == 0) heap_.CollectFull();
  }
  EXPECT_EQ(ToUtf8(heap_, Call("get-output-string", big)), expected);
}

TEST_F(PortTest, BytevectorPorts) {
  const Value in = Call("open-input-bytevector", Bytes("\x01\x02\xff\x04\x05"));
  EXPECT_EQ(Result("peek-u8", in), "1");
  EXPECT_EQ(Result("read-u8", in), "1");
  EXPECT_EQ(Result("read-bytevector", Value::Fixnum(2), in), "#u8(2 255)");
  const Value target = Bytes("abcdef");
  EXPECT_EQ(Result("read-bytevector!", target, in, Value::Fixnum(1)), "2");
  EXPECT_EQ(Show(target), "#u8(97 4 5 100 101 102)");
  EXPECT_EQ(Result("read-u8", in), "#<eof>");
  EXPECT_EQ(Result("read-bytevector", Value::Fixnum(1000000000), in), "#<eof>");
  EXPECT_EQ(Result("read-bytevector!", target, in), "#<eof>");
  const Value out = Call("open-output-bytevector");
  Call("write-u8", Value::Fixnum(200), out);
  Call("write-bytevector", Bytes("xyz"), out, Value::Fixnum(1));
  EXPECT_EQ(Result("get-output-bytevector", out), "#u8(200 121 122)");
}

TEST_F(PortTest, ReadsData) {
  const Value port = Call("open-input-string", Str("(a \"b\" #(1)) #!fold-case ABC 'x\n  )"));
  const Value list = Call("read", port);
  EXPECT_EQ(Show(list), "(a \"b\" #(1))");
  EXPECT_FALSE(IsImmutable(heap_, heap_.car(heap_.cdr(list))));
  EXPECT_EQ(Result("read", port), "abc");
  EXPECT_EQ(Result("read", port), "'x");
  EXPECT_EQ(Result("read", port), "\"read: 2:3 this ) closes nothing\"");
  const Value cut = Call("open-input-string", Str("(a"));
  EXPECT_EQ(Result("read", cut), "\"read: 1:1 this list is not closed: a ) is missing\"");
  EXPECT_EQ(Result("read", cut), "#<eof>");
  std::string many;
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&many, i, " ");
  const Value& numbers = Keep(Call("open-input-string", Str(many)));
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(Call("read", numbers).bits, Value::Fixnum(i).bits);
  EXPECT_EQ(Result("read", numbers), "#<eof>");
}

TEST_F(PortTest, StandardPortsNeedAGrant) {
  EXPECT_EQ(Result("display", Str("x")),
            "\"permission: standard output is not granted to this isolate "
            "(IsolateOptions::write or streams)\"");
  EXPECT_EQ(Result("read-char"),
            "\"permission: standard input is not granted to this isolate (IsolateOptions::streams)\"");
  auto streams = std::make_shared<FakeStreams>();
  streams->input = "(1 λ) line two\nrest";
  table().SetStandardStreams(streams);
  EXPECT_EQ(Result("read"), "(1 λ)");
  EXPECT_EQ(Result("read-line"), "\" line two\"");
  EXPECT_EQ(Result("read-string", Value::Fixnum(10)), "\"rest\"");
  EXPECT_EQ(Result("read-char"), "#<eof>");
  Call("display", Str("out"));
  Call("write-char", Value::Char('!'), Call("%standard-port", Value::Fixnum(2)));
  EXPECT_EQ(streams->output, "out");
  EXPECT_EQ(streams->error, "!");
}

TEST_F(PortTest, ParameterizeRedirects) {
  const Value port = Call("open-output-string");
  const Value parameter = heap_.Get<Vector>(vm_->root(Root::kStandardPorts))->items[1];
  vm_->dynamic().parameters = heap_.Cons(heap_.Cons(parameter, port), kNull);
  Call("display", Str("x"));
  vm_->dynamic().parameters = kNull;
  EXPECT_EQ(Result("get-output-string", port), "\"x\"");
}

TEST_F(PortTest, FilesNeedAGrant) {
  constexpr absl::string_view kDenied =
      "\"permission: access to files is not granted to this isolate (IsolateOptions::files)\"";
  EXPECT_EQ(Result("open-input-file", Str("/etc/passwd")), kDenied);
  EXPECT_EQ(Result("open-output-file", Str(Path("a.txt"))), kDenied);
  EXPECT_EQ(Result("file-exists?", Str("/")), kDenied);
  EXPECT_EQ(Result("delete-file", Str(Path("a.txt"))), kDenied);
}

TEST_F(PortTest, Files) {
  std::vector<std::string> files_read;
  table().files = ProcessFiles().get();
  table().base_directory = directory_;
  table().files_read = &files_read;
  const Value out = Call("open-output-file", Str("a.txt"));
  EXPECT_FALSE(CanFreezePort(*heap_.Get<Port>(out)));
  std::string long_text(200000, 'x');
  Call("write-string", Str("λ\n"), out);
  Call("write-string", Str(long_text), out);
  EXPECT_EQ(Result("close-port", out), "#<unspecified>");
  EXPECT_TRUE(CanFreezePort(*heap_.Get<Port>(out)));
  EXPECT_EQ(Result("write-char", Value::Char('x'), out), "\"file: the port is closed\"");
  EXPECT_EQ(Result("file-exists?", Str("a.txt")), "#t");
  const Value in = Call("open-input-file", Str("a.txt"));
  EXPECT_EQ(Result("read-line", in), "\"λ\"");
  EXPECT_EQ(ToUtf8(heap_, Call("read-line", in)), long_text);
  EXPECT_EQ(Result("read-line", in), "#<eof>");
  EXPECT_EQ(Result("input-port-open?", in), "#t");
  Call("close-input-port", in);
  Call("close-input-port", in);
  EXPECT_EQ(Result("input-port-open?", in), "#f");
  EXPECT_EQ(files_read, std::vector<std::string>{Path("a.txt")});
  EXPECT_EQ(Result("delete-file", Str("a.txt")), "#<unspecified>");
  EXPECT_EQ(Result("open-input-file", Str("a.txt")), "\"file: cannot open: No such file or directory\"");
  EXPECT_EQ(Result("open-input-file", Str("/")), "\"file: cannot open: Is a directory\"");
  EXPECT_EQ(Result("delete-file", Str("a.txt")), "\"file: cannot delete: No such file or directory\"");
  EXPECT_EQ(Result("open-input-file", Str(absl::string_view("a\0b", 3))),
            "\"file: a file name cannot contain a NUL character\"");
}

TEST_F(PortTest, OpenFilesAreLimited) {
  table().files = ProcessFiles().get();
  table().max_open_files = 2;
  const Value first = Call("open-input-file", Str("/dev/null"));
  Call("open-input-file", Str("/dev/null"));
  EXPECT_EQ(Result("open-input-file", Str("/dev/null")),
            "\"file: cannot open: the isolate may have 2 files open at a time\"");
  Call("close-port", first);
  EXPECT_EQ(Result("port?", Call("open-input-file", Str("/dev/null"))), "#t");
}

// An isolate that ends writes out what its ports have buffered.
TEST_F(PortTest, FilesAreWrittenAtTheEnd) {
  auto vm = MakeTestVm();
  PortTableOf(*vm).files = ProcessFiles().get();
  std::swap(vm, vm_);
  Value name = MakeString(vm_->heap(), Path("b.bin"));
  for (const PrimitiveSpec& spec : PortPrimitives()) {
    if (absl::string_view(spec.name) == "open-binary-output-file") {
      const Value port = spec.function(*vm_, &name, 1);
      ASSERT_NE(port, kException);
      WriteToPort(*vm_, "test", port, "bytes");
    }
  }
  std::swap(vm, vm_);
  vm.reset();
  FILE* file = fopen(Path("b.bin").c_str(), "r");
  ASSERT_NE(file, nullptr);
  char buffer[16];
  EXPECT_EQ(fread(buffer, 1, sizeof(buffer), file), 5u);
  fclose(file);
}

TEST_F(PortTest, InvalidUtf8IsAReadError) {
  table().files = ProcessFiles().get();
  const Value out = Call("open-binary-output-file", Str(Path("b.bin")));
  Call("write-bytevector", Bytes("ab\n\xff\xfe"), out);
  Call("close-port", out);
  const Value in = Call("open-input-file", Str(Path("b.bin")));
  EXPECT_EQ(Result("read-line", in), "\"ab\"");
  EXPECT_EQ(ToUtf8(heap_, Call("read-char", in)),
            absl::StrCat("read: ", Path("b.bin"), ":2:1 the input is not valid UTF-8"));
  EXPECT_EQ(ToUtf8(heap_, Call("read-string", Value::Fixnum(5), in)),
            absl::StrCat("read: ", Path("b.bin"), ":2:1 the input is not valid UTF-8"));
}

TEST_F(PortTest, ChecksArguments) {
  const Value in = Call("open-input-string", Str("x"));
  const Value out = Call("open-output-string");
  for (const Value bad : {Value::Fixnum(1), kFalse, Str("x"), out}) {
    EXPECT_EQ(Result("read-char", bad).substr(0, 12), "\"wrong-type:");
  }
  EXPECT_EQ(Result("read-u8", in).substr(0, 12), "\"wrong-type:");
  EXPECT_EQ(Result("write-char", Value::Char('x'), in).substr(0, 12), "\"wrong-type:");
  EXPECT_EQ(Result("write-u8", Value::Fixnum(256), out).substr(0, 1), "\"");
  EXPECT_EQ(Result("read-string", Value::Fixnum(-1), in).substr(0, 1), "\"");
  EXPECT_EQ(Result("write-string", Str("abc"), out, Value::Fixnum(2), Value::Fixnum(1)).substr(0, 7), "\"range:");
  EXPECT_EQ(Result("get-output-string", in).substr(0, 12), "\"wrong-type:");
  EXPECT_EQ(Result("open-input-string", kNull).substr(0, 12), "\"wrong-type:");
  EXPECT_EQ(Result("%standard-port", Value::Fixnum(3)).substr(0, 12), "\"wrong-type:");
}

// Output without end is refused, not attempted to the last byte.
TEST_F(PortTest, EndlessOutputIsOutOfMemory) {
  vm_->heap().set_heap_limit(size_t{16} << 20);
  const Value cycle = heap_.Cons(kTrue, kNull);
  heap_.Get<Pair>(cycle)->cdr = cycle;
  EXPECT_EQ(Result("write-simple", cycle, Call("open-output-string")).substr(0, 8), "\"memory:");
}

TEST_F(PortTest, Printed) {
  EXPECT_EQ(Show(Call("open-input-string", Str("x"))), "#<textual-input-port>");
  EXPECT_EQ(Show(Call("%standard-port", Value::Fixnum(1))), "#<textual-output-port standard output>");
}

}  // namespace
}  // namespace islet::vm
