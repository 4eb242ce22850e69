// The passes over the core language make new forms with this.

#ifndef ISLET_ISOLATE_COMPILER_CORE_BUILDER_H_
#define ISLET_ISOLATE_COMPILER_CORE_BUILDER_H_

#include "isolate/compiler/annotations.h"

namespace islet::vm {

template <typename T>
T* As(Core* core) {
  return static_cast<T*>(core);
}

class CoreBuilder {
 public:
  explicit CoreBuilder(SyntaxArena& arena) : arena_(arena) {}

 protected:
  template <typename T>
  T* Make(Core::Kind kind, const Core* like) {
    T* form = arena_.New<T>();
    form->kind = kind;
    form->position = like->position;
    return form;
  }
  Core* MakeConstant(Value v, const Core* like) {
    Constant* constant = Make<Constant>(Core::Kind::kConstant, like);
    constant->value = v;
    return constant;
  }
  // This form stands for the rest of a program when the run is to end: nobody will see the result.
  Core* Nothing() {
    if (nothing_ == nullptr) {
      Constant* constant = arena_.New<Constant>();
      constant->kind = Core::Kind::kConstant;
      constant->value = kUnspecified;
      nothing_ = constant;
    }
    return nothing_;
  }

  SyntaxArena& arena_;

 private:
  Core* nothing_ = nullptr;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_CORE_BUILDER_H_
