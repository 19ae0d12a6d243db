#include "dim/native/session.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dim/crypto/xchacha.h"
#include "dim/native/kdf.h"
#include "dim/native/native_testing.h"

namespace dim::native {
namespace {

using testing::CountedRandom;
using testing::Device;
using testing::kept;
using testing::kNow;
using testing::Pair;

constexpr std::size_t kKindAt = 33;
constexpr std::size_t kRatchetAt = 34;  // of a frame without a first part
constexpr std::size_t kNumberAt = kRatchetAt + 36;
const Bytes kAd = to_bytes("envelope");

Bytes sealed(Session& session, std::string_view text, Random& random, const Bytes& ad = kAd) {
  return seal(session, as_bytes(text), ad, random).value();
}
/// Opens and moves on; the text.
std::string opened(Session& session, const Bytes& frame, const Bytes& ad = kAd, Millis now = kNow) {
  auto out = open(session, frame, ad, now);
  if (!out) return to_string(out.error());
  session = std::move(out->next);
  return to_text(out->plaintext.view());
}
/// Refused as E_N1, and the session is bit by bit what it was.
void expect_refused(const Session& session, const Bytes& frame, const Bytes& ad, const char* what,
                    Millis now = kNow) {
  const Bytes before = kept(session);
  const auto out = open(session, frame, ad, now);
  ASSERT_FALSE(out) << what;
  EXPECT_EQ(out.error().code, Errc::native) << what << ": " << to_string(out.error());
  EXPECT_EQ(name_of(out.error().code), "E_N1");
  EXPECT_EQ(kept(session), before) << what;
}
Bytes with_number(Bytes frame, std::uint32_t number, std::size_t at = kNumberAt) {
  for (std::size_t i = 0; i < 4; ++i)
    frame[at + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return frame;
}

TEST(Session, TalksBothWays) {
  for (const bool one_time : {true, false}) {
    Pair pair = Pair::make(1, one_time);
    EXPECT_FALSE(pair.at_a.first) << "the peer has answered";
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 3; ++i) {
        const std::string text = "to Bob " + std::to_string(10 * round + i);
        EXPECT_EQ(opened(pair.at_b, sealed(pair.at_a, text, pair.random)), text);
      }
      for (int i = 0; i < 2; ++i) {
        const std::string text = "to Alice " + std::to_string(10 * round + i);
        EXPECT_EQ(opened(pair.at_a, sealed(pair.at_b, text, pair.random)), text);
      }
    }
    EXPECT_EQ(pair.at_a.ad, pair.at_b.ad);
    EXPECT_EQ(pair.at_a.peer_keys, pair.b.party.keys.hash());
    EXPECT_EQ(pair.at_b.peer_keys, pair.a.party.keys.hash());
  }
}

TEST(Session, FramesBeginASessionUntilThePeerHasAnswered) {
  CountedRandom random(2);
  Device a = Device::make("alice", "phone", random);
  Device b = Device::make("bob", "", random);
  auto at_a = initiate(a.keys, a.party, b.party, b.bundle(true, random), random).value();
  const Bytes one = sealed(at_a, "one", random);
  const Bytes two = sealed(at_a, "two", random);
  const Bytes three = sealed(at_a, "three", random);
  const auto first = first_part(two).value();
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, *at_a.first);
  EXPECT_EQ(first->sender_keys, a.party.keys.hash());
  // The third arrives before the others.
  auto accepted = b.accept(a, three, kAd);
  ASSERT_TRUE(accepted) << to_string(accepted.error());
  EXPECT_EQ(to_text(accepted->plaintext.view()), "three");
  Session at_b = std::move(accepted->next);
  EXPECT_EQ(opened(at_b, one), "one");
  EXPECT_EQ(opened(at_b, two), "two");
  expect_refused(at_b, one, kAd, "opened before");
  EXPECT_EQ(opened(at_a, sealed(at_b, "answer", random)), "answer");
  EXPECT_FALSE(first_part(sealed(at_a, "four", random)).value());
}

TEST(Session, J32_UnknownAndReservedSuitesAreRefused) {
  Pair pair = Pair::make(3);
  const Bytes right = sealed(pair.at_a, "text", pair.random);
  for (int suite = 0; suite < 256; ++suite) {
    if (suite == kSuite) continue;
    Bytes wrong = right;
    wrong[0] = static_cast<std::uint8_t>(suite);
    expect_refused(pair.at_b, wrong, kAd, "suite");
  }
  const auto hint = [&](std::uint8_t suite) {
    Bytes wrong = right;
    wrong[0] = suite;
    return std::string(open(pair.at_b, wrong, kAd, kNow).error().hint);
  };
  EXPECT_NE(hint(kSuitePostQuantum).find("post-quantum"), std::string::npos);
  EXPECT_NE(hint(kSuiteMls).find("MLS"), std::string::npos);
  Bytes kind = right;
  kind[kKindAt] = 2;
  expect_refused(pair.at_b, kind, kAd, "kind");
  EXPECT_EQ(opened(pair.at_b, right), "text");
}

TEST(Session, J32_AJumpOf1001OrOf2To31IsRefused) {
  Pair pair = Pair::make(4);
  const Bytes zero = sealed(pair.at_a, "0", pair.random);
  EXPECT_EQ(opened(pair.at_b, zero), "0");
  std::vector<Bytes> frames;
  for (int i = 1; i <= 1'002; ++i) frames.push_back(sealed(pair.at_a, "late", pair.random));
  ASSERT_EQ(pair.at_b.received, 1U);
  expect_refused(pair.at_b, frames[1'001], kAd, "1,001 are left out");
  expect_refused(pair.at_b, with_number(frames[0], std::uint32_t{1} << 31), kAd, "2^31");
  expect_refused(pair.at_b, with_number(frames[0], UINT32_MAX), kAd, "2^32 - 1");
  EXPECT_EQ(opened(pair.at_b, frames[1'000]), "late") << "1,000 are left out";
  EXPECT_EQ(pair.at_b.skipped.size(), 1'000U);
  // The chain before, as its length in a frame of the next one says.
  Pair other = Pair::make(5);
  EXPECT_EQ(opened(other.at_b, sealed(other.at_a, "0", other.random)), "0");
  for (int i = 0; i < 1'001; ++i) sealed(other.at_a, "lost", other.random);
  EXPECT_EQ(opened(other.at_a, sealed(other.at_b, "turn", other.random)), "turn");
  expect_refused(other.at_b, sealed(other.at_a, "text", other.random), kAd,
                 "1,001 of the chain before are left out");
}

TEST(Session, J32_ASkippedKeyIsGoneOnceItWasUsed) {
  Pair pair = Pair::make(6);
  const Bytes late = sealed(pair.at_a, "late", pair.random);
  const Bytes next = sealed(pair.at_a, "next", pair.random);
  EXPECT_EQ(opened(pair.at_b, next), "next");
  ASSERT_EQ(pair.at_b.skipped.size(), 1U);
  const Secret key = pair.at_b.skipped[0].key.clone();
  EXPECT_EQ(opened(pair.at_b, late), "late");
  EXPECT_TRUE(pair.at_b.skipped.empty());
  const Bytes after = kept(pair.at_b);
  EXPECT_EQ(std::ranges::search(after, key.view()).size(), 0U) << "its bytes are kept somewhere";
  expect_refused(pair.at_b, late, kAd, "skipped, then opened");
  expect_refused(pair.at_b, next, kAd, "opened");
  // Also across a turn of the ratchet.
  const Bytes old = sealed(pair.at_a, "old chain", pair.random);
  EXPECT_EQ(opened(pair.at_a, sealed(pair.at_b, "turn", pair.random)), "turn");
  EXPECT_EQ(opened(pair.at_b, sealed(pair.at_a, "new chain", pair.random)), "new chain");
  EXPECT_EQ(opened(pair.at_b, old), "old chain");
  expect_refused(pair.at_b, old, kAd, "skipped in the chain before, then opened");
}

TEST(Session, J32_AKeyOfSmallOrderIsRefused) {
  Pair pair = Pair::make(7);
  const Bytes right = sealed(pair.at_a, "text", pair.random);
  Bytes zero = right;
  std::fill_n(zero.begin() + kRatchetAt, 32, std::uint8_t{0});
  expect_refused(pair.at_b, zero, kAd, "all-zero ratchet key");
  zero[kRatchetAt] = 1;
  expect_refused(pair.at_b, zero, kAd, "ratchet key 1");

  // In the first part of a frame, in a bundle that its device has signed, and in a visa.
  CountedRandom random(8);
  Device a = Device::make("alice", "phone", random);
  Device b = Device::make("bob", "", random);
  auto at_a = initiate(a.keys, a.party, b.party, b.bundle(true, random), random).value();
  Bytes first = sealed(at_a, "text", random);
  std::fill_n(first.begin() + kKindAt + 1, 32, std::uint8_t{0});
  const auto accepted = b.accept(a, first, kAd);
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, Errc::native);
  for (const bool in_visa : {true, false}) {
    Party peer = b.party;
    PrekeyBundle bundle = b.bundle(true, random);
    if (in_visa) {
      peer.keys.dh = {};
    } else {
      // A key of zeros that Bob's own device has signed, as only a hostile Bob can.
      Bytes input = to_bytes(std::string_view("dim/2023 n1 prekey\0", 19));
      input.push_back(1);
      append_field(input, as_bytes(b.party.device.text()));
      for (int i = 0; i < 4 + 8 + 32; ++i) input.push_back(0);
      bundle.signed_prekey = {.signature = b.keys.sig.sign(input)};
      ASSERT_TRUE(bundle.verify(peer.device, peer.keys));
    }
    const auto begun = initiate(a.keys, a.party, peer, bundle, random);
    ASSERT_FALSE(begun) << in_visa;
    EXPECT_EQ(begun.error().code, Errc::native);
  }
}

TEST(Session, J32_AnythingThatWasChangedIsRefused) {
  Pair pair = Pair::make(9);
  const Bytes right = sealed(pair.at_a, "text", pair.random);
  for (std::size_t i = 0; i < right.size(); ++i) {
    Bytes wrong = right;
    wrong[i] ^= 0x40;  // the commitment among them
    expect_refused(pair.at_b, wrong, kAd, "a bit");
    wrong = right;
    wrong.resize(i);
    expect_refused(pair.at_b, wrong, kAd, "cut off");
  }
  expect_refused(pair.at_b, right, to_bytes("another envelope"), "another envelope");
  expect_refused(pair.at_b, Bytes(kMostFrame + 1, kSuite), kAd, "too long");
  expect_refused(pair.at_a, right, kAd, "sent back to where it came from");
  EXPECT_EQ(opened(pair.at_b, right), "text");
}

TEST(Session, AStateOutOfABackupSealsAnotherMessageWithOtherKeys) {
  Pair pair = Pair::make(23);
  sealed(pair.at_a, "turns", pair.random);
  Session restored = pair.at_a.clone();
  const Bytes one = seal(pair.at_a, as_bytes("text"), to_bytes("message 1"), pair.random).value();
  const Bytes two = seal(restored, as_bytes("text"), to_bytes("message 2"), pair.random).value();
  ASSERT_EQ(one.size(), two.size());
  EXPECT_NE(Bytes(one.begin() + 1, one.begin() + 33), Bytes(two.begin() + 1, two.begin() + 33))
      << "commitments";
  EXPECT_NE(Bytes(one.end() - 20, one.end() - 16), Bytes(two.end() - 20, two.end() - 16))
      << "the same text under the same key and nonce";
}

TEST(Session, J32_AWrongCommitmentIsRefusedThoughTheTagIsRight) {
  // As somebody makes it who has the key and wants a cipher text that opens under two.
  Pair pair = Pair::make(22);
  sealed(pair.at_a, "turns", pair.random);
  const MessageKeys keys(message_key(pair.at_a.sending), sha256(kAd));
  const Bytes right = sealed(pair.at_a, "text", pair.random);
  for (const bool wrong : {false, true}) {
    Bytes frame(right.begin(), right.begin() + kNumberAt + 4);
    if (wrong) frame[1] ^= 1;
    Bytes associated(pair.at_a.ad.begin(), pair.at_a.ad.end());
    associated.insert(associated.end(), frame.begin(), frame.end());
    append_field(associated, kAd);
    const Bytes text = xchacha_seal(keys.key(), keys.nonce(), associated, as_bytes("text"));
    frame.insert(frame.end(), text.begin(), text.end());
    if (wrong) {
      expect_refused(pair.at_b, frame, kAd, "commitment");
    } else {
      EXPECT_EQ(frame, right);
    }
  }
  EXPECT_EQ(opened(pair.at_b, right), "text");
}

TEST(Session, J32_AChangedFrameCannotUseUpASkippedKey) {
  Pair pair = Pair::make(10);
  const Bytes late = sealed(pair.at_a, "late", pair.random);
  EXPECT_EQ(opened(pair.at_b, sealed(pair.at_a, "next", pair.random)), "next");
  Bytes wrong = late;
  wrong.back() ^= 1;
  expect_refused(pair.at_b, wrong, kAd, "tag");
  wrong = late;
  wrong[1] ^= 1;
  expect_refused(pair.at_b, wrong, kAd, "commitment");
  EXPECT_EQ(opened(pair.at_b, late), "late");
}

TEST(Session, J32_AFrameOfAnotherSessionIsRefused) {
  Pair pair = Pair::make(11);
  CountedRandom random(12);
  auto again =
      initiate(pair.a.keys, pair.a.party, pair.b.party, pair.b.bundle(true, random), random)
          .value();
  const Bytes first = sealed(again, "again", random);
  expect_refused(pair.at_b, first, kAd, "begins another session");
  expect_refused(again, first, kAd, "one's own");
  auto accepted = pair.b.accept(pair.a, first, kAd);
  ASSERT_TRUE(accepted);
  // The one-time key was used: nobody can begin with it again.
  EXPECT_FALSE(pair.b.accept(pair.a, first, kAd));
  EXPECT_NE(open(pair.at_b, first, kAd, kNow).error().hint.find("another session"),
            std::string_view::npos);
  const Bytes answer = sealed(accepted->next, "answer", random);
  expect_refused(pair.at_a, answer, kAd, "answers another session");
  EXPECT_EQ(opened(again, answer), "answer");
}

TEST(Session, J32_AtMost2000KeysAreKeptFor30Days) {
  Pair pair = Pair::make(13);
  std::vector<Bytes> lost;
  for (int chain = 0; chain < 3; ++chain) {
    for (int i = 0; i < 900; ++i) lost.push_back(sealed(pair.at_a, "lost", pair.random));
    const std::string text = "chain " + std::to_string(chain);
    EXPECT_EQ(opened(pair.at_b, sealed(pair.at_a, text, pair.random)), text);
    EXPECT_EQ(opened(pair.at_a, sealed(pair.at_b, "turn", pair.random)), "turn");
  }
  EXPECT_EQ(pair.at_b.skipped.size(), kMostSkipped);
  expect_refused(pair.at_b, lost[699], kAd, "the oldest keys are gone");
  EXPECT_EQ(opened(pair.at_b, lost[700]), "lost");
  const Bytes bytes = kept(pair.at_b);
  EXPECT_EQ(kept(Session::read(bytes).value()), bytes);

  EXPECT_EQ(opened(pair.at_b, lost[701], kAd, kNow + kSkippedMs), "lost");
  expect_refused(pair.at_b, lost[702], kAd, "30 days are over", kNow + kSkippedMs + 1);
  EXPECT_EQ(opened(pair.at_b, sealed(pair.at_a, "now", pair.random), kAd, kNow + kSkippedMs + 1),
            "now");
  EXPECT_TRUE(pair.at_b.skipped.empty());
  EXPECT_EQ(opened(pair.at_a, sealed(pair.at_b, "still", pair.random)), "still");
}

/// Everything that somebody can do who has the whole state: opens, or does not.
bool any_opens(const Session& stolen, const std::vector<Bytes>& frames) {
  return std::ranges::any_of(
      frames, [&](const Bytes& frame) { return open(stolen, frame, kAd, kNow).has_value(); });
}

TEST(Session, ForwardSecrecy_AStolenStateOpensNothingFromBefore) {
  Pair pair = Pair::make(14);
  std::vector<Bytes> earlier;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) {
      const Bytes there = sealed(pair.at_a, "there", pair.random);
      earlier.push_back(there);
      EXPECT_EQ(opened(pair.at_b, there), "there");
    }
    const Bytes back = sealed(pair.at_b, "back", pair.random);
    earlier.push_back(back);
    EXPECT_EQ(opened(pair.at_a, back), "back");
  }
  EXPECT_FALSE(any_opens(pair.at_b, earlier));
  EXPECT_FALSE(any_opens(pair.at_a, earlier));
  // Not even with counters set back: the keys themselves are gone, not only refused.
  for (const Session* state : {&pair.at_a, &pair.at_b}) {
    for (std::uint32_t received = 0; received <= state->received; ++received) {
      Session back = state->clone();
      back.received = received;
      back.first.reset();
      EXPECT_FALSE(any_opens(back, earlier));
      back.receiving = state->sending.clone();
      EXPECT_FALSE(any_opens(back, earlier));
    }
  }
  // Within one chain too, and at the sender's.
  const Bytes one = sealed(pair.at_a, "one", pair.random);
  const Secret chain = pair.at_a.sending.clone();
  Session sender = pair.at_b.clone();
  EXPECT_EQ(opened(sender, one), "one");
  sender.receiving = chain.clone();
  sender.received = 0;
  EXPECT_FALSE(any_opens(sender, {one}));
}

TEST(Session, Healing_AStolenStateIsWorthNothingAfterBothHaveTurned) {
  Pair pair = Pair::make(15);
  const Session stolen_a = pair.at_a.clone();
  const Session stolen_b = pair.at_b.clone();
  // The thief reads along until the ratchet has turned once on each side with keys not stolen.
  const Bytes readable = sealed(pair.at_a, "readable", pair.random);
  EXPECT_TRUE(any_opens(stolen_b, {readable}));
  EXPECT_EQ(opened(pair.at_b, readable), "readable");
  std::vector<Bytes> healed;
  const auto exchange = [&] {
    const Bytes back = sealed(pair.at_b, "back", pair.random);
    EXPECT_EQ(opened(pair.at_a, back), "back");
    const Bytes there = sealed(pair.at_a, "there", pair.random);
    EXPECT_EQ(opened(pair.at_b, there), "there");
    healed = {back, there};
  };
  exchange();
  exchange();
  for (const Session* stolen : {&stolen_a, &stolen_b}) {
    EXPECT_FALSE(any_opens(*stolen, healed));
    for (const Bytes& frame : healed) {
      Session thief = stolen->clone();
      auto read = open(thief, readable, kAd, kNow);
      if (read) thief = std::move(read->next);
      EXPECT_FALSE(open(thief, frame, kAd, kNow));
    }
  }
}

TEST(Session, OnlyTheDeviceOfTheBundleCanAccept) {
  CountedRandom random(16);
  Device a = Device::make("alice", "phone", random);
  Device b = Device::make("bob", "", random);
  Device m = Device::make("mallory", "", random);
  const PrekeyBundle bundle = b.bundle(true, random);
  // A bundle under another device, another user, or in which something was changed.
  EXPECT_FALSE(initiate(a.keys, a.party, m.party, bundle, random));
  PrekeyBundle wrong = bundle;
  wrong.terminal = "phone";
  EXPECT_FALSE(initiate(a.keys, a.party, b.party, wrong, random));
  wrong = bundle;
  wrong.one_time = m.bundle(true, random).one_time;
  EXPECT_FALSE(initiate(a.keys, a.party, b.party, wrong, random));
  wrong = bundle;
  wrong.signed_prekey.key[3] ^= 1;
  EXPECT_EQ(initiate(a.keys, a.party, b.party, wrong, random).error().code, Errc::native);
  // A last-resort key does not pass for a signed prekey.
  wrong = b.bundle(false, random);
  std::swap(wrong.signed_prekey, *wrong.last_resort);
  EXPECT_FALSE(initiate(a.keys, a.party, b.party, wrong, random));
  // Keys that are not those of the own visa.
  EXPECT_FALSE(initiate(m.keys, a.party, b.party, bundle, random));

  auto at_a = initiate(a.keys, a.party, b.party, bundle, random).value();
  const Bytes frame = sealed(at_a, "text", random);
  Device other = Device::make("other", "", random);
  other.keys.sig = a.keys.sig.clone();
  EXPECT_NE(b.accept(other, frame, kAd).error().hint.find("other keys"), std::string_view::npos);
  EXPECT_TRUE(b.accept(a, frame, kAd));
}

TEST(Session, A04_AFrameByANewerVisaWaitsForIt) {
  CountedRandom random(17);
  Device a = Device::make("alice", "phone", random);
  Device b = Device::make("bob", "", random);
  a.party.rev = 7;
  b.party.rev = 3;
  auto at_a = initiate(a.keys, a.party, b.party, b.bundle(true, random), random).value();
  const Bytes frame = sealed(at_a, "text", random);
  a.party.rev = 6;
  EXPECT_EQ(b.accept(a, frame, kAd).error().code, Errc::native) << "the sender has a newer one";
  a.party.rev = 8;
  b.party.rev = 2;
  EXPECT_FALSE(b.accept(a, frame, kAd)) << "of our own device, newer than its own";
  b.party.rev = 5;
  EXPECT_TRUE(b.accept(a, frame, kAd)) << "both have been renewed since";
}

TEST(Session, KeptBytesGiveTheSameSession) {
  Pair pair = Pair::make(18);
  CountedRandom random(19);
  auto begun =
      initiate(pair.a.keys, pair.a.party, pair.b.party, pair.b.bundle(true, random), random)
          .value();
  const Bytes late = sealed(pair.at_b, "late", random);
  EXPECT_EQ(opened(pair.at_a, sealed(pair.at_b, "next", random)), "next");
  for (Session* session : {&pair.at_a, &pair.at_b, &begun}) {
    const Bytes bytes = kept(*session);
    auto again = Session::read(bytes);
    ASSERT_TRUE(again);
    EXPECT_EQ(kept(*again), bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_EQ(Session::read(ByteView(bytes).first(size)).error().code, Errc::native) << size;
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_FALSE(Session::read(longer));
    longer = bytes;
    longer[0] = 2;
    EXPECT_FALSE(Session::read(longer));
    *session = std::move(*again);
  }
  EXPECT_EQ(opened(pair.at_a, late), "late");
  EXPECT_EQ(opened(pair.at_b, sealed(pair.at_a, "after", random)), "after");
}

TEST(Session, SealsWhatFitsAndNoMore) {
  Pair pair = Pair::make(20);
  const Bytes before = kept(pair.at_a);
  const auto out = seal(pair.at_a, Bytes(kMostPlaintext + 1), kAd, pair.random);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Errc::too_large);
  EXPECT_EQ(kept(pair.at_a), before);
  CountedRandom random(21);
  auto begun =
      initiate(pair.a.keys, pair.a.party, pair.b.party, pair.b.bundle(true, random), random)
          .value();
  const auto most = seal(begun, Bytes(kMostPlaintext, 1), kAd, random);
  ASSERT_TRUE(most);
  EXPECT_LE(most->size(), kMostFrame);
  EXPECT_EQ(pair.b.accept(pair.a, *most, kAd)->plaintext.size(), kMostPlaintext);
  pair.at_a.sent = UINT32_MAX;
  if (pair.at_a.sending.empty()) sealed(pair.at_a, "turns", pair.random);
  pair.at_a.sent = UINT32_MAX;
  EXPECT_EQ(seal(pair.at_a, {}, kAd, pair.random).error().code, Errc::native);
}

}  // namespace
}  // namespace dim::native
