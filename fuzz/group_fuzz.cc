// A group under any commands of anybody in any order. Five bytes are one step: who, what, when,
// whom, how many. After each step: nobody changed what was not theirs, nothing rolled back, nothing
// grew beyond its limit, and a newcomer who reads the history sees the same.
#include <algorithm>
#include <set>
#include <span>
#include <string>

#include "dim/crypto/os_random.h"
#include "dim/engine/group_history.h"
#include "fuzz/check.h"

namespace {

using namespace dim;

constexpr Millis kNow = 1'790'000'000'000;
constexpr std::size_t kPeople = 12;
constexpr std::size_t kStep = 5;
constexpr std::size_t kMostSteps = 160;
constexpr std::size_t kNewcomerEvery = 16;  // steps; the check reads the whole history again

struct World {
  World() {
    OsRandom random;
    const PrivateKey key = PrivateKey::generate_ec(random);
    const Meta founder = Meta::make(MetaType::eth, key.public_key()).value();
    people.push_back(founder.id(EntityType::user).value());
    for (std::size_t i = 1; i < kPeople; ++i) {
      const std::string name = "person-" + std::to_string(i);
      people.emplace_back(name, Address::btc(EntityType::user, as_bytes(name)));
    }
    const Meta meta = Meta::make_mkm(key, "Group-12345");
    group = meta.id(EntityType::group).value();
    JsonObject properties;
    properties.set("founder", people[0].text());
    properties.set("administrators", JsonArray{Json(people[1].text())});
    properties.set("assistants", JsonArray{Json(people[10].text()), Json(people[11].text())});
    const Document bulletin = Document::make(*group, "bulletin", properties, kNow - 3'600'000, key);
    fuzz::must(directory.learn_meta(people[0], founder).has_value());
    fuzz::must(directory.prove(people[0], founder).has_value());
    fuzz::must(directory.learn_meta(*group, meta).has_value());
    fuzz::must(directory.learn_document(*group, bulletin.json(), kNow).has_value());
  }
  std::vector<Id> people;
  std::optional<Id> group;
  Directory directory;
};

const World& world() {
  static const World instance;
  return instance;
}

std::vector<Id> choose(std::uint8_t whom, std::uint8_t many) {
  std::vector<Id> out;
  for (std::size_t i = 0; i < many % 8U; ++i) out.push_back(world().people[(whom + i) % kPeople]);
  return out;
}

// A reset is written as a right one would be, except when the byte says otherwise.
std::vector<Id> reset_list(const Group& group, std::uint8_t whom, std::uint8_t many) {
  std::vector<Id> out = choose(whom, many);
  if ((many & 0x80) != 0) return out;
  for (const Id& id : group.administrators()) out.insert(out.begin(), id);
  out.insert(out.begin(), group.owner());
  std::set<std::string> seen;
  std::erase_if(out, [&](const Id& id) { return !seen.insert(id.text()).second; });
  return out;
}

GroupRecord record(const Group& group, std::span<const std::uint8_t> step) {
  const Id& sender = world().people[step[0] % kPeople];
  GroupContent content{.head = {.type = "137", .sn = step[3] + 256 * step[4] + 1}};
  content.head.group = *world().group;
  content.action = static_cast<GroupAction>(step[1] % 9);
  content.head.time = static_cast<double>(kNow) / 1000 - 4'000 + 17 * step[2];
  const bool leaders = content.action == GroupAction::hire || content.action == GroupAction::fire;
  (leaders ? content.administrators : content.members) = content.action == GroupAction::reset
                                                             ? reset_list(group, step[3], step[4])
                                                             : choose(step[3], step[4]);
  if (leaders) {
    content.assistants =
        choose(static_cast<std::uint8_t>(step[3] + 5), static_cast<std::uint8_t>(step[4] >> 3));
  }
  SignedMessage message{.sealed = {.envelope = {.sender = sender, .receiver = sender}}};
  const Digest32 hash = sha256(step);
  return {std::move(content), sender, std::move(message), hash};
}

struct Seen {
  std::vector<Id> members, administrators, assistants;
  friend bool operator==(const Seen&, const Seen&) = default;
};
Seen seen(const Group& group) {
  return {group.members(), group.administrators(), group.assistants()};
}

void check_shape(const Group& group) {
  fuzz::must(!group.members().empty() && group.members()[0] == world().people[0]);
  std::set<std::string> names;
  for (const Id& id : group.members()) fuzz::must(names.insert(id.text()).second);
  fuzz::must(group.members().size() <= limits::kGroupMembers);
  fuzz::must(!group.is_administrator(group.owner()));
  fuzz::must(group.requests(kNow).size() <= limits::kGroupPending);
  fuzz::must(group.history().size() <= limits::kGroupHistory + 1);
}

void check_newcomer(const Group& group) {
  Group fresh = Group::start(world().directory, *world().group).value();
  for (const GroupRecord* old : group.history()) std::ignore = fresh.apply(*old, kNow);
  fuzz::must(seen(fresh) == seen(group));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Group group = Group::start(world().directory, *world().group).value();
  const std::span<const std::uint8_t> bytes(data, size);
  std::set<std::string> ever_led{world().people[0].text(), world().people[1].text()};
  bool late_leaders = false;
  for (std::size_t at = 0; at + kStep <= size && at < kStep * kMostSteps; at += kStep) {
    const GroupRecord one = record(group, bytes.subspan(at, kStep));
    const Seen before = seen(group);
    const Millis floor = group.reset_time();
    const auto outcome = group.apply(one, kNow);
    const Seen after = seen(group);
    const bool applied = outcome && *outcome == GroupOutcome::applied;
    fuzz::must(applied || after == before);
    fuzz::must(group.reset_time() >= floor);
    if (applied) {
      const GroupAction action = one.content.action;
      const bool led = ever_led.contains(one.sender.text());
      if (action == GroupAction::hire || action == GroupAction::fire)
        fuzz::must(one.sender == group.owner());
      if (action != GroupAction::quit) fuzz::must(led);
      // A29: only the bulletin makes assistants, and only the owner's word unmakes them.
      fuzz::must(std::ranges::all_of(after.assistants, [&](const Id& id) {
        return std::ranges::find(before.assistants, id) != before.assistants.end();
      }));
      if (action != GroupAction::fire) fuzz::must(after.assistants == before.assistants);
      if (action == GroupAction::quit || action == GroupAction::resign)
        fuzz::must(one.sender != group.owner());
      if (action == GroupAction::hire) {
        for (const Id& id : one.content.administrators) ever_led.insert(id.text());
      }
      const bool leaders = action == GroupAction::hire || action == GroupAction::fire ||
                           action == GroupAction::resign;
      late_leaders =
          late_leaders || (leaders && content_millis(one.content.head.time) <= group.reset_time());
    }
    const auto again = group.apply(one, kNow);
    fuzz::must(seen(group) == after && (!again || *again != GroupOutcome::applied));
    check_shape(group);
    // A right that was taken back for the time before the reset does not undo the reset (A28).
    if (!late_leaders && at / kStep % kNewcomerEvery == 0) check_newcomer(group);
  }
  if (!late_leaders) check_newcomer(group);
  return 0;
}
