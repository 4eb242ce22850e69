#include "snapshot/digest.h"

#include <memory>

#include "xxhash.h"

namespace islet::vm {

Fingerprint DigestOf(absl::Span<const uint8_t> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return Fingerprint{hash.low64, hash.high64};
}

Fingerprint DigestOfFile(absl::Span<const uint8_t> file, size_t digest_at) {
  static constexpr uint8_t kZero[16] = {};
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(), XXH3_freeState);
  XXH3_128bits_reset(state.get());
  XXH3_128bits_update(state.get(), file.data(), digest_at);
  XXH3_128bits_update(state.get(), kZero, sizeof(kZero));
  const size_t rest = digest_at + sizeof(kZero);
  XXH3_128bits_update(state.get(), file.data() + rest, file.size() - rest);
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return Fingerprint{hash.low64, hash.high64};
}

}  // namespace islet::vm
