// Keys in a home: what it knows of others, how that lies in the vault, and what a changed key
// means; the own ones, when they are renewed.
#include "client/fields.h"
#include "client/home.h"
#include "client/native_keys.h"
#include "dim/base/base64.h"
#include "dim/engine/device_link.h"

namespace dim {
namespace {

constexpr std::string_view kKnown = "known";
constexpr std::string_view kAsked = "asked";
constexpr std::string_view kState = "state";
constexpr std::string_view kUnpublished = "unpublished visa";
constexpr std::string_view kGeneration = "generation";  // counts what every program has to reread

std::string_view name_of(MetaState state) {
  switch (state) {
    case MetaState::pinned:
      return "pinned";
    case MetaState::suspect:
      return "suspect";
    default:
      return "provisional";
  }
}

MetaState state_in(const JsonObject& row) {
  const std::string text = text_in(row, "state");
  if (text.empty())  // of an earlier version
    return truth_in(row, "pinned") ? MetaState::pinned : MetaState::provisional;
  if (text == name_of(MetaState::suspect)) return MetaState::suspect;
  return text == name_of(MetaState::pinned) ? MetaState::pinned : MetaState::provisional;
}

template <class T>
Json list_of(const std::vector<T>& values) {
  JsonArray array;
  for (const T& value : values) array.emplace_back(value.json());
  return array;
}

std::vector<const JsonObject*> objects_in(const JsonObject& row, std::string_view name) {
  std::vector<const JsonObject*> out;
  const Json* list = row.find(name);
  if (list == nullptr || list->array() == nullptr) return out;
  for (const Json& item : *list->array()) {
    if (item.object() != nullptr) out.push_back(item.object());
  }
  return out;
}

/// Times were checked when these were learnt; signatures are checked again.
std::vector<Document> documents_in(const JsonObject& row, std::string_view name, const Id& id,
                                   const Meta& meta) {
  std::vector<Document> out;
  for (const JsonObject* object : objects_in(row, name)) {
    if (auto document = Document::parse(*object, id, meta); document && document->time())
      out.push_back(std::move(*document));
  }
  return out;
}

/// Nothing for a row that makes no sense: what it says can be asked for again.
std::optional<Known> known_in(const JsonObject& row, const Id& id) {
  const Json* object = row.find("meta");
  if (object == nullptr || object->object() == nullptr) return std::nullopt;
  auto meta = Meta::parse(*object->object());
  if (!meta || !meta->matches(id)) return std::nullopt;
  Known known{.meta = *meta, .state = state_in(row)};
  known.documents = documents_in(row, "documents", id, *meta);
  known.contested = documents_in(row, "contested", id, *meta);
  known.chain_alarm = truth_in(row, "chain_alarm");
  for (const JsonObject* rival : objects_in(row, "rivals")) {
    if (auto parsed = Meta::parse(*rival); parsed && parsed->matches(id))
      known.rivals.push_back(std::move(*parsed));
  }
  if (const Json* refused = row.find("refused");
      refused != nullptr && refused->array() != nullptr) {
    for (const Json& text : *refused->array()) {
      const auto digest = text.text() != nullptr ? digest_in(*text.text()) : std::nullopt;
      if (digest) known.refused.push_back(*digest);
    }
  }
  return known;
}

/// Linked devices that `before` had no key of; none where it had no visa at all.
std::vector<std::string> new_devices(const Known& before, const Known& now) {
  std::vector<std::string> out;
  const auto had = newest_visas(before.documents);
  if (had.empty()) return out;
  for (const auto& [device, index] : newest_visas(now.documents)) {
    if (device.empty() || !now.documents[index].message_key()) continue;
    const auto old = had.find(device);
    if (old == had.end() || !before.documents[old->second].message_key()) out.push_back(device);
  }
  return out;
}

}  // namespace

Status Home::load_known() {
  if (generation_ < 0) {
    auto kept = vault_->get(kState, kGeneration);
    if (!kept) return std::unexpected(kept.error());
    generation_ = number_in(kept->value_or("0"));
  }
  auto rows = vault_->list(kKnown);
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows) {
    auto object = parse_json_object(row.body);
    if (!object) return std::unexpected(object.error());
    const auto id = Id::parse(text_in(*object, "id"));
    if (!id) continue;
    if (auto known = known_in(*object, *id)) directory_->restore(*id, std::move(*known));
  }
  return {};
}

Result<std::optional<Known>> Home::stored_known(const Id& id) {
  auto body = vault_->get(kKnown, id.bare().text());
  if (!body) return std::unexpected(body.error());
  if (!*body) return std::nullopt;
  auto row = parse_json_object(**body);
  if (!row) return std::unexpected(row.error());
  return known_in(*row, id);
}

/// Another program of this home may have learnt newer documents since this one has read them.
void Home::take_stored(const Id& id, const Known& stored, Millis now) {
  const Known* known = directory_->find(id);
  const auto alarms = [](const Known& one) {
    return one.chain_alarm || one.state == MetaState::suspect;
  };
  if (alarms(stored) && !alarms(*known)) directory_->restore(id, stored);
  if (alarms(stored) || alarms(*known) || stored.meta->digest() != known->meta->digest()) return;
  for (const Document& document : stored.documents) {
    // What is older than the one known is refused.
    (void)directory_->accept_document(id, document.json(), now);
  }
}

Status Home::put_known(const Id& id, const Known& known, Millis now) {
  JsonObject row;
  row.set("id", id.bare().text());
  row.set("meta", known.meta->json());
  row.set("state", name_of(known.state));
  row.set("documents", list_of(known.documents));
  row.set("learned", now);
  if (!known.rivals.empty()) row.set("rivals", list_of(known.rivals));
  if (!known.contested.empty()) row.set("contested", list_of(known.contested));
  if (known.chain_alarm) row.set("chain_alarm", true);
  if (!known.refused.empty()) {
    JsonArray refused;
    for (const Digest32& digest : known.refused) refused.emplace_back(to_base64(digest));
    row.set("refused", std::move(refused));
  }
  return vault_->put(kKnown, id.bare().text(), write_json(row));
}

Status Home::learn(const Id& id, const JsonObject& meta_object,
                   const std::vector<JsonObject>& documents, Millis now) {
  auto meta = Meta::parse(meta_object);
  if (!meta) return std::unexpected(meta.error());
  if (!meta->matches(id))
    return fail(Errc::meta, "the meta does not belong to the ID that was asked for");
  Status result = directory_->learn_meta(id, *meta);
  for (const JsonObject& document : documents) {
    if (!result && result.error().code == Errc::conflict) {
      // Another meta than the pinned one. With a document that it has signed it has proof.
      if (Document::parse(document, id.bare(), *meta)) (void)directory_->prove(id, *meta);
      continue;
    }
    auto learned = directory_->learn_document(id, document, now);
    if (!learned && learned.error().code != Errc::conflict)
      result = std::unexpected(learned.error());
  }
  if (directory_->find(id) == nullptr) return result;
  if (auto put = note_asked(id, now); !put) return put;
  if (auto kept = keep_known(id, now); !kept) return kept;
  return result;
}

Status Home::note_asked(const Id& id, Millis now) {
  return vault_->put(kAsked, id.bare().text(), std::to_string(now));
}

Millis Home::asked_at(const Id& id) {
  auto time = vault_->get(kAsked, id.bare().text());
  return time ? number_in(time->value_or("")) : 0;
}

Status Home::keep_known(const Id& id, Millis now) {
  const Known* known = directory_->find(id);
  if (known == nullptr || !known->meta) return {};
  if (auto fresh = refresh(); !fresh) return fresh;
  auto stored = stored_known(id);
  if (!stored) return std::unexpected(stored.error());
  if (*stored) take_stored(id, **stored, now);
  known = directory_->find(id);
  auto found = contact(id);
  if (!found) return std::unexpected(found.error());
  const bool two = known->state == MetaState::suspect;
  // The bulletins of groups have no chain that anybody would watch.
  const bool broken = known->chain_alarm && id.is_user();
  const bool stops = two || (broken && *found && (*found)->verified);
  const KeyAlarm alarm{.id = id.bare(),
                       .kind = two ? KeyAlarm::Kind::two_metas : KeyAlarm::Kind::broken_chain,
                       .blocked = stops};
  if (broken && !stops) directory_->accept_contested(id);
  if (auto put = put_known(id, *known, now); !put) return put;
  if (id.same_entity(account_->id)) {
    if (auto taken = take_own_visa(); !taken) return taken;
  }
  if (stops) {
    Contact kept = found->value_or(Contact{.id = id.bare()});
    if (kept.blocked) return {};
    kept.blocked = true;
    if (auto put = put_contact(kept); !put) return put;
    alarms_.push_back(alarm);
  } else if (broken && *found) {
    alarms_.push_back(alarm);
  }
  // The one that holds one's own identity has added it itself.
  const bool concerns = id.same_entity(account_->id) ? !account_->holds_identity()
                                                     : id.is_user() && *found && !(*found)->refused;
  if (stops || !*stored || !concerns) return {};
  for (std::string& device : new_devices(**stored, *known)) {
    alarms_.push_back({.id = id.bare(),
                       .kind = KeyAlarm::Kind::new_device,
                       .blocked = false,
                       .device = std::move(device)});
  }
  return {};
}

Status Home::confirm(const Id& id, const Digest32& meta, Millis now) {
  return vault_->transaction([&]() -> Status {
    if (auto decided = directory_->decide(id, meta); !decided) return decided;
    directory_->accept_contested(id);
    const Known* known = directory_->find(id);
    if (auto put = put_known(id, *known, now); !put) return put;
    auto found = contact(id);
    if (!found) return std::unexpected(found.error());
    Contact kept = found->value_or(Contact{.id = id.bare()});
    kept.verified = true;
    kept.blocked = false;
    if (auto put = put_contact(kept); !put) return put;
    return tell_others();
  });
}

Status Home::tell_others() {
  auto kept = vault_->get(kState, kGeneration);
  if (!kept) return std::unexpected(kept.error());
  generation_ = number_in(kept->value_or("0")) + 1;
  return vault_->put(kState, kGeneration, std::to_string(generation_));
}

Status Home::refresh() {
  auto kept = vault_->get(kState, kGeneration);
  if (!kept) return std::unexpected(kept.error());
  const std::int64_t newest = number_in(kept->value_or("0"));
  if (newest == generation_) return {};
  generation_ = newest;
  if (auto account = load_account(); !account) return account;
  return load_known();
}

/// The device that holds the identity signs visas of linked ones anew; and what was restored from a
/// backup may be older than the last visa that it had.
Status Home::take_own_visa() {
  const Known* own = directory_->find(account_->id);
  const auto index = newest_visa(own->documents, account_->visa.terminal());
  if (!index || account_->message_keys.empty()) return {};
  const Document& newest = own->documents[*index];
  const auto key = newest.message_key();
  if (newest.time() <= account_->visa.time() || is_removed(newest) || !key ||
      key->data() != account_->message_keys.front().public_key().data())
    return {};
  account_->visa = newest;
  if (auto stored = store_account(); !stored) return stored;
  return tell_others();
}

/// Whether the visa says which keys of N1 this device has; a linked one cannot change what it says.
bool Home::names_native_keys() {
  if (!account_->holds_identity()) return true;
  const auto keys = native_device_keys(*vault_);
  const auto named = native::device_of(account_->visa);
  return keys && named && *named && **named == keys->public_half();
}

Status Home::name_native_keys(Millis now, Random& random) {
  if (names_native_keys()) return {};
  auto keys = make_native_device_keys(*vault_, random);
  if (!keys) return std::unexpected(keys.error());
  JsonObject properties;
  properties.set("n1", keys->public_half().json());
  return account_->update_visa(properties, now);
}

Status Home::renew_keys(Millis now, Random& random) {
  if (auto fresh = refresh(); !fresh) return fresh;
  if (!is_message_key_due(*account_, key_times_, now) && account_->message_keys.size() == 1 &&
      names_native_keys())
    return {};
  bool changed = false, forgotten = false;
  auto status = vault_->transaction([&]() -> Status {
    if (auto fresh = refresh(); !fresh) return fresh;  // it may have waited for another program
    const Digest32 before = account_->visa.digest();
    if (is_message_key_due(*account_, key_times_, now)) {
      changed = true;
      if (auto made = renew_message_key(*account_, key_times_, now); !made) return made;
    }
    if (auto named = name_native_keys(now, random); !named) return named;
    forgotten = forget_message_keys(*account_, key_times_, now);
    const bool renewed = account_->visa.digest() != before;
    if (!forgotten && !renewed) return {};
    changed = true;
    if (renewed) {
      if (auto put = vault_->put(kState, kUnpublished, "yes"); !put) return put;
    }
    if (auto stored = store_account(); !stored) return stored;
    return tell_others();
  });
  // What is not on the disk must not be used.
  if (!status && changed) (void)load_account();
  // Nor may what was wiped stay in the log; while another program reads, it is only overwritten.
  if (status && forgotten) (void)vault_->scrub();
  return status;
}

bool Home::has_unpublished_visa() {
  auto kept = vault_->contains(kState, kUnpublished);
  return kept && *kept;
}

Status Home::note_published(const Digest32& visa) {
  if (auto fresh = refresh(); !fresh) return fresh;
  if (account_->visa.digest() != visa) return {};
  return vault_->erase(kState, kUnpublished);
}

}  // namespace dim
