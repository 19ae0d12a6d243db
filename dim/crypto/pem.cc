#include "dim/crypto/pem.h"

#include <algorithm>

#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::size_t kMostText = 16 * 1024;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<PemBody> pem_body(std::string_view text, std::initializer_list<std::string_view> labels) {
  const auto bad = fail(Errc::key, "this is not a PEM block of the kind that is needed here");
  if (text.size() > kMostText) return bad;
  std::string_view body = trimmed(text);
  std::string_view label;
  if (body.starts_with(kBegin)) {
    body.remove_prefix(kBegin.size());
    const auto found = std::ranges::find_if(
        labels, [&](std::string_view name) { return body.starts_with(name) && body.substr(name.size()).starts_with(kDashes); });
    if (found == labels.end()) return bad;
    label = *found;
    body.remove_prefix(label.size() + kDashes.size());
    const std::size_t end = body.find(kEnd);
    if (end == std::string_view::npos) return bad;
    std::string_view tail = body.substr(end + kEnd.size());
    if (!tail.starts_with(label) || trimmed(tail.substr(label.size())) != kDashes) return bad;
    body = body.substr(0, end);
  }
  std::string packed;
  packed.reserve(body.size());
  std::ranges::copy_if(body, std::back_inserter(packed), [](char c) { return !is_space(c); });
  auto der = from_base64(packed);
  wipe(packed);
  if (!der || der->empty()) return bad;
  PemBody out{label, Secret::copy_of(*der)};
  wipe(*der);
  return out;
}

Secret make_pem(std::string_view label, ByteView der) {
  constexpr std::size_t kLine = 64;
  std::string body = to_base64(der);
  const std::size_t lines = (body.size() + kLine - 1) / kLine;
  Secret out(kBegin.size() + kEnd.size() + 2 * (label.size() + kDashes.size()) + 2 + body.size() + lines);
  auto to = out.writable().begin();
  const auto put = [&](std::string_view text) { to = std::ranges::copy(as_bytes(text), to).out; };
  put(kBegin), put(label), put(kDashes), put("\n");
  for (std::size_t at = 0; at < body.size(); at += kLine) put(std::string_view(body).substr(at, kLine)), put("\n");
  put(kEnd), put(label), put(kDashes), put("\n");
  wipe(body);
  return out;
}

bool der_is_one_sequence(ByteView der) {
  if (der.size() < 2 || der[0] != 0x30) return false;
  if (der[1] < 0x80) return der.size() == 2U + der[1];
  const std::size_t count = der[1] & 0x7F;
  if (count == 0 || count > 3 || der.size() < 2 + count || der[2] == 0) return false;
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) size = size << 8 | der[2 + i];
  return size >= 0x80 && der.size() == 2 + count + size;
}

}  // namespace dim
