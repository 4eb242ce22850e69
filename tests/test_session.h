// An isolate that starts from the standard snapshot, for tests of what a user would see.

#ifndef ISLET_TESTS_TEST_SESSION_H_
#define ISLET_TESTS_TEST_SESSION_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "isolate/evaluator/evaluator.h"
#include "isolate/lib/standard.h"
#include "isolate/printer/printer.h"
#include "isolate/runtime/primitives.h"
#include "snapshot/image.h"

namespace islet::vm {

class Session {
 public:
  explicit Session(const VmOptions& options = {})
      : Session(Image::FromEmbedded(islet_snapshot_standard_begin, islet_snapshot_standard_end, AllPrimitives()),
                options) {}
  explicit Session(const std::vector<uint8_t>& snapshot)
      : Session(Image::FromBytes(snapshot, AllPrimitives()), VmOptions()) {}

  // The last value as text, or "error: ...".
  std::string Run(absl::string_view text) {
    const absl::StatusOr<Value> value = evaluator_->EvalString(text, "test.lisp");
    status_ = value.status();
    if (!value.ok()) return absl::StrCat("error: ", value.status().message());
    return Print(*vm_, *value, PrintMode::kWrite);
  }
  absl::StatusCode code() const { return status_.code(); }
  Vm& vm() { return *vm_; }

 private:
  Session(absl::StatusOr<std::shared_ptr<const Image>> image, const VmOptions& options) : image_(*std::move(image)) {
    vm_ = *NewVm(*image_, options);
    evaluator_ = std::make_unique<Evaluator>(*vm_);
  }

  std::shared_ptr<const Image> image_;
  std::unique_ptr<Vm> vm_;
  std::unique_ptr<Evaluator> evaluator_;
  absl::Status status_;
};

}  // namespace islet::vm

#endif  // ISLET_TESTS_TEST_SESSION_H_
