#include "dim/native/device_keys.h"

#include <algorithm>

#include "dim/base/base64.h"
#include "dim/native/suite.h"
#include "dim/native/wire.h"

namespace dim::native {
namespace {

constexpr std::string_view kContext{"dim/2023 n1 device\0", 19};
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kFeatureBytes = 32;

bool is_feature(std::string_view text) {
  return !text.empty() && text.size() <= kFeatureBytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

bool read_key(const JsonObject& object, std::string_view name, Key32& out) {
  const std::string* text = object.text(name);
  if (text == nullptr || text->size() > 64) return false;
  const auto bytes = from_base64(*text);
  if (!bytes || bytes->size() != out.size()) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}

}  // namespace

Result<DevicePublic> DevicePublic::parse(const Json& property) {
  const JsonObject* object = property.object();
  if (object == nullptr) return fail(Errc::native, "`n1` of a visa is an object");
  const Json* version = object->find("v");
  if (version == nullptr || version->integer() == nullptr || *version->integer() != 1)
    return fail(Errc::native, "`n1` of a visa is of another edition; right is \"v\":1");
  DevicePublic out;
  if (!read_key(*object, "sig", out.sig) || !read_key(*object, "dh", out.dh))
    return fail(Errc::native, "`sig` and `dh` of `n1` are 32 bytes each, in base64");
  if (const Json* features = object->find("features")) {
    const JsonArray* list = features->array();
    if (list == nullptr || list->size() > kMostFeatures)
      return fail(Errc::native, "`features` of `n1` is a list of at most 16");
    for (const Json& feature : *list) {
      const std::string* text = feature.text();
      if (text == nullptr || !is_feature(*text))
        return fail(Errc::native, "a feature is 1 to 32 of a-z 0-9 . _ -");
      out.features.push_back(*text);
    }
  }
  return out;
}

JsonObject DevicePublic::json() const {
  JsonObject out;
  out.set("v", 1);
  out.set("sig", to_base64(sig));
  out.set("dh", to_base64(dh));
  JsonArray list;
  for (const std::string& feature : features) list.emplace_back(feature);
  out.set("features", std::move(list));
  return out;
}

bool DevicePublic::offers(std::string_view feature) const {
  return std::ranges::find(features, feature) != features.end();
}

Digest32 DevicePublic::hash() const { return sha256({as_bytes(kContext), sig, dh}); }

Result<std::optional<DevicePublic>> device_of(const Document& visa) {
  const Json* property = visa.properties().find("n1");
  if (property == nullptr) return std::nullopt;
  auto parsed = DevicePublic::parse(*property);
  if (!parsed) return std::unexpected(parsed.error());
  return std::move(*parsed);
}

DeviceKeys DeviceKeys::generate(Random& random) {
  auto sig = SigningKey::generate(random);
  auto dh = AgreementKey::generate(random);
  return {std::move(sig), std::move(dh)};
}

Secret DeviceKeys::write() const {
  Secret out(65);
  auto to = out.writable();
  to[0] = kVersion;
  std::ranges::copy(sig.seed(), to.begin() + 1);
  std::ranges::copy(dh.secret(), to.begin() + 33);
  return out;
}

Result<DeviceKeys> DeviceKeys::read(ByteView bytes) {
  FieldReader in(bytes);
  const auto version = in.number<std::uint8_t>();
  const ByteView seed = in.bytes(32);
  const ByteView secret = in.bytes(32);
  if (!in.complete() || version != kVersion)
    return fail(Errc::native, "what is kept as the keys of this device is none");
  auto sig = SigningKey::of(seed);
  auto dh = AgreementKey::of(secret);
  return DeviceKeys{std::move(*sig), std::move(*dh)};
}

DevicePublic DeviceKeys::public_half() const { return {sig.public_key(), dh.public_key(), {"n1"}}; }

}  // namespace dim::native
