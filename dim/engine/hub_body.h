// Reading the bodies of hub changes: strict about types, silent about unknown members.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "dim/engine/hub.h"
#include "dim/engine/hub_roster.h"

namespace dim {

/// A name of a hub, category, channel or role: 1 to 64 bytes of UTF-8 without control and invisible
/// characters, no white space at its ends.
bool valid_hub_name(std::string_view text);

/// Each leaves `out` as it is when the member is missing; Errc::bad_request when it is wrong.
Status read_name(const JsonObject& body, std::string& out);
/// Up to 1,024 bytes in one line.
Status read_topic(const JsonObject& body, std::string_view key, std::string& out);
Status read_number(const JsonObject& body, std::string_view key, std::int64_t least,
                   std::int64_t most, std::int64_t& out);
Status read_flag(const JsonObject& body, std::string_view key, bool& out);
Status read_permissions(const JsonObject& body, std::string_view key, Permissions& out);
/// `null` makes it empty.
Status read_guid(const JsonObject& body, std::string_view key, std::optional<Guid>& out);
/// A user ID, put into its form without terminal.
Result<std::string> read_user(std::string_view text);
Status read_category(const JsonObject& body, HubCategory& out);
Status read_channel(const JsonObject& body, HubChannel& out);
Status read_role(const JsonObject& body, HubRole& out);

/// What is asked of a change that is new, and not of those which are stored: they stay what they
/// are. Errc::bad_request: it says another kind of its hub than the ID, or founds a private one
/// without its first membership.
Status check_new(const HubChange& change, std::string_view hub_id, bool is_private);
/// The same for the next change of a hub's membership. Errc::insufficient_storage: all of them
/// would take more than limits::kRosterBytes.
Status check_roster_room(const HubChange& change, const Hub& hub);
/// That with which `change` founds a private hub. Errc::bad_request when it has none.
Result<RosterChange> first_membership(const HubChange& change, std::string_view hub_id);

Json words_json(Permissions permissions);
std::string_view to_string(ChannelKind kind);

}  // namespace dim
