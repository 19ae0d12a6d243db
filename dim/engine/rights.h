// Who may give which command over the old protocol (J24, J25, J31). Messages are opened and
// verified before; group commands have rules of their own (group.h).
#pragma once
#include <optional>
#include <span>

#include "dim/engine/engine.h"
#include "dim/protocol/commands.h"

namespace dim {

/// Who the sender is to the client that reads.
enum class Relation : std::uint8_t {
  own_station,  ///< the station that was dialled, over this very link
  own_device,   ///< the same account
  known,        ///< a contact, or a member of a common group
  stranger,
};

/// For a client. Errc::forbidden: ignore it, count it, answer nothing. From the own station:
/// handshake, answers to queries (meta, documents, ans, mute, block, search, storage, login
/// records), receipts. From own devices: mute, block and storage, which have to agree everywhere.
/// From anybody: receipts (receipt.h decides), metas and documents (they prove themselves),
/// greetings. A group command counts only inside of a history (group_history.h), a login record
/// only inside of a forward of the own station. Contents that are no command are not asked here.
Status check_command(const Opened& opened, Relation from);

/// For a station, or whoever keeps login records (A23). `signer`: whose signature over the command
/// has verified. Errc::unauthorised when it names somebody else; Errc::content without time or when
/// that is more than 5 min off; Errc::forbidden for a station that is not in `stations`;
/// Errc::conflict when not newer than `known` (seconds, the record of this device).
Status check_login(const LoginContent& login, const Id& signer, std::optional<double> known,
                   std::span<const Id> stations, Millis now);

}  // namespace dim
