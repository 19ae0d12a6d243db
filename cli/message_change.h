// `dim edit`, `remove`, `delete`, `destroy`, `react`, `pin` of messages between two people and
// in groups, and what stands in their threads.
#pragma once
#include "cli/context.h"
#include "cli/hub_options.h"

namespace dim {

/// Is it one of these verbs, about somebody and not about a channel?
bool changes_message(Home& home, const HubOptions& options);
/// The home is open, the messenger not made. The exit code.
int change_message(Context& context, const HubOptions& options);
/// What is pinned in options.place, a person; the messenger is made. The exit code.
int show_pins(Context& context, const HubOptions& options);
/// The same with options.message, which stands in a thread or has one; also in a group.
int show_thread(Context& context, const HubOptions& options);

}  // namespace dim
