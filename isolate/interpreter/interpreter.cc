#include <cstddef>
#include <cstdint>
#include <cstring>

#include "isolate/data/string.h"
#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/run.h"
#include "isolate/interpreter/vm.h"

// The dispatch loop, in one of two forms around the same opcode bodies (opcode_bodies.inc):
//  - with clang, a function per opcode that ends in a guaranteed tail call, the machine's state in registers throughout
//    (preserve_none passes the first four arguments where callees keep them);
//  - elsewhere, one function with computed goto.

namespace islet::vm {

namespace {

#define ISLET_NOINLINE __attribute__((noinline))
#define ISLET_LIKELY(x) __builtin_expect(!!(x), 1)
#define ISLET_UNLIKELY(x) __builtin_expect(!!(x), 0)

inline bool IsClosure(const uint8_t* base, Value v) {
  return v.IsObject() && (*Untag<uint32_t>(base, v) & kHeaderTypeMask) == MakeHeader(ObjectType::kClosure);
}
inline bool IsType(const uint8_t* base, Value v, ObjectType type) {
  return v.IsObject() && (*Untag<uint32_t>(base, v) & kHeaderTypeMask) == MakeHeader(type);
}
template <typename T>
inline T* At(uint8_t* base, Value v) {
  return reinterpret_cast<T*>(base + v.offset());
}
// The address `offset` bytes behind the base. Offsets are sums in 32 bits, so that an element is in the cage, or the 4
// GiB from a smaller cage's base on, whatever its vector's or string's length says.
template <typename T>
inline T* Within(uint8_t* base, uint32_t offset) {
  return reinterpret_cast<T*>(base + offset);
}
inline Value* ItemOf(uint8_t* base, Value vector, uint32_t index) {
  return Within<Value>(base, vector.offset() + static_cast<uint32_t>(offsetof(Vector, items)) +
                                 index * static_cast<uint32_t>(sizeof(Value)));
}
inline const uint32_t* EntryOf(uint8_t* base, Value closure) {
  return Untag<Code>(base, Untag<Closure>(base, closure)->code)->instructions;
}
// Fixnums and flonums as doubles, which hold every fixnum.
inline bool BothReal(Value a, Value b) { return (a.IsFixnum() || a.IsFlonum()) && (b.IsFixnum() || b.IsFlonum()); }
inline double RealOf(uint8_t* base, Value v) { return v.IsFixnum() ? v.fixnum() : At<Flonum>(base, v)->value; }
// Of a flonum and an exact zero the primitives decide; of two fixnums, too.
inline bool BothRealAndNotZero(Value a, Value b) {
  return BothReal(a, b) && a.bits != 0 && b.bits != 0 && !(a.IsFixnum() && b.IsFixnum());
}
inline bool BothFixnums(Value a, Value b) { return ((a.bits | b.bits) & 1) == 0; }
inline bool BothFlonums(Value a, Value b) { return a.IsFlonum() && b.IsFlonum(); }

// The name by which errors of the running procedure's own opcodes are reported.
std::string CurrentName(Vm& vm) {
  const Value callee = HeaderOf(State(vm).frame).callee;
  if (!vm.heap().Is<Closure>(callee)) return "procedure";
  const Value name = vm.heap().Get<Code>(vm.heap().Get<Closure>(callee)->code)->name;
  return vm.heap().Is<Symbol>(name) ? vm.SymbolName(name) : "procedure";
}

ISLET_NOINLINE Value SlowBinary(Vm& vm, WellKnown op, Value a, Value b) {
  State(vm).scratch[0] = a;
  State(vm).scratch[1] = b;
  return State(vm).well_known[static_cast<int>(op)](vm, State(vm).scratch.data(), 2);
}

ISLET_NOINLINE Value UnboundVariable(Vm& vm, Value cell) {
  const Value name = vm.heap().Get<Cell>(cell)->name;
  return vm.Error("unbound-variable", "", "unbound variable", vm.heap().Cons(name, kNull));
}

ISLET_NOINLINE Value UninitializedVariable(Vm& vm) {
  return vm.Error("unbound-variable", CurrentName(vm), "a variable is used before its definition has been evaluated");
}

ISLET_NOINLINE Value NotAPair(Vm& vm, const char* who, Value v) { return vm.WrongType(who, 1, "a pair", v); }

ISLET_NOINLINE Value BadVectorRef(Vm& vm, Value vector, Value index) {
  if (!vm.heap().Is<Vector>(vector)) return vm.WrongType("vector-ref", 1, "a vector", vector);
  if (!index.IsFixnum()) return vm.WrongType("vector-ref", 2, "an index", index);
  return vm.OutOfRange("vector-ref", 2,
                       "is not below the vector's length, " + std::to_string(vm.heap().Get<Vector>(vector)->length),
                       index);
}

ISLET_NOINLINE Value BadVectorSet(Vm& vm, Value vector, Value index) {
  Vector* v = vm.heap().TryGet<Vector>(vector);
  if (v == nullptr) return vm.WrongType("vector-set!", 1, "a vector", vector);
  if (!index.IsFixnum()) return vm.WrongType("vector-set!", 2, "an index", index);
  if (index.fixnum() < 0 || static_cast<uint32_t>(index.fixnum()) >= v->length) {
    return vm.OutOfRange("vector-set!", 2, "is not below the vector's length, " + std::to_string(v->length), index);
  }
  return vm.Error("immutable", "vector-set!", "a literal constant cannot be changed", vm.heap().Cons(vector, kNull));
}

ISLET_NOINLINE Value BadStringRef(Vm& vm, Value string, Value index) {
  String* s = vm.heap().TryGet<String>(string);
  if (s == nullptr) return vm.WrongType("string-ref", 1, "a string", string);
  if (!index.IsFixnum()) return vm.WrongType("string-ref", 2, "an index", index);
  if (index.fixnum() < 0 || static_cast<uint32_t>(index.fixnum()) >= s->length) {
    return vm.OutOfRange("string-ref", 2, "is not below the string's length, " + std::to_string(s->length), index);
  }
  return Value::Char(CharAt(vm.heap(), string, static_cast<uint32_t>(index.fixnum())));
}

ISLET_NOINLINE Value SetPair(Vm& vm, Value pair, Value v, bool car) {
  const char* who = car ? "set-car!" : "set-cdr!";
  if (!pair.IsPair()) return vm.WrongType(who, 1, "a pair", pair);
  Pair* p = vm.heap().Get<Pair>(pair);
  if (vm.heap().InReadOnly(p)) {
    return vm.Error("immutable", who, "a literal constant cannot be changed", vm.heap().Cons(pair, kNull));
  }
  vm.heap().Write(car ? &p->car : &p->cdr, v);
  return kUnspecified;
}

// `record` is not of `type`, or has no field number `index`.
ISLET_NOINLINE Value NoSuchField(Vm& vm, Value accessor, Value record, Value type, uint32_t index) {
  std::string expected = "a record";
  if (RecordType* t = vm.heap().TryGet<RecordType>(type); t != nullptr && vm.heap().Is<Symbol>(t->name)) {
    expected = "a record of type " + vm.SymbolName(t->name);
  }
  const std::string who = vm.heap().Is<Symbol>(accessor) ? vm.SymbolName(accessor) : CurrentName(vm);
  if (const Record* r = vm.heap().TryGet<Record>(record); r != nullptr && r->type == type) {
    return vm.OutOfRange(who, 3, "is not below the number of fields, " + std::to_string(HeaderCount(r->header)),
                         Value::Fixnum(static_cast<int32_t>(index)));
  }
  return vm.WrongType(who, 1, expected, record);
}

// The Lisp name of the primitive that an opcode carries out.
const char* NameOf(uint32_t insn) {
  switch (static_cast<Op>(insn & 0xff)) {
    case Op::kCar:
      return "car";
    case Op::kCdr:
      return "cdr";
    case Op::kCadr:
      return "cadr";
    default:
      return "cddr";
  }
}

// The remainder with the divisor's sign: what is added to it has the other sign, so that the sum fits.
inline int32_t TaggedModulo(int32_t a, int32_t b) {
  const int32_t remainder = a % b;
  return remainder != 0 && (remainder ^ b) < 0 ? remainder + b : remainder;
}

// A primitive has returned no value: kException or kMultipleValues, which differ in one bit of the difference.
inline bool IsSpecialResult(Value v) {
  constexpr uint32_t kDifference = kMultipleValues.bits - kException.bits;
  static_assert((kDifference & (kDifference - 1)) == 0);
  return ((v.bits - kException.bits) & ~kDifference) == 0;
}

// Opcodes allocate by themselves what is at most so large: beyond the nursery's soft end there is
// always so much.
constexpr size_t kNurseryMargin = 4096;
// Whether `bytes` may be allocated now; if not, a collection is due first. The soft end of the nursery may be passed by
// one object, so that this holds after a collection whatever the size.
inline bool HasRoom(Heap& heap, size_t bytes) {
  const HeapState::Nursery& young = heap.young();
  return young.top + static_cast<uint32_t>(bytes < 64 ? bytes : 64) <= young.soft_end;
}

bool CallWithValuesReturn(Vm& vm) {
  Value* fp = State(vm).frame;
  State(vm).call_site = State(vm).pc;
  const Value consumer = fp[1];
  const Value result = fp[2];
  HeaderOf(fp).callee = consumer;
  if (result != kMultipleValues) {
    fp[0] = result;
    State(vm).argc = 1;
    return EnterCallee(vm);
  }
  if (!EnsureStack(vm, fp + State(vm).values.size() + 8)) {
    vm.Error("range", "call-with-values", "too many values");
    return HandleException(vm);
  }
  fp = State(vm).frame;
  State(vm).argc = static_cast<uint32_t>(State(vm).values.size());
  for (size_t i = 0; i < State(vm).values.size(); ++i) fp[i] = State(vm).values[i];
  return EnterCallee(vm);
}

// AddressSanitizer's instrumentation cannot be combined with preserve_none.
#ifdef __clang__
#if __has_attribute(preserve_none) && __has_attribute(musttail) && !__has_feature(address_sanitizer)
#define ISLET_TAIL_CALLS 1
#endif
#endif

#define A_ (insn >> 8 & 0xff)
#define B_ (insn >> 16 & 0xff)
#define C_ (insn >> 24)
#define RA fp[A_]
#define RB fp[B_]
#define RC fp[C_]
#define SIGNED_B static_cast<int32_t>(static_cast<int8_t>(B_))
#define SIGNED_C static_cast<int32_t>(static_cast<int8_t>(C_))
#define WORD(i) pc[i]
#define VALUE_WORD(i) Value::FromBits(pc[i])
#define JUMP_BY(distance_word, length) pc += (length) + static_cast<int32_t>(pc[distance_word])
// A slow path sees the machine's state in the Vm, and leaves in the Vm how to go on.
#define SAVE() (State(*vm).pc = pc, State(*vm).frame = fp)
#define RELOAD() (pc = State(*vm).pc, fp = State(*vm).frame, argc = State(*vm).argc)
#define GO_ON_IF(ok)   \
  do {                 \
    if (!(ok)) EXIT(); \
    RELOAD();          \
    NEXT();            \
  } while (0)
#define RAISED() GO_ON_IF(HandleException(*vm))

// Fills what of a table of 256 opcodes is behind the last of them (and more: no opcode byte reaches that).
#define ISLET_16_TIMES(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
#define ISLET_256_TIMES(x)                                                                                          \
  ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x), \
      ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x),                \
      ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x), ISLET_16_TIMES(x)

// Instead of an instruction; carries it out if the host has given more.
#define OUT_OF_FUEL()                  \
  SLOW(OutOfFuel) {                    \
    SAVE();                            \
    State(*vm).argc = argc;            \
    if (!HandleOutOfFuel(*vm)) EXIT(); \
    START_OVER();                      \
  }

#ifdef ISLET_TAIL_CALLS
#define ISLET_OP_PARAMS                                                                            \
  [[maybe_unused]] const uint32_t *pc, [[maybe_unused]] Value *fp, [[maybe_unused]] uint8_t *base, \
      [[maybe_unused]] Vm *vm, [[maybe_unused]] uint32_t insn, [[maybe_unused]] uint32_t argc,     \
      [[maybe_unused]] const void *ops
typedef void (*OpFunction)(ISLET_OP_PARAMS) __attribute__((preserve_none));
#define OP(name) __attribute__((preserve_none)) void Op##name(ISLET_OP_PARAMS)
// Reached by a tail call, so that the opcode itself needs no stack frame.
#define SLOW(name) __attribute__((preserve_none, noinline, cold)) void Slow##name(ISLET_OP_PARAMS)
#define GO_SLOW(name)                                                               \
  do {                                                                              \
    __attribute__((musttail)) return Slow##name(pc, fp, base, vm, insn, argc, ops); \
  } while (0)
#define DISPATCH()                                                                                                \
  do {                                                                                                            \
    const uint32_t next_insn = *pc;                                                                               \
    __attribute__((musttail)) return static_cast<const OpFunction*>(ops)[next_insn & 0xff](pc, fp, base, vm,      \
                                                                                           next_insn, argc, ops); \
  } while (0)
#define EXIT() return

// Twice: as it is, and counting instructions.
namespace plain {
#define NEXT() DISPATCH()
#define START_OVER() DISPATCH()
#include "isolate/interpreter/opcode_functions.inc"
#undef START_OVER
#undef NEXT
}  // namespace plain

namespace counting {
#define NEXT()                                                     \
  do {                                                             \
    if (ISLET_UNLIKELY(--State(*vm).fuel < 0)) GO_SLOW(OutOfFuel); \
    DISPATCH();                                                    \
  } while (0)
#define START_OVER() DISPATCH()
OUT_OF_FUEL()
#include "isolate/interpreter/opcode_functions.inc"
}  // namespace counting

#endif  // ISLET_TAIL_CALLS

}  // namespace

#ifdef ISLET_TAIL_CALLS

bool Execute(Vm& vm) {
  const OpFunction* const table = vm.CountsInstructions() ? counting::kOpTable : plain::kOpTable;
  const uint32_t* pc = State(vm).pc;
  table[*pc & 0xff](pc, State(vm).frame, vm.heap().base(), &vm, *pc, State(vm).argc, table);
  return !State(vm).terminating;
}

#else

namespace {

#pragma GCC diagnostic ignored "-Wpedantic"
template <bool kCounting>
bool ExecuteIn(Vm& vm_ref) {
  static const void* const kLabels[] = {
#define ISLET_OPCODE(name, operands, words, flow) &&Op##name,
#include "isolate/interpreter/opcodes.def"
      ISLET_256_TIMES(&&OpInvalid)};
  Vm* const vm = &vm_ref;
  const uint32_t* pc = State(*vm).pc;
  Value* fp = State(*vm).frame;
  uint8_t* const base = vm->heap().base();
  uint32_t argc = State(*vm).argc;
  uint32_t insn;
#define OP(name) Op##name:
#define SLOW(name) Slow##name:
#define GO_SLOW(name) goto Slow##name
#define START_OVER()            \
  do {                          \
    insn = *pc;                 \
    goto* kLabels[insn & 0xff]; \
  } while (0)
#define NEXT()                                                                  \
  do {                                                                          \
    if (ISLET_UNLIKELY(kCounting && --State(*vm).fuel < 0)) GO_SLOW(OutOfFuel); \
    START_OVER();                                                               \
  } while (0)
#define EXIT() return !State(*vm).terminating
  START_OVER();
  OUT_OF_FUEL()
#include "isolate/interpreter/opcode_bodies.inc"
}

}  // namespace

bool Execute(Vm& vm) { return vm.CountsInstructions() ? ExecuteIn<true>(vm) : ExecuteIn<false>(vm); }

#endif

}  // namespace islet::vm
