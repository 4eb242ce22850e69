// Short pieces of bytecode that every isolate needs at fixed places: where frames at the bottom of the stack return to,
// and the bodies of the procedures that need the machine itself (apply, call/cc, values ...).

#ifndef ISLET_ISOLATE_INTERPRETER_STUBS_H_
#define ISLET_ISOLATE_INTERPRETER_STUBS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "isolate/heap/objects.h"
#include "isolate/heap/value.h"

namespace islet::vm {

class Vm;

// Instruction indices in the Code at Root::kStubs.
enum class Stub : uint32_t { kHalt, kUnderflow, kNoReturn };

// Makes the stub Code and stores it in the roots. For an isolate without a snapshot.
void MakeStubs(Vm& vm);

// Procedures defined by stubs, as closures: "apply", "%call/cc", "values", "call-with-values", "%throw". Returns
// kUndefined for other names.
Value MakeStubProcedure(Vm& vm, absl::string_view name);
// Whether the instructions, and the frame, are those of such a procedure; or of Root::kStubs.
bool IsStubProcedure(const Code* code);
bool IsReturnStubs(const Code* code);
inline constexpr absl::string_view kStubProcedureNames[] = {"apply", "%call/cc", "values", "call-with-values",
                                                            "%throw"};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_STUBS_H_
