#include "dim/engine/directory.h"

#include <algorithm>

#include "dim/base/base64.h"
#include "dim/engine/device_link.h"

namespace dim {
namespace {

constexpr std::size_t kRivals = 3;
constexpr std::size_t kDocuments = 16;
constexpr std::size_t kRemoved = 32;  // devices, besides

bool same(const Meta& a, const Meta& b) { return a.digest() == b.digest(); }

void drop_rival(Known& known, const Meta& meta) {
  std::erase_if(known.rivals, [&](const Meta& rival) { return same(rival, meta); });
}

std::optional<std::int64_t> revision(const Document& document) {
  const Json* rev = document.properties().find("rev");
  if (rev == nullptr || rev->integer() == nullptr) return std::nullopt;
  return *rev->integer();
}

// I13: `rev` counts up by one and `prev` is the hash of the document before; `past` has those
// before that, for who has missed some. Documents without `rev` (reference peers) have no chain;
// one that had a chain keeps it.
bool continues(const Document& before, const Document& after) {
  const auto old_rev = revision(before);
  if (!old_rev) return true;
  const auto new_rev = revision(after);
  if (!new_rev || *new_rev <= *old_rev) return false;
  const std::string hash = "sha256-" + to_base64(before.digest());
  // Without a sign, because a stranger may have chosen both.
  const auto between =
      static_cast<std::uint64_t>(*new_rev) - static_cast<std::uint64_t>(*old_rev) - 1;
  if (between == 0) {
    const std::string* prev = after.properties().text("prev");
    return prev != nullptr && *prev == hash;
  }
  const Json* past = after.properties().find("past");
  if (past == nullptr || past->array() == nullptr || between > past->array()->size()) return false;
  const std::string* missed = (*past->array())[between - 1].text();
  return missed != nullptr && *missed == hash;
}

bool is_same_slot(const Document& a, const Document& b) {
  return a.type() == b.type() && a.terminal() == b.terminal();
}

/// Whoever is pinned or forgotten is no more among those that may have to go.
void drop(std::deque<std::string>& provisional, std::string_view name, std::size_t& count) {
  --count;
  const auto place = std::ranges::find(provisional, name);
  if (place != provisional.end()) provisional.erase(place);
}

void rebuild_keys(Known& known) {
  known.keys.clear();
  for (std::size_t i = 0; i < known.documents.size(); ++i) {
    const Document& document = known.documents[i];
    if (!document.time()) continue;
    auto key = document.message_key();
    if (!key) continue;
    const std::string entry = document.terminal().empty()
                                  ? document.id().text()
                                  : document.id().with_terminal(document.terminal()).text();
    known.keys.push_back({entry, std::move(*key), i});
  }
}

void keep_newest(std::vector<Document>& documents, const Document& document) {
  std::erase_if(documents, [&](const Document& old) { return is_same_slot(old, document); });
  const auto place = std::upper_bound(
      documents.begin(), documents.end(), document.time().value_or(0),
      [](Millis time, const Document& other) { return time < other.time().value_or(0); });
  documents.insert(place, document);
}

/// Whether there is room for a document in a place that was free. Removed devices are remembered
/// besides the others, so that no visa they once had comes back: what may be of one that was
/// forgotten is refused.
Status check_room(const Known& known, const Document& document) {
  const bool removed = is_removed(document);
  std::size_t count = 0, all_removed = 0;
  std::optional<Millis> oldest, oldest_removed;  // they stand in that order
  for (const Document& one : known.documents) {
    if (is_removed(one)) {
      ++all_removed;
      if (!oldest_removed) oldest_removed = one.time();
    }
    if (is_removed(one) != removed) continue;
    ++count;
    if (!oldest) oldest = one.time();
  }
  if (all_removed >= kRemoved && oldest_removed >= document.time()) {
    return fail(Errc::bad_request,
                "so many devices were removed that this may be an old visa of one of them");
  }
  if (count >= (removed ? kRemoved : kDocuments) && oldest >= document.time())
    return fail(Errc::bad_request, "an entity has at most 16 documents, and this is the oldest");
  return {};
}

/// The newest of each kind stay.
void trim(std::vector<Document>& documents) {
  for (const bool removed : {false, true}) {
    const auto is_it = [&](const Document& one) { return is_removed(one) == removed; };
    const auto count = static_cast<std::size_t>(std::ranges::count_if(documents, is_it));
    if (count > (removed ? kRemoved : kDocuments))
      documents.erase(std::ranges::find_if(documents, is_it));
  }
}

bool has_feature(const Document& document, std::string_view feature) {
  const Json* list = document.properties().find("features");
  if (list == nullptr || list->array() == nullptr) return false;
  return std::any_of(list->array()->begin(), list->array()->end(), [&](const Json& item) {
    return item.text() != nullptr && *item.text() == feature;
  });
}

}  // namespace

const Known* Directory::find(const Id& id) const {
  const auto found = entities_.find(id.terminal().empty() ? id.text() : id.bare().text());
  return found != entities_.end() ? &found->second : nullptr;
}

Known* Directory::entry(const Id& id) {
  const auto found = entities_.find(id.terminal().empty() ? id.text() : id.bare().text());
  return found != entities_.end() ? &found->second : nullptr;
}

void Directory::evict() {
  while (provisional_count_ > provisional_limit_ && !provisional_.empty()) {
    const std::string oldest = std::move(provisional_.front());
    provisional_.pop_front();
    const auto found = entities_.find(oldest);
    if (found == entities_.end() || found->second.state != MetaState::provisional) continue;
    entities_.erase(found);
    --provisional_count_;
  }
}

Status Directory::learn_meta(const Id& id, const Meta& meta) {
  if (!meta.matches(id)) return fail(Errc::meta, "the meta does not make this ID");
  Known* known = entry(id);
  if (known == nullptr) {
    const std::string name = id.bare().text();
    entities_.emplace(name, Known{.meta = meta, .state = MetaState::provisional});
    provisional_.push_back(name);
    ++provisional_count_;
    evict();
    return {};
  }
  if (same(*known->meta, meta)) return {};
  if (known->state != MetaState::provisional) {
    return fail(Errc::conflict, "meta-suspect: another meta is pinned for this ID");
  }
  drop_rival(*known, meta);
  if (known->rivals.size() >= kRivals) known->rivals.erase(known->rivals.begin());
  known->rivals.push_back(meta);
  ++known->revision;
  return {};
}

Status Directory::prove(const Id& id, const Meta& meta) {
  if (Known* known = entry(id); known == nullptr || known->state == MetaState::provisional) {
    if (known == nullptr) {
      if (auto status = learn_meta(id, meta); !status) return status;
      known = entry(id);
      if (known == nullptr) return fail(Errc::internal, "the directory has no room for one entity");
    }
    if (!same(*known->meta, meta)) {
      if (!meta.matches(id)) return fail(Errc::meta, "the meta does not make this ID");
      known->meta = meta;
      known->documents.clear();
      known->keys.clear();
    }
    known->rivals.clear();
    known->state = MetaState::pinned;
    ++known->revision;
    drop(provisional_, id.bare().text(), provisional_count_);
    return {};
  } else {
    if (same(*known->meta, meta)) return {};
    if (!meta.matches(id)) return fail(Errc::meta, "the meta does not make this ID");
    if (std::ranges::find(known->refused, meta.digest()) != known->refused.end())
      return fail(Errc::conflict, "you have decided against this meta of the ID");
    const bool news =
        std::ranges::none_of(known->rivals, [&](const Meta& rival) { return same(rival, meta); });
    if (news && known->rivals.size() < kRivals) known->rivals.push_back(meta);
    if (news || known->state != MetaState::suspect) ++known->revision;
    known->state = MetaState::suspect;
    return fail(Errc::conflict,
                "meta-suspect: two metas of this ID have proof; verify the contact and decide");
  }
}

Status Directory::decide(const Id& id, const Digest32& meta_digest) {
  Known* known = entry(id);
  if (known == nullptr) return fail(Errc::not_found, "this ID is not known");
  const auto refuse = [&](const Meta& meta) {
    if (known->state == MetaState::suspect && meta.digest() != meta_digest)
      known->refused.push_back(meta.digest());
  };
  if (known->meta->digest() != meta_digest) {
    const auto chosen =
        std::find_if(known->rivals.begin(), known->rivals.end(),
                     [&](const Meta& rival) { return rival.digest() == meta_digest; });
    if (chosen == known->rivals.end())
      return fail(Errc::not_found, "no meta of this ID has that digest");
    refuse(*known->meta);
    const Meta taken = *chosen;
    known->meta = taken;
    known->documents.clear();
    known->keys.clear();
    known->contested.clear();
    known->chain_alarm = false;
  }
  if (known->state == MetaState::provisional)
    drop(provisional_, id.bare().text(), provisional_count_);
  for (const Meta& rival : known->rivals) refuse(rival);
  known->rivals.clear();
  ++known->revision;
  known->state = MetaState::pinned;
  return {};
}

Result<Document> Directory::learn_document(const Id& id, const JsonObject& document, Millis now) {
  return learn(id, document, now, {});
}

Result<Document> Directory::learn_attached(const Id& id, const JsonObject& document, Millis now,
                                           bool broken_chain) {
  return learn(id, document, now, {.broken_chain = broken_chain, .attached = true});
}

Result<Document> Directory::accept_document(const Id& id, const JsonObject& document, Millis now) {
  auto learnt = learn(id, document, now, {.broken_chain = true});
  if (learnt) {
    Known* known = entry(id);
    known->chain_alarm = false;
    known->contested.clear();
    ++known->revision;
  }
  return learnt;
}

void Directory::accept_contested(const Id& id) {
  Known* known = entry(id);
  if (known == nullptr || !known->chain_alarm) return;
  for (const Document& document : known->contested) {
    const auto slot = std::ranges::find_if(
        known->documents, [&](const Document& kept) { return is_same_slot(kept, document); });
    if (slot == known->documents.end() || slot->time() <= document.time())
      keep_newest(known->documents, document);
  }
  known->contested.clear();
  known->chain_alarm = false;
  rebuild_keys(*known);
  ++known->revision;
}

void Directory::restore(const Id& id, Known known) {
  if (!known.meta || known.state == MetaState::unknown) return;
  forget(id);
  const std::string name = id.bare().text();
  const bool provisional = known.state == MetaState::provisional;
  rebuild_keys(known);
  entities_.emplace(name, std::move(known));
  if (!provisional) return;
  provisional_.push_back(name);
  ++provisional_count_;
  evict();
}

Result<Document> Directory::learn(const Id& id, const JsonObject& document, Millis now,
                                  const Rules& rules) {
  Known* known = entry(id);
  if (known == nullptr) return fail(Errc::not_found, "the meta of this ID is not known yet");

  auto parsed = Document::parse(document, id.bare(), *known->meta);
  const Meta* by = parsed ? &*known->meta : nullptr;
  if (!parsed && known->state == MetaState::provisional) {
    for (const Meta& rival : known->rivals) {
      auto other = Document::parse(document, id.bare(), rival);
      if (!other) continue;
      parsed = std::move(other);
      by = &rival;
      break;
    }
  }
  if (!parsed) return parsed;

  const bool other_meta =
      by != &*known->meta;  // its documents go with it, so nothing is stored of this slot
  const auto slot = std::find_if(known->documents.begin(), known->documents.end(),
                                 [&](const Document& kept) { return is_same_slot(kept, *parsed); });
  const bool kept = slot != known->documents.end() && !other_meta;
  if (auto status = check_document_time(*parsed, kept ? slot->time() : std::nullopt, now);
      !status) {
    return std::unexpected(status.error());
  }
  if (rules.attached && !other_meta) {
    if (auto status = check_new_place(*parsed, known->documents, now); !status)
      return std::unexpected(status.error());
  }
  // A document is signed by the meta key over something that is not the meta: proof of possession
  // (A02).
  if (auto status = prove(id, Meta(*by)); !status) return std::unexpected(status.error());
  if (!kept) {
    if (auto room = check_room(*known, *parsed); !room) return std::unexpected(room.error());
  }
  if (kept) {
    if (slot->digest() == parsed->digest()) return parsed;
    if (!rules.broken_chain && !continues(*slot, *parsed)) {
      const bool news = std::ranges::none_of(known->contested, [&](const Document& other) {
        return other.digest() == parsed->digest();
      });
      if (news) {
        keep_newest(known->contested, *parsed);
        ++known->revision;
      }
      known->chain_alarm = true;
      return fail(Errc::conflict,
                  "the document does not continue the one known: a fork or a gap in its chain");
    }
  }
  keep_newest(known->documents, *parsed);
  trim(known->documents);
  rebuild_keys(*known);
  ++known->revision;
  return parsed;
}

std::vector<std::pair<std::string, PublicKey>> Directory::message_keys(const Id& id) const {
  std::vector<std::pair<std::string, PublicKey>> out;
  const Known* known = find(id);
  if (known == nullptr || known->state == MetaState::suspect) return out;
  const bool one_device = !id.terminal().empty() && id.terminal() != "*";
  if (one_device) {
    for (const Known::DocumentKey& key : known->keys) {
      if (key.entry == id.text()) out.emplace_back(key.entry, key.key);
    }
    if (!out.empty()) return out;
  }
  for (const Known::DocumentKey& key : known->keys) {
    // Two documents for one device (a visa and an old profile): the newer one counts.
    const auto again = std::find_if(out.begin(), out.end(),
                                    [&](const auto& entry) { return entry.first == key.entry; });
    if (again != out.end()) {
      again->second = key.key;
    } else {
      out.emplace_back(key.entry, key.key);
    }
  }
  if (out.empty() && known->meta->key().can_encrypt())
    out.emplace_back(id.bare().text(), known->meta->key());
  return out;
}

bool Directory::promises(const Id& id, std::string_view feature) const {
  const Known* known = find(id);
  if (known == nullptr) return false;
  bool any = false;
  for (const Document& document : known->documents) {
    if (document.type() != "visa") continue;
    if (!has_feature(document, feature)) return false;
    any = true;
  }
  return any;
}

void Directory::forget(const Id& id) {
  const auto found = entities_.find(id.bare().text());
  if (found == entities_.end()) return;
  if (found->second.state == MetaState::provisional)
    drop(provisional_, found->first, provisional_count_);
  entities_.erase(found);
}

}  // namespace dim
