#include "client/native_keys.h"

#include <algorithm>
#include <string>

namespace dim {
namespace {

using native::PrekeyKind;
using native::PrekeySecret;

constexpr std::string_view kDevice = "native device";

/// A bucket for each kind, so that the few that are replaced are read without the many that are
/// not.
std::string_view bucket_of(PrekeyKind kind) {
  switch (kind) {
    case PrekeyKind::signed_prekey:
      return "native signed prekeys";
    case PrekeyKind::one_time:
      return "native one-time prekeys";
    case PrekeyKind::last_resort:
      break;
  }
  return "native last-resort prekeys";
}

/// Wipes what was read, which is a secret in the clear.
template <class Read>
auto read_and_wipe(std::string& body, Read read) {
  auto out = read(as_bytes(body));
  wipe(body);
  return out;
}

}  // namespace

Result<native::DeviceKeys> native_device_keys(Vault& vault) {
  auto body = vault.get(kDevice, "keys");
  if (!body) return std::unexpected(body.error());
  if (!*body) return fail(Errc::not_found, "this device has no keys of N1 yet");
  return read_and_wipe(**body, native::DeviceKeys::read);
}

Result<native::DeviceKeys> make_native_device_keys(Vault& vault, Random& random) {
  std::optional<native::DeviceKeys> out;
  const Status made = vault.transaction([&]() -> Status {
    auto known = native_device_keys(vault);
    if (!known && known.error().code != Errc::not_found) return std::unexpected(known.error());
    if (known) {
      out = std::move(*known);
      return {};
    }
    out = native::DeviceKeys::generate(random);
    return put_native_device_keys(vault, *out);
  });
  if (!made) return std::unexpected(made.error());
  return std::move(*out);
}

Status put_native_device_keys(Vault& vault, const native::DeviceKeys& keys) {
  const Secret body = keys.write();
  return vault.put(kDevice, "keys", as_text(body.view()));
}

Result<std::optional<PrekeySecret>> native_prekey(Vault& vault, PrekeyKind kind, std::uint32_t id) {
  auto body = vault.get(bucket_of(kind), std::to_string(id));
  if (!body) return std::unexpected(body.error());
  if (!*body) return std::nullopt;
  auto read = read_and_wipe(**body, PrekeySecret::read);
  if (!read) return std::unexpected(read.error());
  return std::move(*read);
}

Result<std::vector<PrekeySecret>> native_prekeys(Vault& vault, PrekeyKind kind) {
  auto rows = vault.list(bucket_of(kind));
  if (!rows) return std::unexpected(rows.error());
  std::vector<PrekeySecret> out;
  Status status;
  for (Vault::Row& row : *rows) {
    auto read = read_and_wipe(row.body, PrekeySecret::read);
    if (read)
      out.push_back(std::move(*read));
    else
      status = std::unexpected(read.error());
  }
  if (!status) return std::unexpected(status.error());
  std::ranges::sort(out, {}, &PrekeySecret::id);
  return out;
}

Status put_native_prekey(Vault& vault, const PrekeySecret& secret) {
  const Secret body = secret.write();
  return vault.put(bucket_of(secret.kind), std::to_string(secret.id), as_text(body.view()));
}

Status forget_native_prekey(Vault& vault, PrekeyKind kind, std::uint32_t id) {
  return vault.erase(bucket_of(kind), std::to_string(id));
}

Result<bool> forget_oldest_one_time(Vault& vault, std::size_t most) {
  const std::string_view bucket = bucket_of(PrekeyKind::one_time);
  const auto count = vault.count(bucket);
  if (!count) return std::unexpected(count.error());
  if (*count <= static_cast<std::int64_t>(most)) return false;
  auto kept = vault.newest(bucket, most);
  if (!kept) return std::unexpected(kept.error());
  for (Vault::Row& row : *kept) wipe(row.body);
  const std::int64_t first = kept->empty() ? INT64_MAX : kept->front().place;
  if (auto gone = vault.erase_through(bucket, first - 1); !gone)
    return std::unexpected(gone.error());
  return true;
}

}  // namespace dim
