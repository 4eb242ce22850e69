// Long random sequences of calls, right and wrong ones, beside a model that knows what each has to answer.
//
// The model is what the header says: which isolates are alive and entered, which scopes are open, and what each value
// stands for. Every text has the number of its isolate, so that a handle that reached another one would show. A failure
// names the seed; ISLET_TEST_SEED runs that alone.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bindings/c/host_for_tests.h"
#include "gtest/gtest.h"
#include "islet/islet.h"

namespace islet::c {
namespace {

class SequencesTest : public Host {};

// ---- One thread, which knows all

class Player {
 public:
  Player(islet_snapshot* snapshot, islet_options* options, Act* act, uint32_t seed)
      : snapshot_(snapshot), options_(options), random_(seed) {
    pool_ = islet_pool_new(snapshot, options, error_);
    EXPECT_NE(pool_, nullptr) << islet_error_message(error_);
    *act = [this](islet_host_call* call) { return Inside(call); };
  }
  ~Player() {
    for (Home& home : homes_) {
      if (home.alive) {
        EXPECT_EQ(islet_isolate_free(home.isolate), ISLET_OK);
      }
    }
    islet_pool_free(pool_);
    islet_error_free(error_);
  }
  void Play(int calls) {
    for (int i = 0; i < calls && !testing::Test::HasFailure(); ++i) Step();
  }

 private:
  enum class Kind { kScope, kEnter, kFunction };
  struct Scope {
    Kind kind;
    uint64_t number;
    size_t mark;
  };
  struct Home {
    islet_isolate* isolate;
    uint64_t number;
    bool alive = true;
    std::vector<Scope> scopes;
    bool running() const {
      for (const Scope& scope : scopes) {
        if (scope.kind == Kind::kFunction) return true;
      }
      return false;
    }
    size_t floor() const {
      for (size_t i = scopes.size(); i > 0; --i) {
        if (scopes[i - 1].kind == Kind::kFunction) return i;
      }
      return 0;
    }
  };
  struct Known {
    islet_value value;
    uint64_t home;   // 0: a constant, of none
    uint64_t scope;  // 0: kept
    bool released;
    std::string text;
  };

  uint32_t Below(size_t n) { return static_cast<uint32_t>(random_() % n); }
  Home& AnyHome() { return homes_[homes_.size() - 1 - Below(std::min<size_t>(homes_.size(), 12))]; }
  Home& HomeOf(uint64_t number) { return homes_[number - 1]; }
  Known& AnyKnown() { return known_[known_.size() - 1 - Below(std::min<size_t>(known_.size(), 60))]; }

  islet_status StatusOf(const Home& home) const {
    return !home.alive ? ISLET_STALE : home.scopes.empty() ? ISLET_NOT_ENTERED : ISLET_OK;
  }
  islet_status StatusOf(const Home& home, const Known& known) {
    if (const islet_status status = StatusOf(home); status != ISLET_OK) return status;
    if (known.home == 0) return ISLET_OK;
    if (known.home != home.number) return ISLET_FOREIGN;
    if (known.scope == 0) return known.released ? ISLET_STALE : ISLET_OK;
    for (const Scope& scope : home.scopes) {
      if (scope.number == known.scope) return ISLET_OK;
    }
    return ISLET_STALE;
  }
  // A value that was to be made, or has failed for `status`.
  void Learn(Home& home, islet_value value, islet_status status, const std::string& text) {
    if (status != ISLET_OK) {
      EXPECT_EQ(value.owner, 1u) << "made, where status " << status << " was due";
      return;
    }
    const bool constant = value.owner < (uint64_t{1} << 40);
    EXPECT_NE(value.owner, 1u) << text;
    known_.push_back({value, constant ? 0 : home.number, home.scopes.back().number, false, text});
  }
  void AddHome(islet_isolate* isolate) {
    ASSERT_NE(isolate, nullptr) << islet_error_message(error_);
    homes_.push_back({isolate, homes_.size() + 1, true, {}});
  }
  void Open(Home& home, Kind kind, size_t mark) { home.scopes.push_back({kind, ++scopes_, mark}); }
  std::string TextOf(const Home& home) {
    return "\"" + std::to_string(home.number) + "." + std::to_string(++texts_) + "\"";
  }
  void Check(Home& home, Known& known) {
    const char* text = nullptr;
    size_t length = 0;
    const islet_status status = islet_print(home.isolate, known.value, 0, &text, &length, error_);
    EXPECT_EQ(status, StatusOf(home, known)) << known.text << " in " << home.number << islet_error_message(error_);
    if (status == ISLET_OK) {
      EXPECT_EQ(std::string(text, length), known.text);
    }
  }

  void Step() {
    if (homes_.empty() || Below(60) == 0) return Make();
    switch (Below(20)) {
      case 0:
        return Enter(AnyHome());
      case 1:
        return Leave(AnyHome());
      case 2:
        return Below(5) == 0 ? End(AnyHome()) : Enter(AnyHome());
      case 3:
        return OpenScope(AnyHome());
      case 4:
        return CloseScope(AnyHome());
      case 5:
        return Below(3) == 0 ? Fork(AnyHome()) : Collect(AnyHome());
      case 6:
        return Call(AnyHome());
      case 7:
      case 8:
        return MakeText(AnyHome());
      case 9:
        return MakeConstant(AnyHome());
      default:
        break;
    }
    if (known_.empty()) return MakeText(AnyHome());
    // Mostly where it belongs.
    const size_t which = static_cast<size_t>(&AnyKnown() - known_.data());
    Home& home = known_[which].home != 0 && Below(4) != 0 ? HomeOf(known_[which].home) : AnyHome();
    if (!home.alive && home.number + 20 < homes_.size()) return;  // its place may serve another
    switch (Below(6)) {
      case 0:
        return Keep(home, which);
      case 1:
        return Release(home, which);
      case 2:
        return Escape(home, which);
      case 3:
        return PairOf(home, which, static_cast<size_t>(&AnyKnown() - known_.data()));
      case 4:
        return Identity(home, which);
      default:
        return Check(home, known_[which]);
    }
  }

  void Make() {
    if (homes_.size() > 100) return;
    AddHome(Below(2) == 0 ? islet_pool_get(pool_, error_) : islet_isolate_new(snapshot_, options_, error_));
  }
  void Fork(Home& home) {
    if (homes_.size() > 100) return;
    islet_isolate* const child = islet_isolate_fork(home.isolate, error_);
    if (!home.alive || home.running()) {
      EXPECT_EQ(child, nullptr);
      EXPECT_EQ(islet_error_status(error_), home.alive ? ISLET_BUSY : ISLET_STALE);
    } else {
      AddHome(child);
    }
  }
  void End(Home& home) {
    const islet_status expected = !home.alive ? ISLET_STALE : home.running() ? ISLET_BUSY : ISLET_OK;
    EXPECT_EQ(islet_isolate_free(home.isolate), expected);
    if (expected != ISLET_OK) return;
    home.alive = false;
    home.scopes.clear();
  }
  void Enter(Home& home) {
    const islet_status status = islet_enter(home.isolate, error_);
    EXPECT_EQ(status, home.alive ? ISLET_OK : ISLET_STALE) << islet_error_message(error_);
    if (status == ISLET_OK) Open(home, Kind::kEnter, 0);
  }
  void Leave(Home& home) {
    const size_t floor = home.floor();
    size_t latest = home.scopes.size();
    while (latest > floor && home.scopes[latest - 1].kind != Kind::kEnter) --latest;
    const islet_status expected = StatusOf(home) != ISLET_OK ? StatusOf(home)
                                  : latest > floor           ? ISLET_OK
                                  : floor > 0                ? ISLET_BUSY
                                                             : ISLET_NOT_ENTERED;
    EXPECT_EQ(islet_leave(home.isolate), expected);
    if (expected == ISLET_OK) home.scopes.resize(latest - 1);
  }
  void OpenScope(Home& home) {
    const size_t mark = islet_scope_open(home.isolate);
    EXPECT_EQ(mark != 0, StatusOf(home) == ISLET_OK);
    if (mark != 0) Open(home, Kind::kScope, mark);
  }
  // Sometimes one that is none; `index`: of the scope if it may be closed, else the number of scopes.
  size_t AnyMark(const Home& home, size_t* index) {
    *index = home.scopes.size();
    if (home.scopes.empty() || Below(8) == 0) return home.scopes.empty() ? Below(3) : 1000 + Below(1000);
    const size_t chosen = Below(home.scopes.size());
    if (home.scopes[chosen].kind != Kind::kScope) return 0;
    bool may = chosen >= home.floor();
    for (size_t i = chosen; i < home.scopes.size(); ++i) may = may && home.scopes[i].kind != Kind::kEnter;
    if (may) *index = chosen;
    return home.scopes[chosen].mark;
  }
  void CloseScope(Home& home) {
    size_t index;
    islet_scope_close(home.isolate, AnyMark(home, &index));
    home.scopes.resize(index);
  }
  void Escape(Home& home, size_t which) {
    const Known known = known_[which];
    size_t index;
    const size_t mark = AnyMark(home, &index);
    const bool open = index < home.scopes.size();
    const islet_status of_value = StatusOf(home, known);
    const islet_value value = islet_scope_escape(home.isolate, mark, known.value);
    if (StatusOf(home) != ISLET_OK || !open) {
      EXPECT_EQ(value.owner, 1u);
      return;
    }
    home.scopes.resize(index);
    if (known.home == home.number) {
      Learn(home, value, of_value, known.text);
    } else {
      EXPECT_EQ(value.owner, known.value.owner) << "it belongs to no scope";
    }
  }
  void Collect(Home& home) {
    EXPECT_EQ(islet_collect(home.isolate, Below(4) == 0 ? ISLET_COLLECT_FULL : ISLET_COLLECT_MINOR, error_),
              StatusOf(home));
  }
  void MakeText(Home& home) {
    const std::string text = TextOf(home);
    const islet_status status = StatusOf(home);
    Learn(home, islet_string(home.isolate, text.data() + 1, text.size() - 2), status, text);
  }
  void MakeConstant(Home& home) {
    const int n = static_cast<int>(Below(1000));
    Learn(home, islet_integer(home.isolate, n), StatusOf(home), std::to_string(n));
  }
  void Keep(Home& home, size_t which) {
    const Known known = known_[which];
    const islet_status status = StatusOf(home, known);
    Learn(home, islet_keep(home.isolate, known.value), status, known.text);
    if (status == ISLET_OK && known.home != 0) known_.back().scope = 0;
  }
  void Release(Home& home, size_t which) {
    Known& known = known_[which];
    islet_release_value(home.isolate, known.value);
    if (known.home != home.number || known.scope != 0 || !home.alive || known.released) return;
    // By a thread that is not inside it becomes stale no later than when the isolate is entered.
    known.released = true;
  }
  void PairOf(Home& home, size_t first, size_t second) {
    const Known a = known_[first], b = known_[second];
    const islet_status status = StatusOf(home, a) != ISLET_OK ? StatusOf(home, a) : StatusOf(home, b);
    const std::string text = "#(" + a.text + " " + b.text + ")";
    if (text.size() > 300) return;
    const islet_value items[] = {a.value, b.value};
    Learn(home, islet_vector(home.isolate, items, 2), status, text);
  }
  void Identity(Home& home, size_t which) {
    const Known known = known_[which];
    const islet_status expected = StatusOf(home, known);
    islet_value result = {0, 0};
    const islet_status status = islet_call(home.isolate, "identity", &known.value, 1, &result, error_);
    EXPECT_EQ(status, expected) << islet_error_message(error_);
    if (status == ISLET_OK) Learn(home, result, ISLET_OK, known.text);
  }
  // A script calls a host function, which goes on playing; or runs into an interrupt, or fails.
  void Call(Home& home) {
    const uint64_t number = home.number;
    const islet_status expected = StatusOf(home);
    if (depth_ >= 3 || Below(3) == 0) {
      const bool interrupt = expected == ISLET_OK && depth_ == 0 && Below(2) == 0;
      if (interrupt) islet_interrupt(home.isolate);
      EXPECT_EQ(islet_eval(home.isolate, "(churn 2000)", ISLET_Z, "test", 0, nullptr, error_),
                interrupt ? ISLET_CANCELLED : expected);
      islet_clear_interrupt(home.isolate);
      return;
    }
    const bool fails = Below(4) == 0;
    returned_ = fails ? ISLET_HOST_STATUS + static_cast<int>(Below(100)) : ISLET_OK;
    const islet_status returns = returned_;
    const islet_status status = islet_eval(home.isolate, "(call-back 1)", ISLET_Z, "test", 0, nullptr, error_);
    EXPECT_EQ(status, expected == ISLET_OK ? returns : expected) << islet_error_message(error_);
    EXPECT_TRUE(HomeOf(number).alive || expected != ISLET_OK);
  }
  islet_status Inside(islet_host_call* call) {
    size_t which = 0;
    while (which < homes_.size() && !(homes_[which].alive && homes_[which].isolate == call->isolate)) ++which;
    EXPECT_LT(which, homes_.size());
    const islet_status returned = returned_;
    Open(homes_[which], Kind::kFunction, 0);
    const size_t floor = homes_[which].scopes.size();
    ++depth_;
    for (int i = static_cast<int>(Below(15)); i > 0 && !testing::Test::HasFailure(); --i) Step();
    --depth_;
    homes_[which].scopes.resize(floor - 1);  // what the function has left open ends with it
    return returned;
  }

  islet_snapshot* const snapshot_;
  islet_options* const options_;
  islet_error* const error_ = islet_error_new();
  islet_pool* pool_ = nullptr;
  std::mt19937 random_;
  std::vector<Home> homes_;
  std::vector<Known> known_;
  uint64_t scopes_ = 0, texts_ = 0;
  int depth_ = 0;
  islet_status returned_ = ISLET_OK;
};

TEST_F(SequencesTest, OfOneThread) {
  const char* const only = std::getenv("ISLET_TEST_SEED");
  const uint32_t first = only != nullptr ? static_cast<uint32_t>(std::atoi(only)) : 1;
  const uint32_t last = only != nullptr ? first : 2000;
  islet_options* const options = Options();
  for (uint32_t seed = first; seed <= last; ++seed) {
    Player(snapshot_, options, &act_, seed).Play(200);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  islet_options_free(options);
}

// ---- Two threads, which share isolates, a pool and values

class Shared {
 public:
  Shared(islet_snapshot* snapshot, islet_options* options) : snapshot_(snapshot), options_(options) {
    islet_error* const error = islet_error_new();
    pool_ = islet_pool_new(snapshot, options, error);
    EXPECT_NE(pool_, nullptr) << islet_error_message(error);
    for (auto& slot : slots_) slot.store(islet_pool_get(pool_, error));
    islet_error_free(error);
  }
  ~Shared() {
    for (auto& slot : slots_) EXPECT_EQ(islet_isolate_free(slot.load()), ISLET_OK);
    islet_pool_free(pool_);
  }

  void Play(uint32_t seed, int calls) {
    std::mt19937 random(seed);
    islet_error* const error = islet_error_new();
    for (int i = 0; i < calls && !testing::Test::HasFailure(); ++i) {
      std::atomic<islet_isolate*>& slot = slots_[random() % std::size(slots_)];
      islet_isolate* const isolate = slot.load();
      if (random() % 3 == 0) {
        FromOutside(slot, isolate, random, error);
        continue;
      }
      const islet_status entered = islet_enter(isolate, error);
      if (entered != ISLET_OK) {
        EXPECT_TRUE(entered == ISLET_BUSY || entered == ISLET_STALE) << islet_error_message(error);
        continue;
      }
      Inside(isolate, random, error);
      if (random() % 8 == 0) {
        EXPECT_EQ(islet_isolate_free(isolate), ISLET_OK) << "nobody else can be in it";
        Replace(slot, isolate, error);
      } else {
        EXPECT_EQ(islet_leave(isolate), ISLET_OK);
      }
    }
    islet_error_free(error);
  }

 private:
  struct Kept {
    islet_value value;
    std::string text;
  };

  // By who has ended the slot's isolate.
  void Replace(std::atomic<islet_isolate*>& slot, islet_isolate* ended, islet_error* error) {
    islet_isolate* const next =
        ended_ % 2 == 0 ? islet_pool_get(pool_, error) : islet_isolate_new(snapshot_, options_, error);
    ++ended_;
    ASSERT_NE(next, nullptr) << islet_error_message(error);
    islet_isolate* expected = ended;
    EXPECT_TRUE(slot.compare_exchange_strong(expected, next)) << "ended twice";
  }
  // Without having entered.
  void FromOutside(std::atomic<islet_isolate*>& slot, islet_isolate* isolate, std::mt19937& random,
                   islet_error* error) {
    const islet_status called = islet_call(isolate, "count!", nullptr, 0, nullptr, error);
    EXPECT_TRUE(called == ISLET_NOT_ENTERED || called == ISLET_STALE) << called;
    EXPECT_EQ(islet_string(isolate, "x", 1).owner, 1u);
    const Kept kept = AnyKept(random);
    EXPECT_EQ(islet_type_of(isolate, kept.value), ISLET_TYPE_NONE);
    switch (random() % 6) {
      case 0:
        islet_release_value(isolate, kept.value);
        break;
      case 1:
        islet_interrupt(isolate);
        islet_clear_interrupt(isolate);
        break;
      case 2: {
        islet_isolate* const child = islet_isolate_fork(isolate, error);
        if (child != nullptr) {
          EXPECT_EQ(islet_isolate_free(child), ISLET_OK);
        } else {
          const islet_status status = islet_error_status(error);
          EXPECT_TRUE(status == ISLET_BUSY || status == ISLET_STALE || status == ISLET_NOT_ENTERED)
              << islet_error_message(error);
        }
        break;
      }
      case 3: {
        const islet_status status = islet_isolate_free(isolate);
        EXPECT_TRUE(status == ISLET_OK || status == ISLET_BUSY || status == ISLET_STALE) << status;
        if (status == ISLET_OK) Replace(slot, isolate, error);
        break;
      }
      case 4:
        (void)islet_stat(isolate, ISLET_STAT_HEAP_BYTES);
        (void)islet_limit(isolate, ISLET_HEAP_LIMIT);
        (void)islet_set_limit(isolate, ISLET_FUEL_LIMIT, 10000000);
        break;
      default:
        (void)islet_pool_trim(pool_, random() % 2);
        (void)islet_pool_stat(pool_, ISLET_STAT_POOL_IDLE_BYTES);
    }
  }
  // By the thread that has.
  void Inside(islet_isolate* isolate, std::mt19937& random, islet_error* error) {
    const std::string text = "text " + std::to_string(++texts_);
    const islet_value made = islet_string(isolate, text.data(), text.size());
    const islet_status ran = islet_eval(isolate, "(churn 500)", ISLET_Z, "test", 0, nullptr, error);
    EXPECT_TRUE(ran == ISLET_OK || ran == ISLET_CANCELLED) << islet_error_message(error);
    EXPECT_EQ(islet_collect(isolate, ISLET_COLLECT_MINOR, error), ISLET_OK);
    ExpectText(isolate, {made, text}, error, /*alive=*/true);
    const islet_value kept = islet_keep(isolate, made);
    ExpectText(isolate, {kept, text}, error, /*alive=*/true);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      kept_.push_back({kept, text});
    }
    for (int i = 0; i < 5; ++i) ExpectText(isolate, AnyKept(random), error, /*alive=*/false);
    if (random() % 3 == 0) islet_release_value(isolate, AnyKept(random).value);
  }
  void ExpectText(islet_isolate* isolate, const Kept& kept, islet_error* error, bool alive) {
    const char* text = nullptr;
    const islet_status status = islet_get_text(isolate, kept.value, &text, nullptr, error);
    if (status == ISLET_OK) {
      EXPECT_EQ(text, kept.text) << "the text of another";
    } else {
      EXPECT_FALSE(alive) << islet_error_message(error);
      EXPECT_TRUE(status == ISLET_STALE || status == ISLET_FOREIGN || status == ISLET_INVALID_ARGUMENT) << status;
    }
  }
  Kept AnyKept(std::mt19937& random) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return kept_.empty() ? Kept{{0, 0}, ""} : kept_[kept_.size() - 1 - random() % std::min<size_t>(kept_.size(), 20)];
  }

  islet_snapshot* const snapshot_;
  islet_options* const options_;
  islet_pool* pool_ = nullptr;
  std::atomic<islet_isolate*> slots_[3];
  std::atomic<int> texts_{0}, ended_{0};
  std::mutex mutex_;
  std::vector<Kept> kept_;
};

TEST_F(SequencesTest, OfTwoThreads) {
  islet_options* const options = Options();
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Shared shared(snapshot_, options);
    std::thread other([&] { shared.Play(seed + 1000, 200); });
    shared.Play(seed, 200);
    other.join();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  islet_options_free(options);
}

}  // namespace
}  // namespace islet::c
