// Verification refuses a snapshot in which one rule is broken, and which is right otherwise, digest included.

#include "snapshot/verify.h"

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "isolate/data/hash_table.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/opcode.h"
#include "isolate/interpreter/stubs.h"
#include "isolate/interpreter/vm.h"
#include "snapshot/digest.h"
#include "snapshot/image.h"
#include "snapshot/snapshot_generated.h"
#include "snapshot/writer.h"

namespace islet::vm {
namespace {

using ::testing::HasSubstr;

Value Nothing(Vm&, Value*, uint32_t) { return kUnspecified; }
constexpr PrimitiveSpec kPrimitives[] = {{"nothing", Nothing, 0, 0}};

constexpr uint32_t Insn(Op op, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) {
  return static_cast<uint32_t>(op) | a << 8 | b << 16 | c << 24;
}

// A snapshot in the making, and one that is damaged on purpose.
class Verification : public ::testing::Test {
 protected:
  Verification() : vm_(*NewEmptyVm(kPrimitives, VmOptions())) {
    Heap& heap = vm_->heap();
    const Value bindings = MakeHashTable(heap, kEqTableFlag);
    Environment* environment = heap.New<Environment>();
    environment->bindings = bindings;
    environment->name = vm_->Intern("interaction");
    environment->exports = kFalse;
    environment_ = heap.ValueOf(environment);
    vm_->set_root(Root::kInteraction, environment_);
    MakeStubs(*vm_);
  }

  Heap& heap() { return vm_->heap(); }

  Value Define(const char* name, Value value, uint32_t flags = 0) {
    Cell* cell = heap().New<Cell>(flags);
    cell->value = value;
    cell->name = vm_->Intern(name);
    cell->home = environment_;
    const Value result = heap().ValueOf(cell);
    HashTablePut(heap(), heap().Get<Environment>(environment_)->bindings, cell->name, result);
    return result;
  }

  Value CodeOf(std::vector<uint32_t> instructions, std::vector<uint32_t> refs = {}, int frame = 4) {
    const size_t bytes = (sizeof(Code) + 4 * (instructions.size() + refs.size()) + 7) & ~size_t{7};
    Code* code = static_cast<Code*>(heap().NewUnmoving(ObjectType::kCode, bytes, 0, 0));
    code->word_count = static_cast<uint32_t>(bytes / 4);
    code->instruction_count = static_cast<uint32_t>(instructions.size());
    code->ref_count = static_cast<uint32_t>(refs.size());
    code->name = code->positions = code->file = kFalse;
    code->arity = Value::Fixnum(0);
    code->frame_size = Value::Fixnum(frame);
    std::copy(instructions.begin(), instructions.end(), code->instructions);
    std::copy(refs.begin(), refs.end(), code->refs());
    return heap().ValueOf(code);
  }

  Value ClosureOf(Value code, std::vector<Value> free = {}) {
    Closure* closure = static_cast<Closure*>(
        heap().NewObject(ObjectType::kClosure, 8 + 4 * free.size(), 0, static_cast<uint32_t>(free.size())));
    closure->code = code;
    std::copy(free.begin(), free.end(), closure->free);
    return heap().ValueOf(closure);
  }

  Value BoxOf(Value v) {
    Box* box = heap().New<Box>();
    box->value = v;
    return heap().ValueOf(box);
  }

  Value RecordOf(Value type, std::vector<Value> fields) {
    Record* record = static_cast<Record*>(
        heap().NewObject(ObjectType::kRecord, 8 + 4 * fields.size(), 0, static_cast<uint32_t>(fields.size())));
    record->type = type;
    std::copy(fields.begin(), fields.end(), record->fields);
    return heap().ValueOf(record);
  }

  Value RecordTypeOf(uint32_t fields) {
    RecordType* type = heap().New<RecordType>();
    type->name = vm_->Intern("point");
    type->fields = heap().MakeVector(fields, vm_->Intern("x"));
    return heap().ValueOf(type);
  }

  // The variable `v` has this value.
  absl::Status Freeze(Value v) {
    Define("v", v);
    WriteOptions options;
    options.verified = false;
    absl::StatusOr<std::vector<uint8_t>> bytes = WriteSnapshot(*vm_, options);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    file_ = *std::move(bytes);
    return Image::FromBytes(file_, kPrimitives).status();
  }

  absl::Status FreezeCode(std::vector<uint32_t> instructions, std::vector<uint32_t> refs = {}, int frame = 4) {
    return Freeze(ClosureOf(CodeOf(std::move(instructions), std::move(refs), frame)));
  }

  uint8_t* image() { return const_cast<uint8_t*>(format::GetSnapshot(file_.data())->image()->data()); }
  uint32_t image_size() { return format::GetSnapshot(file_.data())->image()->size(); }
  template <typename T>
  T* At(uint32_t offset) {
    return reinterpret_cast<T*>(image() + offset);
  }
  // The variable's value in the image.
  Value Frozen(const char* name = "v") {
    const uint32_t name_at = OffsetOf(vm_->Intern(name));
    for (uint32_t at = 64; at < image_size(); at += 8) {
      const Cell* cell = At<Cell>(at);
      if ((cell->header & 0xff) == MakeHeader(ObjectType::kCell) && cell->name.bits == (name_at | 5))
        return cell->value;
    }
    ADD_FAILURE() << "no variable " << name;
    return kFalse;
  }
  // Where a symbol is in the image: it has a hash of its own.
  uint32_t OffsetOf(Value symbol) {
    for (uint32_t at = 64; at < image_size(); at += 8) {
      const Symbol* s = At<Symbol>(at);
      if (s->header == MakeHeader(ObjectType::kSymbol) && s->hash == heap().Get<Symbol>(symbol)->hash) return at;
    }
    ADD_FAILURE() << "no such symbol";
    return 0;
  }
  template <typename T>
  T* FrozenAs() {
    return At<T>(Frozen().offset());
  }

  // Opens the file, which has a right digest again.
  absl::Status Reopen() {
    const uint8_t* field = reinterpret_cast<const uint8_t*>(format::GetSnapshot(file_.data())->digest());
    const size_t at = static_cast<size_t>(field - file_.data());
    const Fingerprint digest = DigestOfFile(file_, at);
    const format::Digest stored(digest.low, digest.high);
    std::memcpy(file_.data() + at, &stored, sizeof(stored));
    return Image::FromBytes(file_, kPrimitives).status();
  }

  // The message with which the file is refused.
  std::string Refusal() {
    const absl::Status status = Reopen();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_TRUE(Image::FromBytes(file_, kPrimitives, Trust::kTrusted).ok());
    return std::string(status.message());
  }
  // The same, of what is about the object that the variable has for its value.
  void ExpectRefusal(const char* what) {
    const std::string message = Refusal();
    EXPECT_THAT(message, HasSubstr(what));
    EXPECT_THAT(message, HasSubstr(absl::StrCat("at offset 0x", absl::Hex(Frozen().offset()))));
  }

  std::unique_ptr<Vm> vm_;
  Value environment_;
  std::vector<uint8_t> file_;
};

// ---- Objects

TEST_F(Verification, AcceptsWhatTheWriterWrote) {
  const Value type = RecordTypeOf(2);
  const Value list = heap().Cons(heap().MakeFlonum(1.5), heap().Cons(RecordOf(type, {kTrue, kFalse}), kNull));
  const Value table = MakeHashTable(heap(), kEqualTableFlag);
  HashTablePut(heap(), table, vm_->MakeString("key"), list);
  HashTablePut(heap(), table, list, list);
  HashTablePut(heap(), table, heap().MakeFlonum(0.5), kTrue);
  HashTableDelete(heap(), table, vm_->MakeString("key"));
  EXPECT_TRUE(Freeze(table).ok());
  EXPECT_TRUE(Reopen().ok());
}

TEST_F(Verification, TypeOfAnObject) {
  ASSERT_TRUE(Freeze(heap().MakeVector(3, kTrue)).ok());
  for (const uint32_t header :
       {0x07u, MakeHeader(ObjectType::kFiller) | 0x100, 30u << 3, uint32_t{kObjectTypeCount} << 3}) {
    FrozenAs<Vector>()->header = header;
    EXPECT_THAT(Refusal(), HasSubstr(absl::StrCat("no object starts at offset 0x", absl::Hex(Frozen().offset()))));
  }
  for (const ObjectType type : {ObjectType::kContinuation, ObjectType::kStackChunk, ObjectType::kHostObject}) {
    FrozenAs<Vector>()->header = MakeHeader(type);
    ExpectRefusal("cannot be part of a snapshot");
  }
}

TEST_F(Verification, FlagsAndCount) {
  ASSERT_TRUE(Freeze(heap().MakeVector(3, kTrue)).ok());
  FrozenAs<Vector>()->header = MakeHeader(ObjectType::kVector, 2);
  ExpectRefusal("flags: 0x2");
  FrozenAs<Vector>()->header = MakeHeader(ObjectType::kVector, 0, 1);
  ExpectRefusal("count: should be 0");
}

TEST_F(Verification, SizeBeyondTheSpace) {
  ASSERT_TRUE(Freeze(heap().MakeVector(3, kTrue)).ok());
  for (const uint32_t length : {0xffffffffu, 0x3ffffffeu, 100000u}) {
    FrozenAs<Vector>()->length = length;
    ExpectRefusal("go beyond the end of its space");
  }
}

TEST_F(Verification, SizeOverTheNextObject) {
  ASSERT_TRUE(Freeze(heap().Cons(heap().MakeVector(3, kTrue), heap().Cons(kTrue, kNull))).ok());
  At<Vector>(FrozenAs<Pair>()->car.offset())->length = 9;
  EXPECT_FALSE(Reopen().ok());
}

TEST_F(Verification, ReferencesToNoObject) {
  ASSERT_TRUE(Freeze(heap().MakeVector(3, kTrue)).ok());
  const uint32_t self = Frozen().offset();
  for (const Value v :
       {Value::Ref(Tag::kObject, self + 8), Value::Ref(Tag::kPair, self), Value::Ref(Tag::kFlonum, self),
        Value::Ref(Tag::kObject, image_size()), Value::Ref(Tag::kObject, 0xfffffff8), Value::Ref(Tag::kPair, 0)}) {
    FrozenAs<Vector>()->items[1] = v;
    ExpectRefusal("item 1: should be a value that programs can have, is a reference to no such object");
  }
}

TEST_F(Verification, ImmediatesThatAreNone) {
  ASSERT_TRUE(Freeze(heap().MakeVector(3, kTrue)).ok());
  for (const Value v :
       {Value::Char(0x110000), Value::Char(0xd800), Value::Primitive(1), Value::Syntax(5000), Value::FromBits(0xff),
        kException, kMultipleValues, kForwarded, kUndefined, kDeleted, Value::Immediate(ImmediateKind::kSpecial, 11)}) {
    FrozenAs<Vector>()->items[2] = v;
    ExpectRefusal("item 2: should be a value that programs can have");
  }
}

TEST_F(Verification, MachineObjectsInProgramsData) {
  const Value box = BoxOf(kTrue);
  const Value code =
      CodeOf({Insn(Op::kEnter), 4, Insn(Op::kLoadFree, 0, 0), Insn(Op::kBoxRef, 0, 0), Insn(Op::kReturn, 0)});
  ASSERT_TRUE(Freeze(heap().Cons(ClosureOf(code, {box}), kNull)).ok());
  const Value frozen_box = At<Closure>(FrozenAs<Pair>()->car.offset())->free[0];
  FrozenAs<Pair>()->cdr = frozen_box;
  ExpectRefusal("cdr: should be a value that programs can have, is Box");
}

TEST_F(Verification, Padding) {
  ASSERT_TRUE(Freeze(heap().MakeVector(3, kTrue)).ok());
  FrozenAs<Vector>()->items[3] = kTrue;
  ExpectRefusal("padding: should be zero");
}

TEST_F(Verification, PaddingOfWhateverHasSome) {
  const Value code =
      CodeOf({Insn(Op::kEnter), 4, Insn(Op::kLoadFree, 0, 0), Insn(Op::kBoxRef, 0, 0), Insn(Op::kReturn, 0)});
  const Value closure = ClosureOf(code, {BoxOf(kTrue)});
  const std::vector<Value> parts = {vm_->MakeString("seven c"), heap().MakeBytevector(5), closure,
                                    RecordOf(RecordTypeOf(3), {kTrue, kTrue, kTrue})};
  const Value all = heap().MakeVector(static_cast<uint32_t>(parts.size()), kFalse);
  std::copy(parts.begin(), parts.end(), heap().Get<Vector>(all)->items);
  ASSERT_TRUE(Freeze(all).ok());
  std::vector<uint32_t> offsets;
  for (size_t i = 0; i < parts.size(); ++i) offsets.push_back(FrozenAs<Vector>()->items[i].offset());
  offsets.push_back(At<Closure>(offsets[2])->code.offset());
  for (const uint32_t offset : offsets) {
    uint8_t* const last = image() + offset + SizeOf(At<uint32_t>(offset)) - 1;
    *last = 1;
    EXPECT_THAT(Refusal(), HasSubstr("padding: should be zero")) << ObjectTypeName(HeaderType(*At<uint32_t>(offset)));
    *last = 0;
  }
  EXPECT_TRUE(Reopen().ok());
}

TEST_F(Verification, SignallingNaN) {
  ASSERT_TRUE(Freeze(heap().MakeFlonum(1.5)).ok());
  const uint64_t bits = 0x7ff0000000000001;
  std::memcpy(image() + Frozen().offset(), &bits, 8);
  ExpectRefusal("a signalling NaN");
}

TEST_F(Verification, MutableObjectInReadOnlySpace) {
  const Value code = CodeOf({Insn(Op::kEnter), 4, Insn(Op::kLoadConst, 0),
                             heap().MakeVector(3, kTrue, kImmutableFlag).bits, Insn(Op::kReturn, 0)},
                            {3});
  ASSERT_TRUE(Freeze(ClosureOf(code)).ok());
  const Code* frozen = At<Code>(FrozenAs<Closure>()->code.offset());
  At<Vector>(Value::FromBits(frozen->instructions[3]).offset())->header = MakeHeader(ObjectType::kVector);
  EXPECT_THAT(Refusal(), HasSubstr("can be changed, but is in the read-only space"));
}

TEST_F(Verification, Numbers) {
  const Value big = heap().MakeBignum(2, false);
  heap().Get<Bignum>(big)->limbs[1] = 5;
  Ratnum* ratnum = heap().New<Ratnum>();
  ratnum->numerator = Value::Fixnum(1);
  ratnum->denominator = Value::Fixnum(2);
  ASSERT_TRUE(Freeze(heap().Cons(big, heap().ValueOf(ratnum))).ok());
  Bignum* n = At<Bignum>(FrozenAs<Pair>()->car.offset());
  n->limbs[1] = 0;
  EXPECT_THAT(Refusal(), HasSubstr("limbs: the last should not be 0"));
  n->limbs[1] = 5;
  Ratnum* q = At<Ratnum>(FrozenAs<Pair>()->cdr.offset());
  q->denominator = Value::Fixnum(0);
  EXPECT_THAT(Refusal(), HasSubstr("denominator: should be above 1"));
  q->denominator = kTrue;
  EXPECT_THAT(Refusal(), HasSubstr("denominator: should be Bignum or fixnum, is #t"));
}

TEST_F(Verification, Characters) {
  ASSERT_TRUE(Freeze(vm_->MakeString("\xce\xbb-calculus")).ok());
  const uint32_t surrogate = 0xd912;
  std::memcpy(FrozenAs<String>()->bytes + 4, &surrogate, 4);
  ExpectRefusal("character 1: 0xd912 is none");
}

TEST_F(Verification, RecordsHaveTheFieldsOfTheirType) {
  ASSERT_TRUE(
      Freeze(heap().Cons(RecordOf(RecordTypeOf(3), {kTrue, kTrue, kTrue}), RecordOf(RecordTypeOf(2), {kTrue, kTrue})))
          .ok());
  Record* three = At<Record>(FrozenAs<Pair>()->car.offset());
  Record* two = At<Record>(FrozenAs<Pair>()->cdr.offset());
  std::swap(three->type, two->type);
  EXPECT_THAT(Refusal(), HasSubstr("count: 3 fields, but its type has another number"));
  three->type = Value::Ref(Tag::kPair, Frozen().offset());
  EXPECT_THAT(Refusal(), HasSubstr("type: should be RecordType, is Pair"));
}

// ---- Tables and symbols

TEST_F(Verification, HashTables) {
  const Value table = MakeHashTable(heap(), kEqvTableFlag);
  HashTablePut(heap(), table, Value::Fixnum(1), kTrue);
  HashTablePut(heap(), table, Value::Fixnum(2), kTrue);
  ASSERT_TRUE(Freeze(heap().Cons(table, heap().MakeVector(3, kTrue))).ok());
  const std::vector<uint8_t> whole = file_;
  const auto broken = [&](const std::function<void(HashTable*, Vector*, uint32_t*)>& change) {
    file_ = whole;
    HashTable* t = At<HashTable>(FrozenAs<Pair>()->car.offset());
    change(t, At<Vector>(t->entries.offset()), reinterpret_cast<uint32_t*>(At<Bytevector>(t->index.offset())->bytes));
    const std::string message = Refusal();
    EXPECT_THAT(message, HasSubstr("HashTable at offset 0x"));
    return message;
  };
  EXPECT_THAT(broken([](HashTable* t, Vector*, uint32_t*) { t->used = Value::Fixnum(100); }), HasSubstr("used"));
  EXPECT_THAT(broken([](HashTable* t, Vector*, uint32_t*) { t->count = Value::Fixnum(1); }), HasSubstr("count"));
  EXPECT_THAT(broken([](HashTable* t, Vector*, uint32_t*) { t->header += 1 << 16; }), HasSubstr("index"));
  EXPECT_THAT(broken([](HashTable* t, Vector*, uint32_t*) { t->header |= kEqTableFlag << 8; }), HasSubstr("flags"));
  EXPECT_THAT(broken([](HashTable* t, Vector*, uint32_t*) { t->header |= kAddressKeysFlag << 8; }), HasSubstr("flags"));
  EXPECT_THAT(broken([](HashTable* t, Vector*, uint32_t*) { t->address_keys = Value::Fixnum(1); }),
              HasSubstr("address_keys"));
  EXPECT_THAT(broken([](HashTable*, Vector* e, uint32_t*) { e->items[2] = Value::Fixnum(7); }), HasSubstr("hash"));
  EXPECT_THAT(broken([](HashTable*, Vector*, uint32_t* index) { index[1] = 0; }), HasSubstr("index"));
  EXPECT_THAT(broken([](HashTable*, Vector*, uint32_t* index) { index[5] = 8; }), HasSubstr("index"));
  EXPECT_THAT(broken([](HashTable*, Vector*, uint32_t* index) { index[5] = 6; }), HasSubstr("index"));
  EXPECT_THAT(broken([](HashTable* t, Vector*, uint32_t*) { t->entries = t->index; }),
              HasSubstr("entries: should be Vector, is Bytevector"));
  // The arrays are the table's own.
  file_ = whole;
  FrozenAs<Pair>()->cdr = At<HashTable>(FrozenAs<Pair>()->car.offset())->entries;
  ExpectRefusal("cdr: should be a value that programs can have, is entries of a hash table");
}

TEST_F(Verification, BindingsAreCells) {
  ASSERT_TRUE(Freeze(kTrue).ok());
  const Value roots =
      Value::FromBits(format::GetSnapshot(file_.data())->roots()->Get(static_cast<uint32_t>(Root::kInteraction)));
  const HashTable* bindings = At<HashTable>(At<Environment>(roots.offset())->bindings.offset());
  At<Vector>(bindings->entries.offset())->items[1] = Value::Fixnum(0);
  EXPECT_THAT(Refusal(), HasSubstr("value 0: should be Cell or Macro or core syntax"));
}

TEST_F(Verification, Symbols) {
  ASSERT_TRUE(Freeze(heap().Cons(vm_->Intern("one"), vm_->Intern("two"))).ok());
  const std::vector<uint8_t> whole = file_;
  Symbol* one = At<Symbol>(FrozenAs<Pair>()->car.offset());
  one->hash = Value::Fixnum(one->hash.fixnum() ^ 1);
  EXPECT_THAT(Refusal(), HasSubstr("hash: not that of its name"));
  file_ = whole;
  one = At<Symbol>(FrozenAs<Pair>()->car.offset());
  Symbol* two = At<Symbol>(FrozenAs<Pair>()->cdr.offset());
  two->hash = one->hash;
  two->name = one->name;
  EXPECT_THAT(Refusal(), HasSubstr("name: another symbol has it, too"));
  file_ = whole;
  const Value table =
      Value::FromBits(format::GetSnapshot(file_.data())->roots()->Get(static_cast<uint32_t>(Root::kSymbolTable)));
  Vector* slots = At<Vector>(table.offset());
  for (uint32_t i = 0; i < slots->length; ++i) {
    if (slots->items[i] != kFalse) {
      slots->items[i] = kFalse;
      break;
    }
  }
  EXPECT_THAT(Refusal(), HasSubstr("symbol table at offset 0x"));
}

// ---- Roots

TEST_F(Verification, Roots) {
  ASSERT_TRUE(Freeze(kTrue).ok());
  const auto set = [&](Root root, Value v) {
    auto* roots = const_cast<flatbuffers::Vector<uint32_t>*>(format::GetSnapshot(file_.data())->roots());
    roots->Mutate(static_cast<uint32_t>(root), v.bits);
  };
  set(Root::kRaise, kTrue);
  EXPECT_THAT(Refusal(), HasSubstr("root raise: should be Closure or #f or undefined, is #t"));
  set(Root::kRaise, kFalse);
  set(Root::kInteraction, Value::Ref(Tag::kObject, 4096));
  EXPECT_THAT(Refusal(), HasSubstr("root interaction: should be Environment"));
}

// ---- Code

constexpr uint32_t kFrame = 4;
constexpr uint32_t kOne = static_cast<uint32_t>(Taken::kOne);

TEST_F(Verification, RightCode) {
  EXPECT_TRUE(
      FreezeCode({Insn(Op::kEnter, 1), kFrame, Insn(Op::kMakeBox, 0, 0), Insn(Op::kBoxRef, 1, 0), Insn(Op::kReturn, 1)})
          .ok());
}

TEST_F(Verification, Instructions) {
  struct Case {
    std::vector<uint32_t> instructions;
    const char* what;
    std::vector<uint32_t> refs;
  };
  const uint32_t enter = Insn(Op::kEnter, 1);
  const uint32_t cell = Define("cell", kTrue).bits;
  const uint32_t make_closure = Insn(Op::kMakeClosure, 1);
  const uint32_t other = CodeOf({Insn(Op::kEnter), kFrame, Insn(Op::kLoadFree, 0, 1), Insn(Op::kReturn, 0)}).bits;
  const uint32_t boxed =
      CodeOf({Insn(Op::kEnter), kFrame, Insn(Op::kLoadFree, 0, 0), Insn(Op::kBoxRef, 0, 0), Insn(Op::kReturn, 0)}).bits;
  const Case cases[] = {
      {{}, "control runs off the end", {}},
      {{enter, kFrame, 0xee, Insn(Op::kReturn, 0)}, "no such opcode at word 2", {}},
      {{enter, kFrame, Insn(Op::kMove, 1, 0)}, "control runs off the end", {}},
      {{enter, kFrame, Insn(Op::kJump)}, "instruction cut off", {}},
      {{enter, kFrame, Insn(Op::kMove, 9, 0), Insn(Op::kReturn, 0)}, "register outside of the frame at word 2", {}},
      {{enter, kFrame, Insn(Op::kReturn, 1)}, "register 1 is read before it is written at word 2", {}},
      {{enter, 100, Insn(Op::kReturn, 0)}, "frame size at word 0", {}},
      {{Insn(Op::kReturn, 0)}, "before the arguments are counted", {}},
      {{enter, kFrame, enter, kFrame, Insn(Op::kReturn, 0)}, "entry inside of code", {}},
      {{enter, kFrame, Insn(Op::kHalt), Insn(Op::kReturn, 0)}, "the machine's own procedures", {}},
      {{enter, kFrame, Insn(Op::kJump), 1000, Insn(Op::kReturn, 0)}, "jump to no instruction at word 2", {}},
      {{enter, kFrame, Insn(Op::kJump), 0xffffffff, Insn(Op::kReturn, 0)}, "jump to no instruction at word 2", {}},
      {{enter, kFrame, Insn(Op::kJump), 0xfffffffe, Insn(Op::kReturn, 0)}, "jump backwards that is no loop", {}},
      {{enter, kFrame, Insn(Op::kCall, 2, 0, kOne), Insn(Op::kReturn, 2)}, "call window outside of the frame", {}},
      {{enter, kFrame, Insn(Op::kCall, 1, 0, kOne), Insn(Op::kReturn, 1)},
       "register 1 is read before it is written",
       {}},
      {{enter, kFrame, Insn(Op::kCall, 0, 1, kOne), Insn(Op::kReturn, 0)},
       "register 3 is read before it is written",
       {}},
      {{enter, kFrame, Insn(Op::kCall, 0, 0), Insn(Op::kReturn, 0)}, "a call that takes no number of values", {}},
      {{enter, kFrame, Insn(Op::kCallPrimitive, 0, 0, 4), 0, Insn(Op::kReturn, 0)},
       "a call that takes no number of values",
       {}},
      // The callee's frame takes what is behind the window's start.
      {{Insn(Op::kEnter, 2), kFrame, Insn(Op::kCall, 0, 0, kOne), Insn(Op::kReturn, 1)}, "register 1 is read", {}},
      {{enter, kFrame, Insn(Op::kCallPrimitive, 0, 0, kOne), 7, Insn(Op::kReturn, 0)}, "no such primitive", {}},
      {{enter, kFrame, Insn(Op::kCallPrimitive, 0, 1, kOne), 0, Insn(Op::kReturn, 0)}, "no such primitive", {}},
      {{enter, kFrame, Insn(Op::kLoadConst, 0), kTrue.bits, Insn(Op::kReturn, 0)}, "Value not in refs", {}},
      {{enter, kFrame, Insn(Op::kReturn, 0)}, "refs that are no Values", {2}},
      {{enter, kFrame, Insn(Op::kGlobalRef, 0), kTrue.bits, Insn(Op::kReturn, 0)}, "not a cell", {3}},
      {{enter, kFrame, Insn(Op::kLoadConst, 0), cell, Insn(Op::kReturn, 0)}, "not a constant", {3}},
      {{enter, kFrame, Insn(Op::kBoxRef, 1, 0), Insn(Op::kReturn, 0)}, "register 0 need not hold a box", {}},
      {{enter, kFrame, Insn(Op::kBoxSet, 0, 0), Insn(Op::kReturn, 0)}, "register 0 need not hold a box", {}},
      // A box on one way only.
      {{enter, kFrame, Insn(Op::kJumpIfFalse, 0), 1, Insn(Op::kMakeBox, 0, 0), Insn(Op::kBoxRef, 1, 0),
        Insn(Op::kReturn, 1)},
       "register 0 need not hold a box at word 5",
       {}},
      // In the second round, the register holds something else.
      {{enter, kFrame, Insn(Op::kMakeBox, 1, 0), Insn(Op::kBoxRef, 2, 1), Insn(Op::kMove, 1, 0), Insn(Op::kLoop),
        0xfffffffc},
       "register 1 need not hold a box at word 3",
       {}},
      {{enter, kFrame, Insn(Op::kLoadFree, 1, 0), Insn(Op::kReturn, 1)}, "its code uses 1", {}},
      {{enter, kFrame, make_closure, 0, kTrue.bits, Insn(Op::kReturn, 1)}, "closure without code", {4}},
      {{enter, kFrame, make_closure, 1, other, 9, Insn(Op::kReturn, 1)}, "capture outside of the frame", {4}},
      {{enter, kFrame, make_closure, 1, other, 0, Insn(Op::kReturn, 1)}, "of code that uses 2", {4}},
      {{enter, kFrame, make_closure, 1, boxed, 0, Insn(Op::kReturn, 1)}, "should be a box at word 2", {4}},
      {{enter, kFrame, Insn(Op::kClosurePatch, 0, 0), 0, Insn(Op::kReturn, 0)}, "need not be a new closure", {}},
      {{enter, kFrame, make_closure, 2, other, 0, 0, Insn(Op::kClosurePatch, 1, 0), 2, Insn(Op::kReturn, 1)},
       "patches a free variable that the closure does not have",
       {4}},
      {{enter, kFrame, Insn(Op::kMakeBox, 0, 0), make_closure, 1, boxed, 0, Insn(Op::kLoadInt, 2, 1),
        Insn(Op::kClosurePatch, 1, 2), 0, Insn(Op::kReturn, 1)},
       "should be a box at word 8",
       {5}},
  };
  for (const Case& c : cases) {
    const absl::Status status = FreezeCode(c.instructions, c.refs);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.what;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.what));
    EXPECT_THAT(std::string(status.message()), HasSubstr("at offset 0x")) << c.what;
  }
}

TEST_F(Verification, FreeVariablesThatAreBoxes) {
  const Value code =
      CodeOf({Insn(Op::kEnter), kFrame, Insn(Op::kLoadFree, 0, 0), Insn(Op::kBoxRef, 0, 0), Insn(Op::kReturn, 0)});
  EXPECT_TRUE(Freeze(ClosureOf(code, {BoxOf(kTrue)})).ok());
  EXPECT_FALSE(Freeze(ClosureOf(code, {kTrue})).ok());
  // Captured from a free variable of another closure, which must be a box then.
  const Value outer = CodeOf(
      {Insn(Op::kEnter), kFrame, Insn(Op::kMakeClosure, 0), 1, code.bits, kCaptureFree + 0, Insn(Op::kReturn, 0)}, {4});
  EXPECT_TRUE(Freeze(ClosureOf(outer, {BoxOf(kTrue)})).ok());
  EXPECT_FALSE(Freeze(ClosureOf(outer, {kTrue})).ok());
}

TEST_F(Verification, AssignedVariablesAreWritable) {
  const Value cell = Define("constant", kTrue, kConstantCellFlag);
  const Value code = CodeOf({Insn(Op::kEnter), kFrame, Insn(Op::kGlobalRef, 0), cell.bits, Insn(Op::kGlobalSet, 0),
                             Define("variable", kTrue).bits, Insn(Op::kReturn, 0)},
                            {3, 5});
  ASSERT_TRUE(Freeze(ClosureOf(code)).ok());
  Code* frozen = At<Code>(FrozenAs<Closure>()->code.offset());
  frozen->instructions[5] = frozen->instructions[3];
  EXPECT_THAT(Refusal(), HasSubstr("a constant is assigned at word 4"));
  // The writer knows better, where some code defines what has become a constant.
  const Value definition =
      CodeOf({Insn(Op::kEnter, 1), kFrame, Insn(Op::kGlobalDefine, 0), cell.bits, Insn(Op::kReturn, 0)}, {3});
  EXPECT_TRUE(Freeze(ClosureOf(definition)).ok());
}

// FlatBuffers' own verifier lets these pass.
TEST_F(Verification, VectorsAreAligned) {
  ASSERT_EQ(Freeze(heap().Cons(heap().MakeFlonum(1.5), kNull)), absl::OkStatus());
  const std::vector<uint8_t> good = file_;
  for (const auto field : {format::Snapshot::VT_PAIRS, format::Snapshot::VT_FLONUMS, format::Snapshot::VT_LAYERS,
                           format::Snapshot::VT_STATISTICS}) {
    file_ = good;
    auto* const table = flatbuffers::GetMutableRoot<flatbuffers::Table>(file_.data());
    uint8_t* const at = reinterpret_cast<uint8_t*>(table) + table->GetOptionalFieldOffset(field);
    uint32_t offset;
    std::memcpy(&offset, at, sizeof(offset));
    offset += 4;
    const uint32_t length = 1;
    std::memcpy(at, &offset, sizeof(offset));
    std::memcpy(at + offset, &length, sizeof(length));
    EXPECT_EQ(Reopen().code(), absl::StatusCode::kDataLoss) << field;
    EXPECT_FALSE(Image::FromBytes(file_, kPrimitives, Trust::kTrusted).ok()) << field;
  }
}

}  // namespace
}  // namespace islet::vm
