#include "client/pictures.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "picture/answer.h"
#include "picture/picture_testing.h"

namespace dim {
namespace {

using namespace dim::testing;
using ::testing::HasSubstr;

std::string program() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "dim-picture").string();
}

/// Whether this system lets a program give up its rights. Where it does not, as in some containers,
/// nothing is looked at, and that is said.
bool looks_at_pictures() {
  EXPECT_TRUE(std::filesystem::exists(program())) << program();
  const auto tried = PictureProgram().preview(as_bytes(png_picture(8, 8)));
  if (tried || tried.error().code != Errc::not_implemented) return true;
  EXPECT_THAT(std::string(tried.error().hint),
              HasSubstr("does not let dim-picture give up its rights"));
  return false;
}

TEST(Pictures, F46_APictureGetsAPreviewThatCanBeShown) {
  if (!looks_at_pictures()) return;
  const PictureProgram pictures;
  const auto preview = pictures.preview(as_bytes(png_picture(640, 480)));
  ASSERT_TRUE(preview) << preview.error().hint;
  EXPECT_EQ(preview->width, 640);
  EXPECT_EQ(preview->height, 480);
  EXPECT_LE(preview->jpeg.size(), kPreviewBytes);
  EXPECT_TRUE(is_bare_jpeg(preview->jpeg, 320, 240));
  const auto pixels = pictures.pixels(preview->jpeg, 40, 24);
  ASSERT_TRUE(pixels) << pixels.error().hint;
  EXPECT_EQ(pixels->width, 32);
  EXPECT_EQ(pixels->height, 24);
  ASSERT_EQ(pixels->rgb.size(), 32U * 24 * 3);
  EXPECT_GT(pixels->rgb[0], 200) << "red on the left";
  EXPECT_GT(pixels->rgb[32 * 3 - 1], 200) << "blue on the right";
}

TEST(Pictures, M07_HostilePicturesGetAReasonAndThisProgramLives) {
  if (!looks_at_pictures()) return;
  const PictureProgram pictures;
  const auto why = [&](const std::string& file) {
    const auto preview = pictures.preview(as_bytes(file));
    const auto pixels = pictures.pixels(as_bytes(file), 40, 24);
    EXPECT_FALSE(preview);
    EXPECT_FALSE(pixels);
    return preview ? std::string() : std::string(preview.error().hint);
  };
  EXPECT_THAT(why(png_head(100'000, 100'000)), HasSubstr("64 million pixels"));
  EXPECT_THAT(why(webp_head(16'383, 16'383)), HasSubstr("64 million pixels"));
  EXPECT_THAT(why(gif_picture(1, 1, 1'000'000)), HasSubstr("10,000 pictures"));
  const auto whole = pictures.preview(as_bytes(png_picture(64, 64)));
  ASSERT_TRUE(whole);
  const std::string jpeg = to_text(whole->jpeg);
  EXPECT_THAT(why(jpeg.substr(0, jpeg.size() - 20)), HasSubstr("cut off or damaged"));
  const auto large = pictures.pixels(as_bytes(png_head(3'000, 3'000)), 40, 24);
  ASSERT_FALSE(large);
  EXPECT_THAT(std::string(large.error().hint), HasSubstr("4 million pixels"));
  EXPECT_THAT(why(webp_head(100, 100)), HasSubstr("cut off or damaged"));
  EXPECT_THAT(why("#!/bin/sh\n"), HasSubstr("no PNG, JPEG, GIF or WebP"));
  const std::string bomb = png_chunk("zTXt", std::string("a\0\0", 3) + deflate_bomb(5'000));
  EXPECT_TRUE(pictures.preview(as_bytes(png_picture(8, 8, bomb)))) << "it is never unpacked";
}

TEST(Pictures, WithoutTheProgramThereIsAReasonAndNoPreview) {
  const Bytes picture = to_bytes(png_picture(8, 8));
  for (const char* path : {"/nowhere/dim-picture", "/bin/true", "/bin/false", "/bin/cat"}) {
    const auto preview = PictureProgram(path).preview(picture);
    ASSERT_FALSE(preview) << path;
    EXPECT_THAT(std::string(preview.error().hint), HasSubstr("no preview")) << path;
  }
  EXPECT_EQ(PictureProgram("/nowhere/dim-picture").preview(picture).error().code,
            Errc::not_implemented);
  EXPECT_EQ(PictureProgram().preview({}).error().code, Errc::too_large);
  EXPECT_EQ(PictureProgram().preview_of("/nowhere/a.png").error().code, Errc::io);
}

/// dim-picture as it waits for a picture that never comes.
class Waiting {
 public:
  Waiting() {
    std::array<int, 2> in{}, out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::string path = program(), form = "jpeg", size = "1000";
    std::array<char*, 4> words{path.data(), form.data(), size.data(), nullptr};
    ::posix_spawn(&process, path.c_str(), &actions, nullptr, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    ends_ = {in[1], out[0]};
  }
  ~Waiting() {
    if (process > 0) {
      ::kill(process, SIGKILL);
      ::waitpid(process, nullptr, 0);
    }
    for (const int end : ends_) ::close(end);
  }
  std::string told(const std::string& file) const {
    std::stringstream out;
    out << std::ifstream("/proc/" + std::to_string(process) + "/" + file).rdbuf();
    return out.str();
  }
  pid_t process = -1;

 private:
  std::array<int, 2> ends_{-1, -1};
};

TEST(Pictures, A41_WhatDecodesHasNothingButTwoPipes) {
  if (!looks_at_pictures()) return;
  const Waiting child;
  ASSERT_GT(child.process, 0);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::string status;
  while (status.find("Seccomp:\t2") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), until) << status;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    status = child.told("status");
  }
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  const auto limits = child.told("limits");
  EXPECT_THAT(limits, ::testing::ContainsRegex("Max open files +0 +0"));
  EXPECT_THAT(limits, ::testing::ContainsRegex("Max file size +0 +0"));
  EXPECT_THAT(limits, ::testing::ContainsRegex("Max cpu time +10 +10"));
  EXPECT_THAT(limits, ::testing::ContainsRegex("Max core file size +0 +0"));
#ifndef __clang__  // builds with sanitisers, which take terabytes of addresses
  EXPECT_THAT(limits, ::testing::ContainsRegex("Max address space +805306368 +805306368"));
#endif
  const std::filesystem::path files = "/proc/" + std::to_string(child.process) + "/fd";
  for (const auto& file : std::filesystem::directory_iterator(files)) {
    EXPECT_THAT(file.path().filename().string(), ::testing::AnyOf("0", "1"));
    EXPECT_THAT(std::filesystem::read_symlink(file).string(), HasSubstr("pipe:"));
  }
}

TEST(Pictures, ASizeIsTheSendersWordAndAPreviewIsOneInPlace) {
  const auto content = [](std::string_view json) {
    return decode_content(parse_json_object(json).value()).value();
  };
  const Content image = content(
      R"({"type":18,"sn":1,"filename":"a.png","data":"AAEC","width":640,"height":480,"thumbnail":"data:image/jpeg;base64,/9j/4AAQ"})");
  EXPECT_EQ(size_in(*image.as<ImageContent>()), (PictureSize{640, 480}));
  ASSERT_NE(preview_in(image), nullptr);
  EXPECT_EQ(preview_in(image)->data.size(), 6U);
  for (const std::string_view odd :
       {R"({"type":18,"sn":1,"width":640})", R"({"type":18,"sn":1,"width":-1,"height":5})",
        R"({"type":18,"sn":1,"width":"640","height":"480"})",
        R"({"type":18,"sn":1,"width":99999999999,"height":1})"})
    EXPECT_FALSE(size_in(*content(odd).as<ImageContent>())) << odd;
  EXPECT_EQ(preview_in(content(R"({"type":18,"sn":1,"thumbnail":"https://files.example/t"})")),
            nullptr);
  EXPECT_EQ(preview_in(content(R"({"type":1,"sn":1,"text":"hello"})")), nullptr);
}

}  // namespace
}  // namespace dim
