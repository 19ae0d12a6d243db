#include "dim/native/suite.h"

namespace dim::native {

Status check_suite(std::uint8_t suite) {
  switch (suite) {
    case kSuite:
      return {};
    case kSuitePostQuantum:
      return fail(Errc::native,
                  "suite 0x11 (post-quantum) is reserved and not spoken yet; right is 0x10");
    case kSuiteMls:
      return fail(Errc::native, "suite 0x20 (MLS) is reserved and not spoken yet; right is 0x10");
    default:
      return fail(Errc::native, "the suite is unknown; right is 0x10");
  }
}

}  // namespace dim::native
