#include "dim/native/prekeys.h"

#include <algorithm>
#include <cassert>
#include <set>

#include "dim/base/base64.h"
#include "dim/base/limits.h"
#include "dim/native/suite.h"
#include "dim/native/wire.h"

namespace dim::native {
namespace {

constexpr std::string_view kContext{"dim/2023 n1 prekey\0", 19};
constexpr std::uint8_t kVersion = 1;

Bytes signed_bytes(PrekeyKind kind, const Id& device, std::uint32_t id, Millis time,
                   const Key32& key) {
  Bytes out = to_bytes(kContext);
  append_number(out, static_cast<std::uint8_t>(kind));
  append_field(out, as_bytes(device.text()));
  append_number(out, id);
  append_number(out, static_cast<std::uint64_t>(time));
  append(out, key);
  return out;
}

bool is_signed(PrekeyKind kind, const SignedPrekey& prekey, const Id& device,
               const DevicePublic& keys) {
  return verify_ed25519(keys.sig, signed_bytes(kind, device, prekey.id, prekey.time, prekey.key),
                        prekey.signature);
}

bool is_signed(const OneTimePrekey& prekey, const Id& device, const DevicePublic& keys) {
  return verify_ed25519(keys.sig,
                        signed_bytes(PrekeyKind::one_time, device, prekey.id, 0, prekey.key),
                        prekey.signature);
}

std::unexpected<Error> wrong_signature() {
  return fail(Errc::signature, "a prekey is not signed by this device's key, in its visa");
}

template <std::size_t N>
bool read_bytes(const JsonObject& object, std::string_view name, std::array<std::uint8_t, N>& out) {
  const std::string* text = object.text(name);
  if (text == nullptr || text->size() > 2 * N) return false;
  const auto bytes = from_base64(*text);
  if (!bytes || bytes->size() != N) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}

bool read_id(const JsonObject& object, std::uint32_t& out) {
  const Json* value = object.find("id");
  if (value == nullptr || value->integer() == nullptr) return false;
  const std::int64_t number = *value->integer();
  if (number < 0 || number > UINT32_MAX) return false;
  out = static_cast<std::uint32_t>(number);
  return true;
}

bool is_version_1(const JsonObject& object) {
  const Json* version = object.find("v");
  return version != nullptr && version->integer() != nullptr && *version->integer() == 1;
}

}  // namespace

Result<SignedPrekey> SignedPrekey::parse(const Json& value) {
  SignedPrekey out;
  const JsonObject* object = value.object();
  if (object == nullptr || !read_id(*object, out.id) || !read_bytes(*object, "key", out.key) ||
      !read_bytes(*object, "signature", out.signature)) {
    return fail(
        Errc::bad_request,
        "a signed prekey has `id` (0 to 4294967295), `key` (32 bytes in base64), `time` and "
        "`signature` (64 bytes in base64)");
  }
  const std::string* text = object->text("time");
  const auto time = parse_time(text != nullptr ? std::string_view(*text) : std::string_view());
  if (!time || *time < 0)
    return fail(Errc::bad_request, "`time` of a signed prekey is one of RFC 3339 in UTC");
  out.time = *time;
  return out;
}

JsonObject SignedPrekey::json() const {
  JsonObject out;
  out.set("id", std::int64_t{id});
  out.set("key", to_base64(key));
  out.set("time", format_time(time));
  out.set("signature", to_base64(signature));
  return out;
}

Result<OneTimePrekey> OneTimePrekey::parse(const Json& value) {
  OneTimePrekey out;
  const JsonObject* object = value.object();
  if (object == nullptr || !read_id(*object, out.id) || !read_bytes(*object, "key", out.key) ||
      !read_bytes(*object, "signature", out.signature)) {
    return fail(Errc::bad_request,
                "a one-time prekey has `id` (0 to 4294967295), `key` (32 bytes in base64) and "
                "`signature` (64 bytes in base64)");
  }
  return out;
}

JsonObject OneTimePrekey::json() const {
  JsonObject out;
  out.set("id", std::int64_t{id});
  out.set("key", to_base64(key));
  out.set("signature", to_base64(signature));
  return out;
}

Result<PrekeySet> PrekeySet::parse(const JsonObject& object) {
  if (!is_version_1(object))
    return fail(Errc::bad_request, "these prekeys are of another edition; right is \"v\":1");
  const Json* current = object.find("signed");
  const Json* last = object.find("last");
  if (current == nullptr || last == nullptr)
    return fail(Errc::bad_request, "prekeys have `signed` and `last`, and one-time ones in `once`");
  auto signed_prekey = SignedPrekey::parse(*current);
  if (!signed_prekey) return std::unexpected(signed_prekey.error());
  auto last_resort = SignedPrekey::parse(*last);
  if (!last_resort) return std::unexpected(last_resort.error());
  PrekeySet out{.signed_prekey = *signed_prekey, .last_resort = *last_resort};
  const Json* once = object.find("once");
  if (once == nullptr) return out;
  const JsonArray* list = once->array();
  if (list == nullptr) return fail(Errc::bad_request, "`once` is a list of one-time prekeys");
  if (list->size() > kMostOneTime)
    return fail(Errc::too_large, "at most 100 one-time prekeys at once");
  std::set<std::uint32_t> ids;
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto one = OneTimePrekey::parse((*list)[i]);
    if (!one)
      return std::unexpected(
          Error{one.error().code, one.error().hint, static_cast<std::uint32_t>(i)});
    if (!ids.insert(one->id).second)
      return fail(Errc::bad_request, "an id stands twice among the one-time prekeys", i);
    out.one_time.push_back(*one);
  }
  return out;
}

JsonObject PrekeySet::json() const {
  JsonObject out;
  out.set("v", 1);
  out.set("signed", signed_prekey.json());
  out.set("last", last_resort.json());
  JsonArray once;
  for (const OneTimePrekey& prekey : one_time) once.emplace_back(prekey.json());
  out.set("once", std::move(once));
  return out;
}

Status PrekeySet::verify(const Id& device, const DevicePublic& keys) const {
  if (!is_signed(PrekeyKind::signed_prekey, signed_prekey, device, keys) ||
      !is_signed(PrekeyKind::last_resort, last_resort, device, keys) ||
      !std::ranges::all_of(one_time, [&](const auto& one) { return is_signed(one, device, keys); }))
    return wrong_signature();
  return {};
}

Result<PrekeyBundle> PrekeyBundle::parse(const JsonObject& object) {
  if (!is_version_1(object))
    return fail(Errc::bad_request, "this prekey bundle is of another edition; right is \"v\":1");
  PrekeyBundle out;
  if (const Json* device = object.find("device")) {
    const std::string* text = device->text();
    if (text == nullptr || text->size() > 32)
      return fail(Errc::bad_request, "`device` of a prekey bundle is a terminal");
    out.terminal = *text;
  }
  const Json* current = object.find("signed");
  if (current == nullptr) return fail(Errc::bad_request, "a prekey bundle has `signed`");
  auto signed_prekey = SignedPrekey::parse(*current);
  if (!signed_prekey) return std::unexpected(signed_prekey.error());
  out.signed_prekey = *signed_prekey;
  const Json* once = object.find("once");
  const Json* last = object.find("last");
  if (once != nullptr && last != nullptr)
    return fail(Errc::bad_request, "a prekey bundle has `once` or `last`, not both");
  if (once != nullptr) {
    auto one = OneTimePrekey::parse(*once);
    if (!one) return std::unexpected(one.error());
    out.one_time = *one;
  }
  if (last != nullptr) {
    auto one = SignedPrekey::parse(*last);
    if (!one) return std::unexpected(one.error());
    out.last_resort = *one;
  }
  return out;
}

JsonObject PrekeyBundle::json() const {
  JsonObject out;
  out.set("v", 1);
  if (!terminal.empty()) out.set("device", terminal);
  out.set("signed", signed_prekey.json());
  if (one_time) {
    out.set("once", one_time->json());
  } else if (last_resort) {
    out.set("last", last_resort->json());
  }
  return out;
}

Status PrekeyBundle::verify(const Id& user, const DevicePublic& keys) const {
  const Id device = terminal.empty() ? user.bare() : user.with_terminal(terminal);
  if (!is_signed(PrekeyKind::signed_prekey, signed_prekey, device, keys) ||
      (one_time && !is_signed(*one_time, device, keys)) ||
      (last_resort && !is_signed(PrekeyKind::last_resort, *last_resort, device, keys)))
    return wrong_signature();
  return {};
}

Status PrekeyBundle::check_age(Millis now) const {
  if (!one_time && !last_resort)
    return fail(Errc::native, "the bundle has neither a one-time nor a last-resort prekey");
  for (const SignedPrekey* key : {&signed_prekey, last_resort ? &*last_resort : nullptr}) {
    if (key == nullptr) continue;
    if (now - key->time > kOldestPrekeyMs)
      return fail(Errc::native, "the station gives out a prekey that is older than 90 days");
    if (key->time > now + limits::kFutureToleranceMs)
      return fail(Errc::native, "a prekey is from the future; compare the clocks");
  }
  return {};
}

PrekeySecret PrekeySecret::generate(PrekeyKind kind, std::uint32_t id, Millis now, Random& random) {
  return {kind, id, AgreementKey::generate(random), now};
}

Secret PrekeySecret::write() const {
  Bytes head;
  append_number(head, kVersion);
  append_number(head, static_cast<std::uint8_t>(kind));
  append_number(head, id);
  append_number(head, static_cast<std::uint64_t>(time));
  Secret out(head.size() + 32);
  std::ranges::copy(key.secret(), std::ranges::copy(head, out.writable().begin()).out);
  return out;
}

Result<PrekeySecret> PrekeySecret::read(ByteView bytes) {
  FieldReader in(bytes);
  const auto version = in.number<std::uint8_t>();
  const auto kind = in.number<std::uint8_t>();
  const auto id = in.number<std::uint32_t>();
  const auto time = in.number<std::uint64_t>();
  const ByteView secret = in.bytes(32);
  if (!in.complete() || version != kVersion || kind < 1 || kind > 3)
    return fail(Errc::native, "what is kept as a prekey is none");
  return PrekeySecret{static_cast<PrekeyKind>(kind), id, std::move(*AgreementKey::of(secret)),
                      static_cast<Millis>(time)};
}

SignedPrekey PrekeySecret::sign(const DeviceKeys& keys, const Id& device) const {
  assert(kind != PrekeyKind::one_time);
  const Key32& shown = key.public_key();
  return {id, shown, time, keys.sig.sign(signed_bytes(kind, device, id, time, shown))};
}

OneTimePrekey PrekeySecret::sign_one_time(const DeviceKeys& keys, const Id& device) const {
  assert(kind == PrekeyKind::one_time);
  const Key32& shown = key.public_key();
  return {id, shown, keys.sig.sign(signed_bytes(kind, device, id, 0, shown))};
}

}  // namespace dim::native
