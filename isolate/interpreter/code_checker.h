// Is bytecode what the interpreter takes for granted?
//
// The interpreter checks Lisp's values, not its own instructions: a register outside of the frame, a jump to a
// constant, a box that is none would read or write anywhere. What comes out of the compiler has none of these, which
// its tests check; what comes from a file has to be checked before it runs (snapshot/verify.h).
//
// Checked are, for each function by itself,
//  1. each instruction: opcode, length, registers and call windows in the frame, the list of words that are Values;
//  2. jumps: to instructions of the same function, and backwards only by `Loop`, which sees interrupts;
//  3. data flow: what is read was written on every path to it, calls taking away all registers from their window on;
//     what is used as a box, or patched as a closure, is one.
// Properties that depend on other functions (how many free variables there are, which hold boxes) are gathered as
// CodeFacts.

#ifndef ISLET_ISOLATE_INTERPRETER_CODE_CHECKER_H_
#define ISLET_ISOLATE_INTERPRETER_CODE_CHECKER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "isolate/heap/heap.h"
#include "isolate/interpreter/opcode.h"

namespace islet::vm {

// Knows what the values in instructions are.
class CodeContext {
 public:
  virtual ~CodeContext() = default;
  // A value that a program may have.
  virtual bool IsConstant(Value v) const = 0;
  virtual bool IsCell(Value v) const = 0;
  // True if the cell's pages can be written.
  virtual bool IsAssignable(Value cell) const = 0;
  // Code that closures may have.
  virtual bool IsCode(Value v) const = 0;
  // True if the primitive exists, and takes so many arguments.
  virtual bool PrimitiveTakes(uint32_t index, uint32_t argc) const = 0;
};

// The demands of a function on the closures that it runs as, and how it makes others.
struct CodeFacts {
  // The content of a new closure's free variable.
  enum class Supply : uint8_t {
    kBox,    // a box
    kOther,  // something else
    kFree,   // what the running closure's free variable number `from` is
  };
  struct Capture {
    uint32_t word;  // of the instruction
    Value code;     // the closure's
    uint32_t index;
    uint32_t from;
    Supply supply;
  };
  struct Closure {
    uint32_t word;
    Value code;
    uint32_t count;
  };

  void Clear();

  uint32_t free_count = 0;        // the running closure must have at least so many free variables
  std::vector<uint32_t> boxes;    // those that must hold boxes
  std::vector<Closure> closures;  // made here
  std::vector<Capture> captures;  // of these; boxes are left out
};

// Reused for many functions, so that it allocates little. Takes time in proportion to the code (at most some dozens of
// passes over it).
class CodeChecker {
 public:
  // Registers of a frame: the compiler uses at most 256, and a call window with 80 arguments behind them.
  static constexpr uint32_t kMaxFrame = 512;

  explicit CodeChecker(const CodeContext& context) : context_(context) {}

  // InvalidArgument, with the word's index, unless `code` is well-formed. Reads nothing outside of the object, whose
  // word_count must be right. `facts` is overwritten.
  absl::Status Check(const Code* code, CodeFacts* facts);

 private:
  struct Block {
    uint32_t at;
    enum : uint8_t { kUnreached, kEntry, kBody, kMixed } state = kUnreached;
    bool changed = false;
  };

  absl::Status CheckInstructions();
  absl::Status CheckInstruction(uint32_t at, uint32_t* ref);
  absl::Status CheckOperation(uint32_t at);
  absl::Status CheckJumps();
  absl::Status CheckFlow();
  // One pass over all blocks that have changed, or, if `kReports`, over all that are reached.
  template <bool kReports>
  absl::Status Sweep();
  // Carries the instruction out on what is known of registers. False if it does not go on with the next one.
  template <bool kReports>
  bool Step(uint32_t at);
  template <bool kReports>
  bool StepCall(uint32_t at, Op op);
  template <bool kReports>
  void StepMakeClosure(uint32_t at);
  template <bool kReports>
  void StepClosurePatch(uint32_t at);
  // Empty if an instruction with this opcode may stand where the control is; else a problem.
  absl::string_view WhyNotHere(Op op) const;
  template <bool kReports>
  void Read(uint32_t at, uint32_t reg);
  template <bool kReports>
  void UseBox(uint32_t at, uint32_t reg);
  void Supply(uint32_t at, uint32_t reg, Value code, uint32_t index);
  void Enter(uint32_t count);
  void Write(uint32_t reg);
  void Clobber(uint32_t first);
  void MergeInto(uint32_t word, uint8_t state);
  void Problem(uint32_t at, absl::string_view what);

  // Sets of registers, as bits.
  bool Has(const uint64_t* set, uint32_t reg) const { return (set[reg / 64] >> reg % 64 & 1) != 0; }
  uint64_t* assigned() { return registers_.data(); }
  uint64_t* boxes() { return registers_.data() + set_words_; }

  // The source of a register's value, known until control flow joins.
  struct Origin {
    enum : uint8_t { kUnknown, kFree, kClosure } kind = kUnknown;
    uint32_t number = 0;  // of the free variable; or the word of the MakeClosure
  };

  const CodeContext& context_;
  const Code* code_ = nullptr;
  CodeFacts* facts_ = nullptr;
  uint32_t count_ = 0;
  uint32_t frame_ = 0;
  uint32_t set_words_ = 0;
  bool has_loops_ = false;
  bool again_ = false;
  uint64_t steps_ = 0;
  uint8_t state_ = Block::kUnreached;
  // By word: 0 inside of an instruction, 1 at the start of one, 2 + n where block n starts.
  std::vector<uint32_t> starts_;
  struct Jump {
    uint32_t from;
    int64_t to;
    bool backwards_allowed;
  };
  std::vector<Jump> jumps_;
  std::vector<Block> blocks_;
  std::vector<uint64_t> block_sets_;  // 2 * set_words_ for each block: assigned registers, boxes
  std::vector<uint64_t> registers_;   // the same, where the sweep stands
  std::vector<Origin> origins_;
  absl::Status problem_;
};

// The same for code in a heap, by itself.
absl::Status CheckCode(Heap& heap, const Code* code);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_INTERPRETER_CODE_CHECKER_H_
