#include "dim/engine/hub_view.h"

#include <charconv>
#include <utility>

#include "dim/base/utf8.h"
#include "dim/engine/hub_body.h"
#include "dim/engine/hub_roster.h"
#include "dim/identity/id.h"

namespace dim {
namespace {

constexpr std::int64_t kMost = 9'000'000'000'000'000;  // beyond any count, and below 2^53

std::unexpected<Error> broken() {
  return fail(Errc::bad_request, "what the station shows of a hub is not in the form of hubs.md");
}

Result<std::string> text_of(const JsonObject& shown, std::string_view key) {
  const std::string* text = shown.text(key);
  if (text == nullptr) return broken();
  return *text;
}

Result<std::string> user_of(const JsonObject& shown, std::string_view key) {
  auto text = text_of(shown, key);
  if (!text) return text;
  return read_user(*text);
}

Result<Guid> guid_of(const JsonObject& shown, std::string_view key) {
  auto text = text_of(shown, key);
  if (!text) return std::unexpected(text.error());
  return Guid::parse(*text);
}

Result<Millis> time_of(const JsonObject& shown, std::string_view key) {
  auto text = text_of(shown, key);
  if (!text) return std::unexpected(text.error());
  return parse_time(*text);
}

/// 0 where there is none.
Result<Millis> time_if(const JsonObject& shown, std::string_view key) {
  if (!shown.contains(key)) return Millis{0};
  return time_of(shown, key);
}

Result<std::string> group_of(std::string_view text) {
  auto id = Id::parse(text);
  if (!id) return std::unexpected(id.error());
  if (!id->is_group() || id->is_broadcast()) return broken();
  return id->bare().text();
}

Result<std::int64_t> number_of(std::string_view text, std::int64_t least) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < least || out > kMost)
    return broken();
  return out;
}

/// Every object of a list, read by `read` into `out`.
template <class Read, class Map>
Status read_all(const JsonObject& shown, std::string_view key, Read read, Map& out) {
  const Json* list = shown.find(key);
  if (list == nullptr) return {};
  if (list->array() == nullptr) return broken();
  for (const Json& one : *list->array()) {
    if (one.object() == nullptr) return broken();
    auto made = read(*one.object());
    if (!made) return std::unexpected(made.error());
    out.insert(std::move(*made));
  }
  return {};
}

template <class T>
Result<std::pair<Guid, T>> read_named(const JsonObject& shown,
                                      Status (*read)(const JsonObject&, T&)) {
  auto guid = guid_of(shown, "guid");
  if (!guid) return std::unexpected(guid.error());
  T out;
  if (auto done = read(shown, out); !done) return std::unexpected(done.error());
  if (auto done = read_number(shown, "revision", 1, kMost, out.revision); !done)
    return std::unexpected(done.error());
  return std::pair{*guid, std::move(out)};
}

Result<PostState> state_of(std::string_view word) {
  for (const PostState state : {PostState::shown, PostState::hidden, PostState::removed,
                                PostState::deleted, PostState::destroyed}) {
    if (word == to_string(state)) return state;
  }
  return broken();
}

Status read_reactions(const Packet& push, std::vector<ReactionCount>& out) {
  if (!push.has("reactions")) return {};
  auto list = push.list("reactions");
  if (!list) return std::unexpected(list.error());
  for (const std::string& one : *list) {
    const std::size_t space = one.find(' ');
    if (space == 0 || space == std::string::npos) return broken();
    auto count = number_of(std::string_view(one).substr(space + 1), 1);
    if (!count) return std::unexpected(count.error());
    out.push_back({one.substr(0, space), *count});
  }
  return {};
}

/// Thread, answers, mentions and expiry.
Status read_thread(const Packet& push, Post& out) {
  if (push.has("thread")) {
    auto root = Guid::parse(push.get("thread"));
    if (!root) return std::unexpected(root.error());
    out.thread = *root;
  }
  for (const auto& [key, place] :
       {std::pair{"answers", &out.answers}, std::pair{"answered", &out.answered}}) {
    if (!push.has(key)) continue;
    auto number = number_of(push.get(key), 0);
    if (!number) return std::unexpected(number.error());
    *place = *number;
  }
  if (push.has("mentions")) {
    auto list = push.list("mentions");
    if (!list) return std::unexpected(list.error());
    for (const std::string& one : *list) {
      auto who = one == kEveryone ? Result<std::string>(one) : read_user(one);
      if (!who) return std::unexpected(who.error());
      out.mentions.push_back(std::move(*who));
    }
  }
  if (push.has("expires")) {
    auto time = parse_time(push.get("expires"));
    if (!time) return std::unexpected(time.error());
    out.expires = *time;
  }
  return {};
}

/// What every push about a message has.
struct PostHead {
  Guid channel, guid;
  std::string author;
  Millis time;
  Cursor cursor;
};

Result<PostHead> head_of(const Packet& push) {
  auto channel = Guid::parse(push.get("target"));
  if (!channel) return std::unexpected(channel.error());
  auto guid = Guid::parse(push.get("guid"));
  if (!guid) return std::unexpected(guid.error());
  auto author = read_user(push.get("author"));
  if (!author) return std::unexpected(author.error());
  auto time = parse_time(push.get("time"));
  if (!time) return std::unexpected(time.error());
  auto cursor = number_of(push.get("cursor"), 1);
  if (!cursor) return std::unexpected(cursor.error());
  if (push.content &&
      (push.content->size() > limits::kSealedPostBytes || !valid_utf8(*push.content)))
    return broken();
  return PostHead{*channel, *guid, std::move(*author), *time, *cursor};
}

}  // namespace

std::string_view to_string(PostState state) {
  switch (state) {
    case PostState::hidden:
      return "hidden";
    case PostState::removed:
      return "removed";
    case PostState::deleted:
      return "deleted";
    case PostState::destroyed:
      return "destroyed";
    case PostState::shown:
      break;
  }
  return "shown";
}

std::string_view to_string(NotifyLevel level) {
  switch (level) {
    case NotifyLevel::mentions:
      return "mentions";
    case NotifyLevel::none:
      return "none";
    case NotifyLevel::all:
      break;
  }
  return "all";
}

Result<NotifyLevel> parse_level(std::string_view word) {
  for (const NotifyLevel level : {NotifyLevel::all, NotifyLevel::mentions, NotifyLevel::none}) {
    if (word == to_string(level)) return level;
  }
  return fail(Errc::bad_request, "level is all, mentions or none");
}

Result<HubView> read_hub(const JsonObject& shown) {
  auto text = text_of(shown, "hub");
  if (!text) return std::unexpected(text.error());
  auto id = group_of(*text);
  if (!id) return std::unexpected(id.error());
  auto owner = user_of(shown, "owner");
  if (!owner) return std::unexpected(owner.error());
  HubView out{.id = std::move(*id), .name = {}, .topic = {}, .owner = std::move(*owner)};
  Status done = read_name(shown, out.name);
  if (done && out.name.empty()) return broken();
  if (done) done = read_topic(shown, "topic", out.topic);
  if (done) done = read_permissions(shown, "everyone", out.everyone);
  if (done) done = read_number(shown, "members", 0, kMost, out.members);
  if (done) done = read_number(shown, "revision", 1, kMost, out.revision);
  if (done) {
    auto joined = time_if(shown, "joined");
    if (!joined) return std::unexpected(joined.error());
    out.joined = *joined;
  }
  if (done) done = read_all(shown, "categories", read_category_view, out.categories);
  if (done) done = read_all(shown, "roles", read_role_view, out.roles);
  if (!done) return std::unexpected(done.error());
  return out;
}

Result<std::pair<Guid, HubCategory>> read_category_view(const JsonObject& shown) {
  return read_named<HubCategory>(shown, read_category);
}
Result<std::pair<Guid, HubChannel>> read_channel_view(const JsonObject& shown) {
  return read_named<HubChannel>(shown, read_channel);
}
Result<std::pair<Guid, HubRole>> read_role_view(const JsonObject& shown) {
  return read_named<HubRole>(shown, read_role);
}

Result<std::pair<Guid, HubInvite>> read_invite_view(const JsonObject& shown) {
  auto guid = guid_of(shown, "guid");
  if (!guid) return std::unexpected(guid.error());
  auto author = user_of(shown, "author");
  if (!author) return std::unexpected(author.error());
  HubInvite out{.author = std::move(*author), .uses = -1};
  auto expires = time_if(shown, "expires");
  if (!expires) return std::unexpected(expires.error());
  out.expires = *expires;
  if (auto done = read_number(shown, "uses", 1, kMost, out.uses); !done)
    return std::unexpected(done.error());
  if (auto done = read_flag(shown, "approval", out.approval); !done)
    return std::unexpected(done.error());
  return std::pair{*guid, std::move(out)};
}

Result<HubMemberView> read_member_view(const JsonObject& shown) {
  auto who = user_of(shown, "member");
  if (!who) return std::unexpected(who.error());
  HubMemberView out{.who = std::move(*who), .member = {}};
  const Json* roles = shown.find("roles");
  if (roles == nullptr || roles->array() == nullptr) return broken();
  for (const Json& one : *roles->array()) {
    if (one.text() == nullptr) return broken();
    auto guid = Guid::parse(*one.text());
    if (!guid) return std::unexpected(guid.error());
    out.member.roles.push_back(*guid);
  }
  auto joined = time_of(shown, "joined");
  if (!joined) return std::unexpected(joined.error());
  out.member.joined = *joined;
  if (const Json* muted = shown.find("muted"); muted != nullptr) {
    out.muted = true;
    if (muted->text() != nullptr) {
      auto until = parse_time(*muted->text());
      if (!until) return std::unexpected(until.error());
      out.muted_until = *until;
    } else if (muted->boolean() == nullptr || !*muted->boolean()) {
      return broken();
    }
  }
  if (auto done = read_number(shown, "revision", 1, kMost, out.member.revision); !done)
    return std::unexpected(done.error());
  return out;
}

Result<HubPenaltyView> read_penalty_view(const JsonObject& shown) {
  auto who = user_of(shown, "member");
  if (!who) return std::unexpected(who.error());
  auto by = user_of(shown, "author");
  if (!by) return std::unexpected(by.error());
  auto time = time_of(shown, "time");
  if (!time) return std::unexpected(time.error());
  auto until = time_if(shown, "until");
  if (!until) return std::unexpected(until.error());
  HubPenaltyView out{
      .who = std::move(*who),
      .penalty = {.by = std::move(*by), .reason = {}, .time = *time, .until = *until}};
  if (auto done = read_topic(shown, "reason", out.penalty.reason); !done)
    return std::unexpected(done.error());
  return out;
}

Result<HubRequestView> read_request_view(const JsonObject& shown) {
  auto who = user_of(shown, "member");
  if (!who) return std::unexpected(who.error());
  auto time = time_of(shown, "time");
  if (!time) return std::unexpected(time.error());
  return HubRequestView{.who = std::move(*who), .arrived = *time};
}

Result<HubActView> read_act_view(const JsonObject& shown) {
  constexpr std::size_t kAct = 64;
  HubActView out;
  if (auto done = read_number(shown, "number", 1, kMost, out.number); !done)
    return std::unexpected(done.error());
  auto time = time_of(shown, "time");
  if (!time) return std::unexpected(time.error());
  auto author = user_of(shown, "author");
  if (!author) return std::unexpected(author.error());
  auto act = text_of(shown, "act");
  if (!act || act->empty() || act->size() > kAct || !header_safe(*act) || out.number == 0)
    return broken();
  out.time = *time;
  out.author = std::move(*author);
  out.act = std::move(*act);
  if (shown.contains("member")) {
    auto member = user_of(shown, "member");
    if (!member) return std::unexpected(member.error());
    out.member = std::move(*member);
  }
  if (shown.contains("guid")) {
    const auto guid = guid_of(shown, "guid");
    if (!guid) return std::unexpected(guid.error());
    out.guid = guid->text();
  }
  if (auto done = read_topic(shown, "reason", out.reason); !done)
    return std::unexpected(done.error());
  return out;
}

Result<StoredReport> read_report_view(const JsonObject& shown) {
  auto post = guid_of(shown, "guid");
  if (!post) return std::unexpected(post.error());
  auto channel = guid_of(shown, "channel");
  if (!channel) return std::unexpected(channel.error());
  auto user = user_of(shown, "member");
  if (!user) return std::unexpected(user.error());
  auto author = user_of(shown, "author");
  if (!author) return std::unexpected(author.error());
  auto time = time_of(shown, "time");
  auto written = time_of(shown, "written");
  auto text = text_of(shown, "text");
  auto content = text_of(shown, "content");
  if (!time || !written || !text || !content) return broken();
  StoredReport out{.post = *post,
                   .channel = *channel,
                   .user = std::move(*user),
                   .text = std::move(*text),
                   .time = *time,
                   .author = std::move(*author),
                   .written = *written,
                   .content = std::move(*content)};
  if (auto done = read_number(shown, "revision", 1, kMost, out.revision); !done)
    return std::unexpected(done.error());
  return out;
}

Result<std::vector<JsonObject>> read_list(std::string_view content) {
  auto object = parse_json_object(content);
  if (!object) return std::unexpected(object.error());
  const Json* list = object->find("list");
  if (list == nullptr || list->array() == nullptr) return broken();
  std::vector<JsonObject> out;
  for (const Json& one : *list->array()) {
    if (one.object() == nullptr) return broken();
    out.push_back(*one.object());
  }
  return out;
}

Result<std::vector<PostRevision>> read_revisions(std::string_view content) {
  auto list = read_list(content);
  if (!list) return std::unexpected(list.error());
  std::vector<PostRevision> out;
  for (const JsonObject& one : *list) {
    PostRevision revision;
    auto time = time_of(one, "time");
    auto text = text_of(one, "content");
    if (!time || !text) return broken();
    if (auto done = read_number(one, "revision", 1, kMost, revision.number); !done)
      return std::unexpected(done.error());
    revision.time = *time;
    revision.content = std::move(*text);
    out.push_back(std::move(revision));
  }
  return out;
}

Result<Post> read_post(const Packet& push) {
  if (push.operation != Operation::create || push.get("type") != "message") return broken();
  auto head = head_of(push);
  if (!head) return std::unexpected(head.error());
  Post out{.guid = head->guid,
           .channel = head->channel,
           .cursor = head->cursor,
           .changed = head->cursor,
           .time = head->time,
           .author = std::move(head->author),
           .content = push.content.value_or("")};
  if (push.has("changed")) {
    auto changed = number_of(push.get("changed"), out.cursor);
    if (!changed) return std::unexpected(changed.error());
    out.changed = *changed;
  }
  if (push.has("reply-to")) {
    auto reply = Guid::parse(push.get("reply-to"));
    if (!reply) return std::unexpected(reply.error());
    out.reply = *reply;
  }
  if (push.has("revision")) {
    auto revision = number_of(push.get("revision"), 1);
    if (!revision) return std::unexpected(revision.error());
    out.revision = *revision;
  }
  for (const auto& [key, place] :
       {std::pair{"edited", &out.edited}, std::pair{"pinned", &out.pinned}}) {
    if (!push.has(key)) continue;
    auto time = parse_time(push.get(key));
    if (!time) return std::unexpected(time.error());
    *place = *time;
  }
  if (push.has("state")) {
    auto state = state_of(push.get("state"));
    if (!state) return std::unexpected(state.error());
    out.state = *state;
  }
  out.damaged = push.get("damaged") == "yes";
  if (out.damaged) out.content.clear();
  if (auto done = read_thread(push, out); !done) return std::unexpected(done.error());
  if (auto done = read_reactions(push, out.reactions); !done) return std::unexpected(done.error());
  return out;
}

std::optional<Post> unreadable_post(const Packet& push) {
  const auto channel = Guid::parse(push.get("target"));
  const auto guid = Guid::parse(push.get("guid"));
  const auto cursor = number_of(push.get("cursor"), 1);
  if (!channel || !guid || !cursor) return std::nullopt;
  Post out{.guid = *guid, .channel = *channel, .cursor = *cursor};
  out.changed = number_of(push.get("changed"), *cursor).value_or(*cursor);
  out.time = parse_time(push.get("time")).value_or(0);
  out.author = read_user(push.get("author")).value_or("");
  out.unreadable = "the station shows it in a form that this program does not know";
  return out;
}

Result<PostEvent> read_post_event(const Packet& push) {
  auto object = parse_hub_object(push.get("type"));
  if (!object || !push.operation) return broken();
  const Operation operation = *push.operation;
  const bool create = operation == Operation::create, erase = operation == Operation::erase,
             destroy = operation == Operation::destroy;
  const bool fits =
      *object == HubObject::message
          ? erase || destroy || operation == Operation::edit || operation == Operation::remove
          : (*object == HubObject::reaction || *object == HubObject::pin) && (create || erase);
  if (!fits) return broken();
  auto head = head_of(push);
  if (!head) return std::unexpected(head.error());
  PostEvent out{.operation = operation,
                .object = *object,
                .channel = head->channel,
                .guid = head->guid,
                .author = std::move(head->author),
                .time = head->time,
                .cursor = head->cursor,
                .symbol = std::string(push.get("symbol")),
                .text = push.content};
  if ((*object == HubObject::reaction) == out.symbol.empty()) return broken();
  if (push.has("member")) {
    auto member = read_user(push.get("member"));
    if (!member) return std::unexpected(member.error());
    out.member = std::move(*member);
  }
  if (push.has("revision")) {
    auto revision = number_of(push.get("revision"), 1);
    if (!revision) return std::unexpected(revision.error());
    out.revision = *revision;
  }
  if (push.has("state")) {
    auto state = state_of(push.get("state"));
    if (!state) return std::unexpected(state.error());
    out.state = *state;
  } else if (*object == HubObject::message && erase) {
    out.state = PostState::deleted;
  } else if (*object == HubObject::message && destroy) {
    out.state = PostState::destroyed;
  }
  return out;
}

Result<HubNotice> read_hub_notice(const Packet& push) {
  auto object = parse_hub_object(push.get("type"));
  auto change = parse_operation(push.get("change"));
  if (push.operation != Operation::notify || !object || !change) return broken();
  auto hub = group_of(push.get("target"));
  if (!hub) return std::unexpected(hub.error());
  auto author = read_user(push.get("author"));
  if (!author) return std::unexpected(author.error());
  auto time = parse_time(push.get("time"));
  if (!time) return std::unexpected(time.error());
  HubNotice out{.object = *object,
                .change = *change,
                .author = std::move(*author),
                .hub = std::move(*hub),
                .time = *time};
  if (push.has("member")) {
    auto member = read_user(push.get("member"));
    if (!member) return std::unexpected(member.error());
    out.member = std::move(*member);
  }
  if (push.has("guid")) {
    auto guid = Guid::parse(push.get("guid"));
    if (!guid) return std::unexpected(guid.error());
    out.guid = *guid;
  }
  if (push.has("number")) {
    auto number = number_of(push.get("number"), 1);
    if (!number) return std::unexpected(number.error());
    out.number = *number;
  }
  if (push.content) {
    auto shown = parse_json_object(*push.content);
    if (!shown) return std::unexpected(shown.error());
    out.shown = std::move(*shown);
  }
  return out;
}

bool is_of_hubs(const Packet& push) {
  if (push.is_response()) return false;
  const std::string_view type = push.get("type");
  const bool in_channel = Guid::parse(push.get("target")).has_value();
  if (type == "message" || type == "typing") return in_channel;
  return parse_hub_object(type).has_value();
}

}  // namespace dim
