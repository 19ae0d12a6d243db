// Letters of ASCII in one case, for comparing words of people; everything else stays as it is.
#pragma once
#include <string>
#include <string_view>

namespace dim {

constexpr char fold_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string fold_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = fold_ascii(c);
  return out;
}

}  // namespace dim
