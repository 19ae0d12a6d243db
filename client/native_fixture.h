// Several people and devices at one station that knows documents, prekeys and inboxes, and does
// wrong where a test wants it to. Included by tests only.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/fields.h"
#include "client/native_keys.h"
#include "client/station_fixture.h"
#include "dim/engine/device_link.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {

class NativeScene : public testing::Test {
 protected:
  struct Person final : Transport {
    explicit Person(Home own) : home(std::move(own)) {
      EXPECT_TRUE(home.set_station(fake_target()));
    }
    void dial(Lane, const StationTarget&) override {}
    void send(Lane lane, std::string bytes) override {
      if (leaving) leaving(bytes);
      station.client_sent(lane, bytes);
    }
    void hang_up(Lane) override {}

    const Id& id() const { return home.account().id; }
    std::string device() const { return home.account().device().text(); }
    std::string terminal() const { return home.account().visa.terminal(); }
    /// "text (label)" of what came, "? (cause)" of what could not be read, and lines in "[]".
    std::vector<std::string> read() const {
      std::vector<std::string> out;
      for (const HistoryEntry& entry : received) {
        if (is_key_notice(entry)) {
          out.push_back("[" + entry.words + "]");
        } else if (!entry.cause.empty()) {
          out.push_back("? (" + entry.cause.substr(0, entry.cause.find(':')) + ")");
        } else {
          out.push_back(entry.text + " (" + std::string(to_string(entry.label)) + ")");
        }
      }
      return out;
    }
    HistoryEntry entry(const Id& peer, const std::string& guid) {
      const auto all = messenger->history(peer, 1'000);
      for (const HistoryEntry& one : *all) {
        if (one.guid == guid) return one;
      }
      ADD_FAILURE() << "no entry " << guid;
      return {.guid = {}, .peer = peer};
    }

    Home home;
    FakeStation station;
    std::optional<Messenger> messenger;
    std::vector<HistoryEntry> received, ticked;
    std::deque<Packet> inbox;
    std::int64_t cursor = 0;
    bool online = false;
    std::function<void(const std::string&)> leaving;  // sees what goes out, before the station does
  };
  /// What the station has of a device.
  struct Prekeys {
    native::PrekeySet set{};
    std::deque<native::OneTimePrekey> once{};
    std::uint32_t newest = 0;
  };

  Person& add(const std::string& name) {
    return add(Home::in_memory(Account::make_user(name, kFakeNow - 10'000, fake_random()).value(),
                               fake_random())
                   .value());
  }
  Person& add(Home home) {
    people.push_back(std::make_unique<Person>(std::move(home)));
    Person& person = *people.back();
    metas[person.id().bare().text()] = person.home.account().meta.json();
    publish(person.home.account().visa);
    return person;
  }
  /// Another device of `owner`, which knows of it.
  Person& link(Person& owner, const std::string& terminal) {
    const auto key = PrivateKey::generate_rsa().value();
    const auto keys = native::DeviceKeys::generate(fake_random());
    const auto request =
        DeviceRequest::parse(*DeviceRequest::make(terminal, key, keys.public_half())).value();
    const Account& me = owner.home.account();
    const Document visa = visa_for(me, request, nullptr, clock.now()).value();
    Person& out = add(
        Home::in_memory(linked_account({me.id, me.meta, visa, ""}, key, keys.public_half()).value(),
                        fake_random(), &keys)
            .value());
    for (Home* home : {&owner.home, &out.home}) {
      EXPECT_TRUE(home->learn(me.id, me.meta.json(), {me.visa.json(), visa.json()}, clock.now()));
    }
    return out;
  }
  void publish(const Document& document) {
    documents[document.id().bare().text()].push_back(document.json());
  }
  void learn(Person& who, const Document& document) {
    const std::string id = document.id().bare().text();
    EXPECT_TRUE(who.home.learn(document.id(), metas[id], {document.json()}, clock.now()));
  }

  void log_in(Person& who, Messenger::Options options = {}) {
    who.messenger.reset();
    MessengerEvents events;
    events.received = [&who](const HistoryEntry& entry) { who.received.push_back(entry); };
    events.ticked = [&who](const HistoryEntry& entry) { who.ticked.push_back(entry); };
    who.station = FakeStation();
    who.messenger.emplace(who.home, who, clock, fake_random(), std::move(events), options);
    ASSERT_TRUE(who.messenger->start());
    who.messenger->opened(Lane::control, fake_binding(Lane::control), fake_spki());
    answer(who, Lane::control, who.station.challenge(who.station.next(Lane::control)));
    answer(who, Lane::control,
           FakeStation::welcome(who.station.next(Lane::control), clock.now(), who.cursor));
    who.messenger->opened(Lane::text, fake_binding(Lane::text), fake_spki());
    answer(who, Lane::text, Packet::response(200, who.station.next(Lane::text).get("id")));
    ASSERT_TRUE(who.messenger->is_ready());
    who.online = true;
    settle();
  }
  /// As when the program ends: what was not acknowledged is in its outbox.
  void log_out(Person& who) {
    who.online = false;
    who.messenger.reset();
  }

  std::string say(Person& from, const Person& to, std::string_view text) {
    auto entry = from.messenger->send_text(to.id(), text);
    EXPECT_TRUE(entry) << to_string(entry.error());
    settle();
    return entry ? entry->guid : std::string();
  }
  void pass(Millis time) {
    clock.passed += time;
    for (const auto& person : people) {
      if (person->online) person->messenger->tick();
    }
    settle();
  }
  /// Until nobody has anything more to say.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (const auto& person : people) {
        if (!person->online) continue;
        for (const Lane lane : {Lane::control, Lane::text}) {
          while (!person->station.requests[lane].empty()) {
            busy = true;
            serve(*person, lane, person->station.next(lane));
          }
        }
        while (!person->station.prekeys.empty()) {
          busy = true;
          Packet request = std::move(person->station.prekeys.front());
          person->station.prekeys.pop_front();
          serve(*person, Lane::control, request);
        }
        while (!person->inbox.empty() && !hold_pushes) {
          busy = true;
          const Packet push = std::move(person->inbox.front());
          person->inbox.pop_front();
          answer(*person, Lane::text, push);
        }
      }
    }
  }
  static void answer(Person& who, Lane lane, const Packet& packet) {
    who.messenger->received(lane, write_packet(packet));
  }
  /// Among what was sent to somebody: the last of that kind.
  std::string last_wire(const Person& to, std::string_view type = "message") {
    for (auto it = wires.rbegin(); it != wires.rend(); ++it) {
      if (it->get("target") == to.id().bare().text() && it->get("type") == type)
        return *it->content;
    }
    return {};
  }
  /// The content of it as the receiver's RSA keys open it, which anybody can who has taken them.
  JsonObject outer(const Person& reader, const std::string& wire) {
    Directory known;
    const auto message = SignedMessage::parse(wire).value();
    const Id& sender = message.sealed.envelope.sender;
    const std::string id = sender.bare().text();
    EXPECT_TRUE(known.learn_meta(sender, Meta::parse(metas[id]).value()));
    for (const JsonObject& one : documents[id])
      (void)known.learn_document(sender, one, clock.now());
    auto opened = open(message, reader.home.account(), known, {}, clock.now());
    EXPECT_TRUE(opened) << to_string(opened.error());
    return opened ? opened->message.content : JsonObject();
  }
  void push(Person& to, const Id& author, std::string wire, std::string_view type = "message",
            std::string guid = {}) {
    if (guid.empty()) guid = Guid::make(clock.now(), fake_random()).text();
    Packet packet = Packet::request(Operation::create);
    packet.set("type", std::string(type))
        .set("author", author.bare().text())
        .set("target", to.id().bare().text())
        .set("guid", guid)
        .set("time", format_time(clock.now()))
        .set("cursor", std::to_string(++to.cursor));
    packet.content = std::move(wire);
    to.inbox.push_back(std::move(packet));
  }
  std::size_t asked(std::string_view target) const {
    return static_cast<std::size_t>(std::ranges::count(prekeys_asked, target));
  }

  FakeClock clock;
  std::vector<std::unique_ptr<Person>> people;
  std::map<std::string, JsonObject> metas;
  std::map<std::string, std::vector<JsonObject>> documents;  // of each ID
  std::map<std::string, Prekeys> prekeys;                    // of each device
  std::vector<std::string> prekeys_asked;                    // targets
  std::vector<std::string> documents_asked;
  std::vector<Packet> wires;  // every message that went out
  // What the station does wrong.
  bool withholds = false;     // prekeys: 404
  bool lies = false;          // prekeys: of its own making
  bool loses = false;         // messages: neither answered nor passed on
  bool answers_lost = false;  // messages: passed on, but never answered
  bool hold_pushes = false;
  std::size_t passes_on = SIZE_MAX;  // so many messages, and then none

 private:
  void serve(Person& who, Lane lane, const Packet& request) {
    const std::string type(request.get("type")), target(request.get("target"));
    const auto say_code = [&](int code) {
      answer(who, lane, Packet::response(code, request.get("id")));
    };
    const auto say_content = [&](std::string content) {
      Packet packet = Packet::response(200, request.get("id"));
      packet.set("target", target);
      packet.content = std::move(content);
      answer(who, lane, packet);
    };
    if (request.operation == Operation::notify) return;
    if (request.operation == Operation::create && (type == "message" || type == "receipt"))
      return carry(who, lane, request);
    if (type == "document" && request.operation == Operation::create) {
      const JsonObject content = *parse_json_object(*request.content);
      documents[target].push_back(*content.find("document")->object());
      return say_code(201);
    }
    if (type == "document" && request.operation == Operation::get) {
      documents_asked.push_back(target);
      if (!metas.contains(target)) return say_code(404);
      JsonObject content;
      content.set("meta", metas[target]);
      JsonArray list;
      for (const JsonObject& one : documents[target]) list.emplace_back(one);
      content.set("documents", std::move(list));
      return say_content(write_json(content));
    }
    if (type != "prekeys") return say_code(404);
    const Id whom = Id::parse(target).value();
    if (request.operation == Operation::create) {
      Prekeys& held = prekeys[target];
      held.set = native::PrekeySet::parse(*parse_json_object(*request.content)).value();
      for (const auto& one : held.set.one_time) {
        if (one.id <= held.newest) continue;
        held.newest = one.id;
        held.once.push_back(one);
      }
      Packet packet = Packet::response(201, request.get("id"));
      packet.set("count", std::to_string(held.once.size()))
          .set("newest", std::to_string(held.newest));
      return answer(who, lane, packet);
    }
    if (request.operation == Operation::erase) {
      prekeys[target].once.clear();
      return say_code(204);
    }
    JsonArray out;
    const bool count = target == who.id().bare().text();
    if (!count) prekeys_asked.push_back(target);
    if (!count && withholds) return say_code(404);
    for (auto& [name, held] : prekeys) {
      const Id device = Id::parse(name).value();
      if (!device.same_entity(whom)) continue;
      const bool one = !whom.terminal().empty() && whom.terminal() != "*";
      if (one && device.terminal() != whom.terminal()) continue;
      if (count) {
        JsonObject row;
        if (!device.terminal().empty()) row.set("device", device.terminal());
        row.set("signed", std::int64_t{held.set.signed_prekey.id});
        row.set("time", format_time(held.set.signed_prekey.time));
        row.set("count", static_cast<std::int64_t>(held.once.size()));
        row.set("newest", std::int64_t{held.newest});
        out.emplace_back(std::move(row));
        continue;
      }
      native::PrekeyBundle bundle{.terminal = device.terminal(),
                                  .signed_prekey = held.set.signed_prekey};
      if (held.once.empty()) {
        bundle.last_resort = held.set.last_resort;
      } else {
        bundle.one_time = held.once.front();
        held.once.pop_front();
      }
      if (lies) bundle.signed_prekey.key[0] ^= 1;
      out.emplace_back(bundle.json());
    }
    say_content(write_json(Json(std::move(out))));
  }
  void carry(Person& who, Lane lane, const Packet& request) {
    wires.push_back(request);
    if (loses || passes_on == 0) return;
    if (passes_on != SIZE_MAX) --passes_on;
    for (const auto& person : people) {
      if (person->id().bare().text() == request.get("target"))
        push(*person, who.id(), *request.content, request.get("type"),
             std::string(request.get("guid")));
    }
    if (!answers_lost) answer(who, lane, Packet::response(202, request.get("id")));
  }
};

}  // namespace dim
