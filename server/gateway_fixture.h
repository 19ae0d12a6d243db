// For the gateway's tests: reference clients that are values. They pack as the reference does: no
// `bind`, no padding, twin fields, plain commands to everybody.
#pragma once
#include <cmath>

#include "dim/engine/steps.h"
#include "dim/packet/frame_stream.h"
#include "dim/protocol/content.h"
#include "dim/protocol/wire.h"
#include "server/station_fixture.h"

namespace dim::station_test {

inline PrivateKey copy_of(const PrivateKey& key) {
  auto object = parse_json_object(as_text(key.json().view()));
  auto copy = PrivateKey::parse(*object);
  EXPECT_TRUE(copy.has_value());
  return std::move(*copy);
}

/// A further device of that user: the same identity, a visa and a message key of its own.
inline const Account& device_of(const std::string& name, const std::string& terminal) {
  static std::map<std::string, Account> made;
  const std::string key = name + "/" + terminal;
  auto found = made.find(key);
  if (found == made.end()) {
    const Account& first = account_of(name);
    auto message_key = PrivateKey::generate_rsa();
    EXPECT_TRUE(message_key.has_value());
    JsonObject properties;
    properties.set("name", name);
    properties.set("key", message_key->public_key().json());
    std::vector<PrivateKey> keys;
    keys.push_back(std::move(*message_key));
    Document visa = Document::make(first.id.with_terminal(terminal), "visa", properties,
                                   ManualClock().now() - 30'000, first.identity_key);
    found = made.emplace(key, Account{first.id.with_terminal(terminal), first.meta, visa,
                                      copy_of(first.identity_key), std::move(keys)})
                .first;
  }
  return found->second;
}

/// That user as a reference client has them: with a visa that promises nothing.
inline const Account& legacy(const std::string& name) { return device_of(name, ""); }

/// A reference client and its connection.
struct Client {
  const Account* account = nullptr;
  LinkId id{};
  Station* at = nullptr;  ///< null: the fixture's
  std::string station = station_account().id.text();
  FakeLink link;
  FrameStream frames{{.framing = Framing::mtp, .first_sn = 5'000}};
  Directory directory;
  KeyRing keys;
  std::string session;
  bool acks = true;  ///< answers messages as reference clients do, before it looks into them
  std::vector<Opened> got;
  std::vector<SignedMessage> raw;
  std::vector<std::string> refused;  ///< what could not be opened
  std::size_t station_acks = 0;
  std::vector<FrameEvent::Kind> events;
};

class GatewayTest : public StationTest {
 protected:
  void SetUp() override {
    config.quotas.messages = config.quotas.history = config.quotas.subnet_logins = {};
    config.quotas.subnet_messages = config.quotas.documents = config.quotas.subnet_failures = {};
    start();
  }

  std::unique_ptr<Client> dial(const Account& account, std::string remote = "2001:db8:7::7") {
    auto client = std::make_unique<Client>();
    client->account = &account;
    (void)client->directory.learn_meta(account.id, account.meta);
    (void)client->directory.prove(account.id, account.meta);
    (void)client->directory.learn_document(account.id.bare(), account.visa.json(), clock.now());
    client->id = station->opened_gateway(client->link, std::move(remote));
    station->end_of_turn();
    return client;
  }

  /// What the station has sent is read, and answered as the framing wants it.
  void take(Client& client) {
    for (int i = 0; i < 8 && !client.link.sent.empty(); ++i) {
      client.frames.feed(std::exchange(client.link.sent, {}));
      std::string replies;
      for (;;) {
        auto next = client.frames.next(clock.monotonic());
        if (std::holds_alternative<std::monostate>(next)) break;
        if (auto* bad = std::get_if<BadFrame>(&next)) {
          ADD_FAILURE() << "no frame: " << to_string(bad->error);
          return;
        }
        auto& event = std::get<FrameEvent>(next);
        client.events.push_back(event.kind);
        if (event.acked) ++client.station_acks;
        if (client.acks) replies += event.ack + event.reply;
        for (const std::string& text : event.texts) read(client, text);
      }
      if (!replies.empty()) bytes(client, replies);
    }
  }

  void read(Client& client, const std::string& text) {
    auto message = SignedMessage::parse(text);
    if (!message) {
      client.refused.push_back(to_string(message.error()));
      return;
    }
    client.raw.push_back(*message);
    auto opened =
        open(*message, *client.account, client.directory, {}, clock.now(), {.keys = &client.keys});
    if (!opened) {
      client.refused.push_back(to_string(opened.error()));
      return;
    }
    client.got.push_back(std::move(*opened));
  }

  void bytes(Client& client, std::string_view data) {
    Station& to = client.at != nullptr ? *client.at : *station;
    to.received(client.id, data);
    to.end_of_turn();
  }

  void give(Client& client, std::string_view json) {
    bytes(client, client.frames.encode_message(json).bytes);
    take(client);
  }

  struct Packing {
    bool meta = false;
    bool visa = false;
    std::optional<std::string> group{};
    double time = 0;
  };

  /// As the reference packs: plain for broadcast IDs and exposed broadcast groups, else encrypted.
  std::string pack(Client& from, const std::string& receiver, JsonObject content,
                   const Packing& packing) {
    content = to_wire(std::move(content));
    Envelope envelope{.sender = from.account->id.bare(),
                      .receiver = *Id::parse(receiver),
                      .time = packing.time > 0 ? packing.time : content_time(content),
                      .type = content_type(content)};
    if (packing.group) {
      envelope.group = *Id::parse(*packing.group);
      content.set("group", *packing.group);
    }
    if (packing.meta) envelope.extra.set("meta", from.account->meta.json());
    if (packing.visa) envelope.extra.set("visa", from.account->visa.json());
    const std::string text = write_json(content, JsonStyle::reference);
    if (is_plain(envelope)) {
      return write_message(
          sign(without_encryption(std::move(envelope), text), from.account->identity_key));
    }
    const auto recipients = from.directory.message_keys(envelope.receiver);
    EXPECT_FALSE(recipients.empty()) << "no key of " << receiver;
    auto sealed = encrypt(std::move(envelope), as_bytes(text), SymmetricKey::generate(random),
                          random.array<16>(), recipients, random);
    EXPECT_TRUE(sealed.has_value());
    return write_message(sign(std::move(*sealed), from.account->identity_key));
  }
  std::string pack(Client& from, const std::string& receiver, JsonObject content) {
    return pack(from, receiver, std::move(content), Packing{});
  }

  JsonObject command(std::string_view name) {
    JsonObject content;
    const ContentHead head = ContentHead::make("136", clock.now(), random);
    content.set("type", 136);
    content.set("sn", head.sn);
    content.set("time", head.time);
    content.set("command", name);
    return content;
  }
  JsonObject hello(const std::string& session = {}) {
    JsonObject content = command("handshake");
    content.set("title", "Hello world!");
    if (!session.empty()) content.set("session", session);
    return content;
  }
  static std::string station_id() { return station_account().id.text(); }

  /// The contents that came since the last call.
  std::vector<Opened> news(Client& client) { return std::exchange(client.got, {}); }
  /// Their texts, also of those in arrays.
  std::vector<std::string> texts(Client& client) {
    std::vector<std::string> out;
    for (const Opened& one : news(client)) add_texts(one.message.content, out);
    return out;
  }
  static void add_texts(const JsonObject& content, std::vector<std::string>& out) {
    if (const std::string* text = content.text("text")) out.push_back(*text);
    const Json* list = content.find("contents");
    if (list == nullptr || list->array() == nullptr) return;
    for (const Json& one : *list->array()) add_texts(*one.object(), out);
  }

  void handshake(Client& client) {
    give(client, pack(client, "station@anywhere", hello(), {.meta = true, .visa = true}));
    auto first = news(client);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(*first[0].message.content.text("title"), "DIM?");
    client.session = *first[0].message.content.text("session");
    give(client, pack(client, client.station, hello(client.session)));
    auto second = news(client);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(*second[0].message.content.text("title"), "DIM!");
  }
  [[nodiscard]] std::unique_ptr<Client> come(const Account& account) {
    auto client = dial(account);
    handshake(*client);
    return client;
  }
  [[nodiscard]] std::unique_ptr<Client> come(const std::string& name) { return come(legacy(name)); }

  /// Somebody comes and goes: known to the station from then on, and away. The station sees the end
  /// of the connection before the client is gone.
  void visit(const Account& account) { station->closed(come(account)->id); }
  void visit(const std::string& name) { visit(legacy(name)); }

  /// Tells `client` the meta and visa of somebody, as a documents answer would.
  void introduce(Client& client, const Account& other) {
    (void)client.directory.learn_meta(other.id, other.meta);
    (void)client.directory.learn_document(other.id.bare(), other.visa.json(), clock.now());
  }
  /// Two users who are online, know each other's keys, and are past the hold after the log-in.
  [[nodiscard]] std::pair<std::unique_ptr<Client>, std::unique_ptr<Client>> come_together(
      const std::string& one, const std::string& other) {
    std::pair both{come(one), come(other)};
    introduce(*both.first, legacy(other));
    introduce(*both.second, legacy(one));
    pass(1'500);
    return both;
  }
  JsonObject text_of(const std::string& text) { return text_content(text, clock.now(), random); }

  /// The one answer to a command that is sent to the station.
  std::vector<Opened> ask(Client& client, JsonObject content) {
    news(client);
    give(client, pack(client, station_id(), std::move(content)));
    return news(client);
  }
  using StationTest::ask;
  using StationTest::bytes;
  using StationTest::hello;

  static const std::string& text_in(const Opened& opened, std::string_view name) {
    static const std::string kNone = "(none)";
    const std::string* text = opened.message.content.text(name);
    return text != nullptr ? *text : kNone;
  }
};

}  // namespace dim::station_test
