// Extends contents: an application of one's own sends contents of type 160 that carry its name and
// what it likes.
#include <cstdio>
#include <string>

#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/protocol/content.h"

namespace {

// {"type": 160, "sn": 123, "app": "{APP_ID}", "move": "e2e4"}
struct ChessMove {
  std::string app;
  std::string move;
};

dim::Result<dim::AddedValue> decode(const dim::JsonObject& content) {
  const std::string* app = content.text("app");
  const std::string* move = content.text("move");
  if (app == nullptr || move == nullptr || move->size() != 4) {
    return dim::fail(dim::Errc::content, "a move has four characters, as e2e4");
  }
  return dim::AddedValue::of(ChessMove{*app, *move});
}

dim::JsonObject encode(const ChessMove& move, dim::Millis now, dim::Random& random) {
  const dim::ContentHead head = dim::ContentHead::make("160", now, random);
  dim::JsonObject content;
  content.set("type", head.type);
  content.set("sn", head.sn);
  content.set("time", head.time);
  content.set("app", move.app);
  content.set("move", move.move);
  return content;
}

}  // namespace

int main() {
  dim::OsRandom random;
  const dim::Millis now = 1'790'000'000'000;
  auto alice = dim::Account::make_user("Alice", now, random);
  auto bob = dim::Account::make_user("Bob", now, random);
  if (!alice || !bob) return 1;
  dim::Directory known;
  for (const auto* person : {&*alice, &*bob}) {
    if (!known.learn_meta(person->id, person->meta)) return 2;
    if (!known.learn_document(person->id, person->visa.json(), now)) return 3;
  }

  // It travels like any other content: encrypted, signed, bound to its addressee.
  const dim::PlainMessage message{{.sender = alice->id, .receiver = bob->id},
                                  encode({"chat.dim.chess", "e2e4"}, now, random)};
  const auto sealed = dim::seal(message, *alice, known, {.seq = 1}, random);
  if (!sealed) return 4;
  const auto opened = dim::open(*sealed, *bob, known, nullptr, now);
  if (!opened) return 5;

  const dim::KindTable table =
      dim::KindTable().with({.type = "160", .name = "chess move", .decode = decode});
  const auto content = dim::decode_content(opened->message.content, table);
  const auto* added = content ? content->as<dim::AddedContent>() : nullptr;
  const auto* move = added != nullptr ? added->as<ChessMove>() : nullptr;
  if (move == nullptr || move->app != "chat.dim.chess" || move->move != "e2e4") return 6;
  std::printf("%s from %s: %s\n", added->name.c_str(), move->app.c_str(), move->move.c_str());

  // Without the added kind it is an application content of which nothing is lost.
  const auto plain = dim::decode_content(opened->message.content);
  const auto* application = plain ? plain->as<dim::CustomizedContent>() : nullptr;
  if (application == nullptr || application->app != "chat.dim.chess") return 7;
  const std::string* kept = application->rest.text("move");
  return kept != nullptr && *kept == "e2e4" ? 0 : 8;
}
