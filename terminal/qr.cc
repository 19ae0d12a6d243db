#include "terminal/qr.h"

#include <qrencode.h>

#include <memory>

namespace dim {

Result<std::string> qr_code(std::string_view text) {
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
      QRcode_encodeString8bit(std::string(text).c_str(), 0, QR_ECLEVEL_L), &QRcode_free);
  if (!code) return fail(Errc::too_large, "this text is too long for a QR code");
  constexpr int kQuiet = 2;
  const int width = code->width;
  // A terminal cell is about twice as high as wide: one cell shows two modules, upper and lower.
  const auto dark = [&](int x, int y) {
    return x >= 0 && y >= 0 && x < width && y < width && (code->data[y * width + x] & 1) != 0;
  };
  std::string out;
  for (int y = -kQuiet; y < width + kQuiet; y += 2) {
    for (int x = -kQuiet; x < width + kQuiet; ++x) {
      const bool upper_light = !dark(x, y);
      const bool lower_light = !dark(x, y + 1);
      out += upper_light ? (lower_light ? "█" : "▀") : (lower_light ? "▄" : " ");
    }
    out += '\n';
  }
  return out;
}

}  // namespace dim
