#include "client/native_prekeys.h"

#include <algorithm>
#include <string>

#include "client/fields.h"
#include "dim/base/limits.h"
#include "dim/native/suite.h"

namespace dim {
namespace {

using native::PrekeyKind;
using native::PrekeySecret;

constexpr std::string_view kBucket = "native device";
constexpr std::string_view kState = "prekeys";
constexpr std::int64_t kFew = 20;
constexpr std::int64_t kFull = 100;
constexpr std::int64_t kMostAhead = 1'000'000;  // of what this home knows, in its later self

/// How far this device has counted.
struct Counted {
  std::int64_t next = 1;    ///< the first id that no prekey has had
  std::int64_t newest = 0;  ///< the highest id of a one-time key that a station has taken
  bool restored = false;    ///< and the station has not been told of that
};

Result<Counted> counted(Vault& vault) {
  const auto body = vault.get(kBucket, kState);
  if (!body) return std::unexpected(body.error());
  if (!*body) return Counted{};
  const auto object = parse_json_object(**body);
  if (!object) return std::unexpected(object.error());
  return Counted{.next = std::max<std::int64_t>(1, integer_in(*object, "next")),
                 .newest = integer_in(*object, "newest"),
                 .restored = truth_in(*object, "restored")};
}

Status put_counted(Vault& vault, const Counted& state) {
  JsonObject object;
  object.set("next", state.next);
  object.set("newest", state.newest);
  if (state.restored) object.set("restored", true);
  return vault.put(kBucket, kState, write_json(object));
}

Result<PrekeySecret> make(Vault& vault, PrekeyKind kind, Counted& state, Millis time,
                          Random& random) {
  if (state.next > UINT32_MAX) return fail(Errc::internal, "all ids of prekeys are used up");
  PrekeySecret out =
      PrekeySecret::generate(kind, static_cast<std::uint32_t>(state.next++), time, random);
  if (auto put = put_native_prekey(vault, out); !put) return std::unexpected(put.error());
  return out;
}

bool is_held(const PrekeySecret& secret, const HeldPrekeys& held) {
  return secret.id == held.signed_id && secret.time == held.time;
}

/// The newest of a kind, unless it is time for another one.
const PrekeySecret* still_good(const std::vector<PrekeySecret>& all, Millis now) {
  if (all.empty() || now - all.back().time >= native::kSignedPrekeyMs ||
      all.back().time > now + limits::kFutureToleranceMs)
    return nullptr;
  return &all.back();
}

/// Those that no station has had come first, then new ones.
Status add_one_time(Vault& vault, const native::DeviceKeys& keys, const Id& device,
                    std::int64_t count, Counted& state, Millis now, Random& random,
                    native::PrekeySet& set) {
  const auto kept = native_prekeys(vault, PrekeyKind::one_time);
  if (!kept) return std::unexpected(kept.error());
  for (const PrekeySecret& secret : *kept) {
    if (count > 0 && secret.id > state.newest) {
      set.one_time.push_back(secret.sign_one_time(keys, device));
      --count;
    }
  }
  for (; count > 0; --count) {
    auto made = make(vault, PrekeyKind::one_time, state, now, random);
    if (!made) return std::unexpected(made.error());
    set.one_time.push_back(made->sign_one_time(keys, device));
  }
  return {};
}

Result<PrekeyPlan> plan(Vault& vault, const native::DeviceKeys& keys, const Id& device,
                        const std::optional<HeldPrekeys>& held, Millis now, Random& random) {
  auto state = counted(vault);
  auto current = native_prekeys(vault, PrekeyKind::signed_prekey);
  auto last = native_prekeys(vault, PrekeyKind::last_resort);
  if (!state) return std::unexpected(state.error());
  if (!current) return std::unexpected(current.error());
  if (!last) return std::unexpected(last.error());
  const Counted before = *state;
  if (held) {
    const std::int64_t highest = std::max(held->newest, held->signed_id);
    if (highest > before.next + kMostAhead)
      return fail(Errc::bad_request, "the station counts prekeys that this device never had");
    const bool known = std::ranges::any_of(
        *current, [&](const PrekeySecret& secret) { return is_held(secret, *held); });
    state->restored = before.restored || !known || held->newest >= before.next;
    state->next = std::max(state->next, highest + 1);
    state->newest = std::max<std::int64_t>(state->newest, held->newest);
  }
  native::PrekeySet set;
  const PrekeySecret* good = still_good(*current, now);
  const PrekeySecret* good_last = still_good(*last, now);
  // When it has made new ones for that before, they wait for their way out.
  const bool stays =
      good != nullptr && good_last != nullptr && (!state->restored || before.restored);
  if (stays) {
    set.signed_prekey = good->sign(keys, device);
    set.last_resort = good_last->sign(keys, device);
  } else {
    const Millis time = held ? std::max(now, held->time + 1) : now;
    auto next = make(vault, PrekeyKind::signed_prekey, *state, time, random);
    if (!next) return std::unexpected(next.error());
    auto next_last = make(vault, PrekeyKind::last_resort, *state, time, random);
    if (!next_last) return std::unexpected(next_last.error());
    set.signed_prekey = next->sign(keys, device);
    set.last_resort = next_last->sign(keys, device);
  }
  const std::int64_t left = held && !state->restored ? held->count : 0;
  if (left < kFew) {
    if (auto added = add_one_time(vault, keys, device, kFull - left, *state, now, random, set);
        !added)
      return std::unexpected(added.error());
  }
  if (auto put = put_counted(vault, *state); !put) return std::unexpected(put.error());
  PrekeyPlan out{.drop = state->restored};
  if (!stays || left < kFew || !is_held(*good, *held)) out.bring = std::move(set);
  return out;
}

}  // namespace

Result<std::optional<HeldPrekeys>> HeldPrekeys::read(std::string_view answer,
                                                     std::string_view terminal) {
  const std::unexpected wrong =
      fail(Errc::bad_request, "the station's answer says nothing of prekeys");
  const auto json = parse_json(answer);
  if (!json || json->array() == nullptr) return wrong;
  for (const Json& item : *json->array()) {
    const JsonObject* one = item.object();
    if (one == nullptr) return wrong;
    if (text_in(*one, "device") != terminal) continue;
    const auto time = parse_time(text_in(*one, "time"));
    const std::int64_t signed_id = integer_in(*one, "signed");
    const std::int64_t newest = integer_in(*one, "newest");
    const std::int64_t count = integer_in(*one, "count");
    if (!time || signed_id < 0 || signed_id > UINT32_MAX || newest < 0 || newest > UINT32_MAX ||
        count < 0)
      return wrong;
    return HeldPrekeys{.signed_id = static_cast<std::uint32_t>(signed_id),
                       .time = *time,
                       .count = count,
                       .newest = static_cast<std::uint32_t>(newest)};
  }
  return std::nullopt;
}

Result<PrekeyPlan> plan_prekeys(Vault& vault, const native::DeviceKeys& keys, const Id& device,
                                const std::optional<HeldPrekeys>& held, Millis now,
                                Random& random) {
  Result<PrekeyPlan> out = PrekeyPlan{};
  const Status done = vault.transaction([&]() -> Status {
    out = plan(vault, keys, device, held, now, random);
    if (!out) return std::unexpected(out.error());
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return out;
}

Status note_brought(Vault& vault, std::uint32_t newest) {
  return vault.transaction([&]() -> Status {
    auto state = counted(vault);
    if (!state) return std::unexpected(state.error());
    state->newest = std::max<std::int64_t>(state->newest, newest);
    state->restored = false;
    return put_counted(vault, *state);
  });
}

Result<bool> forget_replaced_prekeys(Vault& vault, const HeldPrekeys& held, Millis now) {
  constexpr std::size_t kMostOneTimeSecrets = 10'000;
  bool any = false;
  const Status done = vault.transaction([&]() -> Status {
    for (const PrekeyKind kind : {PrekeyKind::signed_prekey, PrekeyKind::last_resort}) {
      const auto all = native_prekeys(vault, kind);
      if (!all) return std::unexpected(all.error());
      for (std::size_t i = 0; i + 1 < all->size(); ++i) {
        // The station gives out the one that it has been brought, however old that is.
        const PrekeySecret& next = (*all)[i + 1];
        if (next.time > held.time || now - next.time <= native::kReplacedPrekeyMs) continue;
        if (auto gone = forget_native_prekey(vault, kind, (*all)[i].id); !gone) return gone;
        any = true;
      }
    }
    const auto forgotten = forget_oldest_one_time(vault, kMostOneTimeSecrets);
    if (!forgotten) return std::unexpected(forgotten.error());
    any = any || *forgotten;
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return any;
}

}  // namespace dim
