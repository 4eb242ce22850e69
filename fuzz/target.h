// The fuzz targets of this folder share this. Each target is a file that defines LLVMFuzzerTestOneInput; fuzz_target()
// in target.bzl makes of it a fuzzer (--config=fuzz), and a test that feeds it the files of its corpus once each.
//
// A target states what must hold for every input whatever, and calls `Fail` if it does not.

#ifndef ISLET_FUZZ_TARGET_H_
#define ISLET_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "isolate/interpreter/vm.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace islet::fuzz {

// Ends the process as a crash does, with `what` on standard error: the fuzzer then keeps the input.
[[noreturn]] void Fail(absl::string_view what, absl::string_view detail = "");

// An isolate of its own for each input, so that one input cannot depend on those before it. Its
// heap may grow to 16 MiB.
std::unique_ptr<vm::Vm> NewEmptyIsolate();     // no symbols, no libraries
std::unique_ptr<vm::Vm> NewStandardIsolate();  // of the standard snapshot; no files, no ports, no randomness

}  // namespace islet::fuzz

#endif  // ISLET_FUZZ_TARGET_H_
