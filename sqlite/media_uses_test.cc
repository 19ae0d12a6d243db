// N14, F49, F74: files go with the last message that uses them, and their bytes with them.
#include "sqlite/media_uses.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>

#include "sqlite/checked_vfs.h"
#include "sqlite/media_testing.h"

namespace dim {
namespace {

using testing::ElementsAre;

const Guid kRoses = guid(1'000'001), kTulips = guid(1'000'002);

PutPost uses(int number, std::vector<Guid> media, const Guid& channel = kRoses,
             std::string author = "alice") {
  return {.post = {.guid = guid(number),
                   .channel = channel,
                   .time = kTestTime,
                   .author = std::move(author),
                   .content = "look"},
          .media = std::move(media)};
}

ChangePost act(int number, PostAct what) {
  return {.guid = guid(number), .act = what, .time = kTestTime};
}

ChangePost edit(int number, const std::string& text,
                std::optional<std::vector<Guid>> media = std::nullopt) {
  return {.guid = guid(number),
          .act = PostAct::edit,
          .text = text,
          .time = kTestTime,
          .media = std::move(media)};
}

template <class Backend>
class MediaUsesOf : public MediaTest<Backend> {
 protected:
  Written done(Write write) {
    auto out = this->one(std::move(write));
    EXPECT_EQ(out.accepted, Accepted::stored);
    return out;
  }
  MediaState state(int number) { return this->media(number).state; }
  /// What is destroyed is overwritten to the end.
  void shred(std::vector<Guid> channels = {}) {
    while (this->one(Shred{.channels = channels}).accepted == Accepted::stored) continue;
  }
};

TYPED_TEST_SUITE(MediaUsesOf, MediaBackends, BackendNames<InMemory>);

TYPED_TEST(MediaUsesOf, F49_N14_AFileGoesWithTheLastMessageThatUsesIt) {
  this->upload(1, "alice", some_bytes(2 * kBlock));
  this->done(uses(11, {guid(1)}));
  this->done(uses(12, {guid(1)}, kTulips));
  EXPECT_THAT(this->store().media_channels(guid(1), 10).value(), ElementsAre(kRoses, kTulips));
  EXPECT_THAT(this->store().media_channels(guid(1), 1).value(), ElementsAre(kRoses));
  const auto first = this->done(act(11, PostAct::erase));
  EXPECT_EQ(first.freed, 0);
  EXPECT_EQ(first.held, 1);
  EXPECT_EQ(this->state(1), MediaState::complete);
  this->backend_.reopen();
  EXPECT_THAT(this->store().media_channels(guid(1), 10).value(), ElementsAre(kTulips));
  const auto last = this->done(act(12, PostAct::take_back));
  EXPECT_EQ(last.freed, 1);
  EXPECT_EQ(last.held, 0);
  EXPECT_EQ(this->state(1), MediaState::deleted);
  EXPECT_EQ(this->store().user_use("alice")->files, 0) << "the room is alice's again";
  this->clean();
  EXPECT_EQ(this->backend_.blobs(), 0U);
  EXPECT_EQ(this->state(1), MediaState::deleted) << "and who asks for it hears that it is gone";
  EXPECT_EQ(this->one(act(12, PostAct::take_back)).freed, 0) << "twice";
}

TYPED_TEST(MediaUsesOf, N14_TwoObjectsWithTheSameBytesFreeThemWithTheLast) {
  const std::string bytes = some_bytes(2 * kBlock);
  this->upload(1, "alice", bytes);
  this->upload(2, "bob", bytes);
  this->done(uses(11, {guid(1)}));
  this->done(uses(12, {guid(2)}, kRoses, "bob"));
  EXPECT_EQ(this->done(act(11, PostAct::destroy)).held, 1) << "bob has the same bytes";
  this->shred();
  this->clean();
  EXPECT_EQ(this->state(1), MediaState::destroyed);
  EXPECT_EQ(this->read(2, 0, bytes.size()), bytes);
  EXPECT_EQ(this->done(act(12, PostAct::erase)).freed, 1);
  this->clean();
  EXPECT_EQ(this->backend_.blobs(), 0U);
}

TYPED_TEST(MediaUsesOf, F49_HidingFreesNothing) {
  this->upload(1, "alice", "some bytes");
  this->done(uses(11, {guid(1)}));
  this->done(act(11, PostAct::hide));
  EXPECT_EQ(this->state(1), MediaState::complete);
  this->done(act(11, PostAct::show));
  EXPECT_EQ(this->done(act(11, PostAct::erase)).freed, 1);
}

TYPED_TEST(MediaUsesOf, F49_N14_WhatAnEarlierTextUsesStaysAsLongAsThatText) {
  this->upload(1, "alice", "one");
  this->upload(2, "alice", "two");
  this->done(uses(11, {guid(1)}));
  this->done(edit(11, "without a word of files"));
  this->done(edit(11, "two", {{guid(2)}}));
  EXPECT_EQ(this->state(1), MediaState::complete);
  // The second text was the last that used the first file.
  for (int i = 3; i <= 101; ++i) this->done(edit(11, "text " + std::to_string(i)));
  EXPECT_EQ(this->state(1), MediaState::complete);
  EXPECT_EQ(this->done(edit(11, "the last")).freed, 1);
  EXPECT_EQ(this->state(1), MediaState::deleted);
  EXPECT_EQ(this->state(2), MediaState::complete);
  this->done(edit(11, "none", std::vector<Guid>{}));
  EXPECT_EQ(this->done(act(11, PostAct::erase)).freed, 1);
  EXPECT_EQ(this->state(2), MediaState::deleted);
}

TYPED_TEST(MediaUsesOf, F74_N14_RetentionAndDisappearingFreeFilesToo) {
  this->upload(1, "alice", "one");
  this->upload(2, "alice", "two");
  this->upload(3, "alice", "three");
  this->done(uses(11, {guid(1)}));
  PutPost brief = uses(12, {guid(2)}, kTulips);
  brief.post.expires = kTestTime + 100;
  this->done(brief);
  PutPost later = uses(13, {guid(3)});
  later.post.time = kTestTime + 50;
  this->done(later);
  this->done(ExpirePosts{.before = kTestTime + 100, .now = kTestTime + 100});
  EXPECT_EQ(this->state(2), MediaState::deleted);
  EXPECT_EQ(this->state(1), MediaState::complete);
  this->done(ExpirePosts{.channel = kRoses, .before = kTestTime + 50, .now = kTestTime + 200});
  EXPECT_EQ(this->state(1), MediaState::deleted);
  EXPECT_EQ(this->state(3), MediaState::complete);
  this->clean(kTestTime + 300);
  EXPECT_EQ(this->backend_.blobs(), 1U);
  EXPECT_EQ(this->store().user_use("alice")->files, 1);
}

TYPED_TEST(MediaUsesOf, F49_F74_N14_FilesGoWithTheirChannel) {
  for (int i = 1; i <= 3; ++i) this->upload(i, "alice", "file " + std::to_string(i));
  this->done(uses(11, {guid(1)}));
  this->done(uses(12, {guid(2)}, kTulips));
  this->done(uses(13, {guid(3)}));
  this->done(uses(14, {guid(3)}, kTulips));
  this->done(DropChannel{.channel = kRoses, .time = kTestTime});
  this->clean();
  EXPECT_EQ(this->state(1), MediaState::deleted);
  EXPECT_EQ(this->state(2), MediaState::complete);
  EXPECT_EQ(this->state(3), MediaState::complete);
  EXPECT_EQ(this->backend_.blobs(), 2U);
  this->done(DropChannel{.channel = kTulips, .destroy = true, .time = kTestTime});
  this->shred({kTulips});
  EXPECT_EQ(this->state(2), MediaState::destroyed);
  EXPECT_EQ(this->state(3), MediaState::destroyed);
  EXPECT_EQ(this->backend_.blobs(), 0U) << "before the answer";
}

TYPED_TEST(MediaUsesOf, F48_N14_WhatAMessageUsesDoesNotAge) {
  this->upload(1, "alice", "used");
  this->upload(2, "alice", "waiting");
  this->upload(3, "alice", "unused");
  this->done(uses(11, {guid(1)}));
  PutMessage letter = message(12, "sealed", {"bob", "bob/phone"});
  letter.media = {guid(2)};
  this->done(letter);
  this->clean(kTestTime + 200'000);
  EXPECT_EQ(this->state(1), MediaState::complete);
  EXPECT_EQ(this->state(2), MediaState::complete);
  EXPECT_EQ(this->state(3), MediaState::deleted);
  this->backend_.reopen();
  this->done(AckInbox{"bob", 1});
  this->clean(kTestTime + 400'000);
  EXPECT_EQ(this->state(2), MediaState::complete) << "the phone has not fetched it";
  this->done(AckInbox{"bob/phone", 1});
  this->clean(kTestTime + 400'000);
  this->clean(kTestTime + 500'000);
  EXPECT_EQ(this->state(2), MediaState::complete) << "it is as old as its arrival";
  this->clean(kTestTime + 500'001);
  EXPECT_EQ(this->state(2), MediaState::deleted);
  EXPECT_EQ(this->state(1), MediaState::complete);
}

TYPED_TEST(MediaUsesOf, N14_AFileThatSomebodyWasSentOutlivesItsMessagesInChannels) {
  this->upload(1, "alice", "some bytes");
  PutMessage letter = message(12, "sealed", {"bob"});
  letter.media = {guid(1)};
  this->done(letter);
  this->done(uses(11, {guid(1)}));
  this->done(AckInbox{"bob", 1});
  this->clean();
  const auto out = this->done(act(11, PostAct::destroy));
  EXPECT_EQ(out.held, 1);
  EXPECT_FALSE(out.unfinished);
  EXPECT_EQ(this->state(1), MediaState::complete);
  this->clean(kTestTime + 100'001);
  EXPECT_EQ(this->state(1), MediaState::deleted) << "by age, as without messages";
}

TYPED_TEST(MediaUsesOf, N14_OnlyTheirAuthorsLettersHoldFiles) {
  this->upload(1, "carol", "some bytes");
  PutMessage letter = message(12, "sealed", {"bob"});  // of alice
  letter.media = {guid(1), guid(9)};
  this->done(letter);
  this->clean(kTestTime + 100'001);
  EXPECT_EQ(this->state(1), MediaState::deleted);
}

TYPED_TEST(MediaUsesOf, F74_N14_OnlyMessagesOfItsOwnerHoldAFileInChannels) {
  this->upload(1, "alice", "one");
  this->upload(2, "bob", "two");
  this->done(uses(11, {guid(1)}));
  this->done(uses(12, {guid(1), guid(2)}, kTulips, "bob"));
  this->done(uses(13, {}, kTulips, "bob"));
  this->done(edit(13, "alice's", {{guid(1)}}));
  EXPECT_THAT(this->store().media_channels(guid(1), 10).value(), ElementsAre(kRoses));
  this->done(ExpirePosts{.channel = kRoses, .before = kTestTime + 1, .now = kTestTime + 1});
  EXPECT_EQ(this->state(1), MediaState::deleted) << "whatever others have made of it";
  EXPECT_EQ(this->state(2), MediaState::complete);
  const auto out = this->done(act(12, PostAct::erase));
  EXPECT_EQ(out.freed, 1);
  EXPECT_EQ(out.held, 0);
  EXPECT_EQ(this->state(2), MediaState::deleted);
}

TYPED_TEST(MediaUsesOf, F70_TellsWhetherAMessageToAPersonHasNamedIt) {
  this->upload(1, "alice", "one");
  this->upload(2, "alice", "two");
  this->done(uses(11, {guid(1), guid(2)}));
  EXPECT_FALSE(this->store().media_sent(guid(1)).value());
  PutMessage letter = message(12, "sealed", {"bob"});  // of alice
  letter.media = {guid(1)};
  this->done(letter);
  EXPECT_TRUE(this->store().media_sent(guid(1)).value());
  EXPECT_FALSE(this->store().media_sent(guid(2)).value());
  this->done(AckInbox{"bob", 1});
  this->backend_.reopen();
  EXPECT_TRUE(this->store().media_sent(guid(1)).value()) << "also when it has arrived";
}

TYPED_TEST(MediaUsesOf, F48_N14_MessagesOfOthersDoNotKeepAFileYoung) {
  this->upload(1, "alice", "one");
  this->done(uses(12, {guid(1)}, kRoses, "bob"));
  this->clean(kTestTime + 100'001);
  EXPECT_EQ(this->state(1), MediaState::deleted);
}

TYPED_TEST(MediaUsesOf, N14_TheOwnerEndsAFileWhateverUsesIt) {
  this->upload(1, "alice", "some bytes");
  this->done(uses(11, {guid(1)}));
  EXPECT_FALSE(this->one(DropMedia{guid(1), "alice", MediaState::deleted, kTestTime}).refused);
  EXPECT_TRUE(this->store().media_channels(guid(1), 10)->empty());
  const auto out = this->done(act(11, PostAct::erase));
  EXPECT_EQ(out.freed + out.held, 0);
  this->clean();
  EXPECT_EQ(this->backend_.blobs(), 0U);
}

TYPED_TEST(MediaUsesOf, N14_WhatIsNotCompleteCannotBeUsed) {
  this->one(this->open(1, "alice", 10));
  this->done(uses(11, {guid(1), guid(2)}));
  EXPECT_TRUE(this->store().media_channels(guid(1), 10)->empty());
  this->one(PutPiece{guid(1), "alice", 0, "0123456789", kTestTime});
  ASSERT_FALSE(this->check(1, "0123456789").refused);
  EXPECT_EQ(this->done(act(11, PostAct::erase)).freed, 0);
  EXPECT_EQ(this->state(1), MediaState::complete);
}

/// Files in memory, and what they held when they were removed.
class NotedDisk final : public BlobDisk {
 public:
  Status write(std::int64_t id, std::int64_t offset, ByteView bytes) override {
    std::string& file = files[id];
    const auto at = static_cast<std::size_t>(offset);
    file.resize(std::max(file.size(), at + bytes.size()));
    file.replace(at, bytes.size(), as_text(bytes));
    return {};
  }
  Status sync() override { return {}; }
  Status read(std::int64_t id, std::int64_t offset, std::span<std::uint8_t> out) const override {
    const auto found = files.find(id);
    if (found == files.end()) return fail(Errc::not_found, "none");
    std::ranges::copy(found->second.substr(static_cast<std::size_t>(offset), out.size()),
                      out.begin());
    return {};
  }
  Status remove(std::int64_t id) override {
    if (files.contains(id)) removed.push_back(files.at(id));
    files.erase(id);
    return {};
  }
  Result<std::vector<std::int64_t>> list() const override { return std::vector<std::int64_t>{}; }

  std::map<std::int64_t, std::string> files;
  std::vector<std::string> removed;
};

class MediaUsesDisk : public MediaTest<OnDisk> {
 protected:
  void on(NotedDisk& disk) {
    backend_.options.blobs = &disk;
    backend_.reopen();
  }
};

TEST_F(MediaUsesDisk, N14_R20_BytesAreOverwrittenWhereTheMessageWasDestroyedAndNotBeforeItIsSo) {
  NotedDisk disk;
  on(disk);
  const std::string bytes = some_bytes(3 * kBlock);
  for (int i = 1; i <= 2; ++i) {
    upload(i, "alice", bytes + std::to_string(i));
    one(uses(10 + i, {guid(i)}));
  }
  // One batch: noise may not come before the intent is on the disk.
  const std::vector<Write> batch{act(11, PostAct::destroy), Shred{}};
  const auto out = store().commit(batch);
  ASSERT_TRUE(out);
  EXPECT_TRUE(out->at(0).unfinished);
  EXPECT_EQ(out->at(1).accepted, Accepted::stored);
  EXPECT_TRUE(disk.removed.empty());
  while (one(Shred{}).accepted == Accepted::stored) continue;
  ASSERT_EQ(disk.removed.size(), 1U);
  for (std::size_t at = 0; at < 3 * kBlock; at += kBlock / 4)
    EXPECT_NE(disk.removed[0].substr(at, 64), (bytes + "1").substr(at, 64)) << at;
  EXPECT_FALSE(one(act(11, PostAct::destroy)).unfinished) << "twice";
  EXPECT_FALSE(one(act(12, PostAct::erase)).unfinished);
  clean();
  ASSERT_EQ(disk.removed.size(), 2U);
  EXPECT_EQ(disk.removed[1], bytes + "2") << "DELETE only removes";
  backend_.opened.reset();  // before the disk goes
}

bool in_any_file(const std::string& folder, std::string_view needle) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (bytes.contains(needle)) return true;
  }
  return false;
}

constexpr std::string_view kCanary = "the canary sings in a file";

/// Bytes of all files of media.
std::uintmax_t file_bytes(const std::string& folder) {
  std::uintmax_t out = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/media"))
    out += entry.file_size();
  return out;
}

TEST_F(MediaUsesDisk, F49_F74_N14_R20_TheDiskIsFreeAfterRetentionDeleteAndDestroy) {
  const std::string& folder = backend_.folder.path();
  std::string bytes = some_bytes(5 * kBlock);
  bytes.replace(2 * kBlock + 7, kCanary.size(), kCanary);
  const auto put = [&](int number) {
    upload(number, "alice", bytes);
    one(uses(10 + number, {guid(number)}));
    ASSERT_EQ(file_bytes(folder), 5 * kBlock);
    ASSERT_TRUE(in_any_file(folder, kCanary));
  };
  put(1);
  one(ExpirePosts{.channel = kRoses, .before = kTestTime + 1, .now = kTestTime + 1});
  clean();
  EXPECT_EQ(file_bytes(folder), 0U) << "retention";
  put(2);
  one(act(12, PostAct::erase));
  clean();
  EXPECT_EQ(file_bytes(folder), 0U) << "DELETE";
  put(3);
  EXPECT_TRUE(one(act(13, PostAct::destroy)).unfinished);
  while (one(Shred{}).accepted == Accepted::stored) continue;
  EXPECT_EQ(file_bytes(folder), 0U) << "DESTROY, when it is answered";
  EXPECT_FALSE(in_any_file(folder, kCanary));
  put(4);
  one(DropChannel{.channel = kRoses, .destroy = true, .time = kTestTime});
  while (one(Shred{.channels = {kRoses}}).accepted == Accepted::stored) continue;
  EXPECT_EQ(file_bytes(folder), 0U) << "DESTROY of the channel";
  EXPECT_FALSE(in_any_file(folder, kCanary));
}

TEST_F(MediaUsesDisk, F74_N14_OneStepEndsNoMoreUsesThanItMay) {
  std::vector<Guid> many;
  for (int i = 1; i <= 50; ++i) {
    upload(i, "alice", "file " + std::to_string(i));
    many.push_back(guid(i));
  }
  const auto fill = [&](int from) {
    std::vector<Write> all;
    for (int i = 0; i < 60; ++i) all.emplace_back(uses(from + i, many));
    ASSERT_TRUE(store().commit(all));
  };
  fill(100);
  const ExpirePosts old{.channel = kRoses, .before = kTestTime + 1, .now = kTestTime + 1};
  const Written first = one(old);
  EXPECT_EQ(first.accepted, Accepted::stored);
  EXPECT_EQ(first.cursors, std::vector<Cursor>{40}) << "2,000 uses";
  EXPECT_EQ(one(old).cursors, std::vector<Cursor>{20});
  EXPECT_EQ(one(old).accepted, Accepted::repeated);
  EXPECT_EQ(media(50).state, MediaState::deleted);
}

TEST_F(MediaUsesDisk, F49_N14_OneStepOfADroppedChannelEndsNoMoreUsesThanItMay) {
  std::vector<Guid> many;
  for (int i = 1; i <= 50; ++i) {
    upload(i, "alice", "file " + std::to_string(i));
    many.push_back(guid(i));
  }
  std::vector<Write> all;
  for (int i = 100; i < 160; ++i) all.emplace_back(uses(i, many));
  ASSERT_TRUE(store().commit(all));
  one(DropChannel{.channel = kRoses, .destroy = true, .time = kTestTime});
  const Shred shred{.channels = {kRoses}};
  EXPECT_EQ(one(shred).accepted, Accepted::stored);
  EXPECT_EQ(media(50).state, MediaState::complete) << "2,000 uses of 3,000 have gone";
  EXPECT_EQ(one(shred).accepted, Accepted::stored);
  EXPECT_EQ(media(50).state, MediaState::destroyed);
  while (one(shred).accepted == Accepted::stored) continue;
  EXPECT_EQ(file_bytes(backend_.folder.path()), 0U);
}

TEST_F(MediaUsesDisk, N14_R20_WhatWentBeforeIsOffTheDiskWhenDestroyIsAnswered) {
  const std::string bytes = some_bytes(3 * kBlock);
  int number = 0;
  for (const PostAct first : {PostAct::take_back, PostAct::erase}) {
    ++number;
    upload(number, "alice", bytes + std::to_string(number));
    one(uses(10 + number, {guid(number)}));
    one(act(10 + number, first));
    ASSERT_GT(file_bytes(backend_.folder.path()), 0U);
    EXPECT_TRUE(one(act(10 + number, PostAct::destroy)).unfinished);
    while (one(Shred{}).accepted == Accepted::stored) continue;
    EXPECT_EQ(file_bytes(backend_.folder.path()), 0U);
  }
  upload(++number, "alice", bytes);
  one(uses(10 + number, {guid(number)}));
  one(DropChannel{.channel = kRoses, .time = kTestTime});
  ASSERT_TRUE(store().tidy(kTestTime, true));
  ASSERT_TRUE(store().tidy(kTestTime, true));
  while (one(Shred{.channels = {kRoses}}).accepted == Accepted::stored) continue;
  EXPECT_EQ(file_bytes(backend_.folder.path()), 0U) << "a channel, deleted first";
}

TEST_F(MediaUsesDisk, N14_R20_DestroyOfAMessageWithoutFilesWaitsForNobodysFiles) {
  upload(1, "alice", some_bytes(3 * kBlock));
  one(uses(11, {guid(1)}));
  one(uses(12, {}, kTulips, "bob"));
  EXPECT_TRUE(one(act(11, PostAct::destroy)).unfinished);
  EXPECT_FALSE(one(act(12, PostAct::destroy)).unfinished);
  EXPECT_TRUE(one(act(11, PostAct::destroy)).unfinished) << "a repetition waits as the first did";
  while (one(Shred{}).accepted == Accepted::stored) continue;
  EXPECT_FALSE(one(act(11, PostAct::destroy)).unfinished);
}

TEST_F(MediaUsesDisk, N14_R20_NoFileGoesBeforeItIsOnTheDiskThatItMay) {
  NotedDisk disk;
  on(disk);
  upload(1, "alice", "some bytes");
  one(uses(11, {guid(1)}));
  const std::vector<Write> batch{act(11, PostAct::erase), act(11, PostAct::destroy), Shred{}};
  const auto out = store().commit(batch);
  ASSERT_TRUE(out);
  EXPECT_TRUE(out->at(1).unfinished);
  EXPECT_EQ(out->at(2).accepted, Accepted::stored);
  EXPECT_TRUE(disk.removed.empty());
  while (one(Shred{}).accepted == Accepted::stored) continue;
  EXPECT_EQ(disk.removed.size(), 1U);
  backend_.opened.reset();  // before the disk goes
}

TEST(MediaUsesCrash, N14_R20_WhereverAKillStrikesTheFileGoesInTheEnd) {
  std::string bytes = some_bytes(3 * kBlock);
  bytes.replace(2 * kBlock + 7, kCanary.size(), kCanary);
  const std::vector<std::vector<Write>> ways{
      {act(11, PostAct::destroy), Shred{}, Shred{}},
      {act(11, PostAct::erase)},
      {ExpirePosts{.channel = kRoses, .before = kTestTime + 1, .now = kTestTime + 1}},
      {DropChannel{.channel = kRoses, .destroy = true, .time = kTestTime},
       Shred{.channels = {kRoses}}, Shred{.channels = {kRoses}}, Shred{.channels = {kRoses}}}};
  for (const auto& way : ways) {
    for (std::size_t steps = 1; steps <= way.size(); ++steps) {
      const TemporaryFolder folder;
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        auto store = SqliteStore::open(folder.path());
        if (!store) ::_exit(1);
        const auto size = static_cast<std::int64_t>(bytes.size());
        std::vector<Write> first{
            OpenMedia{.guid = guid(1), .owner = "alice", .size = size, .time = kTestTime},
            PutPiece{guid(1), "alice", 0, bytes, kTestTime},
            CheckMedia{guid(1), "alice", sha256(as_bytes(bytes)), kTestTime}};
        first.emplace_back(uses(11, {guid(1)}));
        if (!(*store)->commit(first)) ::_exit(1);
        for (std::size_t i = 0; i < steps; ++i) {
          if (!(*store)->commit(std::span(&way[i], 1))) ::_exit(1);
        }
        ::kill(::getpid(), SIGKILL);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFSIGNALED(status));
      auto store = SqliteStore::open(folder.path());
      ASSERT_TRUE(store) << to_string(store.error());
      while ((*store)->tidy(kTestTime + 1, true).value_or(false)) continue;
      const auto media = (*store)->media(guid(1));
      ASSERT_TRUE(media && *media);
      EXPECT_GT((*media)->state, MediaState::complete);
      EXPECT_EQ(file_bytes(folder.path()), 0U) << steps;
      EXPECT_FALSE(in_any_file(folder.path(), kCanary)) << steps;
    }
  }
}

TEST(MediaUsesFormat, N14_R21_OpensTheFormatBeforeUsesWithItsFilesAndMessages) {
  const TemporaryFolder folder;
  {
    auto store = SqliteStore::open(folder.path()).value();
    std::vector<Write> first{
        OpenMedia{.guid = guid(1), .owner = "alice", .size = 3, .time = kTestTime},
        PutPiece{guid(1), "alice", 0, "one", kTestTime},
        CheckMedia{guid(1), "alice", sha256(as_bytes(std::string_view("one"))), kTestTime}};
    first.emplace_back(uses(11, {}));
    ASSERT_TRUE(store->commit(first));
  }
  {
    auto vfs = CheckedVfs::make({});
    ASSERT_TRUE(vfs);
    Database db;
    ASSERT_TRUE(db.open(folder.path() + "/station.db", SQLITE_OPEN_READWRITE, (*vfs)->name()));
    ASSERT_TRUE(
        db.run("DROP TABLE prekey; DROP TABLE prekey_device; DROP TABLE media_use; DROP INDEX "
               "channel_dropped; CREATE INDEX channel_dropped ON "
               "channel(id) WHERE dropped = 1; PRAGMA user_version=8"));
  }
  auto store = SqliteStore::open(folder.path()).value();
  const auto one = [&](Write write) { return store->commit(std::span(&write, 1))->at(0); };
  EXPECT_EQ(one(act(11, PostAct::erase)).freed, 0) << "a message from before uses nothing";
  EXPECT_EQ((*store->media(guid(1)))->state, MediaState::complete);
  one(uses(12, {guid(1)}));
  EXPECT_EQ(one(act(12, PostAct::erase)).held, 1) << "nobody knows what else links to it";
  EXPECT_EQ((*store->media(guid(1)))->state, MediaState::complete);
}

}  // namespace
}  // namespace dim
