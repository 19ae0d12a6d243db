#include "picture/decoder/decode.h"

#include <gtest/gtest.h>
#include <turbojpeg.h>
#include <webp/encode.h>

#include <array>
#include <cstdlib>
#include <string>

#include "picture/picture_testing.h"

namespace dim {
namespace {

using namespace dim::testing;

constexpr Box kBox{kPreviewSide, kPreviewSide};

std::array<int, 3> pixel(const Pixels& pixels, int x, int y) {
  const auto at = static_cast<std::size_t>(y * pixels.width + x) * 3;
  return {pixels.rgb[at], pixels.rgb[at + 1], pixels.rgb[at + 2]};
}

void expect_colour(const Pixels& pixels, int x, int y, std::array<int, 3> wanted) {
  const auto is = pixel(pixels, x, y);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(is[i], wanted[i], 12) << x << "," << y;
}

constexpr std::array<int, 3> kRed{255, 0, 0}, kBlue{0, 0, 255}, kWhite{255, 255, 255};

/// The left half red, the right half blue.
Bytes halves(int width, int height) {
  Bytes out;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool left = x < width / 2;
      out.insert(out.end(), {std::uint8_t(left ? 255 : 0), 0, std::uint8_t(left ? 0 : 255)});
    }
  }
  return out;
}

/// `orientation`: as cameras write it, beside where the picture was taken.
std::string jpeg(int width, int height, int orientation = 0) {
  const Bytes pixels = halves(width, height);
  tjhandle handle = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(handle, pixels.data(), width, 0, height, TJPF_RGB, &bytes, &size,
                        TJSAMP_444, 95, 0),
            0);
  std::string out(reinterpret_cast<const char*>(bytes), size);
  tjFree(bytes);
  tjDestroy(handle);
  if (orientation == 0) return out;
  std::string exif("Exif\0\0MM\0\x2A\0\0\0\x08\0\x02", 16);
  exif += std::string("\x88\x25\0\x04\0\0\0\x01\0\0\0\x26", 12);  // where the GPS data lie
  exif += std::string("\x01\x12\0\x03\0\0\0\x01\0", 9) + static_cast<char>(orientation);
  exif += std::string("\0\0\0\0\0\0", 6) + "52.5200 N 13.4050 E";
  return out.substr(0, 2) + "\xFF\xE1" + big_endian(exif.size() + 2, 2) + exif + out.substr(2);
}

TEST(Decode, F46_PicturesOfEachKindBecomeSmall) {
  std::string webp;
  {
    const Bytes pixels = halves(640, 480);
    std::uint8_t* bytes = nullptr;
    const std::size_t size = WebPEncodeRGB(pixels.data(), 640, 480, 640 * 3, 90, &bytes);
    webp.assign(reinterpret_cast<const char*>(bytes), size);
    WebPFree(bytes);
  }
  for (const std::string& file : {png_picture(640, 480), jpeg(640, 480), webp}) {
    const auto decoded = decode_small(as_bytes(file), kBox);
    ASSERT_TRUE(decoded) << static_cast<int>(decoded.error().why);
    EXPECT_EQ(decoded->original.width, 640);
    EXPECT_EQ(decoded->original.height, 480);
    EXPECT_EQ(decoded->small.width, 320);
    EXPECT_EQ(decoded->small.height, 240);
    expect_colour(decoded->small, 20, 20, kRed);
    expect_colour(decoded->small, 300, 200, kBlue);
  }
  const auto gif = decode_small(as_bytes(gif_picture(4, 2, 3)), kBox);
  ASSERT_TRUE(gif);
  EXPECT_EQ(gif->small.width, 4);
  expect_colour(gif->small, 0, 0, kRed);
  expect_colour(gif->small, 1, 1, kWhite);
}

TEST(Decode, NoPictureGrowsAndNoSideVanishes) {
  const auto fits = [](Box picture, int width, int height) {
    const Box out = fit(picture, kBox);
    return out.width == width && out.height == height;
  };
  EXPECT_TRUE(fits({10, 20}, 10, 20));
  EXPECT_TRUE(fits({320, 320}, 320, 320));
  EXPECT_TRUE(fits({640, 480}, 320, 240));
  EXPECT_TRUE(fits({480, 640}, 240, 320));
  EXPECT_TRUE(fits({1, 60'000}, 1, 320));
  EXPECT_TRUE(fits({1'000'000, 60}, 320, 1));
  const auto thin = decode_small(as_bytes(png_picture(2'000, 1)), kBox);
  ASSERT_TRUE(thin);
  EXPECT_EQ(thin->small.rgb.size(), 320U * 3);
}

TEST(Decode, APictureIsTurnedAsItsCameraSays) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string file = jpeg(64, 32, orientation);
    EXPECT_EQ(orientation_of(as_bytes(file)), orientation);
    const auto decoded = decode_small(as_bytes(file), kBox);
    ASSERT_TRUE(decoded);
    const bool across = orientation >= 5;
    EXPECT_EQ(decoded->small.width, across ? 32 : 64);
    EXPECT_EQ(decoded->original.height, across ? 64 : 32);
    // Red was on the left; where is it now?
    const bool first = orientation == 1 || orientation == 4 || orientation == 5 || orientation == 6;
    const Pixels& small = decoded->small;
    expect_colour(small, 2, 2, first ? kRed : kBlue);
    expect_colour(small, small.width - 3, small.height - 3, first ? kBlue : kRed);
    const bool is_top_right_red = across ? first : !first;
    expect_colour(small, small.width - 3, 2, is_top_right_red ? kRed : kBlue);
  }
  EXPECT_EQ(orientation_of(as_bytes(jpeg(8, 8))), 1);
  const std::string file = jpeg(8, 8, 6);
  for (std::size_t size = 0; size < 60; ++size)
    (void)orientation_of(as_bytes(file).first(size));  // sanitisers tell
}

TEST(Decode, F46_NothingButThePictureGoesIntoAPreview) {
  for (const std::string& file :
       {jpeg(640, 480, 6),
        png_picture(640, 480, png_chunk("tEXt", std::string("Place\0Berlin", 12)))}) {
    const PictureAnswer answer = answer_picture(as_bytes(file), PictureForm::jpeg, kBox);
    ASSERT_EQ(answer.refusal, PictureRefusal::none);
    EXPECT_LE(answer.body.size(), kPreviewBytes);
    EXPECT_TRUE(is_bare_jpeg(answer.body, answer.small_width, answer.small_height));
    EXPECT_EQ(as_text(answer.body).find("Exif"), std::string_view::npos);
    EXPECT_EQ(as_text(answer.body).find("Berlin"), std::string_view::npos);
    EXPECT_TRUE(read_picture_answer(write_picture_answer(answer), PictureForm::jpeg));
  }
}

TEST(Decode, F46_APreviewIsSmallWhateverItShows) {
  // Noise: nothing of it can be left out.
  std::string rows;
  std::uint32_t seed = 1;
  for (int y = 0; y < 320; ++y) {
    rows += '\0';
    for (int x = 0; x < 320 * 3; ++x) {
      seed = seed * 1'664'525 + 1'013'904'223;
      rows += static_cast<char>(seed >> 24);
    }
  }
  const std::string file =
      png_head(320, 320) + png_chunk("IDAT", stored(rows)) + png_chunk("IEND", "");
  const auto decoded = decode_small(as_bytes(file), kBox);
  ASSERT_TRUE(decoded);
  for (const std::size_t most : {kPreviewBytes, std::size_t{4'000}, std::size_t{1'000}}) {
    const auto answer = encode_small(*decoded, most);
    ASSERT_TRUE(answer) << most;
    EXPECT_LE(answer->body.size(), most);
    EXPECT_TRUE(is_bare_jpeg(answer->body, answer->small_width, answer->small_height));
  }
  EXPECT_FALSE(encode_small(*decoded, 10)) << "not even one pixel";
}

PictureRefusal refusal(std::string_view file) {
  return answer_picture(as_bytes(file), PictureForm::pixels, kBox).refusal;
}

TEST(Decode, M07_SmallFilesThatClaimMuchAreRefused) {
  EXPECT_EQ(refusal(png_head(100'000, 100'000)), PictureRefusal::too_many_pixels);
  EXPECT_EQ(refusal(png_head(0x7FFFFFFF, 1)), PictureRefusal::too_many_pixels);
  EXPECT_EQ(refusal(png_head(0xFFFFFFFF, 0xFFFFFFFF)), PictureRefusal::too_many_pixels);
  EXPECT_EQ(refusal(png_head(0, 5)), PictureRefusal::damaged);
  EXPECT_EQ(refusal(webp_head(16'383, 16'383)), PictureRefusal::too_many_pixels);
  EXPECT_EQ(refusal(gif_picture(65'535, 65'535, 1)), PictureRefusal::too_many_pixels);
  EXPECT_EQ(refusal(gif_picture(1, 1, 1'000'000)), PictureRefusal::too_many_frames);
  EXPECT_EQ(refusal(gif_picture(1, 1, kPictureFrames)), PictureRefusal::none);
  std::string file = jpeg(16, 16);
  const std::size_t frame = file.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  file.replace(frame + 5, 4, "\xEA\x60\xEA\x60");  // 60,000: libjpeg takes 65,500 at most
  EXPECT_EQ(refusal(file), PictureRefusal::too_many_pixels);
}

TEST(Decode, M07_WhatIsCutOffIsRefusedAtEveryLength) {
  for (const std::string& whole : {png_picture(40, 30), jpeg(40, 30)}) {
    ASSERT_EQ(refusal(whole), PictureRefusal::none);
    for (std::size_t size = 0; size < whole.size(); size += 1 + size / 16)
      EXPECT_NE(refusal(std::string_view(whole).substr(0, size)), PictureRefusal::none) << size;
  }
  EXPECT_EQ(refusal(jpeg(40, 30).substr(0, 500)), PictureRefusal::damaged);
  EXPECT_EQ(refusal("<svg onload='x'>"), PictureRefusal::no_picture);
  EXPECT_EQ(refusal(""), PictureRefusal::no_picture);
}

TEST(Decode, M07_TextInAPngIsNeverUnpacked) {
  // 166 MB each, in 8 KiB; forty of them.
  const std::string bomb = png_chunk("zTXt", std::string("a\0\0", 3) + deflate_bomb(5'000));
  std::string many;
  for (int i = 0; i < 40; ++i) many += bomb;
  EXPECT_EQ(refusal(png_picture(40, 30, many)), PictureRefusal::none);
  // Pixels that go on and on are not asked for.
  const std::string endless =
      png_head(2, 1) + png_chunk("IDAT", deflate_bomb(100'000)) + png_chunk("IEND", "");
  const auto answer = answer_picture(as_bytes(endless), PictureForm::pixels, kBox);
  EXPECT_LE(answer.body.size(), 6U);
}

}  // namespace
}  // namespace dim
