#include "sqlite/record.h"

#include <algorithm>
#include <array>

#include "dim/crypto/digest.h"

namespace dim {
namespace {

constexpr std::size_t kRow = 4;
constexpr std::size_t kTime = 12;
constexpr std::size_t kGuid = 20;
constexpr std::size_t kAuthorSize = 36;
constexpr std::size_t kTypeSize = 40;
constexpr std::size_t kFixed = 44;

void store(std::uint64_t value, std::size_t size, std::uint8_t* out) {
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint64_t load(const std::uint8_t* in, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | in[i];
  return value;
}

}  // namespace

void encode_record(std::int64_t row, const StoredMessage& message, Bytes& out) {
  const auto& [cursor, guid, time, author, type, content] = message;
  out.reserve(kFixed + author.size() + type.size() + content.size());
  out.resize(kFixed);
  store(static_cast<std::uint64_t>(row), 8, &out[kRow]);
  store(static_cast<std::uint64_t>(time), 8, &out[kTime]);
  std::ranges::copy(guid.bytes(), &out[kGuid]);
  store(author.size(), 4, &out[kAuthorSize]);
  store(type.size(), 4, &out[kTypeSize]);
  for (const std::string* part : {&author, &type, &content}) {
    const ByteView bytes = as_bytes(*part);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  store(crc32c(ByteView(out).subspan(kRow)), 4, out.data());
}

Result<StoredMessage> decode_record(std::int64_t row, ByteView bytes) {
  const auto damaged = [] {
    return fail(Errc::internal,
                "a stored message has a wrong checksum; it is kept and not delivered");
  };
  if (bytes.size() < kFixed || load(bytes.data(), 4) != crc32c(bytes.subspan(kRow)))
    return damaged();
  if (load(&bytes[kRow], 8) != static_cast<std::uint64_t>(row)) return damaged();
  const std::size_t author = load(&bytes[kAuthorSize], 4);
  const std::size_t type = load(&bytes[kTypeSize], 4);
  if (bytes.size() < kFixed + author + type) return damaged();
  std::array<std::uint8_t, 16> raw{};
  std::ranges::copy(bytes.subspan(kGuid, raw.size()), raw.begin());
  const auto guid = Guid::from_bytes(raw);
  if (!guid) return damaged();
  return StoredMessage{0,
                       *guid,
                       static_cast<Millis>(load(&bytes[kTime], 8)),
                       to_text(bytes.subspan(kFixed, author)),
                       to_text(bytes.subspan(kFixed + author, type)),
                       to_text(bytes.subspan(kFixed + author + type))};
}

}  // namespace dim
