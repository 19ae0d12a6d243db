#include "dim/crypto/pem.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

std::string read(std::string_view text) {
  const auto body = pem_body(text, {"KEY", "OTHER KEY"});
  if (!body) return body.error().code == Errc::key ? "refused" : "wrong error";
  return std::string(body->label) + ":" + to_text(body->der.view());
}

TEST(Pem, WritesLinesOf64Characters) {
  EXPECT_EQ(as_text(make_pem("KEY", as_bytes("abc")).view()),
            "-----BEGIN KEY-----\nYWJj\n-----END KEY-----\n");
  const Bytes bytes(100, 0);
  EXPECT_EQ(as_text(make_pem("KEY", bytes).view()), "-----BEGIN KEY-----\n" + std::string(64, 'A') +
                                                        "\n" + std::string(64, 'A') + "\n" +
                                                        "AAAAAA==\n-----END KEY-----\n");
  EXPECT_EQ(as_text(make_pem("KEY", Bytes(48)).view()),
            "-----BEGIN KEY-----\n" + std::string(64, 'A') + "\n-----END KEY-----\n");
}

TEST(Pem, WhiteSpaceMayBeAnythingOrMissing) {
  for (const std::string_view text : {"-----BEGIN KEY-----\nYWJj\n-----END KEY-----\n",
                                      "-----BEGIN KEY-----\nYWJj\n-----END KEY-----",
                                      "-----BEGIN KEY-----\r\nYW\r\nJj\r\n-----END KEY-----\r\n",
                                      "-----BEGIN KEY-----YWJj-----END KEY-----",
                                      "\n\n -----BEGIN KEY----- Y W\tJ j -----END KEY----- \n\n"}) {
    EXPECT_EQ(read(text), "KEY:abc") << text;
  }
}

TEST(Pem, OtherBlocksMayStandBeside) {
  constexpr std::string_view foreign =
      "-----BEGIN PARAMETERS-----\nAAAA\n-----END PARAMETERS-----\n";
  constexpr std::string_view key = "-----BEGIN OTHER KEY-----\nYWJj\n-----END OTHER KEY-----\n";
  EXPECT_EQ(read(std::string(foreign) + std::string(key)), "OTHER KEY:abc");
  EXPECT_EQ(read(std::string(key) + std::string(foreign)), "OTHER KEY:abc");
  EXPECT_EQ(read(foreign), "refused");
  EXPECT_EQ(read(std::string(key) + std::string(key)), "refused");
}

TEST(Pem, EverythingElseIsRefused) {
  for (const std::string_view text :
       {"", "hello", "YWJj", "-----BEGIN KEY-----", "-----BEGIN KEY-----\nYWJj",
        "-----BEGIN KEY-----\nYWJj\n-----END OTHER KEY-----",
        "-----BEGIN KEY-----\nYWJj\n-----END KEY----", "-----BEGIN KEY-----\n-----END KEY-----",
        "-----BEGIN KEY-----\nYW!j\n-----END KEY-----",
        "-----BEGIN KEY-----\nYWJj=\n-----END KEY-----",
        "x -----BEGIN KEY-----\nYWJj\n-----END KEY-----",
        "-----BEGIN KEY-----\nYWJj\n-----END KEY-----\nx",
        "-----BEGIN KEYS-----\nYWJj\n-----END KEYS-----",
        "----BEGIN KEY-----\nYWJj\n-----END KEY-----",
        "-----BEGIN KEY-----\nProc-Type: 4,ENCRYPTED\n\nYWJj\n-----END KEY-----",
        "-----BEGIN KEY-----\nYWJj\n-----BEGIN KEY-----\nYWJj\n-----END KEY-----"}) {
    EXPECT_EQ(read(text), "refused") << text;
  }
}

TEST(Pem, LongTextIsRefusedUnread) {
  const std::string key = "-----BEGIN KEY-----\nYWJj\n-----END KEY-----";
  EXPECT_EQ(read(key + std::string(16 * 1024 - key.size(), ' ')), "KEY:abc");
  EXPECT_EQ(read(key + std::string(16 * 1024 - key.size() + 1, ' ')), "refused");
}

}  // namespace
}  // namespace dim
