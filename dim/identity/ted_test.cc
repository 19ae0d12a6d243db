#include "dim/identity/ted.h"

#include <limits>

#include "dim/base/base64.h"
#include "dim/base/hex.h"

namespace dim {
namespace {

const Bytes kBytes = {0x51, 0xB5, 0x17, 0xC2, 0x36, 0x14, 0xB5, 0x01, 0xB6, 0x6B, 0x23, 0xE5};

Json json(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? *value : Json();
}

TEST(TransportableData, ReadsEveryFormOfBothGenerations) {
  for (const std::string_view form :
       {R"("UbUXwjYUtQG2ayPl")", R"("base64,UbUXwjYUtQG2ayPl")",
        R"("hex,51b517c23614b501b66b23e5")", R"("base58,2YRv2U7Yrs3wqTgck")",
        R"("data:image/png;base64,UbUXwjYUtQG2ayPl")",
        R"("data:image/png;filename=a.png;base64,UbUXwjYUtQG2ayPl")",
        R"({"algorithm":"base64","data":"UbUXwjYUtQG2ayPl"})", R"({"data":"UbUXwjYUtQG2ayPl"})",
        R"({"algorithm":"hex","data":"51b517c23614b501b66b23e5"})"}) {
    const auto bytes = read_data(json(form));
    ASSERT_TRUE(bytes) << form;
    EXPECT_EQ(*bytes, kBytes) << form;
  }
}

TEST(TransportableData, RefusesEverythingElse) {
  for (const std::string_view form :
       {R"("")", "null", "7", "[]", "{}", R"({"algorithm":"rot13","data":"UbUX"})",
        R"({"algorithm":7,"data":"UbUX"})", R"("https://x.y/z")", R"("data:image/png;base64")",
        R"("data:,hello")", R"("data:a/b;c/d;base64,UbUX")", R"("data:image/png;BASE64,UbUX")",
        R"("rot13,UbUX")", R"("{")"}) {
    EXPECT_FALSE(read_data(json(form), Reading::strict)) << form;
    EXPECT_FALSE(read_data(json(form), Reading::codec)) << form;
  }
}

TEST(TransportableData, A35_StrictReadingRefusesJunkThatTheCodecSkips) {
  for (const std::string_view form :
       {R"(" UbUXwjYU\ntQG2ayPl")", R"("UbUX!*wjYUtQG2ayPl")", R"("base64,UbUXwjYUtQG2 ayPl")"}) {
    EXPECT_FALSE(read_data(json(form), Reading::strict)) << form;
    const auto bytes = read_data(json(form), Reading::codec);
    ASSERT_TRUE(bytes) << form;
    EXPECT_EQ(*bytes, kBytes);
  }
}

TEST(TransportableData, A35_PaddingIsNeededInBothReadings) {
  EXPECT_FALSE(read_data(json(R"("AAA")"), Reading::strict));
  EXPECT_FALSE(read_data(json(R"("AAA")"), Reading::codec));
}

TEST(TransportableData, A35_StrictReadingRefusesTrailingBits) {
  EXPECT_FALSE(read_data(json(R"("AB==")")));
  EXPECT_EQ(read_data(json(R"("AB==")"), Reading::codec), Bytes{0});
}

TEST(LenientBase64, EndsAtCompletePaddingAndRefusesHalfGroups) {
  EXPECT_EQ(from_base64_lenient("AAA=BBBB"), (Bytes{0, 0}));
  EXPECT_EQ(from_base64_lenient("A=A=A=A="), (Bytes{0, 0}));
  EXPECT_EQ(from_base64_lenient("-_-_"), Bytes());
  EXPECT_FALSE(from_base64_lenient("A"));
  EXPECT_FALSE(from_base64_lenient("AA"));
  EXPECT_FALSE(from_base64_lenient("AA="));
}

TEST(LenientBase64, AgreesWithTheStrictOneOnWhatThatWrites) {
  Bytes bytes;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(from_base64_lenient(to_base64(bytes)), bytes);
    EXPECT_EQ(from_hex_lenient(to_hex(bytes)), bytes);
    bytes.push_back(static_cast<std::uint8_t>(i * 37));
  }
}

TEST(LenientHex, SkipsWhiteSpaceBetweenBytesOnly) {
  EXPECT_EQ(from_hex_lenient(" de ad\nBEEF "), (Bytes{0xDE, 0xAD, 0xBE, 0xEF}));
  EXPECT_FALSE(from_hex_lenient("d e"));
  EXPECT_FALSE(from_hex_lenient("abc"));
  EXPECT_FALSE(from_hex_lenient("0xab"));
}

TEST(TransportableData, WritesBase64OrADataUri) {
  TransportableData data{.data = kBytes};
  EXPECT_EQ(data.text(), "UbUXwjYUtQG2ayPl");
  data.is_uri = true;
  data.mime_type = "image/jpeg";
  data.filename = "a.jpg";
  EXPECT_EQ(data.text(), "data:image/jpeg;filename=a.jpg;base64,UbUXwjYUtQG2ayPl");
  const auto back = TransportableData::parse(Json(data.text()));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->filename, "a.jpg");
  EXPECT_EQ(back->mime_type, "image/jpeg");
}

TEST(PortableFile, ReadsUrlsUrisAndObjects) {
  EXPECT_EQ(PortableFile::parse(json(R"("https://e.com/a")"))->url, "https://e.com/a");
  EXPECT_EQ(PortableFile::parse(json(R"({"URL":"https://e.com/a","filename":"a"})"))->filename,
            "a");
  EXPECT_EQ(PortableFile::parse(json(R"("data:image/png;base64,UbUXwjYUtQG2ayPl")"))->data->data,
            kBytes);
  EXPECT_TRUE(
      PortableFile::parse(json(R"({"URL":"https://e.com/a","key":{"algorithm":"AES"}})"))->key);
  for (const std::string_view form :
       {R"("")", R"("x")", R"({"filename":"x"})", R"({"data":"!"})", "7", R"({"URL":""})"}) {
    EXPECT_FALSE(PortableFile::parse(json(form))) << form;
  }
}

TEST(PortableFile, ComesBackAsItWas) {
  for (const std::string_view form :
       {R"("https://e.com/a")", R"("data:image/png;filename=a.png;base64,UbUXwjYUtQG2ayPl")",
        R"({"URL":"https://e.com/a","filename":"a","key":{"algorithm":"AES","data":"x"}})",
        R"({"data":"UbUXwjYUtQG2ayPl","filename":"b.jpg"})"}) {
    EXPECT_EQ(PortableFile::parse(json(form))->json(), json(form)) << form;
  }
}

TEST(Time, IsANumberOrANumberAsText) {
  EXPECT_EQ(read_time(json("1700000000.5")), 1700000000.5);
  EXPECT_EQ(read_time(json(R"("1700000000.25")")), 1700000000.25);
  EXPECT_EQ(read_time(json("0")), 0);
  for (const std::string_view form :
       {"-1", R"("now")", "null", "{}", "true", R"("1e999")", R"("1 ")", R"("nan")", R"("inf")"}) {
    EXPECT_EQ(read_time(json(form)), std::nullopt) << form;
  }
}

TEST(TypeText, IsWhatWasSent) {
  EXPECT_EQ(type_text(136), "136");
  EXPECT_EQ(type_text("136"), "136");
  EXPECT_EQ(type_text(136.0), "136.0");
  EXPECT_EQ(type_text("command"), "command");
}

TEST(PortableFile, WhatItWritesItReadsAgainAsTheSame) {
  for (const std::string_view text : {R"({"URL":"abc"})", R"({"URL":"data:x"})", R"({"URL":"{}"})",
                                      R"({"URL":"https://e.com/a"})", R"({"data":"AAAA"})",
                                      R"({"data":"data:image/png;base64,AAAA"})",
                                      R"({"URL":"https://e.com/a","width":5,"x":{"y":[1]}})",
                                      R"({"data":"data:image/png;base64,AAAA","x":1})"}) {
    const auto file = PortableFile::parse(Json(*parse_json_object(text)));
    ASSERT_TRUE(file) << text;
    const auto again = PortableFile::parse(file->json());
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(again->url, file->url) << text;
    EXPECT_EQ(again->data.has_value(), file->data.has_value()) << text;
    EXPECT_EQ(again->rest, file->rest) << text;
    EXPECT_EQ(again->json(), file->json()) << text;
  }
}

}  // namespace
}  // namespace dim
