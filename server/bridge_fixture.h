// For the tests of neighbours: stations side by side on one clock, joined by links that are
// strings, and reference clients at them.
#pragma once
#include <algorithm>
#include <list>

#include "server/gateway_fixture.h"

namespace dim::station_test {

inline const Account& station_named(const std::string& name) {
  static std::map<std::string, Account> made;
  auto found = made.find(name);
  if (found == made.end()) {
    SeededRandom random(std::hash<std::string>{}(name));
    auto account = Account::make_station(name, {}, ManualClock().now() - 60'000, random);
    EXPECT_TRUE(account.has_value()) << to_string(account.error());
    found = made.emplace(name, std::move(*account)).first;
  }
  return found->second;
}

/// As a station of the reference: its visa promises nothing.
inline const Account& reference_station(const std::string& name) {
  static std::map<std::string, Account> made;
  auto found = made.find(name);
  if (found == made.end()) {
    const Account& first = station_named(name);
    auto message_key = PrivateKey::generate_rsa();
    EXPECT_TRUE(message_key.has_value());
    JsonObject properties;
    properties.set("key", message_key->public_key().json());
    std::vector<PrivateKey> keys;
    keys.push_back(std::move(*message_key));
    Document visa = Document::make(first.id, "visa", properties, ManualClock().now() - 30'000,
                                   first.identity_key);
    found = made.emplace(name, Account{first.id, first.meta, visa, copy_of(first.identity_key),
                                       std::move(keys)})
                .first;
  }
  return found->second;
}

inline Neighbour neighbour_of(const Account& station, std::string host = "neighbour.example") {
  return {.id = station.id.bare(), .host = std::move(host), .where = "dimd.toml:1"};
}

class BridgeTest : public GatewayTest {
 protected:
  void SetUp() override {
    config.neighbours = {neighbour_of(other())};
    GatewayTest::SetUp();
  }
  static const Account& other() { return reference_station("other"); }
  static std::string other_id() { return other().id.text(); }

  JsonObject login_content(const Account& user, const std::string& where, double ago = 0) {
    JsonObject at;
    at.set("did", where);
    LoginContent login =
        LoginContent::make(user.id.bare(), std::move(at), "test", clock.now(), random);
    login.head.time -= ago;
    return encode_content(login);
  }
  /// A login record as a client broadcasts it, signed by `user`.
  std::string login_record(const Account& user, const std::string& where, double ago = 0) {
    Client writer;
    writer.account = &user;
    return pack(writer, "everyone@everywhere", login_content(user, where, ago), {});
  }
  /// The meta and visa of a user, as a client broadcasts them.
  std::string documents_of(const Account& user) {
    Client writer;
    writer.account = &user;
    return pack(writer, "everyone@everywhere",
                encode_content(DocumentsContent::answer(user.id.bare(), user.meta.json(),
                                                        {user.visa.json()}, clock.now(), random)),
                {});
  }
  /// A text of somebody who is not connected here, encrypted for `to`.
  std::string text_from(const Account& from, const Account& to, const std::string& text,
                        bool attach = false) {
    Client writer;
    writer.account = &from;
    introduce(writer, to);
    return pack(writer, to.id.bare().text(), text_of(text), {.meta = attach, .visa = attach});
  }
  static std::string with(const std::string& message, std::string_view member, Json value) {
    auto object = parse_json_object(message);
    object->set(member, std::move(value));
    return write_json(*object, JsonStyle::reference);
  }
  static Json traces_of(std::initializer_list<std::string> stations) {
    JsonArray list;
    for (const std::string& one : stations) {
      JsonObject entry;
      entry.set("did", one);
      list.emplace_back(std::move(entry));
    }
    return list;
  }
  static std::vector<std::string> stations_in(const SignedMessage& message) {
    std::vector<std::string> out;
    const Json* list = message.json.find("traces");
    if (list == nullptr || list->array() == nullptr) return out;
    for (const Json& one : *list->array()) out.push_back(*one.object()->text("did"));
    return out;
  }
  /// Messages for `receiver` that came on this connection.
  static std::vector<SignedMessage> messages_for(Client& client, const Id& receiver) {
    std::vector<SignedMessage> out;
    for (const SignedMessage& one : client.raw) {
      if (one.sealed.envelope.receiver.same_entity(receiver)) out.push_back(one);
    }
    return out;
  }
  bool has_event(std::string_view name) const {
    return std::ranges::find(events, name) != events.end();
  }

  // --- several stations

  struct Node {
    std::string name;
    const Account* account = nullptr;
    StationConfig config;
    std::unique_ptr<MemoryStore> store;
    std::unique_ptr<TestCommitter> committer;
    std::unique_ptr<SeededRandom> random;
    std::unique_ptr<Station> station;  ///< null: switched off
    std::vector<std::size_t> dials;
    std::vector<std::string> events;
    std::string id() const { return account->id.text(); }
  };
  struct Wire {
    Node* from;
    Node* to;
    FakeLink near, far;
    LinkId near_id{}, far_id{};
  };

  /// Everybody is everybody's neighbour.
  void make_nodes(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      Node& node = nodes.emplace_back();
      node.name = name;
      node.account = &station_named(name);
      node.config = config;
      node.config.neighbours.clear();
      for (const std::string& neighbour : names) {
        if (neighbour != name)
          node.config.neighbours.push_back(neighbour_of(station_named(neighbour), neighbour));
      }
      node.store = std::make_unique<MemoryStore>(inbox_limits);
      node.committer = std::make_unique<TestCommitter>(*node.store);
      node.random = std::make_unique<SeededRandom>(std::hash<std::string>{}(name));
    }
    for (Node& node : nodes) switch_on(node);
    run(1'000);
  }
  Node& node(std::string_view name) { return *std::ranges::find(nodes, name, &Node::name); }

  void switch_on(Node& node) {
    node.station = std::make_unique<Station>(node.config, *node.account, *node.store,
                                             *node.committer, clock, *node.random);
    node.station->on_event(
        [&node](const StationEvent& event) { node.events.emplace_back(event.name); });
    node.station->on_dial([&node](std::size_t index) { node.dials.push_back(index); });
  }
  /// As a power cut: nobody is told.
  void switch_off(Node& node) {
    for (auto wire = wires.begin(); wire != wires.end();) {
      if (wire->from != &node && wire->to != &node) {
        ++wire;
        continue;
      }
      const bool dialled = wire->from == &node;
      Node& rest = dialled ? *wire->to : *wire->from;
      if (rest.station) rest.station->closed(dialled ? wire->far_id : wire->near_id);
      wire = wires.erase(wire);
    }
    node.station.reset();
    node.dials.clear();
  }

  void dial_all() {
    for (Node& node : nodes) {
      for (const std::size_t index : std::exchange(node.dials, {})) {
        const std::string& host = node.config.neighbours[index].host;
        const auto found = std::ranges::find(nodes, host, &Node::name);
        if (found == nodes.end() || !found->station) {
          node.station->unreachable_neighbour(index, {Errc::unreachable, "nobody listens"});
          continue;
        }
        Wire& wire = wires.emplace_back(Wire{&node, &*found, {}, {}});
        wire.far_id = found->station->opened_gateway(wire.far, "2001:db8:9::1");
        wire.near_id = node.station->opened_neighbour(index, wire.near, "2001:db8:9::2");
      }
    }
  }
  /// Until nothing moves.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      dial_all();
      for (Node& node : nodes) {
        if (node.station) node.station->end_of_turn();
      }
      for (auto wire = wires.begin(); wire != wires.end();) {
        const std::string there = std::exchange(wire->near.sent, {});
        const std::string back = std::exchange(wire->far.sent, {});
        moved = moved || !there.empty() || !back.empty();
        if (!there.empty() && !wire->far.closed) wire->to->station->received(wire->far_id, there);
        if (!back.empty() && !wire->near.closed) wire->from->station->received(wire->near_id, back);
        if (wire->near.closed || wire->far.closed) {
          if (!wire->far.closed) wire->to->station->closed(wire->far_id);
          if (!wire->near.closed) wire->from->station->closed(wire->near_id);
          wire = wires.erase(wire);
          moved = true;
        } else {
          ++wire;
        }
      }
      for (Client* client : here) {
        if (!client->link.sent.empty()) {
          take(*client);
          moved = true;
        }
      }
    }
  }
  void run(Millis ms) {
    for (Millis end = clock.at + ms; clock.at < end;) {
      clock.at += std::min<Millis>(250, end - clock.at);
      for (Node& node : nodes) {
        if (node.station) node.station->tick();
      }
      settle();
    }
  }

  /// A client at a node, logged in, that has broadcast its documents and where it is.
  std::unique_ptr<Client> come_to(Node& node, const std::string& name) {
    auto client = std::make_unique<Client>();
    const Account& account = legacy(name);
    client->account = &account;
    client->at = node.station.get();
    client->station = node.id();
    introduce(*client, account);
    (void)client->directory.prove(account.id, account.meta);
    client->id = node.station->opened_gateway(client->link, "2001:db8:7::7");
    handshake(*client);
    here.push_back(client.get());
    clock.at += 10;
    give(*client, documents_of(account));
    give(*client, login_record(account, node.id()));
    run(1'500);
    return client;
  }
  void leave(Client& client) {
    client.at->closed(client.id);
    std::erase(here, &client);
    settle();
  }
  void say(Client& from, const std::string& to, const std::string& text) {
    introduce(from, legacy(to));
    give(from, pack(from, legacy(to).id.bare().text(), text_of(text), {}));
    settle();
  }

  void TearDown() override { nodes.clear(); }

  InboxLimits inbox_limits{limits::kInboxMessages, limits::kInboxBytes};
  std::list<Node> nodes;
  std::list<Wire> wires;
  std::vector<Client*> here;
};

/// Alice is here, and the neighbour has brought the documents of Xena.
class XenaTest : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    meet_xena();
  }
  void meet_xena() {
    neighbour = come(other());
    give(*neighbour, documents_of(legacy("xena")));
    alice = come("alice");
    introduce(*alice, legacy("xena"));
    pass(1'500);
    take(*neighbour);
  }
  std::unique_ptr<Client> neighbour, alice;
};

}  // namespace dim::station_test
