#include "client/media_container.h"

#include <gtest/gtest.h>

#include <vector>

namespace dim {
namespace {

/// An Opus packet of 20 ms, CELT, one frame.
MediaPacket sound(std::uint64_t number, std::size_t bytes = 40) {
  MediaPacket out{.time = number * 20'000, .data = Bytes(bytes, static_cast<std::uint8_t>(number))};
  out.data[0] = 0xf8;
  return out;
}

/// A picture of VP8, 320 by 240.
MediaPacket picture(std::uint64_t number, bool key) {
  MediaPacket out{.time = number * 40'000, .key = key, .data = Bytes(3'000, 7)};
  out.data[0] = key ? 0x10 : 0x11;
  if (key) {
    const Bytes start{0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00};
    std::copy(start.begin(), start.end(), out.data.begin() + 3);
  }
  return out;
}

std::vector<MediaPacket> read_all(Container container, std::string_view bytes, std::size_t step) {
  const auto reader = make_reader(container);
  std::vector<MediaPacket> out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    reader->feed(bytes.substr(at, step));
    while (true) {
      auto next = reader->next();
      EXPECT_TRUE(next.has_value());
      if (!next || !*next) break;
      out.push_back(std::move(**next));
    }
  }
  return out;
}

std::string write_all(Container container, const std::vector<MediaPacket>& packets) {
  const auto writer = make_writer(container);
  std::string out;
  for (const MediaPacket& one : packets) out += writer->write(one);
  return out + writer->finish();
}

TEST(MediaContainer, WhatIsWrittenIsReadInAnySegmentation) {
  const std::vector<MediaPacket> sounds{sound(0), sound(1, 255), sound(2, 1'000), sound(3)};
  const std::vector<MediaPacket> pictures{picture(0, true), picture(1, false), picture(2, true)};
  for (const std::size_t step : {std::size_t{1}, std::size_t{100}, std::size_t{100'000}}) {
    EXPECT_EQ(read_all(Container::ogg, write_all(Container::ogg, sounds), step), sounds);
    EXPECT_EQ(read_all(Container::raw, write_all(Container::raw, sounds), step), sounds);
    EXPECT_EQ(read_all(Container::ivf, write_all(Container::ivf, pictures), step), pictures);
    EXPECT_EQ(read_all(Container::raw, write_all(Container::raw, pictures), step), pictures);
  }
}

TEST(MediaContainer, OggPagesAreThoseOfTheRfcs) {
  const std::string bytes = write_all(Container::ogg, {sound(0)});
  EXPECT_EQ(bytes.substr(0, 6), std::string("OggS\0\2", 6));
  EXPECT_EQ(bytes.substr(28, 8), "OpusHead");
  EXPECT_EQ(bytes.substr(28 + 19 + 28, 8), "OpusTags");
  // Its own checksum, of a page that other programs have written: an empty last page, serial 1.
  const std::string last = bytes.substr(bytes.rfind("OggS"));
  EXPECT_EQ(last.size(), 27U);
  EXPECT_EQ(static_cast<unsigned char>(last[5]), 4U) << "end of stream";
  EXPECT_EQ(static_cast<unsigned char>(last[6]) | static_cast<unsigned char>(last[7]) << 8, 960)
      << "samples up to there";
}

TEST(MediaContainer, ADamagedPageCostsNoMoreThanItself) {
  std::string bytes = write_all(Container::ogg, {sound(0), sound(1), sound(2)});
  const std::size_t second = bytes.find("OggS", bytes.find(std::string(30, '\1')) - 40);
  bytes[second + 40] = static_cast<char>(bytes[second + 40] ^ 1);
  const auto left = read_all(Container::ogg, bytes, 50);
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].data, sound(0).data);
  EXPECT_EQ(left[1].data, sound(2).data);
}

TEST(MediaContainer, WhatIsNoContainerIsSaid) {
  for (const Container container : {Container::ogg, Container::ivf}) {
    const auto reader = make_reader(container);
    reader->feed(std::string(100, 'x'));
    EXPECT_EQ(reader->next().error().code, Errc::bad_request);
  }
}

TEST(MediaContainer, APictureBeginsWithAKeyFrame) {
  EXPECT_EQ(make_writer(Container::ivf)->write(picture(0, false)), "");
  EXPECT_TRUE(is_key_picture(Bytes{0x10}, false));
  EXPECT_FALSE(is_key_picture(Bytes{0x11}, false));
  EXPECT_TRUE(is_key_picture(Bytes{0x82}, true));
  EXPECT_FALSE(is_key_picture(Bytes{0x86}, true));
  EXPECT_FALSE(is_key_picture(Bytes{0x88}, true)) << "shows one that was there";
  EXPECT_FALSE(is_key_picture({}, true));
}

TEST(MediaContainer, OpusSaysHowLongItIs) {
  EXPECT_EQ(opus_samples(Bytes{0xf8}), 960U);
  EXPECT_EQ(opus_samples(Bytes{0x08}), 960U) << "SILK";
  EXPECT_EQ(opus_samples(Bytes{0xf9}), 1'920U) << "two frames";
  EXPECT_EQ(opus_samples(Bytes{0xfb, 3}), 2'880U);
  EXPECT_EQ(opus_samples(Bytes{0xfb, 63}), 0U) << "more than 120 ms";
  EXPECT_EQ(opus_samples({}), 0U);
}

}  // namespace
}  // namespace dim
