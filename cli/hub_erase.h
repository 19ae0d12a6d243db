// What was destroyed at the station is erased in the homes of people, who sign that it is: "erased
// 3 of 4".
#pragma once
#include "cli/hub_run.h"

namespace dim {

/// After a DESTROY of a message (GUID), channel (GUID) or hub (ID), `object`, whose copies are gone
/// from this home: signs that, and waits, up to options.wait_s, until the others have. The exit
/// code.
int sign_and_wait(HubRun& run, const HubPlace& place, const std::string& object);

/// DESTROY of a channel, where `place` names one, or of the hub. The exit code.
int destroy_place(HubRun& run, const HubPlace& place);

}  // namespace dim
