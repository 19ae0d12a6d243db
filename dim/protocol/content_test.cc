#include "dim/protocol/content.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "dim/protocol/decode.h"
#include "dim/protocol/wire.h"
#include "testing/contents.h"

namespace dim {
namespace {

using namespace dim::testing;

TEST(Content, HeadsHaveTimeInSecondsAnd31BitNumbers) {
  for (int i = 0; i < 100; ++i) {
    const ContentHead head = ContentHead::make("1", kNow, os_random());
    EXPECT_GT(head.sn, 0);
    EXPECT_LT(head.sn, std::int64_t{1} << 31);
    EXPECT_EQ(head.time, 1790000000.25);
  }
}

TEST(Content, TextKeepsWhatItDoesNotKnow) {
  TextContent content = TextContent::make("Hello 你好 😀", kNow, os_random());
  content.rest.set("format", "markdown");
  content.head.group = id("Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H");
  const TextContent out = round_trip(content);
  EXPECT_EQ(out.text, content.text);
  EXPECT_EQ(out.rest, content.rest);
  EXPECT_EQ(out.head.sn, content.head.sn);
  EXPECT_EQ(out.head.group, content.head.group);
}

TEST(Content, HandshakeHasFourStates) {
  const struct {
    HandshakeContent content;
    HandshakeState state;
  } steps[] = {{HandshakeContent::start(kNow, os_random()), HandshakeState::start},
               {HandshakeContent::again("4c32", kNow, os_random()), HandshakeState::again},
               {HandshakeContent::restart("4c32", kNow, os_random()), HandshakeState::restart},
               {HandshakeContent::success("4c32", kNow, os_random()), HandshakeState::success}};
  for (const auto& [content, state] : steps) {
    const HandshakeContent out = round_trip(content);
    EXPECT_EQ(out.state(), state);
    EXPECT_EQ(out.title, content.title);
    EXPECT_EQ(out.session, content.session);
    const JsonObject wire = to_wire(encode_content(content));
    EXPECT_EQ(*wire.find("type"), Json(136));
    EXPECT_EQ(*wire.text("cmd"), "handshake");
    EXPECT_EQ(*wire.text("message"), content.title);
  }
}

TEST(Content, MetaAsksAndAnswers) {
  const auto query = round_trip(MetaContent::query(id(kBob), kNow, os_random()));
  EXPECT_EQ(query.did, id(kBob));
  EXPECT_FALSE(query.meta);
  const auto answer = round_trip(
      MetaContent::answer(id(kBob), json(R"({"type":"4","key":{}})"), kNow, os_random()));
  ASSERT_TRUE(answer.meta);
  EXPECT_EQ(*answer.meta->find("version"), Json(4));
}

TEST(Content, DocumentsGoAsOneOrAsAList) {
  const JsonObject one = json(R"({"did":"x","type":"visa","data":"{\"time\":1}"})");
  const JsonObject two =
      json(R"({"did":"x","type":"visa","data":"{\"time\":2}","terminal":"pad"})");
  auto single =
      round_trip(DocumentsContent::answer(id(kBob), std::nullopt, {one}, kNow, os_random()));
  ASSERT_EQ(single.documents.size(), 1U);
  EXPECT_EQ(*single.documents[0].text("data"), *one.text("data"));
  const auto both =
      round_trip(DocumentsContent::answer(id(kBob), std::nullopt, {one, two}, kNow, os_random()));
  EXPECT_EQ(both.documents.size(), 2U);
  const auto query = round_trip(DocumentsContent::query(id(kBob), 5.5, kNow, os_random()));
  EXPECT_EQ(query.last_time, 5.5);
  EXPECT_TRUE(query.documents.empty());
}

TEST(Content, LoginNamesItsDevice) {
  JsonObject station;
  station.set("did", kStation);
  const auto login =
      round_trip(LoginContent::make(id(kBob), station, "dim/1.0", kNow, os_random()));
  EXPECT_EQ(login.agent, "dim/1.0");
  EXPECT_EQ(*login.station->text("ID"), kStation);
  JsonObject wire =
      to_wire(encode_content(LoginContent::make(id(kBob), station, "", kNow, os_random())));
  wire.set("terminal", "pad");
  auto device = decode_content(wire);
  ASSERT_TRUE(device);
  EXPECT_EQ(device->as<LoginContent>()->did.terminal(), "pad");
}

TEST(Content, ReportTellsOnlineAndOffline) {
  EXPECT_TRUE(round_trip(ReportContent::online(kNow, os_random())).is_online());
  EXPECT_FALSE(round_trip(ReportContent::offline(kNow, os_random())).is_online());
  auto old = decode_content(json(R"({"type":136,"sn":1,"command":"report","state":"foreground"})"));
  ASSERT_TRUE(old);
  EXPECT_TRUE(old->as<ReportContent>()->is_online());
}

TEST(Content, ReceiptKeepsItsOrigin) {
  const JsonObject message = json(
      R"({"sender":"a","receiver":"b","time":1,"IV":"x","data":"y","keys":{},"signature":"z"})");
  const JsonObject origin = ReceiptContent::origin_of(message, 77);
  EXPECT_EQ(origin,
            json(R"({"sender":"a","receiver":"b","time":1,"IV":"x","signature":"z","sn":77})"));
  const auto receipt =
      round_trip(ReceiptContent::make("Message received.", origin, kNow, os_random()));
  EXPECT_EQ(receipt.text, "Message received.");
  EXPECT_EQ(*receipt.origin, origin);
  EXPECT_EQ(receipt.head.sn, 77);  // the old rule: a receipt takes the number of what it is about
}

TEST(Content, J06_AReceiptRepeatsWhatAMessageIsFoundByAndLittleElse) {
  JsonObject message = json(
      R"({"x":"a","sender":"a","receiver":"b","time":1,"type":"1","group":"g","signature":"z"})");
  JsonObject expected = message;
  message.set("unknown", std::string(4'096, 'x'));
  message.set("nested", JsonArray{Json(std::string(4'096, 'x'))});
  for (int i = 0; i < 100; ++i) message.set("many " + std::to_string(i), std::string(100, 'x'));
  const JsonObject origin = ReceiptContent::origin_of(message, std::nullopt);
  for (const auto& [name, value] : expected) EXPECT_EQ(*origin.find(name), value) << name;
  EXPECT_FALSE(origin.contains("unknown"));
  EXPECT_FALSE(origin.contains("nested"));
  EXPECT_TRUE(origin.contains("many 30"));
  EXPECT_LT(write_json(origin).size(), 5'000U);
  message.set("type", std::string(600'000, '1'));
  EXPECT_FALSE(ReceiptContent::origin_of(message, std::nullopt).contains("type"));
}

TEST(Content, CustomizedCarriesAnything) {
  auto content = CustomizedContent::make("chat.dim.test", "drift", "throw", kNow, os_random());
  content.rest.set("extra", JsonArray{Json(1)});
  const auto out = round_trip(content);
  EXPECT_EQ(out.app + out.mod + out.act, "chat.dim.testdriftthrow");
  EXPECT_EQ(out.rest, content.rest);
}

TEST(Content, ForwardHoldsSignedMessages) {
  SealedMessage sealed{.envelope = {.sender = id(kAlice), .receiver = id(kBob), .time = 5}};
  sealed.data = Bytes(48, 1);
  const SignedMessage inner{.sealed = sealed, .signature = Bytes(70, 2)};
  const auto out = round_trip(ForwardContent::make({inner, inner}, kNow, os_random()));
  ASSERT_EQ(out.secrets.size(), 2U);
  EXPECT_EQ(out.secrets[0].sealed.data, sealed.data);
  JsonObject old = json(R"({"type":255,"sn":1})");
  old.set("forward", to_json(inner));
  auto single = decode_content(old);
  ASSERT_TRUE(single);
  EXPECT_EQ(single->as<ForwardContent>()->secrets.size(), 1U);
}

TEST(Content, ArrayHoldsContentsOfAllKinds) {
  std::vector<Content> inner;
  inner.emplace_back(TextContent::make("one", kNow, os_random()));
  inner.emplace_back(HandshakeContent::success("4c", kNow, os_random()));
  const auto out = round_trip(ArrayContent::make(std::move(inner), kNow, os_random()));
  ASSERT_EQ(out.contents.size(), 2U);
  EXPECT_EQ(out.contents[0].as<TextContent>()->text, "one");
  EXPECT_EQ(out.contents[1].as<HandshakeContent>()->state(), HandshakeState::success);
}

TEST(Content, EveryKindOfTheTableDecodesAndLosesNothing) {
  for (const Kind& kind : built_in_kinds()) {
    JsonObject object = json(
        R"({"sn":5,"time":1790000000,"did":"0x95E6F72fB194200e95b60332E8142DDF41C7c333",
            "group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H","title":"t","x":1,"y":{"z":[]},
            "members":["0x95E6F72fB194200e95b60332E8142DDF41C7c333"],
            "administrators":["0x95E6F72fB194200e95b60332E8142DDF41C7c333"]})");
    object.set("type", kind.type);
    if (!kind.command.empty()) object.set("command", kind.command);
    auto content = decode_content(object);
    ASSERT_TRUE(content) << kind.name;
    EXPECT_EQ(content->as<UnknownContent>(), nullptr) << kind.name;
    const JsonObject out = encode_content(*content);
    for (const auto& [name, value] : object) {
      if (name == "type" || (name == "command" && kind.decode == decoders::storage)) continue;
      ASSERT_TRUE(out.contains(name)) << kind.name << ": " << name;
      EXPECT_EQ(*out.find(name), value) << kind.name << ": " << name;
    }
    EXPECT_EQ(content_name(object), kind.name);
  }
}

int below(std::mt19937& random, unsigned end) { return static_cast<int>(random() % end); }

// Anything that JSON can be, three levels deep.
Json anything(std::mt19937& random, int depth = 0) {
  switch (below(random, depth < 3 ? 7 : 5)) {
    case 0:
      return {};
    case 1:
      return below(random, 2) == 0;
    case 2:
      return static_cast<std::int64_t>(random()) - 1'000'000;
    case 3:
      return static_cast<double>(random()) / 7;
    case 4:
      return "text " + std::to_string(random()) + " \u4f60\u597d";
    case 5: {
      JsonArray list;
      for (int i = below(random, 4); i > 0; --i) list.push_back(anything(random, depth + 1));
      return list;
    }
    default: {
      JsonObject object;
      for (int i = below(random, 4); i > 0; --i)
        object.set("m" + std::to_string(i), anything(random, depth + 1));
      return object;
    }
  }
}

TEST(Content, NothingUnknownGetsLostWhateverItIs) {
  std::mt19937 random(4711);  // a failure repeats itself
  std::size_t tried = 0;
  for (const char* name : {"contents", "contents_2026", "commands", "commands_2026"}) {
    std::ifstream file(std::string("vectors/") + name + ".json", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto cases = parse_json_object(text, {.depth = 64, .nodes = 1'000'000});
    ASSERT_TRUE(cases) << "vectors/" << name;
    for (const Json& one : *cases->find("cases")->array()) {
      const Json* input = one.object()->find("input");
      const Json* wire = input->object()->find("wire");
      if (wire == nullptr || !decode_content(*wire->object())) continue;
      for (int round = 0; round < 20; ++round) {
        JsonObject content = *wire->object();
        JsonObject extra;
        for (int i = 1 + below(random, 5); i > 0; --i) {
          const std::string member = "x-" + std::to_string(below(random, 1'000));
          const Json value = anything(random);
          extra.set(member, value);
          content.set(member, value);
        }
        const auto decoded = decode_content(content);
        ASSERT_TRUE(decoded) << write_json(content);
        const std::string out = write_json(to_wire(encode_content(*decoded)));
        const auto again = decode_content(*parse_json_object(out));
        ASSERT_TRUE(again) << out;
        const JsonObject written = encode_content(*again);
        for (const auto& [member, value] : extra) {
          ASSERT_TRUE(written.contains(member)) << member << " of " << out;
          EXPECT_EQ(*written.find(member), value) << member << " of " << out;
        }
        ++tried;
      }
    }
  }
  EXPECT_GT(tried, 2'000U);
}

TEST(Content, J30_UnknownTypesAndCommandsAreKept) {
  for (const std::string_view text :
       {R"({"type":99,"sn":1,"foo":"bar"})", R"({"type":"x-custom","sn":1,"foo":"bar"})",
        R"({"type":137,"sn":1,"command":"found","cmd":"found","foo":"bar"})"}) {
    auto content = decode_content(json(text));
    ASSERT_TRUE(content) << text;
    ASSERT_NE(content->as<UnknownContent>(), nullptr) << text;
    EXPECT_EQ(encode_content(*content), json(text));
    EXPECT_EQ(content_name(json(text)), "unknown");
  }
}

TEST(Content, J21_NeedsTypeAndNumber) {
  EXPECT_EQ(refusal(R"({"sn":1,"text":"x"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":1,"text":"x"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":1,"sn":0})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":1,"sn":-5})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":1,"sn":"1x"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":[],"sn":1})"), Errc::content);
}

TEST(Content, RefusesMembersOfAnotherType) {
  EXPECT_EQ(refusal(R"({"type":1,"sn":1,"text":5})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":1,"sn":1,"text":"x","group":5})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":1,"sn":1,"group":"0x95E6F72fB194200e95b60332E8142DDF41C7c333"})"),
            Errc::content);
  EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":"meta"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":"meta","did":"nobody"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":"handshake"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":136,"sn":1})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":5})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":"login","cmd":"report"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":255,"sn":1,"secrets":"x"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":255,"sn":1,"secrets":[{"x":1}]})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":207,"sn":1,"messages":"x"})"), Errc::content);
}

TEST(Content, RefusesWhatIsOverTheLimitOfItsKind) {
  JsonObject object = json(R"({"type":136,"sn":1,"command":"report","title":"online"})");
  object.set("pad", std::string(17 * limits::kKiB, 'x'));
  EXPECT_EQ(decode_content(object).error().code, Errc::too_large);
}

JsonObject nested(int depth) {
  JsonObject object = json(R"({"type":1,"sn":1,"text":"x"})");
  for (int i = 0; i < depth; ++i) {
    JsonObject outer = json(R"({"type":202,"sn":1})");
    outer.set("contents", JsonArray{Json(object)});
    object = outer;
  }
  return object;
}

TEST(Content, J26_A32_RefusesMoreThanThreeLevels) {
  EXPECT_TRUE(decode_content(nested(3)));
  EXPECT_EQ(decode_content(nested(4)).error().code, Errc::content);
  EXPECT_FALSE(decode_content(json(R"({"type":255,"sn":1,"secrets":[]})"), {}, 3));
}

TEST(Content, J26_J27_A32_RefusesMoreThan64Inner) {
  for (const auto& [type, list] : {std::pair{255, "secrets"}, {202, "contents"}}) {
    JsonObject object = json(R"({"sn":1})");
    object.set("type", type);
    object.set(list, JsonArray(65, Json(json(R"({"type":1,"sn":1})"))));
    EXPECT_EQ(decode_content(object).error().code, Errc::content) << list;
  }
}

TEST(Content, J27_RefusesAHundredThousandItems) {
  JsonObject object = json(R"({"type":202,"sn":1})");
  object.set("contents", JsonArray(100'000, Json(json(R"({"type":1,"sn":1})"))));
  EXPECT_FALSE(decode_content(object));
  const auto wire = parse_json_object(write_json(object));
  ASSERT_FALSE(wire) << "such a text is not even read";
  EXPECT_EQ(status_of(wire.error().code), 401);
}

TEST(KindTable, AnAddedKindWinsOverABuiltInOne) {
  const auto decode = [](const JsonObject& content) -> Result<AddedValue> {
    return AddedValue::of(content.size());
  };
  const KindTable table = KindTable().with({.type = "text", .name = "mine", .decode = decode});
  auto content = decode_content(json(R"({"type":1,"sn":1,"text":"x"})"), table);
  ASSERT_TRUE(content);
  ASSERT_NE(content->as<AddedContent>(), nullptr);
  EXPECT_EQ(content->as<AddedContent>()->name, "mine");
  EXPECT_EQ(*content->as<AddedContent>()->as<std::size_t>(), 3U);
  EXPECT_EQ(content->as<AddedContent>()->as<int>(), nullptr);
  EXPECT_NE(decode_content(json(R"({"type":1,"sn":1,"text":"x"})"))->as<TextContent>(), nullptr);
}

TEST(KindTable, AddedKindsHaveTheirLimitAndMayBeNamed) {
  const auto decode = [](const JsonObject&) -> Result<AddedValue> { return AddedValue::of(1); };
  const KindTable table =
      KindTable().with({.type = "x-chess", .name = "chess", .limit = 64, .decode = decode});
  EXPECT_TRUE(decode_content(json(R"({"type":"x-chess","sn":1})"), table));
  JsonObject large = json(R"({"type":"x-chess","sn":1})");
  large.set("pad", std::string(64, 'x'));
  EXPECT_EQ(decode_content(large, table).error().code, Errc::too_large);
}

TEST(Kinds, NamesNumbersAndAliasesMeet) {
  EXPECT_EQ(type_number("text"), 1);
  EXPECT_EQ(type_number("136"), 136);
  EXPECT_EQ(type_number("command"), 136);
  EXPECT_EQ(type_number("history"), 137);
  EXPECT_EQ(type_number("x-custom"), -1);
  EXPECT_EQ(type_number(""), -1);
  EXPECT_EQ(find_kind("136", "document"), find_kind("command", "documents"));
  EXPECT_EQ(find_kind("136", "nothing"), nullptr);
  EXPECT_EQ(find_kind("99", ""), nullptr);
}

}  // namespace
}  // namespace dim
