#include "client/native_messages.h"

#include <algorithm>
#include <utility>

#include "client/fields.h"
#include "client/native_keys.h"
#include "dim/base/limits.h"
#include "dim/engine/device_link.h"
#include "dim/native/envelope.h"
#include "dim/native/payload.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"
#include "dim/protocol/wire.h"

namespace dim {
namespace {

constexpr std::string_view kSessions = "native sessions";
constexpr std::string_view kPeople = "native people";
constexpr std::string_view kBegun = "native begun";  // by EK: sessions that others have begun
constexpr std::string_view kOuterType = "204";
constexpr std::string_view kMod = "n1";
constexpr std::string_view kAct = "message";
constexpr std::string_view kAgain = "again";

/// What a frame is bound to: who has sealed it for whom, when, and under which GUID.
Bytes ad_of(const native::Party& sender, const Id& target, Millis time, std::string_view guid) {
  return native::envelope_ad({.sender = sender.device,
                              .target = target.bare(),
                              .time = time,
                              .guid = std::string(guid),
                              .type = std::string(kOuterType)},
                             sender.keys);
}

Result<std::optional<native::Party>> party_of(const Known& known, const Id& user,
                                              const Document& visa) {
  auto keys = native::device_of(visa);
  if (!keys) return std::unexpected(keys.error());
  if (!*keys) return std::nullopt;
  const Id bare = user.bare();
  const auto rev =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, integer_in(visa.properties(), "rev")));
  return native::Party{
      .device = visa.terminal().empty() ? bare : bare.with_terminal(visa.terminal()),
      .meta = known.meta->digest(),
      .keys = std::move(**keys),
      .rev = rev};
}

/// What is in a native content: what people and programs say, and no native content again.
Result<JsonObject> read_inner(ByteView text, Millis now) {
  auto object = parse_json_object(as_text(text));
  if (!object) return fail(Errc::content, "what was sealed is no JSON object");
  auto content = from_wire(std::move(*object));
  if (!content) return content;
  if (content_type(*content).empty() || !content_sn(*content))
    return fail(Errc::content, "a content needs a type, and an sn that is a positive number");
  const double time = content_time(*content);
  if (time <= 0 || !plausible_time(content_millis(time), now))
    return fail(Errc::content, "the time of the content is missing, before 2018 or in the future");
  if (is_native(*content) && !asks_again(*content))
    return fail(Errc::content, "a native content holds another one");
  return content;
}

/// With whatever keys.
Result<native::PeerSessions> stored_sessions(Vault& vault, const native::Party& peer) {
  auto body = vault.get(kSessions, peer.device.text());
  if (!body) return std::unexpected(body.error());
  if (!*body) return native::PeerSessions{};
  auto sessions = native::PeerSessions::read(as_bytes(**body));
  wipe(**body);
  return sessions;
}

struct Beginning {
  native::FirstPart first{};
  native::PrekeySecret signed_prekey;
  std::optional<native::PrekeySecret> second{};
};

std::string begun_key(const native::FirstPart& first, const native::Party& peer) {
  return to_base64(first.ephemeral) + " " + peer.device.text();
}

/// The prekeys that a first frame names.
Result<Beginning> beginning_of(Vault& vault, const native::FirstPart& first,
                               const native::Party& peer) {
  auto begun = vault.contains(kBegun, begun_key(first, peer));
  if (!begun) return std::unexpected(begun.error());
  if (*begun) return fail(Errc::native, "this session was begun before, and is gone");
  auto current = native_prekey(vault, native::PrekeyKind::signed_prekey, first.signed_id);
  if (!current) return std::unexpected(current.error());
  if (!*current) return fail(Errc::native, "this device does not have the prekey any more");
  Beginning out{.first = first, .signed_prekey = std::move(**current)};
  if (!first.second_kind) return out;
  auto second = native_prekey(vault, *first.second_kind, first.second_id);
  if (!second) return std::unexpected(second.error());
  if (!*second) return fail(Errc::native, "this device does not have the prekey any more");
  out.second = std::move(*second);
  return out;
}

/// The session was begun: the one-time prekey is used up, and the frame begins no other one.
Status note_begun(Vault& vault, const Beginning& beginning, const native::Party& peer) {
  if (beginning.second && beginning.second->kind == native::PrekeyKind::one_time) {
    if (auto gone = forget_native_prekey(vault, native::PrekeyKind::one_time, beginning.second->id);
        !gone)
      return gone;
  }
  JsonObject row;
  row.set("key", begun_key(beginning.first, peer));
  row.set("signed", std::int64_t{beginning.first.signed_id});
  return vault.put(kBegun, begun_key(beginning.first, peer), write_json(row));
}

}  // namespace

Result<std::optional<NativeSelf>> native_self(Vault& vault, const Account& account) {
  auto keys = native_device_keys(vault);
  if (!keys && keys.error().code == Errc::not_found) return std::nullopt;
  if (!keys) return std::unexpected(keys.error());
  const Known own{.meta = account.meta};
  auto party = party_of(own, account.id, account.visa);
  if (!party) return std::unexpected(party.error());
  if (!*party || (*party)->keys.hash() != keys->public_half().hash()) return std::nullopt;
  return NativeSelf{std::move(*keys), std::move(**party)};
}

Result<NativeDevices> native_devices(const Directory& directory, const Id& user) {
  NativeDevices out;
  const Known* known = directory.find(user);
  if (known == nullptr || !known->meta) return out;
  for (const auto& [terminal, index] : newest_visas(known->documents)) {
    const Document& visa = known->documents[index];
    if (is_removed(visa)) continue;
    auto party = party_of(*known, user, visa);
    if (!party) return std::unexpected(party.error());
    if (*party) {
      out.with.push_back(std::move(**party));
    } else {
      out.without.push_back(terminal);
    }
  }
  return out;
}

Result<std::optional<native::Party>> native_device(const Directory& directory, const Id& user,
                                                   std::string_view terminal) {
  const Known* known = directory.find(user);
  if (known == nullptr || !known->meta) return std::nullopt;
  const auto newest = newest_visas(known->documents);
  const auto found = newest.find(std::string(terminal));
  if (found == newest.end() || is_removed(known->documents[found->second])) return std::nullopt;
  return party_of(*known, user, known->documents[found->second]);
}

Result<NativeState> native_state(Vault& vault, const Id& person) {
  auto body = vault.get(kPeople, person.bare().text());
  if (!body) return std::unexpected(body.error());
  if (!*body) return NativeState::never;
  return **body == "off" ? NativeState::off : NativeState::on;
}

Status put_native_state(Vault& vault, const Id& person, NativeState state) {
  if (state == NativeState::never) return vault.erase(kPeople, person.bare().text());
  return vault.put(kPeople, person.bare().text(), state == NativeState::on ? "on" : "off");
}

Result<native::PeerSessions> native_sessions(Vault& vault, const native::Party& peer) {
  auto sessions = stored_sessions(vault, peer);
  if (sessions) sessions->keep_only(peer.keys.hash());
  return sessions;
}

Status put_native_sessions(Vault& vault, const native::Party& peer,
                           const native::PeerSessions& sessions) {
  if (sessions.empty()) return vault.erase(kSessions, peer.device.text());
  auto state = native_state(vault, peer.device);
  if (!state) return std::unexpected(state.error());
  if (*state == NativeState::never) {
    if (auto put = put_native_state(vault, peer.device, NativeState::on); !put) return put;
  }
  const Secret bytes = sessions.write();
  return vault.put(kSessions, peer.device.text(), as_text(bytes.view()));
}

Status drop_native_sessions(Vault& vault, const Directory& directory, const Id& user) {
  const Known* known = directory.find(user);
  if (known == nullptr || !known->meta) return {};
  for (const auto& [terminal, index] : newest_visas(known->documents)) {
    const Id bare = user.bare();
    const Id device = terminal.empty() ? bare : bare.with_terminal(terminal);
    auto kept = vault.contains(kSessions, device.text());
    if (!kept) return std::unexpected(kept.error());
    if (!*kept) continue;
    const Document& visa = known->documents[index];
    auto party = party_of(*known, user, visa);
    if (!party) continue;  // what cannot be read says nothing
    if (is_removed(visa) || !*party) {
      if (auto erased = vault.erase(kSessions, device.text()); !erased) return erased;
      continue;
    }
    auto sessions = stored_sessions(vault, **party);
    if (!sessions) return std::unexpected(sessions.error());
    const std::size_t before = sessions->all.size();
    sessions->keep_only((*party)->keys.hash());
    if (sessions->all.size() == before) continue;
    if (auto put = put_native_sessions(vault, **party, *sessions); !put) return put;
  }
  return {};
}

Status begin_native_session(Vault& vault, const NativeSelf& self, const native::Party& peer,
                            const native::PrekeyBundle& bundle, Millis now, Random& random) {
  if (auto good = bundle.verify(peer.device.bare(), peer.keys); !good) return good;
  if (auto young = bundle.check_age(now); !young) return young;
  auto session = native::initiate(self.keys, self.party, peer, bundle, random);
  if (!session) return std::unexpected(session.error());
  auto sessions = native_sessions(vault, peer);
  if (!sessions) return std::unexpected(sessions.error());
  sessions->add(std::move(*session));
  return put_native_sessions(vault, peer, *sessions);
}

std::vector<native::PrekeyBundle> read_native_bundles(std::string_view json) {
  std::vector<native::PrekeyBundle> out;
  auto value = parse_json(json);
  if (!value || value->array() == nullptr) return out;
  for (const Json& one : *value->array()) {
    if (one.object() == nullptr) continue;
    auto bundle = native::PrekeyBundle::parse(*one.object());
    if (bundle) out.push_back(std::move(*bundle));
  }
  return out;
}

Status forget_begun_sessions(Vault& vault) {
  auto rows = vault.list(kBegun);
  if (!rows) return std::unexpected(rows.error());
  for (const Vault::Row& row : *rows) {
    auto object = parse_json_object(row.body);
    if (!object) return std::unexpected(object.error());
    const auto id = static_cast<std::uint32_t>(integer_in(*object, "signed"));
    auto kept = native_prekey(vault, native::PrekeyKind::signed_prekey, id);
    if (!kept) return std::unexpected(kept.error());
    if (*kept) continue;
    if (auto erased = vault.erase(kBegun, text_in(*object, "key")); !erased) return erased;
  }
  return {};
}

bool is_native(const JsonObject& content) { return text_in(content, "app") == kNativeApp; }

bool asks_again(const JsonObject& content) {
  return is_native(content) && content_type(content) == kOuterType &&
         text_in(content, "mod") == kMod && text_in(content, "act") == kAgain;
}

JsonObject ask_again_content(std::string_view guid, const std::string& hash, Millis now,
                             Random& random) {
  CustomizedContent out = CustomizedContent::make(kNativeApp, kMod, kAgain, now, random);
  out.rest.set("guid", std::string(guid));
  out.rest.set("hash", hash);
  return encode_content(Content(std::move(out)));
}

Result<NativeContent> NativeContent::parse(const JsonObject& content) {
  const Json* keys = content.find("keys");
  auto data = from_base64(text_in(content, "data"));
  NativeContent out{.device = text_in(content, "device"),
                    .guid = text_in(content, "guid"),
                    .time = content_millis(content_time(content))};
  const bool right_kind = is_native(content) && content_type(content) == kOuterType &&
                          text_in(content, "mod") == kMod && text_in(content, "act") == kAct;
  const bool named = Guid::parse(out.guid) && out.guid.size() == 32;
  if (!right_kind || !named || !data || keys == nullptr || keys->object() == nullptr)
    return fail(Errc::content, "this is no message of N1 as this edition knows them");
  out.data = std::move(*data);
  for (const auto& [name, frame] : *keys->object()) {
    if (frame.text() == nullptr) return fail(Errc::content, "a frame of N1 is base64");
    out.keys.emplace_back(name, *frame.text());
  }
  return out;
}

std::vector<std::string> native_receivers(const JsonObject& content) {
  std::vector<std::string> out;
  const Json* keys = content.find("keys");
  if (keys == nullptr || keys->object() == nullptr) return out;
  for (const auto& [name, frame] : *keys->object()) out.push_back(name);
  return out;
}

Result<JsonObject> seal_native(Vault& vault, const NativeSelf& self, const NativeLetter& letter,
                               Random& random) {
  CustomizedContent out = CustomizedContent::make(kNativeApp, kMod, kAct, letter.time, random);
  JsonObject content = encode_content(Content(std::move(out)));
  const Millis time = content_millis(content_time(content));  // as who reads it counts
  const Bytes ad = ad_of(self.party, letter.to, time, letter.guid);
  std::string text = write_json(letter.content);
  const native::SealedPayload payload = native::seal_payload(as_bytes(text), ad, random);
  wipe(text);
  JsonObject keys;
  std::vector<native::PeerSessions> moved;
  for (const native::Party& peer : letter.devices) {
    auto sessions = native_sessions(vault, peer);
    if (!sessions) return std::unexpected(sessions.error());
    auto frame = native::seal(*sessions, payload.note.view(), ad, random);
    if (!frame) return std::unexpected(frame.error());
    keys.set(peer.device.text(), to_base64(*frame));
    moved.push_back(std::move(*sessions));
  }
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (auto put = put_native_sessions(vault, letter.devices[i], moved[i]); !put)
      return std::unexpected(put.error());
  }
  if (!self.party.device.terminal().empty()) content.set("device", self.party.device.terminal());
  content.set("guid", std::string(letter.guid));
  content.set("data", to_base64(payload.data));
  content.set("keys", std::move(keys));
  return content;
}

Result<NativeOpened> open_native(Vault& vault, const NativeSelf& self, const native::Party& peer,
                                 const NativeContent& message, Millis now) {
  const std::string mark = to_base64(sha256(message.data)) + " " + peer.device.text();
  auto opened_before = vault.contains(kNativeOpened, mark);
  if (!opened_before) return std::unexpected(opened_before.error());
  if (*opened_before) return fail(Errc::replay, "this message has been received before");
  const std::string name = self.party.device.text();
  const auto own =
      std::ranges::find(message.keys, name, &std::pair<std::string, std::string>::first);
  if (own == message.keys.end())
    return fail(Errc::native, "it was sealed for other devices than this one");
  const auto frame = from_base64(own->second);
  if (!frame) return fail(Errc::native, "its frame for this device is no base64");
  auto sessions = native_sessions(vault, peer);
  if (!sessions) return std::unexpected(sessions.error());
  const auto begins = native::begins_session(*sessions, *frame);
  if (!begins) return std::unexpected(begins.error());
  const Bytes ad = ad_of(peer, self.party.device, message.time, message.guid);
  std::optional<Beginning> beginning;
  Secret note;
  if (*begins) {
    const auto first = native::first_part(*frame);
    if (!first || !*first) return fail(Errc::native, "this is no first frame of a session");
    if ((*first)->sender_rev > peer.rev)
      return NativeOpened{.lacks = NativeOpened::Lacks::their_visa};
    if ((*first)->receiver_rev > self.party.rev)
      return NativeOpened{.lacks = NativeOpened::Lacks::own_visa};
    auto named = beginning_of(vault, **first, peer);
    if (!named) return std::unexpected(named.error());
    beginning = std::move(*named);
    auto accepted =
        native::accept(self.keys, self.party, peer, beginning->signed_prekey,
                       beginning->second ? &*beginning->second : nullptr, *frame, ad, now);
    if (!accepted) return std::unexpected(accepted.error());
    note = std::move(accepted->plaintext);
    sessions->add(std::move(accepted->next));
  } else {
    auto opened = native::open(*sessions, *frame, ad, now);
    if (!opened) return std::unexpected(opened.error());
    note = std::move(opened->plaintext);
    *sessions = std::move(opened->next);
  }
  const auto text = native::open_payload(message.data, note, ad);
  if (!text) return std::unexpected(text.error());
  auto content = read_inner(text->view(), now);
  if (!content) return std::unexpected(content.error());
  // From here on only the disk can fail.
  if (auto put = put_native_sessions(vault, peer, *sessions); !put)
    return std::unexpected(put.error());
  if (beginning) {
    if (auto noted = note_begun(vault, *beginning, peer); !noted)
      return std::unexpected(noted.error());
  }
  if (auto put = vault.put(kNativeOpened, mark, std::to_string(now)); !put)
    return std::unexpected(put.error());
  return NativeOpened{.content = std::move(*content)};
}

}  // namespace dim
