// Strings and bytevectors as results of primitives, made of bytes and text however long: nothing
// here copies, or frees, megabytes without polling.
//
// Those that return a Value return kException once they have raised OutOfMemory, or if the run is
// being ended. They are safepoints if the result is large.

#ifndef ISLET_ISOLATE_RUNTIME_TEXT_H_
#define ISLET_ISOLATE_RUNTIME_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "isolate/heap/poll.h"
#include "isolate/heap/scratch.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// Bytes that come one after another, outside of the heap. Beyond the first piece, they are not moved
// while there are more and more of them.
class GatheredBytes {
 public:
  // Throws std::bad_alloc.
  void Append(absl::string_view bytes);
  size_t size() const { return in_pieces_ + last_.size(); }
  bool empty() const { return size() == 0; }
  bool is_one_part() const { return pieces_.empty(); }
  absl::string_view last_part() const { return last_; }
  // Calls `f(part)` for each part. If all is UTF-8, none ends in the midst of a character; if not,
  // some part is not UTF-8 either. Polls in between: if the run is being ended, not for each.
  template <typename F>
  void ForEachPart(F&& f) const {
    for (const Piece& piece : pieces_) {
      f(absl::string_view(piece.bytes.get(), piece.size));
      if (!Poll(kPiece / kBytesPerStep)) return;
    }
    f(absl::string_view(last_));
  }

 private:
  static constexpr size_t kPiece = size_t{64} << 10;
  struct Piece {
    Scratch<char> bytes;
    size_t size;
  };
  std::vector<Piece> pieces_;
  size_t in_pieces_ = 0;
  std::string last_;  // most are short, and only here
};

// Gives bytes that lie in the heap. They may move, so it is called again after each safepoint.
using BytesInHeap = absl::FunctionRef<absl::string_view()>;

// A String of the UTF-8; bytes that are not UTF-8 become U+FFFD.
Value StringResult(Vm& vm, const char* who, absl::string_view utf8);
Value StringResult(Vm& vm, const char* who, BytesInHeap utf8);
Value StringResult(Vm& vm, const char* who, const GatheredBytes& utf8);
// A Bytevector.
Value BytevectorResult(Vm& vm, const char* who, absl::string_view bytes);
Value BytevectorResult(Vm& vm, const char* who, BytesInHeap bytes);
Value BytevectorResult(Vm& vm, const char* who, const GatheredBytes& bytes);
// A Bytevector of the UTF-8 of a string's characters; `string` is a root.
Value EncodedResult(Vm& vm, const char* who, const Value& string, uint32_t start, uint32_t end);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_RUNTIME_TEXT_H_
