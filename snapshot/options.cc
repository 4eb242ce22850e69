// snapshot_gen's command line.

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "snapshot/generator.h"

namespace islet::vm {

const char kGeneratorUsage[] =
    R"(usage: snapshot_gen [OPTION]... SCRIPT...

Evaluates the scripts, in order, in one isolate, and freezes the heap that results.

  -o FILE             where the snapshot goes (default: the first script's name with .snap)
  --emit=KIND,...     what to write (default: snap):
                        snap  the snapshot, at FILE
                        asm   FILE's name with .S, which includes the snapshot, and with .h
                        obj   FILE's name with .o, an object to link, and with .h
  --symbol NAME       the object's C name: islet_snapshot_NAME_begin and _end (default: FILE's name)
  -L DIR              look for library (a b) in DIR/a/b.sld or DIR/a/b.lisp; may be repeated
  -MD FILE            write every file that was read to FILE, as a rule for make
  --max-heap-mib N    end with an error when live objects exceed N MiB (default: 2048)
  --max-seconds N     end with an error when evaluation takes longer (default: no limit)
  --stats             print pages by kind, and objects by type
  --bootstrap         start from nothing, not from the standard library
  --help, --version
)";

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

std::string WithoutExtension(absl::string_view path) {
  const size_t dot = path.rfind('.');
  const size_t slash = path.rfind('/');
  const size_t start = slash == absl::string_view::npos ? 0 : slash + 1;
  return std::string(dot == absl::string_view::npos || dot <= start ? path : path.substr(0, dot));
}

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
      return absl::InvalidArgumentError(
          absl::StrCat("--emit takes snap, asm or obj, not '", kind, "'"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GeneratorOptions> ParseGeneratorArguments(absl::Span<const char* const> arguments) {
  GeneratorOptions options;
  size_t next = 0;
  absl::string_view argument;
  absl::Status error;
  // If the argument is `name`, with a value in it or behind it, moves past it and stores the value.
  auto take = [&](absl::string_view name, std::string* value) {
    absl::string_view rest = argument;
    if (!absl::ConsumePrefix(&rest, name)) return false;
    const bool is_long = absl::StartsWith(name, "--");
    if (rest.empty()) {
      if (next == arguments.size()) {
        error = absl::InvalidArgumentError(absl::StrCat(name, " needs a value"));
      } else {
        *value = arguments[next++];
      }
      return true;
    }
    if (is_long && !absl::ConsumePrefix(&rest, "=")) return false;
    *value = std::string(rest);
    return true;
  };

  bool only_scripts = false;
  while (next < arguments.size() && error.ok()) {
    argument = arguments[next++];
    std::string value;
    if (only_scripts || argument == "-" || !absl::StartsWith(argument, "-")) {
      options.scripts.emplace_back(argument);
    } else if (argument == "--") {
      only_scripts = true;
    } else if (argument == "--help") {
      options.help = true;
    } else if (argument == "--version") {
      options.version = true;
    } else if (argument == "--stats") {
      options.statistics = true;
    } else if (argument == "--bootstrap") {
      options.bootstrap = true;
    } else if (take("--emit", &value)) {
      if (error.ok()) error = ParseEmit(value, &options);
    } else if (take("--symbol", &options.symbol)) {
      if (error.ok() && !IsSymbol(options.symbol)) {
        error = absl::InvalidArgumentError(
            absl::StrCat("--symbol takes letters, digits and _, not '", options.symbol, "'"));
      }
    } else if (take("--max-heap-mib", &value)) {
      if (error.ok() && (!absl::SimpleAtoi(value, &options.max_heap_mib) ||
                         options.max_heap_mib == 0 || options.max_heap_mib > 4096)) {
        error = absl::InvalidArgumentError("--max-heap-mib takes a number from 1 to 4096");
      }
    } else if (take("--max-seconds", &value)) {
      if (error.ok() && (!absl::SimpleAtod(value, &options.max_seconds) ||
                         !(options.max_seconds > 0 && options.max_seconds < 1e6))) {
        error = absl::InvalidArgumentError("--max-seconds takes a positive number");
      }
    } else if (take("-MD", &options.dependency_file) || take("-o", &options.output)) {
    } else if (take("-L", &value)) {
      options.search_path.push_back(value);
    } else {
      error = absl::InvalidArgumentError(absl::StrCat("unknown option ", argument));
    }
  }
  if (!error.ok()) return error;
  if (options.help || options.version) return options;
  if (options.scripts.empty()) return absl::InvalidArgumentError("no script given");
  if (options.output.empty()) {
    options.output = absl::StrCat(WithoutExtension(options.scripts[0]), ".snap");
  }
  if (options.symbol.empty()) options.symbol = SymbolFor(options.output);
  return options;
}

}  // namespace islet::vm
