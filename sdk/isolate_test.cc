#include "islet/isolate.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "sdk/isolate_impl.h"
#include "sdk/isolate_test_startup.h"

ISLET_EMBEDDED_SNAPSHOT(isolate_test_startup);

namespace islet {
namespace {

HostFunctions& Hosts() {
  static HostFunctions* const hosts = [] {
    auto* made = new HostFunctions;
    made->Add("log", 1, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
    made->Add("add", 2, -1, [](Isolate&, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      int64_t sum = 0;
      for (const Value& argument : arguments) {
        absl::StatusOr<int64_t> n = argument.ToInt64();
        if (!n.ok()) return n.status();
        sum += *n;
      }
      return Integer(sum);
    });
    made->Add("call-back", 1, [](Isolate& isolate, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
      return isolate.Call(arguments[0]);
    });
    return made;
  }();
  return *hosts;
}

class IsolateTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<Snapshot> snapshot = Snapshot::FromEmbedded(isolate_test_startup);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    snapshot_.emplace(*std::move(snapshot));
  }
  std::unique_ptr<Isolate> Make(IsolateOptions options = {}) {
    options.host_functions = &Hosts();
    absl::StatusOr<std::unique_ptr<Isolate>> isolate = Isolate::FromSnapshot(*snapshot_, options);
    EXPECT_TRUE(isolate.ok()) << isolate.status();
    return isolate.ok() ? *std::move(isolate) : nullptr;
  }
  std::optional<Snapshot> snapshot_;
};

std::string Printed(const absl::StatusOr<Value>& value) {
  return value.ok() ? value->Print() : std::string(value.status().message());
}

// An evaluator is made when something is to be evaluated: the host's text, or a program's datum.
TEST_F(IsolateTest, CallsAloneMakeNoEvaluator) {
  auto isolate = Make();
  const Isolate::Scope scope(*isolate);
  const Isolate::Impl& impl = *isolate->impl();
  EXPECT_TRUE(isolate->Call("add", {Integer(1), Integer(2)}).ok());
  EXPECT_TRUE(isolate->Call(*isolate->Lookup("add"), {Integer(1)}).ok());
  EXPECT_FALSE(isolate->Call("fail-deeply", {Integer(3)}).ok());
  EXPECT_EQ(isolate->LastError().message, "it went wrong: because 0");
  EXPECT_EQ(isolate->Call("no-such-name").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(impl.lazy_evaluator.has_value());
  const absl::StatusOr<Value> evaluated = isolate->Call("evaluate", {List({Symbol("add"), Integer(2), Integer(3)})});
  ASSERT_TRUE(evaluated.ok()) << evaluated.status();
  EXPECT_EQ(evaluated->Print(), "5");
  EXPECT_TRUE(impl.lazy_evaluator.has_value());
}

TEST_F(IsolateTest, ValuesGoInAndComeOut) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  auto through = [&](const Value& v) { return isolate->Call("identity", {v}).value(); };
  EXPECT_EQ(through(Integer(42)).ToInt64().value(), 42);
  EXPECT_EQ(through(Integer(INT64_MIN)).ToInt64().value(), INT64_MIN);
  EXPECT_EQ(through(Integer(INT64_MAX)).ToInt64().value(), INT64_MAX);
  EXPECT_EQ(through(BigInteger("-123456789012345678901234567890")).ToDecimal().value(),
            "-123456789012345678901234567890");
  EXPECT_EQ(through(BigInteger("9223372036854775808")).ToInt64().status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(through(Real(0.1)).ToDouble().value(), 0.1);
  EXPECT_EQ(through(String("héllo, 世界 𝄞")).ToString().value(), "héllo, 世界 𝄞");
  EXPECT_EQ(through(String(absl::string_view("a\0b", 3))).ToString().value(), std::string("a\0b", 3));
  EXPECT_EQ(through(Symbol("odd symbol")).Print(), "|odd symbol|");
  EXPECT_EQ(through(Character(0x1d11e)).ToCharacter().value(), 0x1d11eu);
  EXPECT_TRUE(through(Boolean(true)).ToBool().value());
  EXPECT_TRUE(through(Boolean(false)).IsFalse());
  EXPECT_TRUE(through(Null()).IsNull());
  EXPECT_EQ(through(List({Integer(1), String("two"), List({Real(3.0)})})).Print(), "(1 \"two\" (3.0))");
  EXPECT_EQ(through(Vector({Integer(1), Symbol("x")})).Print(), "#(1 x)");
  const uint8_t bytes[] = {0, 255, 7};
  EXPECT_EQ(through(Bytevector(bytes)).ToBytes().value(), std::vector<uint8_t>({0, 255, 7}));
  auto entries = through(HashTable({{String("k"), Integer(1)}, {Symbol("s"), Null()}})).ToEntries();
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].first.ToString().value(), "k");
  EXPECT_EQ((*entries)[0].second.ToInt64().value(), 1);
  auto items = isolate->Eval("(list 1 2 3)").value().ToVector();
  ASSERT_TRUE(items.ok());
  EXPECT_EQ(items->size(), 3u);
}

TEST_F(IsolateTest, ComplexNumbersPrintButAreNoDoubles) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  // Constants from the snapshot.
  EXPECT_EQ(Printed(isolate->Eval("impedances")), "(1/2+3i 1.5-2.0i)");
  EXPECT_EQ(Printed(isolate->Call("add-impedance", {Integer(1)})), "3.0+1.0i");
  for (const char* text : {"1/2+3i", "1.5+0.0i"}) {
    Value z = isolate->Eval(text).value();
    EXPECT_EQ(z.type(), Type::kComplex);
    EXPECT_EQ(z.Print(), text);
    EXPECT_EQ(z.ToDouble().status().message(), "expected a real number, got a complex number");
    EXPECT_FALSE(z.ToInt64().ok());
    EXPECT_FALSE(z.ToDecimal().ok());
    EXPECT_EQ(Printed(isolate->Call("identity", {z})), text);
  }
  EXPECT_EQ(isolate->Eval("(real-part 1.5+2i)").value().ToDouble().value(), 1.5);
}

TEST_F(IsolateTest, WrongTypesOfResultsAreReported) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  Value text = isolate->Eval("\"text\"").value();
  EXPECT_EQ(text.ToInt64().status().message(), "expected an exact integer, got a string");
  Value circle = isolate->Eval("(let ((x (list 1 2))) (set-cdr! (cdr x) x) x)").value();
  EXPECT_EQ(circle.ToVector().status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(isolate->Call("identity", {BigInteger("12x")}).ok());
}

TEST_F(IsolateTest, EachIsolateStartsInTheSnapshotsState) {
  auto first = Make();
  {
    Isolate::Scope scope(*first);
    EXPECT_EQ(first->Call("count!").value().ToInt64().value(), 1);
    EXPECT_EQ(first->Call("count!").value().ToInt64().value(), 2);
    EXPECT_TRUE(first->Eval("(hash-table-set! table \"three\" 3)").ok());
    EXPECT_TRUE(first->Eval("(define (add . x) 'redefined)").ok());
    EXPECT_EQ(Printed(first->Call("add", {Integer(1)})), "redefined");
  }
  auto second = Make();
  Isolate::Scope scope(*second);
  EXPECT_EQ(second->Call("count!").value().ToInt64().value(), 1);
  EXPECT_TRUE(second->Call("look-up", {String("three")}).value().IsFalse());
  EXPECT_EQ(second->Call("add", {Integer(1), Integer(2)}).value().ToInt64().value(), 3);
}

TEST_F(IsolateTest, RestoreHooksRunOncePerIsolate) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->Eval("restored")), "1");
  EXPECT_EQ(Printed(isolate->Eval("restored")), "1");
}

TEST_F(IsolateTest, RestoreHooksThatWereInterruptedRunWithTheNextCall) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  isolate->Interrupt();
  EXPECT_EQ(isolate->Eval("restored").status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Printed(isolate->Eval("restored")), "1");
  EXPECT_EQ(Printed(isolate->Eval("restored")), "1");
}

TEST_F(IsolateTest, ExceptionsHaveMessagePositionAndBacktrace) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  absl::Status status = isolate->Call("fail-deeply", {Integer(3)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown);
  EXPECT_TRUE(absl::StrContains(status.message(), "it went wrong")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "because")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "at fail-deeply (")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "isolate_test.lisp:18:")) << status;

  status = isolate->Eval("(+ 1\n   (car (list))", "input").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(status.message(), "input:1:1")) << status;
  status = isolate->Eval("(+ 1\n   (car 7))", "input").status();
  EXPECT_TRUE(absl::StrContains(status.message(), "car: argument 1 should be a pair: 7")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "input:2:")) << status;
  status = isolate->Eval("(if)", "input").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  status = isolate->Eval("nowhere-defined").status();
  EXPECT_TRUE(absl::StrContains(status.message(), "nowhere-defined")) << status;
  status = isolate->Eval("(raise 'a-symbol)").status();
  EXPECT_TRUE(absl::StrContains(status.message(), "a-symbol")) << status;
  EXPECT_EQ(Printed(isolate->Eval("(+ 1 2)")), "3");
}

TEST_F(IsolateTest, ErrorsNameTheProcedureWhoeverCarriesItOut) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  const struct {
    const char* program;
    const char* message;
  } cases[] = {
      // The accessor's body is copied to its call.
      {"(let () (define-record-type p (mk x) p? (x p-x set-p-x!)) (define (f q) (list (p-x q))) (f 5))",
       "p-x: argument 1 should be a record of type p: 5"},
      {"(let () (define-record-type p (mk x) p? (x p-x set-p-x!)) (define (f q) (set-p-x! q 1) 2) (f 'y))",
       "set-p-x!: argument 1 should be a record of type p: y"},
      // One instruction for sum and product.
      {"(let ((f (lambda (a b c) (+ a (* b c))))) (f 1 \"b\" 2))", "*: argument 1 should be a number: \"b\""},
      {"(let ((f (lambda (a b c) (- (* b c) a)))) (f 'a 1 2))", "-: argument 2 should be a number: a"},
      {"(let ((f (lambda (a b) (/ a b)))) (f 1 0))", "/: "},
      // A primitive that leaves what it cannot do to Lisp.
      {"(hash-table-ref/default 5 1 2)", "hash-table-ref/default: argument 1 should be a hash table: 5"},
      {"(hash-table-set! (make-hash-table) 1)", "hash-table-set!: the last key has no value: 1"},
  };
  for (const auto& [program, message] : cases) {
    EXPECT_EQ(Printed(isolate->Eval(program)).find(message), 0u) << program << "\n" << Printed(isolate->Eval(program));
  }
}

TEST_F(IsolateTest, BadCalls) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  absl::Status status = isolate->Call("no-such-procedure").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(status.message(), "no-such-procedure")) << status;
  status = isolate->Call("identity", {Integer(1), Integer(2)}).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "identity: called with 2 arguments; takes 1")) << status;
  status = isolate->Call("counter").status();
  EXPECT_TRUE(absl::StrContains(status.message(), "not a procedure")) << status;
}

TEST_F(IsolateTest, OnlyTheThreadThatEnteredMayCall) {
  auto isolate = Make();
  EXPECT_EQ(isolate->Call("count!").status().code(), absl::StatusCode::kFailedPrecondition);
  Isolate::Scope scope(*isolate);
  Value value = isolate->Eval("'(1 2)").value();
  std::thread other([&] {
    EXPECT_EQ(isolate->Call("count!").status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(value.ToVector().status().code(), absl::StatusCode::kFailedPrecondition);
    Isolate::Scope refused(*isolate);
    EXPECT_EQ(isolate->Eval("1").status().code(), absl::StatusCode::kFailedPrecondition);
  });
  other.join();
  EXPECT_TRUE(isolate->Call("count!").ok());
}

TEST_F(IsolateTest, HandlesEndWithTheirScope) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  Value inner;
  Persistent kept;
  {
    Isolate::Scope nested(*isolate);
    inner = isolate->Eval("(list 1 2 3)").value();
    kept = Persistent(*isolate, inner);
    EXPECT_TRUE(inner.ToVector().ok());
  }
  EXPECT_EQ(inner.ToVector().status().code(), absl::StatusCode::kFailedPrecondition);
  Value reused = isolate->Eval("'other").value();
  EXPECT_EQ(inner.ToVector().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(isolate->Call("identity", {inner}).status().code(), absl::StatusCode::kFailedPrecondition);
  isolate->CollectGarbage();
  EXPECT_EQ(kept.Get().Print(), "(1 2 3)");
  EXPECT_EQ(reused.Print(), "other");
}

TEST_F(IsolateTest, HostFunctions) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->Call("use-hosts", {Integer(2), Integer(3)})), "6");
  absl::Status status = isolate->Call("use-hosts", {Integer(2), String("x")}).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "add: expected an exact integer, got a string")) << status;
  // A condition in a nested call passes through the host function, and can be caught outside it.
  EXPECT_EQ(Printed(isolate->Eval("(catch-host (lambda () (error \"inner\" 1)))")), "(caught \"inner\")");
  EXPECT_EQ(Printed(isolate->Eval("(catch-host (lambda () (* 6 7)))")), "42");
  status = isolate->Eval("(call-back)").status();
  EXPECT_TRUE(absl::StrContains(status.message(), "call-back: called with 0 arguments; takes 1")) << status;
}

TEST_F(IsolateTest, LoopsKeepNothingThatTheyHaveDoneWith) {
  IsolateOptions options;
  options.limits.heap_bytes = 8 << 20;
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->Call("walk-stream", {Integer(1000000)})), "1000000");
  EXPECT_EQ(Printed(isolate->Call("walk-coroutine", {Integer(200000)})), "200000");
}

TEST_F(IsolateTest, ContinuationsMayLeaveAHostFunctionButNotComeBack) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  EXPECT_EQ(Printed(isolate->Call("escape-through-host")), "escaped");
  EXPECT_EQ(Printed(isolate->Call("save-continuation")), "first");
  // Into an earlier call from the host: its rest runs, and returns to the present caller.
  EXPECT_EQ(Printed(isolate->Call("re-enter")), "again");
  EXPECT_EQ(Printed(isolate->Eval("(define kept #f) (list 1 (call/cc (lambda (k) (set! kept k) 2)))")), "(1 2)");
  EXPECT_EQ(Printed(isolate->Eval("(vector (kept 3))")), "(1 3)");
  EXPECT_EQ(Printed(isolate->Call("save-in-host")), "(first)");
  absl::Status status = isolate->Call("re-enter").status();
  EXPECT_TRUE(absl::StrContains(status.message(), "cannot re-enter")) << status;
  EXPECT_EQ(Printed(isolate->Eval("(guard (e (#t 'caught)) (re-enter))")), "caught");
}

TEST_F(IsolateTest, MissingHostFunctionsAreAllNamed) {
  HostFunctions some;
  some.Add("log", 2, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
  IsolateOptions options;
  options.host_functions = &some;
  absl::Status status = Isolate::FromSnapshot(*snapshot_, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  for (const char* name : {"log", "add", "call-back"}) {
    EXPECT_TRUE(absl::StrContains(status.message(), name)) << status;
  }
}

TEST_F(IsolateTest, LimitsEndTheCallAndLeaveTheIsolateUsable) {
  IsolateOptions options;
  options.limits.heap_bytes = 16 << 20;
  auto isolate = Make(options);
  Isolate::Scope scope(*isolate);
  for (const char* greedy : {"allocate-forever", "recurse-forever"}) {
    absl::Status status = isolate->Call(greedy).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << greedy << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "heap limit")) << status;
    EXPECT_EQ(Printed(isolate->Eval("(guard (e (#t 'caught)) (make-vector 100000000 0))")), "caught");
    EXPECT_EQ(isolate->Call("count!").ok(), true);
  }
}

TEST_F(IsolateTest, InterruptEndsALoop) {
  auto isolate = Make();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    isolate->Interrupt();
  });
  {
    Isolate::Scope scope(*isolate);
    EXPECT_EQ(isolate->Call("loop-forever").status().code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(isolate->Call("add", {Integer(1)}).ok(), true);
  }
  other.join();
}

TEST_F(IsolateTest, ScriptsReachNoFilesUnlessGranted) {
  auto denied = Make();
  {
    Isolate::Scope scope(*denied);
    absl::Status status = denied->Eval("(open-input-file \"/etc/hostname\")").status();
    EXPECT_TRUE(absl::StrContains(status.message(), "granted")) << status;
    EXPECT_EQ(Printed(denied->Eval("(guard (e ((file-error? e) 'file-error)) (open-input-file \"/etc/hostname\"))")),
              "file-error");
  }
  IsolateOptions options;
  options.files = ProcessFiles();
  std::string printed;
  options.write = [&printed](int, absl::string_view text) { printed.append(text.data(), text.size()); };
  auto granted = Make(options);
  Isolate::Scope scope(*granted);
  EXPECT_TRUE(granted->Eval("(display (read-line (open-input-file \"/proc/self/comm\")))").ok());
  EXPECT_FALSE(printed.empty());
}

// ---- Copy-on-write

// The lines of /proc/self/maps for the mapping that holds `p`.
std::string MappingOf(const void* p) {
  std::ifstream maps("/proc/self/maps");
  const auto address = reinterpret_cast<uintptr_t>(p);
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2 && begin <= address && address < end) return line;
  }
  return "";
}

TEST_F(IsolateTest, MapsTheExecutablesOwnPages) {
  ASSERT_TRUE(snapshot_->maps_carrier());
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  ASSERT_GT(length, 0);
  path[length] = '\0';
  auto isolate = Make();
  vm::Heap& heap = isolate->impl()->vm->heap();
  const std::string writable = MappingOf(heap.base());
  const std::string read_only = MappingOf(heap.base() + heap.layout().read_only_begin);
  EXPECT_TRUE(absl::StrContains(read_only, path)) << read_only;
  EXPECT_TRUE(absl::StrContains(read_only, "r--p")) << read_only;
  EXPECT_TRUE(absl::StrContains(writable, path)) << writable;
  EXPECT_TRUE(absl::StrContains(writable, "rw-p")) << writable;
}

TEST_F(IsolateTest, FilesAndBytesAreMappedFromAnAnonymousCopy) {
  absl::StatusOr<Snapshot> copy = Snapshot::FromBytes(
      {isolate_test_startup.begin, static_cast<size_t>(isolate_test_startup.end - isolate_test_startup.begin)});
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_FALSE(copy->maps_carrier());
  IsolateOptions options;
  options.host_functions = &Hosts();
  auto isolate = Isolate::FromSnapshot(*copy, options);
  ASSERT_TRUE(isolate.ok()) << isolate.status();
  EXPECT_TRUE(absl::StrContains(MappingOf((*isolate)->impl()->vm->heap().base()), "memfd"));
  Isolate::Scope scope(**isolate);
  EXPECT_EQ(Printed((*isolate)->Call("look-up", {String("two")})), "2");
}

// Pages of the image that are this isolate's own, by the kernel's account (pagemap: present, and not of a file).
int CopiedPages(vm::Heap& heap) {
  const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  EXPECT_GE(pagemap, 0);
  int copied = 0;
  for (uint64_t offset = 0; offset < heap.layout().image_end; offset += 4096) {
    uint64_t entry = 0;
    const uint64_t page = (reinterpret_cast<uint64_t>(heap.base()) + offset) / 4096;
    EXPECT_EQ(pread(pagemap, &entry, sizeof(entry), static_cast<off_t>(page * 8)), 8);
    if ((entry >> 63 & 1) != 0 && (entry >> 61 & 1) == 0) ++copied;
  }
  close(pagemap);
  return copied;
}

TEST_F(IsolateTest, CollectionsCopyNoPageThatTheProgramDidNotWrite) {
  auto isolate = Make();
  Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Call("churn", {Integer(10)}).ok());
  vm::Heap& heap = isolate->impl()->vm->heap();
  const int before = CopiedPages(heap);
  ASSERT_TRUE(isolate->Call("churn", {Integer(2000000)}).ok());
  for (int i = 0; i < 5; ++i) isolate->CollectGarbage();
  EXPECT_GE(isolate->Stats().minor_collections, 10u);
  EXPECT_EQ(CopiedPages(heap), before);
  EXPECT_EQ(heap.dirty_pages().count(), static_cast<size_t>(before));
  // And what it writes costs just the pages written, which keep their references through collections.
  for (int i : {0, 1200, 2400, 3600, 4800}) {
    ASSERT_TRUE(isolate->Call("write-cell!", {Integer(i), List({Integer(i), String("fresh")})}).ok());
  }
  ASSERT_TRUE(isolate->Call("churn", {Integer(300000)}).ok());
  isolate->CollectGarbage();
  EXPECT_LE(CopiedPages(heap), before + 5);
  EXPECT_GE(CopiedPages(heap), before + 4);
  EXPECT_EQ(Printed(isolate->Call("read-cell", {Integer(3600)})), "(3600 \"fresh\")");
}

TEST_F(IsolateTest, AddressSpaceExhaustedIsAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need the address space themselves";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "sanitizers need the address space themselves";
#endif
#endif
  std::vector<std::unique_ptr<Isolate>> alive;
  IsolateOptions options;
  options.host_functions = &Hosts();
  absl::Status status;
  // 128 TiB hold 32,768 cages of 4 GiB; the default limit of mappings ends it earlier.
  while (alive.size() < 40000 && status.ok()) {
    absl::StatusOr<std::unique_ptr<Isolate>> isolate = Isolate::FromSnapshot(*snapshot_, options);
    status = isolate.status();
    if (isolate.ok()) alive.push_back(*std::move(isolate));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_GE(alive.size(), 15000u);
  Isolate::Scope scope(*alive[0]);
  EXPECT_TRUE(alive[0]->Call("count!").ok());
}

}  // namespace
}  // namespace islet
