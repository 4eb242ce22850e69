#include "snapshot/emit.h"

#include <elf.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "isolate/heap/cage.h"
#include "isolate/heap/pages.h"
#include "snapshot/snapshot_generated.h"

namespace islet::vm {
namespace {

std::string Section(absl::string_view symbol) {
  // Linkers merge .rodata.* into .rodata; a section of its own lets --gc-sections drop a snapshot
  // that nothing refers to.
  return absl::StrCat(".rodata.islet_snapshot_", symbol);
}

template <typename T>
void AppendRaw(std::string* out, const T& value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

// A string table as ELF has it; returns the offset of what is added.
uint32_t AddName(std::string* table, absl::string_view name) {
  const uint32_t offset = static_cast<uint32_t>(table->size());
  absl::StrAppend(table, name);
  table->push_back('\0');
  return offset;
}

constexpr uint16_t kMachine =
#if defined(__x86_64__)
    EM_X86_64;
#elif defined(__aarch64__)
    EM_AARCH64;
#elif defined(__riscv)
    EM_RISCV;
#else
#error "ObjectFile does not know this machine"
#endif

}  // namespace

Placement Placement::Of(absl::Span<const uint8_t> snapshot) {
  const format::Snapshot* table = format::GetSnapshot(snapshot.data());
  const format::Space* writable = table->spaces()->Get(0);
  const format::Space* read_only = table->spaces()->Get(1);
  const uint64_t header = static_cast<uint64_t>(table->image()->data() - snapshot.data());
  if (table->image()->size() < 2 * kHugePageSize) return Placement();
  constexpr uint64_t kAnyCage = uint64_t{4} << 30;  // of a large image, the phase is the same in all
  const uint64_t phase =
      CageLayout::For(kAnyCage, writable->pages() * kPageSize, read_only->pages() * kPageSize).BasePhase();
  return {.alignment = kHugePageSize, .lead = (phase + kHugePageSize - header % kHugePageSize) % kHugePageSize};
}

std::string AssemblerSource(absl::string_view symbol, absl::string_view snapshot_path, const Placement& placement) {
  const std::string path = absl::StrReplaceAll(snapshot_path, {{"\\", "\\\\"}, {"\"", "\\\""}});
  const std::string name = absl::StrCat("islet_snapshot_", symbol);
  // GNU's assembler warns of `.skip 0`.
  const std::string lead = placement.lead == 0 ? "" : absl::StrCat(".skip ", placement.lead, "\n");
  return absl::StrCat(kMadeBy,
                      ".\n"
                      ".section ",
                      Section(symbol),
                      ", \"a\", @progbits\n"
                      ".balign ",
                      placement.alignment, "  // pages are mapped from the executable's own file\n", lead, ".globl ",
                      name,
                      "_begin\n"
                      ".type ",
                      name, "_begin, @object\n", name,
                      "_begin:\n"
                      ".incbin \"",
                      path,
                      "\"\n"
                      ".globl ",
                      name,
                      "_end\n"
                      ".type ",
                      name, "_end, @object\n", name,
                      "_end:\n"
                      ".size ",
                      name, "_begin, . - ", name,
                      "_begin\n"
                      ".balign 4096  // nothing else shares the last page\n"
                      ".section .note.GNU-stack, \"\", @progbits\n");
}

namespace {

Elf64_Ehdr ObjectHeader(uint64_t sections_at, uint16_t sections, uint16_t names_section) {
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  header.e_machine = kMachine;
  header.e_version = EV_CURRENT;
  header.e_shoff = sections_at;
  header.e_ehsize = sizeof(header);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = sections;
  header.e_shstrndx = names_section;
  return header;
}

}  // namespace

std::string ObjectFile(absl::string_view symbol, absl::Span<const uint8_t> snapshot, const Placement& placement) {
  constexpr uint64_t kTableAlignment = alignof(Elf64_Sym);
  enum { kNull, kData, kStackNote, kSymbols, kStrings, kSectionNames, kSectionCount };

  std::string names(1, '\0'), section_names(1, '\0');
  Elf64_Sym symbols[3] = {};
  symbols[1].st_name = AddName(&names, absl::StrCat("islet_snapshot_", symbol, "_begin"));
  symbols[1].st_size = snapshot.size();
  symbols[2].st_name = AddName(&names, absl::StrCat("islet_snapshot_", symbol, "_end"));
  symbols[1].st_value = placement.lead;
  symbols[2].st_value = placement.lead + snapshot.size();
  for (int i : {1, 2}) {
    symbols[i].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
    symbols[i].st_shndx = kData;
  }

  Elf64_Shdr sections[kSectionCount] = {};
  auto describe = [&](int i, absl::string_view name, uint32_t type, uint64_t size, uint64_t alignment) {
    sections[i].sh_name = AddName(&section_names, name);
    sections[i].sh_type = type;
    sections[i].sh_size = size;
    sections[i].sh_addralign = alignment;
  };
  // Whole pages, so that nothing else shares the last one.
  const uint64_t data_size = RoundUp(placement.lead + snapshot.size(), kPageSize);
  describe(kData, Section(symbol), SHT_PROGBITS, data_size, placement.alignment);
  sections[kData].sh_flags = SHF_ALLOC;
  describe(kStackNote, ".note.GNU-stack", SHT_PROGBITS, 0, 1);
  describe(kSymbols, ".symtab", SHT_SYMTAB, sizeof(symbols), kTableAlignment);
  sections[kSymbols].sh_link = kStrings;
  sections[kSymbols].sh_info = 1;  // the first global symbol
  sections[kSymbols].sh_entsize = sizeof(Elf64_Sym);
  describe(kStrings, ".strtab", SHT_STRTAB, names.size(), 1);
  describe(kSectionNames, ".shstrtab", SHT_STRTAB, 0, 1);
  sections[kSectionNames].sh_size = section_names.size();

  // The header, the data at the next page, then the tables.
  uint64_t at = kPageSize;
  for (int i = kData; i < kSectionCount; ++i) {
    sections[i].sh_offset = RoundUp(at, kTableAlignment);
    at = sections[i].sh_offset + sections[i].sh_size;
  }
  at = RoundUp(at, kTableAlignment);

  std::string out;
  out.reserve(at + sizeof(sections));
  AppendRaw(&out, ObjectHeader(at, kSectionCount, kSectionNames));
  auto go_to = [&](uint64_t offset) { out.resize(offset, '\0'); };
  go_to(sections[kData].sh_offset + placement.lead);
  out.append(reinterpret_cast<const char*>(snapshot.data()), snapshot.size());
  go_to(sections[kSymbols].sh_offset);
  AppendRaw(&out, symbols);
  go_to(sections[kStrings].sh_offset);
  out += names;
  go_to(sections[kSectionNames].sh_offset);
  out += section_names;
  go_to(at);
  AppendRaw(&out, sections);
  return out;
}

std::string HeaderSource(absl::string_view symbol) {
  return absl::StrCat(kMadeBy,
                      ": a snapshot in this program's .rodata.\n"
                      "#ifndef ISLET_SNAPSHOT_",
                      symbol,
                      "_H_\n"
                      "#define ISLET_SNAPSHOT_",
                      symbol,
                      "_H_\n"
                      "\n"
                      "#ifdef __cplusplus\n"
                      "extern \"C\" {\n"
                      "#endif\n"
                      "extern const unsigned char islet_snapshot_",
                      symbol,
                      "_begin[];\n"
                      "extern const unsigned char islet_snapshot_",
                      symbol,
                      "_end[];\n"
                      "#ifdef __cplusplus\n"
                      "}\n"
                      "#endif\n"
                      "\n"
                      "#endif\n");
}

std::string DependencyRule(absl::Span<const std::string> outputs, absl::Span<const std::string> inputs) {
  auto quote = [](const std::string& path) {
    return absl::StrReplaceAll(path, {{" ", "\\ "}, {"#", "\\#"}, {"$", "$$"}});
  };
  std::string rule;
  for (const std::string& output : outputs) {
    absl::StrAppend(&rule, rule.empty() ? "" : " ", quote(output));
  }
  rule += ":";
  for (const std::string& input : inputs) absl::StrAppend(&rule, " \\\n  ", quote(input));
  rule += "\n";
  // Without these make would stop when an input has been renamed or deleted.
  for (const std::string& input : inputs) absl::StrAppend(&rule, "\n", quote(input), ":\n");
  return rule;
}

}  // namespace islet::vm
