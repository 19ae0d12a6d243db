// The prekeys of this device at its station, so that others can begin a session of N1 while it is
// away (docs/protocol/native.md section 8).
#include <algorithm>

#include "client/fields.h"
#include "client/messenger.h"
#include "client/native_prekeys.h"

namespace dim {
namespace {

std::unexpected<Error> not_taken() {
  return fail(Errc::unavailable, "the station takes no prekeys of this device now");
}

}  // namespace

void Messenger::ask_own_prekeys(Operation operation, const Id& target, std::string content,
                                Uplink::Handler handler) {
  Packet packet = Packet::request(operation).set("type", "prekeys").set("target", target.text());
  if (!content.empty()) packet.content = std::move(content);
  session_->request(Lane::control, std::move(packet), std::move(handler));
}

void Messenger::keep_prekeys(std::function<void(Status)> done) {
  // A station of the reference has no place for them.
  if (!is_ready() || !session_->repeats_bytes())
    return done(fail(Errc::unreachable, "no station of DIM/2023 is connected"));
  if (!clocks_agree()) return done(not_taken());
  const auto keys = native_device_keys(home_.vault());
  const auto named = native::device_of(home_.account().visa);
  if (!keys || !named || !*named || **named != keys->public_half())
    return done(fail(Errc::not_found, "this device's visa does not name its keys of N1 yet"));
  ask_own_prekeys(Operation::get, home_.account().id.bare(), {},
                  [this, done = std::move(done)](const Packet& answer) {
                    if (answer.code != 200 || !answer.content) return done(not_taken());
                    const auto held =
                        HeldPrekeys::read(*answer.content, home_.account().visa.terminal());
                    if (!held) return done(std::unexpected(held.error()));
                    bring_prekeys(*held, done);
                  });
}

void Messenger::bring_prekeys(const std::optional<HeldPrekeys>& held,
                              const std::function<void(Status)>& done) {
  const auto keys = native_device_keys(home_.vault());
  if (!keys) return done(std::unexpected(keys.error()));
  const Id device = home_.account().device();
  auto plan = plan_prekeys(home_.vault(), *keys, device, held, clock_.now(), random_);
  if (!plan) return done(std::unexpected(plan.error()));
  if (!plan->bring) {
    if (held) forget_prekeys(*held);
    return done({});
  }
  const HeldPrekeys next{.signed_id = plan->bring->signed_prekey.id,
                         .time = plan->bring->signed_prekey.time};
  auto bring = [this, device, next, content = write_json(plan->bring->json()), done]() {
    ask_own_prekeys(Operation::create, device, content, [this, next, done](const Packet& answer) {
      if (answer.code != 201) return done(not_taken());
      const std::int64_t newest = number_in(answer.get("newest"));
      auto noted =
          note_brought(home_.vault(),
                       static_cast<std::uint32_t>(std::clamp<std::int64_t>(newest, 0, UINT32_MAX)));
      if (noted) forget_prekeys(next);
      done(noted);
    });
  };
  if (!plan->drop) return bring();
  ask_own_prekeys(Operation::erase, device, {},
                  [bring = std::move(bring), done](const Packet& answer) {
                    if (answer.code == 204 || answer.code == 404) return bring();
                    done(not_taken());
                  });
}

/// What is forgotten must not stay in the log; while another program reads, it is only overwritten.
void Messenger::forget_prekeys(const HeldPrekeys& held) {
  const auto forgotten = forget_replaced_prekeys(home_.vault(), held, clock_.now());
  if (forgotten && *forgotten) (void)home_.vault().scrub();
}

}  // namespace dim
