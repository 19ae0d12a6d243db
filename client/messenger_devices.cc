// Other devices of the same person: who is told of them, and what they tell each other.
#include <algorithm>
#include <cstdlib>

#include "client/fields.h"
#include "client/handed_keys.h"
#include "client/hub_names.h"
#include "client/messenger.h"
#include "client/native_keys.h"
#include "client/past.h"
#include "dim/engine/device_link.h"
#include "dim/engine/signer.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kApp = "chat.dim.device";
constexpr std::string_view kSent = "sent";
constexpr std::string_view kRead = "read";
constexpr std::string_view kPast = "past";
constexpr std::string_view kNative = "n1";

}  // namespace

bool Messenger::has_other_devices() {
  const Account& account = home_.account();
  const Known* own = home_.directory().find(account.id);
  if (own == nullptr) return false;
  return std::ranges::any_of(newest_visas(own->documents), [&](const auto& one) {
    return one.first != account.visa.terminal() && !is_removed(own->documents[one.second]);
  });
}

Status Messenger::announce_devices() {
  const Account& account = home_.account();
  const Known* own = home_.directory().find(account.id);
  auto contacts = home_.contacts();
  if (!contacts) return std::unexpected(contacts.error());
  if (own == nullptr) return {};
  const auto news = [&](bool all) {
    std::vector<JsonObject> documents;
    for (const Document& one : own->documents) {
      if (all || !is_removed(one)) documents.push_back(one.json());
    }
    return encode_content(Content(DocumentsContent::answer(
        account.id.bare(), account.meta.json(), std::move(documents), clock_.now(), random_)));
  };
  auto status = home_.vault().transaction([&]() -> Status {
    if (has_other_devices()) {
      if (auto put = enqueue_quietly(account.id.bare(), news(true)); !put) return put;
    }
    for (const Contact& contact : *contacts) {
      if (!contact.written || !contact.id.is_user() || contact.id.same_entity(account.id)) continue;
      const bool knows_removed = home_.directory().promises(contact.id, "bind");
      if (auto put = enqueue_quietly(contact.id, news(knows_removed)); !put) return put;
    }
    return {};
  });
  if (status) pump();
  return status;
}

void Messenger::renew_devices() {
  constexpr Millis kRenewMs = Millis{150} * 86'400'000;
  const Account& account = home_.account();
  const Known* own = home_.directory().find(account.id);
  if (!account.holds_identity() || own == nullptr || !clocks_agree()) return;
  std::vector<Document> due;
  for (const auto& [terminal, index] : newest_visas(own->documents)) {
    const Document& visa = own->documents[index];
    if (terminal == account.visa.terminal() || is_removed(visa)) continue;
    if (clock_.now() - visa.time().value_or(0) > kRenewMs) due.push_back(visa);
  }
  for (const Document& visa : due) {
    if (const auto renewed = visa_again(account, visa, clock_.now())) publish_renewed(*renewed);
  }
}

void Messenger::publish_renewed(const Document& visa) {
  publish(visa, [this, visa](const Status& published) {
    const Account& account = home_.account();
    if (published && home_.learn(account.id, account.meta.json(), {visa.json()}, clock_.now()))
      (void)announce_devices();  // where that fails they learn it some other time
  });
}

/// A linked device of an earlier version has a visa without keys of N1, and cannot sign another: it
/// asks the one that can, again each week until it has been here.
Status Messenger::ask_for_native_visa() {
  constexpr Millis kAskAgainMs = Millis{7} * 86'400'000;
  const Account& account = home_.account();
  if (account.holds_identity() || !has_other_devices()) return {};
  return home_.vault().transaction([&]() -> Status {
    const auto keys = make_native_device_keys(home_.vault(), random_);
    if (!keys) return std::unexpected(keys.error());
    const native::DevicePublic own = keys->public_half();
    const auto named = native::device_of(account.visa);
    if (named && *named == own) return {};
    const auto asked = home_.vault().get("state", "n1 asked");
    if (!asked) return std::unexpected(asked.error());
    const Millis now = clock_.now();
    if (*asked && std::abs(now - number_in(**asked)) < kAskAgainMs) return {};
    if (auto put = home_.vault().put("state", "n1 asked", std::to_string(now)); !put) return put;
    CustomizedContent note = CustomizedContent::make(kApp, kNative, "note", now, random_);
    note.rest.set("n1", own.json());
    return enqueue_quietly(account.id.bare(), encode_content(Content(std::move(note))));
  });
}

/// What such a device has asked for: `signer` is the digest of its key, so it is for itself.
void Messenger::give_native_visa(const Digest32& signer, const JsonObject& note) {
  const Account& account = home_.account();
  const Known* own = home_.directory().find(account.id);
  const Json* property = note.find("n1");
  if (!account.holds_identity() || own == nullptr || property == nullptr || !clocks_agree()) return;
  const auto native = native::DevicePublic::parse(*property);
  if (!native) return;
  for (const auto& [terminal, index] : newest_visas(own->documents)) {
    const Document visa = own->documents[index];
    const auto key = visa.message_key();
    if (is_removed(visa) || !key || sha256(key->data()) != signer) continue;
    const auto named = native::device_of(visa);
    if (named && *named == *native) return;
    if (const auto renewed = visa_again(account, visa, clock_.now(), *native))
      publish_renewed(*renewed);
    return;
  }
}

// ---- what one device does, the others know (docs/protocol/identity.md section 5.1)

Status Messenger::tell_own_devices(std::string_view what, const HistoryEntry& entry,
                                   const JsonObject* said) {
  if (!has_other_devices()) return {};
  CustomizedContent note = CustomizedContent::make(kApp, what, "note", clock_.now(), random_);
  note.rest.set("peer", entry.peer.bare().text());
  note.rest.set("guid", entry.guid);
  if (said != nullptr) {
    note.rest.set("hash", entry.hash);
    note.rest.set("said", *said);
  }
  return enqueue_quietly(home_.account().id.bare(), encode_content(Content(std::move(note))));
}

Status Messenger::tell_sent(const HistoryEntry& entry, const JsonObject& said) {
  return tell_own_devices(kSent, entry, &said);
}

Status Messenger::tell_read(const HistoryEntry& entry) {
  return tell_own_devices(kRead, entry, nullptr);
}

Result<std::size_t> Messenger::hand_over_history() {
  constexpr std::size_t kAll = 1'000'000;
  if (!home_.account().holds_identity())
    return fail(Errc::forbidden, "what was said is handed over by where your identity was made");
  std::vector<Id> peers;
  auto contacts = home_.contacts();
  auto groups = groups_.all();
  if (!contacts) return std::unexpected(contacts.error());
  if (!groups) return std::unexpected(groups.error());
  for (const Contact& contact : *contacts) peers.push_back(contact.id);
  peers.insert(peers.end(), groups->begin(), groups->end());
  std::size_t count = 0;
  const auto hand_over = [&](JsonArray entries) {
    CustomizedContent note = CustomizedContent::make(kApp, kPast, "note", clock_.now(), random_);
    count += entries.size();
    note.rest.set("entries", std::move(entries));
    return enqueue_quietly(home_.account().id.bare(), encode_content(Content(std::move(note))));
  };
  auto status = home_.vault().transaction([&]() -> Status {
    for (const Id& peer : peers) {
      auto entries = history_.newest(peer, kAll);
      if (!entries) return std::unexpected(entries.error());
      PastBatches batches;
      for (const HistoryEntry& entry : *entries) {
        if (!is_past(entry)) continue;
        auto said = history_.content(entry.peer, entry.guid);
        if (!said) return std::unexpected(said.error());
        // What is too large goes in words.
        if (!batches.add(past_entry(entry, *said)))
          (void)batches.add(past_entry(entry, std::nullopt));
      }
      for (JsonArray& batch : batches.take()) {
        if (auto put = hand_over(std::move(batch)); !put) return put;
      }
    }
    return {};
  });
  if (!status) return std::unexpected(status.error());
  pump();
  return count;
}

Result<std::size_t> Messenger::hand_over_hubs() {
  const auto hubs = kept_hubs(home_);
  if (!hubs) return std::unexpected(hubs.error());
  const std::string me = home_.account().id.bare().text();
  std::size_t count = 0;
  auto status = home_.vault().transaction([&]() -> Status {
    for (const HubView& hub : *hubs) {
      if (!is_private_hub(hub.id)) continue;
      if (auto owed = owe_handing(home_.vault(), hub.id, me); !owed) return owed;
      ++count;
    }
    return {};
  });
  if (!status) return std::unexpected(status.error());
  return count;
}

Status Messenger::hand_over_hub(const std::string& hub, const Id& who) {
  const Roster* roster = hubs_.privates().roster(hub);
  if (roster == nullptr || !roster->may_sign(home_.account()))
    return fail(Errc::key, "what was written before is handed over by who has founded the hub");
  return owe_handing(home_.vault(), hub, who.bare().text());
}

/// Keys of older messages in private hubs (F23). Of oneself they count from where the identity is,
/// as what was said before does.
Status Messenger::take_keys(const SignedMessage& message, const Opened& opened,
                            const CustomizedContent& content) {
  const auto note = read_keys(content);
  const bool bound = opened.label == Label::secure || opened.label == Label::secure_old;
  if (!note || !bound) return {};
  const Id& by = opened.message.envelope.sender;
  if (by.same_entity(home_.account().id) && linked_signer(message, home_.directory(), clock_.now()))
    return {};
  const Roster* roster = hubs_.privates().roster(note->hub);
  if (roster == nullptr && is_ready() && asked_groups_.insert("roster " + note->hub).second)
    hubs_.read_roster(note->hub, [](const HubResult<std::int64_t>&) {});
  return keep_handed(home_, *note, by.bare().text(), roster);
}

/// What is there already stays as it is. No entry is safer than what has brought it.
Status Messenger::take_past(const JsonObject& note, Label label) {
  const Json* list = note.find("entries");
  if (list == nullptr || list->array() == nullptr) return {};
  for (const Json& one : *list->array()) {
    auto past = one.object() != nullptr ? read_past(*one.object()) : std::nullopt;
    if (!past) continue;
    HistoryEntry& entry = past->entry;
    entry.label = std::max(entry.label, label);
    auto kept = history_.find(entry.peer, entry.guid);
    if (!kept) return std::unexpected(kept.error());
    if (*kept) continue;
    if (entry.outgoing) {
      if (auto noted = note_written(entry.peer); !noted) return noted;
    } else if (entry.peer.is_user()) {
      auto contact = home_.contact(entry.peer);
      if (!contact) return std::unexpected(contact.error());
      if (!*contact) {
        if (auto put = home_.put_contact({.id = entry.peer}); !put) return put;
      }
    }
    if (past->said) {
      entry.content_type = content_name(*past->said);
      if (const auto words = decode_content(*past->said)) {
        if (auto put = put_words(entry, *words); !put) return put;
      }
    }
    if (auto early = take_early(entry); !early) return early;
    auto put = past->said ? history_.put(entry, *past->said) : history_.put(entry);
    if (!put) return put;
  }
  return {};
}

/// True when it is one of these notes, whoever sent it: nobody is to read them.
Result<bool> Messenger::take_note(const SignedMessage& message, const Opened& opened,
                                  const Content& content) {
  const auto* note = content.as<CustomizedContent>();
  if (note != nullptr && note->app == kHubApp) {
    if (auto taken = take_keys(message, opened, *note); !taken)
      return std::unexpected(taken.error());
    return true;
  }
  if (note == nullptr || note->app != kApp) return false;
  const auto peer = Id::parse(text_in(note->rest, "peer"));
  const std::string guid = text_in(note->rest, "guid");
  const bool own = opened.message.envelope.sender.same_entity(home_.account().id) &&
                   opened.label != Label::not_encrypted;
  const auto signer = [&] { return linked_signer(message, home_.directory(), clock_.now()); };
  if (own && note->mod == kNative) {
    if (const auto device = signer()) give_native_visa(*device, note->rest);
    return true;
  }
  if (own && note->mod == kPast && !signer()) {
    if (auto taken = take_past(note->rest, opened.label); !taken)
      return std::unexpected(taken.error());
    return true;
  }
  if (!own || !peer || !Guid::parse(guid)) return true;
  auto kept = history_.find(*peer, guid);
  if (!kept) return std::unexpected(kept.error());
  if (note->mod == kRead && *kept && !(*kept)->outgoing) {
    auto taken = history_.take_unread(**kept);
    if (!taken) return std::unexpected(taken.error());
    return true;
  }
  const Json* said = note->rest.find("said");
  if (note->mod != kSent || *kept || said == nullptr || said->object() == nullptr) return true;
  HistoryEntry entry{.guid = guid, .peer = peer->bare()};
  entry.outgoing = true;
  entry.time = static_cast<Millis>(content_time(*said->object()) * 1000);
  entry.content_type = content_name(*said->object());
  entry.tick = Tick::sent;
  entry.hash = text_in(note->rest, "hash");
  if (const auto words = decode_content(*said->object())) {
    if (auto put = put_words(entry, *words); !put) return std::unexpected(put.error());
  }
  if (auto early = take_early(entry); !early) return std::unexpected(early.error());
  if (auto noted = note_written(entry.peer); !noted) return std::unexpected(noted.error());
  if (auto put = history_.put(entry, *said->object()); !put) return std::unexpected(put.error());
  return true;
}

}  // namespace dim
