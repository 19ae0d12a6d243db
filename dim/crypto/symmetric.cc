#include "dim/crypto/symmetric.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <memory>

namespace dim {
namespace {

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

constexpr std::size_t kBlock = 16;
constexpr std::size_t kMost = std::size_t{1} << 30;  // OpenSSL counts in int
constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;

// Null for a key that is not allowed.
const EVP_CIPHER* cbc_cipher(std::size_t key_bytes, AesKeys keys) {
  if (key_bytes == kAesKeyBytes) return EVP_aes_256_cbc();
  if (keys == AesKeys::any_size && key_bytes == 24) return EVP_aes_192_cbc();
  if (keys == AesKeys::any_size && key_bytes == 16) return EVP_aes_128_cbc();
  return nullptr;
}

/// Lets libsodium choose its code for this processor; without it everything works, but slowly.
void prepare_sodium() { [[maybe_unused]] static const int ready = sodium_init(); }

}  // namespace

Result<Bytes> aes_cbc_encrypt(const Secret& key, const AesIv& iv, ByteView plain, AesKeys keys) {
  const EVP_CIPHER* aes = cbc_cipher(key.size(), keys);
  if (aes == nullptr) return fail(Errc::key, "an AES key here has 32 bytes");
  if (plain.size() > kMost) return fail(Errc::too_large, "at most 1 GiB can be encrypted at once");
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  Bytes out(plain.size() + kBlock);
  int size = 0;
  int last = 0;
  if (!context ||
      EVP_EncryptInit_ex(context.get(), aes, nullptr, key.view().data(), iv.data()) != 1 ||
      EVP_EncryptUpdate(context.get(), out.data(), &size, plain.data(),
                        static_cast<int>(plain.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), out.data() + size, &last) != 1) {
    return fail(Errc::internal, "the AES library failed");
  }
  out.resize(static_cast<std::size_t>(size + last));
  return out;
}

Result<Secret> aes_cbc_decrypt(const Secret& key, const AesIv& iv, ByteView cipher, AesKeys keys) {
  const auto bad = fail(Errc::decrypt, "this message cannot be decrypted");
  const EVP_CIPHER* aes = cbc_cipher(key.size(), keys);
  if (aes == nullptr || cipher.empty() || cipher.size() % kBlock != 0 || cipher.size() > kMost) {
    return bad;
  }
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  Secret plain(cipher.size());
  int size = 0;
  int last = 0;
  if (!context ||
      EVP_DecryptInit_ex(context.get(), aes, nullptr, key.view().data(), iv.data()) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
      EVP_DecryptUpdate(context.get(), plain.writable().data(), &size, cipher.data(),
                        static_cast<int>(cipher.size())) != 1 ||
      EVP_DecryptFinal_ex(context.get(), plain.writable().data() + size, &last) != 1) {
    return bad;
  }
  // PKCS#7 (RFC 5652 section 6.3), every byte of it: the reference looks at the last one only
  // (A10). No early exit.
  const std::uint8_t amount = plain.view().back();
  std::uint32_t wrong =
      static_cast<std::uint32_t>(amount == 0) | static_cast<std::uint32_t>(amount > kBlock);
  for (std::size_t i = 0; i < kBlock; ++i) {
    const std::uint32_t covered = static_cast<std::uint32_t>(i < amount);
    wrong |= covered & static_cast<std::uint32_t>(plain.view()[plain.size() - 1 - i] != amount);
  }
  if (wrong != 0) return bad;
  return Secret::copy_of(plain.view().first(plain.size() - amount));
}

Result<Bytes> box(const Secret& key, ByteView plain, ByteView associated, Random& random) {
  prepare_sodium();
  if (key.size() != crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
    return fail(Errc::key, "a box key has 32 bytes");
  Bytes out(kNonce + plain.size() + kTag);
  random.fill(std::span(out).first(kNonce));
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + kNonce, nullptr, plain.data(),
                                             plain.size(), associated.data(), associated.size(),
                                             nullptr, out.data(), key.view().data());
  return out;
}

Result<Secret> unbox(const Secret& key, ByteView boxed, ByteView associated) {
  prepare_sodium();
  if (key.size() != crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
    return fail(Errc::key, "a box key has 32 bytes");
  if (boxed.size() < kNonce + kTag) return fail(Errc::decrypt, "a box has at least 40 bytes");
  Secret plain(boxed.size() - kNonce - kTag);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          plain.writable().data(), nullptr, nullptr, boxed.data() + kNonce, boxed.size() - kNonce,
          associated.data(), associated.size(), boxed.data(), key.view().data()) != 0) {
    return fail(Errc::decrypt,
                "the box was made with another key, for another place, or was changed");
  }
  return plain;
}

Result<Secret> derive_key(ByteView passphrase, ByteView salt, const Argon2Cost& cost) {
  prepare_sodium();
  if (salt.size() != crypto_pwhash_SALTBYTES) return fail(Errc::key, "a salt has 16 bytes");
  Secret key(32);
  // libsodium takes no null pointer, not even for nothing.
  const char* text = passphrase.empty() ? "" : reinterpret_cast<const char*>(passphrase.data());
  if (crypto_pwhash(key.writable().data(), key.size(), text, passphrase.size(), salt.data(),
                    cost.passes, cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return fail(Errc::internal, "Argon2id needs more memory than this machine gives");
  }
  return key;
}

}  // namespace dim
