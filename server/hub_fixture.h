// For the tests of hubs: a station with people, a hub of Alice's, and requests that must succeed.
#pragma once
#include "dim/identity/meta.h"
#include "server/station_fixture.h"

namespace dim::station_test {

class HubTest : public StationTest {
 protected:
  void SetUp() override {
    config.quotas.hubs = config.quotas.invites = config.quotas.changes = {};
    config.quotas.messages = config.quotas.notices = config.quotas.history = {};
    StationTest::SetUp();
  }

  static const Meta& hub_meta() {
    static const Meta meta = Meta::make_mkm(account_of("alice").identity_key, "Group-4711");
    return meta;
  }
  static std::string hub_id() { return hub_meta().id(EntityType::group)->text(); }

  Guid next_guid() { return Guid::make(clock.now(), random); }
  static Packet request(Operation operation, std::string type, std::string target) {
    Packet packet = Packet::request(operation);
    packet.set("id", "7").set("type", std::move(type));
    if (!target.empty()) packet.set("target", std::move(target));
    return packet;
  }
  static Packet founding() {
    Packet packet = request(Operation::create, "hub", hub_id());
    JsonObject content;
    content.set("name", "Gardeners");
    content.set("meta", hub_meta().json());
    packet.content = write_json(content);
    return packet;
  }
  /// The answer; what was pushed to the same connection before it is in `pushed`.
  Packet ask_for(Peer& peer, Packet packet) {
    pushed = ask(peer, std::move(packet));
    EXPECT_FALSE(pushed.empty()) << "no answer";
    if (pushed.empty()) return {};
    for (std::size_t i = 0; i < pushed.size(); ++i) {
      if (!pushed[i].is_response()) continue;
      Packet answer = pushed[i];
      pushed.erase(pushed.begin() + static_cast<std::ptrdiff_t>(i));
      return answer;
    }
    ADD_FAILURE() << "no answer";
    return {};
  }
  /// The code of the answer, its message when that is an error.
  int code(Peer& peer, Packet packet) {
    last = ask_for(peer, std::move(packet));
    return last.code;
  }
  Packet make(std::string type, const Guid& guid, std::string content = {}) {
    Packet packet = request(Operation::create, std::move(type), hub_id());
    packet.set("guid", guid.text());
    if (!content.empty()) packet.content = std::move(content);
    return packet;
  }
  Packet about(Operation operation, std::string type, const std::string& who,
               std::string content = {}) {
    Packet packet = request(operation, std::move(type), hub_id());
    if (!who.empty()) packet.set("member", id_of(who));
    if (!content.empty()) packet.content = std::move(content);
    return packet;
  }
  Packet post(const Guid& in, const Guid& guid, std::string text) {
    Packet packet = request(Operation::create, "message", in.text());
    packet.set("guid", guid.text());
    packet.content = std::move(text);
    return packet;
  }

  /// Alice online with the hub, and one text channel.
  LoggedIn founder() {
    LoggedIn in = online("alice");
    EXPECT_EQ(code(*in.text, founding()), 201) << last.get("message");
    EXPECT_EQ(code(*in.text, make("channel", channel, R"({"name":"general"})")), 201)
        << last.get("message");
    EXPECT_EQ(code(*in.text, make("invite", invite)), 201) << last.get("message");
    return in;
  }
  Packet joining(const Guid& with) {
    return about(Operation::create, "member", "", R"({"invite":")" + with.text() + "\"}");
  }
  LoggedIn member(const std::string& name) {
    LoggedIn in = online(name);
    EXPECT_EQ(code(*in.text, joining(invite)), 201) << last.get("message");
    static_cast<void>(in.text->take());
    return in;
  }
  /// Gives `who` a role of their own with these permissions.
  void give(LoggedIn& alice, const std::string& who, const std::string& words, int rank = 10) {
    const Guid role = next_guid();
    EXPECT_EQ(code(*alice.text, make("role", role,
                                     R"({"name":"r","permissions":[)" + words + R"(],"rank":)" +
                                         std::to_string(rank) + "}")),
              201)
        << last.get("message");
    EXPECT_EQ(code(*alice.text,
                   about(Operation::edit, "member", who, R"({"roles":[")" + role.text() + "\"]}")),
              200)
        << last.get("message");
  }

  /// Of what waits for the disk, everything is taken but the oldest.
  void lose_the_first() {
    committer.error = Error{Errc::insufficient_storage, "no space is left on the disk"};
    committer.run_one();
    committer.error.reset();
    committer.held = false;
    committer.run();
    station->end_of_turn();
  }

  Guid channel = next_guid(), invite = next_guid();
  std::vector<Packet> pushed;
  Packet last;
};

}  // namespace dim::station_test
