// A group of three: found it, tell the others, write to them, read.
#include <cstdio>
#include <string>
#include <vector>

#include "dim/crypto/os_random.h"
#include "dim/engine/group_history.h"
#include "dim/engine/group_message.h"

int main() {
  dim::OsRandom random;
  const dim::Millis now = 1'790'000'000'000;
  std::vector<dim::Account> people;
  for (const char* name : {"Alice", "Bob", "Carol"}) {
    auto account = dim::Account::make_user(name, now, random);
    if (!account) return 1;
    people.push_back(std::move(*account));
  }
  const dim::Account& alice = people[0];
  const dim::Account& bob = people[1];
  const dim::Account& carol = people[2];
  dim::Directory known;
  for (const dim::Account& person : people) {
    if (!known.learn_meta(person.id, person.meta)) return 2;
    if (!known.learn_document(person.id, person.visa.json(), now)) return 3;
  }

  // Alice founds it. What she has made she knows like anything else: by its proofs.
  const auto made = dim::create_group(alice, "Climbing", {}, {}, now, random);
  if (!made || !known.learn_meta(made->id, made->meta)) return 4;
  if (!known.learn_document(made->id, made->bulletin.json(), now)) return 5;
  auto group = dim::Group::start(known, made->id);
  if (!group) return 6;

  // The list of members is a signed command; whoever sees it can check it.
  const auto list = dim::GroupContent::reset(made->id, {alice.id, bob.id, carol.id}, now, random);
  auto command = dim::sign_command(list, alice, known, random);
  if (!command || !group->apply(std::move(*command), now)) return 7;

  // Bob gets the history: in life inside of an encrypted message, here by hand.
  const auto history = dim::pack_history(*group, known, alice, now, random);
  if (!history) return 8;
  dim::Directory bobs = known;
  const auto read = dim::read_history(*history, made->id, std::nullopt, bob, bobs, now);
  if (!read.group) return 9;
  std::printf("%s has %zu members\n", read.group->name().c_str(), read.group->members().size());

  // A message to all: one copy each. Bob shows it when its writer is a member.
  const auto sent = dim::seal_for_group(dim::text_content("Sunday at nine?", now, random), *group,
                                        alice, known, {.seq = 1}, random);
  if (!sent || sent->copies.size() != 2) return 10;
  for (const auto& [member, message] : sent->copies) {
    if (!member.same_entity(bob.id)) continue;
    const auto opened = dim::open(message, bob, bobs, nullptr, now);
    if (!opened || !dim::check_group_message(*read.group, *opened, now)) return 11;
    std::printf("%s\n", opened->message.content.text("text")->c_str());
    return 0;
  }
  return 12;
}
