#include "cli/hub_output.h"

#include <fmt/core.h>

#include "client/names.h"
#include "client/post_files.h"
#include "dim/engine/hub_body.h"
#include "dim/engine/hub_roster.h"

namespace dim {
namespace {

std::string clock_of(Millis time) { return format_time(time).substr(11, 5); }

/// What new members read.
std::string history_in_words(std::int64_t days) {
  if (days == 0) return "nothing of before";
  return days == kAllDays ? "all of before" : fmt::format("{} day(s) of before", days);
}

std::string words_of(Permissions permissions) {
  std::string out;
  for (const std::string& word : permissions.words()) out += (out.empty() ? "" : " ") + word;
  return out.empty() ? "nothing" : out;
}

std::string until(Millis time) { return time == 0 ? "for ever" : "until " + format_time(time); }

/// "channel deleted": what became of what. `you`: of whoever reads it.
std::string deed_of(const HubNotice& notice, bool you) {
  const std::string what(to_string(notice.object));
  const bool made = notice.change == Operation::create, gone = notice.change == Operation::erase;
  const std::string is = you ? "are " : "is ", asks = you ? "ask " : "asks ";
  if (notice.change == Operation::destroy) return what + " destroyed";
  switch (notice.object) {
    case HubObject::member:
      return made ? "came in" : gone ? is + "out" : you ? "have other roles" : "has other roles";
    case HubObject::request:
      return made ? asks + "to come in" : gone ? asks + "no longer" : is + "let in";
    case HubObject::ban:
      return is + (made ? "banned" : "banned no longer");
    case HubObject::mute:
      return is + (made ? "muted" : "muted no longer");
    case HubObject::owner:
      return you ? "own the hub now" : "owns the hub now";
    case HubObject::roster:
      return "who reads it was signed anew";
    default:
      return what + (made ? " made" : gone ? " deleted" : " changed");
  }
}

/// What people see of a message's text and files.
std::string body_of(const std::string& content) {
  const PostText text = read_post_text(content);
  std::string out = printable_lines(text.text);
  if (!text.files.empty()) out += (out.empty() ? "[" : "  [") + printable(text.words()) + "]";
  return out;
}

}  // namespace

std::string kind_in_words(std::string_view hub) {
  return is_private_hub(hub) ? "private hub: end-to-end encrypted, the station cannot read this"
                             : "public hub: the station can read this";
}

std::string HubOutput::who(const std::string& id) const {
  if (id == me_) return "you";
  if (id.empty()) return "?";  // of a message that cannot be read
  std::string name = name_(id);
  // Where nothing better is known; lists of people have the whole ID beside it.
  if (const auto unknown = Id::parse(id); name == id && unknown) name = short_id(*unknown);
  return printable(name);
}

std::string HubOutput::where(const HubView& hub, const Guid& channel) const {
  const auto found = hub.channels.find(channel);
  return printable(hub.name) + "/" +
         printable(found == hub.channels.end() ? channel.text() : found->second.name);
}

JsonObject HubOutput::about(const HubView& hub) const {
  JsonObject out;
  out.set("hub", hub.id);
  out.set("hub_name", hub.name);
  return out;
}

JsonObject HubOutput::about(const HubView& hub, const Guid& channel) const {
  JsonObject out = about(hub);
  const auto found = hub.channels.find(channel);
  out.set("channel", channel.text());
  out.set("channel_name", found == hub.channels.end() ? "" : found->second.name);
  return out;
}

void HubOutput::hub(const HubView& hub) const {
  JsonObject members = about(hub);
  members.set("topic", hub.topic);
  members.set("owner", hub.owner);
  members.set("members", hub.members);
  members.set("channels", static_cast<std::int64_t>(hub.channels.size()));
  members.set("everyone", words_json(hub.everyone));
  const bool is_private = is_private_hub(hub.id);
  members.set("kind", is_private ? "private" : "public");
  members.set("public", !is_private);
  members.set("revision", hub.revision);
  out_.object("hub", std::move(members));
  out_.line(
      fmt::format("{:<24}  {}  {} member(s), {} channel(s), {}{}{}", printable(hub.name), hub.id,
                  hub.members, hub.channels.size(),
                  is_private ? "private, end-to-end encrypted" : "public, the station can read it",
                  hub.owner == me_ ? ", you: owner" : "",
                  hub.topic.empty() ? "" : "  " + printable(hub.topic)));
}

void HubOutput::category(const HubView& hub, const Guid& guid) const {
  const HubCategory& category = hub.categories.at(guid);
  JsonObject members = about(hub);
  members.set("guid", guid.text());
  members.set("name", category.name);
  members.set("position", category.position);
  members.set("revision", category.revision);
  out_.object("category", std::move(members));
  out_.line(fmt::format("{}  ({})", printable(category.name), guid.text()));
}

void HubOutput::channel(const HubView& hub, const Guid& guid, const Roster* roster) const {
  const HubChannel& channel = hub.channels.at(guid);
  const auto category =
      channel.category ? hub.categories.find(*channel.category) : hub.categories.end();
  JsonObject members = about(hub);
  members.set("guid", guid.text());
  members.set("name", channel.name);
  members.set("topic", channel.topic);
  members.set("kind", to_string(channel.kind));
  members.set("category", category == hub.categories.end() ? "" : category->second.name);
  members.set("position", channel.position);
  members.set("retention", channel.retention);
  const std::int64_t days = roster == nullptr ? 0 : roster->history(guid, roster->epoch());
  if (roster != nullptr) members.set("history", history_text(days));
  JsonArray overrides;
  std::string rules;
  for (const HubOverride& one : channel.overrides) {
    const auto role = one.role ? hub.roles.find(*one.role) : hub.roles.end();
    const std::string name = !one.role                 ? "everyone"
                             : role == hub.roles.end() ? one.role->text()
                                                       : role->second.name;
    JsonObject object;
    object.set("role", name);
    object.set("allow", words_json(one.allow));
    object.set("deny", words_json(one.deny));
    overrides.emplace_back(std::move(object));
    if (!one.allow.empty())
      rules += fmt::format("\n      {} may {}", printable(name), words_of(one.allow));
    if (!one.deny.empty())
      rules += fmt::format("\n      {} may not {}", printable(name), words_of(one.deny));
  }
  members.set("overrides", std::move(overrides));
  members.set("revision", channel.revision);
  out_.object("channel", std::move(members));
  out_.line(fmt::format(
      "{:<24}  {}  {}{}{}{}{}{}", where(hub, guid), guid.text(), to_string(channel.kind),
      category == hub.categories.end() ? "" : ", in " + printable(category->second.name),
      channel.retention == 0 ? "" : fmt::format(", keeps {} day(s)", channel.retention),
      roster == nullptr ? "" : ", new members read " + history_in_words(days),
      channel.topic.empty() ? "" : "  " + printable(channel.topic), rules));
}

void HubOutput::history(const HubView& hub, const HistoryRule& rule, Millis time) const {
  JsonObject members = about(hub, rule.channel);
  members.set("history", history_text(rule.days));
  members.set("time", format_time(time));
  out_.object("hub_history", std::move(members));
  out_.line(fmt::format("{}  {}: who is let in from now on reads {} (signed by who has founded it)",
                        clock_of(time), where(hub, rule.channel), history_in_words(rule.days)));
}

void HubOutput::role(const HubView& hub, const Guid& guid) const {
  const HubRole& role = hub.roles.at(guid);
  JsonObject members = about(hub);
  members.set("guid", guid.text());
  members.set("name", role.name);
  members.set("rank", role.rank);
  members.set("permissions", words_json(role.permissions));
  members.set("revision", role.revision);
  out_.object("role", std::move(members));
  out_.line(fmt::format("{:<24}  {}  rank {}: {}", printable(role.name), guid.text(), role.rank,
                        words_of(role.permissions)));
}

void HubOutput::member(const HubView& hub, const HubMemberView& member,
                       std::optional<bool> reads) const {
  JsonArray roles;
  std::string list = member.who == hub.owner ? "owner" : "";
  for (const Guid& guid : member.member.roles) {
    const auto role = hub.roles.find(guid);
    const std::string name = role == hub.roles.end() ? guid.text() : role->second.name;
    roles.emplace_back(name);
    list += (list.empty() ? "" : ", ") + printable(name);
  }
  JsonObject members = about(hub);
  members.set("id", member.who);
  members.set("name", name_(member.who));
  members.set("owner", member.who == hub.owner);
  members.set("roles", std::move(roles));
  members.set("joined", format_time(member.member.joined));
  members.set("muted", member.muted);
  if (member.muted_until != 0) members.set("until", format_time(member.muted_until));
  if (reads) members.set("reads", *reads);
  out_.object("hub_member", std::move(members));
  out_.line(fmt::format("{:<24}  {}  {}{}{}", who(member.who), member.who,
                        list.empty() ? "member" : list,
                        member.muted ? ", muted " + until(member.muted_until) : "",
                        reads && !*reads ? ", reads nothing: not approved" : ""));
}

void HubOutput::penalty(const HubView& hub, bool ban, const HubPenaltyView& penalty) const {
  JsonObject members = about(hub);
  members.set("kind", ban ? "ban" : "mute");
  members.set("id", penalty.who);
  members.set("name", name_(penalty.who));
  members.set("by", penalty.penalty.by);
  members.set("reason", penalty.penalty.reason);
  members.set("time", format_time(penalty.penalty.time));
  if (penalty.penalty.until != 0) members.set("until", format_time(penalty.penalty.until));
  out_.object("penalty", std::move(members));
  out_.line(
      fmt::format("{:<24}  {}  {} {} by {}{}", who(penalty.who), penalty.who,
                  ban ? "banned" : "muted", until(penalty.penalty.until), who(penalty.penalty.by),
                  penalty.penalty.reason.empty() ? "" : ": " + printable(penalty.penalty.reason)));
}

void HubOutput::request(const HubView& hub, const HubRequestView& request) const {
  JsonObject members = about(hub);
  members.set("id", request.who);
  members.set("name", name_(request.who));
  members.set("time", format_time(request.arrived));
  out_.object("hub_request", std::move(members));
  out_.line(fmt::format("{:<24}  {}  asks since {}", who(request.who), request.who,
                        format_time(request.arrived)));
}

void HubOutput::act(const HubView& hub, const HubActView& act) const {
  JsonObject members = about(hub);
  members.set("number", act.number);
  members.set("time", format_time(act.time));
  members.set("author", act.author);
  members.set("act", act.act);
  if (!act.member.empty()) members.set("member", act.member);
  if (!act.guid.empty()) members.set("guid", act.guid);
  if (!act.reason.empty()) members.set("reason", act.reason);
  out_.object("hub_act", std::move(members));
  std::string line = fmt::format("{:>6}  {}  {}  {}", act.number, format_time(act.time),
                                 who(act.author), printable(act.act));
  if (!act.member.empty()) line += "  " + who(act.member);
  if (!act.guid.empty()) line += "  " + act.guid;
  if (!act.reason.empty()) line += fmt::format("  \"{}\"", printable(act.reason));
  out_.line(line);
}

void HubOutput::invite(const HubView& hub, const Guid& guid, const HubInvite& invite,
                       const std::string& link) const {
  JsonObject members = about(hub);
  members.set("guid", guid.text());
  members.set("author", invite.author);
  if (!link.empty()) members.set("link", link);
  if (invite.uses >= 0) members.set("uses", invite.uses);
  if (invite.expires != 0) members.set("expires", format_time(invite.expires));
  members.set("approval", invite.approval);
  out_.object("invite", std::move(members));
  out_.line(
      fmt::format("{}  by {}, {}, {}{}", guid.text(), who(invite.author),
                  invite.uses < 0 ? "works always" : fmt::format("{} use(s) left", invite.uses),
                  until(invite.expires), invite.approval ? ", asks for approval" : ""));
  if (!link.empty()) out_.line(link);
}

void HubOutput::unread(const HubView& hub, const Guid& channel, const ReadMark& mark) const {
  JsonObject members = about(hub, channel);
  members.set("unread", mark.unread);
  members.set("mentions", mark.mentions);
  members.set("level", to_string(mark.level));
  members.set("cursor", mark.cursor);
  members.set("newest", mark.newest);
  out_.object("unread", std::move(members));
  out_.line(fmt::format(
      "{:>6}  {}{}{}", mark.unread, where(hub, channel),
      mark.mentions == 0 ? "" : fmt::format(", {} for you", mark.mentions),
      mark.level == NotifyLevel::all ? "" : fmt::format("  (notify: {})", to_string(mark.level))));
}

// ---- messages

void HubOutput::say(JsonObject& members, const std::string& content) {
  PostText text = read_post_text(content);
  members.set("text", std::move(text.text));
  if (text.files.empty()) return;
  JsonArray files;
  for (const PostFile& file : text.files) {
    JsonObject one;
    one.set("guid", file.link.guid.text());
    one.set("name", file.name());
    one.set("kind", file.kind());
    if (!file.mime.empty()) one.set("mime", file.mime);
    one.set("bytes", file.bytes());
    if (file.pixels) {
      one.set("width", file.pixels->first);
      one.set("height", file.pixels->second);
    }
    one.set("preview", file.preview.has_value());
    one.set("link", file.link.text());
    files.emplace_back(std::move(one));
  }
  members.set("files", std::move(files));
}

void HubOutput::post(const HubView& hub, const Post& post, bool changed, Fate fate) const {
  const bool mine = post.author == me_;
  JsonObject members = about(hub, post.channel);
  members.set("guid", post.guid.text());
  members.set("direction", mine ? "out" : "in");
  members.set("author", post.author);
  members.set("author_name", name_(post.author));
  members.set("time", format_time(post.time));
  members.set("state", fate == Fate::queued ? "queued" : to_string(post.state));
  say(members, post.content);
  if (fate == Fate::stored) members.set("cursor", post.cursor);
  if (post.changed != post.cursor) members.set("changed", post.changed);
  if (post.reply) members.set("reply_to", post.reply->text());
  if (post.thread) members.set("thread", post.thread->text());
  if (post.answers != 0) {
    members.set("answers", post.answers);
    members.set("answered", post.answered);
  }
  bool for_me = false;
  // Of what cannot be read the station's word calls nobody.
  if (!post.mentions.empty() && post.unreadable.empty()) {
    JsonArray mentions;
    for (const std::string& id : post.mentions) {
      mentions.emplace_back(id);
      for_me = for_me || (!mine && (id == me_ || id == kEveryone));
    }
    members.set("mentions", std::move(mentions));
    members.set("for_me", for_me);
  }
  if (post.expires != 0) members.set("expires", format_time(post.expires));
  if (post.revision > 1) members.set("revision", post.revision);
  if (post.edited != 0) members.set("edited", format_time(post.edited));
  if (post.pinned != 0) members.set("pinned", format_time(post.pinned));
  JsonObject reactions;
  for (const ReactionCount& one : post.reactions) reactions.set(one.symbol, one.count);
  if (!reactions.empty()) members.set("reactions", std::move(reactions));
  if (changed) members.set("again", true);
  if (post.damaged) members.set("damaged", true);
  if (!post.unreadable.empty()) members.set("unreadable", post.unreadable);
  if (!post.handed_by.empty()) members.set("handed_by", post.handed_by);
  out_.object("post", std::move(members));
  std::string body = post.state == PostState::shown ? body_of(post.content)
                                                    : fmt::format("[{}]", to_string(post.state));
  if (post.damaged) body = "[damaged at the station: the text is lost]";
  if (!post.unreadable.empty()) body = fmt::format("[cannot be read: {}]", post.unreadable);
  if (post.state == PostState::hidden && !post.content.empty()) body += " " + body_of(post.content);
  if (post.reply) body += fmt::format("  [answers #{}]", short_guid(post.reply->text()));
  if (post.thread) body += fmt::format("  [thread #{}]", short_guid(post.thread->text()));
  if (post.answers != 0) body += fmt::format("  [{} in its thread]", post.answers);
  if (for_me) body += "  [for you]";
  if (post.expires != 0) body += fmt::format("  [until {}]", format_time(post.expires));
  if (post.revision > 1) body += "  [edited]";
  if (post.pinned != 0) body += "  [pinned]";
  if (!post.handed_by.empty()) body += fmt::format("  [handed over by {}]", who(post.handed_by));
  if (fate == Fate::queued) body += "  (queued)";
  out_.line(fmt::format("{}  {} in {}: {}{}{}{}", clock_of(post.time), who(post.author),
                        where(hub, post.channel), body, reactions_in_words(post.reactions),
                        changed ? "  [changed]" : "",
                        ids ? "  #" + short_guid(post.guid.text()) : ""));
}

void HubOutput::event(const HubView& hub, const PostEvent& event) const {
  JsonObject members = about(hub, event.channel);
  members.set("guid", event.guid.text());
  members.set("object", to_string(event.object));
  members.set("change", to_string(event.operation));
  members.set("author", event.author);
  members.set("author_name", name_(event.author));
  members.set("cursor", event.cursor);
  if (event.time != 0) members.set("time", format_time(event.time));
  if (!event.symbol.empty()) members.set("symbol", event.symbol);
  if (!event.member.empty()) members.set("member", event.member);
  if (event.revision != 0) members.set("revision", event.revision);
  if (event.object == HubObject::message) members.set("state", to_string(event.state));
  if (event.text) say(members, *event.text);
  out_.object("post_change", std::move(members));
  const bool made = event.operation == Operation::create;
  std::string deed;
  if (event.object == HubObject::reaction) {
    deed = fmt::format("{} {}", made ? "reacts" : "takes away", printable(event.symbol));
  } else if (event.object == HubObject::pin) {
    deed = made ? "pins" : "unpins";
  } else if (event.operation == Operation::edit) {
    deed = event.revision != 0 ? "edits" : "shows again";
    if (event.text) deed += ": " + body_of(*event.text);
  } else {
    deed = event.state == PostState::hidden      ? "hides"
           : event.state == PostState::removed   ? "takes back"
           : event.state == PostState::destroyed ? "destroys"
                                                 : "deletes";
  }
  out_.line(fmt::format("{}  {} in {}  #{}  {}", event.time == 0 ? "     " : clock_of(event.time),
                        who(event.author), where(hub, event.channel), short_guid(event.guid.text()),
                        deed));
}

void HubOutput::erased(const HubPlace& place, const std::optional<Guid>& post,
                       const std::vector<std::string>& by, std::int64_t members) const {
  JsonObject json;
  // Of a channel that is gone nothing but its GUID may be known.
  if (!place.hub.id.empty())
    json = place.channel ? about(place.hub, *place.channel) : about(place.hub);
  else if (place.channel)
    json.set("channel", place.channel->text());
  if (post) json.set("guid", post->text());
  json.set("erased", static_cast<std::int64_t>(by.size()));
  json.set("of", members);
  JsonArray list;
  std::string names;
  for (const std::string& id : by) {
    list.emplace_back(id);
    names += (names.empty() ? ": " : ", ") + who(id);
  }
  json.set("by", std::move(list));
  out_.object("erased", std::move(json));
  out_.line(fmt::format("Erased {} of {}{}", by.size(), members, names));
}

void HubOutput::report(const HubView& hub, const StoredReport& report) const {
  JsonObject members = about(hub, report.channel);
  members.set("guid", report.post.text());
  members.set("by", report.user);
  members.set("by_name", name_(report.user));
  members.set("time", format_time(report.time));
  members.set("why", report.text);
  members.set("author", report.author);
  members.set("author_name", name_(report.author));
  members.set("written", format_time(report.written));
  members.set("revision", report.revision);
  say(members, report.content);
  out_.object("report", std::move(members));
  out_.line(fmt::format("{}  {} in {}: {}  #{}\n       reported by {}: {}",
                        clock_of(report.written), who(report.author), where(hub, report.channel),
                        body_of(report.content), short_guid(report.post.text()), who(report.user),
                        printable_lines(report.text)));
}

void HubOutput::revision(const HubView& hub, const Post& post, const PostRevision& revision) const {
  JsonObject members = about(hub, post.channel);
  members.set("guid", post.guid.text());
  members.set("revision", revision.number);
  members.set("time", format_time(revision.time));
  say(members, revision.content);
  out_.object("revision", std::move(members));
  out_.line(fmt::format("{}  as it was written ({}): {}", clock_of(revision.time), revision.number,
                        body_of(revision.content)));
}

// ---- hubs that change

void HubOutput::notice(const HubNotice& notice, const std::string& hub_name,
                       const JsonObject& more) const {
  JsonObject members;
  members.set("hub", notice.hub);
  members.set("hub_name", hub_name);
  members.set("object", to_string(notice.object));
  members.set("change", to_string(notice.change));
  members.set("author", notice.author);
  members.set("author_name", name_(notice.author));
  if (notice.guid) members.set("guid", notice.guid->text());
  if (!notice.member.empty()) members.set("member", notice.member);
  if (notice.number != 0) members.set("number", notice.number);
  members.set("time", format_time(notice.time));
  if (notice.shown) members.set("shown", *notice.shown);
  for (const auto& [key, value] : more) members.set(key, value);
  out_.object("hub_change", std::move(members));
  std::string name;
  if (notice.shown) {
    if (const std::string* text = notice.shown->text("name"); text != nullptr)
      name = " " + printable(*text);
  }
  const std::string hub = printable(hub_name.empty() ? notice.hub : hub_name);
  out_.line(notice.member.empty()
                ? fmt::format("{}  {}: {}{} (by {})", clock_of(notice.time), hub,
                              deed_of(notice, false), name, who(notice.author))
                : fmt::format("{}  {}: {} {}{}", clock_of(notice.time), hub, who(notice.member),
                              deed_of(notice, notice.member == me_),
                              notice.author == notice.member || notice.author.empty()
                                  ? ""
                                  : fmt::format(" (by {})", who(notice.author))));
}

void HubOutput::left(const HubView& hub) const {
  out_.object("hub_left", about(hub));
  out_.line(fmt::format("You are in {} no longer.", printable(hub.name)));
}

void HubOutput::trouble(const HubView* hub, const std::optional<Guid>& channel,
                        const HubRefusal& why) const {
  JsonObject members;
  if (hub != nullptr) members = channel ? about(*hub, *channel) : about(*hub);
  members.set("code", name_of(why.error.code));
  members.set("message", why.error.hint);
  if (!why.station.empty()) members.set("station", why.station);
  out_.object("hub_trouble", std::move(members));
  out_.note(fmt::format("dim: {} cannot be read now: {}; trying again",
                        hub == nullptr ? "the list of your hubs"
                        : channel      ? where(*hub, *channel)
                                       : printable(hub->name),
                        why.error.hint));
}

}  // namespace dim
