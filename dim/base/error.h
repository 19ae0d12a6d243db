// The one error type of the library: what kind, what would have been right, and where. Never
// payload.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace dim {

/// Kinds of failure. The first group answers a packet (each has a DIM/2023 code); the second is the
/// library's own and prints as `E_*`. The table in error.cc gives name and code of each.
enum class Errc : std::uint8_t {
  security_error,        // 300
  better_encryption,     // 303
  bad_request,           // 401
  unauthorised,          // 402
  forbidden,             // 403
  not_found,             // 404
  method_not_allowed,    // 405
  conflict,              // 407
  gone,                  // 410
  too_large,             // 411
  uri_too_long,          // 412
  too_early,             // 413
  too_many_requests,     // 416
  wrong_instance,        // 417
  token_required,        // 418
  token_invalid,         // 419
  internal,              // 500
  not_implemented,       // 501
  unavailable,           // 503
  edition,               // 505
  insufficient_storage,  // 506
  loop,                  // 507
  overloaded,            // 510
  request_timeout,       // 511
  json,                  // E_JSON, 401
  encoding,              // E_ENCODING (UTF-8, base64, base58, hex), 401
  id,                    // E_ID, 401
  key,                   // E_KEY, 402
  signature,             // E_SIGNATURE, 402
  meta,                  // E_META, 402
  document,              // E_DOCUMENT, 402
  decrypt,               // E_DECRYPT, 402; one kind for every cause (A22)
  content,               // E_CONTENT, 401
  rebound,               // E_REBOUND, 402 (A08)
  plain_not_allowed,     // E_PLAIN_NOT_ALLOWED, 401 (A09)
  replay,                // E_REPLAY, 407 (A12)
  station_changed,       // E_STATION_CHANGED (S18)
  downgrade,             // E_DOWNGRADE (S19)
  native,                // E_N1, 402; a frame, prekey or session of the native suite (J32)
  unreachable,           // E_UNREACHABLE
  io,                    // E_IO
  config,                // E_CONFIG
  usage,                 // E_USAGE
};

/// Text that can only be a literal, so that no input, key or secret can ever ride in an error.
struct Literal {
  template <std::size_t N>
  consteval Literal(const char (&text)[N])
      : view(text, N - 1) {}  // NOLINT(google-explicit-constructor)
  std::string_view view;
};

struct Error {
  Errc code;
  std::string_view hint;  ///< static text: what was wrong and what would be right
  std::uint32_t at = 0;   ///< byte offset, line or index in the input; 0 where it has no meaning

  friend bool operator==(const Error& a, const Error& b) { return a.code == b.code; }
};

template <class T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

/// `return fail(Errc::json, "a key stands twice; keep one", offset);`
inline std::unexpected<Error> fail(Errc code, Literal hint, std::size_t at = 0) {
  return std::unexpected(Error{code, hint.view, static_cast<std::uint32_t>(at)});
}

/// Stable name for logs and scripts: "BAD_REQUEST", "E_JSON", …
std::string_view name_of(Errc code);
/// The DIM/2023 response code that answers a packet which failed this way
/// (docs/protocol/responses.md).
int status_of(Errc code);
/// "E_JSON: a key stands twice; keep one (at 17)": for people, one line.
std::string to_string(const Error& error);

}  // namespace dim
