#include "picture/answer.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

Bytes bytes_of(std::initializer_list<int> list) {
  Bytes out;
  for (const int one : list) out.push_back(static_cast<std::uint8_t>(one));
  return out;
}

/// The least that a decoder needs, 3 pixels wide and 2 high; nobody could decode it.
Bytes bare(const Bytes& more = {}) {
  Bytes out = bytes_of({0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 'J', 'F',  'I',  'F', 0, 1, 1,
                        0,    0,    1,    0,    1, 0,  0,   0xFF, 0xDB, 0,   4, 0, 1});
  out.insert(out.end(), more.begin(), more.end());
  const Bytes rest =
      bytes_of({0xFF, 0xC0, 0, 11, 8, 0,  2, 0,    3,    1, 1,    0x11, 0,    0xFF, 0xDA, 0,
                8,    1,    1, 0,  0, 63, 0, 0x55, 0xFF, 0, 0xAA, 0xFF, 0xD0, 0x12, 0xFF, 0xD9});
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

PictureAnswer answer() {
  return {.width = 640, .height = 480, .small_width = 3, .small_height = 2, .body = bare()};
}

TEST(PictureAnswer, WhatIsWrittenIsRead) {
  const auto read = read_picture_answer(write_picture_answer(answer()), PictureForm::jpeg);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->width, 640);
  EXPECT_EQ(read->height, 480);
  EXPECT_EQ(read->small_width, 3);
  EXPECT_EQ(read->body, bare());
  const PictureAnswer no{
      .refusal = PictureRefusal::too_many_pixels, .width = 100'000, .height = 100'000};
  const auto refused = read_picture_answer(write_picture_answer(no), PictureForm::jpeg);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->refusal, PictureRefusal::too_many_pixels);
  EXPECT_EQ(refused->width, 100'000);
  PictureAnswer pixels = answer();
  pixels.form = PictureForm::pixels;
  pixels.body = Bytes(18, 7);
  EXPECT_TRUE(read_picture_answer(write_picture_answer(pixels), PictureForm::pixels));
}

TEST(PictureAnswer, M07_NothingElseThanAnAnswerIsTaken) {
  const Bytes right = write_picture_answer(answer());
  for (std::size_t size = 0; size < right.size(); ++size)
    EXPECT_FALSE(read_picture_answer(ByteView(right).first(size), PictureForm::jpeg)) << size;
  Bytes longer = right;
  longer.push_back(0);
  EXPECT_FALSE(read_picture_answer(longer, PictureForm::jpeg));
  EXPECT_FALSE(read_picture_answer(right, PictureForm::pixels)) << "not what was asked for";
  for (const std::size_t at : {0U, 4U, 5U, 7U, 24U}) {
    Bytes other = right;
    other[at] = 0x7F;
    EXPECT_FALSE(read_picture_answer(other, PictureForm::jpeg)) << at;
  }
  const auto refused = [](auto change, PictureForm form = PictureForm::jpeg) {
    PictureAnswer one = answer();
    change(one);
    return !read_picture_answer(write_picture_answer(one), form);
  };
  EXPECT_TRUE(refused([](auto& one) { one.width = 0; }));
  EXPECT_TRUE(refused([](auto& one) { one.width = 2; })) << "smaller than what was made of it";
  EXPECT_TRUE(refused([](auto& one) { one.width = one.height = 100'000; }));
  EXPECT_TRUE(refused([](auto& one) { one.small_width = 321; }));
  EXPECT_TRUE(refused([](auto& one) { one.small_height = 3; })) << "not what its JPEG says";
  EXPECT_TRUE(refused([](auto& one) { one.refusal = PictureRefusal::damaged; })) << "with a body";
  EXPECT_TRUE(refused([](auto& one) { one.form = PictureForm::pixels; }, PictureForm::pixels))
      << "too few pixels";
}

TEST(PictureAnswer, F46_AJpegHasNoPlaceForMetadata) {
  EXPECT_TRUE(is_bare_jpeg(bare(), 3, 2));
  EXPECT_FALSE(is_bare_jpeg(bare(), 2, 3));
  const Bytes exif = bytes_of({0xFF, 0xE1, 0, 8, 'E', 'x', 'i', 'f', 0, 0});
  EXPECT_FALSE(is_bare_jpeg(bare(exif), 3, 2));
  EXPECT_FALSE(is_bare_jpeg(bare(bytes_of({0xFF, 0xFE, 0, 4, 'h', 'i'})), 3, 2)) << "a comment";
  Bytes behind = bare();
  behind.push_back(0);
  EXPECT_FALSE(is_bare_jpeg(behind, 3, 2));
  const Bytes right = bare();
  for (std::size_t size = 0; size < right.size(); ++size)
    EXPECT_FALSE(is_bare_jpeg(ByteView(right).first(size), 3, 2)) << size;
}

}  // namespace
}  // namespace dim
