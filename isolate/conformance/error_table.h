// This table tells what happens here where R7RS-small says "it is an error", or leaves something unspecified. The cases
// stand in errors.txt, three lines each:
//
//   # 4.1.1 Variable references               a section
//   An unbound variable is referred to        the case
//     nowhere                                 what is evaluated, in an isolate of its own
//     condition unbound-variable              what comes of it: a condition of this kind, ...
//     value 5                                 ... a value, as `write` writes it, ...
//     raised thing                            ... or another object that was raised
//
// Each is evaluated, so that the table cannot say what is not so. A case that ends otherwise (a
// limit, a crash) fails. Files, the clock and randomness are granted, but in the section named
// kDeniedSection.

#ifndef ISLET_ISOLATE_CONFORMANCE_ERROR_TABLE_H_
#define ISLET_ISOLATE_CONFORMANCE_ERROR_TABLE_H_

#include <string>
#include <vector>

#include "snapshot/image.h"

namespace islet::vm {

inline constexpr char kDeniedSection[] = "What the host has not granted";

struct ErrorCase {
  std::string section;
  std::string description;
  std::string expression;
  std::string outcome;
};

// Empty, after a message to standard error, if the file is not as above.
std::vector<ErrorCase> ReadErrorCases(const char* path);
// Evaluates the expression; the outcome is told in the words of the file.
std::string OutcomeOf(const Image& image, const ErrorCase& error_case);
// The table, in Markdown.
std::string ErrorTable(const std::vector<ErrorCase>& cases);

}  // namespace islet::vm

#endif  // ISLET_ISOLATE_CONFORMANCE_ERROR_TABLE_H_
