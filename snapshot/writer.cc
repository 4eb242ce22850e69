#include "snapshot/writer.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "isolate/data/equality.h"
#include "isolate/data/hash_table.h"
#include "isolate/expander/forward_cells.h"
#include "isolate/heap/dirty_pages.h"
#include "isolate/heap/heap.h"
#include "isolate/heap/objects.h"
#include "isolate/heap/port_handle.h"
#include "snapshot/digest.h"
#include "snapshot/fingerprint.h"
#include "snapshot/layout.h"
#include "snapshot/snapshot_generated.h"
#include "snapshot/verify.h"

namespace islet::vm {
namespace {

// In the statistics, which go by number of type, pairs and flonums have the numbers behind all types.
constexpr int kPairStatistics = kObjectTypeNumbers;
constexpr int kFlonumStatistics = kPairStatistics + 1;

// Copies the objects to their places.
class ImageWriter {
 public:
  ImageWriter(Vm& vm, const Layout& layout)
      : heap_(vm.heap()), layout_(layout), image_(size_t{layout.read_only_bytes()} + layout.writable_bytes()) {}

  std::vector<uint8_t> Write() {
    WriteSymbolTable();
    for (const Layout::Object& object : layout_.objects()) Copy(object);
    // Not before all keys are in place: equal? looks into them.
    for (const Layout::Object& object : layout_.objects()) {
      if (heap_.Is<HashTable>(object.from)) PlaceKeys(object);
    }
    return std::move(image_);
  }

 private:
  template <typename T>
  T* At(uint32_t offset) {
    return reinterpret_cast<T*>(image_.data() + offset);
  }

  void WriteSymbolTable() {
    Vector* table = At<Vector>(layout_.symbol_table());
    table->header = MakeHeader(ObjectType::kVector, kImmutableFlag);
    table->length = layout_.symbol_table_length();
    std::fill_n(table->items, table->length, kFalse);
    const uint32_t mask = table->length - 1;
    for (Value symbol : layout_.symbols()) {
      uint32_t i = static_cast<uint32_t>(heap_.Get<Symbol>(symbol)->hash.fixnum()) & mask;
      while (table->items[i] != kFalse) i = (i + 1) & mask;
      table->items[i] = layout_.Translate(symbol);
    }
  }

  void Copy(const Layout::Object& object) {
    auto translate = [&](Value* slot) { *slot = layout_.Translate(*slot); };
    if (object.from.IsFlonum()) {
      *At<Flonum>(object.to) = *heap_.Get<Flonum>(object.from);
      return;
    }
    if (object.from.IsPair()) {
      Pair* pair = At<Pair>(object.to);
      *pair = *heap_.Get<Pair>(object.from);
      translate(&pair->car);
      translate(&pair->cdr);
      return;
    }
    const uint32_t* from = heap_.Get<uint32_t>(object.from);
    uint32_t* to = At<uint32_t>(object.to);
    std::memcpy(to, from, UnpaddedSizeOf(from));  // padding stays zero
    if (HeaderType(*to) == ObjectType::kHashTable) reinterpret_cast<HashTable*>(to)->address_keys = Value::Fixnum(0);
    ForEachSlot(to, translate);
    switch (HeaderType(*to)) {
      case ObjectType::kVector:
      case ObjectType::kString:
      case ObjectType::kBytevector:
        if (object.literal) *to |= kImmutableFlag << 8;
        break;
      case ObjectType::kPort:
        // A closed file's handle means nothing any more.
        if (Port* port = reinterpret_cast<Port*>(to); HandleOf(*port).IsFile()) {
          port->handle = PortHandle::Heap().value();
        }
        break;
      case ObjectType::kCompnum:
        reinterpret_cast<Compnum*>(to)->unused = 0;
        break;
      default:
        break;
    }
  }

  // Keys that are hashed by their address have a new one, and others may have changed since they were added.
  void PlaceKeys(const Layout::Object& object) {
    const HashTable* from = heap_.Get<HashTable>(object.from);
    HashTable* to = At<HashTable>(object.to);
    const uint32_t flags = HeaderFlags(from->header);
    to->header &= ~(kAddressKeysFlag << 8);
    const Vector* keys = heap_.TryGet<Vector>(from->entries);
    if (keys == nullptr || !heap_.Is<Bytevector>(from->index)) return;
    TableEntry* entries = EntriesOf(At<Vector>(to->entries.offset()));
    Bytevector* index = At<Bytevector>(to->index.offset());
    std::memset(index->bytes, 0, index->length);
    const uint32_t mask = index->length / sizeof(uint32_t) - 1;
    const uint32_t used = static_cast<uint32_t>(from->used.fixnum());
    for (uint32_t i = 0; i < used; ++i) {
      const Value key = EntriesOf(keys)[i].key;
      if (key == kDeleted) continue;
      bool by_address = false;
      uint32_t hash = KeyHash(heap_, flags, key, &by_address);
      if (by_address) hash = AddressHash(layout_.Translate(key).offset());
      entries[i].hash = Value::Fixnum(static_cast<int32_t>(hash));
      PlaceEntry(reinterpret_cast<uint32_t*>(index->bytes), mask, hash, i);
    }
  }

  Heap& heap_;
  const Layout& layout_;
  std::vector<uint8_t> image_;
};

// Says where the objects with this tag lie in the image (snapshot.fbs): a bit for each place where one may start.
std::vector<uint64_t> MarksOf(const Layout& layout, Tag tag) {
  constexpr uint32_t kBytesOfWord = kObjectAlignment * 64;
  std::vector<uint64_t> marks((size_t{layout.read_only_bytes()} + layout.writable_bytes()) / kBytesOfWord);
  for (const Layout::Object& object : layout.objects()) {
    if (object.from.tag() == tag) marks[object.to / kBytesOfWord] |= uint64_t{1} << (object.to / kObjectAlignment % 64);
  }
  while (!marks.empty() && marks.back() == 0) marks.pop_back();
  return marks;
}

SnapshotStatistics Count(const Heap& heap, const Layout& layout, std::vector<format::ObjectStatistics>* by_type) {
  uint32_t counts[kFlonumStatistics + 1] = {};
  uint64_t bytes[kFlonumStatistics + 1] = {};
  SnapshotStatistics statistics;
  for (const Layout::Object& object : layout.objects()) {
    const int type = object.from.IsPair()     ? kPairStatistics
                     : object.from.IsFlonum() ? kFlonumStatistics
                                              : static_cast<int>(heap.type(object.from));
    const size_t size = SizeOfObject(heap, object.from);
    ++counts[type];
    bytes[type] += size;
    if (object.group == Group::kHot) statistics.hot_bytes += size;
  }
  for (int type = 0; type <= kFlonumStatistics; ++type) {
    if (counts[type] == 0) continue;
    by_type->emplace_back(type, counts[type], bytes[type]);
    statistics.types.push_back({type == kPairStatistics     ? "Pair"
                                : type == kFlonumStatistics ? "Flonum"
                                                            : ObjectTypeName(static_cast<ObjectType>(type)),
                                counts[type], bytes[type]});
  }
  statistics.read_only_pages = layout.read_only_bytes() / kPageSize;
  statistics.writable_pages = layout.writable_bytes() / kPageSize;
  statistics.symbols = static_cast<uint32_t>(layout.symbols().size());
  return statistics;
}

format::Digest ToFormat(Fingerprint f) { return format::Digest(f.low, f.high); }

std::vector<uint32_t> RootsOf(Vm& vm, const Layout& layout) {
  std::vector<uint32_t> roots;
  for (int i = 0; i < static_cast<int>(Root::kCount); ++i) {
    switch (const Root root = static_cast<Root>(i)) {
      case Root::kSymbolTable:
        roots.push_back(Value::Ref(Tag::kObject, layout.symbol_table()).bits);
        break;
      case Root::kLoadPath:
        roots.push_back(kNull.bits);
        break;
      default:
        roots.push_back(layout.Translate(vm.root(root)).bits);
    }
  }
  return roots;
}

using Externals = std::vector<flatbuffers::Offset<format::ExternalReference>>;

Externals ExternalsOf(Vm& vm, flatbuffers::FlatBufferBuilder* builder) {
  Externals externals;
  const Vector* functions = vm.heap().TryGet<Vector>(vm.root(Root::kHostFunctions));
  if (functions == nullptr) return externals;
  for (uint32_t i = 0; i < functions->length; ++i) {
    const HostFunction* function = vm.heap().TryGet<HostFunction>(functions->items[i]);
    if (function == nullptr) break;  // the rest is spare room
    std::string name = vm.SymbolName(function->name);
    const bool predicate = (HeaderFlags(function->header) & kTypePredicateFlag) != 0;
    if (predicate) name.pop_back();  // the question mark
    externals.push_back(format::CreateExternalReference(
        *builder, builder->CreateString(name), static_cast<uint32_t>(function->arity.fixnum()),
        predicate ? format::ExternalKind::TypePredicate : format::ExternalKind::Function));
  }
  return externals;
}

// The file, once all of its table is in the builder, with its size and digest, which are known now.
std::vector<uint8_t> FileOf(flatbuffers::FlatBufferBuilder* builder) {
  std::vector<uint8_t> file(builder->GetBufferPointer(), builder->GetBufferPointer() + builder->GetSize());
  builder->Clear();
  flatbuffers::GetMutableRoot<flatbuffers::Table>(file.data())
      ->SetField<uint64_t>(format::Snapshot::VT_FILE_SIZE, file.size(), 0);
  const uint8_t* field = reinterpret_cast<const uint8_t*>(format::GetSnapshot(file.data())->digest());
  const size_t digest_at = static_cast<size_t>(field - file.data());
  const format::Digest digest = ToFormat(DigestOfFile(file, digest_at));
  std::memcpy(file.data() + digest_at, &digest, sizeof(digest));
  return file;
}

}  // namespace

absl::StatusOr<std::vector<uint8_t>> WriteSnapshot(Vm& vm, const WriteOptions& options) {
  if (absl::Status entered = EnterForwardCells(vm); !entered.ok()) return entered;
  absl::StatusOr<Layout> layout = Layout::Of(vm, options.source_names);
  if (!layout.ok()) return layout.status();
  Heap& heap = vm.heap();

  std::vector<uint8_t> image = ImageWriter(vm, *layout).Write();
  std::vector<format::ObjectStatistics> by_type;
  SnapshotStatistics statistics = Count(heap, *layout, &by_type);

  // The builder works from the end to the start: the image first, so that the table stands at the
  // file's start.
  flatbuffers::FlatBufferBuilder builder(image.size() + (size_t{64} << 10));
  builder.ForceVectorAlignment(image.size(), sizeof(uint8_t), kPageSize);
  const auto image_vector = builder.CreateVector(image);

  const Externals externals = ExternalsOf(vm, &builder);

  const format::Space spaces[] = {
      {0, layout->writable_bytes() / kPageSize, format::SpaceKind::Writable},
      {layout->writable_bytes(), layout->read_only_bytes() / kPageSize, format::SpaceKind::ReadOnly},
  };
  const format::Digest image_digest = ToFormat(DigestOf(image));
  const format::Digest runtime = ToFormat(RuntimeFingerprint(vm.primitives()));
  const format::Digest no_digest(0, 0);
  std::vector<uint8_t>().swap(image);  // there is a copy in the builder

  const format::Layer layer(image_digest);
  const auto layers = builder.CreateVectorOfStructs(&layer, 1);
  const auto pairs_vector = builder.CreateVector(MarksOf(*layout, Tag::kPair));
  const auto flonums_vector = builder.CreateVector(MarksOf(*layout, Tag::kFlonum));
  const auto statistics_vector = builder.CreateVectorOfStructs(by_type);
  const auto externals_vector = builder.CreateVector(externals);
  const auto roots_vector = builder.CreateVector(RootsOf(vm, *layout));
  const auto spaces_vector = builder.CreateVectorOfStructs(spaces, 2);
  format::SnapshotBuilder table(builder);
  // The size is not known yet; a default would be left out.
  builder.ForceDefaults(true);
  table.add_format_version(kFormatVersion);
  table.add_file_size(0);
  table.add_digest(&no_digest);
  table.add_runtime(&runtime);
  table.add_spaces(spaces_vector);
  table.add_roots(roots_vector);
  table.add_external_references(externals_vector);
  table.add_has_restore_hooks(vm.root(Root::kRestoreHooks).IsPair());
  table.add_layers(layers);
  table.add_statistics(statistics_vector);
  table.add_image(image_vector);
  table.add_pairs(pairs_vector);
  table.add_flonums(flonums_vector);
  format::FinishSnapshotBuffer(builder, table.Finish());

  std::vector<uint8_t> file = FileOf(&builder);

#ifndef NDEBUG
  if (options.verified) {
    const UnverifiedImage parts = UnverifiedImage::Of(*format::GetSnapshot(file.data()), vm.primitives());
    if (absl::Status status = VerifyImage(parts); !status.ok()) return status;
  }
#endif

  statistics.external_references = static_cast<uint32_t>(externals.size());
  statistics.file_bytes = file.size();
  if (options.statistics != nullptr) *options.statistics = std::move(statistics);
  return file;
}

}  // namespace islet::vm
