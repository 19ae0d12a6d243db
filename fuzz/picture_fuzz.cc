// What dim-picture answers, as the client that has started it reads it: the program has looked at a
// hostile picture, so it may say anything.
#include "fuzz/check.h"
#include "picture/answer.h"

using namespace dim;
using dim::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const PictureForm form : {PictureForm::jpeg, PictureForm::pixels}) {
    const auto answer = read_picture_answer({data, size}, form);
    if (!answer) continue;
    const Bytes again = write_picture_answer(*answer);
    must(again == Bytes(data, data + size));
    if (answer->refusal != PictureRefusal::none) {
      must(answer->body.empty());
      continue;
    }
    must(answer->small_width <= kPreviewSide && answer->small_height <= kPreviewSide);
    must(answer->small_width <= answer->width && answer->small_height <= answer->height);
    must(form == PictureForm::jpeg
             ? is_bare_jpeg(answer->body, answer->small_width, answer->small_height)
             : answer->body.size() == 3UL * static_cast<std::size_t>(answer->small_width) *
                                          static_cast<std::size_t>(answer->small_height));
  }
  return 0;
}
