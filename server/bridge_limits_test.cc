// How much a neighbour, or one person behind it, can take of this station and of its line.
#include "server/bridge_fixture.h"
#include "server/gateway_copy.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;

/// Somebody whose key was made for the purpose.
struct Minted {
  explicit Minted(Random& random)
      : key(PrivateKey::generate_ec(random)),
        meta(*Meta::make(MetaType::eth, key.public_key())),
        id(*meta.id(EntityType::user)) {}
  PrivateKey key;
  Meta meta;
  Id id;
};

class BridgeLimitsTest : public XenaTest {
 protected:
  void SetUp() override {
    XenaTest::SetUp();
    news(*alice);
  }
  void begin() {
    meet_xena();
    news(*alice);
  }
  /// The neighbour's answer to a question for somebody.
  void answer_about(const Id& id, const Meta& meta, const Document& visa) {
    give(*neighbour, pack(*neighbour, station_id(),
                          encode_content(DocumentsContent::answer(id, meta.json(), {visa.json()},
                                                                  clock.now(), random))));
  }
  void answer_about(const Minted& one) {
    answer_about(one.id, one.meta, Document::make(one.id, "visa", {}, clock.now(), one.key));
  }
  void answer_about(const Account& one) { answer_about(one.id.bare(), one.meta, one.visa); }
  bool is_known(const Id& id) { return (*store.identity(id.bare().text())).has_value(); }
  std::string text_of_minted(const Minted& from, const Account& to) {
    Directory directory;
    EXPECT_TRUE(directory.learn_meta(to.id, to.meta));
    EXPECT_TRUE(directory.learn_document(to.id.bare(), to.visa.json(), clock.now()));
    const JsonObject content = to_wire(text_of("hello"));
    Envelope envelope{.sender = from.id,
                      .receiver = to.id.bare(),
                      .time = content_time(content),
                      .type = content_type(content)};
    auto sealed =
        encrypt(std::move(envelope), as_bytes(write_json(content)), SymmetricKey::generate(random),
                random.array<16>(), directory.message_keys(to.id.bare()), random);
    return write_message(sign(std::move(*sealed), from.key));
  }
  /// The other end of a connection that the station has dialled, logged in; `pack_last` makes the
  /// content that says so out of the one that a station of 2025 would send.
  std::unique_ptr<Client> dialled(const std::function<JsonObject(JsonObject)>& pack_last = {}) {
    auto client = std::make_unique<Client>();
    client->account = &other();
    introduce(*client, station_account());
    introduce(*client, other());
    bool dials = false;
    station->on_dial([&](std::size_t) { dials = true; });
    pass(70'000, 1'000);
    EXPECT_TRUE(dials);
    client->id = station->opened_neighbour(0, client->link, "2001:db8:9::1");
    station->end_of_turn();
    take(*client);
    EXPECT_EQ(client->raw.size(), 1U);
    JsonObject asked = command("handshake");
    asked.set("title", "DIM?");
    asked.set("message", "DIM?");
    asked.set("session", "c0ffee");
    give(*client, pack(*client, station_id(), std::move(asked), {.meta = true, .visa = true}));
    EXPECT_EQ(client->raw.size(), 2U) << "it has not answered the challenge";
    JsonObject last = command("handshake");
    last.set("title", "DIM!");
    last.set("message", "DIM!");
    last.set("session", "c0ffee");
    give(*client, pack(*client, station_id(), pack_last ? pack_last(last) : last));
    return client;
  }
};

// --- IDs cost nothing, disks do

TEST_F(BridgeLimitsTest, A05_LogInRecordsOfUnknownIdsCostAsMuchAsTheirDocuments) {
  std::size_t kept = 0;
  std::optional<Minted> first;
  for (int i = 0; i < 206; ++i) {
    const Minted one(random);
    JsonObject at;
    at.set("did", other_id());
    const JsonObject content = to_wire(
        encode_content(LoginContent::make(one.id, std::move(at), "test", clock.now(), random)));
    Envelope envelope{.sender = one.id,
                      .receiver = *Id::parse("everyone@everywhere"),
                      .time = content_time(content),
                      .type = content_type(content)};
    envelope.extra.set("meta", one.meta.json());
    give(*neighbour, write_message(sign(
                         without_encryption(std::move(envelope), write_json(content)), one.key)));
    if (!store.documents(one.id.text())->empty()) ++kept;
  }
  EXPECT_GE(kept, 195U);
  EXPECT_LE(kept, 200U);
  give(*neighbour, login_record(legacy("xena"), other_id()));
  EXPECT_EQ(std::ranges::count(*store.documents(legacy("xena").id.bare().text()), "#login",
                               &StoredDocument::type),
            1)
      << "who is known costs nothing";
}

TEST_F(BridgeLimitsTest, A05_WhatTheNeighbourWasAskedForHasItsOwnBound) {
  for (int i = 0; i < 205; ++i) answer_about(Minted(random));
  const Minted late(random);
  answer_about(late);
  ASSERT_FALSE(is_known(late.id));
  give(*neighbour, text_from(legacy("yann"), legacy("alice"), "for the first time"));
  answer_about(legacy("yann"));
  EXPECT_TRUE(is_known(legacy("yann").id));
  introduce(*alice, legacy("yann"));
  take(*alice);
  EXPECT_EQ(alice->raw.back().sealed.envelope.sender.text(), legacy("yann").id.bare().text());
}

TEST_F(BridgeLimitsTest, A05_R1_AMessageWhoseSenderIsOneTooManyIsNotAcknowledged) {
  for (int i = 0; i < 205; ++i) {
    const Minted one(random);
    give(*neighbour, text_of_minted(one, legacy("alice")));
    answer_about(one);
  }
  take(*alice);
  alice->raw.clear();
  const std::string text = text_from(legacy("yann"), legacy("alice"), "not lost");
  const std::size_t acks = neighbour->station_acks;
  give(*neighbour, text);
  answer_about(legacy("yann"));
  ASSERT_FALSE(is_known(legacy("yann").id));
  pass(32'000);
  take(*neighbour);
  EXPECT_EQ(neighbour->station_acks, acks + 1) << "the answer's";
  pass(60'000);
  give(*neighbour, text);
  answer_about(legacy("yann"));
  take(*alice);
  ASSERT_EQ(alice->raw.size(), 1U);
  EXPECT_EQ(alice->raw[0].sealed.envelope.sender.text(), legacy("yann").id.bare().text());
  EXPECT_EQ(neighbour->station_acks, acks + 3);
}

// --- the queue and the line are everybody's

TEST_F(BridgeLimitsTest, OneAuthorFillsATenthOfANeighboursQueue) {
  give(*neighbour, login_record(legacy("xena"), other_id()));
  auto bob = come("bob");
  introduce(*bob, legacy("xena"));
  pass(1'500);
  station->closed(neighbour->id);
  station->end_of_turn();
  const std::string xena = legacy("xena").id.bare().text();
  const auto write = [&](int number) {
    bytes(*alice, alice->frames
                      .encode_message(
                          signed_message(legacy("alice"), xena, "number " + std::to_string(number)))
                      .bytes);
  };
  constexpr int kShare = limits::kInboxMessages / 10;
  for (int i = 0; i < kShare; ++i) {
    write(i);
    if (i + 1 < kShare) alice->link.sent.clear();
  }
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{"Message redirected."});
  write(kShare);
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{"The queue for the receiver's station is full."});
  give(*bob, pack(*bob, xena, text_of("mine")));
  EXPECT_EQ(texts(*bob), Strings{"Message redirected."});
  // When the neighbour has taken what waited, there is room again.
  neighbour = come(other());
  for (int i = 0; i < 30; ++i) {
    pass(500);
    take(*neighbour);
  }
  ASSERT_EQ(messages_for(*neighbour, legacy("xena").id.bare()).size(), kShare + 1U);
  write(kShare + 1);
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{"Message redirected."});
}

TEST_F(BridgeLimitsTest, ADeviceGetsAMessageOnceInWhateverCopiesItComes) {
  const std::vector<std::string> terminals{"phone", "tablet", "watch"};
  Client writer;
  writer.account = &legacy("xena");
  (void)writer.directory.learn_meta(user("bob").id, user("bob").meta);
  for (const std::string& terminal : terminals) {
    const Account& device = device_of("bob", terminal);
    visit(device);
    (void)writer.directory.learn_document(device.id.bare(), device.visa.json(), clock.now());
  }
  const std::string message = pack(writer, id_of("bob"), text_of("once for each"));
  const JsonObject keys = *parse_json_object(message)->find("keys")->object();
  take(*neighbour);
  neighbour->raw.clear();
  for (unsigned subset = 1; subset < 8; ++subset) {
    JsonObject some;
    for (std::size_t i = 0; i < terminals.size(); ++i) {
      const std::string device = id_of("bob") + "/" + terminals[i];
      if ((subset >> i & 1U) != 0) some.set(device, *keys.find(device));
    }
    const std::size_t acks = neighbour->station_acks;
    give(*neighbour, with(message, "keys", some));
    EXPECT_EQ(neighbour->station_acks, acks + 1);
  }
  for (const std::string& terminal : terminals) {
    const auto inbox = store.inbox(id_of("bob") + "/" + terminal, 0, 10, 1'000'000);
    // All three at once are one record of their own.
    EXPECT_LE(inbox->size(), 2U) << terminal;
  }
}

TEST_F(BridgeLimitsTest, QuestionsOfSomebodyElsewhereHoldUpNoMessages) {
  config.quotas.history = {30, 60};
  start();
  begin();
  Client xena, yann;
  xena.account = &legacy("xena");
  yann.account = &legacy("yann");
  introduce(xena, station_account());
  introduce(yann, station_account());
  give(*neighbour, documents_of(legacy("yann")));
  const auto ask = [&](Client& who) {
    give(*neighbour,
         pack(who, station_id(),
              encode_content(MetaContent::query(*Id::parse(id_of("alice")), clock.now(), random))));
  };
  for (int i = 0; i < 200; ++i) ask(xena);
  EXPECT_GE(messages_for(*neighbour, legacy("xena").id.bare()).size(), 5U);
  EXPECT_LE(messages_for(*neighbour, legacy("xena").id.bare()).size(), 60U);
  ask(yann);
  EXPECT_EQ(messages_for(*neighbour, legacy("yann").id.bare()).size(), 1U);
  JsonArray many;
  for (int i = 0; i < 60; ++i) {
    many.emplace_back(
        encode_content(MetaContent::query(*Id::parse(id_of("alice")), clock.now(), random)));
  }
  JsonObject array = command("x");
  array.erase("command");
  array.set("type", 202);
  array.set("contents", std::move(many));
  give(*neighbour, pack(yann, station_id(), std::move(array)));
  EXPECT_LE(messages_for(*neighbour, legacy("yann").id.bare()).size(), 20U);
  introduce(*alice, legacy("xena"));
  give(*neighbour, text_from(legacy("xena"), legacy("alice"), "not held up"));
  take(*alice);
  EXPECT_EQ(texts(*alice), Strings{"not held up"});
}

TEST_F(BridgeLimitsTest, A33_WhatANeighbourDoesNotReadIsNotHeapedUp) {
  config.send_queue_bytes = 64 * limits::kKiB;
  start();
  begin();
  neighbour->link.stuck = true;
  const auto publish = [&] {
    clock.at += 1'000;
    const Document visa =
        Document::make(legacy("alice").id.bare(), "visa", legacy("alice").visa.properties(),
                       clock.now(), legacy("alice").identity_key);
    JsonObject content = encode_content(
        DocumentsContent::answer(legacy("alice").id.bare(), legacy("alice").meta.json(),
                                 {visa.json()}, clock.now(), random));
    content.set("padding", std::string(40 * limits::kKiB, 'x'));
    news(*alice);
    give(*alice, pack(*alice, "everyone@everywhere", std::move(content)));
    EXPECT_EQ(texts(*alice), Strings{"Document received."});
  };
  for (int i = 0; i < 5; ++i) publish();
  EXPECT_GT(neighbour->link.queued(), 40 * limits::kKiB) << "the first went out";
  EXPECT_LE(neighbour->link.queued(), 120 * limits::kKiB);
  const std::string xena = legacy("xena").id.bare().text();
  give(*neighbour, login_record(legacy("xena"), other_id()));
  neighbour->link.unstick();
  take(*neighbour);
  neighbour->raw.clear();
  publish();
  take(*neighbour);
  EXPECT_EQ(messages_for(*neighbour, *Id::parse("everyone@everywhere")).size(), 1U);
}

TEST_F(BridgeLimitsTest, TheSameDocumentsAreSpreadOnceHoweverOftenTheyAreBroadcast) {
  const Id everyone = *Id::parse("everyone@everywhere");
  neighbour->raw.clear();
  for (int i = 0; i < 4; ++i) {
    clock.at += 1'000;
    give(*alice, documents_of(legacy("alice")));
  }
  take(*neighbour);
  EXPECT_EQ(messages_for(*neighbour, everyone).size(), 1U);
}

// --- connections that the station has dialled

TEST_F(BridgeLimitsTest, ANeighbourThatSaysDimInAnArrayHasLetTheStationIn) {
  events.clear();
  auto far = dialled([&](const JsonObject& last) {
    JsonObject array = command("x");
    array.erase("command");
    array.set("type", 202);
    array.set("contents", JsonArray{Json(last)});
    return array;
  });
  EXPECT_TRUE(has_event("neighbour-up"));
  EXPECT_FALSE(far->link.closed);
}

TEST_F(BridgeLimitsTest, A23_RecordsThatFindNoRoomForANeighbourFollowWhenThereIsSome) {
  station->closed(neighbour->id);
  station->end_of_turn();
  config.send_queue_bytes = 16 * limits::kKiB;
  start();
  std::vector<std::unique_ptr<Client>> people;
  std::size_t wanted = 0;
  auto far = dialled([&](const JsonObject& last) {
    // Nobody reads on the other side from now on.
    for (const char* name : {"alice", "bob", "carol", "dora", "erin", "frank", "gina", "hugo"}) {
      people.push_back(come(name));
      JsonObject record = login_content(legacy(name), station_id());
      record.set("padding", std::string(6'000, 'x'));
      give(*people.back(), pack(*people.back(), "everyone@everywhere", std::move(record)));
      ++wanted;
    }
    return last;
  });
  const Id everyone = *Id::parse("everyone@everywhere");
  pass(3'000);
  take(*far);
  std::size_t records = 0;
  for (const SignedMessage& one : messages_for(*far, everyone)) {
    if (as_text(one.sealed.data).find("\"login\"") != std::string_view::npos) ++records;
  }
  EXPECT_EQ(records, wanted);
}

}  // namespace
}  // namespace dim::station_test
