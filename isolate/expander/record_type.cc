// define-record-type (R7RS 5.5; with SRFI 131's bare constructor name and fields without accessor), as definitions in
// terms of %make-record-type, %record, %record?, %record-ref and %record-set! of (islet core).

#include "absl/strings/str_cat.h"
#include "isolate/data/equality.h"
#include "isolate/expander/expansion.h"

namespace islet::vm {

namespace {

struct Field {
  Syntax* name;
  Syntax* accessor;
  Syntax* modifier;
};

class RecordDefinition {
 public:
  RecordDefinition(Expansion& e, Syntax* form, Env* core) : e_(e), arena_(e.arena()), form_(form), core_(core) {}

  bool Parse() {
    const int64_t n = ListLength(form_);
    if (n < 3) return Usage();
    type_ = Nth(form_, 1);
    if (type_->IsPair()) type_ = type_->car;
    if (!type_->IsIdentifier()) return Usage();
    constructor_ = Nth(form_, 2);
    Syntax* rest = Tail(form_, 3);
    if (rest->IsPair()) {
      predicate_ = rest->car;
      rest = rest->cdr;
      if (!predicate_->IsIdentifier() && !IsFalse(predicate_)) {
        return Fail(predicate_, "define-record-type: expected the predicate's name, or #f");
      }
    }
    for (; rest->IsPair(); rest = rest->cdr) {
      Syntax* spec = rest->car;
      Field field{spec, nullptr, nullptr};
      if (spec->IsPair()) {
        const int64_t length = ListLength(spec);
        bool good = length >= 1 && length <= 3;
        for (int64_t i = 0; good && i < length; ++i) good = Nth(spec, i)->IsIdentifier();
        if (!good) return Fail(spec, "define-record-type: expected (field [accessor [modifier]])");
        field = {spec->car, length > 1 ? Nth(spec, 1) : nullptr, length > 2 ? Nth(spec, 2) : nullptr};
      }
      if (!field.name->IsIdentifier()) {
        return Fail(spec, "define-record-type: expected (field [accessor [modifier]])");
      }
      if (FieldIndex(field.name) >= 0) {
        return Fail(spec, absl::StrCat("define-record-type: duplicate field ", e_.Print(field.name)));
      }
      fields_.push_back(field);
    }
    return true;
  }

  bool Definitions(std::vector<Syntax*>* out) {
    std::vector<Syntax*> names;
    for (const Field& f : fields_) names.push_back(f.name);
    Syntax* const type_name = type_;
    if (NamesProcedureToo() && !HideType()) return false;
    out->push_back(
        Define(type_, List({Core("%make-record-type"), Quote(type_name), Quote(arena_.MakeVector(names, Here()))})));
    if (!DefineConstructor(out)) return false;
    Syntax* object = Local("object");
    if (predicate_ != nullptr && !IsFalse(predicate_)) {
      out->push_back(Define(predicate_, LambdaOf({object}, {Core("%record?"), object, type_})));
    }
    for (size_t i = 0; i < fields_.size(); ++i) {
      Syntax* index = arena_.Atom(Value::Fixnum(static_cast<int32_t>(i)), Here());
      if (fields_[i].accessor != nullptr) {
        out->push_back(Define(fields_[i].accessor, LambdaOf({object}, {Core("%record-ref"), object, type_, index,
                                                                       Quote(fields_[i].accessor)})));
      }
      if (fields_[i].modifier != nullptr) {
        Syntax* value = Local("value");
        out->push_back(
            Define(fields_[i].modifier, LambdaOf({object, value}, {Core("%record-set!"), object, type_, index, value,
                                                                   Quote(fields_[i].modifier)})));
      }
    }
    return true;
  }

 private:
  // (define-record-type point (point x y) ...): then the name is the procedure's.
  bool NamesProcedureToo() const {
    const IdentifierKey key = KeyOf(type_);
    const auto same = [key](const Syntax* id) { return id != nullptr && id->IsIdentifier() && KeyOf(id) == key; };
    if (same(constructor_->IsPair() ? constructor_->car : constructor_) || same(predicate_)) return true;
    for (const Field& f : fields_) {
      if (same(f.accessor) || same(f.modifier)) return true;
    }
    return false;
  }

  // The type is kept in a variable that no program can name.
  bool HideType() {
    if (!e_.Room(form_, 4096)) return false;
    Heap& heap = e_.heap();
    Symbol* symbol = static_cast<Symbol*>(heap.NewUnmoving(ObjectType::kSymbol, sizeof(Symbol), kUninternedFlag, 0));
    symbol->hash = Value::Fixnum(static_cast<int32_t>(AddressHash(heap.OffsetOf(symbol))));
    symbol->name = heap.Get<Symbol>(BaseSymbol(type_))->name;
    type_ = arena_.Symbol(heap.ValueOf(symbol), Here());
    return true;
  }

  bool DefineConstructor(std::vector<Syntax*>* out) {
    if (IsFalse(constructor_)) return true;
    std::vector<Syntax*> parameters;
    std::vector<Syntax*> values(fields_.size(), nullptr);
    Syntax* name = constructor_;
    if (constructor_->IsPair()) {
      if (ListLength(constructor_) < 1) return Usage();
      name = constructor_->car;
      for (Syntax* p = constructor_->cdr; p->IsPair(); p = p->cdr) {
        const int index = p->car->IsIdentifier() ? FieldIndex(p->car) : -1;
        if (index < 0) {
          return Fail(p->car,
                      absl::StrCat("define-record-type: ", e_.Print(p->car), " is not a field of this record type"));
        }
        if (values[index] != nullptr) {
          return Fail(p->car, absl::StrCat("define-record-type: duplicate ", e_.Print(p->car), " in the constructor"));
        }
        parameters.push_back(values[index] = Fresh(p->car));
      }
    } else {
      for (size_t i = 0; i < fields_.size(); ++i) {
        parameters.push_back(values[i] = Fresh(fields_[i].name));
      }
    }
    if (!name->IsIdentifier()) return Usage();
    std::vector<Syntax*> call = {Core("%record"), type_};
    for (Syntax* v : values) call.push_back(v != nullptr ? v : arena_.Atom(kUnspecified, Here()));
    out->push_back(Define(name, LambdaOf(parameters, call)));
    return true;
  }

  SourcePosition Here() const { return form_->position; }
  bool Fail(const Syntax* form, std::string message) {
    e_.Fail(form, std::move(message));
    return false;
  }
  bool Usage() {
    return Fail(form_,
                "define-record-type: expected (define-record-type name (constructor field ...) "
                "predicate (field accessor [modifier]) ...)");
  }
  bool IsFalse(const Syntax* s) const { return s->kind == Syntax::Kind::kAtom && s->value == kFalse; }
  int FieldIndex(const Syntax* id) const {
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (KeyOf(fields_[i].name) == KeyOf(id)) return static_cast<int>(i);
    }
    return -1;
  }
  Syntax* Core(absl::string_view name) { return e_.CoreIdentifier(name, Here()); }
  Syntax* Local(absl::string_view name) { return Core(name); }
  // A parameter called as the field, which hides nothing that the user wrote.
  Syntax* Fresh(Syntax* field) { return e_.Rename(field, core_->scope, Here()); }
  Syntax* List(absl::Span<Syntax* const> items) { return arena_.List(items, Here()); }
  Syntax* Quote(Syntax* datum) { return List({Core("quote"), datum}); }
  Syntax* Define(Syntax* id, Syntax* value) { return List({Core("define"), id, value}); }
  Syntax* LambdaOf(absl::Span<Syntax* const> parameters, absl::Span<Syntax* const> body) {
    return List({Core("lambda"), List(parameters), List(body)});
  }

  Expansion& e_;
  SyntaxArena& arena_;
  Syntax* form_;
  Env* core_;
  Syntax* type_ = nullptr;
  Syntax* constructor_ = nullptr;
  Syntax* predicate_ = nullptr;
  std::vector<Field> fields_;
};

}  // namespace

bool Expansion::RecordDefinitions(Syntax* form, std::vector<Syntax*>* out) {
  Env* core = CoreEnv(form->position);
  if (core == nullptr) return false;
  RecordDefinition type(*this, form, core);
  return type.Parse() && type.Definitions(out);
}

}  // namespace islet::vm
