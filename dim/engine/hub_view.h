// What a station shows of its public hubs, read back: the client's side of Hub::…_json() and of
// what is pushed (docs/protocol/hubs.md sections 2, 6 and 7). A station is believed in what it says
// of its own hubs, but not that it says it in the right form: each reader is strict about what is
// needed and gives Errc::bad_request, Errc::id or Errc::json for the rest.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/engine/hub.h"
#include "dim/packet/packet.h"
#include "dim/store/posts.h"

namespace dim {

/// A hub as one of its members sees it.
struct HubView {
  std::string id;  ///< a group ID without terminal
  std::string name, topic;
  std::string owner;  ///< user ID
  Permissions everyone{};
  std::int64_t members = 0;
  Millis joined = 0;  ///< when whoever asks came in, the last time; 0: not said
  std::int64_t revision = 1;
  std::map<Guid, HubCategory> categories{};
  std::map<Guid, HubRole> roles{};
  std::map<Guid, HubChannel>
      channels{};  ///< shown in objects of their own: read_hub() leaves it empty
};

struct HubMemberView {
  std::string who;
  HubMember member;
  bool muted = false;
  Millis muted_until = 0;  ///< 0: for ever
};
struct HubPenaltyView {
  std::string who;
  HubPenalty penalty;
};
struct HubRequestView {
  std::string who;
  Millis arrived = 0;
};

/// One of the log of acts (hubs.md section 8).
struct HubActView {
  std::int64_t number = 0;
  Millis time = 0;
  std::string author;
  std::string act;       ///< "CREATE ban"
  std::string member{};  ///< ID; empty: about nobody
  std::string guid{};    ///< empty: about nothing that has one
  std::string reason{};
};

Result<HubView> read_hub(const JsonObject& shown);
Result<std::pair<Guid, HubCategory>> read_category_view(const JsonObject& shown);
Result<std::pair<Guid, HubChannel>> read_channel_view(const JsonObject& shown);
Result<std::pair<Guid, HubRole>> read_role_view(const JsonObject& shown);
Result<std::pair<Guid, HubInvite>> read_invite_view(const JsonObject& shown);
Result<HubMemberView> read_member_view(const JsonObject& shown);
Result<HubPenaltyView> read_penalty_view(const JsonObject& shown);
Result<HubRequestView> read_request_view(const JsonObject& shown);
Result<HubActView> read_act_view(const JsonObject& shown);
Result<StoredReport> read_report_view(const JsonObject& shown);
/// `{"list":[…]}`; Errc::bad_request when it is none, or holds something that is no object.
Result<std::vector<JsonObject>> read_list(std::string_view content);
/// The earlier texts of a message: `{"list":[{"revision","time","content"}]}`.
Result<std::vector<PostRevision>> read_revisions(std::string_view content);

std::string_view to_string(PostState state);
std::string_view to_string(NotifyLevel level);
/// Errc::bad_request for another word than all, mentions and none.
Result<NotifyLevel> parse_level(std::string_view word);

/// A message in a channel, as CREATE shows it: live, or in a page.
Result<Post> read_post(const Packet& push);
/// Of one that read_post() refuses: its place, and that it cannot be read. Nothing where not even
/// its channel, GUID and cursor can be.
std::optional<Post> unreadable_post(const Packet& push);

/// A live change in a channel: EDIT, REMOVE and DELETE of a message, CREATE and DELETE of a
/// reaction or pin.
struct PostEvent {
  Operation operation = Operation::edit;
  HubObject object = HubObject::message;
  Guid channel, guid;    ///< guid: of the message
  std::string author;    ///< who did it
  std::string member{};  ///< whose reaction, where it is not the author's
  Millis time = 0;
  Cursor cursor = 0;
  std::int64_t revision = 0;  ///< EDIT: the new one; 0 for others
  PostState state = PostState::shown;
  std::string symbol{};               ///< of a reaction
  std::optional<std::string> text{};  ///< the new one, or the one that is shown again
};
Result<PostEvent> read_post_event(const Packet& push);

/// A change of the hub itself.
struct HubNotice {
  HubObject object = HubObject::hub;
  Operation change = Operation::edit;
  std::string author;
  std::string hub;
  std::string member{};        ///< whom it is about
  std::optional<Guid> guid{};  ///< what it is about
  std::int64_t number = 0;     ///< of the change; 0 where it is told to who was put out
  Millis time = 0;
  std::optional<JsonObject> shown{};  ///< the object as GET shows it
};
Result<HubNotice> read_hub_notice(const Packet& push);

/// Whether a push is about a hub or a channel: then one of the readers above is for it.
bool is_of_hubs(const Packet& push);

}  // namespace dim
