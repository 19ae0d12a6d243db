// When the keys of others change: what is said of it, and that nothing is sent. And when the own
// one is renewed.
#include "client/messenger.h"
#include "client/names.h"
#include "dim/base/limits.h"
#include "dim/packet/guid.h"

namespace dim {
namespace {

constexpr std::string_view kTwoMetas = "keys: two";
constexpr std::string_view kBrokenChain = "keys: broken";
constexpr std::string_view kAccepted = "keys: new";
constexpr std::string_view kDevice = "keys: device";
constexpr std::string_view kSecret = "keys: forward secret";
constexpr std::string_view kNotSecret = "keys: not forward secret";

std::string_view type_of(const KeyAlarm& alarm) {
  if (alarm.kind == KeyAlarm::Kind::new_device) return kDevice;
  if (alarm.kind == KeyAlarm::Kind::two_metas) return kTwoMetas;
  return alarm.blocked ? kBrokenChain : kAccepted;
}

std::string_view words_of(const KeyAlarm& alarm) {
  if (alarm.kind == KeyAlarm::Kind::new_device) return "has a new device";
  if (alarm.kind == KeyAlarm::Kind::two_metas)
    return "two different keys have signed as this ID, so one of them is somebody else's";
  return alarm.blocked
             ? "their new message key does not follow on the one that you verified: somebody else "
               "may have made it"
             : "their message key has changed without following on the one before; the new one is "
               "used, because you have not verified them";
}

}  // namespace

bool is_key_notice(const HistoryEntry& entry) { return entry.content_type.starts_with("keys: "); }
bool tells_device(const HistoryEntry& notice) { return notice.content_type == kDevice; }
std::optional<bool> tells_secrecy(const HistoryEntry& notice) {
  if (notice.content_type == kSecret) return true;
  return notice.content_type == kNotSecret ? std::optional(false) : std::nullopt;
}
bool stops_sending(const HistoryEntry& notice) {
  return notice.content_type != kAccepted && !tells_device(notice) && !tells_secrecy(notice);
}

/// Where they do not, one of the two is wrong, and nothing is signed that has to count for long: a
/// visa from the future is taken by nobody.
bool Messenger::clocks_agree() const {
  const Millis offset = session_ ? session_->clock_offset() : 0;
  return offset <= limits::kFutureToleranceMs && offset >= -limits::kFutureToleranceMs;
}

/// It is on the disk before anybody hears of it, and goes out again until a station has it.
void Messenger::renew_own_key() {
  key_checked_at_ = clock_.monotonic();
  if (clocks_agree()) (void)home_.renew_keys(clock_.now(), random_);
  const auto keep = [this] {
    if (options_.receive) keep_prekeys([](const Status&) {});  // else at the next log-in
  };
  if (!home_.has_unpublished_visa()) return keep();
  introduced_.clear();
  const Document visa = home_.account().visa;
  publish(visa, [this, visa, keep](const Status& published) {
    if (!published || !home_.note_published(visa.digest())) return;
    keep();  // the station checks them against this visa
    if (!has_other_devices()) return;
    const Account& account = home_.account();
    if (home_.learn(account.id, account.meta.json(), {visa.json()}, clock_.now()))
      (void)announce_devices();  // where that fails they ask for it in a day
  });
}

/// One line of the conversation for each, that nobody has seen yet.
Status Messenger::note_alarms(std::vector<HistoryEntry>& show) {
  for (const KeyAlarm& alarm : home_.take_alarms()) {
    const Millis now = clock_.now();
    HistoryEntry entry{.guid = Guid::make(now, random_).text(), .peer = alarm.id};
    entry.time = now;
    entry.words = words_of(alarm);
    entry.text = alarm.device;
    entry.content_type = type_of(alarm);
    if (auto put = history_.put(entry); !put) return put;
    if (auto put = put_unread(entry); !put) return put;
    show.push_back(std::move(entry));
  }
  return {};
}

/// Whether messages to the peer are forward secret has changed, which is said once.
Status Messenger::note_secrecy(const Id& peer, const NativePlan& plan,
                               std::vector<HistoryEntry>& lines) {
  const bool secret = plan.way == NativeWay::native;
  const auto state = secret ? NativeState::on : NativeState::off;
  if (auto put = put_native_state(home_.vault(), peer, state); !put) return put;
  if (peer.same_entity(home_.account().id)) return {};
  const Millis now = clock_.now();
  HistoryEntry entry{.guid = Guid::make(now, random_).text(), .peer = peer.bare()};
  entry.time = now;
  entry.content_type = secret ? kSecret : kNotSecret;
  if (!plan.without.empty()) entry.text = plan.without.front();
  entry.words = "what you write to them is forward secret again";
  if (!secret) {
    entry.words = "what you write to them is no longer forward secret: ";
    entry.words += entry.text.empty() ? "their device" : "their device " + entry.text;
    entry.words += " does not offer it";
  }
  if (auto put = history_.put(entry); !put) return put;
  if (auto put = put_unread(entry); !put) return put;
  lines.push_back(std::move(entry));
  return {};
}

/// What somebody else has said about `id`'s keys: kept, and told when it is alarming.
Status Messenger::learn(const Id& id, const JsonObject& meta,
                        const std::vector<JsonObject>& documents) {
  Status learnt;
  std::vector<HistoryEntry> show;
  auto disk = home_.vault().transaction([&]() -> Status {
    learnt = home_.learn(id, meta, documents, clock_.now());
    if (auto gone = drop_native_sessions(home_.vault(), home_.directory(), id); !gone) return gone;
    return note_alarms(show);
  });
  if (!disk) return disk;
  tell(show, {});
  return learnt;
}

Status Messenger::check_not_blocked(const Id& id) {
  auto contact = home_.contact(id);
  if (!contact) return std::unexpected(contact.error());
  if (!*contact || !(*contact)->blocked) return {};
  return fail(Errc::security_error,
              "the keys of this contact have changed, so nothing is sent to them; compare numbers "
              "with `dim verify WHO` first");
}

}  // namespace dim
