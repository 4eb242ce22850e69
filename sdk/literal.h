// The part of a literal Value (islet/value.h) that does not fit into it: text, bytes, or other Values.

#ifndef ISLET_SDK_LITERAL_H_
#define ISLET_SDK_LITERAL_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "islet/value.h"

namespace islet {

// Shared by the copies of a Value, on any thread, and never changed. The last of them frees it.
struct Value::Payload {
  explicit Payload(std::string t) : text(std::move(t)) {}
  explicit Payload(std::vector<Value> values) : items(std::move(values)) {}

  std::atomic<uint32_t> references{1};
  Payload* next = nullptr;  // while it is being freed: what is freed after it
  std::string text;
  std::vector<Value> items;  // of a hash table: keys and values in turn
};

}  // namespace islet

#endif  // ISLET_SDK_LITERAL_H_
