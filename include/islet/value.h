// Lisp data on the host's side: arguments and results of calls.
//
// A Value is either a literal made by the host (islet::Integer(7), islet::String("x"),
// islet::List({...})), which belongs to no isolate, or a handle to a datum in an isolate. A handle
// is good until the scope that was innermost when it was made ends; used later, after
// the isolate has ended, or on a thread that has not entered it, it gives FailedPrecondition (type()
// is kOther then). Copying is cheap. (A procedure that
// IsolatePool::Procedure has looked up is a literal for all isolates of its snapshot.)
//
// Literals may nest as deeply as memory allows, and parts of them may be shared: islet::List({x,
// x}) costs one x until it is handed to an isolate, which makes two of it.

#ifndef ISLET_VALUE_H_
#define ISLET_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace islet {

class Isolate;
class Value;

enum class Type {
  kUnspecified,
  kBoolean,
  kInteger,
  kReal,
  kRational,
  kComplex,
  kCharacter,
  kString,
  kSymbol,
  kNull,
  kPair,
  kVector,
  kBytevector,
  kHashTable,
  kProcedure,
  kRecord,
  kEof,
  kOther,
  kHostObject,  // host_objects.h
};
// "an integer", "a hash table" ...
absl::string_view TypeName(Type type);

class Value {
 public:
  // The unspecified value. One that has been moved from is unspecified, too.
  Value() = default;
  Value(const Value& other)
      : kind_(other.kind_),
        stamp_(other.stamp_),
        integer_(other.integer_),
        isolate_(other.isolate_),
        payload_(other.payload_) {
    if (payload_ != nullptr) Retain(payload_);
  }
  Value(Value&& other) noexcept
      : kind_(std::exchange(other.kind_, Kind::kUnspecified)),
        stamp_(other.stamp_),
        integer_(other.integer_),
        isolate_(other.isolate_),
        payload_(std::exchange(other.payload_, nullptr)) {}
  Value& operator=(const Value& other) { return *this = Value(other); }
  Value& operator=(Value&& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(stamp_, other.stamp_);
    std::swap(integer_, other.integer_);
    std::swap(isolate_, other.isolate_);
    std::swap(payload_, other.payload_);
    return *this;
  }
  ~Value() {
    if (payload_ != nullptr) Release(payload_);
  }

  Type type() const;
  bool IsFalse() const;
  bool IsInteger() const { return type() == Type::kInteger; }
  bool IsString() const { return type() == Type::kString; }
  bool IsNull() const { return type() == Type::kNull; }
  bool IsPair() const { return type() == Type::kPair; }

  // Each gives InvalidArgument if the value is of another type, OutOfRange if it does not fit.
  absl::StatusOr<bool> ToBool() const;                   // #t or #f
  absl::StatusOr<int64_t> ToInt64() const;               // exact integer
  absl::StatusOr<double> ToDouble() const;               // any real number, rounded
  absl::StatusOr<std::string> ToDecimal() const;         // exact integer of any size, in decimal
  absl::StatusOr<uint32_t> ToCharacter() const;          // Unicode scalar value
  absl::StatusOr<std::string> ToString() const;          // a string's contents, or a symbol's name, in UTF-8
  absl::StatusOr<std::vector<uint8_t>> ToBytes() const;  // bytevector
  absl::StatusOr<std::vector<Value>> ToVector() const;   // items of a list or vector
  absl::StatusOr<std::vector<std::pair<Value, Value>>> ToEntries() const;  // of a hash table, in order of insertion
  absl::StatusOr<Value> Car() const;
  absl::StatusOr<Value> Cdr() const;
  // The text that the procedure `write` prints; at most about `max_bytes`.
  std::string Print(size_t max_bytes = 1 << 20) const;

 private:
  friend class Isolate;
  friend class Persistent;
  friend Value Boolean(bool);
  friend Value Integer(int64_t);
  friend Value BigInteger(absl::string_view);
  friend Value Real(double);
  friend Value Character(uint32_t);
  friend Value String(absl::string_view);
  friend Value Symbol(absl::string_view);
  friend Value Null();
  friend Value List(std::vector<Value>);
  friend Value Vector(std::vector<Value>);
  friend Value Bytevector(absl::Span<const uint8_t>);
  friend Value HashTable(std::vector<std::pair<Value, Value>>);

  enum class Kind : uint8_t {
    kUnspecified,
    kHandle,
    kBoolean,
    kInteger,
    kBigInteger,
    kReal,
    kCharacter,
    kString,
    kSymbol,
    kNull,
    kList,
    kVector,
    kBytevector,
    kHashTable,
    kSnapshotProcedure,
  };
  struct Payload;  // sdk/literal.h
  explicit Value(Kind kind) : kind_(kind) {}
  Value(Kind kind, Payload* payload) : kind_(kind), payload_(payload) {}  // takes over a reference
  static void Retain(Payload* payload);
  static void Release(Payload* payload);

  Kind kind_ = Kind::kUnspecified;
  uint32_t stamp_ = 0;          // handle: tells a reused slot; snapshot's procedure: tells the snapshot
  int64_t integer_ = 0;         // also boolean, character, bits of a double; handle: slot, the
                                // isolate's generation above it; snapshot's procedure: the datum
  Isolate* isolate_ = nullptr;  // handle
  Payload* payload_ = nullptr;  // literals that do not fit into `integer_`
};

// Literals. Text is UTF-8; invalid sequences become U+FFFD.
Value Boolean(bool b);
Value Integer(int64_t n);
Value BigInteger(absl::string_view decimal);  // digits with an optional sign; anything else fails where it is used
Value Real(double d);
Value Character(uint32_t scalar);
Value String(absl::string_view utf8);
Value Symbol(absl::string_view name);
Value Null();
Value List(std::vector<Value> items);
Value Vector(std::vector<Value> items);
Value Bytevector(absl::Span<const uint8_t> bytes);
Value HashTable(std::vector<std::pair<Value, Value>> entries);  // keys compared by equal?

}  // namespace islet

#endif  // ISLET_VALUE_H_
