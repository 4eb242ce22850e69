// Third pass: instructions for one function. A form is compiled towards a destination: a register,
// the function's result, a pair of labels, or nowhere.
//
// Registers are a stack: variables and temporaries take the next one, and give it back when their
// scope ends. A call's window starts at the next free register, so a value wanted there arrives
// without a move.

#ifndef ISLET_ISOLATE_COMPILER_CODEGEN_H_
#define ISLET_ISOLATE_COMPILER_CODEGEN_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "isolate/compiler/annotations.h"
#include "isolate/compiler/assembler.h"
#include "isolate/compiler/inline_primitives.h"
#include "isolate/compiler/resolve.h"
#include "isolate/heap/poll.h"
#include "isolate/interpreter/vm.h"

namespace islet::vm {

// The functions of one compilation share this.
struct CodegenShared {
  Vm& vm;
  Value apply = kFalse;  // made when first needed
  std::vector<std::pair<const std::string*, Value>> files;
  StepCounter steps;  // what is left when the run is to end becomes a constant: nobody will see it
};

class Codegen {
 public:
  Codegen(CodegenShared& shared, Function* function)
      : shared_(shared), vm_(shared.vm), heap_(shared.vm.heap()), function_(function) {}

  // Makes function->code (and fills in function->closure). Its children's code must exist.
  absl::Status Run();

 private:
  struct Dest {
    enum Kind { kEffect, kRegister, kTail, kTest } kind;
    int reg = -1;
    Label on_true, on_false;  // kTest
    Label next;               // kTest: which of them will be bound next, if known
    Taken taken;              // how many values
  };
  static Dest Effect(Taken taken = Taken::kIgnored) { return {Dest::kEffect, -1, {}, {}, {}, taken}; }
  static Dest Register(int reg, Taken taken = Taken::kOne) { return {Dest::kRegister, reg, {}, {}, {}, taken}; }
  static Dest Tail() { return {Dest::kTail, -1, {}, {}, {}, Taken::kPassedOn}; }
  static Dest Test(Label on_true, Label on_false, Label next) {
    return {Dest::kTest, -1, on_true, on_false, next, Taken::kOne};
  }

  // -- codegen.cc: functions, forms
  void CompileClause(const Clause& clause);
  void BindParameters(absl::Span<Variable* const> parameters);
  // A destination register may be a variable's, or the next free one. After it, the registers from
  // the one that was next before are free, but for the destination itself.
  void Compile(Core* core, Dest dest);
  void CompileSet(LocalSet* set);
  Core* CompileIf(If* branch, Dest dest, Label end);
  void CompileLet(Let* let);
  void CompileUnused(const Variable* v, Core* init);
  Core* CompileLetrec(LetrecForm* letrec, Dest dest);
  void MakeClosure(const Function* f, int reg);
  void MakeClosures(const std::vector<Variable*>& variables);
  std::vector<Variable*> LambdasNeededBy(LetrecForm* letrec, uint32_t init, std::vector<bool>* made);
  // `reg` holds the value of what was compiled towards `dest`.
  void Deliver(int reg, Dest dest);
  void DeliverConstant(Value v, Dest dest);
  // Where to put a value that is then delivered to `dest`.
  int Target(const Dest& dest) { return dest.kind == Dest::kRegister ? dest.reg : Top(); }
  // Emits a jump: `unless` jumps to dest.on_false, or `when`, its inverse if there is one, to
  // dest.on_true.
  void Branch(Dest dest, Op unless, std::optional<Op> when, uint32_t a, uint32_t b = 0,
              const Value* constant = nullptr);

  // -- codegen_call.cc: calls
  void CompileCall(Call* call, Dest dest);
  void CompileListCall(Call* call, Dest dest);
  void CompileJump(absl::Span<Core* const> args, absl::Span<Variable* const> parameters, Label entry);
  void CompileArguments(absl::Span<Core* const> args, int first);
  void CompilePrimitive(Call* call, uint32_t primitive, Dest dest);
  void CompileInline(Call* call, uint32_t primitive, const InlinePrimitive& p, Dest dest);
  void CompileFold(Call* call, uint32_t primitive, Op op, Dest dest);
  struct FoldStep {
    Op op;
    int left;
    int right;          // a register, or a small constant
    int second_factor;  // of a product, or -1
    bool swapped;       // the operands are `right` and `left`
  };
  FoldStep PrepareFoldStep(Op op, Core* left, int sum, Core* right);
  const Call* ProductOf(const Core* core);
  void CompileComparison(Call* call, uint32_t primitive, const InlinePrimitive& p, Dest dest);
  // The next instruction is `op`, made of a call of `primitive`. Notes which arguments its operands are, unless they
  // are the usual ones.
  void NoteOperands(Op op, uint32_t primitive, uint32_t first, uint32_t second);
  void CompileEq(Call* call, const InlinePrimitive& p, Dest dest);

  // -- Values
  void LoadConstant(int reg, Value v);
  void LoadVariable(const Variable* v, int reg);
  void LoadFree(const Variable* v, int reg);  // the box, if it lives in one
  // The register in which the variable's value stands, or -1.
  int RegisterOf(const Variable* v);
  static bool IsSimple(const Core* core) {
    return core->kind == Core::Kind::kConstant || core->kind == Core::Kind::kLocalRef ||
           core->kind == Core::Kind::kGlobalRef;
  }
  // Registers holding the operands. Complex ones are evaluated first, so that simple ones can be
  // used where they are.
  void Operands(absl::Span<Core* const> cores, int* regs);
  int Operand(Core* core);

  // -- Registers
  int Top() {
    Touch(next_);
    return next_;
  }
  int Push() {
    Touch(next_);
    return next_++;
  }
  void Touch(int reg) {
    if (reg >= frame_size_) frame_size_ = reg + 1;
  }

  CodegenShared& shared_;
  Vm& vm_;
  Heap& heap_;
  Function* function_;
  Assembler asm_;
  int next_ = 0;
  int frame_size_ = 0;
  // For calls of the function by itself in tail position.
  Label entry_;
  const Clause* clause_ = nullptr;
};

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_COMPILER_CODEGEN_H_
