// Devices of reference clients (A04): the terminal stands beside what is signed, so anybody can
// write another one there.
#include "dim/engine/device_link.h"
#include "server/bridge_fixture.h"
#include "server/gateway_copy.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;

/// A visa as reference clients sign it: `data` names nobody and no device, `terminal` stands beside
/// it (wire-2026.md 3.4).
JsonObject reference_visa(const Account& account, const PrivateKey& message_key,
                          const std::string& terminal, Millis time) {
  JsonObject data;
  data.set("type", "visa");
  data.set("name", account.id.name());
  data.set("key", message_key.public_key().json());
  data.set("time", static_cast<double>(time) / 1000);
  const std::string text = write_json(data, JsonStyle::reference);
  JsonObject visa;
  visa.set("did", account.id.bare().text());
  visa.set("type", "visa");
  visa.set("data", text);
  visa.set("signature", to_base64(account.identity_key.sign(as_bytes(text))));
  if (!terminal.empty()) visa.set("terminal", terminal);
  return visa;
}

class GatewayDevicesTest : public BridgeTest {
 protected:
  static const PrivateKey& key_of(const std::string& name) {
    static std::map<std::string, PrivateKey> made;
    auto found = made.find(name);
    if (found == made.end()) found = made.emplace(name, *PrivateKey::generate_rsa()).first;
    return found->second;
  }
  /// Alice's device of that name; its visa is `ago` old.
  Account device(const std::string& terminal, Millis ago, const std::string& key = {}) {
    const Account& first = account_of("alice");
    const PrivateKey& message_key = key_of(key.empty() ? terminal : key);
    auto visa = Document::parse(reference_visa(first, message_key, terminal, clock.now() - ago),
                                first.id, first.meta);
    EXPECT_TRUE(visa) << to_string(visa.error());
    std::vector<PrivateKey> keys;
    keys.push_back(copy_of(message_key));
    const Id id = terminal.empty() ? first.id.bare() : first.id.with_terminal(terminal);
    return {id, first.meta, *visa, copy_of(first.identity_key), std::move(keys)};
  }
  Strings devices() {
    Strings out;
    const auto stored = store.documents(id_of("alice"));
    for (const StoredDocument& one : *stored) {
      if (one.type == "visa") out.push_back(one.terminal);
    }
    return out;
  }
  /// The same signed bytes under another name.
  static JsonObject renamed(const Account& device, const std::string& terminal) {
    JsonObject visa = device.visa.json();
    const std::string name = device.id.bare().text() + "/" + terminal;
    visa.set("did", name);
    visa.set("ID", name);
    return visa;
  }
  JsonObject publishing(const JsonObject& visa) {
    JsonObject content = command("documents");
    content.set("did", id_of("alice"));
    content.set("documents", JsonArray{Json(visa)});
    return content;
  }
  std::string answer_to(Client& client, JsonObject content) {
    const auto all = ask(client, std::move(content));
    return all.size() == 1 ? text_in(all[0], "text") : std::to_string(all.size()) + " answers";
  }
  void log_in(const Account& account) {
    auto client = come(account);
    station->closed(client->id);
    station->end_of_turn();
    clock.at += 1'000;
  }
};

TEST_F(GatewayDevicesTest, ARealDeviceIsTakenEveryTime) {
  log_in(device("phone", 0));
  // A visa is signed anew before each log-in, by clocks that do not agree.
  for (int i = 0; i < 10; ++i) log_in(device("pad" + std::to_string(i), i * 30'000));
  EXPECT_EQ(devices().size(), 11U);
  const Account own = device("laptop", 0);
  auto laptop = come(own);
  EXPECT_EQ(devices().size(), 12U);
  // What she signs for herself counts, whatever the clock of that device says.
  EXPECT_EQ(answer_to(*laptop, publishing(device("watch", 7'200'000).visa.json())),
            "Document received.");
  EXPECT_EQ(devices().size(), 13U);
}

TEST_F(GatewayDevicesTest, A04_OthersOpenNoPlacesWithSomebodysVisa) {
  const Account phone = device("phone", 60'000);
  log_in(phone);
  auto mallory = come("mallory");
  for (int i = 1; i <= 15; ++i) {
    const std::string name = "t" + std::to_string(i);
    EXPECT_EQ(answer_to(*mallory, publishing(renamed(phone, name))), "Document not accepted.");
    // Nor with one that was never here.
    EXPECT_EQ(answer_to(*mallory, publishing(renamed(device(name, 1'000, "phone"), name))),
              "Document not accepted.");
  }
  EXPECT_EQ(devices(), Strings{"phone"});
  // A newer one of the device that is known speaks for itself, whoever brings it.
  EXPECT_EQ(answer_to(*mallory, publishing(device("phone", 1'000).visa.json())),
            "Document received.");
  log_in(device("pad", 0));
  EXPECT_EQ(devices(), (Strings{"pad", "phone"}));
}

TEST_F(GatewayDevicesTest, A04_ABroadcastOfANeighbourOpensNoPlacesEither) {
  const Account phone = device("phone", 60'000);
  log_in(phone);
  auto neighbour = come(other());
  give(*neighbour, documents_of(legacy("xena")));
  Client xena;
  xena.account = &legacy("xena");
  introduce(xena, station_account());
  for (const JsonObject& visa :
       {renamed(phone, "t1"), renamed(device("t2", 1'000, "phone"), "t2")}) {
    give(*neighbour, pack(xena, "everyone@everywhere", publishing(visa), {}));
    give(*neighbour, pack(xena, station_id(), publishing(visa)));
  }
  EXPECT_EQ(devices(), Strings{"phone"});
  // Her own broadcast counts, and what the neighbour answers when it is asked.
  Client alice;
  alice.account = &legacy("alice");
  give(*neighbour,
       pack(alice, "everyone@everywhere", publishing(device("pad", 1'000).visa.json()), {}));
  EXPECT_EQ(devices(), (Strings{"pad", "phone"}));
  give(*neighbour, pack(*neighbour, station_id(), publishing(device("tv", 500).visa.json())));
  EXPECT_EQ(devices(), (Strings{"pad", "phone", "tv"}));
}

TEST_F(GatewayDevicesTest, A04_AReplacedVisaComesBackUnderNoOtherName) {
  const Account old = device("phone", 3'600'000, "lost key");
  log_in(old);
  const Account current = device("phone", 60'000);
  log_in(current);
  ASSERT_EQ(devices(), Strings{"phone"});
  // Beside her own message, where somebody on the way has put it.
  Account again = device("phone", 500);
  again.visa = *Document::parse(renamed(old, "t1"), again.id, again.meta);
  log_in(again);
  EXPECT_EQ(devices(), Strings{"phone"});
  // Nor out of a neighbour, which may have kept it.
  auto neighbour = come(other());
  for (const JsonObject& visa : {renamed(old, "t2"), renamed(current, "t2")}) {
    give(*neighbour, pack(*neighbour, station_id(), publishing(visa)));
  }
  EXPECT_EQ(devices(), Strings{"phone"});
}

TEST_F(GatewayDevicesTest, A04_ANeighboursAnswerHasEachVisaOnce) {
  // Somebody who was never here, and has two devices.
  visit("bob");
  auto neighbour = come(other());
  JsonObject content = command("documents");
  content.set("did", id_of("alice"));
  content.set("meta", account_of("alice").meta.json());
  const Account phone = device("phone", 60'000);
  JsonArray visas{Json(phone.visa.json()), Json(device("pad", 7'200'000).visa.json())};
  for (int i = 0; i < 10; ++i) visas.emplace_back(renamed(phone, "t" + std::to_string(i)));
  content.set("documents", std::move(visas));
  give(*neighbour, pack(*neighbour, station_id(), content));
  EXPECT_EQ(devices(), (Strings{"pad", "phone"}));
}

TEST_F(GatewayDevicesTest, A04_WhoHasTheKeyOfAReplacedVisaDoesNotLogIn) {
  const Account old = device("phone", 3'600'000, "lost key");
  log_in(old);
  log_in(device("phone", 60'000));
  for (const char* name : {"phone", "t1"}) {
    Account thief = device("phone", 0);
    thief.visa = *Document::parse(renamed(old, name), thief.id, thief.meta);
    thief.identity_key = copy_of(key_of("lost key"));
    auto client = dial(thief);
    give(*client, pack(*client, "station@anywhere", hello(), {.meta = true, .visa = true}));
    EXPECT_EQ(client->got.size(), 0U) << name;
    EXPECT_EQ(devices(), Strings{"phone"});
    // Nor over DIM/2023.
    auto peer = connect();
    const Packet challenge = answer(*peer, StationTest::hello(thief));
    ASSERT_EQ(challenge.code, 418);
    EXPECT_EQ(answer(*peer, proof(thief, input_for(thief, *peer, challenge), true)).code, 402)
        << name;
    EXPECT_EQ(devices(), Strings{"phone"});
  }
}

TEST_F(GatewayDevicesTest, A44_WhatARemovedDeviceWroteIsStoredBeforeItsRemovalIsAnswered) {
  const Account& alice = account_of("alice");
  auto phone = come("alice");
  pass(1'500);
  const PrivateKey& key = key_of("laptop");
  const auto asked = DeviceRequest::parse(*DeviceRequest::make("laptop", key));
  const Document visa = visa_for(alice, *asked, nullptr, clock.now()).value();
  ASSERT_EQ(answer_to(*phone, publishing(visa.json())), "Document received.");
  const Account laptop = linked_account({alice.id, alice.meta, visa, ""}, key).value();
  auto at_laptop = login(laptop);
  ASSERT_EQ(open_lane(at_laptop, 0).code, 200);
  login("bob");
  clock.at += 1'000;
  const Document gone = visa_without(alice, visa, clock.now()).value();
  committer.held = true;
  give(*phone, pack(*phone, station_id(), publishing(gone.json())));
  EXPECT_TRUE(ask(*at_laptop.text, create(alice, id_of("bob"), "x"), at_laptop.checksum).empty());
  committer.run_one();  // the removal
  station->end_of_turn();
  EXPECT_TRUE(at_laptop.text->link.closed);
  take(*phone);
  EXPECT_EQ(texts(*phone), Strings{}) << "something of it is still on its way";
  committer.held = false;
  committer.run();
  station->end_of_turn();
  take(*phone);
  EXPECT_EQ(texts(*phone), Strings{"Document received."});
  EXPECT_EQ(store.inbox(id_of("bob"), 0, 9, 99'999)->size(), 1U);
}

}  // namespace
}  // namespace dim::station_test
