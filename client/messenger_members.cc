// Who comes into a group and who goes: told to others when it is done here, shown when others did
// it.
#include <utility>

#include "client/messenger.h"
#include "client/names.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kGroupType = "group";
constexpr std::size_t kNamed = 5;

std::string names_of(Home& home, const std::vector<Id>& ids) {
  std::string out;
  for (std::size_t i = 0; i < ids.size() && i < kNamed; ++i) {
    out += (i == 0 ? "" : ", ") +
           (ids[i].same_entity(home.account().id) ? std::string("you") : name_of(home, ids[i]));
  }
  if (ids.size() > kNamed) out += " and " + std::to_string(ids.size() - kNamed) + " more";
  return out;
}

}  // namespace

Result<HistoryEntry> Messenger::change_group(const GroupChange& make, std::string_view words) {
  if (!home_.account().holds_identity()) {
    // Who joins later checks what was signed in a group with the keys of then: those of a device
    // that has been removed are gone.
    return fail(Errc::forbidden,
                "this device is a linked one; groups are founded and changed on the device that "
                "your identity was made on");
  }
  const Millis now = clock_.now();
  HistoryEntry entry{.guid = Guid::make(now, random_).text(), .peer = home_.account().id};
  auto status = home_.vault().transaction([&]() -> Status {
    auto change = make(groups_, now);
    if (!change) return std::unexpected(change.error());
    entry.peer = change->group.bare();
    entry.outgoing = true;
    entry.time = now;
    entry.words = words;
    entry.content_type = kGroupType;
    entry.tick = Tick::sent;
    const JsonObject news = encode_content(Content(std::move(change->news)));
    for (const Id& id : change->told) {
      if (auto put = enqueue_quietly(id, news); !put) return put;
    }
    return history_.put(entry);
  });
  if (!status) return std::unexpected(status.error());
  pump();
  return entry;
}

/// Who would be shown by ID in the line below, and was not asked for in this session.
std::set<std::string> Messenger::nameless(const Groups::Read& read) {
  std::set<std::string> out;
  for (const auto* ids :
       {&read.added, &read.removed, &read.promoted, &read.demoted, &read.asking}) {
    for (std::size_t i = 0; i < ids->size() && i < kNamed; ++i) {
      const Id& id = (*ids)[i];
      const std::string text = id.bare().text();
      if (!id.same_entity(home_.account().id) && !fetched_.contains(text) &&
          home_.directory().message_keys(id).empty() && name_of(home_, id) == text)
        out.insert(text);
    }
  }
  return out;
}

/// One line of the group's history, for people, when somebody else has changed it.
Status Messenger::note_group_change(const Id& group, const Id& by, const Groups::Read& read,
                                    std::vector<HistoryEntry>& show) {
  std::string words;
  const auto add = [&](const std::vector<Id>& ids, std::string_view what) {
    if (ids.empty()) return;
    words += (words.empty() ? "" : "; ") + std::string(what) + ": " + names_of(home_, ids);
  };
  add(read.added, "came in");
  add(read.removed, "went out");
  add(read.promoted, "leads now");
  add(read.demoted, "leads no longer");
  add(read.asking, "asks to come in");
  if (!read.renamed.empty())
    words += (words.empty() ? "" : "; ") + std::string("is called now: ") + read.renamed;
  if (words.empty()) return {};
  const Millis now = clock_.now();
  HistoryEntry entry{.guid = Guid::make(now, random_).text(), .peer = group.bare()};
  entry.time = now;
  entry.words = std::move(words);
  entry.content_type = kGroupType;
  entry.sender = by;
  entry.label = Label::secure_old;
  if (auto put = history_.put(entry); !put) return put;
  if (auto put = put_unread(entry); !put) return put;
  show.push_back(std::move(entry));
  return {};
}

}  // namespace dim
