// Packing (seal, sign, write) and unpacking (parse, verify, open) a text, for each kind of identity
// key, beside the primitives alone: what OpenSSL and libsecp256k1 need for the same bytes.
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <secp256k1.h>

#include <map>
#include <memory>

#include "bench/report.h"
#include "dim/base/base64.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/engine/steps.h"

namespace dim::bench {
namespace {

constexpr Millis kNow = 1'790'000'000'000;
constexpr std::size_t kTextBytes = 100;

enum class Identity : std::uint8_t { ec, rsa };

Account make_account(Identity kind, Random& random) {
  PrivateKey identity_key = kind == Identity::ec ? PrivateKey::generate_ec(random)
                                                 : std::move(PrivateKey::generate_rsa().value());
  Meta meta = kind == Identity::ec ? Meta::make(MetaType::eth, identity_key.public_key()).value()
                                   : Meta::make_mkm(identity_key, "bench");
  Id id = meta.id(EntityType::user).value();
  std::vector<PrivateKey> message_keys;
  message_keys.push_back(std::move(PrivateKey::generate_rsa().value()));
  JsonObject properties;
  properties.set("name", "bench");
  properties.set("key", message_keys.front().public_key().json());
  properties.set("features", JsonArray{"bind"});
  Document visa = Document::make(id, "visa", std::move(properties), kNow, identity_key);
  return {std::move(id), std::move(meta), std::move(visa), std::move(identity_key),
          std::move(message_keys)};
}

/// Two people who know each other, and one message between them.
struct Pair {
  explicit Pair(Identity kind)
      : alice(make_account(kind, random)), bob(make_account(kind, random)) {
    for (const Account* account : {&alice, &bob}) {
      (void)directory.learn_meta(account->id, account->meta);
      (void)directory.learn_document(account->id, account->visa.json(), kNow);
    }
    JsonObject content;
    content.set("type", 1);
    content.set("sn", 123'456'789);
    content.set("time", static_cast<double>(kNow) / 1000);
    content.set("text", std::string(kTextBytes, 'x'));
    plain = PlainMessage{.envelope = {.sender = alice.id, .receiver = bob.id},
                         .content = std::move(content)};
    sealed = seal(*plain, alice, directory, chain, random).value();
    wire = write_message(*sealed);
  }

  OsRandom random;
  Account alice;
  Account bob;
  Directory directory;
  Chain chain{.seq = 7, .prev = to_base64(sha256(ByteView()))};
  std::optional<PlainMessage> plain;
  std::optional<SignedMessage> sealed;
  std::string wire;
};

template <auto Free>
struct Deleter {
  void operator()(auto* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<&EVP_PKEY_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Deleter<&EVP_CIPHER_CTX_free>>;
using Hash = std::unique_ptr<EVP_MD_CTX, Deleter<&EVP_MD_CTX_free>>;
using Curve = std::unique_ptr<secp256k1_context, Deleter<&secp256k1_context_destroy>>;

/// The primitives of one message with everything prepared beforehand: keys parsed, contexts made,
/// buffers there.
class Bare {
 public:
  Bare(Identity kind, const SealedMessage& message)
      : kind_(kind), cipher_text_(message.data.size() + 16), plain_(message.data.size() + 16) {
    random_.fill(key_);
    random_.fill(iv_);
    random_.fill(scalar_);
    text_.assign(message.data.size() - 16, ' ');
    wrap_.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, message_key_.get(), nullptr));
    unwrap_.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, message_key_.get(), nullptr));
    EVP_PKEY_encrypt_init(wrap_.get());
    EVP_PKEY_CTX_set_rsa_padding(wrap_.get(), RSA_PKCS1_PADDING);
    EVP_PKEY_decrypt_init(unwrap_.get());
    EVP_PKEY_CTX_set_rsa_padding(unwrap_.get(), RSA_PKCS1_PADDING);
    good_ = secp256k1_ec_pubkey_create(curve_.get(), &point_, scalar_.data()) == 1 && pack();
  }

  bool pack() {
    random_.fill(key_);
    random_.fill(iv_);
    int size = 0;
    int rest = 0;
    bool done = EVP_EncryptInit_ex2(cipher_.get(), aes_, key_.data(), iv_.data(), nullptr) == 1 &&
                EVP_EncryptUpdate(cipher_.get(), cipher_text_.data(), &size, text_.data(),
                                  static_cast<int>(text_.size())) == 1 &&
                EVP_EncryptFinal_ex(cipher_.get(), cipher_text_.data() + size, &rest) == 1;
    cipher_size_ = static_cast<std::size_t>(size + rest);
    wrapped_size_ = wrapped_.size();
    done = done && EVP_PKEY_encrypt(wrap_.get(), wrapped_.data(), &wrapped_size_,
                                    key_object_.data(), key_object_.size()) == 1;
    signature_size_ = signature_.size();
    if (kind_ == Identity::rsa) {
      return done &&
             EVP_DigestSignInit(hash_.get(), nullptr, EVP_sha256(), nullptr, identity_.get()) ==
                 1 &&
             EVP_DigestSign(hash_.get(), signature_.data(), &signature_size_, cipher_text_.data(),
                            cipher_size_) == 1;
    }
    secp256k1_ecdsa_signature signature;
    return done && digest() &&
           secp256k1_ecdsa_sign(curve_.get(), &signature, hashed_.data(), scalar_.data(), nullptr,
                                nullptr) == 1 &&
           secp256k1_ecdsa_signature_serialize_der(curve_.get(), signature_.data(),
                                                   &signature_size_, &signature) == 1;
  }

  bool unpack() {
    bool done = true;
    if (kind_ == Identity::rsa) {
      done =
          EVP_DigestVerifyInit(hash_.get(), nullptr, EVP_sha256(), nullptr, identity_.get()) == 1 &&
          EVP_DigestVerify(hash_.get(), signature_.data(), signature_size_, cipher_text_.data(),
                           cipher_size_) == 1;
    } else {
      secp256k1_ecdsa_signature signature;
      done = digest() &&
             secp256k1_ecdsa_signature_parse_der(curve_.get(), &signature, signature_.data(),
                                                 signature_size_) == 1 &&
             secp256k1_ecdsa_verify(curve_.get(), &signature, hashed_.data(), &point_) == 1;
    }
    std::size_t key_size = plain_key_.size();
    int size = 0;
    int rest = 0;
    return done &&
           EVP_PKEY_decrypt(unwrap_.get(), plain_key_.data(), &key_size, wrapped_.data(),
                            wrapped_size_) == 1 &&
           EVP_DecryptInit_ex2(cipher_.get(), aes_, key_.data(), iv_.data(), nullptr) == 1 &&
           EVP_DecryptUpdate(cipher_.get(), plain_.data(), &size, cipher_text_.data(),
                             static_cast<int>(cipher_size_)) == 1 &&
           EVP_DecryptFinal_ex(cipher_.get(), plain_.data() + size, &rest) == 1 &&
           static_cast<std::size_t>(size + rest) == text_.size();
  }

  bool good() const { return good_; }

 private:
  bool digest() {
    return EVP_DigestInit_ex2(hash_.get(), EVP_sha256(), nullptr) == 1 &&
           EVP_DigestUpdate(hash_.get(), cipher_text_.data(), cipher_size_) == 1 &&
           EVP_DigestFinal_ex(hash_.get(), hashed_.data(), nullptr) == 1;
  }

  Identity kind_;
  OsRandom random_;
  const EVP_CIPHER* aes_ = EVP_aes_256_cbc();
  Key message_key_{EVP_RSA_gen(2048)};
  Key identity_{EVP_RSA_gen(2048)};
  Curve curve_{secp256k1_context_create(SECP256K1_CONTEXT_NONE)};
  Cipher cipher_{EVP_CIPHER_CTX_new()};
  Hash hash_{EVP_MD_CTX_new()};
  KeyContext wrap_, unwrap_;
  std::array<std::uint8_t, 32> key_{}, scalar_{}, hashed_{};
  std::array<std::uint8_t, 16> iv_{};
  std::array<std::uint8_t, 113> key_object_{};  // as long as the JSON of a message key
  std::array<std::uint8_t, 256> wrapped_{}, signature_{}, plain_key_{};
  secp256k1_pubkey point_{};
  Bytes text_, cipher_text_, plain_;
  std::size_t cipher_size_ = 0, wrapped_size_ = 0, signature_size_ = 0;
  bool good_ = false;
};

template <class Work>
void add(const std::string& name, Work work) {
  benchmark::RegisterBenchmark(name.c_str(), [work](benchmark::State& state) {
    for (auto _ : state) {
      if (!work()) {
        state.SkipWithError("this step failed");
        break;
      }
    }
  });
}

Ratio add_kind(Identity kind, const std::string& name) {
  auto pair = std::make_shared<Pair>(kind);
  auto bare = std::make_shared<Bare>(kind, pair->sealed->sealed);
  const auto row = [&](std::string_view step) { return name + ": " + std::string(step); };
  add(row("bare pack"), [bare] { return bare->good() && bare->pack(); });
  add(row("bare unpack"), [bare] { return bare->good() && bare->unpack(); });
  add(row("seal"), [pair] {
    return seal(*pair->plain, pair->alice, pair->directory, pair->chain, pair->random).has_value();
  });
  add(row("write"), [pair] { return !write_message(*pair->sealed).empty(); });
  add(row("parse"), [pair] { return SignedMessage::parse(pair->wire).has_value(); });
  add(row("open"),
      [pair] { return open(*pair->sealed, pair->bob, pair->directory, {}, kNow).has_value(); });
  return {name + ": pack and unpack",
          {row("bare pack"), row("bare unpack")},
          {row("seal"), row("write"), row("parse"), row("open")},
          0.8};
}

}  // namespace
}  // namespace dim::bench

int main(int argc, char** argv) {
  using namespace dim::bench;
  const std::vector<Ratio> ratios = {add_kind(Identity::ec, "secp256k1 identity, RSA-2048 visa"),
                                     add_kind(Identity::rsa, "RSA-2048 identity, RSA-2048 visa")};
  return run(argc, argv, ratios);
}
