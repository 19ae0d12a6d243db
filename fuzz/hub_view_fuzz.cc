// What a station shows of hubs and channels. An input is one packet, or one JSON object: every
// reader tries it, and what one takes is in bounds.
#include <cstdlib>
#include <string_view>
#include <variant>

#include "dim/base/utf8.h"
#include "dim/engine/erasure.h"
#include "dim/engine/hub_post.h"
#include "dim/engine/hub_view.h"
#include "dim/packet/reader.h"

namespace {

using namespace dim;

void demand(bool holds) {
  if (!holds) std::abort();
}

void try_object(const JsonObject& shown) {
  if (const auto hub = read_hub(shown)) {
    demand(!hub->name.empty() && hub->name.size() <= limits::kHubName && valid_utf8(hub->name));
    demand(hub->members >= 0 && hub->revision >= 1);
  }
  static_cast<void>(read_category_view(shown));
  if (const auto channel = read_channel_view(shown))
    demand(channel->second.overrides.size() <= limits::kChannelOverrides);
  static_cast<void>(read_role_view(shown));
  if (const auto invite = read_invite_view(shown)) demand(invite->second.uses != 0);
  static_cast<void>(read_member_view(shown));
  static_cast<void>(read_penalty_view(shown));
  static_cast<void>(read_request_view(shown));
  if (const auto act = read_act_view(shown)) {
    demand(act->number >= 1 && header_safe(act->act) && Id::parse(act->author).has_value());
    demand(act->reason.size() <= limits::kHubTopic && valid_utf8(act->reason));
  }
  if (const auto report = read_report_view(shown)) demand(report->revision >= 1);
  if (const auto change = read_roster_change(shown)) {
    demand(change->epoch >= 1 &&
           change->add.size() + change->remove.size() + change->history.size() > 0);
    const auto again = read_roster_change(*parse_json_object(write_json(shown)));
    demand(again && roster_digest(*again) == roster_digest(*change));
    const auto bare = read_roster_change(roster_json(*change));
    demand(bare && roster_digest(*bare) == roster_digest(*change));
    if (auto roster = Roster::begin(change->hub, shown)) {
      demand(roster->epoch() == 1 && roster->members() == change->add);
      demand(roster->extend(shown).has_value() && roster->epoch() == 1);
    }
  }
  if (const auto erasure = read_erasure(shown)) {
    demand(Id::parse(erasure->who).has_value() && !erasure_signing_input(*erasure).empty());
  }
}

void try_packet(const Packet& packet) {
  const bool ours = is_of_hubs(packet);
  if (const auto post = read_post(packet)) {
    demand(ours && post->cursor >= 1 && post->changed >= post->cursor && post->revision >= 1);
    demand(post->content.size() <= limits::kSealedPostBytes && valid_utf8(post->content));
    for (const ReactionCount& one : post->reactions) demand(one.count >= 1 && !one.symbol.empty());
  } else if (const auto broken = unreadable_post(packet)) {
    demand(broken->content.empty() && !broken->unreadable.empty());
    demand(broken->cursor >= 1 && broken->changed >= broken->cursor);
  }
  if (const auto event = read_post_event(packet)) demand(ours && event->cursor >= 1);
  if (const auto notice = read_hub_notice(packet)) demand(ours && notice->number >= 0);
  if (packet.content) static_cast<void>(read_revisions(*packet.content));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string hub = "private-garden@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";
  if (check_sealed_post(text, hub, "0x21e27549d780db2a32058bD960A6245b01Ad85FF"))
    demand(is_sealed_post(text, hub));
  if (const auto shown = parse_json_object(text)) try_object(*shown);
  if (const auto list = read_list(text)) {
    for (const JsonObject& one : *list) try_object(one);
  }
  PacketReader reader({.lane = Lane::text});
  reader.feed(text);
  for (;;) {
    auto next = reader.next();
    if (std::holds_alternative<std::monostate>(next)) return 0;
    if (const auto* bad = std::get_if<BadPacket>(&next)) {
      if (bad->fatal) return 0;
      continue;
    }
    try_packet(std::get<Packet>(next));
  }
}
