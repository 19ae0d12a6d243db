#include "client/public_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

namespace dim {
namespace {

bool reachable(const std::string& text) {
  sockaddr_storage storage{};
  if (text.find(':') == std::string::npos) {
    sockaddr_in in{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
    EXPECT_EQ(::inet_pton(AF_INET, text.c_str(), &in.sin_addr), 1) << text;
    std::memcpy(&storage, &in, sizeof in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &in.sin6_addr), 1) << text;
    std::memcpy(&storage, &in, sizeof in);
  }
  return is_public_address(reinterpret_cast<const sockaddr&>(storage));
}

TEST(PublicAddress, A40_RefusesWhatIsNotTheInternet) {
  for (const char* text :
       {"0.0.0.0",      "10.1.2.3",        "100.64.0.1",  "100.127.255.255",  "127.0.0.1",
        "127.255.0.1",  "169.254.169.254", "172.16.0.1",  "172.31.255.255",   "192.0.0.8",
        "192.0.2.1",    "192.88.99.1",     "192.168.1.1", "198.18.0.1",       "198.19.255.255",
        "198.51.100.7", "203.0.113.9",     "224.0.0.1",   "255.255.255.255",  "::",
        "::1",          "::ffff:8.8.8.8",  "::8.8.8.8",   "64:ff9b::808:808", "64:ff9b:1::1",
        "100::1",       "2001::1",         "2001:20::1",  "2001:db8::1",      "2002:808:808::1",
        "3fff::1",      "3fff:fff::1",     "fc00::1",     "fd12::1",          "fe80::1",
        "fec0::1",      "ff02::1"}) {
    EXPECT_FALSE(reachable(text)) << text;
  }
}

TEST(PublicAddress, A40_TakesWhatIsBesideThem) {
  for (const char* text : {"1.1.1.1",
                           "9.255.255.255",
                           "11.0.0.0",
                           "100.63.255.255",
                           "100.128.0.0",
                           "126.0.0.1",
                           "128.0.0.1",
                           "169.253.1.1",
                           "172.15.0.1",
                           "172.32.0.1",
                           "192.0.1.1",
                           "192.169.0.1",
                           "198.17.0.1",
                           "198.20.0.1",
                           "223.255.255.255",
                           "2001:200::1",
                           "2001:4860:4860::8888",
                           "2003::1",
                           "2a00:1450::1",
                           "3fff:1000::1"}) {
    EXPECT_TRUE(reachable(text)) << text;
  }
}

TEST(PublicAddress, AnotherFamilyIsNoPublicAddress) {
  sockaddr address{};
  address.sa_family = AF_UNIX;
  EXPECT_FALSE(is_public_address(address));
}

}  // namespace
}  // namespace dim
