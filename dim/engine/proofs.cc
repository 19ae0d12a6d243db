#include "dim/engine/proofs.h"

#include <algorithm>
#include <array>

#include "dim/engine/words.h"

namespace dim {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kConnectContext = "dim/2023 auth 1\0"sv;
constexpr std::string_view kPortContext = "dim/2023 port"sv;
constexpr std::string_view kNameContext = "dim/2023 name 1\0"sv;
constexpr std::string_view kSafetyContext = "dim/2023 safety 1\0"sv;
constexpr int kIterations = 5'200;
constexpr std::size_t kGroups = 6;
constexpr std::size_t kGroupBytes = 5;
constexpr std::uint64_t kGroupRange = 100'000;
constexpr std::size_t kWordCount = 12;

void append(Bytes& out, std::string_view text) {
  const ByteView bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_port(Bytes& out, std::uint16_t port) {
  out.push_back(static_cast<std::uint8_t>(port >> 8));
  out.push_back(static_cast<std::uint8_t>(port & 0xFF));
}

// One side's half: what an attacker would have to collide with a key of their own.
Digest64 fingerprint(const Id& id, const Meta& meta) {
  const Digest32 digest = meta.digest();
  Bytes input;
  append(input, kSafetyContext);
  append_field(input, digest);
  append_field(input, as_bytes(id.bare().text()));
  Digest64 hash = sha512(input);
  Bytes round(hash.size() + digest.size());
  for (int i = 1; i < kIterations; ++i) {
    std::copy(hash.begin(), hash.end(), round.begin());
    std::copy(digest.begin(), digest.end(),
              round.begin() + static_cast<std::ptrdiff_t>(hash.size()));
    hash = sha512(round);
  }
  return hash;
}

std::string digits(const Digest64& hash) {
  std::string out;
  for (std::size_t group = 0; group < kGroups; ++group) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < kGroupBytes; ++i)
      value = value << 8 | hash[group * kGroupBytes + i];
    const std::string number = std::to_string(value % kGroupRange);
    if (!out.empty()) out += ' ';
    out.append(5 - number.size(), '0').append(number);
  }
  return out;
}

}  // namespace

Bytes connect_signing_input(const ConnectInput& input) {
  Bytes out;
  append(out, kConnectContext);
  append_field(out, as_bytes(input.station ? "station" : "client"));
  append_field(out, as_bytes(input.station_id));
  append_field(out, as_bytes(input.author_id));
  append_port(out, input.port);
  append_field(out, input.channel_binding);
  append_field(out, input.challenge);
  append_field(out, input.nonce);
  append_field(out, as_bytes(input.offered));
  append_field(out, as_bytes(input.chosen));
  return out;
}

Digest32 port_proof(ByteView token, std::uint16_t port, ByteView channel_binding) {
  Bytes input;
  append(input, kPortContext);
  append_port(input, port);
  input.insert(input.end(), channel_binding.begin(), channel_binding.end());
  return hmac_sha256(token, input);
}

Bytes name_signing_input(std::string_view name, std::string_view owner, std::string_view time) {
  Bytes out;
  append(out, kNameContext);
  append_field(out, as_bytes(name));
  append_field(out, as_bytes(owner));
  append_field(out, as_bytes(time));
  return out;
}

std::string safety_number(const Id& a, const Meta& meta_a, const Id& b, const Meta& meta_b) {
  std::string first = digits(fingerprint(a, meta_a));
  std::string second = digits(fingerprint(b, meta_b));
  if (second < first) std::swap(first, second);
  return first + ' ' + second;
}

std::string safety_words(const Id& a, const Meta& meta_a, const Id& b, const Meta& meta_b) {
  Digest64 first = fingerprint(a, meta_a);
  Digest64 second = fingerprint(b, meta_b);
  if (second < first) std::swap(first, second);
  Bytes both(first.begin(), first.end());
  both.insert(both.end(), second.begin(), second.end());
  const Digest64 hash = sha512(both);
  std::string out;
  for (std::size_t i = 0; i < kWordCount; ++i) {
    if (i > 0) out += ' ';
    out += kWords[hash[i]];
  }
  return out;
}

}  // namespace dim
