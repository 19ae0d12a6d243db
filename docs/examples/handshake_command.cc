// Extends commands: a handshake command of one's own, added to a copy of the table of kinds. The
// library knows a handshake already; the added kind wins, so nothing of this example comes from it.
//
//   0. (C-S) handshake start
//   1. (S-C) handshake again with new session
//   2. (C-S) handshake restart with new session
//   3. (S-C) handshake success
#include <cstdio>
#include <string>

#include "dim/crypto/os_random.h"
#include "dim/protocol/content.h"
#include "dim/protocol/wire.h"

namespace {

enum class State { start, again, restart, success };

// {"type": 136, "sn": 123, "command": "handshake", "title": "Hello world!", "session":
// "{SESSION_ID}"}
struct Handshake {
  std::string title;
  std::string session;

  State state() const {
    if (title == "DIM!") return State::success;
    if (title == "DIM?") return State::again;
    return session.empty() ? State::start : State::restart;
  }
};

// From the network: what comes out is what AddedContent::as<Handshake>() gives.
dim::Result<dim::AddedValue> decode(const dim::JsonObject& content) {
  const std::string* title = content.text("title");
  if (title == nullptr) return dim::fail(dim::Errc::content, "a handshake needs a title");
  const std::string* session = content.text("session");
  return dim::AddedValue::of(Handshake{*title, session != nullptr ? *session : std::string()});
}

// To the network.
dim::JsonObject encode(const Handshake& handshake, dim::Millis now, dim::Random& random) {
  const dim::ContentHead head = dim::ContentHead::make("136", now, random);
  dim::JsonObject content;
  content.set("type", head.type);
  content.set("sn", head.sn);
  content.set("time", head.time);
  content.set("command", "handshake");
  content.set("title", handshake.title);
  if (!handshake.session.empty()) content.set("session", handshake.session);
  return dim::to_wire(std::move(content));  // adds the old names that old peers look for
}

}  // namespace

int main() {
  dim::OsRandom random;
  const dim::Millis now = 1'790'000'000'000;
  const dim::KindTable table = dim::KindTable().with(
      {.type = "136", .command = "handshake", .name = "my handshake", .decode = decode});

  const struct {
    Handshake handshake;
    State state;
  } steps[] = {{{"Hello world!", ""}, State::start},
               {{"DIM?", "4c322b16"}, State::again},
               {{"Hello world!", "4c322b16"}, State::restart},
               {{"DIM!", "4c322b16"}, State::success}};
  for (const auto& [handshake, state] : steps) {
    const auto content = dim::decode_content(encode(handshake, now, random), table);
    const auto* added = content ? content->as<dim::AddedContent>() : nullptr;
    const auto* got = added != nullptr ? added->as<Handshake>() : nullptr;
    if (got == nullptr || got->state() != state || got->session != handshake.session) return 1;
    std::printf("%s: %s\n", added->name.c_str(), got->title.c_str());
  }

  // The same table knows everything else as before, and refuses what the added decoder refuses.
  const auto text = dim::decode_content(dim::text_content("hi", now, random), table);
  if (!text || text->as<dim::TextContent>() == nullptr) return 2;
  dim::JsonObject untitled = encode({"x", ""}, now, random);
  untitled.erase("title");
  return dim::decode_content(untitled, table) ? 3 : 0;
}
