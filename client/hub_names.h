// What hubs and channels are called at the command line, and what of that a home remembers, so that
// a message can be written while the station is away.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/home.h"
#include "dim/engine/hub_view.h"

namespace dim {

struct HubPlace {
  HubView hub;
  std::optional<Guid> channel{};  ///< nothing: the hub as a whole
};

/// "HUB", "HUB/CHANNEL", or the GUID of a channel. HUB: the ID, the own alias, or the name;
/// CHANNEL: its GUID or name. An ID means what has it, whatever others are called; an alias means
/// its hub, also where one is in that hub no longer. Errc::not_found, or Errc::usage where several
/// have that name, or where it is that of a private hub and the station shows another hub by it.
Result<HubPlace> find_place(const std::vector<HubView>& hubs, std::string_view where, Home& home);
/// A category or role by its name or GUID.
Result<Guid> find_named(const std::map<Guid, HubCategory>& all, std::string_view name);
Result<Guid> find_named(const std::map<Guid, HubRole>& all, std::string_view name);

/// IDs and names of the own hubs and channels as they were last.
Status keep_hubs(Home& home, const std::vector<HubView>& hubs);
Result<std::vector<HubView>> kept_hubs(Home& home);
/// What `home` remembers of hubs that could not be read whole: their channels, and the hubs
/// themselves where they are not in `hubs`.
void add_kept(Home& home, std::vector<HubView>& hubs, const std::set<std::string>& unreadable);

/// The private hub that a channel has once been known to be in, by its ID; nothing for others. No
/// station makes it the channel of another hub later. Errc::io, Errc::damaged as the vault.
Result<std::optional<std::string>> private_hub_of(Home& home, const Guid& channel);
/// Remembers that of the channels of `hub`, and its name; of a public hub it does nothing.
Status keep_private(Home& home, const HubView& hub);
/// Takes the channels of other, private hubs out of `hub`. Errc::conflict: there were some.
Status drop_borrowed(Home& home, HubView& hub);
/// One has left the hub: its names are free. Its channels never are.
Status forget_names(Home& home, const std::string& hub);

}  // namespace dim
