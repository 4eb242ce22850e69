// Snapshot files that somebody has changed, with a digest that fits: each is refused with a message, or what is made of
// it runs within its limits, is collected, printed and frozen again, and touches nothing outside its own cage. Which
// answers it gives is not asked: who may change data changes answers.
//
// The input is a list of changes (snapshot_mutator.h), eight bytes each. snapshot_runs.cc makes them from seeds.

#include <sys/mman.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fuzz/snapshot_mutator.h"
#include "fuzz/target.h"
#include "fuzz/time_limit.h"
#include "isolate/data/hash_table.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/printer/printer.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/image.h"
#include "snapshot/writer.h"

namespace islet::fuzz {
namespace {

// Something of most kinds of objects, and a procedure that uses each.
constexpr char kScript[] = R"((define-record-type point (make-point x y) point? (x point-x set-point-x!) (y point-y))
(define points (list (make-point 1 2.5) (make-point 'a "b")))
(define table (let ((t (make-hash-table))) (hash-table-set! t "one" 1) (hash-table-set! t '(2) 'two) t))
(define by-name (let ((t (make-hash-table eqv?))) (hash-table-set! t 'x 1) (hash-table-set! t 12 #\z) t))
(define text (string-copy "gr\xfc;n"))
(define wide (string-copy "\x3bb;-calculus"))
(define numbers (list (expt 7 60) (/ 22 7) 1.5 -3 (make-rectangular 1/2 3) (make-rectangular 1.5 -2.)))
(define bytes (bytevector 1 2 3 255))
(define depth (make-parameter 10 (lambda (x) (if (integer? x) x (error "not an integer" x)))))
(define-syntax swap! (syntax-rules () ((_ a b) (let ((t a)) (set! a b) (set! b t)))))
(define counter (let ((n 0)) (lambda () (set! n (+ n 1)) n)))
(define saved (guard (e (#t e)) (vector-ref (vector 1 2) 5)))
(define port (open-input-string "(a b . c) 12 \"text\""))
(define promise (delay (+ 1 2)))
(define (test-vector)
  (let ((v (make-vector 5 0))) (let loop ((i 0)) (if (< i 5) (begin (vector-set! v i (* i i)) (loop (+ i 1))) v))))
(define (test-closures . rest) (map (lambda (f) (f 3)) (list (lambda (x) (* x x)) (lambda (y) (cons y rest)))))
(define (test-records) (for-each (lambda (p) (set-point-x! p (list (point-y p)))) points) (map point-x points))
(define (test-tables)
  (hash-table-set! table 'new (counter))
  (list (hash-table-ref/default table "one" 0) (hash-table->alist by-name)))
(define (test-text) (string-set! text 0 #\x3bb) (string-append text wide (symbol->string 'abc) (number->string 1.25)))
(define (test-numbers)
  (list (apply + numbers) (apply * numbers) (exact->inexact (car numbers)) (bytevector-u8-ref bytes 3)))
(define (test-control)
  (call-with-current-continuation (lambda (k)
    (dynamic-wind counter (lambda () (parameterize ((depth 3)) (k (depth)))) counter))))
(define (test-errors)
  (guard (e ((string? e) e) ((error-object? e) (error-object-message e))) (car (cdr (list (counter))))))
(define (test-uncaught x) (+ 1 (vector-ref (vector x) 7)))
(define (test-read) (list (read port) (force promise)))
(define (test-deep n) (if (= n 0) 0 (+ 1 (test-deep (- n 1)))))
(define test-arity (case-lambda ((a) a) ((a b) (list b a)) ((a . rest) rest)))
(define (test-swap) (let ((a 1) (b 2)) (swap! a b) (list a b)))
)";

// The snapshot's environment has these names besides, enough for the text that is evaluated.
constexpr const char* kKept[] = {"define", "lambda", "let", "if", "quote", "list", "+", "car", "vector-ref", "swap!"};
constexpr char kText[] =
    "(define (fresh x) (let ((y (list x 'q))) (if (car y) (+ 1 (car y)) y))) (fresh 1) (vector-ref (list 1) 0)";

constexpr uint64_t kCageSize = uint64_t{64} << 20;
constexpr int64_t kFuel = 20000;

vm::VmOptions Options() {
  vm::VmOptions options;
  options.cage_size = kCageSize;
  options.heap.heap_limit = size_t{8} << 20;
  return options;
}

// A snapshot that holds the script, what it uses of the library, and little else.
std::vector<uint8_t> GoodSnapshot() {
  const auto isolate = NewStandardIsolate();
  vm::Heap& heap = isolate->heap();
  vm::Evaluator evaluator(*isolate);
  if (const auto result = evaluator.EvalString(kScript, "script.lisp"); !result.ok()) {
    Fail("the script", result.status().ToString());
  }
  const vm::Value all = heap.Get<vm::Environment>(isolate->root(vm::Root::kInteraction))->bindings;
  const vm::Value bindings = vm::MakeHashTable(heap, vm::kEqTableFlag, 256);
  vm::ForEachEntry(heap, all, [&](vm::Value name, vm::Value what) {
    bool keep = heap.Is<vm::Cell>(what) && !heap.InSnapshot(what);
    for (const char* kept : kKept) keep = keep || isolate->SymbolName(name) == kept;
    if (keep) vm::HashTablePut(heap, bindings, name, what);
  });
  heap.Write(&heap.Get<vm::Environment>(isolate->root(vm::Root::kInteraction))->bindings, bindings);
  isolate->set_root(vm::Root::kLibraries, vm::MakeHashTable(heap, vm::kEqualTableFlag));
  auto bytes = vm::WriteSnapshot(*isolate);
  if (!bytes.ok()) Fail("the good snapshot", bytes.status().ToString());
  return *std::move(bytes);
}

// Makes a cage inaccessible: whoever reads or writes a byte of it ends the process.
class Neighbour {
 public:
  explicit Neighbour(const vm::Image& image) {
    auto isolate = vm::NewVm(image, Options());
    if (!isolate.ok()) Fail("no neighbour", isolate.status().ToString());
    isolate_ = *std::move(isolate);
    mprotect(base(), kCageSize, PROT_NONE);
  }
  ~Neighbour() { mprotect(base(), kCageSize, PROT_READ | PROT_WRITE); }
  uint8_t* base() const { return isolate_->heap().base(); }

 private:
  std::unique_ptr<vm::Vm> isolate_;
};

// Whatever the isolate answers, it must come to an end.
template <typename Body>
void Limited(vm::Vm& isolate, Body&& body) {
  isolate.CountInstructions(true);
  isolate.set_fuel(kFuel);
  const TimeLimit limit(isolate);
  body();
}

void Use(vm::Vm& isolate) {
  vm::Heap& heap = isolate.heap();
  const auto* environment = heap.TryGet<vm::Environment>(isolate.root(vm::Root::kInteraction));
  if (environment == nullptr) return;
  std::vector<vm::Value> cells;
  vm::ForEachEntry(heap, environment->bindings, [&](vm::Value, vm::Value what) {
    if (heap.Is<vm::Cell>(what)) cells.push_back(what);  // of the snapshot: it does not move
  });
  for (const vm::Value cell : cells) {
    const auto value = [&] { return heap.Get<vm::Cell>(cell)->value; };
    Limited(isolate, [&] { (void)vm::Print(isolate, value(), vm::PrintMode::kWrite, 10000); });
    const vm::Value arguments[] = {vm::Value::Fixnum(50), vm::kTrue};
    for (size_t count = 0; count <= 2 && heap.Is<vm::Closure>(value()); ++count) {
      Limited(isolate, [&] {
        const auto result = isolate.Call(value(), absl::MakeConstSpan(arguments, count));
        if (result.ok()) {
          (void)vm::Print(isolate, *result, vm::PrintMode::kWrite, 10000);
        } else if (result.status().message().empty()) {
          Fail("an error that says nothing");
        }
      });
    }
  }
  Limited(isolate, [&] { (void)vm::Evaluator(isolate).EvalString(kText, "text"); });
  Limited(isolate, [&] { heap.CollectFull(); });
  isolate.CountInstructions(false);
  const auto frozen = vm::WriteSnapshot(isolate);
  if (!frozen.ok()) return;
  // Whatever the program did, what is made of it is a heap again.
  const auto reopened = vm::Image::FromBytes(*frozen, vm::AllPrimitives());
  if (!reopened.ok()) Fail("what was frozen is refused", reopened.status().ToString());
}

}  // namespace
}  // namespace islet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace islet::fuzz;  // NOLINT: as if it were inside
  namespace vm = islet::vm;
  static const auto* const good = new std::vector<uint8_t>(GoodSnapshot());
  static const auto* const mutator = new SnapshotMutator(*good);
  static const auto image = vm::Image::FromBytes(*good, vm::AllPrimitives());
  if (!image.ok()) Fail("the good snapshot is refused", image.status().ToString());

  std::vector<SnapshotMutator::Change> changes(size / sizeof(SnapshotMutator::Change));
  if (!changes.empty()) std::memcpy(changes.data(), data, changes.size() * sizeof(changes[0]));
  const auto changed = vm::Image::FromBytes(mutator->Apply(changes), vm::AllPrimitives());
  if (!changed.ok()) {
    if (changed.status().message().empty()) Fail("a refusal that says nothing");
    return 0;
  }
  const Neighbour above(**image);
  auto isolate = vm::NewVm(**changed, Options());
  if (!isolate.ok()) return 0;
  const Neighbour below(**image);
  Use(**isolate);
  return 0;
}
