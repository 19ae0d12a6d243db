// What reference stations accept wrongly, and this gateway does not. The ids are those of the plan
// of attacks and bad inputs. Everything here comes over a connection that has logged in, unless the
// test says otherwise.
#include <algorithm>
#include <functional>

#include "dim/base/hex.h"
#include "dim/crypto/symmetric.h"
#include "server/gateway_fixture.h"
#include "server/twin_fixture.h"
#include "testing/forged_meta.h"

namespace dim::station_test {
namespace {

class GatewayRefusalTest : public GatewayTest {
 protected:
  void SetUp() override {
    GatewayTest::SetUp();
    std::tie(alice, bob) = come_together("alice", "bob");
    take(*bob);
    news(*bob);
    bob->raw.clear();
    bob->refused.clear();
  }

  JsonObject right(const std::string& text = "right") {
    return *parse_json_object(pack(*alice, id_of("bob"), text_of(text)));
  }

  /// Neither delivered nor stored nor answered; acknowledged as bytes, and the connection goes on.
  void refused(std::string_view json, const std::string& what) {
    const std::size_t acks = alice->station_acks;
    const Cursor newest = *store.newest(id_of("bob"));
    news(*alice);
    give(*alice, json);
    take(*bob);
    EXPECT_TRUE(bob->raw.empty()) << what;
    EXPECT_TRUE(news(*alice).empty()) << what;
    EXPECT_EQ(*store.newest(id_of("bob")), newest) << what;
    EXPECT_EQ(alice->station_acks, acks + 1) << what;
    bob->raw.clear();
    // Twenty wrong ones end a connection; this is about each of them.
    if (alice->link.closed || ++wrong % 15 == 0) {
      if (!alice->link.closed) station->closed(alice->id);
      station->end_of_turn();
      alice = come("alice");
      introduce(*alice, legacy("bob"));
    }
  }
  void refused(const JsonObject& object, const std::string& what) {
    refused(write_json(object, JsonStyle::reference), what);
  }
  void refused_with(const std::string& name, const Json& value) {
    JsonObject object = right();
    object.set(name, value);
    refused(object, name + " = " + write_json(value).substr(0, 60));
  }
  void still_works() {
    give(*alice, write_json(right("still here"), JsonStyle::reference));
    take(*bob);
    ASSERT_EQ(bob->got.size(), 1U);
    EXPECT_EQ(text_in(bob->got[0], "text"), "still here");
  }

  std::unique_ptr<Client> alice, bob;
  unsigned wrong = 0;
};

// --- JSON

TEST_F(GatewayRefusalTest, J01_Depth) {
  const std::string text = write_json(right(), JsonStyle::reference);
  refused("{\"x\": " + std::string(32, '[') + std::string(32, ']') + ", " + text.substr(1),
          "depth 33");
  refused("{\"a\":" + std::string(100'000, '['), "100,000 brackets");
  still_works();
}

TEST_F(GatewayRefusalTest, J02_DuplicateAndAmbiguousKeys) {
  const std::string text = write_json(right(), JsonStyle::reference);
  refused("{\"sender\": \"" + id_of("alice") + "\", " + text.substr(1), "sender twice");
  refused_with("D", *right().text("data"));
  refused_with("S", id_of("alice"));
  still_works();
}

TEST_F(GatewayRefusalTest, J03_Numbers) {
  for (const char* number : {"NaN", "Infinity", "1e999", "01", ".5"}) {
    std::string text = write_json(right(), JsonStyle::reference);
    refused("{\"x\": " + std::string(number) + ", " + text.substr(1), number);
  }
  std::string text = write_json(right(), JsonStyle::reference);
  refused("{\"x\": " + std::string(5'000, '7') + ", " + text.substr(1), "5,000 digits");
  still_works();
}

TEST_F(GatewayRefusalTest, J04_SurrogatesAndNulInKeys) {
  const std::string text = write_json(right(), JsonStyle::reference);
  refused("{\"x\": \"\\ud800\", " + text.substr(1), "lone surrogate");
  refused("{\"a\\u0000b\": 1, " + text.substr(1), "NUL in a key");
  still_works();
}

TEST_F(GatewayRefusalTest, J05_WhatIsNoJson) {
  const std::string text = write_json(right(), JsonStyle::reference);
  refused("{ /* x */ " + text.substr(1), "comment");
  refused(text.substr(0, text.size() - 1) + ",}", "trailing comma");
  refused("\xef\xbb\xbf" + text, "BOM");
  refused("{'sender': 'x'}", "single quotes");
  still_works();
}

TEST_F(GatewayRefusalTest, J06_TooManyMembers) {
  std::string many = "{";
  for (int i = 0; i < 20'000; ++i) many += "\"k" + std::to_string(i) + "\":1,";
  refused(many + write_json(right()).substr(1), "20,000 members");
  still_works();
}

TEST_F(GatewayRefusalTest, J07_OtherTopLevels) {
  for (const char* text : {"[]", "\"text\"", "null", "17", "true"}) refused(text, text);
  still_works();
}

// --- envelope

TEST_F(GatewayRefusalTest, J08_Senders) {
  JsonObject object = right();
  object.erase("sender");
  refused(object, "no sender");
  refused_with("sender", 17);
  refused_with("sender", JsonArray{Json(id_of("alice"))});
  refused_with("sender", "everyone@everywhere");
  refused_with("sender", "");
  still_works();
}

TEST_F(GatewayRefusalTest, J09_GroupsThatAreNone) {
  refused_with("group", id_of("bob"));
  still_works();
}

TEST_F(GatewayRefusalTest, A09_J10_APlainTextIsNoPrivateMessage) {
  // Stored as it is, it would be shown as a private message by reference clients.
  JsonObject content = to_wire(text_of("everybody may read this"));
  content.set("group", "everyone@everywhere");
  const std::string data = write_json(content, JsonStyle::reference);
  JsonObject object;
  object.set("sender", id_of("alice"));
  object.set("receiver", id_of("bob"));
  object.set("time", content.find("time")->number());
  object.set("group", "everyone@everywhere");
  object.set("data", data);
  object.set("signature", to_base64(legacy("alice").identity_key.sign(to_bytes(data))));
  refused(object, "case E");
  still_works();
}

TEST_F(GatewayRefusalTest, J11_Data) {
  refused_with("data", "");
  refused_with("data", "!!!!");
  for (const std::size_t size : {15U, 17U, 32U}) refused_with("data", to_base64(Bytes(size, 1)));
  refused_with("data", JsonObject{});
  refused_with("data", 7);
  still_works();
}

TEST_F(GatewayRefusalTest, J12_Base64) {
  const std::string data = *right().text("data");
  refused_with("data", data.substr(0, 8) + " " + data.substr(8));
  refused_with("data", data.substr(0, 8) + "-_" + data.substr(10));
  refused_with("data", data + "====");
  refused_with("signature", "====");
  still_works();
}

TEST_F(GatewayRefusalTest, J12_Keys) {
  refused_with("keys", JsonArray{});
  refused_with("keys", "none");
  JsonObject many;
  for (int i = 0; i < 1'001; ++i) many.set("k" + std::to_string(i), "AAAA");
  refused_with("keys", many);
  still_works();
}

TEST_F(GatewayRefusalTest, I01_Receivers) {
  for (const char* id : {"", "@", "a@", "a@b@c", "0xZZ", "\r\nFAKE@anywhere"})
    refused_with("receiver", id);
  refused_with("receiver", 5);
  still_works();
}

// --- signatures

TEST_F(GatewayRefusalTest, A01_J13_NoSignatureButTheRightOnePasses) {
  const JsonObject object = right();
  const Bytes good = *from_base64(*object.text("signature"));
  Bytes flipped = good;
  flipped[flipped.size() / 2] ^= 1;
  std::vector<Bytes> bad{Bytes(8, 0), Bytes(70, 0), Bytes(128, 1), Bytes(256, 0), flipped};
  Bytes trailing = good;
  trailing.push_back(0);
  bad.push_back(trailing);  // J14
  const Bytes other = *from_base64(*right("other").text("signature"));
  bad.push_back(other);
  for (const Bytes& signature : bad) {
    JsonObject forged = object;
    forged.set("signature", to_base64(signature));
    refused(forged, "signature " + to_hex(signature).substr(0, 20));
  }
  JsonObject none = object;
  none.erase("signature");
  refused(none, "no signature");
  still_works();
}

TEST_F(GatewayRefusalTest, A01_A19_AnRsaVisaMakesNoSignatureRight) {
  // Reference stations try the visa's RSA key first and take whatever it says.
  for (const std::size_t size : {2U, 128U, 256U}) {
    JsonObject object = right();
    object.set("signature", to_base64(Bytes(size, 0)));
    refused(object, "zeros");
  }
}

TEST_F(GatewayRefusalTest, A19_OnesOwnConnectionIsNotTrusted) {
  // Injected into the TCP connection of a user who has logged in.
  JsonObject object = right();
  object.set("data", to_base64(Bytes(64, 7)));
  refused(object, "other data");
  JsonObject report = command("report");
  report.set("title", "offline");
  auto forged = *parse_json_object(pack(*alice, "station@anywhere", report));
  forged.set("signature", to_base64(Bytes(70, 3)));
  refused(forged, "report");
  still_works();
}

TEST_F(GatewayRefusalTest, A21_NobodySpeaksForSomebodyElse) {
  auto carol = come("carol");
  introduce(*carol, legacy("bob"));
  refused(pack(*carol, id_of("bob"), text_of("signed by carol")), "well signed, by another");
  JsonObject object = right();
  object.set("sender", id_of("carol"));
  refused(object, "another name on it");
  still_works();
}

TEST_F(GatewayRefusalTest, A20_AStationsIdGivesNoRights) {
  SeededRandom seed(11);
  auto other = Account::make_station("mallory", {}, clock.now() - 60'000, seed);
  ASSERT_TRUE(other);
  JsonObject properties;
  properties.set("key", other->message_keys[0].public_key().json());
  other->visa =
      Document::make(other->id, "visa", properties, clock.now() - 30'000, other->identity_key);
  auto mallory = dial(*other);
  give(*mallory, pack(*mallory, "station@anywhere", hello(), {.meta = true, .visa = true}));
  auto asked = news(*mallory);
  ASSERT_EQ(asked.size(), 1U);
  give(*mallory, pack(*mallory, station_id(), hello(text_in(asked[0], "session"))));
  EXPECT_TRUE(mallory->link.closed);
  EXPECT_EQ(station->sessions(), 2U);
}

TEST_F(GatewayRefusalTest, A02_J16_ASecondMetaOfAKnownIdLogsNobodyIn) {
  // Both metas make the ID, and each has proof: what was there first stays.
  const Account first = twin_account(dim::testing::kFirstTwin);
  const Account second = twin_account(dim::testing::kSecondTwin);
  const std::string id = first.id.bare().text();
  ASSERT_EQ(second.id.bare().text(), id);
  auto one = come(first);
  EXPECT_EQ(std::ranges::count(events, "meta-suspect"), 0);
  auto two = dial(second);
  give(*two, pack(*two, "station@anywhere", hello(), {.meta = true, .visa = true}));
  EXPECT_TRUE(two->raw.empty());
  EXPECT_EQ(std::ranges::count(events, "meta-suspect"), 1);
  const auto identity = store.identity(id);
  EXPECT_EQ(Meta::parse(*parse_json_object((*identity)->meta))->digest(), first.meta.digest());
  EXPECT_TRUE((*identity)->pinned);
  const auto documents = store.documents(id);
  ASSERT_EQ(documents->size(), 1U);
  EXPECT_EQ(documents->front().document, write_json(first.visa.json()));
  EXPECT_FALSE(ask(*one, command("tea")).empty()) << "the first goes on";
}

TEST_F(GatewayRefusalTest, J15_A02_AKeyMadeForTheFingerprintOfAKnownIdIsNotTakenAndAnAlarm) {
  const auto victim = Meta::parse(dim::testing::victim_meta());
  ASSERT_TRUE(victim);
  const std::string id = victim->id(EntityType::user)->text();
  const auto alarms = [&] { return std::ranges::count(events, "meta-suspect"); };
  for (const bool known : {false, true}) {
    if (known) {
      const Write write = PutIdentity{id, write_json(victim->json()), true};
      ASSERT_TRUE(store.commit({&write, 1}));
    }
    auto client = dial(legacy("mallory"));
    auto object = *parse_json_object(
        pack(*client, "station@anywhere", hello(), {.meta = true, .visa = true}));
    object.set("sender", id);
    object.set("meta", dim::testing::forged_meta());
    give(*client, write_json(object, JsonStyle::reference));
    EXPECT_TRUE(client->raw.empty());
    EXPECT_EQ(alarms(), known ? 1 : 0);
    // Nor as something to know of her.
    JsonObject content = command("meta");
    content.set("did", id);
    content.set("meta", dim::testing::forged_meta());
    const auto told = ask(*alice, content);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(text_in(told[0], "text"), "Meta not accepted.");
    EXPECT_EQ(alarms(), known ? 2 : 0);
    EXPECT_EQ(store.identity(id)->has_value(), known);
  }
  EXPECT_EQ(station->sessions(), 2U);
  EXPECT_EQ(Meta::parse(*parse_json_object((*store.identity(id))->meta))->digest(),
            victim->digest());
}

TEST_F(GatewayRefusalTest, A02_AMetaThatDoesNotMakeTheIdLogsNobodyIn) {
  SeededRandom seed(12);
  auto mallory = Account::make_user("mallory", clock.now() - 60'000, seed);
  ASSERT_TRUE(mallory);
  auto client = dial(*mallory);
  auto object =
      *parse_json_object(pack(*client, "station@anywhere", hello(), {.meta = true, .visa = true}));
  object.set("sender", id_of("alice"));
  give(*client, write_json(object, JsonStyle::reference));
  EXPECT_TRUE(client->raw.empty());
  const auto identity = store.identity(id_of("alice"));
  EXPECT_EQ(Meta::parse(*parse_json_object((*identity)->meta))->digest(),
            legacy("alice").meta.digest());
}

TEST_F(GatewayRefusalTest, A05_AttachmentsOfAForgedMessageAreNotKept) {
  auto dora = dial(legacy("dora"));
  auto object =
      *parse_json_object(pack(*dora, "station@anywhere", hello(), {.meta = true, .visa = true}));
  object.set("signature", to_base64(Bytes(70, 1)));
  give(*dora, write_json(object, JsonStyle::reference));
  EXPECT_TRUE(dora->raw.empty());
  EXPECT_FALSE(*store.identity(id_of("dora")));
  EXPECT_TRUE(store.documents(id_of("dora"))->empty());
}

TEST_F(GatewayRefusalTest, A05_MoreThanFourDocumentsAreTooMany) {
  auto object = *parse_json_object(pack(*alice, "station@anywhere", command("tea")));
  JsonArray many;
  for (int i = 0; i < 5; ++i) many.emplace_back(legacy("alice").visa.json());
  object.set("documents", many);
  refused(object, "five documents");
}

// --- commands to the station

TEST_F(GatewayRefusalTest, J17_J18_J19_J20_WhatTheStationCannotDecryptIsNotAnswered) {
  const auto packed = [&] {
    return *parse_json_object(pack(*alice, station_id(), command("tea")));
  };
  JsonObject object = packed();
  object.set("keys", JsonObject{});
  refused(object, "no key");
  object = packed();
  JsonObject keys;
  keys.set(station_id(), to_base64(Bytes(256, 9)));
  object.set("keys", keys);
  refused(object, "bad padding");
  for (const Json& iv :
       {Json(to_base64(Bytes(15, 1))), Json(to_base64(Bytes(17, 1))), Json("???")}) {
    object = packed();
    object.set("IV", iv);
    refused(object, "IV");
  }
  object = packed();
  object.set("iv", *object.text("IV"));
  refused(object, "iv and IV");
  object = packed();
  object.set("IV", to_base64(Bytes(16, 1)));
  refused(object, "another IV");

  // Signed by Alice and wrapped for the station, whatever is inside.
  const Secret aes_key = Secret::copy_of(Bytes(32, 7));
  const auto crafted = [&](std::string_view key, Bytes data) {
    const JsonObject content = to_wire(command("tea"));
    const auto recipients = alice->directory.message_keys(*Id::parse(station_id()));
    SealedMessage sealed{.envelope = {.sender = alice->account->id.bare(),
                                      .receiver = *Id::parse(station_id()),
                                      .time = content_time(content),
                                      .type = content_type(content)},
                         .data = std::move(data),
                         .iv = Bytes(16, 0)};
    sealed.keys.emplace_back(recipients.at(0).first,
                             recipients.at(0).second.encrypt(as_bytes(key), random).value());
    return write_message(sign(std::move(sealed), alice->account->identity_key));
  };
  const auto encrypted = [&](std::string_view text) {
    return aes_cbc_encrypt(aes_key, AesIv{}, as_bytes(text), AesKeys::any_size).value();
  };
  const auto text = [&] {
    std::string out = write_json(to_wire(command("tea")), JsonStyle::reference);
    out.resize((out.size() / 16 + 1) * 16, ' ');
    return out;
  };
  const std::string right_key =
      R"({"algorithm":"AES","data":")" + to_base64(aes_key.view()) + "\"}";
  refused(crafted(R"({"algorithm":"PLAIN"})", to_bytes(text())), "J17 PLAIN");
  refused(
      crafted(R"({"algorithm":"DES","data":")" + to_base64(Bytes(8, 7)) + "\"}", encrypted(text())),
      "J17 DES");
  for (const std::string_view end : {std::string_view("\x00", 1), std::string_view("\x11"),
                                     std::string_view("\xFF"), std::string_view("\x03\x02\x03")}) {
    std::string blocks = text();
    blocks.replace(blocks.size() - end.size(), end.size(), end);
    Bytes data = encrypted(blocks);
    data.resize(blocks.size());  // without the padding that is right
    refused(crafted(right_key, std::move(data)), "J20");
  }
  // The control: the same with right key and right padding is done.
  news(*alice);
  give(*alice, crafted(right_key, encrypted(text())));
  EXPECT_FALSE(news(*alice).empty());
}

TEST_F(GatewayRefusalTest, J21_ContentsWithoutTypeOrNumberOrAtAnotherTime) {
  for (const char* name : {"sn", "time"}) {
    JsonObject content = command("tea");
    content.erase(name);
    auto text =
        pack(*alice, station_id(), content, {.time = static_cast<double>(clock.now()) / 1000});
    refused(text, name);
  }
  JsonObject content = command("tea");
  refused(
      pack(*alice, station_id(), content, {.time = static_cast<double>(clock.now()) / 1000 - 60}),
      "time of the envelope");
  auto object = *parse_json_object(pack(*alice, station_id(), command("tea")));
  object.set("type", "1");
  refused(object, "type of the envelope");
}

TEST_F(GatewayRefusalTest, J22_ABoundCommandForAnotherStationIsNotDone) {
  JsonObject content = command("tea");
  JsonObject bind;
  bind.set("v", 1);
  bind.set("from", id_of("alice"));
  bind.set("to", "gsp@x77uVYBT1G48CLzW9iwe2dr5jhUNEM772G");
  bind.set("time", content.find("time")->number());
  content.set("bind", bind);
  refused(pack(*alice, station_id(), content), "bind");
}

TEST_F(GatewayRefusalTest, A37_ContentsOfTheFutureAndOfLongAgo) {
  for (const Millis time : {clock.now() + 400'000, Millis{1'400'000'000'000}}) {
    JsonObject content = command("tea");
    content.set("time", static_cast<double>(time) / 1000);
    refused(pack(*alice, station_id(), content), "time");
  }
}

// --- queues

TEST_F(GatewayRefusalTest, A14_AMessageCannotTakeAnothersPlaceInTheQueue) {
  station->closed(bob->id);
  station->end_of_turn();
  auto carol = come("carol");
  introduce(*carol, legacy("bob"));
  const std::string good = write_json(right("mine"), JsonStyle::reference);
  give(*alice, good);
  // The reference files messages under the last characters of the signature's text; here another
  // sender's message with any tail has a place of its own, or none when it does not verify.
  give(*carol, pack(*carol, id_of("bob"), text_of("hers")));
  auto object = *parse_json_object(pack(*carol, id_of("bob"), text_of("collides")));
  object.set("signature", *parse_json_object(good)->text("signature"));
  give(*carol, write_json(object, JsonStyle::reference));
  const auto waiting = store.inbox(id_of("bob"), 0, 10, 1'000'000);
  ASSERT_EQ(waiting->size(), 2U);
  EXPECT_EQ(waiting->front().author, id_of("alice"));
  EXPECT_EQ(waiting->back().author, id_of("carol"));
}

TEST_F(GatewayRefusalTest, A17_AnAddressOfAnotherDeviceIsNotObeyed) {
  JsonObject object = right("for bob");
  object.set("rcpt", id_of("carol"));
  object.set("receiver", id_of("bob"));
  give(*alice, write_json(object, JsonStyle::reference));
  take(*bob);
  ASSERT_EQ(bob->got.size(), 1U);
  EXPECT_EQ(*store.newest(id_of("carol")), 0);
}

TEST_F(GatewayRefusalTest, WhoSendsNothingButWrongMessagesIsCutOff) {
  for (int i = 0; i < 20; ++i) give(*alice, "{\"wrong\": " + std::to_string(i) + "}");
  EXPECT_TRUE(alice->link.closed);
  EXPECT_FALSE(bob->link.closed);
}

TEST_F(GatewayRefusalTest, A24_A38_NoSessionKeyIsLogged) {
  for (const std::string& detail : details)
    EXPECT_EQ(detail.find(alice->session), std::string::npos);
}

}  // namespace
}  // namespace dim::station_test
