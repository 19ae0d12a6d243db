#include "dim/packet/range.h"

#include <charconv>
#include <optional>

namespace dim {
namespace {

constexpr std::size_t kDigits = 18;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.size() > kDigits || text.front() == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<ByteRange> ByteRange::parse(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? std::nullopt : number(text.substr(dash + 1));
  if (!first || !last || *last < *first) {
    return fail(Errc::bad_request,
                "range is one range of bytes, first-last, as 0-65535: last is not before first");
  }
  return ByteRange{*first, *last};
}

std::string ByteRange::text() const { return std::to_string(first) + "-" + std::to_string(last); }

Result<std::vector<ByteRange>> parse_ranges(const std::vector<std::string>& items) {
  std::vector<ByteRange> out;
  out.reserve(items.size());
  for (const std::string& item : items) {
    auto range = ByteRange::parse(item);
    if (!range) return std::unexpected(range.error());
    if (!out.empty() && range->first <= out.back().last + 1)
      return fail(Errc::bad_request, "ranges of a list stand in order and apart");
    out.push_back(*range);
  }
  return out;
}

std::string ranges_text(const std::vector<ByteRange>& ranges) {
  std::string out = "[";
  for (const ByteRange& range : ranges) {
    if (out.size() > 1) out += ", ";
    out += range.text();
  }
  return out + "]";
}

}  // namespace dim
