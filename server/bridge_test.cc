// One station and a neighbour that is driven by hand: what it may say, and what is made of it.
#include "server/bridge_fixture.h"
#include "server/gateway_copy.h"
#include "server/registration.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;

Id id_in(const Account& account) { return account.id.bare(); }

// --- who is let in

TEST_F(BridgeTest, A20_AListedNeighbourLogsInWhenItIsProven) {
  auto neighbour = come(other());
  EXPECT_TRUE(has_event("neighbour-up"));
  EXPECT_TRUE(neighbour->link.was_proven);
  EXPECT_EQ(station->sessions(), 1U);
}

TEST_F(BridgeTest, A20_AStationThatIsNotListedIsCutOff) {
  auto stranger = dial(reference_station("stranger"));
  give(*stranger, pack(*stranger, "station@anywhere", hello(), {.meta = true, .visa = true}));
  ASSERT_EQ(stranger->got.size(), 1U);
  give(*stranger,
       pack(*stranger, station_id(), hello(*stranger->got[0].message.content.text("session"))));
  EXPECT_TRUE(stranger->link.closed);
  EXPECT_FALSE(has_event("neighbour-up"));
}

TEST_F(BridgeTest, A20_ANeighbourWithAnotherMetaOrFromElsewhereIsCutOff) {
  const auto refused = [&](Neighbour listed, const std::string& remote) {
    config.neighbours = {std::move(listed)};
    start();
    events.clear();
    auto client = dial(other(), remote);
    give(*client, pack(*client, "station@anywhere", hello(), {.meta = true, .visa = true}));
    give(*client,
         pack(*client, station_id(), hello(*client->got.at(0).message.content.text("session"))));
    return client->link.closed;
  };
  Neighbour listed = neighbour_of(other());
  listed.meta = station_named("stranger").meta.digest();
  EXPECT_TRUE(refused(listed, "2001:db8:7::7"));
  listed.meta = other().meta.digest();
  EXPECT_FALSE(refused(listed, "2001:db8:7::7"));
  listed.from = {*AddressPrefix::parse("2001:db8:8::/48")};
  EXPECT_TRUE(refused(listed, "2001:db8:7::7"));
  listed.from.push_back(*AddressPrefix::parse("2001:db8:7::/48"));
  EXPECT_FALSE(refused(listed, "2001:db8:7::7"));
}

// --- messages from a neighbour

TEST_F(BridgeTest, A20_AMessageOfAnotherStationsUserIsVerifiedAndDelivered) {
  auto neighbour = come(other());
  auto alice = come("alice");
  introduce(*alice, legacy("xena"));
  pass(1'500);
  give(*neighbour, text_from(legacy("xena"), legacy("alice"), "from afar", true));
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{"from afar"});
  EXPECT_FALSE(has_event("neighbour-refused"));
  EXPECT_EQ(stations_in(alice->raw.back()), Strings{}) << "traces are for stations";
}

TEST_F(BridgeTest, A20_A01_WhatDoesNotVerifyIsAcknowledgedAndGoesNowhere) {
  auto neighbour = come(other());
  auto alice = come("alice");
  pass(1'500);
  const std::string right = text_from(legacy("xena"), legacy("alice"), "altered", true);
  const std::string stolen = text_from(legacy("yann"), legacy("alice"), "stolen", false);
  const std::size_t acks = neighbour->station_acks;
  give(*neighbour, with(right, "data", to_base64(Bytes(64, 7))));
  // A21: Yann's words under Xena's name.
  JsonObject forged = *parse_json_object(stolen);
  forged.set("sender", legacy("xena").id.text());
  forged.set("meta", legacy("xena").meta.json());
  forged.set("visa", legacy("xena").visa.json());
  give(*neighbour, write_json(forged));
  // A02: Xena's name with Yann's keys.
  forged = *parse_json_object(stolen);
  forged.set("sender", legacy("xena").id.text());
  forged.set("meta", legacy("yann").meta.json());
  give(*neighbour, write_json(forged));
  EXPECT_EQ(neighbour->station_acks, acks + 2) << "the last one has no keys yet: it waits for them";
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{});
  for (int i = 0; i < 40; ++i) give(*neighbour, with(right, "data", to_base64(Bytes(64, 9))));
  EXPECT_FALSE(neighbour->link.closed) << "what it passes on is not its fault";
}

TEST_F(BridgeTest, A20_AUserWithoutKeysIsAskedForAndNothingIsAcknowledgedBefore) {
  auto neighbour = come(other());
  auto alice = come("alice");
  introduce(*alice, legacy("xena"));
  pass(1'500);
  const std::size_t acks = neighbour->station_acks;
  news(*neighbour);
  give(*neighbour, text_from(legacy("xena"), legacy("alice"), "who am I?"));
  EXPECT_EQ(neighbour->station_acks, acks);
  const auto asked = news(*neighbour);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(text_in(asked[0], "did"), legacy("xena").id.bare().text());
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{});
  give(*neighbour, pack(*neighbour, station_id(),
                        encode_content(DocumentsContent::answer(
                            id_in(legacy("xena")), legacy("xena").meta.json(),
                            {legacy("xena").visa.json()}, clock.now(), random))));
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{"who am I?"});
  EXPECT_EQ(neighbour->station_acks, acks + 2);
  // F86: known for their messages, and new should they ever log in here.
  EXPECT_TRUE(came_by_neighbour(*store.documents(id_of("xena"))));
  EXPECT_FALSE(came_by_neighbour(*store.documents(id_of("alice"))));
}

TEST_F(BridgeTest, A20_WhoseKeysNobodyHasIsGivenUpAfterHalfAMinute) {
  auto neighbour = come(other());
  auto alice = come("alice");
  const std::size_t acks = neighbour->station_acks;
  give(*neighbour, text_from(legacy("xena"), legacy("alice"), "nobody knows me"));
  pass(20'000);
  take(*neighbour);
  EXPECT_EQ(neighbour->station_acks, acks);
  pass(12'000);
  take(*neighbour);
  EXPECT_EQ(neighbour->station_acks, acks + 1);
  EXPECT_TRUE(has_event("neighbour-refused"));
}

TEST_F(BridgeTest, A20_AUsersOwnCommandsThroughANeighbourDoNothing) {
  auto neighbour = come(other());
  auto alice = come("alice");
  give(*neighbour, documents_of(legacy("xena")));
  Client xena;
  xena.account = &legacy("xena");
  for (const char* name : {"handshake", "report", "block", "mute"}) {
    JsonObject content = command(name);
    content.set("title", "offline");
    content.set("session", neighbour->session);
    content.set("list", JsonArray{Json(legacy("alice").id.text())});
    give(*neighbour, pack(xena, "everyone@everywhere", std::move(content), {}));
  }
  EXPECT_EQ(station->sessions(), 2U);
  const auto stored = store.documents(other_id());
  for (const StoredDocument& one : *stored)
    EXPECT_EQ(one.type, "visa") << "nothing is stored in the neighbour's name";
  pass(1'500);
  give(*neighbour, text_from(legacy("xena"), legacy("alice"), "still here"));
  take(*alice);
  EXPECT_EQ(messages_for(*alice, id_in(legacy("alice"))).back().sealed.envelope.sender.text(),
            legacy("xena").id.bare().text());
}

TEST_F(BridgeTest, J10_A09_PlainTextsGroupsAndNamesDoNotComeFromNeighbours) {
  auto neighbour = come(other());
  auto alice = come("alice");
  pass(1'500);
  give(*neighbour, documents_of(legacy("xena")));
  Client xena;
  xena.account = &legacy("xena");
  introduce(xena, legacy("alice"));
  const std::size_t before = alice->raw.size();
  give(*neighbour, pack(xena, legacy("alice").id.bare().text(), text_of("readable"),
                        {.group = "everyone@everywhere"}));
  give(*neighbour, pack(xena, "alice@anywhere", text_of("by name"), {}));
  take(*alice);
  EXPECT_EQ(alice->raw.size(), before);
}

// --- traces

TEST_F(BridgeTest, S21_A25_AMessageThatNamesThisStationIsAcceptedOnceWhenItIsNotKnown) {
  auto neighbour = come(other());
  auto alice = come("alice");
  introduce(*alice, legacy("xena"));
  pass(1'500);
  const std::string message = with(text_from(legacy("xena"), legacy("alice"), "round trip", true),
                                   "traces", traces_of({other_id(), station_id()}));
  news(*neighbour);
  give(*neighbour, message);
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{"round trip"}) << "a forged trace stops nothing";
  EXPECT_EQ(station->counters().loops, 0U);
  for (const auto& one : news(*neighbour))
    EXPECT_EQ(text_in(one, "text").find("507"), std::string::npos);
  give(*neighbour, message);
  EXPECT_EQ(station->counters().loops, 1U);
  const auto told = news(*neighbour);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(text_in(told[0], "text"), "507 Loop_Detected");
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{}) << "and nobody gets it twice";
}

TEST_F(BridgeTest, S21_WhatWasSentToANeighbourAndComesBackStaysHere) {
  auto neighbour = come(other());
  give(*neighbour, documents_of(legacy("xena")));
  give(*neighbour, login_record(legacy("xena"), other_id()));
  pass(1'500);
  auto alice = come("alice");
  introduce(*alice, legacy("xena"));
  give(*alice, pack(*alice, legacy("xena").id.bare().text(), text_of("to and fro")));
  take(*neighbour);
  const auto sent = messages_for(*neighbour, id_in(legacy("xena")));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(stations_in(sent[0]), Strings{station_id()});
  give(*neighbour, with(sent[0].wire, "traces", traces_of({station_id(), other_id()})));
  EXPECT_EQ(station->counters().loops, 1U);
  EXPECT_TRUE(has_event("neighbour-loop"));
  take(*neighbour);
  EXPECT_EQ(messages_for(*neighbour, id_in(legacy("xena"))).size(), 1U) << "the loop ends";
  // R1: Xena comes here and finds it.
  auto xena = come("xena");
  introduce(*xena, legacy("alice"));
  pass(1'500);
  take(*xena);
  EXPECT_EQ(texts(*xena), Strings{"to and fro"});
}

TEST_F(BridgeTest, A20_AMessageWrittenHereDoesNotComeBackWithAnotherAddressee) {
  auto neighbour = come(other());
  give(*neighbour, documents_of(legacy("xena")));
  give(*neighbour, login_record(legacy("xena"), other_id()));
  auto alice = come("alice");
  auto carol = come("carol");
  introduce(*alice, legacy("xena"));
  pass(1'500);
  give(*alice, pack(*alice, legacy("xena").id.bare().text(), text_of("for Xena")));
  take(*neighbour);
  const auto sent = messages_for(*neighbour, id_in(legacy("xena")));
  ASSERT_EQ(sent.size(), 1U);
  const std::size_t before = carol->raw.size();
  for (const Json& traces : {traces_of({}), traces_of({station_id()})}) {
    give(*neighbour,
         with(with(sent[0].wire, "receiver", legacy("carol").id.text()), "traces", traces));
  }
  take(*carol);
  EXPECT_EQ(carol->raw.size(), before);
  EXPECT_TRUE(has_event("neighbour-refused"));
}

TEST_F(BridgeTest, A25_SeventeenTracesAreRefusedAndWrongOnesToo) {
  auto neighbour = come(other());
  auto alice = come("alice");
  pass(1'500);
  const std::size_t before = alice->raw.size();
  const std::string message = text_from(legacy("xena"), legacy("alice"), "far travelled", true);
  JsonArray many(17, Json(other_id()));
  for (const Json& traces : {Json(many), Json("x"), Json(JsonArray{Json(7)}), Json(JsonObject{})})
    give(*neighbour, with(message, "traces", traces));
  take(*alice);
  EXPECT_EQ(alice->raw.size(), before);
  many.pop_back();
  give(*neighbour, with(message, "traces", Json(many)));
  take(*alice);
  EXPECT_EQ(alice->raw.size(), before + 1);
}

TEST_F(BridgeTest, A25_TracesOfClientsAreNotPassedOn) {
  auto neighbour = come(other());
  give(*neighbour, documents_of(legacy("xena")));
  give(*neighbour, login_record(legacy("xena"), other_id()));
  auto alice = come("alice");
  introduce(*alice, legacy("xena"));
  pass(1'500);
  give(*alice, with(pack(*alice, legacy("xena").id.bare().text(), text_of("poison")), "traces",
                    traces_of({other_id()})));
  take(*neighbour);
  const auto sent = messages_for(*neighbour, id_in(legacy("xena")));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(stations_in(sent[0]), Strings{station_id()});
}

// --- names and questions

class ElsewhereTest : public XenaTest {
 protected:
  void SetUp() override {
    XenaTest::SetUp();
    xena.account = &legacy("xena");
    introduce(xena, station_account());
  }
  /// What the neighbour gets for Xena when it brings this message of hers.
  std::vector<JsonObject> told(const std::string& message) {
    neighbour->raw.clear();
    give(*neighbour, message);
    std::vector<JsonObject> out;
    for (const SignedMessage& one : messages_for(*neighbour, id_in(legacy("xena")))) {
      auto opened = open(one, *xena.account, xena.directory, {}, clock.now());
      EXPECT_TRUE(opened) << to_string(opened.error());
      if (opened) out.push_back(std::move(opened->message.content));
    }
    return out;
  }
  std::vector<JsonObject> asked(JsonObject content) {
    return told(pack(xena, station_id(), std::move(content)));
  }
  static std::string text_of_first(const std::vector<JsonObject>& contents) {
    const std::string* text = contents.empty() ? nullptr : contents[0].text("text");
    return text != nullptr ? *text : "(none)";
  }
  Client xena;
};

TEST_F(ElsewhereTest, A20_SomebodyElsewhereAsksThisStationAndIsAnswered) {
  const std::array<Write, 1> name{PutName{"helper", id_of("alice"), clock.now()}};
  ASSERT_TRUE(store.commit(name));
  auto answers = asked(
      encode_content(DocumentsContent::query(*Id::parse(id_of("alice")), 0, clock.now(), random)));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(answers[0].contains("meta"));
  EXPECT_TRUE(answers[0].contains("document") || answers[0].contains("documents"));
  answers =
      asked(encode_content(MetaContent::query(*Id::parse(id_of("alice")), clock.now(), random)));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(answers[0].contains("meta"));
  JsonObject names = command("ans");
  names.set("names", "helper nobody_here");
  answers = asked(std::move(names));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(*answers[0].find("records")->object()->text("helper"), id_of("alice"));
  answers = asked(
      encode_content(DocumentsContent::query(legacy("zoe").id.bare(), 0, clock.now(), random)));
  EXPECT_EQ(text_of_first(answers), "Document not found.");
}

TEST_F(ElsewhereTest, A20_WhatIsNoQuestionIsNotAnsweredThroughANeighbour) {
  for (const char* one : {"report", "block", "mute", "login", "handshake", "search"}) {
    JsonObject content = command(one);
    content.set("title", "online");
    content.set("did", legacy("xena").id.text());
    EXPECT_TRUE(asked(std::move(content)).empty()) << one;
  }
  JsonObject names = command("ans");
  names.set("names", "station");
  const std::string question = pack(xena, station_id(), names);
  EXPECT_EQ(told(question).size(), 1U);
  EXPECT_TRUE(told(question).empty()) << "J23: the same bytes are obeyed once";
  EXPECT_TRUE(told(with(pack(xena, station_id(), names), "data", to_base64(Bytes(64, 7)))).empty())
      << "A19: it does not verify";
  EXPECT_TRUE(told(pack(xena, "everyone@everywhere", names)).empty())
      << "nobody answers to questions to all";
}

TEST_F(ElsewhereTest, A26_AMessageToANameReachesWhoBearsItHere) {
  const std::array<Write, 1> name{PutName{"helper", id_of("alice"), clock.now()}};
  ASSERT_TRUE(store.commit(name));
  told(pack(xena, "helper@anywhere", text_of("help")));
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{"help"});
  EXPECT_EQ(text_of_first(told(pack(xena, "nobody_here@anywhere", text_of("help")))),
            "Nobody has this name at this station.");
  // The station that knows the name has found her.
  told(with(pack(xena, "courier@anywhere", text_of("a parcel")), "rcpt", id_of("alice")));
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{"a parcel"});
  // That gives nobody a plain message that was meant for somebody else.
  const std::string plain =
      with(text_from(legacy("xena"), legacy("alice"), "x"), "receiver", id_of("bob"));
  EXPECT_TRUE(told(with(plain, "rcpt", id_of("alice"))).size() <= 1U);
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{});
}

// --- login records

class RoamingTest : public XenaTest {
 protected:
  void SetUp() override {
    XenaTest::SetUp();
    news(*alice);
  }
  /// Whether a text to Xena goes to the neighbour now.
  bool goes_to_neighbour(const std::string& text) {
    const std::size_t before = messages_for(*neighbour, id_in(legacy("xena"))).size();
    give(*alice, pack(*alice, legacy("xena").id.bare().text(), text_of(text)));
    take(*neighbour);
    return messages_for(*neighbour, id_in(legacy("xena"))).size() > before;
  }
};

TEST_F(RoamingTest, A23_MessagesFollowTheNewestRecord) {
  EXPECT_FALSE(goes_to_neighbour("no record"));
  EXPECT_EQ(texts(*alice), Strings{"Message cached."});
  give(*neighbour, login_record(legacy("xena"), other_id()));
  EXPECT_TRUE(goes_to_neighbour("record"));
  EXPECT_EQ(texts(*alice), Strings{"Message redirected."});
  pass(1'500);
  take(*neighbour);
  EXPECT_EQ(messages_for(*neighbour, id_in(legacy("xena"))).size(), 2U)
      << "what waited here has followed";
}

TEST_F(RoamingTest, A26_MessagesToANameFollowWhoBearsIt) {
  const std::array<Write, 1> name{PutName{"courier", legacy("xena").id.bare().text(), clock.now()}};
  ASSERT_TRUE(store.commit(name));
  give(*alice, pack(*alice, "courier@anywhere", text_of("waits here")));
  EXPECT_EQ(texts(*alice), Strings{"Message cached."});
  neighbour->raw.clear();
  give(*neighbour, login_record(legacy("xena"), other_id()));
  give(*alice, pack(*alice, "courier@anywhere", text_of("goes there")));
  EXPECT_EQ(texts(*alice), Strings{"Message redirected."});
  pass(1'500);
  take(*neighbour);
  Strings got;
  for (const SignedMessage& one : neighbour->raw) {
    if (one.sealed.envelope.receiver.text() != "courier@anywhere") continue;
    EXPECT_EQ(*one.json.text("rcpt"), legacy("xena").id.bare().text());
    got.push_back(*parse_json_object(as_text(one.sealed.data))->text("text"));
  }
  std::ranges::sort(got);
  EXPECT_EQ(got, (Strings{"goes there", "waits here"}));
}

TEST_F(RoamingTest, A20_AGroupThatIsUnknownHereIsAskedOfTheNeighbours) {
  const PrivateKey key = PrivateKey::generate_ec(random);
  const Meta meta = Meta::make_mkm(key, "garden");
  const Id group = *meta.id(EntityType::group);
  JsonObject properties;
  properties.set("name", "Garden");
  const Document bulletin = Document::make(group, "bulletin", properties, clock.now() - 1'000, key);
  LoggedIn bobby = login("bobby");
  Packet get = Packet::request(Operation::get);
  get.set("id", "9").set("type", "document").set("target", group.text());
  EXPECT_TRUE(ask(*bobby.control, get).empty()) << "not before the neighbour has answered";
  give(*neighbour, pack(*neighbour, station_id(),
                        encode_content(DocumentsContent::answer(
                            group, meta.json(), {bulletin.json()}, clock.now(), random))));
  const auto answers = bobby.control->take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 200);
  EXPECT_NE(answers[0].content->find("Garden"), std::string::npos);
}

TEST_F(RoamingTest, R1_TwoQuestionsForOneUnknownIdAreAnsweredWhenNobodyAnswers) {
  // The neighbour knows nothing either, and says nothing.
  const std::string yuri = legacy("yuri").id.bare().text();
  for (const char* name : {"meta", "documents"}) {
    JsonObject query = command(name);
    query.set("did", yuri);
    give(*alice, pack(*alice, station_id(), query));
    pass(100);
  }
  EXPECT_EQ(texts(*alice), Strings{}) << "the neighbour has five seconds";
  pass(6'000);
  take(*alice);
  EXPECT_EQ(texts(*alice), (Strings{"Meta not found.", "Document not found."}));
  // Who goes on asking is answered, and stops nobody.
  for (int i = 0; i < 20; ++i) {
    JsonObject query = command("documents");
    query.set("did", yuri);
    give(*alice, pack(*alice, station_id(), query));
    pass(4'000);
    take(*alice);
  }
  pass(6'000);
  take(*alice);
  EXPECT_EQ(texts(*alice).size(), 20U);
}

TEST_F(RoamingTest, A33_AUsersRecordsAreSixteenAndOneHoweverManyDevicesTheyName) {
  Client writer;
  writer.account = &legacy("xena");
  for (int i = 0; i < 40; ++i) {
    clock.at += 1'000;
    JsonObject content = login_content(legacy("xena"), other_id());
    content.set("did", legacy("xena").id.bare().text() + "/t" + std::to_string(i));
    give(*neighbour, pack(writer, "everyone@everywhere", std::move(content)));
  }
  const auto documents = *store.documents(legacy("xena").id.bare().text());
  EXPECT_EQ(std::ranges::count(documents, "#login", &StoredDocument::type), 17);
  EXPECT_TRUE(goes_to_neighbour("there all the same"));
}

TEST_F(RoamingTest, A23_ForgedStaleAndForeignRecordsMoveNobody) {
  const std::string of_yann = login_record(legacy("yann"), other_id());
  Client yann;
  yann.account = &legacy("yann");
  give(*neighbour, documents_of(legacy("yann")));
  // Yann says where Xena is.
  give(*neighbour,
       pack(yann, "everyone@everywhere", login_content(legacy("xena"), other_id()), {}));
  // Under her name, with his signature.
  give(*neighbour,
       with(pack(yann, "everyone@everywhere", login_content(legacy("xena"), other_id()), {}),
            "sender", legacy("xena").id.text()));
  // The neighbour says it itself.
  give(*neighbour,
       pack(*neighbour, "everyone@everywhere", login_content(legacy("xena"), other_id()), {}));
  give(*neighbour, pack(*neighbour, station_id(), login_content(legacy("xena"), other_id())));
  // Old, from the future, at a station that is not listed.
  give(*neighbour, login_record(legacy("xena"), other_id(), 301));
  give(*neighbour, login_record(legacy("xena"), other_id(), -301));
  give(*neighbour, login_record(legacy("xena"), station_named("stranger").id.text()));
  EXPECT_FALSE(goes_to_neighbour("stay"));
  EXPECT_TRUE(has_event("login-record-refused"));
}

TEST_F(RoamingTest, A23_AReplayedRecordDoesNotMoveAUserBack) {
  const std::string first = login_record(legacy("xena"), other_id());
  give(*neighbour, first);
  EXPECT_TRUE(goes_to_neighbour("there"));
  clock.at += 5'000;
  auto xena = come("xena");
  give(*xena, pack(*xena, "everyone@everywhere", login_content(legacy("xena"), station_id())));
  station->closed(xena->id);
  station->end_of_turn();
  give(*neighbour, first);
  give(*neighbour, with(first, "time", 1.0));
  EXPECT_FALSE(goes_to_neighbour("here again"));
  clock.at += 5'000;
  give(*neighbour, login_record(legacy("xena"), other_id()));
  EXPECT_TRUE(goes_to_neighbour("and back"));
}

TEST_F(RoamingTest, A23_AClockThatIsAheadLocksNobodyOut) {
  give(*neighbour, login_record(legacy("xena"), other_id(), -299));
  EXPECT_TRUE(goes_to_neighbour("there"));
  clock.at += 1'000;
  auto xena = come("xena");
  give(*xena, pack(*xena, "everyone@everywhere", login_content(legacy("xena"), station_id())));
  station->closed(xena->id);
  station->end_of_turn();
  EXPECT_FALSE(goes_to_neighbour("here"));
}

TEST_F(RoamingTest, A23_ALogInOverDim2023BringsAUserBack) {
  give(*neighbour, login_record(legacy("xena"), other_id()));
  EXPECT_TRUE(goes_to_neighbour("there"));
  clock.at += 1'000;
  {
    LoggedIn xena = login("xena");
    station->closed(xena.control->id);
    station->end_of_turn();
  }
  pass(60'000);
  EXPECT_FALSE(goes_to_neighbour("here"));
}

TEST_F(RoamingTest, R1_TheQueueOutlivesTheNeighbourAndTheStation) {
  give(*neighbour, login_record(legacy("xena"), other_id()));
  station->closed(neighbour->id);
  station->end_of_turn();
  give(*alice, pack(*alice, legacy("xena").id.bare().text(), text_of("one")));
  give(*alice, pack(*alice, legacy("xena").id.bare().text(), text_of("two")));
  EXPECT_EQ(texts(*alice), (Strings{"Message redirected.", "Message redirected."}));
  station->closed(alice->id);
  start();
  neighbour = come(other());
  pass(1'500);
  take(*neighbour);
  EXPECT_EQ(messages_for(*neighbour, id_in(legacy("xena"))).size(), 2U);
  pass(6'000);  // acknowledgements are written lazily
  EXPECT_TRUE(store.inbox(other_id(), 0, 10, 1'000'000)->empty());
}

TEST_F(RoamingTest, R1_WhatTheNeighbourDoesNotAcknowledgeStaysInTheQueue) {
  give(*neighbour, login_record(legacy("xena"), other_id()));
  neighbour->acks = false;
  EXPECT_TRUE(goes_to_neighbour("unacknowledged"));
  pass(6'000);
  EXPECT_EQ(store.inbox(other_id(), 0, 10, 1'000'000)->size(), 1U);
  station->closed(neighbour->id);
  neighbour = come(other());
  pass(1'500);
  take(*neighbour);
  EXPECT_EQ(messages_for(*neighbour, id_in(legacy("xena"))).size(), 1U);
}

TEST_F(RoamingTest, A20_TheSenderIsIntroducedToTheNeighbourFirst) {
  give(*neighbour, login_record(legacy("xena"), other_id()));
  news(*neighbour);
  EXPECT_TRUE(goes_to_neighbour("first"));
  EXPECT_TRUE(goes_to_neighbour("second"));
  std::size_t introductions = 0;
  for (const Opened& one : news(*neighbour)) {
    if (text_in(one, "did") != legacy("alice").id.bare().text()) continue;
    ++introductions;
    EXPECT_NE(one.message.content.find("documents"), nullptr);
  }
  EXPECT_EQ(introductions, 1U);
}

TEST_F(RoamingTest, A20_UsersOfDim2023WriteToUsersOfNeighbours) {
  give(*neighbour, login_record(legacy("xena"), other_id()));
  LoggedIn bobby = online("bobby");
  const std::string xena = legacy("xena").id.bare().text();
  const Packet accepted = answer(*bobby.text, create(user("bobby"), xena, "hello"));
  EXPECT_EQ(accepted.code, 202) << accepted.get("message");
  take(*neighbour);
  const auto sent = messages_for(*neighbour, id_in(legacy("xena")));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(sent[0].sealed.envelope.sender.same_entity(user("bobby").id));
  Packet forged = create(user("carol"), xena, "forged");
  forged.content = with(*forged.content, "sender", user("bobby").id.text());
  EXPECT_EQ(answer(*bobby.text, forged).code, 402) << "TLS proves nothing to the next station";
}

TEST_F(RoamingTest, A23_NeighboursLearnWhereAUserOfDim2023Is) {
  const Id everyone = *Id::parse("everyone@everywhere");
  news(*neighbour);
  neighbour->raw.clear();
  LoggedIn bobby = online("bobby");
  EXPECT_EQ(answer(*bobby.control, login_packet("bobby")).code, 201);
  take(*neighbour);
  auto sent = messages_for(*neighbour, everyone);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(sent[0].sealed.envelope.sender.same_entity(user("bobby").id));
  EXPECT_EQ(stations_in(sent[0]), Strings{station_id()});
  const auto told = news(*neighbour);
  ASSERT_EQ(told.size(), 1U) << "who that is comes first: the record alone proves nothing there";
  EXPECT_EQ(text_in(told[0], "did"), id_of("bobby"));
  EXPECT_NE(told[0].message.content.find("meta"), nullptr);
  EXPECT_TRUE(neighbour->raw[0].sealed.envelope.sender.same_entity(station_account().id));
  // What is answered there comes here.
  give(*neighbour, text_from(legacy("xena"), user("bobby"), "an answer", true));
  const auto pushes = bobby.text->take();
  ASSERT_EQ(pushes.size(), 1U);
  EXPECT_EQ(pushes[0].get("author"), legacy("xena").id.bare().text());
}

TEST_F(RoamingTest, A20_ADocumentThatIsUnknownHereIsAskedOfTheNeighbours) {
  LoggedIn bobby = login("bobby");
  Packet get = Packet::request(Operation::get);
  get.set("id", "9").set("type", "document").set("target", legacy("yann").id.bare().text());
  EXPECT_TRUE(ask(*bobby.control, get).empty()) << "not before the neighbour has answered";
  take(*neighbour);
  give(*neighbour, pack(*neighbour, station_id(),
                        encode_content(DocumentsContent::answer(
                            id_in(legacy("yann")), legacy("yann").meta.json(),
                            {legacy("yann").visa.json()}, clock.now(), random))));
  auto answers = bobby.control->take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 200);
  get.set("target", legacy("zoe").id.bare().text());
  EXPECT_TRUE(ask(*bobby.control, get).empty());
  pass(7'000);
  answers = bobby.control->take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 404);
  // A reference client gets it too.
  auto found =
      ask(*alice,
          encode_content(DocumentsContent::query(id_in(legacy("yann")), 0, clock.now(), random)));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(text_in(found[0], "did"), legacy("yann").id.bare().text());
}

TEST_F(RoamingTest, A20_BroadcastsGoToTheNeighbourOnceAndOnlyDocumentsAndLogIns) {
  const Id everyone = *Id::parse("everyone@everywhere");
  const std::size_t before = messages_for(*neighbour, everyone).size();
  const std::string documents = documents_of(legacy("alice"));
  give(*alice, documents);
  give(*alice, documents);
  give(*alice, login_record(legacy("alice"), station_id()));
  JsonObject report = command("report");
  report.set("title", "online");
  give(*alice, pack(*alice, "everyone@everywhere", std::move(report)));
  give(*alice, pack(*alice, "everyone@everywhere", text_of("to all the world")));
  take(*neighbour);
  auto sent = messages_for(*neighbour, everyone);
  sent.erase(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(before));
  ASSERT_EQ(sent.size(), 2U);
  for (const SignedMessage& one : sent) {
    EXPECT_TRUE(one.sealed.envelope.sender.same_entity(legacy("alice").id));
    EXPECT_EQ(stations_in(one), Strings{station_id()});
    EXPECT_EQ(*one.json.text("rcpt"), other_id());
  }
  EXPECT_NE(as_text(sent.back().sealed.data).find("\"login\""), std::string_view::npos);
  // And what comes from there does not go back.
  const std::size_t all = messages_for(*neighbour, everyone).size();
  give(*neighbour, documents_of(legacy("yann")));
  give(*neighbour, login_record(legacy("yann"), other_id()));
  take(*neighbour);
  EXPECT_EQ(messages_for(*neighbour, everyone).size(), all);
}

TEST_F(RoamingTest, A05_ANeighbourBringsTwoHundredNewIdsAnHourUsersAndGroupsTogether) {
  // Each one of its own: keys are made for the purpose.
  std::size_t known = 0;
  for (int i = 0; i < 205; ++i) {
    auto key = PrivateKey::generate_ec(random);
    const bool group = i % 2 == 1;
    const Meta meta =
        group ? Meta::make_mkm(key, "crowd") : *Meta::make(MetaType::eth, key.public_key());
    const Id id = *meta.id(group ? EntityType::group : EntityType::user);
    JsonObject properties;
    properties.set("name", "crowd");
    const Document visa =
        Document::make(id, group ? "bulletin" : "visa", properties, clock.now(), key);
    pass(100);
    give(*neighbour, pack(*neighbour, station_id(),
                          encode_content(DocumentsContent::answer(id, meta.json(), {visa.json()},
                                                                  clock.now(), random))));
    const auto identity = store.identity(id.text());
    if (identity && *identity) ++known;
  }
  EXPECT_GE(known, 195U);
  EXPECT_LE(known, 201U);
}

}  // namespace
}  // namespace dim::station_test
