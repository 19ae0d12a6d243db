#include "dim/engine/pin.h"

#include <algorithm>

namespace dim {

void write_pin(const Pin& pin, JsonObject& to) {
  to.set("pinned", pin.on);
  to.set("revision", pin.revision);
}

std::optional<Pin> read_pin(const JsonObject& from) {
  const Json* on = from.find("pinned");
  const Json* revision = from.find("revision");
  if (on == nullptr || on->boolean() == nullptr || revision == nullptr ||
      revision->integer() == nullptr || *revision->integer() < 1 || *revision->integer() > kLastPin)
    return std::nullopt;
  return Pin{.on = *on->boolean(), .revision = *revision->integer()};
}

bool replaces(const Pin& come, const Pin& known) {
  return come.revision != known.revision ? come.revision > known.revision : known.on && !come.on;
}

std::optional<Pin> pinned(const Pin& before, bool off, std::int64_t now) {
  // A device whose clock is behind must not lose to what it has seen.
  const Pin out{
      .on = !off,
      .revision = std::clamp<std::int64_t>(now, std::min(before.revision + 1, kLastPin), kLastPin)};
  if (before.on != off || !replaces(out, before)) return std::nullopt;
  return out;
}

}  // namespace dim
