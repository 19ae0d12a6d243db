// Messages as they cross the border between reference clients and the store: what is taken off,
// what a device's copy gets. `data` and `signature` are never touched.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "dim/message/message.h"
#include "dim/packet/guid.h"

namespace dim {

/// The message without the unsigned members that only stations may set, or that nobody should obey
/// (A17): everything but the members of the form itself, SDT, GF, GDT, GHT, and `meta` and `visa`
/// where `attachments` says so.
JsonObject without_hints(const JsonObject& message, bool attachments);
/// False when `without_hints` would change nothing.
bool has_hints(const JsonObject& message);

/// `ID` or `ID/terminal`: the name of a device's place in the queue.
std::string inbox_owner(const Id& user, std::string_view terminal);

/// The copy of one device: `keys` holds its entry alone, under its own name; with a terminal there
/// is `rcpt` too, and a `key` of the form of 2025 stands in `keys` as well (wire-2026.md 4.1, 6).
/// `device` is an inbox owner of the receiver. Text in the reference's style.
std::string copy_for_device(const SignedMessage& message, const Id& device);

/// True when copy_for_device without terminal would change nothing but hints: there is no key to
/// choose, and it stands there as it would be written.
bool is_own_copy(const SignedMessage& message);

/// Which of `owners` get a copy: those that `keys` has an entry for; all of them where there are no
/// `keys`, where there is `key`, or where no entry is for any of them.
std::vector<std::string> owners_with_key(const SealedMessage& message,
                                         const std::vector<std::string>& owners);

/// Names a message of a reference client in the store: the same for the same signed bytes, sender
/// and addressee, whatever else the envelope says (A07, A12, A14, J23). With `place`, one of
/// several names, for what is kept in other places at once.
Guid guid_of(const SignedMessage& message, std::string_view place = {});
/// Whether guid_of may have made it: version 8.
bool is_name_of_bytes(const Guid& guid);

}  // namespace dim
