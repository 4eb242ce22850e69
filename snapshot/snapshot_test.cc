// Freezing a heap and thawing it: what survives, where it lies, and what damaged files are told.

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "isolate/data/hash_table.h"
#include "isolate/data/string.h"
#include "isolate/heap/arity.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/pages.h"
#include "isolate/interpreter/vm.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image.h"
#include "snapshot/snapshot_generated.h"
#include "snapshot/writer.h"

namespace islet::vm {
namespace {

using ::testing::HasSubstr;

Value Nothing(Vm&, Value*, uint32_t) { return kUnspecified; }
constexpr PrimitiveSpec kPrimitives[] = {{"nothing", Nothing, 0, 0}};
constexpr PrimitiveSpec kOtherPrimitives[] = {{"nothing", Nothing, 0, 1}};

std::unique_ptr<Vm> EmptyVm() {
  absl::StatusOr<std::unique_ptr<Vm>> vm = NewEmptyVm(kPrimitives, VmOptions());
  EXPECT_TRUE(vm.ok()) << vm.status();
  return *std::move(vm);
}

// A Vm with the image that must outlive it.
class ThawedVm {
 public:
  ThawedVm(std::shared_ptr<const Image> image, std::unique_ptr<Vm> vm) : image_(std::move(image)), vm_(std::move(vm)) {}
  Vm& operator*() const { return *vm_; }
  Vm* operator->() const { return vm_.get(); }

 private:
  std::shared_ptr<const Image> image_;
  std::unique_ptr<Vm> vm_;
};

ThawedVm Thaw(const std::vector<uint8_t>& bytes) {
  absl::StatusOr<std::shared_ptr<const Image>> image = Image::FromBytes(bytes, kPrimitives);
  EXPECT_TRUE(image.ok()) << image.status();
  absl::StatusOr<std::unique_ptr<Vm>> vm = NewVm(**image, VmOptions());
  EXPECT_TRUE(vm.ok()) << vm.status();
  return ThawedVm(*std::move(image), *std::move(vm));
}

// An interaction environment with nothing in it.
Value MakeInteraction(Vm& vm) {
  const Value bindings = MakeHashTable(vm.heap(), kEqTableFlag);
  Environment* environment = vm.heap().New<Environment>();
  environment->bindings = bindings;
  environment->name = vm.Intern("interaction");
  environment->exports = kFalse;
  const Value result = vm.heap().ValueOf(environment);
  vm.set_root(Root::kInteraction, result);
  return result;
}

Value Bindings(Vm& vm) { return vm.heap().Get<Environment>(vm.root(Root::kInteraction))->bindings; }

Value Define(Vm& vm, const char* name, Value value, uint32_t flags = 0) {
  const Value symbol = vm.Intern(name);
  Cell* cell = vm.heap().New<Cell>(flags);
  cell->value = value;
  cell->name = symbol;
  const Value result = vm.heap().ValueOf(cell);
  HashTablePut(vm.heap(), Bindings(vm), symbol, result);
  return result;
}

Value CellOf(Vm& vm, const char* name) { return HashTableGet(vm.heap(), Bindings(vm), vm.Intern(name), kUndefined); }

Value ValueOf(Vm& vm, const char* name) { return vm.heap().Get<Cell>(CellOf(vm, name))->value; }

Value MakeRecordType(Vm& vm, const char* name, const char* field) {
  const Value fields = vm.heap().MakeVector(1, vm.Intern(field), kImmutableFlag);
  RecordType* type = vm.heap().New<RecordType>();
  type->name = vm.Intern(name);
  type->fields = fields;
  return vm.heap().ValueOf(type);
}

Value MakeRecord(Vm& vm, Value type, Value field) {
  Record* record =
      static_cast<Record*>(vm.heap().NewObject(ObjectType::kRecord, sizeof(Record) + 2 * sizeof(Value), 0, 1));
  record->type = type;
  record->fields[0] = field;
  return vm.heap().ValueOf(record);
}

// A heap with something of most kinds.
std::unique_ptr<Vm> SampleVm() {
  std::unique_ptr<Vm> vm = EmptyVm();
  Heap& heap = vm->heap();
  MakeInteraction(*vm);
  Define(*vm, "numbers", heap.Cons(Value::Fixnum(-7), heap.Cons(heap.MakeFlonum(1.5), kNull)));
  Define(*vm, "text", vm->MakeString("gr\xc3\xbc\xc3\x9f dich"));
  Define(*vm, "wide", vm->MakeString("\xce\xbb-calculus"));
  const Value big = heap.MakeBignum(2, true);
  heap.Get<Bignum>(big)->limbs[1] = 5;
  Define(*vm, "big", big, kConstantCellFlag);
  Compnum* inexact = heap.New<Compnum>();
  inexact->real = 1.5;
  inexact->imaginary = -0.0;
  Define(*vm, "inexact complex", heap.ValueOf(inexact));
  ExactCompnum* exact = heap.New<ExactCompnum>();
  exact->real = big;
  exact->imaginary = Value::Fixnum(-3);
  Define(*vm, "exact complex", heap.ValueOf(exact), kConstantCellFlag);
  const Value bytes = heap.MakeBytevector(3);
  std::memcpy(heap.Get<Bytevector>(bytes)->bytes, "abc", 3);
  Define(*vm, "bytes", bytes);
  Define(*vm, "literal", heap.MakeVector(3, kTrue, kImmutableFlag));
  Define(*vm, "counter", Value::Fixnum(0), kAssignedCellFlag);
  const Value type = MakeRecordType(*vm, "point", "x");
  const Value table = MakeHashTable(heap, kEqvTableFlag);
  Value records = kNull;
  for (int i = 0; i < 100; ++i) {
    const Value record = MakeRecord(*vm, type, Value::Fixnum(i));
    HashTablePut(heap, table, record, Value::Fixnum(i * i));
    records = heap.Cons(record, records);
  }
  Define(*vm, "records", records);
  Define(*vm, "by-record", table);
  return vm;
}

std::vector<uint8_t> Freeze(Vm& vm) {
  absl::StatusOr<std::vector<uint8_t>> bytes = WriteSnapshot(vm);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *bytes : std::vector<uint8_t>();
}

TEST(Snapshot, KeepsValues) {
  const ThawedVm vm = Thaw(Freeze(*SampleVm()));
  Heap& heap = vm->heap();
  const Value numbers = ValueOf(*vm, "numbers");
  EXPECT_EQ(heap.car(numbers).fixnum(), -7);
  EXPECT_EQ(heap.flonum(heap.car(heap.cdr(numbers))), 1.5);
  EXPECT_EQ(vm->ToUtf8(ValueOf(*vm, "text")), "gr\xc3\xbc\xc3\x9f dich");
  EXPECT_EQ(vm->ToUtf8(ValueOf(*vm, "wide")), "\xce\xbb-calculus");
  EXPECT_EQ(heap.Get<Bignum>(ValueOf(*vm, "big"))->limbs[1], 5u);
  const Compnum* inexact = heap.TryGet<Compnum>(ValueOf(*vm, "inexact complex"));
  ASSERT_NE(inexact, nullptr);
  EXPECT_EQ(inexact->real, 1.5);
  EXPECT_TRUE(std::signbit(inexact->imaginary));
  const ExactCompnum* exact = heap.TryGet<ExactCompnum>(ValueOf(*vm, "exact complex"));
  ASSERT_NE(exact, nullptr);
  EXPECT_EQ(exact->real, ValueOf(*vm, "big"));
  EXPECT_EQ(exact->imaginary, Value::Fixnum(-3));
  EXPECT_EQ(std::memcmp(heap.Get<Bytevector>(ValueOf(*vm, "bytes"))->bytes, "abc", 3), 0);
}

TEST(Snapshot, SymbolsAreFoundNotMadeAnew) {
  const ThawedVm vm = Thaw(Freeze(*SampleVm()));
  EXPECT_TRUE(vm->heap().InSnapshot(vm->Intern("counter")));
  EXPECT_FALSE(vm->heap().InSnapshot(vm->Intern("nobody-said-this-yet")));
  EXPECT_EQ(vm->Intern(""), vm->Intern({}));
}

TEST(Snapshot, TablesKeyedByIdentityWorkAtTheNewAddresses) {
  const ThawedVm vm = Thaw(Freeze(*SampleVm()));
  Heap& heap = vm->heap();
  const Value table = ValueOf(*vm, "by-record");
  EXPECT_EQ(HashTableCount(heap, table), 100u);
  for (Value rest = ValueOf(*vm, "records"); rest.IsPair(); rest = heap.cdr(rest)) {
    const Record* record = heap.Get<Record>(heap.car(rest));
    const int32_t n = record->fields[0].fixnum();
    EXPECT_EQ(HashTableGet(heap, table, heap.car(rest), kFalse), Value::Fixnum(n * n));
  }
  EXPECT_EQ(heap.dirty_pages().count(), 0u) << "looking up wrote to the snapshot";
}

// A program may change a key that is hashed by its content: from then on its table need not find it, but is a table.
TEST(Snapshot, KeysThatHaveChangedAreFoundAtTheirNewHash) {
  const std::unique_ptr<Vm> vm = EmptyVm();
  Heap& heap = vm->heap();
  MakeInteraction(*vm);
  const Value table = MakeHashTable(heap, kEqualTableFlag);
  for (int i = 0; i < 3; ++i) {
    const Value list = heap.Cons(Value::Fixnum(i), kNull);
    HashTablePut(heap, table, list, list);
    heap.Write(&heap.Get<Pair>(list)->car, Value::Fixnum(i + 100));
  }
  const Value text = vm->MakeString("text");
  HashTablePut(heap, table, text, kTrue);
  heap.Get<String>(text)->bytes[0] = 'n';
  Define(*vm, "table", table);
  const ThawedVm thawed = Thaw(Freeze(*vm));
  Heap& own = thawed->heap();
  const Value frozen = ValueOf(*thawed, "table");
  EXPECT_EQ(HashTableCount(own, frozen), 4u);
  for (int i = 0; i < 3; ++i) {
    const Value list = own.Cons(Value::Fixnum(i + 100), kNull);
    EXPECT_TRUE(Equal(own, HashTableGet(own, frozen, list, kFalse), list));
  }
  EXPECT_EQ(HashTableGet(own, frozen, thawed->MakeString("next"), kFalse), kTrue);
}

TEST(Snapshot, SameHeapSameBytes) {
  const std::vector<uint8_t> first = Freeze(*SampleVm());
  EXPECT_EQ(first, Freeze(*SampleVm()));
  const std::unique_ptr<Vm> twice = SampleVm();
  EXPECT_EQ(Freeze(*twice), Freeze(*twice));
  // Where objects lay before does not matter.
  const std::unique_ptr<Vm> collected = SampleVm();
  collected->heap().CollectFull();
  EXPECT_EQ(first, Freeze(*collected));
}

TEST(Snapshot, ThawedAndFrozenAgainIsTheSame) {
  const std::vector<uint8_t> first = Freeze(*SampleVm());
  const ThawedVm thawed = Thaw(first);
  EXPECT_EQ(first, Freeze(*thawed));
}

TEST(Snapshot, LeavesOutWhatIsNotReachable) {
  const std::unique_ptr<Vm> vm = SampleVm();
  const size_t before = Freeze(*vm).size();
  vm->heap().MakeBytevector(100000);
  EXPECT_EQ(Freeze(*vm).size(), before);
}

TEST(Snapshot, ConstantsAreReadOnlyAndVariablesAreNextToThem) {
  const ThawedVm vm = Thaw(Freeze(*SampleVm()));
  Heap& heap = vm->heap();
  auto read_only = [&](Value v) { return heap.InReadOnly(heap.Get<uint32_t>(v)); };
  EXPECT_TRUE(read_only(vm->Intern("counter")));
  EXPECT_TRUE(read_only(CellOf(*vm, "big")));
  EXPECT_TRUE(read_only(ValueOf(*vm, "literal")));
  EXPECT_FALSE(read_only(CellOf(*vm, "counter")));
  EXPECT_FALSE(read_only(ValueOf(*vm, "text")));
  EXPECT_FALSE(read_only(ValueOf(*vm, "numbers")));
  const uint32_t last_page = heap.layout().read_only_begin - kPageSize;
  EXPECT_GE(CellOf(*vm, "counter").offset(), last_page);
  EXPECT_GE(ValueOf(*vm, "by-record").offset(), last_page);
}

TEST(Snapshot, IsolatesDoNotSeeEachOthersWrites) {
  const std::vector<uint8_t> bytes = Freeze(*SampleVm());
  absl::StatusOr<std::shared_ptr<const Image>> image = Image::FromBytes(bytes, kPrimitives);
  ASSERT_TRUE(image.ok()) << image.status();
  absl::StatusOr<std::unique_ptr<Vm>> a = NewVm(**image, VmOptions());
  absl::StatusOr<std::unique_ptr<Vm>> b = NewVm(**image, VmOptions());
  ASSERT_TRUE(a.ok() && b.ok());
  Heap& heap = (*a)->heap();
  heap.Write(&heap.Get<Cell>(CellOf(**a, "counter"))->value, Value::Fixnum(1));
  EXPECT_EQ(ValueOf(**a, "counter"), Value::Fixnum(1));
  EXPECT_EQ(ValueOf(**b, "counter"), Value::Fixnum(0));
}

TEST(Snapshot, OpenFileIsRefusedWithThePathToIt) {
  const std::unique_ptr<Vm> vm = SampleVm();
  Heap& heap = vm->heap();
  const Value name = vm->MakeString("/tmp/log");
  Port* port = heap.New<Port>(kOutputPortFlag | kOpenPortFlag);
  port->handle = Value::Fixnum(3);
  port->name = name;
  const Value record = MakeRecord(*vm, MakeRecordType(*vm, "logger", "out"), heap.ValueOf(port));
  Define(*vm, "counter-log", heap.Cons(Value::Fixnum(1), heap.Cons(record, kNull)));
  const absl::Status status = WriteSnapshot(*vm).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("an open file port, \"/tmp/log\", reachable as: global counter-log -> an"
                        " element of a list -> field out of record logger."));
}

TEST(Snapshot, WhatIsTheHostsOwnIsRefusedWithThePathToIt) {
  const std::unique_ptr<Vm> vm = SampleVm();
  Heap& heap = vm->heap();
  const Value name = vm->Intern("entity");
  HostObject* object = heap.New<HostObject>();
  object->name = name;
  Define(*vm, "player", heap.Cons(heap.ValueOf(object), kNull));
  HostFunction* function = heap.New<HostFunction>(kMadeAtRunTimeFlag);
  function->name = name;
  function->arity = Arity{.least = 1}.ToValue();
  Define(*vm, "made", heap.ValueOf(function));
  const absl::Status status = WriteSnapshot(*vm).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot freeze 2 objects"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("a host object, #<entity>, reachable as: global player -> an element of a list."));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("a procedure that the host has made at run time, entity, reachable as: global made."));
}

TEST(Snapshot, AllMissingHostFunctionsAreNamed) {
  const std::unique_ptr<Vm> vm = SampleVm();
  Heap& heap = vm->heap();
  const Value functions = heap.MakeVector(4, kFalse);
  const char* names[] = {"fetch", "log", "store"};
  for (int i = 0; i < 3; ++i) {
    const Value name = vm->Intern(names[i]);
    HostFunction* function = heap.New<HostFunction>();
    function->index = Value::Fixnum(i);
    function->name = name;
    function->arity = Arity{.least = static_cast<uint32_t>(i) + 1}.ToValue();
    heap.Get<Vector>(functions)->items[i] = heap.ValueOf(function);
  }
  HostFunction* predicate = heap.New<HostFunction>(kTypePredicateFlag);
  predicate->index = Value::Fixnum(3);
  predicate->name = vm->Intern("entity?");
  predicate->arity = Arity{.least = 1}.ToValue();
  heap.Get<Vector>(functions)->items[3] = heap.ValueOf(predicate);
  vm->set_root(Root::kHostFunctions, functions);
  absl::StatusOr<std::shared_ptr<const Image>> image = Image::FromBytes(Freeze(*vm), kPrimitives);
  ASSERT_TRUE(image.ok()) << image.status();

  const uint32_t one = Arity{.least = 1}.Pack(), three = Arity{.least = 3}.Pack(), any = Arity{.rest = true}.Pack();
  const absl::StatusOr<std::vector<int>> bound =
      (*image)->BindExternals({{"store", three}, {"log", any}, {"fetch", one}, {"entity", one}, {"entity", 0, true}});
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_EQ(*bound, (std::vector<int>{2, 1, 0, 4}));

  const absl::Status status = (*image)->BindExternals({{"log", one}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("fetch (1 argument) is missing"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("store (3 arguments) is missing"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("the host type entity is missing"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("log is declared with 2 arguments, but provided with 1 argument"));
}

// ---- Opening

absl::Status OpenBytes(absl::Span<const uint8_t> bytes) { return Image::FromBytes(bytes, kPrimitives).status(); }

TEST(Opening, EmptyIsNotASnapshot) {
  const absl::Status status = OpenBytes({});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("empty (0 bytes)"));
}

TEST(Opening, SomethingElseIsNotASnapshot) {
  const std::vector<uint8_t> text(5000, 'x');
  EXPECT_THAT(std::string(OpenBytes(text).message()), HasSubstr("not a snapshot"));
}

TEST(Opening, TruncatedAnywhereIsAnError) {
  const std::vector<uint8_t> bytes = Freeze(*SampleVm());
  for (size_t length = 1; length < bytes.size(); length += length < 4200 ? 1 : 97) {
    const absl::Status status = OpenBytes(absl::MakeConstSpan(bytes.data(), length));
    ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << length;
    ASSERT_THAT(std::string(status.message()), HasSubstr("truncated")) << length;
  }
}

TEST(Opening, TrailingBytesAreAnError) {
  std::vector<uint8_t> bytes = Freeze(*SampleVm());
  bytes.push_back(0);
  EXPECT_THAT(std::string(OpenBytes(bytes).message()), HasSubstr("1 bytes behind its end"));
}

TEST(Opening, AnyChangedByteIsAnError) {
  std::vector<uint8_t> bytes = Freeze(*SampleVm());
  for (size_t i = 0; i < bytes.size(); i += i < 4200 ? 1 : 61) {
    for (uint8_t change : {uint8_t{1}, uint8_t{0x80}, uint8_t{0xff}}) {
      bytes[i] ^= change;
      ASSERT_FALSE(OpenBytes(bytes).ok()) << "byte " << i;
      bytes[i] ^= change;
    }
  }
  EXPECT_TRUE(OpenBytes(bytes).ok());
}

TEST(Opening, OtherFormatVersion) {
  std::vector<uint8_t> bytes = Freeze(*SampleVm());
  flatbuffers::GetMutableRoot<flatbuffers::Table>(bytes.data())
      ->SetField<uint32_t>(format::Snapshot::VT_FORMAT_VERSION, kFormatVersion + 1, 0);
  const absl::Status status = OpenBytes(bytes);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("has format version ", kFormatVersion + 1)));
}

TEST(Opening, OtherBuild) {
  const absl::Status status = Image::FromBytes(Freeze(*SampleVm()), kOtherPrimitives).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("made by another build"));
}

TEST(Opening, FileIsNamedInMessages) {
  const absl::Status missing = Image::FromFile("/no/such.snap", kPrimitives).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("/no/such.snap"));
  EXPECT_THAT(std::string(Image::FromFile("/dev/null", kPrimitives).status().message()),
              HasSubstr("/dev/null: the snapshot is empty"));
}

TEST(Opening, FileMayBeChangedAfterwards) {
  const std::string path = absl::StrCat(testing::TempDir(), "/changed.snap");
  const std::vector<uint8_t> bytes = Freeze(*SampleVm());
  FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  std::fwrite(bytes.data(), 1, bytes.size(), file);
  std::fclose(file);
  absl::StatusOr<std::shared_ptr<const Image>> image = Image::FromFile(path, kPrimitives);
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_EQ(truncate(path.c_str(), 0), 0);
  absl::StatusOr<std::unique_ptr<Vm>> vm = NewVm(**image, VmOptions());
  ASSERT_TRUE(vm.ok()) << vm.status();
  EXPECT_EQ((*vm)->ToUtf8(ValueOf(**vm, "text")), "gr\xc3\xbc\xc3\x9f dich");
  unlink(path.c_str());
}

// A file, removed at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const char* name) : path_(absl::StrCat(testing::TempDir(), "/", name)) {}
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

  void Write(absl::Span<const uint8_t> bytes, off_t size = 0) const {
    FILE* file = std::fopen(path_.c_str(), "wb");
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
    std::fclose(file);
    if (size > 0) {
      ASSERT_EQ(truncate(path_.c_str(), size), 0);
    }
  }

 private:
  const std::string path_;
};

// The number behind `name` in a file of /proc/self: bytes in "io", KiB in "status".
int64_t ProcessNumber(const char* file, const char* name) {
  FILE* in = std::fopen(absl::StrCat("/proc/self/", file).c_str(), "r");
  EXPECT_NE(in, nullptr);
  char line[256];
  int64_t number = -1;
  while (std::fgets(line, sizeof(line), in) != nullptr) {
    if (absl::StartsWith(line, name)) number = std::strtoll(line + std::strlen(name), nullptr, 10);
  }
  std::fclose(in);
  return number;
}

int64_t BytesReadToOpen(const std::string& path, absl::StatusCode expected) {
  const int64_t before = ProcessNumber("io", "rchar:");
  const absl::Status status = Image::FromFile(path, kPrimitives).status();
  const int64_t read = ProcessNumber("io", "rchar:") - before;
  EXPECT_EQ(status.code(), expected) << status;
  return read;
}

TEST(Opening, AFileIsRefusedByItsHeader) {
  constexpr off_t kLarge = off_t{300} << 20;
  constexpr int64_t kUnread = int64_t{1} << 20;
  const TemporaryFile file("large.snap");
  const uint8_t text[] =
      "\x7f"
      "ELF something else altogether";
  file.Write(text, kLarge);
  EXPECT_LT(BytesReadToOpen(file.path(), absl::StatusCode::kInvalidArgument), kUnread);
  // Of the wrong size, or another version.
  std::vector<uint8_t> bytes = Freeze(*SampleVm());
  file.Write(bytes, kLarge);
  EXPECT_LT(BytesReadToOpen(file.path(), absl::StatusCode::kDataLoss), kUnread);
  flatbuffers::GetMutableRoot<flatbuffers::Table>(bytes.data())
      ->SetField<uint32_t>(format::Snapshot::VT_FORMAT_VERSION, kFormatVersion + 1, 0);
  file.Write(bytes, kLarge);
  EXPECT_LT(BytesReadToOpen(file.path(), absl::StatusCode::kFailedPrecondition), kUnread);
}

// A pipe has no size to be asked for.
TEST(Opening, APipeIsReadToItsEnd) {
  std::vector<uint8_t> bytes = Freeze(*SampleVm());
  const TemporaryFile pipe("pipe.snap");
  ASSERT_EQ(mkfifo(pipe.path().c_str(), 0600), 0);
  const auto open_written = [&](absl::Span<const uint8_t> written) {
    std::thread writer([&] {
      signal(SIGPIPE, SIG_IGN);
      FILE* file = std::fopen(pipe.path().c_str(), "wb");
      std::fwrite(written.data(), 1, written.size(), file);
      std::fclose(file);
    });
    const absl::Status status = Image::FromFile(pipe.path(), kPrimitives).status();
    writer.join();
    return status;
  };
  EXPECT_TRUE(open_written(bytes).ok());
  EXPECT_THAT(std::string(open_written(absl::MakeConstSpan(bytes).first(bytes.size() - 1)).message()),
              HasSubstr("truncated"));
  bytes.push_back(0);
  EXPECT_THAT(std::string(open_written(bytes).message()), HasSubstr("behind its end"));
  EXPECT_THAT(std::string(open_written({}).message()), HasSubstr("empty"));
}

TEST(Opening, AFileIsReadIntoMemoryOnce) {
  const std::unique_ptr<Vm> vm = SampleVm();
  constexpr int64_t kMiB = 1024;  // KiB
  for (int i = 0; i < 8; ++i) {
    const Value chunk = vm->heap().MakeBytevector(4 << 20);
    std::memset(vm->heap().Get<Bytevector>(chunk)->bytes, i + 1, 4 << 20);
    Define(*vm, absl::StrCat("chunk", i).c_str(), chunk);
  }
  const TemporaryFile file("chunks.snap");
  file.Write(Freeze(*vm));
  FILE* reset = std::fopen("/proc/self/clear_refs", "w");
  if (reset == nullptr) GTEST_SKIP() << "the peak of the resident memory cannot be reset";
  std::fputs("5", reset);
  std::fclose(reset);
  const int64_t before = ProcessNumber("status", "VmHWM:");
  absl::StatusOr<std::shared_ptr<const Image>> image = Image::FromFile(file.path(), kPrimitives);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_LT(ProcessNumber("status", "VmHWM:") - before, 39 * kMiB);
}

// Where one shared object with a snapshot was unloaded, another may be loaded.
TEST(Opening, AnotherSnapshotAtTheSamePlaceIsAnotherImage) {
  const std::unique_ptr<Vm> vm = SampleVm();
  const std::vector<uint8_t> first = Freeze(*vm);
  vm->heap().Get<Cell>(CellOf(*vm, "counter"))->value = Value::Fixnum(42);
  const std::vector<uint8_t> second = Freeze(*vm);
  ASSERT_EQ(first.size(), second.size());
  void* const place = mmap(nullptr, first.size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(place, MAP_FAILED);
  const auto load = [&](const std::vector<uint8_t>& bytes) {
    void* const at = mmap(place, bytes.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ASSERT_EQ(at, place);
    std::memcpy(at, bytes.data(), bytes.size());
  };
  const auto open = [&] {
    const uint8_t* const begin = static_cast<const uint8_t*>(place);
    return Image::FromEmbedded(begin, begin + first.size(), kPrimitives);
  };
  const auto counter = [](const Image& image) {
    absl::StatusOr<std::unique_ptr<Vm>> isolate = NewVm(image, VmOptions());
    EXPECT_TRUE(isolate.ok()) << isolate.status();
    return ValueOf(**isolate, "counter");
  };
  load(first);
  const absl::StatusOr<std::shared_ptr<const Image>> old = open();
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_EQ(counter(**old), Value::Fixnum(0));
  EXPECT_EQ(*open(), *old);
  load(second);  // while somebody still holds the image of the first
  const absl::StatusOr<std::shared_ptr<const Image>> current = open();
  ASSERT_TRUE(current.ok()) << current.status();
  EXPECT_NE(*current, *old);
  EXPECT_EQ(counter(**current), Value::Fixnum(42));
  EXPECT_EQ(*open(), *current);
  munmap(place, first.size());
}

// Memory that no file carries: isolates map a copy.
TEST(Opening, EmbeddedFallsBackToMemory) {
  const std::vector<uint8_t> bytes = Freeze(*SampleVm());
  void* memory = mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memcpy(memory, bytes.data(), bytes.size());
  const uint8_t* begin = static_cast<const uint8_t*>(memory);
  {
    absl::StatusOr<std::shared_ptr<const Image>> image = Image::FromEmbedded(begin, begin + bytes.size(), kPrimitives);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_FALSE((*image)->maps_carrier());
    absl::StatusOr<std::shared_ptr<const Image>> again = Image::FromEmbedded(begin, begin + bytes.size(), kPrimitives);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(*image, *again);
    absl::StatusOr<std::unique_ptr<Vm>> vm = NewVm(**image, VmOptions());
    ASSERT_TRUE(vm.ok()) << vm.status();
    EXPECT_EQ((*vm)->ToUtf8(ValueOf(**vm, "text")), "gr\xc3\xbc\xc3\x9f dich");
  }
  EXPECT_FALSE(Image::FromEmbedded(begin + 8, begin + bytes.size(), kPrimitives).ok());
  munmap(memory, bytes.size());
}

}  // namespace
}  // namespace islet::vm
