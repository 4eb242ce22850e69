// snapshot_gen's command line.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "snapshot/arguments.h"
#include "snapshot/generator.h"

namespace islet::vm {

std::string GeneratorUsage() {
  return absl::StrFormat(
      R"(usage: snapshot_gen [OPTION]... SCRIPT...

Evaluates the scripts, in order, in one isolate, and freezes the heap that results.
A SCRIPT that is `-` is read from standard input.

  -o FILE             where the snapshot goes (default: the first script's name with .snap);
                      `-`: to standard output. What the scripts print goes to standard error then
  --emit=KIND,...     what to write (default: snap):
                        snap  the snapshot, at FILE
                        asm   FILE's name with .S, which includes the snapshot, and with .h
                        obj   FILE's name with .o, an object to link, and with .h
  --symbol NAME       the object's C name: islet_snapshot_NAME_begin and _end (default: FILE's name)
  -L DIR              look for library (a b) in DIR/a/b.sld or DIR/a/b.lisp; may be repeated
  -MD                 write every file that was read to FILE's name with .d, as a rule for make
  -MF FILE            to this file instead; `-MD NAME.d` does the same
  --max-heap-mib N    end with an error when live objects exceed N MiB (default: %d, the most that
                      there can be; a snapshot takes as much at most)
  --max-seconds N     end with an error when evaluation takes more than N seconds of processor time,
                      or ten times that by the clock (default: %g; none: no limit)
  --stats             print pages by kind, and objects by type
  --bootstrap         start from nothing, not from the standard library
  -h, --help
  --version

No output overwrites what was read to make it. After an error, or Ctrl-C, all outputs are as they
were. Of an option that is given twice, the last counts.
)",
      kMostHeapMib, GeneratorOptions().max_seconds);
}

namespace {

// A name that can be part of a C identifier.
std::string SymbolFor(absl::string_view path) {
  const size_t slash = path.rfind('/');
  std::string name(slash == absl::string_view::npos ? path : path.substr(slash + 1));
  if (const size_t dot = name.find('.', 1); dot != std::string::npos) name.resize(dot);
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

bool IsSymbol(absl::string_view name) {
  for (char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  return !name.empty();
}

}  // namespace

std::string WithoutExtension(absl::string_view path) {
  const size_t dot = path.rfind('.');
  const size_t slash = path.rfind('/');
  const size_t start = slash == absl::string_view::npos ? 0 : slash + 1;
  return std::string(dot == absl::string_view::npos || dot <= start ? path : path.substr(0, dot));
}

namespace {

absl::Status ParseEmit(absl::string_view kinds, GeneratorOptions* options) {
  options->emit_snap = options->emit_asm = options->emit_obj = false;
  for (absl::string_view kind : absl::StrSplit(kinds, ',')) {
    if (kind == "snap") {
      options->emit_snap = true;
    } else if (kind == "asm") {
      options->emit_asm = options->emit_snap = true;
    } else if (kind == "obj") {
      options->emit_obj = true;
    } else {
      return absl::InvalidArgumentError(absl::StrCat("--emit takes snap, asm or obj, not '", kind, "'"));
    }
  }
  return absl::OkStatus();
}

// Checks that options go together, and derives those that were not given from the others.
absl::Status CompleteOptions(bool derive_dependency_file, GeneratorOptions* options) {
  if (options->scripts.empty()) return absl::InvalidArgumentError("no script given");
  if (std::count(options->scripts.begin(), options->scripts.end(), "-") > 1) {
    return absl::InvalidArgumentError("standard input (-) can be read only once");
  }
  if (options->output.empty() && options->scripts[0] == "-") {
    return absl::InvalidArgumentError("a script from standard input has no name to call the snapshot by; give -o FILE");
  }
  if (options->output.empty()) {
    options->output = absl::StrCat(WithoutExtension(options->scripts[0]), ".snap");
  }
  if (options->output == "-" && (options->emit_asm || options->emit_obj)) {
    return absl::InvalidArgumentError("standard output (-o -) has room for --emit=snap only, not for several files");
  }
  if (derive_dependency_file && options->dependency_file.empty()) {
    if (options->output == "-") {
      return absl::InvalidArgumentError("standard output (-o -) has no name to call -MD's file by; give -MF FILE");
    }
    options->dependency_file = absl::StrCat(WithoutExtension(options->output), ".d");
  }
  if (options->symbol.empty()) options->symbol = SymbolFor(options->output);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GeneratorOptions> ParseGeneratorArguments(absl::Span<const char* const> arguments) {
  GeneratorOptions options;
  bool derive_dependency_file = false;
  ArgumentReader reader(arguments);
  while (reader.Next()) {
    std::string value;
    if (reader.IsOperand()) {
      options.scripts.emplace_back(reader.current());
    } else if (reader.Is("--help") || reader.Is("-h")) {
      options.help = true;
    } else if (reader.Is("--version")) {
      options.version = true;
    } else if (reader.Is("--stats")) {
      options.statistics = true;
    } else if (reader.Is("--bootstrap")) {
      options.bootstrap = true;
    } else if (reader.Take("--emit", &value)) {
      if (reader.status().ok()) {
        if (absl::Status status = ParseEmit(value, &options); !status.ok()) reader.Fail(status.message());
      }
    } else if (reader.Take("--symbol", &options.symbol)) {
      if (reader.status().ok() && !IsSymbol(options.symbol)) {
        reader.Fail(absl::StrCat("--symbol takes letters, digits and _, not '", options.symbol, "'"));
      }
    } else if (reader.TakeMebibytes("--max-heap-mib", kMostHeapMib, &options.max_heap_mib)) {
    } else if (reader.TakeSeconds("--max-seconds", &options.max_seconds)) {
    } else if (reader.Is("-MD")) {
      derive_dependency_file = true;
      // Compilers' -MD takes no name. This one once did, and still knows one when it sees it.
      if (absl::EndsWith(reader.following(), ".d")) options.dependency_file = reader.TakeFollowing();
    } else if (reader.Take("-MD", &options.dependency_file) || reader.Take("-MF", &options.dependency_file)) {
      if (options.dependency_file.empty()) reader.Fail("-MF needs a file's name");
    } else if (reader.Take("-o", &options.output)) {
      if (options.output.empty()) reader.Fail("-o needs a file's name");
    } else if (reader.Take("-L", &value)) {
      options.search_path.push_back(value);
    } else {
      reader.FailUnknown();
    }
  }
  if (!reader.status().ok()) return reader.status();
  if (options.help || options.version) return options;
  if (absl::Status status = CompleteOptions(derive_dependency_file, &options); !status.ok()) return status;
  return options;
}

}  // namespace islet::vm
