#include "dim/engine/hub_post.h"

#include <gtest/gtest.h>

#include "dim/base/base64.h"
#include "dim/crypto/os_random.h"

namespace dim {
namespace {

constexpr Millis kNow = 1'790'000'000'000;
constexpr Millis kHour = 3'600'000;

/// Alice's hub with Bob in it from the second membership on; Carol comes and goes.
class HubPost : public testing::Test {
 protected:
  HubPost() {
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(directory_.learn_meta(person(i).id, person(i).meta));
      EXPECT_TRUE(directory_.learn_document(person(i).id, person(i).visa.json(), kNow));
    }
    change({id(1)}, {});
  }
  static OsRandom& random() {
    static OsRandom one;
    return one;
  }
  static const Account& person(int which) {
    static const Account all[] = {Account::make_user("alice", kNow, random()).value(),
                                  Account::make_user("bob", kNow, random()).value(),
                                  Account::make_user("carol", kNow, random()).value()};
    return all[which];
  }
  static std::string id(int which) { return person(which).id.bare().text(); }
  void change(const std::vector<std::string>& add, const std::vector<std::string>& remove) {
    ASSERT_TRUE(roster_.extend(roster_.next(person(0), add, remove, now_).value().value()));
  }
  std::string seal(int who, std::string_view text) { return seal(who, text, roster_); }
  std::string seal(int who, std::string_view text, const Roster& roster) {
    auto sealed =
        seal_post(text, place_, roster, roster.members(), person(who), directory_, now_, random());
    EXPECT_TRUE(sealed) << to_string(sealed.error());
    return sealed.value_or("");
  }
  /// By a program that asks nobody whether it may.
  std::string by_hand(int who, std::int64_t epoch) {
    JsonObject place;
    place.set("channel", place_.channel.text());
    place.set("message", place_.message.text());
    place.set("revision", place_.revision);
    place.set("epoch", epoch);
    place.set("membership", to_base64(roster_.digest(epoch)));
    PlainMessage letter{.envelope = {.sender = person(who).id, .receiver = *Id::parse(hub_)},
                        .content = *parse_json_object(R"({"type":1,"sn":7,"text":"x"})")};
    letter.envelope.time = static_cast<double>(now_) / 1000;
    letter.content.set("time", letter.envelope.time);
    letter.content.set("post", std::move(place));
    return write_message(seal_group(letter, std::vector{person(0).id, person(1).id}, person(who),
                                    directory_, {}, random())
                             .value());
  }
  Result<OpenedPost> open(int who, const std::string& sealed) {
    return open_post(sealed, place_, roster_, person(who), directory_, now_);
  }
  Errc refused(int who, const std::string& sealed) {
    const auto opened = open(who, sealed);
    EXPECT_FALSE(opened);
    return opened ? Errc::usage : opened.error().code;
  }

  Millis now_ = kNow;
  Directory directory_;
  Meta meta_ = Meta::make_mkm(person(0).identity_key, "private-garden");
  std::string hub_ = meta_.id(EntityType::group)->text();
  Roster roster_ = Roster::begin(hub_, first_roster(person(0), hub_, meta_, kNow)).value();
  PostPlace place_{Guid::make(kNow, random()), Guid::make(kNow, random()), 1};
};

TEST_F(HubPost, F20_MembersReadWhatAMemberWrites) {
  for (const int author : {0, 1}) {
    const std::string sealed = seal(author, "roses 🌹");
    EXPECT_FALSE(sealed.contains("roses"));
    for (const int reader : {0, 1}) {
      const auto opened = open(reader, sealed);
      ASSERT_TRUE(opened) << to_string(opened.error());
      EXPECT_EQ(opened->text, "roses 🌹");
      EXPECT_EQ(opened->author, id(author));
      EXPECT_EQ(opened->epoch, 2);
    }
  }
}

TEST_F(HubPost, A27_WhoWasTakenOutReadsNothingOfWhatIsWrittenAfterwards) {
  change({id(2)}, {});
  const std::string before = seal(0, "for three");
  EXPECT_EQ(open(2, before)->text, "for three");
  const Roster old = roster_;
  change({}, {id(2)});
  const std::string after = seal(0, "for two");
  EXPECT_EQ(refused(2, after), Errc::unauthorised);
  EXPECT_EQ(open(1, after)->text, "for two");
  // A station that still has them as a member changes nothing: they stand in no key.
  const auto told = seal_post("for two", place_, roster_, {id(0), id(1), id(2)}, person(0),
                              directory_, now_, random());
  EXPECT_EQ(refused(2, *told), Errc::unauthorised);
  // Nor do they get what is written by who has not heard of it, where the station says so.
  const auto unheard =
      seal_post("for two", place_, old, {id(0), id(1)}, person(1), directory_, now_, random());
  EXPECT_EQ(refused(2, *unheard), Errc::unauthorised);
  EXPECT_EQ(open(0, *unheard)->text, "for two");
}

TEST_F(HubPost, A27_WhoComesInReadsNothingOfWhatWasWrittenBefore) {
  const std::string before = seal(0, "for two");
  change({id(2)}, {});
  EXPECT_EQ(refused(2, before), Errc::unauthorised);
  EXPECT_EQ(open(1, before)->text, "for two");
}

TEST_F(HubPost, A27_WhoDoesNotBelongToTheHubIsNotShown) {
  EXPECT_EQ(seal_post("x", place_, roster_, {}, person(2), directory_, now_, random()).error().code,
            Errc::forbidden)
      << "an honest program does not even send it";
  change({id(2)}, {});
  const Roster with_carol = roster_;
  const std::string in_time = seal(2, "while I was in");
  change({}, {id(2)});
  EXPECT_EQ(open(1, in_time)->text, "while I was in");
  now_ += kHour;
  const std::string late = seal(2, "under an old membership", with_carol);
  EXPECT_EQ(refused(1, late), Errc::forbidden);
  change({id(2)}, {});
  EXPECT_EQ(refused(1, late), Errc::forbidden) << "also when they are in again";
  EXPECT_EQ(open(1, seal(2, "in again"))->text, "in again");
}

TEST_F(HubPost, A27_WhoNeverBelongedToItCannotNameAMembership) {
  // Carol's program claims one that it has made up, with her in it.
  Roster forged = Roster::begin(hub_, first_roster(person(0), hub_, meta_, kNow)).value();
  ASSERT_TRUE(forged.extend(forged.next(person(0), {id(1), id(2)}, {}, now_).value().value()));
  EXPECT_EQ(refused(1, seal(2, "let me in", forged)), Errc::conflict);
  // Or names the true one, in which she is not.
  EXPECT_EQ(refused(1, by_hand(2, 2)), Errc::forbidden);
  change({id(2)}, {});
  EXPECT_EQ(refused(1, by_hand(2, 2)), Errc::forbidden) << "also when she has come in since";
  EXPECT_TRUE(open(1, by_hand(2, 3)));
}

TEST_F(HubPost, A28_AMembershipThatTheReaderDoesNotKnowIsNotBelieved) {
  Roster other = roster_;
  ASSERT_TRUE(other.extend(other.next(person(0), {id(2)}, {}, now_).value().value()));
  const std::string later = seal(0, "x", other);
  EXPECT_EQ(refused(1, later), Errc::too_early) << "ask for what is newer";
  change({}, {id(1)});  // the station shows different ones to different people
  EXPECT_EQ(refused(0, later), Errc::conflict);
}

TEST_F(HubPost, A29_AStationThatMovesOrChangesAMessageIsFound) {
  const std::string sealed = seal(0, "here");
  const PostPlace right = place_;
  for (const PostPlace& wrong : {PostPlace{Guid::make(kNow, random()), right.message, 1},
                                 PostPlace{right.channel, Guid::make(kNow, random()), 1},
                                 PostPlace{right.channel, right.message, 2}}) {
    place_ = wrong;
    EXPECT_EQ(refused(1, sealed), Errc::rebound);
  }
  place_ = right;
  auto message = SignedMessage::parse(sealed).value();
  message.sealed.data[100] ^= 1;
  EXPECT_EQ(refused(1, write_message(message)), Errc::signature);
  // The same message under the key of somebody else.
  auto stolen = SignedMessage::parse(sealed).value();
  stolen.sealed.envelope.sender = person(2).id;
  EXPECT_EQ(refused(1, write_message(stolen)), Errc::signature);
  // To this hub, by a member, but not written for a channel.
  PlainMessage letter{.envelope = {.sender = person(0).id, .receiver = *Id::parse(hub_)},
                      .content = *parse_json_object(R"({"type":1,"sn":7,"text":"x"})")};
  letter.envelope.time = static_cast<double>(now_) / 1000;
  letter.content.set("time", letter.envelope.time);
  const auto to_group =
      seal_group(letter, std::vector{person(1).id}, person(0), directory_, {}, random());
  ASSERT_TRUE(to_group) << to_string(to_group.error());
  EXPECT_EQ(refused(1, write_message(*to_group)), Errc::content);
}

TEST_F(HubPost, A29_WhatAMessageAnswersAndWhenItEndsIsSignedToo) {
  const PostPlace bare = place_;
  PostPlace full = bare;
  full.reply = Guid::make(kNow, random());
  full.thread = Guid::make(kNow, random());
  full.expires = now_ + kHour + 7;
  const std::string alone = seal(0, "Yes, do it");
  place_ = full;
  const std::string sealed = seal(0, "Yes, do it");
  EXPECT_TRUE(open(1, sealed));
  EXPECT_EQ(refused(1, alone), Errc::rebound) << "it answered nothing";
  const auto shown = [&](auto change) {
    place_ = full;
    change(place_);
    return refused(1, sealed);
  };
  const Guid other = Guid::make(kNow, random());
  EXPECT_EQ(shown([&](PostPlace& one) { one.reply = other; }), Errc::rebound);
  EXPECT_EQ(shown([&](PostPlace& one) { one.reply.reset(); }), Errc::rebound);
  EXPECT_EQ(shown([&](PostPlace& one) { one.thread = other; }), Errc::rebound);
  EXPECT_EQ(shown([&](PostPlace& one) { one.thread.reset(); }), Errc::rebound);
  EXPECT_EQ(shown([&](PostPlace& one) { one.expires += 1'000; }), Errc::rebound);
  EXPECT_EQ(shown([&](PostPlace& one) { one.expires = 0; }), Errc::rebound) << "it would stay";
  place_ = bare;
  EXPECT_EQ(refused(1, sealed), Errc::rebound);
  EXPECT_TRUE(open(1, alone));
}

TEST_F(HubPost, A29_WhomAMessageMentionsIsSignedToo) {
  const std::string alone = seal(0, "for nobody");
  place_.mentions = {id(1), "everyone"};
  const std::string sealed = seal(0, "for Bob");
  EXPECT_TRUE(open(1, sealed));
  EXPECT_FALSE(sealed.contains("everyone"));
  EXPECT_EQ(refused(1, alone), Errc::rebound) << "it mentioned nobody";
  place_.mentions = {"everyone", id(1)};
  EXPECT_TRUE(open(1, sealed)) << "their order says nothing";
  for (const std::vector<std::string>& shown : std::vector<std::vector<std::string>>{
           {}, {id(1)}, {"everyone"}, {"everyone", id(2)}, {"everyone", id(1), id(2)}}) {
    place_.mentions = shown;
    EXPECT_EQ(refused(1, sealed), Errc::rebound) << shown.size();
  }
  place_.mentions.clear();
  EXPECT_TRUE(open(1, alone));
}

TEST(PostTime, A29_ATimeFarFromTheSignedOneIsNotShown) {
  EXPECT_EQ(time_of_post(kNow + 600'000, kNow), kNow + 600'000);
  EXPECT_EQ(time_of_post(kNow - 600'000, kNow), kNow - 600'000);
  EXPECT_EQ(time_of_post(kNow + 600'001, kNow), kNow);
  EXPECT_EQ(time_of_post(kNow - 365 * 24 * kHour, kNow), kNow);
}

TEST_F(HubPost, A29_TheStationTakesSealedMessagesOfTheirAuthorsOnly) {
  const std::string sealed = seal(0, "here");
  EXPECT_TRUE(check_sealed_post(sealed, hub_, id(0)));
  EXPECT_TRUE(is_sealed_post(sealed, hub_));
  const auto refusal = [&](std::string_view content, std::string_view hub, int author) {
    return check_sealed_post(content, hub, id(author)).error().code;
  };
  EXPECT_EQ(refusal("Hello", hub_, 0), Errc::plain_not_allowed);
  EXPECT_EQ(refusal(sealed, hub_, 1), Errc::bad_request);
  EXPECT_EQ(refusal(sealed, "private-other@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H", 0),
            Errc::bad_request);
  EXPECT_EQ(refusal(std::string(limits::kSealedPostBytes + 1, 'x'), hub_, 0), Errc::too_large);
  auto bare = SignedMessage::parse(sealed).value();
  bare.sealed.keys.clear();
  EXPECT_EQ(refusal(write_message(bare), hub_, 0), Errc::plain_not_allowed) << "no keys";
  EXPECT_FALSE(is_sealed_post("Hello", hub_));
  EXPECT_FALSE(is_sealed_post(R"({"a":"text that looks like JSON"})", hub_));
}

TEST_F(HubPost, WhatCannotBeSealedSaysWhy) {
  const auto refusal = [&](std::string_view text, const std::vector<std::string>& readers) {
    return seal_post(text, place_, roster_, readers, person(0), directory_, now_, random())
        .error()
        .code;
  };
  EXPECT_EQ(refusal("", {}), Errc::bad_request);
  EXPECT_EQ(refusal(std::string(64 * 1024 + 1, 'x'), {}), Errc::bad_request);
  EXPECT_EQ(refusal("\xff", {}), Errc::bad_request);
  change({id(2)}, {});
  directory_.forget(person(2).id);
  const std::string sealed = seal(0, "Carol's keys are not known");
  EXPECT_EQ(SignedMessage::parse(sealed)->sealed.keys.size(), 2U);
  EXPECT_TRUE(open(1, sealed)) << "and that holds up nobody";
  const std::string longest(64 * 1024, 'x');
  EXPECT_EQ(open(0, *seal_post(longest, place_, roster_, {}, person(0), directory_, now_, random()))
                ->text,
            longest);
}

TEST_F(HubPost, F23_WhoWasLetInOpensWhatWasBeforeWithAHandedKeyAsFarAsTheRuleShows) {
  constexpr Millis kDays = 86'400'000;
  const auto rule = [&](std::int64_t days) {
    ASSERT_TRUE(roster_.extend(
        roster_.next(person(0), {}, {}, now_, {{place_.channel, days}}).value().value()));
  };
  const auto handed = [&](const std::string& sealed, const SymmetricKey& key) {
    return open_post(sealed, place_, roster_, person(2), directory_, now_, &key);
  };
  const std::string old = seal(0, "long ago");
  now_ += 40 * kDays;
  const std::string recent = seal(1, "not so long ago");
  rule(30);
  change({id(2)}, {});
  const auto old_key = open(1, old), recent_key = open(0, recent);
  ASSERT_TRUE(old_key && recent_key);
  EXPECT_FALSE(recent_key->handed);
  const auto opened = handed(recent, recent_key->key);
  ASSERT_TRUE(opened) << to_string(opened.error());
  EXPECT_EQ(opened->text, "not so long ago");
  EXPECT_EQ(opened->author, id(1));
  EXPECT_TRUE(opened->handed);
  EXPECT_EQ(handed(old, old_key->key).error().code, Errc::forbidden)
      << "before the window, whoever hands it over";
  rule(kAllDays);
  EXPECT_EQ(handed(old, old_key->key).error().code, Errc::forbidden)
      << "a rule that was widened later is for others";
  change({}, {id(2)});
  EXPECT_EQ(handed(recent, recent_key->key).error().code, Errc::forbidden) << "put out again";
  change({id(2)}, {});
  EXPECT_EQ(handed(old, old_key->key)->text, "long ago");
}

TEST_F(HubPost, F23_A27_AWrongKeyOpensNothingAndMakesNoForgedMessage) {
  ASSERT_TRUE(roster_.extend(
      roster_.next(person(0), {}, {}, now_, {{place_.channel, kAllDays}}).value().value()));
  const std::string sealed = seal(1, "by bob");
  change({id(2)}, {});
  const auto with = [&](const std::string& content, const SymmetricKey& key) {
    return open_post(content, place_, roster_, person(2), directory_, now_, &key);
  };
  EXPECT_EQ(with(sealed, SymmetricKey::generate(random())).error().code, Errc::unauthorised);
  // Another text in its place, encrypted with a key that is handed over then.
  const SymmetricKey own = SymmetricKey::generate(random());
  auto forged = SignedMessage::parse(sealed);
  forged->sealed.iv = Bytes(16, 0);
  AesIv iv{};
  forged->sealed.data =
      own.encrypt(as_bytes(R"({"type":1,"sn":1,"text":"by mallory"})"), iv).value();
  EXPECT_EQ(with(write_message(*forged), own).error().code, Errc::signature);
  // In another place than its author has signed.
  const auto key = open(1, sealed);
  PostPlace elsewhere = place_;
  elsewhere.message = Guid::make(now_, random());
  EXPECT_EQ(
      open_post(sealed, elsewhere, roster_, person(2), directory_, now_, &key->key).error().code,
      Errc::rebound);
  EXPECT_EQ(with(sealed, key->key)->text, "by bob");
}

}  // namespace
}  // namespace dim
