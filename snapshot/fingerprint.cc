#include "snapshot/fingerprint.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "islet/version.h"
#include "isolate/heap/dirty_pages.h"
#include "isolate/interpreter/vm.h"
#include "xxhash.h"

namespace islet::vm {

Fingerprint RuntimeFingerprint(absl::Span<const PrimitiveSpec> primitives) {
  std::string text =
      absl::StrCat("islet ", ISLET_VERSION_MAJOR, ".", ISLET_VERSION_MINOR, " format ", kFormatVersion, "\n");
#define ISLET_OPCODE(name, operands, words, flow) absl::StrAppend(&text, "opcode " #name " " operands " ", words, "\n");
#include "isolate/interpreter/opcodes.def"
#define ISLET_OBJECT_TYPE(name, number, shape) absl::StrAppend(&text, "type " #name " ", number, " " #shape "\n");
#include "isolate/heap/object_types.def"
#define ISLET_CORE_FORM(name, enumerator, number, expander) absl::StrAppend(&text, "form " name " ", number, "\n");
#include "isolate/expander/core_forms.def"
  absl::StrAppend(&text, "roots ", static_cast<int>(Root::kCount), " page ", kPageSize, "\n");
  for (const PrimitiveSpec& primitive : primitives) {
    absl::StrAppend(&text, "primitive ", primitive.name, " ", primitive.min_args, " ", primitive.max_args, "\n");
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return Fingerprint{hash.low64, hash.high64};
}

}  // namespace islet::vm
