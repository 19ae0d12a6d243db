// What the tests of groups share: a group that Alice has founded, and commands for it.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dim/engine/group_history.h"
#include "dim/protocol/content.h"
#include "testing/engine_accounts.h"

namespace dim::testing {

/// Somebody who only has an ID.
inline Id somebody(std::string_view name) {
  return {std::string(name), Address::btc(EntityType::user, as_bytes(name))};
}
inline std::vector<Id> crowd(std::size_t size) {
  std::vector<Id> out;
  for (std::size_t i = 0; i < size; ++i) out.push_back(somebody("member-" + std::to_string(i)));
  return out;
}
inline std::vector<Id> with_alice(std::vector<Id> others) {
  others.insert(others.begin(), alice().id);
  return others;
}

/// Founded a day before kNow; `directory` knows it, Alice, Bob and Carol.
struct Founded {
  explicit Founded(const std::vector<Id>& administrators = {},
                   const std::vector<Id>& assistants = {})
      : made(create_group(alice(), "Friends", administrators, assistants, kNow - kDay, os_random())
                 .value()),
        directory(directory_of({&alice(), &bob(), &carol()})) {
    EXPECT_TRUE(directory.learn_meta(made.id, made.meta));
    EXPECT_TRUE(directory.learn_document(made.id, made.bulletin.json(), kNow));
  }
  Group group(Millis known_reset = 0) const {
    return Group::start(directory, made.id, known_reset).value();
  }
  const Id& id() const { return made.id; }

  NewGroup made;
  Directory directory;
};

/// A command as if its sender's signature had verified. Times are minutes from kNow.
inline GroupRecord given_by(const Id& sender, GroupContent content, int minute) {
  content.head.time = kSeconds + 60.0 * minute;
  SignedMessage message{.sealed = {.envelope = {.sender = sender, .receiver = sender}}};
  const std::string text = sender.text() + write_json(encode_content(Content(content)));
  return {std::move(content), sender, std::move(message), sha256(as_bytes(text))};
}

/// Whether, and how far, a command got into the group.
struct Given {
  std::optional<GroupOutcome> outcome{};
  std::optional<Errc> refusal{};
  friend bool operator==(const Given&, const Given&) = default;
};
inline Given give(Group& group, const Id& sender, GroupContent content, int minute,
                  Millis now = kNow) {
  auto outcome = group.apply(given_by(sender, std::move(content), minute), now);
  if (outcome) return {.outcome = *outcome};
  return {.refusal = outcome.error().code};
}
inline constexpr Given kApplied{.outcome = GroupOutcome::applied};
inline constexpr Given kWaiting{.outcome = GroupOutcome::waiting};
inline constexpr Given kUnchanged{.outcome = GroupOutcome::unchanged};
inline constexpr Given kForbidden{.refusal = Errc::forbidden};
inline constexpr Given kOutdated{.refusal = Errc::conflict};

}  // namespace dim::testing
