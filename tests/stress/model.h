// A model of an isolate of startup.lisp: each operation changes isolate and model, and compares their answers.

#ifndef ISLET_TESTS_STRESS_MODEL_H_
#define ISLET_TESTS_STRESS_MODEL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "islet/isolate.h"

namespace islet::stress {

struct Model {
  int64_t counter = 0;
  std::deque<int64_t> items;  // newest first
  std::map<std::string, int64_t> table;
  std::map<std::string, int64_t> named;    // by symbols
  std::map<int64_t, int64_t> cells;        // those that are not 0
  std::vector<int64_t> blobs;              // (blob-sum), newest first
  int64_t produced = 0;                    // calls of (next!)
  std::map<std::string, int64_t> defined;  // by Eval: procedures of no arguments, and what they return
  // Something has run in it of which nobody knows how far it has come: nothing is compared any more.
  bool unknown = false;

  // Holds the same as the snapshot.
  Model();
  // As (digest) writes it.
  std::string Digest() const;
};

}  // namespace islet::stress

#endif  // ISLET_TESTS_STRESS_MODEL_H_
