#include "dim/native/payload.h"

#include <algorithm>

#include "dim/crypto/digest.h"
#include "dim/crypto/xchacha.h"
#include "dim/native/kdf.h"
#include "dim/native/suite.h"
#include "dim/native/wire.h"

namespace dim::native {
namespace {

constexpr std::string_view kLabel = "dim/2023 n1 payload";
constexpr std::size_t kHead = 33;

Bytes associated(ByteView head, ByteView ad) {
  Bytes out(head.begin(), head.end());
  append_field(out, ad);
  return out;
}

}  // namespace

SealedPayload seal_payload(ByteView plaintext, ByteView ad, Random& random) {
  const Secret content_key = Secret::random(32, random);
  const MessageKeys keys(content_key, {}, kLabel);
  Bytes data;
  append_number(data, kSuite);
  append(data, keys.commitment());
  append(data, xchacha_seal(keys.key(), keys.nonce(), associated(data, ad), plaintext));
  Secret note(64);
  std::ranges::copy(sha256(data),
                    std::ranges::copy(content_key.view(), note.writable().begin()).out);
  return {std::move(data), std::move(note)};
}

Result<Secret> open_payload(ByteView data, const Secret& note, ByteView ad) {
  if (note.size() != 64)
    return fail(Errc::native, "the note of a message has a key of 32 bytes and a digest of 32");
  if (data.empty()) return fail(Errc::native, "the data of a message begins with its suite");
  if (auto known = check_suite(data[0]); !known) return std::unexpected(known.error());
  if (data.size() < kHead + kXChaChaTag) return fail(Errc::native, "the data is cut off");
  if (!equal_secret(note.view().last(32), sha256(data)))
    return fail(Errc::native, "the data is not that which the sender made the key for");
  const Secret content_key = Secret::copy_of(note.view().first(32));
  const MessageKeys keys(content_key, {}, kLabel);
  if (!equal_secret(keys.commitment(), data.subspan(1, 32)))
    return fail(Errc::native, "the data was sealed with another key than the note has");
  auto plaintext = xchacha_open(keys.key(), keys.nonce(), associated(data.first(kHead), ad),
                                data.subspan(kHead));
  if (!plaintext)
    return fail(Errc::native, "the data or its envelope is not as the sender has sealed it");
  return plaintext;
}

}  // namespace dim::native
