// PEM (RFC 7468) and just enough DER to tell one whole structure from a damaged one.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

#include "dim/base/error.h"
#include "dim/crypto/secret.h"

namespace dim {

struct PemBody {
  std::string_view label;  ///< one of those asked for; empty when the text was bare base64
  Secret der;
};

/// One PEM block with one of the labels, or bare base64 of its body. White space inside the body may be anything or
/// missing; nothing else may stand before or behind the block. Errc::key otherwise.
Result<PemBody> pem_body(std::string_view text, std::initializer_list<std::string_view> labels);
/// Lines of 64, LF, a final LF.
Secret make_pem(std::string_view label, ByteView der);
/// True when `der` is exactly one SEQUENCE with a minimal definite length.
bool der_is_one_sequence(ByteView der);

}  // namespace dim
