#include "dim/base/base64.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

struct Pair {
  std::string_view plain;
  std::string_view encoded;
};

// RFC 4648 section 10.
constexpr Pair kRfc[] = {{"", ""},
                         {"f", "Zg=="},
                         {"fo", "Zm8="},
                         {"foo", "Zm9v"},
                         {"foob", "Zm9vYg=="},
                         {"fooba", "Zm9vYmE="},
                         {"foobar", "Zm9vYmFy"}};

TEST(Base64, MatchesRfc4648) {
  for (const auto& [plain, encoded] : kRfc) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(from_base64(encoded), to_bytes(plain)) << encoded;
  }
}

TEST(Base64, A35_PaddingMayBeMissingAsAWhole) {
  for (const auto& [plain, encoded] : kRfc) {
    EXPECT_EQ(from_base64(encoded.substr(0, encoded.find('='))), to_bytes(plain)) << encoded;
  }
}

TEST(Base64, J12_RefusesWrongPadding) {
  for (const std::string_view text : {"====", "=", "==", "===", "Zg=", "Zm8==", "Zm9v=", "Zm9v====",
                                      "Zg==Zg==", "Z===", "Zg=a", "=Zg=", "Zm8=Zm8="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Base64, J12_RefusesWhiteSpaceAndForeignCharacters) {
  for (const std::string_view text : {" Zm9v", "Zm9v ", "Zm9v\n", "Zm\n9v", "Zm9v\r\n", "-_-_",
                                      "Zm9_", "Zm-v", "Zm.v", "Z!9v", "Zm9v\xC3\xA9",
                                      "Zm9"
                                      "\x80"}) {
    const auto bytes = from_base64(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().code, Errc::encoding);
  }
  using namespace std::string_view_literals;
  EXPECT_FALSE(from_base64("Zm9\0"sv));
}

TEST(Base64, J12_RefusesTrailingBitsThatAreNotZero) {
  for (const std::string_view text : {"Zh==", "Zv==", "Zh", "Zm9=", "Zm+=", "Zm9"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Base64, RefusesALengthThatNoBytesHave) {
  for (const std::string_view text : {"A", "AAAAA"}) EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Base64, ReadsBackEveryLengthAndByte) {
  Bytes bytes;
  for (unsigned size = 0; size < 300; ++size) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes) << size;
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes) << size;
    bytes.push_back(static_cast<std::uint8_t>(size * 151 + 7));
  }
}

TEST(Base64, OneTextForEachByteString) {
  // Whatever is accepted with padding is what the encoder would have written: no second text of the
  // same bytes.
  constexpr std::string_view characters = "AQgw=/_";
  std::string text(4, 'A');
  for (const char a : characters) {
    for (const char b : characters) {
      for (const char c : characters) {
        for (const char d : characters) {
          text = {a, b, c, d};
          if (const auto bytes = from_base64(text)) {
            EXPECT_EQ(to_base64(*bytes), text);
          }
        }
      }
    }
  }
}

TEST(Base64Url, UsesItsOwnAlphabetWithoutPadding) {
  const Bytes bytes = {0xFB, 0xFF, 0xBF, 0xFE};
  EXPECT_EQ(to_base64url(bytes), "-_-__g");
  EXPECT_EQ(from_base64url("-_-__g"), bytes);
  for (const std::string_view text : {"-_-__g==", "+/+//g", "-_-__h", "-"})
    EXPECT_FALSE(from_base64url(text)) << text;
}

}  // namespace
}  // namespace dim
