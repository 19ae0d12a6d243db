// The part of DER (X.690) that keys are made of: read strictly, so that one key has one encoding.
#pragma once
#include <cstdint>
#include <initializer_list>

#include "dim/base/bytes.h"

namespace dim::der {

inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kNull = 0x05;
inline constexpr std::uint8_t kOid = 0x06;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kContext0 = 0xA0;  // [0], constructed
inline constexpr std::uint8_t kContext1 = 0xA1;

/// Walks over the elements of one level. The first fault (tag, length that is indefinite, not
/// minimal or too long) makes everything after it empty and done() false, so a structure is read in
/// one go and judged at the end.
class Reader {
 public:
  explicit Reader(ByteView der) : rest_(der) {}

  /// Contents of the next element, which must have this tag; borrows.
  ByteView next(std::uint8_t tag);
  /// Big-endian magnitude of a non-negative INTEGER without leading zeros: empty for 0.
  ByteView integer();
  /// BIT STRING of whole bytes.
  ByteView bits();
  /// True if the next element has this tag.
  bool has(std::uint8_t tag) const { return good_ && !rest_.empty() && rest_[0] == tag; }
  /// True when everything was read and nothing was wrong.
  bool done() const { return good_ && rest_.empty(); }

 private:
  ByteView failed();

  ByteView rest_;
  bool good_ = true;
};

/// One element: tag, length, then the parts one after another. For public data: nothing is wiped.
Bytes element(std::uint8_t tag, std::initializer_list<ByteView> parts);
/// INTEGER of a big-endian magnitude without leading zeros.
Bytes integer(ByteView magnitude);

}  // namespace dim::der
