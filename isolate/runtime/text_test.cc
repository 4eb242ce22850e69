#include "isolate/runtime/text.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/reader/test_vm.h"

namespace islet::vm {
namespace {

constexpr size_t kPiece = size_t{64} << 10;

// A text of `bytes` bytes or a few less, which starts with `shift` of "x".
std::string TextOf(absl::string_view character, size_t shift, size_t bytes) {
  std::string text(shift, 'x');
  while (text.size() + character.size() <= bytes) absl::StrAppend(&text, character);
  return text;
}

std::string Joined(const GatheredBytes& bytes) {
  std::string all;
  bytes.ForEachPart([&all](absl::string_view part) { absl::StrAppend(&all, part); });
  return all;
}

class TextTest : public ::testing::Test {
 protected:
  std::unique_ptr<Vm> vm_ = MakeTestVm();
  Heap& heap_ = vm_->heap();
};

TEST_F(TextTest, PartsEndWithWholeCharacters) {
  for (const char* character : {"a", "\u00e9", "\u20ac", "\U0001f600"}) {
    for (size_t shift = 0; shift < 4; ++shift) {
      for (const size_t step : {size_t{1}, size_t{3}, size_t{1000}, kPiece, 10 * kPiece}) {
        const std::string text = TextOf(character, shift, 3 * kPiece + 10);
        GatheredBytes bytes;
        for (size_t i = 0; i < text.size(); i += step) {
          bytes.Append(absl::string_view(text).substr(i, step));
        }
        ASSERT_EQ(bytes.size(), text.size());
        ASSERT_FALSE(bytes.is_one_part());
        ASSERT_EQ(Joined(bytes), text);
        bytes.ForEachPart([](absl::string_view part) {
          EXPECT_TRUE(IsValidUtf8(part));
          EXPECT_LE(part.size(), kPiece + 3);
        });
        const Value string = StringResult(*vm_, "test", bytes);
        ASSERT_TRUE(heap_.Is<String>(string));
        ASSERT_EQ(ToUtf8(heap_, string), text);
      }
    }
  }
}

TEST_F(TextTest, WhatIsNotUtf8IsSoInSomePart) {
  const std::vector<std::string> wrong = {"\x80", "\x80\x80\x80\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x98", "\xff"};
  for (const std::string& bad : wrong) {
    for (size_t before = kPiece - 5; before < kPiece + 5; ++before) {
      GatheredBytes bytes;
      bytes.Append(std::string(before, 'x'));
      bytes.Append(bad);
      bytes.Append(std::string(kPiece, 'y'));
      bool valid = true;
      bytes.ForEachPart([&valid](absl::string_view part) { valid = valid && IsValidUtf8(part); });
      EXPECT_FALSE(valid) << before;
      EXPECT_EQ(Joined(bytes), std::string(before, 'x') + bad + std::string(kPiece, 'y'));
    }
  }
}

TEST_F(TextTest, LongResults) {
  // Wide, narrow and ASCII, short and long.
  for (const char* character : {"a", "\u00e9", "\u03bb", "\U0001f600"}) {
    for (const size_t bytes : {size_t{0}, size_t{1}, size_t{100}, kPiece, 3'000'001ul}) {
      const std::string text = TextOf(character, bytes == 0 ? 0 : 1, bytes);
      const Value string = StringResult(*vm_, "test", text);
      ASSERT_TRUE(heap_.Is<String>(string));
      EXPECT_EQ(ToUtf8(heap_, string), text);
      const uint32_t length = StringLength(heap_, string);
      EXPECT_EQ(CharsOf(heap_, string).wide != nullptr, length > 1 && CharAt(heap_, string, length - 1) > 0xff);
      vm_->scratch()[0] = string;
      const Value encoded = EncodedResult(*vm_, "test", vm_->scratch()[0], 0, length);
      const Bytevector* v = heap_.TryGet<Bytevector>(encoded);
      ASSERT_NE(v, nullptr);
      EXPECT_EQ(absl::string_view(reinterpret_cast<const char*>(v->bytes), v->length), text);
      if (length > 2) {
        const Value part = EncodedResult(*vm_, "test", vm_->scratch()[0], 1, length - 1);
        const Bytevector* w = heap_.TryGet<Bytevector>(part);
        ASSERT_NE(w, nullptr);
        const absl::string_view expected =
            absl::string_view(text).substr(1, text.size() - 1 - absl::string_view(character).size());
        EXPECT_EQ(absl::string_view(reinterpret_cast<const char*>(w->bytes), w->length), expected);
      }
    }
  }
  const std::string invalid = std::string(500'000, 'x') + "\xff\xfe" + std::string(500'000, 'y');
  EXPECT_EQ(ToUtf8(heap_, StringResult(*vm_, "test", invalid)),
            std::string(500'000, 'x') + "\ufffd\ufffd" + std::string(500'000, 'y'));
}

// However long the text, polls are no further apart than 64 KiB; and once one has ended the run,
// little more is done.
TEST_F(TextTest, Polls) {
  struct Polls {
    static bool Count(void* context, uint64_t) {
      Polls& self = *static_cast<Polls*>(context);
      return ++self.count <= self.last;
    }
    int count = 0;
    int last = 1 << 30;
  };
  constexpr int kPieces = 100;
  const std::string text(kPieces * kPiece, 'x');
  GatheredBytes gathered;
  gathered.Append(text);
  const Value kept = StringResult(*vm_, "test", text);
  vm_->scratch()[0] = kept;
  const auto count = [&](const auto& operation) {
    Polls all;
    {
      PollScope scope({&Polls::Count, &all});
      operation();
    }
    Polls few;
    few.last = 10;
    PollScope scope({&Polls::Count, &few});
    operation();
    EXPECT_LT(few.count, 20);
    return all.count;
  };
  EXPECT_GE(count([&] { gathered.ForEachPart([](absl::string_view) {}); }), kPieces - 1);
  EXPECT_GE(count([&] { (void)StringResult(*vm_, "test", gathered); }), kPieces);
  EXPECT_GE(count([&] { (void)StringResult(*vm_, "test", text); }), kPieces);
  EXPECT_GE(count([&] { (void)BytevectorResult(*vm_, "test", gathered); }), kPieces - 1);
  EXPECT_GE(count([&] { (void)BytevectorResult(*vm_, "test", text); }), kPieces - 1);
  EXPECT_GE(
      count([&] { (void)EncodedResult(*vm_, "test", vm_->scratch()[0], 0, StringLength(heap_, vm_->scratch()[0])); }),
      kPieces);
}

// Room for the result is made by a collection that moves what it is made of.
TEST_F(TextTest, BytesInTheHeapMayMove) {
  const std::string text = TextOf("\u03bb", 1, 20'000);
  Value& root = vm_->scratch()[0];
  const auto view = [&] {
    const Bytevector* v = heap_.Get<Bytevector>(root);
    return absl::string_view(reinterpret_cast<const char*>(v->bytes), v->length);
  };
  root = BytevectorResult(*vm_, "test", text);
  size_t calls = 0;
  const auto moving = [&] {
    heap_.CollectFull();
    ++calls;
    return view();
  };
  EXPECT_EQ(ToUtf8(heap_, StringResult(*vm_, "test", moving)), text);
  const Value copy = BytevectorResult(*vm_, "test", [&] { return view(); });
  EXPECT_EQ(heap_.Get<Bytevector>(copy)->length, text.size());
  EXPECT_GT(calls, 0u);
}

TEST_F(TextTest, TooMuchForTheHeap) {
  heap_.set_heap_limit(1 << 20);
  EXPECT_EQ(StringResult(*vm_, "test", std::string(2 << 20, 'x')), kException);
  EXPECT_EQ(BytevectorResult(*vm_, "test", std::string(2 << 20, 'x')), kException);
  GatheredBytes bytes;
  bytes.Append(std::string(2 << 20, 'x'));
  EXPECT_EQ(StringResult(*vm_, "test", bytes), kException);
  EXPECT_EQ(BytevectorResult(*vm_, "test", bytes), kException);
  EXPECT_TRUE(heap_.Is<String>(StringResult(*vm_, "test", "short")));
}

}  // namespace
}  // namespace islet::vm
