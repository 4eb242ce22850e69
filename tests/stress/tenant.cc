#include "tests/stress/tenant.h"

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/hostile_tenant.h"
#include "tests/stress/faults.h"

namespace islet::stress {
namespace {

absl::Status Wrong(absl::string_view what, absl::string_view got, absl::string_view expected) {
  return absl::InternalError(absl::StrCat(what, " gives ", got, "\n  instead of ", expected));
}

std::string Key(Random& random) {
  return random.OneIn(2) ? absl::StrCat("key-", random.Below(400)) : absl::StrCat("made-", random.Below(300));
}

}  // namespace

Tenant::Tenant(std::unique_ptr<Isolate> isolate, Model model, size_t heap_limit)
    : own_(std::move(isolate)), model_(std::move(model)), heap_limit_(heap_limit) {}

Tenant::Tenant(PooledIsolate isolate, Model model, size_t heap_limit)
    : pooled_(std::move(isolate)), model_(std::move(model)), heap_limit_(heap_limit) {}

absl::Span<const Tenant::Entry> Tenant::Operations() {
  static constexpr Entry kOperations[] = {
      {"add", 10, &Tenant::Add},
      {"list", 10, &Tenant::List},
      {"table", 20, &Tenant::Table},
      {"symbols", 10, &Tenant::Symbols},
      {"cells", 10, &Tenant::Cells},
      {"blobs", 5, &Tenant::Blobs},
      {"next", 10, &Tenant::Next},
      {"work", 4, &Tenant::Work},
      {"numbers", 4, &Tenant::Numbers},
      {"define", 6, &Tenant::Define},
      {"fail to compile", 2, &Tenant::FailToCompile},
      {"collect", 3, &Tenant::Collect},
      {"check", 6, &Tenant::CheckAll},
      {"interrupt counting", 2, &Tenant::InterruptCounting},
      {"interrupt spinning", 2, &Tenant::InterruptSpinning},
      {"interrupt collecting", 4, &Tenant::InterruptCollecting},
      {"exhaust", 2, &Tenant::Exhaust},
      {"fill", 1, &Tenant::Fill},
      {"run out of memory", 2, &Tenant::RunOutOfMemory},
  };
  return kOperations;
}

absl::StatusOr<Value> Tenant::Call(absl::string_view name, std::initializer_list<Value> arguments) {
  const FaultScope scope({Fault::kAdvise});
  return isolate().Call(name, arguments);
}

absl::Status Tenant::Expect(int64_t expected, absl::string_view name, std::initializer_list<Value> arguments) {
  const absl::StatusOr<Value> answer = Call(name, arguments);
  if (!answer.ok()) return Wrong(name, answer.status().ToString(), absl::StrCat(expected));
  const absl::StatusOr<int64_t> number = answer->ToInt64();
  if (!number.ok() || *number != expected) return Wrong(name, answer->Print(), absl::StrCat(expected));
  return absl::OkStatus();
}

absl::Status Tenant::Check() {
  if (model_.unknown) return absl::OkStatus();
  const Isolate::Scope entered(isolate());
  const absl::StatusOr<Value> answer = isolate().Call("digest");
  if (!answer.ok()) return Wrong("digest", answer.status().ToString(), model_.Digest());
  const absl::StatusOr<std::string> text = answer->ToString();
  if (!text.ok() || *text != model_.Digest()) return Wrong("digest", text.value_or("no string"), model_.Digest());
  return Expect(1, "restorations");
}

absl::Status Tenant::Add(Bench& bench) {
  const int64_t n = bench.random.Below(1000);
  model_.counter += n;
  return Expect(model_.counter, "add!", {Integer(n)});
}

absl::Status Tenant::List(Bench& bench) {
  if (bench.random.OneIn(20)) {
    const int64_t n = bench.random.Below(50);
    if (model_.items.size() > static_cast<size_t>(n)) model_.items.resize(static_cast<size_t>(n));
    return Expect(static_cast<int64_t>(model_.items.size()), "keep!", {Integer(n)});
  }
  const int64_t x = bench.random.Below(2) == 0 ? bench.random.Below(100) : bench.random.Below(int64_t{1} << 62);
  model_.items.push_front(x);
  return Expect(static_cast<int64_t>(model_.items.size()), "push!", {Integer(x)});
}

absl::Status Tenant::Table(Bench& bench) {
  const std::string key = Key(bench.random);
  switch (bench.random.Below(3)) {
    case 0:
      model_.table.erase(key);
      return Expect(static_cast<int64_t>(model_.table.size()), "remove!", {String(key)});
    case 1: {
      const int64_t value = bench.random.Below(1000000);
      model_.table[key] = value;
      return Expect(static_cast<int64_t>(model_.table.size()), "store!", {String(key), Integer(value)});
    }
    default: {
      const auto found = model_.table.find(key);
      if (found != model_.table.end()) return Expect(found->second, "look-up", {String(key)});
      const absl::StatusOr<Value> answer = Call("look-up", {String(key)});
      if (!answer.ok() || !answer->IsFalse()) return Wrong("look-up", answer.status().ToString(), "#f");
      return absl::OkStatus();
    }
  }
}

absl::Status Tenant::Symbols(Bench& bench) {
  const std::string name = absl::StrCat("symbol-", bench.random.Below(200));
  if (bench.random.OneIn(3)) {
    model_.named.erase(name);
    return Expect(static_cast<int64_t>(model_.named.size()), "unname!", {String(name)});
  }
  const int64_t value = bench.random.Below(1000);
  model_.named[name] = value;
  if (absl::Status status = Expect(static_cast<int64_t>(model_.named.size()), "name!", {String(name), Integer(value)});
      !status.ok()) {
    return status;
  }
  return Expect(value, "named", {String(name)});
}

absl::Status Tenant::Cells(Bench& bench) {
  for (int64_t n = bench.random.Below(8); n >= 0; --n) {
    const int64_t i = bench.random.Below(8000), value = bench.random.Below(1000);
    model_.cells[i] = value;
    if (absl::Status status = Expect(value, "write-cell!", {Integer(i), Integer(value)}); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Tenant::Blobs(Bench& bench) {
  const int64_t bytes = 1000 + bench.random.Below(200000), byte = bench.random.Below(256);
  if (blob_bytes_ + static_cast<size_t>(bytes) > heap_limit_ / 8) {
    blob_bytes_ = 0;
    model_.blobs.clear();
    return Expect(0, "drop-blobs!");
  }
  blob_bytes_ += static_cast<size_t>(bytes);
  model_.blobs.insert(model_.blobs.begin(), bytes + 3 * byte);
  return Expect(static_cast<int64_t>(model_.blobs.size()), "add-blob!", {Integer(bytes), Integer(byte)});
}

absl::Status Tenant::Next(Bench&) { return Expect(model_.produced++, "next!"); }

absl::Status Tenant::Work(Bench& bench) {
  if (bench.random.OneIn(2)) {
    const int64_t depth = bench.random.Below(20000);
    return Expect(depth, "deep", {Integer(depth)});
  }
  const int64_t n = 2 + bench.random.Below(2000);
  // Each thousandth drops what was kept before; the last of those leaves one, and what comes after is kept.
  const int64_t last = (n - 1) / 1000 * 1000;
  return Expect(n - last, "churn", {Integer(n)});
}

absl::Status Tenant::Numbers(Bench& bench) {
  constexpr int64_t kModulus = 1000003;
  const int64_t base = 2 + bench.random.Below(1000), exponent = 100 + bench.random.Below(3000);
  int64_t expected = 1;
  for (int64_t i = 0; i < exponent; ++i) expected = expected * base % kModulus;
  FaultScope scope({Fault::kNumbers, Fault::kMap, Fault::kProtect, Fault::kAdvise});
  const absl::StatusOr<Value> answer =
      isolate().Call("power-modulo", {Integer(base), Integer(exponent), Integer(kModulus)});
  scope.End();
  if (answer.ok()) {
    if (answer->ToInt64().value_or(-1) == expected) return absl::OkStatus();
    return Wrong("power-modulo", answer->Print(), absl::StrCat(expected));
  }
  // A condition that a program can handle, which says who wanted the memory.
  if (scope.injected() > 0 && answer.status().code() == absl::StatusCode::kUnknown &&
      (absl::StartsWith(answer.status().message(), "expt: ") ||
       absl::StartsWith(answer.status().message(), "modulo: "))) {
    return absl::OkStatus();
  }
  return Wrong("power-modulo", answer.status().ToString(), absl::StrCat(expected));
}

absl::Status Tenant::Define(Bench& bench) {
  const std::string name = absl::StrCat("defined-", bench.random.Below(20));
  const auto known = model_.defined.find(name);
  if (known != model_.defined.end() && bench.random.OneIn(2)) return Expect(known->second, name);
  if (known == model_.defined.end()) {
    // Nothing of an earlier tenant's.
    const absl::StatusOr<Value> found = isolate().Lookup(name);
    if (found.status().code() != absl::StatusCode::kNotFound) return Wrong(name, found.status().ToString(), "NotFound");
  }
  const int64_t value = bench.random.Below(1000);
  const std::string text = absl::StrCat("(begin (define (", name, ") (let ((twice (map (lambda (x) (* 2 x)) '(", value,
                                        ")))) (- (car twice) ", value, "))) (", name, "))");
  const FaultScope scope({Fault::kAdvise});
  const absl::StatusOr<Value> answer = isolate().Eval(text);
  if (!answer.ok() || answer->ToInt64().value_or(-1) != value) {
    return Wrong(text, answer.ok() ? answer->Print() : answer.status().ToString(), absl::StrCat(value));
  }
  model_.defined[name] = value;
  return absl::OkStatus();
}

absl::Status Tenant::FailToCompile(Bench& bench) {
  struct Case {
    const char* text;
    absl::StatusCode code;
    const char* says;
  };
  static constexpr Case kCases[] = {
      {"(add! 1", absl::StatusCode::kInvalidArgument, "eval:1:"},
      {"(if)", absl::StatusCode::kInvalidArgument, "if"},
      {"(car 5)", absl::StatusCode::kUnknown, "car: argument 1"},
      {"(no-such-procedure 1)", absl::StatusCode::kUnknown, "no-such-procedure"},
      {"(dynamic-wind (lambda () 1) (lambda () (raise 'thrown)) (lambda () 2))", absl::StatusCode::kUnknown, "thrown"},
  };
  const Case& wrong = kCases[bench.random.Below(std::size(kCases))];
  const FaultScope scope({Fault::kAdvise});
  const absl::Status status = isolate().Eval(wrong.text).status();
  if (status.code() == wrong.code && absl::StrContains(status.message(), wrong.says)) return absl::OkStatus();
  return Wrong(wrong.text, status.ToString(), wrong.says);
}

absl::Status Tenant::Collect(Bench&) {
  const FaultScope scope({Fault::kAdvise});
  isolate().CollectGarbage();
  return absl::OkStatus();
}

absl::Status Tenant::CheckAll(Bench&) { return Check(); }

// ---- What a limit or the host ends

absl::Status Tenant::InterruptCounting(Bench& bench) {
  const int64_t most = 20000;
  absl::StatusOr<Value> answer;
  {
    const Interrupter::Request request(*bench.line, isolate(), std::chrono::microseconds(bench.random.Below(1500)));
    answer = Call("count-up!", {Integer(most)});
  }
  isolate().ClearInterrupt();
  const absl::StatusOr<Value> counter = Call("get-counter");
  const int64_t now = counter.ok() ? counter->ToInt64().value_or(-1) : -1;
  const bool right = answer.ok() ? now == model_.counter + most
                                 : answer.status().code() == absl::StatusCode::kCancelled && now >= model_.counter &&
                                       now <= model_.counter + most;
  if (!right)
    return Wrong("count-up!", absl::StrCat(answer.status().ToString(), ", ", now),
                 absl::StrCat("at least ", model_.counter));
  model_.counter = now;
  return absl::OkStatus();
}

absl::Status Tenant::InterruptSpinning(Bench& bench) { return InterruptEndless(bench, "spin", 1500); }

absl::Status Tenant::InterruptCollecting(Bench& bench) { return InterruptEndless(bench, "spin-collecting", 8000); }

absl::Status Tenant::InterruptEndless(Bench& bench, absl::string_view name, int64_t microseconds) {
  absl::StatusOr<Value> answer;
  {
    const Interrupter::Request request(*bench.line, isolate(),
                                       std::chrono::microseconds(bench.random.Below(microseconds)));
    answer = Call(name);
  }
  isolate().ClearInterrupt();
  if (answer.status().code() == absl::StatusCode::kCancelled) return absl::OkStatus();
  return Wrong(name, answer.status().ToString(), "Cancelled");
}

absl::Status Tenant::Exhaust(Bench& bench) {
  struct Case {
    const char* procedure;
    Limit limit;
  };
  static constexpr Case kGreedy[] = {
      {"allocate-forever", Limit::kHeap},
      {"allocate-large-forever", Limit::kHeap},
      {"recurse-forever", Limit::kHeap},
      {"recurse-forever", Limit::kStack},
      {"spin", Limit::kFuel},
      {"recurse-forever", Limit::kFuel},
      {"spin", Limit::kCpuTime},
      {"spin", Limit::kWallTime},
      {"allocate-forever", Limit::kWallTime},
  };
  const Case& greedy = kGreedy[bench.random.Below(std::size(kGreedy))];
  const Limits before = isolate().limits();
  Limits limits = before;
  switch (greedy.limit) {
    case Limit::kStack:
      limits.stack_bytes = size_t{16} << (10 + bench.random.Below(6));
      break;
    case Limit::kFuel:
      limits.fuel = static_cast<uint64_t>(bench.random.Below(50000));
      break;
    case Limit::kCpuTime:
      limits.cpu_time = std::chrono::microseconds(bench.random.Below(1500));
      break;
    case Limit::kWallTime:
      limits.wall_time = std::chrono::microseconds(bench.random.Below(1500));
      break;
    case Limit::kHeap:
    case Limit::kNone:
      break;
  }
  isolate().SetLimits(limits);
  const absl::Status status = Call(greedy.procedure).status();
  isolate().SetLimits(before);
  const bool timed = greedy.limit == Limit::kCpuTime || greedy.limit == Limit::kWallTime;
  // A slow machine's time may last for the heap.
  const Limit limit = LimitReached(status);
  if ((limit == greedy.limit || (timed && limit == Limit::kHeap)) &&
      status.code() == (limit == Limit::kCpuTime || limit == Limit::kWallTime ? absl::StatusCode::kDeadlineExceeded
                                                                              : absl::StatusCode::kResourceExhausted) &&
      (absl::StrContains(status.message(), "limit") || limit == Limit::kFuel)) {
    return absl::OkStatus();
  }
  return Wrong(greedy.procedure, status.ToString(), absl::StrCat("an end by the limit of ", LimitName(greedy.limit)));
}

// An allocation fails in whatever the isolate is doing.
absl::Status Tenant::RunOutOfMemory(Bench& bench) {
  static constexpr const char* kTexts[] = {
      "(churn 3000)",
      "(deep 20000)",
      "(string-length (digest))",
      "(let () (define-record-type point (make-point x) point? (x x)) (x (make-point 1)))",
      "(let-syntax ((twice (syntax-rules () ((_ x) (list x x))))) (equal? (twice '(1 \"a\")) (twice (list 1 \"a\"))))",
      "(read (open-input-string \"(1 #(2 \\\"3\\\") . 4.5)\"))",
      "(guard (e (#t (error-object-message e))) (vector-ref (vector 1) 5))",
      "(string-length (number->string (expt 7 3000)))",
  };
  const char* const text = kTexts[bench.random.Below(std::size(kTexts))];
  FaultScope scope(Fault::kNew, 1 + bench.random.Below(int64_t{1} << (1 + bench.random.Below(11))));
  const absl::Status status = isolate().Eval(text).status();
  scope.End();
  if (status.ok()) return absl::OkStatus();
  if (scope.injected() == 0 || status.code() != absl::StatusCode::kResourceExhausted ||
      !absl::StrContains(status.message(), "no memory for what the isolate was doing")) {
    return Wrong(text, status.ToString(), "an end for want of memory");
  }
  model_.unknown = lost_ = true;
  const absl::Status refused = isolate().Call("get-counter").status();
  if (refused.code() == absl::StatusCode::kResourceExhausted) return absl::OkStatus();
  return Wrong("a call of an isolate that is lost", refused.ToString(), "a refusal");
}

absl::Status Tenant::Fill(Bench& bench) {
  model_.unknown = true;
  if (bench.random.OneIn(4)) {
    RunHostileTenant(isolate());
    isolate().ClearInterrupt();
    return absl::OkStatus();
  }
  const absl::Status status = Call("fill-forever").status();
  // Or a condition, where it is the table that has no room to grow in one piece.
  const bool exhausted =
      status.code() == absl::StatusCode::kResourceExhausted ||
      (status.code() == absl::StatusCode::kUnknown && absl::StartsWith(status.message(), "hash-table-set!: needs "));
  if (exhausted && absl::StrContains(status.message(), "heap limit")) return absl::OkStatus();
  return Wrong("fill-forever", status.ToString(), "an end by the heap limit");
}

}  // namespace islet::stress
