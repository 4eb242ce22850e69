// Characters, strings, symbols and conditions, as programs use them.

#include <algorithm>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "isolate/heap/poll.h"
#include "isolate/runtime/test_primitives.h"

namespace islet::vm {
namespace {

using CharPrimitivesTest = PrimitiveTest;
using StringPrimitivesTest = PrimitiveTest;
using StringSearchPrimitivesTest = PrimitiveTest;
using SymbolPrimitivesTest = PrimitiveTest;
using ControlPrimitivesTest = PrimitiveTest;

TEST_F(CharPrimitivesTest, KnowUnicode) {
  EXPECT_EQ(Eval("(list (char-upcase #\\λ) (char-downcase #\\Ж) (char-upcase #\\ß))"), "(#\\Λ #\\ж #\\ß)");
  EXPECT_EQ(Eval("(list (char-foldcase #\\Σ) (char-foldcase #\\ς) (char-foldcase #\\x1E9E))"), "(#\\σ #\\σ #\\ß)");
  EXPECT_EQ(Eval("(list (char-alphabetic? #\\λ) (char-numeric? #\\x664) (char-whitespace? #\\x3000)"
                 " (char-upper-case? #\\Σ) (char-lower-case? #\\Σ))"),
            "(#t #t #t #t #f)");
  // Arabic-Indic four; mathematical bold nine and double-struck zero, whose runs adjoin; no digit.
  EXPECT_EQ(Eval("(list (digit-value #\\x664) (digit-value #\\x1D7D7) (digit-value #\\x1D7D8)"
                 " (digit-value #\\a))"),
            "(4 9 0 #f)");
}

TEST_F(CharPrimitivesTest, Compare) {
  EXPECT_EQ(Eval("(char<? #\\a #\\b #\\c)"), "#t");
  EXPECT_EQ(Eval("(char<? #\\a #\\c #\\b)"), "#f");
  EXPECT_EQ(Eval("(char-ci=? #\\a #\\A #\\a)"), "#t");
  EXPECT_EQ(Eval("(char<? #\\b #\\a 5)"), "wrong-type in char<?: argument 3 should be a character");
}

TEST_F(CharPrimitivesTest, IntegersThatAreNoCharacters) {
  EXPECT_EQ(Eval("(integer->char #x3bb)"), "#\\λ");
  EXPECT_EQ(Eval("(integer->char #xd800)"), "range in integer->char: argument 1 is a surrogate");
  EXPECT_EQ(Eval("(integer->char #x110000)").substr(0, 5), "range");
}

TEST_F(StringPrimitivesTest, Work) {
  EXPECT_EQ(Eval("(string #\\a #\\λ)"), "\"aλ\"");
  EXPECT_EQ(Eval("(make-string 3 #\\λ)"), "\"λλλ\"");
  EXPECT_EQ(Eval("(string-append \"ab\" \"λ\" \"\" \"c\")"), "\"abλc\"");
  EXPECT_EQ(Eval("(substring \"hello\" 1 3)"), "\"el\"");
  EXPECT_EQ(Eval("(string->list \"aλb\" 1)"), "(#\\λ #\\b)");
  EXPECT_EQ(Eval("(list->string '(#\\a #\\λ))"), "\"aλ\"");
  EXPECT_EQ(Eval("(string-reverse \"abλ\")"), "\"λba\"");
  EXPECT_EQ(Eval("(define s (make-string 4 #\\-)) (string-set! s 1 #\\λ) s"), "\"-λ--\"");
  EXPECT_EQ(Eval("(string-copy! s 2 \"xyz\" 1) s"), "\"-λyz\"");
  EXPECT_EQ(Eval("(string-fill! s #\\x1F600 3) s"), "\"-λy😀\"");
  EXPECT_EQ(Eval("(string-set! (literal \"abc\") 0 #\\x)"), "immutable in string-set!: a literal cannot be changed");
  EXPECT_EQ(Eval("(string-ref \"abc\" 3)"), "range in string-ref: argument 2 is not below the string's length, 3");
}

TEST_F(StringPrimitivesTest, Compare) {
  EXPECT_EQ(Eval("(string=? \"a\" \"a\" \"a\")"), "#t");
  EXPECT_EQ(Eval("(string<? \"a\" \"b\" \"b\")"), "#f");
  EXPECT_EQ(Eval("(string<=? \"a\" \"b\" \"b\")"), "#t");
  EXPECT_EQ(Eval("(string-ci=? \"Straße\" \"STRASSE\")"), "#t");
  EXPECT_EQ(Eval("(string-ci<? \"abc\" \"ABD\")"), "#t");
}

TEST_F(StringPrimitivesTest, CaseMappingsAreFull) {
  EXPECT_EQ(Eval("(string-upcase \"Straße, ŉ, ﬃ\")"), "\"STRASSE, ʼN, FFI\"");
  EXPECT_EQ(Eval("(string-upcase \"ᾀ\")"), "\"ἈΙ\"");
  EXPECT_EQ(Eval("(string-downcase \"ΧΑΟΣ ΧΑΟΣΣ. Σ\")"), "\"χαος χαοσς. σ\"");
  EXPECT_EQ(Eval("(string-downcase \"İ\")"), "\"i\u0307\"");
  EXPECT_EQ(Eval("(string-foldcase \"ΧΑΟΣ ẞ\")"), "\"χαοσ ss\"");
}

// Mapping twice, as they do, must not give more the second time because the run has been ended meanwhile.
TEST_F(StringPrimitivesTest, CaseMappingsThatAreEndedStayInTheirResult) {
  constexpr uint32_t kBytes = uint32_t{1} << 20;
  std::string text;
  for (int i = 0; i < 60; ++i) text += "Σ" + std::string(1700, '.');  // polls come while sigma's place is looked for
  struct Polls {
    Vm* vm;
    int left;
  };
  for (const char* operation : {"string-downcase", "string-upcase", "string-foldcase"}) {
    Polls polls{&vm, 0};
    for (int stop = 1; polls.left <= 0; ++stop) {
      polls.left = stop;
      const Value string = vm.MakeString(text);
      {
        const PollScope scope({[](void* context, uint64_t steps) {
                                 auto* const p = static_cast<Polls*>(context);
                                 if (steps > 0 && !p->vm->ended() && --p->left <= 0) {
                                   p->vm->Terminate(absl::CancelledError("stopped"));
                                 }
                                 return !p->vm->ended();
                               },
                               &polls});
        const Value mapped = CallByName(operation, {string});
        EXPECT_EQ(mapped == kException, polls.left <= 0) << operation << " " << stop;
      }
      vm.TakeTermination().IgnoreError();
      // The next large object lies behind the result, and is taken to be zero already.
      const Value next = heap.MakeBytevector(kBytes);
      const uint8_t* const bytes = heap.Get<Bytevector>(next)->bytes;
      ASSERT_TRUE(std::all_of(bytes, bytes + kBytes, [](uint8_t b) { return b == 0; })) << operation << " " << stop;
      ASSERT_TRUE(heap.Collect());
    }
  }
}

TEST_F(StringSearchPrimitivesTest, Search) {
  EXPECT_EQ(Eval("(string-contains \"abcabc\" \"ca\")"), "2");
  EXPECT_EQ(Eval("(string-contains \"abcabc\" \"bc\" 2)"), "4");
  EXPECT_EQ(Eval("(string-contains \"aλbλ\" \"bλ\")"), "2");
  EXPECT_EQ(Eval("(string-contains \"abc\" \"x\")"), "#f");
  EXPECT_EQ(Eval("(string-search-forward \"b\" \"abcb\" 2)"), "3");
  EXPECT_EQ(Eval("(string-search-backward \"b\" \"abcb\" 3)"), "2");
  EXPECT_EQ(Eval("(list (string-index \"a.b.c\" #\\.) (string-index-right \"a.b.c\" #\\.))"), "(1 3)");
  EXPECT_EQ(Eval("(list (string-prefix? \"ab\" \"abc\") (string-suffix? \"bc\" \"abc\")"
                 " (string-prefix? \"abcd\" \"abc\"))"),
            "(#t #t #f)");
}

TEST_F(StringSearchPrimitivesTest, TrimPadAndCut) {
  EXPECT_EQ(Eval("(string-trim-both \"  a b \\t\\n\")"), "\"a b\"");
  EXPECT_EQ(Eval("(string-trim \"xxaxx\" #\\x)"), "\"axx\"");
  EXPECT_EQ(Eval("(string-trim-right \"xxaxx\" #\\x)"), "\"xxa\"");
  EXPECT_EQ(Eval("(list (string-pad \"42\" 5) (string-pad \"12345\" 3)"
                 " (string-pad-right \"ab\" 4 #\\λ))"),
            "(\"   42\" \"345\" \"abλλ\")");
  EXPECT_EQ(Eval("(list (string-take \"abc\" 2) (string-drop \"abc\" 2)"
                 " (string-take-right \"abc\" 2) (string-drop-right \"abc\" 2))"),
            "(\"ab\" \"c\" \"bc\" \"a\")");
  EXPECT_EQ(Eval("(string-replace \"the TCL tool\" \"other λ\" 4 7)"), "\"the other λ tool\"");
}

TEST_F(StringSearchPrimitivesTest, SplitAndJoin) {
  EXPECT_EQ(Eval("(string-split \"a.b..c\" #\\.)"), "(\"a\" \"b\" \"\" \"c\")");
  EXPECT_EQ(Eval("(string-split \"a, b, c\" \", \")"), "(\"a\" \"b\" \"c\")");
  EXPECT_EQ(Eval("(string-split \"a.b.c\" \".\" 'infix 1)"), "(\"a\" \"b.c\")");
  EXPECT_EQ(Eval("(string-split \"/a/b\" \"/\" 'prefix)"), "(\"a\" \"b\")");
  EXPECT_EQ(Eval("(string-split \"a;b;\" \";\" 'suffix)"), "(\"a\" \"b\")");
  EXPECT_EQ(Eval("(string-split \"abc\" \"\")"), "(\"a\" \"b\" \"c\")");
  EXPECT_EQ(Eval("(string-split \"\" #\\,)"), "()");
  EXPECT_EQ(Eval("(string-join '(\"a\" \"b\" \"c\") \", \")"), "\"a, b, c\"");
  EXPECT_EQ(Eval("(string-join '(\"a\" \"λ\"))"), "\"a λ\"");
  EXPECT_EQ(Eval("(string-join '(\"a\" \"b\") \"/\" 'prefix)"), "\"/a/b\"");
  EXPECT_EQ(Eval("(string-join '(\"a\" \"b\") \";\" 'suffix)"), "\"a;b;\"");
  EXPECT_EQ(Eval("(string-join '() \";\")"), "\"\"");
  EXPECT_EQ(Eval("(string-concatenate '(\"a\" \"b\"))"), "\"ab\"");
}

TEST_F(SymbolPrimitivesTest, Work) {
  EXPECT_EQ(Eval("(eq? (string->symbol \"abc\") 'abc)"), "#t");
  EXPECT_EQ(Eval("(symbol->string 'λx)"), "\"λx\"");
  EXPECT_EQ(Eval("(string-set! (symbol->string 'abc) 0 #\\x)"),
            "immutable in string-set!: a literal cannot be changed");
  EXPECT_EQ(Eval("(symbol-append 'a 'b)"), "ab");
  EXPECT_EQ(Eval("(symbol=? 'a 'a 'b)"), "#f");
  EXPECT_EQ(Eval("(eq? (generate-uninterned-symbol \"x\") (generate-uninterned-symbol \"x\"))"), "#f");
}

TEST_F(ControlPrimitivesTest, ErrorsCarryMessageAndIrritants) {
  EXPECT_EQ(Eval("(error \"it broke:\" 1 2)"), "error in ?: it broke:");
  EXPECT_EQ(Eval("(error 'parse \"it broke\" 1)"), "error in parse: it broke");
  EXPECT_EQ(Eval("(define c (%make-condition 'file 'open \"no such file\" '(\"x\")))"
                 "(list (error-object? c) (error-object-message c) (error-object-irritants c)"
                 " (file-error? c) (read-error? c) (%condition-kind c) (%condition-who c))"),
            "(#t \"no such file\" (\"x\") #t #f file open)");
  EXPECT_EQ(Eval("(error-object-message 5)"),
            "wrong-type in error-object-message: argument 1 should be an error object");
}

TEST_F(ControlPrimitivesTest, DynamicState) {
  EXPECT_EQ(Eval("(%set-handlers! '(h)) (%handlers)"), "(h)");
  EXPECT_EQ(Eval("(%set-winders! 5)"), "wrong-type in %set-winders!: argument 1 should be a list");
  EXPECT_EQ(Eval("(define p (%make-parameter 1 #f)) (list (%parameter? p) (%parameter-converter p)"
                 " (procedure? p))"),
            "(#t #f #t)");
  EXPECT_EQ(Eval("(%set-root! 4 5)"), "range in %set-root!: argument 1 names a root that the machine keeps");
}

TEST_F(ControlPrimitivesTest, Booleans) {
  EXPECT_EQ(Eval("(list (boolean=? #t #t #t) (boolean=? #t #f) (not 0) (boolean? '()))"), "(#t #f #f #f)");
  EXPECT_EQ(Eval("(procedure-name car)"), "car");
}

}  // namespace
}  // namespace islet::vm
