#include "dim/engine/signer.h"

#include "dim/engine/device_link.h"
#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

TEST(Signer, A13_IsToldByTheKey) {
  const auto key = PrivateKey::generate_rsa().value();
  const auto request = DeviceRequest::parse(*DeviceRequest::make("laptop", key)).value();
  const Document visa = visa_for(alice(), request, nullptr, kNow).value();
  const Account laptop = linked_account({alice().id, alice().meta, visa, ""}, key).value();
  Directory known = directory_of({&alice(), &bob()});
  const auto by = [&](const Account& from) {
    return seal(message_of(from, bob().id, text_content()), from, known, {}, os_random()).value();
  };
  const SignedMessage of_laptop = by(laptop), of_phone = by(alice());
  EXPECT_EQ(linked_signer(of_laptop, known, kNow), std::nullopt) << "nobody has told of it";
  ASSERT_TRUE(known.learn_document(alice().id, visa.json(), kNow));
  EXPECT_EQ(linked_signer(of_laptop, known, kNow), sha256(key.public_key().data()));
  EXPECT_EQ(linked_signer(of_phone, known, kNow), std::nullopt);
  EXPECT_EQ(linked_signer(of_laptop, Directory(), kNow), std::nullopt);
  ASSERT_TRUE(
      known.learn_document(alice().id, visa_without(alice(), visa, kNow + 1)->json(), kNow + 1));
  EXPECT_EQ(linked_signer(of_laptop, known, kNow + 1), std::nullopt) << "it is no device any more";
}

}  // namespace
}  // namespace dim
