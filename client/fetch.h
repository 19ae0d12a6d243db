// Files behind URLs that others have sent (A40): only when a person asks for one.
#pragma once
#include <sys/socket.h>

#include <functional>
#include <string>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/base/limits.h"
#include "dim/base/time.h"

namespace dim {

struct FetchRules {
  std::size_t most = 256 * limits::kMiB;  ///< bytes
  Millis timeout_ms = 600'000;
  /// Asked about the very address that is about to be connected to. Empty: is_public_address.
  std::function<bool(const sockaddr&)> may_reach{};
  std::string ca_file{};  ///< PEM; empty: what the system trusts
  std::string resolve{};  ///< "host:port:address": an answer instead of the resolver's
};

/// GET over HTTPS (check_file_url), TLS 1.2 or newer with a certificate for that host; through no
/// proxy, with no cookies, referrer, user agent or other credentials. Redirects: three, to the
/// same host. Errc::bad_request for a URL or redirect that is not followed, Errc::forbidden for an
/// address that is not to be reached, Errc::too_large, Errc::not_found (404, 410),
/// Errc::unreachable for everything else.
Result<Bytes> fetch_file(const std::string& url, const FetchRules& rules = {});

}  // namespace dim
