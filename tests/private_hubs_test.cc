// What people do in private hubs, from their clients through the core of a real station; and what
// a station that lies can do about it.
#include "client/handed_keys.h"
#include "dim/base/base64.h"
#include "dim/engine/hub_post.h"
#include "tests/hub_people.h"

namespace dim::station_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using enum HubObject;

class PrivateHubsTest : public HubPeople {
 protected:
  /// Alice's private hub with a channel, and Bob let in.
  void gather(bool bob_follows = false) {
    alice_ = &person("alice");
    bob_ = &person("bob", bob_follows);
    auto id = get<Id>(
        [&](HubDone<Id> done) { alice().hubs().found("Cellar", "", std::move(done), true); });
    ASSERT_TRUE(id) << id.error().error.hint << id.error().station;
    hub_ = id->text();
    channel_ = make(alice(), HubObject::channel, hub_, R"({"name":"den"})");
    join(alice(), bob(), hub_);
    admit(bob());
    settle();
    ASSERT_TRUE(read(alice(), hub_) && read(bob(), hub_));
  }
  HubResult<std::int64_t> change(Person& by, std::vector<std::string> add,
                                 std::vector<std::string> remove) {
    return get<std::int64_t>([&](HubDone<std::int64_t> done) {
      by.hubs().change_roster(hub_, std::move(add), std::move(remove), std::move(done));
    });
  }
  void admit(Person& one) {
    const auto epoch = change(alice(), {one.id()}, {});
    EXPECT_TRUE(epoch) << epoch.error().error.hint;
  }
  /// Brings memberships up to date, then the newest page.
  HubResult<PostsPage> look(Person& one) {
    EXPECT_TRUE(read(one, hub_));
    return posts(one, here());
  }
  PostQuery here() const {
    PostQuery query;
    query.target = channel_->text();
    query.hub = hub_;
    return query;
  }
  Guid say(Person& one, std::string_view text) { return post(one, hub_, *channel_, text); }
  std::vector<std::string> search(Person& one, std::string_view words) {
    std::vector<std::string> out;
    auto found = one.hubs().privates().search(hub_, std::nullopt, words, INT64_MAX, 50);
    for (const auto& each : found.value()) out.push_back(each.post.content);
    return out;
  }
  /// As the station has it.
  std::string stored(const Guid& guid) { return store.post(guid).value().value().content; }
  /// By the station, whatever the membership says.
  void put_out(Person& one) {
    Packet packet = HubClient::request(Operation::erase, member, hub_);
    EXPECT_EQ(code(alice(), packet.set("member", one.id())), 204);
  }

  void rule(const Guid& channel, std::int64_t days) {
    const auto epoch = get<std::int64_t>([&](HubDone<std::int64_t> done) {
      alice().hubs().set_history(hub_, {channel, days}, std::move(done));
    });
    ASSERT_TRUE(epoch) << epoch.error().error.hint;
  }
  /// Carol, who receives what comes to her, in the station's list.
  Person& carol_comes() {
    Person& carol = person("carol", true);
    join(alice(), carol, hub_);
    return carol;
  }
  void wait(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock.at += 1'000;
      for (auto& [name, one] : people) one->messenger->tick();
      settle();
    }
  }
  std::int64_t keys_of(Person& one) { return one.home.vault().count(kHandedKeys).value(); }
  /// Of the newest page, newest first: texts, "-" for what cannot be opened.
  std::vector<std::string> reads(Person& one, const Guid& channel) {
    EXPECT_TRUE(read(one, hub_));
    const auto page = posts(one, {.target = channel.text(), .hub = hub_});
    std::vector<std::string> out;
    if (!page) return {"refused"};
    for (const Post& post : page->posts)
      out.push_back(post.unreadable.empty() ? post.content : "-");
    return out;
  }

  /// As from a backup that was made before it.
  void restore_without_the_last_change() {
    std::vector<StoredHubChange> changes = store.hub_changes(0, 100).value();
    changes.pop_back();
    std::vector<Write> writes;
    for (std::size_t i = 0; i < changes.size(); ++i)
      writes.emplace_back(PutHubChange{hub_, static_cast<std::int64_t>(i) + 1, changes[i].change});
    ASSERT_TRUE(restored_.commit(writes));
    restart();
    station = std::make_unique<Station>(config, hub_station_account(), restored_,
                                        restored_committer_, clock, random, crew);
  }
  void TearDown() override {
    HubPeople::TearDown();
    station.reset();
  }

  Person& alice() { return *alice_; }
  Person& bob() { return *bob_; }
  Person* alice_ = nullptr;
  Person* bob_ = nullptr;
  std::string hub_;
  std::optional<Guid> channel_;
  MemoryStore restored_;
  TestCommitter restored_committer_{restored_};
};

TEST_F(PrivateHubsTest, A29_MembersReadEachOtherAndTheStationReadsNothing) {
  gather();
  const Guid first = say(alice(), "the key is under the pot");
  EXPECT_EQ(alice().posted.at(first.text()).code, 201)
      << alice().posted.at(first.text()).get("message");
  const Guid second = say(bob(), "which pot?");
  EXPECT_EQ(bob().posted.at(second.text()).code, 201);
  for (const Guid& guid : {first, second})
    EXPECT_THAT(stored(guid), Not(testing::HasSubstr("pot")));
  for (Person* one : {alice_, bob_})
    EXPECT_THAT(texts(look(*one)), ElementsAre("which pot?", "the key is under the pot"));
  EXPECT_THAT(search(bob(), "POT key"), ElementsAre("the key is under the pot"));
  EXPECT_THAT(search(bob(), "roses"), IsEmpty());
  EXPECT_EQ(mark(bob(), *channel_)->unread, 1) << "counting needs no text";
  PostQuery at_station = here();
  at_station.search = "pot";
  EXPECT_EQ(posts(bob(), at_station).error().code, 405);
}

TEST_F(PrivateHubsTest, A29_WhatAMessageAnswersIsSignedAndSoIsItsTime) {
  gather();
  const Guid question = say(alice(), "shall we?");
  const Guid answer = post(bob(), hub_, *channel_, "yes", question);
  const Millis said = clock.now();
  auto page = look(alice());
  ASSERT_THAT(texts(page), ElementsAre("yes", "shall we?"));
  EXPECT_EQ(page->posts.front().reply, question);
  Post shown = store.post(answer).value().value();
  const auto opened = [&](const auto& change) {
    Post one = shown;
    change(one);
    static_cast<void>(alice().hubs().privates().open(hub_, one));
    return one;
  };
  EXPECT_EQ(opened([&](Post& one) { one.reply = answer; }).content, "");
  EXPECT_EQ(opened([](Post& one) { one.reply.reset(); }).content, "");
  EXPECT_EQ(opened([&](Post& one) { one.thread = question; }).content, "");
  EXPECT_EQ(opened([&](Post& one) { one.expires = clock.now() + 1'000; }).content, "");
  EXPECT_EQ(opened([&](Post& one) { one.time -= 300'000; }).time, shown.time - 300'000);
  EXPECT_EQ(opened([&](Post& one) { one.mentions = {alice().id()}; }).content, "");
  const Post old = opened([](Post& one) { one.time -= Millis{365} * 86'400'000; });
  EXPECT_EQ(old.content, "yes");
  EXPECT_NEAR(static_cast<double>(old.time), static_cast<double>(said), 10'000);
}

TEST_F(PrivateHubsTest, A29_F15_WhomAMessageMentionsIsSignedAndStaysSoWhenItIsEdited) {
  gather();
  const auto sent = bob().messenger->post(*Id::parse(hub_), *channel_, "look, @alice",
                                          {.mentions = {alice().id()}});
  ASSERT_TRUE(sent);
  settle();
  ASSERT_EQ(bob().posted.at(sent->text()).code, 201);
  const auto page = look(alice());
  ASSERT_THAT(texts(page), ElementsAre("look, @alice"));
  EXPECT_THAT(page->posts.front().mentions, ElementsAre(alice().id()));
  Post shown = store.post(*sent).value().value();
  shown.mentions.clear();  // a station that would rather not have her called
  EXPECT_EQ(alice().hubs().privates().open(hub_, shown).error().code, Errc::rebound);
  const auto his = posts(bob(), here());
  ASSERT_THAT(texts(his), ElementsAre("look, @alice"));
  auto sealed = get<std::string>([&](HubDone<std::string> done) {
    bob().messenger->seal_post(hub_, place_of(his->posts.front(), 2), "look here, @alice",
                               std::move(done));
  });
  ASSERT_TRUE(sealed) << sealed.error().error.hint;
  EXPECT_EQ(code(bob(), on(Operation::edit, message, *sent).set("revision", "1"), *sealed), 200);
  const auto after = look(alice());
  EXPECT_THAT(texts(after), ElementsAre("look here, @alice"));
  EXPECT_THAT(after->posts.front().mentions, ElementsAre(alice().id()));
}

TEST_F(PrivateHubsTest, F11_AnEditIsSealedToo) {
  gather();
  const Guid guid = say(bob(), "befor");
  ASSERT_THAT(texts(look(alice())), ElementsAre("befor"));
  auto sealed = get<std::string>([&](HubDone<std::string> done) {
    bob().messenger->seal_post(hub_, {*channel_, guid, 2}, "before", std::move(done));
  });
  ASSERT_TRUE(sealed) << sealed.error().error.hint;
  EXPECT_EQ(code(bob(), on(Operation::edit, message, guid).set("revision", "1"), *sealed), 200);
  PostQuery whole;
  whole.target = guid.text();
  whole.hub = hub_;
  whole.earlier = true;
  const auto page = posts(alice(), whole);
  EXPECT_THAT(texts(page), ElementsAre("before"));
  ASSERT_EQ(page->earlier.size(), 1U);
  EXPECT_EQ(page->earlier.front().content, "befor");
  EXPECT_THAT(search(alice(), "befor"), IsEmpty()) << "one text of each message";
  EXPECT_THAT(search(alice(), "before"), ElementsAre("before"));
  EXPECT_EQ(code(bob(), on(Operation::remove, message, guid)), 200);
  EXPECT_THAT(texts(look(alice())), ElementsAre(""));
  EXPECT_THAT(search(alice(), "before"), IsEmpty()) << "what was taken back is not kept";
}

TEST_F(PrivateHubsTest, A27_WhoIsPutOutReadsNoMoreAlsoWhereNobodyHasSignedThatYet) {
  gather();
  Person& carol = person("carol");
  join(alice(), carol, hub_);
  admit(carol);
  say(alice(), "for three");
  EXPECT_THAT(texts(look(carol)), ElementsAre("for three"));
  const std::int64_t before = carol.hubs().privates().roster(hub_)->epoch();
  put_out(carol);
  settle();
  // Bob cannot sign who belongs to the hub, and encrypts for who is still there.
  const Guid by_bob = say(bob(), "for two");
  ASSERT_EQ(bob().posted.at(by_bob.text()).code, 201);
  EXPECT_EQ(bob().hubs().privates().roster(hub_)->epoch(), before);
  const auto opens = [&](const Guid& guid) {
    const Roster& roster = *alice().hubs().privates().roster(hub_);
    return open_post(stored(guid), {*channel_, guid, 1}, roster, carol.home.account(),
                     carol.home.directory(), clock.now());
  };
  EXPECT_EQ(opens(by_bob).error().code, Errc::unauthorised);
  // With Alice's next message it is signed.
  const Guid by_alice = say(alice(), "for two again");
  EXPECT_EQ(opens(by_alice).error().code, Errc::unauthorised);
  EXPECT_EQ(alice().hubs().privates().roster(hub_)->epoch(), before + 1);
  EXPECT_FALSE(alice().hubs().privates().roster(hub_)->has(carol.id()));
  EXPECT_THAT(texts(look(bob())), ElementsAre("for two again", "for two", "for three"));
  // In the station's list again, and in no key: only the founder's key lets somebody in.
  come(carol, false);
  join(alice(), carol, hub_);
  const Guid after = say(bob(), "still for two");
  EXPECT_EQ(opens(after).error().code, Errc::unauthorised);
  const auto page = look(carol);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->posts.front().content, "");
  EXPECT_NE(page->posts.front().unreadable.find("no key for you"), std::string_view::npos);
  EXPECT_EQ(page->posts.back().content, "for three") << "what she could read she can";
}

TEST_F(PrivateHubsTest, A27_WhoComesInIsToldPlainlyThatTheyCannotReadWhatWasBefore) {
  gather();
  say(alice(), "before Carol");
  Person& carol = person("carol");
  join(alice(), carol, hub_);
  const Guid refused = carol.messenger->post(*Id::parse(hub_), *channel_, "may I?").value();
  settle();
  ASSERT_TRUE(carol.posted.contains(refused.text())) << "nobody has let her in yet";
  EXPECT_EQ(carol.posted.at(refused.text()).code, 403);
  EXPECT_THAT(carol.messenger->refused_posts().value(), testing::SizeIs(1)) << "and it is not lost";
  admit(carol);
  say(bob(), "hello Carol");
  const auto page = look(carol);
  EXPECT_THAT(texts(page), ElementsAre("hello Carol", ""));
  EXPECT_NE(page->posts.back().unreadable.find("before you were let in"), std::string_view::npos)
      << page->posts.back().unreadable;
}

TEST_F(PrivateHubsTest, A27_WhoIsOnlyInTheStationsListIsNotShown) {
  gather();
  Person& carol = person("carol");
  join(alice(), carol, hub_);
  // Her program writes all the same, under a membership of her own making.
  Roster forged =
      Roster::begin(hub_, alice().hubs().privates().roster(hub_)->changes().front()).value();
  for (Person* one : {alice_, bob_}) {
    const Account& them = one->home.account();
    ASSERT_TRUE(carol.home.learn(them.id, them.meta.json(), {them.visa.json()}, clock.now()));
    ASSERT_TRUE(one->home.learn(carol.home.account().id, carol.home.account().meta.json(),
                                {carol.home.account().visa.json()}, clock.now()));
  }
  const Account& her = carol.home.account();
  ASSERT_TRUE(carol.home.learn(her.id, her.meta.json(), {her.visa.json()}, clock.now()));
  ASSERT_TRUE(
      forged.extend(forged.next(alice().home.account(), {bob().id(), carol.id()}, {}, clock.now())
                        .value()
                        .value()));
  const Guid guid = Guid::make(clock.now(), random);
  const auto sealed = seal_post("psst", {*channel_, guid, 1}, forged, forged.members(), her,
                                carol.home.directory(), clock.now(), random);
  ASSERT_TRUE(sealed) << to_string(sealed.error());
  Packet packet = HubClient::request(Operation::create, message, channel_->text());
  ASSERT_EQ(code(carol, packet.set("guid", guid.text()), *sealed), 201);
  const auto page = look(bob());
  ASSERT_TRUE(page);
  EXPECT_EQ(page->posts.front().content, "");
  EXPECT_FALSE(page->posts.front().unreadable.empty());
  EXPECT_THAT(search(bob(), "psst"), IsEmpty());
}

TEST_F(PrivateHubsTest, A28_AStationThatShowsAnOlderMembershipGetsNothing) {
  gather();
  Person& carol = person("carol");
  join(alice(), carol, hub_);
  admit(carol);
  ASSERT_TRUE(change(alice(), {}, {carol.id()}));
  ASSERT_TRUE(read(bob(), hub_));
  const std::vector<JsonObject> all = bob().hubs().privates().roster(hub_)->changes();
  ASSERT_EQ(all.size(), 4U);
  PrivateHubs& his = bob().hubs().privates();
  // As a station would answer `after` his last one, if it had gone back by one or more.
  EXPECT_EQ(his.take(hub_, {}).error().code, Errc::conflict);
  EXPECT_EQ(his.take(hub_, {all[0], all[1], all[2]}).error().code, Errc::conflict);
  EXPECT_TRUE(his.take(hub_, {all[2], all[3]})) << "an old one beside says nothing new";
  EXPECT_FALSE(his.roster(hub_)->has(carol.id())) << "and brings nobody back";
  // Another one in its place, signed by the founder or not.
  Roster fork = Roster::begin(hub_, all[0]).value();
  for (int i : {1, 2}) ASSERT_TRUE(fork.extend(all[static_cast<std::size_t>(i)]));
  const auto other = fork.next(alice().home.account(), {}, {bob().id()}, clock.now() + 1'000);
  EXPECT_EQ(his.take(hub_, {**other}).error().code, Errc::conflict);
  EXPECT_EQ(his.roster(hub_)->epoch(), 4);
  // The same in the next life of his program.
  come(bob(), false);
  EXPECT_EQ(bob().hubs().privates().take(hub_, {}).error().code, Errc::conflict);
  EXPECT_EQ(bob().hubs().privates().roster(hub_)->epoch(), 4);
}

TEST_F(PrivateHubsTest, A28_WhatARestoredStationHasLostOfTheMembershipItsFounderPutsBack) {
  gather();
  Person& carol = person("carol");
  join(alice(), carol, hub_);
  admit(carol);
  ASSERT_TRUE(read(bob(), hub_));
  ASSERT_EQ(bob().hubs().privates().roster(hub_)->epoch(), 3);
  restore_without_the_last_change();
  come(bob(), false);
  // Nothing goes out under the older membership, and nothing that waits is dropped.
  const Guid waits = say(bob(), "after the restore");
  EXPECT_FALSE(bob().posted.contains(waits.text()));
  EXPECT_EQ(bob().messenger->waiting().value(), 1U);
  EXPECT_THAT(bob().messenger->refused_posts().value(), IsEmpty());
  come(alice(), false);
  const Guid hers = say(alice(), "it is back");
  ASSERT_TRUE(alice().posted.contains(hers.text()));
  EXPECT_EQ(alice().posted.at(hers.text()).code, 201);
  clock.at += 31'000;
  bob().messenger->tick();
  settle();
  ASSERT_TRUE(bob().posted.contains(waits.text()));
  EXPECT_EQ(bob().posted.at(waits.text()).code, 201);
  come(carol, false);
  EXPECT_THAT(texts(look(carol)), ElementsAre("after the restore", "it is back"));
  EXPECT_EQ(carol.hubs().privates().roster(hub_)->epoch(), 3);
}

TEST_F(PrivateHubsTest, A29_OnlyWhoHasFoundedTheHubLetsSomebodyIn) {
  gather();
  Person& carol = person("carol");
  join(alice(), carol, hub_);
  const auto by_bob = change(bob(), {carol.id()}, {});
  ASSERT_FALSE(by_bob);
  EXPECT_EQ(by_bob.error().error.code, Errc::key);
  EXPECT_EQ(change(alice(), {carol.id()}, {}).value(), 3);
  EXPECT_EQ(change(alice(), {carol.id()}, {}).value(), 3) << "it is so already";
}

TEST_F(PrivateHubsTest, R1_WhatWaitsInTheOutboxIsSealedForThoseWhoAreThereWhenItGoesOut) {
  gather();
  Person& carol = person("carol");
  join(alice(), carol, hub_);
  admit(carol);
  ASSERT_TRUE(read(bob(), hub_));
  bob().messenger->stop();
  const Guid waits =
      bob().messenger->post(*Id::parse(hub_), *channel_, "written on a train").value();
  ASSERT_TRUE(change(alice(), {}, {carol.id()}));
  come(bob(), false);
  settle();
  EXPECT_EQ(bob().posted.at(waits.text()).code, 201)
      << bob().posted.at(waits.text()).get("message");
  const auto message = SignedMessage::parse(stored(waits)).value();
  EXPECT_EQ(message.sealed.keys.size(), 2U) << "Alice and Bob";
  EXPECT_THAT(texts(look(alice())), ElementsAre("written on a train"));
}

TEST_F(PrivateHubsTest, F20_FollowingTellsWhatIsOpenedAlsoOfWhoHasJustComeIn) {
  gather(true);
  settle();
  say(alice(), "hello");
  bob().messenger->tick();
  settle();
  EXPECT_THAT(bob().told, Contains("new: hello"));
  Person& carol = person("carol");
  join(alice(), carol, hub_);
  admit(carol);
  ASSERT_TRUE(read(carol, hub_));
  const Guid guid = say(carol, "I am new here");
  ASSERT_EQ(carol.posted.at(guid.text()).code, 201) << carol.posted.at(guid.text()).get("message");
  for (int i = 0; i < 5; ++i) {
    clock.at += 1'000;
    bob().messenger->tick();
    settle();
  }
  EXPECT_THAT(bob().told, Contains("new: I am new here"));
  EXPECT_THAT(search(bob(), "new here"), ElementsAre("I am new here"));
}

TEST_F(PrivateHubsTest, F23_WhoIsLetInReadsWhatTheRuleOfEachChannelShows) {
  gather(true);
  const Guid attic = make(alice(), channel, hub_, R"({"name":"attic"})");
  const Guid shed = make(alice(), channel, hub_, R"({"name":"shed"})");
  ASSERT_TRUE(read(bob(), hub_));
  constexpr Millis kDays = 86'400'000;
  post(bob(), hub_, attic, "in the attic, long ago");
  say(bob(), "by bob");
  const Guid edited = say(alice(), "by alise");
  clock.at += 40 * kDays;
  post(alice(), hub_, attic, "in the attic");
  post(alice(), hub_, shed, "in the shed");
  auto sealed = get<std::string>([&](HubDone<std::string> done) {
    alice().messenger->seal_post(hub_, {*channel_, edited, 2}, "by alice", std::move(done));
  });
  ASSERT_TRUE(sealed);
  ASSERT_EQ(code(alice(), on(Operation::edit, message, edited).set("revision", "1"), *sealed), 200);
  const auto brief = alice().messenger->post(*Id::parse(hub_), *channel_, "for a moment",
                                             {.expires = clock.now() + 3'600'000});
  ASSERT_TRUE(brief);
  settle();
  rule(*channel_, kAllDays);
  rule(attic, 30);
  Person& carol = carol_comes();
  EXPECT_THAT(reads(carol, *channel_), ElementsAre("-", "-", "-"));
  admit(carol);
  wait(12);
  EXPECT_TRUE(alice().messenger->handing_rests());
  EXPECT_THAT(reads(carol, *channel_), ElementsAre("-", "by alice", "by bob"))
      << "and nothing of what disappears";
  EXPECT_THAT(reads(carol, attic), ElementsAre("in the attic", "-"));
  EXPECT_THAT(reads(carol, shed), ElementsAre("-"));
  const auto page = look(carol);
  EXPECT_EQ(page->posts.back().handed_by, alice().id());
  EXPECT_EQ(page->posts.back().author, bob().id());
  EXPECT_EQ(reads(bob(), *channel_).front(), "for a moment");
  EXPECT_EQ(look(bob())->posts.back().handed_by, "");
  EXPECT_THAT(search(carol, "bob"), ElementsAre("by bob"));
  EXPECT_EQ(alice().messenger->waiting().value(), 0U);
  // Bob is told of the rules, by what has verified; Alice has made them.
  EXPECT_THAT(bob().told, Contains("history den all"));
  EXPECT_THAT(bob().told, Contains("history attic 30d"));
  EXPECT_THAT(alice().told, Not(Contains("history den all")));
  const auto told = std::ranges::count(bob().told, "history den all");
  come(bob(), true);
  wait(2);
  EXPECT_EQ(std::ranges::count(bob().told, "history den all"), told) << "once";
}

TEST_F(PrivateHubsTest, F23_ARuleThatIsWidenedLaterIsForThoseWhoComeLater) {
  gather();
  say(alice(), "before Carol");
  Person& carol = carol_comes();
  admit(carol);
  rule(*channel_, kAllDays);
  wait(5);
  EXPECT_THAT(reads(carol, *channel_), ElementsAre("-"));
  EXPECT_EQ(keys_of(carol), 0);
  ASSERT_TRUE(alice().messenger->hand_over_hub(hub_, *Id::parse(carol.id())));
  wait(5);
  EXPECT_THAT(reads(carol, *channel_), ElementsAre("-")) << "also when it is asked for";
  EXPECT_EQ(bob().messenger->hand_over_hub(hub_, *Id::parse(carol.id())).error().code, Errc::key);
  const auto by_bob = get<std::int64_t>([&](HubDone<std::int64_t> done) {
    bob().hubs().set_history(hub_, {*channel_, 0}, std::move(done));
  });
  EXPECT_EQ(by_bob.error().error.code, Errc::key) << "only the founder signs a rule";
  ASSERT_TRUE(change(alice(), {}, {carol.id()}));
  admit(carol);
  wait(5);
  EXPECT_THAT(reads(carol, *channel_), ElementsAre("before Carol"))
      << "in again, under the new one";
}

TEST_F(PrivateHubsTest, F23_R1_HandingOverGoesOnAfterAKillAndEndsWhenTheyArePutOut) {
  gather();
  std::vector<Guid> channels = {*channel_};
  for (const char* body : {R"({"name":"attic"})", R"({"name":"shed"})"})
    channels.push_back(make(alice(), channel, hub_, body));
  ASSERT_TRUE(read(bob(), hub_));
  for (const Guid& one : channels) {
    post(alice(), hub_, one, "older");
    rule(one, kAllDays);
  }
  Person& carol = carol_comes();
  admit(carol);
  int rounds = 0;
  for (; keys_of(carol) == 0 && rounds < 10; ++rounds) wait(1);
  const std::int64_t before = keys_of(carol);
  EXPECT_GE(before, 1);
  EXPECT_LT(before, 3) << "one page at a time";
  come(alice(), false);
  wait(8);
  for (const Guid& one : channels) EXPECT_THAT(reads(carol, one), ElementsAre("older"));
  // Dave is put out before anything has gone out to him.
  Person& dave = person("dave", true);
  join(alice(), dave, hub_);
  admit(dave);
  put_out(dave);
  wait(8);
  EXPECT_TRUE(alice().messenger->handing_rests());
  EXPECT_EQ(keys_of(dave), 0);
}

TEST_F(PrivateHubsTest, F23_N1_OfWhatIsDestroyedOrTakenBackNoKeyIsHandedOnOrKept) {
  gather();
  const Guid destroyed = say(alice(), "destroyed before");
  say(bob(), "stays");
  const Guid later = say(bob(), "destroyed later");
  const Guid hidden = say(bob(), "hidden");
  const Guid taken = say(alice(), "taken back");
  ASSERT_EQ(code(alice(), on(Operation::destroy, message, destroyed)), 204);
  ASSERT_EQ(code(alice(), on(Operation::remove, message, hidden)), 200);
  rule(*channel_, kAllDays);
  Person& carol = carol_comes();
  admit(carol);
  wait(8);
  const auto kept = [&](const Guid& guid) {
    return carol.home.vault().contains(kHandedKeys, guid.text()).value();
  };
  EXPECT_FALSE(kept(destroyed));
  EXPECT_FALSE(kept(hidden));
  EXPECT_TRUE(kept(later) && kept(taken));
  EXPECT_EQ(keys_of(carol), 3);
  ASSERT_EQ(code(bob(), on(Operation::destroy, message, later)), 204);
  ASSERT_EQ(code(alice(), on(Operation::remove, message, taken)), 200);
  wait(3);
  EXPECT_FALSE(kept(later) || kept(taken));
  EXPECT_EQ(keys_of(carol), 1);
  // A key that was on its way meanwhile is not taken any more.
  const KeysNote note{
      .hub = hub_,
      .channel = *channel_,
      .keys = {{.message = later, .key = to_base64(Bytes(32, 7)), .time = clock.now()}}};
  ASSERT_TRUE(alice().messenger->send(*Id::parse(carol.id()),
                                      Content(keys_content(note, clock.now(), random))));
  wait(3);
  EXPECT_FALSE(kept(later));
  ASSERT_TRUE(erase_opened(carol.home, hub_));
  EXPECT_EQ(keys_of(carol), 0) << "she has left";
}

TEST_F(PrivateHubsTest, F23_A29_KeysOfAnybodyButTheFounderCountForNothing) {
  gather();
  const Guid guid = say(alice(), "before Carol");
  rule(*channel_, kAllDays);
  Person& carol = carol_comes();
  const auto send_wrong = [&](Person& by) {
    const KeysNote note{
        .hub = hub_,
        .channel = *channel_,
        .keys = {{.message = guid, .key = to_base64(Bytes(32, 7)), .time = clock.now()}}};
    EXPECT_TRUE(by.messenger->send(*Id::parse(carol.id()),
                                   Content(keys_content(note, clock.now(), random))));
    settle();
  };
  send_wrong(bob());  // before her home knows who has founded the hub
  admit(carol);
  wait(6);
  send_wrong(bob());
  wait(2);
  EXPECT_THAT(reads(carol, *channel_), ElementsAre("before Carol"));
  EXPECT_THAT(carol.messenger->unread().value(), IsEmpty()) << "nobody reads keys";
  // The founder's program can hand over what opens nothing, and no other text with it.
  send_wrong(alice());
  wait(2);
  EXPECT_THAT(reads(carol, *channel_), ElementsAre("-"));
}

}  // namespace
}  // namespace dim::station_test
