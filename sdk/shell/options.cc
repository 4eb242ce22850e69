#include "sdk/shell/options.h"

#include "snapshot/arguments.h"

namespace islet::shell {

const char kUsage[] =
    R"(usage: islet [OPTION]... [FILE [ARGUMENT]...]
       islet [OPTION]... -e EXPRESSION [ARGUMENT]...

Runs FILE, a program in Scheme (R7RS). `-`, or no FILE, means standard input;
but at a terminal, what you type is read, evaluated and printed form by form.

  -e EXPRESSION       evaluate it, instead of a FILE; may be repeated
  -p EXPRESSION       evaluate it and print its values; may be repeated
  -i                  afterwards, read, evaluate and print from standard input
  -L DIR              look for library (a b) in DIR/a/b.sld or DIR/a/b.lisp; may
                      be repeated. FILE's own directory comes last; without a
                      FILE, the working directory
  --snapshot FILE     start from this snapshot, not from the standard library
  --max-heap-mib N    end with an error when live objects exceed N MiB (default:
                      1020, the most there can be)
  --time              print time, allocation and collections to standard error
  --disassemble NAME  afterwards, print the bytecode of a procedure
  -h, --help
  --version

(command-line) is FILE, or islet, and the ARGUMENTs. The exit status is that of
(exit), 1 after an error, 2 for a command line that makes no sense.
)";

absl::StatusOr<Options> ParseArguments(absl::Span<const char* const> arguments) {
  Options options;
  vm::ArgumentReader reader(arguments);
  auto take_rest = [&] {
    for (const char* argument : reader.TakeRest()) options.arguments.emplace_back(argument);
  };
  while (reader.Next()) {
    std::string value;
    if (reader.IsOperand()) {
      if (options.expressions.empty()) {
        options.file = std::string(reader.current());
        if (options.file.empty()) reader.Fail("the file's name is empty");
      } else {
        options.arguments.emplace_back(reader.current());
      }
      take_rest();
    } else if (reader.Is("--help") || reader.Is("-h")) {
      options.help = true;
    } else if (reader.Is("--version")) {
      options.version = true;
    } else if (reader.Is("--time")) {
      options.time = true;
    } else if (reader.Is("-i")) {
      options.interactive = true;
    } else if (reader.Take("--snapshot", &options.snapshot)) {
      if (options.snapshot.empty()) reader.Fail("--snapshot needs a file's name");
    } else if (reader.Take("--disassemble", &options.disassemble)) {
      if (options.disassemble.empty()) reader.Fail("--disassemble needs the name of a procedure");
    } else if (reader.TakeMebibytes("--max-heap-mib", kMostHeapMib, &options.max_heap_mib)) {
    } else if (reader.Take("-e", &value)) {
      options.expressions.push_back({value, false});
    } else if (reader.Take("-p", &value)) {
      options.expressions.push_back({value, true});
    } else if (reader.Take("-L", &value)) {
      options.library_path.push_back(value);
    } else {
      reader.FailUnknown();
    }
  }
  if (!reader.status().ok()) return reader.status();
  return options;
}

}  // namespace islet::shell
