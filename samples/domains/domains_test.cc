// Every vector of the Public Suffix List's own test file, in the list's own terms: checkPublicSuffix(host, domain).

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "islet/isolate.h"
#include "samples/domains/startup.h"

ISLET_EMBEDDED_SNAPSHOT(startup);

namespace {

struct Vector {
  std::string host;
  std::string domain;  // empty: null
  bool null_host = false;
};

// The arguments of a line "checkPublicSuffix('a', null);".
bool ParseLine(const std::string& line, Vector* vector) {
  const std::string call = "checkPublicSuffix(";
  if (line.compare(0, call.size(), call) != 0) return false;
  std::string rest = line.substr(call.size());
  std::vector<std::string> arguments;
  std::vector<bool> nulls;
  while (arguments.size() < 2) {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == ',')) rest.erase(0, 1);
    if (rest.compare(0, 4, "null") == 0) {
      arguments.emplace_back();
      nulls.push_back(true);
      rest.erase(0, 4);
    } else if (!rest.empty() && rest[0] == '\'') {
      const size_t end = rest.find('\'', 1);
      arguments.push_back(rest.substr(1, end - 1));
      nulls.push_back(false);
      rest.erase(0, end + 1);
    } else {
      ADD_FAILURE() << "cannot read " << line;
      return false;
    }
  }
  *vector = {arguments[0], arguments[1], nulls[0]};
  return true;
}

TEST(DomainsTest, OfficialVectors) {
  std::ifstream file("/usr/share/doc/publicsuffix/examples/test_psl.txt");
  ASSERT_TRUE(file) << "the package publicsuffix is missing";
  auto snapshot = islet::Snapshot::FromEmbedded(startup);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  int checked = 0;
  for (std::string line; std::getline(file, line);) {
    Vector vector;
    if (!ParseLine(line, &vector) || vector.null_host) continue;
    auto isolate = islet::Isolate::FromSnapshot(*snapshot);
    ASSERT_TRUE(isolate.ok()) << isolate.status();
    islet::Isolate::Scope scope(**isolate);
    auto answer = (*isolate)->Call("registrable-domain", {islet::String(vector.host)});
    ASSERT_TRUE(answer.ok()) << answer.status();
    if (vector.domain.empty()) {
      EXPECT_TRUE(answer->IsFalse()) << vector.host << " gave " << answer->Print();
    } else {
      EXPECT_EQ(answer->ToString().value_or(answer->Print()), vector.domain) << vector.host;
    }
    ++checked;
  }
  EXPECT_GE(checked, 70);
}

// A null host is no string: the call fails, with the reason, and the isolate goes on.
TEST(DomainsTest, NullHost) {
  auto snapshot = islet::Snapshot::FromEmbedded(startup);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  auto isolate = islet::Isolate::FromSnapshot(*snapshot);
  ASSERT_TRUE(isolate.ok()) << isolate.status();
  islet::Isolate::Scope scope(**isolate);
  auto answer = (*isolate)->Call("registrable-domain", {islet::Null()});
  ASSERT_FALSE(answer.ok());
  EXPECT_NE(answer.status().message().find("string-downcase"), absl::string_view::npos) << answer.status();
  auto after = (*isolate)->Call("registrable-domain", {islet::String("www.example.com")});
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->ToString().value_or(""), "example.com");
}

}  // namespace
