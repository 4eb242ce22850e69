// Macros whose transformer is a procedure: explicit renaming (Clinger, "Hygienic macros through
// explicit renaming", 1991; SRFI 211).
//
//   (define-syntax swap!
//     (er-macro-transformer
//       (lambda (form rename compare) ...)))
//
// The expression behind er-macro-transformer is expanded, compiled and run when the definition is
// expanded, by way of the LibraryLoader. The form reaches the procedure as a datum in which
// Identifiers of the heap stand for aliases, and what it returns is translated back. `rename` gives
// a symbol an alias, the same for the same symbol within one use.
//
// The procedure is any Lisp: it may collect, evaluate (with an Expansion of its own), leave through
// a continuation, or come back through one when its use is long over. So what `rename` and
// `compare` refer to is found through Vm::macro_use(), the chain of the uses under way, by a token; a
// token that is not there is an error.

#ifndef ISLET_ISOLATE_EXPANDER_PROCEDURAL_MACRO_H_
#define ISLET_ISOLATE_EXPANDER_PROCEDURAL_MACRO_H_

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>

#include "isolate/expander/expansion.h"
#include "isolate/heap/pieces.h"
#include "isolate/heap/scratch.h"
#include "isolate/reader/reader.h"

namespace islet::vm {

// Aliases of an Expansion as Identifiers, eq? for the same alias, and back. Each knows its entry: the Alias by
// `in_table`, the Identifier by `index`; that they are this table's is seen from the entry. Identifiers that others
// have made (an Expansion around this one, a snapshot) are not written to: those are found by their bits.
class IdentifierTable : public RootSource {
 public:
  explicit IdentifierTable(Heap& heap) : heap_(heap) { heap_.AddRoots(this); }
  ~IdentifierTable() override { heap_.RemoveRoots(this); }
  IdentifierTable(const IdentifierTable&) = delete;
  IdentifierTable& operator=(const IdentifierTable&) = delete;

  // Allocates, as many Identifiers as the alias has names; no safepoint.
  Value ToHeap(Alias* alias);
  // Null if it is none of this table.
  Alias* FromHeap(Value identifier);
  // For an Identifier that ToHeap has not made.
  void AddForeign(Alias* alias, Value identifier);
  void VisitRoots(Visit visit, void* context) override;
  void VisitYoungRoots(Visit visit, void* context) override;

 private:
  struct Entry {
    Alias* alias;
    Value identifier;
  };
  void Add(Alias* alias, Value identifier);
  const Entry* EntryOf(const Alias* alias) const;
  void VisitFrom(size_t first, Visit visit, void* context);

  Heap& heap_;
  Pieces<Entry> entries_;
  size_t visited_ = 0;        // entries that a collection has visited: they are not young
  Pieces<uint32_t> foreign_;  // places of entries
  std::unordered_map<uint32_t, uint32_t, std::hash<uint32_t>, std::equal_to<uint32_t>,
                     ScratchAllocator<std::pair<const uint32_t, uint32_t>>>
      foreign_by_bits_;  // as of epoch_
  uint32_t epoch_ = 0;
};

// `expression` wrapped, as syntax, into what makes the stored procedure (form token) of what it
// evaluates to, or raises an error if that is no procedure. Null after Fail.
Syntax* WrapTransformer(Expansion& e, Syntax* expression);

// The expansion of `form`, a use in `scope` of a macro with a procedure. Runs Lisp. Null after
// Fail.
Syntax* ApplyTransformer(Expansion& e, const Rules& rules, Syntax* form, Scope* scope);

// Syntax for a datum that may hold Identifiers. Null if it is nested too deeply, or too large.
// `note` as in DatumToSyntax, behind the translation of Identifiers.
Syntax* SyntaxWithAliases(Expansion& e, Value datum, SourcePosition position, const NoteTranslation& note = nullptr);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_EXPANDER_PROCEDURAL_MACRO_H_
