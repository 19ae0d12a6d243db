#include "dim/crypto/der.h"

#include <gtest/gtest.h>

#include "dim/base/hex.h"

namespace dim::der {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

TEST(Der, ReadsElementsOneAfterAnother) {
  const Bytes bytes =
      hex("020101"
          "0402abcd"
          "0500");
  Reader reader(bytes);
  EXPECT_EQ(to_hex(reader.integer()), "01");
  EXPECT_TRUE(reader.has(kOctetString));
  EXPECT_FALSE(reader.has(kNull));
  EXPECT_EQ(to_hex(reader.next(kOctetString)), "abcd");
  EXPECT_FALSE(reader.done());
  EXPECT_TRUE(reader.next(kNull).empty());
  EXPECT_TRUE(reader.done());
}

TEST(Der, AFaultSticks) {
  const Bytes bytes =
      hex("020101"
          "0500");
  Reader reader(bytes);
  EXPECT_TRUE(reader.next(kOctetString).empty());
  EXPECT_TRUE(reader.integer().empty());
  EXPECT_FALSE(reader.has(kInteger));
  EXPECT_FALSE(reader.done());
}

TEST(Der, A07_LengthsAreDefiniteMinimalAndWithinTheInput) {
  const auto accepts = [](std::string_view text) {
    const Bytes bytes = hex(text);
    Reader reader(bytes);
    reader.next(kOctetString);
    return reader.done();
  };
  const auto filled = [](std::string_view head, std::size_t size) {
    return std::string(head) + std::string(2 * size, '0');
  };
  EXPECT_TRUE(accepts("0400"));
  EXPECT_TRUE(accepts("0401ff"));
  EXPECT_TRUE(accepts(filled("047f", 127)));
  EXPECT_TRUE(accepts(filled("048180", 128)));
  EXPECT_TRUE(accepts(filled("0481ff", 255)));
  EXPECT_TRUE(accepts(filled("04820100", 256)));
  EXPECT_TRUE(accepts(filled("0483010000", 65536)));
  for (const std::string& text :
       {std::string(""), std::string("04"), std::string("0401"), std::string("0402ff"),
        std::string("0480"), std::string("04800000"), std::string("048100"), filled("04817f", 127),
        filled("048200ff", 255), filled("0482ffff", 10), filled("04830000ff", 255),
        filled("048400000001", 1), std::string("04ff"), std::string("0481"), std::string("048201"),
        std::string("0400ff")}) {
    EXPECT_FALSE(accepts(text)) << text.substr(0, 20);
  }
}

TEST(Der, A07_IntegersAreMinimalAndNotNegative) {
  const auto read = [](std::string_view text) -> std::string {
    const Bytes bytes = hex(text);
    Reader reader(bytes);
    const std::string out = to_hex(reader.integer());
    return reader.done() ? out : "refused";
  };
  EXPECT_EQ(read("020100"), "");
  EXPECT_EQ(read("02017f"), "7f");
  EXPECT_EQ(read("02020080"), "80");
  EXPECT_EQ(read("0203010001"), "010001");
  for (const std::string_view text :
       {"0200", "020180", "0202ff00", "02020001", "0202007f", "0203000080", "02020000"}) {
    EXPECT_EQ(read(text), "refused") << text;
  }
}

TEST(Der, BitStringsHoldWholeBytes) {
  const auto read = [](std::string_view text) -> std::string {
    const Bytes bytes = hex(text);
    Reader reader(bytes);
    const std::string out = to_hex(reader.bits());
    return reader.done() ? out : "refused";
  };
  EXPECT_EQ(read("030200ff"), "ff");
  EXPECT_EQ(read("030100"), "");
  EXPECT_EQ(read("0300"), "refused");
  EXPECT_EQ(read("030204f0"), "refused");
}

TEST(Der, WritesWhatItReads) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65'535U, 65'536U}) {
    const Bytes contents(size, 0xAB);
    const Bytes bytes = element(
        kOctetString, {ByteView(contents).first(size / 2), ByteView(contents).subspan(size / 2)});
    Reader reader(bytes);
    EXPECT_EQ(reader.next(kOctetString).size(), size);
    EXPECT_TRUE(reader.done());
  }
  EXPECT_EQ(to_hex(integer({})), "020100");
  EXPECT_EQ(to_hex(integer(Bytes{0x7F})), "02017f");
  EXPECT_EQ(to_hex(integer(Bytes{0x80})), "02020080");
}

}  // namespace
}  // namespace dim::der
