// Host objects, procedures made at run time, weak persistents, and what finalizers, forks, resets and snapshots do with
// them.

#include "islet/host_objects.h"

#include <atomic>
#include <memory>
#include <stdexcept>
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
#include "sdk/host_objects_test_startup.h"

ISLET_EMBEDDED_SNAPSHOT(host_objects_test_startup);

namespace islet {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Snapshot Startup() { return *Snapshot::FromEmbedded(host_objects_test_startup); }

// Something of the host's, which counts those of its kind.
struct Entity {
  explicit Entity(int* n) : alive(n) { ++*alive; }
  ~Entity() { --*alive; }
  int* const alive;
  int x = 0, y = 0;
};

class HostObjects : public ::testing::Test {
 protected:
  HostObjects() {
    functions_.AddType(entity_);
    functions_.AddType(texture_);
    functions_.Add("make-entity", 0, [this](Isolate& isolate, absl::Span<const Value>) { return Make(isolate); });
    functions_.AddMethod(entity_, "entity-move!", 3,
                         [this](Isolate&, void* self, absl::Span<const Value> arguments) -> absl::StatusOr<Value> {
                           ++moves_;
                           auto* const entity = static_cast<Entity*>(self);
                           entity->x += static_cast<int>(*arguments[1].ToInt64());
                           entity->y += static_cast<int>(*arguments[2].ToInt64());
                           return Value();
                         });
    functions_.AddMethod(entity_, "entity-place", 1, 2,
                         [](Isolate&, void* self, absl::Span<const Value>) -> absl::StatusOr<Value> {
                           auto* const entity = static_cast<Entity*>(self);
                           return List({Integer(entity->x), Integer(entity->y)});
                         });
    functions_.Add("call-back", 1, [this](Isolate& isolate, absl::Span<const Value> arguments) {
      return call_back_ != nullptr ? call_back_(isolate, arguments[0]) : isolate.Call(arguments[0]);
    });
    options_.host_functions = &functions_;
  }

  static HostType::Options Counting() {
    return {.finalize = [](void* p) { delete static_cast<Entity*>(p); },
            .copy = [](void* p) -> absl::StatusOr<void*> {
              auto* const copy = new Entity(static_cast<Entity*>(p)->alive);
              copy->x = static_cast<Entity*>(p)->x;
              return copy;
            }};
  }
  absl::StatusOr<Value> Make(Isolate& isolate, size_t bytes = 0) {
    auto* const entity = new Entity(&alive_);
    absl::StatusOr<Value> made = isolate.MakeHostObject(entity_, entity, bytes);
    if (!made.ok()) delete entity;
    return made;
  }
  std::unique_ptr<Isolate> NewIsolate() {
    auto isolate = Isolate::FromSnapshot(Startup(), options_);
    EXPECT_TRUE(isolate.ok()) << isolate.status();
    return *std::move(isolate);
  }
  static std::string Run(Isolate& isolate, absl::string_view text) {
    const absl::StatusOr<Value> result = isolate.Eval(text);
    return result.ok() ? result->Print() : std::string(result.status().message());
  }

  int alive_ = 0;
  int moves_ = 0;
  const HostType entity_ = *HostType::Create("entity", Counting());
  const HostType texture_ = *HostType::Create("texture");
  std::function<absl::StatusOr<Value>(Isolate&, const Value&)> call_back_;
  HostFunctions functions_;
  IsolateOptions options_;
};

TEST_F(HostObjects, AreValuesThatOnlyTheHostLooksInto) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  const auto player = Make(*isolate);
  ASSERT_TRUE(player.ok()) << player.status();
  EXPECT_EQ(player->type(), Type::kHostObject);
  EXPECT_EQ(TypeName(player->type()), "a host object");
  EXPECT_EQ(player->Print(), "#<entity>");
  ASSERT_TRUE(isolate->Define("player", *player).ok());
  EXPECT_EQ(Run(*isolate, "(list (entity? player) (texture? player) (entity? 5) (entity? '()) (texture? texture?))"),
            "(#t #f #f #f #f)");
  EXPECT_EQ(Run(*isolate, "(entity-move! player 3 4) (entity-move! player 1 1) (entity-place player)"), "(4 5)");
  EXPECT_EQ(moves_, 2);
  const auto pointer = isolate->HostPointer(*player, entity_);
  ASSERT_TRUE(pointer.ok()) << pointer.status();
  EXPECT_EQ(static_cast<Entity*>(*pointer)->x, 4);
  EXPECT_EQ(Run(*isolate, "(list (procedure? player) (vector? player) (pair? player) (string? player))"),
            "(#f #f #f #f)");
}

TEST_F(HostObjects, AreEqualToThemselvesOnlyAndServeAsKeys) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Define("a", *Make(*isolate)).ok());
  ASSERT_TRUE(isolate->Define("b", *Make(*isolate)).ok());
  EXPECT_EQ(Run(*isolate,
                "(list (eq? a a) (eqv? a a) (equal? a a) (eq? a b) (eqv? a b) (equal? a b)"
                " (equal? (list a) (list a)) (equal? (vector a) (vector b)))"),
            "(#t #t #t #f #f #f #t #f)");
  for (const char* equivalence : {"eq?", "eqv?", "equal?"}) {
    EXPECT_EQ(Run(*isolate, absl::StrCat("(define t (make-hash-table ", equivalence,
                                         ")) (hash-table-set! t a 1) (hash-table-set! t b 2) (churn 50000)"
                                         " (list (hash-table-ref t a) (hash-table-ref t b) (hash-table-count t))")),
              "(1 2 2)")
        << equivalence;
    isolate->CollectGarbage();
    EXPECT_EQ(Run(*isolate, "(list (hash-table-ref t a) (hash-table-ref t b))"), "(1 2)") << equivalence;
  }
}

TEST_F(HostObjects, MethodsRefuseOtherThingsBeforeTheHostIsAsked) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Define("image", *isolate->MakeHostObject(texture_, nullptr)).ok());
  ASSERT_TRUE(isolate->Define("player", *Make(*isolate)).ok());
  EXPECT_THAT(Run(*isolate, "(entity-move! 5 1 1)"),
              StartsWith("entity-move!: argument 1 should be of the host type entity: 5"));
  EXPECT_THAT(Run(*isolate, "(entity-move! image 1 1)"),
              HasSubstr("entity-move!: argument 1 should be of the host type entity: #<texture>"));
  EXPECT_THAT(Run(*isolate, "(entity-move! player 1)"), HasSubstr("entity-move!: called with 2 arguments; takes 3"));
  EXPECT_THAT(Run(*isolate, "(apply entity-move! (list))"), HasSubstr("takes 3"));
  EXPECT_THAT(Run(*isolate, "(entity? 1 2)"), HasSubstr("entity?: called with 2 arguments; takes 1"));
  EXPECT_EQ(isolate->LastError().kind, "arity");
  EXPECT_EQ(moves_, 0);
  EXPECT_EQ(isolate->Stats().host_calls, 0u);
  // A type of the same name is another type.
  const HostType other = *HostType::Create("entity");
  EXPECT_NE(other.number(), entity_.number());
  ASSERT_TRUE(isolate->Define("stranger", *isolate->MakeHostObject(other, nullptr)).ok());
  EXPECT_EQ(Run(*isolate, "(entity? stranger)"), "#f");
  EXPECT_THAT(Run(*isolate, "(entity-place stranger)"), HasSubstr("of the host type entity: #<entity>"));
}

TEST_F(HostObjects, TheHostGetsClearErrorsForWrongOnes) {
  const auto isolate = NewIsolate();
  const auto other = NewIsolate();
  const Isolate::Scope scope(*isolate);
  const Value player = *Make(*isolate);
  const auto wrong = isolate->HostPointer(player, texture_);
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(wrong.status().message(),
            "expected an object of the host type texture, got one of another type, #<entity>");
  EXPECT_EQ(isolate->HostPointer(Integer(5), entity_).status().message(),
            "expected an object of the host type entity, got an exact integer");
  EXPECT_EQ(isolate->Revoke(String("x")).message(), "expected a host object, got a string");
  EXPECT_EQ(other->HostPointer(player, entity_).status().code(), absl::StatusCode::kFailedPrecondition);
  HostType moved = *HostType::Create("moved");
  const HostType taken = std::move(moved);
  EXPECT_EQ(isolate->MakeHostObject(moved, nullptr).status().code(), absl::StatusCode::kInvalidArgument);  // NOLINT
  EXPECT_EQ(isolate->HostPointer(player, moved).status().code(), absl::StatusCode::kInvalidArgument);      // NOLINT
  EXPECT_EQ(moved.number(), 0u);                                                                           // NOLINT
  for (const std::string& name : {std::string(), std::string("\xff"), std::string(256, 'x')}) {
    EXPECT_EQ(HostType::Create(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_TRUE(HostType::Create(std::string(255, 'x')).ok());
}

TEST_F(HostObjects, TypesAndMethodsMustBeProvided) {
  IsolateOptions options;
  const std::string message(Isolate::FromSnapshot(Startup(), options).status().message());
  EXPECT_THAT(message, HasSubstr("the host type entity is missing"));
  EXPECT_THAT(message, HasSubstr("the host type texture is missing"));
  EXPECT_THAT(message, HasSubstr("entity-move! (3 arguments) is missing"));
  EXPECT_THAT(Startup().host_types(), ::testing::ElementsAre("entity", "texture"));
  EXPECT_THAT(Startup().host_functions(),
              ::testing::ElementsAre("make-entity", "entity-move!", "entity-place", "call-back"));
  HostFunctions functions;
  functions.AddMethod(entity_, "none", 0, [](Isolate&, void*, absl::Span<const Value>) { return Value(); });
  options.host_functions = &functions;
  EXPECT_THAT(std::string(Isolate::FromSnapshot(Startup(), options).status().message()),
              HasSubstr("host function \"none\": a method takes one argument at least, its object"));
}

TEST_F(HostObjects, AreFinalizedOnceWhenTheyAreCollected) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Call("make-garbage", {Integer(1000)}).ok());
  isolate->CollectGarbage();
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(entity_.objects(), 0u);
  EXPECT_EQ(isolate->Stats().host_objects, 0u);
  EXPECT_EQ(isolate->Stats().external_bytes, 0u);
  // What is reachable is not.
  EXPECT_EQ(Run(*isolate, "(define all (make-list-of-entities 1000)) (length all)"), "1000");
  isolate->CollectGarbage();
  isolate->CollectGarbage();
  EXPECT_EQ(alive_, 1000);
  EXPECT_EQ(isolate->Stats().host_objects, 1000u);
  EXPECT_EQ(Run(*isolate, "(for-each (lambda (e) (entity-move! e 1 2)) all) (entity-place (list-ref all 500))"),
            "(1 2)");
  EXPECT_EQ(Run(*isolate, "(set! all (list-tail all 600)) 0"), "0");
  isolate->CollectGarbage();
  EXPECT_EQ(alive_, 400);
}

TEST_F(HostObjects, OfTheNurseryAreFinalizedAfterAMinorCollection) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Call("make-garbage", {Integer(1000)}).ok());
  const uint64_t before = isolate->Stats().minor_collections;
  while (isolate->Stats().minor_collections == before) ASSERT_TRUE(isolate->Call("churn", {Integer(100)}).ok());
  EXPECT_EQ(isolate->Stats().full_collections, 0u);
  EXPECT_EQ(alive_, 0);
}

TEST_F(HostObjects, AreFinalizedBeforeTheNextHostFunction) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  int most = 0;
  call_back_ = [&](Isolate&, const Value&) {
    most = std::max(most, alive_);
    return Value();
  };
  ASSERT_TRUE(isolate
                  ->Eval("(let loop ((i 0)) (if (< i 200) (begin (make-garbage 500) (churn 3000) (call-back 0)"
                         " (loop (+ i 1)))))")
                  .ok());
  EXPECT_LT(most, 20000);  // of 100,000
  EXPECT_LT(alive_, 20000);
}

TEST_F(HostObjects, RevokedOnesAreGone) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  Entity entity(&alive_);
  const HostType borrowed = *HostType::Create("entity", {.finalize = [](void*) { FAIL() << "was revoked"; }});
  const Value player = *isolate->MakeHostObject(borrowed, &entity, 1000);
  const Value mine = *Make(*isolate);
  ASSERT_TRUE(isolate->Define("player", mine).ok());
  delete static_cast<Entity*>(*isolate->HostPointer(mine, entity_));
  ASSERT_TRUE(isolate->Revoke(mine).ok());
  ASSERT_TRUE(isolate->Revoke(mine).ok());
  ASSERT_TRUE(isolate->Revoke(player).ok());
  EXPECT_EQ(borrowed.objects(), 0u);
  EXPECT_EQ(isolate->Stats().external_bytes, 0u);
  EXPECT_EQ(isolate->HostPointer(mine, entity_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(isolate->HostPointer(mine, entity_).status().message(), "the entity is gone");
  EXPECT_EQ(Run(*isolate, "(list (entity? player) player)"), "(#t #<entity, gone>)");
  EXPECT_EQ(Run(*isolate, "(message-of (lambda () (entity-move! player 1 1)))"), "\"the entity is gone\"");
  EXPECT_THAT(Run(*isolate, "(entity-move! player 1 1)"), StartsWith("entity-move!: the entity is gone"));
  EXPECT_EQ(isolate->LastError().kind, "host");
  // Its number may be another's now.
  const Value next = *Make(*isolate);
  EXPECT_EQ(isolate->HostPointer(mine, entity_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(isolate->HostPointer(next, entity_).ok());
}

TEST_F(HostObjects, AnObjectOutlivesItsMethod) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  call_back_ = [&](Isolate& inner, const Value&) -> absl::StatusOr<Value> {
    inner.CollectGarbage();
    return inner.Call("make-garbage", {Integer(1)});
  };
  HostFunctions functions = functions_;
  int during = -1;
  functions.AddMethod(entity_, "entity-place", 1, 2,
                      [&](Isolate& inner, void* self, absl::Span<const Value>) -> absl::StatusOr<Value> {
                        (void)inner.Eval("(call-back 0) (call-back 0)");
                        during = alive_;
                        return Integer(static_cast<Entity*>(self)->x);
                      });
  options_.host_functions = &functions;
  const auto second = NewIsolate();
  const Isolate::Scope inside(*second);
  EXPECT_EQ(Run(*second, "(entity-place (make-entity))"), "0");
  EXPECT_GE(during, 1);
}

TEST_F(HostObjects, FinalizersCannotUseTheIsolate) {
  std::vector<std::string> answers;
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  const HostType curious =
      *HostType::Create("curious", {.finalize = [&](void* p) {
                          Isolate& mine = *static_cast<Isolate*>(p);
                          const Isolate::Scope again(mine);
                          const Persistent persistent(mine, Integer(1));
                          answers.emplace_back(mine.Eval("(make-garbage 1)").status().message());
                          answers.emplace_back(mine.MakeHostObject(texture_, nullptr).status().message());
                          answers.emplace_back(mine.Fork().status().message());
                          answers.emplace_back(mine.Lookup("kept").status().message());
                          mine.CollectGarbage();
                          throw std::runtime_error("and fails");
                        }});
  ASSERT_TRUE(isolate->MakeHostObject(curious, isolate.get()).ok());
  ASSERT_TRUE(isolate->Call("keep!", {*isolate->MakeHostObject(curious, isolate.get())}).ok());
  {
    const Isolate::Scope inner(*isolate);
  }
  ASSERT_TRUE(isolate->Call("drop-kept!").ok());
  isolate->CollectGarbage();  // those of the outer scope are handles
  EXPECT_EQ(answers.size(), 0u);
  {
    const Isolate::Scope inner(*isolate);
    ASSERT_TRUE(isolate->MakeHostObject(curious, isolate.get()).ok());
  }
  isolate->CollectGarbage();
  ASSERT_EQ(answers.size(), 4u);
  for (const std::string& answer : answers) {
    EXPECT_EQ(answer, "a finalizer or copy of a host type may not use the isolate of its object");
  }
  EXPECT_EQ(Run(*isolate, "(+ 1 2)"), "3");
}

TEST_F(HostObjects, AFinalizerMayDisposeOfTheIsolate) {
  std::unique_ptr<Isolate> isolate = NewIsolate();
  const HostType deadly = *HostType::Create("deadly", {.finalize = [&](void*) { isolate.reset(); }});
  {
    const Isolate::Scope scope(*isolate);
    {
      const Isolate::Scope inner(*isolate);
      ASSERT_TRUE(isolate->MakeHostObject(deadly, nullptr).ok());
      ASSERT_TRUE(Make(*isolate).ok());
    }
    Isolate& ended = *isolate;
    ended.CollectGarbage();
    EXPECT_EQ(ended.Eval("1").status().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(deadly.objects(), 0u);
}

TEST_F(HostObjects, TheEndOfTheIsolateFinalizesAll) {
  {
    const auto isolate = NewIsolate();
    const Isolate::Scope scope(*isolate);
    ASSERT_TRUE(isolate->Eval("(define all (make-list-of-entities 100)) (make-garbage 100)").ok());
    EXPECT_EQ(alive_, 200);
    EXPECT_EQ(entity_.objects(), 200u);
  }
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(entity_.objects(), 0u);
}

TEST_F(HostObjects, TypesTellWhetherTheyAreStillNeeded) {
  std::unique_ptr<Isolate> isolate;
  const HostType plugin = *HostType::Create("plugin");
  {
    HostFunctions functions = functions_;
    functions.AddType(plugin);
    functions.AddMethod(plugin, "plugin-run", 1, [](Isolate&, void*, absl::Span<const Value>) { return Value(); });
    EXPECT_EQ(plugin.bindings(), 2u);
    const HostFunctions copy = functions;
    EXPECT_EQ(plugin.bindings(), 2u);
    options_.host_functions = &functions;
    isolate = NewIsolate();
    options_.host_functions = &functions_;
  }
  EXPECT_EQ(plugin.bindings(), 2u);  // the isolate's
  {
    const Isolate::Scope scope(*isolate);
    ASSERT_TRUE(isolate->MakeHostObject(plugin, nullptr).ok());
  }
  EXPECT_EQ(plugin.objects(), 1u);
  isolate.reset();
  EXPECT_EQ(plugin.objects(), 0u);
  EXPECT_EQ(plugin.bindings(), 0u);
}

TEST_F(HostObjects, ExternalBytesCauseCollectionsAndCountAgainstTheLimit) {
  options_.limits.heap_bytes = 64 << 20;
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  int most = 0;
  call_back_ = [&](Isolate& inner, const Value&) {
    auto made = Make(inner, 10 << 20);
    most = std::max(most, alive_);
    return made;
  };
  // What is dropped is freed in time.
  EXPECT_EQ(Run(*isolate, "(let loop ((i 0)) (if (< i 100) (begin (call-back i) (loop (+ i 1))) 'done))"), "done");
  EXPECT_LE(most, 8);
  // What is kept is not: then there is no room, which the host's function passes on.
  EXPECT_THAT(
      Run(*isolate, "(define all '()) (let loop () (set! all (cons (call-back 0) all)) (loop))"),
      HasSubstr("a host object of 10240 KiB outside of the heap is more than the heap limit of 65536 KiB leaves"));
  EXPECT_GE(alive_, 4);
  EXPECT_LE(alive_, 6);
  EXPECT_EQ(Run(*isolate, "(set! all '()) (+ 1 2)"), "3");
  EXPECT_EQ(isolate->MakeHostObject(texture_, nullptr, ~size_t{0}).status().code(),
            absl::StatusCode::kResourceExhausted);
  isolate->CollectGarbage();
  EXPECT_EQ(alive_, 0);
}

TEST_F(HostObjects, AHostThatMakesManyByItselfCollectsToo) {
  options_.limits.heap_bytes = 64 << 20;
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  int most = 0;
  for (int i = 0; i < 300; ++i) {
    const Isolate::Scope inner(*isolate);
    ASSERT_TRUE(Make(*isolate, 1 << 20).ok()) << i;
    most = std::max(most, alive_);
  }
  EXPECT_LE(most, 20);
}

TEST_F(HostObjects, ThereMayBeMany) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval("(keep! (make-list-of-entities 100000)) (churn 10000)").ok());
  isolate->CollectGarbage();
  EXPECT_EQ(alive_, 100000);
  EXPECT_EQ(Run(*isolate, "(for-each (lambda (e) (entity-move! e 1 2)) kept) (entity-place (list-ref kept 99999))"),
            "(1 2)");
  EXPECT_EQ(moves_, 100000);
  ASSERT_TRUE(isolate->Call("drop-kept!").ok());
  isolate->CollectGarbage();
  EXPECT_EQ(alive_, 0);
}

// ---- Forks, resets, snapshots

TEST_F(HostObjects, AForkHasCopies) {
  const auto isolate = NewIsolate();
  std::unique_ptr<Isolate> fork;
  {
    const Isolate::Scope scope(*isolate);
    ASSERT_TRUE(isolate->Eval("(keep! (make-entity)) (entity-move! kept 7 7) (make-garbage 10)").ok());
    auto forked = isolate->Fork();
    ASSERT_TRUE(forked.ok()) << forked.status();
    fork = *std::move(forked);
    ASSERT_TRUE(isolate->Eval("(entity-move! kept 1 1)").ok());
  }
  {
    const Isolate::Scope scope(*fork);
    EXPECT_EQ(Run(*fork, "(entity-place kept)"), "(7 0)");  // as `copy` has it
    EXPECT_EQ(Run(*fork, "(entity-move! kept 1 1) (entity-place kept)"), "(8 1)");
    EXPECT_EQ(Run(*fork, "(drop-kept!) (entity? (make-entity))"), "#t");
    fork->CollectGarbage();
  }
  {
    const Isolate::Scope scope(*isolate);
    EXPECT_EQ(Run(*isolate, "(entity-place kept)"), "(8 8)");
    isolate->CollectGarbage();
    EXPECT_EQ(alive_, 1);
  }
  fork.reset();
  EXPECT_EQ(alive_, 1);
}

TEST_F(HostObjects, WithoutACopyThereIsNoFork) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  const Value image = *isolate->MakeHostObject(texture_, nullptr);
  const auto fork = isolate->Fork();
  EXPECT_EQ(fork.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(fork.status().message()),
              HasSubstr("whose type has no copy: #<texture>, reachable as: a value that the host has (revoke"));
  ASSERT_TRUE(isolate->Define("kept", List({Integer(1), image})).ok());
  EXPECT_THAT(std::string(isolate->Fork().status().message()),
              HasSubstr("#<texture>, reachable as: global kept -> an element of a list (revoke them first"));
  EXPECT_EQ(Run(*isolate, "kept"), "(1 #<texture>)");
  ASSERT_TRUE(isolate->Revoke(image).ok());
  EXPECT_TRUE(isolate->Fork().ok());
}

TEST_F(HostObjects, AFailedCopyLeavesNothingBehind) {
  int copies = 0;
  int ends = 0;
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  const HostType fragile = *HostType::Create("fragile", {.finalize = [&](void*) { ++ends; },
                                                         .copy = [&](void* p) -> absl::StatusOr<void*> {
                                                           if (++copies == 3)
                                                             throw std::runtime_error("no more of them");
                                                           return p;
                                                         }});
  std::vector<Value> kept;
  for (int i = 0; i < 5; ++i) kept.push_back(*isolate->MakeHostObject(fragile, nullptr));
  EXPECT_EQ(isolate->Fork().status().message(), "#<fragile> could not be copied for a fork: no more of them");
  EXPECT_EQ(copies, 3);
  EXPECT_EQ(ends, 2);
  EXPECT_EQ(fragile.objects(), 5u);
  EXPECT_TRUE(isolate->HostPointer(kept[4], fragile).ok());
}

TEST_F(HostObjects, AResetFinalizesFirst) {
  IsolatePool::Options pool_options;
  pool_options.isolate = options_;
  pool_options.verify_resets = true;
  const auto pool = IsolatePool::Create(Startup(), pool_options);
  ASSERT_TRUE(pool.ok()) << pool.status();
  for (int i = 0; i < 3; ++i) {
    const auto isolate = (*pool)->Get();
    ASSERT_TRUE(isolate.ok());
    const Isolate::Scope scope(**isolate);
    EXPECT_EQ(Run(**isolate, "(list kept (get 'x) restored)"), "(#f nothing 1)");
    ASSERT_TRUE((*isolate)->Eval("(keep! (make-list-of-entities 50)) (put! 'x (make-entity)) (make-garbage 7)").ok());
    EXPECT_EQ(alive_, 58);
    const WeakPersistent weak(**isolate, *(*isolate)->Lookup("kept"));
  }
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ((*pool)->ResetStatus(), absl::OkStatus());
  EXPECT_EQ((*pool)->Stats().reused, 3u);
}

TEST_F(HostObjects, PrepareRunsAtEachHandOut) {
  IsolatePool::Options pool_options;
  pool_options.isolate = options_;
  pool_options.verify_resets = true;
  int prepared = 0;
  pool_options.prepare = [&](Isolate& isolate) -> absl::Status {
    ++prepared;
    if (absl::Status status = isolate.Define("request", Integer(prepared)); !status.ok()) return status;
    const auto entity = Make(isolate);
    return entity.ok() ? isolate.Define("player", *entity) : entity.status();
  };
  const auto pool = IsolatePool::Create(Startup(), pool_options);
  ASSERT_TRUE(pool.ok()) << pool.status();
  EXPECT_EQ(prepared, 1);
  for (int i = 2; i < 5; ++i) {
    const auto isolate = (*pool)->Get();
    ASSERT_TRUE(isolate.ok());
    const Isolate::Scope scope(**isolate);
    EXPECT_EQ(Run(**isolate, "(list request restored (entity? player))"), absl::StrCat("(", i, " 1 #t)"));
  }
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ((*pool)->ResetStatus(), absl::OkStatus());
  // What is looked up in the snapshot is not what has been prepared.
  EXPECT_EQ((*pool)->Procedure("request").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(HostObjects, AFailedPrepareIsGets) {
  IsolatePool::Options pool_options;
  pool_options.isolate = options_;
  pool_options.isolate.limits.fuel = 100000;
  bool fail = false, loop = false;
  pool_options.prepare = [&](Isolate& isolate) -> absl::Status {
    if (loop) return isolate.Eval("(let loop () (loop))").status();
    if (fail) throw std::runtime_error("no database");
    return absl::OkStatus();
  };
  const auto pool = IsolatePool::Create(Startup(), pool_options);
  ASSERT_TRUE(pool.ok()) << pool.status();
  fail = true;
  EXPECT_EQ((*pool)->Get().status(), absl::UnknownError("no database"));
  loop = true;
  const auto limited = (*pool)->Get();
  EXPECT_EQ(LimitReached(limited.status()), Limit::kFuel);
  fail = loop = false;
  EXPECT_TRUE((*pool)->Get().ok());
  EXPECT_EQ((*pool)->Stats().created, 1u);
  fail = true;
  EXPECT_FALSE(IsolatePool::Create(Startup(), pool_options).ok());
}

TEST_F(HostObjects, ManyThreadsShareAType) {
  std::atomic<int> made{0}, ended{0};
  const HostType shared = *HostType::Create("shared", {.finalize = [&](void*) { ++ended; },
                                                       .copy = [&](void* p) -> absl::StatusOr<void*> {
                                                         ++made;
                                                         return p;
                                                       }});
  IsolatePool::Options pool_options;
  pool_options.isolate = options_;
  const auto pool = IsolatePool::Create(Startup(), pool_options);
  ASSERT_TRUE(pool.ok()) << pool.status();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const auto isolate = (*pool)->Get();
        ASSERT_TRUE(isolate.ok());
        const Isolate::Scope scope(**isolate);
        for (int i = 0; i < 50; ++i) {
          const Isolate::Scope inner(**isolate);
          ++made;
          const auto object = (*isolate)->MakeHostObject(shared, nullptr);
          ASSERT_TRUE(object.ok());
          if (i % 10 == 0) {
            ASSERT_TRUE((*isolate)->Call("keep!", {*object}).ok());
          }
        }
        (*isolate)->CollectGarbage();
        const auto fork = (*isolate)->Fork();
        ASSERT_TRUE(fork.ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, ended);
  EXPECT_EQ(shared.objects(), 0u);
}

// ---- Procedures and globals

TEST_F(HostObjects, ProceduresMadeAtRunTime) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  const auto counter = std::make_shared<int>(0);
  const auto made = isolate->MakeProcedure("count!", 0, 2, [counter](Isolate&, absl::Span<const Value> arguments) {
    *counter += 1 + static_cast<int>(arguments.size());
    return Integer(*counter);
  });
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->type(), Type::kProcedure);
  EXPECT_EQ(made->Print(), "#<procedure count!>");
  ASSERT_TRUE(isolate->Define("count!", *made).ok());
  EXPECT_EQ(Run(*isolate, "(count!) (map count! '(1 2)) (apply count! '(1 2))"), "8");
  EXPECT_THAT(Run(*isolate, "(count! 1 2 3)"), HasSubstr("count!: called with 3 arguments; takes 0 to 2"));
  EXPECT_EQ(isolate->Call(*made)->ToInt64().value(), 9);
  EXPECT_EQ(isolate->MakeProcedure("", 0, 0, [](Isolate&, absl::Span<const Value>) { return Value(); }).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(isolate->MakeProcedure("f", 3, 2, nullptr).status().message()),
              HasSubstr("host function \"f\""));
  EXPECT_THAT(std::string(isolate->MakeProcedure("f", 1, 2, nullptr).status().message()), HasSubstr("is empty"));
}

TEST_F(HostObjects, AProcedureIsCollectedWithItsFunction) {
  const auto isolate = NewIsolate();
  const auto captured = std::make_shared<int>(1);
  const Isolate::Scope scope(*isolate);
  {
    const Isolate::Scope inner(*isolate);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(
          isolate
              ->MakeProcedure("f", 0, 0, [captured](Isolate&, absl::Span<const Value>) { return Integer(*captured); })
              .ok());
    }
    EXPECT_EQ(captured.use_count(), 11);
  }
  isolate->CollectGarbage();
  EXPECT_EQ(captured.use_count(), 1);
}

TEST_F(HostObjects, AProcedureMayEndWhileItRuns) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  const auto captured = std::make_shared<std::string>("still here");
  const std::weak_ptr<std::string> watch = captured;
  {
    const Isolate::Scope inner(*isolate);
    auto made = isolate->MakeProcedure(
        "once", 0, 0, [kept = captured](Isolate& own, absl::Span<const Value>) -> absl::StatusOr<Value> {
          // Nothing refers to it any more but this call.
          EXPECT_TRUE(own.Define("once", Integer(0)).ok());
          own.CollectGarbage();
          EXPECT_TRUE(own.Call("make-garbage", {Integer(1)}).ok());
          return String(*kept);
        });
    ASSERT_TRUE(made.ok());
    ASSERT_TRUE(isolate->Define("once", *made).ok());
  }
  EXPECT_EQ(Run(*isolate, "(let ((f once)) (set! once #f) (f))"), "\"still here\"");
  isolate->CollectGarbage();
}

TEST_F(HostObjects, AForkHasTheProceduresToo) {
  std::vector<const Isolate*> seen;
  const auto isolate = NewIsolate();
  std::unique_ptr<Isolate> fork;
  {
    const Isolate::Scope scope(*isolate);
    ASSERT_TRUE(isolate
                    ->Define("who", *isolate->MakeProcedure("who", 0, 0,
                                                            [&](Isolate& own, absl::Span<const Value>) {
                                                              seen.push_back(&own);
                                                              return Value();
                                                            }))
                    .ok());
    fork = *isolate->Fork();
    ASSERT_TRUE(isolate->Call("who").ok());
  }
  const Isolate* const parent = isolate.get();
  const Isolate::Scope scope(*fork);
  ASSERT_TRUE(fork->Call("who").ok());
  EXPECT_EQ(seen, (std::vector<const Isolate*>{parent, fork.get()}));
}

TEST_F(HostObjects, DefineSetsAGlobal) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval("(define (later) not-yet)").ok());
  ASSERT_TRUE(isolate->Define("not-yet", List({Integer(1), String("two")})).ok());
  EXPECT_EQ(Run(*isolate, "(later)"), "(1 \"two\")");
  ASSERT_TRUE(isolate->Define("not-yet", Integer(2)).ok());
  EXPECT_EQ(Run(*isolate, "(list (later) not-yet)"), "(2 2)");
  ASSERT_TRUE(isolate->Define("kept", Symbol("new")).ok());
  EXPECT_EQ(Run(*isolate, "kept"), "new");
  EXPECT_EQ(Run(*isolate, "(define kept 5) kept"), "5");
  const absl::Status imported = isolate->Define("car", Integer(1));
  EXPECT_EQ(imported.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(imported.message(), "car is imported from a library, whose users would not see another value");
  EXPECT_EQ(isolate->Define("if", Integer(1)).message(), "if is a keyword, not a variable");
  EXPECT_EQ(isolate->Define("guard", Integer(1)).message(), "guard is a keyword, not a variable");
  EXPECT_EQ(isolate->Define("", Integer(1)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(isolate->Define("\xff", Integer(1)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(isolate->Define("x", BigInteger("one")).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Run(*isolate, "(list (car '(1)) (if #t 1 2))"), "(1 1)");
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(isolate->Define(absl::StrCat("global-", i), Integer(i)).ok());
  EXPECT_EQ(Run(*isolate, "(+ global-0 global-2999)"), "2999");
}

// ---- Weak persistents

TEST_F(HostObjects, AWeakPersistentKeepsNothingAlive) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  EXPECT_EQ(WeakPersistent().Get().type(), Type::kUnspecified);
  EXPECT_FALSE(WeakPersistent().IsAlive());
  std::unique_ptr<WeakPersistent> entity, list, large, symbol, procedure, number;
  {
    const Isolate::Scope inner(*isolate);
    entity = std::make_unique<WeakPersistent>(*isolate, *Make(*isolate));
    list = std::make_unique<WeakPersistent>(*isolate, *isolate->Eval("(list 1 2 3)"));
    large = std::make_unique<WeakPersistent>(*isolate, *isolate->Eval("(make-vector 50000 1)"));
    symbol = std::make_unique<WeakPersistent>(*isolate, *isolate->Eval("(string->symbol \"never-seen-before\")"));
    procedure = std::make_unique<WeakPersistent>(*isolate, *isolate->Lookup("churn"));
    number = std::make_unique<WeakPersistent>(*isolate, Integer(5));
    for (const auto* weak : {&entity, &list, &large, &symbol, &procedure, &number}) EXPECT_TRUE((*weak)->IsAlive());
    isolate->CollectGarbage();  // handles keep it alive
    EXPECT_EQ(entity->Get().Print(), "#<entity>");
    EXPECT_EQ(list->Get().Print(), "(1 2 3)");
    EXPECT_EQ(symbol->Get().Print(), "never-seen-before");
  }
  isolate->CollectGarbage();
  for (const auto* weak : {&entity, &list, &large, &symbol}) {
    EXPECT_FALSE((*weak)->IsAlive());
    EXPECT_EQ((*weak)->Get().type(), Type::kOther);
    EXPECT_EQ((*weak)->Get().ToString().status().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(procedure->Get().type(), Type::kProcedure);
  EXPECT_EQ(number->Get().ToInt64().value(), 5);
  EXPECT_EQ(alive_, 0);
}

TEST_F(HostObjects, AWeakPersistentFollowsWhatMoves) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval("(keep! (list 1.5 'two \"three\" (make-entity)))").ok());
  const WeakPersistent weak(*isolate, *isolate->Lookup("kept"));
  const WeakPersistent flonum(*isolate, *isolate->Eval("(car kept)"));
  for (int i = 0; i < 5; ++i) {
    const Isolate::Scope inner(*isolate);
    ASSERT_TRUE(isolate->Call("churn", {Integer(20000)}).ok());
    if (i % 2 == 1) isolate->CollectGarbage();
    EXPECT_EQ(weak.Get().Print(), "(1.5 two \"three\" #<entity>)");
    EXPECT_EQ(flonum.Get().Print(), "1.5");
    ASSERT_TRUE(isolate->Define("again", weak.Get()).ok());
    EXPECT_EQ(Run(*isolate, "(eq? again kept)"), "#t");
    ASSERT_TRUE(isolate->Define("again", Integer(0)).ok());
  }
}

TEST_F(HostObjects, ManyWeakPersistentsComeAndGo) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  const Value list = *isolate->Eval("(list 1)");
  for (int i = 0; i < 100000; ++i) {
    WeakPersistent weak(*isolate, list);
    const WeakPersistent moved = std::move(weak);
    ASSERT_TRUE(moved.IsAlive());
  }
  std::vector<WeakPersistent> many;
  {
    const Isolate::Scope inner(*isolate);
    for (int i = 0; i < 10000; ++i) many.emplace_back(*isolate, *isolate->Call("list", {Integer(i)}));
  }
  isolate->CollectGarbage();
  for (const WeakPersistent& weak : many) ASSERT_FALSE(weak.IsAlive());
  many.resize(10);
  const WeakPersistent next(*isolate, list);
  for (const WeakPersistent& weak : many) ASSERT_FALSE(weak.IsAlive());
  EXPECT_TRUE(next.IsAlive());
}

TEST_F(HostObjects, AForkHasNoWeakPersistents) {
  const auto isolate = NewIsolate();
  const Isolate::Scope scope(*isolate);
  ASSERT_TRUE(isolate->Eval("(keep! (make-entity))").ok());
  const WeakPersistent weak(*isolate, *isolate->Lookup("kept"));
  const auto fork = isolate->Fork();
  ASSERT_TRUE(fork.ok());
  EXPECT_TRUE(weak.IsAlive());
  const Isolate::Scope inside(**fork);
  EXPECT_EQ((*fork)->Stats().external_bytes, isolate->Stats().external_bytes / 2);
  EXPECT_EQ(Run(**fork, "(entity? kept)"), "#t");
}

}  // namespace
}  // namespace islet
