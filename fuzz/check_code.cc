#include "fuzz/check_code.h"

#include <unordered_set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fuzz/target.h"
#include "isolate/compiler/disassembler.h"
#include "isolate/interpreter/code_checker.h"

namespace islet::fuzz {

void CheckAllCode(vm::Heap& heap, vm::Value closure) {
  std::unordered_set<uint32_t> seen;
  std::vector<vm::Value> pending = {closure};
  while (!pending.empty()) {
    vm::Value v = pending.back();
    pending.pop_back();
    if (heap.Is<vm::Closure>(v)) v = heap.Get<vm::Closure>(v)->code;
    if (!heap.Is<vm::Code>(v) || heap.InSnapshot(v) || !seen.insert(v.bits).second) continue;
    const vm::Code* code = heap.Get<vm::Code>(v);
    if (const absl::Status status = vm::CheckCode(heap, code); !status.ok()) {
      Fail("malformed code", absl::StrCat(status.ToString(), "\n", vm::Disassemble(heap, code)));
    }
    for (uint32_t i = 0; i < code->ref_count; ++i) {
      pending.push_back(vm::Value::FromBits(code->instructions[code->refs()[i]]));
    }
  }
}

}  // namespace islet::fuzz
