// Code, and the closures that run it.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "isolate/interpreter/stubs.h"
#include "snapshot/verifier.h"

namespace islet::vm {

bool Verifier::PrimitiveTakes(uint32_t index, uint32_t argc) const {
  if (index >= image_.primitives.size()) return false;
  const PrimitiveSpec& spec = image_.primitives[index];
  return argc >= spec.min_args && (spec.max_args < 0 || argc <= static_cast<uint32_t>(spec.max_args));
}

size_t Verifier::NumberOf(Value code) const {
  return static_cast<size_t>(std::lower_bound(codes_.begin(), codes_.end(), code.offset()) - codes_.begin());
}

absl::Status Verifier::CheckCodeAt(uint32_t offset) {
  const Code* code = At<Code>(offset);
  const uint64_t words =
      sizeof(Code) / sizeof(uint32_t) + uint64_t{code->instruction_count} + uint64_t{code->ref_count};
  if (code->word_count != (words + 1) / 2 * 2) {
    return Bad(offset, absl::StrCat("word_count: should be ", (words + 1) / 2 * 2, ", is ", code->word_count));
  }
  if (absl::Status status = CheckPadding(offset, words * sizeof(uint32_t)); !status.ok()) return status;
  if (absl::Status status = CheckNumber(offset, "arity", code->arity, 0, Value::kFixnumMax); !status.ok()) {
    return status;
  }
  if (KindAt(offset) == Kind::kReturnStubs) {
    return IsReturnStubs(code) ? absl::OkStatus() : Bad(offset, "instructions: should be the machine's return stubs");
  }
  if (absl::Status status = checker_.Check(code, &facts_); !status.ok()) return Bad(offset, status.message());

  const uint32_t number = static_cast<uint32_t>(NumberOf(Value::Ref(Tag::kObject, offset)));
  free_counts_[number] = facts_.free_count;
  for (const uint32_t index : facts_.boxes) boxes_.push_back({number, index});
  for (const CodeFacts::Closure& closure : facts_.closures) {
    made_.push_back({number, closure.word, static_cast<uint32_t>(NumberOf(closure.code)), closure.count});
  }
  for (const CodeFacts::Capture& capture : facts_.captures) {
    captures_.push_back({{static_cast<uint32_t>(NumberOf(capture.code)), capture.index},
                         number,
                         capture.word,
                         capture.supply == CodeFacts::Supply::kFree ? capture.from : kNotFree});
  }
  return absl::OkStatus();
}

// A free variable that code uses as a box must be one in each closure of that code: those of the snapshot, and those
// that other code makes, from its registers or from its own free variables, which must be boxes then in turn.
absl::Status Verifier::CheckClosures() {
  for (const MadeClosure& made : made_) {
    if (made.count < free_counts_[made.code]) {
      return Bad(codes_[made.maker],
                 absl::StrCat("bytecode: a closure with ", made.count, " free variables of code that uses ",
                              free_counts_[made.code], " at word ", made.word));
    }
  }
  std::sort(captures_.begin(), captures_.end(), [](const Capture& a, const Capture& b) { return a.to < b.to; });
  std::sort(boxes_.begin(), boxes_.end());
  boxes_.erase(std::unique(boxes_.begin(), boxes_.end()), boxes_.end());
  // Each group of captures of one free variable is looked at once.
  std::vector<bool> done(captures_.size());
  std::vector<CodeFree> pending = boxes_;
  while (!pending.empty()) {
    const CodeFree wanted = pending.back();
    pending.pop_back();
    auto capture = std::lower_bound(captures_.begin(), captures_.end(), wanted,
                                    [](const Capture& c, const CodeFree& free) { return c.to < free; });
    if (capture == captures_.end() || !(capture->to == wanted) ||
        done[static_cast<size_t>(capture - captures_.begin())]) {
      continue;
    }
    done[static_cast<size_t>(capture - captures_.begin())] = true;
    for (; capture != captures_.end() && capture->to == wanted; ++capture) {
      if (capture->from == kNotFree) {
        return Bad(codes_[capture->maker],
                   absl::StrCat("bytecode: free variable ", wanted.index, " of the code at offset 0x",
                                absl::Hex(codes_[wanted.code]), " should be a box at word ", capture->word));
      }
      const CodeFree source = {capture->maker, capture->from};
      boxes_.push_back(source);
      pending.push_back(source);
    }
  }
  std::sort(boxes_.begin(), boxes_.end());
  boxes_.erase(std::unique(boxes_.begin(), boxes_.end()), boxes_.end());

  return ForEachObject([this](uint32_t offset, Kind kind) -> absl::Status {
    if (kind != Kind::kClosure) return absl::OkStatus();
    const Closure* closure = At<Closure>(offset);
    const uint32_t count = HeaderCount(closure->header);
    const uint32_t code = static_cast<uint32_t>(NumberOf(closure->code));
    if (count < free_counts_[code]) {
      return Bad(offset, absl::StrCat("count: ", count, " free variables, but its code uses ", free_counts_[code]));
    }
    for (auto box = std::lower_bound(boxes_.begin(), boxes_.end(), CodeFree{code, 0});
         box != boxes_.end() && box->code == code; ++box) {
      if (absl::Status status =
              Expect(offset, absl::StrCat("free variable ", box->index), closure->free[box->index], Kind::kBox);
          !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace islet::vm
