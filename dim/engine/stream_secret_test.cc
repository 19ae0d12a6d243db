#include "dim/engine/stream_secret.h"

#include <gtest/gtest.h>

#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

class StreamSecret : public ::testing::Test {
 protected:
  StreamSecret() {
    for (const Account* one : {&alice(), &bob()}) {
      EXPECT_TRUE(directory.learn_meta(one->id, one->meta));
      EXPECT_TRUE(directory.learn_document(one->id, one->visa.json(), kNow));
    }
  }
  std::string sealed() {
    return seal_stream_secret(stream, secret, bob().id, alice(), directory, kNow, os_random())
        .value();
  }

  Directory directory;
  Secret secret = Secret::copy_of(Bytes(kStreamSecret, 9));
  Guid stream = Guid::make(kNow, os_random());
};

TEST_F(StreamSecret, GoesToOnePersonWhoOpensIt) {
  const auto opened =
      open_stream_secret(sealed(), stream, alice().id, bob(), directory, kNow + 1'000);
  ASSERT_TRUE(opened) << to_string(opened.error());
  EXPECT_TRUE(equal_secret(opened->view(), secret.view()));
}

TEST_F(StreamSecret, IsOfOneStreamAndOneAuthor) {
  const Guid other = Guid::make(kNow, os_random());
  EXPECT_EQ(open_stream_secret(sealed(), other, alice().id, bob(), directory, kNow).error().code,
            Errc::content);
  EXPECT_EQ(open_stream_secret(sealed(), stream, bob().id, bob(), directory, kNow).error().code,
            Errc::signature);
  EXPECT_FALSE(open_stream_secret("{}", stream, alice().id, bob(), directory, kNow));
  SignedMessage changed = SignedMessage::parse(sealed()).value();
  changed.sealed.data[20] ^= 1;
  EXPECT_EQ(open_stream_secret(write_message(changed), stream, alice().id, bob(), directory, kNow)
                .error()
                .code,
            Errc::signature);
}

TEST_F(StreamSecret, InTheClearItIsSo) {
  const auto read = read_stream_secret(plain_stream_secret(secret));
  ASSERT_TRUE(read);
  EXPECT_TRUE(equal_secret(read->view(), secret.view()));
  for (const char* wrong : {"", "{}", R"({"secret":"AAAA"})", R"({"secret":7})", "[]"})
    EXPECT_FALSE(read_stream_secret(wrong)) << wrong;
}

TEST_F(StreamSecret, EachJoiningOfEachSenderHasAKeyOfItsOwn) {
  auto one = stream_key(secret, stream, alice().id, 7).value();
  const Bytes frame = one.seal(1, {}, Bytes(3, 1)).value();
  EXPECT_TRUE(stream_key(secret, stream, alice().id, 7)->open(frame, {}));
  EXPECT_FALSE(stream_key(secret, stream, bob().id, 7)->open(frame, {})) << "another sender";
  EXPECT_FALSE(stream_key(secret, stream, alice().id, 8)->open(frame, {})) << "another joining";
  const Guid other = Guid::make(kNow, os_random());
  EXPECT_FALSE(stream_key(secret, other, alice().id, 7)->open(frame, {})) << "another stream";
}

}  // namespace
}  // namespace dim
