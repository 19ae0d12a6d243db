#include "dim/crypto/file_seal.h"

#include <openssl/evp.h>

#include <array>
#include <string_view>

namespace dim {
namespace {

constexpr std::int64_t kMostSealed = std::int64_t{1} << 53;  // JSON numbers are exact up to here
constexpr std::string_view kContext = "dim/2023 file 1";

using Nonce = std::array<std::uint8_t, 12>;

Nonce nonce_of(std::int64_t chunk, bool last) {
  Nonce out{};
  for (std::size_t i = 0; i < 8; ++i)
    out[3 + i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(chunk) >> (56 - 8 * i));
  out[11] = last ? 1 : 0;
  return out;
}

}  // namespace

std::int64_t sealed_size(std::int64_t plain) {
  const std::int64_t chunks = plain == 0 ? 1 : (plain + kPlainChunk - 1) / kPlainChunk;
  return plain + chunks * kSealTag;
}

Result<std::int64_t> plain_size(std::int64_t sealed) {
  const auto wrong = fail(Errc::decrypt, "no sealed file has this size; the description is wrong");
  if (sealed < kSealTag || sealed > kMostSealed) return wrong;
  const std::int64_t plain = sealed - chunk_count(sealed) * kSealTag;
  if (sealed_size(plain) != sealed) return wrong;
  return plain;
}

std::int64_t chunk_count(std::int64_t sealed) { return (sealed + kSealedChunk - 1) / kSealedChunk; }

struct FileSeal::State {
  EVP_CIPHER_CTX* sealing = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* opening = EVP_CIPHER_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {  // OpenSSL overwrites the keys in them
    EVP_CIPHER_CTX_free(sealing);
    EVP_CIPHER_CTX_free(opening);
  }
};

FileSeal::FileSeal(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileSeal::FileSeal(FileSeal&& other) noexcept = default;
FileSeal& FileSeal::operator=(FileSeal&& other) noexcept = default;
FileSeal::~FileSeal() = default;

Result<FileSeal> FileSeal::make(const Secret& key) {
  if (key.size() != 32) return fail(Errc::key, "the key of a sealed file has 32 bytes");
  auto state = std::make_unique<State>();
  const std::uint8_t* bytes = key.view().data();
  if (EVP_EncryptInit_ex(state->sealing, EVP_aes_256_gcm(), nullptr, bytes, nullptr) != 1 ||
      EVP_DecryptInit_ex(state->opening, EVP_aes_256_gcm(), nullptr, bytes, nullptr) != 1) {
    return fail(Errc::internal, "the AES library failed");
  }
  return FileSeal(std::move(state));
}

Status FileSeal::seal(std::int64_t chunk, bool last, ByteView plain, Bytes& out) {
  const auto size = static_cast<std::int64_t>(plain.size());
  if (chunk < 0 || size > kPlainChunk || (!last && size != kPlainChunk))
    return fail(Errc::internal, "a chunk of a file has the wrong size");
  const Nonce nonce = nonce_of(chunk, last);
  const std::size_t begin = out.size();
  out.resize(begin + plain.size() + kSealTag);
  EVP_CIPHER_CTX* context = state_->sealing;
  int done = 0;
  if (EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) != 1 ||
      EVP_EncryptUpdate(context, nullptr, &done, as_bytes(kContext).data(),
                        static_cast<int>(kContext.size())) != 1 ||
      (!plain.empty() && EVP_EncryptUpdate(context, out.data() + begin, &done, plain.data(),
                                           static_cast<int>(plain.size())) != 1) ||
      EVP_EncryptFinal_ex(context, out.data() + begin + plain.size(), &done) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, static_cast<int>(kSealTag),
                          out.data() + begin + plain.size()) != 1) {
    out.resize(begin);
    return fail(Errc::internal, "the AES library failed");
  }
  return {};
}

Status FileSeal::open(std::int64_t chunk, bool last, ByteView sealed, Bytes& out) {
  const auto bad = fail(Errc::decrypt, "the file is damaged: a part of it is not what was sent");
  const auto size = static_cast<std::int64_t>(sealed.size());
  if (chunk < 0 || size < kSealTag || size > kSealedChunk || (!last && size != kSealedChunk))
    return bad;
  const Nonce nonce = nonce_of(chunk, last);
  const std::size_t begin = out.size();
  const auto plain = static_cast<std::size_t>(size - kSealTag);
  std::array<std::uint8_t, kSealTag> tag{};
  for (std::size_t i = 0; i < tag.size(); ++i) tag[i] = sealed[plain + i];
  out.resize(begin + plain);
  EVP_CIPHER_CTX* context = state_->opening;
  int done = 0;
  std::array<std::uint8_t, 16> rest{};
  if (EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, static_cast<int>(kSealTag), tag.data()) !=
          1 ||
      EVP_DecryptUpdate(context, nullptr, &done, as_bytes(kContext).data(),
                        static_cast<int>(kContext.size())) != 1 ||
      (plain != 0 && EVP_DecryptUpdate(context, out.data() + begin, &done, sealed.data(),
                                       static_cast<int>(plain)) != 1) ||
      EVP_DecryptFinal_ex(context, rest.data(), &done) != 1) {
    wipe(std::span(out).subspan(begin));  // not proven, so nobody's business
    out.resize(begin);
    return bad;
  }
  return {};
}

}  // namespace dim
