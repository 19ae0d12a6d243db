#include "dim/crypto/pem.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::string_view kSpace = " \t\r\n";
constexpr std::size_t kMostText = 16 * 1024;
constexpr std::size_t kLine = 64;

struct Block {
  std::string_view label;
  std::string_view body;
};

void skip_space(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
}

/// Takes `word` from the front of `text`.
bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

/// Takes everything up to `mark` from the front of `text`.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view mark) {
  const std::size_t end = text.find(mark);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(end);
  return out;
}

std::optional<Block> take_block(std::string_view& text) {
  if (!take(text, kBegin)) return std::nullopt;
  const auto label = take_until(text, kDashes);
  if (!label || !take(text, kDashes)) return std::nullopt;
  const auto body = take_until(text, kDashes);
  if (!body || !take(text, kEnd) || !take(text, *label) || !take(text, kDashes))
    return std::nullopt;
  return Block{*label, *body};
}

Result<Secret> decoded(std::string_view body) {
  std::string packed;
  packed.reserve(body.size());
  std::ranges::copy_if(body, std::back_inserter(packed),
                       [](char c) { return !kSpace.contains(c); });
  auto der = from_base64(packed);
  wipe(packed);
  if (!der || der->empty()) return fail(Errc::key, "the body of this PEM block is not base64");
  Secret out = Secret::copy_of(*der);
  wipe(*der);
  return out;
}

}  // namespace

Result<PemBody> pem_body(std::string_view text, std::initializer_list<std::string_view> labels) {
  const auto bad = fail(Errc::key, "this is not a PEM block of the kind that is needed here");
  if (text.size() > kMostText) return bad;
  std::optional<PemBody> out;
  for (skip_space(text); !text.empty(); skip_space(text)) {
    const auto block = take_block(text);
    if (!block) return bad;
    const auto* const label = std::ranges::find(labels, block->label);
    if (label == labels.end()) continue;
    if (out)
      return fail(Errc::key, "two keys of the same kind stand in this PEM text; one is needed");
    auto der = decoded(block->body);
    if (!der) return std::unexpected(der.error());
    out = PemBody{*label, std::move(*der)};
  }
  if (!out) return bad;
  return std::move(*out);
}

Secret make_pem(std::string_view label, ByteView der) {
  std::string body = to_base64(der);
  const std::size_t lines = (body.size() + kLine - 1) / kLine;
  const std::size_t fences = kBegin.size() + kEnd.size() + 2 * (label.size() + kDashes.size() + 1);
  Secret out(fences + body.size() + lines);
  auto to = out.writable().begin();
  const auto put = [&](std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) to = std::ranges::copy(as_bytes(part), to).out;
  };
  put({kBegin, label, kDashes, "\n"});
  for (std::size_t at = 0; at < body.size(); at += kLine)
    put({std::string_view(body).substr(at, kLine), "\n"});
  put({kEnd, label, kDashes, "\n"});
  wipe(body);
  return out;
}

}  // namespace dim
