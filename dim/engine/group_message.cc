#include "dim/engine/group_message.h"

#include <utility>

#include "dim/message/delivery.h"
#include "dim/protocol/head.h"

namespace dim {
namespace {

double seconds(Millis time) { return static_cast<double>(time) / 1000; }

Status split(GroupSend& out, PlainMessage message, const Account& sender,
             const Directory& directory, const Chain& chain, std::span<const Id> members,
             Random& random) {
  for (const Id& member : members) {
    message.envelope.receiver = member;
    auto sealed = seal(message, sender, directory, chain, random);
    if (!sealed) return std::unexpected(sealed.error());
    out.copies.push_back({member, std::move(*sealed)});
  }
  return {};
}

Status share(GroupSend& out, PlainMessage message, const Account& sender,
             const Directory& directory, const Chain& chain, const Group& group,
             std::span<const Id> members, Random& random) {
  message.envelope.receiver = group.id();
  auto sealed = seal_group(message, members, sender, directory, chain, random);
  if (!sealed) return std::unexpected(sealed.error());
  for (const Id& member : members) {
    auto copy = SignedMessage::from_json(copy_for_member(*sealed, member));
    if (!copy) return std::unexpected(copy.error());
    out.copies.push_back({member, std::move(*copy)});
  }
  return {};
}

}  // namespace

Result<GroupSend> seal_for_group(const JsonObject& content, const Group& group,
                                 const Account& sender, const Directory& directory,
                                 const Chain& chain, Random& random) {
  if (!group.is_member(sender.id)) return fail(Errc::forbidden, "only members write to a group");
  GroupSend out;
  std::vector<Id> members;
  for (const Id& member : group.members()) {
    if (member.same_entity(sender.id)) continue;
    (directory.message_keys(member).empty() ? out.missing : members).push_back(member);
  }
  if (members.empty()) return out;
  PlainMessage message{.envelope = {.sender = sender.id, .receiver = group.id()},
                       .content = content};
  message.envelope.extra = group_marks(group);
  message.content.set("group", group.id().text());
  const bool small = group.members().size() < limits::kSplitGroup;
  const Status sent =
      small ? split(out, std::move(message), sender, directory, chain, members, random)
            : share(out, std::move(message), sender, directory, chain, group, members, random);
  if (!sent) return std::unexpected(sent.error());
  return out;
}

JsonObject group_marks(const Group& group) {
  JsonObject out;
  out.set("GF", true);
  out.set("GDT", seconds(group.bulletin().time().value_or(0)));
  if (const Millis time = group.history_time(); time > 0) out.set("GHT", seconds(time));
  return out;
}

std::optional<Id> group_of(const Opened& opened) {
  const Envelope& envelope = opened.message.envelope;
  if (envelope.group && !envelope.group->is_broadcast()) return envelope.group->bare();
  const std::string* text = opened.message.content.text("group");
  auto id = text != nullptr ? Id::parse(*text) : Result<Id>(fail(Errc::id, "none"));
  if (!id || !id->is_group() || id->is_broadcast()) return std::nullopt;
  return id->bare();
}

Status check_group_message(const Group& group, const Opened& opened, Millis arrived) {
  const auto named = group_of(opened);
  if (!named || !named->same_entity(group.id()))
    return fail(Errc::forbidden, "the message belongs to another conversation");
  if (opened.label == Label::not_encrypted)
    return fail(Errc::forbidden, "messages of a group are encrypted");
  return group.check_speaker(opened.message.envelope.sender, content_time(opened.message.content),
                             arrived);
}

GroupTimes group_times(const SignedMessage& message) {
  return {.bulletin = read_seconds(message.json.find("GDT")),
          .history = read_seconds(message.json.find("GHT"))};
}

}  // namespace dim
