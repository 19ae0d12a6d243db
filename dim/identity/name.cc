#include "dim/identity/name.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>

#include <array>
#include <set>

#include "dim/base/utf8.h"

namespace dim {
namespace {

constexpr std::size_t kNameBytes = 64;

// True when both NFC and NFKC leave `name` as it is. `name` is valid UTF-8 of at most kNameBytes
// bytes.
bool is_normal(std::string_view name) {
  std::array<UChar, kNameBytes> text{};
  std::int32_t length = 0;
  UErrorCode error = U_ZERO_ERROR;
  u_strFromUTF8(text.data(), static_cast<std::int32_t>(text.size()), &length, name.data(),
                static_cast<std::int32_t>(name.size()), &error);
  if (U_FAILURE(error)) return false;
  // Whatever NFKC leaves alone is NFC, too: its decompositions include the canonical ones.
  const UNormalizer2* nfkc = unorm2_getNFKCInstance(&error);
  if (U_FAILURE(error)) return false;
  const bool normal = unorm2_isNormalized(nfkc, text.data(), length, &error) != 0;
  return U_SUCCESS(error) && normal;
}

bool may_stand_in_name(char32_t c) {
  if (c == U'@' || c == U'/') return false;
  if (is_control(c) || is_invisible(c)) return false;
  const auto point = static_cast<UChar32>(c);
  if (u_isUWhiteSpace(point) != 0) return false;
  if (u_hasBinaryProperty(point, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0) return false;
  switch (u_charType(point)) {
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_SURROGATE:
    case U_PRIVATE_USE_CHAR:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR:
      return false;
    default:
      return true;
  }
}

}  // namespace

Status check_name(std::string_view name) {
  if (name.empty())
    return fail(Errc::id, "the name before @ is empty; write 1 to 64 bytes or leave the @ out");
  if (name.size() > kNameBytes) return fail(Errc::id, "the name is longer than 64 bytes");
  if (!valid_utf8(name)) return fail(Errc::id, "the name is not UTF-8");
  for (std::size_t offset = 0; offset < name.size();) {
    const std::size_t at = offset;
    if (!may_stand_in_name(next_code_point(name, offset))) {
      return fail(Errc::id,
                  "a name has no control, white space or invisible characters, no @ and no /", at);
    }
  }
  if (!is_normal(name))
    return fail(Errc::id,
                "the name is not in normal form; write it in NFC, without full-width forms");
  return {};
}

bool mixed_scripts(std::string_view name) {
  if (!valid_utf8(name)) return false;
  std::set<UScriptCode> scripts;
  for (std::size_t offset = 0; offset < name.size();) {
    UErrorCode error = U_ZERO_ERROR;
    const UScriptCode script =
        uscript_getScript(static_cast<UChar32>(next_code_point(name, offset)), &error);
    if (U_SUCCESS(error) && script != USCRIPT_COMMON && script != USCRIPT_INHERITED)
      scripts.insert(script);
  }
  const auto only = [&](std::initializer_list<UScriptCode> family) {
    std::size_t members = 0;
    for (const UScriptCode script : family) members += scripts.count(script);
    return members == scripts.size();
  };
  return scripts.size() > 1 &&
         !only({USCRIPT_HAN, USCRIPT_HIRAGANA, USCRIPT_KATAKANA, USCRIPT_LATIN}) &&
         !only({USCRIPT_HAN, USCRIPT_HANGUL, USCRIPT_LATIN}) &&
         !only({USCRIPT_HAN, USCRIPT_BOPOMOFO, USCRIPT_LATIN});
}

}  // namespace dim
