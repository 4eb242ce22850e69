// The linkable forms of a snapshot.

#include "snapshot/emit.h"

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace islet::vm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ObjectFile, HasTheBytesPageAlignedBetweenItsSymbols) {
  std::vector<uint8_t> snapshot(5000);
  for (size_t i = 0; i < snapshot.size(); ++i) snapshot[i] = static_cast<uint8_t>(i * 7);
  const std::string object = ObjectFile("startup", snapshot, {.alignment = 8192, .lead = 12288});

  Elf64_Ehdr header;
  ASSERT_GE(object.size(), sizeof(header));
  std::memcpy(&header, object.data(), sizeof(header));
  EXPECT_EQ(header.e_type, ET_REL);
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  ASSERT_EQ(object.size(), header.e_shoff + sections.size() * sizeof(Elf64_Shdr));
  std::memcpy(sections.data(), object.data() + header.e_shoff, sections.size() * sizeof(Elf64_Shdr));
  const char* section_names = object.data() + sections[header.e_shstrndx].sh_offset;
  for (const Elf64_Shdr& symbols : sections) {
    if (symbols.sh_type != SHT_SYMTAB) continue;
    const char* names = object.data() + sections[symbols.sh_link].sh_offset;
    Elf64_Sym begin, end;
    std::memcpy(&begin, object.data() + symbols.sh_offset + sizeof(begin), sizeof(begin));
    std::memcpy(&end, object.data() + symbols.sh_offset + 2 * sizeof(end), sizeof(end));
    EXPECT_STREQ(names + begin.st_name, "islet_snapshot_startup_begin");
    EXPECT_STREQ(names + end.st_name, "islet_snapshot_startup_end");
    EXPECT_EQ(begin.st_value, 12288u);
    EXPECT_EQ(end.st_value, 12288 + snapshot.size());
    const Elf64_Shdr& data = sections[begin.st_shndx];
    EXPECT_STREQ(section_names + data.sh_name, ".rodata.islet_snapshot_startup");
    EXPECT_EQ(data.sh_addralign, 8192u);
    EXPECT_EQ(data.sh_flags, uint64_t{SHF_ALLOC});
    EXPECT_EQ(data.sh_size, 12288u + 8192u);
    EXPECT_EQ(std::memcmp(object.data() + data.sh_offset + begin.st_value, snapshot.data(), snapshot.size()), 0);
    return;
  }
  FAIL() << "no symbol table";
}

TEST(AssemblerSource, NamesTheFileAsGiven) {
  const std::string source = AssemblerSource("startup", "out/start \"up\".snap", {.alignment = 4096, .lead = 8192});
  EXPECT_THAT(source, HasSubstr(".incbin \"out/start \\\"up\\\".snap\"\n"));
  EXPECT_THAT(source, HasSubstr(".globl islet_snapshot_startup_begin\n"));
  EXPECT_THAT(source, HasSubstr(".balign 4096"));
  EXPECT_THAT(source, HasSubstr(".skip 8192\n"));
  EXPECT_THAT(AssemblerSource("startup", "startup.snap", {.alignment = 4096, .lead = 0}), Not(HasSubstr(".skip")));
}

TEST(DependencyRule, QuotesForMake) {
  EXPECT_EQ(DependencyRule({"a.snap", "a.h"}, {"a.lisp", "my table.txt"}),
            "a.snap a.h: \\\n  a.lisp \\\n  my\\ table.txt\n\na.lisp:\n\nmy\\ table.txt:\n");
}

}  // namespace
}  // namespace islet::vm
