#include "server/neighbour.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

TEST(AddressPrefix, A20_HoldsTheAddressesOfItsNetworkOnly) {
  struct Case {
    const char* prefix;
    const char* address;
    bool inside;
  };
  for (const Case& one :
       {Case{"2001:db8::/32", "2001:db8:ffff::1", true},
        Case{"2001:db8::/32", "2001:db9::1", false}, Case{"2001:db8::1", "2001:db8::1", true},
        Case{"2001:db8::1", "2001:db8::2", false},
        Case{"2001:db8:0:8000::/49", "2001:db8:0:ffff::1", true},
        Case{"2001:db8:0:8000::/49", "2001:db8:0:7fff::1", false},
        Case{"192.0.2.0/24", "::ffff:192.0.2.77", true}, Case{"192.0.2.0/24", "192.0.2.77", true},
        Case{"192.0.2.0/24", "::ffff:192.0.3.77", false},
        Case{"192.0.2.0/24", "2001:db8::1", false}, Case{"::/0", "2001:db8::1", true},
        Case{"::/0", "no address", false}}) {
    const auto prefix = AddressPrefix::parse(one.prefix);
    ASSERT_TRUE(prefix.has_value()) << one.prefix;
    EXPECT_EQ(prefix->contains(one.address), one.inside) << one.prefix << " " << one.address;
  }
  for (const char* wrong : {"", "/", "2001:db8::/129", "192.0.2.0/33", "2001:db8::/", "::/x",
                            "::/8 ", "example.org", "::/-1"})
    EXPECT_FALSE(AddressPrefix::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace dim
