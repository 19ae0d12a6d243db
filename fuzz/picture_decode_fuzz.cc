// Pictures as dim-picture looks at them, in this process and with fewer pixels: whatever comes, the
// answer is one that the client takes.
#include "fuzz/check.h"
#include "picture/decoder/decode.h"

using namespace dim;
using dim::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t kPixels = 1 << 18;
  for (const PictureForm form : {PictureForm::jpeg, PictureForm::pixels}) {
    const PictureAnswer answer = answer_picture({data, size}, form, {40, 24}, kPixels);
    must(read_picture_answer(write_picture_answer(answer), form).has_value());
  }
  return 0;
}
