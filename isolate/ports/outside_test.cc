#include "isolate/ports/outside.h"

#include <memory>

#include "gtest/gtest.h"
#include "isolate/reader/test_vm.h"

namespace islet::vm {
namespace {

TEST(OutsideTest, NothingIsGrantedAtFirst) {
  auto vm = MakeTestVm();
  EXPECT_EQ(FindOutside(*vm), nullptr);
  const Outside& outside = OutsideOf(*vm);
  EXPECT_EQ(FindOutside(*vm), &outside);
  EXPECT_EQ(outside.system, SystemGrants());
  EXPECT_EQ(outside.ports.files, nullptr);
  EXPECT_FALSE(outside.ports.has_streams());
  EXPECT_EQ(OutsideDifference(*vm, *MakeTestVm()), "");
}

TEST(OutsideTest, DiffersByWhatWasGrantedAndHowMuchOfItWasHad) {
  auto vm = MakeTestVm();
  auto other = MakeTestVm();
  const auto system = [&](auto change) {
    change(SystemGrantsOf(*vm));
    EXPECT_EQ(OutsideDifference(*vm, *other), "capabilities, or what it knows of its process");
    change(SystemGrantsOf(*other));
    EXPECT_EQ(OutsideDifference(*vm, *other), "");
  };
  system([](SystemGrants& grants) { grants.clock = SystemClock().get(); });
  system([](SystemGrants& grants) { grants.randomness = SystemRandomness().get(); });
  system([](SystemGrants& grants) { grants.random_bytes_drawn = 32; });
  system([](SystemGrants& grants) { grants.command_line = {"program"}; });
  system([](SystemGrants& grants) { grants.environment = {{"HOME", "/"}}; });
  PortTableOf(*vm).GrantFiles(ProcessFiles().get());
  EXPECT_EQ(OutsideDifference(*vm, *other), "files");
  other = MakeTestVm();
  OutsideOf(*other).CopyFrom(OutsideOf(*vm));
  EXPECT_EQ(SystemGrantsOf(*other), SystemGrantsOf(*vm));
}

}  // namespace
}  // namespace islet::vm
