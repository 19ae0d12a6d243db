#include "client/chain.h"

#include <algorithm>
#include <utility>

#include "client/fields.h"

namespace dim {
namespace {

constexpr std::size_t kHoles = 32;

}  // namespace

ReadChain ReadChain::of_group(std::int64_t seq) {
  ReadChain out;
  out.seq_ = out.unknown_to_ = std::max<std::int64_t>(seq, 0);
  out.hash_.reset();
  out.counts_only_ = true;
  return out;
}

ReadChain ReadChain::of_old_home(std::int64_t seq, std::string hash) {
  ReadChain out;
  out.seq_ = out.unknown_to_ = std::max<std::int64_t>(seq, 0);
  if (hash.empty() && seq > 0) {
    out.hash_.reset();
  } else {
    out.hash_ = std::move(hash);
  }
  return out;
}

ReadChain::Step ReadChain::take(const Chain& chain, const std::string& hash, std::string& filled) {
  if (chain.seq > seq_) {
    const bool next = chain.seq - 1 == seq_;
    const bool forks = !counts_only_ && next && hash_ && *hash_ != chain.prev;
    if (!next) {
      holes_.push_back(
          {.first = seq_ + 1, .last = chain.seq - 1, .before = hash_, .after = chain.prev});
      if (holes_.size() > kHoles) {
        unknown_to_ = std::max(unknown_to_, holes_.front().last);
        holes_.erase(holes_.begin());
      }
    }
    seq_ = chain.seq;
    hash_ = hash;
    if (forks) forked_ = true;
    return forks ? Step::forked : next ? Step::follows : Step::gap;
  }
  if (chain.seq <= unknown_to_) return Step::unknown;
  const auto hole = std::ranges::find_if(holes_, [&](const ChainHole& one) {
    return one.first <= chain.seq && chain.seq <= one.last;
  });
  if (counts_only_ && hole == holes_.end()) return Step::unknown;
  const bool fits =
      counts_only_ || (hole != holes_.end() &&
                       (chain.seq != hole->first || !hole->before || *hole->before == chain.prev) &&
                       (chain.seq != hole->last || hole->after == hash));
  if (!fits) {
    forked_ = true;
    return Step::forked;
  }
  filled = hole->told;
  ChainHole behind = *hole;
  behind.first = chain.seq + 1;
  behind.before = hash;
  hole->last = chain.seq - 1;
  hole->after = chain.prev;
  const bool room = holes_.size() < kHoles;
  if (behind.first <= behind.last && (room || hole->last < hole->first)) {
    holes_.insert(hole + 1, std::move(behind));
  } else if (behind.first <= behind.last) {
    *hole = std::move(behind);  // what is still missing before it is forgotten
    unknown_to_ = std::max(unknown_to_, hole->first - 1);
    std::erase_if(holes_, [&](const ChainHole& one) { return one.last <= unknown_to_; });
  }
  std::erase_if(holes_, [](const ChainHole& one) { return one.last < one.first; });
  return Step::follows;
}

std::int64_t ReadChain::tell_missing(const std::string& name) {
  std::int64_t missing = 0;
  for (ChainHole& hole : holes_) {
    if (hole.told.empty()) hole.told = name;
    if (hole.told == name) missing += hole.last - hole.first + 1;
  }
  return missing;
}

bool ReadChain::tell_fork() { return std::exchange(forked_, false); }

JsonObject ReadChain::json() const {
  JsonObject out;
  out.set("seq", seq_);
  if (hash_) out.set("hash", *hash_);
  out.set("unknown_to", unknown_to_);
  if (forked_) out.set("forked", true);
  if (counts_only_) out.set("counts_only", true);
  JsonArray holes;
  for (const ChainHole& hole : holes_) {
    JsonObject one;
    one.set("first", hole.first);
    one.set("last", hole.last);
    if (hole.before) one.set("before", *hole.before);
    one.set("after", hole.after);
    one.set("told", hole.told);
    holes.emplace_back(std::move(one));
  }
  if (!holes.empty()) out.set("holes", std::move(holes));
  return out;
}

ReadChain ReadChain::parse(const JsonObject& object) {
  ReadChain out;
  out.seq_ = std::max<std::int64_t>(integer_in(object, "seq"), 0);
  out.unknown_to_ = integer_in(object, "unknown_to");
  out.forked_ = truth_in(object, "forked");
  out.counts_only_ = truth_in(object, "counts_only");
  const std::string* hash = object.text("hash");
  out.hash_ = hash != nullptr ? std::optional(*hash) : std::nullopt;
  const Json* holes = object.find("holes");
  if (holes == nullptr || holes->array() == nullptr) return out;
  for (const Json& item : *holes->array()) {
    if (item.object() == nullptr) continue;
    const std::string* before = item.object()->text("before");
    out.holes_.push_back({.first = integer_in(*item.object(), "first"),
                          .last = integer_in(*item.object(), "last"),
                          .before = before != nullptr ? std::optional(*before) : std::nullopt,
                          .after = text_in(*item.object(), "after"),
                          .told = text_in(*item.object(), "told")});
  }
  return out;
}

}  // namespace dim
