#include "tests/hostile_tenant.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "islet/host_objects.h"
#include "sdk/isolate_impl.h"

namespace islet {
namespace {

// Programs that try to leave something behind, each as its comment says; each is evaluated by itself.
constexpr const char* kDeeds[] = {
    // Bindings: new ones, changed ones, and library procedures replaced.
    R"scm((begin (define leaked '(the first tenant was here)) (define counter 1000) (define (handler . x) 'hijacked)
       (define list-ref (lambda x 'hijacked)) (define-syntax unless (syntax-rules () ((_ . x) 'hijacked)))
       (define records #f) (define table #f) (define text #f)))scm",
    // New symbols, in number, some of them kept.
    R"scm((define symbols (let loop ((i 0) (kept '())) (if (= i 3000) kept
       (loop (+ i 1) (let ((s (string->symbol (string-append "tenant-" (number->string i)))))
       (if (= 0 (modulo i 7)) (cons s kept) kept)))))))scm",
    // Tables hashed by content and by identity.
    R"scm((begin (define by-name (make-hash-table string=?)) (define by-identity (make-hash-table eq?))
       (do ((i 0 (+ i 1))) ((= i 2000)) (hash-table-set! by-name (number->string i) i)
       (hash-table-set! by-identity (list i) i))))scm",
    // Continuations, kept and re-entered; with a stack that was sealed.
    R"scm((begin (define saved #f) (define times 0)
       (define (deep n) (if (= n 0) (call/cc (lambda (k) (set! saved k) 0)) (+ 1 (deep (- n 1)))))
       (define deepest (deep 50000)) (set! times (+ times 1))))scm",
    R"scm((if (< times 3) (saved 1)))scm",
    // Garbage and survivors: minor collections.
    R"scm((define survivors (let loop ((i 0) (kept '())) (if (= i 60000) kept
       (loop (+ i 1) (if (= 0 (modulo i 10)) (cons (vector i (number->string i) (* i 1.5)) kept)
       (begin (make-vector 20 i) kept)))))))scm",
    // Large objects, and numbers that are not fixnums.
    R"scm((begin (define big-vector (make-vector 50000 'filled)) (define big-bytes (make-bytevector 300000 7))
       (define big-string (make-string 40000 #\x3bb)) (define big-number (expt 7 20000))
       (define ratio (/ (expt 3 500) (expt 2 500))) (define complex (make-rectangular 1/3 2.5))))scm",
    // Ports in the heap, left open and half read.
    R"scm((begin (define in (open-input-string "(some data) (more data)")) (read in)
       (define out (open-output-string)) (write survivors out) (define out-bytes (open-output-bytevector))
       (write-u8 200 out-bytes)))scm",
    // Parameters, set for good and within an extent that is left.
    R"scm((begin (define p (make-parameter 10)) (define q (make-parameter 1 (lambda (x) (* 2 x))))
       (call/cc (lambda (k) (parameterize ((p 20) (current-output-port out)) (dynamic-wind (lambda () (display "in"))
       (lambda () (k 1)) (lambda () (display "out"))))))))scm",
    // Code made at run time, macros, records, a promise, an environment.
    R"scm((begin (define made
       (eval '(lambda (x) (let loop ((i 0)) (if (< i x) (loop (+ i 1)) i))) (environment '(scheme base))))
       (made 100) (define-record-type point (make-point x y) point? (x px set-px!) (y py)) (define pt (make-point 1 2))
       (set-px! pt survivors) (define promised (delay (car survivors))) (force promised)))scm",
    R"scm((define-library (tenant lib) (import (scheme base)) (export secret) (begin (define secret 'hidden))))scm",
    // Errors: handled, and not.
    R"scm((guard (e (#t (list e (error-object-message e)))) (vector-ref (vector 1 2) 9)))scm",
    R"scm((with-exception-handler (lambda (e) 10) (lambda () (+ 1 (raise-continuable 'again)))))scm",
    // Things the snapshot itself holds: whatever globals there are, if they are of a kind that can be written.
    R"scm((let ((try (lambda (thunk) (guard (e (#t #f)) (thunk))))) (try (lambda () (vector-fill! cells leaked)))
       (try (lambda () (hash-table-set! record-table 'hijacked leaked))) (try (lambda () (count!)))))scm",
};

// An expression that reaches for the world outside: it must be refused by name, unless that is granted.
struct Attempt {
  const char* expression;
  const char* option;
};
constexpr Attempt kAttempts[] = {
    {R"scm((open-input-file "/proc/self/environ"))scm", "IsolateOptions::files"},
    {R"scm((open-output-file "/proc/self/comm"))scm", "IsolateOptions::files"},
    {R"scm((file-exists? "/"))scm", "IsolateOptions::files"},
    {R"scm((delete-file "/proc/none"))scm", "IsolateOptions::files"},
    {R"scm((load "/proc/self/comm"))scm", "IsolateOptions::files"},
    {R"scm((eval '(include "/proc/self/comm") (interaction-environment)))scm", "IsolateOptions::files"},
    {R"scm((eval '(import (tenant nowhere)) (interaction-environment)))scm", "IsolateOptions::files"},
    {R"scm((current-second))scm", "IsolateOptions::clock"},
    {R"scm((current-jiffy))scm", "IsolateOptions::clock"},
    {R"scm((random-source-randomize! default-random-source))scm", "IsolateOptions::randomness"},
};

// Each ends its run: an uncaught condition, a syntax error, an exit.
constexpr const char* kFailures[] = {
    R"scm((car (cdr (list 'uncaught))))scm",
    R"scm((parameterize ((current-error-port out)) (dynamic-wind (lambda () 1) (lambda () (raise (list 'an 'object)))
       (lambda () 2))))scm",
    R"scm((if (let)scm",
    R"scm((let loop ((n 300000)) (if (= n 0) (exit 7) (+ 1 (loop (- n 1))))))scm",
};

bool IsGranted(const IsolateOptions& options, absl::string_view option) {
  return option == "IsolateOptions::files"   ? options.files != nullptr
         : option == "IsolateOptions::clock" ? options.clock != nullptr
                                             : options.randomness != nullptr;
}

}  // namespace

std::vector<std::string> RunHostileTenant(Isolate& isolate) {
  std::vector<std::string> problems;
  Isolate::Impl& impl = *isolate.impl();
  const Isolate::Scope scope(isolate);
  const bool hooks = std::exchange(impl.state.hooks_pending, false);
  for (const char* deed : kDeeds) {
    const absl::StatusOr<Value> done = isolate.Eval(deed, "deed");
    if (!done.ok()) problems.push_back(absl::StrCat(deed, "\n  ", done.status().ToString()));
  }
  const absl::StatusOr<Value> random = isolate.EvalScript(
      "(import (scheme base) (srfi 27)) (random-source-pseudo-randomize! default-random-source 3 4) (random-integer "
      "100)",
      "random");
  if (!random.ok()) problems.push_back(random.status().ToString());
  for (const Attempt& attempt : kAttempts) {
    // Files that are not its own would be seen by the next tenant, as the host has decided.
    const bool granted = IsGranted(impl.options, attempt.option);
    if (granted && absl::string_view(attempt.option) == "IsolateOptions::files") continue;
    const absl::StatusOr<Value> done = isolate.Eval(
        absl::StrCat("(import (scheme load) (srfi 27)) (guard (e ((error-object? e) (error-object-message e))) ",
                     attempt.expression, " 'reached)"));
    const std::string outcome = done.ok() ? done->Print() : done.status().ToString();
    if (granted ? outcome != "reached" : !absl::StrContains(outcome, attempt.option)) {
      problems.push_back(absl::StrCat(attempt.expression, "\n  ", outcome));
    }
  }
  if (impl.options.files != nullptr && impl.options.files->ForIsolate() != nullptr) {
    const absl::StatusOr<Value> left = isolate.Eval(
        "(begin (define file (open-output-file \"of the hostile tenant\")) (write 'secret file) (flush-output-port "
        "file))");
    if (!left.ok()) problems.push_back(left.status().ToString());
  }
  isolate.CollectGarbage();
  const absl::StatusOr<Value> more = isolate.Eval(
      "(begin (set! survivors (map (lambda (v) (vector-map (lambda (x) x) v)) survivors)) (set! symbols (cdr "
      "symbols)))");
  if (!more.ok()) problems.push_back(more.status().ToString());
  for (const char* failure : kFailures) {
    if (isolate.Eval(failure, "failure").ok()) problems.push_back(absl::StrCat(failure, "\n  should fail"));
  }
  // The host's own, of each kind: collected, left behind, revoked.
  static const HostType* const type =
      new HostType(*HostType::Create("tenant", {.copy = [](void* p) -> absl::StatusOr<void*> { return p; }}));
  for (int i = 0; i < 300; ++i) {
    const Isolate::Scope inner(isolate);
    const absl::StatusOr<Value> object = isolate.MakeHostObject(*type, &problems, 1000);
    const absl::StatusOr<Value> procedure = isolate.MakeProcedure(
        "of-the-tenant", 0, 0, [](Isolate&, absl::Span<const Value>) -> absl::StatusOr<Value> { return Value(); });
    if (!object.ok() || !procedure.ok()) {
      problems.push_back(object.status().ToString());
      break;
    }
    if (i % 3 == 0) (void)isolate.Revoke(*object);
    if (i % 5 == 0) {
      const absl::Status defined = isolate.Define(absl::StrCat("kept-", i), List({*object, *procedure}));
      if (!defined.ok()) problems.push_back(defined.ToString());
    }
    const WeakPersistent weak(isolate, *object);
  }
  // Handles of all kinds, left behind; a mark in each page of what may be written.
  for (int i = 0; i < 100; ++i) impl.MakeHandle(vm::Value::Fixnum(i));
  vm::Heap& heap = impl.vm->heap();
  for (uint32_t offset = 0; offset < heap.layout().read_only_begin; offset += 4096 * 13) {
    vm::Value* slot = reinterpret_cast<vm::Value*>(heap.base() + offset + 64);
    heap.Write(slot, vm::kFalse);
  }
  isolate.Interrupt();
  impl.state.hooks_pending = hooks;
  return problems;
}

}  // namespace islet
