#include "isolate/reader/reader.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "isolate/data/string.h"
#include "isolate/heap/poll.h"
#include "isolate/numbers/numbers.h"
#include "isolate/reader/lexical.h"
#include "isolate/reader/test_vm.h"

namespace islet::vm {
namespace {

using ::testing::Test;

// A plain rendering of syntax, so that these tests need no printer: characters as their code,
// strings and symbols as they are with marks around odd ones. Vectors as #(...); cycles must not be
// passed.
std::string Show(Vm& vm, const Syntax* s) {
  Heap& heap = vm.heap();
  switch (s->kind) {
    case Syntax::Kind::kSymbol:
      return vm.SymbolName(s->value);
    case Syntax::Kind::kAlias:
      return "alias";
    case Syntax::Kind::kVector: {
      std::string out = "#(";
      for (size_t i = 0; i < s->count; ++i) absl::StrAppend(&out, i ? " " : "", Show(vm, s->items[i]));
      return out + ")";
    }
    case Syntax::Kind::kPair: {
      std::string out = "(" + Show(vm, s->car);
      for (s = s->cdr; s->IsPair(); s = s->cdr) absl::StrAppend(&out, " ", Show(vm, s->car));
      return s->IsNull() ? out + ")" : absl::StrCat(out, " . ", Show(vm, s), ")");
    }
    case Syntax::Kind::kAtom:
      break;
  }
  const Value v = s->value;
  if (v == kNull) return "()";
  if (v == kTrue) return "#t";
  if (v == kFalse) return "#f";
  if (v.IsChar()) return absl::StrCat("char:", v.character());
  if (heap.Is<String>(v)) return absl::StrCat("\"", ToUtf8(heap, v), "\"");
  if (const Bytevector* bytes = heap.TryGet<Bytevector>(v)) {
    std::string out = "#u8(";
    for (uint32_t i = 0; i < bytes->length; ++i) absl::StrAppend(&out, i ? " " : "", bytes->bytes[i]);
    return out + ")";
  }
  return NumberToString(heap, v);
}

class ReaderTest : public Test {
 protected:
  // All data of `text`, shown, separated by " ; "; or "error: file:line:column: message".
  std::string Read(absl::string_view text, const ReaderOptions& options = {}) {
    SyntaxArena arena(&vm_->heap());
    Reader reader(*vm_, arena, text, "t", options);
    std::string out;
    Syntax* datum;
    while (true) {
      switch (reader.ReadNext(&datum)) {
        case Reader::Result::kEnd:
          return out;
        case Reader::Result::kError:
          incomplete_ = reader.error().incomplete;
          return "error: " + reader.error().ToString();
        case Reader::Result::kDatum:
          absl::StrAppend(&out, out.empty() ? "" : " ; ", Show(*vm_, datum));
      }
    }
  }
  bool Incomplete(absl::string_view text) {
    incomplete_ = false;
    return Read(text).substr(0, 6) == "error:" && incomplete_;
  }
  Syntax* ReadOne(SyntaxArena& arena, absl::string_view text) {
    Reader reader(*vm_, arena, text, "t");
    Syntax* datum = nullptr;
    EXPECT_EQ(reader.ReadNext(&datum), Reader::Result::kDatum) << reader.error().ToString();
    return datum;
  }

  std::unique_ptr<Vm> vm_ = MakeTestVm();
  bool incomplete_ = false;
};

TEST_F(ReaderTest, Lists) {
  EXPECT_EQ(Read("(a b (c) . d)"), "(a b (c) . d)");
  EXPECT_EQ(Read("()"), "()");
  EXPECT_EQ(Read("(a . (b . (c . ())))"), "(a b c)");
  EXPECT_EQ(Read("#(1 #(2) ())"), "#(1 #(2) ())");
  EXPECT_EQ(Read("#u8(0 255 #xff)"), "#u8(0 255 255)");
  EXPECT_EQ(Read("a b\n(c)"), "a ; b ; (c)");
  EXPECT_EQ(Read(""), "");
}

TEST_F(ReaderTest, Quotation) {
  EXPECT_EQ(Read("'a `(b ,c ,@d)"), "(quote a) ; (quasiquote (b (unquote c) (unquote-splicing d)))");
  EXPECT_EQ(Read("''()"), "(quote (quote ()))");
}

TEST_F(ReaderTest, IdentifiersThatStartWithAt) {
  EXPECT_EQ(Read("@ @foo (@ (a \"b\")) @@ @1"), "@ ; @foo ; (@ (a \"b\")) ; @@ ; @1");
  // Right behind a comma it is part of the comma.
  EXPECT_EQ(Read(",@foo , @foo ,@@foo"), "(unquote-splicing foo) ; (unquote @foo) ; (unquote-splicing @foo)");
  EXPECT_EQ(Read("1@0 -1@0"), "1 ; -1");
}

TEST_F(ReaderTest, Numbers) {
  EXPECT_EQ(Read("0 -12 +5 1/2 #xFF #b-101 #e1.5 1e3"), "0 ; -12 ; 5 ; 1/2 ; 255 ; -5 ; 3/2 ; 1000.0");
  EXPECT_EQ(Read("123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(Read("+inf.0 -.5 .5"), "+inf.0 ; -0.5 ; 0.5");
}

TEST_F(ReaderTest, Identifiers) {
  EXPECT_EQ(Read("... + - +soup+ <=? a34kTMNs ->string list->vector V17a .. .foo +.a -- +a"),
            "... ; + ; - ; +soup+ ; <=? ; a34kTMNs ; ->string ; list->vector ; V17a ; .. ; .foo ; "
            "+.a ; -- ; +a");
  EXPECT_EQ(Read("λ ünïcode 日本"), "λ ; ünïcode ; 日本");
  EXPECT_EQ(Read("|two words| |two\\x20;words| || |a\\|b|"), "two words ; two words ;  ; a|b");
  EXPECT_EQ(Read("a|b|"), "a ; b");
}

TEST_F(ReaderTest, FoldCase) {
  EXPECT_EQ(Read("ABC #!fold-case ABC ÄÖ #\\A #\\SPACE #!no-fold-case ABC"),
            "ABC ; abc ; äö ; char:65 ; char:32 ; ABC");
  EXPECT_EQ(Read("#!FOLD-CASE a"),
            "error: t:1:1: unknown directive #!FOLD-CASE: there are #!fold-case and #!no-fold-case");
}

TEST_F(ReaderTest, Booleans) { EXPECT_EQ(Read("#t #f #true #false #T"), "#t ; #f ; #t ; #f ; #t"); }

TEST_F(ReaderTest, Characters) {
  EXPECT_EQ(Read("#\\a #\\A #\\( #\\) #\\; #\\\" #\\space #\\newline #\\x #\\x41 #\\λ #\\x3bb #\\null"),
            "char:97 ; char:65 ; char:40 ; char:41 ; char:59 ; char:34 ; char:32 ; char:10 ; char:120 ; "
            "char:65 ; "
            "char:955 ; char:955 ; char:0");
  EXPECT_EQ(Read("(#\\a)"), "(char:97)");
  EXPECT_EQ(Read("(#\\))"), "(char:41)");
  EXPECT_EQ(Read("#\\ x"), "char:32 ; x");
  EXPECT_EQ(Read("#\\xD800"), "error: t:1:1: #\\xD800 is no Unicode scalar value");
  EXPECT_EQ(Read("#\\foo"), "error: t:1:1: unknown character name #\\foo");
}

TEST_F(ReaderTest, Strings) {
  EXPECT_EQ(Read(R"("a\n\t\"\\\x3bb;")"), "\"a\n\t\"\\λ\"");
  EXPECT_EQ(Read("\"one \\  \n   two\""), "\"one two\"");
  EXPECT_EQ(Read("\"a\r\nb\rc\""), "\"a\nb\nc\"");
  EXPECT_EQ(Read(R"("\q")"), "error: t:1:2: unknown escape: backslash and q (U+0071)");
  EXPECT_EQ(Read(R"("\x41")"), "error: t:1:2: a \\x escape is hexadecimal digits and a semicolon, as in \\x3bb;");
  EXPECT_EQ(Read(R"("\xd800;")"), "error: t:1:2: this \\x escape is no Unicode scalar value");
  EXPECT_EQ(Read(R"("\x99999999999999999999;")"), "error: t:1:2: this \\x escape is no Unicode scalar value");
}

TEST_F(ReaderTest, LiteralsAreImmutable) {
  SyntaxArena arena(&vm_->heap());
  EXPECT_TRUE(IsImmutable(vm_->heap(), ReadOne(arena, "\"abc\"")->value));
  ReaderOptions options;
  options.immutable_literals = false;
  Reader reader(*vm_, arena, "\"abc\"", "t", options);
  Syntax* datum;
  ASSERT_EQ(reader.ReadNext(&datum), Reader::Result::kDatum);
  EXPECT_FALSE(IsImmutable(vm_->heap(), datum->value));
}

TEST_F(ReaderTest, Comments) {
  EXPECT_EQ(Read("a ; b\nc #| d #| e |# |# f #;g h"), "a ; c ; f ; h");
  EXPECT_EQ(Read("(a #;(b c) #;#;d e f)"), "(a f)");
  EXPECT_EQ(Read("(a . b #;c)"), "(a . b)");
  EXPECT_EQ(Read("#;a"), "");
  EXPECT_EQ(Read("#!/usr/bin/env islet\na"), "a");
  EXPECT_EQ(Read("\xef\xbb\xbf"
                 "a"),
            "a");
}

TEST_F(ReaderTest, DatumLabels) {
  SyntaxArena arena(&vm_->heap());
  const Syntax* cycle = ReadOne(arena, "#0=(a b . #0#)");
  EXPECT_EQ(cycle->cdr->cdr, cycle);
  const Syntax* shared = ReadOne(arena, "(#1=\"s\" #1# #(#1#))");
  EXPECT_EQ(shared->car, shared->cdr->car);
  EXPECT_EQ(shared->car, shared->cdr->cdr->car->items[0]);
  const Syntax* vector = ReadOne(arena, "#0=#(#0#)");
  EXPECT_EQ(vector->items[0], vector);
  const Syntax* quoted = ReadOne(arena, "#0='#0#");
  EXPECT_EQ(quoted->cdr->car, quoted);
  const Syntax* twice = ReadOne(arena, "(#0=(x) #1=#0# #1#)");
  EXPECT_EQ(twice->car, twice->cdr->car);
  EXPECT_EQ(twice->car, twice->cdr->cdr->car);
  EXPECT_EQ(Read("#0=#0#"), "error: t:1:4: label #0# refers to nothing but itself");
  EXPECT_EQ(Read("(#1#)"), "error: t:1:2: label #1# is not defined before");
  EXPECT_EQ(Read("(#1=a #1=b)"), "error: t:1:7: label #1= is defined twice");
  EXPECT_EQ(Read("#0=a #0#"), "error: t:1:6: label #0# is not defined before");
}

TEST_F(ReaderTest, ManyLabels) {
  constexpr int kLabels = 5000;
  std::string text = "(";
  for (int i = 0; i < kLabels; ++i) text += absl::StrCat("#", i * 7, "=(", i, ") ");
  for (int i = 0; i < kLabels; ++i) text += absl::StrCat("#", i * 7, "# ");
  SyntaxArena arena(&vm_->heap());
  const Syntax* list = ReadOne(arena, text + ")");
  const Syntax* reference = list;
  for (int i = 0; i < kLabels; ++i) reference = reference->cdr;
  for (int i = 0; i < kLabels; ++i, list = list->cdr, reference = reference->cdr) {
    ASSERT_EQ(list->car, reference->car) << i;
    ASSERT_EQ(list->car->car->value.fixnum(), i);
  }
}

TEST_F(ReaderTest, Positions) {
  SyntaxArena arena(&vm_->heap());
  const Syntax* s = ReadOne(arena, "\n  (λ\n\tb \"x\r\ny\" c)");
  EXPECT_EQ(s->position.ToString(), "t:2:3");
  EXPECT_EQ(s->car->position.ToString(), "t:2:4");
  EXPECT_EQ(s->cdr->car->position.ToString(), "t:3:2");
  EXPECT_EQ(s->cdr->cdr->cdr->car->position.ToString(), "t:4:4");
}

TEST_F(ReaderTest, Errors) {
  EXPECT_EQ(Read(")"), "error: t:1:1: this ) closes nothing");
  EXPECT_EQ(Read("(a]"), "error: t:1:3: square brackets are not parentheses here: write ( and )");
  EXPECT_EQ(Read("[a]"), "error: t:1:1: square brackets are not parentheses here: write ( and )");
  EXPECT_EQ(Read("(a . )"), "error: t:1:6: a datum must stand between the dot and )");
  EXPECT_EQ(Read("( . a)"), "error: t:1:3: a datum must stand between ( and the dot");
  EXPECT_EQ(Read("(a . b c)"), "error: t:1:8: only one datum may follow the dot of a list");
  EXPECT_EQ(Read("(a . b . c)"), "error: t:1:8: a list may have only one dot");
  EXPECT_EQ(Read("#(a . b)"), "error: t:1:5: a dot may only stand inside a list");
  EXPECT_EQ(Read("."), "error: t:1:1: a dot may only stand inside a list");
  EXPECT_EQ(Read("(')"), "error: t:1:2: nothing follows this '");
  EXPECT_EQ(Read("#u8(256)"), "error: t:1:5: only integers from 0 to 255 may stand in a bytevector");
  EXPECT_EQ(Read("#u8(a)"), "error: t:1:5: only integers from 0 to 255 may stand in a bytevector");
  EXPECT_EQ(Read("#foo"), "error: t:1:1: unknown syntax #foo");
  EXPECT_EQ(Read("#xfg"), "error: t:1:1: #xfg is not a number");
  EXPECT_EQ(Read("12ab"),
            "error: t:1:1: 12ab is neither a number nor an identifier; an identifier with odd "
            "characters is "
            "written |12ab|");
  EXPECT_EQ(Read("a\\b"), "error: t:1:2: unexpected character \\ (U+005C) after a");
}

TEST_F(ReaderTest, InvalidUtf8) {
  EXPECT_EQ(Read("(a\n b \xff)"), "error: t:2:4: the text is not valid UTF-8: byte 0xff");
  EXPECT_EQ(Read("; comment \xc3"), "error: t:1:11: the text is not valid UTF-8: byte 0xc3");
  EXPECT_EQ(Read("\"\xed\xa0\x80\""), "error: t:1:2: the text is not valid UTF-8: byte 0xed");
  EXPECT_EQ(Read("|\xc0\x80|"), "error: t:1:2: the text is not valid UTF-8: byte 0xc0");
}

TEST_F(ReaderTest, IncompleteInput) {
  for (const char* text : {"(", "(a\n (b)", "#(", "\"abc", "\"a\\", "|abc", "#|", "#| a #| b |#", "'", "#;",
                           "#0=", "#\\", "(a .", "(a . b", "#u8(1", "(a #;"}) {
    EXPECT_TRUE(Incomplete(text)) << text;
  }
  for (const char* text : {")", "(a . b c", "#q", "(a]", "\"\\q", "(')"}) {
    EXPECT_FALSE(Incomplete(text)) << text;
  }
  EXPECT_EQ(Read("(a\n (b c"), "error: t:2:2: this list is not closed: a ) is missing");
  EXPECT_EQ(Read("(a \"b\n"), "error: t:1:4: this string is not closed: a \" is missing");
}

TEST_F(ReaderTest, DeepNestingIsAnErrorNotACrash) {
  const std::string open(1000000, '(');
  EXPECT_EQ(Read(open), "error: t:1:10001: data are nested more than 10000 deep");
  EXPECT_EQ(Read(std::string(1000000, '\'')), "error: t:1:10001: data are nested more than 10000 deep");
  EXPECT_EQ(Read("#|" + std::string(1000000, '|')).substr(0, 6), "error:");
  // Without the limit depth costs only memory.
  SyntaxArena arena(&vm_->heap());
  ReaderOptions options;
  options.max_depth = 2000000;
  const std::string text = open + std::string(1000000, ')');
  Reader reader(*vm_, arena, text, "t", options);
  Syntax* datum = nullptr;
  ASSERT_EQ(reader.ReadNext(&datum), Reader::Result::kDatum);
  Value v = SyntaxToDatum(*vm_, datum, false);
  int depth = 0;
  for (; v.IsPair(); v = vm_->heap().car(v)) ++depth;
  EXPECT_EQ(depth, 999999);
}

TEST_F(ReaderTest, TextInPieces) {
  struct Feed {
    std::string all = "(λ \"a\\x3bb;b\" #| c |# . #(1 2)) foo";
    size_t given = 0;
    static bool Next(void* context, absl::string_view* text) {
      Feed* feed = static_cast<Feed*>(context);
      if (feed->given == feed->all.size()) return false;
      *text = absl::string_view(feed->all).substr(0, ++feed->given);
      return true;
    }
  } feed;
  ReaderOptions options;
  options.refill = &Feed::Next;
  options.refill_context = &feed;
  EXPECT_EQ(Read("", options), "(λ \"aλb\" . #(1 2)) ; foo");
}

TEST_F(ReaderTest, SyntaxSurvivesCollections) {
  std::string text = "(";
  for (int i = 0; i < 100000; ++i) absl::StrAppend(&text, "\"string number ", i, "\" ", i, ".5 sym", i, " ");
  text += ")";
  SyntaxArena arena(&vm_->heap());
  const Syntax* s = ReadOne(arena, text);
  vm_->heap().CollectFull();
  ASSERT_GT(vm_->heap().Stats().full_collections, 0u);
  for (int i = 0; i < 100000; ++i) {
    ASSERT_EQ(ToUtf8(vm_->heap(), s->car->value), absl::StrCat("string number ", i));
    s = s->cdr;
    ASSERT_EQ(vm_->heap().flonum(s->car->value), i + 0.5);
    s = s->cdr;
    ASSERT_EQ(s->car->value.bits, vm_->Intern("sym" + std::to_string(i)).bits);
    s = s->cdr;
  }
}

TEST_F(ReaderTest, SyntaxToDatumAndBack) {
  SyntaxArena arena(&vm_->heap());
  for (const char* text : {"a", "()", "(a (b . c) #(d \"e\" #(f)) 1.5)", "#()", "(quote x)"}) {
    const Syntax* read = ReadOne(arena, text);
    const Value datum = SyntaxToDatum(*vm_, read, true);
    const Syntax* back = DatumToSyntax(arena, vm_->heap(), datum, SourcePosition());
    ASSERT_NE(back, nullptr);
    EXPECT_EQ(Show(*vm_, back), Show(*vm_, read));
  }
}

TEST_F(ReaderTest, HeapLimitIsAnError) {
  HeapOptions options;
  options.heap_limit = size_t{4} << 20;
  vm_ = MakeTestVm({}, options);
  std::string text = "(";
  for (int i = 0; i < 200; ++i) absl::StrAppend(&text, "\"", std::string(100000, 'x'), "\" ");
  text += ")";
  EXPECT_EQ(Read(text).substr(0, 6), "error:");
  SyntaxArena arena(&vm_->heap());
  const std::vector<Syntax*> items(2000000, arena.Atom(kTrue, SourcePosition()));
  EXPECT_EQ(SyntaxToDatum(*vm_, arena.List(items, SourcePosition()), true), kUndefined);
}

// Who is being ended has not counted what is to be reserved.
TEST_F(ReaderTest, NothingLargeIsMadeWithoutAReservation) {
  HeapOptions options;
  options.heap_limit = size_t{4} << 20;
  vm_ = MakeTestVm({}, options);
  SyntaxArena arena(&vm_->heap());
  Syntax* const item = arena.Atom(kTrue, SourcePosition());
  Syntax* const large = arena.MakeVector(std::vector<Syntax*>(2000000, item), SourcePosition());
  Syntax* const list = arena.List(std::vector<Syntax*>(5000, item), SourcePosition());
  const Syntax* both = arena.MakeVector({large, list}, SourcePosition());
  const PollScope polls({[](void*, uint64_t) { return false; }, nullptr});
  EXPECT_EQ(SyntaxToDatum(*vm_, both, true), kUndefined);
  EXPECT_LT(vm_->heap().Stats().large_bytes, options.heap_limit);
}

TEST_F(ReaderTest, DatumKeepsSharingAndCycles) {
  Heap& heap = vm_->heap();
  SyntaxArena arena(&heap);
  const Value cycle = SyntaxToDatum(*vm_, ReadOne(arena, "#0=(a #1=#(b #0#) #1#)"), true);
  const Value second = heap.car(heap.cdr(cycle));
  EXPECT_EQ(heap.Get<Vector>(second)->items[1].bits, cycle.bits);
  EXPECT_EQ(heap.car(heap.cdr(heap.cdr(cycle))).bits, second.bits);
  EXPECT_TRUE(IsImmutable(heap, second));
  const Syntax* back = DatumToSyntax(arena, heap, cycle, SourcePosition());
  EXPECT_EQ(back->cdr->car->items[1], back);
}

TEST_F(ReaderTest, DatumToSyntaxRefusesDepth) {
  Heap& heap = vm_->heap();
  SyntaxArena arena(&heap);
  Value nested = kNull;
  for (int i = 0; i < 20000; ++i) nested = heap.Cons(nested, kNull);
  EXPECT_EQ(DatumToSyntax(arena, heap, nested, SourcePosition()), nullptr);
  Value list = kNull;
  for (int i = 0; i < 20000; ++i) list = heap.Cons(Value::Fixnum(i), list);
  EXPECT_NE(DatumToSyntax(arena, heap, list, SourcePosition()), nullptr);
}

TEST(LexicalTest, PlainIdentifiers) {
  for (const char* plain :
       {"a", "+", "-", "...", "->x", "λ", "a.b", "+a", "+.a", ".a", "!$%&*/:<=>?^_~", "@", "@a", "@@", "@1"}) {
    EXPECT_TRUE(IsPlainIdentifier(plain)) << plain;
  }
  for (const char* odd :
       {"", ".", "a b", "1", "1+", "+1", "-.5", "+.", ".5", "a|b", "a\"", "#a", "[", "a'b", "\n", "1@", "@ a"}) {
    EXPECT_FALSE(IsPlainIdentifier(odd)) << odd;
  }
}

}  // namespace
}  // namespace islet::vm
