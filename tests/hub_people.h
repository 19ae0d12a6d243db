// For tests of hubs: the core of a real station, and real clients that are connected to it without
// sockets. Included by tests only.
#pragma once
#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/hub_names.h"
#include "client/messenger.h"
#include "dim/crypto/digest.h"
#include "server/station_fixture.h"

namespace dim::station_test {

inline Digest32 hub_station_spki() {
  Digest32 out{};
  out.fill(7);
  return out;
}

/// A station whose visa vouches for that certificate.
inline const Account& hub_station_account() {
  static const Account account = [] {
    SeededRandom random(11);
    JsonObject properties;
    properties.set("tls", JsonArray{Json("sha256-" + to_base64url(hub_station_spki()))});
    return std::move(
        Account::make_station("station", properties, ManualClock().now() - 60'000, random).value());
  }();
  return account;
}

class HubPeople : public StationTest {
 protected:
  /// Somebody with a home and a client.
  struct Person final : Transport {
    HubPeople& test;
    Home home;
    std::optional<Messenger> messenger;
    std::map<Lane, std::unique_ptr<Peer>> wires;
    std::vector<Lane> dialled;
    std::vector<std::string> told;  ///< what following has told, in words
    std::map<std::string, Packet> posted;
    std::optional<Error> failure;

    Person(HubPeople& in, Home own) : test(in), home(std::move(own)) {}
    void dial(Lane lane, const StationTarget&) override { dialled.push_back(lane); }
    void send(Lane lane, std::string bytes) override {
      const auto wire = wires.find(lane);
      if (wire == wires.end() || wire->second->link.closed) return;
      test.station->received(wire->second->id, bytes);
      test.station->end_of_turn();
    }
    void hang_up(Lane lane) override {
      const auto wire = wires.find(lane);
      if (wire == wires.end()) return;
      if (!wire->second->link.closed) test.station->closed(wire->second->id);
      test.gone.push_back(std::move(wire->second));
      wires.erase(wire);
    }
    std::string id() const { return home.account().id.bare().text(); }
    HubClient& hubs() { return messenger->hubs(); }
  };

  void SetUp() override {
    config.quotas.hubs = config.quotas.invites = config.quotas.changes = {};
    config.quotas.messages = config.quotas.notices = config.quotas.history = {};
    start_station();
  }
  void TearDown() override {
    for (auto& [name, person] : people) person->messenger.reset();
  }
  void start_station() {
    station = std::make_unique<Station>(config, hub_station_account(), store, committer, clock,
                                        random, crew);
  }
  /// As after a kill: connections are gone, what was committed is there.
  void restart() {
    start_station();
    for (auto& [name, person] : people) {
      auto lanes = std::exchange(person->wires, {});
      for (auto& [lane, wire] : lanes) {
        gone.push_back(std::move(wire));
        person->messenger->closed(lane);
      }
    }
  }

  Person& person(const std::string& name, bool follow = false) {
    auto& made = people[name];
    if (!made) {
      made = std::make_unique<Person>(
          *this,
          Home::in_memory(Account::make_user(name, clock.now() - 60'000, random).value(), random)
              .value());
      EXPECT_TRUE(made->home.set_station({.id = hub_station_account().id.text(),
                                          .host = "::1",
                                          .pins = {"sha256-" + to_base64url(hub_station_spki())}}));
    }
    come(*made, follow);
    return *made;
  }
  /// Dials, with a new messenger; ready when it returns.
  void come(Person& one, bool follow) {
    if (one.messenger) one.messenger->stop();
    MessengerEvents heard;
    heard.failed = [&one](const Error& error, int, std::string_view) { one.failure = error; };
    heard.posted = [&one](const Guid& guid, const Packet& answer) {
      one.posted.insert_or_assign(guid.text(), answer);
    };
    heard.hubs.post = [&one](const HubView&, const Post& post, bool fresh) {
      one.told.push_back((fresh ? "new: " : "again: ") + post.content);
    };
    heard.hubs.changed = [&one](const HubView&, const PostEvent& event) {
      one.told.push_back(std::string(to_string(event.operation)) + " " +
                         std::string(to_string(event.object)) + " " + event.symbol +
                         event.text.value_or(""));
    };
    heard.hubs.notice = [&one](const HubNotice& notice) {
      one.told.push_back(std::string(to_string(notice.change)) + " " +
                         std::string(to_string(notice.object)));
    };
    heard.hubs.history = [&one](const HubView& hub, const HistoryRule& rule, Millis) {
      const auto channel = hub.channels.find(rule.channel);
      one.told.push_back("history " + (channel == hub.channels.end() ? "?" : channel->second.name) +
                         " " + history_text(rule.days));
    };
    heard.hubs.left = [&one](const HubView& hub) { one.told.push_back("left " + hub.name); };
    heard.hubs.behind = [&one](const HubView&, const Guid&, const ReadMark& mark) {
      one.told.push_back("behind " + std::to_string(mark.unread));
    };
    one.failure.reset();
    one.messenger.emplace(one.home, one, clock, random, std::move(heard),
                          Messenger::Options{.receive = follow, .follow_hubs = follow});
    ASSERT_TRUE(one.messenger->start());
    settle();
    ASSERT_TRUE(one.messenger->is_ready()) << (one.failure ? to_string(*one.failure) : "");
  }

  /// Carries bytes until nobody has anything to say.
  void settle() {
    for (bool more = true; more;) {
      more = false;
      for (auto& [name, one] : people) {
        if (one) more = carry(*one) || more;
      }
    }
    gone.clear();
  }
  bool carry(Person& one) {
    bool more = false;
    for (const Lane lane : std::exchange(one.dialled, {})) {
      auto wire = connect(lane);
      const Bytes binding = wire->binding;
      one.wires[lane] = std::move(wire);
      one.messenger->opened(lane, binding, hub_station_spki());
      more = true;
    }
    for (const Lane lane : {Lane::control, Lane::text}) {
      const auto wire = one.wires.find(lane);
      if (wire == one.wires.end()) continue;
      std::string bytes = std::exchange(wire->second->link.sent, {});
      const bool closed = wire->second->link.closed;
      if (!bytes.empty()) {
        one.messenger->received(lane, bytes);
        more = true;
      }
      const auto still = one.wires.find(lane);
      if (closed && still != one.wires.end()) {
        gone.push_back(std::move(still->second));
        one.wires.erase(still);
        one.messenger->closed(lane);
        more = true;
      }
    }
    return more;
  }

  /// The answer to something that is asked for.
  template <class T>
  HubResult<T> get(const std::function<void(HubDone<T>)>& ask) {
    std::optional<HubResult<T>> out;
    ask([&](HubResult<T> answer) { out.emplace(std::move(answer)); });
    settle();
    if (!out) return std::unexpected(HubRefusal{.error = {Errc::unreachable, "no answer"}});
    return std::move(*out);
  }
  HubResult<Packet> ask(Person& one, const Packet& packet) {
    return get<Packet>([&](HubDone<Packet> done) { one.hubs().ask(packet, std::move(done)); });
  }
  /// The code of the answer.
  int code(Person& one, Packet packet, std::string content = {}) {
    if (!content.empty()) packet.content = std::move(content);
    const auto answer = ask(one, packet);
    return answer ? answer->code : answer.error().code;
  }
  HubResult<HubView> read(Person& one, const std::string& hub) {
    return get<HubView>([&](HubDone<HubView> done) { one.hubs().read(hub, std::move(done)); });
  }
  HubResult<PostsPage> posts(Person& one, const PostQuery& query) {
    return get<PostsPage>(
        [&](HubDone<PostsPage> done) { one.hubs().posts(query, std::move(done)); });
  }
  HubResult<ReadMark> mark(Person& one, const Guid& channel) {
    return get<ReadMark>(
        [&](HubDone<ReadMark> done) { one.hubs().mark(channel, std::move(done)); });
  }
  Guid make(Person& one, HubObject object, const std::string& hub, std::string_view body) {
    auto guid = get<Guid>([&](HubDone<Guid> done) {
      one.hubs().make(object, hub, *parse_json_object(body), std::move(done));
    });
    EXPECT_TRUE(guid) << guid.error().station;
    return guid.value_or(Guid::make(clock.now(), random));
  }
  std::string found(Person& one, std::string_view name = "Gardeners") {
    auto id = get<Id>([&](HubDone<Id> done) { one.hubs().found(name, "", std::move(done)); });
    EXPECT_TRUE(id) << id.error().station;
    return id ? id->text() : "";
  }
  void join(Person& owner, Person& one, const std::string& hub) {
    const Guid invite = make(owner, HubObject::invite, hub, R"({"uses":1})");
    EXPECT_EQ(code(one, HubClient::request(Operation::create, HubObject::member, hub),
                   R"({"invite":")" + invite.text() + "\"}"),
              201);
  }
  Guid post(Person& one, const std::string& hub, const Guid& channel, std::string_view text,
            std::optional<Guid> reply = {}) {
    auto guid = one.messenger->post(*Id::parse(hub), channel, text, {.reply = reply});
    EXPECT_TRUE(guid);
    settle();
    return guid.value_or(channel);
  }
  static Packet on(Operation operation, HubObject object, const Guid& guid) {
    return HubClient::request(operation, object, guid.text());
  }
  static std::vector<std::string> texts(const HubResult<PostsPage>& page) {
    std::vector<std::string> out;
    if (!page) return {"refused: " + std::to_string(page.error().code)};
    for (const Post& one : page->posts) out.push_back(one.content);
    return out;
  }

  std::map<std::string, std::unique_ptr<Person>> people;
  std::vector<std::unique_ptr<Peer>> gone;  ///< the station may still know them
};

}  // namespace dim::station_test
