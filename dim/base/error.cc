#include "dim/base/error.h"

#include <array>

namespace dim {
namespace {

struct Row {
  Errc code;
  std::string_view name;
  int status;
};

constexpr std::array kRows = std::to_array<Row>({
    {Errc::security_error, "SECURITY_ERROR", 300},
    {Errc::better_encryption, "BETTER_ENCRYPTION_REQUIRED", 303},
    {Errc::bad_request, "BAD_REQUEST", 401},
    {Errc::unauthorised, "UNAUTHORISED", 402},
    {Errc::forbidden, "FORBIDDEN", 403},
    {Errc::not_found, "NOT_FOUND", 404},
    {Errc::method_not_allowed, "METHOD_NOT_ALLOWED", 405},
    {Errc::conflict, "CONFLICT", 407},
    {Errc::gone, "GONE", 410},
    {Errc::too_large, "PAYLOAD_TOO_LARGE", 411},
    {Errc::uri_too_long, "URI_TOO_LONG", 412},
    {Errc::too_early, "TOO_EARLY", 413},
    {Errc::too_many_requests, "TOO_MANY_REQUESTS", 416},
    {Errc::wrong_instance, "WRONG_INSTANCE", 417},
    {Errc::token_required, "TOKEN_REQUIRED", 418},
    {Errc::token_invalid, "TOKEN_INVALID", 419},
    {Errc::internal, "INTERNAL_SERVER_ERROR", 500},
    {Errc::not_implemented, "NOT_IMPLEMENTED", 501},
    {Errc::unavailable, "SERVICE_UNAVAILABLE", 503},
    {Errc::edition, "DIM_EDITION_NOT_SUPPORTED", 505},
    {Errc::insufficient_storage, "INSUFFICIENT_STORAGE", 506},
    {Errc::loop, "LOOP_DETECTED", 507},
    {Errc::overloaded, "SITE_OVERLOADED", 510},
    {Errc::request_timeout, "REQUEST_TIMEOUT", 511},
    {Errc::json, "E_JSON", 401},
    {Errc::encoding, "E_ENCODING", 401},
    {Errc::id, "E_ID", 401},
    {Errc::key, "E_KEY", 402},
    {Errc::signature, "E_SIGNATURE", 402},
    {Errc::meta, "E_META", 402},
    {Errc::document, "E_DOCUMENT", 402},
    {Errc::decrypt, "E_DECRYPT", 402},
    {Errc::content, "E_CONTENT", 401},
    {Errc::rebound, "E_REBOUND", 402},
    {Errc::plain_not_allowed, "E_PLAIN_NOT_ALLOWED", 401},
    {Errc::replay, "E_REPLAY", 407},
    {Errc::station_changed, "E_STATION_CHANGED", 300},
    {Errc::downgrade, "E_DOWNGRADE", 300},
    {Errc::native, "E_N1", 402},
    {Errc::unreachable, "E_UNREACHABLE", 503},
    {Errc::io, "E_IO", 500},
    {Errc::config, "E_CONFIG", 500},
    {Errc::usage, "E_USAGE", 401},
});

constexpr const Row& row(Errc code) { return kRows[static_cast<std::size_t>(code)]; }

static_assert(
    [] {
      for (std::size_t i = 0; i < kRows.size(); ++i) {
        if (static_cast<std::size_t>(kRows[i].code) != i) return false;
      }
      return kRows.size() == static_cast<std::size_t>(Errc::usage) + 1;
    }(),
    "one row for each Errc, in order");

}  // namespace

std::string_view name_of(Errc code) { return row(code).name; }
int status_of(Errc code) { return row(code).status; }

std::string to_string(const Error& error) {
  std::string out(name_of(error.code));
  out.append(": ").append(error.hint);
  if (error.at != 0) out.append(" (at ").append(std::to_string(error.at)).append(")");
  return out;
}

}  // namespace dim
