// Calls every procedure that a library exports with every kind of value in every position, and too
// many of them: whatever a program passes, the answer is a value or a condition that names the
// procedure, in good time, and the isolate goes on. Nothing is granted to the isolate, and nothing
// outside is reached: a net of the kernel's catches a call that asks it for more than memory.
//
//   any_arguments_test VALUES.lisp [PROCEDURE ...]
//
// One argument is each value, two are each pair of values (under AddressSanitizer a sample), more
// are a sample. Shards (TEST_TOTAL_SHARDS) take every nth procedure.

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "isolate/conformance/syscall_net.h"
#include "isolate/data/hash_table.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/lib/standard.h"
#include "isolate/printer/printer.h"
#include "isolate/runtime/primitives.h"
#include "mimalloc.h"
#include "snapshot/image.h"

namespace islet::vm {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

// A call that takes longer is a failure.
constexpr std::chrono::milliseconds kTimeLimit{kSanitized ? 30000 : 5000};
// Calls that are known to go on and on are interrupted sooner.
constexpr std::chrono::milliseconds kShortTimeLimit{50};

// Procedures of which the rule does not hold.
struct Exemption {
  const char* name;
  enum Rule { kEnds, kNames } from;
  const char* why;
  const char* inner = nullptr;  // kNames: the only other procedure that may be named; null: any
};
constexpr Exemption kExemptions[] = {
#include "isolate/conformance/arguments/exemptions.inc"
};

bool Exempt(const std::string& name, Exemption::Rule rule, const std::string& named = "") {
  return std::any_of(std::begin(kExemptions), std::end(kExemptions), [&](const Exemption& e) {
    return name == e.name && e.from == rule && (e.inner == nullptr || named == e.inner);
  });
}

// ---- The procedures

struct Procedure {
  std::string name;  // as the first library exports it
  std::string library;
  std::set<std::string> names;  // in all libraries
};

// Where values are kept between calls: vectors in the heap, reached through roots.
class Rooted : public RootSource {
 public:
  explicit Rooted(Heap& heap) : heap_(heap) { heap_.AddRoots(this); }
  ~Rooted() override { heap_.RemoveRoots(this); }
  void VisitRoots(Visit visit, void* context) override {
    for (Value& v : values) visit(&v, context);
  }
  std::vector<Value> values;

 private:
  Heap& heap_;
};

bool IsProcedure(const Heap& heap, Value v) { return v.IsPrimitive() || heap.Is<Closure>(v) || heap.Is<Parameter>(v); }

// ---- A watch on the time that a call takes

class Watchdog {
 public:
  explicit Watchdog(Vm& vm) : vm_(vm), thread_([this] { Run(); }) {}
  ~Watchdog() {
    done_ = true;
    thread_.join();
  }
  void Start(const std::string* what, std::chrono::milliseconds limit) {
    what_ = what;
    limit_ = limit.count();
    started_ = Now();
  }
  void Stop() { started_ = 0; }

 private:
  static int64_t Now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  void Run() {
    while (!done_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const int64_t started = started_;
      if (started == 0) continue;
      const int64_t taken = Now() - started;
      if (taken > limit_) vm_.Interrupt();
      if (taken > 6 * kTimeLimit.count()) {
        std::printf("FAILED: %s cannot be interrupted\n", what_.load()->c_str());
        std::fflush(stdout);
        std::_Exit(1);
      }
    }
  }

  Vm& vm_;
  std::atomic<int64_t> started_{0};
  std::atomic<int64_t> limit_{0};
  std::atomic<const std::string*> what_{nullptr};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

// ---- The test

class AnyArguments {
 public:
  explicit AnyArguments(Vm& vm)
      : vm_(vm), heap_(vm.heap()), evaluator_(vm), procedures_(heap_), values_(heap_), watchdog_(vm) {}

  bool Prepare(const char* values) {
    const absl::Status status = evaluator_.EvalFile(values);
    if (!status.ok()) {
      std::printf("%s\n", std::string(status.message()).c_str());
      return false;
    }
    for (const char* name : {"fresh-values", "work"}) {
      const absl::StatusOr<Value> procedure = LookupVariable(vm_, name);
      if (!procedure.ok()) return false;
      values_.values.push_back(*procedure);
    }
    FindProcedures();
    return MakeValues();
  }

  // Calls the procedures of a shard, or those named.
  void Run(size_t shard, size_t shards, const std::set<std::string>& only) {
    for (size_t i = 0; i < named_.size(); ++i) {
      if (!only.empty() ? only.count(named_[i].name) != 0 : i % shards == shard) CallWithAll(i);
    }
  }

  int failures() const { return failures_; }
  int calls() const { return calls_; }
  size_t procedures() const { return named_.size(); }

 private:
  static constexpr size_t kFixed = 2;  // values_ before the arguments: the procedures of values.lisp

  void FindProcedures() {
    std::map<uint32_t, size_t> seen;  // by bits: they are all in the snapshot, and so do not move
    ForEachEntry(heap_, vm_.root(Root::kLibraries), [&](Value library, Value value) {
      const std::string name = Print(vm_, library, PrintMode::kWrite);
      const Environment* environment = heap_.TryGet<Environment>(value);
      if (environment == nullptr || !heap_.Is<HashTable>(environment->exports) || absl::StartsWith(name, "(islet "))
        return;
      ForEachEntry(heap_, environment->exports, [&](Value symbol, Value binding) {
        const Cell* cell = heap_.TryGet<Cell>(binding);
        if (cell == nullptr || !IsProcedure(heap_, cell->value)) return;
        const auto [found, fresh] = seen.try_emplace(cell->value.bits, named_.size());
        if (fresh) {
          named_.push_back(Procedure{vm_.SymbolName(symbol), name, {}});
          procedures_.values.push_back(cell->value);
        }
        named_[found->second].names.insert(vm_.SymbolName(symbol));
      });
    });
  }

  bool MakeValues() {
    vm_.dynamic().winders = vm_.dynamic().handlers = vm_.dynamic().parameters = kNull;
    values_.values.resize(kFixed);  // what procedures put into the old ones is garbage now
    const absl::StatusOr<Value> fresh = vm_.Call(values_.values[0], {});
    if (!fresh.ok() || !heap_.Is<Vector>(*fresh)) {
      std::printf("no fresh values: %s\n", std::string(fresh.status().message()).c_str());
      return false;
    }
    const Vector* vector = heap_.Get<Vector>(*fresh);
    values_.values.insert(values_.values.end(), vector->items, vector->items + vector->length);
    return true;
  }

  size_t value_count() const { return values_.values.size() - kFixed; }

  // Reports the first failure of each kind.
  void Fail(const std::string& kind, const std::string& details) {
    if (reported_.insert(kind).second) {
      std::printf("FAILED: %s: %s\n", kind.c_str(), details.c_str());
      std::fflush(stdout);
    }
    ++failures_;
  }

  // The call as text, for messages.
  std::string Shown(const Procedure& procedure, const std::vector<size_t>& arguments) {
    std::string text = absl::StrCat("(", procedure.name);
    for (const size_t i : arguments)
      absl::StrAppend(&text, " ", Print(vm_, values_.values[kFixed + i], PrintMode::kWrite, 60));
    return absl::StrCat(text, ") of ", procedure.library);
  }

  // False if the procedure does not take so many arguments.
  bool Call(size_t index, const std::vector<size_t>& arguments) {
    const Procedure& procedure = named_[index];
    if (calls_ % 50 == 0 && !MakeValues()) Fail(procedure.name, "the isolate does not work");
    ++calls_;
    const bool endless = Exempt(procedure.name, Exemption::kEnds);
    std::vector<Value> args;
    for (const size_t i : arguments) args.push_back(values_.values[kFixed + i]);
    watchdog_.Start(&procedure.name, endless ? kShortTimeLimit : kTimeLimit);
    const absl::StatusOr<Value> result = vm_.Call(procedures_.values[index], args);
    watchdog_.Stop();
    if (result.ok()) {
      for (const Value forbidden : {kUndefined, kDefault, kDeleted, kForwarded, kException}) {
        if (*result == forbidden) Fail(procedure.name + " gave no value", Shown(procedure, arguments));
      }
      (void)Print(vm_, *result, PrintMode::kWrite, 200);
      return true;
    }
    return CheckFailure(procedure, arguments, result.status());
  }

  bool CheckFailure(const Procedure& procedure, const std::vector<size_t>& arguments, const absl::Status& status) {
    const std::string text(status.message());
    switch (status.code()) {
      case absl::StatusCode::kAborted:  // exit
      case absl::StatusCode::kResourceExhausted:
        return true;
      case absl::StatusCode::kCancelled:
        (void)vm_.Call(vm_.FindPrimitive("list"), {});  // takes an interrupt that came too late
        if (Exempt(procedure.name, Exemption::kEnds)) return true;
        Fail(procedure.name + " did not end", Shown(procedure, arguments));
        MakeValues();
        return true;
      default:
        break;
    }
    const Condition* condition = heap_.TryGet<Condition>(vm_.last_condition());
    if (condition == nullptr) {
      // An argument was raised.
      if (!absl::StrContains(text, "enough") && !Exempt(procedure.name, Exemption::kNames)) {
        Fail(procedure.name + " raised no condition", absl::StrCat(Shown(procedure, arguments), ": ", text));
      }
      return true;
    }
    const std::string kind = vm_.SymbolName(condition->kind);
    std::string who;
    if (heap_.Is<Symbol>(condition->who)) who = vm_.SymbolName(condition->who);
    if (heap_.Is<String>(condition->who)) who = vm_.ToUtf8(condition->who);
    // The machine reports calls of objects that are no procedures, or of procedures that were passed and take other
    // arguments: then the backtrace tells who called. Other primitives may report that a literal cannot be changed, or
    // that there is not so much memory.
    const bool named = kind == "immutable" || kind == "memory" || procedure.names.count(who) != 0 ||
                       ((!who.empty() || kind == "arity") && NamesArgument(who, arguments)) ||
                       (who.empty() && InBacktrace(procedure, text)) || Exempt(procedure.name, Exemption::kNames, who);
    if (!named) {
      Fail(absl::StrCat(procedure.name, " named ", who.empty() ? "nothing" : who),
           absl::StrCat(Shown(procedure, arguments), ": ", text.substr(0, text.find('\n'))));
    }
    return !(kind == "arity" && procedure.names.count(who) != 0);
  }

  static bool InBacktrace(const Procedure& procedure, const std::string& report) {
    return std::any_of(procedure.names.begin(), procedure.names.end(), [&](const std::string& name) {
      return absl::StrContains(report, absl::StrCat("\n  at ", name, " ("));
    });
  }

  // Is it a procedure that was passed, and was itself called with wrong arguments?
  bool NamesArgument(const std::string& who, const std::vector<size_t>& arguments) {
    for (const size_t i : arguments) {
      const Value v = values_.values[kFixed + i];
      if (v.IsPrimitive() && vm_.primitive(v).name == who) return true;
      if (who.empty() && heap_.Is<Parameter>(v)) return true;
      if (heap_.Is<Closure>(v)) {
        const Value name = heap_.Get<Code>(heap_.Get<Closure>(v)->code)->name;
        if ((heap_.Is<Symbol>(name) ? vm_.SymbolName(name) : "") == who) return true;
      }
    }
    return false;
  }

  void CallWithAll(size_t index) {
    const size_t n = value_count();
    std::mt19937 random(7);
    auto sample = [&](size_t count, int times) {
      std::vector<size_t> arguments(count);
      for (int i = 0; i < times; ++i) {
        for (size_t& argument : arguments) argument = random() % n;
        if (!Call(index, arguments)) return false;
      }
      return true;
    };
    Call(index, {});
    bool fits = true;
    for (size_t i = 0; i < n && fits; ++i) fits = Call(index, {i});
    fits = true;
    if (kSanitized) {
      sample(2, 1500);
    } else {
      for (size_t i = 0; i < n * n && fits; ++i) fits = Call(index, {i / n, i % n});
    }
    for (size_t count = 3; count <= 7; ++count) sample(count, kSanitized ? 100 : 400);
    const absl::StatusOr<Value> works = vm_.Call(values_.values[1], {});
    if (!works.ok() || *works != kTrue) {
      Fail(named_[index].name + " left nothing working", std::string(works.status().message()));
    }
    heap_.CollectFull();
  }

  Vm& vm_;
  Heap& heap_;
  Evaluator evaluator_;
  std::vector<Procedure> named_;
  Rooted procedures_;
  Rooted values_;
  Watchdog watchdog_;
  std::set<std::string> reported_;
  int calls_ = 0;
  int failures_ = 0;
};

size_t Number(const char* variable, size_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoul(text, nullptr, 10);
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: any_arguments_test VALUES.lisp [PROCEDURE ...]\n");
    return 2;
  }
  if (const char* file = std::getenv("TEST_SHARD_STATUS_FILE"); file != nullptr) {
    if (FILE* touched = std::fopen(file, "w")) std::fclose(touched);
  }
  const auto image = Image::FromEmbedded(islet_snapshot_standard_begin, islet_snapshot_standard_end, AllPrimitives());
  if (!image.ok()) return 1;
  VmOptions options;
  options.cage_size = uint64_t{256} << 20;
  options.heap.heap_limit = size_t{8} << 20;
  const auto vm = NewVm(**image, options);
  if (!vm.ok()) return 1;
  AnyArguments test(**vm);
  if (!test.Prepare(argv[1])) return 1;
  const size_t shard = Number("TEST_SHARD_INDEX", 0), shards = Number("TEST_TOTAL_SHARDS", 1);
  std::printf("shard %zu of %zu\n", shard, shards);  // now, since stdout's first use is more than a write
  // On a thread of its own, since the net stays.
  bool netted = false;
  mallopt(M_ARENA_MAX, 1);  // malloc's further arenas read files about the system
  std::thread([&] {
    mi_free(mi_malloc(1));                      // mimalloc takes randomness for each thread
    netted = kSanitized || SpreadSyscallNet();  // sanitizers make system calls of their own
    if (netted) test.Run(shard, shards, std::set<std::string>(argv + 2, argv + argc));
  }).join();
  if (!netted) std::printf("FAILED: no seccomp\n");
  std::printf("%zu procedures, %d calls, %d failures\n", test.procedures(), test.calls(), test.failures());
  return netted && test.failures() == 0 && test.calls() > 0 ? 0 : 1;
}

}  // namespace
}  // namespace islet::vm

int main(int argc, char** argv) { return islet::vm::Main(argc, argv); }
