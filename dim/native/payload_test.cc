#include "dim/native/payload.h"

#include <gtest/gtest.h>

#include "dim/crypto/xchacha.h"
#include "dim/native/kdf.h"
#include "dim/native/native_testing.h"

namespace dim::native {
namespace {

using testing::CountedRandom;

TEST(Payload, OpensWithItsNoteUnderItsEnvelope) {
  CountedRandom random(1);
  for (const std::size_t size : {0U, 1U, 100U, 100'000U}) {
    const Bytes text(size, 7);
    const auto sealed = seal_payload(text, as_bytes("envelope"), random);
    EXPECT_EQ(sealed.data.size(), size + 33 + 16);
    EXPECT_EQ(sealed.note.size(), 64U);
    const auto opened = open_payload(sealed.data, sealed.note, as_bytes("envelope"));
    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_EQ(Bytes(opened->view().begin(), opened->view().end()), text);
  }
}

TEST(Payload, J32_NothingElseOpens) {
  CountedRandom random(2);
  const auto sealed = seal_payload(as_bytes("text"), as_bytes("envelope"), random);
  const auto refused = [](ByteView data, const Secret& note, std::string_view ad) {
    const auto out = open_payload(data, note, as_bytes(ad));
    return !out && out.error().code == Errc::native;
  };
  EXPECT_FALSE(refused(sealed.data, sealed.note, "envelope"));
  EXPECT_TRUE(refused(sealed.data, sealed.note, "another"));
  /// The digest in the note is made to fit, so that what is behind it has to refuse.
  const auto noted = [&](ByteView data) {
    Secret note = sealed.note.clone();
    std::ranges::copy(sha256(data), note.writable().begin() + 32);
    return note;
  };
  for (std::size_t i = 0; i < sealed.data.size(); ++i) {
    Bytes wrong = sealed.data;
    wrong[i] ^= 4;
    EXPECT_TRUE(refused(wrong, sealed.note, "envelope")) << i;
    EXPECT_TRUE(refused(wrong, noted(wrong), "envelope")) << i;
    wrong = sealed.data;
    wrong.resize(i);
    EXPECT_TRUE(refused(wrong, noted(wrong), "envelope")) << i;
  }
  for (std::size_t i = 0; i < 64; ++i) {
    Secret wrong = sealed.note.clone();
    wrong.writable()[i] ^= 1;
    EXPECT_TRUE(refused(sealed.data, wrong, "envelope")) << i;
  }
  EXPECT_TRUE(refused(sealed.data, Secret::copy_of(sealed.note.view().first(63)), "envelope"));
  // A wrong commitment under a right tag: a cipher text that could open under two keys.
  const MessageKeys keys(Secret::copy_of(sealed.note.view().first(32)), {}, "dim/2023 n1 payload");
  Bytes data(sealed.data.begin(), sealed.data.begin() + 33);
  data[1] ^= 1;
  Bytes associated = data;
  append_field(associated, as_bytes("envelope"));
  const Bytes text = xchacha_seal(keys.key(), keys.nonce(), associated, as_bytes("text"));
  data.insert(data.end(), text.begin(), text.end());
  EXPECT_TRUE(refused(data, noted(data), "envelope"));
  // One key for one message.
  const auto again = seal_payload(as_bytes("text"), as_bytes("envelope"), random);
  EXPECT_NE(again.data, sealed.data);
  EXPECT_TRUE(refused(again.data, sealed.note, "envelope"));
}

}  // namespace
}  // namespace dim::native
