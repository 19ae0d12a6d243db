// What the station keeps for its users beside their documents, in the same table: types that no
// document can have.
#pragma once
#include <string_view>

namespace dim {

inline constexpr std::string_view kLoginRecord = "#login";  ///< {"cmd": login, "msg": signed}
/// As a login record without its message: a log-in over DIM/2023, of somebody who was elsewhere. A
/// signed record, where the client sends one, is newer.
inline constexpr std::string_view kHereRecord = "#here";
/// {"list": [ID, …], "time": seconds}: of the command that brought it.
inline constexpr std::string_view kMuteRecord = "#mute";
inline constexpr std::string_view kBlockRecord = "#block";
inline constexpr std::string_view kGroupsRecord =
    "#groups";  ///< {"list": [ID, …]}: whose first documents this user has brought here

/// {"here": flag}: whom a neighbour has brought; whether they have logged in here since
/// (registration.h).
inline constexpr std::string_view kOriginRecord = "#origin";

/// True for those: nobody gets them as documents, nobody may store a document of that type.
inline bool is_record(std::string_view type) { return type.starts_with('#'); }

}  // namespace dim
