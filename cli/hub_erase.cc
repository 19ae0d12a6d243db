#include "cli/hub_erase.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "client/erasure.h"
#include "client/hub_follow.h"
#include "dim/engine/erasure.h"

namespace dim {
namespace {

/// Whose receipts hold, of those that the station has; nothing when it could not be asked.
std::optional<std::pair<std::vector<std::string>, std::int64_t>> erased_by(
    HubRun& run, const std::string& object) {
  const auto list = run.wait<ErasureList>([&](HubDone<ErasureList> done) {
    run.context.messenger->hubs().erasures(object, std::move(done));
  });
  if (!list) return std::nullopt;
  std::vector<std::string> people;
  for (const JsonObject& receipt : list->receipts) {
    const auto erasure = read_erasure(receipt);
    if (erasure) people.push_back(erasure->who);
  }
  run.learn(people);
  std::set<std::string> by;
  const Account& me = run.context.home->account();
  for (const JsonObject& receipt : list->receipts) {
    const auto erasure = read_erasure(receipt);
    if (!erasure || erasure->erased != object) continue;
    const auto who = Id::parse(erasure->who);
    const Known* known = who ? run.context.home->directory().find(who->bare()) : nullptr;
    const bool mine = who && who->same_entity(me.id);
    const Meta* meta = mine ? &me.meta : known != nullptr && known->meta ? &*known->meta : nullptr;
    if (meta != nullptr && check_erasure(receipt, *meta)) by.insert(erasure->who);
  }
  return std::pair(std::vector<std::string>(by.begin(), by.end()), list->members);
}

}  // namespace

int sign_and_wait(HubRun& run, const HubPlace& place, const std::string& object) {
  constexpr Millis kPause = 500;
  Home& home = *run.context.home;
  const auto guid = Guid::parse(object);
  const bool message = guid && place.channel != *guid;
  if (home.account().holds_identity()) {
    Packet receipt = HubClient::request(Operation::create, HubObject::erasure, object);
    receipt.content = write_json(sign_erasure(
        home.account(), message ? place.channel->text() : object, object, run.context.clock.now()));
    if (!run.ask(receipt)) return run.exit;
  }
  const Millis until = run.context.clock.monotonic() + Millis{1'000} * run.options.wait_s;
  for (;;) {
    const auto state = erased_by(run, object);
    if (!state) return run.exit;
    const auto& [by, members] = *state;
    const Millis left = until - run.context.clock.monotonic();
    if (left <= 0 || static_cast<std::int64_t>(by.size()) >= members) {
      run.out.erased(place, message ? guid.value() : std::optional<Guid>(), by, members);
      if (static_cast<std::int64_t>(by.size()) < members)
        run.context.out.note(
            "The others erase it when their programs are here next; the same command tells how "
            "many have.");
      return code(Exit::ok);
    }
    run.context.link.run_until([&] { return run.context.failure.has_value(); },
                               std::min(left, kPause));
    if (run.context.failure) return run.exit = run.context.report_failure();
  }
}

int destroy_place(HubRun& run, const HubPlace& place) {
  const bool channel = place.channel.has_value();
  const std::string object = channel ? place.channel->text() : place.hub.id;
  const std::string name = !channel
                               ? printable(place.hub.name.empty() ? place.hub.id : place.hub.name)
                               : run.out.where(place.hub, *place.channel);
  if (!run.confirm(fmt::format(
          "DESTROY overwrites {} {} at the station: every message with its earlier texts, keys and "
          "bytes, what search holds of them, and {}; the programs of everybody who was in it are "
          "told to erase what they keep and sign that they have. DELETE ends it as well, but is "
          "not waited for, and names stay in the station's records. Files that only "
          "its messages link to are overwritten with it; others are of who has uploaded them (dim "
          "upload --delete). What somebody has copied by hand stays theirs. There is no way back.",
          channel ? "the channel" : "the hub", name,
          channel ? "its name and topic" : "all names, roles and members")))
    return run.exit;
  const HubObject kind = channel ? HubObject::channel : HubObject::hub;
  // As long as it takes: the station goes on with it whether somebody waits or not.
  constexpr Millis kPatience = 24 * 3'600'000;
  const Packet request = HubClient::request(Operation::destroy, kind, object);
  const auto done = run.wait<Packet>(
      [&](HubDone<Packet> answered) {
        run.context.messenger->hubs().ask(request, std::move(answered));
      },
      kPatience);
  if (!done) return run.exit;
  Home& home = *run.context.home;
  if (auto erased = erase_copies_of(home, object); !erased) return run.failed(erased.error());
  if (!channel) {
    forget_followed(home, place.hub);
    std::erase_if(run.hubs, [&](const HubView& one) { return one.id == place.hub.id; });
  }
  for (HubView& hub : run.hubs) {
    if (channel) hub.channels.erase(*place.channel);
  }
  (void)keep_hubs(home, run.hubs);
  if (!place.hub.id.empty()) run.done(place, kind, Operation::destroy, place.channel);
  return sign_and_wait(run, place, object);
}

}  // namespace dim
