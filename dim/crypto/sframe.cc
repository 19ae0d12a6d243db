#include "dim/crypto/sframe.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "dim/crypto/hkdf.h"

namespace dim {
namespace {

constexpr std::uint16_t kSuite = 0x0004;
constexpr std::size_t kKeyBytes = 16, kNonceBytes = 12;

void append(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    out.push_back(static_cast<std::uint8_t>(value >> (8 * (bytes - 1 - i))));
}

std::size_t length_of(std::uint64_t value) {
  std::size_t out = 1;
  while ((value >>= 8) != 0) ++out;
  return out;
}

Bytes label(std::string_view text, std::uint64_t key_id) {
  Bytes out = to_bytes(text);
  append(out, key_id, 8);
  append(out, kSuite, 2);
  return out;
}

}  // namespace

// --- header (RFC 9605 section 4.3): for each of key ID and counter four bits, which are the value
// up to 7, else the flag and its length less one

Bytes SframeHeader::write() const {
  const auto half = [](std::uint64_t value) {
    return value < 8 ? value : 8 | (length_of(value) - 1);
  };
  Bytes out{static_cast<std::uint8_t>(half(key_id) << 4 | half(counter))};
  if (key_id >= 8) append(out, key_id, length_of(key_id));
  if (counter >= 8) append(out, counter, length_of(counter));
  return out;
}

Result<SframeHeader> SframeHeader::parse(ByteView frame) {
  constexpr Literal kCut = "an SFrame ends within its header";
  if (frame.empty()) return fail(Errc::bad_request, kCut);
  SframeHeader out;
  std::size_t at = 1;
  const auto read = [&](unsigned half) -> std::optional<std::uint64_t> {
    if (half < 8) return half;
    const std::size_t bytes = (half & 7) + 1;
    if (frame.size() - at < bytes) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | frame[at++];
    return value;
  };
  const auto key_id = read(frame[0] >> 4);
  const auto counter = key_id ? read(frame[0] & 15U) : std::nullopt;
  if (!counter) return fail(Errc::bad_request, kCut);
  out.key_id = *key_id;
  out.counter = *counter;
  out.bytes = at;
  const Bytes shortest = out.write();
  if (!std::ranges::equal(shortest, frame.first(at)))
    return fail(Errc::bad_request, "the header of an SFrame is in its shortest form");
  return out;
}

// --- keys

struct SframeKey::State {
  std::uint64_t key_id = 0;
  std::array<std::uint8_t, kNonceBytes> salt{};
  std::optional<std::uint64_t> last;  ///< counter that was sealed with
  EVP_CIPHER_CTX* sealing = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* opening = EVP_CIPHER_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {  // OpenSSL overwrites the keys in them
    EVP_CIPHER_CTX_free(sealing);
    EVP_CIPHER_CTX_free(opening);
    wipe(salt);
  }

  std::array<std::uint8_t, kNonceBytes> nonce(std::uint64_t counter) const {
    auto out = salt;
    for (std::size_t i = 0; i < 8; ++i)
      out[kNonceBytes - 1 - i] ^= static_cast<std::uint8_t>(counter >> (8 * i));
    return out;
  }
};

SframeKey::SframeKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
SframeKey::SframeKey(SframeKey&& other) noexcept = default;
SframeKey& SframeKey::operator=(SframeKey&& other) noexcept = default;
SframeKey::~SframeKey() = default;

Result<SframeKey> SframeKey::make(std::uint64_t key_id, const Secret& base_key) {
  if (base_key.size() != kSframeBaseKey)
    return fail(Errc::key, "the base key of an SFrame of this suite has 16 bytes");
  const auto derived = [&](std::string_view text, std::size_t size) {
    return hkdf_sha256(base_key.view(), {}, label(text, key_id), size);
  };
  const Secret key = derived("SFrame 1.0 Secret key ", kKeyBytes);
  const Secret salt = derived("SFrame 1.0 Secret salt ", kNonceBytes);
  auto state = std::make_unique<State>();
  state->key_id = key_id;
  std::ranges::copy(salt.view(), state->salt.begin());
  const std::uint8_t* bytes = key.view().data();
  if (EVP_EncryptInit_ex(state->sealing, EVP_aes_128_gcm(), nullptr, bytes, nullptr) != 1 ||
      EVP_DecryptInit_ex(state->opening, EVP_aes_128_gcm(), nullptr, bytes, nullptr) != 1) {
    return fail(Errc::internal, "the AES library failed");
  }
  return SframeKey(std::move(state));
}

Result<Bytes> SframeKey::seal(std::uint64_t counter, ByteView metadata, ByteView plain) {
  if (state_->last && counter <= *state_->last)
    return fail(Errc::conflict, "a counter of an SFrame key is used once, and upwards");
  state_->last = counter;
  Bytes out = SframeHeader{.key_id = state_->key_id, .counter = counter}.write();
  Bytes associated = out;
  associated.insert(associated.end(), metadata.begin(), metadata.end());
  const std::size_t begin = out.size();
  out.resize(begin + plain.size() + kSframeTag);
  const auto nonce = state_->nonce(counter);
  EVP_CIPHER_CTX* context = state_->sealing;
  int done = 0;
  if (EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) != 1 ||
      EVP_EncryptUpdate(context, nullptr, &done, associated.data(),
                        static_cast<int>(associated.size())) != 1 ||
      (!plain.empty() && EVP_EncryptUpdate(context, out.data() + begin, &done, plain.data(),
                                           static_cast<int>(plain.size())) != 1) ||
      EVP_EncryptFinal_ex(context, out.data() + begin + plain.size(), &done) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, static_cast<int>(kSframeTag),
                          out.data() + begin + plain.size()) != 1) {
    return fail(Errc::internal, "the AES library failed");
  }
  return out;
}

Result<Bytes> SframeKey::open(ByteView frame, ByteView metadata) {
  const auto bad = fail(Errc::decrypt, "this frame is not what its sender has sealed");
  const auto header = SframeHeader::parse(frame);
  if (!header || header->key_id != state_->key_id || frame.size() < header->bytes + kSframeTag)
    return bad;
  Bytes associated(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(header->bytes));
  associated.insert(associated.end(), metadata.begin(), metadata.end());
  const std::size_t size = frame.size() - header->bytes - kSframeTag;
  const std::uint8_t* cipher = frame.data() + header->bytes;
  std::array<std::uint8_t, kSframeTag> tag{}, rest{};
  std::copy_n(cipher + size, kSframeTag, tag.begin());
  const auto nonce = state_->nonce(header->counter);
  Bytes out(size);
  EVP_CIPHER_CTX* context = state_->opening;
  int done = 0;
  if (EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, static_cast<int>(kSframeTag),
                          tag.data()) != 1 ||
      EVP_DecryptUpdate(context, nullptr, &done, associated.data(),
                        static_cast<int>(associated.size())) != 1 ||
      (size != 0 &&
       EVP_DecryptUpdate(context, out.data(), &done, cipher, static_cast<int>(size)) != 1) ||
      EVP_DecryptFinal_ex(context, rest.data(), &done) != 1) {
    wipe(out);  // not proven, so nobody's business
    return bad;
  }
  return out;
}

}  // namespace dim
