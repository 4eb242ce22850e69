#include "isolate/data/string.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "isolate/data/test_heap.h"

namespace islet::vm {
namespace {

class StringTest : public HeapTest {
 protected:
  Value Make(const char* utf8) { return MakeString(heap, utf8); }
  // The same characters as `utf8`, stored wide.
  Value MakeWide(const char* utf8) {
    const Value narrow = Make(utf8);
    const uint32_t n = StringLength(heap, narrow);
    const Value wide = MakeStringOfLength(heap, n, true);
    CopyChars(heap, wide, 0, narrow, 0, n);
    return wide;
  }
  // The same again, stored indirectly.
  Value MakeIndirect(const char* utf8) {
    const Value s = Make(utf8);
    EnsureHolds(heap, s, 0x3bb);
    return s;
  }
  // The hash of the characters, as they come one after the other.
  uint32_t HashOfChars(const char* utf8) {
    const StringChars chars = CharsOf(heap, Make(utf8));
    return StringHashOfChars([&chars](absl::FunctionRef<void(uint32_t)> note) {
      for (uint32_t i = 0; i < chars.length; ++i) note(chars[i]);
    });
  }
};

TEST_F(StringTest, RoundTripsUtf8) {
  for (const char* text : {"", "a", "plain ASCII, longer than a word", "caf\u00e9", "\u03bb\u2192x",
                           "\U0001f600 and more", "0123456\u00e9", "01234567\U0010ffff"}) {
    EXPECT_EQ(ToUtf8(heap, Make(text)), text);
  }
}

TEST_F(StringTest, StoresLatin1InOneByteAndTheRestInFour) {
  EXPECT_NE(CharsOf(heap, Make("caf\u00e9")).narrow, nullptr);
  EXPECT_NE(CharsOf(heap, Make("caf\u00e9\u03bb")).wide, nullptr);
  EXPECT_EQ(StringLength(heap, Make("caf\u00e9\u03bb")), 5u);
  EXPECT_EQ(CharAt(heap, Make("caf\u00e9\u03bb"), 4), 0x3bbu);
}

TEST_F(StringTest, RefusesInvalidUtf8) {
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xe2\x82", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xff", "okay so far \xfe"}) {
    EXPECT_FALSE(IsValidUtf8(bad)) << bad;
    EXPECT_NE(ToUtf8(heap, Make(bad)).find("\ufffd"), std::string::npos);
  }
  EXPECT_TRUE(IsValidUtf8("caf\u00e9 \u03bb \U0001f600"));
  EXPECT_EQ(ToUtf8(heap, Make("a\xffz")), "a\ufffdz");
}

TEST_F(StringTest, ContentDecidesNotRepresentation) {
  for (const char* text : {"", "abc", "caf\u00e9",
                           "longer than any buffer of the hash ........................"
                           "...................................................................."
                           "...................................................................."
                           "...................................................................."}) {
    const Value narrow = Make(text);
    for (const Value other : {MakeWide(text), MakeIndirect(text)}) {
      EXPECT_TRUE(StringEqual(heap, narrow, other));
      EXPECT_EQ(StringCompare(heap, narrow, other), 0);
      EXPECT_EQ(StringHash(heap, narrow), StringHash(heap, other));
      EXPECT_EQ(ToUtf8(heap, other), text);
    }
    EXPECT_EQ(StringHash(heap, narrow), HashOfChars(text));
    EXPECT_TRUE(StringEqualsUtf8(heap, narrow, text));
  }
  EXPECT_EQ(StringHash(heap, Make("\u03bbx")), HashOfChars("\u03bbx"));
  EXPECT_TRUE(StringEqualsUtf8(heap, Make("\u03bbx"), "\u03bbx"));
  EXPECT_FALSE(StringEqualsUtf8(heap, Make("\u03bbx"), "\u03bb"));
  EXPECT_FALSE(StringEqualsUtf8(heap, Make("abc"), "abd"));
  EXPECT_FALSE(StringEqualsUtf8(heap, Make("abc"), "ab"));
  EXPECT_TRUE(StringEqualsUtf8(heap, Make(""), absl::string_view()));
}

TEST_F(StringTest, OrdersByScalarValue) {
  EXPECT_LT(StringCompare(heap, Make("ab"), Make("abc")), 0);
  EXPECT_GT(StringCompare(heap, Make("b"), Make("abc")), 0);
  EXPECT_LT(StringCompare(heap, Make("\u00ff"), Make("\u0100")), 0);
  EXPECT_LT(StringCompare(heap, Make("\uffff"), Make("\U00010000")), 0);
}

TEST_F(StringTest, WideningKeepsTheStringsIdentityAndContent) {
  Value& s = Root(Make("abcdef"));
  SetCharAt(heap, s, 1, 'X');
  EXPECT_EQ(ToUtf8(heap, s), "aXcdef");
  SetCharAt(heap, s, 2, 0x3bb);
  EXPECT_EQ(ToUtf8(heap, s), "aX\u03bbdef");
  SetCharAt(heap, s, 5, 0x1f600);
  heap.CollectFull();
  EXPECT_EQ(ToUtf8(heap, s), "aX\u03bbde\U0001f600");
  // Already in the old space now: the store of the new characters must be remembered.
  Value& old = Root(Make("z"));
  heap.CollectFull();
  SetCharAt(heap, old, 0, 0x416);
  EXPECT_TRUE(heap.Collect());
  EXPECT_EQ(ToUtf8(heap, old), "\u0416");
}

TEST_F(StringTest, CopyCharsMayOverlap) {
  Value s = Make("0123456789");
  CopyChars(heap, s, 2, s, 0, 5);
  EXPECT_EQ(ToUtf8(heap, s), "0101234789");
  CopyChars(heap, s, 0, s, 2, 10);
  EXPECT_EQ(ToUtf8(heap, s), "0123478989");
  Value wide = MakeWide("0123456789");
  CopyChars(heap, wide, 2, wide, 0, 5);
  EXPECT_EQ(ToUtf8(heap, wide), "0101234789");
  CopyChars(heap, s, 0, Make("\u03bb"), 0, 1);
  EXPECT_EQ(ToUtf8(heap, s), "\u03bb123478989");
}

TEST_F(StringTest, CopiesAreNarrowWhereTheyCanBe) {
  const Value s = Make("abc\u03bb");
  EXPECT_NE(CharsOf(heap, CopyString(heap, s, 0, 3)).narrow, nullptr);
  EXPECT_EQ(ToUtf8(heap, CopyString(heap, s, 1, 4)), "bc\u03bb");
  EXPECT_EQ(ToUtf8(heap, s, 2, 4), "c\u03bb");
}

TEST_F(StringTest, KeepsTheImmutableFlag) {
  EXPECT_TRUE(IsImmutable(heap, MakeString(heap, "x", kImmutableFlag)));
  EXPECT_TRUE(IsImmutable(heap, MakeString(heap, "\u03bb", kImmutableFlag)));
  EXPECT_FALSE(IsImmutable(heap, Make("x")));
}

TEST_F(StringTest, PaddingIsZero) {
  // The same text must be the same bytes in every snapshot.
  for (int i = 0; i < 100; ++i) std::memset(heap.AllocateBytes(64), 0xee, 64);
  heap.CollectFull();
  const Value s = Make("abc");
  for (int i = 3; i < 8; ++i) EXPECT_EQ(heap.Get<String>(s)->bytes[i], 0);
}

TEST_F(StringTest, LargeStrings) {
  std::string text(100000, 'x');
  text += "\u03bb";
  Value& s = Root(MakeString(heap, text));
  heap.CollectFull();
  EXPECT_EQ(ToUtf8(heap, s), text);
}

}  // namespace
}  // namespace islet::vm
