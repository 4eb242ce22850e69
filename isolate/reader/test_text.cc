#include "isolate/reader/test_text.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace islet::vm {
namespace {

constexpr const char* kNouns[] = {
    "account", "address",  "agent",    "balance", "basket",   "batch",  "branch",   "budget",   "carrier",  "category",
    "client",  "contract", "country",  "coupon",  "customer", "debit",  "delivery", "discount", "district", "document",
    "expense", "factor",   "fee",      "fleet",   "freight",  "goods",  "index",    "invoice",  "item",     "ledger",
    "market",  "member",   "merchant", "notice",  "order",    "owner",  "parcel",   "payment",  "permit",   "plan",
    "price",   "product",  "quota",    "rate",    "receipt",  "region", "report",   "revenue",  "route",    "sale",
    "segment", "shipment", "site",     "stock",   "supplier", "tariff", "ticket",   "total",    "unit",     "zone"};
constexpr const char* kVerbs[] = {"adjust", "apply", "audit",  "check", "collect", "compute", "convert", "derive",
                                  "encode", "find",  "format", "group", "match",   "merge",   "project", "reduce",
                                  "render", "scale", "select", "split", "tally",   "update",  "weigh"};

// The pattern with words for $0 to $9. These are a list since its parts are made one after the other, whatever the
// compiler: arguments need not be.
std::string Filled(absl::string_view pattern, std::initializer_list<std::string> words) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '$') {
      text += words.begin()[pattern[++i] - '0'];
    } else {
      text += pattern[i];
    }
  }
  return text;
}

class Library {
 public:
  explicit Library(uint32_t number) : random_(number), id_(absl::StrFormat("m%04u", number)), number_(number) {}

  std::string Text() {
    AddTable();
    AddRecord();
    constexpr size_t kBytes = 4500;
    while (body_.size() < kBytes) {
      switch (random_.Below(4)) {
        case 0:
          AddClosure();
          break;
        case 1:
          AddSplit();
          break;
        default:
          AddLoop();
      }
    }
    std::string imports;
    for (uint32_t i = number_ - std::min(number_, 4u); i < number_; ++i) {
      absl::StrAppend(&imports, absl::StrFormat("\n    (app m%04u)", i));
    }
    return Filled(R"(;;; $0
(define-library (app $1)
  (export
    $2)
  (import (scheme base) (scheme cxr) (srfi 69)$3)
  (begin
$4))
)",
                  {Sentence(), id_, absl::StrJoin(exports_, "\n    "), imports, body_});
  }

 private:
  std::string Noun() { return kNouns[random_.Below(std::size(kNouns))]; }
  std::string Verb() { return kVerbs[random_.Below(std::size(kVerbs))]; }
  std::string Number(size_t bound) { return absl::StrCat(random_.Below(bound)); }
  std::string Letter() { return std::string(1, static_cast<char>('a' + random_.Below(6))); }
  std::string Sentence() {
    std::string words = Noun();
    for (size_t i = 4 + random_.Below(6); i > 0; --i) absl::StrAppend(&words, " ", Noun());
    words[0] = absl::ascii_toupper(static_cast<unsigned char>(words[0]));
    return words + ".";
  }
  std::string NewName() {
    exports_.push_back(Filled("$0-$1-$2$3", {id_, Verb(), Noun(), absl::StrCat(exports_.size())}));
    return exports_.back();
  }
  // An expression of the variable `v`.
  std::string Expression(const std::string& v) {
    switch (random_.Below(4)) {
      case 0:
        return Filled("(* 3 (- $0 $1))", {v, Number(99)});
      case 1:
        return Filled("(modulo (+ 7 $0) 1$1)", {v, Number(88)});
      case 2:
        return Filled("(if (even? $0) 1 $1)", {v, Number(99)});
      default:
        return Filled("(if (< $0 8) $0 ($1-$2-$3$4 (quotient $0 8)))", {v, id_, Verb(), Noun(), Number(8)});
    }
  }

  void AddTable() {
    body_ += Filled("    ;; $0\n    (define $1-table\n      '(", {Sentence(), Noun()});
    for (size_t rows = 8 + random_.Below(8); rows > 0; --rows) {
      body_ += Filled("\n        ($0 \"$1\" $2 #\\$3 $4.$5 ($6 $7))",
                      {Noun(), Sentence(), Number(100000), Letter(), Number(100), Number(100), Noun(), Noun()});
    }
    body_ += "))\n\n";
  }
  void AddRecord() {
    body_ += Filled(R"(    (define-record-type <$0>
      (make-$0 id name amount)
      $0?
      (id $0-id)
      (name $0-name set-$0-name!)
      (amount $0-amount set-$0-amount!))

    (define ($1 n)
      "$2"
      (let ((x (list-ref $0-all (modulo n 8))))
        (set-$0-amount! x (+ 1 (modulo (+ n ($0-amount x)) 1000)))
        (+ (string-length ($0-name x)) ($0-amount x) $3)))

)",
                    {Filled("$0-$1-$2", {id_, Noun(), Noun()}), NewName(), Sentence(), Expression("n")});
  }
  void AddLoop() {
    body_ += Filled(R"(    ;; $0
    (define ($1 n)
      (define (step i) (if (odd? i) $2 (- i 1)))
      (let loop ((i (modulo n 5)) (sum 0))
        (cond ((= i 0) (modulo (+ sum $3) 100003))
              ((even? i) (loop (- i 1) (+ sum (step i))))
              (else (let* ((a (* i $4)) (b (+ a sum)))
                      (loop (- i 1) (if (> b 1000) a b)))))))

)",
                    {Sentence(), NewName(), Expression("i"), Number(50), Number(9)});
  }
  void AddClosure() {
    body_ += Filled(R"(    (define $0
      (let ((count 0) (seen (make-vector 16 0)))
        (lambda (n)
          "$1"
          (set! count (+ count 1))
          (vector-set! seen (modulo n 16) count)
          (let-values (((q r) (values (quotient n 3) (remainder n 3))))
            (case r
              ((0) $2)
              ((1) (+ q (vector-ref seen 1)))
              (else (apply + (map (lambda (x) (* x q)) (list 1 2 r)))))))))

)",
                    {NewName(), Sentence(), Expression("q")});
  }
  void AddSplit() {
    body_ += Filled(R"(    (define ($0 n)
      "$1"
      (let* ((s (string-append "$2: " (number->string n) ", $3"))
             (parts (let split ((i 0) (start 0) (out '()))
                      (cond ((= i (string-length s)) (reverse (cons (substring s start i) out)))
                            ((char=? (string-ref s i) #\space) (split (+ i 1) (+ i 1) out))
                            (else (split (+ i 1) start out))))))
        (when (string=? s "$1") (error "$0" "$4" n))
        (+ (length parts) (string-length (car parts)))))

)",
                    {NewName(), Sentence(), Noun(), Noun(), Sentence()});
  }

  TestRandom random_;
  std::string id_;
  uint32_t number_;
  std::string body_;
  std::vector<std::string> exports_;
};

}  // namespace

uint64_t TestRandom::Next() {
  uint64_t x = state_ += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

std::string LibraryText(uint32_t number) { return Library(number).Text(); }

std::string LibraryTexts(uint32_t count) {
  std::string text;
  for (uint32_t i = 0; i < count; ++i) absl::StrAppend(&text, LibraryText(i));
  return text;
}

}  // namespace islet::vm
