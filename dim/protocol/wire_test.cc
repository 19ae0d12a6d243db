#include "dim/protocol/wire.h"

#include <gmock/gmock.h>

namespace dim {
namespace {

JsonObject json(std::string_view text) { return *parse_json_object(text); }
JsonObject out(std::string_view text) { return to_wire(json(text), WireForm::reference); }
JsonObject in(std::string_view text) { return *from_wire(json(text)); }

TEST(ToWire, TypesBecomeIntegersAndNamesStay) {
  EXPECT_EQ(out(R"({"type":"1","sn":1})"), json(R"({"type":1,"sn":1})"));
  EXPECT_EQ(out(R"({"type":"text","sn":1})"), json(R"({"type":"text","sn":1})"));
}

TEST(ToWire, CommandsHaveCmd) {
  EXPECT_EQ(out(R"({"type":"136","command":"x"})"),
            json(R"({"type":136,"command":"x","cmd":"x"})"));
  EXPECT_EQ(out(R"({"type":"137","command":"join"})"),
            json(R"({"type":137,"command":"join","cmd":"join"})"));
}

TEST(ToWire, FilesHaveKeyAndPassword) {
  EXPECT_EQ(out(R"({"type":18,"key":{"a":1}})"),
            json(R"({"type":18,"key":{"a":1},"password":{"a":1}})"));
  EXPECT_EQ(in(R"({"type":18,"password":{"a":1}})"),
            json(R"({"type":18,"key":{"a":1},"password":{"a":1}})"));
}

TEST(ToWire, CardsLoginsAndMetasHaveDidAndID) {
  EXPECT_EQ(out(R"({"type":51,"did":"a"})"), json(R"({"type":51,"did":"a","ID":"a"})"));
  EXPECT_EQ(
      out(R"({"type":136,"command":"login","did":"a","station":{"did":"s"},"provider":{"ID":"p"}})"),
      json(
          R"({"type":136,"command":"login","cmd":"login","did":"a","ID":"a","station":{"did":"s","ID":"s"},
                     "provider":{"ID":"p","did":"p"}})"));
  EXPECT_EQ(in(R"({"type":136,"command":"meta","ID":"a"})"),
            json(R"({"type":136,"command":"meta","cmd":"meta","ID":"a","did":"a"})"));
}

TEST(ToWire, OneDocumentGoesAlone) {
  EXPECT_EQ(
      out(R"({"type":136,"command":"documents","did":"a","documents":[{"did":"a","data":"{}"}]})"),
      json(
          R"({"type":136,"command":"document","cmd":"document","did":"a","ID":"a","document":{"did":"a","data":"{}","ID":"a"}})"));
}

TEST(ToWire, SeveralDocumentsStayAListAndTheReferenceAddsTheNewest) {
  const std::string_view two =
      R"({"type":136,"command":"documents","did":"a","documents":[{"did":"a","data":"{\"time\":2}"},{"did":"a","data":"{\"time\":1}"}]})";
  const JsonObject theirs = out(two);
  EXPECT_EQ(*theirs.find("document")->object()->text("data"), R"({"time":2})");
  EXPECT_EQ(theirs.find("documents")->array()->size(), 2U);
  const JsonObject ours = to_wire(json(two));
  EXPECT_FALSE(ours.contains("document"));
  for (const Json& document : *ours.find("documents")->array())
    EXPECT_TRUE(document.object()->contains("ID"));
}

TEST(ToWire, ReceiptsCopyTheirOrigin) {
  EXPECT_EQ(
      out(R"({"type":136,"sn":1,"command":"receipt","origin":{"sender":"a","receiver":"b","sn":7,"signature":"s"}})"),
      json(
          R"({"type":136,"sn":7,"command":"receipt","cmd":"receipt","origin":{"sender":"a","receiver":"b","sn":7,"signature":"s"},
                     "envelope":{"sender":"a","receiver":"b","sn":7,"signature":"s"},"sender":"a","receiver":"b","signature":"s"})"));
}

TEST(ToWire, AReceiptKeepsItsNumberWhereTheOriginHasNone) {
  for (const std::string_view sn : {R"("AAAA")", "0", "-1", "[]", "null"}) {
    const JsonObject receipt =
        out(R"({"type":136,"sn":7,"command":"receipt","origin":{"sender":"a","sn":)" +
            std::string(sn) + "}}");
    EXPECT_EQ(*receipt.find("sn"), Json(7)) << sn;
    EXPECT_EQ(*receipt.text("sender"), "a");
  }
}

TEST(ToWire, ArraysGetTwinsInsideUnlessTheReferenceIsAsked) {
  const std::string_view text = R"({"type":202,"contents":[{"type":"136","command":"x"}]})";
  EXPECT_EQ(out(text), json(text));
  EXPECT_EQ(to_wire(json(text)),
            json(R"({"type":202,"contents":[{"type":136,"command":"x","cmd":"x"}]})"));
}

TEST(FromWire, CompletesCommandFromCmd) {
  EXPECT_EQ(in(R"({"type":136,"cmd":"x"})"), json(R"({"type":136,"cmd":"x","command":"x"})"));
  EXPECT_FALSE(from_wire(json(R"({"type":136,"cmd":"x","command":"y"})")));
  EXPECT_FALSE(from_wire(json(R"({"type":136})")));
}

TEST(FromWire, ShortNamesAreWrittenOut) {
  EXPECT_EQ(in(R"({"T":1,"N":5,"W":7,"G":"g","text":"x"})"),
            json(R"({"type":1,"sn":5,"time":7,"group":"g","text":"x"})"));
  EXPECT_FALSE(from_wire(json(R"({"T":1,"type":1,"sn":5})")));
}

TEST(FromWire, AnOldDocumentBecomesTheListAndNeverReplacesOne) {
  EXPECT_EQ(in(R"({"type":136,"command":"document","document":{"a":1}})"),
            json(R"({"type":136,"command":"documents","cmd":"document","documents":[{"a":1}]})"));
  EXPECT_EQ(
      in(R"({"type":136,"command":"document","document":{"a":2},"documents":[{"a":1},{"a":2}]})")
          .find("documents")
          ->array()
          ->size(),
      2U);
  EXPECT_FALSE(from_wire(json(R"({"type":136,"command":"document","document":"x"})")));
  EXPECT_FALSE(from_wire(json(R"({"type":136,"command":"documents","documents":{}})")));
}

TEST(FromWire, IsIdempotent) {
  for (const std::string_view text :
       {R"({"type":136,"command":"document","did":"a","document":{"did":"a"}})",
        R"({"type":18,"key":{"a":1}})", R"({"type":136,"cmd":"meta","ID":"a","meta":{"type":"4"}})",
        R"({"T":"text","N":5})"}) {
    const JsonObject once = in(text);
    EXPECT_EQ(*from_wire(once), once) << text;
  }
}

}  // namespace
}  // namespace dim
