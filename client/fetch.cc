#include "client/fetch.h"

#include <curl/curl.h>

#include <memory>
#include <string_view>

#include "client/public_address.h"
#include "dim/protocol/content_media.h"

namespace dim {
namespace {

constexpr int kRedirects = 3;
constexpr long kConnectMs = 15'000;
constexpr long kSlowBytes = 100, kSlowSeconds = 60;  // slower than that for so long is given up

struct Transfer {
  const FetchRules& rules;
  Bytes body{};
  bool too_large = false;
  bool refused = false;  // the address
};

std::size_t write_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  if (bytes > transfer.rules.most - transfer.body.size()) {
    transfer.too_large = true;
    return 0;
  }
  transfer.body.insert(transfer.body.end(), data, data + bytes);
  return bytes;
}

// After resolving and for the address itself, so that no second answer of a resolver gets around
// it.
curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  const auto& may_reach = transfer.rules.may_reach;
  if (!(may_reach ? may_reach(address->addr) : is_public_address(address->addr))) {
    transfer.refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::string_view host_of(std::string_view url) {
  url.remove_prefix(std::string_view("https://").size());
  return url.substr(0, url.find_first_of("/?#"));
}

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

void prepare(CURL* easy, Transfer& transfer, curl_slist* resolve) {
  const FetchRules& rules = transfer.rules;
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(rules.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, kSlowBytes);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &write_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  if (!rules.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, rules.ca_file.c_str());
  if (resolve != nullptr) curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve);
}

/// The file, or the next URL.
Result<std::string> step(CURL* easy, const std::string& url, Transfer& transfer) {
  transfer.body.clear();
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  const CURLcode done = curl_easy_perform(easy);
  if (transfer.too_large)
    return fail(Errc::too_large, "the file is larger than what is fetched (256 MiB)");
  if (transfer.refused) {
    return fail(Errc::forbidden,
                "the URL leads to an address that is no public one; nothing was asked there");
  }
  if (done == CURLE_PEER_FAILED_VERIFICATION)
    return fail(Errc::unreachable, "the server of the file has no valid certificate");
  if (done != CURLE_OK)
    return fail(Errc::unreachable, "the server of the file cannot be reached, or fell silent");
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200) return std::string();
  if (status == 404 || status == 410)
    return fail(Errc::not_found, "the file is no longer where the sender has put it");
  const char* next = nullptr;
  curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &next);
  if (status / 100 != 3 || next == nullptr)
    return fail(Errc::unreachable, "the server does not give the file out");
  return std::string(next);
}

}  // namespace

Result<Bytes> fetch_file(const std::string& url, const FetchRules& rules) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (auto right = check_file_url(url); !right) return std::unexpected(right.error());
  const Easy easy(started == CURLE_OK ? curl_easy_init() : nullptr, &curl_easy_cleanup);
  if (!easy) return fail(Errc::internal, "libcurl does not start");
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> resolve(
      rules.resolve.empty() ? nullptr : curl_slist_append(nullptr, rules.resolve.c_str()),
      &curl_slist_free_all);
  Transfer transfer{.rules = rules};
  prepare(easy.get(), transfer, resolve.get());
  std::string at = url;
  for (int i = 0; i <= kRedirects; ++i) {
    auto next = step(easy.get(), at, transfer);
    if (!next) return std::unexpected(next.error());
    if (next->empty()) return std::move(transfer.body);
    if (auto right = check_file_url(*next); !right || host_of(*next) != host_of(url))
      return fail(Errc::bad_request, "the server sends on to another host, which is not followed");
    at = std::move(*next);
  }
  return fail(Errc::bad_request, "the server sends on more than three times");
}

}  // namespace dim
