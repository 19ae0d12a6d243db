// The derivations of dim/native beside those of libomemo-c, a ratchet that others have written:
// with its labels every root key, chain key and message key is the same, over random steps, and so
// is the handshake. libomemo-c is GPL-3.0; this program is a test and is not shipped.
//
// usage: dim-native-oracle [STEPS [SEED]]      exit 1 at the first difference
#include <curve.h>
#include <hkdf.h>
#include <ratchet.h>
#include <session_state.h>
#include <signal_protocol.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "dim/native/kdf.h"
#include "dim/native/native_testing.h"

namespace dim::native {
namespace {

constexpr Labels kTheirs{"OMEMO X3DH", "OMEMO Root Chain", "OMEMO Message Key Material"};
constexpr std::uint32_t kVersion = 4;  // the one that follows the specifications

void must(bool claim, const char* what) {
  if (claim) return;
  std::printf("differs: %s\n", what);
  std::exit(1);
}
/// What libomemo-c returns: 0 is success.
void done(int result, const char* what) { must(result == 0, what); }

// ---- libomemo-c: its cryptography comes by callbacks, its values are counted ----

struct Release {
  template <class T>
  void operator()(T* value) const {
    signal_type_unref(reinterpret_cast<signal_type_base*>(value));
  }
};
template <class T>
using Ref = std::unique_ptr<T, Release>;
struct FreeBuffer {
  void operator()(signal_buffer* buffer) const { signal_buffer_bzero_free(buffer); }
};
using Buffer = std::unique_ptr<signal_buffer, FreeBuffer>;

ByteView view(const Buffer& buffer) {
  return {signal_buffer_data(buffer.get()), signal_buffer_len(buffer.get())};
}

/// Clamped already: its X25519 leaves that to whoever makes the key.
AgreementKey clamped(Random& random) {
  Secret secret = Secret::random(32, random);
  secret.writable()[0] &= 248;
  secret.writable()[31] = static_cast<std::uint8_t>((secret.writable()[31] & 127) | 64);
  return AgreementKey::of(secret.view()).value();
}

struct Hmac {
  Bytes key;
  Bytes data;
};
int hmac_init(void** context, const std::uint8_t* key, std::size_t size, void* /*user*/) {
  *context = new Hmac{Bytes(key, key + size), {}};
  return 0;
}
int hmac_update(void* context, const std::uint8_t* data, std::size_t size, void* /*user*/) {
  auto* hmac = static_cast<Hmac*>(context);
  hmac->data.insert(hmac->data.end(), data, data + size);
  return 0;
}
int hmac_final(void* context, signal_buffer** out, void* /*user*/) {
  const auto* hmac = static_cast<const Hmac*>(context);
  const Digest32 digest = hmac_sha256(hmac->key, hmac->data);  // OpenSSL's, as ours is libsodium's
  *out = signal_buffer_create(digest.data(), digest.size());
  return 0;
}
void hmac_cleanup(void* context, void* /*user*/) { delete static_cast<Hmac*>(context); }

int fill_random(std::uint8_t* data, std::size_t size, void* user) {
  static_cast<testing::CountedRandom*>(user)->fill({data, size});
  return 0;
}

Ref<ec_public_key> theirs(const Key32& key, signal_context* context) {
  ec_public_key* out = nullptr;
  done(curve_decode_point_mont(&out, key.data(), key.size(), context), "public key");
  return Ref<ec_public_key>(out);
}
Ref<ec_private_key> theirs(ByteView secret, signal_context* context) {
  ec_private_key* out = nullptr;
  done(curve_decode_private_point(&out, secret.data(), secret.size(), context), "private key");
  return Ref<ec_private_key>(out);
}
Ref<ec_key_pair> pair_of(const AgreementKey& key, signal_context* context) {
  const auto shown = theirs(key.public_key(), context);
  const auto secret = theirs(key.secret(), context);
  ec_key_pair* out = nullptr;
  done(ec_key_pair_create(&out, shown.get(), secret.get()), "pair");
  return Ref<ec_key_pair>(out);
}
Buffer bytes_of(ratchet_root_key* key) {
  signal_buffer* out = nullptr;
  done(ratchet_root_key_get_key(key, &out), "root key");
  return Buffer(out);
}
Buffer bytes_of(const ratchet_chain_key* key) {
  signal_buffer* out = nullptr;
  done(ratchet_chain_key_get_key(key, &out), "chain key");
  return Buffer(out);
}
void same(ByteView ours, ByteView other, const char* what) {
  must(equal_secret(ours, other), what);
}

// ---- the two beside each other ----

class Walk {
 public:
  Walk(testing::CountedRandom& random, signal_context* context)
      : random_(random), context_(context) {
    hkdf_context* kdf = nullptr;
    done(hkdf_create(&kdf, kVersion, context_), "HKDF");
    kdf_.reset(kdf);
    root_ = Secret::random(32, random_);
    ratchet_root_key* root = nullptr;
    done(ratchet_root_key_create(&root, kdf_.get(), root_.view().data(), 32, context_), "root key");
    their_root_.reset(root);
    turn();
  }

  void turn() {
    const auto own = clamped(random_);
    const Key32 peer = clamped(random_).public_key();
    RootStep step = root_step(root_, own.agree(peer).value(), kTheirs);
    root_ = std::move(step.root);
    chain_ = std::move(step.chain);
    ratchet_root_key* root = nullptr;
    ratchet_chain_key* chain = nullptr;
    done(ratchet_root_key_create_chain(their_root_.get(), &root, &chain,
                                       theirs(peer, context_).get(),
                                       theirs(own.secret(), context_).get(), infos_),
         "turn");
    their_root_.reset(root);
    their_chain_.reset(chain);
    same(root_.view(), view(bytes_of(their_root_.get())), "root key after a turn");
    same(chain_.view(), view(bytes_of(their_chain_.get())), "chain key after a turn");
  }
  void next() {
    chain_ = next_chain(chain_);
    ratchet_chain_key* chain = nullptr;
    done(ratchet_chain_key_create_next(their_chain_.get(), &chain), "next chain key");
    their_chain_.reset(chain);
    same(chain_.view(), view(bytes_of(their_chain_.get())), "next chain key");
  }
  /// Theirs are 80 bytes cut otherwise; ours begin with the same.
  void message() {
    const MessageKeys ours(message_key(chain_), {}, kTheirs.message);
    Bytes all(ours.key().begin(), ours.key().end());
    all.insert(all.end(), ours.nonce().begin(), ours.nonce().end());
    all.insert(all.end(), ours.commitment().begin(), ours.commitment().end());
    ratchet_message_keys other{};
    done(ratchet_chain_key_get_message_keys(their_chain_.get(), &other, infos_), "message keys");
    Bytes others(other.cipher_key, other.cipher_key + RATCHET_CIPHER_KEY_LENGTH);
    others.insert(others.end(), other.mac_key, other.mac_key + RATCHET_MAC_KEY_LENGTH);
    others.insert(others.end(), other.iv, other.iv + RATCHET_IV_LENGTH);
    same(ByteView(all).first(others.size()), others, "message keys");
  }

 private:
  testing::CountedRandom& random_;
  signal_context* context_;
  const ratchet_kdf_infos* infos_ = ratchet_kdf_infos_for_session_version(kVersion);
  Ref<hkdf_context> kdf_;
  Secret root_;
  Secret chain_;
  Ref<ratchet_root_key> their_root_;
  Ref<ratchet_chain_key> their_chain_;
};

void handshake(bool one_time, testing::CountedRandom& random, signal_context* context) {
  const auto ours = clamped(random);
  const auto base = clamped(random);
  const auto peer = clamped(random);
  const auto signed_key = clamped(random);
  const auto once = clamped(random);

  const auto identity_public = theirs(ours.public_key(), context);
  const auto identity_secret = theirs(ours.secret(), context);
  ratchet_identity_key_pair* identity = nullptr;
  done(ratchet_identity_key_pair_create(&identity, identity_public.get(), identity_secret.get()),
       "identity");
  const Ref<ratchet_identity_key_pair> identity_ref(identity);
  const auto base_pair = pair_of(base, context);
  const auto peer_key = theirs(peer.public_key(), context);
  const auto signed_public = theirs(signed_key.public_key(), context);
  const auto once_public = theirs(once.public_key(), context);
  alice_signal_protocol_parameters* parameters = nullptr;
  done(alice_signal_protocol_parameters_create(
           &parameters, identity, base_pair.get(), peer_key.get(), signed_public.get(),
           one_time ? once_public.get() : nullptr, signed_public.get()),
       "parameters");
  const Ref<alice_signal_protocol_parameters> parameters_ref(parameters);
  session_state* state = nullptr;
  done(session_state_create(&state, context), "state");
  const Ref<session_state> state_ref(state);
  session_state_set_session_version(state, kVersion);
  done(ratcheting_session_alice_initialize(state, parameters, context), "handshake");

  // It has drawn a ratchet pair of its own.
  signal_buffer* drawn = nullptr;
  done(ec_private_key_serialize(
           &drawn, ec_key_pair_get_private(session_state_get_sender_ratchet_key_pair(state))),
       "ratchet pair");
  const Buffer drawn_ref(drawn);
  const auto ratchet = AgreementKey::of(view(drawn_ref)).value();
  std::vector<Secret> outputs;
  outputs.push_back(ours.agree(signed_key.public_key()).value());
  outputs.push_back(base.agree(peer.public_key()).value());
  outputs.push_back(base.agree(signed_key.public_key()).value());
  if (one_time) outputs.push_back(base.agree(once.public_key()).value());
  // It derives a root key and a chain key from one HKDF of 64 bytes; the first 32 are those of 32.
  const Secret secret = x3dh_secret(outputs, kTheirs);
  const RootStep step = root_step(secret, ratchet.agree(signed_key.public_key()).value(), kTheirs);
  same(step.root.view(), view(bytes_of(session_state_get_root_key(state))),
       "root key of the handshake");
  same(step.chain.view(), view(bytes_of(session_state_get_sender_chain_key(state))),
       "chain key of the handshake");
}

int run(int steps, std::uint64_t seed) {
  testing::CountedRandom random(seed);
  signal_context* context = nullptr;
  done(signal_context_create(&context, &random), "context");
  signal_crypto_provider provider{};
  provider.random_func = fill_random;
  provider.hmac_sha256_init_func = hmac_init;
  provider.hmac_sha256_update_func = hmac_update;
  provider.hmac_sha256_final_func = hmac_final;
  provider.hmac_sha256_cleanup_func = hmac_cleanup;
  provider.user_data = &random;
  done(signal_context_set_crypto_provider(context, &provider), "provider");
  for (int i = 0; i < 100; ++i) handshake(i % 2 == 0, random, context);
  {
    Walk walk(random, context);
    for (int i = 0; i < steps; ++i) {
      const std::uint64_t what = random.below(100);
      if (what < 2) {
        walk.turn();
      } else if (what < 50) {
        walk.next();
      } else {
        walk.message();
      }
    }
  }
  signal_context_destroy(context);
  std::printf("%d steps and 100 handshakes: the same keys\n", steps);
  return 0;
}

}  // namespace
}  // namespace dim::native

int main(int argc, char** argv) {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 100'000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  return dim::native::run(steps, seed);
}
