// A message as the store's log holds it: crc32c (4, little endian) over the rest; then row 8, time
// 8, GUID 16, length of author 4, length of type 4, author, type, content. Integers are little
// endian.
#pragma once
#include <cstdint>

#include "dim/base/bytes.h"
#include "dim/store/store.h"

namespace dim {

/// Replaces `out`.
void encode_record(std::int64_t row, const StoredMessage& message, Bytes& out);

/// Errc::internal when the bytes are not what encode_record wrote for `row`. The cursor is left 0.
Result<StoredMessage> decode_record(std::int64_t row, ByteView bytes);

}  // namespace dim
