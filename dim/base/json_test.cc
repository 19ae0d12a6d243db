#include "dim/base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dim/base/utf8.h"

namespace dim {
namespace {

using namespace std::string_view_literals;

void expect_refused(std::string_view text, Errc code = Errc::json) {
  const auto value = parse_json(text);
  ASSERT_FALSE(value) << escape(text);
  EXPECT_EQ(value.error().code, code) << escape(text);
}

TEST(Json, ReadsEveryKindOfValue) {
  EXPECT_TRUE(parse_json("null")->is_null());
  EXPECT_EQ(*parse_json("true"), Json(true));
  EXPECT_EQ(*parse_json(" false "), Json(false));
  EXPECT_EQ(*parse_json("-12"), Json(-12));
  EXPECT_EQ(*parse_json("1.5e3"), Json(1500.0));
  EXPECT_EQ(*parse_json("\"a\""), Json("a"));
  EXPECT_EQ(*parse_json("[]"), Json(JsonArray{}));
  EXPECT_EQ(*parse_json("\t{ }\r\n"), Json(JsonObject{}));
  EXPECT_EQ(*parse_json("[1,[2,{\"a\":[]}]]"), *parse_json(" [ 1 , [ 2 , { \"a\" : [ ] } ] ] "));
}

TEST(Json, KeepsMembersInTheirOrder) {
  const auto object = parse_json_object(R"({"z":1,"a":2,"m":{"y":1,"x":2}})");
  ASSERT_TRUE(object);
  EXPECT_EQ(write_json(*object), R"({"z":1,"a":2,"m":{"y":1,"x":2}})");
}

TEST(Json, ReadsAllEscapes) {
  EXPECT_EQ(*parse_json(R"("\"\\\/\b\f\n\r\tA\u00e9\u4f60\ud83d\ude00")"),
            Json("\"\\/\b\f\n\r\tA\u00E9\u4F60\U0001F600"));
}

TEST(Json, J01_DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(32)));
  expect_refused(nested(33));
  std::string objects;
  for (int i = 0; i < 33; ++i) objects += "{\"a\":";
  expect_refused(objects + "1" + std::string(33, '}'));
  EXPECT_TRUE(parse_json(nested(40), {.depth = 40}));
  EXPECT_FALSE(parse_json("[[]]", {.depth = 1}));
  EXPECT_TRUE(parse_json("[1]", {.depth = 1}));
}

TEST(Json, J01_DepthFaultIsFoundBeforeTheRestIsRead) {
  const auto value = parse_json(std::string(100'000, '['));
  ASSERT_FALSE(value);
  EXPECT_LE(value.error().at, 33U);
}

TEST(Json, J02_DuplicateKeysAreRefused) {
  expect_refused(R"({"a":1,"a":1})");
  expect_refused(R"({"a":1,"b":2,"\u0061":3})");  // the same key written differently
  expect_refused(R"([{"x":{"k":1,"l":2,"k":3}}])");
  expect_refused(R"({"":1,"":2})");
  EXPECT_TRUE(parse_json(R"({"a":{"a":1},"b":{"a":1},"A":1})"));
}

TEST(Json, J02_DuplicateKeysAreFoundInLargeObjects) {
  const auto object = [](int members, int last) {
    std::string out = "{";
    for (int i = 0; i < members; ++i) out += "\"k" + std::to_string(i) + "\":0,";
    return out + "\"k" + std::to_string(last) + "\":0}";
  };
  EXPECT_TRUE(parse_json(object(9'000, 9'000)));
  for (const int twice : {0, 15, 16, 17, 4'500, 8'999}) expect_refused(object(9'000, twice));
}

TEST(Json, J03_NumbersOutsideTheGrammarAreRefused) {
  for (const std::string_view text :
       {"NaN", "Infinity", "-Infinity", "nan",   "1e999",  "-1e999", "01",      "-01",
        "00",  ".5",       "5.",        "+1",    "1e",     "1e+",    "0x10",    "1_000",
        "--1", "-",        "1.e5",      "1e5.5", "\u0661", "1 2",    "[1e400]", "{\"a\":01}"}) {
    expect_refused(text);
  }
}

TEST(Json, J03_LongNumbersAreRefused) {
  expect_refused(std::string(5'000, '7'));
  expect_refused("[" + std::string(5'000, '7') + "]");
  expect_refused("0." + std::string(5'000, '0'));
  EXPECT_TRUE(parse_json(std::string(32, '7')));
  expect_refused(std::string(33, '7'));
  EXPECT_TRUE(parse_json("[0." + std::string(30, '1') + "]"));
  expect_refused("[0." + std::string(31, '1') + "]");
  expect_refused("[1e" + std::string(31, '0') + "]");
}

TEST(Json, J03_MinusZeroIsAccepted) {
  EXPECT_EQ(*parse_json("-0"), Json(0));
  const auto real = parse_json("-0.0");
  ASSERT_TRUE(real && real->real() != nullptr);
  EXPECT_TRUE(std::signbit(*real->real()));
}

TEST(Json, IntegersOfSixtyFourBitsStayIntegers) {
  for (const std::int64_t number :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
        std::int64_t{9'007'199'254'740'993}}) {
    const auto value = parse_json(std::to_string(number));
    ASSERT_TRUE(value && value->integer() != nullptr);
    EXPECT_EQ(*value->integer(), number);
  }
}

TEST(Json, IntegersBeyondBecomeDoubles) {
  for (const auto& [text, number] :
       {std::pair{"9223372036854775808"sv, 0x1p63},
        {"-9223372036854775809"sv, -0x1p63},
        {"18446744073709551615"sv, 0x1p64},
        {"123456789012345678901234567890"sv, 123456789012345678901234567890.0}}) {
    const auto value = parse_json(text);
    ASSERT_TRUE(value && value->real() != nullptr) << text;
    EXPECT_EQ(*value->real(), number);
  }
}

TEST(Json, DoublesAreRoundedCorrectly) {
  // Cases that take more than 64 bits of arithmetic, at the limits of the range, and half-way
  // between two doubles.
  for (const auto& [text, number] :
       {std::pair{"0.1"sv, 0.1},
        {"1700000000.125"sv, 1700000000.125},
        {"2.2250738585072011e-308"sv, 2.2250738585072011e-308},
        {"4.9e-324"sv, 4.9e-324},
        {"1.7976931348623157e308"sv, 1.7976931348623157e308},
        {"9007199254740993.0"sv, 9007199254740992.0},
        {"8.41e21"sv, 8.41e21},
        {"9.5e-21"sv, 9.5e-21},
        {"1.0000000000000002"sv, 1.0000000000000002},
        {"1e-7"sv, 1e-7},
        {"6929495644600919.5"sv, 6929495644600919.5},
        {"3.2378839133029012895883e-309"sv, 3.2378839133029012895883e-309}}) {
    const auto value = parse_json(text);
    ASSERT_TRUE(value && value->real() != nullptr) << text;
    EXPECT_EQ(*value->real(), number) << text;
  }
}

TEST(Json, NumbersTooSmallForADoubleAreZero) {
  EXPECT_EQ(*parse_json("[1e-400]"), Json(JsonArray{0.0}));
  EXPECT_TRUE(std::signbit(*parse_json("-1e-400")->real()));
}

TEST(Json, J04_LoneSurrogatesAreRefused) {
  for (const std::string_view text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")", R"("\ud800\ud800")",
        R"("\udc00\ud800")", R"("\ud83d\u0041")", R"({"\udbff":1})", R"("\ud83d\ude0")"}) {
    expect_refused(text);
  }
}

TEST(Json, J04_NulIsRefusedInKeysAndAcceptedInText) {
  expect_refused(R"({"a\u0000b":1})");
  expect_refused(R"([{"\u0000":1}])");
  const auto value = parse_json(R"("a\u0000b")");
  ASSERT_TRUE(value);
  EXPECT_EQ(*value->text(), "a\0b"sv);
}

TEST(Json, J04_InvalidUtf8IsRefused) {
  for (const std::string_view text :
       {"\"\xFF\""sv, "\"\xC0\x80\""sv, "\"\xED\xA0\x80\""sv, "\"\xE2\x82\""sv,
        "\"\xF4\x90\x80\x80\""sv, "{\"\x80\":1}"sv}) {
    expect_refused(text);
  }
}

TEST(Json, J05_ExtensionsOfOtherReadersAreRefused) {
  for (const std::string_view text : {"// c\n1",
                                      "/* c */1",
                                      "1//",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "[,1]",
                                      "{,}",
                                      "'a'",
                                      "{'a':1}",
                                      "{a:1}",
                                      "\xEF\xBB\xBF{}",
                                      "True",
                                      "None",
                                      "undefined",
                                      "\"a\nb\"",
                                      "\"a\tb\"",
                                      "\"\\x41\"",
                                      "\"\\'\"",
                                      "\"\\u00g0\"",
                                      "\"\\U00000041\"",
                                      "[1 2]",
                                      "{\"a\" 1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{1:2}",
                                      "{null:1}",
                                      "\x0B"
                                      "1",
                                      "\xC2\xA0"
                                      "1",
                                      "nul",
                                      "tru",
                                      "truee"}) {
    expect_refused(text);
  }
}

TEST(Json, J05_AnythingButOneWholeValueIsRefused) {
  for (const std::string_view text :
       {""sv, " "sv, "{"sv, "["sv, "{\"a\""sv, "{\"a\":"sv, "[1"sv, "\"a"sv, "\"a\\"sv, "{}{}"sv,
        "{} x"sv, "1 1"sv, "null,"sv, "]"sv, "}"sv, "[}"sv, "{]"sv, "{}\0"sv, "\0"sv}) {
    expect_refused(text);
  }
}

TEST(Json, J06_LongStringsAreTooLarge) {
  const auto quoted = [](std::size_t size) { return "\"" + std::string(size, 'a') + "\""; };
  EXPECT_TRUE(parse_json(quoted(1024 * 1024)));
  expect_refused(quoted(1024 * 1024 + 1), Errc::too_large);
  expect_refused(quoted(2 * 1024 * 1024), Errc::too_large);
  expect_refused("{" + quoted(2 * 1024 * 1024) + ":1}", Errc::too_large);
  // Long by escapes: the length that counts is that of the text, not of its spelling.
  std::string escaped = "\"";
  for (int i = 0; i < 400'000; ++i) escaped += "\\u4f60";
  expect_refused(escaped + "\"", Errc::too_large);
  EXPECT_FALSE(parse_json("\"abcd\"", {.string_bytes = 3}));
  EXPECT_TRUE(parse_json("\"abc\"", {.string_bytes = 3}));
}

TEST(Json, J06_TooManyValuesAreRefused) {
  const auto list = [](int items) {
    std::string out = "[0";
    for (int i = 1; i < items; ++i) out += ",0";
    return out + "]";
  };
  EXPECT_TRUE(parse_json(list(9'999)));  // and the array itself
  expect_refused(list(10'000));
  std::string members = "{\"k\":0";
  for (int i = 0; i < 20'000; ++i) members += ",\"k" + std::to_string(i) + "\":0";
  expect_refused(members + "}");
}

TEST(Json, J07_OnlyAnObjectMayStandOnTop) {
  for (const std::string_view text : {"[]", "\"a\"", "null", "1", "true"}) {
    const auto object = parse_json_object(text);
    ASSERT_FALSE(object) << text;
    EXPECT_EQ(object.error().code, Errc::json);
  }
  EXPECT_TRUE(parse_json_object("{}"));
}

TEST(Json, A34_FaultsBearTheirPlace) {
  EXPECT_NEAR(parse_json(R"({"abc":nil})").error().at, 8, 2);
  EXPECT_NEAR(parse_json(R"({"a":1,"b":"\ud800"})").error().at, 18, 3);
  EXPECT_EQ(parse_json("{} x").error().at, 3U);
}

TEST(Json, A34_EveryCutAndChangedTextIsReadOrRefusedCleanly) {
  const std::string text = R"({"a":[1,-2.5e3,"x\u00e9\ud83d\ude00",{"b":null,"c":true}],"d":"é"})";
  ASSERT_TRUE(parse_json(text));
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(parse_json(text.substr(0, i))) << i;
    for (const char c : {'\0', '"', '\\', '{', ']', '9', '\x80', ' '}) {
      std::string changed = text;
      changed[i] = c;
      if (const auto value = parse_json(changed)) {
        EXPECT_EQ(*parse_json(write_json(*value)), *value);
      }
    }
  }
}

TEST(Json, EqualityLooksAtValuesNotAtSpelling) {
  EXPECT_EQ(*parse_json("1"), *parse_json("1.0"));
  EXPECT_FALSE(*parse_json("9007199254740993") == *parse_json("9007199254740992.0"));
  EXPECT_FALSE(*parse_json("9223372036854775807") == *parse_json("9223372036854775808"));
  EXPECT_EQ(*parse_json(R"({"a":1,"b":[1,2]})"), *parse_json(R"({"b":[1,2.0],"a":1})"));
  EXPECT_FALSE(*parse_json("[1,2]") == *parse_json("[2,1]"));
  EXPECT_FALSE(*parse_json(R"({"a":1})") == *parse_json(R"({"a":1,"b":1})"));
  EXPECT_FALSE(*parse_json("0") == *parse_json("false"));
  EXPECT_FALSE(*parse_json("null") == *parse_json("0"));
}

TEST(JsonObject, SetReplacesInPlaceAndEraseRemoves) {
  JsonObject object;
  object.set("a", 1);
  object.set("b", "two");
  object.set("a", 3);
  EXPECT_EQ(write_json(object), R"({"a":3,"b":"two"})");
  EXPECT_EQ(*object.text("b"), "two");
  EXPECT_EQ(object.text("a"), nullptr);
  EXPECT_EQ(object.text("c"), nullptr);
  EXPECT_TRUE(object.erase("a"));
  EXPECT_FALSE(object.erase("a"));
  EXPECT_EQ(object.size(), 1U);
  object.append_new("c", Json(JsonArray{1, 2}));
  object.find("c")->array()->push_back(3);
  EXPECT_EQ(write_json(object), R"({"b":"two","c":[1,2,3]})");
}

TEST(JsonWriter, ReferenceStyleIsByteForByteThatOfTheReference) {
  const auto same = [](std::string_view text) {
    const auto value = parse_json(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(write_json(*value, JsonStyle::reference), text);
  };
  same(R"({"a": 1, "b": [1, 2, {"c": null}], "t": true})");
  same(R"({"text": "\u4f60\u597d \ud83d\ude00 \u00e9"})");
  same(R"({"t": "a\n\t\"\\/\b\u0001\u007f"})");
  same(
      R"({"time": 1700000000.125, "x": 1e-07, "y": 1e+22, "z": 0.1, "w": 1700000000.0, "v": -0.0})");
  same(R"({"z": 1, "a": 2})");
  same("{}");
  same(R"([[], {}, ""])");
  same(R"({"\u00e9\r\f": "\u2028\uffff"})");
}

TEST(JsonWriter, DoublesReadAsPythonPrintsThem) {
  const std::pair<double, std::string_view> cases[] = {
      {0.0, "0.0"},
      {1.0, "1.0"},
      {-1.5, "-1.5"},
      {100.0, "100.0"},
      {123456.789, "123456.789"},
      {0.1, "0.1"},
      {0.25, "0.25"},
      {1.0 / 3, "0.3333333333333333"},
      {2.0 / 3, "0.6666666666666666"},
      {1e15, "1000000000000000.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e16, "1e+16"},
      {1.5e16, "1.5e+16"},
      {12345678901234567.0, "1.2345678901234568e+16"},
      {1e22, "1e+22"},
      {1e100, "1e+100"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {0.00001, "1e-05"},
      {0.000012, "1.2e-05"},
      {1e-7, "1e-07"},
      {-1e-7, "-1e-07"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {5e-324, "5e-324"},
      {2.5, "2.5"},
      {1790000006.125, "1790000006.125"},
      {2251799813685248.5, "2251799813685248.5"},
      {123456789012345.67, "123456789012345.67"},
      {123456789012345678901234567890.0, "1.2345678901234568e+29"}};
  for (const auto& [number, text] : cases) {
    EXPECT_EQ(write_json(Json(number)), text);
    EXPECT_EQ(write_json(Json(number), JsonStyle::reference), text);
    EXPECT_EQ(parse_json(text)->number(), number);
  }
}

TEST(JsonWriter, CompactStyleKeepsUtf8AndEscapesWhatItMust) {
  EXPECT_EQ(write_json(*parse_json(R"( { "k" : [ 1 , "é\u0001\u001f\"\\/\n" , null ] } )")),
            "{\"k\":[1,\"é\\u0001\\u001f\\\"\\\\/\\n\",null]}");
  EXPECT_EQ(write_json(Json("\x7F")), "\"\x7F\"");
}

TEST(JsonWriter, NeverWritesWhatIsNotJson) {
  EXPECT_EQ(write_json(Json(std::numeric_limits<double>::quiet_NaN())), "null");
  EXPECT_EQ(write_json(Json(std::numeric_limits<double>::infinity())), "null");
  for (const JsonStyle style : {JsonStyle::compact, JsonStyle::reference}) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
    EXPECT_TRUE(parse_json(write_json(Json(bytes), style)));
    EXPECT_EQ(*parse_json(write_json(Json("a\xFF"), style)), Json("a\uFFFD"));
  }
}

}  // namespace
}  // namespace dim
