#include <algorithm>

#include "dim/native/frame.h"
#include "dim/native/session.h"
#include "dim/native/wire.h"

namespace dim::native {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kHasFirst = 1;
constexpr std::uint8_t kHasTheirs = 2;
constexpr std::uint8_t kHasSending = 4;
constexpr std::uint8_t kHasReceiving = 8;
constexpr std::size_t kFixed = 1 + 3 * 32 + 1 + 2 * 32 + 3 * 4 + 4;
constexpr std::size_t kSkippedBytes = 32 + 4 + 8 + 32;

std::unexpected<Error> no_session() {
  return fail(Errc::native, "what is kept as a session is none");
}

/// Fills memory of a known size from the front; nothing secret lies anywhere else.
class SecretWriter {
 public:
  explicit SecretWriter(std::size_t size) : out_(size), to_(out_.writable()) {}
  void put(ByteView bytes) {
    std::ranges::copy(bytes, to_.begin());
    to_ = to_.subspan(bytes.size());
  }
  template <std::unsigned_integral T>
  void put_number(T value) {
    Bytes bytes;
    append_number(bytes, value);
    put(bytes);
  }
  Secret take() { return std::move(out_); }

 private:
  Secret out_;
  std::span<std::uint8_t> to_;
};

}  // namespace

Secret Session::write() const {
  const std::size_t size = kFixed + (first ? kFirstPartBytes : 0) + (theirs ? 32 : 0) +
                           sending.size() + receiving.size() + skipped.size() * kSkippedBytes;
  SecretWriter out(size);
  out.put_number(kVersion);
  out.put(ad);
  out.put(peer_keys);
  out.put(ephemeral);
  out.put_number(static_cast<std::uint8_t>((first ? kHasFirst : 0) | (theirs ? kHasTheirs : 0) |
                                           (sending.empty() ? 0 : kHasSending) |
                                           (receiving.empty() ? 0 : kHasReceiving)));
  if (first) {
    Bytes part;
    append_first_part(part, *first);
    out.put(part);
  }
  out.put(root.view());
  out.put(own.secret());
  if (theirs) out.put(*theirs);
  out.put(sending.view());
  out.put(receiving.view());
  out.put_number(sent);
  out.put_number(received);
  out.put_number(before);
  out.put_number(static_cast<std::uint32_t>(skipped.size()));
  for (const SkippedKey& key : skipped) {
    out.put(key.ratchet);
    out.put_number(key.number);
    out.put_number(static_cast<std::uint64_t>(key.since));
    out.put(key.key.view());
  }
  return out.take();
}

Result<Session> Session::read(ByteView bytes) {
  FieldReader in(bytes);
  if (in.number<std::uint8_t>() != kVersion) return no_session();
  const auto ad = in.array<32>();
  const auto peer_keys = in.array<32>();
  const auto ephemeral = in.array<32>();
  const auto flags = in.number<std::uint8_t>();
  const auto has = [&](std::uint8_t flag) { return (flags & flag) != 0; };
  // Somebody has begun: the initiator has both keys and a chain to send with, the receiver a frame.
  if (flags > 15 || !has(kHasTheirs) || !(has(kHasSending) || has(kHasReceiving)) ||
      (has(kHasFirst) && has(kHasReceiving)))
    return no_session();
  std::optional<FirstPart> first;
  if (has(kHasFirst)) {
    const auto part = parse_first_part(in.bytes(kFirstPartBytes));
    if (!part || part->ephemeral != ephemeral) return no_session();
    first = *part;
  }
  const ByteView root = in.bytes(32);
  const ByteView secret = in.bytes(32);
  const Key32 theirs = in.array<32>();
  const ByteView sending = in.bytes(has(kHasSending) ? 32 : 0);
  const ByteView receiving = in.bytes(has(kHasReceiving) ? 32 : 0);
  const auto sent = in.number<std::uint32_t>();
  const auto received = in.number<std::uint32_t>();
  const auto before = in.number<std::uint32_t>();
  const auto count = in.number<std::uint32_t>();
  if (!in.good() || count > kMostSkipped || in.left().size() != count * kSkippedBytes ||
      (receiving.empty() && (received != 0 || count != 0)))
    return no_session();
  Session out{.ad = ad,
              .peer_keys = peer_keys,
              .ephemeral = ephemeral,
              .first = first,
              .root = Secret::copy_of(root),
              .own = std::move(*AgreementKey::of(secret)),
              .theirs = theirs,
              .sending = Secret::copy_of(sending),
              .receiving = Secret::copy_of(receiving),
              .sent = sent,
              .received = received,
              .before = before};
  out.skipped.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto ratchet = in.array<32>();
    const auto number = in.number<std::uint32_t>();
    const auto since = static_cast<Millis>(in.number<std::uint64_t>());
    if (since < 0) return no_session();
    out.skipped.push_back({ratchet, number, since, Secret::copy_of(in.bytes(32))});
  }
  return out;
}

}  // namespace dim::native
