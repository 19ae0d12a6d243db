#include <algorithm>

#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/base64.h"
#include "dim/engine/receipt.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kSeen = "seen";
constexpr std::string_view kFailed = "failed decrypts";  // of each sender, A22

}  // namespace

void Messenger::pushed(Lane, Packet packet) {
  const std::string_view type = packet.get("type");
  if (packet.operation == Operation::create && (type == "message" || type == "receipt")) {
    pushes_.push_back(std::move(packet));
    return;  // process_pushes() follows when all that was read has been taken apart: one
             // transaction for many
  }
  if (packet.operation == Operation::notify) on_notice(packet);
}

void Messenger::process_pushes() {
  if (pushes_.empty() || fetching_for_push_ || !session_) return;
  std::vector<HistoryEntry> show;
  std::vector<HistoryEntry> ticked;
  std::optional<Id> unknown;
  std::int64_t cursor = acked_cursor_;
  std::size_t done = 0;
  auto status = home_.vault().transaction([&]() -> Status {
    for (const Packet& push : pushes_) {
      const std::int64_t at = number_in(push.get("cursor"));
      if (at > cursor) {
        auto author = Id::parse(push.get("author"));
        const Known* known = author ? home_.directory().find(*author) : nullptr;
        if (author && (known == nullptr || !known->meta) &&
            !fetched_.contains(author->bare().text())) {
          unknown = author->bare();
          break;
        }
        if (auto taken = take(push, show, ticked); !taken) return taken;
        cursor = at;
      }
      ++done;
    }
    return home_.vault().put("state", "cursor", std::to_string(cursor));
  });
  if (!status) {  // the disk failed: nothing was acknowledged, so it comes again
    pushes_.clear();
    return session_->abandon(status.error());
  }
  pushes_.erase(pushes_.begin(), pushes_.begin() + static_cast<std::ptrdiff_t>(done));
  if (cursor > acked_cursor_) {
    acked_cursor_ = cursor;
    if (is_ready()) {
      session_->request(Lane::text,
                        Packet::request(Operation::notify)
                            .set("type", "cursor")
                            .set("cursor", std::to_string(cursor)),
                        {});
    }
  }
  for (const HistoryEntry& entry : ticked) {
    if (events_.ticked) events_.ticked(entry);
  }
  for (const HistoryEntry& entry : show) {
    if (events_.received) events_.received(entry);
  }
  if (unknown) {
    fetching_for_push_ = true;
    fetch(*unknown, [this](Status) {
      fetching_for_push_ = false;
      process_pushes();
    });
  }
  pump();
}

Status Messenger::take(const Packet& push, std::vector<HistoryEntry>& show,
                       std::vector<HistoryEntry>& ticked) {
  const std::string guid(push.get("guid"));
  const auto reject = [&](const Error& error) -> Status {
    if (error.code == Errc::replay || push.get("type") == "receipt") return {};
    auto author = Id::parse(push.get("author"));
    if (!author) return {};
    auto key = free_guid(author->bare(), guid);
    if (!key) return std::unexpected(key.error());
    HistoryEntry entry{.guid = std::move(*key), .peer = author->bare()};
    entry.time = clock_.now();
    entry.cause = to_string(error);
    if (auto put = history_.put(entry); !put) return put;
    show.push_back(entry);
    return put_unread(entry);
  };
  if (!push.content) return {};
  auto message = SignedMessage::parse(*push.content);
  if (!message) return reject(message.error());
  Status disk;
  auto opened = open_message(*message, disk);
  if (!disk) return disk;
  if (!opened) return reject(opened.error());
  if (auto put = home_.vault().put(kSeen, to_base64(opened->hash), std::to_string(clock_.now()));
      !put)
    return put;
  return take_opened(push, *message, *opened, show, ticked);
}

/// The GUID under which a message is kept: its own, unless something else is kept under that. Who
/// names a GUID that is taken must not replace what was said. An unreadable one that comes again
/// takes its place again.
Result<std::string> Messenger::free_guid(const Id& peer, const std::string& guid) {
  auto kept = history_.find(peer, guid);
  if (!kept) return std::unexpected(kept.error());
  if (!*kept || (!(*kept)->outgoing && !(*kept)->cause.empty())) return guid;
  return Guid::make(clock_.now(), random_).text();
}

Result<Opened> Messenger::open_message(const SignedMessage& message, Status& disk) {
  const SeenBefore seen_before = [&](const Digest32& hash) {
    auto contains = home_.vault().contains(kSeen, to_base64(hash));
    if (!contains) disk = std::unexpected(contains.error());
    return contains && *contains;
  };
  const std::string sender = message.sealed.envelope.sender.bare().text();
  auto kept = home_.vault().get(kFailed, sender);
  if (!kept) disk = std::unexpected(kept.error());
  const auto before = FailedDecrypts::parse(kept ? kept->value_or("") : "");
  FailedDecrypts failed = before;
  auto opened = dim::open(message, home_.account(), home_.directory(), seen_before, clock_.now(),
                          {.failed = &failed});
  if (disk && failed != before) disk = home_.vault().put(kFailed, sender, failed.text());
  return opened;
}

Status Messenger::take_opened(const Packet& push, const SignedMessage& message,
                              const Opened& opened, std::vector<HistoryEntry>& show,
                              std::vector<HistoryEntry>& ticked) {
  const Id peer = opened.message.envelope.sender.bare();
  const std::string guid(push.get("guid"));
  auto found = home_.contact(peer);
  if (!found) return std::unexpected(found.error());
  Contact contact = found->value_or(Contact{.id = peer});
  std::int64_t missing = 0;
  if (opened.chain && opened.chain->seq > contact.their_seq) {
    // Receipts stand in the sender's chain too.
    missing = opened.chain->seq - contact.their_seq - 1;
    contact.their_seq = opened.chain->seq;
    contact.their_prev = to_base64(opened.hash);
    if (auto put = home_.put_contact(contact); !put) return put;
  }
  if (auto receipt = read_receipt(opened)) return take_receipt(*receipt, opened, ticked);

  auto key = free_guid(peer, guid);
  if (!key) return std::unexpected(key.error());
  HistoryEntry entry{.guid = std::move(*key), .peer = peer};
  entry.time = static_cast<Millis>(content_time(opened.message.content) * 1000);
  entry.label = opened.label;
  entry.late = opened.late;
  entry.hash = to_base64(opened.hash);
  entry.content_type = content_name(opened.message.content);
  if (const std::string* text = opened.message.content.text("text")) entry.text = *text;
  entry.missing = missing;
  if (auto put = history_.put(entry); !put) return put;
  if (auto put = put_unread(entry); !put) return put;
  const Millis now = clock_.now();
  const JsonObject receipt = make_receipt(message, opened, guid, false, now, random_);
  if (auto put = enqueue({.guid = Guid::make(now, random_).text(),
                          .kind = "receipt",
                          .to = peer,
                          .time = now,
                          .content = receipt});
      !put) {
    return put;
  }
  show.push_back(entry);
  return {};
}

Status Messenger::take_receipt(const Receipt& receipt, const Opened& opened,
                               std::vector<HistoryEntry>& ticked) {
  const Id peer = opened.message.envelope.sender.bare();
  auto entry = history_.find(peer, receipt.guid);
  if (!entry) return std::unexpected(entry.error());
  if (!*entry || !(*entry)->outgoing) return {};
  const auto hash = digest_in((*entry)->hash);
  if (!hash) return {};
  auto delivery =
      check_receipt(receipt, opened, {.receiver = peer, .guid = receipt.guid, .hash = *hash});
  if (!delivery) return {};
  const Tick tick = *delivery == Delivery::read ? Tick::read : Tick::delivered;
  if ((*entry)->tick >= tick) return {};
  (*entry)->tick = tick;
  if (auto put = history_.put(**entry); !put) return put;
  ticked.push_back(**entry);
  return {};
}

}  // namespace dim
