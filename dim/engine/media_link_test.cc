#include "dim/engine/media_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dim/base/base64.h"
#include "dim/crypto/file_seal.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/account.h"

namespace dim {
namespace {

const std::string& station() {
  static OsRandom random;
  static const std::string id =
      Account::make_station("station", {}, 1'790'000'000'000, random).value().id.text();
  return id;
}

MediaLink some_link() {
  MediaLink out{.guid = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4"),
                .station = station(),
                .size = sealed_size(1'000'000),
                .name = "spring; holidays?.jpg"};
  out.sha256.fill(7);
  out.key = Secret::copy_of(Bytes(32, 9));
  return out;
}

void expect_same(const MediaLink& one, const MediaLink& other) {
  EXPECT_EQ(one.guid, other.guid);
  EXPECT_EQ(one.station, other.station);
  EXPECT_EQ(one.size, other.size);
  EXPECT_EQ(one.sha256, other.sha256);
  EXPECT_TRUE(equal_secret(one.key.view(), other.key.view()));
  EXPECT_EQ(one.name, other.name);
}

TEST(MediaLink, ReadsWhatItWrites) {
  const MediaLink link = some_link();
  const auto again = MediaLink::parse(link.text());
  ASSERT_TRUE(again) << to_string(again.error()) << link.text();
  expect_same(*again, link);
  const auto parts = MediaLink::from(link.parts());
  ASSERT_TRUE(parts) << to_string(parts.error());
  expect_same(*parts, link);
  EXPECT_EQ(link.parts().length, 1'000'000);
}

TEST(MediaLink, TheUrlOfAContentHoldsNoKey) {
  const FileParts parts = some_link().parts();
  EXPECT_EQ(parts.url,
            "dim:object:018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4?type=media;station=" + station() + ";");
  EXPECT_FALSE(parts.url.contains(to_base64url(Bytes(32, 9))));
}

TEST(MediaLink, RefusesWhatIsIncompleteOrWrong) {
  const std::string text = some_link().text();
  const auto without = [&](std::string_view key) {
    const std::size_t begin = text.find(std::string(key) + "=");
    return text.substr(0, begin) + text.substr(text.find(';', begin) + 1);
  };
  for (const std::string_view key : {"type", "station", "size", "sha256", "key"}) {
    const auto link = MediaLink::parse(without(key));
    ASSERT_FALSE(link) << key;
    EXPECT_EQ(link.error().code, Errc::usage) << key;
  }
  EXPECT_TRUE(MediaLink::parse(without("name")));
  for (const char* bad : {"", "dim:user:0x95E6F72fB194200e95b60332E8142DDF41C7c333",
                          "https://example.org/x", "dim:object:42?type=media;"})
    EXPECT_FALSE(MediaLink::parse(bad)) << bad;

  FileParts parts = some_link().parts();
  parts.url = "https://example.org/file";
  EXPECT_EQ(MediaLink::from(parts).error().code, Errc::not_found);
  parts = some_link().parts();
  parts.key->set("algorithm", "AES");
  EXPECT_EQ(MediaLink::from(parts).error().code, Errc::content);
  parts = some_link().parts();
  parts.sha256.reset();
  EXPECT_EQ(MediaLink::from(parts).error().code, Errc::content);
  parts = some_link().parts();
  parts.size = 15;
  EXPECT_EQ(MediaLink::from(parts).error().code, Errc::content) << "less than a tag";
  parts = some_link().parts();
  parts.key->set("data", to_base64(Bytes(16, 1)));
  EXPECT_EQ(MediaLink::from(parts).error().code, Errc::content);
  parts.key.reset();
  EXPECT_EQ(MediaLink::from(parts).error().code, Errc::content);
}

TEST(MediaLink, N14_ATextNamesTheFilesOfItsOwnStation) {
  const MediaLink link = some_link();
  MediaLink other = some_link();
  other.guid = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5");
  const std::string text = "Look (" + link.text() + "), and " + other.text() + ".\n" + link.text();
  EXPECT_THAT(media_named(text, link.station), testing::ElementsAre(link.guid, other.guid));
  EXPECT_THAT(media_named(text, "another"), testing::IsEmpty());
  JsonObject content;
  content.set("URL", link.parts().url);
  content.set("text", "a line\n" + other.text() + "\nanother");
  EXPECT_THAT(media_named(write_json(content), link.station),
              testing::ElementsAre(link.guid, other.guid));
  for (const char* none : {"", "dim:object:", "dim:object:018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4",
                           "dim:object:018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4?type=media;",
                           "dim:object:42?type=media;station=x;"})
    EXPECT_THAT(media_named(none, link.station), testing::IsEmpty()) << none;
  EXPECT_EQ(media_list({}), "none");
  EXPECT_EQ(media_list({link.guid, other.guid}),
            "[" + link.guid.text() + ", " + other.guid.text() + "]");
}

TEST(MediaLink, N14_ATextNamesNoMoreFilesThanAMessageMayUse) {
  MediaLink link = some_link();
  std::string text;
  OsRandom random;
  for (int i = 0; i < 150; ++i) {
    link.guid = Guid::make(1'790'000'000'000, random);
    text += link.text() + " ";
  }
  EXPECT_EQ(media_named(text, link.station).size(), 100U);
}

}  // namespace
}  // namespace dim
