#include "client/history_words.h"

#include <algorithm>

namespace dim {
namespace {

constexpr std::size_t kNumberBytes = 4, kPlaceBytes = 8;

void append_number(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint64_t number_at(std::string_view from, std::size_t at, std::size_t bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    out |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[at + i])) << (8 * i);
  return out;
}

std::string key_of(std::int64_t first) { return std::to_string(first); }

std::string written(const HistoryWords::Part& part) {
  std::string out;
  out.reserve(2 * kPlaceBytes + part.numbers.size() * kNumberBytes);
  append_number(out, static_cast<std::uint64_t>(part.first), kPlaceBytes);
  append_number(out, static_cast<std::uint64_t>(part.last), kPlaceBytes);
  for (const std::uint32_t one : part.numbers) append_number(out, one, kNumberBytes);
  return out;
}

Result<HistoryWords::Part> read(std::string_view body) {
  if (body.size() < 2 * kPlaceBytes || (body.size() - 2 * kPlaceBytes) % kNumberBytes != 0)
    return fail(Errc::io, "words of this home's history are of another version; use that one");
  HistoryWords::Part out{
      .first = static_cast<std::int64_t>(number_at(body, 0, kPlaceBytes)),
      .last = static_cast<std::int64_t>(number_at(body, kPlaceBytes, kPlaceBytes))};
  out.numbers.reserve((body.size() - 2 * kPlaceBytes) / kNumberBytes);
  for (std::size_t at = 2 * kPlaceBytes; at < body.size(); at += kNumberBytes)
    out.numbers.push_back(static_cast<std::uint32_t>(number_at(body, at, kNumberBytes)));
  return out;
}

}  // namespace

bool HistoryWords::Part::may_hold(const std::vector<std::uint32_t>& wanted) const {
  return std::ranges::all_of(
      wanted, [&](std::uint32_t one) { return std::ranges::binary_search(numbers, one); });
}

Result<std::vector<HistoryWords::Part>> HistoryWords::kept() {
  const auto rows = vault_.list(bucket());
  if (!rows) return std::unexpected(rows.error());
  std::vector<Part> out;
  for (const Vault::Row& row : *rows) {
    auto part = read(row.body);
    if (!part) return std::unexpected(part.error());
    out.push_back(std::move(*part));
  }
  std::ranges::sort(out, {}, &Part::first);
  return out;
}

Result<HistoryWords::Part> HistoryWords::make(const std::vector<Vault::Row>& rows,
                                              WordSearch& words,
                                              Result<std::string> (*text_of)(const std::string&)) {
  Part out{.first = rows.front().place, .last = rows.back().place};
  for (const Vault::Row& row : rows) {
    const auto text = text_of(row.body);
    if (!text) return std::unexpected(text.error());
    words.add_numbers(*text, out.numbers);
  }
  std::ranges::sort(out.numbers);
  const auto twice = std::ranges::unique(out.numbers);
  out.numbers.erase(twice.begin(), twice.end());
  if (auto put = vault_.put(bucket(), key_of(out.first), written(out)); !put)
    return std::unexpected(put.error());
  return out;
}

Result<std::vector<HistoryWords::Part>> HistoryWords::parts(
    WordSearch& words, Result<std::string> (*text_of)(const std::string&)) {
  auto there = kept();
  if (!there) return there;
  std::vector<Part> out;
  std::int64_t upto = 0;
  // What lies before each part, and behind the last one.
  const auto fill = [&](std::int64_t end) -> Status {
    for (;;) {
      auto rows = vault_.list(conversation_, upto, kPart);
      if (!rows) return std::unexpected(rows.error());
      const bool is_whole = rows->size() == kPart;
      std::erase_if(*rows, [&](const Vault::Row& row) { return row.place >= end; });
      if (rows->empty() || (end == INT64_MAX && !is_whole)) return {};
      auto part = make(*rows, words, text_of);
      if (!part) return std::unexpected(part.error());
      upto = part->last;
      out.push_back(std::move(*part));
    }
  };
  for (Part& part : *there) {
    if (auto filled = fill(part.first); !filled) return std::unexpected(filled.error());
    upto = part.last;
    out.push_back(std::move(part));
  }
  if (auto filled = fill(INT64_MAX); !filled) return std::unexpected(filled.error());
  return out;
}

Status HistoryWords::forget(std::int64_t place) {
  const auto there = kept();
  if (!there) return std::unexpected(there.error());
  for (const Part& part : *there) {
    if (part.first > place || place > part.last) continue;
    if (auto erased = vault_.erase(bucket(), key_of(part.first)); !erased) return erased;
  }
  return {};
}

}  // namespace dim
