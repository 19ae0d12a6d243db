// Prekeys of the suite N1 (docs/protocol/native.md): kept for devices, given out once.
#include "dim/native/prekeys.h"

#include <algorithm>

#include "dim/base/base64.h"
#include "dim/base/fault.h"
#include "server/core.h"

namespace dim {
namespace {

constexpr std::size_t kPrekeysBytes = 64 * limits::kKiB;
constexpr Millis kOneTimeEveryMs = 60'000;  // of a device, to one user
constexpr double kOneTimePerNetwork = 5;    // of a device, a minute, to one network

std::string text_of(const Key32& key) { return to_base64(ByteView(key)); }

/// What is written in `text`, which the station has stored after reading it.
template <class Prekey>
Result<Prekey> stored(const std::string& text) {
  const auto object = parse_json_object(text);
  if (!object) return fail(Errc::internal, "stored prekeys are damaged; salvage the store");
  auto out = Prekey::parse(Json(*object));
  if (!out) return fail(Errc::internal, "stored prekeys are damaged; salvage the store");
  return out;
}

/// One device's answer; `one_time`: the key that was taken for it, or nothing.
Result<native::PrekeyBundle> bundle_of(const StoredPrekeys& row, const std::string& one_time) {
  native::PrekeyBundle out{.terminal = row.terminal};
  auto signed_prekey = stored<native::SignedPrekey>(row.signed_key);
  if (!signed_prekey) return std::unexpected(signed_prekey.error());
  out.signed_prekey = *signed_prekey;
  if (one_time.empty()) {
    auto last = stored<native::SignedPrekey>(row.last_resort);
    if (!last) return std::unexpected(last.error());
    out.last_resort = *last;
    return out;
  }
  auto once = stored<native::OneTimePrekey>(one_time);
  if (!once) return std::unexpected(once.error());
  out.one_time = *once;
  return out;
}

/// Rows that a device of today has signed.
void keep_signed(std::vector<StoredPrekeys>& rows, const Receiver& owner) {
  if (DIM_FAULT("prekeys-stay")) return;
  std::erase_if(rows, [&](const StoredPrekeys& row) {
    const auto device = owner.native.find(row.terminal);
    return device == owner.native.end() || text_of(device->second) != row.device;
  });
}

/// Whether this is the device as which the session has logged in.
bool is_of_session(const UserSession& session, const std::string& user,
                   const std::string& terminal) {
  return session.inbox == (terminal.empty() ? user : user + "/" + terminal);
}

}  // namespace

/// The terminal of `target`, a device of the session's user; nothing after a refusal.
std::optional<std::string> StationCore::own_device(StationRequest& request) {
  auto target = Id::parse(request.packet.get("target"));
  if (!target) {
    refuse(request, target.error());
    return std::nullopt;
  }
  if (target->bare().text() != request.session.user) {
    refuse(request, error_of(Errc::forbidden, "prekeys are those of a device of one's own"));
    return std::nullopt;
  }
  return std::string(target->terminal());
}

void StationCore::create_prekeys(StationRequest& request) {
  const std::string& user = request.session.user;
  const auto terminal = own_device(request);
  if (!terminal) return;
  if (!request.packet.content)
    return refuse(request, error_of(Errc::bad_request, "prekeys need content: {\"v\":1,…}"));
  if (request.packet.content->size() > kPrekeysBytes)
    return refuse(request, error_of(Errc::too_large, "prekeys have at most 64 KiB"));
  const auto object = parse_json_object(*request.packet.content);
  if (!object) return refuse(request, object.error());
  const auto set = native::PrekeySet::parse(*object);
  if (!set) return refuse(request, set.error());
  const auto owner = receiver_of(user);
  if (!owner) return read_failed(request.link, request.id, owner.error());
  const auto device = (*owner)->native.find(*terminal);
  if (device == (*owner)->native.end())
    return refuse(request, error_of(Errc::signature,
                                    "the station has no visa of this device that names its keys of "
                                    "the suite N1; publish that first"));
  auto whose = Id::parse(terminal->empty() ? user : user + "/" + *terminal);
  if (!whose) return refuse(request, whose.error());
  if (auto status = set->verify(*whose, {.sig = device->second});
      !status && !DIM_FAULT("prekeys-unverified"))
    return refuse(request, status.error());
  if (std::max(set->signed_prekey.time, set->last_resort.time) >
      clock_.now() + limits::kFutureToleranceMs)
    return refuse(request,
                  error_of(Errc::bad_request, "a prekey is from the future; set the clock"));
  const auto rows = reads_.prekeys(user);
  if (!rows) return read_failed(request.link, request.id, rows.error());
  const std::string signer = text_of(device->second);
  const auto before = std::ranges::find(*rows, *terminal, &StoredPrekeys::terminal);
  if (before != rows->end() && before->device == signer && set->signed_prekey.time < before->time)
    return refuse(request, error_of(Errc::conflict, "a newer signed prekey is stored"));
  PutPrekeys put{.user = user,
                 .terminal = *terminal,
                 .device = signer,
                 .time = set->signed_prekey.time,
                 .signed_key = write_json(set->signed_prekey.json()),
                 .last_resort = write_json(set->last_resort.json())};
  for (const native::OneTimePrekey& one : set->one_time)
    put.one_time.push_back({one.id, write_json(one.json())});
  std::ranges::sort(put.one_time, {}, &StoredOneTimeKey::id);
  if (!put.one_time.empty() && put.one_time.front().id == 0)
    return refuse(request, error_of(Errc::bad_request, "ids of one-time prekeys begin with 1"));
  open_request(request.link, request.id);
  std::vector<Write> writes;
  writes.emplace_back(std::move(put));
  submit(std::move(writes), [this, id = request.link.id, reply = request.id, user,
                             terminal = *terminal](const Result<std::vector<Written>>& written) {
    LinkState* link = finish_request(id, reply);
    if (link == nullptr) return;
    if (!written) return refuse(*link, reply, written.error());
    if (written->front().accepted == Accepted::full)
      return refuse(*link, reply,
                    error_of(Errc::insufficient_storage,
                             "the station keeps 200 one-time keys of a device; nothing of "
                             "this was stored"));
    const auto kept = reads_.prekeys(user);
    if (!kept) return read_failed(*link, reply, kept.error());
    Packet packet = Packet::response(201, reply);
    const auto row = std::ranges::find(*kept, terminal, &StoredPrekeys::terminal);
    if (row != kept->end())
      packet.set("count", std::to_string(row->one_time)).set("newest", std::to_string(row->newest));
    send(*link, packet);
  });
}

/// Drains slowly: a one-time key a minute for each user, and few for all users of a network.
bool StationCore::gives_one_time(const StationRequest& request, const Receiver& owner,
                                 const std::string& device) {
  if (owner.blocked.contains(request.session.user)) return false;
  if (DIM_FAULT("prekeys-drained")) return true;
  const Millis now = clock_.monotonic();
  constexpr Rate kUser{1'000.0 / kOneTimeEveryMs, 1};
  constexpr Rate kNetwork{kOneTimePerNetwork / 60, kOneTimePerNetwork};
  TokenBucket& user = prekeys_given_.at(request.session.user + " " + device, now).bucket;
  if (user.wait(kUser, now) != 0) return false;
  if (request.link.subnet != 0) {
    const std::string network = std::to_string(request.link.subnet) + " " + device;
    if (prekeys_given_.at(network, now).bucket.take(kNetwork, now) != 0) return false;
  }
  return prekeys_given_.at(request.session.user + " " + device, now).bucket.take(kUser, now) == 0;
}

void StationCore::get_prekeys(StationRequest& request) {
  const auto target = Id::parse(request.packet.get("target"));
  if (!target) return refuse(request, target.error());
  const std::string user = target->bare().text();
  if (target->terminal().empty() && user == request.session.user) return count_prekeys(request);
  if (!target->is_user() || !known_user(user))
    return refuse(request, error_of(Errc::not_found, "this station knows nobody with this ID"));
  auto rows = reads_.prekeys(user);
  if (!rows) return read_failed(request.link, request.id, rows.error());
  const auto owner = receiver_of(user);
  if (!owner) return read_failed(request.link, request.id, owner.error());
  keep_signed(*rows, **owner);
  if (!target->terminal().empty() && target->terminal() != "*")
    std::erase_if(*rows, [&](const auto& row) { return row.terminal != target->terminal(); });
  std::vector<Write> writes;
  std::vector<std::size_t> taken_for;  // of each write, the index of its row
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const StoredPrekeys& row = (*rows)[i];
    if (row.one_time == 0 || is_of_session(request.session, user, row.terminal) ||
        !gives_one_time(request, **owner, user + "/" + row.terminal))
      continue;
    writes.emplace_back(TakePrekey{user, row.terminal, row.device});
    taken_for.push_back(i);
  }
  const auto answer = [this, user](LinkState& link, const std::string& reply,
                                   const std::vector<StoredPrekeys>& of,
                                   const std::vector<std::string>& once) {
    JsonArray bundles;
    for (std::size_t i = 0; i < of.size(); ++i) {
      const auto bundle = bundle_of(of[i], once[i]);
      if (!bundle) return read_failed(link, reply, bundle.error());
      bundles.emplace_back(bundle->json());
    }
    Packet packet = Packet::response(200, reply);
    packet.set("target", user);
    packet.content = write_json(bundles);
    send(link, packet);
  };
  std::vector<std::string> once(rows->size());
  if (writes.empty()) return answer(request.link, request.id, *rows, once);
  open_request(request.link, request.id);
  submit(std::move(writes),
         [this, id = request.link.id, reply = request.id, answer, rows = std::move(*rows),
          once = std::move(once),
          taken_for = std::move(taken_for)](const Result<std::vector<Written>>& written) mutable {
           LinkState* link = finish_request(id, reply);
           if (link == nullptr) return;
           // A full disk keeps nobody from writing to somebody: there is the last-resort key.
           if (!written && written.error().code != Errc::insufficient_storage)
             return refuse(*link, reply, written.error());
           for (std::size_t i = 0; written && i < taken_for.size(); ++i)
             once[taken_for[i]] = (*written)[i].prekey;
           answer(*link, reply, rows, once);
         });
}

/// What the station holds of each of the user's own devices.
void StationCore::count_prekeys(StationRequest& request) {
  const std::string& user = request.session.user;
  auto rows = reads_.prekeys(user);
  if (!rows) return read_failed(request.link, request.id, rows.error());
  const auto owner = receiver_of(user);
  if (!owner) return read_failed(request.link, request.id, owner.error());
  keep_signed(*rows, **owner);
  JsonArray devices;
  for (const StoredPrekeys& row : *rows) {
    const auto signed_prekey = stored<native::SignedPrekey>(row.signed_key);
    if (!signed_prekey) return read_failed(request.link, request.id, signed_prekey.error());
    JsonObject one;
    if (!row.terminal.empty()) one.set("device", row.terminal);
    one.set("signed", std::int64_t{signed_prekey->id});
    one.set("time", format_time(signed_prekey->time));
    one.set("count", static_cast<std::int64_t>(row.one_time));
    one.set("newest", std::int64_t{row.newest});
    devices.emplace_back(std::move(one));
  }
  Packet packet = Packet::response(200, request.id);
  packet.set("target", user);
  packet.content = write_json(devices);
  send(request.link, packet);
}

/// The one-time keys of a device that has lost their secret halves.
void StationCore::drop_prekeys(StationRequest& request) {
  const std::string& user = request.session.user;
  const auto terminal = own_device(request);
  if (!terminal) return;
  if (!is_of_session(request.session, user, *terminal))
    return refuse(request, error_of(Errc::forbidden,
                                    "a device drops its own prekeys alone; log in as that device"));
  const auto rows = reads_.prekeys(user);
  if (!rows) return read_failed(request.link, request.id, rows.error());
  const auto row = std::ranges::find(*rows, *terminal, &StoredPrekeys::terminal);
  if (row == rows->end())
    return refuse(request, error_of(Errc::not_found, "this device has no prekeys here"));
  open_request(request.link, request.id);
  std::vector<Write> writes;
  writes.emplace_back(DropPrekeys{
      .user = user, .terminal = *terminal, .device = row->device, .only_one_time = true});
  submit(std::move(writes), [this, id = request.link.id,
                             reply = request.id](const Result<std::vector<Written>>& written) {
    LinkState* link = finish_request(id, reply);
    if (link == nullptr) return;
    if (!written) return refuse(*link, reply, written.error());
    send(*link, Packet::response(204, reply));
  });
}

void StationCore::sweep_prekeys(const std::string& user) {
  const auto rows = reads_.prekeys(user);
  if (!rows || rows->empty()) return;
  const auto owner = receiver_of(user);
  if (!owner) return;  // whoever asks for them is refused, and at the next document they go
  std::vector<StoredPrekeys> good = *rows;
  keep_signed(good, **owner);
  for (const StoredPrekeys& row : *rows) {
    if (std::ranges::find(good, row.terminal, &StoredPrekeys::terminal) == good.end())
      submit(DropPrekeys{.user = user, .terminal = row.terminal, .device = row.device});
  }
}

}  // namespace dim
