// The compiler's passes note here what they know about variables, lambda expressions and letrecs. All of it is in the
// tree's arena.

#ifndef ISLET_ISOLATE_COMPILER_ANNOTATIONS_H_
#define ISLET_ISOLATE_COMPILER_ANNOTATIONS_H_

#include <cstdint>

#include "isolate/compiler/assembler.h"
#include "isolate/expander/core_form.h"
#include "isolate/reader/syntax.h"

namespace islet::vm {

struct Function;
struct LambdaForm;
struct LetrecForm;

// A singly linked list of numbers.
struct NumberLink {
  uint32_t number;
  NumberLink* next;
};

struct VariableNote {
  // -- simplify
  Constant* constant = nullptr;  // its value, if known
  Variable* alias = nullptr;     // another name of this variable, neither being assigned
  LambdaForm* lambda = nullptr;  // its value, if known
  LetrecForm* letrec = nullptr;  // the letrec that binds it, as variable `letrec_index`
  uint32_t letrec_index = 0;
  bool escapes = false;  // used otherwise than as the callee of a call that fits `lambda`
  bool inlined = false;  // `lambda` was moved to its only call
  bool loop = false;     // calls are jumps: `lambda` is part of the function around it
  NumberLink* call_contexts = nullptr;
  // -- resolve
  Function* owner = nullptr;
  bool captured = false;
  bool crossed_by_call = false;  // a call that may be re-entered happens in its scope
  bool checked = false;          // may be read before its initialisation
  bool boxed = false;
  Function* function = nullptr;  // made of `lambda`, if that is a closure
  uint32_t references = 0;
  // -- codegen
  int reg = -1;
  Label entry;  // of a loop
};

// Every Lambda the passes have seen is one of these.
struct LambdaForm : Lambda {
  uint32_t context = 0;  // of its body (one clause)
  bool walked = false;
  uint32_t inlined_depth = 0;  // how many procedures are inlined in one another in it
  uint32_t scope_depth = 0;    // most variables in scope at once
  Function* function = nullptr;
};

// Every Letrec likewise.
struct LetrecForm : Letrec {
  static constexpr uint32_t kBody = ~0u;
  uint32_t current = kBody;          // the init in which the walk is
  absl::Span<NumberLink*> mentions;  // by init: variables of this letrec that it mentions
};

inline VariableNote* Note(const Variable* v) { return static_cast<VariableNote*>(v->note); }

// Limits that keep every register below 256: see resolve.cc.
inline constexpr uint32_t kMaxDirectArgs = 80;       // more are passed as a list
inline constexpr uint32_t kMaxLetrecVariables = 60;  // more live in boxes
inline constexpr uint32_t kMaxLetVariables = 40;     // more are split
inline constexpr uint32_t kMaxLoopScope = 60;        // deepest scope in a loop
inline constexpr uint32_t kMaxLive = 80;             // registers in use where a new function is split off

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_ANNOTATIONS_H_
