// What people and groups are called here.
#pragma once
#include <string>

#include "client/home.h"

namespace dim {

/// Own alias, else the name registered at the station, else what their visa or bulletin says with
/// a piece of the ID, because its owner has chosen it; else the ID.
std::string name_of(Home& home, const Id& id);

}  // namespace dim
