#include "client/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dim {
namespace {

using ::testing::HasSubstr;

TEST(Describe, SaysWhatEachContentIs) {
  const auto words = [](std::string_view json) {
    auto content = decode_content(parse_json_object(json).value());
    EXPECT_TRUE(content) << json;
    const Description out = describe(*content);
    return out.text + "|" + out.words;
  };
  EXPECT_EQ(words(R"({"type":1,"sn":1,"text":"hello"})"), "hello|");
  EXPECT_EQ(words(R"({"type":16,"sn":1,"filename":"a.txt","data":"c29tZSBub3Rlcw=="})"),
            "|file a.txt, 10 bytes");
  EXPECT_EQ(
      words(R"({"type":20,"sn":1,"filename":"v.mp4","data":"AAEC","duration":1.5,"text":"hi"})"),
      "hi|sound v.mp4, 3 bytes, 1.5 s");
  EXPECT_EQ(words(R"({"type":18,"sn":1,"filename":"p.png","URL":"https://files.example/p"})"),
            "|picture p.png, at https://files.example/p");
  EXPECT_EQ(
      words(
          R"({"type":18,"sn":1,"filename":"p.png","data":"AAEC","width":640,"height":480,"thumbnail":"data:image/jpeg;base64,/9j/4AAQ"})"),
      "|picture p.png, 640x480, with a preview, 3 bytes");
  EXPECT_EQ(words(R"({"type":64,"sn":1,"currency":"USD","amount":10.25})"), "|money: 10.25 USD");
  EXPECT_EQ(
      words(
          R"({"type":202,"sn":1,"contents":[{"type":1,"sn":2,"text":"a"},{"type":64,"sn":3,"currency":"USD","amount":2}]})"),
      "|2 contents: “a”; money: 2 USD");
  EXPECT_THAT(words(R"({"type":4711,"sn":1,"text":"?"})"), HasSubstr("4711"));
}

TEST(Describe, TheOutlineHoldsNoKeysAndNoBytes) {
  const auto content =
      parse_json_object(
          R"({"type":18,"key":{"algorithm":"AES","data":"c2VjcmV0"},"password":{"data":"c2VjcmV0"},"thumbnail":"data:image/png;base64,AAAA","contents":[{"data":"AAAA","filename":"a"}],"URL":"https://files.example/"})")
          .value();
  EXPECT_EQ(write_json(outline(content)),
            R"({"type":18,"contents":[{"filename":"a"}],"URL":"https://files.example/"})");
}

}  // namespace
}  // namespace dim
