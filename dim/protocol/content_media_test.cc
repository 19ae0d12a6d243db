#include "dim/protocol/content_media.h"

#include <gmock/gmock.h>

#include "dim/base/base64.h"
#include "dim/base/hex.h"
#include "testing/contents.h"

namespace dim {
namespace {

using namespace dim::testing;

FileParts uploaded(std::string_view name = "f.bin") {
  SealedFile file = seal_file(name, as_bytes("the bytes of a file"), os_random()).value();
  file.parts.url = "https://files.example.com/1";
  return file.parts;
}

void expect_same(const FileParts& out, const FileParts& in) {
  EXPECT_EQ(out.filename, in.filename);
  EXPECT_EQ(out.url, in.url);
  EXPECT_EQ(out.key, in.key);
  EXPECT_EQ(out.iv, in.iv);
  EXPECT_EQ(out.length, in.length);
  EXPECT_EQ(out.size, in.size);
  EXPECT_EQ(out.sha256, in.sha256);
  EXPECT_EQ(out.data.has_value(), in.data.has_value());
  if (out.data && in.data) {
    EXPECT_EQ(out.data->data, in.data->data);
  }
}

TEST(MediaContents, FilesGoThroughWithAllTheirParts) {
  const FileParts parts = uploaded();
  expect_same(round_trip(FileContent::make(parts, kNow, os_random())).file, parts);
  const auto wire = to_wire(encode_content(Content(FileContent::make(parts, kNow, os_random()))));
  EXPECT_EQ(*wire.find("password"), *wire.find("key")) << "the old name of the key";
}

TEST(MediaContents, PicturesVoiceAndMoviesHaveWhatIsTheirs) {
  const PortableFile small{
      .data = TransportableData{.data = Bytes(24, 7), .is_uri = true, .mime_type = "image/jpeg"}};
  const auto image = round_trip(ImageContent::make(uploaded("p.jpg"), small, kNow, os_random()));
  ASSERT_TRUE(image.thumbnail);
  EXPECT_EQ(image.thumbnail->data->data, small.data->data);
  const auto audio = round_trip(AudioContent::make(uploaded(), 3.5, "spoken", kNow, os_random()));
  EXPECT_EQ(audio.duration, 3.5);
  EXPECT_EQ(audio.text, "spoken");
  VideoContent movie = VideoContent::make(uploaded("m.mp4"), small, kNow, os_random());
  movie.title = "Movie";
  movie.duration = 60;
  const auto video = round_trip(movie);
  EXPECT_EQ(video.title, "Movie");
  EXPECT_EQ(video.duration, 60);
  ASSERT_TRUE(video.snapshot);
  EXPECT_EQ(video.snapshot->data->data, small.data->data);
}

TEST(MediaContents, EmbeddedBytesAreADataUriWithoutParameters) {
  const auto image = ImageContent::make(FileParts::embedded("i.jpg", Bytes(3, 1), "image/jpeg"),
                                        std::nullopt, kNow, os_random());
  const JsonObject wire = encode_content(Content(image));
  EXPECT_EQ(*wire.text("data"), "data:image/jpeg;base64,AQEB");
  EXPECT_EQ(*wire.text("filename"), "i.jpg");
  EXPECT_FALSE(wire.contains("key"));
  const auto file = FileContent::make(FileParts::embedded("f", Bytes(3, 1)), kNow, os_random());
  EXPECT_EQ(*encode_content(Content(file)).text("data"), "AQEB");
}

TEST(MediaContents, AUrlNeverGoesWithoutAKey) {
  const auto file = FileContent::make({.url = "https://e.example.com/f"}, kNow, os_random());
  ASSERT_TRUE(file.file.key);
  EXPECT_EQ(*file.file.key->text("algorithm"), "PLAIN");
}

TEST(MediaContents, AllFormsOfBinaryDataAreRead) {
  for (const std::string_view form :
       {R"("aGVsbG8=")", R"("base64,aGVsbG8=")", R"("hex,68656c6c6f")", R"("base58,Cn8eVZg")",
        R"("data:text/plain;base64,aGVsbG8=")",
        R"("data:image/jpeg;filename=i.jpg;base64,aGVsbG8=")",
        R"({"algorithm":"hex","data":"68656c6c6f"})",
        R"({"algorithm":"base58","data":"Cn8eVZg"})"}) {
    const auto content =
        decode_content(json(R"({"type":16,"sn":1,"data":)" + std::string(form) + "}"));
    ASSERT_TRUE(content) << form;
    EXPECT_EQ(as_text(content->as<FileContent>()->file.data->data), "hello") << form;
  }
}

TEST(MediaContents, ThumbnailsOf2021AreBareBase64) {
  const auto content = decode_content(json(R"({"type":18,"sn":1,"thumbnail":"aGVsbG8="})"));
  ASSERT_TRUE(content);
  ASSERT_TRUE(content->as<ImageContent>()->thumbnail);
  EXPECT_EQ(as_text(content->as<ImageContent>()->thumbnail->data->data), "hello");
}

TEST(MediaContents, RefusesPartsThatAreNone) {
  for (const std::string_view member :
       {R"("data":"***")", R"("IV":"AAAA")", R"("sha256":"AAAA")", R"("size":-1)", R"("size":1.5)",
        R"("length":"x")", R"("key":"x")", R"("filename":5)", R"("URL":[])",
        R"("key":{"algorithm":"AES"},"password":{"algorithm":"DES"})"}) {
    EXPECT_EQ(refusal(R"({"type":16,"sn":1,)" + std::string(member) + "}"), Errc::content)
        << member;
  }
  EXPECT_EQ(refusal(R"({"type":20,"sn":1,"duration":"long"})"), Errc::content);
}

TEST(MediaContents, A41_OpensOnlyTheBytesThatWereAnnounced) {
  const SealedFile file = seal_file("f", as_bytes("secret bytes"), os_random()).value();
  const auto opened = open_file(file.parts, file.cipher);
  ASSERT_TRUE(opened);
  EXPECT_EQ(as_text(opened->bytes.view()), "secret bytes");
  EXPECT_TRUE(opened->encrypted);
  EXPECT_TRUE(opened->proven);

  Bytes other = file.cipher;
  other[0] ^= 1;
  EXPECT_EQ(open_file(file.parts, other).error().code, Errc::decrypt);
  other = file.cipher;
  other.push_back(0);
  EXPECT_EQ(open_file(file.parts, other).error().code, Errc::decrypt);
  FileParts longer = file.parts;
  longer.size = *longer.size + 16;
  EXPECT_EQ(open_file(longer, file.cipher).error().code, Errc::decrypt);
}

TEST(MediaContents, A41_SaysWhetherAFileWasProvenAndEncrypted) {
  SealedFile file = seal_file("f", as_bytes("secret bytes"), os_random()).value();
  file.parts.sha256.reset();
  EXPECT_FALSE(open_file(file.parts, file.cipher)->proven) << "as reference peers send it";
  FileParts plain{.url = "https://e.example.com/f"};
  plain.key = json(R"({"algorithm":"PLAIN"})");
  const auto opened = open_file(plain, as_bytes("movie"));
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->encrypted);
  EXPECT_EQ(as_text(opened->bytes.view()), "movie");
  plain.key = json(R"({"algorithm":"DES","data":"AAAA"})");
  EXPECT_EQ(open_file(plain, as_bytes("movie")).error().code, Errc::key);
}

TEST(MediaContents, TheIvMayLieInTheContentOrInTheKey) {
  const SealedFile file = seal_file("f", as_bytes("secret bytes"), os_random()).value();
  FileParts parts = file.parts;
  parts.key->set("iv", to_base64(parts.iv));
  parts.iv.clear();
  const auto opened = open_file(parts, file.cipher);
  ASSERT_TRUE(opened);
  EXPECT_EQ(as_text(opened->bytes.view()), "secret bytes");
}

TEST(MediaContents, A40_OnlyPublicHttpsUrlsMayBeFetched) {
  for (const std::string_view good :
       {"https://example.com/f", "https://files.example.com:8443/a?b#c", "https://a.b"}) {
    EXPECT_TRUE(check_file_url(good)) << good;
  }
  for (const std::string_view bad : {"http://example.com/f",
                                     "file:///etc/passwd",
                                     "ftp://example.com/",
                                     "https://",
                                     "https:///x",
                                     "https://localhost/x",
                                     "https://127.0.0.1/",
                                     "https://0x7f.1/",
                                     "https://2130706433/",
                                     "https://[::1]/",
                                     "https://user@example.com/",
                                     "https://example.com\\@evil.com/",
                                     "https://example.com/a b",
                                     "https://example.com/\r\nX: y",
                                     "https://ex\xC3\xA4mple.com/",
                                     "https://example.com:port/",
                                     "https://a..b/",
                                     "https://.com/",
                                     "HTTPS://example.com/",
                                     "javascript:alert(1)",
                                     "data:text/html,x",
                                     ""}) {
    EXPECT_EQ(check_file_url(bad).error().code, Errc::bad_request) << bad;
  }
  EXPECT_FALSE(check_file_url("https://example.com/" + std::string(2 * limits::kKiB, 'x')));
}

}  // namespace
}  // namespace dim
