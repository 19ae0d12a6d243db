// What describes a sealed file and ranges of it, and its chunks: what parses is written in a form
// that parses to the same; no chunk opens that was not sealed.
#include <cstdlib>
#include <string>

#include "client/post_files.h"
#include "dim/crypto/file_seal.h"
#include "dim/engine/media_link.h"
#include "dim/packet/packet.h"
#include "dim/packet/range.h"
#include "dim/protocol/content.h"
#include "dim/store/media.h"

namespace {

using namespace dim;

void check_link(const MediaLink& link) {
  const auto again = MediaLink::parse(link.text());
  // Escapes may make the written form longer than a URI may be.
  if (!again && again.error().code != Errc::uri_too_long) std::abort();
  if (again &&
      (again->guid != link.guid || again->size != link.size || again->sha256 != link.sha256))
    std::abort();
  const auto plain = plain_size(link.size);
  if (!plain || sealed_size(*plain) != link.size) std::abort();
}

/// What is read as text and files is written so that it is read as the same again.
void check_post(std::string_view content) {
  const PostText read = read_post_text(content);
  if (read.files.size() > 2 * kPostFiles) std::abort();
  for (const PostFile& file : read.files) {
    check_link(file.link);
    if (file.name().find('/') != std::string::npos || file.name().empty()) std::abort();
    if (file.preview && file.preview->size > kPreviewSealed) std::abort();
  }
  if (content.size() > 4'096) return;  // more than there may be stays in the text
  const PostText again = read_post_text(write_post_text(read.text, read.files));
  // Escapes may make a written link longer than a URI may be.
  if (again.files.size() == read.files.size() && !read.files.empty() &&
      again.words() != read.words())
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto range = ByteRange::parse(text)) {
    if (range->first < 0 || range->last < range->first) std::abort();
    if (ByteRange::parse(range->text()) != *range) std::abort();
  }
  Packet packet = Packet::response(205, "1");
  packet.set("missing", std::string(text));
  if (const auto items = packet.list("missing")) {
    if (const auto ranges = parse_ranges(*items); ranges && !ranges->empty()) {
      Packet again = Packet::response(205, "1");
      again.set("missing", ranges_text(*ranges));
      if (parse_ranges(*again.list("missing")) != *ranges) std::abort();
    }
  }
  if (const auto link = MediaLink::parse(text)) check_link(*link);
  check_post(text);
  if (media_named(text, "station@anywhere").size() > limits::kMediaOfMessage) std::abort();
  if (auto object = parse_json_object(text)) {
    if (const auto content = decode_content(std::move(*object))) {
      if (const auto* file = content->as<FileContent>()) {
        if (const auto link = MediaLink::from(file->file)) check_link(*link);
      }
    }
  }
  // The first bytes say which pieces are there, of how large an object.
  if (size >= 2) {
    const std::int64_t total = (data[0] * 256 + data[1]) * std::int64_t{1'000};
    Bytes have(data + 2, data + size);
    std::int64_t missing = 0;
    for (const ByteRange& one : missing_ranges(have, total, 1'000'000)) missing += one.size();
    if (missing > total || (missing == 0) != has_all_blocks(have, total)) std::abort();
  }
  auto seal = FileSeal::make(Secret::copy_of(Bytes(32, 1))).value();
  Bytes out;
  for (const bool last : {false, true}) {
    if (seal.open(static_cast<std::int64_t>(size % 7), last, ByteView(data, size), out)) {
      Bytes sealed;
      if (!seal.seal(static_cast<std::int64_t>(size % 7), last, out, sealed) ||
          to_text(sealed) != text)
        std::abort();
    } else if (!out.empty()) {
      std::abort();  // bytes that nothing has proven
    }
  }
  return 0;
}
