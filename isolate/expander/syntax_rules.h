// syntax-rules (R7RS 4.3.2): patterns and templates compiled into trees in the arena, matching, instantiation.

#ifndef ISLET_ISOLATE_EXPANDER_SYNTAX_RULES_H_
#define ISLET_ISOLATE_EXPANDER_SYNTAX_RULES_H_

#include "absl/types/span.h"
#include "isolate/expander/expansion.h"

namespace islet::vm {

struct Pattern;
struct Template;

struct Rule {
  Syntax* source;  // the pattern as written
  Pattern* pattern;
  Template* result;
  uint32_t variable_count;
  absl::Span<const uint32_t> slots;    // for each place of the template's frame, the pattern variable it starts with
  absl::Span<Syntax* const> inserted;  // the template's own identifiers: renamed for each expansion
};

// A macro: rules, or a procedure (procedural_macro.h).
struct Rules {
  Syntax* spec = nullptr;  // what follows the word syntax-rules
  Scope* scope = nullptr;  // where the macro was defined
  absl::Span<const Rule> rules;
  Value procedure = kUndefined;  // of (form token); a root, unless kUndefined
};

// `spec` is ([ellipsis] (literal ...) (pattern template) ...). Null after Fail, which shows `whole`.
const Rules* CompileRules(Expansion& e, Syntax* spec, Scope* scope, const Syntax* whole);

// The expansion of `form`, a use of the macro in `scope`. Null after Fail.
Syntax* ApplyRules(Expansion& e, const Rules& rules, Syntax* form, Scope* scope);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EXPANDER_SYNTAX_RULES_H_
