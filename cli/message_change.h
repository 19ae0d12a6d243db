// `dim edit`, `remove`, `delete`, `destroy` of messages between two people.
#pragma once
#include "cli/context.h"
#include "cli/hub_options.h"

namespace dim {

/// Is it one of these verbs, about somebody and not about a channel?
bool changes_message(Home& home, const HubOptions& options);
/// The home is open, the messenger not made. The exit code.
int change_message(Context& context, const HubOptions& options);

}  // namespace dim
