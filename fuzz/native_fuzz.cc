// The native suite. The first byte chooses: what a visa, a station or a home has (it reads to what
// writes the same), a frame for a living session and for a device that awaits one, or a
// conversation of three devices in which the network drops, repeats, reorders and forges.
#include <array>
#include <utility>
#include <vector>

#include "dim/native/native_testing.h"
#include "dim/native/payload.h"
#include "fuzz/check.h"

using namespace dim;
using namespace dim::native;
using dim::fuzz::must;
using dim::native::testing::CountedRandom;
using dim::native::testing::Device;
using dim::native::testing::kept;
using dim::native::testing::kNow;

namespace {

template <class T>
void json_form(std::string_view text) {
  const auto object = parse_json_object(text);
  if (!object) return;
  const auto parsed = T::parse(*object);
  if (!parsed) return;
  const auto again = T::parse(parsed->json());
  must(again.has_value() && *again == *parsed);
}

void device_property(std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return;
  const auto parsed = DevicePublic::parse(*json);
  if (!parsed) {
    must(parsed.error().code == Errc::native);
    return;
  }
  const auto again = DevicePublic::parse(Json(parsed->json()));
  must(again.has_value() && *again == *parsed);
}

bool same(const Secret& a, ByteView b) { return equal_secret(a.view(), b); }

void kept_session(ByteView bytes) {
  const auto session = Session::read(bytes);
  if (!session) return;
  must(same(session->write(), bytes));
  CountedRandom random(1);
  Session next = session->clone();
  if (const auto frame = seal(next, as_bytes("text"), {}, random)) {
    must(first_part(*frame).has_value());
    if (const auto opened = open(*session, *frame, {}, kNow))
      must(Session::read(opened->next.write().view()).has_value());
  }
}

struct Living {
  Device a;
  Device b;
  Session at_b;
};

const Living& living() {
  static const Living out = [] {
    auto pair = dim::native::testing::Pair::make(7);
    return Living{std::move(pair.a), std::move(pair.b), std::move(pair.at_b)};
  }();
  return out;
}

void frame_of_a_stranger(ByteView bytes) {
  const Living& here = living();
  const Bytes before = kept(here.at_b);
  const auto opened = open(here.at_b, bytes, {}, kNow);
  must(!opened && opened.error().code == Errc::native && kept(here.at_b) == before);
  const auto first = first_part(bytes);
  if (!first || !*first) return;
  const PrekeySecret* current = here.b.find(PrekeyKind::signed_prekey, 1);
  const PrekeySecret* last = here.b.find(PrekeyKind::last_resort, 2);
  must(!accept(here.b.keys, here.b.party, here.a.party, *current,
               (*first)->second_kind ? last : nullptr, bytes, {}, kNow));
}

/// Each step is two bytes: what, and on whom or which.
class Conversation {
 public:
  Conversation() : random_(3) {
    for (const char* name : {"a", "b", "c"}) devices_.push_back(Device::make(name, "", random_));
  }

  void step(std::uint8_t what, std::uint8_t which) {
    const std::size_t from = which % 3;
    const std::size_t to = (from + 1 + which / 3 % 2) % 3;
    PeerSessions& here = sessions_[from][to];
    switch (what % 10) {
      case 0:
      case 1:
        send(from, to);
        break;
      case 2:
        if (begun_ < 24) begin(from, to, which % 2 == 0);
        break;
      case 3: {
        PeerSessions again = PeerSessions::read(here.write().view()).value();
        must(kept(again) == kept(here));
        here = std::move(again);
        break;
      }
      case 4:
        if (which % 5 == 0) here = {};
        break;
      case 5:
        if (!letters_.empty()) take(which);
        break;
      case 6:
        if (!letters_.empty()) {
          Letter forged = letters_[which % letters_.size()];
          forged.frame[which * 7U % forged.frame.size()] ^= static_cast<std::uint8_t>(what | 1);
          must(!receive(forged));
        }
        break;
      case 7:
        now_ += kDayMs * which;
        break;
      default:
        if (!letters_.empty()) {
          const Letter letter = take(which);
          receive(letter);
          must(!receive(letter));
        }
    }
  }

 private:
  struct Letter {
    std::size_t from;
    std::size_t to;
    Bytes text;
    Bytes frame;
  };
  void begin(std::size_t from, std::size_t to, bool one_time) {
    ++begun_;
    sessions_[from][to].add(initiate(devices_[from].keys, devices_[from].party, devices_[to].party,
                                     devices_[to].bundle(one_time, random_), random_)
                                .value());
  }
  void send(std::size_t from, std::size_t to) {
    if (sessions_[from][to].empty()) {
      if (begun_ >= 24) return;
      begin(from, to, true);
    }
    Letter letter{from, to, to_bytes("letter " + std::to_string(count_++)), {}};
    letter.frame = seal(sessions_[from][to], letter.text, letter.text, random_).value();
    letters_.push_back(std::move(letter));
  }
  Letter take(std::uint8_t which) {
    const std::size_t index = which % letters_.size();
    Letter out = std::move(letters_[index]);
    letters_.erase(letters_.begin() + static_cast<std::ptrdiff_t>(index));
    return out;
  }
  bool receive(const Letter& letter) {
    PeerSessions& here = sessions_[letter.to][letter.from];
    const Bytes before = kept(here);
    const auto begins = begins_session(here, letter.frame);
    if (begins && *begins) {
      // A last-resort key begins as often as somebody likes; who has dropped a session cannot know.
      auto opened =
          devices_[letter.to].accept(devices_[letter.from], letter.frame, letter.text, now_);
      if (opened) {
        must(same(opened->plaintext, letter.text));
        here.add(std::move(opened->next));
        return true;
      }
    } else {
      auto opened = open(here, letter.frame, letter.text, now_);
      if (opened) {
        must(same(opened->plaintext, letter.text));
        here = std::move(opened->next);
        for (const Session& session : here.all) must(session.skipped.size() <= kMostSkipped);
        must(here.all.size() <= kMostSessions);
        return true;
      }
    }
    must(kept(here) == before);
    return false;
  }

  CountedRandom random_;
  std::vector<Device> devices_;
  std::array<std::array<PeerSessions, 3>, 3> sessions_{};
  std::vector<Letter> letters_;
  Millis now_ = kNow;
  int count_ = 0;
  int begun_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
      device_property(text);
      break;
    case 1:
      json_form<PrekeySet>(text);
      break;
    case 2:
      json_form<PrekeyBundle>(text);
      break;
    case 3:
      kept_session(rest);
      break;
    case 4:
      if (const auto sessions = PeerSessions::read(rest)) must(same(sessions->write(), rest));
      if (const auto secret = PrekeySecret::read(rest)) must(same(secret->write(), rest));
      if (const auto keys = DeviceKeys::read(rest)) must(same(keys->write(), rest));
      break;
    case 5:
      frame_of_a_stranger(rest);
      break;
    case 6:
      if (rest.size() >= 64) {
        const auto opened = open_payload(rest.subspan(64), Secret::copy_of(rest.first(64)), {});
        must(opened.has_value() || opened.error().code == Errc::native);
      }
      break;
    default: {
      Conversation conversation;
      for (std::size_t i = 0; i + 1 < rest.size() && i < 400; i += 2)
        conversation.step(rest[i], rest[i + 1]);
    }
  }
  return 0;
}
