#include "dim/native/frame.h"

#include "dim/crypto/xchacha.h"
#include "dim/native/wire.h"

namespace dim::native {
namespace {

constexpr std::uint8_t kMessage = 0;
constexpr std::uint8_t kFirst = 1;

}  // namespace

void append_first_part(Bytes& out, const FirstPart& first) {
  append(out, first.ephemeral);
  append(out, first.sender_keys);
  append_number(out, first.sender_rev);
  append_number(out, first.receiver_rev);
  append_number(out, first.signed_id);
  append_number(out,
                static_cast<std::uint8_t>(first.second_kind ? *first.second_kind : PrekeyKind{0}));
  append_number(out, first.second_id);
}

Result<FirstPart> parse_first_part(ByteView bytes) {
  FieldReader in(bytes);
  FirstPart out;
  out.ephemeral = in.array<32>();
  out.sender_keys = in.array<32>();
  out.sender_rev = in.number<std::uint64_t>();
  out.receiver_rev = in.number<std::uint64_t>();
  out.signed_id = in.number<std::uint32_t>();
  const auto kind = static_cast<PrekeyKind>(in.number<std::uint8_t>());
  out.second_id = in.number<std::uint32_t>();
  if (!in.complete()) return fail(Errc::native, "the first part of a frame has 89 bytes");
  if (kind == PrekeyKind::one_time || kind == PrekeyKind::last_resort) {
    out.second_kind = kind;
  } else if (kind != PrekeyKind{0} || out.second_id != 0) {
    return fail(Errc::native, "a frame goes by a prekey of no known kind; right is 0, 2 or 3");
  }
  return out;
}

Result<Frame> parse_frame(ByteView bytes) {
  if (bytes.empty()) return fail(Errc::native, "a frame begins with its suite");
  if (auto known = check_suite(bytes[0]); !known) return std::unexpected(known.error());
  if (bytes.size() > kMostFrame)
    return fail(Errc::native, "a frame has at most 4,096 bytes", bytes.size());
  Frame out;
  FieldReader in(bytes);
  in.bytes(1);
  out.commitment = in.bytes(32);
  const auto kind = in.number<std::uint8_t>();
  if (kind == kFirst) {
    const ByteView part = in.bytes(kFirstPartBytes);
    if (!in.good()) return fail(Errc::native, "the frame is cut off in its first part");
    auto first = parse_first_part(part);
    if (!first) return std::unexpected(first.error());
    out.header.first = *first;
  } else if (kind != kMessage) {
    return fail(Errc::native, "the frame is of an unknown kind; right is 0 or 1");
  }
  out.header.ratchet = in.array<32>();
  out.header.before = in.number<std::uint32_t>();
  out.header.number = in.number<std::uint32_t>();
  if (!in.good() || in.left().size() < kXChaChaTag)
    return fail(Errc::native, "the frame is cut off");
  out.sealed = in.left();
  out.head = bytes.first(bytes.size() - out.sealed.size());
  return out;
}

Bytes write_head(ByteView commitment, const FrameHeader& header) {
  Bytes out;
  append_number(out, kSuite);
  append(out, commitment);
  append_number(out, header.first ? kFirst : kMessage);
  if (header.first) append_first_part(out, *header.first);
  append(out, header.ratchet);
  append_number(out, header.before);
  append_number(out, header.number);
  return out;
}

Result<std::optional<FirstPart>> first_part(ByteView frame) {
  const auto parsed = parse_frame(frame);
  if (!parsed) return std::unexpected(parsed.error());
  return parsed->header.first;
}

}  // namespace dim::native
