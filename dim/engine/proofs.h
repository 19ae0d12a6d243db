// Signing inputs of CONNECT and names, and what two people compare.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "dim/base/bytes.h"
#include "dim/crypto/digest.h"
#include "dim/identity/id.h"
#include "dim/identity/meta.h"

namespace dim {

/// The signing input and proofs of CONNECT (docs/protocol/connect.md).
struct ConnectInput {
  bool station = false;  ///< role of the signer
  std::string station_id{}, author_id{};
  std::uint16_t port = 8800;
  Bytes channel_binding{}, challenge{}, nonce{};
  std::string offered{}, chosen{};
};
Bytes connect_signing_input(const ConnectInput& input);
Digest32 port_proof(ByteView token, std::uint16_t port, ByteView channel_binding);
/// Signed by stations over a name record (A26).
Bytes name_signing_input(std::string_view name, std::string_view owner, std::string_view time);

/// 60 digits in 12 groups of 5, the same on both sides: SHA-512 iterated 5,200 times over both IDs
/// and meta digests (3.8). It covers the metas, so a new visa does not change it.
std::string safety_number(const Id& a, const Meta& meta_a, const Id& b, const Meta& meta_b);
/// The same fingerprints as 12 words of a list of 256, for reading out: 96 bits.
std::string safety_words(const Id& a, const Meta& meta_a, const Id& b, const Meta& meta_b);

}  // namespace dim
