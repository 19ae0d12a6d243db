// Recorded conversations of the dimchat reference (tests/reference/record.py), taken apart.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "dim/base/base64.h"
#include "dim/engine/engine.h"
#include "dim/packet/frame_stream.h"
#include "dim/protocol/head.h"
#include "tests/markdown.h"

namespace dim {

inline const JsonObject& member(const JsonObject& object, std::string_view name) {
  const Json* found = object.find(name);
  if (found == nullptr || found->object() == nullptr)
    throw std::invalid_argument("no object " + std::string(name));
  return *found->object();
}

struct Transcript {
  JsonObject json;
  Directory everybody;
  std::map<std::string, Account> accounts;  ///< alice, bob, pad, station: whose keys are known
  std::map<std::string, Id> ids;            ///< and of those who gave none away: ours, or dim

  explicit Transcript(const std::string& name)
      : json(*parse_json_object(read_file("tests/reference/fixtures/transcript-" + name + ".json"),
                                {.depth = 32, .nodes = 100'000, .string_bytes = 4 << 20})) {
    for (const auto& [person, value] : member(json, "accounts")) {
      const JsonObject& object = *value.object();
      const Id id = *Id::parse(*object.text("id"));
      const Meta meta = *Meta::parse(member(object, "meta"));
      const JsonObject& visa = member(object, "visa");
      ids.emplace(person, id);
      EXPECT_TRUE(everybody.learn_meta(id, meta)) << person;
      // A second device may have the visa of the first.
      EXPECT_TRUE(person == "pad" || everybody.learn_document(id.bare(), visa, end())) << person;
      if (person == "pad") (void)everybody.learn_document(id.bare(), visa, end());
      if (!object.contains("identity_private_key")) continue;
      std::vector<PrivateKey> keys;
      keys.push_back(*PrivateKey::parse(member(object, "message_private_key")));
      const std::string* terminal = object.text("terminal");
      accounts.emplace(person, Account{terminal != nullptr ? id.with_terminal(*terminal) : id, meta,
                                       *Document::parse(visa, id, meta),
                                       *PrivateKey::parse(member(object, "identity_private_key")),
                                       std::move(keys)});
    }
  }

  Millis begin() const { return static_cast<Millis>(json.find("begin")->number() * 1000); }
  Millis end() const { return static_cast<Millis>(json.find("end")->number() * 1000); }

  /// Names of the connections: whose it is, and for further ones a comma and what they are.
  std::vector<std::string> connections() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : member(json, "connections")) out.push_back(name);
    return out;
  }
  static std::string person(const std::string& connection) {
    return connection.substr(0, connection.find(','));
  }

  /// Everything that one side sent on a connection.
  std::string bytes(std::string_view connection, std::string_view side) const {
    std::string out;
    for (const Json& chunk : *member(json, "connections").find(connection)->array()) {
      const JsonArray& parts = *chunk.array();
      if (*parts[0].text() != side) continue;
      // In turns: base64 of what is no text, and text.
      for (std::size_t i = 1; i < parts.size(); ++i) {
        if (i % 2 == 0) {
          out += *parts[i].text();
        } else {
          const auto data = from_base64(*parts[i].text());
          out.append(data->begin(), data->end());
        }
      }
    }
    return out;
  }

  std::vector<std::string> messages(std::string_view connection, std::string_view side) const {
    std::vector<std::string> out;
    const std::string all = bytes(connection, side);
    // Of WebSocket there is the side of stations alone here, which do not read each other's.
    if (all.starts_with("HTTP/")) return out;
    FrameStream stream({.framing = {}, .first_sn = 1});
    stream.feed(all);
    for (;;) {
      auto next = stream.next(0);
      auto* event = std::get_if<FrameEvent>(&next);
      if (event == nullptr) return out;
      out.insert(out.end(), event->texts.begin(), event->texts.end());
    }
  }

  /// What one person wrote to another, each once, as it came first.
  std::vector<SignedMessage> written(const std::string& by, const std::string& to) const {
    std::vector<SignedMessage> out;
    std::set<Bytes> seen;
    for (const std::string& connection : connections()) {
      for (const char* side : {"C", "S"}) {
        for (const std::string& text : messages(connection, side)) {
          auto message = SignedMessage::parse(text);
          const Envelope& envelope = message->sealed.envelope;
          if (envelope.sender.same_entity(ids.at(by)) &&
              envelope.receiver.same_entity(ids.at(to)) && seen.insert(message->signature).second)
            out.push_back(std::move(*message));
        }
      }
    }
    return out;
  }

  /// Who is in each group, as its members said at the end.
  std::map<std::string, std::vector<Id>> groups() const {
    std::map<std::string, std::vector<Id>> out;
    for (const auto& [group, members] : member(json, "groups")) {
      for (const Json& id : *members.array()) out[group].push_back(*Id::parse(*id.text()));
    }
    return out;
  }

  /// What the reference's client read in the message with this signature; null: nobody recorded it.
  const Json* arrived(const std::string& name, const std::string& signature) const {
    const Json* of = member(json, "arrived").find(name);
    return of != nullptr ? of->object()->find(signature) : nullptr;
  }
};

/// Everything of `expected` is in `got`; types may be numbers or text.
inline void expect_holds(const Json& expected, const Json& got, const std::string& where) {
  if (const JsonObject* object = expected.object()) {
    ASSERT_NE(got.object(), nullptr) << where;
    for (const auto& [key, value] : *object) {
      const Json* other = got.object()->find(key);
      ASSERT_NE(other, nullptr) << where << "." << key;
      if (key == "type") {
        EXPECT_EQ(content_type(*object), content_type(*got.object())) << where;
      } else {
        expect_holds(value, *other, where + "." + key);
      }
    }
  } else if (const JsonArray* list = expected.array()) {
    ASSERT_NE(got.array(), nullptr) << where;
    ASSERT_EQ(list->size(), got.array()->size()) << where;
    for (std::size_t i = 0; i < list->size(); ++i)
      expect_holds((*list)[i], (*got.array())[i], where + "[" + std::to_string(i) + "]");
  } else {
    EXPECT_EQ(write_json(expected), write_json(got)) << where;
  }
}

}  // namespace dim
