// What the station itself does for reference clients.
#include "server/gateway_fixture.h"
#include "server/records.h"
#include "testing/twin_metas.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;

class GatewayCommandTest : public GatewayTest {
 protected:
  JsonObject about(std::string_view name, const std::string& did) {
    JsonObject content = command(name);
    content.set("did", did);
    return content;
  }
  JsonObject login_of(const std::string& did, const std::string& at) {
    JsonObject content = about("login", did);
    content.set("agent", "DIMP/1.0");
    JsonObject place;
    place.set("did", at);
    place.set("host", "127.0.0.1");
    place.set("port", 9394);
    content.set("station", place);
    return content;
  }
  /// The receipts or titles that come back for a command to everybody.
  Strings tell(Client& client, JsonObject content) {
    news(client);
    give(client, pack(client, "everyone@everywhere", std::move(content)));
    return texts(client);
  }
  Strings answers(Client& client, JsonObject content) {
    Strings out;
    for (const Opened& one : ask(client, std::move(content))) out.push_back(text_in(one, "text"));
    return out;
  }
};

// --- metas and documents

TEST_F(GatewayCommandTest, TellsMetaAndDocumentsOfOthersAndOnesOwn) {
  visit("bob");
  auto alice = come("alice");
  for (const char* name : {"bob", "alice"}) {
    auto meta = ask(*alice, about("meta", id_of(name)));
    ASSERT_EQ(meta.size(), 1U) << name;
    EXPECT_EQ(text_in(meta[0], "did"), id_of(name));
    EXPECT_EQ(text_in(meta[0], "ID"), id_of(name));
    auto parsed = Meta::parse(*meta[0].message.content.find("meta")->object());
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->matches(user(name).id));
    auto documents = ask(*alice, about("documents", id_of(name)));
    ASSERT_EQ(documents.size(), 1U) << name;
    EXPECT_EQ(documents[0].message.content.find("documents")->array()->size(), 1U);
    EXPECT_TRUE(documents[0].message.content.contains("meta"));
  }
}

TEST_F(GatewayCommandTest, QueriesWorkWithoutLogIn) {
  visit("bob");
  auto alice = dial(legacy("alice"));
  give(*alice, pack(*alice, "station@anywhere", about("documents", id_of("bob")),
                    {.meta = true, .visa = true}));
  auto all = news(*alice);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].message.content.contains("documents"));
  EXPECT_FALSE(*store.identity(id_of("alice"))) << "nobody is stored for a question";
}

TEST_F(GatewayCommandTest, SeveralVisasComeOldestFirstAndWithoutTheTwin) {
  visit(device_of("bob", "phone"));
  clock.at += 1'000;
  visit(device_of("bob", "tablet"));
  auto alice = come("alice");
  give(*alice, pack(*alice, station_id(), about("documents", id_of("bob"))));
  auto sealed = alice->raw.back();
  auto text = decrypt(sealed.sealed, *alice->account, {});
  ASSERT_TRUE(text);
  auto content = parse_json_object(as_text(text->text.view()));
  ASSERT_TRUE(content);
  EXPECT_FALSE(content->contains("document")) << "clients would replace the list by it";
  const JsonArray& list = *content->find("documents")->array();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(*content->text("command"), "document");
  // Clients of 2025 take none of them when one names another ID than they have asked for.
  for (const auto& [at, terminal] : {std::pair(0U, "phone"), {1U, "tablet"}}) {
    const JsonObject& visa = *list[at].object();
    EXPECT_EQ(*visa.text("did"), id_of("bob"));
    EXPECT_EQ(*visa.text("terminal"), terminal);
    const auto parsed = Document::parse(visa, user("bob").id, user("bob").meta);
    ASSERT_TRUE(parsed) << to_string(parsed.error());
    EXPECT_EQ(parsed->terminal(), terminal);
  }
}

TEST_F(GatewayCommandTest, UnknownIdsAreAnswered) {
  auto alice = come("alice");
  EXPECT_EQ(answers(*alice, about("meta", id_of("dora"))), Strings{"Meta not found."});
  EXPECT_EQ(answers(*alice, about("documents", id_of("dora"))), Strings{"Document not found."});
}

TEST_F(GatewayCommandTest, DocumentsThatAreNotNewerAreSaidToBeOld) {
  visit("bob");
  auto alice = come("alice");
  JsonObject query = about("documents", id_of("bob"));
  query.set("last_time", static_cast<double>(clock.now()) / 1000);
  EXPECT_EQ(answers(*alice, query), Strings{"Document not updated."});
}

TEST_F(GatewayCommandTest, AUserPublishesANewerVisaAndNoOlderOne) {
  auto alice = come("alice");
  JsonObject properties = legacy("alice").visa.properties();
  properties.set("name", "Alice the second");
  const Document visa = Document::make(legacy("alice").id.bare(), "visa", properties,
                                       clock.now() - 1'000, legacy("alice").identity_key);
  JsonObject content = about("documents", id_of("alice"));
  content.set("document", visa.json());
  EXPECT_EQ(tell(*alice, content), Strings{"Document received."});
  EXPECT_EQ(store.documents(id_of("alice"))->front().time, clock.now() - 1'000);
  content = about("documents", id_of("alice"));
  content.set("document", legacy("alice").visa.json());
  EXPECT_EQ(tell(*alice, content), Strings{"Document not changed."});
}

TEST_F(GatewayCommandTest, A04_DocumentsOfAnotherNameAreNotAccepted) {
  auto alice = come("alice");
  visit("bob");
  JsonObject content = about("documents", id_of("bob"));
  content.set("document", legacy("alice").visa.json());
  EXPECT_EQ(tell(*alice, content), Strings{"Document not accepted."});
}

/// A visa of Alice's device `terminal` that gives away a private key.
Document careless_visa(const std::string& terminal, Millis time) {
  const Account& alice = legacy("alice");
  JsonObject properties = alice.visa.properties();
  properties.set("key", *parse_json_object(as_text(alice.message_keys.at(0).json().view())));
  return Document::make(alice.id.with_terminal(terminal), "visa", properties, time,
                        alice.identity_key);
}

TEST_F(GatewayCommandTest, I12_AVisaWithAPrivateKeyIsNotKeptAndItsOwnerToldWhy) {
  auto alice = come("alice");
  JsonObject content = about("documents", id_of("alice"));
  content.set("document", careless_visa("", clock.now() - 1'000).json());
  const auto told = ask(*alice, content);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(text_in(told[0], "text"), "Document not accepted.");
  const Json* words = told[0].message.content.find("replacements");
  ASSERT_NE(words, nullptr);
  EXPECT_NE(words->object()->text("why")->find("private key"), std::string::npos);
  EXPECT_EQ(store.documents(id_of("alice"))->front().time, *legacy("alice").visa.time());
}

TEST_F(GatewayCommandTest, A33_VisasThatComeInOneTurnAreSixteenToo) {
  auto alice = come("alice");
  committer.held = true;
  for (int i = 0; i < 20; ++i) {
    JsonObject properties = legacy("alice").visa.properties();
    properties.set("name", "device " + std::to_string(i));
    JsonObject content = about("documents", id_of("alice"));
    content.set("document",
                Document::make(legacy("alice").id.with_terminal("t" + std::to_string(i)), "visa",
                               properties, clock.now() - 1'000 + i, legacy("alice").identity_key)
                    .json());
    give(*alice, pack(*alice, station_id(), std::move(content)));
  }
  committer.held = false;
  committer.run();
  station->end_of_turn();
  take(*alice);
  EXPECT_EQ(store.documents(id_of("alice"))->size(), 16U);
}

TEST_F(GatewayCommandTest, I12_NorOneThatComesWithALogIn) {
  auto alice = dial(legacy("alice"));
  give(*alice, pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true}));
  const std::string session = text_in(news(*alice).at(0), "session");
  JsonObject message = *parse_json_object(pack(*alice, station_id(), hello(session)));
  message.set("visa", careless_visa("pad", clock.now() - 1'000).json());
  give(*alice, write_json(message));
  EXPECT_EQ(texts(*alice), Strings{}) << "it is no error";
  EXPECT_EQ(station->sessions(), 1U);
  const auto documents = *store.documents(id_of("alice"));
  ASSERT_EQ(documents.size(), 1U);
  EXPECT_EQ(documents[0].terminal, "");
  EXPECT_NE(std::find(events.begin(), events.end(), "visa-refused"), events.end());
}

TEST_F(GatewayCommandTest, A05_MetasOfUnknownUsersAreNotKept) {
  auto alice = come("alice");
  JsonObject content = about("documents", id_of("dora"));
  content.set("meta", user("dora").meta.json());
  content.set("document", user("dora").visa.json());
  EXPECT_EQ(tell(*alice, content), Strings{"Document not accepted."});
  EXPECT_FALSE(*store.identity(id_of("dora")));
}

TEST_F(GatewayCommandTest, AGroupIsPublishedByItsDocument) {
  auto alice = come("alice");
  SeededRandom seed(5);
  const PrivateKey key = PrivateKey::generate_ec(seed);
  const Meta meta = Meta::make_mkm(key, "garden");
  const Id group = *meta.id(EntityType::group);
  JsonObject properties;
  properties.set("name", "Garden");
  properties.set("founder", id_of("alice"));
  JsonObject content = about("documents", group.text());
  content.set("meta", meta.json());
  content.set("document",
              Document::make(group, "bulletin", properties, clock.now() - 1'000, key).json());
  EXPECT_EQ(tell(*alice, content), Strings{"Document received."});
  auto bob = come("bob");
  auto all = ask(*bob, about("documents", group.text()));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].message.content.contains("documents"));
}

// --- login records

TEST_F(GatewayCommandTest, A23_ALoginIsKeptAndToldToWhoAsks) {
  auto alice = come("alice");
  EXPECT_EQ(tell(*alice, login_of(id_of("alice"), station_id())), Strings{"Login received."});
  auto bob = come("bob");
  auto all = ask(*bob, about("documents", id_of("alice")));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_TRUE(all[0].message.content.contains("documents"));
  auto content = decode_content(all[1].message.content);
  ASSERT_TRUE(content && content->as<ForwardContent>());
  const auto& secrets = content->as<ForwardContent>()->secrets;
  ASSERT_EQ(secrets.size(), 1U);
  EXPECT_TRUE(user("alice").meta.key().verify(secrets[0].sealed.data, secrets[0].signature));
  // It is a record, not a document.
  LoggedIn carol = login("carol");
  Packet get = Packet::request(Operation::get);
  get.set("id", "9").set("type", "document").set("target", id_of("alice"));
  EXPECT_EQ(answer(*carol.control, get).content->find("login"), std::string::npos);
}

TEST_F(GatewayCommandTest, J25_LoginsOfOthersOfOtherTimesAndForOtherStationsAreRefused) {
  auto alice = come("alice");
  visit("bob");
  const Strings refused{"Login not accepted."};
  EXPECT_EQ(tell(*alice, login_of(id_of("bob"), station_id())), refused);
  EXPECT_EQ(tell(*alice, login_of(id_of("alice"), "gsp@x77uVYBT1G48CLzW9iwe2dr5jhUNEM772G")),
            refused);
  JsonObject late = login_of(id_of("alice"), station_id());
  late.set("time", static_cast<double>(clock.now() - 400'000) / 1000);
  EXPECT_EQ(tell(*alice, late), refused);
  JsonObject early = login_of(id_of("alice"), station_id());
  early.set("time", static_cast<double>(clock.now() + 86'400'000) / 1000);
  EXPECT_TRUE(tell(*alice, early).empty()) << "a content of tomorrow is not even opened";
  EXPECT_EQ(tell(*alice, login_of(id_of("alice"), station_id())), Strings{"Login received."});
  JsonObject older = login_of(id_of("alice"), station_id());
  older.set("time", static_cast<double>(clock.now() - 60'000) / 1000);
  EXPECT_EQ(tell(*alice, older), refused);
}

// --- names

TEST_F(GatewayCommandTest, AnsTellsWhatIsKnownAndNamesWhatIsNot) {
  const std::array<Write, 1> name{PutName{"helper", id_of("bob"), clock.now()}};
  ASSERT_TRUE(store.commit(name));
  auto alice = come("alice");
  JsonObject content = command("ans");
  content.set("names", "helper everyone nobody_here");
  auto all = ask(*alice, content);
  ASSERT_EQ(all.size(), 1U);
  const JsonObject& records = *all[0].message.content.find("records")->object();
  EXPECT_EQ(*records.text("helper"), id_of("bob"));
  EXPECT_EQ(*records.text("everyone"), "everyone@everywhere");
  EXPECT_FALSE(records.contains("nobody_here"));
  EXPECT_EQ(all[0].message.content.find("missed")->array()->size(), 1U);
}

TEST_F(GatewayCommandTest, AnUnknownNameAloneIsAnsweredToo) {
  auto alice = come("alice");
  JsonObject content = command("ans");
  content.set("names", "nobody_here");
  EXPECT_EQ(ask(*alice, content).size(), 1U);
}

// --- lists

TEST_F(GatewayCommandTest, MuteAndBlockAreKeptAndTold) {
  auto alice = come("alice");
  for (const char* name : {"mute", "block"}) {
    JsonObject content = command(name);
    content.set("list", JsonArray{Json(id_of("bob"))});
    const Strings said = answers(*alice, content);
    ASSERT_EQ(said.size(), 1U) << name;
    EXPECT_NE(said[0].find("received"), std::string::npos);
    auto all = ask(*alice, command(name));
    ASSERT_EQ(all.size(), 1U);
    const Json* list = all[0].message.content.find("list");
    ASSERT_NE(list, nullptr);
    ASSERT_EQ(list->array()->size(), 1U);
    EXPECT_EQ(*list->array()->front().text(), id_of("bob"));
  }
}

TEST_F(GatewayCommandTest, WhoIsBlockedReachesNobodyAndIsNotTold) {
  auto alice = come("alice");
  JsonObject content = command("block");
  content.set("list", JsonArray{Json(id_of("bob")), Json(id_of("carol"))});
  ASSERT_EQ(answers(*alice, content).size(), 1U);
  auto bob = come("bob");
  introduce(*bob, legacy("alice"));
  give(*bob, pack(*bob, id_of("alice"), text_of("hello?")));
  EXPECT_EQ(texts(*bob), Strings{"Message cached."});
  LoggedIn carol = online("carol");
  EXPECT_EQ(answer(*carol.text, create(user("carol"), id_of("alice"), "hello?")).code, 202);
  EXPECT_EQ(*store.newest(id_of("alice")), 0);
}

TEST_F(GatewayCommandTest, A44_WhatWasSentBeforeABlockIsStoredBeforeTheBlockIsAnswered) {
  auto [alice, bob] = come_together("alice", "bob");
  JsonObject content = command("block");
  content.set("list", JsonArray{Json(id_of("bob"))});
  committer.held = true;
  give(*alice, pack(*alice, station_id(), content));
  give(*bob, pack(*bob, id_of("alice"), text_of("hello?")));
  committer.run_one();  // the list
  station->end_of_turn();
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{}) << "something of his is still on its way";
  committer.held = false;
  committer.run();
  station->end_of_turn();
  take(*alice);
  EXPECT_EQ(texts(*alice), (Strings{"hello?", "Block list received."}));
  give(*bob, pack(*bob, id_of("alice"), text_of("are you there?")));
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{});
}

TEST_F(GatewayCommandTest, OfSeveralListsInOneMomentTheLastCounts) {
  auto alice = come("alice");
  const auto block = [&](JsonArray list) {
    JsonObject content = command("block");
    content.set("list", std::move(list));
    give(*alice, pack(*alice, station_id(), std::move(content)));
  };
  const auto blocked = [&] {
    return ask(*alice, command("block")).at(0).message.content.find("list")->array()->size();
  };
  committer.held = true;
  block({Json(id_of("bob"))});
  block({Json(id_of("bob")), Json(id_of("carol"))});
  block({Json(id_of("bob")), Json(id_of("carol")), Json(id_of("dora"))});
  EXPECT_EQ(texts(*alice), Strings{});
  committer.held = false;
  committer.run();
  station->end_of_turn();
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings(3, "Block list received."));
  EXPECT_EQ(blocked(), 3U);
}

TEST_F(GatewayCommandTest, A12_AnOldListDoesNotComeBack) {
  auto alice = come("alice");
  JsonObject content = command("block");
  content.set("list", JsonArray{Json(id_of("bob"))});
  const std::string old = pack(*alice, station_id(), content);
  give(*alice, old);
  EXPECT_EQ(texts(*alice), Strings{"Block list received."});
  clock.at += 1'000;
  content = command("block");
  content.set("list", JsonArray{});
  EXPECT_EQ(answers(*alice, content), Strings{"Block list received."});
  pass(700'000, 10'000);
  start();  // what it remembers of commands is in memory
  alice = come("alice");
  give(*alice, old);
  EXPECT_EQ(texts(*alice), Strings{});
  EXPECT_TRUE(ask(*alice, command("block")).at(0).message.content.find("list")->array()->empty());
}

TEST_F(GatewayCommandTest, A12_AListThatCouldNotBeStoredDoesNotOverrideANewerOne) {
  auto alice = come("alice");
  for (const char* name : {"block", "mute"}) {
    const auto listed = [&] {
      return ask(*alice, command(name)).at(0).message.content.find("list")->array()->size();
    };
    JsonObject content = command(name);
    content.set("list", JsonArray{Json(id_of("bob"))});
    const std::string old = pack(*alice, station_id(), content);
    committer.error = Error{Errc::insufficient_storage, "full"};
    const std::size_t acks = alice->station_acks;
    give(*alice, old);
    EXPECT_EQ(alice->station_acks, acks);
    EXPECT_EQ(texts(*alice), Strings{});
    committer.error.reset();
    clock.at += 1'000;
    content = command(name);
    content.set("list", JsonArray{Json(id_of("bob")), Json(id_of("carol"))});
    EXPECT_EQ(answers(*alice, content).size(), 1U);
    clock.at += 1'000;
    give(*alice, old);
    EXPECT_EQ(alice->station_acks, acks + 2) << "it is dealt with";
    EXPECT_EQ(texts(*alice), Strings{"A newer list is kept."});
    EXPECT_EQ(listed(), 2U) << name;
    // Both at once: whatever the disk is first told, the newer one stays.
    content = command(name);
    content.set("list", JsonArray{Json(id_of("bob"))});
    const std::string older = pack(*alice, station_id(), content);
    clock.at += 1'000;
    content = command(name);
    content.set("list", JsonArray{});
    committer.held = true;
    give(*alice, pack(*alice, station_id(), content));
    clock.at += 1'000;
    give(*alice, older);
    committer.held = false;
    committer.run();
    station->end_of_turn();
    take(*alice);
    texts(*alice);
    EXPECT_EQ(listed(), 0U) << name;
  }
}

TEST_F(GatewayCommandTest, AListThatIsNoneIsRefused) {
  auto alice = come("alice");
  JsonObject content = command("block");
  content.set("list", JsonArray{Json("not an ID at all"), Json(7)});
  EXPECT_EQ(answers(*alice, content), Strings{"The list is not accepted."});
  content = command("block");
  content.set("list", "everybody");
  EXPECT_EQ(answers(*alice, content), Strings{"The list is not accepted."});
}

// --- what is not known, and what is nested

TEST_F(GatewayCommandTest, J30_UnknownCommandsAndContentsGetOneReceipt) {
  auto alice = come("alice");
  EXPECT_EQ(answers(*alice, command("make-coffee")), Strings{"Command not support."});
  JsonObject content = command("none");
  content.erase("command");
  content.set("type", 99);
  EXPECT_EQ(answers(*alice, content), Strings{"Content not support."});
  EXPECT_EQ(answers(*alice, text_of("hello station")), Strings{"Content not support."});
}

TEST_F(GatewayCommandTest, J30_AReceiptGetsNoReceipt) {
  auto alice = come("alice");
  JsonObject content = command("receipt");
  content.set("text", "Message received.");
  EXPECT_TRUE(ask(*alice, content).empty());
}

TEST_F(GatewayCommandTest, A12_ACommandThatComesTwiceIsDoneOnce) {
  auto alice = come("alice");
  const std::string text = pack(*alice, station_id(), about("meta", id_of("alice")));
  give(*alice, text);
  EXPECT_EQ(news(*alice).size(), 1U);
  const std::size_t acks = alice->station_acks;
  give(*alice, text);
  EXPECT_TRUE(news(*alice).empty());
  EXPECT_EQ(alice->station_acks, acks + 1);
}

TEST_F(GatewayCommandTest, A12_AnOldReportIsNotObeyed) {
  auto alice = come("alice");
  JsonObject content = command("report");
  content.set("title", "online");
  content.set("time", static_cast<double>(clock.now() - 700'000) / 1000);
  EXPECT_TRUE(ask(*alice, content).empty());
}

TEST_F(GatewayCommandTest, A32_ContentsOfAnArrayAreAnsweredOneByOneWithinTheLimit) {
  auto alice = come("alice");
  JsonObject array = command("x");
  array.erase("command");
  array.set("type", 202);
  array.set("contents", JsonArray{Json(about("meta", id_of("alice"))), Json(command("tea"))});
  EXPECT_EQ(ask(*alice, array).size(), 2U);
  JsonArray many;
  for (int i = 0; i < 65; ++i) many.emplace_back(command("tea"));
  array.set("contents", many);
  EXPECT_EQ(ask(*alice, array).size(), 1U);
  JsonObject deep = command("tea");
  for (int i = 0; i < 5; ++i) {
    JsonObject outer = array;
    outer.set("contents", JsonArray{Json(deep)});
    deep = outer;
  }
  EXPECT_EQ(answers(*alice, deep), Strings{"Content not support."});
}

TEST_F(GatewayCommandTest, A32_MessagesInsideAForwardGoOnOnlyWhenTheyAreOnesOwn) {
  auto alice = come("alice");
  auto carol = come("carol");
  auto bob = come("bob");
  introduce(*alice, legacy("bob"));
  introduce(*carol, legacy("bob"));
  introduce(*bob, legacy("alice"));
  pass(1'500);
  JsonObject forward = command("x");
  forward.erase("command");
  forward.set("type", 255);
  JsonArray secrets;
  secrets.emplace_back(*parse_json_object(pack(*alice, id_of("bob"), text_of("mine"))));
  secrets.emplace_back(*parse_json_object(pack(*carol, id_of("bob"), text_of("not mine"))));
  forward.set("secrets", secrets);
  news(*carol);
  ask(*alice, forward);
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"mine"});
  take(*carol);
  EXPECT_TRUE(news(*carol).empty()) << "third persons get no answers";
}

TEST_F(GatewayCommandTest, A09_J10_APlainMessageToAPersonDoesNotGoThroughInAForward) {
  auto [alice, bob] = come_together("alice", "bob");
  news(*bob);
  const std::size_t before = bob->raw.size();
  JsonObject forward = command("x");
  forward.erase("command");
  forward.set("type", 255);
  forward.set("secrets",
              JsonArray{Json(*parse_json_object(pack(*alice, id_of("bob"), text_of("readable"),
                                                     {.group = "everyone@everywhere"})))});
  ask(*alice, forward);
  take(*bob);
  EXPECT_EQ(bob->raw.size(), before);
  EXPECT_EQ(*store.newest(id_of("bob")), 0);
}

// --- groups

TEST_F(GatewayCommandTest, A02_TheMetaOfAGroupThatHasNoProofYieldsToTheOneThatHas) {
  const auto first = dim::testing::make_twin(dim::testing::kFirstTwin, EntityType::group);
  const auto second = dim::testing::make_twin(dim::testing::kSecondTwin, EntityType::group);
  ASSERT_EQ(first.id, second.id);
  const std::string group = first.id.text();
  auto mallory = come("mallory");
  auto alice = come("alice");
  const auto metas = [&](const Meta& meta) {
    JsonObject content = about("meta", group);
    content.set("meta", meta.json());
    return content;
  };
  const auto bulletins = [&](const dim::testing::Twin& twin) {
    clock.at += 1'000;
    JsonObject content = about("documents", group);
    content.set("meta", twin.meta.json());
    content.set(
        "documents",
        JsonArray{Json(Document::make(first.id, "bulletin", {}, clock.now(), twin.key).json())});
    return content;
  };
  const auto stored = [&] {
    const auto identity = *store.identity(group);
    return Meta::parse(*parse_json_object(identity->meta))->digest();
  };
  EXPECT_EQ(answers(*mallory, metas(second.meta)), Strings{"Meta received."});
  EXPECT_EQ(answers(*alice, metas(first.meta)), Strings{"Meta not accepted."}) << "no proof either";
  EXPECT_EQ(answers(*alice, bulletins(first)), Strings{"Document received."});
  EXPECT_EQ(stored(), first.meta.digest());
  EXPECT_TRUE((*store.identity(group))->pinned);
  EXPECT_EQ(answers(*mallory, metas(second.meta)), Strings{"Meta not accepted."});
  EXPECT_EQ(answers(*mallory, bulletins(second)), Strings{"Document not accepted."});
  EXPECT_EQ(stored(), first.meta.digest());
}

TEST_F(GatewayCommandTest, A02_TheFirstDocumentOfAGroupPinsItsMeta) {
  const auto group = dim::testing::make_twin(dim::testing::kFirstTwin, EntityType::group);
  auto alice = come("alice");
  JsonObject content = about("meta", group.id.text());
  content.set("meta", group.meta.json());
  EXPECT_EQ(answers(*alice, content), Strings{"Meta received."});
  EXPECT_FALSE((*store.identity(group.id.text()))->pinned);
  content = about("documents", group.id.text());
  content.set(
      "documents",
      JsonArray{Json(Document::make(group.id, "bulletin", {}, clock.now(), group.key).json())});
  EXPECT_EQ(answers(*alice, content), Strings{"Document received."});
  EXPECT_TRUE((*store.identity(group.id.text()))->pinned);
}

TEST_F(GatewayCommandTest, J24_WhoHasNotLoggedInChangesNothing) {
  visit("bob");
  auto alice = dial(legacy("alice"));
  for (const char* name : {"login", "report", "block", "mute"}) {
    JsonObject content = login_of(id_of("alice"), station_id());
    content.set("command", name);
    content.set("title", "offline");
    content.set("list", JsonArray{});
    give(*alice, pack(*alice, "station@anywhere", content, {.meta = true, .visa = true}));
    EXPECT_TRUE(news(*alice).empty()) << name;
  }
  EXPECT_TRUE(store.documents(id_of("alice"))->empty());
}

}  // namespace
}  // namespace dim::station_test
