// What the tests and the fuzzer of dim/native share: devices with prekeys, from a seed.
#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "dim/crypto/digest.h"
#include "dim/native/peer_sessions.h"
#include "dim/native/prekeys.h"

namespace dim::native::testing {

inline constexpr Millis kNow = 1'790'000'000'000;

/// The same bytes for the same seed: SHA-256 of seed and count.
class CountedRandom final : public Random {
 public:
  explicit CountedRandom(std::uint64_t seed) : seed_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) {
      if (at_ == block_.size()) {
        Bytes input;
        for (int i = 0; i < 8; ++i) {
          input.push_back(static_cast<std::uint8_t>(seed_ >> (8 * i)));
          input.push_back(static_cast<std::uint8_t>(count_ >> (8 * i)));
        }
        ++count_;
        block_ = sha256(input);
        at_ = 0;
      }
      byte = block_[at_++];
    }
  }
  std::uint64_t below(std::uint64_t end) { return u64() % end; }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
  Digest32 block_{};
  std::size_t at_ = block_.size();
};

/// A device with its prekeys, and what a station would give out of it.
struct Device {
  DeviceKeys keys;
  Party party;
  std::map<std::pair<PrekeyKind, std::uint32_t>, PrekeySecret> secrets{};
  std::uint32_t next_id = 1;

  static Device make(const std::string& name, const std::string& terminal, Random& random) {
    DeviceKeys keys = DeviceKeys::generate(random);
    const auto address = random.array<64>();
    const Digest32 meta = random.array<32>();
    const Id id = Id(name, Address::eth(address));
    Party party{.device = terminal.empty() ? id : id.with_terminal(terminal),
                .meta = meta,
                .keys = keys.public_half(),
                .rev = 1};
    Device out{std::move(keys), std::move(party)};
    out.add(PrekeyKind::signed_prekey, random);
    out.add(PrekeyKind::last_resort, random);
    return out;
  }

  PrekeySecret& add(PrekeyKind kind, Random& random) {
    const std::uint32_t id = next_id++;
    return secrets.insert_or_assign({kind, id}, PrekeySecret::generate(kind, id, kNow, random))
        .first->second;
  }
  /// With the newest signed prekey, and a new one-time key or the last-resort key.
  PrekeyBundle bundle(bool one_time, Random& random) {
    PrekeyBundle out{.terminal = party.device.terminal()};
    for (const auto& [name, secret] : secrets) {
      if (name.first == PrekeyKind::signed_prekey)
        out.signed_prekey = secret.sign(keys, party.device);
      if (name.first == PrekeyKind::last_resort && !one_time)
        out.last_resort = secret.sign(keys, party.device);
    }
    if (one_time)
      out.one_time = add(PrekeyKind::one_time, random).sign_one_time(keys, party.device);
    return out;
  }
  const PrekeySecret* find(PrekeyKind kind, std::uint32_t id) const {
    const auto found = secrets.find({kind, id});
    return found == secrets.end() ? nullptr : &found->second;
  }
  /// As a client does it: by the prekeys that the frame names, and a one-time key is then gone.
  Result<Opened> accept(const Device& from, ByteView frame, ByteView ad, Millis now = kNow) {
    const auto first = first_part(frame);
    if (!first) return std::unexpected(first.error());
    if (!*first) return fail(Errc::native, "no first part");
    const PrekeySecret* current = find(PrekeyKind::signed_prekey, (*first)->signed_id);
    const PrekeySecret* second =
        (*first)->second_kind ? find(*(*first)->second_kind, (*first)->second_id) : nullptr;
    if (current == nullptr || ((*first)->second_kind && second == nullptr))
      return fail(Errc::native, "no such prekey");
    auto out = native::accept(keys, party, from.party, *current, second, frame, ad, now);
    if (out && second != nullptr && second->kind == PrekeyKind::one_time)
      secrets.erase({second->kind, second->id});
    return out;
  }
};

/// Two devices with a session in which each has had a frame of the other.
struct Pair {
  CountedRandom random;
  Device a;
  Device b;
  Session at_a;
  Session at_b;

  static Pair make(std::uint64_t seed, bool one_time = true) {
    CountedRandom random(seed);
    Device a = Device::make("alice", "phone", random);
    Device b = Device::make("bob", "", random);
    Session at_a = initiate(a.keys, a.party, b.party, b.bundle(one_time, random), random).value();
    const Bytes first = seal(at_a, as_bytes("first"), {}, random).value();
    Session at_b = std::move(b.accept(a, first, {}).value().next);
    const Bytes answer = seal(at_b, as_bytes("answer"), {}, random).value();
    at_a = std::move(open(at_a, answer, {}, kNow).value().next);
    return {random, std::move(a), std::move(b), std::move(at_a), std::move(at_b)};
  }
};

inline Bytes kept(const Session& session) {
  const Secret bytes = session.write();
  return {bytes.view().begin(), bytes.view().end()};
}
inline Bytes kept(const PeerSessions& sessions) {
  const Secret bytes = sessions.write();
  return {bytes.view().begin(), bytes.view().end()};
}

}  // namespace dim::native::testing
