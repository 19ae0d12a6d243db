// PEM (RFC 7468) around the DER of keys.
#pragma once
#include <initializer_list>
#include <string_view>

#include "dim/base/error.h"
#include "dim/crypto/secret.h"

namespace dim {

struct PemBody {
  std::string_view label;  ///< the one of those asked for
  Secret der;              ///< a Secret, since it may be a private key
};

/// The only block that has one of the labels, in at most 16 KiB of text. Other blocks may stand
/// before and behind it (the reference keeps a private key together with its public one), beside
/// them nothing but white space. Within a block white space may be anything or missing. Errc::key
/// otherwise.
Result<PemBody> pem_body(std::string_view text, std::initializer_list<std::string_view> labels);
/// Lines of 64 characters, LF, a final LF.
Secret make_pem(std::string_view label, ByteView der);

}  // namespace dim
