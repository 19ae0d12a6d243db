#include "dim/native/peer_sessions.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "dim/native/native_testing.h"

namespace dim::native {
namespace {

using testing::CountedRandom;
using testing::Device;
using testing::kept;
using testing::kNow;

/// Devices that write to each other through a network that drops, repeats, reorders and forges.
class Net {
 public:
  Net(std::size_t count, std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < count; ++i)
      devices_.push_back(Device::make("person-" + std::to_string(i), "phone", random_));
  }

  PeerSessions& sessions(std::size_t at, std::size_t with) { return sessions_[{at, with}]; }
  void begin(std::size_t from, std::size_t to) { begin(from, to, random_.below(3) != 0); }
  void begin(std::size_t from, std::size_t to, bool one_time) {
    Device& device = devices_[from];
    const PrekeyBundle bundle = devices_[to].bundle(one_time, random_);
    sessions(from, to).add(
        initiate(device.keys, device.party, devices_[to].party, bundle, random_).value());
  }
  void send(std::size_t from, std::size_t to) {
    if (sessions(from, to).empty()) begin(from, to);
    Letter letter{from, to, "letter " + std::to_string(count_++), {}};
    letter.frame =
        seal(sessions(from, to), as_bytes(letter.text), as_bytes(letter.text), random_).value();
    letters_.push_back(std::move(letter));
  }
  struct Letter {
    std::size_t from;
    std::size_t to;
    std::string text;
    Bytes frame;
  };
  /// Whether it opened; its text is then what was sent, and if not nothing has changed.
  bool receive(const Letter& letter) {
    PeerSessions& here = sessions(letter.to, letter.from);
    const Bytes before = kept(here);
    const auto begins = begins_session(here, letter.frame);
    if (begins && *begins) {
      auto opened =
          devices_[letter.to].accept(devices_[letter.from], letter.frame, as_bytes(letter.text));
      if (opened) {
        EXPECT_EQ(to_text(opened->plaintext.view()), letter.text);
        here.add(std::move(opened->next));
        return true;
      }
      EXPECT_EQ(opened.error().code, Errc::native);
    } else {
      auto opened = open(here, letter.frame, as_bytes(letter.text), kNow);
      if (opened) {
        EXPECT_EQ(to_text(opened->plaintext.view()), letter.text);
        here = std::move(opened->next);
        return true;
      }
      EXPECT_EQ(opened.error().code, Errc::native);
    }
    EXPECT_EQ(kept(here), before);
    return false;
  }
  Letter take(std::size_t index) {
    Letter out = std::move(letters_[index]);
    letters_.erase(letters_.begin() + static_cast<std::ptrdiff_t>(index));
    return out;
  }
  bool empty() const { return letters_.empty(); }
  std::size_t waiting() const { return letters_.size(); }
  const Letter& last() const { return letters_.back(); }
  CountedRandom& random() { return random_; }
  Device& device(std::size_t at) { return devices_[at]; }

  /// One random step of a network that loses nothing that was not dropped on purpose.
  void step(std::map<std::pair<std::size_t, std::size_t>, int>& renewed) {
    const std::size_t from = random_.below(devices_.size());
    const std::size_t to = (from + 1 + random_.below(devices_.size() - 1)) % devices_.size();
    switch (random_.below(12)) {
      case 0:
        if (!empty()) take(random_.below(letters_.size()));  // dropped
        break;
      case 1: {  // at most so often that no session has to make room
        int& times = renewed[{from, to}];
        if (times < 2 && !sessions(from, to).empty()) {
          ++times;
          begin(from, to);
        }
        break;
      }
      case 2: {
        PeerSessions& here = sessions(from, to);
        here = PeerSessions::read(here.write().view()).value();
        break;
      }
      case 3:
        if (!empty()) {  // forged, then as it was sent
          const std::size_t index = random_.below(letters_.size());
          Letter forged = letters_[index];
          const std::size_t at = random_.below(forged.frame.size());
          forged.frame[at] ^= static_cast<std::uint8_t>(1 + random_.below(255));
          EXPECT_FALSE(receive(forged)) << at;
        }
        break;
      case 4:
      case 5:
      case 6:
      case 7:
        if (!empty()) {
          const Letter letter = take(random_.below(letters_.size()));
          EXPECT_TRUE(receive(letter)) << letter.text;
          if (random_.below(3) == 0) {
            EXPECT_FALSE(receive(letter)) << "a second time";
          }
        }
        break;
      default:
        send(from, to);
    }
  }
  void deliver_all() {
    while (!empty()) {
      const Letter letter = take(random_.below(letters_.size()));
      EXPECT_TRUE(receive(letter)) << letter.text;
    }
  }

 private:
  CountedRandom random_;
  std::vector<Device> devices_;
  std::map<std::pair<std::size_t, std::size_t>, PeerSessions> sessions_;
  std::vector<Letter> letters_;
  int count_ = 0;
};

void run(std::size_t people, std::uint64_t seed, int steps) {
  SCOPED_TRACE(seed);
  Net net(people, seed);
  std::map<std::pair<std::size_t, std::size_t>, int> renewed;
  for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) net.step(renewed);
  net.deliver_all();
  // When everything has arrived, an exchange brings both to one session.
  for (std::size_t a = 0; a < people; ++a) {
    for (std::size_t b = a + 1; b < people; ++b) {
      net.send(a, b);
      net.deliver_all();
      net.send(b, a);
      net.deliver_all();
      EXPECT_EQ(net.sessions(a, b).all.front().ephemeral, net.sessions(b, a).all.front().ephemeral);
    }
  }
}

TEST(PeerSessions, TwoInRandomInterleavings) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) run(2, seed, 150);
}

TEST(PeerSessions, FourInRandomInterleavings) {
  for (std::uint64_t seed = 101; seed <= 110; ++seed) run(4, seed, 300);
}

TEST(PeerSessions, BothBeginAtOnceAndNothingIsLost) {
  Net net(2, 1);
  net.send(0, 1);
  net.send(1, 0);
  net.send(0, 1);
  net.send(1, 0);
  net.deliver_all();
  EXPECT_EQ(net.sessions(0, 1).all.size(), 2U);
  EXPECT_EQ(net.sessions(1, 0).all.size(), 2U);
  net.send(0, 1);
  net.deliver_all();
  net.send(1, 0);
  net.deliver_all();
  EXPECT_EQ(net.sessions(0, 1).all[0].ephemeral, net.sessions(1, 0).all[0].ephemeral);
  EXPECT_EQ(net.sessions(0, 1).all[0].ad, net.sessions(1, 0).all[0].ad);
}

TEST(PeerSessions, WhoHasLostItsStateBeginsAnew) {
  Net net(2, 2);
  net.send(0, 1);
  net.deliver_all();
  net.send(1, 0);
  net.deliver_all();
  net.send(0, 1);  // will not be readable
  net.sessions(1, 0) = {};
  const auto lost = net.take(0);
  EXPECT_FALSE(net.receive(lost));
  net.send(1, 0);
  net.deliver_all();
  net.send(0, 1);
  net.deliver_all();
  EXPECT_EQ(net.sessions(0, 1).all.size(), 2U);
  EXPECT_EQ(net.sessions(1, 0).all.size(), 1U);
}

TEST(PeerSessions, ALateFrameBringsNoOldSessionBack) {
  Net net(2, 3);
  net.send(0, 1);
  net.deliver_all();
  net.send(1, 0);
  net.deliver_all();
  net.send(0, 1);
  const auto late = net.take(0);
  net.send(0, 1);
  net.deliver_all();
  net.begin(0, 1);
  net.send(0, 1);
  net.deliver_all();
  const Key32 newest = net.sessions(1, 0).all[0].ephemeral;
  EXPECT_TRUE(net.receive(late));
  EXPECT_EQ(net.sessions(1, 0).all[0].ephemeral, newest);
}

TEST(PeerSessions, AtMostEightAreKept) {
  Net net(2, 4);
  net.begin(0, 1, true);
  net.send(0, 1);
  const auto oldest = net.take(0);
  EXPECT_TRUE(net.receive(oldest));
  net.send(0, 1);
  const auto in_the_oldest = net.take(0);
  for (std::size_t i = 0; i < kMostSessions; ++i) {
    net.begin(0, 1);
    net.send(0, 1);
    net.deliver_all();
  }
  EXPECT_EQ(net.sessions(1, 0).all.size(), kMostSessions);
  EXPECT_FALSE(net.receive(in_the_oldest));
  const Bytes bytes = kept(net.sessions(1, 0));
  const auto again = PeerSessions::read(bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(kept(*again), bytes);
  for (const std::size_t cut : {0UL, 1UL, 2UL, 5UL, 200UL, bytes.size() - 1})
    EXPECT_EQ(PeerSessions::read(ByteView(bytes).first(cut)).error().code, Errc::native) << cut;
  Bytes wrong = bytes;
  wrong[1] = kMostSessions + 1;
  EXPECT_FALSE(PeerSessions::read(wrong));
  wrong = bytes;
  wrong.push_back(0);
  EXPECT_FALSE(PeerSessions::read(wrong));
}

TEST(PeerSessions, ThoseOfOtherKeysAreDropped) {
  Net net(2, 5);
  net.send(0, 1);
  net.deliver_all();
  PeerSessions here = net.sessions(1, 0).clone();
  here.keep_only(net.device(0).party.keys.hash());
  EXPECT_EQ(here.all.size(), 1U);
  here.keep_only(net.device(1).party.keys.hash());
  EXPECT_TRUE(here.empty());
  EXPECT_EQ(seal(here, {}, {}, net.random()).error().code, Errc::native);
  net.send(0, 1);
  EXPECT_EQ(open(here, net.last().frame, {}, kNow).error().code, Errc::native);
}

}  // namespace
}  // namespace dim::native
