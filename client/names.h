// What people and groups are called here.
#pragma once
#include <string>

#include "client/home.h"

namespace dim {

/// Own alias, else the name registered at the station, else what their visa or bulletin says with
/// a piece of the ID, because its owner has chosen it; else the ID. Whoever is no contact
/// (Contact::is_stranger) has "~" before such a name, which no registered name begins with: they
/// may call themselves like a contact, and do not look like one (N10).
std::string name_of(Home& home, const Id& id);

/// "bob@4WDfe3zZ…": the ID with a piece of its address, for lines where the whole would be in the
/// way. It names nobody: others may have the same piece.
std::string short_id(const Id& id);

}  // namespace dim
