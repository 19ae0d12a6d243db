// N14: which files a message may use, and what its answers say of them.
#include <gmock/gmock.h>

#include "dim/crypto/digest.h"
#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

class MessageMedia : public HubTest {
 protected:
  /// A complete object of `who`.
  Guid file(const std::string& who, std::string bytes = {}) {
    const Guid out = next_guid();
    if (bytes.empty()) bytes = out.text();
    commit(OpenMedia{.guid = out,
                     .owner = id_of(who),
                     .size = static_cast<std::int64_t>(bytes.size()),
                     .time = clock.now()});
    commit(PutPiece{out, id_of(who), 0, bytes, clock.now()});
    commit(CheckMedia{out, id_of(who), sha256(as_bytes(bytes)), clock.now()});
    EXPECT_EQ(state(out), MediaState::complete);
    return out;
  }
  void commit(Write write) {
    const auto done = store.commit(std::span(&write, 1));
    ASSERT_TRUE(done);
    EXPECT_FALSE(done->front().refused);
  }
  MediaState state(const Guid& guid) { return store.media(guid).value()->state; }
  /// Another connection of the same session, on 8802.
  std::unique_ptr<Peer> files_of(LoggedIn& in) {
    auto text = std::move(in.text);
    EXPECT_EQ(open_lane(in, {}, Lane::media).code, 200);
    return std::exchange(in.text, std::move(text));
  }
  Packet with(const std::string& media, const Guid& guid, const Guid& in) {
    return post(in, guid, "look").set("media", media);
  }
  Packet about_message(Operation operation, const Guid& guid) {
    return request(operation, "message", guid.text());
  }
};

TEST_F(MessageMedia, N14_AMessageUsesWhatItsAuthorHasUploadedOrReads) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid roses = file("alice"), tulips = file("bob"), secret = next_guid();
  EXPECT_EQ(code(*alice.text, make("channel", secret, R"({"name":"s","kind":"private"})")), 201);
  static_cast<void>(bob.text->take());
  const std::string both = "[" + roses.text() + ", " + tulips.text() + "]";
  EXPECT_EQ(code(*bob.text, with(both, next_guid(), channel)), 404) << "alice's";
  const std::string stranger(last.get("message"));
  EXPECT_EQ(code(*bob.text, with(next_guid().text(), next_guid(), channel)), 404);
  EXPECT_EQ(last.get("message"), stranger) << "no word tells them apart";
  EXPECT_EQ(code(*alice.text, with(roses.text(), next_guid(), secret)), 201);
  EXPECT_EQ(code(*bob.text, with(both, next_guid(), channel)), 404) << "he cannot read that one";
  const Guid shown = next_guid();
  EXPECT_EQ(code(*alice.text, with(roses.text(), shown, channel)), 201);
  EXPECT_EQ(code(*bob.text, with(both, next_guid(), channel)), 201);
  EXPECT_EQ(store.media_channels(roses, 10)->size(), 2U);

  const Guid open = next_guid();
  commit(OpenMedia{.guid = open, .owner = id_of("alice"), .size = 10, .time = clock.now()});
  EXPECT_EQ(code(*alice.text, with(open.text(), next_guid(), channel)), 404) << "not complete";
  commit(DropMedia{tulips, id_of("bob"), MediaState::deleted, clock.now()});
  EXPECT_EQ(code(*bob.text, with(tulips.text(), next_guid(), channel)), 410);
  EXPECT_EQ(code(*alice.text, with(tulips.text(), next_guid(), channel)), 404);
  for (const char* bad : {"x", "[]", "[none]", "018f6f0e"})
    EXPECT_EQ(code(*alice.text, with(bad, next_guid(), channel)), 401) << bad;
  EXPECT_EQ(code(*alice.text, with("none", next_guid(), channel)), 201);

  EXPECT_EQ(
      code(*alice.text, about(Operation::edit, "hub", "", R"({"everyone":["read","write"]})")),
      200);
  EXPECT_EQ(code(*bob.text, with(roses.text(), next_guid(), channel)), 403) << "attach";
  EXPECT_EQ(code(*bob.text, with("none", next_guid(), channel)), 201);
}

TEST_F(MessageMedia, F49_N14_AnswersSayWhatWentAndARepetitionIsAnsweredAsTheFirstTime) {
  auto alice = founder();
  const Guid roses = file("alice"), one = next_guid(), two = next_guid();
  EXPECT_EQ(code(*alice.text, with(roses.text(), one, channel)), 201);
  EXPECT_EQ(code(*alice.text, post(channel, two, "without")), 201);
  Packet edit = about_message(Operation::edit, two).set("media", roses.text());
  edit.content = "with";
  EXPECT_EQ(code(*alice.text, edit), 200) << last.get("message");
  EXPECT_EQ(code(*alice.text, about_message(Operation::erase, one)), 204);
  EXPECT_EQ(last.get("held"), "1");
  EXPECT_FALSE(last.has("freed"));
  EXPECT_EQ(state(roses), MediaState::complete);
  EXPECT_EQ(code(*alice.text, about_message(Operation::destroy, two)), 204);
  EXPECT_EQ(last.get("freed"), "1");
  EXPECT_FALSE(last.has("held"));
  EXPECT_EQ(state(roses), MediaState::destroyed);
  EXPECT_EQ(store.blobs(), 0U);
  EXPECT_EQ(code(*alice.text, with(roses.text(), one, channel)), 201) << "a repetition (P36)";
  EXPECT_EQ(code(*alice.text, with(roses.text(), next_guid(), channel)), 410);
  edit.set("media", next_guid().text());
  EXPECT_EQ(code(*alice.text, edit), 410) << "the message is gone before its files are looked at";
}

TEST_F(MessageMedia, F69_F70_WhatOnlyChannelsUseIsFetchedByWhoReadsThem) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = online("carol");
  const Guid roses = file("alice", "some bytes"), secret = next_guid();
  const auto hers = files_of(alice), his = files_of(bob), strange = files_of(carol);
  const auto get = [&](Peer& from, const Guid& guid) {
    return code(from, request(Operation::get, "media", guid.text()));
  };
  const auto open = [&](Peer& from) {
    Packet packet = request(Operation::create, "media", "");
    packet.set("guid", next_guid().text()).set("size", "10");
    return code(
        from, packet.set("digest",
                         "sha256-" + to_base64(sha256(as_bytes(std::string_view("some bytes"))))));
  };
  EXPECT_EQ(get(*strange, roses), 200) << "no message uses it";
  EXPECT_EQ(code(*alice.text, make("channel", secret, R"({"name":"s","kind":"private"})")), 201);
  EXPECT_EQ(code(*alice.text, with(roses.text(), next_guid(), secret)), 201);
  EXPECT_EQ(get(*his, roses), 404) << "a channel that he cannot read";
  EXPECT_EQ(open(*his), 202) << "its digest is not enough";
  EXPECT_EQ(get(*hers, roses), 200);
  const Guid shown = next_guid();
  EXPECT_EQ(code(*alice.text, with(roses.text(), shown, channel)), 201);
  EXPECT_EQ(get(*his, roses), 200);
  EXPECT_EQ(get(*strange, roses), 404);
  const std::string words(last.get("message"));
  EXPECT_EQ(get(*strange, next_guid()), 404);
  EXPECT_EQ(last.get("message"), words) << "no word tells them apart";
  EXPECT_EQ(open(*strange), 202);
  EXPECT_EQ(open(*his), 201) << "another reference";
  EXPECT_EQ(code(*alice.control, about(Operation::create, "ban", "bob")), 201);
  const auto again = files_of(bob);
  EXPECT_EQ(get(*again, roses), 404);
  EXPECT_EQ(open(*again), 201) << "of those bytes he has made an object of his own";
  EXPECT_EQ(get(*hers, roses), 200);
  // A message to a person opens it, whoever was put out elsewhere.
  Packet letter = create(account_of("alice"), id_of("carol"), "look");
  EXPECT_LT(code(*alice.text, letter.set("media", roses.text())), 300);
  EXPECT_EQ(get(*strange, roses), 200);
}

TEST_F(MessageMedia, F49_N1_FilesOfADestroyedChannelAreDestroyedAndOfADeletedOneDeleted) {
  auto alice = founder();
  const Guid roses = file("alice"), tulips = file("alice"), other = next_guid();
  EXPECT_EQ(code(*alice.text, make("channel", other, R"({"name":"other"})")), 201);
  EXPECT_EQ(code(*alice.text, with(roses.text(), next_guid(), channel)), 201);
  EXPECT_EQ(code(*alice.text, with(tulips.text(), next_guid(), other)), 201);
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "channel", channel.text())), 204);
  EXPECT_EQ(state(roses), MediaState::destroyed);
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "channel", other.text())), 204);
  EXPECT_EQ(state(tulips), MediaState::deleted);
}

/// Whatever is too old goes just before the next commit.
class LateStore final : public MemoryStore {
 public:
  Result<std::vector<Written>> commit(std::span<const Write> batch) override {
    if (const auto old = std::exchange(before, std::nullopt)) {
      const Write first = *old;
      if (auto done = MemoryStore::commit(std::span(&first, 1)); !done) return done;
    }
    return MemoryStore::commit(batch);
  }
  std::optional<ExpirePosts> before;
};

TEST_F(MessageMedia, N14_P36_ARefusedRepetitionUsesNothingWhenTheMessageGoesMeanwhile) {
  LateStore late;
  TestCommitter writer(late);
  station = std::make_unique<Station>(config, station_account(), late, writer, clock, random);
  auto alice = founder();
  auto bob = member("bob");
  const Guid roses = next_guid(), one = next_guid();
  const std::vector<Write> upload{
      OpenMedia{.guid = roses, .owner = id_of("bob"), .size = 4, .time = clock.now()},
      PutPiece{roses, id_of("bob"), 0, "rose", clock.now()},
      CheckMedia{roses, id_of("bob"), sha256(as_bytes(std::string_view("rose"))), clock.now()}};
  ASSERT_TRUE(late.commit(upload));
  EXPECT_EQ(code(*bob.text, post(channel, one, "look")), 201);
  EXPECT_EQ(
      code(*alice.text, about(Operation::edit, "hub", "", R"({"everyone":["read","write"]})")),
      200);
  late.before = ExpirePosts{.channel = channel, .before = clock.now() + 1, .now = clock.now() + 1};
  static_cast<void>(code(*bob.text, with(roses.text(), one, channel)));
  EXPECT_FALSE(late.before);
  EXPECT_TRUE(late.media_channels(roses, 10)->empty()) << "he may not attach";
  station.reset();  // before its store
}

/// Has bytes to overwrite for two more slices.
class SlowStore final : public MemoryStore {
 public:
  Result<std::vector<Written>> commit(std::span<const Write> batch) override {
    auto out = MemoryStore::commit(batch);
    for (std::size_t i = 0; out && i < batch.size(); ++i) {
      if (const auto* change = std::get_if<ChangePost>(&batch[i]))
        (*out)[i].unfinished = change->act == PostAct::destroy;
      if (std::holds_alternative<Shred>(batch[i]))
        (*out)[i].accepted = ++slices < 3 ? Accepted::stored : Accepted::repeated;
    }
    return out;
  }
  int slices = 0;
};

TEST_F(MessageMedia, N1_N14_DestroyIsAnsweredWhenTheBytesOfItsFilesAreOverwritten) {
  SlowStore slow;
  TestCommitter writer(slow);
  station = std::make_unique<Station>(config, station_account(), slow, writer, clock, random);
  auto alice = founder();
  const Guid one = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, one, "text")), 201);
  EXPECT_EQ(code(*alice.text, about_message(Operation::destroy, one)), 204);
  EXPECT_EQ(slow.slices, 3);
  station.reset();  // before its store
}

TEST_F(MessageMedia, N14_AMessageToAPersonHoldsItsAuthorsFilesAndIsNeverRefusedForOne) {
  auto alice = online("alice");
  const auto bob = online("bob");
  const Guid roses = file("alice"), tulips = file("bob");
  Packet letter = create(account_of("alice"), id_of("bob"), "look");
  letter.set("media", "[" + roses.text() + ", " + tulips.text() + ", " + next_guid().text() + "]");
  const int answered = code(*alice.text, letter);
  EXPECT_TRUE(answered == 201 || answered == 202) << answered;
  EXPECT_EQ(store.media(roses).value()->touched, kMediaHeld);
  EXPECT_NE(store.media(tulips).value()->touched, kMediaHeld);
  Packet bad = create(account_of("alice"), id_of("bob"), "look");
  EXPECT_EQ(code(*alice.text, bad.set("media", "everything")), 401);
}

}  // namespace
}  // namespace dim::station_test
