// snapshot_gen's command line.

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "snapshot/arguments.h"
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
  ArgumentReader reader(arguments);
  while (reader.Next()) {
    std::string value;
    if (reader.IsOperand()) {
      options.scripts.emplace_back(reader.current());
    } else if (reader.Is("--help")) {
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
        reader.Fail(
            absl::StrCat("--symbol takes letters, digits and _, not '", options.symbol, "'"));
      }
    } else if (reader.TakeMebibytes("--max-heap-mib", &options.max_heap_mib)) {
    } else if (reader.Take("--max-seconds", &value)) {
      if (reader.status().ok() && (!absl::SimpleAtod(value, &options.max_seconds) ||
                                   !(options.max_seconds > 0 && options.max_seconds < 1e6))) {
        reader.Fail("--max-seconds takes a positive number");
      }
    } else if (reader.Take("-MD", &options.dependency_file) || reader.Take("-o", &options.output)) {
    } else if (reader.Take("-L", &value)) {
      options.search_path.push_back(value);
    } else {
      reader.FailUnknown();
    }
  }
  if (!reader.status().ok()) return reader.status();
  if (options.help || options.version) return options;
  if (options.scripts.empty()) return absl::InvalidArgumentError("no script given");
  if (options.output.empty()) {
    options.output = absl::StrCat(WithoutExtension(options.scripts[0]), ".snap");
  }
  if (options.symbol.empty()) options.symbol = SymbolFor(options.output);
  return options;
}

}  // namespace islet::vm
